#include "v2_sa.h"

#include <stdio.h>
#include <string.h>

#include "attr.h"

/* --- SA payload, RFC 7296 section 3.3 ------------------------------------------------------- */

enum {
	ATTR_KEY_LENGTH = 14,
	ATTR_SHORT = 0x8000,
	LAST = 0,
	MORE_PROPOSALS = 2,
	MORE_TRANSFORMS = 3
};
/* TRANSFORM_ADDKE1: RFC 9370 section 3, and six more behind it. */
enum { TRANSFORM_ADDKE1 = 6, TRANSFORM_TYPES = 13, KE_NONE = 0, INTEG_NONE = 0 };

/* The order in which transforms are written; the order within a type is the order of preference. */
static const enum transform_type type_order[] = { TRANSFORM_ENCR, TRANSFORM_INTEG, TRANSFORM_PRF,
	TRANSFORM_KE, TRANSFORM_ESN };

/* RFC 7296 section 3.3: what may stand beside an AEAD, and says no more than if it did not. */
static const struct alg integ_none = { .type = TRANSFORM_INTEG, .id = INTEG_NONE, .name = "none" };

static void transform_write(struct wr *w, uint8_t type, const struct alg *a, bool last)
{
	wr_u8(w, last ? LAST : MORE_TRANSFORMS);
	wr_u8(w, 0);
	wr_u16(w, a->key_bits ? 12 : 8);
	wr_u8(w, type);
	wr_u8(w, 0);
	wr_u16(w, a->id);
	if (a->key_bits) {
		wr_u16(w, ATTR_SHORT | ATTR_KEY_LENGTH);
		wr_u16(w, a->key_bits);
	}
}

static void proposal_write(struct wr *w, const struct proposal *p, uint8_t number, bool last,
	enum protocol_id proto, struct bytes spi)
{
	size_t at = w->len, written = 0, all = p->n + p->n_addke;

	wr_u8(w, last ? LAST : MORE_PROPOSALS);
	wr_u8(w, 0);
	wr_u16(w, 0);
	wr_u8(w, number);
	wr_u8(w, (uint8_t)proto);
	wr_u8(w, (uint8_t)spi.n);
	wr_u8(w, (uint8_t)all);
	wr_bytes(w, spi.p, spi.n);
	for (size_t t = 0; t < ARRAY_LEN(type_order); t++)
		for (size_t i = 0; i < p->n; i++)
			if (p->algs[i]->type == type_order[t])
				transform_write(
					w, (uint8_t)p->algs[i]->type, p->algs[i], ++written == all);
	for (size_t no = 0; no < ADDKE_MAX; no++)
		for (size_t i = 0; i < p->n_addke; i++)
			if (p->addke_no[i] == no)
				transform_write(w, (uint8_t)(TRANSFORM_ADDKE1 + no), p->addke[i],
					++written == all);
	wr_patch_u16(w, at + 2, (uint16_t)(w->len - at));
}

void v2_sa_write(
	struct ikew *k, const struct proposals *props, enum protocol_id proto, struct bytes spi)
{
	ikew_payload(k, PAYLOAD_SA);
	for (size_t i = 0; i < props->n; i++)
		proposal_write(
			&k->w, &props->v[i], (uint8_t)(i + 1), i + 1 == props->n, proto, spi);
}

struct wire_proposal {
	uint8_t number, proto;
	struct bytes spi;
	struct rd transforms;
};

static bool proposal_read(struct rd *r, struct wire_proposal *p)
{
	rd_u8(r);
	rd_u8(r);
	size_t len = rd_u16(r);
	struct rd body = rd_sub(r, len >= 4 ? len - 4 : SIZE_MAX);

	p->number = rd_u8(&body);
	p->proto = rd_u8(&body);
	size_t spi_len = rd_u8(&body);
	rd_u8(&body); /* the number of transforms: the lengths say it too */
	p->spi = (struct bytes){ rd_bytes(&body, spi_len), spi_len };
	p->transforms = body;
	return !body.bad;
}

