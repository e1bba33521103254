/*
 * bench_data SUITE LEFT|RIGHT LOCAL REMOTE MTU [OFFLOADS]: the userspace data plane alone, without IKE: a
 * TUN called "bench0" and ESP in UDP between the two addresses, port 4500, with fixed keys. SUITE: gcm,
 * chacha or cbc. OFFLOADS: a number of TUN_* bits, for the TUN, and of UDP_* bits, 256 for each, for the
 * sockets, that may be used. Prints "ready", and at SIGTERM what was dropped. Needs root.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "plane.h"
#include "suites.h"

enum { SPI = 0x1000 };

static bool install(struct dataplane *dp, const struct bench_suite *suite, enum sa_dir dir,
	uint32_t spi, const struct addr *local, const struct addr *remote, struct err *e)
{
	struct sa_spec *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, ERR_LOCAL, "out of memory");
	*s = (struct sa_spec){
		.dir = dir, .spi = spi, .encap = true, .local = *local, .remote = *remote
	};
	bench_suite_fill(s, suite);
	for (unsigned i = 0; i < 2; i++) {
		selector_all(&s->local_ts.v[i], i ? FAMILY_V6 : FAMILY_V4);
		s->remote_ts.v[i] = s->local_ts.v[i];
	}
	s->local_ts.n = s->remote_ts.n = 2;
	bool ok = dp->ops->install(dp, s, e);
	free(s);
	return ok;
}

static void carry(struct plane_end *p, int signals)
{
	enum { TAG_SIGNALS, TAG_PLANE };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev[3] = { { .events = EPOLLIN, .data.u32 = TAG_SIGNALS } };
	struct os_input in;

	epoll_ctl(epoll, EPOLL_CTL_ADD, signals, ev);
	plane_watch(p, epoll, TAG_PLANE);
	for (;;) {
		int n = epoll_wait(epoll, ev, 3, -1);
		for (int i = 0; i < n; i++) {
			if (ev[i].data.u32 == TAG_SIGNALS)
				return;
			plane_handle(p, ev[i].data.u32 != TAG_PLANE, ev[i].events);
		}
		while (p->dp->ops->next_event(p->dp, &in))
			;
		plane_settle(p, epoll, TAG_PLANE);
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

static void tell(const struct plane_end *p)
{
	struct sa_counters c = { 0 };
	struct dataplane_drops d;

	p->dp->ops->drops(p->dp, &d);
	for (uint32_t spi = SPI; spi < SPI + 2; spi++)
		if (p->dp->ops->counters(p->dp, SA_IN, spi, &c))
			fprintf(stderr, "in %ju packets, %ju replayed, %ju not authentic; ",
				(uintmax_t)c.packets, (uintmax_t)c.replay_drops,
				(uintmax_t)c.integrity_failures);
	fprintf(stderr, "dropped: %ju TUN, %ju not sent, %ju too big, %ju receiving\n",
		(uintmax_t)d.tun_errors, (uintmax_t)d.not_sent, (uintmax_t)d.too_big,
		(uintmax_t)udp_counters(p->udp)->receive_errors + plane_overflows(p));
}

static bool run(char **argv, unsigned allowed, struct err *e)
{
	bool left = strcmp(argv[2], "LEFT") == 0;
	struct addr local, remote;
	struct plane_end p;
	const struct bench_suite *suite;

	for (size_t i = 0; (suite = bench_suite(i)) && strcmp(suite->name, argv[1]) != 0; i++)
		;
	if (!suite || !addr_parse(&local, argv[3]) || !addr_parse(&remote, argv[4]))
		return err_set(e, ERR_CONFIG, "no such suite or address");
	local.port = remote.port = PLANE_PORT;
	int signals = block_signals();
	bool ok = plane_open(&p, &local, allowed, e) &&
		install(p.dp, suite, SA_IN, SPI + !left, &local, &remote, e) &&
		install(p.dp, suite, SA_OUT, SPI + left, &local, &remote, e);
	if (ok) {
		p.dp->ops->set_mtu(p.dp, (uint16_t)atoi(argv[5]));
		puts("ready");
		fflush(stdout);
		carry(&p, signals);
		tell(&p);
	}
	plane_close(&p);
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
