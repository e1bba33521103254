#include "priv.h"

#include <arpa/inet.h>
#include <linux/xfrm.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * XFRM policies that carry nothing and only let pass or block: items to the kernel and back.
 *
 * They are told from everybody else's by the selector's user, which the kernel keeps, shows (`ip
 * xfrm policy` calls it uid) and compares when one policy replaces another, but does not match
 * packets by. So one of ours never takes the place of a policy for the same packets of another
 * program, nor of another instance, and is found again after a crash.
 */

static void address_to(xfrm_address_t *out, const struct prefix *p)
{
	memcpy(out, p->ip, addr_len(p->family));
}

static struct xfrm_selector selector_of(const struct item *it)
{
	struct xfrm_selector s = { .family = it->dst.family == FAMILY_V4 ? AF_INET : AF_INET6,
		.prefixlen_d = it->dst.len,
		.prefixlen_s = it->src.family ? it->src.len : 0,
		.sport = htons(it->sport),
		.sport_mask = it->sport ? 0xffff : 0,
		.dport = htons(it->dport),
		.dport_mask = it->dport ? 0xffff : 0,
		.proto = it->proto,
		.ifindex = it->link,
		.user = it->tag };

	address_to(&s.daddr, &it->dst);
	if (it->src.family)
		address_to(&s.saddr, &it->src);
	return s;
}

static bool put_mark(struct nl_msg *m, const struct item *it)
{
	struct xfrm_mark mark = { .v = it->mark, .m = UINT32_MAX };

	return it->mark == 0 || nla_put(m, XFRMA_MARK, sizeof(mark), &mark) == 0;
}

static struct nl_msg *removal(const struct item *it)
{
	struct xfrm_userpolicy_id id = { .sel = selector_of(it), .dir = XFRM_POLICY_OUT };
	struct nl_msg *m = nlmsg_alloc_simple(XFRM_MSG_DELPOLICY, NLM_F_REQUEST);

	if (!m || nlmsg_append(m, &id, sizeof(id), NLMSG_ALIGNTO) < 0 || !put_mark(m, it)) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

struct nl_msg *policy_message(enum step_op op, const struct item *it)
{
	static const struct xfrm_lifetime_cfg forever = { .soft_byte_limit = XFRM_INF,
		.hard_byte_limit = XFRM_INF,
		.soft_packet_limit = XFRM_INF,
		.hard_packet_limit = XFRM_INF };
	struct xfrm_userpolicy_info info = { .sel = selector_of(it),
		.lft = forever,
		.priority = it->pref,
		.dir = XFRM_POLICY_OUT,
		.action = it->block ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW };

	if (op == STEP_DEL)
		return removal(it);
	/* "Update" does not mind one that is there already. */
	struct nl_msg *m = nlmsg_alloc_simple(XFRM_MSG_UPDPOLICY, NLM_F_REQUEST);
	if (!m || nlmsg_append(m, &info, sizeof(info), NLMSG_ALIGNTO) < 0 || !put_mark(m, it)) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

static struct prefix prefix_from(const xfrm_address_t *a, uint8_t len, uint8_t family)
{
	struct prefix p = { .family = family, .len = len };

	memcpy(p.ip, a, addr_len(family));
	return p;
}

static bool item_from(struct item *it, const struct nlmsghdr *h, uint32_t tag)
{
	struct xfrm_userpolicy_info info;

	if (h->nlmsg_type != XFRM_MSG_NEWPOLICY || nlmsg_datalen(h) < (int)sizeof(info))
		return false;
	/* Messages are aligned to four octets, this struct wants eight. */
	memcpy(&info, nlmsg_data(h), sizeof(info));
	const struct xfrm_selector *s = &info.sel;
	if (s->user != tag || info.dir != XFRM_POLICY_OUT)
		return false;
	uint8_t family = s->family == AF_INET ? FAMILY_V4 : FAMILY_V6;
	*it = (struct item){ .kind = ITEM_POLICY,
		.block = info.action == XFRM_POLICY_BLOCK,
		.pref = info.priority,
		.tag = tag,
		.link = s->ifindex,
		.proto = s->proto,
		.sport = ntohs(s->sport),
		.dport = ntohs(s->dport),
		.dst = prefix_from(&s->daddr, s->prefixlen_d, family) };
	if (s->prefixlen_s)
		it->src = prefix_from(&s->saddr, s->prefixlen_s, family);
	struct nlattr *mark = nl_attr(h, sizeof(info), XFRMA_MARK);
	if (mark && nla_len(mark) >= (int)sizeof(struct xfrm_mark))
		it->mark = ((const struct xfrm_mark *)nla_data(mark))->v;
	return true;
}

bool policies_list(struct nl_sock *xfrm, uint32_t tag, struct policies *out, struct err *e)
{
	struct xfrm_userpolicy_id all = { .dir = 0 };
	struct nl_reply got;
	size_t most = 0;

	*out = (struct policies){ 0 };
	if (!nl_ask_all(xfrm, XFRM_MSG_GETPOLICY, &all, sizeof(all), "reading the XFRM policies",
		    &got, e))
		return false;
	for (struct nlmsghdr *h = NULL; (h = nl_next(&got, h));)
		most++;
	out->v = calloc(most + 1, sizeof(*out->v));
	for (struct nlmsghdr *h = NULL; out->v && (h = nl_next(&got, h));)
		out->n += item_from(&out->v[out->n], h, tag);
	nl_reply_free(&got);
	return out->v || err_set(e, ERR_LOCAL, "no memory for the XFRM policies");
}

void policies_free(struct policies *p)
{
	free(p->v);
	*p = (struct policies){ 0 };
}
