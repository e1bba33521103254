/*
 * The child SA, which both IKE versions share: what was agreed on, its timers, and its two halves in
 * the data plane. How one comes about, and who deletes which, is the business of each version.
 *
 * An exchange fills a new child in; child_specify makes the specifications of its two SAs, which the
 * version puts the keys in, and child_install takes it among the others. Its outbound half may be held
 * back until the gateway is known to have its own. Times are milliseconds of the engine's clock.
 */
#ifndef IKE_CHILD_H
#define IKE_CHILD_H

#include "ike/ike.h"

enum {
	CHILDREN_MAX = 2 * IKE_CHILDREN_MAX + 8, /* during a rekey both generations stand */
	CHILD_LINGER_MS = 10000, /* inbound is still readable so long after the delete */
	CHILD_ADOPT_MS =
		3000, /* a new outbound half that nobody confirms is in use at the latest then */
};

enum child_state {
	CHILD_UP,
	CHILD_REPLACED, /* the gateway rekeyed it, and deletes it or lets it end */
	CHILD_RETIRING, /* we rekeyed it and delete it at the time `until` */
	CHILD_DELETING, /* our delete is on its way or next, and will be answered */
	CHILD_LINGERING, /* deleted: inbound packets still in the network may arrive */
};

struct v2_sa;

struct child {
	uint32_t number; /* stays the same over its rekeys */
	enum child_state state;
	uint32_t spi_in, spi_out;
	struct suite suite;
	enum sa_mode mode;
	bool encap;
	bool ecn; /* as in struct sa_spec */
	struct addr local, remote; /* outer addresses */
	struct selectors local_ts, remote_ts;
	uint64_t octets; /* lifetime by volume, 0: none */
	uint64_t rekey_at, expire_at;
	uint64_t until; /* the end of RETIRING or LINGERING */
	bool want_rekey;
	uint64_t retry_at; /* not before, where want_rekey */
	struct sa_spec *held_out; /* outbound SA not yet in use ... */
	uint64_t adopt_at; /* ... until then, or the gateway is known to have its own */
	bool spent; /* nothing more leaves by it */
	struct child_keys { /* as in the data plane, for children_keys */
		struct secret encr, integ;
	} keys[SA_OUT + 1];
	/* IKEv2 only */
	struct v2_sa *sa; /* under whose protection it lives */
	bool ended; /* its life was over, and nothing had replaced it */
	bool lost; /* the gateway does not know it any more */
	uint64_t unsure_until; /* the gateway made it and may not have our answer; 0: it has */
};

struct children {
	struct child *v[CHILDREN_MAX];
	size_t n;
	uint32_t last_number;
};

struct child *child_new(uint32_t number, uint32_t spi_in); /* without timers; NULL: no memory */
void child_free(struct child *c); /* one that was not installed; NULL is nothing */
/* The specifications of both SAs, but for the keys: inbound returned, outbound in c->held_out. Where the
 * table is full, a deleted child that lingers makes room. NULL: there is none for another child. */
struct sa_spec *child_specify(struct children *all, struct child *c, const struct ike_config *cfg,
	struct outbox *ob, struct err *e);
/* Takes c in, and frees the specification. Where it is not keyed, c is freed too and NULL returned. */
struct child *child_install(struct children *all, struct child *c, struct sa_spec *in, bool keyed,
	bool hold_out, uint64_t now, struct outbox *ob);
/* Of two limits, of time or volume, the one that comes first; 0: none. */
uint64_t shorter(uint64_t a, uint64_t b);
/* It is rekeyed when 9/10 of this long from now are over, and ends then; 0: never. */
void child_lifetime(struct child *c, uint64_t ms, uint64_t now, struct rng *rng);
/* The same, where that is sooner than it would have ended. */
void child_shorten(struct child *c, uint64_t ms, uint64_t now, struct rng *rng);

uint32_t child_new_spi(const struct children *all, struct rng *rng);
struct child *child_find(const struct children *all, uint32_t spi_in);
bool children_have(const struct children *all, uint32_t spi); /* one with a half of that SPI */
/* By the gateway's SPI, without those that linger; sa as in the child. */
struct child *child_by_out(const struct children *all, const struct v2_sa *sa, uint32_t spi_out);
/* ESP of ours came to the gateway by an SPI that it does not know (INVALID_SPI, which names it in its data or as
 * its SPI). That is not believed but tried: the child SA is to be rekeyed, but one that is going, or not sent by
 * yet, is no surprise. False: there is none to be rekeyed. */
bool child_unknown(struct children *all, struct bytes data, struct bytes spi);
struct child *child_wanting_rekey(
	const struct children *all, const struct v2_sa *sa, uint64_t now); /* and may be */

/* Send by it from now on. sure: the gateway has shown that it has its half. */
void child_adopt(struct child *c, bool sure, struct outbox *ob);
void child_linger(
	struct child *c, uint64_t now, struct outbox *ob); /* outbound gone, inbound later */
bool children_linger(
	struct children *all, uint64_t now, struct outbox *ob); /* false: there is none */
void child_remove(struct children *all, struct child *c, struct outbox *ob); /* gone at once */
void children_clear(
	struct children *all, const struct v2_sa *sa, struct outbox *ob); /* NULL: all */
/* The gateway deleted it: what replaced it is certainly in place. */
void child_deleted(const struct children *all, struct child *c, uint64_t now, struct outbox *ob);

/* Another address of ours, or of the gateway. */
void child_move(struct child *c, struct addr local, struct addr remote);

/* When time has to go on for it; blocked: a rekey begins with another input, not with a time. */
uint64_t child_deadline(const struct child *c, bool blocked);
void child_tick(struct child *c, uint64_t now, struct outbox *ob); /* adoption and rekeying */
void children_rekey(struct children *all, uint64_t now); /* all, as the user asks */
void children_expiring(struct children *all, uint32_t spi); /* of either half */
/* Nothing more leaves by it: a rekey under way has a moment to end well, and one that has ended is used. */
void children_expired(struct children *all, uint32_t spi_out, uint64_t now, struct outbox *ob);
void children_keys(const struct children *all, struct outbox *ob); /* to who asks for them */
/* " ..." to follow on a refusal of new keys, "" where the profile leaves it to the gateway: the first ones need no
 * PFS (RFC 7296 section 1.2), so what the two think of it differently shows only now. */
const char *child_pfs_doubt(const struct ike_config *cfg);
void children_view(const struct children *all, struct ike_view *out);

#endif
