#include "gateway.h"

#include <stdlib.h>

#include "lib/test.h"
#include "lib/tls_server.h"

/* --- memory -------------------------------------------------------------------------------------- */

struct v2_sa *gw_sa_new(struct gateway *g, bool initiator)
{
	for (size_t i = 0; i < GW_SAS_MAX; i++) {
		if (g->sas[i] && g->now >= g->sas[i]->gone_at)
			gw_sa_drop(g, g->sas[i]);
		if (g->sas[i])
			continue;
		g->sas[i] = calloc(1, sizeof(*g->sas[i]));
		assert_non_null(g->sas[i]);
		g->sas[i]->initiator = initiator;
		g->sas[i]->gone_at = TIME_NEVER;
		return g->sas[i];
	}
	fail_msg("the gateway has %d IKE SAs, it leaks them", GW_SAS_MAX);
	return NULL;
}

static void sa_free(struct v2_sa *sa)
{
	kept_free(&sa->req.sent);
	free(sa->req.inner);
	offer_clear(&sa->req.offer);
	series_free(&sa->theirs);
	kept_free(&sa->reply);
	reassembly_free(&sa->partial[0]);
	reassembly_free(&sa->partial[1]);
	cipher_free(sa->seal);
	cipher_free(sa->open);
	free(sa);
}

void gw_sa_drop(struct gateway *g, struct v2_sa *sa)
{
	for (size_t i = 0; i < GW_SAS_MAX; i++) {
		if (g->sas[i] == sa)
			g->sas[i] = NULL;
		if (g->sas[i] && g->sas[i]->req.offer.rival_sa == sa)
			g->sas[i]->req.offer.rival_sa = sa->successor;
		if (g->sas[i] && g->sas[i]->successor == sa)
			g->sas[i]->successor = sa->successor;
	}
	if (g->sa == sa)
		g->sa = NULL;
	sa_free(sa);
}

static void handshake_clear(struct gateway *g)
{
	ke_free(g->hs.ke);
	ke_free(g->hs.addke);
	free(g->hs.init_i);
	free(g->hs.init_r);
	g->hs = (struct handshake){ 0 };
	kept_free(&g->init_reply);
}

static void forget_all(struct gateway *g)
{
	gw_children_clear(g, NULL);
	for (size_t i = 0; i < GW_SAS_MAX; i++)
		if (g->sas[i])
			gw_sa_drop(g, g->sas[i]);
	handshake_clear(g);
}

void gw_init(struct gateway *g, const struct gw_config *cfg, uint32_t seed, time_t wall)
{
	const char *ike = cfg->ike ? cfg->ike : "aes128gcm16-prfsha256-x25519";
	const char *esp = cfg->esp ? cfg->esp : "aes128gcm16-x25519-noesn";
	uint8_t octets[RNG_SEED_LEN] = { 'g', 'w', seed >> 24, seed >> 16, seed >> 8, seed };
	struct err e;

	*g = (struct gateway){ .cfg = cfg, .wall = wall, .next_number = 1 };
	rng_seed(&g->rng, octets);
	g->shell.rng = &g->rng;
	assert_ok(&e, prop_parse(&g->ike, PROTO_IKE, TIER_LEGACY, ike, &e));
	assert_ok(&e, prop_parse(&g->esp, PROTO_ESP, TIER_LEGACY, esp, &e));
	assert_ok(&e, id_parse(&g->id, cfg->id, &e));
	rng_fill(&g->rng, g->cookie, sizeof(g->cookie));
}

void gw_free(struct gateway *g)
{
	tls_server_free(g->tls);
	struct outbox nowhere;

	outbox_init(&nowhere);
	g->ob = &nowhere;
	forget_all(g);
	outbox_free(&nowhere);
	*g = (struct gateway){ 0 };
}

void gw_nonce(struct gateway *g, uint8_t nonce[NONCE_LEN], int first)
{
	rng_fill(&g->rng, nonce, NONCE_LEN);
	if (first >= 0)
		nonce[0] = (uint8_t)first;
}

