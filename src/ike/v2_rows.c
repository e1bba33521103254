#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * The table of messages, and how each finds its step: header, SA, protection, message ID, row.
 *
 * Nothing before the step changes any state, but for replies sent again; and nothing that is not
 * authentic reaches a step, but for what opens an IKE SA.
 */

/* Answers, by what the outstanding request is about, and the exchange that it is. The story is what the user sees
 * while it runs. */
static const struct answer_row {
	enum v2_task task;
	uint8_t exchange;
	const char *story;
	uint32_t required; /* unless there is an error notify */
	bool (*step)(struct step *s);
} answers[] = {
	{ TASK_INIT, IKE_SA_INIT, "agreeing on keys", 0, v2_init_recv },
	{ TASK_RESUME, IKE_SESSION_RESUME, "resuming the session", 0, v2_resume_recv },
	{ TASK_INTERMEDIATE, IKE_INTERMEDIATE, "agreeing on further keys", PBIT(PAYLOAD_KE),
		v2_inter_recv },
	{ TASK_AUTH, IKE_AUTH, "proving who is who", 0, v2_auth_recv },
	{ TASK_RESUME_AUTH, IKE_AUTH, "", 0, v2_resume_auth_recv },
	{ TASK_EAP, IKE_AUTH, "logging in", PBIT(PAYLOAD_EAP), v2_eap_recv },
	{ TASK_FINISH, IKE_AUTH, "finishing the login", PBIT(PAYLOAD_AUTH), v2_finish_recv },
	{ TASK_NEW_CHILD, CREATE_CHILD_SA, "making a further child SA",
		PBIT(PAYLOAD_SA) | PBIT(PAYLOAD_NONCE) | PBIT(PAYLOAD_TSi) | PBIT(PAYLOAD_TSr),
		v2_child_recv },
	{ TASK_NEW_CHILD, IKE_FOLLOWUP_KE, "", PBIT(PAYLOAD_KE), v2_child_series_recv },
	{ TASK_REKEY_CHILD, CREATE_CHILD_SA, "rekeying the child SA",
		PBIT(PAYLOAD_SA) | PBIT(PAYLOAD_NONCE) | PBIT(PAYLOAD_TSi) | PBIT(PAYLOAD_TSr),
		v2_child_recv },
	{ TASK_REKEY_CHILD, IKE_FOLLOWUP_KE, "", PBIT(PAYLOAD_KE), v2_child_series_recv },
	{ TASK_REKEY_IKE, CREATE_CHILD_SA, "rekeying the IKE SA",
		PBIT(PAYLOAD_SA) | PBIT(PAYLOAD_NONCE) | PBIT(PAYLOAD_KE), v2_rekey_recv },
	{ TASK_REKEY_IKE, IKE_FOLLOWUP_KE, "", PBIT(PAYLOAD_KE), v2_rekey_series_recv },
	{ TASK_DELETE_CHILD, INFORMATIONAL, "deleting a child SA", 0, v2_delete_child_recv },
	{ TASK_DELETE_IKE, INFORMATIONAL, "saying goodbye", 0, v2_delete_ike_recv },
	{ TASK_DPD, INFORMATIONAL, "asking whether the gateway lives", 0, v2_dpd_recv },
	{ TASK_MOVE, INFORMATIONAL, "telling the gateway where this machine is", 0, v2_move_recv },
	{ TASK_TICKET, INFORMATIONAL, "asking for a ticket", 0, v2_ticket_recv },
};

#define STATE(s) (UINT32_C(1) << (s))

