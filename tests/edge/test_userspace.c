#include "lib/test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/esp/esp_sa.h"
#include "lib/packet.h"
#include "world.h"

static void both_ways(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];

	(void)state;
	world_install(&w, 0x1000);
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 100);
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	assert_true(world_arrives(&w.there, &w.here, packet, len));
	len = packet_tcp(packet, "fd00::1", "fd00::2", 0x10, NULL, 0, 999);
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	/* What lies behind the packet in the buffer is no part of it. */
	len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 7);
	side_send(&w.here, packet, len + 33);
	side_receive(&w.there);
	assert_int_equal(side_read(&w.there, packet), len);

	struct sa_counters c = side_counters(&w.here, SA_OUT, 0x1000);
	assert_true(c.packets == 3 && c.bytes == 128 + 1059 + 35 && c.left == UINT32_MAX - 3);
	c = side_counters(&w.there, SA_IN, 0x1000);
	assert_true(c.packets == 3 && c.bytes == 128 + 1059 + 35 && c.left == UINT64_MAX);
	assert_true(side_counters(&w.here, SA_IN, 0x1001).packets == 1);
	assert_false(w.here.dp->ops->counters(w.here.dp, SA_IN, 0x1000, &c));
	world_close(&w);
}

static void long_batches(void **state)
{
	enum { COUNT = 137, CHUNK = 8 };
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	unsigned next = 0;

	(void)state;
	world_install(&w, 0x1000);
	/* A datagram socket pair queues few packets, so they go over in chunks. */
	for (unsigned i = 0; i < COUNT; i++) {
		size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", (uint16_t)i, 6, i * 5);
		assert_int_equal(write(w.here.tun.user, packet, len), len);
		if (i % CHUNK != CHUNK - 1 && i != COUNT - 1)
			continue;
		while (w.here.dp->ops->tun_input(w.here.dp))
			;
		side_receive(&w.there);
		for (size_t n; (n = side_read(&w.there, packet)) > 0; next++) {
			assert_int_equal(packet[20] << 8 | packet[21], next);
			assert_int_equal(n, 28 + next * 5);
			assert_true(packet_sum_ok(packet, n));
		}
	}
	assert_int_equal(next, COUNT);
	world_close(&w);
}

static void events(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);

	(void)state;
	world_install(&w, 0x1000);
	world_install(&w, 0x2000);
	assert_true(side_no_event(&w.there));
	for (unsigned i = 0; i < 3; i++)
		assert_true(world_arrives(&w.here, &w.there, packet, len));
	assert_true(side_next_is(&w.there, OS_INBOUND, 0)); /* once for all three */
	assert_true(side_next_is(&w.there, OS_SA_USED, 0x2000));
	assert_true(side_no_event(&w.there));
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	assert_true(side_next_is(&w.there, OS_INBOUND, 0));
	assert_true(side_no_event(&w.there));
	assert_true(side_no_event(&w.here)); /* sending is no sign of life */
	/* An SA that goes takes along what it had to tell. */
	side_remove(&w.here, SA_OUT, 0x2000);
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	side_remove(&w.there, SA_IN, 0x1000);
	assert_true(side_next_is(&w.there, OS_INBOUND, 0));
	assert_true(side_no_event(&w.there));
	world_close(&w);
}

