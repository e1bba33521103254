#include "gro.h"

#include <string.h>

#include "base/ipsum.h"
#include "base/types.h"
#include "esp/flow.h"
#include "gso.h"
#include "tcpip.h"

enum {
	WHOLE_MAX = 65535,
	DATAGRAMS_MAX = 64, /* the kernel refuses more in one piece; of TCP it takes any number */
};

void gro_start(struct gro *g, unsigned kinds)
{
	g->kinds = kinds;
	g->n_packets = g->n_groups = 0;
	memset(g->newest, 0, sizeof(g->newest));
}

/* --- what can be joined ---------------------------------------------------------------------- */

static bool is_tcp(const struct gro_group *x)
{
	return x->kind & (GRO_TCP4 | GRO_TCP6);
}

static bool is_v4(const struct gro_group *x)
{
	return x->kind & (GRO_TCP4 | GRO_UDP4);
}

static size_t addr_at(const struct gro_group *x)
{
	return is_v4(x) ? 12 : 8;
}

static size_t addr_octets(const struct gro_group *x)
{
	return is_v4(x) ? 4 : 16;
}

/* Which kind it is, and where TCP or UDP begins. 0: anything else. */
static uint8_t kind_of(const uint8_t *p, size_t len, uint16_t *l4)
{
	uint8_t proto;

	if (len < IPV4_HEADER + UDP_HEADER)
		return 0;
	if (p[0] == 0x45) {
		if (get_u16(p + 2) != len || (get_u16(p + 6) & 0xbfff) != 0)
			return 0; /* a fragment, or a bit that nobody knows */
		*l4 = IPV4_HEADER;
		proto = p[9];
		return proto == IP_TCP ? GRO_TCP4 : proto == IP_UDP ? GRO_UDP4 : 0;
	}
	if (p[0] >> 4 != 6 || len < IPV6_HEADER + UDP_HEADER ||
		(size_t)get_u16(p + 4) + IPV6_HEADER != len)
		return 0;
	*l4 = IPV6_HEADER;
	proto = p[6];
	return proto == IP_TCP ? GRO_TCP6 : proto == IP_UDP ? GRO_UDP6 : 0;
}

/* The addresses lie just before TCP or UDP, so they are added up with it. */
static bool sums_right(const struct gro_group *x, const uint8_t *p, size_t len)
{
	uint32_t sum = (is_tcp(x) ? IP_TCP : IP_UDP) + (uint32_t)(len - x->l4);
	size_t from = addr_at(x);

	if (is_v4(x) && ipsum_fold(ipsum_add(0, p, IPV4_HEADER)) != 0)
		return false;
	return ipsum_fold(ipsum_add(sum, p + from, len - from)) == 0;
}

/* Payload to be joined and nothing out of the ordinary. */
static bool tcp_plain(struct gro_group *x, const uint8_t *p, size_t len)
{
	const uint8_t *tcp = p + x->l4;
	size_t header = tcp_header(tcp);

	x->header = (uint16_t)(x->l4 + header);
	return header >= TCP_HEADER && x->header < len && (tcp[12] & 0x0f) == 0 &&
		(tcp[13] & ~(TCP_PSH | TCP_ECE)) == TCP_ACK && get_u16(tcp + 18) == 0;
}

static bool udp_plain(struct gro_group *x, const uint8_t *p, size_t len)
{
	const uint8_t *udp = p + x->l4;

	x->header = (uint16_t)(x->l4 + UDP_HEADER);
	return x->header < len && get_u16(udp + 4) == len - x->l4 && get_u16(udp + UDP_SUM) != 0;
}

/* A group of this packet alone, that others may join or not. */
static struct gro_group look(const struct gro *g, const uint8_t *p, size_t len)
{
	struct gro_group x = { .n = 1, .total = len };

	x.kind = kind_of(p, len, &x.l4) & g->kinds;
	if (x.kind == 0 || (is_tcp(&x) && len < (size_t)x.l4 + TCP_HEADER)) {
		x.kind = 0;
		return x;
	}
	bool plain = is_tcp(&x) ? tcp_plain(&x, p, len) : udp_plain(&x, p, len);
	x.size = (uint16_t)(len - x.header);
	x.verified = plain && sums_right(&x, p, len);
	x.open = x.verified && !(is_tcp(&x) && p[x.l4 + 13] & TCP_PSH);
	return x;
}

/* --- joining ----------------------------------------------------------------------------------- */

static bool same_flow(
	const struct gro_group *a, const uint8_t *p, const struct gro_group *b, const uint8_t *q)
{
	return a->kind == b->kind &&
		memcmp(p + addr_at(a), q + addr_at(a), 2 * addr_octets(a)) == 0 &&
		memcmp(p + a->l4, q + a->l4, 4) == 0;
}

/* Type of service, life time, flags, flow label; the identification counts on. With DF it means
 * nothing (RFC 6864 section 4.1), but counting is what comes out again. */
