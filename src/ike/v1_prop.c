#include "v1_sa.h"

#include <string.h>

/* --- lifetimes ---------------------------------------------------------------------------------------- */

/* The same numbers with one difference: attributes 11 and 12 in phase 1 are 1 and 2 in phase 2. */
enum { LIFE_TYPE = 1, LIFE_DURATION = 2, P1_LIFE_TYPE = 11, P1_LIFE_DURATION = 12 };
enum { LIFE_SECONDS = 1, LIFE_KILOBYTES = 2 };

struct life { /* while attributes are read */
	uint64_t type;
	struct v1_life said;
};

static void life_take(struct life *l, bool is_type, const struct v1_attr *a)
{
	if (is_type)
		l->type = v1_attr_number(a);
	else if (l->type == LIFE_SECONDS)
		l->said.ms = SECONDS(v1_attr_number(a));
	else if (l->type == LIFE_KILOBYTES)
		l->said.octets = 1024 * v1_attr_number(a);
}

static void life_write(
	struct wr *w, uint16_t type, uint16_t duration, uint16_t unit, uint64_t number)
{
	uint32_t n = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
	uint8_t value[4] = { n >> 24, n >> 16, n >> 8, n };

	if (number == 0)
		return;
	v1_attr_short(w, type, unit);
	v1_attr_write(w, duration, (struct bytes){ value, 4 });
}

struct v1_life v1_lifetime_read(struct bytes attributes)
{
	struct rd r = rd_init(attributes.p, attributes.n);
	struct life life = { 0 };
	struct v1_attr a;

	while (v1_attr_next(&r, &a)) {
		bool type = a.type == LIFE_TYPE || a.type == P1_LIFE_TYPE;
		if (type || a.type == LIFE_DURATION || a.type == P1_LIFE_DURATION)
			life_take(&life, type, &a);
	}
	if (r.bad)
		return (struct v1_life){ 0 };
	return life.said;
}

/* --- combinations ---------------------------------------------------------------------------------------- */

static const struct alg *pick(const struct proposal *p, enum transform_type type, size_t i)
{
	for (size_t j = 0; j < p->n; j++)
		if (p->algs[j]->type == type && i-- == 0)
			return p->algs[j];
	return NULL;
}

static const struct alg *integ_of_prf(const struct alg *x)
{
	const struct alg *a;

	for (size_t i = 0; (a = alg_row(i)); i++)
		if (a->type == TRANSFORM_INTEG && x && alg_prf_of_integ(a) == x)
			return a;
	return NULL;
}

static bool fits(const struct suite *s, bool phase1)
{
	if (phase1)
		return s->encr && s->prf && s->ke && !s->encr->aead && s->encr->v1_ike &&
			s->prf->v1_ike && s->ke->v1_ike;
	return s->encr && s->encr->v1_esp &&
		(s->encr->aead ? !s->integ : s->integ && s->integ->v1_esp);
}

/* One proposal's: encryption outermost, then the hash, then the group, each by preference. */
static bool one_combination(const struct proposal *p, bool phase1, size_t *i, struct suite *out)
{
	struct suite s = { 0 };

	for (size_t e = 0; (s.encr = pick(p, TRANSFORM_ENCR, e)); e++)
		for (size_t h = 0;; h++) {
			const struct alg *hash =
				pick(p, phase1 ? TRANSFORM_PRF : TRANSFORM_INTEG, h);
			if (!hash && (h > 0 || phase1))
				break;
			s.prf = phase1 ? hash : NULL;
			s.integ = phase1 ? integ_of_prf(hash) : hash;
			for (size_t g = 0;; g++) {
				s.ke = phase1 ? pick(p, TRANSFORM_KE, g) : NULL;
				if (g > 0 && !s.ke)
					break;
				if (fits(&s, phase1) && (*i)-- == 0) {
					*out = s;
					return true;
				}
			}
		}
	return false;
}

bool v1_combination(const struct proposals *props, bool phase1, size_t i, struct suite *out)
{
	for (size_t j = 0; i < V1_TRANSFORMS_MAX && j < props->n; j++)
		if (one_combination(&props->v[j], phase1, &i, out))
			return true;
	return false;
}

/* --- SA payload --------------------------------------------------------------------------------------------- */

enum { SIT_IDENTITY_ONLY = 1, PAYLOAD_P = 2, PAYLOAD_T = 3, KEY_IKE = 1 };

/* RFC 2409 appendix A */
enum { P1_ENCRYPTION = 1, P1_HASH = 2, P1_METHOD = 3, P1_GROUP = 4, P1_KEY_LENGTH = 14 };

