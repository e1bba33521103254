#include "priv.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

/* p with the bits behind its length cleared, as the kernel wants destinations. */
static struct prefix prefix_clear(const struct prefix *p)
{
	struct prefix out = { .family = p->family, .len = p->len };

	for (unsigned i = 0; i < addr_len(p->family); i++)
		if (p->len >= 8 * (i + 1))
			out.ip[i] = p->ip[i];
		else if (p->len > 8 * i)
			out.ip[i] = p->ip[i] & (uint8_t)(0xff00u >> (p->len - 8 * i));
	return out;
}

static int destination_order(const struct item *a, const struct item *b)
{
	int ip = memcmp(a->dst.ip, b->dst.ip, sizeof(a->dst.ip));

	if (a->dst.family != b->dst.family)
		return a->dst.family - b->dst.family;
	return ip ? ip : a->dst.len - b->dst.len;
}

/* Order of destinations; among equal ones what leaves the tunnel out comes first, and wins. */
static int route_order(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int rank[] = { [RTN_THROW] = 0, [RTN_UNREACHABLE] = 1, [RTN_UNICAST] = 2 };
	int order = destination_order(a, b);

	return order ? order : rank[a->type] - rank[b->type];
}

static bool same_destination(const struct item *a, const struct item *b)
{
	return destination_order(a, b) == 0;
}

static void plan_add_addrs(struct plan *p, const struct plan_input *in)
{
	for (uint32_t i = 0; i < in->want->n_addrs && in->link; i++) {
		const struct prefix *a = &in->want->addrs[i];
		if (a->family == FAMILY_V6 && in->ipv6 != IPV6_WORKS)
			continue;
		struct item it = {
			.kind = ITEM_ADDR, .link = in->link, .dst = prefix_host(a->family, a->ip)
		};
		bool twice = false;
		for (size_t j = 0; j < p->n_addrs; j++)
			twice |= item_same(&p->addrs[j], &it);
		if (!twice)
			p->addrs[p->n_addrs++] = it;
	}
}

static struct item route_item(
	const struct plan *p, const struct plan_input *in, const struct route *r)
{
	struct item it = { .kind = ITEM_ROUTE,
		.link = in->link,
		.table = in->table,
		.dst = prefix_clear(&r->dst) };

	switch (r->kind) {
	case ROUTE_TUNNEL:
		it.type = RTN_UNICAST;
		break;
	case ROUTE_BYPASS:
		it.type = RTN_THROW;
		break;
	case ROUTE_BLOCK:
		it.type = RTN_UNREACHABLE;
		break;
	}
	/* Where the tunnel's interface cannot carry IPv6, what should go through it goes nowhere:
	 * the rest of the machine may well have IPv6, and must not take it out in the clear. */
	if (it.type == RTN_UNICAST && it.dst.family == FAMILY_V6 && in->ipv6 != IPV6_WORKS)
		it.type = RTN_UNREACHABLE;
	for (size_t i = 0; it.type == RTN_UNICAST && i < p->n_addrs && !it.src.family; i++)
		if (p->addrs[i].dst.family == it.dst.family)
			it.src = p->addrs[i].dst;
	if (it.type != RTN_UNICAST)
		it.link = 0;
	return it;
}

bool leads_inside(const struct netconf *want, const struct addr *to)
{
	for (uint32_t i = 0; i < want->n_routes; i++)
		if (want->routes[i].kind == ROUTE_TUNNEL &&
			want->routes[i].dst.family == to->family &&
			prefix_covers(&want->routes[i].dst, to->ip))
			return true;
	return false;
}

/* Whether the tunnel's own addresses, or name servers to be asked through it, lie in a network. */
static bool holds_inside(const struct netconf *want, const struct prefix *lan)
{
	bool any = false;

	for (uint32_t i = 0; i < want->n_addrs; i++) {
		struct prefix host = prefix_host(want->addrs[i].family, want->addrs[i].ip);
		any |= prefix_inside(&host, lan);
	}
	for (uint32_t i = 0; i < want->n_dns; i++) {
		struct prefix host = prefix_host(want->dns[i].family, want->dns[i].ip);
		any |= prefix_inside(&host, lan);
	}
	return any;
}

/* What is routed into the tunnel by private prefixes is meant, and the office's addresses stay the
 * office's where the local network claims some of them (TunnelCrack's LocalNet); so do, of a full tunnel,
 * those around what the gateway named, which a rogue router can announce as well. */
bool lan_left_alone(const struct netconf *want, const struct prefix *lan)
{
	bool inside = holds_inside(want, lan);

	if (!prefix_is_lan(lan))
		return false;
	for (uint32_t i = 0; i < want->n_routes; i++) {
		const struct route *r = &want->routes[i];
		if (r->kind != ROUTE_BYPASS && prefix_inside(lan, &r->dst) &&
			(prefix_is_lan(&r->dst) || (inside && r->kind == ROUTE_TUNNEL)))
			return false;
	}
	return true;
}

