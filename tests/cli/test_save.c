#define _GNU_SOURCE
#include "cli/save.h"
#include "folder.h"
#include "lib/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT "[connection]\ngateway = vpn.example.org\n"

/* Nobody's profiles of this machine. */
static int set_up(void **state)
{
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	unsetenv("VPNC_IKE_PROFILE_DIR");
	return folder_make(state);
}

static size_t files_in(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *x; (x = readdir(d));)
		n += x->d_type == DT_REG;
	closedir(d);
	return n;
}

static void test_whole_and_private(void **state)
{
	char dir[PROFILE_PATH_MAX], path[PROFILE_PATH_MAX];
	struct load_report report = { 0 };
	struct profile *p;
	struct stat st;
	struct err e;

	snprintf(dir, sizeof(dir), "%s/new/folder", (char *)*state);
	assert_true(save_profile(dir, "office", TEXT, path, &e));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, strlen(TEXT));
	assert_int_equal(files_in(dir), 1);
	struct load_request rq = { .profile = "office", .profile_dir = dir };
	assert_int_equal(load_profile(&rq, &p, &report), LOAD_OK);
	assert_string_equal(p->file, path);
	profile_free(p);
}

static void test_never_over_another(void **state)
{
	char path[PROFILE_PATH_MAX];
	struct stat st;
	struct err e;

	folder_text(*state, "office.conf", "mine");
	assert_false(save_profile(*state, "office", TEXT, path, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "there is a profile office already"));
	assert_non_null(strstr(e.text, "office.conf"));
	folder_text(*state, "office.p12", "mine");
	assert_false(save_beside(*state, "office", "p12", (struct bytes){ TEXT, 5 }, path, &e));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(files_in(*state), 2);
}

/* Nor through a link, wherever it leads. */
static void test_never_through_a_link(void **state)
{
	char link[PROFILE_PATH_MAX], target[PROFILE_PATH_MAX], path[PROFILE_PATH_MAX];
	struct err e;

	snprintf(link, sizeof(link), "%s/office.p12", (char *)*state);
	snprintf(target, sizeof(target), "%s/elsewhere", (char *)*state);
	assert_int_equal(symlink(target, link), 0);
	assert_false(save_beside(*state, "office", "p12", (struct bytes){ TEXT, 5 }, path, &e));
	assert_int_not_equal(access(target, F_OK), 0);
}

/* Nor, for who ran sudo, through a link of theirs to a folder that is not. */
static void test_never_more_than_the_user_may(void **state)
{
	char link[PROFILE_PATH_MAX], target[PROFILE_PATH_MAX], path[PROFILE_PATH_MAX];
	struct err e;

	if (getuid() != 0)
		skip();
	snprintf(link, sizeof(link), "%s/mine", (char *)*state);
	snprintf(target, sizeof(target), "%s/roots", (char *)*state);
	assert_int_equal(mkdir(target, 0700), 0);
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(chmod(*state, 0755), 0);
	setenv("SUDO_UID", "12345", 1);
	bool saved = save_profile(link, "office", TEXT, path, &e);
	unsetenv("SUDO_UID");
	assert_false(saved);
	assert_non_null(strstr(e.text, "who ran sudo"));
	assert_int_equal(files_in(target), 0);
	assert_int_equal(rmdir(target), 0);
}

static void test_folder_that_cannot_be(void **state)
{
	char dir[PROFILE_PATH_MAX], path[PROFILE_PATH_MAX];
	struct err e;

	snprintf(dir, sizeof(dir), "%s/file/folder", (char *)*state);
	folder_text(*state, "file", "not a folder");
	assert_false(save_profile(dir, "office", TEXT, path, &e));
	assert_non_null(strstr(e.text, "file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole_and_private, set_up, folder_remove),
		cmocka_unit_test_setup_teardown(test_never_over_another, set_up, folder_remove),
		cmocka_unit_test_setup_teardown(test_never_through_a_link, set_up, folder_remove),
		cmocka_unit_test_setup_teardown(
			test_never_more_than_the_user_may, set_up, folder_remove),
		cmocka_unit_test_setup_teardown(test_folder_that_cannot_be, set_up, folder_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
