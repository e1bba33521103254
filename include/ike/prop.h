/*
 * Proposals: what is offered and what was chosen, for IKE and child SAs of both versions.
 *
 * A proposal lists algorithms of each transform type, most wanted first; the peer chooses one of
 * each. In text it is the notation that users know: words joined by '-', proposals by ','; ke1_ to ke7_ stand
 * before the groups of additional key exchanges (RFC 9370).
 */
#ifndef IKE_PROP_H
#define IKE_PROP_H

#include "base/bytes.h"
#include "base/types.h"
#include "crypto/alg.h"

enum protocol_id { PROTO_NONE = 0, PROTO_IKE = 1, PROTO_AH = 2, PROTO_ESP = 3 };

enum {
	PROPOSALS_MAX = 12,
	PROPOSAL_ALGS_MAX = 40,
	PROPOSAL_ADDKE_MAX = 28,
	PROPOSAL_TEXT_MAX = 512,
	ADDKE_MAX = 7,
	SUITE_TEXT_MAX = 256
};

struct proposal {
	size_t n;
	const struct alg *algs[PROPOSAL_ALGS_MAX]; /* in order of preference within a type */
	/* Groups for the additional key exchanges of RFC 9370, "ke1_" to "ke7_", which are 0 to 6 here;
	 * alg_ke_none among those of one: it may be left out. */
	size_t n_addke;
	const struct alg *addke[PROPOSAL_ADDKE_MAX];
	uint8_t addke_no[PROPOSAL_ADDKE_MAX];
};

struct proposals {
	size_t n;
	struct proposal v[PROPOSALS_MAX];
};

/* One algorithm of each type; NULL where the type has no place (integ with an AEAD, prf in ESP, ke
 * without PFS). esn is meaningful for ESP. */
struct suite {
	const struct alg *encr, *prf, *integ, *ke;
	const struct alg *addke[ADDKE_MAX]; /* NULL: none */
	bool addke_none[ADDKE_MAX]; /* ... which was chosen out of several */
	bool esn;
};

/* What is offered when the profile names nothing, by tier: SECURITY tiers of the manual. Unusable
 * algorithms are left out. A few proposals, one datagram. */
void prop_default(struct proposals *p, enum protocol_id proto, enum tier tier);
/* The same for IKEv1, where each combination of one proposal costs some 30 octets and gateways bear few
 * of them: at most a dozen. In aggressive mode all have one group, for the first message must know. */
void prop_default_v1(struct proposals *p, enum protocol_id proto, enum tier tier, bool aggressive);
/* What a gateway may choose from that renews phase 1 of IKEv1 by itself: all that the tier allows. */
void prop_accepted_v1(struct proposals *p, enum tier tier);
/* Every algorithm has a number in IKEv1; the sentence names the one that has not (CONFIG). */
bool prop_check_v1(const struct proposals *p, enum protocol_id proto, struct err *e) MUST_CHECK;
/* What security = legacy offers in IKE once the gateway refused the default: groups 2 and 5. Never in
 * one offer with strong groups, for whoever can break them in time could choose them. */
void prop_last_resort(struct proposals *p, bool v1, bool aggressive);
/* Parses the notation. In IKE a missing PRF is the one of the integrity algorithm. Words that are
 * unknown, of the wrong place, unusable here, or above the tier are errors that name what would be
 * right (CONFIG). */
bool prop_parse(struct proposals *p, enum protocol_id proto, enum tier tier, const char *text,
	struct err *e) MUST_CHECK;
char *prop_text(char *out, size_t size, const struct proposals *p, enum protocol_id proto);
char *suite_text(char out[SUITE_TEXT_MAX], const struct suite *s);
/* The algorithms of a child SA as a data plane knows them. */
void suite_specify(const struct suite *s, struct sa_spec *out);
void suite_keys(const struct suite *s, struct keys *out);
/* The first key exchange group offered, NULL when there is none. */
const struct alg *prop_first_ke(const struct proposals *p);
bool prop_offers(const struct proposals *p, const struct alg *a);
/* Additional key exchanges are offered; none can be chosen without. */
bool prop_addke(const struct proposals *p);
bool prop_addke_always(const struct proposals *p);
/* Of that additional key exchange (0 to ADDKE_MAX - 1) it lists this group. */
bool prop_holds_addke(const struct proposal *p, size_t no, const struct alg *a);
/* That additional key exchange may be left out. */
bool prop_addke_optional(const struct proposal *p, size_t no);
/* The first of the additional key exchanges from this one on; ADDKE_MAX: there is none. */
size_t suite_addke(const struct suite *s, size_t from);
/* It stands there already, as no choice may twice (RFC 9370 section 2.2.1). */
bool suite_has_ke(const struct suite *s, const struct alg *group);
bool suite_quantum_safe(const struct suite *s);

#endif
