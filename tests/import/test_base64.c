#include "../../src/import/base64.h"
#include "lib/test.h"

#include <stdlib.h>

static void decodes_as(const char *text, const char *octets)
{
	size_t n;
	uint8_t *out = base64_decode(text, &n);

	assert_non_null(out);
	assert_int_equal(n, strlen(octets));
	assert_memory_equal(out, octets, n);
	base64_free(out, n);
}

/* RFC 4648 section 10. */
static void test_vectors_decode(void **state)
{
	(void)state;
	decodes_as("Zg==", "f");
	decodes_as("Zm8=", "fo");
	decodes_as("Zm9v", "foo");
	decodes_as("Zm9vYg==", "foob");
	decodes_as("Zm9vYmE=", "fooba");
	decodes_as("Zm9vYmFy", "foobar");
	decodes_as("\n\t Zm9v\r\nYm Fy\n", "foobar");
	decodes_as("Zg=\n=", "f");
}

static void what_is_no_base64_does_not(void **state)
{
	static const char *const bad[] = { "", " ", "Z", "Zg", "Zg=", "Zm9",
		"Zg==Zg==", "=Zg=", "Z===", "====", "Zm9v====", "Zm9v=", "Zm-v", "Zm9v\x80",
		"Zm9vYg==x" };
	size_t n;
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (base64_decode(bad[i], &n))
			fail_msg("\"%s\" was decoded", bad[i]);
}

static void pem_is_what_the_decoder_reads(void **state)
{
	uint8_t octets[200], text[400];
	char inside[400];
	size_t n;
	(void)state;

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 37 + 1);
	for (size_t len = 1; len <= sizeof(octets); len++) {
		struct wr w = wr_init(text, base64_pem_room("THING", len));
		base64_pem(&w, "THING", (struct bytes){ octets, len });
		assert_false(w.bad);
		const char *begin = "-----BEGIN THING-----\n", *end = "-----END THING-----\n";
		assert_memory_equal(text, begin, strlen(begin));
		assert_memory_equal(text + w.len - strlen(end), end, strlen(end));
		size_t body = w.len - strlen(begin) - strlen(end);
		memcpy(inside, text + strlen(begin), body);
		inside[body] = 0;
		assert_true(strcspn(inside, "\n") <= 64);
		uint8_t *back = base64_decode(inside, &n);
		assert_non_null(back);
		assert_int_equal(n, len);
		assert_memory_equal(back, octets, len);
		base64_free(back, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_decode),
		cmocka_unit_test(what_is_no_base64_does_not),
		cmocka_unit_test(pem_is_what_the_decoder_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
