/*
 * bench_data SUITE LEFT|RIGHT LOCAL REMOTE MTU [OFFLOADS]: the userspace data plane alone, without IKE: a
 * TUN called "bench0" and ESP in UDP between the two addresses, port 4500, with fixed keys. SUITE: gcm,
 * chacha or cbc. OFFLOADS: a number of TUN_* bits, for the TUN, and of UDP_* bits, 256 for each, for the
 * sockets, that may be used. Prints "ready", and at SIGTERM what was dropped. Needs root.
 */
#include "edge/dataplane.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/alg.h"

enum { PORT = 4500, SPI = 0x1000 };

static const struct {
	const char *name;
	uint16_t encr, bits, integ;
	size_t encr_key, integ_key;
} suites[] = {
	{ "gcm", ENCR_AES_GCM_16, 256, 0, 36, 0 },
	{ "chacha", ENCR_CHACHA20_POLY1305, 0, 0, 36, 0 },
	{ "cbc", ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128, 32, 32 },
};

static int fail(const char *what)
{
	perror(what);
	return -1;
}

static int open_tun(unsigned allowed)
{
	struct ifreq ifr = { .ifr_flags = (short)(IFF_TUN | IFF_NO_PI) };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (allowed & TUN_HEADER)
		ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_VNET_HDR);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "bench0");
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		return fail("TUN");
	return fd;
}

static int open_socket(const struct addr *local)
{
	struct sockaddr_storage ss;
	size_t len = addr_to_sockaddr(&ss, local);
	int fd = socket(local->family == FAMILY_V4 ? AF_INET : AF_INET6,
		SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, (socklen_t)len) < 0)
		return fail("UDP");
	return fd;
}

static void give_key(struct secret *key, size_t len, uint32_t spi)
{
	uint8_t octets[SECRET_MAX];

	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(spi + i);
	(void)!secret_set(key, octets, len);
}

static bool install(struct dataplane *dp, size_t suite, enum sa_dir dir, uint32_t spi,
	const struct addr *local, const struct addr *remote, struct err *e)
{
	struct sa_spec *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, ERR_LOCAL, "out of memory");
	*s = (struct sa_spec){ .dir = dir,
		.spi = spi,
		.encap = true,
		.local = *local,
		.remote = *remote,
		.encr = suites[suite].encr,
		.encr_bits = suites[suite].bits,
		.integ = suites[suite].integ,
		.esn = true,
		.replay_window = 1024 };
	give_key(&s->encr_key, suites[suite].encr_key, spi);
	give_key(&s->integ_key, suites[suite].integ_key, spi + 1);
	for (unsigned i = 0; i < 2; i++) {
		selector_all(&s->local_ts.v[i], i ? FAMILY_V6 : FAMILY_V4);
		s->remote_ts.v[i] = s->local_ts.v[i];
	}
	s->local_ts.n = s->remote_ts.n = 2;
	bool ok = dp->ops->install(dp, s, e);
	free(s);
	return ok;
}

static void receive(struct dataplane *dp, struct udp *udp, int fd)
{
	struct udp_datagram d[UDP_BATCH];
	struct os_input in;

	do {
		size_t n = udp_receive(udp, fd, d), esp = 0;
		while (esp < n && d[esp].class == UDP_ESP)
			esp++;
		if (esp > 0)
			dp->ops->esp_input(dp, d, esp);
	} while (udp_pending(udp));
	while (dp->ops->next_event(dp, &in))
		;
}

static void watch(int epoll, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	epoll_ctl(epoll, op, fd, &ev);
}

static void carry(struct dataplane *dp, struct udp *udp, int tun, int fd, int signals)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), full = -1;

	watch(epoll, EPOLL_CTL_ADD, tun, EPOLLIN);
	watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
	watch(epoll, EPOLL_CTL_ADD, signals, EPOLLIN);
	for (;;) {
		struct epoll_event ev[3];
		int n = epoll_wait(epoll, ev, 3, -1);
		for (int i = 0; i < n; i++) {
			if (ev[i].data.fd == signals)
				return;
			if (ev[i].data.fd == tun || ev[i].events & EPOLLOUT)
				dp->ops->tun_input(dp);
			if (ev[i].data.fd == fd && ev[i].events & EPOLLIN)
				receive(dp, udp, fd);
		}
		if (dp->ops->waits(dp) == full)
			continue;
		full = dp->ops->waits(dp);
		watch(epoll, EPOLL_CTL_MOD, fd, full < 0 ? EPOLLIN : EPOLLIN | EPOLLOUT);
		watch(epoll, EPOLL_CTL_MOD, tun, full < 0 ? EPOLLIN : 0);
	}
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void tell(struct dataplane *dp, struct udp *udp)
{
	struct sa_counters c = { 0 };
	struct dataplane_drops d;

	dp->ops->drops(dp, &d);
	for (uint32_t spi = SPI; spi < SPI + 2; spi++)
		if (dp->ops->counters(dp, SA_IN, spi, &c))
			fprintf(stderr, "in %ju packets, %ju replayed, %ju not authentic; ",
				(uintmax_t)c.packets, (uintmax_t)c.replay_drops,
				(uintmax_t)c.integrity_failures);
	fprintf(stderr, "dropped: %ju TUN, %ju not sent, %ju too big, %ju receiving\n",
		(uintmax_t)d.tun_errors, (uintmax_t)d.not_sent, (uintmax_t)d.too_big,
		(uintmax_t)udp_counters(udp)->receive_errors);
}

static bool run(char **argv, unsigned offloads, struct err *e)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 1 };
	bool left = strcmp(argv[2], "LEFT") == 0;
	struct addr local, remote;
	size_t suite = 0;

	while (suite < ARRAY_LEN(suites) && strcmp(suites[suite].name, argv[1]) != 0)
		suite++;
	if (suite == ARRAY_LEN(suites) || !addr_parse(&local, argv[3]) ||
		!addr_parse(&remote, argv[4]))
		return err_set(e, ERR_CONFIG, "no such suite or address");
	local.port = remote.port = PORT;
	int tun = open_tun(offloads), signals = block_signals();
	struct udp_socket s = {
		.fd = open_socket(&local), .which = PORT_NATT, .family = local.family, .port = PORT
	};
	struct udp *udp = tun >= 0 && s.fd >= 0 ? udp_new(&s, 1, e) : NULL;
	struct dataplane *dp = udp ? userspace_new(tun, udp, seed, e) : NULL;
	bool ok = dp && install(dp, suite, SA_IN, SPI + !left, &local, &remote, e) &&
		install(dp, suite, SA_OUT, SPI + left, &local, &remote, e);
	if (ok) {
		dp->ops->set_mtu(dp, (uint16_t)atoi(argv[5]));
		userspace_offloads(dp, offloads & 255, offloads / 256);
		puts("ready");
		fflush(stdout);
		carry(dp, udp, tun, s.fd, signals);
		tell(dp, udp);
	}
	if (dp)
		dp->ops->free(dp);
	udp_close(udp);
	return ok;
}

int main(int argc, char **argv)
{
	struct err e = { .kind = ERR_NONE };

	if (argc < 6 || !crypto_init(&e))
		return 2;
	bool ok = run(argv, argc > 6 ? (unsigned)atoi(argv[6]) : TUN_ALL | UDP_ALL * 256, &e);
	if (!ok)
		fprintf(stderr, "%s\n", e.text);
	crypto_exit();
	return !ok;
}
