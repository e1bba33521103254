/*
 * What is ready comes in the order of its tags, and the deadline ends the wait.
 */
#include "../../src/edge/loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "host/clock.h"
#include "lib/test.h"

enum { PIPES = 4 };

static void smaller_tags_first(void **state)
{
	static const uint32_t tags[PIPES] = { 7, 1, 9, 3 }, sorted[PIPES] = { 1, 3, 7, 9 };
	struct loop_ready ready[LOOP_READY_MAX];
	int fds[PIPES][2];
	struct loop l;
	struct err e;

	(void)state;
	assert_ok(&e, loop_open(&l, &e));
	for (size_t i = 0; i < PIPES; i++) {
		assert_int_equal(pipe(fds[i]), 0);
		assert_ok(&e, loop_watch(&l, fds[i][0], EPOLLIN, tags[i], &e));
		assert_int_equal(write(fds[i][1], "x", 1), 1);
	}
	assert_int_equal(loop_look(&l, ready), PIPES);
	for (size_t i = 0; i < PIPES; i++)
		assert_int_equal(ready[i].tag, sorted[i]);
	assert_int_equal(ready[0].fd, fds[1][0]);
	assert_int_equal(ready[0].events, EPOLLIN);
	for (size_t i = 0; i < PIPES; i++) {
		loop_unwatch(&l, fds[i][0]);
		close(fds[i][0]);
		close(fds[i][1]);
	}
	loop_close(&l);
}

static void deadline_ends_the_wait(void **state)
{
	struct loop_ready ready[LOOP_READY_MAX];
	struct loop l;
	struct err e;

	(void)state;
	assert_ok(&e, loop_open(&l, &e));
	uint64_t deadline = clock_now() + 20;
	assert_int_equal(loop_wait(&l, deadline, ready), 1);
	assert_int_equal(ready[0].tag, LOOP_TAG_TIMER);
	assert_true(clock_now() >= deadline);
	assert_int_equal(loop_look(&l, ready), 0);
	loop_close(&l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(smaller_tags_first),
		cmocka_unit_test(deadline_ends_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
