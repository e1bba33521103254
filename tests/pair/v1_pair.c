#include "v1_pair.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../src/ike/attr.h"
#include "../../src/session/state.h"

enum { XAUTH_NAME = 16521, XAUTH_PASSWORD = 16522, XAUTH_PASSCODE = 16523, XAUTH_STATUS = 16527 };
enum { REQUEST = 1, REPLY = 2, SET = 3, ACK = 4 };

static void config(struct ike_config *c, struct passphrase *psk, struct proposals *ike,
	struct proposals *esp, const char *own)
{
	*c = (struct ike_config){ .local_auth = IKE_AUTH_BY_PSK,
		.remote_psk = true,
		.fragmentation = true,
		.replay_window = 1024,
		.psk = psk,
		.ike_proposals = ike,
		.ike_accepted = ike,
		.esp_proposals = esp,
		.pfs = TRI_YES };
	assert_true(id_parse(&c->local_id, own, NULL));
}

int v1_pair_group_setup(void **state)
{
	struct err e;

	(void)state;
	return crypto_init(&e) ? 0 : -1;
}

int v1_pair_group_teardown(void **state)
{
	(void)state;
	crypto_exit();
	return 0;
}

void v1_pair_init(struct v1_pair *p, uint32_t seed)
{
	struct err e;

	memset(p, 0, sizeof(*p));
	assert_true(passphrase_set(&p->psk, "a shared key", 12));
	p->gw_psk = p->psk;
	assert_ok(&e, prop_parse(&p->ike, PROTO_IKE, TIER_LEGACY, "aes256-sha1-ecp256", &e));
	assert_ok(&e, prop_parse(&p->esp, PROTO_ESP, TIER_LEGACY, "aes128-sha1", &e));
	p->gw_ike = p->ike;
	p->gw_esp = p->esp;
	config(&p->cfg, &p->psk, &p->ike, &p->esp, "anna@example.org");
	config(&p->gw_cfg, &p->gw_psk, &p->gw_ike, &p->gw_esp, "gw.example.org");
	p->cfg.want_address = true;
	p->cfg.eap.user = "anna";
	p->wire = (struct net_config){ .seed = seed, .delay = 20 };
	p->password = "correct horse";
}

struct v1_pair *v1_pair_new(uint32_t seed)
{
	struct v1_pair *p = malloc(sizeof(*p));

	assert_non_null(p);
	v1_pair_init(p, seed);
	return p;
}

void v1_pair_done(struct v1_pair *p)
{
	v1_pair_free(p);
	free(p);
}

/* --- the client, engine or session ---------------------------------------------------------------------- */

/* After each call into a session: which engine it has now. */
static void look(struct v1_pair *p)
{
	if (p->session)
		p->client = p->session->engine ? p->session->engine->v1 : NULL;
}

static void client_new(struct v1_pair *p, const uint8_t seed[RNG_SEED_LEN], const struct path *path)
{
	struct err e;

	if (p->profile) {
		p->session = session_new(p->profile, seed, &e);
		assert_non_null(p->session);
		session_start(p->session, p->net.now, 1750000000, &p->ob);
		look(p);
		return;
	}
	p->client = v1_new(&p->cfg, &p->rng[CLIENT], &e);
	assert_non_null(p->client);
	v1_start(p->client, p->net.now, 1750000000, path, true, &p->ob);
}

static void client_datagram(struct v1_pair *p, const struct datagram *d)
{
	if (p->session)
		session_datagram(p->session, p->net.now, d, &p->ob);
	else
		v1_datagram(p->client, p->net.now, d, &p->ob);
	look(p);
}

static void client_answer(
	struct v1_pair *p, uint32_t id, const struct passphrase *text, struct outbox *next)
{
	if (p->session)
		session_answer(p->session, p->net.now, id, text, next);
	else
		v1_answer(p->client, p->net.now, id, text, next);
	look(p);
}

static void client_os(struct v1_pair *p, const struct os_input *in, struct outbox *next)
{
	if (p->session)
		session_os(p->session, p->net.now, in, next);
	look(p);
}

static void client_tick(struct v1_pair *p)
{
	if (p->session)
		session_tick(p->session, p->net.now, &p->ob);
	else
		v1_tick(p->client, p->net.now, &p->ob);
	look(p);
}

