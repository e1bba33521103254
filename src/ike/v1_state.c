#include "v1_sa.h"

#include <stdlib.h>
#include <string.h>

/* --- memory -------------------------------------------------------------------------------------- */

static void phase1_free(struct v1_phase1 *p)
{
	if (!p)
		return;
	ke_free(p->ke);
	free(p->sai);
	kept_free(&p->sent);
	wipe(p, sizeof(*p));
	free(p);
}

static void sa_free(struct v1_sa *sa)
{
	phase1_free(sa->p1);
	wipe(sa, sizeof(*sa));
	free(sa);
}

struct v1_sa *v1_sa_new(struct v1 *v, bool initiator)
{
	for (size_t i = 0; i < V1_SAS_MAX; i++) {
		if (v->sas[i])
			continue;
		struct v1_sa *sa = calloc(1, sizeof(*sa));
		if (!sa || !(sa->p1 = calloc(1, sizeof(*sa->p1)))) {
			free(sa);
			return NULL;
		}
		sa->initiator = initiator;
		sa->rekey_at = sa->expire_at = sa->gone_at = sa->wait_until = sa->dpd_at =
			TIME_NEVER;
		return v->sas[i] = sa;
	}
	return NULL;
}

/* Nothing may point at it afterwards. */
void v1_sa_drop(struct v1 *v, struct v1_sa *sa)
{
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (v->xchgs[i] && v->xchgs[i]->sa == sa)
			v1_xchg_drop(v, v->xchgs[i]);
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i] == sa)
			v->sas[i] = NULL;
	if (v->sa == sa)
		v->sa = NULL;
	if (v->login->sa == sa)
		v1_login_clear(v);
	sa_free(sa);
}

static void xchg_free(struct v1_xchg *x)
{
	if (x->offer) {
		ke_free(x->offer->ke);
		wipe(x->offer, sizeof(*x->offer));
	}
	free(x->offer);
	kept_free(&x->sent);
	wipe(x, sizeof(*x));
	free(x);
}

void v1_xchg_drop(struct v1 *v, struct v1_xchg *x)
{
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (v->xchgs[i] == x)
			v->xchgs[i] = NULL;
	xchg_free(x);
}

/* A free place, else that of the oldest exchange which only waits to be forgotten. */
static struct v1_xchg **place(struct v1 *v)
{
	struct v1_xchg **oldest = NULL;

	for (size_t i = 0; i < V1_XCHGS_MAX; i++) {
		struct v1_xchg **x = &v->xchgs[i];
		if (!*x)
			return x;
		if (!(*x)->waiting && (!oldest || (*x)->forget_at < (*oldest)->forget_at))
			oldest = x;
	}
	if (oldest) {
		xchg_free(*oldest);
		*oldest = NULL;
	}
	return oldest;
}

struct v1_xchg *v1_xchg_new(struct v1 *v, struct v1_sa *sa, enum v1_kind kind, uint32_t mid)
{
	struct v1_xchg **at = place(v);
	bool quick = kind == V1X_QUICK || kind == V1X_SERVED;
	struct v1_xchg *x = at ? calloc(1, sizeof(*x)) : NULL;

	if (!x)
		return NULL;
	if (quick && !(x->offer = calloc(1, sizeof(*x->offer)))) {
		free(x);
		return NULL;
	}
	x->kind = kind;
	x->sa = sa;
	x->mid = mid;
	x->forget_at = v->now + V1_FORGET_MS;
	v1_phase2_iv(sa, mid, x->iv);
	return *at = x;
}

struct v1_xchg *v1_xchg_accept(struct v1_step *s, enum v1_kind kind)
{
	struct v1_xchg *x = v1_xchg_new(s->v, s->sa, kind, s->h->mid);

	if (!x)
		return NULL;
	memcpy(x->iv, s->iv, V1_BLOCK_MAX);
	memcpy(x->seen, s->seen, V1_SEEN_LEN);
	return x;
}

struct v1_xchg *v1_xchg_find(const struct v1 *v, const struct v1_sa *sa, uint32_t mid)
{
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (v->xchgs[i] && v->xchgs[i]->sa == sa && v->xchgs[i]->mid == mid)
			return v->xchgs[i];
	return NULL;
}

void v1_xchg_done(struct v1 *v, struct v1_xchg *x)
{
	x->waiting = false;
	x->forget_at = v->now + V1_FORGET_MS;
	if (x->offer) {
		ke_free(x->offer->ke);
		x->offer->ke = NULL;
	}
}

/* What pushes one out of the ring are V1_MIDS_MAX exchanges under keys that live for some hours; DPD and
 * what only informs are not among them. */
void v1_mid_note(struct v1_sa *sa, uint32_t mid)
{
	if (!v1_mid_known(sa, mid))
		sa->mids.v[sa->mids.n++ % V1_MIDS_MAX] = mid;
}

bool v1_mid_known(const struct v1_sa *sa, uint32_t mid)
{
	for (size_t i = 0; i < V1_MIDS_MAX && i < sa->mids.n; i++)
		if (sa->mids.v[i] == mid)
			return true;
	return false;
}

