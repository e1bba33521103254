#include "base/types.h"
#include "crypto/cert.h"
#include "crypto/prf.h"
#include "crypto/alg.h"
#include "lib/test.h"
#include "lib/pki.h"

#include <openssl/ui.h>

static struct err err;
static EVP_PKEY *root_key, *mid_key, *leaf_key, *small_key;
static X509 *root, *mid, *other;

/* What is expected of one chain: the leaf made to this description, sent with the middle one. */
static X509 *make_leaf(struct pki_spec spec)
{
	spec.cn = "gw.example";
	if (!spec.key)
		spec.key = leaf_key;
	return pki_issue(&spec, mid, mid_key);
}

static int setup(void **state)
{
	(void)state;
	/* With no more names of digests than the program has. */
	assert_ok(&err, crypto_begin(&err));
	root_key = pki_key("EC", "P-256");
	mid_key = pki_key("EC", "P-256");
	leaf_key = pki_key("EC", "P-256");
	small_key = pki_key("RSA", "1024");
	root = pki_issue(
		&(struct pki_spec){ .cn = "Root", .key = root_key, .ca = true }, NULL, NULL);
	mid = pki_issue(
		&(struct pki_spec){ .cn = "Middle", .key = mid_key, .ca = true }, root, root_key);
	other = pki_issue(
		&(struct pki_spec){ .cn = "Other", .key = leaf_key, .ca = true }, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	X509_free(root);
	X509_free(mid);
	X509_free(other);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(mid_key);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(small_key);
	return 0;
}

/* Leaf, and helpers up to a NULL. */
static bool verify(struct trust *t, X509 *leaf, X509 *const *helpers)
{
	struct cert_list l = { .n = 1, .v = { pki_cert(leaf) } };

	for (; helpers && *helpers; helpers++)
		l.v[l.n++] = pki_cert(*helpers);
	err_clear(&err);
	bool ok = trust_verify(t, &l, PKI_NOW, &err);
	cert_list_free(&l);
	return ok;
}

static void check(struct pki_spec spec, const char *complaint)
{
	struct trust *t = pki_trust(root);
	X509 *helpers[] = { mid, NULL }, *leaf = make_leaf(spec);
	bool ok = verify(t, leaf, helpers);

	if (ok != !complaint)
		fail_msg("expected: %s; got: %s", complaint ? complaint : "yes",
			ok ? "yes" : err.text);
	if (complaint) {
		assert_int_equal(err.kind, ERR_AUTH);
		if (!strstr(err.text, complaint))
			fail_msg("\"%s\" does not say \"%s\"", err.text, complaint);
	}
	X509_free(leaf);
	trust_free(t);
}

static void usages(void **state)
{
	(void)state;
	check((struct pki_spec){ .san = NULL }, NULL);
	check((struct pki_spec){ .usage = "critical,digitalSignature", .extended = "serverAuth" },
		NULL);
	check((struct pki_spec){ .usage = "nonRepudiation" }, NULL);
	check((struct pki_spec){ .usage = "keyEncipherment" }, "not meant for signatures");
	check((struct pki_spec){ .extended = "clientAuth,1.3.6.1.5.5.8.2.2" }, NULL);
	check((struct pki_spec){ .extended = "1.3.6.1.5.5.7.3.17" }, NULL);
	check((struct pki_spec){ .extended = "anyExtendedKeyUsage" }, NULL);
	check((struct pki_spec){ .extended = "clientAuth,codeSigning" }, "not meant for a server");
}

/* A server of TLS must sign, and be meant for it. */
static void usages_for_tls(void **state)
{
	static const struct {
		const char *usage, *extended;
		bool good;
	} rows[] = {
		{ "digitalSignature", "serverAuth", true },
		{ NULL, "clientAuth,serverAuth", true },
		{ NULL, "anyExtendedKeyUsage", true },
		{ "nonRepudiation", "serverAuth", false },
		{ "keyEncipherment", NULL, false },
		{ NULL, "clientAuth", false },
		{ NULL, "1.3.6.1.5.5.7.3.17", false },
		{ NULL, "1.3.6.1.5.5.8.2.2", false },
	};
	struct trust *t = pki_trust(root);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		X509 *leaf = make_leaf(
			(struct pki_spec){ .usage = rows[i].usage, .extended = rows[i].extended });
		struct cert_list l = { .n = 2, .v = { pki_cert(leaf), pki_cert(mid) } };
		if (trust_verify_tls(t, &l, PKI_NOW, &err) != rows[i].good)
			fail_msg("row %zu", i);
		cert_list_free(&l);
		X509_free(leaf);
	}
	trust_free(t);
}