static uint64_t client_deadline(const struct v1_pair *p)
{
	return p->session ? session_deadline(p->session) : v1_deadline(p->client);
}

/* --- the gateway ----------------------------------------------------------------------------------------- */

static void gw_new(struct v1_pair *p)
{
	struct err e;

	v1_free(p->gw);
	p->gw = v1_new(&p->gw_cfg, &p->rng[GATEWAY], &e);
	assert_non_null(p->gw);
	p->gw->path = p->back;
	p->gw->now = p->gw->wall_at = p->net.now;
	p->gw->wall = 1750000000;
	p->gw->phase = IKE_UP; /* so that it serves a phase 1 that the other side starts */
	p->gw->n_pairs = 1;
	selector_all(&p->gw->pairs[0].local, FAMILY_V4);
	selector_all(&p->gw->pairs[0].remote, FAMILY_V4);
	if (p->serves_port) {
		p->gw->pairs[0].remote.proto = 17;
		p->gw->pairs[0].remote.port_lo = p->gw->pairs[0].remote.port_hi = p->serves_port;
	}
}

/* --- both ------------------------------------------------------------------------------------------------ */

void v1_pair_start(struct v1_pair *p)
{
	uint8_t seed[RNG_SEED_LEN] = { 1, p->wire.seed >> 8, p->wire.seed };
	struct path path = { .mtu = 1500, .local_natt_port = 4500 }, back = path;

	assert_true(
		addr_parse(&path.local, "192.0.2.10") && addr_parse(&path.remote, "198.51.100.1"));
	path.local.port = path.remote.port = 500;
	back.local = path.remote;
	back.remote = path.local;
	outbox_init(&p->ob);
	net_init(&p->net, &p->wire);
	p->ob.log_level = p->net.trace ? LEVEL_TRACE : LEVEL_ERROR;
	p->ob.keys = p->wire.keys;
	rng_seed(&p->rng[CLIENT], seed);
	seed[0] = 2;
	rng_seed(&p->rng[GATEWAY], seed);
	p->back = back;
	gw_new(p);
	p->path = path;
	seed[0] = 1;
	client_new(p, seed, &path);
	/* Main mode then offers the method without a login; what is tested is the login itself. */
	p->cfg.xauth = p->login;
}

void v1_pair_free(struct v1_pair *p)
{
	if (p->session)
		session_free(p->session);
	else
		v1_free(p->client);
	v1_free(p->gw);
	net_free(&p->net);
	outbox_free(&p->ob);
}

/* --- the client's actions ------------------------------------------------------------------------- */

static void answer(struct v1_pair *p, const struct ask *a, struct outbox *next)
{
	const char *words = a->kind == ASK_CODE ? "123456" :
		a->kind == ASK_USER             ? "anna" :
						  p->password;
	struct passphrase text;

	p->asks++;
	p->ask_id = a->id;
	snprintf(p->said, sizeof(p->said), "%s", a->prompt);
	if (p->mute)
		return;
	if (words)
		assert_true(passphrase_set(&text, words, strlen(words)));
	client_answer(p, a->id, words ? &text : NULL, next);
}

/* What a session wants besides. */
static void perform_one(
	struct v1_pair *p, enum action_kind kind, const void *a, struct outbox *next)
{
	struct os_input in = { .ok = true };

	switch (kind) {
	case ACT_RESOLVE:
		in.kind = OS_PATHS;
		in.n_paths = 1;
		in.paths[0] = p->path;
		client_os(p, &in, next);
		break;
	case ACT_SA_INSTALL:
		in.kind = OS_SA_INSTALLED;
		in.spi = ((const struct sa_spec *)a)->spi;
		client_os(p, &in, next);
		break;
	case ACT_NETCONF:
		p->netconf = *(const struct netconf *)a;
		in.kind = OS_NETCONF_DONE;
		in.ok = !p->netconf_refused;
		if (!in.ok)
			err_set(&in.err, ERR_LOCAL, "the machine cannot be set up");
		client_os(p, &in, next);
		break;
	case ACT_L2TP_LINK:
		behind_link(p->behind, a);
		break;
	case ACT_L2TP:
		behind_send(p->behind, &p->net, a);
		break;
	case ACT_DOWN:
		p->downs++;
		p->down = *(const struct down *)a;
		break;
	case ACT_ASK:
		answer(p, a, next);
		break;
	case ACT_SA_EXPECT:
	case ACT_FETCH:
	case ACT_SEND:
	case ACT_SA_REMOVE:
	case ACT_SA_MOVE:
	case ACT_KEYS:
	case ACT_EVENT:
		break; /* net_perform has done it, or perform does */
	}
}

