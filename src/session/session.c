#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hints.h"
#include "ike/msg.h"
#include "netconf.h"
#include "state.h"

/* --- configuration of the engine --------------------------------------------------------------- */

static enum ike_auth auth_kind(enum local_auth a)
{
	switch (a) {
	case LOCAL_CERT:
	case LOCAL_XAUTH_CERT:
		return IKE_AUTH_BY_CERT;
	case LOCAL_EAP:
	case LOCAL_HYBRID:
		return IKE_AUTH_BY_EAP;
	case LOCAL_PSK:
	case LOCAL_XAUTH_PSK:
		break;
	}
	return IKE_AUTH_BY_PSK;
}

static void configure_eap(struct session *s)
{
	s->cfg.eap = (struct eap_config){
		.user = s->user, .methods = s->p->eap, .n_methods = s->p->n_eap, .sequence = true
	};
	if (s->p->password_given)
		s->cfg.eap.password = &s->p->password;
	else if (s->password.len > 0)
		s->cfg.eap.password = &s->password;
}

static void configure(struct session *s)
{
	const struct profile *p = s->p;
	struct ike_config *c = &s->cfg;

	*c = (struct ike_config){ .ike_proposals = &p->ike_proposals,
		.esp_proposals = &p->esp_proposals,
		.security = p->security,
		.local_auth = auth_kind(p->local_auth),
		.remote_psk = p->remote_auth == REMOTE_PSK,
		.local_id = p->local_id,
		.remote_id = p->remote_id,
		.remote_id_strict = id_given(&p->remote_id),
		.send_remote_id = p->send_remote_id,
		.certs = &p->own_certs,
		.key = p->own_key,
		.trust = p->trust,
		.pinned = p->remote_certificate[0] != 0,
		.ike_lifetime = p->ike_lifetime,
		.child_lifetime = p->esp_lifetime,
		.dpd_interval = p->dpd_interval,
		.fragmentation = p->fragmentation,
		.mode = p->mode,
		.esn = p->esn,
		.pfs = p->pfs,
		.replay_window = p->replay_window,
		.want_address = p->address != CHOICE_NONE,
		.local_ts = p->local_ts,
		.remote_ts = p->remote_ts,
		.xauth = p->local_auth >= LOCAL_XAUTH_PSK,
		.aggressive = p->aggressive,
		.mode_config = p->mode_config };
	c->psk = p->psk_given ? &p->psk : &s->psk;
	/* The userspace data plane has no raw socket: its ESP is always in UDP. */
	c->force_encap = true;
	for (size_t i = 0; i < p->addresses.n && c->n_want < NETCONF_ADDRS; i++)
		c->want[c->n_want++] = p->addresses.v[i];
	configure_eap(s);
}

/* What the gateway must prove: what the profile says, else the name or address that was typed. */
static void expect_gateway(struct session *s)
{
	if (!id_given(&s->p->remote_id) &&
		!id_parse(&s->cfg.remote_id, s->p->gateways[s->gateway], NULL))
		s->cfg.remote_id = (struct identity){ .type = ID_NONE };
}

