/*
 * The prompt as a person has it, on a terminal of its own: a child process runs it, and the test
 * types and looks at what comes.
 */
#define _GNU_SOURCE
#include "cli/repl.h"
#include "cli/patience.h"
#include "folder.h"
#include "lib/test.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../src/cli/editor.h"

enum { SCREEN_MAX = 65536, PATIENCE_MS = 5000 };

/* --- what runs in the child: says what it gets ------------------------------------------------- */

static const char *question = "Password";

static void react(struct repl *r, const struct repl_input *in, bool *end)
{
	struct ask q = { .id = 5, .kind = ASK_PASSWORD };
	struct err e;

	snprintf(q.prompt, sizeof(q.prompt), "%s", question);

	switch (in->event) {
	case REPL_NOTHING:
		break;
	case REPL_LINE:
		repl_printf(r, "line <%s>", in->line);
		if (strcmp(in->line, "ask") == 0 && !repl_ask(r, &q, &e))
			repl_printf(r, "nobody: %s", e.text);
		if (strcmp(in->line, "event") == 0)
			repl_printf(r, "an event");
		if (strcmp(in->line, "traffic") == 0) {
			repl_wait_key(r, true);
			repl_live(r, "in 1 B/s");
		}
		if (strcmp(in->line, "rekey") == 0)
			repl_hold(r, true);
		*end = strcmp(in->line, "down") == 0;
		break;
	case REPL_LEAVE:
		repl_printf(r, "leave");
		*end = true;
		break;
	case REPL_ANSWER:
		repl_printf(r, "answer %u has %zu", in->id, in->answer.len);
		break;
	case REPL_REFUSED:
		repl_printf(r, "refused %u", in->id);
		break;
	case REPL_KEY:
		repl_printf(r, "key");
		break;
	}
}

/* SIGUSR1 stands for an event of the session. */
static volatile sig_atomic_t event;

static void on_event(int signo)
{
	(void)signo;
	event = 1;
}

/* Still connecting: there is no prompt yet, and what happens is a question. */
static bool connecting;
static bool asks; /* ... and it is one later as well */

static void happen(struct repl *r)
{
	struct ask q = { .id = 5, .kind = ASK_PASSWORD, .prompt = "Password" };
	struct err e;

	repl_printf(r, "an event from outside");
	if (!connecting && !asks)
		repl_hold(r, false);
	else if (!repl_ask(r, &q, &e))
		repl_printf(r, "nobody: %s", e.text);
}

static bool no_libedit;

static void begin(struct repl *r)
{
	struct rlimit all, few;

	getrlimit(RLIMIT_NOFILE, &all);
	few = (struct rlimit){ .rlim_cur = STDERR_FILENO + 1, .rlim_max = all.rlim_max };
	if (no_libedit)
		setrlimit(RLIMIT_NOFILE, &few); /* no file can be opened */
	repl_start(r);
	setrlimit(RLIMIT_NOFILE, &all);
}

static int run(void)
{
	struct repl_config config = { .profile = "office" };
	struct repl_input in;
	struct err e;
	bool end = false;

	/* Taken while waiting only, so that none is missed. cmocka's handlers are the parent's. */
	sigset_t usr1, before;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &before);
	signal(SIGUSR1, on_event);
	signal(SIGSEGV, SIG_DFL);
	struct repl *r = repl_open(&config, &e);
	if (!r)
		return 1;
	repl_printf(r, connecting ? "connecting" : "connected");
	if (!connecting)
		begin(r);
	while (!end) {
		struct pollfd p = { .fd = repl_fd(r), .events = POLLIN };
		static const struct timespec patience = { .tv_sec = PATIENCE_MS / 1000 };
		if (ppoll(&p, 1, &patience, &before) == 0)
			break;
		if (event)
			happen(r);
		event = 0;
		while (!end && repl_next(r, &in))
			react(r, &in, &end);
	}
	repl_close(r);
	return 0;
}

