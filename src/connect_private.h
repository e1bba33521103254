/*
 * The inside of a connection in the foreground: connect.c opens and closes it and follows its events,
 * connect_asked.c does what it is asked at its prompt and from other terminals.
 */
#ifndef CONNECT_PRIVATE_H
#define CONNECT_PRIVATE_H

#include "cli/cli.h"
#include "edge/control.h"
#include "edge/edge.h"
#include "keylog.h"
#include "session/session.h"
#include "tell.h"
#include "waiters.h"

enum { TRAFFIC_MS = 1000 }; /* between two samples of it */

struct connect {
	const struct options *o;
	struct profile *profile;
	struct edge *edge;
	struct teller tell;
	struct control *control;
	struct keylog keylog;
	time_t since; /* the tunnel is up */
	struct waiters waiters;
	size_t n_leaving;
	uint64_t leaving[CONTROL_CLIENTS]; /* who asked for `down`, and hears when all is undone */
	/* When memory is given back. The edge's one alarm is also traffic's and the waiters'. */
	uint64_t lean_at;
	bool traffic;
	struct status before; /* the last sample of `traffic` */
	struct status now; /* room for the present one: it is large */
};

/* How it is now; good until the next call. */
const struct status *connect_sample(struct connect *c);

/* A line of the prompt, and one of the control socket. */
void connect_typed(struct connect *c, const char *line);
void connect_asked(struct connect *c, const struct control_request *from);
void connect_leave(struct connect *c); /* as `down` */
void connect_say_keylog(struct connect *c); /* where keys are written to */

/* Rekeys and reconnects that somebody waits for: are they done? */
void connect_check_waiters(struct connect *c);
/* They did not come about, whether it is tried again or not. */
void connect_fail_waiters(struct connect *c, enum waits_for what, int status, const struct down *d);
/* Where it is no failure of the connection. */
struct down *connect_refusal(struct down *d, const char *what);

#endif