static bool is_addke(uint8_t type)
{
	return type >= TRANSFORM_ADDKE1 && type < TRANSFORM_TYPES;
}

/* One transform: its row, or NULL for what the table does not have. */
static const struct alg *transform_read(struct rd *r, uint8_t *type)
{
	rd_u8(r);
	rd_u8(r);
	size_t len = rd_u16(r);
	struct rd body = rd_sub(r, len >= 4 ? len - 4 : SIZE_MAX);
	uint16_t bits = 0;
	bool strange = false;

	*type = rd_u8(&body);
	rd_u8(&body);
	uint16_t id = rd_u16(&body);
	while (body.left > 0) {
		uint16_t attr = rd_u16(&body), value = rd_u16(&body);
		if (attr == (ATTR_SHORT | ATTR_KEY_LENGTH))
			bits = value;
		else
			strange =
				true; /* section 3.3.6: an unknown attribute spoils the transform */
		if (!(attr & ATTR_SHORT))
			rd_bytes(&body, value);
	}
	if (body.bad || strange)
		return NULL;
	if (*type == TRANSFORM_INTEG && id == INTEG_NONE)
		return &integ_none;
	uint8_t kind = is_addke(*type) ? TRANSFORM_KE : *type;
	return kind == TRANSFORM_KE && id == KE_NONE ? &alg_ke_none : alg_find(kind, id, bits);
}

static void suite_put(struct suite *s, const struct alg *a)
{
	switch (a->type) {
	case TRANSFORM_ENCR:
		s->encr = a;
		break;
	case TRANSFORM_PRF:
		s->prf = a;
		break;
	case TRANSFORM_INTEG:
		s->integ = a;
		break;
	case TRANSFORM_KE:
		s->ke = a == &alg_ke_none ? NULL : a;
		break;
	case TRANSFORM_ESN:
		s->esn = a->id == ESN_YES;
		break;
	}
}

static bool stands_in(const struct proposal *p, const struct alg *a)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->algs[i] == a ||
			(p->algs[i]->type == a->type && p->algs[i]->id == a->id &&
				p->algs[i]->key_bits == a->key_bits))
			return true;
	return false;
}

static bool lists_type(const struct proposal *p, enum transform_type type)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->algs[i]->type == type)
			return true;
	return false;
}

static void addke_put(struct suite *s, size_t no, const struct alg *a)
{
	s->addke_none[no] = a == &alg_ke_none;
	s->addke[no] = a == &alg_ke_none ? NULL : a;
}

static bool addke_chosen(
	const struct proposal *p, size_t no, const struct alg *a, struct suite *out, struct err *e)
{
	if (!a || !prop_holds_addke(p, no, a))
		return err_set(e, ERR_PEER,
			"the gateway chose %s for additional key exchange %zu, which was not offered",
			a ? a->name : "an unknown group", no + 1);
	addke_put(out, no, a);
	return true;
}

/* RFC 9370 section 2.2.1: no key exchange is chosen twice. */
static bool all_differ(const struct suite *s, struct err *e)
{
	struct suite seen = { .ke = s->ke };

	for (size_t no = 0; no < ADDKE_MAX; no++) {
		if (s->addke[no] && suite_has_ke(&seen, s->addke[no]))
			return err_set(e, ERR_PEER, "the gateway chose the key exchange %s twice",
				s->addke[no]->name);
		seen.addke[no] = s->addke[no];
	}
	return true;
}

/* Every type that was offered has its choice, but for those that may be left out. */
static bool chosen_all(const struct proposal *p, const bool seen[TRANSFORM_TYPES], struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(type_order); i++) {
		enum transform_type t = type_order[i];
		bool optional =
			t == TRANSFORM_ESN || (t == TRANSFORM_KE && stands_in(p, &alg_ke_none));
		if (lists_type(p, t) && !seen[t] && !optional)
			return err_set(
				e, ERR_PEER, "the gateway's choice lacks transform type %u", t);
	}
	for (size_t no = 0; no < ADDKE_MAX; no++)
		if (!seen[TRANSFORM_ADDKE1 + no] && !prop_addke_optional(p, no))
			return err_set(e, ERR_PEER,
				"the gateway's choice lacks additional key exchange %zu, without which "
				"nothing is offered",
				no + 1);
	return true;
}

