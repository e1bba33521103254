#include "cli/prompt.h"
#include "folder.h"
#include "lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct ask question = {
	.id = 9, .kind = ASK_PASSWORD, .prompt = "Password for \"x\"; $(y)"
};

static bool ask(const char *folder, const char *script, struct passphrase *answer, struct err *e)
{
	const char *path = folder_write(folder, "askpass", script, strlen(script), 0700);
	struct prompt *p = prompt_new(false, e);

	setenv("VPNC_IKE_ASKPASS", path, 1);
	bool ok = prompt_wait(p, &question, answer, e);
	unsetenv("VPNC_IKE_ASKPASS");
	prompt_free(p);
	return ok;
}

static void a_program_answers(void **state)
{
	struct passphrase answer;
	struct err e;

	assert_ok(&e, ask(*state, "#!/bin/sh\necho \"got $# $1\"\n", &answer, &e));
	assert_string_equal(answer.text, "got 1 Password for \"x\"; $(y)");
	assert_ok(&e, ask(*state, "#!/bin/sh\nprintf 'no end'\n", &answer, &e));
	assert_string_equal(answer.text, "no end");
	assert_ok(&e, ask(*state, "#!/bin/sh\nprintf 'first\\r\\nsecond\\n'\n", &answer, &e));
	assert_string_equal(answer.text, "first");
	assert_int_equal(answer.len, 5);
	/* Closing stdout is not yet the end. */
	assert_ok(&e, ask(*state, "#!/bin/sh\necho x\nexec >&-\nsleep 0.05\n", &answer, &e));
	assert_string_equal(answer.text, "x");
	/* Longer than any answer: cut, and not waited for. */
	assert_ok(&e, ask(*state, "#!/bin/sh\nhead -c 5000 /dev/zero | tr '\\0' x\n", &answer, &e));
	assert_int_equal(answer.len, PASSPHRASE_MAX);
	assert_ok(&e, ask(*state, "#!/bin/sh\nread x || echo nothing to read\n", &answer, &e));
	assert_string_equal(answer.text, "nothing to read");
}

static void a_program_that_does_not(void **state)
{
	struct passphrase answer = { .len = 3, .text = "old" };
	struct err e;

	assert_refused(
		&e, ERR_CONFIG, ask(*state, "#!/bin/sh\necho secret\nexit 1\n", &answer, &e));
	assert_int_equal(answer.len, 0);
	assert_refused(&e, ERR_CONFIG, ask(*state, "#!/bin/sh\nkill -9 $$\n", &answer, &e));
	assert_refused(&e, ERR_CONFIG, ask(*state, "#!/nonexistent\n", &answer, &e));
}

/* How a program ended is not known where nobody waits for children: its answer is none. */
static void children_that_nobody_waits_for(void **state)
{
	struct passphrase answer = { .len = 3, .text = "old" };
	struct err e;

	signal(SIGCHLD, SIG_IGN);
	bool wrong = ask(*state, "#!/bin/sh\necho secret\nexit 1\n", &answer, &e);
	bool right = ask(*state, "#!/bin/sh\necho secret\n", &answer, &e);
	signal(SIGCHLD, SIG_DFL);
	assert_false(wrong || right);
	assert_int_equal(answer.len, 0);
}

/* Which program, what is wrong with it, and what would be right. */
static void no_program_to_run(void **state)
{
	const struct {
		const char *program, *says;
	} rows[] = {
		{ "askpass",
			"VPNC_IKE_ASKPASS is \"askpass\"; right would be the full path of a "
			"program, from / on" },
		{ "/nonexistent/x\033[2J",
			"VPNC_IKE_ASKPASS is \"/nonexistent/x?[2J\", which cannot "
			"be run: No such file or directory; right would be the full "
			"path of a program, or to unset it" },
		{ folder_write(*state, "plain", "#!/bin/sh\n", 10, 0600),
			"which cannot be run: Permission denied; run: chmod +x " },
		{ *state, "which cannot be run: it is a folder; right would be" },
	};
	struct err e;
	struct prompt *p = prompt_new(false, &e);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		setenv("VPNC_IKE_ASKPASS", rows[i].program, 1);
		assert_refused(&e, ERR_CONFIG, prompt_ask(p, &question, &e));
		if (!strstr(e.text, rows[i].says))
			fail_msg("%s: %s", rows[i].program, e.text);
	}
	unsetenv("VPNC_IKE_ASKPASS");
	prompt_free(p);
}

