#include "priv.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* IPv6 needs the kernel's, an interface on which it is not switched off, and room for the packets
 * that every IPv6 link must carry (RFC 8200 section 5). */
enum ipv6_state ipv6_state(const struct host *h, uint16_t mtu)
{
	char path[128], off[16], name[IF_NAMESIZE];

	if (access("/proc/sys/net/ipv6", F_OK) < 0)
		return IPV6_ABSENT;
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6",
		link_name_now(h, name));
	if ((mtu && mtu < 1280) || !sysctl_read(path, off, sizeof(off)) || off[0] != '0')
		return IPV6_NOT_ON_LINK;
	return IPV6_WORKS;
}

static bool wants_ipv6(const struct netconf *want)
{
	bool any = false;

	for (uint32_t i = 0; i < want->n_addrs && i < NETCONF_ADDRS; i++)
		any |= want->addrs[i].family == FAMILY_V6;
	for (uint32_t i = 0; i < want->n_routes; i++)
		any |= want->routes[i].kind == ROUTE_TUNNEL &&
			want->routes[i].dst.family == FAMILY_V6;
	return any;
}

static void warn_about_ipv6(struct host *h, const struct netconf *want, enum ipv6_state state)
{
	if (state == IPV6_WORKS || !wants_ipv6(want))
		return;
	if (state == IPV6_ABSENT)
		host_warn(h, "this kernel has no IPv6: the tunnel carries IPv4 only");
	else if (want->mtu && want->mtu < 1280)
		host_warn(h,
			"packets of %u octets are too small for IPv6 (1280): the tunnel carries IPv4 "
			"only, and IPv6 meant for it is blocked",
			want->mtu);
	else
		host_warn(h,
			"IPv6 is switched off on %s (disable_ipv6): the tunnel carries IPv4 only, and "
			"IPv6 meant for it is blocked",
			h->tun);
}

/* What was asked for, in the kernel's terms. */
struct target {
	struct plan plan;
	struct policies policies;
	enum killswitch kill;
};

static void target_free(struct target *t)
{
	plan_free(&t->plan);
	policies_free(&t->policies);
}

/* One that an instance before us left up stays until this one lifts it by asking for nothing. */
static enum killswitch effective(const struct host *h, const struct netconf *want)
{
	bool nothing = want->n_addrs == 0 && want->n_routes == 0;

	return h->inherited && want->killswitch == KILLSWITCH_NO && !nothing ? KILLSWITCH_STRICT :
									       want->killswitch;
}

static bool make_target(struct host *h, const struct netconf *want, struct target *t, struct err *e)
{
	enum killswitch kill = effective(h, want);
	struct lan lan = { 0 };

	*t = (struct target){ .kill = kill };
	if (want->lan && (want->n_routes > 0 || kill != KILLSWITCH_NO) && !lan_networks(h, &lan, e))
		return false;
	struct plan_input in = { .want = want,
		.link = h->link,
		.table = HOST_TABLE_FIRST + h->slot,
		.pref = HOST_RULE_FIRST + h->slot,
		.ipv6 = ipv6_state(h, want->mtu),
		.lan = lan.v,
		.n_lan = lan.n,
		.wall = kill != KILLSWITCH_NO };
	struct killswitch_input walls = { .want = want,
		.plan = &t->plan,
		.kill = kill,
		.pass = kill != KILLSWITCH_NO ||
			journal_shared_word(h->dir, h->name, "killswitch "),
		.lan = lan.v,
		.n_lan = lan.n };
	bool ok = plan_make(&t->plan, &in, e) && killswitch_plan(h, &walls, &t->policies, e);
	free(lan.v);
	if (ok && (!h->want || !h->want->n_addrs || h->ipv6 != in.ipv6))
		warn_about_ipv6(h, want, in.ipv6);
	h->ipv6 = in.ipv6;
	return ok;
}

/* Rule and table of a family have one line; the table's routes are found by table and protocol. */
static void journal_rule(
	char line[JOURNAL_LINE_MAX], const struct host *h, int family, uint32_t pref)
{
	snprintf(line, JOURNAL_LINE_MAX, "rule v%d %u table %u", family, pref,
		HOST_TABLE_FIRST + h->slot);
}

