#include "lib/test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/esp/esp_sa.h"
#include "crypto/alg.h"
#include "edge/dataplane.h"
#include "lib/packet.h"
#include "loopback.h"

/* Two data planes, here and there, with UDP over the loopback interface between them. */
struct side {
	struct tun_pair tun;
	struct udp *udp;
	struct dataplane *dp;
};

struct world {
	struct side here, there;
	struct sa_spec *spec; /* what install_pair works on */
};

static void open_side(struct side *s)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 9 };
	struct err e = { .kind = ERR_NONE };

	s->tun = tun_pair_open();
	s->udp = loopback_udp();
	s->dp = userspace_new(s->tun.plane, s->udp, seed, &e);
	assert_non_null(s->dp);
}

static void close_side(struct side *s)
{
	s->dp->ops->free(s->dp);
	udp_close(s->udp);
	tun_pair_close(&s->tun);
}

static void set_key(struct secret *key, size_t len, uint32_t spi)
{
	uint8_t octets[SECRET_MAX];

	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(spi + i * 7);
	assert_true(secret_set(key, octets, len));
}

static struct sa_spec *new_spec(void)
{
	struct sa_spec *spec = calloc(1, sizeof(*spec));

	assert_non_null(spec);
	spec->encap = true;
	spec->encr = ENCR_AES_GCM_16;
	spec->encr_bits = 128;
	spec->replay_window = 1024;
	for (unsigned i = 0; i < 2; i++) {
		selector_all(&spec->local_ts.v[i], i ? FAMILY_V6 : FAMILY_V4);
		spec->remote_ts.v[i] = spec->local_ts.v[i];
	}
	spec->local_ts.n = spec->remote_ts.n = 2;
	return spec;
}

static bool install_one(struct side *s, const struct sa_spec *like, enum sa_dir dir, uint32_t spi,
	const struct side *other, struct err *e)
{
	struct sa_spec *spec = malloc(sizeof(*spec));

	assert_non_null(spec);
	*spec = *like;
	spec->dir = dir;
	spec->spi = spi;
	spec->local = loopback_addr(s->udp, PORT_NATT, FAMILY_V4);
	spec->remote = loopback_addr(other->udp, PORT_NATT, FAMILY_V4);
	set_key(&spec->encr_key, 20, spi);
	bool ok = s->dp->ops->install(s->dp, spec, e);
	secret_wipe(&spec->encr_key);
	free(spec);
	return ok;
}

/* From here to there with SPI spi, back with spi + 1. The selectors of w->spec are those here. */
static void install_pair(struct world *w, uint32_t spi)
{
	struct sa_spec *mirror = malloc(sizeof(*mirror));
	struct err e = { .kind = ERR_NONE };

	assert_non_null(mirror);
	*mirror = *w->spec;
	mirror->local_ts = w->spec->remote_ts;
	mirror->remote_ts = w->spec->local_ts;
	assert_ok(&e, install_one(&w->there, mirror, SA_IN, spi, &w->here, &e));
	assert_ok(&e, install_one(&w->there, mirror, SA_OUT, spi + 1, &w->here, &e));
	assert_ok(&e, install_one(&w->here, w->spec, SA_IN, spi + 1, &w->there, &e));
	assert_ok(&e, install_one(&w->here, w->spec, SA_OUT, spi, &w->there, &e));
	free(mirror);
}

static struct world world_open(void)
{
	struct world w;

	open_side(&w.here);
	open_side(&w.there);
	w.spec = new_spec();
	return w;
}

static void world_close(struct world *w)
{
	close_side(&w->here);
	close_side(&w->there);
	free(w->spec);
}

/* The user writes a packet to the TUN; the plane seals and sends it. */
static void user_sends(struct side *s, const uint8_t *packet, size_t len)
{
	assert_int_equal(write(s->tun.user, packet, len), len);
	assert_false(s->dp->ops->tun_input(s->dp));
}

/* All that arrived by UDP goes into the plane. */
static size_t plane_receives(struct side *s)
{
	struct udp_datagram d[UDP_BATCH];
	size_t n, all = 0;
	int fds[4];

	for (size_t i = udp_fds(s->udp, fds); i-- > 0;)
		while ((n = udp_receive(s->udp, fds[i], d)) > 0) {
			s->dp->ops->esp_input(s->dp, d, n);
			all += n;
		}
	return all;
}

