#include "lib/test.h"

#include <stdlib.h>

#include "esp/esp.h"
#include "esp/flow.h"
#include "lib/packet.h"

static uint8_t packet[PACKET_MAX];

static struct selector range(const char *prefix, uint8_t proto, uint16_t lo, uint16_t hi)
{
	struct selector s;
	struct prefix p;

	assert_true(prefix_parse(&p, prefix));
	selector_from_prefix(&s, &p);
	s.proto = proto;
	s.port_lo = lo;
	s.port_hi = hi;
	return s;
}

static struct sa_spec *new_spec(enum sa_dir dir, struct selector local, struct selector remote)
{
	struct sa_spec *spec = calloc(1, sizeof(*spec));

	assert_non_null(spec);
	spec->dir = dir;
	spec->local_ts.n = spec->remote_ts.n = 1;
	spec->local_ts.v[0] = local;
	spec->remote_ts.v[0] = remote;
	return spec;
}

static void directions(void **state)
{
	struct sa_spec *spec =
		new_spec(SA_OUT, range("10.0.0.7", 0, 0, 65535), range("10.1.0.0/16", 0, 0, 65535));
	size_t len = packet_udp(packet, "10.0.0.7", "10.1.2.3", 1000, 53, 5);

	(void)state;
	assert_true(esp_selects(spec, packet, len));
	spec->dir = SA_IN;
	assert_false(esp_selects(spec, packet, len));
	len = packet_udp(packet, "10.1.2.3", "10.0.0.7", 53, 1000, 5);
	assert_true(esp_selects(spec, packet, len));
	spec->dir = SA_OUT;
	assert_false(esp_selects(spec, packet, len));
	/* One beyond either end. */
	len = packet_udp(packet, "10.0.0.7", "10.2.0.0", 1, 2, 0);
	assert_false(esp_selects(spec, packet, len));
	len = packet_udp(packet, "10.0.0.7", "10.0.255.255", 1, 2, 0);
	assert_false(esp_selects(spec, packet, len));
	len = packet_udp(packet, "10.0.0.8", "10.1.0.0", 1, 2, 0);
	assert_false(esp_selects(spec, packet, len));
	/* A second range is as good as the first. */
	spec->remote_ts.v[spec->remote_ts.n++] = range("fd00::/8", 0, 0, 65535);
	spec->remote_ts.v[spec->remote_ts.n++] = range("10.2.0.0/16", 0, 0, 65535);
	len = packet_udp(packet, "10.0.0.7", "10.2.0.0", 1, 2, 0);
	assert_true(esp_selects(spec, packet, len));
	/* The other family never by accident: fd00:: as IPv4 would be 253.0.0.0. */
	spec->local_ts.v[0] = range("0.0.0.0/0", 0, 0, 65535);
	len = packet_udp(packet, "fd00::1", "fd00::2", 1, 2, 0);
	assert_false(esp_selects(spec, packet, len));
	spec->local_ts.v[0] = range("::/0", 0, 0, 65535);
	assert_true(esp_selects(spec, packet, len));
	spec->remote_ts.n = 0;
	assert_false(esp_selects(spec, packet, len));
	free(spec);
}

static void protocols_and_ports(void **state)
{
	struct sa_spec *spec =
		new_spec(SA_OUT, range("::/0", 17, 1701, 1701), range("::/0", 17, 500, 600));
	static const uint8_t echo[8] = { 8, 0, 0, 0, 0, 1, 0, 1 };
	size_t len;

	(void)state;
	len = packet_udp(packet, "2001:db8::1", "2001:db8::2", 1701, 500, 9);
	assert_true(esp_selects(spec, packet, len));
	len = packet_udp(packet, "2001:db8::1", "2001:db8::2", 1701, 600, 9);
	assert_true(esp_selects(spec, packet, len));
	len = packet_udp(packet, "2001:db8::1", "2001:db8::2", 1701, 601, 9);
	assert_false(esp_selects(spec, packet, len));
	len = packet_udp(packet, "2001:db8::1", "2001:db8::2", 1702, 500, 9);
	assert_false(esp_selects(spec, packet, len));
	len = packet_tcp(packet, "2001:db8::1", "2001:db8::2", 2, NULL, 0, 0);
	assert_false(esp_selects(spec, packet, len));

	/* ICMP: type in the upper half, code in the lower (RFC 4301 section 4.4.1.1). */
	spec->local_ts.v[0] = spec->remote_ts.v[0] = range("0.0.0.0/0", IP_ICMP, 8 << 8, 8 << 8);
	len = packet_ip(packet, "10.0.0.1", "10.0.0.2", IP_ICMP, echo, sizeof(echo));
	assert_true(esp_selects(spec, packet, len));
	packet[21] = 1;
	assert_false(esp_selects(spec, packet, len));
	/* A protocol without ports passes where all ports do, and as OPAQUE. */
	len = packet_ip(packet, "10.0.0.1", "10.0.0.2", 47, echo, sizeof(echo));
	spec->local_ts.v[0] = spec->remote_ts.v[0] = range("0.0.0.0/0", 47, 0, 65535);
	assert_true(esp_selects(spec, packet, len));
	spec->local_ts.v[0] = spec->remote_ts.v[0] = range("0.0.0.0/0", 47, 1, 65535);
	assert_false(esp_selects(spec, packet, len));
	spec->local_ts.v[0] = spec->remote_ts.v[0] = range("0.0.0.0/0", 47, 65535, 0);
	assert_true(esp_selects(spec, packet, len));
	free(spec);
}

