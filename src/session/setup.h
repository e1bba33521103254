/*
 * The machine, set up for what an engine has brought: ACT_NETCONF, and what is told when that is done.
 */
#ifndef SESSION_SETUP_H
#define SESSION_SETUP_H

#include "state.h"

/* For s->engine, or the attempt has failed. */
void setup_machine(struct session *s, struct outbox *ob);
/* The same for a tunnel that is up: there is nothing to tell of it. */
void setup_again(struct session *s, struct outbox *ob);
/* It is done: the tunnel carries traffic. */
void setup_done(struct session *s, struct outbox *ob);
/* What it was done for has changed: packets have another size, or a further child SA has no route yet. */
bool setup_stale(const struct session *s);

#endif
