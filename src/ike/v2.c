#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

#include "proof.h"

/* --- memory -------------------------------------------------------------------------------------- */

void offer_clear(struct offer *o)
{
	ke_free(o->ke);
	series_free(&o->series);
	wipe(o, sizeof(*o));
}

static void sa_free(struct v2_sa *sa)
{
	kept_free(&sa->req.sent);
	v2_inner_free(&sa->req);
	offer_clear(&sa->req.offer);
	series_free(&sa->theirs);
	kept_free(&sa->reply);
	reassembly_free(&sa->partial[0]);
	reassembly_free(&sa->partial[1]);
	cipher_free(sa->seal);
	cipher_free(sa->open);
	wipe(sa, sizeof(*sa));
	free(sa);
}

struct v2_sa *v2_sa_new(struct v2 *v, bool initiator)
{
	uint64_t life = v->cfg->ike_lifetime;

	for (size_t i = 0; i < V2_SAS_MAX; i++) {
		if (v->sas[i])
			continue;
		struct v2_sa *sa = calloc(1, sizeof(*sa));
		if (!sa)
			return NULL;
		sa->initiator = initiator;
		sa->gone_at = TIME_NEVER;
		sa->rekey_at = life ? v->now + jittered(life * 9 / 10, v->rng) : TIME_NEVER;
		sa->expire_at = life ? v->now + life : TIME_NEVER;
		return v->sas[i] = sa;
	}
	return NULL;
}

/* Nothing may point at it afterwards. */
void v2_sa_drop(struct v2 *v, struct v2_sa *sa)
{
	for (size_t i = 0; i < V2_SAS_MAX; i++) {
		struct v2_sa *other = v->sas[i];
		if (other == sa)
			v->sas[i] = NULL;
		if (!other)
			continue;
		if (other->successor == sa)
			other->successor = sa->successor;
		if (other->req.offer.rival_sa == sa) {
			other->req.offer.rival_sa = sa->successor;
			other->req.offer.rival = sa->successor != NULL;
		}
	}
	if (v->sa == sa)
		v->sa = NULL;
	sa_free(sa);
}

static void handshake_free(struct handshake *hs)
{
	if (!hs)
		return;
	ke_free(hs->ke);
	ke_free(hs->addke);
	free(hs->init_i);
	free(hs->init_r);
	eap_free(hs->eap);
	offer_clear(&hs->child);
	wipe(hs, sizeof(*hs));
	free(hs);
}

struct v2 *v2_new(const struct ike_config *config, struct rng *rng, struct err *e)
{
	struct v2 *v = calloc(1, sizeof(*v));

