/*
 * Telling the sender of a packet that it is too big for the tunnel: the ICMP of path MTU discovery,
 * as a router would send it (RFC 1191 section 4, RFC 4443 section 3.2).
 */
#ifndef EDGE_TOOBIG_H
#define EDGE_TOOBIG_H

#include <stdbool.h>

#include "esp/flow.h"

enum { TOOBIG_MAX = 1280 };

/* May the packet not pass a link of this MTU? IPv4 without DF may: its outer packet is fragmented.
 * So may IPv6 of up to 1280 octets, which no link may refuse (RFC 8200 section 5). */
bool toobig(const struct flow *f, const uint8_t *packet, uint16_t mtu);
/* Writes the answer, a whole packet to f's source from f's destination, and returns its length;
 * 0 when the packet is one that must not be answered (RFC 1812 section 4.3.2.7, RFC 4443 2.4). */
size_t toobig_answer(
	uint8_t out[TOOBIG_MAX], const struct flow *f, const uint8_t *packet, uint16_t mtu);

#endif
