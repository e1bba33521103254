#include "esp/flow.h"

#include <string.h>

#include "base/bytes.h"
#include "esp/esp.h"

/* IPv6 extension headers, and the protocols with ports that nobody else here needs to name. */
enum {
	IP_HOP_BY_HOP = 0,
	IP_DCCP = 33,
	IP_ROUTING = 43,
	IP_FRAGMENT = 44,
	IP_AH = 51,
	IP_DESTINATION = 60,
	IP_SCTP = 132,
	IP_UDPLITE = 136,
};

/* Ports, or ICMP type and code. A header that is cut short has none. */
static void read_ports(struct flow *f, const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);

	switch (f->proto) {
	case IP_TCP:
	case IP_UDP:
	case IP_DCCP:
	case IP_SCTP:
	case IP_UDPLITE:
		f->sport = rd_u16(&r);
		f->dport = rd_u16(&r);
		f->ports_seen = !r.bad;
		break;
	case IP_ICMP:
	case IP_ICMPV6:
		f->sport = f->dport = rd_u16(&r);
		f->ports_seen = !r.bad;
		break;
	default:
		break; /* a number from the wire; most protocols have no ports */
	}
}

static bool read_v4(struct flow *f, const uint8_t *packet, size_t len)
{
	struct rd r = rd_init(packet, len);
	size_t header = (size_t)(rd_u8(&r) & 0x0f) * 4;

	rd_u8(&r);
	f->total = rd_u16(&r);
	rd_u16(&r);
	uint16_t fragment = rd_u16(&r);
	rd_u8(&r);
	f->proto = rd_u8(&r);
	rd_u16(&r);
	f->src = rd_bytes(&r, 4);
	f->dst = rd_bytes(&r, 4);
	if (r.bad || header < 20 || f->total < header || f->total > len)
		return false;
	f->fragment = (fragment & 0x3fff) != 0;
	f->next = header;
	if (fragment & 0x1fff)
		f->next = f->total;
	else
		read_ports(f, packet + header, f->total - header);
	return true;
}

/* One extension header (RFC 8200 section 4; AH counts its length differently, RFC 4302 section
 * 2.2). False when proto is none, or when what it says about itself is not there. */
static bool skip_extension(struct flow *f, struct rd *r, bool *later)
{
	uint8_t kind = f->proto;

	if (kind != IP_HOP_BY_HOP && kind != IP_ROUTING && kind != IP_DESTINATION &&
		kind != IP_FRAGMENT && kind != IP_AH)
		return false;
	f->proto = rd_u8(r);
	uint8_t units = rd_u8(r);
	uint16_t offset = rd_u16(r);
	if (kind == IP_FRAGMENT) {
		rd_bytes(r, 4);
		f->fragment |= (offset & 0xfff9) != 0;
		*later = (offset & 0xfff8) != 0;
		return !*later;
	}
	rd_bytes(r, kind == IP_AH ? (units + 2u) * 4u - 4 : (units + 1u) * 8u - 4);
	return !r->bad;
}

static bool read_v6(struct flow *f, const uint8_t *packet, size_t len)
{
	struct rd r = rd_init(packet, len);
	bool later = false;

	rd_u32(&r);
	f->total = 40u + rd_u16(&r);
	f->proto = rd_u8(&r);
	rd_u8(&r);
	f->src = rd_bytes(&r, 16);
	f->dst = rd_bytes(&r, 16);
	if (r.bad || f->total > len)
		return false;
	r = rd_init(packet + 40, f->total - 40);
	while (skip_extension(f, &r, &later))
		;
	if (r.bad)
		return false;
	f->next = later ? f->total : f->total - r.left;
	if (!later)
		read_ports(f, packet + f->next, r.left);
	return true;
}

bool flow_read(struct flow *f, const uint8_t *packet, size_t len)
{
	*f = (struct flow){ .family = FAMILY_NONE };
	if (len == 0)
		return false;
	switch (packet[0] >> 4) {
	case 4:
		f->family = FAMILY_V4;
		return read_v4(f, packet, len);
	case 6:
		f->family = FAMILY_V6;
		return read_v6(f, packet, len);
	default:
		return false;
	}
}

/* A packet whose ports cannot be seen matches all ports, or OPAQUE, which says just that. */
static bool port_matches(const struct selector *s, const struct flow *f, uint16_t port)
{
	if (s->port_lo == 0 && s->port_hi == 65535)
		return true;
	if (!f->ports_seen)
		return s->port_lo == 65535 && s->port_hi == 0;
	return s->port_lo <= port && port <= s->port_hi;
}

static bool proto_matches(const struct selector *s, const struct flow *f, uint16_t port)
{
	return (!s->proto || s->proto == f->proto) && port_matches(s, f, port);
}

/* ip NULL: the address is not asked for. */
static bool any_matches(
	const struct selectors *list, const struct flow *f, const uint8_t *ip, uint16_t port)
{
	size_t n = addr_len(f->family);

	for (size_t i = 0; i < list->n; i++) {
		const struct selector *s = &list->v[i];

		if (ip &&
			(s->family != f->family || memcmp(ip, s->lo, n) < 0 ||
				memcmp(ip, s->hi, n) > 0))
			continue;
		if (proto_matches(s, f, port))
			return true;
	}
	return false;
}

bool flow_selected(const struct sa_spec *spec, const struct flow *f)
{
	bool out = spec->dir == SA_OUT;

	return any_matches(out ? &spec->local_ts : &spec->remote_ts, f, f->src, f->sport) &&
		any_matches(out ? &spec->remote_ts : &spec->local_ts, f, f->dst, f->dport);
}

bool flow_selected_payload(
	const struct sa_spec *spec, uint8_t proto, const uint8_t *data, size_t len)
{
	bool out = spec->dir == SA_OUT;
	struct flow f = { .proto = proto };

	read_ports(&f, data, len);
	return any_matches(out ? &spec->local_ts : &spec->remote_ts, &f, NULL, f.sport) &&
		any_matches(out ? &spec->remote_ts : &spec->local_ts, &f, NULL, f.dport);
}

bool esp_selects(const struct sa_spec *spec, const uint8_t *packet, size_t len)
{
	struct flow f;

	return flow_read(&f, packet, len) && flow_selected(spec, &f);
}
