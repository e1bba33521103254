/*
 * From a failure to what a person is told: the exit status, what the gateway said by its standard
 * name, and what to try. A table of stage x kind x notify; engines only state facts.
 */
#ifndef SESSION_HINTS_H
#define SESSION_HINTS_H

#include "ike/ike.h"
#include "session/profile.h"

void hint_down(
	struct down *out, const struct profile *p, enum ike_stage stage, const struct err *e);

#endif