	if (!v || !(v->hs = calloc(1, sizeof(*v->hs)))) {
		free(v);
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	v->cfg = config;
	v->rng = rng;
	v->reauth_at = v->login_ends = v->keepalive_at = v->extra_at = v->ticket_at = TIME_NEVER;
	return v;
}

void v2_free(struct v2 *v)
{
	struct outbox nowhere;

	if (!v)
		return;
	outbox_init(&nowhere);
	children_clear(&v->children, NULL, &nowhere);
	outbox_free(&nowhere);
	for (size_t i = 0; i < V2_SAS_MAX; i++)
		if (v->sas[i])
			sa_free(v->sas[i]);
	handshake_free(v->hs);
	inquiry_free(v->revocation.inquiry);
	resumption_free(&v->ticket);
	wipe(v, sizeof(*v));
	free(v);
}

struct v2_sa *v2_sa_find(
	const struct v2 *v, const uint8_t spi_i[IKE_SPI_LEN], const uint8_t spi_r[IKE_SPI_LEN])
{
	for (size_t i = 0; i < V2_SAS_MAX; i++)
		if (v->sas[i] && memcmp(v->sas[i]->spi_i, spi_i, IKE_SPI_LEN) == 0 &&
			memcmp(v->sas[i]->spi_r, spi_r, IKE_SPI_LEN) == 0)
			return v->sas[i];
	return NULL;
}

time_t v2_wall(const struct v2 *v)
{
	return v->wall + (time_t)((v->now - v->wall_at) / 1000);
}

void v2_stage(struct v2 *v, enum ike_stage stage, const char *story, struct outbox *ob)
{
	v->stage = stage;
	if (story)
		outbox_event(ob, EV_STAGE, LEVEL_INFO, "%s", story);
}

/* --- phases -------------------------------------------------------------------------------------- */

/* The only place where an IKE SA's state changes after it was sent for. */
void v2_sa_next(struct v2 *v, struct v2_sa *sa, enum v2_state next, struct outbox *ob)
{
	struct err e;

	sa->state = next;
	if (next == V2_UP) { /* the first exchanges are over */
		handshake_free(v->hs);
		v->hs = NULL;
	}
	for (size_t i = 0; i < V2_SAS_MAX; i++) /* SAs that a rekey made */
		if (v->sas[i] && v->sas[i]->state == V2_NEW && v->sas[i]->open)
			v->sas[i]->state = V2_UP;
	if (next != V2_GONE)
		return;
	v2_rekey_abandon(v, sa);
	bool current = sa == v->sa;
	if (current && v->retired && children_linger(&v->children, v->now, ob))
		return; /* until those are over */
	children_clear(&v->children, sa, ob);
	v2_sa_drop(v, sa);
	if (!current)
		return;
	if (v->stopping)
		err_clear(&e);
	else
		err_set(&e, ERR_PEER, "the gateway closed the connection");
	v2_fail(v, &e, ob);
}

/* --- timers ---------------------------------------------------------------------------------------- */

static uint64_t dpd_at(const struct v2 *v)
{
	if (!v->cfg->dpd_interval || !v->sa || v->sa->state != V2_UP ||
		v->sa->req.task != TASK_NONE)
		return TIME_NEVER;
	return v->heard_at + v->cfg->dpd_interval;
}

static uint64_t sa_deadline(const struct v2 *v, const struct v2_sa *sa)
{
	uint64_t at = TIME_NEVER;

	if (sa->req.task != TASK_NONE)
		at = earliest(at, sa->req.rexmit.next);
	else if (sa == v->sa && sa->state == V2_UP)
		at = earliest(at, sa->rekey_at);
	if (sa == v->sa)
		at = earliest(at, sa->expire_at);
	if (sa->theirs)
		at = earliest(at, sa->theirs->until);
	return earliest(at, sa->gone_at);
}

/* A rekey that waits for the window starts with the input that opens it. */
static bool window_shut(const struct v2_sa *sa)
{
	return sa->req.task != TASK_NONE || sa->state != V2_UP || v2_being_replaced(sa);
}

uint64_t v2_deadline(const struct v2 *v)
{
	uint64_t at = TIME_NEVER;

	if (v->phase == IKE_DEAD)
		return TIME_NEVER;
	for (size_t i = 0; i < V2_SAS_MAX; i++)
		if (v->sas[i])
			at = earliest(at, sa_deadline(v, v->sas[i]));
	for (size_t i = 0; i < v->children.n; i++)
		at = earliest(
			at, child_deadline(v->children.v[i], window_shut(v->children.v[i]->sa)));
	if (v->hs && v->hs->hint.kind != ERR_NONE)
		at = earliest(at, v->hs->hint_until);
	if (v->nat_local)
		at = earliest(at, v->keepalive_at);
	if (v->stopping)
		at = earliest(at, v->stop_at);
	if (v->remake && !window_shut(v->sa))
		at = earliest(at, v->remake_at);
	at = earliest(at, earliest(v->login_ends, v->extra_at));
	at = earliest(at, v2_ticket_deadline(v));
	return earliest(at, dpd_at(v));
}

static void tick_child(struct v2 *v, struct child *c, struct outbox *ob)
{
	child_tick(c, v->now, ob);
	if (c->state == CHILD_LINGERING && v->now >= c->until) {
		child_remove(&v->children, c, ob);
	} else if (c->state == CHILD_RETIRING && v->now >= c->until) {
		c->state = CHILD_DELETING;
	} else if (v->now >= c->expire_at && (c->state == CHILD_UP || c->state == CHILD_REPLACED)) {
		outbox_log(ob, LEVEL_WARN, "a child SA reached the end of its life");
		c->expire_at = TIME_NEVER;
		c->ended = c->state == CHILD_UP;
		c->state = CHILD_DELETING;
	}
}

static void tick_sa(struct v2 *v, struct v2_sa *sa, struct outbox *ob)
{
	struct err e;

	if (sa == v->sa && sa->state == V2_UP && v->now >= sa->rekey_at) {
		sa->want_rekey = true;
		sa->rekey_at = TIME_NEVER;
	}
	if (v->now >= sa->gone_at)
		v2_rekey_overdue(v, sa);
	if (sa->theirs && v->now >= sa->theirs->until)
		series_free(&sa->theirs);
	if (sa == v->sa && v->now >= sa->expire_at) {
		err_set(&e, ERR_SILENT,
			"the IKE SA reached the end of its life without being rekeyed");
		v2_fail(v, &e, ob);
		return;
	}
	v2_request_tick(v, sa, ob);
}

static size_t children_up(const struct v2 *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->children.n; i++)
		n += v->children.v[i]->state == CHILD_UP ||
			v->children.v[i]->state == CHILD_REPLACED;
	return n;
}