/* Requests of the gateway, by exchange, and the states in which they have a meaning. */
static const struct request_row {
	uint8_t exchange;
	uint32_t states;
	uint32_t required;
	bool (*step)(struct step *s);
} requests[] = {
	{ CREATE_CHILD_SA, STATE(V2_UP) | STATE(V2_REPLACED) | STATE(V2_DELETING),
		PBIT(PAYLOAD_SA) | PBIT(PAYLOAD_NONCE), v2_create_request },
	{ IKE_FOLLOWUP_KE, STATE(V2_UP) | STATE(V2_REPLACED) | STATE(V2_DELETING), 0,
		v2_followup_request },
	{ INFORMATIONAL, STATE(V2_UP) | STATE(V2_REPLACED) | STATE(V2_DELETING), 0,
		v2_info_request },
};

static const struct answer_row *answer_row(const struct request *r)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (answers[i].task == r->task && answers[i].exchange == r->exchange)
			return &answers[i];
	return NULL;
}

const char *v2_story(enum v2_task task)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (answers[i].task == task)
			return answers[i].story;
	return "";
}

static void drop(const struct datagram *d, const struct err *e, struct outbox *ob)
{
	char from[ADDR_TEXT_MAX];

	outbox_log(ob, LEVEL_DEBUG, "ignored a message from %s: %s",
		addr_port_text(from, &d->remote), e->text);
}

static const char *exchange_text(const struct ike_hdr *h)
{
	const char *name = name_find(exchange_names, h->exchange);

	return name ? name : "unknown";
}

/* A message for one of our SAs, before it is known whether it is authentic: `drop` says if not. */
static void log_received(const struct ike_hdr *h, const struct datagram *d, struct outbox *ob)
{
	outbox_log(ob, LEVEL_DEBUG, "received %s %s %u, %zu octets", exchange_text(h),
		h->flags & FLAG_RESPONSE ? "response" : "request", h->mid, d->len);
}

/* --- IKE_SA_INIT and IKE_SESSION_RESUME: not protected -------------------------------------------- */

/* What cannot be used is remembered as a hint, and a genuine answer may still come (2.21.1). A ticket that is of no
 * use costs a new login and no more, whoever says so. */
static void take_hint(struct v2 *v, const struct err *e, struct outbox *ob)
{
	struct handshake *hs = v->hs;

	outbox_log(ob, LEVEL_INFO, "%s", e->text);
	if (e->kind == ERR_DROP || hs->hint.kind != ERR_NONE)
		return;
	hs->hint = *e;
	hs->hint_until = v->now + (hs->no_use ? 0 : HINT_WAIT_MS);
}

/* An error in the clear after keys exist: explains a silence, if it stays silent. From a gateway that has
 * proved itself we would know better: it is nobody's word. */
static void take_late_hint(struct v2 *v, const struct ike_hdr *h, const struct payloads *p)
{
	char name[NOTIFY_TEXT_MAX];
	struct notify n;

	if (!v->hs || v->proved || v->hs->hint.kind != ERR_NONE || !notify_find_error(p, &n))
		return;
	err_notify(&v->hs->hint, ERR_PEER, n.type, "the gateway answers %s, unprotected, with %s",
		exchange_text(h), notify_text(name, n.type));
	v->hs->hint_until = TIME_NEVER;
}

static bool read_plain(
	struct payloads *p, const struct ike_hdr *h, struct bytes chain, struct err *e)
{
	uint8_t inner, unknown;
	bool ok = payloads_read(p, h->next, chain, &inner, &unknown, e);

	e->notify = 0; /* what we find fault with, not what the gateway said */
	return ok;
}

static void opening_answer(
	struct v2 *v, const struct ike_hdr *h, const struct datagram *d, struct outbox *ob)
{
	const struct answer_row *row = answer_row(&v->sa->req);
	bool waits = row && v2_opens(row->task) && row->exchange == h->exchange;
	struct payloads *p = malloc(sizeof(*p));
	struct err e = { 0 };
	struct bytes chain = { d->data + IKE_HDR_LEN, d->len - IKE_HDR_LEN };
	struct step s = { .v = v,
		.sa = v->sa,
		.h = h,
		.p = p,
		.raw = { d->data, d->len },
		.dg = d,
		.ob = ob,
		.next = v->sa->state,
		.e = &e };

