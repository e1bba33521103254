/*
 * A new login beside the tunnel that comes to nothing, or with which something else comes about.
 */
#include "../../src/session/state.h"
#include "people.h"
#include "relogin.h"

/* --- it is not ------------------------------------------------------------------------------------ */

/* Until the old login is over, when the tunnel is made anew. */
static void lives_to_its_end(struct relogin *w)
{
	struct pair *p = &w->p;

	relogin_to(w, LIFE - 3);
	assert_int_equal(client_phase(&p->client), IKE_UP);
	assert_int_equal(p->events[EV_LOST], 0);
	assert_int_equal(p->net.plane[CLIENT].errors, 0);
	assert_true(p->events[EV_WARNING] > 0);
	assert_true(p->client.session->last_error.text[0] != 0);
}

static void comes_back(struct relogin *w)
{
	relogin_to(w, LIFE + 40);
	assert_int_equal(client_phase(&w->p.client), IKE_UP);
	assert_int_equal(w->p.events[EV_LOST], 1);
	assert_int_equal(w->p.events[EV_UP], 2);
	assert_int_equal(w->p.client.session->reconnects, 1);
	assert_int_equal(plane_count(&w->p.net.plane[CLIENT], SA_OUT), 1);
	assert_int_equal(w->p.net.plane[CLIENT].errors, 0);
	assert_null(w->p.client.session->reauth.next);
}

/* A gateway that has one of each (unique = keep), and says so when the login is through. */
static void refused_behind_the_login(void **state)
{
	struct relogin *w = relogin_new(true);

	(void)state;
	relogin_up(w);
	w->p.gwc.refuse_last = AUTHENTICATION_FAILED;
	lives_to_its_end(w);
	assert_int_equal(w->p.net.esp_lost, 0);
	assert_int_equal(w->p.events[EV_WARNING], 1);
	w->p.gwc.refuse_last = 0;
	comes_back(w);
	assert_int_equal(w->p.asks, 2); /* the password was good */
	relogin_free(w);
}

/* Anybody can say that, so it is tried again. */
static void refused_without_proof(void **state)
{
	struct relogin *w = relogin_new(false);

	(void)state;
	relogin_up(w);
	w->p.gwc.refuse_auth = AUTHENTICATION_FAILED;
	relogin_to(w, LIFE - LEAD + 20);
	assert_in_range(w->p.events[EV_WARNING], 1, 3);
	w->p.gwc.refuse_auth = 0;
	relogin_to(w, LIFE + 12);
	relogin_check(w, &w->p.other, 1);
	relogin_free(w);
}

/* A password that is not good any more is said once, and another one is asked for. */
static void another_password(void **state)
{
	struct relogin *w = relogin_new(true);

	(void)state;
	relogin_up(w);
	w->p.password = w->p.gwc.password = "another";
	relogin_to(w, LIFE - LEAD + 15);
	assert_int_equal(w->p.asks, 3);
	relogin_check(w, &w->p.other, 1);
	relogin_free(w);
}

/* Nobody is there who knows it. */
static void no_answer(void **state)
{
	struct relogin *w = relogin_new(true);

	(void)state;
	relogin_up(w);
	w->p.gwc.password = "another";
	w->p.password = NULL;
	lives_to_its_end(w);
	assert_int_equal(w->p.net.esp_lost, 0);
	assert_int_equal(w->p.asks, 3);
	assert_int_equal(w->p.events[EV_WARNING], 2);
	w->p.password = "another";
	comes_back(w);
	assert_int_equal(w->p.asks, 4);
	relogin_free(w);
}

/* They lock an account: three, and no more. */
static void wrong_passwords(void **state)
{
	struct relogin *w = relogin_new(true);

	(void)state;
	relogin_up(w);
	w->p.gwc.password = "another";
	lives_to_its_end(w);
	assert_int_equal(w->p.asks, 2 + 2);
	assert_int_equal(w->p.events[EV_WARNING], 3);
	relogin_free(w);
}

/* The gateway does not answer whom it does not know. */
static bool deaf_to_new(void *arg, struct net *n, enum end from, struct flight *f)
{
	const struct pair *p = arg;

	(void)n;
	return from == CLIENT && !f->esp && f->len > IKE_HDR_LEN && p->gw.sa &&
		memcmp(f->data, p->gw.sa->spi_i, IKE_SPI_LEN) != 0;
}

static void silence(void **state)
{
	struct relogin *w = relogin_new(false);

	(void)state;
	relogin_up(w);
	pair_tap(&w->p, deaf_to_new, &w->p);
	lives_to_its_end(w);
	assert_int_equal(w->p.net.esp_lost, 0);
	assert_in_range(w->p.events[EV_WARNING], 2, 6);
	pair_tap(&w->p, NULL, NULL);
	comes_back(w);
	relogin_free(w);
}