static void note(struct v1_pair *p, enum end at, const struct event *ev)
{
	if (at == CLIENT && (ev->kind == EV_GATEWAY_SAID || ev->kind == EV_NOT_REKEYED))
		snprintf(p->heard, sizeof(p->heard), "%s", ev->text);
	if (strstr(ev->text, "own address"))
		snprintf(p->noted[at], sizeof(p->noted[at]), "%s", ev->text);
}

static void perform(struct v1_pair *p)
{
	struct outbox next;

	outbox_init(&next);
	next.log_level = p->ob.log_level;
	next.keys = p->ob.keys;
	while (p->ob.n > 0) {
		for (size_t i = 0; i < p->ob.n; i++) {
			const void *a = outbox_get(&p->ob, i);
			net_perform_one(&p->net, CLIENT, p->ob.actions[i].kind, a);
			perform_one(p, p->ob.actions[i].kind, a, &next);
			if (p->ob.actions[i].kind != ACT_EVENT)
				continue;
			const struct event *ev = a;
			p->events[ev->kind]++;
			note(p, CLIENT, ev);
			if (p->net.trace)
				fprintf(stderr, "%8llu client: %s\n",
					(unsigned long long)p->net.now, ev->text);
		}
		outbox_clear(&p->ob);
		struct outbox done = p->ob;
		p->ob = next;
		next = done;
	}
	outbox_free(&next);
}

void v1_pair_perform_gw(struct v1_pair *p)
{
	for (size_t i = 0; i < p->ob.n; i++) {
		const struct event *ev = outbox_get(&p->ob, i);
		if (p->ob.actions[i].kind != ACT_EVENT)
			continue;
		note(p, GATEWAY, ev);
		if (p->net.trace)
			fprintf(stderr, "%8llu gateway: %s\n", (unsigned long long)p->net.now,
				ev->text);
	}
	net_perform(&p->net, GATEWAY, &p->ob);
	outbox_clear(&p->ob);
}

/* --- the gateway's transactions ----------------------------------------------------------------------- */

static void send_attributes(struct v1_pair *p, struct v1_xchg *x, uint8_t type, uint16_t identifier,
	struct bytes attributes, bool wait)
{
	uint8_t buf[512];
	struct ikew k;
	struct err e;

	ikew_chain(&k, buf, sizeof(buf));
	ikew_payload(&k, V1P_ATTR);
	wr_u8(&k.w, type);
	wr_u8(&k.w, 0);
	wr_u16(&k.w, identifier);
	wr_bytes(&k.w, attributes.p, attributes.n);
	assert_ok(&e, v1_send(p->gw, x, V1_TRANSACTION, (struct bytes){ 0 }, &k, wait, &p->ob, &e));
}

static void ask_client(struct v1_pair *p, uint8_t type, struct bytes attributes)
{
	struct v1_xchg *x = v1_xchg_new(p->gw, p->gw->sa, V1X_PULL, v1_new_mid(p->gw, p->gw->sa));

	assert_non_null(x);
	p->asked_mid = x->mid;
	send_attributes(p, x, type, 77, attributes, true);
}

static void scripted_round(struct v1_pair *p)
{
	const struct v1_round *r = &p->rounds[p->round];
	uint8_t buf[256];

	if (r->says)
		ask_client(p, (uint8_t)r->type,
			(struct bytes){ buf, test_hex(r->says, buf, sizeof(buf)) });
	else
		p->logged_in = true;
}

