/*
 * The inside of the IKEv2 engine: IKE SAs, child SAs, and what the steps share.
 *
 * Files: v2.c drives (inputs, timers), v2_end.c ends all, v2_request.c sends requests, again, and the next; v2_rows.c has
 * the table of messages and carries each to its step, v2_crypt.c seals and opens SK, v2_frag.c
 * reassembles, v2_keys.c derives; the steps are in v2_init.c, v2_inter.c, v2_auth.c, v2_eap.c,
 * v2_child.c, v2_create.c, v2_rekey.c, v2_series.c, v2_info.c, v2_mobike.c, v2_resume.c and v2_ticket.c; v2_nat.c
 * detects NATs;
 * v2_codec.c reads and writes SA, TS and CP payloads. Child SAs are those of child.h.
 *
 * A step reads, verifies, updates and queues output. It never calls another step, and it never
 * assigns a state: it leaves the next one in the struct step, and the driver assigns it.
 */
#ifndef IKE_V2_SA_H
#define IKE_V2_SA_H

#include "child.h"
#include "crypto/cipher.h"
#include "crypto/ke.h"
#include "crypto/prf.h"
#include "crypto/sig.h"
#include "ike/msg.h"
#include "ike/v2.h"
#include "rexmit.h"

enum {
	NONCE_LEN = 32,
	NONCE_MIN = 16, /* RFC 7296 section 3.9 */
	NONCE_MAX = 256,
	COOKIE_MAX = 64, /* section 2.6 */
	DETOURS_MAX = 5, /* COOKIE and INVALID_KE_PAYLOAD answers that are followed, each */
	V2_SAS_MAX = 6,
	FRAGMENTS_MAX = 255,
	MESSAGE_OUT_MAX = 32768,
	UNSURE_MS = 60000, /* so long it may be retransmitting, for all we know */
	HINT_WAIT_MS = 3000, /* a genuine answer may come so long after an unprotected error */
	TAKE_OVER_MS = 250, /* so long a child that we rekeyed is sent by */
	REMAKE_MS = 30000, /* a child SA that the gateway deletes is made anew no more often */
	RETRY_MS = 5000, /* after TEMPORARY_FAILURE (section 2.25) */
	EXTRA_PAUSE_MS =
		60000, /* a child SA that the gateway deletes is not asked for more often */
	AUTH_LIFETIME_MIN_MS = 60000, /* so long a login is good for, whatever the gateway says */
	LOGIN_LEAD_MS = 60000, /* so long before that is over a person should be asked */
	LOGIN_MARGIN_MS = 1000, /* it ends so long before the gateway ends it */
	REPLACED_MS = 30000, /* the peer may take so long to delete an IKE SA that it replaced */
	KEEPALIVE_MS = 20000, /* RFC 3948 section 4 */
	STOP_MS = 2000, /* how long leaving waits for the gateway's word */
	SERIES_MS =
		20000, /* the peer's next key exchange of a series may take so long (RFC 9370) */
	LINK_MAX = 1024, /* octets by which a gateway finds its series again */
	LINK_LEN = 8, /* of ours */
	TICKET_LIFE_MAX_MS = 24 * 3600 * 1000, /* a ticket's key is kept no longer */
	TICKET_AGAIN_MS = 60000, /* a ticket that ends soon is asked for anew no more often */
};

enum v2_state {
	V2_NEW,
	V2_INIT, /* IKE_SA_INIT sent */
	V2_RESUME, /* IKE_SESSION_RESUME sent */
	V2_INTERMEDIATE, /* an IKE_INTERMEDIATE sent */
	V2_AUTH, /* first IKE_AUTH sent */
	V2_EAP, /* EAP going on, a response sent */
	V2_ASK, /* the user has been asked */
	V2_FINISH, /* the last IKE_AUTH sent, with AUTH made from the MSK */
	V2_UP,
	V2_REPLACED, /* a newer IKE SA took over; this one waits for its delete */
	V2_DELETING,
	V2_GONE, /* to be freed */
};

