#include "cli/commands.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/types.h"

#define EVERYWHERE (AT_SHELL | AT_PROMPT | AT_CONTROL)

/* The table of commands, in the order of help. */
static const struct command_row rows[] = {
	{ DO_CONNECT, "connect", AT_SHELL, 1, 1, "PROFILE", "", { ARG_PROFILE, ARG_NONE },
		{ ARG_NONE },
		"bring the tunnel up, and the prompt; on leaving everything is undone" },
	{ DO_LIST, "list", AT_SHELL, 0, 0, "", "", { ARG_NONE, ARG_NONE }, { ARG_NONE },
		"the profiles found: name, type, gateway, file" },
	{ DO_SHOW, "show", AT_SHELL, 1, 1, "PROFILE", "", { ARG_PROFILE, ARG_NONE }, { ARG_NONE },
		"the effective settings, secrets hidden" },
	{ DO_CHECK, "check", AT_SHELL, 1, 1, "PROFILE", "", { ARG_PROFILE, ARG_NONE }, { ARG_NONE },
		"every problem of a profile, without connecting" },
	{ DO_STATUS, "status", EVERYWHERE, 0, 1, "[PROFILE] [--json]", "",
		{ ARG_PROFILE, ARG_NONE }, { ARG_NONE }, "how the connection is doing" },
	{ DO_TRAFFIC, "traffic", AT_PROMPT, 0, 0, "", "", { ARG_NONE, ARG_NONE }, { ARG_NONE },
		"live rates, until a key is pressed" },
	{ DO_ROUTES, "routes", AT_PROMPT, 0, 0, "", "", { ARG_NONE, ARG_NONE }, { ARG_NONE },
		"what goes into the tunnel, and what does not" },
	{ DO_DNS, "dns", AT_PROMPT, 0, 0, "", "", { ARG_NONE, ARG_NONE }, { ARG_NONE },
		"name servers and domains of the tunnel" },
	{ DO_REKEY, "rekey", EVERYWHERE, 1, 2, "PROFILE [ike|child|all]", "[ike|child|all]",
		{ ARG_PROFILE, ARG_REKEY }, { ARG_REKEY },
		"new keys now; all when not said which" },
	{ DO_RECONNECT, "reconnect", EVERYWHERE, 1, 1, "PROFILE", "", { ARG_PROFILE, ARG_NONE },
		{ ARG_NONE }, "give the tunnel up and bring it back" },
	{ DO_DOWN, "down", EVERYWHERE, 1, 1, "PROFILE", "", { ARG_PROFILE, ARG_NONE }, { ARG_NONE },
		"end the connection (at the prompt also: quit, exit)" },
	{ DO_LOG, "log", AT_PROMPT, 0, 0, "", "[N]", { ARG_NONE, ARG_NONE }, { ARG_TEXT },
		"the last N lines of the log, 20 when not said" },
	{ DO_TRACE, "trace", AT_PROMPT, 0, 0, "", "on|off", { ARG_NONE, ARG_NONE }, { ARG_ON_OFF },
		"show every message that comes and goes" },
	{ DO_EXPLAIN, "explain", EVERYWHERE, 0, 1, "[PROFILE]", "", { ARG_PROFILE, ARG_NONE },
		{ ARG_NONE }, "why the last thing failed, and what to try" },
	{ DO_KEYLOG, "keylog", AT_PROMPT, 0, 0, "", "FILE|off", { ARG_NONE, ARG_NONE },
		{ ARG_FILE }, "WRITE KEYS for Wireshark, or no more" },
	{ DO_PROBE, "probe", AT_SHELL, 1, 1, "HOST|PROFILE [--write NAME]", "",
		{ ARG_PROFILE, ARG_NONE }, { ARG_NONE },
		"what a gateway accepts, without logging in" },
	{ DO_IMPORT, "import", AT_SHELL, 1, 2, "FILE [NAME]", "", { ARG_FILE, ARG_TEXT },
		{ ARG_NONE }, "make a profile from one of another program" },
	{ DO_DOCTOR, "doctor", AT_SHELL, 0, 1, "[PROFILE]", "", { ARG_PROFILE, ARG_NONE },
		{ ARG_NONE }, "what this machine can do, and what is in the way" },
	{ DO_CLEAN, "clean", AT_SHELL, 0, 0, "", "", { ARG_NONE, ARG_NONE }, { ARG_NONE },
		"remove what a killed instance left behind, and nothing else" },
	{ DO_HELP, "help", AT_SHELL | AT_PROMPT, 0, 1, "[COMMAND]", "[COMMAND]",
		{ ARG_COMMAND, ARG_NONE }, { ARG_COMMAND }, "this list, or one command" },
	{ DO_COMPLETE, "__complete", AT_SHELL, 0, SIZE_MAX, "", "", { ARG_NONE, ARG_NONE },
		{ ARG_NONE }, "" },
};

