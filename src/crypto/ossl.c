#include "ossl.h"

#include <limits.h>
#include <openssl/core.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <string.h>
#include <strings.h>

bool ossl_err(struct err *e, enum err_kind kind, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return err_set(e, kind, "%s: %s", what, reason ? reason : "OpenSSL gives no reason");
}

/* Whether PEM_read_bio... failed because there is no other block; then nothing was wrong. */
static bool pem_end(void)
{
	unsigned long code = ERR_peek_last_error();

	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

bool ossl_pem_blocks(
	struct bytes file, bool (*each)(const char *name, struct bytes der, void *arg), void *arg)
{
	BIO *bio = file.n <= INT_MAX ? BIO_new_mem_buf(file.p, (int)file.n) : NULL;
	bool ok = bio != NULL;
	char *name, *header;
	uint8_t *der;
	long len;

	while (ok && PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
		ok = each(name, (struct bytes){ der, (size_t)len }, arg);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)len); /* it may have been a key */
	}
	ok = ok && pem_end();
	BIO_free(bio);
	return ok;
}

/* The digests that certificates are signed with, and the ciphers of private keys as OpenSSL wrote them
 * before PKCS#8: these two alone go by this table. */
void ossl_begin(void)
{
	const EVP_MD *const digests[] = { EVP_md5(), EVP_sha1(), EVP_sha224(), EVP_sha256(),
		EVP_sha384(), EVP_sha512(), EVP_sha512_224(), EVP_sha512_256(), EVP_sha3_224(),
		EVP_sha3_256(), EVP_sha3_384(), EVP_sha3_512() };
	const EVP_CIPHER *const ciphers[] = { EVP_aes_128_cbc(), EVP_aes_192_cbc(),
		EVP_aes_256_cbc(), EVP_des_ede_cbc(), EVP_des_ede3_cbc(), EVP_camellia_128_cbc(),
		EVP_camellia_192_cbc(), EVP_camellia_256_cbc(), EVP_aria_128_cbc(),
		EVP_aria_192_cbc(), EVP_aria_256_cbc() };

	OPENSSL_init_crypto(
		OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS, NULL);
	for (size_t i = 0; i < ARRAY_LEN(digests); i++)
		EVP_add_digest(digests[i]);
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
		EVP_add_cipher(ciphers[i]);
}

struct wanted {
	int operation;
	const char *name;
	bool fips, found;
};

/* names: "AES-256-GCM:id-aes256-GCM:2.16.840.1.101.3.4.1.46" */
bool ossl_is_called(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (;;) {
		size_t n = strcspn(names, ":");
		if (n == len && strncasecmp(names, name, n) == 0)
			return true;
		if (names[n] == 0)
			return false;
		names += n + 1;
	}
}

static int look_into(OSSL_PROVIDER *provider, void *arg)
{
	struct wanted *w = arg;
	int no_cache = 0;
	const OSSL_ALGORITHM *table =
		OSSL_PROVIDER_query_operation(provider, w->operation, &no_cache);

	for (const OSSL_ALGORITHM *a = table; a && a->algorithm_names && !w->found; a++)
		w->found = ossl_is_called(a->algorithm_names, w->name) &&
			(!w->fips ||
				(a->property_definition &&
					strstr(a->property_definition, "fips=yes")));
	OSSL_PROVIDER_unquery_operation(provider, w->operation, table);
	return 1;
}

bool ossl_has(int operation, const char *name)
{
	struct wanted w = { operation, name, EVP_default_properties_is_fips_enabled(NULL) == 1,
		false };

	OSSL_PROVIDER_do_all(NULL, look_into, &w);
	return w.found;
}

static OSSL_LIB_CTX *legacy_ctx;
static OSSL_PROVIDER *legacy_provider;

OSSL_LIB_CTX *ossl_legacy(struct err *e)
{
	if (legacy_ctx)
		return legacy_ctx;
	legacy_ctx = OSSL_LIB_CTX_new();
	if (legacy_ctx)
		legacy_provider = OSSL_PROVIDER_load(legacy_ctx, "legacy");
	if (!legacy_provider) {
		ossl_err(e, ERR_LOCAL,
			"OpenSSL's legacy provider (MD4 and DES, which MS-CHAP "
			"needs) cannot be loaded");
		ossl_legacy_free();
	}
	return legacy_ctx;
}

void ossl_legacy_free(void)
{
	if (legacy_provider)
		OSSL_PROVIDER_unload(legacy_provider);
	OSSL_LIB_CTX_free(legacy_ctx);
	legacy_provider = NULL;
	legacy_ctx = NULL;
}
