#include "crypto/sig.h"
#include "crypto/alg.h"
#include "lib/test.h"
#include "lib/vectors.h"
#include "lib/pki.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

enum { SHA2 = 1 << SIGHASH_SHA2_256 | 1 << SIGHASH_SHA2_384 | 1 << SIGHASH_SHA2_512 };

static struct err err;
static const struct bytes data = { "the octets that are signed", 26 };

/* A key with the credentials around it, as a gateway and a client have them. */
struct signer {
	EVP_PKEY *p;
	struct key *key;
	struct cert *cert;
};

static struct signer signer_of(EVP_PKEY *p)
{
	struct signer s = { .p = p };
	struct pki_file f = { .len = 0 };
	struct cert_list none = { .n = 0 };
	bool need_pass;

	pki_der_public(&f, p);
	s.cert = pki_cert_of_key(f.data, f.len);
	f.len = 0;
	pki_der_key(&f, p);
	assert_ok(&err, load_credentials(pki_bytes(&f), NULL, &none, &s.key, &need_pass, &err));
	return s;
}

static void signer_free(struct signer *s)
{
	EVP_PKEY_free(s->p);
	key_free(s->key);
	cert_free(s->cert);
}

static EVP_PKEY *rsa2048(void)
{
	static EVP_PKEY *key; /* making one takes its time */

	if (!key)
		key = pki_key("RSA", "2048");
	assert_int_equal(EVP_PKEY_up_ref(key), 1);
	return key;
}

/* --- Wycheproof */

