#include "crypto/cisco.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "ossl.h"

enum { BLOCK = 8 };

static bool sha1(uint8_t out[SHA_DIGEST_LENGTH], const uint8_t *data, size_t n)
{
	return EVP_Digest(data, n, out, NULL, EVP_sha1(), NULL) == 1;
}

/* Two hashes of the seed, the last octet of which is one and three more. */
static bool make_key(uint8_t key[2 * SHA_DIGEST_LENGTH], const uint8_t *seed)
{
	uint8_t at[SHA_DIGEST_LENGTH];

	memcpy(at, seed, sizeof(at));
	at[sizeof(at) - 1] += 1;
	if (!sha1(key, at, sizeof(at)))
		return false;
	at[sizeof(at) - 1] += 2;
	return sha1(key + sizeof(at), at, sizeof(at));
}

/* 3DES-CBC; the seed is the IV also, and what fills the last block is checked. */
static bool decrypt(uint8_t *out, int *len, const uint8_t *key, const uint8_t *iv, struct bytes in)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int more = 0;
	bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_des_ede3_cbc(), NULL, key, iv) == 1 &&
		EVP_DecryptUpdate(ctx, out, len, in.p, (int)in.n) == 1 &&
		EVP_DecryptFinal_ex(ctx, out + *len, &more) == 1;

	*len += more;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

bool cisco_reveal(char out[CISCO_HIDDEN_MAX], struct bytes hidden, struct err *e)
{
	uint8_t key[2 * SHA_DIGEST_LENGTH], sum[SHA_DIGEST_LENGTH];
	const uint8_t *seed = hidden.p;
	int len = 0;

	out[0] = 0;
	if (hidden.n < CISCO_HIDDEN_HEAD + BLOCK || hidden.n > CISCO_HIDDEN_MAX ||
		(hidden.n - CISCO_HIDDEN_HEAD) % BLOCK)
		return err_set(e, ERR_CONFIG, "it is no password as Cisco hides them");
	struct bytes rest = { seed + CISCO_HIDDEN_HEAD, hidden.n - CISCO_HIDDEN_HEAD };
	if (!sha1(sum, rest.p, rest.n) || CRYPTO_memcmp(sum, seed + sizeof(sum), sizeof(sum)) != 0)
		return err_set(e, ERR_CONFIG, "it is damaged: its checksum is another");
	bool ok = make_key(key, seed) && decrypt((uint8_t *)out, &len, key, seed, rest);
	OPENSSL_cleanse(key, sizeof(key));
	ossl_err(NULL, ERR_NONE, "");
	while (ok && len > 0 &&
		out[len - 1] == 0) /* some of its versions hide the string's end also */
		len--;
	out[ok ? len : 0] = 0;
	if (ok && strlen(out) == (size_t)len)
		return true;
	OPENSSL_cleanse(out, CISCO_HIDDEN_MAX);
	return err_set(e, ERR_CONFIG, "it is damaged");
}
