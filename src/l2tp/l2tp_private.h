/*
 * Numbers of L2TPv2 (RFC 2661 sections 3 and 4), and its control messages as read and written.
 */
#ifndef L2TP_PRIVATE_H
#define L2TP_PRIVATE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/types.h"

enum { /* section 3.1 */
	HEADER_T = 0x8000,
	HEADER_L = 0x4000,
	HEADER_S = 0x0800,
	HEADER_O = 0x0200,
	HEADER_VERSION = 0x000f,
	L2TP_VERSION = 2,
	CONTROL_HEADER = 12,
	NS_AT = 8, /* in a control message */
	NR_AT = 10,
};

enum message_type { /* section 3.2 */
	SCCRQ = 1,
	SCCRP = 2,
	SCCCN = 3,
	STOPCCN = 4,
	HELLO = 6,
	OCRQ = 7,
	OCRP = 8,
	OCCN = 9,
	ICRQ = 10,
	ICRP = 11,
	ICCN = 12,
	CDN = 14,
	WEN = 15,
	SLI = 16,
};

enum avp_type { /* section 4.4, those that are looked at or sent */
	AVP_MESSAGE_TYPE = 0,
	AVP_RESULT_CODE = 1,
	AVP_PROTOCOL_VERSION = 2,
	AVP_FRAMING_CAPABILITIES = 3,
	AVP_BEARER_CAPABILITIES = 4,
	AVP_FIRMWARE_REVISION = 6,
	AVP_HOST_NAME = 7,
	AVP_VENDOR_NAME = 8,
	AVP_ASSIGNED_TUNNEL_ID = 9,
	AVP_RECEIVE_WINDOW_SIZE = 10,
	AVP_CHALLENGE = 11,
	AVP_CAUSE_CODE = 12,
	AVP_CHALLENGE_RESPONSE = 13,
	AVP_ASSIGNED_SESSION_ID = 14,
	AVP_CALL_SERIAL_NUMBER = 15,
	AVP_FRAMING_TYPE = 19,
	AVP_TX_CONNECT_SPEED = 24,
	AVP_RANDOM_VECTOR = 36,
	AVP_COUNT = 40,
};

enum { /* section 4.4.2 */
	STOPCCN_GENERAL = 1,
	STOPCCN_ERROR = 2,
	STOPCCN_NOT_AUTHORIZED = 4,
	STOPCCN_VERSION = 5,
	STOPCCN_SHUT_DOWN = 6,
	STOPCCN_FSM = 7,
	CDN_ERROR = 2,
	CDN_ADMINISTRATIVE = 3,
	CDN_NO_FACILITIES = 5,
	ERROR_LENGTH = 2,
	ERROR_VALUE = 3,
	ERROR_UNKNOWN_AVP = 8,
};

enum { AVP_VALUES_MAX = 2048, AVP_VALUE_MAX = 1023 - 6 };

struct avp_row {
	uint16_t type;
	const char *name;
	uint16_t min, max; /* octets of the value */
	bool mandatory; /* the M bit when we send it */
	bool hideable;
};

extern const struct avp_row avp_rows[];
const struct avp_row *avp_row(uint16_t type); /* NULL: unknown */

/* One control message. Values are found by AVP type: the first of each kind counts. */
struct message {
	uint16_t type;
	bool type_mandatory; /* M bit of the Message Type AVP */
	struct bytes value[AVP_COUNT]; /* p NULL: not there, or of a size that cannot be */
	uint64_t misfits; /* types that were there with such a size, one bit each */
	/* An AVP that must be understood and is not (section 4.1): ends tunnel or session. */
	bool foreign;
	uint16_t foreign_vendor, foreign_type;
	bool foreign_hidden; /* because there is no secret to read it with */
	size_t used;
	uint8_t room[AVP_VALUES_MAX]; /* of the values that were hidden */
};

/* AVPs behind the header. False when they are malformed (section 4.1): lengths, or no Message Type
 * first. secret may be NULL. */
bool message_read(struct message *m, struct bytes avps, const struct passphrase *secret,
	struct err *e) MUST_CHECK;
/* The number in an AVP of 2 or 4 octets, fallback when it is not there. */
uint32_t message_number(const struct message *m, enum avp_type type, uint32_t fallback);
const char *message_name(uint16_t type); /* "SCCRQ", never NULL */

/* Header with Message Type AVP; Ns and Nr are put in when it is sent. */
void message_begin(struct wr *w, uint16_t tunnel, uint16_t session, enum message_type type);
void avp_u16(struct wr *w, enum avp_type type, uint16_t v);
void avp_u32(struct wr *w, enum avp_type type, uint32_t v);
void avp_bytes(struct wr *w, enum avp_type type, struct bytes v);
void avp_result(struct wr *w, uint16_t result, uint16_t error, const char *text);
void message_end(struct wr *w);

/* "the requester is being shut down (result 6)": why the gateway cleared tunnel or session. */
void result_words(char *out, size_t size, const struct message *m);

/* CHAP-like proof of the secret in an answer of this type to a challenge (section 4.4.3). */
bool tunnel_response(enum message_type type, const struct passphrase *secret,
	struct bytes challenge, uint8_t out[16], struct err *e) MUST_CHECK;
/* Hides a value in place of the Hidden AVP Subformat, or brings it back (section 4.3); n octets. */
bool avp_unhide(uint16_t type, const struct passphrase *secret, struct bytes vector,
	struct bytes hidden, uint8_t *out, struct err *e) MUST_CHECK;

#endif
