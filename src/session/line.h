/*
 * The line of an L2TP connection: a tunnel with a session in it and the PPP link on that, as one story.
 *
 * The same verbs as the engines. It begins when the child SA for UDP between the two ports is there, and
 * tells the data plane by ACT_L2TP_LINK what to carry: the ports first, the session when PPP may use
 * it, packets once PPP is up; nothing when the line is dead. What comes out of the SA and is no packet
 * is given to line_datagram.
 */
#ifndef SESSION_LINE_H
#define SESSION_LINE_H

#include "l2tp/l2tp.h"
#include "ppp/ppp.h"

enum {
	/* Octets that a packet gains on its way into the SA: PPP, L2TP with sequence numbers, UDP. */
	LINE_OVERHEAD = PPP_HEADER_LEN + L2TP_DATA_HEADER_MAX + 8,
};

struct line_config { /* lives as long as the line */
	struct l2tp_config l2tp;
	struct ppp_config ppp;
	uint16_t local_port, remote_port; /* inside the SA */
};

enum line_phase {
	LINE_CONNECTING,
	LINE_UP,
	LINE_CLOSING,
	LINE_DEAD, /* line_view.failure says why; ERR_NONE: closed as asked */
};

enum line_stage { LINE_L2TP, LINE_LINK, LINE_LOGIN, LINE_NETWORK };

struct line_view {
	enum line_phase phase;
	enum line_stage stage; /* where it is, or where it failed */
	struct err failure;
	struct l2tp_view l2tp;
	struct ppp_view ppp; /* all zero before the L2TP session is up */
};

struct line;

/* config and rng belong to the owner and outlive the line. CONFIG or LOCAL on failure. */
struct line *line_new(const struct line_config *config, struct rng *rng, struct err *e) MUST_CHECK;
void line_free(struct line *x); /* wipes; NULL is fine */
/* patient: there is no other source port to try, so silence is borne longer. */
void line_start(struct line *x, uint64_t now, bool patient, struct outbox *ob);
void line_datagram(struct line *x, uint64_t now, struct bytes payload, struct outbox *ob);
void line_answer(struct line *x, uint64_t now, uint32_t id, const struct passphrase *text,
	struct outbox *ob);
void line_tick(struct line *x, uint64_t now, struct outbox *ob);
/* Hangs up: PPP, session and tunnel; LINE_DEAD follows. A second call does not wait. */
void line_stop(struct line *x, uint64_t now, struct outbox *ob);
/* Whatever its state, the data plane shall carry nothing more: before line_free. */
void line_unlink(struct line *x, struct outbox *ob);
uint64_t line_deadline(const struct line *x);
void line_view(const struct line *x, struct line_view *out);

#endif
