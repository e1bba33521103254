#include "line.h"

#include <stdlib.h>
#include <string.h>

#include "base/types.h"

enum { HANG_UP_MS = 500 }; /* for PPP to be acknowledged that it ends */

struct line {
	const struct line_config *config;
	struct rng *rng;
	struct l2tp *l2tp;
	struct ppp *ppp; /* begins when the session is up */
	struct l2tp_link told; /* what the data plane knows */
	enum line_phase phase;
	enum line_stage stage;
	uint64_t hang_up_at; /* the tunnel is ended then, if PPP's end is not acknowledged before */
	struct err failure;
};

struct line *line_new(const struct line_config *config, struct rng *rng, struct err *e)
{
	struct line *x = calloc(1, sizeof(*x));

	if (!x) {
		err_set(e, ERR_LOCAL, "no memory for L2TP");
		return NULL;
	}
	x->config = config;
	x->rng = rng;
	x->hang_up_at = TIME_NEVER;
	x->l2tp = l2tp_new(&config->l2tp, rng, e);
	x->ppp = x->l2tp ? ppp_new(&config->ppp, rng, e) : NULL;
	if (x->ppp)
		return x;
	line_free(x);
	return NULL;
}

void line_free(struct line *x)
{
	if (!x)
		return;
	l2tp_free(x->l2tp);
	ppp_free(x->ppp);
	wipe(x, sizeof(*x));
	free(x);
}

/* --- the data plane ------------------------------------------------------------------------------- */

static bool same_link(const struct l2tp_link *a, const struct l2tp_link *b)
{
	return a->local_port == b->local_port && a->remote_port == b->remote_port &&
		a->tunnel == b->tunnel && a->session == b->session &&
		a->peer_tunnel == b->peer_tunnel && a->peer_session == b->peer_session &&
		a->packets == b->packets;
}

static void tell_link(struct line *x, const struct l2tp_link *link, struct outbox *ob)
{
	if (same_link(&x->told, link))
		return;
	struct l2tp_link *out = outbox_add(ob, ACT_L2TP_LINK, sizeof(*out));
	x->told = *link;
	if (out)
		*out = *link;
}

void line_unlink(struct line *x, struct outbox *ob)
{
	tell_link(x, &(struct l2tp_link){ 0 }, ob);
}

static void link_session(struct line *x, bool packets, struct outbox *ob)
{
	struct l2tp_link link = { .local_port = x->config->local_port,
		.remote_port = x->config->remote_port };
	struct l2tp_view v;

	l2tp_view(x->l2tp, &v);
	if (v.phase == L2TP_UP) {
		link.tunnel = v.session.tunnel;
		link.session = v.session.session;
		link.peer_tunnel = v.session.peer_tunnel;
		link.peer_session = v.session.peer_session;
		link.packets = packets;
	}
	tell_link(x, &link, ob);
}

/* --- following the two engines ---------------------------------------------------------------------- */

static void send_frames(struct line *x, struct outbox *ob)
{
	struct bytes frame;

	while (ppp_output(x->ppp, &frame))
		l2tp_send_frame(x->l2tp, frame, ob);
}

static void fail(struct line *x, enum line_stage stage, const struct err *e)
{
	if (x->failure.kind != ERR_NONE || x->phase == LINE_CLOSING)
		return;
	x->stage = stage;
	x->failure = *e;
}

/* PPP is over, by itself or with a reason: nothing needs the tunnel any more. */
static void ppp_over(struct line *x, uint64_t now, const struct ppp_view *ppp, struct outbox *ob)
{
	/* A server may let us go on without a login, and think better of it. */
	bool needs_login = x->stage == LINE_NETWORK && ppp->logging_in;
	struct l2tp_view l2tp;

	if (ppp->failure.kind != ERR_NONE)
		fail(x, needs_login ? LINE_LINK : x->stage, &ppp->failure);
	x->phase = LINE_CLOSING;
	x->hang_up_at = TIME_NEVER;
	l2tp_view(x->l2tp, &l2tp);
	if (l2tp.phase < L2TP_CLOSING)
		l2tp_stop(x->l2tp, now, ob);
}

static void follow_ppp(struct line *x, uint64_t now, struct outbox *ob)
{
	struct ppp_view v;

	send_frames(x, ob);
	ppp_view(x->ppp, &v);
	if (v.phase == PPP_DEAD) {
		ppp_over(x, now, &v, ob);
		return;
	}
	if (x->phase == LINE_CLOSING)
		return;
	x->phase = v.phase == PPP_UP ? LINE_UP : LINE_CONNECTING;
	if (v.phase == PPP_AUTHENTICATE)
		x->stage = LINE_LOGIN;
	else if (!v.logging_in)
		x->stage = LINE_NETWORK;
	link_session(x, v.phase == PPP_UP, ob);
}