bool v2_sa_read_choice(struct bytes body, const struct proposals *offered, enum protocol_id proto,
	struct bytes *spi, struct suite *out, struct err *e)
{
	struct rd r = rd_init(body.p, body.n);
	struct wire_proposal wp;
	bool seen[TRANSFORM_TYPES] = { false };

	*out = (struct suite){ 0 };
	if (!proposal_read(&r, &wp) || !rd_done(&r))
		return err_set(e, ERR_PEER, "the gateway's choice of algorithms is malformed");
	if (wp.number == 0 || wp.number > offered->n || wp.proto != proto)
		return err_set(e, ERR_PEER, "the gateway chose proposal %u of %zu, protocol %u",
			wp.number, offered->n, wp.proto);
	const struct proposal *p = &offered->v[wp.number - 1];
	while (wp.transforms.left > 0) {
		uint8_t type = 0;
		const struct alg *a = transform_read(&wp.transforms, &type);
		if (type >= TRANSFORM_TYPES || seen[type])
			return err_set(e, ERR_PEER,
				"the gateway chose transform type %u twice, or it is unknown",
				type);
		seen[type] = true;
		if (a == &integ_none && !lists_type(p, TRANSFORM_INTEG))
			continue; /* all ciphers of this proposal are AEADs */
		if (is_addke(type)) {
			if (!addke_chosen(p, (size_t)type - TRANSFORM_ADDKE1, a, out, e))
				return false;
			continue;
		}
		if (!a || !stands_in(p, a))
			return err_set(e, ERR_PEER, "the gateway chose %s%s, which was not offered",
				a ? "" : "an unknown algorithm of type ", a ? a->name : "");
		suite_put(out, a);
	}
	if (wp.transforms.bad)
		return err_set(e, ERR_PEER, "the gateway's choice of algorithms is malformed");
	if (!chosen_all(p, seen, e) || !all_differ(out, e))
		return false;
	*spi = wp.spi;
	return true;
}

/* What the peer lists, by type: of some, nothing that the table has. */
struct listed {
	struct proposal known;
	bool theirs[TRANSFORM_TYPES], unknown[TRANSFORM_TYPES];
};

static bool listed_read(struct rd transforms, struct listed *l)
{
	struct proposal *p = &l->known;

	*l = (struct listed){ 0 };
	while (transforms.left > 0) {
		uint8_t type = 0;
		const struct alg *a = transform_read(&transforms, &type);
		if (type >= TRANSFORM_TYPES)
			return false;
		if (a == &integ_none) /* ours with a cipher that needs one finds none */
			continue;
		l->theirs[type] = true;
		if (a && is_addke(type) && p->n_addke < PROPOSAL_ADDKE_MAX) {
			p->addke[p->n_addke] = a;
			p->addke_no[p->n_addke++] = type - TRANSFORM_ADDKE1;
		} else if (a && !is_addke(type) && p->n < PROPOSAL_ALGS_MAX) {
			p->algs[p->n++] = a;
		} else {
			l->unknown[type] = true;
		}
	}
	return !transforms.bad;
}

/* The additional key exchanges, of which nobody gets one that he did not list, nor loses one that he insists
 * on. What is not listed is none (RFC 9370 section 2.2.1). */
static bool addke_match(const struct listed *l, const struct proposal *ours, struct suite *out)
{
	for (size_t no = 0; no < ADDKE_MAX; no++) {
		bool theirs = l->theirs[TRANSFORM_ADDKE1 + no], found = false;
		for (size_t i = 0; i < ours->n_addke && !found; i++) {
			const struct alg *a = ours->addke[i];
			if (ours->addke_no[i] != no || !prop_holds_addke(&l->known, no, a) ||
				suite_has_ke(out, a))
				continue;
			addke_put(out, no, a);
			found = true;
		}
		bool none_ok = prop_addke_optional(ours, no) &&
			(!theirs || prop_holds_addke(&l->known, no, &alg_ke_none));
		if (!found && !none_ok)
			return false;
		out->addke_none[no] = theirs && !out->addke[no];
	}
	return true;
}

