#include "ike/probe.h"

#include <stdlib.h>
#include <string.h>

#include "ike/v2.h"
#include "probe_offer.h"
#include "v1_sa.h"
#include "v2_sa.h"

enum {
	WINDOW = 2, /* questions on their way at once, so that nobody takes it for a flood */
	V1_REMEMBERED_MAX =
		3, /* strongSwan shuts the door at five half-open IKE SAs of one address */
	TRIES = 4,
	TRIES_LATER = 3, /* once it is known to answer */
	FIRST_WAIT_MS = 500,
	LOGIN_MS = 20000,
	GROUP_NOBODY_OFFERS = 1, /* MODP 768, long since too weak to be asked for */
	GROUP_NOBODY_OFFERS_LEN = 96,
	QUESTIONS_MAX = 1 + PROBE_ALGS_MAX + PROBE_METHODS
};

static const struct {
	uint16_t number;
	const char *name;
} methods[PROBE_METHODS] = { { V1_XAUTH_PSK, "xauth-psk" }, { V1_PSK, "psk" },
	{ V1_HYBRID_RSA, "hybrid" }, { V1_XAUTH_RSA, "xauth-cert" }, { V1_RSA, "cert" } };

enum about { ABOUT_V2, ABOUT_ALG, ABOUT_METHOD };

struct question {
	enum about about;
	size_t i; /* of found.algs or methods */
	enum { WAITS, SENT, OVER } state;
	uint8_t spi[IKE_SPI_LEN], nonce[NONCE_MAX], cookie[COOKIE_MAX];
	size_t cookie_len;
	unsigned tries, cookies;
	uint64_t again_at;
};

struct probe {
	const struct probe_config *config;
	struct rng rng;
	struct path path;
	time_t wall;
	size_t n;
	struct question questions[QUESTIONS_MAX];
	struct proposals v1_offer, accepted, esp;
	struct ike_config login_config;
	struct v2 *login; /* while it goes on */
	uint64_t login_until;
	bool login_over;
	struct ike_view view; /* room for the login's, which is large */
	struct probe_found found;
};

/* --- questions ------------------------------------------------------------------------------------- */

static struct question *ask_for(struct probe *p, enum about about, size_t i)
{
	struct question *q = &p->questions[p->n++];

	*q = (struct question){ .about = about, .i = i };
	do
		rng_fill(&p->rng, q->spi, sizeof(q->spi));
	while (memcmp(q->spi, q->cookie, sizeof(q->spi)) == 0);
	rng_fill(&p->rng, q->nonce, sizeof(q->nonce));
	return q;
}

static bool is_asked_about(const struct alg *a)
{
	return a->type != TRANSFORM_ESN && alg_usable(a);
}

static void ask_all(struct probe *p)
{
	struct probe_found *f = &p->found;
	const struct alg *a;

	ask_for(p, ABOUT_V2, 0);
	for (size_t i = 0; (a = alg_row(i)) && f->n_algs < PROBE_ALGS_MAX; i++)
		if (is_asked_about(a))
			f->algs[f->n_algs++].alg = a;
	for (size_t i = 0; i < f->n_algs; i++)
		ask_for(p, ABOUT_ALG, i);
	for (size_t i = 0; i < PROBE_METHODS; i++) {
		f->methods[i].name = methods[i].name;
		ask_for(p, ABOUT_METHOD, i);
	}
}

static bool is_v2(const struct question *q)
{
	return q->about != ABOUT_METHOD;
}

static size_t count(const struct probe *p, bool v2, int state)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += is_v2(&p->questions[i]) == v2 && (int)p->questions[i].state == state;
	return n;
}

/* Those that the gateway may have begun to remember; what it did not answer at once it may not even speak. */
static size_t remembered(const struct probe *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct question *q = &p->questions[i];
		n += q->about == ABOUT_METHOD &&
			(q->state == SENT ? q->tries < 2 :
					    p->found.methods[q->i].verdict == PROBE_ACCEPTED);
	}
	return n;
}

static bool may_ask(const struct probe *p, const struct question *q)
{
	switch (q->about) {
	case ABOUT_V2:
		return true;
	case ABOUT_ALG:
		return p->found.v2 == PROBE_ACCEPTED && count(p, true, SENT) < WINDOW;
	case ABOUT_METHOD:
		return remembered(p) < V1_REMEMBERED_MAX;
	}
	return false;
}