/* RFC 2407 section 4.5 */
enum { P2_GROUP = 3, P2_MODE = 4, P2_AUTH = 5, P2_KEY_LENGTH = 6 };

/* RFC 2407, RFC 3947 section 5.1, and the drafts of the latter */
enum { MODE_TUNNEL = 1, MODE_TRANSPORT = 2, MODE_UDP = 2, MODE_DRAFT_UDP = 61442 };

struct sa_writer {
	struct ikew *k;
	size_t proposal_at, count_at, transform_at;
	uint8_t count;
};

static void sa_begin(
	struct sa_writer *s, struct ikew *k, uint8_t number, enum protocol_id proto, uint32_t spi)
{
	*s = (struct sa_writer){ .k = k };
	ikew_payload(k, V1P_SA);
	wr_u32(&k->w, DOI_IPSEC);
	wr_u32(&k->w, SIT_IDENTITY_ONLY);
	s->proposal_at = k->w.len;
	wr_zeros(&k->w, 4);
	wr_u8(&k->w, number);
	wr_u8(&k->w, proto);
	wr_u8(&k->w, proto == PROTO_ESP ? 4 : 0);
	s->count_at = k->w.len;
	wr_u8(&k->w, 0);
	if (proto == PROTO_ESP)
		wr_u32(&k->w, spi);
}

static void transform_close(struct sa_writer *s)
{
	if (s->count > 0)
		wr_patch_u16(
			&s->k->w, s->transform_at + 2, (uint16_t)(s->k->w.len - s->transform_at));
}

static void transform_begin(struct sa_writer *s, uint8_t number, uint8_t id)
{
	transform_close(s);
	if (s->count > 0)
		wr_patch_u8(&s->k->w, s->transform_at, PAYLOAD_T);
	s->transform_at = s->k->w.len;
	s->count++;
	wr_zeros(&s->k->w, 4);
	wr_u8(&s->k->w, number);
	wr_u8(&s->k->w, id);
	wr_u16(&s->k->w, 0);
}

static void sa_end(struct sa_writer *s)
{
	transform_close(s);
	wr_patch_u16(&s->k->w, s->proposal_at + 2, (uint16_t)(s->k->w.len - s->proposal_at));
	wr_patch_u8(&s->k->w, s->count_at, s->count);
}

/* The key length stands right behind the algorithm: some gateways insist. */
static void write_phase1(struct sa_writer *s, uint8_t number, const struct suite *x,
	uint16_t method, uint64_t lifetime)
{
	struct wr *w = &s->k->w;

	transform_begin(s, number, KEY_IKE);
	v1_attr_short(w, P1_ENCRYPTION, x->encr->v1_ike);
	if (x->encr->key_bits)
		v1_attr_short(w, P1_KEY_LENGTH, x->encr->key_bits);
	v1_attr_short(w, P1_HASH, x->prf->v1_ike);
	v1_attr_short(w, P1_GROUP, x->ke->v1_ike);
	v1_attr_short(w, P1_METHOD, method);
	life_write(w, P1_LIFE_TYPE, P1_LIFE_DURATION, LIFE_SECONDS, lifetime / 1000);
}

void v1_sa_write_phase1(struct ikew *k, const struct proposals *props, const struct alg *group,
	uint16_t method, uint64_t lifetime)
{
	struct sa_writer s;
	struct suite x;

	sa_begin(&s, k, 1, PROTO_IKE, 0);
	for (size_t i = 0; v1_combination(props, true, i, &x); i++)
		if (!group || x.ke == group)
			write_phase1(&s, s.count + 1, &x, method, lifetime);
	sa_end(&s);
}

void v1_sa_answer_phase1(struct ikew *k, const struct v1_terms *t)
{
	struct sa_writer s;

	sa_begin(&s, k, t->number, PROTO_IKE, 0);
	write_phase1(&s, t->transform, &t->suite, t->method, t->life.ms);
	sa_end(&s);
}

static void write_phase2(
	struct sa_writer *s, uint8_t number, const struct suite *x, const struct v1_esp_form *f)
{
	uint16_t mode = f->mode == SA_TUNNEL ? MODE_TUNNEL : MODE_TRANSPORT;
	struct wr *w = &s->k->w;

