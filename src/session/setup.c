#include "setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attempt.h"
#include "dial.h"
#include "netconf.h"
#include "twin.h"

static bool encapsulated(const struct session *s)
{
	return s->view.n_children > 0 ? s->view.children[0].encap : s->encap;
}

static bool set_up_for(const struct session *s, uint32_t number)
{
	for (size_t i = 0; i < s->n_children; i++)
		if (s->children[i] == number)
			return true;
	return false;
}

/* One whose networks have no route yet. Those of one that went keep theirs, for without it they would be
 * reached in the clear. */
static bool further_child(const struct session *s)
{
	for (size_t i = 0; i < s->view.n_children; i++)
		if (!set_up_for(s, s->view.children[i].number))
			return true;
	return false;
}

bool setup_stale(const struct session *s)
{
	return s->encap != encapsulated(s) || further_child(s);
}

bool setup_try(struct session *s, struct engine *x, struct outbox *ob, struct err *e)
{
	struct ike_view view;

	outbox_event(ob, EV_STAGE, LEVEL_INFO, "setting up addresses, routes and DNS");
	engine_view(x, &view);
	struct netconf *made = netconf_build(s->p, &view, engine_granted(x),
		s->line ? &s->line_view : NULL, &s->machine, &s->paths[s->path], ob, e);
	if (!made)
		return false;
	free(s->netconf);
	s->netconf = made;
	s->view = view;
	s->ppp = s->line_view.ppp;
	s->encap = encapsulated(s);
	s->n_children = s->view.n_children;
	for (size_t i = 0; i < s->n_children; i++)
		s->children[i] = s->view.children[i].number;
	s->phase = PHASE_CONFIGURING;
	return true;
}

void setup_machine(struct session *s, struct outbox *ob)
{
	struct err e = { 0 };

	if (setup_try(s, s->engine, ob, &e))
		return;
	s->view.stage = STAGE_CHILD;
	attempt_hang_up(s, ob);
	attempt_failed(s, &e, ob);
}

void setup_again(struct session *s, struct outbox *ob)
{
	s->again = true;
	setup_machine(s, ob);
}

static void warn_of_weak(const struct session *s, struct outbox *ob)
{
	char list[STATUS_WEAK * 32] = "";
	struct weak w;

	session_weak(&s->view, &w);
	for (size_t i = 0, n = 0; i < w.n && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", w.v[i]);
	if (w.n > 0)
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "weak algorithms are in use: %s", list);
}

const char *setup_addresses(char out[ADDR_LIST_TEXT_MAX], const struct netconf *c)
{
	char text[ADDR_TEXT_MAX];
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; c && i < c->n_addrs; i++) {
		struct prefix host = prefix_host(c->addrs[i].family, c->addrs[i].ip);
		prefix_text(text, &host);
		text[strcspn(text, "/")] = 0;
		n += (size_t)snprintf(out + n, ADDR_LIST_TEXT_MAX - n, "%s%s", n ? ", " : "", text);
	}
	return out;
}

void setup_done(struct session *s, struct outbox *ob)
{
	char list[ADDR_LIST_TEXT_MAX];

	if (s->again) {
		s->again = false;
		s->phase = PHASE_UP;
		return;
	}
	setup_addresses(list, s->netconf);
	warn_of_weak(s, ob);
	twin_up(s, ob);
	s->phase = PHASE_UP;
	s->reconnects += s->was_up;
	s->was_up = true;
	s->worked = s->paths[s->path].remote;
	s->worked_gateway = s->gateway;
	err_clear(&s->refused_name);
	dial_worked(s);
	s->refusals = 0;
	s->cut_off = false;
	s->leave_at = TIME_NEVER;
	s->up_at = s->now;
	outbox_event(ob, EV_UP, LEVEL_INFO, "connected to %s%s%s%s%s", s->p->gateways[s->gateway],
		list[0] ? " as " : "", list, s->view.nat ? " (through NAT)" : "",
		s->view.resumed ? ", without a new login" : "");
}
