#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attempt.h"
#include "configure.h"
#include "dial.h"
#include "inquire.h"
#include "netconf.h"
#include "reauth.h"
#include "resume.h"
#include "setup.h"
#include "silence.h"

/* --- making one ------------------------------------------------------------------------------------ */

struct session *session_new(
	const struct profile *p, const uint8_t seed[RNG_SEED_LEN], struct err *e)
{
	struct session *s;

	s = calloc(1, sizeof(*s));
	if (!s) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	s->p = p;
	s->leave_at = TIME_NEVER;
	rng_seed(&s->rng, seed);
	configure_engine(s);
	configure_user(s);
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	line_free(s->line);
	engine_free(s->engine);
	engine_free(s->reauth.next);
	engine_free(s->reauth.old);
	inquire_end(s);
	evidence_free(s->inquiring.fetched);
	resume_forget(s);
	free(s->netconf);
	wipe(s, sizeof(*s));
	free(s);
}

void session_plain_esp(struct session *s)
{
	s->machine.kernel = true;
	s->cfg.force_encap = s->p->encapsulation;
}

void session_name_servers(struct session *s, const struct addr servers[SESSION_NAME_SERVERS])
{
	memcpy(s->machine.name_servers, servers, sizeof(s->machine.name_servers));
}

enum ike_wait session_idle(struct session *s)
{
	return s->engine ? engine_idle(s->engine) : WAIT_KEYS;
}

void session_keys(const struct session *s, struct outbox *ob)
{
	if (s->engine)
		engine_keys(s->engine, ob);
	reauth_keys(s, ob);
}

void session_start(struct session *s, uint64_t now, time_t wall, struct outbox *ob)
{
	s->now = s->wall_at = now;
	s->wall = wall;
	if (s->p->killswitch == KILLSWITCH_NO) {
		attempt_prepare(s, ob);
		return;
	}
	/* Before the first packet, the question for the gateway's name included. */
	s->phase = PHASE_GUARDING;
	s->guarded = netconf_guard(s->p, s->p->killswitch, ob);
}

/* --- following the engine -------------------------------------------------------------------------- */

/* A refused rekey is a failure as long as it is not made good. */
static void note_event(struct session *s, const struct event *ev)
{
	if (ev->kind == EV_NOT_REKEYED) {
		err_notify(&s->last_error, ERR_PEER, ev->notify, "%s", ev->text);
		s->last_stage = STAGE_REKEY;
	} else if (ev->kind == EV_REKEYED && s->last_stage == STAGE_REKEY) {
		err_clear(&s->last_error);
	}
}

/* What the engine asks and tells passes through: an answer to a question for a password is kept, so that a
 * reconnect need not ask again, until the gateway refuses it. */
static void note_actions(struct session *s, const struct outbox *ob, size_t from)
{
	for (size_t i = from; i < ob->n; i++)
		if (ob->actions[i].kind == ACT_ASK) {
			const struct ask *a = outbox_get(ob, i);
			s->asked = a->kind;
			s->question = a->id;
			s->asked_at = s->now;
		} else if (ob->actions[i].kind == ACT_EVENT) {
			note_event(s, outbox_get(ob, i));
		} else if (ob->actions[i].kind == ACT_SA_INSTALL) {
			s->installing++;
		}
}

/* A dead engine whose successor is not there yet has nothing more to say. */
static bool works(const struct session *s)
{
	return s->engine &&
		(s->phase == PHASE_CONNECTING || s->phase == PHASE_DIALLING ||
			s->phase == PHASE_CONFIGURING || s->phase == PHASE_UP ||
			s->phase == PHASE_STOPPING);
}

static void logged_in(struct session *s, struct outbox *ob)
{
	resume_forget(s);
	attempt_keep_password(s);
	setup_machine(s, ob);
}

static void follow_works(struct session *s, struct outbox *ob, size_t from);