/* There is no room for it in the data plane. What the gateway has sent by it already is lost. */
static void not_installed(void **state)
{
	struct relogin *w = relogin_new(false);

	(void)state;
	relogin_up(w);
	w->p.full = true;
	lives_to_its_end(w);
	assert_int_equal(w->p.events[EV_WARNING], 1);
	assert_true(w->p.net.esp_lost < 6);
	w->p.full = false;
	comes_back(w);
	relogin_free(w);
}

/* The gateway gives an address that cannot be ours. */
static void a_bad_address(void **state)
{
	struct relogin *w = relogin_new(false);

	(void)state;
	relogin_up(w);
	w->p.gwc.address = "127.0.0.1";
	lives_to_its_end(w);
	assert_true(w->p.net.esp_lost < 6);
	assert_int_equal(w->p.netconf.addrs[0].ip[3], 3);
	assert_int_equal(w->p.client.session->netconf->addrs[0].ip[3], 3);
	w->p.gwc.address = "10.1.2.3";
	comes_back(w);
	relogin_free(w);
}

/* connection.reconnect = no: it ends where it has to. */
static void ends(void **state)
{
	struct relogin *w = relogin_new(true);

	(void)state;
	w->profile->reconnect = false;
	relogin_up(w);
	passphrase_wipe(&w->p.client.session->password);
	w->p.mute = true;
	relogin_to(w, LIFE - 3);
	assert_int_equal(w->p.asks, 3);
	assert_int_equal(client_phase(&w->p.client), IKE_UP);
	relogin_to(w, LIFE + 1);
	assert_int_equal(w->p.downs, 1);
	assert_int_equal(w->p.net.plane[CLIENT].n, 0);
	assert_int_equal(w->p.net.plane[CLIENT].errors, 0);
	relogin_free(w);
}

/* --- something happens meanwhile ---------------------------------------------------------------- */

static struct relogin *asked(bool mobike)
{
	struct relogin *w = relogin_new(true);

	w->profile->mobike = w->p.gwc.mobike = mobike;
	relogin_up(w);
	passphrase_wipe(&w->p.client.session->password);
	w->p.mute = true;
	relogin_to(w, LIFE - LEAD + 5);
	assert_int_equal(w->p.asks, 3);
	return w;
}

static void answer(struct relogin *w)
{
	struct passphrase password;

	passphrase_set(&password, w->p.password, strlen(w->p.password));
	pair_answer(&w->p, 1, &password);
}

/* The tunnel is lost while the password is typed: what was asked for makes the next one. */
static void deleted_meanwhile(void **state)
{
	struct relogin *w = asked(false);

	(void)state;
	pair_gw(&w->p, GW_DELETE_IKE);
	relogin_to(w, LIFE - LEAD + 7);
	assert_int_equal(w->p.events[EV_LOST], 1);
	assert_int_equal(w->p.asks, 3);
	answer(w);
	comes_back(w);
	assert_int_equal(w->p.asks, 3);
	relogin_free(w);
}

/* Nobody types before the old login is over. */
static void not_typed_in_time(void **state)
{
	struct relogin *w = asked(false);

	(void)state;
	relogin_to(w, LIFE + 5);
	assert_int_equal(w->p.events[EV_LOST], 1);
	assert_int_equal(client_phase(&w->p.client), IKE_CONNECTING);
	answer(w);
	comes_back(w);
	assert_int_equal(w->p.asks, 3);
	relogin_free(w);
}

static bool let_in(const struct pair *p)
{
	return p->other.phase == GW_UP;
}

/* unique = replace. */
static void deleted_by_the_new_one(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms < 100; ms += 5) {
		struct relogin *w = relogin_new(false);
		relogin_up(w);
		w->p.ping_every = 0;
		assert_true(pair_until(&w->p, let_in, SECONDS(20)));
		pair_run(&w->p, ms);
		pair_gw(&w->p, GW_DELETE_IKE);
		relogin_ping(w);
		w->p.net.esp_lost = 0;
		relogin_to(w, LIFE - LEAD + 15);
		assert_true(w->p.net.esp_lost < 5);
		w->p.net.esp_lost = 0;
		/* Before the answer is there it can only be taken for a loss, which the new one makes good. */
		if (w->p.events[EV_LOST] == 0)
			relogin_check(w, &w->p.other, 1);
		else
			assert_true(ms <= w->p.wire.delay);
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		assert_int_equal(w->p.resolves, 1);
		relogin_free(w);
	}
}

