/*
 * Congestion notification through a tunnel (RFC 6040 section 4, which is what RFC 4301 section 5.1.2
 * means for it): the outer header starts with what the inner one says, and on the way out of the tunnel
 * the inner one learns what the outer one met.
 */
#ifndef EDGE_ECN_H
#define EDGE_ECN_H

#include <stdbool.h>
#include <stdint.h>

/* Type of service or traffic class of an IP packet. */
uint8_t ip_tos(const uint8_t *packet);
/* outer: the type of service that the packet's datagram came with. False: there was congestion, and the
 * packet's sender would not understand it: drop it. */
bool ecn_leave(uint8_t *packet, uint8_t outer) __attribute__((warn_unused_result));

#endif
