#include "nft.h"

#include <net/if.h>
#include <netlink/attr.h>
#include <stdio.h>

/*
 * Who may send to the tunnel's addresses: what comes through the tunnel, and the machine itself. To
 * Linux an address belongs to the machine, not to an interface, so a neighbour on the link who sends
 * to it would be answered, and could find connections and guess his way into them (CVE-2019-14899).
 *
 * XFRM policies cannot tell where a packet to the machine came in, so this is one table of nftables
 * for a family, set up whole or not at all. It has no more than
 *   iif != tunnel, iif != lo, destination == address: drop
 */

enum { TABLE_NAME_MAX = 32, BEFORE_CONNTRACK = -300 };

static const uint8_t families[] = { FAMILY_V4, FAMILY_V6 };

static char *table_name(char out[TABLE_NAME_MAX], unsigned slot)
{
	snprintf(out, TABLE_NAME_MAX, "vpnc-ike-%u", slot);
	return out;
}

bool ingress_is_ours(unsigned slot, const struct nlattr *table)
{
	char ours[TABLE_NAME_MAX];

	return table && nla_strcmp(table, table_name(ours, slot)) == 0;
}

static void not_from(struct nft_rule *r, unsigned link)
{
	if (link != 0)
		nft_meta(r, NFT_META_IIF, NFT_CMP_NEQ, &(uint32_t){ link }, sizeof(uint32_t));
}

static void add_rule(struct nft_batch *b, const char *table, int link, const struct prefix *addr)
{
	struct nft_rule r = nft_rule_begin(nft_family(addr->family), table);

	not_from(&r, (unsigned)link);
	not_from(&r, if_nametoindex("lo"));
	nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, addr->family == FAMILY_V4 ? 16 : 24, addr->ip,
		addr_len(addr->family));
	nft_drop(&r);
	nft_rule_end(b, &r);
}

bool ingress_remove(struct nl_sock **sk, unsigned slot, struct err *e)
{
	struct nft_batch *b = nft_begin(e);
	char table[TABLE_NAME_MAX];

	if (!b)
		return false;
	table_name(table, slot);
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		nft_table_remove(b, nft_family(families[i]), table);
	return nft_run(sk, b, e);
}

bool ingress_set(struct nl_sock **sk, unsigned slot, int link, const struct item *addrs, size_t n,
	struct err *e)
{
	struct nft_batch *b = nft_begin(e);
	char table[TABLE_NAME_MAX];

	if (!b)
		return false;
	table_name(table, slot);
	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		const uint8_t family = nft_family(families[f]);
		nft_table_remove(b, family, table);
		bool any = false;
		for (size_t i = 0; i < n; i++) {
			if (addrs[i].dst.family != families[f])
				continue;
			if (!any)
				nft_table_add(
					b, family, table, NF_INET_PRE_ROUTING, BEFORE_CONNTRACK);
			any = true;
			add_rule(b, table, link, &addrs[i].dst);
		}
	}
	return nft_run(sk, b, e);
}
