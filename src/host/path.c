#include "priv.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void attr_addr(struct addr *out, const struct nlmsghdr *h, int type, uint8_t family)
{
	struct nlattr *a = nl_attr(h, sizeof(struct rtmsg), type);

	*out = (struct addr){ .family = FAMILY_NONE };
	if (a && nla_len(a) >= (int)addr_len(family))
		addr_set(out, family, nla_data(a), 0);
}

bool link_look(struct nl_sock *sk, struct way *w, struct err *e)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = w->link };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST);
	struct nl_reply got;
	int code = 0;

	if (m && nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	if (!nl_ask(sk, m, &got, &code, "looking at an interface", e)) {
		w->link = code == ENODEV ? 0 : w->link;
		return code == ENODEV;
	}
	const struct nlmsghdr *h = (const struct nlmsghdr *)got.data;
	if (h && nlmsg_datalen(h) >= (int)sizeof(head)) {
		const struct ifinfomsg *info = nlmsg_data(h);
		w->up = info->ifi_flags & IFF_UP;
		w->running = info->ifi_flags & IFF_RUNNING;
		if (w->mtu == 0)
			w->mtu = nl_attr_u32(h, sizeof(head), IFLA_MTU, 0);
	}
	nl_reply_free(&got);
	return true;
}

static struct nl_msg *way_question(const struct addr *remote)
{
	size_t n = addr_len(remote->family);
	struct rtmsg head = { .rtm_family = remote->family == FAMILY_V4 ? AF_INET : AF_INET6,
		.rtm_dst_len = (uint8_t)(8 * n) };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);

	if (!m || nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
		nla_put(m, RTA_DST, (int)n, remote->ip) < 0 ||
		nla_put_u32(m, RTA_MARK, HOST_MARK) < 0 ||
		(remote->scope && nla_put_u32(m, RTA_OIF, remote->scope) < 0)) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

static bool is_link_local(const struct addr *a)
{
	return a->family == FAMILY_V6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

static void way_read(struct way *w, const struct nlmsghdr *h, const struct addr *remote)
{
	const struct rtmsg *r = nlmsg_data(h);

	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_datalen(h) < (int)sizeof(*r))
		return;
	w->found = r->rtm_type == RTN_UNICAST || r->rtm_type == RTN_LOCAL;
	w->link = (int)nl_attr_u32(h, sizeof(*r), RTA_OIF, 0);
	attr_addr(&w->local, h, RTA_PREFSRC, remote->family);
	attr_addr(&w->next_hop, h, RTA_GATEWAY, remote->family);
	if (is_link_local(&w->local))
		w->local.scope = (uint32_t)w->link;
	/* The route's own limit, or what path MTU discovery has found. */
	struct nlattr *metrics = nl_attr(h, sizeof(*r), RTA_METRICS);
	struct nlattr *mtu =
		metrics ? nla_find(nla_data(metrics), nla_len(metrics), RTAX_MTU) : NULL;
	if (mtu && nla_len(mtu) >= 4)
		w->mtu = nla_get_u32(mtu);
}

/* A route may be left behind when the address has gone: the kernel takes what it has then, the link's own
 * or the tunnel's, which nobody there could answer to. */
static bool answerable(struct host *h, const struct addr *local, const struct addr *remote)
{
	struct own_addrs own;
	bool ok = !is_link_local(local) || is_link_local(remote);

	for (size_t i = 0; ok && i < h->plan.n_addrs; i++) {
		const struct item *inside = &h->plan.addrs[i];
		if (inside->dst.family != local->family ||
			memcmp(inside->dst.ip, local->ip, addr_len(local->family)) != 0)
			continue;
		ok = !own_addrs(h, &own, NULL) || !only_here(&own, inside);
		free(own.v);
	}
	return ok;
}

/* No route is an answer, not an error. */
bool way_find(struct host *h, const struct addr *remote, struct way *out, struct err *e)
{
	struct nl_reply got;
	int code = 0;

	*out = (struct way){ .found = false };
	if (addr_len(remote->family) == 0)
		return err_set(e, ERR_BUG, "a route to no address");
	if (!nl_ask(h->sk, way_question(remote), &got, &code, "asking for the route to the gateway",
		    e))
		return code == ENETUNREACH || code == EHOSTUNREACH || code == EINVAL ||
			code == EACCES || code == EAGAIN || code == ENODEV ||
			code == EAFNOSUPPORT || code == EOPNOTSUPP;
	if (got.data)
		way_read(out, (const struct nlmsghdr *)got.data, remote);
	nl_reply_free(&got);
	out->inside = out->found && h->link && out->link == h->link;
	out->found &= !out->inside && answerable(h, &out->local, remote);
	return !out->found || link_look(h->sk, out, e);
}

/* Not one of ours: those lead away everything but what has our mark. */
bool way_inside(struct err *e, const struct host *h, const struct addr *remote)
{
	char text[ADDR_TEXT_MAX];

	return err_set(e, ERR_SILENT,
		"somebody's route leads to the gateway %s through the tunnel itself (dev %s): "
		"nothing is carried until it is removed",
		addr_text(text, remote), h->tun);
}

bool host_path(struct host *h, const struct addr *remote, struct path *out, struct err *e)
{
	char text[ADDR_TEXT_MAX];
	struct way way;

	*out = (struct path){ .remote = *remote };
	if (!way_find(h, remote, &way, e))
		return false;
	if (way.inside)
		return way_inside(e, h, remote);
	if (!way.found || way.local.family == FAMILY_NONE)
		return err_set(e, ERR_SILENT, "there is no route to %s", addr_text(text, remote));
	out->local = way.local;
	out->mtu = way.mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)way.mtu;
	out->next_hop = way.next_hop;
	out->shared = instances_share(h->dir, h->name, remote);
	h->asked = *remote;
	h->answer = way;
	return true;
}

bool host_reaches(struct host *h, const struct addr *remote)
{
	struct way way;

	return way_find(h, remote, &way, NULL) && way.found && way.running;
}

void host_watch(struct host *h, const struct addr *remote)
{
	struct lock_info info = { .pid = getpid(), .slot = h->slot, .gateway = *remote };

	h->watched = *remote;
	(void)!instance_lock_write(h->lock, &info, NULL);
	/* What has changed since somebody was told is an event. */
	if (addr_same_host(remote, &h->asked))
		h->way = h->answer;
	else if (!way_find(h, remote, &h->way, NULL))
		h->way = (struct way){ .found = false };
}