/* The machine is set up for all networks of the profile at once, so each has been asked for. */
static void review_networks(struct v2 *v, struct outbox *ob)
{
	size_t up = children_up(v);

	if (up < v->carrying)
		v2_extra_again(v, v->now > v->extra_from ? v->now : v->extra_from);
	v->carrying = up;
	v2_extra_tick(v);
	if (v->phase == IKE_CONNECTING && v->sa && v->sa->state == V2_UP &&
		v->sa->req.task != TASK_NEW_CHILD && !v2_extra_wanted(v)) {
		v2_extra_left_out(v, ob);
		v->phase = IKE_UP;
		v->stage = STAGE_UP;
	}
}

/* What follows from the whole rather than from one message or timer. */
static void review(struct v2 *v, struct outbox *ob)
{
	struct err e;

	for (size_t i = 0; i < V2_SAS_MAX && v->phase != IKE_DEAD; i++)
		if (v->sas[i] && v->sas[i]->state == V2_GONE)
			v2_sa_next(v, v->sas[i], V2_GONE, ob);
	review_networks(v, ob);
	if (v->phase == IKE_UP && v->carrying == 0 && !v2_child_comes(v)) {
		err_set(&e, ERR_PEER, "%s",
			v2_child_ended(v) ?
				"the tunnel's child SA reached the end of its life without being rekeyed" :
				"the gateway deleted the tunnel's child SA");
		v2_fail(v, &e, ob);
	}
	v2_request_next(v, ob);
}

void v2_tick(struct v2 *v, uint64_t now, struct outbox *ob)
{
	struct err e;

	v->now = now;
	if (v->phase == IKE_DEAD)
		return;
	for (size_t i = v->children.n; i-- > 0;)
		tick_child(v, v->children.v[i], ob);
	for (size_t i = 0; i < V2_SAS_MAX && v->phase != IKE_DEAD; i++)
		if (v->sas[i])
			tick_sa(v, v->sas[i], ob);
	if (v->phase == IKE_DEAD)
		return;
	if (v->hs && v->hs->hint.kind != ERR_NONE && now >= v->hs->hint_until) {
		e = v->hs->hint;
		v2_fail(v, &e, ob);
	} else if (now >= v->login_ends) {
		err_set(&e, ERR_PEER,
			"the login is over, and the gateway wants another (AUTH_LIFETIME)");
		v2_fail(v, &e, ob);
	} else if (v->stopping && now >= v->stop_at) {
		err_clear(&e);
		v2_fail(v, &e, ob);
	}
	if (now >= dpd_at(v))
		v->sa->want_dpd = true;
	v2_ticket_tick(v);
	if (v->nat_local && now >= v->keepalive_at) {
		outbox_send(ob, PORT_NATT, &v->path.local, &v->path.remote, NULL, 0);
		v->keepalive_at = now + KEEPALIVE_MS;
	}
	review(v, ob);
}

