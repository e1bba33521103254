/*
 * What the gateway pushes, and what becomes of it: loopback, link-local, multicast, reserved addresses,
 * the gateway itself and more than the profile accepts are refused and named, one warning each.
 */
#include "session/session.h"
#include "session/status.h"

#include "../src/session/netconf.h"
#include "crypto/alg.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>

static struct err e;

struct pushed {
	struct profile *p;
	struct selectors ts;
	struct ike_view view;
	struct granted g;
	struct outbox ob;
	struct netconf *made;
	enum sa_mode mode; /* of the child SA */
	const char *local; /* our side of it, NULL: as the gateway's */
	struct selectors local_ts;
	struct machine machine;
	struct path path;
};

static int setup(void **state)
{
	struct pushed *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	x->p = profile_new("test");
	assert_non_null(x->p);
	outbox_init(&x->ob);
	assert_true(addr_parse(&x->view.remote, "198.51.100.10"));
	x->path.mtu = 1500;
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct pushed *x = *state;

	profile_free(x->p);
	outbox_free(&x->ob);
	free(x->made);
	free(x);
	return 0;
}

static struct prefix net(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(&p, text));
	return p;
}

static void set(struct pushed *x, const char *key, const char *value)
{
	struct profile_problem problems[4];

	assert_ok(&e, profile_set(x->p, "connection", "gateway", "198.51.100.10", &e));
	assert_ok(&e, profile_set(x->p, "network", key, value, &e));
	(void)profile_finish(x->p, problems, ARRAY_LEN(problems));
}

static void push_route(struct pushed *x, const char *text)
{
	struct prefix p = net(text);

	selector_from_prefix(&x->ts.v[x->ts.n++], &p);
}

static void push_addr(struct pushed *x, const char *text)
{
	x->g.addrs[x->g.n_addrs++] = net(text);
}

static void push_dns(struct pushed *x, const char *text)
{
	assert_true(addr_parse(&x->g.dns[x->g.n_dns++], text));
}

static void push_domain(struct pushed *x, const char *text)
{
	snprintf(x->g.domains[x->g.n_domains++], DOMAIN_TEXT_MAX, "%s", text);
}

static void try_build(struct pushed *x)
{
	const struct suite any = { .encr = alg_by_name(TRANSFORM_ENCR, "aes256gcm16") };

	assert_non_null(any.encr);
	x->local_ts = x->ts;
	if (x->local) {
		struct prefix ours = net(x->local);
		x->local_ts.n = 1;
		selector_from_prefix(&x->local_ts.v[0], &ours);
	}
	x->view.n_children = 1;
	x->view.children[0] = (struct ike_child_view){ .mode = x->mode,
		.encap = true,
		.suite = any,
		.local_ts = &x->local_ts,
		.remote_ts = &x->ts };
	x->made = netconf_build(x->p, &x->view, &x->g, NULL, &x->machine, &x->path, &x->ob, &e);
}

static void build(struct pushed *x)
{
	try_build(x);
	assert_non_null(x->made);
}

static const struct route *route_to(const struct pushed *x, const char *text)
{
	struct prefix p = net(text);

	for (uint32_t i = 0; i < x->made->n_routes; i++)
		if (prefix_same(&x->made->routes[i].dst, &p))
			return &x->made->routes[i];
	return NULL;
}

static void assert_route(const struct pushed *x, const char *text, enum route_kind kind)
{
	const struct route *r = route_to(x, text);

	if (!r || r->kind != kind)
		fail_msg("%s: %d instead of %d", text, r ? (int)r->kind : -1, (int)kind);
}

static size_t warnings(const struct pushed *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->ob.n; i++)
		n += x->ob.actions[i].kind == ACT_EVENT &&
			((const struct event *)outbox_get(&x->ob, i))->kind == EV_WARNING;
	return n;
}

static bool warned(const struct pushed *x, const char *what, const char *why)
{
	for (size_t i = 0; i < x->ob.n; i++) {
		const struct event *ev = outbox_get(&x->ob, i);
		if (x->ob.actions[i].kind == ACT_EVENT && ev->kind == EV_WARNING &&
			strstr(ev->text, what) && strstr(ev->text, why))
			return true;
	}
	return false;
}

