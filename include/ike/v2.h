/*
 * IKEv2 initiator (RFC 7296): one connection, from IKE_SA_INIT to the last delete, over all rekeyings.
 *
 * The same verbs as the session above it. A new connection attempt is a new struct v2. The owner
 * looks at v2_view after each call: when it says IKE_UP, v2_granted and the children tell what was
 * negotiated; when it says IKE_DEAD, the failure says why and all SA_REMOVE were queued.
 */
#ifndef IKE_V2_H
#define IKE_V2_H

#include "ike/ike.h"

struct v2;

/* config and rng belong to the owner and outlive the engine. */
struct v2 *v2_new(const struct ike_config *config, struct rng *rng, struct err *e) MUST_CHECK;
void v2_free(struct v2 *v); /* wipes; NULL is fine */
/* patient: no other path is left to try, so silence is borne longer. */
void v2_start(struct v2 *v, uint64_t now, time_t wall, const struct path *path, bool patient,
	struct outbox *ob);
void v2_datagram(struct v2 *v, uint64_t now, const struct datagram *d, struct outbox *ob);
void v2_answer(
	struct v2 *v, uint64_t now, uint32_t id, const struct passphrase *text, struct outbox *ob);
void v2_os(struct v2 *v, uint64_t now, const struct os_input *in, struct outbox *ob);
/* This machine's address towards the gateway is another one: path. False where the gateway would not follow
 * (RFC 4555), or it failed: a new connection has to be made. */
bool v2_move(struct v2 *v, uint64_t now, const struct path *path, struct outbox *ob) MUST_CHECK;
void v2_tick(struct v2 *v, uint64_t now, struct outbox *ob);
bool v2_command(
	struct v2 *v, uint64_t now, enum command c, struct outbox *ob, struct err *e) MUST_CHECK;
/* Deletes the IKE SA and with it all children; IKE_DEAD follows. A second call does not wait. */
void v2_stop(struct v2 *v, uint64_t now, struct outbox *ob);
/* Another engine carries what this one did. Nothing more is sent by its child SAs, what comes in is still read for a
 * while, and its IKE SA is deleted; IKE_DEAD follows. */
void v2_retire(struct v2 *v, uint64_t now, struct outbox *ob);
/* The gateway is not told: what was lost, or is left, can be resumed. IKE_DEAD follows. */
void v2_abandon(struct v2 *v, uint64_t now, struct outbox *ob);
/* What the connection, which is dead, can be resumed from; the caller's from then on. NULL: nothing, for the gateway
 * gave none, or one side has deleted the IKE SA (RFC 5723 section 6.2). */
struct resumption *v2_resumption(struct v2 *v);
void resumption_free(struct resumption **r); /* wipes; NULL is fine */
/* The message is for one of its IKE SAs. */
bool v2_is_for(const struct v2 *v, const struct datagram *d);
uint64_t v2_deadline(const struct v2 *v);
enum ike_wait v2_idle(const struct v2 *v); /* what the gateway's answer waits for */
/* Those of all SAs that there are, to an outbox that asks for keys. */
void v2_keys(const struct v2 *v, struct outbox *ob);
void v2_view(const struct v2 *v, struct ike_view *out);
/* What the gateway assigned; valid from IKE_UP on. */
const struct granted *v2_granted(const struct v2 *v);
/* After it ended by an AUTH failure: what others are to be asked first, which is the caller's from then on. With
 * their answers in ike_config.fetched, and inquired, another engine can do what this one could not. NULL: there
 * is nothing. */
struct inquiry *v2_inquiry(struct v2 *v);

#endif
