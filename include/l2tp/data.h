/*
 * Data messages of L2TPv2 (RFC 2661 sections 3.1 and 5.4): one PPP frame each.
 *
 * Apart from the engine, for whoever carries packets does this for each of them and must not wait
 * for it. Length, sequence numbers and offset are understood whenever they are there. We send the
 * length; sequence numbers only to a gateway that sends them, because it decides (section 5.4).
 */
#ifndef L2TP_DATA_H
#define L2TP_DATA_H

#include "base/bytes.h"
#include "base/err.h"

enum {
	L2TP_PORT = 1701,
	L2TP_DATA_HEADER_MAX = 12,
};

/* The two ends of a session, and where its sequence numbers are. A plain value. */
struct l2tp_session {
	uint16_t tunnel, session; /* ours: in what comes in */
	uint16_t peer_tunnel, peer_session;
	bool sequenced; /* the gateway's last message had a sequence number */
	uint16_t ns; /* of our next message, when sequenced */
};

/* Control messages are the engine's, everything else is for l2tp_data_read. */
bool l2tp_is_control(struct bytes datagram);
/* The frame in a data message of this session; false for any other or malformed one. */
bool l2tp_data_read(struct l2tp_session *s, struct bytes datagram, struct bytes *frame) MUST_CHECK;
/* Octets of the header that comes next. */
size_t l2tp_data_header_len(const struct l2tp_session *s);
/* Writes the header to be put before a frame of so many octets; returns its length. */
size_t l2tp_data_header(
	struct l2tp_session *s, uint8_t header[L2TP_DATA_HEADER_MAX], size_t frame_len);

#endif
