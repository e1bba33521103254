#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "crypto/prf.h"
#include "l2tp_private.h"

/*  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-------+-------------------+-------------------------------+
 * |M|H| rsvd  |      Length       |           Vendor ID           |
 * +-+-+-------+-------------------+-------------------------------+
 * |         Attribute Type        |  Attribute Value...
 * +-------------------------------+-----------     (section 4.1) */

enum {
	AVP_M = 0x8000,
	AVP_H = 0x4000,
	AVP_RESERVED = 0x3c00,
	AVP_LENGTH = 0x03ff,
	AVP_HEADER = 6,
	MD5_LEN = 16,
};

/* THE table of AVPs, section 4.4. */
const struct avp_row avp_rows[] = {
	{ AVP_MESSAGE_TYPE, "Message Type", 2, 2, true, false },
	{ AVP_RESULT_CODE, "Result Code", 2, AVP_VALUE_MAX, true, false },
	{ AVP_PROTOCOL_VERSION, "Protocol Version", 2, 2, true, false },
	{ AVP_FRAMING_CAPABILITIES, "Framing Capabilities", 4, 4, true, true },
	{ AVP_BEARER_CAPABILITIES, "Bearer Capabilities", 4, 4, true, true },
	{ 5, "Tie Breaker", 8, 8, false, false },
	{ AVP_FIRMWARE_REVISION, "Firmware Revision", 2, 2, false, true },
	{ AVP_HOST_NAME, "Host Name", 0, AVP_VALUE_MAX, true, false },
	{ AVP_VENDOR_NAME, "Vendor Name", 0, AVP_VALUE_MAX, false, true },
	{ AVP_ASSIGNED_TUNNEL_ID, "Assigned Tunnel ID", 2, 2, true, true },
	{ AVP_RECEIVE_WINDOW_SIZE, "Receive Window Size", 2, 2, true, false },
	{ AVP_CHALLENGE, "Challenge", 1, AVP_VALUE_MAX, true, true },
	{ AVP_CAUSE_CODE, "Q.931 Cause Code", 3, AVP_VALUE_MAX, true, false },
	{ AVP_CHALLENGE_RESPONSE, "Challenge Response", MD5_LEN, MD5_LEN, true, true },
	{ AVP_ASSIGNED_SESSION_ID, "Assigned Session ID", 2, 2, true, true },
	{ AVP_CALL_SERIAL_NUMBER, "Call Serial Number", 4, 4, true, true },
	{ 16, "Minimum BPS", 4, 4, true, true },
	{ 17, "Maximum BPS", 4, 4, true, true },
	{ 18, "Bearer Type", 4, 4, true, true },
	{ AVP_FRAMING_TYPE, "Framing Type", 4, 4, true, true },
	{ 21, "Called Number", 0, AVP_VALUE_MAX, true, true },
	{ 22, "Calling Number", 0, AVP_VALUE_MAX, true, true },
	{ 23, "Sub-Address", 0, AVP_VALUE_MAX, true, true },
	{ AVP_TX_CONNECT_SPEED, "Tx Connect Speed", 4, 4, true, true },
	{ 25, "Physical Channel ID", 4, 4, false, true },
	{ 26, "Initial Received LCP CONFREQ", 0, AVP_VALUE_MAX, false, true },
	{ 27, "Last Sent LCP CONFREQ", 0, AVP_VALUE_MAX, false, true },
	{ 28, "Last Received LCP CONFREQ", 0, AVP_VALUE_MAX, false, true },
	{ 29, "Proxy Authen Type", 2, 2, false, true },
	{ 30, "Proxy Authen Name", 0, AVP_VALUE_MAX, false, true },
	{ 31, "Proxy Authen Challenge", 0, AVP_VALUE_MAX, false, true },
	{ 32, "Proxy Authen ID", 2, 2, false, true },
	{ 33, "Proxy Authen Response", 0, AVP_VALUE_MAX, false, true },
	{ 34, "Call Errors", 26, 26, true, true },
	{ 35, "ACCM", 10, 10, true, true },
	{ AVP_RANDOM_VECTOR, "Random Vector", 1, AVP_VALUE_MAX, true, false },
	{ 37, "Private Group ID", 0, AVP_VALUE_MAX, false, true },
	{ 38, "Rx Connect Speed", 4, 4, false, true },
	{ 39, "Sequencing Required", 0, 0, true, false },
};

const struct avp_row *avp_row(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(avp_rows); i++)
		if (avp_rows[i].type == type)
			return &avp_rows[i];
	return NULL;
}

/* --- the secret ------------------------------------------------------------------------------------ */

bool tunnel_response(enum message_type type, const struct passphrase *secret,
	struct bytes challenge, uint8_t out[16], struct err *e)
{
	uint8_t id = (uint8_t)type, hash[DIGEST_MAX];
	struct bytes parts[] = { { &id, 1 }, { secret->text, secret->len }, challenge };
	size_t n;

