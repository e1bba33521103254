/*
 * Sealing, opening, cutting into fragments and putting together again: SK and SKF.
 */
#include <stdlib.h>

#include "lib/test.h"

#include "../../src/ike/v2_sa.h"

struct ends { /* two ends of one IKE SA */
	struct v2 v; /* of which only random numbers and the path are used */
	struct rng rng;
	struct v2_sa a, b;
};

static void begin(struct ends *x, const char *suite)
{
	static const uint8_t octets[RNG_SEED_LEN] = { 9 };
	static const uint8_t shared[32];
	struct v2_fresh f = { .ni = BYTES("nonce of the initiator"),
		.nr = BYTES("nonce of the responder"),
		.shared = { shared, sizeof(shared) } };
	struct proposals p;
	struct err e;

	memset(x, 0, sizeof(*x));
	rng_seed(&x->rng, octets);
	x->v.rng = &x->rng;
	x->v.path.remote.family = FAMILY_V4;
	assert_ok(&e, prop_parse(&p, PROTO_IKE, TIER_LEGACY, suite, &e));
	for (size_t i = 0; i < p.v[0].n; i++) {
		const struct alg *alg = p.v[0].algs[i];
		if (alg->type == TRANSFORM_ENCR)
			x->a.suite.encr = alg;
		else if (alg->type == TRANSFORM_PRF)
			x->a.suite.prf = alg;
		else if (alg->type == TRANSFORM_INTEG)
			x->a.suite.integ = alg;
	}
	x->b.suite = x->a.suite;
	x->a.initiator = true;
	x->a.fragments = x->b.fragments = true;
	assert_ok(&e, v2_derive(&x->a, NULL, NULL, &f, &e));
	assert_ok(&e, v2_derive(&x->b, NULL, NULL, &f, &e));
}

static void end(struct ends *x)
{
	cipher_free(x->a.seal);
	cipher_free(x->a.open);
	cipher_free(x->b.seal);
	cipher_free(x->b.open);
}

static bool open_one(struct v2_sa *sa, uint8_t *data, size_t len, struct bytes *inner,
	uint8_t *first, struct payload *sk)
{
	struct payloads p;
	struct ike_hdr h;
	uint8_t unknown;

	if (!ike_hdr_read(&h, (struct bytes){ data, len }, NULL) ||
		!payloads_read(&p, h.next, (struct bytes){ data + IKE_HDR_LEN, len - IKE_HDR_LEN },
			first, &unknown, NULL) ||
		p.n != 1)
		return false;
	*sk = p.v[0];
	return v2_open(sa, data, len, sk, inner, NULL);
}

static const char *const suites[] = { "aes128gcm16-prfsha256-x25519", "aes256gcm8-prfsha512-x25519",
	"aes128ccm12-prfsha256-x25519", "chacha20poly1305-prfsha384-x25519", "aes256-sha512-x25519",
	"aes128-sha1-x25519", "aes192ctr-sha256-x25519", "3des-sha1-x25519" };

/* Every length around the blocks, with every kind of cipher, both directions. */
static void whole(void **state)
{
	uint8_t content[100];

	(void)state;
	memset(content, 0x5a, sizeof(content));
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		struct ends x;
		begin(&x, suites[i]);
		for (size_t n = 0; n <= sizeof(content); n++) {
			struct v2_sa *from = n % 2 ? &x.a : &x.b, *to = n % 2 ? &x.b : &x.a;
			struct kept k = { 0 };
			struct bytes inner;
			struct payload sk;
			struct err e;
			uint8_t first;
			assert_ok(&e,
				v2_seal(&x.v, from, INFORMATIONAL, false, (uint32_t)n, PAYLOAD_V,
					(struct bytes){ content, n }, 1200, &k, &e));
			assert_int_equal(k.n, 1);
			assert_int_equal(k.v[0].data[19], n % 2 ? FLAG_INITIATOR : 0);
			uint8_t *copy = malloc(k.v[0].len);
			assert_non_null(copy);
			memcpy(copy, k.v[0].data, k.v[0].len);
			assert_true(open_one(to, copy, k.v[0].len, &inner, &first, &sk));
			assert_int_equal(first, PAYLOAD_V);
			assert_int_equal(inner.n, n);
			assert_memory_equal(inner.p, content, n);
			memcpy(copy, k.v[0].data, k.v[0].len);
			assert_false(open_one(
				from, copy, k.v[0].len, &inner, &first, &sk)); /* reflected */
			free(copy);
			kept_free(&k);
		}
		end(&x);
	}
}

/* Every octet of the message is protected. */
static void spoilt(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		struct ends x;
		struct kept k = { 0 };
		struct err e;
		begin(&x, suites[i]);
		assert_ok(&e,
			v2_seal(&x.v, &x.a, INFORMATIONAL, false, 1, PAYLOAD_V,
				BYTES("something to be kept"), 1200, &k, &e));
		for (size_t at = 0; at < k.v[0].len; at++) {
			struct bytes inner;
			struct payload sk;
			uint8_t first, *copy = malloc(k.v[0].len);
			assert_non_null(copy);
			memcpy(copy, k.v[0].data, k.v[0].len);
			copy[at] ^= 0x40;
			assert_false(open_one(&x.b, copy, k.v[0].len, &inner, &first, &sk));
			free(copy);
		}
		kept_free(&k);
		end(&x);
	}
}