	if (!p)
		return;
	if (!v->natt && waits && knock_answered(&v->sa->req.rexmit, &v->path, d))
		v2_natt_knocked(v, d, ob);
	if (!waits || h->mid != 0 || !addr_same(&d->remote, &v->path.remote)) {
		err_set(&e, ERR_DROP, "an %s answer that nobody waits for", exchange_text(h));
		drop(d, &e, ob);
	} else if (!read_plain(p, h, chain, &e) || !row->step(&s)) {
		if (e.kind == ERR_LOCAL || e.kind == ERR_BUG || e.kind == ERR_CONFIG)
			v2_fail(v, &e, ob);
		else
			take_hint(v, &e, ob);
	} else {
		if (s.next != v->sa->state)
			v->hs->hint.kind = ERR_NONE;
		v2_sa_next(v, v->sa, s.next, ob);
	}
	free(p);
}

/* --- everything else: protected ------------------------------------------------------------------ */

/* The decrypted message: its payloads, and the memory they point into. */
struct opened {
	uint8_t *copy, *whole;
	struct content content;
	struct payloads p;
	bool partial; /* a fragment, and not the last one that was missing */
};

static void opened_free(struct opened *o)
{
	if (!o)
		return;
	free(o->copy);
	free(o->whole);
	free(o);
}

static bool open_fragment(struct v2_sa *sa, const struct ike_hdr *h, const struct payload *skf,
	struct opened *o, struct err *e)
{
	struct content part = o->content;
	struct rd r = rd_init(skf->body.p, 4);
	uint16_t number = rd_u16(&r), total = rd_u16(&r);

	if (!sa->fragments)
		return err_set(e, ERR_DROP, "a fragment, though nobody agreed on fragmentation");
	if (!v2_reassemble(&sa->partial[(h->flags & FLAG_RESPONSE) != 0], h->mid, number, total,
		    &part, &o->whole, &o->content, e))
		return false;
	return o->whole || err_set(e, ERR_DROP, "fragment %u of %u", number, total);
}

/* RFC 9242 section 3.3.2 has payloads before SK signed as well. Nothing defines any, so there are none. */
static bool outside_fits(const struct ike_hdr *h, const struct payloads *p, struct err *e)
{
	return h->exchange != IKE_INTERMEDIATE || p->n == 1 ||
		err_set(e, ERR_DROP, "an IKE_INTERMEDIATE message with payloads in the clear");
}

/* Opens SK or SKF and splits what is inside. *authentic tells, also on failure, that the message
 * was the gateway's. */
static bool open_message(struct v2_sa *sa, const struct ike_hdr *h, const struct datagram *d,
	struct opened *o, bool *authentic, uint8_t *unknown, struct err *e)
{
	struct content *c = &o->content;
	struct bytes chain;
	uint8_t none;

	*authentic = false;
	o->copy = malloc(d->len);
	if (!o->copy)
		return err_set(e, ERR_LOCAL, "out of memory");
	memcpy(o->copy, d->data, d->len);
	chain = (struct bytes){ o->copy + IKE_HDR_LEN, d->len - IKE_HDR_LEN };
	if (!payloads_read(&o->p, h->next, chain, &c->first, unknown, e))
		return err_set(e, ERR_DROP, "the outside of a protected message is malformed");
	const struct payload *sk = o->p.n ? &o->p.v[o->p.n - 1] : NULL;
	if (!sk || (sk->type != PAYLOAD_SK && sk->type != PAYLOAD_SKF))
		return err_set(e, ERR_DROP, "an unprotected %s message", exchange_text(h));
	struct payload last = *sk;
	if (!outside_fits(h, &o->p, e) || !v2_open(sa, o->copy, d->len, &last, &c->octets, e))
		return false;
	c->reserved = ((const uint8_t *)last.body.p)[-3];
	*authentic = true;
	o->partial = last.type == PAYLOAD_SKF && !open_fragment(sa, h, &last, o, e);
	if (o->partial)
		return false;
	if (!payloads_read(&o->p, c->first, c->octets, &none, unknown, e))
		return false;
	if (payload_find(&o->p, PAYLOAD_SK) || payload_find(&o->p, PAYLOAD_SKF))
		return err_set(e, ERR_DROP, "an encrypted payload inside another");
	return true;
}

