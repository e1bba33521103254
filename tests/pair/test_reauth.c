/*
 * A new login beside the tunnel, which the gateway takes: nothing breaks.
 */
#include "../../src/session/state.h"
#include "people.h"
#include "relogin.h"

enum { EXCHANGE_AT = 18 };

static void goes_on(struct relogin *w, unsigned asks)
{
	static const uint8_t in_hand[4] = { 10, 1, 2, 3 };

	relogin_up(w);
	relogin_to(w, LIFE - LEAD - 1);
	assert_int_equal(w->p.other.phase, GW_IDLE);
	assert_true(w->p.gw.initial_contact);
	relogin_to(w, LIFE - LEAD + 15);
	relogin_check(w, &w->p.other, 1);
	assert_false(w->p.other.initial_contact);
	assert_memory_equal(w->p.other.asked, in_hand, sizeof(in_hand));
	/* And once more. */
	w->since -= w->p.client.session->up_at - w->since;
	relogin_to(w, 2 * (LIFE - LEAD) + 15);
	relogin_check(w, &w->p.gw, 2);
	assert_false(w->p.gw.initial_contact);
	assert_memory_equal(w->p.gw.asked, in_hand, sizeof(in_hand));
	assert_int_equal(w->p.asks, asks);
	/* Certificates of an EAP server are looked at as of then. */
	const struct session *s = w->p.client.session;
	assert_in_range(session_wall(s) - s->tls.now, 0, LEAD);
	relogin_stop(w);
	relogin_free(w);
}

static void by_key(void **state)
{
	(void)state;
	goes_on(relogin_new(false), 0);
}

/* The password was typed at first, and is good for the next login as well. */
static void by_password(void **state)
{
	(void)state;
	goes_on(relogin_new(true), 2);
}

static void by_certificate(void **state)
{
	struct relogin *w = relogin_new(false);

	(void)state;
	w->profile->local_auth = LOCAL_CERT;
	w->profile->own_certs = person(USER_ECDSA)->certs;
	w->profile->own_key = person(USER_ECDSA)->key;
	w->p.gwc.client = IKE_AUTH_BY_CERT;
	w->p.gwc.trust = people_trust();
	goes_on(w, 0);
}

/* The kernel's SAs, which have no UDP around. */
static void plain(void **state)
{
	struct relogin *w = relogin_new(false);

	(void)state;
	w->p.plain_esp = true;
	goes_on(w, 0);
}

/* What the gateway sent by the old SA arrives whenever it likes. */
static void late_packets(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 20; seed++) {
		struct relogin *w = relogin_new(false);
		w->p.wire.seed = seed;
		w->p.wire.jitter = 30;
		w->p.wire.reorder = 30;
		relogin_up(w);
		relogin_to(w, LIFE - LEAD + 15);
		assert_int_equal(w->p.net.lost_at[CLIENT], 0);
		assert_int_equal(w->p.other.phase, GW_UP);
		assert_int_equal(w->p.gw.phase, GW_CLOSED);
		relogin_free(w);
	}
}

/* What the data plane expects while the client waits for an answer to IKE_AUTH. */
static bool note_expected(void *arg, struct net *n, enum end from, struct flight *f)
{
	if (from == CLIENT && f->len > EXCHANGE_AT && f->data[EXCHANGE_AT] == IKE_AUTH)
		*(uint32_t *)arg = n->plane[CLIENT].expected;
	return false;
}

/* A code that is typed late, while the tunnel lives on with rekeys of both sides. */
static void a_code_typed_late(void **state)
{
	struct relogin *w = relogin_new(true);
	struct passphrase code;
	uint32_t expected = 0;
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(w->profile, "local", "eap", "gtc", &e));
	w->p.gwc.eap = EAP_GTC;
	relogin_up(w);
	assert_int_equal(w->p.asks, 2);
	w->p.mute = true;
	relogin_to(w, LIFE - LEAD + 2);
	assert_int_equal(w->p.asks, 3);
	assert_string_equal(w->p.said, "Your code");
	pair_command(&w->p, CMD_REKEY_ALL);
	relogin_to(w, LIFE - LEAD + 15);
	pair_gw(&w->p, GW_REKEY_CHILD);
	relogin_to(w, LIFE - LEAD + 25);
	pair_gw(&w->p, GW_REKEY_IKE);
	relogin_to(w, LIFE - LEAD + 35);
	assert_true(w->p.gw.rekeys_child >= 2 && w->p.gw.rekeys_ike >= 2);
	passphrase_set(&code, w->p.password, strlen(w->p.password));
	assert_int_equal(w->p.net.plane[CLIENT].expected, 0); /* the rekeys came after */
	pair_tap(&w->p, note_expected, &expected);
	pair_answer(&w->p, 1, &code);
	relogin_to(w, LIFE - LEAD + 50);
	relogin_check(w, &w->p.other, 1);
	assert_int_equal(w->p.client.v2->children.v[0]->spi_in, expected);
	relogin_stop(w);
	relogin_free(w);
}

