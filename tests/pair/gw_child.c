#include <stdlib.h>

#include "gateway.h"
#include "lib/test.h"

/*
 * CREATE_CHILD_SA and INFORMATIONAL, both roles, with the collisions of RFC 7296 sections 2.8 and
 * 2.25 as the gateway has to settle them.
 */

/* A deleted IKE SA still answers retransmitted requests for so long. */
enum { GONE_MS = 20000, GW_RETRY_MS = 6000 };

static const struct bytes nothing;

/* --- child SAs --------------------------------------------------------------------------------- */

struct terms {
	struct suite suite;
	uint32_t spi_in, spi_out;
	const struct selectors *local_ts, *remote_ts;
	struct v2_fresh fresh;
	bool hold;
};

static void install(struct gateway *g, const struct sa_spec *spec)
{
	struct sa_spec *s = outbox_add(g->ob, ACT_SA_INSTALL, sizeof(*s));

	assert_non_null(s);
	*s = *spec;
}

static void uninstall(struct gateway *g, enum sa_dir dir, uint32_t spi)
{
	struct sa_ref *r = outbox_add(g->ob, ACT_SA_REMOVE, sizeof(*r));

	assert_non_null(r);
	*r = (struct sa_ref){ dir, spi, g->peer, g->self };
}

static void fill(const struct gateway *g, const struct gw_child *c, const struct terms *t,
	enum sa_dir dir, struct sa_spec *s)
{
	s->dir = dir;
	s->mode = g->cfg->transport ? SA_TRANSPORT : SA_TUNNEL;
	s->spi = dir == SA_IN ? t->spi_in : t->spi_out;
	s->child = c->number;
	s->encap = g->encap;
	s->local = g->self;
	s->remote = g->peer;
	suite_specify(&t->suite, s);
	s->local_ts = *t->local_ts;
	s->remote_ts = *t->remote_ts;
}

static struct gw_child *child_add(struct gateway *g, struct v2_sa *sa, const struct terms *t)
{
	struct gw_child *c = calloc(1, sizeof(*c));
	struct sa_spec *in = calloc(1, sizeof(*in));
	struct err e = { 0 };

	assert_true(c && in && g->n_children < GW_CHILDREN_MAX);
	c->sa = sa;
	c->number = g->next_number++;
	c->spi_in = t->spi_in;
	c->spi_out = t->spi_out;
	c->held = t->hold;
	c->local_ts = *t->local_ts;
	c->remote_ts = *t->remote_ts;
	fill(g, c, t, SA_IN, in);
	fill(g, c, t, SA_OUT, &c->out);
	assert_ok(&e, v2_keymat(sa, &t->suite, &t->fresh, in, &c->out, &e));
	install(g, in);
	if (!c->held)
		install(g, &c->out);
	free(in);
	g->children[g->n_children++] = c;
	return c;
}

static void child_use(struct gateway *g, struct gw_child *c)
{
	if (c->held)
		install(g, &c->out);
	c->held = false;
}

static void gw_child_remove(struct gateway *g, struct gw_child *c)
{
	if (!c->held)
		uninstall(g, SA_OUT, c->spi_out);
	uninstall(g, SA_IN, c->spi_in);
	for (size_t i = 0; i < g->n_children; i++)
		if (g->children[i] == c)
			g->children[i] = g->children[--g->n_children];
	free(c);
}

void gw_children_clear(struct gateway *g, const struct v2_sa *sa)
{
	for (size_t i = g->n_children; i-- > 0;)
		if (!sa || g->children[i]->sa == sa)
			gw_child_remove(g, g->children[i]);
}

static struct gw_child *child_in(struct gateway *g, uint32_t spi)
{
	for (size_t i = 0; i < g->n_children; i++)
		if (g->children[i]->spi_in == spi)
			return g->children[i];
	return NULL;
}

static struct gw_child *child_out(struct gateway *g, const struct v2_sa *sa, uint32_t spi)
{
	for (size_t i = 0; i < g->n_children; i++)
		if (g->children[i]->spi_out == spi && g->children[i]->sa == sa)
			return g->children[i];
	return NULL;
}

void gw_esp(struct gateway *g, uint64_t now, uint32_t spi, struct outbox *ob)
{
	struct gw_child *c = child_in(g, spi);

	g->now = now;
	g->ob = ob;
	if (c)
		child_use(g, c);
}

static uint32_t new_spi(struct gateway *g)
{
	return rng_u32(&g->rng) | 0x1000;
}

