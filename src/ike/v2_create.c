#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * The gateway's CREATE_CHILD_SA, RFC 7296 sections 1.3.1 and 1.3.3:
 *
 *	HDR, SK {[N(REKEY_SA),] SA, Ni, [KEi,] TSi, TSr}  -->
 *	                          <--  HDR, SK {SA, Nr, [KEr,] TSi, TSr}
 *
 * With additional key exchanges (RFC 9370) the answer has N(ADDITIONAL_KEY_EXCHANGE) as well, and the child SA is
 * made when these are over (v2_series.c). What crosses with requests of ours: sections 2.8.1 and 2.25.
 */

bool v2_refuse(struct step *s, uint16_t type, struct bytes spi, struct bytes data)
{
	ikew_notify(s->reply, spi.n ? PROTO_ESP : 0, type, spi, data);
	return true;
}

bool v2_refuse_group(struct step *s, const struct alg *want)
{
	uint8_t id[2] = { want->id >> 8, want->id & 0xff };

	return v2_refuse(
		s, INVALID_KE_PAYLOAD, (struct bytes){ 0 }, (struct bytes){ id, sizeof(id) });
}

static void add_once(struct selectors *list, const struct selector *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (selector_same(&list->v[i], s))
			return;
	if (list->n < SELECTORS_MAX)
		list->v[list->n++] = *s;
}

/* What the gateway proposes, narrowed to what we want (section 2.9). Where some lie in others the same comes out
 * several times, and with each rekey more often. */
static bool narrow(
	const struct selectors *theirs, const struct selectors *ours, struct selectors *out)
{
	out->n = 0;
	for (size_t i = 0; i < theirs->n; i++)
		for (size_t j = 0; j < ours->n; j++) {
			struct selector s;
			if (selector_narrow(&s, &theirs->v[i], &ours->v[j]))
				add_once(out, &s);
		}
	return out->n > 0;
}

static bool read_selectors(
	struct step *s, uint8_t type, enum sa_mode mode, struct selectors *theirs)
{
	if (!v2_ts_read(payload_find(s->p, type)->body, theirs, s->e))
		return false;
	if (mode == SA_TRANSPORT && type == PAYLOAD_TSi)
		v2_nat_remote_ts(s->v, theirs);
	else if (mode == SA_TRANSPORT)
		v2_nat_local_ts(s->v, theirs);
	return true;
}

static bool agree_on(struct step *s, const struct selectors *theirs, const struct selectors *ours,
	struct selectors *out)
{
	return narrow(theirs, ours, out) ||
		err_notify(s->e, ERR_PEER, TS_UNACCEPTABLE, "traffic selectors nobody asked for");
}

static bool accept_selectors(struct step *s, const struct child *old, struct child *c)
{
	struct selectors *theirs = malloc(2 * sizeof(*theirs));
	const struct ike_config *cfg = s->v->cfg;

	if (!theirs)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	struct selectors *all = &theirs[1];
	all->n = 2;
	selector_all(&all->v[0], FAMILY_V4);
	selector_all(&all->v[1], FAMILY_V6);
	const struct selectors *local = old ? &old->local_ts :
		cfg->local_ts.n             ? &cfg->local_ts :
					      all;
	const struct selectors *remote = old ? &old->remote_ts :
		cfg->remote_ts.n             ? &cfg->remote_ts :
					       all;
	bool ok = read_selectors(s, PAYLOAD_TSi, c->mode, theirs) &&
		agree_on(s, theirs, remote, &c->remote_ts) &&
		read_selectors(s, PAYLOAD_TSr, c->mode, theirs) &&
		agree_on(s, theirs, local, &c->local_ts);
	free(theirs);
	return ok;
}

static void write_child_answer(struct step *s, const struct child *c, const struct v2_fresh *n,
	uint8_t number, const struct ke *ke)
{
	uint8_t spi[4];
	struct wr w = wr_init(spi, sizeof(spi));

	wr_u32(&w, c->spi_in);
	if (c->mode == SA_TRANSPORT)
		ikew_notify(
			s->reply, 0, USE_TRANSPORT_MODE, (struct bytes){ 0 }, (struct bytes){ 0 });
	v2_sa_write_choice(s->reply, &c->suite, PROTO_ESP, number, (struct bytes){ spi, 4 });
	ikew_bytes(s->reply, PAYLOAD_NONCE, n->nr);
	if (ke)
		v2_ke_write(s->reply, ke);
	v2_ts_write(s->reply, PAYLOAD_TSi, &c->remote_ts);
	v2_ts_write(s->reply, PAYLOAD_TSr, &c->local_ts);
}