/* --- the terminal ------------------------------------------------------------------------------ */

struct screen {
	int fd;
	pid_t child;
	char *folder;
	struct termios before;
	size_t n, seen; /* what came, and how much of it was looked at */
	char text[SCREEN_MAX];
};

static const char *terminal = "xterm";

static void start(struct screen *s, char *folder)
{
	*s = (struct screen){ .folder = folder };
	struct winsize size = { .ws_row = 24, .ws_col = 40 };
	int pair[2];
	assert_int_equal(openpty(&pair[0], &pair[1], NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(pair[1], &s->before), 0);
	close(pair[0]);
	close(pair[1]);
	s->child = forkpty(&s->fd, NULL, &s->before, &size);
	assert_true(s->child >= 0);
	if (s->child == 0) {
		setenv("TERM", terminal, 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		setenv("XDG_STATE_HOME", folder, 1);
		unsetenv("VPNC_IKE_ASKPASS");
		_exit(run());
	}
}

static void type(struct screen *s, const char *keys)
{
	assert_int_equal(write(s->fd, keys, strlen(keys)), strlen(keys));
}

/* Waits until this comes; what was there before does not count again. */
static void expect(struct screen *s, const char *want)
{
	const char *found;

	while (!(found = strstr(s->text + s->seen, want))) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		ssize_t n = poll(&p, 1, PATIENCE_MS) == 1 ?
			read(s->fd, s->text + s->n, SCREEN_MAX - 1 - s->n) :
			-1;
		if (n <= 0) {
			kill(s->child, SIGKILL);
			fail_msg("<%s> did not come; what came: <%s>", want, s->text + s->seen);
		}
		s->n += (size_t)n;
	}
	s->seen = (size_t)(found - s->text) + strlen(want);
}

static void finish(struct screen *s)
{
	struct termios after;
	int status;

	assert_int_equal(tcgetattr(s->fd, &after), 0);
	assert_int_equal(waitpid(s->child, &status, 0), s->child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(s->fd);
}

static void lines_and_leaving(void **state)
{
	struct screen *s = calloc(1, sizeof(*s));

	start(s, *state);
	expect(s, "connected");
	expect(s, "office> ");
	type(s, "status\r");
	expect(s, "line <status>");
	expect(s, "office> ");
	type(s, "\r");
	expect(s, "line <>");
	/* Tab: one word, many, none. */
	type(s, "stat\t\r");
	expect(s, "line <status >");
	type(s, "re\t");
	expect(s, "rekey  reconnect");
	expect(s, "office> re");
	type(s, "k\tc\t\r");
	expect(s, "line <rekey child >");
	/* Where a blank follows it is the one behind the word. */
	type(s, "reke all\x1b[D\x1b[D\x1b[D\x1b[D\ty\r");
	expect(s, "line <rekey yall>");
	/* Ctrl-C cancels the line, and on an empty one it leaves. */
	type(s, "half a\x01\x03"); /* from its beginning */
	expect(s, "half a^C");
	expect(s, "office> ");
	type(s, "gr\xc3\xbc\xc3\x9f\x7f\r");
	expect(s, "line <gr\xc3\xbc>");
	type(s, "x\x04\x7f\x03");
	expect(s, "leave");
	finish(s);
	free(s);
}

/* Lines as the terminal edits them, and Ctrl-D as everywhere. */
static void lines_without_libedit(void **state)
{
	struct screen *s = calloc(1, sizeof(*s));

	no_libedit = true;
	start(s, *state);
	no_libedit = false;
	expect(s, "connected");
	expect(s,
		"warning: libedit (Debian: libedit2), which edits lines, cannot be opened: libedit.so.");
	expect(s, "; commands are read line by line");
	type(s, "statsu\x7f\x7fus\r");
	expect(s, "line <status>");
	type(s, "ask\r");
	expect(s, "Password: ");
	type(s, "tr0ub4dor\r");
	expect(s, "answer 5 has 9");
	assert_null(strstr(s->text, "ub4dor"));
	type(s, "down soon\r");
	expect(s, "down soon\r\nline <down soon>");
	type(s, "\x04");
	expect(s, "leave");
	finish(s);
	free(s);
}

static void events_come_above_the_line(void **state)
{
	struct screen *s = calloc(1, sizeof(*s));

	start(s, *state);
	expect(s, "office> ");
	type(s, "reconn");
	expect(s, "reconn");
	kill(s->child, SIGUSR1);
	expect(s, "\r\x1b[Jan event from outside");
	expect(s, "office> reconn");
	type(s, "ect\r");
	expect(s, "line <reconnect>");
	/* A line of more than one row of the screen, which has 40 columns. */
	type(s, "012345678901234567890123456789012345678Z");
	expect(s, "Z");
	kill(s->child, SIGUSR1);
	expect(s, "\x1b[A\r\x1b[Jan event from outside");
	expect(s, "office> 0123");
	type(s, "\r");
	expect(s, "line <012345678901234567890123456789012345678Z>");
	type(s, "\x04");
	expect(s, "leave");
	finish(s);
	free(s);
}

/* At the prompt; each event is a question. */
static struct screen *start_asking(char *folder)
{
	struct screen *s = calloc(1, sizeof(*s));

	asks = true;
	start(s, folder);
	asks = false;
	expect(s, "office> ");
	return s;
}

/* A question while a line is being typed: what was typed is there afterwards, and is no part of the answer, nor
 * is what the fingers still did before the eyes saw the question. */
static void a_question_disturbs_no_line(void **state)
{
	struct screen *s = start_asking(*state);

	type(s, "reconn");
	expect(s, "reconn");
	kill(s->child, SIGUSR1);
	expect(s, "office> reconn");
	expect(s, "\r\x1b[JPassword: ");
	type(s, "ect\r");
	expect(s, "\r\nPassword: ");
	type(s, "secret\r");
	expect(s, "answer 5 has 6");
	expect(s, "office> reconn");
	kill(s->child, SIGUSR1);
	expect(s, "\r\x1b[JPassword: ");
	type(s, "ec");
	nanosleep(&(struct timespec){ .tv_nsec = 700 * 1000 * 1000 }, NULL);
	type(s, "hidden\r");
	expect(s, "answer 5 has 6");
	expect(s, "office> reconn");
	kill(s->child, SIGUSR1);
	expect(s, "\r\x1b[JPassword: ");
	type(s, "e\x03");
	expect(s, "refused 5");
	expect(s, "office> reconn");
	type(s, "ect\r");
	expect(s, "line <reconnect>");
	type(s, "down\r");
	expect(s, "line <down>");
	finish(s);
	free(s);
}

/* Nor the key that ends the live line, and what comes is on a row of its own. */
static void a_question_ends_the_live_line(void **state)
{
	struct screen *s = start_asking(*state);

	type(s, "traffic\r");
	expect(s, "in 1 B/s");
	kill(s->child, SIGUSR1);
	expect(s, "an event from outside");
	expect(s, "Password: ");
	type(s, "q\r");
	expect(s, "\r\nPassword: ");
	type(s, "secret\r");
	expect(s, "answer 5 has 6");
	expect(s, "office> ");
	type(s, "down\r");
	expect(s, "line <down>");
	finish(s);
	free(s);
}

/* What was typed while a command was waited for may have been for the question: nobody sees it later. */
static void a_question_while_held(void **state)
{
	struct screen *s = start_asking(*state);

	type(s, "rekey\r");
	expect(s, "line <rekey>");
	type(s, "early");
	nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000 * 1000 }, NULL);
	kill(s->child, SIGUSR1);
	expect(s, "Password: ");
	type(s, "bird\r");
	expect(s, "\r\nPassword: ");
	type(s, "secret\r");
	expect(s, "answer 5 has 6");
	type(s, "\x03");
	expect(s, "leave");
	assert_null(strstr(s->text, "early"));
	assert_null(strstr(s->text, "bird"));
	finish(s);
	free(s);
}

