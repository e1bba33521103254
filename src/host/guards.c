#include "nft.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/xfrm.h>
#include <stdlib.h>

/*
 * IPsec policies, which are the kill switch and what leads packets into the kernel's ESP, and the packet
 * filter stand in tables that others empty without asking whose they are: IPsec programs when they start,
 * firewalls when they are loaded again. What was ours is put back: a kill switch nearly as often as it
 * takes.
 */

enum { POLICY_MENDS = 50, FILTER_MENDS = 4 }; /* a second */

/* --- listening ------------------------------------------------------------------------------------ */

static void listen_to(
	struct host *h, struct nl_sock **news, int protocol, int group, const char *what)
{
	struct err e = { .kind = ERR_NONE };

	if (*news)
		return;
	*news = nl_listen(protocol, &group, 1, what, &e);
	if (*news && !watch_add(h, nl_socket_get_fd(*news))) {
		nl_socket_free(*news);
		*news = NULL;
	}
	if (!*news)
		host_warn(h, "what others remove of %s will not be noticed: %s", what, e.text);
}

void guards_watch(struct host *h)
{
	if (h->policies.n > 0 || h->sad)
		listen_to(h, &h->policy_news, NETLINK_XFRM, XFRMNLGRP_POLICY, "IPsec policies");
	if (h->n_ingress > 0)
		listen_to(h, &h->filter_news, NETLINK_NETFILTER, NFNLGRP_NFTABLES,
			"the packet filter");
}

static bool is_from(const struct nlmsghdr *m, const struct nl_sock *sk)
{
	return sk && m->nlmsg_pid == nl_socket_get_local_port(sk);
}

static void note_policy(const struct nlmsghdr *m, void *arg)
{
	struct host *h = arg;

	if (m->nlmsg_type == XFRM_MSG_DELPOLICY || m->nlmsg_type == XFRM_MSG_FLUSHPOLICY)
		h->mending.policies |=
			!is_from(m, h->xfrm) && !is_from(m, h->sad ? h->sad->sk : NULL);
}

/* The name of the table is the first attribute of all three. */
static void note_filter(const struct nlmsghdr *m, void *arg)
{
	struct host *h = arg;
	unsigned type = m->nlmsg_type & 0xff;

	if (m->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES && !is_from(m, h->netfilter) &&
		(type == NFT_MSG_DELTABLE || type == NFT_MSG_DELCHAIN || type == NFT_MSG_DELRULE))
		h->mending.filter |= ingress_is_ours(
			h->slot, nl_attr(m, sizeof(struct nfgenmsg), NFTA_TABLE_NAME));
}

/* --- putting back --------------------------------------------------------------------------------- */

static bool passing_whole(struct host *h)
{
	struct policies there;
	struct err e;

	bool known = policies_list(h->xfrm, HOST_POLICY_TAG + h->slot, &there, &e);
	size_t n = there.n;
	policies_free(&there);
	return !known || n >= h->policies.n;
}

static bool passing_again(struct host *h, struct err *e)
{
	struct policies none = { 0 };
	struct step *v;
	size_t n;
	bool ok = true;

	for (int lasting = 1; ok && lasting >= 0; lasting--) {
		ok = killswitch_steps(&none, &h->policies, lasting, &v, &n, e) &&
			steps_run_each(h->xfrm, v, n, e);
		free(v);
	}
	return ok;
}

static bool carrying_whole(struct host *h)
{
	struct err e;
	size_t n;

	return !xfrm_count_policies(h->sad->sk, h->slot, &n, &e) || n >= h->sad->n_policies;
}

static void mend_policies(struct host *h)
{
	bool passing = h->policies.n > 0 && !passing_whole(h);
	bool carrying = h->sad && h->sad->n_policies > 0 && !carrying_whole(h);
	struct err e;

	if ((!passing && !carrying) || !may_mend(h, &h->mending.lately_policies, POLICY_MENDS)) {
		h->mending.policies = passing || carrying;
		return;
	}
	h->mending.policies = false;
	bool ok = (!passing || passing_again(h, &e)) &&
		(!carrying ||
			sa_policies_again(h->sad->sk, h->sad->policies, h->sad->n_policies, &e));
	if (!ok)
		host_warn(h, "IPsec policies that somebody else removed do not come back: %s",
			e.text);
	else if (!h->mending.told_of_policies)
		host_warn(h,
			"somebody else removed IPsec policies of ours, as another IPsec program does when "
			"it starts: they are back");
	h->mending.told_of_policies |= ok;
}

static void mend_filter(struct host *h)
{
	struct err e;

	if (h->n_ingress == 0 || !may_mend(h, &h->mending.lately_filter, FILTER_MENDS)) {
		h->mending.filter = h->n_ingress > 0;
		return;
	}
	h->mending.filter = false;
	bool ok = ingress_set(&h->netfilter, h->slot, h->link, h->ingress, h->n_ingress, &e);
	if (!ok)
		host_warn(h,
			"what keeps neighbours from the tunnel's addresses, and somebody else removed, "
			"does not come back: %s",
			e.text);
	else if (!h->mending.told_of_filter)
		host_warn(h,
			"somebody else removed what keeps neighbours from the tunnel's addresses, as a "
			"firewall does when it is loaded again: it is back");
	h->mending.told_of_filter |= ok;
}

void guards_mend(struct host *h)
{
	if (h->policy_news && nl_hear(h->policy_news, note_policy, h))
		h->mending.policies = true;
	if (h->filter_news && nl_hear(h->filter_news, note_filter, h))
		h->mending.filter = true;
	if (h->mending.policies)
		mend_policies(h);
	if (h->mending.filter)
		mend_filter(h);
}
