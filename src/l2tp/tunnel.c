#include "tunnel.h"

#include <string.h>

#include "base/names.h"

/* --- sending --------------------------------------------------------------------------------------------- */

void tunnel_emit(struct outbox *ob, bool frame, struct bytes what)
{
	struct l2tp_datagram *d = outbox_add(ob, ACT_L2TP, sizeof(*d) + what.n);

	if (!d)
		return;
	d->frame = frame;
	d->len = (uint32_t)what.n;
	memcpy(d->data, what.p, what.n);
}

static void send_ack(struct l2tp *l, struct outbox *ob)
{
	uint8_t zlb[CONTROL_HEADER];
	struct wr w = wr_init(zlb, sizeof(zlb));

	wr_u16(&w, HEADER_T | HEADER_L | HEADER_S | L2TP_VERSION);
	wr_u16(&w, CONTROL_HEADER);
	wr_u16(&w, l->session.peer_tunnel);
	wr_u16(&w, 0);
	wr_u16(&w, l->channel.ns);
	wr_u16(&w, l->channel.nr);
	l->channel.ack_due = false;
	tunnel_emit(ob, false, (struct bytes){ zlb, w.len });
}

void tunnel_flush(struct l2tp *l, struct outbox *ob)
{
	struct bytes message;

	while (channel_next(&l->channel, l->now, &message))
		tunnel_emit(ob, false, message);
	if (l->channel.ack_due)
		send_ack(l, ob);
}

void tunnel_die(struct l2tp *l)
{
	l->state = STATE_DEAD;
	l->channel.timer = l->hello_at = l->close_at = l->answer_at = TIME_NEVER;
}

void tunnel_fail(struct l2tp *l, const struct err *e)
{
	if (l->failure.kind == ERR_NONE && l->state != STATE_CLOSING)
		l->failure = *e;
}

static void queue(struct l2tp *l, struct wr *w)
{
	struct err e;

	message_end(w);
	if (!w->bad && channel_queue(&l->channel, (struct bytes){ w->base, w->len }))
		return;
	err_set(&e, ERR_PEER, "the gateway acknowledges no L2TP messages: too many wait");
	tunnel_fail(l, &e);
	tunnel_die(l);
}

/* --- the end ------------------------------------------------------------------------------------------------ */

void tunnel_send_stop(struct l2tp *l, uint16_t result, uint16_t error, const char *text)
{
	uint8_t room[CHANNEL_MESSAGE_MAX];
	struct wr w = wr_init(room, sizeof(room));

	message_begin(&w, l->session.peer_tunnel, 0, STOPCCN);
	avp_u16(&w, AVP_ASSIGNED_TUNNEL_ID, l->session.tunnel);
	avp_result(&w, result, error, text);
	queue(l, &w);
	if (l->state == STATE_DEAD)
		return;
	l->state = STATE_CLOSING;
	l->story = "";
	l->close_at = l->now + CLOSE_MS;
	l->hello_at = l->answer_at = TIME_NEVER;
}

void tunnel_send_cdn(struct l2tp *l, uint16_t peer_session, uint16_t session, uint16_t result,
	uint16_t error, const char *text)
{
	uint8_t room[CHANNEL_MESSAGE_MAX];
	struct wr w = wr_init(room, sizeof(room));

	message_begin(&w, l->session.peer_tunnel, peer_session, CDN);
	avp_result(&w, result, error, text);
	avp_u16(&w, AVP_ASSIGNED_SESSION_ID, session);
	queue(l, &w);
}

/* Something of the gateway's cannot be accepted: it is told, and that is the end. */
static void refuse(struct l2tp *l, uint16_t result, uint16_t error, const struct err *e)
{
	if (l->state == STATE_CLOSING)
		return; /* it has been told already */
	tunnel_fail(l, e);
	tunnel_send_stop(l, result, error, e->text);
}

/* --- steps ---------------------------------------------------------------------------------------------------- */

