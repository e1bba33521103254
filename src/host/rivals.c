#include "priv.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/names.h"

/*
 * Networks that two tunnels carry: of two rules the kernel asks the one with the smaller preference
 * first, and what its table knows a way for never comes to the other. Rules and routes are read from the
 * kernel; what other instances say of themselves is not needed.
 */

/* The rules that lead to the tables of other instances, and the routes there. */
struct others {
	uint32_t pref[2][HOST_TABLES];
	size_t n, cap;
	struct item *v; /* routes, with the preference of the rule */
};

/* Of a route in the plan: the interfaces of the tunnels with the rule before and after ours. */
struct rival {
	uint32_t seen; /* the preference of the table that was looked at last */
	int before; /* that gets what we want, 0: none */
	int after; /* that wants the same and does not get it, 0: none */
};

static bool find_rules(struct host *h, struct others *o, bool *any, struct err *e)
{
	struct fib_rule_hdr head = { .family = AF_UNSPEC };
	struct nl_reply all;

	if (!nl_ask_all(h->sk, RTM_GETRULE, &head, sizeof(head), "reading the rules", &all, e))
		return false;
	for (struct nlmsghdr *m = NULL; (m = nl_next(&all, m));) {
		const struct fib_rule_hdr *r = nlmsg_data(m);
		if (m->nlmsg_type != RTM_NEWRULE || nlmsg_datalen(m) < (int)sizeof(*r))
			continue;
		uint32_t slot = nl_attr_u32(m, sizeof(*r), FRA_TABLE, r->table) - HOST_TABLE_FIRST;
		uint32_t pref = nl_attr_u32(m, sizeof(*r), FRA_PRIORITY, 0);
		if (slot >= HOST_TABLES || slot == h->slot || pref < HOST_RULE_FIRST ||
			pref >= HOST_RULE_FIRST + HOST_RULE_CLASSES * HOST_TABLES)
			continue;
		o->pref[r->family == AF_INET6][slot] = pref;
		*any = true;
	}
	nl_reply_free(&all);
	return true;
}

static bool others_add(struct others *o, const struct item *it)
{
	uint32_t slot = it->table - HOST_TABLE_FIRST;
	uint32_t pref = slot < HOST_TABLES ? o->pref[it->dst.family == FAMILY_V6][slot] : 0;

	if (!pref)
		return true;
	if (o->n == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 64;
		struct item *more = realloc(o->v, o->cap * sizeof(*more));
		if (!more)
			return false;
		o->v = more;
	}
	o->v[o->n] = *it;
	o->v[o->n++].pref = pref;
	return true;
}

static bool find_routes(struct host *h, struct others *o, struct err *e)
{
	struct rtmsg head = { .rtm_family = AF_UNSPEC };
	struct nl_reply all;
	struct item it;
	bool ok = true;

	if (!nl_ask_all(h->sk, RTM_GETROUTE, &head, sizeof(head), "reading the routes", &all, e))
		return false;
	for (struct nlmsghdr *m = NULL; ok && (m = nl_next(&all, m));)
		ok = !route_read(m, &it) || others_add(o, &it);
	nl_reply_free(&all);
	return ok || err_set(e, ERR_LOCAL, "no memory for the other tunnels' routes");
}

/* As the kernel looks at them: table by table, there the longest prefix and of that the best route. */
static int lookup_order(const void *x, const void *y)
{
	const struct item *a = x, *b = y;

	if (a->pref != b->pref)
		return a->pref < b->pref ? -1 : 1;
	if (a->dst.len != b->dst.len)
		return b->dst.len - a->dst.len;
	return a->metric < b->metric ? -1 : a->metric > b->metric;
}

static int destination_order(const void *x, const void *y)
{
	const struct prefix *a = x, *b = y;
	int family = a->family - b->family;
	int ip = family ? family : memcmp(a->ip, b->ip, sizeof(a->ip));

	return ip ? ip : a->len - b->len;
}