/* A peer that has come three quarters of the way: its numbers are as good as ours for a rekey. */
static void expiring(void **state)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 3 }, iv[ESP_IV_MAX] = { 1 };
	struct world w = world_open();
	uint8_t room[ESP_HEADROOM + PACKET_MAX + ESP_TAILROOM], *packet = room + ESP_HEADROOM;
	struct addr to = loopback_addr(w.there.udp, PORT_NATT, FAMILY_V4);
	struct rng rng;
	struct err e;

	(void)state;
	rng_seed(&rng, seed);
	world_install(&w, 0x1000);
	w.spec->dir = SA_OUT;
	w.spec->spi = 0x1000;
	world_key(&w.spec->encr_key, 20, 0x1000);
	struct esp_sa *peer = esp_new(w.spec, &rng, &e);
	assert_non_null(peer);
	for (uint32_t seq = 0xbffffffd; seq < 0xc0000000; seq++) {
		size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);
		struct esp_packet p = { .room = room,
			.room_len = sizeof(room),
			.data = packet,
			.len = len,
			.next_header = 4 };
		assert_int_equal(esp_seal_one(peer, &p, seq, iv), ESP_OK);
		p.verdict = ESP_OK;
		loopback_send(w.here.udp, &to, p.data, p.len);
		side_receive(&w.there);
		assert_true(side_next_is(&w.there, OS_INBOUND, 0));
		if (seq == 0xbffffffd) {
			assert_true(side_next_is(&w.there, OS_SA_USED, 0x1000));
			assert_true(side_no_event(&w.there));
		} else if (seq == 0xbffffffe) {
			assert_true(side_next_is(&w.there, OS_SA_EXPIRING, 0x1000));
		}
		assert_true(side_no_event(&w.there)); /* told once */
	}
	esp_free(peer);
	world_close(&w);
}

static void never_in_clear(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);
	struct prefix p;

	(void)state;
	side_send(&w.here, packet, len); /* no SA at all */
	assert_true(loopback_silent(w.there.udp));
	assert_true(side_drops(&w.here).no_sa == 1);

	assert_true(prefix_parse(&p, "10.1.0.0/16"));
	selector_from_prefix(&w.spec->remote_ts.v[0], &p);
	world_install(&w, 0x1000);
	side_send(&w.here, packet, len); /* none whose selectors match */
	assert_true(loopback_silent(w.there.udp));
	assert_true(side_drops(&w.here).no_sa == 2);

	side_remove(&w.here, SA_OUT, 0x1000);
	len = packet_udp(packet, "10.0.0.1", "10.1.0.2", 5, 6, 1);
	side_send(&w.here, packet, len); /* none any more */
	assert_true(loopback_silent(w.there.udp));
	assert_true(side_drops(&w.here).no_sa == 3);

	side_send(&w.here, (const uint8_t *)"no IP packet", 12);
	assert_true(loopback_silent(w.there.udp));
	assert_true(side_drops(&w.here).malformed == 1);
	world_close(&w);
}

/* The gateway may send by a new SA before its answer, which brings the keys, has been read. */
static void before_the_keys(void **state)
{
	enum { SPI = 0x1000, MORE_THAN_KEPT = 70, KEPT = 64 };
	struct world w = world_open();
	uint8_t packet[PACKET_MAX], got[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 100);
	const struct sa_ref ref = { .dir = SA_IN, .spi = SPI };
	struct err e;

	(void)state;
	assert_true(side_install(&w.here, w.spec, SA_OUT, SPI, &w.there, &e));
	for (unsigned again = 0; again < 2; again++) {
		w.there.dp->ops->expect(w.there.dp, &ref);
		for (unsigned i = 0; i < MORE_THAN_KEPT; i++)
			assert_false(world_arrives(&w.here, &w.there, packet, len));
		assert_int_equal(
			side_drops(&w.there).unknown_spi, (MORE_THAN_KEPT - KEPT) * (again + 1));
		if (again == 0) /* the exchange came to nothing */
			side_remove(&w.there, SA_IN, SPI);
	}
	assert_true(side_no_event(&w.there));
	assert_true(side_install(&w.there, w.spec, SA_IN, SPI, &w.here, &e));
	for (unsigned i = 0; i < KEPT; i++)
		assert_true(side_read(&w.there, got) == len && memcmp(got, packet, len) == 0);
	assert_int_equal(side_read(&w.there, got), 0);
	assert_true(side_counters(&w.there, SA_IN, SPI).packets == KEPT);
	assert_true(side_next_is(&w.there, OS_INBOUND, 0));
	assert_true(side_next_is(&w.there, OS_SA_USED, SPI));
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	world_close(&w);
}

