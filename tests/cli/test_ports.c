/*
 * Source ports that are kept between runs.
 */
#include "cli/ports.h"
#include "folder.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>

static void kept_by_gateway(void **state)
{
	setenv("XDG_STATE_HOME", *state, 1);
	assert_int_equal(port_recall("a.example"), 0);
	port_keep("a.example", 50001);
	port_keep("b.example", 50002);
	port_keep("A.example", 50003);
	assert_int_equal(port_recall("a.EXAMPLE"), 50003);
	assert_int_equal(port_recall("b.example"), 50002);
	port_keep("a.example", 0);
	assert_int_equal(port_recall("a.example"), 0);
	assert_int_equal(port_recall("b.example"), 50002);
}

static void the_oldest_go(void **state)
{
	char name[32];

	setenv("XDG_STATE_HOME", *state, 1);
	for (unsigned i = 0; i <= PORTS_KEPT; i++) {
		snprintf(name, sizeof(name), "gw%u", i);
		port_keep(name, (uint16_t)(50000 + i));
	}
	assert_int_equal(port_recall("gw0"), 0);
	assert_int_equal(port_recall("gw1"), 50001);
	assert_int_equal(port_recall(name), 50000 + PORTS_KEPT);
}

static void what_is_not_ours_is_nothing(void **state)
{
	char path[512];

	setenv("XDG_STATE_HOME", *state, 1);
	port_keep("a.example", 50001);
	snprintf(path, sizeof(path), "%s/vpnc-ike", (const char *)*state);
	folder_text(path, "l2tp-ports", "junk\nb.example 99999\nc.example 0\nd.example 1701\n\n");
	assert_int_equal(port_recall("b.example"), 0);
	assert_int_equal(port_recall("c.example"), 0);
	assert_int_equal(port_recall("d.example"), 1701);
	assert_int_equal(port_recall("junk"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kept_by_gateway, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(the_oldest_go, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			what_is_not_ours_is_nothing, folder_make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
