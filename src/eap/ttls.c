#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "eap/chapv2.h"
#include "inner.h"

/* EAP-TTLS version 0, RFC 5281; with TLS 1.3, RFC 9427. Inside go sequences of AVPs (section 10.1):
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------------------------------------------------------+
 * |                           AVP Code                            |
 * +---------------+-----------------------------------------------+
 * |V M            |  AVP Length: all of it but the padding        |
 * +---------------+-----------------------------------------------+
 * |  Vendor-ID, if V. Then the data, padded to four octets
 * +-------------------------------
 *
 * The client begins. It is the profile that says with what, for nothing tells what the server has. */

enum {
	AVP_USER_NAME = 1,
	AVP_USER_PASSWORD = 2,
	AVP_REPLY_MESSAGE = 18,
	AVP_EAP_MESSAGE = 79,
	VENDOR_MICROSOFT = 311, /* RFC 2548 */
	MS_CHAP_ERROR = 2,
	MS_CHAP_CHALLENGE = 11,
	MS_CHAP2_RESPONSE = 25,
	MS_CHAP2_SUCCESS = 26,
	FLAG_VENDOR = 0x80,
	FLAG_MANDATORY = 0x40,
	PASSWORD_BLOCK = 16, /* section 11.2.5: hides its length */
	OUT_MAX = EAP_PACKET_MAX + 64,
};

/* What a server says that means something here. */
struct said {
	struct bytes eap, reply, success, error; /* p NULL: it is not there */
};

static void avp_write(struct wr *w, uint32_t vendor, uint32_t code, const void *data, size_t n)
{
	size_t len = 8 + (vendor ? 4 : 0) + n;

	wr_u32(w, code);
	wr_u32(w,
		(uint32_t)(vendor ? FLAG_VENDOR | FLAG_MANDATORY : FLAG_MANDATORY) << 24 |
			(uint32_t)len);
	if (vendor)
		wr_u32(w, vendor);
	wr_bytes(w, data, n);
	wr_zeros(w, (4 - len % 4) % 4);
}

/* Where it goes; NULL: it says nothing to us. */
static struct bytes *place(struct said *s, uint32_t vendor, uint32_t code)
{
	const struct {
		uint32_t vendor, code;
		struct bytes *at;
	} rows[] = {
		{ 0, AVP_EAP_MESSAGE, &s->eap },
		{ 0, AVP_REPLY_MESSAGE, &s->reply },
		{ VENDOR_MICROSOFT, MS_CHAP2_SUCCESS, &s->success },
		{ VENDOR_MICROSOFT, MS_CHAP_ERROR, &s->error },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].vendor == vendor && rows[i].code == code)
			return rows[i].at;
	return NULL;
}

static bool avp_read(struct rd *r, struct said *s, struct err *e)
{
	uint32_t code = rd_u32(r), flags = rd_u32(r);
	bool has_vendor = flags >> 24 & FLAG_VENDOR;
	size_t len = flags & 0xffffff, head = has_vendor ? 12 : 8;
	uint32_t vendor = has_vendor ? rd_u32(r) : 0;

	if (r->bad || len < head || len - head > r->left)
		return err_set(e, ERR_PEER, "an AVP inside of EAP-TTLS is malformed");
	struct rd data = rd_sub(r, len - head);
	/* Behind the last one the padding may be missing. */
	size_t pad = (4 - len % 4) % 4;
	rd_bytes(r, pad < r->left ? pad : r->left);
	struct bytes *at = place(s, vendor, code);
	if (!at && (flags >> 24 & FLAG_MANDATORY))
		return err_set(e, ERR_PEER,
			"inside of EAP-TTLS the server insists on what is not known here (AVP %u of "
			"vendor %u)",
			code, vendor);
	if (at && at->p)
		return err_set(e, ERR_PEER, "inside of EAP-TTLS an AVP is there twice");
	if (at)
		*at = (struct bytes){ data.p, data.left };
	return true;
}

static bool said_read(struct bytes plain, struct said *s, struct err *e)
{
	struct rd r = rd_init(plain.p, plain.n);

	*s = (struct said){ .eap.p = NULL };
	while (r.left > 0)
		if (!avp_read(&r, s, e))
			return false;
	return true;
}

