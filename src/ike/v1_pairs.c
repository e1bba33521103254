#include "v1_sa.h"

/*
 * What the data plane shall carry, one child SA for each pair: each of the profile's selectors, else
 * everything, from what the gateway assigned, else from our own address.
 *
 * A pair is due as long as it has no child SA, unless the gateway refused it. A gateway deletes child SAs
 * whose lifetime ran out by its own count, or that it forgot to renew; one that does not want them any
 * more says so, or does it again.
 */

static void add_pair(struct v1 *v, const struct selector *local, const struct selector *remote)
{
	if (local->family == remote->family && v->n_pairs < IKE_CHILDREN_MAX)
		v->pairs[v->n_pairs++] = (struct v1_ends){ .local = *local, .remote = *remote };
}

static void host_selector(struct selector *s, uint8_t family, const uint8_t *ip)
{
	struct prefix p = prefix_host(family, ip);

	selector_from_prefix(s, &p);
}

static size_t local_selectors(const struct v1 *v, struct selector out[NETCONF_ADDRS])
{
	size_t n = 0;

	for (; n < v->cfg->local_ts.n && n < NETCONF_ADDRS; n++)
		out[n] = v->cfg->local_ts.v[n];
	for (size_t i = 0; v->cfg->local_ts.n == 0 && i < v->granted.n_addrs; i++)
		host_selector(&out[n++], v->granted.addrs[i].family, v->granted.addrs[i].ip);
	if (n == 0)
		host_selector(&out[n++], v->path.local.family, v->path.local.ip);
	return n;
}

static void ports(struct selector *s, uint8_t proto, uint16_t port)
{
	s->proto = proto;
	if (port)
		s->port_lo = s->port_hi = port;
}

void v1_pairs_prepare(struct v1 *v)
{
	const struct ike_config *cfg = v->cfg;
	struct selector local[NETCONF_ADDRS], remote;
	size_t n = local_selectors(v, local);

	v->n_pairs = 0;
	if (cfg->mode == SA_TRANSPORT && cfg->remote_ts.n == 0) {
		host_selector(&local[0], v->path.local.family, v->path.local.ip);
		host_selector(&remote, v->path.remote.family, v->path.remote.ip);
		ports(&local[0], cfg->ts_proto, cfg->local_ts_port);
		ports(&remote, cfg->ts_proto, cfg->remote_ts_port);
		add_pair(v, &local[0], &remote);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < cfg->remote_ts.n; j++)
			add_pair(v, &local[i], &cfg->remote_ts.v[j]);
		selector_all(&remote, local[i].family);
		if (cfg->remote_ts.n == 0)
			add_pair(v, &local[i], &remote);
	}
}

/* The gateway may have made it, by selectors that are narrower. */
static bool belongs(const struct v1 *v, const struct child *c, const struct v1_ends *pair)
{
	for (size_t i = 0; i < v->n_pairs; i++)
		if (c->number == v->pairs[i].number)
			return pair == &v->pairs[i];
	return selector_inside(&c->local_ts.v[0], &pair->local) &&
		selector_inside(&c->remote_ts.v[0], &pair->remote);
}

static bool wanting(const struct v1 *v, const struct v1_ends *pair)
{
	for (size_t i = 0; i < v->children.n; i++)
		if (v->children.v[i]->state == CHILD_UP && belongs(v, v->children.v[i], pair))
			return false;
	return !pair->refused;
}

struct v1_ends *v1_pair_due(struct v1 *v)
{
	for (size_t i = 0; i < v->n_pairs; i++)
		if (v->now >= v->pairs[i].not_before && wanting(v, &v->pairs[i]))
			return &v->pairs[i];
	return NULL;
}

/* Its child SA is not the same one as before, but for the data plane it takes that one's place. */
uint32_t v1_pair_number(struct v1 *v, struct v1_ends *pair)
{
	uint32_t number = pair && pair->number ? pair->number : ++v->children.last_number;

	if (pair)
		pair->number = number;
	return number;
}

/* Of two children of one number one is ended: where ours is under way, only the same takes its number. */
struct v1_ends *v1_pair_for(struct v1 *v, const struct v1_offer *o)
{
	for (size_t i = 0; i < v->n_pairs; i++) {
		struct v1_ends *pair = &v->pairs[i];
		bool same = selector_same(&o->local_ts, &pair->local) &&
			selector_same(&o->remote_ts, &pair->remote);
		bool inside = selector_inside(&o->local_ts, &pair->local) &&
			selector_inside(&o->remote_ts, &pair->remote);
		if (wanting(v, pair) && (same || (inside && !v1_under_way(v, pair->number))))
			return pair;
	}
	return NULL;
}

uint64_t v1_pairs_deadline(const struct v1 *v)
{
	uint64_t at = TIME_NEVER;

	for (size_t i = 0; i < v->n_pairs; i++) {
		const struct v1_ends *pair = &v->pairs[i];
		if (pair->not_before > v->now && pair->not_before < at && wanting(v, pair))
			at = pair->not_before;
	}
	return at;
}

bool v1_pair_begin(struct v1 *v, struct v1_ends *pair, struct outbox *ob, struct err *e)
{
	if (pair->made) {
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"a child SA of the tunnel is gone: asking for another");
		pair->not_before = v->now + V1_REMAKE_MS;
	}
	return v1_quick_send(v, v->sa, NULL, pair, ob, e);
}
