/*
 * A tunnel that was lost is made anew from the gateway's ticket (RFC 5723) where there is one: nobody logs in again, and
 * the addresses that it had are asked for.
 *
 * A ticket is used by automatic reconnects alone. What was deleted, by either side, has none; a login that is over
 * (AUTH_LIFETIME) is made anew; and it lives in this process only.
 */
#ifndef SESSION_RESUME_H
#define SESSION_RESUME_H

#include "state.h"

/* The engine, which is dead, leaves what it has for the next one. */
void resume_keep(struct session *s);
/* A round of attempts begins. */
void resume_round(struct session *s);
/* Before an engine begins: it resumes, where this round does, and this is the gateway that the ticket is of. */
void resume_configure(struct session *s);
/* The engine that was to resume failed with e, and not because nobody answered. The ticket is void, but where only our
 * proof was not good, and libreswan may like the other kind. True: the same way is tried again, by a login or so. */
bool resume_refused(struct session *s, const struct err *e, struct outbox *ob);
/* The tunnel is up again, or there shall be none. */
void resume_forget(struct session *s);

#endif