/* What the outstanding request is about. */
enum v2_task {
	TASK_NONE,
	TASK_INIT,
	TASK_RESUME,
	TASK_INTERMEDIATE,
	TASK_AUTH,
	TASK_RESUME_AUTH,
	TASK_EAP,
	TASK_FINISH,
	TASK_NEW_CHILD,
	TASK_REKEY_CHILD,
	TASK_DELETE_CHILD,
	TASK_REKEY_IKE,
	TASK_DELETE_IKE,
	TASK_DPD,
	TASK_MOVE,
	TASK_TICKET,
};

/* It opens the IKE SA, and goes in the clear. */
static inline bool v2_opens(enum v2_task task)
{
	return task == TASK_INIT || task == TASK_RESUME;
}

/* What an exchange adds to the keys that come of it. */
struct v2_fresh {
	struct bytes ni, nr; /* nonces of who began it, and of the other */
	struct bytes shared; /* of its key exchange; none: a child SA without PFS */
	struct bytes more; /* of the additional ones behind it, one after the other */
	bool initiator; /* we began it */
};

/* RFC 9370 section 2.2.4: a CREATE_CHILD_SA that both agreed on, of which nothing comes until the additional key
 * exchanges have taken place, each in an IKE_FOLLOWUP_KE. */
struct series {
	struct suite suite;
	size_t no; /* the additional key exchange under way */
	struct ke *ke; /* ours in it; NULL where the peer began the series */
	uint8_t link[LINK_MAX]; /* by which who did not begin it finds it again */
	size_t link_len;
	uint8_t ni[NONCE_MAX], nr[NONCE_MAX];
	size_t ni_len, nr_len;
	struct ke_secret shared;
	uint8_t more[ADDKE_MAX * KE_SHARED_MAX];
	size_t more_len;
	uint8_t spi_i[IKE_SPI_LEN], spi_r[IKE_SPI_LEN]; /* of an IKE SA ... */
	struct child *child; /* ... or a child SA, which is not installed yet ... */
	uint32_t old_spi_in; /* ... and the one that it replaces, 0: none */
	uint64_t until; /* the peer's is forgotten then */
};

/* A CREATE_CHILD_SA of ours under way, or the first child SA inside IKE_AUTH. */
struct offer {
	uint8_t nonce[NONCE_LEN];
	struct ke *ke; /* NULL: no PFS */
	uint32_t spi_in; /* for a child SA */
	uint32_t old_spi_in; /* the child that is replaced, 0: none */
	uint32_t number; /* of the child */
	uint8_t ike_spi[IKE_SPI_LEN]; /* for an IKE SA */
	struct proposals proposals; /* as offered */
	struct series *series; /* the gateway agreed, and additional key exchanges are under way */
	struct selectors local_ts, remote_ts;
	/* The peer's, of a child that it deleted and that is not known: it may be this one. */
	uint32_t gone_spi;
	/* The peer rekeyed the same SA meanwhile (RFC 7296 section 2.8.1): the IKE SA that it made, if it
	 * has already, and the lower nonce of its exchange. */
	bool rival;
	struct v2_sa *rival_sa;
	uint8_t rival_nonce[NONCE_MAX];
	size_t rival_nonce_len;
};

struct request { /* the one outstanding request (window 1, section 2.3) */
	enum v2_task task;
	uint32_t mid;
	uint8_t exchange;
	struct kept sent;
	struct rexmit rexmit;
	uint8_t inner_first; /* the content, to cut it into smaller fragments on silence */
	uint8_t *inner;
	size_t inner_len;
	bool small; /* already cut smaller */
	uint32_t child; /* spi_in, for TASK_DELETE_CHILD */
	struct offer offer;
};

/* What is inside SK, or a part of it inside SKF. */
struct content {
	uint8_t first; /* payload type */
	uint8_t reserved; /* the second octet of the payload's header */
	struct bytes octets;
};

struct reassembly { /* RFC 7383 section 2.6 */
	uint32_t mid;
	uint16_t total, have;
	uint8_t first, reserved; /* from fragment 1 */
	size_t size;
	struct {
		uint8_t *data;
		size_t len;
	} part[FRAGMENTS_MAX];
};

