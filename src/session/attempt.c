#include "attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configure.h"
#include "dial.h"
#include "hints.h"
#include "inquire.h"
#include "ike/msg.h"
#include "ike/v1.h"
#include "netconf.h"
#include "reauth.h"
#include "resume.h"
#include "silence.h"
#include "twin.h"

/* --- ending ------------------------------------------------------------------------------------- */

/* As it was, but for a strict kill switch where this is not the end that was asked for. */
void session_restore(struct session *s, bool asked, struct outbox *ob)
{
	bool stays = s->guarded && !asked && s->p->killswitch == KILLSWITCH_STRICT;

	if (!s->netconf && (!s->guarded || stays))
		return;
	netconf_guard(s->p, stays ? KILLSWITCH_STRICT : KILLSWITCH_NO, ob);
	s->guarded = stays;
	free(s->netconf);
	s->netconf = NULL;
}

void attempt_hang_up(struct session *s, struct outbox *ob)
{
	for (int i = 0; i < 2 && s->line; i++)
		line_stop(s->line, s->now, ob);
	dial_end(s, ob);
	reauth_end(s, ob);
	if (s->engine)
		engine_hang_up(s->engine, s->now, ob);
}

void attempt_leave(struct session *s, struct outbox *ob)
{
	if (s->engine && s->p->reconnect)
		engine_leave(s->engine, s->now, ob);
	attempt_hang_up(s, ob);
}

/* What the view of it leads to goes with it. */
static void drop_engine(struct session *s)
{
	engine_free(s->engine);
	s->engine = NULL;
	s->view.local_id = s->view.remote_id = s->view.revocation = "";
	s->view.n_children = 0;
}

void session_end(struct session *s, const struct down *d, struct outbox *ob)
{
	struct down *out;

	if (s->phase == PHASE_DOWN)
		return;
	attempt_hang_up(s, ob);
	inquire_end(s);
	drop_engine(s);
	resume_forget(s);
	session_restore(s, d->status == DOWN_ASKED, ob);
	s->phase = PHASE_DOWN;
	out = outbox_add(ob, ACT_DOWN, sizeof(*out));
	if (out)
		*out = *d;
}

void session_fail(struct session *s, enum ike_stage stage, const struct err *e, struct outbox *ob)
{
	struct down d;

	hint_down(&d, s->p, stage, e);
	if (s->was_up && d.status != DOWN_MACHINE)
		d.status = DOWN_LOST;
	s->last_error = *e;
	s->last_stage = stage;
	session_end(s, &d, ob);
}

/* --- connecting ---------------------------------------------------------------------------------- */

static void resolve(struct session *s, struct outbox *ob)
{
	struct resolve *r = outbox_add(ob, ACT_RESOLVE, sizeof(*r));

	if (!r)
		return;
	/* While the tunnel is lost its own DNS is out of reach, so the address that worked comes first. */
	if (s->was_up && (s->attempts < NAME_AFTER || s->unnamed) &&
		s->gateway == s->worked_gateway)
		addr_text(r->host, &s->worked);
	else
		snprintf(r->host, sizeof(r->host), "%s", s->p->gateways[s->gateway]);
	r->port = s->p->port;
	s->phase = PHASE_RESOLVING;
	if (!s->was_up)
		outbox_event(ob, EV_STAGE, LEVEL_INFO, "finding %s", r->host);
}

static bool is_last_gateway(const struct session *s)
{
	return s->gateway + 1 >= s->p->n_gateways;
}

void attempt_fresh(struct session *s)
{
	passphrase_wipe(&s->last_answer);
	s->late = false;
	s->question = 0;
	configure_login(s);
}

void attempt_keep_password(struct session *s)
{
	if (s->last_answer.len > 0 && s->asked == ASK_PASSWORD)
		s->password = s->last_answer;
	passphrase_wipe(&s->last_answer);
	err_clear(&s->refusal);
}