struct session *session_new(
	const struct profile *p, const uint8_t seed[RNG_SEED_LEN], struct err *e)
{
	struct session *s;

	if (p->type == CONN_L2TP) {
		err_set(e, ERR_CONFIG, "connection.type: l2tp is not supported yet");
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	s->p = p;
	rng_seed(&s->rng, seed);
	snprintf(s->user, sizeof(s->user), "%s", p->user);
	configure(s);
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	engine_free(s->engine);
	free(s->netconf);
	wipe(s, sizeof(*s));
	free(s);
}

void session_plain_esp(struct session *s)
{
	s->cfg.force_encap = s->p->encapsulation;
}

/* --- ending ------------------------------------------------------------------------------------- */

/* As it was, but for a strict kill switch where this is not the end that was asked for. */
static void machine_as_before(struct session *s, bool asked, struct outbox *ob)
{
	bool stays = s->guarded && !asked && s->p->killswitch == KILLSWITCH_STRICT;

	if (!s->netconf && (!s->guarded || stays))
		return;
	netconf_guard(s->p, stays ? KILLSWITCH_STRICT : KILLSWITCH_NO, ob);
	s->guarded = stays;
	free(s->netconf);
	s->netconf = NULL;
}

static void go_down(struct session *s, const struct down *d, struct outbox *ob)
{
	struct down *out;

	if (s->phase == PHASE_DOWN)
		return;
	engine_free(s->engine);
	s->engine = NULL;
	machine_as_before(s, d->status == DOWN_ASKED, ob);
	s->phase = PHASE_DOWN;
	out = outbox_add(ob, ACT_DOWN, sizeof(*out));
	if (out)
		*out = *d;
}

static void fail(struct session *s, enum ike_stage stage, const struct err *e, struct outbox *ob)
{
	struct down d;

	hint_down(&d, s->p, stage, e);
	if (s->was_up && d.status != DOWN_MACHINE)
		d.status = DOWN_LOST;
	s->last_error = *e;
	s->last_stage = stage;
	go_down(s, &d, ob);
}

bool session_explain(const struct session *s, struct down *out)
{
	if (s->last_error.kind == ERR_NONE)
		return false;
	hint_down(out, s->p, s->last_stage, &s->last_error);
	return true;
}

void session_hint(struct down *out, const struct profile *p, const struct err *e)
{
	hint_down(out, p, STAGE_RESOLVE, e);
}

/* --- connecting ---------------------------------------------------------------------------------- */

static void resolve(struct session *s, struct outbox *ob)
{
	struct resolve *r = outbox_add(ob, ACT_RESOLVE, sizeof(*r));

	if (!r)
		return;
	/* While the tunnel is lost its own DNS is out of reach, so the address that worked comes first. */
	if (s->was_up && s->attempts < NAME_AFTER && s->n_paths > 0)
		addr_text(r->host, &s->paths[s->path].remote);
	else
		snprintf(r->host, sizeof(r->host), "%s", s->p->gateways[s->gateway]);
	r->port = s->p->port;
	s->phase = PHASE_RESOLVING;
	if (!s->was_up)
		outbox_event(ob, EV_STAGE, LEVEL_INFO, "finding %s", r->host);
}

static void begin(struct session *s, struct outbox *ob)
{
	char to[ADDR_TEXT_MAX];
	struct err e = { 0 };
	const struct path *path = &s->paths[s->path];
	bool last = s->path + 1 == s->n_paths && s->gateway + 1 == s->p->n_gateways;

	engine_free(s->engine);
	configure_eap(s);
	expect_gateway(s);
	s->engine = engine_new(s->p->type == CONN_IKEV2 ? 2 : 1, &s->cfg, &s->rng, &e);
	if (!s->engine) {
		fail(s, STAGE_INIT, &e, ob);
		return;
	}
	s->phase = PHASE_CONNECTING;
	outbox_log(ob, LEVEL_INFO, "connecting to %s", addr_port_text(to, &path->remote));
	engine_start(s->engine, s->now, s->wall + (time_t)((s->now - s->wall_at) / 1000), path,
		last, ob);
}

static void start_attempt(struct session *s, struct outbox *ob)
{
	s->gateway = s->was_up && s->attempts < NAME_AFTER ? s->gateway : 0;
	s->cfg.ike_proposals = &s->p->ike_proposals;
	s->cfg.want_address = s->p->address != CHOICE_NONE;
	resolve(s, ob);
}

static void ask(uint32_t id, enum ask_kind kind, bool echo, const char *prompt, struct outbox *ob)
{
	struct ask *a = outbox_add(ob, ACT_ASK, sizeof(*a));

	if (!a)
		return;
	a->id = id;
	a->kind = kind;
	a->echo = echo;
	snprintf(a->prompt, sizeof(a->prompt), "%s", prompt);
}

/* What must be known before the first message; the rest is asked for when the gateway asks. */
static void prepare(struct session *s, struct outbox *ob)
{
	bool psk = s->cfg.local_auth == IKE_AUTH_BY_PSK || s->cfg.remote_psk;

	s->phase = PHASE_ASKING;
	if (psk && !s->p->psk_given && s->psk.len == 0)
		ask(ASK_ID_PSK, ASK_PSK, false, "Pre-shared key", ob);
	else if (s->cfg.local_auth == IKE_AUTH_BY_EAP && !s->user[0])
		ask(ASK_ID_USER, ASK_USER, true, "User name", ob);
	else
		start_attempt(s, ob);
}

void session_start(struct session *s, uint64_t now, time_t wall, struct outbox *ob)
{
	s->now = s->wall_at = now;
	s->wall = wall;
	if (s->p->killswitch == KILLSWITCH_NO) {
		prepare(s, ob);
		return;
	}
	/* Before the first packet, the question for the gateway's name included. */
	s->phase = PHASE_GUARDING;
	s->guarded = netconf_guard(s->p, s->p->killswitch, ob);
}

/* --- reconnecting --------------------------------------------------------------------------------- */

/* The engine is done with: a dead one that still got input would fail once more with every datagram. */
static void leave_engine(struct session *s)
{
	s->rekeys_ike += s->view.rekeys_ike;
	s->rekeys_child += s->view.rekeys_child;
	s->view.rekeys_ike = s->view.rekeys_child = 0;
	engine_free(s->engine);
	s->engine = NULL;
}

/* Exponential backoff with full jitter: many clients that lost the same gateway come back spread
 * out. The first attempt comes within a second. */
static void schedule(struct session *s, struct outbox *ob)
{
	unsigned shift = s->attempts < 6 ? s->attempts : 6;
	uint64_t most = (uint64_t)BACKOFF_FIRST_MS << shift;
	uint64_t wait =
		rng_below(&s->rng, (uint32_t)(most < BACKOFF_MOST_MS ? most : BACKOFF_MOST_MS) + 1);

	leave_engine(s);
	s->attempts++;
	s->next_attempt = s->now + wait;
	s->phase = PHASE_WAITING;
	outbox_event(ob, EV_RECONNECTING, LEVEL_WARN, "reconnecting in %.1f s (attempt %u)",
		(double)wait / 1000, s->attempts);
}

static bool final_refusal(struct session *s, const struct err *e)
{
	bool refused = e->kind == ERR_AUTH || e->kind == ERR_CONFIG || e->kind == ERR_LOCAL ||
		(e->kind == ERR_PEER &&
			(e->notify == AUTHENTICATION_FAILED || s->view.stage == STAGE_EAP));

	if (s->view.stage == STAGE_UP)
		return false;
	s->refusals += refused;
	return s->refusals >= REFUSALS_MAX;
}

/* Before giving up or waiting: another address, another gateway of the profile, with security =
 * legacy the groups that are offered only then, and no address where the gateway has none. */
static bool try_next_way(struct session *s, const struct err *e, struct outbox *ob)
{
	bool default_refused = s->view.stage == STAGE_INIT && e->notify == NO_PROPOSAL_CHOSEN &&
		s->p->security == TIER_LEGACY && s->p->ike_proposals_default &&
		s->cfg.ike_proposals == &s->p->ike_proposals;

	if (default_refused) {
		prop_last_resort(&s->last_resort, s->p->type != CONN_IKEV2, s->p->aggressive);
		s->cfg.ike_proposals = &s->last_resort;
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"the gateway refused strong algorithms: offering MODP 1536 and 1024 now");
		begin(s, ob);
		return true;
	}
	if (e->notify == INTERNAL_ADDRESS_FAILURE && s->p->address == CHOICE_AUTO &&
		s->cfg.want_address) {
		s->cfg.want_address = false;
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"the gateway has no address to give: going on with this machine's own");
		begin(s, ob);
		return true;
	}
	if (s->view.stage > STAGE_INIT || e->kind != ERR_SILENT)
		return false;
	if (s->phase == PHASE_CONNECTING && s->path + 1 < s->n_paths) {
		s->path++;
		outbox_log(ob, LEVEL_INFO, "%s", e->text);
		begin(s, ob);
		return true;
	}
	if (s->gateway + 1 < s->p->n_gateways) {
		s->gateway++;
		s->n_paths = 0;
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s", e->text);
		resolve(s, ob);
		return true;
	}
	return false;
}