/* Of those expected at the same time the last ones; what is still kept at the end is let go. */
static void expected_at_once(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 100);
	struct err e;

	(void)state;
	for (uint32_t i = 0; i <= EXPECTED_MAX; i++) {
		const struct sa_ref ref = { .dir = SA_IN, .spi = 0x1000 + i };
		w.there.dp->ops->expect(w.there.dp, &ref);
		assert_true(side_install(&w.here, w.spec, SA_OUT, ref.spi, &w.there, &e));
		assert_false(world_arrives(&w.here, &w.there, packet, len));
	}
	assert_true(side_install(&w.there, w.spec, SA_IN, 0x1000, &w.here, &e));
	assert_int_equal(side_read(&w.there, packet), 0);
	assert_true(side_install(&w.there, w.spec, SA_IN, 0x1001, &w.here, &e));
	assert_int_equal(side_read(&w.there, packet), len);
	world_close(&w);
}

static void unknown_spi(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);

	(void)state;
	world_install(&w, 0x1000);
	side_remove(&w.there, SA_IN, 0x1000);
	assert_false(world_arrives(&w.here, &w.there, packet, len));
	assert_true(side_drops(&w.there).unknown_spi == 1);
	assert_true(loopback_silent(w.here.udp)); /* no answer of any kind (T-33) */
	assert_true(side_no_event(&w.there));
	world_close(&w);
}

static void forged_and_replayed(void **state)
{
	struct world w = world_open();
	struct udp_datagram d[UDP_BATCH];
	uint8_t packet[PACKET_MAX], esp[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);

	(void)state;
	world_install(&w, 0x1000);
	side_send(&w.here, packet, len);
	assert_int_equal(loopback_receive(w.there.udp, d), 1);
	size_t esp_len = d[0].dg.len;
	memcpy(esp, d[0].dg.data, esp_len);

	/* From a stranger's address, as after a NAT has forgotten: authentic is authentic. */
	struct udp *stranger = loopback_udp();
	struct addr to = loopback_addr(w.there.udp, PORT_NATT, FAMILY_V4);
	esp[esp_len - 1] ^= 1;
	loopback_send(stranger, &to, esp, esp_len);
	assert_int_equal(side_receive(&w.there), 1);
	assert_int_equal(side_read(&w.there, packet), 0);
	assert_true(side_no_event(&w.there));
	assert_true(side_counters(&w.there, SA_IN, 0x1000).integrity_failures == 1);
	esp[esp_len - 1] ^= 1;
	loopback_send(stranger, &to, esp, esp_len);
	side_receive(&w.there);
	assert_int_equal(side_read(&w.there, packet), len);
	assert_true(side_next_is(&w.there, OS_INBOUND, 0));
	assert_true(side_next_is(&w.there, OS_SA_USED, 0x1000));
	loopback_send(stranger, &to, esp, esp_len);
	side_receive(&w.there);
	assert_int_equal(side_read(&w.there, packet), 0);
	assert_true(side_no_event(&w.there)); /* a replay is no sign of life */
	assert_true(side_counters(&w.there, SA_IN, 0x1000).replay_drops == 1);
	/* Of any length, and too short for an SPI (T-05). */
	for (size_t n = 4; n < esp_len; n++)
		loopback_send(stranger, &to, esp, n);
	side_receive(&w.there);
	assert_int_equal(side_read(&w.there, packet), 0);
	udp_close(stranger);
	world_close(&w);
}

static void rekey(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);

	(void)state;
	world_install(&w, 0x3000);
	side_send(&w.here, packet, len); /* still on its way when the new SA comes */
	world_install(&w, 0x1000);
	side_send(&w.here, packet, len);
	assert_true(side_counters(&w.here, SA_OUT, 0x1000).packets == 1);
	assert_true(side_receive(&w.there) == 2);
	assert_true(side_counters(&w.there, SA_IN, 0x3000).packets == 1);
	assert_true(side_counters(&w.there, SA_IN, 0x1000).packets == 1);
	assert_true(side_read(&w.there, packet) == len && side_read(&w.there, packet) == len);
	side_remove(&w.here, SA_OUT, 0x3000);
	side_remove(&w.there, SA_IN, 0x3000);
	side_remove(&w.there, SA_IN, 0x3000); /* again: nothing */
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	world_close(&w);
}

