/*
 * The one decoder reads what OpenSSL reads with all of them, and nothing else.
 */
#define _GNU_SOURCE /* memmem */
#include "../../src/crypto/decode.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "crypto/alg.h"
#include "lib/pki.h"
#include "lib/test.h"

static struct bytes pkcs8_of(EVP_PKEY *key, uint8_t **der)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int n = i2d_PKCS8_PRIV_KEY_INFO(info, der);

	assert_true(n > 0);
	PKCS8_PRIV_KEY_INFO_free(info);
	return (struct bytes){ *der, (size_t)n };
}

/* It is the same key, private part and all: what it signs the other verifies. */
static void assert_same(EVP_PKEY *read, EVP_PKEY *key)
{
	uint8_t sig[1024];
	size_t len = sizeof(sig);
	EVP_MD_CTX *sign = EVP_MD_CTX_new(), *verify = EVP_MD_CTX_new();
	const char *digest =
		EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : "SHA256";

	assert_non_null(read);
	assert_int_equal(EVP_PKEY_eq(read, key), 1);
	assert_int_equal(EVP_DigestSignInit_ex(sign, NULL, digest, NULL, NULL, read, NULL), 1);
	assert_int_equal(EVP_DigestSign(sign, sig, &len, (const uint8_t *)"it", 2), 1);
	assert_int_equal(EVP_DigestVerifyInit_ex(verify, NULL, digest, NULL, NULL, key, NULL), 1);
	assert_int_equal(EVP_DigestVerify(verify, sig, len, (const uint8_t *)"it", 2), 1);
	EVP_MD_CTX_free(sign);
	EVP_MD_CTX_free(verify);
	EVP_PKEY_free(read);
}

static void pkcs8_of_every_type(void **state)
{
	static const char *const types[][2] = { { "RSA", "2048" }, { "EC", "P-256" },
		{ "EC", "P-384" }, { "ED25519", NULL }, { "ED448", NULL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		EVP_PKEY *key = pki_key(types[i][0], types[i][1]);
		uint8_t *der = NULL;
		assert_same(decode_pkcs8(pkcs8_of(key, &der)), key);
		OPENSSL_free(der);
		EVP_PKEY_free(key);
	}
}

static void own_form_of_rsa_and_ec(void **state)
{
	static const char *const types[][2] = { { "RSA", "2048" }, { "EC", "P-256" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		EVP_PKEY *key = pki_key(types[i][0], types[i][1]);
		uint8_t *der = NULL;
		int n = i2d_PrivateKey(key, &der);
		assert_true(n > 0);
		assert_same(decode_own_form(types[i][0], (struct bytes){ der, (size_t)n }), key);
		assert_null(decode_own_form(types[!i][0], (struct bytes){ der, (size_t)n }));
		OPENSSL_free(der);
		EVP_PKEY_free(key);
	}
}

/* Cut short, of a type that nobody knows, without a private key: no key comes of it, and no crash. */
static void what_is_no_key(void **state)
{
	EVP_PKEY *key = pki_key("EC", "P-256");
	uint8_t *der = NULL, *spki = NULL;
	struct bytes whole = pkcs8_of(key, &der);
	int n = i2d_PUBKEY(key, &spki);

	(void)state;
	for (size_t len = 0; len < whole.n; len++)
		assert_null(decode_pkcs8((struct bytes){ der, len }));
	assert_true(n > 0);
	assert_null(decode_pkcs8((struct bytes){ spki, (size_t)n }));
	uint8_t *oid = memmem(der, whole.n, "\x2a\x86\x48\xce\x3d\x02\x01", 7); /* id-ecPublicKey */
	assert_non_null(oid);
	oid[6] = 0x7f;
	assert_null(decode_pkcs8(whole));
	OPENSSL_free(der);
	OPENSSL_free(spki);
	EVP_PKEY_free(key);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pkcs8_of_every_type),
		cmocka_unit_test(own_form_of_rsa_and_ec),
		cmocka_unit_test(what_is_no_key),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, test_crypto_teardown);
}
