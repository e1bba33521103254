#include "child.h"

#include <stdlib.h>

#include "base/secret.h"
#include "rexmit.h"

/* --- making one ------------------------------------------------------------------------------------ */

static void spec_free(struct sa_spec *s)
{
	if (s)
		wipe(s, sizeof(*s));
	free(s);
}

struct child *child_new(uint32_t number, uint32_t spi_in)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->number = number;
	c->spi_in = spi_in;
	c->rekey_at = c->expire_at = c->adopt_at = TIME_NEVER;
	return c;
}

void child_free(struct child *c)
{
	if (!c)
		return;
	spec_free(c->held_out);
	wipe(c, sizeof(*c));
	free(c);
}

uint64_t shorter(uint64_t a, uint64_t b)
{
	return a && b ? (a < b ? a : b) : a + b;
}

static void spec_fill(
	const struct child *c, const struct ike_config *cfg, enum sa_dir dir, struct sa_spec *s)
{
	s->dir = dir;
	s->mode = c->mode;
	s->spi = dir == SA_IN ? c->spi_in : c->spi_out;
	s->child = c->number;
	s->encap = c->encap;
	s->local = c->local;
	s->remote = c->remote;
	suite_specify(&c->suite, s);
	s->ecn = c->ecn;
	s->replay_window = cfg->replay_window;
	s->octets_max = shorter(c->octets, cfg->child_octets);
	s->packets_max = cfg->child_packets;
	s->local_ts = c->local_ts;
	s->remote_ts = c->remote_ts;
}

/* Rekeys may come faster than what they leave is over: then the deleted SA that would go first goes. */
static void make_room(struct children *all, struct outbox *ob)
{
	struct child *first = NULL;

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i]->state == CHILD_LINGERING &&
			(!first || all->v[i]->until < first->until))
			first = all->v[i];
	if (first && all->n == CHILDREN_MAX)
		child_remove(all, first, ob);
}

struct sa_spec *child_specify(struct children *all, struct child *c, const struct ike_config *cfg,
	struct outbox *ob, struct err *e)
{
	make_room(all, ob);
	struct sa_spec *in = all->n < CHILDREN_MAX ? calloc(1, sizeof(*in)) : NULL;

	c->held_out = in ? calloc(1, sizeof(*c->held_out)) : NULL;
	if (!c->held_out) {
		free(in);
		err_set(e, ERR_LOCAL, "no room for another child SA");
		return NULL;
	}
	spec_fill(c, cfg, SA_IN, in);
	spec_fill(c, cfg, SA_OUT, c->held_out);
	return in;
}

static void keep_keys(struct child *c, const struct sa_spec *s)
{
	c->keys[s->dir] = (struct child_keys){ s->encr_key, s->integ_key };
}

static void tell_keys(const struct child *c, enum sa_dir dir, struct outbox *ob)
{
	struct keys k = { .of = KEYS_ESP,
		.spi = dir == SA_IN ? c->spi_in : c->spi_out,
		.family = c->remote.family,
		.encr_key = c->keys[dir].encr,
		.integ_key = c->keys[dir].integ };

	suite_keys(&c->suite, &k);
	outbox_keys(ob, &k);
	wipe(&k, sizeof(k));
}

static void child_tell_keys(const struct child *c, struct outbox *ob)
{
	if (!ob->keys)
		return;
	tell_keys(c, SA_OUT, ob);
	tell_keys(c, SA_IN, ob);
}

void children_keys(const struct children *all, struct outbox *ob)
{
	for (size_t i = 0; i < all->n; i++)
		child_tell_keys(all->v[i], ob);
}

struct child *child_install(struct children *all, struct child *c, struct sa_spec *in, bool keyed,
	bool hold_out, uint64_t now, struct outbox *ob)
{
	if (keyed) {
		keep_keys(c, in);
		keep_keys(c, c->held_out);
		child_tell_keys(c, ob);
		outbox_sa_install(ob, in);
		c->adopt_at = now + CHILD_ADOPT_MS;
		all->v[all->n++] = c;
		if (!hold_out)
			child_adopt(c, true, ob);
	} else {
		child_free(c);
		c = NULL;
	}
	spec_free(in);
	return c;
}

void child_lifetime(struct child *c, uint64_t ms, uint64_t now, struct rng *rng)
{
	c->rekey_at = ms ? now + jittered(ms * 9 / 10, rng) : TIME_NEVER;
	c->expire_at = ms ? now + ms : TIME_NEVER;
}