/* What the user reads from the TUN; 0: nothing. */
static size_t user_reads(struct side *s, uint8_t packet[PACKET_MAX])
{
	ssize_t n = read(s->tun.user, packet, PACKET_MAX);

	return n > 0 ? (size_t)n : 0;
}

static bool arrives(struct side *from, struct side *to, const uint8_t *packet, size_t len)
{
	uint8_t got[PACKET_MAX];

	user_sends(from, packet, len);
	plane_receives(to);
	return user_reads(to, got) == len && memcmp(got, packet, len) == 0;
}

static struct sa_counters counters(struct side *s, enum sa_dir dir, uint32_t spi)
{
	struct sa_counters c = { 0 };

	assert_true(s->dp->ops->counters(s->dp, dir, spi, &c));
	return c;
}

static struct dataplane_drops drops(struct side *s)
{
	struct dataplane_drops d;

	s->dp->ops->drops(s->dp, &d);
	return d;
}

static void remove_sa(struct side *s, enum sa_dir dir, uint32_t spi)
{
	s->dp->ops->remove(s->dp, &(struct sa_ref){ .dir = dir, .spi = spi });
}

static bool next_is(struct side *s, enum os_kind kind, uint32_t spi)
{
	struct os_input in;

	return s->dp->ops->next_event(s->dp, &in) && in.kind == kind && in.spi == spi;
}

static bool no_event(struct side *s)
{
	struct os_input in;

	return !s->dp->ops->next_event(s->dp, &in);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void both_ways(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];

	(void)state;
	install_pair(&w, 0x1000);
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 100);
	assert_true(arrives(&w.here, &w.there, packet, len));
	assert_true(arrives(&w.there, &w.here, packet, len));
	len = packet_tcp(packet, "fd00::1", "fd00::2", 0x10, NULL, 0, 999);
	assert_true(arrives(&w.here, &w.there, packet, len));
	/* What lies behind the packet in the buffer is no part of it. */
	len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 7);
	user_sends(&w.here, packet, len + 33);
	plane_receives(&w.there);
	assert_int_equal(user_reads(&w.there, packet), len);

	struct sa_counters c = counters(&w.here, SA_OUT, 0x1000);
	assert_true(c.packets == 3 && c.bytes == 128 + 1059 + 35 && c.left == UINT32_MAX - 3);
	c = counters(&w.there, SA_IN, 0x1000);
	assert_true(c.packets == 3 && c.bytes == 128 + 1059 + 35 && c.left == UINT64_MAX);
	assert_true(counters(&w.here, SA_IN, 0x1001).packets == 1);
	assert_false(w.here.dp->ops->counters(w.here.dp, SA_IN, 0x1000, &c));
	world_close(&w);
}

