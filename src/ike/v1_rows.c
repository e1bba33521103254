#include "v1_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * The table of messages, and how each finds its step: header, SA, protection, row.
 *
 * In phase 1 nothing is authentic before a proof was checked, so what fails there changes nothing but
 * a hint. In phase 2 nothing reaches a step whose HASH is not right.
 */

#define STATE(s) (UINT32_C(1) << (s))
#define SETTLED  (STATE(V1_UP) | STATE(V1_REPLACED))
#define LOGIN    (STATE(V1_XAUTH) | STATE(V1_ASK) | STATE(V1_CONFIG))

/* The story is what the user sees while this message is awaited. */
static const struct row {
	uint8_t exchange;
	bool encrypted;
	uint32_t states;
	uint32_t required; /* payloads */
	const char *story;
	bool (*step)(struct v1_step *s);
} rows[] = {
	{ V1_MAIN_MODE, false, STATE(V1_SA_SENT), V1BIT(V1P_SA), "agreeing on keys",
		v1_main_sa_recv },
	{ V1_MAIN_MODE, false, STATE(V1_KE_SENT), V1BIT(V1P_KE) | V1BIT(V1P_NONCE),
		"exchanging keys", v1_main_ke_recv },
	{ V1_MAIN_MODE, true, STATE(V1_ID_SENT), V1BIT(V1P_ID), "proving who is who",
		v1_main_id_recv },
	{ V1_AGGRESSIVE_MODE, false, STATE(V1_AGGR_SENT),
		V1BIT(V1P_SA) | V1BIT(V1P_KE) | V1BIT(V1P_NONCE) | V1BIT(V1P_ID),
		"agreeing on keys", v1_aggr_recv },
	{ V1_MAIN_MODE, false, STATE(V1_NEW), V1BIT(V1P_SA), "", v1_resp_sa_recv },
	{ V1_MAIN_MODE, false, STATE(V1_SA_ANSWERED), V1BIT(V1P_KE) | V1BIT(V1P_NONCE), "",
		v1_resp_ke_recv },
	{ V1_MAIN_MODE, true, STATE(V1_KE_ANSWERED), V1BIT(V1P_ID), "", v1_resp_id_recv },
	{ V1_TRANSACTION, true, LOGIN | SETTLED, V1BIT(V1P_ATTR), "", v1_transaction_recv },
	{ V1_QUICK_MODE, true, SETTLED, 0, "", v1_quick_recv },
	{ V1_INFORMATIONAL, true, STATE(V1_ID_SENT) | LOGIN | SETTLED, 0, "", v1_info_recv },
};

static const struct {
	enum v1_state state;
	const char *story;
} stories[] = {
	{ V1_XAUTH, "logging in" },
	{ V1_CONFIG, "asking for an address" },
	{ V1_UP, "making the tunnel" },
};

const char *v1_story(enum v1_state state)
{
	for (size_t i = 0; i < ARRAY_LEN(stories); i++)
		if (stories[i].state == state)
			return stories[i].story;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].states == STATE(state))
			return rows[i].story;
	return "";
}

static const struct row *row_find(uint8_t exchange, enum v1_state state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].exchange == exchange && rows[i].states & STATE(state))
			return &rows[i];
	return NULL;
}

static void drop(const struct v1 *v, const struct err *e, struct outbox *ob)
{
	char from[ADDR_TEXT_MAX];

	outbox_log(ob, LEVEL_DEBUG, "ignored a message from %s: %s",
		addr_port_text(from, &v->path.remote), e->text);
}

static bool complete(const struct payloads *p, const struct row *row, struct err *e)
{
	uint32_t missing = row->required & ~v1_payloads_set(p);

	for (uint8_t type = 1; type < 32; type++)
		if (missing & V1BIT(type))
			return err_set(e, ERR_PEER, "the gateway's message lacks %s",
				name_find(v1_payload_names, type));
	return true;
}

/* --- phase 1 ------------------------------------------------------------------------------------------ */

