/*
 * IKEv1 initiator (RFC 2407, 2408, 2409): one connection, from main or aggressive mode over the login
 * (XAUTH) and mode configuration to quick mode, and over all renewals to the last delete.
 *
 * The verbs are those of IKEv2 (ike/v2.h), with the same meaning. What differs inside: phase 1 and
 * phase 2 live and die apart; a phase 1 SA is renewed by a whole new phase 1 beside it, while the
 * child SAs stay; and deletes are not answered, so v1_stop is done at once.
 *
 * The protocol's promises are weaker than those of IKEv2. What the engine makes of them: nothing that
 * is not authentic changes any state once keys exist; errors in the clear are hints that explain a
 * silence; the gateway is proved (by the shared key or by certificate) before a login is answered.
 */
#ifndef IKE_V1_H
#define IKE_V1_H

#include "ike/ike.h"

struct v1;

/* config and rng belong to the owner and outlive the engine. */
struct v1 *v1_new(const struct ike_config *config, struct rng *rng, struct err *e) MUST_CHECK;
void v1_free(struct v1 *v); /* wipes; NULL is fine */
void v1_start(struct v1 *v, uint64_t now, time_t wall, const struct path *path, bool patient,
	struct outbox *ob);
void v1_datagram(struct v1 *v, uint64_t now, const struct datagram *d, struct outbox *ob);
void v1_answer(
	struct v1 *v, uint64_t now, uint32_t id, const struct passphrase *text, struct outbox *ob);
void v1_os(struct v1 *v, uint64_t now, const struct os_input *in, struct outbox *ob);
void v1_tick(struct v1 *v, uint64_t now, struct outbox *ob);
/* When there is nothing to do but to wait: makes ready what the answer will need. Tells what it waits for. */
enum ike_wait v1_idle(struct v1 *v);
bool v1_command(
	struct v1 *v, uint64_t now, enum command c, struct outbox *ob, struct err *e) MUST_CHECK;
/* Deletes everything; IKE_DEAD follows. */
void v1_stop(struct v1 *v, uint64_t now, struct outbox *ob);
uint64_t v1_deadline(const struct v1 *v);
void v1_keys(const struct v1 *v, struct outbox *ob);
void v1_view(const struct v1 *v, struct ike_view *out);
const struct granted *v1_granted(const struct v1 *v);

/* Notify message types of IKEv1 (RFC 2408 section 3.14.1), where they differ from IKEv2's. */
enum v1_notify_type {
	V1_INVALID_EXCHANGE_TYPE = 7,
	V1_INVALID_KEY_INFORMATION = 17,
	V1_INVALID_ID_INFORMATION = 18,
	V1_INVALID_HASH_INFORMATION = 23,
	V1_INVALID_SIGNATURE = 25,
	V1_PAYLOAD_MALFORMED = 16,
	V1_XAUTH_REFUSED = 16527, /* no notify but the attribute XAUTH_STATUS, saying no */
};

/* "NO-PROPOSAL-CHOSEN (14)", "notify 40001" for one without a name. */
char *v1_notify_text(char out[64], uint16_t type);
/* The warning before a login where the gateway proved itself by a shared key. */
extern const char v1_only_the_key[];
/* After it ended by an AUTH failure: what others are to be asked first, which is the caller's from then on. With
 * their answers in ike_config.fetched, and inquired, another engine can do what this one could not. NULL: there
 * is nothing. */
struct inquiry *v1_inquiry(struct v1 *v);

#endif
