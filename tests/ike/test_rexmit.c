#include "lib/test.h"

#include "../../src/ike/rexmit.h"

static void seed(struct rng *r)
{
	static const uint8_t octets[RNG_SEED_LEN] = { 1 };

	rng_seed(r, octets);
}

/* How long the whole plan takes, when each try comes exactly in time. */
static uint64_t length(const struct rexmit_plan *plan, unsigned *tries)
{
	struct rexmit x;
	struct rng rng;
	uint64_t last = 1000, wait = 0;

	seed(&rng);
	rexmit_begin(&x, plan, last, &rng);
	*tries = 1;
	for (bool more = true; more; *tries += more) {
		uint64_t now = x.next;
		assert_true(now - last <= plan->longest_ms);
		assert_true(
			now - last >= wait * 9 / 10); /* never much shorter than the one before */
		wait = now - last;
		last = now;
		more = rexmit_again(&x, now, &rng);
	}
	return last - 1000;
}

static void plans(void **state)
{
	unsigned tries;

	(void)state;
	assert_in_range(length(&rexmit_impatient, &tries), 6500, 7500);
	assert_int_equal(tries, rexmit_impatient.tries);
	assert_in_range(length(&rexmit_first, &tries), 21000, 24500);
	assert_int_equal(tries, rexmit_first.tries);
	assert_in_range(length(&rexmit_settled, &tries), 50000, 57000);
	assert_int_equal(tries, rexmit_settled.tries);
}

static void jitter(void **state)
{
	struct rng rng;
	uint64_t low = UINT64_MAX, high = 0;

	(void)state;
	seed(&rng);
	for (int i = 0; i < 1000; i++) {
		uint64_t v = jittered(10000, &rng);
		low = v < low ? v : low;
		high = v > high ? v : high;
	}
	assert_in_range(low, 9000, 9050);
	assert_in_range(high, 9950, 10000);
	assert_int_equal(jittered(0, &rng), 0);
	assert_true(jittered(UINT64_C(1) << 60, &rng) <= UINT64_C(1) << 60);
}

static void kept(void **state)
{
	struct kept k = { 0 };
	struct addr a = { .family = 4 }, b = { .family = 4, .port = 500 };
	struct outbox ob;

	(void)state;
	outbox_init(&ob);
	for (int i = 0; i < KEPT_FRAGMENTS_MAX; i++)
		assert_true(kept_add(&k, "datagram", (size_t)(i % 9)));
	assert_false(kept_add(&k, "datagram", 8));
	kept_send(&k, PORT_IKE, &a, &b, &ob);
	assert_int_equal(ob.n, KEPT_FRAGMENTS_MAX);
	const struct send *s = outbox_get(&ob, 8);
	assert_int_equal(s->len, 8);
	assert_memory_equal(s->data, "datagram", 8);
	assert_int_equal(s->remote.port, 500);
	kept_free(&k);
	assert_int_equal(k.n, 0);
	outbox_free(&ob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans),
		cmocka_unit_test(jitter),
		cmocka_unit_test(kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