static struct bytes spi_octets(uint8_t buf[4], uint32_t spi)
{
	struct wr w = wr_init(buf, 4);

	wr_u32(&w, spi);
	return (struct bytes){ buf, 4 };
}

/* --- the first one, in IKE_AUTH -------------------------------------------------------------------- */

static void narrow(const char *prefix, struct selectors *ts)
{
	struct prefix p;

	if (!prefix)
		return;
	assert_true(prefix_parse(&p, prefix));
	selector_from_prefix(&ts->v[0], &p);
	ts->n = 1;
}

/* CFG_REPLY: an address with its netmask or prefix length, a resolver, a domain. */
static void write_cp(struct gw_step *s)
{
	static const uint8_t dns[4] = { 10, 0, 0, 53 };
	struct addr a;

	if (!s->g->cfg->address || !s->g->wants_address)
		return;
	assert_true(addr_parse(&a, s->g->cfg->address));
	bool v4 = a.family == FAMILY_V4;
	ikew_payload(s->reply, PAYLOAD_CP);
	wr_u8(&s->reply->w, 2);
	wr_zeros(&s->reply->w, 3);
	wr_u16(&s->reply->w, v4 ? 1 : 8); /* INTERNAL_IP4_ADDRESS, INTERNAL_IP6_ADDRESS */
	wr_u16(&s->reply->w, v4 ? 4 : 17);
	wr_bytes(&s->reply->w, a.ip, addr_len(a.family));
	if (!v4)
		wr_u8(&s->reply->w, 64);
	wr_u16(&s->reply->w, 3); /* INTERNAL_IP4_DNS */
	wr_u16(&s->reply->w, 4);
	wr_bytes(&s->reply->w, dns, 4);
	wr_u16(&s->reply->w, 25); /* INTERNAL_DNS_DOMAIN */
	wr_u16(&s->reply->w, 12);
	wr_bytes(&s->reply->w, "corp.example", 12);
}

static void see_host(struct selectors *ts, const struct addr *host)
{
	for (size_t i = 0; i < ts->n; i++) {
		memcpy(ts->v[i].lo, host->ip, sizeof(host->ip));
		memcpy(ts->v[i].hi, host->ip, sizeof(host->ip));
	}
}

/* RFC 7296 section 2.23.1: in transport mode both ends by the addresses that they have here. */
void gw_see_hosts(struct gateway *g, struct selectors *local, struct selectors *remote)
{
	if (!g->cfg->transport)
		return;
	see_host(local, &g->self);
	see_host(remote, &g->peer);
}

void gw_first_child(struct gw_step *s)
{
	struct gateway *g = s->g;
	struct offer *o = &g->hs.child;
	struct terms t = { .suite = g->first,
		.spi_in = new_spi(g),
		.spi_out = o->spi_in,
		.fresh = { .ni = { g->hs.ni, NONCE_LEN }, .nr = { g->hs.nr, g->hs.nr_len } } };
	uint8_t spi[4];

	if (g->cfg->refuse_child || !g->first.encr) {
		gw_notify(
			s->reply, g->cfg->refuse_child ? g->cfg->refuse_child : NO_PROPOSAL_CHOSEN);
		return;
	}
	narrow(g->cfg->narrow, &o->local_ts);
	t.local_ts = &o->local_ts;
	t.remote_ts = &o->remote_ts;
	child_add(g, s->sa, &t);
	write_cp(s);
	if (g->cfg->transport)
		gw_notify(s->reply, USE_TRANSPORT_MODE);
	if (g->cfg->mobike)
		gw_notify(s->reply, MOBIKE_SUPPORTED);
	v2_sa_write_choice(
		s->reply, &t.suite, PROTO_ESP, g->first_number, spi_octets(spi, t.spi_in));
	v2_ts_write(s->reply, PAYLOAD_TSi, t.remote_ts);
	v2_ts_write(s->reply, PAYLOAD_TSr, t.local_ts);
}

/* --- collisions --------------------------------------------------------------------------------- */

static int compare(struct bytes a, struct bytes b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return order ? order : (int)a.n - (int)b.n;
}

static void note_rival(struct offer *o, struct v2_sa *made, struct bytes ni, struct bytes nr)
{
	struct bytes low = compare(ni, nr) < 0 ? ni : nr;

	o->rival = true;
	o->rival_sa = made;
	o->rival_nonce_len = low.n;
	memcpy(o->rival_nonce, low.p, low.n);
}

