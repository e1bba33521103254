#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "eap/chapv2.h"
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

enum { HEADER_LEN = 4 };

static const struct name opcode_names[] = {
	{ OP_CHALLENGE, "Challenge" },
	{ OP_RESPONSE, "Response" },
	{ OP_SUCCESS, "Success" },
	{ OP_FAILURE, "Failure" },
	{ 7, "Change-Password" },
	{ 0, NULL },
};

struct message {
	uint8_t opcode;
	uint8_t id;
	struct rd body;
};

/* A Response to a challenge of the gateway, from the Challenge or from a Failure. */
static enum eap_step respond(struct eap *x, const uint8_t challenge[MSCHAP_CHALLENGE_LEN],
	uint8_t id, struct wr *out, struct eap_result *r)
{
	const char *user = eap_user(x, r);
	const struct passphrase *password = user ? eap_password(x, r) : NULL;

	if (!password)
		return STEP_ASK;
	wr_u8(out, OP_RESPONSE);
	wr_u8(out, id);
	wr_u16(out, (uint16_t)(HEADER_LEN + 1 + CHAPV2_VALUE_LEN + strlen(user)));
	wr_u8(out, CHAPV2_VALUE_LEN);
	if (!chapv2_respond(challenge, user, password, x->rng, out, &x->mschap, &r->err))
		return STEP_FAIL;
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

static enum eap_step success_recv(
	struct eap *x, struct message *m, struct wr *out, struct eap_result *r)
{
	bool bad;

	if (!chapv2_proved(&x->mschap, (struct bytes){ m->body.p, m->body.left }, &bad)) {
		err_set(&r->err, ERR_AUTH,
			"the gateway did not prove that it knows the password of "
			"%s%s",
			x->shown, bad ? ": its EAP-MSCHAPv2 success is malformed" : "");
		return STEP_FAIL;
	}
	x->msk = x->mschap.msk;
	wipe(&x->mschap, sizeof(x->mschap));
	wr_u8(out, OP_SUCCESS);
	return STEP_LAST;
}

/* RFC 2759 section 9.1.4, [MS-CHAP] 3.2.5.4: where a retry is allowed the next Response, to the
 * challenge that the Failure brought, takes the place of the acknowledgement. Only a wrong password
 * gets better by another one. */
static enum eap_step failure_recv(
	struct eap *x, struct message *m, struct wr *out, struct eap_result *r)
{
	struct chapv2_failure f;

	chapv2_read_failure(&f, (struct bytes){ m->body.p, m->body.left });
	chapv2_failure_words(&f, x->shown, &x->reason);
	if (f.error == CHAPV2_WRONG_PASSWORD && f.retry && f.has_challenge &&
		x->tries < EAP_TRIES_MAX) {
		if (!x->answer) {
			r->err = x->reason;
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

	rd_u8(in);
	m.id = rd_u8(in);
	rd_u16(in); /* MS-Length: there are servers that put EAP's own length there, which goes anyway */
	if (in->bad)
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
