#include "crypto/cbc.h"

#include <limits.h>
#include <openssl/evp.h>

#include "ossl.h"

bool cbc_crypt(const struct alg *encr, const struct secret *key, const uint8_t *iv, uint8_t *data,
	size_t len, bool seal, struct err *e)
{
	if (encr->aead || encr->block_len < 2 || len % encr->block_len != 0 || len > INT_MAX ||
		key->len != encr->key_len)
		return err_set(
			e, ERR_BUG, "%s: %zu octets with a key of %zu", encr->iana, len, key->len);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, encr->ossl, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool ok = cipher && ctx &&
		EVP_CipherInit_ex2(ctx, cipher, key->data, iv, seal, NULL) == 1 &&
		EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		EVP_CipherUpdate(ctx, data, &n, data, (int)len) == 1 && n == (int)len;

	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return ok || ossl_err(e, ERR_LOCAL, encr->iana);
}
