#include "lib/test.h"

#include <stdlib.h>

#include "../../src/esp/replay.h"
#include "esp/esp.h"

/* The property: the window lets a number pass exactly when it never took it and it lies right of
 * top - window. The oracle remembers every number taken in a table that knows no ring, no words and
 * no high halves. */

enum { ORACLE_SPAN = 1 << 16 };

struct oracle {
	uint64_t top;
	uint64_t taken[ORACLE_SPAN]; /* the last number taken with this remainder */
};

static bool oracle_passes(const struct oracle *o, uint64_t seq, uint32_t window)
{
	if (seq == 0 || (seq <= o->top && o->top - seq >= window))
		return false;
	return o->taken[seq % ORACLE_SPAN] != seq;
}

static void oracle_take(struct oracle *o, uint64_t seq)
{
	o->taken[seq % ORACLE_SPAN] = seq;
	if (seq > o->top)
		o->top = seq;
}

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Numbers as a network brings them: mostly near the top, often at an edge, seldom far ahead. */
static uint64_t pick(uint64_t *random, uint64_t top, uint32_t window)
{
	uint64_t r = next_random(random), back, pick = r >> 32;

	switch (r % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		return top + 1;
	case 5:
	case 6:
		return top + 1 + pick % 8;
	case 7:
		return top + 1 + pick % (2 * window);
	case 8:
		return top + 1 + pick % 20000;
	case 9:
		return r % 4096 == 9 ? top + 1 + pick % ((uint64_t)1 << 31) : top;
	case 10:
		back = window - 2 + pick % 4;
		break; /* around the left edge */
	case 11:
		back = pick % (4 * (uint64_t)window);
		break;
	default:
		back = pick % window;
		break;
	}
	return back < top ? top - back : 1;
}

static void against_oracle(uint32_t window, bool esn, uint64_t from, size_t rounds, uint64_t random)
{
	struct oracle *o = calloc(1, sizeof(*o));
	struct replay r;
	uint64_t found;

	assert_non_null(o);
	replay_init(&r, window, esn);
	if (from > 0) { /* as if the SA had come that far */
		r.top = from - 1;
		replay_take(&r, from);
		oracle_take(o, from);
	}
	for (size_t i = 0; i < rounds; i++) {
		uint64_t seq = pick(&random, o->top, window);
		if (!esn && seq > UINT32_MAX)
			continue;
		/* Left of the window an ESN receiver takes the same low half for one a subspace
		 * ahead: it passes the look and fails the check value. That is the RFC's rule. */
		bool ahead = esn && seq <= o->top && o->top - seq >= window;
		bool passes = replay_look(&r, (uint32_t)seq, &found);
		if (ahead) {
			assert_true(passes && found == seq + ((uint64_t)1 << 32));
			continue;
		}
		if (passes != oracle_passes(o, seq, window))
			fail_msg("window %u, top %#llx, number %#llx: %d", window,
				(unsigned long long)o->top, (unsigned long long)seq, passes);
		if (!passes)
			continue;
		assert_true(found == seq);
		if (next_random(&random) % 8 == 0)
			continue; /* it was forged: nothing must have changed */
		replay_take(&r, seq);
		oracle_take(o, seq);
	}
	assert_true(r.top == o->top);
	free(o);
}

static void property(void **state)
{
	static const uint32_t windows[] = { 64, 65, 127, 128, 1000, 1024, 2048, 4095, 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		uint32_t w = windows[i];
		against_oracle(w, false, 0, 60000, 7 * i);
		against_oracle(w, true, 0, 60000, 7 * i + 1);
		/* Across the boundary of two subspaces, again and again. */
		for (unsigned k = 0; k < 12; k++)
			against_oracle(w, true, ((uint64_t)k << 32) + UINT32_MAX - 300 * k, 5000,
				7 * i + 2 + k);
		against_oracle(w, false, UINT32_MAX - 5000, 20000, 7 * i + 3);
	}
}

static void zero_is_no_number(void **state)
{
	struct replay r;
	uint64_t seq;

	(void)state;
	replay_init(&r, 64, false);
	assert_false(replay_look(&r, 0, &seq));
	replay_init(&r, 64, true);
	assert_false(replay_look(&r, 0, &seq));
	/* Case B with no subspace before: not a number of the far future either. */
	assert_false(replay_look(&r, UINT32_MAX, &seq));
	assert_false(replay_look(&r, UINT32_MAX - 62, &seq));
	assert_true(replay_look(&r, UINT32_MAX - 63, &seq) && seq == UINT32_MAX - 63);
}

static void esn_boundary(void **state)
{
	const uint64_t boundary = (uint64_t)1 << 32;
	struct replay r;
	uint64_t seq;

	(void)state;
	replay_init(&r, 64, true);
	replay_take(&r, boundary - 1);
	assert_true(replay_look(&r, 0, &seq) && seq == boundary); /* zero on the wire, not a zero */
	replay_take(&r, boundary);
	assert_false(replay_look(&r, 0, &seq));
	assert_false(replay_look(&r, UINT32_MAX, &seq));
	/* From the other side: late ones of the subspace before. */
	assert_true(replay_look(&r, UINT32_MAX - 1, &seq) && seq == boundary - 2);
	assert_true(replay_look(&r, UINT32_MAX - 62, &seq) && seq == boundary - 63);
	/* One further left is out of the window, so it means the end of this subspace. */
	assert_true(replay_look(&r, UINT32_MAX - 63, &seq) && seq == boundary + UINT32_MAX - 63);

	/* Loss of 2^31 - 1 packets in a row (case A), and as many as the rule can stand. */
	replay_init(&r, 1024, true);
	replay_take(&r, 5000);
	assert_true(replay_look(&r, 5000u + INT32_MAX, &seq) && seq == 5000u + (uint64_t)INT32_MAX);
	assert_true(replay_look(&r, 5000 - 1024, &seq) && seq == boundary + 5000 - 1024);
}

static void last_of_all(void **state)
{
	struct replay r;
	uint64_t seq;

	(void)state;
	replay_init(&r, 64, true);
	replay_take(&r, UINT64_MAX);
	assert_false(replay_look(&r, 0, &seq)); /* there is nothing ahead */
	assert_false(replay_look(&r, UINT32_MAX, &seq));
	assert_true(replay_look(&r, UINT32_MAX - 1, &seq) && seq == UINT64_MAX - 1);
	replay_init(&r, 64, false);
	replay_take(&r, UINT32_MAX);
	assert_false(replay_look(&r, 1, &seq));
	assert_false(replay_look(&r, UINT32_MAX - 64, &seq));
	assert_true(replay_look(&r, UINT32_MAX - 63, &seq));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(property),
		cmocka_unit_test(zero_is_no_number),
		cmocka_unit_test(esn_boundary),
		cmocka_unit_test(last_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
