#include "crypto/prf.h"
#include "lib/test.h"
#include "lib/vectors.h"

#include <stdlib.h>

/* One case of the key-derivation vectors: octets of its fields, and where the result goes. */
struct kdf {
	const struct alg *prf;
	uint8_t ikm[600], gxy[600], ni[600], nr[600], seed[600], okm[1024];
	size_t ikm_n, gxy_n, ni_n, nr_n, seed_n, okm_n;
	uint8_t got[1024];
	size_t got_n;
};

static void kdf_read(struct kdf *k, const struct vectors *v)
{
	k->prf = alg_by_name(TRANSFORM_PRF, vector_text(v, "prf"));
	assert_non_null(k->prf);
	k->ikm_n = vector_hex(v, "ikm", k->ikm, sizeof(k->ikm));
	k->gxy_n = vector_hex(v, "gxy", k->gxy, sizeof(k->gxy));
	k->ni_n = vector_hex(v, "ni", k->ni, sizeof(k->ni));
	k->nr_n = vector_hex(v, "nr", k->nr, sizeof(k->nr));
	k->seed_n = vector_hex(v, "seed", k->seed, sizeof(k->seed));
	k->okm_n = vector_hex(v, "okm", k->okm, sizeof(k->okm));
}

static void kdf_prf(struct kdf *k, struct bytes key, const struct bytes *parts, size_t n)
{
	struct secret out;
	struct err e;

	assert_ok(&e, prf(k->prf, key, parts, n, &out, &e));
	memcpy(k->got, out.data, out.len);
	k->got_n = out.len;
}

/* RFC 7296 section 2.14, SKEYSEED = prf(Ni | Nr, g^ir), and the same formula for signatures in
 * RFC 2409 section 5. */
static void kdf_nonces(struct kdf *k)
{
	uint8_t nonces[sizeof(k->ni) + sizeof(k->nr)];
	struct bytes gxy = { k->ikm, k->ikm_n };

	memcpy(nonces, k->ni, k->ni_n);
	memcpy(nonces + k->ni_n, k->nr, k->nr_n);
	kdf_prf(k, (struct bytes){ nonces, k->ni_n + k->nr_n }, &gxy, 1);
}

/* RFC 7296 section 2.18: SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr). */
static void kdf_rekey(struct kdf *k)
{
	struct bytes parts[] = { { k->gxy, k->gxy_n }, { k->ni, k->ni_n }, { k->nr, k->nr_n } };

	kdf_prf(k, (struct bytes){ k->ikm, k->ikm_n }, parts, 3);
}

/* RFC 2409 section 5: SKEYID = prf(pre-shared-key, Ni_b | Nr_b). */
static void kdf_v1_psk(struct kdf *k)
{
	struct bytes parts[] = { { k->ni, k->ni_n }, { k->nr, k->nr_n } };

	kdf_prf(k, (struct bytes){ k->ikm, k->ikm_n }, parts, 2);
}

/* RFC 2409 section 5: SKEYID_d, _a and _e, each from the one before. The cookies are ni and nr. */
static void kdf_v1(struct kdf *k, const struct vectors *v)
{
	uint8_t prev[64], number = (uint8_t)vector_number(v, "key_number");
	size_t prev_n = vector_hex(v, "prev", prev, sizeof(prev));
	struct bytes parts[] = { { prev, prev_n }, { k->gxy, k->gxy_n }, { k->ni, k->ni_n },
		{ k->nr, k->nr_n }, { &number, 1 } };

	kdf_prf(k, (struct bytes){ k->ikm, k->ikm_n }, parts, 5);
}

static void kdf_plus(struct kdf *k)
{
	struct bytes seed = { k->seed, k->seed_n };
	struct err e;

	k->got_n = k->okm_n;
	assert_ok(&e,
		prf_plus(k->prf, (struct bytes){ k->ikm, k->ikm_n }, &seed, 1, k->got, k->got_n,
			&e));
}

/* RFC 2409 appendix B: K1 = prf(key, 0), Kn = prf(key, Kn-1). In quick mode (section 5.5):
 * K1 = prf(key, [g(qm)^xy |] seed), Kn = prf(key, Kn-1 | [g(qm)^xy |] seed). */
static void kdf_append(struct kdf *k, bool quick)
{
	static const uint8_t zero;
	struct bytes key = { k->ikm, k->ikm_n };
	size_t done = 0;

	if (!quick && k->okm_n <= k->ikm_n) { /* long enough already */
		memcpy(k->got, k->ikm, k->okm_n);
		k->got_n = k->okm_n;
		return;
	}
	while (done < k->okm_n) {
		size_t last = done ? k->prf->out_len : 0;
		struct bytes parts[] = { { k->got + done - last, last }, { k->gxy, k->gxy_n },
			{ k->seed, k->seed_n }, { &zero, !quick && !done } };
		struct secret out;
		struct err e;
		assert_ok(&e, prf(k->prf, key, parts, 4, &out, &e));
		assert_true(done + out.len <= sizeof(k->got));
		memcpy(k->got + done, out.data, out.len);
		done += out.len;
	}
	k->got_n = k->okm_n;
}

