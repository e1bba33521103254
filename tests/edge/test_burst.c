#include "lib/test.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/edge/burst.h"
#include "loopback.h"

struct ends {
	struct udp *from, *to;
	struct burst_to address;
	struct burst *burst;
};

static struct ends ends_open(bool segments, unsigned receive)
{
	struct ends x = { .from = loopback_udp(), .to = loopback_udp() };

	x.address = (struct burst_to){ .fd = udp_natt_fd(x.from, FAMILY_V4),
		.local = loopback_addr(x.from, PORT_NATT, FAMILY_V4),
		.remote = loopback_addr(x.to, PORT_NATT, FAMILY_V4) };
	x.burst = malloc(sizeof(*x.burst));
	assert_non_null(x.burst);
	burst_start(x.burst, segments);
	udp_offloads(x.to, receive);
	return x;
}

static void ends_close(struct ends *x)
{
	udp_close(x->from);
	udp_close(x->to);
	free(x->burst);
}

/* Each datagram says its number and its length. False: no room. */
static bool put_if_room(struct ends *x, const struct burst_to *to, uint32_t number, size_t len)
{
	uint8_t *room = burst_room(x->burst, len);

	if (!room)
		return false;
	struct wr w = wr_init(room, len);
	wr_u32(&w, 0x01000000 | number);
	wr_u16(&w, (uint16_t)len);
	memset(room + w.len, (uint8_t)number, len - w.len);
	burst_add(x->burst, to, room, len);
	return true;
}

static void put(struct ends *x, const struct burst_to *to, uint32_t number, size_t len)
{
	assert_true(put_if_room(x, to, number, len));
}

static void check(const struct udp_datagram *d, uint32_t number)
{
	struct rd r = rd_init(d->dg.data, d->dg.len);

	assert_int_equal(d->class, UDP_ESP);
	assert_int_equal(rd_u32(&r), 0x01000000 | number);
	assert_int_equal(rd_u16(&r), d->dg.len);
	for (size_t i = 6; i < d->dg.len; i++)
		assert_int_equal(d->dg.data[i], (uint8_t)number);
}

/* Takes n datagrams from number first on. */
static void arrive(struct ends *x, uint32_t first, size_t n)
{
	struct udp_datagram d[UDP_BATCH];

	while (n > 0) {
		size_t got = loopback_receive(x->to, d);
		assert_true(got > 0 && got <= n);
		for (size_t i = 0; i < got; i++)
			check(&d[i], first++);
		n -= got;
	}
	assert_true(loopback_silent(x->to));
}

/* Sizes that rise, fall and stay, with and without the offloads, on both sides. */
static void sizes(void **state)
{
	static const uint16_t lens[] = { 100, 100, 100, 60, 100, 101, 101, 6, 6, 6, 7, 1400, 1400,
		9000, 1400, 1400, 8 };

	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		struct ends x = ends_open(how & 1, how & 2 ? UDP_JOINED : 0);
		for (uint32_t i = 0; i < ARRAY_LEN(lens); i++)
			put(&x, &x.address, i, lens[i]);
		assert_int_equal(x.burst->n, how & 1 ? 8 : ARRAY_LEN(lens));
		assert_true(burst_flush(x.burst));
		assert_int_equal(burst_waits(x.burst), -1);
		arrive(&x, 0, ARRAY_LEN(lens));
		assert_true(x.burst->drops == 0);
		ends_close(&x);
	}
}

/* More than UDP_BATCH from one system call: the rest comes with the next call. */
static void many(void **state)
{
	enum { COUNT = 64 * 7 };
	struct ends x = ends_open(true, UDP_JOINED);

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++)
		put(&x, &x.address, i, 40);
	assert_int_equal(x.burst->n, COUNT / BURST_SEGMENTS);
	assert_true(burst_flush(x.burst));
	arrive(&x, 0, COUNT);
	ends_close(&x);
}

static void destinations(void **state)
{
	struct ends x = ends_open(true, UDP_JOINED);
	struct udp_datagram d[UDP_BATCH];
	struct burst_to marked = x.address;
	size_t n = 0, got;

	(void)state;
	marked.tos = 0xb9;
	put(&x, &x.address, 0, 50);
	put(&x, &x.address, 1, 50);
	put(&x, &marked, 2, 50);
	put(&x, &marked, 3, 50);
	put(&x, &x.address, 4, 50);
	assert_int_equal(x.burst->n, 3);
	assert_true(burst_flush(x.burst));
	while (n < 5 && (got = loopback_receive(x.to, d)) > 0)
		for (size_t i = 0; i < got; i++, n++) {
			check(&d[i], (uint32_t)n);
			assert_int_equal(d[i].tos, n == 2 || n == 3 ? 0xb9 : 0);
		}
	assert_int_equal(n, 5);
	if (loopback_has_v6()) {
		struct burst_to v6 = { .fd = udp_natt_fd(x.from, FAMILY_V6),
			.remote = loopback_addr(x.to, PORT_NATT, FAMILY_V6),
			.tos = 0x63 };
		put(&x, &v6, 5, 50);
		put(&x, &v6, 6, 50);
		put(&x, &x.address, 7, 50); /* by another socket */
		assert_true(burst_flush(x.burst));
		for (n = 0; n < 3 && (got = loopback_receive(x.to, d)) > 0; n += got)
			for (size_t i = 0; i < got; i++)
				assert_int_equal(
					d[i].tos, d[i].dg.remote.family == FAMILY_V6 ? 0x63 : 0);
		assert_int_equal(n, 3);
	}
	ends_close(&x);
}

