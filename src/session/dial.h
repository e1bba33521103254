/*
 * L2TP as a part of a session: what it wants of the IKE engine, the line over the child SA, and what
 * that brought.
 */
#ifndef SESSION_DIAL_H
#define SESSION_DIAL_H

#include "state.h"

/* Transport mode for UDP between the source port to be tried and the gateway's. */
void dial_configure(struct session *s);
/* Before each attempt: the port that worked with this gateway, or the usual one. */
void dial_choose_port(struct session *s);
/* The child SA is there: calls the L2TP server. */
void dial_start(struct session *s, struct outbox *ob);
/* What the line came to, after each call into it. */
void dial_follow(struct session *s, struct outbox *ob);
/* The line is given up; the data plane carries nothing from here on. Nothing without a line. */
void dial_end(struct session *s, struct outbox *ob);
/* Another source port is worth a try, and set; false when both kinds were. */
bool dial_other_port(struct session *s, struct outbox *ob);

#endif