void attempt_begin(struct session *s, struct outbox *ob)
{
	char to[ADDR_TEXT_MAX];
	struct err e = { 0 };
	const struct path *path = &s->paths[s->path];
	/* A reconnect has the next attempt behind it: many who insist keep a gateway down that is back. */
	bool patient = !s->was_up && s->path + 1 == s->n_paths && is_last_gateway(s);

	drop_engine(s);
	s->again = false;
	attempt_fresh(s);
	if (s->p->type == CONN_L2TP)
		dial_choose_port(s);
	configure_gateway(s);
	s->cfg.not_alone = s->twin.known || path->shared;
	s->cfg.revocation = s->p->revocation;
	s->cfg.inquired = s->inquiring.done;
	s->inquiring.done = false; /* of the next gateway nothing is known */
	resume_configure(s);
	s->engine = engine_new(s->p->type == CONN_IKEV2 ? 2 : 1, &s->cfg, &s->rng, &e);
	if (!s->engine) {
		session_fail(s, STAGE_INIT, &e, ob);
		return;
	}
	s->phase = PHASE_CONNECTING;
	silence_begin(s);
	outbox_log(ob, LEVEL_INFO, "connecting to %s", addr_port_text(to, &path->remote));
	engine_start(s->engine, s->now, session_wall(s), path, patient, ob);
}

void attempt_start(struct session *s, struct outbox *ob)
{
	s->gateway = s->was_up && s->attempts < NAME_AFTER ? s->worked_gateway : 0;
	s->unnamed = false;
	err_clear(&s->passed);
	s->cfg.ike_proposals = &s->p->ike_proposals;
	configure_addresses(s);
	resume_round(s);
	dial_new_round(s);
	resolve(s, ob);
}

void attempt_unnamed(struct session *s, const struct err *e, struct outbox *ob)
{
	if (s->was_up && s->gateway == s->worked_gateway && !s->unnamed) {
		s->unnamed = true;
		outbox_log(ob, LEVEL_INFO, "%s: trying the address that it had", e->text);
		resolve(s, ob);
	} else {
		attempt_failed(s, e, ob);
	}
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

static bool by_shared_key(const struct session *s)
{
	return s->cfg.local_auth == IKE_AUTH_BY_PSK || s->cfg.remote_psk;
}

/* Whoever stands in the gateway's place once has what he needs to try one key after the other at home: AUTH of
 * IKEv2 (RFC 7296 section 2.15), the hash of IKEv1. */
static void warn_of_short_key(const struct session *s, struct outbox *ob)
{
	if (by_shared_key(s) && s->cfg.psk->len < PSK_LONG)
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"the pre-shared key has fewer than %d characters, so it can be guessed by "
			"whoever poses as the gateway once: a longer one cannot",
			PSK_LONG);
}

static void warn_of_dates(const struct session *s, struct outbox *ob)
{
	const struct cert *own = s->p->own_certs.n ? s->p->own_certs.v[0] : NULL;
	char subject[CERT_TEXT_MAX], when[CERT_TIME_MAX];
	struct err e;

	if (own && !cert_dates(own, s->wall, &e))
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"local.certificate: %s, by this machine's clock: most gateways will refuse it",
			e.text);
	else if (own && cert_ends_soon(own, s->wall))
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"local.certificate: \"%s\" expires on %s: have it renewed before",
			cert_subject_text(subject, own), cert_expires_text(when, own));
}

/* What must be known before the first message; the rest is asked for when the gateway asks. */
void attempt_prepare(struct session *s, struct outbox *ob)
{
	s->phase = PHASE_ASKING;
	if (by_shared_key(s) && !s->p->psk_given && s->psk.len == 0) {
		ask(ASK_ID_PSK, ASK_PSK, false, "Pre-shared key", ob);
	} else if (s->cfg.ppk && s->cfg.ppk->len == 0) {
		ask(ASK_ID_PPK, ASK_PPK, false, "Post-quantum pre-shared key", ob);
	} else if ((s->cfg.local_auth == IKE_AUTH_BY_EAP || s->p->type == CONN_L2TP) &&
		!s->user[0]) {
		ask(ASK_ID_USER, ASK_USER, true, "User name", ob);
	} else {
		warn_of_short_key(s, ob);
		warn_of_dates(s, ob);
		attempt_start(s, ob);
	}
}

/* --- reconnecting --------------------------------------------------------------------------------- */

/* The engine is done with: a dead one that still got input would fail once more with every datagram. */
static void leave_engine(struct session *s)
{
	s->rekeys_ike += s->view.rekeys_ike;
	s->rekeys_child += s->view.rekeys_child;
	s->view.rekeys_ike = s->view.rekeys_child = 0;
	drop_engine(s);
}

static void next_at(struct session *s, uint64_t when)
{
	leave_engine(s);
	s->attempts++;
	s->next_attempt = when;
	s->phase = PHASE_WAITING;
}