/* Does one of the peer's proposals hold everything that ours needs? Picks by our order. */
static bool proposal_match(const struct listed *l, const struct proposal *ours, struct suite *out)
{
	*out = (struct suite){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(type_order); i++) {
		enum transform_type t = type_order[i];
		bool found = false;
		for (size_t j = 0; j < ours->n && !found; j++)
			if (ours->algs[j]->type == t && stands_in(&l->known, ours->algs[j])) {
				suite_put(out, ours->algs[j]);
				found = true;
			}
		/* A peer that does not ask for a group gets none; one that asks must get one. */
		bool missing_ok = !l->theirs[t] && (t == TRANSFORM_KE || t == TRANSFORM_ESN);
		bool none_ok = t == TRANSFORM_KE && stands_in(&l->known, &alg_ke_none);
		if (!found && !missing_ok && !none_ok &&
			(lists_type(ours, t) || l->theirs[t] || l->unknown[t]))
			return false;
	}
	return out->encr && addke_match(l, ours, out) &&
		(out->ke || suite_addke(out, 0) == ADDKE_MAX);
}

bool v2_sa_choose(struct bytes body, const struct proposals *ours, enum protocol_id proto,
	struct bytes *spi, uint8_t *number, struct suite *out, struct err *e)
{
	size_t want = proto == PROTO_IKE ? IKE_SPI_LEN : 4;

	for (size_t i = 0; i < ours->n; i++) {
		struct rd r = rd_init(body.p, body.n);
		while (r.left > 0) {
			struct wire_proposal wp;
			struct listed listed;
			if (!proposal_read(&r, &wp))
				return err_notify(
					e, ERR_PEER, INVALID_SYNTAX, "a malformed SA payload");
			if (wp.proto != proto || wp.spi.n != want ||
				!listed_read(wp.transforms, &listed) ||
				!proposal_match(&listed, &ours->v[i], out))
				continue;
			*spi = wp.spi;
			*number = wp.number;
			return true;
		}
	}
	return err_notify(
		e, ERR_PEER, NO_PROPOSAL_CHOSEN, "the gateway proposes nothing acceptable");
}

void v2_sa_write_choice(struct ikew *k, const struct suite *s, enum protocol_id proto,
	uint8_t number, struct bytes spi)
{
	struct proposal p = { 0 };
	const struct alg *parts[] = { s->encr, s->integ, s->prf, s->ke,
		proto == PROTO_ESP ? alg_find(TRANSFORM_ESN, s->esn ? ESN_YES : ESN_NO, 0) : NULL };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i])
			p.algs[p.n++] = parts[i];
	for (size_t no = 0; no < ADDKE_MAX; no++)
		if (s->addke[no] || s->addke_none[no]) {
			p.addke[p.n_addke] = s->addke[no] ? s->addke[no] : &alg_ke_none;
			p.addke_no[p.n_addke++] = (uint8_t)no;
		}
	ikew_payload(k, PAYLOAD_SA);
	proposal_write(&k->w, &p, number, true, proto, spi);
}

static bool esn_wanted(const struct ike_config *cfg, const struct alg *a)
{
	return cfg->esn == TRI_AUTO || (a->id == ESN_YES) == (cfg->esn == TRI_YES);
}

static void add_groups(struct proposal *p, const struct proposals *from)
{
	for (size_t i = 0; i < from->n; i++)
		for (size_t j = 0; j < from->v[i].n; j++) {
			const struct alg *a = from->v[i].algs[j];
			if (a->type == TRANSFORM_KE && !stands_in(p, a) &&
				p->n < PROPOSAL_ALGS_MAX - 1)
				p->algs[p->n++] = a;
		}
}

