#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * CREATE_CHILD_SA for child SAs, RFC 7296 sections 1.3.1 and 1.3.3, either side first:
 *
 *	HDR, SK {[N(REKEY_SA),] SA, Ni, [KEi,] TSi, TSr}  -->
 *	                          <--  HDR, SK {SA, Nr, [KEr,] TSi, TSr}
 *
 * When both sides rekey the same child at once (section 2.8.1) both exchanges succeed, and the
 * child whose exchange has the lowest of the four nonces is deleted by who made it.
 */

static enum ke_mode pfs_mode(const struct v2 *v, const struct v2_sa *sa)
{
	if (v->cfg->pfs == TRI_NO || sa->no_pfs)
		return KE_LEFT_OUT;
	if (v->cfg->pfs == TRI_YES || prop_first_ke(v->cfg->esp_proposals))
		return KE_WANTED;
	return KE_OPTIONAL;
}

static const struct alg *pfs_group(const struct v2 *v, const struct v2_sa *sa)
{
	const struct alg *named = prop_first_ke(v->cfg->esp_proposals);

	if (sa->child_group)
		return sa->child_group;
	return named ? named : sa->suite.ke;
}

/* The selectors of the profile that no child SA covers yet, for gateways that make one child SA
 * for each pair (SINGLE_PAIR_REQUIRED, or narrowing to the first). */
static void extra_selectors(const struct v2 *v, struct offer *o)
{
	o->local_ts = v->children.v[0]->local_ts;
	o->remote_ts.n = 1;
	o->remote_ts.v[0] = v->cfg->remote_ts.v[v->extra_ts];
}

static bool prepare_offer(
	struct v2 *v, struct v2_sa *sa, const struct child *old, struct offer *o, struct err *e)
{
	enum ke_mode mode = pfs_mode(v, sa);
	const struct alg *group = pfs_group(v, sa);

	offer_clear(o);
	rng_fill(v->rng, o->nonce, sizeof(o->nonce));
	o->spi_in = child_new_spi(&v->children, v->rng);
	o->number = old ? old->number : ++v->children.last_number;
	o->old_spi_in = old ? old->spi_in : 0;
	if (old) { /* what was agreed on, not what was asked for at first (section 2.9.2) */
		o->local_ts = old->local_ts;
		o->remote_ts = old->remote_ts;
	} else {
		extra_selectors(v, o);
	}
	v2_esp_offer(&o->proposals, v->cfg, mode, group);
	if (mode != KE_LEFT_OUT)
		o->ke = ke_new(group, v->rng, e);
	return mode == KE_LEFT_OUT || o->ke;
}

bool v2_child_send(
	struct v2 *v, struct v2_sa *sa, struct child *old, struct outbox *ob, struct err *e)
{
	struct offer *o = &sa->req.offer;
	uint8_t *buf = malloc(MESSAGE_OUT_MAX), spi[4];
	struct wr w = wr_init(spi, sizeof(spi));
	struct ikew k;

	if (!buf)
		return err_set(e, ERR_LOCAL, "out of memory");
	bool ok = prepare_offer(v, sa, old, o, e);
	if (ok) {
		ikew_chain(&k, buf, MESSAGE_OUT_MAX);
		if (old && !old->lost) {
			wr_u32(&w, old->spi_in);
			ikew_notify(&k, PROTO_ESP, REKEY_SA, (struct bytes){ spi, 4 },
				(struct bytes){ 0 });
		}
		if (v->cfg->mode == SA_TRANSPORT)
			ikew_notify(&k, 0, USE_TRANSPORT_MODE, (struct bytes){ 0 },
				(struct bytes){ 0 });
		w = wr_init(spi, sizeof(spi));
		wr_u32(&w, o->spi_in);
		v2_sa_write(&k, &o->proposals, PROTO_ESP, (struct bytes){ spi, 4 });
		ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ o->nonce, sizeof(o->nonce) });
		if (o->ke)
			v2_ke_write(&k, o->ke);
		v2_ts_write(&k, PAYLOAD_TSi, &o->local_ts);
		v2_ts_write(&k, PAYLOAD_TSr, &o->remote_ts);
		struct sa_ref in = v2_inbound(v, o->spi_in);
		outbox_sa_expect(ob, &in);
		ok = v2_request(
			v, sa, old ? TASK_REKEY_CHILD : TASK_NEW_CHILD, CREATE_CHILD_SA, &k, ob, e);
	}
	free(buf);
	return ok;
}