/* A password that came when the gateway had forgotten who is to say it: it is called once more. */
static void a_password_typed_too_late(void **state)
{
	struct relogin *w = relogin_new(true);
	struct passphrase password;

	(void)state;
	relogin_up(w);
	passphrase_wipe(&w->p.client.session->password);
	w->p.mute = true;
	relogin_to(w, LIFE - LEAD + 22);
	assert_int_equal(w->p.asks, 3);
	gw_free(&w->p.other);
	gw_init(&w->p.other, &w->p.gwc, 99, PAIR_WALL);
	passphrase_set(&password, w->p.password, strlen(w->p.password));
	pair_answer(&w->p, 1, &password);
	relogin_to(w, LIFE - 2);
	assert_int_equal(w->p.asks, 3);
	assert_int_equal(w->p.other.phase, GW_UP);
	relogin_to(w, LIFE + 12);
	relogin_check(w, &w->p.other, 1);
	relogin_free(w);
}

/* The gateway goes on by the old one for as long as it is there. */
static void another_address(void **state)
{
	struct relogin *w = relogin_new(false);

	(void)state;
	relogin_up(w);
	w->p.gwc.address = "10.1.2.4";
	relogin_to(w, LIFE - LEAD + 15);
	relogin_check(w, &w->p.other, 1);
	assert_int_equal(w->p.netconf.n_addrs, 1);
	assert_int_equal(w->p.netconf.addrs[0].ip[3], 4);
	relogin_free(w);
}

/* What is agreed on in the middle of a rekey of the old one: it is not told to go before it has its answer. */
static void while_rekeying(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms < 200; ms += 10) {
		struct relogin *w = relogin_new(false);
		relogin_up(w);
		relogin_to(w, LIFE - LEAD);
		pair_run(&w->p, ms);
		pair_command(&w->p, ms % 20 ? CMD_REKEY_CHILD : CMD_REKEY_ALL);
		pair_gw(&w->p, ms % 30 ? GW_REKEY_CHILD : GW_REKEY_IKE);
		relogin_to(w, LIFE - LEAD + 20);
		relogin_check(w, &w->p.other, 1);
		relogin_free(w);
	}
}

/* Keys of the new one are told as well to who asks when it is there. */
static void keys(void **state)
{
	struct relogin *w = relogin_new(false);

	(void)state;
	w->p.wire.keys = true;
	relogin_up(w);
	w->p.net.keys[CLIENT].n = 0;
	relogin_to(w, LIFE - LEAD + 15);
	assert_int_equal(w->p.net.keys[CLIENT].n, 3); /* of the IKE SA, and ESP both ways */
	relogin_free(w);
}

/* --- a bad network --------------------------------------------------------------------------------- */

static void lossy(void **state)
{
	unsigned lost = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= 60; seed++) {
		struct relogin *w = relogin_new(seed % 2);
		w->p.wire = (struct net_config){ .seed = seed,
			.loss = 20,
			.dup = 20,
			.reorder = 20,
			.delay = 10,
			.jitter = 200 };
		pair_connect(&w->p);
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		w->since = w->p.net.now;
		relogin_to(w, UINT64_C(3) * LIFE);
		pair_run(&w->p, SECONDS(60));
		if (client_phase(&w->p.client) != IKE_UP)
			fail_msg("seed %u: not up", seed);
		lost += w->p.events[EV_LOST];
		assert_true(w->p.client.session->rekeys_ike + w->p.events[EV_LOST] >= 3);
		assert_int_equal(w->p.net.plane[CLIENT].errors, 0);
		assert_int_equal(w->p.downs, 0);
		pair_stop(&w->p);
		pair_run(&w->p, SECONDS(5));
		assert_int_equal(w->p.down.status, DOWN_ASKED);
		assert_int_equal(w->p.net.plane[CLIENT].n, 0);
		relogin_free(w);
	}
	assert_true(lost < 10); /* of 180 */
}

static int teardown(void **state)
{
	people_free();
	return pair_group_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_key),
		cmocka_unit_test(by_password),
		cmocka_unit_test(by_certificate),
		cmocka_unit_test(plain),
		cmocka_unit_test(late_packets),
		cmocka_unit_test(a_code_typed_late),
		cmocka_unit_test(a_password_typed_too_late),
		cmocka_unit_test(another_address),
		cmocka_unit_test(while_rekeying),
		cmocka_unit_test(keys),
		cmocka_unit_test(lossy),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, teardown);
}
