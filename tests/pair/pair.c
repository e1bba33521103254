#include "pair.h"

#include <stdio.h>
#include <stdlib.h>

void pair_additional(struct pair *p)
{
	p->ike = p->gwc.ike = "aes128gcm16-prfsha256-x25519-ke1_ecp256-ke4_ecp384";
	p->esp = p->gwc.esp = "aes128gcm16-x25519-noesn-ke2_ecp256";
}

int pair_group_setup(void **state)
{
	struct err e;

	(void)state;
	return crypto_init(&e) ? 0 : -1;
}

int pair_group_teardown(void **state)
{
	(void)state;
	crypto_exit();
	return 0;
}

void pair_init(struct pair *p, uint32_t seed)
{
	memset(p, 0, sizeof(*p));
	p->ike = "aes128gcm16-prfsha256-x25519";
	p->esp = "aes128gcm16-x25519-noesn";
	p->psk = "a long shared key of both";
	p->user = "anna";
	p->password = "correct horse";
	p->cfg = (struct ike_config){ .local_auth = IKE_AUTH_BY_PSK,
		.remote_psk = true,
		.fragmentation = true,
		.replay_window = 1024,
		.want_address = true,
		.psk = &p->psk_text };
	assert_true(id_parse(&p->cfg.local_id, "anna@example.org", NULL));
	assert_true(id_parse(&p->cfg.remote_id, "gw.example.org", NULL));
	p->gwc = (struct gw_config){ .id = "gw.example.org",
		.psk = p->psk,
		.user = "anna",
		.password = p->password,
		.address = "10.1.2.3",
		.nonce_i = -1,
		.nonce_r = -1 };
	p->wire = (struct net_config){ .seed = seed, .delay = 20 };
	assert_true(addr_parse(&p->path.local, "192.0.2.10"));
	assert_true(addr_parse(&p->path.remote, "198.51.100.1"));
	p->path.local.port = p->path.remote.port = 500;
	p->path.local_natt_port = 4500;
	p->path.mtu = 1500;
}

static void log_events(struct pair *p, const struct event *ev)
{
	p->events[ev->kind]++;
	if (p->net.trace)
		fprintf(stderr, "%8llu client: %s\n", (unsigned long long)p->net.now, ev->text);
	if (ev->kind == EV_GATEWAY_SAID || ev->kind == EV_NOT_REKEYED)
		snprintf(p->said, sizeof(p->said), "%s", ev->text);
	if (ev->kind == EV_STAGE)
		snprintf(p->stage, sizeof(p->stage), "%s", ev->text);
}

static void answer(struct pair *p, const struct ask *a, struct outbox *next)
{
	struct passphrase text = { 0 };
	const char *words = a->kind == ASK_USER ? p->user : p->password;

	p->asks++;
	snprintf(p->said, sizeof(p->said), "%s", a->prompt);
	if (p->mute)
		return;
	if (words)
		passphrase_set(&text, words, strlen(words));
	client_answer(&p->client, p->net.now, a->id, words ? &text : NULL, next);
}

static void find_gateway(struct pair *p, const struct resolve *r, struct outbox *next)
{
	struct os_input in = { .kind = OS_PATHS, .n_paths = 1, .paths = { p->path } };
	struct addr a;

	p->resolves++;
	in.ok = !p->unresolved || addr_parse(&a, r->host);
	if (!in.ok)
		err_set(&in.err, ERR_SILENT, "the name is not known");
	client_os(&p->client, p->net.now, &in, next);
}

static void configure(struct pair *p, const struct netconf *n, struct outbox *next)
{
	p->netconf = *n;
	p->n_routes = n->n_routes;
	p->n_blocked = 0;
	for (uint32_t i = 0; i < n->n_routes; i++)
		p->n_blocked += n->routes[i].kind == ROUTE_BLOCK;
	client_os(&p->client, p->net.now, &(struct os_input){ .kind = OS_NETCONF_DONE, .ok = true },
		next);
}

static void installed(struct pair *p, const struct sa_spec *spec, struct outbox *next)
{
	struct os_input in = { .kind = OS_SA_INSTALLED, .ok = !p->full, .spi = spec->spi };

	if (p->full)
		err_set(&in.err, ERR_LOCAL, "no room");
	client_os(&p->client, p->net.now, &in, next);
}

