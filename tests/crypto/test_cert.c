#define _GNU_SOURCE /* memmem */
#include "crypto/cert.h"
#include "crypto/alg.h"
#include "lib/test.h"
#include "lib/pki.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static struct err err;
static EVP_PKEY *root_key, *mid_key, *leaf_key;
static X509 *root, *mid, *leaf;

static int setup(void **state)
{
	(void)state;
	/* With no more names of ciphers than the program has. */
	assert_ok(&err, crypto_begin(&err));
	root_key = pki_key("EC", "P-256");
	mid_key = pki_key("EC", "P-256");
	leaf_key = pki_key("EC", "P-256");
	root = pki_issue(
		&(struct pki_spec){ .cn = "Root", .key = root_key, .ca = true }, NULL, NULL);
	mid = pki_issue(
		&(struct pki_spec){ .cn = "Middle", .key = mid_key, .ca = true }, root, root_key);
	leaf = pki_issue(
		&(struct pki_spec){ .cn = "gw.example",
			.key = leaf_key,
			.ou = "a, \"b\" + c",
			.san = "DNS:vpn.example,DNS:*.wild.example,IP:192.0.2.1,IP:2001:db8::1,"
			       "email:admin@example.org",
			.usage = "critical,digitalSignature",
			.extended = "serverAuth" },
		mid, mid_key);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	X509_free(root);
	X509_free(mid);
	X509_free(leaf);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(mid_key);
	EVP_PKEY_free(leaf_key);
	crypto_exit();
	return 0;
}

/* --- what a certificate says */

static void octets_of_a_certificate(void **state)
{
	struct pki_file f = { .len = 0 };
	struct cert *c = pki_cert(leaf);

	(void)state;
	pki_der_cert(&f, leaf);
	assert_int_equal(cert_der(c).n, f.len);
	assert_memory_equal(cert_der(c).p, f.data, f.len);
	cert_free(c);
	cert_free(NULL);
}

static void octets_that_are_none(void **state)
{
	struct pki_file f = { .len = 0 };

	(void)state;
	pki_der_cert(&f, leaf);
	assert_null(cert_from_der((struct bytes){ f.data, 0 }, &err));
	assert_null(cert_from_der((struct bytes){ f.data, f.len - 1 }, &err));
	assert_int_equal(err.kind, ERR_DROP);
	assert_null(
		cert_from_der((struct bytes){ f.data, f.len + 1 }, &err)); /* something behind */
	assert_null(cert_from_der((struct bytes){ f.data, CERT_DER_MAX + 1 }, &err));
	f.data[0] = 0x31;
	assert_null(cert_from_der(pki_bytes(&f), &err));
}

static void names_in_words(void **state)
{
	struct cert *c = pki_cert(leaf);
	char text[CERT_TEXT_MAX];

	(void)state;
	assert_string_equal(
		cert_subject_text(text, c), "O=Test, OU=a\\, \\\"b\\\" \\+ c, CN=gw.example");
	assert_string_equal(cert_issuer_text(text, c), "O=Test, CN=Middle");
	assert_string_equal(cert_names_text(text, c),
		"DNS:vpn.example, DNS:*.wild.example, "
		"IP:192.0.2.1, IP:2001:db8::1, email:admin@example.org, "
		"O=Test, OU=a\\, \\\"b\\\" \\+ c, CN=gw.example");
	assert_string_equal(dn_text(text, cert_issuer_der(c)), "O=Test, CN=Middle");
	assert_string_equal(dn_text(text, BYTES("x")), "(not a distinguished name)");
	cert_free(c);
}

