#include <stdio.h>
#include <string.h>

#include "crypto/cipher.h"
#include "crypto/ke.h"
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

static bool test_row(const struct alg *a)
{
	switch (a->type) {
	case TRANSFORM_ENCR:
		return test_cipher(a, alg_find(TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, 0));
	case TRANSFORM_PRF:
		return test_prf(a);
	case TRANSFORM_INTEG:
		return test_cipher(alg_find(TRANSFORM_ENCR, ENCR_AES_CBC, 128), a);
	case TRANSFORM_KE:
		return ke_test(a);
	case TRANSFORM_ESN:
		return true;
	}
	return false;
}

bool alg_usable(const struct alg *a)
{
	if (a->tested == ALG_UNTESTED) {
		alg_set_tested(a, test_row(a));
		ossl_err(NULL, ERR_NONE, "");
	}
	return a->tested == ALG_WORKS;
}

bool crypto_init(struct err *e)
{
	static const struct {
		enum transform_type type;
		const char *name;
	} needed[] = { { TRANSFORM_ENCR, "aes128" }, { TRANSFORM_ENCR, "aes256gcm16" },
		{ TRANSFORM_ENCR, "chacha20poly1305" }, { TRANSFORM_INTEG, "sha256" },
		{ TRANSFORM_PRF, "prfsha256" } };

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!alg_usable(alg_by_name(needed[i].type, needed[i].name)))
			return err_set(e, ERR_LOCAL,
				"this OpenSSL cannot do %s, without which nothing works",
				needed[i].name);
	return true;
}

void crypto_exit(void)
{
	ossl_legacy_free();
}
