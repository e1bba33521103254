/*
 * L2TP under the packets of the inner interface: what ESP in transport mode carries then is UDP, in it
 * an L2TP data message, in it a PPP frame, in it the packet (RFC 3193 section 3.1). Pure, one packet at
 * a time, in the buffers of the userspace data plane.
 */
#ifndef EDGE_CARRY_H
#define EDGE_CARRY_H

#include "base/outbox.h"
#include "esp/esp.h"
#include "l2tp/data.h"
#include "ppp/ppp.h"

enum { CARRY_UDP_HEADER = 8 };

struct carry {
	struct l2tp_link link;
	struct l2tp_session session;
};

enum carry_what {
	CARRY_NOTHING, /* not ours: another port, or malformed */
	CARRY_PACKET, /* p is a packet for the inner interface */
	CARRY_MESSAGE, /* p is the payload of a UDP datagram for the session: control, or PPP's own */
};

void carry_set(struct carry *c, const struct l2tp_link *link);
bool carry_on(const struct carry *c); /* there is L2TP; then nothing else goes through the SA */
bool carry_takes_packets(const struct carry *c); /* the session is there, and PPP's link */
/* Octets that carry_packet puts before the next packet, carry_frame before a frame, carry_payload before
 * a payload. */
size_t carry_before_packet(const struct carry *c);
size_t carry_before_frame(const struct carry *c);
size_t carry_before_payload(void);
/* Does the SA take our datagrams? */
bool carry_selects(const struct carry *c, const struct sa_spec *spec);
/* Puts the headers before what p holds: a packet (v4 or v6), a PPP frame, or a payload of UDP. p must
 * have room before it. False: it is too long, or there is no session for it. */
bool carry_packet(struct carry *c, struct esp_packet *p, uint8_t family,
	const struct sa_spec *spec) MUST_CHECK;
bool carry_frame(struct carry *c, struct esp_packet *p, const struct sa_spec *spec) MUST_CHECK;
bool carry_payload(struct carry *c, struct esp_packet *p, const struct sa_spec *spec) MUST_CHECK;
/* What a PPP frame begins with that carries a packet of the family: PPP_HEADER_LEN octets. */
void carry_ppp_header(uint8_t header[PPP_HEADER_LEN], uint8_t family);
/* What a payload of UDP is; *packet: that in it, of a CARRY_PACKET. */
enum carry_what carry_read(struct carry *c, struct bytes payload, struct bytes *packet);
/* Takes the headers off what came out of the SA. */
enum carry_what carry_open(struct carry *c, struct esp_packet *p);

#endif
