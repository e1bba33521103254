#include "crypto/ke.h"
#include "lib/test.h"
#include "lib/vectors.h"

#include <stdlib.h>

/* Random numbers that begin with the private value of a test vector. */
static struct rng rng_that_gives(const uint8_t *private, size_t n)
{
	struct rng r = { .left = n };

	memcpy(r.pool + RNG_POOL_LEN - n, private, n);
	return r;
}

static const struct alg *group(const char *name)
{
	const struct alg *a = alg_by_name(TRANSFORM_KE, name);

	if (!a)
		fail_msg("no group %s", name);
	return a;
}

static struct ke *pair_of(const struct alg *g, const uint8_t *private, size_t n)
{
	struct rng rng = rng_that_gives(private, n);
	struct err e;
	struct ke *k = ke_new(g, &rng, &e);

	if (!k)
		fail_msg("%s: %s", g->name, e.text);
	return k;
}

static void vectors_of_the_rfcs(void **state)
{
	static const char *const sides[][4] = { { "private_i", "public_i", "public_r" },
		{ "private_r", "public_r", "public_i" } };
	uint8_t private[128], public[256], peer[256], shared[128];
	struct ke_secret out;
	struct vectors v;
	struct err e;

	(void)state;
	vectors_open(&v, "rfc_ke.txt");
	while (vectors_next(&v)) {
		size_t shared_n = vector_hex(&v, "shared", shared, sizeof(shared));
		for (size_t s = 0; s < 2; s++) {
			size_t n = vector_hex(&v, sides[s][0], private, sizeof(private));
			size_t public_n = vector_hex(&v, sides[s][1], public, sizeof(public));
			size_t peer_n = vector_hex(&v, sides[s][2], peer, sizeof(peer));
			struct ke *k = pair_of(group(vector_text(&v, "group")), private, n);
			assert_int_equal(ke_public(k).n, public_n);
			assert_memory_equal(ke_public(k).p, public, public_n);
			assert_ok(&e, ke_shared(k, (struct bytes){ peer, peer_n }, &out, &e));
			assert_int_equal(out.len, shared_n);
			assert_memory_equal(out.data, shared, shared_n);
			ke_free(k);
		}
	}
	assert_int_equal(v.cases, 4);
	vectors_close(&v);
}

/* Public values of X25519 and X448 that make the shared secret zero are only "acceptable" in the
 * files, and refused here. On the other curves an x coordinate of zero is as good as any. */
static void wycheproof(const char *name, const char *group_name, unsigned cases)
{
	uint8_t private[128], public[256], shared[128], zero[128] = { 0 };
	struct ke_secret out;
	struct vectors v;
	struct err e;

	vectors_open(&v, name);
	while (vectors_next(&v)) {
		if (v.cases % test_step(11) != 0)
			continue;
		size_t n = vector_hex(&v, "private", private, sizeof(private));
		struct bytes peer = { public, vector_hex(&v, "public", public, sizeof(public)) };
		size_t shared_n = vector_hex(&v, "shared", shared, sizeof(shared));
		bool refuse = vector_is(&v, "result", "invalid") ||
			(group_name[0] == 'x' && memcmp(shared, zero, shared_n) == 0);
		struct ke *k = pair_of(group(group_name), private, n);
		bool ok = ke_shared(k, peer, &out, &e);
		if (ok == refuse || (!ok && e.kind != ERR_PEER))
			fail_msg("%s %s: %s", name, vector_text(&v, "id"), ok ? "taken" : e.text);
		if (ok && (out.len != shared_n || memcmp(out.data, shared, shared_n) != 0))
			fail_msg("%s %s: another secret", name, vector_text(&v, "id"));
		ke_free(k);
	}
	assert_int_equal(v.cases, cases);
	vectors_close(&v);
}

static void wycheproof_x25519(void **state)
{
	(void)state;
	wycheproof("wycheproof_x25519.txt", "x25519", 518);
}

static void wycheproof_x448(void **state)
{
	(void)state;
	wycheproof("wycheproof_x448.txt", "x448", 510);
}

static void wycheproof_ecp(void **state)
{
	(void)state;
	wycheproof("wycheproof_ecp256.txt", "ecp256", 346);
	wycheproof("wycheproof_ecp384.txt", "ecp384", 787);
	wycheproof("wycheproof_ecp521.txt", "ecp521", 648);
}

