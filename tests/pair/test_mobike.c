/*
 * MOBIKE (RFC 4555): the client's machine changes its address, and the tunnel goes along, or a new one
 * is made where the gateway does not follow.
 */
#include <stdlib.h>

#include "pair.h"
#include "profiles.h"

struct world {
	struct profile *profile;
	struct pair p;
	uint32_t spi; /* of the first child */
};

static struct world *world_new(uint32_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->profile = profile_psk();
	assert_true(w->profile->mobike); /* the default */
	pair_init(&w->p, seed);
	w->p.profile = w->profile;
	w->p.gwc.mobike = true;
	w->p.ping_every = 20;
	return w;
}

static void world_up(struct world *w)
{
	pair_connect(&w->p);
	pair_check_up(&w->p, 1);
	w->spi = w->p.client.v2->children.v[0]->spi_in;
	pair_run(&w->p, 100);
}

static void world_free(struct world *w)
{
	pair_free(&w->p);
	profile_free(w->profile);
	free(w);
}

/* The machine is somewhere else now. */
static void move(struct world *w, uint8_t last)
{
	struct os_input in = { .kind = OS_PATH_CHANGED, .n_paths = 1 };

	w->p.path.local.ip[3] = last;
	in.paths[0] = w->p.path;
	in.paths[0].remote.port = w->p.client.v2->path.remote.port;
	pair_os(&w->p, &in);
}

/* Everybody agrees on where the client is, and the tunnel was never lost. */
static void check_moved(struct world *w, uint8_t last, unsigned moves)
{
	const struct plane *plane = &w->p.net.plane[CLIENT];

	pair_run(&w->p, SECONDS(25)); /* and it is not asked yet whether it lives */
	pair_check_up(&w->p, 1);
	assert_int_equal(w->p.events[EV_LOST], 0);
	assert_int_equal(w->p.events[EV_UP], 1);
	assert_int_equal(w->p.events[EV_MOVED], moves);
	assert_int_equal(w->p.gw.moves, moves);
	if (!w->p.net.cfg.nat)
		assert_int_equal(w->p.gw.moved_to.ip[3], last);
	assert_int_equal(w->p.client.v2->children.v[0]->local.ip[3], last);
	for (size_t i = 0; i < plane->n; i++)
		assert_int_equal(plane->sa[i]->local.ip[3], last);
	assert_int_equal(w->p.net.esp_lost, 0);
}

static void goes_along(void **state)
{
	struct world *w = world_new(51);

	(void)state;
	world_up(w);
	move(w, 77);
	check_moved(w, 77, 1);
	assert_int_equal(w->p.client.v2->children.v[0]->spi_in, w->spi);
	move(w, 78);
	check_moved(w, 78, 2);
	assert_int_equal(w->p.client.v2->children.v[0]->spi_in, w->spi);
	world_free(w);
}

/* Where the data plane cannot move its SAs they are made anew, at once. */
static void made_anew(void **state)
{
	struct world *w = world_new(52);

	(void)state;
	w->p.plain_esp = true;
	world_up(w);
	move(w, 77);
	pair_run(&w->p, 200);
	assert_int_equal(w->p.client.v2->rekeys_child, 1);
	check_moved(w, 77, 1);
	assert_int_not_equal(w->p.client.v2->children.v[0]->spi_in, w->spi);
	world_free(w);
}

/* A move while the answer to a rekey is on its way: that child is of the old place as well. */
static void made_anew_in_a_rekey(void **state)
{
	struct world *w = world_new(61);

	(void)state;
	w->p.plain_esp = true;
	world_up(w);
	pair_command(&w->p, CMD_REKEY_CHILD);
	pair_run(&w->p, 30);
	w->p.net.cfg.nat = true;
	move(w, 77);
	check_moved(w, 77, 1);
	assert_true(w->p.client.v2->children.v[0]->encap);
	world_free(w);
}

