#include "crypto/sig.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "ossl.h"
#include "x509.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, ALGID_MAX = 80, PLAIN_MAX = 132 };

enum sig_kind { SIG_PKCS1, SIG_PSS, SIG_ECDSA, SIG_EDDSA };

/* One way to sign. The octets are the DER AlgorithmIdentifier of RFC 7427 appendix A and RFC 8420
 * appendix A; that of RSASSA-PSS has parameters, which a signer may write in other ways: it is read by
 * pss_read, and written for SHA-256 alone. */
struct sig_alg {
	enum sig_kind kind;
	const char *digest; /* NULL: the message itself is signed */
	uint8_t hash; /* SIGHASH_ number */
	const char *key; /* type of key where it follows from the algorithm */
	const char *name;
	uint8_t der_len;
	uint8_t der[67];
};

static const struct sig_alg algs[] = {
	{ SIG_PKCS1, "SHA256", SIGHASH_SHA2_256, "RSA", "RSA with SHA2-256", 15,
		{ 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b, 5, 0 } },
	{ SIG_PKCS1, "SHA384", SIGHASH_SHA2_384, "RSA", "RSA with SHA2-384", 15,
		{ 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0c, 5, 0 } },
	{ SIG_PKCS1, "SHA512", SIGHASH_SHA2_512, "RSA", "RSA with SHA2-512", 15,
		{ 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0d, 5, 0 } },
	{ SIG_ECDSA, "SHA256", SIGHASH_SHA2_256, "EC", "ECDSA with SHA2-256", 12,
		{ 0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 } },
	{ SIG_ECDSA, "SHA384", SIGHASH_SHA2_384, "EC", "ECDSA with SHA2-384", 12,
		{ 0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3 } },
	{ SIG_ECDSA, "SHA512", SIGHASH_SHA2_512, "EC", "ECDSA with SHA2-512", 12,
		{ 0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4 } },
	{ SIG_EDDSA, NULL, SIGHASH_IDENTITY, "ED25519", "Ed25519", 7,
		{ 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 } },
	{ SIG_EDDSA, NULL, SIGHASH_IDENTITY, "ED448", "Ed448", 7,
		{ 0x30, 5, 6, 3, 0x2b, 0x65, 0x71 } },
};

static const struct sig_alg pss_algs[] = {
	{ SIG_PSS, "SHA256", SIGHASH_SHA2_256, "RSA", "RSA-PSS with SHA2-256", 67,
		{ 0x30, 65, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10, 0x30, 52, 0xa0, 15,
			0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 0xa1, 28, 0x30,
			26, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8, 0x30, 13, 6, 9, 0x60,
			0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 0xa2, 3, 2, 1, 32 } },
	{ SIG_PSS, "SHA384", SIGHASH_SHA2_384, "RSA", "RSA-PSS with SHA2-384", 0, { 0 } },
	{ SIG_PSS, "SHA512", SIGHASH_SHA2_512, "RSA", "RSA-PSS with SHA2-512", 0, { 0 } },
};

/* RSA of RFC 7296 section 3.8, and what some gateways sign in its place. */
static const struct sig_alg rsa_sha1 = { SIG_PKCS1, "SHA1", SIGHASH_SHA1, "RSA", "RSA with SHA-1",
	0, { 0 } };

/* RFC 4754: the curve decides the hash; the signature is r | s, each of the order's length. */
static const struct {
	uint8_t method;
	const char *curve;
	uint8_t alg; /* index in algs */
	uint8_t len;
} ecdsa_rows[] = {
	{ AUTH_ECDSA_256, "prime256v1", 3, 64 },
	{ AUTH_ECDSA_384, "secp384r1", 4, 96 },
	{ AUTH_ECDSA_521, "secp521r1", 5, PLAIN_MAX },
};

/* The row for this key's curve, or -1. */
static int ecdsa_row_of(const EVP_PKEY *key)
{
	char curve[32];
	size_t n;

	if (!EVP_PKEY_is_a(key, "EC") ||
		EVP_PKEY_get_group_name(key, curve, sizeof(curve), &n) != 1)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(ecdsa_rows); i++)
		if (strcmp(curve, ecdsa_rows[i].curve) == 0)
			return (int)i;
	return -1;
}

/* The context is that of EVP_DigestSign or EVP_DigestVerify, just set up. */
static bool set_padding(EVP_PKEY_CTX *ctx, const struct sig_alg *a, int salt_len)
{
	if (a->kind == SIG_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	if (a->kind != SIG_PSS)
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt_len) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, a->digest, NULL) == 1;
}

