/*
 * PPP, the client's end of a link that a gateway offers: (state, now, one input) -> frames.
 *
 * Follows RFC 1661 (its automaton is a constant table, ppp/fsm.h), LCP, PAP (RFC 1334), CHAP (RFC
 * 1994), MS-CHAPv2 (RFC 2759), EAP (RFC 3748), IPCP (RFC 1332, 1877), IPV6CP (RFC 5072) and the
 * autoconfiguration of an IPv6 address (RFC 4862). The gateway is not made to log in to us: the carrier has seen to that. Compression and MPPE are
 * refused; the carrier encrypts. Every exchange is bounded, in tries and in turns.
 *
 * A frame is what L2TP carries: protocol and information, with or without address and control octets
 * in front, without flags and check sequence. Frames to be sent are taken by ppp_output after each
 * call, until there are none. Packets of IPv4 and IPv6 do not go through here (see ppp_read_frame), but
 * for router advertisements (ra_is), which may come at any time.
 * Times are milliseconds.
 */
#ifndef PPP_PPP_H
#define PPP_PPP_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/outbox.h"
#include "crypto/rng.h"
#include "eap/eap.h"

enum ppp_number { /* of protocols, RFC 1700 */
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_IPCP = 0x8021,
	PPP_IPV6CP = 0x8057,
	PPP_CCP = 0x80fd,
	PPP_LCP = 0xc021,
	PPP_PAP = 0xc023,
	PPP_CHAP = 0xc223,
	PPP_EAP = 0xc227,
};

enum ppp_auth { PPP_AUTH_MSCHAPV2, PPP_AUTH_CHAP, PPP_AUTH_PAP, PPP_AUTH_EAP, PPP_AUTHS };

enum {
	PPP_MRU_DEFAULT = 1500, /* RFC 1661 section 6.1 */
	PPP_MRU_MIN = 128,
	PPP_HEADER_LEN = 4, /* address, control, protocol: as we send them */
	PPP_FRAME_MAX = EAP_PACKET_MAX + PPP_HEADER_LEN, /* of those that come from here */
	PPP_SERVERS = 2, /* of each family */
};

struct ppp_config { /* lives as long as the ppp */
	const char *user; /* "": ask; at most EAP_USER_MAX - 1 octets */
	const struct passphrase *password; /* NULL: ask */
	size_t n_auth;
	enum ppp_auth auth[PPP_AUTHS]; /* ways to log in that may be used, most wanted first */
	size_t n_eap;
	const uint8_t *eap; /* EAP methods allowed; none: no EAP */
	const struct tls_config *tls; /* for those over TLS */
	enum eap_ttls ttls;
	uint16_t mru; /* largest packet that we want to receive */
	bool ipv4, ipv6; /* at least one */
	struct addr want; /* the address to ask for, family NONE: any */
	uint64_t echo_interval; /* the link is tested so often, 0: never */
	uint32_t first_ask; /* identifiers of questions count up from here */
};

enum ppp_phase { /* RFC 1661 section 3.2 */
	PPP_ESTABLISH,
	PPP_AUTHENTICATE,
	PPP_NETWORK, /* logged in; addresses are being agreed on */
	PPP_UP,
	PPP_TERMINATE,
	PPP_DEAD, /* ppp_view.failure says why; ERR_NONE: closed as asked */
};

struct ppp_view {
	enum ppp_phase phase;
	bool logging_in; /* the failure came while or before we logged in */
	struct err failure;
	bool eap_in_vain; /* it came for want of an EAP method that both have, and the config has
	                   * ways that are wanted more; no password was given to anybody */
	bool no_way; /* the gateway wants to log us in by none of the config's ways */
	const char *auth; /* "MS-CHAPv2", "PAP", ...; "none": the gateway asked for nothing */
	uint16_t peer_mru; /* largest packet that the gateway takes */
	bool ipv4, ipv6; /* open */
	struct addr local, remote; /* IPv4; family NONE: none was given */
	struct addr local6; /* of the prefix that the gateway advertises; family NONE: not yet */
	uint32_t n_dns, n_wins;
	struct addr dns[2 * PPP_SERVERS], wins[PPP_SERVERS];
	uint8_t local_id[8], remote_id[8]; /* IPv6 interface identifiers */
};

struct ppp;

/* config and rng belong to the owner and outlive the ppp. CONFIG or LOCAL on failure. */
struct ppp *ppp_new(const struct ppp_config *config, struct rng *rng, struct err *e) MUST_CHECK;
void ppp_free(struct ppp *p); /* wipes; NULL is fine */
/* The link is there: the first frame is LCP's, for servers that wait for one (xl2tpd). */
void ppp_start(struct ppp *p, uint64_t now, struct outbox *ob);
/* A frame from the gateway. Only questions (ACT_ASK) and events go to ob. */
void ppp_input(struct ppp *p, uint64_t now, struct bytes frame, struct outbox *ob);
/* text is NULL when the user would not answer. */
void ppp_answer(
	struct ppp *p, uint64_t now, uint32_t id, const struct passphrase *text, struct outbox *ob);
void ppp_tick(struct ppp *p, uint64_t now, struct outbox *ob);
/* Ends the link in order; PPP_DEAD follows. A second call does not wait. */
void ppp_stop(struct ppp *p, uint64_t now, struct outbox *ob);
uint64_t ppp_deadline(const struct ppp *p);
void ppp_view(const struct ppp *p, struct ppp_view *out);
/* The next frame to be sent, false when there is none. Valid until the next call that takes p. */
bool ppp_output(struct ppp *p, struct bytes *frame);

/* Protocol and information of a frame, whose address, control and protocol octets may be compressed
 * (RFC 1661 sections 6.5 and 6.6). False when it is too short to have a protocol. */
bool ppp_read_frame(struct bytes frame, uint16_t *protocol, struct bytes *info) MUST_CHECK;

#endif