/* --- sending --------------------------------------------------------------------------------------- */

static void transmit(struct gateway *g, const struct kept *k)
{
	kept_send(k, g->self.port == 4500 ? PORT_NATT : PORT_IKE, &g->self, &g->peer, g->ob);
}

static void apply_edits(struct gateway *g, uint8_t exchange, bool request, uint32_t mid,
	struct ikew *k, size_t *len)
{
	for (size_t i = 0; i < ARRAY_LEN(g->cfg->edits); i++) {
		const struct edit *e = &g->cfg->edits[i];
		if (e->op != EDIT_NONE && e->exchange == exchange && e->request == request &&
			(e->any_mid || e->mid == mid))
			*len = edit_chain(e, &k->first, k->w.base, *len, k->w.cap);
	}
}

/* Seals the chain in k, as the configuration wants it spoilt, into keep, and sends that. */
static void send_chain(struct gateway *g, struct v2_sa *sa, uint8_t exchange, bool response,
	uint32_t mid, struct ikew *k, struct kept *keep)
{
	struct err e = { 0 };
	size_t len;

	assert_true(ikew_end(k, &len));
	apply_edits(g, exchange, !response, mid, k, &len);
	k->w.len = len;
	kept_free(keep);
	if (g->hear)
		g->hear(g->hear_arg, true, exchange, response, k->first,
			(struct bytes){ k->w.base, len });
	assert_ok(&e,
		v2_seal(&g->shell, sa, exchange, response, mid, k->first,
			(struct bytes){ k->w.base, len }, 1200, keep, &e));
	transmit(g, keep);
}

void gw_request(
	struct gateway *g, struct v2_sa *sa, enum v2_task task, uint8_t exchange, struct ikew *k)
{
	sa->req.task = task;
	sa->req.exchange = exchange;
	sa->req.mid = sa->mid_out;
	rexmit_begin(&sa->req.rexmit, &rexmit_settled, g->now, &g->rng);
	send_chain(g, sa, exchange, false, sa->mid_out, k, &sa->req.sent);
}

void gw_request_done(struct v2_sa *sa)
{
	kept_free(&sa->req.sent);
	sa->req.task = TASK_NONE;
	sa->mid_out++;
}

void gw_forge(struct gateway *g, uint64_t now, struct v2_sa *sa, uint8_t exchange, bool response,
	uint32_t mid, uint8_t first, struct bytes chain, struct outbox *ob)
{
	struct kept once = { 0 };
	struct err e = { 0 };

	g->now = now;
	g->ob = ob;
	assert_ok(
		&e, v2_seal(&g->shell, sa, exchange, response, mid, first, chain, 1200, &once, &e));
	transmit(g, &once);
	kept_free(&once);
}

/* For AES-GCM, which is all that the tests need: no padding. */
void gw_fragment(struct gateway *g, uint64_t now, const struct ike_hdr *h, uint16_t number,
	uint16_t total, uint8_t first, struct bytes content, struct outbox *ob)
{
	size_t icv = cipher_icv_len(g->sa->seal), cap = IKE_HDR_LEN + 8 + 8 + content.n + 1 + icv,
	       len;
	struct kept once = { 0 };
	uint8_t *buf = malloc(cap);
	struct ikew k;

	assert_non_null(buf);
	g->now = now;
	g->ob = ob;
	ikew_message(&k, buf, cap, h);
	ikew_payload(&k, PAYLOAD_SKF);
	buf[IKE_HDR_LEN] = first;
	wr_u16(&k.w, number);
	wr_u16(&k.w, total);
	size_t aad = k.w.len;
	rng_fill(&g->rng, wr_room(&k.w, 8), 8);
	wr_bytes(&k.w, content.p, content.n);
	wr_u8(&k.w, 0);
	wr_zeros(&k.w, icv);
	assert_true(ikew_end(&k, &len));
	struct cipher_op op = { .aad = buf,
		.aad_len = aad,
		.iv = buf + aad,
		.data = buf + aad + 8,
		.len = content.n + 1,
		.icv = buf + len - icv };
	assert_true(cipher_seal(g->sa->seal, &op) && kept_add(&once, buf, len));
	transmit(g, &once);
	kept_free(&once);
	free(buf);
}

