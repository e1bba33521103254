#include "lib/packet.h"

#include "lib/test.h"

#include "base/types.h"

static uint32_t add_up(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static bool is_v4(const uint8_t *packet)
{
	return packet[0] >> 4 == 4;
}

static uint16_t l4_sum(const uint8_t *packet, size_t len)
{
	size_t header = is_v4(packet) ? (packet[0] & 15) * 4u : 40;
	uint8_t proto = packet[is_v4(packet) ? 9 : 6];
	uint32_t sum = add_up(0, packet + header, len - header);

	if (proto != 1) {
		sum += proto + (uint32_t)(len - header);
		sum = add_up(sum, packet + (is_v4(packet) ? 12 : 8), is_v4(packet) ? 8 : 32);
	}
	return fold(sum);
}

bool packet_sum_ok(const uint8_t *packet, size_t len)
{
	return l4_sum(packet, len) == 0;
}

bool packet_header_ok(const uint8_t *packet)
{
	return fold(add_up(0, packet, (packet[0] & 15) * 4u)) == 0;
}

size_t packet_ip(uint8_t out[PACKET_MAX], const char *src, const char *dst, uint8_t proto,
	const void *payload, size_t len)
{
	struct addr from, to;
	struct wr w = wr_init(out, PACKET_MAX);

	assert_true(addr_parse(&from, src) && addr_parse(&to, dst) && from.family == to.family);
	if (from.family == FAMILY_V4) {
		wr_u16(&w, 0x4500);
		wr_u16(&w, (uint16_t)(20 + len));
		wr_u32(&w, 0x12344000); /* identification, do not fragment */
		wr_u8(&w, 64);
		wr_u8(&w, proto);
		wr_u16(&w, 0);
	} else {
		wr_u32(&w, 0x60000000);
		wr_u16(&w, (uint16_t)len);
		wr_u8(&w, proto);
		wr_u8(&w, 64);
	}
	wr_bytes(&w, from.ip, addr_len(from.family));
	wr_bytes(&w, to.ip, addr_len(to.family));
	if (from.family == FAMILY_V4)
		wr_patch_u16(&w, 10, fold(add_up(0, out, 20)));
	wr_bytes(&w, payload, len);
	assert_false(w.bad);
	return w.len;
}

/* Makes the packet and puts the checksum at its place in the payload. */
static size_t with_sum(uint8_t out[PACKET_MAX], const char *src, const char *dst, uint8_t proto,
	struct wr *l4, size_t data, size_t sum_at)
{
	for (size_t i = 0; i < data; i++)
		wr_u8(l4, (uint8_t)i);
	assert_false(l4->bad);
	size_t len = packet_ip(out, src, dst, proto, l4->base, l4->len);
	uint16_t sum = l4_sum(out, len);
	sum_at += len - l4->len;
	out[sum_at] = (uint8_t)(sum >> 8);
	out[sum_at + 1] = (uint8_t)sum;
	return len;
}

size_t packet_tcp(uint8_t out[PACKET_MAX], const char *src, const char *dst, uint8_t flags,
	const void *options, size_t options_len, size_t len)
{
	uint8_t buf[PACKET_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	wr_u32(&w, 50000u << 16 | 443);
	wr_u64(&w, 0x0102030405060708);
	wr_u8(&w, (uint8_t)((20 + options_len) / 4 << 4));
	wr_u8(&w, flags);
	wr_u16(&w, 64240);
	wr_u32(&w, 0);
	wr_bytes(&w, options, options_len);
	return with_sum(out, src, dst, 6, &w, len, 16);
}

size_t packet_udp(uint8_t out[PACKET_MAX], const char *src, const char *dst, uint16_t sport,
	uint16_t dport, size_t len)
{
	uint8_t buf[PACKET_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	wr_u16(&w, sport);
	wr_u16(&w, dport);
	wr_u16(&w, (uint16_t)(8 + len));
	wr_u16(&w, 0);
	return with_sum(out, src, dst, 17, &w, len, 6);
}
