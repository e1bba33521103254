/*
 * RSA keys of primes that are known: to look for primes takes a second each time, and under valgrind half a minute.
 * The keys of a size come in turns, so that one who asks twice has two.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "lib/pki.h"
#include "lib/test.h"

/* Both exponents go with them: none is 1 modulo 3, nor modulo 65537. */
static const struct {
	unsigned bits;
	const char *p, *q;
} primes[] = {
	{ 2048,
		"ecca1dd943c474577b86bdcd101154e9e3003171526c4d5cda5cf2508843ab8e"
		"1ed1c7a0da33b921f06a4b2bb7656d6a30a3589becb5005525f094a3e564b71f"
		"3f6985d4b2407f911009c18e5ac0111d99dcbc8a21e12e66109633d647b1847d"
		"4971419106f24d7eceb3f6bd9431081ba42d446284a6ea70876ea7916191b69b",
		"f5dc011a3eb24247fa9ce34329eba7fbfbed34fb0ecca388ff99a3201c70e883"
		"451fab568b5502b31eae16e7dbf051587701e19ac186e6b9dfb6980fc34a55e9"
		"c1b12e7c6475428ce694a0430919915d5e0eed22a7c00e8b6348470c27c04253"
		"5da5a9ce15c5c3547552ff6e5ebf6d82736912f9bfce0f34cfdd7211bc2ccc3d" },
	{ 2048,
		"c6ccc57ca2e21f408b019b158c5d3230acdbf1b8447638b4a332c6948c021c7d"
		"757d7780262c2c3ee92afaeb2450760e2439ab1f9996feda72f964b68cdd561a"
		"0209b14e5d94420754ae4975768732b1fb378358c504b02e198ea1a646bc2be8"
		"f4b794a72587c9e38e085a7ce1adab4e0a97e14733c1d4842667975507d94ee9",
		"f7715b9697afc4c1e7f53b039555a4f63fa9c2067899ed4d8c1289499a565d09"
		"5608e04b090ce90c3269b9eafd86c5b4d7eb2ae9e074a1808a3e71d2323b9ddc"
		"f1753f7ea0cfbadd3f1dc3e1d74b7a09116d5ed27cccd075ae1329b804427fda"
		"f08f89155dbec6dec64afb368f502ced84fd26ab991ae4f665d683962d4621ef" },
	{ 2048,
		"f0a722bd9653734d3a77cbbca1424d59987a2e4104fc1e9c6bff288e98be627e"
		"084dbe5085d66f178cfac04261c50dd952590853c4a625485a2578f6e2875253"
		"a337fc94e84970f384da0bcee13a731b30441d5e8be51a7624ad006aed1a7409"
		"6ee51661f1c3667a34fa3ecf12f4aebc95223718244627007689c4ec41fe9df9",
		"f2e541ab93169dc8722f62a96603b744a2c00f3d0664f7f94d6ede338f5962b0"
		"f215fd42b0916a6a47e94788b49c5772e608c633e780ca4cba517e870810b1d0"
		"e387e1c66fa348ba9f524dc783d06b1dc087a5a6bfb0d61379d193b73cae4ac6"
		"a09fc62d2bfbba1fe2fb297864c550da454c9e394b8bcc14df4b0bebf268752b" },
	{ 2048,
		"dadc474ccffaa335e41caed57bbef92b7cf3f59c8649580cf08de80acb19d59a"
		"fa5376024bb7f2ddd56d9d69c24b5e930e2e7539492d766f40a4a8f0ef43ec84"
		"66aa65c2a0a14887609afeb6e29e18684c820a7d6dbb8dc6c78ccf545d79a714"
		"a56a11ab3373d811fffcabb93c79012d08424f7a0646c6959239c66860d82337",
		"eb3dd1f08b8c031af24039b92377868e241fba45934b265effa9515d74a7b2ca"
		"13701ee668aad833ac9a56855438d44edac3b4f8fc7ffce2c35c3a22d28c5729"
		"e3075c6c921a180f80e5583e3281c8b3c553341dccc025c6157bccbbe190a278"
		"848d7543e9b2f40ab4b76e5317be85755a4bf191e60f3e2a3ba88a6c88a827c9" },
	{ 1024,
		"c753fea8271e93db8c00e40c53e3be51949ae927f49e09240153a60701d2b81a"
		"a64262220f3da280499c055608121528e5780fa5991cac9adfe11447548734e7",
		"e43c76e89240009aadc50b0de18b502925bf994f9bd57d038f6b4f776bd73ce1"
		"bc4709bb9c687868d8d88a04cfa1f520b492a3d4856e96de822da9efdb036fff" },
};

static BIGNUM *number(const char *hex)
{
	BIGNUM *n = NULL;

	assert_true(BN_hex2bn(&n, hex) > 0);
	return n;
}

static EVP_PKEY *key_of(const BIGNUM *p, const BIGNUM *q, BN_ULONG exponent)
{
	BN_CTX *bn = BN_CTX_new();
	BIGNUM *n = BN_new(), *e = BN_new(), *d = BN_new(), *phi = BN_new();
	BIGNUM *p1 = BN_dup(p), *q1 = BN_dup(q), *dp = BN_new(), *dq = BN_new(), *qi = BN_new();
	OSSL_PARAM_BLD *list = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	assert_true(BN_sub_word(p1, 1) && BN_sub_word(q1, 1) && BN_set_word(e, exponent) &&
		BN_mul(n, p, q, bn) && BN_mul(phi, p1, q1, bn) && BN_mod_inverse(d, e, phi, bn) &&
		BN_mod(dp, d, p1, bn) && BN_mod(dq, d, q1, bn) && BN_mod_inverse(qi, q, p, bn));
	const struct {
		const char *name;
		const BIGNUM *value;
	} numbers[] = { { OSSL_PKEY_PARAM_RSA_N, n }, { OSSL_PKEY_PARAM_RSA_E, e },
		{ OSSL_PKEY_PARAM_RSA_D, d }, { OSSL_PKEY_PARAM_RSA_FACTOR1, p },
		{ OSSL_PKEY_PARAM_RSA_FACTOR2, q }, { OSSL_PKEY_PARAM_RSA_EXPONENT1, dp },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT2, dq }, { OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qi } };
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		assert_int_equal(
			OSSL_PARAM_BLD_push_BN(list, numbers[i].name, numbers[i].value), 1);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(list);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(list);
	EVP_PKEY_CTX_free(ctx);
	BN_CTX_free(bn);
	BIGNUM *all[] = { n, e, d, phi, p1, q1, dp, dq, qi };
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		BN_free(all[i]);
	return key;
}

EVP_PKEY *pki_rsa(unsigned bits, unsigned long exponent)
{
	static size_t last;

	do
		last = (last + 1) % ARRAY_LEN(primes);
	while (primes[last].bits != bits);
	BIGNUM *p = number(primes[last].p), *q = number(primes[last].q);
	EVP_PKEY *key = key_of(p, q, exponent);
	BN_free(p);
	BN_free(q);
	return key;
}
