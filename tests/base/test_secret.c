#include "base/secret.h"
#include "lib/test.h"

static bool all_zero(const void *p, size_t n)
{
	const uint8_t *s = p;

	for (size_t i = 0; i < n; i++)
		if (s[i])
			return false;
	return true;
}

static void secret_holds_and_forgets(void **state)
{
	uint8_t big[SECRET_MAX + 1];
	struct secret s;

	(void)state;
	memset(big, 0x5a, sizeof(big));
	memset(&s, 0xff, sizeof(s));
	assert_true(secret_set(&s, big, SECRET_MAX));
	assert_int_equal(s.len, SECRET_MAX);
	assert_memory_equal(s.data, big, SECRET_MAX);

	assert_true(secret_set(&s, "ab", 2)); /* nothing of the longer one stays behind */
	assert_true(all_zero(s.data + 2, SECRET_MAX - 2));

	assert_false(secret_set(&s, big, sizeof(big)));
	assert_true(all_zero(&s, sizeof(s)));
	assert_true(secret_set(&s, NULL, 0));

	assert_true(secret_set(&s, big, 16));
	secret_wipe(&s);
	assert_true(all_zero(&s, sizeof(s)));
}

static void passphrase_is_terminated(void **state)
{
	char big[PASSPHRASE_MAX + 1];
	struct passphrase p;

	(void)state;
	memset(big, 'x', sizeof(big));
	memset(&p, 0xff, sizeof(p));
	assert_true(passphrase_set(&p, big, PASSPHRASE_MAX));
	assert_int_equal(p.len, PASSPHRASE_MAX);
	assert_int_equal(strlen(p.text), PASSPHRASE_MAX);
	assert_true(passphrase_set(&p, "a\0b", 3));
	assert_int_equal(p.len, 3);
	assert_memory_equal(p.text, "a\0b", 4);
	assert_false(passphrase_set(&p, big, sizeof(big)));
	assert_true(all_zero(&p, sizeof(p)));
}

static void comparison(void **state)
{
	(void)state;
	assert_true(same_bytes("", "", 0));
	assert_true(same_bytes("abc", "abd", 2));
	assert_false(same_bytes("abc", "abd", 3));
	assert_false(same_bytes("abc", "bbc", 3));
	assert_false(same_bytes("\x00", "\x80", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_holds_and_forgets),
		cmocka_unit_test(passphrase_is_terminated),
		cmocka_unit_test(comparison),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