/* A NAT comes between and goes again, and our address is the same all the time. */
static void nat_comes_and_goes(void **state)
{
	struct os_input resumed = { .kind = OS_RESUMED };
	struct world *w = world_new(62);

	(void)state;
	w->p.plain_esp = true;
	world_up(w);
	uint16_t mtu = w->p.netconf.mtu;
	for (int nat = 1; nat >= 0; nat--) {
		w->p.net.cfg.nat = nat;
		pair_os(&w->p, &resumed);
		pair_settle(&w->p);
		pair_check_up(&w->p, 1);
		assert_int_equal(w->p.client.v2->children.v[0]->encap, nat);
		assert_true(nat ? w->p.netconf.mtu < mtu : w->p.netconf.mtu == mtu);
		assert_int_equal(w->p.events[EV_UP], 1);
		assert_int_equal(w->p.events[EV_LOST], 0);
	}
	world_free(w);
}

/* Behind a NAT the gateway hears where we are whenever it is asked whether it lives. */
static void unseen_changes_of_a_nat(void **state)
{
	(void)state;
	for (int nat = 0; nat < 2; nat++) {
		struct world *w = world_new(63);
		w->p.ping_every = 0;
		w->p.wire.nat = nat;
		world_up(w);
		pair_run(&w->p, SECONDS(100));
		pair_check_up(&w->p, 1);
		assert_true(nat ? w->p.gw.moves >= 2 : w->p.gw.moves == 0);
		assert_int_equal(w->p.events[EV_MOVED], 0);
		world_free(w);
	}
}

/* To a network with smaller packets. */
static void another_mtu(void **state)
{
	struct world *w = world_new(64);

	(void)state;
	world_up(w);
	uint16_t mtu = w->p.netconf.mtu;
	w->p.path.mtu = 1400;
	move(w, 77);
	check_moved(w, 77, 1);
	assert_int_equal(w->p.netconf.mtu, mtu - 100);
	world_free(w);
}

/* The machine slept, or has another way out: the gateway hears it, for there may be another NAT. */
static void same_address(void **state)
{
	struct os_input resumed = { .kind = OS_RESUMED };
	struct world *w = world_new(60);

	(void)state;
	world_up(w);
	pair_os(&w->p, &resumed);
	pair_run(&w->p, 100);
	assert_int_equal(w->p.gw.moves, 1);
	move(w, w->p.path.local.ip[3]);
	pair_settle(&w->p);
	pair_check_up(&w->p, 1);
	assert_int_equal(w->p.gw.moves, 2);
	assert_int_equal(w->p.events[EV_MOVED], 0);
	assert_int_equal(w->p.client.v2->children.v[0]->spi_in, w->spi);
	w->p.gwc.refuse_move = UNACCEPTABLE_ADDRESSES; /* it need not say yes to what it has */
	pair_os(&w->p, &resumed);
	pair_settle(&w->p);
	pair_check_up(&w->p, 1);
	assert_int_equal(w->p.events[EV_LOST], 0);
	world_free(w);
}

static void check_reconnected(struct world *w)
{
	pair_run(&w->p, SECONDS(15));
	pair_settle(&w->p);
	pair_check_up(&w->p, 1);
	assert_int_equal(w->p.events[EV_LOST], 1);
	assert_int_equal(w->p.events[EV_UP], 2);
	assert_int_equal(w->p.gw.moves, 0);
}

static void nobody_follows(void **state)
{
	struct world *w = world_new(53);

	(void)state;
	w->p.gwc.mobike = false;
	world_up(w);
	move(w, 77);
	check_reconnected(w);
	world_free(w);
	w = world_new(54);
	w->profile->mobike = false;
	world_up(w);
	move(w, 77);
	check_reconnected(w);
	world_free(w);
	w = world_new(55);
	w->p.gwc.refuse_move = UNACCEPTABLE_ADDRESSES;
	world_up(w);
	move(w, 77);
	check_reconnected(w);
	world_free(w);
}

/* Drops what comes from here, so many times. */
struct deaf {
	enum end from;
	unsigned count;
};

static bool deaf(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct deaf *d = arg;

	(void)n;
	if (f->esp || from != d->from || d->count == 0)
		return false;
	d->count--;
	return true;
}

/* Moved, and the gateway knows; its answer was lost. */
static struct world *moved_unheard(uint32_t seed, struct deaf *d)
{
	struct world *w = world_new(seed);

	*d = (struct deaf){ GATEWAY, 1 };
	world_up(w);
	pair_tap(&w->p, deaf, d);
	move(w, 77);
	pair_run(&w->p, 100);
	assert_int_equal(w->p.gw.moves, 1);
	return w;
}

