/*
 * What a probe found: as a person reads it, and as a profile that goes by it.
 * Pure: everything is made from the arguments. Strings are malloc'ed, NULL when memory ran out.
 */
#ifndef CLI_FOUND_H
#define CLI_FOUND_H

#include "ike/probe.h"
#include "session/profile.h"

struct found_whom {
	const char *host; /* as it was called */
	uint16_t port;
	struct addr addr; /* that answered, or the last one asked */
};

/* p: the profile that was probed, whose own proposals are looked at as well; NULL: none was. */
char *found_text(
	const struct probe_found *f, const struct found_whom *whom, const struct profile *p);
/* A profile for this gateway, with what the person must add as comments. NULL as well when nothing works. */
char *found_profile(const struct probe_found *f, const struct found_whom *whom);

#endif
