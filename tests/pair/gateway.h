/*
 * An IKEv2 gateway for tests: small, complete enough to be a client's other side for all its life,
 * and able to misbehave on purpose.
 *
 * It is built from the project's own codecs, ciphers and key derivation (so a mistake made on both
 * sides goes unseen; vectors and real gateways are there for that), but it decides by itself: what
 * to choose, how to answer, who loses a collision. An IKE SA is the engine's struct v2_sa.
 *
 * Files: gateway.c receives, sends, keeps time and answers IKE_SA_INIT; gw_auth.c answers IKE_AUTH;
 * gw_eap.c is the EAP server; gw_child.c does CREATE_CHILD_SA and INFORMATIONAL in both roles, gw_series.c
 * what RFC 9370 adds to all of them; gw_resume.c gives tickets and takes them; edit.c changes its messages.
 */
#ifndef TESTS_PAIR_GATEWAY_H
#define TESTS_PAIR_GATEWAY_H

#include "../../src/ike/v2_sa.h"

struct credential { /* a certificate with its chain, and the key */
	struct cert_list certs;
	struct key *key;
};

/* --- edits ------------------------------------------------------------------------------------- */

enum edit_op {
	EDIT_NONE,
	EDIT_DROP, /* the payload is left out */
	EDIT_DUP, /* it stands there twice */
	EDIT_FIRST, /* it goes to the front */
	EDIT_REVERSE, /* all payloads, last first */
	EDIT_ONLY, /* all others are left out */
	EDIT_BODY, /* its body is hex */
	EDIT_SET, /* octets at at (negative: from the end) become hex */
	EDIT_FLIP, /* ... are xored with hex */
	EDIT_CUT, /* the body ends at at */
	EDIT_GROW, /* at zero octets more */
	EDIT_LENGTH, /* the length field says at more than there is */
	EDIT_RETYPE, /* its type becomes at */
	EDIT_ADD, /* a payload of this type with body hex, in front */
	EDIT_ADD_CRITICAL,
	EDIT_MANY, /* at more payloads of this type in front, like the one there, or empty */
	EDIT_NOTHING, /* the message is empty */
};

/* A change to one kind of message of the gateway, made before it is sealed (or, in IKE_SA_INIT,
 * signed): the gateway means what it says. */
struct edit {
	uint8_t exchange;
	bool request; /* the gateway's own requests, else its answers */
	uint32_t mid;
	bool any_mid;
	enum edit_op op;
	uint8_t payload;
	unsigned index; /* of several payloads of the type */
	int at;
	const char *hex;
};

/* Applies e to the chain (first type, octets); returns the new length. */
size_t edit_chain(const struct edit *e, uint8_t *first, uint8_t *chain, size_t len, size_t cap);

/* --- what the gateway is ------------------------------------------------------------------------ */

enum gw_tickets {
	GW_TICKETS_UNKNOWN, /* it knows nothing of RFC 5723 */
	GW_TICKETS,
	GW_TICKETS_REFUSED,
	GW_TICKETS_LATER, /* not in IKE_AUTH */
};

