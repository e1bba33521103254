/*
 * Router solicitations and advertisements, as they are sent over a PPP link (RFC 4861 sections 4.1, 4.2,
 * 6.1 and 6.3; RFC 8106; RFC 5072 section 5): whole IPv6 packets, without extension headers.
 */
#ifndef PPP_RA_H
#define PPP_RA_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/types.h"

enum {
	RA_PREFIXES = 4, /* more are not looked at */
	RA_SERVERS = 2,
	RA_SOLICITATION_LEN = 48,
};

struct ra_prefix { /* of 64 bits, for hosts to make addresses of (RFC 4862) */
	uint8_t ip[8];
	uint32_t valid, preferred; /* seconds; UINT32_MAX: for ever */
};

struct ra {
	uint32_t router; /* seconds, 0: it is not to be used as a router */
	size_t n_prefixes;
	struct ra_prefix prefixes[RA_PREFIXES];
	bool dns_said; /* servers were named, if only to say that there are none any more */
	uint32_t n_dns;
	struct addr dns[RA_SERVERS];
};

/* Is this packet a router advertisement, well-formed or not? */
bool ra_is(struct bytes packet);
/* False: not one that a host may believe (RFC 4861 section 6.1.2). */
bool ra_read(struct ra *out, struct bytes packet) MUST_CHECK;
/* From the link-local address with this interface identifier to all routers. */
void ra_solicit(uint8_t out[RA_SOLICITATION_LEN], const uint8_t id[8]);

#endif
