#include "priv.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * What may leave the machine past the tunnel, as XFRM policies: they hold for every program and every socket, bound to an interface or not, whatever the
 * routes say (TunnelVision), and they stay when the process dies.
 *
 * The order of priorities, a smaller number first:
 *   BOUND  what goes into our tunnel: it is encrypted there. By the interface; but the kernel knows
 *          the interface of an IPv6 packet of our own only after it asked the policies, so there it
 *          is the source address, together with a route of last resort in our table (plan.wall) that
 *          leads such packets nowhere once the interface is gone.
 *   OURS   our own sockets, by their mark; DHCP; neighbour discovery; the machine to itself
 *   HOLE   what belongs into the tunnel although what comes next would let it pass
 *   PASS   networks on the link, and what the profile excludes
 *   BLOCK  everything
 * All but BOUND outlive the tunnel. A policy of somebody else's, of a usual priority, comes first.
 */

enum { PREF = 0x76706e00, BOUND = PREF, OURS, HOLE, PASS, BLOCK };

enum { DHCP_CLIENT = 68, DHCP_SERVER = 67, DHCP6_CLIENT = 546, DHCP6_SERVER = 547 };
enum { ND_FIRST = 133, ND_LAST = 137 }; /* ICMPv6 types: RFC 4861 section 4 */
enum { UDP = 17, ICMPV6 = 58 };

static const struct prefix everything[] = { { .family = FAMILY_V4 }, { .family = FAMILY_V6 } };

struct wall {
	struct policies p;
	size_t cap;
	uint32_t tag;
	bool failed;
};

static void wall_add(struct wall *w, const struct item *it)
{
	if (w->p.n == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 32;
		struct item *more = realloc(w->p.v, cap * sizeof(*more));
		if (!more) {
			w->failed = true;
			return;
		}
		w->p.v = more;
		w->cap = cap;
	}
	w->p.v[w->p.n] = *it;
	w->p.v[w->p.n].kind = ITEM_POLICY;
	w->p.v[w->p.n++].tag = w->tag;
}

static void wall_to(struct wall *w, uint32_t pref, bool block, const struct prefix *dst)
{
	wall_add(w, &(struct item){ .pref = pref, .block = block, .dst = *dst });
}

/* --- the machine's own addresses ------------------------------------------------------------------ */

bool own_addrs(struct host *h, struct own_addrs *own, struct err *e)
{
	struct ifaddrmsg head = { .ifa_family = AF_UNSPEC };
	struct nl_reply all;
	size_t most = 0;

	*own = (struct own_addrs){ 0 };
	if (!nl_ask_all(h->sk, RTM_GETADDR, &head, sizeof(head), "reading the addresses", &all, e))
		return false;
	for (struct nlmsghdr *m = NULL; (m = nl_next(&all, m));)
		most++;
	own->v = calloc(most + 1, sizeof(*own->v));
	for (struct nlmsghdr *m = NULL; own->v && (m = nl_next(&all, m));) {
		const struct ifaddrmsg *a = nlmsg_data(m);
		if (m->nlmsg_type != RTM_NEWADDR || nlmsg_datalen(m) < (int)sizeof(*a) ||
			(a->ifa_family != AF_INET && a->ifa_family != AF_INET6))
			continue;
		struct item *it = &own->v[own->n];
		it->dst.family = a->ifa_family == AF_INET ? FAMILY_V4 : FAMILY_V6;
		it->link = (int)a->ifa_index;
		/* On a link between two, ADDRESS is the other's. */
		struct nlattr *ip = nl_attr(m, sizeof(*a), IFA_LOCAL);
		ip = ip ? ip : nl_attr(m, sizeof(*a), IFA_ADDRESS);
		size_t len = addr_len(it->dst.family);
		if (!ip || nla_len(ip) < (int)len)
			continue;
		it->dst.len = (uint8_t)(8 * len);
		memcpy(it->dst.ip, nla_data(ip), len);
		own->n++;
	}
	nl_reply_free(&all);
	return own->v || err_set(e, ERR_LOCAL, "no memory for the machine's addresses");
}

