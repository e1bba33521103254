/*
 * The commands for running instances: status, rekey, down and reconnect from another terminal.
 */
#ifndef EDGE_REMOTE_H
#define EDGE_REMOTE_H

#include "cli/options.h"

/* Asks, prints the answer, returns the exit status. */
int remote_run(const struct options *o);

#endif
