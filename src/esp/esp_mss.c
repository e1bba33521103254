#include "esp/esp.h"
#include "esp/flow.h"

enum {
	TCP_HEADER = 20,
	TCP_FLAGS = 13,
	TCP_SYN = 0x02,
	TCP_OPT_END = 0,
	TCP_OPT_NOP = 1,
	TCP_OPT_MSS = 2,
};

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The value of the MSS option, or NULL. Every turn takes at least one octet. */
static uint8_t *mss_option(uint8_t *p, const uint8_t *end)
{
	while (p < end && *p != TCP_OPT_END) {
		if (*p == TCP_OPT_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return NULL;
		if (p[0] == TCP_OPT_MSS)
			return p[1] == 4 ? p + 2 : NULL;
		p += p[1];
	}
	return NULL;
}

/* RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). A value at an odd offset lies across two of the
 * words that are summed up, which comes to the same as a value with its octets swapped. */
static uint16_t mend_checksum(uint16_t sum, uint16_t old, uint16_t new, bool odd)
{
	if (odd) {
		old = (uint16_t)(old << 8 | old >> 8);
		new = (uint16_t)(new << 8 | new >> 8);
	}
	uint32_t s = (uint16_t)~sum + (uint32_t)(uint16_t)~old + new;
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* TCP right behind an IP header of the usual length, and no SYN: what nearly all packets are, told
 * without reading all of their headers. */
static bool no_syn(const uint8_t *packet, size_t len)
{
	if (len > 20 + TCP_FLAGS && packet[0] == 0x45 && packet[9] == IP_TCP)
		return !(packet[20 + TCP_FLAGS] & TCP_SYN);
	return len > 40 + TCP_FLAGS && packet[0] >> 4 == 6 && packet[6] == IP_TCP &&
		!(packet[40 + TCP_FLAGS] & TCP_SYN);
}

void esp_clamp_mss(uint8_t *packet, size_t len, uint16_t mtu)
{
	struct flow f;

	if (no_syn(packet, len) || !flow_read(&f, packet, len) || f.proto != IP_TCP ||
		f.total - f.next < TCP_HEADER)
		return;
	uint8_t *tcp = packet + f.next;
	size_t header = (size_t)(tcp[12] >> 4) * 4,
	       around = (f.family == FAMILY_V4 ? 20u : 40u) + TCP_HEADER;
	if (!(tcp[TCP_FLAGS] & TCP_SYN) || header < TCP_HEADER || header > f.total - f.next ||
		mtu <= around)
		return;

	uint8_t *mss = mss_option(tcp + TCP_HEADER, tcp + header);
	uint16_t limit = (uint16_t)(mtu - around);
	if (!mss || get_u16(mss) <= limit)
		return;
	put_u16(tcp + 16, mend_checksum(get_u16(tcp + 16), get_u16(mss), limit, (mss - tcp) % 2));
	put_u16(mss, limit);
}
