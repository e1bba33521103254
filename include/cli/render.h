/*
 * What the person, or a script, gets to see: status, events and failures as text and as JSON.
 * Pure: everything is made from the arguments. Strings are malloc'ed, NULL when memory ran out.
 */
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include <time.h>

#include "session/status.h"

/* At a glance, 80 columns, ends with a newline. */
char *render_status_text(const struct status *st, bool color);
/* One object, one line, without a newline; since is when the tunnel came up, if it is up. */
char *render_status_json(const struct status *st, time_t since);
/* {"event":"rekeyed","profile":...,"time":...,"level":...,"text":...} */
char *render_event_json(const struct event *ev, const char *profile, time_t wall);
/* What a command typed at `connect --json` came to: {"event":"answer","command":"routes","status":0,
 * "text":...}, or "answer":{...} where the text is an object. */
struct answer {
	const char *command; /* "": there is no such command */
	int status; /* 0: it was done */
	const char *text;
	bool object;
};
char *render_answer_json(const struct answer *a, const char *profile, time_t wall);
/* {"event":"down","status":6,"what":...,"said":...,"try":...} */
char *render_down_json(const struct down *d, const char *profile, time_t wall);
/* The three lines: what failed, what the gateway said, what to try. */
char *render_failure(const struct down *d, bool color);
/* `routes`, `dns` at the prompt. */
char *render_routes(const struct status *st);
char *render_dns(const struct status *st);
/* Why the tunnel's name servers are not in use; NULL: they are, or there are none. */
const char *render_dns_unused(const struct status *st);
/* One line of `traffic`: rates from two samples of a status, seconds apart. */
char *render_traffic(
	const struct status *before, const struct status *now, double seconds, unsigned columns);
/* "up", "reconnecting", ... as in status --json. */
const char *render_state(enum conn_state s);

#endif