/* The system refuses some for good; those around them go. */
static void refused(void **state)
{
	struct ends x = ends_open(true, UDP_JOINED);
	struct burst_to wrong = x.address;

	(void)state;
	addr_parse(&wrong.local, "198.51.100.77"); /* not this machine's */
	put(&x, &x.address, 0, 50);
	put(&x, &wrong, 100, 50);
	put(&x, &wrong, 101, 50);
	put(&x, &x.address, 1, 50);
	wrong.fd = -1; /* no socket for this family */
	put(&x, &wrong, 102, 50);
	put(&x, &x.address, 2, 50);
	assert_true(burst_flush(x.burst));
	arrive(&x, 0, 3);
	assert_true(x.burst->drops == 3);
	ends_close(&x);
}

static void full(void **state)
{
	struct ends x = ends_open(true, UDP_JOINED);
	size_t n = 0;

	(void)state;
	while (put_if_room(&x, &x.address, (uint32_t)n, 1400))
		n++;
	assert_int_equal(n, BURST_OCTETS / 1400);
	assert_true(burst_flush(x.burst));
	arrive(&x, 0, n);
	burst_start(x.burst, false); /* here it is the messages that are used up first */
	for (n = 0; put_if_room(&x, &x.address, (uint32_t)n, 10);)
		n++;
	assert_int_equal(n, BURST_MESSAGES);
	assert_true(burst_flush(x.burst));
	arrive(&x, 0, n);
	ends_close(&x);
}

/* Rooms given before any is filled, of which some stay empty: what is there goes, in order. */
static void left_empty(void **state)
{
	struct ends x = ends_open(true, UDP_JOINED);
	uint8_t *rooms[BURST_MESSAGES];
	uint32_t n = 0;

	(void)state;
	for (size_t i = 0; i < BURST_MESSAGES; i++) {
		rooms[i] = burst_room(x.burst, 50);
		assert_non_null(rooms[i]);
	}
	assert_null(burst_room(x.burst, 50)); /* each might become a message */
	for (size_t i = 0; i < BURST_MESSAGES; i++) {
		bool empty = i == 0 || i == 20 || i == 21 || i == BURST_MESSAGES - 1;
		struct wr w = wr_init(rooms[i], 6);
		wr_u32(&w, 0x01000000 | n);
		wr_u16(&w, 50);
		memset(rooms[i] + 6, (uint8_t)n, 44);
		burst_add(x.burst, &x.address, rooms[i], empty ? 0 : 50);
		n += !empty;
	}
	assert_int_equal(x.burst->n, 2);
	put(&x, &x.address, n++, 50);
	assert_int_equal(x.burst->n, 3);
	assert_true(burst_flush(x.burst));
	arrive(&x, 0, n);
	assert_non_null(burst_room(x.burst, BURST_OCTETS)); /* all of it is free again */
	ends_close(&x);
}

/* A socket whose queue is full: a pair of datagram sockets has one of fixed length, and who reads makes
 * room again. */
static void waiting(void **state)
{
	enum { COUNT = 2 * BURST_MESSAGES };
	struct ends x = ends_open(false, 0);
	struct burst_to pair = { .remote = { .family = FAMILY_NONE } };
	uint8_t got[64];
	int fds[2], small = 4096;
	uint32_t put_n = 0, read_n = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	pair.fd = fds[0];
	while (read_n < COUNT) {
		while (put_n < COUNT && put_if_room(&x, &pair, put_n, 10))
			put_n++;
		bool empty = burst_flush(x.burst);
		assert_int_equal(burst_waits(x.burst), empty ? -1 : fds[0]);
		while (read(fds[1], got, sizeof(got)) == 10)
			assert_int_equal(got[3], read_n++);
		struct pollfd p = { .fd = fds[0], .events = POLLOUT };
		assert_int_equal(poll(&p, 1, 1000), 1);
	}
	assert_true(burst_flush(x.burst) && x.burst->drops == 0);
	close(fds[0]);
	close(fds[1]);
	ends_close(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(many),
		cmocka_unit_test(destinations),
		cmocka_unit_test(refused),
		cmocka_unit_test(full),
		cmocka_unit_test(left_empty),
		cmocka_unit_test(waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