static void fetch(struct pair *p, const struct fetch *what, struct outbox *next)
{
	struct os_input in = { .kind = OS_FETCHED, .spi = what->id };

	p->fetches++;
	if (p->serve && p->serve(p, what, &in))
		client_os(&p->client, p->net.now, &in, next);
}

static void perform_one(struct pair *p, enum action_kind kind, const void *a, struct outbox *next)
{
	switch (kind) {
	case ACT_RESOLVE:
		find_gateway(p, a, next);
		break;
	case ACT_FETCH:
		fetch(p, a, next);
		break;
	case ACT_ASK:
		answer(p, a, next);
		break;
	case ACT_SA_INSTALL:
		installed(p, a, next);
		break;
	case ACT_SA_MOVE:
		client_os(&p->client, p->net.now,
			&(struct os_input){
				.kind = OS_SA_MOVED, .ok = !p->net.plane[CLIENT].cannot_move },
			next);
		break;
	case ACT_NETCONF:
		configure(p, a, next);
		break;
	case ACT_EVENT:
		log_events(p, a);
		break;
	case ACT_DOWN:
		p->downs++;
		p->down = *(const struct down *)a;
		break;
	case ACT_SA_EXPECT:
	case ACT_SEND:
	case ACT_SA_REMOVE:
	case ACT_KEYS:
		break; /* net_perform has done it */
	case ACT_L2TP_LINK:
	case ACT_L2TP:
		fail_msg("L2TP of a client that has none");
	}
}

/* Performs what the client wants and feeds back what an edge would, until it wants nothing. */
static void perform(struct pair *p)
{
	struct outbox next;

	outbox_init(&next);
	next.log_level = p->ob.log_level;
	next.keys = p->ob.keys;
	while (p->ob.n > 0) {
		net_perform(&p->net, CLIENT, &p->ob);
		for (size_t i = 0; i < p->ob.n; i++)
			perform_one(p, p->ob.actions[i].kind, outbox_get(&p->ob, i), &next);
		outbox_clear(&p->ob);
		struct outbox done = p->ob;
		p->ob = next;
		next = done;
	}
	outbox_free(&next);
	if (p->watch)
		p->watch(p);
}

static void perform_gw(struct pair *p)
{
	net_perform(&p->net, GATEWAY, &p->ob);
	outbox_clear(&p->ob);
	if (p->watch)
		p->watch(p);
}

void pair_start(struct pair *p)
{
	struct err e;

	passphrase_set(&p->psk_text, p->psk, strlen(p->psk));
	assert_ok(&e, prop_parse(&p->ike_props, PROTO_IKE, TIER_LEGACY, p->ike, &e));
	assert_ok(&e, prop_parse(&p->esp_props, PROTO_ESP, TIER_LEGACY, p->esp, &e));
	p->cfg.ike_proposals = &p->ike_props;
	p->cfg.esp_proposals = &p->esp_props;
	outbox_init(&p->ob);
	net_init(&p->net, &p->wire);
	p->ob.log_level = p->net.trace ? LEVEL_TRACE : LEVEL_ERROR;
	p->ob.keys = p->wire.keys;
	client_init(&p->client, &p->cfg, p->profile, p->wire.seed);
	gw_init(&p->gw, &p->gwc, p->wire.seed, PAIR_WALL);
	if (p->twice)
		gw_init(&p->other, &p->gwc, p->wire.seed + 7777, PAIR_WALL);
	if (p->plain_esp) {
		session_plain_esp(p->client.session);
		p->net.plane[CLIENT].cannot_move = true;
	}
	p->ping_at = p->ping_every ? p->net.now : TIME_NEVER;
	client_start(&p->client, p->net.now, PAIR_WALL, &p->path, &p->ob);
	perform(p);
}

void pair_free(struct pair *p)
{
	client_free(&p->client);
	resumption_free(&p->from);
	gw_free(&p->gw);
	if (p->twice)
		gw_free(&p->other);
	net_free(&p->net);
	outbox_free(&p->ob);
}