static void move(struct relogin *w, uint8_t last)
{
	struct os_input in = { .kind = OS_PATH_CHANGED, .n_paths = 1 };

	w->p.path.local.ip[3] = last;
	in.paths[0] = w->p.path;
	pair_os(&w->p, &in);
}

/* What is being typed is not for nothing. */
static void moved_meanwhile(void **state)
{
	struct relogin *w = asked(true);

	(void)state;
	move(w, 77);
	relogin_to(w, LIFE - LEAD + 10);
	assert_int_equal(w->p.events[EV_MOVED], 1);
	assert_int_equal(w->p.asks, 3);
	answer(w);
	relogin_to(w, LIFE - LEAD + 30);
	assert_int_equal(w->p.asks, 3);
	relogin_check(w, &w->p.other, 1);
	assert_int_equal(w->p.client.v2->path.local.ip[3], 77);
	relogin_free(w);
}

/* And then the tunnel is lost, before it has been typed. */
static void moved_and_lost(void **state)
{
	struct relogin *w = asked(true);

	(void)state;
	move(w, 77);
	relogin_to(w, LIFE - LEAD + 10);
	pair_gw(&w->p, GW_DELETE_IKE);
	relogin_to(w, LIFE - LEAD + 15);
	assert_int_equal(w->p.events[EV_LOST], 1);
	assert_int_equal(w->p.asks, 4);
	answer(w);
	comes_back(w);
	assert_int_equal(w->p.asks, 4);
	relogin_free(w);
}

/* Without a question the next try is made at once. */
static void moved_while_logging_in(void **state)
{
	struct relogin *w = relogin_new(true);

	(void)state;
	w->profile->mobike = w->p.gwc.mobike = true;
	relogin_up(w);
	relogin_to(w, LIFE - LEAD);
	pair_run(&w->p, 70);
	assert_non_null(w->p.client.session->reauth.next);
	move(w, 77);
	relogin_to(w, LIFE - LEAD + 20);
	assert_int_equal(w->p.events[EV_MOVED], 1);
	relogin_check(w, &w->p.other, 1);
	relogin_free(w);
}

/* Where the gateway does not follow, a new tunnel is made as ever. */
static void moved_without_mobike(void **state)
{
	struct relogin *w = asked(false);

	(void)state;
	w->p.mute = false;
	move(w, 77);
	comes_back(w);
	relogin_free(w);
}

static void down_meanwhile(void **state)
{
	struct relogin *w = asked(false);

	(void)state;
	assert_int_equal(w->p.other.phase, GW_HALF);
	relogin_stop(w);
	relogin_free(w);
	for (unsigned ms = 0; ms < 60; ms += 10) {
		w = relogin_new(false);
		relogin_up(w);
		assert_true(pair_until(&w->p, let_in, SECONDS(20)));
		pair_run(&w->p, ms);
		relogin_stop(w);
		assert_int_equal(w->p.gw.phase, GW_CLOSED);
		if (ms >= w->p.wire.delay) /* else it may not know yet that it was let in */
			assert_int_equal(w->p.other.phase, GW_CLOSED);
		relogin_free(w);
	}
}

/* The way is gone when it is time; it begins when it is back. */
static void cut_off(void **state)
{
	struct os_input in = { .kind = OS_PATH_CHANGED };
	struct relogin *w = relogin_new(false);

	(void)state;
	relogin_up(w);
	pair_os(&w->p, &in);
	relogin_to(w, LIFE - LEAD + 3);
	assert_int_equal(w->p.other.phase, GW_IDLE);
	move(w, 10);
	relogin_to(w, LIFE - LEAD + 20);
	relogin_check(w, &w->p.other, 1);
	relogin_free(w);
}

static int teardown(void **state)
{
	people_free();
	return pair_group_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_behind_the_login),
		cmocka_unit_test(refused_without_proof),
		cmocka_unit_test(another_password),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(wrong_passwords),
		cmocka_unit_test(silence),
		cmocka_unit_test(not_installed),
		cmocka_unit_test(a_bad_address),
		cmocka_unit_test(ends),
		cmocka_unit_test(deleted_meanwhile),
		cmocka_unit_test(not_typed_in_time),
		cmocka_unit_test(deleted_by_the_new_one),
		cmocka_unit_test(moved_meanwhile),
		cmocka_unit_test(moved_and_lost),
		cmocka_unit_test(moved_while_logging_in),
		cmocka_unit_test(moved_without_mobike),
		cmocka_unit_test(down_meanwhile),
		cmocka_unit_test(cut_off),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, teardown);
}