struct v2_sa {
	enum v2_state state;
	bool initiator; /* we started it: IKE_SA_INIT or the rekey that made it */
	uint8_t spi_i[IKE_SPI_LEN], spi_r[IKE_SPI_LEN];
	struct suite suite;
	struct secret sk_d, sk_pi, sk_pr;
	struct secret sk_ei, sk_er, sk_ai, sk_ar; /* as in seal and open, for v2_keys */
	struct cipher *seal, *open;
	uint64_t iv; /* of the next message sealed with a counter mode */
	uint32_t mid_out, mid_in; /* next of ours, next of the peer's */
	bool fragments; /* both sides announced RFC 7383 */
	struct request req;
	bool replied; /* reply answers the peer's request mid_in - 1 */
	struct kept reply;
	struct reassembly *partial[2]; /* of a request, of a response */
	uint64_t rekey_at, expire_at;
	uint64_t gone_at; /* V2_REPLACED: delete it ourselves then */
	bool want_rekey, want_delete, want_dpd;
	struct v2_sa *successor; /* who has the children, in V2_REPLACED or after a collision */
	const struct alg *wanted_group; /* by INVALID_KE_PAYLOAD, for the next IKE SA */
	const struct alg *child_group; /* the same for child SAs */
	unsigned wrong_groups; /* asked for in a row */
	bool no_pfs; /* the gateway refused it */
	struct series *theirs; /* that the gateway began, and has not ended */
	unsigned lost_series; /* of ours, which it did not know any more, in a row */
	bool quantum_safe; /* a key exchange behind its keys is */
};

/* What only the first exchanges need. */
struct handshake {
	const struct resumption *from; /* NULL: a new login */
	bool no_use; /* it is, and nothing is to be waited for */
	struct ke *ke;
	uint8_t ni[NONCE_LEN], nr[NONCE_MAX];
	size_t nr_len;
	uint8_t cookie[COOKIE_MAX];
	size_t cookie_len;
	unsigned cookies, wrong_groups;
	unsigned late_cookies; /* may still come for older copies of our first message */
	uint8_t *init_i, *init_r; /* the messages as sent and received, for AUTH */
	size_t init_i_len, init_r_len;
	bool childless; /* the gateway announced RFC 6023 */
	struct ke *addke; /* of the additional key exchange under way ... */
	size_t addke_no; /* ... and which it is */
	/* RFC 9242 section 3.3.2: IKE_INTERMEDIATE exchanges that are over, and what stands for them in AUTH. */
	uint32_t intermediates;
	struct secret int_i, int_r;
	uint32_t peer_hashes; /* SIGNATURE_HASH_ALGORITHMS of the gateway */
	struct identity idi, idr;
	struct eap *eap;
	uint32_t ask_id;
	bool late; /* the last answer took IKE_LATE_MS */
	struct offer child;
	struct err hint; /* what unprotected messages said */
	uint64_t hint_until;
};

struct v2 {
	const struct ike_config *cfg;
	struct rng *rng;
	uint64_t now; /* of the current input */
	time_t wall; /* calendar time when now was wall_at */
	uint64_t wall_at;
	struct path path;
	bool patient;
	bool natt; /* floated to the NAT traversal port ... */
	bool knocked; /* ... for nothing was heard from the other */
	bool nat_local, nat_remote;
	/* The hash of an address that is none, and the same in a message that goes again. */
	uint8_t nowhere[20];
	bool encap; /* ESP goes in UDP */
	bool mobike; /* both sides can */
	uint32_t
		remake; /* spi_in of the last child, which the gateway deleted: another is to be made; 0: none */
	uint64_t
		remake_from; /* not before: one that deletes it again and again wants another connection */
	uint64_t remake_at; /* not before: it was refused for a moment */
	bool want_move; /* the gateway is to be told where we are ... */
	bool elsewhere; /* ... which is another address than it knows */
	struct handshake *hs;
	struct v2_sa *sa; /* the current one */
	bool cookie; /* the gateway asked for one */
	bool proved; /* the gateway proved to be idr, which is whom the profile wants */
	bool pkcs1; /* as struct ike_view has it */
	bool sha1; /* either side signed by it */
	uint8_t eap; /* as struct ike_view has it, ... */
	bool eap_tls_failed; /* ... and this */
	bool quantum_safe; /* the PPK is in the keys of both sides */
	bool resumed; /* and this */
	/* For the next connection, once the gateway proved itself. NULL: it gives no tickets */
	struct resumption *ticket;
	bool gives_tickets; /* the gateway does ... */
	bool want_ticket; /* ... and is to be asked for one, ... */
	uint64_t ticket_at; /* ... or then */
	struct v2_sa *sas[V2_SAS_MAX];
	struct children children;
	struct granted granted;
	uint64_t heard_at; /* last authentic message or ESP packet of the gateway */
	uint64_t woke_at; /* the machine was asleep until then, 0: never */
	uint64_t reauth_at, login_ends; /* AUTH_LIFETIME: a new login begins, and must be done */
	uint64_t keepalive_at;
	uint32_t rekeys_ike, rekeys_child;
	bool retired; /* another engine has taken over */
	bool stopping;
	uint64_t stop_at; /* no longer wait for the answer to our delete */
	/* Selectors of the profile, each of which may need a child SA of its own: the one asked for next,
	 * n when all were; and when it begins again with the first. */
	size_t extra_ts;
	uint64_t extra_at;
	uint64_t extra_from; /* not before, where the gateway deleted one */
	size_t carrying; /* children that did at the last review */
	enum ike_phase phase;
	enum ike_stage stage;
	struct err failure;
	char vendor[64];
	char local_id[ID_TEXT_MAX], remote_id[ID_TEXT_MAX];
	struct proof_revocation revocation;
};