static void replaced(struct step *s, struct child *old)
{
	old->state = CHILD_REPLACED;
	old->want_rekey = false;
	s->v->rekeys_child++;
	outbox_event(s->ob, EV_REKEYED, LEVEL_INFO, "child SA rekeyed by the gateway");
}

/* Our rekey of the same child is under way: remember what theirs made, to settle when our answer
 * comes. */
static void note_rival(struct v2_sa *sa, const struct child *old, const struct v2_fresh *n)
{
	struct offer *o = &sa->req.offer;

	if (old && sa->req.task == TASK_REKEY_CHILD && o->old_spi_in == old->spi_in)
		v2_rival(o, n);
}

/* Takes c in, or frees it. */
static bool install(struct step *s, struct child *old, struct child *c, const struct v2_fresh *f)
{
	c = v2_child_add(s->v, s->sa, c, f, old != NULL, s->ob, s->e);
	if (!c)
		return false;
	c->unsure_until = s->v->now + UNSURE_MS;
	if (old)
		replaced(s, old);
	return true;
}

bool v2_create_complete(struct step *s, struct series *x)
{
	struct child *old = child_find(&s->v->children, x->old_spi_in), *c = x->child;
	struct v2_fresh f = series_fresh(x, false);

	x->child = NULL;
	return install(s, old && old->state == CHILD_UP ? old : NULL, c, &f);
}

/* Takes c in, at once or after the additional key exchanges, or frees it. */
static bool agree(struct step *s, struct child *old, struct child *c, const struct v2_fresh *f)
{
	note_rival(s->sa, old, f);
	if (suite_addke(&c->suite, 0) == ADDKE_MAX)
		return install(s, old, c, f);
	struct series *x = series_new(&c->suite, f, s->e);
	if (!x) {
		child_free(c);
		return false;
	}
	x->child = c;
	x->old_spi_in = old ? old->spi_in : 0;
	v2_series_keep(s, x);
	return true;
}

/* Takes c in, or frees it. */
static bool make_child(struct step *s, struct child *old, struct child *c,
	const struct v2_fresh *nonces, uint8_t number)
{
	struct v2_fresh f = *nonces;
	struct ke *ke = NULL;
	struct ke_secret shared = { 0 };
	const struct alg *group = c->suite.ke;
	struct bytes value;

	if (group && !v2_ke_of(s->p, group, &value)) {
		child_free(c);
		return v2_refuse_group(s, group);
	}
	if (group) {
		ke = ke_answer(group, s->v->rng, value, &shared, s->e);
		f.shared = (struct bytes){ shared.data, shared.len };
	}
	bool ok = !group || ke;
	if (ok) {
		write_child_answer(s, c, &f, number, ke);
		ok = agree(s, old, c, &f);
	} else {
		child_free(c);
	}
	ke_free(ke);
	wipe(&shared, sizeof(shared));
	return ok;
}

/* The profile insists on it, so a child SA without key exchange of its own is not acceptable. */
static bool pfs_kept(struct step *s, const struct suite *suite)
{
	return suite->ke || s->v->cfg->pfs != TRI_YES ||
		err_notify(s->e, ERR_PEER, NO_PROPOSAL_CHOSEN,
			"the gateway proposes a child SA without PFS");
}

/* Without USE_TRANSPORT_MODE tunnel mode is what the gateway proposes (section 1.3.1); with it, it has to put up
 * with tunnel mode. */
static bool mode_fits(struct step *s, const struct child *c)
{
	return c->mode == s->v->cfg->mode ||
		err_notify(s->e, ERR_PEER, NO_PROPOSAL_CHOSEN,
			"the gateway proposes a child SA in tunnel mode");
}

