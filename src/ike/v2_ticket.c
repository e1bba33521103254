#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * Tickets, RFC 5723 sections 4.1, 4.2 and 6.2: by which the gateway knows again an IKE SA that was lost. The first is
 * asked for inside IKE_AUTH. One is good for one IKE SA, so after a rekey, or when its time is nearly over:
 *
 *	HDR, SK {N(TICKET_REQUEST)}  -->
 *	                             <--  HDR, SK {N(TICKET_LT_OPAQUE) | N(TICKET_NACK)}
 */

void resumption_free(struct resumption **r)
{
	if (*r)
		wipe(*r, sizeof(**r));
	free(*r);
	*r = NULL;
}

static void forget(struct v2 *v)
{
	if (!v->ticket || v->ticket->ticket_len == 0)
		return;
	v->ticket->ticket_len = 0;
	wipe(v->ticket->ticket, sizeof(v->ticket->ticket));
	secret_wipe(&v->ticket->sk_d);
}

void v2_ticket_void(struct v2 *v)
{
	forget(v);
	v->ticket_at = TIME_NEVER;
	v->want_ticket = v->ticket && v->gives_tickets;
}

static void keep(struct step *s, struct bytes ticket, uint64_t life)
{
	struct v2 *v = s->v;
	struct resumption *t = v->ticket;
	uint64_t again = jittered(life * 9 / 10, v->rng);

	memcpy(t->ticket, ticket.p, ticket.n);
	t->ticket_len = ticket.n;
	t->sk_d = s->sa->sk_d;
	t->suite = s->sa->suite;
	t->quantum_safe = v->quantum_safe || s->sa->quantum_safe;
	t->sha1 = v->sha1;
	t->eap = v->eap;
	memcpy(t->revocation, v->revocation.told, sizeof(t->revocation));
	t->until = v->now + life;
	v->ticket_at = v->now + (again > TICKET_AGAIN_MS ? again : TICKET_AGAIN_MS);
	outbox_log(s->ob, LEVEL_DEBUG, "a ticket of %zu octets, good for %llu s", ticket.n,
		(unsigned long long)(life / 1000));
}

/* Section 7.1. What is of no use is no ticket; the tunnel does not depend on it. */
static void read_ticket(struct step *s, struct bytes data)
{
	struct rd r = rd_init(data.p, data.n);
	uint64_t life = SECONDS(rd_u32(&r));

	if (r.bad || r.left == 0 || r.left > TICKET_MAX || life == 0) {
		outbox_log(s->ob, LEVEL_INFO,
			"the gateway's ticket is of no use: %zu octets, for %llu s", r.left,
			(unsigned long long)(life / 1000));
		return;
	}
	s->v->gives_tickets = true;
	keep(s, (struct bytes){ r.p, r.left },
		life < TICKET_LIFE_MAX_MS ? life : TICKET_LIFE_MAX_MS);
}

static void read_answer(struct step *s)
{
	struct notify n;

	if (notify_find(s->p, TICKET_LT_OPAQUE, &n))
		read_ticket(s, n.data);
	else if (notify_find(s->p, TICKET_NACK, &n))
		outbox_log(s->ob, LEVEL_DEBUG, "the gateway gives no ticket now");
}

void v2_ticket_request(const struct v2 *v, struct ikew *k)
{
	if (v->cfg->resumption)
		ikew_notify(k, 0, TICKET_REQUEST, (struct bytes){ 0 }, (struct bytes){ 0 });
}

/* With TICKET_ACK it had no room for one there, and is asked again. */
void v2_ticket_first(struct step *s)
{
	const struct handshake *hs = s->v->hs;
	struct v2 *v = s->v;
	struct notify n;

	v->ticket = v->cfg->resumption ? calloc(1, sizeof(*v->ticket)) : NULL;
	if (!v->ticket)
		return;
	v->ticket->idi = hs->idi;
	v->ticket->idr = hs->idr;
	v->ticket->bare = hs->from && hs->from->bare;
	read_answer(s);
	v->want_ticket = v->ticket->ticket_len == 0 && notify_find(s->p, TICKET_ACK, &n);
	if (v->ticket->ticket_len == 0 && !v->want_ticket)
		resumption_free(&v->ticket);
}

bool v2_ticket_send(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e)
{
	uint8_t buf[32];
	struct ikew k;

	v->want_ticket = false;
	ikew_chain(&k, buf, sizeof(buf));
	v2_ticket_request(v, &k);
	return v2_request(v, sa, TASK_TICKET, INFORMATIONAL, &k, ob, e);
}

/* The answer may be to an IKE SA that the gateway has rekeyed meanwhile, and has no ticket for any more. */
bool v2_ticket_recv(struct step *s)
{
	v2_request_done(s->sa);
	if (s->v->ticket && s->sa == s->v->sa)
		read_answer(s);
	return true;
}

uint64_t v2_ticket_until(const struct v2 *v)
{
	if (!v->ticket || v->ticket->ticket_len == 0)
		return 0;
	return earliest(v->ticket->until, v->login_ends); /* section 6.2 */
}

void v2_ticket_tick(struct v2 *v)
{
	if (v->now >= v->ticket_at) {
		v->ticket_at = TIME_NEVER;
		v->want_ticket = true;
	}
	if (v->now >= v2_ticket_until(v))
		forget(v);
}

uint64_t v2_ticket_deadline(const struct v2 *v)
{
	uint64_t until = v2_ticket_until(v);

	return until ? earliest(v->ticket_at, until) : v->ticket_at;
}

struct resumption *v2_resumption(struct v2 *v)
{
	struct resumption *t = v->ticket;
	uint64_t until = v2_ticket_until(v);

	if (v->now >= until)
		return NULL;
	t->until = until;
	t->local = v2_local(v);
	t->encap = v->encap;
	v->ticket = NULL;
	return t;
}
