#include "l2tp/l2tp.h"

#include <stdlib.h>
#include <string.h>

#include "tunnel.h"

/* --- making one ---------------------------------------------------------------------------------------- */

struct l2tp *l2tp_new(const struct l2tp_config *config, struct rng *rng, struct err *e)
{
	size_t n = strlen(config->hostname);

	if (n == 0 || n >= L2TP_NAME_MAX) {
		err_set(e, ERR_CONFIG, "the L2TP host name must have 1 to %d octets",
			L2TP_NAME_MAX - 1);
		return NULL;
	}
	struct l2tp *l = calloc(1, sizeof(*l));
	if (!l) {
		err_set(e, ERR_LOCAL, "no memory for L2TP");
		return NULL;
	}
	l->config = config;
	l->rng = rng;
	l->story = "";
	l->hello_at = l->close_at = l->answer_at = TIME_NEVER;
	l->session.tunnel = (uint16_t)(1 + rng_below(rng, UINT16_MAX));
	l->session.session = (uint16_t)(1 + rng_below(rng, UINT16_MAX));
	rng_fill(rng, l->challenge, sizeof(l->challenge));
	return l;
}

void l2tp_free(struct l2tp *l)
{
	if (!l)
		return;
	wipe(l, sizeof(*l));
	free(l);
}

/* --- receiving -------------------------------------------------------------------------------------------------- */

struct header {
	uint16_t tunnel, session, ns, nr;
	struct bytes body;
};

static bool header_read(struct header *h, struct bytes datagram)
{
	struct rd r = rd_init(datagram.p, datagram.n);
	uint16_t flags = rd_u16(&r), len = rd_u16(&r);
	uint16_t must = HEADER_T | HEADER_L | HEADER_S;

	h->tunnel = rd_u16(&r);
	h->session = rd_u16(&r);
	h->ns = rd_u16(&r);
	h->nr = rd_u16(&r);
	if (r.bad || len < CONTROL_HEADER || len > datagram.n)
		return false;
	h->body = (struct bytes){ r.p, len - CONTROL_HEADER };
	/* Section 3.1: without the bits that must be there it is not a control message. */
	return (flags & must) == must && !(flags & HEADER_O) &&
		(flags & HEADER_VERSION) == L2TP_VERSION;
}

/* What is acknowledged is not sent again, and nothing else says how long an answer may take. */
static void expect_answer(struct l2tp *l)
{
	bool due = (l->state == STATE_WAIT_REPLY || l->state == STATE_WAIT_SESSION) &&
		l->channel.una == l->channel.ns;

	if (!due)
		l->answer_at = TIME_NEVER;
	else if (l->answer_at == TIME_NEVER)
		l->answer_at = l->now + ANSWER_MS;
}

void l2tp_input(struct l2tp *l, uint64_t now, struct bytes datagram, struct outbox *ob)
{
	struct header h;
	struct bytes body;

	l->now = now;
	if (l->state == STATE_NEW || l->state == STATE_DEAD || !header_read(&h, datagram) ||
		h.tunnel != l->session.tunnel)
		return;
	l->heard = true;
	if (l->hello_at != TIME_NEVER)
		l->hello_at = now + l->config->hello_interval;
	if (channel_input(&l->channel, now, h.ns, h.nr, h.body) == CHANNEL_DELIVER) {
		tunnel_deliver(l, h.body, ob);
		while (l->state != STATE_DEAD && channel_early(&l->channel, &body))
			tunnel_deliver(l, body, ob);
	}
	if (l->state == STATE_DEAD)
		return;
	if (l->state == STATE_CLOSING && l->channel.una == l->channel.ns)
		tunnel_die(l);
	if (l->state == STATE_UP && l->hello_at == TIME_NEVER && l->config->hello_interval > 0)
		l->hello_at = now + l->config->hello_interval;
	expect_answer(l);
	tunnel_flush(l, ob);
}

/* --- other inputs ------------------------------------------------------------------------------------------------- */