	if (f->encap)
		mode += f->natt == NATT_RFC ? MODE_UDP : MODE_DRAFT_UDP;
	transform_begin(s, number, (uint8_t)x->encr->v1_esp);
	if (x->encr->key_bits)
		v1_attr_short(w, P2_KEY_LENGTH, x->encr->key_bits);
	if (x->integ)
		v1_attr_short(w, P2_AUTH, x->integ->v1_esp);
	if (f->group)
		v1_attr_short(w, P2_GROUP, f->group->v1_ike);
	v1_attr_short(w, P2_MODE, mode);
	life_write(w, LIFE_TYPE, LIFE_DURATION, LIFE_SECONDS, f->life.ms / 1000);
	life_write(w, LIFE_TYPE, LIFE_DURATION, LIFE_KILOBYTES, f->life.octets / 1024);
}

void v1_sa_write_phase2(
	struct ikew *k, const struct proposals *props, const struct v1_esp_form *f, uint32_t spi)
{
	struct sa_writer s;
	struct suite x;

	sa_begin(&s, k, 1, PROTO_ESP, spi);
	for (size_t i = 0; v1_combination(props, false, i, &x); i++)
		write_phase2(&s, s.count + 1, &x, f);
	sa_end(&s);
}

void v1_sa_answer_phase2(
	struct ikew *k, const struct v1_terms *t, const struct v1_esp_form *f, uint32_t spi)
{
	struct sa_writer s;

	sa_begin(&s, k, t->number, PROTO_ESP, spi);
	write_phase2(&s, t->transform, &t->suite, f);
	sa_end(&s);
}

/* One transform as it was read, in numbers of the wire. */
struct transform {
	uint8_t proposal, number, id;
	uint32_t spi;
	uint64_t encr, key_bits, hash, group, method, mode, auth;
	struct life life;
};

static bool transform_read(struct rd *r, bool phase1, struct transform *t)
{
	struct v1_attr a;

	t->number = rd_u8(r);
	t->id = rd_u8(r);
	rd_u16(r);
	while (v1_attr_next(r, &a)) {
		uint64_t n = v1_attr_number(&a);
		if (a.type == (phase1 ? P1_KEY_LENGTH : P2_KEY_LENGTH))
			t->key_bits = n;
		else if (a.type == (phase1 ? P1_GROUP : P2_GROUP))
			t->group = n;
		else if (a.type == (phase1 ? P1_LIFE_TYPE : LIFE_TYPE))
			life_take(&t->life, true, &a);
		else if (a.type == (phase1 ? P1_LIFE_DURATION : LIFE_DURATION))
			life_take(&t->life, false, &a);
		else if (phase1 && a.type == P1_ENCRYPTION)
			t->encr = n;
		else if (phase1 && a.type == P1_HASH)
			t->hash = n;
		else if (phase1 && a.type == P1_METHOD)
			t->method = n;
		else if (!phase1 && a.type == P2_MODE)
			t->mode = n;
		else if (!phase1 && a.type == P2_AUTH)
			t->auth = n;
		else
			return false; /* what we do not know we cannot agree to */
	}
	return !r->bad;
}

/* By its number on the wire. */
static const struct alg *numbered(const struct proposal *p, enum transform_type type, bool phase1,
	uint64_t number, uint64_t key_bits)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct alg *a = p->algs[i];
		if (a->type == type && (phase1 ? a->v1_ike : a->v1_esp) == number &&
			a->key_bits == key_bits)
			return a;
	}
	return NULL;
}

/* Looked up and not tried one after the other: anybody can send as many transforms as go into a message. */
static bool suits(const struct transform *t, const struct proposal *p, bool phase1,
	const struct alg *group, struct suite *s)
{
	*s = (struct suite){ .encr = numbered(p, TRANSFORM_ENCR, phase1, phase1 ? t->encr : t->id,
				     t->key_bits) };
	if (phase1) {
		s->prf = numbered(p, TRANSFORM_PRF, true, t->hash, 0);
		s->integ = integ_of_prf(s->prf);
		s->ke = numbered(p, TRANSFORM_KE, true, t->group, 0);
		return t->id == KEY_IKE && fits(s, true);
	}
	s->integ = t->auth ? numbered(p, TRANSFORM_INTEG, false, t->auth, 0) : NULL;
	return fits(s, false) && !s->integ == !t->auth && t->group == (group ? group->v1_ike : 0);
}

/* The mode says both how packets are carried and whether in UDP. */
static bool mode_suits(const struct transform *t, const struct v1_esp_form *f, struct v1_terms *out)
{
	uint64_t base = f->mode == SA_TUNNEL ? MODE_TUNNEL : MODE_TRANSPORT;

	out->mode = f->mode;
	out->draft_encap = t->mode == base + MODE_DRAFT_UDP;
	return f->encap ? t->mode == base + MODE_UDP || out->draft_encap : t->mode == base;
}

