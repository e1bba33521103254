/*
 * What the files of the edge itself share: edge.c waits and takes inputs in, perform.c does what the
 * session wants.
 */
#ifndef EDGE_EDGE_PRIVATE_H
#define EDGE_EDGE_PRIVATE_H

#include "crypto/alg.h"
#include "edge/dataplane.h"
#include "edge/edge.h"
#include "edge/fetch.h"
#include "edge/resolve.h"
#include "host/clock.h"
#include "loop.h"
#include "session/session.h"

/* What a ready descriptor is, in the loop's tags: packets come before what else there is. */
enum tag { TAG_UDP = 1, TAG_DATAPLANE, TAG_HOST, TAG_RESOLVER, TAG_FETCH, TAG_SLOT };

struct watched { /* descriptors that come and go */
	size_t n;
	int fds[RESOLVE_FDS_MAX];
};

struct edge {
	struct host *host;
	struct udp *udp;
	struct resolver *resolver;
	struct session *session;
	bool kernel; /* ESP will be the kernel's */
	struct dataplane *dp;
	struct loop loop;
	struct sleep_watch sleep;
	int tun;
	const struct profile *profile;
	enum warm warm; /* the next step of crypto_warm */
	uint64_t far_at; /* whose keys are not here by then is no near gateway, 0: not asked */
	uint64_t warm_at; /* when warming goes on without anything having happened */
	bool unready; /* the data plane could not be made before it was needed */
	bool interface_gone;
	int full; /* the UDP socket that must be written to before the TUN is read again, -1: none */
	uint16_t mtu; /* of the interface, 0: not known yet */

	struct outbox todo; /* what the session wants done */
	struct outbox doing; /* being done: doing one thing may want others */
	struct outbox told; /* for the owner: EVENT, ASK, DOWN */
	size_t told_next;

	bool resolving;
	struct watched resolver_fds, fetcher_fds;
	struct fetcher *fetcher; /* NULL: nothing is being fetched */
	struct addr remote; /* where the session sent to last */
	struct addr known[RESOLVE_ADDRS_MAX]; /* the addresses that its name had last */
	size_t n_known;

	int slots[EDGE_SLOTS];
	uint64_t alarm;
	struct loop_ready ready[LOOP_READY_MAX];
	size_t n_ready, ready_next;
};

bool edge_seed(uint8_t seed[RNG_SEED_LEN], struct err *e) MUST_CHECK;
/* The TUN and the data plane come when they are needed, or soon will be: of a login that the gateway
 * refuses after its first answer an interface is seen to come, down, and to go. */
bool edge_need_dataplane(struct edge *g, struct err *e) MUST_CHECK;
/* All that the session wants done, and what doing it makes it want. */
void edge_perform(struct edge *g);
/* Instead of waiting, for the gateway's name or for the gateway: what would have to be done when the answer
 * is there, and what is needed first comes first. Only until there is one. */
void edge_while_waiting(struct edge *g);

#endif
