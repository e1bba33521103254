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
		sa->rekey_at = sa->expire_at = sa->gone_at = sa->wait_until = sa->dpd_at = TIME_NEVER;
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

/* Not 0, which is phase 1's, and none that is in use. */
uint32_t v1_new_mid(struct v1 *v, const struct v1_sa *sa)
{
	uint32_t mid;

	do
		mid = rng_u32(v->rng);
	while (mid == 0 || v1_xchg_find(v, sa, mid));
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
	v->next_number = 1;
	v->keepalive_at = TIME_NEVER;
	return v;
}

static void clear_all(struct v1 *v, struct outbox *ob)
{
	v1_children_clear(v, ob);
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

static struct v1_sa *usable_sa(const struct v1 *v)
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
	struct v1_sa *sa = usable_sa(v);

	for (size_t i = 0; sa && i < v->n_children; i++)
		if (v->children[i]->state != V1C_LINGERING)
			v1_delete_child(v, sa, v->children[i], ob);
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
	outbox_event(ob, EV_WARNING, LEVEL_WARN, "renewing phase 1 failed: %s", e->text);
	v->want_renewal = true;
	v->renew_at = v->now + jittered(V1_RETRY_MS, v->rng);
	v1_sa_drop(v, sa);
}

static void sa_failed(struct v1 *v, struct v1_sa *sa, const struct err *e, struct outbox *ob)
{
	struct err copy = *e;

	if (sa->first || sa == v->sa)
		v1_fail(v, &copy, ob);
	else
		renewal_failed(v, sa, &copy, ob);
}

/* What the data plane shall carry: each of the profile's selectors, else everything, from what the
 * gateway assigned, else from our own address. */
static void add_pair(struct v1 *v, const struct selector *local, const struct selector *remote)
{
	if (local->family == remote->family && v->n_pairs < IKE_CHILDREN_MAX)
		v->pairs[v->n_pairs++] = (struct v1_pair){ *local, *remote };
}

static void host_selector(struct selector *s, uint8_t family, const uint8_t *ip)
{
	struct prefix p = { .family = family, .len = (uint8_t)(8 * addr_len(family)) };

	memcpy(p.ip, ip, sizeof(p.ip));
	selector_from_prefix(s, &p);
}

static size_t local_selectors(const struct v1 *v, struct selector out[NETCONF_ADDRS])
{
	size_t n = 0;

	for (; n < v->cfg->local_ts.n && n < NETCONF_ADDRS; n++)
		out[n] = v->cfg->local_ts.v[n];
	for (size_t i = 0; v->cfg->local_ts.n == 0 && i < v->granted.n_addrs; i++)
		host_selector(&out[n++], v->granted.addrs[i].family, v->granted.addrs[i].ip);
	if (n == 0)
		host_selector(&out[n++], v->path.local.family, v->path.local.ip);
	return n;
}

static void ports(struct selector *s, uint8_t proto, uint16_t port)
{
	s->proto = proto;
	if (port)
		s->port_lo = s->port_hi = port;
}

static void prepare_pairs(struct v1 *v)
{
	const struct ike_config *cfg = v->cfg;
	struct selector local[NETCONF_ADDRS], remote;
	size_t n = local_selectors(v, local);

	v->n_pairs = v->next_pair = 0;
	if (cfg->mode == SA_TRANSPORT && cfg->remote_ts.n == 0) {
		host_selector(&local[0], v->path.local.family, v->path.local.ip);
		host_selector(&remote, v->path.remote.family, v->path.remote.ip);
		ports(&local[0], cfg->ts_proto, cfg->local_ts_port);
		ports(&remote, cfg->ts_proto, cfg->remote_ts_port);
		add_pair(v, &local[0], &remote);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < cfg->remote_ts.n; j++)
			add_pair(v, &local[i], &cfg->remote_ts.v[j]);
		selector_all(&remote, local[i].family);
		if (cfg->remote_ts.n == 0)
			add_pair(v, &local[i], &remote);
	}
}

bool v1_after_phase1(struct v1 *v, struct v1_sa *sa, enum v1_state *next, struct outbox *ob, struct err *e)
{
	if (!v->cfg->xauth)
		return v1_after_login(v, sa, next, ob, e);
	*next = V1_XAUTH;
	sa->wait_until = v->now + (sa->first ? V1_LOGIN_WAIT_MS : V1_AGAIN_WAIT_MS);
	if (sa->first)
		v1_stage(v, STAGE_EAP, v1_story(V1_XAUTH), ob);
	return true;
}