/* --- tests ---------------------------------------------------------------------------------------- */

static const struct {
	const char *net, *why;
} unsafe[] = {
	{ "127.0.0.0/8", "loopback" },
	{ "127.0.0.53/32", "loopback" },
	{ "169.254.0.0/16", "link-local" },
	{ "169.254.169.254/32", "link-local" },
	{ "224.0.0.0/4", "multicast" },
	{ "239.1.2.3/32", "multicast" },
	{ "240.0.0.0/4", "reserved" },
	{ "255.255.255.255/32", "reserved" },
	{ "0.0.0.0/8", "this network" },
	{ "::1/128", "loopback" },
	{ "fe80::/64", "link-local" },
	{ "ff02::1/128", "multicast" },
	{ "::/128", "unspecified" },
	{ "::ffff:10.0.0.0/104", "mapped" },
	{ "198.51.100.10/32", "the gateway itself" },
};

static void refuses_unsafe_routes(void **state)
{
	struct pushed *x = *state;

	push_route(x, "10.20.0.0/16");
	for (size_t i = 0; i < ARRAY_LEN(unsafe); i++)
		push_route(x, unsafe[i].net);
	build(x);
	assert_int_equal(x->made->n_routes, 1);
	assert_non_null(route_to(x, "10.20.0.0/16"));
	assert_int_equal(warnings(x), ARRAY_LEN(unsafe));
	for (size_t i = 0; i < ARRAY_LEN(unsafe); i++) {
		char text[ADDR_TEXT_MAX];
		struct prefix p = net(unsafe[i].net);
		if (!warned(x, prefix_text(text, &p), unsafe[i].why))
			fail_msg("no warning names %s: %s", text, unsafe[i].why);
	}
}

static void takes_networks_that_hold_the_gateway(void **state)
{
	struct pushed *x = *state;

	push_route(x, "198.51.100.0/24");
	push_route(x, "0.0.0.0/0");
	build(x);
	assert_non_null(route_to(x, "198.51.100.0/24"));
	assert_non_null(route_to(x, "0.0.0.0/0"));
	assert_int_equal(warnings(x), 0);
}

static void refuses_unsafe_addresses_and_servers(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "169.254.1.1", "224.0.0.1", "fe80::1",
		"ff02::fb" };
	struct pushed *x = *state;

	push_route(x, "0.0.0.0/0");
	push_addr(x, "10.1.2.3");
	push_addr(x, "198.51.100.10");
	push_addr(x, "127.0.0.1");
	push_addr(x, "255.255.255.255");
	push_dns(x, "10.1.0.53");
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		push_dns(x, hosts[i]);
	build(x);
	assert_int_equal(x->made->n_addrs, 1);
	assert_int_equal(x->made->n_dns, 1);
	assert_int_equal(warnings(x), 3 + ARRAY_LEN(hosts));
	assert_true(warned(x, "address 198.51.100.10", "the gateway itself"));
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		assert_true(warned(x, hosts[i], "DNS server"));
}

static void refuses_servers_outside_the_tunnel(void **state)
{
	struct pushed *x = *state;

	push_route(x, "10.20.0.0/16");
	push_addr(x, "10.20.1.2");
	push_dns(x, "203.0.113.53");
	push_dns(x, "10.20.0.53");
	push_dns(x, "fd00::53"); /* there is no IPv6 in it at all */
	build(x);
	assert_int_equal(x->made->n_dns, 1);
	assert_int_equal(x->made->dns[0].ip[0], 10);
	assert_int_equal(warnings(x), 1);
	assert_true(warned(x, "DNS server 203.0.113.53", "does not carry"));
}

/* Those are the user's word. */
/* Whoever has the router's address itself asks nobody on the link for it, and nothing leaves any more. */
static void refuses_addresses_that_are_needed(void **state)
{
	struct pushed *x = *state;

	assert_true(addr_parse(&x->path.next_hop, "192.168.77.1"));
	assert_true(addr_parse(&x->machine.name_servers[1], "192.168.77.53"));
	push_addr(x, "192.168.77.1/32");
	push_addr(x, "192.168.77.53/32");
	push_addr(x, "192.168.77.54/32");
	push_route(x, "0.0.0.0/0");
	build(x);
	assert_int_equal(x->made->n_addrs, 1);
	assert_int_equal(x->made->addrs[0].ip[3], 54);
	assert_int_equal(warnings(x), 3);
	assert_true(warned(x, "address 192.168.77.1", "router"));
	assert_true(warned(x, "address 192.168.77.53", "name server"));
}

