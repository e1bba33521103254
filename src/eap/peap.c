#include <string.h>

#include "crypto/prf.h"
#include "inner.h"

/* PEAP version 0, as Windows has it: draft-kamath-pppext-peapv0 and [MS-PEAP]; with TLS 1.3, RFC 9427. Inside goes EAP,
 * whose header is left out (it says nothing that the outer one does not), and which the server begins. The end is
 * an exchange of extensions, with their header (type 33) and TLVs:
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------------------------------------------------------+
 * |M R         TLV Type           |  Length of the value          |
 * +---------------------------------------------------------------+
 *
 * Whether it went well is the Result's, and it is the only success inside: one that comes before a method is
 * through would make a proof of the certificate alone (CVE-2023-52160). */

enum {
	EAP_EXTENSIONS = 33,
	TLV_RESULT = 3,
	TLV_CRYPTO_BINDING = 12,
	TLV_MANDATORY = 0x8000,
	TLV_TYPE_MASK = 0x3fff,
	RESULT_SUCCESS = 1,
	RESULT_FAILURE = 2,
	/* [MS-PEAP] 2.2.8.1.1: type, length, reserved, version, version received, subtype, nonce, MAC */
	TLV_HEADER_LEN = 4,
	BINDING_LEN = 60,
	BINDING_VERSION = 5,
	BINDING_RECEIVED = 6,
	BINDING_SUBTYPE = 7,
	BINDING_NONCE = 8,
	BINDING_MAC = 40,
	BINDING_REQUEST = 0,
	BINDING_RESPONSE = 1,
	NONCE_LEN = 32,
	MAC_LEN = 20,
	TEMP_KEY_LEN = 40, /* of TK */
	ISK_LEN = 32,
	HEADER_LEN = 4,
};

struct extensions {
	uint16_t result; /* 0: there was none */
	const uint8_t *binding; /* the whole TLV, NULL: there was none */
};

#define LABEL(s)                   \
	{                          \
		(s), sizeof(s) - 1 \
	}

static uint16_t word_at(const uint8_t *p, size_t at)
{
	return (uint16_t)(p[at] << 8 | p[at + 1]);
}

/* --- keys that bind both methods to each other ------------------------------------------------- */

/* [MS-PEAP] 3.1.5.5.2.1: T1 | T2 | ..., where Tn = HMAC-SHA1(key, Tn-1 | seed | n | 0 | 0). */
static bool peap_prf_plus(
	struct bytes key, const struct bytes seed[2], uint8_t *out, size_t len, struct err *e)
{
	const struct alg *a = alg_by_name(TRANSFORM_PRF, "prfsha1");
	struct secret block = { .len = 0 };
	bool ok = true;

	for (uint8_t n = 1; ok && len > 0; n++) {
		uint8_t counter[3] = { n, 0, 0 };
		struct secret last = block;
		struct bytes parts[] = { { last.data, last.len }, seed[0], seed[1],
			{ counter, sizeof(counter) } };
		ok = prf(a, key, parts, ARRAY_LEN(parts), &block, e);
		size_t take = !ok ? 0 : block.len < len ? block.len : len;
		memcpy(out, block.data, take);
		out += take;
		len -= take;
		secret_wipe(&last);
	}
	secret_wipe(&block);
	return ok;
}

/* Over the whole TLV with zeros for the MAC, and the type of PEAP. */
static bool compound_mac(
	const uint8_t *cmk, const uint8_t tlv[BINDING_LEN], uint8_t mac[MAC_LEN], struct err *e)
{
	const struct alg *a = alg_by_name(TRANSFORM_PRF, "prfsha1");
	static const uint8_t zeros[MAC_LEN], type = EAP_PEAP;
	struct bytes parts[] = { { tlv, BINDING_MAC }, { zeros, sizeof(zeros) }, { &type, 1 } };
	struct secret out;

	if (!prf(a, (struct bytes){ cmk, MAC_LEN }, parts, ARRAY_LEN(parts), &out, e))
		return false;
	memcpy(mac, out.data, MAC_LEN);
	secret_wipe(&out);
	return true;
}