static void proves_names(void **state)
{
	static const char *const good[] = { "vpn.example", "VPN.Example", "vpn.example.",
		"a.wild.example" };
	static const char *const bad[] = { "", ".", ".example", ".vpn.example", "gw.example",
		"vpn.example2", "a.vpn.example", "wild.example", "a.b.wild.example", "192.0.2.1",
		"xvpn.example" };
	struct cert *c = pki_cert(leaf);
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!cert_proves_host(c, good[i]))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (cert_proves_host(c, bad[i]))
			fail_msg("%s", bad[i]);
	assert_true(cert_proves_email(c, "admin@example.org"));
	assert_false(cert_proves_email(c, "root@example.org"));
	assert_false(cert_proves_email(c, ""));
	assert_true(addr_parse(&a, "192.0.2.1") && cert_proves_addr(c, &a));
	assert_true(addr_parse(&a, "2001:db8::1") && cert_proves_addr(c, &a));
	assert_true(addr_parse(&a, "192.0.2.2") && !cert_proves_addr(c, &a));
	a.family = FAMILY_NONE;
	assert_false(cert_proves_addr(c, &a));
	cert_free(c);
}

static void common_name_proves_no_host(void **state)
{
	X509 *x =
		pki_issue(&(struct pki_spec){ .cn = "gw.example", .key = leaf_key }, mid, mid_key);
	struct cert *c = pki_cert(x);
	char text[CERT_TEXT_MAX];

	(void)state;
	assert_false(cert_proves_host(c, "gw.example"));
	assert_string_equal(cert_names_text(text, c), "O=Test, CN=gw.example");
	cert_free(c);
	X509_free(x);
}

/* "good.example\0.evil.example" once passed for good.example with many clients. */
static void zero_octet_in_a_name(void **state)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	char out[CERT_TEXT_MAX];

	(void)state;
	X509 *x = pki_issue(&(struct pki_spec){ .cn = "x", .key = leaf_key }, mid, mid_key);
	assert_int_equal(ASN1_STRING_set(text, "good.example\0.evil.example", 26), 1);
	GENERAL_NAME_set0_value(name, GEN_DNS, text);
	assert_true(sk_GENERAL_NAME_push(names, name) > 0);
	assert_int_equal(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0), 1);
	assert_true(X509_sign(x, mid_key, EVP_sha256()) > 0);
	GENERAL_NAMES_free(names);
	struct cert *c = pki_cert(x);
	assert_false(cert_proves_host(c, "good.example"));
	assert_string_equal(
		cert_names_text(out, c), "DNS:good.example?.evil.example, O=Test, CN=x");
	cert_free(c);
	X509_free(x);
}

/* --- distinguished names */

/* What Windows takes first comes first, wherever it stands; what is no text is no name. */
static void users(void **state)
{
	static const struct {
		const char *cn, *san, *want;
	} rows[] = {
		{ "Alice Named", NULL, "Alice Named" },
		{ "alice", "IP:192.0.2.1", "alice" },
		{ "alice", "DNS:pc.example", "pc.example" },
		{ "alice", "DNS:pc.example,email:alice@example", "alice@example" },
		{ "alice", "email:alice@example,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:al@corp",
			"al@corp" },
		{ "alice", "otherName:1.2.3.4;UTF8:al@corp", "alice" },
		{ "alice", "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a\x1b[1m,DNS:pc.example",
			"pc.example" },
		{ "J\xc3\xb6rg", NULL, "J\xc3\xb6rg" },
		{ "a name of more than thirty-two octets", NULL, NULL },
	};
	char out[32];
	bool common;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		X509 *x = pki_issue(
			&(struct pki_spec){ .cn = rows[i].cn, .key = leaf_key, .san = rows[i].san },
			mid, mid_key);
		struct cert *c = pki_cert(x);
		bool ok = cert_user(c, out, sizeof(out), &common);
		if (ok != (rows[i].want != NULL) || (ok && strcmp(out, rows[i].want) != 0))
			fail_msg("row %zu: %s", i, ok ? out : "none");
		assert_int_equal(common, !ok || strcmp(rows[i].want, rows[i].cn) == 0);
		cert_free(c);
		X509_free(x);
	}
}