bool v1_after_login(struct v1 *v, struct v1_sa *sa, enum v1_state *next, struct outbox *ob, struct err *e)
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

/* This phase 1 is the one to use from now on; what it replaces is deleted by who began it. */
static void take_over(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	struct v1_sa *old = v->sa;
	uint64_t life = v->cfg->ike_lifetime;

	if (sa->lifetime && (!life || sa->lifetime < life))
		life = sa->lifetime;
	sa->rekey_at = life ? v->now + jittered(life * 9 / 10, v->rng) : TIME_NEVER;
	sa->expire_at = life ? v->now + life : TIME_NEVER;
	sa->gone_at = sa->wait_until = TIME_NEVER;
	v->sa = sa;
	v->want_renewal = false;
	ke_free(sa->p1->ke);
	sa->p1->ke = NULL;
	if (sa->first) {
		v1_stage(v, STAGE_CHILD, v1_story(V1_UP), ob);
		prepare_pairs(v);
		return;
	}
	v->rekeys_ike++;
	outbox_event(ob, EV_REKEYED, LEVEL_INFO, "IKE SA rekeyed%s", sa->initiator ? "" : " by the gateway");
	if (!old)
		return;
	old->state = V1_REPLACED;
	old->rekey_at = TIME_NEVER;
	old->gone_at = v->now + (sa->initiator ? V1_OVERLAP_MS : 3 * V1_OVERLAP_MS);
}

static bool any_child_up(const struct v1 *v)
{
	for (size_t i = 0; i < v->n_children; i++)
		if (v->children[i]->state == V1C_UP)
			return true;
	return false;
}

/* Phase 1 is gone, phase 2 may live on: then a new phase 1 is made for it. */
static void sa_gone(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	bool current = sa == v->sa, first = sa->first && v->phase == IKE_CONNECTING;
	bool login = sa->state == V1_XAUTH || sa->state == V1_ASK;
	struct err e;

	v1_sa_drop(v, sa);
	if (first || (current && !any_child_up(v))) {
		err_set(&e, ERR_PEER, first && login ? "the gateway closed the connection during the login" :
			"the gateway closed the connection");
		v1_fail(v, &e, ob);
	} else if (current) {
		v->want_renewal = true;
		v->renew_at = v->now;
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
	if (next == V1_UP && before != V1_UP)
		take_over(v, sa, ob);
}

/* --- what comes next ------------------------------------------------------------------------------ */

static bool quick_waits(const struct v1 *v)
{
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (v->xchgs[i] && v->xchgs[i]->kind == V1X_QUICK && v->xchgs[i]->waiting)
			return true;
	return false;
}

static bool renewal_runs(const struct v1 *v)
{
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i] && v->sas[i]->initiator && v->sas[i]->state < V1_UP)
			return true;
	return false;
}

static struct v1_child *child_wanting(const struct v1 *v)
{
	for (size_t i = 0; i < v->n_children; i++)
		if (v->children[i]->state == V1C_UP && v->children[i]->want_rekey &&
			v->now >= v->children[i]->retry_at)
			return v->children[i];
	return NULL;
}

static bool begin_quick(struct v1 *v, struct outbox *ob, struct err *e)
{
	struct v1_child *c;

	if (!v->sa || v->sa->state != V1_UP || quick_waits(v))
		return true;
	if (v->next_pair < v->n_pairs)
		return v1_quick_send(v, v->sa, NULL, &v->pairs[v->next_pair], ob, e);
	if (!(c = child_wanting(v)))
		return true;
	c->want_rekey = false;
	return v1_quick_send(v, v->sa, c, NULL, ob, e);
}

static void work(struct v1 *v, struct outbox *ob)
{
	struct err e = { 0 };

	if (v->want_renewal && v->now >= v->renew_at && v->phase == IKE_UP && !renewal_runs(v)) {
		v->want_renewal = false;
		if (!v1_phase1_begin(v, false, ob, &e)) {
			v1_fail(v, &e, ob);
			return;
		}
	}
	if (!begin_quick(v, ob, &e))
		v1_fail(v, &e, ob);
}

/* What follows from the whole rather than from one message or timer. */
static void review(struct v1 *v, struct outbox *ob)
{
	struct err e;

	if (v->phase == IKE_DEAD)
		return;
	if (v->phase == IKE_CONNECTING && v->n_pairs > 0 && v->next_pair == v->n_pairs && any_child_up(v)) {
		v->phase = IKE_UP;
		v->stage = STAGE_UP;
	}
	if (v->phase == IKE_UP && !any_child_up(v)) {
		err_set(&e, ERR_PEER, "the gateway deleted the tunnel's child SA");
		v1_fail(v, &e, ob);
		return;
	}
	work(v, ob);
}

