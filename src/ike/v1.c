#include "v1_sa.h"

#include <string.h>

#include "proof.h"

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

static bool begin_quick(struct v1 *v, struct outbox *ob, struct err *e)
{
	struct v1_ends *pair = v1_pair_due(v);
	struct child *c;

	if (!v->sa || v->sa->state != V1_UP || quick_waits(v))
		return true;
	if (pair)
		return v1_pair_begin(v, pair, ob, e);
	if (!(c = child_wanting_rekey(&v->children, NULL, v->now)))
		return true;
	c->want_rekey = false;
	return v1_quick_send(v, v->sa, c, NULL, ob, e);
}

static uint32_t lower_spi(const struct child *c)
{
	return c->spi_in < c->spi_out ? c->spi_in : c->spi_out;
}

/* Both sides rekeyed the same child at once, and both got what they wanted. Nothing in IKEv1 says
 * which one stays; by this rule two clients like this one would agree. */
static void settle_twins(struct v1 *v)
{
	for (size_t i = 0; i < v->children.n; i++)
		for (size_t j = 0; j < v->children.n; j++) {
			struct child *a = v->children.v[i], *b = v->children.v[j];
			if (a->number != b->number || a->state != CHILD_UP ||
				b->state != CHILD_UP || lower_spi(a) <= lower_spi(b) ||
				v1_under_way(v, a->number))
				continue;
			a->state = CHILD_RETIRING;
			a->want_rekey = false;
			a->until = v->now + V1_OVERLAP_MS;
		}
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

/* To the gateway that the first one named, from the beginning. */
static void move(struct v1 *v, struct outbox *ob)
{
	char to[ADDR_TEXT_MAX];
	struct err e = { 0 };

	addr_text(to, &v->move_to);
	if (v->path.remote.family != v->move_to.family || v->moves++ == V1_MOVES_MAX) {
		err_set(&e, ERR_PEER, "the gateway sends us on to %s, which leads nowhere", to);
		v1_fail(v, &e, ob);
		return;
	}
	outbox_event(ob, EV_STAGE, LEVEL_INFO, "the gateway sends us on to %s", to);
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i])
			v1_sa_drop(v, v->sas[i]);
	v->path.remote = v->move_to;
	v->move_to.family = FAMILY_NONE;
	v->natt = v->port != UDP_PORT_IKE;
	v->nat_local = v->nat_remote = v->proved = false;
	if (!v1_phase1_begin(v, true, ob, &e))
		v1_fail(v, &e, ob);
}

/* One that the gateway began is up before we send by it. */
static bool any_child_sends(const struct v1 *v)
{
	for (size_t i = 0; i < v->children.n; i++)
		if (v->children.v[i]->state == CHILD_UP && !v->children.v[i]->held_out)
			return true;
	return false;
}

/* What follows from the whole rather than from one message or timer. */
static void review(struct v1 *v, struct outbox *ob)
{
	struct err e;

	if (v->phase != IKE_DEAD && v->move_to.family != FAMILY_NONE)
		move(v, ob);
	if (v->phase == IKE_DEAD)
		return;
	if (v->phase == IKE_CONNECTING && v->n_pairs > 0 && !v1_pair_due(v) && any_child_sends(v)) {
		v->phase = IKE_UP;
		v->stage = STAGE_UP;
	}
	bool begun = v->phase == IKE_UP || v->sa;
	if (begun && !v1_any_child_up(v) && !v1_pair_due(v) && !quick_waits(v)) {
		if (v->n_pairs == 0)
			v1_pairs_none(v, &e);
		else
			err_set(&e, ERR_PEER, "the gateway deleted the tunnel's child SA");
		v1_fail(v, &e, ob);
		return;
	}
	settle_twins(v);
	work(v, ob);
}

/* --- timers ---------------------------------------------------------------------------------------- */

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