/* Our exchange has the lowest of the four nonces, so what it made goes. */
static bool lost(const struct offer *o, struct bytes nr)
{
	struct bytes ni = { o->nonce, NONCE_LEN };

	return o->rival &&
		compare(compare(ni, nr) < 0 ? ni : nr,
			(struct bytes){ o->rival_nonce, o->rival_nonce_len }) < 0;
}

/* --- the client's CREATE_CHILD_SA ----------------------------------------------------------------- */

static bool key_exchange(
	struct gw_step *s, const struct alg *group, struct ke **ke, struct ke_secret *shared)
{
	const struct payload *p = payload_find(s->p, PAYLOAD_KE);
	uint8_t id[2] = { (uint8_t)(group->id >> 8), (uint8_t)group->id };
	struct bytes value;
	uint16_t theirs;
	struct err e = { 0 };

	if (!p || !v2_ke_read(p->body, &theirs, &value) || theirs != group->id) {
		ikew_notify(s->reply, 0, INVALID_KE_PAYLOAD, nothing, (struct bytes){ id, 2 });
		return false;
	}
	*ke = ke_answer(group, &s->g->rng, value, shared, &e);
	assert_ok(&e, *ke != NULL);
	return true;
}

/* What a series comes to waits in it. */
static struct series *series_of(const struct terms *t, uint32_t old_spi_in)
{
	struct err e = { 0 };
	struct series *x = series_new(&t->suite, &t->fresh, &e);

	assert_non_null(x);
	x->child = child_new(0, t->spi_in);
	assert_non_null(x->child);
	x->child->suite = t->suite;
	x->child->spi_out = t->spi_out;
	x->child->local_ts = *t->local_ts;
	x->child->remote_ts = *t->remote_ts;
	x->old_spi_in = old_spi_in;
	return x;
}

static void replaced(struct gateway *g, struct gw_child *old)
{
	if (!old)
		return;
	old->state = GWC_REPLACED;
	g->rekeys_child++;
}

static void agree_on_child(struct gw_step *s, struct gw_child *old, const struct terms *t)
{
	if (suite_addke(&t->suite, 0) < ADDKE_MAX) {
		gw_series_keep(s, series_of(t, old ? old->spi_in : 0));
	} else {
		child_add(s->g, s->sa, t);
		replaced(s->g, old);
	}
}

static void answer_child(struct gw_step *s, struct gw_child *old)
{
	struct gateway *g = s->g;
	uint8_t nonce[NONCE_LEN], octets[4], number;
	struct selectors *ts = calloc(2, sizeof(*ts));
	struct terms t = {
		.spi_in = new_spi(g), .hold = true, .remote_ts = &ts[0], .local_ts = &ts[1]
	};
	struct ke *ke = NULL;
	struct ke_secret shared;
	struct bytes spi;
	struct err e = { 0 };

	assert_non_null(ts);
	assert_ok(&e, v2_ts_read(payload_find(s->p, PAYLOAD_TSi)->body, &ts[0], &e));
	assert_ok(&e, v2_ts_read(payload_find(s->p, PAYLOAD_TSr)->body, &ts[1], &e));
	gw_see_hosts(g, &ts[1], &ts[0]);
	gw_nonce(g, nonce, g->cfg->nonce_r);
	t.fresh.ni = payload_find(s->p, PAYLOAD_NONCE)->body;
	t.fresh.nr = (struct bytes){ nonce, NONCE_LEN };
	bool fits = gw_choose(payload_find(s->p, PAYLOAD_SA)->body, &g->esp, PROTO_ESP, 4, &spi,
		&number, &t.suite);
	if (!fits || (!t.suite.ke && prop_first_ke(&g->esp))) { /* it insists on PFS */
		gw_notify(s->reply, NO_PROPOSAL_CHOSEN);
	} else if (!t.suite.ke || key_exchange(s, t.suite.ke, &ke, &shared)) {
		struct rd r = rd_init(spi.p, spi.n);
		t.spi_out = rd_u32(&r);
		if (ke)
			t.fresh.shared = (struct bytes){ shared.data, shared.len };
		if (old && s->sa->req.task == TASK_REKEY_CHILD && s->sa->req.child == old->spi_in)
			note_rival(&s->sa->req.offer, NULL, t.fresh.ni, t.fresh.nr);
		agree_on_child(s, old, &t);
		if (g->cfg->transport)
			gw_notify(s->reply, USE_TRANSPORT_MODE);
		v2_sa_write_choice(
			s->reply, &t.suite, PROTO_ESP, number, spi_octets(octets, t.spi_in));
		ikew_bytes(s->reply, PAYLOAD_NONCE, t.fresh.nr);
		if (ke)
			v2_ke_write(s->reply, ke);
		v2_ts_write(s->reply, PAYLOAD_TSi, t.remote_ts);
		v2_ts_write(s->reply, PAYLOAD_TSr, t.local_ts);
	}
	ke_free(ke);
	free(ts);
}

