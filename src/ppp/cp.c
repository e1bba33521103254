#include "cp.h"

#include <string.h>

#include "ppp_private.h"

/*  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |     Code      |  Identifier   |            Length             |
 * +---------------+---------------+-------------------------------+
 * |  Configure-*: options (type, length of the whole option, value), others: data
 * +--------------------------------                    (section 5) */

/* What the automaton may send in answer to the packet that it is given. */
struct reply {
	uint8_t code, id;
	struct bytes data;
};

void cp_init(struct cp *c, const struct cp_protocol *protocol)
{
	*c = (struct cp){ .protocol = protocol, .state = FSM_INITIAL, .timer = TIME_NEVER };
}

bool cp_endless(const struct cp *c)
{
	return c->turns > CP_TURNS_MAX || c->ups > CP_UPS_MAX;
}

bool cp_read(struct cp_packet *k, struct bytes info)
{
	struct rd r = rd_init(info.p, info.n);

	k->code = rd_u8(&r);
	k->id = rd_u8(&r);
	uint16_t len = rd_u16(&r);
	if (r.bad || len < CP_HEADER_LEN || len > info.n)
		return false;
	k->data = (struct bytes){ r.p, len - CP_HEADER_LEN }; /* what is behind it is padding */
	return true;
}

/* --- what the automaton does ------------------------------------------------------------------ */

static void write_request(struct ppp *p, struct cp *c)
{
	struct wr w = wr_init(c->request, sizeof(c->request));

	for (size_t i = 0; i < c->protocol->n_options; i++) {
		const struct cp_option *o = &c->protocol->options[i];
		size_t at = w.len;
		if (!o->ask || (c->refused & 1u << i))
			continue;
		wr_u8(&w, o->type);
		wr_u8(&w, 0);
		if (o->ask(p, &w))
			wr_patch_u8(&w, at + 1, (uint8_t)(w.len - at));
		else
			w.len = at;
	}
	c->request_len = w.len;
}

static void send_request(struct ppp *p, struct cp *c, enum fsm_event event)
{
	write_request(p, c);
	/* Sent again it stays the same request: a late answer to the first one is good (5.1). */
	if (event != FSM_TO_MORE)
		c->request_id = ++c->id;
	c->pending = true;
	c->turns++;
	frame_packet(p, c->protocol->number, CP_CONFIGURE_REQUEST, c->request_id,
		(struct bytes){ c->request, c->request_len });
}

static void count(struct cp *c, unsigned actions)
{
	if (actions & FSM_IRC) {
		c->tries_left = actions & FSM_STR ? CP_MAX_TERMINATE : CP_MAX_CONFIGURE;
		c->tries = 0;
	}
	if (actions & FSM_ZRC)
		c->tries_left = c->tries = 0;
	if (actions & (FSM_SCR | FSM_STR)) {
		c->tries_left -= c->tries_left > 0;
		c->tries++;
	}
}

static void count_up(struct cp *c, uint64_t now)
{
	if (now - c->ups_from >= CP_UPS_MS) {
		c->ups_from = now;
		c->ups = 0;
	}
	c->ups++;
}

static void set_timer(struct ppp *p, struct cp *c, unsigned actions)
{
	unsigned before = c->tries > 1 ? c->tries - 1 : 0;
	uint64_t wait = (uint64_t)RESTART_FIRST_MS << (before < 8 ? before : 8);

	if (actions & (FSM_SCR | FSM_STR | FSM_ZRC))
		c->timer = p->now + (wait < RESTART_MS ? wait : RESTART_MS);
	else if (actions & FSM_IRC && c->state == FSM_ACK_RCVD)
		c->timer = p->now + RESTART_MS; /* it is the gateway's turn: no haste */
	else if (!fsm_timed(c->state))
		c->timer = TIME_NEVER;
}

static unsigned perform(
	struct ppp *p, struct cp *c, enum fsm_event event, const struct reply *reply)
{
	unsigned actions = fsm_step(&c->state, event);

	count(c, actions);
	if (actions & FSM_SCR)
		send_request(p, c, event);
	if (actions & FSM_STR)
		frame_packet(p, c->protocol->number, CP_TERMINATE_REQUEST, ++c->id,
			(struct bytes){ "", 0 });
	if (reply && (actions & (FSM_SCA | FSM_SCN | FSM_STA | FSM_SCJ | FSM_SER)))
		frame_packet(p, c->protocol->number, reply->code, reply->id, reply->data);
	set_timer(p, c, actions);
	if (actions & FSM_TLU) {
		c->turns = 0;
		count_up(c, p->now);
	}
	return actions & (FSM_TLU | FSM_TLD | FSM_TLS | FSM_TLF);
}

