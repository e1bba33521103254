#include "base/names.h"
#include "lib/test.h"

static void find(void **state)
{
	static const struct name table[] = { { 1, "one" }, { 7, "seven" }, { 0, NULL } };

	(void)state;
	assert_string_equal(name_find(table, 7), "seven");
	assert_null(name_find(table, 0));
	assert_null(name_find(table, 2));
}

static void nearest(void **state)
{
	static const char *const words[] = { "connect", "list", "status", "rekey", "down", "log",
		"x1", NULL };

	(void)state;
	assert_string_equal(name_nearest(words, "conect"), "connect");
	assert_string_equal(name_nearest(words, "satus"), "status");
	assert_string_equal(name_nearest(words, "dwon"), "down");
	assert_string_equal(name_nearest(words, "stat"), "status");
	assert_string_equal(name_nearest(words, "lits"), "list");
	assert_string_equal(name_nearest(words, "re"), "rekey");
	assert_null(name_nearest(words, "xyzzy-nothing"));
	/* As many letters wrong as right are no slip. */
	assert_null(name_nearest(words, "foo"));
	assert_null(name_nearest(words, "den"));
	assert_null(name_nearest(words, "down up"));
	assert_null(name_nearest(words, "y"));
	assert_string_equal(name_nearest(words, "x"), "x1");
	assert_null(name_nearest(words, ""));
	assert_null(name_nearest(
		words, "this word is far too long to be compared with any other word at all"));
}

static void check_safe(const char *in, size_t len, const char *want)
{
	char out[32];

	assert_string_equal(text_safe(out, sizeof(out), in, len), want);
}

static void safe_text(void **state)
{
	(void)state;
	check_safe("plain", 5, "plain");
	check_safe("a\nb\tc", 5, "a b?c");
	check_safe("\x1b]0;x\x07", 6, "?]0;x?");
	check_safe("a\0b", 3, "a?b");
	check_safe("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f");
	check_safe("\xc3", 1, "?"); /* cut short */
	check_safe("\xc0\xaf", 2, "??"); /* overlong */
	check_safe("\xed\xa0\x80", 3, "???"); /* surrogate */
	check_safe("\xc2\x9b", 2, "??"); /* C1: the eight-bit CSI */
	check_safe("\xe2\x80\xae", 3, "???"); /* right-to-left override */
	check_safe("\xf0\x9f\x94\x92", 4, "\xf0\x9f\x94\x92");
	check_safe("\xf4\x90\x80\x80", 4, "????"); /* beyond U+10FFFF */
}

static void safe_text_is_cut_between_letters(void **state)
{
	char out[5];

	(void)state;
	assert_string_equal(text_safe(out, sizeof(out), "abc\xc3\xbc", 5), "abc");
	assert_string_equal(text_safe(out, sizeof(out), "abcdef", 6), "abcd");
	assert_string_equal(text_safe(out, 1, "abcdef", 6), "");
}

static void hex(void **state)
{
	char out[7];

	(void)state;
	assert_string_equal(text_hex(out, sizeof(out), "\x00\xff\x1a", 3), "00ff1a");
	assert_string_equal(text_hex(out, sizeof(out), "\x00\xff\x1a\x1b", 4), "00ff1a");
	assert_string_equal(text_hex(out, sizeof(out), "", 0), "");
}

static void octets_of_hex(void **state)
{
	static const char *const none[] = { "0", "00f", "0g", "g0", " 0", "0x", "00 ff",
		"\x10\x11" };
	uint8_t out[3];
	size_t n;
	(void)state;

	assert_true(octets_from_hex(out, sizeof(out), &n, "00fF1a"));
	assert_int_equal(n, 3);
	assert_memory_equal(out, "\x00\xff\x1a", 3);
	assert_true(octets_from_hex(out, sizeof(out), &n, ""));
	assert_int_equal(n, 0);
	assert_false(octets_from_hex(out, sizeof(out), &n, "00112233"));
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_false(octets_from_hex(out, sizeof(out), &n, none[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find),
		cmocka_unit_test(nearest),
		cmocka_unit_test(safe_text),
		cmocka_unit_test(safe_text_is_cut_between_letters),
		cmocka_unit_test(hex),
		cmocka_unit_test(octets_of_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
