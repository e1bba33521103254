/*
 * EAP inside of EAP: what EAP-TTLS and PEAP carry. The inner peer is one of ours, with the methods that are
 * not over TLS themselves.
 */
#ifndef SRC_EAP_INNER_H
#define SRC_EAP_INNER_H

#include "tunnel.h"

/* Gives the inner peer a packet of the server, or the user's answer to what it asked, and tells what comes of
 * it for the outer method: STEP_REPLY, STEP_LAST and STEP_CONCEDE, with what there is to send in `in`
 * (perhaps nothing); STEP_ASK, STEP_FAIL. `in` is to be wiped. */
enum eap_step inner_packet(
	struct eap *x, struct bytes packet, struct eap_result *in, struct eap_result *r);
/* A method inside is through, and has nothing against a success. */
bool inner_may_end(const struct eap *x);

#endif
