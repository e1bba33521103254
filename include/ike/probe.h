/*
 * What a gateway accepts, found without logging in: a function (state, now, one input) -> actions, as the
 * engines are.
 *
 * In IKEv2 each algorithm is a question of its own: everything is offered, with this one alone of its type,
 * and a key exchange value of a group that is not offered. A gateway that could agree asks for another value
 * (INVALID_KE_PAYLOAD, RFC 7296 section 1.3) and keeps nothing; one that could not says NO_PROPOSAL_CHOSEN.
 * Then one IKE_SA_INIT in earnest, and an IKE_AUTH that asks for EAP: a gateway that knows EAP proves who it is
 * and asks for a name, which it is not told. In IKEv1 each way of authentication is a first message of main
 * mode, no more than three of which the gateway may accept: it remembers each for half a minute.
 *
 * Nothing of what is found is authentic but the gateway's proof, where login says that it gave one.
 */
#ifndef IKE_PROBE_H
#define IKE_PROBE_H

#include "ike/ike.h"

enum probe_verdict {
	PROBE_NOT_ASKED,
	PROBE_ACCEPTED,
	PROBE_REFUSED,
	PROBE_SILENT, /* no answer to this, or none that says anything */
};

struct probe_alg {
	const struct alg *alg;
	enum probe_verdict verdict;
};

struct probe_method { /* IKEv1 */
	const char *name; /* as local.auth of a profile has it */
	enum probe_verdict verdict;
	struct suite suite; /* accepted: what it chose */
};

/* How the beginning of an IKEv2 login went. */
enum probe_login {
	PROBE_LOGIN_NOT_TRIED, /* IKE_SA_INIT would not come about */
	PROBE_LOGIN_EAP, /* it proved itself by its certificate, and asks for a name */
	PROBE_LOGIN_UNPROVED, /* it began to, but its proof does not hold: why says what is wrong */
	PROBE_LOGIN_REFUSED, /* not for a stranger without a certificate or key: why has its word */
	PROBE_LOGIN_SILENT,
};

enum { PROBE_ALGS_MAX = 64, PROBE_METHODS = 5 };

struct probe_found {
	enum probe_verdict v2, v1; /* does it speak it at all, and would anything of ours do */
	struct err v2_word; /* refused: what it said, else ERR_NONE */
	size_t n_algs,
		asked; /* asked: questions of all kinds that are over, of n_algs + PROBE_METHODS + 2 */
	struct probe_alg algs[PROBE_ALGS_MAX]; /* in the order of the table */
	struct probe_method methods[PROBE_METHODS];
	enum probe_login login;
	struct err why;
	char id[ID_TEXT_MAX]; /* of the gateway, where it proved it; else "" */
	char vendor[64]; /* "" : unknown */
	struct suite
		suite; /* of IKEv2, what it chose of all that it accepts; encr NULL: it did not come to it */
	bool nat; /* between here and there */
	bool natt_only; /* port 4500 answered first, where 500 was asked before */
};

struct probe_config { /* pointers belong to the caller and outlive the probe */
	struct identity local_id, remote_id; /* ID_NONE: our address; whatever it proves */
	struct trust *trust;
	bool pinned;
};

struct probe;

struct probe *probe_new(const struct probe_config *config, const uint8_t seed[RNG_SEED_LEN],
	struct err *e) MUST_CHECK;
void probe_free(struct probe *p); /* NULL is fine */
/* The outbox gets ACT_SEND only. */
void probe_start(
	struct probe *p, uint64_t now, time_t wall, const struct path *path, struct outbox *ob);
void probe_datagram(struct probe *p, uint64_t now, const struct datagram *d, struct outbox *ob);
void probe_tick(struct probe *p, uint64_t now, struct outbox *ob);
uint64_t probe_deadline(const struct probe *p); /* TIME_NEVER: it is over */
const struct probe_found *probe_found(const struct probe *p);
/* All that it accepts in IKEv2 and is not above that tier, as it would be offered; n == 0: nothing. */
void probe_proposals(const struct probe_found *f, enum tier tier, struct proposals *out);
/* What these, offered in this order, would come to. */
bool probe_agrees(
	const struct probe_found *f, const struct proposals *offered, struct suite *out) MUST_CHECK;

#endif
