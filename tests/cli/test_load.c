#define _GNU_SOURCE
#include "cli/load.h"
#include "crypto/alg.h"
#include "folder.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "[connection]\ngateway = vpn.example.org\n"

static struct load_report report;

static const char *first_problem(void)
{
	static char text[PROFILE_PATH_MAX + 600];

	return report.n == 0 ? "no problem" : load_problem_text(text, sizeof(text), &report.v[0]);
}

/* One problem, which reads so up to its last words. */
static void check_problem(const char *text, size_t len, const char *want)
{
	struct profile *p;

	assert_int_equal(load_text("t.conf", text, len, &p, &report), LOAD_BAD);
	assert_null(p);
	if (report.n != 1 || strncmp(first_problem(), want, strlen(want)) != 0)
		fail_msg("%zu problems: %s, not %s", report.n, first_problem(), want);
}

/* --- values that ini files get wrong --- */

static const struct {
	const char *line; /* behind "password = " */
	const char *value; /* NULL: refused */
	const char *say;
} awkward[] = {
	{ "plain", "plain", NULL },
	{ "two words", "two words", NULL },
	{ "  around \t ", "around", NULL },
	{ "\" kept \"", " kept ", NULL },
	{ "a=b==c", "a=b==c", NULL },
	{ "=", "=", NULL },
	{ "== x", "== x", NULL },
	{ "\"a;b\"", "a;b", NULL },
	{ "'a#b'", "a#b", NULL },
	{ "\";\"", ";", NULL },
	{ "\"# no comment\"", "# no comment", NULL },
	{ "'say \"hi\"'", "say \"hi\"", NULL },
	{ "\"it's\"", "it's", NULL },
	{ "it's", "it's", NULL },
	{ "mid \"quote\" 'd", "mid \"quote\" 'd", NULL },
	{ "end'", "end'", NULL },
	{ "\"back\\\"", "back\\", NULL },
	{ "DOM\\user", "DOM\\user", NULL },
	{ "\"a;\\b\\\\c\"", "a;\\b\\\\c", NULL },
	{ "'\\n \\# \\\\'", "\\n \\# \\\\", NULL },
	{ "[bracket]", "[bracket]", NULL },
	{ "100%s%n", "100%s%n", NULL },
	{ "gr\xc3\xbc\xc3\x9f \xf0\x9f\x94\x92", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x94\x92", NULL },
	{ "carriage\r", "carriage", NULL },
	{ "\"quoted\"\r", "quoted", NULL },
	{ "UPPER Case", "UPPER Case", NULL },
	{ "a;b", NULL, "double quotes" },
	{ "a#b", NULL, "double quotes" },
	{ "value ; comment", NULL, "double quotes" },
	{ ";", NULL, "double quotes" },
	{ "\"a\" ; comment", NULL, "behind the closing quote" },
	{ "\"a\"b\"", NULL, "behind the closing quote" },
	{ "\"\"\"", NULL, "behind the closing quote" },
	{ "\"a\\\"b\"", NULL, "behind the closing quote" },
	{ "\"open", NULL, "does not end" },
	{ "'open", NULL, "does not end" },
	{ "\"", NULL, "does not end" },
	{ "back\\", NULL, "swallows the next line" },
	{ "", NULL, "is empty" },
	{ "\"\"", NULL, "is empty" },
	{ "''", NULL, "is empty" },
	{ "tab\tinside", NULL, "control character" },
	{ "\"a\tb\"", NULL, "control character" },
	{ "cr\rinside", NULL, "control character 0x0d" },
	{ "bell\x07", NULL, "control character 0x07" },
	{ "latin\xe9", NULL, "UTF-8" },
	{ "\xe2\x80\xae"
	  "drow",
		NULL, "invisible" },
};

static void awkward_values(void **state)
{
	char text[400];
	struct profile *p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(awkward); i++) {
		/* The lines around it must be what they were. */
		snprintf(text, sizeof(text),
			HEAD "[secrets]\nuser = before\npassword = %s\npsk = after\n",
			awkward[i].line);
		enum load_result result = load_text("t.conf", text, strlen(text), &p, &report);
		if ((result == LOAD_OK) != (awkward[i].value != NULL))
			fail_msg("<%s>: %s", awkward[i].line, first_problem());
		if (result == LOAD_OK &&
			(strcmp(p->password.text, awkward[i].value) != 0 ||
				strcmp(p->psk.text, "after") != 0 ||
				strcmp(p->user, "before") != 0))
			fail_msg("<%s> became <%s>", awkward[i].line, p->password.text);
		if (result != LOAD_OK &&
			(report.n != 1 || report.v[0].line != 5 ||
				!strstr(first_problem(), awkward[i].say)))
			fail_msg("<%s>: %zu problems: %s", awkward[i].line, report.n,
				first_problem());
		profile_free(p);
	}
}