static void secrets_are_not_echoed(void **state)
{
	struct screen *s = calloc(1, sizeof(*s));

	start(s, *state);
	expect(s, "office> ");
	type(s, "ask\r");
	expect(s, "Password: ");
	kill(s->child, SIGUSR1);
	expect(s, "an event from outside");
	expect(s, "Password: ");
	type(s,
		"tr\xc3\xbcxy\x7f\x7f\x7f\x7f"
		"0\x15"
		"tr0ub4dor\r");
	expect(s, "answer 5 has 9");
	expect(s, "office> ");
	assert_null(strstr(s->text, "ub4dor"));
	assert_null(strstr(s->text, "xy"));
	type(s, "ask\r");
	expect(s, "Password: ");
	/* Arrows, Delete, F1, Alt and a lone Escape; a word; nothing, and nothing but a key without meaning. */
	type(s, "\r");
	expect(s, "Password: ");
	type(s, "\x1b[A\x1b[3~\x1bOP\x1b[1;5D\x01\r");
	expect(s, "Password: ");
	type(s,
		"horse staple \x17"
		"battery\x17\x1b[D\x1b"
		"b\x1b\x1b"
		"cde\r");
	expect(s, "answer 5 has 10");
	expect(s, "office> ");
	type(s, "ask\r");
	expect(s, "Password: ");
	type(s, "x\x03");
	expect(s, "refused 5");
	expect(s, "office> ");
	type(s, "ask\r");
	expect(s, "Password: ");
	type(s, "\x04");
	expect(s, "refused 5");
	type(s, "down\r");
	expect(s, "line <down>");
	finish(s);
	free(s);
}

