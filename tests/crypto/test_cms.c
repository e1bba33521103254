#define _GNU_SOURCE /* memmem */
#include "crypto/cms.h"
#include "crypto/alg.h"
#include "lib/pki.h"
#include "lib/test.h"

#include <openssl/cms.h>
#include <stdlib.h>

#define TEXT "what is to be said"

static struct err err;
static EVP_PKEY *key;
static X509 *own;

static int setup(void **state)
{
	(void)state;
	assert_ok(&err, crypto_begin(&err));
	key = pki_key("RSA", "2048");
	/* It may be expired, and nobody has to know its issuer. */
	own = pki_issue(
		&(struct pki_spec){ .cn = "Office\n IT", .key = key, .from = -10, .to = -5 }, NULL,
		NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	X509_free(own);
	EVP_PKEY_free(key);
	crypto_exit();
	return 0;
}

static void write_out(struct pki_file *f, CMS_ContentInfo *cms, BIO *in, int flags)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *data;

	assert_non_null(cms);
	assert_int_equal(i2d_CMS_bio_stream(out, cms, in, flags), 1);
	f->len = (size_t)BIO_get_mem_data(out, &data);
	memcpy(f->data, data, f->len);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
}

static void sign(struct pki_file *f, const char *text, int flags)
{
	BIO *in = BIO_new_mem_buf(text, -1);

	write_out(f, CMS_sign(own, key, NULL, in, CMS_BINARY | flags), in, CMS_BINARY | flags);
}

static void signed_data_is_opened(void **state)
{
	static const int forms[] = { 0, CMS_STREAM, CMS_NOATTR };
	static struct pki_file f;
	char signer[CERT_TEXT_MAX];
	uint8_t *out;
	size_t n;
	(void)state;

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		sign(&f, TEXT, forms[i]);
		assert_ok(&err, cms_open(pki_bytes(&f), &out, &n, signer, &err));
		assert_int_equal(n, strlen(TEXT));
		assert_memory_equal(out, TEXT, n);
		assert_non_null(strstr(signer, "Office"));
		assert_null(strchr(signer, '\n'));
		free(out);
	}
}

static void refuses(const struct pki_file *f)
{
	char signer[CERT_TEXT_MAX];
	uint8_t *out;
	size_t n;

	assert_refused(&err, ERR_CONFIG, cms_open(pki_bytes(f), &out, &n, signer, &err));
}

static void what_was_changed_or_is_something_else_is_refused(void **state)
{
	static struct pki_file f;
	STACK_OF(X509) *to = sk_X509_new_null();
	(void)state;

	sign(&f, TEXT, 0);
	uint8_t *at = memmem(f.data, f.len, TEXT, strlen(TEXT));
	assert_non_null(at);
	*at ^= 1;
	refuses(&f);
	assert_non_null(strstr(err.text, "does not fit"));
	/* The signature's last octet. */
	sign(&f, TEXT, 0);
	f.data[f.len - 1] ^= 1;
	refuses(&f);
	/* Signed by whom? */
	sign(&f, TEXT, CMS_NOCERTS);
	refuses(&f);
	sign(&f, "", 0);
	refuses(&f);
	/* What is signed lies elsewhere. */
	sign(&f, TEXT, CMS_DETACHED);
	refuses(&f);
	sk_X509_push(to, own);
	BIO *in = BIO_new_mem_buf(TEXT, -1);
	write_out(&f, CMS_encrypt(to, in, EVP_aes_128_cbc(), CMS_BINARY), in, CMS_BINARY);
	refuses(&f);
	assert_non_null(strstr(err.text, "not signed"));
	sk_X509_free(to);
	f.len = 0;
	refuses(&f);
	f.len = 5;
	refuses(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signed_data_is_opened),
		cmocka_unit_test(what_was_changed_or_is_something_else_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