void pair_resume(struct pair *p)
{
	v2_abandon(p->client.v2, p->net.now, &p->ob);
	perform(p);
	resumption_free(&p->from);
	p->from = v2_resumption(p->client.v2);
	assert_non_null(p->from);
	client_free(&p->client);
	p->cfg.resume = p->from;
	client_init(&p->client, &p->cfg, NULL, ++p->wire.seed);
	client_start(&p->client, p->net.now, PAIR_WALL, &p->path, &p->ob);
	perform(p);
}

/* --- time ------------------------------------------------------------------------------------------ */

static bool gw_knows(const struct gateway *g, const uint8_t *spi_i)
{
	for (size_t i = 0; i < GW_SAS_MAX; i++)
		if (g->sas[i] && memcmp(g->sas[i]->spi_i, spi_i, IKE_SPI_LEN) == 0)
			return true;
	return false;
}

/* A client that nobody knows is let in where there is room. */
static struct gateway *gateway_for(struct pair *p, const struct flight *f)
{
	if (!p->twice || f->len < IKE_HDR_LEN || gw_knows(&p->gw, f->data))
		return &p->gw;
	return gw_knows(&p->other, f->data) || p->gw.phase == GW_UP ? &p->other : &p->gw;
}

static void deliver_esp(struct pair *p, const struct flight *f)
{
	if (!net_open(&p->net, f->to, f))
		return;
	if (f->to == GATEWAY) {
		gw_esp(&p->gw, p->net.now, f->spi, &p->ob);
		perform_gw(p);
		if (p->twice)
			gw_esp(&p->other, p->net.now, f->spi, &p->ob);
		perform_gw(p);
	} else if (f->spi != p->seen_spi) {
		p->seen_spi = f->spi;
		client_os(&p->client, p->net.now,
			&(struct os_input){ .kind = OS_SA_USED, .ok = true, .spi = f->spi },
			&p->ob);
		perform(p);
	}
}

static void deliver(struct pair *p)
{
	struct flight f = net_take(&p->net);

	if (f.esp) {
		deliver_esp(p, &f);
	} else if (f.to == GATEWAY) {
		gw_datagram(gateway_for(p, &f), p->net.now, &f.src, &f.dst, f.data, f.len, &p->ob);
		perform_gw(p);
	} else {
		struct datagram d = { .on = f.dst.port == p->path.local_natt_port ? PORT_NATT :
										    PORT_IKE,
			.local = f.dst,
			.remote = f.src,
			.data = f.data,
			.len = f.len };
		client_datagram(&p->client, p->net.now, &d, &p->ob);
		perform(p);
	}
	free(f.data);
}

static uint64_t first_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The next thing that happens, if it happens by then. */
static bool step(struct pair *p, uint64_t until)
{
	uint64_t at = first_of(net_next(&p->net), p->ping_at);

	uint64_t gw = gw_deadline(&p->gw), other = p->twice ? gw_deadline(&p->other) : TIME_NEVER;

	at = first_of(first_of(at, client_deadline(&p->client)), first_of(gw, other));
	if (at > until) {
		p->net.now = until;
		return false;
	}
	if (at > p->net.now)
		p->net.now = at;
	if (net_next(&p->net) <= p->net.now) {
		deliver(p);
	} else if (client_deadline(&p->client) <= p->net.now) {
		client_tick(&p->client, p->net.now, &p->ob);
		perform(p);
	} else if (first_of(gw, other) <= p->net.now) {
		gw_tick(gw <= other ? &p->gw : &p->other, p->net.now, &p->ob);
		perform_gw(p);
	} else {
		net_ping(&p->net, CLIENT);
		net_ping(&p->net, GATEWAY);
		p->ping_at = p->ping_every ? p->net.now + p->ping_every : TIME_NEVER;
	}
	return true;
}

bool pair_until(struct pair *p, bool (*done)(const struct pair *p), uint64_t ms)
{
	uint64_t until = p->net.now + ms, last = p->net.now;
	unsigned still = 0;

	while (!done || !done(p)) {
		if (!step(p, until))
			return done && done(p);
		still = p->net.now == last ? still + 1 : 0;
		last = p->net.now;
		if (still > 10000)
			fail_msg("time stands still at %llu", (unsigned long long)last);
	}
	return true;
}

