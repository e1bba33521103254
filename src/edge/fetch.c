#include "edge/fetch.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/host.h"

enum {
	ANSWER_MAX = FETCH_MOST + 32768, /* with its head */
	STEP = 65536,
	NEXT_MS =
		2000, /* an address that does not take the connection so long is left for the next */
	HEAD_ROOM = FETCH_URL_MAX + 2 * HOST_TEXT_MAX + 512,
};

enum fetch_state { FETCH_RESOLVING, FETCH_CONNECTING, FETCH_SENDING, FETCH_READING, FETCH_DONE };

struct fetcher {
	uint32_t id;
	uint64_t until, next_at;
	struct http_url url;
	struct resolver *resolver;
	enum fetch_state state;
	struct addr addrs[RESOLVE_ADDRS_MAX];
	size_t n_addrs, addr; /* addr: the one to be tried next */
	int fd;
	uint8_t *out;
	size_t out_len, sent;
	uint8_t *in;
	size_t in_len, in_cap;
	struct bytes body;
	struct err err; /* NONE: body is good */
	char text[FETCH_URL_MAX]; /* what url points into */
};

static void hang_up(struct fetcher *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* f->err, where it is one, says why. */
static void done(struct fetcher *f)
{
	hang_up(f);
	f->state = FETCH_DONE;
	if (f->err.kind != ERR_NONE)
		err_ctx(&f->err, "%.200s", f->text);
}

/* --- connecting ----------------------------------------------------------------------------------- */

static bool connect_to(struct fetcher *f, const struct addr *to)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = (socklen_t)addr_to_sockaddr(&ss, to);
	uint32_t mark = HOST_MARK;

	f->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		return false;
	/* As with the gateway's name (resolve.c). */
	(void)!setsockopt(f->fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	return connect(f->fd, (struct sockaddr *)&ss, len) == 0 || errno == EINPROGRESS;
}

static void try_next(struct fetcher *f, uint64_t now)
{
	char to[ADDR_TEXT_MAX];

	while (f->addr < f->n_addrs) {
		const struct addr *a = &f->addrs[f->addr++];
		hang_up(f);
		if (connect_to(f, a)) {
			f->state = FETCH_CONNECTING;
			f->next_at = f->addr < f->n_addrs ? now + NEXT_MS : TIME_NEVER;
			return;
		}
		err_set(&f->err, ERR_SILENT, "%s cannot be reached: %s", addr_port_text(to, a),
			strerror(errno));
	}
	done(f);
}

static void connected(struct fetcher *f, uint64_t now)
{
	char to[ADDR_TEXT_MAX];
	socklen_t len = sizeof(int);
	int code = 0;

	if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &code, &len) == 0 && code == 0) {
		err_clear(&f->err);
		f->state = FETCH_SENDING;
		f->next_at = TIME_NEVER;
		return;
	}
	err_set(&f->err, ERR_SILENT, "%s cannot be reached: %s",
		addr_port_text(to, &f->addrs[f->addr - 1]), strerror(code));
	try_next(f, now);
}

static void take_addresses(struct fetcher *f, uint64_t now)
{
	if (resolver_result(f->resolver, f->addrs, &f->n_addrs, &f->err))
		try_next(f, now);
}

/* --- making one ----------------------------------------------------------------------------------- */

static bool make_question(struct fetcher *f, const struct fetch *what)
{
	bool six = strchr(f->url.host, ':') != NULL;
	char port[8] = "";

	f->out = malloc(HEAD_ROOM + what->len);
	if (!f->out)
		return err_set(&f->err, ERR_LOCAL, "out of memory");
	if (f->url.port != 80)
		snprintf(port, sizeof(port), ":%u", f->url.port);
	int n = snprintf((char *)f->out, HEAD_ROOM,
		"%s %s%.*s HTTP/1.0\r\nHost: %s%s%s%s\r\nConnection: close\r\n",
		what->len ? "POST" : "GET", f->url.target[0] == '/' ? "" : "/",
		(int)strcspn(f->url.target, "#"), f->url.target, six ? "[" : "", f->url.host,
		six ? "]" : "", port);
	size_t used = (size_t)n;
	if (what->len)
		used += (size_t)snprintf((char *)f->out + used, HEAD_ROOM - used,
			"Content-Type: %s\r\nContent-Length: %u\r\n", what->type, what->len);
	memcpy(f->out + used, "\r\n", 2);
	memcpy(f->out + used + 2, what->data, what->len);
	f->out_len = used + 2 + what->len;
	return true;
}

