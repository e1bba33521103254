#define _GNU_SOURCE
#include "connect.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/patience.h"
#include "cli/ports.h"
#include "cli/render.h"
#include "cli/repl.h"
#include "cli/user.h"
#include "edge/clock.h"
#include "edge/control.h"
#include "edge/edge.h"
#include "host/host.h"
#include "keylog.h"
#include "lean.h"
#include "session/session.h"
#include "tell.h"
#include "waiters.h"

enum { SLOT_REPL, SLOT_CONTROL };
enum {
	REKEY_WAIT_MS = 30000,
	RECONNECT_WAIT_MS = 60000,
	TRAFFIC_MS = 1000,
	/* Not at once, the first packets through the tunnel would wait for it; and the keys that others have
	 * replaced are kept for ten seconds. */
	LEAN_UP_MS = 2000,
	LEAN_REKEYED_MS = 12000
};

struct connect {
	const struct options *o;
	struct profile *profile;
	struct edge *edge;
	struct teller tell;
	struct control *control;
	struct keylog keylog;
	time_t since; /* the tunnel is up */
	struct waiters waiters;
	size_t n_leaving;
	uint64_t leaving[CONTROL_CLIENTS]; /* who asked for `down`, and hears when all is undone */
	/* When memory is given back. The edge's one alarm is also traffic's and the waiters'. */
	uint64_t lean_at;
	bool traffic;
	struct status before; /* the last sample of `traffic` */
	struct status now; /* room for the present one: it is large */
};

static const struct status *sample(struct connect *c)
{
	edge_status(c->edge, &c->now);
	c->now.keylog = c->keylog.on ? c->keylog.path : NULL;
	return &c->now;
}

/* --- rekeys and reconnects that somebody waits for ---------------------------------------------- */

/* What somebody at another terminal asked for is not done. */
static void refuse(struct connect *c, uint64_t client, int status, const struct down *d)
{
	char *text = render_failure(d, false);

	control_reply(c->control, client, status, text ? text : d->what);
	free(text);
}

/* Where it is no failure of the connection. */
static struct down *refusal(struct down *d, const char *what)
{
	*d = (struct down){
		.advice = "vpnc-ike status tells how it is; log at its prompt what happened"
	};
	snprintf(d->what, sizeof(d->what), "%s", what);
	return d;
}

static void answer_waiter(struct connect *c, const struct waiter *w, const char *text)
{
	struct answer a = { .command = w->command, .text = text };

	if (w->client) {
		control_reply(c->control, w->client, DOWN_ASKED, text);
		return;
	}
	if (c->o->json)
		tell_answer(&c->tell, &a);
	repl_hold(c->tell.repl, false);
}

static void fail_waiter(struct connect *c, const struct waiter *w, int status, const struct down *d)
{
	struct answer a = { .command = w->command, .status = status, .text = d->what };

	if (w->client) {
		refuse(c, w->client, status, d);
		return;
	}
	if (c->o->json)
		tell_answer(&c->tell, &a);
	else
		repl_warn(c->tell.repl, "%s: %s", w->command, d->what);
	repl_hold(c->tell.repl, false);
}

static void check_waiters(struct connect *c)
{
	const struct status *st = c->waiters.n ? sample(c) : NULL;
	struct waiter w;
	struct down d;
	bool done;

	while (c->waiters.n && waiters_next(&c->waiters, st, clock_now(), &w, &done))
		if (done)
			answer_waiter(
				c, &w, w.what == WAITS_FOR_UP ? "reconnected\n" : "rekeyed\n");
		else
			fail_waiter(c, &w, DOWN_OTHER,
				refusal(&d,
					"it is not done yet: the gateway does not answer, or puts it off"));
}

/* What they asked for did not come about, whether it is tried again or not. */
static void fail_waiters(struct connect *c, enum waits_for what, int status, const struct down *d)
{
	struct waiter w;

	while (waiters_take(&c->waiters, what, &w))
		fail_waiter(c, &w, status, d);
}

static void wait_for(struct connect *c, const struct waiter *w)
{
	struct down d;

	if (!waiters_add(&c->waiters, w)) {
		refuse(c, w->client, DOWN_OTHER, refusal(&d, "too many are waiting"));
		return;
	}
	if (w->client == 0)
		repl_hold(c->tell.repl, true);
	edge_alarm(c->edge, TRAFFIC_MS);
}

