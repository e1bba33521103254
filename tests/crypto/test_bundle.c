/*
 * A bundle of CA certificates gives what is asked for, and no more.
 */
#include "../../src/crypto/bundle.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/alg.h"
#include "lib/pki.h"
#include "lib/test.h"

enum { CAS = 30 };

static EVP_PKEY *key;
static X509 *cas[CAS], *middle; /* middle is below the first */
static struct err e;

static X509 *authority(const char *cn, X509 *issuer)
{
	return pki_issue(&(struct pki_spec){ .cn = cn, .key = key, .ca = true }, issuer, key);
}

static int setup(void **state)
{
	char name[32];

	(void)state;
	if (!crypto_init(&e))
		return -1;
	key = pki_key("EC", "P-256");
	for (unsigned i = 0; i < CAS; i++) {
		snprintf(name, sizeof(name), "CA number %u", i);
		cas[i] = authority(name, NULL);
	}
	middle = authority("a CA below another", cas[0]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CAS; i++)
		X509_free(cas[i]);
	X509_free(middle);
	EVP_PKEY_free(key);
	crypto_exit();
	return 0;
}

/* All of them in a file, and what comes behind; NULL: the file alone is read. */
static struct bundle *read_with(const char *behind)
{
	char path[] = "/tmp/test_bundle.XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	assert_non_null(f);
	fputs("# text that does not matter\n", f);
	for (unsigned i = 0; i < CAS; i++)
		assert_int_equal(PEM_write_X509(f, cas[i]), 1);
	assert_int_equal(PEM_write_X509(f, middle), 1);
	fputs(behind, f);
	fclose(f);
	struct bundle *b = bundle_read(path);
	unlink(path);
	return b;
}

static int held(X509_STORE *store)
{
	return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

static void what_is_asked_for(void **state)
{
	struct bundle *b = read_with("");
	X509_STORE *store = X509_STORE_new();

	(void)state;
	assert_non_null(b);
	for (unsigned again = 0; again < 2; again++) {
		bundle_find(b, X509_get_subject_name(cas[7]), store);
		assert_int_equal(held(store), 1);
	}
	/* with the one that it is below */
	bundle_find(b, X509_get_subject_name(middle), store);
	assert_int_equal(held(store), 3);
	X509_NAME *nobody = X509_NAME_new();
	bundle_find(b, nobody, store);
	assert_int_equal(held(store), 3);
	X509_NAME_free(nobody);
	X509_STORE_free(store);
	bundle_free(b);
}

/* RFC 5280 section 7.1: another type of string and other capitals are the same name. */
static void same_name_written_otherwise(void **state)
{
	struct bundle *b = read_with("");
	X509_STORE *store = X509_STORE_new();
	X509_NAME *name = X509_NAME_dup(X509_get_subject_name(cas[9]));
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

	(void)state;
	X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, at));
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_PRINTABLESTRING,
				 (const uint8_t *)"ca NUMBER  9", -1, at, 0),
		1);
	bundle_find(b, name, store);
	assert_int_equal(held(store), 1);
	X509_NAME_free(name);
	X509_STORE_free(store);
	bundle_free(b);
}

/* OpenSSL itself is left to read what is more than that. */
static void other_files(void **state)
{
	static const char *const behind[] = {
		"-----BEGIN TRUSTED CERTIFICATE-----\nMIIB\n-----END TRUSTED CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nMIIB",
		"-----BEGIN CERTIFICATE-----\n*?*?\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(behind); i++)
		assert_null(read_with(behind[i]));
	assert_null(bundle_read("/nonexistent"));
	assert_null(bundle_read("/dev/null"));
}

/* A block that is no certificate is passed over. */
static void rubbish_among_them(void **state)
{
	char block[512] = "-----BEGIN CERTIFICATE-----\n";
	X509_STORE *store = X509_STORE_new();

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		strcat(block, "MIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIB\n");
	strcat(block, "-----END CERTIFICATE-----\n");
	struct bundle *b = read_with(block);
	assert_non_null(b);
	bundle_find(b, X509_get_subject_name(cas[CAS - 1]), store);
	assert_int_equal(held(store), 1);
	X509_STORE_free(store);
	bundle_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_for),
		cmocka_unit_test(same_name_written_otherwise),
		cmocka_unit_test(other_files),
		cmocka_unit_test(rubbish_among_them),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
