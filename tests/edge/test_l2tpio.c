/*
 * L2TP beside the kernel's ESP: packets of the TUN as data messages of a socket and back, octet by
 * octet; what is neither goes to the session.
 */
#define _GNU_SOURCE /* unshare */
#include "../../src/edge/l2tpio.h"
#include "lib/packet.h"
#include "lib/test.h"

#include <fcntl.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "l2tp/data.h"

enum { USER, OURS }; /* of the TUN; of the socket USER is the gateway */

static struct world {
	int tun[2], udp[2];
	struct l2tpio *io;
} w;

static const struct l2tp_link up = { .local_port = 40000,
	.remote_port = L2TP_PORT,
	.tunnel = 0x1111,
	.session = 0x2222,
	.peer_tunnel = 0x3333,
	.peer_session = 0x4444,
	.packets = true };

static int set_up(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		int *pair = i ? w.udp : w.tun;
		if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
			return -1;
	}
	w.io = l2tpio_new(w.tun[OURS], w.udp[OURS]);
	return w.io ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	l2tpio_free(w.io);
	close(w.tun[USER]);
	close(w.udp[USER]);
	return 0;
}

static size_t from(int fd, uint8_t out[PACKET_MAX])
{
	ssize_t n = read(fd, out, PACKET_MAX);

	return n > 0 ? (size_t)n : 0;
}

static void packets_go_to_and_fro(void **state)
{
	uint8_t packet[PACKET_MAX], got[PACKET_MAX], want[PACKET_MAX];
	size_t len = packet_udp(packet, "10.10.1.2", "10.99.0.2", 1, 2, 100);
	size_t head = test_hex("4002 0078 3333 4444 ff03 0021", want, sizeof(want));

	(void)state;
	want[3] = (uint8_t)(head + len);
	memcpy(want + head, packet, len);
	l2tpio_link(w.io, &up);
	assert_int_equal(write(w.tun[USER], packet, len), len);
	l2tpio_work(w.io);
	assert_int_equal(from(w.udp[USER], got), head + len);
	assert_memory_equal(got, want, head + len);

	head = test_hex("0002 1111 2222 21", want, sizeof(want)); /* everything compressed */
	memcpy(want + head, packet, len);
	assert_int_equal(write(w.udp[USER], want, head + len), head + len);
	l2tpio_work(w.io);
	assert_int_equal(from(w.tun[USER], got), len);
	assert_memory_equal(got, packet, len);
	assert_true(l2tpio_drops(w.io) == 0);
}

/* More than one batch in one go, in order. */
static void many_packets(void **state)
{
	uint8_t packet[PACKET_MAX], got[PACKET_MAX];
	unsigned n = 0;

	(void)state;
	l2tpio_link(w.io, &up);
	while (n < 200 &&
		write(w.tun[USER], packet,
			packet_udp(packet, "10.10.1.2", "10.99.0.2", 1, 2, n + 1)) > 0)
		n++;
	assert_true(n > 5);
	for (unsigned i = 0; i < n; i++) {
		l2tpio_work(w.io);
		assert_int_equal(from(w.udp[USER], got), 12 + 20 + 8 + i + 1);
	}
	assert_true(l2tpio_drops(w.io) == 0);
}

static void what_is_no_packet_is_the_sessions(void **state)
{
	static const char *const messages[] = {
		"c802 000c 1111 0000 0001 0002", /* control */
		"0002 1111 2222 ff03 c021 0901 0008 00000000", /* LCP */
		"0002 9999 2222 ff03 0021 45", /* of another tunnel */
	};
	uint8_t octets[PACKET_MAX], got[PACKET_MAX];
	struct bytes payload;

	(void)state;
	l2tpio_link(w.io, &up);
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		size_t len = test_hex(messages[i], octets, sizeof(octets));
		assert_int_equal(write(w.udp[USER], octets, len), len);
		l2tpio_work(w.io);
		assert_true(l2tpio_next(w.io, &payload));
		assert_int_equal(payload.n, len);
		assert_memory_equal(payload.p, octets, len);
		assert_false(l2tpio_next(w.io, &payload));
	}
	assert_int_equal(from(w.tun[USER], got), 0);
}