/* The payloads of a message of phase 1: p points into *copy. */
static bool open_phase1(struct v1_sa *sa, const struct row *row, const struct ike_hdr *h,
	const struct datagram *d, uint8_t *copy, struct payloads *p, uint8_t next_iv[V1_BLOCK_MAX],
	struct err *e)
{
	struct bytes chain = { copy + IKE_HDR_LEN, d->len - IKE_HDR_LEN };
	size_t used;

	memcpy(copy, d->data, d->len);
	if (row->encrypted != ((h->flags & V1_FLAG_ENCRYPTED) != 0))
		return err_set(e, ERR_DROP, "a message that should%s be encrypted",
			row->encrypted ? "" : " not");
	if (!row->encrypted)
		return v1_payloads_read(p, h->next, chain, &used, e) &&
			(v1_is_filling(
				 (struct bytes){ copy + IKE_HDR_LEN + used, chain.n - used }) ||
				err_set(e, ERR_DROP, "octets behind the last payload"));
	if (!v1_open(sa, sa->p1->iv, copy, d->len, next_iv, e))
		return false;
	if (v1_payloads_read(p, h->next, chain, &used, e))
		return true;
	/* In phase 1 the shared key makes the encryption key: a wrong one looks like this. */
	return err_set(e, ERR_PEER,
		"the gateway's answer cannot be decrypted: the two sides do not have "
		"the same keys");
}

static void phase1_failed(struct v1 *v, struct v1_sa *sa, const struct err *e, struct outbox *ob)
{
	bool ours = e->kind == ERR_LOCAL || e->kind == ERR_BUG || e->kind == ERR_CONFIG;

	if (e->kind == ERR_DROP)
		drop(v, e, ob);
	else if (ours && sa->first)
		v1_fail(v, e, ob);
	else
		v1_hint(v, sa, e, ob);
}

/* Nothing of the SA that a failed step leaves behind is looked at again before it is overwritten, but
 * for these, which go back to what they were. */
static void run_phase1(struct v1_step *s, const struct row *row,
	const uint8_t next_iv[V1_BLOCK_MAX], const uint8_t seen[V1_SEEN_LEN])
{
	struct v1_phase1 *p = s->sa->p1;
	uint8_t iv[V1_BLOCK_MAX];
	bool waiting = p->waiting;

	memcpy(iv, p->iv, sizeof(iv));
	if (row->encrypted) {
		memcpy(p->iv, next_iv, V1_BLOCK_MAX);
		memcpy(s->sa->last_block, next_iv, V1_BLOCK_MAX);
	}
	p->waiting = false;
	if (complete(s->p, row, s->e) && row->step(s)) {
		memcpy(p->seen, seen, V1_SEEN_LEN);
		p->hint.kind = ERR_NONE;
		v1_sa_next(s->v, s->sa, s->next, s->ob);
		return;
	}
	if (s->sa->first && s->sa->proved && s->e->kind != ERR_DROP) {
		v1_fail(s->v, s->e, s->ob);
		return;
	}
	p->waiting = waiting;
	if (row->encrypted) {
		memcpy(p->iv, iv, sizeof(iv));
		memcpy(s->sa->last_block, iv, sizeof(iv));
	}
	phase1_failed(s->v, s->sa, s->e, s->ob);
}

static void phase1(struct v1 *v, struct v1_sa *sa, const struct ike_hdr *h,
	const struct datagram *d, struct outbox *ob)
{
	const struct row *row = row_find(h->exchange, sa->state);
	uint8_t next_iv[V1_BLOCK_MAX] = { 0 }, seen[V1_SEEN_LEN];
	struct err e = { 0 };

	if (v1_knocks(v, sa) && knock_answered(&sa->p1->rexmit, &v->path, d))
		v1_natt_knocked(v, d, ob);
	v1_digest((struct bytes){ d->data, d->len }, seen);
	if (sa->p1 && memcmp(seen, sa->p1->seen, V1_SEEN_LEN) == 0) {
		if (!sa->p1->waiting) /* our answer to it was lost */
			v1_transmit(v, &sa->p1->sent, ob);
		return;
	}
	struct payloads *p = malloc(sizeof(*p));
	uint8_t *copy = malloc(d->len);
	if (!p || !copy) {
		err_set(&e, ERR_DROP, "out of memory");
		drop(v, &e, ob);
	} else if (!row || !sa->p1) {
		err_set(&e, ERR_DROP, "a message of phase 1 that nobody waits for");
		drop(v, &e, ob);
	} else if (!open_phase1(sa, row, h, d, copy, p, next_iv, &e)) {
		phase1_failed(v, sa, &e, ob);
	} else {
		struct v1_step s = {
			.v = v, .sa = sa, .h = h, .p = p, .ob = ob, .next = sa->state, .e = &e
		};
		run_phase1(&s, row, next_iv, seen);
	}
	free(p);
	free(copy);
}