/* One message on its way through the engine. */
struct step {
	struct v2 *v;
	struct v2_sa *sa;
	const struct ike_hdr *h;
	const struct payloads *p;
	struct bytes raw; /* the datagram, where it opens the IKE SA */
	const struct content *content; /* for all others */
	const struct datagram *dg;
	struct outbox *ob;
	enum v2_state next; /* preset to the present state */
	struct ikew *reply; /* requests: the response being written */
	struct err *e;
};

/* --- v2.c: what steps may use ------------------------------------------------------------- */
struct v2_sa *v2_sa_new(struct v2 *v, bool initiator); /* with timers, V2_NEW; NULL: no room */
void v2_sa_drop(struct v2 *v, struct v2_sa *sa);
/* After a request of the gateway moved sa to a state: V2_GONE may end the connection. */
void v2_sa_next(struct v2 *v, struct v2_sa *sa, enum v2_state next, struct outbox *ob);
struct v2_sa *v2_sa_find(
	const struct v2 *v, const uint8_t spi_i[IKE_SPI_LEN], const uint8_t spi_r[IKE_SPI_LEN]);
void v2_stage(struct v2 *v, enum ike_stage stage, const char *story, struct outbox *ob);
/* v2_end.c: the connection failed: tells the peer if keys exist, removes all SAs, phase IKE_DEAD. */
void v2_fail(struct v2 *v, const struct err *e, struct outbox *ob);
time_t v2_wall(const struct v2 *v);
void offer_clear(struct offer *o);

/* --- v2_request.c: requests of ours --------------------------------------------------------- */
struct addr v2_local(const struct v2 *v); /* our address, with the port of the socket in use */
struct sa_ref v2_inbound(const struct v2 *v, uint32_t spi_in); /* where we are now */
/* Seals the chain in k as the next request of sa and sends it. */
bool v2_request(struct v2 *v, struct v2_sa *sa, enum v2_task task, uint8_t exchange, struct ikew *k,
	struct outbox *ob, struct err *e) MUST_CHECK;
void v2_request_done(struct v2_sa *sa);
/* The content of a request, which may hold a password. */
void v2_inner_free(struct request *r);
/* After every input: starts what is waiting, where the window is open. */
void v2_request_next(struct v2 *v, struct outbox *ob);
/* A child SA came to the end of its life, and nothing had replaced it. */
bool v2_child_ended(const struct v2 *v);
/* No child SA is left, but one may be: it is being asked for, or is asked for now. */
bool v2_child_comes(struct v2 *v);
/* Selectors of the profile have no child SA yet, and have not been asked for. */
bool v2_extra_wanted(struct v2 *v);
void v2_extra_left_out(
	const struct v2 *v, struct outbox *ob); /* tells of those beyond all limits */
/* What no child SA carries is asked for once more, at that time. */
void v2_extra_again(struct v2 *v, uint64_t at);
/* ... for the time has come. */
void v2_extra_tick(struct v2 *v);
/* Sends a sealed message that nobody waits for an answer to. */
void v2_send_once(
	struct v2 *v, struct v2_sa *sa, uint8_t exchange, struct ikew *k, struct outbox *ob);
