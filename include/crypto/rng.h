/*
 * The engines' random numbers: a ChaCha20 key stream with fast key erasure over a seed.
 *
 * An engine has no random device; the edge seeds it from the kernel when the session starts (and
 * again after a resume), tests seed it with a constant and then every packet is reproducible.
 * Each call of rng_fill that drains the pool replaces the key, so what was handed out cannot be
 * computed back from a later state. One owner, no locking.
 */
#ifndef CRYPTO_RNG_H
#define CRYPTO_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RNG_SEED_LEN = 32, RNG_POOL_LEN = 512 };

struct rng {
	uint8_t key[RNG_SEED_LEN];
	uint8_t pool[RNG_POOL_LEN];
	size_t left; /* octets of the pool not yet handed out */
};

void rng_seed(struct rng *r, const uint8_t seed[RNG_SEED_LEN]);
/* Mixes more entropy in; the state never gets worse by it. */
void rng_mix(struct rng *r, const uint8_t seed[RNG_SEED_LEN]);
/* Cannot fail: the block function is the module's own and allocates nothing. */
void rng_fill(struct rng *r, void *out, size_t n);
uint32_t rng_u32(struct rng *r);
/* Even over 0 .. bound - 1. */
uint32_t rng_below(struct rng *r, uint32_t bound);
void rng_wipe(struct rng *r);

#endif
