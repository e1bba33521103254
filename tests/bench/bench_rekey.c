/*
 * bench_rekey PID PID SECONDS EVERY: new keys under load. A whole session and the scripted gateway of
 * tests/pair, 5 ms from each other, keep two userspace data planes in their keys, one in the network
 * namespace of each process: a TUN "bench0" for 10.1.2.3 there and for anything else here, ESP from
 * 192.0.2.1 to 192.0.2.2. Every so many milliseconds one side or the other replaces the child SA, and
 * sometimes the IKE SA. Whatever goes through the tunnel meanwhile is the caller's. Prints "ready"; at the end, for
 * each direction, how many packets were sealed, how many of these were opened, and what became of the
 * others. Fails when one is missing. Needs root.
 */
#define _GNU_SOURCE /* setns */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../pair/pair.h"
#include "../pair/profiles.h"
#include "host/clock.h"
#include "plane.h"

enum { DELAY_MS = 5, DRAIN_MS = 500 };

/* What has gone through an end, of the SAs that were removed. */
struct tally {
	uint64_t sealed, opened, replayed, forged;
	unsigned installed;
};

static struct pair pair;
static struct plane_end planes[ENDS];
static struct tally tallies[ENDS];
static struct sa_ref refs[ENDS][PLANE_MAX]; /* that are in the data plane */
static size_t n_refs[ENDS];

static void count(enum end at, const struct sa_ref *ref)
{
	struct dataplane *dp = planes[at].dp;
	struct tally *t = &tallies[at];
	struct sa_counters c;

	if (!dp->ops->counters(dp, ref->dir, ref->spi, &c))
		return;
	if (ref->dir == SA_OUT) {
		t->sealed += c.packets;
		return;
	}
	t->opened += c.packets;
	t->replayed += c.replay_drops;
	t->forged += c.integrity_failures;
}

static void remove_old(enum end at)
{
	struct dataplane *dp = planes[at].dp;

	for (size_t i = n_refs[at]; i-- > 0;) {
		const struct sa_ref ref = refs[at][i];
		if (plane_find(&pair.net.plane[at], ref.dir, ref.spi))
			continue;
		count(at, &ref);
		dp->ops->remove(dp, &ref);
		refs[at][i] = refs[at][--n_refs[at]];
	}
}

static bool is_there(enum end at, const struct sa_spec *s)
{
	for (size_t i = 0; i < n_refs[at]; i++)
		if (refs[at][i].dir == s->dir && refs[at][i].spi == s->spi)
			return true;
	return false;
}

static void install_new(enum end at)
{
	static const char *const addrs[ENDS] = { "192.0.2.1", "192.0.2.2" };
	const struct plane *p = &pair.net.plane[at];
	struct err e = { .kind = ERR_NONE };

	for (size_t i = 0; i < p->n; i++) {
		if (is_there(at, p->sa[i]))
			continue;
		struct sa_spec s = *p->sa[i];
		s.encap = true;
		assert_true(addr_parse(&s.local, addrs[at]) && addr_parse(&s.remote, addrs[!at]));
		s.local.port = s.remote.port = PLANE_PORT;
		assert_ok(&e, planes[at].dp->ops->install(planes[at].dp, &s, &e));
		refs[at][n_refs[at]++] = (struct sa_ref){ .dir = s.dir, .spi = s.spi };
		tallies[at].installed++;
	}
}

/* The simulated data planes have changed. */
static void follow(struct pair *p)
{
	(void)p;
	for (enum end at = CLIENT; at < ENDS; at++) {
		install_new(at);
		remove_old(at);
	}
}

static void told(void)
{
	struct os_input in;

	while (planes[CLIENT].dp->ops->next_event(planes[CLIENT].dp, &in))
		pair_os(&pair, &in);
	while (planes[GATEWAY].dp->ops->next_event(planes[GATEWAY].dp, &in)) {
		if (in.kind != OS_SA_USED)
			continue;
		gw_esp(&pair.gw, pair.net.now, in.spi, &pair.ob);
		net_perform(&pair.net, GATEWAY, &pair.ob);
		outbox_clear(&pair.ob);
		follow(&pair);
	}
}

/* Either side in turns; the IKE SA as well in every fifth, for the gateway remembers each that it had for
 * some time, and not more than 24. */
