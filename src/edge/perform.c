#include "edge_private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

bool edge_seed(uint8_t seed[RNG_SEED_LEN], struct err *e)
{
	return getrandom(seed, RNG_SEED_LEN, 0) == RNG_SEED_LEN ||
		err_set(e, ERR_LOCAL, "no random numbers: %s", strerror(errno));
}

static void tell(struct edge *g, enum action_kind kind, const void *what, size_t len)
{
	void *p = outbox_add(&g->told, kind, len);

	if (p)
		memcpy(p, what, len);
}

static bool watch_dataplane(struct edge *g, struct err *e)
{
	int fds[DATAPLANE_FDS];
	size_t n = g->dp->ops->fds(g->dp, fds);

	for (size_t i = 0; i < n; i++)
		if (!loop_watch(&g->loop, fds[i], EPOLLIN, TAG_DATAPLANE, e))
			return false;
	return true;
}

static bool make_userspace(struct edge *g, struct err *e)
{
	uint8_t seed[RNG_SEED_LEN];
	char name[16];

	if (g->tun < 0) {
		g->tun = host_tun(g->host, name, e);
		if (g->tun < 0)
			return false;
	}
	if (!edge_seed(seed, e))
		return false;
	g->dp = userspace_new(g->tun, g->udp, seed, e);
	wipe(seed, sizeof(seed));
	if (g->dp && g->mtu)
		g->dp->ops->set_mtu(g->dp, g->mtu);
	return g->dp;
}

bool edge_need_dataplane(struct edge *g, struct err *e)
{
	if (g->dp)
		return true;
	if (g->kernel)
		g->dp = kernel_new(g->host, g->udp, e);
	else if (!make_userspace(g, e))
		return false;
	if (!g->dp || watch_dataplane(g, e))
		return g->dp;
	g->dp->ops->free(g->dp);
	g->dp = NULL;
	return false;
}

/* The kernel keeps the SPI of the first SA for us as well. */
static void expect(struct edge *g, const struct sa_ref *ref)
{
	struct err e;

	if (g->dp || (g->kernel && edge_need_dataplane(g, &e)))
		g->dp->ops->expect(g->dp, ref);
}

static void install(struct edge *g, const struct sa_spec *spec)
{
	struct os_input in = { .kind = OS_SA_INSTALLED, .spi = spec->spi };

	in.ok = edge_need_dataplane(g, &in.err) && g->dp->ops->install(g->dp, spec, &in.err);
	session_os(g->session, clock_now(), &in, &g->todo);
}

static void move(struct edge *g, const struct sa_move *to)
{
	struct os_input in = { .kind = OS_SA_MOVED };

	in.ok = g->dp && g->dp->ops->move(g->dp, to);
	session_os(g->session, clock_now(), &in, &g->todo);
}

static void set_up(struct edge *g, const struct netconf *want)
{
	struct os_input in = { .kind = OS_NETCONF_DONE };

	in.ok = host_netconf(g->host, want, &in.err);
	host_warnings(g->host, &g->told);
	g->mtu = want->mtu;
	if (g->dp && want->mtu)
		g->dp->ops->set_mtu(g->dp, want->mtu);
	session_os(g->session, clock_now(), &in, &g->todo);
}

static void tell_name_servers(struct edge *g)
{
	struct addr servers[SESSION_NAME_SERVERS] = { 0 };

	resolver_servers(g->resolver, servers, SESSION_NAME_SERVERS);
	session_name_servers(g->session, servers);
}

static void tell_dataplane(struct edge *g)
{
	struct err why;

	if (g->kernel || g->profile->dataplane == DATAPLANE_USERSPACE)
		return;
	host_esp_why_not(g->host, &why);
	outbox_event(&g->told, EV_STAGE, LEVEL_INFO, "carrying packets in userspace: %s", why.text);
}

static void send_datagram(struct edge *g, const struct send *s)
{
	struct os_input in = { .kind = OS_SEND_FAILED };
	bool first = g->remote.family == FAMILY_NONE;

	if (!addr_same_host(&g->remote, &s->remote))
		host_watch(g->host, &s->remote);
	g->remote = s->remote;
	if (s->len == 0)
		udp_keepalive(g->udp, &s->remote);
	else if (!udp_send(g->udp, s, &in.err))
		session_os(g->session, clock_now(), &in, &g->todo);
	if (first) { /* the gateway is at work meanwhile */
		tell_dataplane(g);
		tell_name_servers(g);
	}
}

static void resolve(struct edge *g, const struct resolve *r)
{
	g->resolving = true;
	/* The machine may be in another network since, and its name servers with it. */
	if (g->n_known > 0) {
		struct addr inside[NETCONF_DNS];
		size_t n = host_tunnel_servers(g->host, inside);
		resolver_renew(g->resolver, host_name_servers(), inside, n);
		tell_name_servers(g);
	}
	resolver_ask(g->resolver, r->host, r->port);
}

/* It fails in the same way as it answers. */
static void fetch(struct edge *g, const struct fetch *what)
{
	struct os_input in = { .kind = OS_FETCHED, .spi = what->id };

	fetcher_free(g->fetcher);
	g->fetcher = fetcher_new(host_name_servers, what, clock_now(), &in.err);
	if (!g->fetcher)
		session_os(g->session, clock_now(), &in, &g->todo);
}

static void link_l2tp(struct edge *g, const struct l2tp_link *link)
{
	struct os_input in = { .kind = OS_LINK_FAILED };

	if (g->dp &&
		(!g->dp->ops->l2tp_link(g->dp, link, &in.port_taken, &in.err) ||
			!watch_dataplane(g, &in.err)))
		session_os(g->session, clock_now(), &in, &g->todo);
}

static void perform(struct edge *g, enum action_kind kind, const void *what, size_t len)
{
	switch (kind) {
	case ACT_RESOLVE:
		resolve(g, what);
		break;
	case ACT_FETCH:
		fetch(g, what);
		break;
	case ACT_SEND:
		send_datagram(g, what);
		break;
	case ACT_SA_INSTALL:
		install(g, what);
		break;
	case ACT_SA_EXPECT:
		expect(g, what);
		break;
	case ACT_SA_REMOVE:
		if (g->dp)
			g->dp->ops->remove(g->dp, what);
		break;
	case ACT_SA_MOVE:
		move(g, what);
		break;
	case ACT_NETCONF:
		set_up(g, what);
		break;
	case ACT_L2TP_LINK:
		link_l2tp(g, what);
		break;
	case ACT_L2TP:
		if (g->dp)
			g->dp->ops->l2tp_send(g->dp, what);
		break;
	case ACT_ASK:
	case ACT_EVENT:
	case ACT_KEYS:
	case ACT_DOWN:
		tell(g, kind, what, len);
		break;
	}
}

static void out_of_memory(struct edge *g)
{
	struct down d = { .status = DOWN_MACHINE,
		.what = "this machine is out of memory",
		.said = "nothing",
		.advice = "free some memory, then connect again" };

	tell(g, ACT_DOWN, &d, sizeof(d));
}

void edge_perform(struct edge *g)
{
	while (g->todo.n > 0 || g->todo.failed) {
		struct outbox spare = g->doing;
		g->doing = g->todo;
		g->todo = spare;
		if (g->doing.failed) {
			out_of_memory(g);
			outbox_clear(&g->doing);
			return;
		}
		for (size_t i = 0; i < g->doing.n; i++) {
			const struct action *a = &g->doing.actions[i];
			perform(g, a->kind, outbox_get(&g->doing, i), a->len);
		}
		outbox_clear(&g->doing);
	}
}
