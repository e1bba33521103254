/*
 * `show` and `list`: a profile on stdout.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/load.h"

/* The effective settings, as a profile would say them. */
void show_profile(const struct profile *p);
/* Name, type, gateway and file of one profile, good or bad; false when memory ran out. */
bool show_list_line(const struct load_request *rq, const char *name) MUST_CHECK;

#endif
