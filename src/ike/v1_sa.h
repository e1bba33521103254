/*
 * The inside of the IKEv1 engine: phase 1 SAs, exchanges under their protection, child SAs.
 *
 * Files: v1.c drives (inputs, timers, what comes next), v1_state.c makes, changes and ends phase 1
 * SAs and exchanges, v1_rows.c has the table of messages and carries each to its step, v1_crypt.c
 * encrypts, hashes and sends, v1_frag.c reassembles, v1_keys.c derives; the steps are in v1_main.c and
 * v1_aggr.c (phase 1), v1_resp.c (phase 1 that the gateway starts), v1_xauth.c (login), v1_config.c
 * (mode configuration), v1_pairs.c (what phase 2 is for), v1_quick.c (phase 2) and v1_info.c;
 * v1_proof.c makes and checks HASH and SIG, v1_codec.c reads and writes payloads, v1_vendor.c has the
 * table of vendor ids. Child SAs are those of child.h.
 *
 * A step reads, verifies, updates and queues output. It never calls another step, and it never
 * assigns a state: it leaves the next one in the struct v1_step, and the driver assigns it.
 */
#ifndef IKE_V1_SA_H
#define IKE_V1_SA_H

#include "child.h"
#include "crypto/ke.h"
#include "crypto/prf.h"
#include "crypto/sig.h"
#include "ike/msg.h"
#include "ike/v1.h"
#include "rexmit.h"

enum {
	V1_NONCE_LEN = 32,
	V1_NONCE_MIN = 8, /* RFC 2409 section 5 */
	V1_NONCE_MAX = 256,
	V1_TRANSFORMS_MAX = 24,
	V1_SAS_MAX = 6,
	V1_XCHGS_MAX = 24,
	V1_MIDS_MAX = 256, /* message ids remembered of one phase 1 */
	V1_MESSAGE_MAX = 32768,
	V1_BLOCK_MAX = 16,
	V1_SEEN_LEN = 20,
	V1_PROMPTS_MAX = 8, /* questions in one round of the login */
	V1_MOVES_MAX = 3, /* so often the gateway may send us to another one */
	V1_ROUNDS_MAX = 10, /* rounds of the login */
	V1_HINT_WAIT_MS = 3000, /* a genuine answer may come so long after an unprotected error */
	V1_LOGIN_WAIT_MS = 30000, /* the gateway may take so long to ask for the login */
	V1_VERDICT_WAIT_MS =
		120000, /* ... and to look at the answer: somebody may have to confirm it */
	V1_LATE_WAIT_MS = 40000, /* ... where it may have forgotten us while the user was asked */
	V1_AGAIN_WAIT_MS = 5000, /* ... on renewal, where many gateways do not ask again */
	V1_PUSH_WAIT_MS = 10000, /* ... and to push the configuration */
	V1_OVERLAP_MS = 10000, /* what was replaced by us stays so long before we delete it */
	V1_REMAKE_MS = 30000, /* a child SA that the gateway deletes is made anew no more often */
	V1_CHILDREN_MS = 10000, /* from the gateway's renewal to that of the child SAs */
	V1_RETRY_MS = 5000, /* after a refused or unanswered renewal */
	V1_FORGET_MS = 120000, /* a finished exchange is remembered so long, for what comes again */
	V1_HALF_OPEN_MAX = 3,
	V1_HALF_OPEN_MS = 30000, /* a phase 1 that the gateway starts has to be done by then */
	V1_KEEPALIVE_MS = 20000, /* RFC 3948 section 4 */
	V1_DPD_TRIES = 5,
	V1_DPD_MS = 2000, /* between them, the first time; then longer */
};

enum v1_exchange_type {
	V1_MAIN_MODE = 2, /* "Identity Protection" */
	V1_AGGRESSIVE_MODE = 4,
	V1_INFORMATIONAL = 5,
	V1_TRANSACTION = 6,
	V1_QUICK_MODE = 32,
};

enum { V1_FLAG_ENCRYPTED = 1, DOI_IPSEC = 1 };