/* --- what is let pass and blocked ------------------------------------------------------------------ */

static void add_tunnel(struct wall *w, const struct host *h, const struct plan *plan)
{
	for (size_t f = 0; f < ARRAY_LEN(everything); f++)
		wall_add(w, &(struct item){ .pref = BOUND, .link = h->link, .dst = everything[f] });
	for (size_t i = 0; i < plan->n_addrs; i++)
		if (plan->addrs[i].dst.family == FAMILY_V6)
			wall_add(w,
				&(struct item){ .pref = BOUND,
					.src = plan->addrs[i].dst,
					.dst.family = FAMILY_V6 });
}

static void add_ours(struct wall *w, const struct own_addrs *own)
{
	for (size_t f = 0; f < ARRAY_LEN(everything); f++) {
		bool v6 = everything[f].family == FAMILY_V6;
		wall_add(
			w, &(struct item){ .pref = OURS, .mark = HOST_MARK, .dst = everything[f] });
		wall_add(w,
			&(struct item){ .pref = OURS,
				.dst = everything[f],
				.proto = UDP,
				.sport = v6 ? DHCP6_CLIENT : DHCP_CLIENT,
				.dport = v6 ? DHCP6_SERVER : DHCP_SERVER });
	}
	for (int type = ND_FIRST; type <= ND_LAST; type++)
		wall_add(w,
			&(struct item){ .pref = OURS,
				.dst.family = FAMILY_V6,
				.proto = ICMPV6,
				.sport = (uint16_t)type });
	/* IPv4's loopback asks no policy, IPv6's does. */
	for (size_t i = 0; i < own->n; i++)
		if (own->v[i].dst.family == FAMILY_V6)
			wall_to(w, OURS, false, &own->v[i].dst);
}

/* A network that passes, but for what the tunnel is to carry of it. */
static void add_pass(struct wall *w, const struct netconf *want, const struct prefix *net)
{
	wall_to(w, PASS, false, net);
	for (uint32_t i = 0; i < want->n_routes; i++)
		if (want->routes[i].kind != ROUTE_BYPASS && want->routes[i].dst.len > net->len &&
			prefix_inside(&want->routes[i].dst, net))
			wall_to(w, HOLE, true, &want->routes[i].dst);
}

static void add_passes(
	struct wall *w, const struct netconf *want, const struct killswitch_input *in)
{
	for (size_t i = 0; want->lan && i < in->n_lan; i++)
		if (lan_left_alone(want, &in->lan[i]))
			add_pass(w, want, &in->lan[i]);
	for (uint32_t i = 0; i < want->n_routes; i++)
		if (want->routes[i].kind == ROUTE_BYPASS)
			add_pass(w, want, &want->routes[i].dst);
}

/* --- order and difference --------------------------------------------------------------------------- */

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int prefix_order(const struct prefix *a, const struct prefix *b)
{
	int c = compare(a->family, b->family);

	c = c ? c : compare(a->len, b->len);
	return c ? c : memcmp(a->ip, b->ip, sizeof(a->ip));
}

static int policy_order(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int c = compare(a->pref, b->pref);

	c = c ? c : prefix_order(&a->dst, &b->dst);
	c = c ? c : prefix_order(&a->src, &b->src);
	c = c ? c : compare((unsigned)a->link, (unsigned)b->link);
	c = c ? c : compare(a->mark, b->mark);
	c = c ? c : compare(a->proto, b->proto);
	c = c ? c : compare(a->sport, b->sport);
	return c ? c : compare(a->dport, b->dport);
}

void killswitch_sort(struct policies *p)
{
	size_t n = 0;

	if (!p->v || p->n == 0) {
		p->n = 0;
		return;
	}
	qsort(p->v, p->n, sizeof(*p->v), policy_order);
	for (size_t i = 0; i < p->n; i++)
		if (n == 0 || policy_order(&p->v[n - 1], &p->v[i]) != 0)
			p->v[n++] = p->v[i];
	p->n = n;
}