struct fetcher *fetcher_new(
	resolver_conf *conf, const struct fetch *what, uint64_t now, struct err *e)
{
	struct fetcher *f = calloc(1, sizeof(*f));

	if (!f) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	f->fd = -1;
	f->id = what->id;
	f->until = now + what->ms;
	f->next_at = TIME_NEVER;
	snprintf(f->text, sizeof(f->text), "%s", what->url);
	if (http_url_read(f->text, &f->url, &f->err) && make_question(f, what) &&
		(f->resolver = resolver_new(conf, &f->err))) {
		resolver_ask(f->resolver, f->url.host, f->url.port);
		take_addresses(f, now); /* an address is no question */
	} else {
		done(f);
	}
	return f;
}

void fetcher_free(struct fetcher *f)
{
	if (!f)
		return;
	hang_up(f);
	resolver_free(f->resolver);
	free(f->out);
	free(f->in);
	free(f);
}

uint32_t fetcher_id(const struct fetcher *f)
{
	return f->id;
}

/* --- talking -------------------------------------------------------------------------------------- */

static bool later(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void broke(struct fetcher *f)
{
	err_set(&f->err, ERR_SILENT, "the connection broke: %s", strerror(errno));
	done(f);
}

static void send_some(struct fetcher *f)
{
	ssize_t n = send(f->fd, f->out + f->sent, f->out_len - f->sent, MSG_NOSIGNAL);

	if (n < 0 && !later())
		broke(f);
	f->sent += n > 0 ? (size_t)n : 0;
	if (f->state == FETCH_SENDING && f->sent == f->out_len)
		f->state = FETCH_READING;
}

static bool make_room(struct fetcher *f)
{
	size_t cap = f->in_cap ? 2 * f->in_cap : STEP;

	if (f->in_len < f->in_cap)
		return true;
	if (cap > 2 * (size_t)ANSWER_MAX)
		return err_set(&f->err, ERR_PEER, "the server's answer is too long");
	uint8_t *more = realloc(f->in, cap);
	if (!more)
		return err_set(&f->err, ERR_LOCAL, "out of memory");
	f->in = more;
	f->in_cap = cap;
	return true;
}

static void read_some(struct fetcher *f)
{
	bool complete;

	if (!make_room(f)) {
		done(f);
		return;
	}
	ssize_t n = recv(f->fd, f->in + f->in_len, f->in_cap - f->in_len, 0);
	if (n < 0) {
		if (!later())
			broke(f);
		return;
	}
	f->in_len += (size_t)n;
	if (!http_answer_read(
		    (struct bytes){ f->in, f->in_len }, n == 0, &complete, &f->body, &f->err) ||
		complete)
		done(f);
}

/* --- driving it ----------------------------------------------------------------------------------- */

void fetcher_work(struct fetcher *f, uint64_t now, int fd, uint32_t events)
{
	if (f->state == FETCH_RESOLVING) {
		resolver_work(f->resolver, fd, events);
		take_addresses(f, now);
	} else if (fd >= 0 && fd == f->fd) {
		if (f->state == FETCH_CONNECTING)
			connected(f, now);
		if (f->state == FETCH_SENDING)
			send_some(f);
		else if (f->state == FETCH_READING)
			read_some(f);
	}
	if (f->state == FETCH_CONNECTING && now >= f->next_at)
		try_next(f, now);
	if (f->state != FETCH_DONE && now >= f->until) {
		err_set(&f->err, ERR_SILENT, "no answer in time");
		done(f);
	}
}

size_t fetcher_fds(struct fetcher *f, int fds[RESOLVE_FDS_MAX], uint32_t events[RESOLVE_FDS_MAX])
{
	switch (f->state) {
	case FETCH_RESOLVING:
		return resolver_fds(f->resolver, fds, events);
	case FETCH_CONNECTING:
	case FETCH_SENDING:
		fds[0] = f->fd;
		events[0] = EPOLLOUT;
		return 1;
	case FETCH_READING:
		fds[0] = f->fd;
		events[0] = EPOLLIN;
		return 1;
	case FETCH_DONE:
		break;
	}
	return 0;
}

uint64_t fetcher_deadline(struct fetcher *f, uint64_t now)
{
	int ms = f->state == FETCH_RESOLVING ? resolver_timeout(f->resolver) : -1;
	uint64_t at = earliest(f->until, f->next_at);

	if (f->state == FETCH_DONE)
		return TIME_NEVER;
	return ms >= 0 ? earliest(at, now + (uint64_t)ms) : at;
}

bool fetcher_result(struct fetcher *f, struct bytes *body, struct err *e)
{
	if (f->state != FETCH_DONE)
		return false;
	*body = f->body;
	*e = f->err;
	return true;
}
