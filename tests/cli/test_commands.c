#include "cli/commands.h"
#include "cli/complete.h"
#include "cli/options.h"
#include "folder.h"
#include "lib/test.h"

#include <stdlib.h>

#include "base/types.h"

static void lines(void **state)
{
	static const struct {
		const char *line;
		enum command_place where;
		enum command_id id;
		size_t n_args;
		const char *say; /* refused */
	} cases[] = {
		{ "status", AT_PROMPT, DO_STATUS, 0, NULL },
		{ "  status \t", AT_PROMPT, DO_STATUS, 0, NULL },
		{ "status --json", AT_CONTROL, DO_STATUS, 0, NULL },
		{ "quit", AT_PROMPT, DO_DOWN, 0, NULL },
		{ "exit", AT_PROMPT, DO_DOWN, 0, NULL },
		{ "status --color", AT_CONTROL, DO_STATUS, 0, NULL },
		{ "status --color", AT_PROMPT, DO_STATUS, 0, "status" },
		{ "exit", AT_CONTROL, DO_DOWN, 0, "no command" },
		{ "rekey", AT_PROMPT, DO_REKEY, 0, NULL },
		{ "rekey child", AT_CONTROL, DO_REKEY, 1, NULL },
		{ "rekey both", AT_PROMPT, DO_REKEY, 0, "rekey [ike|child|all]" },
		{ "rekey ike child", AT_PROMPT, DO_REKEY, 0, "rekey [ike|child|all]" },
		{ "down now", AT_PROMPT, DO_DOWN, 0, "right would be: down" },
		{ "log", AT_PROMPT, DO_LOG, 0, NULL },
		{ "log 5", AT_PROMPT, DO_LOG, 1, NULL },
		{ "log -5", AT_PROMPT, DO_LOG, 0, "log [N]" },
		{ "log 0", AT_PROMPT, DO_LOG, 0, "log [N]" },
		{ "trace on", AT_PROMPT, DO_TRACE, 1, NULL },
		{ "trace", AT_PROMPT, DO_TRACE, 0, "trace on|off" },
		{ "trace x", AT_PROMPT, DO_TRACE, 0, "trace on|off" },
		{ "keylog /tmp/a b ", AT_PROMPT, DO_KEYLOG, 1, NULL },
		{ "connect x", AT_PROMPT, DO_CONNECT, 0, "no command" },
		{ "statsu", AT_PROMPT, DO_STATUS, 0, "did you mean status?" },
		{ "disconnect", AT_PROMPT, DO_DOWN, 0, "did you mean down?" },
		{ "start", AT_PROMPT, DO_CONNECT, 0, "no command" },
		{ "list", AT_CONTROL, DO_LIST, 0, "no command" },
	};
	struct request rq;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool ok = commands_parse(&rq, cases[i].line, cases[i].where, &e);
		if (ok != (cases[i].say == NULL))
			fail_msg("%s: %s", cases[i].line, ok ? "accepted" : e.text);
		if (!ok && !strstr(e.text, cases[i].say))
			fail_msg("%s: %s", cases[i].line, e.text);
		if (ok && (rq.row->id != cases[i].id || rq.n_args != cases[i].n_args))
			fail_msg("%s: %s with %zu arguments", cases[i].line, rq.row->name,
				rq.n_args);
	}
}

static void arguments(void **state)
{
	struct request rq;
	struct err e;
	char line[700];

	(void)state;
	assert_ok(&e, commands_parse(&rq, "", AT_PROMPT, &e));
	assert_null(rq.row);
	assert_ok(&e, commands_parse(&rq, " \t ", AT_PROMPT, &e));
	assert_null(rq.row);
	assert_ok(&e, commands_parse(&rq, "# status", AT_PROMPT, &e));
	assert_null(rq.row);
	assert_ok(&e, commands_parse(&rq, "  #status", AT_PROMPT, &e));
	assert_null(rq.row);
	assert_refused(&e, ERR_CONFIG, commands_parse(&rq, "#", AT_CONTROL, &e));
	assert_ok(&e, commands_parse(&rq, "rekey", AT_PROMPT, &e));
	assert_int_equal(rq.rekey, REKEY_ALL);
	assert_ok(&e, commands_parse(&rq, "rekey ike", AT_PROMPT, &e));
	assert_int_equal(rq.rekey, REKEY_IKE);
	assert_ok(&e, commands_parse(&rq, "log", AT_PROMPT, &e));
	assert_int_equal(rq.count, 20);
	assert_ok(&e, commands_parse(&rq, "status --json", AT_PROMPT, &e));
	assert_true(rq.json);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = 0;
	assert_refused(&e, ERR_CONFIG, commands_parse(&rq, line, AT_PROMPT, &e));
	memcpy(line, "help ", 5);
	assert_refused(&e, ERR_CONFIG, commands_parse(&rq, line, AT_PROMPT, &e));
}