struct child *v2_child_add(struct v2 *v, struct v2_sa *sa, struct child *c,
	const struct v2_nonces *n, const struct ke_secret *shared, bool hold_out, struct outbox *ob,
	struct err *e)
{
	struct sa_spec *in;

	c->sa = sa;
	c->ecn = true; /* RFC 7296 section 2.24 */
	c->encap = v->encap;
	c->local = v2_local(v);
	c->remote = v->path.remote;
	child_lifetime(c, v->cfg->child_lifetime, v->now, v->rng);
	in = child_specify(&v->children, c, v->cfg, ob, e);
	bool keyed = in &&
		v2_keymat(sa, &c->suite, shared, n->ni, n->nr, n->initiator, in, c->held_out, e);
	return child_install(&v->children, c, in, keyed, hold_out, v->now, ob);
}

/* --- the gateway's answer to ours ------------------------------------------------------------- */

/* Where the profile names groups, only those are ever offered. */
static bool may_use_group(const struct ike_config *cfg, const struct alg *group)
{
	if (prop_first_ke(cfg->esp_proposals))
		return prop_offers(cfg->esp_proposals, group);
	return alg_usable(group) && group->ike_tier <= cfg->security;
}

/* Gateways without PFS refuse it in words of their own, but not in those for something else. */
static bool may_mean_pfs(uint16_t type)
{
	switch (type) {
	case TEMPORARY_FAILURE:
	case CHILD_SA_NOT_FOUND:
	case NO_ADDITIONAL_SAS:
	case TS_UNACCEPTABLE:
	case SINGLE_PAIR_REQUIRED:
	case INTERNAL_ADDRESS_FAILURE:
	case FAILED_CP_REQUIRED:
		return false;
	default:
		return true;
	}
}

/* The group that the gateway wants, if that is another one and allowed. */
static bool takes_wanted_group(struct step *s, const struct notify *n)
{
	struct rd r = rd_init(n->data.p, n->data.n);
	const struct alg *group = alg_find(TRANSFORM_KE, rd_u16(&r), 0);

	if (!group || group == s->sa->child_group || !may_use_group(s->v->cfg, group) ||
		s->sa->wrong_groups >= DETOURS_MAX)
		return false;
	s->sa->wrong_groups++;
	s->sa->child_group = group;
	return true;
}

/* The next offer is another one: by the group that the gateway wants, or without PFS. Where that is refused as
 * well it was not PFS that was meant, and it is offered again. */
static bool offer_changes(struct step *s, const struct notify *n)
{
	if (n->type == INVALID_KE_PAYLOAD && takes_wanted_group(s, n))
		return true;
	if (!may_mean_pfs(n->type) || s->v->cfg->pfs != TRI_AUTO)
		return false;
	s->sa->no_pfs = !s->sa->no_pfs;
	return s->sa->no_pfs;
}

/* A network of the profile that the gateway makes no child SA for. */
static void extra_refused(
	struct step *s, const struct selector *network, uint16_t type, bool at_once)
{
	char name[NOTIFY_TEXT_MAX], text[SELECTOR_TEXT_MAX];
	struct v2 *v = s->v;

	if (at_once) {
		v->extra_ts = 0;
	} else if (type == TEMPORARY_FAILURE) {
		v2_extra_again(v, v->now + jittered(RETRY_MS, v->rng));
	} else {
		outbox_event(s->ob, EV_WARNING, LEVEL_WARN,
			"the gateway does not carry %s of esp.remote-ts: %s",
			selector_text(text, network), notify_text(name, type));
	}
}

