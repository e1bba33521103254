/*
 * A whole L2TP session: IKEv1, the line over its SA, what PPP brings; every way in which it fails, is
 * lost, brought back and ended. Logins are in test_l2tp_login.c. No datagram of L2TP ever leaves without an SA.
 */
#include "l2tp_world.h"

#include <stdlib.h>

#include "base/types.h"

static void up_and_down(void **state)
{
	struct world *w = world_new(1);

	(void)state;
	world_start(w);
	check_up(w);
	assert_int_equal(w->behind.calls, 1);
	assert_int_equal(w->behind.link.local_port, L2TP_PORT);
	assert_int_equal(w->pair.events[EV_UP], 1);
	v1_pair_command(&w->pair, CMD_REKEY_ALL);
	v1_pair_run(&w->pair, SECONDS(20000)); /* lifetimes of both phases pass */
	check_up(w);
	assert_int_equal(w->behind.calls, 1);
	v1_pair_stop(&w->pair);
	v1_pair_run(&w->pair, SECONDS(5));
	check_down(w, DOWN_ASKED, "");
	assert_true(w->behind.ppp.terminated && w->behind.lns.closed);
	world_free(w);
}

static void told_twice_to_stop(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	world_start(w);
	w->behind.wire.cut = true;
	v1_pair_stop(&w->pair);
	assert_int_equal(w->pair.downs, 0);
	v1_pair_stop(&w->pair);
	v1_pair_run(&w->pair, 1);
	check_down(w, DOWN_ASKED, "");
	world_free(w);
}

static void stopped_on_the_way(void **state)
{
	(void)state;
	for (uint64_t after = 0; after < 1200; after += 30) {
		struct world *w = world_new(3);
		struct profile_problem none;
		assert_int_equal(profile_finish(w->profile, &none, 1), 0);
		v1_pair_start(&w->pair);
		v1_pair_run(&w->pair, after);
		v1_pair_stop(&w->pair);
		v1_pair_run(&w->pair, SECONDS(60));
		check_down(w, DOWN_ASKED, "");
		world_free(w);
	}
}

static void silent_on_1701(void **state)
{
	struct world *w = world_new(5);

	(void)state;
	w->behind.deaf_to = L2TP_PORT;
	world_start(w);
	check_up(w);
	assert_int_equal(w->behind.calls, 2);
	assert_in_range(w->behind.link.local_port, 49152, 65535);
	/* The port that worked is the first one the next time. */
	v1_pair_command(&w->pair, CMD_RECONNECT);
	v1_pair_run(&w->pair, SECONDS(10));
	check_up(w);
	assert_int_equal(w->behind.calls, 3);
	/* And 1701 is tried where that one has become deaf. */
	w->behind.deaf_to = w->behind.link.local_port;
	v1_pair_command(&w->pair, CMD_RECONNECT);
	v1_pair_run(&w->pair, SECONDS(60));
	check_up(w);
	assert_int_equal(w->behind.link.local_port, L2TP_PORT);
	world_free(w);
}

/* As its owner kept it from another run. */
static void a_port_that_is_known(void **state)
{
	struct world *w = world_new(15);

	(void)state;
	w->profile->known_ports[0] = 50123;
	w->behind.deaf_to = L2TP_PORT;
	world_start(w);
	check_up(w);
	assert_int_equal(w->behind.calls, 1);
	assert_int_equal(w->behind.link.local_port, 50123);
	world_free(w);
}

/* The gateway has become strict since: it takes nothing but 1701. */
static void a_port_that_was_good(void **state)
{
	struct world *w = world_new(26);

	(void)state;
	w->profile->known_ports[0] = 50123;
	w->pair.serves_port = L2TP_PORT;
	world_start(w);
	check_up(w);
	assert_int_equal(w->behind.link.local_port, L2TP_PORT);
	world_free(w);
}

static void silent_on_any_port(void **state)
{
	struct world *w = world_new(6);

	(void)state;
	w->behind.wire.cut = true;
	world_start(w);
	check_down(w, DOWN_UNREACHABLE, "does not answer L2TP");
	assert_int_equal(w->behind.calls, 2);
	world_free(w);
}

static void a_port_that_was_named(void **state)
{
	struct world *w = world_new(7);

	(void)state;
	set(w, "l2tp", "source-port", "1701");
	w->behind.deaf_to = L2TP_PORT;
	world_start(w);
	check_down(w, DOWN_UNREACHABLE, "does not answer L2TP");
	assert_int_equal(w->behind.calls, 1);
	world_free(w);
}