static void check_round(const struct v1_pair *p, struct rd r)
{
	const struct v1_round *now = &p->rounds[p->round];
	uint8_t want[256];

	if (!now->wants)
		return;
	size_t n = test_hex(now->wants, want, sizeof(want));
	if (n != r.left || memcmp(want, r.p, n) != 0)
		fail_msg(
			"round %u: %zu octets instead of %zu: %s", p->round, r.left, n, now->wants);
}

static void next_round(struct v1_pair *p)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	if (p->rounds) {
		scripted_round(p);
		return;
	}
	if (p->round == 0) {
		v1_attr_write(&w, XAUTH_NAME, (struct bytes){ 0 });
		v1_attr_write(&w, XAUTH_PASSWORD, (struct bytes){ 0 });
	} else if (p->round == 1) {
		v1_attr_write(&w, 16524, BYTES("Enter your token"));
		v1_attr_write(&w, XAUTH_PASSCODE, (struct bytes){ 0 });
	} else {
		v1_attr_short(&w, XAUTH_STATUS, !p->refused);
	}
	ask_client(p, p->round < 2 ? REQUEST : SET, (struct bytes){ buf, w.len });
}

static void check_words(struct v1_pair *p, struct rd r)
{
	static const struct {
		uint16_t type;
		const char *words;
	} want[] = { { XAUTH_NAME, "anna" }, { XAUTH_PASSWORD, "correct horse" },
		{ XAUTH_PASSCODE, "123456" } };
	struct v1_attr a;

	while (v1_attr_next(&r, &a))
		for (size_t i = 0; i < ARRAY_LEN(want); i++)
			if (a.type == want[i].type &&
				(a.value.n != strlen(want[i].words) ||
					memcmp(a.value.p, want[i].words, a.value.n) != 0))
				p->refused = true;
}

static void refuse_config(struct v1_pair *p)
{
	uint8_t buf[64];
	struct ikew k;

	if (!p->config_refused)
		return;
	ikew_chain(&k, buf, sizeof(buf));
	v1_notify_write(&k, p->gw->sa, p->config_refused, (struct bytes){ 0 });
	v1_send_info(p->gw, p->gw->sa, &k, &p->ob);
}

/* What it asked is answered: the same answer once more is not. */
static void asked_done(struct v1_pair *p, struct v1_xchg *x)
{
	v1_xchg_done(p->gw, x);
	kept_free(&x->sent);
}

static void transaction(struct v1_pair *p, struct v1_xchg *x, struct bytes body)
{
	struct rd r = rd_init(body.p, body.n);
	uint8_t type = rd_u8(&r), given[256];
	size_t n = test_hex(p->config ? p->config : "0001 0004 0a010203", given, sizeof(given));

	rd_u8(&r);
	uint16_t identifier = rd_u16(&r);
	if (type == REQUEST) {
		struct v1_attr a;
		p->pulls++;
		p->asked_v6 = false;
		while (v1_attr_next(&r, &a))
			p->asked_v6 |= a.type == INTERNAL_IP6_ADDRESS;
		if (p->no_config || (p->only_v4 && p->asked_v6))
			refuse_config(p);
		else
			send_attributes(p, x, REPLY, identifier, (struct bytes){ given, n }, false);
	} else if (p->rounds && x->mid == p->asked_mid) {
		asked_done(p, x);
		check_round(p, r);
		p->round++;
		next_round(p);
	} else if (type == REPLY && x->mid == p->asked_mid) {
		check_words(p, r);
		asked_done(p, x);
		p->round = p->refused ? 2 : p->round + 1;
		next_round(p);
	} else if (type == ACK && x->mid == p->asked_mid) {
		asked_done(p, x);
		p->logged_in = !p->refused;
	}
}

/* --- the gateway's quick mode by script ------------------------------------------------------------------- */