/* Typed before it is asked for, or between two questions. */
static void what_is_typed_too_early_is_not_echoed(void **state)
{
	struct screen *s = calloc(1, sizeof(*s));

	connecting = true;
	start(s, *state);
	connecting = false;
	expect(s, "connecting");
	type(s, "tr0ub4dor\r");
	kill(s->child, SIGUSR1);
	expect(s, "answer 5 has 9");
	type(s, "ub4\r");
	kill(s->child, SIGUSR1);
	expect(s, "answer 5 has 3");
	assert_null(strstr(s->text, "ub4"));
	kill(s->child, SIGUSR1);
	expect(s, "Password: ");
	type(s, "x\x03");
	expect(s, "leave");
	finish(s);
	free(s);
}

static void commands_wait_and_ctrl_c_does_not(void **state)
{
	struct screen *s = calloc(1, sizeof(*s));

	start(s, *state);
	expect(s, "office> ");
	type(s, "rekey\r");
	expect(s, "line <rekey>");
	type(s, "status\r");
	kill(s->child, SIGUSR1);
	expect(s, "an event from outside");
	expect(s, "office> ");
	expect(s, "line <status>");
	type(s, "rekey\r");
	expect(s, "line <rekey>");
	type(s, "x\x03");
	expect(s, "leave");
	finish(s);
	free(s);
}

static void any_key_ends_the_live_line(void **state)
{
	struct screen *s = calloc(1, sizeof(*s));

	start(s, *state);
	expect(s, "office> ");
	type(s, "traffic\r");
	expect(s, "in 1 B/s");
	type(s, "x");
	expect(s, "key");
	expect(s, "office> ");
	type(s, "down\r");
	expect(s, "line <down>");
	finish(s);
	free(s);
}