/* The data plane cannot have the port: another one is tried, as with a gateway that is silent. */
static void port_taken(void **state)
{
	struct os_input taken = { .kind = OS_LINK_FAILED };
	struct world *w = world_new(8);

	(void)state;
	taken.port_taken = true;
	err_set(&taken.err, ERR_LOCAL, "another program has UDP port 1701");
	world_dials(w);
	session_os(w->pair.session, w->pair.net.now, &taken, &w->pair.ob);
	v1_pair_until(&w->pair, v1_pair_decided, SECONDS(60));
	check_up(w);
	assert_int_not_equal(w->behind.link.local_port, L2TP_PORT);
	/* and of the algorithms, and of a key that is short and the group's */
	assert_int_equal(w->pair.events[EV_WARNING], 4);
	session_os(w->pair.session, w->pair.net.now, &taken, &w->pair.ob);
	v1_pair_run(&w->pair, SECONDS(60));
	check_up(w);
	assert_int_equal(w->pair.events[EV_LOST], 1);
	world_free(w);
}

/* Whoever asks while one engine is gone and the next has begun is told of none of its SAs. */
static void asked_while_the_port_is_taken(void **state)
{
	struct os_input taken = { .kind = OS_LINK_FAILED };
	struct status *st = calloc(1, sizeof(*st));
	struct world *w = world_new(8);

	(void)state;
	assert_non_null(st);
	taken.port_taken = true;
	err_set(&taken.err, ERR_LOCAL, "another program has UDP port 1701");
	world_dials(w);
	session_status(w->pair.session, w->pair.net.now, st);
	assert_int_equal(st->n_children, 1);
	session_os(w->pair.session, w->pair.net.now, &taken, &w->pair.ob);
	session_status(w->pair.session, w->pair.net.now, st);
	assert_int_equal(st->n_children, 0);
	free(st);
	world_free(w);
}

/* A machine that has no TUN gets none by another port. */
static void no_link_at_all(void **state)
{
	struct os_input failed = { .kind = OS_LINK_FAILED };
	struct world *w = world_new(16);

	(void)state;
	err_set(&failed.err, ERR_LOCAL, "this kernel has no TUN device");
	world_dials(w);
	session_os(w->pair.session, w->pair.net.now, &failed, &w->pair.ob);
	v1_pair_run(&w->pair, SECONDS(5));
	check_down(w, DOWN_MACHINE, "no TUN");
	assert_int_equal(w->behind.calls, 1);
	assert_null(w->pair.gw->sa); /* it was told */
	world_free(w);
}

/* PPP begins anew while the tunnel is up, and the address is another one. */
static void renegotiated(void **state)
{
	struct world *w = world_new(17);

	(void)state;
	world_start(w);
	w->behind.ppp.cfg.address[3] = 77;
	server_restart(&w->behind.ppp);
	v1_pair_run(&w->pair, SECONDS(10));
	assert_true(server_up(&w->behind.ppp) && w->behind.link.packets);
	assert_int_equal(w->pair.netconf.addrs[0].ip[3], 77);
	assert_int_equal(w->pair.events[EV_LOST], 0);
	assert_int_equal(w->behind.calls, 1);
	world_free(w);
}

/* IPv6 of the server's is used beside IPv4 as soon as it advertises a prefix, and as long as it does. */
static void ipv6_beside(void **state)
{
	struct world *w = world_new(21);
	const struct prefix *v6 = &w->pair.netconf.addrs[1];

	(void)state;
	w->behind.ppp_cfg.ipv6 = true;
	w->behind.ppp_cfg.advert.server = "fd97::53";
	world_start(w);
	check_up(w);
	assert_int_equal(w->pair.netconf.n_addrs, 1);
	w->behind.ppp.cfg.advertises = true; /* when it is asked the second time */
	v1_pair_run(&w->pair, SECONDS(5));
	assert_int_equal(w->pair.netconf.n_addrs, 2);
	assert_int_equal(v6->family, FAMILY_V6);
	assert_int_equal(v6->len, 128);
	assert_memory_equal(v6->ip, ((uint8_t[8]){ 0xfd, 0x97, [7] = 1 }), 8);
	assert_memory_equal(v6->ip + 8, w->behind.ppp.client_id, 8);
	assert_int_equal(w->pair.netconf.n_dns, 2);
	w->behind.ppp.cfg.advertises = false;
	v1_pair_run(&w->pair, SECONDS(3700));
	check_up(w);
	assert_int_equal(w->pair.netconf.n_addrs, 1);
	assert_int_equal(w->pair.events[EV_LOST], 0);
	world_free(w);
}

