#define _GNU_SOURCE
#include "edge/control.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/types.h"

#define SUFFIX ".sock"

enum { HEAD_MAX = 32, STATUS_MAX = 255 };

/* One asker. Asking, then waiting for the answer (asked), then reading it (out). */
struct client {
	int fd; /* -1: the place is free */
	uint64_t id; /* counts up: an old number finds nobody */
	bool asked;
	size_t n_in;
	char in[CONTROL_LINE_MAX];
	char *out; /* malloc'ed */
	size_t n_out, sent;
};

struct control {
	int epoll, listener;
	uid_t owner;
	uint64_t last_id;
	struct client clients[CONTROL_CLIENTS];
	struct sockaddr_un at;
};

static bool address(struct sockaddr_un *out, const char *dir, const char *name, struct err *e)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int n = snprintf(out->sun_path, sizeof(out->sun_path), "%s/%s" SUFFIX, dir, name);
	return (n > 0 && (size_t)n < sizeof(out->sun_path)) ||
		err_set(e, ERR_CONFIG, "the name %s is too long for a control socket", name);
}

/* --- the instance's side ------------------------------------------------------------------------ */

/* A socket that a killed instance left behind refuses connections; a living one takes them. */
static bool remove_stale(const struct sockaddr_un *at, struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), was = errno;
	bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 &&
		(errno == ECONNREFUSED || errno == ENOENT);

	if (fd >= 0)
		close(fd);
	if (fd < 0)
		return err_set(e, ERR_LOCAL, "opening a control socket: %s", strerror(was));
	if (!refused)
		return err_set(e, ERR_LOCAL, "%s is in use", at->sun_path);
	return unlink(at->sun_path) == 0 || errno == ENOENT ||
		err_set(e, ERR_LOCAL, "cannot replace %s: %s", at->sun_path, strerror(errno));
}

static bool watch(const struct control *c, int fd, uint64_t id, uint32_t events, int op)
{
	struct epoll_event ev = { .events = events, .data.u64 = id };

	return epoll_ctl(c->epoll, op, fd, &ev) == 0;
}

static bool listen_at(struct control *c, struct err *e)
{
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Nobody may connect before the owner and mode are right. */
	mode_t mask = umask(0177);
	bool bound = c->listener >= 0 &&
		bind(c->listener, (struct sockaddr *)&c->at, sizeof(c->at)) == 0;
	int was = errno;
	umask(mask);
	errno = was;
	if (!bound || chmod(c->at.sun_path, 0600) != 0 ||
		(geteuid() == 0 && c->owner != 0 &&
			chown(c->at.sun_path, c->owner, (gid_t)-1) != 0) ||
		listen(c->listener, CONTROL_CLIENTS) != 0 || c->epoll < 0 ||
		!watch(c, c->listener, 0, EPOLLIN, EPOLL_CTL_ADD))
		return err_set(
			e, ERR_LOCAL, "cannot listen at %s: %s", c->at.sun_path, strerror(errno));
	return true;
}

struct control *control_open(const char *dir, const char *name, uid_t owner, struct err *e)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	c->epoll = c->listener = -1;
	c->owner = owner;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		c->clients[i].fd = -1;
	bool ours = address(&c->at, dir, name, e) &&
		((mkdir(dir, 0755) == 0 || errno == EEXIST) ||
			err_set(e, ERR_LOCAL, "cannot make %s: %s", dir, strerror(errno))) &&
		remove_stale(&c->at, e);
	if (ours && listen_at(c, e))
		return c;
	if (!ours)
		c->at.sun_path[0] = 0; /* another one's socket stays */
	control_close(c);
	return NULL;
}

static void client_close(struct client *cl)
{
	if (cl->fd >= 0)
		close(cl->fd);
	free(cl->out);
	*cl = (struct client){ .fd = -1 };
}

void control_leave(struct control *c)
{
	if (c->listener >= 0)
		close(c->listener);
	c->listener = -1;
	if (c->at.sun_path[0])
		unlink(c->at.sun_path);
	c->at.sun_path[0] = 0;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		client_close(&c->clients[i]);
	control_leave(c);
	if (c->epoll >= 0)
		close(c->epoll);
	free(c);
}

