#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * CREATE_CHILD_SA for child SAs of ours, RFC 7296 sections 1.3.1 and 1.3.3 (the gateway's: v2_create.c):
 *
 *	HDR, SK {[N(REKEY_SA),] SA, Ni, [KEi,] TSi, TSr}  -->
 *	                          <--  HDR, SK {SA, Nr, [KEr,] TSi, TSr}
 *
 * When both sides rekey the same child at once (section 2.8.1) both exchanges succeed, and the
 * child whose exchange has the lowest of the four nonces is deleted by who made it. Additional key exchanges
 * (v2_series.c) come between the two messages and the child: then that exchange is not gone on with.
 */

enum ke_mode v2_pfs_mode(const struct v2 *v, const struct v2_sa *sa)
{
	if (v->cfg->pfs == TRI_NO || sa->no_pfs)
		return KE_LEFT_OUT;
	if (v->cfg->pfs == TRI_YES || prop_first_ke(v->cfg->esp_proposals))
		return KE_WANTED;
	return KE_OPTIONAL;
}

const struct alg *v2_pfs_group(const struct v2 *v, const struct v2_sa *sa)
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
	enum ke_mode mode = v2_pfs_mode(v, sa);
	const struct alg *group = v2_pfs_group(v, sa);

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
	const struct v2_fresh *f, bool hold_out, struct outbox *ob, struct err *e)
{
	struct sa_spec *in;

	c->sa = sa;
	c->ecn = true; /* RFC 7296 section 2.24 */
	c->encap = v->encap;
	c->local = v2_local(v);
	c->remote = v->path.remote;
	child_lifetime(c, v->cfg->child_lifetime, v->now, v->rng);
	in = child_specify(&v->children, c, v->cfg, ob, e);
	bool keyed = in && v2_keymat(sa, &c->suite, f, in, c->held_out, e);
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
	case STATE_NOT_FOUND:
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
	if (!may_mean_pfs(n->type) || s->v->cfg->pfs != TRI_AUTO ||
		prop_addke_always(s->v->cfg->esp_proposals))
		return false;
	s->sa->no_pfs = !s->sa->no_pfs;
	return s->sa->no_pfs;
}

/* A network of the profile that the gateway makes no child SA for. at_once: it is asked once more, and no other, for
 * two that are refused alike would take turns for ever. */
static void extra_refused(
	struct step *s, const struct selector *network, uint16_t type, bool at_once)
{
	char name[NOTIFY_TEXT_MAX], text[SELECTOR_TEXT_MAX];
	struct v2 *v = s->v;

	if (at_once) {
		v->extra_ts -= v->extra_ts > 0;
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
	struct bytes value;

	if (!suite->ke)
		return true;
	if (!v2_ke_of(s->p, suite->ke, &value) || !ke || ke_group(ke) != suite->ke)
		return err_set(s->e, ERR_PEER, "the gateway's key exchange is of another group");
	return ke_shared(ke, value, shared, s->e);
}

/* There are gateways that answer before they have their half (OpenIKED): until they use it, or a moment
 * has passed, we go on by the old child where that is possible. */
static bool still_carries(const struct v2 *v, const struct child *old)
{
	return old->state == CHILD_UP && !old->lost && !old->spent && v2_child_fits(v, old);
}

/* Takes made in, or frees it. All key exchanges are over. */
static bool child_made(
	struct step *s, struct child *made, struct child *old, const struct v2_fresh *f, bool lost)
{
	struct v2 *v = s->v;
	struct offer *o = &s->sa->req.offer;

	made = v2_child_add(v, s->sa, made, f, lost || (old && still_carries(v, old)), s->ob, s->e);
	if (!made)
		return false;
	settle_child(s, made, old, lost);
	if (made->spi_out == o->gone_spi) /* what the gateway said since has arrived before */
		child_deleted(&v->children, made, v->now, s->ob);
	v2_request_done(s->sa);
	series_free(&o->series);
	s->sa->wrong_groups = 0;
	if (old) {
		v->rekeys_child++;
		outbox_event(s->ob, EV_REKEYED, LEVEL_INFO, "child SA rekeyed");
	}
	return true;
}

/* RFC 9370 section 2.2.4: the gateway goes on with its rekey of the same child SA, and we with nothing. */
static bool child_lost(struct step *s, struct child *old)
{
	const struct series *theirs = s->sa->theirs;
	struct sa_ref in = v2_inbound(s->v, s->sa->req.offer.spi_in);

	outbox_log(s->ob, LEVEL_DEBUG, "both sides rekeyed at once; the gateway's child SA stays");
	outbox_sa_remove(s->ob, &in);
	v2_request_done(s->sa);
	if (old && old->state == CHILD_UP) { /* if it ever gets there */
		old->want_rekey = true;
		old->retry_at = theirs ? theirs->until : s->v->now + RETRY_MS;
	}
	return true;
}

/* Takes made in, or frees it. Additional key exchanges follow, unless the gateway's exchange stays. */
static bool go_on(
	struct step *s, struct child *made, struct child *old, const struct v2_fresh *f, bool lost)
{
	struct offer *o = &s->sa->req.offer;

	if (lost) {
		child_free(made);
		return child_lost(s, old);
	}
	if (o->rival)
		series_free(&s->sa->theirs); /* which the gateway has lost */
	o->series = series_new(&made->suite, f, s->e);
	if (!o->series) {
		child_free(made);
		return false;
	}
	o->series->child = made;
	return v2_series_send(s, o->series);
}

bool v2_child_recv(struct step *s)
{
	struct v2 *v = s->v;
	struct offer *o = &s->sa->req.offer;
	struct child *old = child_find(&v->children, o->old_spi_in);
	const struct payload *nonce = payload_find(s->p, PAYLOAD_NONCE);
	struct notify n;

	if (notify_find_error(s->p, &n)) {
		v2_request_done(s->sa);
		return child_refused(s, old, o, &n);
	}
	if (!nonce || nonce->body.n < NONCE_MIN || nonce->body.n > NONCE_MAX)
		return err_set(s->e, ERR_PEER, "the gateway's answer lacks a nonce");
	struct ke_secret shared = { 0 };
	struct child *made = child_new(o->number, o->spi_in);
	if (!made)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	bool ok = v2_child_read(s, o, made) && read_key_exchange(s, o->ke, &made->suite, &shared);
	if (ok) {
		struct v2_fresh f = { .ni = { o->nonce, sizeof(o->nonce) },
			.nr = nonce->body,
			.shared = { shared.data, shared.len },
			.initiator = true };
		bool lost = o->rival && v2_lost_collision(o, nonce->body);
		ok = suite_addke(&made->suite, 0) < ADDKE_MAX ? go_on(s, made, old, &f, lost) :
								child_made(s, made, old, &f, lost);
	} else {
		child_free(made);
	}
	wipe(&shared, sizeof(shared));
	return ok;
}

bool v2_child_series_recv(struct step *s)
{
	struct offer *o = &s->sa->req.offer;
	struct child *old = child_find(&s->v->children, o->old_spi_in);
	struct notify n;
	bool done;

	if (notify_find_error(s->p, &n)) {
		if (!v2_series_refused(s, n.type))
			return false;
		v2_request_done(s->sa);
		return child_refused(s, old, o, &n);
	}
	if (!v2_series_recv(s, o->series, &done))
		return false;
	if (!done)
		return true;
	struct child *made = o->series->child;
	struct v2_fresh f = series_fresh(o->series, true);
	o->series->child = NULL;
	return child_made(s, made, old, &f, false);
}