static void no_problem_tells_a_secret(void **state)
{
	static const char *const lines[] = {
		"psk = hunter2;x",
		"psk = \"hunter2",
		"psk = hunter2\\",
		"psk = hunter2\x01",
		"hunter2",
		"psk hunter2",
		"hunter2 = x\nhunter2",
		"psk = a\npsk = hunter2",
	};
	char text[400];
	struct profile *p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines) - 2; i++) {
		snprintf(text, sizeof(text), HEAD "[secrets]\n%s\n", lines[i]);
		assert_int_equal(load_text("t.conf", text, strlen(text), &p, &report), LOAD_BAD);
		assert_null(strstr(first_problem(), "hunter2"));
	}
	snprintf(text, sizeof(text), HEAD "[secrets]\n%s\n", lines[ARRAY_LEN(lines) - 1]);
	assert_int_equal(load_text("t.conf", text, strlen(text), &p, &report), LOAD_BAD);
	assert_null(strstr(first_problem(), "hunter2"));
}

/* --- lines and places --- */

static void places(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "t.conf:1: connection.gateway: is missing" },
		{ "[local]\nid = a@b\n", "t.conf:1: connection.gateway: is missing" },
		{ "[connection]\nport = 500\ntype = ikev2\n[local]\n",
			"t.conf:3: connection.gateway: is missing" },
		{ "\n\n[connection]\nprot = 500\ngateway = a\n",
			"t.conf:4: connection.prot: there is no key" },
		{ "[conection]\n[connection]\ngateway = a\n",
			"t.conf:1: there is no section [conection]; right would be" },
		{ "gateway = a\n" HEAD, "t.conf:1: gateway: stands before the first [section]" },
		{ HEAD "gateway = b\n", "t.conf:3: connection.gateway: was set in line 2 already" },
		{ HEAD "GateWay = b\n", "t.conf:3: connection.gateway: was set in line 2 already" },
		{ HEAD "[local]\n[connection]\ngateway = b\n",
			"t.conf:5: connection.gateway: was set in line 2" },
		{ HEAD "= x\n", "t.conf:3: connection: there is no key before" },
		{ HEAD "junk\n", "t.conf:3: connection: is neither" },
		{ HEAD "j", "t.conf:3: connection: is neither" },
		{ HEAD "[local] ; ours\n", "t.conf:3: a section ends with ']'" },
		{ HEAD "[local\n", "t.conf:3: a section ends with ']'" },
		{ HEAD "[]\n", "t.conf:3: there is no section []" },
		{ HEAD "[local]\nauth = cert\n", "t.conf:4: local.certificate: is missing" },
		{ HEAD "[local]\nauth = eap\n[remote]\nauth = psk\n",
			"t.conf:6: remote.auth: EAP needs" },
		{ HEAD "[ike]\r\n\r\nlifetime = x\r\n",
			"t.conf:5: ike.lifetime: \"x\" is not a time" },
		{ HEAD "type = sstp\n", "t.conf:3: connection.type: \"sstp\" is unknown" },
		{ HEAD "a key = x\n", "t.conf:3: connection.a key: there is no key" },
		{ HEAD "[secrets]\npsk = abcdefgh\n8xK2vQ9pLm4Rt7Wz1Yb6== x\n",
			"t.conf:5: secrets: this is none of the section's keys; if" },
		{ HEAD "[secrets]\npsk : a=b\n", "t.conf:4: secrets: this is none" },
		{ HEAD "[secrets]\nspk = abcdefgh\n",
			"t.conf:4: secrets.spk: there is no key \"spk\" in [secrets]; right" },
		{ HEAD "[secrets]\nsecret = abcdefgh\n",
			"t.conf:4: secrets.secret: there is no key \"secret\" in [secrets]; right" },
		{ HEAD "averyveryverylongnameforakeythatdoesnotexist = x\n",
			"t.conf:3: connection.averyvery" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_problem(cases[i].text, strlen(cases[i].text), cases[i].want);
	check_problem(HEAD "port = 5\0"
			   "00\n",
		strlen(HEAD) + 12, "t.conf:3: connection: holds the control character 0x00");
}