static void long_batches(void **state)
{
	enum { COUNT = 2 * UDP_BATCH + 9, CHUNK = 8 };
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	unsigned next = 0;

	(void)state;
	install_pair(&w, 0x1000);
	/* A datagram socket pair queues few packets, so they go over in chunks; the plane still takes
	 * them by the batch. */
	for (unsigned i = 0; i < COUNT; i++) {
		size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", (uint16_t)i, 6, i * 5);
		assert_int_equal(write(w.here.tun.user, packet, len), len);
		if (i % CHUNK != CHUNK - 1 && i != COUNT - 1)
			continue;
		while (w.here.dp->ops->tun_input(w.here.dp))
			;
		plane_receives(&w.there);
		for (size_t n; (n = user_reads(&w.there, packet)) > 0; next++) {
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
	install_pair(&w, 0x1000);
	install_pair(&w, 0x2000);
	assert_true(no_event(&w.there));
	for (unsigned i = 0; i < 3; i++)
		assert_true(arrives(&w.here, &w.there, packet, len));
	assert_true(next_is(&w.there, OS_INBOUND, 0)); /* once for all three */
	assert_true(next_is(&w.there, OS_SA_USED, 0x2000));
	assert_true(no_event(&w.there));
	assert_true(arrives(&w.here, &w.there, packet, len));
	assert_true(next_is(&w.there, OS_INBOUND, 0));
	assert_true(no_event(&w.there));
	assert_true(no_event(&w.here)); /* sending is no sign of life */
	/* An SA that goes takes along what it had to tell. */
	remove_sa(&w.here, SA_OUT, 0x2000);
	assert_true(arrives(&w.here, &w.there, packet, len));
	remove_sa(&w.there, SA_IN, 0x1000);
	assert_true(next_is(&w.there, OS_INBOUND, 0));
	assert_true(no_event(&w.there));
	world_close(&w);
}

/* A peer that has come three quarters of the way: its numbers are as good as ours for a rekey. */
static void expiring(void **state)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 3 }, iv[ESP_IV_MAX] = { 1 };
	struct world w = world_open();
	uint8_t room[ESP_HEADROOM + PACKET_MAX + ESP_TAILROOM], *packet = room + ESP_HEADROOM;
	struct addr to = loopback_addr(w.there.udp, PORT_NATT, FAMILY_V4),
		    any = { .family = FAMILY_NONE };
	struct rng rng;
	struct err e;

	(void)state;
	rng_seed(&rng, seed);
	install_pair(&w, 0x1000);
	w.spec->dir = SA_OUT;
	w.spec->spi = 0x1000;
	set_key(&w.spec->encr_key, 20, 0x1000);
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
		assert_int_equal(udp_send_esp(w.here.udp, &any, &to, &p, 1), 1);
		plane_receives(&w.there);
		assert_true(next_is(&w.there, OS_INBOUND, 0));
		if (seq == 0xbffffffd) {
			assert_true(next_is(&w.there, OS_SA_USED, 0x1000));
			assert_true(no_event(&w.there));
		} else if (seq == 0xbffffffe) {
			assert_true(next_is(&w.there, OS_SA_EXPIRING, 0x1000));
		}
		assert_true(no_event(&w.there)); /* told once */
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
	user_sends(&w.here, packet, len); /* no SA at all */
	assert_true(loopback_silent(w.there.udp));
	assert_true(drops(&w.here).no_sa == 1);

	assert_true(prefix_parse(&p, "10.1.0.0/16"));
	selector_from_prefix(&w.spec->remote_ts.v[0], &p);
	install_pair(&w, 0x1000);
	user_sends(&w.here, packet, len); /* none whose selectors match */
	assert_true(loopback_silent(w.there.udp));
	assert_true(drops(&w.here).no_sa == 2);

	remove_sa(&w.here, SA_OUT, 0x1000);
	len = packet_udp(packet, "10.0.0.1", "10.1.0.2", 5, 6, 1);
	user_sends(&w.here, packet, len); /* none any more */
	assert_true(loopback_silent(w.there.udp));
	assert_true(drops(&w.here).no_sa == 3);

	user_sends(&w.here, (const uint8_t *)"no IP packet", 12);
	assert_true(loopback_silent(w.there.udp));
	assert_true(drops(&w.here).malformed == 1);
	world_close(&w);
}

static void unknown_spi(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);

	(void)state;
	install_pair(&w, 0x1000);
	remove_sa(&w.there, SA_IN, 0x1000);
	assert_false(arrives(&w.here, &w.there, packet, len));
	assert_true(drops(&w.there).unknown_spi == 1);
	assert_true(loopback_silent(w.here.udp)); /* no answer of any kind (T-33) */
	assert_true(no_event(&w.there));
	world_close(&w);
}

