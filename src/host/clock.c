#include "host/clock.h"

enum { SLEPT_MS = 500 }; /* less is the two clocks being read one after the other */

static int64_t read_ms(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint64_t clock_now(void)
{
	return (uint64_t)read_ms(CLOCK_BOOTTIME);
}

time_t clock_wall(void)
{
	return time(NULL);
}

void sleep_watch_start(struct sleep_watch *w)
{
	w->offset = read_ms(CLOCK_BOOTTIME) - read_ms(CLOCK_MONOTONIC);
}

bool sleep_watch_slept(struct sleep_watch *w)
{
	int64_t was = w->offset;

	sleep_watch_start(w);
	return w->offset - was > SLEPT_MS;
}
