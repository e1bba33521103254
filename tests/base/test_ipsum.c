#include "base/ipsum.h"
#include "lib/test.h"

/* As RFC 1071 section 4.1 writes it. */
static uint16_t by_the_book(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (; n > 1; n -= 2, p += 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	if (n > 0)
		sum += (uint32_t)p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void every_length_and_place(void **state)
{
	static uint8_t octets[2][70000];

	(void)state;
	memset(octets[0], 0xff, sizeof(octets[0])); /* every carry that there can be */
	for (size_t i = 0; i < sizeof(octets[1]); i++)
		octets[1][i] = (uint8_t)(i * i * 31 + i * 7 + (i >> 8));
	for (size_t which = 0; which < 2; which++)
		for (size_t at = 0; at < 9; at++) {
			const uint8_t *p = octets[which] + at;
			for (size_t n = 0; n < 300; n++)
				assert_int_equal(ipsum_fold(ipsum_add(0, p, n)), by_the_book(p, n));
			for (size_t n = 65000; n < 65600; n += 97)
				assert_int_equal(ipsum_fold(ipsum_add(0, p, n)), by_the_book(p, n));
		}
}

/* Of even pieces the sum is that of the whole. */
static void in_pieces(void **state)
{
	uint8_t octets[200];

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(0xff - i * 3);
	for (size_t n = 0; n <= sizeof(octets); n += 2) {
		uint32_t sum = ipsum_add(ipsum_add(0, octets, n), octets + n, sizeof(octets) - n);
		assert_int_equal(ipsum_fold(sum), by_the_book(octets, sizeof(octets)));
	}
}

/* What is copied is added up as well, and nothing is written behind it. */
static void copied(void **state)
{
	uint8_t octets[400], to[410];

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * i * 13 + 5);
	for (size_t at = 0; at < 9; at++)
		for (size_t n = 0; n + at < sizeof(octets); n++) {
			memset(to, 0xa5, sizeof(to));
			uint32_t sum = ipsum_copy(7, to + at, octets + at, n);
			assert_int_equal(ipsum_fold(sum), ipsum_fold(ipsum_add(7, octets + at, n)));
			assert_memory_equal(to + at, octets + at, n);
			assert_int_equal(to[at + n], 0xa5);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_and_place),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
