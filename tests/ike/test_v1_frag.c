#include "../../src/ike/v1_sa.h"
#include "lib/test.h"

#include <stdlib.h>

static struct v1_fragments *slot;
static uint8_t *whole;
static size_t len;

static int forget(void **state)
{
	(void)state;
	v1_fragments_free(&slot);
	free(whole);
	whole = NULL;
	return 0;
}

/* A fragment of n octets, each of which is fill. */
static bool take(uint16_t id, uint8_t number, bool last, uint8_t fill, size_t n, struct err *e)
{
	uint8_t *body = malloc(4 + n);
	struct wr w = wr_init(body, 4 + n);

	assert_non_null(body);
	wr_u16(&w, id);
	wr_u8(&w, number);
	wr_u8(&w, last);
	memset(body + 4, fill, n);
	free(whole);
	bool ok = v1_reassemble(&slot, (struct bytes){ body, 4 + n }, &whole, &len, e);
	free(body);
	return ok;
}

static void in_any_order(void **state)
{
	struct err e;

	(void)state;
	assert_ok(&e, take(7, 3, true, 'c', 1, &e));
	assert_null(whole);
	assert_ok(&e, take(7, 1, false, 'a', 2, &e));
	assert_null(whole);
	assert_ok(&e, take(7, 2, false, 'b', 3, &e));
	assert_non_null(whole);
	assert_int_equal(len, 6);
	assert_memory_equal(whole, "aabbbc", 6);
	assert_null(slot);
	assert_ok(&e, take(7, 1, true, 'x', 1, &e)); /* alone */
	assert_memory_equal(whole, "x", 1);
}

static void malformed(void **state)
{
	struct err e;

	(void)state;
	assert_refused(&e, ERR_DROP, take(7, 0, false, 'a', 5, &e));
	assert_refused(&e, ERR_DROP, take(7, 1, false, 'a', 0, &e));
	for (size_t n = 0; n < 4; n++)
		assert_refused(&e, ERR_DROP,
			v1_reassemble(&slot, (struct bytes){ "\0\7\1\1", n }, &whole, &len, &e));
	assert_null(slot);
}

/* Once more is nothing new; with another id, or other octets, another message begins. */
static void twice(void **state)
{
	struct err e;

	(void)state;
	assert_ok(&e, take(7, 1, false, 'a', 5, &e));
	assert_refused(&e, ERR_DROP, take(7, 1, false, 'a', 5, &e));
	assert_int_equal(slot->have, 1);
	assert_ok(&e, take(7, 1, false, 'b', 5, &e));
	assert_int_equal(slot->have, 1);
	assert_ok(&e, take(8, 2, true, 'c', 5, &e));
	assert_int_equal(slot->have, 1);
	assert_ok(&e, take(8, 1, false, 'd', 1, &e));
	assert_memory_equal(whole, "dccccc", 6);
}

/* There is one last, and nothing behind it. */
static void nonsense(void **state)
{
	struct err e;

	(void)state;
	assert_ok(&e, take(7, 2, true, 'b', 1, &e));
	assert_refused(&e, ERR_DROP, take(7, 3, false, 'c', 1, &e));
	assert_refused(&e, ERR_DROP, take(7, 1, true, 'a', 1, &e));
	assert_ok(&e, take(7, 1, false, 'a', 1, &e));
	assert_memory_equal(whole, "ab", 2);
	assert_ok(&e, take(7, 3, false, 'c', 1, &e));
	assert_ok(&e, take(7, 1, false, 'a', 1, &e));
	assert_refused(&e, ERR_DROP, take(7, 2, true, 'b', 1, &e));
	assert_null(whole);
	assert_null(slot);
}

/* What anybody may send takes no more memory than one message. */
static void too_large(void **state)
{
	struct err e;

	(void)state;
	assert_ok(&e, take(7, 1, false, 'a', 40000, &e));
	assert_refused(&e, ERR_DROP, take(7, 2, false, 'b', 25536, &e));
	assert_int_equal(slot->size, 40000);
	assert_ok(&e, take(7, 2, true, 'b', 25535, &e));
	assert_int_equal(len, 65535);
}

/* What is cut is put together again, and is not cut where it need not be. */
static void cut(void **state)
{
	uint8_t message[3000];
	struct kept out = { 0 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 7);
	assert_true(v1_cut((struct bytes){ message, sizeof(message) }, 576, true, 9, &out));
	assert_int_equal(out.n, 6); /* 540 octets in each */
	for (size_t i = out.n; i-- > 0;) {
		assert_in_range(out.v[i].len, IKE_HDR_LEN + 8 + 1, 576);
		assert_memory_equal(out.v[i].data, message, 16);
		struct bytes body = { out.v[i].data + IKE_HDR_LEN + 4,
			out.v[i].len - IKE_HDR_LEN - 4 };
		assert_ok(&e, v1_reassemble(&slot, body, &whole, &len, &e));
	}
	assert_int_equal(len, sizeof(message));
	assert_memory_equal(whole, message, sizeof(message));
	kept_free(&out);
	assert_true(v1_cut((struct bytes){ message, sizeof(message) }, 576, false, 9, &out));
	assert_int_equal(out.n, 1);
	kept_free(&out);
	assert_true(v1_cut((struct bytes){ message, 576 }, 576, true, 9, &out));
	assert_int_equal(out.n, 1);
	kept_free(&out);
	assert_false(v1_cut((struct bytes){ message, sizeof(message) }, 2000, true, 9, &out));
	assert_false(v1_cut(
		(struct bytes){ message, sizeof(message) }, IKE_HDR_LEN + 8 + 10, true, 9, &out));
	kept_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(in_any_order, forget),
		cmocka_unit_test_teardown(malformed, forget),
		cmocka_unit_test_teardown(twice, forget),
		cmocka_unit_test_teardown(nonsense, forget),
		cmocka_unit_test_teardown(too_large, forget),
		cmocka_unit_test_teardown(cut, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
