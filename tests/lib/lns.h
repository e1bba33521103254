/*
 * An L2TP network server as a test wants it to behave: it answers one client's tunnel and session,
 * over a reliable control channel of its own that was written from RFC 2661, not from ours. Times are
 * milliseconds of the test's clock.
 */
#ifndef TESTS_LIB_LNS_H
#define TESTS_LIB_LNS_H

#include "lib/test.h"

#include "base/secret.h"

enum { LNS_QUEUE = 16, LNS_MESSAGE_MAX = 600, LNS_OUT = 64, LNS_AVPS_MAX = 256 };

struct lns_config {
	const char *secret; /* of the tunnel; NULL: none */
	bool challenge; /* the client must prove it */
	bool hide; /* hide what may be hidden */
	bool lies; /* wrong Challenge Response */
	uint16_t window; /* Receive Window Size, 0: not said */
	uint16_t tunnel, session; /* what it assigns; 0: left out */
	uint8_t version; /* of the protocol, in SCCRP */
	bool mute; /* acknowledges, but never answers */
	bool sequence; /* numbers data messages */
	bool offset; /* puts an offset into them */
	bool no_length; /* leaves their length out */
	uint8_t extra[LNS_AVPS_MAX]; /* AVPs that go into SCCRP as they are */
	size_t extra_len;
	unsigned hello_ms; /* 0: none */
};

struct lns {
	struct lns_config cfg;
	uint64_t now;
	uint16_t peer_tunnel, peer_session;
	uint16_t ns, una, nr, data_ns;
	uint64_t resend, hello_at;
	struct {
		size_t len;
		uint8_t data[LNS_MESSAGE_MAX];
	} queue[LNS_QUEUE];
	struct {
		size_t len;
		uint8_t data[2048];
	} out[LNS_OUT];
	unsigned first, n;
	/* what the client said */
	bool established, up, closed;
	char hostname[64];
	uint16_t result, error; /* of its StopCCN or CDN */
	uint16_t seen[64]; /* message types in the order of delivery */
	unsigned n_seen;
	unsigned acks, wrong_proofs, sequenced;
	uint16_t last_data_ns;
};

void lns_preset(struct lns_config *cfg);
void lns_init(struct lns *l, const struct lns_config *cfg);
/* A datagram of the client's. True, with the frame, when it was a data message. */
bool lns_input(struct lns *l, uint64_t now, struct bytes datagram, struct bytes *frame);
void lns_tick(struct lns *l, uint64_t now);
uint64_t lns_deadline(const struct lns *l);
bool lns_output(struct lns *l, struct bytes *datagram);
void lns_data(struct lns *l, struct bytes frame);
/* A control message with the AVPs behind the Message Type as they are; queued and repeated until it
 * is acknowledged. */
void lns_send(struct lns *l, uint16_t type, bool mandatory, bool of_session, struct bytes avps);
void lns_stop(struct lns *l, uint16_t result, int error, const char *text);
void lns_cdn(struct lns *l, uint16_t result, int error, const char *text);

#endif