static void attempt_failed(struct session *s, const struct err *e, struct outbox *ob)
{
	enum ike_stage stage = s->view.stage;
	bool lost = s->phase == PHASE_UP || s->phase == PHASE_CONFIGURING;

	s->last_error = *e;
	s->last_stage = stage;
	if (s->phase == PHASE_STOPPING) {
		go_down(s, &(struct down){ .status = DOWN_ASKED }, ob);
		return;
	}
	if (!lost && try_next_way(s, e, ob))
		return;
	if (!s->was_up || !s->p->reconnect || final_refusal(s, e)) {
		fail(s, stage, e, ob);
		return;
	}
	if (lost) {
		s->attempts = 0;
		s->reconnects++;
		outbox_event(ob, EV_LOST, LEVEL_WARN, "the tunnel is lost: %s", e->text);
	} else {
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s", e->text);
	}
	schedule(s, ob);
}

/* --- following the engine -------------------------------------------------------------------------- */

static void set_up_machine(struct session *s, struct outbox *ob)
{
	outbox_event(ob, EV_STAGE, LEVEL_INFO, "setting up addresses, routes and DNS");
	free(s->netconf);
	s->netconf =
		netconf_build(s->p, &s->view, engine_granted(s->engine), s->paths[s->path].mtu, ob);
	s->phase = PHASE_CONFIGURING;
}