static bool announce(struct host *h, const struct plan *plan, struct err *e)
{
	char line[JOURNAL_LINE_MAX];

	for (int f = 0; f < 2; f++) {
		if (!plan->rule[f] || plan->rule[f] == h->plan.rule[f])
			continue;
		journal_rule(line, h, f ? 6 : 4, plan->rule[f]);
		if (!journal_add(&h->journal, e, "%s", line))
			return false;
	}
	return true;
}

/* Takes out of the journal what other announced and plan does not use. */
static void renounce(struct host *h, const struct plan *plan, const struct plan *other)
{
	char line[JOURNAL_LINE_MAX];

	for (int f = 0; f < 2; f++) {
		if (!other->rule[f] || plan->rule[f] == other->rule[f])
			continue;
		journal_rule(line, h, f ? 6 : 4, other->rule[f]);
		journal_undone(&h->journal, "%s", line);
	}
}

bool only_here(const struct own_addrs *own, const struct item *addr)
{
	for (size_t i = 0; i < own->n; i++)
		if (own->v[i].link != addr->link && prefix_same(&own->v[i].dst, &addr->dst))
			return false;
	return true;
}

static void warn_unguarded(struct host *h, const char *why)
{
	if (!h->warned_ingress)
		host_warn(h,
			"neighbours on the link can send to the tunnel's addresses past the tunnel: %s",
			why);
	h->warned_ingress = true;
}

/* Worth having, but no reason to fail: kernels without nftables are old or small. */
static void guard_addresses(struct host *h)
{
	struct item v[NETCONF_ADDRS];
	struct own_addrs own;
	struct err e = { .kind = ERR_NONE };
	size_t n = 0;

	/* What comes out of the kernel's ESP comes from the link where the interface is a dummy. */
	if (h->link_stays && h->sad && h->sad->if_id == 0) {
		if (h->plan.n_addrs > 0)
			warn_unguarded(h, "this kernel has no XFRM interfaces");
		return;
	}
	bool ok = own_addrs(h, &own, &e), same = true;
	for (size_t i = 0; ok && i < h->plan.n_addrs; i++)
		if (only_here(&own, &h->plan.addrs[i]))
			v[n++] = h->plan.addrs[i];
	free(own.v);
	for (size_t i = 0; i < n && n == h->n_ingress; i++)
		same &= item_same(&v[i], &h->ingress[i]);
	if (!ok || (n == h->n_ingress && same))
		return;
	if (h->n_ingress == 0)
		ok = journal_add(&h->journal, &e, "ingress %u", h->slot);
	ok = ok &&
		(n ? ingress_set(&h->netfilter, h->slot, h->link, v, n, &e) :
		     ingress_remove(&h->netfilter, h->slot, &e));
	if (ok) {
		memcpy(h->ingress, v, n * sizeof(v[0]));
		h->n_ingress = n;
	} else {
		warn_unguarded(h, e.text);
	}
	if (h->n_ingress == 0)
		journal_undone(&h->journal, "ingress %u", h->slot);
}

static const char *kill_word(enum killswitch kill)
{
	return kill == KILLSWITCH_STRICT ? "strict" : "yes";
}

/* The policies, and what makes the next start keep them, in this order. */
static bool announce_policies(struct host *h, const struct target *t, struct err *e)
{
	if (t->policies.n > 0 && h->policies.n == 0 &&
		!journal_add(&h->journal, e, "policies %u", HOST_POLICY_TAG + h->slot))
		return false;
	return t->kill == h->kill || t->kill == KILLSWITCH_NO ||
		journal_add(&h->journal, e, "killswitch %s", kill_word(t->kill));
}

/* A kill switch that is lifted is no longer one before the first of its policies goes. */
static void renounce_kill(struct host *h, enum killswitch was, enum killswitch is)
{
	if (was != KILLSWITCH_NO && was != is)
		journal_undone(&h->journal, "killswitch %s", kill_word(was));
}

static bool run_policies(struct host *h, struct step *v, size_t n, struct err *e)
{
	if (n > 0 && !h->xfrm)
		h->xfrm = nl_connect_xfrm(e);
	return n == 0 || (h->xfrm && steps_run(h->xfrm, v, n, e));
}

struct steps {
	struct step *v;
	size_t n;
};

