/* resolv.conf without a manager: what is written, and that what was there comes back. */
#define _GNU_SOURCE
#include "../../src/host/priv.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BEFORE "# by hand\nnameserver 192.0.2.1\n\nsearch home.arpa\noptions ndots:2 rotate"

static char root[64], run[80], conf[80], link_to[80];
static int dir;
static struct err e;

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/vpnc-ike-test-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(run, sizeof(run), "%s/run", root);
	snprintf(conf, sizeof(conf), "%s/resolv.conf", root);
	snprintf(link_to, sizeof(link_to), "%s/link", root);
	dir = run_dir_open(run, &e);
	return dir >= 0 ? 0 : -1;
}

/* Nothing may be left in the run directory. */
static int teardown(void **state)
{
	(void)state;
	close(dir);
	unlink(conf);
	unlink(link_to);
	return rmdir(run) < 0 || rmdir(root) < 0 ? -1 : 0;
}

static void put(const char *text)
{
	int fd = open(conf, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void assert_file(const char *text)
{
	size_t n;
	char *now = test_file(conf, &n);

	assert_string_equal(now, text);
	free(now);
}

static struct dns_want want(const char *server)
{
	struct dns_want w = { .all = true, .n_servers = 1, .n_domains = 1 };

	assert_true(addr_parse(&w.servers[0], server));
	snprintf(w.domains[0], sizeof(w.domains[0]), "corp.example");
	return w;
}

static void set(const char *name, const char *server)
{
	struct dns_want w = want(server);

	assert_ok(&e, resolv_file_set(dir, conf, name, &w, &e));
}

static void unset(const char *name, bool left_alone)
{
	bool kept;

	assert_ok(&e, resolv_file_unset(dir, conf, name, &kept, &e));
	assert_int_equal(kept, left_alone);
}

static void text_keeps_search_and_options(void **state)
{
	struct dns_want w = want("10.1.0.53");
	char out[1024];

	(void)state;
	size_t n = resolv_text(out, sizeof(out), &w, "office", BEFORE, strlen(BEFORE));
	assert_int_equal(n, strlen(out));
	assert_string_equal(out,
		"# Written by vpnc-ike for office; the file of before comes back when it "
		"disconnects.\nnameserver 10.1.0.53\nsearch corp.example home.arpa\noptions ndots:2 rotate\n");
	w.n_domains = 0;
	w.n_servers = 5; /* the resolver reads three */
	for (int i = 1; i < 5; i++)
		w.servers[i] = w.servers[0];
	resolv_text(out, sizeof(out), &w, "", "domain\tone.example\n", 19);
	assert_string_equal(out,
		"nameserver 10.1.0.53\nnameserver 10.1.0.53\nnameserver 10.1.0.53\n"
		"search one.example\n");
	resolv_text(out, 16, &w, "", "", 0); /* no room for a line: no half of one */
	assert_string_equal(out, "");
}

static void comes_back_byte_for_byte(void **state)
{
	struct stat before, after;

	(void)state;
	put(BEFORE);
	assert_int_equal(chmod(conf, 0604), 0);
	assert_int_equal(stat(conf, &before), 0);
	set("office", "10.1.0.53");
	set("office", "10.1.0.54"); /* a rekey with another server */
	assert_int_equal(stat(conf, &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	unset("office", false);
	assert_file(BEFORE);
	assert_int_equal(stat(conf, &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_uid, before.st_uid);
	assert_int_equal(after.st_gid, before.st_gid);
	unset("office", false); /* a second time is harmless */
	assert_file(BEFORE);
}

static enum resolv_whose whose(const char *name)
{
	enum resolv_whose out = RESOLV_OURS;

	assert_ok(&e, resolv_file_whose(dir, conf, name, &out, &e));
	return out;
}

static void is_of_who_wrote_it_last(void **state)
{
	(void)state;
	put(BEFORE);
	assert_int_equal(whose("office"), RESOLV_SOMEBODYS);
	set("office", "10.1.0.53");
	assert_int_equal(whose("office"), RESOLV_OURS);
	assert_int_equal(whose("home"), RESOLV_ANOTHERS);
	set("home", "10.1.0.53"); /* the same server */
	assert_int_equal(whose("office"), RESOLV_ANOTHERS);
	unset("home", false);
	assert_int_equal(whose("office"), RESOLV_OURS);
	put("nameserver 192.0.2.7\n");
	assert_int_equal(whose("office"), RESOLV_SOMEBODYS);
	unset("office", true);
}

#define LABEL "system_u:object_r:net_conf_t:s0"

static void assert_label(void)
{
	char now[64] = "";

	assert_int_equal(getxattr(conf, "security.selinux", now, sizeof(now)), sizeof(LABEL));
	assert_string_equal(now, LABEL);
}

/* Where SELinux is, who manages names may write to what has this label, and to nothing else. */
static void label_stays(void **state)
{
	(void)state;
	put(BEFORE);
	if (setxattr(conf, "security.selinux", LABEL, sizeof(LABEL), 0) < 0)
		skip();
	set("office", "10.1.0.53");
	assert_label();
	unset("office", false);
	assert_file(BEFORE);
	assert_label();
}

static void none_is_none_again(void **state)
{
	(void)state;
	set("office", "10.1.0.53");
	assert_int_equal(access(conf, F_OK), 0);
	unset("office", false);
	assert_int_equal(access(conf, F_OK), -1);
}

static void symbolic_link_stays_one(void **state)
{
	struct dns_want w = want("10.1.0.53");
	struct stat st;
	bool kept;

	(void)state;
	put(BEFORE);
	assert_int_equal(symlink("resolv.conf", link_to), 0);
	assert_ok(&e, resolv_file_set(dir, link_to, "office", &w, &e));
	assert_int_equal(lstat(link_to, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_ok(&e, resolv_file_unset(dir, link_to, "office", &kept, &e));
	assert_file(BEFORE);
	unlink(conf);
	assert_refused(&e, ERR_LOCAL, resolv_file_set(dir, link_to, "office", &w, &e));
	assert_non_null(strstr(e.text, "symbolic link"));
}

static void rewritten_by_others_is_left(void **state)
{
	(void)state;
	put(BEFORE);
	set("office", "10.1.0.53");
	put("nameserver 192.0.2.99\n");
	unset("office", true);
	assert_file("nameserver 192.0.2.99\n");
}

static bool has_copy(void)
{
	char copy[sizeof(conf) + 32];

	snprintf(copy, sizeof(copy), "%s" RESOLV_SUFFIX, conf);
	return access(copy, F_OK) == 0;
}

/* As somebody does who goes over to a manager of names: neither is the copy left beside it, nor does a link whose
 * file is not there yet keep us from leaving. */
static void replaced_by_a_link_is_left(void **state)
{
	struct stat st;

	(void)state;
	for (int there = 1; there >= 0; there--) {
		put(BEFORE);
		set("office", "10.1.0.53");
		assert_true(has_copy());
		if (there)
			assert_int_equal(rename(conf, link_to), 0);
		else
			unlink(conf);
		assert_int_equal(symlink("link", conf), 0);
		unset("office", !there);
		assert_int_equal(lstat(conf, &st), 0);
		assert_true(S_ISLNK(st.st_mode));
		assert_false(has_copy());
		unlink(conf);
		unlink(link_to);
	}
}

static void killed_before_anything_was_written(void **state)
{
	(void)state;
	put(BEFORE);
	set("office", "10.1.0.53");
	put(BEFORE); /* as if the copy were made and the file not yet */
	unset("office", false);
	assert_file(BEFORE);
}

static void killed_between_two_steps(void **state)
{
	char *ours, torn[1024];
	size_t n;

	(void)state;
	put(BEFORE);
	set("office", "10.1.0.53");
	ours = test_file(conf, &n);
	assert_true(n > strlen(BEFORE));
	/* The old text is written over ours and not yet cut. */
	snprintf(torn, sizeof(torn), "%s%s", BEFORE, ours + strlen(BEFORE));
	put(torn);
	free(ours);
	unset("office", false);
	assert_file(BEFORE);
	/* Only the copy was made, or half of a file. */
	set("office", "10.1.0.53");
	put(BEFORE);
	assert_int_equal(unlinkat(dir, "office.dns", 0), 0);
	int fd = openat(dir, ".resolv.conf.vpnc-ike", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	unset("office", false);
	assert_file(BEFORE); /* and the teardown finds the run directory empty */
}

/* The run directory is on a tmpfs, the file is not. */
static void power_lost(const char *left)
{
	if (left)
		put(left);
	unlinkat(dir, "office.dns", 0);
	unlinkat(dir, ".resolv.conf", 0);
}

static void recover(bool any)
{
	bool recovered;

	assert_ok(&e, resolv_file_recover(dir, conf, &recovered, &e));
	assert_int_equal(recovered, any);
}

static void comes_back_after_the_power_was_lost(void **state)
{
	(void)state;
	put(BEFORE);
	set("office", "10.1.0.53");
	recover(false); /* of a living instance */
	power_lost(NULL);
	recover(true);
	assert_file(BEFORE);
	recover(false);
	/* Somebody wrote another since: it is his. */
	set("office", "10.1.0.53");
	power_lost("nameserver 192.0.2.99\n");
	recover(false);
	assert_file("nameserver 192.0.2.99\n");
	/* It has become a link to somebody's file. */
	set("office", "10.1.0.53");
	power_lost(NULL);
	unlink(conf);
	assert_int_equal(symlink("link", conf), 0);
	put("nameserver 192.0.2.99\n");
	recover(false);
	assert_false(has_copy());
	unlink(conf);
	unlink(link_to);
	/* Our text without a copy is no file of before. */
	put("# Written by vpnc-ike for office; as it was\nnameserver 10.1.0.53\n");
	set("home", "10.2.0.53");
	unset("home", false);
	assert_int_equal(access(conf, F_OK), -1);
}

static void ours_with_a_change_is_ours(void **state)
{
	struct stat st;

	(void)state;
	put(BEFORE);
	set("office", "10.1.0.53");
	put("# Written by vpnc-ike for office; edited\nnameserver 10.1.0.53\noptions edns0\n");
	unset("office", false);
	assert_file(BEFORE);
	put("# Written by vpnc-ike for office; of old\n");
	set("office", "10.1.0.53");
	assert_int_equal(stat(conf, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	unset("office", false);
}

static void instances_leave_in_any_order(void **state)
{
	char *first, *second;
	size_t n;

	(void)state;
	put(BEFORE);
	set("a", "10.1.0.53");
	first = test_file(conf, &n);
	set("b", "10.2.0.53");
	second = test_file(conf, &n);
	assert_non_null(
		strstr(second, "search corp.example home.arpa")); /* of the file, not of a's */
	unset("a", false);
	assert_file(second);
	unset("b", false);
	assert_file(BEFORE);
	set("a", "10.1.0.53");
	set("b", "10.2.0.53");
	unset("b", false);
	assert_file(first);
	unset("a", false);
	assert_file(BEFORE);
	free(first);
	free(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_keeps_search_and_options),
		cmocka_unit_test_setup_teardown(comes_back_byte_for_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(is_of_who_wrote_it_last, setup, teardown),
		cmocka_unit_test_setup_teardown(label_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(none_is_none_again, setup, teardown),
		cmocka_unit_test_setup_teardown(symbolic_link_stays_one, setup, teardown),
		cmocka_unit_test_setup_teardown(rewritten_by_others_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(replaced_by_a_link_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(
			killed_before_anything_was_written, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_between_two_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(
			comes_back_after_the_power_was_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(ours_with_a_change_is_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(instances_leave_in_any_order, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