void v2_transmit(struct v2 *v, const struct kept *k, struct outbox *ob);
/* From another address: the outstanding request goes out again at once, and is not waited for long. */
void v2_request_hurry(struct v2 *v, struct v2_sa *sa, struct outbox *ob);
/* The outstanding request's time has come: again, or the gateway is given up. */
void v2_request_tick(struct v2 *v, struct v2_sa *sa, struct outbox *ob);

/* --- v2_crypt.c ------------------------------------------------------------------------------- */
size_t v2_fragment_size(const struct v2 *v, bool small);
/* The chain (first payload type, octets) as one message, or as fragments of at most frag octets
 * when it does not fit and the peer can. */
bool v2_seal(struct v2 *v, struct v2_sa *sa, uint8_t exchange, bool response, uint32_t mid,
	uint8_t first, struct bytes inner, size_t frag, struct kept *out, struct err *e) MUST_CHECK;
/* Opens the SK or SKF payload that ends raw, a copy of the message, in place. *inner: its content. */
bool v2_open(struct v2_sa *sa, uint8_t *raw, size_t len, const struct payload *sk,
	struct bytes *inner, struct err *e) MUST_CHECK;
/* v2_frag.c: takes an authentic fragment. *whole is NULL until all are there; then the message,
 * which the caller frees, and out points into. */
bool v2_reassemble(struct reassembly **slot, uint32_t mid, uint16_t number, uint16_t total,
	const struct content *part, uint8_t **whole, struct content *out, struct err *e) MUST_CHECK;
void reassembly_free(struct reassembly **slot);

/* --- v2_keys.c: RFC 7296 sections 2.14, 2.15, 2.17, 2.18 ---------------------------------------- */
/* SKEYSEED and the seven keys. old_d is NULL for IKE_SA_INIT, else SK_d of the SA being rekeyed
 * with old_prf, of sa itself before an additional key exchange (RFC 9370 section 2.2.2), or of the SA that is resumed
 * (RFC 5723 section 5.1). */
bool v2_derive(struct v2_sa *sa, const struct alg *old_prf, const struct secret *old_d,
	const struct v2_fresh *f, struct err *e) MUST_CHECK;
void v2_sa_keys(const struct v2_sa *sa, struct outbox *ob); /* to who asks for them */
/* Keys of both directions of a child SA: in the specs' encr_key and integ_key. */
bool v2_keymat(const struct v2_sa *sa, const struct suite *suite, const struct v2_fresh *f,
	struct sa_spec *in, struct sa_spec *out, struct err *e) MUST_CHECK;
/* RFC 9242 section 3.3.2: an IKE_INTERMEDIATE message joins those before it in *chain, by the keys that it was
 * protected with. */
bool v2_int_auth(const struct v2_sa *sa, bool ours, const struct ike_hdr *h,
	const struct content *c, struct secret *chain, struct err *e) MUST_CHECK;
/* The octets that AUTH covers, malloc'd: message | nonce | prf(SK_px, id payload body). */
bool v2_signed_octets(const struct v2_sa *sa, bool ours, const struct handshake *hs,
	const struct identity *id, uint8_t **out, size_t *len, struct err *e) MUST_CHECK;
/* AUTH from a shared secret: prf(prf(secret, "Key Pad for IKEv2"), octets). */
bool v2_mix_ppk(struct v2_sa *sa, struct bytes ppk, struct err *e) MUST_CHECK;
bool v2_auth_shared(const struct v2_sa *sa, struct bytes secret, struct bytes octets,
	struct secret *out, struct err *e) MUST_CHECK;
void v2_nat_hash(const uint8_t spi_i[IKE_SPI_LEN], const uint8_t spi_r[IKE_SPI_LEN],
	const struct addr *a, uint8_t out[20]);

/* --- v2_nat.c ----------------------------------------------------------------------------------- */
void v2_nat_write(struct v2 *v, const struct v2_sa *sa, struct ikew *k);
/* False, and nothing changes, where the message says nothing of NAT. */
bool v2_nat_read(struct step *s);
/* What the gateway says of our side, or its own, in transport mode: hosts that a NAT stands before are named as
 * it sees them, and as we do from here on (section 2.23.1). */
