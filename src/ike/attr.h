/*
 * Attributes by which a gateway configures its client: the configuration payload of IKEv2 (RFC 7296
 * section 3.15, RFC 8598) and mode configuration of IKEv1 share one registry.
 */
#ifndef IKE_ATTR_H
#define IKE_ATTR_H

#include "ike/ike.h"

enum {
	INTERNAL_IP4_ADDRESS = 1,
	INTERNAL_IP4_NETMASK = 2,
	INTERNAL_IP4_DNS = 3,
	APPLICATION_VERSION = 7,
	INTERNAL_IP6_ADDRESS = 8,
	INTERNAL_IP6_DNS = 10,
	INTERNAL_IP4_SUBNET = 13,
	INTERNAL_IP6_SUBNET = 15,
	INTERNAL_DNS_DOMAIN = 25,
};

/* Takes one attribute of the gateway over; what cannot be used is left out. */
void attr_grant(struct granted *g, uint16_t attr, struct rd *r);
unsigned attr_mask_bits(const uint8_t mask[4]);

#endif
