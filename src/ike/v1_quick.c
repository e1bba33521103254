#include "v1_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * Quick mode, RFC 2409 section 5.5, either side first:
 *
 *	HDR*, HASH(1), SA, Ni, [KE,] IDci, IDcr [, NAT-OA, NAT-OA]  -->
 *	                    <--  HDR*, HASH(2), SA, Nr, [KE,] IDci, IDcr [, NAT-OA, NAT-OA]
 *	HDR*, HASH(3)                                               -->
 *
 * Nothing in the protocol says that one quick mode replaces another: that both have the same
 * selectors does. What was replaced stays readable until it is deleted or ends.
 */

static struct v1_esp_form form_of(
	const struct v1 *v, const struct v1_sa *sa, const struct alg *group)
{
	return (struct v1_esp_form){ .mode = v->cfg->mode,
		.encap = v->natt,
		.natt = sa->peer.natt,
		.group = group,
		.life.ms = v->cfg->child_lifetime };
}

/* A new key exchange where the profile names a group or wants one, or the gateway does; `auto` tries
 * it in tunnels, but not for L2TP, whose gateways know none. */
static const struct alg *pfs_group(const struct v1 *v, const struct v1_sa *sa)
{
	const struct alg *named = prop_first_ke(v->cfg->esp_proposals);

	if (v->cfg->pfs == TRI_NO && !v->want_pfs)
		return NULL;
	if (v->cfg->pfs == TRI_AUTO && !v->want_pfs &&
		(v->no_pfs || (!named && v->cfg->mode == SA_TRANSPORT)))
		return NULL;
	return named && named->v1_ike ? named : sa->suite.ke;
}

static bool with_nat_oa(const struct v1 *v, const struct v1_sa *sa)
{
	return v->cfg->mode == SA_TRANSPORT && v->natt && sa->peer.natt != NATT_NONE;
}

static void write_ends(const struct v1 *v, const struct v1_sa *sa, struct ikew *k,
	const struct selector *initiator, const struct selector *responder, bool ours)
{
	const struct addr *a = &v->path.local, *b = &v->path.remote;

	v1_selector_write(k, initiator);
	v1_selector_write(k, responder);
	if (!with_nat_oa(v, sa))
		return;
	v1_nat_oa_write(k, sa->peer.natt, ours ? a : b);
	v1_nat_oa_write(k, sa->peer.natt, ours ? b : a);
}

/* Rekeys may come faster than what they replace is over: what goes first goes now, and lingers no longer. */
static void end_early(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	struct child *first = NULL;

	for (size_t i = 0; v->children.n == CHILDREN_MAX && i < v->children.n; i++) {
		struct child *c = v->children.v[i];
		if (c->state == CHILD_LINGERING)
			return;
		if ((c->state == CHILD_RETIRING || c->state == CHILD_REPLACED) &&
			(!first || c->until < first->until))
			first = c;
	}
	if (!first)
		return;
	if (first->state == CHILD_RETIRING)
		v1_delete_child(v, sa, first, ob);
	child_deleted(&v->children, first, v->now, ob);
}

