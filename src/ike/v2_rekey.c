#include "v2_sa.h"

#include <string.h>

/*
 * CREATE_CHILD_SA that replaces the IKE SA, RFC 7296 sections 1.3.2 and 2.18, either side first:
 *
 *	HDR, SK {SA, Ni, KEi}  -->
 *	                       <--  HDR, SK {SA, Nr, KEr}
 *
 * The children go over to the new IKE SA. When both sides do it at once (section 2.8.2) the SA
 * whose exchange has the lowest nonce is deleted by who made it. Additional key exchanges (v2_series.c) come
 * between the two messages and the new IKE SA: then that exchange is not gone on with.
 */

bool v2_rekey_send(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e)
{
	struct offer *o = &sa->req.offer;
	uint8_t buf[12288];
	struct ikew k;

	offer_clear(o);
	rng_fill(v->rng, o->nonce, sizeof(o->nonce));
	rng_fill(v->rng, o->ike_spi, sizeof(o->ike_spi));
	o->proposals = *v->cfg->ike_proposals;
	o->ke = ke_new(sa->wanted_group ? sa->wanted_group : sa->suite.ke, v->rng, e);
	if (!o->ke)
		return false;
	ikew_chain(&k, buf, sizeof(buf));
	v2_sa_write(&k, &o->proposals, PROTO_IKE, (struct bytes){ o->ike_spi, sizeof(o->ike_spi) });
	ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ o->nonce, sizeof(o->nonce) });
	v2_ke_write(&k, o->ke);
	return v2_request(v, sa, TASK_REKEY_IKE, CREATE_CHILD_SA, &k, ob, e);
}

/* The new SA, or what has replaced that meanwhile, takes over the children; the old one waits for
 * its delete. */
static void hand_over(struct v2 *v, struct v2_sa *from, struct v2_sa *to)
{
	while (to->successor)
		to = to->successor;
	for (size_t i = 0; i < v->children.n; i++)
		if (v->children.v[i]->sa == from)
			v->children.v[i]->sa = to;
	series_free(&from->theirs);
	v->want_move |= from->req.task == TASK_MOVE; /* its answer may not come any more */
	v2_ticket_void(v);
	from->successor = to;
	from->gone_at = v->now + REPLACED_MS;
	v->sa = to;
}

static struct v2_sa *make_sa(struct step *s, const struct suite *suite,
	const uint8_t spi_i[IKE_SPI_LEN], const uint8_t spi_r[IKE_SPI_LEN],
	const struct v2_fresh *f)
{
	struct v2_sa *to = v2_sa_new(s->v, f->initiator);

	if (!to) {
		err_set(s->e, ERR_LOCAL, "no room for another IKE SA");
		return NULL;
	}
	to->suite = *suite;
	to->fragments = s->sa->fragments;
	to->no_pfs = s->sa->no_pfs;
	to->child_group = s->sa->child_group;
	to->lost_series = s->sa->lost_series;
	to->quantum_safe = s->sa->quantum_safe || suite_quantum_safe(suite);
	memcpy(to->spi_i, spi_i, IKE_SPI_LEN);
	memcpy(to->spi_r, spi_r, IKE_SPI_LEN);
	if (!v2_derive(to, s->sa->suite.prf, &s->sa->sk_d, f, s->e)) {
		v2_sa_drop(s->v, to);
		return NULL;
	}
	v2_sa_keys(to, s->ob);
	return to;
}