/* --- sending --------------------------------------------------------------------------------------- */

/*
 *	HDR, [N(COOKIE)], SAi1, KEi (of a group that SAi1 lacks), Ni  -->
 *	                        <--  HDR, N(INVALID_KE_PAYLOAD) | N(NO_PROPOSAL_CHOSEN) | N(COOKIE)
 */
static bool write_v2(
	struct probe *p, const struct question *q, struct ikew *k, void *buf, size_t cap)
{
	struct ike_hdr h = { .version = 0x20, .exchange = IKE_SA_INIT, .flags = FLAG_INITIATOR };
	uint8_t value[GROUP_NOBODY_OFFERS_LEN];
	struct proposals offered;

	probe_offer(&p->found, q->about == ABOUT_ALG ? p->found.algs[q->i].alg : NULL, &offered);
	if (offered.n == 0)
		return false;
	memcpy(h.spi_i, q->spi, IKE_SPI_LEN);
	ikew_message(k, buf, cap, &h);
	if (q->cookie_len > 0)
		ikew_notify(k, 0, COOKIE, (struct bytes){ 0 },
			(struct bytes){ q->cookie, q->cookie_len });
	v2_sa_write(k, &offered, PROTO_IKE, (struct bytes){ 0 });
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = q->nonce[i % sizeof(q->nonce)];
	ikew_payload(k, PAYLOAD_KE);
	wr_u16(&k->w, GROUP_NOBODY_OFFERS);
	wr_u16(&k->w, 0);
	wr_bytes(&k->w, value, sizeof(value));
	ikew_bytes(k, PAYLOAD_NONCE, (struct bytes){ q->nonce, NONCE_LEN });
	return true;
}

/* The first message of main mode, RFC 2409 section 5: HDR, SA, VID ... */
static bool write_v1(
	struct probe *p, const struct question *q, struct ikew *k, void *buf, size_t cap)
{
	struct ike_config c = { .fragmentation = true, .xauth = true };
	struct ike_hdr h = { .version = 0x10, .exchange = V1_MAIN_MODE };

	memcpy(h.spi_i, q->spi, IKE_SPI_LEN);
	ikew_message(k, buf, cap, &h);
	v1_sa_write_phase1(k, &p->v1_offer, NULL, methods[q->i].number, SECONDS(28800));
	v1_vendor_write(k, &c);
	return true;
}

static bool says_something(enum probe_verdict v)
{
	return v == PROBE_ACCEPTED || v == PROBE_REFUSED;
}

static bool heard(const struct probe *p)
{
	return says_something(p->found.v2) || says_something(p->found.v1);
}

/* Some networks let port 4500 alone through, so every second copy tries that, as long as nothing came. On any port
 * but 500 messages have the marker in front. */
static void send_question(struct probe *p, struct question *q, uint64_t now, struct outbox *ob)
{
	bool other_port = p->path.remote.port != UDP_PORT_IKE;
	bool natt = other_port || p->found.natt_only || (!heard(p) && q->tries % 2 == 1);
	struct addr local = p->path.local, remote = p->path.remote;
	uint8_t buf[IKE_DATAGRAM_MAX];
	struct ikew k = { .open_at = SIZE_MAX };
	size_t len = 0;

	if (natt) {
		local.port = p->path.local_natt_port;
		remote.port = other_port ? remote.port : UDP_PORT_NATT;
	}
	if (!(is_v2(q) ? write_v2 : write_v1)(p, q, &k, buf, sizeof(buf)) || !ikew_end(&k, &len)) {
		q->state = OVER;
		return;
	}
	outbox_send(ob, natt ? PORT_NATT : PORT_IKE, &local, &remote, buf, len);
	q->state = SENT;
	q->again_at = now + ((uint64_t)FIRST_WAIT_MS << q->tries);
	q->tries++;
}

/* --- answers --------------------------------------------------------------------------------------- */

