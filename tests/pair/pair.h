/*
 * A client and a gateway with a wire between them, on a virtual clock.
 *
 * Fill in the configurations that pair_init preset (a pre-shared key, fast algorithms, a perfect
 * wire), pair_start, then let time run: pair_run. Seeds make all of it reproducible; PAIR_TRACE=1
 * in the environment prints every datagram and what the client logs.
 */
#ifndef TESTS_PAIR_PAIR_H
#define TESTS_PAIR_PAIR_H

#include "client.h"
#include "gateway.h"
#include "lib/test.h"
#include "net.h"

#define PAIR_WALL ((time_t)1750000000)

enum { PAIR_EVENTS = EV_LOG + 1 };

struct pair {
	/* to be set before pair_start */
	const struct profile *profile; /* a whole session of this; NULL: the engine, by cfg */
	bool plain_esp; /* the session's data plane is like the kernel's */
	bool unresolved; /* no name is found */
	bool full; /* the data plane says of each further SA that it has no room */
	struct ike_config cfg;
	const char *ike, *esp; /* the client's proposals */
	const char *psk; /* the client's */
	const char *user, *password; /* answers to questions */
	bool mute; /* no answer, nor that there will be none */
	struct gw_config gwc;
	bool twice; /* the gateway lets the client in a second time while the first is up */
	/* What a session wants fetched: fills in what is answered, false: nothing ever is. */
	bool (*serve)(struct pair *p, const struct fetch *what, struct os_input *in);
	unsigned fetches;
	struct net_config wire;
	struct path path;
	uint64_t ping_every; /* both ends send ESP so often, 0: never */

	struct proposals ike_props, esp_props;
	struct passphrase psk_text;
	struct resumption *from; /* by pair_resume */
	struct net net;
	struct client client;
	struct gateway gw;
	struct gateway other; /* where twice: the gateway again, for the IKE SA that gw has not */
	struct outbox ob;
	uint64_t ping_at;
	unsigned events[PAIR_EVENTS], asks, resolves, downs;
	struct down down; /* how the session ended */
	unsigned n_routes, n_blocked; /* all of them, and those that lead nowhere */
	char said
		[EVENT_TEXT_MAX]; /* the last question, thing that the gateway said, or refusal of new keys */
	char stage[EVENT_TEXT_MAX]; /* the last one that was told */
	uint32_t seen_spi; /* the newest inbound SA that the client was told the use of */
	void (*watch)(struct pair *p); /* called after every step, when set */
	struct netconf netconf; /* what the machine shall look like, without the routes */
};

void pair_init(struct pair *p, uint32_t seed);
/* With additional key exchanges, in every SA (RFC 9370). */
void pair_additional(struct pair *p);
/* Once for a program. */
int pair_group_setup(void **state);
int pair_group_teardown(void **state);
void pair_start(struct pair *p);
void pair_free(struct pair *p);
/* The engine alone is left, and another resumes what it had (RFC 5723). */
void pair_resume(struct pair *p);

/* Lets so many milliseconds go by. */
void pair_run(struct pair *p, uint64_t ms);
/* ... or fewer, until the condition holds; false when it never did. */
bool pair_until(struct pair *p, bool (*done)(const struct pair *p), uint64_t ms);
/* The client is up or dead. */
bool pair_decided(const struct pair *p);
bool pair_dead(const struct pair *p);
bool pair_quiet(const struct pair *p); /* nothing on the wire, nobody waits for an answer */

/* Init is done: start, and until it is decided. */
void pair_connect(struct pair *p);
void pair_command(struct pair *p, enum command c); /* it must be possible */
bool pair_try_command(struct pair *p, enum command c);
void pair_os(struct pair *p, const struct os_input *in);
void pair_answer(struct pair *p, uint32_t id, const struct passphrase *text);
void pair_stop(struct pair *p);
void pair_gw(struct pair *p, unsigned want);
void pair_gw_at(struct pair *p, struct gateway *g, unsigned want); /* where there are two */
/* Datagrams from a forger: to the client, from the gateway's address. */
void pair_inject(struct pair *p, const void *data, size_t len, uint64_t after);
/* A message sealed with the gateway's keys. */
void pair_gw_send(struct pair *p, struct v2_sa *sa, uint8_t exchange, bool response, uint32_t mid,
	uint8_t first, struct bytes chain);
void pair_tap(struct pair *p, net_tap *tap, void *arg);

/* Both sides up, with so many child SAs of the same SPIs, keys and selectors, one IKE SA, and
 * nothing else left anywhere. Call it when all has settled (pair_settle). */
void pair_settle(struct pair *p);
void pair_check_up(struct pair *p, size_t children);
bool pair_quantum_safe(const struct pair *p); /* as the client sees it */
/* The client is dead for this reason, and nothing is left in its data plane. */
void pair_check_dead(struct pair *p, enum err_kind kind, uint16_t notify);

#endif