static void messages_of_the_session(void **state)
{
	uint8_t got[PACKET_MAX], room[64] = { 0 };
	struct l2tp_datagram *d = (struct l2tp_datagram *)(void *)room;

	(void)state;
	d->len = 3;
	memcpy(d->data, "abc", 3);
	l2tpio_send(w.io, d); /* control needs no session */
	assert_int_equal(from(w.udp[USER], got), 3);
	d->frame = true;
	l2tpio_send(w.io, d); /* a frame does */
	assert_int_equal(from(w.udp[USER], got), 0);
	assert_true(l2tpio_drops(w.io) == 1);
	l2tpio_link(w.io, &up);
	l2tpio_send(w.io, d);
	assert_int_equal(from(w.udp[USER], got), 8 + 3);
}

static void nothing_without_a_link(void **state)
{
	struct l2tp_link waiting = up;
	uint8_t packet[PACKET_MAX], got[PACKET_MAX];
	size_t len = packet_udp(packet, "10.10.1.2", "10.99.0.2", 1, 2, 3);

	(void)state;
	waiting.packets = false; /* PPP is not up yet */
	l2tpio_link(w.io, &waiting);
	assert_int_equal(write(w.tun[USER], packet, len), len);
	l2tpio_work(w.io);
	assert_int_equal(from(w.udp[USER], got), 0);
	l2tpio_link(w.io, &up);
	l2tpio_socket(w.io, -1);
	assert_int_equal(write(w.tun[USER], packet, len), len);
	l2tpio_work(w.io);
	assert_true(l2tpio_drops(w.io) == 2);
}

/* A socket that sends only through an SA that is not there, as while the gateway renews it. */
static int socket_without_its_sa(void)
{
	struct {
		struct xfrm_userpolicy_info info;
		struct xfrm_user_tmpl tmpl;
	} policy = { .info = { .action = XFRM_POLICY_ALLOW,
			     .dir = XFRM_POLICY_OUT,
			     .sel.family = AF_INET,
			     .lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF } },
		.tmpl = { .family = AF_INET,
			.reqid = 77,
			.id = { .proto = IPPROTO_ESP, .daddr.a4 = htonl(INADDR_LOOPBACK) },
			.saddr.a4 = htonl(INADDR_LOOPBACK),
			.mode = XFRM_MODE_TRANSPORT,
			.aalgos = ~0u,
			.ealgos = ~0u,
			.calgos = ~0u } };
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(L2TP_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = unshare(CLONE_NEWNET) == 0 ? socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0) : -1;

	if (fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0 &&
		connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
		setsockopt(fd, IPPROTO_IP, IP_XFRM_POLICY, &policy, sizeof(policy)) == 0)
		return fd;
	return -1;
}

enum { CAME_BACK, NOT_HERE };

/* The kernel says that the socket is full, and that there is room. */
static void send_without_an_sa(void)
{
	uint8_t room[64] = { 0 };
	struct l2tp_datagram *d = (struct l2tp_datagram *)(void *)room;
	int fd = socket_without_its_sa();

	if (fd < 0)
		_exit(NOT_HERE);
	struct l2tpio *io = l2tpio_new(dup(0), fd);
	alarm(5);
	d->len = 3;
	l2tpio_send(io, d);
	_exit(l2tpio_drops(io) == 1 ? CAME_BACK : NOT_HERE);
}

static void no_sa_is_no_reason_to_wait(void **state)
{
	int status = 0;

	(void)state;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		send_without_an_sa();
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_HERE) {
		print_message("skipped: no namespace with IPsec policies (not root?)\n");
		skip();
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == CAME_BACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packets_go_to_and_fro, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_packets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_no_packet_is_the_sessions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(messages_of_the_session, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_without_a_link, set_up, tear_down),
		cmocka_unit_test(no_sa_is_no_reason_to_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