static void answer_quick(struct v1_pair *p, struct v1_xchg *x, const struct payloads *got)
{
	struct v1_esp_form f = { .mode = p->cfg.mode,
		.encap = p->gw->natt,
		.natt = p->gw->natt ? NATT_RFC : NATT_NONE };
	uint8_t buf[2048], nonce[1024] = { 7 };
	const struct payload *ni = payload_find(got, V1P_NONCE);
	struct v1_terms t;
	struct ikew k;
	struct err e;

	assert_ok(&e,
		v1_sa_read_phase2(payload_find(got, V1P_SA)->body, &p->gw_esp, &f, true, &t, &e));
	ikew_chain(&k, buf, sizeof(buf));
	v1_sa_answer_phase2(&k, &t, &f, 0x12345678);
	ikew_bytes(&k, V1P_NONCE, (struct bytes){ nonce, p->quick_nonce ? p->quick_nonce : 16 });
	for (size_t i = 0; i < 2; i++)
		ikew_bytes(&k, V1P_ID, payload_nth(got, V1P_ID, i)->body);
	p->append(p, &k);
	assert_ok(&e, v1_send(p->gw, x, V1_QUICK_MODE, ni->body, &k, false, &p->ob, &e));
}

/* Opens a message of the client as the engine would, and hands its payloads to the script. */
static void gw_script(struct v1_pair *p, const struct ike_hdr *h, const struct flight *f)
{
	struct v1_sa *sa = p->gw->sa;
	struct v1_xchg *x = sa ? v1_xchg_find(p->gw, sa, h->mid) : NULL;
	uint8_t next[V1_BLOCK_MAX], seen[V1_SEEN_LEN],
		id[4] = { h->mid >> 24, h->mid >> 16, h->mid >> 8, h->mid };
	struct payloads got;
	size_t used;
	struct err e;

	if (!sa || memcmp(sa->cky_i, h->spi_i, IKE_SPI_LEN) != 0)
		return; /* it came before phase 1 was done: the client sends it again */
	if (!x)
		x = v1_xchg_new(p->gw, sa, V1X_ANSWER, h->mid);
	v1_digest((struct bytes){ f->data, f->len }, seen);
	if (memcmp(seen, x->seen, sizeof(seen)) == 0) {
		if (!x->waiting)
			v1_transmit(p->gw, &x->sent, &p->ob);
		return;
	}
	uint8_t *copy = malloc(f->len);
	assert_non_null(copy);
	memcpy(copy, f->data, f->len);
	if (v1_open(sa, x->iv, copy, f->len, next, &e) &&
		v1_payloads_read(&got, h->next,
			(struct bytes){ copy + IKE_HDR_LEN, f->len - IKE_HDR_LEN }, &used, &e) &&
		got.n >= 2) {
		size_t behind = 4 + got.v[0].body.n;
		struct bytes parts[] = { { id, 4 },
			{ copy + IKE_HDR_LEN + behind, used - behind } };
		assert_true(v1_hash_is(sa, got.v[0].body, parts, 2));
		memcpy(x->iv, next, sizeof(next));
		memcpy(x->seen, seen, sizeof(seen));
		if (h->exchange == V1_QUICK_MODE)
			answer_quick(p, x, &got);
		else
			transaction(p, x, got.v[1].body);
	}
	free(copy);
}

/* --- the gateway ----------------------------------------------------------------------------------------- */

static bool gw_is_idle(const struct v1_pair *p)
{
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (p->gw->sas[i] && p->gw->sas[i]->state != V1_GONE)
			return false;
	return true;
}

static void gw_datagram(struct v1_pair *p, const struct flight *f)
{
	struct datagram d = { .on = f->dst.port == 4500 ? PORT_NATT : PORT_IKE,
		.local = f->dst,
		.remote = f->src,
		.data = f->data,
		.len = f->len };
	struct ike_hdr h;
	struct err e;

	if (p->gw->phase == IKE_DEAD || (p->session && gw_is_idle(p)))
		gw_new(p); /* a client that is told to reconnect comes again */
	p->gw->now = p->net.now;
	p->gw->natt = f->dst.port == 4500;
	p->gw->path.remote = f->src;
	if (!ike_hdr_read_v1(&h, (struct bytes){ f->data, f->len }, &e))
		return; /* a keepalive */
	if (h.exchange == V1_TRANSACTION || (h.exchange == V1_QUICK_MODE && p->append))
		gw_script(p, &h, f);
	else
		v1_dispatch(p->gw, &d, &p->ob);
	if (p->login && p->gw->sa && !p->asked_mid)
		next_round(p);
}