/* RFC 2408 section 3.1, with those of later documents. Draft numbers are read as the final ones. */
enum v1_payload_type {
	V1P_NONE = 0,
	V1P_SA = 1,
	V1P_KE = 4,
	V1P_ID = 5,
	V1P_CERT = 6,
	V1P_CR = 7,
	V1P_HASH = 8,
	V1P_SIG = 9,
	V1P_NONCE = 10,
	V1P_N = 11,
	V1P_D = 12,
	V1P_VID = 13,
	V1P_ATTR = 14,
	V1P_NAT_D = 20,
	V1P_NAT_OA = 21,
	V1P_DRAFT_NAT_D = 130,
	V1P_DRAFT_NAT_OA = 131,
	V1P_FRAGMENT = 132,
};
#define V1BIT(type) (UINT32_C(1) << (type))

/* Notifies that the code names; v1_info.c has the names of all. */
enum {
	V1_CONNECTED = 16384,
	V1_RESPONDER_LIFETIME = 24576,
	V1_INITIAL_CONTACT = 24578,
	V1_R_U_THERE = 36136, /* RFC 3706 */
	V1_R_U_THERE_ACK = 36137,
	V1_UNITY_LOAD_BALANCE = 40501,
	V1_ERRORS_END = 16384, /* below: errors */
};

/* Authentication methods: RFC 2409 appendix A, RFC 4754, draft-ietf-ipsec-isakmp-xauth-06 and
 * draft-ietf-ipsec-isakmp-hybrid-auth-05. */
enum v1_method {
	V1_PSK = 1,
	V1_RSA = 3,
	V1_ECDSA_256 = 9,
	V1_ECDSA_384 = 10,
	V1_ECDSA_521 = 11,
	V1_HYBRID_RSA = 64221,
	V1_XAUTH_PSK = 65001,
	V1_XAUTH_RSA = 65005,
};

enum v1_natt { NATT_NONE, NATT_DRAFT, NATT_RFC };

enum v1_state {
	V1_NEW,
	V1_SA_SENT, /* main mode, our first message */
	V1_KE_SENT, /* ... second */
	V1_ID_SENT, /* ... third */
	V1_AGGR_SENT, /* aggressive mode, our first message */
	V1_SA_ANSWERED, /* main mode of the gateway: it has our first answer */
	V1_KE_ANSWERED, /* ... our second */
	V1_XAUTH, /* phase 1 is done; the gateway is to ask for the login, or the login goes on */
	V1_ASK, /* the user has been asked */
	V1_CONFIG, /* mode configuration */
	V1_UP,
	V1_REPLACED, /* a newer SA took over; this one waits for its delete */
	V1_GONE, /* to be freed */
};

struct v1_phase1 { /* what only phase 1 needs */
	struct ke *ke;
	uint8_t ni[V1_NONCE_MAX], nr[V1_NONCE_MAX];
	size_t ni_len, nr_len;
	uint8_t *sai; /* SAi_b: the body of the initiator's SA payload */
	size_t sai_len;
	uint8_t peer_gx[KE_PUBLIC_MAX];
	size_t peer_gx_len;
	uint8_t iv[V1_BLOCK_MAX];
	struct identity idi, idr;
	struct kept sent;
	struct rexmit rexmit;
	bool waiting; /* for an answer: rexmit runs */
	uint8_t seen[V1_SEEN_LEN]; /* digest of the last message taken */
	struct err hint; /* what unprotected or unreadable messages said */
	uint64_t hint_until;
};

struct v1_peer { /* what its vendor ids announced */
	bool dpd, unity, xauth, fragments;
	enum v1_natt natt;
};

struct v1_mids { /* a ring: the oldest is forgotten first */
	uint32_t v[V1_MIDS_MAX];
	size_t n; /* so many were noted */
};

