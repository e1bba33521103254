#include "base/types.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

size_t addr_len(uint8_t family)
{
	return family == FAMILY_V4 ? 4 : family == FAMILY_V6 ? 16 : 0;
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope &&
		memcmp(a->ip, b->ip, addr_len(a->family)) == 0;
}

bool addr_same(const struct addr *a, const struct addr *b)
{
	return addr_same_host(a, b) && a->port == b->port;
}

bool addr_is_zero(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->ip, zero, addr_len(a->family)) == 0;
}

bool addr_set(struct addr *a, uint8_t family, const uint8_t *ip, uint16_t port)
{
	size_t n = addr_len(family);

	*a = (struct addr){ .family = FAMILY_NONE };
	if (n == 0)
		return false;
	a->family = family;
	a->port = port;
	memcpy(a->ip, ip, n);
	return true;
}

/* A decimal number and nothing else. */
static bool parse_number(const char *text, unsigned long max, unsigned long *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*out = strtoul(text, &end, 10);
	return *end == 0 && *out <= max;
}

bool addr_parse(struct addr *a, const char *text)
{
	char host[ADDR_TEXT_MAX];
	unsigned long scope = 0;
	uint8_t ip[16] = { 0 };
	size_t n = strcspn(text, "%");

	*a = (struct addr){ .family = FAMILY_NONE };
	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = 0;
	if (text[n] && !parse_number(text + n + 1, UINT32_MAX, &scope))
		return false;
	if (!text[n] && inet_pton(AF_INET, host, ip) == 1)
		return addr_set(a, FAMILY_V4, ip, 0);
	if (inet_pton(AF_INET6, host, ip) != 1)
		return false;
	addr_set(a, FAMILY_V6, ip, 0);
	a->scope = (uint32_t)scope;
	return true;
}

static char *ip_text(char out[INET6_ADDRSTRLEN], uint8_t family, const uint8_t *ip)
{
	out[0] = 0;
	if (addr_len(family))
		inet_ntop(family == FAMILY_V4 ? AF_INET : AF_INET6, ip, out, INET6_ADDRSTRLEN);
	return out;
}

char *addr_text(char out[ADDR_TEXT_MAX], const struct addr *a)
{
	char ip[INET6_ADDRSTRLEN];

	ip_text(ip, a->family, a->ip);
	if (a->scope)
		snprintf(out, ADDR_TEXT_MAX, "%s%%%u", ip, a->scope);
	else
		snprintf(out, ADDR_TEXT_MAX, "%s", a->family == FAMILY_NONE ? "(none)" : ip);
	return out;
}

char *addr_port_text(char out[ADDR_TEXT_MAX], const struct addr *a)
{
	char ip[ADDR_TEXT_MAX];
	bool v6 = a->family == FAMILY_V6;

	addr_text(ip, a);
	snprintf(out, ADDR_TEXT_MAX, "%s%.64s%s:%u", v6 ? "[" : "", ip, v6 ? "]" : "", a->port);
	return out;
}

bool addr_from_sockaddr(struct addr *a, const struct sockaddr_storage *ss)
{
	uint8_t ip[16];

	if (ss->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, ss, sizeof(in));
		memcpy(ip, &in.sin_addr, 4);
		return addr_set(a, FAMILY_V4, ip, ntohs(in.sin_port));
	}
	if (ss->ss_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, ss, sizeof(in6));
		memcpy(ip, &in6.sin6_addr, 16);
		addr_set(a, FAMILY_V6, ip, ntohs(in6.sin6_port));
		a->scope = in6.sin6_scope_id;
		return true;
	}
	*a = (struct addr){ .family = FAMILY_NONE };
	return false;
}