static bool run_steps(struct host *h, struct target *t, const struct item *base, struct err *e)
{
	struct steps first = { 0 }, routes = { 0 }, last = { 0 };

	bool ok = killswitch_steps(&h->policies, &t->policies, true, &first.v, &first.n, e) &&
		plan_steps(&h->plan, &t->plan, base, &routes.v, &routes.n, e) &&
		killswitch_steps(&h->policies, &t->policies, false, &last.v, &last.n, e);
	if (ok && run_policies(h, first.v, first.n, e)) {
		ok = steps_run(h->sk, routes.v, routes.n, e);
		if (ok && !run_policies(h, last.v, last.n, e)) {
			steps_undo(h->sk, routes.v, routes.n);
			ok = false;
		}
		if (!ok && first.n > 0)
			steps_undo(h->xfrm, first.v, first.n);
	} else {
		ok = false;
	}
	free(first.v);
	free(routes.v);
	free(last.v);
	return ok;
}

static bool kernel_apply(struct host *h, struct target *t, struct err *e)
{
	struct item base = { .link = h->link, .table = HOST_TABLE_FIRST + h->slot };

	bool had = h->policies.n > 0, announced = had || t->policies.n > 0;
	bool ok = announce(h, &t->plan, e) && announce_policies(h, t, e);
	if (ok && t->kill == KILLSWITCH_NO)
		renounce_kill(h, h->kill, t->kill);
	if (!ok || !run_steps(h, t, &base, e)) {
		renounce(h, &h->plan, &t->plan);
		renounce_kill(h, t->kill, h->kill);
		if (h->kill != KILLSWITCH_NO && t->kill == KILLSWITCH_NO)
			(void)!journal_add(&h->journal, NULL, "killswitch %s", kill_word(h->kill));
		if (!had && announced)
			journal_undone(&h->journal, "policies %u", HOST_POLICY_TAG + h->slot);
		return false;
	}
	renounce(h, &t->plan, &h->plan);
	if (t->kill != KILLSWITCH_NO)
		renounce_kill(h, h->kill, t->kill);
	if (t->policies.n == 0 && announced)
		journal_undone(&h->journal, "policies %u", HOST_POLICY_TAG + h->slot);
	plan_free(&h->plan);
	policies_free(&h->policies);
	h->plan = t->plan;
	h->policies = t->policies;
	h->kill = t->kill;
	h->inherited &= t->kill != KILLSWITCH_NO;
	*t = (struct target){ 0 };
	return true;
}

/* The link comes first, and where the kernel had dropped its IPv6 that is as new. */
bool netconf_again(struct host *h, const struct plan *plan, const uint32_t rule[2], struct err *e)
{
	struct item base = { .link = h->link, .table = HOST_TABLE_FIRST + h->slot };
	struct plan none = { .rule = { rule[0], rule[1] } };
	char name[IF_NAMESIZE];
	struct step *v;
	size_t n;

	bool ok = plan_steps(&none, plan, &base, &v, &n, e) && steps_run_each(h->sk, v, n, e);
	free(v);
	link_quiet_ipv6(link_name_now(h, name));
	return ok;
}

static struct netconf *netconf_copy(const struct netconf *want)
{
	size_t n = sizeof(*want) + want->n_routes * sizeof(want->routes[0]);
	struct netconf *copy = malloc(n);

	if (copy)
		memcpy(copy, want, n);
	return copy;
}

bool netconf_apply(struct host *h, const struct netconf *want, struct err *e)
{
	static const struct netconf nothing;
	struct target t;

	if (!h->link && !h->sad && (want->n_addrs || want->n_dns))
		return err_set(e, ERR_BUG, "the tunnel has no interface yet");
	struct netconf *copy = netconf_copy(want);
	if (!copy)
		return err_set(e, ERR_LOCAL, "no memory for %u routes", want->n_routes);
	/* Where there will be no name servers of the tunnel they go first: without its routes what is asked of
	 * them would leave past it. */
	if (want->n_dns == 0)
		dns_apply(h, want);
	/* The gateway's packets must come in before the first route leads into the tunnel. */
	bool ok = make_target(h, want, &t, e) && rp_filter_adapt(h, want, e) &&
		kernel_apply(h, &t, e);
	target_free(&t);
	if (!ok) {
		(void)!rp_filter_adapt(h, h->want ? h->want : &nothing, NULL);
		if (h->want)
			dns_apply(h, h->want);
		free(copy);
		return false;
	}
	guard_addresses(h);
	guards_watch(h);
	rivals_warn(h);
	dns_apply(h, want);
	free(h->want);
	h->want = copy;
	return true;
}
