/*
 * Another connection of the same identity, at a gateway that keeps one of each: they take each other's place,
 * for ever.
 *
 * What tells: the gateway falls silent, for the other's INITIAL_CONTACT (RFC 7296 section 2.4, RFC 2407 section
 * 4.6.3.3) has it forget us without a word, or it deletes the connection soon after it is up; it takes us again at
 * once; and that repeats itself before long.
 */
#ifndef SESSION_TWIN_H
#define SESSION_TWIN_H

#include "state.h"

/* The tunnel that was up is lost: how its engine ended is in s->view, and the next attempt is not counted yet. */
void twin_lost(struct session *s);
/* It is up. Warns; and whoever is known not to be alone does not say any more that it is. */
void twin_up(struct session *s, struct outbox *ob);

#endif