/* --- timers ---------------------------------------------------------------------------------------- */

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t dpd_at(const struct v1 *v)
{
	const struct v1_sa *sa = v->sa;

	if (!sa || sa->state != V1_UP || !sa->peer.dpd || v->phase != IKE_UP)
		return TIME_NEVER;
	if (sa->dpd_tries > 0)
		return sa->dpd_at;
	return v->cfg->dpd_interval ? v->heard_at + v->cfg->dpd_interval : TIME_NEVER;
}

static uint64_t sa_deadline(const struct v1 *v, const struct v1_sa *sa)
{
	uint64_t at = earliest(sa->gone_at, sa->wait_until);

	if (sa->p1->waiting)
		at = earliest(at, sa->p1->rexmit.next);
	if (sa->p1->hint.kind != ERR_NONE && sa->state < V1_XAUTH)
		at = earliest(at, sa->p1->hint_until);
	if (sa == v->sa)
		at = earliest(at, earliest(sa->rekey_at, sa->expire_at));
	return at;
}

static uint64_t child_deadline(const struct v1 *v, const struct v1_child *c)
{
	/* A rekey that waits for another quick mode starts with the input that ends that. */
	bool blocked = !v->sa || quick_waits(v) || v->next_pair < v->n_pairs;
	uint64_t at = earliest(c->expire_at, c->adopt_at);

	switch (c->state) {
	case V1C_UP:
		return earliest(at, !c->want_rekey ? c->rekey_at : blocked ? TIME_NEVER : c->retry_at);
	case V1C_REPLACED:
		return at;
	case V1C_RETIRING:
	case V1C_LINGERING:
		return earliest(at, c->until);
	}
	return at;
}

uint64_t v1_deadline(const struct v1 *v)
{
	uint64_t at = dpd_at(v);

	if (v->phase == IKE_DEAD)
		return TIME_NEVER;
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i])
			at = earliest(at, sa_deadline(v, v->sas[i]));
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (v->xchgs[i])
			at = earliest(at, v->xchgs[i]->waiting ? v->xchgs[i]->rexmit.next : v->xchgs[i]->forget_at);
	for (size_t i = 0; i < v->n_children; i++)
		at = earliest(at, child_deadline(v, v->children[i]));
	if (v->want_renewal && !renewal_runs(v))
		at = earliest(at, v->renew_at);
	if (v->nat_local)
		at = earliest(at, v->keepalive_at);
	return at;
}

static void tick_child(struct v1 *v, struct v1_child *c, struct outbox *ob)
{
	if (v->now >= c->adopt_at)
		v1_child_adopt(v, c, ob);
	if (c->state == V1C_UP && v->now >= c->rekey_at) {
		c->want_rekey = true;
		c->rekey_at = TIME_NEVER;
	}
	if (v->now >= c->expire_at) {
		if (c->state == V1C_UP)
			outbox_log(ob, LEVEL_WARN, "a child SA reached the end of its life");
		v1_child_remove(v, c, ob);
	} else if (c->state == V1C_LINGERING && v->now >= c->until) {
		v1_child_remove(v, c, ob);
	} else if (c->state == V1C_RETIRING && v->now >= c->until) {
		if (usable_sa(v))
			v1_delete_child(v, usable_sa(v), c, ob);
		v1_child_linger(v, c, ob);
	}
}

/* The gateway did not start the login, or did not push a configuration: on renewal that is usual. */
static void tick_wait(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	struct err e = { 0 };

	sa->wait_until = TIME_NEVER;
	if (sa->state == V1_XAUTH && sa->first && !sa->logged_in) {
		err_set(&e, ERR_SILENT, "the gateway does not ask for the login (XAUTH)");
		v1_fail(v, &e, ob);
		return;
	}
	if (sa->state == V1_CONFIG)
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "the gateway did not assign an address");
	v1_sa_next(v, sa, V1_UP, ob);
}

static void no_answer(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	char to[ADDR_TEXT_MAX];
	struct err e;

	addr_port_text(to, &v->path.remote);
	if (sa->p1->hint.kind != ERR_NONE)
		e = sa->p1->hint;
	else
		err_set(&e, ERR_SILENT, "%s does not answer %s mode (sent %u times)", to,
			v->cfg->aggressive ? "aggressive" : "main", sa->p1->rexmit.tries);
	sa_failed(v, sa, &e, ob);
}