static uint64_t gw_deadline(const struct v1_pair *p)
{
	uint64_t at = TIME_NEVER;

	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (p->gw->xchgs[i] && p->gw->xchgs[i]->waiting &&
			p->gw->xchgs[i]->rexmit.next < at)
			at = p->gw->xchgs[i]->rexmit.next;
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (p->gw->sas[i] && p->gw->sas[i]->p1->waiting &&
			p->gw->sas[i]->p1->rexmit.next < at)
			at = p->gw->sas[i]->p1->rexmit.next;
	return at;
}

static void gw_again(struct v1_pair *p, struct rexmit *x, bool *waiting, const struct kept *sent)
{
	if (!*waiting || x->next > p->net.now)
		return;
	if (rexmit_again(x, p->net.now, &p->rng[GATEWAY]))
		v1_transmit(p->gw, sent, &p->ob);
	else
		*waiting = false;
}

static void gw_tick(struct v1_pair *p)
{
	p->gw->now = p->net.now;
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (p->gw->xchgs[i])
			gw_again(p, &p->gw->xchgs[i]->rexmit, &p->gw->xchgs[i]->waiting,
				&p->gw->xchgs[i]->sent);
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (p->gw->sas[i] && p->gw->sas[i]->state != V1_GONE)
			gw_again(p, &p->gw->sas[i]->p1->rexmit, &p->gw->sas[i]->p1->waiting,
				&p->gw->sas[i]->p1->sent);
}

void v1_pair_gw_rekeys(struct v1_pair *p)
{
	struct err e;

	p->gw->now = p->net.now;
	assert_ok(&e, v1_quick_send(p->gw, p->gw->sa, p->gw->children.v[0], NULL, &p->ob, &e));
	v1_pair_perform_gw(p);
}

void v1_pair_gw_asks(struct v1_pair *p, const struct v1_round *rounds)
{
	p->rounds = rounds;
	p->round = 0;
	p->logged_in = false;
	p->gw->now = p->net.now;
	next_round(p);
	v1_pair_perform_gw(p);
}

void v1_pair_gw_renews(struct v1_pair *p)
{
	struct err e;

	p->gw->now = p->net.now;
	assert_ok(&e, v1_phase1_begin(p->gw, false, &p->ob, &e));
	v1_pair_perform_gw(p);
}

void v1_pair_gw_info(struct v1_pair *p, struct ikew *k)
{
	p->gw->now = p->net.now;
	v1_send_info(p->gw, p->gw->sa, k, &p->ob);
	v1_pair_perform_gw(p);
}

void v1_pair_delete_child(struct ikew *k, uint32_t spi)
{
	ikew_payload(k, V1P_D);
	wr_u32(&k->w, DOI_IPSEC);
	wr_u8(&k->w, PROTO_ESP);
	wr_u8(&k->w, 4);
	wr_u16(&k->w, 1);
	wr_u32(&k->w, spi);
}

/* --- time --------------------------------------------------------------------------------------------------- */

static void deliver(struct v1_pair *p)
{
	struct flight f = net_take(&p->net);

	if (f.to == GATEWAY) {
		gw_datagram(p, &f);
		v1_pair_perform_gw(p);
	} else {
		struct datagram d = { .on = f.dst.port == 4500 ? PORT_NATT : PORT_IKE,
			.local = f.dst,
			.remote = f.src,
			.data = f.data,
			.len = f.len };
		client_datagram(p, &d);
		perform(p);
	}
	free(f.data);
}

static void step_behind(struct v1_pair *p)
{
	uint8_t payload[WIRE_FRAME_MAX];
	size_t len;

	if (!behind_step(p->behind, &p->net, payload, &len))
		return;
	session_l2tp(p->session, p->net.now, (struct bytes){ payload, len }, &p->ob);
	look(p);
	perform(p);
}

static bool step(struct v1_pair *p, uint64_t until)
{
	uint64_t at = net_next(&p->net), client = client_deadline(p), gw = gw_deadline(p);
	uint64_t behind = p->behind ? behind_deadline(p->behind) : TIME_NEVER;

	at = behind < at ? behind : at;
	at = client < at ? client : at;
	at = gw < at ? gw : at;
	if (at > until) {
		p->net.now = until;
		return false;
	}
	p->net.now = at > p->net.now ? at : p->net.now;
	if (net_next(&p->net) <= p->net.now) {
		deliver(p);
	} else if (client <= p->net.now) {
		client_tick(p);
		perform(p);
	} else if (behind <= p->net.now) {
		step_behind(p);
	} else {
		gw_tick(p);
		v1_pair_perform_gw(p);
	}
	return true;
}

