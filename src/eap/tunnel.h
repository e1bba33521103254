/*
 * TLS in EAP packets: what EAP-TLS (RFC 5216), EAP-TTLS (RFC 5281) and PEAP share. Requests are put together
 * and answers cut up here; what is said once TLS is up is the method's.
 */
#ifndef SRC_EAP_TUNNEL_H
#define SRC_EAP_TUNNEL_H

#include "crypto/tls.h"
#include "method.h"

enum tunnel_phase {
	TUNNEL_NEW, /* nothing but a Start may come */
	TUNNEL_SHAKING, /* the handshake goes on */
	TUNNEL_INSIDE, /* it is through, and the server proved itself */
	TUNNEL_OVER, /* TLS failed, and nothing is read any more */
};

/* For a method that has more to say than the handshake. */
enum inside_state {
	INSIDE_NEW, /* nothing was said yet */
	INSIDE_TALKS,
	INSIDE_MAY_END, /* nothing is against a success any more */
};

enum {
	TUNNEL_MESSAGE_MAX =
		65536, /* octets of one message of the server, in as many packets as it likes */
	/* Of a message of ours in one packet: with all headers it is what any carrier of EAP takes (RFC
	 * 3748 section 3.1). */
	TUNNEL_PART_MAX = 1020 - 10,
};

struct eap_tunnel { /* the eap's, made with the first request of a method and freed by eap_tunnel_free */
	enum tunnel_phase phase;
	struct tls *tls;
	bool sending; /* there is more of our message, for which the server must ask */
	enum eap_step then; /* what its last part is to the driver */
	bool asked; /* the user, about what plain holds: TLS has read that request */
	enum inside_state inside;
	struct eap_config inner_config;
	struct eap *inner; /* EAP inside, once it began */
	uint8_t ident; /* of MS-CHAP-V2 inside of EAP-TTLS */
	size_t in_len, in_total; /* of the message that is coming; total 0: not said */
	size_t plain_len;
	uint8_t plain[TLS_PLAIN_MAX]; /* what the server said inside, until it is answered */
	uint8_t in[TUNNEL_MESSAGE_MAX];
};

/* The request of a method that is nothing but TLS. inside tells what comes of what the server said inside (at
 * first of nothing): STEP_REPLY and STEP_LAST with what was given to tls_write, or with an empty packet;
 * STEP_CONCEDE, STEP_FAIL; STEP_ASK, and it is called once more with the same octets and the answer. */
enum eap_step eap_tunnel_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r,
	enum eap_step (*inside)(struct eap *x, struct bytes plain, struct eap_result *r));
/* The MSK: by RFC 9190 section 2.3 and RFC 9427 section 2.1 in TLS 1.3, else by that label. */
bool eap_tunnel_key(struct eap *x, const char *label, struct err *e) MUST_CHECK;
void eap_tunnel_free(struct eap_tunnel *t); /* NULL is fine */

#endif
