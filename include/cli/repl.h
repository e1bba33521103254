/*
 * The person at the prompt: lines typed, questions answered, and what is printed meanwhile.
 *
 * One descriptor for the loop, which never blocks: when it is readable, call repl_next until it
 * says REPL_NOTHING (or stop earlier: what is left keeps the descriptor readable). With a terminal
 * on stdin libedit edits the line; where it cannot be had, a warning says so, and lines are read as
 * the terminal gives them. Without a terminal commands are read line by line, and end of file only
 * ends the reading. Before repl_start nothing is read, nothing typed is echoed (it may be a password,
 * typed before it is asked for) and printing is plain, so that Ctrl-C while connecting is an ordinary
 * SIGINT. At the prompt Ctrl-C comes as a key: it cancels the line, and
 * leaves when the line was empty; a SIGINT that arrives all the same was sent by somebody.
 */
#ifndef CLI_REPL_H
#define CLI_REPL_H

#include "base/outbox.h"
#include "cli/commands.h"

struct repl;

enum repl_event {
	REPL_NOTHING,
	REPL_LINE, /* line holds a command; it may be empty */
	REPL_LEAVE, /* end of file at a terminal, or Ctrl-C on an empty line, or on a question before
		       repl_start: as `down` */
	REPL_ANSWER, /* id and answer: to the question asked */
	REPL_REFUSED, /* id: the person would not answer */
	REPL_KEY, /* a key was pressed while repl_wait_key was on, which is off now */
};

struct repl_input {
	enum repl_event event;
	uint32_t id;
	char line[REQUEST_LINE_MAX];
	struct passphrase answer; /* wipe the whole input after REPL_ANSWER */
};

/* profile: for the prompt "PROFILE> ". quiet: nothing but one JSON object a line may come on stdout,
 * so there is no prompt, and a terminal is read line by line like any other stdin. */
struct repl_config {
	const char *profile;
	bool no_input, quiet;
};
struct repl *repl_open(const struct repl_config *config, struct err *e) MUST_CHECK;
void repl_close(struct repl *r); /* the terminal as it was; history saved. NULL is fine. */
int repl_fd(const struct repl *r);
/* The tunnel is up: show the prompt, begin to read. Again: nothing. */
void repl_start(struct repl *r);
/* No commands for now (a `rekey` is under way), and on again. Questions go on, and Ctrl-C leaves. */
void repl_hold(struct repl *r, bool hold);
bool repl_next(struct repl *r, struct repl_input *in); /* false, and REPL_NOTHING: that was all */
bool repl_reads_keys(const struct repl *r); /* since repl_start, not only lines */

/* Asks without blocking; REPL_ANSWER or REPL_REFUSED comes later. CONFIG: nobody can be asked. */
bool repl_ask(struct repl *r, const struct ask *q, struct err *e) MUST_CHECK;

/* Prints whole lines (a '\n' is added where it is missing) above the line being typed. */
void repl_print(struct repl *r, const char *text); /* stdout */
void repl_printf(struct repl *r, const char *fmt, ...) PRINTF(2, 3); /* stdout, one line */
void repl_warn(struct repl *r, const char *fmt, ...) PRINTF(2, 3); /* stderr, one line */

/* For `traffic`: until a key is pressed, or repl_wait_key(false), the prompt is away and
 * repl_live replaces the last line of the terminal. */
void repl_wait_key(struct repl *r, bool on);
void repl_live(struct repl *r, const char *text);
unsigned repl_columns(void); /* of the terminal, 80 where none is known */

#endif
