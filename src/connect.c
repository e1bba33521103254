#define _GNU_SOURCE
#include "connect.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/patience.h"
#include "cli/ports.h"
#include "cli/render.h"
#include "cli/repl.h"
#include "cli/user.h"
#include "connect_private.h"
#include "host/clock.h"
#include "host/host.h"
#include "lean.h"

enum { SLOT_REPL, SLOT_CONTROL };
enum {
	/* Not at once, the first packets through the tunnel would wait for it; and the keys that others have
	 * replaced are kept for ten seconds. */
	LEAN_UP_MS = 2000,
	LEAN_REKEYED_MS = 12000
};

/* --- events ----------------------------------------------------------------------------------------- */

static void read_repl(struct connect *c)
{
	struct repl_input *in = calloc(1, sizeof(*in));

	while (in && repl_next(c->tell.repl, in)) {
		switch (in->event) {
		case REPL_LINE:
			connect_typed(c, in->line);
			break;
		case REPL_LEAVE:
			connect_leave(c);
			break;
		case REPL_ANSWER:
			edge_answer(c->edge, in->id, &in->answer);
			break;
		case REPL_REFUSED:
			edge_answer(c->edge, in->id, NULL);
			break;
		case REPL_KEY:
			c->traffic = false;
			break;
		case REPL_NOTHING:
			break;
		}
		wipe(in, sizeof(*in));
	}
	free(in);
}

static void read_control(struct connect *c)
{
	struct control_request rq;

	while (control_next(c->control, &rq))
		connect_asked(c, &rq);
}

static void ask_person(struct connect *c, const struct ask *q)
{
	struct err e;

	c->traffic = false; /* the answer's keys are none for that */
	if (repl_ask(c->tell.repl, q, &e))
		return;
	repl_warn(c->tell.repl, "%s", e.text);
	edge_answer(c->edge, q->id, NULL);
}

static void write_keys(struct connect *c, struct keys *keys)
{
	struct err e;

	if (!keylog_add(&c->keylog, keys, &e)) {
		edge_keylog(c->edge, false);
		tell_warning(&c->tell, e.text);
	}
	wipe(keys, sizeof(*keys));
}

static void lean_in(struct connect *c, uint32_t ms)
{
	c->lean_at = clock_now() + ms;
	if (!c->traffic && !c->waiters.n)
		edge_alarm(c->edge, ms);
}

static void lean_if_due(struct connect *c)
{
	uint64_t now = clock_now();

	if (c->lean_at == TIME_NEVER)
		return;
	if (now < c->lean_at) {
		edge_alarm(c->edge, (uint32_t)(c->lean_at - now));
		return;
	}
	c->lean_at = TIME_NEVER;
	lean();
}

static void on_alarm(struct connect *c)
{
	lean_if_due(c);
	connect_check_waiters(c);
	if (c->traffic) {
		char *line = render_traffic(
			&c->before, connect_sample(c), (double)TRAFFIC_MS / 1000, repl_columns());
		if (line)
			repl_live(c->tell.repl, line);
		free(line);
		c->before = c->now;
	}
	if (c->traffic || c->waiters.n)
		edge_alarm(c->edge, TRAFFIC_MS);
}

static void on_signal(struct connect *c, int sig)
{
	struct err e;

	if (sig != SIGHUP)
		connect_leave(c);
	else if (!edge_command(c->edge, CMD_RECONNECT, &e))
		repl_warn(c->tell.repl, "%s", e.text);
}

static void on_event(struct connect *c, const struct event *ev)
{
	struct down d;

	tell_event(&c->tell, ev);
	if (ev->kind == EV_UP) {
		if (c->profile->type == CONN_L2TP)
			ports_keep(c->profile, connect_sample(c));
		c->tell.connected = true;
		c->since = clock_wall();
		repl_start(c->tell.repl);
	}
	if (ev->kind == EV_NOT_REKEYED && edge_explain(c->edge, &d))
		connect_fail_waiters(c, WAITS_FOR_KEYS, DOWN_OTHER, &d);
	else if (ev->kind == EV_RECONNECTING && ev->level == LEVEL_WARN &&
		edge_explain(c->edge, &d))
		connect_fail_waiters(c, WAITS_FOR_UP, DOWN_OTHER, &d);
	if (ev->kind == EV_UP || ev->kind == EV_REKEYED) {
		c->tell.refused = false;
		connect_check_waiters(c);
		lean_in(c, ev->kind == EV_UP ? LEAN_UP_MS : LEAN_REKEYED_MS);
	}
}

static int on_down(struct connect *c, const struct down *d)
{
	int ended = d->status ? (int)d->status : DOWN_OTHER;
	struct down why;

	connect_refusal(&why, "the connection ended");
	connect_fail_waiters(c, WAITS_FOR_KEYS, ended, &why);
	connect_fail_waiters(c, WAITS_FOR_UP, ended, &why);
	repl_close(c->tell.repl);
	c->tell.repl = NULL;
	if (d->status != DOWN_ASKED) {
		tell_failure(&c->tell, d);
		return d->status;
	}
	tell_note(&c->tell, LEVEL_INFO, "down");
	if (c->o->json)
		cli_event_down(c->profile->name, d);
	else
		puts("down");
	return DOWN_ASKED;
}