static void forged_and_replayed(void **state)
{
	struct world w = world_open();
	struct udp_datagram d[UDP_BATCH];
	uint8_t packet[PACKET_MAX], esp[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);

	(void)state;
	install_pair(&w, 0x1000);
	user_sends(&w.here, packet, len);
	assert_int_equal(loopback_receive(w.there.udp, d), 1);
	size_t esp_len = d[0].dg.len;
	memcpy(esp, d[0].dg.data, esp_len);

	/* From a stranger's address, as after a NAT has forgotten: authentic is authentic. */
	struct udp *stranger = loopback_udp();
	struct addr any = { .family = FAMILY_NONE };
	struct addr to = loopback_addr(w.there.udp, PORT_NATT, FAMILY_V4);
	struct esp_packet p = { .data = esp, .len = esp_len, .verdict = ESP_OK };
	esp[esp_len - 1] ^= 1;
	assert_int_equal(udp_send_esp(stranger, &any, &to, &p, 1), 1);
	assert_int_equal(plane_receives(&w.there), 1);
	assert_int_equal(user_reads(&w.there, packet), 0);
	assert_true(no_event(&w.there));
	assert_true(counters(&w.there, SA_IN, 0x1000).integrity_failures == 1);
	esp[esp_len - 1] ^= 1;
	assert_int_equal(udp_send_esp(stranger, &any, &to, &p, 1), 1);
	plane_receives(&w.there);
	assert_int_equal(user_reads(&w.there, packet), len);
	assert_true(next_is(&w.there, OS_INBOUND, 0));
	assert_true(next_is(&w.there, OS_SA_USED, 0x1000));
	assert_int_equal(udp_send_esp(stranger, &any, &to, &p, 1), 1);
	plane_receives(&w.there);
	assert_int_equal(user_reads(&w.there, packet), 0);
	assert_true(no_event(&w.there)); /* a replay is no sign of life */
	assert_true(counters(&w.there, SA_IN, 0x1000).replay_drops == 1);
	/* Of any length, and too short for an SPI (T-05). */
	for (p.len = 4; p.len < esp_len; p.len++)
		assert_int_equal(udp_send_esp(stranger, &any, &to, &p, 1), 1);
	plane_receives(&w.there);
	assert_int_equal(user_reads(&w.there, packet), 0);
	udp_close(stranger);
	world_close(&w);
}

static void rekey(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);

	(void)state;
	install_pair(&w, 0x3000);
	user_sends(&w.here, packet, len); /* still on its way when the new SA comes */
	install_pair(&w, 0x1000);
	user_sends(&w.here, packet, len);
	assert_true(counters(&w.here, SA_OUT, 0x1000).packets == 1);
	assert_true(plane_receives(&w.there) == 2);
	assert_true(counters(&w.there, SA_IN, 0x3000).packets == 1);
	assert_true(counters(&w.there, SA_IN, 0x1000).packets == 1);
	assert_true(user_reads(&w.there, packet) == len && user_reads(&w.there, packet) == len);
	remove_sa(&w.here, SA_OUT, 0x3000);
	remove_sa(&w.there, SA_IN, 0x3000);
	remove_sa(&w.there, SA_IN, 0x3000); /* again: nothing */
	assert_true(arrives(&w.here, &w.there, packet, len));
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
		install_pair(&w, 0x1000 + 2 * i);
	}
	/* All of them at once, so that the batch falls into runs. */
	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
			size_t len = packet_udp(packet, "10.0.0.1", want[i].dst, 5, 6, i);
			assert_int_equal(write(w.here.tun.user, packet, len), len);
		}
	w.here.dp->ops->tun_input(w.here.dp);
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		assert_true(counters(&w.here, SA_OUT, 0x1000 + 2 * want[i].child).packets == 2);
	assert_int_equal(plane_receives(&w.there), 2 * ARRAY_LEN(want));
	for (unsigned i = 0; i < 2 * ARRAY_LEN(want); i++)
		assert_int_equal(user_reads(&w.there, packet), 28 + i % 4);
	world_close(&w);
}

static void too_big_v4(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX], answer[PACKET_MAX];

	(void)state;
	install_pair(&w, 0x1000);
	w.here.dp->ops->set_mtu(w.here.dp, 1000);
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1000 - 28);
	assert_true(arrives(&w.here, &w.there, packet, len));
	len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1001 - 28);
	user_sends(&w.here, packet, len);
	assert_true(loopback_silent(w.there.udp));
	size_t n = user_reads(&w.here, answer);
	assert_int_equal(n, 576);
	assert_true(packet_header_ok(answer) && packet_sum_ok(answer, n));
	assert_memory_equal(answer + 12, packet + 16, 4); /* to the sender, from where it went */
	assert_memory_equal(answer + 16, packet + 12, 4);
	assert_memory_equal(answer + 20, "\3\4", 2);
	assert_int_equal(answer[26] << 8 | answer[27], 1000);
	assert_memory_equal(answer + 28, packet, n - 28);
	assert_true(drops(&w.here).too_big == 1);

	/* An error about it gets no error: the packet is gone all the same. */
	answer[2] = (uint8_t)(1200 >> 8);
	answer[3] = (uint8_t)1200;
	answer[6] = 0x40;
	user_sends(&w.here, answer, 1200);
	assert_int_equal(user_reads(&w.here, answer), 0);
	assert_true(drops(&w.here).too_big == 2);
	/* Without DF it goes: the outer packet is fragmented. */
	packet[6] = 0;
	assert_true(arrives(&w.here, &w.there, packet, len));
	world_close(&w);
}

