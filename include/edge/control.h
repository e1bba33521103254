/*
 * The control socket: how another terminal talks to a running instance.
 *
 * /run/vpnc-ike/NAME.sock, SOCK_STREAM, mode 0600, for root and the owner only (SO_PEERCRED is
 * checked as well). One request line ("status --json", "rekey child", "down") and one answer:
 * "STATUS LENGTH\n" and LENGTH octets of text, STATUS being the exit status for the asker. The
 * server has one descriptor for the loop, never blocks, and holds a bounded number of clients: a
 * new one pushes out the one that has been idle longest.
 */
#ifndef EDGE_CONTROL_H
#define EDGE_CONTROL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum {
	CONTROL_LINE_MAX = 1024,
	CONTROL_CLIENTS = 8,
	CONTROL_REPLY_MAX = 1 << 20,
	CONTROL_NAME_MAX = 64
};

struct control;

/* dir: HOST_RUN_DIR (another one in tests); owner: who may ask besides root. A socket that nobody
 * listens on is replaced. LOCAL on failure. */
struct control *control_open(
	const char *dir, const char *name, uid_t owner, struct err *e) MUST_CHECK;
/* Nobody finds it any more (the socket is removed); those who wait can still get an answer. */
void control_leave(struct control *c);
void control_close(struct control *c); /* answers still unsent are dropped; the socket is removed */
int control_fd(const struct control *c);

struct control_request {
	uint64_t client; /* for control_reply; never used twice */
	char line[CONTROL_LINE_MAX];
};
/* When readable: call until false. */
bool control_next(struct control *c, struct control_request *rq);
/* At once or later, once for each request. A client that has gone is no error. */
void control_reply(struct control *c, uint64_t client, int status, const char *text);

/* The asker's side, blocking, at most timeout_ms. *text is malloc'ed. SILENT: no instance of that
 * name is running, or it does not answer. LOCAL: not allowed. */
bool control_ask(const char *dir, const char *name, const char *line, int timeout_ms, int *status,
	char **text, struct err *e) MUST_CHECK;
/* Names of the sockets that are there, sorted; returns how many, of which max were written. */
size_t control_names(const char *dir, char names[][CONTROL_NAME_MAX], size_t max);

#endif
