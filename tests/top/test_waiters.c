#include "../../src/waiters.h"

#include "lib/test.h"

static void add(struct waiters *w, uint64_t client, enum waits_for what, uint32_t child)
{
	const struct waiter one = {
		.client = client, .what = what, .child = child, .give_up = 1000
	};

	assert_true(waiters_add(w, &one));
}

static void each_in_its_time(void **state)
{
	struct waiters w = { 0 };
	struct status st = { .state = STATE_REKEYING, .rekeys_child = 1 };
	struct waiter out;
	bool done;

	(void)state;
	add(&w, 1, WAITS_FOR_KEYS, 2);
	add(&w, 2, WAITS_FOR_KEYS, 1);
	add(&w, 3, WAITS_FOR_UP, 0);
	assert_true(waiters_next(&w, &st, 10, &out, &done));
	assert_int_equal(out.client, 2);
	assert_true(done);
	assert_true(waiters_next(&w, &st, 10, &out, &done));
	assert_int_equal(out.client, 3);
	assert_true(done);
	assert_false(waiters_next(&w, &st, 999, &out, &done));
	assert_true(waiters_next(&w, &st, 1000, &out, &done));
	assert_int_equal(out.client, 1);
	assert_false(done);
	assert_int_equal(w.n, 0);
}

static void those_it_failed_for(void **state)
{
	struct waiters w = { 0 };
	struct waiter out;

	(void)state;
	add(&w, 1, WAITS_FOR_UP, 0);
	add(&w, 2, WAITS_FOR_KEYS, 1);
	add(&w, 3, WAITS_FOR_UP, 0);
	assert_true(waiters_take(&w, WAITS_FOR_UP, &out));
	assert_true(waiters_take(&w, WAITS_FOR_UP, &out));
	assert_false(waiters_take(&w, WAITS_FOR_UP, &out));
	assert_int_equal(w.n, 1);
	assert_int_equal(w.v[0].client, 2);
}

static void no_more_than_there_is_room_for(void **state)
{
	struct waiters w = { 0 };
	const struct waiter one = { .client = 1 };

	(void)state;
	for (size_t i = 0; i < WAITERS_MAX; i++)
		add(&w, i, WAITS_FOR_UP, 0);
	assert_false(waiters_add(&w, &one));
	assert_int_equal(w.n, WAITERS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_in_its_time),
		cmocka_unit_test(those_it_failed_for),
		cmocka_unit_test(no_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
