/*
 * A whole session, of a profile, against the scripted gateway: begin fills in what there is to choose.
 */
#ifndef TESTS_PAIR_WHOLE_H
#define TESTS_PAIR_WHOLE_H

#include "pair.h"
#include "profiles.h"

/* A login by EAP-MSCHAPv2, for whose user and password people are asked. */
struct profile *profile_eap(void);
void whole_begin(struct pair *p, const struct profile *profile, uint32_t seed);
void whole_begin_eap(struct pair *p, const struct profile *profile); /* with a gateway for that */
void whole_up_by_eap(struct pair *p, const struct profile *profile);
void whole_finish(struct pair *p, struct profile *profile);

#endif