static void help(void **state)
{
	const struct command_row *row;
	char *text = commands_help(AT_PROMPT);

	(void)state;
	assert_non_null(strstr(text, "rekey [ike|child|all]"));
	assert_null(strstr(text, "connect PROFILE"));
	free(text);
	for (size_t i = 0; (row = commands_row(i)); i++)
		assert_ptr_equal(commands_of(row->id), row);
}

static void help_on_a_word(void **state)
{
	static const struct {
		const char *word;
		enum command_place where;
		const char *say; /* refused, when it is no help */
	} cases[] = {
		{ "quit", AT_PROMPT, "  down  " },
		{ "exit", AT_SHELL, "  down PROFILE  " },
		{ "rekey", AT_PROMPT, "  rekey [ike|child|all]  " },
		{ "connect", AT_PROMPT, "  (in the shell)\n" },
		{ "traffic", AT_SHELL, "  (at the prompt)\n" },
		{ "bogus", AT_PROMPT, "no command \"bogus\"" },
		{ "statsu", AT_SHELL, "did you mean status?" },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = commands_help_on(cases[i].word, cases[i].where, &e);
		if (!strstr(text ? text : e.text, cases[i].say))
			fail_msg("%s: %s", cases[i].word, text ? text : e.text);
		free(text);
	}
}

/* --- the command line --- */

static bool parse(struct options *o, struct err *e, const char *line)
{
	static char text[400];
	static char *argv[40];
	int argc = 0;

	strncpy(text, line, sizeof(text) - 1);
	for (char *p = strtok(text, " "); p && argc < 40; p = strtok(NULL, " "))
		argv[argc++] = p;
	return options_parse(o, argc, argv, e);
}

static void command_lines(void **state)
{
	static const struct {
		const char *line, *say;
	} bad[] = {
		{ "v", "a command is missing" },
		{ "v conect x", "did you mean connect?" },
		{ "v disconnect x", "did you mean down?" },
		{ "v stop x", "did you mean down?" },
		{ "v start x", "did you mean connect?" },
		{ "v up x", "did you mean connect?" },
		{ "v connect", "connect PROFILE" },
		{ "v connect a b", "connect PROFILE" },
		{ "v list x", "right would be: vpnc-ike list" },
		{ "v --jsn status", "did you mean --json?" },
		{ "v status --json=1", "takes no value" },
		{ "v list --json", "--json goes with" },
		{ "v connect a --color", "needs WHEN" },
		{ "v connect a --color=blue", "auto|always|never" },
		{ "v connect a --log-level loud", "error|warn" },
		{ "v connect a --profile-dir=", "needs DIR" },
		{ "v connect a --set esp.pfs", "needs SECTION.KEY=VALUE" },
		{ "v connect a --set pfs=yes", "needs SECTION.KEY=VALUE" },
		{ "v connect a --set remote=gw.example.org", "needs SECTION.KEY=VALUE" },
		{ "v connect a --write x", "--write goes with probe" },
		{ "v connect a -x", "no option -x" },
		{ "v traffic", "no command" },
		{ "v status a --keylog k", "goes with connect" },
	};
	struct options o;
	struct err e;

	(void)state;
	assert_ok(&e,
		parse(&o, &e,
			"v --set a.b=c connect --no-input office --set=d.e=f=g --log-level debug"));
	assert_int_equal(o.command->id, DO_CONNECT);
	assert_int_equal(o.n_args, 1);
	assert_string_equal(o.args[0], "office");
	assert_true(o.no_input && o.n_sets == 2);
	assert_string_equal(o.sets[0], "a.b=c");
	assert_string_equal(o.sets[1], "d.e=f=g");
	assert_int_equal(o.log_level, LEVEL_DEBUG);
	assert_ok(&e, parse(&o, &e, "v status --json"));
	assert_true(o.json && o.n_args == 0);
	assert_ok(&e, parse(&o, &e, "v show -- -odd-"));
	assert_string_equal(o.args[0], "-odd-");
	assert_ok(&e, parse(&o, &e, "v --version"));
	assert_true(o.version);
	assert_ok(&e, parse(&o, &e, "v connect -h"));
	assert_true(o.help);
	assert_ok(&e, parse(&o, &e, "v rekey office child --color never"));
	assert_int_equal(o.color, COLOR_NEVER);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_refused(&e, ERR_CONFIG, parse(&o, &e, bad[i].line));
		if (!strstr(e.text, bad[i].say))
			fail_msg("%s: %s", bad[i].line, e.text);
	}
}