/* The gateway deleted the last child SA, and makes none instead of it now: it is asked again for as long as that
 * is worth while. The old one lingers until then, for it says what to ask for. */
static void remake_later(struct v2 *v, struct child *old, bool at_once)
{
	uint64_t at = at_once ? v->now : v->now + jittered(RETRY_MS, v->rng);

	if (at >= v->remake_from)
		return;
	v->remake = old->spi_in;
	v->remake_at = at;
	if (old->until <= at)
		old->until = at + CHILD_LINGER_MS;
}

/* An error to a rekey is not the end: the old child still carries traffic. */
static bool child_refused(
	struct step *s, struct child *old, const struct offer *o, const struct notify *n)
{
	struct v2 *v = s->v;
	char name[NOTIFY_TEXT_MAX];

	outbox_log(s->ob, LEVEL_INFO, "the gateway answers CREATE_CHILD_SA with %s",
		notify_text(name, n->type));
	struct sa_ref in = v2_inbound(v, o->spi_in);
	outbox_sa_remove(s->ob, &in);
	bool at_once = offer_changes(s, n);
	if (!o->old_spi_in)
		extra_refused(s, &o->remote_ts.v[0], n->type, at_once);
	if (old && old->lost && old->state == CHILD_LINGERING &&
		(at_once || n->type == TEMPORARY_FAILURE))
		remake_later(v, old, at_once);
	if (!old || old->state != CHILD_UP)
		return true; /* or the gateway replaced it meanwhile */
	if (n->type == CHILD_SA_NOT_FOUND && !old->lost) /* section 2.25: so a new one is made */
		old->lost = at_once = true;
	old->want_rekey = true;
	old->retry_at = at_once ? v->now : v->now + jittered(RETRY_MS, v->rng);
	if (!at_once && n->type != TEMPORARY_FAILURE)
		outbox_not_rekeyed(s->ob, n->type,
			"the gateway does not rekey the child SA now%s: %s",
			may_mean_pfs(n->type) ? child_pfs_doubt(v->cfg) : "", name);
	return n->type != NO_ADDITIONAL_SAS ||
		err_notify(s->e, ERR_PEER, n->type, "the gateway does not rekey child SAs");
}

/* Who deletes what, section 2.8.1: the loser its own new child, the winner the old one. */
static void settle_child(struct step *s, struct child *made, struct child *old, bool lost)
{
	if (lost) {
		outbox_log(s->ob, LEVEL_DEBUG,
			"both sides rekeyed at once; the gateway's child SA stays");
		made->state = CHILD_DELETING;
		made->adopt_at = TIME_NEVER;
		return;
	}
	if (!old)
		return;
	if (old->state == CHILD_UP) {
		old->state = CHILD_RETIRING;
		old->until = made->adopt_at = s->v->now + TAKE_OVER_MS;
		old->expire_at = TIME_NEVER;
	} else if (old->state != CHILD_LINGERING) {
		old->state = CHILD_DELETING;
	}
	old->want_rekey = false;
}

/* Our rekey that made c is over when its predecessor is deleted: until then the gateway may hold back
 * its outbound half of c (section 2.8), and strongSwan 6.0 loses that for good, or takes the predecessor's
 * again, where c is rekeyed before. */
bool v2_child_succeeds(struct v2 *v, struct child *c, struct outbox *ob)
{
	bool over = true;

	for (size_t i = 0; i < v->children.n; i++) {
		struct child *old = v->children.v[i];
		if (old == c || old->number != c->number)
			continue;
		if (old->state == CHILD_RETIRING) {
			old->state = CHILD_DELETING;
			child_adopt(c, false, ob);
		}
		over &= old->state != CHILD_DELETING;
	}
	return over;
}

static bool read_key_exchange(
	struct step *s, const struct ke *ke, const struct suite *suite, struct ke_secret *shared)
{
	const struct payload *p = payload_find(s->p, PAYLOAD_KE);
	struct bytes value;
	uint16_t group;

