#include "v2_sa.h"

#include <string.h>

/*
 * CREATE_CHILD_SA that replaces the IKE SA, RFC 7296 sections 1.3.2 and 2.18, either side first:
 *
 *	HDR, SK {SA, Ni, KEi}  -->
 *	                       <--  HDR, SK {SA, Nr, KEr}
 *
 * The children go over to the new IKE SA. When both sides do it at once (section 2.8.2) the SA
 * whose exchange has the lowest nonce is deleted by who made it.
 */

bool v2_rekey_send(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e)
{
	struct offer *o = &sa->req.offer;
	uint8_t buf[8192];
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
	v->want_move |= from->req.task == TASK_MOVE; /* its answer may not come any more */
	from->successor = to;
	from->gone_at = v->now + REPLACED_MS;
	v->sa = to;
}

static struct v2_sa *make_sa(struct step *s, bool initiator, const struct suite *suite,
	struct ke *ke, struct bytes spi_i, struct bytes spi_r, struct bytes ni, struct bytes nr)
{
	struct bytes value = { 0 };
	struct ke_secret shared;
	uint16_t group = 0;
	struct v2_sa *to;

	if (!v2_ke_read(payload_find(s->p, PAYLOAD_KE)->body, &group, &value) ||
		!ke_shared(ke, value, &shared, s->e))
		return NULL;
	to = v2_sa_new(s->v, initiator);
	if (to) {
		to->suite = *suite;
		to->fragments = s->sa->fragments;
		to->no_pfs = s->sa->no_pfs;
		to->child_group = s->sa->child_group;
		memcpy(to->spi_i, spi_i.p, IKE_SPI_LEN);
		memcpy(to->spi_r, spi_r.p, IKE_SPI_LEN);
		if (!v2_derive(to, s->sa->suite.prf, &s->sa->sk_d, &shared, ni, nr, s->e)) {
			v2_sa_drop(s->v, to);
			to = NULL;
		} else {
			v2_sa_keys(to, s->ob);
		}
	} else {
		err_set(s->e, ERR_LOCAL, "no room for another IKE SA");
	}
	wipe(&shared, sizeof(shared));
	return to;
}

