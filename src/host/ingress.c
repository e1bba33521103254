#include "priv.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Who may send to the tunnel's addresses: what comes through the tunnel, and the machine itself. To
 * Linux an address belongs to the machine, not to an interface, so a neighbour on the link who sends
 * to it would be answered, and could find connections and guess his way into them (CVE-2019-14899).
 *
 * XFRM policies cannot tell where a packet to the machine came in, so this is one table of nftables
 * for a family, set up whole or not at all. It has no more than
 *   iif != tunnel, iif != lo, destination == address: drop
 */

enum { TABLE_NAME_MAX = 32, BATCH_MAX = 16384, BEFORE_CONNTRACK = -300 };

struct batch {
	uint8_t data[BATCH_MAX];
	size_t used;
	uint32_t seq;
	bool failed;
};

static char *table_name(char out[TABLE_NAME_MAX], unsigned slot)
{
	snprintf(out, TABLE_NAME_MAX, "vpnc-ike-%u", slot);
	return out;
}

static struct nl_msg *message(int type, int flags, uint8_t family, uint16_t resource)
{
	struct nfgenmsg head = {
		.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)
	};
	struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (m && nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return m;
}

static struct nl_msg *nft_message(int type, int flags, uint8_t family)
{
	return message(NFNL_SUBSYS_NFTABLES << 8 | type, flags, family, 0);
}

/* Takes the message; ok: all its attributes fitted. */
static void batch_add(struct batch *b, struct nl_msg *m, bool ok)
{
	struct nlmsghdr *h = m ? nlmsg_hdr(m) : NULL;

	if (!h || !ok || b->used + NLMSG_ALIGN(h->nlmsg_len) > sizeof(b->data)) {
		b->failed = true;
	} else {
		h->nlmsg_seq = ++b->seq;
		h->nlmsg_pid = 0;
		memcpy(b->data + b->used, h, h->nlmsg_len);
		b->used += NLMSG_ALIGN(h->nlmsg_len);
	}
	nlmsg_free(m);
}

static bool put_be32(struct nl_msg *m, int type, uint32_t value)
{
	return nla_put_u32(m, type, htonl(value)) == 0;
}

/* --- rules ---------------------------------------------------------------------------------------- */

static struct nlattr *expression(struct nl_msg *m, const char *name, struct nlattr **data)
{
	struct nlattr *elem = nla_nest_start(m, NFTA_LIST_ELEM);

	if (!elem || nla_put_string(m, NFTA_EXPR_NAME, name) < 0)
		return NULL;
	*data = nla_nest_start(m, NFTA_EXPR_DATA);
	return *data ? elem : NULL;
}

static bool expression_end(struct nl_msg *m, struct nlattr *elem, struct nlattr *data)
{
	nla_nest_end(m, data);
	nla_nest_end(m, elem);
	return true;
}

static bool compare(struct nl_msg *m, uint32_t op, const void *with, size_t len)
{
	struct nlattr *data, *elem = expression(m, "cmp", &data), *value = NULL;

	if (!elem || !put_be32(m, NFTA_CMP_SREG, NFT_REG_1) || !put_be32(m, NFTA_CMP_OP, op) ||
		!(value = nla_nest_start(m, NFTA_CMP_DATA)) ||
		nla_put(m, NFTA_DATA_VALUE, (int)len, with) < 0)
		return false;
	nla_nest_end(m, value);
	return expression_end(m, elem, data);
}

static bool not_from(struct nl_msg *m, int link)
{
	uint32_t index = (uint32_t)link;
	struct nlattr *data, *elem = expression(m, "meta", &data);

	return elem && put_be32(m, NFTA_META_KEY, NFT_META_IIF) &&
		put_be32(m, NFTA_META_DREG, NFT_REG_1) && expression_end(m, elem, data) &&
		compare(m, NFT_CMP_NEQ, &index, sizeof(index));
}

static bool sent_to(struct nl_msg *m, const struct prefix *addr)
{
	bool v4 = addr->family == FAMILY_V4;
	struct nlattr *data, *elem = expression(m, "payload", &data);

	return elem && put_be32(m, NFTA_PAYLOAD_DREG, NFT_REG_1) &&
		put_be32(m, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER) &&
		put_be32(m, NFTA_PAYLOAD_OFFSET, v4 ? 16 : 24) &&
		put_be32(m, NFTA_PAYLOAD_LEN, (uint32_t)addr_len(addr->family)) &&
		expression_end(m, elem, data) &&
		compare(m, NFT_CMP_EQ, addr->ip, addr_len(addr->family));
}