/* AlgorithmIdentifiers, written out here a second time from RFC 7427 appendix A and RFC 8420. */
static size_t algid(const struct vectors *v, uint8_t *out, size_t cap)
{
	static const struct {
		const char *alg, *hash, *hex;
	} rows[] = {
		{ "rsa", "SHA256", "300d06092a864886f70d01010b0500" },
		{ "rsa", "SHA384", "300d06092a864886f70d01010c0500" },
		{ "rsa", "SHA512", "300d06092a864886f70d01010d0500" },
		{ "ecdsa", "SHA256", "300a06082a8648ce3d040302" },
		{ "ecdsa", "SHA384", "300a06082a8648ce3d040303" },
		{ "ecdsa", "SHA512", "300a06082a8648ce3d040304" },
		{ "ed25519", NULL, "300506032b6570" },
		{ "ed448", NULL, "300506032b6571" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (vector_is(v, "alg", rows[i].alg) &&
			(!rows[i].hash || vector_is(v, "hash", rows[i].hash)))
			return test_hex(rows[i].hex, out, cap);
	return 0;
}

static uint8_t hash_octet(const char *name)
{
	return strcmp(name, "SHA256") == 0 ? 1 : strcmp(name, "SHA384") == 0 ? 2 : 3;
}

/* RSASSA-PSS-params of RFC 4055 with every field there, with or without the NULL behind hashes. */
static size_t pss_algid(
	const char *hash, const char *mgf_hash, uint8_t salt, bool null, uint8_t *out)
{
	static const uint8_t sha2[] = { 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2 };
	static const uint8_t rsa[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1 };
	uint8_t h = null ? 13 : 11; /* of the inner AlgorithmIdentifier */
	struct wr w = wr_init(out, 80);

	wr_u16(&w, (uint16_t)(0x3000 | (11 + 2 + 2 + 2 + h + 2 + 2 + 11 + 2 + h + 5)));
	wr_bytes(&w, rsa, sizeof(rsa));
	wr_u8(&w, 10);
	wr_u16(&w, (uint16_t)(0x3000 | (2 + 2 + h + 2 + 2 + 11 + 2 + h + 5)));
	for (int i = 0; i < 2; i++) {
		wr_u16(&w, (uint16_t)(i == 0 ? 0xa000 | (2 + h) : 0xa100 | (2 + 11 + 2 + h)));
		if (i == 1) {
			wr_u16(&w, (uint16_t)(0x3000 | (11 + 2 + h)));
			wr_bytes(&w, rsa, sizeof(rsa));
			wr_u8(&w, 8);
		}
		wr_u16(&w, (uint16_t)(0x3000 | h));
		wr_bytes(&w, sha2, sizeof(sha2));
		wr_u8(&w, hash_octet(i == 0 ? hash : mgf_hash));
		if (null)
			wr_u16(&w, 0x0500);
	}
	wr_u16(&w, 0xa203);
	wr_u16(&w, 0x0201);
	wr_u8(&w, salt);
	assert_false(w.bad);
	assert_int_equal(out[1] + 2u, w.len);
	return w.len;
}

static void wycheproof(const char *name, unsigned cases)
{
	static uint8_t msg[8192], key[1024], auth[65536];
	uint8_t alg[80];
	struct cert *cert = NULL;
	struct vectors v;

	vectors_open(&v, name);
	while (vectors_next(&v)) {
		size_t n = vector_hex(&v, "key", key, sizeof(key));
		if (n > 0) {
			cert_free(cert);
			cert = pki_cert_of_key(key, n);
		}
		if (v.cases % test_step(7) != 0)
			continue;
		struct bytes m = { msg, vector_hex(&v, "msg", msg, sizeof(msg)) };
		size_t alg_n = vector_is(&v, "alg", "pss") ?
			pss_algid(vector_text(&v, "hash"), vector_text(&v, "mgf"),
				(uint8_t)vector_number(&v, "salt"), v.cases % 2, alg) :
			algid(&v, alg, sizeof(alg));
		struct wr w = wr_init(auth, sizeof(auth));
		wr_u8(&w, (uint8_t)alg_n);
		wr_bytes(&w, alg, alg_n);
		w.len += vector_hex(&v, "sig", auth + w.len, sizeof(auth) - w.len);
		bool ok = sig_verify(cert, AUTH_DIGITAL_SIGNATURE, false, m,
			(struct bytes){ auth, w.len }, NULL, &err);
		/* "acceptable" are PKCS#1 signatures whose DigestInfo lacks its NULL, and such;
		 * a hash for the mask that is not the hash of the message is not taken, nor is a
		 * public exponent that is not the usual one. */
		bool want = vector_is(&v, "result", "valid") && !vector_text(&v, "exponent") &&
			(!vector_text(&v, "mgf") || vector_is(&v, "mgf", vector_text(&v, "hash")));
		if (ok != want)
			fail_msg("%s %s %s: %s", name, vector_text(&v, "id"),
				vector_text(&v, "note"), ok ? "taken" : err.text);
	}
	cert_free(cert);
	assert_int_equal(v.cases, cases);
	vectors_close(&v);
}

static void wycheproof_rsa(void **state)
{
	(void)state;
	wycheproof("wycheproof_rsa.txt", 259);
}

static void wycheproof_pss(void **state)
{
	(void)state;
	wycheproof("wycheproof_pss.txt", 162);
}

static void wycheproof_ecdsa(void **state)
{
	(void)state;
	wycheproof("wycheproof_ecdsa.txt", 988);
}

static void wycheproof_eddsa(void **state)
{
	(void)state;
	wycheproof("wycheproof_ed25519.txt", 151);
	wycheproof("wycheproof_ed448.txt", 87);
}

/* --- what we sign */

struct signed_with {
	EVP_PKEY *(*make)(void);
	uint32_t hashes;
	bool legacy_sha1;
	uint8_t method;
	size_t len; /* 0: not looked at */
	const char *name;
};

static EVP_PKEY *p256(void)
{
	return pki_key("EC", "P-256");
}

static EVP_PKEY *p384(void)
{
	return pki_key("EC", "P-384");
}

static EVP_PKEY *p521(void)
{
	return pki_key("EC", "P-521");
}

static EVP_PKEY *ed25519(void)
{
	return pki_key("ED25519", NULL);
}

static EVP_PKEY *ed448(void)
{
	return pki_key("ED448", NULL);
}

/* Every bit of what was sent counts, and so does the key. */
static void check_verdicts(const struct signer *s, const struct signed_with *w, uint8_t method,
	uint8_t *out, size_t len)
{
	struct signer another = signer_of(p256());
	struct bytes sig = { out, len };
	struct sig_used used;

	if (!sig_verify(s->cert, method, w->legacy_sha1, data, sig, &used, &err))
		fail_msg("%s: %s", w->name, err.text);
	assert_string_equal(used.name, w->name);
	assert_int_equal(used.sha1, strstr(w->name, "SHA-1") != NULL);
	assert_refused(&err, ERR_AUTH,
		sig_verify(s->cert, method, w->legacy_sha1, BYTES("other"), sig, &used, &err));
	assert_string_equal(used.name, "");
	assert_refused(&err, ERR_AUTH,
		sig_verify(another.cert, method, w->legacy_sha1, data, sig, NULL, &err));
	for (size_t bit = 0; bit < 8 * len; bit += 61) {
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (sig_verify(s->cert, method, w->legacy_sha1, data, sig, NULL, &err))
			fail_msg("%s: bit %zu does not count", w->name, bit);
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < len; n += 7)
		if (sig_verify(s->cert, method, w->legacy_sha1, data, (struct bytes){ out, n },
			    NULL, &err))
			fail_msg("%s: %zu octets are enough", w->name, n);
	memset(out, 0, len);
	assert_false(sig_verify(s->cert, method, w->legacy_sha1, data, sig, NULL, &err));
	signer_free(&another);
}

static void signatures(void **state)
{
	static const struct signed_with all[] = {
		{ rsa2048, SHA2, false, 14, 1 + 15 + 256, "RSA with SHA2-256" },
		{ rsa2048, 1 << SIGHASH_SHA2_512, false, 14, 1 + 15 + 256, "RSA with SHA2-512" },
		{ rsa2048, 0, true, AUTH_RSA, 256, "RSA with SHA-1" },
		{ p256, SHA2, false, 14, 0, "ECDSA with SHA2-256" },
		{ p384, SHA2, false, 14, 0, "ECDSA with SHA2-384" },
		{ p521, SHA2, false, 14, 0, "ECDSA with SHA2-512" },
		{ p521, 1 << SIGHASH_SHA2_256, false, 14, 0, "ECDSA with SHA2-256" },
		{ p256, 0, false, AUTH_ECDSA_256, 64, "ECDSA with SHA2-256" },
		{ p384, 0, false, AUTH_ECDSA_384, 96, "ECDSA with SHA2-384" },
		{ p521, 0, false, AUTH_ECDSA_521, 132, "ECDSA with SHA2-512" },
		{ ed25519, SHA2 | 1 << SIGHASH_IDENTITY, false, 14, 1 + 7 + 64, "Ed25519" },
		{ ed448, 1 << SIGHASH_IDENTITY, false, 14, 1 + 7 + 114, "Ed448" },
	};
	uint8_t out[SIG_MAX], method;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct signer s = signer_of(all[i].make());
		for (enum warm step = WARM_TABLES; step < WARM_STEPS; step++) {
			crypto_warm(step, &(struct warm_for){ .own = s.key });
			assert_int_equal(ERR_peek_error(), 0);
		}
		assert_ok(&err,
			sig_sign(s.key, all[i].hashes, all[i].legacy_sha1, data, &method, out, &len,
				&err));
		assert_int_equal(method, all[i].method);
		if (all[i].len)
			assert_int_equal(len, all[i].len);
		check_verdicts(&s, &all[i], method, out, len);
		signer_free(&s);
	}
}

static void rsa_by_pss(void **state)
{
	static const struct signed_with with = { .name = "RSA-PSS with SHA2-256" };
	struct signer s = signer_of(rsa2048()), ec = signer_of(p256());
	uint8_t out[SIG_MAX], method;
	size_t len;

	(void)state;
	assert_true(sig_may_pss(s.key, SHA2));
	assert_false(sig_may_pss(s.key, 1 << SIGHASH_SHA2_384));
	assert_false(sig_may_pss(ec.key, SHA2));
	assert_ok(&err, sig_sign_pss(s.key, data, &method, out, &len, &err));
	assert_int_equal(method, AUTH_DIGITAL_SIGNATURE);
	assert_int_equal(len, 1 + 67 + 256);
	check_verdicts(&s, &with, method, out, len);
	signer_free(&s);
	signer_free(&ec);
}

static void nothing_in_common(void **state)
{
	struct signer rsa = signer_of(rsa2048()), ed = signer_of(ed25519());
	uint8_t out[SIG_MAX], method;
	size_t len;

	(void)state;
	assert_refused(&err, ERR_PEER, sig_sign(rsa.key, 0, false, data, &method, out, &len, &err));
	assert_refused(&err, ERR_PEER,
		sig_sign(rsa.key, 1 << SIGHASH_SHA1, true, data, &method, out, &len, &err));
	assert_refused(
		&err, ERR_PEER, sig_sign(ed.key, SHA2, false, data, &method, out, &len, &err));
	assert_refused(&err, ERR_PEER, sig_sign(ed.key, 0, true, data, &method, out, &len, &err));
	assert_int_equal(sig_hashes(), SHA2 | 1 << SIGHASH_IDENTITY);
	signer_free(&rsa);
	signer_free(&ed);
}

/* --- what we refuse */

static size_t raw_rsa(EVP_PKEY *key, const char *md, uint8_t *out, size_t cap)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = cap;

	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, md, NULL, NULL, key, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, out, &n, data.p, data.n), 1);
	EVP_MD_CTX_free(ctx);
	return n;
}

