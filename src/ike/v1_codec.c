#include "v1_sa.h"

#include <stdio.h>
#include <string.h>

/* --- names --------------------------------------------------------------------------------------- */

const struct name v1_exchange_names[] = {
	{ V1_MAIN_MODE, "main mode" },
	{ V1_AGGRESSIVE_MODE, "aggressive mode" },
	{ V1_INFORMATIONAL, "INFORMATIONAL" },
	{ V1_TRANSACTION, "transaction" },
	{ V1_QUICK_MODE, "quick mode" },
	{ 0, NULL },
};

const struct name v1_payload_names[] = {
	{ V1P_SA, "SA" },
	{ V1P_KE, "KE" },
	{ V1P_ID, "ID" },
	{ V1P_CERT, "CERT" },
	{ V1P_CR, "CR" },
	{ V1P_HASH, "HASH" },
	{ V1P_SIG, "SIG" },
	{ V1P_NONCE, "NONCE" },
	{ V1P_N, "N" },
	{ V1P_D, "D" },
	{ V1P_VID, "VID" },
	{ V1P_ATTR, "ATTR" },
	{ V1P_NAT_D, "NAT-D" },
	{ V1P_NAT_OA, "NAT-OA" },
	{ V1P_FRAGMENT, "FRAGMENT" },
	{ 0, NULL },
};

/* RFC 2408 section 3.14.1, RFC 2407 section 4.6.3, RFC 3706, and Cisco's. */
const struct name v1_notify_names[] = {
	{ 1, "INVALID-PAYLOAD-TYPE" },
	{ 2, "DOI-NOT-SUPPORTED" },
	{ 3, "SITUATION-NOT-SUPPORTED" },
	{ 4, "INVALID-COOKIE" },
	{ 5, "INVALID-MAJOR-VERSION" },
	{ 6, "INVALID-MINOR-VERSION" },
	{ 7, "INVALID-EXCHANGE-TYPE" },
	{ 8, "INVALID-FLAGS" },
	{ 9, "INVALID-MESSAGE-ID" },
	{ 10, "INVALID-PROTOCOL-ID" },
	{ 11, "INVALID-SPI" },
	{ 12, "INVALID-TRANSFORM-ID" },
	{ 13, "ATTRIBUTES-NOT-SUPPORTED" },
	{ NO_PROPOSAL_CHOSEN, "NO-PROPOSAL-CHOSEN" },
	{ 15, "BAD-PROPOSAL-SYNTAX" },
	{ V1_PAYLOAD_MALFORMED, "PAYLOAD-MALFORMED" },
	{ 17, "INVALID-KEY-INFORMATION" },
	{ V1_INVALID_ID_INFORMATION, "INVALID-ID-INFORMATION" },
	{ 19, "INVALID-CERT-ENCODING" },
	{ 20, "INVALID-CERTIFICATE" },
	{ 21, "CERT-TYPE-UNSUPPORTED" },
	{ 22, "INVALID-CERT-AUTHORITY" },
	{ V1_INVALID_HASH_INFORMATION, "INVALID-HASH-INFORMATION" },
	{ AUTHENTICATION_FAILED, "AUTHENTICATION-FAILED" },
	{ V1_INVALID_SIGNATURE, "INVALID-SIGNATURE" },
	{ 26, "ADDRESS-NOTIFICATION" },
	{ 27, "NOTIFY-SA-LIFETIME" },
	{ 28, "CERTIFICATE-UNAVAILABLE" },
	{ 29, "UNSUPPORTED-EXCHANGE-TYPE" },
	{ 30, "UNEQUAL-PAYLOAD-LENGTHS" },
	{ V1_CONNECTED, "CONNECTED" },
	{ V1_RESPONDER_LIFETIME, "RESPONDER-LIFETIME" },
	{ V1_XAUTH_REFUSED, "XAUTH-STATUS = FAIL" }, /* an attribute, where a notify would stand */
	{ 24577, "REPLAY-STATUS" },
	{ V1_INITIAL_CONTACT, "INITIAL-CONTACT" },
	{ V1_R_U_THERE, "R-U-THERE" },
	{ V1_R_U_THERE_ACK, "R-U-THERE-ACK" },
	{ V1_UNITY_LOAD_BALANCE, "UNITY-LOAD-BALANCE" },
	{ 40503, "PRESHARED-KEY-HASH" },
	{ 0, NULL },
};

char *v1_notify_text(char out[NOTIFY_TEXT_MAX], uint16_t type)
{
	const char *name = name_find(v1_notify_names, type);

	if (name)
		snprintf(out, NOTIFY_TEXT_MAX, "%s (%u)", name, type);
	else
		snprintf(out, NOTIFY_TEXT_MAX, "notify %u", type);
	return out;
}

/* --- the chain of payloads ------------------------------------------------------------------------- */

static uint8_t canonical(uint8_t type)
{
	switch (type) {
	case V1P_DRAFT_NAT_D:
		return V1P_NAT_D;
	case V1P_DRAFT_NAT_OA:
		return V1P_NAT_OA;
	default:
		return type;
	}
}

