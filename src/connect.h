/*
 * `connect`: the session, the person at the prompt and the control socket brought together.
 */
#ifndef CONNECT_H
#define CONNECT_H

#include "cli/options.h"

/* Returns the exit status. */
int connect_run(const struct options *o);

#endif