size_t addr_to_sockaddr(struct sockaddr_storage *ss, const struct addr *a)
{
	memset(ss, 0, sizeof(*ss));
	if (a->family == FAMILY_V4) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };
		memcpy(&in.sin_addr, a->ip, 4);
		memcpy(ss, &in, sizeof(in));
		return sizeof(in);
	}
	if (a->family == FAMILY_V6) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
			.sin6_port = htons(a->port),
			.sin6_scope_id = a->scope };
		memcpy(&in6.sin6_addr, a->ip, 16);
		memcpy(ss, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

/* The mask of octet i in a prefix of len bits. */
static uint8_t mask_octet(unsigned len, unsigned i)
{
	if (len >= 8 * (i + 1))
		return 0xff;
	return len <= 8 * i ? 0 : (uint8_t)(0xff00u >> (len - 8 * i));
}

bool prefix_parse_host(struct prefix *p, const char *text)
{
	char host[ADDR_TEXT_MAX];
	size_t n = strcspn(text, "/");
	struct addr a;
	unsigned long len;

	*p = (struct prefix){ .family = FAMILY_NONE };
	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = 0;
	if (!addr_parse(&a, host) || a.scope)
		return false;
	len = 8 * addr_len(a.family);
	if (text[n] && !parse_number(text + n + 1, len, &len))
		return false;
	p->family = a.family;
	p->len = (uint8_t)len;
	memcpy(p->ip, a.ip, addr_len(a.family));
	return true;
}

bool prefix_parse(struct prefix *p, const char *text)
{
	if (!prefix_parse_host(p, text))
		return false;
	for (unsigned i = 0; i < addr_len(p->family); i++)
		p->ip[i] &= mask_octet(p->len, i);
	return true;
}

char *prefix_text(char out[ADDR_TEXT_MAX], const struct prefix *p)
{
	char ip[INET6_ADDRSTRLEN];

	snprintf(out, ADDR_TEXT_MAX, "%s/%u", ip_text(ip, p->family, p->ip), p->len);
	return out;
}

struct prefix prefix_host(uint8_t family, const uint8_t *ip)
{
	struct prefix p = { .family = family, .len = (uint8_t)(8 * addr_len(family)) };

	memcpy(p.ip, ip, addr_len(family));
	return p;
}

bool prefix_covers(const struct prefix *p, const uint8_t *ip)
{
	for (unsigned i = 0; i < addr_len(p->family); i++)
		if ((p->ip[i] ^ ip[i]) & mask_octet(p->len, i))
			return false;
	return addr_len(p->family) > 0;
}

bool prefix_inside(const struct prefix *inner, const struct prefix *outer)
{
	return inner->family == outer->family && inner->len >= outer->len &&
		prefix_covers(outer, inner->ip);
}

bool prefix_same(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && prefix_inside(a, b);
}

bool prefix_is_lan(const struct prefix *p)
{
	static const struct prefix lans[] = {
		{ FAMILY_V4, 8, { 10 } }, /* RFC 1918 section 3 */
		{ FAMILY_V4, 12, { 172, 16 } },
		{ FAMILY_V4, 16, { 192, 168 } },
		{ FAMILY_V4, 16, { 169, 254 } }, /* RFC 3927 section 2.1 */
		{ FAMILY_V6, 7, { 0xfc } }, /* RFC 4193 section 3.1 */
		{ FAMILY_V6, 10, { 0xfe, 0x80 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(lans); i++)
		if (prefix_inside(p, &lans[i]))
			return true;
	return false;
}

void selector_all(struct selector *s, uint8_t family)
{
	*s = (struct selector){ .family = family, .port_hi = 65535 };
	memset(s->hi, 0xff, addr_len(family));
}

void selector_from_prefix(struct selector *s, const struct prefix *p)
{
	selector_all(s, p->family);
	for (unsigned i = 0; i < addr_len(p->family); i++) {
		uint8_t mask = mask_octet(p->len, i);
		s->lo[i] = p->ip[i] & mask;
		s->hi[i] = s->lo[i] | (uint8_t)~mask;
	}
}

/* "The port is not there to be looked at", RFC 7296 section 3.13.1 and RFC 4301 section 4.4.1.1. */
static bool ports_opaque(const struct selector *s)
{
	return s->port_lo == 65535 && s->port_hi == 0;
}

static bool ports_all(const struct selector *s)
{
	return s->port_lo == 0 && s->port_hi == 65535;
}

bool selector_valid(const struct selector *s)
{
	size_t n = addr_len(s->family);

	return n > 0 && memcmp(s->lo, s->hi, n) <= 0 &&
		(s->port_lo <= s->port_hi || ports_opaque(s));
}

bool selector_same(const struct selector *a, const struct selector *b)
{
	size_t n = addr_len(a->family);

	return a->family == b->family && a->proto == b->proto && a->port_lo == b->port_lo &&
		a->port_hi == b->port_hi && memcmp(a->lo, b->lo, n) == 0 &&
		memcmp(a->hi, b->hi, n) == 0;
}

/* ANY includes OPAQUE (RFC 4301 section 4.4.1.1); OPAQUE has nothing in common with a port. */
static bool ports_narrow(struct selector *out, const struct selector *a, const struct selector *b)
{
	if (ports_opaque(a) || ports_opaque(b)) {
		const struct selector *other = ports_opaque(a) ? b : a;
		out->port_lo = 65535;
		out->port_hi = 0;
		return ports_opaque(other) || ports_all(other);
	}
	out->port_lo = a->port_lo > b->port_lo ? a->port_lo : b->port_lo;
	out->port_hi = a->port_hi < b->port_hi ? a->port_hi : b->port_hi;
	return out->port_lo <= out->port_hi;
}

bool selector_narrow(struct selector *out, const struct selector *a, const struct selector *b)
{
	size_t n = addr_len(a->family);
	struct selector s = { .family = a->family, .proto = a->proto ? a->proto : b->proto };

	if (n == 0 || a->family != b->family || (a->proto && b->proto && a->proto != b->proto))
		return false;
	if (!ports_narrow(&s, a, b))
		return false;
	memcpy(s.lo, memcmp(a->lo, b->lo, n) > 0 ? a->lo : b->lo, n);
	memcpy(s.hi, memcmp(a->hi, b->hi, n) < 0 ? a->hi : b->hi, n);
	if (memcmp(s.lo, s.hi, n) > 0)
		return false;
	*out = s;
	return true;
}

bool selector_inside(const struct selector *inner, const struct selector *outer)
{
	struct selector both;

	return selector_narrow(&both, inner, outer) && selector_same(&both, inner);
}

/* The last address of the block of 2^bits addresses that starts at ip. */
static void block_last(uint8_t last[16], const uint8_t *ip, size_t n, unsigned bits)
{
	for (unsigned i = 0; i < n; i++)
		last[i] = ip[i] | (uint8_t)~mask_octet(8 * (unsigned)n - bits, i);
}

static unsigned trailing_zeros(const uint8_t *ip, size_t n)
{
	unsigned bits = 0;

	for (size_t i = n; i-- > 0; bits += 8)
		if (ip[i])
			return bits + (unsigned)__builtin_ctz(ip[i]);
	return bits;
}

size_t selector_prefixes(const struct selector *s, struct prefix *out, size_t max)
{
	size_t n = addr_len(s->family), count = 0;
	uint8_t at[16], last[16];

	if (!selector_valid(s))
		return 0;
	memcpy(at, s->lo, n);
	for (;;) {
		unsigned bits = trailing_zeros(at, n);
		for (block_last(last, at, n, bits); memcmp(last, s->hi, n) > 0;)
			block_last(last, at, n, --bits);
		if (count < max) {
			out[count] = (struct prefix){ .family = s->family,
				.len = (uint8_t)(8 * n - bits) };
			memcpy(out[count].ip, at, n);
		}
		count++;
		if (memcmp(last, s->hi, n) == 0)
			return count;
		memcpy(at, last, n);
		for (size_t i = n; i-- > 0 && ++at[i] == 0;)
			;
	}
}

/* "[udp/1701]", or nothing where the selector takes every protocol and port. */
static void ports_text(char *out, size_t size, const struct selector *s)
{
	static const struct {
		uint8_t number;
		const char *name;
	} protos[] = { { 0, "any" }, { 1, "icmp" }, { 6, "tcp" }, { 17, "udp" }, { 47, "gre" },
		{ 58, "icmpv6" }, { 132, "sctp" } };
	char proto[8], ports[16] = "";

	out[0] = 0;
	if (!s->proto && ports_all(s))
		return;
	snprintf(proto, sizeof(proto), "%u", s->proto);
	for (size_t i = 0; i < ARRAY_LEN(protos); i++)
		if (protos[i].number == s->proto)
			snprintf(proto, sizeof(proto), "%s", protos[i].name);
	if (ports_opaque(s))
		snprintf(ports, sizeof(ports), "/opaque");
	else if (s->port_lo == s->port_hi)
		snprintf(ports, sizeof(ports), "/%u", s->port_lo);
	else if (!ports_all(s))
		snprintf(ports, sizeof(ports), "/%u-%u", s->port_lo, s->port_hi);
	snprintf(out, size, "[%s%s]", proto, ports);
}

char *selector_text(char out[SELECTOR_TEXT_MAX], const struct selector *s)
{
	char ports[32], lo[INET6_ADDRSTRLEN], hi[INET6_ADDRSTRLEN];
	struct prefix p;

	ports_text(ports, sizeof(ports), s);
	ip_text(lo, s->family, s->lo);
	ip_text(hi, s->family, s->hi);
	if (selector_prefixes(s, &p, 1) != 1)
		snprintf(out, SELECTOR_TEXT_MAX, "%s-%s%s", lo, hi, ports);
	else if (p.len == 8 * addr_len(s->family))
		snprintf(out, SELECTOR_TEXT_MAX, "%s%s", lo, ports);
	else
		snprintf(out, SELECTOR_TEXT_MAX, "%s/%u%s", lo, p.len, ports);
	return out;
}
