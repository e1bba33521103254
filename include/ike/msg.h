/*
 * IKE messages: header, payload chain, and the numbers of the protocol (RFC 7296 section 3).
 *
 * Reading splits a chain into payloads that point into the message; unknown payloads that are not
 * critical are left out (section 2.5). Writing is ikew: each new payload patches the one before, so
 * the order of the calls is the order on the wire.
 */
#ifndef IKE_MSG_H
#define IKE_MSG_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/names.h"
#include "base/types.h"

enum { IKE_HDR_LEN = 28, IKE_SPI_LEN = 8, IKE_MESSAGE_MAX = 65535, IKE_DATAGRAM_MAX = 10000 };

enum exchange_type {
	IKE_SA_INIT = 34,
	IKE_AUTH = 35,
	CREATE_CHILD_SA = 36,
	INFORMATIONAL = 37,
	IKE_SESSION_RESUME = 38, /* RFC 5723 */
	IKE_INTERMEDIATE = 43, /* RFC 9242 */
	IKE_FOLLOWUP_KE = 44, /* RFC 9370 */
};

enum { FLAG_INITIATOR = 0x08, FLAG_VERSION = 0x10, FLAG_RESPONSE = 0x20 };

enum payload_type {
	PAYLOAD_NONE = 0,
	PAYLOAD_SA = 33,
	PAYLOAD_KE = 34,
	PAYLOAD_IDi = 35,
	PAYLOAD_IDr = 36,
	PAYLOAD_CERT = 37,
	PAYLOAD_CERTREQ = 38,
	PAYLOAD_AUTH = 39,
	PAYLOAD_NONCE = 40,
	PAYLOAD_N = 41,
	PAYLOAD_D = 42,
	PAYLOAD_V = 43,
	PAYLOAD_TSi = 44,
	PAYLOAD_TSr = 45,
	PAYLOAD_SK = 46,
	PAYLOAD_CP = 47,
	PAYLOAD_EAP = 48,
	PAYLOAD_SKF = 53,
};

enum notify_type {
	UNSUPPORTED_CRITICAL_PAYLOAD = 1,
	INVALID_IKE_SPI = 4,
	INVALID_MAJOR_VERSION = 5,
	INVALID_SYNTAX = 7,
	INVALID_MESSAGE_ID = 9,
	INVALID_SPI = 11,
	NO_PROPOSAL_CHOSEN = 14,
	INVALID_KE_PAYLOAD = 17,
	AUTHENTICATION_FAILED = 24,
	SINGLE_PAIR_REQUIRED = 34,
	NO_ADDITIONAL_SAS = 35,
	INTERNAL_ADDRESS_FAILURE = 36,
	FAILED_CP_REQUIRED = 37,
	TS_UNACCEPTABLE = 38,
	INVALID_SELECTORS = 39,
	UNACCEPTABLE_ADDRESSES = 40,
	TEMPORARY_FAILURE = 43,
	CHILD_SA_NOT_FOUND = 44,
	STATE_NOT_FOUND = 47,
	NOTIFY_STATUS_FIRST = 16384, /* below: errors */
	INITIAL_CONTACT = 16384,
	SET_WINDOW_SIZE = 16385,
	ADDITIONAL_TS_POSSIBLE = 16386,
	IPCOMP_SUPPORTED = 16387,
	NAT_DETECTION_SOURCE_IP = 16388,
	NAT_DETECTION_DESTINATION_IP = 16389,
	COOKIE = 16390,
	USE_TRANSPORT_MODE = 16391,
	HTTP_CERT_LOOKUP_SUPPORTED = 16392,
	REKEY_SA = 16393,
	ESP_TFC_PADDING_NOT_SUPPORTED = 16394,
	NON_FIRST_FRAGMENTS_ALSO = 16395,
	MOBIKE_SUPPORTED = 16396,
	UPDATE_SA_ADDRESSES = 16400,
	COOKIE2 = 16401,
	AUTH_LIFETIME = 16403,
	REDIRECT = 16407,
	TICKET_LT_OPAQUE = 16409,
	TICKET_REQUEST = 16410,
	TICKET_ACK = 16411,
	TICKET_NACK = 16412,
	TICKET_OPAQUE = 16413,
	EAP_ONLY_AUTHENTICATION = 16417,
	CHILDLESS_IKEV2_SUPPORTED = 16418,
	IKEV2_FRAGMENTATION_SUPPORTED = 16430,
	SIGNATURE_HASH_ALGORITHMS = 16431,
	USE_PPK = 16435,
	PPK_IDENTITY = 16436,
	NO_PPK_AUTH = 16437,
	INTERMEDIATE_EXCHANGE_SUPPORTED = 16438,
	ADDITIONAL_KEY_EXCHANGE = 16441,
};

