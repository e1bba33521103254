/*
 * A session with a gateway that gives tickets (RFC 5723), and loses it.
 */
#ifndef TESTS_PAIR_RESUMING_H
#define TESTS_PAIR_RESUMING_H

#include "whole.h"

struct resuming {
	struct profile *profile;
	struct pair p;
};

/* By EAP-MSCHAPv2, for whose user and password people are asked, or by the shared key. */
struct resuming *resuming_new(bool eap);
void resuming_free(struct resuming *w);
void resuming_up(struct resuming *w);
/* Nothing comes through for so long that the tunnel is lost, and then it does again. The gateway remembers its
 * tickets, or not. */
void resuming_lose(struct resuming *w, bool remembers);
/* It is up, by a ticket, for the so many'th time, and both ends agree. */
void resuming_check(struct resuming *w, unsigned resumes);

#endif
