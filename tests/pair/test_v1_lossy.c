/*
 * IKEv1 over a bad network: 20 % loss, 20 % duplicates, reordering, 200 ms jitter. Each connection
 * comes with mode configuration, every second one with a login of two rounds; then child SA and
 * phase 1 are renewed by random sides, and it is closed.
 *
 * A thousand seeds in the usual run, others with PAIR_HANDSHAKES=n, and fewer where the sanitizers
 * make all of it slow. PAIR_SEED=n runs only that seed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "v1_pair.h"

#if defined(__SANITIZE_ADDRESS__)
enum { USUAL = 150 };
#else
enum { USUAL = 1000 };
#endif

enum { RENEWALS = 3 };

struct tally {
	unsigned runs, silent, lost, without, closed, rekeys_child, rekeys_ike, sent;
};

static void renew(struct v1_pair *p)
{
	switch (net_random(
		&p->net, p->login ? 3 : 4)) { /* with a login only we can renew phase 1 */
	case 0:
		v1_pair_command(p, CMD_REKEY_CHILD);
		break;
	case 1:
		v1_pair_command(p, CMD_REKEY_IKE);
		break;
	case 2:
		v1_pair_gw_rekeys(p);
		break;
	case 3:
		v1_pair_gw_renews(p);
		break;
	}
	v1_pair_run(p, SECONDS(120));
}

/* It ends for one reason only: all tries of one message were lost. */
static bool gone(struct v1_pair *p, uint32_t seed, unsigned *count)
{
	if (p->client->phase != IKE_DEAD)
		return false;
	if (p->client->failure.kind != ERR_SILENT)
		fail_msg("seed %u: it died: %s", seed, p->client->failure.text);
	assert_int_equal(p->net.plane[CLIENT].n, 0);
	++*count;
	return true;
}

static void connection(struct v1_pair *p, uint32_t seed, struct tally *t)
{
	v1_pair_connect(p);
	t->runs++;
	if (gone(p, seed, &t->silent))
		return;
	v1_pair_check_up(p, 1);
	t->without += p->client->granted.n_addrs == 0;
	assert_true(p->client->granted.n_addrs == 1 || p->events[EV_WARNING] > 0);
	assert_true(!p->login || p->asks >= 2);
	v1_pair_run(p, SECONDS(30));
	for (int i = 0; i < RENEWALS; i++) {
		renew(p);
		if (gone(p, seed, &t->lost))
			return;
		v1_pair_check_up(p, 1);
	}
	t->rekeys_child += p->client->rekeys_child;
	t->rekeys_ike += p->client->rekeys_ike;
	v1_stop(p->client, p->net.now, &p->ob);
	v1_pair_run(p, SECONDS(5));
	assert_int_equal(p->client->phase, IKE_DEAD);
	assert_int_equal(p->net.plane[CLIENT].n, 0);
	t->closed++;
}

static void one(uint32_t seed, struct tally *t)
{
	struct v1_pair *p = v1_pair_new(seed);

	p->wire = (struct net_config){
		.seed = seed, .loss = 20, .dup = 20, .reorder = 20, .delay = 10, .jitter = 200
	};
	p->login = seed & 1;
	connection(p, seed, t);
	t->sent += p->net.sent[CLIENT] + p->net.sent[GATEWAY];
	v1_pair_done(p);
}

static void handshakes(void **state)
{
	const char *number = getenv("PAIR_HANDSHAKES"), *seed = getenv("PAIR_SEED");
	/* Each has a login, renewals and an end: a fifth of them lasts as long as the handshakes. */
	uint32_t n = number ? (uint32_t)strtoul(number, NULL, 10) / 5 : USUAL;
	struct tally t = { 0 };

	(void)state;
	if (seed) {
		one((uint32_t)strtoul(seed, NULL, 10), &t);
		return;
	}
	for (uint32_t i = 1; i <= n; i++)
		one(i, &t);
	printf("%u connections over a bad network: %u without an answer, %u lost later, %u closed, "
	       "%u child and %u phase 1 renewals, %u datagrams\n",
		t.runs, t.silent, t.lost, t.closed, t.rekeys_child, t.rekeys_ike, t.sent);
	assert_int_equal(t.closed + t.lost + t.silent, t.runs);
	assert_true((t.silent + t.lost) * 50 <= t.runs && t.without * 500 <= t.runs);
	assert_true(t.rekeys_child > t.closed && t.rekeys_ike > t.closed / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshakes),
	};

	return cmocka_run_group_tests(tests, v1_pair_group_setup, v1_pair_group_teardown);
}
