/* What a netconf means in the kernel's terms, and the steps from one to the next. */
#include "../../src/host/priv.h"
#include "lib/test.h"

enum { PREF = 1181 };

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>

static struct err e;

static struct prefix net(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(&p, text));
	return p;
}

static struct netconf *conf(void)
{
	struct netconf *c = calloc(1, sizeof(*c) + 16 * sizeof(c->routes[0]));

	assert_non_null(c);
	c->mtu = 1400;
	c->addrs[c->n_addrs++] = net("10.1.2.3");
	return c;
}

static void route(struct netconf *c, enum route_kind kind, const char *dst)
{
	c->routes[c->n_routes++] = (struct route){ kind, net(dst) };
}

static struct plan plan(
	const struct netconf *c, enum ipv6_state ipv6, const struct prefix *lan, size_t n)
{
	struct plan_input in = { .want = c,
		.link = 7,
		.table = 47000,
		.pref = PREF,
		.ipv6 = ipv6,
		.lan = lan,
		.n_lan = n };
	struct plan p;

	assert_ok(&e, plan_make(&p, &in, &e));
	return p;
}

static uint8_t type_of(const struct plan *p, const char *dst)
{
	struct prefix want = net(dst);

	for (size_t i = 0; i < p->n_routes; i++)
		if (prefix_same(&p->routes[i].dst, &want))
			return p->routes[i].type;
	return 0;
}

