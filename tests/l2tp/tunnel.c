#include "tunnel.h"

#include "base/types.h"

void tunnel_init(struct tunnel *t, uint32_t seed)
{
	uint8_t octets[RNG_SEED_LEN] = { (uint8_t)seed, (uint8_t)(seed >> 8), 3 };

	memset(t, 0, sizeof(*t));
	rng_seed(&t->rng, octets);
	t->cfg = (struct l2tp_config){ .hostname = "client", .hello_interval = SECONDS(60) };
	lns_preset(&t->lns_cfg);
	wire_init(&t->wire, seed);
	outbox_init(&t->ob);
	t->now = 5000;
}

static void note(struct tunnel *t, struct bytes datagram)
{
	struct rd r = rd_init(datagram.p, datagram.n);

	if (!l2tp_is_control(datagram))
		return;
	if (datagram.n == 12) {
		t->zlbs++;
		return;
	}
	rd_bytes(&r, 12 + 6);
	uint16_t type = rd_u16(&r);
	assert_true(type < ARRAY_LEN(t->sent));
	t->sent[type]++;
}

static void send(struct tunnel *t, const struct l2tp_datagram *d)
{
	uint8_t room[WIRE_FRAME_MAX];
	struct wr w = wr_init(room, sizeof(room));
	uint8_t header[L2TP_DATA_HEADER_MAX];

	if (d->frame)
		wr_bytes(&w, header, l2tp_data_header(&t->session, header, d->len));
	wr_bytes(&w, d->data, d->len);
	assert_false(w.bad);
	note(t, (struct bytes){ room, w.len });
	wire_send(&t->wire, t->now, TO_LNS, (struct bytes){ room, w.len });
}

static void take_actions(struct tunnel *t)
{
	struct bytes datagram;

	l2tp_view(t->l2tp, &t->view);
	if (t->session.peer_session == 0)
		t->session = t->view.session;

	for (size_t i = 0; i < t->ob.n; i++) {
		if (t->ob.actions[i].kind == ACT_EVENT)
			continue;
		assert_int_equal(t->ob.actions[i].kind, ACT_L2TP);
		send(t, outbox_get(&t->ob, i));
	}
	outbox_clear(&t->ob);
	while (lns_output(&t->lns, &datagram))
		wire_send(&t->wire, t->now, TO_CLIENT, datagram);
}

void tunnel_start(struct tunnel *t)
{
	struct err e;

	if (t->secret) {
		assert_true(passphrase_set(&t->secret_text, t->secret, strlen(t->secret)));
		t->cfg.secret = &t->secret_text;
	}
	t->l2tp = l2tp_new(&t->cfg, &t->rng, &e);
	if (!t->l2tp)
		fail_msg("%s", e.text);
	lns_init(&t->lns, &t->lns_cfg);
	l2tp_start(t->l2tp, t->now, !t->impatient, &t->ob);
	take_actions(t);
}

void tunnel_free(struct tunnel *t)
{
	l2tp_free(t->l2tp);
	outbox_free(&t->ob);
}

static void keep(struct tunnel *t, int end, struct bytes frame)
{
	t->frames[end]++;
	t->frame_len[end] = frame.n < sizeof(t->frame[0]) ? frame.n : sizeof(t->frame[0]);
	memcpy(t->frame[end], frame.p, t->frame_len[end]);
}

static void arrive(struct tunnel *t, int to, struct bytes datagram)
{
	struct bytes frame;

	if (to == TO_LNS) {
		if (lns_input(&t->lns, t->now, datagram, &frame))
			keep(t, TO_LNS, frame);
	} else if (l2tp_is_control(datagram)) {
		l2tp_input(t->l2tp, t->now, datagram, &t->ob);
	} else if (l2tp_data_read(&t->session, datagram, &frame) &&
		l2tp_recv_frame(t->l2tp, datagram, &frame)) {
		keep(t, TO_CLIENT, frame);
	}
}

void tunnel_inject(struct tunnel *t, struct bytes datagram)
{
	arrive(t, TO_CLIENT, datagram);
	take_actions(t);
}

static void step(struct tunnel *t, uint64_t end)
{
	uint64_t dues[] = { l2tp_deadline(t->l2tp), lns_deadline(&t->lns), wire_next(&t->wire) };
	uint8_t data[WIRE_FRAME_MAX];
	uint64_t next = end;
	size_t len;
	int to;

	for (size_t i = 0; i < ARRAY_LEN(dues); i++)
		next = dues[i] < next ? dues[i] : next;
	t->now = next > t->now ? next : t->now;
	if (wire_take(&t->wire, t->now, &to, data, &len)) {
		arrive(t, to, (struct bytes){ data, len });
	} else {
		l2tp_tick(t->l2tp, t->now, &t->ob);
		lns_tick(&t->lns, t->now);
	}
	take_actions(t);
}

static bool settled(const struct tunnel *t)
{
	return t->view.phase == L2TP_DEAD || (t->view.phase == L2TP_UP && t->lns.up);
}

static void go_on(struct tunnel *t, uint64_t ms, bool settle)
{
	uint64_t end = t->now + ms;

	take_actions(t);
	for (unsigned steps = 0; t->now < end && !(settle && settled(t)); steps++) {
		if (steps > 100000)
			fail_msg("it goes on for ever");
		step(t, end);
	}
}

void tunnel_run(struct tunnel *t, uint64_t ms)
{
	go_on(t, ms, false);
}

void tunnel_settle(struct tunnel *t, uint64_t ms)
{
	go_on(t, ms, true);
}

void tunnel_connect(struct tunnel *t)
{
	tunnel_start(t);
	tunnel_settle(t, SECONDS(120));
}

void tunnel_check_up(struct tunnel *t)
{
	if (t->view.phase != L2TP_UP)
		fail_msg("phase %d: %s", t->view.phase, t->view.failure.text);
	assert_true(t->lns.up);
	assert_int_equal(t->view.session.tunnel, t->lns.peer_tunnel);
	assert_int_equal(t->view.session.session, t->lns.peer_session);
	assert_int_equal(t->view.session.peer_tunnel, t->lns_cfg.tunnel);
	assert_int_equal(t->view.session.peer_session, t->lns_cfg.session);
}

void tunnel_check_dead(struct tunnel *t, enum err_kind kind, const char *words)
{
	if (t->view.phase != L2TP_DEAD || t->view.failure.kind != kind ||
		!strstr(t->view.failure.text, words))
		fail_msg("phase %d, failure %d: %s; wanted %d \"%s\"", t->view.phase,
			t->view.failure.kind, t->view.failure.text, kind, words);
	assert_int_equal(l2tp_deadline(t->l2tp), TIME_NEVER);
}
