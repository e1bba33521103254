/*
 * What an inner packet is, as far as traffic selectors look at it: addresses, protocol, ports.
 *
 * Reads IPv4 and IPv6 headers of packets that nobody has checked yet, from the TUN or from a peer.
 * The flow points into the packet and is valid as long as that is. Source: RFC 791, RFC 8200
 * section 4, RFC 4301 sections 4.4.1.1 and 7.
 */
#ifndef ESP_FLOW_H
#define ESP_FLOW_H

#include "base/types.h"

enum {
	IP_ICMP = 1,
	IP_IPV4 = 4,
	IP_TCP = 6,
	IP_UDP = 17,
	IP_IPV6 = 41,
	IP_ICMPV6 = 58,
	IP_NONE = 59
};

struct flow {
	uint8_t family; /* FAMILY_V4 or FAMILY_V6 */
	uint8_t proto; /* what comes behind all headers of IP: IP_TCP ... */
	bool fragment; /* any but a whole packet */
	bool ports_seen; /* false for later fragments and protocols without ports */
	uint16_t sport, dport; /* ICMP: type and code in both (RFC 4301 section 4.4.1.1) */
	const uint8_t *src, *dst;
	size_t total; /* octets of the packet by its own header; at most those that are there */
	size_t next; /* where what proto names begins; total when it is not in this fragment */
};

/* False: not an IP packet, or cut short. */
bool flow_read(struct flow *f, const uint8_t *packet, size_t len);
/* Do the SA's selectors let this packet pass in its direction? (RFC 4301 sections 5.1 and 5.2) */
bool flow_selected(const struct sa_spec *spec, const struct flow *f);
/* The same for the payload of transport mode, whose addresses are the SA's: protocol and ports. */
bool flow_selected_payload(
	const struct sa_spec *spec, uint8_t proto, const uint8_t *data, size_t len);

#endif
