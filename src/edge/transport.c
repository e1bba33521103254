#include "transport.h"

#include "base/bytes.h"
#include "base/ipsum.h"

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, HOPS = 64 };

bool transport_strip(struct esp_packet *p, const struct flow *f)
{
	size_t header = f->family == FAMILY_V4 ? (p->data[0] & 0x0fu) * 4u : IPV6_HEADER;

	if (f->fragment)
		return false;
	p->next_header = p->data[f->family == FAMILY_V4 ? 9 : 6];
	p->data += header;
	p->len -= header;
	return true;
}

/* Where the checksum of a protocol lies that covers the addresses; 0 for one that has none. */
static size_t sum_at(uint8_t proto)
{
	return proto == IP_TCP ? 16 : proto == IP_UDP ? 6 : proto == IP_ICMPV6 ? 2 : 0;
}

static void renew_sum(
	uint8_t *payload, size_t len, uint8_t proto, const uint8_t *addrs, size_t addr)
{
	size_t at = sum_at(proto);

	if (at == 0 || len < at + 2)
		return;
	if (proto == IP_UDP && payload[at] == 0 && payload[at + 1] == 0)
		return; /* sent without one (RFC 768) */
	payload[at] = payload[at + 1] = 0;
	uint16_t sum = ipsum_fold(ipsum_add(ipsum_pseudo(addrs, addr, proto, len), payload, len));
	if (proto == IP_UDP && sum == 0)
		sum = 0xffff;
	payload[at] = (uint8_t)(sum >> 8);
	payload[at + 1] = (uint8_t)sum;
}

bool transport_restore(struct esp_packet *p, const struct sa_spec *spec, uint8_t tos)
{
	bool v4 = spec->remote.family == FAMILY_V4;
	size_t header = v4 ? IPV4_HEADER : IPV6_HEADER, addr = addr_len(spec->remote.family);

	if ((size_t)(p->data - p->room) < header || header + p->len > UINT16_MAX)
		return false;
	struct wr w = wr_init(p->data - header, header);
	if (v4) {
		wr_u16(&w, 0x4500 | tos);
		wr_u16(&w, (uint16_t)(header + p->len));
		wr_u32(&w, 0x4000); /* nobody fragments it any more */
		wr_u8(&w, HOPS);
		wr_u8(&w, p->next_header);
		wr_u16(&w, 0);
	} else {
		wr_u32(&w, 0x60000000 | (uint32_t)tos << 20);
		wr_u16(&w, (uint16_t)p->len);
		wr_u8(&w, p->next_header);
		wr_u8(&w, HOPS);
	}
	size_t addrs = w.len;
	wr_bytes(&w, spec->remote.ip, addr);
	wr_bytes(&w, spec->local.ip, addr);
	if (v4)
		wr_patch_u16(&w, 10, ipsum_fold(ipsum_add(0, w.base, header)));
	renew_sum(p->data, p->len, p->next_header, w.base + addrs, addr);
	p->data -= header;
	p->len += header;
	return true;
}