static enum probe_verdict *verdict_of(struct probe *p, const struct question *q)
{
	switch (q->about) {
	case ABOUT_V2:
		return &p->found.v2;
	case ABOUT_ALG:
		return &p->found.algs[q->i].verdict;
	case ABOUT_METHOD:
		break;
	}
	return &p->found.methods[q->i].verdict;
}

static void settle(struct probe *p, struct question *q, enum probe_verdict verdict)
{
	enum probe_verdict *v1 = &p->found.v1;

	*verdict_of(p, q) = verdict;
	q->state = OVER;
	if (q->about == ABOUT_METHOD && (!says_something(*v1) || verdict == PROBE_ACCEPTED))
		*v1 = verdict;
}

static bool follow_cookie(struct probe *p, struct question *q, const struct notify *n, uint64_t now,
	struct outbox *ob)
{
	if (n->data.n == 0 || n->data.n > COOKIE_MAX || q->cookies++ >= DETOURS_MAX)
		return false;
	memcpy(q->cookie, n->data.p, n->data.n);
	q->cookie_len = n->data.n;
	q->tries = 0;
	send_question(p, q, now, ob);
	return true;
}

/* Asked for one group among those offered, it could have chosen another only by mistake. */
static enum probe_verdict judge(struct probe *p, const struct question *q, const struct notify *n)
{
	const struct alg *a = q->about == ABOUT_ALG ? p->found.algs[q->i].alg : NULL;
	struct rd r = rd_init(n->data.p, n->data.n);

	if (n->type != INVALID_KE_PAYLOAD)
		return PROBE_REFUSED;
	uint16_t group = rd_u16(&r);
	return r.bad || (a && a->type == TRANSFORM_KE && group != a->id) ? PROBE_REFUSED :
									   PROBE_ACCEPTED;
}

static void take_v2(struct probe *p, struct question *q, const struct payloads *pl, uint64_t now,
	struct outbox *ob)
{
	char name[NOTIFY_TEXT_MAX];
	struct notify n;

	if (payload_find(pl, PAYLOAD_SA)) {
		settle(p, q, PROBE_ACCEPTED); /* it minds no wrong group */
		return;
	}
	if (notify_find(pl, COOKIE, &n) && follow_cookie(p, q, &n, now, ob))
		return;
	if (!notify_find_error(pl, &n))
		return;
	if (q->about == ABOUT_V2 && n.type != INVALID_KE_PAYLOAD)
		err_notify(&p->found.v2_word, ERR_PEER, n.type, "the gateway answers %s",
			notify_text(name, n.type));
	settle(p, q, judge(p, q, &n));
}

static void take_v1(struct probe *p, struct question *q, const struct payloads *pl)
{
	const struct payload *sa = payload_find(pl, V1P_SA);
	struct v1_terms terms;
	struct notify n;

	if (sa && v1_sa_read_phase1(sa->body, &p->v1_offer, &terms, NULL)) {
		p->found.methods[q->i].suite = terms.suite;
		settle(p, q, PROBE_ACCEPTED);
	} else if (sa || v1_notify_error(pl, &n)) {
		settle(p, q, PROBE_REFUSED);
	}
}

static struct question *question_of(struct probe *p, const uint8_t spi[IKE_SPI_LEN], bool v2)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->questions[i].state == SENT && is_v2(&p->questions[i]) == v2 &&
			memcmp(p->questions[i].spi, spi, IKE_SPI_LEN) == 0)
			return &p->questions[i];
	return NULL;
}

static bool answers(struct probe *p, const struct datagram *d, uint64_t now, struct outbox *ob)
{
	struct bytes message = { d->data, d->len };
	struct payloads pl = { .n = 0 };
	struct ike_hdr h;
	uint8_t inner, unknown;
	size_t used;
	bool v2 = ike_hdr_read(&h, message, NULL);

	if (!v2 && !ike_hdr_read_v1(&h, message, NULL))
		return false;
	struct bytes chain = { d->data + IKE_HDR_LEN, d->len - IKE_HDR_LEN };
	struct question *q = question_of(p, h.spi_i, v2);
	if (!q)
		return false;
	if (v2 ? (h.flags & FLAG_RESPONSE) && h.exchange == IKE_SA_INIT &&
				payloads_read(&pl, h.next, chain, &inner, &unknown, NULL) :
		 v1_payloads_read(&pl, h.next, chain, &used, NULL)) {
		p->found.natt_only |=
			d->on == PORT_NATT && !heard(p) && p->path.remote.port == UDP_PORT_IKE;
		if (v2)
			take_v2(p, q, &pl, now, ob);
		else
			take_v1(p, q, &pl);
	}
	return true;
}

