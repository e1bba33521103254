/*
 * The one table of algorithms.
 *
 * A row holds everything that the program knows about an algorithm: the numbers it has in IKEv2,
 * in IKEv1 (phase 1 and phase 2), its names in proposals, at IANA, in OpenSSL and in the kernel,
 * its sizes, its strength, and from which security tier on it may be offered. Everybody else holds
 * a pointer to a row, which lives as long as the program. Sources: IANA "IKEv2 Parameters" and
 * "IPsec registry", RFC 8247 and 8221 (requirement levels), RFC 4106, 3686, 4309, 7634, FIPS 203 (sizes).
 */
#ifndef CRYPTO_ALG_H
#define CRYPTO_ALG_H

#include "base/err.h"
#include "base/types.h"

/* Transform types, RFC 7296 section 3.3.2. */
enum transform_type {
	TRANSFORM_ENCR = 1,
	TRANSFORM_PRF = 2,
	TRANSFORM_INTEG = 3,
	TRANSFORM_KE = 4,
	TRANSFORM_ESN = 5,
};

/* Transform IDs of IKEv2 that the code names; the table has them all. */
enum {
	ENCR_3DES = 3,
	ENCR_NULL = 11,
	ENCR_AES_CBC = 12,
	ENCR_AES_CTR = 13,
	ENCR_AES_CCM_8 = 14,
	ENCR_AES_CCM_12 = 15,
	ENCR_AES_CCM_16 = 16,
	ENCR_AES_GCM_8 = 18,
	ENCR_AES_GCM_12 = 19,
	ENCR_AES_GCM_16 = 20,
	ENCR_CHACHA20_POLY1305 = 28,
	PRF_HMAC_MD5 = 1,
	PRF_HMAC_SHA1 = 2,
	PRF_HMAC_SHA2_256 = 5,
	PRF_HMAC_SHA2_384 = 6,
	PRF_HMAC_SHA2_512 = 7,
	AUTH_HMAC_MD5_96 = 1,
	AUTH_HMAC_SHA1_96 = 2,
	AUTH_HMAC_SHA2_256_128 = 12,
	AUTH_HMAC_SHA2_384_192 = 13,
	AUTH_HMAC_SHA2_512_256 = 14,
	KE_MODP1024 = 2,
	KE_MODP1536 = 5,
	KE_MODP2048 = 14,
	KE_MODP3072 = 15,
	KE_MODP4096 = 16,
	KE_MODP6144 = 17,
	KE_MODP8192 = 18,
	KE_ECP256 = 19,
	KE_ECP384 = 20,
	KE_ECP521 = 21,
	KE_X25519 = 31,
	KE_X448 = 32,
	KE_ML_KEM_512 = 35,
	KE_ML_KEM_768 = 36,
	KE_ML_KEM_1024 = 37,
	ESN_NO = 0,
	ESN_YES = 1,
};

struct key;
struct trust;

/* `security` of the profile: a row is offered and accepted from its tier on. */
enum tier { TIER_DEFAULT, TIER_COMPAT, TIER_LEGACY };
/* As a profile says it. */
const char *tier_name(enum tier tier);

struct alg {
	enum transform_type type;
	uint16_t id; /* IKEv2 transform ID */
	uint16_t key_bits; /* the Key Length attribute; 0: the algorithm has none */
	const char *name; /* proposal notation: aes256gcm16, prfsha384, sha256, x25519, esn */
	const char *iana; /* ENCR_AES_GCM_16, ... as a person would look it up */
	uint16_t v1_ike; /* IKEv1 phase 1: encryption, hash or group number; 0: none */
	uint16_t v1_esp; /* IKEv1 phase 2: ESP transform or authentication attribute; 0: none */
	const char *ossl; /* what EVP fetches: cipher, digest, or group name */
	const char
		*kernel; /* XFRM's name: "rfc4106(gcm(aes))", "hmac(sha256)"; NULL: not in XFRM */
	uint16_t key_len; /* octets of key, without salt */
	uint8_t salt_len; /* octets of salt behind the key (RFC 4106 section 8.1) */
	uint8_t iv_len; /* octets of explicit IV on the wire */
	uint8_t block_len; /* plaintext is padded to a multiple of this; 1 for stream modes */
	uint16_t out_len; /* PRF output, INTEG or AEAD check value on the wire, KE public value */
	uint16_t reply_len; /* KE: the responder's value, where it is of another length */
	uint16_t strength; /* bits, for comparing a child SA with its IKE SA */
	enum tier ike_tier; /* first tier that may use it in IKE ... */
	enum tier esp_tier; /* ... and in ESP */
	bool aead;
	enum { ALG_NOT_ASKED, ALG_USABLE, ALG_MISSING } usable; /* for alg_usable */
};

/* Before all else: makes libcrypto begin with only what is used here. Fails (LOCAL) when AES, SHA-2 or
 * HMAC cannot be had. The legacy provider is not touched. */
bool crypto_begin(struct err *e) MUST_CHECK;
/* The same, and these are tried out; nobody but tests takes the time. */
bool crypto_init(struct err *e) MUST_CHECK;
/* What libcrypto does at first use it does now, while there is nothing to do but to wait. The first step
 * takes a third of a millisecond, the others one or two. WARM_SIGNATURE is worth its time only where there is
 * time. */
enum warm {
	WARM_HMAC,
	WARM_TABLES, /* of its ciphers and key exchanges, and its random generator */
	WARM_KEY, /* what own, if not NULL, needs before it signs */
	WARM_SIGNATURE, /* one of own, if it is an RSA key: the next takes a third of the first one's time */
	WARM_TRUST, /* what trust, if not NULL, needs before a chain is followed */
	WARM_LOGIN, /* what MS-CHAPv2 needs, if mschap */
	WARM_STEPS
};
struct warm_for {
	const struct key *own;
	struct trust *trust;
	bool mschap;
};
void crypto_warm(enum warm step, const struct warm_for *what);
void crypto_exit(void);
/* Whether this OpenSSL has it: an algorithm that is not there drops out of the proposals. */
bool alg_usable(const struct alg *a);
/* Whether it does what it should: it is tried out, all but key exchanges, which must only be there. */
bool alg_works(const struct alg *a);

/* No row of the table: "no key exchange", as one choice among groups. */
extern const struct alg alg_ke_none;
/* NULL when there is no such row. key_bits 0 finds the row without a Key Length attribute. */
const struct alg *alg_find(enum transform_type type, uint16_t id, uint16_t key_bits);
const struct alg *alg_by_name(enum transform_type type, const char *name);
/* Row number i of the table, NULL past its end. */
const struct alg *alg_row(size_t i);
/* The INTEG row that goes with a PRF in the notation aes256-sha256-...: same hash; and back. */
const struct alg *alg_prf_of_integ(const struct alg *integ);
/* A key exchange that quantum computers are not known to break. */
bool alg_quantum_safe(const struct alg *a);
/* Weak by today's measure, whatever the tier: 3DES, MD5, SHA-1, MODP 1024 and 1536. */
bool alg_weak(const struct alg *a);

#endif
