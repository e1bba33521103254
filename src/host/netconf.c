#include "priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* IPv6 needs the kernel's, an interface on which it is not switched off, and room for the packets
 * that every IPv6 link must carry (RFC 8200 section 5). */
static enum ipv6_state ipv6_state(const struct host *h, uint16_t mtu)
{
	char path[128], off[16];

	if (access("/proc/sys/net/ipv6", F_OK) < 0)
		return IPV6_ABSENT;
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", h->tun);
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
		any |= want->routes[i].kind == ROUTE_TUNNEL && want->routes[i].dst.family == FAMILY_V6;
	return any;
}

static void warn_about_ipv6(struct host *h, const struct netconf *want, enum ipv6_state state)
{
	if (state == IPV6_WORKS || !wants_ipv6(want))
		return;
	if (state == IPV6_ABSENT)
		host_warn(h, "this kernel has no IPv6: the tunnel carries IPv4 only");
	else if (want->mtu && want->mtu < 1280)
		host_warn(h, "packets of %u octets are too small for IPv6 (1280): the tunnel carries IPv4 "
			"only, and IPv6 meant for it is blocked", want->mtu);
	else
		host_warn(h, "IPv6 is switched off on %s (disable_ipv6): the tunnel carries IPv4 only, and "
			"IPv6 meant for it is blocked", h->tun);
}

static bool make_plan(struct host *h, const struct netconf *want, struct plan *plan, struct err *e)
{
	struct prefix *lan = NULL;
	size_t n_lan = 0;

	if (want->lan && want->n_routes > 0 && !lan_prefixes(h->sk, h->link, &lan, &n_lan, e)) {
		free(lan);
		return false;
	}
	struct plan_input in = { .want = want, .link = h->link,
		.table = HOST_TABLE_FIRST + h->slot, .ipv6 = ipv6_state(h, want->mtu),
		.lan = lan, .n_lan = n_lan };
	bool ok = plan_make(plan, &in, e);
	free(lan);
	if (ok && !h->want)
		warn_about_ipv6(h, want, in.ipv6);
	return ok;
}

/* Rule and table of a family have one line; the table's routes are found by table and protocol. */
static void journal_rule(char line[JOURNAL_LINE_MAX], const struct host *h, int family)
{
	snprintf(line, JOURNAL_LINE_MAX, "rule v%d %u table %u", family,
		HOST_RULE_FIRST + h->slot, HOST_TABLE_FIRST + h->slot);
}

static bool announce(struct host *h, const struct plan *plan, struct err *e)
{
	char line[JOURNAL_LINE_MAX];

	for (int f = 0; f < 2; f++) {
		if (!plan->rule[f] || h->plan.rule[f])
			continue;
		journal_rule(line, h, f ? 6 : 4);
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
		if (plan->rule[f] || !other->rule[f])
			continue;
		journal_rule(line, h, f ? 6 : 4);
		journal_undone(&h->journal, "%s", line);
	}
}

static bool kernel_apply(struct host *h, struct plan *plan, struct err *e)
{
	struct item base = { .link = h->link, .table = HOST_TABLE_FIRST + h->slot,
		.pref = HOST_RULE_FIRST + h->slot };
	struct step *steps = NULL;
	size_t n = 0;

	bool ok = announce(h, plan, e) && plan_steps(&h->plan, plan, &base, &steps, &n, e) &&
		steps_run(h->sk, steps, n, e);
	free(steps);
	if (!ok) {
		renounce(h, &h->plan, plan);
		return false;
	}
	renounce(h, plan, &h->plan);
	plan_free(&h->plan);
	h->plan = *plan;
	*plan = (struct plan){ 0 };
	return true;
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
	struct plan plan = { 0 };

	if (want->killswitch != KILLSWITCH_NO)
		return err_set(e, ERR_CONFIG, "the kill switch is not supported yet");
	if (!h->link && (want->n_addrs || want->n_routes || want->n_dns))
		return err_set(e, ERR_BUG, "the tunnel has no interface yet");
	struct netconf *copy = netconf_copy(want);
	if (!copy)
		return err_set(e, ERR_LOCAL, "no memory for %u routes", want->n_routes);
	/* The gateway's packets must come in before the first route leads into the tunnel. */
	bool ok = make_plan(h, want, &plan, e) && rp_filter_adapt(h, want, e) &&
		kernel_apply(h, &plan, e);
	plan_free(&plan);
	if (!ok) {
		(void)!rp_filter_adapt(h, h->want ? h->want : &nothing, NULL);
		free(copy);
		return false;
	}
	dns_apply(h, want);
	free(h->want);
	h->want = copy;
	return true;
}
