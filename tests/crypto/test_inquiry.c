#include <openssl/x509v3.h>

#include "crypto/alg.h"
#include "crypto/revocation.h"
#include "lib/revoked.h"
#include "lib/test.h"

static EVP_PKEY *root_key, *mid_key, *leaf_key;
static X509 *root;
static struct err err;

static int setup(void **state)
{
	(void)state;
	assert_ok(&err, crypto_begin(&err));
	root_key = pki_key("EC", "P-256");
	mid_key = pki_key("EC", "P-256");
	leaf_key = pki_key("EC", "P-256");
	root = pki_issue(
		&(struct pki_spec){ .cn = "Root", .key = root_key, .ca = true }, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	X509_free(root);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(mid_key);
	EVP_PKEY_free(leaf_key);
	return 0;
}

/* What is asked about a leaf, whose addresses the test chooses, and about its CA, which has one. */
struct asking {
	X509 *mid, *leaf;
	struct trust *trust;
	struct inquiry *q;
	struct evidence *fetched;
};

static void begin_asking(struct asking *a, const char *access, const char *points)
{
	struct cert_list l = { .n = 2 };

	a->mid = pki_issue(&(struct pki_spec){ .cn = "Middle",
				   .key = mid_key,
				   .ca = true,
				   .points = "URI:http://root/list" },
		root, root_key);
	a->leaf = pki_issue(
		&(struct pki_spec){
			.cn = "gw.example", .key = leaf_key, .access = access, .points = points },
		a->mid, mid_key);
	l.v[0] = pki_cert(a->leaf);
	l.v[1] = pki_cert(a->mid);
	a->trust = pki_trust(root);
	a->q = inquiry_new(&l, evidence_new(&err), &err);
	a->fetched = evidence_new(&err);
	assert_true(a->q && a->fetched);
	cert_list_free(&l);
}

static void end_asking(struct asking *a)
{
	inquiry_free(a->q);
	evidence_free(a->fetched);
	trust_free(a->trust);
	X509_free(a->leaf);
	X509_free(a->mid);
}

/* url NULL: nobody is left. */
static const struct source *next(struct asking *a, const char *url, bool ocsp)
{
	static const uint8_t nonce[SOURCE_NONCE_LEN] = "fifteen letters";
	const struct source *s = inquiry_next(a->q, a->trust, NULL, a->fetched, PKI_NOW, nonce);

	if (!url) {
		assert_null(s);
		return NULL;
	}
	assert_non_null(s);
	assert_string_equal(s->url, url);
	assert_int_equal(s->question_len > 0, ocsp);
	assert_ptr_equal(s, inquiry_source(a->q));
	return s;
}

static enum standing standing_of(struct asking *a)
{
	return inquiry_look(a->q, a->trust, NULL, a->fetched, PKI_NOW, &err);
}

static bool answer_crl(struct asking *a, struct crl_spec spec, X509 *issuer, EVP_PKEY *key)
{
	struct pki_file f = { .len = 0 };
	X509_CRL *crl = pki_crl(&spec, issuer, key);

	pki_der_crl(&f, crl);
	X509_CRL_free(crl);
	return inquiry_answer(a->q, a->fetched, pki_bytes(&f), &err);
}

static bool answer_ocsp(struct asking *a, const uint8_t *question, size_t len)
{
	OCSP_REQUEST *r = question ? d2i_OCSP_REQUEST(NULL, &question, (long)len) : NULL;
	struct pki_file f = { .len = 0 };

	pki_ocsp(&f,
		&(struct ocsp_spec){
			.about = a->leaf, .issuer = a->mid, .signer_key = mid_key, .question = r });
	OCSP_REQUEST_free(r);
	return inquiry_answer(a->q, a->fetched, pki_bytes(&f), &err);
}

static void one_after_the_other(void **state)
{
	struct asking a;

	(void)state;
	begin_asking(&a, "OCSP;URI:ldap://no,OCSP;URI:http://one/,caIssuers;URI:http://no/",
		"URI:https://no/,URI:http://two/");
	assert_int_equal(standing_of(&a), STANDING_UNKNOWN);
	next(&a, "http://one/", true);
	assert_false(inquiry_answer(a.q, a.fetched, BYTES("no answer"), &err));
	assert_non_null(strstr(err.text, "http://one/: what should be"));
	next(&a, "http://two/", false);
	assert_ok(&err, answer_crl(&a, (struct crl_spec){ .revoked = NULL }, a.mid, mid_key));
	assert_int_equal(standing_of(&a), STANDING_UNKNOWN);
	next(&a, "http://root/list", false);
	assert_ok(&err, answer_crl(&a, (struct crl_spec){ .revoked = NULL }, root, root_key));
	assert_int_equal(standing_of(&a), STANDING_GOOD);
	next(&a, NULL, false);
	/* All of it is kept, but not for ever. */
	evidence_renew(a.fetched, PKI_NOW);
	assert_int_equal(evidence_len(a.fetched), 2);
	evidence_renew(a.fetched, PKI_NOW + 5000);
	assert_int_equal(evidence_len(a.fetched), 0);
	end_asking(&a);
}

static void a_revoked_one_is_the_end(void **state)
{
	struct asking a;

	(void)state;
	begin_asking(&a, NULL, "URI:http://one/");
	next(&a, "http://one/", false);
	assert_ok(&err, answer_crl(&a, (struct crl_spec){ .revoked = a.leaf }, a.mid, mid_key));
	assert_int_equal(standing_of(&a), STANDING_REVOKED);
	end_asking(&a);
}

/* An answer to somebody else's question may be old; without a nonce its time tells. */
static void nonces(void **state)
{
	struct asking a;
	const struct source *s;
	uint8_t other[SOURCE_QUESTION_MAX];

	(void)state;
	begin_asking(&a, "OCSP;URI:http://one/,OCSP;URI:http://two/,OCSP;URI:http://three/", NULL);
	s = next(&a, "http://one/", true);
	memcpy(other, s->question, s->question_len);
	assert_int_equal(other[s->question_len - 2], 's'); /* the nonce's end, and its NUL */
	other[s->question_len - 2] = 'S';
	assert_false(answer_ocsp(&a, other, s->question_len));
	assert_non_null(strstr(err.text, "to another question"));
	assert_int_equal(evidence_len(a.fetched), 0);
	next(&a, "http://two/", true);
	assert_ok(&err, answer_ocsp(&a, NULL, 0));
	assert_int_equal(evidence_len(a.fetched), 1);
	next(&a, "http://root/list", false); /* of the leaf all is known */
	end_asking(&a);
	begin_asking(&a, "OCSP;URI:http://one/", NULL);
	s = next(&a, "http://one/", true);
	assert_ok(&err, answer_ocsp(&a, s->question, s->question_len));
	end_asking(&a);
}

static void addresses_that_are_none(void **state)
{
	static const char *const rows[] = { "URI:http://a b/", "URI:http://", "URI:ftp://a/",
		"DNS:a.example", "URI:http://Ã¼/" };
	char many[1200] = "URI:http://", *end = many + strlen(many);
	struct asking a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin_asking(&a, NULL, rows[i]);
		next(&a, "http://root/list", false);
		next(&a, NULL, false);
		end_asking(&a);
	}
	memset(end, 'a', 600);
	end[600] = 0;
	begin_asking(&a, NULL, many);
	next(&a, "http://root/list", false);
	end_asking(&a);
	/* Nor more of them than can be asked. */
	many[0] = 0;
	for (int i = 0; i < 12; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%sURI:http://a%d/",
			i ? "," : "", i);
	begin_asking(&a, NULL, many);
	for (int i = 0; i < SOURCES_MAX; i++) {
		char url[32];
		snprintf(url, sizeof(url), "http://a%d/", i);
		next(&a, url, false);
	}
	next(&a, NULL, false);
	end_asking(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(a_revoked_one_is_the_end),
		cmocka_unit_test(nonces),
		cmocka_unit_test(addresses_that_are_none),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