const struct command_row *commands_row(size_t i)
{
	return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

const struct command_row *commands_of(enum command_id id)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].id == id)
			return &rows[i];
	return NULL;
}

/* The command that other programs call by that word; NULL where there is none in these places. */
static const char *called_elsewhere(const char *word, unsigned places)
{
	static const struct {
		const char *word;
		enum command_id id;
	} words[] = {
		{ "disconnect", DO_DOWN },
		{ "stop", DO_DOWN },
		{ "start", DO_CONNECT },
		{ "up", DO_CONNECT },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct command_row *row = commands_of(words[i].id);
		if (strcmp(words[i].word, word) == 0 && (row->places & places))
			return row->name;
	}
	return NULL;
}

const struct command_row *commands_find(const char *word, unsigned places, struct err *e)
{
	const char *names[ARRAY_LEN(rows) + 1], *near;
	char what[40];
	size_t n = 0;

	if ((places & AT_PROMPT) && (strcmp(word, "quit") == 0 || strcmp(word, "exit") == 0))
		return commands_of(DO_DOWN);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!(rows[i].places & places))
			continue;
		if (strcmp(rows[i].name, word) == 0)
			return &rows[i];
		if (rows[i].story[0])
			names[n++] = rows[i].name;
	}
	names[n] = NULL;
	near = called_elsewhere(word, places);
	if (!near)
		near = name_nearest(names, word);
	text_safe(what, sizeof(what), word, strlen(word));
	err_set(e, ERR_CONFIG,
		near ? "there is no command \"%s\"; did you mean %s?" :
		       "there is no command \"%s\"; help lists them",
		what, near);
	return NULL;
}

/* --- a line of the prompt or the control socket ------------------------------------------------ */

/* The next word of a line, and what follows it. False at the end, or with *too_long. */
static bool next_word(const char **line, char word[REQUEST_TEXT_MAX], bool *too_long)
{
	const char *p = *line + strspn(*line, " \t");
	size_t n = strcspn(p, " \t");

	*too_long = n >= REQUEST_TEXT_MAX;
	if (n == 0 || *too_long)
		return false;
	memcpy(word, p, n);
	word[n] = 0;
	*line = p + n;
	return true;
}

static bool usage(const struct command_row *row, struct err *e)
{
	return err_set(e, ERR_CONFIG, "right would be: %s%s%s", row->name,
		row->prompt_args[0] ? " " : "", row->prompt_args);
}

static bool parse_rekey(struct request *rq, struct err *e)
{
	static const char *const words[] = {
		[REKEY_ALL] = "all", [REKEY_IKE] = "ike", [REKEY_CHILD] = "child"
	};

	rq->rekey = REKEY_ALL;
	if (rq->n_args == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], rq->args[0]) == 0) {
			rq->rekey = (enum rekey_what)i;
			return true;
		}
	return usage(rq->row, e);
}

static bool parse_log(struct request *rq, struct err *e)
{
	char *end;

	rq->count = 20;
	if (rq->n_args == 0)
		return true;
	rq->count = strtoul(rq->args[0], &end, 10);
	return (isdigit((unsigned char)rq->args[0][0]) && !*end && rq->count > 0) ||
		usage(rq->row, e);
}

static bool parse_trace(struct request *rq, struct err *e)
{
	rq->on = rq->n_args == 1 && strcmp(rq->args[0], "on") == 0;
	return (rq->n_args == 1 && (rq->on || strcmp(rq->args[0], "off") == 0)) ||
		usage(rq->row, e);
}

