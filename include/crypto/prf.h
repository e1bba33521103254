/*
 * Pseudorandom functions, prf+ (RFC 7296 section 2.13) and plain digests.
 */
#ifndef CRYPTO_PRF_H
#define CRYPTO_PRF_H

#include "base/bytes.h"
#include "crypto/alg.h"

/* out = prf(key, parts[0] | parts[1] | ...). out->len is the PRF's output size. */
bool prf(const struct alg *a, struct bytes key, const struct bytes *parts, size_t n_parts,
	struct secret *out, struct err *e) MUST_CHECK;
/* len octets of prf+(key, seed parts); at most 255 blocks. */
bool prf_plus(const struct alg *a, struct bytes key, const struct bytes *seed, size_t n_seed,
	uint8_t *out, size_t len, struct err *e) MUST_CHECK;

enum { DIGEST_MAX = 64 };
/* Digest by OpenSSL name ("SHA1", "SHA256", "MD5", "MD4": the last needs the legacy provider and
 * says so when it cannot be had). Returns the length in *len. */
bool digest(const char *name, const struct bytes *parts, size_t n_parts, uint8_t out[DIGEST_MAX],
	size_t *len, struct err *e) MUST_CHECK;

#endif
