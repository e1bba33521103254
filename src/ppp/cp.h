/*
 * A control protocol of PPP: LCP, IPCP and IPV6CP are the same automaton and the same packets (RFC
 * 1661 sections 4 and 5) over different options, so what differs is a constant table of options.
 *
 * Bounded: Max-Configure tries of a request, Max-Failure Naks before the options of the gateway are
 * rejected, CP_TURNS_MAX requests of either side before the negotiation opens, CP_UPS_MAX openings
 * in CP_UPS_MS.
 */
#ifndef PPP_CP_H
#define PPP_CP_H

#include "base/bytes.h"
#include "base/types.h"
#include "fsm.h"

enum cp_code { /* RFC 1661 section 5, RFC 1570 section 2 */
	CP_CONFIGURE_REQUEST = 1,
	CP_CONFIGURE_ACK = 2,
	CP_CONFIGURE_NAK = 3,
	CP_CONFIGURE_REJECT = 4,
	CP_TERMINATE_REQUEST = 5,
	CP_TERMINATE_ACK = 6,
	CP_CODE_REJECT = 7,
	CP_PROTOCOL_REJECT = 8, /* from here on LCP only */
	CP_ECHO_REQUEST = 9,
	CP_ECHO_REPLY = 10,
	CP_DISCARD_REQUEST = 11,
	CP_IDENTIFICATION = 12,
	CP_TIME_REMAINING = 13,
};

enum {
	CP_HEADER_LEN = 4,
	CP_OPTIONS_MAX = 64, /* octets of our own Configure-Request */
	CP_ACKED_MAX = 128, /* octets of the gateway's, to know it again */
	CP_REPEATS_MAX = 1,
	CP_INFO_MAX = 1500, /* octets of a packet that we send */
	CP_MAX_CONFIGURE = 10,
	CP_MAX_TERMINATE = 2,
	CP_MAX_FAILURE = 5,
	CP_TURNS_MAX = 64,
	CP_UPS_MAX = 16,
	CP_UPS_MS = 600000,
};

struct ppp;

enum cp_verdict { CP_ACK, CP_NAK, CP_REJ };

struct cp_option {
	uint8_t type;
	uint8_t min, max; /* octets of the whole option, with type and length */
	const char *name;
	/* Our request: appends the value; false: we do not ask for it. NULL: never. */
	bool (*ask)(const struct ppp *p, struct wr *value);
	/* The gateway asks: takes the value over, or for CP_NAK writes one that would do. NULL: CP_REJ. */
	enum cp_verdict (*judge)(struct ppp *p, struct rd value, struct wr *better);
	/* The gateway would have another value of ours. NULL: then we do not ask any more. */
	void (*naked)(struct ppp *p, struct rd value);
};

struct cp_protocol {
	uint16_t number;
	const char *name;
	const struct cp_option *options;
	size_t n_options;
	void (*forget)(struct ppp *p); /* what an earlier Configure-Request of the gateway said */
};

struct cp {
	const struct cp_protocol *protocol;
	enum fsm_state state;
	uint64_t timer; /* TIME_NEVER: not running */
	unsigned tries_left, tries; /* of the Restart counter, and used since it was set */
	unsigned failures; /* Configure-Naks sent since the last Configure-Ack */
	unsigned turns, ups;
	uint64_t ups_from; /* from then on ups are counted */
	uint32_t refused; /* options of ours that the gateway rejected, by row */
	uint8_t id; /* of the last request of any kind */
	uint8_t request_id;
	bool pending; /* the last Configure-Request has no answer yet */
	size_t request_len;
	uint8_t request[CP_OPTIONS_MAX]; /* the options asked for last */
	unsigned repeats;
	uint8_t acked_id;
	size_t acked_len; /* the gateway's request that was acknowledged last, 0: none that fits */
	uint8_t acked[CP_ACKED_MAX];
};

/* A packet as it came. */
struct cp_packet {
	uint8_t code, id;
	struct bytes data;
};

void cp_init(struct cp *c, const struct cp_protocol *protocol);
/* All of these return the layer actions (FSM_TLU, _TLD, _TLS, _TLF) for the driver to act on. */
unsigned cp_event(struct ppp *p, struct cp *c, enum fsm_event event);
/* False for a packet that is cut short, which is discarded silently (RFC 1661 section 5). */
bool cp_read(struct cp_packet *k, struct bytes info);
/* The codes that all protocols share, 1 to 7; anything else is unknown here. */
unsigned cp_input(struct ppp *p, struct cp *c, const struct cp_packet *k);
/* A code that only LCP has and that the automaton counts (RXR); an Echo-Request is answered. */
unsigned cp_input_echo(struct ppp *p, struct cp *c, const struct cp_packet *k, uint32_t magic);
unsigned cp_tick(struct ppp *p, struct cp *c);
/* The gateway rejected this option of ours. */
bool cp_refused(const struct cp *c, uint8_t type);
/* More requests were sent to and fro than any honest negotiation needs. */
bool cp_endless(const struct cp *c);

#endif
