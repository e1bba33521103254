/*
 * A cipher of OpenSSL's, by the functions of its provider (provider-cipher(7)) and without EVP in between,
 * which looks up for each packet, by name, what was known with the key: with AES-GCM that takes a tenth of
 * the time of a packet, and more of one that is opened.
 *
 * One direction and one key at a time; nothing is padded.
 */
#ifndef CRYPTO_DIRECT_H
#define CRYPTO_DIRECT_H

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct direct {
	EVP_CIPHER *cipher; /* keeps the provider */
	void *ctx;
	OSSL_FUNC_cipher_encrypt_init_fn
		*init; /* or the one for decryption: the type is the same */
	OSSL_FUNC_cipher_update_fn *update;
	OSSL_FUNC_cipher_final_fn *final;
	OSSL_FUNC_cipher_get_ctx_params_fn *get_params;
	OSSL_FUNC_cipher_set_ctx_params_fn *set_params;
	OSSL_FUNC_cipher_freectx_fn *free_ctx;
};

/* By its name, from the provider whose cipher EVP_CIPHER_fetch chooses. False: there is none, and OpenSSL's
 * queue may say why. */
bool direct_new(struct direct *d, const char *name, bool encrypt) MUST_CHECK;
/* Also after a direct_new that failed, and of zeros. */
void direct_free(struct direct *d);

bool direct_set(struct direct *d, const OSSL_PARAM *params) MUST_CHECK;
bool direct_key(struct direct *d, const uint8_t *key, size_t len) MUST_CHECK;
/* Where a packet begins. params, of an AEAD: the check value that has to come out; else NULL. */
bool direct_nonce(
	struct direct *d, const uint8_t *nonce, size_t len, const OSSL_PARAM *params) MUST_CHECK;
/* In place, whole blocks; false also where other than len octets come out. */
bool direct_data(struct direct *d, uint8_t *data, size_t len) MUST_CHECK;
/* Of an AEAD: what is authenticated only; data NULL: how much data there will be, which CCM wants to know. */
bool direct_aad(struct direct *d, const uint8_t *data, size_t len) MUST_CHECK;
/* The end of a packet; of one that is opened, whether it is authentic. */
bool direct_end(struct direct *d) MUST_CHECK;
bool direct_get(struct direct *d, OSSL_PARAM *params) MUST_CHECK;

#endif
