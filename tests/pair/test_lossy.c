/*
 * Handshakes over a bad network: 20 % loss, 20 % duplicates, reordering, 200 ms jitter. Each is
 * followed by rekeyings of child and IKE SA begun by random sides, and by a delete. A third of them with
 * additional key exchanges.
 *
 * A thousand seeds in the usual run, 10 000 with PAIR_HANDSHAKES=10000 (`make check`), and fewer
 * where the sanitizers make all of it slow. PAIR_SEED=n runs only that seed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pair.h"

#if defined(__SANITIZE_ADDRESS__)
enum { USUAL = 150 };
#else
enum { USUAL = 1000 };
#endif

struct tally {
	unsigned runs, silent, closed, told, rekeys_child, rekeys_ike, sent;
};

static void bad_network(struct pair *p, uint32_t seed)
{
	pair_init(p, seed);
	if (seed % 3 == 0)
		pair_additional(p);
	p->wire.loss = 20;
	p->wire.dup = 20;
	p->wire.reorder = 20;
	p->wire.delay = 10;
	p->wire.jitter = 200;
}

/* One side begins one of the rekeyings, or both at once do. */
static void rekey_something(struct pair *p)
{
	static const enum command ours[] = { CMD_REKEY_CHILD, CMD_REKEY_IKE, CMD_REKEY_ALL };
	static const unsigned theirs[] = { GW_REKEY_CHILD, GW_REKEY_IKE,
		GW_REKEY_CHILD | GW_REKEY_IKE };
	uint32_t who = net_random(&p->net, 3), what = net_random(&p->net, 3);

	if (who != 1)
		pair_command(p, ours[what]);
	pair_run(p, net_random(&p->net, 2) ? net_random(&p->net, 300) : 0);
	if (who != 0)
		pair_gw(p, theirs[net_random(&p->net, 3)]);
	/* Sometimes all has time to settle, sometimes the next one comes on top of it. */
	pair_run(p, net_random(&p->net, 3) ? SECONDS(40) : 500);
}

static void close_it(struct pair *p, struct tally *t)
{
	bool ours = net_random(&p->net, 2);

	if (ours)
		pair_stop(p);
	else
		pair_gw(p, GW_DELETE_IKE);
	pair_run(p, SECONDS(70));
	pair_check_dead(p, ours ? ERR_NONE : ERR_PEER, 0);
	t->closed++;
	t->told += p->gw.phase == GW_CLOSED;
}

static void one(uint32_t seed, struct tally *t)
{
	struct pair p;

	bad_network(&p, seed);
	pair_connect(&p);
	t->runs++;
	if (client_phase(&p.client) == IKE_DEAD) { /* all tries lost: rare, and said so */
		pair_check_dead(&p, ERR_SILENT, 0);
		t->silent++;
		pair_free(&p);
		return;
	}
	for (int i = 0; i < 3; i++)
		rekey_something(&p);
	pair_run(&p, SECONDS(120));
	if (client_phase(&p.client) == IKE_DEAD)
		fail_msg("seed %u: it died: %s", seed, client_failure(&p.client)->text);
	pair_check_up(&p, 1);
	t->rekeys_child += p.client.v2->rekeys_child;
	t->rekeys_ike += p.client.v2->rekeys_ike;
	close_it(&p, t);
	t->sent += p.net.sent[CLIENT] + p.net.sent[GATEWAY];
	pair_free(&p);
}

static void handshakes(void **state)
{
	const char *number = getenv("PAIR_HANDSHAKES"), *seed = getenv("PAIR_SEED");
	uint32_t n = number ? (uint32_t)strtoul(number, NULL, 10) : USUAL;
	struct tally t = { 0 };

	(void)state;
	if (seed) {
		one((uint32_t)strtoul(seed, NULL, 10), &t);
		return;
	}
	for (uint32_t i = 1; i <= n; i++) {
		if (getenv("PAIR_VERBOSE"))
			fprintf(stderr, "seed %u\n", i);
		one(i, &t);
	}
	printf("%u handshakes over a bad network: %u without an answer, %u closed (%u of the gateways were "
	       "told), %u child and %u IKE rekeys, %u datagrams\n",
		t.runs, t.silent, t.closed, t.told, t.rekeys_child, t.rekeys_ike, t.sent);
	assert_int_equal(t.closed + t.silent, t.runs);
	assert_true(t.silent * 50 <= t.runs);
	assert_true(t.told * 100 >= t.closed * 80);
	assert_true(t.rekeys_child > t.runs && t.rekeys_ike > t.runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshakes),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
