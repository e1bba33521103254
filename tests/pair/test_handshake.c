/*
 * From IKE_SA_INIT to a tunnel and back, and every way in which it fails.
 */
#include "pair.h"

static void psk(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_command(&p, CMD_REKEY_IKE);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_gw(&p, GW_REKEY_IKE);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_stop(&p);
	pair_run(&p, 5000);
	pair_check_dead(&p, ERR_NONE, 0);
	assert_int_equal(p.gw.phase, GW_CLOSED);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(psk),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
