/*
 * L2TP in transport mode through the userspace data plane: what leaves, octet by octet, where it
 * arrives, and that nothing leaves without an SA.
 */
#include "lib/advert.h"

#include <stdlib.h>

#include "../../src/edge/carry.h"
#include "base/ipsum.h"
#include "esp/flow.h"
#include "lib/packet.h"
#include "world.h"

enum { CARRY_HEADROOM = 8 + 12 + 4 }; /* UDP, L2TP with sequence numbers, PPP */

enum {
	TUNNEL = 0x1111,
	SESSION = 0x2222,
	PEER_TUNNEL = 0x3333,
	PEER_SESSION = 0x4444,
	PORT = 40000
};

static const struct l2tp_link here_link = { .local_port = PORT,
	.remote_port = L2TP_PORT,
	.tunnel = TUNNEL,
	.session = SESSION,
	.peer_tunnel = PEER_TUNNEL,
	.peer_session = PEER_SESSION,
	.packets = true };

/* Transport mode for UDP between the two ports, as RFC 3193 negotiates it. */
static struct world l2tp_world(void)
{
	struct world w = world_open();

	w.spec->mode = SA_TRANSPORT;
	for (unsigned i = 0; i < 2; i++) {
		w.spec->local_ts.v[i].proto = w.spec->remote_ts.v[i].proto = IP_UDP;
		w.spec->local_ts.v[i].port_lo = w.spec->local_ts.v[i].port_hi = PORT;
		w.spec->remote_ts.v[i].port_lo = w.spec->remote_ts.v[i].port_hi = L2TP_PORT;
	}
	return w;
}

static void link_side(struct side *s, const struct l2tp_link *link)
{
	struct err e;

	bool taken;
	assert_ok(&e, s->dp->ops->l2tp_link(s->dp, link, &taken, &e));
}

static void send_l2tp(struct side *s, bool frame, struct bytes what)
{
	struct l2tp_datagram *d = calloc(1, sizeof(*d) + what.n);

	assert_non_null(d);
	d->frame = frame;
	d->len = (uint32_t)what.n;
	memcpy(d->data, what.p, what.n);
	s->dp->ops->l2tp_send(s->dp, d);
	free(d);
}

/* The other side has no link: what it opens goes to its TUN as an IP packet, for us to look at. */
static size_t arrived(struct world *w, uint8_t got[PACKET_MAX])
{
	side_receive(&w->there);
	return side_read(&w->there, got);
}

static void check_udp(const uint8_t *got, size_t n)
{
	assert_true(packet_header_ok(got));
	assert_int_equal(got[9], IP_UDP);
	assert_int_equal(got[20] << 8 | got[21], PORT);
	assert_int_equal(got[22] << 8 | got[23], L2TP_PORT);
	assert_int_equal(got[24] << 8 | got[25], n - 20);
	assert_int_equal(got[26] | got[27], 0); /* no checksum: a NAT would spoil it */
}

static void what_leaves(void **state)
{
	struct world w = l2tp_world();
	uint8_t packet[PACKET_MAX], got[PACKET_MAX], head[12];

	(void)state;
	world_install(&w, 0x1000);
	link_side(&w.here, &here_link);
	/* a packet */
	size_t len = packet_udp(packet, "10.10.1.2", "8.8.8.8", 5, 53, 33);
	side_send(&w.here, packet, len);
	size_t n = arrived(&w, got);
	assert_int_equal(n, 20 + 8 + 8 + 4 + len);
	check_udp(got, n);
	test_hex("4002 0000 3333 4444 ff03 0021", head, sizeof(head));
	head[2] = (uint8_t)((12 + len) >> 8);
	head[3] = (uint8_t)(12 + len);
	assert_memory_equal(got + 28, head, 12);
	assert_memory_equal(got + 40, packet, len);
	/* one of IPv6 */
	len = packet_udp(packet, "fd00::1", "fd00::2", 5, 53, 1);
	side_send(&w.here, packet, len);
	n = arrived(&w, got);
	assert_int_equal(n, 40 + len);
	assert_int_equal(got[39], 0x57);
	/* a frame of PPP's, and a control message */
	send_l2tp(&w.here, true, BYTES("\xff\x03\xc0\x21hello"));
	n = arrived(&w, got);
	check_udp(got, n);
	assert_int_equal(n, 28 + 8 + 9);
	assert_memory_equal(got + 36, "\xff\x03\xc0\x21hello", 9);
	send_l2tp(&w.here, false, BYTES("\xc8\x02 control"));
	n = arrived(&w, got);
	check_udp(got, n);
	assert_int_equal(n, 28 + 10);
	assert_memory_equal(got + 28, "\xc8\x02 control", 10);
	world_close(&w);
}

