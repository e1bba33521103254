/*
 * L2TPv2 (RFC 2661) as the client of an LNS: one tunnel with one session, (state, now, one input) ->
 * actions.
 *
 *	SCCRQ  -->          <--  SCCRP        the tunnel
 *	SCCCN, ICRQ  -->    <--  ICRP         the session
 *	ICCN  -->                             up: PPP frames go to and fro
 *
 * Control messages are delivered reliably and in order (section 5.8); AVPs may be hidden, and the
 * tunnel is authenticated when there is a secret. Messages and frames leave as ACT_L2TP actions,
 * which may only ever be sent inside the SA (RFC 3193). Those that come in must have come out of it. Every attempt uses a fresh tunnel identifier, for servers that remember the last
 * one (xl2tpd). Times are milliseconds.
 */
#ifndef L2TP_L2TP_H
#define L2TP_L2TP_H

#include "base/outbox.h"
#include "crypto/rng.h"
#include "l2tp/data.h"

enum { L2TP_NAME_MAX = 64 };

struct l2tp_config { /* lives as long as the l2tp */
	const char *hostname; /* what we call ourselves, 1 to L2TP_NAME_MAX - 1 octets */
	const struct passphrase *secret; /* of tunnel authentication and hidden AVPs; NULL: none */
	uint64_t
		hello_interval; /* silence after which the gateway is asked whether it lives, 0: never */
};

enum l2tp_phase {
	L2TP_CONNECTING,
	L2TP_UP,
	L2TP_CLOSING, /* we told the gateway that it is over; frames do not pass any more */
	L2TP_DEAD, /* l2tp_view.failure says why; ERR_NONE: closed as asked */
};

struct l2tp_view {
	enum l2tp_phase phase;
	struct err failure;
	const char *story; /* what is being done or waited for, "" when there is nothing to tell */
	struct l2tp_session session; /* for l2tp_data_read and _header, from L2TP_UP on */
	char host[L2TP_NAME_MAX], vendor[L2TP_NAME_MAX]; /* of the gateway, safe to print */
	bool silent; /* nothing at all came from the gateway: another source port may help */
};

struct l2tp;

/* config and rng belong to the owner and outlive the engine. CONFIG or LOCAL on failure. */
struct l2tp *l2tp_new(const struct l2tp_config *config, struct rng *rng, struct err *e) MUST_CHECK;
void l2tp_free(struct l2tp *l); /* wipes; NULL is fine */
/* patient: there is no other way to try, so silence is borne longer. */
void l2tp_start(struct l2tp *l, uint64_t now, bool patient, struct outbox *ob);
/* The payload of a UDP datagram that came out of the SA; data messages are not for here. */
void l2tp_input(struct l2tp *l, uint64_t now, struct bytes datagram, struct outbox *ob);
/* A frame of PPP's for the gateway; dropped unless the session is up. Whoever carries it puts the
 * header of a data message before it, for packets that this engine never sees share its numbers. */
void l2tp_send_frame(struct l2tp *l, struct bytes frame, struct outbox *ob);
/* The frame in a data message for our session, from L2TP_UP on. */
bool l2tp_recv_frame(struct l2tp *l, struct bytes datagram, struct bytes *frame) MUST_CHECK;
void l2tp_tick(struct l2tp *l, uint64_t now, struct outbox *ob);
/* Clears session and tunnel; L2TP_DEAD follows. A second call does not wait. */
void l2tp_stop(struct l2tp *l, uint64_t now, struct outbox *ob);
uint64_t l2tp_deadline(const struct l2tp *l);
void l2tp_view(const struct l2tp *l, struct l2tp_view *out);

#endif
