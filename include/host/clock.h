/*
 * The clocks: milliseconds that go on during suspend, the calendar, and whether the machine slept.
 */
#ifndef HOST_CLOCK_H
#define HOST_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

uint64_t clock_now(void); /* CLOCK_BOOTTIME, ms */
time_t clock_wall(void);

struct sleep_watch {
	int64_t offset; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC when last looked, ms */
};
void sleep_watch_start(struct sleep_watch *w);
/* True once after each suspend. */
bool sleep_watch_slept(struct sleep_watch *w);

#endif
