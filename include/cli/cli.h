/*
 * The commands that need no session: list, show, check, doctor, clean, help, and the answers of
 * those that are not supported yet. They print and return an exit status.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "cli/options.h"
#include "session/profile.h"

/* Usage text to stdout (or stderr), for --help and usage errors. */
void cli_usage(FILE *to);
/* Every command but connect, status, rekey, down and reconnect. */
int cli_run(const struct options *o);
/* Loads args[0] of connect with all it refers to, asking for a pass phrase where one is needed;
 * prints every problem on stderr. DOWN_ASKED and *out, or DOWN_PROFILE (or what else it was). */
int cli_load(const struct options *o, struct profile **out);
/* The last failure is kept for `explain` in the invoking user's state folder; without secrets. */
void cli_remember(const char *profile, const struct down *d);

#endif