void child_shorten(struct child *c, uint64_t ms, uint64_t now, struct rng *rng)
{
	if (ms && c->state == CHILD_UP && now + ms < c->expire_at)
		child_lifetime(c, ms, now, rng);
}

/* --- finding one ------------------------------------------------------------------------------------- */

uint32_t child_new_spi(const struct children *all, struct rng *rng)
{
	uint32_t spi;

	do /* 0 to 255 are reserved, RFC 4303 section 2.1 */
		spi = rng_u32(rng);
	while (spi < 256 || child_find(all, spi));
	return spi;
}

struct child *child_find(const struct children *all, uint32_t spi_in)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i]->spi_in == spi_in)
			return all->v[i];
	return NULL;
}

static bool has_half(const struct child *c, uint32_t spi)
{
	return c->spi_in == spi || c->spi_out == spi;
}

bool children_have(const struct children *all, uint32_t spi)
{
	for (size_t i = 0; i < all->n; i++)
		if (has_half(all->v[i], spi))
			return true;
	return false;
}

struct child *child_by_out(const struct children *all, const struct v2_sa *sa, uint32_t spi_out)
{
	for (size_t i = 0; i < all->n; i++) {
		struct child *c = all->v[i];
		if (c->sa == sa && c->spi_out == spi_out && c->state != CHILD_LINGERING)
			return c;
	}
	return NULL;
}

bool child_unknown(struct children *all, struct bytes data, struct bytes spi)
{
	struct rd r = data.n ? rd_init(data.p, data.n) : rd_init(spi.p, spi.n);
	uint32_t which = rd_u32(&r);
	bool any = false;

	for (size_t i = 0; i < all->n && rd_done(&r); i++) {
		struct child *c = all->v[i];
		if (c->spi_out == which && c->state == CHILD_UP && !c->held_out)
			c->want_rekey = any = true;
	}
	return any;
}

/* A child that the gateway made and may not know itself yet, our answer being lost, must wait. */
static uint64_t rekey_from(const struct child *c)
{
	return c->retry_at > c->unsure_until ? c->retry_at : c->unsure_until;
}

struct child *child_wanting_rekey(const struct children *all, const struct v2_sa *sa, uint64_t now)
{
	for (size_t i = 0; i < all->n; i++) {
		struct child *c = all->v[i];
		if (c->sa == sa && c->state == CHILD_UP && c->want_rekey && now >= rekey_from(c))
			return c;
	}
	return NULL;
}

/* --- its halves in the data plane ---------------------------------------------------------------------- */

static void uninstall(const struct child *c, enum sa_dir dir, struct outbox *ob)
{
	uint32_t spi = dir == SA_IN ? c->spi_in : c->spi_out;

	outbox_sa_remove(ob, &(struct sa_ref){ dir, spi, c->remote, c->local });
}

static void drop_held_out(struct child *c)
{
	spec_free(c->held_out);
	c->held_out = NULL;
}

void child_adopt(struct child *c, bool sure, struct outbox *ob)
{
	if (c->held_out)
		outbox_sa_install(ob, c->held_out);
	drop_held_out(c);
	c->adopt_at = TIME_NEVER;
	if (sure)
		c->unsure_until = 0;
}

void child_linger(struct child *c, uint64_t now, struct outbox *ob)
{
	if (c->state == CHILD_LINGERING)
		return;
	if (!c->held_out)
		uninstall(c, SA_OUT, ob);
	drop_held_out(c);
	c->state = CHILD_LINGERING;
	c->adopt_at = c->rekey_at = c->expire_at = TIME_NEVER;
	c->want_rekey = false;
	c->until = now + CHILD_LINGER_MS;
}

bool children_linger(struct children *all, uint64_t now, struct outbox *ob)
{
	for (size_t i = 0; i < all->n; i++)
		child_linger(all->v[i], now, ob);
	return all->n > 0;
}

void child_remove(struct children *all, struct child *c, struct outbox *ob)
{
	size_t i = 0;

	if (!c->held_out && c->state != CHILD_LINGERING)
		uninstall(c, SA_OUT, ob);
	uninstall(c, SA_IN, ob);
	while (i + 1 < all->n && all->v[i] != c)
		i++;
	all->v[i] = all->v[--all->n];
	child_free(c);
}

