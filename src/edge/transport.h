/*
 * Transport mode over an inner interface: ESP carries what is behind the IP header, and the header
 * that the other end puts before it again has the outer addresses (RFC 4303 section 3.1.1, RFC 3948
 * section 3.1). Whoever has no IP header to begin with (L2TP) goes past this and seals directly.
 */
#ifndef EDGE_TRANSPORT_H
#define EDGE_TRANSPORT_H

#include "esp/esp.h"
#include "esp/flow.h"

/* Leaves the payload and its protocol. False for fragments, which transport mode must not carry
 * (RFC 4303 section 3.1.1). */
bool transport_strip(struct esp_packet *p, const struct flow *f);
/* Puts an IP header before a payload that was opened: from the SA's remote to its local address, with
 * the type of service that the outer one had.
 * The payload's checksum is made anew, for a NAT between changed the addresses that it covers (RFC
 * 3948 section 3.1.2); the ESP check value has vouched for the rest. False without room for it. */
bool transport_restore(struct esp_packet *p, const struct sa_spec *spec, uint8_t tos);

#endif
