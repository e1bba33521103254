#include "reauth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attempt.h"
#include "configure.h"
#include "setup.h"

enum { AGAIN_MS = 5000 }; /* a try that nobody answered is followed by the next no sooner */

enum { SPAN_TEXT_MAX = 32 };

static const char *span(char out[SPAN_TEXT_MAX], uint64_t ms)
{
	uint64_t seconds = (ms + 500) / 1000;

	if (seconds < 120)
		snprintf(out, SPAN_TEXT_MAX, "%" PRIu64 " s", seconds);
	else
		snprintf(out, SPAN_TEXT_MAX, "%" PRIu64 " min", seconds / 60);
	return out;
}

/* Of the login that there is. */
static uint64_t time_left(const struct session *s)
{
	return s->view.login_ends > s->now ? s->view.login_ends - s->now : 0;
}

static void drop(struct engine **x)
{
	engine_free(*x);
	*x = NULL;
}

static void hang_up(struct session *s, struct engine **x, struct outbox *ob)
{
	if (*x)
		engine_hang_up(*x, s->now, ob);
	drop(x);
}

void reauth_end(struct session *s, struct outbox *ob)
{
	hang_up(s, &s->reauth.next, ob);
	hang_up(s, &s->reauth.old, ob);
	s->reauth.typing = s->reauth.failed = false;
}

/* --- a try ------------------------------------------------------------------------------------------ */

/* When the next one begins. */
static uint64_t due(const struct session *s)
{
	const struct reauth *r = &s->reauth;

	if (s->phase != PHASE_UP || s->cut_off || r->next)
		return TIME_NEVER;
	return r->asked_for == s->view.reauth_at ? r->again_at : s->view.reauth_at;
}

/* When another one has a point. What a gateway that proved itself refuses it refuses again, but for a password: the
 * user may know a better one. What nobody said, or anybody may have said, may be otherwise the next time. */
static uint64_t next_try(struct session *s, const struct ike_view *v, const struct err *e)
{
	uint64_t left = time_left(s), wait = left / 4 > AGAIN_MS ? left / 4 : AGAIN_MS;
	bool refused = e->kind == ERR_PEER && v->proved;
	bool password = refused && v->stage == STAGE_EAP;

	if (left / 2 < AGAIN_MS)
		return TIME_NEVER;
	if (password && ++s->reauth.refusals < REFUSALS_MAX)
		return s->now;
	if (e->kind != ERR_SILENT && (v->proved || (e->kind != ERR_PEER && e->kind != ERR_AUTH)))
		return TIME_NEVER;
	return s->now + wait;
}

static void begin(struct session *s, struct outbox *ob);

static void failed(
	struct session *s, const struct ike_view *v, const struct err *e, struct outbox *ob)
{
	char left[SPAN_TEXT_MAX], wait[SPAN_TEXT_MAX], then[64];
	struct reauth *r = &s->reauth;

	drop(&r->next);
	if (attempt_came_too_late(s, v, e, ob)) {
		begin(s, ob);
		return;
	}
	attempt_login_refused(s, v, e);
	r->again_at = next_try(s, v, e);
	r->failed = true;
	s->last_error = *e;
	s->last_stage = v->stage;
	if (r->again_at == TIME_NEVER)
		snprintf(then, sizeof(then), "then it %s",
			s->p->reconnect ? "is made anew" : "ends");
	else if (r->again_at > s->now)
		snprintf(
			then, sizeof(then), "trying again in %s", span(wait, r->again_at - s->now));
	else
		snprintf(then, sizeof(then), "trying again");
	outbox_event(ob, EV_WARNING, LEVEL_WARN,
		"the new login failed: %s; the tunnel stays for %s, %s", e->text,
		span(left, time_left(s)), then);
}

static void begin(struct session *s, struct outbox *ob)
{
	struct ike_view none = { .stage = STAGE_INIT };
	struct reauth *r = &s->reauth;
	char left[SPAN_TEXT_MAX];
	struct err e = { 0 };

	if (r->asked_for != s->view.reauth_at) {
		r->asked_for = s->view.reauth_at;
		r->refusals = 0;
		outbox_event(ob, EV_GATEWAY_SAID, LEVEL_INFO,
			"log in again within %s (AUTH_LIFETIME); the tunnel stays meanwhile",
			span(left, time_left(s)));
	}
	r->again_at = TIME_NEVER;
	r->typing = false;
	attempt_fresh(s);
	configure_beside(s);
	r->next = engine_new(2, &s->cfg, &s->rng, &e);
	if (r->next)
		engine_start(r->next, s->now, session_wall(s), &s->paths[s->path], false, ob);
	else
		failed(s, &none, &e, ob);
}

/* --- the new one takes over ------------------------------------------------------------------------- */

static bool same_addresses(const struct netconf *a, const struct netconf *b)
{
	if (a->n_addrs != b->n_addrs)
		return false;
	for (uint32_t i = 0; i < a->n_addrs; i++)
		if (!prefix_same(&a->addrs[i], &b->addrs[i]))
			return false;
	return true;
}

static bool same_networks(const struct netconf *a, const struct netconf *b)
{
	if (a->n_routes != b->n_routes)
		return false;
	for (uint32_t i = 0; i < a->n_routes; i++)
		if (a->routes[i].kind != b->routes[i].kind ||
			!prefix_same(&a->routes[i].dst, &b->routes[i].dst))
			return false;
	return true;
}

