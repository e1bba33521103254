#include "priv.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct lan_row {
	int link;
	struct prefix net;
};

struct lan_rows {
	struct lan_row *v;
	size_t n;
};

static bool rows_add(struct lan_rows *rows, int link, uint8_t af, uint8_t len, struct nlattr *ip)
{
	struct lan_row row = { .link = link,
		.net = { .len = len, .family = af == AF_INET ? FAMILY_V4 : FAMILY_V6 } };
	size_t n = addr_len(row.net.family);

	if (!ip || nla_len(ip) < (int)n || len > 8 * n)
		return true;
	struct prefix bare = row.net;
	memcpy(bare.ip, nla_data(ip), n);
	for (unsigned bit = 0; bit < len; bit++)
		row.net.ip[bit / 8] |= bare.ip[bit / 8] & (uint8_t)(0x80u >> bit % 8);
	if (!prefix_is_lan(&row.net))
		return true;
	struct lan_row *v = realloc(rows->v, (rows->n + 1) * sizeof(*v));
	if (!v)
		return false;
	rows->v = v;
	v[rows->n++] = row;
	return true;
}

/* The networks of our own addresses. */
static bool rows_of_addresses(struct nl_sock *sk, int except, struct lan_rows *rows, struct err *e)
{
	struct ifaddrmsg head = { .ifa_family = AF_UNSPEC };
	struct nl_reply all;
	bool ok = true;

	if (!nl_ask_all(sk, RTM_GETADDR, &head, sizeof(head), "reading the addresses", &all, e))
		return false;
	for (struct nlmsghdr *h = NULL; (h = nl_next(&all, h));) {
		const struct ifaddrmsg *a = nlmsg_data(h);
		if (h->nlmsg_type != RTM_NEWADDR || nlmsg_datalen(h) < (int)sizeof(*a) ||
			(a->ifa_family != AF_INET && a->ifa_family != AF_INET6) ||
			(int)a->ifa_index == except)
			continue;
		ok &= rows_add(rows, (int)a->ifa_index, a->ifa_family, a->ifa_prefixlen,
			nl_attr(h, sizeof(*a), IFA_ADDRESS));
	}
	nl_reply_free(&all);
	return ok || err_set(e, ERR_LOCAL, "no memory for the machine's addresses");
}

/* The networks that the main table has directly on a link. */
static bool rows_of_routes(struct nl_sock *sk, struct lan_rows *rows, struct err *e)
{
	struct rtmsg head = { .rtm_family = AF_UNSPEC };
	struct nl_reply all;
	bool ok = true;

	if (!nl_ask_all(sk, RTM_GETROUTE, &head, sizeof(head), "reading the routes", &all, e))
		return false;
	for (struct nlmsghdr *h = NULL; (h = nl_next(&all, h));) {
		const struct rtmsg *r = nlmsg_data(h);
		if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_datalen(h) < (int)sizeof(*r) ||
			(r->rtm_family != AF_INET && r->rtm_family != AF_INET6) ||
			r->rtm_type != RTN_UNICAST || nl_attr(h, sizeof(*r), RTA_GATEWAY) ||
			nl_attr(h, sizeof(*r), RTA_VIA) ||
			nl_attr_u32(h, sizeof(*r), RTA_TABLE, r->rtm_table) != RT_TABLE_MAIN)
			continue;
		ok &= rows_add(rows, (int)nl_attr_u32(h, sizeof(*r), RTA_OIF, 0), r->rtm_family,
			r->rtm_dst_len, nl_attr(h, sizeof(*r), RTA_DST));
	}
	nl_reply_free(&all);
	return ok || err_set(e, ERR_LOCAL, "no memory for the machine's routes");
}

/* A route on the link counts only where one of our addresses makes it so: what a DHCP server pushes
 * by option 121 may say "on the link" about any network there is (TunnelVision). */
static bool find(struct host *h, struct lan *out, struct err *e)
{
	struct lan_rows addrs = { 0 }, routes = { 0 };
	bool ok = rows_of_addresses(h->sk, h->link, &addrs, e) && rows_of_routes(h->sk, &routes, e);

	*out = (struct lan){ 0 };
	if (ok) {
		out->v = calloc(routes.n + 1, sizeof(*out->v));
		ok = out->v || err_set(e, ERR_LOCAL, "no memory for the machine's routes");
	}
	for (size_t i = 0; out->v && i < routes.n; i++)
		for (size_t j = 0; j < addrs.n; j++)
			if (routes.v[i].link == addrs.v[j].link &&
				prefix_same(&routes.v[i].net, &addrs.v[j].net)) {
				out->v[out->n++] = routes.v[i].net;
				break;
			}
	free(addrs.v);
	free(routes.v);
	return ok;
}

bool lan_networks(struct host *h, struct lan *out, struct err *e)
{
	if (!h->lan.v)
		return find(h, out, e);
	*out = h->lan;
	h->lan = (struct lan){ 0 };
	return true;
}

void lan_forget(struct host *h)
{
	free(h->lan.v);
	h->lan = (struct lan){ 0 };
}

void host_foresee(struct host *h)
{
	if (!h->want && !h->lan.v)
		(void)!find(h, &h->lan, NULL);
}
