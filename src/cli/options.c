#include "cli/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/names.h"

enum option_type {
	OPTION_FLAG, /* bool */
	OPTION_TEXT, /* const char * */
	OPTION_SET, /* one more of the sets */
	OPTION_WORD, /* an enum whose numbers count the words */
};

#define AT(field) offsetof(struct options, field)

static const struct option_row {
	struct option_info info;
	enum option_type type;
	size_t at;
} rows[] = {
	{ { "--profile-dir", "DIR", NULL, "look for profiles here first" }, OPTION_TEXT,
		AT(profile_dir) },
	{ { "--set", "SECTION.KEY=VALUE", NULL, "wins over the profile; may be repeated" },
		OPTION_SET, 0 },
	{ { "--json", NULL, NULL, "status: one object; connect: one event a line" }, OPTION_FLAG,
		AT(json) },
	{ { "--no-input", NULL, NULL, "never ask; a missing secret is an error" }, OPTION_FLAG,
		AT(no_input) },
	{ { "--log-level", "LEVEL", "error|warn|info|debug|trace", "how much the log tells" },
		OPTION_WORD, AT(log_level) },
	{ { "--log-file", "FILE", NULL, "write the log there" }, OPTION_TEXT, AT(log_file) },
	{ { "--keylog", "FILE", NULL, "WRITE KEYS there, for Wireshark" }, OPTION_TEXT,
		AT(keylog) },
	{ { "--color", "WHEN", "auto|always|never", "colours in what is printed" }, OPTION_WORD,
		AT(color) },
	{ { "--write", "NAME", NULL, "probe: save a profile that goes by what was found" },
		OPTION_TEXT, AT(write) },
	{ { "--version", NULL, NULL, "which version this is" }, OPTION_FLAG, AT(version) },
	{ { "--help", NULL, NULL, "this text" }, OPTION_FLAG, AT(help) },
};

_Static_assert(
	sizeof(enum level) == sizeof(unsigned) && sizeof(enum color_choice) == sizeof(unsigned),
	"OPTION_WORD writes an unsigned int");

bool options_row(size_t i, struct option_info *out)
{
	if (i >= ARRAY_LEN(rows))
		return false;
	*out = rows[i].info;
	return true;
}

static const struct option_row *find_option(const char *arg, size_t len, struct err *e)
{
	const char *names[ARRAY_LEN(rows) + 1], *near;
	char what[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		names[i] = rows[i].info.name;
		if (strlen(names[i]) == len && memcmp(names[i], arg, len) == 0)
			return &rows[i];
	}
	names[ARRAY_LEN(rows)] = NULL;
	text_safe(what, sizeof(what), arg, len);
	near = name_nearest(names, what);
	err_set(e, ERR_CONFIG,
		near ? "there is no option %s; did you mean %s?" : "there is no option %s", what,
		near);
	return NULL;
}

static bool set_word(const struct option_row *row, unsigned *at, const char *value, struct err *e)
{
	const char *words = row->info.words;

	for (unsigned i = 0;; i++) {
		size_t n = strcspn(words, "|");
		if (strlen(value) == n && memcmp(words, value, n) == 0) {
			*at = i;
			return true;
		}
		if (!words[n])
			return err_set(e, ERR_CONFIG, "%s takes one of %s", row->info.name,
				row->info.words);
		words += n + 1;
	}
}

/* Which settings there are is for who reads the profile to say. */
static bool is_setting(const char *text)
{
	const char *dot = strchr(text, '.'), *equals = strchr(text, '=');

	return dot && equals && dot < equals;
}