unsigned cp_event(struct ppp *p, struct cp *c, enum fsm_event event)
{
	if (event == FSM_UP) { /* a new link: what was said on the last one is forgotten */
		c->refused = 0;
		c->failures = 0;
		c->acked_len = 0;
		c->pending = false;
	}
	return perform(p, c, event, NULL);
}

unsigned cp_tick(struct ppp *p, struct cp *c)
{
	if (p->now < c->timer)
		return 0;
	return perform(p, c, c->tries_left > 0 ? FSM_TO_MORE : FSM_TO_LAST, NULL);
}

/* --- options ------------------------------------------------------------------------------------ */

struct option {
	uint8_t type;
	struct bytes whole;
	struct rd value;
};

/* The next one. A reader that went bad had a length that cannot be. */
static bool next_option(struct rd *r, struct option *o)
{
	const uint8_t *start = r->p;

	if (r->left == 0)
		return false;
	o->type = rd_u8(r);
	size_t len = rd_u8(r);
	if (len < 2)
		r->bad = true;
	o->value = rd_sub(r, len - 2);
	o->whole = (struct bytes){ start, len };
	return !r->bad;
}

static bool options_valid(struct bytes data)
{
	struct rd r = rd_init(data.p, data.n);
	struct option o;

	while (next_option(&r, &o))
		;
	return rd_done(&r);
}

/* The row of an option whose length is possible, or NULL. */
static const struct cp_option *find_option(const struct cp *c, const struct option *o)
{
	for (size_t i = 0; i < c->protocol->n_options; i++) {
		const struct cp_option *row = &c->protocol->options[i];
		if (row->type == o->type)
			return o->whole.n >= row->min && o->whole.n <= row->max ? row : NULL;
	}
	return NULL;
}

static enum cp_verdict judge(struct ppp *p, struct cp *c, const struct option *o, struct wr *nak)
{
	const struct cp_option *row = find_option(c, o);
	size_t at = nak->len;

	if (!row || !row->judge)
		return CP_REJ;
	wr_u8(nak, o->type);
	wr_u8(nak, 0);
	enum cp_verdict v = row->judge(p, o->value, nak);
	if (v == CP_NAK)
		wr_patch_u8(nak, at + 1, (uint8_t)(nak->len - at));
	else
		nak->len = at;
	/* Max-Failure: it does not converge, so the option goes (section 4.6). */
	return v == CP_NAK && c->failures >= CP_MAX_FAILURE ? CP_REJ : v;
}

bool cp_refused(const struct cp *c, uint8_t type)
{
	for (size_t i = 0; i < c->protocol->n_options; i++)
		if (c->protocol->options[i].type == type)
			return c->refused & 1u << i;
	return false;
}

/* --- packets ------------------------------------------------------------------------------------ */

/* The same request again, just after it opened the layer: our acknowledgement was lost, or overtaken.
 * It is sent once more, for the table would have all begin anew, the login too, while old packets
 * are still under way. Not more than CP_REPEATS_MAX times: if that does not help the gateway, the
 * table will. */
static bool is_repeated(struct cp *c, const struct cp_packet *k)
{
	return c->state == FSM_OPENED && c->acked_len > 0 && k->id == c->acked_id &&
		k->data.n == c->acked_len && memcmp(k->data.p, c->acked, c->acked_len) == 0 &&
		c->repeats++ < CP_REPEATS_MAX;
}

static void note_acked(struct cp *c, const struct cp_packet *k)
{
	c->failures = 0;
	c->repeats = 0;
	c->acked_id = k->id;
	c->acked_len = k->data.n <= sizeof(c->acked) ? k->data.n : 0;
	if (c->acked_len > 0)
		memcpy(c->acked, k->data.p, c->acked_len);
}

static unsigned recv_request(struct ppp *p, struct cp *c, const struct cp_packet *k)
{
	uint8_t nak_room[2 * CP_INFO_MAX], rej_room[CP_INFO_MAX];
	struct wr nak = wr_init(nak_room, sizeof(nak_room)),
		  rej = wr_init(rej_room, sizeof(rej_room));
	struct rd r = rd_init(k->data.p, k->data.n);
	struct reply reply = { CP_CONFIGURE_ACK, k->id, k->data };
	struct option o;

	if (k->data.n > CP_INFO_MAX || !options_valid(k->data))
		return 0;
	if (is_repeated(c, k)) {
		frame_packet(p, c->protocol->number, CP_CONFIGURE_ACK, k->id, k->data);
		return 0;
	}
	c->turns++;
	if (fsm_timed(c->state) && c->state >= FSM_REQ_SENT)
		c->tries_left = CP_MAX_CONFIGURE; /* it lives: now only the turns are counted */
	c->protocol->forget(p);
	while (next_option(&r, &o))
		if (judge(p, c, &o, &nak) == CP_REJ)
			wr_bytes(&rej, o.whole.p, o.whole.n);
	if (rej.len > 0) { /* section 5.4: rejections come first, alone */
		reply = (struct reply){ CP_CONFIGURE_REJECT, k->id, { rej_room, rej.len } };
	} else if (nak.len > 0) {
		c->failures++;
		reply = (struct reply){ CP_CONFIGURE_NAK, k->id, { nak_room, nak.len } };
	} else {
		note_acked(c, k);
	}
	return perform(p, c, reply.code == CP_CONFIGURE_ACK ? FSM_RCR_GOOD : FSM_RCR_BAD, &reply);
}

