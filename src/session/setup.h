/*
 * The machine, set up for what an engine has brought: ACT_NETCONF, and what is told when that is done.
 */
#ifndef SESSION_SETUP_H
#define SESSION_SETUP_H

#include "state.h"

/* For what x has brought, which s->view tells from then on. False: it cannot be had here, and nothing has changed. */
bool setup_try(struct session *s, struct engine *x, struct outbox *ob, struct err *e) MUST_CHECK;
/* For s->engine, or the attempt has failed. */
void setup_machine(struct session *s, struct outbox *ob);
/* The same for a tunnel that is up: there is nothing to tell of it. */
void setup_again(struct session *s, struct outbox *ob);
/* It is done: the tunnel carries traffic. */
void setup_done(struct session *s, struct outbox *ob);
/* "10.1.2.3, 2001:db8::3"; "" where there is none. */
enum { ADDR_LIST_TEXT_MAX = NETCONF_ADDRS * ADDR_TEXT_MAX };
const char *setup_addresses(char out[ADDR_LIST_TEXT_MAX], const struct netconf *c);
/* What it was done for has changed: packets have another size, or a further child SA has no route yet. */
bool setup_stale(const struct session *s);

#endif
