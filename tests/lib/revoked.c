#include "lib/revoked.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/test.h"

static EVP_MD *sha256(void)
{
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);

	assert_non_null(md);
	return md;
}

static void add_entry(X509_CRL *crl, const struct crl_spec *spec)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *since = ASN1_TIME_set(NULL, PKI_NOW - 1000);

	assert_int_equal(X509_REVOKED_set_serialNumber(
				 entry, (ASN1_INTEGER *)X509_get0_serialNumber(spec->revoked)),
		1);
	assert_int_equal(X509_REVOKED_set_revocationDate(entry, since), 1);
	if (spec->reason) {
		ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
		ASN1_ENUMERATED_set(reason, spec->reason);
		assert_int_equal(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0), 1);
		ASN1_ENUMERATED_free(reason);
	}
	assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
	ASN1_TIME_free(since);
}

static void add_unknown(X509_CRL *crl)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5.6.7", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();

	assert_int_equal(ASN1_OCTET_STRING_set(value, (const uint8_t *)"\x05", 2), 1);
	X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
	assert_int_equal(X509_CRL_add_ext(crl, ext, -1), 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
}

X509_CRL *pki_crl(const struct crl_spec *spec, const X509 *issuer, EVP_PKEY *issuer_key)
{
	const bool hour = spec->from == 0 && spec->to == 0;
	const bool eddsa = EVP_PKEY_is_a(issuer_key, "ED25519");
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, PKI_NOW + (hour ? -3600 : spec->from));
	ASN1_TIME *to = ASN1_TIME_set(NULL, PKI_NOW + (hour ? 3600 : spec->to));
	EVP_MD *md = sha256();

	assert_int_equal(X509_CRL_set_version(crl, 1), 1);
	assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)), 1);
	X509_CRL_set1_lastUpdate(crl, from);
	if (!spec->endless)
		X509_CRL_set1_nextUpdate(crl, to);
	if (spec->revoked)
		add_entry(crl, spec);
	if (spec->extension) {
		X509V3_CTX ctx;
		X509V3_set_ctx(&ctx, (X509 *)issuer, NULL, NULL, crl, 0);
		X509_EXTENSION *ext =
			X509V3_EXT_conf_nid(NULL, &ctx, spec->extension, spec->extension_value);
		assert_non_null(ext);
		assert_int_equal(X509_CRL_add_ext(crl, ext, -1), 1);
		X509_EXTENSION_free(ext);
	}
	if (spec->delta)
		assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_delta_crl,
					 (void *)X509_get0_serialNumber(issuer), 1, 0),
			1);
	if (spec->unknown_critical)
		add_unknown(crl);
	assert_true(X509_CRL_sign(crl, issuer_key, eddsa ? NULL : md) > 0);
	EVP_MD_free(md);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return crl;
}

void pki_der_crl(struct pki_file *f, X509_CRL *crl)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_append(f, bio, i2d_X509_CRL_bio(bio, crl));
}

void pki_pem_crl(struct pki_file *f, X509_CRL *crl)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_append(f, bio, PEM_write_bio_X509_CRL(bio, crl));
}

static OCSP_BASICRESP *basic_answer(const struct ocsp_spec *spec)
{
	const bool hour = spec->from == 0 && spec->to == 0;
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	ASN1_TIME *since = ASN1_TIME_set(NULL, PKI_NOW - 1000);
	ASN1_TIME *from = ASN1_TIME_set(NULL, PKI_NOW + (hour ? -3600 : spec->from));
	ASN1_TIME *to = ASN1_TIME_set(NULL, PKI_NOW + (hour ? 3600 : spec->to));
	EVP_MD *id_md = EVP_MD_fetch(NULL, spec->digest ? spec->digest : "SHA1", NULL);
	EVP_MD *md = sha256();
	OCSP_CERTID *id = OCSP_cert_to_id(id_md, spec->about, spec->issuer);
	bool revoked = spec->status == V_OCSP_CERTSTATUS_REVOKED;

	assert_non_null(OCSP_basic_add1_status(basic, id, spec->status, spec->reason,
		revoked ? since : NULL, from, spec->endless ? NULL : to));
	if (spec->question)
		OCSP_copy_nonce(basic, (OCSP_REQUEST *)spec->question);
	assert_int_equal(OCSP_basic_sign(basic, spec->signer ? spec->signer : (X509 *)spec->issuer,
				 spec->signer_key, md, NULL, spec->bare ? OCSP_NOCERTS : 0),
		1);
	OCSP_CERTID_free(id);
	EVP_MD_free(id_md);
	EVP_MD_free(md);
	ASN1_TIME_free(since);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return basic;
}

void pki_ocsp(struct pki_file *f, const struct ocsp_spec *spec)
{
	OCSP_BASICRESP *basic = spec->response ? NULL : basic_answer(spec);
	OCSP_RESPONSE *r = OCSP_response_create(spec->response, basic);
	BIO *bio = BIO_new(BIO_s_mem());

	assert_non_null(r);
	pki_append(f, bio, i2d_OCSP_RESPONSE_bio(bio, r));
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(r);
}
