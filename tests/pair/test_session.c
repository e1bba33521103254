/*
 * A whole session against the gateway: from a profile to a tunnel with its addresses and routes, logins, and
 * every exit status. What is lost and brought back is in test_lost.c.
 */
#include <stdlib.h>

#include "../../src/session/state.h"
#include "people.h"
#include "whole.h"

static void up_and_down(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct pair p;

	(void)state;
	whole_begin(&p, profile, 30);
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.events[EV_UP], 1);
	assert_int_equal(p.netconf.n_addrs, 1);
	assert_int_equal(p.netconf.addrs[0].ip[3], 3);
	assert_true(p.n_routes > 0);
	assert_true(p.netconf.mtu > 1200 && p.netconf.mtu < 1500);
	pair_command(&p, CMD_REKEY_ALL);
	pair_run(&p, SECONDS(30));
	pair_gw(&p, GW_REKEY_CHILD | GW_REKEY_IKE);
	pair_run(&p, SECONDS(30));
	pair_check_up(&p, 1);
	struct status *st = calloc(1, sizeof(*st));
	assert_non_null(st);
	session_status(p.client.session, p.net.now, st);
	assert_int_equal(st->state, STATE_UP);
	assert_int_equal(st->n_children, 1);
	assert_int_equal(st->rekeys_ike, 2);
	assert_int_equal(st->rekeys_child, 2);
	assert_int_equal(st->n_of_kind[ROUTE_TUNNEL] + st->n_of_kind[ROUTE_BYPASS] +
			st->n_of_kind[ROUTE_BLOCK],
		p.n_routes);
	free(st);
	pair_stop(&p);
	pair_run(&p, SECONDS(5));
	assert_int_equal(p.downs, 1);
	assert_int_equal(p.down.status, DOWN_ASKED);
	assert_int_equal(p.netconf.n_addrs, 0); /* as before */
	assert_int_equal(p.net.plane[CLIENT].n, 0);
	assert_int_equal(p.gw.phase, GW_CLOSED);
	whole_finish(&p, profile);
}

/* Two addresses, and nothing answers from either. Whoever asks how it is going is told of the way that is
 * tried now. */
static void asked_while_the_next_way_is_tried(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct os_input in = { .kind = OS_PATHS, .ok = true, .n_paths = 2 };
	struct status *st = calloc(1, sizeof(*st));
	uint8_t seed[RNG_SEED_LEN] = { 1 };
	struct profile_problem none;
	uint64_t now = 1000;
	unsigned asked[2] = { 0 };
	struct outbox ob;
	struct err e;

	(void)state;
	assert_non_null(st);
	assert_int_equal(profile_finish(profile, &none, 1), 0);
	struct session *s = session_new(profile, seed, &e);
	assert_non_null(s);
	outbox_init(&ob);
	session_start(s, now, 1700000000, &ob);
	for (uint8_t i = 0; i < 2; i++) {
		addr_set(&in.paths[i].local, FAMILY_V4, (uint8_t[]){ 192, 0, 2, 1 }, 500);
		addr_set(&in.paths[i].remote, FAMILY_V4, (uint8_t[]){ 198, 51, 100, 10 + i }, 500);
		in.paths[i].local_natt_port = 4500;
		in.paths[i].mtu = 1500;
	}
	session_os(s, now, &in, &ob);
	while (s->phase == PHASE_CONNECTING) {
		session_status(s, now, st);
		assert_true(addr_same_host(&st->gateway.address, &in.paths[s->path].remote));
		asked[s->path]++;
		outbox_clear(&ob);
		now = session_deadline(s);
		session_tick(s, now, &ob);
	}
	assert_int_equal(s->phase, PHASE_DOWN);
	assert_true(asked[0] > 2 && asked[1] > 2);
	session_free(s);
	outbox_free(&ob);
	free(st);
	profile_done(profile);
}

/* It is known who we are, and the password is asked for. */
static void begin_typing(struct pair *p, struct profile *profile)
{
	struct passphrase user;

	whole_begin_eap(p, profile);
	passphrase_set(&user, p->user, strlen(p->user));
	p->mute = true;
	pair_start(p);
	pair_answer(p, 0x40000000, &user);
}