/* --- the beginning of a login ------------------------------------------------------------------------ */

static const uint8_t eap_methods[] = { EAP_MSCHAPV2 };

static bool login_begin(struct probe *p, uint64_t now, struct outbox *ob)
{
	const struct probe_config *c = p->config;
	struct err e;

	probe_proposals(&p->found, TIER_LEGACY, &p->accepted);
	prop_default(&p->esp, PROTO_ESP, TIER_LEGACY);
	p->login_config = (struct ike_config){ .ike_proposals = &p->accepted,
		.ike_accepted = &p->accepted,
		.esp_proposals = &p->esp,
		.security = TIER_LEGACY,
		.local_auth = IKE_AUTH_BY_EAP,
		.local_id = c->local_id,
		.remote_id = c->remote_id,
		.trust = c->trust,
		.pinned = c->pinned,
		.eap = { .user = "", .methods = eap_methods, .n_methods = ARRAY_LEN(eap_methods) },
		.fragmentation = true,
		.mode = SA_TUNNEL,
		.esn = TRI_AUTO,
		.pfs = TRI_AUTO,
		.want_address = true };
	if (p->accepted.n == 0)
		return false;
	p->login = v2_new(&p->login_config, &p->rng, &e);
	if (!p->login)
		return false;
	p->login_until = now + LOGIN_MS;
	v2_start(p->login, now, p->wall, &p->path, false, ob);
	return true;
}

/* What it says of itself on the way; where it ends by failing, the view has forgotten some of it. */
static void login_learn(struct probe_found *f, const struct ike_view *view)
{
	f->nat |= view->nat;
	if (view->suite.encr)
		f->suite = view->suite;
	if (view->vendor[0])
		memcpy(f->vendor, view->vendor, sizeof(f->vendor));
	if (view->proved && view->remote_id)
		text_safe(f->id, sizeof(f->id), view->remote_id, strlen(view->remote_id));
}

static void login_end(struct probe *p, enum probe_login how, const struct ike_view *view)
{
	p->found.login = how;
	p->found.why = view->failure;
	v2_free(p->login);
	p->login = NULL;
	p->login_over = true;
}

static enum probe_login login_failed(const struct ike_view *view)
{
	if (view->stage < STAGE_AUTH)
		return PROBE_LOGIN_NOT_TRIED;
	if (view->failure.kind == ERR_AUTH)
		return PROBE_LOGIN_UNPROVED;
	return view->failure.kind == ERR_SILENT ? PROBE_LOGIN_SILENT : PROBE_LOGIN_REFUSED;
}

/* What it wants sent goes out; once it asks for a name, all is known. */
static void login_look(struct probe *p, struct outbox *own, struct outbox *ob, uint64_t now)
{
	struct ike_view *view = &p->view;
	bool asks = false;

	for (size_t i = 0; i < own->n; i++) {
		const struct send *s = outbox_get(own, i);
		asks |= own->actions[i].kind == ACT_ASK;
		if (own->actions[i].kind == ACT_SEND && !asks)
			outbox_send(ob, s->from, &s->local, &s->remote, s->data, s->len);
	}
	outbox_clear(own);
	v2_view(p->login, view);
	login_learn(&p->found, view);
	if (asks)
		login_end(p, PROBE_LOGIN_EAP, view);
	else if (view->phase == IKE_DEAD)
		login_end(p, login_failed(view), view);
	else if (now >= p->login_until)
		login_end(p, PROBE_LOGIN_SILENT, view);
}

enum login_input { LOGIN_START, LOGIN_DATAGRAM, LOGIN_TICK };

static void login_do(struct probe *p, enum login_input what, const struct datagram *d, uint64_t now,
	struct outbox *ob)
{
	struct outbox own;