/* All but the signature. */
static EVP_MD_CTX *sign_begin(const struct key *k, const struct sig_alg *a)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;

	if (ctx && EVP_DigestSignInit_ex(ctx, &pctx, a->digest, NULL, NULL, k->p, NULL) == 1 &&
		set_padding(pctx, a, RSA_PSS_SALTLEN_DIGEST))
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

static bool do_sign(const struct key *k, const struct sig_alg *a, struct bytes data, uint8_t *out,
	size_t *len, struct err *e)
{
	EVP_MD_CTX *ctx = sign_begin(k, a);
	bool ok = ctx && EVP_DigestSign(ctx, out, len, data.p, data.n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok || ossl_err(e, ERR_LOCAL, "cannot sign");
}

/* Exactly 1 is yes. OpenSSL also answers 0 and negative numbers. */
static bool do_verify(
	EVP_PKEY *key, const struct sig_alg *a, int salt_len, struct bytes data, struct bytes sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	bool ok = ctx &&
		EVP_DigestVerifyInit_ex(ctx, &pctx, a->digest, NULL, NULL, key, NULL) == 1 &&
		set_padding(pctx, a, salt_len) &&
		EVP_DigestVerify(ctx, sig.p, sig.n, data.p, data.n) == 1;

	EVP_MD_CTX_free(ctx);
	ossl_err(NULL, ERR_NONE, "");
	return ok;
}

/* DER ECDSA-Sig-Value to r | s, and back. */
static bool ecdsa_to_plain(const uint8_t *der, size_t der_len, uint8_t *out, int len)
{
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
	bool ok = s && BN_bn2binpad(ECDSA_SIG_get0_r(s), out, len / 2) == len / 2 &&
		BN_bn2binpad(ECDSA_SIG_get0_s(s), out + len / 2, len / 2) == len / 2;

	ECDSA_SIG_free(s);
	return ok;
}

static bool ecdsa_from_plain(struct bytes plain, uint8_t *der, size_t cap, size_t *len)
{
	int half = (int)plain.n / 2;
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(plain.p, half, NULL);
	BIGNUM *v = BN_bin2bn((const uint8_t *)plain.p + half, half, NULL);
	int n = 0;

	if (s && r && v && ECDSA_SIG_set0(s, r, v) == 1) {
		r = v = NULL;
		n = i2d_ECDSA_SIG(s, NULL);
		n = n > 0 && (size_t)n <= cap ? i2d_ECDSA_SIG(s, &der) : 0;
	}
	BN_free(r);
	BN_free(v);
	ECDSA_SIG_free(s);
	*len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* The algorithm for method 14: what goes with the curve if the gateway knows that hash, else the
 * first that it knows. RSA takes PKCS#1 v1.5, for some gateways know nothing else. */
static const struct sig_alg *choose(const struct key *k, uint32_t peer_hashes)
{
	int row = ecdsa_row_of(k->p);

	if (row >= 0 && peer_hashes & 1u << algs[ecdsa_rows[row].alg].hash)
		return &algs[ecdsa_rows[row].alg];
	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		if (peer_hashes & 1u << algs[i].hash && EVP_PKEY_is_a(k->p, algs[i].key))
			return &algs[i];
	return NULL;
}

/* Methods 1, 9, 10 and 11, for a gateway that did not announce RFC 7427. */
static bool sign_classic(const struct key *k, bool legacy_sha1, struct bytes data, uint8_t *method,
	uint8_t out[SIG_MAX], size_t *len, struct err *e)
{
	uint8_t der[160];
	size_t n = sizeof(der);
	int row = ecdsa_row_of(k->p);

	if (EVP_PKEY_is_a(k->p, "RSA")) {
		*method = AUTH_RSA;
		*len = SIG_MAX;
		if (!legacy_sha1)
			return err_set(e, ERR_PEER,
				"an RSA key can sign only with SHA-1 here: the gateway did not "
				"announce RFC 7427");
		return do_sign(k, &rsa_sha1, data, out, len, e);
	}
	if (row < 0)
		return err_set(e, ERR_PEER,
			"a key of type %s cannot sign here: the gateway did not announce RFC "
			"7427",
			EVP_PKEY_get0_type_name(k->p));
	*method = ecdsa_rows[row].method;
	*len = ecdsa_rows[row].len;
	return do_sign(k, &algs[ecdsa_rows[row].alg], data, der, &n, e) &&
		(ecdsa_to_plain(der, n, out, (int)*len) || ossl_err(e, ERR_LOCAL, "cannot sign"));
}

/* RFC 7427 section 3: the length of the AlgorithmIdentifier, itself, the signature. */
static bool sign_digital(const struct key *k, const struct sig_alg *a, struct bytes data,
	uint8_t *method, uint8_t out[SIG_MAX], size_t *len, struct err *e)
{
	struct wr w = wr_init(out, SIG_MAX);

	*method = AUTH_DIGITAL_SIGNATURE;
	wr_u8(&w, a->der_len);
	wr_bytes(&w, a->der, a->der_len);
	*len = SIG_MAX - w.len;
	if (!do_sign(k, a, data, out + w.len, len, e))
		return false;
	*len += w.len;
	return true;
}

bool sig_may_pss(const struct key *k, uint32_t peer_hashes)
{
	return EVP_PKEY_is_a(k->p, "RSA") && peer_hashes & 1u << SIGHASH_SHA2_256;
}

bool sig_sign_pss(const struct key *k, struct bytes data, uint8_t *method, uint8_t out[SIG_MAX],
	size_t *len, struct err *e)
{
	return sign_digital(k, &pss_algs[0], data, method, out, len, e);
}

bool sig_sign(const struct key *k, uint32_t peer_hashes, bool legacy_sha1, struct bytes data,
	uint8_t *method, uint8_t out[SIG_MAX], size_t *len, struct err *e)
{
	*len = 0;
	if (peer_hashes == 0)
		return sign_classic(k, legacy_sha1, data, method, out, len, e);
	const struct sig_alg *a = choose(k, peer_hashes);
	if (!a)
		return err_set(e, ERR_PEER,
			"the gateway announced no hash algorithm that goes with a key "
			"of type %s",
			EVP_PKEY_get0_type_name(k->p));
	return sign_digital(k, a, data, method, out, len, e);
}

/* A DER element of this tag with a length of one octet, all that an AlgorithmIdentifier needs. */
static struct rd der_enter(struct rd *r, uint8_t tag)
{
	if (rd_u8(r) != tag)
		r->bad = true;
	uint8_t n = rd_u8(r);

	if (n > 127)
		r->bad = true;
	return rd_sub(r, n);
}

/* An AlgorithmIdentifier of SHA-2, its parameters NULL or absent: SIGHASH_ number, 0 for others. */
static uint8_t der_hash(struct rd *r)
{
	static const uint8_t sha2[] = { 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2 };
	struct rd seq = der_enter(r, 0x30), oid = der_enter(&seq, 6);
	const uint8_t *p = rd_bytes(&oid, sizeof(sha2));
	uint8_t last = rd_u8(&oid);

	if (seq.left > 0)
		der_enter(&seq, 5);
	if (!p || !rd_done(&oid) || !rd_done(&seq) || memcmp(p, sha2, sizeof(sha2)) != 0)
		return 0;
	/* id-sha256, 384, 512 end in 1, 2, 3. */
	return last >= 1 && last <= 3 ? (uint8_t)(SIGHASH_SHA2_256 + last - 1) : 0;
}

/* RSASSA-PSS with all of its parameters there (RFC 4055 section 3.1): empty ones mean SHA-1, and
 * RFC 8247 section 3.3.2 forbids them. */
static const struct sig_alg *pss_read(struct bytes algid, int *salt_len)
{
	static const uint8_t oids[2][9] = { { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10 },
		{ 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8 } }; /* id-RSASSA-PSS, id-mgf1 */
	struct rd all = rd_init(algid.p, algid.n), seq = der_enter(&all, 0x30);
	struct rd oid = der_enter(&seq, 6), params = der_enter(&seq, 0x30);
	struct rd hash = der_enter(&params, 0xa0), mgf = der_enter(&params, 0xa1);
	struct rd mgf_seq = der_enter(&mgf, 0x30), mgf_oid = der_enter(&mgf_seq, 6);
	struct rd salt = der_enter(&params, 0xa2), salt_int = der_enter(&salt, 2);
	const uint8_t *a = rd_bytes(&oid, 9), *b = rd_bytes(&mgf_oid, 9);
	uint8_t number = der_hash(&hash), mgf_number = der_hash(&mgf_seq);

	*salt_len = rd_u8(&salt_int);
	if (params.left > 0) { /* the trailer field, of which there is only 1 */
		struct rd trailer = der_enter(&params, 0xa3), one = der_enter(&trailer, 2);
		if (rd_u8(&one) != 1 || !rd_done(&one) || !rd_done(&trailer))
			return NULL;
	}
	if (!rd_done(&all) || !rd_done(&seq) || !rd_done(&params) || !rd_done(&hash) ||
		!rd_done(&mgf) || !rd_done(&mgf_seq) || !rd_done(&salt) || !rd_done(&salt_int))
		return NULL;
	if (!a || !b || !rd_done(&oid) || !rd_done(&mgf_oid) || memcmp(a, oids[0], 9) != 0 ||
		memcmp(b, oids[1], 9) != 0)
		return NULL;
	if (number != mgf_number || *salt_len > 64)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(pss_algs); i++)
		if (pss_algs[i].hash == number)
			return &pss_algs[i];
	return NULL;
}

static const struct sig_alg *algid_read(struct bytes algid, int *salt_len)
{
	*salt_len = 0;
	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		if (algid.n == algs[i].der_len && memcmp(algid.p, algs[i].der, algid.n) == 0)
			return &algs[i];
	return pss_read(algid, salt_len);
}

static bool check_key(EVP_PKEY *key, struct err *e)
{
	BIGNUM *exponent = NULL;

	if (!key)
		return err_set(e, ERR_AUTH, "the key of the gateway's certificate cannot be read");
	if (EVP_PKEY_is_a(key, "EC") && ecdsa_row_of(key) < 0)
		return err_set(e, ERR_AUTH,
			"the gateway's key lies on an elliptic curve that is not "
			"P-256, P-384 or P-521");
	if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "RSA-PSS"))
		return true;
	int bits = EVP_PKEY_get_bits(key);
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return err_set(e, ERR_AUTH,
			"the gateway's RSA key has %d bits, %d to %d are accepted", bits,
			RSA_BITS_MIN, RSA_BITS_MAX);
	/* Small exponents are what forged PKCS#1 signatures lived on. */
	bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
		BN_num_bits(exponent) >= 17;
	BN_free(exponent);
	return ok ||
		err_set(e, ERR_AUTH, "the gateway's RSA key has a public exponent below 65537");
}