/* Who reads events is told of a wrong command line by one, wherever in it the mistake is. */
static void wrong_and_json(void **state)
{
	static const struct {
		const char *line, *say;
		bool connect;
	} rows[] = {
		{ "v --bogus --json connect a", "no option --bogus", true },
		{ "v connect --log-level loud --json a", "error|warn", true },
		{ "v --json connect a b", "connect PROFILE", true },
		{ "v --first --second --json connect", "no option --first", true },
		{ "v --bogus status --json", "no option --bogus", false },
	};
	struct options o;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_refused(&e, ERR_CONFIG, parse(&o, &e, rows[i].line));
		if (!strstr(e.text, rows[i].say) || !o.json || !o.command ||
			(o.command->id == DO_CONNECT) != rows[i].connect)
			fail_msg("%s: %s", rows[i].line, e.text);
	}
}

static void colors(void **state)
{
	struct options o = { .color = COLOR_ALWAYS };

	(void)state;
	assert_true(options_color(&o, -1));
	o.color = COLOR_NEVER;
	assert_false(options_color(&o, 1));
	o.color = COLOR_AUTO;
	assert_false(options_color(&o, -1));
}

/* --- Tab --- */

static void check_words(const struct complete *c, const char *want)
{
	char text[4000] = "";

	for (size_t i = 0; i < c->n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, c->words[i]);
	}
	assert_string_equal(text, want);
}

static void at_the_prompt(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "re", "rekey reconnect" },
		{ "  tra", "traffic trace" },
		{ "rekey ", "ike child all" },
		{ "rekey c", "child" },
		{ "rekey child ", "" },
		{ "trace o", "on off" },
		{ "help rec", "reconnect" },
		{ "keylog o", "" },
		{ "connect ", "" },
		{ "xyzzy", "" },
	};
	struct complete c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		complete_prompt(&c, cases[i].line, strlen(cases[i].line));
		check_words(&c, cases[i].want);
	}
	complete_prompt(&c, "status", 2);
	check_words(&c, "status");
	assert_int_equal(c.typed, 2);
}

static void in_the_shell(void **state)
{
	static const struct {
		const char *words[5];
		const char *want;
	} cases[] = {
		{ { "con" }, "connect" },
		{ { "rekey", "x", "" }, "ike child all" },
		{ { "rekey", "x", "all", "" }, "" },
		{ { "--col" }, "--color=" },
		{ { "--color=a" }, "--color=auto --color=always" },
		{ { "--color", "n" }, "never" },
		{ { "--color", "never", "reco" }, "reconnect" },
		{ { "connect", "x", "--set=esp.pf" }, "--set=esp.pfs=" },
		{ { "connect", "x", "--set=esp.pfs=y" }, "--set=esp.pfs=yes" },
		{ { "connect", "--set", "esp.pfs=" }, "esp.pfs=auto esp.pfs=yes esp.pfs=no" },
		{ { "connect", "--set", "secrets.p" },
			"secrets.psk-file= secrets.password-file= secrets.ppk-id=" },
		{ { "help", "tra" }, "" },
		{ { "nonsense", "" }, "" },
	};
	struct complete c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = 0;
		while (n < 5 && cases[i].words[n])
			n++;
		complete_shell(&c, cases[i].words, n);
		check_words(&c, cases[i].want);
	}
}

static void profiles_are_completed(void **state)
{
	const char *words[] = { "--profile-dir", *state, "connect", "of" };
	struct complete c;

	folder_text(*state, "office.conf", "");
	folder_text(*state, "home.conf", "");
	complete_shell(&c, words, 4);
	check_words(&c, "office");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(arguments),
		cmocka_unit_test(help),
		cmocka_unit_test(help_on_a_word),
		cmocka_unit_test(command_lines),
		cmocka_unit_test(wrong_and_json),
		cmocka_unit_test(colors),
		cmocka_unit_test(at_the_prompt),
		cmocka_unit_test(in_the_shell),
		cmocka_unit_test_setup_teardown(profiles_are_completed, folder_make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