struct gw_config {
	const char *ike, *esp; /* proposals in the notation of profiles; NULL: a fast default */
	bool by_cert; /* it proves itself by own, else by the psk */
	const struct credential *own;
	/* It sends these along with its certificates: CRLs, answers of OCSP. */
	struct {
		uint8_t encoding;
		struct bytes der;
	} evidence[2];
	const char *id;
	enum ike_auth client; /* how the client must prove itself */
	struct trust *trust; /* for client certificates */
	const char *psk;
	const char *ppk_id,
		*ppk; /* RFC 8784: demanded of the client; NULL: it does not know of it */
	bool silent_of_ppk; /* it mixes it in, and does not say so */
	bool no_intermediate; /* it does not announce IKE_INTERMEDIATE */
	uint16_t refuse_inter; /* notify to answer IKE_INTERMEDIATE with */
	unsigned forgets; /* so often, a series of the client that is under way */
	bool wrong_link; /* it sends its own link back wrong */
	uint8_t eap; /* the method; of PEAP there is only the handshake */
	uint8_t eap_other; /* and the one that it has where the client does not want that, 0: none */
	const char *user, *password; /* for EAP; also the GTC code */
	/* EAP-TLS: the best version of TLS, 0: 1.3; the server's certificate where it is not own; who vouches for clients */
	int eap_tls;
	const struct credential *eap_own;
	struct x509_st *eap_client_ca; /* OpenSSL's */
	uint32_t hashes; /* SIGNATURE_HASH_ALGORITHMS; 0: what the library can */
	bool no_hashes, no_fragments, no_nat_detection, fake_nat;
	unsigned cookies; /* asks for a cookie so often */
	unsigned wrong_groups; /* answers INVALID_KE_PAYLOAD so often */
	uint16_t wanted_group; /* with this group, 0: the one it chose */
	uint16_t refuse_init, refuse_auth, refuse_child, refuse_rekey; /* notify to answer with */
	uint16_t refuse_pfs; /* ... where a child comes with a key exchange */
	uint16_t refuse_eap; /* ... in the place of EAP-Failure */
	uint16_t refuse_last; /* and what follows on a login that was accepted */
	const char *narrow; /* remote prefix it allows the client, NULL: all that is asked */
	const char *address; /* what it assigns, NULL: nothing */
	bool pushy; /* ... also where nobody asked */
	bool pss_only; /* it takes no other signature of an RSA key */
	bool own_name_only; /* refuses to be called by another (IDr) */
	bool transport;
	bool mobike;
	uint16_t refuse_move; /* notify to answer UPDATE_SA_ADDRESSES with */
	int nonce_i, nonce_r; /* first octet of its nonces as initiator and responder, -1: any */
	enum gw_tickets tickets;
	uint32_t ticket_life; /* seconds, 0: an hour */
	bool no_life; /* and says that they last no time */
	size_t ticket_len; /* 0: some */
	uint16_t refuse_resume; /* notify to answer IKE_SESSION_RESUME with */
	uint8_t wrong_proof; /* is xored to its AUTH then */
	bool bare; /* it takes AUTH to cover the message alone, as libreswan does */
	struct edit edits[4];
};

enum gw_phase {
	GW_IDLE,
	GW_HALF, /* IKE_SA_INIT is done */
	GW_UP,
	GW_REFUSED, /* it did not let the client in */
	GW_CLOSED, /* deleted, by either side */
	GW_LOST, /* the client does not answer */
};

enum gw_child_state { GWC_UP, GWC_REPLACED, GWC_DELETING };

struct gw_child {
	struct v2_sa *sa;
	uint32_t number, spi_in, spi_out;
	enum gw_child_state state;
	bool held; /* its outbound SA is not installed yet */
	struct sa_spec out;
	struct selectors local_ts, remote_ts;
};

enum gw_want {
	GW_REKEY_CHILD = 1,
	GW_REKEY_IKE = 2,
	GW_DELETE_CHILD = 4,
	GW_DELETE_IKE = 8,
	GW_NEW_CHILD = 16,
	GW_DPD = 32,
};

enum { GW_SAS_MAX = 24, GW_CHILDREN_MAX = 2 * IKE_CHILDREN_MAX };

