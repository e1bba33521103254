/*
 * Name resolution against a name server of the test's own, in a network and mount namespace where
 * /etc/resolv.conf and /etc/hosts are the test's.
 */
#define _GNU_SOURCE
#include "edge/resolve.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/host.h"

static int server = -1;
static unsigned queries;
static struct err e;

static bool put(const char *path, const char *over, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok && mount(path, over, "none", MS_BIND, NULL) == 0;
}

static int group_setup(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(53),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	(void)state;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
		mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
		return 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0 &&
		put("/run/resolv.conf", "/etc/resolv.conf", "nameserver 127.0.0.1\n") &&
		put("/run/hosts", "/etc/hosts",
			"192.0.2.44 listed.test\n2001:db8::44 listed.test\n") &&
		bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		server = fd;
	return 0;
}

static void need_server(void)
{
	if (server < 0) {
		print_message("skipped: no namespace to put a name server in (not root?)\n");
		skip();
	}
}

/* Answers one question: gw.test has both kinds of address, v4.test the old one, silent.test is
 * never answered, and nothing else exists. */
static void serve(void)
{
	uint8_t p[1500];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(server, p, sizeof(p) - 64, 0, (struct sockaddr *)&from, &from_len);
	static const uint8_t a[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7 };
	static const uint8_t aaaa[] = { 0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16, 0x20, 1, 0x0d,
		0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7 };

	if (n < 18)
		return;
	queries++;
	const char *name = (const char *)p + 12; /* first label, with its length before */
	size_t end = 12 + strlen(name) + 1; /* type and class follow */
	bool six = p[end + 1] == 28, gw = memcmp(name, "\2gw", 3) == 0,
	     v4 = memcmp(name, "\2v4", 3) == 0;
	if (memcmp(name, "\6silent", 7) == 0)
		return;
	n = (ssize_t)end + 4;
	p[2] = 0x81;
	p[3] = gw || v4 ? 0x80 : 0x83;
	memset(p + 6, 0, 6);
	if (gw || (v4 && !six)) {
		p[7] = 1;
		memcpy(p + n, six ? aaaa : a, six ? sizeof(aaaa) : sizeof(a));
		n += (ssize_t)(six ? sizeof(aaaa) : sizeof(a));
	}
	assert_int_equal(sendto(server, p, (size_t)n, 0, (struct sockaddr *)&from, from_len), n);
}

/* The loop's part: one turn over the resolver's descriptors and the server's. */
static void turn(struct resolver *r)
{
	int fds[RESOLVE_FDS_MAX];
	uint32_t events[RESOLVE_FDS_MAX];
	struct pollfd p[RESOLVE_FDS_MAX + 1] = { { .fd = server, .events = POLLIN } };
	size_t n = resolver_fds(r, fds, events);

	for (size_t i = 0; i < n; i++) {
		p[i + 1].fd = fds[i];
		p[i + 1].events = (short)((events[i] & EPOLLIN ? POLLIN : 0) |
			(events[i] & EPOLLOUT ? POLLOUT : 0));
	}
	if (poll(p, n + 1, resolver_timeout(r)) == 0)
		resolver_work(r, -1, 0);
	if (p[0].revents)
		serve();
	for (size_t i = 0; i < n; i++)
		if (p[i + 1].revents)
			resolver_work(r, fds[i],
				(p[i + 1].revents & POLLIN ? EPOLLIN : 0u) |
					(p[i + 1].revents & POLLOUT ? EPOLLOUT : 0u) |
					(p[i + 1].revents & (POLLERR | POLLHUP) ? EPOLLERR : 0u));
}

static size_t answer(struct resolver *r, struct addr out[RESOLVE_ADDRS_MAX])
{
	size_t n;

	err_clear(&e);
	while (!resolver_result(r, out, &n, &e))
		turn(r);
	return n;
}

static struct resolver *make(void)
{
	struct resolver *r = resolver_new(NULL, &e);

	if (!r)
		fail_msg("%s", e.text);
	return r;
}

static bool among(const struct addr *v, size_t n, const char *text)
{
	char one[ADDR_TEXT_MAX];
	bool found = false;

	for (size_t i = 0; i < n; i++)
		found |= strcmp(addr_port_text(one, &v[i]), text) == 0;
	return found;
}

static void address_text_is_answered_at_once(void **state)
{
	struct addr out[RESOLVE_ADDRS_MAX];
	size_t n;

	(void)state;
	struct resolver *r = make();
	assert_true(resolver_result(r, out, &n, &e)); /* nothing was asked */
	assert_int_equal(n, 0);
	resolver_ask(r, "192.0.2.9", 500);
	assert_true(resolver_result(r, out, &n, &e));
	assert_int_equal(n, 1);
	assert_true(among(out, n, "192.0.2.9:500"));
	resolver_ask(r, "2001:db8::9", 4500);
	assert_true(resolver_result(r, out, &n, &e));
	assert_true(among(out, n, "[2001:db8::9]:4500"));
	assert_int_equal(resolver_timeout(r), -1);
	resolver_ask(r, "", 500);
	assert_true(resolver_result(r, out, &n, &e));
	assert_int_equal(n, 0);
	assert_int_equal(e.kind, ERR_CONFIG);
	resolver_free(r);
}