/* Whoever waits is told for what, once; the gateway does not wait for us when there is a question open. */
static void a_word_while_nothing_comes(void **state)
{
	struct profile *psk = profile_trusting(profile_psk()),
		       *eap = profile_trusting(profile_eap());
	struct pair p;

	(void)state;
	whole_begin(&p, psk, 31);
	pair_start(&p);
	pair_tap(&p, net_deaf, NULL);
	pair_run(&p, SECONDS(5));
	assert_null(strstr(p.stage, "no answer"));
	pair_run(&p, SECONDS(2));
	assert_string_equal(p.stage, "no answer from 198.51.100.1 yet");
	unsigned told = p.events[EV_STAGE];
	pair_run(&p, SECONDS(12));
	assert_int_equal(p.events[EV_STAGE], told);
	whole_finish(&p, psk);

	begin_typing(&p, eap);
	pair_run(&p, SECONDS(20));
	assert_int_equal(p.asks, 2);
	assert_string_equal(p.stage, "logging in");
	whole_finish(&p, eap);
}

/* The gateway forgets who has not logged in after half a minute: a password that was typed too late for it is
 * good for the next call. */
static void a_password_typed_late(void **state)
{
	struct profile *profile = profile_trusting(profile_eap());
	struct passphrase password;
	struct pair p;

	(void)state;
	begin_typing(&p, profile);
	passphrase_set(&password, p.password, strlen(p.password));
	pair_run(&p, SECONDS(30));
	assert_int_equal(p.asks, 2);
	gw_free(&p.gw);
	gw_init(&p.gw, &p.gwc, 99, PAIR_WALL);
	pair_run(&p, SECONDS(10));
	pair_answer(&p, 1, &password);
	pair_run(&p, SECONDS(26));
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.asks, 2);
	pair_command(&p, CMD_RECONNECT);
	pair_run(&p, SECONDS(5));
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.asks, 2);
	whole_finish(&p, profile);
}

/* A typed password that is not good any more is said once, then asked for. */
static void a_password_that_was_good(void **state)
{
	struct profile *profile = profile_trusting(profile_eap());
	struct pair p;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		whole_up_by_eap(&p, profile);
		p.gwc.password = "another";
		p.password = i == 0 ? "another" : i == 1 ? "none of the two" : NULL;
		pair_gw(&p, GW_DELETE_IKE);
		pair_run(&p, SECONDS(60));
		assert_int_equal(client_phase(&p.client), i == 0 ? IKE_UP : IKE_DEAD);
		assert_int_equal(p.asks, i == 1 ? 4 : 3); /* user and password before */
		if (i > 0) {
			assert_int_equal(p.down.status, DOWN_LOST);
			assert_non_null(strstr(p.down.what, "refused anna"));
		}
		pair_free(&p);
	}
	profile_done(profile);
}

static const struct exit_row {
	const char *name;
	bool eap;
	enum person gw;
	struct gw_config with;
	struct setting set;
	const char *password;
	bool unresolved, silent, its_router, its_server;
	enum down_status status;
} exits[] = {
	{ .name = "name not found", .unresolved = true, .status = DOWN_UNREACHABLE },
	{ .name = "no answer", .silent = true, .status = DOWN_UNREACHABLE },
	{ .name = "no proposal", .with.ike = "aes256-sha512-ecp521", .status = DOWN_NO_PROPOSAL },
	{ .name = "no proposal for ESP",
		.with.esp = "aes256-sha512-noesn",
		.status = DOWN_NO_PROPOSAL },
	{ .name = "wrong psk",
		.set = { "secrets", "psk", "this is not it, not at all" },
		.status = DOWN_NOT_ACCEPTED },
	{ .name = "wrong password",
		.eap = true,
		.gw = GW_ECDSA,
		.password = "nonsense",
		.status = DOWN_NOT_ACCEPTED },
	{ .name = "wrong CA", .eap = true, .gw = GW_OTHER_CA, .status = DOWN_NOT_THE_GATEWAY },
	{ .name = "wrong name", .eap = true, .gw = GW_OTHER_NAME, .status = DOWN_NOT_THE_GATEWAY },
	{ .name = "wrong identity",
		.set = { "remote", "id", "other.example.org" },
		.status = DOWN_NOT_THE_GATEWAY },
	{ .name = "no address but the router's", .its_router = true, .status = DOWN_REFUSED },
	{ .name = "no address but a name server's", .its_server = true, .status = DOWN_REFUSED },
	{ .name = "selectors refused",
		.with.refuse_child = TS_UNACCEPTABLE,
		.status = DOWN_REFUSED },
};

