#include "priv.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/*
 * The inner interface of kernel mode, in the place of the TUN: it has the tunnel's addresses, its MTU,
 * its routes and its name servers, and status names it.
 *
 * An XFRM interface (Linux 4.19) where there is one: what is routed to it meets the policies with its
 * if_id and no others, and what no policy takes is dropped there, so nothing leaves in the clear while
 * an SA is missing. Else a dummy interface: policies without an if_id take packets away before they
 * reach it, and what they do not take ends in it. Either stays when the process is killed, so it is
 * in the journal, and is known again by its group.
 *
 * In transport mode there is none: the packets are those of the outer addresses.
 */

static bool put_kind(struct nl_msg *m, const char *kind, uint32_t if_id)
{
	struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO), *data;

	if (!info || nla_put_string(m, IFLA_INFO_KIND, kind) < 0)
		return false;
	if (if_id) {
		data = nla_nest_start(m, IFLA_INFO_DATA);
		if (!data || nla_put_u32(m, IFLA_XFRM_IF_ID, if_id) < 0)
			return false;
		nla_nest_end(m, data);
	}
	nla_nest_end(m, info);
	return true;
}

static bool make(struct nl_sock *sk, const char *name, uint32_t group, const char *kind,
	uint32_t if_id, int *code, struct err *e)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m =
		nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
	struct nl_reply none = { 0 };

	if (m &&
		(nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
			nla_put_string(m, IFLA_IFNAME, name) < 0 ||
			nla_put_u32(m, IFLA_GROUP, group) < 0 || !put_kind(m, kind, if_id))) {
		nl_msg_free(m);
		m = NULL;
	}
	bool ok = nl_ask(sk, m, &none, code, "making the tunnel's interface", e);
	nl_reply_free(&none);
	return ok;
}

/* False when it was not made; *code says why, EEXIST where the name is taken. */
static bool make_named(struct host *h, const char *name, int *code, struct err *e)
{
	uint32_t if_id = HOST_IF_ID_FIRST + h->slot;

	if (!journal_add(&h->journal, e, "link %u %s", if_id, name))
		return false;
	h->sad->if_id = if_id;
	if (make(h->sk, name, if_id, "xfrm", if_id, code, e))
		return true;
	if (*code == EOPNOTSUPP) {
		h->sad->if_id = 0;
		if (make(h->sk, name, if_id, "dummy", 0, code, e))
			return true;
	}
	journal_undone(&h->journal, "link %u %s", if_id, name);
	return false;
}

bool xfrm_link_make(struct host *h, struct err *e)
{
	char name[IF_NAMESIZE];
	int code = 0;

	for (unsigned attempt = 0; link_name(h, attempt, name, e); attempt++) {
		if (make_named(h, name, &code, e)) {
			snprintf(h->tun, sizeof(h->tun), "%s", name);
			h->link = (int)if_nametoindex(name);
			h->link_stays = true;
			link_quiet_ipv6(name);
			return true;
		}
		if (code != EEXIST || if_nametoindex(name) == 0)
			return false;
	}
	return false;
}

static bool remove_link(struct nl_sock *sk, int link, struct err *e)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = link };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_DELLINK, NLM_F_REQUEST);
	struct nl_reply none = { 0 };
	int code = 0;

	if (m && nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) < 0) {
		nl_msg_free(m);
		m = NULL;
	}
	bool ok =
		nl_ask(sk, m, &none, &code, "removing the tunnel's interface", e) || code == ENODEV;
	nl_reply_free(&none);
	return ok;
}

/* One without an if_id is refused, and not for its kind; kernels before 5.17 made it all the same. */
bool xfrm_link_possible(struct nl_sock *sk)
{
	static const char name[] = "vpnc-ike-look";
	int code = 0;

	if (!make(sk, name, 0, "xfrm", 0, &code, NULL))
		return code == EINVAL || code == EEXIST;
	return remove_link(sk, (int)if_nametoindex(name), NULL);
}

void xfrm_link_remove(struct host *h)
{
	struct err e;

	if (!h->link_stays)
		return;
	if (!remove_link(h->sk, h->link, &e))
		host_warn(h, "%s", e.text);
	else
		journal_undone(&h->journal, "link %u %s", HOST_IF_ID_FIRST + h->slot, h->tun);
	h->link_stays = false;
	h->link = 0;
}

/* By its group: somebody may have renamed it. 0: there is none. */
static bool find_group(struct nl_sock *sk, uint32_t group, int *link, struct err *e)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct nl_reply all;

	*link = 0;
	if (!nl_ask_all(sk, RTM_GETLINK, &head, sizeof(head), "looking at the interfaces", &all, e))
		return false;
	for (struct nlmsghdr *m = NULL; (m = nl_next(&all, m));)
		if (m->nlmsg_type == RTM_NEWLINK && nlmsg_datalen(m) >= (int)sizeof(head) &&
			nl_attr_u32(m, sizeof(head), IFLA_GROUP, 0) == group)
			*link = ((const struct ifinfomsg *)nlmsg_data(m))->ifi_index;
	nl_reply_free(&all);
	return true;
}

/* Only one that is in our group, whatever the line says. */
bool xfrm_link_clean(struct nl_sock *sk, unsigned long group, bool *removed, struct err *e)
{
	int link;

	*removed = false;
	if (group < HOST_IF_ID_FIRST || group >= HOST_IF_ID_FIRST + HOST_TABLES)
		return true;
	if (!find_group(sk, (uint32_t)group, &link, e))
		return false;
	*removed = link != 0;
	return link == 0 || remove_link(sk, link, e);
}