static void too_big_v6(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX], answer[PACKET_MAX];

	(void)state;
	install_pair(&w, 0x1000);
	w.here.dp->ops->set_mtu(w.here.dp, 1400);
	size_t len = packet_udp(packet, "fd00::1", "fd00::2", 5, 6, 1401 - 48);
	user_sends(&w.here, packet, len);
	assert_true(loopback_silent(w.there.udp));
	size_t n = user_reads(&w.here, answer);
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
	assert_true(arrives(&w.here, &w.there, packet, len));
	len = packet_udp(packet, "fd00::1", "fd00::2", 5, 6, 1281 - 48);
	user_sends(&w.here, packet, len);
	assert_int_equal(user_reads(&w.here, answer), 1280);
	assert_memory_equal(answer + 44, "\0\0\5\0", 4);
	/* No answer to an ICMPv6 error. */
	memset(packet + 40, 0, 4);
	packet[6] = 58;
	packet[40] = 1;
	user_sends(&w.here, packet, len);
	assert_int_equal(user_reads(&w.here, answer), 0);
	world_close(&w);
}

static void mss_both_ways(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX], got[PACKET_MAX];
	size_t len = packet_tcp(packet, "10.0.0.1", "10.0.0.2", 2, "\2\4\5\xb4", 4, 0);

	(void)state;
	install_pair(&w, 0x1000);
	assert_true(arrives(&w.here, &w.there, packet, len)); /* no MTU known: as it is */
	w.here.dp->ops->set_mtu(w.here.dp, 1300);
	user_sends(&w.here, packet, len);
	plane_receives(&w.there);
	assert_int_equal(user_reads(&w.there, got), len);
	assert_int_equal(got[42] << 8 | got[43], 1260);
	assert_true(packet_sum_ok(got, len));
	user_sends(&w.there, packet, len);
	plane_receives(&w.here);
	assert_int_equal(user_reads(&w.here, got), len);
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
	install_pair(&w, 0x1000);
	size_t len = packet_udp(packet, "10.9.9.9", "127.0.0.1", 1701, 1701, 50);
	user_sends(&w.here, packet, len);
	plane_receives(&w.there);
	assert_int_equal(user_reads(&w.there, got), len);
	assert_true(packet_header_ok(got) && packet_sum_ok(got, len));
	assert_memory_equal(got + 12, "\x7f\0\0\1\x7f\0\0\1", 8);
	assert_memory_equal(got + 28, packet + 28, len - 28);

	len = packet_tcp(packet, "127.0.0.1", "10.9.9.9", 0x10, NULL, 0, 33);
	user_sends(&w.there, packet, len);
	plane_receives(&w.here);
	assert_int_equal(user_reads(&w.here, got), len);
	assert_true(packet_header_ok(got) && packet_sum_ok(got, len));
	/* UDP without a checksum stays without one. */
	len = packet_udp(packet, "10.9.9.9", "127.0.0.1", 1701, 1701, 5);
	packet[26] = packet[27] = 0;
	user_sends(&w.here, packet, len);
	plane_receives(&w.there);
	assert_int_equal(user_reads(&w.there, got), len);
	assert_int_equal(got[26] | got[27], 0);
	/* A fragment is nothing for transport mode. */
	packet[6] = 0x20;
	user_sends(&w.here, packet, len);
	assert_true(loopback_silent(w.there.udp));
	assert_true(drops(&w.here).malformed == 1);
	world_close(&w);
}

