/*
 * What the readers fill in, how it becomes a profile's text, and which format a file is.
 */
#include <stdlib.h>
#include <string.h>

#include "import/import.h"

#include "base/types.h"
#include "lib/test.h"
#include "report.h"

static struct import im;

static int clear(void **state)
{
	(void)state;
	import_free(&im);
	return 0;
}

static struct import_profile *begin(const char *name)
{
	struct err e;
	struct import_profile *p = import_begin(&im, name, &e);

	assert_ok(&e, p != NULL);
	return p;
}

static void names_are_made_fit(void **state)
{
	static const struct {
		const char *is, *becomes;
	} rows[] = {
		{ "office", "office" },
		{ "My Office (2026)", "My-Office-2026" },
		{ "../../etc/passwd", "etc-passwd" },
		{ "-x.", "x" },
		{ "\n", "" },
		{ "B\xc3\xbcro", "B-ro" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(begin(rows[i].is)->name, rows[i].becomes);
}

static void what_no_key_takes_is_told(void **state)
{
	struct import_profile *p = begin("x");

	(void)state;
	import_set(p, "connection", "gateway", "%s", "vpn.example.org");
	import_set(p, "connection", "port", "%d", 70000);
	import_set(p, "secrets", "user", "a\nkillswitch = no");
	import_set(p, "secrets", "password", "\"'");
	import_set(p, "ike", "lifetime", "%s", "");
	report_value(p, "connection.gateway", "vpn.example.org");
	report_count(p, 1);
	report_note(p, IMPORT_TODO, "connection.port", "1 to 65535");
	report_note(p, IMPORT_TODO, "secrets.user", "cannot stand");
	report_note(p, IMPORT_TODO, "secrets.password", "cannot stand");
	import_set(p, "connection", "gateway", "%s", "192.0.2.1"); /* the last one counts */
	report_value(p, "connection.gateway", "192.0.2.1");
	report_count(p, 1);
}

static void text_of_a_profile(void **state)
{
	struct import_profile *p = begin("x");

	(void)state;
	import_set(p, "connection", "gateway", "192.0.2.1");
	import_set(p, "secrets", "user", "DOM\\user");
	import_set(p, "connection", "type", "ikev1");
	import_set(p, "secrets", "password", "a;b # \\");
	import_set(p, "secrets", "psk", "\"x\"");
	char *text = import_text(p);
	assert_string_equal(text,
		"# made by vpnc-ike import\n[connection]\ngateway = 192.0.2.1\ntype = ikev1\n"
		"[secrets]\nuser = DOM\\user\npassword = \"a;b # \\\"\npsk = '\"x\"'\n");
	free(text);
}

static void files_follow_the_name(void **state)
{
	struct import_profile *p = begin("x");

	(void)state;
	import_attach(p, "local", "certificate", "p12", (struct bytes){ "\0octets", 7 });
	report_value(p, "local.certificate", "x.p12");
	import_rename(p, "office");
	report_value(p, "local.certificate", "office.p12");
	assert_int_equal(p->files[0].len, 7);
	for (size_t i = 1; i < IMPORT_FILES_MAX + 3; i++)
		import_attach(p, "remote", "ca", "crt", (struct bytes){ "", 0 });
	assert_int_equal(p->n_files, IMPORT_FILES_MAX);
	report_note(p, IMPORT_TODO, "ca", "too many");
}

static void no_more_than_there_is_room_for(void **state)
{
	struct import_profile *p = begin("x");
	struct err e;

	(void)state;
	for (size_t i = 0; i < IMPORT_NOTES_MAX + 5; i++)
		import_note(p, IMPORT_LEFT, "what\n", "why");
	assert_int_equal(p->n_notes, IMPORT_NOTES_MAX);
	assert_int_equal(p->notes_lost, 5);
	assert_null(strchr(p->notes[0].what, '\n'));
	for (size_t i = 1; i < IMPORT_PROFILES_MAX; i++)
		begin("y");
	assert_null(import_begin(&im, "z", &e));
}

static void which_format_it_is(void **state)
{
	static const char swanctl[] =
		"connections { x { remote_addrs = 192.0.2.1\n vips = 0.0.0.0\n"
		"local { auth = psk } remote { auth = psk } } }";
	static const struct {
		const char *path, *text, *why; /* why: NULL: it is read */
	} rows[] = {
		{ "/etc/swanctl/swanctl.conf", swanctl, NULL },
		{ "office.conf", swanctl, NULL },
		{ "office.SSWAN", "{", "read as strongSwan's .sswan" },
		{ "x.mobileconfig", "x", "read as Apple's" },
		{ "x", "nothing", "none of the formats known: Apple's .mobileconfig" },
		{ "x.zip", "PK\x03\x04zip", "zip archive" },
		{ "x", "", "none of the formats" },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes file = { rows[i].text, strlen(rows[i].text) };
		bool ok = import_read(rows[i].path, file, &im, &e);
		if (ok != !rows[i].why || (!ok && !strstr(e.text, rows[i].why)))
			fail_msg("%s: %s", rows[i].path, ok ? "read" : e.text);
		import_free(&im);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(names_are_made_fit, clear),
		cmocka_unit_test_teardown(what_no_key_takes_is_told, clear),
		cmocka_unit_test_teardown(text_of_a_profile, clear),
		cmocka_unit_test_teardown(files_follow_the_name, clear),
		cmocka_unit_test_teardown(no_more_than_there_is_room_for, clear),
		cmocka_unit_test_teardown(which_format_it_is, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