/* By what the text looks like. */
static void proves_what_it_looks_like(void **state)
{
	static const char *const good[] = { "vpn.example", "192.0.2.1", "2001:db8::1",
		"admin@example.org", "x.wild.example" };
	static const char *const bad[] = { "gw.example", "192.0.2.2", "root@example.org",
		"O=Test, CN=gw.example", "CN=", "", "keyid:x", "a=b" };
	struct cert *c = pki_cert(leaf), *m = pki_cert(mid);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(cert_proves(c, good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(cert_proves(c, bad[i]));
	assert_true(cert_proves(m, "O=Test, CN=Middle"));
	cert_free(c);
	cert_free(m);
}

static void check_dn(const char *text, const char *again)
{
	uint8_t der[CERT_TEXT_MAX];
	char out[CERT_TEXT_MAX];
	size_t n;

	assert_ok(&err, dn_from_text(text, der, sizeof(der), &n, &err));
	assert_string_equal(dn_text(out, (struct bytes){ der, n }), again);
}

static void dn_from_words(void **state)
{
	static const char *const bad[] = { "", "gw.example", "CN", "CN=", "XX=1", "CN=a,,O=b",
		"CN=a,", "=a", "CN=\xff", "C=Switzerland", "CN=a+" };
	uint8_t der[CERT_TEXT_MAX];
	char big[2 * CERT_TEXT_MAX];
	size_t n;

	(void)state;
	check_dn("CN=gw", "CN=gw");
	check_dn("C=CH,O=A B ,  cn = gw.example ", "C=CH, O=A B, CN=gw.example");
	check_dn("O=a\\, b\\+c, CN=\\\"x\\\"", "O=a\\, b\\+c, CN=\\\"x\\\"");
	check_dn("CN=a+UID=b, O=c", "CN=a+UID=b, O=c");
	check_dn("E=me@example.org, DC=example, S=Bern",
		"emailAddress=me@example.org, DC=example, ST=Bern");
	check_dn("CN=Gr\xc3\xbc\xc3\x9f", "CN=Gr\xc3\xbc\xc3\x9f");
	check_dn("2.5.4.97=X-1", "2.5.4.97=X-1");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(&err, ERR_CONFIG, dn_from_text(bad[i], der, sizeof(der), &n, &err));
	assert_refused(&err, ERR_CONFIG, dn_from_text("CN=abcdef", der, 10, &n, &err));
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big, "CN=", 3);
	big[sizeof(big) - 1] = 0;
	assert_refused(&err, ERR_CONFIG, dn_from_text(big, der, sizeof(der), &n, &err));
}

static void proves_a_dn(void **state)
{
	struct cert *c = pki_cert(mid);
	uint8_t der[CERT_TEXT_MAX];
	size_t n;

	(void)state;
	assert_true(cert_proves_dn(c, cert_subject_der(c)));
	assert_ok(&err, dn_from_text("o=test, cn=MIDDLE", der, sizeof(der) - 1, &n, &err));
	assert_true(
		cert_proves_dn(c, (struct bytes){ der, n })); /* case does not matter, RFC 5280 */
	assert_false(cert_proves_dn(c, (struct bytes){ der, n - 1 }));
	assert_false(cert_proves_dn(c, (struct bytes){ der, n + 1 }));
	assert_false(cert_proves_dn(c, cert_issuer_der(c)));
	assert_ok(&err, dn_from_text("CN=Middle", der, sizeof(der), &n, &err));
	assert_false(cert_proves_dn(c, (struct bytes){ der, n }));
	assert_false(cert_proves_dn(c, (struct bytes){ "\x30\x00", 2 }));
	assert_false(cert_proves_dn(c, (struct bytes){ NULL, 0 }));
	cert_free(c);
}

/* --- files */

struct loaded {
	struct cert_list certs;
	struct key *key;
	bool need_pass;
};

static bool load(struct loaded *l, const struct pki_file *f, const char *text)
{
	struct passphrase pass;

	*l = (struct loaded){ .key = NULL };
	if (text)
		assert_true(passphrase_set(&pass, text, strlen(text)));
	return load_credentials(
		pki_bytes(f), text ? &pass : NULL, &l->certs, &l->key, &l->need_pass, &err);
}

static void check_loaded(struct loaded *l, size_t certs)
{
	assert_int_equal(l->certs.n, certs);
	assert_non_null(l->key);
	if (certs > 0)
		assert_true(key_matches(l->key, l->certs.v[0]));
	cert_list_free(&l->certs);
	key_free(l->key);
}

static void pem_with_chain_and_key(void **state)
{
	struct pki_file f = { .len = 0 };
	struct loaded l;

	(void)state;
	pki_pem_cert(&f, mid); /* the end entity is not first */
	pki_pem_cert(&f, leaf);
	pki_pem_key(&f, leaf_key, NULL);
	assert_ok(&err, load(&l, &f, NULL));
	check_loaded(&l, 2);
	/* Without interest in a key. */
	l = (struct loaded){ .key = NULL };
	assert_ok(&err, load_credentials(pki_bytes(&f), NULL, &l.certs, NULL, &l.need_pass, &err));
	assert_int_equal(l.certs.n, 2);
	cert_list_free(&l.certs);
}

static void der_files(void **state)
{
	struct pki_file f = { .len = 0 }, k = { .len = 0 };
	struct loaded l;

	(void)state;
	pki_der_cert(&f, leaf);
	assert_ok(&err, load(&l, &f, NULL));
	assert_int_equal(l.certs.n, 1);
	assert_null(l.key);
	cert_list_free(&l.certs);
	pki_der_key(&k, leaf_key);
	assert_ok(&err, load(&l, &k, NULL));
	check_loaded(&l, 0);
}

static void encrypted_files(void **state)
{
	struct pki_file pem = { .len = 0 }, p12 = { .len = 0 };
	const struct pki_file *files[] = { &pem, &p12 };
	struct loaded l;

	(void)state;
	pki_pem_cert(&pem, leaf);
	pki_pem_key(&pem, leaf_key, "correct horse");
	pki_p12(&p12, leaf_key, leaf, mid, "correct horse");
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		assert_refused(&err, ERR_CONFIG, load(&l, files[i], NULL));
		assert_true(l.need_pass);
		assert_int_equal(l.certs.n, 0);
		assert_refused(&err, ERR_CONFIG, load(&l, files[i], "wrong"));
		assert_true(l.need_pass);
		assert_ok(&err, load(&l, files[i], "correct horse"));
		assert_false(l.need_pass);
		check_loaded(&l, i + 1);
	}
}