void pair_run(struct pair *p, uint64_t ms)
{
	pair_until(p, NULL, ms);
}

bool pair_decided(const struct pair *p)
{
	return client_phase(&p->client) != IKE_CONNECTING;
}

bool pair_dead(const struct pair *p)
{
	return client_phase(&p->client) == IKE_DEAD;
}

bool pair_quiet(const struct pair *p)
{
	if (p->net.n > 0)
		return false;
	for (size_t i = 0; i < GW_SAS_MAX; i++)
		if (p->gw.sas[i] && p->gw.sas[i]->req.task != TASK_NONE)
			return false;
	for (size_t i = 0; p->client.v2 && i < V2_SAS_MAX; i++)
		if (p->client.v2->sas[i] && p->client.v2->sas[i]->req.task != TASK_NONE)
			return false;
	return true;
}

/* --- acting ------------------------------------------------------------------------------------------ */

void pair_connect(struct pair *p)
{
	pair_start(p);
	pair_until(p, pair_decided, SECONDS(600));
}

bool pair_try_command(struct pair *p, enum command c)
{
	bool ok = client_command(&p->client, p->net.now, c, &p->ob);

	perform(p);
	return ok;
}

void pair_command(struct pair *p, enum command c)
{
	assert_true(pair_try_command(p, c));
}

void pair_os(struct pair *p, const struct os_input *in)
{
	client_os(&p->client, p->net.now, in, &p->ob);
	perform(p);
}

void pair_answer(struct pair *p, uint32_t id, const struct passphrase *text)
{
	client_answer(&p->client, p->net.now, id, text, &p->ob);
	perform(p);
}

void pair_stop(struct pair *p)
{
	client_stop(&p->client, p->net.now, &p->ob);
	perform(p);
}

void pair_gw_at(struct pair *p, struct gateway *g, unsigned want)
{
	gw_ask(g, p->net.now, want, &p->ob);
	perform_gw(p);
}

void pair_gw(struct pair *p, unsigned want)
{
	pair_gw_at(p, &p->gw, want);
}

void pair_inject(struct pair *p, const void *data, size_t len, uint64_t after)
{
	struct addr src = p->path.remote, dst = p->path.local;

	if (p->client.v2->natt) {
		src.port = 4500;
		dst.port = p->path.local_natt_port;
	}
	net_send(&p->net, CLIENT, &src, &dst, data, len, after);
}

void pair_gw_send(struct pair *p, struct v2_sa *sa, uint8_t exchange, bool response, uint32_t mid,
	uint8_t first, struct bytes chain)
{
	gw_forge(&p->gw, p->net.now, sa, exchange, response, mid, first, chain, &p->ob);
	perform_gw(p);
}

void pair_tap(struct pair *p, net_tap *tap, void *arg)
{
	p->net.tap = tap;
	p->net.tap_arg = arg;
}

void pair_settle(struct pair *p)
{
	pair_run(p, SECONDS(60));
	assert_true(p->ping_every || pair_quiet(p));
}

/* --- checking ---------------------------------------------------------------------------------------- */

/* hosts: by whatever address, which each end has as it sees it. */
static void check_same_selectors(const struct selectors *a, const struct selectors *b, bool hosts)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		struct selector other = b->v[i];
		if (hosts) {
			memcpy(other.lo, a->v[i].lo, sizeof(other.lo));
			memcpy(other.hi, a->v[i].hi, sizeof(other.hi));
		}
		assert_true(selector_same(&a->v[i], &other));
	}
}

static void check_host(const struct selectors *ts, const struct addr *host)
{
	for (size_t i = 0; i < ts->n; i++) {
		assert_memory_equal(ts->v[i].lo, host->ip, addr_len(host->family));
		assert_memory_equal(ts->v[i].hi, host->ip, addr_len(host->family));
	}
}

/* In transport mode each end has the addresses that it sees. */
static void check_hosts(const struct sa_spec *sa)
{
	check_host(&sa->local_ts, &sa->local);
	check_host(&sa->remote_ts, &sa->remote);
}