/* RFC 2408 section 3.2: next payload, reserved, length. Types below 128 that are not IKEv1's end it:
 * they belong to the other version, or the message was decrypted with a wrong key. */
bool v1_payloads_read(
	struct payloads *p, uint8_t first, struct bytes chain, size_t *used, struct err *e)
{
	struct rd r = rd_init(chain.p, chain.n);
	uint8_t type = first;

	p->n = 0;
	for (size_t count = 0; type != V1P_NONE; count++) {
		uint8_t next = rd_u8(&r), reserved = rd_u8(&r);
		size_t len = rd_u16(&r);
		struct rd body = rd_sub(&r, len >= 4 ? len - 4 : SIZE_MAX);

		if (body.bad || reserved)
			return err_set(e, ERR_DROP, "payload %u is malformed", type);
		if (count == PAYLOADS_MAX)
			return err_set(e, ERR_DROP, "more than %d payloads", PAYLOADS_MAX);
		type = canonical(type);
		if (name_find(v1_payload_names, type))
			p->v[p->n++] = (struct payload){ type, { body.p, body.left } };
		else if (type < 128)
			return err_set(e, ERR_DROP, "payload type %u has no place in IKEv1", type);
		type = next;
	}
	*used = chain.n - r.left;
	return true;
}

/* libreswan fills messages, and lists of attributes, up to a multiple of four octets. */
bool v1_is_filling(struct bytes b)
{
	const uint8_t *p = b.p;

	if (b.n >= 4)
		return false;
	for (size_t i = 0; i < b.n; i++)
		if (p[i])
			return false;
	return true;
}

uint32_t v1_payloads_set(const struct payloads *p)
{
	uint32_t set = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].type < 32)
			set |= V1BIT(p->v[i].type);
	return set;
}

/* --- attributes, RFC 2408 section 3.3 ---------------------------------------------------------------- */

enum { ATTR_SHORT = 0x8000 };

bool v1_attr_next(struct rd *r, struct v1_attr *out)
{
	if (r->bad || v1_is_filling((struct bytes){ r->p, r->left }))
		return false;
	out->type = rd_u16(r);
	size_t n = rd_u16(r);
	if (out->type & ATTR_SHORT) {
		out->small[0] = (uint8_t)(n >> 8);
		out->small[1] = (uint8_t)n;
		out->value = (struct bytes){ out->small, 2 };
	} else {
		out->value = (struct bytes){ rd_bytes(r, n), n };
	}
	out->type &= (uint16_t)~ATTR_SHORT;
	return !r->bad;
}

void v1_attr_write(struct wr *w, uint16_t type, struct bytes value)
{
	wr_u16(w, type);
	wr_u16(w, (uint16_t)value.n);
	wr_bytes(w, value.p, value.n);
}

void v1_attr_short(struct wr *w, uint16_t type, uint16_t value)
{
	wr_u16(w, type | ATTR_SHORT);
	wr_u16(w, value);
}

uint64_t v1_attr_number(const struct v1_attr *a)
{
	struct rd r = rd_init(a->value.p, a->value.n);
	uint64_t n = 0;

	if (r.left > 8)
		return UINT32_MAX;
	while (r.left > 0)
		n = n << 8 | rd_u8(&r);
	return n < UINT32_MAX ? n : UINT32_MAX;
}

/* --- KE, ID, NAT-OA, N ------------------------------------------------------------------------------- */

void v1_ke_write(struct ikew *k, const struct ke *ke)
{
	ikew_bytes(k, V1P_KE, ke_public(ke));
}

void v1_id_write(struct ikew *k, const struct identity *id)
{
	ikew_payload(k, V1P_ID);
	wr_u8(&k->w, id->type);
	wr_bytes(&k->w, id->reserved, sizeof(id->reserved));
	wr_bytes(&k->w, id->data, id->len);
}

/* RFC 2407 section 4.6.2: type, protocol, port, data. A selector is a host, a subnet or a range. */
void v1_selector_write(struct ikew *k, const struct selector *s)
{
	bool v4 = s->family == FAMILY_V4;
	size_t len = addr_len(s->family);
	struct prefix p;
	bool subnet = selector_prefixes(s, &p, 1) == 1;
	bool host = subnet && p.len == 8 * len;
	uint8_t mask[16] = { 0 };

	ikew_payload(k, V1P_ID);
	wr_u8(&k->w,
		host           ? (v4 ? ID_IPV4_ADDR : ID_IPV6_ADDR) :
			subnet ? (v4 ? ID_IPV4_ADDR_SUBNET : ID_IPV6_ADDR_SUBNET) :
			v4     ? ID_IPV4_ADDR_RANGE :
				 ID_IPV6_ADDR_RANGE);
	wr_u8(&k->w, s->proto);
	wr_u16(&k->w, s->port_lo == s->port_hi ? s->port_lo : 0);
	wr_bytes(&k->w, s->lo, len);
	if (host)
		return;
	for (size_t i = 0; subnet && i < p.len; i++)
		mask[i / 8] |= 0x80 >> i % 8;
	wr_bytes(&k->w, subnet ? mask : s->hi, len);
}

