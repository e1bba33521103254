/*
 * The inside of a PPP link, shared by its driver (ppp.c), the control protocols and the ways to log in.
 */
#ifndef PPP_PRIVATE_H
#define PPP_PRIVATE_H

#include "cp.h"
#include "crypto/mschap.h"
#include "ppp/ppp.h"
#include "ppp/ra.h"

enum {
	/* RFC 1661 section 4.6: 3 s, from an initial smaller value. The first request is lost on servers
	 * that begin to listen a moment after the call is there (xl2tpd starts pppd then). */
	RESTART_FIRST_MS = 250,
	RESTART_MS = 3000,
	AUTH_TRIES = 10, /* of a Response or an Authenticate-Request */
	AUTH_PASSWORDS = 3, /* offered, where the gateway lets us try again */
	AUTH_WAIT_MS = 30000, /* for the gateway to go on with the login */
	AUTH_VERDICT_MS = 120000, /* ... on what it has of us: somebody may have to confirm it */
	ECHO_AGAIN_MS = 3000, /* for the answer to an echo request */
	ECHO_MISSED_MAX = 10, /* a bad network may lose a few in a row */
	QUEUE_ROOM = 16384,
	CHALLENGE_MAX = 255,
};

/* What the gateway's LCP has asked for and we acknowledged. */
struct lcp_peer {
	uint16_t mru;
	bool auth_wanted;
	enum ppp_auth auth;
	uint32_t magic;
};

struct lcp {
	struct lcp_peer peer;
	uint16_t mru; /* ours, as asked for now */
	uint32_t magic;
	unsigned auth_naks; /* how often another way to log in was proposed */
	char auth_refused
		[48]; /* the last one that we did not want; "": none, or another was agreed on */
};

struct ipcp {
	uint8_t local[4], remote[4];
	uint8_t dns[PPP_SERVERS][4], wins[PPP_SERVERS][4];
};

struct ip6cp {
	uint8_t local[8], remote[8];
};

struct autoconf {
	unsigned asked;
	uint64_t ask_at; /* when to solicit an advertisement */
	bool in_vain; /* none came */
	bool has_prefix;
	uint8_t prefix[8];
	uint64_t until; /* it lasts */
	uint32_t n_dns;
	struct addr dns[RA_SERVERS];
};

enum auth_wanted { WANT_NOTHING, WANT_USER, WANT_PASSWORD, WANT_EAP };

struct auth {
	bool started, done;
	enum ppp_auth way; /* once started */
	enum auth_wanted wanted; /* the question that is open */
	uint32_t ask_id;
	uint64_t timer; /* to send again; TIME_NEVER: not */
	uint64_t give_up; /* the gateway must have gone on by then */
	unsigned tries, passwords;
	struct err reason; /* what the gateway said when it refused, while more may follow */
	char user[EAP_USER_MAX], shown[64];
	bool password_own, password_refused;
	struct passphrase password;
	uint8_t id; /* of our last packet */
	size_t packet_len; /* our last packet, to be sent again; 0: none */
	uint8_t packet[4 + 1 + 255 + 1 + EAP_USER_MAX];
	bool proof_open; /* mschap holds what the gateway must prove */
	struct mschap mschap;
	uint8_t challenge_id;
	size_t challenge_len;
	uint8_t challenge[CHALLENGE_MAX];
	struct eap_config eap_config;
	struct eap *eap;
	bool eap_in_vain; /* as in ppp_view */
};

struct ppp {
	const struct ppp_config *config;
	struct rng *rng;
	uint64_t now;
	enum ppp_phase phase;
	bool logging_in;
	struct err failure;
	struct cp lcp_cp, ipcp_cp, ip6cp_cp;
	struct lcp lcp;
	struct ipcp ipcp;
	struct ip6cp ip6cp;
	struct autoconf autoconf;
	struct auth auth;
	bool mppe_refused; /* the gateway wanted MPPE: it may insist on it */
	char said[160]; /* the gateway's words in a Terminate-Request */
	uint64_t echo_at; /* when the next Echo-Request is due */
	unsigned echoes_missed;
	uint8_t echo_id, reject_id;
	size_t taken, queued; /* of the queue: frames, each behind its length in two octets */
	uint8_t queue[QUEUE_ROOM];
};