static bool do_rekey(struct connect *c, const struct request *rq, uint64_t client, struct err *e)
{
	static const enum command commands[] = { [REKEY_ALL] = CMD_REKEY_ALL,
		[REKEY_IKE] = CMD_REKEY_IKE,
		[REKEY_CHILD] = CMD_REKEY_CHILD };
	const struct status *st = sample(c);
	struct waiter w = { .client = client,
		.command = rq->row->name,
		.what = WAITS_FOR_KEYS,
		.give_up = clock_now() + REKEY_WAIT_MS,
		.ike = st->rekeys_ike + (rq->rekey != REKEY_CHILD),
		.child = st->rekeys_child +
			(rq->rekey != REKEY_IKE ? (uint32_t)st->n_children : 0) };

	if (!edge_command(c->edge, commands[rq->rekey], e))
		return false;
	wait_for(c, &w);
	return true;
}

static bool do_reconnect(
	struct connect *c, const struct request *rq, uint64_t client, struct err *e)
{
	struct waiter w = { .client = client,
		.command = rq->row->name,
		.what = WAITS_FOR_UP,
		.give_up = clock_now() + RECONNECT_WAIT_MS };

	if (!edge_command(c->edge, CMD_RECONNECT, e))
		return false;
	wait_for(c, &w);
	return true;
}

/* --- commands ------------------------------------------------------------------------------------ */

static void leave(struct connect *c)
{
	repl_hold(c->tell.repl, true);
	edge_stop(c->edge);
}

static char *explanation(struct connect *c)
{
	const struct status *now = sample(c);
	const char *unused = render_dns_unused(now);
	struct down d = { .advice = "log has the reason; `vpnc-ike doctor` tells what manages "
				    "names here" };

	if (edge_explain(c->edge, &d))
		return render_failure(&d, false);
	if (!unused)
		return strdup(NOTHING_FAILED);
	snprintf(d.what, sizeof(d.what), "the tunnel's name servers are not in use: %s", unused);
	if (now->dns_covered)
		snprintf(d.advice, sizeof(d.advice),
			"wait until that tunnel ends, or end it: vpnc-ike status lists them");
	return render_failure(&d, false);
}

static void set_trace(struct connect *c, bool on)
{
	c->tell.log.trace = on;
	c->tell.log.level = on && c->o->log_level < LEVEL_DEBUG ? LEVEL_DEBUG : c->o->log_level;
	edge_log_level(c->edge, c->tell.log.level);
}

/* Nobody shall be able to say that they did not know. */
static void say_keylog(struct connect *c)
{
	char text[EVENT_TEXT_MAX];

	tell_warning(&c->tell, keylog_text(text, &c->keylog));
}