static bool mask_to_end(struct selector *s, const uint8_t *mask, size_t len)
{
	bool ended = false;

	for (size_t i = 0; i < 8 * len; i++) {
		bool bit = mask[i / 8] & (0x80 >> i % 8);
		if (bit && ended)
			return false; /* holes in a mask mean nothing that can be routed */
		ended = !bit;
	}
	for (size_t i = 0; i < len; i++) {
		s->lo[i] &= mask[i];
		s->hi[i] = s->lo[i] | (uint8_t)~mask[i];
	}
	return true;
}

bool v1_selector_read(struct bytes body, struct selector *out, struct err *e)
{
	struct rd r = rd_init(body.p, body.n);
	uint8_t type = rd_u8(&r), mask[16];
	bool ok = true;

	*out = (struct selector){ .proto = rd_u8(&r) };
	out->port_lo = out->port_hi = rd_u16(&r);
	if (out->port_lo == 0)
		out->port_hi = UINT16_MAX;
	out->family = type >= ID_IPV6_ADDR && type != ID_IPV4_ADDR_RANGE ? FAMILY_V6 : FAMILY_V4;
	size_t len = addr_len(out->family);
	rd_copy(&r, out->lo, len);
	switch (type) {
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		memcpy(out->hi, out->lo, len);
		break;
	case ID_IPV4_ADDR_SUBNET:
	case ID_IPV6_ADDR_SUBNET:
		rd_copy(&r, mask, len);
		ok = mask_to_end(out, mask, len);
		break;
	case ID_IPV4_ADDR_RANGE:
	case ID_IPV6_ADDR_RANGE:
		rd_copy(&r, out->hi, len);
		break;
	default:
		ok = false;
	}
	if (!ok || !rd_done(&r) || !selector_valid(out))
		return err_notify(e, ERR_PEER, V1_INVALID_ID_INFORMATION,
			"the gateway's selector (type %u, "
			"%zu octet%s) cannot be used",
			type, body.n, plural(body.n));
	return true;
}

/* In transport mode a gateway behind NAT, or one that sees us behind one, writes other addresses;
 * what our own stack sees are ours (RFC 3947 section 5.2). Protocol and ports count, and where it takes
 * more than we offered, we keep to that. */
bool v1_selector_narrow(
	struct selector *mine, struct bytes theirs, enum sa_mode mode, struct err *e)
{
	struct selector s;

	if (!v1_selector_read(theirs, &s, e))
		return false;
	if (mode == SA_TRANSPORT) {
		s.family = mine->family;
		memcpy(s.lo, mine->lo, sizeof(s.lo));
		memcpy(s.hi, mine->hi, sizeof(s.hi));
		if (selector_inside(mine, &s))
			return true;
	}
	if (!selector_inside(&s, mine))
		return err_notify(e, ERR_PEER, V1_INVALID_ID_INFORMATION,
			"the gateway's traffic selectors exceed what was offered");
	*mine = s;
	return true;
}

/* RFC 3947 section 5.2 */
void v1_nat_oa_write(struct ikew *k, enum v1_natt natt, const struct addr *a)
{
	ikew_payload(k, natt == NATT_RFC ? V1P_NAT_OA : V1P_DRAFT_NAT_OA);
	wr_u8(&k->w, a->family == FAMILY_V4 ? ID_IPV4_ADDR : ID_IPV6_ADDR);
	wr_zeros(&k->w, 3);
	wr_bytes(&k->w, a->ip, addr_len(a->family));
}

bool v1_nat_oa_read(struct bytes body, struct addr *out)
{
	struct rd r = rd_init(body.p, body.n);
	uint8_t type = rd_u8(&r);

	*out = (struct addr){ .family = type == ID_IPV4_ADDR ? FAMILY_V4 :
			type == ID_IPV6_ADDR                 ? FAMILY_V6 :
							       FAMILY_NONE };
	rd_bytes(&r, 3);
	rd_copy(&r, out->ip, addr_len(out->family));
	return out->family != FAMILY_NONE && rd_done(&r);
}

/* About the IKE SA itself: its cookies are the SPI. */
void v1_notify_write(struct ikew *k, const struct v1_sa *sa, uint16_t type, struct bytes data)
{
	ikew_payload(k, V1P_N);
	wr_u32(&k->w, DOI_IPSEC);
	wr_u8(&k->w, PROTO_IKE);
	wr_u8(&k->w, 2 * IKE_SPI_LEN);
	wr_u16(&k->w, type);
	wr_bytes(&k->w, sa->cky_i, IKE_SPI_LEN);
	wr_bytes(&k->w, sa->cky_r, IKE_SPI_LEN);
	wr_bytes(&k->w, data.p, data.n);
}

bool v1_notify_read(struct notify *n, struct bytes body)
{
	struct rd r = rd_init(body.p, body.n);

	rd_u32(&r); /* the DOI: notifies about phase 1 come with 0 or 1 */
	return notify_read(n, (struct bytes){ r.p, r.left }) && !r.bad;
}

bool v1_notify_error(const struct payloads *p, struct notify *out)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].type == V1P_N && v1_notify_read(out, p->v[i].body) &&
			out->type < V1_ERRORS_END)
			return true;
	return false;
}