/* --- phase 2 ------------------------------------------------------------------------------------------- */

static bool kind_fits(const struct v1_xchg *x, uint8_t exchange)
{
	bool quick = x->kind == V1X_QUICK || x->kind == V1X_SERVED;

	return exchange == (quick ? V1_QUICK_MODE : V1_TRANSACTION);
}

/* Sections 5.5 and 5.7: what HASH covers depends on which message of the exchange this is. */
static bool authentic(const struct v1_step *s)
{
	uint32_t mid = s->h->mid;
	uint8_t id[5] = { 0, mid >> 24, mid >> 16, mid >> 8, mid };
	const struct v1_offer *o = s->x ? s->x->offer : NULL;
	struct bytes hash = s->p->v[0].body;

	if (s->x && s->x->kind == V1X_SERVED) {
		struct bytes parts[] = { { id, 5 }, { o->ni, o->ni_len }, { o->nr, o->nr_len } };
		return v1_hash_is(s->sa, hash, parts, 3);
	}
	struct bytes parts[] = { { id + 1, 4 }, { o ? o->ni : id, o ? o->ni_len : 0 }, s->rest };
	return v1_hash_is(s->sa, hash, parts, 3);
}

static bool open_phase2(struct v1_step *s, const uint8_t *iv, uint8_t *copy, size_t len,
	struct payloads *p, uint8_t next_iv[V1_BLOCK_MAX])
{
	struct bytes chain = { copy + IKE_HDR_LEN, len - IKE_HDR_LEN };
	size_t used;

	if (!v1_open(s->sa, iv, copy, len, next_iv, s->e))
		return false;
	if (s->h->next != V1P_HASH || !v1_payloads_read(p, V1P_HASH, chain, &used, s->e))
		return err_set(s->e, ERR_DROP, "a message that our keys do not open");
	size_t behind = 4 + p->v[0].body.n;
	s->rest = (struct bytes){ copy + IKE_HDR_LEN + behind, used - behind };
	return authentic(s) || err_set(s->e, ERR_DROP, "a message that is not authentic");
}

/* The gateway's word that it could not read our proof is written with keys that are not ours. */
static void not_opened(struct v1_step *s)
{
	struct err e;

	drop(s->v, s->e, s->ob);
	if (s->sa->state != V1_ID_SENT || s->h->exchange != V1_INFORMATIONAL)
		return;
	err_set(&e, ERR_PEER,
		"the gateway answers with a message that our keys do not open, most likely an "
		"error");
	v1_hint(s->v, s->sa, &e, s->ob);
}

static void run_phase2(struct v1_step *s, const struct row *row)
{
	bool goes_on = s->x != NULL;

	if (goes_on) {
		memcpy(s->x->iv, s->iv, V1_BLOCK_MAX);
		memcpy(s->x->seen, s->seen, V1_SEEN_LEN);
	}
	bool ok = complete(s->p, row, s->e) && row->step(s);
	if (s->v->phase == IKE_DEAD)
		return;
	/* Neither can be a replay, as its message id is good for one exchange. What only informs can. */
	if (goes_on || v1_mid_known(s->sa, s->h->mid))
		v1_heard(s->v);
	if (ok)
		v1_sa_next(s->v, s->sa, s->next, s->ob);
	else if (s->e->kind == ERR_DROP)
		drop(s->v, s->e, s->ob);
	else
		v1_fail(s->v, s->e, s->ob);
}

/* Our answer was lost, and may be so again: until the exchange is forgotten, a phase 1 that has been replaced is
 * not deleted from under it. */