static void dates(void **state)
{
	(void)state;
	check((struct pki_spec){ .from = -2000, .to = -1000 }, "expired on");
	check((struct pki_spec){ .from = 1000, .to = 2000 }, "is valid only from");
	check((struct pki_spec){ .from = -1, .to = 1 }, NULL);
}

static void weak_ones(void **state)
{
	(void)state;
	check((struct pki_spec){ .digest = "SHA1" }, "too weak");
	check((struct pki_spec){ .key = small_key }, "too weak");
}

static void md5_signature(void **state)
{
	EVP_PKEY *rsa = pki_key("RSA", "2048");
	X509 *ca = pki_issue(&(struct pki_spec){ .cn = "RSA", .key = rsa, .ca = true }, NULL, NULL);
	struct trust *t = pki_trust(ca);

	(void)state;
	for (int i = 0; i < 2; i++) {
		X509 *leaf = pki_issue(
			&(struct pki_spec){
				.cn = "gw", .key = leaf_key, .digest = i ? "MD5" : "SHA512" },
			ca, rsa);
		assert_int_equal(verify(t, leaf, NULL), i == 0);
		X509_free(leaf);
	}
	assert_non_null(strstr(err.text, "too weak"));
	trust_free(t);
	X509_free(ca);
	EVP_PKEY_free(rsa);
}

/* OpenSSL has to be told of each of them. */
static void rsa_signatures(void **state)
{
	static const char *const digests[] = { "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-224",
		"SHA3-256", "SHA3-384", "SHA3-512" };
	EVP_PKEY *rsa = pki_key("RSA", "2048");
	X509 *ca = pki_issue(&(struct pki_spec){ .cn = "RSA", .key = rsa, .ca = true }, NULL, NULL);
	struct trust *t = pki_trust(ca);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(digests); i++) {
		X509 *leaf = pki_issue(
			&(struct pki_spec){ .cn = "gw", .key = leaf_key, .digest = digests[i] }, ca,
			rsa);
		if (!verify(t, leaf, NULL))
			fail_msg("%s: %s", digests[i], err.text);
		X509_free(leaf);
	}
	trust_free(t);
	X509_free(ca);
	EVP_PKEY_free(rsa);
}

static void forged_signature(void **state)
{
	struct trust *t = pki_trust(root);
	X509 *helpers[] = { mid, NULL };
	/* It says to come from the middle one and was signed by somebody else. */
	X509 *leaf = pki_issue(&(struct pki_spec){ .cn = "gw", .key = leaf_key }, mid, root_key);

	(void)state;
	assert_false(verify(t, leaf, helpers));
	assert_int_equal(err.kind, ERR_AUTH);
	X509_free(leaf);
	trust_free(t);
}