/* All rows of it, in a window of forty columns. */
static void a_question_of_several_rows(void **state)
{
	struct screen *s = calloc(1, sizeof(*s));

	question =
		"Code from the message that was sent to gr\xc3\xbc\xc3\x9f@example.org, six digits, "
		"please, and no more";
	start(s, *state);
	expect(s, "office> ");
	type(s, "ask\r");
	expect(s, "no more: ");
	kill(s->child, SIGUSR1);
	expect(s, "\033[A\033[A\r\033[Jan event from outside");
	expect(s, "no more: ");
	question = "Password";
	type(s, "123456\r");
	expect(s, "answer 5 has 6");
	type(s, "down\r");
	expect(s, "line <down>");
	finish(s);
	free(s);
}

/* What comes stands below what is there. */
static void a_terminal_that_erases_nothing(void **state)
{
	struct screen *s = calloc(1, sizeof(*s));

	terminal = "dumb";
	start(s, *state);
	terminal = "xterm";
	expect(s, "office> ");
	type(s, "sta");
	expect(s, "sta");
	kill(s->child, SIGUSR1);
	expect(s, "\r\nan event from outside");
	expect(s, "office> sta");
	type(s, "tus\r");
	expect(s, "line <status>");
	type(s, "traffic\r");
	expect(s, "in 1 B/s\r\n");
	type(s, "x");
	expect(s, "key");
	type(s, "ask\r");
	expect(s, "Password: ");
	kill(s->child, SIGUSR1);
	expect(s, "\r\nan event from outside");
	expect(s, "Password: ");
	type(s, "x\r");
	expect(s, "answer 5 has 1");
	type(s, "down\r");
	expect(s, "line <down>");
	finish(s);
	assert_null(strchr(s->text, '\033'));
	free(s);
}