static void every_problem_is_told_in_order(void **state)
{
	static const char text[] =
		"[connection]\nport = x\n[bad]\nkey = in a section that was named\n"
		"[network]\nmtu = 1\ndns = x\n";
	struct profile *p;

	(void)state;
	assert_int_equal(load_text("t", text, strlen(text), &p, &report), LOAD_BAD);
	assert_int_equal(report.n, 5);
	static const unsigned lines[] = { 2, 2, 3, 6, 7 };
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(report.v[i].line, lines[i]);
}

static void problems_beyond_the_room_are_counted(void **state)
{
	char text[LOAD_PROBLEMS_MAX * 8] = HEAD;
	struct profile *p;

	(void)state;
	for (size_t i = 0; i < LOAD_PROBLEMS_MAX + 10; i++)
		strcat(text, "junk\n");
	assert_int_equal(load_text("t", text, strlen(text), &p, &report), LOAD_BAD);
	assert_int_equal(report.n, LOAD_PROBLEMS_MAX + 10);
}

static void what_is_no_problem(void **state)
{
	static const char *const texts[] = {
		"\xef\xbb\xbf" HEAD,
		"[connection]\r\ngateway = vpn.example.org\r\n",
		"  [connection]  \n\tgateway=vpn.example.org",
		"[ Connection ]\nGATEWAY = vpn.example.org\n",
		"# comment \\\n" HEAD "; another \\\n",
		HEAD "[l2tp]\nsource-port = auto\n",
		HEAD "[local]\n[local]\nauth = psk\n",
	};
	struct profile *p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (load_text("t", texts[i], strlen(texts[i]), &p, &report) != LOAD_OK)
			fail_msg("%zu: %s", i, first_problem());
		assert_string_equal(p->gateways[0], "vpn.example.org");
		profile_free(p);
	}
}

static void long_lines(void **state)
{
	char text[3000], secret[1200];
	struct profile *p;

	(void)state;
	memset(secret, 'x', sizeof(secret));
	snprintf(text, sizeof(text), HEAD "[secrets]\npsk = %.*s\n", 994, secret);
	assert_int_equal(load_text("t", text, strlen(text), &p, &report), LOAD_OK);
	assert_int_equal(p->psk.len, 994);
	profile_free(p);
	snprintf(text, sizeof(text), HEAD "[secrets]\npsk = %.*s\n", 995, secret);
	assert_int_equal(load_text("t", text, strlen(text), &p, &report), LOAD_BAD);
	assert_string_equal(
		first_problem(), "t:4: secrets: the line has 1001 octets; the most is 1000");
	/* Nobody reads comments. */
	snprintf(text, sizeof(text), HEAD "# %.*s\n[secrets]\npsk = y\n", 1100, secret);
	assert_int_equal(load_text("t", text, strlen(text), &p, &report), LOAD_OK);
	profile_free(p);
}

/* --- files --- */

static enum load_result load(const char *name, const char *dir, struct profile **p)
{
	struct load_request rq = { .profile = name, .profile_dir = dir };

	return load_profile(&rq, p, &report);
}

static void check_load(const char *path, const char *say)
{
	struct profile *p;
	enum load_result result = load(path, NULL, &p);

	if ((result == LOAD_OK) != (say == NULL) ||
		(say && (report.n != 1 || !strstr(first_problem(), say))))
		fail_msg("%s: result %d, %s", path, result, first_problem());
	profile_free(p);
}

