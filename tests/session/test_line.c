/*
 * The line from the first control message to the last, against the servers of tests/lib, with a data
 * plane in between that does what edge/carry does with frames, and nothing for who is not linked.
 */
#include "../../src/session/line.h"
#include "lib/lns.h"
#include "lib/ppp_server.h"
#include "lib/wire.h"

#include <stdio.h>

#include "base/types.h"

enum { TO_CLIENT, TO_GATEWAY };

struct world {
	struct line_config cfg;
	struct lns_config lns_cfg;
	struct server_config ppp_cfg;
	const char *answer;
	struct passphrase password;
	struct rng rng;
	struct line *line;
	struct lns lns;
	struct server ppp;
	struct wire wire;
	struct outbox ob;
	uint64_t now;
	uint32_t question;
	bool asked;
	struct l2tp_link link; /* as the data plane was told */
	struct l2tp_session session;
	unsigned links, dropped;
	bool no_ppp; /* the server's frames get lost */
	struct line_view view;
};

static void world_init(struct world *w, uint32_t seed)
{
	uint8_t octets[RNG_SEED_LEN] = { (uint8_t)seed, (uint8_t)(seed >> 8), 5 };

	memset(w, 0, sizeof(*w));
	rng_seed(&w->rng, octets);
	assert_true(passphrase_set(&w->password, "clientPass", 10));
	w->cfg = (struct line_config){ .local_port = 40000,
		.remote_port = L2TP_PORT,
		.l2tp = { .hostname = "client", .hello_interval = SECONDS(60) },
		.ppp = { .user = "User",
			.password = &w->password,
			.n_auth = 3,
			.mru = 1400,
			.ipv4 = true,
			.auth = { PPP_AUTH_MSCHAPV2, PPP_AUTH_CHAP, PPP_AUTH_PAP },
			.echo_interval = SECONDS(30) } };
	lns_preset(&w->lns_cfg);
	server_preset(&w->ppp_cfg, SERVER_MSCHAPV2);
	wire_init(&w->wire, seed);
	outbox_init(&w->ob);
	w->now = 1000;
}

/* What the data plane does with an action: without a link nothing leaves. */
static void carry(struct world *w, const struct l2tp_datagram *d)
{
	uint8_t room[WIRE_FRAME_MAX], header[L2TP_DATA_HEADER_MAX];
	struct wr out = wr_init(room, sizeof(room));

	if (w->link.local_port == 0 || (d->frame && w->session.session == 0)) {
		w->dropped++;
		return;
	}
	if (d->frame)
		wr_bytes(&out, header, l2tp_data_header(&w->session, header, d->len));
	wr_bytes(&out, d->data, d->len);
	assert_false(out.bad);
	wire_send(&w->wire, w->now, TO_GATEWAY, (struct bytes){ room, out.len });
}

static void take_link(struct world *w, const struct l2tp_link *link)
{
	w->links++;
	w->link = *link;
	assert_true(link->local_port == 0 ||
		(link->local_port == 40000 && link->remote_port == L2TP_PORT));
	assert_true(!link->packets || link->peer_session != 0);
	w->session = (struct l2tp_session){ .tunnel = link->tunnel,
		.session = link->session,
		.peer_tunnel = link->peer_tunnel,
		.peer_session = link->peer_session };
}

static void perform(struct world *w)
{
	struct bytes frame;

	for (size_t i = 0; i < w->ob.n; i++) {
		const void *what = outbox_get(&w->ob, i);
		switch (w->ob.actions[i].kind) {
		case ACT_L2TP:
			carry(w, what);
			break;
		case ACT_L2TP_LINK:
			take_link(w, what);
			break;
		case ACT_ASK:
			w->asked = true;
			w->question = ((const struct ask *)what)->id;
			break;
		case ACT_EVENT:
			break;
		default:
			fail_msg("action %d of a line", w->ob.actions[i].kind);
		}
	}
	outbox_clear(&w->ob);
	while (w->lns.up && server_output(&w->ppp, &frame))
		if (!w->no_ppp)
			lns_data(&w->lns, frame);
	while (lns_output(&w->lns, &frame))
		wire_send(&w->wire, w->now, TO_CLIENT, frame);
	line_view(w->line, &w->view);
}

static void world_start(struct world *w)
{
	struct err e;

	w->line = line_new(&w->cfg, &w->rng, &e);
	if (!w->line)
		fail_msg("%s", e.text);
	lns_init(&w->lns, &w->lns_cfg);
	server_init(&w->ppp, &w->ppp_cfg, w->wire.random);
	line_start(w->line, w->now, true, &w->ob);
	perform(w);
}

static void world_free(struct world *w)
{
	line_free(w->line);
	outbox_free(&w->ob);
}

