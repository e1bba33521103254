#include "lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "direct.h"

enum { BLOCK = 16 };

struct lanes {
	struct direct ecb;
	uint8_t row[LANES_MAX][BLOCK]; /* what goes through AES next, and what came out of it */
};

/* A packet on its way. */
struct lane {
	uint8_t *at; /* its next block */
	size_t blocks; /* and how many there are yet */
};

struct lanes *lanes_new(const struct alg *encr, const struct secret *key)
{
	char name[sizeof("AES-65535-ECB")];

	if (encr->id != ENCR_AES_CBC)
		return NULL;
	snprintf(name, sizeof(name), "AES-%u-ECB", encr->key_bits);
	struct lanes *l = calloc(1, sizeof(*l));
	if (l && direct_new(&l->ecb, name, true) && direct_key(&l->ecb, key->data, encr->key_len))
		return l;
	lanes_free(l);
	return NULL;
}

void lanes_free(struct lanes *l)
{
	if (!l)
		return;
	direct_free(&l->ecb);
	wipe(l, sizeof(*l));
	free(l);
}

static void add_block(uint8_t *to, const uint8_t *block)
{
	uint64_t a[2], b[2];

	memcpy(a, to, BLOCK);
	memcpy(b, block, BLOCK);
	a[0] ^= b[0];
	a[1] ^= b[1];
	memcpy(to, a, BLOCK);
}

/* The longest first: those that have ended are behind all others then. */
static void line_up(struct lanes *l, struct lane *lane, const struct cipher_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct lane one = { .at = ops[i].data, .blocks = ops[i].len / BLOCK };
		size_t at = i;
		for (; at > 0 && lane[at - 1].blocks < one.blocks; at--) {
			lane[at] = lane[at - 1];
			memcpy(l->row[at], l->row[at - 1], BLOCK);
		}
		lane[at] = one;
		memcpy(l->row[at], ops[i].iv, BLOCK);
	}
}

bool lanes_encrypt(struct lanes *l, const struct cipher_op *ops, size_t n)
{
	struct lane lane[LANES_MAX];

	if (n > LANES_MAX)
		return false;
	line_up(l, lane, ops, n);
	for (;;) {
		while (n > 0 && lane[n - 1].blocks == 0)
			n--;
		if (n == 0)
			return true;
		for (size_t i = 0; i < n; i++)
			add_block(l->row[i], lane[i].at);
		if (!direct_data(&l->ecb, l->row[0], n * BLOCK))
			return false;
		for (size_t i = 0; i < n; i++) {
			memcpy(lane[i].at, l->row[i], BLOCK);
			lane[i].at += BLOCK;
			lane[i].blocks--;
		}
	}
}