/* The account would be locked by it. Another one may follow, and the same to a question of its own. */
static void a_password_that_was_refused(void **state)
{
	static const char twice[] = "#!/bin/sh\ncat \"$(dirname \"$0\")/secret\"\n";
	static const struct {
		bool again;
		const char *says;
		bool answered;
	} rows[] = {
		{ false, "horse\n", true },
		{ true, "horse\n", false },
		{ true, "horse\n", false },
		{ true, "staple\n", true },
		{ false, "staple\n", true },
		{ true, "stapler\n", true },
		{ false, "\n", false },
		{ false, "", false },
	};
	const char *path = folder_write(*state, "askpass", twice, strlen(twice), 0700);
	struct passphrase answer;
	struct err e;
	struct prompt *p = prompt_new(false, &e);

	setenv("VPNC_IKE_ASKPASS", path, 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ask q = question;
		q.again = rows[i].again;
		folder_write(*state, "secret", rows[i].says, strlen(rows[i].says), 0600);
		bool answered = prompt_wait(p, &q, &answer, &e);
		if (answered != rows[i].answered)
			fail_msg("row %zu: %s", i, answered ? answer.text : e.text);
	}
	unsetenv("VPNC_IKE_ASKPASS");
	prompt_free(p);
}

/* A new question ends the last one; giving up ends the program. */
static void questions_end(void **state)
{
	static const char script[] = "#!/bin/sh\nsleep 60\n";
	const char *path = folder_write(*state, "askpass", script, strlen(script), 0700);
	struct passphrase answer;
	struct prompt *p;
	struct err e;
	uint32_t id;

	p = prompt_new(false, &e);
	assert_int_equal(prompt_fd(p), -1);
	setenv("VPNC_IKE_ASKPASS", path, 1);
	assert_ok(&e, prompt_ask(p, &question, &e));
	assert_true(prompt_fd(p) >= 0);
	assert_int_equal(prompt_readable(p, &id, &answer), PROMPT_PENDING);
	assert_int_equal(id, 9);
	assert_ok(&e, prompt_ask(p, &question, &e));
	unsetenv("VPNC_IKE_ASKPASS");
	prompt_free(p);
}

static void nobody_may_be_asked(void **state)
{
	static const struct {
		enum ask_kind kind;
		const char *say;
	} cases[] = {
		{ ASK_PASSWORD, "secrets.password or secrets.password-file" },
		{ ASK_PSK, "secrets.psk or secrets.psk-file" },
		{ ASK_PPK, "secrets.ppk" },
		{ ASK_USER, "secrets.user" },
		{ ASK_KEY_PASSPHRASE, "secrets.key-passphrase" },
		{ ASK_CODE, "an answer" },
	};
	struct err e;
	struct prompt *p = prompt_new(true, &e);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ask q = question;
		q.kind = cases[i].kind;
		assert_refused(&e, ERR_CONFIG, prompt_ask(p, &q, &e));
		assert_non_null(strstr(e.text, "--no-input"));
		assert_non_null(strstr(e.text, cases[i].say));
	}
	assert_int_equal(prompt_fd(p), -1);
	prompt_free(p);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(a_program_answers),
		WITH_FOLDER(a_program_that_does_not),
		WITH_FOLDER(children_that_nobody_waits_for),
		WITH_FOLDER(no_program_to_run),
		WITH_FOLDER(a_password_that_was_refused),
		WITH_FOLDER(questions_end),
		cmocka_unit_test(nobody_may_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
