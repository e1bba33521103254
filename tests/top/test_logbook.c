#include "../../src/logbook.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/test.h"

static struct logbook book;

static void add(unsigned from, unsigned to)
{
	char text[32];

	for (; from < to; from++) {
		snprintf(text, sizeof(text), "line %u", from);
		assert_true(logbook_add(&book, from % 2 ? LEVEL_INFO : LEVEL_ERROR, text, NULL));
	}
}

/* The last count lines are those up to number last. */
static void ends_with(size_t count, unsigned first, unsigned last)
{
	char *text = logbook_text(&book, count), *at = text, what[32];

	assert_non_null(text);
	for (; first < last; first++) {
		char *end = strchr(at, '\n');
		assert_non_null(end);
		*end = 0;
		snprintf(what, sizeof(what), "%s line %u", first % 2 ? "info " : "error", first);
		assert_true(
			(size_t)(end - at) == strlen("2026-01-01 00:00:00.000 ") + strlen(what));
		assert_string_equal(end - strlen(what), what);
		at = end + 1;
	}
	assert_string_equal(at, "");
	free(text);
}

static void the_last_lines(void **state)
{
	struct err e;

	(void)state;
	assert_ok(&e, logbook_open(&book, NULL, LEVEL_INFO, &e));
	ends_with(10, 0, 0);
	add(0, 3);
	ends_with(0, 0, 0);
	ends_with(2, 1, 3);
	ends_with(1000, 0, 3);
	add(3, LOGBOOK_LINES + 7);
	ends_with(5, LOGBOOK_LINES + 2, LOGBOOK_LINES + 7);
	ends_with(LOGBOOK_LINES, 7, LOGBOOK_LINES + 7);
	ends_with(SIZE_MAX, 7, LOGBOOK_LINES + 7);
	logbook_close(&book);
}

/* Under sudo: a file of who ran that, where he may write, and nowhere else. */
static void a_file_of_who_ran_sudo(void **state)
{
	char folder[] = "/tmp/vpnc-ike-test-XXXXXX", path[64];
	struct stat st;
	struct err e;

	(void)state;
	if (getuid() != 0)
		skip();
	setenv("SUDO_UID", "54321", 1);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	assert_refused(&e, ERR_CONFIG, logbook_open(&book, path, LEVEL_INFO, &e));
	assert_non_null(strstr(e.text, "who ran sudo, may not write there"));
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_refused(&e, ERR_CONFIG, logbook_open(&book, path, LEVEL_INFO, &e));
	unlink(path);
	assert_int_equal(chown(folder, 54321, 54321), 0);
	assert_ok(&e, logbook_open(&book, path, LEVEL_INFO, &e));
	add(0, 3);
	logbook_close(&book);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 54321);
	assert_int_equal(st.st_gid, 54321);
	assert_true(st.st_size > 0);
	assert_int_equal(setfsuid((uid_t)-1), 0); /* and we are who we were */
	unsetenv("SUDO_UID");
	unlink(path);
	rmdir(folder);
}

/* The level is that of the log, not only of what is shown. */
static void no_more_than_asked_for(void **state)
{
	struct err e;

	(void)state;
	assert_ok(&e, logbook_open(&book, NULL, LEVEL_ERROR, &e));
	add(0, 3);
	char *text = logbook_text(&book, 10);
	assert_null(strstr(text, "line 1"));
	assert_non_null(strstr(text, "line 0"));
	assert_non_null(strstr(text, "line 2"));
	free(text);
	book.level = LEVEL_DEBUG;
	assert_true(logbook_add(&book, LEVEL_DEBUG, "more", NULL));
	assert_true(logbook_add(&book, LEVEL_TRACE, "too much", NULL));
	text = logbook_text(&book, 1);
	assert_string_equal(text + strlen(text) - strlen("debug more\n"), "debug more\n");
	free(text);
	logbook_close(&book);
}

static void in_a_file(void **state)
{
	char name[] = "/tmp/vpnc-ike-log.XXXXXX", longest[2 * LOGBOOK_LINE_MAX];
	int fd = mkstemp(name);
	struct err e;
	size_t len;

	(void)state;
	assert_true(fd >= 0);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_ok(&e, logbook_open(&book, name, LEVEL_INFO, &e));
	add(0, 1);
	assert_true(logbook_add(&book, LEVEL_WARN, longest, NULL)); /* is cut off */
	char *file = test_file(name, &len), *text = logbook_text(&book, 2);
	assert_string_equal(file, text);
	free(file);
	free(text);
	logbook_close(&book);
	unlink(name);
	close(fd);
	assert_refused(&e, ERR_CONFIG, logbook_open(&book, "/nowhere/log", LEVEL_INFO, &e));
	logbook_close(&book);
}

static void refused(const char *path, const char *why)
{
	struct err e;

	assert_refused(&e, ERR_CONFIG, logbook_open(&book, path, LEVEL_INFO, &e));
	if (!strstr(e.text, path) || !strstr(e.text, why))
		fail_msg("%s: %s", path, e.text);
	logbook_close(&book);
}

/* Nobody need read a FIFO, and a link may lead anywhere. */
static void no_file_for_a_log(void **state)
{
	char folder[] = "/tmp/vpnc-ike-log.XXXXXX", fifo[64], name[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	snprintf(name, sizeof(name), "%s/link", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink("fifo", name), 0);
	alarm(5);
	refused(folder, "a directory");
	refused(fifo, "no file");
	refused(name, "a symbolic link");
	int reader = open(fifo, O_RDONLY | O_NONBLOCK);
	refused(fifo, "no file");
	alarm(0);
	close(reader);
	unlink(name);
	unlink(fifo);
	rmdir(folder);
}

/* Told once, and the lines in memory go on. */
static void a_full_disk(void **state)
{
	struct err e;

	(void)state;
	assert_ok(&e, logbook_open(&book, "/dev/full", LEVEL_INFO, &e));
	assert_refused(&e, ERR_LOCAL, logbook_add(&book, LEVEL_ERROR, "line 0", &e));
	assert_non_null(strstr(e.text, "No space left"));
	add(1, 3);
	ends_with(10, 0, 3);
	logbook_close(&book);
}

static void stderr_for_a_log(void **state)
{
	char text[400];
	struct err e;
	int p[2], was = dup(STDERR_FILENO);

	(void)state;
	assert_ok(&e, logbook_open(&book, "/dev/null", LEVEL_INFO, &e));
	add(0, 1);
	logbook_close(&book);
	assert_int_equal(pipe(p), 0);
	dup2(p[1], STDERR_FILENO);
	bool ok = logbook_open(&book, "/dev/stderr", LEVEL_INFO, &e);
	dup2(was, STDERR_FILENO);
	assert_ok(&e, ok);
	add(0, 1);
	logbook_close(&book);
	close(p[1]);
	ssize_t n = read(p[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = 0;
	assert_non_null(strstr(text, "error line 0\n"));
	close(p[0]);
	close(was);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_lines),
		cmocka_unit_test(no_more_than_asked_for),
		cmocka_unit_test(in_a_file),
		cmocka_unit_test(a_file_of_who_ran_sudo),
		cmocka_unit_test(no_file_for_a_log),
		cmocka_unit_test(a_full_disk),
		cmocka_unit_test(stderr_for_a_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