/* A profile that names an address of one family wants no other; a link that is too narrow bears no IPv6. */
static void ipv6_not_asked_for(void **state)
{
	static const struct {
		const char *section, *key, *value;
		bool asked;
	} rows[] = {
		{ "network", "address", "10.10.1.2", false },
		{ "network", "mtu", "1270", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world *w = world_new(22);
		set(w, rows[i].section, rows[i].key, rows[i].value);
		w->behind.ppp_cfg.ipv6 = w->behind.ppp_cfg.advertises = true;
		world_start(w);
		v1_pair_run(&w->pair, SECONDS(1));
		check_up(w);
		assert_int_equal(w->behind.ppp.solicited, rows[i].asked);
		world_free(w);
	}
}

/* The gateway's child SA reached the end of its life: L2TP and PPP live on in another one, which goes by
 * the same number, as the kernel's socket knows no other. */
static void child_gone(void **state)
{
	struct world *w = world_new(24);
	uint8_t buf[64];
	struct ikew k;

	(void)state;
	world_start(w);
	const struct plane *plane = &w->pair.net.plane[CLIENT];
	uint32_t number = plane->sa[0]->child;
	ikew_chain(&k, buf, sizeof(buf));
	v1_pair_delete_child(&k, w->pair.client->children.v[0]->spi_out);
	v1_pair_gw_info(&w->pair, &k);
	v1_pair_run(&w->pair, SECONDS(100));
	check_up(w);
	assert_int_equal(plane->n, 2);
	assert_true(plane->sa[0]->child == number && plane->sa[1]->child == number);
	assert_int_equal(w->pair.events[EV_LOST], 0);
	assert_int_equal(w->behind.calls, 1);
	world_free(w);
}

/* A strongSwan with nothing configured begins phase 1 with what we do not offer, but would take. */
static void gateway_renews(void **state)
{
	static const char *const proposals[] = { "aes128-sha256-x25519", "aes128-sha256-modp1024" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(proposals); i++) {
		struct world *w = world_default(23);
		struct err e;
		assert_ok(&e,
			prop_parse(&w->pair.gw_ike, PROTO_IKE, TIER_LEGACY, "aes256-sha256-ecp256",
				&e));
		assert_ok(&e,
			prop_parse(&w->pair.gw_esp, PROTO_ESP, TIER_LEGACY, "aes256-sha256", &e));
		world_start(w);
		check_up(w);
		assert_ok(
			&e, prop_parse(&w->pair.gw_ike, PROTO_IKE, TIER_LEGACY, proposals[i], &e));
		v1_pair_gw_renews(&w->pair);
		v1_pair_run(&w->pair, SECONDS(20));
		check_up(w);
		assert_int_equal(w->pair.client->rekeys_ike, i == 0);
		world_free(w);
	}
}

/* The next gateway of the profile, after the first one's L2TP was silent on both ports. */
static void another_gateway(void **state)
{
	struct world *w = world_new(18);

	(void)state;
	set(w, "connection", "gateway", "198.51.100.1, 198.51.100.1");
	w->behind.deaf_calls = 2;
	world_start(w);
	check_up(w);
	assert_int_equal(w->behind.calls, 3);
	assert_int_equal(w->behind.link.local_port, L2TP_PORT);
	world_free(w);
}

/* The SA for L2TP went with the first gateway, after both ports of ours. */
static void asked_while_another_gateway_is_looked_up(void **state)
{
	struct status *st = calloc(1, sizeof(*st));
	struct world *w = world_new(18);
	struct session *s;

	(void)state;
	assert_non_null(st);
	set(w, "connection", "gateway", "198.51.100.1, 198.51.100.1");
	w->behind.deaf_calls = 2;
	world_dials(w);
	while (w->behind.calls < 2)
		v1_pair_run(&w->pair, 1);
	s = w->pair.session;
	while (s->phase == PHASE_DIALLING)
		session_tick(s, session_deadline(s), &w->pair.ob);
	assert_int_equal(s->phase, PHASE_RESOLVING);
	session_status(s, s->now, st);
	assert_int_equal(st->n_children, 0);
	free(st);
	world_free(w);
}

/* The machine cannot be set up: the L2TP server and the gateway hear that nobody is there. */
static void machine_refuses(void **state)
{
	struct world *w = world_new(19);

	(void)state;
	w->pair.netconf_refused = true;
	world_start(w);
	v1_pair_run(&w->pair, SECONDS(5));
	assert_int_equal(w->pair.down.status, DOWN_MACHINE);
	assert_true(w->behind.lns.closed);
	assert_null(w->pair.gw->sa);
	world_free(w);
}

/* The address of this machine changes before the L2TP server has answered. */
static void address_changes_while_dialling(void **state)
{
	struct os_input moved = { .kind = OS_PATH_CHANGED, .n_paths = 1 };
	struct world *w = world_new(20);

	(void)state;
	world_dials(w);
	moved.paths[0] = w->pair.path;
	moved.paths[0].local.ip[3]++;
	session_os(w->pair.session, w->pair.net.now, &moved, &w->pair.ob);
	v1_pair_until(&w->pair, v1_pair_decided, SECONDS(10));
	check_up(w);
	assert_int_equal(w->behind.calls, 2);
	world_free(w);
}

/* The line comes there, and the server's PPP no further. */
static void run_to(struct world *w, enum line_stage stage)
{
	for (int ms = 0; ms < 60000 && w->pair.session->line_view.stage != stage; ms++)
		v1_pair_run(&w->pair, 1);
	assert_int_equal(w->pair.session->line_view.stage, stage);
	w->behind.no_ppp = true;
}

/* Each of these looked like a wrong password, or like a gateway without an address. */
static void not_for_the_login(void **state)
{
	struct world *w = world_new(29);

	(void)state;
	w->behind.ppp_cfg.mppe = w->behind.ppp_cfg.mppe_insists = true;
	world_start(w);
	check_down(w, DOWN_REFUSED, "refused MPPE");
	assert_non_null(strstr(w->pair.down.advice, "without MPPE"));
	world_free(w);

	w = world_new(29);
	w->behind.no_ppp = true;
	world_start(w);
	check_down(w, DOWN_UNREACHABLE, "LCP");
	assert_non_null(strstr(w->pair.down.advice, "pppd"));
	world_free(w);

	w = world_new(29);
	world_dials(w);
	run_to(w, LINE_LOGIN);
	lns_cdn(&w->behind.lns, 5, -1, "");
	v1_pair_run(&w->pair, SECONDS(5));
	check_down(w, DOWN_REFUSED, "L2TP session");
	world_free(w);
}

/* However often a call is refused, the next may be taken, and nobody is asked for a password. */
static void calls_refused(void **state)
{
	struct world *w = world_new(30);

	(void)state;
	world_start(w);
	check_up(w);
	v1_pair_command(&w->pair, CMD_RECONNECT);
	for (int i = 0; i < 5; i++) {
		run_to(w, LINE_LOGIN);
		lns_cdn(&w->behind.lns, 5, -1, "");
		v1_pair_run(&w->pair, 500);
		w->behind.no_ppp = false;
	}
	v1_pair_run(&w->pair, SECONDS(60));
	check_up(w);
	assert_int_equal(w->pair.asks, 0);
	world_free(w);
}

static void wrong_tunnel_secret(void **state)
{
	struct world *w = world_new(10);

	(void)state;
	set(w, "l2tp", "secret", "not this");
	w->behind.lns_cfg.secret = "but that";
	world_start(w);
	check_down(w, DOWN_NOT_ACCEPTED, "L2TP tunnel secret");
	world_free(w);

	w = world_new(10);
	w->behind.lns_cfg.secret = "but that";
	w->behind.lns_cfg.challenge = true;
	world_start(w);
	check_down(w, DOWN_PROFILE, "the profile has none");
	world_free(w);

	w = world_new(10);
	set(w, "l2tp", "secret", "but that");
	w->behind.lns_cfg.secret = "but that";
	w->behind.lns_cfg.challenge = true;
	world_start(w);
	check_up(w);
	world_free(w);
}

static void call_refused(void **state)
{
	struct world *w = world_new(11);

	(void)state;
	w->behind.lns_cfg.session = 0;
	world_start(w);
	check_down(w, DOWN_REFUSED, "Assigned Session ID");
	world_free(w);
}

static void no_address(void **state)
{
	struct world *w = world_new(12);

	(void)state;
	memset(w->behind.ppp_cfg.address, 0, 4);
	world_start(w);
	check_down(w, DOWN_REFUSED, "address");
	world_free(w);
}

/* The L2TP server ends the call, or dies and comes back without a memory: a new call is made. */
static void brought_back(void **state)
{
	struct world *w = world_new(13);

	(void)state;
	world_start(w);
	lns_cdn(&w->behind.lns, 3, -1, "");
	v1_pair_run(&w->pair, SECONDS(30));
	check_up(w);
	assert_int_equal(w->pair.events[EV_LOST], 1);
	behind_start(&w->behind);
	v1_pair_run(&w->pair, SECONDS(150));
	check_up(w);
	assert_int_equal(w->pair.events[EV_LOST], 2);
	assert_int_equal(w->behind.calls, 3);
	world_free(w);
}

/* A server that was silent may have the old tunnel yet, and must not see the next as a part of it; and
 * one that takes nothing but 1701 gets that. */
static void fell_silent(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct world *w = world_new(27);
		struct status st;
		bool strict = i == 1,
		     away = i == 2; /* away: IKE does not get through either, for a while */
		w->pair.serves_port = strict ? L2TP_PORT : w->pair.serves_port;
		world_start(w);
		check_up(w);
		w->behind.wire.cut = true;
		w->pair.net.cfg.loss = away ? 100 : 0;
		for (int s = 0; s < 600 && w->pair.events[EV_RECONNECTING] < 1U + away; s++)
			v1_pair_run(&w->pair, SECONDS(1));
		assert_int_equal(w->pair.events[EV_LOST], 1);
		w->behind.wire.cut = false;
		w->pair.net.cfg.loss = 0;
		v1_pair_run(&w->pair, SECONDS(120));
		check_up(w);
		session_status(w->pair.session, w->pair.net.now, &st);
		assert_true(strict == (w->behind.link.local_port == L2TP_PORT));
		assert_int_equal(st.ppp.port_for_now, !strict);
		v1_pair_command(&w->pair, CMD_RECONNECT);
		v1_pair_run(&w->pair, SECONDS(10));
		check_up(w);
		assert_int_equal(w->behind.link.local_port, L2TP_PORT);
		session_status(w->pair.session, w->pair.net.now, &st);
		assert_false(st.ppp.port_for_now);
		world_free(w);
	}
}