void tunnel_send_sccrq(struct l2tp *l)
{
	uint8_t room[CHANNEL_MESSAGE_MAX];
	struct wr w = wr_init(room, sizeof(room));

	message_begin(&w, 0, 0, SCCRQ);
	avp_u16(&w, AVP_PROTOCOL_VERSION, 0x0100);
	avp_u32(&w, AVP_FRAMING_CAPABILITIES, 3); /* synchronous and asynchronous */
	avp_u32(&w, AVP_BEARER_CAPABILITIES, 0); /* we place no calls for it */
	avp_bytes(&w, AVP_HOST_NAME,
		(struct bytes){ l->config->hostname, strlen(l->config->hostname) });
	avp_u16(&w, AVP_ASSIGNED_TUNNEL_ID, l->session.tunnel);
	avp_u16(&w, AVP_RECEIVE_WINDOW_SIZE, CHANNEL_EARLY);
	if (l->config->secret)
		avp_bytes(&w, AVP_CHALLENGE, (struct bytes){ l->challenge, sizeof(l->challenge) });
	queue(l, &w);
}

/* Section 5.1.1. Does the gateway know the secret, where we have one? */
static bool gateway_proved(struct l2tp *l, struct err *e)
{
	struct bytes sent = l->in.value[AVP_CHALLENGE_RESPONSE];
	uint8_t want[16];

	if (!l->config->secret)
		return true;
	if (!tunnel_response(SCCRP, l->config->secret,
		    (struct bytes){ l->challenge, sizeof(l->challenge) }, want, e))
		return false;
	if (!sent.p)
		return err_set(e, ERR_AUTH,
			"the gateway did not prove that it knows the L2TP tunnel "
			"secret");
	return same_bytes(sent.p, want, sizeof(want)) ||
		err_set(e, ERR_AUTH,
			"the gateway has another "
			"L2TP tunnel secret than the profile");
}

static void send_scccn(struct l2tp *l, const uint8_t *response)
{
	uint8_t room[CHANNEL_MESSAGE_MAX];
	struct wr w = wr_init(room, sizeof(room));

	message_begin(&w, l->session.peer_tunnel, 0, SCCCN);
	if (response)
		avp_bytes(&w, AVP_CHALLENGE_RESPONSE, (struct bytes){ response, 16 });
	queue(l, &w);
}

static void send_icrq(struct l2tp *l)
{
	uint8_t room[CHANNEL_MESSAGE_MAX];
	struct wr w = wr_init(room, sizeof(room));

	message_begin(&w, l->session.peer_tunnel, 0, ICRQ);
	avp_u16(&w, AVP_ASSIGNED_SESSION_ID, l->session.session);
	avp_u32(&w, AVP_CALL_SERIAL_NUMBER, rng_u32(l->rng));
	queue(l, &w);
}

void tunnel_send_hello(struct l2tp *l)
{
	uint8_t room[CHANNEL_MESSAGE_MAX];
	struct wr w = wr_init(room, sizeof(room));

	l->hello_at = l->now + l->config->hello_interval;
	if (l->channel.una != l->channel.ns)
		return; /* what is on its way tells as much */
	message_begin(&w, l->session.peer_tunnel, 0, HELLO);
	queue(l, &w);
}

static bool prove(struct l2tp *l, uint8_t response[16], struct err *e)
{
	struct bytes challenge = l->in.value[AVP_CHALLENGE];

	if (!l->config->secret)
		return err_set(e, ERR_CONFIG,
			"the gateway wants the L2TP tunnel authenticated by a secret, "
			"and the profile has none");
	return tunnel_response(SCCCN, l->config->secret, challenge, response, e);
}

