#include "edge_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* --- opening and closing --------------------------------------------------------------------- */

static bool watch_sockets(struct edge *g, struct err *e)
{
	int fds[4];
	size_t n = udp_fds(g->udp, fds);

	for (size_t i = 0; i < n; i++)
		if (!loop_watch(&g->loop, fds[i], EPOLLIN, TAG_UDP, e))
			return false;
	return loop_watch(&g->loop, host_event_fd(g->host), EPOLLIN, TAG_HOST, e);
}

/* Asked before IKE starts: what is agreed on depends on it, for only the kernel has ESP without UDP. */
static bool kernel_can(struct edge *g)
{
	static const enum family families[] = { FAMILY_V4, FAMILY_V6 };

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (udp_port(g->udp, PORT_NATT, families[i]) &&
			!host_esp_probe(g->host, families[i]))
			return false;
	return true;
}

static bool choose_dataplane(struct edge *g, const struct profile *p, struct err *e)
{
	if (p->dataplane == DATAPLANE_USERSPACE)
		return true;
	g->kernel = kernel_can(g);
	if (!g->kernel && p->dataplane == DATAPLANE_KERNEL) {
		host_esp_why_not(g->host, e);
		return err_ctx(
			e, "connection.dataplane = kernel, where auto or userspace would do");
	}
	if (g->kernel)
		session_plain_esp(g->session);
	return true;
}

struct edge *edge_open(const struct profile *p, enum level log_level, struct err *e)
{
	struct edge *g = calloc(1, sizeof(*g));
	uint8_t seed[RNG_SEED_LEN];

	if (!g) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	outbox_init(&g->todo);
	outbox_init(&g->doing);
	outbox_init(&g->told);
	g->tun = g->full = -1;
	g->profile = p;
	g->alarm = TIME_NEVER;
	for (size_t i = 0; i < EDGE_SLOTS; i++)
		g->slots[i] = -1;
	edge_log_level(g, log_level);
	sleep_watch_start(&g->sleep);
	bool ok = loop_open(&g->loop, e) && edge_seed(seed, e) &&
		(g->host = host_open(p->name, e)) &&
		(!p->interface[0] || host_call_interface(g->host, p->interface, e)) &&
		(g->udp = udp_open(g->host, e)) &&
		(g->resolver = resolver_new(p->killswitch != KILLSWITCH_NO ?
				 host_name_servers :
				 host_name_servers_before,
			 e)) &&
		(g->session = session_new(p, seed, e)) && choose_dataplane(g, p, e) &&
		watch_sockets(g, e);
	wipe(seed, sizeof(seed));
	if (!ok) {
		edge_close(g, NULL);
		return NULL;
	}
	return g;
}

void edge_close(struct edge *g, struct outbox *events)
{
	struct outbox unheard;

	if (!g)
		return;
	outbox_init(&unheard);
	session_free(g->session);
	if (g->dp)
		g->dp->ops->free(g->dp);
	if (g->tun >= 0)
		close(g->tun);
	resolver_free(g->resolver);
	fetcher_free(g->fetcher);
	udp_close(g->udp);
	if (g->host)
		host_close(g->host, events ? events : &unheard);
	loop_close(&g->loop);
	outbox_free(&g->todo);
	outbox_free(&g->doing);
	outbox_free(&g->told);
	outbox_free(&unheard);
	free(g);
}

/* --- inputs ------------------------------------------------------------------------------------ */

static bool make_path(struct edge *g, const struct addr *remote, struct path *out, struct err *e)
{
	if (!host_path(g->host, remote, out, e))
		return false;
	out->local.port = udp_port(g->udp, PORT_IKE, remote->family);
	out->local_natt_port = udp_port(g->udp, PORT_NATT, remote->family);
	return out->local.port != 0 ||
		err_set(e, ERR_LOCAL, "there is no socket for IPv%u", remote->family);
}

/* One of those that are known was asked for by itself. */
static void know(struct edge *g, const struct addr *found, size_t n)
{
	for (size_t i = 0; i < g->n_known && n == 1; i++)
		if (addr_same_host(&g->known[i], &found[0]))
			return;
	memcpy(g->known, found, n * sizeof(found[0]));
	g->n_known = n;
}