void v2_nat_local_ts(const struct v2 *v, struct selectors *ts);
void v2_nat_remote_ts(const struct v2 *v, struct selectors *ts);
/* It answered a copy of our first message that went to the NAT traversal port. */
void v2_natt_knocked(struct v2 *v, const struct datagram *d, struct outbox *ob);

/* --- v2_mobike.c -------------------------------------------------------------------------------- */
static inline bool v2_mobile(const struct ike_config *cfg)
{
	return cfg->mobike && cfg->mode == SA_TUNNEL; /* RFC 4555 section 1.3 */
}
void v2_move_to(struct v2 *v, const struct path *path, struct outbox *ob);
/* It leads from where we are, with UDP around ESP or without as the NATs between want it. */
bool v2_child_fits(const struct v2 *v, const struct child *c);
/* What the data plane made of ACT_SA_MOVE. */
void v2_moved(struct v2 *v, bool moved);
bool v2_move_send(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e) MUST_CHECK;
bool v2_move_recv(struct step *s) MUST_CHECK;
void v2_cookie2(struct step *s); /* in a request of the gateway */

/* --- v2_codec.c: SA (3.3), TS (3.13), ID (3.5), CP (3.15) ------------------------------------ */
enum ke_mode { KE_LEFT_OUT, KE_WANTED, KE_OPTIONAL };
void v2_sa_write(
	struct ikew *k, const struct proposals *props, enum protocol_id proto, struct bytes spi);
/* Reads what the peer chose out of offered: exactly one of each type, all of one proposal that was
 * offered. PEER otherwise. */
bool v2_sa_read_choice(struct bytes body, const struct proposals *offered, enum protocol_id proto,
	struct bytes *spi, struct suite *out, struct err *e) MUST_CHECK;
/* Chooses, for a request of the peer, from its proposals by our order of preference. */
bool v2_sa_choose(struct bytes body, const struct proposals *ours, enum protocol_id proto,
	struct bytes *spi, uint8_t *number, struct suite *out, struct err *e) MUST_CHECK;
void v2_sa_write_choice(struct ikew *k, const struct suite *s, enum protocol_id proto,
	uint8_t number, struct bytes spi);
/* The ESP proposals for one exchange of either side: integrity, ESN as configured, and the groups for
 * PFS, which are those that the profile names, else this one first, and all that IKE may use. */
void v2_esp_offer(struct proposals *out, const struct ike_config *cfg, enum ke_mode ke,
	const struct alg *group);
void v2_ts_write(struct ikew *k, uint8_t type, const struct selectors *s);
bool v2_ts_read(struct bytes body, struct selectors *out, struct err *e) MUST_CHECK;
void v2_id_write(struct ikew *k, uint8_t type, const struct identity *id);
void v2_ke_write(struct ikew *k, const struct ke *ke);
bool v2_ke_read(struct bytes body, uint16_t *group, struct bytes *value);
/* The value of the message's key exchange; false where there is none of that group. */
bool v2_ke_of(const struct payloads *p, const struct alg *group, struct bytes *value);
void v2_cp_request(struct ikew *k, const struct ike_config *cfg);
bool v2_cp_read(struct bytes body, struct granted *out, struct err *e) MUST_CHECK;

/* --- v2_child.c ------------------------------------------------------------------------------- */
/* Makes the child SA that c says and installs it; as responder the outbound half is held back until
 * the peer is known to have its half (section 2.8). NULL on failure: c is freed. */
struct child *v2_child_add(struct v2 *v, struct v2_sa *sa, struct child *c,
	const struct v2_fresh *f, bool hold_out, struct outbox *ob, struct err *e);
enum ke_mode v2_pfs_mode(const struct v2 *v, const struct v2_sa *sa);
const struct alg *v2_pfs_group(const struct v2 *v, const struct v2_sa *sa);

/* --- v2_series.c ------------------------------------------------------------------------------ */
void series_free(struct series **s);
/* The next exchange of a series that we began, whose answer's payloads are p: the first when it is the one to
 * CREATE_CHILD_SA. */