void gw_notify(struct ikew *k, uint16_t type)
{
	ikew_notify(k, 0, type, (struct bytes){ 0 }, (struct bytes){ 0 });
}

/* --- choosing algorithms ------------------------------------------------------------------------ */

struct seen { /* the transforms of one proposal on the wire */
	size_t n;
	struct {
		uint8_t type;
		uint16_t id, bits;
	} v[128];
};

static bool has(const struct seen *s, unsigned type, uint16_t id, uint16_t bits)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].type == type && s->v[i].id == id && s->v[i].bits == bits)
			return true;
	return false;
}

static bool has_type(const struct seen *s, unsigned type)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].type == type)
			return true;
	return false;
}

static void read_transforms(struct rd r, struct seen *s)
{
	s->n = 0;
	while (r.left > 0 && s->n < ARRAY_LEN(s->v)) {
		rd_u16(&r);
		struct rd t = rd_sub(&r, rd_u16(&r) - 4u);
		s->v[s->n].type = rd_u8(&t);
		rd_u8(&t);
		s->v[s->n].id = rd_u16(&t);
		rd_u16(&t);
		s->v[s->n++].bits = rd_u16(&t);
	}
}

enum { ADDKE1 = 6 }; /* transform type, RFC 9370 section 3 */

/* Nothing twice; NONE where it is on the list, and nothing else can be had; none behind none. */
static bool choose_addke(const struct proposal *ours, const struct seen *s, struct suite *out)
{
	for (unsigned no = 0; no < ADDKE_MAX; no++) {
		unsigned type = ADDKE1 + no;
		bool named = false;
		for (size_t i = 0; i < ours->n_addke; i++) {
			const struct alg *a = ours->addke[i];
			named |= ours->addke_no[i] == no;
			if (ours->addke_no[i] == no && !out->addke[no] && a->id &&
				has(s, type, a->id, 0) && !suite_has_ke(out, a))
				out->addke[no] = a;
		}
		out->addke_none[no] = has_type(s, type) && !out->addke[no];
		if (out->addke_none[no] && !has(s, type, 0, 0))
			return false;
		if (named && out->ke && !out->addke[no] && !prop_addke_optional(ours, no))
			return false;
	}
	return true;
}

static bool choose_of(const struct proposal *ours, const struct seen *s, struct suite *out)
{
	static const enum transform_type types[] = { TRANSFORM_ENCR, TRANSFORM_PRF, TRANSFORM_INTEG,
		TRANSFORM_KE, TRANSFORM_ESN };
	const struct alg **place[] = { &out->encr, &out->prf, &out->integ, &out->ke };

	*out = (struct suite){ 0 };
	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		const struct alg *found = NULL;
		for (size_t i = 0; i < ours->n && !found; i++)
			if (ours->algs[i]->type == types[t] &&
				has(s, types[t], ours->algs[i]->id, ours->algs[i]->key_bits))
				found = ours->algs[i];
		if (!found && has_type(s, types[t]) && !has(s, types[t], 0, 0))
			return false;
		if (t < ARRAY_LEN(place))
			*place[t] = found;
		else
			out->esn = found && found->id == ESN_YES;
	}
	return out->encr && (out->encr->aead || out->integ) && choose_addke(ours, s, out);
}

bool gw_choose(struct bytes body, const struct proposals *ours, enum protocol_id proto,
	size_t spi_len, struct bytes *spi, uint8_t *number, struct suite *out)
{
	struct rd r = rd_init(body.p, body.n);

	while (r.left > 0) {
		struct seen s;
		rd_u16(&r);
		struct rd p = rd_sub(&r, rd_u16(&r) - 4u);
		*number = rd_u8(&p);
		uint8_t id = rd_u8(&p);
		spi->n = rd_u8(&p);
		rd_u8(&p);
		spi->p = rd_bytes(&p, spi->n);
		read_transforms(p, &s);
		for (size_t i = 0; i < ours->n && id == proto && spi->n == spi_len && !p.bad; i++)
			if (choose_of(&ours->v[i], &s, out))
				return true;
	}
	return false;
}