static void bad_network(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 100; seed++) {
		struct world *w = world_new(seed);
		w->pair.wire = (struct net_config){ .seed = seed,
			.loss = 20,
			.dup = 20,
			.reorder = 20,
			.delay = 10,
			.jitter = 100 };
		w->behind.wire.loss = w->behind.wire.dup = w->behind.wire.reorder = 20;
		w->behind.wire.jitter = 100;
		world_start(w);
		v1_pair_run(&w->pair, SECONDS(30)); /* PPP's last word gets through */
		check_up(w);
		v1_pair_command(&w->pair, CMD_REKEY_CHILD);
		v1_pair_run(&w->pair, SECONDS(120));
		check_up(w);
		v1_pair_stop(&w->pair);
		v1_pair_run(&w->pair, SECONDS(30));
		assert_int_equal(w->pair.down.status, DOWN_ASKED);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_and_down),
		cmocka_unit_test(told_twice_to_stop),
		cmocka_unit_test(stopped_on_the_way),
		cmocka_unit_test(silent_on_1701),
		cmocka_unit_test(a_port_that_is_known),
		cmocka_unit_test(a_port_that_was_good),
		cmocka_unit_test(silent_on_any_port),
		cmocka_unit_test(a_port_that_was_named),
		cmocka_unit_test(port_taken),
		cmocka_unit_test(asked_while_the_port_is_taken),
		cmocka_unit_test(no_link_at_all),
		cmocka_unit_test(renegotiated),
		cmocka_unit_test(ipv6_beside),
		cmocka_unit_test(child_gone),
		cmocka_unit_test(gateway_renews),
		cmocka_unit_test(ipv6_not_asked_for),
		cmocka_unit_test(another_gateway),
		cmocka_unit_test(asked_while_another_gateway_is_looked_up),
		cmocka_unit_test(machine_refuses),
		cmocka_unit_test(address_changes_while_dialling),
		cmocka_unit_test(not_for_the_login),
		cmocka_unit_test(calls_refused),
		cmocka_unit_test(wrong_tunnel_secret),
		cmocka_unit_test(call_refused),
		cmocka_unit_test(no_address),
		cmocka_unit_test(brought_back),
		cmocka_unit_test(fell_silent),
		cmocka_unit_test(bad_network),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, NULL);
}