static void key_derivation(void **state)
{
	struct vectors v;
	struct kdf *k = calloc(1, sizeof(*k));

	(void)state;
	assert_non_null(k);
	vectors_open(&v, "ike_kdf.txt");
	while (vectors_next(&v)) {
		kdf_read(k, &v);
		if (vector_is(&v, "type", "ikeGxy"))
			kdf_nonces(k);
		else if (vector_is(&v, "type", "ikeV2Rekey"))
			kdf_rekey(k);
		else if (vector_is(&v, "type", "ikeV1Psk"))
			kdf_v1_psk(k);
		else if (vector_is(&v, "type", "ikeV1"))
			kdf_v1(k, &v);
		else if (vector_is(&v, "type", "ikePlus"))
			kdf_plus(k);
		else if (vector_is(&v, "type", "ikeV1AppB"))
			kdf_append(k, false);
		else if (vector_is(&v, "type", "ikeV1AppBQuick"))
			kdf_append(k, true);
		else
			fail_msg("%s: type %s", vector_text(&v, "id"), vector_text(&v, "type"));
		if (k->got_n != k->okm_n || memcmp(k->got, k->okm, k->okm_n) != 0)
			fail_msg("%s %s differs", vector_text(&v, "id"), vector_text(&v, "type"));
	}
	assert_int_equal(v.cases, 64);
	vectors_close(&v);
	free(k);
}

static void hmac_file(const char *name, unsigned cases)
{
	uint8_t key[256], msg[512], tag[64];
	struct secret out;
	struct vectors v;
	struct err e;

	vectors_open(&v, name);
	while (vectors_next(&v)) {
		const struct alg *a = alg_by_name(TRANSFORM_PRF, vector_text(&v, "prf"));
		struct bytes k = { key, vector_hex(&v, "key", key, sizeof(key)) };
		size_t n = vector_hex(&v, "msg", msg, sizeof(msg));
		size_t tag_n = vector_hex(&v, "tag", tag, sizeof(tag));
		/* In two parts, cut somewhere. */
		struct bytes parts[] = { { msg, n / 3 }, { msg + n / 3, n - n / 3 } };
		assert_non_null(a);
		assert_ok(&e, prf(a, k, parts, 2, &out, &e));
		assert_int_equal(out.len, a->out_len);
		assert_in_range(tag_n, 10, out.len);
		bool same = memcmp(out.data, tag, tag_n) == 0;
		if (same == vector_is(&v, "result", "invalid"))
			fail_msg("%s %s", name, vector_text(&v, "id"));
	}
	assert_int_equal(v.cases, cases);
	vectors_close(&v);
}

static void hmac_of_the_rfcs(void **state)
{
	(void)state;
	hmac_file("rfc_hmac.txt", 77);
}

static void hmac_of_wycheproof(void **state)
{
	(void)state;
	hmac_file("wycheproof_hmac.txt", 692);
}

static void prf_plus_lengths(void **state)
{
	const struct alg *a = alg_by_name(TRANSFORM_PRF, "prfsha1");
	static uint8_t long_one[255 * 20 + 1], short_one[255 * 20 + 1];
	struct bytes key = BYTES("key"), whole = BYTES("seed"),
		     parts[] = { BYTES("se"), BYTES("ed") };
	struct err e;

	(void)state;
	assert_ok(&e, prf_plus(a, key, &whole, 1, long_one, 255 * 20, &e));
	assert_ok(&e, prf_plus(a, key, parts, 2, short_one, 41, &e));
	assert_memory_equal(short_one, long_one, 41);
	assert_int_equal(short_one[41], 0); /* not one octet more */
	assert_ok(&e, prf_plus(a, key, &whole, 1, short_one, 0, &e));
	assert_refused(&e, ERR_BUG, prf_plus(a, key, &whole, 1, long_one, sizeof(long_one), &e));
}

static void digests(void **state)
{
	static const struct {
		const char *name, *hex;
	} of_abc[] = {
		{ "SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "SHA256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "MD5", "900150983cd24fb0d6963f7d28e17f72" },
		{ "MD4", "a448017aaf21d8525fc10ae87aa6729d" }, /* RFC 1320 appendix A.5 */
	};
	struct bytes parts[] = { BYTES("a"), BYTES(""), BYTES("bc") };
	uint8_t out[DIGEST_MAX], want[DIGEST_MAX];
	struct err e;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(of_abc); i++) {
		assert_ok(&e, digest(of_abc[i].name, parts, 3, out, &n, &e));
		assert_int_equal(n, test_hex(of_abc[i].hex, want, sizeof(want)));
		assert_memory_equal(out, want, n);
	}
	assert_refused(&e, ERR_LOCAL, digest("NO-SUCH-DIGEST", parts, 3, out, &n, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_derivation),
		cmocka_unit_test(hmac_of_the_rfcs),
		cmocka_unit_test(hmac_of_wycheproof),
		cmocka_unit_test(prf_plus_lengths),
		cmocka_unit_test(digests),
	};

	return cmocka_run_group_tests(tests, NULL, test_crypto_teardown);
}