static bool parse_keylog(struct request *rq, struct err *e)
{
	rq->on = rq->n_args == 1 && strcmp(rq->args[0], "off") != 0;
	return rq->n_args == 1 || usage(rq->row, e);
}

static bool parse_args(struct request *rq, struct err *e)
{
	switch (rq->row->id) {
	case DO_REKEY:
		return parse_rekey(rq, e);
	case DO_LOG:
		return parse_log(rq, e);
	case DO_TRACE:
		return parse_trace(rq, e);
	case DO_KEYLOG:
		return parse_keylog(rq, e);
	default:
		return true;
	}
}

bool commands_parse(struct request *rq, const char *line, enum command_place where, struct err *e)
{
	char word[REQUEST_TEXT_MAX];
	bool too_long;

	*rq = (struct request){ 0 };
	if (!next_word(&line, word, &too_long))
		return !too_long || err_set(e, ERR_CONFIG, "a word is too long");
	if (where == AT_PROMPT && word[0] == '#') /* a script may tell what it does */
		return true;
	const struct command_row *row = commands_find(word, where, e);
	if (!row)
		return false;
	/* Here, and not before: a file's name may have blanks. */
	size_t rest = strlen(line + strspn(line, " \t"));
	if (row->prompt_kinds[0] == ARG_FILE && rest > 0 && rest < REQUEST_TEXT_MAX) {
		memcpy(rq->args[0], line + strspn(line, " \t"), rest + 1);
		while (isblank((unsigned char)rq->args[0][rest - 1]))
			rq->args[0][--rest] = 0;
		rq->n_args = 1;
		line = "";
	}
	rq->row = row;
	while (next_word(&line, word, &too_long)) {
		if (row->id == DO_STATUS && strcmp(word, "--json") == 0) {
			rq->json = true;
			continue;
		}
		if (row->id == DO_STATUS && where == AT_CONTROL && strcmp(word, "--color") == 0) {
			rq->color = true;
			continue;
		}
		if (row->prompt_kinds[0] == ARG_NONE || rq->n_args == 1)
			return usage(row, e);
		memcpy(rq->args[rq->n_args++], word, sizeof(word));
	}
	if (too_long)
		return err_set(e, ERR_CONFIG, "a word is too long");
	return parse_args(rq, e);
}

/* --- help -------------------------------------------------------------------------------------- */

void help_entry(FILE *f, const char *head, const char *story)
{
	enum { COLUMN = 37, WIDTH = 79 - COLUMN };

	fprintf(f, "  %-34s ", head);
	while (strlen(story) > WIDTH) {
		int n = WIDTH;
		while (n > 0 && story[n] != ' ')
			n--;
		if (n == 0)
			break;
		fprintf(f, "%.*s\n%*s", n, story, COLUMN, "");
		story += n + 1;
	}
	fprintf(f, "%s\n", story);
}

static void help_line(FILE *f, const struct command_row *row, enum command_place where)
{
	const char *args = where == AT_SHELL ? row->shell_args : row->prompt_args;
	char head[64];

	snprintf(head, sizeof(head), "%s%s%s", row->name, args[0] ? " " : "", args);
	help_entry(f, head, row->story);
}

char *commands_help(enum command_place where)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((rows[i].places & where) && rows[i].story[0])
			help_line(f, &rows[i], where);
	bool bad = ferror(f);
	if (fclose(f) != 0 || bad) {
		free(text);
		return NULL;
	}
	return text;
}

char *commands_help_on(const char *word, enum command_place where, struct err *e)
{
	const struct command_row *row = commands_find(word, AT_SHELL | AT_PROMPT, e);
	char *text = NULL;
	size_t len = 0;

	if (!row)
		return NULL;
	bool here = row->places & where;
	enum command_place there = where == AT_SHELL ? AT_PROMPT : AT_SHELL;
	FILE *f = open_memstream(&text, &len);
	if (f) {
		help_line(f, row, here ? where : there);
		if (!here)
			fprintf(f, "  (%s)\n",
				there == AT_PROMPT ? "at the prompt" : "in the shell");
	}
	bool bad = !f || ferror(f);
	if (f && fclose(f) == 0 && !bad)
		return text;
	free(text);
	err_set(e, ERR_LOCAL, "out of memory");
	return NULL;
}
