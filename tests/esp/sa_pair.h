/*
 * Two ends of one SA, for any algorithms of the table.
 */
#ifndef TESTS_ESP_SA_PAIR_H
#define TESTS_ESP_SA_PAIR_H

#include "../../src/esp/esp_sa.h"
#include "crypto/alg.h"

struct sa_pair {
	struct sa_spec *spec; /* of the sender; the receiver's is the same the other way round */
	struct esp_sa *out, *in;
};

/* A tunnel mode SA for all IPv4 and IPv6, keys 1, 2, 3 ...; integ NULL with an AEAD. The test fails
 * when it cannot be made. */
struct sa_spec *sa_pair_spec(const struct alg *encr, const struct alg *integ);
void sa_pair_open(struct sa_pair *p, struct sa_spec *spec); /* owns spec from here on */
void sa_pair_close(struct sa_pair *p);

/* A buffer with room on both sides and len octets of data in it, until four calls later. */
struct esp_packet sa_pair_packet(const void *data, size_t len, uint8_t next_header);

/* Rows of the table; the test fails when there is no such row. */
const struct alg *sa_pair_encr(uint16_t id, uint16_t bits);
const struct alg *sa_pair_integ(uint16_t id);
/* Opens one packet and returns its verdict. */
enum esp_verdict sa_pair_receive(struct esp_sa *sa, struct esp_packet *p);
/* For cmocka: crypto_init and crypto_exit. */
int sa_pair_setup(void **state);
int sa_pair_teardown(void **state);

#endif