void v2_esp_offer(struct proposals *out, const struct ike_config *cfg, enum ke_mode ke,
	const struct alg *group)
{
	bool named = prop_first_ke(cfg->esp_proposals) != NULL;

	*out = *cfg->esp_proposals;
	for (size_t i = 0; i < out->n; i++) {
		struct proposal *p = &out->v[i];
		size_t kept = 0;
		bool own_groups = ke != KE_LEFT_OUT && lists_type(p, TRANSFORM_KE);
		for (size_t j = 0; j < p->n; j++) {
			const struct alg *a = p->algs[j];
			if ((a->type == TRANSFORM_KE && ke == KE_LEFT_OUT) ||
				(a->type == TRANSFORM_ESN && !esn_wanted(cfg, a)))
				continue;
			p->algs[kept++] = a;
		}
		p->n = kept;
		if (ke == KE_LEFT_OUT)
			p->n_addke = 0;
		if (!lists_type(p, TRANSFORM_ESN) && p->n < PROPOSAL_ALGS_MAX)
			p->algs[p->n++] =
				alg_find(TRANSFORM_ESN, cfg->esn == TRI_YES ? ESN_YES : ESN_NO, 0);
		if (ke != KE_LEFT_OUT && !own_groups && group && p->n < PROPOSAL_ALGS_MAX)
			p->algs[p->n++] = group;
		if (ke != KE_LEFT_OUT && !named)
			add_groups(p, cfg->ike_proposals);
		if (ke == KE_OPTIONAL && p->n < PROPOSAL_ALGS_MAX)
			p->algs[p->n++] = &alg_ke_none;
	}
}

/* --- TS payload, section 3.13 ------------------------------------------------------------------ */

enum { TS_IPV4_ADDR_RANGE = 7, TS_IPV6_ADDR_RANGE = 8 };

void v2_ts_write(struct ikew *k, uint8_t type, const struct selectors *s)
{
	ikew_payload(k, type);
	wr_u8(&k->w, (uint8_t)s->n);
	wr_zeros(&k->w, 3);
	for (size_t i = 0; i < s->n; i++) {
		size_t len = addr_len(s->v[i].family);
		wr_u8(&k->w, s->v[i].family == FAMILY_V4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE);
		wr_u8(&k->w, s->v[i].proto);
		wr_u16(&k->w, (uint16_t)(8 + 2 * len));
		wr_u16(&k->w, s->v[i].port_lo);
		wr_u16(&k->w, s->v[i].port_hi);
		wr_bytes(&k->w, s->v[i].lo, len);
		wr_bytes(&k->w, s->v[i].hi, len);
	}
}

bool v2_ts_read(struct bytes body, struct selectors *out, struct err *e)
{
	struct rd r = rd_init(body.p, body.n);
	unsigned count = rd_u8(&r);

	rd_bytes(&r, 3);
	out->n = 0;
	for (unsigned i = 0; i < count; i++) {
		struct selector s = { 0 };
		uint8_t type = rd_u8(&r);
		s.proto = rd_u8(&r);
		size_t len = rd_u16(&r);
		struct rd ts = rd_sub(&r, len >= 4 ? len - 4 : SIZE_MAX);
		s.port_lo = rd_u16(&ts);
		s.port_hi = rd_u16(&ts);
		if (r.bad)
			break;
		if (type != TS_IPV4_ADDR_RANGE && type != TS_IPV6_ADDR_RANGE)
			continue; /* a kind that we do not know selects nothing of ours */
		s.family = type == TS_IPV4_ADDR_RANGE ? FAMILY_V4 : FAMILY_V6;
		rd_copy(&ts, s.lo, addr_len(s.family));
		rd_copy(&ts, s.hi, addr_len(s.family));
		if (!rd_done(&ts) || !selector_valid(&s))
			return err_notify(
				e, ERR_PEER, INVALID_SYNTAX, "a malformed traffic selector");
		out->v[out->n++] = s;
	}
	if (!rd_done(&r) || out->n == 0)
		return err_notify(e, ERR_PEER, INVALID_SYNTAX, "malformed traffic selectors");
	return true;
}

/* --- ID (3.5), KE (3.4) --------------------------------------------------------------------- */