static bool complete(const struct payloads *p, uint32_t required, struct err *e)
{
	uint32_t missing = required & ~payloads_set(p);

	for (uint8_t type = 33; type < 64; type++)
		if (missing & payload_bit(type))
			return err_notify(e, ERR_PEER, INVALID_SYNTAX,
				"the gateway's message lacks %s", name_find(payload_names, type));
	return true;
}

static void protected_answer(struct v2 *v, struct v2_sa *sa, const struct ike_hdr *h,
	const struct datagram *d, struct outbox *ob)
{
	const struct answer_row *row = answer_row(&sa->req);
	struct opened *o = calloc(1, sizeof(*o));
	bool authentic;
	uint8_t unknown;
	struct notify n;
	struct err e = { 0 };
	struct step s = { .v = v, .sa = sa, .h = h, .dg = d, .ob = ob, .next = sa->state, .e = &e };

	if (!o)
		return;
	s.p = &o->p;
	s.content = &o->content;
	if (!row || v2_opens(row->task) || h->mid != sa->req.mid || h->exchange != row->exchange) {
		err_set(&e, ERR_DROP, "an answer that nobody waits for");
		drop(d, &e, ob);
	} else if (!open_message(sa, h, d, o, &authentic, &unknown, &e)) {
		e.notify = 0; /* what we find fault with, not what the gateway said */
		if (authentic)
			v->heard_at = v->now;
		if (!authentic)
			take_late_hint(v, h, &o->p);
		if (e.kind == ERR_DROP || !authentic)
			drop(d, &e, ob);
		else
			v2_fail(v, &e, ob);
	} else {
		v->heard_at = v->now;
		bool whole = notify_find_error(&o->p, &n) || complete(&o->p, row->required, &e);
		e.notify = 0;
		if (!whole || !row->step(&s))
			v2_fail(v, &e, ob);
		else
			v2_sa_next(v, sa, s.next, ob);
	}
	opened_free(o);
}

/* A request that fails gets a notify, and nothing has changed (section 2.21.3). INVALID_SYNTAX ends the IKE SA for the
 * gateway: what fails for want of room here is no reason for that. */
static void write_error(
	struct ikew *k, uint8_t *buf, size_t cap, const struct err *e, uint8_t unknown)
{
	struct bytes data = { &unknown, e->notify == UNSUPPORTED_CRITICAL_PAYLOAD ? 1 : 0 };
	uint16_t type = e->kind == ERR_LOCAL ? TEMPORARY_FAILURE : INVALID_SYNTAX;

	ikew_chain(k, buf, cap);
	ikew_notify(k, 0, e->notify ? e->notify : type, (struct bytes){ 0 }, data);
}

static void send_reply(
	struct v2 *v, struct v2_sa *sa, const struct ike_hdr *h, struct ikew *k, struct outbox *ob)
{
	size_t len;

	kept_free(&sa->reply);
	sa->replied = ikew_end(k, &len) &&
		v2_seal(v, sa, h->exchange, true, h->mid, k->first,
			(struct bytes){ k->w.base, len }, v2_fragment_size(v, false), &sa->reply,
			NULL);
	sa->mid_in = h->mid + 1;
	if (!sa->replied)
		return;
	v2_transmit(v, &sa->reply, ob);
	outbox_log(ob, LEVEL_DEBUG, "sent %s response %u, %zu octets in %zu datagram%s",
		exchange_text(h), h->mid, len, sa->reply.n, plural(sa->reply.n));
}