static void take_addresses(struct edge *g)
{
	struct addr found[RESOLVE_ADDRS_MAX];
	struct os_input *in;
	size_t n = 0;
	struct err e = { 0 };

	if (!g->resolving || !resolver_result(g->resolver, found, &n, &e))
		return;
	g->resolving = false;
	in = calloc(1, sizeof(*in));
	if (!in) {
		g->todo.failed = true;
		return;
	}
	in->kind = OS_PATHS;
	know(g, found, n);
	for (size_t i = 0; i < n && in->n_paths < PATHS_MAX; i++) {
		if (make_path(g, &found[i], &in->paths[in->n_paths], &e))
			in->n_paths++;
	}
	in->ok = in->n_paths > 0;
	in->err = e;
	session_os(g->session, clock_now(), in, &g->todo);
	free(in);
}

static void take_document(struct edge *g)
{
	struct os_input in = { .kind = OS_FETCHED };
	struct fetcher *f = g->fetcher;

	if (!f || !fetcher_result(f, &in.body, &in.err))
		return;
	g->fetcher = NULL;
	in.ok = in.err.kind == ERR_NONE;
	in.spi = fetcher_id(f);
	session_os(g->session, clock_now(), &in, &g->todo);
	fetcher_free(f);
}

static void take_batch(struct edge *g, int fd)
{
	struct udp_datagram dgs[UDP_BATCH];
	size_t n = udp_receive(g->udp, fd, dgs);
	uint64_t now = clock_now();

	for (size_t i = 0; i < n;) {
		size_t run = i;
		while (run < n && dgs[run].class == UDP_ESP)
			run++;
		if (run > i && g->dp)
			g->dp->ops->esp_input(g->dp, &dgs[i], run - i);
		for (i = run; i < n && dgs[i].class == UDP_IKE; i++)
			session_datagram(g->session, now, &dgs[i].dg, &g->todo);
	}
}

static void take_datagrams(struct edge *g, int fd)
{
	do
		take_batch(g, fd);
	while (udp_pending(g->udp));
}

/* While a socket is full the TUN is left alone: what comes by it waits in the kernel. */
static void watch_output(struct edge *g)
{
	int fd = g->dp ? g->dp->ops->waits(g->dp) : -1;
	struct err e;

	if (fd == g->full)
		return;
	if (g->full >= 0)
		(void)!loop_watch(&g->loop, g->full, EPOLLIN, TAG_UDP, &e);
	if (fd >= 0)
		(void)!loop_watch(&g->loop, fd, EPOLLIN | EPOLLOUT, TAG_UDP, &e);
	(void)!loop_watch(&g->loop, g->tun, fd >= 0 ? 0 : EPOLLIN, TAG_DATAPLANE, &e);
	g->full = fd;
}

static void take_dataplane_events(struct edge *g)
{
	struct os_input in;
	struct bytes payload;

	while (g->dp && g->dp->ops->next_event(g->dp, &in))
		session_os(g->session, clock_now(), &in, &g->todo);
	while (g->dp && g->dp->ops->l2tp_next(g->dp, &payload))
		session_l2tp(g->session, clock_now(), payload, &g->todo);
	if (g->kernel) /* others may have removed its SAs */
		host_warnings(g->host, &g->told);
}

/* Somebody removed the interface, or took it down: without it nothing can be carried, and the
 * descriptor of a removed TUN stays ready. */
static void interface_gone(struct edge *g)
{
	struct os_input in = { .kind = OS_INTERFACE_GONE };
	struct host_view view;

	if (g->tun >= 0)
		loop_unwatch(&g->loop, g->tun);
	if (g->interface_gone)
		return;
	g->interface_gone = true;
	host_view(g->host, &view);
	err_set(&in.err, ERR_LOCAL, "somebody removed the interface %s, or took it down",
		view.interface);
	session_os(g->session, clock_now(), &in, &g->todo);
}

/* gone: all that happened is that the link to where the session sends went down. Where there is no way there,
 * there may be one to another address of the gateway. */
static void path_changed(struct edge *g, bool gone)
{
	struct os_input in = { .kind = OS_PATH_CHANGED, .ok = !gone };

	in.n_paths = !gone && g->remote.family && make_path(g, &g->remote, &in.paths[0], &in.err);
	for (size_t i = 0; i < g->n_known && in.n_paths == 0; i++)
		in.n_paths = g->known[i].family != g->remote.family &&
			host_reaches(g->host, &g->known[i]) &&
			make_path(g, &g->known[i], &in.paths[0], &in.err);
	session_os(g->session, clock_now(), &in, &g->todo);
}

