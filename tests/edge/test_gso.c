#include "lib/test.h"

#include <stdlib.h>

#include "../../src/edge/gso.h"
#include "../../src/edge/tcpip.h"
#include "crypto/rng.h"
#include "lib/packet.h"
#include "lib/regroup.h"

enum { ALL = GRO_TCP4 | GRO_TCP6 | GRO_UDP4 | GRO_UDP6 };

static const char timestamps[] = "\1\1\10\12abcdEFGH";
static struct regroup world;

/* A packet as its segments' first: its own sums need not be right. */
static struct virtio_net_hdr header_for(uint8_t type, size_t l4, uint16_t at, uint16_t size)
{
	return (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = type,
		.hdr_len = 1, /* a hint, and not to be relied on */
		.gso_size = size,
		.csum_start = (uint16_t)l4,
		.csum_offset = at };
}

static void a_run_of_tcp(void **state)
{
	uint8_t packet[PACKET_MAX], out[PACKET_MAX];
	struct gso run;

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		size_t ip = v6 ? 40 : 20, header = ip + 32;
		size_t len = packet_tcp(packet, v6 ? "fd00::1" : "10.0.0.1",
			v6 ? "fd00::2" : "10.0.0.2",
			TCP_CWR | TCP_ECE | TCP_ACK | TCP_PSH | TCP_FIN, timestamps, 12, 1000);
		struct virtio_net_hdr h = header_for(
			(uint8_t)((v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4) |
				VIRTIO_NET_HDR_GSO_ECN),
			ip, TCP_SUM, 300);
		packet[ip + TCP_SUM] ^= 0x55;
		assert_true(gso_read(&run, &h, packet, len));
		assert_int_equal(run.count, 4);
		for (unsigned i = 0; i < 4; i++) {
			size_t n = gso_len(&run, i), data = i < 3 ? 300 : 100;
			const uint8_t *tcp = out + ip;
			assert_int_equal(n, header + data);
			gso_write(&run, i, out);
			assert_true(packet_sum_ok(out, n));
			assert_int_equal(get_u16(out + (v6 ? 4 : 2)), v6 ? n - 40 : n);
			if (!v6) {
				assert_true(packet_header_ok(out));
				assert_int_equal(get_u16(out + 4), 0x1234 + i);
			}
			assert_int_equal(get_u32(tcp + 4), 0x01020304 + 300 * i);
			assert_int_equal(tcp[13],
				TCP_ECE | TCP_ACK | (i == 0 ? TCP_CWR : 0) |
					(i == 3 ? TCP_PSH | TCP_FIN : 0));
			assert_memory_equal(tcp + 20, timestamps, 12);
			assert_memory_equal(out + header, packet + header + 300 * i, data);
		}
	}
}

/* Whatever the headers hold, every segment's sums are right. */
static void sums_of_any_run(void **state)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 7 };
	uint8_t packet[PACKET_MAX], out[PACKET_MAX];
	struct gso run;
	struct rng rng;

	(void)state;
	rng_seed(&rng, seed);
	for (unsigned i = 0; i < 20000; i++) {
		bool v6 = i & 1, tcp = i & 2;
		size_t ip = v6 ? 40 : 20, payload = 2 + rng_below(&rng, 1400);
		const char *src = v6 ? "fd00::1" : "10.0.0.1", *dst = v6 ? "fd00::2" : "10.0.0.2";
		size_t len = tcp ? packet_tcp(packet, src, dst, TCP_ACK, NULL, 0, payload) :
				   packet_udp(packet, src, dst, 5, 6, payload);
		struct virtio_net_hdr h = header_for((uint8_t)(!tcp     ? GSO_UDP_L4 :
								     v6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
									  VIRTIO_NET_HDR_GSO_TCPV4),
			ip, tcp ? TCP_SUM : UDP_SUM,
			(uint16_t)(1 + rng_below(&rng, (uint32_t)payload)));
		rng_fill(&rng, packet + ip + 8,
			tcp ? 4 : payload); /* acknowledged, or the payload */
		if (i & 4)
			memset(packet + ip + (tcp ? 4 : 8), i & 8 ? 0xff : 0, 4); /* sequence */
		if (!v6)
			rng_fill(&rng, packet + 4, 2); /* identification */
		assert_true(gso_read(&run, &h, packet, len));
		for (size_t k = 0; k < run.count; k++) {
			gso_write(&run, k, out);
			if (!packet_sum_ok(out, gso_len(&run, k)) ||
				(!v6 && !packet_header_ok(out)))
				fail_msg("run %u, segment %zu of %zu", i, k, run.count);
		}
	}
}