/* To another peer, and back: the same SAs at other addresses. */
static void moved(void **state)
{
	struct world w = world_open();
	struct side elsewhere;
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);

	(void)state;
	side_open(&elsewhere);
	world_install(&w, 0x1000);
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	struct sa_move to = { loopback_addr(w.here.udp, PORT_NATT, FAMILY_V4),
		loopback_addr(elsewhere.udp, PORT_NATT, FAMILY_V4) };
	assert_true(w.here.dp->ops->move(w.here.dp, &to));
	side_send(&w.here, packet, len);
	assert_int_equal(side_receive(&w.there), 0);
	assert_int_equal(side_receive(&elsewhere), 1);
	to.remote = loopback_addr(w.there.udp, PORT_NATT, FAMILY_V4);
	assert_true(w.here.dp->ops->move(w.here.dp, &to));
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	assert_true(side_counters(&w.here, SA_OUT, 0x1000).packets == 3);
	side_close(&elsewhere);
	world_close(&w);
}

static void children_by_selector(void **state)
{
	static const char *const nets[] = { "0.0.0.0/0", "10.1.0.0/16", "10.2.0.0/16",
		"10.1.7.0/24" };
	static const struct {
		const char *dst;
		unsigned child;
	} want[] = { { "10.1.0.1", 1 }, { "10.2.0.1", 2 }, { "10.1.7.1", 3 }, { "10.3.0.1", 0 } };
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(nets); i++) {
		struct prefix p;
		assert_true(prefix_parse(&p, nets[i]));
		selector_from_prefix(&w.spec->remote_ts.v[0], &p);
		world_install(&w, 0x1000 + 2 * i);
	}
	/* All of them at once, so that the batch falls into runs. */
	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
			size_t len = packet_udp(packet, "10.0.0.1", want[i].dst, 5, 6, i);
			assert_int_equal(write(w.here.tun.user, packet, len), len);
		}
	w.here.dp->ops->tun_input(w.here.dp);
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		assert_true(
			side_counters(&w.here, SA_OUT, 0x1000 + 2 * want[i].child).packets == 2);
	assert_int_equal(side_receive(&w.there), 2 * ARRAY_LEN(want));
	for (unsigned i = 0; i < 2 * ARRAY_LEN(want); i++)
		assert_int_equal(side_read(&w.there, packet), 28 + i % 4);
	world_close(&w);
}

static void too_big_v4(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX] = { 0 }, answer[PACKET_MAX] = { 0 };

	(void)state;
	world_install(&w, 0x1000);
	w.here.dp->ops->set_mtu(w.here.dp, 1000);
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1000 - 28);
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1001 - 28);
	side_send(&w.here, packet, len);
	assert_true(loopback_silent(w.there.udp));
	size_t n = side_read(&w.here, answer);
	assert_int_equal(n, 576);
	assert_true(packet_header_ok(answer) && packet_sum_ok(answer, n));
	assert_memory_equal(answer + 12, packet + 16, 4); /* to the sender, from where it went */
	assert_memory_equal(answer + 16, packet + 12, 4);
	assert_memory_equal(answer + 20, "\3\4", 2);
	assert_int_equal(answer[26] << 8 | answer[27], 1000);
	assert_memory_equal(answer + 28, packet, n - 28);
	assert_true(side_drops(&w.here).too_big == 1);

	/* An error about it gets no error: the packet is gone all the same. */
	answer[2] = (uint8_t)(1200 >> 8);
	answer[3] = (uint8_t)1200;
	answer[6] = 0x40;
	side_send(&w.here, answer, 1200);
	assert_int_equal(side_read(&w.here, answer), 0);
	assert_true(side_drops(&w.here).too_big == 2);
	/* Without DF it goes: the outer packet is fragmented. */
	packet[6] = 0;
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	world_close(&w);
}