static bool is_weak_any(const struct suite *x)
{
	return (x->encr && alg_weak(x->encr)) || (x->integ && alg_weak(x->integ)) ||
		(x->prf && alg_weak(x->prf)) || (x->ke && alg_weak(x->ke));
}

static void carried(struct session *s, struct outbox *ob)
{
	char list[NETCONF_ADDRS * ADDR_TEXT_MAX] = "", text[ADDR_TEXT_MAX], suite[SUITE_TEXT_MAX];

	for (size_t i = 0; s->netconf && i < s->netconf->n_addrs; i++) {
		struct prefix host = s->netconf->addrs[i];
		host.len = host.family == FAMILY_V4 ? 32 : 128;
		size_t n = strlen(list);
		prefix_text(text, &host);
		text[strcspn(text, "/")] = 0;
		snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", text);
	}
	if (is_weak_any(&s->view.suite))
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "weak algorithms are in use: %s",
			suite_text(suite, &s->view.suite));
	s->phase = PHASE_UP;
	s->was_up = true;
	s->attempts = s->refusals = 0;
	s->up_at = s->now;
	outbox_event(ob, EV_UP, LEVEL_INFO, "connected to %s%s%s%s", s->p->gateways[s->gateway],
		list[0] ? " as " : "", list, s->view.nat ? " (through NAT)" : "");
}

/* The engine's questions pass through: an answer to one for a password is kept, so that a
 * reconnect need not ask again. */
static void note_question(struct session *s, const struct outbox *ob, size_t from)
{
	for (size_t i = from; i < ob->n; i++)
		if (ob->actions[i].kind == ACT_ASK)
			s->asked = ((const struct ask *)outbox_get(ob, i))->kind;
}