/* The interface has gone away under us. */
static void tun_errors(void **state)
{
	struct world w = world_open();
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);

	(void)state;
	install_pair(&w, 0x1000);
	user_sends(&w.here, packet, len);
	assert_int_equal(shutdown(w.there.tun.user, SHUT_RDWR), 0);
	assert_int_equal(plane_receives(&w.there), 1);
	assert_true(drops(&w.there).tun_errors == 1);
	assert_true(next_is(&w.there, OS_INBOUND, 0));
	assert_false(w.there.dp->ops->tun_input(w.there.dp));
	close_side(&w.there);
	open_side(&w.there);
	remove_sa(&w.here, SA_IN, 0x1001);
	remove_sa(&w.here, SA_OUT, 0x1000);
	install_pair(&w, 0x1000);
	/* Its queue is full: what does not fit is dropped, nothing blocks. */
	for (unsigned i = 0; i < 2000; i++) {
		user_sends(&w.there, packet, len);
		plane_receives(&w.here);
	}
	uint64_t lost = drops(&w.here).tun_errors;
	unsigned read = 0;
	while (user_reads(&w.here, packet) > 0)
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
	assert_refused(&e, ERR_LOCAL, install_one(&w.here, w.spec, SA_OUT, 0x1000, &w.there, &e));
	w.spec->encap = true;
	assert_refused(&e, ERR_BUG, install_one(&w.here, w.spec, SA_OUT, 255, &w.there, &e));
	assert_ok(&e, install_one(&w.here, w.spec, SA_OUT, 256, &w.there, &e));
	assert_refused(&e, ERR_BUG, install_one(&w.here, w.spec, SA_OUT, 256, &w.there, &e));
	assert_ok(&e,
		install_one(&w.here, w.spec, SA_IN, 256, &w.there, &e)); /* the other direction */
	w.spec->encr_bits = 100;
	assert_refused(&e, ERR_BUG, install_one(&w.here, w.spec, SA_OUT, 257, &w.there, &e));
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
		assert_ok(&e, install_one(&w.there, w.spec, SA_IN, spi | 0x1000, &w.here, &e));
		assert_ok(&e, install_one(&w.here, w.spec, SA_OUT, spi | 0x1000, &w.there, &e));
	}
	assert_refused(&e, ERR_LOCAL, install_one(&w.there, w.spec, SA_IN, 300, &w.here, &e));
	assert_refused(&e, ERR_LOCAL, install_one(&w.here, w.spec, SA_OUT, 300, &w.there, &e));
	/* Every one of them works, from the newest to the oldest. */
	size_t len = packet_udp(packet, "10.0.0.1", "10.0.0.2", 5, 6, 1);
	spi = 0x10000;
	for (unsigned i = 0; i < USERSPACE_SAS; i++, spi = spi * 1103515245 + 12345) {
		assert_true(arrives(&w.here, &w.there, packet, len));
		uint32_t newest = 0x10000;
		for (unsigned k = 0; k < USERSPACE_SAS - 1 - i; k++)
			newest = newest * 1103515245 + 12345;
		newest |= 0x1000;
		assert_true(counters(&w.there, SA_IN, newest).packets == 1);
		remove_sa(&w.here, SA_OUT, newest);
		remove_sa(&w.there, SA_IN, newest);
	}
	user_sends(&w.here, packet, len);
	assert_true(drops(&w.here).no_sa == 1);
	world_close(&w);
}

static int setup(void **state)
{
	struct err e;

	(void)state;
	return crypto_init(&e) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	crypto_exit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(long_batches),
		cmocka_unit_test(events),
		cmocka_unit_test(expiring),
		cmocka_unit_test(never_in_clear),
		cmocka_unit_test(unknown_spi),
		cmocka_unit_test(forged_and_replayed),
		cmocka_unit_test(rekey),
		cmocka_unit_test(children_by_selector),
		cmocka_unit_test(too_big_v4),
		cmocka_unit_test(too_big_v6),
		cmocka_unit_test(mss_both_ways),
		cmocka_unit_test(transport_mode),
		cmocka_unit_test(tun_errors),
		cmocka_unit_test(install_refuses),
		cmocka_unit_test(full_tables),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
