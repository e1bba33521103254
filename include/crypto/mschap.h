/*
 * The computations of MS-CHAPv2 (RFC 2759 section 8) and its keys (RFC 3079 section 3.4), for EAP and PPP.
 * They need MD4 and DES, which OpenSSL keeps in its legacy provider: it is loaded at first use, and
 * its absence is a LOCAL error that says so.
 */
#ifndef CRYPTO_MSCHAP_H
#define CRYPTO_MSCHAP_H

#include "base/err.h"
#include "base/secret.h"

enum {
	MSCHAP_CHALLENGE_LEN = 16,
	MSCHAP_RESPONSE_LEN = 24,
	MSCHAP_AUTH_TEXT_LEN = 42, /* "S=" and 40 hexadecimal digits */
	MSCHAP_MSK_LEN = 64,
};

struct mschap {
	uint8_t nt_response[MSCHAP_RESPONSE_LEN];
	char authenticator[MSCHAP_AUTH_TEXT_LEN + 1]; /* what the peer must send back */
	struct secret msk; /* RFC 3079 keys as EAP hands them on, the same on both ends: what the
	                    * client sends with (the authenticator's MasterReceiveKey), what it
	                    * receives with, zeros to 64 octets */
};

/* user without a domain part where the caller wants that; the password is UTF-8. */
bool mschap_compute(const uint8_t authenticator_challenge[16], const uint8_t peer_challenge[16],
	const char *user, const struct passphrase *password, struct mschap *out,
	struct err *e) MUST_CHECK;

/* Loads what that needs; when it cannot be had, mschap_compute says so. */
void mschap_warm(void);

#endif