static void engine_ended(struct session *s, struct outbox *ob)
{
	struct err e = s->view.failure;

	if (s->phase == PHASE_CONNECTING && inquire_begin(s, ob))
		return;
	if (s->phase == PHASE_DIALLING)
		s->view.stage = dial_stage(s);
	else if (s->phase == PHASE_CONFIGURING) /* the SA cannot be had here */
		s->view.stage = STAGE_CHILD;
	dial_lost(s, &e);
	if (e.kind == ERR_NONE && s->phase == PHASE_STOPPING)
		session_end(s, &(struct down){ .status = DOWN_ASKED }, ob);
	else if (reauth_goes_on(s, &e, ob))
		follow_works(s, ob, ob->n);
	else
		attempt_failed(s, &e, ob);
}

static void follow_works(struct session *s, struct outbox *ob, size_t from)
{
	if (!works(s))
		return;
	note_actions(s, ob, from);
	dial_follow(s, ob);
	if (!works(s))
		return;
	engine_view(s->engine, &s->view);
	if (s->view.phase == IKE_DEAD) {
		engine_ended(s, ob);
	} else if (s->view.phase == IKE_UP && s->phase == PHASE_CONNECTING) {
		if (s->p->type == CONN_L2TP)
			dial_start(s, ob);
		else
			logged_in(s, ob);
	} else if (s->phase == PHASE_DIALLING && s->line_view.phase == LINE_UP) {
		logged_in(s, ob);
	} else if (s->phase == PHASE_UP && dial_changed(s)) {
		setup_machine(s, ob);
	} else if (s->phase == PHASE_UP && setup_stale(s)) {
		setup_again(s, ob);
	}
	reauth_follow(s, ob);
}

static void follow(struct session *s, struct outbox *ob, size_t from)
{
	follow_works(s, ob, from);
	silence_follow(s);
}

/* --- inputs ----------------------------------------------------------------------------------------- */

void session_datagram(struct session *s, uint64_t now, const struct datagram *d, struct outbox *ob)
{
	size_t from = ob->n;

	s->now = now;
	if (!s->engine)
		return;
	engine_datagram(reauth_engine_for(s, d), now, d, ob);
	follow(s, ob, from);
}

/* What came out of the SA and is no packet. */
void session_l2tp(struct session *s, uint64_t now, struct bytes payload, struct outbox *ob)
{
	size_t from = ob->n;

	s->now = now;
	if (!s->line)
		return;
	line_datagram(s->line, now, payload, ob);
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
			id == ASK_ID_PSK         ? "the pre-shared key" :
				id == ASK_ID_PPK ? "the post-quantum pre-shared key" :
						   "the user name");
		session_fail(s, STAGE_EAP, &e,
			ob); /* a secret is missing: the advice of the login fits */
		return;
	}
	if (id == ASK_ID_PSK)
		s->psk = *text;
	else if (id == ASK_ID_PPK)
		s->ppk = *text;
	else
		memcpy(s->user, text->text, text->len + 1);
	attempt_prepare(s, ob);
}

/* For later attempts, as the password that goes with it. */
static void keep_user(struct session *s, const struct passphrase *text)
{
	if (s->asked == ASK_USER && text->len > 0 && text->len < sizeof(s->user))
		memcpy(s->user, text->text, text->len + 1);
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
	bool open = id == s->question;
	s->question = open ? 0 : s->question;
	if (open && s->phase == PHASE_ASKING) {
		attempt_answered(s, text, ob);
		return;
	}
	if (!s->engine || ((id & ASK_LINE) && !s->line))
		return;
	if (text) {
		s->last_answer = *text;
		keep_user(s, text);
	}
	s->late = now - s->asked_at >= IKE_LATE_MS;
	struct engine *to = reauth_answered(s, text);
	if (id & ASK_LINE)
		line_answer(s->line, now, id, text, ob);
	else if (to)
		engine_answer(to, now, id, text, ob);
	follow(s, ob, from);
}

static void paths_found(struct session *s, const struct os_input *in, struct outbox *ob)
{
	if (s->phase != PHASE_RESOLVING)
		return;
	s->view = (struct ike_view){ .stage = STAGE_RESOLVE };
	if (!in->ok || in->n_paths == 0) {
		attempt_unnamed(s, &in->err, ob);
		return;
	}
	s->n_paths = in->n_paths < PATHS_MAX ? in->n_paths : PATHS_MAX;
	memcpy(s->paths, in->paths, s->n_paths * sizeof(s->paths[0]));
	s->path = 0;
	size_t from = ob->n;
	attempt_begin(s, ob);
	follow(s, ob, from);
}

