/*
 * stress FIRST COUNT: random lives of connections of both IKE engines with the scripted gateways of
 * tests/pair, on a virtual clock, over networks that lose, double, reorder and delay. An odd seed is an
 * IKEv1 life, an even one IKEv2, one of eight of those with new logins beside the tunnel. Each is a process of its own: one that fails, crashes or hangs is told
 * by its number, and the others go on. COUNT 1 does not fork: PAIR_TRACE=1 then shows every datagram.
 */
#include "stress.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/alg.h"
#include "lib/test.h"

enum { HANGS_S = 60, TOLD_MAX = 10 };

void stress_begin(struct net_config *wire, struct net *dice)
{
	net_init(dice, wire);
	wire->loss = net_random(dice, 4) ? net_random(dice, 21) : 0;
	wire->dup = net_random(dice, 21);
	wire->reorder = net_random(dice, 31);
	wire->delay = 5 + net_random(dice, 60);
	wire->jitter = net_random(dice, 4) ? net_random(dice, 300) : 0;
}

uint64_t stress_seconds(struct net *dice, uint32_t least)
{
	return net_random(dice, 2) ? SECONDS(least + net_random(dice, 5 * least)) : 0;
}

uint64_t stress_pause(struct net *dice)
{
	static const uint32_t below[] = { 1, 300, 5000, 60000 };

	return net_random(dice, below[net_random(dice, ARRAY_LEN(below))]);
}

static int one(uint32_t seed)
{
	const struct CMUnitTest life[] = {
		{ "life",
			seed & 1                ? stress_v1 :
				seed % 16 == 14 ? stress_relogin :
						  stress_v2,
			NULL, NULL, &seed },
	};
	struct err e;

	alarm(HANGS_S);
	return crypto_init(&e) ? cmocka_run_group_tests_name("stress", life, NULL, NULL) : 1;
}

static bool passes(uint32_t seed, bool quiet)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		if (quiet && (!freopen("/dev/null", "w", stdout) || dup2(1, 2) < 0))
			exit(2);
		exit(one(seed));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
	uint32_t first = argc == 3 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	uint32_t count = argc == 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (count == 1)
		return one(first);
	for (uint32_t seed = first; seed - first < count; seed++) {
		if (passes(seed, true))
			continue;
		if (failed++ < TOLD_MAX)
			(void)passes(seed, false);
		printf("*** seed %u fails: make stress SEED=%u\n", seed, seed);
	}
	printf("%u random lives, %u failed\n", count, failed);
	return failed > 0 || count == 0;
}