void children_clear(struct children *all, const struct v2_sa *sa, struct outbox *ob)
{
	for (size_t i = all->n; i-- > 0;)
		if (!sa || all->v[i]->sa == sa)
			child_remove(all, all->v[i], ob);
}

static void adopt_successors(const struct children *all, const struct child *c, struct outbox *ob)
{
	for (size_t i = 0; i < all->n; i++) {
		struct child *other = all->v[i];
		if (other->number == c->number && other != c && other->state == CHILD_UP)
			child_adopt(other, true, ob);
	}
}

void child_deleted(const struct children *all, struct child *c, uint64_t now, struct outbox *ob)
{
	if (c->state == CHILD_UP)
		outbox_log(ob, LEVEL_INFO, "the gateway deleted a child SA");
	adopt_successors(all, c, ob);
	child_linger(c, now, ob);
}

void child_move(struct child *c, struct addr local, struct addr remote)
{
	c->local = local;
	c->remote = remote;
	if (c->held_out) {
		c->held_out->local = local;
		c->held_out->remote = remote;
	}
}

/* --- time ------------------------------------------------------------------------------------------------- */

uint64_t child_deadline(const struct child *c, bool blocked)
{
	uint64_t rekey = !c->want_rekey ? c->rekey_at : blocked ? TIME_NEVER : rekey_from(c);
	uint64_t at = earliest(c->expire_at, c->adopt_at);

	switch (c->state) {
	case CHILD_UP:
		return earliest(at, rekey);
	case CHILD_REPLACED:
		return at;
	case CHILD_RETIRING:
		return earliest(at, c->until);
	case CHILD_DELETING:
		return TIME_NEVER; /* the request has its own time */
	case CHILD_LINGERING:
		return c->until;
	}
	return at;
}

void child_tick(struct child *c, uint64_t now, struct outbox *ob)
{
	if (now >= c->adopt_at)
		child_adopt(c, false, ob);
	if (c->state == CHILD_UP && now >= c->rekey_at) {
		c->want_rekey = true;
		c->rekey_at = TIME_NEVER;
	}
}

void children_rekey(struct children *all, uint64_t now)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i]->state == CHILD_UP) {
			all->v[i]->want_rekey = true;
			all->v[i]->retry_at = now;
		}
}

void children_expiring(struct children *all, uint32_t spi)
{
	for (size_t i = 0; i < all->n; i++)
		if (has_half(all->v[i], spi))
			all->v[i]->want_rekey = true;
}

void children_expired(struct children *all, uint32_t spi_out, uint64_t now, struct outbox *ob)
{
	for (size_t i = 0; i < all->n; i++) {
		struct child *c = all->v[i];
		if (c->spi_out != spi_out)
			continue;
		c->spent = true;
		if (c->state == CHILD_UP || c->state == CHILD_REPLACED)
			c->expire_at = earliest(c->expire_at, now + IKE_EXPIRED_GRACE_MS);
		adopt_successors(all, c, ob);
	}
}

/* --- what others may see ----------------------------------------------------------------------------------- */

/* Its predecessor still carries what we send. */
static bool not_yet(const struct children *all, const struct child *c)
{
	for (size_t i = 0; i < all->n && c->held_out; i++)
		if (all->v[i] != c && all->v[i]->number == c->number &&
			all->v[i]->state == CHILD_UP)
			return true;
	return false;
}

void children_view(const struct children *all, struct ike_view *out)
{
	for (size_t i = 0; i < all->n && out->n_children < IKE_CHILDREN_MAX; i++) {
		const struct child *c = all->v[i];
		if (c->state != CHILD_UP || not_yet(all, c))
			continue;
		out->children[out->n_children++] = (struct ike_child_view){ .number = c->number,
			.spi_in = c->spi_in,
			.spi_out = c->spi_out,
			.mode = c->mode,
			.encap = c->encap,
			.suite = c->suite,
			.local_ts = &c->local_ts,
			.remote_ts = &c->remote_ts,
			.rekey_at = c->rekey_at };
	}
}

const char *child_pfs_doubt(const struct ike_config *cfg)
{
	switch (cfg->pfs) {
	case TRI_YES:
		return " with PFS (esp.pfs = yes), which first keys never have";
	case TRI_NO:
		return " without PFS (esp.pfs = no), as its first keys were";
	case TRI_AUTO:
		break;
	}
	return "";
}