/* Our exchange came to nothing. What the gateway made meanwhile, if anything, is the successor. */
static bool rekey_refused(struct step *s, const struct notify *n)
{
	struct v2_sa *rival = s->sa->req.offer.rival_sa;
	struct rd r = rd_init(n->data.p, n->data.n);
	const struct alg *group = NULL;
	char name[NOTIFY_TEXT_MAX];

	outbox_log(s->ob, LEVEL_INFO, "the gateway answers the rekey of the IKE SA with %s",
		notify_text(name, n->type));
	if (rival) {
		hand_over(s->v, s->sa, rival);
		s->next = V2_REPLACED;
		return true;
	}
	s->sa->rekey_at = s->v->now + jittered(RETRY_MS, s->v->rng);
	if (n->type == INVALID_KE_PAYLOAD)
		group = alg_find(TRANSFORM_KE, rd_u16(&r), 0);
	if (group && group != s->sa->wanted_group && prop_offers(s->v->cfg->ike_proposals, group) &&
		s->sa->wrong_groups < DETOURS_MAX) {
		s->sa->wrong_groups++;
		s->sa->wanted_group = group;
		s->sa->rekey_at = s->v->now;
		return true;
	}
	if (n->type != TEMPORARY_FAILURE)
		outbox_not_rekeyed(
			s->ob, n->type, "the gateway does not rekey the IKE SA now: %s", name);
	return true;
}

static struct bytes lower_nonce(struct bytes a, struct bytes b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return (order ? order : (a.n > b.n) - (a.n < b.n)) < 0 ? a : b;
}

void v2_rival(struct offer *o, const struct v2_fresh *theirs)
{
	struct bytes low = lower_nonce(theirs->ni, theirs->nr);

	o->rival = true;
	memcpy(o->rival_nonce, low.p, low.n);
	o->rival_nonce_len = low.n;
}

bool v2_lost_collision(const struct offer *o, struct bytes nr)
{
	struct bytes theirs = { o->rival_nonce, o->rival_nonce_len };
	struct bytes ours = lower_nonce((struct bytes){ o->nonce, sizeof(o->nonce) }, nr);

	return lower_nonce(ours, theirs).p == ours.p;
}

/* Section 2.6: an SPI of zero stands for none yet. */
static bool is_zero(struct bytes spi)
{
	static const uint8_t zero[IKE_SPI_LEN];

	return memcmp(spi.p, zero, IKE_SPI_LEN) == 0;
}

/* The gateway's exchange stays. Ours leaves nothing behind, or an IKE SA that is deleted at once. */
static void lose(struct step *s, struct v2_sa *made)
{
	const struct series *theirs = s->sa->theirs;
	struct v2_sa *rival = s->sa->req.offer.rival_sa;

	outbox_log(s->ob, LEVEL_DEBUG, "both sides rekeyed at once; the gateway's IKE SA stays");
	if (made)
		made->want_delete = true;
	if (rival) {
		hand_over(s->v, s->sa, rival);
		s->next = V2_REPLACED;
	} else { /* ... once its key exchanges are over, if they ever are */
		s->sa->rekey_at = theirs ? theirs->until : s->v->now + RETRY_MS;
	}
}

/* All key exchanges of ours are over. */
static bool rekeyed(struct step *s, const struct suite *suite, const uint8_t spi_i[IKE_SPI_LEN],
	const uint8_t spi_r[IKE_SPI_LEN], const struct v2_fresh *f, bool lost)
{
	struct v2 *v = s->v;
	struct offer *o = &s->sa->req.offer;
	struct v2_sa *to = make_sa(s, suite, spi_i, spi_r, f);

	if (!to)
		return false;
	if (lost) {
		lose(s, to);
	} else {
		hand_over(v, s->sa, to);
		s->sa->want_delete = true;
		s->next = V2_REPLACED;
		if (o->rival_sa) { /* the gateway deletes its own; if it forgets, we do */
			o->rival_sa->gone_at = v->now + REPLACED_MS;
			o->rival_sa->successor = to;
		}
	}
	v2_request_done(s->sa);
	series_free(&o->series);
	v->rekeys_ike++;
	outbox_event(s->ob, EV_REKEYED, LEVEL_INFO, "IKE SA rekeyed");
	return true;
}

/* RFC 9370 section 2.2.4: who lost the collision goes no further. */
static bool go_on(struct step *s, const struct suite *suite, const uint8_t spi_r[IKE_SPI_LEN],
	const struct v2_fresh *f, bool lost)
{
	struct offer *o = &s->sa->req.offer;

	if (lost) {
		v2_request_done(s->sa);
		lose(s, NULL);
		return true;
	}
	series_free(&s->sa->theirs); /* which the gateway has lost */
	o->series = series_new(suite, f, s->e);
	if (!o->series)
		return false;
	memcpy(o->series->spi_i, o->ike_spi, IKE_SPI_LEN);
	memcpy(o->series->spi_r, spi_r, IKE_SPI_LEN);
	return v2_series_send(s, o->series);
}