static bool accept(const struct transform *t, const struct proposals *ours, bool phase1,
	const struct v1_esp_form *f, struct v1_terms *out)
{
	struct suite s;

	for (size_t i = 0; i < ours->n; i++) {
		if (!suits(t, &ours->v[i], phase1, f ? f->group : NULL, &s) ||
			(f && !mode_suits(t, f, out)))
			continue;
		if (f)
			s.ke = f->group;
		out->suite = s;
		out->method = (uint16_t)t->method;
		out->number = t->proposal;
		out->transform = t->number;
		out->spi = t->spi;
		out->life = t->life.said;
		return true;
	}
	return false;
}

struct sa_reader { /* walks over all transforms of an SA payload */
	struct rd proposals, transforms;
	struct transform head; /* what the proposal says */
	bool phase1;
};

static bool sa_open(struct sa_reader *s, struct bytes body, bool phase1)
{
	*s = (struct sa_reader){ .proposals = rd_init(body.p, body.n), .phase1 = phase1 };
	uint32_t doi = rd_u32(&s->proposals), situation = rd_u32(&s->proposals);

	return doi == DOI_IPSEC && situation == SIT_IDENTITY_ONLY;
}

/* The next proposal of our protocol. */
static bool sa_next_proposal(struct sa_reader *s)
{
	while (s->proposals.left > 0) {
		rd_u16(&s->proposals);
		size_t len = rd_u16(&s->proposals);
		struct rd r = rd_sub(&s->proposals, len >= 4 ? len - 4 : SIZE_MAX);
		uint8_t number = rd_u8(&r), proto = rd_u8(&r);
		size_t spi_len = rd_u8(&r);
		rd_u8(&r); /* how many transforms: their lengths say it too */
		struct rd spi = rd_sub(&r, spi_len);
		if (r.bad) {
			s->proposals.bad = true;
			return false;
		}
		s->head = (struct transform){ .proposal = number };
		if (spi_len == 4)
			s->head.spi = rd_u32(&spi);
		s->transforms = r;
		if (s->phase1 ? proto == PROTO_IKE : proto == PROTO_ESP && s->head.spi >= 256)
			return true;
	}
	return false;
}

static bool sa_next_transform(struct sa_reader *s, struct transform *t)
{
	for (;;) {
		while (s->transforms.left > 0) {
			rd_u16(&s->transforms);
			size_t len = rd_u16(&s->transforms);
			struct rd r = rd_sub(&s->transforms, len >= 4 ? len - 4 : SIZE_MAX);
			*t = s->head;
			if (!s->transforms.bad && transform_read(&r, s->phase1, t))
				return true;
		}
		if (!sa_next_proposal(s))
			return false;
	}
}

static bool not_offered(struct err *e)
{
	return err_notify(
		e, ERR_PEER, NO_PROPOSAL_CHOSEN, "the gateway chose what was not offered");
}

bool v1_sa_read_phase1(
	struct bytes body, const struct proposals *offered, struct v1_terms *out, struct err *e)
{
	struct sa_reader s;
	struct transform t;

	*out = (struct v1_terms){ 0 };
	if (!sa_open(&s, body, true) || !sa_next_transform(&s, &t) ||
		!accept(&t, offered, true, NULL, out) || sa_next_transform(&s, &t))
		return not_offered(e);
	return true;
}

bool v1_sa_choose_phase1(struct bytes body, const struct proposals *ours, uint16_t method,
	struct v1_terms *out, struct err *e)
{
	struct sa_reader s;
	struct transform t;

	*out = (struct v1_terms){ 0 };
	for (bool ok = sa_open(&s, body, true); ok && sa_next_transform(&s, &t);)
		if (t.method == method && accept(&t, ours, true, NULL, out))
			return true;
	return err_notify(
		e, ERR_PEER, NO_PROPOSAL_CHOSEN, "the gateway proposes nothing that is acceptable");
}

bool v1_sa_read_phase2(struct bytes body, const struct proposals *ours, const struct v1_esp_form *f,
	bool choose, struct v1_terms *out, struct err *e)
{
	struct sa_reader s;
	struct transform t;

	*out = (struct v1_terms){ 0 };
	for (bool ok = sa_open(&s, body, false); ok && sa_next_transform(&s, &t); ok = choose)
		if (accept(&t, ours, false, f, out) && (choose || !sa_next_transform(&s, &t)))
			return true;
	return choose ? err_notify(e, ERR_PEER, NO_PROPOSAL_CHOSEN,
				"the gateway proposes nothing that is acceptable") :
			not_offered(e);
}