void v2_id_write(struct ikew *k, uint8_t type, const struct identity *id)
{
	ikew_payload(k, type);
	wr_u8(&k->w, id->type);
	wr_zeros(&k->w, 3);
	wr_bytes(&k->w, id->data, id->len);
}

void v2_ke_write(struct ikew *k, const struct ke *ke)
{
	struct bytes value = ke_public(ke);

	ikew_payload(k, PAYLOAD_KE);
	wr_u16(&k->w, ke_group(ke)->id);
	wr_u16(&k->w, 0);
	wr_bytes(&k->w, value.p, value.n);
}

bool v2_ke_read(struct bytes body, uint16_t *group, struct bytes *value)
{
	struct rd r = rd_init(body.p, body.n);

	*group = rd_u16(&r);
	rd_u16(&r);
	*value = (struct bytes){ r.p, r.left };
	return !r.bad && r.left > 0;
}

bool v2_ke_of(const struct payloads *p, const struct alg *group, struct bytes *value)
{
	const struct payload *ke = payload_find(p, PAYLOAD_KE);
	uint16_t id;

	return ke && v2_ke_read(ke->body, &id, value) && id == group->id;
}

/* --- CP, section 3.15 and RFC 8598 -------------------------------------------------------------- */

enum { CFG_REQUEST = 1, CFG_REPLY = 2 };
static void cp_ask(struct ikew *k, uint16_t attr)
{
	wr_u16(&k->w, attr);
	wr_u16(&k->w, 0);
}

static void cp_ask_address(struct ikew *k, const struct prefix *p)
{
	static const uint8_t any[sizeof(p->ip)];
	bool v4 = p->family == FAMILY_V4;
	uint16_t type = v4 ? INTERNAL_IP4_ADDRESS : INTERNAL_IP6_ADDRESS;

	if (memcmp(p->ip, any, sizeof(any)) == 0) {
		cp_ask(k, type);
		return;
	}
	wr_u16(&k->w, type);
	wr_u16(&k->w, v4 ? 4 : 17);
	wr_bytes(&k->w, p->ip, addr_len(p->family));
	if (!v4)
		wr_u8(&k->w, p->len);
}

void v2_cp_request(struct ikew *k, const struct ike_config *cfg)
{
	bool v4 = cfg->n_want == 0, v6 = cfg->n_want == 0;

	ikew_payload(k, PAYLOAD_CP);
	wr_u8(&k->w, CFG_REQUEST);
	wr_zeros(&k->w, 3);
	for (size_t i = 0; i < cfg->n_want; i++) {
		cp_ask_address(k, &cfg->want[i]);
		v4 = v4 || cfg->want[i].family == FAMILY_V4;
		v6 = v6 || cfg->want[i].family == FAMILY_V6;
	}
	if (v4) {
		if (cfg->n_want == 0)
			cp_ask(k, INTERNAL_IP4_ADDRESS);
		cp_ask(k, INTERNAL_IP4_DNS);
		cp_ask(k, INTERNAL_IP4_SUBNET);
	}
	if (v6) {
		if (cfg->n_want == 0)
			cp_ask(k, INTERNAL_IP6_ADDRESS);
		cp_ask(k, INTERNAL_IP6_DNS);
		cp_ask(k, INTERNAL_IP6_SUBNET);
	}
	cp_ask(k, INTERNAL_DNS_DOMAIN);
}

bool v2_cp_read(struct bytes body, struct granted *out, struct err *e)
{
	struct rd r = rd_init(body.p, body.n);
	uint8_t type = rd_u8(&r);

	rd_bytes(&r, 3);
	*out = (struct granted){ 0 };
	if (type != CFG_REPLY)
		return err_set(
			e, ERR_PEER, "a configuration payload of type %u, not CFG_REPLY", type);
	while (r.left > 0) {
		uint16_t attr = rd_u16(&r) & 0x7fff;
		struct rd value = rd_sub(&r, rd_u16(&r));
		if (!value.bad)
			attr_grant(out, attr, &value);
	}
	return !r.bad || err_set(e, ERR_PEER, "a malformed configuration payload");
}
