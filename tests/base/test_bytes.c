#include "lib/test.h"

static void read_numbers(void **state)
{
	static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct rd r = rd_init(data, sizeof(data));

	(void)state;
	assert_int_equal(rd_u8(&r), 1);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_true(rd_u64(&r) == 0x08090a0b0c0d0e0fu);
	assert_true(rd_done(&r));
}

static void short_read_sticks(void **state)
{
	static const uint8_t data[] = { 0xff, 0xff, 0xff };
	struct rd r = rd_init(data, sizeof(data));
	uint8_t out[2] = { 9, 9 };

	(void)state;
	assert_int_equal(rd_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(r.left, 0);
	assert_int_equal(rd_u8(&r), 0); /* although an octet would have been there */
	assert_null(rd_bytes(&r, 0));
	rd_copy(&r, out, 2);
	assert_int_equal(out[0] | out[1], 0);
	assert_false(rd_done(&r));
}

static void sub_reader(void **state)
{
	static const uint8_t data[] = { 1, 2, 3, 4 };
	struct rd r = rd_init(data, sizeof(data));
	struct rd sub = rd_sub(&r, 3);

	(void)state;
	assert_int_equal(sub.left, 3);
	assert_int_equal(rd_u32(&sub), 0); /* never beyond its end, though the outer has more */
	assert_true(sub.bad);
	assert_false(r.bad);
	assert_int_equal(rd_u8(&r), 4);

	sub = rd_sub(&r, 1);
	assert_true(sub.bad && r.bad && sub.left == 0);
}

static void nothing_to_read(void **state)
{
	struct rd r = rd_init(NULL, 10);

	(void)state;
	assert_true(rd_done(&r));
	assert_non_null(rd_bytes(&r, 0));
	rd_copy(&r, NULL, 0);
	assert_true(rd_done(&r));
	assert_int_equal(rd_u8(&r), 0);
	assert_true(r.bad);
}

static void write_and_patch(void **state)
{
	static const uint8_t want[] = { 0xaa, 0, 16, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8,
		0 };
	uint8_t buf[16];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	wr_u8(&w, 0xab);
	wr_u16(&w, 0);
	wr_u32(&w, 0);
	wr_u64(&w, 0x0102030405060708u);
	wr_zeros(&w, 1);
	wr_patch_u16(&w, 1, (uint16_t)w.len);
	wr_patch_u32(&w, 3, 0xdeadbeef);
	wr_patch_u8(&w, 0, 0xaa);
	assert_false(w.bad);
	assert_int_equal(w.len, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void full_buffer_sticks(void **state)
{
	uint8_t buf[8] = { 0 };
	struct wr w = wr_init(buf, 4);

	(void)state;
	wr_u16(&w, 0x1122);
	wr_u32(&w, 0xffffffff);
	assert_true(w.bad);
	wr_u8(&w, 0xff); /* would fit, but something is missing in front of it */
	assert_null(wr_room(&w, 1));
	assert_int_equal(buf[2] | buf[3] | buf[4], 0);
}

static void patch_outside_is_bad(void **state)
{
	uint8_t buf[8];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	wr_u32(&w, 0);
	wr_patch_u32(&w, 1, 1); /* would reach what was not written yet */
	assert_true(w.bad);

	w = wr_init(buf, sizeof(buf));
	wr_u32(&w, 0);
	wr_patch_u16(&w, SIZE_MAX, 1);
	assert_true(w.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_numbers),
		cmocka_unit_test(short_read_sticks),
		cmocka_unit_test(sub_reader),
		cmocka_unit_test(nothing_to_read),
		cmocka_unit_test(write_and_patch),
		cmocka_unit_test(full_buffer_sticks),
		cmocka_unit_test(patch_outside_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