static void sccrp_recv(struct l2tp *l, struct outbox *ob)
{
	const struct bytes *v = l->in.value;
	uint32_t version = message_number(&l->in, AVP_PROTOCOL_VERSION, 0x0100) >> 8;
	uint32_t window = message_number(&l->in, AVP_RECEIVE_WINDOW_SIZE, CHANNEL_PEER_WINDOW);
	bool asked = v[AVP_CHALLENGE].p;
	uint8_t response[16];
	struct err e;

	l->session.peer_tunnel = (uint16_t)message_number(&l->in, AVP_ASSIGNED_TUNNEL_ID, 0);
	text_safe(l->host, sizeof(l->host), v[AVP_HOST_NAME].p, v[AVP_HOST_NAME].n);
	text_safe(l->vendor, sizeof(l->vendor), v[AVP_VENDOR_NAME].p, v[AVP_VENDOR_NAME].n);
	if (version != 1) {
		err_set(&e, ERR_PEER, "the gateway speaks version %u of L2TP, we speak 1", version);
		refuse(l, STOPCCN_VERSION, 0x0100, &e);
	} else if (l->session.peer_tunnel == 0) {
		err_set(&e, ERR_PEER, "the gateway's L2TP SCCRP has no Assigned Tunnel ID");
		refuse(l, STOPCCN_ERROR, ERROR_VALUE, &e);
	} else if (!gateway_proved(l, &e) || (asked && !prove(l, response, &e))) {
		refuse(l, STOPCCN_NOT_AUTHORIZED, 0, &e);
	} else {
		l->channel.window = window == 0 ? 1 : (uint16_t)window;
		l->channel.tries_max = TRIES;
		send_scccn(l, asked ? response : NULL);
		send_icrq(l);
	}
	outbox_log(ob, LEVEL_DEBUG, "L2TP: the gateway is %s, %s", l->host, l->vendor);
}

static void icrp_recv(struct l2tp *l, struct outbox *ob)
{
	uint8_t room[CHANNEL_MESSAGE_MAX];
	struct wr w = wr_init(room, sizeof(room));
	struct err e;

	(void)ob;
	l->session.peer_session = (uint16_t)message_number(&l->in, AVP_ASSIGNED_SESSION_ID, 0);
	if (l->session.peer_session == 0) {
		err_set(&e, ERR_PEER, "the gateway's L2TP ICRP has no Assigned Session ID");
		refuse(l, STOPCCN_ERROR, ERROR_VALUE, &e);
		return;
	}
	message_begin(&w, l->session.peer_tunnel, l->session.peer_session, ICCN);
	avp_u32(&w, AVP_TX_CONNECT_SPEED, 100000000);
	avp_u32(&w, AVP_FRAMING_TYPE, 1); /* synchronous */
	queue(l, &w);
}

static void stopccn_recv(struct l2tp *l, struct outbox *ob)
{
	char words[256];
	struct err e;

	result_words(words, sizeof(words), &l->in);
	err_set(&e, ERR_PEER, "the gateway %s the L2TP tunnel: %s",
		l->state == STATE_WAIT_REPLY ? "refused" : "closed", words);
	tunnel_fail(l, &e);
	tunnel_flush(l, ob); /* it repeats itself until it is told that we heard */
	tunnel_die(l);
}

/* Our only session is gone, so the tunnel has no use. */
static void cdn_recv(struct l2tp *l, struct outbox *ob)
{
	uint32_t theirs = message_number(&l->in, AVP_ASSIGNED_SESSION_ID, 0);
	char words[256];
	struct err e;

	if (theirs != 0 && l->session.peer_session != 0 && theirs != l->session.peer_session) {
		outbox_log(ob, LEVEL_DEBUG, "L2TP: ignored a CDN for a session that is not ours");
		return;
	}
	result_words(words, sizeof(words), &l->in);
	err_set(&e, ERR_PEER, "the gateway %s the L2TP session: %s",
		l->state == STATE_WAIT_SESSION ? "refused" : "ended", words);
	tunnel_fail(l, &e);
	tunnel_send_stop(l, STOPCCN_GENERAL, 0, "");
}

/* A call to or from it: we have nobody to hand it to (section 7.5 and 7.6). */
static void call_recv(struct l2tp *l, struct outbox *ob)
{
	uint16_t theirs = (uint16_t)message_number(&l->in, AVP_ASSIGNED_SESSION_ID, 0);

	outbox_log(ob, LEVEL_INFO, "L2TP: refused a call of the gateway's (%s)",
		message_name(l->in.type));
	tunnel_send_cdn(l, theirs, 0, CDN_NO_FACILITIES, 0, "");
}

static void nothing(struct l2tp *l, struct outbox *ob)
{
	(void)l;
	(void)ob;
}

#define BIT(s) (1u << (s))

