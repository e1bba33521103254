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

#include "base/outbox.h"
#include "crypto/rng.h"
#include "session/profile.h"
#include "session/status.h"

struct session;

struct datagram {
	enum ike_port on;          /* the socket it came in by; the non-ESP marker is gone */
	struct addr local, remote; /* with ports */
	const uint8_t *data;       /* for the duration of the call */
	size_t len;
};

enum { PATHS_MAX = 16 };

/* One way to the gateway: what ACT_RESOLVE is answered with. */
struct path {
	struct addr local;  /* our address towards it, port of our IKE socket */
	uint16_t local_natt_port; /* port of our NAT traversal socket */
	struct addr remote; /* with the port asked for */
	uint16_t mtu;       /* octets, 0: unknown */
};

enum os_kind {
	OS_PATHS,          /* answer to ACT_RESOLVE: paths, or why there is none in err */
	OS_SA_INSTALLED,   /* answer to ACT_SA_INSTALL: spi, ok, err */
	OS_NETCONF_DONE,   /* answer to ACT_NETCONF: ok, err */
	OS_PATH_CHANGED,   /* addresses or routes outside the tunnel changed: paths has the new one */
	OS_RESUMED,        /* the machine slept */
	OS_INBOUND,        /* authentic ESP came in since the last such input: the gateway lives */
	OS_SA_USED,        /* first authentic packet on inbound SA spi */
	OS_SA_EXPIRING,    /* SA spi nears its last sequence number or its volume limit */
	OS_SEND_FAILED,    /* a SEND did not go out; err says why */
};

struct os_input {
	enum os_kind kind;
	bool ok;
	uint32_t spi;
	size_t n_paths;
	struct path paths[PATHS_MAX];
	struct err err;
};

enum command { CMD_REKEY_IKE, CMD_REKEY_CHILD, CMD_REKEY_ALL, CMD_RECONNECT };

/* wall is the calendar time at now = the time of this call, for certificates' dates. */
struct session *session_new(const struct profile *p, const uint8_t seed[RNG_SEED_LEN], struct err *e) MUST_CHECK;
void session_free(struct session *s);
void session_start(struct session *s, uint64_t now, time_t wall, struct outbox *ob);
void session_datagram(struct session *s, uint64_t now, const struct datagram *d, struct outbox *ob);
/* text is NULL when the user would not answer. It is wiped by the caller. */
void session_answer(struct session *s, uint64_t now, uint32_t id, const struct passphrase *text, struct outbox *ob);
void session_os(struct session *s, uint64_t now, const struct os_input *in, struct outbox *ob);
void session_tick(struct session *s, uint64_t now, struct outbox *ob);
/* False with the reason when it cannot be done now. */
bool session_command(struct session *s, uint64_t now, enum command c, struct outbox *ob, struct err *e) MUST_CHECK;
/* Ends it in order: deletes are sent, then ACT_DOWN comes, at the latest a few ticks later. A
 * second call ends it at once. */
void session_stop(struct session *s, uint64_t now, struct outbox *ob);
uint64_t session_deadline(const struct session *s); /* TIME_NEVER: none */
void session_status(const struct session *s, uint64_t now, struct status *out);

#endif