/* The machine has moved on when the request comes again. */
static void moves_on(void **state)
{
	struct deaf d;
	struct world *w = moved_unheard(56, &d);

	(void)state;
	move(w, 78);
	pair_settle(&w->p);
	assert_int_equal(w->p.events[EV_MOVED], 1);
	w->p.events[EV_MOVED]++; /* of the two the one before went unheard */
	check_moved(w, 78, 2);
	world_free(w);
}

/* The gateway replaces the IKE SA that it was asked by. */
static void moves_on_in_another_sa(void **state)
{
	struct deaf d;
	struct world *w = moved_unheard(65, &d);

	(void)state;
	pair_gw(&w->p, GW_REKEY_IKE);
	pair_run(&w->p, SECONDS(20));
	assert_int_equal(w->p.events[EV_MOVED], 1);
	w->p.events[EV_MOVED] = w->p.gw.moves;
	check_moved(w, 77, w->p.gw.moves);
	world_free(w);
}

/* With a request under way whose way is gone: it goes on from the new address, and then comes the move. */
static void with_a_request(void **state)
{
	static const enum command commands[] = { CMD_REKEY_CHILD, CMD_REKEY_IKE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		for (int from = CLIENT; from <= GATEWAY; from++) {
			struct deaf d = { (enum end)from, 1 };
			struct world *w = world_new(57);
			world_up(w);
			pair_tap(&w->p, deaf, &d);
			pair_command(&w->p, commands[i]);
			pair_run(&w->p, 100);
			move(w, 77);
			check_moved(w, 77, 1);
			world_free(w);
		}
}

/* Nothing comes back at the new place: there may be no network yet, but then a new connection is tried. */
static void silence_there(void **state)
{
	struct deaf d = { GATEWAY, UINT32_MAX };
	struct world *w = world_new(58);

	(void)state;
	world_up(w);
	pair_tap(&w->p, deaf, &d);
	move(w, 77);
	pair_run(&w->p, SECONDS(15));
	assert_int_equal(w->p.events[EV_LOST], 0);
	pair_run(&w->p, SECONDS(15));
	assert_int_equal(w->p.events[EV_LOST], 1);
	d.count = 0;
	pair_run(&w->p, SECONDS(60));
	pair_settle(&w->p);
	pair_check_up(&w->p, 1);
	assert_int_equal(w->p.events[EV_UP], 2);
	world_free(w);
}

struct heard {
	bool cookie;
};

static void hear(
	void *arg, bool sent, uint8_t exchange, bool response, uint8_t first, struct bytes chain)
{
	struct heard *h = arg;
	struct payloads p;
	uint8_t inner, unknown;
	struct notify n;
	struct err e;

	if (sent || exchange != INFORMATIONAL || !response)
		return;
	assert_ok(&e, payloads_read(&p, first, chain, &inner, &unknown, &e));
	h->cookie = notify_find(&p, COOKIE2, &n) && n.data.n == 8 &&
		memcmp(n.data.p, "\1\2\3\4\5\6\7\10", 8) == 0;
}

/* RFC 4555 section 3.7: the gateway asks whether the client is where it says. */
static void return_routability(void **state)
{
	static const uint8_t chain[] = { 0, 0, 0, 16, 0, 0, COOKIE2 >> 8, COOKIE2 & 0xff, 1, 2, 3,
		4, 5, 6, 7, 8 };
	struct heard h = { 0 };
	struct world *w = world_new(59);

	(void)state;
	world_up(w);
	w->p.gw.hear = hear;
	w->p.gw.hear_arg = &h;
	pair_gw_send(&w->p, w->p.gw.sa, INFORMATIONAL, false, w->p.gw.sa->mid_out, PAYLOAD_N,
		(struct bytes){ chain, sizeof(chain) });
	pair_run(&w->p, 100);
	assert_true(h.cookie);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_along),
		cmocka_unit_test(made_anew),
		cmocka_unit_test(made_anew_in_a_rekey),
		cmocka_unit_test(nat_comes_and_goes),
		cmocka_unit_test(unseen_changes_of_a_nat),
		cmocka_unit_test(another_mtu),
		cmocka_unit_test(same_address),
		cmocka_unit_test(nobody_follows),
		cmocka_unit_test(moves_on),
		cmocka_unit_test(moves_on_in_another_sa),
		cmocka_unit_test(with_a_request),
		cmocka_unit_test(silence_there),
		cmocka_unit_test(return_routability),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