bool v2_series_send(struct step *s, struct series *x) MUST_CHECK;
/* Takes what the answer brings. *done: that was the last, and x has it all. */
bool v2_series_recv(struct step *s, struct series *x, bool *done) MUST_CHECK;
/* The gateway's: it is kept, and the answer to CREATE_CHILD_SA gets what it finds it again by. */
void v2_series_keep(struct step *s, struct series *x);
bool v2_followup_request(struct step *s) MUST_CHECK; /* the peer's IKE_FOLLOWUP_KE */
/* The gateway is about to: what else would begin by it waits for its successor. */
static inline bool v2_being_replaced(const struct v2_sa *sa)
{
	return sa->theirs && !sa->theirs->child;
}
struct series *series_new(const struct suite *suite, const struct v2_fresh *f, struct err *e);
/* What came of it. The pointers are into x. */
struct v2_fresh series_fresh(const struct series *x, bool initiator);
/* The gateway forgot ours, or refuses it. False: it does so again and again. */
bool v2_series_refused(struct step *s, uint16_t type) MUST_CHECK;

/* --- steps ------------------------------------------------------------------------------------ */
bool v2_init_send(struct v2 *v, struct outbox *ob, struct err *e) MUST_CHECK;
bool v2_init_recv(struct step *s) MUST_CHECK;
/* What IKE_SESSION_RESUME has in common with it. The message begins in buf, with the cookie if there is one ... */
void v2_open_begin(struct v2 *v, struct ikew *k, uint8_t *buf, size_t cap, uint8_t exchange);
void v2_open_announce(struct v2 *v, struct ikew *k); /* NAT detection, fragments */
/* ... and goes out, and is kept for AUTH. */
bool v2_open_send(struct v2 *v, enum v2_task task, uint8_t exchange, struct ikew *k,
	struct outbox *ob, struct err *e) MUST_CHECK;
/* Section 2.6: the same message again, with the cookie in front. */
bool v2_open_again(struct step *s, const struct notify *cookie) MUST_CHECK;
/* SPI and nonce of the answer; nothing is changed yet. */
bool v2_open_read(struct step *s, struct bytes *nr) MUST_CHECK;
/* The answer is taken: what there is in it for later. */
bool v2_open_take(struct step *s, struct bytes nr) MUST_CHECK;
/* The next IKE_INTERMEDIATE, or IKE_AUTH when there is none left to make; and the state after it. */
bool v2_inter_send(struct v2 *v, enum v2_state *next, struct outbox *ob, struct err *e) MUST_CHECK;
bool v2_inter_recv(struct step *s) MUST_CHECK;
bool v2_auth_send(struct v2 *v, struct outbox *ob, struct err *e) MUST_CHECK;
/* The second half of its request: configuration, child SA and what is announced; sends it. */
bool v2_auth_rest(struct v2 *v, enum v2_task task, struct ikew *k, struct outbox *ob,
	struct err *e) MUST_CHECK;
void v2_auth_write(struct ikew *k, uint8_t method, struct bytes data);
bool v2_auth_split(struct bytes body, uint8_t *method, struct bytes *data);
bool v2_auth_recv(struct step *s) MUST_CHECK;
/* There is an error notify in its place. */
bool v2_auth_refused(struct step *s);
bool v2_eap_recv(struct step *s) MUST_CHECK;
bool v2_finish_recv(struct step *s) MUST_CHECK;
/* What an IKE_AUTH response says about the child SA and the configuration. */
bool v2_auth_established(struct step *s) MUST_CHECK;
void v2_auth_lifetime(struct step *s); /* in an answer or a request of the gateway */
bool v2_eap_packet(struct v2 *v, struct bytes packet, struct outbox *ob, enum v2_state *next,
	struct err *e) MUST_CHECK;
bool v2_eap_answer(struct v2 *v, const struct passphrase *text, struct outbox *ob,
	enum v2_state *next, struct err *e) MUST_CHECK;
/* SA, TSi and TSr of an answer, for the first child SA or a further one: checked against the offer. */
bool v2_child_read(struct step *s, const struct offer *o, struct child *c) MUST_CHECK;
bool v2_ppk_write(struct v2 *v, struct ikew *k, struct err *e) MUST_CHECK;
bool v2_ppk_read(struct step *s) MUST_CHECK;
bool v2_verify_shared(
	struct v2 *v, struct bytes auth_body, struct bytes secret, struct err *e) MUST_CHECK;