bool v2_rekey_recv(struct step *s)
{
	struct offer *o = &s->sa->req.offer;
	const struct payload *sa = payload_find(s->p, PAYLOAD_SA),
			     *nonce = payload_find(s->p, PAYLOAD_NONCE);
	struct ke_secret shared;
	struct suite suite;
	struct bytes spi, value;
	struct notify n;

	if (notify_find_error(s->p, &n)) {
		v2_request_done(s->sa);
		return rekey_refused(s, &n);
	}
	if (!sa || !payload_find(s->p, PAYLOAD_KE) || !nonce || nonce->body.n < NONCE_MIN ||
		nonce->body.n > NONCE_MAX)
		return err_set(s->e, ERR_PEER, "the gateway's rekey answer lacks SA, KE or nonce");
	if (!v2_sa_read_choice(sa->body, &o->proposals, PROTO_IKE, &spi, &suite, s->e))
		return false;
	if (spi.n != IKE_SPI_LEN || is_zero(spi) || suite.ke != ke_group(o->ke) ||
		!v2_ke_of(s->p, suite.ke, &value))
		return err_set(
			s->e, ERR_PEER, "the gateway's rekey answer has a wrong SPI or group");
	if (!ke_shared(o->ke, value, &shared, s->e))
		return false;
	struct v2_fresh f = { .ni = { o->nonce, sizeof(o->nonce) },
		.nr = nonce->body,
		.shared = { shared.data, shared.len },
		.initiator = true };
	bool lost = o->rival && v2_lost_collision(o, nonce->body);
	bool ok = suite_addke(&suite, 0) < ADDKE_MAX ?
		go_on(s, &suite, spi.p, &f, lost) :
		rekeyed(s, &suite, o->ike_spi, spi.p, &f, lost);
	wipe(&shared, sizeof(shared));
	return ok;
}

bool v2_rekey_series_recv(struct step *s)
{
	struct series *x = s->sa->req.offer.series;
	struct notify n;
	bool done;

	if (notify_find_error(s->p, &n)) {
		if (!v2_series_refused(s, n.type))
			return false;
		v2_request_done(s->sa);
		return rekey_refused(s, &n);
	}
	if (!v2_series_recv(s, x, &done))
		return false;
	struct v2_fresh f = series_fresh(x, true);
	return !done || rekeyed(s, &x->suite, x->spi_i, x->spi_r, &f, false);
}

static bool busy_with_children(const struct v2_sa *sa)
{
	return sa->req.task == TASK_NEW_CHILD || sa->req.task == TASK_REKEY_CHILD ||
		sa->req.task == TASK_DELETE_CHILD;
}

/* Sections 2.25.2 of RFC 7296 and 2.2.4 of RFC 9370. */
static bool busy(const struct v2_sa *sa)
{
	bool rekeying = sa->req.task == TASK_REKEY_IKE;

	return busy_with_children(sa) || sa->theirs ||
		(rekeying && (sa->req.offer.rival || sa->req.exchange == IKE_FOLLOWUP_KE));
}

/* The gateway's exchange is over, and made is what it made. */
static void take_over(struct step *s, struct v2_sa *made)
{
	struct offer *o = &s->sa->req.offer;

	s->v->rekeys_ike++;
	outbox_event(s->ob, EV_REKEYED, LEVEL_INFO, "IKE SA rekeyed by the gateway");
	if (s->sa->req.task == TASK_REKEY_IKE && o->rival) {
		o->rival_sa = made;
	} else {
		hand_over(s->v, s->sa, made);
		s->next = V2_REPLACED;
	}
}