struct v1_sa {
	enum v1_state state;
	bool initiator;
	bool first; /* the one the connection began with */
	bool proved; /* the gateway is who the profile wants */
	uint8_t cky_i[IKE_SPI_LEN], cky_r[IKE_SPI_LEN];
	struct suite suite;
	uint16_t method;
	struct v1_peer peer;
	struct secret skeyid, skeyid_d, skeyid_a, key;
	uint8_t last_block[V1_BLOCK_MAX]; /* of phase 1: what the IVs of phase 2 are made from */
	struct v1_phase1 *p1;
	struct v1_mids mids; /* of exchanges that were */
	uint64_t lifetime; /* agreed on, 0: none */
	uint64_t rekey_at, expire_at, gone_at;
	uint64_t wait_until; /* in V1_XAUTH and V1_CONFIG */
	unsigned rounds; /* of the login */
	bool own_words; /* the login was answered with what is known */
	bool logged_in;
	/* DPD, RFC 3706 */
	uint32_t dpd_first, dpd_out, dpd_in; /* our first and last number, and the gateway's last */
	unsigned dpd_tries;
	uint64_t dpd_at; /* next R-U-THERE, TIME_NEVER: none outstanding */
};

/* A quick mode, either side's. */
struct v1_offer {
	uint8_t ni[V1_NONCE_MAX], nr[V1_NONCE_MAX];
	size_t ni_len, nr_len;
	struct ke *ke;
	uint32_t spi_in, old_spi_in; /* the child that is replaced, 0: none */
	struct v1_ends *pair; /* ... then what it is for; NULL: the gateway knows */
	uint32_t number;
	struct proposals proposals; /* as offered */
	struct selector local_ts, remote_ts;
};

enum v1_kind {
	V1X_QUICK, /* ours: waits for message 2, then remembered for its repetition */
	V1X_SERVED, /* the gateway's: waits for message 3 */
	V1X_PULL, /* our CFG_REQUEST */
	V1X_ANSWER, /* a transaction that the gateway started: one or more rounds */
};

struct v1_xchg { /* an exchange in phase 2, known by its message id */
	enum v1_kind kind;
	struct v1_sa *sa;
	uint32_t mid;
	uint8_t iv[V1_BLOCK_MAX];
	bool waiting;
	struct kept sent;
	struct rexmit rexmit;
	uint8_t seen[V1_SEEN_LEN];
	uint64_t forget_at; /* when not waiting */
	uint16_t identifier; /* of the configuration exchange */
	struct v1_offer *offer;
};

struct v1_prompt { /* a question of the login */
	uint16_t attr;
	struct passphrase text;
	bool answered;
};

struct v1_login { /* one round of XAUTH, while the user is asked */
	struct v1_sa *sa;
	uint32_t mid;
	uint16_t identifier, type;
	bool typed; /* the request named an XAUTH type */
	size_t n;
	struct v1_prompt prompts[V1_PROMPTS_MAX];
	char message[PROMPT_TEXT_MAX];
	uint32_t ask_id;
	uint64_t asked_at; /* the first of its questions, 0: none was needed */
};

struct v1_fragments { /* of one message that is not authentic yet */
	uint16_t id;
	unsigned last; /* number of the last fragment, 0: not known */
	unsigned have;
	size_t size;
	struct {
		uint8_t *data;
		size_t len;
	} part[256];
};

struct v1_ends { /* what one quick mode is for */
	struct selector local, remote;
	uint32_t number; /* of the child that was last asked for, 0: none yet */
	bool made; /* it had one */
	bool refused; /* the gateway does not serve it */
	uint64_t not_before;
};

struct v1 {
	const struct ike_config *cfg;
	struct rng *rng;
	uint64_t now;
	time_t wall;
	uint64_t wall_at;
	struct path path;
	bool patient;
	bool proved; /* the first phase 1's gateway proved itself */
	bool natt; /* floated to the NAT traversal port */
	bool nat_local, nat_remote;
	struct v1_sa *sa; /* the current one; NULL: lost, to be made anew */
	struct v1_sa *sas[V1_SAS_MAX];
	struct v1_xchg *xchgs[V1_XCHGS_MAX];
	struct children children;
	uint32_t next_ask;
	struct v1_login *login;
	struct passphrase user, password; /* as the user typed them, for renewals */
	struct v1_fragments *fragments;
	struct granted granted;
	bool only_v4; /* it had no answer when it was asked for IPv6 as well */
	bool configured; /* the gateway's configuration has come */
	bool want_pfs; /* the gateway said so (Unity) */
	bool no_pfs; /* it refused it */
	uint64_t octets_told; /* of a child's lifetime, after it was made; 0: nothing was said */
	size_t n_pairs;
	struct v1_ends pairs[IKE_CHILDREN_MAX];
	struct addr move_to; /* the gateway wants us there; family NONE: we stay */
	unsigned moves;
	uint16_t port; /* of the gateway, as at the start */
	bool want_renewal;
	bool last_hope; /* the next renewal is: there is no phase 1, and the one before failed */
	uint64_t renew_at; /* not before */
	uint64_t heard_at, keepalive_at;
	uint32_t rekeys_ike, rekeys_child;
	enum ike_phase phase;
	enum ike_stage stage;
	struct err failure;
	char vendor[64];
	char local_id[ID_TEXT_MAX], remote_id[ID_TEXT_MAX];
	struct proof_revocation revocation;
};