static void plan_add_lan(struct plan *p, const struct plan_input *in)
{
	for (size_t i = 0; i < in->n_lan; i++) {
		struct route r = { .kind = ROUTE_BYPASS, .dst = in->lan[i] };
		struct item it = route_item(p, in, &r);
		if (!lan_left_alone(in->want, &it.dst))
			continue;
		p->routes[p->n_routes++] = it;
	}
}

/* Only where something goes elsewhere does anything need to be left where it was. */
static bool goes_anywhere(const struct plan *p, const struct netconf *want)
{
	bool any = p->n_addrs > 0;

	for (uint32_t i = 0; i < want->n_routes && !any; i++)
		any = want->routes[i].kind != ROUTE_BYPASS;
	return any;
}

/* Where the default goes into the tunnel, what has no way there any more goes nowhere; and IPv6 as a
 * kill switch needs it. */
static void plan_add_wall(struct plan *p, const struct plan_input *in)
{
	for (size_t i = 0; i < p->n_routes; i++)
		p->wall[p->routes[i].dst.family == FAMILY_V6] |=
			p->routes[i].dst.len == 0 && p->routes[i].type != RTN_THROW;
	for (size_t i = 0; in->wall && i < p->n_addrs; i++)
		p->wall[1] |= p->addrs[i].dst.family == FAMILY_V6;
}

/* The shorter the shortest prefix that goes somewhere, the later the class. */
static uint32_t rule_class(const struct plan *p, bool v6)
{
	enum family family = v6 ? FAMILY_V6 : FAMILY_V4;
	uint8_t shortest = UINT8_MAX;

	for (size_t i = 0; i < p->n_routes; i++)
		if (p->routes[i].dst.family == family && p->routes[i].type != RTN_THROW &&
			p->routes[i].dst.len < shortest)
			shortest = p->routes[i].dst.len;
	if (p->wall[v6])
		shortest = 0;
	if (v6)
		return shortest >= 64 ? 0 : shortest >= 48 ? 1 : shortest >= 32 ? 2 : 3;
	return shortest >= 24 ? 0 : shortest >= 16 ? 1 : shortest >= 8 ? 2 : 3;
}

static void plan_add_rules(struct plan *p, uint32_t pref)
{
	bool any[2] = { p->wall[0], p->wall[1] };

	for (size_t i = 0; i < p->n_routes; i++)
		any[p->routes[i].dst.family == FAMILY_V6] = true;
	for (int f = 0; f < 2; f++)
		p->rule[f] = any[f] ? pref + HOST_TABLES * rule_class(p, f) : 0;
}

bool plan_make(struct plan *p, const struct plan_input *in, struct err *e)
{
	size_t most = (size_t)in->want->n_routes + in->n_lan;

	*p = (struct plan){ .mtu = in->want->mtu };
	if (in->want->n_addrs > NETCONF_ADDRS)
		return err_set(e, ERR_BUG, "%u addresses for the tunnel", in->want->n_addrs);
	p->routes = calloc(most ? most : 1, sizeof(*p->routes));
	if (!p->routes)
		return err_set(e, ERR_LOCAL, "no memory for %zu routes", most);
	plan_add_addrs(p, in);
	for (uint32_t i = 0; i < in->want->n_routes && goes_anywhere(p, in->want); i++) {
		if (in->want->routes[i].dst.family == FAMILY_V6 && in->ipv6 == IPV6_ABSENT)
			continue;
		/* Without an inner interface the policies take packets wherever they are routed. */
		if (in->want->routes[i].kind == ROUTE_TUNNEL && !in->link)
			continue;
		p->routes[p->n_routes++] = route_item(p, in, &in->want->routes[i]);
	}
	if (in->want->lan && p->n_routes > 0)
		plan_add_lan(p, in);
	qsort(p->routes, p->n_routes, sizeof(*p->routes), route_order);
	size_t n = 0;
	for (size_t i = 0; i < p->n_routes; i++)
		if (n == 0 || !same_destination(&p->routes[n - 1], &p->routes[i]))
			p->routes[n++] = p->routes[i];
	p->n_routes = n;
	p->up = p->n_addrs > 0 || p->n_routes > 0;
	plan_add_wall(p, in);
	plan_add_rules(p, in->pref);
	return true;
}

void plan_free(struct plan *p)
{
	free(p->routes);
	*p = (struct plan){ 0 };
}

static void step_add(struct step *v, size_t *n, enum step_op op, const struct item *it)
{
	v[(*n)++] = (struct step){ .op = op, .item = *it, .code = -1 };
}

/* Both lists are in the same order: one walk finds what is new, gone and changed. */
static void route_steps(
	const struct plan *from, const struct plan *to, enum step_op op, struct step *v, size_t *n)
{
	size_t i = 0, j = 0;

	while (i < from->n_routes || j < to->n_routes) {
		const struct item *a = i < from->n_routes ? &from->routes[i] : NULL;
		const struct item *b = j < to->n_routes ? &to->routes[j] : NULL;
		bool same = a && b && same_destination(a, b);
		bool gone = !same && a && (!b || route_order(a, b) < 0);
		if (gone && op == STEP_DEL)
			step_add(v, n, STEP_DEL, a);
		if (!same && !gone && b && op == STEP_ADD)
			step_add(v, n, STEP_ADD, b);
		if (same && op == STEP_ADD && !item_same(a, b)) {
			step_add(v, n, STEP_ADD, b);
			v[*n - 1].replaces = true;
			v[*n - 1].before = *a;
		}
		i += same || gone;
		j += same || !gone;
	}
}

