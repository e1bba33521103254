#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/load.h"
#include "host/host.h"

enum { INSTANCES_MAX = 64, QUICK_MS = 5000, SLOW_MS = 90000 };

/* The request as the instance gets it: without the profile's name. */
static void request_line(char out[REQUEST_LINE_MAX], const struct options *o)
{
	const char *what = o->n_args > 1 ? o->args[1] : "";
	bool color = o->command->id == DO_STATUS && options_color(o, STDOUT_FILENO);

	snprintf(out, REQUEST_LINE_MAX, "%s%s%s%s%s", o->command->name, *what ? " " : "", what,
		o->json ? " --json" : "", color ? " --color" : "");
}

/* Nothing listens there any more. Who does not answer may only be stopped. */
static bool is_gone(const char *name, const struct err *e)
{
	size_t n = strlen(name);

	return e->kind == ERR_SILENT && strncmp(e->text, name, n) == 0 &&
		strcmp(e->text + n, " is not connected") == 0;
}

/* It could not be asked: by which name, why, and what to do about it. */
static int unasked(const struct options *o, const char *name, const struct err *e)
{
	bool named = strncmp(e->text, name, strlen(name)) == 0;
	const char *advice = "see whether its process is stopped or busy (ps), or end it";

	if (e->kind == ERR_LOCAL)
		advice = geteuid() != 0 ? "the same with sudo, or as its owner" :
					  "vpnc-ike doctor tells what this machine can do";
	else if (is_gone(name, e))
		advice = o->n_args == 0 ?
			"vpnc-ike clean, which removes what a killed instance left behind" :
			"vpnc-ike status lists what is connected; vpnc-ike connect connects";
	return cli_complain(e->kind == ERR_LOCAL ? DOWN_MACHINE : DOWN_OTHER, advice, "%s%s%s",
		named ? "" : name, named ? "" : ": ", e->text);
}

/* One instance: its answer to stdout, or to stderr when it is a failure. */
static int ask(const struct options *o, const struct cli_asker *by, const char *name)
{
	char line[REQUEST_LINE_MAX], *text = NULL;
	int status = DOWN_OTHER;
	struct err e;

	request_line(line, o);
	if (!by->ask(HOST_RUN_DIR, name, line, o->command->id == DO_STATUS ? QUICK_MS : SLOW_MS,
		    &status, &text, &e))
		return unasked(o, name, &e);
	size_t n = strlen(text);
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = 0;
	if (status == DOWN_ASKED)
		printf("%s\n", text);
	else
		fprintf(stderr, "vpnc-ike: %s: %s\n", name, text);
	free(text);
	return status;
}

static int ask_all(const struct options *o, const struct cli_asker *by)
{
	char names[INSTANCES_MAX][PROFILE_NAME_MAX];
	size_t n = by->names(HOST_RUN_DIR, names, INSTANCES_MAX);
	int worst = DOWN_ASKED;

	for (size_t i = 0; i < n; i++) {
		int status = ask(o, by, names[i]);
		if (status != DOWN_ASKED)
			worst = status;
	}
	if (n == 0 && access(HOST_RUN_DIR, R_OK) < 0 && errno == EACCES)
		return cli_complain(DOWN_MACHINE, "sudo vpnc-ike status", "%s cannot be read: %s",
			HOST_RUN_DIR, strerror(errno));
	if (n == 0 && !o->json)
		puts("nothing is connected");
	return worst;
}

int cli_remote(const struct options *o, const struct cli_asker *by)
{
	char name[PROFILE_NAME_MAX];
	struct request rq;
	char line[REQUEST_LINE_MAX];
	struct err e;

	if (o->n_args == 0)
		return ask_all(o, by);
	request_line(line, o);
	if (!load_name(o->args[0], name, &e) || !commands_parse(&rq, line, AT_CONTROL, &e))
		return cli_complain(
			DOWN_USAGE, "vpnc-ike help lists commands and options", "%s", e.text);
	return ask(o, by, name);
}

/* NULL: it has no answer; e says why, where it could not be asked. */
static char *ask_why(const struct cli_asker *by, const char *name, struct err *e)
{
	char *text = NULL;
	int status = DOWN_OTHER;

	if (by->ask(HOST_RUN_DIR, name, "explain", QUICK_MS, &status, &text, e) &&
		status == DOWN_ASKED)
		return text;
	free(text);
	return NULL;
}

struct answers {
	size_t n; /* how many answered */
	char names[EVENT_TEXT_MAX]; /* of all of them */
	const char *name; /* of the last */
	char *text;
	const char *mute; /* the last that could not be asked, though it is there, ... */
	struct err why; /* ... and why */
};

static void ask_each(
	const struct cli_asker *by, char (*names)[PROFILE_NAME_MAX], size_t n, struct answers *out)
{
	size_t len = 0;

	*out = (struct answers){ 0 };
	for (size_t i = 0; i < n; i++) {
		struct err e = { .kind = ERR_NONE };
		char *text = ask_why(by, names[i], &e);
		if (!text && e.kind != ERR_NONE && !is_gone(names[i], &e)) {
			out->mute = names[i];
			out->why = e;
		}
		if (!text)
			continue;
		if (len < sizeof(out->names))
			len += (size_t)snprintf(out->names + len, sizeof(out->names) - len, "%s%s",
				out->n ? ", " : "", names[i]);
		out->n++;
		free(out->text);
		out->text = text;
		out->name = names[i];
	}
}

/* Where nobody said which, and the only one that runs knows of no failure, another profile's was the last. */
int cli_remote_explain(const struct options *o, const struct cli_asker *by)
{
	char names[INSTANCES_MAX][PROFILE_NAME_MAX];
	const char *named = o->n_args > 0 ? o->args[0] : NULL;
	int status = DOWN_ASKED;
	struct answers a;
	struct err e;

	if (named && !load_name(named, names[0], &e))
		return cli_complain(
			DOWN_USAGE, "vpnc-ike help lists commands and options", "%s", e.text);
	ask_each(by, names, named ? 1 : by->names(HOST_RUN_DIR, names, INSTANCES_MAX), &a);
	if (a.n == 0 && a.mute)
		return unasked(o, a.mute, &a.why);
	if (a.n == 1)
		printf("%s: %s", a.name, a.text);
	if (a.n > 1) {
		status = cli_complain(DOWN_USAGE, "vpnc-ike explain PROFILE, with the one you mean",
			"%zu are connected: %s", a.n, a.names);
	} else if (a.n == 0 || (!named && strcmp(a.text, NOTHING_FAILED) == 0)) {
		char *kept = cli_explain(named);
		fputs(kept ? kept : a.n == 0 ? NOTHING_FAILED : "", stdout);
		free(kept);
	}
	free(a.text);
	return status;
}