struct v1_step { /* one message on its way through the engine */
	struct v1 *v;
	struct v1_sa *sa;
	struct v1_xchg *x; /* in phase 2, NULL: the message begins an exchange */
	const struct ike_hdr *h;
	const struct payloads *p;
	struct bytes rest; /* in phase 2: what is behind HASH */
	struct outbox *ob;
	enum v1_state next; /* preset to the present state */
	const uint8_t *iv,
		*seen; /* in phase 2: of the exchange after this message, and its digest */
	struct err *e;
};

/* --- v1_state.c ------------------------------------------------------------------------------------- */
struct v1_sa *v1_sa_new(
	struct v1 *v, bool initiator); /* with its struct v1_phase1; NULL: no room */
void v1_sa_drop(struct v1 *v, struct v1_sa *sa);
void v1_sa_next(struct v1 *v, struct v1_sa *sa, enum v1_state next, struct outbox *ob);
struct v1_xchg *v1_xchg_new(struct v1 *v, struct v1_sa *sa, enum v1_kind kind, uint32_t mid);
/* The exchange that the gateway begins with this message. */
struct v1_xchg *v1_xchg_accept(struct v1_step *s, enum v1_kind kind);
struct v1_xchg *v1_xchg_find(const struct v1 *v, const struct v1_sa *sa, uint32_t mid);
void v1_xchg_drop(struct v1 *v, struct v1_xchg *x);
/* It has what it waited for; what it sent last is kept, to be sent again if asked again. */
void v1_xchg_done(struct v1 *v, struct v1_xchg *x);
void v1_stage(struct v1 *v, enum ike_stage stage, const char *story, struct outbox *ob);
/* The connection failed: tells the gateway if keys exist, removes all SAs, phase IKE_DEAD. */
void v1_fail(struct v1 *v, const struct err *e, struct outbox *ob);
/* This phase 1 failed: the connection with it, but for a renewal, which is tried again. */
void v1_sa_failed(struct v1 *v, struct v1_sa *sa, const struct err *e, struct outbox *ob);
/* The current one, else any under whose protection something can be said; NULL: none. */
struct v1_sa *v1_sa_usable(const struct v1 *v);
bool v1_any_child_up(const struct v1 *v);
bool v1_under_way(
	const struct v1 *v, uint32_t number); /* a quick mode for a child of that number */
/* Something that is not authentic explains a silence. */
void v1_hint(struct v1 *v, struct v1_sa *sa, const struct err *e, struct outbox *ob);
time_t v1_wall(const struct v1 *v);
/* Phase 1 of sa is done and the gateway proved, or the login is done: what comes next? */
bool v1_after_phase1(struct v1 *v, struct v1_sa *sa, enum v1_state *next, struct outbox *ob,
	struct err *e) MUST_CHECK;
bool v1_after_login(struct v1 *v, struct v1_sa *sa, enum v1_state *next, struct outbox *ob,
	struct err *e) MUST_CHECK;
uint32_t v1_new_mid(struct v1 *v, const struct v1_sa *sa);
/* A message id is good for one exchange: what comes by it when that is forgotten is a replay. */
void v1_mid_note(struct v1_sa *sa, uint32_t mid);
bool v1_mid_known(const struct v1_sa *sa, uint32_t mid);

