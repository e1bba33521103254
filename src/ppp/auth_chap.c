#include "ppp_private.h"

#include <string.h>

#include "base/names.h"
#include "crypto/prf.h"
#include "eap/chapv2.h"

/* CHAP, RFC 1994 section 4, with MD5 or as MS-CHAPv2 (RFC 2759):
 *
 *	                       <--  Challenge: size, challenge, name of the gateway
 *	Response: size, value, name of the user  -->
 *	                       <--  Success or Failure: text
 *
 * The gateway may challenge us again at any time. */

enum { CHAP_CHALLENGE = 1, CHAP_RESPONSE = 2, CHAP_SUCCESS = 3, CHAP_FAILURE = 4 };
enum { MS_CHAP_VERSION = 3 }; /* V= of a Failure, RFC 2759 section 6 */

/* MD5(identifier | password | challenge), RFC 1994 section 4.1 */
static bool write_md5(struct ppp *p, const struct passphrase *password, struct wr *w, struct err *e)
{
	struct bytes parts[] = { { &p->auth.challenge_id, 1 }, { password->text, password->len },
		{ p->auth.challenge, p->auth.challenge_len } };
	uint8_t hash[DIGEST_MAX];
	size_t n;

	if (!digest("MD5", parts, ARRAY_LEN(parts), hash, &n, e))
		return false;
	wr_u8(w, (uint8_t)n);
	wr_bytes(w, hash, n);
	return true;
}

static bool write_mschapv2(struct ppp *p, const char *user, const struct passphrase *password,
	struct wr *w, struct err *e)
{
	wr_u8(w, CHAPV2_VALUE_LEN);
	p->auth.proof_open =
		chapv2_respond(p->auth.challenge, user, password, p->rng, w, &p->auth.mschap, e);
	return p->auth.proof_open;
}

void chap_respond(struct ppp *p, struct outbox *ob)
{
	uint8_t room[1 + CHAPV2_VALUE_LEN + EAP_USER_MAX];
	struct wr w = wr_init(room, sizeof(room));
	const char *user = auth_user(p, ob);
	const struct passphrase *password = user ? auth_password(p, ob) : NULL;
	struct err e;

	if (!password)
		return;
	bool ok = p->auth.way == PPP_AUTH_MSCHAPV2 ? write_mschapv2(p, user, password, &w, &e) :
						     write_md5(p, password, &w, &e);
	if (!ok) {
		ppp_fail(p, &e);
		return;
	}
	wr_bytes(&w, user, strlen(user));
	p->auth.passwords++;
	auth_send(p, CHAP_RESPONSE, p->auth.challenge_id, (struct bytes){ room, w.len });
}

/* --- what the gateway says ------------------------------------------------------------------------ */

static void fail(struct ppp *p, enum err_kind kind, const char *before, const char *behind)
{
	struct err e;

	err_set(&e, kind, "%s%s%s", before, p->auth.shown, behind);
	ppp_fail(p, &e);
}

static void recv_challenge(struct ppp *p, const struct cp_packet *k, struct outbox *ob)
{
	struct auth *a = &p->auth;
	struct rd r = rd_init(k->data.p, k->data.n);
	size_t size = rd_u8(&r);
	const uint8_t *challenge = rd_bytes(&r, size);
	bool bad = !challenge || size == 0 ||
		(a->way == PPP_AUTH_MSCHAPV2 && size != MSCHAP_CHALLENGE_LEN);

	if (bad) {
		fail(p, ERR_PEER, "the gateway's CHAP challenge is malformed", "");
		return;
	}
	if (a->packet_len > 0 && k->id == a->challenge_id && size == a->challenge_len &&
		memcmp(challenge, a->challenge, size) == 0) {
		auth_repeat(p); /* our Response was lost */
		return;
	}
	a->challenge_id = k->id;
	a->challenge_len = size;
	memcpy(a->challenge, challenge, size);
	a->packet_len = 0;
	chap_respond(p, ob);
}

static void recv_success(struct ppp *p, const struct cp_packet *k)
{
	bool malformed;

	if (p->auth.way == PPP_AUTH_MSCHAPV2 && !p->auth.proof_open)
		return; /* once more; the first one counted */
	if (p->auth.way == PPP_AUTH_MSCHAPV2 &&
		!chapv2_proved(&p->auth.mschap, k->data, &malformed)) {
		fail(p, ERR_AUTH, "the gateway did not prove that it knows the password of ",
			malformed ? ": its MS-CHAPv2 success is malformed" : "");
		return;
	}
	p->auth.proof_open = false;
	wipe(&p->auth.mschap, sizeof(p->auth.mschap));
	auth_done(p);
}

/* RFC 2759 sections 6 and 9.1.4. A server of another version than 3 hangs up whatever it says of
 * retries (pppd): there is nothing to ask the user for. */
static bool may_retry(const struct ppp *p, const struct chapv2_failure *f)
{
	return f->error == CHAPV2_WRONG_PASSWORD && f->retry && f->has_challenge &&
		f->version == MS_CHAP_VERSION && p->auth.passwords < AUTH_PASSWORDS;
}

static void recv_mschapv2_failure(struct ppp *p, const struct cp_packet *k, struct outbox *ob)
{
	struct auth *a = &p->auth;
	struct chapv2_failure f;

	chapv2_read_failure(&f, k->data);
	chapv2_failure_words(&f, a->shown, &a->reason);
	if (!may_retry(p, &f)) {
		ppp_fail(p, &a->reason);
		return;
	}
	outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s", a->reason.text);
	passphrase_wipe(&a->password);
	a->password_own = false;
	a->password_refused = true;
	a->challenge_id = (uint8_t)(k->id + 1);
	a->challenge_len = sizeof(f.challenge);
	memcpy(a->challenge, f.challenge, sizeof(f.challenge));
	a->packet_len = 0;
	a->proof_open = false;
	chap_respond(p, ob);
}

static void recv_md5_failure(struct ppp *p, const struct cp_packet *k)
{
	char text[160];
	struct err e;

	text_safe(text, sizeof(text), k->data.p, k->data.n);
	err_set(&e, ERR_PEER,
		"the gateway refused %s: the user name or the password is wrong, or CHAP is "
		"not allowed for the account%s%s%s",
		p->auth.shown, text[0] ? ". It says \"" : "", text, text[0] ? "\"" : "");
	ppp_fail(p, &e);
}

void chap_input(struct ppp *p, struct bytes info, struct outbox *ob)
{
	struct cp_packet k;

	if (!cp_read(&k, info))
		return;
	if (k.code == CHAP_CHALLENGE) {
		recv_challenge(p, &k, ob);
		return;
	}
	/* Section 4.2: the verdict is on a Response of ours, by identifier. */
	if (p->auth.packet_len == 0 || k.id != p->auth.id)
		return;
	if (k.code == CHAP_SUCCESS)
		recv_success(p, &k);
	else if (k.code == CHAP_FAILURE && p->auth.way == PPP_AUTH_MSCHAPV2)
		recv_mschapv2_failure(p, &k, ob);
	else if (k.code == CHAP_FAILURE)
		recv_md5_failure(p, &k);
}