/* What OpenSSL wrote before PKCS#8, and some still do: it names the cipher in the file. */
static void files_of_old(void **state)
{
	static const char *const ciphers[] = { "AES-128-CBC", "AES-192-CBC", "AES-256-CBC",
		"DES-EDE3-CBC", "DES-EDE-CBC", "CAMELLIA-192-CBC", "ARIA-256-CBC" };
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++) {
		struct pki_file f = { .len = 0 };
		pki_old_key(&f, leaf_key, ciphers[i], "correct horse");
		pki_pem_cert(&f, leaf);
		assert_refused(&err, ERR_CONFIG, load(&l, &f, NULL));
		assert_true(l.need_pass);
		assert_ok(&err, load(&l, &f, "correct horse"));
		check_loaded(&l, 1);
	}
	struct pki_file plain = { .len = 0 };
	pki_old_key(&plain, leaf_key, NULL, NULL);
	pki_pem_cert(&plain, leaf);
	assert_ok(&err, load(&l, &plain, NULL));
	check_loaded(&l, 1);
}

static void check_legacy(const struct pki_file *f, const char *cipher, const char *command)
{
	static const char *const passes[] = { NULL, "wrong", "correct horse" };
	struct loaded l;

	for (size_t i = 0; i < ARRAY_LEN(passes); i++) {
		assert_refused(&err, ERR_CONFIG, load(&l, f, passes[i]));
		if (l.need_pass || !strstr(err.text, cipher) || !strstr(err.text, command))
			fail_msg("with %s: %s", cipher, err.text);
		assert_int_equal(l.certs.n, 0);
		assert_null(l.key);
	}
}