static void both_sides_agree(void **state)
{
	uint8_t seed[RNG_SEED_LEN] = { 42 };
	struct ke_secret i, r;
	const struct alg *a;
	struct rng rng;
	struct err e;

	(void)state;
	rng_seed(&rng, seed);
	for (size_t n = 0; (a = alg_row(n)); n++) {
		if (a->type != TRANSFORM_KE || a->reply_len || a->id == KE_MODP6144 ||
			a->id == KE_MODP8192)
			continue; /* the two take their time; another test takes one of them */
		struct ke *x = ke_new(a, &rng, &e), *y = ke_new(a, &rng, &e);
		assert_non_null(x);
		assert_non_null(y);
		assert_ptr_equal(ke_group(x), a);
		assert_int_equal(ke_public(x).n, a->out_len);
		assert_memory_not_equal(ke_public(x).p, ke_public(y).p, a->out_len);
		assert_ok(&e, ke_shared(x, ke_public(y), &i, &e));
		assert_ok(&e, ke_shared(y, ke_public(x), &r, &e));
		assert_int_equal(i.len, r.len);
		assert_memory_equal(i.data, r.data, i.len);
		ke_free(y);
		y = ke_answer(a, &rng, ke_public(x), &r, &e);
		assert_non_null(y);
		assert_ok(&e, ke_shared(x, ke_public(y), &i, &e));
		assert_int_equal(i.len, r.len);
		assert_memory_equal(i.data, r.data, i.len);
		ke_free(x);
		ke_free(y);
	}
}

/* --- ML-KEM ------------------------------------------------------------------------------------------ */

static const char *const kems[] = { "mlkem512", "mlkem768", "mlkem1024" };

static void need_kem(void)
{
	if (alg_usable(group(kems[0])))
		return;
	print_message("SKIP: ML-KEM needs OpenSSL 3.5\n");
	skip();
}

static void kem_sides_agree(void **state)
{
	static const size_t replies[] = { 768, 1088, 1568 };
	uint8_t seed[RNG_SEED_LEN] = { 42 };
	struct ke_secret i, r, again;
	struct rng rng, same;
	struct err e;

	(void)state;
	need_kem();
	for (size_t n = 0; n < ARRAY_LEN(kems); n++) {
		rng_seed(&rng, seed);
		rng_seed(&same, seed);
		struct ke *x = ke_new(group(kems[n]), &rng, &e),
			  *y = ke_new(group(kems[n]), &same, &e);
		assert_true(x && y && alg_works(ke_group(x)));
		assert_int_equal(ke_public(x).n, ke_group(x)->out_len);
		assert_memory_equal(ke_public(x).p, ke_public(y).p, ke_public(x).n);
		struct ke *a = ke_answer(ke_group(x), &rng, ke_public(x), &r, &e);
		struct ke *b = ke_answer(ke_group(x), &same, ke_public(x), &again, &e);
		assert_true(a && b);
		assert_int_equal(ke_public(a).n, replies[n]);
		assert_memory_equal(ke_public(a).p, ke_public(b).p, replies[n]);
		assert_ok(&e, ke_shared(x, ke_public(a), &i, &e));
		assert_int_equal(i.len, 32);
		assert_int_equal(r.len, 32);
		assert_memory_equal(i.data, r.data, 32);
		((uint8_t *)(uintptr_t)ke_public(b).p)[5] ^=
			1; /* FIPS 203 section 7.3: not refused */
		assert_ok(&e, ke_shared(x, ke_public(b), &again, &e));
		assert_memory_not_equal(again.data, r.data, 32);
		ke_free(x);
		ke_free(y);
		ke_free(a);
		ke_free(b);
	}
}

/* The wrong length, the initiator's value where the responder's belongs, and a number above the modulus. */
static void kem_refuses(void **state)
{
	uint8_t seed[RNG_SEED_LEN] = { 3 }, value[KE_PUBLIC_MAX];
	struct ke_secret out;
	struct rng rng;
	struct err e;

	(void)state;
	need_kem();
	rng_seed(&rng, seed);
	for (size_t n = 0; n < ARRAY_LEN(kems); n++) {
		const struct alg *a = group(kems[n]);
		struct ke *k = ke_new(a, &rng, &e);
		memset(value, 0xff, sizeof(value));
		assert_non_null(k);
		const size_t replies[] = { 0, 32, a->reply_len - 1u, a->out_len, sizeof(value) };
		for (size_t i = 0; i < ARRAY_LEN(replies); i++)
			if (replies[i] != a->reply_len)
				assert_refused(&e, ERR_PEER,
					ke_shared(
						k, (struct bytes){ value, replies[i] }, &out, &e));
		const size_t keys[] = { 0, a->out_len - 1u, a->out_len };
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			assert_null(ke_answer(a, &rng, (struct bytes){ value, keys[i] }, &out, &e));
			assert_int_equal(e.kind, ERR_PEER);
		}
		ke_free(k);
	}
}

