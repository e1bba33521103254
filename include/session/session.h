/*
 * One VPN connection as a function: (state, now, one input) -> actions.
 *
 * The surface that the program, the tests and the fuzzers drive. Inputs: start, datagrams, answers
 * of the user, results of the system, commands, ticks of a clock that is an argument. Outputs are
 * appended to the outbox of each call. Calls never nest, nothing calls back, extra ticks are
 * harmless; session_deadline says when the next one is needed. now never goes back.
 *
 * The session owns its engines and everything kept for them; the profile belongs to the caller and
 * outlives the session.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <time.h>

#include "base/bytes.h"
#include "base/outbox.h"
#include "crypto/rng.h"
#include "ike/ike.h"
#include "session/profile.h"
#include "session/status.h"

struct session;

/* wall is the calendar time at now = the time of this call, for certificates' dates. */
struct session *session_new(
	const struct profile *p, const uint8_t seed[RNG_SEED_LEN], struct err *e) MUST_CHECK;
void session_free(struct session *s);
/* The data plane carries ESP without UDP as well: none is asked for where there is no NAT, unless the
 * profile wants it. Before session_start. */
void session_plain_esp(struct session *s);
/* Whom this machine asks for names outside the tunnel, family NONE where there are no more: theirs is no address
 * for the tunnel. As soon as it is known, and again when it changes. */
enum { SESSION_NAME_SERVERS = 3 };
void session_name_servers(struct session *s, const struct addr servers[SESSION_NAME_SERVERS]);
void session_start(struct session *s, uint64_t now, time_t wall, struct outbox *ob);
void session_datagram(struct session *s, uint64_t now, const struct datagram *d, struct outbox *ob);
/* The payload of a UDP datagram that came out of the SA of L2TP, and is no packet. */
void session_l2tp(struct session *s, uint64_t now, struct bytes payload, struct outbox *ob);
/* text is NULL when the user would not answer. It is wiped by the caller. */
void session_answer(struct session *s, uint64_t now, uint32_t id, const struct passphrase *text,
	struct outbox *ob);
void session_os(struct session *s, uint64_t now, const struct os_input *in, struct outbox *ob);
void session_tick(struct session *s, uint64_t now, struct outbox *ob);
/* When there is nothing to do but to wait: makes ready what the engine will need. Tells how long there is for
 * what else can be made ready. */
enum ike_wait session_idle(struct session *s);
/* False with the reason when it cannot be done now. */
bool session_command(struct session *s, uint64_t now, enum command c, struct outbox *ob,
	struct err *e) MUST_CHECK;
/* Ends it in order: deletes are sent, then ACT_DOWN comes, at the latest a few ticks later. A
 * second call ends it at once. */
void session_stop(struct session *s, uint64_t now, struct outbox *ob);
uint64_t session_deadline(const struct session *s); /* TIME_NEVER: none */
/* The last failure as it would be told if the session ended by it; false when there was none. */
bool session_explain(const struct session *s, struct down *out);
/* The same for a failure before there was a session. */
void session_hint(struct down *out, const struct profile *p, const struct err *e);
/* ACT_KEYS for each SA that there is, if ob asks for keys; those to come are told as they are made. */
void session_keys(const struct session *s, struct outbox *ob);
void session_status(const struct session *s, uint64_t now, struct status *out);

#endif