/* The L2TP server ended what is not up yet. Before we are logged in that is a refused call; then it may be
 * for want of an address. */
static bool call_refused(const struct line *x, const struct err *e)
{
	return e->kind == ERR_PEER && x->phase == LINE_CONNECTING && x->stage != LINE_NETWORK;
}

static void follow(struct line *x, uint64_t now, struct outbox *ob)
{
	struct l2tp_view v;

	l2tp_view(x->l2tp, &v);
	if (v.phase == L2TP_UP && x->stage == LINE_L2TP && x->phase == LINE_CONNECTING) {
		x->stage = LINE_LINK;
		link_session(x, false, ob);
		ppp_start(x->ppp, now, ob);
	}
	if (v.phase == L2TP_UP)
		follow_ppp(x, now, ob);
	l2tp_view(x->l2tp, &v);
	if (v.phase < L2TP_CLOSING)
		return;
	if (v.failure.kind != ERR_NONE)
		fail(x, call_refused(x, &v.failure) ? LINE_L2TP : x->stage, &v.failure);
	if (v.phase == L2TP_CLOSING) {
		x->phase = LINE_CLOSING;
		link_session(x, false, ob);
	} else {
		x->phase = LINE_DEAD;
		line_unlink(x, ob);
	}
}

/* --- inputs -------------------------------------------------------------------------------------------- */

void line_start(struct line *x, uint64_t now, bool patient, struct outbox *ob)
{
	link_session(x, false, ob);
	l2tp_start(x->l2tp, now, patient, ob);
}

void line_datagram(struct line *x, uint64_t now, struct bytes payload, struct outbox *ob)
{
	struct bytes frame;

	if (l2tp_is_control(payload))
		l2tp_input(x->l2tp, now, payload, ob);
	else if (l2tp_recv_frame(x->l2tp, payload, &frame))
		ppp_input(x->ppp, now, frame, ob);
	follow(x, now, ob);
}

void line_answer(
	struct line *x, uint64_t now, uint32_t id, const struct passphrase *text, struct outbox *ob)
{
	ppp_answer(x->ppp, now, id, text, ob);
	follow(x, now, ob);
}

static void hang_up(struct line *x, uint64_t now, struct outbox *ob)
{
	x->hang_up_at = TIME_NEVER;
	l2tp_stop(x->l2tp, now, ob);
}

void line_tick(struct line *x, uint64_t now, struct outbox *ob)
{
	l2tp_tick(x->l2tp, now, ob);
	if (x->stage != LINE_L2TP)
		ppp_tick(x->ppp, now, ob);
	if (now >= x->hang_up_at)
		hang_up(x, now, ob);
	follow(x, now, ob);
}

/* From the top: a gateway whose SA is gone would answer PPP in the clear. */
void line_stop(struct line *x, uint64_t now, struct outbox *ob)
{
	bool ppp_first = x->phase < LINE_CLOSING && x->stage != LINE_L2TP;

	if (x->phase != LINE_DEAD)
		x->phase = LINE_CLOSING;
	if (ppp_first) {
		x->hang_up_at = now + HANG_UP_MS;
		ppp_stop(x->ppp, now, ob);
	} else {
		if (x->hang_up_at != TIME_NEVER)
			hang_up(x, now, ob);
		l2tp_stop(x->l2tp, now, ob);
	}
	follow(x, now, ob);
}

uint64_t line_deadline(const struct line *x)
{
	uint64_t l2tp = l2tp_deadline(x->l2tp), ppp = ppp_deadline(x->ppp);

	if (x->phase == LINE_DEAD)
		return TIME_NEVER;
	l2tp = x->hang_up_at < l2tp ? x->hang_up_at : l2tp;
	return x->phase == LINE_CLOSING || x->stage == LINE_L2TP || l2tp < ppp ? l2tp : ppp;
}

void line_view(const struct line *x, struct line_view *out)
{
	memset(out, 0, sizeof(*out));
	out->phase = x->phase;
	out->stage = x->stage;
	out->failure = x->failure;
	l2tp_view(x->l2tp, &out->l2tp);
	if (x->stage != LINE_L2TP)
		ppp_view(x->ppp, &out->ppp);
}