struct gateway {
	const struct gw_config *cfg;
	struct rng rng;
	uint64_t now;
	time_t wall;
	struct v2 shell; /* what sealing asks of a struct v2: random numbers and the path */
	struct addr self, peer; /* of the last authentic message */
	struct outbox *ob; /* of the present call */
	struct proposals ike, esp;
	struct identity id;
	enum gw_phase phase;
	struct v2_sa *sa, *sas[GW_SAS_MAX]; /* sa: the current one */
	struct gw_child *children[GW_CHILDREN_MAX];
	size_t n_children;
	uint32_t next_number;
	struct handshake hs;
	struct kept init_reply;
	struct suite
		first; /* of the first child SA, from the first IKE_AUTH request; encr NULL: none fits */
	uint8_t first_number;
	bool wants_address;
	bool initial_contact; /* what the client says of itself */
	bool ocsp_wanted; /* the client asks for answers of any responder (RFC 4806) */
	uint8_t asked[4]; /* the IPv4 address that it wants, zero: any */
	unsigned cookies, wrong_groups;
	uint8_t cookie[8];
	/* EAP */
	uint8_t eap_id, eap_challenge[16];
	uint8_t eap; /* the method that is gone on with */
	enum { EAPS_IDENTITY, EAPS_METHOD, EAPS_PROVED, EAPS_REFUSED, EAPS_DONE } eap_state;
	struct tls_server *tls; /* of EAP-TLS */
	bool tls_said; /* the octet that ends it */
	struct secret msk;
	unsigned eap_octets; /* of the client's EAP packets */
	bool user_seen; /* the user's name came in */
	/* its own requests */
	unsigned want; /* enum gw_want, done when the window is open */
	uint64_t retry_at;
	unsigned rekeys_child, rekeys_ike,
		refused; /* refused: its requests answered with an error */
	/* Rekeys of a child whose own outbound SA is still held back, for its predecessor is not deleted:
	 * strongSwan 6.0 never sends by what comes of that. */
	unsigned overtaken;
	uint16_t last_notify; /* the last error notify that the client answered with */
	bool encap; /* by what the client says of the addresses, else by the port */
	unsigned replies_again; /* retransmitted requests that were answered from memory */
	unsigned requests; /* new ones */
	bool wants_ticket;
	struct resumption issued; /* what its last ticket stands for */
	unsigned tickets_asked, tickets_given, resume_requests, resumes;
	unsigned inits; /* IKE_SA_INIT that it has answered by its half */
	struct addr moved_to; /* by UPDATE_SA_ADDRESSES ... */
	unsigned moves; /* ... so often */
	unsigned followups,
		forgotten; /* IKE_FOLLOWUP_KE of the client that were answered; refused */
	/* Every chain that it seals or opens, when set. */
	void (*hear)(void *arg, bool sent, uint8_t exchange, bool response, uint8_t first,
		struct bytes chain);
	void *hear_arg;
};

void gw_init(struct gateway *g, const struct gw_config *cfg, uint32_t seed, time_t wall);
void gw_free(struct gateway *g);
void gw_datagram(struct gateway *g, uint64_t now, const struct addr *from, const struct addr *to,
	const void *data, size_t len, struct outbox *ob);
void gw_tick(struct gateway *g, uint64_t now, struct outbox *ob);
uint64_t gw_deadline(const struct gateway *g);
/* Begins what it is told as soon as its window is open. */
void gw_ask(struct gateway *g, uint64_t now, unsigned want, struct outbox *ob);
/* ESP came in on this SPI: the client has the other half. */
void gw_esp(struct gateway *g, uint64_t now, uint32_t spi, struct outbox *ob);
/* Any message of its own making, sealed with the keys of sa and sent, for tests. */
void gw_forge(struct gateway *g, uint64_t now, struct v2_sa *sa, uint8_t exchange, bool response,
	uint32_t mid, uint8_t first, struct bytes chain, struct outbox *ob);

/* One fragment as it stands: number and total may be nonsense. */
void gw_fragment(struct gateway *g, uint64_t now, const struct ike_hdr *h, uint16_t number,
	uint16_t total, uint8_t first, struct bytes content, struct outbox *ob);

/* --- shared among its files ---------------------------------------------------------------------- */

struct gw_step { /* a request of the client, or its answer */
	struct gateway *g;
	struct v2_sa *sa;
	const struct ike_hdr *h;
	const struct payloads *p;
	struct ikew *reply;
	const struct content *content;
};

