/*
 * The one table of commands: what can be said on the shell's command line, at the prompt and over
 * the control socket. It feeds help, Tab, the shell completion, and the test of the manual.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "base/err.h"

#include <stddef.h>
#include <stdio.h>

enum command_id {
	DO_CONNECT,
	DO_LIST,
	DO_SHOW,
	DO_CHECK,
	DO_STATUS,
	DO_REKEY,
	DO_DOWN,
	DO_RECONNECT,
	DO_PROBE,
	DO_IMPORT,
	DO_DOCTOR,
	DO_CLEAN,
	DO_HELP,
	DO_TRAFFIC,
	DO_ROUTES,
	DO_DNS,
	DO_LOG,
	DO_TRACE,
	DO_EXPLAIN,
	DO_KEYLOG,
	DO_COMPLETE, /* what the shell completion asks for; in no help */
};

/* Where a command is valid; bits. */
enum command_place { AT_SHELL = 1, AT_PROMPT = 2, AT_CONTROL = 4 };

/* What an argument is, so that it can be completed. */
enum arg_kind { ARG_NONE, ARG_PROFILE, ARG_FILE, ARG_COMMAND, ARG_REKEY, ARG_ON_OFF, ARG_TEXT };

struct command_row {
	enum command_id id;
	const char *name;
	unsigned places; /* enum command_place */
	size_t least, most; /* arguments at the shell, the profile's name among them */
	const char *shell_args; /* "PROFILE [ike|child|all]" */
	const char *prompt_args; /* "[ike|child|all]" */
	enum arg_kind shell_kinds[2], prompt_kinds[1];
	const char *story; /* one line of help */
};

/* Row number i of the table, NULL past its end. */
const struct command_row *commands_row(size_t i);
const struct command_row *commands_of(enum command_id id);
/* The row of a word (also of "quit" and "exit" for down, at the prompt), or NULL with the nearest
 * known word in the sentence (CONFIG). */
const struct command_row *commands_find(
	const char *word, unsigned places, struct err *e) MUST_CHECK;

enum { REQUEST_ARGS_MAX = 2, REQUEST_TEXT_MAX = 512, REQUEST_LINE_MAX = 1024 };

enum rekey_what { REKEY_ALL, REKEY_IKE, REKEY_CHILD };

/* A line typed at the prompt or sent over the control socket. */
struct request {
	const struct command_row *row; /* NULL: an empty line or a comment, nothing to do */
	bool json, color;
	size_t n_args;
	char args[REQUEST_ARGS_MAX][REQUEST_TEXT_MAX]; /* without the profile's name */
	enum rekey_what rekey; /* DO_REKEY */
	bool on; /* DO_TRACE; DO_KEYLOG: args[0] is a folder and not "off" */
	unsigned long count; /* DO_LOG: lines wanted, 20 when not said */
};

/* Splits and checks a line: unknown words, wrong and missing arguments are CONFIG errors, one sentence each. */
bool commands_parse(
	struct request *rq, const char *line, enum command_place where, struct err *e) MUST_CHECK;

/* Help for all commands of a place; malloc'ed, NULL when memory ran out. */
char *commands_help(enum command_place where);
/* What `help WORD` answers here, for a command of the shell or of the prompt; malloc'ed. NULL: there is
 * no such command, with the nearest (CONFIG). */
char *commands_help_on(const char *word, enum command_place where, struct err *e);
/* One entry of a help text: head, then the story in a column of its own, within 80 columns. */
void help_entry(FILE *f, const char *head, const char *story);

#endif
