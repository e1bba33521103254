/*
 * The command line: `vpnc-ike [OPTIONS] COMMAND [ARGS]`, options anywhere, by one table.
 * Strings point into argv.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/outbox.h"
#include "cli/commands.h"

enum { OPTION_SETS_MAX = 64, OPTION_ARGS_MAX = 64 };

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	const struct command_row *command; /* never NULL after options_parse succeeded */
	size_t n_args;
	const char *args
		[OPTION_ARGS_MAX]; /* of the command; args[0] is the profile where it takes one */
	const char *profile_dir; /* NULL: not given */
	size_t n_sets;
	const char *sets[OPTION_SETS_MAX]; /* SECTION.KEY=VALUE, in the order given */
	bool json, no_input, version, help;
	enum level log_level; /* LEVEL_INFO when not given */
	const char *log_file, *keylog; /* NULL: not given */
	const char *write; /* probe --write NAME */
	enum color_choice color;
};

/* CONFIG errors are usage errors: exit status 2. The first mistake is told, and what else there is is read
 * all the same: how to tell it stands there. --help and --version leave command at DO_HELP. */
bool options_parse(struct options *o, int argc, char *const *argv, struct err *e) MUST_CHECK;

/* Number i of the table, for help, completion and the test of the manual; false past the end. */
struct option_info {
	const char *name; /* "--log-level" */
	const char *arg; /* "LEVEL", NULL: takes none */
	const char *words; /* "error|warn|info|debug|trace", NULL: anything */
	const char *story;
};
bool options_row(size_t i, struct option_info *out);

/* Colours on this descriptor? By --color, NO_COLOR, TERM and whether it is a terminal. */
bool options_color(const struct options *o, int fd);
/* Can what is printed there be taken back? A terminal that knows no orders would show them. */
bool options_erases(int fd);
/* "vpnc-ike", and what has to be said again for the same profiles to be found. Returns out. */
enum { OPTIONS_AGAIN_MAX = 1024 + 32 }; /* a path, and the words around it */
char *options_again(char out[OPTIONS_AGAIN_MAX], const struct options *o);

#endif
