#include "crypto/rng.h"

#include <string.h>

#include "base/secret.h"

/* The block function is our own and not OpenSSL's: without a context to allocate nothing can fail,
 * so there is no path on which a key is made of something that is not random. */

enum { BLOCK_LEN = 64 };

static uint32_t rotate(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static uint32_t load32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void quarter_round(uint32_t s[16], unsigned a, unsigned b, unsigned c, unsigned d)
{
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 7);
}

/* RFC 8439 section 2.3, with a nonce of zero: no key makes a second key stream. */
static void chacha20_block(
	const uint8_t key[RNG_SEED_LEN], uint32_t counter, uint8_t out[BLOCK_LEN])
{
	uint32_t first[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }, s[16];

	for (size_t i = 0; i < 8; i++)
		first[4 + i] = load32(key + 4 * i);
	first[12] = counter;
	memcpy(s, first, sizeof(s));
	for (unsigned i = 0; i < 10; i++) {
		quarter_round(s, 0, 4, 8, 12);
		quarter_round(s, 1, 5, 9, 13);
		quarter_round(s, 2, 6, 10, 14);
		quarter_round(s, 3, 7, 11, 15);
		quarter_round(s, 0, 5, 10, 15);
		quarter_round(s, 1, 6, 11, 12);
		quarter_round(s, 2, 7, 8, 13);
		quarter_round(s, 3, 4, 9, 14);
	}
	for (unsigned i = 0; i < 16; i++) {
		uint32_t v = s[i] + first[i];
		for (unsigned k = 0; k < 4; k++)
			out[4 * i + k] = (uint8_t)(v >> (8 * k));
	}
	wipe(first, sizeof(first));
	wipe(s, sizeof(s));
}

/* The first half block of the key stream becomes the next key, the following blocks the pool. */
static void rng_refill(struct rng *r)
{
	uint8_t block[BLOCK_LEN];

	for (size_t i = 0; i < RNG_POOL_LEN / BLOCK_LEN; i++)
		chacha20_block(r->key, (uint32_t)i + 1, r->pool + BLOCK_LEN * i);
	chacha20_block(r->key, 0, block);
	memcpy(r->key, block, RNG_SEED_LEN);
	wipe(block, sizeof(block));
	r->left = RNG_POOL_LEN;
}

void rng_seed(struct rng *r, const uint8_t seed[RNG_SEED_LEN])
{
	memcpy(r->key, seed, RNG_SEED_LEN);
	rng_refill(r);
}

void rng_mix(struct rng *r, const uint8_t seed[RNG_SEED_LEN])
{
	/* A seed that somebody knows changes the key by something known, which is no harm. */
	for (unsigned i = 0; i < RNG_SEED_LEN; i++)
		r->key[i] ^= seed[i];
	rng_refill(r);
}

void rng_fill(struct rng *r, void *out, size_t n)
{
	uint8_t *to = out;

	while (n > 0) {
		if (r->left == 0)
			rng_refill(r);
		size_t take = n < r->left ? n : r->left;
		uint8_t *from = r->pool + RNG_POOL_LEN - r->left;
		memcpy(to, from, take);
		wipe(from, take);
		r->left -= take;
		to += take;
		n -= take;
	}
}

uint32_t rng_u32(struct rng *r)
{
	uint8_t b[4];

	rng_fill(r, b, sizeof(b));
	return load32(b);
}

uint32_t rng_below(struct rng *r, uint32_t bound)
{
	/* What lies below a whole multiple of bound is drawn again, or low numbers come up more. */
	uint32_t skip = bound ? (0u - bound) % bound : 0;
	uint32_t v;

	if (bound < 2)
		return 0;
	do {
		v = rng_u32(r);
	} while (v < skip);
	return v % bound;
}

void rng_wipe(struct rng *r)
{
	wipe(r, sizeof(*r));
}