static void take_host_events(struct edge *g)
{
	enum host_event ev;
	bool changed = false, gone = false;

	while ((ev = host_next_event(g->host)) != HOST_NOTHING) {
		changed = changed || ev == HOST_PATH_CHANGED;
		gone = ev == HOST_LINK_DOWN;
		if (ev == HOST_INTERFACE_GONE)
			interface_gone(g);
	}
	host_warnings(g->host, &g->told);
	if (changed || gone)
		path_changed(g, gone);
}

static void check_sleep(struct edge *g)
{
	struct os_input in = { .kind = OS_RESUMED };

	if (sleep_watch_slept(&g->sleep))
		session_os(g->session, clock_now(), &in, &g->todo);
}

/* --- waiting ------------------------------------------------------------------------------------ */

/* From now on these, in the place of those watched before. */
static void watch_now(struct edge *g, struct watched *w, unsigned tag, const int *fds,
	const uint32_t *events, size_t n)
{
	struct err e;

	for (size_t i = 0; i < w->n; i++)
		loop_unwatch(&g->loop, w->fds[i]);
	w->n = 0;
	for (size_t i = 0; i < n; i++)
		if (loop_watch(&g->loop, fds[i], events[i], tag, &e))
			w->fds[w->n++] = fds[i];
}

static void watch_questions(struct edge *g)
{
	int fds[RESOLVE_FDS_MAX];
	uint32_t events[RESOLVE_FDS_MAX];
	size_t n = g->resolving ? resolver_fds(g->resolver, fds, events) : 0;

	watch_now(g, &g->resolver_fds, TAG_RESOLVER, fds, events, n);
	n = g->fetcher ? fetcher_fds(g->fetcher, fds, events) : 0;
	watch_now(g, &g->fetcher_fds, TAG_FETCH, fds, events, n);
}

static uint64_t next_deadline(struct edge *g)
{
	uint64_t at = session_deadline(g->session);
	int ms = g->resolving ? resolver_timeout(g->resolver) : -1;

	if (ms >= 0 && clock_now() + (uint64_t)ms < at)
		at = clock_now() + (uint64_t)ms;
	if (g->fetcher)
		at = earliest(at, fetcher_deadline(g->fetcher, clock_now()));
	return earliest(earliest(at, g->alarm), g->warm_at);
}

static void tick(struct edge *g)
{
	uint64_t now = clock_now();

	if (g->resolving)
		resolver_work(g->resolver, -1, 0);
	if (g->fetcher)
		fetcher_work(g->fetcher, now, -1, 0);
	if (now >= session_deadline(g->session)) {
		if (g->dp)
			g->dp->ops->look(g->dp);
		take_dataplane_events(g);
		session_tick(g->session, now, &g->todo);
	}
	check_sleep(g);
}

/* One ready descriptor; true when it is the owner's business. */
static bool handle(struct edge *g, const struct loop_ready *r, struct edge_event *out)
{
	switch (r->tag) {
	case TAG_UDP:
		if (r->events & EPOLLOUT && g->dp)
			g->dp->ops->tun_input(g->dp);
		if (r->events & ~(uint32_t)EPOLLOUT)
			take_datagrams(g, r->fd);
		take_dataplane_events(g);
		break;
	case TAG_DATAPLANE:
		if (!g->kernel && (r->events & (EPOLLERR | EPOLLHUP))) {
			interface_gone(g);
			break;
		}
		g->dp->ops->tun_input(g->dp);
		take_dataplane_events(g);
		break;
	case TAG_HOST:
		take_host_events(g);
		break;
	case TAG_RESOLVER:
		resolver_work(g->resolver, r->fd, r->events);
		break;
	case TAG_FETCH:
		if (g->fetcher)
			fetcher_work(g->fetcher, clock_now(), r->fd, r->events);
		break;
	case LOOP_TAG_SIGNAL:
		out->signal = loop_signal(&g->loop);
		out->kind = EDGE_SIGNAL;
		return out->signal != 0;
	default:
		if (r->tag < TAG_SLOT || r->tag >= TAG_SLOT + EDGE_SLOTS)
			break;
		out->kind = EDGE_WATCHED;
		out->slot = r->tag - TAG_SLOT;
		return g->slots[out->slot] == r->fd;
	}
	return false;
}

static bool next_told(struct edge *g, struct edge_event *out)
{
	if (g->told_next == g->told.n) {
		outbox_clear(&g->told);
		g->told_next = 0;
		return false;
	}
	size_t i = g->told_next++;
	const void *what = outbox_get(&g->told, i);
	if (g->told.actions[i].kind == ACT_ASK) {
		out->kind = EDGE_ASK;
		out->ask = *(const struct ask *)what;
	} else if (g->told.actions[i].kind == ACT_DOWN) {
		out->kind = EDGE_DOWN;
		out->down = *(const struct down *)what;
	} else if (g->told.actions[i].kind == ACT_KEYS) {
		out->kind = EDGE_KEYS;
		out->keys = *(const struct keys *)what;
	} else {
		out->kind = EDGE_EVENT;
		out->event = *(const struct event *)what;
	}
	return true;
}