static bool key_fits(const EVP_PKEY *key, const struct sig_alg *a)
{
	return EVP_PKEY_is_a(key, a->key) || (a->kind == SIG_PSS && EVP_PKEY_is_a(key, "RSA-PSS"));
}

static const struct sig_alg *refused(const char *name, struct err *e)
{
	err_set(e, ERR_AUTH, "the gateway's signature (%s) does not fit its certificate", name);
	return NULL;
}

/* The three return the algorithm that sig is good by, or NULL with e. */
static const struct sig_alg *verify_digital(
	EVP_PKEY *key, struct bytes data, struct bytes sig, struct err *e)
{
	struct rd r = rd_init(sig.p, sig.n);
	struct bytes algid, value;
	int salt_len;

	algid.n = rd_u8(&r);
	algid.p = rd_bytes(&r, algid.n);
	value = (struct bytes){ r.p, r.left };
	const struct sig_alg *a = algid.p ? algid_read(algid, &salt_len) : NULL;
	if (!a) {
		err_set(e, ERR_AUTH, "the gateway signed with an algorithm that is not accepted");
		return NULL;
	}
	return key_fits(key, a) && do_verify(key, a, salt_len, data, value) ? a :
									      refused(a->name, e);
}

/* r | s of the curve's length and nothing else. */
static const struct sig_alg *verify_ecdsa(
	EVP_PKEY *key, uint8_t method, struct bytes data, struct bytes sig, struct err *e)
{
	uint8_t der[160];
	int row = ecdsa_row_of(key);
	size_t n;

	if (row < 0 || ecdsa_rows[row].method != method) {
		err_set(e, ERR_AUTH,
			"the gateway's certificate has no key for authentication "
			"method %u",
			method);
		return NULL;
	}
	const struct sig_alg *a = &algs[ecdsa_rows[row].alg];
	bool good = sig.n == ecdsa_rows[row].len && ecdsa_from_plain(sig, der, sizeof(der), &n) &&
		do_verify(key, a, 0, data, (struct bytes){ der, n });
	return good ? a : refused(a->name, e);
}

