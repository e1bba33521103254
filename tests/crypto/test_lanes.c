#include "crypto/cipher.h"
#include "crypto/rng.h"
#include "lib/test.h"

/* cipher_seal_many against cipher_seal, which the vectors have proved. */

enum { AAD = 8, IV = 16, DATA_MAX = 1536, ICV = 32, PACKETS = 70 };

struct packet {
	size_t len;
	uint8_t octets[AAD + IV + DATA_MAX + ICV], tail[4];
};

static struct packet one[PACKETS], many[PACKETS];
static struct rng rng;

static struct cipher *make(const char *encr, const char *integ)
{
	const struct alg *a = alg_by_name(TRANSFORM_ENCR, encr),
			 *b = integ ? alg_by_name(TRANSFORM_INTEG, integ) : NULL;
	struct secret key = { .len = (size_t)a->key_len + a->salt_len },
		      mac = { .len = b ? b->key_len : 0 };
	struct err e;

	for (size_t i = 0; i < SECRET_MAX; i++) {
		key.data[i] = (uint8_t)(7 * i);
		mac.data[i] = (uint8_t)(11 * i);
	}
	struct cipher *c = cipher_new(a, b, &key, b ? &mac : NULL, true, &e);
	if (!c)
		fail_msg("%s: %s", encr, e.text);
	return c;
}

static struct cipher_op op_of(struct packet *p, const struct alg *a, bool mac)
{
	return (struct cipher_op){ .aad = p->octets,
		.aad_len = AAD,
		.iv = p->octets + AAD,
		.data = p->octets + AAD + a->iv_len,
		.len = p->len,
		.tail = p->tail,
		.tail_len = mac ? sizeof(p->tail) : 0,
		.icv = p->octets + AAD + a->iv_len + p->len };
}

/* equal: all of one size, as in a run of segments. */
static void fill(size_t n, bool equal, size_t block)
{
	size_t len = block * (1 + rng_below(&rng, (uint32_t)(DATA_MAX / block)));

	for (size_t i = 0; i < n; i++) {
		if (!equal)
			len = block * (1 + rng_below(&rng, (uint32_t)(DATA_MAX / block)));
		rng_fill(&rng, &one[i], sizeof(one[i]));
		one[i].len = len;
		many[i] = one[i];
	}
}

static void compare(const char *encr, const char *integ, size_t n, bool equal)
{
	const struct alg *a = alg_by_name(TRANSFORM_ENCR, encr);
	struct cipher *c = make(encr, integ), *d = make(encr, integ);
	struct cipher_op ops[PACKETS];

	fill(n, equal, a->block_len);
	for (size_t i = 0; i < n; i++) {
		struct cipher_op op = op_of(&one[i], a, integ != NULL);
		assert_true(cipher_seal(c, &op));
		ops[i] = op_of(&many[i], a, integ != NULL);
	}
	assert_true(cipher_seal_many(d, ops, n));
	for (size_t i = 0; i < n; i++)
		assert_memory_equal(one[i].octets, many[i].octets, sizeof(one[i].octets));
	cipher_free(c);
	cipher_free(d);
}

static void the_same_as_one_by_one(void **state)
{
	static const char *const suites[][2] = { { "aes128", "sha1" }, { "aes192", "sha384" },
		{ "aes256", "sha256" }, { "aes256", "sha512" }, { "3des", "sha1" },
		{ "aes256ctr", "sha256" }, { "aes256gcm16", NULL }, { "chacha20poly1305", NULL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(suites); i++)
		for (size_t n = 0; n <= PACKETS; n += test_step(3))
			for (int equal = 0; equal < 2; equal++)
				compare(suites[i][0], suites[i][1], n, equal);
}

/* What is authenticated need not lie before what is encrypted. */
static void in_pieces(void **state)
{
	const struct alg *a = alg_by_name(TRANSFORM_ENCR, "aes256");
	struct cipher *c = make("aes256", "sha256");
	uint8_t aad[AAD], iv[2][IV];

	(void)state;
	fill(2, true, 16);
	memcpy(aad, one[0].octets, AAD);
	struct cipher_op ops[2];
	for (size_t i = 0; i < 2; i++) {
		ops[i] = op_of(&one[i], a, true);
		memcpy(iv[i], ops[i].iv, IV);
		memcpy(many[i].octets, aad, AAD);
		ops[i].aad = aad;
		ops[i].iv = iv[i];
	}
	assert_true(cipher_seal_many(c, ops, 2));
	for (size_t i = 0; i < 2; i++) {
		struct cipher_op op = op_of(&many[i], a, true);
		assert_true(cipher_seal(c, &op));
		assert_memory_equal(ops[i].data, op.data, op.len);
		assert_memory_equal(ops[i].icv, op.icv, cipher_icv_len(c));
	}
	cipher_free(c);
}

static void none_when_one_does_not_fit(void **state)
{
	const struct alg *a = alg_by_name(TRANSFORM_ENCR, "aes128");
	struct cipher *c = make("aes128", "sha256");
	struct cipher_op ops[3];

	(void)state;
	fill(3, true, 16);
	for (size_t i = 0; i < 3; i++)
		ops[i] = op_of(&many[i], a, true);
	ops[2].len--;
	assert_false(cipher_seal_many(c, ops, 3));
	assert_true(cipher_seal_many(c, ops, 2));
	cipher_free(c);
}

static int setup(void **state)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 'l', 'a', 'n', 'e', 's' };
	struct err e;

	(void)state;
	rng_seed(&rng, seed);
	return crypto_init(&e) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_as_one_by_one),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(none_when_one_does_not_fit),
	};

	return cmocka_run_group_tests(tests, setup, test_crypto_teardown);
}