/* Our exchange came to nothing. What the gateway made meanwhile, if anything, is the successor. */
static bool rekey_refused(struct step *s, const struct notify *n)
{
	struct v2_sa *rival = s->sa->req.offer.rival ? s->sa->req.offer.rival_sa : NULL;
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

struct bytes v2_lower_nonce(struct bytes a, struct bytes b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return (order ? order : (a.n > b.n) - (a.n < b.n)) < 0 ? a : b;
}

bool v2_lost_collision(const struct offer *o, struct bytes nr)
{
	struct bytes theirs = { o->rival_nonce, o->rival_nonce_len };
	struct bytes ours = v2_lower_nonce((struct bytes){ o->nonce, sizeof(o->nonce) }, nr);

	return v2_lower_nonce(ours, theirs).p == ours.p;
}

/* Section 2.6: an SPI of zero stands for none yet. */
static bool is_zero(struct bytes spi)
{
	static const uint8_t zero[IKE_SPI_LEN];

	return memcmp(spi.p, zero, IKE_SPI_LEN) == 0;
}

bool v2_rekey_recv(struct step *s)
{
	struct v2 *v = s->v;
	struct offer *o = &s->sa->req.offer;
	const struct payload *sa = payload_find(s->p, PAYLOAD_SA),
			     *nonce = payload_find(s->p, PAYLOAD_NONCE);
	struct suite suite;
	struct bytes spi;
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
	if (spi.n != IKE_SPI_LEN || is_zero(spi) || suite.ke != ke_group(o->ke))
		return err_set(
			s->e, ERR_PEER, "the gateway's rekey answer has a wrong SPI or group");
	struct v2_sa *to =
		make_sa(s, true, &suite, o->ke, (struct bytes){ o->ike_spi, IKE_SPI_LEN }, spi,
			(struct bytes){ o->nonce, sizeof(o->nonce) }, nonce->body);
	if (!to)
		return false;
	if (o->rival && v2_lost_collision(o, nonce->body)) {
		outbox_log(s->ob, LEVEL_DEBUG,
			"both sides rekeyed at once; the gateway's IKE SA stays");
		to->want_delete = true;
		hand_over(v, s->sa, o->rival_sa);
	} else {
		hand_over(v, s->sa, to);
		s->sa->want_delete = true;
		if (o->rival) { /* the gateway deletes its own; if it forgets, we do */
			o->rival_sa->gone_at = v->now + REPLACED_MS;
			o->rival_sa->successor = to;
		}
	}
	v2_request_done(s->sa);
	s->next = V2_REPLACED;
	v->rekeys_ike++;
	outbox_event(s->ob, EV_REKEYED, LEVEL_INFO, "IKE SA rekeyed");
	return true;
}

static bool busy_with_children(const struct v2_sa *sa)
{
	return sa->req.task == TASK_NEW_CHILD || sa->req.task == TASK_REKEY_CHILD ||
		sa->req.task == TASK_DELETE_CHILD;
}

static void note_rival(struct v2_sa *sa, struct v2_sa *made, struct bytes ni, struct bytes nr)
{
	struct offer *o = &sa->req.offer;
	struct bytes low = v2_lower_nonce(ni, nr);

	o->rival = true;
	o->rival_sa = made;
	memcpy(o->rival_nonce, low.p, low.n);
	o->rival_nonce_len = low.n;
}

bool v2_rekey_request(struct step *s)
{
	struct v2 *v = s->v;
	const struct payload *ke_body = payload_find(s->p, PAYLOAD_KE);
	uint8_t nonce[NONCE_LEN], spi[IKE_SPI_LEN], number = 0;
	struct bytes theirs, value, ni = payload_find(s->p, PAYLOAD_NONCE)->body;
	struct bytes nr = { nonce, sizeof(nonce) };
	struct suite suite;
	uint16_t group;

	if (busy_with_children(s->sa) ||
		(s->sa->req.task == TASK_REKEY_IKE && s->sa->req.offer.rival)) {
		ikew_notify(
			s->reply, 0, TEMPORARY_FAILURE, (struct bytes){ 0 }, (struct bytes){ 0 });
		return true; /* section 2.25.2 */
	}
	if (!v2_sa_choose(payload_find(s->p, PAYLOAD_SA)->body, v->cfg->ike_proposals, PROTO_IKE,
		    &theirs, &number, &suite, s->e))
		return false;
	if (is_zero(theirs))
		return err_notify(s->e, ERR_PEER, INVALID_SYNTAX, "an IKE SPI of zero");
	if (!suite.ke || !suite.prf)
		return err_notify(
			s->e, ERR_PEER, NO_PROPOSAL_CHOSEN, "a rekey without key exchange");
	if (!ke_body || !v2_ke_read(ke_body->body, &group, &value) || group != suite.ke->id)
		return v2_refuse_group(s, suite.ke);
	rng_fill(v->rng, nonce, sizeof(nonce));
	rng_fill(v->rng, spi, sizeof(spi));
	struct ke *ke = ke_new(suite.ke, v->rng, s->e);
	struct v2_sa *made = ke ?
		make_sa(s, false, &suite, ke, theirs, (struct bytes){ spi, sizeof(spi) }, ni, nr) :
		NULL;
	if (made) {
		v2_sa_write_choice(
			s->reply, &suite, PROTO_IKE, number, (struct bytes){ spi, sizeof(spi) });
		ikew_bytes(s->reply, PAYLOAD_NONCE, nr);
		v2_ke_write(s->reply, ke);
		v->rekeys_ike++;
		outbox_event(s->ob, EV_REKEYED, LEVEL_INFO, "IKE SA rekeyed by the gateway");
		if (s->sa->req.task == TASK_REKEY_IKE) {
			note_rival(s->sa, made, ni, nr);
		} else {
			hand_over(v, s->sa, made);
			s->next = V2_REPLACED;
		}
	}
	ke_free(ke);
	return made != NULL;
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

	if (sa->req.task == TASK_REKEY_IKE && o->rival)
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
