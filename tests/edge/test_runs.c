/*
 * Runs of packets in one piece through two userspace data planes: with a virtio header before each packet
 * on the pair of sockets that is the TUN, as if the kernel had agreed to everything.
 */
#include "lib/test.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../src/edge/ecn.h"
#include "../../src/edge/tcpip.h"
#include "../../src/edge/userspace.h"
#include "world.h"

enum { WHOLE_MAX = 65536 };

struct piece {
	struct virtio_net_hdr h;
	uint8_t packet[WHOLE_MAX];
	size_t len;
};

static struct piece sent, got;

static void side_use(struct side *s, unsigned tun, unsigned udp)
{
	struct userspace *us = (struct userspace *)s->dp;

	userspace_offloads(s->dp, 0, udp);
	tunio_use(&us->tun, tun);
}

static bool has_header(const struct side *s)
{
	return ((const struct userspace *)s->dp)->tun.offloads & TUN_HEADER;
}

/* A run of segments of size octets out of one packet with len octets of payload. */
static void make(struct piece *p, bool v6, bool udp, size_t len, uint16_t size, uint8_t tos)
{
	uint8_t one[PACKET_MAX];
	const char *from = v6 ? "fd00::1" : "10.0.0.1", *to = v6 ? "fd00::2" : "10.0.0.2";
	size_t l4 = v6 ? 40 : 20,
	       n = udp ? packet_udp(one, from, to, 5, 6, 0) :
			 packet_tcp(one, from, to, TCP_ACK, "\1\1\1\1", 4, 0);

	memcpy(p->packet, one, n);
	for (size_t i = 0; i < len; i++)
		p->packet[n + i] = (uint8_t)(i * 7 + i / 251);
	p->len = n + len;
	put_u16(p->packet + (v6 ? 4 : 2), (uint16_t)(v6 ? p->len - 40 : p->len));
	if (v6)
		put_u16(p->packet, (uint16_t)(0x6000 | tos << 4));
	else
		p->packet[1] = tos;
	p->h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = udp ? GSO_UDP_L4 :
			v6      ? VIRTIO_NET_HDR_GSO_TCPV6 :
				  VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = size,
		.csum_start = (uint16_t)l4,
		.csum_offset = udp ? UDP_SUM : TCP_SUM };
}

static void give(struct side *s, const struct piece *p)
{
	struct iovec iov[2] = { { (void *)&p->h, sizeof(p->h) }, { (void *)p->packet, p->len } };
	bool header = has_header(s);

	assert_true(writev(s->tun.user, header ? iov : iov + 1, header ? 2 : 1) > 0);
}

static bool take(struct side *s, struct piece *p)
{
	struct iovec iov[2] = { { &p->h, sizeof(p->h) }, { p->packet, sizeof(p->packet) } };
	size_t before = has_header(s) ? sizeof(p->h) : 0;
	ssize_t n = readv(s->tun.user, before ? iov : iov + 1, before ? 2 : 1);

	if (n <= 0)
		return false;
	if (!before)
		memset(&p->h, 0, sizeof(p->h));
	p->len = (size_t)n - before;
	return true;
}

static void pass(struct world *w)
{
	while (w->here.dp->ops->tun_input(w->here.dp))
		;
	assert_int_equal(w->here.dp->ops->waits(w->here.dp), -1);
	side_receive(&w->there);
}

/* The segments of what arrives are those of what was sent. Returns in how many pieces they came. */
static size_t same_segments(struct world *w)
{
	static uint8_t want[WHOLE_MAX], have[WHOLE_MAX];
	struct gso out, in;
	size_t at = 0, pieces = 0;

	assert_true(gso_read(&out, &sent.h, sent.packet, sent.len));
	for (; at < out.count && take(&w->there, &got); pieces++) {
		assert_true(gso_read(&in, &got.h, got.packet, got.len));
		for (size_t i = 0; i < in.count; i++, at++) {
			assert_true(at < out.count);
			gso_write(&out, at, want);
			gso_write(&in, i, have);
			assert_int_equal(gso_len(&in, i), gso_len(&out, at));
			assert_memory_equal(have, want, gso_len(&in, i));
		}
	}
	assert_int_equal(at, out.count);
	assert_false(take(&w->there, &got));
	return pieces;
}