static void no_address_is_left(void **state)
{
	struct pushed *x = *state;

	push_addr(x, "198.51.100.10/32");
	push_addr(x, "127.0.0.1/32");
	push_route(x, "0.0.0.0/0");
	try_build(x);
	assert_null(x->made);
	assert_int_equal(e.kind, ERR_PEER);
	assert_non_null(strstr(e.text, "198.51.100.10 (and 1 more)"));
	assert_int_equal(warnings(x), 2);
	assert_int_equal(x->ob.n, 2);
}

static void exclude(struct pushed *x, const char *text)
{
	x->g.excluded[x->g.n_excluded++] = net(text);
}

static void leaves_out_what_the_gateway_excludes(void **state)
{
	struct pushed *x = *state;

	set(x, "accept", "10.0.0.0/8");
	push_addr(x, "10.1.2.3/32");
	push_route(x, "10.0.0.0/8");
	exclude(x, "10.3.0.0/16");
	exclude(x, "192.168.0.0/16");
	build(x);
	assert_route(x, "10.0.0.0/8", ROUTE_TUNNEL);
	assert_route(x, "10.3.0.0/16", ROUTE_BYPASS);
	assert_null(route_to(x, "192.168.0.0/16"));
	assert_int_equal(warnings(x), 1);
	assert_true(warned(x, "exclusion of 192.168.0.0/16", "network.accept"));
}

/* Else a gateway could undo the tunnel, or what the user relies on. */
static void excludes_not_everything(void **state)
{
	struct pushed *x = *state;

	push_addr(x, "10.1.2.3/32");
	push_route(x, "0.0.0.0/0");
	exclude(x, "0.0.0.0/0");
	exclude(x, "128.0.0.0/1");
	build(x);
	assert_route(x, "0.0.0.0/0", ROUTE_TUNNEL);
	assert_int_equal(warnings(x), 2);
	free(x->made);
	set(x, "killswitch", "yes");
	x->g.excluded[0] = net("10.3.0.0/16");
	x->g.n_excluded = 1;
	build(x);
	assert_null(route_to(x, "10.3.0.0/16"));
	assert_true(warned(x, "exclusion of 10.3.0.0/16", "kill switch"));
}