/* --- v1_pairs.c ------------------------------------------------------------------------------------- */
void v1_pairs_prepare(struct v1 *v, struct outbox *ob); /* warns of what is left out */
void v1_pairs_none(const struct v1 *v, struct err *e); /* why nothing is left */
/* The gateway does not serve it. */
void v1_pair_refused(struct v1 *v, struct v1_ends *pair, const char *why, struct outbox *ob);
struct v1_ends *v1_pair_due(struct v1 *v); /* the first that wants a child SA; NULL: none now */
uint64_t v1_pairs_deadline(const struct v1 *v); /* when another will be due */
/* By which its child SA is known, now and when it is made anew; NULL: a number of its own. */
uint32_t v1_pair_number(struct v1 *v, struct v1_ends *pair);
/* The one without child SA that what the gateway begins is for; NULL: none. */
struct v1_ends *v1_pair_for(struct v1 *v, const struct v1_offer *o);
bool v1_pair_begin(struct v1 *v, struct v1_ends *pair, struct outbox *ob, struct err *e) MUST_CHECK;

/* --- v1_crypt.c ----------------------------------------------------------------------------------- */
struct addr v1_local(const struct v1 *v);
void v1_transmit(struct v1 *v, const struct kept *k, struct outbox *ob);
/* Sends the chain in k in the clear, as a message of phase 1, and keeps it. wait: for an answer. */
bool v1_send_clear(struct v1 *v, struct v1_sa *sa, uint8_t exchange, struct ikew *k, bool wait,
	struct outbox *ob, struct err *e) MUST_CHECK;
/* The same, encrypted: the IV of phase 1 moves on. */
bool v1_send_phase1(struct v1 *v, struct v1_sa *sa, uint8_t exchange, struct ikew *k, bool wait,
	struct outbox *ob, struct err *e) MUST_CHECK;
/* A message of exchange x: HASH over mid, extra and the chain in k, then the chain, encrypted. */
bool v1_send(struct v1 *v, struct v1_xchg *x, uint8_t exchange, struct bytes extra, struct ikew *k,
	bool wait, struct outbox *ob, struct err *e) MUST_CHECK;
/* An INFORMATIONAL of its own, which nobody answers; its message id. */
uint32_t v1_send_info(struct v1 *v, struct v1_sa *sa, struct ikew *k, struct outbox *ob);
/* Decrypts the body of raw, a copy of the message, in place; next: the IV after it. */
bool v1_open(const struct v1_sa *sa, const uint8_t *iv, uint8_t *raw, size_t len,
	uint8_t next[V1_BLOCK_MAX], struct err *e) MUST_CHECK;
void v1_phase2_iv(const struct v1_sa *sa, uint32_t mid, uint8_t iv[V1_BLOCK_MAX]);
/* HASH of phase 2: prf(SKEYID_a, parts), compared in constant time with the payload's body. */
bool v1_hash_is(const struct v1_sa *sa, struct bytes hash, const struct bytes *parts, size_t n);
void v1_digest(struct bytes message, uint8_t out[V1_SEEN_LEN]);

/* --- v1_frag.c -------------------------------------------------------------------------------------- */
/* Takes a fragment. *whole is NULL until all are there; then the message, which the caller frees. */
bool v1_reassemble(struct v1_fragments **slot, struct bytes body, uint8_t **whole, size_t *len,
	struct err *e) MUST_CHECK;
void v1_fragments_free(struct v1_fragments **slot);
/* The message as datagrams: as it is, or in fragments where it is larger than room and may be cut. */
bool v1_cut(struct bytes message, size_t room, bool may, uint16_t id, struct kept *out);

/* --- v1_keys.c, RFC 2409 section 5 and appendix B ---------------------------------------------------- */
bool v1_is_signed(uint16_t method); /* SKEYID from the nonces, not from a shared key */
bool v1_skeyid(
	struct v1_sa *sa, const struct passphrase *psk, struct bytes gxy, struct err *e) MUST_CHECK;
bool v1_skeyid_next(const struct v1_sa *sa, const struct secret *before, struct bytes gxy,
	uint8_t number, struct secret *out, struct err *e) MUST_CHECK;
