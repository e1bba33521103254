/*
 * A machine that sleeps, for one process: with LD_PRELOAD the clocks that go on during sleep are ahead
 * by the seconds in the file $SLEEPER, and absolute timers on them as well. A real one would sleep with
 * everything else on it, and not everywhere wake up again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>

static time_t ahead(void)
{
	const char *path = getenv("SLEEPER");
	FILE *f = path ? fopen(path, "re") : NULL;
	long seconds = 0;

	if (f && fscanf(f, "%ld", &seconds) != 1)
		seconds = 0;
	if (f)
		fclose(f);
	return seconds;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int r = real(id, ts);
	if (r == 0 && (id == CLOCK_BOOTTIME || id == CLOCK_REALTIME))
		ts->tv_sec += ahead();
	return r;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *old)
{
	static int (*real)(int, int, const struct itimerspec *, struct itimerspec *);
	struct itimerspec moved = *at;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "timerfd_settime");
	if (flags & TFD_TIMER_ABSTIME && moved.it_value.tv_sec > ahead())
		moved.it_value.tv_sec -= ahead();
	else if (flags & TFD_TIMER_ABSTIME && moved.it_value.tv_sec)
		moved.it_value = (struct timespec){ .tv_nsec = 1 };
	return real(fd, flags, &moved, old);
}