/* RFC 7296 section 2.15 lets the signer choose the hash and calls SHA-1 the default: a SHA-2 one is
 * always welcome, SHA-1 has to be allowed. */
static const struct sig_alg *verify_rsa(
	EVP_PKEY *key, bool legacy_sha1, struct bytes data, struct bytes sig, struct err *e)
{
	if (!EVP_PKEY_is_a(key, "RSA")) {
		err_set(e, ERR_AUTH,
			"the gateway's certificate has no RSA key, and it says to "
			"have signed with one");
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(algs) && algs[i].kind == SIG_PKCS1; i++)
		if (do_verify(key, &algs[i], 0, data, sig))
			return &algs[i];
	if (!do_verify(key, &rsa_sha1, 0, data, sig))
		return refused("RSA", e);
	if (legacy_sha1)
		return &rsa_sha1;
	err_set(e, ERR_AUTH,
		"the gateway signed with SHA-1, which this profile "
		"does not accept");
	return NULL;
}

bool sig_verify(const struct cert *c, uint8_t method, bool legacy_sha1, struct bytes data,
	struct bytes sig, struct sig_used *used, struct err *e)
{
	EVP_PKEY *key = X509_get0_pubkey(cert_x509(c));
	const struct sig_alg *a;

	if (used)
		*used = (struct sig_used){ .name = "" };
	if (!check_key(key, e))
		return false;
	if (method == AUTH_DIGITAL_SIGNATURE)
		a = verify_digital(key, data, sig, e);
	else if (method == AUTH_RSA)
		a = verify_rsa(key, legacy_sha1, data, sig, e);
	else
		a = verify_ecdsa(key, method, data, sig, e);
	if (a && used)
		*used = (struct sig_used){ a->name, a == &rsa_sha1 };
	return a != NULL;
}