static void hand_over(struct gateway *g, struct v2_sa *from, struct v2_sa *to)
{
	while (to->successor)
		to = to->successor;
	for (size_t i = 0; i < g->n_children; i++)
		if (g->children[i]->sa == from)
			g->children[i]->sa = to;
	from->state = V2_REPLACED;
	from->successor = to;
	to->state = V2_UP;
	g->rekeys_ike += g->sa != to;
	g->sa = to;
	g->issued.ticket_len = 0; /* RFC 5723 section 6.2 */
}

static struct v2_sa *make_sa(struct gateway *g, const struct v2_sa *old, const struct suite *suite,
	const uint8_t *spi_i, const uint8_t *spi_r, const struct v2_fresh *f)
{
	struct v2_sa *sa = gw_sa_new(g, f->initiator);
	struct err e = { 0 };

	sa->suite = *suite;
	sa->state = V2_NEW;
	sa->fragments = old->fragments;
	memcpy(sa->spi_i, spi_i, IKE_SPI_LEN);
	memcpy(sa->spi_r, spi_r, IKE_SPI_LEN);
	assert_ok(&e, v2_derive(sa, old->suite.prf, &old->sk_d, f, &e));
	return sa;
}

static void answer_rekey(struct gw_step *s)
{
	struct gateway *g = s->g;
	uint8_t nonce[NONCE_LEN], spi_r[IKE_SPI_LEN], number;
	struct v2_fresh f = { .ni = payload_find(s->p, PAYLOAD_NONCE)->body,
		.nr = { nonce, NONCE_LEN } };
	struct bytes spi;
	struct ke_secret shared;
	struct ke *ke = NULL;
	struct suite suite;

	gw_nonce(g, nonce, g->cfg->nonce_r);
	rng_fill(&g->rng, spi_r, sizeof(spi_r));
	if (!gw_choose(payload_find(s->p, PAYLOAD_SA)->body, &g->ike, PROTO_IKE, IKE_SPI_LEN, &spi,
		    &number, &suite)) {
		gw_notify(s->reply, NO_PROPOSAL_CHOSEN);
	} else if (key_exchange(s, suite.ke, &ke, &shared)) {
		struct err e = { 0 };
		f.shared = (struct bytes){ shared.data, shared.len };
		struct series *x = series_new(&suite, &f, &e);
		assert_non_null(x);
		memcpy(x->spi_i, spi.p, IKE_SPI_LEN);
		memcpy(x->spi_r, spi_r, IKE_SPI_LEN);
		v2_sa_write_choice(
			s->reply, &suite, PROTO_IKE, number, (struct bytes){ spi_r, IKE_SPI_LEN });
		ikew_bytes(s->reply, PAYLOAD_NONCE, f.nr);
		v2_ke_write(s->reply, ke);
		if (s->sa->req.task == TASK_REKEY_IKE)
			note_rival(&s->sa->req.offer, NULL, f.ni, f.nr);
		if (x->no < ADDKE_MAX)
			gw_series_keep(s, x);
		else
			gw_series_done(s, x, false);
	}
	ke_free(ke);
}

static void rekey_of_client_done(struct gw_step *s, const struct series *x)
{
	struct v2_fresh f = series_fresh(x, false);
	struct v2_sa *sa = make_sa(s->g, s->sa, &x->suite, x->spi_i, x->spi_r, &f);

	sa->state = V2_UP;
	if (s->sa->req.task == TASK_REKEY_IKE)
		s->sa->req.offer.rival_sa = sa;
	else
		hand_over(s->g, s->sa, sa);
}

/* The client uses the IKE SA that it made while our own rekeying is unanswered: it has settled. */
static void settle(struct gateway *g, struct v2_sa *sa)
{
	for (size_t i = 0; i < GW_SAS_MAX; i++)
		if (g->sas[i] && g->sas[i]->req.task == TASK_REKEY_IKE &&
			g->sas[i]->req.offer.rival_sa == sa)
			hand_over(g, g->sas[i], sa);
}