static void tell(struct session *s, const struct netconf *before, struct outbox *ob)
{
	const struct netconf *now = s->netconf;
	char list[ADDR_LIST_TEXT_MAX];
	bool moved = before && !same_addresses(before, now);

	outbox_event(ob, EV_REKEYED, LEVEL_INFO, "logged in again, and the tunnel went on%s%s%s",
		moved ? " as " : "", moved ? setup_addresses(list, now) : "",
		before && !same_networks(before, now) ? ", with other networks" : "");
}

/* The keys of all are new, which whoever waits for a rekey has waited for. */
static void count(struct session *s, const struct ike_view *was)
{
	s->rekeys_ike += was->rekeys_ike + 1;
	s->rekeys_child += was->rekeys_child + (uint32_t)was->n_children;
}

static void take_over(struct session *s, struct ike_view *v, struct outbox *ob)
{
	struct reauth *r = &s->reauth;
	struct ike_view was = s->view;
	struct netconf *before = s->netconf;
	struct err e = { 0 };

	s->netconf = NULL; /* to be compared */
	if (!setup_try(s, r->next, ob, &e)) {
		s->netconf = before;
		v->stage = STAGE_CHILD;
		hang_up(s, &r->next, ob);
		failed(s, v, &e, ob);
		return;
	}
	s->again = true;
	hang_up(s, &r->old, ob);
	r->old = s->engine;
	s->engine = r->next;
	r->next = NULL;
	engine_retire(r->old, s->now, ob);
	count(s, &was);
	attempt_keep_password(s);
	s->refusals = 0;
	if (r->failed)
		err_clear(&s->last_error);
	r->failed = false;
	tell(s, before, ob);
	free(before);
}

bool reauth_goes_on(struct session *s, const struct err *e, struct outbox *ob)
{
	struct reauth *r = &s->reauth;
	struct ike_view v;

	if (s->phase != PHASE_UP || !r->next || !s->p->reconnect)
		return false;
	engine_view(r->next, &v);
	if (v.phase == IKE_DEAD)
		return false;
	s->last_error = *e;
	s->last_stage = s->view.stage;
	s->rekeys_ike += s->view.rekeys_ike;
	s->rekeys_child += s->view.rekeys_child;
	hang_up(s, &r->old, ob);
	drop(&s->engine);
	s->engine = r->next;
	r->next = NULL;
	s->view = v;
	s->phase = PHASE_CONNECTING;
	s->attempts = 0;
	outbox_event(ob, EV_LOST, LEVEL_WARN, "the tunnel is lost: %s", e->text);
	outbox_event(ob, EV_RECONNECTING, LEVEL_INFO,
		"reconnecting: the new login is under way already");
	return true;
}

void reauth_follow(struct session *s, struct outbox *ob)
{
	struct reauth *r = &s->reauth;
	struct ike_view v;

	if (r->old) {
		engine_view(r->old, &v);
		if (v.phase == IKE_DEAD)
			drop(&r->old);
	}
	if (s->now >= due(s))
		begin(s, ob);
	if (!r->next)
		return;
	engine_view(r->next, &v);
	if (v.phase == IKE_DEAD) {
		struct err e = v.failure;
		failed(s, &v, &e, ob);
	} else if (v.phase == IKE_UP && s->phase == PHASE_UP && s->installing == 0) {
		take_over(s, &v, ob);
	}
}

/* --- inputs ----------------------------------------------------------------------------------------- */

void reauth_tick(struct session *s, struct outbox *ob)
{
	if (s->reauth.old)
		engine_tick(s->reauth.old, s->now, ob);
	if (s->reauth.next)
		engine_tick(s->reauth.next, s->now, ob);
}

uint64_t reauth_deadline(const struct session *s)
{
	const struct reauth *r = &s->reauth;
	uint64_t at = due(s);

	if (r->old)
		at = earliest(at, engine_deadline(r->old));
	return r->next ? earliest(at, engine_deadline(r->next)) : at;
}

struct engine *reauth_engine_for(const struct session *s, const struct datagram *d)
{
	const struct reauth *r = &s->reauth;

	if (r->next && engine_is_for(r->next, d))
		return r->next;
	return r->old && engine_is_for(r->old, d) ? r->old : s->engine;
}

void reauth_os(struct session *s, const struct os_input *in, struct outbox *ob)
{
	if (in->kind == OS_INBOUND || in->kind == OS_SA_MOVED)
		return;
	if (s->reauth.old)
		engine_os(s->reauth.old, s->now, in, ob);
	if (s->reauth.next)
		engine_os(s->reauth.next, s->now, in, ob);
}

struct engine *reauth_answered(struct session *s, const struct passphrase *text)
{
	struct reauth *r = &s->reauth;

	if (r->next || !r->typing)
		return r->next ? r->next : s->engine;
	r->typing = false;
	if (!text || s->phase != PHASE_UP)
		return NULL;
	attempt_keep_password(s);
	r->again_at = s->now;
	return NULL;
}

void reauth_moved(struct session *s, struct outbox *ob)
{
	struct reauth *r = &s->reauth;

	hang_up(s, &r->old, ob);
	if (!r->next)
		return;
	hang_up(s, &r->next, ob);
	r->typing = s->question && s->asked == ASK_PASSWORD;
	r->again_at = r->typing ? TIME_NEVER : s->now;
}

void reauth_keys(const struct session *s, struct outbox *ob)
{
	if (s->reauth.old)
		engine_keys(s->reauth.old, ob);
	if (s->reauth.next)
		engine_keys(s->reauth.next, ob);
}