/* --- IKE_SA_INIT ----------------------------------------------------------------------------------- */

static void keep_octets(uint8_t **out, size_t *n, const void *p, size_t len)
{
	free(*out);
	*out = malloc(len);
	assert_non_null(*out);
	memcpy(*out, p, len);
	*n = len;
}

/* An unprotected answer, of one chain begun by ikew_message. */
static void send_plain(struct gateway *g, struct ikew *k, struct kept *keep)
{
	size_t len;

	assert_true(ikew_end(k, &len));
	uint8_t exchange = k->w.base[18], *chain = k->w.base + IKE_HDR_LEN;
	for (size_t i = 0; i < ARRAY_LEN(g->cfg->edits); i++) {
		const struct edit *e = &g->cfg->edits[i];
		if (e->op == EDIT_NONE || e->exchange != exchange)
			continue;
		len = IKE_HDR_LEN +
			edit_chain(e, &k->w.base[16], chain, len - IKE_HDR_LEN,
				k->w.cap - IKE_HDR_LEN);
		k->w.base[26] = (uint8_t)(len >> 8);
		k->w.base[27] = (uint8_t)len;
	}
	kept_free(keep);
	assert_true(kept_add(keep, k->w.base, len));
	transmit(g, keep);
}

static void begin_plain(
	struct ikew *k, uint8_t *buf, size_t cap, const struct ike_hdr *h, const uint8_t *spi_r)
{
	struct ike_hdr out = { .version = 0x20, .exchange = h->exchange, .flags = FLAG_RESPONSE };

	memcpy(out.spi_i, h->spi_i, IKE_SPI_LEN);
	if (spi_r)
		memcpy(out.spi_r, spi_r, IKE_SPI_LEN);
	ikew_message(k, buf, cap, &out);
}

/* An answer that keeps no state. */
static void answer_init_notify(
	struct gateway *g, const struct ike_hdr *h, uint16_t type, struct bytes data)
{
	uint8_t buf[256];
	struct kept once = { 0 };
	struct ikew k;

	begin_plain(&k, buf, sizeof(buf), h, NULL);
	ikew_notify(&k, 0, type, (struct bytes){ 0 }, data);
	send_plain(g, &k, &once);
	kept_free(&once);
}

static bool wants_cookie(struct gateway *g, const struct payloads *p)
{
	struct notify n;

	/* One that it would not make now may have been its own a moment ago. */
	if (notify_find(p, COOKIE, &n) && n.data.n == sizeof(g->cookie))
		g->cookies++;
	return g->cookies < g->cfg->cookies;
}

void gw_nat_detection(struct gateway *g, const struct v2_sa *sa, struct ikew *k)
{
	uint8_t source[20], destination[20];

	if (g->cfg->no_nat_detection)
		return;
	v2_nat_hash(sa->spi_i, sa->spi_r, &g->self, source);
	v2_nat_hash(sa->spi_i, sa->spi_r, &g->peer, destination);
	if (g->cfg->fake_nat)
		memset(source, 0, sizeof(source));
	ikew_notify(
		k, 0, NAT_DETECTION_SOURCE_IP, (struct bytes){ 0 }, (struct bytes){ source, 20 });
	ikew_notify(k, 0, NAT_DETECTION_DESTINATION_IP, (struct bytes){ 0 },
		(struct bytes){ destination, 20 });
}

void gw_detect_nat(struct gateway *g, const uint8_t spi_i[IKE_SPI_LEN],
	const uint8_t spi_r[IKE_SPI_LEN], const struct payloads *p)
{
	uint8_t source[20], destination[20];
	struct notify s, d;

	g->encap = g->cfg->fake_nat;
	if (g->cfg->no_nat_detection || !notify_find(p, NAT_DETECTION_SOURCE_IP, &s) ||
		!notify_find(p, NAT_DETECTION_DESTINATION_IP, &d))
		return;
	v2_nat_hash(spi_i, spi_r, &g->peer, source);
	v2_nat_hash(spi_i, spi_r, &g->self, destination);
	g->encap |= memcmp(s.data.p, source, sizeof(source)) != 0 ||
		memcmp(d.data.p, destination, sizeof(destination)) != 0;
}

