/*
 * L2TP as a part of a session: what it wants of the IKE engine, the line over the child SA, and what
 * that brought.
 */
#ifndef SESSION_DIAL_H
#define SESSION_DIAL_H

#include "state.h"

/* Transport mode for UDP between the source port to be tried and the gateway's. */
void dial_configure(struct session *s);
/* Another round of attempts: from the port that is usual, or from a fresh one after dial_lost. */
void dial_new_round(struct session *s);
/* Before each attempt: the port that worked with this gateway, or the usual one. */
void dial_choose_port(struct session *s);
/* The line is up: its port is the one to begin with the next time, if it is not a fresh one. */
void dial_worked(struct session *s);
/* The gateway ended it, or fell silent while all was up: then its L2TP server may not have noticed, and
 * servers that find a connection by the client's address and port (xl2tpd) take packets of the old
 * tunnel and of the next for each other's. */
void dial_lost(struct session *s, const struct err *e);
/* The child SA is there: calls the L2TP server. */
void dial_start(struct session *s, struct outbox *ob);
/* What the line came to, after each call into it. */
void dial_follow(struct session *s, struct outbox *ob);
/* The line is given up, and the data plane knows of L2TP no more. Nothing without a line. */
void dial_end(struct session *s, struct outbox *ob);
/* Another source port is worth a try, and set; false when both kinds were tried on this way. */
bool dial_other_port(struct session *s);
/* What the data plane needs for it cannot be had: OS_LINK_FAILED. */
void dial_link_failed(struct session *s, const struct os_input *in, struct outbox *ob);
/* Where it is, or has failed. */
enum ike_stage dial_stage(const struct session *s);
/* The gateway began PPP anew, and now it brings something else than what the machine is set up for. */
bool dial_changed(const struct session *s);

#endif