static bool same_ip(const struct gro_group *a, const uint8_t *p, const uint8_t *q)
{
	if (is_v4(a))
		return p[1] == q[1] && get_u16(p + 6) == get_u16(q + 6) && p[8] == q[8] &&
			get_u16(q + 4) == (uint16_t)(get_u16(p + 4) + a->n);
	return memcmp(p, q, 4) == 0 && p[7] == q[7];
}

/* Acknowledgement, window, flags but PSH, options; and it goes on where the group ends. */
static bool same_tcp(const struct gro_group *a, const uint8_t *p, const uint8_t *q)
{
	size_t joined = a->total - a->header;

	return get_u32(q + 4) == get_u32(p + 4) + joined && memcmp(p + 8, q + 8, 5) == 0 &&
		(p[13] | TCP_PSH) == (q[13] | TCP_PSH) && get_u16(p + 14) == get_u16(q + 14) &&
		memcmp(p + TCP_HEADER, q + TCP_HEADER, a->header - a->l4 - TCP_HEADER) == 0;
}

static bool joins(
	const struct gro_group *a, const uint8_t *p, const struct gro_group *b, const uint8_t *q)
{
	return a->open && b->verified && a->header == b->header && b->size <= a->size &&
		a->total + b->size <= WHOLE_MAX && (is_tcp(a) || a->n < DATAGRAMS_MAX) &&
		same_ip(a, p, q) && (!is_tcp(a) || same_tcp(a, p + a->l4, q + a->l4));
}

static size_t bucket(const struct gro_group *x, const uint8_t *p)
{
	const uint8_t *addrs = p + addr_at(x) + addr_octets(x) - 4;
	uint32_t h =
		get_u32(p + x->l4) ^ get_u32(addrs) * 31 ^ get_u32(addrs + addr_octets(x)) * 17;

	h *= 0x9e3779b1;
	return h >> 24 & (GRO_BUCKETS - 1);
}

/* The newest group of the same flow: whatever is older must not be joined any more. */
static struct gro_group *find(struct gro *g, const struct gro_group *x, const uint8_t *p, size_t at)
{
	for (uint16_t i = g->newest[at]; i > 0; i = g->groups[i - 1].older) {
		struct gro_group *a = &g->groups[i - 1];
		if (same_flow(a, g->packets[a->first - 1].data, x, p))
			return a;
	}
	return NULL;
}

static void join(struct gro *g, struct gro_group *a, const struct gro_group *b, uint16_t packet)
{
	uint8_t *first = g->packets[a->first - 1].data;

	g->packets[a->last - 1].next = packet;
	a->last = packet;
	a->n++;
	a->total += b->size;
	a->open = b->size == a->size && b->open;
	if (is_tcp(a))
		first[a->l4 + 13] |= g->packets[packet - 1].data[a->l4 + 13] & TCP_PSH;
}

bool gro_add(struct gro *g, uint8_t *packet, size_t len)
{
	struct gro_group x = look(g, packet, len), *a = NULL;
	size_t at = 0;

	if (g->n_packets == GRO_PACKETS)
		return false;
	g->packets[g->n_packets++] = (struct gro_packet){ .data = packet, .len = len };
	uint16_t number = (uint16_t)g->n_packets;
	if (x.kind != 0) {
		at = bucket(&x, packet);
		a = find(g, &x, packet, at);
		if (a && joins(a, g->packets[a->first - 1].data, &x, packet)) {
			join(g, a, &x, number);
			return true;
		}
	}
	x.first = x.last = number;
	if (x.kind != 0)
		x.older = g->newest[at];
	g->groups[g->n_groups++] = x;
	if (x.kind != 0)
		g->newest[at] = (uint16_t)g->n_groups;
	return true;
}

/* --- the whole --------------------------------------------------------------------------------- */

static uint8_t gso_type(const struct gro_group *x)
{
	if (!is_tcp(x))
		return GSO_UDP_L4;
	return is_v4(x) ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
}

void gro_finish(struct gro *g, struct gro_group *x, struct virtio_net_hdr *h)
{
	uint8_t *p = g->packets[x->first - 1].data;
	size_t l4_len = x->total - x->l4;

	memset(h, 0, sizeof(*h));
	if (x->n == 1)
		return;
	*h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = gso_type(x),
		.hdr_len = x->header,
		.gso_size = x->size,
		.csum_start = x->l4,
		.csum_offset = is_tcp(x) ? TCP_SUM : UDP_SUM };
	if (is_v4(x)) {
		put_u16(p + 2, (uint16_t)x->total);
		put_u16(p + 10, 0);
		put_u16(p + 10, ipsum_fold(ipsum_add(0, p, IPV4_HEADER)));
	} else {
		put_u16(p + 4, (uint16_t)(x->total - IPV6_HEADER));
	}
	if (!is_tcp(x))
		put_u16(p + x->l4 + 4, (uint16_t)l4_len);
	/* The kernel adds up the rest. */
	uint32_t sum =
		ipsum_pseudo(p + addr_at(x), addr_octets(x), is_tcp(x) ? IP_TCP : IP_UDP, l4_len);
	put_u16(p + x->l4 + h->csum_offset, (uint16_t)~ipsum_fold(sum));
}