static void v4_fragments(void **state)
{
	struct sa_spec *ports =
		new_spec(SA_OUT, range("0.0.0.0/0", 17, 1, 9), range("0.0.0.0/0", 17, 1, 9));
	struct sa_spec *all = new_spec(
		SA_OUT, range("0.0.0.0/0", 17, 0, 65535), range("0.0.0.0/0", 17, 0, 65535));
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 5, 100);
	struct flow f;

	(void)state;
	packet[6] = 0x20; /* the first of several has the ports */
	assert_true(esp_selects(ports, packet, len) && esp_selects(all, packet, len));
	assert_true(flow_read(&f, packet, len) && f.fragment && f.ports_seen && f.next == 20);
	packet[7] = 1; /* a later one has not, though there are octets in their place */
	assert_false(esp_selects(ports, packet, len));
	assert_true(esp_selects(all, packet, len));
	assert_true(flow_read(&f, packet, len) && f.fragment && !f.ports_seen && f.next == len);
	packet[6] = packet[7] = 0;
	assert_true(flow_read(&f, packet, len) && !f.fragment);
	/* A UDP header that is cut off is no port 5 either. */
	len = packet_ip(packet, "10.0.0.1", "10.0.0.2", 17, "\0\5\0", 3);
	assert_false(esp_selects(ports, packet, len));
	assert_true(esp_selects(all, packet, len));
	free(ports);
	free(all);
}

static void v6_extensions(void **state)
{
	/* Hop-by-hop, destination options of 16 octets, AH of 16, fragment, then ports 5 and 6. */
	uint8_t chain[8 + 16 + 16 + 8 + 8] = { 60, 0, 1, 4, 0, 0, 0, 0, 51, 1 };
	struct flow f;
	size_t len;

	(void)state;
	chain[8 + 16] = 44;
	chain[8 + 16 + 1] = 2;
	chain[8 + 16 + 16] = 17;
	memcpy(chain + 48, "\0\5\0\6", 4);
	len = packet_ip(packet, "fd00::1", "fd00::2", 0, chain, sizeof(chain));
	assert_true(flow_read(&f, packet, len));
	assert_int_equal(f.proto, 17);
	assert_true(
		f.ports_seen && f.sport == 5 && f.dport == 6 && f.next == 40 + 48 && !f.fragment);
	packet[40 + 40 + 3] = 1; /* more to come */
	assert_true(flow_read(&f, packet, len) && f.fragment && f.ports_seen);
	packet[40 + 40 + 3] = 8; /* a later one */
	assert_true(flow_read(&f, packet, len) && f.fragment && !f.ports_seen && f.next == len);
	assert_int_equal(f.proto, 17);
	/* An extension header that says it is longer than the packet. */
	packet[40 + 1] = 100;
	assert_false(flow_read(&f, packet, len));
	/* One that ends where its own fields should be. */
	len = packet_ip(packet, "fd00::1", "fd00::2", 0, chain, 3);
	assert_false(flow_read(&f, packet, len));
}

static void broken_headers(void **state)
{
	struct flow f;
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 5, 4);

	(void)state;
	assert_false(flow_read(&f, packet, 0));
	for (size_t n = 1; n < len; n++)
		assert_false(flow_read(&f, packet, n));
	assert_true(flow_read(&f, packet, len + 100) && f.total == len);
	packet[0] = 0x44; /* a header shorter than a header */
	assert_false(flow_read(&f, packet, len));
	packet[0] = 0x4f; /* and one longer than the packet */
	assert_false(flow_read(&f, packet, len));
	packet[0] = 0x55;
	assert_false(flow_read(&f, packet, len));
	packet[0] = 0x45;
	packet[3] = 19;
	assert_false(flow_read(&f, packet, len));
	len = packet_udp(packet, "fd00::1", "fd00::2", 5, 5, 4);
	for (size_t n = 1; n < len; n++)
		assert_false(flow_read(&f, packet, n));
	assert_true(flow_read(&f, packet, len) && f.ports_seen);
}