static void lan_is_private_and_nothing_beyond(void **state)
{
	static const struct {
		const char *net;
		bool lan;
	} rows[] = {
		{ "10.0.0.0/8", true },
		{ "10.1.2.0/24", true },
		{ "172.16.0.0/12", true },
		{ "172.31.255.0/24", true },
		{ "192.168.1.0/24", true },
		{ "169.254.0.0/16", true },
		{ "fd00::/8", true },
		{ "fc00::/7", true },
		{ "fe80::/64", true },
		{ "0.0.0.0/0", false },
		{ "8.0.0.0/5", false },
		{ "172.0.0.0/8", false },
		{ "172.32.0.0/16", false },
		{ "192.168.0.0/15", false },
		{ "203.0.113.0/24", false },
		{ "100.64.0.0/10", false },
		{ "::/0", false },
		{ "fe00::/9", false },
		{ "2001:db8::/32", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p = net(rows[i].net);
		if (prefix_is_lan(&p) != rows[i].lan)
			fail_msg("%s", rows[i].net);
	}
}

static void lan_stays_out_unless_routed_by_name(void **state)
{
	const struct prefix lan[] = { net("192.168.1.0/24"), net("10.9.0.0/16"),
		net("203.0.113.0/24") };
	struct netconf *c = conf();

	(void)state;
	c->lan = true;
	route(c, ROUTE_TUNNEL, "0.0.0.0/0");
	route(c, ROUTE_TUNNEL, "10.9.0.0/16");
	struct plan p = plan(c, IPV6_WORKS, lan, ARRAY_LEN(lan));
	assert_int_equal(type_of(&p, "192.168.1.0/24"), RTN_THROW);
	assert_int_equal(type_of(&p, "10.9.0.0/16"), RTN_UNICAST);
	assert_int_equal(type_of(&p, "203.0.113.0/24"), 0);
	plan_free(&p);
	c->lan = false;
	p = plan(c, IPV6_WORKS, lan, ARRAY_LEN(lan));
	assert_int_equal(type_of(&p, "192.168.1.0/24"), 0);
	plan_free(&p);
	free(c);
}

/* TunnelCrack's LocalNet: the local network claims a part of what the tunnel carries. */
static void office_stays_the_office(void **state)
{
	const struct prefix lan[] = { net("10.9.0.0/17"), net("192.168.1.0/24"),
		net("192.168.2.0/24"), net("10.0.0.0/8") };
	struct netconf *c = conf();

	(void)state;
	c->lan = true;
	route(c, ROUTE_TUNNEL, "10.9.0.0/16");
	route(c, ROUTE_TUNNEL, "0.0.0.0/0");
	assert_true(addr_parse(&c->dns[c->n_dns++], "192.168.1.53"));
	struct plan p = plan(c, IPV6_WORKS, lan, ARRAY_LEN(lan));
	assert_int_equal(type_of(&p, "10.9.0.0/17"), 0);
	assert_int_equal(type_of(&p, "10.9.0.0/16"), RTN_UNICAST);
	/* With what the gateway named in them: its name server, our address. */
	assert_int_equal(type_of(&p, "192.168.1.0/24"), 0);
	assert_int_equal(type_of(&p, "10.0.0.0/8"), 0);
	assert_int_equal(type_of(&p, "192.168.2.0/24"), RTN_THROW);
	plan_free(&p);
	free(c);
}

static void nothing_is_left_out_of_nothing(void **state)
{
	struct netconf *c = conf();

	(void)state;
	c->n_addrs = 0;
	route(c, ROUTE_BYPASS, "203.0.113.0/24");
	struct plan p = plan(c, IPV6_WORKS, NULL, 0);
	assert_int_equal(p.n_routes, 0);
	assert_false(p.rule[0] || p.up);
	plan_free(&p);
	free(c);
}

static void one_route_for_a_destination(void **state)
{
	struct netconf *c = conf();

	(void)state;
	route(c, ROUTE_TUNNEL, "10.20.0.0/16");
	route(c, ROUTE_TUNNEL, "10.20.0.0/16");
	route(c, ROUTE_BLOCK, "10.20.0.0/16");
	route(c, ROUTE_BYPASS, "10.20.0.0/16");
	c->routes[1].dst.ip[3] = 9; /* host bits */
	struct plan p = plan(c, IPV6_WORKS, NULL, 0);
	assert_int_equal(p.n_routes, 1);
	assert_int_equal(p.routes[0].type, RTN_THROW);
	assert_true(p.rule[0]);
	assert_false(p.rule[1]);
	plan_free(&p);
	free(c);
}

/* Another tunnel may carry everything: what this one carries is found first, whoever came first. */
static void narrow_networks_come_first(void **state)
{
	static const struct {
		const char *network;
		enum route_kind kind;
		uint32_t rule;
	} rows[] = {
		{ "10.20.0.0/24", ROUTE_TUNNEL, PREF },
		{ "10.20.0.1/32", ROUTE_TUNNEL, PREF },
		{ "10.20.0.0/16", ROUTE_TUNNEL, PREF + 64 },
		{ "10.0.0.0/8", ROUTE_BLOCK, PREF + 128 },
		{ "128.0.0.0/1", ROUTE_TUNNEL, PREF + 192 },
		{ "0.0.0.0/0", ROUTE_TUNNEL, PREF + 192 },
		{ "fd00:1::/64", ROUTE_TUNNEL, PREF },
		{ "fd00:1::/48", ROUTE_TUNNEL, PREF + 64 },
		{ "fd00:1::/32", ROUTE_TUNNEL, PREF + 128 },
		{ "2000::/3", ROUTE_TUNNEL, PREF + 192 },
		{ "::/0", ROUTE_BLOCK, PREF + 192 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netconf *c = conf();
		route(c, rows[i].kind, rows[i].network);
		route(c, ROUTE_BYPASS, "172.16.0.0/12");
		struct plan p = plan(c, IPV6_WORKS, NULL, 0);
		bool v6 = c->routes[0].dst.family == FAMILY_V6;
		assert_int_equal(p.rule[v6], rows[i].rule);
		assert_int_equal(p.rule[!v6], v6 ? PREF : 0);
		plan_free(&p);
		free(c);
	}
}

static void without_ipv6_nothing_leaks(void **state)
{
	struct netconf *c = conf();

	(void)state;
	c->addrs[c->n_addrs++] = net("fd01::3");
	route(c, ROUTE_TUNNEL, "0.0.0.0/0");
	route(c, ROUTE_TUNNEL, "::/0");
	struct plan p = plan(c, IPV6_NOT_ON_LINK, NULL, 0);
	assert_int_equal(p.n_addrs, 1);
	assert_int_equal(type_of(&p, "::/0"), RTN_UNREACHABLE);
	plan_free(&p);
	p = plan(c, IPV6_ABSENT, NULL, 0);
	assert_int_equal(p.n_routes, 1);
	plan_free(&p);
	p = plan(c, IPV6_WORKS, NULL, 0);
	assert_int_equal(type_of(&p, "::/0"), RTN_UNICAST);
	assert_int_equal(p.routes[1].src.family, FAMILY_V6);
	plan_free(&p);
	free(c);
}

/* "+address +route -route" of the steps, and that the rule is the last to come and the first to go. */
static void assert_steps(const struct plan *from, const struct plan *to, const char *expected)
{
	static const char *const kinds[] = { [ITEM_LINK] = "link",
		[ITEM_ADDR] = "addr",
		[ITEM_ROUTE] = "route",
		[ITEM_RULE] = "rule" };
	struct item base = { .link = 7, .table = 47000 };
	char text[256] = "";
	struct step *v;
	size_t n;

	assert_ok(&e, plan_steps(from, to, &base, &v, &n, &e));
	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, "%s%c%s", i ? " " : "",
			v[i].op == STEP_DEL   ? '-' :
				v[i].replaces ? '=' :
						'+',
			kinds[v[i].item.kind]);
	}
	assert_string_equal(text, expected);
	free(v);
}

