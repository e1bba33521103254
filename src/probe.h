/*
 * `vpnc-ike probe HOST|PROFILE [--write NAME]`: asks the gateway, tells what was found, and saves a profile.
 */
#ifndef PROBE_H
#define PROBE_H

#include "cli/options.h"

/* Returns the exit status. */
int probe_run(const struct options *o);

#endif