void edge_next(struct edge *g, struct edge_event *out)
{
	for (;;) {
		take_addresses(g);
		take_document(g);
		edge_perform(g);
		if (next_told(g, out))
			return;
		if (clock_now() >= g->alarm) {
			g->alarm = TIME_NEVER;
			out->kind = EDGE_ALARM;
			return;
		}
		if (g->ready_next < g->n_ready) {
			if (handle(g, &g->ready[g->ready_next++], out))
				return;
			continue;
		}
		watch_questions(g);
		watch_output(g);
		g->ready_next = g->n_ready = 0;
		edge_while_waiting(g);
		if (g->n_ready == 0)
			g->n_ready = loop_wait(&g->loop, next_deadline(g), g->ready);
		tick(g);
	}
}

/* --- what the owner asks for ----------------------------------------------------------------- */

void edge_start(struct edge *g)
{
	session_start(g->session, clock_now(), clock_wall(), &g->todo);
}

bool edge_watch(struct edge *g, unsigned slot, int fd, struct err *e)
{
	if (g->slots[slot] == fd)
		return true;
	if (g->slots[slot] >= 0)
		loop_unwatch(&g->loop, g->slots[slot]);
	g->slots[slot] = fd;
	return fd < 0 || loop_watch(&g->loop, fd, EPOLLIN, TAG_SLOT + slot, e);
}

void edge_alarm(struct edge *g, uint32_t ms)
{
	g->alarm = ms ? clock_now() + ms : TIME_NEVER;
}

void edge_answer(struct edge *g, uint32_t id, const struct passphrase *text)
{
	session_answer(g->session, clock_now(), id, text, &g->todo);
}

bool edge_command(struct edge *g, enum command c, struct err *e)
{
	return session_command(g->session, clock_now(), c, &g->todo, e);
}

void edge_stop(struct edge *g)
{
	session_stop(g->session, clock_now(), &g->todo);
}

void edge_log_level(struct edge *g, enum level level)
{
	g->todo.log_level = g->doing.log_level = g->told.log_level = level;
}

void edge_keylog(struct edge *g, bool on)
{
	g->todo.keys = g->doing.keys = on;
	session_keys(g->session, &g->todo);
}

static void add_counters(struct edge *g, struct status_child *c)
{
	struct sa_counters n;

	if (g->dp->ops->counters(g->dp, SA_IN, c->spi_in, &n)) {
		c->bytes_in = n.bytes;
		c->packets_in = n.packets;
		c->replay_drops = n.replay_drops;
		c->integrity_failures = n.integrity_failures;
	}
	if (g->dp->ops->counters(g->dp, SA_OUT, c->spi_out, &n)) {
		c->bytes_out = n.bytes;
		c->packets_out = n.packets;
	}
}

static void block_ipv6(struct status *out)
{
	for (size_t i = 0; i < out->n_routes && i < STATUS_ROUTES; i++) {
		struct route *r = &out->routes[i];
		if (r->kind != ROUTE_TUNNEL || r->dst.family != FAMILY_V6)
			continue;
		r->kind = ROUTE_BLOCK;
		out->n_of_kind[ROUTE_TUNNEL]--;
		out->n_of_kind[ROUTE_BLOCK]++;
	}
}

void edge_status(struct edge *g, struct status *out)
{
	struct host_view view;

	session_status(g->session, clock_now(), out);
	out->dataplane = g->kernel ? "kernel" : "userspace";
	host_view(g->host, &view);
	memcpy(out->interface, view.interface, sizeof(out->interface));
	out->killswitch = view.killswitch;
	memcpy(out->dns_via, view.dns_via, sizeof(out->dns_via));
	out->dns_covered = view.dns_covered;
	if (view.no_ipv6)
		block_ipv6(out);
	host_rivals(g->host, out->routes,
		out->n_routes < STATUS_ROUTES ? out->n_routes : STATUS_ROUTES, out->rivals);
	for (size_t i = 0; g->dp && i < out->n_children; i++)
		add_counters(g, &out->children[i]);
}

bool edge_explain(const struct edge *g, struct down *out)
{
	return session_explain(g->session, out);
}
