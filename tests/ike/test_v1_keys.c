#include "../../src/ike/v1_sa.h"
#include "crypto/alg.h"
#include "lib/test.h"
#include "lib/vectors.h"

/* The engine's own key derivation against the vectors for IKEv1 (RFC 2409 section 5, appendix B). */

struct fixture {
	struct v1_sa sa;
	struct v1_phase1 p1;
	struct secret out, prev;
	uint8_t ikm[1200], gxy[1200], okm[512], seed[600];
	size_t ikm_n, gxy_n, okm_n, seed_n, prev_n;
};

static void read_case(struct fixture *f, const struct vectors *v)
{
	memset(f, 0, sizeof(*f));
	f->sa.p1 = &f->p1;
	f->sa.suite.prf = alg_by_name(TRANSFORM_PRF, vector_text(v, "prf"));
	assert_non_null(f->sa.suite.prf);
	f->p1.ni_len = vector_hex(v, "ni", f->p1.ni, sizeof(f->p1.ni));
	f->p1.nr_len = vector_hex(v, "nr", f->p1.nr, sizeof(f->p1.nr));
	f->ikm_n = vector_hex(v, "ikm", f->ikm, sizeof(f->ikm));
	f->gxy_n = vector_hex(v, "gxy", f->gxy, sizeof(f->gxy));
	f->okm_n = vector_hex(v, "okm", f->okm, sizeof(f->okm));
	f->seed_n = vector_hex(v, "seed", f->seed, sizeof(f->seed));
	f->prev.len = vector_hex(v, "prev", f->prev.data, sizeof(f->prev.data));
}

static void by_signature(struct fixture *f)
{
	struct err e;

	f->sa.method = V1_RSA;
	assert_ok(&e, v1_skeyid(&f->sa, NULL, (struct bytes){ f->ikm, f->ikm_n }, &e));
	f->out = f->sa.skeyid;
}

static void by_shared_key(struct fixture *f)
{
	struct passphrase psk;
	struct err e;

	f->sa.method = V1_PSK;
	assert_true(passphrase_set(&psk, (const char *)f->ikm, f->ikm_n));
	assert_ok(&e, v1_skeyid(&f->sa, &psk, (struct bytes){ 0 }, &e));
	f->out = f->sa.skeyid;
}

/* The vectors call the cookies ni and nr. */
static void next_key(struct fixture *f, const struct vectors *v)
{
	struct err e;

	assert_true(secret_set(&f->sa.skeyid, f->ikm, f->ikm_n));
	assert_int_equal(f->p1.ni_len, IKE_SPI_LEN);
	assert_int_equal(f->p1.nr_len, IKE_SPI_LEN);
	memcpy(f->sa.cky_i, f->p1.ni, IKE_SPI_LEN);
	memcpy(f->sa.cky_r, f->p1.nr, IKE_SPI_LEN);
	assert_ok(&e,
		v1_skeyid_next(&f->sa, f->prev.len ? &f->prev : NULL,
			(struct bytes){ f->gxy, f->gxy_n }, (uint8_t)vector_number(v, "key_number"),
			&f->out, &e));
}

static void compare(const struct fixture *f, const struct vectors *v)
{
	if (f->out.len < f->okm_n || memcmp(f->out.data, f->okm, f->okm_n) != 0)
		fail_msg("%s %s differs", vector_text(v, "id"), vector_text(v, "type"));
}

static void phase1_keys(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	unsigned signature = 0, shared = 0, next = 0, longer = 0;
	struct vectors v;
	struct secret e_key;
	struct err e;

	(void)state;
	vectors_open(&v, "ike_kdf.txt");
	while (vectors_next(&v)) {
		read_case(f, &v);
		if (vector_is(&v, "type", "ikeGxy")) {
			by_signature(f);
			signature++;
		} else if (vector_is(&v, "type", "ikeV1Psk")) {
			by_shared_key(f);
			shared++;
		} else if (vector_is(&v, "type", "ikeV1")) {
			next_key(f, &v);
			next++;
		} else if (vector_is(&v, "type", "ikeV1AppB") && f->okm_n <= SECRET_MAX) {
			assert_true(secret_set(&e_key, f->ikm, f->ikm_n));
			assert_ok(&e,
				v1_encryption_key(f->sa.suite.prf, &e_key, f->okm_n, &f->out, &e));
			longer++;
		} else {
			continue;
		}
		compare(f, &v);
	}
	vectors_close(&v);
	assert_true(signature >= 4 && shared >= 4 && next >= 12 && longer >= 4);
	test_free(f);
}