enum {
	OPEN = BIT(STATE_WAIT_SESSION) | BIT(STATE_UP),
	ANY = BIT(STATE_WAIT_REPLY) | OPEN | BIT(STATE_CLOSING),
};

/* What may come when; next is where it leads unless the step ended it. All else is out of order. */
static const struct row {
	uint16_t type;
	unsigned states;
	enum state next; /* STATE_NEW: the same */
	void (*recv)(struct l2tp *l, struct outbox *ob);
	const char *story;
} rows[] = {
	{ SCCRP, BIT(STATE_WAIT_REPLY), STATE_WAIT_SESSION, sccrp_recv, "opening an L2TP session" },
	{ ICRP, BIT(STATE_WAIT_SESSION), STATE_UP, icrp_recv, "" },
	{ STOPCCN, ANY, STATE_NEW, stopccn_recv, NULL },
	{ CDN, OPEN, STATE_NEW, cdn_recv, NULL },
	{ HELLO, ANY, STATE_NEW, nothing, NULL },
	{ SLI, OPEN, STATE_NEW, nothing, NULL }, /* characters to be escaped: here none are */
	{ OCRQ, OPEN, STATE_NEW, call_recv, NULL },
	{ ICRQ, OPEN, STATE_NEW, call_recv, NULL },
};

static const struct row *row_find(const struct l2tp *l, uint16_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type && (rows[i].states & BIT(l->state)))
			return &rows[i];
	return NULL;
}

/* --- which step ------------------------------------------------------------------------------------------------ */

/* Section 4.1: what must be understood and is not ends it. */
static void foreign_avp(struct l2tp *l)
{
	const struct message *m = &l->in;
	const struct avp_row *row = m->foreign_vendor == 0 ? avp_row(m->foreign_type) : NULL;
	struct err e;

	if (m->foreign_hidden)
		err_set(&e, ERR_PEER,
			"the gateway hides the %s of its L2TP %s with a secret that %s",
			row ? row->name : "AVP", message_name(m->type),
			l->config->secret ? "is not the profile's" : "the profile does not have");
	else
		err_set(&e, ERR_PEER,
			"the gateway's L2TP %s demands that we understand attribute %u of "
			"vendor %u",
			message_name(m->type), m->foreign_type, m->foreign_vendor);
	refuse(l, STOPCCN_ERROR, ERROR_UNKNOWN_AVP, &e);
}

static void out_of_order(struct l2tp *l, struct outbox *ob)
{
	const struct message *m = &l->in;
	struct err e;

	/* Calls and sessions that are over leave messages behind; so does a type that may be ignored. */
	if (l->state == STATE_CLOSING || m->type == CDN || m->type == WEN || !m->type_mandatory) {
		outbox_log(
			ob, LEVEL_DEBUG, "L2TP: ignored %s (%u)", message_name(m->type), m->type);
		return;
	}
	err_set(&e, ERR_PEER, "the gateway sent an L2TP %s (%u) out of order",
		message_name(m->type), m->type);
	refuse(l, STOPCCN_FSM, 0, &e);
}

void tunnel_deliver(struct l2tp *l, struct bytes body, struct outbox *ob)
{
	struct err e;

	if (!message_read(&l->in, body, l->config->secret, &e)) {
		refuse(l, STOPCCN_ERROR, ERROR_LENGTH, &e);
		return;
	}
	for (uint16_t type = 0; l->in.misfits && type < AVP_COUNT; type++)
		if (l->in.misfits & 1ull << type)
			outbox_log(ob, LEVEL_INFO,
				"L2TP: ignored the %s in the gateway's %s: its size is wrong",
				avp_row(type)->name, message_name(l->in.type));
	const struct row *row = row_find(l, l->in.type);
	if (l->in.foreign && l->state != STATE_CLOSING && l->in.type != STOPCCN &&
		l->in.type != CDN) {
		foreign_avp(l);
	} else if (!row) {
		out_of_order(l, ob);
	} else {
		enum state was = l->state;
		row->recv(l, ob);
		if (l->state != was || row->next == STATE_NEW)
			return;
		l->state = row->next;
		l->story = row->story;
	}
}