/* All of them, from SA and p1. */
bool v1_derive(struct v1_sa *sa, const struct passphrase *psk, const struct ke_secret *shared,
	struct err *e) MUST_CHECK;
void v1_sa_keys(const struct v1_sa *sa, struct outbox *ob); /* to who asks for them */
/* Octets of key made longer than the PRF gives: Ka = K1 | K2 | ..., K1 = prf(SKEYID_e, 0), ... */
bool v1_encryption_key(const struct alg *prf_alg, const struct secret *skeyid_e, size_t len,
	struct secret *out, struct err *e) MUST_CHECK;
/* KEYMAT of one direction, by the SPI of who receives, into spec's keys. shared NULL: no PFS. */
bool v1_keymat(const struct v1_sa *sa, const struct suite *suite, const struct ke_secret *shared,
	struct bytes ni, struct bytes nr, struct sa_spec *spec, struct err *e) MUST_CHECK;
/* HASH_I or HASH_R. */
bool v1_proof_hash(const struct v1_sa *sa, bool of_initiator, const struct identity *id,
	struct secret *out, struct err *e) MUST_CHECK;
void v1_nat_hash(
	const struct v1_sa *sa, const struct addr *a, uint8_t out[DIGEST_MAX], size_t *len);

/* --- v1_codec.c ---------------------------------------------------------------------------------------- */
extern const struct name v1_payload_names[];
extern const struct name v1_exchange_names[];
extern const struct name v1_notify_names[];
/* Splits the chain that starts with type first; *used octets of it, the rest is padding. DROP. */
bool v1_payloads_read(struct payloads *p, uint8_t first, struct bytes chain, size_t *used,
	struct err *e) MUST_CHECK;
uint32_t v1_payloads_set(const struct payloads *p);
bool v1_is_filling(struct bytes b); /* what may stand behind the last payload or attribute */

void v1_ke_write(struct ikew *k, const struct ke *ke);
/* ID of phase 1: protocol and port of ours are 0 (RFC 2407 section 4.6.2 allows that, and 17/500). */
void v1_id_write(struct ikew *k, const struct identity *id);
void v1_selector_write(struct ikew *k, const struct selector *s);
bool v1_selector_read(struct bytes body, struct selector *out, struct err *e) MUST_CHECK;
/* Brings mine down to what the ID payload of the gateway says: PEER where that is not part of it. */
bool v1_selector_narrow(
	struct selector *mine, struct bytes theirs, enum sa_mode mode, struct err *e) MUST_CHECK;
bool v1_nat_oa_read(struct bytes body, struct addr *out);
void v1_nat_oa_write(struct ikew *k, enum v1_natt natt, const struct addr *a);
void v1_notify_write(struct ikew *k, const struct v1_sa *sa, uint16_t type, struct bytes data);
/* Notify and delete with their DOI; protocol and SPI as in IKEv2's. */
bool v1_notify_read(struct notify *n, struct bytes body);
bool v1_notify_error(const struct payloads *p, struct notify *out);
struct v1_attr {
	uint16_t type;
	struct bytes value;
	uint8_t small[2]; /* value of the short form, which value points to */
};
bool v1_attr_next(struct rd *r, struct v1_attr *out); /* false at the end, or malformed: r->bad */
void v1_attr_write(struct wr *w, uint16_t type, struct bytes value);
void v1_attr_short(struct wr *w, uint16_t type, uint16_t value);
uint64_t v1_attr_number(const struct v1_attr *a); /* UINT32_MAX at most */

/* --- v1_prop.c: SA payloads and lifetimes (RFC 2407 section 4, RFC 2409 appendix A) ------------------------- */
struct v1_life { /* 0: not said */
	uint64_t ms, octets;
};
struct v1_terms { /* what an SA payload of the gateway says, or shall say */
	struct suite suite;
	uint16_t method; /* phase 1 */
	uint8_t number, transform; /* of the proposal and transform chosen */
	uint32_t spi; /* phase 2 */
	enum sa_mode mode; /* phase 2 */
	bool draft_encap; /* phase 2: the encapsulation numbers of the drafts */
	struct v1_life life;
};
/* lifetime in milliseconds, 0: none is said. */
void v1_sa_write_phase1(struct ikew *k, const struct proposals *props, const struct alg *group,
	uint16_t method, uint64_t lifetime);