bool v2_rekey_complete(struct step *s, const struct series *x)
{
	struct v2_fresh f = series_fresh(x, false);
	struct v2_sa *made = make_sa(s, &x->suite, x->spi_i, x->spi_r, &f);

	if (made)
		take_over(s, made);
	return made != NULL;
}

/* At once, or after the additional key exchanges. */
static bool agree(struct step *s, const struct suite *suite, const uint8_t spi_i[IKE_SPI_LEN],
	const uint8_t spi_r[IKE_SPI_LEN], const struct v2_fresh *f)
{
	if (s->sa->req.task == TASK_REKEY_IKE)
		v2_rival(&s->sa->req.offer, f);
	struct series *x = series_new(suite, f, s->e);
	if (!x)
		return false;
	memcpy(x->spi_i, spi_i, IKE_SPI_LEN);
	memcpy(x->spi_r, spi_r, IKE_SPI_LEN);
	if (x->no < ADDKE_MAX) {
		v2_series_keep(s, x);
		return true;
	}
	bool ok = v2_rekey_complete(s, x);
	series_free(&x);
	return ok;
}

bool v2_rekey_request(struct step *s)
{
	struct v2 *v = s->v;
	uint8_t nonce[NONCE_LEN], spi[IKE_SPI_LEN], number = 0;
	struct bytes theirs, value;
	struct v2_fresh f = { .ni = payload_find(s->p, PAYLOAD_NONCE)->body,
		.nr = { nonce, sizeof(nonce) } };
	struct ke_secret shared;
	struct suite suite;

	if (busy(s->sa))
		return v2_refuse(s, TEMPORARY_FAILURE, (struct bytes){ 0 }, (struct bytes){ 0 });
	if (!v2_sa_choose(payload_find(s->p, PAYLOAD_SA)->body, v->cfg->ike_proposals, PROTO_IKE,
		    &theirs, &number, &suite, s->e))
		return false;
	if (is_zero(theirs))
		return err_notify(s->e, ERR_PEER, INVALID_SYNTAX, "an IKE SPI of zero");
	if (!suite.ke || !suite.prf)
		return err_notify(
			s->e, ERR_PEER, NO_PROPOSAL_CHOSEN, "a rekey without key exchange");
	if (!v2_ke_of(s->p, suite.ke, &value))
		return v2_refuse_group(s, suite.ke);
	rng_fill(v->rng, nonce, sizeof(nonce));
	rng_fill(v->rng, spi, sizeof(spi));
	struct ke *ke = ke_answer(suite.ke, v->rng, value, &shared, s->e);
	if (!ke)
		return false;
	v2_sa_write_choice(s->reply, &suite, PROTO_IKE, number, (struct bytes){ spi, sizeof(spi) });
	ikew_bytes(s->reply, PAYLOAD_NONCE, f.nr);
	v2_ke_write(s->reply, ke);
	ke_free(ke);
	f.shared = (struct bytes){ shared.data, shared.len };
	bool ok = agree(s, &suite, theirs.p, spi, &f);
	wipe(&shared, sizeof(shared));
	return ok;
}

void v2_rekey_settle(struct v2 *v, const struct v2_sa *sa)
{
	for (size_t i = 0; i < V2_SAS_MAX; i++) {
		struct v2_sa *old = v->sas[i];
		if (old && old->req.task == TASK_REKEY_IKE && old->req.offer.rival &&
			old->req.offer.rival_sa == sa)
			hand_over(v, old, old->req.offer.rival_sa);
	}
}

void v2_rekey_abandon(struct v2 *v, struct v2_sa *sa)
{
	struct offer *o = &sa->req.offer;

	if (sa->req.task == TASK_REKEY_IKE && o->rival_sa)
		hand_over(v, sa, o->rival_sa);
}

void v2_rekey_overdue(struct v2 *v, struct v2_sa *sa)
{
	bool known = v->sa->initiator || v->sa->mid_in > 0 || v->sa->mid_out > 0;

	sa->gone_at = known ? TIME_NEVER : v->now + REPLACED_MS;
	if (known)
		sa->want_delete = true;
	else
		v->sa->want_dpd = true;
}