static void addr_steps(
	const struct plan *a, const struct plan *b, enum step_op op, struct step *v, size_t *n)
{
	for (size_t i = 0; i < b->n_addrs; i++) {
		bool known = false;
		for (size_t j = 0; j < a->n_addrs; j++)
			known |= item_same(&a->addrs[j], &b->addrs[i]);
		if (!known)
			step_add(v, n, op, &b->addrs[i]);
	}
}

static void link_step(const struct plan *from, const struct plan *to, const struct item *base,
	struct step *v, size_t *n)
{
	struct item it = *base;

	it.kind = ITEM_LINK;
	it.up = to->up;
	it.mtu = to->mtu;
	step_add(v, n, STEP_ADD, &it);
	v[*n - 1].before = it;
	v[*n - 1].before.up = from->up;
	v[*n - 1].before.mtu = from->mtu;
}

static void rule_steps(const struct plan *from, const struct plan *to, const struct item *base,
	enum step_op op, struct step *v, size_t *n)
{
	for (int f = 0; f < 2; f++) {
		struct item it = { .kind = ITEM_RULE,
			.table = base->table,
			.pref = op == STEP_ADD ? to->rule[f] : from->rule[f],
			.dst.family = f ? FAMILY_V6 : FAMILY_V4 };
		if (it.pref && from->rule[f] != to->rule[f])
			step_add(v, n, op, &it);
	}
}

/* The routes of last resort, which stay when the interface goes. */
static void last_resort(struct step *v, size_t *n, enum step_op op, const struct item *base,
	const struct prefix *dst)
{
	struct item it = { .kind = ITEM_ROUTE,
		.table = base->table,
		.type = RTN_UNREACHABLE,
		.metric = UINT32_MAX - 1,
		.dst = *dst };

	step_add(v, n, op, &it);
}

/* Where no wall stands behind it, a network that goes into the tunnel has one of its own. */
static bool has_own_wall(const struct plan *p, size_t i)
{
	const struct item *r = &p->routes[i];

	return r->type == RTN_UNICAST && !p->wall[r->dst.family == FAMILY_V6];
}

size_t plan_walls(const struct plan *p)
{
	size_t n = (size_t)p->wall[0] + p->wall[1];

	for (size_t i = 0; i < p->n_routes; i++)
		n += has_own_wall(p, i);
	return n;
}

/* Those of b that a has not. */
static void own_wall_steps(const struct plan *a, const struct plan *b, const struct item *base,
	enum step_op op, struct step *v, size_t *n)
{
	for (size_t i = 0, j = 0; i < b->n_routes; i++) {
		const struct item *r = &b->routes[i];
		while (j < a->n_routes && destination_order(&a->routes[j], r) < 0)
			j++;
		bool both =
			j < a->n_routes && same_destination(&a->routes[j], r) && has_own_wall(a, j);
		if (has_own_wall(b, i) && !both)
			last_resort(v, n, op, base, &r->dst);
	}
}

static void wall_steps(const struct plan *from, const struct plan *to, const struct item *base,
	enum step_op op, struct step *v, size_t *n)
{
	for (int f = 0; f < 2; f++) {
		const struct prefix all = { .family = f ? FAMILY_V6 : FAMILY_V4 };
		if (op == STEP_ADD ? to->wall[f] && !from->wall[f] : from->wall[f] && !to->wall[f])
			last_resort(v, n, op, base, &all);
	}
}

bool plan_steps(const struct plan *from, const struct plan *to, const struct item *base,
	struct step **steps, size_t *n, struct err *e)
{
	size_t most = 2 * (from->n_routes + to->n_routes) + from->n_addrs + to->n_addrs + 10;
	struct step *v = calloc(most, sizeof(*v));

	*n = 0;
	*steps = v;
	if (!v)
		return err_set(e, ERR_LOCAL, "no memory for %zu changes of the routing", most);
	if (to->up && (!from->up || from->mtu != to->mtu))
		link_step(from, to, base, v, n);
	addr_steps(from, to, STEP_ADD, v, n);
	route_steps(from, to, STEP_ADD, v, n);
	wall_steps(from, to, base, STEP_ADD, v, n);
	own_wall_steps(from, to, base, STEP_ADD, v, n);
	rule_steps(from, to, base, STEP_ADD, v, n);
	rule_steps(from, to, base, STEP_DEL, v, n);
	own_wall_steps(to, from, base, STEP_DEL, v, n);
	wall_steps(from, to, base, STEP_DEL, v, n);
	route_steps(from, to, STEP_DEL, v, n);
	addr_steps(to, from, STEP_DEL, v, n);
	if (!to->up && from->up)
		link_step(from, to, base, v, n);
	return true;
}
