#include "cli/user.h"
#include "lib/test.h"

#include <stdlib.h>
#include <unistd.h>

/* A user of a directory service that does not answer, or of another machine. */
static void without_an_entry(void **state)
{
	static const struct {
		const char *gid;
		gid_t is;
	} rows[] = { { "777", 777 }, { "0", 54321 }, { "", 54321 }, { "12x", 54321 },
		{ NULL, 54321 } };
	struct user u;

	(void)state;
	if (getuid() != 0)
		skip();
	setenv("SUDO_UID", "54321", 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsetenv("SUDO_GID");
		if (rows[i].gid)
			setenv("SUDO_GID", rows[i].gid, 1);
		user_invoking(&u);
		assert_int_equal(u.uid, 54321);
		assert_int_equal(user_uid(), 54321);
		assert_int_equal(u.gid, rows[i].is);
		assert_string_equal(u.name, "");
		assert_string_equal(u.home, "");
	}
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
}

/* Whose entry tells is not asked for more, and who is root himself stays it. */
static void with_an_entry(void **state)
{
	struct user u;

	(void)state;
	if (getuid() != 0)
		skip();
	setenv("SUDO_GID", "777", 1);
	user_invoking(&u);
	assert_int_equal(u.uid, 0);
	assert_int_equal(u.gid, 0);
	setenv("SUDO_UID", "0", 1);
	user_invoking(&u);
	assert_int_equal(u.gid, 0);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
}

/* By sudo HOME may be root's own, and it may be no path. */
static void where_home_is(void **state)
{
	char home[USER_PATH_MAX];
	struct user u;

	(void)state;
	setenv("HOME", "/home/of/mine", 1);
	user_home(home);
	user_invoking(&u);
	assert_string_equal(home, "/home/of/mine");
	assert_string_equal(u.home, home);
	assert_int_equal(user_uid(), getuid());
	setenv("HOME", "mine", 1);
	user_home(home);
	user_invoking(&u);
	assert_string_equal(u.home, home);
	assert_string_not_equal(home, "mine");
	if (getuid() != 0)
		return;
	setenv("HOME", "/root", 1);
	setenv("SUDO_UID", "54321", 1);
	user_home(home);
	assert_string_equal(home, "");
	unsetenv("SUDO_UID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_entry),
		cmocka_unit_test(with_an_entry),
		cmocka_unit_test(where_home_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