static bool verify_with_algid(const struct cert *c, const char *hex, const uint8_t *sig, size_t n)
{
	uint8_t auth[SIG_MAX];
	size_t alg_n = test_hex(hex, auth + 1, 128);

	auth[0] = (uint8_t)alg_n;
	memcpy(auth + 1 + alg_n, sig, n);
	return sig_verify(c, AUTH_DIGITAL_SIGNATURE, true, data,
		(struct bytes){ auth, 1 + alg_n + n }, NULL, &err);
}

static void sha1_and_bare_pss(void **state)
{
	struct signer s = signer_of(rsa2048());
	uint8_t sig[SIG_MAX];
	size_t n = raw_rsa(s.p, "SHA1", sig, sizeof(sig));

	(void)state;
	/* Good signatures, by sha1WithRSAEncryption, by RSASSA-PSS without parameters, by MD5. */
	assert_false(verify_with_algid(s.cert, "300d06092a864886f70d0101050500", sig, n));
	assert_non_null(strstr(err.text, "not accepted"));
	assert_false(verify_with_algid(s.cert, "300d06092a864886f70d01010a3000", sig, n));
	assert_false(verify_with_algid(s.cert, "300b06092a864886f70d01010a", sig, n));
	assert_false(verify_with_algid(s.cert, "300d06092a864886f70d0101040500", sig, n));
	/* Method 1 with SHA-1 only where it is allowed, with SHA-2 always. */
	assert_refused(&err, ERR_AUTH,
		sig_verify(s.cert, AUTH_RSA, false, data, (struct bytes){ sig, n }, NULL, &err));
	assert_non_null(strstr(err.text, "SHA-1"));
	assert_ok(&err,
		sig_verify(s.cert, AUTH_RSA, true, data, (struct bytes){ sig, n }, NULL, &err));
	n = raw_rsa(s.p, "SHA256", sig, sizeof(sig));
	/* What it says to be has to be what it is: an RSA signature is none of ECDSA. */
	assert_false(verify_with_algid(s.cert, "300a06082a8648ce3d040302", sig, n));
	assert_true(verify_with_algid(s.cert, "300d06092a864886f70d01010b0500", sig, n));
	assert_ok(&err,
		sig_verify(s.cert, AUTH_RSA, false, data, (struct bytes){ sig, n }, NULL, &err));
	signer_free(&s);
}

