/*
 * What eap.c and the methods share: the state of one peer, and what a method may say.
 *
 * A method is one function: a request's type-data in, a response's type-data and a step out. When
 * it needs something from the user it returns STEP_ASK and changes nothing; the driver keeps the
 * request and hands it in once more when the answer is there, so a method never stops half way. (What
 * has gone through TLS cannot go through it again: tunnel.h says how that is kept.)
 */
#ifndef SRC_EAP_METHOD_H
#define SRC_EAP_METHOD_H

#include "crypto/mschap.h"
#include "eap/eap.h"

enum eap_step {
	STEP_IGNORE, /* silently discarded (RFC 3748); err says why */
	STEP_REPLY, /* out is the response, the method is not finished */
	STEP_LAST, /* out is the response, and the gateway may now say success */
	STEP_CONCEDE, /* out is the response that takes note of a failure; err says which */
	STEP_ASK, /* the question is in the result */
	STEP_FAIL, /* over, nothing is sent; err says why */
};

enum { EAP_TRIES_MAX = 3 }; /* passwords offered to one method, where the gateway lets us retry */

struct eap_method {
	uint8_t type;
	const char *word; /* in a profile; NULL where this program does not have the method */
	const char *name;
	enum eap_step (*request)(
		struct eap *x, struct rd *in, struct wr *out, struct eap_result *r);
};

enum eap_progress {
	PROGRESS_OPEN, /* no method has begun: Identity, Nak */
	PROGRESS_METHOD, /* in a method */
	PROGRESS_MAY_END, /* the method has nothing against a success */
	PROGRESS_CONCEDED, /* the method failed and said so: only a Failure can follow */
	PROGRESS_SUCCESS, /* over */
	PROGRESS_FAILURE, /* over */
};

enum eap_wanted { WANT_NOTHING, WANT_USER, WANT_PASSWORD, WANT_CODE };

enum mschapv2_state {
	MSCHAPV2_START, /* nothing seen yet */
	MSCHAPV2_PROVING, /* our response is out, the gateway's proof is not in */
	MSCHAPV2_PROVED, /* both sides know that the other has the password */
	MSCHAPV2_REFUSED, /* we took note of a failure */
};

struct eap_tunnel;

struct eap {
	const struct eap_config *config;
	struct rng *rng;
	enum eap_progress progress;
	const struct eap_method *method; /* in use, or NULL */
	unsigned n_methods; /* begun so far */
	unsigned rounds; /* requests seen */
	unsigned tries; /* passwords this method was given */
	uint8_t naked; /* type last refused with a Nak, 0: none */
	struct err reason; /* why PROGRESS_CONCEDED */

	enum eap_wanted wanted; /* the question that is open */
	const struct passphrase *answer; /* set while a request is read again with its answer */
	char user[EAP_USER_MAX]; /* "" until known */
	char shown[64]; /* the same for texts: safe to print, and cut */
	bool password_own; /* password is the user's answer, not the profile's */
	bool password_refused; /* the profile's password was tried in vain */
	struct passphrase password;

	struct secret msk;
	enum mschapv2_state mschapv2;
	struct mschap mschap; /* valid in MSCHAPV2_PROVING */
	struct eap_tunnel *tunnel; /* of a method over TLS, once it began; else NULL */

	uint8_t identifier; /* of the request that is being read */
	size_t request_len, response_len; /* the last ones; 0: none */
	uint8_t request[EAP_PACKET_MAX];
	uint8_t response[EAP_PACKET_MAX];
};

/* What the user gave, or NULL and the question in r: return STEP_ASK then. */
const char *eap_user(struct eap *x, struct eap_result *r);
const struct passphrase *eap_password(struct eap *x, struct eap_result *r);
/* The password in use was not accepted: the next eap_password asks for another. */
void eap_password_forget(struct eap *x);

enum eap_step md5_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r);
enum eap_step gtc_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r);
enum eap_step mschapv2_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r);
enum eap_step tls_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r);
enum eap_step peap_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r);
enum eap_step ttls_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r);

#endif