/* Every offload of either side on or off: the same arrives, in as few pieces as can be. */
static void with_and_without(void **state)
{
	static const unsigned tuns[] = { 0, TUN_HEADER, TUN_HEADER | TUN_SUM, TUN_ALL };

	(void)state;
	for (unsigned how = 0; how < 64; how++) {
		struct world w = world_open();
		bool v6 = how & 16, udp = how & 32;
		side_use(&w.here, TUN_ALL, how & 4 ? UDP_ALL : 0);
		side_use(&w.there, tuns[how & 3], how & 8 ? UDP_ALL : 0);
		world_install(&w, 0x1000);
		make(&sent, v6, udp, 7 * 1300 + 99, 1300, 0);
		give(&w.here, &sent);
		pass(&w);
		size_t pieces = same_segments(&w);
		assert_int_equal(pieces, tuns[how & 3] == TUN_ALL ? 1 : 8);
		assert_int_equal(side_counters(&w.there, SA_IN, 0x1000).packets, 8);
		world_close(&w);
	}
}

/* More than one message of UDP may carry, and more than the burst holds at once. */
static void the_largest(void **state)
{
	struct world w = world_open();

	(void)state;
	side_use(&w.here, TUN_ALL, UDP_ALL);
	side_use(&w.there, TUN_ALL, UDP_ALL);
	world_install(&w, 0x1000);
	make(&sent, false, false, 65535 - 44, 1348, 0);
	for (unsigned i = 0; i < 3; i++) {
		give(&w.here, &sent);
		pass(&w);
		assert_in_range(same_segments(&w), 1, 2);
	}
	make(&sent, true, true, 4000, 8, 0); /* 500 datagrams */
	give(&w.here, &sent);
	pass(&w);
	assert_in_range(same_segments(&w), 8, 16); /* at most 64 in a piece */
	world_close(&w);
}

static void new_suite(struct world *w, uint16_t encr, uint16_t integ)
{
	w->spec->encr = encr;
	w->spec->encr_bits = encr == ENCR_CHACHA20_POLY1305 ? 0 : 128;
	w->spec->integ = integ;
}