uint64_t v1_deadline(const struct v1 *v)
{
	/* A rekey that waits for another quick mode starts with the input that ends that. */
	bool blocked = !v->sa || v->sa->state != V1_UP || quick_waits(v);
	uint64_t at = earliest(dpd_at(v), v1_pairs_deadline(v));

	if (v->phase == IKE_DEAD)
		return TIME_NEVER;
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i])
			at = earliest(at, sa_deadline(v, v->sas[i]));
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (v->xchgs[i])
			at = earliest(at,
				v->xchgs[i]->waiting ? v->xchgs[i]->rexmit.next :
						       v->xchgs[i]->forget_at);
	for (size_t i = 0; i < v->children.n; i++)
		at = earliest(at, child_deadline(v->children.v[i], blocked));
	if (v->want_renewal && v->phase == IKE_UP && !renewal_runs(v))
		at = earliest(at, v->renew_at);
	if (v->nat_local)
		at = earliest(at, v->keepalive_at);
	return at;
}

static void tick_child(struct v1 *v, struct child *c, struct outbox *ob)
{
	child_tick(c, v->now, ob);
	if (v->now >= c->expire_at) {
		if (c->state == CHILD_UP)
			outbox_log(ob, LEVEL_WARN, "a child SA reached the end of its life");
		child_remove(&v->children, c, ob);
	} else if (c->state == CHILD_LINGERING && v->now >= c->until) {
		child_remove(&v->children, c, ob);
	} else if (c->state == CHILD_RETIRING && v->now >= c->until) {
		if (v1_sa_usable(v))
			v1_delete_child(v, v1_sa_usable(v), c, ob);
		child_linger(c, v->now, ob);
	}
}

/* The gateway did not start the login, or did not push a configuration: on renewal that is usual. */
static void tick_wait(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	struct err e = { 0 };

	sa->wait_until = TIME_NEVER;
	if (sa->state == V1_XAUTH && sa->first && !sa->logged_in) {
		err_set(&e, ERR_SILENT,
			sa->rounds ? "the gateway does not say what became of the login (XAUTH)" :
				     "the gateway does not ask for the login (XAUTH)");
		v1_fail(v, &e, ob);
		return;
	}
	if (sa->state == V1_CONFIG)
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "the gateway did not assign an address");
	v1_sa_next(v, sa, V1_UP, ob);
}

bool v1_knocks(const struct v1 *v, const struct v1_sa *sa)
{
	return sa->first && !v->natt && (sa->state == V1_SA_SENT || sa->state == V1_AGGR_SENT);
}

static void no_answer(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	char to[ADDR_TEXT_MAX];
	struct err e;

	addr_port_text(to, &v->path.remote);
	if (sa->p1->hint.kind != ERR_NONE)
		e = sa->p1->hint;
	else
		err_set(&e, ERR_SILENT, "%s does not answer %s mode%s (sent %u time%s)", to,
			v->cfg->aggressive ? "aggressive" : "main",
			v1_knocks(v, sa) ? ALSO_KNOCKED : "", sa->p1->rexmit.tries,
			plural(sa->p1->rexmit.tries));
	v1_sa_failed(v, sa, &e, ob);
}

static void send_again(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	if (!v1_knocks(v, sa) || !rexmit_knock(&sa->p1->rexmit, &sa->p1->sent, &v->path, ob))
		v1_transmit(v, &sa->p1->sent, ob);
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
		v1_sa_failed(v, sa, &p->hint, ob);
	} else if (p->waiting && v->now >= p->rexmit.next) {
		if (rexmit_again(&p->rexmit, v->now, v->rng))
			send_again(v, sa, ob);
		else
			no_answer(v, sa, ob);
	} else if (v->now >= sa->gone_at) {
		if (sa->state == V1_REPLACED)
			v1_delete_sa(v, sa, ob);
		v1_sa_next(v, sa, V1_GONE, ob);
	} else if (sa == v->sa && v->now >= sa->expire_at) {
		err_set(&e, ERR_SILENT,
			"phase 1 reached the end of its life without being renewed");
		v1_fail(v, &e, ob);
	}
}

static void pull_unanswered(struct v1 *v, struct v1_xchg *x, struct outbox *ob)
{
	struct v1_sa *sa = x->sa;
	struct err e;
	bool less = sa->state == V1_CONFIG && v1_config_less(v, x);

	if (less ? !v1_config_pull(v, sa, ob, &e) : !v1_config_none(v, x, 0, ob, &e))
		v1_fail(v, &e, ob);
	else if (!less && sa->state == V1_CONFIG)
		v1_sa_next(v, sa, V1_UP, ob);
}

