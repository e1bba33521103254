#include "crypto/rng.h"
#include "lib/test.h"

static const uint8_t zero_seed[RNG_SEED_LEN];

/* RFC 8439 appendix A.1, test vectors 1 and 2: key and nonce zero, block counters 0 and 1. The
 * first half of block 0 becomes the next key and the pool starts with block 1. */
static void key_stream_is_chacha20(void **state)
{
	uint8_t next[32], block1[64], out[64];
	struct rng r;

	(void)state;
	test_hex("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7", next, 32);
	test_hex("9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
		 "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
		block1, 64);
	rng_seed(&r, zero_seed);
	assert_memory_equal(r.key, next, sizeof(next));
	rng_fill(&r, out, sizeof(out));
	assert_memory_equal(out, block1, sizeof(out));
}

static void same_seed_same_octets(void **state)
{
	uint8_t once[3 * RNG_POOL_LEN + 5], bit_by_bit[sizeof(once)];
	struct rng a, b;

	(void)state;
	rng_seed(&a, zero_seed);
	rng_seed(&b, zero_seed);
	rng_fill(&a, once, sizeof(once));
	for (size_t at = 0, n = 1; at < sizeof(once); at += n, n = n % 97 + 1) {
		if (n > sizeof(once) - at)
			n = sizeof(once) - at;
		rng_fill(&b, bit_by_bit + at, n);
	}
	assert_memory_equal(once, bit_by_bit, sizeof(once));
	assert_memory_equal(&a, &b, sizeof(a));
}

static void what_was_handed_out_is_gone(void **state)
{
	uint8_t out[48], key[RNG_SEED_LEN];
	struct rng r;

	(void)state;
	rng_seed(&r, zero_seed);
	memcpy(key, r.key, sizeof(key));
	rng_fill(&r, out, sizeof(out));
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(r.pool[i], 0);
	for (size_t i = 0; i < RNG_POOL_LEN; i++)
		rng_fill(&r, out, 1);
	assert_memory_not_equal(r.key, key, sizeof(key));
	rng_wipe(&r);
	for (size_t i = 0; i < sizeof(r.key); i++)
		assert_int_equal(r.key[i], 0);
}

static void mixing_changes_everything(void **state)
{
	uint8_t seed[RNG_SEED_LEN] = { 1 }, x[32], y[32], z[32];
	struct rng a, b, c;

	(void)state;
	rng_seed(&a, zero_seed);
	b = c = a;
	rng_mix(&b, zero_seed); /* even nothing new moves the state on */
	rng_mix(&c, seed);
	rng_fill(&a, x, sizeof(x));
	rng_fill(&b, y, sizeof(y));
	rng_fill(&c, z, sizeof(z));
	assert_memory_not_equal(x, y, sizeof(x));
	assert_memory_not_equal(x, z, sizeof(x));
	assert_memory_not_equal(y, z, sizeof(x));
}

static void below_a_bound(void **state)
{
	unsigned seen[5] = { 0 };
	struct rng r;

	(void)state;
	rng_seed(&r, zero_seed);
	assert_int_equal(rng_below(&r, 0), 0);
	assert_int_equal(rng_below(&r, 1), 0);
	for (int i = 0; i < 5000; i++) {
		uint32_t v = rng_below(&r, 5);
		assert_true(v < 5);
		seen[v]++;
	}
	for (int i = 0; i < 5; i++)
		assert_in_range(seen[i], 850, 1150);
	for (int i = 0; i < 1000; i++)
		assert_true(rng_below(&r, 0x80000001u) <= 0x80000000u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_stream_is_chacha20),
		cmocka_unit_test(same_seed_same_octets),
		cmocka_unit_test(what_was_handed_out_is_gone),
		cmocka_unit_test(mixing_changes_everything),
		cmocka_unit_test(below_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
