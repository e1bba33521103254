/* Whether the machine slept: CLOCK_BOOTTIME went on and CLOCK_MONOTONIC did not. */
#include "host/clock.h"
#include "lib/test.h"

static void a_sleep_is_told_once(void **state)
{
	struct sleep_watch w;

	(void)state;
	sleep_watch_start(&w);
	assert_false(sleep_watch_slept(&w));
	w.offset -= 60000; /* a minute that only one of the clocks saw */
	assert_true(sleep_watch_slept(&w));
	assert_false(sleep_watch_slept(&w));
}

/* The two clocks are not read at the same moment. */
static void a_moment_is_no_sleep(void **state)
{
	struct sleep_watch w;

	(void)state;
	sleep_watch_start(&w);
	w.offset -= 100;
	assert_false(sleep_watch_slept(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sleep_is_told_once),
		cmocka_unit_test(a_moment_is_no_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