/* No SA that takes it, no link, no session: nothing at all is sent. */
static void nothing_in_clear(void **state)
{
	static const struct l2tp_link none,
		ports = { .local_port = PORT, .remote_port = L2TP_PORT };
	struct l2tp_link other = here_link;
	struct world w = l2tp_world();
	uint8_t packet[PACKET_MAX];
	size_t len = packet_udp(packet, "10.10.1.2", "8.8.8.8", 5, 53, 33);

	(void)state;
	link_side(&w.here, &here_link);
	side_send(&w.here, packet, len);
	send_l2tp(&w.here, true, BYTES("frame"));
	send_l2tp(&w.here, false, BYTES("control"));
	assert_true(side_drops(&w.here).no_sa == 3);
	world_install(&w, 0x1000);
	/* there is an SA, but not for these ports */
	other.local_port = L2TP_PORT;
	link_side(&w.here, &other);
	send_l2tp(&w.here, false, BYTES("control"));
	/* no session yet: control only */
	link_side(&w.here, &ports);
	side_send(&w.here, packet, len);
	send_l2tp(&w.here, true, BYTES("frame"));
	/* a session, but PPP is not up */
	other = here_link;
	other.packets = false;
	link_side(&w.here, &other);
	side_send(&w.here, packet, len);
	/* no link */
	link_side(&w.here, &none);
	send_l2tp(&w.here, true, BYTES("frame"));
	send_l2tp(&w.here, false, BYTES("control"));
	assert_true(loopback_silent(w.there.udp));
	/* and when the SA goes, so does all that went through it */
	link_side(&w.here, &here_link);
	side_send(&w.here, packet, len);
	assert_int_equal(side_receive(&w.there), 1);
	side_remove(&w.here, SA_OUT, 0x1000);
	side_send(&w.here, packet, len);
	send_l2tp(&w.here, true, BYTES("frame"));
	send_l2tp(&w.here, false, BYTES("control"));
	assert_true(loopback_silent(w.there.udp));
	world_close(&w);
}

/* The gateway's UDP, made as its kernel would: through its TUN in transport mode. */
static void from_gateway(struct world *w, uint16_t sport, uint16_t dport, struct bytes payload)
{
	uint8_t udp[PACKET_MAX], packet[PACKET_MAX];
	struct wr u = wr_init(udp, sizeof(udp));

	wr_u16(&u, sport);
	wr_u16(&u, dport);
	wr_u16(&u, (uint16_t)(8 + payload.n));
	wr_u16(&u, 0);
	wr_bytes(&u, payload.p, payload.n);
	side_send(
		&w->there, packet, packet_ip(packet, "127.0.0.1", "127.0.0.1", IP_UDP, udp, u.len));
	side_receive(&w->here);
}

static size_t data_message(uint8_t *out, const char *header, const uint8_t *packet, size_t len)
{
	size_t n = test_hex(header, out, 64);

	memcpy(out + n, packet, len);
	return n + len;
}

static void what_comes_in(void **state)
{
	static const char *const headers[] = { "0002 1111 2222 ff03 0021", "0002 1111 2222 21",
		"0002 1111 2222 0021", "0802 1111 2222 0001 0000 ff03 21",
		"0202 1111 2222 0002 abcd 21" };
	struct world w = l2tp_world();
	uint8_t packet[PACKET_MAX], message[PACKET_MAX], got[PACKET_MAX];
	struct bytes payload;
	size_t len = packet_udp(packet, "8.8.8.8", "10.10.1.2", 53, 5, 33);

	(void)state;
	world_install(&w, 0x1000);
	link_side(&w.here, &here_link);
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		size_t n = data_message(message, headers[i], packet, len);
		from_gateway(&w, L2TP_PORT, PORT, (struct bytes){ message, n });
		assert_int_equal(side_read(&w.here, got), len);
		assert_memory_equal(got, packet, len);
		assert_false(w.here.dp->ops->l2tp_next(w.here.dp, &payload));
	}
	/* control, and a frame of PPP's: for the session, as they are */
	from_gateway(&w, L2TP_PORT, PORT, BYTES("\xc8\x02 control"));
	size_t n = data_message(message, "0002 1111 2222 c021", (const uint8_t *)"lcp", 3);
	from_gateway(&w, L2TP_PORT, PORT, (struct bytes){ message, n });
	assert_true(w.here.dp->ops->l2tp_next(w.here.dp, &payload));
	assert_int_equal(payload.n, 10);
	assert_memory_equal(payload.p, "\xc8\x02 control", 10);
	assert_true(w.here.dp->ops->l2tp_next(w.here.dp, &payload));
	assert_int_equal(payload.n, n);
	assert_memory_equal(payload.p, message, n);
	assert_false(w.here.dp->ops->l2tp_next(w.here.dp, &payload));
	assert_int_equal(side_read(&w.here, got), 0);
	world_close(&w);
}

