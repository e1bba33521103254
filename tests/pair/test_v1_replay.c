#include "v1_pair.h"

/* Messages of the gateway that somebody recorded, and sends once more when their exchange is long
 * forgotten; and those of which the gateway never hears an end. */

struct record {
	uint8_t exchange;
	uint8_t data[4096];
	size_t len;
};

/* The first message of the gateway in that exchange. */
static bool note_first(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct record *r = arg;

	(void)n;
	if (from != GATEWAY || f->esp || f->len < IKE_HDR_LEN || f->data[18] != r->exchange ||
		r->len > 0)
		return false;
	assert_true(f->len <= sizeof(r->data));
	memcpy(r->data, f->data, f->len);
	r->len = f->len;
	return false;
}

static void listen_for(struct v1_pair *p, struct record *r, uint8_t exchange)
{
	*r = (struct record){ .exchange = exchange };
	p->net.tap = note_first;
	p->net.tap_arg = r;
}

/* The gateway's quick mode: no child comes of it, and what stands stays. */
static void quick_mode(void **state)
{
	struct v1_pair *p = v1_pair_new(102);
	struct record r;

	(void)state;
	v1_pair_connect(p);
	listen_for(p, &r, V1_QUICK_MODE);
	v1_pair_gw_rekeys(p);
	v1_pair_run(p, SECONDS(150));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_child, 1);
	unsigned installs = p->net.plane[CLIENT].installs, sent = p->net.sent[CLIENT];
	v1_pair_inject(p, r.data, r.len);
	v1_pair_run(p, SECONDS(90));
	assert_int_equal(p->net.plane[CLIENT].installs, installs);
	assert_int_equal(p->net.sent[CLIENT], sent);
	assert_int_equal(p->client->rekeys_child, 1);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* While the exchange is remembered, its first message is one whose answer was lost. */
static void quick_mode_again(void **state)
{
	struct v1_pair *p = v1_pair_new(103);
	struct record r;

	(void)state;
	v1_pair_connect(p);
	p->net.cfg.dup = 100;
	listen_for(p, &r, V1_QUICK_MODE);
	v1_pair_gw_rekeys(p);
	v1_pair_run(p, SECONDS(20));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_child, 1);
	v1_pair_done(p);
}

static bool drop_ours(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)n;
	(void)arg;
	return from == CLIENT && !f->esp && f->len > IKE_HDR_LEN && f->data[18] == V1_QUICK_MODE;
}