/* IVs of one key: never twice. */
static void ivs(void **state)
{
	struct ends x;
	struct err e;
	uint8_t seen[50][8];

	(void)state;
	begin(&x, suites[0]);
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		struct kept k = { 0 };
		assert_ok(&e,
			v2_seal(&x.v, &x.a, INFORMATIONAL, false, 1, PAYLOAD_V, BYTES("x"), 1200,
				&k, &e));
		memcpy(seen[i], k.v[0].data + IKE_HDR_LEN + 4, 8);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(seen[i], seen[j], 8);
		kept_free(&k);
	}
	end(&x);
}

/* A large message in fragments that fit, put together in any order. */
static void fragments(void **state)
{
	static uint8_t content[9000];

	(void)state;
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < ARRAY_LEN(suites); i++)
		for (int backwards = 0; backwards < 2; backwards++) {
			struct reassembly *slot = NULL;
			uint8_t *out = NULL;
			struct content whole = { 0 };
			struct kept k = { 0 };
			struct ends x;
			struct err e;
			begin(&x, suites[i]);
			assert_ok(&e,
				v2_seal(&x.v, &x.a, IKE_AUTH, false, 1, PAYLOAD_IDi,
					(struct bytes){ content, sizeof(content) },
					v2_fragment_size(&x.v, false), &k, &e));
			assert_in_range(k.n, 8, 9);
			for (size_t j = 0; j < k.n; j++) {
				size_t at = backwards ? k.n - 1 - j : j;
				struct bytes inner;
				struct payload skf;
				uint8_t first;
				assert_true(k.v[at].len <= 1280 - 32);
				assert_true(open_one(
					&x.b, k.v[at].data, k.v[at].len, &inner, &first, &skf));
				assert_int_equal(skf.type, PAYLOAD_SKF);
				assert_int_equal(first, at == 0 ? PAYLOAD_IDi : PAYLOAD_NONE);
				struct rd r = rd_init(skf.body.p, 4);
				uint16_t number = rd_u16(&r), total = rd_u16(&r);
				assert_int_equal(number, at + 1);
				assert_int_equal(total, k.n);
				assert_null(out);
				assert_ok(&e,
					v2_reassemble(&slot, 1, number, total,
						&(struct content){ first, (uint8_t)number, inner },
						&out, &whole, &e));
			}
			assert_non_null(out);
			assert_ptr_equal(whole.octets.p, out);
			assert_int_equal(whole.octets.n, sizeof(content));
			assert_memory_equal(out, content, sizeof(content));
			assert_int_equal(whole.first, PAYLOAD_IDi);
			assert_int_equal(whole.reserved, 1); /* of the first */
			assert_null(slot);
			free(out);
			kept_free(&k);
			end(&x);
		}
}

/* Nobody agreed on fragments: one datagram, whatever its size. More than can be kept: refused. */
static void without_fragments(void **state)
{
	static uint8_t content[60000];
	struct kept k = { 0 };
	struct ends x;
	struct err e;

	(void)state;
	begin(&x, suites[0]);
	x.a.fragments = false;
	assert_ok(&e,
		v2_seal(&x.v, &x.a, IKE_AUTH, false, 1, PAYLOAD_IDi,
			(struct bytes){ content, 9000 }, 1200, &k, &e));
	assert_int_equal(k.n, 1);
	kept_free(&k);
	x.a.fragments = true;
	assert_refused(&e, ERR_LOCAL,
		v2_seal(&x.v, &x.a, IKE_AUTH, false, 1, PAYLOAD_IDi,
			(struct bytes){ content, sizeof(content) }, v2_fragment_size(&x.v, true),
			&k, &e));
	kept_free(&k);
	end(&x);
}

static void fragment_sizes(void **state)
{
	struct v2 v = { .path.remote.family = FAMILY_V4 };

	(void)state;
	assert_int_equal(v2_fragment_size(&v, false), 1280 - 32);
	assert_int_equal(v2_fragment_size(&v, true), 576 - 32);
	v.path.mtu = 1500;
	assert_int_equal(v2_fragment_size(&v, false), 1280 - 32);
	v.path.mtu = 1000;
	assert_int_equal(v2_fragment_size(&v, false), 1000 - 32);
	v.path.mtu = 100;
	assert_int_equal(v2_fragment_size(&v, false), 1280 - 32);
	v.path.remote.family = FAMILY_V6;
	assert_int_equal(v2_fragment_size(&v, false), 1280 - 52);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(spoilt),
		cmocka_unit_test(ivs),
		cmocka_unit_test(fragments),
		cmocka_unit_test(without_fragments),
		cmocka_unit_test(fragment_sizes),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, NULL);
}