/* The parameters of RSASSA-PSS, changed one octet at a time: none of it may be taken for good. */
static void mangled_pss(void **state)
{
	struct signer s = signer_of(rsa2048());
	uint8_t auth[SIG_MAX], sig[256];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	size_t n = sizeof(sig);
	struct sig_used used;

	(void)state;
	assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, "SHA384", NULL, NULL, s.p, NULL), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 48), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, data.p, data.n), 1);
	EVP_MD_CTX_free(ctx);
	size_t alg_n = pss_algid("SHA384", "SHA384", 48, true, auth + 1);
	auth[0] = (uint8_t)alg_n;
	memcpy(auth + 1 + alg_n, sig, n);
	struct bytes all = { auth, 1 + alg_n + n };
	assert_ok(&err, sig_verify(s.cert, AUTH_DIGITAL_SIGNATURE, false, data, all, &used, &err));
	assert_string_equal(used.name, "RSA-PSS with SHA2-384");
	for (size_t i = 0; i <= alg_n; i++)
		for (unsigned change = 1; change < 256; change += test_step(17)) {
			auth[i] ^= (uint8_t)change;
			if (sig_verify(
				    s.cert, AUTH_DIGITAL_SIGNATURE, false, data, all, NULL, &err))
				fail_msg("octet %zu changed by %02x", i, change);
			auth[i] ^= (uint8_t)change;
		}
	signer_free(&s);
}

