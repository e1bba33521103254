#include "lib/pki.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "lib/test.h"

EVP_PKEY *pki_key(const char *type, const char *curve_or_bits)
{
	EVP_PKEY *key;

	if (strcmp(type, "RSA") == 0)
		key = pki_rsa((unsigned)strtoul(curve_or_bits, NULL, 10), 65537);
	else if (strcmp(type, "EC") == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve_or_bits);
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, type);
	assert_non_null(key);
	return key;
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	if (!value)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

static void add_names(X509 *x, const struct pki_spec *spec, X509 *issuer)
{
	X509_NAME *name = X509_NAME_new();

	assert_non_null(name);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Test", -1, -1, 0);
	if (spec->ou)
		X509_NAME_add_entry_by_txt(
			name, "OU", MBSTRING_UTF8, (const uint8_t *)spec->ou, -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)spec->cn, -1, -1, 0);
	assert_int_equal(X509_set_subject_name(x, name), 1);
	assert_int_equal(X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : name), 1);
	X509_NAME_free(name);
}

X509 *pki_issue(const struct pki_spec *spec, X509 *issuer, EVP_PKEY *issuer_key)
{
	static long serial;
	const bool day = spec->from == 0 && spec->to == 0;
	EVP_PKEY *signer = issuer_key ? issuer_key : spec->key;
	const bool eddsa = EVP_PKEY_is_a(signer, "ED25519") || EVP_PKEY_is_a(signer, "ED448");
	X509 *x = X509_new();

	assert_non_null(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(x), PKI_NOW + (day ? -86400 : spec->from));
	ASN1_TIME_set(X509_getm_notAfter(x), PKI_NOW + (day ? 86400 : spec->to));
	add_names(x, spec, issuer);
	assert_int_equal(X509_set_pubkey(x, spec->key), 1);
	add_extension(x, issuer ? issuer : x, NID_subject_key_identifier, "hash");
	add_extension(x, issuer ? issuer : x, NID_basic_constraints,
		spec->ca ? "critical,CA:TRUE" : NULL);
	add_extension(x, issuer ? issuer : x, NID_key_usage,
		spec->ca ? "critical,keyCertSign,cRLSign" : spec->usage);
	add_extension(x, issuer ? issuer : x, NID_subject_alt_name, spec->san);
	add_extension(x, issuer ? issuer : x, NID_ext_key_usage, spec->extended);
	add_extension(x, issuer ? issuer : x, NID_info_access, spec->access);
	add_extension(x, issuer ? issuer : x, NID_crl_distribution_points, spec->points);
	add_extension(x, issuer ? issuer : x, NID_name_constraints, spec->constraints);
	/* Fetched, and not looked up: without a digest OpenSSL would take one by itself. */
	EVP_MD *md = EVP_MD_fetch(NULL, spec->digest ? spec->digest : "SHA256", NULL);
	assert_non_null(md);
	assert_true(X509_sign(x, signer, eddsa ? NULL : md) > 0);
	EVP_MD_free(md);
	return x;
}

struct cert *pki_cert(X509 *x)
{
	struct pki_file f = { .len = 0 };
	struct err e;

	pki_der_cert(&f, x);
	struct cert *c = cert_from_der(pki_bytes(&f), &e);
	if (!c)
		fail_msg("%s", e.text);
	return c;
}

struct cert *pki_cert_of_key(const uint8_t *spki, size_t n)
{
	EVP_PKEY *key = d2i_PUBKEY(NULL, &spki, (long)n), *signer = pki_key("ED25519", NULL);
	struct pki_spec spec = { .cn = "key", .key = key };

	assert_non_null(key);
	X509 *x = pki_issue(&spec, NULL, signer);
	struct cert *c = pki_cert(x);
	X509_free(x);
	EVP_PKEY_free(key);
	EVP_PKEY_free(signer);
	return c;
}

void pki_append(struct pki_file *f, BIO *bio, int ok)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	assert_true(ok > 0 && n > 0 && f->len + (size_t)n <= sizeof(f->data));
	memcpy(f->data + f->len, p, (size_t)n);
	f->len += (size_t)n;
	BIO_free(bio);
}

void pki_pem_cert(struct pki_file *f, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_append(f, bio, PEM_write_bio_X509(bio, x));
}

void pki_pem_trusted(struct pki_file *f, X509 *x, int trusted_for, int rejected_for)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *copy = X509_dup(x);

	assert_non_null(copy);
	if (trusted_for)
		assert_int_equal(X509_add1_trust_object(copy, OBJ_nid2obj(trusted_for)), 1);
	if (rejected_for)
		assert_int_equal(X509_add1_reject_object(copy, OBJ_nid2obj(rejected_for)), 1);
	pki_append(f, bio, PEM_write_bio_X509_AUX(bio, copy));
	X509_free(copy);
}

void pki_pem_key(struct pki_file *f, EVP_PKEY *key, const char *pass)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_append(f, bio,
		PEM_write_bio_PKCS8PrivateKey(bio, key, pass ? EVP_aes_128_cbc() : NULL, pass,
			pass ? (int)strlen(pass) : 0, NULL, NULL));
}

