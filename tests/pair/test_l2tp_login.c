/*
 * Logging in by PPP in a whole L2TP session: passwords that are wrong, not good any more, or typed too late.
 */
#include <stdlib.h>

#include "l2tp_world.h"

static void asks_once(void **state)
{
	struct world *w = world_new(4);

	(void)state;
	w->profile->password_given = false;
	w->pair.password = "clientPass";
	world_start(w);
	check_up(w);
	assert_int_equal(w->pair.asks, 1);
	v1_pair_command(&w->pair, CMD_RECONNECT);
	v1_pair_run(&w->pair, SECONDS(30));
	check_up(w);
	assert_int_equal(w->behind.calls, 2);
	assert_int_equal(w->pair.asks, 1);
	world_free(w);
}

/* What was typed and worked goes before what the profile says. */
static void a_corrected_password(void **state)
{
	struct world *w = world_new(21);

	(void)state;
	set(w, "secrets", "password", "wrong");
	w->behind.ppp_cfg.failure = "E=691 R=1 C=00112233445566778899AABBCCDDEEFF V=3 M=no";
	w->behind.ppp_cfg.retry = true;
	w->pair.password = "clientPass";
	world_start(w);
	check_up(w);
	assert_int_equal(w->pair.asks, 1);
	v1_pair_command(&w->pair, CMD_RECONNECT);
	v1_pair_run(&w->pair, SECONDS(10));
	check_up(w);
	assert_int_equal(w->pair.asks, 1);
	world_free(w);
}

/* Nothing of the session is less patient than PPP. */
static void slow_verdict(void **state)
{
	struct world *w = world_new(28);

	(void)state;
	w->behind.ppp_cfg.verdict_ms = SECONDS(110);
	world_start(w);
	check_up(w);
	assert_int_equal(w->behind.calls, 1);
	world_free(w);
}

/* A password that is not good any more, typed or the profile's, is said once; then it is asked for. Where
 * nobody answers, the refusal is why it ends. */
static void a_password_that_was_good(void **state)
{
	static const enum server_auth ways[] = { SERVER_PAP, SERVER_MSCHAPV2 };

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct world *w = world_new(28);
		bool typed = i & 2, alone = i & 4;
		w->profile->password_given = !typed;
		w->pair.password = "clientPass";
		w->behind.ppp_cfg.offers[0] = ways[i & 1];
		world_start(w);
		check_up(w);
		assert_int_equal(w->pair.asks, typed);
		w->behind.ppp_cfg.password = "another";
		w->pair.password = alone ? NULL : "another";
		server_terminate(&w->behind.ppp, "Idle timeout");
		v1_pair_run(&w->pair, SECONDS(600));
		assert_int_equal(w->pair.asks, typed + 1);
		assert_int_equal(w->behind.calls, 3);
		if (alone) {
			check_down(w, DOWN_LOST, "refused User");
		} else {
			check_up(w);
			v1_pair_command(&w->pair, CMD_RECONNECT); /* now that one is known */
			v1_pair_run(&w->pair, SECONDS(10));
			check_up(w);
			assert_int_equal(w->pair.asks, typed + 1);
		}
		world_free(w);
	}
}

static void login_refused(void **state)
{
	struct world *w = world_new(9);

	(void)state;
	w->behind.ppp_cfg.password = "another";
	world_start(w);
	check_down(w, DOWN_NOT_ACCEPTED, "refused User");
	assert_non_null(strstr(w->pair.down.said, "691"));
	assert_true(w->behind.lns.closed);
	world_free(w);
}

/* EAP stands last in ppp.auth, the gateway asks for it first, and for a method that we do not have: the
 * ways before it get their turn. */
