/*
 * A tunnel with its one session: the control messages (RFC 2661 sections 6 and 7), what each leads to, and how
 * it ends. Inputs, timers and the view of it are in l2tp.c.
 */
#ifndef L2TP_TUNNEL_H
#define L2TP_TUNNEL_H

#include "channel.h"
#include "l2tp/l2tp.h"

enum {
	TRIES_IMPATIENT = 5, /* 15 s of silence */
	TRIES = 9, /* 47 s: more than RFC 2661 section 5.8 recommends, for bad networks */
	CLOSE_MS = 3000, /* for the gateway to acknowledge that it is over */
	ANSWER_MS = 30000, /* ... to answer what it has acknowledged */
	CHALLENGE_LEN = 16,
};

enum state { /* RFC 2661 sections 7.2.1 and 7.4.1, tunnel and session as one */
	STATE_NEW,
	STATE_WAIT_REPLY, /* SCCRQ is out: wait-ctl-reply */
	STATE_WAIT_SESSION, /* SCCCN and ICRQ are out: established; wait-reply */
	STATE_UP, /* ICCN is out: established in both */
	STATE_CLOSING, /* StopCCN is out */
	STATE_DEAD,
};

struct l2tp {
	const struct l2tp_config *config;
	struct rng *rng;
	uint64_t now;
	enum state state;
	struct err failure;
	const char *story;
	struct l2tp_session session;
	struct channel channel;
	uint64_t hello_at, close_at;
	uint64_t answer_at; /* TIME_NEVER: no answer is due */
	bool heard;
	uint8_t challenge[CHALLENGE_LEN]; /* ours */
	char host[L2TP_NAME_MAX], vendor[L2TP_NAME_MAX];
	struct message in;
};

/* A datagram or a frame for the gateway, as it is. */
void tunnel_emit(struct outbox *ob, bool frame, struct bytes what);
/* What may go out now, and an acknowledgement where nothing carries it. */
void tunnel_flush(struct l2tp *l, struct outbox *ob);
void tunnel_die(struct l2tp *l);
/* Why it will be over; the first reason counts. */
void tunnel_fail(struct l2tp *l, const struct err *e);
void tunnel_send_sccrq(struct l2tp *l);
void tunnel_send_hello(struct l2tp *l);
void tunnel_send_stop(struct l2tp *l, uint16_t result, uint16_t error, const char *text);
void tunnel_send_cdn(struct l2tp *l, uint16_t peer_session, uint16_t session, uint16_t result,
	uint16_t error, const char *text);
/* The body of a control message, in order. */
void tunnel_deliver(struct l2tp *l, struct bytes body, struct outbox *ob);

#endif