static void write_hashes(const struct gateway *g, struct ikew *k)
{
	uint32_t hashes = g->cfg->hashes ? g->cfg->hashes : sig_hashes();
	uint8_t list[64];
	struct wr w = wr_init(list, sizeof(list));

	for (uint16_t i = 0; i < 16; i++)
		if (hashes & UINT32_C(1) << i)
			wr_u16(&w, i);
	if (!g->cfg->no_hashes)
		ikew_notify(k, 0, SIGNATURE_HASH_ALGORITHMS, (struct bytes){ 0 },
			(struct bytes){ list, w.len });
}

static void answer_init(
	struct gateway *g, struct v2_sa *sa, const struct ike_hdr *h, uint8_t number)
{
	uint8_t buf[4096];
	struct ikew k;

	begin_plain(&k, buf, sizeof(buf), h, sa->spi_r);
	v2_sa_write_choice(&k, &sa->suite, PROTO_IKE, number, (struct bytes){ 0 });
	v2_ke_write(&k, g->hs.ke);
	ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ g->hs.nr, g->hs.nr_len });
	gw_nat_detection(g, sa, &k);
	if (sa->fragments)
		gw_notify(&k, IKEV2_FRAGMENTATION_SUPPORTED);
	write_hashes(g, &k);
	if (g->cfg->ppk)
		gw_notify(&k, USE_PPK);
	if (suite_addke(&sa->suite, 0) < ADDKE_MAX && !g->cfg->no_intermediate)
		gw_notify(&k, INTERMEDIATE_EXCHANGE_SUPPORTED);
	send_plain(g, &k, &g->init_reply);
	keep_octets(
		&g->hs.init_r, &g->hs.init_r_len, g->init_reply.v[0].data, g->init_reply.v[0].len);
}

struct v2_sa *gw_sa_opened(struct gateway *g, const struct ike_hdr *h, const struct payloads *p,
	const struct suite *suite, struct bytes ni)
{
	struct v2_sa *sa = g->sa = gw_sa_new(g, false);
	struct notify n;

	memcpy(sa->spi_i, h->spi_i, IKE_SPI_LEN);
	rng_fill(&g->rng, sa->spi_r, IKE_SPI_LEN);
	sa->suite = *suite;
	sa->state = V2_AUTH;
	sa->mid_in = 1;
	sa->fragments = !g->cfg->no_fragments && notify_find(p, IKEV2_FRAGMENTATION_SUPPORTED, &n);
	assert_int_equal(ni.n, sizeof(g->hs.ni));
	memcpy(g->hs.ni, ni.p, ni.n);
	gw_nonce(g, g->hs.nr, -1);
	g->hs.nr_len = NONCE_LEN;
	return sa;
}

/* The exchange is good: keys, and the half-open SA. */
static void open_half(struct gateway *g, const struct ike_hdr *h, const struct payloads *p,
	struct bytes raw, const struct suite *suite, struct bytes value, uint8_t number)
{
	struct v2_fresh f = { .ni = payload_find(p, PAYLOAD_NONCE)->body };
	struct ke_secret shared;
	struct notify n;
	struct err e = { 0 };

