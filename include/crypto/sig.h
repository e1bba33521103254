/*
 * Signatures as IKE uses them: RFC 7296 section 3.8 (methods 1, 9, 10, 11) and RFC 7427 (method 14,
 * Digital Signature, with the AlgorithmIdentifier in front). IKEv1 signs a hash (RFC 2409 5.1).
 */
#ifndef CRYPTO_SIG_H
#define CRYPTO_SIG_H

#include "base/bytes.h"
#include "crypto/cert.h"

/* Authentication methods, RFC 7296 section 3.8, RFC 4754, RFC 7427, RFC 7619. */
enum auth_method {
	AUTH_RSA = 1,
	AUTH_PSK = 2,
	AUTH_ECDSA_256 = 9,
	AUTH_ECDSA_384 = 10,
	AUTH_ECDSA_521 = 11,
	AUTH_NULL = 13,
	AUTH_DIGITAL_SIGNATURE = 14,
};

/* Hash algorithms of SIGNATURE_HASH_ALGORITHMS (RFC 7427 section 4, RFC 8420), as bits 1 << number. */
enum {
	SIGHASH_SHA1 = 1,
	SIGHASH_SHA2_256 = 2,
	SIGHASH_SHA2_384 = 3,
	SIGHASH_SHA2_512 = 4,
	SIGHASH_IDENTITY = 5
};

enum { SIG_MAX = 1024 + 80 }; /* RSA 8192 with an AlgorithmIdentifier in front */

/* Signs data with k. peer_hashes: bits of the hash algorithms that the peer announced, 0 when it
 * did not (then methods 1, 9, 10, 11 are used; RSA with SHA-1 when legacy_sha1, else SHA-256 is
 * impossible and the error says so). *method and out/len: the AUTH payload's content. */
bool sig_sign(const struct key *k, uint32_t peer_hashes, bool legacy_sha1, struct bytes data,
	uint8_t *method, uint8_t out[SIG_MAX], size_t *len, struct err *e) MUST_CHECK;

/* The same by RSASSA-PSS and SHA-256, which RFC 8247 section 3.2.1 wants and not all know: for an RSA key, where
 * sig_may_pss says that the peer announced what that takes. */
bool sig_may_pss(const struct key *k, uint32_t peer_hashes);
bool sig_sign_pss(const struct key *k, struct bytes data, uint8_t *method, uint8_t out[SIG_MAX],
	size_t *len, struct err *e) MUST_CHECK;

/* Verifies an AUTH payload's content with the certificate's key. SHA-1 and MD5 are refused in
 * method 14; in method 1 (RSA; RFC 7296 lets the signer choose the hash, SHA-1 by default) SHA-2 is
 * taken and SHA-1 only with legacy_sha1. RSA below 2048 bits or with e < 65537 is refused. Only a
 * verification that said exactly yes succeeds. used, when not NULL, receives what was used. AUTH on
 * failure. */
struct sig_used {
	const char *name; /* "RSA-PSS with SHA2-256" */
	bool sha1;
};
bool sig_verify(const struct cert *c, uint8_t method, bool legacy_sha1, struct bytes data,
	struct bytes sig, struct sig_used *used, struct err *e) MUST_CHECK;

/* IKEv1 signs HASH_I or HASH_R itself: with RSA as PKCS#1 without the hash's name around it (RFC 2409
 * section 5.1), with ECDSA as if it were the digest (RFC 4754). The certificate's or own key decides;
 * sig_v1_method names what it stands for: AUTH_RSA, AUTH_ECDSA_*, 0 for a key that IKEv1 cannot use. */
uint8_t sig_v1_method(const struct key *k);
bool sig_v1_sign(const struct key *k, struct bytes hash, uint8_t out[SIG_MAX], size_t *len,
	struct err *e) MUST_CHECK;
/* method: the one agreed on; a key of another kind is refused. AUTH on failure. */
bool sig_v1_verify(const struct cert *c, uint8_t method, struct bytes hash, struct bytes sig,
	struct err *e) MUST_CHECK;

/* The hashes that sig_verify can do, as SIGNATURE_HASH_ALGORITHMS bits. */
uint32_t sig_hashes(void);

#endif