static bool busy_with_children(const struct v2_sa *sa)
{
	return sa->req.task == TASK_NEW_CHILD || sa->req.task == TASK_REKEY_CHILD ||
		sa->req.task == TASK_DELETE_CHILD;
}

void gw_create_request(struct gw_step *s)
{
	struct gateway *g = s->g;
	enum v2_task task = s->sa->req.task;
	bool ike = !payload_find(s->p, PAYLOAD_TSi);
	uint16_t refuse = ike ? g->cfg->refuse_rekey : g->cfg->refuse_child;
	struct gw_child *old = NULL;
	struct notify n;

	if (!ike && payload_find(s->p, PAYLOAD_KE))
		refuse = refuse ? refuse : g->cfg->refuse_pfs;
	assert_true(payload_find(s->p, PAYLOAD_SA) && payload_find(s->p, PAYLOAD_NONCE));
	settle(g, s->sa);
	if (refuse) {
		gw_notify(s->reply, refuse);
	} else if (s->sa != g->sa || s->sa->state != V2_UP || task == TASK_DELETE_IKE ||
		(ike ? busy_with_children(s->sa) : task == TASK_REKEY_IKE) ||
		(ike && s->sa->req.exchange == IKE_FOLLOWUP_KE && task != TASK_NONE)) {
		gw_notify(s->reply, TEMPORARY_FAILURE);
	} else if (ike) {
		answer_rekey(s);
	} else if (!notify_find(s->p, REKEY_SA, &n)) {
		answer_child(s, NULL);
	} else {
		struct rd r = rd_init(n.spi.p, n.spi.n);
		old = child_out(g, s->sa, rd_u32(&r));
		bool coming = task == TASK_REKEY_CHILD || task == TASK_NEW_CHILD;
		if (!old && !coming)
			ikew_notify(s->reply, PROTO_ESP, CHILD_SA_NOT_FOUND, n.spi, nothing);
		else if (!old || old->state == GWC_DELETING ||
			(task == TASK_REKEY_CHILD && s->sa->req.exchange == IKE_FOLLOWUP_KE &&
				s->sa->req.child == old->spi_in))
			gw_notify(s->reply, TEMPORARY_FAILURE);
		else {
			g->overtaken += old->held;
			answer_child(s, old);
		}
	}
}

/* --- its own ---------------------------------------------------------------------------------------- */

static void send_child(struct gateway *g, struct gw_child *old)
{
	struct v2_sa *sa = g->sa;
	struct offer *o = &sa->req.offer;
	const struct alg *group = prop_first_ke(&g->esp);
	uint8_t *buf = malloc(MESSAGE_OUT_MAX), spi[4];
	struct err e = { 0 };
	struct ikew k;

	assert_non_null(buf);
	offer_clear(o);
	gw_nonce(g, o->nonce, g->cfg->nonce_i);
	o->spi_in = new_spi(g);
	o->local_ts = g->children[0]->local_ts;
	o->remote_ts = g->children[0]->remote_ts;
	o->ke = group ? ke_new(group, &g->rng, &e) : NULL;
	sa->req.child = old ? old->spi_in : 0;
	ikew_chain(&k, buf, MESSAGE_OUT_MAX);
	if (old)
		ikew_notify(&k, PROTO_ESP, REKEY_SA, spi_octets(spi, old->spi_in), nothing);
	if (g->cfg->transport)
		gw_notify(&k, USE_TRANSPORT_MODE);
	v2_sa_write(&k, &g->esp, PROTO_ESP, spi_octets(spi, o->spi_in));
	ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ o->nonce, NONCE_LEN });
	if (o->ke)
		v2_ke_write(&k, o->ke);
	v2_ts_write(&k, PAYLOAD_TSi, &o->local_ts);
	v2_ts_write(&k, PAYLOAD_TSr, &o->remote_ts);
	gw_request(g, sa, old ? TASK_REKEY_CHILD : TASK_NEW_CHILD, CREATE_CHILD_SA, &k);
	free(buf);
}

static void send_rekey(struct gateway *g)
{
	struct v2_sa *sa = g->sa;
	struct offer *o = &sa->req.offer;
	uint8_t buf[4096];
	struct err e = { 0 };
	struct ikew k;

	offer_clear(o);
	gw_nonce(g, o->nonce, g->cfg->nonce_i);
	rng_fill(&g->rng, o->ike_spi, IKE_SPI_LEN);
	o->ke = ke_new(sa->suite.ke, &g->rng, &e);
	ikew_chain(&k, buf, sizeof(buf));
	v2_sa_write(&k, &g->ike, PROTO_IKE, (struct bytes){ o->ike_spi, IKE_SPI_LEN });
	ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ o->nonce, NONCE_LEN });
	v2_ke_write(&k, o->ke);
	gw_request(g, sa, TASK_REKEY_IKE, CREATE_CHILD_SA, &k);
}

