/*
 * epoll with a timer on CLOCK_BOOTTIME, a wake-up after suspend, and the signals of a foreground
 * program as a descriptor.
 */
#ifndef EDGE_LOOP_H
#define EDGE_LOOP_H

#include "base/err.h"
#include "base/types.h"

enum { LOOP_READY_MAX = 32 };

struct loop_ready {
	uint32_t tag; /* as given to loop_watch */
	int fd;
	uint32_t events; /* EPOLLIN, ... */
};

struct loop {
	int epoll, timer, resume, signals;
	uint64_t armed; /* what the timer is set to, TIME_NEVER: nothing */
};

/* Tags from here on are the loop's own. */
enum { LOOP_TAG_TIMER = 0xffffff00, LOOP_TAG_RESUME, LOOP_TAG_SIGNAL };

bool loop_open(struct loop *l, struct err *e) MUST_CHECK;
void loop_close(struct loop *l);
/* Watches fd for events (or for others than before). */
bool loop_watch(struct loop *l, int fd, uint32_t events, uint32_t tag, struct err *e) MUST_CHECK;
void loop_unwatch(struct loop *l, int fd);
/* Blocks until something is ready or the deadline has come. What has the smaller tag comes first.
 * LOOP_TAG_TIMER and LOOP_TAG_RESUME tell only that it woke up. */
size_t loop_wait(struct loop *l, uint64_t deadline, struct loop_ready out[LOOP_READY_MAX]);
/* The same without blocking. */
size_t loop_look(struct loop *l, struct loop_ready out[LOOP_READY_MAX]);
int loop_signal(struct loop *l); /* the next signal that came, 0: none */

#endif
