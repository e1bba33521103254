#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * IKE_FOLLOWUP_KE, RFC 9370 section 2.2.4: the additional key exchanges of a CREATE_CHILD_SA, either side
 * first. What it agreed on waits in a struct series; who began says with each which one it means:
 *
 *	HDR, SK {KEi(n), N(ADDITIONAL_KEY_EXCHANGE)(link n)}  -->
 *	                    <--  HDR, SK {KEr(n) [, N(ADDITIONAL_KEY_EXCHANGE)(link n+1)]}
 */

struct series *series_new(const struct suite *suite, const struct v2_fresh *f, struct err *e)
{
	struct series *x = calloc(1, sizeof(*x));

	if (!x) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	x->suite = *suite;
	x->no = suite_addke(suite, 0);
	x->ni_len = f->ni.n;
	memcpy(x->ni, f->ni.p, f->ni.n);
	x->nr_len = f->nr.n;
	memcpy(x->nr, f->nr.p, f->nr.n);
	x->shared.len = f->shared.n;
	if (f->shared.n)
		memcpy(x->shared.data, f->shared.p, f->shared.n);
	return x;
}

void series_free(struct series **s)
{
	struct series *x = *s;

	if (!x)
		return;
	ke_free(x->ke);
	child_free(x->child);
	wipe(x, sizeof(*x));
	free(x);
	*s = NULL;
}

struct v2_fresh series_fresh(const struct series *x, bool initiator)
{
	return (struct v2_fresh){ .ni = { x->ni, x->ni_len },
		.nr = { x->nr, x->nr_len },
		.shared = { x->shared.data, x->shared.len },
		.more = { x->more, x->more_len },
		.initiator = initiator };
}

/* One key exchange is over: its secret joins the others, and the next is due. */
static void add_secret(struct series *x, struct ke_secret *shared)
{
	memcpy(x->more + x->more_len, shared->data, shared->len);
	x->more_len += shared->len;
	x->no = suite_addke(&x->suite, x->no + 1);
	wipe(shared, sizeof(*shared));
}

/* --- ours ------------------------------------------------------------------------------------------- */

static bool take_link(struct step *s, struct series *x)
{
	struct notify n;

	if (!notify_find(s->p, ADDITIONAL_KEY_EXCHANGE, &n) || n.data.n > LINK_MAX)
		return err_set(s->e, ERR_PEER,
			"the gateway's answer does not lead to the additional key exchange that it chose");
	x->link_len = n.data.n;
	if (n.data.n)
		memcpy(x->link, n.data.p, n.data.n);
	return true;
}

bool v2_series_send(struct step *s, struct series *x)
{
	uint8_t buf[KE_PUBLIC_MAX + LINK_MAX + 64];
	enum v2_task task = s->sa->req.task;
	struct ikew k;

	ke_free(x->ke);
	x->ke = NULL;
	if (!take_link(s, x) || !(x->ke = ke_new(x->suite.addke[x->no], s->v->rng, s->e)))
		return false;
	ikew_chain(&k, buf, sizeof(buf));
	v2_ke_write(&k, x->ke);
	ikew_notify(&k, 0, ADDITIONAL_KEY_EXCHANGE, (struct bytes){ 0 },
		(struct bytes){ x->link, x->link_len });
	v2_request_done(s->sa);
	return v2_request(s->v, s->sa, task, IKE_FOLLOWUP_KE, &k, s->ob, s->e);
}

bool v2_series_recv(struct step *s, struct series *x, bool *done)
{
	struct ke_secret shared;
	struct bytes value;

	if (!v2_ke_of(s->p, x->suite.addke[x->no], &value))
		return err_set(s->e, ERR_PEER,
			"the gateway's additional key exchange is not the %s that was agreed on",
			x->suite.addke[x->no]->name);
	if (!ke_shared(x->ke, value, &shared, s->e))
		return false;
	add_secret(x, &shared);
	s->sa->lost_series = 0;
	*done = x->no == ADDKE_MAX;
	return *done || v2_series_send(s, x);
}

bool v2_series_refused(struct step *s, uint16_t type)
{
	series_free(&s->sa->req.offer.series);
	if (type != STATE_NOT_FOUND)
		return true;
	return ++s->sa->lost_series < DETOURS_MAX ||
		err_notify(s->e, ERR_PEER, type,
			"the gateway forgets additional key exchanges that are under way");
}

/* --- the gateway's ------------------------------------------------------------------------------------ */

static void lead_on(struct step *s, struct series *x)
{
	x->link_len = LINK_LEN;
	rng_fill(s->v->rng, x->link, LINK_LEN);
	x->until = s->v->now + SERIES_MS;
	ikew_notify(s->reply, 0, ADDITIONAL_KEY_EXCHANGE, (struct bytes){ 0 },
		(struct bytes){ x->link, x->link_len });
}

void v2_series_keep(struct step *s, struct series *x)
{
	series_free(&s->sa->theirs);
	s->sa->theirs = x;
	lead_on(s, x);
}

static bool is_meant(const struct step *s, const struct series *x)
{
	struct notify n;

	return x && s->sa == s->v->sa && s->sa->state == V2_UP &&
		notify_find(s->p, ADDITIONAL_KEY_EXCHANGE, &n) && n.data.n == x->link_len &&
		memcmp(n.data.p, x->link, x->link_len) == 0;
}

static bool complete(struct step *s)
{
	struct series *x = s->sa->theirs;

	s->sa->theirs = NULL; /* it replaces the SA that it was kept at */
	bool ok = x->child ? v2_create_complete(s, x) : v2_rekey_complete(s, x);
	series_free(&x);
	return ok;
}

static bool next_exchange(struct step *s, struct series *x)
{
	struct ke_secret shared;
	struct bytes value;

	if (!v2_ke_of(s->p, x->suite.addke[x->no], &value))
		return err_notify(s->e, ERR_PEER, INVALID_SYNTAX,
			"an additional key exchange that is not the %s agreed on",
			x->suite.addke[x->no]->name);
	struct ke *ke = ke_answer(x->suite.addke[x->no], s->v->rng, value, &shared, s->e);
	if (!ke)
		return false;
	v2_ke_write(s->reply, ke);
	ke_free(ke);
	add_secret(x, &shared);
	if (x->no == ADDKE_MAX)
		return complete(s);
	lead_on(s, x);
	return true;
}

/* With a refusal the series is over for both sides, and another may begin. */
bool v2_followup_request(struct step *s)
{
	bool known = is_meant(s, s->sa->theirs);

	if (known && next_exchange(s, s->sa->theirs))
		return true;
	series_free(&s->sa->theirs);
	return !known && v2_refuse(s, STATE_NOT_FOUND, (struct bytes){ 0 }, (struct bytes){ 0 });
}