static void answer_again(struct v1 *v, struct v1_sa *sa, const struct v1_xchg *x, struct outbox *ob)
{
	v1_transmit(v, &x->sent, ob);
	if (sa->state == V1_REPLACED && sa->gone_at < v->now + V1_OVERLAP_MS)
		sa->gone_at = v->now + V1_OVERLAP_MS;
}

static void phase2(struct v1 *v, struct v1_sa *sa, const struct ike_hdr *h,
	const struct datagram *d, struct outbox *ob)
{
	const struct row *row = row_find(h->exchange, sa->state);
	struct v1_xchg *x = v1_xchg_find(v, sa, h->mid);
	uint8_t iv[V1_BLOCK_MAX], next_iv[V1_BLOCK_MAX], seen[V1_SEEN_LEN];
	struct err e = { 0 };

	if (!row || !row->encrypted || sa->key.len == 0 || (x && !kind_fits(x, h->exchange))) {
		err_set(&e, ERR_DROP, "a message of exchange %u that nobody waits for",
			h->exchange);
		drop(v, &e, ob);
		return;
	}
	if (!x && v1_mid_known(sa, h->mid)) {
		err_set(&e, ERR_DROP, "a message of exchange %08x, which is over", h->mid);
		drop(v, &e, ob);
		return;
	}
	v1_digest((struct bytes){ d->data, d->len }, seen);
	if (x && memcmp(seen, x->seen, V1_SEEN_LEN) == 0) {
		if (!x->waiting && x->sent.n > 0)
			answer_again(v, sa, x, ob);
		return;
	}
	struct payloads *p = malloc(sizeof(*p));
	uint8_t *copy = malloc(d->len);
	struct v1_step s = { .v = v,
		.sa = sa,
		.x = x,
		.h = h,
		.p = p,
		.ob = ob,
		.next = sa->state,
		.iv = next_iv,
		.seen = seen,
		.e = &e };
	if (p && copy) {
		memcpy(copy, d->data, d->len);
		v1_phase2_iv(sa, h->mid, iv);
		if (open_phase2(&s, x ? x->iv : iv, copy, d->len, p, next_iv))
			run_phase2(&s, row);
		else
			not_opened(&s);
	}
	free(p);
	free(copy);
}

/* --- whose is it? --------------------------------------------------------------------------------------- */

static struct v1_sa *sa_find(const struct v1 *v, const struct ike_hdr *h)
{
	static const uint8_t zero[IKE_SPI_LEN];

	for (size_t i = 0; i < V1_SAS_MAX; i++) {
		struct v1_sa *sa = v->sas[i];
		if (!sa || memcmp(sa->cky_i, h->spi_i, IKE_SPI_LEN) != 0)
			continue;
		bool unanswered = sa->state == V1_SA_SENT || sa->state == V1_AGGR_SENT;
		bool repeated =
			sa->state == V1_SA_ANSWERED && memcmp(h->spi_r, zero, IKE_SPI_LEN) == 0;
		if (unanswered || repeated || memcmp(sa->cky_r, h->spi_r, IKE_SPI_LEN) == 0)
			return sa;
	}
	return NULL;
}

/* Anybody can send a first message in the gateway's name, and need not see what we answer: such a one must
 * not keep the gateway out for as long as it is remembered. So there are some places, and the oldest that
 * never saw our answer leaves its own to the next. */
static bool make_place(struct v1 *v)
{
	struct v1_sa *oldest = NULL;
	size_t n = 0;

	for (size_t i = 0; i < V1_SAS_MAX; i++) {
		struct v1_sa *sa = v->sas[i];
		if (!sa || sa->initiator || sa->state >= V1_UP)
			continue;
		n++;
		if (sa->state == V1_SA_ANSWERED && (!oldest || sa->gone_at < oldest->gone_at))
			oldest = sa;
	}
	if (n < V1_HALF_OPEN_MAX)
		return true;
	if (oldest)
		v1_sa_drop(v, oldest);
	return oldest != NULL;
}

/* The gateway renews phase 1. */
static struct v1_sa *sa_accept(struct v1 *v, const struct ike_hdr *h)
{
	static const uint8_t zero[IKE_SPI_LEN];