void l2tp_start(struct l2tp *l, uint64_t now, bool patient, struct outbox *ob)
{
	l->now = now;
	l->state = STATE_WAIT_REPLY;
	l->story = "opening an L2TP tunnel";
	channel_init(&l->channel, patient ? TRIES : TRIES_IMPATIENT);
	tunnel_send_sccrq(l);
	tunnel_flush(l, ob);
}

void l2tp_send_frame(struct l2tp *l, struct bytes frame, struct outbox *ob)
{
	if (l->state == STATE_UP && frame.n > 0)
		tunnel_emit(ob, true, frame);
}

bool l2tp_recv_frame(struct l2tp *l, struct bytes datagram, struct bytes *frame)
{
	return l->state == STATE_UP && l2tp_data_read(&l->session, datagram, frame);
}

static void silence(struct l2tp *l)
{
	struct err e;

	err_set(&e, ERR_SILENT,
		l->heard ? "the gateway does not answer L2TP messages any more" :
			   "the gateway does not answer L2TP messages, though IPsec is up");
	tunnel_fail(l, &e);
	tunnel_die(l);
}

static void no_answer(struct l2tp *l)
{
	bool session = l->state == STATE_WAIT_SESSION;
	struct err e;

	err_set(&e, ERR_SILENT, "the gateway acknowledges our L2TP %s, but does not answer it",
		session ? "ICRQ" : "SCCRQ");
	tunnel_fail(l, &e);
	if (session)
		tunnel_send_stop(l, STOPCCN_GENERAL, 0, "");
	else
		tunnel_die(l);
}

void l2tp_tick(struct l2tp *l, uint64_t now, struct outbox *ob)
{
	l->now = now;
	if (l->state == STATE_NEW || l->state == STATE_DEAD)
		return;
	if (now >= l->close_at) {
		tunnel_die(l);
		return;
	}
	if (now >= l->channel.timer && !channel_timeout(&l->channel, now)) {
		silence(l);
		return;
	}
	if (now >= l->hello_at)
		tunnel_send_hello(l);
	if (now >= l->answer_at)
		no_answer(l);
	if (l->state != STATE_DEAD)
		tunnel_flush(l, ob);
}

void l2tp_stop(struct l2tp *l, uint64_t now, struct outbox *ob)
{
	l->now = now;
	if (l->state == STATE_CLOSING || l->session.peer_tunnel == 0) {
		tunnel_die(l); /* a second time, or nobody is there to be told */
		return;
	}
	if (l->state == STATE_DEAD)
		return;
	if (l->state == STATE_UP)
		tunnel_send_cdn(
			l, l->session.peer_session, l->session.session, CDN_ADMINISTRATIVE, 0, "");
	if (l->state != STATE_DEAD)
		tunnel_send_stop(l, STOPCCN_SHUT_DOWN, 0, "");
	if (l->state != STATE_DEAD)
		tunnel_flush(l, ob);
}

uint64_t l2tp_deadline(const struct l2tp *l)
{
	if (l->state == STATE_NEW || l->state == STATE_DEAD)
		return TIME_NEVER;
	return earliest(
		earliest(l->channel.timer, l->answer_at), earliest(l->hello_at, l->close_at));
}

void l2tp_view(const struct l2tp *l, struct l2tp_view *out)
{
	static const enum l2tp_phase phases[] = {
		[STATE_NEW] = L2TP_CONNECTING,
		[STATE_WAIT_REPLY] = L2TP_CONNECTING,
		[STATE_WAIT_SESSION] = L2TP_CONNECTING,
		[STATE_UP] = L2TP_UP,
		[STATE_CLOSING] = L2TP_CLOSING,
		[STATE_DEAD] = L2TP_DEAD,
	};

	*out = (struct l2tp_view){ .phase = phases[l->state],
		.failure = l->failure,
		.story = l->story,
		.session = l->session,
		.silent = !l->heard };
	memcpy(out->host, l->host, sizeof(out->host));
	memcpy(out->vendor, l->vendor, sizeof(out->vendor));
}