/* Section 5: HASH_R covers the body of the ID payload as it came. Protocol and port are in it, which may be 0 or UDP
 * and 500 (RFC 2407 section 4.6.2). */
static void proof_of_an_identity(void **state)
{
	static const uint8_t bodies[][8] = { { ID_IPV4_ADDR, 0, 0, 0, 192, 0, 2, 1 },
		{ ID_IPV4_ADDR, 17, 500 >> 8, 500 & 0xff, 192, 0, 2, 1 } };
	const struct alg *sha1 = alg_by_name(TRANSFORM_PRF, "prfsha1");
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct bytes sai = BYTES("SAi_b"), key = BYTES("SKEYID");
	struct secret want;
	struct identity id;
	struct rng rng;
	struct err e;

	(void)state;
	rng_seed(&rng, (const uint8_t[RNG_SEED_LEN]){ 1 });
	f->sa = (struct v1_sa){
		.p1 = &f->p1, .suite.prf = sha1, .method = V1_PSK, .initiator = true
	};
	memset(f->sa.cky_i, 1, IKE_SPI_LEN);
	memset(f->sa.cky_r, 2, IKE_SPI_LEN);
	assert_true(secret_set(&f->sa.skeyid, key.p, key.n));
	f->p1.sai = (uint8_t *)sai.p;
	f->p1.sai_len = sai.n;
	f->p1.peer_gx_len = 32;
	f->p1.ke = ke_new(alg_by_name(TRANSFORM_KE, "x25519"), &rng, &e);
	assert_non_null(f->p1.ke);
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct bytes body = { bodies[i], sizeof(bodies[i]) };
		struct bytes parts[] = { { f->p1.peer_gx, f->p1.peer_gx_len }, ke_public(f->p1.ke),
			{ f->sa.cky_r, IKE_SPI_LEN }, { f->sa.cky_i, IKE_SPI_LEN }, sai, body };
		assert_ok(&e, prf(sha1, key, parts, ARRAY_LEN(parts), &want, &e));
		assert_ok(&e, id_read(&id, body, &e));
		assert_ok(&e, v1_proof_hash(&f->sa, false, &id, &f->out, &e));
		assert_int_equal(f->out.len, want.len);
		assert_memory_equal(f->out.data, want.data, want.len);
	}
	ke_free(f->p1.ke);
	test_free(f);
}

/* KEYMAT is the stream of appendix B's quick mode with a seed of protocol, SPI and nonces; the vectors
 * have seeds of their own, so the stream is made here a second time, from its definition. */
static void phase2_keys(void **state)
{
	const struct alg *sha1 = alg_by_name(TRANSFORM_PRF, "prfsha1");
	struct suite suite = { .encr = alg_by_name(TRANSFORM_ENCR, "aes256"),
		.integ = alg_by_name(TRANSFORM_INTEG, "sha256") };
	struct v1_sa sa = { .suite.prf = sha1 };
	struct sa_spec *spec = test_calloc(1, sizeof(*spec));
	struct bytes ni = BYTES("initiator"), nr = BYTES("responder"), key = BYTES("SKEYID_d");
	struct ke_secret shared = { .len = 3, .data = "gxy" };
	struct secret k[4] = { 0 };
	uint8_t stream[80];
	struct err e;

	(void)state;
	assert_true(secret_set(&sa.skeyid_d, key.p, key.n));
	spec->spi = 0x01020304;
	for (size_t i = 0; i < 4; i++) {
		struct bytes parts[] = { { k[i ? i - 1 : 0].data, i ? k[i - 1].len : 0 },
			{ "gxy", 3 }, { "\3\1\2\3\4", 5 }, ni, nr };
		assert_ok(&e, prf(sha1, key, parts, 5, &k[i], &e));
		memcpy(stream + 20 * i, k[i].data, 20);
	}
	assert_ok(&e, v1_keymat(&sa, &suite, &shared, ni, nr, spec, &e));
	assert_int_equal(spec->encr_key.len, 32);
	assert_int_equal(spec->integ_key.len, 32);
	assert_memory_equal(spec->encr_key.data, stream, 32);
	assert_memory_equal(spec->integ_key.data, stream + 32, 32);
	test_free(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase1_keys),
		cmocka_unit_test(phase2_keys),
		cmocka_unit_test(proof_of_an_identity),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, test_crypto_teardown);
}