static void tick_sa(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	struct v1_phase1 *p = sa->p1;
	struct err e;

	if (sa == v->sa && v->now >= sa->rekey_at) {
		sa->rekey_at = TIME_NEVER;
		v->want_renewal = true;
		v->renew_at = v->now;
	}
	if (v->now >= sa->wait_until) {
		tick_wait(v, sa, ob);
	} else if (p->hint.kind != ERR_NONE && v->now >= p->hint_until && sa->state < V1_XAUTH) {
		sa_failed(v, sa, &p->hint, ob);
	} else if (p->waiting && v->now >= p->rexmit.next) {
		if (rexmit_again(&p->rexmit, v->now, v->rng))
			v1_transmit(v, &p->sent, ob);
		else
			no_answer(v, sa, ob);
	} else if (v->now >= sa->gone_at) {
		if (sa->state == V1_REPLACED)
			v1_delete_sa(v, sa, ob);
		v1_sa_next(v, sa, V1_GONE, ob);
	} else if (sa == v->sa && v->now >= sa->expire_at) {
		err_set(&e, ERR_SILENT, "phase 1 reached the end of its life without being renewed");
		v1_fail(v, &e, ob);
	}
}

static void exhausted(struct v1 *v, struct v1_xchg *x, struct outbox *ob)
{
	struct v1_child *c;

	switch (x->kind) {
	case V1X_QUICK:
		v1_quick_unanswered(v, x, ob);
		return;
	case V1X_SERVED: /* it never confirmed; if it used the SA, it is in use all the same */
		c = v1_child_find(v, x->offer->spi_in);
		if (c && c->held_out)
			v1_child_remove(v, c, ob);
		v1_xchg_drop(v, x);
		return;
	case V1X_PULL:
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "the gateway does not answer mode configuration: "
			"going on without an assigned address");
		if (x->sa->state == V1_CONFIG)
			v1_sa_next(v, x->sa, V1_UP, ob);
		v1_xchg_drop(v, x);
		return;
	case V1X_ANSWER:
		return;
	}
}

static void tick_xchg(struct v1 *v, struct v1_xchg *x, struct outbox *ob)
{
	if (!x->waiting) {
		if (v->now >= x->forget_at)
			v1_xchg_drop(v, x);
	} else if (v->now >= x->rexmit.next) {
		if (rexmit_again(&x->rexmit, v->now, v->rng))
			v1_transmit(v, &x->sent, ob);
		else
			exhausted(v, x, ob);
	}
}

static void tick_dpd(struct v1 *v, struct outbox *ob)
{
	char to[ADDR_TEXT_MAX];
	struct err e;

	if (v->now < dpd_at(v))
		return;
	if (v->sa->dpd_tries < V1_DPD_TRIES) {
		v1_dpd_send(v, v->sa, ob);
		return;
	}
	err_set(&e, ERR_SILENT, "%s does not answer any more (asked %u times)",
		addr_port_text(to, &v->path.remote), v->sa->dpd_tries);
	v1_fail(v, &e, ob);
}

void v1_tick(struct v1 *v, uint64_t now, struct outbox *ob)
{
	v->now = now;
	for (size_t i = v->n_children; i-- > 0;)
		tick_child(v, v->children[i], ob);
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (v->xchgs[i])
			tick_xchg(v, v->xchgs[i], ob);
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i])
			tick_sa(v, v->sas[i], ob);
	if (v->phase == IKE_DEAD)
		return;
	tick_dpd(v, ob);
	if (v->nat_local && now >= v->keepalive_at) {
		outbox_send(ob, PORT_NATT, &v->path.local, &v->path.remote, NULL, 0);
		v->keepalive_at = now + V1_KEEPALIVE_MS;
	}
	review(v, ob);
}

/* --- inputs ---------------------------------------------------------------------------------------- */

void v1_start(struct v1 *v, uint64_t now, time_t wall, const struct path *path, bool patient,
	struct outbox *ob)
{
	struct err e = { 0 };

	v->now = v->wall_at = v->heard_at = now;
	v->wall = wall;
	v->path = *path;
	v->patient = patient;
	v->natt = path->remote.port != 500; /* RFC 3948: any other port carries the marker */
	if (v->cfg->aggressive && v->cfg->local_auth == IKE_AUTH_BY_PSK)
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "aggressive mode with a shared key: who listens can "
			"guess the key at leisure, and sees our identity");
	if (!v1_phase1_begin(v, true, ob, &e))
		v1_fail(v, &e, ob);
}

void v1_datagram(struct v1 *v, uint64_t now, const struct datagram *d, struct outbox *ob)
{
	v->now = now;
	if (v->phase == IKE_DEAD)
		return;
	v1_dispatch(v, d, ob);
	review(v, ob);
}