static bool set_keylog(struct connect *c, const struct request *rq, struct err *e)
{
	struct keylog next = { .on = false };

	if (rq->on && !keylog_open(&next, rq->args[0], e))
		return false;
	keylog_close(&c->keylog);
	c->keylog = next;
	if (rq->on)
		say_keylog(c);
	edge_keylog(c->edge, rq->on);
	return true;
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

/* What a command answers at once, malloc'ed; NULL with *done false when the answer comes later, or
 * the error says why not. */
static char *run(
	struct connect *c, const struct request *rq, uint64_t client, bool *done, struct err *e)
{
	*done = true;
	switch (rq->row->id) {
	case DO_STATUS:
		return rq->json ? render_status_json(sample(c), c->since) :
				  render_status_text(sample(c), rq->color);
	case DO_ROUTES:
		return render_routes(sample(c));
	case DO_DNS:
		return render_dns(sample(c));
	case DO_LOG:
		return logbook_text(&c->tell.log, rq->count);
	case DO_EXPLAIN:
		return explanation(c);
	case DO_HELP:
		return rq->n_args ? commands_help_on(rq->args[0], AT_PROMPT, e) :
				    commands_help(AT_PROMPT);
	case DO_TRACE:
		set_trace(c, rq->on);
		return strdup("");
	case DO_KEYLOG:
		return set_keylog(c, rq, e) ? strdup(rq->on ? "" : "no keys are written\n") : NULL;
	case DO_REKEY:
		*done = !do_rekey(c, rq, client, e);
		return NULL;
	case DO_RECONNECT:
		*done = !do_reconnect(c, rq, client, e);
		return NULL;
	case DO_DOWN:
		leave(c);
		if (!client || c->n_leaving == CONTROL_CLIENTS)
			return strdup(client ? "going down\n" : "");
		c->leaving[c->n_leaving++] = client;
		*done = false;
		return NULL;
	case DO_TRAFFIC:
		err_set(e, ERR_CONFIG, "traffic is for a terminal; status has the counters");
		return NULL;
	default:
		err_set(e, ERR_CONFIG, "%s is not said here", rq->row->name);
		return NULL;
	}
}

static void start_traffic(struct connect *c)
{
	c->traffic = true;
	c->before = *sample(c);
	repl_wait_key(c->tell.repl, true);
	edge_alarm(c->edge, TRAFFIC_MS);
}

static void typed(struct connect *c, const char *line)
{
	struct request rq;
	struct err e = { .text = "out of memory" };
	bool known = commands_parse(&rq, line, AT_PROMPT, &e), done = true;
	char *text = NULL;

	if (known && !rq.row)
		return;
	if (known && rq.row->id == DO_TRAFFIC && repl_is_terminal(c->tell.repl)) {
		start_traffic(c);
		return;
	}
	rq.json |= c->o->json;
	rq.color = options_color(c->o, STDOUT_FILENO);
	if (known)
		text = run(c, &rq, 0, &done, &e);
	struct answer a = { .command = rq.row ? rq.row->name : "",
		.status = text ? DOWN_ASKED : DOWN_OTHER,
		.text = text ? text : e.text,
		.object = text && rq.row->id == DO_STATUS };
	if (done)
		tell_answer(&c->tell, &a);
	free(text);
}

static void asked(struct connect *c, const struct control_request *from)
{
	struct request rq;
	struct err e = { 0 };
	struct down d;
	bool done = true;
	char *text = NULL;

	if (commands_parse(&rq, from->line, AT_CONTROL, &e) && rq.row)
		text = run(c, &rq, from->client, &done, &e);
	if (!done)
		return;
	if (text)
		control_reply(c->control, from->client, DOWN_ASKED, text);
	else
		refuse(c, from->client, DOWN_OTHER,
			refusal(&d, e.kind ? e.text : "an empty request"));
	free(text);
}

/* --- events ----------------------------------------------------------------------------------------- */

static void read_repl(struct connect *c)
{
	struct repl_input *in = calloc(1, sizeof(*in));

	while (in && repl_next(c->tell.repl, in)) {
		switch (in->event) {
		case REPL_LINE:
			typed(c, in->line);
			break;
		case REPL_LEAVE:
			leave(c);
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
		asked(c, &rq);
}

static void ask_person(struct connect *c, const struct ask *q)
{
	struct err e;

	if (repl_ask(c->tell.repl, q, &e))
		return;
	repl_warn(c->tell.repl, "%s", e.text);
	edge_answer(c->edge, q->id, NULL);
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
	check_waiters(c);
	if (c->traffic) {
		char *line = render_traffic(
			&c->before, sample(c), (double)TRAFFIC_MS / 1000, repl_columns());
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
		leave(c);
	else if (!edge_command(c->edge, CMD_RECONNECT, &e))
		repl_warn(c->tell.repl, "%s", e.text);
}

static void on_event(struct connect *c, const struct event *ev)
{
	struct down d;

	tell_event(&c->tell, ev);
	if (ev->kind == EV_UP) {
		if (c->profile->type == CONN_L2TP)
			ports_keep(c->profile, sample(c));
		c->tell.connected = true;
		c->since = clock_wall();
		repl_start(c->tell.repl);
	}
	if (ev->kind == EV_NOT_REKEYED && edge_explain(c->edge, &d))
		fail_waiters(c, WAITS_FOR_KEYS, DOWN_OTHER, &d);
	else if (ev->kind == EV_RECONNECTING && ev->level == LEVEL_WARN &&
		edge_explain(c->edge, &d))
		fail_waiters(c, WAITS_FOR_UP, DOWN_OTHER, &d);
	if (ev->kind == EV_UP || ev->kind == EV_REKEYED) {
		c->tell.refused = false;
		check_waiters(c);
		lean_in(c, ev->kind == EV_UP ? LEAN_UP_MS : LEAN_REKEYED_MS);
	}
}

static int on_down(struct connect *c, const struct down *d)
{
	int ended = d->status ? (int)d->status : DOWN_OTHER;
	struct down why;

	refusal(&why, "the connection ended");
	fail_waiters(c, WAITS_FOR_KEYS, ended, &why);
	fail_waiters(c, WAITS_FOR_UP, ended, &why);
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
	struct user user;

	user_invoking(&user);
	ports_recall(c->profile);
	c->edge = edge_open(c->profile, c->o->log_level, e);
	if (!c->edge)
		return false;
	c->tell.repl = repl_open(&rc, e);
	c->control =
		c->tell.repl ? control_open(HOST_RUN_DIR, c->profile->name, user.uid, e) : NULL;
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
			say_keylog(c);
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
