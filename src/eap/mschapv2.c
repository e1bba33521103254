#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "crypto/rng.h"
#include "method.h"

/* Microsoft EAP CHAP Extensions (draft-kamath-pppext-eap-mschapv2), over RFC 2759. A request is
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |    OpCode     | MS-CHAPv2-ID  |  MS-Length (OpCode and on)    |
 * +---------------+---------------+-------------------------------+
 * |  Challenge: size 16, challenge, name. Success, Failure: text
 * +-------------------------------
 * and so is our Response; the two other responses are nothing but the OpCode. */

enum opcode { OP_CHALLENGE = 1, OP_RESPONSE = 2, OP_SUCCESS = 3, OP_FAILURE = 4 };

enum {
	HEADER_LEN = 4,
	VALUE_LEN = 49, /* of a Response: peer challenge 16, reserved 8, NT response 24, flags 1 */
	ERROR_AUTHENTICATION_FAILURE = 691,
};

static const struct name opcode_names[] = {
	{ OP_CHALLENGE, "Challenge" },
	{ OP_RESPONSE, "Response" },
	{ OP_SUCCESS, "Success" },
	{ OP_FAILURE, "Failure" },
	{ 7, "Change-Password" },
	{ 0, NULL },
};

/* RFC 2759 section 6 */
static const struct name error_words[] = {
	{ 646, "the account may not log in at this hour" },
	{ 647, "the account is disabled" },
	{ 648, "the password has expired and must be changed, which this program cannot do" },
	{ 649, "the account may not dial in" },
	{ ERROR_AUTHENTICATION_FAILURE,
		"the user name or the password is wrong, or this method is "
		"not allowed for the account" },
	{ 709, "the password could not be changed" },
	{ 0, NULL },
};

struct message {
	uint8_t opcode;
	uint8_t id;
	struct rd body;
};

/* RFC 2759 section 4: only what is behind the domain is hashed; the whole name goes on the wire. */
static const char *without_domain(const char *user)
{
	const char *slash = strchr(user, '\\');

	return slash ? slash + 1 : user;
}

/* A Response to a challenge of the gateway, from the Challenge or from a Failure. */
static enum eap_step respond(struct eap *x, const uint8_t challenge[MSCHAP_CHALLENGE_LEN],
	uint8_t id, struct wr *out, struct eap_result *r)
{
	uint8_t ours[MSCHAP_CHALLENGE_LEN];
	const char *user = eap_user(x, r);
	const struct passphrase *password = user ? eap_password(x, r) : NULL;

	if (!password)
		return STEP_ASK;
	rng_fill(x->rng, ours, sizeof(ours));
	wipe(&x->mschap, sizeof(x->mschap));
	if (!mschap_compute(challenge, ours, without_domain(user), password, &x->mschap, &r->err))
		return STEP_FAIL;
	wr_u8(out, OP_RESPONSE);
	wr_u8(out, id);
	wr_u16(out, (uint16_t)(HEADER_LEN + 1 + VALUE_LEN + strlen(user)));
	wr_u8(out, VALUE_LEN);
	wr_bytes(out, ours, sizeof(ours));
	wr_zeros(out, 8);
	wr_bytes(out, x->mschap.nt_response, sizeof(x->mschap.nt_response));
	wr_u8(out, 0);
	wr_bytes(out, user, strlen(user));
	x->tries++;
	return STEP_REPLY;
}

static enum eap_step malformed(struct eap_result *r, const char *what)
{
	err_set(&r->err, ERR_PEER, "the EAP-MSCHAPv2 %s of the gateway is malformed", what);
	return STEP_FAIL;
}

static enum eap_step challenge_recv(
	struct eap *x, struct message *m, struct wr *out, struct eap_result *r)
{
	if (rd_u8(&m->body) != MSCHAP_CHALLENGE_LEN)
		return malformed(r, "challenge");
	const uint8_t *challenge = rd_bytes(&m->body, MSCHAP_CHALLENGE_LEN);
	if (!challenge)
		return malformed(r, "challenge");
	return respond(x, challenge, m->id, out, r);
}

/* RFC 2759 sections 5 and 8.8: "S=" and 40 digits, then perhaps a message. Upper case is a MUST
 * there, but not one that the proof depends on. */
static enum eap_step success_recv(
	struct eap *x, struct message *m, struct wr *out, struct eap_result *r)
{
	char proof[MSCHAP_AUTH_TEXT_LEN];
	const uint8_t *text = rd_bytes(&m->body, sizeof(proof));

	if (!text || (m->body.left > 0 && m->body.p[0] != ' ' && m->body.p[0] != 0)) {
		err_set(&r->err, ERR_AUTH,
			"the gateway did not prove that it knows the password of "
			"%s: its EAP-MSCHAPv2 success is malformed",
			x->shown);
		return STEP_FAIL;
	}
	for (size_t i = 0; i < sizeof(proof); i++)
		proof[i] = (char)toupper(text[i]);
	if (!same_bytes(proof, x->mschap.authenticator, sizeof(proof))) {
		err_set(&r->err, ERR_AUTH,
			"the gateway did not prove that it knows the password of "
			"%s",
			x->shown);
		return STEP_FAIL;
	}
	x->msk = x->mschap.msk;
	wipe(&x->mschap, sizeof(x->mschap));
	wr_u8(out, OP_SUCCESS);
	return STEP_LAST;
}

/* "E=691 R=1 C=00112233445566778899aabbccddeeff V=3 M=Try again" (RFC 2759 section 6) */
struct failure {
	uint32_t error;
	bool retry;
	bool has_challenge;
	uint8_t challenge[MSCHAP_CHALLENGE_LEN];
	struct bytes text;
};

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_read(struct rd *in, uint8_t *out, size_t n)
{
	bool good = in->left == 2 * n;

	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(rd_u8(in)), low = hex_digit(rd_u8(in));
		good = good && high >= 0 && low >= 0;
		out[i] = good ? (uint8_t)(high << 4 | low) : 0;
	}
	return good;
}