static void issuer_wanted(void **state)
{
	X509 *leaf = make_leaf((struct pki_spec){ .san = NULL }), *none[] = { NULL };
	X509 *helpers[] = { mid, NULL }, *whole[] = { mid, root, NULL };
	struct trust *right = pki_trust(root), *wrong = pki_trust(other), *half = pki_trust(mid);
	struct cert_list empty = { .n = 0 };

	(void)state;
	assert_false(verify(right, leaf, none));
	assert_non_null(strstr(err.text, "issued by \"O=Test, CN=Middle\""));
	assert_false(verify(wrong, leaf, helpers));
	assert_non_null(strstr(err.text, "issued by \"O=Test, CN=Root\""));
	assert_false(verify(wrong, leaf, whole));
	assert_non_null(strstr(err.text, "ends at \"O=Test, CN=Root\", which is not trusted"));
	assert_true(verify(right, leaf, whole));
	/* An intermediate alone is no anchor. */
	assert_false(verify(half, leaf, none));
	assert_non_null(strstr(err.text, "CN=Root"));
	assert_refused(&err, ERR_AUTH, trust_verify(right, &empty, PKI_NOW, &err));
	X509_free(leaf);
	trust_free(right);
	trust_free(wrong);
	trust_free(half);
	trust_free(NULL);
}

static void self_signed(void **state)
{
	struct trust *t = pki_trust(root);
	X509 *x = pki_issue(&(struct pki_spec){ .cn = "me", .key = leaf_key }, NULL, NULL);
	struct trust *self = pki_trust(x);

	(void)state;
	assert_false(verify(t, x, NULL));
	assert_non_null(strstr(err.text, "signed itself"));
	assert_true(verify(self, x, NULL));
	X509_free(x);
	trust_free(t);
	trust_free(self);
}

/* A gateway's or a user's own certificate must not pass for that of a CA. */
static void leaf_as_ca(void **state)
{
	struct trust *t = pki_trust(root);
	X509 *leaf = make_leaf((struct pki_spec){ .usage = "digitalSignature" });
	X509 *fake =
		pki_issue(&(struct pki_spec){ .cn = "fake", .key = small_key }, leaf, leaf_key);
	/* The right to sign certificates, but no basic constraints. */
	X509 *old = make_leaf((struct pki_spec){ .usage = "keyCertSign" });
	X509 *below = pki_issue(&(struct pki_spec){ .cn = "below", .key = mid_key }, old, leaf_key);
	X509 *helpers[] = { leaf, mid, NULL }, *old_helpers[] = { old, mid, NULL };

	(void)state;
	assert_false(verify(t, fake, helpers));
	assert_int_equal(err.kind, ERR_AUTH);
	assert_false(verify(t, below, old_helpers));
	assert_int_equal(err.kind, ERR_AUTH);
	assert_non_null(strstr(err.text, "invalid CA"));
	X509_free(leaf);
	X509_free(fake);
	X509_free(old);
	X509_free(below);
	trust_free(t);
}

static void name_constraints(void **state)
{
	struct trust *t = pki_trust(root);
	X509 *ca = pki_issue(&(struct pki_spec){ .cn = "Bound",
				     .key = mid_key,
				     .ca = true,
				     .constraints = "critical,permitted;DNS:inside.example" },
		root, root_key);
	X509 *in = pki_issue(
		&(struct pki_spec){ .cn = "a", .key = leaf_key, .san = "DNS:gw.inside.example" },
		ca, mid_key);
	X509 *out = pki_issue(
		&(struct pki_spec){ .cn = "b", .key = leaf_key, .san = "DNS:gw.outside.example" },
		ca, mid_key);
	X509 *helpers[] = { ca, NULL };

	(void)state;
	if (!verify(t, in, helpers))
		fail_msg("%s", err.text);
	assert_false(verify(t, out, helpers));
	X509_free(ca);
	X509_free(in);
	X509_free(out);
	trust_free(t);
}

static void depth(void **state)
{
	struct trust *t = pki_trust(root);
	X509 *chain[12] = { NULL };
	const int longest = 8; /* CAs between the leaf and the anchor */
	X509 *helpers[12] = { NULL };

	(void)state;
	chain[0] = pki_issue(
		&(struct pki_spec){ .cn = "0", .key = mid_key, .ca = true }, root, root_key);
	for (int i = 1; i < 10; i++) {
		char cn[2] = { (char)('0' + i), 0 };
		chain[i] = pki_issue(&(struct pki_spec){ .cn = cn, .key = mid_key, .ca = true },
			chain[i - 1], mid_key);
	}
	for (int n = longest; n <= longest + 1; n++) {
		X509 *leaf = pki_issue(
			&(struct pki_spec){ .cn = "leaf", .key = leaf_key }, chain[n - 1], mid_key);
		memcpy(helpers, chain, (size_t)n * sizeof(chain[0]));
		helpers[n] = NULL;
		assert_int_equal(verify(t, leaf, helpers), n <= longest);
		X509_free(leaf);
	}
	for (int i = 0; i < 10; i++)
		X509_free(chain[i]);
	trust_free(t);
}