static void secrets_are_nobody_elses(void **state)
{
	static const char secret[] = HEAD "[secrets]\npsk = x\n";
	static const char plain[] = HEAD;
	char link[1024], say[1200];
	const char *path;

	path = folder_write(*state, "a.conf", secret, strlen(secret), 0600);
	check_load(path, NULL);
	path = folder_write(*state, "b.conf", secret, strlen(secret), 0640);
	snprintf(say, sizeof(say), "chmod 600 %s", path);
	check_load(path, say);
	path = folder_write(*state, "c.conf", secret, strlen(secret), 0602);
	check_load(path, "mode 0602");
	path = folder_write(*state, "d.conf", plain, strlen(plain), 0644);
	check_load(path, NULL);
	snprintf(link, sizeof(link), "%s/e.conf", (char *)*state);
	assert_int_equal(symlink("a.conf", link), 0);
	check_load(link, "symbolic link");
	snprintf(link, sizeof(link), "%s/f.conf", (char *)*state);
	assert_int_equal(symlink("d.conf", link), 0);
	check_load(link, NULL);
	/* In a folder where everybody may put another file in its place. */
	assert_int_equal(chmod(*state, 0777), 0);
	snprintf(link, sizeof(link), "%s/a.conf", (char *)*state);
	check_load(link, "everybody may replace");
	assert_int_equal(chmod(*state, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(link, 12345, 0), 0);
		check_load(link, "belongs to user 12345");
		setenv("SUDO_UID", "12345", 1);
		check_load(link, NULL);
		setenv("SUDO_UID", "12346", 1);
		check_load(link, "belongs to user 12345; run: chown 12346");
		unsetenv("SUDO_UID");
	}
}

static void what_is_no_profile(void **state)
{
	char path[1024];
	char *big = calloc(1, LOAD_FILE_MAX + 1);

	check_load(*state, "is not a regular file");
	snprintf(path, sizeof(path), "%s/none.conf", (char *)*state);
	check_load(path, "cannot be opened: No such file");
	snprintf(path, sizeof(path), "%s/pipe.conf", (char *)*state);
	assert_int_equal(mkfifo(path, 0600), 0);
	check_load(path, "is not a regular file");
	check_load(folder_write(*state, "big.conf", big, LOAD_FILE_MAX + 1, 0600), "the most is");
	check_load("/dev/null", "is not a regular file");
	free(big);
}