extern const struct cp_protocol lcp_protocol, ipcp_protocol, ip6cp_protocol;

/* --- frames: begun, written, queued; one that does not fit is dropped, as if it was lost --- */
struct wr frame_begin(struct ppp *p, uint16_t protocol);
void frame_end(struct ppp *p, const struct wr *w);
/* A packet with the header that all control and authentication protocols share. */
void frame_packet(struct ppp *p, uint16_t protocol, uint8_t code, uint8_t id, struct bytes data);

/* Ends the link for a reason, which is kept unless there is one already. */
void ppp_fail(struct ppp *p, const struct err *e);

/* --- lcp.c --- */
void lcp_init(struct ppp *p);
void lcp_echo(struct ppp *p);
uint32_t lcp_magic(const struct ppp *p); /* what our packets have for a Magic-Number */

/* --- ipcp.c, ip6cp.c --- */
void ipcp_init(struct ppp *p);
/* Agreed, but on addresses that nobody can use? */
bool ipcp_usable(const struct ppp *p, struct err *e) MUST_CHECK;
void ip6cp_init(struct ppp *p);

/* --- autoconf.c: once IPV6CP is open --- */
void autoconf_init(struct ppp *p);
void autoconf_start(struct ppp *p);
void autoconf_input(struct ppp *p, struct bytes packet, struct outbox *ob);
void autoconf_tick(struct ppp *p);
uint64_t autoconf_deadline(const struct ppp *p);
bool autoconf_address(const struct ppp *p, struct addr *out); /* false: none yet */

/* --- ccp.c --- */
bool ccp_wants_mppe(struct bytes info);

/* --- auth.c --- */
const char *auth_name(enum ppp_auth way);
bool auth_allowed(const struct ppp *p, enum ppp_auth way);
void auth_write_option(enum ppp_auth way, struct wr *w);
/* The way that an Authentication-Protocol option names; false, and what it is in words, when it is
 * none of ours. */
bool auth_read_option(struct rd value, enum ppp_auth *way, char words[48]);
void auth_start(struct ppp *p, enum ppp_auth way, struct outbox *ob);
void auth_stop(struct ppp *p);
void auth_input(struct ppp *p, uint16_t protocol, struct bytes info, struct outbox *ob);
void auth_answer(struct ppp *p, uint32_t id, const struct passphrase *text, struct outbox *ob);
void auth_tick(struct ppp *p);
uint64_t auth_deadline(const struct ppp *p);
/* What the user gives: NULL, and the question is in the outbox. */
const char *auth_user(struct ppp *p, struct outbox *ob);
const struct passphrase *auth_password(struct ppp *p, struct outbox *ob);
/* The gateway let us in. */
void auth_done(struct ppp *p);
/* A network protocol of the gateway's came while we are not in yet: was EAP's Success lost? */
void auth_gateway_goes_on(struct ppp *p);
/* Sends a packet of ours and keeps it, to be sent again until the gateway answers. */
void auth_send(struct ppp *p, uint8_t code, uint8_t id, struct bytes data);
void auth_repeat(struct ppp *p);
/* What the gateway decides on is on its way. */
void auth_await_verdict(struct ppp *p);
void auth_ask(struct ppp *p, const struct ask *ask, struct outbox *ob);

void pap_send(struct ppp *p, struct outbox *ob);
void pap_input(struct ppp *p, struct bytes info);
void chap_respond(struct ppp *p, struct outbox *ob);
void chap_input(struct ppp *p, struct bytes info, struct outbox *ob);
void auth_eap_input(struct ppp *p, struct bytes info, struct outbox *ob);
void auth_eap_answer(struct ppp *p, const struct passphrase *text, struct outbox *ob);

#endif