static void a_run_of_udp(void **state)
{
	uint8_t packet[PACKET_MAX], out[PACKET_MAX];
	struct gso run;

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		size_t ip = v6 ? 40 : 20;
		size_t len = packet_udp(packet, v6 ? "fd00::1" : "10.0.0.1",
			v6 ? "fd00::2" : "10.0.0.2", 5, 6, 1000);
		struct virtio_net_hdr h = header_for(GSO_UDP_L4, ip, UDP_SUM, 400);
		assert_true(gso_read(&run, &h, packet, len));
		assert_int_equal(run.count, 3);
		for (unsigned i = 0; i < 3; i++) {
			size_t n = gso_len(&run, i), data = i < 2 ? 400 : 200;
			assert_int_equal(n, ip + 8 + data);
			gso_write(&run, i, out);
			assert_true(packet_sum_ok(out, n) && (v6 || packet_header_ok(out)));
			assert_int_equal(get_u16(out + ip + 4), 8 + data);
			assert_memory_equal(out + ip + 8, packet + ip + 8 + 400 * i, data);
		}
	}
}

/* The kernel has left the sum of the addresses where the checksum belongs. */
static void one_packet_without_checksum(void **state)
{
	uint8_t packet[PACKET_MAX], out[PACKET_MAX], want[PACKET_MAX];
	struct gso run;

	(void)state;
	size_t len = packet_udp(want, "10.0.0.1", "10.0.0.2", 5, 6, 77);
	memcpy(packet, want, len);
	put_u16(packet + 26, 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 17 + 85);
	struct virtio_net_hdr h = header_for(VIRTIO_NET_HDR_GSO_NONE, 20, UDP_SUM, 0);
	assert_true(gso_read(&run, &h, packet, len));
	assert_true(run.count == 1 && gso_len(&run, 0) == len);
	gso_write(&run, 0, out);
	assert_memory_equal(out, want, len);
	/* And one that has it, with octets behind that are no part of it. */
	h = (struct virtio_net_hdr){ 0 };
	assert_true(gso_read(&run, &h, want, len + 9));
	assert_true(run.count == 1 && gso_len(&run, 0) == len);
	gso_write(&run, 0, out);
	assert_memory_equal(out, want, len);
}

static void runs_that_are_none(void **state)
{
	uint8_t packet[PACKET_MAX];
	struct gso run;
	size_t len = packet_tcp(packet, "10.0.0.1", "10.0.0.2", TCP_ACK, NULL, 0, 100);
	struct virtio_net_hdr tcp4 = header_for(VIRTIO_NET_HDR_GSO_TCPV4, 20, TCP_SUM, 50), h;

	(void)state;
	assert_true(gso_read(&run, &tcp4, packet, len));
	h = tcp4;
	h.gso_size = 0;
	assert_false(gso_read(&run, &h, packet, len));
	h = tcp4;
	h.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	assert_false(gso_read(&run, &h, packet, len));
	h.gso_type = GSO_UDP_L4;
	assert_false(gso_read(&run, &h, packet, len));
	h.gso_type = 77;
	assert_false(gso_read(&run, &h, packet, len));
	packet[32] = 0xf0; /* a header of 60 octets, then one of 16 */
	assert_true(gso_read(&run, &tcp4, packet, len) && run.header == 80);
	packet[32] = 0x40;
	assert_false(gso_read(&run, &tcp4, packet, len));
	packet[32] = 0x50;
	put_u16(packet + 2, 40); /* no payload */
	assert_false(gso_read(&run, &tcp4, packet, len));
	put_u16(packet + 2, 39);
	assert_false(gso_read(&run, &tcp4, packet, len));
	put_u16(packet + 2, (uint16_t)len);
	packet[6] = 0x20; /* a fragment */
	assert_false(gso_read(&run, &tcp4, packet, len));
	assert_false(gso_read(&run, &tcp4, packet, 0));
	h = header_for(VIRTIO_NET_HDR_GSO_NONE, 20, (uint16_t)(len - 21), 0);
	assert_false(gso_read(&run, &h, packet, len)); /* a checksum behind the end */
	h.csum_offset--;
	assert_true(gso_read(&run, &h, packet, len));
}

/* --- joining ----------------------------------------------------------------------------------- */

