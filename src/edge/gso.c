#include "gso.h"

#include <string.h>

#include "base/ipsum.h"
#include "tcpip.h"

/* One packet that may lack its checksum. */
static bool read_single(struct gso *g, const struct virtio_net_hdr *h)
{
	g->count = 1;
	g->size = g->flow.total - g->flow.next;
	g->header = g->flow.next;
	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	g->sum_from = h->csum_start;
	g->sum_at = (size_t)h->csum_start + h->csum_offset;
	return g->sum_from > 0 && g->sum_at + 2 <= g->flow.total;
}

static bool type_fits(const struct gso *g, uint8_t type)
{
	switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return g->flow.family == FAMILY_V4 && g->flow.proto == IP_TCP;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return g->flow.family == FAMILY_V6 && g->flow.proto == IP_TCP;
	case GSO_UDP_L4:
		return g->flow.proto == IP_UDP;
	default:
		return false; /* a number from outside */
	}
}

static void take_out(uint32_t *sum, const uint8_t *word)
{
	*sum += (uint16_t)~get_u16(word);
}

/* Sequence numbers and flags, lengths and the checksums themselves differ from segment to segment. */
static void add_headers(struct gso *g)
{
	const uint8_t *ip = g->packet, *l4 = ip + g->flow.next;

	if (g->flow.family == FAMILY_V4) {
		g->sum_ip = ipsum_add(0, ip, (size_t)(ip[0] & 0x0f) * 4);
		take_out(&g->sum_ip, ip + 2);
		take_out(&g->sum_ip, ip + 4);
		take_out(&g->sum_ip, ip + 10);
	}
	g->sum_l4 = ipsum_pseudo(g->flow.src, addr_len(g->flow.family), g->flow.proto, 0);
	g->sum_l4 = ipsum_add(g->sum_l4, l4, g->header - g->flow.next);
	if (g->flow.proto == IP_UDP) {
		take_out(&g->sum_l4, l4 + 4);
		take_out(&g->sum_l4, l4 + UDP_SUM);
		return;
	}
	take_out(&g->sum_l4, l4 + 4);
	take_out(&g->sum_l4, l4 + 6);
	take_out(&g->sum_l4, l4 + 12);
	take_out(&g->sum_l4, l4 + TCP_SUM);
}

bool gso_read(struct gso *g, const struct virtio_net_hdr *h, const uint8_t *packet, size_t len)
{
	*g = (struct gso){ .packet = packet };
	if (!flow_read(&g->flow, packet, len))
		return false;
	if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return read_single(g, h);

	const uint8_t *l4 = packet + g->flow.next;
	size_t have = g->flow.total - g->flow.next;
	size_t least = g->flow.proto == IP_TCP ? TCP_HEADER : UDP_HEADER;
	if (!type_fits(g, h->gso_type) || g->flow.fragment || have < least || h->gso_size == 0)
		return false;
	size_t l4_header = g->flow.proto == IP_TCP ? tcp_header(l4) : UDP_HEADER;
	if (l4_header < least || l4_header >= have)
		return false;
	g->split = true;
	g->header = g->flow.next + l4_header;
	add_headers(g);
	g->size = h->gso_size;
	g->count = (g->flow.total - g->header + g->size - 1) / g->size;
	return true;
}

size_t gso_len(const struct gso *g, size_t i)
{
	size_t payload = g->flow.total - g->header;

	return g->header + (i + 1 < g->count ? g->size : payload - i * g->size);
}

/* What differs from segment to segment in the IP header: length, and for IPv4 identification and
 * checksum. */
static void write_ip(const struct gso *g, size_t i, uint8_t *out, size_t len)
{
	const uint8_t *ip = g->packet;

	if (g->flow.family == FAMILY_V6) {
		put_u16(out + 4, (uint16_t)(len - IPV6_HEADER));
		return;
	}
	uint16_t id = (uint16_t)(get_u16(ip + 4) + i);
	put_u16(out + 2, (uint16_t)len);
	put_u16(out + 4, id);
	put_u16(out + 10, ipsum_fold(g->sum_ip + (uint16_t)len + id));
}

/* And in that of TCP or UDP; the sum of what was written. The last segment ends what the packet ended, the
 * first one alone tells that the congestion window was reduced (RFC 3168 section 6.1.2: once, on new data). */
static uint32_t write_l4(const struct gso *g, size_t i, uint8_t *out, size_t len)
{
	const uint8_t *l4 = g->packet + g->flow.next;
	uint8_t flags = l4[13];

	if (g->flow.proto == IP_UDP) {
		put_u16(out + 4, (uint16_t)len);
		return (uint16_t)len;
	}
	uint32_t sequence = get_u32(l4 + 4) + (uint32_t)(i * g->size);
	put_u32(out + 4, sequence);
	if (i > 0)
		flags &= (uint8_t)~TCP_CWR;
	if (i + 1 < g->count)
		flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	out[13] = flags;
	return (sequence >> 16) + (sequence & 0xffff) + ((uint32_t)l4[12] << 8 | flags);
}

/* A checksum of zero says in UDP that there is none (RFC 768). */
static void put_sum(const struct gso *g, uint8_t *at, uint32_t sum)
{
	uint16_t folded = ipsum_fold(sum);

	put_u16(at, folded == 0 && g->flow.proto == IP_UDP ? 0xffff : folded);
}

/* The kernel has put the sum of what is not in the packet where the checksum belongs. */
static void finish_sum(const struct gso *g, uint8_t *out)
{
	put_sum(g, out + g->sum_at, ipsum_add(0, out + g->sum_from, g->flow.total - g->sum_from));
}

/* In one pass, and what was just written is not read again: the processor would have to wait for it. */
static void write_segment(const struct gso *g, size_t i, uint8_t *out, size_t len)
{
	size_t next = g->flow.next, at = next + (g->flow.proto == IP_TCP ? TCP_SUM : UDP_SUM);

	write_ip(g, i, out, len);
	uint32_t sum = g->sum_l4 + (uint32_t)(len - next) + write_l4(g, i, out + next, len - next);
	sum = ipsum_copy(
		sum, out + g->header, g->packet + g->header + i * g->size, len - g->header);
	put_sum(g, out + at, sum);
}

void gso_write(const struct gso *g, size_t i, uint8_t *out)
{
	size_t len = gso_len(g, i);

	memcpy(out, g->packet, g->header);
	if (g->split) {
		write_segment(g, i, out, len);
		return;
	}
	memcpy(out + g->header, g->packet + g->header, len - g->header);
	if (g->sum_from > 0)
		finish_sum(g, out);
}
