/*
 * Plain CBC encryption of whole blocks, without integrity: IKEv1's way (RFC 2409 appendix B), which
 * proves a message by a HASH payload inside. Nothing that this decrypts may be believed before that
 * was checked; everything newer uses crypto/cipher.
 */
#ifndef CRYPTO_CBC_H
#define CRYPTO_CBC_H

#include "crypto/alg.h"

/* In place; len is a multiple of the algorithm's block_len, key of its key_len, iv of its iv_len. */
bool cbc_crypt(const struct alg *encr, const struct secret *key, const uint8_t *iv, uint8_t *data,
	size_t len, bool seal, struct err *e) MUST_CHECK;

#endif