extern const struct name notify_names[];
extern const struct name exchange_names[];
extern const struct name payload_names[];
/* "NO_PROPOSAL_CHOSEN (14)", "notify 40001" for one without a name. */
enum { NOTIFY_TEXT_MAX = 64 };
char *notify_text(char out[NOTIFY_TEXT_MAX], uint16_t type);

struct ike_hdr {
	uint8_t spi_i[IKE_SPI_LEN], spi_r[IKE_SPI_LEN];
	uint8_t next; /* type of the first payload */
	uint8_t version;
	uint8_t exchange;
	uint8_t flags;
	uint32_t mid;
	uint32_t len; /* of the whole message */
};

/* DROP when it is no IKEv2 header or its length is not the datagram's. */
bool ike_hdr_read(struct ike_hdr *h, struct bytes message, struct err *e) MUST_CHECK;
/* The same for IKEv1 (RFC 2408 section 3.1). */
bool ike_hdr_read_v1(struct ike_hdr *h, struct bytes message, struct err *e) MUST_CHECK;
void ike_hdr_write(struct wr *w, const struct ike_hdr *h);

enum { PAYLOADS_MAX = 64 };

struct payload {
	uint8_t type;
	struct bytes body; /* behind the generic header */
};

struct payloads {
	size_t n;
	struct payload v[PAYLOADS_MAX];
};

/* Splits the chain that starts with type first. SK and SKF end it (their next-payload field belongs
 * to what is inside, found in *inner). DROP when lengths do not add up or there are too many; PEER
 * with UNSUPPORTED_CRITICAL_PAYLOAD for an unknown critical one, *unknown being its type. */
bool payloads_read(struct payloads *p, uint8_t first, struct bytes chain, uint8_t *inner,
	uint8_t *unknown, struct err *e) MUST_CHECK;
/* The payload of that type, or NULL; number i of several. */
const struct payload *payload_find(const struct payloads *p, uint8_t type);
const struct payload *payload_nth(const struct payloads *p, uint8_t type, size_t i);
/* Sets of payload types as bits 1 << (type - 32); 0 for a type outside 33..63. */
uint32_t payload_bit(uint8_t type);
#define PBIT(type) (UINT32_C(1) << ((type)-32))
uint32_t payloads_set(const struct payloads *p);

/* Notify (section 3.10). */
struct notify {
	uint8_t protocol;
	uint16_t type;
	struct bytes spi, data;
};

bool notify_read(struct notify *n, struct bytes body);
/* The first notify of that type, false when there is none; the first error notify. */
bool notify_find(const struct payloads *p, uint16_t type, struct notify *out);
bool notify_find_error(const struct payloads *p, struct notify *out);

struct ikew {
	struct wr w;
	size_t next_at; /* offset of the next-payload octet to patch, SIZE_MAX: first is patched */
	size_t open_at; /* start of the payload being written, SIZE_MAX: none */
	uint8_t first; /* type of the first payload, for a chain without header */
};

/* A whole message: header first. */
void ikew_message(struct ikew *k, void *buf, size_t cap, const struct ike_hdr *h);
/* A chain without header, for what goes inside SK. */
void ikew_chain(struct ikew *k, void *buf, size_t cap);
/* Ends the payload before and begins one; its body is written to k->w. */
void ikew_payload(struct ikew *k, uint8_t type);
/* Ends the last payload and, in a message, sets the length. False when it did not fit. */
bool ikew_end(struct ikew *k, size_t *len) MUST_CHECK;

void ikew_bytes(struct ikew *k, uint8_t type, struct bytes body);
void ikew_notify(
	struct ikew *k, uint8_t protocol, uint16_t type, struct bytes spi, struct bytes data);

#endif