static void netconf_done(struct session *s, const struct os_input *in, struct outbox *ob)
{
	if (s->phase != PHASE_CONFIGURING && s->phase != PHASE_GUARDING)
		return;
	if (!in->ok) {
		s->guarded &= s->phase != PHASE_GUARDING;
		session_fail(
			s, s->phase == PHASE_GUARDING ? STAGE_RESOLVE : STAGE_CHILD, &in->err, ob);
	} else if (s->phase == PHASE_GUARDING) {
		attempt_prepare(s, ob);
	} else {
		setup_done(s, ob);
	}
}

/* Leave the present engine, as politely as one message can, and begin anew from where the machine is now,
 * if the profile wants that. */
static void restart_elsewhere(struct session *s, struct outbox *ob)
{
	struct err e;

	attempt_leave(s, ob);
	err_set(&e, ERR_SILENT, "this machine's address changed");
	s->view.stage = STAGE_UP;
	s->phase = PHASE_UP;
	attempt_failed(s, &e, ob);
	if (s->phase == PHASE_WAITING)
		s->next_attempt = s->now;
}

/* The tunnel goes with the machine. */
static bool follow_path(struct session *s, const struct path *to, struct outbox *ob)
{
	const struct path *from = &s->paths[s->path];
	bool other = to->mtu != from->mtu || !addr_same_host(&to->next_hop, &from->next_hop);

	if (!engine_move(s->engine, s->now, to, ob))
		return false;
	s->paths[s->path] = *to;
	reauth_moved(s, ob);
	outbox_event(
		ob, EV_STAGE, LEVEL_INFO, "this machine's address changed: telling the gateway");
	if (other)
		setup_again(s, ob);
	return true;
}

/* Where the gateway has an address of the other family that can be reached the tunnel is made anew there, unless
 * the way comes back soon; else what is there is kept for as long as the gateway may. */
static bool cut_off(struct session *s, const struct os_input *in, struct outbox *ob)
{
	bool was = s->cut_off,
	     other = in->n_paths > 0 &&
		!addr_same_host(&in->paths[0].remote, &s->paths[s->path].remote);

	s->cut_off = in->n_paths == 0 || other;
	if (s->cut_off && !was) {
		err_set(&s->last_error, ERR_SILENT,
			"this machine has no way to the gateway any more");
		s->last_stage = STAGE_UP;
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s", s->last_error.text);
	} else if (was && !s->cut_off) {
		err_clear(&s->last_error);
		outbox_event(ob, EV_MOVED, LEVEL_INFO, "the way to the gateway is back");
	}
	if (!other)
		s->leave_at = TIME_NEVER;
	else if (s->leave_at == TIME_NEVER)
		s->leave_at = s->now + ELSEWHERE_MS;
	if (other)
		s->elsewhere = in->paths[0].remote;
	return s->cut_off;
}

static void leave_for_elsewhere(struct session *s, struct outbox *ob)
{
	s->leave_at = TIME_NEVER;
	s->cut_off = false;
	s->worked = s->elsewhere;
	restart_elsewhere(s, ob);
}

static void path_changed(struct session *s, const struct os_input *in, struct outbox *ob)
{
	if (s->phase == PHASE_WAITING) {
		if (in->ok || in->n_paths > 0)
			s->next_attempt = s->now; /* the network is back, perhaps */
		return;
	}
	if (s->phase == PHASE_INQUIRING && in->n_paths > 0)
		s->paths[s->path] = in->paths[0]; /* for when the gateway is called again */
	bool connecting = s->phase == PHASE_CONNECTING || s->phase == PHASE_DIALLING;
	if ((!connecting && s->phase != PHASE_UP) || (!connecting && cut_off(s, in, ob)) ||
		in->n_paths == 0)
		return;
	bool same = addr_same_host(&in->paths[0].local, &s->paths[s->path].local);
	if (connecting && !same) {
		s->paths[s->path] = in->paths[0];
		attempt_hang_up(s, ob);
		attempt_begin(s, ob);
	} else if (!connecting && same) {
		struct os_input probe = { .kind = OS_RESUMED };
		engine_os(s->engine, s->now, &probe, ob);
	} else if (!same && !follow_path(s, &in->paths[0], ob)) {
		restart_elsewhere(s, ob);
	}
}