/* It is not the kernel that makes an address of it. */
static void router_advertisement(void **state)
{
	struct advert a = advert_preset();
	struct world w = l2tp_world();
	uint8_t packet[ADVERT_MAX], message[PACKET_MAX], got[PACKET_MAX];
	struct bytes payload;
	size_t n = advert_write(&a, packet);

	(void)state;
	world_install(&w, 0x1000);
	link_side(&w.here, &here_link);
	n = data_message(message, "0002 1111 2222 ff03 0057", packet, n);
	from_gateway(&w, L2TP_PORT, PORT, (struct bytes){ message, n });
	assert_int_equal(side_read(&w.here, got), 0);
	assert_true(w.here.dp->ops->l2tp_next(w.here.dp, &payload));
	assert_int_equal(payload.n, n);
	world_close(&w);
}

/* Packets of another session are the session's to look at, those before PPP is up nobody's, and what
 * is no packet at all does not reach the interface. */
static void what_does_not(void **state)
{
	static const char *const headers[] = { "0002 1111 2223 21", "0002 1112 2222 21" };
	struct l2tp_link early = here_link;
	struct world w = l2tp_world();
	uint8_t packet[PACKET_MAX], message[PACKET_MAX], got[PACKET_MAX];
	struct bytes payload;
	size_t len = packet_udp(packet, "8.8.8.8", "10.10.1.2", 53, 5, 33), n;

	(void)state;
	world_install(&w, 0x1000);
	link_side(&w.here, &here_link);
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		n = data_message(message, headers[i], packet, len);
		from_gateway(&w, L2TP_PORT, PORT, (struct bytes){ message, n });
		assert_true(w.here.dp->ops->l2tp_next(w.here.dp, &payload));
	}
	n = data_message(message, "0002 1111 2222 21", (const uint8_t *)"no packet", 9);
	from_gateway(&w, L2TP_PORT, PORT, (struct bytes){ message, n });
	assert_true(side_drops(&w.here).malformed == 1);
	early.packets = false;
	link_side(&w.here, &early);
	n = data_message(message, "0002 1111 2222 21", packet, len);
	from_gateway(&w, L2TP_PORT, PORT, (struct bytes){ message, n });
	assert_true(side_drops(&w.here).malformed == 2);
	assert_int_equal(side_read(&w.here, got), 0);
	/* a message too many is lost, and only that */
	for (unsigned i = 0; i < 20; i++)
		from_gateway(&w, L2TP_PORT, PORT, BYTES("\xc8\x02"));
	for (n = 0; w.here.dp->ops->l2tp_next(w.here.dp, &payload); n++)
		assert_int_equal(payload.n, 2);
	assert_int_equal(n, 16);
	world_close(&w);
}

/* The gateway numbers its data: from then on ours are numbered too, packets and frames as one. */
static void sequence(void **state)
{
	struct world w = l2tp_world();
	uint8_t packet[PACKET_MAX], message[PACKET_MAX], got[PACKET_MAX];
	size_t len = packet_udp(packet, "10.10.1.2", "8.8.8.8", 5, 53, 1);

	(void)state;
	world_install(&w, 0x1000);
	link_side(&w.here, &here_link);
	size_t n = data_message(message, "0802 1111 2222 0000 0000 21", packet, len);
	from_gateway(&w, L2TP_PORT, PORT, (struct bytes){ message, n });
	for (unsigned i = 0; i < 4; i++) {
		if (i % 2)
			send_l2tp(&w.here, true, BYTES("frame"));
		else
			side_send(&w.here, packet, len);
		assert_true(arrived(&w, got) > 40);
		assert_int_equal(got[28], 0x48);
		assert_int_equal(got[36] << 8 | got[37], i);
	}
	world_close(&w);
}

