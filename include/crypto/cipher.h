/*
 * Authenticated encryption with one key in one direction, prepared once and used for every packet:
 * an AEAD, or CBC/CTR with an HMAC behind it (encrypt-then-MAC). IKE's SK payload and ESP both use it.
 */
#ifndef CRYPTO_CIPHER_H
#define CRYPTO_CIPHER_H

#include "crypto/alg.h"

struct cipher; /* owns OpenSSL contexts; used by one thread at a time */

/* encr_key is the key followed by the salt, as KEYMAT gives it. integ and integ_key are NULL with
 * an AEAD. NULL on failure (LOCAL: this OpenSSL cannot; BUG: sizes). */
struct cipher *cipher_new(const struct alg *encr, const struct alg *integ,
	const struct secret *encr_key, const struct secret *integ_key, bool seal,
	struct err *e) MUST_CHECK;
void cipher_free(struct cipher *c); /* wipes; NULL is fine */

size_t cipher_icv_len(const struct cipher *c);

/* One packet. What is authenticated is, in this order: aad, the IV and the data where the algorithm
 * is not an AEAD, tail. An AEAD takes the IV as part of its nonce and has no tail. */
struct cipher_op {
	const uint8_t *aad;
	size_t aad_len;
	const uint8_t *iv; /* the explicit IV, of the algorithm's iv_len */
	uint8_t *data; /* in place: plaintext <-> ciphertext, a multiple of block_len */
	size_t len;
	const uint8_t
		*tail; /* the high half of an extended sequence number (RFC 4303 2.2.1) or NULL */
	size_t tail_len;
	uint8_t *icv; /* written by seal, compared in constant time by open */
};

bool cipher_seal(struct cipher *c, const struct cipher_op *op) MUST_CHECK;
/* n packets, the same as one after the other; of AES-CBC they are worked on side by side. False: none of
 * them may be used. */
bool cipher_seal_many(struct cipher *c, const struct cipher_op *ops, size_t n) MUST_CHECK;
/* False: not authentic, or OpenSSL failed; data is then undefined and must not be looked at. */
bool cipher_open(struct cipher *c, const struct cipher_op *op) MUST_CHECK;

#endif