/* The child of an offer as agreed on. hold_out: its outbound half is not used yet. */
static struct child *child_add(struct v1_step *s, const struct v1_offer *o,
	const struct v1_terms *t, const struct ke_secret *shared, bool hold_out)
{
	struct bytes ni = { o->ni, o->ni_len }, nr = { o->nr, o->nr_len };
	struct child *c = child_new(o->number, o->spi_in);
	struct v1 *v = s->v;
	struct sa_spec *in;

	if (!c) {
		err_set(s->e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	c->spi_out = t->spi;
	c->suite = t->suite;
	c->mode = t->mode;
	c->encap = v->natt;
	c->local = v1_local(v);
	c->remote = v->path.remote;
	c->local_ts.n = c->remote_ts.n = 1;
	c->local_ts.v[0] = o->local_ts;
	c->remote_ts.v[0] = o->remote_ts;
	c->octets = shorter(t->life.octets, v->octets_told);
	child_lifetime(c, shorter(v->cfg->child_lifetime, t->life.ms), v->now, v->rng);
	end_early(v, s->sa, s->ob);
	in = child_specify(&v->children, c, v->cfg, s->ob, s->e);
	bool keyed = in && v1_keymat(s->sa, &t->suite, shared, ni, nr, in, s->e) &&
		v1_keymat(s->sa, &t->suite, shared, ni, nr, c->held_out, s->e);
	return child_install(&v->children, c, in, keyed, hold_out, v->now, s->ob);
}

/* --- ours ------------------------------------------------------------------------------------------- */

static bool prepare(struct v1 *v, struct v1_sa *sa, const struct child *old, struct v1_ends *pair,
	struct v1_offer *o, struct err *e)
{
	const struct alg *group = pfs_group(v, sa);

	rng_fill(v->rng, o->ni, V1_NONCE_LEN);
	o->ni_len = V1_NONCE_LEN;
	o->spi_in = child_new_spi(&v->children, v->rng);
	o->old_spi_in = old ? old->spi_in : 0;
	o->number = old ? old->number : v1_pair_number(v, pair);
	o->proposals = *v->cfg->esp_proposals;
	o->local_ts = old ? old->local_ts.v[0] : pair->local;
	o->remote_ts = old ? old->remote_ts.v[0] : pair->remote;
	o->pair = pair;
	o->ke = group ? ke_new(group, v->rng, e) : NULL;
	return !group || o->ke;
}

static struct sa_ref inbound(const struct v1 *v, const struct v1_offer *o)
{
	return (struct sa_ref){ SA_IN, o->spi_in, v->path.remote, v1_local(v) };
}

bool v1_quick_send(struct v1 *v, struct v1_sa *sa, struct child *old, struct v1_ends *pair,
	struct outbox *ob, struct err *e)
{
	struct v1_xchg *x = v1_xchg_new(v, sa, V1X_QUICK, v1_new_mid(v, sa));
	uint8_t buf[8192];
	struct suite any;
	struct ikew k;

	if (!x || !x->offer)
		return err_set(e, ERR_LOCAL, "no room for another exchange");
	if (!v1_combination(v->cfg->esp_proposals, false, 0, &any))
		return err_set(e, ERR_CONFIG, "none of esp.proposals can be offered in IKEv1");
	struct v1_offer *o = x->offer;
	if (!prepare(v, sa, old, pair, o, e))
		return false;
	struct v1_esp_form f = form_of(v, sa, o->ke ? ke_group(o->ke) : NULL);
	ikew_chain(&k, buf, sizeof(buf));
	v1_sa_write_phase2(&k, &o->proposals, &f, o->spi_in);
	ikew_bytes(&k, V1P_NONCE, (struct bytes){ o->ni, o->ni_len });
	if (o->ke)
		v1_ke_write(&k, o->ke);
	write_ends(v, sa, &k, &o->local_ts, &o->remote_ts, true);
	/* There are gateways that send by the new SA from their answer on. */
	struct sa_ref in = inbound(v, o);
	outbox_sa_expect(ob, &in);
	return v1_send(v, x, V1_QUICK_MODE, (struct bytes){ 0 }, &k, true, ob, e);
}

/* Where the two sides see each other at other addresses than their own. A data plane in user space
 * makes the checksums of transport mode anew and the kernel does not look at them, so that nothing
 * depends on it (RFC 3948 section 3.1.2); what is wrong in there does no harm. */
static void note_nat_oa(struct v1_step *s, bool ours)
{
	const struct payload *p = payload_nth(s->p, V1P_NAT_OA, ours ? 1 : 0);
	char itself[ADDR_TEXT_MAX], we[ADDR_TEXT_MAX];
	struct addr own;

	if (!p || !with_nat_oa(s->v, s->sa))
		return;
	if (!v1_nat_oa_read(p->body, &own))
		outbox_log(s->ob, LEVEL_DEBUG, "ignored a malformed NAT-OA payload");
	else if (!addr_same_host(&own, &s->v->path.remote))
		outbox_log(s->ob, LEVEL_INFO, "the gateway's own address is %s, we see it at %s",
			addr_text(itself, &own), addr_text(we, &s->v->path.remote));
}

static bool take_nonce(struct v1_step *s, uint8_t out[V1_NONCE_MAX], size_t *len)
{
	const struct payload *p = payload_find(s->p, V1P_NONCE);

	if (!p || p->body.n < V1_NONCE_MIN || p->body.n > V1_NONCE_MAX)
		return err_set(s->e, ERR_PEER, "the gateway's quick mode lacks a nonce");
	memcpy(out, p->body.p, p->body.n);
	*len = p->body.n;
	return true;
}

static bool share(struct v1_step *s, const struct ke *ke, struct ke_secret *shared)
{
	const struct payload *p = payload_find(s->p, V1P_KE);

	if (!ke)
		return true;
	if (!p)
		return err_set(s->e, ERR_PEER, "the gateway's quick mode lacks a key exchange");
	return ke_shared(ke, p->body, shared, s->e);
}

/* RFC 2407 section 4.6.3.1: it may say here what it does not in the SA payload. */
static void note_lifetime(struct v1_step *s, struct v1_life *life)
{
	struct notify n;

	for (size_t i = 0; i < s->p->n; i++)
		if (s->p->v[i].type == V1P_N && v1_notify_read(&n, s->p->v[i].body) &&
			n.type == V1_RESPONDER_LIFETIME) {
			struct v1_life said = v1_lifetime_read(n.data);
			life->ms = shorter(life->ms, said.ms);
			life->octets = shorter(life->octets, said.octets);
		}
}

void v1_child_replace(struct v1 *v, struct child *old, enum child_state state, struct outbox *ob)
{
	if (!old || old->state != CHILD_UP)
		return;
	old->state = state;
	old->want_rekey = false;
	old->rekey_at = TIME_NEVER;
	old->until = v->now + V1_OVERLAP_MS;
	v->rekeys_child++;
	outbox_event(ob, EV_REKEYED, LEVEL_INFO, "child SA rekeyed%s",
		state == CHILD_REPLACED ? " by the gateway" : "");
}

static struct child *take_answer(struct v1_step *s)
{
	struct v1_offer *o = s->x->offer;
	const struct payload *sa = payload_find(s->p, V1P_SA);
	const struct payload *idi = payload_find(s->p, V1P_ID), *idr = payload_nth(s->p, V1P_ID, 1);
	struct v1_esp_form f = form_of(s->v, s->sa, o->ke ? ke_group(o->ke) : NULL);
	struct ke_secret shared = { 0 };
	struct child *made = NULL;
	struct v1_terms t;

	if (!sa)
		err_set(s->e, ERR_PEER, "the gateway's quick mode lacks an SA");
	else if (v1_sa_read_phase2(sa->body, &o->proposals, &f, false, &t, s->e) &&
		take_nonce(s, o->nr, &o->nr_len) && share(s, o->ke, &shared) &&
		(!idi || !idr ||
			(v1_selector_narrow(&o->local_ts, idi->body, t.mode, s->e) &&
				v1_selector_narrow(&o->remote_ts, idr->body, t.mode, s->e)))) {
		/* The gateway has its half only once it has our last message: what we send by the
		 * new SA until then would be lost, and by the old one is not. */
		const struct child *old = child_find(&s->v->children, o->old_spi_in);
		bool hold_out = old && old->state == CHILD_UP && !old->spent;
		note_lifetime(s, &t.life);
		made = child_add(s, o, &t, o->ke ? &shared : NULL, hold_out);
	}
	wipe(&shared, sizeof(shared));
	return made;
}

static bool answer_recv(struct v1_step *s)
{
	struct v1_offer *o = s->x->offer;
	uint8_t nonces[2 * V1_NONCE_MAX];
	struct notify n;

	if (v1_notify_error(s->p, &n)) {
		v1_quick_refused(s->v, s->x, &n, s->ob);
		return true;
	}
	struct child *made = take_answer(s);
	if (!made)
		return false;
	note_nat_oa(s, true);
	if (o->pair)
		o->pair->made = true;
	v1_child_replace(s->v, child_find(&s->v->children, o->old_spi_in), CHILD_RETIRING, s->ob);
	memcpy(nonces, o->ni, o->ni_len);
	memcpy(nonces + o->ni_len, o->nr, o->nr_len);
	bool ok = v1_send(s->v, s->x, V1_QUICK_MODE,
		(struct bytes){ nonces, o->ni_len + o->nr_len }, NULL, false, s->ob, s->e);
	v1_xchg_done(s->v, s->x);
	return ok;
}

/* --- ours, refused or unanswered ---------------------------------------------------------------------- */

void v1_quick_refused(struct v1 *v, struct v1_xchg *x, const struct notify *n, struct outbox *ob)
{
	struct child *old = child_find(&v->children, x->offer->old_spi_in);
	struct sa_ref in = inbound(v, x->offer);
	struct v1_ends *pair = x->offer->pair;
	bool with_pfs = x->offer->ke != NULL, first = v->children.n == 0;
	char name[NOTIFY_TEXT_MAX];
	struct err e;

	outbox_log(ob, LEVEL_INFO, "the gateway answers quick mode with %s",
		v1_notify_text(name, n->type));
	outbox_sa_remove(ob, &in);
	v1_xchg_drop(v, x);
	bool without = with_pfs && v->cfg->pfs == TRI_AUTO && !v->want_pfs;
	v->no_pfs = without; /* where that is refused as well it was not PFS that was meant */
	if (without)
		outbox_log(ob, LEVEL_INFO, "trying it without perfect forward secrecy");
	if (old) {
		old->want_rekey = old->state == CHILD_UP;
		old->retry_at = v->now + (without ? 0 : V1_RETRY_MS);
		if (!without)
			outbox_not_rekeyed(ob, n->type,
				"the gateway does not rekey the child SA now: %s", name);
	} else if (first && !without) {
		err_notify(&e, ERR_PEER, n->type, "the gateway answers quick mode with %s",
			v1_notify_text(name, n->type));
		v1_fail(v, &e, ob);
	} else if (pair) {
		pair->not_before = v->now;
		if (!without)
			v1_pair_refused(v, pair, name, ob);
	}
}

void v1_quick_unanswered(struct v1 *v, struct v1_xchg *x, struct outbox *ob)
{
	struct child *old = child_find(&v->children, x->offer->old_spi_in);
	struct sa_ref in = inbound(v, x->offer);
	struct v1_ends *pair = x->offer->pair;
	bool first = v->children.n == 0;
	char to[ADDR_TEXT_MAX];
	struct err e;

	addr_port_text(to, &v->path.remote);
	err_set(&e, ERR_SILENT, "%s does not answer quick mode (sent %u time%s)", to,
		x->rexmit.tries, plural(x->rexmit.tries));
	outbox_sa_remove(ob, &in);
	v1_xchg_drop(v, x);
	if (first ||
		old) /* a gateway that does not answer a rekey has forgotten phase 1, or is gone */
		v1_fail(v, &e, ob);
	else if (pair && pair->made)
		pair->not_before = v->now + V1_REMAKE_MS;
	else if (pair)
		v1_pair_refused(v, pair, "no answer", ob);
}

/* The gateway never confirmed what it began; if it used the SA, that is in use all the same. */
void v1_quick_unconfirmed(struct v1 *v, struct v1_xchg *x, struct outbox *ob)
{
	struct child *made = child_find(&v->children, x->offer->spi_in);

	if (made && made->held_out)
		child_remove(&v->children, made, ob);
	else if (made)
		v1_child_replace(
			v, child_find(&v->children, x->offer->old_spi_in), CHILD_REPLACED, ob);
}

void v1_quick_lost(struct v1 *v, struct v1_xchg *x, struct outbox *ob)
{
	struct sa_ref in;

	if (!x->waiting || !x->offer)
		return;
	if (x->kind == V1X_QUICK) {
		in = inbound(v, x->offer);
		outbox_sa_remove(ob, &in);
	} else {
		v1_quick_unconfirmed(v, x, ob);
	}
	x->waiting = false;
	if (x->offer->pair)
		x->offer->pair->not_before = v->now;
	struct child *old = child_find(&v->children, x->offer->old_spi_in);
	if (old && old->state == CHILD_UP) {
		old->want_rekey = true;
		old->retry_at = v->now;
	}
}

/* --- the gateway's --------------------------------------------------------------------------------------- */

static void refuse(struct v1_step *s, uint16_t type)
{
	uint8_t buf[128];
	struct ikew k;

	outbox_log(s->ob, LEVEL_INFO, "refused a quick mode of the gateway: %s", s->e->text);
	ikew_chain(&k, buf, sizeof(buf));
	v1_notify_write(&k, s->sa, type, (struct bytes){ 0 });
	/* Nothing in it says which way it went: come back, it would refuse what we have begun. */
	v1_mid_note(s->sa, v1_send_info(s->v, s->sa, &k, s->ob));
}

static struct child *same_selectors(const struct v1 *v, const struct v1_offer *o)
{
	for (size_t i = 0; i < v->children.n; i++) {
		struct child *c = v->children.v[i];
		if (c->state == CHILD_UP && selector_same(&c->local_ts.v[0], &o->local_ts) &&
			selector_same(&c->remote_ts.v[0], &o->remote_ts))
			return c;
	}
	return NULL;
}

static bool take_end(const struct v1 *v, const struct payload *p, bool local, struct selector *out,
	struct err *e)
{
	for (size_t i = 0; i < v->n_pairs; i++) {
		*out = local ? v->pairs[i].local : v->pairs[i].remote;
		if (!p || v1_selector_narrow(out, p->body, v->cfg->mode, e))
			return true;
	}
	return err_notify(
		e, ERR_PEER, V1_INVALID_ID_INFORMATION, "traffic selectors nobody asked for");
}

/* Whether it comes with a key exchange is the gateway's choice; the group then has to be one that we
 * would use. */
static bool choose(struct v1_step *s, struct v1_offer *o, struct v1_esp_form *f, struct v1_terms *t)
{
	const struct payload *sa = payload_find(s->p, V1P_SA);
	bool with_ke = payload_find(s->p, V1P_KE) != NULL;
	const struct alg *a;

	if (!sa || (!with_ke && s->v->cfg->pfs == TRI_YES))
		return err_notify(s->e, ERR_PEER, NO_PROPOSAL_CHOSEN, "a quick mode without %s",
			sa ? "key exchange" : "SA");
	*f = form_of(s->v, s->sa, NULL);
	if (!with_ke)
		return v1_sa_read_phase2(sa->body, &o->proposals, f, true, t, s->e);
	for (size_t i = 0; (a = alg_row(i)); i++) {
		f->group = a;
		if (a->type == TRANSFORM_KE && a->v1_ike && alg_usable(a) &&
			(a == s->sa->suite.ke || prop_offers(s->v->cfg->ike_proposals, a) ||
				prop_offers(&o->proposals, a)) &&
			v1_sa_read_phase2(sa->body, &o->proposals, f, true, t, s->e))
			return true;
	}
	return err_notify(s->e, ERR_PEER, NO_PROPOSAL_CHOSEN,
		"the gateway proposes nothing that is acceptable");
}

static bool read_request(struct v1_step *s, struct v1_offer *o, struct v1_esp_form *f,
	struct v1_terms *t, struct ke_secret *shared)
{
	struct v1 *v = s->v;

	o->proposals = *v->cfg->esp_proposals;
	o->spi_in = child_new_spi(&v->children, v->rng);
	rng_fill(v->rng, o->nr, V1_NONCE_LEN);
	o->nr_len = V1_NONCE_LEN;
	if (!take_nonce(s, o->ni, &o->ni_len) || !choose(s, o, f, t) ||
		!take_end(v, payload_find(s->p, V1P_ID), false, &o->remote_ts, s->e) ||
		!take_end(v, payload_nth(s->p, V1P_ID, 1), true, &o->local_ts, s->e))
		return false;
	o->ke = f->group ? ke_new(f->group, v->rng, s->e) : NULL;
	return !f->group || (o->ke && share(s, o->ke, shared));
}

static bool write_answer(struct v1_step *s, const struct v1_offer *o, const struct v1_esp_form *f,
	const struct v1_terms *t)
{
	uint8_t buf[4096];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	v1_sa_answer_phase2(&k, t, f, o->spi_in);
	ikew_bytes(&k, V1P_NONCE, (struct bytes){ o->nr, o->nr_len });
	if (o->ke)
		v1_ke_write(&k, o->ke);
	write_ends(s->v, s->sa, &k, &o->remote_ts, &o->local_ts, false);
	return v1_send(s->v, s->x, V1_QUICK_MODE, (struct bytes){ o->ni, o->ni_len }, &k, true,
		s->ob, s->e);
}

static bool request_recv(struct v1_step *s)
{
	struct ke_secret shared = { 0 };
	struct child *made = NULL;
	struct v1_esp_form f = { 0 };
	struct v1_terms t = { 0 };

	s->x = v1_xchg_accept(s, V1X_SERVED);
	if (!s->x || !s->x->offer)
		return err_set(s->e, ERR_DROP, "no room for another exchange");
	struct v1_offer *o = s->x->offer;
	if (read_request(s, o, &f, &t, &shared)) {
		struct child *old = same_selectors(s->v, o);
		o->number = old ? old->number : v1_pair_number(s->v, v1_pair_for(s->v, o));
		o->old_spi_in = old ? old->spi_in : 0;
		f.life = t.life.ms || t.life.octets ? t.life : f.life;
		note_nat_oa(s, false);
		made = child_add(s, o, &t, o->ke ? &shared : NULL, true);
		/* HASH(3), or what comes by it, says that the gateway has its half; time does not. */
		if (made)
			made->adopt_at = TIME_NEVER;
	}
	wipe(&shared, sizeof(shared));
	if (made && write_answer(s, o, &f, &t))
		return true;
	refuse(s, s->e->notify ? s->e->notify : V1_PAYLOAD_MALFORMED);
	if (made)
		child_remove(&s->v->children, made, s->ob);
	v1_xchg_drop(s->v, s->x);
	return true;
}

/* HASH(3) was right: the gateway has its half. */
static bool third_recv(struct v1_step *s)
{
	struct child *made = child_find(&s->v->children, s->x->offer->spi_in);
	struct child *old = child_find(&s->v->children, s->x->offer->old_spi_in);

	if (made) {
		child_adopt(made, true, s->ob);
		v1_child_replace(s->v, old, CHILD_REPLACED, s->ob);
	}
	kept_free(&s->x->sent); /* it ends here: the same once more gets no answer */
	v1_xchg_done(s->v, s->x);
	return true;
}

bool v1_quick_recv(struct v1_step *s)
{
	if (!s->x)
		return request_recv(s);
	if (!s->x->waiting)
		return err_set(s->e, ERR_DROP, "a quick mode that is over");
	return s->x->kind == V1X_QUICK ? answer_recv(s) : third_recv(s);
}
