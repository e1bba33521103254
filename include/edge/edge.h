/*
 * The edge: one session at work on this machine.
 *
 * Owns the sockets, the TUN, the data plane, the clock and the session; performs the session's
 * actions and feeds results back. Its owner (the program) pulls: edge_next blocks until there is
 * something for it - an event to show, a question, a descriptor of its own that is readable, a
 * signal, the end - and returns one at a time. Nothing calls back.
 */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include "base/outbox.h"
#include "ike/ike.h"
#include "session/profile.h"
#include "session/status.h"

enum { EDGE_SLOTS = 4 };

enum edge_kind {
	EDGE_EVENT,
	EDGE_ASK, /* answer with edge_answer */
	EDGE_DOWN, /* the session is over; close the edge */
	EDGE_WATCHED, /* the descriptor in a slot is readable */
	EDGE_SIGNAL, /* SIGINT, SIGTERM or SIGHUP came */
	EDGE_KEYS, /* of an SA, if edge_keylog asked for them; to be wiped */
	EDGE_ALARM, /* the time set with edge_alarm has come */
};

struct edge_event {
	enum edge_kind kind;
	union {
		struct event event;
		struct ask ask;
		struct down down;
		unsigned slot;
		int signal;
		struct keys keys;
	};
};

struct edge;

/* Opens the host under the profile's name, the sockets and the session; the three signals are
 * blocked from here on. The profile outlives the edge. */
struct edge *edge_open(const struct profile *p, enum level log_level, struct err *e) MUST_CHECK;
/* Undoes everything that is still set up. What it had to say goes to events. NULL is fine. */
void edge_close(struct edge *g, struct outbox *events);

void edge_start(struct edge *g);
/* Watches fd for reading under a slot of the caller's choice; -1: no longer. */
bool edge_watch(struct edge *g, unsigned slot, int fd, struct err *e) MUST_CHECK;
/* EDGE_ALARM once, in so many milliseconds; 0: not any more. */
void edge_alarm(struct edge *g, uint32_t ms);
void edge_next(struct edge *g, struct edge_event *out);

void edge_answer(struct edge *g, uint32_t id, const struct passphrase *text);
bool edge_command(struct edge *g, enum command c, struct err *e) MUST_CHECK;
void edge_stop(struct edge *g);
void edge_log_level(struct edge *g, enum level level);
/* EDGE_KEYS for every SA that there is, and those to come; or no more of them. */
void edge_keylog(struct edge *g, bool on);
/* With the counters of the data plane and what the host set up. */
void edge_status(struct edge *g, struct status *out);
/* The last failure in words, as when the session ends by it; false when there was none. */
bool edge_explain(const struct edge *g, struct down *out);

#endif