static void only_the_difference_in_the_right_order(void **state)
{
	struct netconf *c = conf();
	struct plan none = { 0 };

	(void)state;
	route(c, ROUTE_TUNNEL, "10.20.0.0/16");
	route(c, ROUTE_BYPASS, "10.30.0.0/16");
	struct plan first = plan(c, IPV6_WORKS, NULL, 0);
	assert_steps(&none, &first, "+link +addr +route +route +route +rule");
	assert_steps(&first, &first, "");
	assert_steps(&first, &none, "-rule -route -route -route -addr +link");
	c->addrs[0] = net("10.1.2.4");
	c->routes[1] = (struct route){ ROUTE_TUNNEL, net("fd00::/8") };
	struct plan second = plan(c, IPV6_WORKS, NULL, 0);
	assert_steps(&first, &second, "+addr =route +route +route +rule -route -addr");
	c->mtu = 1300;
	struct plan third = plan(c, IPV6_WORKS, NULL, 0);
	assert_steps(&second, &third, "+link");
	plan_free(&first);
	plan_free(&second);
	plan_free(&third);
	free(c);
}

/* The interface may go, and its routes with it: what went into the tunnel as everything else does
 * must not fall through to the main table. */
static void default_has_a_wall_behind_it(void **state)
{
	struct netconf *c = conf();
	struct plan none = { 0 };

	(void)state;
	route(c, ROUTE_TUNNEL, "0.0.0.0/0");
	struct plan first = plan(c, IPV6_WORKS, NULL, 0);
	assert_true(first.wall[0]);
	assert_false(first.wall[1]);
	assert_steps(&none, &first, "+link +addr +route +route +rule");
	route(c, ROUTE_TUNNEL, "::/0");
	struct plan second = plan(c, IPV6_NOT_ON_LINK, NULL, 0);
	assert_true(second.wall[0] && second.wall[1]);
	assert_steps(&first, &second, "+route +route +rule");
	assert_steps(&second, &none, "-rule -rule -route -route -route -route -addr +link");
	c->routes[0] = (struct route){ ROUTE_BYPASS, net("0.0.0.0/0") };
	c->routes[1] = (struct route){ ROUTE_TUNNEL, net("fd00::/8") };
	struct plan split = plan(c, IPV6_WORKS, NULL, 0);
	assert_false(split.wall[0] || split.wall[1]);
	plan_free(&first);
	plan_free(&second);
	plan_free(&split);
	free(c);
}

/* So must not what goes into a split tunnel: each of its networks has a wall of its own. */
static void networks_have_walls_behind_them(void **state)
{
	struct netconf *c = conf();
	struct plan none = { 0 };
	struct item base = { .link = 7, .table = 47000 };
	unsigned walls = 0;
	struct step *v;
	size_t n;

	(void)state;
	route(c, ROUTE_TUNNEL, "10.20.0.0/16");
	route(c, ROUTE_BYPASS, "10.20.30.0/24");
	route(c, ROUTE_TUNNEL, "fd00::/8");
	struct plan split = plan(c, IPV6_WORKS, NULL, 0);
	assert_int_equal(plan_walls(&split), 2);
	assert_ok(&e, plan_steps(&none, &split, &base, &v, &n, &e));
	for (size_t i = 0; i < n; i++) {
		const struct item *it = &v[i].item;
		if (it->kind != ITEM_ROUTE || it->type != RTN_UNREACHABLE)
			continue;
		assert_int_equal(it->link, 0);
		assert_int_equal(it->metric, UINT32_MAX - 1);
		assert_int_equal(it->dst.len, it->dst.family == FAMILY_V4 ? 16 : 8);
		walls++;
	}
	assert_int_equal(walls, 2);
	free(v);
	c->routes[0] = (struct route){ ROUTE_TUNNEL, net("0.0.0.0/0") };
	struct plan full = plan(c, IPV6_WORKS, NULL, 0);
	assert_int_equal(plan_walls(&full), 2);
	assert_steps(&split, &full, "+route +route +rule -rule -route -route");
	plan_free(&split);
	plan_free(&full);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lan_is_private_and_nothing_beyond),
		cmocka_unit_test(lan_stays_out_unless_routed_by_name),
		cmocka_unit_test(office_stays_the_office),
		cmocka_unit_test(nothing_is_left_out_of_nothing),
		cmocka_unit_test(one_route_for_a_destination),
		cmocka_unit_test(narrow_networks_come_first),
		cmocka_unit_test(without_ipv6_nothing_leaks),
		cmocka_unit_test(only_the_difference_in_the_right_order),
		cmocka_unit_test(default_has_a_wall_behind_it),
		cmocka_unit_test(networks_have_walls_behind_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