/* --- inputs ---------------------------------------------------------------------------------------- */

static bool resume(struct v2 *v, struct outbox *ob, struct err *e)
{
	v2_stage(v, STAGE_INIT, v2_story(TASK_RESUME), ob);
	v->hs->from = v->cfg->resume;
	v->sa->state = V2_RESUME;
	return v2_resume_send(v, ob, e);
}

static bool agree(struct v2 *v, struct outbox *ob, struct err *e)
{
	const struct alg *group = prop_first_ke(v->cfg->ike_proposals);

	v->hs->ke = group ? ke_new(group, v->rng, e) : NULL;
	v2_stage(v, STAGE_INIT, v2_story(TASK_INIT), ob);
	v->sa->state = V2_INIT;
	return v->hs->ke && v2_init_send(v, ob, e);
}

void v2_start(struct v2 *v, uint64_t now, time_t wall, const struct path *path, bool patient,
	struct outbox *ob)
{
	struct err e = { 0 };

	v->now = v->wall_at = v->heard_at = now;
	v->wall = wall;
	v->path = *path;
	v->patient = patient;
	/* RFC 3948: any other port carries the marker */
	v->natt = path->remote.port != UDP_PORT_IKE;
	v->sa = v2_sa_new(v, true);
	if (!v->sa) {
		err_set(&e, ERR_LOCAL, "out of memory");
		v2_fail(v, &e, ob);
		return;
	}
	do
		rng_fill(v->rng, v->sa->spi_i, IKE_SPI_LEN);
	while (v->sa->spi_i[0] == 0);
	rng_fill(v->rng, v->hs->ni, sizeof(v->hs->ni));
	rng_fill(v->rng, v->nowhere, sizeof(v->nowhere));
	if (!(v->cfg->resume ? resume(v, ob, &e) : agree(v, ob, &e)))
		v2_fail(v, &e, ob);
}

void v2_datagram(struct v2 *v, uint64_t now, const struct datagram *d, struct outbox *ob)
{
	v->now = now;
	if (v->phase == IKE_DEAD)
		return;
	v2_dispatch(v, d, ob);
	if (v->phase != IKE_DEAD)
		review(v, ob);
}

void v2_answer(
	struct v2 *v, uint64_t now, uint32_t id, const struct passphrase *text, struct outbox *ob)
{
	struct err e = { 0 };
	enum v2_state next = V2_ASK;

	v->now = now;
	if (v->phase == IKE_DEAD || !v->hs || !v->sa || v->sa->state != V2_ASK ||
		id != v->hs->ask_id)
		return;
	v->hs->late = now - v->heard_at >= IKE_LATE_MS;
	if (!v2_eap_answer(v, text, ob, &next, &e))
		v2_fail(v, &e, ob);
	else
		v2_sa_next(v, v->sa, next, ob);
}

bool v2_move(struct v2 *v, uint64_t now, const struct path *path, struct outbox *ob)
{
	v->now = now;
	if (v->phase != IKE_UP || v->stopping || !v->mobike)
		return false;
	v2_move_to(v, path, ob);
	review(v, ob);
	return v->phase != IKE_DEAD;
}