/* Exponential backoff with full jitter: many clients that lost the same gateway come back spread
 * out. The first attempt comes within a second. make bench has the fleet that chose the times. */
static void schedule(struct session *s, struct outbox *ob)
{
	unsigned shift = s->attempts < 6 ? s->attempts : 6;
	uint64_t most = (uint64_t)BACKOFF_FIRST_MS << shift;
	uint64_t wait =
		rng_below(&s->rng, (uint32_t)(most < BACKOFF_MOST_MS ? most : BACKOFF_MOST_MS) + 1);

	next_at(s, s->now + wait);
	outbox_event(ob, EV_RECONNECTING, LEVEL_WARN, "reconnecting in %.1f s (attempt %u)",
		(double)wait / 1000, s->attempts);
}

/* An account is locked by a password that is said again and again: one that was refused is asked for the
 * next time, whether it was typed or is the profile's. But where a code was typed that may have been wrong
 * instead of what the profile holds. */
void attempt_login_refused(struct session *s, const struct ike_view *v, const struct err *e)
{
	bool code = s->last_answer.len > 0 && (s->asked == ASK_CODE || s->asked == ASK_PIN);

	if (e->kind != ERR_PEER || !v->proved ||
		(!stage_is_login(v->stage) && e->notify != V1_XAUTH_REFUSED))
		return;
	if (s->password.len > 0 || !code)
		s->refusal = *e;
	passphrase_wipe(&s->password);
}

/* Nobody was there to be asked for another password. */
static bool unanswered(const struct session *s, const struct err *e)
{
	return e->kind == ERR_CONFIG && s->refusal.kind != ERR_NONE &&
		stage_is_login(s->view.stage);
}

/* It was not the name: what the gateway said of it the first time is the news. */
static bool in_vain(const struct session *s, const struct err *e)
{
	return s->refused_name.kind != ERR_NONE && !s->view.proved &&
		(e->kind == ERR_PEER || e->kind == ERR_SILENT);
}

/* Nor has the gateway a method without TLS. */
static bool no_other_login(const struct session *s, const struct err *e)
{
	return s->eap_server_refused.kind != ERR_NONE && s->view.stage == STAGE_EAP &&
		s->view.eap == 0 && e->kind == ERR_PEER;
}

/* Whoever is on the way can refuse us in the clear, and can fail to prove to be the gateway: no more than
 * silence, or it would take away what keeps traffic from going in the clear. */
static bool final_refusal(struct session *s, const struct err *e)
{
	bool refused = e->kind == ERR_AUTH || e->kind == ERR_CONFIG || e->kind == ERR_LOCAL ||
		(e->kind == ERR_PEER &&
			(e->notify == AUTHENTICATION_FAILED || stage_is_login(s->view.stage) ||
				s->view.stage == STAGE_PPP_LINK));

	if (s->view.stage == STAGE_UP || !s->view.proved)
		return false;
	s->refusals += refused;
	/* A gateway that begins or ceases to ask for cookies may have taken another copy of our first
	 * message than we sign. Such a refusal says little, several in a row say more. */
	return s->refusals >= (s->view.cookie ? REFUSALS_UNSURE_MAX : REFUSALS_MAX);
}

static bool refused_unknown(const struct session *s, const struct err *e)
{
	return s->p->type == CONN_IKEV2 && s->view.stage == STAGE_AUTH && !s->view.proved &&
		e->kind == ERR_PEER && e->notify == AUTHENTICATION_FAILED && !s->was_up;
}

/* Refused before we were known: the gateway may have nothing that goes by the name that we call it. Who it is
 * has to be proved as before. */
static bool refused_by_name(const struct session *s, const struct err *e)
{
	return refused_unknown(s, e) && s->cfg.send_remote_id && s->p->send_remote_id == TRI_AUTO;
}

/* The password was to be said inside of TLS to a server that is not the gateway, as it often is, and that the profile
 * does not name; or it has no TLS that is good enough. The gateway proved itself, and may take another method. */
static bool needs_plain_login(const struct session *s)
{
	return s->p->any_eap && s->view.proved && s->view.eap_tls_failed &&
		s->view.eap != EAP_TLS && s->eap_server_refused.kind == ERR_NONE;
}