int control_fd(const struct control *c)
{
	return c->epoll;
}

/* A free place, or that of whoever came first of those that have not asked yet, or came first. */
static struct client *place(struct control *c)
{
	struct client *oldest = NULL;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *cl = &c->clients[i];
		if (cl->fd < 0)
			return cl;
		if (!oldest || (!cl->asked && oldest->asked) ||
			(cl->asked == oldest->asked && cl->id < oldest->id))
			oldest = cl;
	}
	client_close(oldest);
	return oldest;
}

/* False: nobody can be let in now, for instance for want of descriptors; he goes on waiting. */
static bool accept_one(struct control *c)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 ||
		(who.uid != 0 && who.uid != c->owner)) {
		close(fd);
		return true;
	}
	struct client *cl = place(c);
	cl->fd = fd;
	cl->id = ++c->last_id;
	if (!watch(c, fd, cl->id, EPOLLIN, EPOLL_CTL_ADD))
		client_close(cl);
	return true;
}

static struct client *find(struct control *c, uint64_t id)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i].fd >= 0 && c->clients[i].id == id)
			return &c->clients[i];
	return NULL;
}

/* True when the request is whole. */
static bool client_read(struct control *c, struct client *cl, struct control_request *rq)
{
	ssize_t n = recv(cl->fd, cl->in + cl->n_in, sizeof(cl->in) - cl->n_in, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0)
		cl->n_in += (size_t)n;
	const char *end = memchr(cl->in, '\n', cl->n_in);
	if (n <= 0 || (!end && cl->n_in == sizeof(cl->in)) || memchr(cl->in, 0, cl->n_in)) {
		client_close(cl);
		return false;
	}
	if (!end)
		return false;
	/* From now on only its going away is of interest, which epoll tells unasked. */
	cl->asked = true;
	watch(c, cl->fd, cl->id, 0, EPOLL_CTL_MOD);
	rq->client = cl->id;
	snprintf(rq->line, sizeof(rq->line), "%.*s", (int)(end - cl->in), cl->in);
	return true;
}

static void client_write(struct control *c, struct client *cl)
{
	while (cl->sent < cl->n_out) {
		ssize_t n = send(cl->fd, cl->out + cl->sent, cl->n_out - cl->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			watch(c, cl->fd, cl->id, EPOLLOUT, EPOLL_CTL_MOD);
			return;
		}
		if (n <= 0)
			break;
		cl->sent += (size_t)n;
	}
	client_close(cl);
}

bool control_next(struct control *c, struct control_request *rq)
{
	struct epoll_event ev;

	while (epoll_wait(c->epoll, &ev, 1, 0) == 1) {
		struct client *cl = find(c, ev.data.u64);
		if (ev.data.u64 == 0) {
			if (!accept_one(c))
				return false;
		} else if (!cl)
			continue;
		else if (cl->out)
			client_write(c, cl);
		else if (cl->asked)
			client_close(cl);
		else if (client_read(c, cl, rq))
			return true;
	}
	return false;
}

void control_reply(struct control *c, uint64_t client, int status, const char *text)
{
	struct client *cl = find(c, client);
	size_t len = strlen(text);

	if (!cl || !cl->asked || cl->out)
		return;
	if (len > CONTROL_REPLY_MAX)
		len = CONTROL_REPLY_MAX;
	cl->out = malloc(HEAD_MAX + len);
	if (!cl->out) {
		client_close(cl);
		return;
	}
	int head = snprintf(cl->out, HEAD_MAX, "%d %zu\n", status & STATUS_MAX, len);
	memcpy(cl->out + head, text, len);
	cl->n_out = (size_t)head + len;
	client_write(c, cl);
}