/* Not 0, which is phase 1's, and none that is or was in use. */
uint32_t v1_new_mid(struct v1 *v, const struct v1_sa *sa)
{
	uint32_t mid;

	do
		mid = rng_u32(v->rng);
	while (mid == 0 || v1_xchg_find(v, sa, mid) || v1_mid_known(sa, mid));
	return mid;
}

struct v1 *v1_new(const struct ike_config *config, struct rng *rng, struct err *e)
{
	struct v1 *v = calloc(1, sizeof(*v));

	if (!v || !(v->login = calloc(1, sizeof(*v->login)))) {
		free(v);
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	v->cfg = config;
	v->rng = rng;
	v->keepalive_at = TIME_NEVER;
	return v;
}

/* sa NULL: those of all. */
static void quick_modes_lost(struct v1 *v, const struct v1_sa *sa, struct outbox *ob)
{
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (v->xchgs[i] && (!sa || v->xchgs[i]->sa == sa))
			v1_quick_lost(v, v->xchgs[i], ob);
}

static void clear_all(struct v1 *v, struct outbox *ob)
{
	quick_modes_lost(v, NULL, ob);
	children_clear(&v->children, NULL, ob);
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i])
			v1_sa_drop(v, v->sas[i]);
	v1_fragments_free(&v->fragments);
}

void v1_free(struct v1 *v)
{
	struct outbox nowhere;

	if (!v)
		return;
	outbox_init(&nowhere);
	clear_all(v, &nowhere);
	outbox_free(&nowhere);
	v1_login_clear(v);
	free(v->login);
	inquiry_free(v->revocation.inquiry);
	wipe(v, sizeof(*v));
	free(v);
}

time_t v1_wall(const struct v1 *v)
{
	return v->wall + (time_t)((v->now - v->wall_at) / 1000);
}

void v1_stage(struct v1 *v, enum ike_stage stage, const char *story, struct outbox *ob)
{
	v->stage = stage;
	if (story)
		outbox_event(ob, EV_STAGE, LEVEL_INFO, "%s", story);
}

/* --- phases -------------------------------------------------------------------------------------- */

struct v1_sa *v1_sa_usable(const struct v1 *v)
{
	if (v->sa)
		return v->sa;
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i] && v->sas[i]->proved)
			return v->sas[i];
	return NULL;
}

static void say_goodbye(struct v1 *v, struct outbox *ob)
{
	struct v1_sa *sa = v1_sa_usable(v);

	for (size_t i = 0; sa && i < v->children.n; i++)
		if (v->children.v[i]->state != CHILD_LINGERING)
			v1_delete_child(v, sa, v->children.v[i], ob);
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i])
			v1_delete_sa(v, v->sas[i], ob);
}

void v1_fail(struct v1 *v, const struct err *e, struct outbox *ob)
{
	if (v->phase == IKE_DEAD)
		return;
	v->failure = *e;
	if (e->kind != ERR_SILENT)
		say_goodbye(v, ob);
	clear_all(v, ob);
	v->phase = IKE_DEAD;
}

void v1_hint(struct v1 *v, struct v1_sa *sa, const struct err *e, struct outbox *ob)
{
	outbox_log(ob, LEVEL_INFO, "%s", e->text);
	if (!sa->initiator || sa->p1->hint.kind != ERR_NONE)
		return;
	sa->p1->hint = *e;
	sa->p1->hint_until = v->now + V1_HINT_WAIT_MS;
}

/* A renewal came to nothing: the old phase 1 stays, and it is tried again. */
static void renewal_failed(struct v1 *v, struct v1_sa *sa, const struct err *e, struct outbox *ob)
{
	outbox_not_rekeyed(ob, e->notify, "renewing phase 1 failed: %s", e->text);
	v->want_renewal = true;
	v->renew_at = v->now + (v->sa ? jittered(V1_RETRY_MS, v->rng) : 0);
	v1_sa_drop(v, sa);
}

/* Where none is left nobody would notice that the gateway is gone. One that has begun to answer may have deleted
 * this one with the old one: it is tried again, once. */
static bool last_hope(struct v1 *v, const struct v1_sa *sa)
{
	bool begun = sa->state > V1_SA_SENT && sa->state < V1_AGGR_SENT;

	if (v->sa)
		return false;
	if (!begun || v->last_hope)
		return true;
	v->last_hope = true;
	return false;
}

void v1_sa_failed(struct v1 *v, struct v1_sa *sa, const struct err *e, struct outbox *ob)
{
	struct err copy = *e;

	if (sa->first || sa == v->sa || last_hope(v, sa))
		v1_fail(v, &copy, ob);
	else
		renewal_failed(v, sa, &copy, ob);
}

