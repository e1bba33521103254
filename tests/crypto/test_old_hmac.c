/*
 * OpenSSL 3.0.0 to 3.0.2, as Ubuntu 22.04 has it, to which a HMAC that shall begin anew with its key is nothing to
 * do: this program's EVP_MAC_init, which libcrypto's stands behind, does the same.
 */
#define _GNU_SOURCE /* RTLD_NEXT */

#include <dlfcn.h>
#include <openssl/evp.h>
#include <string.h>

#include "crypto/cipher.h"
#include "crypto/prf.h"
#include "lib/test.h"

static unsigned not_done;

int EVP_MAC_init(
	EVP_MAC_CTX *ctx, const unsigned char *key, size_t keylen, const OSSL_PARAM params[])
{
	int (*real)(EVP_MAC_CTX *, const unsigned char *, size_t, const OSSL_PARAM *);

	if (!key) {
		not_done++;
		return 1;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "EVP_MAC_init");
	return real(ctx, key, keylen, params);
}

static void packets_one_after_the_other(void **state)
{
	const struct alg *encr = alg_find(TRANSFORM_ENCR, ENCR_AES_CBC, 128);
	const struct alg *integ = alg_find(TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, 0);
	struct secret key = { .len = 16 }, mac = { .len = 32 };
	uint8_t aad[8] = { 1 }, iv[16] = { 2 }, data[3][32] = { { 0 } }, icv[3][16];
	struct err e = { 0 };

	(void)state;
	struct cipher *out = cipher_new(encr, integ, &key, &mac, true, &e);
	struct cipher *in = cipher_new(encr, integ, &key, &mac, false, &e);
	assert_non_null(out);
	assert_non_null(in);
	assert_int_equal(not_done, 2); /* it was tried, once for each */
	for (size_t i = 0; i < 3; i++) {
		struct cipher_op op = { .aad = aad,
			.aad_len = sizeof(aad),
			.iv = iv,
			.data = data[i],
			.len = sizeof(data[i]),
			.icv = icv[i] };
		assert_true(cipher_seal(out, &op));
		assert_memory_equal(icv[i], icv[0], sizeof(icv[0]));
		assert_true(cipher_open(in, &op));
		icv[i][0] ^= 1;
		assert_false(cipher_open(in, &op));
		icv[i][0] ^= 1;
	}
	assert_int_equal(not_done, 2);
	cipher_free(out);
	cipher_free(in);
}

/* More than one block, each as prf() has it. */
static void blocks_one_after_the_other(void **state)
{
	const struct alg *a = alg_find(TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0);
	struct bytes key = { (const uint8_t *)"key", 3 }, seed = { (const uint8_t *)"seed", 4 };
	uint8_t out[96];
	struct secret block = { .len = 0 };
	struct err e = { 0 };

	(void)state;
	assert_true(prf_plus(a, key, &seed, 1, out, sizeof(out), &e));
	for (uint8_t i = 0; i < 3; i++) {
		uint8_t number = (uint8_t)(i + 1), last[32];
		memcpy(last, i > 0 ? out + (i - 1) * 32 : out, sizeof(last));
		struct bytes parts[] = { { last, i > 0 ? 32 : 0 }, seed, { &number, 1 } };
		assert_true(prf(a, key, parts, 3, &block, &e));
		assert_memory_equal(block.data, out + i * 32, 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_one_after_the_other),
		cmocka_unit_test(blocks_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