static void follow(struct session *s, struct outbox *ob, size_t from)
{
	/* A dead engine whose successor is not there yet has nothing more to say. */
	bool works = s->phase == PHASE_CONNECTING || s->phase == PHASE_CONFIGURING ||
		s->phase == PHASE_UP || s->phase == PHASE_STOPPING;

	if (!s->engine || !works)
		return;
	note_question(s, ob, from);
	engine_view(s->engine, &s->view);
	if (s->view.phase == IKE_DEAD) {
		struct err e = s->view.failure;
		if (e.kind == ERR_NONE && s->phase == PHASE_STOPPING)
			go_down(s, &(struct down){ .status = DOWN_ASKED }, ob);
		else
			attempt_failed(s, &e, ob);
	} else if (s->view.phase == IKE_UP && s->phase == PHASE_CONNECTING) {
		if (s->last_answer.len > 0 && s->asked == ASK_PASSWORD)
			s->password = s->last_answer;
		passphrase_wipe(&s->last_answer);
		set_up_machine(s, ob);
	}
}

/* --- inputs ----------------------------------------------------------------------------------------- */

void session_datagram(struct session *s, uint64_t now, const struct datagram *d, struct outbox *ob)
{
	size_t from = ob->n;

	s->now = now;
	if (!s->engine)
		return;
	engine_datagram(s->engine, now, d, ob);
	follow(s, ob, from);
}

static void own_answer(
	struct session *s, uint32_t id, const struct passphrase *text, struct outbox *ob)
{
	struct err e;

	if (s->phase != PHASE_ASKING)
		return;
	if (!text || text->len == 0 || (id == ASK_ID_USER && text->len >= sizeof(s->user))) {
		err_set(&e, ERR_CONFIG, "%s is needed and was not given",
			id == ASK_ID_PSK ? "the pre-shared key" : "the user name");
		fail(s, STAGE_EAP, &e, ob); /* a secret is missing: the advice of the login fits */
		return;
	}
	if (id == ASK_ID_PSK)
		s->psk = *text;
	else
		memcpy(s->user, text->text, text->len + 1);
	prepare(s, ob);
}

void session_answer(struct session *s, uint64_t now, uint32_t id, const struct passphrase *text,
	struct outbox *ob)
{
	size_t from = ob->n;

	s->now = now;
	if (id & ASK_OWN) {
		own_answer(s, id, text, ob);
		return;
	}
	if (!s->engine)
		return;
	if (text)
		s->last_answer = *text;
	engine_answer(s->engine, now, id, text, ob);
	follow(s, ob, from);
}

static void paths_found(struct session *s, const struct os_input *in, struct outbox *ob)
{
	if (s->phase != PHASE_RESOLVING)
		return;
	s->view = (struct ike_view){ .stage = STAGE_RESOLVE };
	if (!in->ok || in->n_paths == 0) {
		attempt_failed(s, &in->err, ob);
		return;
	}
	s->n_paths = in->n_paths < PATHS_MAX ? in->n_paths : PATHS_MAX;
	memcpy(s->paths, in->paths, s->n_paths * sizeof(s->paths[0]));
	s->path = 0;
	size_t from = ob->n;
	begin(s, ob);
	follow(s, ob, from);
}

static void netconf_done(struct session *s, const struct os_input *in, struct outbox *ob)
{
	if (s->phase != PHASE_CONFIGURING && s->phase != PHASE_GUARDING)
		return;
	if (!in->ok) {
		s->guarded &= s->phase != PHASE_GUARDING;
		fail(s, s->phase == PHASE_GUARDING ? STAGE_RESOLVE : STAGE_CHILD, &in->err, ob);
	} else if (s->phase == PHASE_GUARDING) {
		prepare(s, ob);
	} else {
		carried(s, ob);
	}
}

/* Leave the present engine, as politely as one message can, and begin anew. */
static void restart(struct session *s, const char *why, struct outbox *ob)
{
	struct err e;

	engine_stop(s->engine, s->now, ob);
	engine_stop(s->engine, s->now, ob);
	err_set(&e, ERR_SILENT, "%s", why);
	s->view.stage = STAGE_UP;
	s->phase = PHASE_UP;
	attempt_failed(s, &e, ob);
	if (s->phase == PHASE_WAITING)
		s->next_attempt = s->now;
}