	if (!suite->ke)
		return true;
	if (!p || !v2_ke_read(p->body, &group, &value) || group != suite->ke->id || !ke ||
		ke_group(ke) != suite->ke)
		return err_set(s->e, ERR_PEER, "the gateway's key exchange is of another group");
	return ke_shared(ke, value, shared, s->e);
}

/* There are gateways that answer before they have their half (OpenIKED): until they use it, or a moment
 * has passed, we go on by the old child where that is possible. */
static bool still_carries(const struct v2 *v, const struct child *old)
{
	return old->state == CHILD_UP && !old->lost && !old->spent && v2_child_fits(v, old);
}

bool v2_child_recv(struct step *s)
{
	struct v2 *v = s->v;
	struct offer *o = &s->sa->req.offer;
	struct child *old = child_find(&v->children, o->old_spi_in), *made = NULL;
	const struct payload *nonce = payload_find(s->p, PAYLOAD_NONCE);
	bool lost = false;
	struct notify n;

	if (notify_find_error(s->p, &n)) {
		v2_request_done(s->sa);
		return child_refused(s, old, o, &n);
	}
	if (!nonce || nonce->body.n < NONCE_MIN || nonce->body.n > NONCE_MAX)
		return err_set(s->e, ERR_PEER, "the gateway's answer lacks a nonce");
	struct ke_secret shared;
	made = child_new(o->number, o->spi_in);
	if (!made)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	bool ok = v2_child_read(s, o, made) && read_key_exchange(s, o->ke, &made->suite, &shared);
	if (ok) {
		struct v2_nonces both = { { o->nonce, sizeof(o->nonce) }, nonce->body, true };
		lost = o->rival && v2_lost_collision(o, nonce->body);
		bool hold_out = lost || (old && still_carries(v, old));
		made = v2_child_add(v, s->sa, made, &both, made->suite.ke ? &shared : NULL,
			hold_out, s->ob, s->e);
	} else {
		child_free(made);
		made = NULL;
	}
	wipe(&shared, sizeof(shared));
	if (!made)
		return false;
	settle_child(s, made, old, lost);
	if (made->spi_out == o->gone_spi) /* what the gateway said since has arrived before */
		child_deleted(&v->children, made, v->now, s->ob);
	v2_request_done(s->sa);
	s->sa->wrong_groups = 0;
	if (old) {
		v->rekeys_child++;
		outbox_event(s->ob, EV_REKEYED, LEVEL_INFO, "child SA rekeyed");
	}
	return true;
}

/* --- the gateway's own request ------------------------------------------------------------------ */

static bool refuse(struct step *s, uint16_t type, struct bytes spi, struct bytes data)
{
	ikew_notify(s->reply, spi.n ? PROTO_ESP : 0, type, spi, data);
	return true;
}

bool v2_refuse_group(struct step *s, const struct alg *want)
{
	uint8_t id[2] = { want->id >> 8, want->id & 0xff };

	return refuse(s, INVALID_KE_PAYLOAD, (struct bytes){ 0 }, (struct bytes){ id, sizeof(id) });
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
	bool ok = v2_ts_read(payload_find(s->p, PAYLOAD_TSi)->body, theirs, s->e) &&
		(narrow(theirs, remote, &c->remote_ts) ||
			err_notify(s->e, ERR_PEER, TS_UNACCEPTABLE,
				"traffic selectors nobody asked for")) &&
		v2_ts_read(payload_find(s->p, PAYLOAD_TSr)->body, theirs, s->e) &&
		(narrow(theirs, local, &c->local_ts) ||
			err_notify(s->e, ERR_PEER, TS_UNACCEPTABLE,
				"traffic selectors nobody asked for"));
	free(theirs);
	return ok;
}

