/*
 * Others are asked whether the gateway's certificate is revoked (remote.revocation = soft or hard): once an engine
 * saw the gateway prove itself, and ended, for it is no engine's business to wait for anybody but the gateway. When
 * they have answered, or their time is over, the gateway is called again by an engine that knows what they said.
 */
#ifndef SESSION_INQUIRE_H
#define SESSION_INQUIRE_H

#include "state.h"

/* The engine that ended left something to ask: it is asked, and the attempt goes on later. */
bool inquire_begin(struct session *s, struct outbox *ob);
void inquire_answer(struct session *s, const struct os_input *in, struct outbox *ob);
void inquire_tick(struct session *s, struct outbox *ob);
/* Nothing is to be asked any more. */
void inquire_end(struct session *s);

#endif
