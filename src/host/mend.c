#include "priv.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * What somebody else took away of what is set up is put back: systemd-networkd removes rules that are
 * not its own when it restarts, and the kernel drops the routes of an interface that is taken down and
 * up again, and all its IPv6 where that is switched off or the MTU set too small. The kernel does not
 * tell of each, so a message about anything of ours only makes us look at what there is.
 *
 * Whoever removes it again and again is not fought more than a few times a second.
 */

enum { MENDS = 4 };

/* What is there of the plan; the routes are counted, for nobody else's carry our protocol. */
struct present {
	uint32_t rule[2];
	size_t n_routes, n_addrs;
};

bool route_is_ours(const struct host *h, const struct nlmsghdr *m)
{
	struct item it;

	return route_read(m, &it) && it.table == HOST_TABLE_FIRST + h->slot;
}

bool rule_is_ours(const struct host *h, const struct nlmsghdr *m)
{
	const struct fib_rule_hdr *r = nlmsg_data(m);

	return nlmsg_datalen(m) >= (int)sizeof(*r) &&
		nl_attr_u32(m, sizeof(*r), FRA_PRIORITY, 0) ==
		h->plan.rule[r->family == AF_INET6] &&
		nl_attr_u32(m, sizeof(*r), FRA_TABLE, r->table) == HOST_TABLE_FIRST + h->slot;
}

static bool count_routes(struct host *h, struct present *p, struct err *e)
{
	struct rtmsg head = { .rtm_family = AF_UNSPEC };
	struct nl_reply all;

	if (!nl_ask_all(h->sk, RTM_GETROUTE, &head, sizeof(head), "reading the routes", &all, e))
		return false;
	for (struct nlmsghdr *m = NULL; (m = nl_next(&all, m));)
		p->n_routes += route_is_ours(h, m);
	nl_reply_free(&all);
	return true;
}

static bool find_rules(struct host *h, struct present *p, struct err *e)
{
	struct fib_rule_hdr head = { .family = AF_UNSPEC };
	struct nl_reply all;

	if (!nl_ask_all(h->sk, RTM_GETRULE, &head, sizeof(head), "reading the rules", &all, e))
		return false;
	for (struct nlmsghdr *m = NULL; (m = nl_next(&all, m));)
		if (m->nlmsg_type == RTM_NEWRULE && rule_is_ours(h, m))
			p->rule[((const struct fib_rule_hdr *)nlmsg_data(m))->family == AF_INET6] =
				nl_attr_u32(m, sizeof(struct fib_rule_hdr), FRA_PRIORITY, 0);
	nl_reply_free(&all);
	return true;
}

static bool count_addrs(struct host *h, struct present *p, struct err *e)
{
	struct own_addrs own;
	bool ok = own_addrs(h, &own, e);

	for (size_t i = 0; ok && i < h->plan.n_addrs; i++)
		for (size_t k = 0; k < own.n; k++)
			p->n_addrs += own.v[k].link == h->link &&
				prefix_same(&own.v[k].dst, &h->plan.addrs[i].dst);
	free(own.v);
	return ok;
}

static bool look(struct host *h, struct present *p, struct err *e)
{
	*p = (struct present){ 0 };
	return count_routes(h, p, e) && find_rules(h, p, e) && count_addrs(h, p, e);
}

static bool whole(const struct plan *plan, const struct present *p)
{
	size_t n = plan->n_routes + plan_walls(plan);

	return p->n_routes >= n && p->n_addrs >= plan->n_addrs && p->rule[0] == plan->rule[0] &&
		p->rule[1] == plan->rule[1];
}

bool may_mend(struct host *h, struct lately *lately, unsigned most)
{
	struct mending *m = &h->mending;
	unsigned wait = too_often(lately, most, 1000);

	if (!wait)
		return true;
	watch_again(h, wait);
	if (!m->told_of_fight)
		host_warn(h,
			"somebody removes again and again what the tunnel has set up: it is put back, but "
			"what is sent meanwhile may go past the tunnel");
	m->told_of_fight = true;
	return false;
}

/* IPv6 needs the MTU of before, and what there can be is another thing where it was switched off or
 * on. */
static bool mend_link(struct host *h, struct err *e)
{
	const struct plan link = { .up = true, .mtu = h->plan.mtu };

	return netconf_again(h, &link, link.rule, e) &&
		(ipv6_state(h, h->want->mtu) == h->ipv6 || netconf_apply(h, h->want, e));
}

void host_mend(struct host *h)
{
	struct present p;
	struct err e;

	if (!h->want || !h->plan.up || h->link_gone || h->down_since)
		return;
	bool same = ipv6_state(h, h->want->mtu) == h->ipv6;
	if (!look(h, &p, NULL) || (whole(&h->plan, &p) && same) ||
		!may_mend(h, &h->mending.lately, MENDS))
		return;
	bool ok = mend_link(h, &e);
	if (ok && look(h, &p, NULL) && !whole(&h->plan, &p)) {
		ok = netconf_again(h, &h->plan, p.rule, &e);
		if (ok && !h->mending.told)
			host_warn(h,
				"somebody else removed routes, rules or addresses of the tunnel: they "
				"are back");
		h->mending.told |= ok;
	}
	if (!ok)
		host_warn(h, "what somebody else removed of the tunnel does not come back: %s",
			e.text);
}