static void pins(void **state)
{
	X509 *leaf = make_leaf((struct pki_spec){ .extended = "clientAuth" });
	X509 *twin = make_leaf((struct pki_spec){ .san = NULL }); /* another one for the same key */
	X509 *stranger = make_leaf((struct pki_spec){ .key = mid_key });
	X509 *late = make_leaf((struct pki_spec){ .from = -2, .to = -1 });
	X509 *helpers[] = { mid, NULL };
	struct pki_file files[4] = { { .len = 0 } };

	(void)state;
	pki_pem_cert(&files[0], leaf);
	pki_der_cert(&files[1], leaf);
	pki_pem_public(&files[2], leaf_key);
	pki_der_public(&files[3], leaf_key);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct trust *t = pki_trust(root); /* the pin counts, not the anchor */
		assert_ok(&err, trust_pin(t, pki_bytes(&files[i]), &err));
		assert_true(verify(t, leaf, NULL)); /* whoever issued it */
		assert_int_equal(verify(t, twin, helpers), i >= 2);
		assert_false(verify(t, stranger, helpers));
		assert_non_null(strstr(err.text, "pinned"));
		assert_false(verify(t, late, helpers));
		trust_free(t);
	}
	struct trust *t = trust_new(&err);
	pki_der_cert(&files[0], leaf); /* PEM and something behind it is one certificate still */
	assert_ok(&err, trust_pin(t, pki_bytes(&files[0]), &err));
	assert_refused(&err, ERR_CONFIG, trust_pin(t, BYTES("nothing"), &err));
	assert_refused(&err, ERR_CONFIG, trust_pin(t, BYTES(""), &err));
	trust_free(t);
	X509_free(leaf);
	X509_free(twin);
	X509_free(stranger);
	X509_free(late);
}

static unsigned openssl_asked;

static int count_question(UI *ui, UI_STRING *question)
{
	(void)ui;
	(void)question;
	openssl_asked++;
	return 0;
}

/* A pin's file with something encrypted in it, by mistake: OpenSSL asks nobody for a pass phrase. */
static void encrypted_pins(void **state)
{
	enum { NEW, OLD, CERTIFICATE, BESIDE_PUBLIC, FILES };
	static const char begin[] = "-----BEGIN CERTIFICATE-----   ",
			  end[] = "-----END CERTIFICATE-----   ";
	const UI_METHOD *usual = UI_get_default_method();
	UI_METHOD *ui = UI_create_method("counts");
	struct pki_file files[FILES] = { { .len = 0 } };
	struct trust *t = trust_new(&err);
	size_t added;

	(void)state;
	UI_method_set_reader(ui, count_question);
	UI_set_default_method(ui);
	pki_pem_key(&files[NEW], leaf_key, "correct horse");
	pki_old_key(&files[OLD], leaf_key, "AES-128-CBC", "correct horse");
	/* which nobody writes: an "EC PRIVATE KEY" by another name */
	struct pki_file *f = &files[CERTIFICATE];
	pki_old_key(f, leaf_key, "AES-128-CBC", "correct horse");
	memcpy(f->data, begin, strlen(begin));
	memcpy(f->data + f->len - sizeof(end), end, strlen(end));
	pki_pem_key(&files[BESIDE_PUBLIC], leaf_key, "correct horse");
	pki_pem_public(&files[BESIDE_PUBLIC], leaf_key);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (trust_pin(t, pki_bytes(&files[i]), &err) != (i == BESIDE_PUBLIC))
			fail_msg("file %zu", i);
		assert_refused(&err, ERR_CONFIG, trust_add(t, pki_bytes(&files[i]), &added, &err));
	}
	assert_int_equal(openssl_asked, 0);
	UI_set_default_method(usual);
	UI_destroy_method(ui);
	trust_free(t);
}