static void names_and_folders(void **state)
{
	char home[1024], dir[1024];
	struct load_list l;
	struct profile *p;
	struct err e;

	folder_text(*state, "office.conf", HEAD);
	folder_text(*state, "home.conf", HEAD);
	folder_text(*state, "notes.txt", "x");
	folder_text(*state, ".hidden.conf", HEAD);
	folder_text(*state, "my office.conf", HEAD);
	assert_int_equal(load("office", *state, &p), LOAD_OK);
	assert_string_equal(p->name, "office");
	profile_free(p);
	assert_int_equal(load("offise", *state, &p), LOAD_BAD);
	assert_non_null(strstr(first_problem(), "right would be office"));
	snprintf(dir, sizeof(dir), "%s/away.conf", (char *)*state);
	assert_int_equal(symlink("/nonexistent/\x1b[2J", dir), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(load(i ? "away.conf" : "away", *state, &p), LOAD_BAD);
		assert_non_null(strstr(
			first_problem(), "away.conf is a link to /nonexistent/?[2J: No such file"));
	}
	unlink(dir);
	assert_int_equal(load("a b", *state, &p), LOAD_BAD);
	assert_int_equal(load("..", *state, &p), LOAD_BAD);
	assert_int_equal(load("", *state, &p), LOAD_BAD);

	/* The folder named first wins; each name is listed once. */
	snprintf(home, sizeof(home), "%s/xdg", (char *)*state);
	snprintf(dir, sizeof(dir), "%s/xdg/vpnc-ike", (char *)*state);
	assert_int_equal(mkdir(home, 0700), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	folder_text(dir, "office.conf", HEAD "port = 4500\n");
	folder_text(dir, "work.conf", HEAD);
	setenv("XDG_CONFIG_HOME", home, 1);
	assert_int_equal(load("office", *state, &p), LOAD_OK);
	assert_int_equal(p->port, 500);
	profile_free(p);
	assert_ok(&e, load_list(*state, &l, &e));
	assert_true(l.n >= 3); /* the machine may have some in /etc */
	assert_string_equal(l.v[0].name, "home");
	assert_true(l.n_misnamed >= 1);
	assert_non_null(strstr(l.misnamed[0].file, "/my office.conf"));
	load_list_free(&l);
	setenv("VPNC_IKE_PROFILE_DIR", dir, 1);
	assert_int_equal(load("office", NULL, &p), LOAD_OK);
	assert_int_equal(p->port, 4500);
	profile_free(p);
	unsetenv("VPNC_IKE_PROFILE_DIR");
	unsetenv("XDG_CONFIG_HOME");
}

static void options_win(void **state)
{
	static const char *const good[] = { "connection.port=4500", "local.id=CN=a=b",
		"Connection.PORT=4501" };
	static const char *const bad[] = { "port=1", "connection.port", "secrets.psk=x",
		"SECRETS.PSK=x", "Secrets.Password=x", "l2tp.Secret=x", "connection.port=x",
		"a.b=c" };
	const char *path = folder_text(*state, "a.conf", HEAD "port = 501\n");
	struct load_request rq = { .profile = path, .sets = good, .n_sets = 3 };
	struct profile *p;

	assert_int_equal(load_profile(&rq, &p, &report), LOAD_OK);
	assert_int_equal(p->port, 4501);
	profile_free(p);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		rq.sets = &bad[i];
		rq.n_sets = 1;
		assert_int_equal(load_profile(&rq, &p, &report), LOAD_BAD);
		assert_int_equal(report.n, 1);
		assert_string_equal(report.v[0].file, "--set");
	}
}

/* What is wrong with it shows only beside the rest, or in the file that it names: the profile has another value
 * in that line. */
static void options_found_wrong_later(void **state)
{
	static const char *const bad[] = { "remote.auth=psk", "remote.ca=/none/at/all.pem" };
	const char *path =
		folder_text(*state, "b.conf", HEAD "[local]\nauth = eap\n[remote]\nauth = cert\n");
	struct load_request rq = { .profile = path, .n_sets = 1 };
	char text[512];
	struct profile *p;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		rq.sets = &bad[i];
		assert_int_equal(load_profile(&rq, &p, &report), LOAD_BAD);
		assert_int_equal(report.n, 1);
		load_problem_text(text, sizeof(text), &report.v[0]);
		if (strncmp(text, "--set: remote.", 14) != 0)
			fail_msg("%s: %s", bad[i], text);
	}
}

/* A path is the caller's, and may hold anything but NUL. */
static void printed_safely(void **state)
{
	struct load_request rq = { .profile = "/nowhere\033[2J\n/x" };
	char text[512];
	struct profile *p;

	(void)state;
	assert_int_equal(load_profile(&rq, &p, &report), LOAD_BAD);
	assert_string_equal(load_problem_text(text, sizeof(text), &report.v[0]),
		"/nowhere?[2J /x: cannot be opened: No such file or directory");
}

static int set_up(void **state)
{
	struct err e;

	(void)state;
	unsetenv("VPNC_IKE_PROFILE_DIR");
	return crypto_init(&e) ? 0 : -1;
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(awkward_values),
		cmocka_unit_test(no_problem_tells_a_secret),
		cmocka_unit_test(places),
		cmocka_unit_test(every_problem_is_told_in_order),
		cmocka_unit_test(problems_beyond_the_room_are_counted),
		cmocka_unit_test(what_is_no_problem),
		cmocka_unit_test(long_lines),
		WITH_FOLDER(secrets_are_nobody_elses),
		WITH_FOLDER(what_is_no_profile),
		WITH_FOLDER(names_and_folders),
		WITH_FOLDER(options_win),
		WITH_FOLDER(options_found_wrong_later),
		cmocka_unit_test(printed_safely),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