/* One end's outbound SA is the other's inbound. */
static void check_mirror(const struct sa_spec *out, const struct plane *other)
{
	const struct sa_spec *in = plane_find(other, SA_IN, out->spi);

	if (!in) {
		fail_msg("outbound SA %08x has no other end", out->spi);
		return;
	}
	assert_int_equal(in->encr, out->encr);
	assert_int_equal(in->encr_bits, out->encr_bits);
	assert_int_equal(in->integ, out->integ);
	assert_int_equal(in->esn, out->esn);
	assert_int_equal(in->mode, out->mode);
	assert_int_equal(in->encap, out->encap);
	assert_int_equal(in->encr_key.len, out->encr_key.len);
	assert_memory_equal(in->encr_key.data, out->encr_key.data, out->encr_key.len);
	assert_int_equal(in->integ_key.len, out->integ_key.len);
	assert_memory_equal(in->integ_key.data, out->integ_key.data, out->integ_key.len);
	bool hosts = out->mode == SA_TRANSPORT;
	check_same_selectors(&in->local_ts, &out->remote_ts, hosts);
	check_same_selectors(&in->remote_ts, &out->local_ts, hosts);
	if (hosts) {
		check_hosts(in);
		check_hosts(out);
	}
}

static void check_planes(const struct net *n, size_t children)
{
	for (int e = 0; e < ENDS; e++) {
		assert_int_equal(n->plane[e].errors, 0);
		assert_int_equal(plane_count(&n->plane[e], SA_IN), children);
		assert_int_equal(plane_count(&n->plane[e], SA_OUT), children);
		for (size_t i = 0; i < n->plane[e].n; i++)
			if (n->plane[e].sa[i]->dir == SA_OUT)
				check_mirror(n->plane[e].sa[i], &n->plane[!e]);
	}
}

void pair_check_up(struct pair *p, size_t children)
{
	const struct v2 *v = p->client.v2;
	size_t sas = 0, gw_sas = 0;

	if (v->phase != IKE_UP)
		fail_msg("the client is not up: %s", v->failure.text);
	assert_int_equal(p->gw.phase, GW_UP);
	check_planes(&p->net, children);
	for (size_t i = 0; i < V2_SAS_MAX; i++)
		sas += v->sas[i] != NULL;
	for (size_t i = 0; i < GW_SAS_MAX; i++)
		gw_sas += p->gw.sas[i] && p->net.now < p->gw.sas[i]->gone_at;
	assert_int_equal(sas, 1);
	assert_int_equal(gw_sas, 1);
	assert_memory_equal(v->sa->spi_i, p->gw.sa->spi_i, IKE_SPI_LEN);
	assert_memory_equal(v->sa->spi_r, p->gw.sa->spi_r, IKE_SPI_LEN);
	assert_int_equal(v->children.n, children);
	assert_int_equal(p->gw.n_children, children);
	for (size_t i = 0; i < children; i++) {
		assert_int_equal(v->children.v[i]->state, CHILD_UP);
		assert_ptr_equal(v->children.v[i]->sa, v->sa);
		assert_int_equal(p->gw.children[i]->state, GWC_UP);
		assert_ptr_equal(p->gw.children[i]->sa, p->gw.sa);
	}
}

void pair_check_dead(struct pair *p, enum err_kind kind, uint16_t notify)
{
	const struct v2 *v = p->client.v2;

	if (v->phase != IKE_DEAD)
		fail_msg("the client is not dead but in phase %d", v->phase);
	if (v->failure.kind != kind || v->failure.notify != notify)
		fail_msg("it died of kind %d, notify %u: %s", v->failure.kind, v->failure.notify,
			v->failure.text);
	assert_int_equal(v->failure.text[0] != 0, kind != ERR_NONE);
	assert_int_equal(p->net.plane[CLIENT].n, 0);
	assert_int_equal(p->net.plane[CLIENT].errors, 0);
	assert_int_equal(p->net.plane[CLIENT].expected, 0);
	assert_int_equal(v->children.n, 0);
	for (size_t i = 0; i < V2_SAS_MAX; i++)
		assert_null(v->sas[i]);
}

bool pair_quantum_safe(const struct pair *p)
{
	struct ike_view *view = calloc(1, sizeof(*view));

	assert_non_null(view);
	v2_view(p->client.v2, view);
	bool safe = view->quantum_safe;
	free(view);
	return safe;
}
