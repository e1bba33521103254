#include "crypto/revocation.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

#include "crypto/alg.h"
#include "lib/revoked.h"
#include "lib/test.h"

/* Root, middle, leaf; and a CA of another key that goes by the name of the middle one. */
static EVP_PKEY *root_key, *mid_key, *leaf_key, *other_key;
static X509 *root, *mid, *leaf, *namesake;
static struct err err;

/* OpenSSL's allocations: the one that fails, counted from one; 0: none. */
static size_t to_fail, allocated;

static bool fails(void)
{
	return to_fail && ++allocated == to_fail;
}

static void *give(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : malloc(n);
}

static void *give_more(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : realloc(p, n);
}

static void take_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static int setup(void **state)
{
	(void)state;
	assert_ok(&err, crypto_begin(&err));
	root_key = pki_key("EC", "P-256");
	mid_key = pki_key("EC", "P-256");
	leaf_key = pki_key("EC", "P-256");
	other_key = pki_key("EC", "P-256");
	root = pki_issue(
		&(struct pki_spec){ .cn = "Root", .key = root_key, .ca = true }, NULL, NULL);
	mid = pki_issue(
		&(struct pki_spec){ .cn = "Middle", .key = mid_key, .ca = true }, root, root_key);
	leaf = pki_issue(&(struct pki_spec){ .cn = "gw.example", .key = leaf_key }, mid, mid_key);
	namesake = pki_issue(
		&(struct pki_spec){ .cn = "Middle", .key = other_key, .ca = true }, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	X509 *certs[] = { root, mid, leaf, namesake };
	EVP_PKEY *keys[] = { root_key, mid_key, leaf_key, other_key };
	for (size_t i = 0; i < ARRAY_LEN(certs); i++)
		X509_free(certs[i]);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		EVP_PKEY_free(keys[i]);
	return 0;
}

static struct evidence *begin(void)
{
	struct evidence *ev = evidence_new(&err);

	assert_non_null(ev);
	return ev;
}

static void add_crl(struct evidence *ev, struct crl_spec spec, const X509 *issuer, EVP_PKEY *key)
{
	struct pki_file f = { .len = 0 };
	X509_CRL *crl = pki_crl(&spec, issuer, key);
	size_t added;

	pki_der_crl(&f, crl);
	assert_ok(&err, evidence_add_crl(ev, pki_bytes(&f), "here", &added, &err));
	assert_int_equal(added, 1);
	X509_CRL_free(crl);
}

/* The leaf's, by its CA, where nothing else is said. */
static void add_ocsp(struct evidence *ev, struct ocsp_spec spec)
{
	struct pki_file f = { .len = 0 };

	if (!spec.about) {
		spec.about = leaf;
		spec.issuer = mid;
	}
	if (!spec.signer_key)
		spec.signer_key = mid_key;
	pki_ocsp(&f, &spec);
	assert_ok(&err, evidence_add_ocsp(ev, pki_bytes(&f), "there", &err));
}

/* The middle one is not revoked, says the root. */
static void add_root_crl(struct evidence *ev)
{
	add_crl(ev, (struct crl_spec){ .revoked = NULL }, root, root_key);
}

static enum standing look(const struct evidence *ev)
{
	const struct evidence *known[] = { NULL, ev };
	struct cert_list l = { .n = 2, .v = { pki_cert(leaf), pki_cert(mid) } };
	struct trust *t = pki_trust(root);

	err_clear(&err);
	assert_ok(&err, trust_verify(t, &l, PKI_NOW, &err));
	enum standing s = revocation_look(t, &l, known, ARRAY_LEN(known), PKI_NOW, &err);
	trust_free(t);
	cert_list_free(&l);
	return s;
}

/* ev is freed. words: a part of the sentence, where there is one. */
static void expect(struct evidence *ev, enum standing wanted, const char *words)
{
	enum standing s = look(ev);

	if (s != wanted)
		fail_msg("expected %d, got %d: %s", wanted, s, err.text);
	if (words && !strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
	if (s >= STANDING_UNKNOWN)
		assert_int_equal(err.kind, ERR_AUTH);
	evidence_free(ev);
}

static void crls(void **state)
{
	(void)state;
	struct evidence *ev = begin();
	add_crl(ev, (struct crl_spec){ .revoked = mid }, mid, mid_key); /* another one is */
	add_root_crl(ev);
	expect(ev, STANDING_GOOD, NULL);

	ev = begin();
	add_crl(ev, (struct crl_spec){ .revoked = leaf, .reason = CRL_REASON_KEY_COMPROMISE }, mid,
		mid_key);
	expect(ev, STANDING_REVOKED,
		"gw.example\" is revoked since Jun 15 14:50:00 2025 GMT (its key fell into the "
		"wrong hands), says the CRL of its CA (here)");

	ev = begin();
	add_crl(ev, (struct crl_spec){ .revoked = NULL }, mid, mid_key);
	add_crl(ev, (struct crl_spec){ .revoked = mid }, root, root_key);
	expect(ev, STANDING_REVOKED, "CN=Middle\" is revoked since");
}

static void nothing_known(void **state)
{
	(void)state;
	expect(begin(), STANDING_UNKNOWN,
		"gw.example\" is revoked is not known: there is neither a CRL of \"O=Test, CN=Middle\"");

	struct evidence *ev = begin();
	add_crl(ev, (struct crl_spec){ .revoked = NULL }, mid, mid_key);
	expect(ev, STANDING_UNKNOWN, "CN=Middle\" is revoked is not known: there is neither");

	ev = begin();
	err_set(&err, ERR_PEER, "the moon is full");
	evidence_spoiled(ev, &err);
	expect(ev, STANDING_UNKNOWN, "is not known: the moon is full");
}

static void crls_out_of_time(void **state)
{
	(void)state;
	struct evidence *ev = begin();
	add_crl(ev, (struct crl_spec){ .from = -7200, .to = -3600 }, mid, mid_key);
	add_root_crl(ev);
	expect(ev, STANDING_UNKNOWN, "the CRL (here) is not of this time: it is from Jun 15 13:06");

	ev = begin();
	add_crl(ev, (struct crl_spec){ .from = 3600, .to = 7200 }, mid, mid_key);
	add_root_crl(ev);
	expect(ev, STANDING_UNKNOWN, "not of this time");

	/* Clocks differ by a few minutes. */
	ev = begin();
	add_crl(ev, (struct crl_spec){ .from = 200, .to = 7200 }, mid, mid_key);
	add_crl(ev, (struct crl_spec){ .from = -7200, .to = -200 }, root, root_key);
	expect(ev, STANDING_GOOD, NULL);

	/* Once revoked it stays so, whatever came of the list. */
	ev = begin();
	add_crl(ev, (struct crl_spec){ .revoked = leaf, .from = -7200, .to = -3600 }, mid, mid_key);
	expect(ev, STANDING_REVOKED, "no reason is given");
}

/* A forged one must neither count nor take the place of the genuine one. */
static void crls_of_others(void **state)
{
	(void)state;
	struct evidence *ev = begin();
	add_crl(ev, (struct crl_spec){ .revoked = leaf }, mid, other_key);
	add_root_crl(ev);
	expect(ev, STANDING_UNKNOWN, "the CRL (here) is not signed by the CA");

	ev = begin();
	add_crl(ev, (struct crl_spec){ .revoked = leaf }, mid, mid_key);
	add_crl(ev, (struct crl_spec){ .from = -10, .to = 86400 }, namesake, other_key);
	add_root_crl(ev);
	expect(ev, STANDING_REVOKED, "is revoked since");

	ev = begin();
	add_crl(ev, (struct crl_spec){ .revoked = leaf }, root, root_key); /* not its issuer */
	expect(ev, STANDING_UNKNOWN, "there is neither");
}

static void crls_of_other_kinds(void **state)
{
	static const struct crl_spec rows[] = {
		{ .unknown_critical = true },
		{ .extension = NID_issuing_distribution_point,
			.extension_value = "critical,indirectCRL:TRUE" },
		{ .extension = NID_issuing_distribution_point,
			.extension_value = "critical,onlyCA:TRUE" },
		{ .extension = NID_issuing_distribution_point,
			.extension_value = "critical,fullname:URI:http://elsewhere/" },
		{ .delta = true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int revoked = 0; revoked < 2; revoked++) {
			struct evidence *ev = begin();
			struct crl_spec spec = rows[i];
			if (revoked)
				spec.revoked = leaf;
			add_crl(ev, spec, mid, mid_key);
			add_root_crl(ev);
			if (look(ev) != STANDING_UNKNOWN)
				fail_msg("row %zu", i);
			evidence_free(ev);
		}
}

static void ocsp(void **state)
{
	(void)state;
	static const struct {
		struct ocsp_spec spec;
		enum standing wanted;
		const char *words;
	} rows[] = {
		{ { .status = V_OCSP_CERTSTATUS_GOOD }, STANDING_GOOD, NULL },
		{ { .status = V_OCSP_CERTSTATUS_GOOD, .digest = "SHA256" }, STANDING_GOOD, NULL },
		{ { .status = V_OCSP_CERTSTATUS_GOOD, .bare = true }, STANDING_GOOD, NULL },
		{ { .status = V_OCSP_CERTSTATUS_REVOKED, .reason = CRL_REASON_SUPERSEDED },
			STANDING_REVOKED,
			"is revoked since Jun 15 14:50:00 2025 GMT (another took its place), says the "
			"OCSP responder (there)" },
		{ { .status = V_OCSP_CERTSTATUS_UNKNOWN }, STANDING_UNKNOWN,
			"the OCSP responder (there) does not know the certificate" },
		{ { .status = V_OCSP_CERTSTATUS_GOOD, .from = -7200, .to = -3600 },
			STANDING_UNKNOWN, "not of this time" },
		{ { .status = V_OCSP_CERTSTATUS_GOOD, .from = -7200, .to = -200 }, STANDING_GOOD,
			NULL },
		{ { .status = V_OCSP_CERTSTATUS_GOOD, .from = 3600, .to = 7200 }, STANDING_UNKNOWN,
			"not of this time" },
		{ { .status = V_OCSP_CERTSTATUS_GOOD, .from = -3500, .endless = true },
			STANDING_GOOD, NULL },
		{ { .status = V_OCSP_CERTSTATUS_GOOD, .from = -3700, .endless = true },
			STANDING_UNKNOWN, "not of this time" },
		{ { .status = V_OCSP_CERTSTATUS_GOOD, .from = 3600, .endless = true },
			STANDING_UNKNOWN, "not of this time" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct evidence *ev = begin();
		add_ocsp(ev, rows[i].spec);
		add_root_crl(ev);
		expect(ev, rows[i].wanted, rows[i].words);
	}
}

static void ocsp_of_whom(void **state)
{
	static const struct {
		const char *extended;
		bool by_root, old;
		enum standing wanted;
	} rows[] = {
		{ "OCSPSigning", false, false, STANDING_GOOD },
		{ "OCSPSigning", false, true, STANDING_UNKNOWN },
		{ "serverAuth", false, false, STANDING_UNKNOWN },
		{ NULL, false, false, STANDING_UNKNOWN },
		{ "OCSPSigning", true, false, STANDING_UNKNOWN }, /* let by another CA */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pki_spec spec = { .cn = "Responder",
			.key = other_key,
			.extended = rows[i].extended,
			.from = rows[i].old ? -2000 : 0,
			.to = rows[i].old ? -1000 : 0 };
		X509 *responder = pki_issue(
			&spec, rows[i].by_root ? root : mid, rows[i].by_root ? root_key : mid_key);
		struct evidence *ev = begin();
		add_ocsp(ev, (struct ocsp_spec){ .signer = responder, .signer_key = other_key });
		add_root_crl(ev);
		enum standing s = look(ev);
		if (s != rows[i].wanted)
			fail_msg("row %zu: %d, %s", i, s, err.text);
		evidence_free(ev);
		X509_free(responder);
	}
	/* The key of somebody else, under the CA's name. */
	struct evidence *ev = begin();
	add_ocsp(ev, (struct ocsp_spec){ .signer = namesake, .signer_key = other_key });
	expect(ev, STANDING_UNKNOWN, "is signed neither by the CA nor by whom it lets");
}

static void ocsp_about_others(void **state)
{
	X509 *second =
		pki_issue(&(struct pki_spec){ .cn = "gw.example", .key = leaf_key }, mid, mid_key);

	(void)state;
	struct evidence *ev = begin();
	add_ocsp(ev, (struct ocsp_spec){ .about = second, .issuer = mid });
	add_root_crl(ev);
	expect(ev, STANDING_UNKNOWN, "there is neither");
	/* Both: of each certificate one. And what is revoked stays so, whoever else says that it is good. */
	ev = begin();
	add_ocsp(ev, (struct ocsp_spec){ .status = V_OCSP_CERTSTATUS_GOOD });
	add_ocsp(ev, (struct ocsp_spec){ .about = mid, .issuer = root, .signer_key = root_key });
	expect(ev, STANDING_GOOD, NULL);
	ev = begin();
	add_ocsp(ev, (struct ocsp_spec){ .status = V_OCSP_CERTSTATUS_GOOD });
	add_crl(ev, (struct crl_spec){ .revoked = leaf }, mid, mid_key);
	expect(ev, STANDING_REVOKED, "says the CRL of its CA (here)");
	ev = begin();
	add_crl(ev, (struct crl_spec){ .revoked = NULL }, mid, mid_key);
	add_ocsp(ev, (struct ocsp_spec){ .status = V_OCSP_CERTSTATUS_REVOKED });
	expect(ev, STANDING_REVOKED, "says the OCSP responder (there)");
	X509_free(second);
}

static void no_answers(void **state)
{
	static const struct {
		int status;
		const char *words;
	} rows[] = {
		{ OCSP_RESPONSE_STATUS_TRYLATER, "tryLater" },
		{ OCSP_RESPONSE_STATUS_UNAUTHORIZED, "unauthorized" },
		{ OCSP_RESPONSE_STATUS_INTERNALERROR, "internalError" },
	};
	struct evidence *ev = begin();
	struct pki_file f = { .len = 0 };
	size_t added;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f.len = 0;
		pki_ocsp(&f, &(struct ocsp_spec){ .response = rows[i].status });
		assert_false(evidence_add_ocsp(ev, pki_bytes(&f), "there", &err));
		assert_non_null(strstr(err.text, rows[i].words));
	}
	assert_false(evidence_add_ocsp(ev, (struct bytes){ "\x30\x00", 2 }, "there", &err));
	assert_false(evidence_add_ocsp(ev, (struct bytes){ NULL, 0 }, "there", &err));
	assert_false(evidence_add_crl(ev, (struct bytes){ "\x30\x00", 2 }, "here", &added, &err));
	assert_non_null(strstr(err.text, "no CRL"));
	assert_false(evidence_add_crl(ev, (struct bytes){ NULL, 0 }, "here", &added, &err));
	assert_int_equal(evidence_len(ev), 0);
	evidence_free(ev);
}

static void files(void **state)
{
	struct evidence *ev = begin();
	X509_CRL *one = pki_crl(&(struct crl_spec){ .revoked = leaf }, mid, mid_key);
	X509_CRL *old = pki_crl(&(struct crl_spec){ .from = -20, .to = -10 }, root, root_key);
	X509_CRL *endless = pki_crl(&(struct crl_spec){ .endless = true }, mid, mid_key);
	struct pki_file f = { .len = 0 };
	size_t added;

	(void)state;
	pki_pem_cert(&f, root); /* what else is in the file does not matter */
	pki_pem_crl(&f, one);
	pki_pem_crl(&f, old);
	assert_ok(&err, evidence_add_crl(ev, pki_bytes(&f), "here", &added, &err));
	assert_int_equal(added, 2);
	assert_true(evidence_dates(ev, added, PKI_NOW, &err));
	assert_false(evidence_dates(ev, added, PKI_NOW + 1000, &err));
	assert_non_null(strstr(err.text,
		"CRL of \"O=Test, CN=Root\" is not of this time: the next "
		"one was due on Jun 15 15:06:30"));
	f.len = 0;
	pki_der_crl(&f, endless);
	assert_false(evidence_add_crl(ev, pki_bytes(&f), "here", &added, &err));
	assert_non_null(strstr(err.text, "nextUpdate"));
	f.len--;
	assert_false(evidence_add_crl(ev, pki_bytes(&f), "here", &added, &err));
	assert_int_equal(evidence_len(ev), 2);
	X509_CRL_free(one);
	X509_CRL_free(old);
	X509_CRL_free(endless);
	evidence_free(ev);
}

/* Who is believed by the profile itself is not asked about. */
static void anchors(void **state)
{
	struct cert_list l = { .n = 1, .v = { pki_cert(root) } };
	struct evidence *ev = begin();
	const struct evidence *known[] = { ev };
	struct trust *t = pki_trust(root);

	(void)state;
	add_crl(ev, (struct crl_spec){ .revoked = root }, root, root_key);
	assert_int_equal(revocation_look(t, &l, known, 1, PKI_NOW, &err), STANDING_UNCHECKED);
	trust_free(t);
	cert_list_free(&l);
	evidence_free(ev);
}

/* Wherever memory runs out: a revoked certificate is not a good one, nor one that nobody is asked about. */
static void without_memory(struct evidence *ev)
{
	const struct evidence *known[] = { ev };
	struct cert_list l = { .n = 2, .v = { pki_cert(leaf), pki_cert(mid) } };
	struct trust *t = pki_trust(root);
	enum standing s = STANDING_UNKNOWN;
	size_t step = test_step(29);

	allocated = 0;
	assert_ok(&err, trust_verify(t, &l, PKI_NOW, &err));
	for (to_fail = 1; allocated + step >= to_fail; to_fail += step) {
		allocated = 0;
		s = revocation_look(t, &l, known, 1, PKI_NOW, &err);
		if (s != STANDING_REVOKED && s != STANDING_UNKNOWN)
			fail_msg("allocation %zu fails, and it stands at %d", to_fail, s);
	}
	to_fail = 0;
	assert_int_equal(s, STANDING_REVOKED);
	trust_free(t);
	cert_list_free(&l);
	evidence_free(ev);
}

static void memory_runs_out(void **state)
{
	struct evidence *ev = begin();

	(void)state;
	add_crl(ev, (struct crl_spec){ .revoked = leaf }, mid, mid_key);
	add_root_crl(ev);
	without_memory(ev);
	ev = begin();
	add_ocsp(ev, (struct ocsp_spec){ .status = V_OCSP_CERTSTATUS_REVOKED });
	add_root_crl(ev);
	without_memory(ev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crls),
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(crls_out_of_time),
		cmocka_unit_test(crls_of_others),
		cmocka_unit_test(crls_of_other_kinds),
		cmocka_unit_test(ocsp),
		cmocka_unit_test(ocsp_of_whom),
		cmocka_unit_test(ocsp_about_others),
		cmocka_unit_test(no_answers),
		cmocka_unit_test(files),
		cmocka_unit_test(anchors),
		cmocka_unit_test(memory_runs_out),
	};

	assert_int_equal(CRYPTO_set_mem_functions(give, give_more, take_back), 1);
	return cmocka_run_group_tests(tests, setup, teardown);
}
