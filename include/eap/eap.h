/*
 * EAP peer (RFC 3748): a request in, a response and a verdict out.
 *
 * Used inside IKE_AUTH and inside PPP; it sees only EAP packets. Order is a table: Identity first,
 * at most one method (and a second one only where the carrier allows a sequence), success only after
 * the method said so itself (an early EAP-Success is refused). Nothing here decides whether the
 * gateway may see the user's name: the carrier starts EAP only once that is settled. Nor whether the
 * method is good enough to prove the gateway on its own (RFC 5998): that is not asked of any.
 * A method over TLS has the server prove itself by a certificate, too, before it is told more.
 *
 * The user gives what the profile does not hold: the name (on Identity, or when a method needs it),
 * the password (kept for the rest of the conversation), and every EAP-GTC code. EAP-GTC takes the
 * profile's password only where the gateway's words ask for a password, in the first round of the
 * first method. A password that the gateway refuses is asked for again where the method allows it,
 * three in all.
 */
#ifndef EAP_EAP_H
#define EAP_EAP_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/outbox.h"
#include "crypto/rng.h"
#include "crypto/tls.h"

enum eap_code { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4 };

enum eap_type {
	EAP_IDENTITY = 1,
	EAP_NOTIFICATION = 2,
	EAP_NAK = 3,
	EAP_MD5 = 4,
	EAP_OTP = 5,
	EAP_GTC = 6,
	EAP_TLS = 13,
	EAP_TTLS = 21,
	EAP_PEAP = 25,
	EAP_MSCHAPV2 = 26,
};

/* What EAP-TTLS carries: EAP, or the password by itself. */
enum eap_ttls { TTLS_EAP, TTLS_PAP, TTLS_MSCHAPV2 };

enum { EAP_PACKET_MAX = 4096, EAP_USER_MAX = 256, EAP_ALLOWED_MAX = 8 };

struct eap_config { /* lives as long as the eap */
	const char *user; /* "" : ask; at most EAP_USER_MAX - 1 octets, as DOMAIN\user or plain */
	const struct passphrase *password; /* NULL: ask when a method needs it */
	const uint8_t *methods; /* types allowed, all supported, most wanted first */
	size_t n_methods; /* 1 to EAP_ALLOWED_MAX */
	bool sequence; /* a further method after the first is acceptable (RFC 4739, FortiGate) */
	const struct tls_config *tls; /* for methods over TLS; NULL: there are none of those */
	enum eap_ttls ttls;
};

enum eap_verdict {
	EAP_V_IGNORE, /* nothing to do: a stray or malformed packet; err says what (DROP) */
	EAP_V_SEND, /* out is the response. When err is set the method has failed and out only
	                * takes note of it: whatever comes next, err is the reason to show */
	EAP_V_ASK, /* the user must answer; eap_answer goes on from here. When err is set the gateway
	            * refused what it was given before: to show */
	EAP_V_SUCCESS, /* the gateway is satisfied, and so is the method; out is empty */
	EAP_V_FAILURE, /* over, nothing to send. err says why: PEER (not accepted), AUTH (the server
	                * failed to prove itself), CONFIG (the user gave no answer), LOCAL (no MD4) */
};

struct eap_result { /* may hold what the user typed, in out: wipe it after use */
	enum eap_verdict verdict;
	size_t len;
	uint8_t out[EAP_PACKET_MAX];
	struct ask ask; /* id is the carrier's to fill */
	char notice[EVENT_TEXT_MAX]; /* text of the gateway, to show; safe to print */
	char log[EVENT_TEXT_MAX]; /* for the log */
	struct err err;
};

struct eap;

struct eap *eap_new(const struct eap_config *config, struct rng *rng, struct err *e) MUST_CHECK;
void eap_free(struct eap *x); /* wipes; NULL is fine */
/* One packet from the gateway, with whatever padding there is behind its own length. A repeated
 * Request (the same octets as the last one) gets the same response again. After SUCCESS or FAILURE
 * everything is ignored. r need not be initialized. */
void eap_input(struct eap *x, struct bytes packet, struct eap_result *r);
/* Is it the last Request that got a response, octet for octet? */
bool eap_repeats(const struct eap *x, struct bytes packet);
/* The answer to EAP_V_ASK; NULL: the user would not. */
void eap_answer(struct eap *x, const struct passphrase *text, struct eap_result *r);
/* The key of the last method (RFC 5247 MSK, 64 octets), NULL when that makes none (MD5, GTC). Only
 * after EAP_V_SUCCESS; owned by x. */
const struct secret *eap_msk(const struct eap *x);
/* The method has nothing against a success. A carrier that sees the gateway go on may then take the
 * Success for lost (RFC 3748 section 4.2): nobody repeats it. */
bool eap_may_end(const struct eap *x);
/* A method was agreed on, and may have been given a password. */
bool eap_began(const struct eap *x);
/* The type of the method in use, 0: none was agreed on. */
uint8_t eap_type_in_use(const struct eap *x);
/* TLS with the server failed, whoever found fault: nothing but that was said to it. */
bool eap_tls_failed(const struct eap *x);
/* "EAP-MSCHAPv2", ... ; the method in use or "EAP". */
const char *eap_method_name(const struct eap *x);
/* Type number by the profile's word ("mschapv2", "md5", "gtc", "tls", "ttls"), 0 when unknown or not supported. */
uint8_t eap_type_by_name(const char *word);
const char *eap_type_name(uint8_t type); /* never NULL */
bool eap_type_over_tls(uint8_t type);

#endif