/* Over a rekey: the newest SA carries, the old one still opens. */
static void rekeyed(void **state)
{
	struct world w = l2tp_world();
	uint8_t packet[PACKET_MAX], got[PACKET_MAX];
	struct bytes payload;
	size_t len = packet_udp(packet, "10.10.1.2", "8.8.8.8", 5, 53, 1);

	(void)state;
	world_install(&w, 0x1000);
	link_side(&w.here, &here_link);
	from_gateway(&w, L2TP_PORT, PORT, BYTES("\xc8\x02"));
	world_install(&w, 0x2000);
	side_send(&w.here, packet, len);
	send_l2tp(&w.here, false, BYTES("control"));
	assert_true(arrived(&w, got) > 0);
	assert_true(side_counters(&w.here, SA_OUT, 0x2000).packets == 2);
	assert_true(side_counters(&w.here, SA_OUT, 0x1000).packets == 0);
	from_gateway(&w, L2TP_PORT, PORT, BYTES("\xc8\x02"));
	assert_true(w.here.dp->ops->l2tp_next(w.here.dp, &payload));
	assert_true(w.here.dp->ops->l2tp_next(w.here.dp, &payload));
	world_close(&w);
}

/* Outer IPv6 has no UDP without a checksum. */
static void checksum_of_ipv6(void **state)
{
	struct sa_spec *spec = calloc(1, sizeof(*spec));
	uint8_t room[256], addrs[32];
	struct carry c = { 0 };

	(void)state;
	assert_non_null(spec);
	assert_true(addr_parse(&spec->local, "2001:db8::1") &&
		addr_parse(&spec->remote, "2001:db8::2"));
	carry_set(&c, &here_link);
	memcpy(addrs, spec->local.ip, 16);
	memcpy(addrs + 16, spec->remote.ip, 16);
	for (size_t n = 0; n < 40; n++) {
		struct esp_packet p = { .room = room,
			.room_len = sizeof(room),
			.data = room + ESP_HEADROOM + CARRY_HEADROOM,
			.len = n };
		memset(p.data, (int)(n * 37 + 1), n);
		assert_true(carry_payload(&c, &p, spec));
		assert_int_equal(p.len, 8 + n);
		assert_true(p.data[6] | p.data[7]);
		uint32_t sum = ipsum_add(ipsum_pseudo(addrs, 16, IP_UDP, p.len), p.data, p.len);
		assert_int_equal(ipsum_fold(sum), 0);
	}
	free(spec);
}

/* Headers that lie about themselves, and room that is not there. */
static void malformed(void **state)
{
	static const char *const rows[] = { "", "06a5", "06a5 9c40 0008", "06a5 9c40 0007 0000",
		"06a5 9c40 0009 0000", "06a6 9c40 0008 0000", "06a5 9c41 0008 0000" };
	struct sa_spec *spec = calloc(1, sizeof(*spec));
	uint8_t room[128];
	struct carry c = { 0 };

	(void)state;
	assert_non_null(spec);
	carry_set(&c, &here_link);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct esp_packet p = { .room = room,
			.room_len = sizeof(room),
			.data = room + 64,
			.next_header = IP_UDP };
		p.len = test_hex(rows[i], p.data, 64);
		assert_int_equal(carry_open(&c, &p), CARRY_NOTHING);
	}
	struct esp_packet p = { .room = room,
		.room_len = sizeof(room),
		.data = room + 64,
		.len = test_hex("06a5 9c40 0008 0000", room + 64, 64),
		.next_header = IP_TCP };
	assert_int_equal(carry_open(&c, &p), CARRY_NOTHING);
	p.next_header = IP_UDP;
	assert_int_equal(carry_open(&c, &p), CARRY_MESSAGE);
	assert_int_equal(p.len, 0);
	p = (struct esp_packet){ .room = room, .room_len = sizeof(room), .data = room + 7 };
	assert_false(carry_payload(&c, &p, spec));
	p.data = room + CARRY_HEADROOM - 5;
	c.session.sequenced = true;
	assert_false(carry_packet(&c, &p, FAMILY_V4, spec));
	free(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_leaves),
		cmocka_unit_test(nothing_in_clear),
		cmocka_unit_test(what_comes_in),
		cmocka_unit_test(router_advertisement),
		cmocka_unit_test(what_does_not),
		cmocka_unit_test(sequence),
		cmocka_unit_test(rekeyed),
		cmocka_unit_test(checksum_of_ipv6),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
