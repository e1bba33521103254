/*
 * nftables: messages for the kernel, and batches of them, which take effect whole or not at all. Every
 * chain of ours is called "in".
 */
#ifndef HOST_NFT_H
#define HOST_NFT_H

#include <netinet/in.h> /* before the kernel's own */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "priv.h"

enum { NFT_BATCH_MAX = 16384 };

struct nft_batch {
	uint8_t data[NFT_BATCH_MAX];
	size_t used;
	uint32_t seq;
	bool failed;
};

struct nft_rule { /* one that is being written */
	struct nl_msg *m;
	struct nlattr *list;
	bool ok;
};

/* NFPROTO_* for FAMILY_*. */
uint8_t nft_family(uint8_t family);
struct nl_msg *nft_message(uint16_t type, int flags, uint8_t family, uint16_t resource);
bool nft_be32(struct nl_msg *m, int type, uint32_t value);

/* NULL: no memory. */
struct nft_batch *nft_begin(struct err *e);
/* Sends and frees it. *sk is opened where it is NULL, and for the caller to free. */
bool nft_run(struct nl_sock **sk, struct nft_batch *b, struct err *e) MUST_CHECK;

/* Removed where it is there; no error where it is not. */
void nft_table_remove(struct nft_batch *b, uint8_t family, const char *table);
/* With a chain at a hook of the kernel. */
void nft_table_add(
	struct nft_batch *b, uint8_t family, const char *table, uint32_t hook, int priority);
void nft_rules_remove(struct nft_batch *b, uint8_t family, const char *table);

/* A rule: a row of tests, each of which ends it where it does not match, then what is done. */
struct nft_rule nft_rule_begin(uint8_t family, const char *table);
void nft_rule_end(struct nft_batch *b, struct nft_rule *r);
void nft_meta(struct nft_rule *r, uint32_t key, uint32_t op, const void *with, size_t len);
void nft_payload(
	struct nft_rule *r, uint32_t base, uint32_t offset, const void *equals, size_t len);
void nft_drop(struct nft_rule *r);
/* To whoever listens on that queue, and on where nobody does. */
void nft_queue(struct nft_rule *r, uint16_t number);

#endif
