/*
 * The kill switch, as a session asks for it: before the first packet, and until an end that was asked for.
 */
#include <stdlib.h>

#include "lib/test.h"
#include "session/session.h"

static struct err e;

struct world {
	struct profile *p;
	struct outbox ob;
};

static int setup(void **state)
{
	struct world *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	x->p = profile_new("test");
	assert_non_null(x->p);
	outbox_init(&x->ob);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct world *x = *state;

	profile_free(x->p);
	outbox_free(&x->ob);
	free(x);
	return 0;
}

static const struct netconf *last_netconf(const struct outbox *ob)
{
	for (size_t i = ob->n; i-- > 0;)
		if (ob->actions[i].kind == ACT_NETCONF)
			return outbox_get(ob, i);
	return NULL;
}

static bool wants(const struct outbox *ob, enum action_kind kind)
{
	for (size_t i = 0; i < ob->n; i++)
		if (ob->actions[i].kind == kind)
			return true;
	return false;
}

static struct session *guarded(struct world *x, const char *kind)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 1 };
	struct profile_problem problems[4];

	assert_ok(&e, profile_set(x->p, "connection", "gateway", "198.51.100.10", &e));
	assert_ok(&e, profile_set(x->p, "network", "killswitch", kind, &e));
	assert_ok(&e, profile_set(x->p, "network", "exclude", "203.0.113.0/24", &e));
	assert_ok(&e, profile_set(x->p, "secrets", "psk", "secret", &e));
	(void)profile_finish(x->p, problems, ARRAY_LEN(problems));
	struct session *s = session_new(x->p, seed, &e);
	assert_non_null(s);
	session_start(s, 1, 1000, &x->ob);
	return s;
}

static void no_packet_before_the_kill_switch(void **state)
{
	struct world *x = *state;
	struct session *s = guarded(x, "yes");
	struct os_input done = { .kind = OS_NETCONF_DONE, .ok = true };
	const struct netconf *c = last_netconf(&x->ob);

	assert_non_null(c);
	assert_int_equal(c->killswitch, KILLSWITCH_YES);
	assert_int_equal(c->n_routes, 1);
	assert_int_equal(c->routes[0].kind, ROUTE_BYPASS);
	assert_false(wants(&x->ob, ACT_RESOLVE) || wants(&x->ob, ACT_SEND));
	outbox_clear(&x->ob);
	session_os(s, 2, &done, &x->ob);
	assert_true(wants(&x->ob, ACT_RESOLVE));
	outbox_clear(&x->ob);
	session_stop(s, 3, &x->ob);
	assert_int_equal(last_netconf(&x->ob)->killswitch, KILLSWITCH_NO);
	assert_true(wants(&x->ob, ACT_DOWN));
	session_free(s);
}

static void no_connection_without_the_kill_switch(void **state)
{
	struct world *x = *state;
	struct session *s = guarded(x, "strict");
	struct os_input failed = { .kind = OS_NETCONF_DONE };

	err_set(&failed.err, ERR_LOCAL, "this kernel has no XFRM");
	outbox_clear(&x->ob);
	session_os(s, 2, &failed, &x->ob);
	assert_true(wants(&x->ob, ACT_DOWN));
	assert_false(wants(&x->ob, ACT_RESOLVE));
	session_free(s);
}

/* How the end is told apart: one that was asked for lifts it, one that was not leaves it. */
static void failing(struct world *x, const char *kind, enum killswitch left)
{
	struct session *s = guarded(x, kind);
	struct os_input done = { .kind = OS_NETCONF_DONE, .ok = true },
			paths = { .kind = OS_PATHS };

	session_os(s, 2, &done, &x->ob);
	err_set(&paths.err, ERR_SILENT, "there is no route");
	session_os(s, 3, &paths, &x->ob);
	assert_true(wants(&x->ob, ACT_DOWN));
	assert_int_equal(last_netconf(&x->ob)->killswitch, left);
	session_free(s);
}

static void yes_ends_with_a_failure(void **state)
{
	failing(*state, "yes", KILLSWITCH_NO);
}

static void strict_outlives_a_failure(void **state)
{
	failing(*state, "strict", KILLSWITCH_STRICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_packet_before_the_kill_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(
			no_connection_without_the_kill_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(yes_ends_with_a_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(strict_outlives_a_failure, setup, teardown),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, test_crypto_teardown);
}