	forget_all(g);
	g->inits++;
	g->hs.ke = ke_answer(suite->ke, &g->rng, value, &shared, &e);
	if (!g->hs.ke)
		fail_msg("the client's KE payload: %s", e.text);
	struct v2_sa *sa = gw_sa_opened(g, h, p, suite, f.ni);
	if (notify_find(p, SIGNATURE_HASH_ALGORITHMS, &n))
		for (struct rd r = rd_init(n.data.p, n.data.n); r.left > 0;)
			g->hs.peer_hashes |= UINT32_C(1) << (rd_u16(&r) & 31);
	keep_octets(&g->hs.init_i, &g->hs.init_i_len, raw.p, raw.n);
	f.nr = (struct bytes){ g->hs.nr, NONCE_LEN };
	f.shared = (struct bytes){ shared.data, shared.len };
	assert_ok(&e, v2_derive(sa, NULL, NULL, &f, &e));
	g->hs.addke_no = suite_addke(suite, 0);
	g->phase = GW_HALF;
	answer_init(g, sa, h, number);
}

/* RFC 7296 section 2.1: the same request, the same answer. */
static bool opened_again(struct gateway *g, const struct ike_hdr *h, struct bytes raw)
{
	if (!g->hs.init_i || memcmp(g->hs.init_i, h->spi_i, IKE_SPI_LEN) != 0)
		return false;
	if (g->phase == GW_HALF && g->hs.init_i_len == raw.n &&
		memcmp(g->hs.init_i, raw.p, raw.n) == 0)
		transmit(g, &g->init_reply);
	return true;
}

static bool asks_for_cookie(struct gateway *g, const struct ike_hdr *h, const struct payloads *p)
{
	if (!wants_cookie(g, p))
		return false;
	rng_fill(&g->rng, g->cookie, sizeof(g->cookie));
	answer_init_notify(g, h, COOKIE, (struct bytes){ g->cookie, sizeof(g->cookie) });
	return true;
}

static void resume_request(
	struct gateway *g, const struct ike_hdr *h, const struct payloads *p, struct bytes raw)
{
	uint8_t buf[512];
	struct ikew k;

	if (g->cfg->tickets == GW_TICKETS_UNKNOWN || opened_again(g, h, raw) ||
		asks_for_cookie(g, h, p))
		return;
	g->resume_requests++;
	gw_detect_nat(g, h->spi_i, h->spi_r, p);
	uint16_t refusal = gw_resume_refuses(g, p);
	if (refusal) {
		answer_init_notify(g, h, refusal, (struct bytes){ 0 });
		return;
	}
	forget_all(g);
	struct v2_sa *sa = gw_resume_open(g, h, p);
	keep_octets(&g->hs.init_i, &g->hs.init_i_len, raw.p, raw.n);
	begin_plain(&k, buf, sizeof(buf), h, sa->spi_r);
	ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ g->hs.nr, g->hs.nr_len });
	gw_nat_detection(g, sa, &k);
	if (sa->fragments)
		gw_notify(&k, IKEV2_FRAGMENTATION_SUPPORTED);
	send_plain(g, &k, &g->init_reply);
	keep_octets(
		&g->hs.init_r, &g->hs.init_r_len, g->init_reply.v[0].data, g->init_reply.v[0].len);
}

static void init_request(
	struct gateway *g, const struct ike_hdr *h, const struct payloads *p, struct bytes raw)
{
	const struct payload *sa = payload_find(p, PAYLOAD_SA), *ke = payload_find(p, PAYLOAD_KE);
	struct suite suite;
	struct bytes spi, value;
	uint8_t number, data[2];
	uint16_t group;

	if (opened_again(g, h, raw) || asks_for_cookie(g, h, p))
		return;
	gw_detect_nat(g, h->spi_i, h->spi_r, p);
	assert_true(
		sa && ke && payload_find(p, PAYLOAD_NONCE) && v2_ke_read(ke->body, &group, &value));
	if (g->cfg->refuse_init ||
		!gw_choose(sa->body, &g->ike, PROTO_IKE, 0, &spi, &number, &suite)) {
		answer_init_notify(g, h,
			g->cfg->refuse_init ? g->cfg->refuse_init : NO_PROPOSAL_CHOSEN,
			(struct bytes){ 0 });
		return;
	}
	if (group != suite.ke->id || g->wrong_groups < g->cfg->wrong_groups) {
		uint16_t want = g->cfg->wanted_group ? g->cfg->wanted_group : suite.ke->id;
		g->wrong_groups++;
		data[0] = (uint8_t)(want >> 8);
		data[1] = (uint8_t)want;
		answer_init_notify(g, h, INVALID_KE_PAYLOAD, (struct bytes){ data, 2 });
		return;
	}
	open_half(g, h, p, raw, &suite, value, number);
}

