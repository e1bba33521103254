/*
 * The inside of an SA, for src/esp and its tests.
 *
 * Vectors prescribe an IV and a sequence number; esp_seal_one takes both, so that a test can give
 * them and no SA needs a way to be told. Everything else seals with esp_seal, the one caller that
 * makes the two so that they never come twice.
 */
#ifndef ESP_ESP_SA_H
#define ESP_ESP_SA_H

#include "crypto/cipher.h"
#include "esp/esp.h"
#include "replay.h"

enum { ESP_HEADER = 8, ESP_IV_MAX = 16, ESP_TRAILER = 2 };

/* What the algorithms do to the size of a packet. */
struct esp_sizes {
	size_t iv, icv;
	size_t align; /* of payload, padding and trailer together */
};

struct esp_sa {
	struct sa_spec spec; /* its keys wiped: they are in the cipher */
	const struct alg *encr;
	struct cipher *cipher;
	struct esp_sizes sizes;
	uint64_t seq, seq_max; /* out: the last number used, the last there is */
	uint64_t octets, octets_max; /* under the key, and how many may be */
	struct replay replay; /* in */
	struct rng ivs; /* out, CBC */
	struct esp_counters counters;
};

struct esp_sizes esp_sizes(const struct sa_spec *spec);
size_t esp_padding(const struct esp_sizes *s, size_t len);
/* One packet with this sequence number and this IV, of the algorithm's length. */
enum esp_verdict esp_seal_one(
	struct esp_sa *sa, struct esp_packet *p, uint64_t seq, const uint8_t *iv);

#endif
