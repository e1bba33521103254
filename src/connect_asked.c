#include "connect_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/render.h"
#include "cli/repl.h"
#include "host/clock.h"

enum { REKEY_WAIT_MS = 30000, RECONNECT_WAIT_MS = 60000 };

const struct status *connect_sample(struct connect *c)
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

struct down *connect_refusal(struct down *d, const char *what)
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

void connect_check_waiters(struct connect *c)
{
	const struct status *st = c->waiters.n ? connect_sample(c) : NULL;
	struct waiter w;
	struct down d;
	bool done;

	while (c->waiters.n && waiters_next(&c->waiters, st, clock_now(), &w, &done))
		if (done)
			answer_waiter(
				c, &w, w.what == WAITS_FOR_UP ? "reconnected\n" : "rekeyed\n");
		else
			fail_waiter(c, &w, DOWN_OTHER,
				connect_refusal(&d,
					"it is not done yet: the gateway does not answer, or puts it off"));
}

void connect_fail_waiters(struct connect *c, enum waits_for what, int status, const struct down *d)
{
	struct waiter w;

	while (waiters_take(&c->waiters, what, &w))
		fail_waiter(c, &w, status, d);
}

static void wait_for(struct connect *c, const struct waiter *w)
{
	struct down d;

	if (!waiters_add(&c->waiters, w)) {
		refuse(c, w->client, DOWN_OTHER, connect_refusal(&d, "too many are waiting"));
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
	const struct status *st = connect_sample(c);
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

void connect_leave(struct connect *c)
{
	repl_hold(c->tell.repl, true);
	edge_stop(c->edge);
}

static char *explanation(struct connect *c)
{
	const struct status *now = connect_sample(c);
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
void connect_say_keylog(struct connect *c)
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
		connect_say_keylog(c);
	edge_keylog(c->edge, rq->on);
	return true;
}

/* What a command answers at once, malloc'ed; NULL with *done false when the answer comes later, or
 * the error says why not. */
static char *run(
	struct connect *c, const struct request *rq, uint64_t client, bool *done, struct err *e)
{
	*done = true;
	switch (rq->row->id) {
	case DO_STATUS:
		return rq->json ? render_status_json(connect_sample(c), c->since) :
				  render_status_text(connect_sample(c), rq->color);
	case DO_ROUTES:
		return render_routes(connect_sample(c));
	case DO_DNS:
		return render_dns(connect_sample(c));
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
		connect_leave(c);
		if (!client || c->n_leaving == CONTROL_CLIENTS)
			return strdup(client ? "going down\n" : "");
		c->leaving[c->n_leaving++] = client;
		*done = false;
		return NULL;
	case DO_TRAFFIC:
		err_set(e, ERR_CONFIG,
			"traffic is for a terminal with line editing; status has the counters");
		return NULL;
	default:
		err_set(e, ERR_CONFIG, "%s is not said here", rq->row->name);
		return NULL;
	}
}

static void start_traffic(struct connect *c)
{
	c->traffic = true;
	c->before = *connect_sample(c);
	repl_wait_key(c->tell.repl, true);
	edge_alarm(c->edge, TRAFFIC_MS);
}

void connect_typed(struct connect *c, const char *line)
{
	struct request rq;
	struct err e = { .text = "out of memory" };
	bool known = commands_parse(&rq, line, AT_PROMPT, &e), done = true;
	char *text = NULL;

	if (known && !rq.row)
		return;
	if (known && rq.row->id == DO_TRAFFIC && repl_reads_keys(c->tell.repl)) {
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

void connect_asked(struct connect *c, const struct control_request *from)
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
			connect_refusal(&d, e.kind ? e.text : "an empty request"));
	free(text);
}
