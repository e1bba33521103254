/*
 * An L2TP client with, or without, PPP on top, and the server of tests/lib, with a wire between them.
 */
#ifndef TESTS_L2TP_TUNNEL_H
#define TESTS_L2TP_TUNNEL_H

#include "lib/lns.h"
#include "lib/wire.h"

#include "base/outbox.h"
#include "l2tp/l2tp.h"

enum { TO_CLIENT, TO_LNS };

struct tunnel {
	/* to be set before tunnel_start */
	struct l2tp_config cfg;
	struct lns_config lns_cfg;
	const char *secret;
	bool impatient;

	struct passphrase secret_text;
	struct rng rng;
	struct l2tp *l2tp;
	struct lns lns;
	struct wire wire;
	struct outbox ob;
	uint64_t now;
	struct l2tp_view view;
	struct l2tp_session session; /* as a data plane keeps it */
	unsigned frames[2]; /* of data that arrived at either end */
	uint8_t frame[2][64]; /* the last one */
	size_t frame_len[2];
	unsigned sent[16]; /* control messages of the client by type, as they left */
	unsigned zlbs;
};

void tunnel_init(struct tunnel *t, uint32_t seed);
void tunnel_start(struct tunnel *t);
void tunnel_free(struct tunnel *t);
void tunnel_run(struct tunnel *t, uint64_t ms);
/* Until the client is up and the server too, or the client is dead. */
void tunnel_settle(struct tunnel *t, uint64_t ms);
/* init is done: starts and settles. */
void tunnel_connect(struct tunnel *t);
void tunnel_check_up(struct tunnel *t);
void tunnel_check_dead(struct tunnel *t, enum err_kind kind, const char *words);
/* A datagram that arrives at the client as it is. */
void tunnel_inject(struct tunnel *t, struct bytes datagram);

#endif
