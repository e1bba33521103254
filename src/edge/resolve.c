#include "edge/resolve.h"

#include <ares.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "host/host.h"

/* What c-ares has in the place of the functions for its servers since 1.24 is not in the versions before. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { TIMEOUT_MS = 2000, TRIES = 3 };

struct resolver {
	resolver_conf *conf;
	ares_channel channel; /* NULL until it is needed */
	char host[256];
	uint16_t port;
	unsigned question; /* counts: an answer to an earlier one is no answer */
	bool done;
	size_t n_fds; /* what c-ares waits for, as it tells */
	int fds[RESOLVE_FDS_MAX];
	uint32_t events[RESOLVE_FDS_MAX];
	size_t n;
	struct addr addrs[RESOLVE_ADDRS_MAX];
	struct err err;
};

/* The question goes along with its number, for c-ares reports cancelled ones as well. */
struct asked {
	struct resolver *r;
	unsigned question;
};

/* While a tunnel is up, the way to the gateway's name must not lead through it: a tunnel that is
 * lost would never be found again. Without the privilege there is no tunnel either. */
static int mark_socket(ares_socket_t fd, int type, void *data)
{
	uint32_t mark = HOST_MARK;

	(void)type;
	(void)data;
	(void)!setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	return 0;
}

/* c-ares has a socket for each server that it asks; of one that finds no room here the answer is not
 * seen, and it asks the next server when the time is over. */
static void socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = data;
	uint32_t what = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
	size_t i = 0;

	while (i < r->n_fds && r->fds[i] != fd)
		i++;
	if (what && i < RESOLVE_FDS_MAX) {
		r->fds[i] = fd;
		r->events[i] = what;
		r->n_fds += i == r->n_fds;
	} else if (!what && i < r->n_fds) {
		r->n_fds--;
		r->fds[i] = r->fds[r->n_fds];
		r->events[i] = r->events[r->n_fds];
	}
}

static int make_channel(struct resolver *r, const char *resolv_conf, ares_channel *out)
{
	struct ares_options options = { .timeout = TIMEOUT_MS,
		.tries = TRIES,
		.sock_state_cb = socket_state,
		.sock_state_cb_data = r };
	int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;

	if (resolv_conf) {
		options.resolvconf_path = (char *)resolv_conf; /* c-ares copies it */
		given |= ARES_OPT_RESOLVCONF;
	}
	int code = ares_init_options(out, &options, given);
	if (code == ARES_SUCCESS)
		ares_set_socket_configure_callback(*out, mark_socket, NULL);
	return code;
}

struct resolver *resolver_new(resolver_conf *conf, struct err *e)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (!r) {
		err_set(e, ERR_LOCAL, "no memory for name resolution");
		return NULL;
	}
	r->conf = conf;
	r->done = true;
	err_set(&r->err, ERR_BUG, "no name was asked for");
	return r;
}

static bool need_channel(struct resolver *r, struct err *e)
{
	if (r->channel)
		return true;
	int code = ares_library_init(ARES_LIB_INIT_ALL);
	if (code == ARES_SUCCESS) {
		code = make_channel(r, r->conf ? r->conf() : NULL, &r->channel);
		if (code != ARES_SUCCESS)
			ares_library_cleanup();
	}
	if (code == ARES_SUCCESS)
		return true;
	r->channel = NULL;
	return err_set(e, ERR_LOCAL, "name resolution cannot start: %s", ares_strerror(code));
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	r->question++;
	if (r->channel) {
		ares_destroy(r->channel);
		ares_library_cleanup();
	}
	free(r);
}

void resolver_servers(struct resolver *r, struct addr *out, size_t most)
{
	struct ares_addr_node *all = NULL;
	size_t n = 0;

	if (!need_channel(r, NULL) || ares_get_servers(r->channel, &all) != ARES_SUCCESS)
		return;
	for (const struct ares_addr_node *a = all; a && n < most; a = a->next)
		addr_set(&out[n++], a->family == AF_INET6 ? FAMILY_V6 : FAMILY_V4,
			(const uint8_t *)&a->addr, 0);
	ares_free_data(all);
}

static bool is_one_of(const struct ares_addr_port_node *s, const struct addr *v, size_t n)
{
	struct addr a;

	if (s->family == AF_INET)
		addr_set(&a, FAMILY_V4, (const uint8_t *)&s->addr.addr4, 0);
	else
		addr_set(&a, FAMILY_V6, (const uint8_t *)&s->addr.addr6, 0);
	for (size_t i = 0; i < n; i++)
		if (addr_same_host(&v[i], &a))
			return true;
	return false;
}

/* False: no other is left. */
static bool leave_out(ares_channel channel, const struct addr *inside, size_t n)
{
	struct ares_addr_port_node *servers = NULL, **at = &servers;
	bool any = false;

	if (ares_get_servers_ports(channel, &servers) != ARES_SUCCESS)
		return false;
	while (*at) {
		struct ares_addr_port_node *s = *at;
		if (!is_one_of(s, inside, n)) {
			at = &s->next;
			continue;
		}
		any = true;
		*at = s->next;
		s->next = NULL;
		ares_free_data(s);
	}
	/* Setting what is there already would lose the interface of a link-local one. */
	bool ok = servers && (!any || ares_set_servers_ports(channel, servers) == ARES_SUCCESS);
	ares_free_data(servers);
	return ok;
}