uint32_t sig_hashes(void)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		bits |= 1u << algs[i].hash;
	return bits;
}

/* By a signature that nobody will see. */
void key_warm(const struct key *k, bool time)
{
	const struct sig_alg *a = choose(k, sig_hashes());
	bool slow = EVP_PKEY_is_a(k->p, "RSA");
	EVP_MD_CTX *ctx = a ? sign_begin(k, a) : NULL;
	uint8_t sig[SIG_MAX];
	size_t len = sizeof(sig);

	if (ctx && slow == time)
		(void)!EVP_DigestSign(ctx, sig, &len, (const uint8_t *)"", 1);
	EVP_MD_CTX_free(ctx);
}

/* --- IKEv1 ---------------------------------------------------------------------------------------- */

uint8_t sig_v1_method(const struct key *k)
{
	int row = ecdsa_row_of(k->p);

	if (EVP_PKEY_is_a(k->p, "RSA"))
		return AUTH_RSA;
	return row < 0 ? 0 : ecdsa_rows[row].method;
}

/* Without a digest set OpenSSL takes what it is given for the digest, and puts no name around it. */
static EVP_PKEY_CTX *raw_ctx(EVP_PKEY *key, bool sign)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool ok = ctx && (sign ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) == 1 &&
		(!EVP_PKEY_is_a(key, "RSA") ||
			EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1);

	if (ok)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

bool sig_v1_sign(
	const struct key *k, struct bytes hash, uint8_t out[SIG_MAX], size_t *len, struct err *e)
{
	EVP_PKEY_CTX *ctx = raw_ctx(k->p, true);
	int row = ecdsa_row_of(k->p);
	uint8_t der[160];
	size_t n = row < 0 ? SIG_MAX : sizeof(der);
	bool ok = ctx && EVP_PKEY_sign(ctx, row < 0 ? out : der, &n, hash.p, hash.n) == 1;

	EVP_PKEY_CTX_free(ctx);
	*len = row < 0 ? n : ecdsa_rows[row].len;
	if (ok && row >= 0)
		ok = ecdsa_to_plain(der, n, out, (int)*len);
	return ok || ossl_err(e, ERR_LOCAL, "cannot sign");
}

bool sig_v1_verify(
	const struct cert *c, uint8_t method, struct bytes hash, struct bytes sig, struct err *e)
{
	EVP_PKEY *key = X509_get0_pubkey(cert_x509(c));
	int row = key ? ecdsa_row_of(key) : -1;
	uint8_t der[160];
	size_t n;

	if (!check_key(key, e))
		return false;
	if (method != (EVP_PKEY_is_a(key, "RSA") ? AUTH_RSA : row < 0 ? 0 : ecdsa_rows[row].method))
		return err_set(e, ERR_AUTH,
			"the gateway's certificate has no key for authentication "
			"method %u",
			method);
	if (row >= 0) {
		if (sig.n != ecdsa_rows[row].len || !ecdsa_from_plain(sig, der, sizeof(der), &n))
			return refused("ECDSA", e);
		sig = (struct bytes){ der, n };
	}
	EVP_PKEY_CTX *ctx = raw_ctx(key, false);
	bool ok = ctx && EVP_PKEY_verify(ctx, sig.p, sig.n, hash.p, hash.n) == 1;
	EVP_PKEY_CTX_free(ctx);
	ossl_err(NULL, ERR_NONE, "");
	return ok || refused(row < 0 ? "RSA" : "ECDSA", e);
}
