#include "priv.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static uint8_t af(const struct item *it)
{
	return it->dst.family == FAMILY_V4 ? AF_INET : AF_INET6;
}

bool item_same(const struct item *a, const struct item *b)
{
	return a->kind == b->kind && a->link == b->link && a->table == b->table &&
		a->pref == b->pref && a->type == b->type && a->up == b->up && a->mtu == b->mtu &&
		a->metric == b->metric && a->block == b->block && a->tag == b->tag &&
		a->mark == b->mark && a->proto == b->proto && a->sport == b->sport &&
		a->dport == b->dport && a->src.len == b->src.len &&
		a->dst.family == b->dst.family && a->dst.len == b->dst.len &&
		memcmp(a->dst.ip, b->dst.ip, 16) == 0 && a->src.family == b->src.family &&
		memcmp(a->src.ip, b->src.ip, 16) == 0;
}

char *item_text(char *out, size_t size, const struct item *it)
{
	char dst[ADDR_TEXT_MAX];

	prefix_text(dst, &it->dst);
	switch (it->kind) {
	case ITEM_LINK:
		snprintf(out, size, "interface %d %s", it->link, it->up ? "up" : "down");
		break;
	case ITEM_ADDR:
		snprintf(out, size, "address %s", dst);
		break;
	case ITEM_ROUTE:
		snprintf(out, size, "route %s%s in table %u",
			it->type == RTN_THROW               ? "around the tunnel to " :
				it->type == RTN_UNREACHABLE ? "blocking " :
							      "into the tunnel to ",
			dst, it->table);
		break;
	case ITEM_POLICY:
		snprintf(out, size, "XFRM policy to %s %s", it->block ? "block" : "let pass", dst);
		break;
	case ITEM_RULE:
		snprintf(out, size, "IPv%u rule %u to table %u", it->dst.family, it->pref,
			it->table);
		break;
	}
	return out;
}

static struct nl_msg *link_message(const struct item *it)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC,
		.ifi_index = it->link,
		.ifi_flags = it->up ? IFF_UP : 0,
		.ifi_change = IFF_UP };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST);

	if (!m || nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
		(it->mtu && nla_put_u32(m, IFLA_MTU, it->mtu) < 0))
		goto failed;
	return m;
failed:
	nlmsg_free(m);
	return NULL;
}

/* Host addresses, whatever subnet the gateway assigned: neither a connected route in the main table
 * nor a broadcast address in the local one, and no address that is another's secondary. What lies
 * behind the tunnel is told by routes alone. No duplicate address detection: there is nobody on the
 * link to ask, and until it ended the address could not be used. */
static struct nl_msg *addr_message(enum step_op op, const struct item *it)
{
	size_t n = addr_len(it->dst.family);
	struct ifaddrmsg head = { .ifa_family = af(it),
		.ifa_prefixlen = (uint8_t)(8 * n),
		.ifa_index = (uint32_t)it->link };
	uint32_t flags = IFA_F_NOPREFIXROUTE | (it->dst.family == FAMILY_V6 ? IFA_F_NODAD : 0);
	struct nl_msg *m = op == STEP_ADD ?
		nlmsg_alloc_simple(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE) :
		nlmsg_alloc_simple(RTM_DELADDR, NLM_F_REQUEST);

	if (!m || nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
		nla_put(m, IFA_LOCAL, (int)n, it->dst.ip) < 0 ||
		nla_put(m, IFA_ADDRESS, (int)n, it->dst.ip) < 0 ||
		nla_put_u32(m, IFA_FLAGS, flags) < 0)
		goto failed;
	return m;
failed:
	nlmsg_free(m);
	return NULL;
}

/* There are thousands of them, and 128 of libnl's usual size have the heap grow and shrink each time. */
static struct nl_msg *route_alloc(uint16_t type, uint16_t flags)
{
	enum { ROUTE_MESSAGE_MAX = 256 };
	struct nl_msg *m = nlmsg_alloc_size(ROUTE_MESSAGE_MAX);

	if (!m)
		return NULL;
	nlmsg_hdr(m)->nlmsg_type = type;
	nlmsg_hdr(m)->nlmsg_flags = flags;
	return m;
}

/* Scope "universe" even for what has no gateway: when somebody adds a route by a gateway to the main
 * table, the kernel looks for that gateway's link by these rules, unmarked, among the routes of
 * scope "link". It must not find the tunnel. */