/* Sections 5.2 to 5.4: an answer counts once, to the last request. */
static bool is_answer(const struct cp *c, const struct cp_packet *k)
{
	return c->pending && k->id == c->request_id;
}

static unsigned recv_ack(struct ppp *p, struct cp *c, const struct cp_packet *k)
{
	if (!is_answer(c, k) || k->data.n != c->request_len ||
		memcmp(k->data.p, c->request, c->request_len) != 0)
		return 0;
	c->pending = false;
	return perform(p, c, FSM_RCA, &(struct reply){ CP_TERMINATE_ACK, k->id, { "", 0 } });
}

static unsigned recv_nak(struct ppp *p, struct cp *c, const struct cp_packet *k)
{
	struct rd r = rd_init(k->data.p, k->data.n);
	struct option o;

	if (!is_answer(c, k) || !options_valid(k->data))
		return 0;
	while (next_option(&r, &o)) {
		const struct cp_option *row = find_option(c, &o);
		if (!row || !row->ask) /* it may ask for options of its own liking (section 5.3) */
			continue;
		if (k->code == CP_CONFIGURE_NAK && row->naked)
			row->naked(p, o.value);
		else
			c->refused |= 1u << (row - c->protocol->options);
	}
	c->pending = false;
	return perform(p, c, FSM_RCN, &(struct reply){ CP_TERMINATE_ACK, k->id, { "", 0 } });
}

static unsigned recv_unknown(struct ppp *p, struct cp *c, const struct cp_packet *k)
{
	uint8_t room[CP_INFO_MAX];
	struct wr w = wr_init(room, sizeof(room));
	size_t most = sizeof(room) - CP_HEADER_LEN - CP_HEADER_LEN;

	wr_u8(&w, k->code);
	wr_u8(&w, k->id);
	wr_u16(&w, (uint16_t)(CP_HEADER_LEN + k->data.n));
	wr_bytes(&w, k->data.p, k->data.n < most ? k->data.n : most);
	return perform(p, c, FSM_RUC, &(struct reply){ CP_CODE_REJECT, ++c->id, { room, w.len } });
}

/* Section 5.6: what the gateway does not know. Without the first seven there is no negotiating. */
static unsigned recv_code_reject(struct ppp *p, struct cp *c, const struct cp_packet *k)
{
	struct rd r = rd_init(k->data.p, k->data.n);
	uint8_t code = rd_u8(&r);

	if (r.bad)
		return 0;
	return perform(p, c, code <= CP_CODE_REJECT ? FSM_RXJ_FATAL : FSM_RXJ_HARMLESS, NULL);
}

unsigned cp_input(struct ppp *p, struct cp *c, const struct cp_packet *k)
{
	switch (k->code) {
	case CP_CONFIGURE_REQUEST:
		return recv_request(p, c, k);
	case CP_CONFIGURE_ACK:
		return recv_ack(p, c, k);
	case CP_CONFIGURE_NAK:
	case CP_CONFIGURE_REJECT:
		return recv_nak(p, c, k);
	case CP_TERMINATE_REQUEST:
		return perform(
			p, c, FSM_RTR, &(struct reply){ CP_TERMINATE_ACK, k->id, { "", 0 } });
	case CP_TERMINATE_ACK:
		return perform(p, c, FSM_RTA, NULL);
	case CP_CODE_REJECT:
		return recv_code_reject(p, c, k);
	default:
		return recv_unknown(p, c, k);
	}
}

/* Section 5.8: the magic number is the sender's, the data is sent back. */
unsigned cp_input_echo(struct ppp *p, struct cp *c, const struct cp_packet *k, uint32_t magic)
{
	uint8_t room[CP_INFO_MAX];
	struct wr w = wr_init(room, sizeof(room));
	struct rd r = rd_init(k->data.p, k->data.n);
	size_t most = sizeof(room) - CP_HEADER_LEN - CP_HEADER_LEN;

	rd_u32(&r);
	if (r.bad)
		return 0;
	wr_u32(&w, magic);
	wr_bytes(&w, r.p, r.left < most ? r.left : most);
	struct reply reply = { CP_ECHO_REPLY, k->id, { room, w.len } };
	return perform(p, c, FSM_RXR, k->code == CP_ECHO_REQUEST ? &reply : NULL);
}