static void send_delete(struct gateway *g, struct v2_sa *sa, struct gw_child *c)
{
	uint8_t buf[512]; /* with room for edits */
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	ikew_payload(&k, PAYLOAD_D);
	wr_u8(&k.w, c ? PROTO_ESP : PROTO_IKE);
	wr_u8(&k.w, c ? 4 : 0);
	wr_u16(&k.w, c ? 1 : 0);
	if (c)
		wr_u32(&k.w, c->spi_in);
	sa->req.child = c ? c->spi_in : 0;
	gw_request(g, sa, c ? TASK_DELETE_CHILD : TASK_DELETE_IKE, INFORMATIONAL, &k);
}

static void send_dpd(struct gateway *g)
{
	uint8_t buf[512]; /* with room for edits */
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	gw_request(g, g->sa, TASK_DPD, INFORMATIONAL, &k);
}

static struct gw_child *child_in_state(struct gateway *g, enum gw_child_state state)
{
	for (size_t i = 0; i < g->n_children; i++)
		if (g->children[i]->state == state && g->children[i]->sa == g->sa)
			return g->children[i];
	return NULL;
}

static bool take_want(struct gateway *g, enum gw_want want)
{
	bool wanted = g->want & want;

	g->want &= ~(unsigned)want;
	return wanted;
}

/* Begins the next thing that is wanted. */
static void begin(struct gateway *g)
{
	struct gw_child *up = child_in_state(g, GWC_UP);

	if (up && take_want(g, GW_DELETE_CHILD)) {
		up->state = GWC_DELETING;
		send_delete(g, g->sa, up);
	} else if (up && take_want(g, GW_REKEY_CHILD)) {
		send_child(g, up);
	} else if (take_want(g, GW_REKEY_IKE)) {
		send_rekey(g);
	} else if (up && take_want(g, GW_NEW_CHILD)) {
		send_child(g, NULL);
	} else if (take_want(g, GW_DPD)) {
		send_dpd(g);
	} else if (take_want(g, GW_DELETE_IKE)) {
		send_delete(g, g->sa, NULL);
	} else {
		g->want = 0; /* there is no child to do it with */
	}
}

void gw_work(struct gateway *g)
{
	for (size_t i = 0; i < GW_SAS_MAX; i++) {
		struct v2_sa *sa = g->sas[i];
		if (sa && sa->want_delete && sa->req.task == TASK_NONE) {
			sa->want_delete = false;
			send_delete(g, sa, NULL);
		}
	}
	if (g->phase != GW_UP || !g->sa || g->sa->req.task != TASK_NONE)
		return;
	struct gw_child *going = child_in_state(g, GWC_DELETING);
	if (going)
		send_delete(g, g->sa, going);
	else if (g->want && g->now >= g->retry_at)
		begin(g);
}

/* --- the answers to its own ------------------------------------------------------------------------ */

static void try_again(struct gateway *g, enum gw_want what)
{
	g->want |= what;
	g->retry_at = g->now + GW_RETRY_MS;
}

static void child_of_ours_done(struct gw_step *s, const struct terms *t)
{
	struct gw_child *old = child_in(s->g, s->sa->req.child);
	struct gw_child *made = child_add(s->g, s->sa, t);

	if (t->hold)
		made->state = GWC_DELETING;
	else if (old)
		old->state = GWC_DELETING;
	s->g->rekeys_child += old != NULL;
}