static bool run_request(struct step *s)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		const struct request_row *row = &requests[i];
		if (row->exchange == s->h->exchange && row->states & STATE(s->sa->state))
			return complete(s->p, row->required, s->e) && row->step(s);
	}
	return err_notify(
		s->e, ERR_PEER, INVALID_SYNTAX, "exchange %u has no place here", s->h->exchange);
}

static void answer_request(struct v2 *v, struct v2_sa *sa, const struct ike_hdr *h,
	const struct datagram *d, const struct payloads *p, bool readable, uint8_t unknown,
	struct err *e, struct outbox *ob)
{
	uint8_t *buf = malloc(MESSAGE_OUT_MAX);
	struct ikew k;
	struct step s = { .v = v,
		.sa = sa,
		.h = h,
		.p = p,
		.dg = d,
		.ob = ob,
		.next = sa->state,
		.reply = &k,
		.e = e };

	if (!buf)
		return;
	ikew_chain(&k, buf, MESSAGE_OUT_MAX);
	if (!readable || !run_request(&s)) {
		outbox_log(ob, LEVEL_INFO, "refused a request of the gateway: %s", e->text);
		write_error(&k, buf, MESSAGE_OUT_MAX, e, unknown);
	}
	send_reply(v, sa, h, &k, ob);
	free(buf);
	v2_sa_next(v, sa, s.next, ob);
}

/* A request of the gateway: new, or the last one again because our reply was lost. */
static void protected_request(struct v2 *v, struct v2_sa *sa, const struct ike_hdr *h,
	const struct datagram *d, struct outbox *ob)
{
	struct opened *o = calloc(1, sizeof(*o));
	bool again = sa->replied && h->mid == sa->mid_in - 1, authentic = false, readable;
	uint8_t unknown = 0;
	struct err e = { 0 };

	if (!o)
		return;
	if (sa->state < V2_UP || (h->mid != sa->mid_in && !again)) {
		err_set(&e, ERR_DROP, "a request with message ID %u out of order", h->mid);
		drop(d, &e, ob);
		free(o);
		return;
	}
	readable = open_message(sa, h, d, o, &authentic, &unknown, &e);
	if (authentic && !again) /* whoever recorded the last one can send it for ever */
		v->heard_at = v->now;
	if (!readable && (!authentic || e.kind == ERR_LOCAL || o->partial))
		drop(d, &e, ob);
	else if (again)
		v2_transmit(v, &sa->reply, ob);
	else
		answer_request(v, sa, h, d, &o->p, readable, unknown, &e, ob);
	opened_free(o);
}

void v2_dispatch(struct v2 *v, const struct datagram *d, struct outbox *ob)
{
	struct err e = { 0 };
	struct ike_hdr h;

	if (d->len > IKE_DATAGRAM_MAX || !ike_hdr_read(&h, (struct bytes){ d->data, d->len }, &e)) {
		drop(d, &e, ob);
		return;
	}
	bool response = h.flags & FLAG_RESPONSE;
	struct v2_sa *sa = v2_sa_find(v, h.spi_i, h.spi_r);
	if (h.exchange == IKE_SA_INIT || h.exchange == IKE_SESSION_RESUME) {
		if (response && !(h.flags & FLAG_INITIATOR) && v->hs && v->sa &&
			memcmp(h.spi_i, v->sa->spi_i, IKE_SPI_LEN) == 0) {
			log_received(&h, d, ob);
			opening_answer(v, &h, d, ob);
		}
		return;
	}
	/* Unknown SPIs get no answer at all; and our own messages, reflected, have the wrong flag. */
	if (!sa || !sa->open || ((h.flags & FLAG_INITIATOR) != 0) == sa->initiator)
		return;
	log_received(&h, d, ob);
	if (response)
		protected_answer(v, sa, &h, d, ob);
	else
		protected_request(v, sa, &h, d, ob);
}