static void same_seed_same_pair(void **state)
{
	static const char *const names[] = { "modp8192", "ecp521", "x25519" };
	uint8_t seed[RNG_SEED_LEN] = { 7 };
	struct rng a, b;
	struct err e;

	(void)state;
	rng_seed(&a, seed);
	rng_seed(&b, seed);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct ke *x = ke_new(group(names[i]), &a, &e),
			  *y = ke_new(group(names[i]), &b, &e);
		assert_non_null(x);
		assert_non_null(y);
		assert_memory_equal(ke_public(x).p, ke_public(y).p, ke_public(x).n);
		ke_free(x);
		ke_free(y);
	}
}

/* The prime of group 14 ends in 32 ones, so p - 1 and p + 1 differ from it in the last octets. */
static void modp_range(void **state)
{
	static const char prime[] =
		"ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08"
		"798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637"
		"ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598"
		"da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e"
		"4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52"
		"c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff";
	static const struct {
		int from_prime; /* 1: the last octet is added to p */
		int last;
		bool good;
	} cases[] = { { 0, 0, false }, { 0, 1, false }, { 0, 2, true }, { 1, -2, true },
		{ 1, -1, false }, { 1, 0, false } };
	uint8_t seed[RNG_SEED_LEN] = { 9 }, value[256], p[256];
	struct bytes peer = { value, sizeof(value) };
	struct ke_secret out;
	struct rng rng;
	struct err e;

	(void)state;
	assert_int_equal(test_hex(prime, p, sizeof(p)), sizeof(p));
	rng_seed(&rng, seed);
	struct ke *k = ke_new(group("modp2048"), &rng, &e);
	assert_non_null(k);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		memset(value, 0, sizeof(value));
		if (cases[i].from_prime)
			memcpy(value, p, sizeof(p));
		value[255] = (uint8_t)(value[255] + cases[i].last);
		if (cases[i].good)
			assert_ok(&e, ke_shared(k, peer, &out, &e));
		else
			assert_refused(&e, ERR_PEER, ke_shared(k, peer, &out, &e));
	}
	memset(value, 0xff, sizeof(value)); /* above p */
	assert_refused(&e, ERR_PEER, ke_shared(k, peer, &out, &e));
	ke_free(k);
}

static void wrong_lengths(void **state)
{
	uint8_t seed[RNG_SEED_LEN] = { 3 }, value[KE_PUBLIC_MAX + 1] = { 0 };
	struct ke_secret out;
	const struct alg *a;
	struct rng rng;
	struct err e;

	(void)state;
	value[3] = 4;
	rng_seed(&rng, seed);
	for (size_t n = 0; (a = alg_row(n)); n++) {
		if (a->type != TRANSFORM_KE || a->out_len > 256)
			continue;
		assert_null(ke_answer(a, &rng, (struct bytes){ value, a->out_len - 1u }, &out, &e));
		assert_int_equal(e.kind, ERR_PEER);
		struct ke *k = ke_new(a, &rng, &e);
		size_t lengths[] = { 0, 1, a->out_len - 1u, a->out_len + 1u, sizeof(value) };
		assert_non_null(k);
		for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
			assert_refused(&e, ERR_PEER,
				ke_shared(k, (struct bytes){ value, lengths[i] }, &out, &e));
		ke_free(k);
	}
}

static void not_a_group(void **state)
{
	const struct alg *prf = alg_by_name(TRANSFORM_PRF, "prfsha256");
	struct rng rng = { .left = 0 };
	struct err e;

	(void)state;
	assert_null(ke_new(prf, &rng, &e));
	assert_int_equal(e.kind, ERR_BUG);
	ke_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_the_rfcs),
		cmocka_unit_test(wycheproof_x25519),
		cmocka_unit_test(wycheproof_x448),
		cmocka_unit_test(wycheproof_ecp),
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(kem_sides_agree),
		cmocka_unit_test(kem_refuses),
		cmocka_unit_test(same_seed_same_pair),
		cmocka_unit_test(modp_range),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(not_a_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