void resolver_renew(
	struct resolver *r, const char *resolv_conf, const struct addr *inside, size_t n)
{
	ares_channel channel;

	if (!r->channel || make_channel(r, resolv_conf, &channel) != ARES_SUCCESS)
		return;
	if (leave_out(channel, inside, n)) {
		ares_channel old = r->channel;
		r->question++;
		r->channel = channel;
		channel = old;
	}
	ares_destroy(channel);
}

static void fail(struct resolver *r, int code)
{
	switch (code) {
	case ARES_ENOTFOUND:
		err_set(&r->err, ERR_SILENT, "there is no host named %s", r->host);
		break;
	case ARES_ENODATA:
		err_set(&r->err, ERR_SILENT, "the name %s has no address", r->host);
		break;
	case ARES_ETIMEOUT:
		err_set(&r->err, ERR_SILENT, "the name servers do not answer when asked for %s",
			r->host);
		break;
	case ARES_ECONNREFUSED:
		err_set(&r->err, ERR_SILENT, "no name server could be reached to ask for %s",
			r->host);
		break;
	case ARES_EBADNAME:
		err_set(&r->err, ERR_CONFIG, "%s is neither an address nor the name of a host",
			r->host);
		break;
	default:
		err_set(&r->err, ERR_SILENT, "the address of %s cannot be found: %s", r->host,
			ares_strerror(code));
	}
}

/* c-ares calls this once for each question, cancelled or answered. */
static void answered(void *data, int code, int timeouts, struct ares_addrinfo *result)
{
	struct asked *asked = data;
	struct resolver *r = asked->r;
	bool current = asked->question == r->question;

	(void)timeouts;
	free(asked);
	for (struct ares_addrinfo_node *node = result ? result->nodes : NULL; current && node;
		node = node->ai_next) {
		struct sockaddr_storage ss = { 0 };
		struct addr a;
		if (node->ai_addrlen > sizeof(ss) || r->n == RESOLVE_ADDRS_MAX)
			continue;
		memcpy(&ss, node->ai_addr, node->ai_addrlen);
		if (!addr_from_sockaddr(&a, &ss))
			continue;
		a.port = r->port;
		bool twice = false;
		for (size_t i = 0; i < r->n; i++)
			twice |= addr_same(&r->addrs[i], &a);
		if (!twice)
			r->addrs[r->n++] = a;
	}
	if (result)
		ares_freeaddrinfo(result);
	if (!current)
		return;
	r->done = true;
	if (r->n == 0)
		fail(r, code == ARES_SUCCESS ? ARES_ENODATA : code);
}

void resolver_ask(struct resolver *r, const char *host, uint16_t port)
{
	const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM };
	size_t len = strlen(host);
	struct asked *asked;

	r->question++;
	if (r->channel)
		ares_cancel(r->channel);
	r->port = port;
	r->n = 0;
	r->done = true;
	err_clear(&r->err);
	if (len == 0 || len >= sizeof(r->host)) {
		err_set(&r->err, ERR_CONFIG, "a host name has 1 to 255 characters");
		return;
	}
	memcpy(r->host, host, len + 1);
	if (addr_parse(&r->addrs[0], host)) {
		r->addrs[0].port = port;
		r->n = 1;
		return;
	}
	if (!need_channel(r, &r->err))
		return;
	asked = malloc(sizeof(*asked));
	if (!asked) {
		err_set(&r->err, ERR_LOCAL, "no memory to ask for %s", r->host);
		return;
	}
	*asked = (struct asked){ .r = r, .question = r->question };
	r->done = false;
	ares_getaddrinfo(r->channel, host, NULL, &hints, answered, asked);
}

size_t resolver_fds(struct resolver *r, int fds[RESOLVE_FDS_MAX], uint32_t events[RESOLVE_FDS_MAX])
{
	memcpy(fds, r->fds, r->n_fds * sizeof(fds[0]));
	memcpy(events, r->events, r->n_fds * sizeof(events[0]));
	return r->n_fds;
}

int resolver_timeout(struct resolver *r)
{
	struct timeval tv, *left = r->done ? NULL : ares_timeout(r->channel, NULL, &tv);

	if (!left)
		return -1;
	return (int)(left->tv_sec * 1000 + (left->tv_usec + 999) / 1000);
}

void resolver_work(struct resolver *r, int fd, uint32_t events)
{
	bool in = fd >= 0 && (events & (EPOLLIN | EPOLLERR | EPOLLHUP));
	bool out = fd >= 0 && (events & EPOLLOUT);

	if (r->channel)
		ares_process_fd(r->channel, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
}

bool resolver_result(
	struct resolver *r, struct addr out[RESOLVE_ADDRS_MAX], size_t *n, struct err *e)
{
	*n = 0;
	if (!r->done)
		return false;
	for (size_t i = 0; i < r->n; i++)
		out[i] = r->addrs[i];
	*n = r->n;
	if (r->n == 0 && e)
		*e = r->err;
	return true;
}
