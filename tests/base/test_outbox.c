#include "base/outbox.h"
#include "lib/test.h"

static void actions_keep_their_order(void **state)
{
	struct addr local = { .family = FAMILY_NONE }, remote;
	struct outbox ob;

	(void)state;
	outbox_init(&ob);
	assert_true(addr_parse(&remote, "192.0.2.1"));
	remote.port = 500;
	outbox_event(&ob, EV_STAGE, LEVEL_INFO, "stage %d", 1);
	outbox_send(&ob, PORT_NATT, &local, &remote, "hello", 5);
	struct sa_ref *ref = outbox_add(&ob, ACT_SA_REMOVE, sizeof(*ref));
	assert_non_null(ref);
	assert_int_equal(ref->spi, 0); /* zeroed */
	ref->spi = 0x1234;

	assert_int_equal(ob.n, 3);
	const struct event *ev = outbox_get(&ob, 0);
	assert_int_equal(ob.actions[0].kind, ACT_EVENT);
	assert_string_equal(ev->text, "stage 1");
	const struct send *s = outbox_get(&ob, 1);
	assert_int_equal(s->from, PORT_NATT);
	assert_int_equal(s->len, 5);
	assert_memory_equal(s->data, "hello", 5);
	assert_true(addr_same(&s->remote, &remote));
	assert_int_equal(((const struct sa_ref *)outbox_get(&ob, 2))->spi, 0x1234);
	outbox_free(&ob);
}

static void grows_and_stays_aligned(void **state)
{
	struct outbox ob;

	(void)state;
	outbox_init(&ob);
	for (unsigned i = 0; i < 200; i++) {
		uint8_t *p = outbox_add(&ob, ACT_EVENT, 61 + i);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		memset(p, (int)i, 61 + i);
	}
	assert_int_equal(ob.n, 200);
	assert_false(ob.failed);
	for (unsigned i = 0; i < 200; i++) {
		const uint8_t *p = outbox_get(&ob, i);
		assert_int_equal(p[0], i);
		assert_int_equal(p[60 + i], i);
	}
	outbox_free(&ob);
}

static void clear_wipes(void **state)
{
	struct outbox ob;

	(void)state;
	outbox_init(&ob);
	uint8_t *p = outbox_add(&ob, ACT_SA_INSTALL, 64);
	assert_non_null(p);
	memset(p, 0x77, 64);
	outbox_clear(&ob);
	assert_int_equal(ob.n, 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(p[i], 0); /* the memory is kept, what was in it is not */
	outbox_free(&ob);
}

static void quiet_log_is_not_kept(void **state)
{
	struct outbox ob;

	(void)state;
	outbox_init(&ob);
	outbox_log(&ob, LEVEL_DEBUG, "no");
	assert_int_equal(ob.n, 0);
	outbox_log(&ob, LEVEL_INFO, "yes");
	assert_int_equal(ob.n, 1);
	assert_int_equal(((const struct event *)outbox_get(&ob, 0))->kind, EV_LOG);
	ob.log_level = LEVEL_TRACE;
	outbox_log(&ob, LEVEL_TRACE, "yes");
	assert_int_equal(ob.n, 2);
	outbox_free(&ob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_keep_their_order),
		cmocka_unit_test(grows_and_stays_aligned),
		cmocka_unit_test(clear_wipes),
		cmocka_unit_test(quiet_log_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