void v2_os(struct v2 *v, uint64_t now, const struct os_input *in, struct outbox *ob)
{
	v->now = now;
	if (v->phase == IKE_DEAD)
		return;
	struct child *c = child_find(&v->children, in->spi);
	switch (in->kind) {
	case OS_INBOUND:
		v->heard_at = now;
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
		if (!in->ok && children_have(&v->children, in->spi))
			v2_fail(v, &in->err, ob);
		break;
	case OS_SA_MOVED:
		v2_moved(v, in->ok);
		break;
	case OS_RESUMED:
		v->woke_at = now;
		if (v->mobike)
			v->want_move = true;
		else if (v->sa)
			v->sa->want_dpd = true;
		break;
	case OS_PATHS:
	case OS_FETCHED:
	case OS_NETCONF_DONE:
	case OS_PATH_CHANGED:
	case OS_SEND_FAILED:
	case OS_LINK_FAILED:
	case OS_INTERFACE_GONE:
		break; /* the session's business */
	}
	if (v->phase != IKE_DEAD)
		review(v, ob);
}

bool v2_command(struct v2 *v, uint64_t now, enum command c, struct outbox *ob, struct err *e)
{
	v->now = now;
	if (v->phase != IKE_UP)
		return err_set(e, ERR_CONFIG, "the tunnel is not up");
	if (c == CMD_REKEY_IKE || c == CMD_REKEY_ALL)
		v->sa->want_rekey = true;
	if (c != CMD_REKEY_IKE)
		children_rekey(&v->children, now);
	v2_request_next(v, ob);
	return true;
}

/* --- what others may see ------------------------------------------------------------------------ */

bool v2_is_for(const struct v2 *v, const struct datagram *d)
{
	for (size_t i = 0; i < V2_SAS_MAX && d->len >= IKE_HDR_LEN; i++)
		if (v->sas[i] && memcmp(v->sas[i]->spi_i, d->data, IKE_SPI_LEN) == 0)
			return true;
	return false;
}

const struct granted *v2_granted(const struct v2 *v)
{
	return &v->granted;
}

enum ike_wait v2_idle(const struct v2 *v)
{
	return v->stage > STAGE_INIT ? WAIT_PROOF : WAIT_KEYS;
}

struct inquiry *v2_inquiry(struct v2 *v)
{
	return proof_take_inquiry(&v->revocation);
}

void v2_keys(const struct v2 *v, struct outbox *ob)
{
	for (size_t i = 0; i < V2_SAS_MAX; i++)
		if (v->sas[i])
			v2_sa_keys(v->sas[i], ob);
	children_keys(&v->children, ob);
}

void v2_view(const struct v2 *v, struct ike_view *out)
{
	*out = (struct ike_view){ .phase = v->phase,
		.stage = v->stage,
		.failure = v->failure,
		.version = 2,
		.local = v2_local(v),
		.remote = v->path.remote,
		.nat = v->nat_local || v->nat_remote,
		.encap = v->encap,
		.cookie = v->cookie,
		.resumed = v->resumed,
		.ticket_until = v2_ticket_until(v),
		.proved = v->proved,
		.pkcs1 = v->pkcs1,
		.sha1 = v->sha1,
		.eap = v->eap,
		.eap_tls_failed = v->eap_tls_failed,
		.quantum_safe = v->quantum_safe || (v->sa && v->sa->quantum_safe),
		.local_id = v->local_id,
		.remote_id = v->remote_id,
		.revocation = v->revocation.told,
		.rekey_at = TIME_NEVER,
		.reauth_at = v->reauth_at,
		.login_ends = v->login_ends,
		.rekeys_ike = v->rekeys_ike,
		.rekeys_child = v->rekeys_child };
	memcpy(out->vendor, v->vendor, sizeof(out->vendor));
	if (v->sa) {
		out->rekeying =
			v->sa->req.task == TASK_REKEY_CHILD || v->sa->req.task == TASK_REKEY_IKE;
		out->suite = v->sa->suite;
		out->rekey_at = v->sa->rekey_at;
		memcpy(out->spi_i, v->sa->spi_i, IKE_SPI_LEN);
		memcpy(out->spi_r, v->sa->spi_r, IKE_SPI_LEN);
	}
	children_view(&v->children, out);
}
