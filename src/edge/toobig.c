#include "toobig.h"

#include <string.h>

#include "base/bytes.h"
#include "base/ipsum.h"

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	IPV6_MTU_MIN = 1280,
	ICMP_HEADER = 8,
	ICMP_ANSWER_MAX = 576, /* of IPv4, RFC 1812 section 4.3.2.3 */
	ICMP_UNREACHABLE = 3,
	ICMP_FRAG_NEEDED = 4,
	ICMPV6_TOO_BIG = 2,
	HOPS = 64,
};

static uint16_t limit_of(const struct flow *f, uint16_t mtu)
{
	return f->family == FAMILY_V6 && mtu < IPV6_MTU_MIN ? IPV6_MTU_MIN : mtu;
}

bool toobig(const struct flow *f, const uint8_t *packet, uint16_t mtu)
{
	bool may_split = f->family == FAMILY_V4 && !(packet[6] & 0x40);

	return mtu > 0 && f->total > limit_of(f, mtu) && !may_split;
}

/* Never an answer to an error, to a later fragment, or to whom no answer could be sent. */
static bool answerable(const struct flow *f)
{
	uint8_t type = (uint8_t)(f->sport >> 8);

	if (f->family == FAMILY_V4) {
		bool error = f->proto == IP_ICMP && f->ports_seen &&
			(type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
		return !error && f->next < f->total && f->src[0] != 0 && f->src[0] < 224 &&
			f->dst[0] < 224;
	}
	static const uint8_t unspecified[16];
	bool error = f->proto == IP_ICMPV6 && (!f->ports_seen || type < 128);
	return !error && f->src[0] != 0xff && f->dst[0] != 0xff &&
		memcmp(f->src, unspecified, sizeof(unspecified)) != 0;
}

static void put_sum(uint8_t *at, uint16_t sum)
{
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

static size_t answer_v4(uint8_t *out, const struct flow *f, const uint8_t *packet, uint16_t mtu)
{
	size_t room = ICMP_ANSWER_MAX - IPV4_HEADER - ICMP_HEADER;
	size_t quote = f->total < room ? f->total : room;
	struct wr w = wr_init(out, TOOBIG_MAX);

	wr_u16(&w, 0x4500);
	wr_u16(&w, (uint16_t)(IPV4_HEADER + ICMP_HEADER + quote));
	wr_u32(&w, 0);
	wr_u8(&w, HOPS);
	wr_u8(&w, IP_ICMP);
	wr_u16(&w, 0);
	wr_bytes(&w, f->dst, 4);
	wr_bytes(&w, f->src, 4);
	wr_u8(&w, ICMP_UNREACHABLE);
	wr_u8(&w, ICMP_FRAG_NEEDED);
	wr_u32(&w, 0);
	wr_u16(&w, mtu);
	wr_bytes(&w, packet, quote);
	put_sum(out + 10, ipsum_fold(ipsum_add(0, out, IPV4_HEADER)));
	put_sum(out + IPV4_HEADER + 2,
		ipsum_fold(ipsum_add(0, out + IPV4_HEADER, w.len - IPV4_HEADER)));
	return w.len;
}

static size_t answer_v6(uint8_t *out, const struct flow *f, const uint8_t *packet, uint16_t mtu)
{
	size_t room = IPV6_MTU_MIN - IPV6_HEADER - ICMP_HEADER;
	size_t quote = f->total < room ? f->total : room, payload = ICMP_HEADER + quote;
	struct wr w = wr_init(out, TOOBIG_MAX);

	wr_u32(&w, 0x60000000);
	wr_u16(&w, (uint16_t)payload);
	wr_u8(&w, IP_ICMPV6);
	wr_u8(&w, HOPS);
	wr_bytes(&w, f->dst, 16);
	wr_bytes(&w, f->src, 16);
	wr_u8(&w, ICMPV6_TOO_BIG);
	wr_u8(&w, 0);
	wr_u16(&w, 0);
	wr_u32(&w, limit_of(f, mtu));
	wr_bytes(&w, packet, quote);
	uint32_t sum = ipsum_pseudo(out + 8, 16, IP_ICMPV6, payload);
	put_sum(out + IPV6_HEADER + 2, ipsum_fold(ipsum_add(sum, out + IPV6_HEADER, payload)));
	return w.len;
}

size_t toobig_answer(
	uint8_t out[TOOBIG_MAX], const struct flow *f, const uint8_t *packet, uint16_t mtu)
{
	if (!answerable(f))
		return 0;
	return f->family == FAMILY_V4 ? answer_v4(out, f, packet, mtu) :
					answer_v6(out, f, packet, mtu);
}
