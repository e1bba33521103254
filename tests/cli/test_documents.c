/*
 * What is written about the program, against the tables: the manual names every command, option and
 * key, and every sample profile is one.
 */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/options.h"
#include "crypto/alg.h"
#include "lib/test.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/types.h"

static char *read_manual(const char *path)
{
	size_t len;

	return test_file(path, &len);
}

static void expect(const char *text, const char *where, const char *want)
{
	if (!strstr(text, want))
		fail_msg("%s says nothing about \"%s\"", where, want);
}

static void every_command_is_in_the_manual(void **state)
{
	char *text = read_manual("man/vpnc-ike.1"), want[80];
	const struct command_row *row;

	(void)state;
	for (size_t i = 0; (row = commands_row(i)); i++) {
		if (!row->story[0])
			continue;
		snprintf(want, sizeof(want), ".It Ic %s", row->name);
		expect(text, "man/vpnc-ike.1", want);
	}
	free(text);
}

static void every_option_is_in_the_manual(void **state)
{
	char *text = read_manual("man/vpnc-ike.1"), want[80];
	struct option_info o;

	(void)state;
	for (size_t i = 0; options_row(i, &o); i++) {
		snprintf(want, sizeof(want), ".It Fl -%s", o.name + 2);
		expect(text, "man/vpnc-ike.1", want);
	}
	free(text);
}

static void every_key_is_in_the_manual(void **state)
{
	char *text = read_manual("man/vpnc-ike.profile.5"), want[80], *section = text;
	const char *last = "";
	struct profile_key k;

	(void)state;
	for (size_t i = 0; profile_key(i, &k); i++) {
		if (strcmp(last, k.section) != 0) {
			snprintf(want, sizeof(want), ".Ss Section %s\n", k.section);
			expect(text, "man/vpnc-ike.profile.5", want);
			section = strstr(text, want);
		}
		last = k.section;
		snprintf(want, sizeof(want), ".It Ic %s = ", k.key);
		expect(section, k.section, want);
		if (k.fallback[0]) {
			snprintf(want, sizeof(want), ".Ql %s .", k.fallback);
			expect(section, k.section, want);
		}
	}
	free(text);
}

/* What security = legacy admits, behind what compat does. */
static void expect_weak(const char *text, const char *where)
{
	static const char *const words[][2] = { { "3des", "3DES" }, { "md5", "MD5" },
		{ "prfmd5", "MD5" }, { "modp1536", "1536" }, { "modp1024", "1024" } };
	const char *at = strstr(text, "adds SHA-1");
	char sentence[160];
	const struct alg *a;

	assert_non_null(at);
	snprintf(sentence, sizeof(sentence), "%s", at);
	for (size_t i = 0; (a = alg_row(i)); i++) {
		size_t k = 0;
		if (a->ike_tier < TIER_LEGACY && a->esp_tier < TIER_LEGACY)
			continue;
		while (k < ARRAY_LEN(words) && strcmp(words[k][0], a->name) != 0)
			k++;
		if (k == ARRAY_LEN(words))
			fail_msg("%s, which is not known here", a->name);
		expect(sentence, where, words[k][1]);
	}
}

static void weak_algorithms_are_named(void **state)
{
	static const char *const files[] = { "man/vpnc-ike.profile.5",
		"profiles/old-gateway.conf" };
	struct profile_key k;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *text = read_manual(files[i]);
		expect_weak(text, files[i]);
		free(text);
	}
	for (size_t i = 0; profile_key(i, &k); i++)
		if (strcmp(k.key, "security") == 0)
			expect_weak(k.story, "the table of keys");
}

static void samples_are_profiles(void **state)
{
	static struct load_report report;
	struct profile *p;
	glob_t found;
	char text[600];
	size_t len;

	(void)state;
	assert_int_equal(glob("profiles/*.conf", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 6);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *file = test_file(found.gl_pathv[i], &len);
		if (load_text(found.gl_pathv[i], file, len, &p, &report) != LOAD_OK)
			fail_msg("%s", load_problem_text(text, sizeof(text), &report.v[0]));
		profile_free(p);
		free(file);
	}
	globfree(&found);
}

/* What stands in a comment as a setting that could be made can be made. */
static void settings_in_comments_are_right(void **state)
{
	struct profile_key k;
	glob_t found;
	size_t len, seen = 0;
	struct err e;

	(void)state;
	assert_int_equal(glob("profiles/*.conf", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *file = test_file(found.gl_pathv[i], &len), *next = file, section[32] = "";
		for (char *line = strsep(&next, "\n"); line; line = strsep(&next, "\n")) {
			char key[32], value[200];
			sscanf(line, "[%31[^]]", section);
			if (sscanf(line, "# %31[a-z-] = %199[^\n]", key, value) != 2)
				continue;
			struct profile *p = profile_new("x");
			bool known = false;
			for (size_t j = 0; profile_key(j, &k); j++)
				known = known ||
					(strcmp(k.section, section) == 0 &&
						strcmp(k.key, key) == 0);
			if (!known || !profile_set(p, section, key, value, &e))
				fail_msg("%s: %s.%s = %s", found.gl_pathv[i], section, key, value);
			profile_free(p);
			seen++;
		}
		free(file);
	}
	globfree(&found);
	assert_true(seen > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_is_in_the_manual),
		cmocka_unit_test(every_option_is_in_the_manual),
		cmocka_unit_test(every_key_is_in_the_manual),
		cmocka_unit_test(weak_algorithms_are_named),
		cmocka_unit_test(samples_are_profiles),
		cmocka_unit_test(settings_in_comments_are_right),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, NULL);
}
