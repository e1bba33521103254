/*
 * Key exchange: MODP (RFC 3526, and RFC 2409 group 2 behind legacy), ECP (RFC 5903), X25519 and X448 (RFC 8031),
 * ML-KEM (FIPS 203).
 *
 * Private values come from the engine's own random numbers, so a test can reproduce every packet.
 * Public values of the peer are checked as RFC 6989 says (range 2..p-2, point on the curve, no
 * all-zero result) and refused as PEER.
 *
 * With a key encapsulation (ML-KEM) the two sides do different things: the initiator makes a pair and
 * sends the public key; the responder's value is the ciphertext that hides the secret. So the
 * responder has ke_answer, which fits every group.
 */
#ifndef CRYPTO_KE_H
#define CRYPTO_KE_H

#include "base/bytes.h"
#include "crypto/alg.h"
#include "crypto/rng.h"

enum { KE_PUBLIC_MAX = 1568, KE_SHARED_MAX = 1024 };

struct ke_secret { /* g^ir: wiped by whoever got it */
	size_t len;
	uint8_t data[KE_SHARED_MAX];
};

struct ke; /* one ephemeral key pair, or an answer to one; freed and wiped with ke_free */

struct ke *ke_new(const struct alg *group, struct rng *rng, struct err *e) MUST_CHECK;
/* As responder: what goes back to the initiator, whose value is peer, and the secret. */
struct ke *ke_answer(const struct alg *group, struct rng *rng, struct bytes peer,
	struct ke_secret *out, struct err *e) MUST_CHECK;
void ke_free(struct ke *k); /* NULL is fine */
const struct alg *ke_group(const struct ke *k);
/* The public value as the KE payload carries it; lives as long as k. */
struct bytes ke_public(const struct ke *k);
/* From the responder's value; of groups without encapsulation also from the initiator's. */
bool ke_shared(
	const struct ke *k, struct bytes peer, struct ke_secret *out, struct err *e) MUST_CHECK;

#endif