static bool binding_answer(struct eap *x, const uint8_t *request, const uint8_t *cmk,
	uint8_t answer[BINDING_LEN], struct err *e)
{
	uint8_t mac[MAC_LEN];

	if (!compound_mac(cmk, request, mac, e))
		return false;
	if (request[BINDING_SUBTYPE] != BINDING_REQUEST ||
		!same_bytes(mac, request + BINDING_MAC, MAC_LEN))
		return err_set(e, ERR_AUTH,
			"who knows the password is not the server of TLS: the crypto-binding of PEAP is "
			"wrong");
	memset(answer, 0, BINDING_LEN);
	answer[1] = TLV_CRYPTO_BINDING;
	answer[3] = BINDING_LEN - TLV_HEADER_LEN;
	answer[BINDING_RECEIVED] = request[BINDING_VERSION];
	answer[BINDING_SUBTYPE] = BINDING_RESPONSE;
	rng_fill(x->rng, answer + BINDING_NONCE, NONCE_LEN);
	return compound_mac(cmk, answer, answer + BINDING_MAC, e);
}

/* [MS-PEAP] 3.1.5.5: from the key of TLS, which is in msk, and that of the method inside (zeros where it makes none)
 * come the MAC's and the one that is handed on. */
static bool bind(struct eap *x, const uint8_t *request, uint8_t answer[BINDING_LEN], struct err *e)
{
	const struct secret *inner = &x->tunnel->inner->msk;
	uint8_t isk[ISK_LEN] = { 0 }, imck[TEMP_KEY_LEN + MAC_LEN], csk[64];
	const struct bytes compound[2] = { LABEL("Inner Methods Compound Keys"),
		{ isk, sizeof(isk) } };
	/* Its seed is a NUL, as what Windows has shows. */
	const struct bytes session[2] = { LABEL("Session Key Generating Function"), { "", 1 } };

	memcpy(isk, inner->data, inner->len < sizeof(isk) ? inner->len : sizeof(isk));
	bool ok = peap_prf_plus((struct bytes){ x->msk.data, TEMP_KEY_LEN }, compound, imck,
			  sizeof(imck), e) &&
		binding_answer(x, request, imck + TEMP_KEY_LEN, answer, e) &&
		peap_prf_plus((struct bytes){ imck, TEMP_KEY_LEN }, session, csk, sizeof(csk), e) &&
		secret_set(&x->msk, csk, sizeof(csk));
	wipe(isk, sizeof(isk));
	wipe(imck, sizeof(imck));
	wipe(csk, sizeof(csk));
	return ok;
}

/* --- extensions --------------------------------------------------------------------------------- */

static bool tlv_read(struct rd *r, struct extensions *x, struct err *e)
{
	const uint8_t *whole = r->p;
	uint16_t type = rd_u16(r);
	size_t len = rd_u16(r);
	struct rd value = rd_sub(r, len);
	bool mandatory = type & TLV_MANDATORY;

	if (r->bad)
		return err_set(e, ERR_PEER, "a TLV inside of PEAP is malformed");
	type &= TLV_TYPE_MASK;
	if (type == TLV_RESULT && len == 2 && !x->result)
		x->result = rd_u16(&value);
	else if (type == TLV_CRYPTO_BINDING && len == BINDING_LEN - TLV_HEADER_LEN && !x->binding)
		x->binding = whole;
	else if (mandatory || type == TLV_RESULT || type == TLV_CRYPTO_BINDING)
		return err_set(e, ERR_PEER,
			"inside of PEAP the server insists on what is not known here (TLV %u of %zu "
			"octets)",
			type, len);
	return true;
}

static enum eap_step send_extensions(struct eap *x, uint16_t result, const uint8_t *binding,
	enum eap_step step, struct eap_result *r)
{
	uint8_t buf[128];
	struct wr w = wr_init(buf, sizeof(buf));

	wr_u8(&w, EAP_RESPONSE);
	wr_u8(&w, x->identifier);
	wr_u16(&w, 0);
	wr_u8(&w, EAP_EXTENSIONS);
	wr_u16(&w, TLV_MANDATORY | TLV_RESULT);
	wr_u16(&w, 2);
	wr_u16(&w, result);
	if (binding)
		wr_bytes(&w, binding, BINDING_LEN);
	wr_patch_u16(&w, 2, (uint16_t)w.len);
	return tls_write(x->tunnel->tls, (struct bytes){ buf, w.len }, &r->err) ? step : STEP_FAIL;
}