void pki_old_key(struct pki_file *f, EVP_PKEY *key, const char *cipher, const char *pass)
{
	BIO *bio = BIO_new(BIO_s_mem());
	EVP_CIPHER *c = cipher ? EVP_CIPHER_fetch(NULL, cipher, NULL) : NULL;

	pki_append(f, bio,
		PEM_write_bio_PrivateKey_traditional(bio, key, c, (const unsigned char *)pass,
			pass ? (int)strlen(pass) : 0, NULL, NULL));
	EVP_CIPHER_free(c);
}

void pki_pem_public(struct pki_file *f, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_append(f, bio, PEM_write_bio_PUBKEY(bio, key));
}

void pki_pem_request(struct pki_file *f, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
	X509_REQ *request = X509_REQ_new();

	assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
	assert_true(X509_REQ_sign(request, key, md) > 0);
	pki_append(f, bio, PEM_write_bio_X509_REQ(bio, request));
	X509_REQ_free(request);
	EVP_MD_free(md);
}

void pki_pem_curve(struct pki_file *f)
{
	static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
		0x07 };
	BIO *bio = BIO_new(BIO_s_mem());

	pki_append(f, bio, PEM_write_bio(bio, PEM_STRING_ECPARAMETERS, "", p256, sizeof(p256)));
}

void pki_der_cert(struct pki_file *f, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_append(f, bio, i2d_X509_bio(bio, x));
}

void pki_der_key(struct pki_file *f, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_append(f, bio, i2d_PKCS8PrivateKey_bio(bio, key, NULL, NULL, 0, NULL, NULL));
}

void pki_der_public(struct pki_file *f, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_append(f, bio, i2d_PUBKEY_bio(bio, key));
}

void pki_p12(struct pki_file *f, EVP_PKEY *key, X509 *own, X509 *ca, const char *pass)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	BIO *bio = BIO_new(BIO_s_mem());

	assert_true(sk_X509_push(chain, ca) > 0);
	PKCS12 *p12 = PKCS12_create(pass, "test", key, own, chain, 0, 0, 1000, 1000, 0);
	assert_non_null(p12);
	pki_append(f, bio, i2d_PKCS12_bio(bio, p12));
	PKCS12_free(p12);
	sk_X509_free(chain);
}

static OSSL_LIB_CTX *legacy(OSSL_PROVIDER *providers[2])
{
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();

	providers[0] = OSSL_PROVIDER_load(ctx, "default");
	providers[1] = OSSL_PROVIDER_load(ctx, "legacy");
	assert_true(providers[0] && providers[1]);
	return ctx;
}

static void legacy_free(OSSL_LIB_CTX *ctx, OSSL_PROVIDER *providers[2])
{
	OSSL_PROVIDER_unload(providers[0]);
	OSSL_PROVIDER_unload(providers[1]);
	OSSL_LIB_CTX_free(ctx);
}

void pki_legacy_p12(
	struct pki_file *f, EVP_PKEY *key, X509 *own, int pbe_key, int pbe_certs, const char *pass)
{
	OSSL_PROVIDER *providers[2];
	OSSL_LIB_CTX *ctx = legacy(providers);
	BIO *bio = BIO_new(BIO_s_mem());
	PKCS12 *p12 = PKCS12_create_ex(
		pass, "test", key, own, NULL, pbe_key, pbe_certs, 1000, 1000, 0, ctx, NULL);

	assert_non_null(p12);
	pki_append(f, bio, i2d_PKCS12_bio(bio, p12));
	PKCS12_free(p12);
	legacy_free(ctx, providers);
}

void pki_legacy_key(
	struct pki_file *f, EVP_PKEY *key, int pbe, const char *cipher, const char *pass)
{
	OSSL_PROVIDER *providers[2];
	OSSL_LIB_CTX *ctx = legacy(providers);
	BIO *bio = BIO_new(BIO_s_mem());
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
	/* OpenSSL's list, by which it knows the object identifier, is cut short. */
	EVP_add_cipher(EVP_rc2_cbc());
	EVP_CIPHER *c = cipher ? EVP_CIPHER_fetch(ctx, cipher, NULL) : NULL;
	X509_SIG *sealed =
		PKCS8_encrypt_ex(pbe, c, pass, (int)strlen(pass), NULL, 0, 1000, plain, ctx, NULL);

	assert_non_null(sealed);
	pki_append(f, bio, PEM_write_bio_PKCS8(bio, sealed));
	X509_SIG_free(sealed);
	PKCS8_PRIV_KEY_INFO_free(plain);
	EVP_CIPHER_free(c);
	legacy_free(ctx, providers);
}

struct bytes pki_bytes(const struct pki_file *f)
{
	return (struct bytes){ f->data, f->len };
}

struct trust *pki_trust(X509 *anchor)
{
	struct pki_file f = { .len = 0 };
	struct err e;
	struct trust *t = trust_new(&e);
	size_t added;

	assert_non_null(t);
	pki_pem_cert(&f, anchor);
	assert_ok(&e, trust_add(t, pki_bytes(&f), &added, &e));
	assert_int_equal(added, 1);
	return t;
}
