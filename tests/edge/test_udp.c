#include "lib/test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"

static struct send *new_send(enum ike_port from, const struct addr *local,
	const struct addr *remote, const void *data, size_t len)
{
	struct send *s = calloc(1, sizeof(*s) + len);

	assert_non_null(s);
	s->from = from;
	if (local)
		s->local = *local;
	s->remote = *remote;
	s->len = (uint32_t)len;
	memcpy(s->data, data, len);
	return s;
}

static void ike_on_both_ports(void **state)
{
	struct udp *a = loopback_udp(), *b = loopback_udp();
	struct udp_datagram d[UDP_BATCH];
	struct err e;

	(void)state;
	for (unsigned i = 0; i < (loopback_has_v6() ? 4u : 2u); i++) {
		enum ike_port which = i & 1 ? PORT_NATT : PORT_IKE;
		enum family family = i & 2 ? FAMILY_V6 : FAMILY_V4;
		struct addr from = loopback_addr(a, which, family),
			    to = loopback_addr(b, which, family);
		struct send *s = new_send(which, i & 1 ? &from : NULL, &to, "an IKE message", 14);

		assert_ok(&e, udp_send(a, s, &e));
		assert_int_equal(loopback_receive(b, d), 1);
		assert_int_equal(d[0].class, UDP_IKE);
		assert_int_equal(d[0].dg.on, which);
		assert_int_equal(d[0].dg.len, 14); /* the marker was added, and is gone again */
		assert_memory_equal(d[0].dg.data, "an IKE message", 14);
		assert_true(addr_same(&d[0].dg.remote, &from));
		assert_true(addr_same(&d[0].dg.local, &to));
		assert_true(d[0].dg.data >= d[0].room + UDP_HEADROOM);
		assert_true(d[0].dg.data + d[0].dg.len <= d[0].room + d[0].room_len);
		free(s);
	}
	udp_close(a);
	udp_close(b);
}

static void what_comes_by_4500(void **state)
{
	static uint8_t big[UDP_DATAGRAM_MAX + 1] = { 1 };
	struct udp *a = loopback_udp(), *b = loopback_udp();
	struct addr to = loopback_addr(b, PORT_NATT, FAMILY_V4);
	struct udp_datagram all[UDP_BATCH], d[5] = { 0 };
	static uint8_t data[5][UDP_DATAGRAM_MAX];

	(void)state;
	loopback_send(a, &to, "\0\0\0\0IKE", 7);
	loopback_send(a, &to, "\0\0\1\0\0\0\0\1ESP", 11);
	loopback_send(a, &to, "\xff", 1);
	udp_keepalive(a, &to);
	loopback_send(a, &to, "", 0);
	loopback_send(a, &to, "\0\0\0", 3);
	loopback_send(a, &to, "\0\0\0\0", 4);
	loopback_send(a, &to, "\xff\xff\xff\xff", 4);
	loopback_send(a, &to, big, sizeof(big) - 1);
	loopback_send(a, &to, big, sizeof(big));
	for (size_t n = 0, got; n < 5; n += got) {
		got = loopback_receive(b, all);
		assert_true(got > 0 && got <= 5 - n);
		for (size_t i = 0; i < got; i++) {
			memcpy(data[n + i], all[i].dg.data, all[i].dg.len);
			d[n + i] = all[i];
			d[n + i].dg.data = data[n + i];
		}
	}
	assert_true(d[0].class == UDP_IKE && d[0].dg.len == 3);
	assert_memory_equal(d[0].dg.data, "IKE", 3);
	assert_true(d[1].class == UDP_ESP && d[1].dg.len == 11);
	assert_memory_equal(d[1].dg.data, "\0\0\1\0\0\0\0\1ESP", 11);
	assert_true(d[2].class == UDP_IKE && d[2].dg.len == 0);
	assert_true(d[3].class == UDP_ESP && d[3].dg.len == 4);
	assert_true(d[4].class == UDP_ESP && d[4].dg.len == UDP_DATAGRAM_MAX);
	assert_int_equal(udp_counters(b)->keepalives, 2);
	assert_int_equal(udp_counters(b)->too_short, 2);
	assert_int_equal(udp_counters(b)->too_long, 1);
	assert_true(loopback_silent(b));
	udp_close(a);
	udp_close(b);
}

