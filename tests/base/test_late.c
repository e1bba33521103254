#include "base/late.h"

#include <string.h>

#include "base/types.h"
#include "lib/test.h"

struct calls {
	__typeof__(strlen) *len;
	__typeof__(strcmp) *cmp;
};

static const struct late_row rows[] = { { "strlen", offsetof(struct calls, len) },
	{ "strcmp", offsetof(struct calls, cmp) }, { "no_such_function", 0 } };

static void all_are_there(void **state)
{
	struct calls c = { NULL, NULL };
	char why[LATE_WHY_MAX];

	(void)state;
	assert_true(late_open("libc.so.6", rows, 2, &c, why));
	assert_int_equal(c.len("four"), 4);
	assert_int_equal(c.cmp("same", "same"), 0);
}

static void one_is_not(void **state)
{
	struct calls c;
	char why[LATE_WHY_MAX] = "";

	(void)state;
	assert_false(late_open("libc.so.6", rows, ARRAY_LEN(rows), &c, why));
	assert_non_null(strstr(why, "no_such_function"));
}

static void no_library(void **state)
{
	struct calls c;
	char why[LATE_WHY_MAX] = "";

	(void)state;
	assert_false(late_open("libvpnc-ike-nowhere.so.1", rows, 2, &c, why));
	assert_non_null(strstr(why, "libvpnc-ike-nowhere.so.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_there),
		cmocka_unit_test(one_is_not),
		cmocka_unit_test(no_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