static void step(struct world *w, uint64_t end)
{
	uint64_t dues[] = { line_deadline(w->line), lns_deadline(&w->lns), wire_next(&w->wire),
		w->lns.up ? server_deadline(&w->ppp) : TIME_NEVER };
	uint8_t data[WIRE_FRAME_MAX];
	struct bytes frame;
	uint64_t next = end;
	size_t len;
	int to;

	for (size_t i = 0; i < ARRAY_LEN(dues); i++)
		next = dues[i] < next ? dues[i] : next;
	w->now = next > w->now ? next : w->now;
	if (w->asked) {
		struct passphrase p;
		w->asked = false;
		assert_true(passphrase_set(
			&p, w->answer ? w->answer : "", w->answer ? strlen(w->answer) : 0));
		line_answer(w->line, w->now, w->question, w->answer ? &p : NULL, &w->ob);
	} else if (!wire_take(&w->wire, w->now, &to, data, &len)) {
		line_tick(w->line, w->now, &w->ob);
		lns_tick(&w->lns, w->now);
		if (w->lns.up)
			server_tick(&w->ppp, w->now);
	} else if (to == TO_CLIENT) {
		if (w->link.local_port)
			line_datagram(w->line, w->now, (struct bytes){ data, len }, &w->ob);
	} else if (lns_input(&w->lns, w->now, (struct bytes){ data, len }, &frame)) {
		server_input(&w->ppp, w->now, frame);
	}
	perform(w);
}

static void run(struct world *w, uint64_t ms, bool settle)
{
	uint64_t end = w->now + ms;

	perform(w);
	for (unsigned steps = 0; w->now < end; steps++) {
		if (settle &&
			(w->view.phase == LINE_DEAD ||
				(w->view.phase == LINE_UP && server_up(&w->ppp))))
			return;
		if (steps > 100000)
			fail_msg("it goes on for ever");
		step(w, end);
	}
}

static void connect(struct world *w)
{
	world_start(w);
	run(w, SECONDS(180), true);
}

static void check_up(struct world *w)
{
	char text[ADDR_TEXT_MAX];

	if (w->view.phase != LINE_UP)
		fail_msg("phase %d, stage %d: %s", w->view.phase, w->view.stage,
			w->view.failure.text);
	assert_string_equal(addr_text(text, &w->view.ppp.local), "10.10.1.2");
	assert_true(w->link.packets && w->link.tunnel && w->link.peer_tunnel == 0x1234);
}

static void check_dead(
	struct world *w, enum line_stage stage, enum err_kind kind, const char *words)
{
	if (w->view.phase != LINE_DEAD || w->view.failure.kind != kind || w->view.stage != stage ||
		!strstr(w->view.failure.text, words))
		fail_msg("phase %d, stage %d, failure %d: %s; wanted \"%s\"", w->view.phase,
			w->view.stage, w->view.failure.kind, w->view.failure.text, words);
	assert_int_equal(w->link.local_port, 0);
	assert_int_equal(line_deadline(w->line), TIME_NEVER);
}

static void up_and_down(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1);
	connect(&w);
	check_up(&w);
	assert_int_equal(w.links, 3); /* ports, session, packets */
	run(&w, SECONDS(3600), false);
	check_up(&w);
	assert_int_equal(w.links, 3);
	line_stop(w.line, w.now, &w.ob);
	run(&w, 1000, false);
	check_dead(&w, LINE_NETWORK, ERR_NONE, "");
	assert_true(w.ppp.terminated && w.lns.closed);
	assert_int_equal(w.dropped, 0);
	world_free(&w);
}

static void asks(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 2);
	w.cfg.ppp.password = NULL;
	w.answer = "clientPass";
	connect(&w);
	check_up(&w);
	world_free(&w);
}

static void login_refused(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 3);
	w.ppp_cfg.password = "another";
	connect(&w);
	check_dead(&w, LINE_LOGIN, ERR_PEER, "refused User");
	assert_true(w.lns.closed);
	world_free(&w);
}

static void tunnel_refused(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 4);
	w.lns_cfg.secret = "s";
	w.lns_cfg.challenge = true;
	connect(&w);
	check_dead(&w, LINE_L2TP, ERR_CONFIG, "authenticated by a secret");
	world_free(&w);
}

static void nobody_there(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 5);
	w.wire.cut = true;
	connect(&w);
	check_dead(&w, LINE_L2TP, ERR_SILENT, "though IPsec is up");
	assert_true(w.view.l2tp.silent);
	world_free(&w);
}

/* The gateway ends it, at each of the layers; the first reason is the one told. */
static void ended_by_the_gateway(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 6);
	connect(&w);
	lns_stop(&w.lns, 6, -1, "");
	run(&w, 1000, false);
	check_dead(&w, LINE_NETWORK, ERR_PEER, "being shut down");
	world_free(&w);

	world_init(&w, 6);
	connect(&w);
	lns_cdn(&w.lns, 3, -1, "");
	run(&w, 100, false);
	check_dead(&w, LINE_NETWORK, ERR_PEER, "administrative reasons");
	world_free(&w);

	world_init(&w, 6);
	connect(&w);
	server_terminate(&w.ppp, "Idle");
	run(&w, 1, false);
	lns_cdn(&w.lns, 3, -1, "");
	run(&w, 1000, false);
	check_dead(&w, LINE_NETWORK, ERR_PEER, "It says \"Idle\"");
	world_free(&w);
}