static struct nl_msg *route_message(enum step_op op, const struct item *it)
{
	size_t n = addr_len(it->dst.family);
	struct rtmsg head = { .rtm_family = af(it),
		.rtm_dst_len = it->dst.len,
		.rtm_table = RT_TABLE_UNSPEC,
		.rtm_protocol = HOST_ROUTE_PROTO,
		.rtm_type = it->type,
		.rtm_scope = op == STEP_DEL ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE };
	struct nl_msg *m = op == STEP_ADD ?
		route_alloc(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE) :
		route_alloc(RTM_DELROUTE, NLM_F_REQUEST);

	/* The kernel compares protocol and table before it deletes: a route that somebody else put
	 * into our table is not ours to remove. */
	if (!m || nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
		nla_put_u32(m, RTA_TABLE, it->table) < 0 ||
		(it->metric && nla_put_u32(m, RTA_PRIORITY, it->metric) < 0) ||
		(it->dst.len && nla_put(m, RTA_DST, (int)n, it->dst.ip) < 0) ||
		(it->type == RTN_UNICAST && nla_put_u32(m, RTA_OIF, (uint32_t)it->link) < 0) ||
		(it->src.family && nla_put(m, RTA_PREFSRC, (int)n, it->src.ip) < 0))
		goto failed;
	return m;
failed:
	nlmsg_free(m);
	return NULL;
}

/* Every packet but those of our own sockets: "not fwmark". These go on to whatever rules the machine
 * has, and do not come back to the tunnel when the main table knows no way; so no rule needs to be
 * shared between instances. */
static struct nl_msg *rule_message(enum step_op op, const struct item *it)
{
	struct fib_rule_hdr head = { .family = af(it),
		.table = RT_TABLE_UNSPEC,
		.action = FR_ACT_TO_TBL,
		.flags = FIB_RULE_INVERT };
	struct nl_msg *m = op == STEP_ADD ?
		nlmsg_alloc_simple(RTM_NEWRULE, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL) :
		nlmsg_alloc_simple(RTM_DELRULE, NLM_F_REQUEST);

	if (!m || nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
		nla_put_u32(m, FRA_PRIORITY, it->pref) < 0 ||
		nla_put_u32(m, FRA_TABLE, it->table) < 0 ||
		nla_put_u32(m, FRA_FWMARK, HOST_MARK) < 0 ||
		nla_put_u8(m, FRA_PROTOCOL, HOST_ROUTE_PROTO) < 0)
		goto failed;
	return m;
failed:
	nlmsg_free(m);
	return NULL;
}

struct nl_msg *step_message(const struct step *s)
{
	switch (s->item.kind) {
	case ITEM_LINK:
		return link_message(&s->item);
	case ITEM_ADDR:
		return addr_message(s->op, &s->item);
	case ITEM_ROUTE:
		return route_message(s->op, &s->item);
	case ITEM_RULE:
		return rule_message(s->op, &s->item);
	case ITEM_POLICY:
		return policy_message(s->op, &s->item);
	}
	return NULL;
}

/* Something to remove that is not there is as good as removed: an interface that went down took its
 * routes along, or has no IPv6 any more (ENXIO). And one that somebody removed is down: all the rest
 * must still be undone. */
static bool step_settled(const struct step *s)
{
	if (s->item.kind == ITEM_LINK && !s->item.up && s->code == ENODEV)
		return true;
	return s->code == 0 ||
		(s->op == STEP_DEL &&
			(s->code == ENOENT || s->code == ESRCH || s->code == EADDRNOTAVAIL ||
				s->code == ENODEV || s->code == ENXIO));
}

/* Every step's code is known afterwards, or the error says why not. */
static bool chunk_run(struct nl_sock *sk, struct step *v, size_t n, struct err *e)
{
	struct nl_msg *messages[NL_BATCH_MAX];
	struct nl_result results[NL_BATCH_MAX];
	char what[160], doing[200];
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		messages[i] = step_message(&v[i]);
	if (!nl_batch(sk, messages, n, results, "changing the kernel's routing", e))
		return false;
	for (size_t i = 0; i < n; i++) {
		v[i].code = results[i].code;
		if (step_settled(&v[i]) || !ok)
			continue;
		snprintf(doing, sizeof(doing), "%s %s",
			v[i].op == STEP_ADD ? "setting up" : "removing",
			item_text(what, sizeof(what), &v[i].item));
		ok = nl_error(e, v[i].code, results[i].said[0] ? results[i].said : NULL, doing);
	}
	return ok;
}

