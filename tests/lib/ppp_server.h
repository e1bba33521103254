/*
 * The server's end of a PPP link, as a test wants it to behave: an LNS that makes its client log in
 * and gives it an address. Written from the RFCs without the client's automaton, so that the two do
 * not share a mistake there. Times are milliseconds of the test's clock.
 */
#ifndef TESTS_LIB_PPP_SERVER_H
#define TESTS_LIB_PPP_SERVER_H

#include "lib/advert.h"
#include "lib/test.h"

#include "crypto/mschap.h"
#include "crypto/rng.h"
#include "ppp/ppp.h"
#include "ppp/ra.h"

enum server_auth {
	SERVER_NONE,
	SERVER_PAP,
	SERVER_CHAP,
	SERVER_MSCHAPV2,
	SERVER_EAP_MD5,
	SERVER_MSCHAPV1,
	SERVER_EAP_PEAP, /* what the client does not have; its Nak is the end */
};

struct server_config {
	enum server_auth
		offers[6]; /* to be tried in order when the client naks, SERVER_NONE ends */
	bool stubborn; /* never changes what it offered first */
	const char *user, *password;
	const char *failure; /* text of a CHAP failure */
	uint64_t verdict_ms; /* it thinks so long about what the client logs in with */
	bool lies; /* its MS-CHAPv2 success has a wrong proof */
	bool retry; /* after a wrong password MS-CHAPv2 goes on with another challenge */
	uint8_t address[4], own[4], dns[2][4];
	bool wins; /* has one to give; else it rejects the question */
	bool mppe; /* asks for MPPE; and hangs up when it is refused, if ... */
	bool mppe_insists;
	bool ipv6;
	bool advertises; /* advert, when it is asked to */
	struct advert advert;
	uint16_t mru; /* 0: not said */
	bool compress; /* asks for PFC and ACFC, and uses both */
	bool extras; /* its LCP also asks for callback and multilink, as Windows does; rejected, they go */
	bool mute; /* answers no echo */
	bool no_magic; /* rejects the Magic-Number, and copies what is in an echo request */
	bool deaf_to_end; /* nor a Terminate-Request */
};

struct server_cp {
	uint16_t protocol;
	bool running, acked, peer_acked; /* ours by it, its by us */
	uint8_t id;
	uint64_t resend;
};

enum { SERVER_FRAMES = 32, SERVER_FRAME_MAX = 700 };

struct server {
	struct server_config cfg;
	uint64_t now;
	uint32_t seed;
	unsigned offer;
	struct server_cp lcp, ipcp, ip6cp;
	bool logged_in, refused, down, rejected_ccp, rejected_extras, terminated;
	uint64_t challenge_at;
	unsigned challenges;
	uint64_t verdict_at;
	unsigned n_logins; /* frames that it got in the meantime, the first of which is ... */
	size_t login_len;
	uint8_t login[SERVER_FRAME_MAX]; /* ... this */
	uint8_t chap_id, challenge[16];
	uint8_t client_id[8];
	unsigned solicited; /* by the client, to advertise */
	size_t client_mru;
	char said
		[64]; /* in the client's last Terminate-Request or Protocol-Reject, for looking at */
	unsigned first, n;
	struct {
		size_t len;
		uint8_t data[SERVER_FRAME_MAX];
	} out[SERVER_FRAMES];
};

/* A server for "User" with "clientPass", who gets 10.10.1.2 and the name server 10.10.1.1. */
void server_preset(struct server_config *cfg, enum server_auth auth);
void server_init(struct server *s, const struct server_config *cfg, uint32_t seed);
void server_input(struct server *s, uint64_t now, struct bytes frame);
void server_tick(struct server *s, uint64_t now);
uint64_t server_deadline(const struct server *s);
bool server_output(struct server *s, struct bytes *frame);
/* Both sides have an address: packets could flow. */
bool server_up(const struct server *s);
/* Says cfg.advert. */
void server_advertise(struct server *s);
/* LCP begins anew, and all above it. */
void server_restart(struct server *s);
void server_terminate(struct server *s, const char *why);
/* Any packet, as it is. */
void server_send(struct server *s, uint16_t protocol, uint8_t code, uint8_t id, struct bytes data);

#endif