static void child_answered(struct gw_step *s, bool error, uint16_t type)
{
	struct gateway *g = s->g;
	struct offer *o = &s->sa->req.offer;
	struct gw_child *old = child_in(g, s->sa->req.child);
	const struct payload *sa = payload_find(s->p, PAYLOAD_SA),
			     *n = payload_find(s->p, PAYLOAD_NONCE);
	struct bytes spi, value;
	struct ke_secret shared;
	struct terms t = { .spi_in = o->spi_in,
		.fresh = { .initiator = true },
		.local_ts = &o->local_ts,
		.remote_ts = &o->remote_ts };
	uint16_t group;
	struct err e = { 0 };

	if (error) {
		if ((type == TEMPORARY_FAILURE || type == STATE_NOT_FOUND) &&
			(!s->sa->req.child || (old && old->state == GWC_UP)))
			try_again(g, old ? GW_REKEY_CHILD : GW_NEW_CHILD);
		if (type == CHILD_SA_NOT_FOUND && old && old->state == GWC_UP)
			gw_child_remove(g, old); /* section 2.25: without a word */
		return;
	}
	assert_true(sa && n);
	assert_ok(&e, v2_sa_read_choice(sa->body, &g->esp, PROTO_ESP, &spi, &t.suite, &e));
	struct rd r = rd_init(spi.p, spi.n);
	t.spi_out = rd_u32(&r);
	t.fresh.ni = (struct bytes){ o->nonce, NONCE_LEN };
	t.fresh.nr = n->body;
	if (t.suite.ke) {
		assert_true(v2_ke_read(payload_find(s->p, PAYLOAD_KE)->body, &group, &value));
		assert_ok(&e, ke_shared(o->ke, value, &shared, &e));
		t.fresh.shared = (struct bytes){ shared.data, shared.len };
	}
	t.hold = lost(o, n->body);
	if (suite_addke(&t.suite, 0) == ADDKE_MAX)
		child_of_ours_done(s, &t);
	else if (!t.hold) {
		series_free(&s->sa->theirs); /* which the client does not go on with */
		gw_series_go_on(s, series_of(&t, 0));
	}
}

static void rekey_of_ours_done(struct gw_step *s, const struct series *x, bool lose)
{
	struct gateway *g = s->g;
	struct offer *o = &s->sa->req.offer;
	struct v2_fresh f = series_fresh(x, true);
	struct v2_sa *made = make_sa(g, s->sa, &x->suite, x->spi_i, x->spi_r, &f);

	if (lose && o->rival_sa) {
		made->want_delete = true;
		made->state = V2_REPLACED;
		hand_over(g, s->sa, o->rival_sa);
	} else {
		if (o->rival_sa && o->rival_sa->state != V2_GONE) {
			/* The client deletes it, unless it never heard of it: our answer was lost, and our
			 * delete of the old SA made it forget its own rekey (section 2.25.2). */
			o->rival_sa->state = V2_REPLACED;
			o->rival_sa->gone_at = g->now + GONE_MS;
		}
		hand_over(g, s->sa, made);
		s->sa->want_delete = true;
	}
}

static void rekey_answered(struct gw_step *s, bool error, uint16_t type)
{
	struct gateway *g = s->g;
	struct offer *o = &s->sa->req.offer;
	const struct payload *n = payload_find(s->p, PAYLOAD_NONCE);
	struct v2_fresh f = { .ni = { o->nonce, NONCE_LEN }, .initiator = true };
	struct bytes spi, value;
	struct suite suite;
	struct ke_secret shared;
	uint16_t group;
	struct err e = { 0 };

	if (error) {
		if (o->rival_sa)
			hand_over(g, s->sa, o->rival_sa);
		else if ((type == TEMPORARY_FAILURE || type == STATE_NOT_FOUND) &&
			s->sa->state == V2_UP)
			try_again(g, GW_REKEY_IKE);
		return;
	}
	assert_ok(&e,
		v2_sa_read_choice(payload_find(s->p, PAYLOAD_SA)->body, &g->ike, PROTO_IKE, &spi,
			&suite, &e));
	assert_true(v2_ke_read(payload_find(s->p, PAYLOAD_KE)->body, &group, &value));
	assert_ok(&e, ke_shared(o->ke, value, &shared, &e));
	f.nr = n->body;
	f.shared = (struct bytes){ shared.data, shared.len };
	struct series *x = series_new(&suite, &f, &e);
	assert_non_null(x);
	memcpy(x->spi_i, o->ike_spi, IKE_SPI_LEN);
	memcpy(x->spi_r, spi.p, IKE_SPI_LEN);
	bool lose = lost(o, n->body);
	if (x->no == ADDKE_MAX) {
		rekey_of_ours_done(s, x, lose);
		series_free(&x);
	} else if (!lose) {
		series_free(&s->sa->theirs); /* which the client does not go on with */
		gw_series_go_on(s, x);
	} else {
		series_free(&x);
		if (o->rival_sa)
			hand_over(g, s->sa, o->rival_sa);
	}
}