/* More than one call can give, and each once. */
static void batches(void **state)
{
	enum { COUNT = 150 };
	struct udp *a = loopback_udp(), *b = loopback_udp();
	struct addr to = loopback_addr(b, PORT_NATT, FAMILY_V4);
	struct udp_datagram d[UDP_BATCH];
	uint8_t data[8] = { 1 };
	unsigned next = 0;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		data[7] = (uint8_t)i;
		loopback_send(a, &to, data, sizeof(data));
	}
	while (next < COUNT && (n = loopback_receive(b, d)) > 0)
		for (size_t i = 0; i < n; i++)
			assert_int_equal(d[i].dg.data[7], next++);
	assert_int_equal(next, COUNT);
	assert_true(loopback_silent(b) && !udp_pending(b));
	udp_close(a);
	udp_close(b);
}

/* Nobody listens there: the kernel answers with ICMP, and we go on. */
static void icmp_changes_nothing(void **state)
{
	struct udp *a = loopback_udp(), *b = loopback_udp(), *gone = loopback_udp();
	struct addr nowhere = loopback_addr(gone, PORT_NATT, FAMILY_V4);
	struct addr to = loopback_addr(b, PORT_NATT, FAMILY_V4);
	struct udp_datagram d[UDP_BATCH];
	struct send *s = new_send(PORT_NATT, NULL, &nowhere, "hello", 5);
	struct err e;

	(void)state;
	udp_close(gone);
	for (unsigned i = 0; i < 5; i++) {
		assert_ok(&e, udp_send(a, s, &e));
		loopback_send(a, &nowhere, "\1\2\3\4", 4);
		assert_true(loopback_silent(a));
	}
	loopback_send(a, &to, "\1\2\3\4", 4);
	assert_int_equal(loopback_receive(b, d), 1);
	free(s);
	udp_close(a);
	udp_close(b);
}

static void what_cannot_go_out(void **state)
{
	struct udp *a = loopback_udp();
	struct addr ours, to = loopback_addr(a, PORT_NATT, FAMILY_V4);
	static uint8_t huge[70000];
	struct send *s;
	struct err e;

	(void)state;
	/* From an address that is not this machine's. */
	addr_parse(&ours, "198.51.100.77");
	s = new_send(PORT_NATT, &ours, &to, "hello", 5);
	assert_refused(&e, ERR_LOCAL, udp_send(a, s, &e));
	free(s);
	/* Longer than any datagram. */
	s = new_send(PORT_NATT, NULL, &to, huge, sizeof(huge));
	assert_refused(&e, ERR_LOCAL, udp_send(a, s, &e));
	free(s);
	/* To a family that there is no socket for. */
	to.family = FAMILY_NONE;
	s = new_send(PORT_IKE, NULL, &to, "hello", 5);
	assert_refused(&e, ERR_LOCAL, udp_send(a, s, &e));
	udp_keepalive(a, &to);
	assert_int_equal(udp_counters(a)->send_drops, 1);
	assert_int_equal(udp_natt_fd(a, FAMILY_NONE), -1);
	free(s);
	udp_close(a);
}

static void sockets_that_are_none(void **state)
{
	struct udp_socket s[5] = { { .fd = -1, .family = FAMILY_V4 } };
	struct udp_datagram d[UDP_BATCH];
	struct err e;

	(void)state;
	assert_refused(&e, ERR_LOCAL, udp_new(s, 1, &e) != NULL);
	assert_refused(&e, ERR_BUG, udp_new(s, 5, &e) != NULL);
	udp_close(NULL);
	struct udp *u = loopback_udp();
	assert_int_equal(udp_receive(u, 12345, d), 0);
	udp_close(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ike_on_both_ports),
		cmocka_unit_test(what_comes_by_4500),
		cmocka_unit_test(batches),
		cmocka_unit_test(icmp_changes_nothing),
		cmocka_unit_test(what_cannot_go_out),
		cmocka_unit_test(sockets_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