static void history_is_kept_without_secrets(void **state)
{
	struct screen *s = calloc(1, sizeof(*s));
	char path[1024];
	struct stat st;
	size_t len;

	start(s, *state);
	expect(s, "office> ");
	type(s, "rekey child\r");
	expect(s, "line <rekey child>");
	type(s, "hunter2\r"); /* typed where a password was thought to be wanted */
	expect(s, "line <hunter2>");
	type(s, "down\r");
	expect(s, "line <down>");
	finish(s);
	snprintf(path, sizeof(path), "%s/vpnc-ike/history", (char *)*state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	char *text = test_file(path, &len);
	assert_string_equal(text, "rekey child\ndown\n");
	free(text);
	start(s, *state);
	expect(s, "office> ");
	type(s, "\x1b[A\x1b[A\r");
	expect(s, "line <rekey child>");
	type(s, "\x1b");
	type(s, "[A\r"); /* in two pieces, as a slow line brings it */
	expect(s, "line <rekey child>");
	type(s, "\x04");
	expect(s, "leave");
	finish(s);
	free(s);
}

static void expect_history(const char *folder, const char *want)
{
	char path[1024];
	size_t len;

	snprintf(path, sizeof(path), "%s/vpnc-ike/history", folder);
	char *text = test_file(path, &len);
	assert_string_equal(text, want);
	free(text);
}

/* Whoever ends last adds to what the other has kept, and five hundred lines are enough. */
static void two_prompts_keep_one_history(void **state)
{
	static struct screen screens[2]; /* the children have them as well, and do not free them */
	struct screen *one = &screens[0], *two = &screens[1];
	char line[32], before[500 * sizeof(line)] = "", want[sizeof(before)];

	start(one, *state);
	expect(one, "office> ");
	start(two, *state);
	expect(two, "office> ");
	type(one, "routes\r");
	expect(one, "line <routes>");
	type(two, "dns\r");
	expect(two, "line <dns>");
	type(two, "down\r");
	expect(two, "line <down>");
	finish(two);
	expect_history(*state, "dns\ndown\n");
	type(one, "down\r");
	expect(one, "line <down>");
	finish(one);
	expect_history(*state, "dns\ndown\nroutes\ndown\n");

	for (int i = 0; i < 500; i++) {
		snprintf(line, sizeof(line), "log %d\n", i + 1);
		strcat(before, line);
	}
	folder_text(*state, "vpnc-ike/history", before);
	start(one, *state);
	expect(one, "office> ");
	type(one, "down\r");
	expect(one, "line <down>");
	finish(one);
	snprintf(want, sizeof(want), "%sdown\n", before + strlen("log 1\n"));
	expect_history(*state, want);
}

static void the_terminal_comes_back(void **state)
{
	static const int signals[] = { SIGTERM, SIGSEGV };
	struct screen *s = calloc(1, sizeof(*s));
	struct termios now;
	int status;

	for (size_t i = 0; i < 2; i++) {
		start(s, *state);
		expect(s, "office> ");
		assert_int_equal(tcgetattr(s->fd, &now), 0);
		assert_false(now.c_lflag & (ICANON | ECHO | ISIG));
		kill(s->child, signals[i]);
		assert_int_equal(waitpid(s->child, &status, 0), s->child);
		/* A sanitizer that was there first may end it in its own way. */
		assert_true(WIFSIGNALED(status) || WIFEXITED(status));
		if (WIFSIGNALED(status)) {
			assert_int_equal(tcgetattr(s->fd, &now), 0);
			assert_int_equal(now.c_lflag, s->before.c_lflag);
		}
		close(s->fd);
	}
	free(s);
}

/* --- without a terminal ------------------------------------------------------------------------ */

/* Runs the child with stdin as given; returns what it printed. */
static char *run_plain(int in, char *folder)
{
	static char text[8192];
	size_t n = 0;
	ssize_t got;
	int out[2], status;

	assert_int_equal(pipe(out), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setenv("XDG_STATE_HOME", folder, 1);
		dup2(in, 0);
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		_exit(run());
	}
	close(out[1]);
	while ((got = read(out[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	close(out[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	return text;
}

static void a_script_on_stdin(void **state)
{
	char big[3000];
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "status\r\nevent\n\ntraffic\ndown\nnever\n", 34), 34);
	close(p[1]);
	assert_string_equal(run_plain(p[0], *state),
		"connected\nline <status>\nline <event>\nan event\nline <>\nline <traffic>\nin 1 B/s\nkey\nline <down>\n");
	close(p[0]);

	/* A line that is too long is dropped whole, and what follows is not. */
	memset(big, 'x', sizeof(big));
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], big, sizeof(big)), sizeof(big));
	assert_int_equal(write(p[1], "\ndown", 5), 5);
	close(p[1]);
	assert_string_equal(run_plain(p[0], *state), "connected\nline <down>\n");
	close(p[0]);
}

/* epoll takes neither of these. */
static void a_file_on_stdin(void **state)
{
	const char *path = folder_text(*state, "script", "status\ndown\n");
	int fd = open(path, O_RDONLY);

	assert_string_equal(run_plain(fd, *state), "connected\nline <status>\nline <down>\n");
	close(fd);
}

/* There is no prompt where nobody would see it, and Ctrl-D leaves all the same. */
static void a_terminal_on_stdin_alone(void **state)
{
	int pair[2];

	assert_int_equal(openpty(&pair[0], &pair[1], NULL, NULL, NULL), 0);
	assert_int_equal(write(pair[0], "status\r\x04", 8), 8);
	assert_string_equal(run_plain(pair[1], *state), "connected\nline <status>\nleave\n");
	close(pair[0]);
	close(pair[1]);
}

/* All there is; the end that is written to is shared. */
static char *drain(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char *text = calloc(1, 4 * SCREEN_MAX);
	size_t n = 0;

	while (text && poll(&p, 1, 0) == 1) {
		ssize_t got = read(fd, text + n, 4 * SCREEN_MAX - 1 - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return text;
}

/* In a child, whose stdout and stderr are pipes that only it reads itself. The status says what went wrong. */
static int unread(void)
{
	struct repl_config config = { .profile = "office", .quiet = true };
	static char octets[4096], much[3 * SCREEN_MAX];
	int out[2], err[2];
	struct err e;

	memset(much, 'x', sizeof(much) - 1);
	if (pipe(out) < 0 || pipe(err) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0)
		return 1;
	fcntl(out[1], F_SETFL, O_NONBLOCK);
	while (write(out[1], octets, sizeof(octets)) > 0)
		;
	fcntl(out[1], F_SETFL, 0);
	alarm(PATIENCE_MS / 1000); /* ends who waits */
	struct repl *r = repl_open(&config, &e);
	if (!r)
		return 2;
	repl_printf(r, "not this");
	repl_printf(r, "nor this");
	free(drain(out[0]));
	patience_begin();
	repl_print(r, much); /* it begins when there is room */
	patience_end();
	char *cut = drain(out[0]), *told = drain(err[0]);
	if (!cut || strlen(cut) == 0 || strlen(cut) >= strlen(much))
		return 3;
	if (!told || !strstr(told, "2 messages were left out"))
		return 4;
	repl_printf(r, "again");
	char *after = drain(out[0]), *told_again = drain(err[0]);
	if (!after || strcmp(after, "\nagain\n") != 0)
		return 5;
	if (!told_again || !strstr(told_again, "1 message was left out"))
		return 6;
	repl_close(r);
	free(cut);
	free(told);
	free(after);
	free(told_again);
	return 0;
}

static void what_nobody_reads_is_left_out(void **state)
{
	int status;

	(void)state;
	fflush(stdout);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(unread());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void keys(void **state)
{
	static const struct {
		const char *in;
		size_t want;
	} cases[] = {
		{ "", 0 },
		{ "a", 1 },
		{ "ab", 1 },
		{ "\x03", 1 },
		{ "\xc3", 0 },
		{ "\xc3\xbc", 2 },
		{ "\xf0\x9f\x94", 0 },
		{ "\xf0\x9f\x94\x92", 4 },
		{ "\xbc", 1 },
		{ "\x1b", 0 },
		{ "\x1b"
		  "b",
			2 },
		{ "\x1b[", 0 },
		{ "\x1b[A", 3 },
		{ "\x1b[1;5", 0 },
		{ "\x1b[1;5C", 6 },
		{ "\x1bOP", 3 },
		{ "\x1bO", 0 },
		{ "\x1b[[A", 4 },
		{ "\x1b[[", 0 },
		{ "\x1b[3~x", 4 },
		{ "\x1b\xc3\xbc", 3 },
		{ "\x1b[11111111111111111111111111111111111111", 32 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(editor_key_len(cases[i].in, strlen(cases[i].in)), cases[i].want);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(what_nobody_reads_is_left_out),
		WITH_FOLDER(lines_and_leaving),
		WITH_FOLDER(lines_without_libedit),
		WITH_FOLDER(events_come_above_the_line),
		WITH_FOLDER(a_question_disturbs_no_line),
		WITH_FOLDER(secrets_are_not_echoed),
		WITH_FOLDER(what_is_typed_too_early_is_not_echoed),
		WITH_FOLDER(commands_wait_and_ctrl_c_does_not),
		WITH_FOLDER(any_key_ends_the_live_line),
		WITH_FOLDER(a_question_ends_the_live_line),
		WITH_FOLDER(a_question_while_held),
		WITH_FOLDER(a_question_of_several_rows),
		WITH_FOLDER(a_terminal_that_erases_nothing),
		WITH_FOLDER(history_is_kept_without_secrets),
		WITH_FOLDER(two_prompts_keep_one_history),
		WITH_FOLDER(the_terminal_comes_back),
		WITH_FOLDER(a_script_on_stdin),
		WITH_FOLDER(a_file_on_stdin),
		WITH_FOLDER(a_terminal_on_stdin_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