bool policy_lasts(const struct item *it)
{
	return it->pref != BOUND;
}

/* What is in a and not in b, and whose turn it is. */
static void difference(const struct policies *a, const struct policies *b, enum step_op op,
	bool walls, struct step *v, size_t *n)
{
	const size_t n_a = a->v ? a->n : 0, n_b = b->v ? b->n : 0;

	for (size_t i = 0, j = 0; i < n_a; i++) {
		while (j < n_b && policy_order(&b->v[j], &a->v[i]) < 0)
			j++;
		bool both = j < n_b && policy_order(&b->v[j], &a->v[i]) == 0;
		if (!both && policy_lasts(&a->v[i]) == walls)
			v[(*n)++] = (struct step){ .op = op, .item = a->v[i], .code = -1 };
	}
}

static void reverse(struct step *v, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct step s = v[i];
		v[i] = v[n - 1 - i];
		v[n - 1 - i] = s;
	}
}

/* Walls stand before routes lead anywhere, and go last; what passes through the tunnel may do so
 * only while its routes are there. Among themselves exceptions come before what they except. */
bool killswitch_steps(const struct policies *from, const struct policies *to, bool before_routes,
	struct step **steps, size_t *n, struct err *e)
{
	*n = 0;
	*steps = calloc(from->n + to->n + 1, sizeof(**steps));
	if (!*steps)
		return err_set(e, ERR_LOCAL, "no memory for %zu XFRM policies", from->n + to->n);
	if (before_routes)
		difference(from, to, STEP_DEL, false, *steps, n);
	difference(to, from, STEP_ADD, before_routes, *steps, n);
	size_t first = *n;
	if (!before_routes)
		difference(from, to, STEP_DEL, true, *steps, n);
	reverse(*steps + first, *n - first);
	return true;
}

bool killswitch_plan(
	struct host *h, const struct killswitch_input *in, struct policies *out, struct err *e)
{
	struct wall w = { .tag = HOST_POLICY_TAG + h->slot };
	struct own_addrs own;

	*out = (struct policies){ 0 };
	if (in->kill == KILLSWITCH_NO && !(in->plan->up && in->pass))
		return true;
	if (!own_addrs(h, &own, e)) {
		free(own.v);
		return false;
	}
	if (in->plan->up && in->pass)
		add_tunnel(&w, h, in->plan);
	if (in->kill != KILLSWITCH_NO) {
		add_ours(&w, &own);
		add_passes(&w, in->want, in);
		for (size_t f = 0; f < ARRAY_LEN(everything); f++)
			wall_to(&w, BLOCK, true, &everything[f]);
	}
	free(own.v);
	killswitch_sort(&w.p);
	*out = w.p;
	return !w.failed || err_set(e, ERR_LOCAL, "no memory for the kill switch");
}

/* --- after a crash ------------------------------------------------------------------------------------ */

bool policies_flush(struct nl_sock *xfrm, uint32_t tag, bool keep_lasting, size_t *removed,
	size_t *left, struct err *e)
{
	struct policies all, keep = { 0 };
	size_t n = 0;

	*left = 0;
	if (!policies_list(xfrm, tag, &all, e))
		return false;
	killswitch_sort(&all);
	struct step *v = calloc(all.n + 1, sizeof(*v));
	if (!v) {
		policies_free(&all);
		return err_set(e, ERR_LOCAL, "no memory for the XFRM policies");
	}
	difference(&all, &keep, STEP_DEL, false, v, &n);
	if (!keep_lasting)
		difference(&all, &keep, STEP_DEL, true, v, &n);
	reverse(v, n);
	*left = all.n - n;
	bool ok = steps_run(xfrm, v, n, e);
	*removed += ok ? n : 0;
	policies_free(&all);
	free(v);
	return ok;
}