/* No pass phrase helps, so none is asked for. */
static void ciphers_left_to_the_legacy_provider(void **state)
{
	static const struct {
		int key, certs;
		const char *cipher, *pass;
	} p12[] = {
		{ NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_pbe_WithSHA1And40BitRC2_CBC,
			"RC2-40-CBC", "correct horse" },
		{ NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_pbe_WithSHA1And128BitRC4, "RC4",
			"correct horse" },
		{ NID_pbe_WithSHA1And40BitRC2_CBC, NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
			"RC2-40-CBC", "correct horse" },
		{ NID_pbe_WithSHA1And128BitRC2_CBC, -1, "RC2-CBC", "" },
	};
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(p12); i++) {
		struct pki_file f = { .len = 0 };
		pki_legacy_p12(&f, leaf_key, leaf, p12[i].key, p12[i].certs, p12[i].pass);
		check_legacy(&f, p12[i].cipher, "openssl pkcs12 -legacy -in OLD");
	}
	struct pki_file md5 = { .len = 0 }, rc2 = { .len = 0 }, des3 = { .len = 0 };
	pki_pem_cert(&md5, leaf);
	pki_legacy_key(&md5, leaf_key, NID_pbeWithMD5AndDES_CBC, NULL, "correct horse");
	check_legacy(&md5, "DES-CBC", "openssl pkey -provider legacy");
	pki_legacy_key(&rc2, leaf_key, -1, "RC2-CBC", "correct horse");
	check_legacy(&rc2, "RC2-CBC", "openssl pkey -provider legacy");
	/* as old, and still to be had */
	pki_legacy_p12(&des3, leaf_key, leaf, p12[0].key, p12[0].key, "correct horse");
	assert_refused(&err, ERR_CONFIG, load(&l, &des3, "wrong"));
	assert_true(l.need_pass);
	assert_ok(&err, load(&l, &des3, "correct horse"));
	check_loaded(&l, 1);
}

/* One bad letter in any of the blocks, and nothing of the file is taken. */
static void damaged_blocks(void **state)
{
	static const char *const begin[] = { "BEGIN CERTIFICATE-----", "BEGIN PRIVATE KEY-----" };
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(begin); i++) {
		struct pki_file f = { .len = 0 };
		pki_pem_cert(&f, leaf);
		pki_pem_key(&f, leaf_key, NULL);
		uint8_t *at = memmem(f.data, f.len, begin[i], strlen(begin[i]));
		assert_non_null(at);
		at[strlen(begin[i]) + 3] ^= 1; /* in the length of the whole */
		assert_refused(&err, ERR_CONFIG, load(&l, &f, NULL));
		assert_false(l.need_pass);
		assert_int_equal(l.certs.n, 0);
		assert_null(l.key);
	}
}

/* A PKCS#12 file whose one part is encrypted, and not there (CVE-2024-0727 is the same in OpenSSL). */
static void empty_part(void **state)
{
	static const uint8_t p12[] = { 0x30, 0x23, 2, 1, 3, 0x30, 0x1e, 6, 9, 0x2a, 0x86, 0x48,
		0x86, 0xf7, 0x0d, 1, 7, 1, 0xa0, 0x11, 4, 0x0f, 0x30, 0x0d, 0x30, 0x0b, 6, 9, 0x2a,
		0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6 };
	struct pki_file f = { .len = sizeof(p12) };
	struct loaded l;

	(void)state;
	memcpy(f.data, p12, sizeof(p12));
	assert_refused(&err, ERR_CONFIG, load(&l, &f, NULL));
	assert_int_equal(l.certs.n, 0);
}