/* The way was right, and the gateway refused something that is not needed: the groups of security = legacy are
 * offered only then, no address is asked of one that has none, it is not called by a name, an RSA key signs
 * as RFC 8247 wants it, and L2TP comes from another port. */
static bool give_way(struct session *s, const struct err *e, struct outbox *ob)
{
	bool default_refused = s->view.stage == STAGE_INIT && e->notify == NO_PROPOSAL_CHOSEN &&
		s->p->security == TIER_LEGACY && s->p->ike_proposals_default &&
		s->cfg.ike_proposals == &s->p->ike_proposals;

	if (default_refused) {
		prop_last_resort(&s->last_resort, s->p->type != CONN_IKEV2, s->p->aggressive);
		s->cfg.ike_proposals = &s->last_resort;
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"the gateway refused strong algorithms: offering MODP 1536 and 1024 now");
		return true;
	}
	if (s->view.stage > STAGE_INIT && e->notify == INTERNAL_ADDRESS_FAILURE &&
		s->p->address == CHOICE_AUTO && s->cfg.want_address && is_last_gateway(s)) {
		s->cfg.want_address = false;
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"the gateway has no address to give: going on with this machine's own");
		return true;
	}
	if (refused_by_name(s, e)) {
		s->nameless = true;
		s->refused_name = *e;
		outbox_event(ob, EV_STAGE, LEVEL_INFO,
			"refused: trying once more without calling the gateway by its name");
		return true;
	}
	if (refused_unknown(s, e) && s->view.pkcs1) {
		s->cfg.pss = true;
		s->nameless = false;
		outbox_event(ob, EV_STAGE, LEVEL_INFO,
			"refused: trying once more with another kind of signature (RSA-PSS)");
		return true;
	}
	if (needs_plain_login(s)) {
		s->eap_server_refused = *e;
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"%s: asking the gateway for a login without TLS", e->text);
		return true;
	}
	/* A port other than 1701 was good once; the gateway's selectors may have another opinion now. */
	if (s->p->type == CONN_L2TP && s->view.stage == STAGE_CHILD && e->notify &&
		s->l2tp_port != L2TP_PORT && dial_other_port(s)) {
		outbox_event(
			ob, EV_WARNING, LEVEL_WARN, "%s: trying port %u", e->text, s->l2tp_port);
		return true;
	}
	return false;
}

static void call_with(struct session *s, const struct passphrase *password, struct outbox *ob)
{
	s->password = *password;
	err_clear(&s->refusal);
	outbox_event(ob, EV_STAGE, LEVEL_INFO,
		"the gateway did not wait for the password: calling it once more");
}

/* Or the L2TP server had ended the call. */
bool attempt_came_too_late(
	struct session *s, const struct ike_view *v, const struct err *e, struct outbox *ob)
{
	bool login = stage_is_login(v->stage);
	bool ended = v->stage == STAGE_L2TP && e->kind == ERR_PEER;

	if (!s->late || !(ended || (login && e->kind == ERR_SILENT)) || s->asked != ASK_PASSWORD ||
		s->last_answer.len == 0)
		return false;
	call_with(s, &s->last_answer, ob);
	return true;
}

/* The gateway gave up before the password was there: whoever types it need not begin again. */
static bool is_being_typed(struct session *s, const struct err *e, struct outbox *ob)
{
	if (!s->question || s->asked != ASK_PASSWORD || s->phase == PHASE_STOPPING ||
		(e->kind != ERR_PEER && e->kind != ERR_SILENT))
		return false;
	outbox_log(ob, LEVEL_INFO, "%s", e->text);
	s->last_error = *e;
	s->last_stage = s->view.stage;
	dial_end(s, ob);
	leave_engine(s);
	s->phase = PHASE_ASKING;
	return true;
}

void attempt_answered(struct session *s, const struct passphrase *text, struct outbox *ob)
{
	if (!text) {
		session_fail(s, s->last_stage, &s->last_error, ob);
		return;
	}
	call_with(s, text, ob);
	resolve(s, ob);
}

/* Another gateway may have what this one has not. But who refuses us as what we are is asked no more, nor is any
 * other: an account is locked by logins that fail one after the other. */
static bool may_differ_elsewhere(const struct session *s, const struct err *e)
{
	enum ike_stage at = s->view.stage;

	if (e->kind != ERR_PEER || e->notify == AUTHENTICATION_FAILED ||
		e->notify == V1_XAUTH_REFUSED)
		return false;
	return !stage_is_login(at) && (at != STAGE_AUTH || s->p->type == CONN_IKEV2);
}

