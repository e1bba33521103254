/*
 * A word for who waits: a stage of connecting that nothing ends for a while. Once in a stage; while a question
 * is open it is not the gateway that is waited for.
 */
#ifndef SESSION_SILENCE_H
#define SESSION_SILENCE_H

#include "state.h"

void silence_begin(struct session *s); /* an attempt begins */
void silence_follow(struct session *s); /* after every step: is this still the same stage? */
void silence_tick(struct session *s, struct outbox *ob);
uint64_t silence_deadline(const struct session *s);

#endif
