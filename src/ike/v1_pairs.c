#include "v1_sa.h"

/*
 * What the data plane shall carry, one child SA for each pair: each of the profile's selectors, else
 * everything, from what the gateway assigned, else from our own address.
 *
 * A pair is due as long as it has no child SA, unless the gateway refused it. A gateway deletes child SAs
 * whose lifetime ran out by its own count, or that it forgot to renew; one that does not want them any
 * more says so, or does it again.
 */

/* False: there is no room for it. */
static bool add_pair(struct v1 *v, const struct selector *local, const struct selector *remote)
{
	if (local->family != remote->family)
		return true;
	if (v->n_pairs == IKE_CHILDREN_MAX)
		return false;
	v->pairs[v->n_pairs++] = (struct v1_ends){ .local = *local, .remote = *remote };
	return true;
}

static void host_selector(struct selector *s, uint8_t family, const uint8_t *ip)
{
	struct prefix p = prefix_host(family, ip);

	selector_from_prefix(s, &p);
}

static void local_selectors(const struct v1 *v, struct selectors *out)
{
	*out = v->cfg->local_ts;
	for (size_t i = 0; v->cfg->local_ts.n == 0 && i < v->granted.n_addrs; i++)
		host_selector(
			&out->v[out->n++], v->granted.addrs[i].family, v->granted.addrs[i].ip);
	if (out->n == 0)
		host_selector(&out->v[out->n++], v->path.local.family, v->path.local.ip);
}

static void ports(struct selector *s, uint8_t proto, uint16_t port)
{
	s->proto = proto;
	if (port)
		s->port_lo = s->port_hi = port;
}

static void transport_pair(struct v1 *v)
{
	struct selector local, remote;

	host_selector(&local, v->path.local.family, v->path.local.ip);
	host_selector(&remote, v->path.remote.family, v->path.remote.ip);
	ports(&local, v->cfg->ts_proto, v->cfg->local_ts_port);
	ports(&remote, v->cfg->ts_proto, v->cfg->remote_ts_port);
	(void)add_pair(v, &local, &remote);
}

static bool has_family(const struct selectors *list, uint8_t family)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].family == family)
			return true;
	return false;
}

/* Where nothing is left, that is the end, and said then. */
static void tell_left_out(
	const struct v1 *v, const struct selectors *local, size_t too_many, struct outbox *ob)
{
	const struct selectors *remote = &v->cfg->remote_ts;
	char text[SELECTOR_TEXT_MAX];

	for (size_t i = 0; v->n_pairs > 0 && i < remote->n; i++)
		if (!has_family(local, remote->v[i].family))
			outbox_event(ob, EV_WARNING, LEVEL_WARN,
				"%s of esp.remote-ts is not carried: our own end of the tunnel is of "
				"the other family",
				selector_text(text, &remote->v[i]));
	if (too_many > 0)
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"not carried, for it would take more than %d child SAs: %zu pair%s of "
			"esp.local-ts and esp.remote-ts",
			IKE_CHILDREN_MAX, too_many, plural(too_many));
}

void v1_pairs_prepare(struct v1 *v, struct outbox *ob)
{
	const struct ike_config *cfg = v->cfg;
	struct selectors local;
	struct selector all;
	size_t too_many = 0;

	v->n_pairs = 0;
	if (cfg->mode == SA_TRANSPORT && cfg->remote_ts.n == 0) {
		transport_pair(v);
		return;
	}
	local_selectors(v, &local);
	for (size_t i = 0; i < local.n; i++) {
		for (size_t j = 0; j < cfg->remote_ts.n; j++)
			too_many += !add_pair(v, &local.v[i], &cfg->remote_ts.v[j]);
		selector_all(&all, local.v[i].family);
		if (cfg->remote_ts.n == 0)
			too_many += !add_pair(v, &local.v[i], &all);
	}
	tell_left_out(v, &local, too_many, ob);
}

void v1_pairs_none(const struct v1 *v, struct err *e)
{
	bool v6 = has_family(&v->cfg->remote_ts, FAMILY_V6);

	if (v->cfg->want_address && v->cfg->local_ts.n == 0)
		err_set(e, ERR_PEER,
			"the gateway gave no IPv%d address, and esp.remote-ts has only IPv%d",
			v6 ? 6 : 4, v6 ? 6 : 4);
	else
		err_set(e, ERR_CONFIG,
			"esp.remote-ts has no network of the family (IPv4 or IPv6) of our own end of the "
			"tunnel");
}

void v1_pair_refused(struct v1 *v, struct v1_ends *pair, const char *why, struct outbox *ob)
{
	char text[SELECTOR_TEXT_MAX];

	pair->refused = true;
	outbox_event(ob, EV_WARNING, LEVEL_WARN, "the gateway does not carry %s%s: %s",
		selector_text(text, &pair->remote), v->cfg->remote_ts.n ? " of esp.remote-ts" : "",
		why);
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