static void too_big_v6(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX], answer[PACKET_MAX];

	(void)state;
	world_install(&w, 0x1000);
	w.here.dp->ops->set_mtu(w.here.dp, 1400);
	size_t len = packet_udp(packet, "fd00::1", "fd00::2", 5, 6, 1401 - 48);
	side_send(&w.here, packet, len);
	assert_true(loopback_silent(w.there.udp));
	size_t n = side_read(&w.here, answer);
	assert_int_equal(n, 1280);
	assert_true(packet_sum_ok(answer, n));
	assert_memory_equal(answer + 8, packet + 24, 16);
	assert_memory_equal(answer + 24, packet + 8, 16);
	assert_memory_equal(answer + 40, "\2\0", 2);
	assert_memory_equal(answer + 44, "\0\0\5\x78", 4); /* 1400 */
	assert_memory_equal(answer + 48, packet, n - 48);
	/* 1280 octets always go, however narrow the path (RFC 8200 section 5). */
	w.here.dp->ops->set_mtu(w.here.dp, 1000);
	len = packet_udp(packet, "fd00::1", "fd00::2", 5, 6, 1280 - 48);
	assert_true(world_arrives(&w.here, &w.there, packet, len));
	len = packet_udp(packet, "fd00::1", "fd00::2", 5, 6, 1281 - 48);
	side_send(&w.here, packet, len);
	assert_int_equal(side_read(&w.here, answer), 1280);
	assert_memory_equal(answer + 44, "\0\0\5\0", 4);
	/* No answer to an ICMPv6 error. */
	memset(packet + 40, 0, 4);
	packet[6] = 58;
	packet[40] = 1;
	side_send(&w.here, packet, len);
	assert_int_equal(side_read(&w.here, answer), 0);
	world_close(&w);
}

static void mss_both_ways(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX], got[PACKET_MAX];
	size_t len = packet_tcp(packet, "10.0.0.1", "10.0.0.2", 2, "\2\4\5\xb4", 4, 0);

	(void)state;
	world_install(&w, 0x1000);
	assert_true(world_arrives(&w.here, &w.there, packet, len)); /* no MTU known: as it is */
	w.here.dp->ops->set_mtu(w.here.dp, 1300);
	side_send(&w.here, packet, len);
	side_receive(&w.there);
	assert_int_equal(side_read(&w.there, got), len);
	assert_int_equal(got[42] << 8 | got[43], 1260);
	assert_true(packet_sum_ok(got, len));
	side_send(&w.there, packet, len);
	side_receive(&w.here);
	assert_int_equal(side_read(&w.here, got), len);
	assert_int_equal(got[42] << 8 | got[43], 1260);
	assert_true(packet_sum_ok(got, len));
	world_close(&w);
}

/* Each end knows the other by another address, as with a NAT between. */
static void transport_mode(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX], got[PACKET_MAX];

	(void)state;
	w.spec->mode = SA_TRANSPORT;
	world_install(&w, 0x1000);
	size_t len = packet_udp(packet, "10.9.9.9", "127.0.0.1", 1701, 1701, 50);
	side_send(&w.here, packet, len);
	side_receive(&w.there);
	assert_int_equal(side_read(&w.there, got), len);
	assert_true(packet_header_ok(got) && packet_sum_ok(got, len));
	assert_memory_equal(got + 12, "\x7f\0\0\1\x7f\0\0\1", 8);
	assert_memory_equal(got + 28, packet + 28, len - 28);

	len = packet_tcp(packet, "127.0.0.1", "10.9.9.9", 0x10, NULL, 0, 33);
	side_send(&w.there, packet, len);
	side_receive(&w.here);
	assert_int_equal(side_read(&w.here, got), len);
	assert_true(packet_header_ok(got) && packet_sum_ok(got, len));
	/* UDP without a checksum stays without one. */
	len = packet_udp(packet, "10.9.9.9", "127.0.0.1", 1701, 1701, 5);
	packet[26] = packet[27] = 0;
	side_send(&w.here, packet, len);
	side_receive(&w.there);
	assert_int_equal(side_read(&w.there, got), len);
	assert_int_equal(got[26] | got[27], 0);
	/* A fragment is nothing for transport mode. */
	packet[6] = 0x20;
	side_send(&w.here, packet, len);
	assert_true(loopback_silent(w.there.udp));
	assert_true(side_drops(&w.here).malformed == 1);
	world_close(&w);
}