static bool set_option(
	struct options *o, const struct option_row *row, const char *value, struct err *e)
{
	void *at = (char *)o + row->at;

	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return true;
	case OPTION_TEXT:
		if (!*value)
			return err_set(e, ERR_CONFIG, "%s needs %s", row->info.name, row->info.arg);
		*(const char **)at = value;
		return true;
	case OPTION_SET:
		if (!is_setting(value))
			return err_set(e, ERR_CONFIG, "%s needs %s", row->info.name, row->info.arg);
		if (o->n_sets == OPTION_SETS_MAX)
			return err_set(e, ERR_CONFIG, "--set more than %d times", OPTION_SETS_MAX);
		o->sets[o->n_sets++] = value;
		return true;
	case OPTION_WORD:
		return set_word(row, at, value, e);
	}
	return err_set(e, ERR_BUG, "an option of no type");
}

/* argv[*i] is an option, and perhaps argv[*i + 1] its value. */
static bool parse_option(struct options *o, int argc, char *const *argv, int *i, struct err *e)
{
	const char *arg = strcmp(argv[*i], "-h") == 0 ? "--help" : argv[*i];
	size_t len = strcspn(arg, "=");
	const struct option_row *row = find_option(arg, len, e);

	if (!row)
		return false;
	if (!row->info.arg)
		return arg[len] ? err_set(e, ERR_CONFIG, "%s takes no value", row->info.name) :
				  set_option(o, row, "", e);
	if (arg[len])
		return set_option(o, row, arg + len + 1, e);
	if (*i + 1 == argc)
		return err_set(e, ERR_CONFIG, "%s needs %s", row->info.name, row->info.arg);
	return set_option(o, row, argv[++*i], e);
}

static bool add_word(struct options *o, const char *word, struct err *e)
{
	if (!o->command) {
		o->command = commands_find(word, AT_SHELL, e);
		return o->command != NULL;
	}
	if (o->n_args == OPTION_ARGS_MAX)
		return err_set(e, ERR_CONFIG, "too many arguments");
	o->args[o->n_args++] = word;
	return true;
}

static bool check(struct options *o, struct err *e)
{
	if (o->help || o->version) {
		o->command = commands_of(DO_HELP);
		return true;
	}
	const struct command_row *c = o->command;
	if (!c)
		return err_set(e, ERR_CONFIG, "a command is missing");
	if (o->n_args < c->least || o->n_args > c->most)
		return err_set(e, ERR_CONFIG, "right would be: vpnc-ike %s%s%s", c->name,
			c->shell_args[0] ? " " : "", c->shell_args);
	if (o->json && c->id != DO_STATUS && c->id != DO_CONNECT)
		return err_set(e, ERR_CONFIG, "--json goes with connect and status");
	if (o->write && c->id != DO_PROBE)
		return err_set(e, ERR_CONFIG, "--write goes with probe");
	if (o->keylog && c->id != DO_CONNECT)
		return err_set(e, ERR_CONFIG, "--keylog goes with connect");
	return true;
}

bool options_parse(struct options *o, int argc, char *const *argv, struct err *e)
{
	bool words_only = false, ok = true;

	*o = (struct options){ .log_level = LEVEL_INFO };
	for (int i = 1; i < argc; i++) {
		struct err *to = ok ? e : NULL;
		/* What the shell completes is not ours to understand: it is an argument as it stands. */
		if (o->command && o->command->id == DO_COMPLETE)
			words_only = true;
		if (!words_only && strcmp(argv[i], "--") == 0)
			words_only = true;
		else if (!words_only && argv[i][0] == '-' && argv[i][1])
			ok &= parse_option(o, argc, argv, &i, to);
		else
			ok &= add_word(o, argv[i], to);
	}
	return ok && check(o, e);
}

bool options_color(const struct options *o, int fd)
{
	const char *no = getenv("NO_COLOR");

	if (o->color != COLOR_AUTO)
		return o->color == COLOR_ALWAYS;
	return options_erases(fd) && !(no && *no);
}

bool options_erases(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

char *options_again(char out[OPTIONS_AGAIN_MAX], const struct options *o)
{
	snprintf(out, OPTIONS_AGAIN_MAX, "vpnc-ike%s%s", o->profile_dir ? " --profile-dir " : "",
		o->profile_dir ? o->profile_dir : "");
	return out;
}
