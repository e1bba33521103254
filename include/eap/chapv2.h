/*
 * What EAP-MSCHAPv2 and the CHAP of PPP share of MS-CHAPv2 (RFC 2759): the value of a Response, the
 * proof in a Success, and the text of a Failure. The computations are crypto/mschap's.
 */
#ifndef EAP_CHAPV2_H
#define EAP_CHAPV2_H

#include "base/bytes.h"
#include "crypto/mschap.h"
#include "crypto/rng.h"

enum {
	CHAPV2_VALUE_LEN =
		49, /* of a Response: peer challenge 16, reserved 8, NT response 24, flags 1 */
	CHAPV2_WRONG_PASSWORD = 691, /* ERROR_AUTHENTICATION_FAILURE */
};

/* Answers a challenge of the gateway: writes the value to out and keeps in m what the gateway's
 * proof must be. user is the whole name; only what is behind a domain is hashed (RFC 2759 section 4). */
bool chapv2_respond(const uint8_t challenge[MSCHAP_CHALLENGE_LEN], const char *user,
	const struct passphrase *password, struct rng *rng, struct wr *out, struct mschap *m,
	struct err *e) MUST_CHECK;
/* Does the text of a Success hold the proof (RFC 2759 sections 5 and 8.7)? */
bool chapv2_proved(const struct mschap *m, struct bytes text, bool *malformed) MUST_CHECK;

/* "E=691 R=1 C=00112233445566778899aabbccddeeff V=3 M=Try again" (RFC 2759 section 6). What is not
 * understood is left out: it is a failure whatever it says. */
struct chapv2_failure {
	uint32_t error, version;
	bool retry; /* R=1: another response may be sent ... */
	bool has_challenge; /* ... to this */
	uint8_t challenge[MSCHAP_CHALLENGE_LEN];
	struct bytes text; /* of the gateway, unchecked */
};

void chapv2_read_failure(struct chapv2_failure *f, struct bytes text);
/* A sentence of kind PEER. user is safe to print. */
void chapv2_failure_words(const struct chapv2_failure *f, const char *user, struct err *e);

#endif