static void write_child_answer(struct step *s, const struct child *c, const struct v2_nonces *n,
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
static void note_rival(struct v2_sa *sa, const struct child *old, const struct v2_nonces *n)
{
	struct offer *o = &sa->req.offer;
	struct bytes low = v2_lower_nonce(n->ni, n->nr);

	if (!old || sa->req.task != TASK_REKEY_CHILD || o->old_spi_in != old->spi_in)
		return;
	o->rival = true;
	memcpy(o->rival_nonce, low.p, low.n);
	o->rival_nonce_len = low.n;
}

/* Takes c in, or frees it. */
static bool make_child(struct step *s, struct child *old, struct child *c,
	const struct v2_nonces *n, uint8_t number)
{
	struct ke *ke = NULL;
	struct ke_secret shared;
	const struct payload *p = payload_find(s->p, PAYLOAD_KE);
	struct bytes value;
	uint16_t group;
	bool pfs = c->suite.ke != NULL, ok = true;

	if (pfs) {
		if (!p || !v2_ke_read(p->body, &group, &value) || group != c->suite.ke->id) {
			ok = v2_refuse_group(s, c->suite.ke);
			child_free(c);
			return ok;
		}
		ke = ke_new(c->suite.ke, s->v->rng, s->e);
		ok = ke && ke_shared(ke, value, &shared, s->e);
	}
	if (!ok)
		child_free(c);
	else
		ok = (c = v2_child_add(s->v, s->sa, c, n, pfs ? &shared : NULL, old != NULL, s->ob,
			      s->e)) != NULL;
	if (ok) {
		c->unsure_until = s->v->now + UNSURE_MS;
		write_child_answer(s, c, n, number, ke);
		note_rival(s->sa, old, n);
		if (old)
			replaced(s, old);
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
	v2_esp_offer(ours, s->v->cfg, pfs_mode(s->v, s->sa), pfs_group(s->v, s->sa));
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
	struct v2_nonces n = { payload_find(s->p, PAYLOAD_NONCE)->body, { nonce, sizeof(nonce) },
		false };

	rng_fill(v->rng, nonce, sizeof(nonce));
	uint32_t which = old ? old->number : ++v->children.last_number;
	struct child *c = child_new(which, child_new_spi(&v->children, v->rng));
	if (!c)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	if (choose_child(s, old, c, &number))
		return make_child(s, old, c, &n, number);
	child_free(c);
	return false;
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
		return refuse(s, TEMPORARY_FAILURE, (struct bytes){ 0 }, (struct bytes){ 0 });
	if (nonce->body.n < NONCE_MIN || nonce->body.n > NONCE_MAX)
		return err_notify(s->e, ERR_PEER, INVALID_SYNTAX, "a nonce of %zu octet%s",
			nonce->body.n, plural(nonce->body.n));
	if (!payload_find(s->p, PAYLOAD_TSi) && !payload_find(s->p, PAYLOAD_TSr))
		return v2_rekey_request(s);
	if (!payload_find(s->p, PAYLOAD_TSi) || !payload_find(s->p, PAYLOAD_TSr))
		return err_notify(s->e, ERR_PEER, INVALID_SYNTAX, "half of the traffic selectors");
	if (task == TASK_REKEY_IKE)
		return refuse(s, TEMPORARY_FAILURE, (struct bytes){ 0 }, (struct bytes){ 0 });
	if (notify_find(s->p, REKEY_SA, &n)) {
		struct rd r = rd_init(n.spi.p, n.spi.n);
		old = child_by_out(&s->v->children, s->sa, rd_u32(&r));
		/* What the answer to our own request would bring may be just that child. */
		bool coming = task == TASK_REKEY_CHILD || task == TASK_NEW_CHILD;
		if (!rd_done(&r) || (!old && !coming))
			return refuse(s, CHILD_SA_NOT_FOUND, n.spi, (struct bytes){ 0 });
		if (!old || old->state != CHILD_UP || !v2_child_succeeds(s->v, old, s->ob))
			return refuse(
				s, TEMPORARY_FAILURE, (struct bytes){ 0 }, (struct bytes){ 0 });
	} else if (s->v->children.n >= IKE_CHILDREN_MAX) { /* the rest of the room is for rekeys */
		return refuse(s, NO_ADDITIONAL_SAS, (struct bytes){ 0 }, (struct bytes){ 0 });
	}
	return answer_child(s, old);
}