static void exit_status(void **state)
{
	const struct exit_row *r = *state;
	struct profile *profile = profile_trusting(r->eap ? profile_eap() : profile_psk());
	struct addr servers[SESSION_NAME_SERVERS] = { 0 };
	struct pair p;
	struct err e;

	if (r->set.section)
		assert_ok(&e, profile_set(profile, r->set.section, r->set.key, r->set.value, &e));
	if (r->eap)
		whole_begin_eap(&p, profile);
	else
		whole_begin(&p, profile, 33);
	p.gwc.ike = r->with.ike;
	p.gwc.esp = r->with.esp;
	p.gwc.refuse_child = r->with.refuse_child;
	p.unresolved = r->unresolved;
	if (r->eap)
		p.gwc.own = person(r->gw);
	if (r->password)
		p.password = r->password;
	if (r->its_router)
		assert_true(addr_parse(&p.path.next_hop, p.gwc.address));
	pair_start(&p);
	if (r->its_server)
		assert_true(addr_parse(&servers[1], p.gwc.address));
	session_name_servers(p.client.session, servers);
	if (r->silent)
		pair_tap(&p, net_deaf, NULL);
	pair_until(&p, pair_dead, SECONDS(300));
	assert_int_equal(p.downs, 1);
	if (p.down.status != r->status)
		fail_msg("status %d, not %d: %s", p.down.status, r->status, p.down.what);
	assert_true(p.down.what[0] && p.down.said[0] && p.down.advice[0]);
	whole_finish(&p, profile);
}

/* Over a bad network every session is up within a minute. */
static void lossy(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());

	(void)state;
	for (uint32_t seed = 1; seed <= 100; seed++) {
		struct pair p;
		whole_begin(&p, profile, seed);
		p.wire = (struct net_config){ .seed = seed,
			.loss = 20,
			.dup = 20,
			.reorder = 20,
			.delay = 10,
			.jitter = 200 };
		pair_start(&p);
		if (!pair_until(&p, pair_decided, SECONDS(60)) || client_phase(&p.client) != IKE_UP)
			fail_msg("seed %u: not up in a minute: %s", seed, p.down.what);
		pair_command(&p, CMD_REKEY_ALL);
		pair_run(&p, SECONDS(120));
		pair_check_up(&p, 1);
		pair_stop(&p);
		pair_run(&p, SECONDS(5));
		assert_int_equal(p.down.status, DOWN_ASKED);
		pair_free(&p);
	}
	profile_done(profile);
}

/* network.address = none: the machine's own address inside as well as outside. */
static void unasked_address(void **state)
{
	struct profile *profile = profile_psk();
	struct pair p;
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(profile, "network", "address", "none", &e));
	whole_begin(&p, profile, 30);
	p.gwc.pushy = true;
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.netconf.n_addrs, 0);
	assert_int_equal(p.netconf.n_dns, 0);
	whole_finish(&p, profile);
}

static int teardown(void **state)
{
	people_free();
	return pair_group_teardown(state);
}

int main(void)
{
	const struct CMUnitTest first[] = {
		cmocka_unit_test(up_and_down),
		cmocka_unit_test(asked_while_the_next_way_is_tried),
		cmocka_unit_test(a_word_while_nothing_comes),
		cmocka_unit_test(a_password_typed_late),
		cmocka_unit_test(a_password_that_was_good),
		cmocka_unit_test(lossy),
		cmocka_unit_test(unasked_address),
	};
	static struct CMUnitTest tests[ARRAY_LEN(exits) + ARRAY_LEN(first)];

	memcpy(tests, first, sizeof(first));
	for (size_t i = 0; i < ARRAY_LEN(exits); i++)
		tests[ARRAY_LEN(first) + i] = (struct CMUnitTest){ exits[i].name, exit_status, NULL,
			NULL, (void *)&exits[i] };
	return cmocka_run_group_tests(tests, pair_group_setup, teardown);
}