	if (!digest("MD5", parts, ARRAY_LEN(parts), hash, &n, e))
		return false;
	memcpy(out, hash, MD5_LEN);
	return true;
}

/* b1 = MD5(type | secret | vector), then bi = MD5(secret | c(i-1)), each over 16 octets. */
bool avp_unhide(uint16_t type, const struct passphrase *secret, struct bytes vector,
	struct bytes hidden, uint8_t *out, struct err *e)
{
	uint8_t number[2] = { (uint8_t)(type >> 8), (uint8_t)type }, pad[DIGEST_MAX];
	struct bytes first[] = { { number, 2 }, { secret->text, secret->len }, vector };
	struct bytes next[] = { { secret->text, secret->len }, { NULL, MD5_LEN } };
	const uint8_t *c = hidden.p;
	size_t n;

	for (size_t i = 0; i < hidden.n; i++) {
		bool ok = true;
		if (i == 0) {
			ok = digest("MD5", first, ARRAY_LEN(first), pad, &n, e);
		} else if (i % MD5_LEN == 0) {
			next[1].p = c + i - MD5_LEN;
			ok = digest("MD5", next, ARRAY_LEN(next), pad, &n, e);
		}
		if (!ok)
			return false;
		out[i] = c[i] ^ pad[i % MD5_LEN];
	}
	return true;
}

/* --- reading ---------------------------------------------------------------------------------------- */

struct avp {
	uint16_t flags, vendor, type;
	struct bytes value;
};

static bool avp_read(struct rd *r, struct avp *a)
{
	a->flags = rd_u16(r);
	a->vendor = rd_u16(r);
	a->type = rd_u16(r);
	size_t len = a->flags & AVP_LENGTH;
	if (len < AVP_HEADER)
		r->bad = true;
	struct rd value = rd_sub(r, len - AVP_HEADER);
	a->value = (struct bytes){ value.p, value.left };
	return !r->bad;
}

/* Brings a hidden value back into the message's own room. */
static bool unhide(struct message *m, struct avp *a, const struct passphrase *secret)
{
	struct bytes vector = m->value[AVP_RANDOM_VECTOR];
	uint8_t *out = m->room + m->used;

	if (!secret || !vector.p || a->value.n > sizeof(m->room) - m->used ||
		!avp_unhide(a->type, secret, vector, a->value, out, NULL))
		return false;
	m->used += a->value.n;
	struct rd r = rd_init(out, a->value.n);
	size_t len = rd_u16(&r);
	a->value = (struct bytes){ rd_bytes(&r, len), len };
	return !r.bad;
}

static void note_foreign(struct message *m, const struct avp *a, bool hidden)
{
	if (!(a->flags & AVP_M) || m->foreign)
		return;
	m->foreign = true;
	m->foreign_vendor = a->vendor;
	m->foreign_type = a->type;
	m->foreign_hidden = hidden;
}

/* Section 4.1: bits that are reserved make it one that we do not know; so does a value that is
 * hidden where it must not be, or that there is no secret for. */
static void take_avp(struct message *m, struct avp *a, const struct passphrase *secret)
{
	const struct avp_row *row = a->vendor == 0 ? avp_row(a->type) : NULL;

	if (!row || (a->flags & AVP_RESERVED) || ((a->flags & AVP_H) && !row->hideable)) {
		note_foreign(m, a, false);
		return;
	}
	if ((a->flags & AVP_H) && !unhide(m, a, secret)) {
		note_foreign(m, a, true);
		return;
	}
	if (a->value.n < row->min || a->value.n > row->max)
		m->misfits |= 1ull << a->type; /* it matters only where the value does */
	else if (!m->value[a->type].p || a->type == AVP_RANDOM_VECTOR)
		m->value[a->type] = a->value;
}

bool message_read(
	struct message *m, struct bytes avps, const struct passphrase *secret, struct err *e)
{
	struct rd r = rd_init(avps.p, avps.n);
	struct avp a;

	memset(m, 0, offsetof(struct message, room));
	if (!avp_read(&r, &a) || a.vendor != 0 || a.type != AVP_MESSAGE_TYPE || a.value.n != 2)
		return err_set(e, ERR_PEER, "an L2TP message of the gateway has no type");
	struct rd type = rd_init(a.value.p, a.value.n);
	m->type = rd_u16(&type);
	m->type_mandatory = a.flags & AVP_M;
	while (r.left > 0 && avp_read(&r, &a))
		take_avp(m, &a, secret);
	return rd_done(&r) ||
		err_set(e, ERR_PEER,
			"an AVP in the L2TP %s of the gateway has an impossible "
			"length",
			message_name(m->type));
}

uint32_t message_number(const struct message *m, enum avp_type type, uint32_t fallback)
{
	struct bytes v = m->value[type];
	struct rd r = rd_init(v.p, v.n);

	if (!v.p)
		return fallback;
	return v.n == 4 ? rd_u32(&r) : rd_u16(&r);
}