/* All goes into the tunnel but what is on the link, and that is where names are asked. */
static void tells_of_servers_on_the_link(void **state)
{
	static const struct {
		const char *route, *server, *pushed, *lan;
		bool tell;
	} rows[] = {
		{ "0.0.0.0/0", "192.168.77.53", NULL, "yes", true },
		{ "0.0.0.0/0", "192.168.77.53", "10.20.0.53", "yes", false },
		{ "0.0.0.0/0", "192.168.77.53", NULL, "no", false },
		{ "0.0.0.0/0", "203.0.113.53", NULL, "yes", false },
		{ "10.20.0.0/16", "192.168.77.53", NULL, "yes", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		teardown(state);
		setup(state);
		struct pushed *x = *state;
		set(x, "lan", rows[i].lan);
		assert_true(addr_parse(&x->machine.name_servers[0], rows[i].server));
		push_route(x, rows[i].route);
		push_addr(x, "10.20.1.2");
		if (rows[i].pushed)
			push_dns(x, rows[i].pushed);
		build(x);
		if (warned(x, rows[i].server, "as before") != rows[i].tell)
			fail_msg("row %zu", i);
	}
}

static void takes_servers_of_the_profile(void **state)
{
	struct pushed *x = *state;

	set(x, "dns", "203.0.113.53");
	push_route(x, "10.20.0.0/16");
	push_addr(x, "10.20.1.2");
	push_dns(x, "10.20.0.53");
	build(x);
	assert_int_equal(x->made->n_dns, 1);
	assert_int_equal(x->made->dns[0].ip[0], 203);
	assert_int_equal(warnings(x), 0);
}

static void takes_no_more_than_the_profile_accepts(void **state)
{
	struct pushed *x = *state;

	set(x, "accept", "10.0.0.0/8, fd00::/8");
	push_route(x, "0.0.0.0/0");
	push_route(x, "10.20.0.0/16");
	push_route(x, "8.0.0.0/5");
	push_route(x, "fd01::/48");
	push_dns(x, "10.20.0.53");
	push_dns(x, "203.0.113.53");
	build(x);
	assert_non_null(route_to(x, "10.20.0.0/16"));
	assert_non_null(route_to(x, "fd01::/48"));
	assert_int_equal(x->made->n_routes, 2);
	assert_int_equal(x->made->n_dns, 1);
	assert_int_equal(warnings(x), 3);
	assert_true(warned(x, "0.0.0.0/0", "network.accept"));
	assert_true(warned(x, "8.0.0.0/5", "network.accept"));
	assert_true(warned(x, "203.0.113.53", "network.accept"));
}

/* A full tunnel that was refused is none: the other family is not blocked for its sake. */
static void a_refused_default_route_blocks_nothing(void **state)
{
	struct pushed *x = *state;

	set(x, "accept", "10.0.0.0/8");
	push_route(x, "0.0.0.0/0");
	build(x);
	assert_int_equal(x->made->n_routes, 0);
	assert_false(x->made->dns_default && x->made->n_domains);
}

static void the_other_family_of_a_full_tunnel_goes_nowhere(void **state)
{
	struct pushed *x = *state;

	push_addr(x, "10.1.2.3");
	push_route(x, "0.0.0.0/0");
	push_route(x, "::/0"); /* without an address it cannot be used */
	build(x);
	assert_int_equal(route_to(x, "0.0.0.0/0")->kind, ROUTE_TUNNEL);
	assert_int_equal(route_to(x, "::/0")->kind, ROUTE_BLOCK);
}

/* What was agreed on must not leave in the clear only because no address of its family came: one warning
 * tells of them all. */
static void networks_without_an_address_go_nowhere(void **state)
{
	struct pushed *x = *state;

	push_addr(x, "10.1.2.3");
	push_route(x, "10.99.0.0/24");
	push_route(x, "fd99::/64");
	push_route(x, "2001:db8:10::/48");
	push_route(x, "fe80::/64");
	build(x);
	assert_route(x, "10.99.0.0/24", ROUTE_TUNNEL);
	assert_route(x, "fd99::/64", ROUTE_BLOCK);
	assert_route(x, "2001:db8:10::/48", ROUTE_BLOCK);
	assert_int_equal(x->made->n_routes, 3);
	assert_int_equal(warnings(x), 2);
	assert_true(warned(x, "fe80::/64", "link-local"));
	assert_true(warned(x, "fd99::/64 and 1 more", "no IPv6 address: they go nowhere"));
}

static void subnets_without_an_address_go_nowhere(void **state)
{
	struct pushed *x = *state;

	push_addr(x, "fd98::1");
	push_route(x, "0.0.0.0/0");
	push_route(x, "::/0");
	x->g.split = true;
	x->g.subnets[x->g.n_subnets++] = net("10.99.0.0/24");
	x->g.subnets[x->g.n_subnets++] = net("fd99::/64");
	build(x);
	assert_route(x, "10.99.0.0/24", ROUTE_BLOCK);
	assert_route(x, "fd99::/64", ROUTE_TUNNEL);
	assert_int_equal(warnings(x), 1);
	assert_true(warned(x, "carries 10.99.0.0/24", "no IPv4 address: it goes nowhere"));
}

/* What the profile wants in the tunnel and no child SA carries any of must not leave in the clear. Everything is an
 * offer, of which the gateway takes what it likes, and so is a part that was taken. */
static void named_networks_that_are_not_carried(void **state)
{
	struct pushed *x = *state;

	assert_ok(&e,
		profile_set(x->p, "esp", "remote-ts",
			"10.0.0.0/8, 172.16.0.0/12, 192.0.2.1-192.0.2.2[tcp], 10.99.0.0/24[tcp/80], "
			"fd99::/64, ::/0, 128.0.0.0/1, 198.51.100.10/32",
			&e));
	set(x, "routes", "auto");
	push_addr(x, "10.1.2.3");
	push_route(x, "10.99.0.0/24");
	x->ts.v[0].proto = 17;
	build(x);
	assert_route(x, "10.99.0.0/24", ROUTE_TUNNEL);
	assert_route(x, "172.16.0.0/12", ROUTE_BLOCK);
	assert_route(x, "192.0.2.1/32", ROUTE_BLOCK);
	assert_route(x, "192.0.2.2/32", ROUTE_BLOCK);
	assert_route(x, "fd99::/64", ROUTE_BLOCK);
	assert_int_equal(x->made->n_routes, 5);
}

static void named_networks_and_routes_of_the_profile(void **state)
{
	struct pushed *x = *state;

	assert_ok(&e, profile_set(x->p, "esp", "remote-ts", "10.99.0.0/24, 172.16.0.0/12", &e));
	set(x, "routes", "none");
	push_addr(x, "10.1.2.3");
	push_route(x, "10.99.0.0/24");
	build(x);
	assert_int_equal(x->made->n_routes, 0);
}

/* The profile's own networks are the user's word: they lead into the tunnel, carried or not. */
static void networks_of_the_profile_without_an_address(void **state)
{
	struct pushed *x = *state;

	set(x, "routes", "10.99.0.0/24, fd99::/64");
	x->local = "10.1.2.3";
	push_addr(x, "10.1.2.3");
	push_route(x, "10.99.0.0/24");
	push_route(x, "fd99::/64");
	build(x);
	assert_route(x, "10.99.0.0/24", ROUTE_TUNNEL);
	assert_route(x, "fd99::/64", ROUTE_TUNNEL);
	assert_int_equal(warnings(x), 1);
	assert_true(warned(x, "fd99::/64 of network.routes", "goes nowhere"));
	assert_true(warned(x, "fd99::/64 of network.routes", "leave network.routes out"));
}

/* Everything is everything, in one piece or in two, and whoever says so. */
static void every_full_tunnel_keeps_the_other_family(void **state)
{
	static const struct {
		const char *routes, *pushed[2];
	} rows[] = {
		{ "auto", { "0.0.0.0/1", "128.0.0.0/1" } },
		{ "0.0.0.0/0", { "0.0.0.0/0" } },
		{ "0.0.0.0/1, 128.0.0.0/1", { "0.0.0.0/0" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pushed *x;
		assert_int_equal(setup(state), 0);
		x = *state;
		set(x, "routes", rows[i].routes);
		push_addr(x, "10.1.2.3");
		for (size_t k = 0; k < 2 && rows[i].pushed[k]; k++)
			push_route(x, rows[i].pushed[k]);
		build(x);
		assert_route(x, "0.0.0.0/0", ROUTE_TUNNEL);
		assert_route(x, "::/0", ROUTE_BLOCK);
		assert_true(x->made->dns_default);
		assert_int_equal(warnings(x), 0);
		teardown(state);
	}
}

static void half_of_everything_is_no_full_tunnel(void **state)
{
	struct pushed *x = *state;

	push_addr(x, "10.1.2.3");
	push_route(x, "0.0.0.0/1");
	push_route(x, "128.0.0.0/2");
	build(x);
	assert_int_equal(x->made->n_routes, 2);
}

/* In user space the gateway itself is reached by the interface, in the kernel by its policies. */
static void transport_mode_leads_to_the_gateway(void **state)
{
	for (int kernel = 0; kernel < 2; kernel++) {
		struct pushed *x;
		assert_int_equal(setup(state), 0);
		x = *state;
		set(x, "lan", "yes");
		x->mode = SA_TRANSPORT;
		x->machine.kernel = kernel;
		push_route(x, "198.51.100.10/32");
		build(x);
		assert_int_equal(warnings(x), 0);
		assert_int_equal(route_to(x, "198.51.100.10/32") != NULL, !kernel);
		assert_int_equal(x->made->n_routes, !kernel);
		teardown(state);
	}
}

static void domains_are_names_or_nothing(void **state)
{
	static const char *const bad[] = { "", ".", "a..b", "a b", "a\nnameserver 1.2.3.4",
		"a\033[2J", "-;", "$(reboot)", "a/../b", "\xc3\xa9.example", "*.example",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example" };
	struct pushed *x = *state;

	push_route(x, "10.0.0.0/8");
	push_domain(x, "Corp.Example.");
	push_domain(x, "_x-1.example");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		push_domain(x, bad[i]);
	build(x);
	assert_int_equal(x->made->n_domains, 2);
	assert_string_equal(x->made->domains[0], "corp.example");
	assert_string_equal(x->made->domains[1], "_x-1.example");
	assert_int_equal(warnings(x), ARRAY_LEN(bad));
	for (size_t i = 0; i < x->ob.n; i++) {
		const struct event *ev = outbox_get(&x->ob, i);
		for (const char *s = x->ob.actions[i].kind == ACT_EVENT ? ev->text : ""; *s; s++)
			if ((unsigned char)*s < ' ' || *s == 0x7f)
				fail_msg("a control character in a warning: %#x", *s);
	}
}

/* Our side of the child SA has the one family only, be it that esp.local-ts says so or that the gateway does: packets
 * of the other would be lost without a word. */
static void addresses_that_no_child_takes(void **state)
{
	struct pushed *x = *state;

	x->local = "10.1.2.3";
	push_addr(x, "10.1.2.3");
	push_addr(x, "fd98::1");
	push_dns(x, "10.99.0.53");
	push_dns(x, "fd99::53");
	push_route(x, "10.99.0.0/24");
	push_route(x, "fd99::/64");
	build(x);
	assert_route(x, "10.99.0.0/24", ROUTE_TUNNEL);
	assert_route(x, "fd99::/64", ROUTE_BLOCK);
	assert_int_equal(x->made->n_dns, 1);
	assert_int_equal(warnings(x), 1);
	assert_true(warned(x, "carries fd99::/64", "nothing from IPv6 addresses: it goes nowhere"));
}

/* No names but those are told to the tunnel's servers, whatever the gateway would like to hear. */
static void only_the_domains_of_the_profile(void **state)
{
	struct pushed *x = *state;

	set(x, "domains", "corp.example");
	push_route(x, "10.0.0.0/8");
	push_dns(x, "10.0.0.53");
	push_domain(x, "example");
	build(x);
	assert_int_equal(x->made->n_domains, 1);
	assert_string_equal(x->made->domains[0], "corp.example");
	assert_int_equal(warnings(x), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refuses_unsafe_routes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			takes_networks_that_hold_the_gateway, setup, teardown),
		cmocka_unit_test_setup_teardown(
			refuses_unsafe_addresses_and_servers, setup, teardown),
		cmocka_unit_test_setup_teardown(
			refuses_servers_outside_the_tunnel, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_addresses_that_are_needed, setup, teardown),
		cmocka_unit_test_setup_teardown(no_address_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(
			leaves_out_what_the_gateway_excludes, setup, teardown),
		cmocka_unit_test_setup_teardown(excludes_not_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_of_servers_on_the_link, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_servers_of_the_profile, setup, teardown),
		cmocka_unit_test_setup_teardown(
			takes_no_more_than_the_profile_accepts, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_refused_default_route_blocks_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_other_family_of_a_full_tunnel_goes_nowhere, setup, teardown),
		cmocka_unit_test_setup_teardown(
			networks_without_an_address_go_nowhere, setup, teardown),
		cmocka_unit_test_setup_teardown(
			subnets_without_an_address_go_nowhere, setup, teardown),
		cmocka_unit_test_setup_teardown(
			named_networks_that_are_not_carried, setup, teardown),
		cmocka_unit_test_setup_teardown(
			named_networks_and_routes_of_the_profile, setup, teardown),
		cmocka_unit_test_setup_teardown(
			networks_of_the_profile_without_an_address, setup, teardown),
		cmocka_unit_test(every_full_tunnel_keeps_the_other_family),
		cmocka_unit_test_setup_teardown(
			half_of_everything_is_no_full_tunnel, setup, teardown),
		cmocka_unit_test(transport_mode_leads_to_the_gateway),
		cmocka_unit_test_setup_teardown(domains_are_names_or_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(only_the_domains_of_the_profile, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_that_no_child_takes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, test_crypto_teardown);
}
