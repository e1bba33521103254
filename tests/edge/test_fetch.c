#include "edge/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/clock.h"
#include "lib/test.h"

static struct err err;

/* --- addresses and answers as texts ------------------------------------------------------------- */

static void addresses(void **state)
{
	static const struct {
		const char *url, *host, *target;
		uint16_t port;
	} good[] = {
		{ "http://ca.example", "ca.example", "", 80 },
		{ "HTTP://ca.example/", "ca.example", "/", 80 },
		{ "http://ca.example:8080/a/b.crl?c=d", "ca.example", "/a/b.crl?c=d", 8080 },
		{ "http://192.0.2.1:/x", "192.0.2.1", "/x", 80 },
		{ "http://[2001:db8::1]/x", "2001:db8::1", "/x", 80 },
		{ "http://[2001:db8::1]:81", "2001:db8::1", "", 81 },
		{ "http://ca.example?q", "ca.example", "?q", 80 },
		{ "http://ca.example/a@b:c", "ca.example", "/a@b:c", 80 },
	};
	static const char *const bad[] = { "", "http://", "https://ca.example/",
		"ldap://ca.example/", "http:///x", "http://user@ca.example/",
		"http://user:pw@ca.example/", "http://ca.example:0/", "http://ca.example:65536/",
		"http://ca.example:99999999/", "http://ca.example:8a/", "http://ca.example/a b",
		"http://ca.example/\r\nHost: x", "http://ca.example/\xc3\xbc",
		"http://[2001:db8::1/x", "http://[]/x", "http://[2001:db8::1]x/" };
	char longest[FETCH_URL_MAX];
	struct http_url u;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_ok(&err, http_url_read(good[i].url, &u, &err));
		assert_string_equal(u.host, good[i].host);
		assert_string_equal(u.target, good[i].target);
		assert_int_equal(u.port, good[i].port);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (http_url_read(bad[i], &u, &err) || err.kind != ERR_CONFIG)
			fail_msg("%s", bad[i]);
	snprintf(longest, sizeof(longest), "http://%0300d/", 0);
	assert_false(http_url_read(longest, &u, &err));
}

struct answer {
	const char *text;
	bool whole; /* the connection was closed */
	const char *body; /* NULL: there is none yet, or ... */
	const char *complaint;
};

static void answers(void **state)
{
	static const struct answer rows[] = {
		{ "", false, NULL, NULL },
		{ "HTTP/1.0 200 OK\r\n", false, NULL, NULL },
		{ "HTTP/1.0 200 OK\r\n\r\nab", false, NULL, NULL },
		{ "HTTP/1.0 200 OK\r\n\r\nab", true, "ab", NULL },
		{ "HTTP/1.0 200 OK\n\nab", true, "ab", NULL },
		{ "HTTP/1.0 200 OK\r\n\r\n", true, "", NULL },
		{ "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", false, "ab", NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length:2 \r\nX: y\r\n\r\nabc", false, "ab", NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, "", NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false, NULL, NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", true, NULL, "breaks off" },
		{ "HTTP/1.1 200 OK\r\nX:", true, NULL, "breaks off" },
		{ "", true, NULL, "breaks off" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", false, NULL,
			"too long" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", false, NULL, "too long" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, NULL,
			"encoding" },
		{ "HTTP/1.1 404 Not Found\r\n\r\n", false, NULL, "answers \"404 Not Found\"" },
		{ "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n", false, NULL,
			"answers \"302 Found\"" },
		{ "HTTP/1.1 2000\r\n\r\n", true, NULL, "answers \"2000\"" },
		{ "HTTP/1.1 200\r\n\r\n", true, "", NULL },
		{ "220 mail.example ESMTP\r\n", false, NULL, "does not speak HTTP" },
		{ "\r\n", false, NULL, "does not speak HTTP" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes body = { NULL, 0 };
		bool done,
			ok = http_answer_read(
				BYTES(rows[i].text), rows[i].whole, &done, &body, &err);
		if (ok == (rows[i].complaint != NULL) || (ok && done != (rows[i].body != NULL)))
			fail_msg("row %zu: %s", i, ok ? "taken" : err.text);
		if (rows[i].complaint && !strstr(err.text, rows[i].complaint))
			fail_msg("row %zu: %s", i, err.text);
		if (rows[i].body) {
			assert_int_equal(body.n, strlen(rows[i].body));
			assert_memory_equal(body.p, rows[i].body, body.n);
		}
	}
}

static void endless_heads(void **state)
{
	size_t n = 20000;
	char *text = malloc(n);
	struct bytes body;
	bool done;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', n);
	memcpy(text, "HTTP/1.0 200 OK\r\nX: ", 20);
	assert_false(http_answer_read((struct bytes){ text, n }, false, &done, &body, &err));
	free(text);
}

/* --- a server ------------------------------------------------------------------------------------- */

struct server {
	int fd;
	uint16_t port;
	const char *says; /* in two pieces */
	size_t len;
	bool hangs;
	pthread_t thread;
	char heard[2048];
};

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->fd, NULL, NULL);
	size_t n = 0;

	while (fd >= 0 && !strstr(s->heard, "\r\n\r\n")) {
		ssize_t got = recv(fd, s->heard + n, sizeof(s->heard) - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (!s->hangs) {
		(void)!send(fd, s->says, s->len / 2, MSG_NOSIGNAL);
		usleep(20000);
		(void)!send(fd, s->says + s->len / 2, s->len - s->len / 2, MSG_NOSIGNAL);
	} else {
		char c;
		(void)!recv(fd, &c, 1, 0); /* until the other side has enough */
	}
	close(fd);
	return NULL;
}

static void begin(struct server *s, const char *says, size_t len)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	s->says = says;
	s->len = len;
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
}