/* What a gateway refused says more in the end than that the next one does not answer. */
static void next_gateway(struct session *s, const struct err *e, struct outbox *ob)
{
	if (e->kind == ERR_PEER) {
		s->passed = *e;
		s->passed_stage = s->view.stage;
	}
	outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s%s%s",
		e->kind == ERR_PEER ? s->p->gateways[s->gateway] : "",
		e->kind == ERR_PEER ? ": " : "", e->text);
	leave_engine(s);
	err_clear(&s->refused_name); /* what was learned of this one says nothing of the next */
	err_clear(&s->eap_server_refused);
	s->nameless = s->cfg.pss = false;
	s->gateway++;
	s->n_paths = 0;
	s->cfg.ike_proposals = &s->p->ike_proposals;
	resolve(s, ob);
}

/* Before giving up or waiting: less, the other source port of L2TP, another address, another gateway of the
 * profile. */
static bool try_next_way(struct session *s, const struct err *e, struct outbox *ob)
{
	if (give_way(s, e, ob) || attempt_came_too_late(s, &s->view, e, ob)) {
		attempt_begin(s, ob);
		return true;
	}
	bool l2tp = s->view.stage == STAGE_L2TP;
	bool silent = e->kind == ERR_SILENT && (s->view.stage <= STAGE_INIT || l2tp);
	if (silent && l2tp && dial_other_port(s)) {
		outbox_event(ob, EV_STAGE, LEVEL_INFO, "no answer: trying once more from port %u",
			s->l2tp_port);
		attempt_begin(s, ob);
		return true;
	}
	if (silent && (s->phase == PHASE_CONNECTING || l2tp) && s->path + 1 < s->n_paths) {
		s->path++;
		s->l2tp_gateway = 0; /* both ports are new again */
		outbox_log(ob, LEVEL_INFO, "%s", e->text);
		attempt_begin(s, ob);
		return true;
	}
	if ((!silent && !may_differ_elsewhere(s, e)) || is_last_gateway(s))
		return false;
	next_gateway(s, e, ob);
	return true;
}

void attempt_as_asked(struct session *s, struct outbox *ob)
{
	attempt_hang_up(s, ob);
	s->attempts = 0;
	next_at(s, s->now);
	outbox_event(ob, EV_RECONNECTING, LEVEL_INFO, "reconnecting as asked");
}

void attempt_failed(struct session *s, const struct err *e, struct outbox *ob)
{
	enum ike_stage stage = s->view.stage;
	bool lost = s->phase == PHASE_UP || s->phase == PHASE_CONFIGURING;
	bool no_other = unanswered(s, e);

	if (lost)
		resume_keep(s);
	if (!lost && s->phase != PHASE_STOPPING && resume_refused(s, e, ob)) {
		attempt_begin(s, ob);
		return;
	}
	if (!lost && is_being_typed(s, e, ob))
		return;
	if (no_other) {
		e = &s->refusal; /* why it was asked for is the news */
	} else if (in_vain(s, e)) {
		e = &s->refused_name;
		stage = STAGE_AUTH;
	} else if (no_other_login(s, e)) {
		e = &s->eap_server_refused;
	} else {
		attempt_login_refused(s, &s->view, e);
	}
	s->last_error = *e;
	s->last_stage = stage;
	dial_end(s, ob);
	reauth_end(s, ob);
	if (s->phase == PHASE_STOPPING) {
		session_end(s, &(struct down){ .status = DOWN_ASKED }, ob);
		return;
	}
	if (!lost && try_next_way(s, e, ob))
		return;
	if (!s->was_up || !s->p->reconnect || no_other || final_refusal(s, e)) {
		if (e->kind == ERR_SILENT && s->passed.kind != ERR_NONE) {
			e = &s->passed;
			stage = s->passed_stage;
		}
		session_fail(s, stage, e, ob);
		return;
	}
	if (lost) {
		if (s->phase == PHASE_UP && s->now - s->up_at >= LASTED_MS)
			s->attempts = 0;
		twin_lost(s);
		outbox_event(ob, EV_LOST, LEVEL_WARN, "the tunnel is lost: %s", e->text);
	} else {
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s", e->text);
	}
	schedule(s, ob);
}
