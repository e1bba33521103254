#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "crypto/cipher.h"
#include "crypto/ke.h"
#include "crypto/mschap.h"
#include "crypto/prf.h"
#include "ossl.h"

static bool test_prf(const struct alg *a)
{
	struct bytes part = { "test", 4 };
	struct secret out;

	return prf(a, part, &part, 1, &out, NULL);
}

/* What went in comes out again, and does not when one bit of the check value differs. */
static bool test_cipher_pair(struct cipher *seal, struct cipher *open)
{
	static const uint8_t plain[48] = "forty-eight octets are a multiple of any block.";
	uint8_t data[sizeof(plain)], icv[64], iv[16] = { 1, 2, 3 };
	struct cipher_op op = {
		.aad = plain, .aad_len = 8, .iv = iv, .data = data, .len = sizeof(data), .icv = icv
	};

	memcpy(data, plain, sizeof(data));
	if (!cipher_seal(seal, &op) || memcmp(data, plain, sizeof(data)) == 0)
		return false;
	if (!cipher_open(open, &op) || memcmp(data, plain, sizeof(data)) != 0)
		return false;
	if (!cipher_seal(seal, &op))
		return false;
	op.icv[0] ^= 1;
	return !cipher_open(open, &op);
}

/* encr alone when it is an AEAD, else with integ. */
static bool test_cipher(const struct alg *encr, const struct alg *integ)
{
	struct secret key = { .len = (size_t)encr->key_len + encr->salt_len };
	struct secret integ_key = { .len = integ ? integ->key_len : 0 };

	for (size_t i = 0; i < key.len; i++)
		key.data[i] = (uint8_t)(7 * i);
	if (encr->aead)
		integ = NULL;
	struct cipher *seal = cipher_new(encr, integ, &key, &integ_key, true, NULL);
	struct cipher *open = cipher_new(encr, integ, &key, &integ_key, false, NULL);
	bool ok = seal && open && test_cipher_pair(seal, open);
	cipher_free(seal);
	cipher_free(open);
	return ok;
}

bool alg_works(const struct alg *a)
{
	bool works = true;

	switch (a->type) {
	case TRANSFORM_ENCR:
		works = test_cipher(a, alg_find(TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, 0));
		break;
	case TRANSFORM_PRF:
		works = test_prf(a);
		break;
	case TRANSFORM_INTEG:
		works = test_cipher(alg_find(TRANSFORM_ENCR, ENCR_AES_CBC, 128), a);
		break;
	case TRANSFORM_KE:
		works = ke_has(a);
		break;
	case TRANSFORM_ESN:
		break;
	}
	ossl_err(NULL, ERR_NONE, "");
	return works;
}

static bool has(const struct alg *a)
{
	switch (a->type) {
	case TRANSFORM_ENCR:
		return ossl_has(OSSL_OP_CIPHER, a->ossl);
	case TRANSFORM_PRF:
	case TRANSFORM_INTEG:
		return ossl_has(OSSL_OP_MAC, "HMAC") && ossl_has(OSSL_OP_DIGEST, a->ossl);
	case TRANSFORM_KE:
		return ke_has(a);
	case TRANSFORM_ESN:
		return true;
	}
	return false;
}

bool alg_usable(const struct alg *a)
{
	if (a->usable == ALG_NOT_ASKED)
		alg_set_usable(a, has(a));
	return a->usable == ALG_USABLE;
}

/* --- beginning ------------------------------------------------------------------------------- */

/* Each of what nothing works without. */
static bool all_needed(bool (*good)(const struct alg *), struct err *e)
{
	static const struct {
		enum transform_type type;
		const char *name;
	} needed[] = { { TRANSFORM_ENCR, "aes128" }, { TRANSFORM_ENCR, "aes256gcm16" },
		{ TRANSFORM_PRF, "prfsha256" } };

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!good(alg_by_name(needed[i].type, needed[i].name)))
			return err_set(e, ERR_LOCAL,
				"this OpenSSL cannot do %s, without which nothing works",
				needed[i].name);
	return true;
}

bool crypto_begin(struct err *e)
{
	ossl_begin();
	return all_needed(alg_usable, e);
}

bool crypto_init(struct err *e)
{
	return crypto_begin(e) && all_needed(alg_works, e);
}

void crypto_warm(enum warm step, const struct warm_for *what)
{
	uint8_t octet[1];

	switch (step) {
	case WARM_HMAC:
		(void)!test_prf(alg_by_name(TRANSFORM_PRF, "prfsha256"));
		break;
	case WARM_TABLES:
		EVP_CIPHER_free(EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL));
		EVP_KEYEXCH_free(EVP_KEYEXCH_fetch(NULL, "X25519", NULL));
		(void)!RAND_bytes(octet, sizeof(octet));
		break;
	case WARM_KEY:
	case WARM_SIGNATURE:
		if (what->own)
			key_warm(what->own, step == WARM_SIGNATURE);
		break;
	case WARM_TRUST:
		if (what->trust)
			trust_warm(what->trust);
		break;
	case WARM_LOGIN:
		if (what->mschap)
			mschap_warm();
		break;
	case WARM_STEPS:
		break;
	}
	ossl_err(NULL, ERR_NONE, "");
}

void crypto_exit(void)
{
	ossl_legacy_free();
}
