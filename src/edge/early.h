/*
 * Packets for an inbound SA that is expected but not there yet: the gateway may send by it as soon as it
 * has answered, and so they can be here before the answer has been read (RFC 7296 section 2.8).
 */
#ifndef EDGE_EARLY_H
#define EDGE_EARLY_H

#include "edge/dataplane.h"

enum { EARLY_PACKETS = 64 };

struct early { /* zero: nothing is expected */
	uint32_t spis[EXPECTED_MAX]; /* 0: none */
	size_t next; /* the place for the next one, the oldest's */
	size_t n;
	struct {
		uint32_t spi;
		struct udp_datagram d; /* in a buffer of its own, which begins at d.room */
	} kept[EARLY_PACKETS];
};

void early_expect(struct early *x, uint32_t spi);
/* A copy is kept; false: nobody expects it, or there is no room. */
bool early_keep(struct early *x, uint32_t spi, const struct udp_datagram *d);
/* What was kept for the SPI, in order, which is expected no more. The caller frees each d.room. */
size_t early_take(struct early *x, uint32_t spi, struct udp_datagram out[EARLY_PACKETS]);
void early_forget(struct early *x, uint32_t spi); /* one that is not expected is nothing */
void early_clear(struct early *x);

#endif