struct plain { /* a decrypted message */
	struct payloads p;
	struct content content;
	uint8_t *copy, *whole;
};

/* --- receiving --------------------------------------------------------------------------------------- */

static void handle_request(
	struct gateway *g, struct v2_sa *sa, const struct ike_hdr *h, const struct plain *o)
{
	uint8_t *buf = malloc(MESSAGE_OUT_MAX);
	struct ikew k;
	struct gw_step s = { g, sa, h, &o->p, &k, &o->content };

	if (h->mid != sa->mid_in) {
		if (sa->replied && h->mid == sa->mid_in - 1) {
			g->replies_again++;
			transmit(g, &sa->reply);
		}
		free(buf);
		return;
	}
	assert_non_null(buf);
	g->requests++;
	sa->mid_in++;
	sa->replied = true;
	ikew_chain(&k, buf, MESSAGE_OUT_MAX);
	if (h->exchange == IKE_AUTH)
		gw_auth_request(&s);
	else if (h->exchange == IKE_INTERMEDIATE)
		gw_inter_request(&s);
	else if (h->exchange == IKE_FOLLOWUP_KE)
		gw_followup_request(&s);
	else if (h->exchange == CREATE_CHILD_SA)
		gw_create_request(&s);
	else
		gw_info_request(&s);
	send_chain(g, sa, h->exchange, true, h->mid, &k, &sa->reply);
	if (h->exchange == IKE_INTERMEDIATE)
		gw_inter_sent(g, sa, h->mid, &k);
	free(buf);
}

static void handle_answer(
	struct gateway *g, struct v2_sa *sa, const struct ike_hdr *h, const struct plain *o)
{
	struct gw_step s = { g, sa, h, &o->p, NULL, &o->content };
	struct notify n;

	if (sa->req.task == TASK_NONE || h->mid != sa->req.mid || h->exchange != sa->req.exchange)
		return;
	if (notify_find_error(&o->p, &n)) {
		g->last_notify = n.type;
		g->refused++;
	}
	if (h->exchange == CREATE_CHILD_SA)
		gw_create_answer(&s);
	else if (h->exchange == IKE_FOLLOWUP_KE)
		gw_followup_answer(&s);
	else
		gw_info_answer(&s);
}

static bool open_protected(struct gateway *g, struct v2_sa *sa, const struct ike_hdr *h,
	const void *data, size_t len, struct plain *o)
{
	struct content *c = &o->content;
	uint8_t none, unknown;

	o->copy = malloc(len);
	assert_non_null(o->copy);
	memcpy(o->copy, data, len);
	if (!payloads_read(&o->p, h->next,
		    (struct bytes){ o->copy + IKE_HDR_LEN, len - IKE_HDR_LEN }, &c->first, &unknown,
		    NULL) ||
		o->p.n != 1)
		return false;
	struct payload sk = o->p.v[0];
	if ((sk.type != PAYLOAD_SK && sk.type != PAYLOAD_SKF) ||
		!v2_open(sa, o->copy, len, &sk, &c->octets, NULL))
		return false;
	c->reserved = ((const uint8_t *)sk.body.p)[-3];
	if (sk.type == PAYLOAD_SKF) {
		struct rd r = rd_init(sk.body.p, 4);
		uint16_t number = rd_u16(&r);
		struct content part = *c;
		if (!v2_reassemble(&sa->partial[(h->flags & FLAG_RESPONSE) != 0], h->mid, number,
			    rd_u16(&r), &part, &o->whole, c, NULL) ||
			!o->whole)
			return false;
	}
	if (g->hear)
		g->hear(g->hear_arg, false, h->exchange, h->flags & FLAG_RESPONSE, c->first,
			c->octets);
	return payloads_read(&o->p, c->first, c->octets, &none, &unknown, NULL);
}