bool v1_sa_read_phase1(struct bytes body, const struct proposals *offered, struct v1_terms *out,
	struct err *e) MUST_CHECK;
/* Chooses the first of the gateway's transforms that we would have offered. */
bool v1_sa_choose_phase1(struct bytes body, const struct proposals *ours, uint16_t method,
	struct v1_terms *out, struct err *e) MUST_CHECK;
void v1_sa_answer_phase1(struct ikew *k, const struct v1_terms *t);
struct v1_esp_form { /* how phase 2 says what it means */
	enum sa_mode mode;
	bool encap;
	enum v1_natt natt;
	const struct alg *group; /* PFS, NULL: without */
	struct v1_life life;
};
void v1_sa_write_phase2(
	struct ikew *k, const struct proposals *props, const struct v1_esp_form *f, uint32_t spi);
/* As initiator the one that the gateway chose out of ours; as responder the first of several. */
bool v1_sa_read_phase2(struct bytes body, const struct proposals *ours, const struct v1_esp_form *f,
	bool choose, struct v1_terms *out, struct err *e) MUST_CHECK;
void v1_sa_answer_phase2(
	struct ikew *k, const struct v1_terms *t, const struct v1_esp_form *f, uint32_t spi);
/* Life durations out of attributes. */
struct v1_life v1_lifetime_read(struct bytes attributes);
/* Transforms that a proposal makes in phase 1 or 2: row i of all combinations, false past the end. */
bool v1_combination(const struct proposals *props, bool phase1, size_t i, struct suite *out);

/* --- v1_vendor.c --------------------------------------------------------------------------------------- */
void v1_vendor_write(struct ikew *k, const struct ike_config *cfg);
void v1_vendor_read(struct v1 *v, struct v1_peer *peer, const struct payloads *p);

/* --- v1_proof.c ------------------------------------------------------------------------------------------ */
/* The authentication method to offer; 0 with the reason when the key cannot be used. */
uint16_t v1_own_method(const struct ike_config *cfg, struct err *e);
/* Certificates and HASH or SIG of ours. */
bool v1_proof_write(struct v1 *v, struct v1_sa *sa, struct ikew *k, struct err *e) MUST_CHECK;
/* The gateway's; the only place where it becomes proved. */
bool v1_proof_check(struct v1_step *s) MUST_CHECK;
/* Key exchange value and nonce of the gateway: into p1. */
bool v1_take_ke(struct v1_step *s) MUST_CHECK;
bool v1_keys_agree(struct v1_step *s) MUST_CHECK; /* the shared secret and all keys */
void v1_nat_d_write(struct v1 *v, const struct v1_sa *sa, struct ikew *k);
/* Which side is behind a NAT; then phase 1 floats to port 4500. */
void v1_nat_detect(struct v1_step *s);
/* The first message has no answer yet: copies of it go to the NAT traversal port as well. */
bool v1_knocks(const struct v1 *v, const struct v1_sa *sa);
/* It answered a copy of our first message that went to the NAT traversal port. */
void v1_natt_knocked(struct v1 *v, const struct datagram *d, struct outbox *ob);
bool v1_prepare_phase1(
	struct v1 *v, struct v1_sa *sa, struct err *e) MUST_CHECK; /* idi or idr: ours */

/* --- steps ------------------------------------------------------------------------------------------------- */
/* A new phase 1 of ours: in main mode, or in aggressive mode where the profile says so. */
bool v1_phase1_begin(struct v1 *v, bool first, struct outbox *ob, struct err *e) MUST_CHECK;
/* SA payload of ours, first in k, and remembered; group: no other is offered. */
bool v1_phase1_chain(struct v1 *v, struct v1_sa *sa, const struct alg *group, struct ikew *k,
	struct err *e) MUST_CHECK;
bool v1_choice_take(
	struct v1_step *s) MUST_CHECK; /* what the gateway chose, out of what was offered */