	outbox_init(&own);
	switch (what) {
	case LOGIN_START:
		p->login_over = !login_begin(p, now, &own);
		break;
	case LOGIN_DATAGRAM:
		v2_datagram(p->login, now, d, &own);
		break;
	case LOGIN_TICK:
		v2_tick(p->login, now, &own);
		break;
	}
	if (p->login)
		login_look(p, &own, ob, now);
	outbox_free(&own);
}

/* --- the surface ------------------------------------------------------------------------------------- */

struct probe *probe_new(
	const struct probe_config *config, const uint8_t seed[RNG_SEED_LEN], struct err *e)
{
	static const char v1_offer[] =
		"aes256-sha512-modp4096,aes256-sha384-ecp384,"
		"aes256-sha256-modp3072,"
		"aes256-aes128-sha256-sha1-ecp256-modp2048,"
		"aes256-aes128-3des-sha256-sha1-modp1024,"
		"aes256-3des-sha1-modp1536,3des-sha1-modp2048,3des-md5-modp1024";
	struct probe *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	p->config = config;
	rng_seed(&p->rng, seed);
	if (!prop_parse(&p->v1_offer, PROTO_IKE, TIER_LEGACY, v1_offer, e)) {
		probe_free(p);
		return NULL;
	}
	ask_all(p);
	return p;
}

void probe_free(struct probe *p)
{
	if (!p)
		return;
	v2_free(p->login);
	rng_wipe(&p->rng);
	free(p);
}

static bool all_over(const struct probe *p, bool v2)
{
	return count(p, v2, WAITS) == 0 && count(p, v2, SENT) == 0;
}

/* What will not be asked any more is over, too. */
static void give_up_rest(struct probe *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct question *q = &p->questions[i];
		bool never = q->about == ABOUT_ALG ?
			p->found.v2 == PROBE_REFUSED || p->found.v2 == PROBE_SILENT :
			q->about == ABOUT_METHOD && remembered(p) >= V1_REMEMBERED_MAX &&
				count(p, false, SENT) == 0;
		if (q->state == WAITS && never)
			q->state = OVER;
	}
}

/* Sends what may go now, and goes on to the login when all is known that it needs. */
static void go_on(struct probe *p, uint64_t now, struct outbox *ob)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->questions[i].state == WAITS && may_ask(p, &p->questions[i]))
			send_question(p, &p->questions[i], now, ob);
	give_up_rest(p);
	if (!p->login && !p->login_over && all_over(p, true))
		login_do(p, LOGIN_START, NULL, now, ob);
	p->found.asked = (size_t)p->login_over;
	for (size_t i = 0; i < p->n; i++)
		p->found.asked += p->questions[i].state == OVER;
}

void probe_start(
	struct probe *p, uint64_t now, time_t wall, const struct path *path, struct outbox *ob)
{
	p->path = *path;
	p->wall = wall;
	go_on(p, now, ob);
}

void probe_datagram(struct probe *p, uint64_t now, const struct datagram *d, struct outbox *ob)
{
	if (!addr_same_host(&d->remote, &p->path.remote))
		return;
	if (!answers(p, d, now, ob) && p->login)
		login_do(p, LOGIN_DATAGRAM, d, now, ob);
	go_on(p, now, ob);
}

void probe_tick(struct probe *p, uint64_t now, struct outbox *ob)
{
	unsigned tries = p->found.v2 == PROBE_ACCEPTED ? TRIES_LATER : TRIES;

	for (size_t i = 0; i < p->n; i++) {
		struct question *q = &p->questions[i];
		if (q->state != SENT || now < q->again_at)
			continue;
		if (q->tries >= tries)
			settle(p, q, PROBE_SILENT);
		else
			send_question(p, q, now, ob);
	}
	if (p->login)
		login_do(p, LOGIN_TICK, NULL, now, ob);
	go_on(p, now, ob);
}

uint64_t probe_deadline(const struct probe *p)
{
	uint64_t at = TIME_NEVER;

	for (size_t i = 0; i < p->n; i++)
		if (p->questions[i].state == SENT)
			at = earliest(at, p->questions[i].again_at);
	if (p->login)
		at = earliest(at, earliest(v2_deadline(p->login), p->login_until));
	return at;
}

const struct probe_found *probe_found(const struct probe *p)
{
	return &p->found;
}
