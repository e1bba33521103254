/*
 * Attempts of a session to connect: where the engine is sent to, what is tried next when that failed, and the end.
 */
#ifndef SESSION_ATTEMPT_H
#define SESSION_ATTEMPT_H

#include "state.h"

/* What must be known before the first message is asked for; then the first attempt begins. */
void attempt_prepare(struct session *s, struct outbox *ob);
/* From the name of the first gateway on. */
void attempt_start(struct session *s, struct outbox *ob);
/* The gateway's name was not found; the name servers may be gone with the network they were in. */
void attempt_unnamed(struct session *s, const struct err *e, struct outbox *ob);
/* One way to the gateway: s->paths[s->path]. */
void attempt_begin(struct session *s, struct outbox *ob);
/* The gateway hears that it is over, the L2TP server too, as far as one message each can tell, and
 * nothing is waited for. */
void attempt_hang_up(struct session *s, struct outbox *ob);
/* The engine is left for another one, that goes on from what it has; else as above. */
void attempt_leave(struct session *s, struct outbox *ob);
/* It ended with e, in stage s->view.stage: another way, another time, or the end. */
void attempt_failed(struct session *s, const struct err *e, struct outbox *ob);
/* Nothing has been asked for yet by the engine that begins now. */
void attempt_fresh(struct session *s);
/* What the end of a login, in stage v->stage, says of the password: refused, so that another is asked for. */
void attempt_login_refused(struct session *s, const struct ike_view *v, const struct err *e);
/* Nothing is known against it: it only came when the gateway had gone. It is known for the next call. */
bool attempt_came_too_late(
	struct session *s, const struct ike_view *v, const struct err *e, struct outbox *ob);
/* The one that was typed is good, or may be: it is not asked for again. */
void attempt_keep_password(struct session *s);
/* The password, that was being typed when the gateway gave up; NULL: there will be none. */
void attempt_answered(struct session *s, const struct passphrase *text, struct outbox *ob);
/* Somebody wants the tunnel that is up made anew, at once: nothing has failed. */
void attempt_as_asked(struct session *s, struct outbox *ob);

/* The end, with everything as it was before: for the reason in d, or because of e. */
void session_end(struct session *s, const struct down *d, struct outbox *ob);
void session_fail(struct session *s, enum ike_stage stage, const struct err *e, struct outbox *ob);
/* As it was, but for a strict kill switch where this is not the end that was asked for. */
void session_restore(struct session *s, bool asked, struct outbox *ob);

#endif