static void path_changed(struct session *s, const struct os_input *in, struct outbox *ob)
{
	if (s->phase == PHASE_WAITING) {
		s->next_attempt = s->now; /* the network is back, perhaps */
		return;
	}
	if (s->phase != PHASE_UP || in->n_paths == 0)
		return;
	if (addr_same_host(&in->paths[0].local, &s->paths[s->path].local)) {
		struct os_input probe = { .kind = OS_RESUMED };
		engine_os(s->engine, s->now, &probe, ob);
		return;
	}
	restart(s, "this machine's address changed", ob);
}

void session_os(struct session *s, uint64_t now, const struct os_input *in, struct outbox *ob)
{
	size_t from = ob->n;

	s->now = now;
	switch (in->kind) {
	case OS_PATHS:
		paths_found(s, in, ob);
		return;
	case OS_NETCONF_DONE:
		netconf_done(s, in, ob);
		return;
	case OS_PATH_CHANGED:
		path_changed(s, in, ob);
		break;
	case OS_SEND_FAILED:
		outbox_log(ob, LEVEL_WARN, "%s", in->err.text);
		return;
	case OS_SA_INSTALLED:
	case OS_RESUMED:
	case OS_INBOUND:
	case OS_SA_USED:
	case OS_SA_EXPIRING:
		if (s->engine)
			engine_os(s->engine, now, in, ob);
		break;
	}
	follow(s, ob, from);
}

void session_tick(struct session *s, uint64_t now, struct outbox *ob)
{
	size_t from = ob->n;

	s->now = now;
	if (s->phase == PHASE_WAITING && now >= s->next_attempt) {
		start_attempt(s, ob);
		return;
	}
	if (!s->engine || s->phase == PHASE_WAITING || s->phase == PHASE_DOWN)
		return;
	engine_tick(s->engine, now, ob);
	follow(s, ob, from);
}

bool session_command(
	struct session *s, uint64_t now, enum command c, struct outbox *ob, struct err *e)
{
	size_t from = ob->n;

	s->now = now;
	if (c == CMD_RECONNECT && s->phase == PHASE_WAITING) {
		s->next_attempt = now;
		return true;
	}
	if (s->phase != PHASE_UP)
		return err_set(e, ERR_CONFIG, "the tunnel is not up");
	if (c == CMD_RECONNECT) {
		restart(s, "reconnecting as asked", ob);
		return true;
	}
	bool ok = engine_command(s->engine, now, c, ob, e);
	follow(s, ob, from);
	return ok;
}

void session_stop(struct session *s, uint64_t now, struct outbox *ob)
{
	size_t from = ob->n;

	s->now = now;
	if (s->phase == PHASE_DOWN)
		return;
	bool wait = s->engine &&
		(s->phase == PHASE_UP || s->phase == PHASE_CONFIGURING ||
			s->phase == PHASE_CONNECTING || s->phase == PHASE_STOPPING);
	if (!wait) {
		go_down(s, &(struct down){ .status = DOWN_ASKED }, ob);
		return;
	}
	s->phase = PHASE_STOPPING;
	machine_as_before(s, true, ob);
	engine_stop(s->engine, now, ob);
	follow(s, ob, from);
}

uint64_t session_deadline(const struct session *s)
{
	switch (s->phase) {
	case PHASE_WAITING:
		return s->next_attempt;
	case PHASE_CONNECTING:
	case PHASE_CONFIGURING:
	case PHASE_UP:
	case PHASE_STOPPING:
		return s->engine ? engine_deadline(s->engine) : TIME_NEVER;
	case PHASE_NEW:
	case PHASE_GUARDING:
	case PHASE_ASKING:
	case PHASE_RESOLVING:
	case PHASE_DOWN:
		break;
	}
	return TIME_NEVER;
}