void v1_answer(struct v1 *v, uint64_t now, uint32_t id, const struct passphrase *text, struct outbox *ob)
{
	struct v1_sa *sa = v->login->sa;
	enum v1_state next = V1_ASK;
	struct err e = { 0 };

	v->now = now;
	if (v->phase == IKE_DEAD || !sa || sa->state != V1_ASK || id != v->login->ask_id)
		return;
	if (!v1_xauth_answer(v, text, ob, &next, &e))
		sa_failed(v, sa, &e, ob);
	else
		v1_sa_next(v, sa, next, ob);
}

void v1_os(struct v1 *v, uint64_t now, const struct os_input *in, struct outbox *ob)
{
	struct v1_child *c = v1_child_find(v, in->spi);

	v->now = now;
	if (v->phase == IKE_DEAD)
		return;
	switch (in->kind) {
	case OS_INBOUND:
		v->heard_at = now;
		break;
	case OS_SA_USED:
		if (c)
			v1_child_adopt(v, c, ob);
		break;
	case OS_SA_EXPIRING:
		for (size_t i = 0; i < v->n_children; i++)
			if (v->children[i]->spi_in == in->spi || v->children[i]->spi_out == in->spi)
				v->children[i]->want_rekey = true;
		break;
	case OS_SA_INSTALLED:
		if (!in->ok)
			v1_fail(v, &in->err, ob);
		break;
	case OS_RESUMED:
		if (v->sa && v->sa->state == V1_UP && v->sa->peer.dpd && v->sa->dpd_tries == 0)
			v1_dpd_send(v, v->sa, ob);
		break;
	case OS_PATHS:
	case OS_NETCONF_DONE:
	case OS_PATH_CHANGED:
	case OS_SEND_FAILED:
		break; /* the session's business */
	}
	review(v, ob);
}

bool v1_command(struct v1 *v, uint64_t now, enum command c, struct outbox *ob, struct err *e)
{
	v->now = now;
	if (v->phase != IKE_UP)
		return err_set(e, ERR_CONFIG, "the tunnel is not up");
	if (c == CMD_REKEY_IKE || c == CMD_REKEY_ALL) {
		v->want_renewal = true;
		v->renew_at = now;
	}
	for (size_t i = 0; i < v->n_children && c != CMD_REKEY_IKE; i++)
		if (v->children[i]->state == V1C_UP) {
			v->children[i]->want_rekey = true;
			v->children[i]->retry_at = now;
		}
	work(v, ob);
	return true;
}

void v1_stop(struct v1 *v, uint64_t now, struct outbox *ob)
{
	struct err e;

	v->now = now;
	err_clear(&e);
	v1_fail(v, &e, ob);
}

/* --- what others may see ------------------------------------------------------------------------ */

const struct granted *v1_granted(const struct v1 *v)
{
	return &v->granted;
}

static void view_child(const struct v1_child *c, struct ike_child_view *out)
{
	*out = (struct ike_child_view){ .number = c->number, .spi_in = c->spi_in, .spi_out = c->spi_out,
		.mode = c->mode, .encap = c->encap, .suite = c->suite, .local_ts = &c->local_ts,
		.remote_ts = &c->remote_ts, .rekey_at = c->rekey_at };
}

void v1_view(const struct v1 *v, struct ike_view *out)
{
	const struct v1_sa *sa = v->sa;

	*out = (struct ike_view){ .phase = v->phase, .stage = v->stage, .failure = v->failure, .version = 1,
		.local = v1_local(v), .remote = v->path.remote, .nat = v->nat_local || v->nat_remote,
		.encap = v->natt, .local_id = v->local_id, .remote_id = v->remote_id,
		.rekey_at = TIME_NEVER, .reauth_at = TIME_NEVER, .rekeys_ike = v->rekeys_ike,
		.rekeys_child = v->rekeys_child };
	memcpy(out->vendor, v->vendor, sizeof(out->vendor));
	out->rekeying = v->phase == IKE_UP && (quick_waits(v) || renewal_runs(v));
	if (sa) {
		out->suite = sa->suite;
		out->rekey_at = sa->rekey_at;
		memcpy(out->spi_i, sa->cky_i, IKE_SPI_LEN);
		memcpy(out->spi_r, sa->cky_r, IKE_SPI_LEN);
	}
	for (size_t i = 0; i < v->n_children && out->n_children < IKE_CHILDREN_MAX; i++)
		if (v->children[i]->state == V1C_UP && !v->children[i]->held_out)
			view_child(v->children[i], &out->children[out->n_children++]);
}
