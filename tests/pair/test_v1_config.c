#include "v1_pair.h"

/* What gateways do about mode configuration. */

/* Cisco's attributes: banner, split include and DNS, domain, PFS, backup servers, stored passwords. */
static void unity(void **state)
{
	struct v1_pair *p = v1_pair_new(44);
	char text[ADDR_TEXT_MAX];

	(void)state;
	p->cfg.pfs = TRI_NO; /* the gateway insists */
	p->config = "0001 0004 0a010203 0003 0004 0a010101 7000 0007 48690a746865 72"
		    "7002 0004 632e6465 7003 0009 612e64652c622e6465 f007 0001 f001 0001"
		    "7004 001c 0a020000 ffff0000 0000 0000 0000 0a030000 ffffff00 0000 0000 0000"
		    "7006 001c 00000000 ffffffff 0000 0000 0000 0a038000 ffff8000 0000 0000 0000"
		    "7009 0008 3139322e302e322e";
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	const struct granted *g = &p->client->granted;
	assert_string_equal(p->heard, "Hi ther");
	assert_int_equal(g->n_addrs, 1);
	assert_int_equal(g->n_dns, 1);
	assert_int_equal(g->n_domains, 3);
	assert_string_equal(g->domains[0], "c.de");
	assert_string_equal(g->domains[1], "a.de");
	assert_string_equal(g->domains[2], "b.de");
	assert_true(g->split);
	assert_int_equal(g->n_subnets, 2);
	assert_string_equal(prefix_text(text, &g->subnets[0]), "10.2.0.0/16");
	assert_string_equal(prefix_text(text, &g->subnets[1]), "10.3.0.0/24");
	assert_int_equal(g->n_excluded, 1); /* 0.0.0.0/32 is where we are */
	assert_string_equal(prefix_text(text, &g->excluded[0]), "10.3.128.0/17");
	assert_non_null(p->client->children.v[0]->suite.ke);
	v1_pair_done(p);
}

/* A gateway without mode configuration, as between two sites: it says nothing, or refuses. */
static void not_configured(void **state)
{
	static const struct {
		uint16_t notify;
		bool wanted; /* the profile names an address */
		uint64_t within;
	} rows[] = { { 0, false, SECONDS(9) }, { 29, false, SECONDS(2) }, { 0, true, SECONDS(9) },
		{ 29, true, SECONDS(2) } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct v1_pair *p = v1_pair_new(45);
		p->no_config = true;
		p->config_refused = rows[i].notify;
		p->cfg.n_want = rows[i].wanted;
		assert_true(prefix_parse(&p->cfg.want[0], "10.1.2.3"));
		v1_pair_connect(p);
		assert_in_range(p->net.now, 0, rows[i].within);
		if (rows[i].wanted) {
			v1_pair_check_dead(p, ERR_PEER, rows[i].notify);
			assert_non_null(strstr(p->client->failure.text, "network.address"));
		} else {
			v1_pair_check_up(p, 1);
			assert_int_equal(p->events[EV_WARNING], 1);
			v1_pair_command(p, CMD_REKEY_IKE); /* it is not asked once more */
			v1_pair_run(p, SECONDS(20));
			v1_pair_check_up(p, 1);
			assert_int_equal(p->client->rekeys_ike, 1);
			assert_in_range(p->pulls, 1, 8);
			assert_int_equal(p->events[EV_WARNING], 1);
		}
		v1_pair_done(p);
	}
}

/* `auto` asks for an address of both families, a profile that names one for that. */
static void both_families(void **state)
{
	struct v1_pair *p = v1_pair_new(47);

	(void)state;
	p->config = "0008 0011 fd98000000000000000000000000000240 000a 0010 "
		    "fd990000000000000000000000000053";
	v1_pair_connect(p); /* this gateway has no IPv6 behind it, and refuses quick mode */
	assert_true(p->asked_v6);
	assert_int_equal(p->client->granted.n_addrs, 1);
	assert_int_equal(p->client->granted.addrs[0].family, FAMILY_V6);
	assert_int_equal(p->client->granted.n_dns, 1);
	v1_pair_done(p);
	p = v1_pair_new(48);
	p->cfg.n_want = 1;
	assert_true(prefix_parse(&p->cfg.want[0], "10.1.2.3"));
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	assert_false(p->asked_v6);
	v1_pair_done(p);
}

/* A gateway that chokes on IPv6, with a word or without, is asked once more without. */
static void only_ipv4(void **state)
{
	(void)state;
	for (int silent = 0; silent < 2; silent++)
		for (int xauth = 0; xauth < 2; xauth++) {
			struct v1_pair *p = v1_pair_new(49);
			p->only_v4 = true;
			p->login = xauth;
			p->config_refused = silent ? 0 : 13; /* ATTRIBUTES-NOT-SUPPORTED */
			v1_pair_connect(p);
			assert_in_range(p->net.now, 0, silent ? SECONDS(9) : SECONDS(2));
			v1_pair_check_up(p, 1);
			assert_int_equal(p->pulls, 2);
			assert_int_equal(p->client->granted.n_addrs, 1);
			assert_int_equal(p->events[EV_WARNING], xauth);
			v1_pair_done(p);
		}
}

/* Both questions are answered, when the second has been asked: the first answer counts, and nothing more is asked. */
static void answered_late(void **state)
{
	struct v1_pair *p = v1_pair_new(49);

	(void)state;
	p->wire.delay = 2500;
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	assert_int_equal(p->pulls, 2);
	assert_int_equal(p->client->granted.n_addrs, 1);
	assert_int_equal(p->events[EV_WARNING], 0);
	v1_pair_run(p, SECONDS(10));
	assert_int_equal(p->pulls, 2);
	v1_pair_done(p);
}

/* What is refused here is who we are. */
static void refused_after_phase1(void **state)
{
	struct v1_pair *p = v1_pair_new(46);

	(void)state;
	p->no_config = true;
	p->config_refused = AUTHENTICATION_FAILED;
	v1_pair_connect(p);
	v1_pair_check_dead(p, ERR_PEER, AUTHENTICATION_FAILED);
	v1_pair_done(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unity),
		cmocka_unit_test(not_configured),
		cmocka_unit_test(both_families),
		cmocka_unit_test(only_ipv4),
		cmocka_unit_test(answered_late),
		cmocka_unit_test(refused_after_phase1),
	};

	return cmocka_run_group_tests(tests, v1_pair_group_setup, v1_pair_group_teardown);
}