static void exhausted(struct v1 *v, struct v1_xchg *x, struct outbox *ob)
{
	switch (x->kind) {
	case V1X_QUICK:
		v1_quick_unanswered(v, x, ob);
		return;
	case V1X_SERVED:
		v1_quick_unconfirmed(v, x, ob);
		v1_xchg_drop(v, x);
		return;
	case V1X_PULL:
		pull_unanswered(v, x, ob);
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
	for (size_t i = v->children.n; i-- > 0;)
		tick_child(v, v->children.v[i], ob);
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
	v->port = path->remote.port;
	/* RFC 3948: any other port carries the marker */
	v->natt = path->remote.port != UDP_PORT_IKE;
	if (v->cfg->aggressive && v->cfg->local_auth == IKE_AUTH_BY_PSK)
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"aggressive mode with a shared key: who listens can "
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

void v1_answer(
	struct v1 *v, uint64_t now, uint32_t id, const struct passphrase *text, struct outbox *ob)
{
	struct v1_sa *sa = v->login->sa;
	enum v1_state next = V1_ASK;
	struct err e = { 0 };

	v->now = now;
	if (v->phase == IKE_DEAD || !sa || sa->state != V1_ASK || id != v->login->ask_id)
		return;
	if (!v1_xauth_answer(v, text, ob, &next, &e))
		v1_sa_failed(v, sa, &e, ob);
	else
		v1_sa_next(v, sa, next, ob);
}

void v1_os(struct v1 *v, uint64_t now, const struct os_input *in, struct outbox *ob)
{
	struct child *c = child_find(&v->children, in->spi);

	v->now = now;
	if (v->phase == IKE_DEAD)
		return;
	switch (in->kind) {
	case OS_INBOUND: /* RFC 3706 section 5.5 */
		v1_heard(v);
		break;
	case OS_SA_USED:
		if (c)
			child_adopt(c, true, ob);
		break;
	case OS_SA_EXPIRING:
		children_expiring(&v->children, in->spi);
		break;
	case OS_SA_EXPIRED:
		children_expired(&v->children, in->spi, now, ob);
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
	case OS_FETCHED:
	case OS_SA_MOVED:
	case OS_NETCONF_DONE:
	case OS_PATH_CHANGED:
	case OS_SEND_FAILED:
	case OS_LINK_FAILED:
	case OS_INTERFACE_GONE:
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
	if (c != CMD_REKEY_IKE)
		children_rekey(&v->children, now);
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

struct inquiry *v1_inquiry(struct v1 *v)
{
	return proof_take_inquiry(&v->revocation);
}

void v1_keys(const struct v1 *v, struct outbox *ob)
{
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i])
			v1_sa_keys(v->sas[i], ob);
	children_keys(&v->children, ob);
}

void v1_view(const struct v1 *v, struct ike_view *out)
{
	const struct v1_sa *sa = v->sa;

	*out = (struct ike_view){ .phase = v->phase,
		.stage = v->stage,
		.failure = v->failure,
		.version = 1,
		.local = v1_local(v),
		.remote = v->path.remote,
		.nat = v->nat_local || v->nat_remote,
		.encap = v->natt,
		.proved = v->proved,
		.local_id = v->local_id,
		.remote_id = v->remote_id,
		.revocation = v->revocation.told,
		.rekey_at = TIME_NEVER,
		.reauth_at = TIME_NEVER,
		.login_ends = TIME_NEVER,
		.rekeys_ike = v->rekeys_ike,
		.rekeys_child = v->rekeys_child };
	memcpy(out->vendor, v->vendor, sizeof(out->vendor));
	out->rekeying = v->phase == IKE_UP && (quick_waits(v) || renewal_runs(v));
	if (sa) {
		out->suite = sa->suite;
		out->rekey_at = sa->rekey_at;
		memcpy(out->spi_i, sa->cky_i, IKE_SPI_LEN);
		memcpy(out->spi_r, sa->cky_r, IKE_SPI_LEN);
	}
	children_view(&v->children, out);
}
