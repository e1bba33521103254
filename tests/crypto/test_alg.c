#include "../../src/crypto/ossl.h"

#include <openssl/core_dispatch.h>

#include "crypto/alg.h"
#include "lib/test.h"

static const struct alg *get(enum transform_type type, const char *name)
{
	const struct alg *a = alg_by_name(type, name);

	if (!a)
		fail_msg("no algorithm %s", name);
	return a;
}

static void rows_are_found_again(void **state)
{
	const struct alg *a;
	size_t i;

	(void)state;
	for (i = 0; (a = alg_row(i)); i++) {
		assert_ptr_equal(alg_find(a->type, a->id, a->key_bits), a);
		assert_ptr_equal(alg_by_name(a->type, a->name), a);
		assert_non_null(a->iana);
	}
	assert_int_equal(i, 53);
	assert_null(alg_find(TRANSFORM_ENCR, ENCR_AES_CBC, 0));
	assert_null(alg_find(TRANSFORM_ENCR, ENCR_NULL, 0));
	assert_null(alg_find(TRANSFORM_ENCR, 2, 0)); /* DES is not there at all */
	assert_null(alg_by_name(TRANSFORM_ENCR, "sha256"));
}

static void names_and_numbers(void **state)
{
	static const struct {
		enum transform_type type;
		const char *name;
		uint16_t id, bits;
	} all[] = {
		{ TRANSFORM_ENCR, "aes256", 12, 256 },
		{ TRANSFORM_ENCR, "aes128ctr", 13, 128 },
		{ TRANSFORM_ENCR, "aes192gcm16", 20, 192 },
		{ TRANSFORM_ENCR, "aes256gcm12", 19, 256 },
		{ TRANSFORM_ENCR, "aes128gcm8", 18, 128 },
		{ TRANSFORM_ENCR, "aes256ccm16", 16, 256 },
		{ TRANSFORM_ENCR, "aes128ccm12", 15, 128 },
		{ TRANSFORM_ENCR, "aes192ccm8", 14, 192 },
		{ TRANSFORM_ENCR, "chacha20poly1305", 28, 0 },
		{ TRANSFORM_ENCR, "3des", 3, 0 },
		{ TRANSFORM_PRF, "prfsha256", 5, 0 },
		{ TRANSFORM_PRF, "prfmd5", 1, 0 },
		{ TRANSFORM_INTEG, "sha384", 13, 0 },
		{ TRANSFORM_INTEG, "SHA1", 2, 0 },
		{ TRANSFORM_INTEG, "sha2_512", 14, 0 },
		{ TRANSFORM_KE, "modp2048", 14, 0 },
		{ TRANSFORM_KE, "ecp521", 21, 0 },
		{ TRANSFORM_KE, "curve25519", 31, 0 },
		{ TRANSFORM_KE, "curve448", 32, 0 },
		{ TRANSFORM_ESN, "esn", 1, 0 },
		{ TRANSFORM_ESN, "noesn", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const struct alg *a = get(all[i].type, all[i].name);
		assert_int_equal(a->id, all[i].id);
		assert_int_equal(a->key_bits, all[i].bits);
	}
}

static void sizes(void **state)
{
	const struct alg *gcm = get(TRANSFORM_ENCR, "aes256gcm16");
	const struct alg *ccm = get(TRANSFORM_ENCR, "aes128ccm8");
	const struct alg *ctr = get(TRANSFORM_ENCR, "aes192ctr"),
			 *cbc = get(TRANSFORM_ENCR, "aes128");
	const struct alg *sha512 = get(TRANSFORM_INTEG, "sha512"),
			 *p521 = get(TRANSFORM_KE, "ecp521");

	(void)state;
	assert_true(gcm->aead && gcm->key_len == 32 && gcm->salt_len == 4 && gcm->iv_len == 8 &&
		gcm->out_len == 16 && gcm->block_len == 1);
	assert_true(ccm->aead && ccm->key_len == 16 && ccm->salt_len == 3 && ccm->iv_len == 8 &&
		ccm->out_len == 8);
	assert_true(!ctr->aead && ctr->key_len == 24 && ctr->salt_len == 4 && ctr->iv_len == 8 &&
		ctr->block_len == 1);
	assert_true(!cbc->aead && cbc->salt_len == 0 && cbc->iv_len == 16 && cbc->block_len == 16);
	assert_true(sha512->key_len == 64 && sha512->out_len == 32);
	assert_int_equal(p521->out_len, 132);
}

/* ESP's padding is computed without a division. */
static void blocks_are_powers_of_two(void **state)
{
	const struct alg *a;

	(void)state;
	for (size_t i = 0; (a = alg_row(i)); i++)
		if (a->type == TRANSFORM_ENCR)
			assert_true(a->block_len > 0 && (a->block_len & (a->block_len - 1)) == 0);
}

static void tiers(void **state)
{
	static const char *const legacy_ke[] = { "modp1024", "modp1536" };
	const struct alg *a;

	(void)state;
	assert_int_equal(get(TRANSFORM_ENCR, "aes256gcm16")->ike_tier, TIER_DEFAULT);
	assert_int_equal(get(TRANSFORM_INTEG, "sha1")->ike_tier, TIER_COMPAT);
	assert_int_equal(get(TRANSFORM_INTEG, "sha1")->esp_tier, TIER_COMPAT);
	assert_int_equal(get(TRANSFORM_PRF, "prfsha1")->ike_tier, TIER_COMPAT);
	assert_int_equal(get(TRANSFORM_INTEG, "md5")->esp_tier, TIER_LEGACY);
	for (size_t i = 0; i < ARRAY_LEN(legacy_ke); i++)
		assert_int_equal(get(TRANSFORM_KE, legacy_ke[i])->ike_tier, TIER_LEGACY);
	/* Nothing weak is offered unless the profile says so. */
	for (size_t i = 0; (a = alg_row(i)); i++)
		if (alg_weak(a))
			assert_true(a->ike_tier > TIER_DEFAULT && a->esp_tier > TIER_DEFAULT);
	assert_true(alg_weak(get(TRANSFORM_ENCR, "3des")));
	assert_false(alg_weak(get(TRANSFORM_KE, "modp2048")));
}

static void prf_of_the_same_hash(void **state)
{
	(void)state;
	assert_ptr_equal(
		alg_prf_of_integ(get(TRANSFORM_INTEG, "sha384")), get(TRANSFORM_PRF, "prfsha384"));
	assert_ptr_equal(
		alg_prf_of_integ(get(TRANSFORM_INTEG, "md5")), get(TRANSFORM_PRF, "prfmd5"));
}

static void old_numbers(void **state)
{
	(void)state;
	assert_int_equal(get(TRANSFORM_ENCR, "aes128")->v1_ike, 7);
	assert_int_equal(get(TRANSFORM_ENCR, "3des")->v1_ike, 5);
	assert_int_equal(get(TRANSFORM_ENCR, "3des")->v1_esp, 3);
	assert_int_equal(get(TRANSFORM_PRF, "prfsha256")->v1_ike, 4);
	assert_int_equal(get(TRANSFORM_INTEG, "sha256")->v1_esp, 5);
	assert_int_equal(get(TRANSFORM_KE, "modp1024")->v1_ike, 2);
	assert_int_equal(get(TRANSFORM_KE, "x25519")->v1_ike, 31);
}

/* Looked up by any of a row's names, whole, whatever the case. */
static void names_in_openssl(void **state)
{
	(void)state;
	assert_true(ossl_has(OSSL_OP_CIPHER, "AES-256-GCM"));
	assert_true(ossl_has(OSSL_OP_CIPHER, "id-aes256-gcm"));
	assert_true(ossl_has(OSSL_OP_DIGEST, "SHA256"));
	assert_true(ossl_has(OSSL_OP_MAC, "hmac"));
	assert_false(ossl_has(OSSL_OP_CIPHER, "AES-256-GC"));
	assert_false(ossl_has(OSSL_OP_CIPHER, "AES-256-GCM:id-aes256-GCM"));
	assert_false(ossl_has(OSSL_OP_CIPHER, ""));
	assert_false(ossl_has(OSSL_OP_DIGEST, "AES-256-GCM"));
}

static void this_openssl_can_do_all(void **state)
{
	const struct alg *a;

	(void)state;
	for (size_t i = 0; (a = alg_row(i)); i++)
		if ((!alg_usable(a) || !alg_works(a)) && !alg_quantum_safe(a))
			fail_msg("%s does not work here", a->name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_found_again),
		cmocka_unit_test(names_and_numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(blocks_are_powers_of_two),
		cmocka_unit_test(tiers),
		cmocka_unit_test(prf_of_the_same_hash),
		cmocka_unit_test(old_numbers),
		cmocka_unit_test(names_in_openssl),
		cmocka_unit_test(this_openssl_can_do_all),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, test_crypto_teardown);
}