/* 0 for what is no number or needs more than 10 digits. */
static uint32_t decimal_read(struct rd *in)
{
	uint64_t v = 0;

	if (in->left > 10)
		return 0;
	while (in->left > 0) {
		uint8_t c = rd_u8(in);
		if (c < '0' || c > '9')
			return 0;
		v = 10 * v + (c - '0');
	}
	return v > UINT32_MAX ? 0 : (uint32_t)v;
}

static void field_read(struct failure *f, uint8_t key, struct rd *value)
{
	switch (key) {
	case 'E':
		f->error = decimal_read(value);
		break;
	case 'R':
		f->retry = decimal_read(value) == 1;
		break;
	case 'C':
		f->has_challenge = hex_read(value, f->challenge, sizeof(f->challenge));
		break;
	default: /* V: the version of a password change that we do not do */
		break;
	}
}

/* Fields are separated by spaces, M= goes to the end. What is not understood is left out: it is a
 * failure whatever it says. */
static void failure_read(struct failure *f, struct rd *in)
{
	*f = (struct failure){ 0 };
	while (in->left > 0) {
		size_t n = 0;
		if (in->left >= 2 && memcmp(in->p, "M=", 2) == 0) {
			f->text = (struct bytes){ in->p + 2, in->left - 2 };
			return;
		}
		while (n < in->left && in->p[n] != ' ')
			n++;
		struct rd field = rd_sub(in, n);
		uint8_t key = rd_u8(&field);
		if (rd_u8(&field) == '=')
			field_read(f, key, &field);
		rd_u8(in); /* the space */
	}
}

static void failure_words(const struct eap *x, const struct failure *f, struct err *e)
{
	const char *words = name_find(error_words, f->error);
	char text[160];

	text_safe(text, sizeof(text), f->text.p, f->text.n);
	err_set(e, ERR_PEER, "the gateway refused %s: %s (error %u)%s%s%s", x->shown,
		words ? words : "it gave no known reason", f->error, text[0] ? ". It says \"" : "",
		text, text[0] ? "\"" : "");
}

/* RFC 2759 section 9.1.4, [MS-CHAP] 3.2.5.4: where a retry is allowed the next Response, to the
 * challenge that the Failure brought, takes the place of the acknowledgement. Only a wrong password
 * gets better by another one. */
static enum eap_step failure_recv(
	struct eap *x, struct message *m, struct wr *out, struct eap_result *r)
{
	struct failure f;

	failure_read(&f, &m->body);
	failure_words(x, &f, &x->reason);
	if (f.error == ERROR_AUTHENTICATION_FAILURE && f.retry && f.has_challenge &&
		x->tries < EAP_TRIES_MAX) {
		if (!x->answer) {
			snprintf(r->notice, sizeof(r->notice), "%s", x->reason.text);
			eap_password_forget(x);
		}
		return respond(x, f.challenge, (uint8_t)(m->id + 1), out, r);
	}
	r->err = x->reason;
	wr_u8(out, OP_FAILURE);
	return STEP_CONCEDE;
}

/* Every message that may come, and what answering it leads to; all others are the end. A success
 * taken in the wrong state was CVE-2015-8023. */
static const struct row {
	enum mschapv2_state state;
	enum opcode opcode;
	enum mschapv2_state next;
	enum eap_step (*recv)(
		struct eap *x, struct message *m, struct wr *out, struct eap_result *r);
} rows[] = {
	{ MSCHAPV2_START, OP_CHALLENGE, MSCHAPV2_PROVING, challenge_recv },
	{ MSCHAPV2_PROVING, OP_SUCCESS, MSCHAPV2_PROVED, success_recv },
	{ MSCHAPV2_PROVING, OP_FAILURE, MSCHAPV2_PROVING, failure_recv },
};

static const struct row *row_find(enum mschapv2_state state, uint8_t opcode)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].state == state && rows[i].opcode == opcode)
			return &rows[i];
	return NULL;
}

static enum eap_step out_of_order(const struct eap *x, uint8_t opcode, struct eap_result *r)
{
	static const char *const where[] = {
		[MSCHAPV2_START] = "at the beginning",
		[MSCHAPV2_PROVING] = "in answer to the Response",
		[MSCHAPV2_PROVED] = "after the Success",
		[MSCHAPV2_REFUSED] = "after the Failure",
	};
	const char *name = name_find(opcode_names, opcode);

	/* Whoever claims success out of turn wants to be trusted without proof. */
	err_set(&r->err, opcode == OP_SUCCESS ? ERR_AUTH : ERR_PEER,
		"the gateway sent an EAP-MSCHAPv2 %s (%u) %s",
		name ? name : "message of unknown kind", opcode, where[x->mschapv2]);
	return STEP_FAIL;
}

enum eap_step mschapv2_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r)
{
	struct message m = { .opcode = in->left ? in->p[0] : 0 };
	size_t whole = in->left;

	rd_u8(in);
	m.id = rd_u8(in);
	uint16_t len = rd_u16(in);
	if (in->bad || len != whole)
		return malformed(r, "packet");
	m.body = *in;
	const struct row *row = row_find(x->mschapv2, m.opcode);
	if (!row)
		return out_of_order(x, m.opcode, r);
	enum eap_step step = row->recv(x, &m, out, r);
	if (step == STEP_CONCEDE || step == STEP_FAIL)
		x->mschapv2 = MSCHAPV2_REFUSED;
	else if (step != STEP_ASK)
		x->mschapv2 = row->next;
	return step;
}
