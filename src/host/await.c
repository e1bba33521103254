#include "nft.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Packets for an inbound SA that is not there yet: the gateway may send by it as soon as it has answered,
 * and the kernel would drop what comes before the answer has been read and the SA installed. While an
 * answer is awaited, a table of nftables
 *   ESP or UDP, with the SPI where ESP has it: to a queue of ours
 * lets the kernel keep them. Nobody reads that queue: all that is in it goes on with one word. Where there
 * is no nftables, or no queue, they are lost as before, and sent again by whom it matters to.
 */

enum { TABLE_NAME_MAX = 32, KEPT_MAX = 64, QUEUE_FIRST = 0x7670 };

static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

struct await {
	uint32_t spi;
	unsigned slot;
	struct nl_sock *table, *queue;
};

static uint16_t queue_number(unsigned slot)
{
	return (uint16_t)(QUEUE_FIRST + slot);
}

static char *table_name(char out[TABLE_NAME_MAX], unsigned slot)
{
	snprintf(out, TABLE_NAME_MAX, "vpnc-ike-%u-await", slot);
	return out;
}

/* --- the table ---------------------------------------------------------------------------------------- */

static void add_rule(struct nft_batch *b, const char *table, uint8_t family, unsigned slot,
	uint8_t proto, uint32_t offset, uint32_t spi)
{
	struct nft_rule r = nft_rule_begin(family, table);

	nft_meta(&r, NFT_META_L4PROTO, NFT_CMP_EQ, &proto, sizeof(proto));
	nft_payload(
		&r, NFT_PAYLOAD_TRANSPORT_HEADER, offset, &(uint32_t){ htonl(spi) }, sizeof(spi));
	nft_queue(&r, queue_number(slot));
	nft_rule_end(b, &r);
}

static bool table_set(struct await *x)
{
	struct nft_batch *b = nft_begin(NULL);
	char table[TABLE_NAME_MAX];

	if (!b)
		return false;
	table_name(table, x->slot);
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		nft_table_remove(b, families[i], table);
		nft_table_add(b, families[i], table, NF_INET_LOCAL_IN, 0);
		add_rule(b, table, families[i], x->slot, IPPROTO_ESP, 0, x->spi);
		add_rule(b, table, families[i], x->slot, IPPROTO_UDP, 8, x->spi);
	}
	return nft_run(&x->table, b, NULL);
}

/* Without rules first: the kernel drops what is queued when the table goes. */
static void rules_remove(struct await *x)
{
	struct nft_batch *b = nft_begin(NULL);
	char table[TABLE_NAME_MAX];

	for (size_t i = 0; b && i < ARRAY_LEN(families); i++)
		nft_rules_remove(b, families[i], table_name(table, x->slot));
	if (b)
		(void)!nft_run(&x->table, b, NULL);
}

void await_clean(struct nl_sock **sk, unsigned slot)
{
	struct nft_batch *b = nft_begin(NULL);
	char table[TABLE_NAME_MAX];

	for (size_t i = 0; b && i < ARRAY_LEN(families); i++)
		nft_table_remove(b, families[i], table_name(table, slot));
	if (b)
		(void)!nft_run(sk, b, NULL);
}

/* --- the queue ---------------------------------------------------------------------------------------- */

static struct nl_msg *queue_message(const struct await *x, uint16_t type)
{
	return nft_message(NFNL_SUBSYS_QUEUE << 8 | type, 0, AF_UNSPEC, queue_number(x->slot));
}

static bool queue_ask(struct await *x, struct nl_msg *m, bool ok)
{
	struct nl_reply none = { 0 };
	int code;

	if (!ok) {
		nlmsg_free(m);
		return false;
	}
	ok = nl_ask(x->queue, m, &none, &code, "keeping packets", NULL);
	nl_reply_free(&none);
	return ok;
}

/* Somebody else may have that number. Of each packet no more than a word comes to the socket. */
static bool queue_open(struct await *x)
{
	struct nfqnl_msg_config_cmd bind = { .command = NFQNL_CFG_CMD_BIND };
	struct nfqnl_msg_config_params params = { .copy_mode = NFQNL_COPY_META };

	x->queue = nl_connect_netfilter(NULL);
	if (!x->queue)
		return false;
	struct nl_msg *m = queue_message(x, NFQNL_MSG_CONFIG);
	bool ok = m && nla_put(m, NFQA_CFG_CMD, sizeof(bind), &bind) == 0 &&
		nla_put(m, NFQA_CFG_PARAMS, sizeof(params), &params) == 0 &&
		nft_be32(m, NFQA_CFG_QUEUE_MAXLEN, KEPT_MAX);
	return queue_ask(x, m, ok);
}

/* What is there, up to the largest number that a packet can have. */
static void queue_accept(struct await *x)
{
	struct nfqnl_msg_verdict_hdr all = { .verdict = htonl(NF_ACCEPT), .id = htonl(INT32_MAX) };
	struct nl_msg *m = queue_message(x, NFQNL_MSG_VERDICT_BATCH);

	if (m && nla_put(m, NFQA_VERDICT_HDR, sizeof(all), &all) == 0)
		(void)!nl_sendto(x->queue, nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len);
	nlmsg_free(m);
}

/* ------------------------------------------------------------------------------------------------------ */

struct await *await_begin(unsigned slot, uint32_t spi)
{
	struct await *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	*x = (struct await){ .slot = slot, .spi = spi };
	if (queue_open(x) && table_set(x))
		return x;
	await_end(x, false);
	return NULL;
}

bool await_is(const struct await *x, uint32_t spi)
{
	return x && x->spi == spi;
}

void await_end(struct await *x, bool installed)
{
	if (!x)
		return;
	if (installed) {
		rules_remove(x);
		queue_accept(x);
	}
	if (x->table)
		await_clean(&x->table, x->slot);
	nl_socket_free(x->table);
	nl_socket_free(x->queue);
	free(x);
}