/* The first route of the plan, in its order, that is at p or behind it. */
static size_t first_at(const struct plan *plan, const struct prefix *p)
{
	size_t lo = 0, hi = plan->n_routes;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (destination_order(&plan->routes[mid].dst, p) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* What blocks has no interface of its own: that of its table's other routes. */
static int link_of(const struct others *o, const struct item *r)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->v[i].pref == r->pref && o->v[i].type == RTN_UNICAST)
			return o->v[i].link;
	return -1;
}

static void compare(const struct plan *plan, const struct others *o, struct rival *out)
{
	for (size_t k = 0; k < o->n; k++) {
		const struct item *r = &o->v[k];
		uint32_t ours = plan->rule[r->dst.family == FAMILY_V6];
		for (size_t i = first_at(plan, &r->dst);
			i < plan->n_routes && prefix_inside(&plan->routes[i].dst, &r->dst); i++) {
			if (plan->routes[i].type != RTN_UNICAST || out[i].seen == r->pref)
				continue;
			out[i].seen = r->pref;
			if (r->pref > ours && !out[i].after && r->type == RTN_UNICAST &&
				r->dst.len == plan->routes[i].dst.len)
				out[i].after = r->link;
			if (r->pref < ours && !out[i].before && r->type != RTN_THROW)
				out[i].before = link_of(o, r);
		}
	}
}

/* One for each route of the plan, to be freed; NULL: there are none, or nobody knows. */
static struct rival *rivals_find(struct host *h)
{
	struct others o = { 0 };
	struct rival *out = NULL;
	bool any = false;

	if (h->plan.n_routes > 0 && find_rules(h, &o, &any, NULL) && any &&
		find_routes(h, &o, NULL) && o.n > 0)
		out = calloc(h->plan.n_routes, sizeof(*out));
	if (out) {
		qsort(o.v, o.n, sizeof(*o.v), lookup_order);
		compare(&h->plan, &o, out);
	}
	free(o.v);
	return out;
}

static const char *name_of(int link, char name[IF_NAMESIZE])
{
	return link > 0 && if_indextoname((unsigned)link, name) ? name : "?";
}

static void tell(struct host *h, size_t at, size_t n, int link, const char *what)
{
	char p[ADDR_TEXT_MAX], name[IF_NAMESIZE], more[48] = "";

	if (n > 1)
		snprintf(more, sizeof(more), " and %zu more network%s", n - 1, plural(n - 1));
	host_warn(h, "%s%s: another tunnel (%s) carries that, too, %s",
		prefix_text(p, &h->plan.routes[at].dst), more, name_of(link, name), what);
}

void rivals_warn(struct host *h)
{
	size_t lost = 0, won = 0, at_lost = 0, at_won = 0;
	struct rival *v = rivals_find(h);

	for (size_t i = h->plan.n_routes; v && i-- > 0;) {
		if (v[i].before) {
			at_lost = i;
			lost++;
		} else if (v[i].after) {
			at_won = i;
			won++;
		}
	}
	if (lost > h->told_lost)
		tell(h, at_lost, lost, v[at_lost].before, "and is asked first: it goes there");
	if (won > h->told_won)
		tell(h, at_won, won, v[at_won].after, "but is asked later: it goes into this one");
	if (h->plan.n_routes > 0) {
		h->told_lost = lost;
		h->told_won = won;
	}
	free(v);
}

void host_rivals(struct host *h, const struct route *routes, size_t n, char names[][16])
{
	struct rival *v = rivals_find(h);

	memset(names, 0, n * sizeof(names[0]));
	for (size_t i = 0; v && i < n; i++) {
		size_t at = first_at(&h->plan, &routes[i].dst);
		if (at < h->plan.n_routes && v[at].before &&
			prefix_same(&h->plan.routes[at].dst, &routes[i].dst)) {
			char name[IF_NAMESIZE];
			snprintf(names[i], sizeof(names[i]), "%s", name_of(v[at].before, name));
		}
	}
	free(v);
}