static struct step step_inverse(const struct step *s)
{
	struct step back = *s;

	if (s->replaces || s->item.kind == ITEM_LINK) {
		back.item = s->before;
		back.before = s->item;
		return back;
	}
	back.op = s->op == STEP_ADD ? STEP_DEL : STEP_ADD;
	return back;
}

void steps_undo(struct nl_sock *sk, struct step *v, size_t n)
{
	struct step chunk[NL_BATCH_MAX];
	struct err ignored = { .kind = ERR_NONE };
	size_t m = 0;

	for (size_t i = n; i-- > 0;) {
		if (v[i].code == 0)
			chunk[m++] = step_inverse(&v[i]);
		if (m == ARRAY_LEN(chunk) || (i == 0 && m > 0)) {
			err_clear(&ignored);
			(void)!chunk_run(sk, chunk, m, &ignored);
			m = 0;
		}
	}
}

bool steps_run(struct nl_sock *sk, struct step *v, size_t n, struct err *e)
{
	struct err why = { .kind = ERR_NONE };

	for (size_t i = 0; i < n; i += NL_BATCH_MAX) {
		size_t m = n - i < NL_BATCH_MAX ? n - i : NL_BATCH_MAX;
		if (chunk_run(sk, v + i, m, &why))
			continue;
		steps_undo(sk, v, i + m);
		if (e)
			*e = why;
		return false;
	}
	return true;
}

bool steps_run_each(struct nl_sock *sk, struct step *v, size_t n, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; i < n; i += NL_BATCH_MAX)
		ok &= chunk_run(
			sk, v + i, n - i < NL_BATCH_MAX ? n - i : NL_BATCH_MAX, ok ? e : NULL);
	return ok;
}

bool route_read(const struct nlmsghdr *m, struct item *out)
{
	const struct rtmsg *r = nlmsg_data(m);

	if ((m->nlmsg_type != RTM_NEWROUTE && m->nlmsg_type != RTM_DELROUTE) ||
		nlmsg_datalen(m) < (int)sizeof(*r) ||
		(r->rtm_family != AF_INET && r->rtm_family != AF_INET6) ||
		(r->rtm_flags & RTM_F_CLONED) || r->rtm_protocol != HOST_ROUTE_PROTO)
		return false;
	*out = (struct item){ .kind = ITEM_ROUTE,
		.table = nl_attr_u32(m, sizeof(*r), RTA_TABLE, r->rtm_table),
		.type = r->rtm_type,
		.dst = { .family = r->rtm_family == AF_INET ? FAMILY_V4 : FAMILY_V6,
			.len = r->rtm_dst_len },
		.link = (int)nl_attr_u32(m, sizeof(*r), RTA_OIF, 0),
		.metric = nl_attr_u32(m, sizeof(*r), RTA_PRIORITY, 0) };
	struct nlattr *dst = nl_attr(m, sizeof(*r), RTA_DST);
	if (dst && nla_len(dst) >= (int)addr_len(out->dst.family))
		memcpy(out->dst.ip, nla_data(dst), addr_len(out->dst.family));
	return true;
}

bool routes_flush(
	struct nl_sock *sk, uint8_t family, uint32_t table, size_t *removed, struct err *e)
{
	struct rtmsg head = { .rtm_family = family == FAMILY_V4 ? AF_INET : AF_INET6 };
	struct step *v = NULL;
	struct nl_reply all;
	size_t n = 0, cap = 0;

	if (!nl_ask_all(sk, RTM_GETROUTE, &head, sizeof(head), "reading the routes", &all, e))
		return false;
	for (struct nlmsghdr *h = NULL; (h = nl_next(&all, h));) {
		struct item it;
		if (!route_read(h, &it) || it.dst.family != family || it.table != table)
			continue;
		if (n == cap) {
			cap = cap ? 2 * cap : 64;
			struct step *more = realloc(v, cap * sizeof(*v));
			if (!more)
				break;
			v = more;
		}
		v[n++] = (struct step){ .op = STEP_DEL, .item = it };
	}
	nl_reply_free(&all);
	bool ok = steps_run(sk, v, n, e);
	if (ok)
		*removed += n;
	free(v);
	return ok;
}
