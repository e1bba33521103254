/*
 * bench_relay NAME MICROSECONDS [TRACE]: a long wire. Every IP packet that the kernel routes into the
 * TUN interface NAME comes back out of it so much later, for the kernel to route on; rules by incoming
 * interface see to it that both directions pass. With TRACE each IKE datagram is a line of that file:
 * microseconds of the monotonic clock, source, destination, octets. Ends with SIGTERM.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PACKETS = 4096, PACKET_MAX = 2048 };

static struct packet {
	uint64_t due; /* nanoseconds */
	ssize_t len;
	uint8_t data[PACKET_MAX];
} ring[PACKETS];

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int open_tun(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0) {
		perror(name);
		exit(1);
	}
	return fd;
}

static bool is_ike(const struct packet *p)
{
	const uint8_t *ip = p->data, *udp = ip + 4 * (ip[0] & 15);

	if (p->len < 40 || ip[0] >> 4 != 4 || ip[9] != IPPROTO_UDP)
		return false;
	uint16_t from = (uint16_t)(udp[0] << 8 | udp[1]), to = (uint16_t)(udp[2] << 8 | udp[3]);
	if (from == 500 || to == 500)
		return true;
	/* the non-ESP marker; a keepalive has one octet */
	return (from == 4500 || to == 4500) && p->len >= 4 * (ip[0] & 15) + 12 &&
		memcmp(udp + 8, "\0\0\0", 4) == 0;
}

static void trace(FILE *to, const struct packet *p, uint64_t at)
{
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];

	if (!to || !is_ike(p))
		return;
	inet_ntop(AF_INET, p->data + 12, src, sizeof(src));
	inet_ntop(AF_INET, p->data + 16, dst, sizeof(dst));
	fprintf(to, "%llu %s %s %zd\n", (unsigned long long)(at / 1000), src, dst, p->len);
	fflush(to);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "bench_relay NAME MICROSECONDS [TRACE]\n");
		return 2;
	}
	uint64_t delay = strtoull(argv[2], NULL, 10) * 1000, first = 0, next = 0;
	FILE *log = argc > 3 ? fopen(argv[3], "w") : NULL;
	struct pollfd tun = { .fd = open_tun(argv[1]), .events = POLLIN };

	prctl(PR_SET_TIMERSLACK, 1L);
	for (;;) {
		struct timespec wait = { 0 };
		uint64_t at = now();
		if (first != next && ring[first % PACKETS].due > at) {
			wait.tv_sec = (time_t)((ring[first % PACKETS].due - at) / 1000000000);
			wait.tv_nsec = (long)((ring[first % PACKETS].due - at) % 1000000000);
		}
		if (ppoll(&tun, 1, first == next ? NULL : &wait, NULL) < 0 && errno != EINTR)
			return 1;
		while (next - first < PACKETS) { /* a full wire loses what comes then, like any */
			struct packet *p = &ring[next % PACKETS];
			p->len = read(tun.fd, p->data, sizeof(p->data));
			if (p->len <= 0)
				break;
			at = now();
			p->due = at + delay;
			trace(log, p, at);
			next++;
		}
		for (; first != next && ring[first % PACKETS].due <= now(); first++)
			if (write(tun.fd, ring[first % PACKETS].data,
				    (size_t)ring[first % PACKETS].len) < 0)
				perror("lost a packet");
	}
}