	if (v->phase != IKE_UP || v->cfg->xauth || h->exchange != V1_MAIN_MODE || h->mid != 0 ||
		h->flags & V1_FLAG_ENCRYPTED || memcmp(h->spi_r, zero, IKE_SPI_LEN) != 0 ||
		memcmp(h->spi_i, zero, IKE_SPI_LEN) == 0)
		return NULL;
	struct v1_sa *sa = make_place(v) ? v1_sa_new(v, false) : NULL;
	if (!sa)
		return NULL;
	memcpy(sa->cky_i, h->spi_i, IKE_SPI_LEN);
	rng_fill(v->rng, sa->cky_r, IKE_SPI_LEN);
	sa->gone_at = v->now + V1_HALF_OPEN_MS;
	return sa;
}

static void unprotected(struct v1 *v, struct v1_sa *sa, const struct ike_hdr *h,
	const struct datagram *d, struct outbox *ob)
{
	struct payloads *p = malloc(sizeof(*p));
	struct err e = { 0 };
	size_t used;

	if (p &&
		v1_payloads_read(p, h->next,
			(struct bytes){ d->data + IKE_HDR_LEN, d->len - IKE_HDR_LEN }, &used, &e))
		v1_info_unprotected(v, sa, p, ob);
	free(p);
}

static void carry(
	struct v1 *v, const struct ike_hdr *h, const struct datagram *d, struct outbox *ob)
{
	bool phase1_type = h->exchange == V1_MAIN_MODE || h->exchange == V1_AGGRESSIVE_MODE;
	struct v1_sa *sa = sa_find(v, h);
	bool made = !sa;
	struct err e;

	if (!sa && !(sa = sa_accept(v, h)))
		return; /* unknown cookies get no answer at all */
	if (h->exchange == V1_INFORMATIONAL && !(h->flags & V1_FLAG_ENCRYPTED)) {
		unprotected(v, sa, h, d, ob);
	} else if (phase1_type != (h->mid == 0)) {
		/* Else a message would be read by the rules of the other phase, HASH unchecked. */
		err_set(&e, ERR_DROP, "exchange %u with message id %08x", h->exchange, h->mid);
		drop(v, &e, ob);
	} else if (phase1_type) {
		phase1(v, sa, h, d, ob);
		if (made && sa->state == V1_NEW)
			v1_sa_drop(v, sa);
	} else {
		phase2(v, sa, h, d, ob);
	}
}

static void take_fragment(
	struct v1 *v, const struct ike_hdr *h, const struct datagram *d, struct outbox *ob)
{
	struct datagram whole = *d;
	struct payloads *p = malloc(sizeof(*p));
	struct ike_hdr inner;
	uint8_t *data = NULL;
	size_t used;
	struct err e = { 0 };

	bool ok = p && sa_find(v, h) &&
		v1_payloads_read(p, h->next,
			(struct bytes){ d->data + IKE_HDR_LEN, d->len - IKE_HDR_LEN }, &used, &e) &&
		v1_reassemble(&v->fragments, p->v[0].body, &data, &whole.len, &e);
	free(p);
	if (ok && data) {
		whole.data = data;
		if (ike_hdr_read_v1(&inner, (struct bytes){ data, whole.len }, &e) &&
			inner.next != V1P_FRAGMENT)
			carry(v, &inner, &whole, ob);
	}
	if (e.kind != ERR_NONE)
		drop(v, &e, ob);
	free(data);
}

void v1_dispatch(struct v1 *v, const struct datagram *d, struct outbox *ob)
{
	struct err e = { 0 };
	struct ike_hdr h;

	if (d->len > IKE_DATAGRAM_MAX || !addr_same_host(&d->remote, &v->path.remote) ||
		!ike_hdr_read_v1(&h, (struct bytes){ d->data, d->len }, &e)) {
		drop(v, &e, ob);
		return;
	}
	if (h.next == V1P_FRAGMENT && v->cfg->fragmentation)
		take_fragment(v, &h, d, ob);
	else
		carry(v, &h, d, ob);
}
