#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Every signal that somebody can send and whose default is to end us: routes, DNS and what a kill
 * switch blocks would stay behind. The two that a write causes are its error instead. */
static int open_signals(void)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
		SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGXCPU };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(ending); i++)
		sigaddset(&set, ending[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
		signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return -1;
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* A timer far away on the calendar that is cancelled when the calendar jumps, which it does when
 * the machine wakes up: the loop wakes with it. */
static bool arm_resume(int fd)
{
	struct itimerspec at = { .it_value.tv_sec = (time_t)1 << 33 };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) == 0;
}

bool loop_open(struct loop *l, struct err *e)
{
	*l = (struct loop){ .armed = TIME_NEVER };
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	l->resume = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	l->signals = open_signals();
	if (l->epoll < 0 || l->timer < 0 || l->resume < 0 || l->signals < 0 ||
		!arm_resume(l->resume)) {
		err_set(e, ERR_LOCAL, "setting up the event loop: %s", strerror(errno));
		loop_close(l);
		return false;
	}
	return loop_watch(l, l->timer, EPOLLIN, LOOP_TAG_TIMER, e) &&
		loop_watch(l, l->resume, EPOLLIN, LOOP_TAG_RESUME, e) &&
		loop_watch(l, l->signals, EPOLLIN, LOOP_TAG_SIGNAL, e);
}

void loop_close(struct loop *l)
{
	int fds[] = { l->epoll, l->timer, l->resume, l->signals };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*l = (struct loop){ -1, -1, -1, -1, TIME_NEVER };
}

bool loop_watch(struct loop *l, int fd, uint32_t events, uint32_t tag, struct err *e)
{
	struct epoll_event ev = { .events = events,
		.data.u64 = (uint64_t)tag << 32 | (uint32_t)fd };

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) == 0 ||
		(errno == EEXIST && epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &ev) == 0))
		return true;
	return err_set(e, ERR_LOCAL, "watching a descriptor: %s", strerror(errno));
}

void loop_unwatch(struct loop *l, int fd)
{
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void set_timer(struct loop *l, uint64_t deadline)
{
	struct itimerspec at = { 0 };

	if (deadline == l->armed)
		return;
	if (deadline != TIME_NEVER) {
		at.it_value.tv_sec = (time_t)(deadline / 1000);
		/* All zero would switch it off. */
		at.it_value.tv_nsec = (long)(deadline % 1000) * 1000000 + 1;
	}
	timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &at, NULL);
	l->armed = deadline;
}

/* Into the n that are there already. */
static void put(struct loop_ready *out, size_t n, const struct loop_ready *r)
{
	for (; n > 0 && out[n - 1].tag > r->tag; n--)
		out[n] = out[n - 1];
	out[n] = *r;
}

/* ms: how long to wait, -1: until something is ready. */
static size_t take(struct loop *l, int ms, struct loop_ready out[LOOP_READY_MAX])
{
	struct epoll_event events[LOOP_READY_MAX];
	uint64_t ticks;

	int n = epoll_wait(l->epoll, events, LOOP_READY_MAX, ms);
	for (int i = 0; i < n; i++) {
		struct loop_ready r = { .tag = (uint32_t)(events[i].data.u64 >> 32),
			.fd = (int)(uint32_t)events[i].data.u64,
			.events = events[i].events };
		if (r.tag == LOOP_TAG_TIMER && read(l->timer, &ticks, sizeof(ticks)) > 0)
			l->armed = TIME_NEVER;
		else if (r.tag == LOOP_TAG_RESUME && read(l->resume, &ticks, sizeof(ticks)) < 0)
			arm_resume(l->resume);
		put(out, (size_t)i, &r);
	}
	return n > 0 ? (size_t)n : 0;
}

size_t loop_wait(struct loop *l, uint64_t deadline, struct loop_ready out[LOOP_READY_MAX])
{
	set_timer(l, deadline);
	return take(l, -1, out);
}

size_t loop_look(struct loop *l, struct loop_ready out[LOOP_READY_MAX])
{
	return take(l, 0, out);
}

int loop_signal(struct loop *l)
{
	struct signalfd_siginfo info;

	return read(l->signals, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}