static void eap_in_vain(void **state)
{
	static const struct {
		enum server_auth offers[2];
		const char *auth; /* of the profile, NULL: all */
		const char *words; /* of the end, NULL: it comes up by MS-CHAPv2 */
		unsigned calls;
	} rows[] = {
		/* connected again it calls once: it is known */
		{ { SERVER_EAP_PEAP, SERVER_MSCHAPV2 }, NULL, NULL, 3 },
		/* nothing else is wanted, there, or ... */
		{ { SERVER_EAP_PEAP }, NULL, "wants EAP-PEAP (25)", 2 },
		{ { SERVER_EAP_PEAP, SERVER_MSCHAPV2 }, "eap", "wants EAP-PEAP (25)", 1 },
		/* ... before it */
		{ { SERVER_EAP_PEAP, SERVER_MSCHAPV2 }, "eap, mschapv2", "wants EAP-PEAP (25)", 1 },
		/* a password that was refused is not tried elsewhere */
		{ { SERVER_EAP_MD5, SERVER_MSCHAPV2 }, NULL, "EAP-MD5", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world *w = world_new(29);
		memcpy(w->behind.ppp_cfg.offers, rows[i].offers, sizeof(rows[i].offers));
		if (rows[i].offers[0] == SERVER_EAP_MD5)
			w->behind.ppp_cfg.password = "another";
		set(w, "local", "eap", "mschapv2, md5");
		if (rows[i].auth)
			set(w, "ppp", "auth", rows[i].auth);
		world_start(w);
		if (rows[i].words) {
			check_down(w, DOWN_NOT_ACCEPTED, rows[i].words);
		} else {
			check_up(w);
			assert_int_equal(w->behind.link.local_port, L2TP_PORT);
			v1_pair_command(&w->pair, CMD_RECONNECT);
			v1_pair_run(&w->pair, SECONDS(10));
			check_up(w);
		}
		assert_int_equal(w->behind.calls, rows[i].calls);
		world_free(w);
	}
}

/* What ends the call while the person types. */
enum end_of_call { BY_CDN, BY_STOPCCN, BY_TERMINATE, BY_IKE, SILENTLY, ENDS_OF_CALLS };

static void end_call(struct world *w, enum end_of_call how)
{
	struct v1_pair *p = &w->pair;

	switch (how) {
	case BY_CDN:
		lns_cdn(&w->behind.lns, 3, -1, "");
		break;
	case BY_STOPCCN:
		lns_stop(&w->behind.lns, 6, -1, "");
		break;
	case BY_TERMINATE:
		server_terminate(&w->behind.ppp, "peer refused to authenticate");
		break;
	case BY_IKE:
		p->gw->now = p->net.now;
		v1_delete_sa(p->gw, p->gw->sa, &p->ob);
		v1_pair_perform_gw(p);
		break;
	case SILENTLY:
		w->behind.wire.cut = true;
		v1_pair_run(p, SECONDS(300));
		w->behind.wire.cut = false;
		break;
	case ENDS_OF_CALLS:
		break;
	}
}

/* Whoever is asked, and has not answered yet. */
static struct world *world_asked(void)
{
	struct world *w = world_new(33);

	w->profile->password_given = false;
	w->pair.mute = true;
	world_dials(w);
	v1_pair_run(&w->pair, SECONDS(25));
	assert_int_equal(w->pair.asks, 1);
	assert_int_equal(w->pair.session->phase, PHASE_DIALLING);
	return w;
}

/* The server does not wait for who types, and says so in each of these ways: the password is good for the next call,
 * whenever it comes. */
static void typed_too_late(void **state)
{
	(void)state;
	for (int how = 0; how < ENDS_OF_CALLS; how++) {
		struct world *w = world_asked();
		end_call(w, (enum end_of_call)how);
		v1_pair_run(&w->pair, SECONDS(60));
		assert_int_equal(w->pair.session->phase, PHASE_ASKING);
		assert_int_equal(w->behind.calls, 1);
		v1_pair_answer(&w->pair, "clientPass");
		v1_pair_run(&w->pair, SECONDS(10));
		check_up(w);
		assert_int_equal(w->behind.calls, 2);
		assert_int_equal(w->pair.asks, 1);
		v1_pair_command(&w->pair, CMD_RECONNECT);
		v1_pair_run(&w->pair, SECONDS(10));
		check_up(w);
		assert_int_equal(w->pair.asks, 1);
		world_free(w);
	}
}

/* The same, but the server's word comes only when it hears the password. */
static void ended_by_the_answer(void **state)
{
	struct world *w = world_asked();

	(void)state;
	w->behind.no_ppp = true;
	v1_pair_answer(&w->pair, "clientPass");
	w->behind.no_ppp = false;
	lns_cdn(&w->behind.lns, 3, -1, "");
	v1_pair_run(&w->pair, SECONDS(10));
	check_up(w);
	assert_int_equal(w->behind.calls, 2);
	assert_int_equal(w->pair.asks, 1);
	world_free(w);
}

/* There is no password, or a wrong one, which is said once. */
static void typed_in_vain(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		struct world *w = world_asked();
		end_call(w, BY_TERMINATE);
		v1_pair_run(&w->pair, SECONDS(10));
		v1_pair_answer(&w->pair, wrong ? "another" : NULL);
		v1_pair_run(&w->pair, SECONDS(60));
		check_down(w, DOWN_NOT_ACCEPTED,
			wrong ? "refused User" : "ended the PPP link while we logged in");
		assert_int_equal(w->behind.calls, 1 + wrong);
		world_free(w);
	}
}

/* Who is tired of it all before the password is typed. */
static void stopped_while_typing(void **state)
{
	struct world *w = world_asked();

	(void)state;
	end_call(w, BY_CDN);
	v1_pair_run(&w->pair, SECONDS(10));
	v1_pair_stop(&w->pair);
	v1_pair_run(&w->pair, SECONDS(10));
	check_down(w, DOWN_ASKED, "");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_once),
		cmocka_unit_test(a_corrected_password),
		cmocka_unit_test(slow_verdict),
		cmocka_unit_test(a_password_that_was_good),
		cmocka_unit_test(login_refused),
		cmocka_unit_test(eap_in_vain),
		cmocka_unit_test(typed_too_late),
		cmocka_unit_test(ended_by_the_answer),
		cmocka_unit_test(typed_in_vain),
		cmocka_unit_test(stopped_while_typing),
	};

	return cmocka_run_group_tests(tests, v1_pair_group_setup, v1_pair_group_teardown);
}
