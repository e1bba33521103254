/*
 * Those who asked for new keys or for a reconnect, and wait for the end of it.
 */
#ifndef WAITERS_H
#define WAITERS_H

#include "edge/control.h"
#include "session/status.h"

enum { WAITERS_MAX = CONTROL_CLIENTS + 1 };
enum waits_for { WAITS_FOR_KEYS, WAITS_FOR_UP };

struct waiter {
	uint64_t client; /* of the control socket; 0: the prompt */
	const char *command;
	enum waits_for what;
	uint32_t ike, child; /* keys: until so many rekeys have been counted */
	uint64_t give_up;
};

struct waiters {
	size_t n;
	struct waiter v[WAITERS_MAX];
};

bool waiters_add(struct waiters *w, const struct waiter *one); /* false: there is no room */
/* One that waits no longer is taken out: it was *done, or its time is over. */
bool waiters_next(
	struct waiters *w, const struct status *st, uint64_t now, struct waiter *out, bool *done);
/* One that waits for this is taken out, for it failed. */
bool waiters_take(struct waiters *w, enum waits_for what, struct waiter *out);

#endif