/* Segments 0, 1, ... of one flow, of 300 octets each. */
static void segment(uint8_t out[PACKET_MAX], unsigned i, size_t *len)
{
	uint8_t packet[PACKET_MAX];
	size_t all = packet_tcp(packet, "10.0.0.1", "10.0.0.2", TCP_ACK, timestamps, 12, 1200);
	struct virtio_net_hdr h = header_for(VIRTIO_NET_HDR_GSO_TCPV4, 20, TCP_SUM, 300);
	struct gso run;

	assert_true(gso_read(&run, &h, packet, all));
	gso_write(&run, i, out);
	*len = gso_len(&run, i);
}

static size_t groups_of_world(void)
{
	size_t groups = 0;
	const char *wrong = regroup_check(&world, ALL, &groups);

	if (wrong)
		fail_msg("%s", wrong);
	return groups;
}

static void one_flow(void **state)
{
	uint8_t packet[PACKET_MAX];
	size_t len, groups;

	(void)state;
	world.n = 0;
	for (unsigned i = 0; i < 4; i++) {
		segment(packet, i, &len);
		regroup_add(&world, packet, len);
	}
	struct regroup *again = malloc(sizeof(*again));
	assert_non_null(again);
	*again = world;
	assert_int_equal(groups_of_world(), 1);
	assert_int_equal(world.header.gso_size, 300);
	assert_int_equal(world.header.hdr_len, 52);
	assert_int_equal(world.whole_len, 52 + 1200);
	assert_true(packet_header_ok(world.whole));
	/* Not where the kernel takes packets one by one. */
	world = *again;
	assert_null(regroup_check(&world, ALL & ~GRO_TCP4, &groups));
	assert_int_equal(groups, 4);
	free(again);
}

/* Makes both sums right again. */
static void mend(uint8_t *packet, size_t len)
{
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = PACKET_MAX,
		.csum_start = 20,
		.csum_offset = TCP_SUM };
	uint8_t out[PACKET_MAX];
	struct gso run;

	if (gso_read(&run, &h, packet, len)) {
		gso_write(&run, 0, out);
		memcpy(packet, out, gso_len(&run, 0));
	}
}

static void what_is_not_joined(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t bits;
		bool sums_wrong;
	} rows[] = {
		{ "type of service", 1, 0x04, false },
		{ "ECN", 1, 0x03, false },
		{ "identification", 5, 0x40, false },
		{ "more fragments", 6, 0x20, false },
		{ "do not fragment", 6, 0x40, false },
		{ "life time", 8, 1, false },
		{ "source", 15, 1, false },
		{ "destination", 19, 1, false },
		{ "port", 21, 1, false },
		{ "sequence number", 27, 1, false },
		{ "acknowledgement", 31, 1, false },
		{ "reserved bit", 32, 1, false },
		{ "FIN", 33, 1, false },
		{ "SYN", 33, 2, false },
		{ "RST", 33, 4, false },
		{ "no ACK", 33, 0x10, false },
		{ "URG", 33, 0x20, false },
		{ "ECE", 33, 0x40, false },
		{ "CWR", 33, 0x80, false },
		{ "window", 35, 1, false },
		{ "urgent pointer", 39, 1, false },
		{ "option", 45, 1, false },
		{ "wrong sum of the header", 10, 1, true },
		{ "wrong checksum", 37, 1, true },
		{ "wrong octet", 99, 1, true },
	};
	uint8_t packet[PACKET_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		world.n = 0;
		for (unsigned k = 0; k < 4; k++) {
			segment(packet, k, &len);
			if (k == 1)
				packet[rows[i].at] ^= rows[i].bits;
			if (k == 1 && !rows[i].sums_wrong)
				mend(packet, len);
			regroup_add(&world, packet, len);
		}
		if (groups_of_world() < 3)
			fail_msg("%s: joined", rows[i].what);
	}
}

static void ends_of_a_group(void **state)
{
	uint8_t packet[PACKET_MAX];
	size_t len;

	(void)state;
	world.n = 0; /* PSH ends it, and is kept */
	for (unsigned k = 0; k < 4; k++) {
		segment(packet, k, &len);
		packet[33] |= k == 1 ? TCP_PSH : 0;
		mend(packet, len);
		regroup_add(&world, packet, len);
	}
	assert_int_equal(groups_of_world(), 2);
	world.n = 0; /* so does a shorter one, and a longer one cannot follow */
	size_t off = 0;
	static const uint16_t lens[] = { 300, 300, 299, 300, 301, 301 };
	for (unsigned k = 0; k < ARRAY_LEN(lens); k++) {
		len = packet_tcp(packet, "10.0.0.1", "10.0.0.2", TCP_ACK, NULL, 0, lens[k]);
		put_u32(packet + 24, (uint32_t)(1000 + off));
		put_u16(packet + 4, (uint16_t)k);
		off += lens[k];
		mend(packet, len);
		regroup_add(&world, packet, len);
	}
	assert_int_equal(groups_of_world(), 3);
}