static bool choose_child(struct step *s, const struct child *old, struct child *c, uint8_t *number)
{
	struct proposals *ours = malloc(sizeof(*ours));
	struct bytes spi;
	struct notify n;

	if (!ours)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	v2_esp_offer(ours, s->v->cfg, v2_pfs_mode(s->v, s->sa), v2_pfs_group(s->v, s->sa));
	c->mode = notify_find(s->p, USE_TRANSPORT_MODE, &n) && s->v->cfg->mode == SA_TRANSPORT ?
		SA_TRANSPORT :
		SA_TUNNEL;
	bool ok = v2_sa_choose(payload_find(s->p, PAYLOAD_SA)->body, ours, PROTO_ESP, &spi, number,
			  &c->suite, s->e) &&
		mode_fits(s, c) && pfs_kept(s, &c->suite) && accept_selectors(s, old, c);
	free(ours);
	if (!ok)
		return false;
	struct rd r = rd_init(spi.p, spi.n);
	c->spi_out = rd_u32(&r);
	return c->spi_out >= 256 || /* reserved, RFC 4303 section 2.1 */
		err_notify(s->e, ERR_PEER, INVALID_SYNTAX, "an ESP SPI of %u", c->spi_out);
}

static bool answer_child(struct step *s, struct child *old)
{
	struct v2 *v = s->v;
	uint8_t nonce[NONCE_LEN], number = 0;
	struct v2_fresh f = { .ni = payload_find(s->p, PAYLOAD_NONCE)->body,
		.nr = { nonce, sizeof(nonce) } };

	rng_fill(v->rng, nonce, sizeof(nonce));
	uint32_t which = old ? old->number : ++v->children.last_number;
	struct child *c = child_new(which, child_new_spi(&v->children, v->rng));
	if (!c)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	if (choose_child(s, old, c, &number))
		return make_child(s, old, c, &f, number);
	child_free(c);
	return false;
}

/* RFC 9370 section 2.2.4: our own rekey of it is past the point where both could still be settled. */
static bool being_rekeyed(const struct v2_sa *sa, const struct child *old)
{
	return sa->req.task == TASK_REKEY_CHILD && sa->req.exchange == IKE_FOLLOWUP_KE &&
		sa->req.offer.old_spi_in == old->spi_in;
}

/* The collisions of section 2.25.1 and 2.25.2, then the kinds apart. */
bool v2_create_request(struct step *s)
{
	const struct payload *nonce = payload_find(s->p, PAYLOAD_NONCE);
	struct child *old = NULL;
	struct notify n;
	enum v2_task task = s->sa->req.task;

	v2_rekey_settle(s->v, s->sa);
	if (s->sa != s->v->sa || s->sa->state != V2_UP || s->sa->want_delete ||
		task == TASK_DELETE_IKE)
		return v2_refuse(s, TEMPORARY_FAILURE, (struct bytes){ 0 }, (struct bytes){ 0 });
	if (nonce->body.n < NONCE_MIN || nonce->body.n > NONCE_MAX)
		return err_notify(s->e, ERR_PEER, INVALID_SYNTAX, "a nonce of %zu octet%s",
			nonce->body.n, plural(nonce->body.n));
	if (!payload_find(s->p, PAYLOAD_TSi) && !payload_find(s->p, PAYLOAD_TSr))
		return v2_rekey_request(s);
	if (!payload_find(s->p, PAYLOAD_TSi) || !payload_find(s->p, PAYLOAD_TSr))
		return err_notify(s->e, ERR_PEER, INVALID_SYNTAX, "half of the traffic selectors");
	if (task == TASK_REKEY_IKE || s->sa->theirs)
		return v2_refuse(s, TEMPORARY_FAILURE, (struct bytes){ 0 }, (struct bytes){ 0 });
	if (notify_find(s->p, REKEY_SA, &n)) {
		struct rd r = rd_init(n.spi.p, n.spi.n);
		old = child_by_out(&s->v->children, s->sa, rd_u32(&r));
		/* What the answer to our own request would bring may be just that child. */
		bool coming = task == TASK_REKEY_CHILD || task == TASK_NEW_CHILD;
		if (!rd_done(&r) || (!old && !coming))
			return v2_refuse(s, CHILD_SA_NOT_FOUND, n.spi, (struct bytes){ 0 });
		if (!old || old->state != CHILD_UP || being_rekeyed(s->sa, old) ||
			!v2_child_succeeds(s->v, old, s->ob))
			return v2_refuse(
				s, TEMPORARY_FAILURE, (struct bytes){ 0 }, (struct bytes){ 0 });
	} else if (s->v->children.n >= IKE_CHILDREN_MAX) { /* the rest of the room is for rekeys */
		return v2_refuse(s, NO_ADDITIONAL_SAS, (struct bytes){ 0 }, (struct bytes){ 0 });
	}
	return answer_child(s, old);
}
