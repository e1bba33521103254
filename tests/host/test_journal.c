/* The run directory: names, locks, slots and what a journal says is still set up. */
#include "../../src/host/priv.h"
#include "lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[64];
static int dir;
static struct err e;

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/vpnc-ike-test-XXXXXX");
	if (!mkdtemp(path))
		return -1;
	dir = run_dir_open(path, &e);
	return dir >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const files[] = { "a.journal", "b.journal", "a.lock", "b.lock", "c.lock",
		".lock" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlinkat(dir, files[i], 0);
	close(dir);
	return rmdir(path);
}

static void append(const char *file, const char *text)
{
	int fd = openat(dir, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void names_stay_in_the_directory(void **state)
{
	(void)state;
	assert_true(instance_name_ok("office"));
	assert_true(instance_name_ok("b\xc3\xbcro-2.x"));
	assert_false(instance_name_ok(""));
	assert_false(instance_name_ok("../etc"));
	assert_false(instance_name_ok(".lock"));
	assert_false(instance_name_ok("a b"));
	assert_false(instance_name_ok("a\nb"));
	assert_true(instance_name_ok(
		"0123456789012345678901234567890123456789012345678901234567890123"));
	assert_false(instance_name_ok(
		"01234567890123456789012345678901234567890123456789012345678901234"));
}

static void directory_of_others_is_refused(void **state)
{
	(void)state;
	assert_int_equal(chmod(path, 0770), 0);
	assert_int_equal(run_dir_open(path, &e), -1);
	assert_int_equal(e.kind, ERR_LOCAL);
	assert_non_null(strstr(e.text, "writable for nobody else"));
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(run_dir_open("/proc/no-such-folder", &e), -1);
	assert_int_equal(e.kind, ERR_LOCAL);
}

static void journal_tells_what_is_still_set_up(void **state)
{
	struct journal_lines lines;
	struct journal j;

	(void)state;
	assert_ok(&e, journal_read(dir, "a", &lines, &e)); /* there is none */
	assert_int_equal(lines.n, 0);
	assert_ok(&e, journal_open(&j, dir, "a", &e));
	assert_ok(&e, journal_add(&j, &e, "rule v%d", 4));
	assert_ok(&e, journal_add(&j, &e, "sysctl /x %d", 1));
	assert_ok(&e, journal_add(&j, &e, "rule v%d", 6));
	journal_undone(&j, "rule v4");
	assert_ok(&e, journal_add(&j, &e, "rule v%d", 4));
	journal_undone(&j, "never there");
	journal_close(&j);
	append("a.journal", "+ torn");
	assert_ok(&e, journal_read(dir, "a", &lines, &e));
	assert_int_equal(lines.n, 3);
	assert_string_equal(lines.v[0], "sysctl /x 1");
	assert_string_equal(lines.v[1], "rule v6");
	assert_string_equal(lines.v[2], "rule v4");
}

static void damaged_journal_is_an_error(void **state)
{
	struct journal_lines lines;
	struct journal j;
	char line[JOURNAL_LINE_MAX + 1];

	(void)state;
	append("a.journal", "+ rule v4\nwhat?\n");
	assert_refused(&e, ERR_LOCAL, journal_read(dir, "a", &lines, &e));
	for (int i = 0; i <= JOURNAL_LINES_MAX; i++)
		append("b.journal", "+ line\n");
	assert_refused(&e, ERR_LOCAL, journal_read(dir, "b", &lines, &e));
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	assert_ok(&e, journal_open(&j, dir, "a", &e));
	assert_refused(&e, ERR_LOCAL, journal_add(&j, &e, "%s", line));
	journal_close(&j);
}

/* Its lines come to nothing, but they are many. */
static void a_long_journal_is_read_to_its_end(void **state)
{
	struct journal_lines lines;
	FILE *f = fdopen(openat(dir, "a.journal", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "w");

	(void)state;
	assert_non_null(f);
	fputs("+ policies 1234\n", f);
	for (int i = 0; i < 30000; i++)
		fputs("+ rule v4 1373 table 47000\n- rule v4 1373 table 47000\n", f);
	assert_int_equal(fclose(f), 0);
	assert_ok(&e, journal_read(dir, "a", &lines, &e));
	assert_int_equal(lines.n, 1);
}

/* What cannot be known is not nothing. */
static void unreadable_is_not_empty(void **state)
{
	struct journal_lines lines;
	unsigned slot;

	(void)state;
	assert_int_equal(symlinkat("elsewhere", dir, "a.journal"), 0);
	assert_refused(&e, ERR_LOCAL, journal_read(dir, "a", &lines, &e));
	assert_non_null(strstr(e.text, "a.journal"));
	assert_true(journal_shared(dir, "b", "sysctl /x 1"));
	unlinkat(dir, "a.journal", 0);
	assert_int_equal(mkdirat(dir, "a.journal", 0700), 0);
	assert_refused(&e, ERR_LOCAL, journal_read(dir, "a", &lines, &e));
	unlinkat(dir, "a.journal", AT_REMOVEDIR);
	assert_int_equal(symlinkat("elsewhere", dir, "b.lock"), 0);
	assert_refused(&e, ERR_LOCAL, slot_find(dir, "a", &slot, &e));
}

/* The disk is full for a while. */
static void a_line_cut_short_is_not_there(void **state)
{
	struct rlimit few = { 40, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	struct journal_lines lines;
	struct journal j;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_ok(&e, journal_open(&j, dir, "a", &e));
	assert_ok(&e, journal_add(&j, &e, "netns 4026531840"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	assert_refused(&e, ERR_LOCAL, journal_add(&j, &e, "rule v4 1373 table 47000"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_ok(&e, journal_add(&j, &e, "policies 1987079680"));
	journal_undone(&j, "policies 1987079680");
	journal_close(&j);
	assert_ok(&e, journal_read(dir, "a", &lines, &e));
	assert_int_equal(lines.n, 1);
	assert_string_equal(lines.v[0], "netns 4026531840");
}

static void shared_lines_are_found(void **state)
{
	(void)state;
	append("a.journal", "+ sysctl /x 1\n+ sysctl /y 1\n");
	append("b.journal", "+ sysctl /x 1\n+ sysctl /y 1\n- sysctl /y 1\n");
	assert_true(journal_shared(dir, "a", "sysctl /x 1"));
	assert_false(journal_shared(dir, "a", "sysctl /y 1"));
	assert_true(journal_shared(dir, "b", "sysctl /y 1"));
	assert_false(journal_shared(dir, "a", "sysctl /z 1"));
}

static void lock_names_its_owner_and_slot(void **state)
{
	struct lock_info info;
	unsigned slot;
	bool live;

	(void)state;
	int fd = instance_lock(dir, "a", &info, &live, &e);
	assert_true(fd >= 0);
	assert_ok(&e, slot_find(dir, "a", &slot, &e));
	assert_int_equal(slot, 0);
	info = (struct lock_info){ .pid = 4711, .slot = slot };
	assert_ok(&e, instance_lock_write(fd, &info, &e));
	assert_int_equal(instance_lock(dir, "a", &info, &live, &e), -1);
	assert_true(live);
	assert_int_equal(info.pid, 4711);
	for (size_t i = 0; i < 2; i++) {
		static const char *const gateways[] = { "2001:db8:ffff:ffff:ffff:ffff:ffff:1",
			"192.0.2.1" };
		struct addr to, other;
		assert_true(addr_parse(&to, gateways[i]) && addr_parse(&other, gateways[!i]));
		info = (struct lock_info){ .pid = getpid(), .slot = slot, .gateway = to };
		assert_ok(&e, instance_lock_write(fd, &info, &e));
		assert_true(instances_share(dir, "b", &to));
		assert_false(instances_share(dir, "a", &to));
		assert_false(instances_share(dir, "b", &other));
		info.pid = INT32_MAX - 1; /* nobody's */
		assert_ok(&e, instance_lock_write(fd, &info, &e));
		assert_false(instances_share(dir, "b", &to));
	}
	info = (struct lock_info){ .pid = 4711, .slot = slot };
	assert_ok(&e, instance_lock_write(fd, &info, &e));
	append("b.lock", "12 1\n"); /* dead, but not cleaned up: its slot is not free */
	append("c.lock", "what\n");
	assert_ok(&e, slot_find(dir, "x", &slot, &e));
	assert_int_equal(slot, 2);
	close(fd);
	fd = instance_lock(dir, "a", &info, &live, &e);
	assert_true(fd >= 0);
	close(fd);
}

/* Who had it removes it while we wait for it. */
static void a_lock_that_was_removed_is_none(void **state)
{
	int ready[2];
	struct stat st;
	char byte;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = run_dir_lock(dir, &e);
		bool told = write(ready[1], "x", 1) == 1;
		usleep(200000);
		unlinkat(dir, ".lock", 0);
		_exit(fd < 0 || !told);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	int fd = run_dir_lock(dir, &e);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fd);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stay_in_the_directory),
		cmocka_unit_test_setup_teardown(directory_of_others_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			journal_tells_what_is_still_set_up, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_journal_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_journal_is_read_to_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(unreadable_is_not_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_cut_short_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(shared_lines_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(lock_names_its_owner_and_slot, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lock_that_was_removed_is_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