static void name_gives_both_families(void **state)
{
	struct addr out[RESOLVE_ADDRS_MAX];

	(void)state;
	need_server();
	struct resolver *r = make();
	resolver_ask(r, "gw.test", 500);
	assert_int_equal(answer(r, out), 2);
	assert_true(among(out, 2, "192.0.2.7:500"));
	assert_true(among(out, 2, "[2001:db8::7]:500"));
	resolver_ask(r, "v4.test", 4500);
	assert_int_equal(answer(r, out), 1);
	assert_true(among(out, 1, "192.0.2.7:4500"));
	resolver_ask(r, "gw.test.", 500); /* an absolute name */
	assert_int_equal(answer(r, out), 2);
	resolver_free(r);
}

static void hosts_file_is_honoured(void **state)
{
	struct addr out[RESOLVE_ADDRS_MAX];

	(void)state;
	need_server();
	struct resolver *r = make();
	queries = 0;
	resolver_ask(r, "listed.test", 500);
	assert_int_equal(answer(r, out), 2);
	assert_true(among(out, 2, "192.0.2.44:500"));
	assert_true(among(out, 2, "[2001:db8::44]:500"));
	assert_int_equal(queries, 0);
	resolver_free(r);
}

static void unknown_name_is_an_error_with_the_name(void **state)
{
	struct addr out[RESOLVE_ADDRS_MAX];

	(void)state;
	need_server();
	struct resolver *r = make();
	resolver_ask(r, "nobody.test", 500);
	assert_int_equal(answer(r, out), 0);
	assert_int_equal(e.kind, ERR_SILENT);
	assert_non_null(strstr(e.text, "nobody.test"));
	resolver_free(r);
}

static void new_question_ends_the_last(void **state)
{
	struct addr out[RESOLVE_ADDRS_MAX];
	size_t n;

	(void)state;
	need_server();
	struct resolver *r = make();
	resolver_ask(r, "silent.test", 500);
	queries = 0;
	while (queries == 0)
		turn(r);
	assert_false(resolver_result(r, out, &n, &e));
	assert_true(resolver_timeout(r) > 0);
	resolver_ask(r, "gw.test", 500);
	assert_int_equal(answer(r, out), 2);
	resolver_ask(r, "silent.test", 500); /* and freeing ends one as well */
	resolver_free(r);
}

static void questions_go_past_the_tunnel(void **state)
{
	int fds[RESOLVE_FDS_MAX];
	uint32_t events[RESOLVE_FDS_MAX], mark = 0;
	socklen_t len = sizeof(mark);

	(void)state;
	need_server();
	struct resolver *r = make();
	resolver_ask(r, "silent.test", 500);
	assert_true(resolver_fds(r, fds, events) >= 1);
	assert_int_equal(getsockopt(fds[0], SOL_SOCKET, SO_MARK, &mark, &len), 0);
	assert_int_equal(mark, HOST_MARK);
	resolver_free(r);
}

static void names_its_servers(void **state)
{
	struct addr servers[2] = { { .family = FAMILY_NONE }, { .family = FAMILY_NONE } };
	char text[ADDR_TEXT_MAX];

	(void)state;
	need_server();
	struct resolver *r = resolver_new(NULL, &e);
	assert_non_null(r);
	resolver_servers(r, servers, 2);
	assert_string_equal(addr_text(text, &servers[0]), "127.0.0.1");
	assert_int_equal(servers[1].family, FAMILY_NONE);
	resolver_free(r);
}

static const char *servers_file(void)
{
	return "/run/servers";
}

static void write_servers(const char *text)
{
	FILE *f = fopen(servers_file(), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* The machine has moved: nobody answers at the server of before. Those inside the tunnel are not asked for the
 * way to it; and a first line that is no server's is that of a file which was put aside. */
static void servers_of_another_network(void **state)
{
	struct addr out[RESOLVE_ADDRS_MAX], inside[2];

	(void)state;
	need_server();
	assert_true(addr_parse(&inside[0], "127.0.0.8"));
	assert_true(addr_parse(&inside[1], "fd99::53"));
	write_servers("nameserver 127.0.0.9\n");
	struct resolver *r = resolver_new(servers_file, &e);
	assert_non_null(r);
	resolver_ask(r, "gw.test", 500);
	assert_int_equal(answer(r, out), 0);
	write_servers(
		"1 420 0 0 1 1\nnameserver 127.0.0.8\nnameserver fd99::53\nnameserver 127.0.0.1\n");
	resolver_ask(r, "gw.test", 500); /* ends without an answer */
	resolver_renew(r, "/run/servers", inside, ARRAY_LEN(inside));
	unsigned before = queries;
	resolver_ask(r, "gw.test", 500);
	assert_int_equal(answer(r, out), 2);
	assert_true(queries - before >= 2); /* c-ares 1.34 asks more often */
	write_servers("nameserver fd99::53\nnameserver 127.0.0.8\n"); /* no other is known */
	resolver_renew(r, "/run/servers", inside, ARRAY_LEN(inside));
	resolver_ask(r, "gw.test", 500);
	assert_int_equal(answer(r, out), 2);
	resolver_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_text_is_answered_at_once),
		cmocka_unit_test(name_gives_both_families),
		cmocka_unit_test(hosts_file_is_honoured),
		cmocka_unit_test(unknown_name_is_an_error_with_the_name),
		cmocka_unit_test(new_question_ends_the_last),
		cmocka_unit_test(questions_go_past_the_tunnel),
		cmocka_unit_test(names_its_servers),
		cmocka_unit_test(servers_of_another_network),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
