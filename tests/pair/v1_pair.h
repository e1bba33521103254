/*
 * An IKEv1 client and a scripted gateway with a wire between them, on a virtual clock.
 *
 * The gateway is made of the engine's own responder steps (main mode and quick mode that the other
 * side starts), driven here message by message without the engine's own decisions, and a script for
 * the transactions: login and mode configuration. What both sides get wrong alike goes unseen; the
 * vectors and the real gateways are there for that.
 */
#ifndef TESTS_PAIR_V1_PAIR_H
#define TESTS_PAIR_V1_PAIR_H

#include "../../src/ike/v1_sa.h"
#include "behind.h"
#include "lib/test.h"
#include "net.h"
#include "session/session.h"

/* A transaction of the gateway, in hex: what it says, and the attributes that the client has to answer
 * with (NULL: whatever). */
struct v1_round {
	enum { V1_REQUEST = 1, V1_SET = 3 } type;
	const char *says, *wants;
};

struct v1_pair {
	/* to be set before v1_pair_start */
	struct ike_config cfg, gw_cfg;
	struct net_config wire;
	const char *password; /* what the client types */
	bool mute; /* no answer, nor that there will be none */
	/* The gateway answers quick mode by script, with this behind what belongs there; it makes no SA. */
	void (*append)(const struct v1_pair *p, struct ikew *k);
	size_t quick_nonce; /* octets of its nonce there; 0: 16 */
	const char *config; /* what it configures us with, in hex; NULL: an address */
	bool no_config; /* ... nothing: it does not know mode configuration */
	uint16_t config_refused; /* ... and says so by this notify, 0: not at all */
	uint16_t
		serves_port; /* UDP from that port of the client's and nothing else; 0: everything */
	bool login; /* the gateway asks for it, and for a code in a second round */
	const struct v1_round *rounds; /* or what it says instead, up to one without words */
	const struct profile *profile; /* a whole session of this; NULL: the engine, by cfg */
	struct behind *behind; /* what L2TP of that session leads to */
	bool netconf_refused; /* the machine cannot be set up */

	struct passphrase psk, gw_psk;
	struct proposals ike, esp, gw_ike, gw_esp;
	struct net net;
	struct path path, back; /* as the client sees it, and the gateway */
	struct rng rng[ENDS];
	struct session *session; /* NULL: the engine alone */
	struct v1 *client, *gw; /* client: of a session the engine that it has now, or none */
	struct outbox ob;
	uint32_t asked_mid; /* the gateway's transaction under way, 0: none */
	unsigned round;
	bool logged_in, refused;
	unsigned pulls; /* CFG_REQUESTs of the client, */
	bool asked_v6; /* the last one for an IPv6 address as well, */
	bool only_v4; /* which the gateway refuses by config_refused */
	unsigned asks, events[EV_LOG + 1];
	uint32_t ask_id; /* of the last question */
	char said[EVENT_TEXT_MAX]; /* the last question */
	char heard[EVENT_TEXT_MAX]; /* what the gateway said last, or why there are no new keys */
	struct down down;
	unsigned downs;
	char noted[ENDS][EVENT_TEXT_MAX]; /* what each logged of NAT-OA */
	struct netconf netconf; /* what the machine shall look like, without the routes */
};

/* Once for a program. */
int v1_pair_group_setup(void **state);
int v1_pair_group_teardown(void **state);
/* One on the heap, and its end. */
struct v1_pair *v1_pair_new(uint32_t seed);
void v1_pair_done(struct v1_pair *p);
void v1_pair_init(struct v1_pair *p, uint32_t seed);
void v1_pair_start(struct v1_pair *p);
void v1_pair_free(struct v1_pair *p);
void v1_pair_run(struct v1_pair *p, uint64_t ms);
bool v1_pair_until(struct v1_pair *p, bool (*done)(const struct v1_pair *p), uint64_t ms);
bool v1_pair_decided(const struct v1_pair *p);
void v1_pair_connect(struct v1_pair *p);
void v1_pair_answer(struct v1_pair *p, const char *words); /* that question, late */
void v1_pair_stop(struct v1_pair *p);
void v1_pair_command(struct v1_pair *p, enum command c);
/* What the gateway does on its own. */
void v1_pair_perform_gw(struct v1_pair *p); /* what is in the outbox now is the gateway's */
void v1_pair_gw_rekeys(struct v1_pair *p);
void v1_pair_gw_renews(struct v1_pair *p);
void v1_pair_gw_asks(struct v1_pair *p, const struct v1_round *rounds);
void v1_pair_gw_info(struct v1_pair *p, struct ikew *k); /* any INFORMATIONAL, protected */
void v1_pair_delete_child(struct ikew *k, uint32_t spi); /* the payload for that */
/* Octets from the gateway's address, as anybody could send them. */
void v1_pair_inject(struct v1_pair *p, const void *data, size_t len);
/* The client is dead for this reason, and nothing is left of it. */
void v1_pair_check_dead(const struct v1_pair *p, enum err_kind kind, uint16_t notify);
/* The client is up, with so many child SAs that the gateway has too. */
void v1_pair_check_up(struct v1_pair *p, size_t children);

#endif