bool v1_pair_until(struct v1_pair *p, bool (*done)(const struct v1_pair *p), uint64_t ms)
{
	uint64_t until = p->net.now + ms, last = 0;
	unsigned still = 0;

	perform(p);
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

void v1_pair_run(struct v1_pair *p, uint64_t ms)
{
	v1_pair_until(p, NULL, ms);
}

bool v1_pair_decided(const struct v1_pair *p)
{
	if (p->session)
		return p->session->phase == PHASE_UP || p->session->phase == PHASE_DOWN;
	return p->client->phase != IKE_CONNECTING;
}

void v1_pair_connect(struct v1_pair *p)
{
	v1_pair_start(p);
	v1_pair_until(p, v1_pair_decided, SECONDS(600));
}

void v1_pair_answer(struct v1_pair *p, const char *words)
{
	struct passphrase text;

	assert_true(!words || passphrase_set(&text, words, strlen(words)));
	client_answer(p, p->ask_id, words ? &text : NULL, &p->ob);
	perform(p);
}

void v1_pair_stop(struct v1_pair *p)
{
	session_stop(p->session, p->net.now, &p->ob);
	look(p);
	perform(p);
}

void v1_pair_command(struct v1_pair *p, enum command c)
{
	struct err e;

	if (p->session)
		assert_ok(&e, session_command(p->session, p->net.now, c, &p->ob, &e));
	else
		assert_ok(&e, v1_command(p->client, p->net.now, c, &p->ob, &e));
	look(p);
	perform(p);
}

void v1_pair_inject(struct v1_pair *p, const void *data, size_t len)
{
	struct addr src = p->client->path.remote, dst = v1_local(p->client);

	net_send(&p->net, CLIENT, &src, &dst, data, len, 1);
	v1_pair_run(p, 10);
}

static void check_mirror(struct v1_pair *p, enum end from)
{
	for (size_t i = 0; i < p->net.plane[from].n; i++) {
		const struct sa_spec *out = p->net.plane[from].sa[i];
		if (out->dir != SA_OUT)
			continue;
		const struct sa_spec *in = plane_find(&p->net.plane[!from], SA_IN, out->spi);
		if (!in) {
			fail_msg("outbound SA %08x has no other end", out->spi);
			return;
		}
		assert_memory_equal(
			in->encr_key.data, out->encr_key.data, sizeof(in->encr_key.data));
		assert_memory_equal(
			in->integ_key.data, out->integ_key.data, sizeof(in->integ_key.data));
		assert_int_equal(in->mode, out->mode);
		assert_int_equal(in->encap, out->encap);
	}
}

void v1_pair_check_up(struct v1_pair *p, size_t children)
{
	size_t up = 0;

	if (p->client->phase != IKE_UP)
		fail_msg("the client is not up: %s", p->client->failure.text);
	for (size_t i = 0; i < p->client->children.n; i++)
		up += p->client->children.v[i]->state == CHILD_UP;
	assert_int_equal(up, children);
	assert_int_equal(p->net.plane[CLIENT].errors, 0);
	check_mirror(p, CLIENT);
	assert_non_null(p->client->sa);
	assert_memory_equal(p->client->sa->cky_r, p->gw->sa->cky_r, IKE_SPI_LEN);
}

void v1_pair_check_dead(const struct v1_pair *p, enum err_kind kind, uint16_t notify)
{
	assert_int_equal(p->client->phase, IKE_DEAD);
	if (p->client->failure.kind != kind || p->client->failure.notify != notify)
		fail_msg("it died of kind %d, notify %u: %s", p->client->failure.kind,
			p->client->failure.notify, p->client->failure.text);
	assert_int_equal(p->net.plane[CLIENT].n, 0);
	assert_int_equal(p->client->children.n, 0);
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		assert_null(p->client->sas[i]);
}