bool v1_after_phase1(
	struct v1 *v, struct v1_sa *sa, enum v1_state *next, struct outbox *ob, struct err *e)
{
	if (!v->cfg->xauth)
		return v1_after_login(v, sa, next, ob, e);
	*next = V1_XAUTH;
	sa->wait_until = v->now + (sa->first ? V1_LOGIN_WAIT_MS : V1_AGAIN_WAIT_MS);
	if (sa->first)
		v1_stage(v, STAGE_EAP, v1_story(V1_XAUTH), ob);
	return true;
}

bool v1_after_login(
	struct v1 *v, struct v1_sa *sa, enum v1_state *next, struct outbox *ob, struct err *e)
{
	*next = V1_UP;
	sa->wait_until = TIME_NEVER;
	if (!v->cfg->want_address || v->configured || v->cfg->mode_config == MODE_CONFIG_NO ||
		v->cfg->mode == SA_TRANSPORT)
		return true;
	*next = V1_CONFIG;
	v1_stage(v, STAGE_CHILD, v1_story(V1_CONFIG), ob);
	if (v->cfg->mode_config == MODE_CONFIG_PULL)
		return v1_config_pull(v, sa, ob, e);
	sa->wait_until = v->now + V1_PUSH_WAIT_MS;
	return true;
}

/* Not sooner than the gateway may do it itself. */
static void rekey_children(struct v1 *v, uint64_t wait)
{
	for (size_t i = 0; i < v->children.n; i++) {
		struct child *c = v->children.v[i];
		if (c->state != CHILD_UP)
			continue;
		c->want_rekey = true;
		c->retry_at = v->now + wait;
	}
}

/* This phase 1 is the one to use from now on; what it replaces is deleted by who began it. */
static void take_over(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	struct v1_sa *old = v->sa;
	uint64_t life = shorter(v->cfg->ike_lifetime, sa->lifetime);

	sa->rekey_at = life ? v->now + jittered(life * 9 / 10, v->rng) : TIME_NEVER;
	sa->expire_at = life ? v->now + life : TIME_NEVER;
	sa->gone_at = sa->wait_until = TIME_NEVER;
	v->sa = sa;
	v->want_renewal = v->last_hope = false;
	ke_free(sa->p1->ke);
	sa->p1->ke = NULL;
	if (sa->first) {
		v1_stage(v, STAGE_CHILD, v1_story(V1_UP), ob);
		v1_pairs_prepare(v, ob);
		return;
	}
	v->rekeys_ike++;
	outbox_event(ob, EV_REKEYED, LEVEL_INFO, "IKE SA rekeyed%s",
		sa->initiator ? "" : " by the gateway");
	/* strongSwan that renews phase 1 does not find the child SAs of the old one any more when they are
	 * due, and lets them end. Its own turn may come as regularly: the two should not meet. */
	if (!sa->initiator)
		rekey_children(v, jittered(V1_CHILDREN_MS, v->rng));
	if (!old)
		return;
	old->state = V1_REPLACED;
	old->rekey_at = TIME_NEVER;
	old->gone_at = v->now + (sa->initiator ? V1_OVERLAP_MS : 3 * V1_OVERLAP_MS);
}

bool v1_under_way(const struct v1 *v, uint32_t number)
{
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (v->xchgs[i] && v->xchgs[i]->offer && v->xchgs[i]->waiting &&
			v->xchgs[i]->offer->number == number)
			return true;
	return false;
}

bool v1_any_child_up(const struct v1 *v)
{
	for (size_t i = 0; i < v->children.n; i++)
		if (v->children.v[i]->state == CHILD_UP)
			return true;
	return false;
}

/* Phase 1 is gone, phase 2 may live on: then a new phase 1 is made for it. */
static void sa_gone(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	bool current = sa == v->sa, first = sa->first && v->phase == IKE_CONNECTING;
	bool login = sa->state == V1_XAUTH || sa->state == V1_ASK;
	bool renewal = sa->initiator && !sa->first && sa->state < V1_UP;
	struct err e;

	quick_modes_lost(v, sa, ob);
	v1_sa_drop(v, sa);
	if (first || (current && !v1_any_child_up(v)) || (renewal && !v->sa)) {
		err_set(&e, ERR_PEER,
			first && login ? "the gateway closed the connection during the login" :
					 "the gateway closed the connection");
		v1_fail(v, &e, ob);
	} else if (current) {
		/* RFC 2408 section 5.15 does not say what becomes of the child SAs; strongSwan removes
		 * them without a word. */
		rekey_children(v, 0);
		v->want_renewal = true;
		v->renew_at = v->now;
	} else if (renewal) {
		v->want_renewal = true;
		v->renew_at = v->now + jittered(V1_RETRY_MS, v->rng);
	}
}

/* The only place where a phase 1 changes its state. */
void v1_sa_next(struct v1 *v, struct v1_sa *sa, enum v1_state next, struct outbox *ob)
{
	enum v1_state before = sa->state;

	if (next == V1_GONE) {
		sa_gone(v, sa, ob);
		return;
	}
	sa->state = next;
	if (next == V1_UP && before != V1_UP && sa != v->sa)
		take_over(v, sa, ob);
}