/* To be resumed from where it was, with no NAT between then. */
bool v2_resume_same_way(const struct v2 *v);
bool v2_resume_send(struct v2 *v, struct outbox *ob, struct err *e) MUST_CHECK;
bool v2_resume_recv(struct step *s) MUST_CHECK;
bool v2_resume_auth_recv(struct step *s) MUST_CHECK;

/* --- v2_ticket.c ------------------------------------------------------------------------------ */
void v2_ticket_request(const struct v2 *v, struct ikew *k); /* in the first IKE_AUTH */
void v2_ticket_first(struct step *s); /* in the last answer of it */
void v2_ticket_void(struct v2 *v); /* another IKE SA has taken over */
void v2_ticket_tick(struct v2 *v);
uint64_t v2_ticket_deadline(const struct v2 *v);
uint64_t v2_ticket_until(const struct v2 *v); /* 0: there is none */
bool v2_ticket_send(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e) MUST_CHECK;
bool v2_ticket_recv(struct step *s) MUST_CHECK;

bool v2_child_send(struct v2 *v, struct v2_sa *sa, struct child *old, struct outbox *ob,
	struct err *e) MUST_CHECK;
bool v2_child_recv(struct step *s) MUST_CHECK;
/* Before c is rekeyed itself: it carries at once what its predecessor still does, which is deleted. True:
 * that is over. */
bool v2_child_succeeds(struct v2 *v, struct child *c, struct outbox *ob);
bool v2_child_series_recv(struct step *s) MUST_CHECK;
/* Leave the refusal in the answer to a request of the gateway; true. */
bool v2_refuse(struct step *s, uint16_t type, struct bytes spi, struct bytes data);
bool v2_refuse_group(struct step *s, const struct alg *want);
bool v2_create_request(struct step *s) MUST_CHECK; /* the peer's CREATE_CHILD_SA, of any kind */
bool v2_create_complete(
	struct step *s, struct series *x) MUST_CHECK; /* after the last key exchange */
bool v2_rekey_send(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e) MUST_CHECK;
bool v2_rekey_recv(struct step *s) MUST_CHECK;
bool v2_rekey_series_recv(struct step *s) MUST_CHECK;
bool v2_rekey_request(struct step *s) MUST_CHECK;
bool v2_rekey_complete(struct step *s, const struct series *x) MUST_CHECK;
/* The gateway uses sa, which it made while our own rekey of the old SA is still unanswered: so that
 * is the successor, whatever our answer will be. */
void v2_rekey_settle(struct v2 *v, const struct v2_sa *sa);
/* The old SA goes while our rekey of it is under way, or nobody answers that: what the gateway made takes
 * over. */
void v2_rekey_abandon(struct v2 *v, struct v2_sa *sa);
/* The gateway has not deleted sa, which it replaced: it forgot to; or it has not heard our answer and knows
 * nothing of the new one, by which it is asked then. */
void v2_rekey_overdue(struct v2 *v, struct v2_sa *sa);
/* The gateway's exchange for the same SA: o remembers the lower of its nonces. */
void v2_rival(struct offer *o, const struct v2_fresh *theirs);
/* Our exchange, answered with nonce nr, has the lowest of the four nonces. */
bool v2_lost_collision(const struct offer *o, struct bytes nr);

void v2_delete_write(struct ikew *k, enum protocol_id proto, const uint32_t *spis, size_t n);
bool v2_delete_child_send(
	struct v2 *v, struct child *c, struct outbox *ob, struct err *e) MUST_CHECK;
bool v2_delete_child_recv(struct step *s) MUST_CHECK;
bool v2_delete_ike_send(
	struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e) MUST_CHECK;
bool v2_delete_ike_recv(struct step *s) MUST_CHECK;
bool v2_dpd_send(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e) MUST_CHECK;
bool v2_dpd_recv(struct step *s) MUST_CHECK;
bool v2_info_request(struct step *s) MUST_CHECK;

/* --- v2_rows.c ---------------------------------------------------------------------------------- */
void v2_dispatch(struct v2 *v, const struct datagram *d, struct outbox *ob);
const char *v2_story(enum v2_task task);

#endif