/* What is behind a certificate's key is looked at by who asks: it loads, fits its key, and proves nothing. */
static void damaged_behind_the_key(void **state)
{
	static const uint8_t san[] = { 0x06, 0x03, 0x55, 0x1d, 0x11 };
	struct pki_file der = { .len = 0 }, f = { .len = 0 };
	struct loaded l;
	char *pem = NULL;
	BIO *bio = BIO_new(BIO_s_mem());

	(void)state;
	pki_der_cert(&der, leaf);
	uint8_t *at = memmem(der.data, der.len, san, sizeof(san));
	assert_non_null(at);
	at[1] = 0x7f; /* longer than all that is left of it */
	assert_true(PEM_write_bio(bio, PEM_STRING_X509, "", der.data, (long)der.len) > 0);
	f.len = (size_t)BIO_get_mem_data(bio, &pem);
	memcpy(f.data, pem, f.len);
	BIO_free(bio);
	pki_pem_key(&f, leaf_key, NULL);
	assert_ok(&err, load(&l, &f, NULL));
	assert_int_equal(l.certs.n, 1);
	assert_true(key_matches(l.key, l.certs.v[0]));
	assert_true(cert_dates(l.certs.v[0], PKI_NOW, &err));
	assert_false(cert_readable(l.certs.v[0]));
	assert_false(cert_proves_host(l.certs.v[0], "vpn.example"));
	assert_true(key_matches(l.key, l.certs.v[0]));
	key_free(l.key);
	cert_list_free(&l.certs);

	f.len = 0;
	pki_pem_cert(&f, leaf);
	pki_pem_key(&f, leaf_key, NULL);
	assert_ok(&err, load(&l, &f, NULL));
	assert_true(cert_proves_host(l.certs.v[0], "vpn.example"));
	assert_true(cert_readable(l.certs.v[0]));
	check_loaded(&l, 1);
}

/* Whether it is this key's is the same for each kind of key, however much of the certificate was read. */
static void keys_and_certificates(void **state)
{
	static const char *const types[][2] = { { "RSA", "2048" }, { "EC", "P-256" },
		{ "EC", "P-521" }, { "ED25519", "" }, { "ED448", "" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		EVP_PKEY *key = pki_key(types[i][0], types[i][1]),
			 *other = pki_key(types[i][0], types[i][1]);
		struct pki_spec spec = { .cn = "key", .key = key };
		X509 *x = pki_issue(&spec, NULL, key);
		struct pki_file f = { .len = 0 };
		struct cert *whole = pki_cert(x);
		struct loaded l, o;
		pki_pem_cert(&f, x);
		pki_pem_key(&f, key, NULL);
		assert_ok(&err, load(&l, &f, NULL));
		f.len = 0;
		pki_pem_key(&f, other, NULL);
		assert_ok(&err, load(&o, &f, NULL));
		assert_true(key_matches(l.key, l.certs.v[0]) && key_matches(l.key, whole));
		assert_false(key_matches(o.key, l.certs.v[0]) || key_matches(o.key, whole));
		cert_free(whole);
		key_free(l.key);
		key_free(o.key);
		cert_list_free(&l.certs);
		X509_free(x);
		EVP_PKEY_free(key);
		EVP_PKEY_free(other);
	}
}

/* An empty line at the end, or words; but a block that was cut off is not lost in silence. */
static void text_behind_the_blocks(void **state)
{
	static const char *const texts[] = { "\n", "\r\n\t \n\n", "some words", "some words\n" };
	static const char *const passes[] = { NULL, "correct horse" };
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts) * 2; i++) {
		struct pki_file f = { .len = 0 };
		pki_pem_cert(&f, leaf);
		pki_pem_key(&f, leaf_key, passes[i % 2]);
		memcpy(f.data + f.len, texts[i / 2], strlen(texts[i / 2]));
		f.len += strlen(texts[i / 2]);
		assert_ok(&err, load(&l, &f, passes[i % 2]));
		check_loaded(&l, 1);
	}
	for (size_t i = 0; i < 2; i++) {
		struct pki_file f = { .len = 0 };
		pki_pem_key(&f, leaf_key, passes[i]);
		pki_pem_cert(&f, leaf);
		f.len -= 60;
		assert_refused(&err, ERR_CONFIG, load(&l, &f, passes[i]));
		assert_null(l.key);
	}
}