static void clamp(const char *src, const char *dst, uint8_t flags, const char *options, size_t n,
	uint16_t mtu, size_t at, uint16_t want)
{
	size_t len = packet_tcp(packet, src, dst, flags, options, n, 0);
	size_t header = len - 20 - n;

	assert_true(packet_sum_ok(packet, len));
	esp_clamp_mss(packet, len, mtu);
	assert_int_equal(packet[header + 20 + at] << 8 | packet[header + 20 + at + 1], want);
	assert_true(packet_sum_ok(packet, len));
}

static void mss(void **state)
{
	static const char plain[] = "\x02\x04\x05\xb4", odd[] = "\x01\x02\x04\x05\xb4\x01\x01";
	static const char behind[] = "\x04\x02\x08\x0a\0\0\0\1\0\0\0\0\x02\x04\xff\xff";

	(void)state;
	clamp("10.0.0.1", "10.0.0.2", 0x02, plain, 4, 1400, 2, 1360);
	clamp("10.0.0.1", "10.0.0.2", 0x12, plain, 4, 1400, 2, 1360);
	clamp("fd00::1", "fd00::2", 0x02, plain, 4, 1400, 2, 1340);
	clamp("10.0.0.1", "10.0.0.2", 0x02, behind, 16, 1281, 14, 1241);
	clamp("10.0.0.1", "10.0.0.2", 0x02, odd, 8, 1400, 3, 1360);
	for (uint16_t mtu = 41; mtu < 1500; mtu++) {
		clamp("10.0.0.1", "10.0.0.2", 0x02, odd, 8, mtu, 3, mtu - 40);
		clamp("10.0.0.1", "10.0.0.2", 0x02, plain, 4, mtu, 2, mtu - 40);
	}
	/* Never raised; not without SYN; not when nothing would be left. */
	clamp("10.0.0.1", "10.0.0.2", 0x02, plain, 4, 1501, 2, 1460);
	clamp("10.0.0.1", "10.0.0.2", 0x10, plain, 4, 1400, 2, 1460);
	clamp("10.0.0.1", "10.0.0.2", 0x02, plain, 4, 40, 2, 1460);
	/* Behind the end of options it is no option, and options that lie are left alone. */
	clamp("10.0.0.1", "10.0.0.2", 0x02, "\0\x02\x04\x05\xb4\0\0", 8, 1400, 3, 1460);
	clamp("10.0.0.1", "10.0.0.2", 0x02, "\x08\x00\x02\x04\x05\xb4\0", 8, 1400, 4, 1460);
	clamp("10.0.0.1", "10.0.0.2", 0x02, "\x08\x09\x02\x04\x05\xb4\0", 8, 1400, 4, 1460);
	clamp("10.0.0.1", "10.0.0.2", 0x02, "\x02\x03\x05\xb4", 4, 1400, 2, 1460);
}

static void mss_cut_off(void **state)
{
	/* The header ends between the option's length and its value. */
	size_t len = packet_tcp(packet, "10.0.0.1", "10.0.0.2", 2, "\1\1\2\4\xff\xff\1\1", 8, 0);

	(void)state;
	packet[20 + 12] = 6 << 4;
	esp_clamp_mss(packet, len, 1000);
	assert_memory_equal(packet + 40, "\1\1\2\4\xff\xff", 6);
}

static void mss_needs_a_whole_header(void **state)
{
	uint8_t before[PACKET_MAX];
	size_t len = packet_tcp(packet, "10.0.0.1", "10.0.0.2", 2, "\x02\x04\x05\xb4", 4, 0);

	(void)state;
	memcpy(before, packet, len);
	for (size_t n = 0; n < len; n++) {
		packet[3] =
			(uint8_t)n; /* the packet itself says it ends there, whatever lies behind */
		before[3] = (uint8_t)n;
		esp_clamp_mss(packet, len, 1000);
		assert_memory_equal(packet, before, len);
	}
	packet[3] = before[3] = (uint8_t)len;
	packet[7] = before[7] = 3; /* a later fragment: data that only looks like a header */
	esp_clamp_mss(packet, len, 1000);
	assert_memory_equal(packet, before, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directions),
		cmocka_unit_test(protocols_and_ports),
		cmocka_unit_test(v4_fragments),
		cmocka_unit_test(v6_extensions),
		cmocka_unit_test(broken_headers),
		cmocka_unit_test(mss),
		cmocka_unit_test(mss_cut_off),
		cmocka_unit_test(mss_needs_a_whole_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