static void small_rsa_keys(void **state)
{
	struct signer small = signer_of(pki_key("RSA", "1024"));
	EVP_PKEY *cubic = pki_rsa(2048, 3);
	uint8_t sig[SIG_MAX];

	(void)state;
	size_t n = raw_rsa(small.p, "SHA256", sig, sizeof(sig));
	assert_false(verify_with_algid(small.cert, "300d06092a864886f70d01010b0500", sig, n));
	assert_non_null(strstr(err.text, "1024 bits"));
	struct signer s = signer_of(cubic);
	n = raw_rsa(s.p, "SHA256", sig, sizeof(sig));
	assert_false(verify_with_algid(s.cert, "300d06092a864886f70d01010b0500", sig, n));
	assert_non_null(strstr(err.text, "exponent"));
	signer_free(&small);
	signer_free(&s);
}

static void methods_and_keys(void **state)
{
	static const uint8_t methods[] = { 0, AUTH_RSA, AUTH_PSK, 3, AUTH_ECDSA_384, AUTH_ECDSA_521,
		AUTH_NULL, 255 };
	struct signer s = signer_of(p256()), odd = signer_of(pki_key("EC", "secp256k1"));
	uint8_t out[SIG_MAX], method;
	size_t len;

	(void)state;
	assert_ok(&err, sig_sign(s.key, 0, false, data, &method, out, &len, &err));
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		assert_refused(&err, ERR_AUTH,
			sig_verify(s.cert, methods[i], true, data, (struct bytes){ out, len }, NULL,
				&err));
	assert_ok(&err,
		sig_verify(s.cert, AUTH_ECDSA_256, false, data, (struct bytes){ out, len }, NULL,
			&err));
	assert_refused(&err, ERR_AUTH,
		sig_verify(odd.cert, AUTH_ECDSA_256, false, data, (struct bytes){ out, len }, NULL,
			&err));
	signer_free(&s);
	signer_free(&odd);
}

/* RFC 4754 section 7: r and s have the length of the order, no more and no less. */
static void padded_plain_ecdsa(void **state)
{
	struct signer s = signer_of(p256());
	uint8_t out[SIG_MAX], padded[66] = { 0 }, method;
	size_t len;

	(void)state;
	assert_ok(&err, sig_sign(s.key, 0, false, data, &method, out, &len, &err));
	memcpy(padded + 1, out, 32);
	memcpy(padded + 34, out + 32, 32);
	assert_refused(&err, ERR_AUTH,
		sig_verify(s.cert, method, false, data, (struct bytes){ padded, sizeof(padded) },
			NULL, &err));
	signer_free(&s);
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY *key = rsa2048();
	EVP_PKEY_free(key);
	EVP_PKEY_free(key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wycheproof_rsa),
		cmocka_unit_test(wycheproof_pss),
		cmocka_unit_test(wycheproof_ecdsa),
		cmocka_unit_test(wycheproof_eddsa),
		cmocka_unit_test(signatures),
		cmocka_unit_test(rsa_by_pss),
		cmocka_unit_test(nothing_in_common),
		cmocka_unit_test(sha1_and_bare_pss),
		cmocka_unit_test(mangled_pss),
		cmocka_unit_test(small_rsa_keys),
		cmocka_unit_test(methods_and_keys),
		cmocka_unit_test(padded_plain_ecdsa),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
