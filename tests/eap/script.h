/*
 * Conversations with an EAP peer, written down: what the gateway or the user says, and what the peer
 * must make of it.
 */
#ifndef TESTS_EAP_SCRIPT_H
#define TESTS_EAP_SCRIPT_H

#include "lib/test.h"

#include "crypto/rng.h"
#include "eap/eap.h"

/* Octets are hexadecimal pairs and 'text'. The first "@" is two octets, the length of the whole;
 * the second one its length less five: MS-Length. */
size_t script_octets(const char *spec, uint8_t *out, size_t cap);

/* The challenges of RFC 2759 section 9.2, and the answers for "User" with "clientPass". */
#define GATEWAY_CHALLENGE "5b5d7c7d7b3f2f3e3c2c602132262628"
#define PEER_CHALLENGE    "21402324255e262a28295f2b3a337c7e"
#define NT_RESPONSE       "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"
#define PROOF             "'S=407A5589115FD0D6209F510FE9C04566932CDA56'"
/* RFC 3079 section 3.5.3 has the second half: what the server sends with, the client receives. */
#define INNER_KEY        "d5f0e9521e3ea9589645e86051c82226 8b7cdc149b993a1ba118cb153f56dccb"
#define FAILED_CHALLENGE "'C=5b5d7c7d7b3f2f3e3c2c602132262628'"

#define IDENTITY_REQUEST "01 01 @ 01"
#define CHALLENGE        "01 05 @ 1a 01 05 @ 10" GATEWAY_CHALLENGE "'gateway'"
#define RESPONSE_VALUE   "31" PEER_CHALLENGE "0000000000000000" NT_RESPONSE "00"
#define RESPONSE         "02 05 @ 1a 02 05 @" RESPONSE_VALUE "'User'"
#define PROVED           "01 06 @ 1a 03 05 @" PROOF
#define PROVED_RESPONSE  "02 06 @ 1a 03"

enum { SCRIPT_LINES = 16 };

struct line {
	const char *in; /* a packet; NULL: the user answers */
	const char *answer; /* what the user types; NULL: nothing, he would not */
	enum eap_verdict verdict;
	const char *out; /* SEND: the response ("" leaves it open). ASK: the prompt */
	enum ask_kind kind;
	enum err_kind err;
	const char *words; /* in the error's sentence, or (with no error) in the notice */
};

#define GATEWAY(octets) .in = (octets)
#define USER(text)      .answer = (text)
#define SEND(octets)    .verdict = EAP_V_SEND, .out = (octets)
#define ASK(what, text) .verdict = EAP_V_ASK, .kind = (what), .out = (text)
#define REFUSED(text)   .err = ERR_PEER, .words = (text) /* behind ASK: why it is asked again */
#define FAIL(why, text) .verdict = EAP_V_FAILURE, .err = (why), .words = (text)
#define IGNORE          .verdict = EAP_V_IGNORE, .err = ERR_DROP
#define DONE            .verdict = EAP_V_SUCCESS

struct script {
	const char *name;
	const char *user;
	const char *password; /* of the profile, or NULL */
	const char *methods; /* words with spaces; NULL: all */
	bool sequence;
	bool msk; /* there is a key at the end */
	struct line lines[SCRIPT_LINES];
};

struct peer {
	struct eap_config config;
	uint8_t methods[EAP_ALLOWED_MAX];
	struct passphrase password;
	struct rng rng; /* gives PEER_CHALLENGE, and again */
	struct eap *eap;
};

void peer_start(
	struct peer *p, const char *user, const char *password, const char *methods, bool sequence);
void peer_stop(struct peer *p);
void script_run(const struct script *s);

#endif