void session_os(struct session *s, uint64_t now, const struct os_input *in, struct outbox *ob)
{
	size_t from = ob->n;

	s->now = now;
	s->installing -= in->kind == OS_SA_INSTALLED && s->installing > 0;
	switch (in->kind) {
	case OS_PATHS:
		paths_found(s, in, ob);
		return;
	case OS_FETCHED:
		inquire_answer(s, in, ob);
		break;
	case OS_NETCONF_DONE:
		netconf_done(s, in, ob);
		break;
	case OS_PATH_CHANGED:
		path_changed(s, in, ob);
		break;
	case OS_LINK_FAILED:
		dial_link_failed(s, in, ob);
		return;
	case OS_INTERFACE_GONE:
		session_fail(s, STAGE_UP, &in->err, ob);
		return;
	case OS_SEND_FAILED:
		outbox_log(ob, LEVEL_WARN, "%s", in->err.text);
		return;
	case OS_SA_INSTALLED:
	case OS_SA_MOVED:
	case OS_RESUMED:
	case OS_INBOUND:
	case OS_SA_USED:
	case OS_SA_EXPIRING:
	case OS_SA_EXPIRED:
		if (s->engine)
			engine_os(s->engine, now, in, ob);
		reauth_os(s, in, ob);
		break;
	}
	follow(s, ob, from);
}

void session_tick(struct session *s, uint64_t now, struct outbox *ob)
{
	size_t from = ob->n;

	s->now = now;
	if (s->phase == PHASE_WAITING && now >= s->next_attempt) {
		attempt_start(s, ob);
		return;
	}
	if (s->phase == PHASE_INQUIRING) {
		inquire_tick(s, ob);
		follow(s, ob, from);
		return;
	}
	if (!s->engine || s->phase == PHASE_WAITING || s->phase == PHASE_DOWN)
		return;
	if (s->phase == PHASE_UP && now >= s->leave_at) {
		leave_for_elsewhere(s, ob);
		return;
	}
	engine_tick(s->engine, now, ob);
	if (s->line)
		line_tick(s->line, now, ob);
	reauth_tick(s, ob);
	follow(s, ob, from);
	silence_tick(s, ob);
}

/* After it was up once: an attempt is under way. */
static bool reconnects(const struct session *s)
{
	return s->was_up &&
		(s->phase == PHASE_RESOLVING || s->phase == PHASE_CONNECTING ||
			s->phase == PHASE_INQUIRING || s->phase == PHASE_DIALLING ||
			(s->phase == PHASE_CONFIGURING && !s->again));
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
	if (c == CMD_RECONNECT && reconnects(s))
		return true; /* it is being done */
	if (s->phase != PHASE_UP)
		return err_set(e, ERR_CONFIG, "the tunnel is not up");
	if (c == CMD_RECONNECT) {
		attempt_as_asked(s, ob);
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
	bool again = s->phase == PHASE_STOPPING;
	if (!works(s)) {
		session_end(s, &(struct down){ .status = DOWN_ASKED }, ob);
		return;
	}
	s->phase = PHASE_STOPPING;
	session_restore(s, true, ob);
	reauth_end(s, ob);
	/* The line first, and while there still is an SA for it; its end is the engine's. */
	if (s->line)
		line_stop(s->line, now, ob);
	if (!s->line || again)
		engine_stop(s->engine, now, ob);
	follow(s, ob, from);
}

uint64_t session_deadline(const struct session *s)
{
	if (s->phase == PHASE_WAITING)
		return s->next_attempt;
	if (s->phase == PHASE_INQUIRING)
		return s->inquiring.until;
	if (!works(s))
		return TIME_NEVER;
	uint64_t first = earliest(engine_deadline(s->engine), reauth_deadline(s));
	first = earliest(first, silence_deadline(s));
	if (s->line)
		first = earliest(first, line_deadline(s->line));
	return s->phase == PHASE_UP ? earliest(first, s->leave_at) : first;
}