static enum eap_step success_inside(
	struct eap *x, const struct extensions *ext, struct eap_result *r)
{
	uint8_t answer[BINDING_LEN];

	if (!inner_may_end(x)) {
		err_set(&r->err, ERR_AUTH,
			"the EAP server says success inside of PEAP before any login was finished");
		return STEP_FAIL;
	}
	if (!eap_tunnel_key(x, "client EAP encryption", &r->err) ||
		(ext->binding && !bind(x, ext->binding, answer, &r->err)))
		return STEP_FAIL;
	return send_extensions(x, RESULT_SUCCESS, ext->binding ? answer : NULL, STEP_LAST, r);
}

static enum eap_step extensions(struct eap *x, struct rd *in, struct eap_result *r)
{
	struct extensions ext = { .result = 0 };

	while (in->left > 0)
		if (!tlv_read(in, &ext, &r->err))
			return STEP_FAIL;
	if (ext.result == RESULT_SUCCESS)
		return success_inside(x, &ext, r);
	if (x->reason.kind != ERR_NONE)
		r->err = x->reason;
	else
		err_set(&r->err, ERR_PEER,
			"the gateway did not accept what it was given in EAP-PEAP");
	return send_extensions(x, RESULT_FAILURE, NULL, STEP_CONCEDE, r);
}

/* --- EAP inside ---------------------------------------------------------------------------------- */

/* Its length is that of all there is: some servers send the first request with its header, and a Success or
 * Failure has it always. */
static bool has_header(struct bytes plain)
{
	const uint8_t *p = plain.p;

	return plain.n >= HEADER_LEN && word_at(p, 2) == plain.n &&
		(plain.n == HEADER_LEN ? p[0] == EAP_SUCCESS || p[0] == EAP_FAILURE :
					 p[0] == EAP_REQUEST);
}

static bool with_header(struct eap *x, struct bytes plain, struct wr *w, struct err *e)
{
	if (!has_header(plain)) {
		wr_u8(w, EAP_REQUEST);
		wr_u8(w, x->identifier);
		wr_u16(w, (uint16_t)(HEADER_LEN + plain.n));
	}
	wr_bytes(w, plain.p, plain.n);
	return !w->bad || err_set(e, ERR_PEER, "an EAP packet inside of PEAP is too long");
}

static enum eap_step eap_inside(struct eap *x, struct bytes plain, struct eap_result *r)
{
	uint8_t packet[EAP_PACKET_MAX];
	struct wr w = wr_init(packet, sizeof(packet));
	struct eap_result in;

	if (!with_header(x, plain, &w, &r->err))
		return STEP_FAIL;
	enum eap_step step = inner_packet(x, (struct bytes){ packet, w.len }, &in, r);
	/* Only a Result ends it. */
	if (step == STEP_LAST)
		step = STEP_REPLY;
	if ((step == STEP_REPLY || step == STEP_CONCEDE) && in.len > HEADER_LEN &&
		!tls_write(x->tunnel->tls,
			(struct bytes){ in.out + HEADER_LEN, in.len - HEADER_LEN }, &r->err))
		step = STEP_FAIL;
	wipe(packet, sizeof(packet));
	wipe(&in, sizeof(in));
	return step;
}

static enum eap_step inside(struct eap *x, struct bytes plain, struct eap_result *r)
{
	struct eap_tunnel *t = x->tunnel;
	struct rd in = rd_init(plain.p, plain.n);
	enum eap_step step;

	if (plain.n == 0) /* TLS alone had something to say */
		return t->inside == INSIDE_MAY_END ? STEP_LAST : STEP_REPLY;
	if (t->inside == INSIDE_MAY_END) {
		err_set(&r->err, ERR_PEER, "the server goes on with PEAP after its end");
		return STEP_FAIL;
	}
	if (has_header(plain) && plain.n > HEADER_LEN &&
		((const uint8_t *)plain.p)[HEADER_LEN] == EAP_EXTENSIONS) {
		rd_bytes(&in, HEADER_LEN + 1);
		step = extensions(x, &in, r);
	} else {
		step = eap_inside(x, plain, r);
	}
	t->inside = step == STEP_LAST ? INSIDE_MAY_END : INSIDE_TALKS;
	return step;
}

enum eap_step peap_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r)
{
	return eap_tunnel_request(x, in, out, r, inside);
}