/* What comes between them of the same flow must not be overtaken; another flow may. */
static void order_within_a_flow(void **state)
{
	uint8_t packet[PACKET_MAX];
	size_t len;

	(void)state;
	world.n = 0;
	for (unsigned k = 0; k < 4; k++) {
		segment(packet, k, &len);
		regroup_add(&world, packet, len);
		len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, k);
		regroup_add(&world, packet, len);
	}
	assert_int_equal(groups_of_world(), 5);
	assert_int_equal(world.gro.groups[0].n, 4);
	world.n = 0;
	for (unsigned k = 0; k < 4; k++) {
		segment(packet, k, &len);
		regroup_add(&world, packet, len);
		if (k != 1)
			continue;
		packet[33] |= TCP_ECE; /* the same once more, and out of the ordinary */
		mend(packet, len);
		regroup_add(&world, packet, len);
	}
	assert_int_equal(groups_of_world(), 3);
	assert_int_equal(world.gro.groups[0].n, 2);
}

static void extension_headers(void **state)
{
	uint8_t packet[PACKET_MAX], payload[300] = { 6, 0, 1, 4 };
	size_t groups;

	(void)state;
	world.n = 0;
	for (unsigned k = 0; k < 4; k++) {
		payload[8] = (uint8_t)k;
		size_t len = packet_ip(packet, "fd00::1", "fd00::2", 60, payload, sizeof(payload));
		regroup_add(&world, packet, len);
	}
	assert_null(regroup_check(&world, ALL, &groups));
	assert_int_equal(groups, 4);
}

static void datagrams(void **state)
{
	uint8_t packet[PACKET_MAX];

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		world.n = 0;
		for (unsigned k = 0; k < 6; k++) {
			size_t len = packet_udp(packet, v6 ? "fd00::1" : "10.0.0.1",
				v6 ? "fd00::2" : "10.0.0.2", 5, 6, k == 3 ? 99 : 100);
			if (!v6) {
				put_u16(packet + 4, (uint16_t)k);
				put_u16(packet + 10, get_u16(packet + 10) + 0x1234 - k);
			}
			if (!v6 && k == 5) /* sent without a checksum: it must arrive without */
				packet[26] = packet[27] = 0;
			regroup_add(&world, packet, len);
		}
		assert_int_equal(groups_of_world(), v6 ? 2 : 3);
	}
}

/* Random packets of few flows, in random order, with random faults: joined and split they are the same. */
static void there_and_back(void **state)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 5 };
	struct rng rng;
	uint32_t joined = 0;

	(void)state;
	rng_seed(&rng, seed);
	for (unsigned round = 0; round < 2000; round++) {
		uint32_t next[4] = { 0, ~0u - 900, 77, 5 };
		uint16_t ids[4] = { 0, 0xfffe, 3, 9 };
		static const char *const to[] = { "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5" };
		uint8_t packet[PACKET_MAX];
		world.n = 0;
		for (unsigned k = 0; k < REGROUP_PACKETS; k++) {
			uint32_t flow = rng_below(&rng, 4), size = flow * 100 + 1;
			size -= rng_below(&rng, 8) == 0;
			size_t len = packet_tcp(packet, "10.0.0.1", to[flow], TCP_ACK, timestamps,
				flow & 2 ? 12 : 0, size);
			put_u32(packet + 24, next[flow]);
			put_u16(packet + 4, ids[flow]++);
			next[flow] += size;
			mend(packet, len);
			if (rng_below(&rng, 32) == 0) {
				packet[rng_below(&rng, (uint32_t)len)] ^= (uint8_t)rng_u32(&rng);
				if (rng_below(&rng, 2))
					mend(packet, len);
			}
			regroup_add(&world, packet, len);
		}
		joined += REGROUP_PACKETS - (uint32_t)groups_of_world();
	}
	assert_true(joined > 2000 * REGROUP_PACKETS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_of_tcp),
		cmocka_unit_test(sums_of_any_run),
		cmocka_unit_test(a_run_of_udp),
		cmocka_unit_test(one_packet_without_checksum),
		cmocka_unit_test(runs_that_are_none),
		cmocka_unit_test(one_flow),
		cmocka_unit_test(what_is_not_joined),
		cmocka_unit_test(ends_of_a_group),
		cmocka_unit_test(order_within_a_flow),
		cmocka_unit_test(extension_headers),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