static void rekey(unsigned i)
{
	bool all = i % 5 == 0;

	if (i % 2)
		pair_gw(&pair, all ? GW_REKEY_CHILD | GW_REKEY_IKE : GW_REKEY_CHILD);
	else
		(void)pair_try_command(&pair, all ? CMD_REKEY_ALL : CMD_REKEY_CHILD);
}

static void carry(uint64_t seconds, uint64_t every)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint64_t start = clock_now(), virtual = pair.net.now, now = 0, at = every;
	struct epoll_event ev[4];
	unsigned i = 0;

	for (uint32_t end = CLIENT; end < ENDS; end++)
		plane_watch(&planes[end], epoll, 2 * end);
	while (now < seconds * 1000 + DRAIN_MS) {
		int n = epoll_wait(epoll, ev, 4, 1);
		for (int k = 0; k < n; k++)
			plane_handle(&planes[ev[k].data.u32 / 2], ev[k].data.u32 & 1, ev[k].events);
		for (uint32_t end = CLIENT; end < ENDS; end++) {
			/* One socket has both ESP and IKE, in the order in which they were sent. */
			plane_drain(&planes[end]);
			plane_settle(&planes[end], epoll, 2 * end);
		}
		told();
		now = clock_now() - start;
		if (virtual + now > pair.net.now)
			pair_run(&pair, virtual + now - pair.net.now);
		if (now >= at && now < seconds * 1000) {
			rekey(i++);
			at += every;
		}
	}
	close(epoll);
}

static bool report(enum end from)
{
	const struct tally *out = &tallies[from], *in = &tallies[!from];
	struct dataplane *sender = planes[from].dp, *receiver = planes[!from].dp;
	struct dataplane_drops sent, got;

	sender->ops->drops(sender, &sent);
	receiver->ops->drops(receiver, &got);
	printf("%s: %ju packets sealed, %ju opened; %ju refused by the system, %u without a place "
	       "in the queue, %ju for no SA, %ju outside of the window, %ju not authentic\n",
		from == CLIENT ? "out" : "in", (uintmax_t)out->sealed, (uintmax_t)in->opened,
		(uintmax_t)sent.not_sent, plane_overflows(&planes[!from]),
		(uintmax_t)got.unknown_spi, (uintmax_t)in->replayed, (uintmax_t)in->forged);
	return out->sealed == in->opened && in->opened > 0 && in->replayed == 0;
}

static bool open_in(enum end at, const char *pid, const char *local, struct err *e)
{
	int queue = 32 << 20;
	char path[64];
	struct addr a;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return err_set(e, ERR_LOCAL, "no network namespace %s", path);
	close(fd);
	if (!addr_parse(&a, local) || !plane_open(&planes[at], &a, TUN_ALL | UDP_ALL * 256, e))
		return false;
	planes[at].dp->ops->set_mtu(planes[at].dp, 1400);
	/* One thread does the work of two machines: what waits for its turn is not to be lost. */
	return setsockopt(planes[at].fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) == 0 ||
		err_set(e, ERR_LOCAL, "no longer queue for the UDP socket");
}

int main(int argc, char **argv)
{
	struct err e = { .text = "bench_rekey PID PID SECONDS EVERY" };

	if (argc != 5 || !crypto_init(&e) || !open_in(CLIENT, argv[1], "192.0.2.1", &e) ||
		!open_in(GATEWAY, argv[2], "192.0.2.2", &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 2;
	}
	struct profile *profile = profile_psk();
	pair_init(&pair, 1);
	pair.profile = profile;
	pair.wire.delay = DELAY_MS;
	pair.watch = follow;
	pair_connect(&pair);
	puts("ready");
	fflush(stdout);
	carry((uint64_t)atoi(argv[3]), (uint64_t)atoi(argv[4]));
	struct status *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	session_status(pair.client.session, pair.net.now, s);
	printf("%u IKE SAs and %u child SAs replaced, %u SAs installed\n", s->rekeys_ike,
		s->rekeys_child, tallies[CLIENT].installed + tallies[GATEWAY].installed);
	free(s);
	for (enum end at = CLIENT; at < ENDS; at++)
		for (size_t i = 0; i < n_refs[at]; i++)
			count(at, &refs[at][i]);
	bool ok = report(CLIENT);
	ok &= report(GATEWAY);
	pair_free(&pair);
	for (enum end at = CLIENT; at < ENDS; at++)
		plane_close(&planes[at]);
	profile_free(profile);
	crypto_exit();
	return !ok;
}
