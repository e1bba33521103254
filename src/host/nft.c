#include "nft.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

uint8_t nft_family(uint8_t family)
{
	return family == FAMILY_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

struct nl_msg *nft_message(uint16_t type, int flags, uint8_t family, uint16_t resource)
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

static struct nl_msg *message(uint16_t type, int flags, uint8_t family)
{
	return nft_message(NFNL_SUBSYS_NFTABLES << 8 | type, flags, family, 0);
}

bool nft_be32(struct nl_msg *m, int type, uint32_t value)
{
	return nla_put_u32(m, type, htonl(value)) == 0;
}

static bool be16(struct nl_msg *m, int type, uint16_t value)
{
	return nla_put_u16(m, type, htons(value)) == 0;
}

/* --- batches ---------------------------------------------------------------------------------------- */

/* Takes the message; ok: all its attributes fitted. */
static void add(struct nft_batch *b, struct nl_msg *m, bool ok)
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

struct nft_batch *nft_begin(struct err *e)
{
	struct nft_batch *b = calloc(1, sizeof(*b));

	if (b)
		add(b, nft_message(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES), true);
	else
		err_set(e, ERR_LOCAL, "no memory for the packet filter");
	return b;
}

bool nft_run(struct nl_sock **sk, struct nft_batch *b, struct err *e)
{
	bool ok = false;

	add(b, nft_message(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES), true);
	if (b->failed) {
		err_set(e, ERR_LOCAL, "no memory for the packet filter");
	} else if (*sk || (*sk = nl_connect_netfilter(e))) {
		int sent = nl_sendto(*sk, b->data, b->used);
		if (sent < 0)
			err_set(e, ERR_LOCAL, "setting the packet filter: %s", nl_geterror(sent));
		ok = sent > 0 && nl_errors(*sk, "setting the packet filter", e);
	}
	free(b);
	return ok;
}

/* --- tables ----------------------------------------------------------------------------------------- */

static void change_table(struct nft_batch *b, uint16_t type, uint8_t family, const char *table)
{
	struct nl_msg *m = message(type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0, family);

	add(b, m, m && nla_put_string(m, NFTA_TABLE_NAME, table) == 0);
}

/* Made first, where it is not there, so that removing it cannot fail. */
void nft_table_remove(struct nft_batch *b, uint8_t family, const char *table)
{
	change_table(b, NFT_MSG_NEWTABLE, family, table);
	change_table(b, NFT_MSG_DELTABLE, family, table);
}

void nft_table_add(
	struct nft_batch *b, uint8_t family, const char *table, uint32_t hook, int priority)
{
	change_table(b, NFT_MSG_NEWTABLE, family, table);

	struct nl_msg *m = message(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family);
	struct nlattr *where = NULL;
	bool ok = m && nla_put_string(m, NFTA_CHAIN_TABLE, table) == 0 &&
		nla_put_string(m, NFTA_CHAIN_NAME, "in") == 0 &&
		nla_put_string(m, NFTA_CHAIN_TYPE, "filter") == 0 &&
		(where = nla_nest_start(m, NFTA_CHAIN_HOOK)) &&
		nft_be32(m, NFTA_HOOK_HOOKNUM, hook) &&
		nft_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	if (ok)
		nla_nest_end(m, where);
	add(b, m, ok);
}

void nft_rules_remove(struct nft_batch *b, uint8_t family, const char *table)
{
	struct nl_msg *m = message(NFT_MSG_DELRULE, 0, family);

	add(b, m,
		m && nla_put_string(m, NFTA_RULE_TABLE, table) == 0 &&
			nla_put_string(m, NFTA_RULE_CHAIN, "in") == 0);
}

/* --- rules ------------------------------------------------------------------------------------------ */

struct nft_rule nft_rule_begin(uint8_t family, const char *table)
{
	struct nft_rule r = { .m = message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family) };

	r.ok = r.m && nla_put_string(r.m, NFTA_RULE_TABLE, table) == 0 &&
		nla_put_string(r.m, NFTA_RULE_CHAIN, "in") == 0 &&
		(r.list = nla_nest_start(r.m, NFTA_RULE_EXPRESSIONS));
	return r;
}

void nft_rule_end(struct nft_batch *b, struct nft_rule *r)
{
	if (r->ok)
		nla_nest_end(r->m, r->list);
	add(b, r->m, r->ok);
}

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

	if (!elem || !nft_be32(m, NFTA_CMP_SREG, NFT_REG_1) || !nft_be32(m, NFTA_CMP_OP, op) ||
		!(value = nla_nest_start(m, NFTA_CMP_DATA)) ||
		nla_put(m, NFTA_DATA_VALUE, (int)len, with) < 0)
		return false;
	nla_nest_end(m, value);
	return expression_end(m, elem, data);
}

void nft_meta(struct nft_rule *r, uint32_t key, uint32_t op, const void *with, size_t len)
{
	struct nlattr *data, *elem = r->ok ? expression(r->m, "meta", &data) : NULL;

	r->ok = elem && nft_be32(r->m, NFTA_META_KEY, key) &&
		nft_be32(r->m, NFTA_META_DREG, NFT_REG_1) && expression_end(r->m, elem, data) &&
		compare(r->m, op, with, len);
}

void nft_payload(struct nft_rule *r, uint32_t base, uint32_t offset, const void *equals, size_t len)
{
	struct nlattr *data, *elem = r->ok ? expression(r->m, "payload", &data) : NULL;

	r->ok = elem && nft_be32(r->m, NFTA_PAYLOAD_DREG, NFT_REG_1) &&
		nft_be32(r->m, NFTA_PAYLOAD_BASE, base) &&
		nft_be32(r->m, NFTA_PAYLOAD_OFFSET, offset) &&
		nft_be32(r->m, NFTA_PAYLOAD_LEN, (uint32_t)len) &&
		expression_end(r->m, elem, data) && compare(r->m, NFT_CMP_EQ, equals, len);
}

void nft_drop(struct nft_rule *r)
{
	struct nl_msg *m = r->m;
	struct nlattr *data, *elem = r->ok ? expression(m, "immediate", &data) : NULL;
	struct nlattr *value = NULL, *verdict = NULL;

	r->ok = elem && nft_be32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT) &&
		(value = nla_nest_start(m, NFTA_IMMEDIATE_DATA)) &&
		(verdict = nla_nest_start(m, NFTA_DATA_VERDICT)) &&
		nft_be32(m, NFTA_VERDICT_CODE, NF_DROP);
	if (!r->ok)
		return;
	nla_nest_end(m, verdict);
	nla_nest_end(m, value);
	expression_end(m, elem, data);
}

void nft_queue(struct nft_rule *r, uint16_t number)
{
	struct nlattr *data, *elem = r->ok ? expression(r->m, "queue", &data) : NULL;

	r->ok = elem && be16(r->m, NFTA_QUEUE_NUM, number) && be16(r->m, NFTA_QUEUE_TOTAL, 1) &&
		be16(r->m, NFTA_QUEUE_FLAGS, NFT_QUEUE_FLAG_BYPASS) &&
		expression_end(r->m, elem, data);
}
