/*
 * The reliable control channel, RFC 2661 section 5.8 and appendix A: messages are numbered, kept
 * until they are acknowledged, sent again with exponential backoff, and delivered in order. It knows
 * nothing of what is in a message.
 */
#ifndef L2TP_CHANNEL_H
#define L2TP_CHANNEL_H

#include "base/bytes.h"
#include "base/types.h"
#include "l2tp_private.h"

enum {
	CHANNEL_MESSAGE_MAX = 512, /* octets of one of ours */
	CHANNEL_QUEUE = 8, /* of ours that wait */
	CHANNEL_EARLY = 8, /* that came before their turn (WatchGuard); our receive window */
	CHANNEL_EARLY_MAX = 1500,
	CHANNEL_PEER_WINDOW = 4, /* where the gateway does not say (section 4.4.3) */
	CHANNEL_FIRST_MS = 500,
	CHANNEL_MOST_MS = 8000,
};

struct channel {
	uint16_t una, ns; /* oldest of ours not acknowledged; number of the next one queued */
	uint16_t sent; /* number of the next one to be sent for the first time, or again */
	uint16_t nr; /* the next one expected */
	uint16_t window,
		slow; /* the gateway's receive window; how much of it slow start uses now */
	unsigned tries, tries_max;
	uint64_t timer; /* TIME_NEVER: nothing is unacknowledged */
	bool ack_due; /* nothing that we sent since has acknowledged what came in */
	struct {
		size_t len;
		uint8_t data[CHANNEL_MESSAGE_MAX];
	} queue[CHANNEL_QUEUE]; /* by number */
	struct {
		bool used;
		uint16_t ns;
		size_t len;
		uint8_t data[CHANNEL_EARLY_MAX];
	} early[CHANNEL_EARLY];
};

enum channel_fate {
	CHANNEL_IGNORE, /* an acknowledgement, a duplicate, or out of the window */
	CHANNEL_DELIVER, /* it is the next one */
	CHANNEL_LATER, /* kept until those before it came */
};

void channel_init(struct channel *c, unsigned tries_max);
/* Numbers and keeps a whole message, which channel_next will hand out. False: there is no room. */
bool channel_queue(struct channel *c, struct bytes message) MUST_CHECK;
/* The next message that may be sent now, with its numbers in it; false when there is none. */
bool channel_next(struct channel *c, uint64_t now, struct bytes *message);
/* What the numbers of a message that came in mean for both directions. body is what is behind its
 * header: nothing makes it an acknowledgement (ZLB). */
enum channel_fate channel_input(
	struct channel *c, uint64_t now, uint16_t ns, uint16_t nr, struct bytes body);
/* One that was kept and whose turn it is now, until the next call. */
bool channel_early(struct channel *c, struct bytes *body);
/* The timer has come: true when channel_next has something again, false when it was the last try. */
bool channel_timeout(struct channel *c, uint64_t now);

#endif
