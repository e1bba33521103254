/*
 * A session of type l2tp with all that it calls: a gateway of IKEv1, and behind it the servers of L2TP and PPP.
 */
#ifndef TESTS_PAIR_L2TP_WORLD_H
#define TESTS_PAIR_L2TP_WORLD_H

#include "../../src/session/state.h"
#include "v1_pair.h"

struct world {
	struct profile *profile;
	struct behind behind;
	struct v1_pair pair; /* last, for it ends with room for routes */
};

/* A value of the profile. */
void set(struct world *w, const char *section, const char *key, const char *value);
/* Of the profile only what has no default. */
struct world *world_default(uint32_t seed);
struct world *world_new(uint32_t seed); /* with fast algorithms */
void world_start(struct world *w); /* until it is up or down */
void world_dials(struct world *w); /* until L2TP's first message is on its way */
void world_free(struct world *w);
void check_up(struct world *w);
void check_down(struct world *w, enum down_status status, const char *words);

#endif