void gw_series_done(struct gw_step *s, struct series *x, bool initiator)
{
	struct gw_child *old = child_in(s->g, x->old_spi_in);

	if (!x->child && initiator) {
		rekey_of_ours_done(s, x, false);
	} else if (!x->child) {
		rekey_of_client_done(s, x);
	} else {
		struct terms t = { .suite = x->suite,
			.spi_in = x->child->spi_in,
			.spi_out = x->child->spi_out,
			.local_ts = &x->child->local_ts,
			.remote_ts = &x->child->remote_ts,
			.fresh = series_fresh(x, initiator),
			.hold = !initiator };
		if (initiator) {
			child_of_ours_done(s, &t);
		} else {
			child_add(s->g, s->sa, &t);
			replaced(s->g, old);
		}
	}
	series_free(&x);
}

void gw_create_refused(struct gw_step *s, uint16_t type)
{
	if (s->sa->req.offer.series && s->sa->req.offer.series->child)
		child_answered(s, true, type);
	else
		rekey_answered(s, true, type);
}

void gw_create_answer(struct gw_step *s)
{
	enum v2_task task = s->sa->req.task;
	struct notify n = { 0 };
	bool error = notify_find_error(s->p, &n);

	gw_request_done(s->sa);
	if (task == TASK_REKEY_IKE)
		rekey_answered(s, error, n.type);
	else
		child_answered(s, error, n.type);
}

static void close_sa(struct gateway *g, struct v2_sa *sa)
{
	if (sa->req.task == TASK_REKEY_IKE && sa->req.offer.rival_sa)
		hand_over(g, sa, sa->req.offer.rival_sa);
	gw_children_clear(g, sa);
	if (g->sa == sa)
		g->phase = GW_CLOSED;
	sa->state = V2_GONE;
	sa->gone_at = g->now + GONE_MS;
	kept_free(&sa->req.sent);
	sa->req.task = TASK_NONE;
	sa->want_delete = false;
}

void gw_info_answer(struct gw_step *s)
{
	enum v2_task task = s->sa->req.task;
	struct gw_child *c = child_in(s->g, s->sa->req.child);

	gw_request_done(s->sa);
	if (task == TASK_DELETE_CHILD && c)
		gw_child_remove(s->g, c);
	if (task == TASK_DELETE_IKE)
		close_sa(s->g, s->sa);
}

/* --- the client's INFORMATIONAL --------------------------------------------------------------------- */

static void delete_children(struct gw_step *s, struct rd *r)
{
	struct gateway *g = s->g;
	uint32_t ours[GW_CHILDREN_MAX];
	size_t n = 0;

	settle(g, s->sa);
	while (r->left >= 4) {
		struct gw_child *c = child_out(g, s->sa, rd_u32(r));
		if (!c)
			continue;
		if (c->state != GWC_DELETING)
			ours[n++] = c->spi_in;
		for (size_t i = 0; i < g->n_children;
			i++) /* whatever replaced it is in place now */
			if (g->children[i] != c && g->children[i]->state == GWC_UP)
				child_use(g, g->children[i]);
		gw_child_remove(g, c);
	}
	if (n == 0)
		return;
	ikew_payload(s->reply, PAYLOAD_D);
	wr_u8(&s->reply->w, PROTO_ESP);
	wr_u8(&s->reply->w, 4);
	wr_u16(&s->reply->w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		wr_u32(&s->reply->w, ours[i]);
}

/* RFC 4555 section 3.5: the addresses of the request are those from now on. */
static void update_addresses(struct gw_step *s)
{
	struct gateway *g = s->g;
	struct sa_move *m;

	if (g->cfg->refuse_move) {
		gw_notify(s->reply, g->cfg->refuse_move);
		return;
	}
	g->moves++;
	g->moved_to = g->peer;
	gw_detect_nat(g, s->h->spi_i, s->h->spi_r, s->p);
	gw_nat_detection(g, s->sa, s->reply);
	m = outbox_add(g->ob, ACT_SA_MOVE, sizeof(*m));
	assert_non_null(m);
	*m = (struct sa_move){ g->self, g->peer };
}

void gw_info_request(struct gw_step *s)
{
	const struct payload *p;
	struct notify n;

	if (notify_find(s->p, UPDATE_SA_ADDRESSES, &n))
		update_addresses(s);
	if (notify_find(s->p, TICKET_REQUEST, &n))
		gw_ticket_answer(s);

	for (size_t i = 0; (p = payload_nth(s->p, PAYLOAD_D, i)); i++) {
		struct rd r = rd_init(p->body.p, p->body.n);
		uint8_t proto = rd_u8(&r);
		rd_bytes(&r, 3);
		if (proto == PROTO_IKE)
			close_sa(s->g, s->sa);
		else
			delete_children(s, &r);
	}
}
