#define _GNU_SOURCE
#include "edge/control.h"
#include "lib/test.h"

#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int make(void **state)
{
	char path[] = "/tmp/vpnc-ike-ctl-XXXXXX";

	*state = mkdtemp(path) ? strdup(path) : NULL;
	return *state ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int drop(void **state)
{
	int n = nftw(*state, remove_one, 4, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return n;
}

/* Somebody in another terminal. */
struct asker {
	const char *dir, *line;
	pthread_t thread;
	bool ok;
	int status;
	char *text;
	struct err e;
};

static void *ask(void *arg)
{
	struct asker *a = arg;

	a->ok = control_ask(a->dir, "office", a->line, 5000, &a->status, &a->text, &a->e);
	return NULL;
}

static void ask_start(struct asker *a, const char *dir, const char *line)
{
	*a = (struct asker){ .dir = dir, .line = line };
	assert_int_equal(pthread_create(&a->thread, NULL, ask, a), 0);
}

/* The loop: until a request is there. */
static void wait_request(struct control *c, struct control_request *rq)
{
	struct pollfd p = { .fd = control_fd(c), .events = POLLIN };

	for (;;) {
		assert_int_equal(poll(&p, 1, 5000), 1);
		if (control_next(c, rq))
			return;
	}
}

/* The loop again: until the thread has its answer. */
static void join(struct control *c, struct asker *a)
{
	struct control_request rq;

	while (pthread_tryjoin_np(a->thread, NULL) != 0) {
		struct pollfd p = { .fd = control_fd(c), .events = POLLIN };
		poll(&p, 1, 1);
		assert_false(control_next(c, &rq));
	}
}

static void a_question_and_its_answer(void **state)
{
	struct control_request rq;
	char path[200];
	struct asker a;
	struct stat st;
	struct err e;

	struct control *c = control_open(*state, "office", getuid(), &e);
	assert_non_null(c);
	snprintf(path, sizeof(path), "%s/office.sock", (char *)*state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	ask_start(&a, *state, "status --json");
	wait_request(c, &rq);
	assert_string_equal(rq.line, "status --json");
	control_reply(c, rq.client, 6, "{\"profile\":\"office\"}\n");
	control_reply(c, rq.client, 0, "a second answer is none");
	join(c, &a);
	assert_ok(&a.e, a.ok);
	assert_int_equal(a.status, 6);
	assert_string_equal(a.text, "{\"profile\":\"office\"}\n");
	free(a.text);
	control_close(c);
	assert_int_not_equal(stat(path, &st), 0);
}

/* Larger than what a socket takes at once, and cut at the limit. */
static void a_long_answer(void **state)
{
	struct control_request rq;
	struct asker a;
	struct err e;
	size_t n = CONTROL_REPLY_MAX + 1000;
	char *text = malloc(n + 1);
	struct control *c = control_open(*state, "office", getuid(), &e);

	memset(text, 'x', n);
	text[n] = 0;
	ask_start(&a, *state, "status");
	wait_request(c, &rq);
	control_reply(c, rq.client, 0, text);
	join(c, &a);
	assert_ok(&a.e, a.ok);
	assert_int_equal(strlen(a.text), CONTROL_REPLY_MAX);
	free(a.text);
	free(text);
	control_close(c);
}

static int connect_raw(const char *dir)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/office.sock", dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static bool hung_up(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void what_is_no_request(void **state)
{
	struct control_request rq;
	char big[CONTROL_LINE_MAX + 1];
	struct err e;
	struct control *c = control_open(*state, "office", getuid(), &e);

	memset(big, 'x', sizeof(big));
	const struct bytes bad[] = { { big, CONTROL_LINE_MAX }, { "sta\0tus\n", 8 } };
	for (size_t i = 0; i < 2; i++) {
		int fd = connect_raw(*state);
		assert_int_equal(write(fd, bad[i].p, bad[i].n), bad[i].n);
		assert_false(control_next(c, &rq));
		/* What was not read when it hung up makes a reset of the end. */
		char one;
		assert_true(recv(fd, &one, 1, MSG_DONTWAIT) <= 0);
		close(fd);
	}
	/* In two pieces, and the rest behind the line does not count. */
	int fd = connect_raw(*state);
	assert_int_equal(write(fd, "sta", 3), 3);
	assert_false(control_next(c, &rq));
	assert_int_equal(write(fd, "tus\nmore", 8), 8);
	assert_true(control_next(c, &rq));
	assert_string_equal(rq.line, "status");
	/* It goes away before the answer. */
	close(fd);
	assert_false(control_next(c, &rq));
	control_reply(c, rq.client, 0, "for nobody");
	control_close(c);
}

/* A crowd that says nothing pushes itself out, not those who wait for an answer. */
static void a_crowd(void **state)
{
	struct control_request rq;
	int fds[CONTROL_CLIENTS + 5];
	struct asker a;
	struct err e;
	struct control *c = control_open(*state, "office", getuid(), &e);

	ask_start(&a, *state, "rekey");
	wait_request(c, &rq);
	uint64_t waiting = rq.client;
	for (size_t i = 0; i < CONTROL_CLIENTS + 5; i++) {
		fds[i] = connect_raw(*state);
		assert_false(control_next(c, &rq));
	}
	assert_true(hung_up(fds[0]));
	assert_false(hung_up(fds[CONTROL_CLIENTS + 4]));
	control_reply(c, waiting, 0, "done\n");
	join(c, &a);
	assert_ok(&a.e, a.ok);
	assert_string_equal(a.text, "done\n");
	free(a.text);
	for (size_t i = 0; i < CONTROL_CLIENTS + 5; i++)
		close(fds[i]);
	control_close(c);
}

static void nobody_is_there(void **state)
{
	char names[4][CONTROL_NAME_MAX], *text;
	int status;
	struct err e;

	assert_refused(
		&e, ERR_SILENT, control_ask(*state, "office", "status", 1000, &status, &text, &e));
	assert_non_null(strstr(e.text, "office is not connected"));
	assert_int_equal(control_names(*state, names, 4), 0);
	assert_int_equal(control_names("/nonexistent", names, 4), 0);

	/* What a killed instance leaves behind is replaced; a living one is not. */
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/office.sock", (char *)*state);
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(dead, (struct sockaddr *)&at, sizeof(at)), 0);
	close(dead);
	assert_refused(
		&e, ERR_SILENT, control_ask(*state, "office", "status", 1000, &status, &text, &e));
	struct control *c = control_open(*state, "office", getuid(), &e);
	assert_non_null(c);
	assert_null(control_open(*state, "office", getuid(), &e));
	assert_non_null(strstr(e.text, "in use"));
	assert_int_equal(access(at.sun_path, F_OK), 0);
	struct control *d = control_open(*state, "home", getuid(), &e);
	assert_int_equal(control_names(*state, names, 4), 2);
	assert_string_equal(names[0], "home");
	assert_string_equal(names[1], "office");
	assert_int_equal(control_names(*state, names, 1), 1);
	control_close(d);
	control_close(c);
	char long_name[200];
	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = 0;
	assert_null(control_open(*state, long_name, getuid(), &e));
}

/* Somebody waits at the door, and there is no descriptor to let him in with. */
static void no_descriptor_is_left(void **state)
{
	struct control_request rq;
	struct rlimit before, none;
	struct err e;
	struct control *c = control_open(*state, "office", getuid(), &e);
	int fd = connect_raw(*state), next = dup(fd);

	assert_true(fd >= 0 && next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	alarm(10);
	assert_false(control_next(c, &rq));
	alarm(0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	close(fd);
	control_close(c);
}

/* An instance that was killed while it answered, or that does not answer at all. */
static void an_answer_that_is_not_whole(void **state)
{
	static const char *const answers[] = { "", "0 10\nshort", "0 1\nlong", "x 1\na", "0\n",
		"300 1\na", "\n" };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), status;
	struct asker a;
	struct err e;
	char *text;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/office.sock", (char *)*state);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 2), 0);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		char line[32];
		ask_start(&a, *state, "status");
		int fd = accept(listener, NULL, NULL);
		assert_true(fd >= 0);
		assert_int_equal(recv(fd, line, 7, MSG_WAITALL), 7);
		assert_int_equal(write(fd, answers[i], strlen(answers[i])), strlen(answers[i]));
		close(fd);
		pthread_join(a.thread, NULL);
		assert_false(a.ok);
		assert_null(a.text);
		assert_int_equal(a.e.kind, ERR_SILENT);
	}
	assert_refused(
		&e, ERR_SILENT, control_ask(*state, "office", "status", 20, &status, &text, &e));
	assert_string_equal(e.text, "it does not answer");
	assert_refused(&e, ERR_CONFIG,
		control_ask(*state, "office", "two\nlines", 20, &status, &text, &e));
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_question_and_its_answer, make, drop),
		cmocka_unit_test_setup_teardown(a_long_answer, make, drop),
		cmocka_unit_test_setup_teardown(what_is_no_request, make, drop),
		cmocka_unit_test_setup_teardown(a_crowd, make, drop),
		cmocka_unit_test_setup_teardown(no_descriptor_is_left, make, drop),
		cmocka_unit_test_setup_teardown(nobody_is_there, make, drop),
		cmocka_unit_test_setup_teardown(an_answer_that_is_not_whole, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
