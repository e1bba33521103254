#include "lib/test.h"

static bool fails(struct err *e)
{
	return err_set(e, ERR_PEER, "payload %d is short", 33);
}

static void sentence_and_kind(void **state)
{
	struct err e = { .notify = 7 };

	(void)state;
	assert_false(fails(&e));
	assert_int_equal(e.kind, ERR_PEER);
	assert_int_equal(e.notify, 0);
	assert_string_equal(e.text, "payload 33 is short");
}

static void notify_is_kept(void **state)
{
	struct err e;

	(void)state;
	assert_false(err_notify(&e, ERR_PEER, 14, "no proposal"));
	assert_int_equal(e.notify, 14);
	assert_false(err_ctx(&e, "CREATE_CHILD_SA"));
	assert_int_equal(e.notify, 14);
	assert_int_equal(e.kind, ERR_PEER);
	assert_string_equal(e.text, "CREATE_CHILD_SA: no proposal");
}

static void nobody_listens(void **state)
{
	(void)state;
	assert_false(fails(NULL));
	assert_false(err_ctx(NULL, "x"));
	assert_false(err_notify(NULL, ERR_DROP, 1, "x"));
}

static void long_text_is_cut(void **state)
{
	char big[2 * ERR_TEXT_MAX];
	struct err e;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	err_set(&e, ERR_LOCAL, "%s", big);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	err_ctx(&e, "%s", "where");
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	assert_memory_equal(e.text, "where: xxx", 10);
	err_ctx(&e, "%s", big);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	err_clear(&e);
	assert_int_equal(e.kind, ERR_NONE);
	assert_string_equal(e.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentence_and_kind),
		cmocka_unit_test(notify_is_kept),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
