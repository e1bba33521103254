#include "cli/patience.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

enum { FIRST_MS = 200, AGAIN_MS = 50 };

/* That it comes ends a write. */
static void on_timer(int signo)
{
	(void)signo;
}

/* Again and again, for the first may come when nothing waits yet. */
static void arm(long first_ms, long again_ms)
{
	static timer_t timer;
	static bool made;
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	struct sigaction sa = { .sa_handler = on_timer }; /* without SA_RESTART */
	const struct itimerspec when = { .it_value.tv_nsec = first_ms * 1000000,
		.it_interval.tv_nsec = again_ms * 1000000 };

	if (!made)
		made = sigaction(SIGRTMIN, &sa, NULL) == 0 &&
			timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0;
	if (made)
		timer_settime(timer, 0, &when, NULL);
}

void patience_begin(void)
{
	arm(FIRST_MS, AGAIN_MS);
}

void patience_end(void)
{
	arm(0, 0);
}

bool patience_needed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 0;
}