/* Sends what was written; with nothing in it an acknowledgement goes. */
static enum eap_step send(struct eap *x, struct wr *w, enum eap_step step, struct eap_result *r)
{
	if (w->bad) {
		err_set(&r->err, ERR_BUG, "what EAP-TTLS has to say does not fit");
		return STEP_FAIL;
	}
	if (w->len > 0 && !tls_write(x->tunnel->tls, (struct bytes){ w->base, w->len }, &r->err))
		return STEP_FAIL;
	if (step == STEP_LAST && !eap_tunnel_key(x, "ttls keying material", &r->err))
		return STEP_FAIL;
	return step;
}

/* --- EAP inside (section 11.2.1) -------------------------------------------------------------- */

static enum eap_step eap_inside(
	struct eap *x, struct bytes packet, struct wr *w, struct eap_result *r)
{
	struct eap_result in;
	enum eap_step step = inner_packet(x, packet, &in, r);

	if (step != STEP_ASK && step != STEP_FAIL) {
		if (in.len > 0)
			avp_write(w, 0, AVP_EAP_MESSAGE, in.out, in.len);
		step = send(x, w, step, r);
	}
	wipe(&in, sizeof(in));
	return step;
}

/* The inner peer is made to believe that it was asked who it is. */
static enum eap_step eap_begin(struct eap *x, struct wr *w, struct eap_result *r)
{
	static const uint8_t who[] = { EAP_REQUEST, 0, 0, 5, EAP_IDENTITY };

	return eap_inside(x, (struct bytes){ who, sizeof(who) }, w, r);
}

static enum eap_step eap_goes_on(
	struct eap *x, const struct said *s, struct wr *w, struct eap_result *r)
{
	if (!s->eap.p) {
		err_set(&r->err, ERR_PEER, "the server does not go on with EAP inside of EAP-TTLS");
		return STEP_FAIL;
	}
	return eap_inside(x, s->eap, w, r);
}

/* --- PAP (section 11.2.5) --------------------------------------------------------------------- */

static enum eap_step give_password(struct eap *x, const char *user,
	const struct passphrase *password, struct wr *w, struct eap_result *r)
{
	char padded[PASSPHRASE_MAX + PASSWORD_BLOCK] = "";
	size_t n =
		password->len + (PASSWORD_BLOCK - password->len % PASSWORD_BLOCK) % PASSWORD_BLOCK;

	memcpy(padded, password->text, password->len);
	avp_write(w, 0, AVP_USER_NAME, user, strlen(user));
	avp_write(w, 0, AVP_USER_PASSWORD, padded, n);
	wipe(padded, sizeof(padded));
	x->tries++;
	return send(x, w, STEP_LAST, r);
}

static enum eap_step pap_begin(struct eap *x, struct wr *w, struct eap_result *r)
{
	const char *user = eap_user(x, r);
	const struct passphrase *password = user ? eap_password(x, r) : NULL;

	return password ? give_password(x, user, password, w, r) : STEP_ASK;
}

/* The server wants more: a code, most likely. What the profile holds was given already. */
static enum eap_step pap_goes_on(
	struct eap *x, const struct said *s, struct wr *w, struct eap_result *r)
{
	if (!s->reply.p) {
		err_set(&r->err, ERR_PEER,
			"the server wants something inside of EAP-TTLS, and does "
			"not say what");
		return STEP_FAIL;
	}
	if (x->answer)
		return give_password(x, x->user, x->answer, w, r);
	x->wanted = WANT_CODE;
	r->ask = (struct ask){ .kind = ASK_CODE };
	text_safe(r->ask.prompt, sizeof(r->ask.prompt), s->reply.p, s->reply.n);
	if (!r->ask.prompt[0])
		snprintf(r->ask.prompt, sizeof(r->ask.prompt), "Code");
	return STEP_ASK;
}

/* --- MS-CHAP-V2 (section 11.2.4) -------------------------------------------------------------- */

static enum eap_step mschapv2_begin(struct eap *x, struct wr *w, struct eap_result *r)
{
	const char *user = eap_user(x, r);
	const struct passphrase *password = user ? eap_password(x, r) : NULL;
	uint8_t challenge[MSCHAP_CHALLENGE_LEN + 1]; /* and Ident */
	uint8_t value[CHAPV2_VALUE_LEN], response[2 + CHAPV2_VALUE_LEN - 1];
	struct wr v = wr_init(value, sizeof(value)), out = wr_init(response, sizeof(response));