void v1_phase1_lifetime(struct v1_step *s); /* what it says on how long phase 1 shall last */
bool v1_main_send(struct v1 *v, struct v1_sa *sa, struct outbox *ob, struct err *e) MUST_CHECK;
bool v1_main_sa_recv(struct v1_step *s) MUST_CHECK;
bool v1_main_ke_recv(struct v1_step *s) MUST_CHECK;
bool v1_main_id_recv(struct v1_step *s) MUST_CHECK;
bool v1_aggr_send(struct v1 *v, struct v1_sa *sa, struct outbox *ob, struct err *e) MUST_CHECK;
bool v1_aggr_recv(struct v1_step *s) MUST_CHECK;
bool v1_resp_sa_recv(struct v1_step *s) MUST_CHECK;
bool v1_resp_ke_recv(struct v1_step *s) MUST_CHECK;
bool v1_resp_id_recv(struct v1_step *s) MUST_CHECK;
bool v1_transaction_recv(struct v1_step *s) MUST_CHECK;
bool v1_xauth_request(struct v1_step *s, uint16_t identifier, struct rd attrs) MUST_CHECK;
bool v1_xauth_status(struct v1_step *s, uint16_t identifier, struct rd attrs) MUST_CHECK;
bool v1_xauth_answer(struct v1 *v, const struct passphrase *text, struct outbox *ob,
	enum v1_state *next, struct err *e) MUST_CHECK;
void v1_login_clear(struct v1 *v);
bool v1_config_pull(struct v1 *v, struct v1_sa *sa, struct outbox *ob, struct err *e) MUST_CHECK;
/* It refuses our CFG_REQUEST, or is silent to it, but may take one that asks for less, now. */
bool v1_config_less(struct v1 *v, struct v1_xchg *pull);
/* The gateway does not answer our CFG_REQUEST, or refuses it by notify: on without, unless the profile names an
 * address. */
bool v1_config_none(struct v1 *v, struct v1_xchg *pull, uint16_t notify, struct outbox *ob,
	struct err *e) MUST_CHECK;
bool v1_config_reply(struct v1_step *s, struct rd attrs) MUST_CHECK;
bool v1_config_push(struct v1_step *s, uint16_t identifier, struct rd attrs) MUST_CHECK;
/* Answers a transaction of the gateway. */
bool v1_config_send(struct v1 *v, struct v1_xchg *x, uint8_t type, uint16_t identifier,
	struct bytes attributes, struct outbox *ob, struct err *e) MUST_CHECK;
bool v1_quick_send(struct v1 *v, struct v1_sa *sa, struct child *old, struct v1_ends *pair,
	struct outbox *ob, struct err *e) MUST_CHECK;
/* Another one carries what it carried: of ours (RETIRING), or of the gateway (REPLACED). */
void v1_child_replace(struct v1 *v, struct child *old, enum child_state state, struct outbox *ob);
bool v1_quick_recv(struct v1_step *s) MUST_CHECK;
void v1_quick_refused(struct v1 *v, struct v1_xchg *x, const struct notify *n, struct outbox *ob);
void v1_quick_unanswered(struct v1 *v, struct v1_xchg *x, struct outbox *ob);
void v1_quick_unconfirmed(struct v1 *v, struct v1_xchg *x, struct outbox *ob);
/* Its phase 1 goes: what it was for is due again. */
void v1_quick_lost(struct v1 *v, struct v1_xchg *x, struct outbox *ob);
bool v1_info_recv(struct v1_step *s) MUST_CHECK;
void v1_info_unprotected(
	struct v1 *v, struct v1_sa *sa, const struct payloads *p, struct outbox *ob);
void v1_delete_child(struct v1 *v, struct v1_sa *sa, const struct child *c, struct outbox *ob);
void v1_delete_sa(struct v1 *v, struct v1_sa *sa, struct outbox *ob);
void v1_dpd_send(struct v1 *v, struct v1_sa *sa, struct outbox *ob);
void v1_heard(struct v1 *v); /* a sign of life, and no old one */

/* --- v1_rows.c --------------------------------------------------------------------------------------------- */
void v1_dispatch(struct v1 *v, const struct datagram *d, struct outbox *ob);
const char *v1_story(enum v1_state state);

#endif
