#include "../../src/lean.h"

#include <stdio.h>

#include "crypto/alg.h"
#include "crypto/prf.h"
#include "lib/test.h"

/* Resident pages that come from files, in KiB. */
static unsigned long resident(void)
{
	char line[128];
	unsigned long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssFile: %lu", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static struct secret hash(void)
{
	struct bytes text = BYTES("the same before and after");
	struct secret out;
	struct err e;

	assert_ok(&e, prf(alg_by_name(TRANSFORM_PRF, "prfsha512"), text, &text, 1, &out, &e));
	return out;
}

/* What cryptography has brought into memory goes, and all of it works as before: code, constants, and
 * what was written to variables. */
static void given_back(void **state)
{
	static unsigned written = 1;
	struct err e;

	(void)state;
	assert_ok(&e, crypto_init(&e));
	for (size_t i = 0; alg_row(i); i++)
		(void)alg_works(alg_row(i));
	struct secret before = hash();
	unsigned long kib = resident();
	for (unsigned i = 0; i < 3; i++) {
		written++;
		lean();
		if (i == 0)
			assert_true(resident() + 512 < kib);
		struct secret after = hash();
		assert_memory_equal(&before, &after, sizeof(after));
		assert_int_equal(written, i + 2);
	}
	crypto_exit();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(given_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