/* Before the certificate, behind it, and behind the key. */
static void leftovers_between(void **state)
{
	static const char *const passes[] = { NULL, "correct horse" };
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(passes) * 3; i++) {
		struct pki_file f = { .len = 0 };
		const char *pass = passes[i / 3];
		for (size_t at = 0; at < 3; at++) {
			if (at == i % 3) {
				pki_pem_request(&f, leaf_key);
				pki_pem_curve(&f);
				pki_pem_request(&f, leaf_key);
			}
			if (at == 0)
				pki_pem_cert(&f, leaf);
			else if (at == 1)
				pki_pem_key(&f, leaf_key, pass);
		}
		if (pass) {
			assert_refused(&err, ERR_CONFIG, load(&l, &f, "wrong"));
			assert_true(l.need_pass);
		}
		assert_ok(&err, load(&l, &f, pass));
		check_loaded(&l, 1);
	}
	struct pki_file alone = { .len = 0 };
	pki_pem_request(&alone, leaf_key);
	assert_refused(&err, ERR_CONFIG, load(&l, &alone, NULL));
	assert_false(l.need_pass);
}

/* What stands behind it is not lost in silence. */
static void zero_octets_between(void **state)
{
	struct pki_file f = { .len = 0 };
	struct loaded l;

	(void)state;
	pki_pem_cert(&f, leaf);
	memset(f.data + f.len, 0, 8);
	f.len += 8;
	pki_pem_key(&f, leaf_key, NULL);
	assert_refused(&err, ERR_CONFIG, load(&l, &f, NULL));
	assert_int_equal(l.certs.n, 0);
	assert_null(l.key);
}

static void files_that_are_none(void **state)
{
	struct pki_file f = { .len = 0 };
	struct loaded l;

	(void)state;
	assert_refused(&err, ERR_CONFIG, load(&l, &f, NULL));
	f.len = 300;
	assert_refused(&err, ERR_CONFIG, load(&l, &f, NULL));
	memcpy(f.data, "just a text\n", 12);
	f.len = 12;
	assert_refused(&err, ERR_CONFIG, load(&l, &f, NULL));
	assert_false(l.need_pass);
	f.len = 0;
	pki_pem_key(&f, leaf_key, NULL);
	pki_pem_key(&f, mid_key, NULL);
	assert_refused(&err, ERR_CONFIG, load(&l, &f, NULL));
	f.len = 0;
	for (int i = 0; i < CERT_CHAIN_MAX + 1; i++)
		pki_pem_cert(&f, leaf);
	assert_refused(&err, ERR_CONFIG, load(&l, &f, NULL));
	assert_int_equal(l.certs.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_of_a_certificate),
		cmocka_unit_test(octets_that_are_none),
		cmocka_unit_test(names_in_words),
		cmocka_unit_test(proves_names),
		cmocka_unit_test(common_name_proves_no_host),
		cmocka_unit_test(zero_octet_in_a_name),
		cmocka_unit_test(users),
		cmocka_unit_test(proves_what_it_looks_like),
		cmocka_unit_test(dn_from_words),
		cmocka_unit_test(proves_a_dn),
		cmocka_unit_test(pem_with_chain_and_key),
		cmocka_unit_test(der_files),
		cmocka_unit_test(encrypted_files),
		cmocka_unit_test(files_of_old),
		cmocka_unit_test(ciphers_left_to_the_legacy_provider),
		cmocka_unit_test(damaged_blocks),
		cmocka_unit_test(empty_part),
		cmocka_unit_test(damaged_behind_the_key),
		cmocka_unit_test(keys_and_certificates),
		cmocka_unit_test(text_behind_the_blocks),
		cmocka_unit_test(leftovers_between),
		cmocka_unit_test(zero_octets_between),
		cmocka_unit_test(files_that_are_none),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