/* With header, IV, padding and check value of every length. */
static void ciphers(void **state)
{
	static const struct {
		uint16_t encr, integ;
		size_t key, integ_key;
	} rows[] = {
		{ ENCR_AES_GCM_16, 0, 20, 0 },
		{ ENCR_CHACHA20_POLY1305, 0, 36, 0 },
		{ ENCR_AES_CBC, AUTH_HMAC_SHA2_256_128, 16, 32 },
		{ ENCR_AES_CTR, AUTH_HMAC_SHA1_96, 20, 20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (uint16_t size = 500; size < 520; size++) {
			struct world w = world_open();
			side_use(&w.here, TUN_ALL, UDP_ALL);
			side_use(&w.there, TUN_ALL, UDP_ALL);
			new_suite(&w, rows[i].encr, rows[i].integ);
			w.spec->esn = size & 1;
			world_install_keys(&w, 0x1000, rows[i].key, rows[i].integ_key);
			make(&sent, false, false, 5 * size + 3u, size, 0);
			give(&w.here, &sent);
			pass(&w);
			assert_int_equal(same_segments(&w), 1);
			world_close(&w);
		}
}

/* What counts is the segment, not the run. */
static void too_big(void **state)
{
	struct world w = world_open();
	static uint8_t first[WHOLE_MAX];
	struct gso run;

	(void)state;
	side_use(&w.here, TUN_ALL, UDP_ALL);
	side_use(&w.there, TUN_ALL, UDP_ALL);
	world_install(&w, 0x1000);
	w.here.dp->ops->set_mtu(w.here.dp, 1000);
	make(&sent, false, false, 9000, 1000 - 44, 0);
	give(&w.here, &sent);
	pass(&w);
	assert_int_equal(same_segments(&w), 1);
	make(&sent, false, false, 9000, 1001 - 44, 0);
	give(&w.here, &sent);
	pass(&w);
	assert_false(take(&w.there, &got));
	assert_true(take(&w.here, &got));
	assert_int_equal(got.h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	assert_true(packet_sum_ok(got.packet, got.len));
	assert_memory_equal(got.packet + 20, "\3\4", 2);
	assert_true(gso_read(&run, &sent.h, sent.packet, sent.len));
	gso_write(&run, 0, first);
	assert_memory_equal(got.packet + 28, first, got.len - 28);
	assert_true(side_drops(&w.here).too_big == run.count);
	world_close(&w);
}

/* Its checksum is made before the option in it is changed. */
static void syn_without_checksum(void **state)
{
	struct world w = world_open();

	(void)state;
	side_use(&w.here, TUN_ALL, UDP_ALL);
	world_install(&w, 0x1000);
	w.here.dp->ops->set_mtu(w.here.dp, 1300);
	sent.len = packet_tcp(sent.packet, "10.0.0.1", "10.0.0.2", 2, "\2\4\5\xb4", 4, 0);
	put_u16(sent.packet + 36, 0x0a00 + 1 + 0x0a00 + 2 + 6 + 24);
	sent.h = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 20, .csum_offset = TCP_SUM
	};
	give(&w.here, &sent);
	pass(&w);
	assert_true(take(&w.there, &got) && packet_sum_ok(got.packet, got.len));
	assert_int_equal(get_u16(got.packet + 42), 1260);
	world_close(&w);
}

static void malformed(void **state)
{
	struct world w = world_open();

	(void)state;
	side_use(&w.here, TUN_ALL, UDP_ALL);
	world_install(&w, 0x1000);
	make(&sent, false, false, 3000, 0, 0);
	give(&w.here, &sent);
	make(&sent, false, false, 3000, 1000, 0);
	sent.h.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	give(&w.here, &sent);
	assert_int_equal(write(w.here.tun.user, &sent.h, 7), 7); /* half a header */
	pass(&w);
	assert_true(side_drops(&w.here).malformed == 3);
	assert_true(loopback_silent(w.there.udp));
	make(&sent, false, false, 3000, 1000, 0); /* and on it goes */
	give(&w.here, &sent);
	pass(&w);
	same_segments(&w);
	world_close(&w);
}

/* Transport mode sends the payloads; the addresses are the same again at the other end. */
static void transport(void **state)
{
	struct world w = world_open();
	struct gso run;
	size_t n = 0;

	(void)state;
	side_use(&w.here, TUN_ALL, UDP_ALL);
	side_use(&w.there, TUN_ALL, UDP_ALL);
	w.spec->mode = SA_TRANSPORT;
	world_install(&w, 0x1000);
	make(&sent, false, false, 5000, 1000, 0x28);
	give(&w.here, &sent);
	pass(&w);
	assert_true(gso_read(&run, &sent.h, sent.packet, sent.len));
	for (; take(&w.there, &got); n++) {
		assert_int_equal(got.len, gso_len(&run, n));
		assert_true(packet_header_ok(got.packet) && packet_sum_ok(got.packet, got.len));
		assert_int_equal(got.packet[1], 0x28);
		assert_memory_equal(got.packet + 44, sent.packet + 44 + 1000 * n, 1000);
	}
	assert_int_equal(n, 5);
	world_close(&w);
}

/* Packets that were under way with the old SA, in order with those of the new one. */
static void rekey_between(void **state)
{
	struct world w = world_open();

	(void)state;
	side_use(&w.here, TUN_ALL, UDP_ALL);
	side_use(&w.there, TUN_ALL, UDP_ALL);
	world_install(&w, 0x3000);
	for (unsigned i = 0; i < 8; i++) {
		make(&sent, i & 1, false, 9000, 1000, 0);
		give(&w.here, &sent);
		while (w.here.dp->ops->tun_input(w.here.dp))
			;
		world_install(&w, 0x3010 + 16 * i);
		side_remove(&w.here, SA_OUT, i == 0 ? 0x3000 : 0x3000 + 16 * i);
		side_receive(&w.there);
		assert_int_equal(same_segments(&w), 1);
	}
	assert_true(side_drops(&w.here).no_sa == 0 && side_drops(&w.there).unknown_spi == 0);
	world_close(&w);
}

/* --- the outer type of service ---------------------------------------------------------------- */

static void set_tos(struct udp *u, int tos)
{
	assert_int_equal(
		setsockopt(udp_natt_fd(u, FAMILY_V4), IPPROTO_IP, IP_TOS, &tos, sizeof(tos)), 0);
}

static uint8_t tos_of(const struct piece *p)
{
	return ip_tos(p->packet);
}

/* RFC 6040 figure 4: inner by outer. -1: dropped. */
static void out_of_the_tunnel(void **state)
{
	static const int8_t rows[4][4] = { { 0, 0, 0, -1 }, { 1, 1, 1, 3 }, { 2, 1, 2, 3 },
		{ 3, 3, 3, 3 } };
	struct world w = world_open();
	struct addr to = loopback_addr(w.there.udp, PORT_NATT, FAMILY_V4);
	struct udp_datagram d[UDP_BATCH];
	uint64_t dropped = 0;

	(void)state;
	w.spec->ecn = true;
	side_use(&w.here, TUN_ALL, UDP_ALL);
	side_use(&w.there, TUN_ALL, UDP_ALL);
	world_install(&w, 0x1000);
	for (unsigned i = 0; i < 32; i++) {
		uint8_t inner = i & 3, outer = i >> 2 & 3, esp[2000];
		make(&sent, i & 16, false, 100, 500, 0xb8 | inner);
		give(&w.here, &sent);
		while (w.here.dp->ops->tun_input(w.here.dp))
			;
		assert_int_equal(loopback_receive(w.there.udp, d), 1);
		assert_int_equal(d[0].tos, 0xb8 | inner); /* into it: a copy */
		memcpy(esp, d[0].dg.data, d[0].dg.len);
		set_tos(w.here.udp, 0x28 | outer);
		loopback_send(w.here.udp, &to, esp, d[0].dg.len);
		side_receive(&w.there);
		bool arrived = take(&w.there, &got);
		assert_true(arrived == (rows[inner][outer] >= 0));
		dropped += !arrived;
		assert_true(side_drops(&w.there).congestion == dropped);
		if (!arrived)
			continue;
		assert_int_equal(tos_of(&got), 0xb8 | rows[inner][outer]);
		assert_true(packet_sum_ok(got.packet, got.len));
		assert_true(i & 16 || packet_header_ok(got.packet));
	}
	world_close(&w);
}

/* Nothing of ECN into a tunnel whose other end may forget it. */
static void not_into_the_tunnel(void **state)
{
	struct world w = world_open();
	struct udp_datagram d[UDP_BATCH];

	(void)state;
	side_use(&w.here, TUN_ALL, UDP_ALL);
	world_install(&w, 0x1000);
	for (uint8_t inner = 0; inner < 4; inner++) {
		make(&sent, inner & 1, false, 100, 500, 0xb8 | inner);
		give(&w.here, &sent);
		while (w.here.dp->ops->tun_input(w.here.dp))
			;
		assert_int_equal(loopback_receive(w.there.udp, d), 1);
		assert_int_equal(d[0].tos, 0xb8);
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_and_without),
		cmocka_unit_test(the_largest),
		cmocka_unit_test(ciphers),
		cmocka_unit_test(too_big),
		cmocka_unit_test(syn_without_checksum),
		cmocka_unit_test(malformed),
		cmocka_unit_test(transport),
		cmocka_unit_test(rekey_between),
		cmocka_unit_test(out_of_the_tunnel),
		cmocka_unit_test(not_into_the_tunnel),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
