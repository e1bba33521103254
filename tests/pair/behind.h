/*
 * What is behind the gateway of an L2TP session: the servers of tests/lib for L2TP and PPP, a wire that
 * leads there as long as both ends have the SA for it, and what the data plane of the client was told.
 */
#ifndef TESTS_PAIR_BEHIND_H
#define TESTS_PAIR_BEHIND_H

#include "l2tp/data.h"
#include "lib/lns.h"
#include "lib/ppp_server.h"
#include "lib/wire.h"
#include "net.h"

struct behind {
	/* to be set before behind_start */
	struct lns_config lns_cfg;
	struct server_config ppp_cfg;
	struct wire wire;
	uint16_t deaf_to; /* nothing from this port of the client's is heard, 0: from none */
	unsigned deaf_calls; /* nor from the first so many calls */
	bool no_ppp; /* its frames get lost */

	struct lns lns;
	struct server ppp;
	struct l2tp_link link;
	struct l2tp_session session; /* of the client's data plane */
	unsigned clear; /* datagrams that the client sent without an SA for them */
	unsigned calls; /* a link that begins is a call */
};

void behind_init(struct behind *b, uint32_t seed);
/* The server is there anew, and has forgotten everything. */
void behind_start(struct behind *b);
void behind_link(struct behind *b, const struct l2tp_link *link);
void behind_send(
	struct behind *b, struct net *n, const struct l2tp_datagram *d); /* of the client's */
uint64_t behind_deadline(const struct behind *b);
/* What is due now on that side; true, with a payload for the client, when one came in. */
bool behind_step(struct behind *b, struct net *n, uint8_t payload[WIRE_FRAME_MAX], size_t *len);

#endif