/* --- the asker's side --------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool wait_for(int fd, short events, int64_t until, struct err *e)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = until - now_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (n > 0)
			return true;
		if (n == 0)
			return err_set(e, ERR_SILENT, "it does not answer");
		if (errno != EINTR)
			return err_set(e, ERR_LOCAL, "cannot wait for it: %s", strerror(errno));
	}
}

static bool ask_connect(int fd, const struct sockaddr_un *at, const char *name, struct err *e)
{
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0)
		return true;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return err_set(e, ERR_SILENT, "%s is not connected", name);
	if (errno == EACCES || errno == EPERM)
		return err_set(e, ERR_LOCAL, "%s may be asked by its owner and root only", name);
	return err_set(e, ERR_SILENT, "%s does not answer: %s", name, strerror(errno));
}

static bool ask_send(int fd, const char *line, int64_t until, struct err *e)
{
	char text[CONTROL_LINE_MAX];
	size_t n = strlen(line), sent = 0;

	if (n + 2 > sizeof(text) || memchr(line, '\n', n))
		return err_set(e, ERR_CONFIG, "a request is one line of at most %zu octets",
			sizeof(text) - 2);
	snprintf(text, sizeof(text), "%s\n", line);
	n++;
	while (sent < n) {
		if (!wait_for(fd, POLLOUT, until, e))
			return false;
		ssize_t done = send(fd, text + sent, n - sent, MSG_NOSIGNAL);
		if (done < 0 && errno != EAGAIN && errno != EINTR)
			return err_set(e, ERR_SILENT, "it hung up: %s", strerror(errno));
		sent += done > 0 ? (size_t)done : 0;
	}
	return true;
}

/* Everything up to the end, at most HEAD_MAX + CONTROL_REPLY_MAX octets. */
static bool ask_receive(int fd, int64_t until, char *buf, size_t *len, struct err *e)
{
	const size_t room = HEAD_MAX + CONTROL_REPLY_MAX;

	for (*len = 0;;) {
		if (!wait_for(fd, POLLIN, until, e))
			return false;
		ssize_t n = recv(fd, buf + *len, room - *len, 0);
		if (n == 0)
			return true;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return err_set(e, ERR_SILENT, "it hung up: %s", strerror(errno));
		*len += n > 0 ? (size_t)n : 0;
		if (*len == room)
			return err_set(e, ERR_LOCAL, "its answer is too long");
	}
}

/* "STATUS LENGTH\n" and the text: a short answer is that of an instance that died meanwhile. */
static bool ask_parse(char *buf, size_t len, int *status, char **text, struct err *e)
{
	char *head_end = memchr(buf, '\n', len), *end;

	if (!head_end)
		return err_set(e, ERR_SILENT, "it went away without an answer");
	*head_end = 0;
	long code = strtol(buf, &end, 10);
	unsigned long n = strtoul(end, NULL, 10);
	size_t got = len - (size_t)(head_end + 1 - buf);
	if (*end != ' ' || code < 0 || code > STATUS_MAX || n != got)
		return err_set(e, ERR_SILENT, "its answer is not whole");
	*status = (int)code;
	*text = malloc(got + 1);
	if (!*text)
		return err_set(e, ERR_LOCAL, "out of memory");
	memcpy(*text, head_end + 1, got);
	(*text)[got] = 0;
	return true;
}

bool control_ask(const char *dir, const char *name, const char *line, int timeout_ms, int *status,
	char **text, struct err *e)
{
	int64_t until = now_ms() + timeout_ms;
	struct sockaddr_un at;
	size_t len = 0;

	*text = NULL;
	if (!address(&at, dir, name, e))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char *buf = malloc(HEAD_MAX + CONTROL_REPLY_MAX);
	bool ok = false;
	if (fd < 0 || !buf)
		err_set(e, ERR_LOCAL, "cannot ask %s: out of descriptors or memory", name);
	else
		ok = ask_connect(fd, &at, name, e) && ask_send(fd, line, until, e) &&
			ask_receive(fd, until, buf, &len, e) &&
			ask_parse(buf, len, status, text, e);
	if (fd >= 0)
		close(fd);
	free(buf);
	return ok;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

size_t control_names(const char *dir, char names[][CONTROL_NAME_MAX], size_t max)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	size_t n = 0;

	while (d && n < max && (entry = readdir(d))) {
		size_t len = strlen(entry->d_name);
		if (len <= strlen(SUFFIX) || len - strlen(SUFFIX) >= CONTROL_NAME_MAX ||
			strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		memcpy(names[n], entry->d_name, len - strlen(SUFFIX));
		names[n++][len - strlen(SUFFIX)] = 0;
	}
	if (d)
		closedir(d);
	qsort(names, n, CONTROL_NAME_MAX, by_text);
	return n;
}