static bool drop(struct nl_msg *m)
{
	struct nlattr *data, *elem = expression(m, "immediate", &data), *value, *verdict = NULL;

	if (!elem || !put_be32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT) ||
		!(value = nla_nest_start(m, NFTA_IMMEDIATE_DATA)) ||
		!(verdict = nla_nest_start(m, NFTA_DATA_VERDICT)) ||
		!put_be32(m, NFTA_VERDICT_CODE, NF_DROP))
		return false;
	nla_nest_end(m, verdict);
	nla_nest_end(m, value);
	return expression_end(m, elem, data);
}

static void add_rule(
	struct batch *b, const char *table, uint8_t family, int link, const struct prefix *addr)
{
	struct nl_msg *m = nft_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family);
	struct nlattr *list = NULL;
	int lo = (int)if_nametoindex("lo");

	bool ok = m && nla_put_string(m, NFTA_RULE_TABLE, table) == 0 &&
		nla_put_string(m, NFTA_RULE_CHAIN, "in") == 0 &&
		(list = nla_nest_start(m, NFTA_RULE_EXPRESSIONS)) && not_from(m, link) &&
		(lo == 0 || not_from(m, lo)) && sent_to(m, addr) && drop(m);
	if (ok)
		nla_nest_end(m, list);
	batch_add(b, m, ok);
}

/* --- tables ----------------------------------------------------------------------------------------- */

static void add_table(struct batch *b, int type, uint8_t family, const char *table)
{
	struct nl_msg *m = nft_message(type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0, family);

	batch_add(b, m, m && nla_put_string(m, NFTA_TABLE_NAME, table) == 0);
}

static void add_chain(struct batch *b, uint8_t family, const char *table)
{
	struct nl_msg *m = nft_message(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family);
	struct nlattr *hook = NULL;

	bool ok = m && nla_put_string(m, NFTA_CHAIN_TABLE, table) == 0 &&
		nla_put_string(m, NFTA_CHAIN_NAME, "in") == 0 &&
		nla_put_string(m, NFTA_CHAIN_TYPE, "filter") == 0 &&
		(hook = nla_nest_start(m, NFTA_CHAIN_HOOK)) &&
		put_be32(m, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING) &&
		put_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)BEFORE_CONNTRACK);
	if (ok)
		nla_nest_end(m, hook);
	batch_add(b, m, ok);
}

static void batch_edge(struct batch *b, int type)
{
	batch_add(b, message(type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES), true);
}

static bool batch_run(struct nl_sock **sk, struct batch *b, struct err *e)
{
	if (b->failed)
		return err_set(e, ERR_LOCAL, "no memory for the packet filter");
	if (!*sk)
		*sk = nl_connect_netfilter(e);
	int sent = *sk ? nl_sendto(*sk, b->data, b->used) : 0;
	if (sent < 0)
		err_set(e, ERR_LOCAL, "setting the packet filter: %s", nl_geterror(sent));
	return sent > 0 && nl_errors(*sk, "setting the packet filter", e);
}

static uint8_t af(uint8_t family)
{
	return family == FAMILY_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

bool ingress_remove(struct nl_sock **sk, unsigned slot, struct err *e)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	struct batch *b = calloc(1, sizeof(*b));
	char table[TABLE_NAME_MAX];

	if (!b)
		return err_set(e, ERR_LOCAL, "no memory for the packet filter");
	table_name(table, slot);
	batch_edge(b, NFNL_MSG_BATCH_BEGIN);
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		/* Made first, where it is not there, so that removing it cannot fail. */
		add_table(b, NFT_MSG_NEWTABLE, families[i], table);
		add_table(b, NFT_MSG_DELTABLE, families[i], table);
	}
	batch_edge(b, NFNL_MSG_BATCH_END);
	bool ok = batch_run(sk, b, e);
	free(b);
	return ok;
}

bool ingress_set(struct nl_sock **sk, unsigned slot, int link, const struct item *addrs, size_t n,
	struct err *e)
{
	static const uint8_t families[] = { FAMILY_V4, FAMILY_V6 };
	struct batch *b = calloc(1, sizeof(*b));
	char table[TABLE_NAME_MAX];

	if (!b)
		return err_set(e, ERR_LOCAL, "no memory for the packet filter");
	table_name(table, slot);
	batch_edge(b, NFNL_MSG_BATCH_BEGIN);
	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		const uint8_t family = families[f];
		add_table(b, NFT_MSG_NEWTABLE, af(family), table);
		add_table(b, NFT_MSG_DELTABLE, af(family), table);
		bool any = false;
		for (size_t i = 0; i < n; i++) {
			if (addrs[i].dst.family != family)
				continue;
			if (!any) {
				add_table(b, NFT_MSG_NEWTABLE, af(family), table);
				add_chain(b, af(family), table);
			}
			any = true;
			add_rule(b, table, af(family), link, &addrs[i].dst);
		}
	}
	batch_edge(b, NFNL_MSG_BATCH_END);
	bool ok = batch_run(sk, b, e);
	free(b);
	return ok;
}
