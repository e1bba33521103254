/*
 * Kept messages and the timing of retransmission, for both IKE versions.
 *
 * A request is sent again, byte for byte, with exponential backoff and jitter until the answer
 * comes or the schedule is used up (RFC 7296 section 2.4); a response is kept to be sent again when
 * its request comes again (section 2.1).
 */
#ifndef IKE_REXMIT_H
#define IKE_REXMIT_H

#include "base/outbox.h"
#include "ike/ike.h"
#include "crypto/rng.h"

enum { KEPT_FRAGMENTS_MAX = 64 };

struct kept { /* a message as its datagrams; owns them */
	size_t n;
	struct {
		uint8_t *data;
		size_t len;
	} v[KEPT_FRAGMENTS_MAX];
};

void kept_free(struct kept *k);
/* A copy of one more datagram; false when memory or room ran out. */
bool kept_add(struct kept *k, const void *data, size_t len);
void kept_send(const struct kept *k, enum ike_port from, const struct addr *local,
	const struct addr *remote, struct outbox *ob);

/* How long silence is borne: the first wait doubles up to the longest, tries times in all. */
struct rexmit_plan {
	uint32_t first_ms, longest_ms;
	uint8_t tries;
};

extern const struct rexmit_plan rexmit_impatient; /* another path is left: 7.5 s */
extern const struct rexmit_plan rexmit_dispensable; /* it goes on without an answer: 7.5 s */
extern const struct rexmit_plan rexmit_twice; /* ... and there are two such questions: 3.5 s each */
extern const struct rexmit_plan
	rexmit_first; /* first contact from an address, or after a sleep: 24 s */
extern const struct rexmit_plan rexmit_settled; /* everything later: 56 s */
extern const struct rexmit_plan
	rexmit_confirmed; /* a login that somebody may have to confirm: 120 s */

struct rexmit {
	const struct rexmit_plan *plan;
	uint8_t tries; /* sent so often */
	uint64_t next; /* when the next try is due */
};

void rexmit_begin(struct rexmit *x, const struct rexmit_plan *plan, uint64_t now, struct rng *rng);
/* Call when next has come: true when the message is to be sent again, false when the plan is used up. */
bool rexmit_again(struct rexmit *x, uint64_t now, struct rng *rng);

/* There are networks that let only the NAT traversal port through, so that is where every second copy of the first
 * message goes (RFC 7296 section 2.23 lets an initiator begin there). True: so this one did. */
bool rexmit_knock(const struct rexmit *x, const struct kept *first, const struct path *path,
	struct outbox *ob);
#define ALSO_KNOCKED ", nor at port 4500"
/* Is it an answer to such a copy, of which there was one? */
bool knock_answered(const struct rexmit *x, const struct path *path, const struct datagram *d);

/* a little less than ms, by up to a tenth, so that many clients do not move in step. */
uint64_t jittered(uint64_t ms, struct rng *rng);

#endif