/* Our answer to the gateway's quick mode never gets there: we go on by the SA that it has. */
static void unconfirmed(void **state)
{
	struct v1_pair *p = v1_pair_new(121);

	(void)state;
	p->cfg.dpd_interval = SECONDS(10);
	v1_pair_connect(p);
	v1_pair_run(p, SECONDS(5));
	p->net.tap = drop_ours;
	v1_pair_gw_rekeys(p);
	v1_pair_run(p, SECONDS(5));
	assert_int_equal(plane_count(&p->net.plane[CLIENT], SA_OUT), 1);
	v1_pair_run(p, SECONDS(300));
	p->net.tap = NULL;
	unsigned lost = p->net.esp_lost;
	net_ping(&p->net, CLIENT);
	v1_pair_run(p, SECONDS(1));
	assert_int_equal(p->net.esp_lost, lost);
	assert_int_equal(p->client->rekeys_child, 0);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* A request for the login: nobody is asked, and the tunnel does not wait for an end of it. */
static void login(void **state)
{
	static const struct v1_round asks_once[] = { { V1_REQUEST, "4089 0000 408a 0000", NULL },
		{ V1_SET, "c08f 0001", NULL }, { 0 } };
	struct v1_pair *p = v1_pair_new(122);
	struct record r;

	(void)state;
	p->login = true;
	p->rounds = asks_once;
	v1_pair_start(p);
	listen_for(p, &r, V1_TRANSACTION);
	v1_pair_until(p, v1_pair_decided, SECONDS(60));
	v1_pair_check_up(p, 1);
	for (int i = 0; i < 12; i++) {
		v1_pair_run(p, SECONDS(130));
		v1_pair_inject(p, r.data, r.len);
		assert_int_equal(p->client->phase, IKE_UP);
	}
	assert_int_equal(p->asks, 1);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* The gateway says it in a message of its own, which is recorded. */
static void say(struct v1_pair *p, struct record *r, uint16_t type, struct bytes data)
{
	uint8_t buf[64];
	struct ikew k;

	listen_for(p, r, V1_INFORMATIONAL);
	ikew_chain(&k, buf, sizeof(buf));
	v1_notify_write(&k, p->gw->sa, type, data);
	v1_pair_gw_info(p, &k);
	v1_pair_run(p, SECONDS(1));
}

/* An error in a message of its own: it was about another quick mode than the one under way. */
static void error(void **state)
{
	struct v1_pair *p = v1_pair_new(124);
	struct record r;

	(void)state;
	v1_pair_connect(p);
	say(p, &r, V1_INVALID_ID_INFORMATION, (struct bytes){ 0 });
	v1_pair_command(p, CMD_REKEY_CHILD);
	v1_pair_inject(p, r.data, r.len);
	r.data[18] = V1_QUICK_MODE; /* which nothing protects */
	v1_pair_inject(p, r.data, r.len);
	v1_pair_run(p, SECONDS(2));
	assert_int_equal(p->client->rekeys_child, 1);
	v1_pair_run(p, SECONDS(30));
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* The same question of DPD once more is one whose answer was lost. */
static void alive(void **state)
{
	static const uint8_t sequence[] = { 0, 0, 0, 7 };
	struct v1_pair *p = v1_pair_new(125);
	struct record r;

	(void)state;
	v1_pair_connect(p);
	say(p, &r, V1_R_U_THERE, (struct bytes){ sequence, 4 });
	unsigned sent = p->net.sent[CLIENT];
	v1_pair_inject(p, r.data, r.len);
	assert_int_equal(p->net.sent[CLIENT], sent + 1);
	v1_pair_done(p);
}

static bool note_ours(void *arg, struct net *n, enum end from, struct flight *f)
{
	return note_first(arg, n, from == CLIENT ? GATEWAY : CLIENT, f);
}

/* Our own question of DPD comes back: it is not answered, which would come back as well and keep a gateway
 * alive that is gone; and the gateway's questions, by numbers of its own, are none of before. */
static void own_question(void **state)
{
	static const uint8_t sequence[] = { 0, 0, 0, 7 };
	struct v1_pair *p = v1_pair_new(127);
	struct record r = { .exchange = V1_INFORMATIONAL }, theirs;

	(void)state;
	p->cfg.dpd_interval = SECONDS(10);
	v1_pair_connect(p);
	p->net.tap = note_ours;
	p->net.tap_arg = &r;
	v1_pair_run(p, SECONDS(30));
	assert_true(r.len > 0);
	unsigned sent = p->net.sent[CLIENT];
	v1_pair_inject(p, r.data, r.len);
	assert_int_equal(p->net.sent[CLIENT], sent);
	say(p, &theirs, V1_R_U_THERE, (struct bytes){ sequence, 4 });
	assert_int_equal(p->net.sent[CLIENT], sent + 1);
	v1_pair_done(p);
}

static bool gateway_is_gone(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)arg;
	(void)n;
	(void)f;
	return from == GATEWAY;
}

/* A gateway that is gone is not kept alive by what it said before: its question, its answer to ours, and what
 * changes nothing. */
static void dead_all_the_same(void **state)
{
	static const uint8_t sequence[] = { 0, 0, 0, 7 };
	static const uint16_t said[] = { V1_R_U_THERE, 0, 24577 /* REPLAY-STATUS */ };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		struct v1_pair *p = v1_pair_new(128);
		struct record r;
		p->cfg.dpd_interval = SECONDS(10);
		v1_pair_connect(p);
		if (said[i])
			say(p, &r, said[i], (struct bytes){ sequence, 4 });
		else
			listen_for(p, &r, V1_INFORMATIONAL);
		v1_pair_run(p, SECONDS(12));
		assert_true(r.len > 0);
		v1_pair_check_up(p, 1);
		p->net.tap = gateway_is_gone;
		for (int k = 0; k < 50 && p->client->phase == IKE_UP; k++) {
			v1_pair_inject(p, r.data, r.len);
			v1_pair_run(p, SECONDS(2));
		}
		v1_pair_check_dead(p, ERR_SILENT, 0);
		v1_pair_done(p);
	}
}

/* RFC 3706 section 5.5: what comes by ESP is as good as an answer. */
static void packets_are_life(void **state)
{
	struct v1_pair *p = v1_pair_new(129);
	const struct os_input in = { .kind = OS_INBOUND, .ok = true };

	(void)state;
	p->cfg.dpd_interval = SECONDS(10);
	v1_pair_connect(p);
	p->net.tap = gateway_is_gone;
	for (int i = 0; i < 10; i++) {
		v1_pair_run(p, SECONDS(30)); /* it was asked some times */
		assert_int_equal(p->client->phase, IKE_UP);
		assert_true(p->client->sa->dpd_tries > 1);
		v1_os(p->client, p->net.now, &in, &p->ob);
		assert_int_equal(p->client->sa->dpd_tries, 0);
	}
	v1_pair_run(p, SECONDS(100));
	v1_pair_check_dead(p, ERR_SILENT, 0);
	v1_pair_done(p);
}

/* A phase 1 with more exchanges than are remembered goes on; the last ones are known. */
static void many(void **state)
{
	struct v1_pair *p = v1_pair_new(126);
	uint32_t first = 4711, last = first + V1_MIDS_MAX;

	(void)state;
	v1_pair_connect(p);
	for (uint32_t mid = first; mid <= last; mid++)
		v1_mid_note(p->client->sa, mid);
	v1_mid_note(p->client->sa, last); /* once more takes no place */
	assert_false(v1_mid_known(p->client->sa, first));
	for (uint32_t mid = first + 1; mid <= last; mid++)
		assert_true(v1_mid_known(p->client->sa, mid));
	v1_pair_gw_rekeys(p);
	v1_pair_run(p, SECONDS(5));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_child, 1);
	v1_pair_done(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quick_mode),
		cmocka_unit_test(quick_mode_again),
		cmocka_unit_test(unconfirmed),
		cmocka_unit_test(login),
		cmocka_unit_test(error),
		cmocka_unit_test(alive),
		cmocka_unit_test(own_question),
		cmocka_unit_test(dead_all_the_same),
		cmocka_unit_test(packets_are_life),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, v1_pair_group_setup, v1_pair_group_teardown);
}