const char *message_name(uint16_t type)
{
	static const struct name names[] = {
		{ SCCRQ, "SCCRQ" },
		{ SCCRP, "SCCRP" },
		{ SCCCN, "SCCCN" },
		{ STOPCCN, "StopCCN" },
		{ HELLO, "HELLO" },
		{ OCRQ, "OCRQ" },
		{ OCRP, "OCRP" },
		{ OCCN, "OCCN" },
		{ ICRQ, "ICRQ" },
		{ ICRP, "ICRP" },
		{ ICCN, "ICCN" },
		{ CDN, "CDN" },
		{ WEN, "WEN" },
		{ SLI, "SLI" },
		{ 0, NULL },
	};
	const char *name = name_find(names, type);

	return name ? name : "message of unknown type";
}

/* --- writing ---------------------------------------------------------------------------------------- */

void avp_bytes(struct wr *w, enum avp_type type, struct bytes v)
{
	wr_u16(w, (uint16_t)((avp_row(type)->mandatory ? AVP_M : 0) | (AVP_HEADER + v.n)));
	wr_u16(w, 0);
	wr_u16(w, type);
	wr_bytes(w, v.p, v.n);
}

void avp_u16(struct wr *w, enum avp_type type, uint16_t v)
{
	uint8_t octets[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	avp_bytes(w, type, (struct bytes){ octets, sizeof(octets) });
}

void avp_u32(struct wr *w, enum avp_type type, uint32_t v)
{
	uint8_t octets[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
		(uint8_t)v };

	avp_bytes(w, type, (struct bytes){ octets, sizeof(octets) });
}

void avp_result(struct wr *w, uint16_t result, uint16_t error, const char *text)
{
	uint8_t room[128];
	struct wr v = wr_init(room, sizeof(room));
	size_t n = strlen(text);

	wr_u16(&v, result);
	wr_u16(&v, error);
	wr_bytes(&v, text, n < v.cap - v.len ? n : v.cap - v.len);
	avp_bytes(w, AVP_RESULT_CODE, (struct bytes){ room, v.len });
}

void message_begin(struct wr *w, uint16_t tunnel, uint16_t session, enum message_type type)
{
	wr_u16(w, HEADER_T | HEADER_L | HEADER_S | L2TP_VERSION);
	wr_u16(w, 0);
	wr_u16(w, tunnel);
	wr_u16(w, session);
	wr_u32(w, 0);
	avp_u16(w, AVP_MESSAGE_TYPE, (uint16_t)type);
}

void message_end(struct wr *w)
{
	wr_patch_u16(w, 2, (uint16_t)w->len);
}

/* --- results in words (section 4.4.2) ------------------------------------------------------------------ */

static const struct name stopccn_words[] = {
	{ 1, "it gives no reason" },
	{ 2, "an error" },
	{ 3, "there is such a tunnel already" },
	{ 4, "we are not authorized to have a tunnel" },
	{ 5, "it does not support this version of L2TP" },
	{ 6, "it is being shut down" },
	{ 7, "our messages came in an order that it did not expect" },
	{ 0, NULL },
};

static const struct name cdn_words[] = {
	{ 1, "the carrier was lost" },
	{ 2, "an error" },
	{ 3, "administrative reasons" },
	{ 4, "it lacks the resources at the moment" },
	{ 5, "it lacks the resources" },
	{ 6, "invalid destination" },
	{ 7, "no carrier" },
	{ 8, "busy" },
	{ 9, "no dial tone" },
	{ 10, "it took too long" },
	{ 11, "no suitable framing" },
	{ 0, NULL },
};

static const struct name error_words[] = {
	{ 1, "no control connection exists" },
	{ 2, "a length is wrong" },
	{ 3, "a value is out of range" },
	{ 4, "it lacks the resources for this now" },
	{ 5, "the session is unknown to it" },
	{ 6, "an error of its vendor's own" },
	{ 7, "another server should be tried" },
	{ 8, "it did not understand an AVP" },
	{ 0, NULL },
};

/* Clients and servers of Apple's are known to send codes with their octets turned round. */
static uint16_t code_read(struct rd *r)
{
	uint16_t v = rd_u16(r);

	return v > 0xff && (v & 0xff) == 0 ? v >> 8 : v;
}

void result_words(char *out, size_t size, const struct message *m)
{
	struct bytes v = m->value[AVP_RESULT_CODE];
	struct rd r = rd_init(v.p, v.n);
	uint16_t result = code_read(&r);
	uint16_t error = r.left >= 2 ? code_read(&r) : 0;
	const char *why = name_find(m->type == CDN ? cdn_words : stopccn_words, result);
	const char *what = error ? name_find(error_words, error) : NULL;
	char text[128];

	text_safe(text, sizeof(text), r.p, r.left);
	if (!v.p)
		snprintf(out, size, "it gives no result code");
	else
		snprintf(out, size, "%s%s%s (result %u, error %u)%s%s%s",
			why ? why : "no known reason", what ? ", " : "", what ? what : "", result,
			error, text[0] ? ". It says \"" : "", text, text[0] ? "\"" : "");
}