static void lose_ppp_at(struct world *w, enum line_stage stage)
{
	for (int ms = 0; ms < 1000 && w->view.stage != stage; ms++)
		run(w, 1, false);
	assert_int_equal(w->view.stage, stage);
	w->no_ppp = true;
}

/* ... and before it is up: of the L2TP server this is a refused call, whatever PPP was at. */
static void call_ended_early(void **state)
{
	static const enum line_stage stages[] = { LINE_LINK, LINE_LOGIN };
	struct world w;

	(void)state;
	for (unsigned i = 0; i < 2 * ARRAY_LEN(stages); i++) {
		world_init(&w, 11);
		world_start(&w);
		lose_ppp_at(&w, stages[i / 2]);
		if (i & 1)
			lns_cdn(&w.lns, 5, -1, "");
		else
			lns_stop(&w.lns, 2, 4, "");
		run(&w, SECONDS(1), false);
		check_dead(&w, LINE_L2TP, ERR_PEER, i & 1 ? "L2TP session" : "L2TP tunnel");
		world_free(&w);
	}
}

/* PPP does not begin, or ends before there is a login: the login is not why. */
static void no_login_yet(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 12);
	w.no_ppp = true;
	connect(&w);
	check_dead(&w, LINE_LINK, ERR_SILENT, "no answer to our LCP");
	world_free(&w);

	world_init(&w, 12);
	w.ppp_cfg.offers[0] = SERVER_MSCHAPV1;
	connect(&w);
	check_dead(&w, LINE_LINK, ERR_PEER, "log in by MS-CHAP version 1");
	world_free(&w);

	world_init(&w, 12);
	world_start(&w);
	lose_ppp_at(&w, LINE_LOGIN);
	run(&w, SECONDS(180), true);
	check_dead(&w, LINE_LOGIN, ERR_SILENT, "");
	world_free(&w);
}

/* It forgets us, or is restarted: silence, and the line is found dead. */
static void forgotten(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7);
	connect(&w);
	lns_init(&w.lns, &w.lns_cfg);
	w.wire.cut = true;
	uint64_t at = w.now;
	while (w.view.phase == LINE_UP && w.now < at + SECONDS(400))
		run(&w, 1000, false);
	assert_in_range(w.now - at, SECONDS(60), SECONDS(151));
	run(&w, SECONDS(5), false);
	assert_int_equal(w.view.phase, LINE_DEAD);
	assert_int_equal(w.view.failure.kind, ERR_SILENT);
	world_free(&w);
}

static void stopped_early(void **state)
{
	struct world w;

	(void)state;
	for (unsigned ms = 0; ms < 200; ms += 5) {
		world_init(&w, 8);
		world_start(&w);
		run(&w, ms, false);
		line_stop(w.line, w.now, &w.ob);
		run(&w, SECONDS(4), false);
		check_dead(&w, w.view.stage, ERR_NONE, "");
		world_free(&w);
	}
	world_init(&w, 8);
	connect(&w);
	w.wire.cut = true;
	line_stop(w.line, w.now, &w.ob);
	line_stop(w.line, w.now, &w.ob);
	run(&w, 1, false);
	check_dead(&w, LINE_NETWORK, ERR_NONE, "");
	world_free(&w);
}

/* PPP's end is waited for, so that nothing of it is under way any more when the SA goes; not for long. */
static void ppp_ends_first(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 9);
	connect(&w);
	line_stop(w.line, w.now, &w.ob);
	run(&w, w.wire.delay, false);
	assert_true(w.ppp.terminated);
	assert_false(w.lns.closed);
	run(&w, 1000, false);
	check_dead(&w, LINE_NETWORK, ERR_NONE, "");
	assert_true(w.lns.closed);
	world_free(&w);
	world_init(&w, 10);
	w.ppp_cfg.deaf_to_end = true;
	connect(&w);
	line_stop(w.line, w.now, &w.ob);
	run(&w, 400, false);
	assert_false(w.lns.closed);
	run(&w, 300, false);
	check_dead(&w, LINE_NETWORK, ERR_NONE, "");
	assert_true(w.lns.closed);
	world_free(&w);
}

/* Without duplicates: ESP lets none through. */
static void bad_network(void **state)
{
	struct world w;

	(void)state;
	for (uint32_t seed = 0; seed < 500; seed++) {
		world_init(&w, seed + 100);
		w.wire.loss = 15;
		w.wire.reorder = 10;
		w.wire.jitter = 50;
		w.ppp_cfg.offers[0] = seed & 1 ? SERVER_MSCHAPV2 : SERVER_PAP;
		connect(&w);
		if (w.view.phase != LINE_UP)
			fail_msg("seed %u: %s", seed, w.view.failure.text);
		check_up(&w);
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_and_down),
		cmocka_unit_test(asks),
		cmocka_unit_test(login_refused),
		cmocka_unit_test(tunnel_refused),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(ended_by_the_gateway),
		cmocka_unit_test(call_ended_early),
		cmocka_unit_test(no_login_yet),
		cmocka_unit_test(forgotten),
		cmocka_unit_test(stopped_early),
		cmocka_unit_test(ppp_ends_first),
		cmocka_unit_test(bad_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