static void files_of_anchors(void **state)
{
	struct pki_file pem = { .len = 0 }, der = { .len = 0 }, broken = { .len = 0 };
	struct trust *t = trust_new(&err);
	struct pki_file spki = { .len = 0 };
	uint8_t expected[DIGEST_MAX], got[SPKI_SHA1_LEN];
	size_t added, len;

	(void)state;
	pki_pem_cert(&pem, root);
	pki_pem_key(&pem, leaf_key, NULL); /* other things in it are passed over */
	pki_pem_cert(&pem, mid);
	pki_der_cert(&der, other);
	assert_ok(&err, trust_add(t, pki_bytes(&pem), &added, &err));
	assert_int_equal(added, 2);
	assert_ok(&err, trust_add(t, pki_bytes(&der), &added, &err));
	assert_int_equal(added, 1);
	assert_ok(&err, trust_check(t, 3, &err));
	pki_der_public(&spki, mid_key);
	struct bytes part = pki_bytes(&spki);
	assert_ok(&err, digest("SHA1", &part, 1, expected, &len, &err));
	assert_true(trust_spki_sha1(t, 1, got));
	assert_memory_equal(got, expected, sizeof(got));
	assert_true(trust_spki_sha1(t, 2, got));
	assert_false(trust_spki_sha1(t, 3, got));
	pki_pem_cert(&broken, root);
	pki_pem_cert(&broken, mid);
	memset(broken.data + broken.len - 200, 'A', 20);
	memset(broken.data + broken.len - 150, '=', 20);
	assert_refused(&err, ERR_CONFIG, trust_add(t, pki_bytes(&broken), &added, &err));
	assert_non_null(strstr(err.text, "number 2"));
	assert_int_equal(added, 1);
	assert_refused(&err, ERR_CONFIG, trust_add(t, BYTES("nothing"), &added, &err));
	assert_refused(&err, ERR_CONFIG, trust_add(t, BYTES(""), &added, &err));
	trust_free(t);
}

/* What `openssl x509 -trustout` writes behind a CA's certificate counts. */
static void trust_settings(void **state)
{
	static const struct {
		int trusted_for, rejected_for;
		bool ok;
	} rows[] = {
		{ 0, 0, true }, { NID_server_auth, 0, true }, { NID_anyExtendedKeyUsage, 0, true },
		{ 0, NID_email_protect, true }, { 0, NID_server_auth, false },
		{ 0, NID_anyExtendedKeyUsage, false }, { NID_server_auth, NID_server_auth, false },
		{ NID_email_protect, 0, false }, /* for mail, and so for nothing else */
	};
	X509 *leaf = make_leaf((struct pki_spec){ .san = NULL }), *helpers[] = { mid, NULL };
	X509 *const cas[] = { root, mid };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		size_t row = i % ARRAY_LEN(rows), added;
		X509 *ca = cas[i / ARRAY_LEN(rows)];
		struct trust *t = ca == root ? trust_new(&err) : pki_trust(root);
		struct pki_file pem = { .len = 0 };
		pki_pem_trusted(&pem, ca, rows[row].trusted_for, rows[row].rejected_for);
		assert_ok(&err, trust_add(t, pki_bytes(&pem), &added, &err));
		assert_int_equal(added, 1);
		assert_ok(&err, trust_check(t, 1, &err));
		if (verify(t, leaf, helpers) != rows[row].ok)
			fail_msg("row %zu, the %s: %s", row, ca == root ? "root" : "one below",
				rows[row].ok ? err.text : "it is trusted");
		if (!rows[row].ok) {
			assert_int_equal(err.kind, ERR_AUTH);
			assert_non_null(strstr(err.text,
				ca == root ? "trust in \"O=Test, CN=Root\"" :
					     "trust in \"O=Test, CN=Middle\""));
		}
		trust_free(t);
	}
	X509_free(leaf);
}

