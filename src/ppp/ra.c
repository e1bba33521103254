#include "ppp/ra.h"

#include <string.h>

#include "base/ipsum.h"

enum {
	ICMPV6 = 58,
	IPV6_HEADER_LEN = 40,
	ADDRESSES_AT = 8, /* in that header; the source, then the destination */
	TYPE_AT = IPV6_HEADER_LEN,
	ROUTER_SOLICITATION = 133,
	ROUTER_ADVERTISEMENT = 134,
	HOP_LIMIT = 255, /* no router has passed it on */
	OPTION_PREFIX = 3,
	OPTION_PREFIX_LEN = 30, /* without type and length */
	OPTION_RDNSS = 25,
	FLAG_AUTONOMOUS = 0x40,
	PREFIX_BITS = 64, /* the identifier has as many (RFC 4862 section 5.5.3 d) */
};

static bool link_local(const uint8_t *ip)
{
	return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

bool ra_is(struct bytes packet)
{
	const uint8_t *p = packet.p;

	return packet.n > TYPE_AT && p[0] >> 4 == 6 && p[6] == ICMPV6 &&
		p[TYPE_AT] == ROUTER_ADVERTISEMENT;
}

/* RFC 4862 section 5.5.3 a to d, as far as one prefix by itself tells. */
static void read_prefix(struct ra *out, struct rd r)
{
	uint8_t len = rd_u8(&r), flags = rd_u8(&r);
	struct ra_prefix prefix = { .valid = rd_u32(&r), .preferred = rd_u32(&r) };

	rd_u32(&r);
	rd_copy(&r, prefix.ip, sizeof(prefix.ip));
	if (r.bad || !(flags & FLAG_AUTONOMOUS) || len != PREFIX_BITS ||
		prefix.preferred > prefix.valid || link_local(prefix.ip) ||
		out->n_prefixes == RA_PREFIXES)
		return;
	out->prefixes[out->n_prefixes++] = prefix;
}

/* RFC 8106 section 5.1 */
static void read_servers(struct ra *out, struct rd r)
{
	rd_u16(&r);
	uint32_t lifetime = rd_u32(&r);

	if (r.bad)
		return;
	out->dns_said = true;
	while (r.left >= 16 && lifetime > 0 && out->n_dns < RA_SERVERS)
		addr_set(&out->dns[out->n_dns++], FAMILY_V6, rd_bytes(&r, 16), 0);
}

/* One that is not whole makes the packet invalid. */
static bool read_options(struct ra *out, struct rd r)
{
	while (r.left > 0) {
		uint8_t type = rd_u8(&r), len = rd_u8(&r);
		if (len == 0)
			return false;
		struct rd option = rd_sub(&r, 8u * len - 2);
		if (r.bad)
			return false;
		if (type == OPTION_PREFIX && option.left == OPTION_PREFIX_LEN)
			read_prefix(out, option);
		else if (type == OPTION_RDNSS)
			read_servers(out, option);
	}
	return true;
}

bool ra_read(struct ra *out, struct bytes packet)
{
	struct rd r = rd_init(packet.p, packet.n);

	memset(out, 0, sizeof(*out));
	if (!ra_is(packet))
		return false;
	rd_u32(&r);
	size_t len = rd_u16(&r);
	rd_u8(&r);
	uint8_t hops = rd_u8(&r);
	const uint8_t *addrs = rd_bytes(&r, 32);
	struct rd body = rd_sub(&r, len); /* what is behind is padding of the link */
	if (body.bad || hops != HOP_LIMIT || !link_local(addrs) ||
		ipsum_fold(ipsum_add(ipsum_pseudo(addrs, 16, ICMPV6, len), body.p, body.left)) != 0)
		return false;
	rd_u8(&body);
	uint8_t code = rd_u8(&body);
	rd_u32(&body); /* checksum, hop limit and flags: DHCPv6 is not for us */
	out->router = rd_u16(&body);
	rd_u64(&body); /* times of neighbour discovery, which a PPP link does without */
	return !body.bad && code == 0 && read_options(out, body);
}

void ra_solicit(uint8_t out[RA_SOLICITATION_LEN], const uint8_t id[8])
{
	static const uint8_t local[8] = { 0xfe, 0x80 };
	static const uint8_t all_routers[16] = { 0xff, 0x02, [15] = 2 };
	const uint16_t len = RA_SOLICITATION_LEN - IPV6_HEADER_LEN;
	struct wr w = wr_init(out, RA_SOLICITATION_LEN);

	wr_u32(&w, 6u << 28);
	wr_u16(&w, len);
	wr_u8(&w, ICMPV6);
	wr_u8(&w, HOP_LIMIT);
	wr_bytes(&w, local, sizeof(local));
	wr_bytes(&w, id, 8);
	wr_bytes(&w, all_routers, sizeof(all_routers));
	wr_u16(&w, ROUTER_SOLICITATION << 8);
	wr_zeros(&w, 6);
	uint32_t sum = ipsum_pseudo(out + ADDRESSES_AT, 16, ICMPV6, len);
	wr_patch_u16(&w, TYPE_AT + 2, ipsum_fold(ipsum_add(sum, out + TYPE_AT, len)));
}