static struct v2_sa *find_sa(const struct gateway *g, const struct ike_hdr *h)
{
	for (size_t i = 0; i < GW_SAS_MAX; i++)
		if (g->sas[i] && memcmp(g->sas[i]->spi_i, h->spi_i, IKE_SPI_LEN) == 0 &&
			memcmp(g->sas[i]->spi_r, h->spi_r, IKE_SPI_LEN) == 0)
			return g->sas[i];
	return NULL;
}

/* What its answer made other keys for can only be recognized. */
static bool intermediate_again(struct gateway *g, struct v2_sa *sa, const struct ike_hdr *h)
{
	if (h->exchange != IKE_INTERMEDIATE || !sa->replied || h->mid != sa->mid_in - 1)
		return false;
	g->replies_again++;
	transmit(g, &sa->reply);
	return true;
}

void gw_datagram(struct gateway *g, uint64_t now, const struct addr *from, const struct addr *to,
	const void *data, size_t len, struct outbox *ob)
{
	struct plain *o = calloc(1, sizeof(*o));
	uint8_t inner, unknown;
	struct ike_hdr h;

	assert_non_null(o);
	g->now = now;
	g->ob = ob;
	if (!ike_hdr_read(&h, (struct bytes){ data, len }, NULL))
		goto out; /* a keepalive, for one */
	struct v2_sa *sa = find_sa(g, &h);
	if (h.exchange == IKE_SA_INIT || h.exchange == IKE_SESSION_RESUME) {
		if ((h.flags & FLAG_RESPONSE) ||
			!payloads_read(&o->p, h.next,
				(struct bytes){
					(const uint8_t *)data + IKE_HDR_LEN, len - IKE_HDR_LEN },
				&inner, &unknown, NULL))
			goto out;
		g->peer = *from;
		g->self = *to;
		(h.exchange == IKE_SA_INIT ? init_request : resume_request)(
			g, &h, &o->p, (struct bytes){ data, len });
	} else if (sa && intermediate_again(g, sa, &h)) {
		goto out;
	} else if (sa && ((h.flags & FLAG_INITIATOR) != 0) != sa->initiator &&
		open_protected(g, sa, &h, data, len, o)) {
		g->peer = *from; /* whatever a NAT made of it: it is authentic */
		g->self = *to;
		(h.flags & FLAG_RESPONSE ? handle_answer : handle_request)(g, sa, &h, o);
	}
	gw_work(g);
out:
	free(o->copy);
	free(o->whole);
	free(o);
}

/* --- time ---------------------------------------------------------------------------------------------- */

void gw_tick(struct gateway *g, uint64_t now, struct outbox *ob)
{
	g->now = now;
	g->ob = ob;
	for (size_t i = 0; i < GW_SAS_MAX; i++) {
		struct v2_sa *sa = g->sas[i];
		if (!sa || sa->req.task == TASK_NONE || now < sa->req.rexmit.next)
			continue;
		if (rexmit_again(&sa->req.rexmit, now, &g->rng)) {
			transmit(g, &sa->req.sent);
		} else if (sa == g->sa) {
			forget_all(g);
			g->phase = GW_LOST;
			return;
		} else {
			gw_sa_drop(g, sa);
		}
	}
	gw_work(g);
}

uint64_t gw_deadline(const struct gateway *g)
{
	uint64_t at = g->want && g->phase == GW_UP && g->sa && g->sa->req.task == TASK_NONE ?
		g->retry_at :
		TIME_NEVER;

	for (size_t i = 0; i < GW_SAS_MAX; i++)
		if (g->sas[i] && g->sas[i]->req.task != TASK_NONE &&
			g->sas[i]->req.rexmit.next < at)
			at = g->sas[i]->req.rexmit.next;
	return at;
}

void gw_ask(struct gateway *g, uint64_t now, unsigned want, struct outbox *ob)
{
	g->now = now;
	g->ob = ob;
	g->want |= want;
	g->retry_at = now;
	gw_work(g);
}