	if (!password)
		return STEP_ASK;
	if (!tls_export(x->tunnel->tls, "ttls challenge", (struct bytes){ NULL, 0 }, challenge,
		    sizeof(challenge), &r->err) ||
		!chapv2_respond(challenge, user, password, x->rng, &v, &x->mschap, &r->err))
		return STEP_FAIL;
	x->tunnel->ident = challenge[MSCHAP_CHALLENGE_LEN];
	/* RFC 2548 section 2.3.2: Ident and Flags are in front. */
	wr_u8(&out, x->tunnel->ident);
	wr_u8(&out, 0);
	wr_bytes(&out, value, sizeof(value) - 1);
	avp_write(w, 0, AVP_USER_NAME, user, strlen(user));
	avp_write(w, VENDOR_MICROSOFT, MS_CHAP_CHALLENGE, challenge, MSCHAP_CHALLENGE_LEN);
	avp_write(w, VENDOR_MICROSOFT, MS_CHAP2_RESPONSE, response, out.len);
	x->tries++;
	return send(x, w, STEP_REPLY, r);
}

static enum eap_step mschapv2_refused(
	struct eap *x, struct bytes error, struct wr *w, struct eap_result *r)
{
	struct rd text = rd_init(error.p, error.n);
	struct chapv2_failure f;

	rd_u8(&text); /* Ident */
	chapv2_read_failure(&f, (struct bytes){ text.p, text.left });
	chapv2_failure_words(&f, x->shown, &r->err);
	return send(x, w, STEP_CONCEDE, r);
}

static enum eap_step mschapv2_goes_on(
	struct eap *x, const struct said *s, struct wr *w, struct eap_result *r)
{
	struct rd text = rd_init(s->success.p, s->success.n);
	bool malformed = false;

	if (!s->success.p && s->error.p)
		return mschapv2_refused(x, s->error, w, r);
	bool proved = s->success.p && rd_u8(&text) == x->tunnel->ident &&
		chapv2_proved(&x->mschap, (struct bytes){ text.p, text.left }, &malformed);
	if (!proved) {
		err_set(&r->err, ERR_AUTH,
			"the EAP server did not prove that it knows the password of %s", x->shown);
		return STEP_FAIL;
	}
	wipe(&x->mschap, sizeof(x->mschap));
	return send(x, w, STEP_LAST, r);
}

/* --- who says what, when ---------------------------------------------------------------------- */

static enum eap_step out_of_turn(
	struct eap *x, const struct said *s, struct wr *w, struct eap_result *r)
{
	(void)x;
	(void)s;
	(void)w;
	err_set(&r->err, ERR_PEER, "the server goes on with EAP-TTLS after its end");
	return STEP_FAIL;
}

static const struct {
	enum eap_step (*begin)(struct eap *x, struct wr *w, struct eap_result *r);
	enum eap_step (*goes_on)(
		struct eap *x, const struct said *s, struct wr *w, struct eap_result *r);
	enum eap_step (*after)(/* a success was agreed to */
		struct eap *x, const struct said *s, struct wr *w, struct eap_result *r);
} ways[] = {
	[TTLS_EAP] = { eap_begin, eap_goes_on, eap_goes_on },
	[TTLS_PAP] = { pap_begin, pap_goes_on, pap_goes_on },
	[TTLS_MSCHAPV2] = { mschapv2_begin, mschapv2_goes_on, out_of_turn },
};

static enum eap_step inside(struct eap *x, struct bytes plain, struct eap_result *r)
{
	enum eap_ttls way = x->config->ttls;
	struct eap_tunnel *t = x->tunnel;
	uint8_t buf[OUT_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct said s;
	enum eap_step step;

	if (!said_read(plain, &s, &r->err))
		return STEP_FAIL;
	if (t->inside == INSIDE_NEW)
		step = ways[way].begin(x, &w, r);
	else if (plain.n == 0) /* TLS alone had something to say */
		step = t->inside == INSIDE_MAY_END ? STEP_LAST : STEP_REPLY;
	else if (t->inside == INSIDE_MAY_END)
		step = ways[way].after(x, &s, &w, r);
	else
		step = ways[way].goes_on(x, &s, &w, r);
	if (step != STEP_ASK)
		t->inside = step == STEP_LAST ? INSIDE_MAY_END : INSIDE_TALKS;
	wipe(buf, sizeof(buf));
	return step;
}

enum eap_step ttls_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r)
{
	return eap_tunnel_request(x, in, out, r, inside);
}
