/*
 * The nouns that every part of the program shares: addresses, prefixes, traffic selectors and the
 * specification of one ESP security association. Plain values, without pointers into live objects.
 *
 * Addresses are in network byte order, everything else in host order. Time is milliseconds of a
 * clock that goes on during suspend (CLOCK_BOOTTIME at the edge, a number in tests).
 */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

struct sockaddr_storage;

#define TIME_NEVER   UINT64_MAX
#define SECONDS(n)   ((uint64_t)(n)*1000)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

enum family { FAMILY_NONE = 0, FAMILY_V4 = 4, FAMILY_V6 = 6 };

enum { ADDR_TEXT_MAX = 80 }; /* "[address%scope]:port" and a NUL */

struct addr {
	uint8_t family; /* enum family */
	uint8_t ip[16]; /* the first 4 octets for IPv4, the rest zero */
	uint16_t port; /* 0 where a port has no meaning */
	uint32_t scope; /* interface index of a link-local IPv6 address, else 0 */
};

struct prefix {
	uint8_t family;
	uint8_t len; /* bits */
	uint8_t ip[16];
};

size_t addr_len(uint8_t family); /* 4, 16 or 0 octets */
bool addr_same(const struct addr *a, const struct addr *b); /* address and port */
bool addr_same_host(const struct addr *a, const struct addr *b); /* address only */
bool addr_is_zero(const struct addr *a);
bool addr_set(struct addr *a, uint8_t family, const uint8_t *ip, uint16_t port);
bool addr_parse(struct addr *a, const char *text); /* "192.0.2.1", "2001:db8::1"; port 0 */
char *addr_text(char out[ADDR_TEXT_MAX], const struct addr *a); /* without port */
char *addr_port_text(
	char out[ADDR_TEXT_MAX], const struct addr *a); /* "192.0.2.1:500", "[::1]:500" */
bool addr_from_sockaddr(struct addr *a, const struct sockaddr_storage *ss);
size_t addr_to_sockaddr(struct sockaddr_storage *ss, const struct addr *a); /* length used */

bool prefix_parse(
	struct prefix *p, const char *text); /* "10.0.0.0/8", "10.0.0.1"; host bits cleared */
bool prefix_parse_host(struct prefix *p, const char *text); /* the same, host bits and all */
char *prefix_text(char out[ADDR_TEXT_MAX], const struct prefix *p);
/* The one address, all of its bits; family NONE: no address, no bits. */
struct prefix prefix_host(uint8_t family, const uint8_t *ip);
bool prefix_covers(const struct prefix *p, const uint8_t *ip); /* ip of p's family */
bool prefix_inside(const struct prefix *inner, const struct prefix *outer);
bool prefix_same(const struct prefix *a, const struct prefix *b);
/* Of the addresses that everybody may use at home. What stays reachable directly with lan = yes lies within these,
 * and nothing beyond them, however large a network a DHCP server claims to be on the link (TunnelCrack's
 * LocalNet). */
bool prefix_is_lan(const struct prefix *p);

/* A traffic selector (RFC 7296 section 3.13.1): a range of addresses, one protocol or all (0), a
 * range of ports, 0-65535 for all. port_lo 65535 with port_hi 0 is OPAQUE. */
struct selector {
	uint8_t family;
	uint8_t proto;
	uint16_t port_lo, port_hi;
	uint8_t lo[16], hi[16];
};

enum {
	SELECTORS_MAX = 255, /* the count is one octet on the wire */
	SELECTOR_TEXT_MAX = 128,
};

struct selectors {
	uint16_t n;
	struct selector v[SELECTORS_MAX];
};

void selector_all(struct selector *s, uint8_t family);
void selector_from_prefix(struct selector *s, const struct prefix *p);
bool selector_valid(const struct selector *s); /* family known, lo <= hi */
bool selector_same(const struct selector *a, const struct selector *b);
bool selector_inside(const struct selector *inner, const struct selector *outer);
/* The intersection, or false when the two have nothing in common. */
bool selector_narrow(struct selector *out, const struct selector *a, const struct selector *b);
/* "10.0.0.0/8", "10.0.0.1-10.0.0.9", with "[udp/1701]" behind where not for everything. */
char *selector_text(char out[SELECTOR_TEXT_MAX], const struct selector *s);
/* The smallest list of prefixes that makes up the selector's address range; returns how many there
 * are, of which the first max are written. At most 2 * 128 - 2 = 254. */
size_t selector_prefixes(const struct selector *s, struct prefix *out, size_t max);

enum sa_dir { SA_IN, SA_OUT };
enum sa_mode { SA_TUNNEL, SA_TRANSPORT };

/* One direction of a child SA, as negotiated: all that a data plane needs. Algorithms are IKEv2
 * transform IDs (IANA), whatever version negotiated them; crypto/alg has the rows. */
struct sa_spec {
	enum sa_dir dir;
	enum sa_mode mode;
	uint32_t spi; /* host order; the receiver's */
	uint32_t child; /* number of the child SA; stays the same over its rekeys */
	bool encap; /* ESP in UDP (RFC 3948) */
	struct addr local; /* outer addresses, with ports when encap */
	struct addr remote;
	uint16_t encr; /* ENCR transform ID */
	uint16_t encr_bits; /* key length attribute, 0 where the algorithm has one size */
	uint16_t integ; /* INTEG transform ID, 0 with an AEAD */
	bool esn;
	bool ecn; /* the other end knows ECN in tunnels (RFC 6040 section 4.1): so IKEv2 demands it */
	uint32_t replay_window; /* packets */
	uint64_t octets_max,
		packets_max; /* that may go through it; 0: as many as its algorithms bear */
	struct secret
		encr_key; /* with the salt behind it for AEAD and CTR (RFC 4106, 3686, 7634) */
	struct secret integ_key;
	struct selectors local_ts, remote_ts;
};

/* The keys of an SA, as a value that the owner may write down (--keylog) and nobody else looks at. Only
 * where an outbox asks for them is there any. */
struct keys {
	enum { KEYS_IKEV1, KEYS_IKEV2, KEYS_ESP } of;
	uint8_t spi_i[8], spi_r[8]; /* IKE: SPIs, or cookies */
	uint32_t spi; /* ESP */
	uint8_t family; /* ESP: of the outer addresses */
	uint16_t encr, encr_bits, integ; /* as in struct sa_spec */
	struct secret encr_key, integ_key; /* IKEv2: of the initiator */
	struct secret encr_key_r, integ_key_r; /* IKEv2: of the responder */
};

#endif
