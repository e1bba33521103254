/*
 * The commands that need no session: list, show, check, import, doctor, clean and help. They print and return an exit status.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "cli/options.h"
#include "session/profile.h"

/* Usage text to stdout (or stderr), for --help and where no command is given. */
void cli_usage(FILE *to);
/* A failure before any gateway was asked: its three lines on stderr. Returns status. */
int cli_complain(int status, const char *advice, const char *fmt, ...) PRINTF(3, 4);
/* The same of what keeps a command from being begun; of `connect --json` also the event. */
int cli_refuse(const struct options *o, int status, const char *advice, const struct err *e);
/* Every command but connect, status, rekey, down, reconnect and explain. */
int cli_run(const struct options *o);

/* import: as cli_run, of which it is a part. */
int cli_import(const struct options *o);

/* How a running instance is asked: control_ask and control_names of edge/control, handed in because
 * neither of the two folders knows the other. */
struct cli_asker {
	bool (*ask)(const char *dir, const char *name, const char *line, int timeout_ms,
		int *status, char **text, struct err *e);
	size_t (*names)(const char *dir, char names[][PROFILE_NAME_MAX], size_t max);
};
/* status, rekey, down and reconnect from another terminal: asks the instance, prints its answer. */
int cli_remote(const struct options *o, const struct cli_asker *by);
/* explain: as the running instance of args[0] answers, or the only one where no name is given, of several
 * it tells the names; else the failure that was kept last. */
int cli_remote_explain(const struct options *o, const struct cli_asker *by);
#define NOTHING_FAILED "nothing has failed\n"

/* Loads args[0] of connect with all it refers to, asking for a pass phrase where one is needed;
 * prints every problem on stderr. DOWN_ASKED and *out, or DOWN_PROFILE (or what else it was). */
int cli_load(const struct options *o, struct profile **out);
/* The last line of `connect --json` on stdout, also where it failed before there was a connection. */
void cli_event_down(const char *profile, const struct down *d);
/* Prints the three lines of a failure on stderr (with --json also the event), and keeps them for
 * `explain` in the invoking user's state folder. */
void cli_failed(const struct options *o, const char *profile, const struct down *d);
/* The failure kept last, of this profile or (NULL) of any, as text; malloc'ed, NULL: there is none. */
char *cli_explain(const char *profile);

#endif