struct v2_sa *gw_sa_new(struct gateway *g, bool initiator);
/* The client's first message makes one: it has no keys yet, and both nonces are in g->hs. */
struct v2_sa *gw_sa_opened(struct gateway *g, const struct ike_hdr *h, const struct payloads *p,
	const struct suite *suite, struct bytes ni);
void gw_sa_drop(struct gateway *g, struct v2_sa *sa);
void gw_request(
	struct gateway *g, struct v2_sa *sa, enum v2_task task, uint8_t exchange, struct ikew *k);
void gw_request_done(struct v2_sa *sa);
void gw_nonce(struct gateway *g, uint8_t nonce[NONCE_LEN], int first);
/* Chooses by its own order out of the client's proposals; spi_len is 0 in IKE_SA_INIT. */
bool gw_choose(struct bytes body, const struct proposals *ours, enum protocol_id proto,
	size_t spi_len, struct bytes *spi, uint8_t *number, struct suite *out);
void gw_notify(struct ikew *k, uint16_t type);
void gw_see_hosts(struct gateway *g, struct selectors *local, struct selectors *remote);
void gw_nat_detection(struct gateway *g, const struct v2_sa *sa, struct ikew *k);
/* What the client's hashes say. */
void gw_detect_nat(struct gateway *g, const uint8_t spi_i[IKE_SPI_LEN],
	const uint8_t spi_r[IKE_SPI_LEN], const struct payloads *p);

/* IKE_INTERMEDIATE: leaves the answer in s->reply; and what changes once it is sealed. */
void gw_inter_request(struct gw_step *s);
void gw_inter_sent(struct gateway *g, struct v2_sa *sa, uint32_t mid, const struct ikew *k);
/* A CREATE_CHILD_SA was agreed on by the client's request, or ours was answered. */
void gw_series_keep(struct gw_step *s, struct series *x);
void gw_series_go_on(struct gw_step *s, struct series *x);
void gw_followup_request(struct gw_step *s);
void gw_followup_answer(struct gw_step *s);
void gw_series_done(struct gw_step *s, struct series *x, bool initiator); /* gw_child.c: frees x */
void gw_create_refused(struct gw_step *s, uint16_t type);
void gw_auth_request(struct gw_step *s);
/* To TICKET_REQUEST. */
void gw_ticket_answer(struct gw_step *s);
/* IKE_SESSION_RESUME: the notify that refuses it, or 0; the half-open SA; and IKE_AUTH behind it. */
uint16_t gw_resume_refuses(const struct gateway *g, const struct payloads *p);
struct v2_sa *gw_resume_open(struct gateway *g, const struct ike_hdr *h, const struct payloads *p);
bool gw_resume_proved(struct gw_step *s);
void gw_resume_prove(struct gw_step *s);
enum { GW_EAPTLS_MAX = 4000 };
enum gw_eaptls { GW_EAPTLS_GOES_ON, GW_EAPTLS_DONE, GW_EAPTLS_REFUSED };
/* The type-data of a request, and what comes of a response's. */
size_t gw_eaptls_begin(struct gateway *g, uint8_t out[GW_EAPTLS_MAX]);
enum gw_eaptls gw_eaptls_input(
	struct gateway *g, struct bytes response, uint8_t out[GW_EAPTLS_MAX], size_t *n);
void gw_eap_request(struct gw_step *s, struct bytes packet); /* leaves the answer in s->reply */
/* The first child SA, or what the client gets instead. */
void gw_first_child(struct gw_step *s);
void gw_create_request(struct gw_step *s);
void gw_create_answer(struct gw_step *s);
void gw_info_request(struct gw_step *s);
void gw_info_answer(struct gw_step *s);
void gw_work(struct gateway *g);
void gw_children_clear(struct gateway *g, const struct v2_sa *sa);

#endif