static int loop(struct connect *c)
{
	struct edge_event *ev = malloc(sizeof(*ev));
	int status = -1;
	struct err e;

	while (ev && status < 0) {
		/* The repl reads from the terminal, from an askpass, or for now from nothing. */
		if (!edge_watch(c->edge, SLOT_REPL, repl_fd(c->tell.repl), &e))
			repl_warn(c->tell.repl, "%s", e.text);
		patience_end();
		edge_next(c->edge, ev);
		patience_begin();
		switch (ev->kind) {
		case EDGE_EVENT:
			on_event(c, &ev->event);
			break;
		case EDGE_ASK:
			ask_person(c, &ev->ask);
			break;
		case EDGE_WATCHED:
			if (ev->slot == SLOT_REPL)
				read_repl(c);
			else
				read_control(c);
			break;
		case EDGE_SIGNAL:
			on_signal(c, ev->signal);
			break;
		case EDGE_ALARM:
			on_alarm(c);
			break;
		case EDGE_KEYS:
			write_keys(c, &ev->keys);
			break;
		case EDGE_DOWN:
			status = on_down(c, &ev->down);
			break;
		}
	}
	free(ev);
	return status < 0 ? DOWN_MACHINE : status;
}

/* --- opening and closing ------------------------------------------------------------------------ */

static bool open_all(struct connect *c, struct err *e)
{
	struct repl_config rc = {
		.profile = c->profile->name, .no_input = c->o->no_input, .quiet = c->o->json
	};

	ports_recall(c->profile);
	c->edge = edge_open(c->profile, c->o->log_level, e);
	if (!c->edge)
		return false;
	c->tell.repl = repl_open(&rc, e);
	c->control =
		c->tell.repl ? control_open(HOST_RUN_DIR, c->profile->name, user_uid(), e) : NULL;
	return c->control && edge_watch(c->edge, SLOT_CONTROL, control_fd(c->control), e);
}

static void close_all(struct connect *c)
{
	struct outbox last;

	outbox_init(&last);
	/* Before the lock is given back: the next instance has a socket of the same name. */
	if (c->control)
		control_leave(c->control);
	repl_close(c->tell.repl);
	c->tell.repl = NULL;
	patience_end();
	edge_close(c->edge, &last);
	for (size_t i = 0; i < c->n_leaving; i++)
		control_reply(c->control, c->leaving[i], DOWN_ASKED, "down\n");
	control_close(c->control);
	patience_begin(); /* to the end: the rest of stdout is flushed there */
	for (size_t i = 0; i < last.n; i++)
		if (last.actions[i].kind == ACT_EVENT) {
			const struct event *ev = outbox_get(&last, i);
			tell_note(&c->tell, ev->level, ev->text);
			if (ev->kind != EV_LOG)
				fprintf(stderr, "%s\n", ev->text);
		}
	outbox_free(&last);
	keylog_close(&c->keylog);
	logbook_close(&c->tell.log);
	profile_free(c->profile);
}

static bool unwritable(struct down *d, const struct err *e, const char *option)
{
	struct user u;

	*d = (struct down){ .status = DOWN_USAGE, .said = "nothing; it was not asked" };
	snprintf(d->what, sizeof(d->what), "%s", e->text);
	if (user_by_sudo(&u))
		snprintf(d->advice, sizeof(d->advice),
			"%s with a path that %s may write to, or a shell of root's own (sudo su -)",
			option, u.name[0] ? u.name : "who ran sudo");
	else
		snprintf(d->advice, sizeof(d->advice), "another %s, or none", option);
	return false;
}

static bool begin(struct connect *c, struct down *d)
{
	struct err e;

	if (!logbook_open(&c->tell.log, c->o->log_file, c->o->log_level, &e))
		return unwritable(d, &e, "--log-file");
	if (c->o->keylog && !keylog_open(&c->keylog, c->o->keylog, &e))
		return unwritable(d, &e, "--keylog");
	if (open_all(c, &e)) {
		if (c->keylog.on)
			connect_say_keylog(c);
		edge_keylog(c->edge, c->keylog.on);
		return true;
	}
	session_hint(d, c->profile, &e);
	return false;
}

int connect_run(const struct options *o)
{
	struct connect *c = calloc(1, sizeof(*c));
	struct down d;
	int status;

	if (!c)
		return DOWN_MACHINE;
	c->o = c->tell.o = o;
	c->lean_at = TIME_NEVER;
	status = cli_load(o, &c->profile);
	if (status != DOWN_ASKED) {
		free(c);
		return status;
	}
	c->tell.profile = c->profile->name;
	if (begin(c, &d)) {
		edge_start(c->edge);
		status = loop(c);
	} else {
		patience_begin();
		tell_failure(&c->tell, &d);
		status = d.status;
	}
	close_all(c);
	free(c);
	return status;
}