/* Nobody needs more of it than its key until a chain ends there. */
static void anchor_damaged_behind_its_key(void **state)
{
	X509 *leaf = make_leaf((struct pki_spec){ .san = NULL }), *helpers[] = { mid, NULL };
	struct pki_file pem = { .len = 0 }, der = { .len = 0 };
	struct trust *t = trust_new(&err);
	uint8_t hash[SPKI_SHA1_LEN];
	size_t added;

	(void)state;
	pki_pem_cert(&pem, other);
	assert_ok(&err, trust_add(t, pki_bytes(&pem), &added, &err));
	pki_der_cert(&der, root);
	der.data[der.len - 80] ^= 0x55; /* not the signature alone: lengths do not fit any more */
	for (size_t i = der.len - 100; i < der.len - 70; i++)
		der.data[i] = 0xff;
	assert_ok(&err, trust_add(t, pki_bytes(&der), &added, &err));
	assert_true(trust_spki_sha1(t, 1, hash));
	assert_refused(&err, ERR_CONFIG, trust_check(t, 1, &err));
	assert_string_equal(err.text, "certificate number 1 cannot be read");
	assert_refused(&err, ERR_CONFIG, trust_check(t, 2, &err));
	assert_string_equal(err.text, "certificate number 2 cannot be read");
	assert_false(verify(t, leaf, helpers));
	assert_int_equal(err.kind, ERR_AUTH);
	X509_free(leaf);
	trust_free(t);
}

/* What is made ready while there is time changes nothing. */
static void warm_or_not(void **state)
{
	X509 *leaf = make_leaf((struct pki_spec){ .san = NULL }), *helpers[] = { NULL };
	struct pki_file pem = { .len = 0 };
	struct trust *t = trust_new(&err), *none = trust_new(&err);
	size_t added;

	(void)state;
	pki_pem_cert(&pem, mid);
	pki_pem_cert(&pem, other);
	pki_pem_cert(&pem, root);
	assert_ok(&err, trust_add(t, pki_bytes(&pem), &added, &err));
	for (enum warm step = WARM_TABLES; step < WARM_STEPS; step++) {
		crypto_warm(step, &(struct warm_for){ .trust = none });
		crypto_warm(step, &(struct warm_for){ .trust = t });
	}
	assert_true(verify(t, leaf, helpers));
	X509_free(leaf);
	trust_free(t);
	trust_free(none);
}

/* Whatever the system trusts, it is not a CA that was made a moment ago. */
static void system_store(void **state)
{
	X509 *leaf = make_leaf((struct pki_spec){ .san = NULL }), *helpers[] = { mid, root, NULL };
	struct trust *t = trust_new(&err);
	uint8_t hash[SPKI_SHA1_LEN];

	(void)state;
	assert_ok(&err, trust_add_system(t, &err));
	assert_false(trust_spki_sha1(t, 0, hash));
	assert_false(verify(t, leaf, helpers));
	assert_int_equal(err.kind, ERR_AUTH);
	X509_free(leaf);
	trust_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usages),
		cmocka_unit_test(usages_for_tls),
		cmocka_unit_test(dates),
		cmocka_unit_test(weak_ones),
		cmocka_unit_test(md5_signature),
		cmocka_unit_test(rsa_signatures),
		cmocka_unit_test(forged_signature),
		cmocka_unit_test(issuer_wanted),
		cmocka_unit_test(self_signed),
		cmocka_unit_test(leaf_as_ca),
		cmocka_unit_test(name_constraints),
		cmocka_unit_test(depth),
		cmocka_unit_test(pins),
		cmocka_unit_test(encrypted_pins),
		cmocka_unit_test(files_of_anchors),
		cmocka_unit_test(trust_settings),
		cmocka_unit_test(anchor_damaged_behind_its_key),
		cmocka_unit_test(warm_or_not),
		cmocka_unit_test(system_store),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