/* As the loop does it. */
static void run(struct fetcher *f, struct bytes *body)
{
	int fds[RESOLVE_FDS_MAX], ep = epoll_create1(0);
	uint32_t events[RESOLVE_FDS_MAX];
	struct epoll_event ready;

	while (!fetcher_result(f, body, &err)) {
		size_t n = fetcher_fds(f, fds, events);
		for (size_t i = 0; i < n; i++) {
			struct epoll_event ev = { .events = events[i], .data.fd = fds[i] };
			assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev), 0);
		}
		uint64_t now = clock_now(), at = fetcher_deadline(f, now);
		int got = epoll_wait(ep, &ready, 1, at > now ? (int)(at - now) : 0);
		for (size_t i = 0; i < n; i++)
			epoll_ctl(ep, EPOLL_CTL_DEL, fds[i], NULL);
		if (got == 1)
			fetcher_work(f, clock_now(), ready.data.fd, ready.events);
		else
			fetcher_work(f, clock_now(), -1, 0);
	}
	close(ep);
}

static const char *no_servers(void)
{
	return "/dev/null";
}

static struct fetcher *fetch(const char *url, const char *post, uint32_t ms)
{
	size_t len = post ? strlen(post) : 0;
	struct fetch *what = calloc(1, sizeof(*what) + len);

	assert_non_null(what);
	what->id = 7;
	what->ms = ms;
	what->len = (uint32_t)len;
	snprintf(what->url, sizeof(what->url), "%s", url);
	if (post) {
		snprintf(what->type, sizeof(what->type), "text/question");
		memcpy(what->data, post, len);
	}
	struct fetcher *f = fetcher_new(no_servers, what, clock_now(), &err);
	assert_non_null(f);
	assert_int_equal(fetcher_id(f), 7);
	free(what);
	return f;
}

static void got_and_posted(void **state)
{
	static const char answer[] = "HTTP/1.0 200 OK\r\n\r\nhello";
	const struct {
		const char *target, *post, *heard;
	} rows[] = {
		{ "/a.crl#x", NULL,
			"GET /a.crl HTTP/1.0\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n\r\n" },
		{ "", "why?",
			"POST / HTTP/1.0\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\nContent-Type: "
			"text/question\r\nContent-Length: 4\r\n\r\nwhy?" },
	};
	char url[64], heard[512];
	struct bytes body;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server s = { .fd = -1 };
		begin(&s, answer, sizeof(answer) - 1);
		snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", s.port, rows[i].target);
		struct fetcher *f = fetch(url, rows[i].post, 5000);
		run(f, &body);
		end(&s);
		assert_int_equal(err.kind, ERR_NONE);
		assert_int_equal(body.n, 5);
		assert_memory_equal(body.p, "hello", 5);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(heard, sizeof(heard), rows[i].heard, s.port);
#pragma GCC diagnostic pop
		assert_string_equal(s.heard, heard);
		fetcher_free(f);
	}
}

static void large_ones(void **state)
{
	size_t n = 3000000, head;
	char *text = malloc(n), url[64];
	struct server s = { .fd = -1 };
	struct bytes body;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', n);
	head = (size_t)snprintf(text, n, "HTTP/1.0 200 OK\r\n\r\n");
	text[head] = 'x';
	begin(&s, text, n);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", s.port);
	struct fetcher *f = fetch(url, NULL, 10000);
	run(f, &body);
	end(&s);
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(body.n, n - head);
	assert_memory_equal(body.p, text + head, body.n);
	fetcher_free(f);
	free(text);
}

static void no_answer(void **state)
{
	struct server s = { .hangs = true };
	struct bytes body;
	char url[64];

	(void)state;
	begin(&s, NULL, 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", s.port);
	uint64_t from = clock_now();
	struct fetcher *f = fetch(url, NULL, 300);
	run(f, &body);
	end(&s);
	assert_int_equal(err.kind, ERR_SILENT);
	assert_non_null(strstr(err.text, ": no answer in time"));
	assert_true(clock_now() - from >= 300 && clock_now() - from < 3000);
	fetcher_free(f);

	/* Nobody is there any more. */
	f = fetch(url, NULL, 5000);
	run(f, &body);
	assert_int_equal(err.kind, ERR_SILENT);
	assert_non_null(strstr(err.text, "cannot be reached: Connection refused"));
	fetcher_free(f);

	f = fetch("https://127.0.0.1/", NULL, 5000);
	run(f, &body);
	assert_int_equal(err.kind, ERR_CONFIG);
	fetcher_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(answers),
		cmocka_unit_test(endless_heads),
		cmocka_unit_test(got_and_posted),
		cmocka_unit_test(large_ones),
		cmocka_unit_test(no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