/* The interface has gone away under us. */
static void tun_errors(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);

	(void)state;
	world_install(&w, 0x1000);
	side_send(&w.here, packet, len);
	assert_int_equal(shutdown(w.there.tun.user, SHUT_RDWR), 0);
	assert_int_equal(side_receive(&w.there), 1);
	assert_true(side_drops(&w.there).tun_errors == 1);
	assert_true(side_next_is(&w.there, OS_INBOUND, 0));
	assert_false(w.there.dp->ops->tun_input(w.there.dp));
	side_close(&w.there);
	side_open(&w.there);
	side_remove(&w.here, SA_IN, 0x1001);
	side_remove(&w.here, SA_OUT, 0x1000);
	world_install(&w, 0x1000);
	/* Its queue is full: what does not fit is dropped, nothing blocks. */
	for (unsigned i = 0; i < 2000; i++) {
		side_send(&w.there, packet, len);
		side_receive(&w.here);
	}
	uint64_t lost = side_drops(&w.here).tun_errors;
	unsigned read = 0;
	while (side_read(&w.here, packet) > 0)
		read++;
	assert_true(lost > 0 && read + lost == 2000);
	world_close(&w);
}

static void install_refuses(void **state)
{
	struct world w = world_open();
	struct err e;

	(void)state;
	w.spec->encap = false;
	assert_refused(&e, ERR_LOCAL, side_install(&w.here, w.spec, SA_OUT, 0x1000, &w.there, &e));
	w.spec->encap = true;
	assert_refused(&e, ERR_BUG, side_install(&w.here, w.spec, SA_OUT, 255, &w.there, &e));
	assert_ok(&e, side_install(&w.here, w.spec, SA_OUT, 256, &w.there, &e));
	assert_refused(&e, ERR_BUG, side_install(&w.here, w.spec, SA_OUT, 256, &w.there, &e));
	assert_ok(&e,
		side_install(&w.here, w.spec, SA_IN, 256, &w.there, &e)); /* the other direction */
	w.spec->encr_bits = 100;
	assert_refused(&e, ERR_BUG, side_install(&w.here, w.spec, SA_OUT, 257, &w.there, &e));
	world_close(&w);
}

static void full_tables(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	struct err e;
	uint32_t spi = 0x10000;

	(void)state;
	/* SPIs in no order. */
	for (unsigned i = 0; i < USERSPACE_SAS; i++, spi = spi * 1103515245 + 12345) {
		assert_ok(&e, side_install(&w.there, w.spec, SA_IN, spi | 0x1000, &w.here, &e));
		assert_ok(&e, side_install(&w.here, w.spec, SA_OUT, spi | 0x1000, &w.there, &e));
	}
	assert_refused(&e, ERR_LOCAL, side_install(&w.there, w.spec, SA_IN, 300, &w.here, &e));
	assert_refused(&e, ERR_LOCAL, side_install(&w.here, w.spec, SA_OUT, 300, &w.there, &e));
	/* Every one of them works, from the newest to the oldest. */
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);
	spi = 0x10000;
	for (unsigned i = 0; i < USERSPACE_SAS; i++, spi = spi * 1103515245 + 12345) {
		assert_true(world_arrives(&w.here, &w.there, packet, len));
		uint32_t newest = 0x10000;
		for (unsigned k = 0; k < USERSPACE_SAS - 1 - i; k++)
			newest = newest * 1103515245 + 12345;
		newest |= 0x1000;
		assert_true(side_counters(&w.there, SA_IN, newest).packets == 1);
		side_remove(&w.here, SA_OUT, newest);
		side_remove(&w.there, SA_IN, newest);
	}
	side_send(&w.here, packet, len);
	assert_true(side_drops(&w.here).no_sa == 1);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(long_batches),
		cmocka_unit_test(events),
		cmocka_unit_test(expiring),
		cmocka_unit_test(never_in_clear),
		cmocka_unit_test(before_the_keys),
		cmocka_unit_test(expected_at_once),
		cmocka_unit_test(unknown_spi),
		cmocka_unit_test(forged_and_replayed),
		cmocka_unit_test(rekey),
		cmocka_unit_test(moved),
		cmocka_unit_test(children_by_selector),
		cmocka_unit_test(too_big_v4),
		cmocka_unit_test(too_big_v6),
		cmocka_unit_test(mss_both_ways),
		cmocka_unit_test(transport_mode),
		cmocka_unit_test(tun_errors),
		cmocka_unit_test(install_refuses),
		cmocka_unit_test(full_tables),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
