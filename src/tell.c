#define _GNU_SOURCE
#include "tell.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "host/clock.h"

static void print_owned(struct teller *t, char *text)
{
	if (text)
		repl_print(t->repl, text);
	free(text);
}

void tell_note(struct teller *t, enum level level, const char *text)
{
	struct err e;

	if (logbook_add(&t->log, level, text, &e))
		return;
	if (t->repl)
		repl_warn(t->repl, "warning: %s", e.text);
	else
		fprintf(stderr, "warning: %s\n", e.text);
}

void tell_event(struct teller *t, const struct event *ev)
{
	tell_note(t, ev->level, ev->text);
	if (t->o->json) {
		if (ev->kind != EV_LOG || t->log.trace)
			print_owned(t, render_event_json(ev, t->profile, clock_wall()));
		return;
	}
	switch (ev->kind) {
	case EV_LOG:
		if (t->log.trace)
			repl_warn(t->repl, "%s", ev->text);
		break;
	case EV_STAGE:
		if (!t->connected)
			repl_warn(t->repl, "%s ...", ev->text);
		break;
	case EV_UP:
		repl_printf(t->repl, "%s", ev->text);
		break;
	case EV_GATEWAY_SAID:
		repl_warn(t->repl, "the gateway says: %s", ev->text);
		break;
	case EV_NOT_REKEYED:
		if (!t->refused)
			repl_warn(t->repl, "warning: %s", ev->text);
		t->refused = true;
		break;
	case EV_WARNING:
	case EV_LOST:
		repl_warn(t->repl, "warning: %s", ev->text);
		break;
	case EV_REKEYED:
	case EV_MOVED:
	case EV_RECONNECTING:
		repl_warn(t->repl, "%s", ev->text);
		break;
	}
}

void tell_warning(struct teller *t, const char *text)
{
	struct event ev = { .kind = EV_WARNING, .level = LEVEL_WARN };

	snprintf(ev.text, sizeof(ev.text), "%s", text);
	tell_event(t, &ev);
}

void tell_answer(struct teller *t, const struct answer *a)
{
	if (t->o->json)
		print_owned(t, render_answer_json(a, t->profile, clock_wall()));
	else if (a->status != DOWN_ASKED)
		repl_warn(t->repl, "%s", a->text);
	else if (a->text[0])
		repl_print(t->repl, a->text);
}

void tell_failure(struct teller *t, const struct down *d)
{
	char *text = render_failure(d, false), *rest = text;

	for (char *line; rest && (line = strsep(&rest, "\n"));)
		if (*line)
			tell_note(t, LEVEL_ERROR, line);
	free(text);
	cli_failed(t->o, t->profile, d);
}
