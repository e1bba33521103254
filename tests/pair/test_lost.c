/*
 * A session that loses its gateway, or cannot get to it: how it insists, whom it believes, and that it comes
 * back.
 */
#include <stdlib.h>

#include "../../src/session/state.h"
#include "people.h"
#include "whole.h"

struct insistence { /* how often the same IKE_SA_INIT was sent */
	uint8_t spi[IKE_SPI_LEN];
	unsigned times, most;
};

static bool swallow_counting(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct insistence *x = arg;

	(void)n;
	if (from == CLIENT && !f->esp && f->len > IKE_HDR_LEN && f->data[18] == IKE_SA_INIT) {
		bool same = memcmp(x->spi, f->data, IKE_SPI_LEN) == 0;
		x->times = same ? x->times + 1 : 1;
		x->most = x->times > x->most ? x->times : x->most;
		memcpy(x->spi, f->data, IKE_SPI_LEN);
	}
	return true;
}

/* Who connects for the first time is patient; who lost a gateway that many others lost too is not. */
static void insists_less(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct insistence first = { .times = 0 }, later = { .times = 0 };
	struct pair p;

	(void)state;
	whole_begin(&p, profile, 36);
	pair_start(&p);
	pair_tap(&p, swallow_counting, &first);
	pair_run(&p, SECONDS(60));
	pair_free(&p);
	whole_begin(&p, profile, 37);
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	pair_tap(&p, swallow_counting, &later);
	pair_command(&p, CMD_RECONNECT);
	pair_run(&p, SECONDS(600));
	assert_true(p.events[EV_RECONNECTING] > 10);
	assert_true(later.most > 1 && later.most < first.most);
	pair_tap(&p, NULL, NULL);
	pair_run(&p, SECONDS(40)); /* no longer than a wait and an attempt */
	pair_check_up(&p, 1);
	whole_finish(&p, profile);
}

static void cookie_for_each(struct pair *p)
{
	if (p->gw.phase != GW_HALF)
		p->gw.cookies = 0;
}

/* Lost, and then refused before the gateway has proved itself, at rest and under load: that may be anybody's
 * word, however often it is said. */
static void refused_without_proof(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());

	(void)state;
	for (unsigned cookies = 0; cookies < 2; cookies++) {
		struct pair p;
		whole_begin(&p, profile, 38);
		pair_connect(&p);
		assert_int_equal(client_phase(&p.client), IKE_UP);
		unsigned warned = p.events[EV_WARNING];
		p.gwc.refuse_auth = AUTHENTICATION_FAILED;
		p.gwc.cookies = cookies;
		p.watch = cookie_for_each;
		pair_command(&p, CMD_RECONNECT);
		pair_run(&p, SECONDS(600));
		assert_int_equal(p.downs, 0);
		assert_true(p.events[EV_WARNING] > warned + 10);
		p.gwc.refuse_auth = 0;
		pair_run(&p, SECONDS(60));
		assert_int_equal(client_phase(&p.client), IKE_UP);
		pair_free(&p);
	}
	profile_done(profile);
}

/* The password was accepted, so what the gateway refuses behind the login is nothing that another one makes
 * better: under load our signature (struct session's refusals). */
static void refused_behind_the_login(void **state)
{
	struct profile *profile = profile_trusting(profile_eap());
	struct pair p;

	(void)state;
	whole_up_by_eap(&p, profile);
	p.gwc.refuse_last = AUTHENTICATION_FAILED;
	p.gwc.cookies = 1;
	p.watch = cookie_for_each;
	pair_command(&p, CMD_RECONNECT);
	pair_run(&p, SECONDS(30));
	assert_int_equal(p.downs, 0);
	p.gwc.refuse_last = 0;
	pair_run(&p, SECONDS(60));
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.asks, 2);
	whole_finish(&p, profile);
}

/* In the place of the gateway: it answers requests from this message ID on, in the clear, with this notify. */
struct stranger {
	uint8_t mid, notify;
	unsigned said;
};

static bool refuse_in_the_clear(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct stranger *x = arg;
	uint8_t h[IKE_HDR_LEN + 8];

	if (f->esp || f->len < IKE_HDR_LEN || f->data[23] < x->mid)
		return false;
	if (from == GATEWAY)
		return true;
	memset(h, 0, sizeof(h));
	memcpy(h, f->data, IKE_HDR_LEN);
	h[16] = PAYLOAD_N;
	h[19] = FLAG_RESPONSE;
	h[27] = sizeof(h);
	h[IKE_HDR_LEN + 3] = 8;
	h[IKE_HDR_LEN + 7] = x->notify;
	net_send(n, CLIENT, &f->dst, &f->src, h, sizeof(h), 1);
	x->said++;
	return true;
}

/* Somebody holds the gateway's messages back, and refuses us in its name: the tunnel is given up no more than
 * for silence, and the password is as good as it was. */
static void refused_by_a_stranger(void **state)
{
	struct profile *profile = profile_trusting(profile_eap());

	(void)state;
	for (uint8_t mid = 0; mid < 4; mid++) {
		struct stranger x = { .mid = mid, .notify = AUTHENTICATION_FAILED };
		struct pair p;
		whole_up_by_eap(&p, profile);
		p.password = NULL; /* nobody is there any more */
		pair_tap(&p, refuse_in_the_clear, &x);
		pair_command(&p, CMD_RECONNECT);
		pair_run(&p, SECONDS(900));
		assert_true(x.said > 10);
		assert_int_equal(p.downs, 0);
		pair_tap(&p, NULL, NULL);
		pair_run(&p, SECONDS(200));
		pair_check_up(&p, 1);
		assert_int_equal(p.asks, 2);
		pair_free(&p);
	}
	profile_done(profile);
}

/* The gateway, or who asks for it, has the password and waits for somebody with a telephone. */
struct telephone {
	uint64_t until;
	unsigned begun_again;
};

static bool not_confirmed_yet(void *arg, struct net *n, enum end from, struct flight *f)
{
	enum { PASSWORD = 3 }; /* its message, behind our identity and the user's name */
	struct telephone *x = arg;
	uint8_t mid = f->esp ? 0 : f->data[23];

	x->begun_again += !f->esp && from == CLIENT && f->data[18] == IKE_SA_INIT;
	if (x->until == 0 && from == CLIENT && mid == PASSWORD)
		x->until = n->now + SECONDS(100);
	return from == GATEWAY && mid >= PASSWORD && n->now < x->until;
}

static void a_login_that_somebody_confirms(void **state)
{
	struct profile *profile = profile_trusting(profile_eap());
	struct telephone x = { 0 };
	struct pair p;

	(void)state;
	whole_begin_eap(&p, profile);
	pair_start(&p);
	pair_tap(&p, not_confirmed_yet, &x);
	pair_run(&p, SECONDS(5));
	assert_string_equal(p.stage, "logging in");
	pair_run(&p, SECONDS(5));
	assert_non_null(strstr(p.stage, "confirm"));
	pair_run(&p, SECONDS(120));
	pair_check_up(&p, 1);
	assert_true(x.until > 0);
	assert_int_equal(x.begun_again, 0);
	assert_int_equal(p.asks, 2);
	whole_finish(&p, profile);
}

/* Nothing was asked for yet that the gateway could not have. */
static void address_refused_too_early(void **state)
{
	struct stranger x = { .notify = INTERNAL_ADDRESS_FAILURE };
	struct profile *profile = profile_trusting(profile_psk());
	struct pair p;

	(void)state;
	whole_begin(&p, profile, 39);
	pair_start(&p);
	pair_tap(&p, refuse_in_the_clear, &x);
	pair_run(&p, SECONDS(10));
	assert_int_equal(p.downs, 1);
	assert_int_equal(p.events[EV_WARNING], 0);
	whole_finish(&p, profile);
}

/* Another gateway in its place, which cannot prove to be it: we wait for the right one. */
static void an_impostor(void **state)
{
	struct profile *profile = profile_trusting(profile_eap());
	struct pair p;

	(void)state;
	whole_up_by_eap(&p, profile);
	p.gwc.own = person(GW_OTHER_CA);
	pair_command(&p, CMD_RECONNECT);
	pair_run(&p, SECONDS(600));
	assert_int_equal(p.downs, 0);
	p.gwc.own = person(GW_ECDSA);
	pair_run(&p, SECONDS(60));
	pair_check_up(&p, 1);
	whole_finish(&p, profile);
}

/* The gateway closes the connection; the session comes back by itself, and asks for nothing again. */
static void brought_back(void **state)
{
	struct profile *profile = profile_trusting(profile_eap());
	struct pair p;

	(void)state;
	whole_up_by_eap(&p, profile);
	assert_int_equal(p.asks, 2); /* user and password */
	for (unsigned i = 1; i < 4; i++) {
		pair_gw(&p, GW_DELETE_IKE);
		pair_run(&p, SECONDS(10));
		assert_int_equal(client_phase(&p.client), IKE_UP);
		assert_int_equal(p.events[EV_LOST], i);
		assert_int_equal(p.events[EV_UP], 1 + i);
		assert_int_equal(p.asks, 2);
		pair_check_up(&p, 1);
	}
	pair_command(&p, CMD_RECONNECT);
	pair_run(&p, SECONDS(10));
	pair_check_up(&p, 1);
	assert_int_equal(p.asks, 2);
	whole_finish(&p, profile);
}

/* The IKE SA is good for another child, but not for one after the other; nor where the gateway makes none. */
static void only_the_child_was_closed(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());

	(void)state;
	for (int refuses = 0; refuses < 2; refuses++) {
		struct pair p;
		whole_begin(&p, profile, 30);
		p.ping_every = 100;
		pair_connect(&p);
		pair_run(&p, SECONDS(5));
		p.gwc.refuse_child = refuses ? NO_ADDITIONAL_SAS : 0;
		for (int i = 0; i < 2 && !refuses; i++) {
			pair_gw(&p, GW_DELETE_CHILD);
			pair_settle(&p);
			pair_check_up(&p, 1);
			pair_run(&p, SECONDS(31));
		}
		assert_int_equal(p.events[EV_LOST], 0);
		pair_gw(&p, GW_DELETE_CHILD);
		pair_run(&p, SECONDS(1));
		assert_int_equal(p.events[EV_LOST], refuses);
		if (!refuses) {
			pair_gw(&p, GW_DELETE_CHILD);
			pair_run(&p, SECONDS(1));
			assert_int_equal(p.events[EV_LOST], 1);
		}
		p.gwc.refuse_child = 0;
		pair_run(&p, SECONDS(5));
		pair_settle(&p);
		pair_check_up(&p, 1);
		assert_int_equal(p.events[EV_UP], 2);
		pair_free(&p);
	}
	profile_done(profile);
}

/* One that closes each connection at once is not called again and again without a pause. */
static void brought_back_ever_later(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct pair p;

	(void)state;
	whole_begin(&p, profile, 30);
	pair_connect(&p);
	for (unsigned i = 0; i < 120; i++) {
		if (client_phase(&p.client) == IKE_UP)
			pair_gw(&p, GW_DELETE_IKE);
		pair_run(&p, SECONDS(1));
	}
	assert_in_range(p.events[EV_UP], 5, 20);
	while (client_phase(&p.client) != IKE_UP)
		pair_run(&p, SECONDS(1));
	pair_run(&p, SECONDS(60)); /* this one lasted */
	unsigned before = p.events[EV_UP];
	pair_gw(&p, GW_DELETE_IKE);
	pair_run(&p, SECONDS(2));
	assert_int_equal(p.events[EV_UP], before + 1);
	whole_finish(&p, profile);
}

/* Between two attempts nothing that happens counts as one that failed; what was counted stays. */
static void undisturbed_while_waiting(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct os_input moved = { .kind = OS_PATH_CHANGED }, used = { .kind = OS_INBOUND };
	struct status *st = calloc(1, sizeof(*st));
	struct down down;
	struct pair p;

	(void)state;
	assert_non_null(st);
	whole_begin(&p, profile, 34);
	pair_connect(&p);
	pair_command(&p, CMD_REKEY_ALL);
	pair_settle(&p);
	unsigned warned = p.events[EV_WARNING];
	pair_command(&p, CMD_RECONNECT);
	pair_os(&p, &used);
	pair_os(&p, &moved);
	session_status(p.client.session, p.net.now, st);
	assert_int_equal(st->reconnects, 0); /* it is not back yet */
	pair_run(&p, SECONDS(10));
	pair_check_up(&p, 1);
	assert_int_equal(p.events[EV_LOST], 0); /* it was asked for, so nothing has failed */
	assert_int_equal(p.events[EV_RECONNECTING], 1);
	assert_int_equal(p.events[EV_WARNING], warned);
	assert_false(session_explain(p.client.session, &down));
	session_status(p.client.session, p.net.now, st);
	assert_int_equal(st->reconnects, 1);
	assert_int_equal(st->rekeys_ike, 1);
	assert_int_equal(st->rekeys_child, 1);
	free(st);
	whole_finish(&p, profile);
}

/* The gateway is away for ten minutes: it is noticed, tried again and again, and comes back. */
static void gone_and_back(bool nameless)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct pair p;

	whole_begin(&p, profile, 32);
	pair_connect(&p);
	pair_tap(&p, net_deaf, NULL);
	p.unresolved = nameless;
	pair_run(&p, SECONDS(600));
	assert_int_equal(p.events[EV_LOST], 1);
	assert_in_range(p.events[EV_RECONNECTING], 5, 60);
	assert_int_not_equal(client_phase(&p.client), IKE_UP);
	pair_tap(&p, NULL, NULL);
	pair_run(&p, SECONDS(120));
	pair_check_up(&p, 1);
	assert_int_equal(p.downs, 0);
	whole_finish(&p, profile);
}

/* Without a way to the gateway: one that is back at once is as before; another one is taken once it has been
 * the only one for two seconds. */
static void cut_off(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct os_input gone = { .kind = OS_PATH_CHANGED },
			back = { .kind = OS_PATH_CHANGED, .n_paths = 1 };
	struct pair p;

	(void)state;
	whole_begin(&p, profile, 32);
	pair_connect(&p);
	back.paths[0] = p.path;
	for (unsigned i = 1; i < 3; i++) {
		struct os_input other = back;
		other.paths[0].remote.ip[3] ^= 1;
		pair_os(&p, &gone);
		pair_os(&p, &gone);
		assert_int_equal(p.events[EV_WARNING], i);
		pair_os(&p, &other);
		pair_run(&p, 1900);
		pair_os(&p, &back);
		pair_run(&p, SECONDS(5));
		assert_int_equal(p.events[EV_MOVED], i);
		assert_int_equal(p.events[EV_LOST], 0);
	}
	back.paths[0].remote.ip[3] ^= 1;
	pair_os(&p, &back);
	pair_run(&p, 1900);
	assert_int_equal(p.events[EV_LOST], 0);
	unsigned asked = p.resolves;
	pair_run(&p, 200);
	assert_int_equal(p.events[EV_LOST], 1);
	assert_int_equal(p.resolves, asked + 1);
	pair_run(&p, SECONDS(10));
	pair_check_up(&p, 1);
	whole_finish(&p, profile);
}

/* While the machine slept the gateway forgot it: a new connection is made sooner than where it only falls
 * silent. Once it has been heard, as long is waited as ever. */
static void forgotten_while_asleep(void **state)
{
	static const struct os_input resumed = { .kind = OS_RESUMED };

	(void)state;
	for (int heard = 0; heard < 2; heard++) {
		struct profile *profile = profile_trusting(profile_psk());
		struct pair p;
		whole_begin(&p, profile, 32);
		pair_connect(&p);
		pair_run(&p, SECONDS(5));
		pair_os(&p, &resumed);
		if (heard)
			pair_run(&p, SECONDS(1));
		pair_tap(&p, net_deaf, NULL);
		if (heard)
			pair_command(&p, CMD_REKEY_CHILD);
		pair_run(&p, SECONDS(22));
		assert_int_equal(p.events[EV_LOST], 0);
		pair_run(&p, SECONDS(8));
		assert_int_equal(p.events[EV_LOST], !heard);
		whole_finish(&p, profile);
	}
}

static void gateway_gone_and_back(void **state)
{
	(void)state;
	gone_and_back(false);
}

/* Its name is known nowhere any more, but its address was. */
static void gateway_back_without_its_name(void **state)
{
	(void)state;
	gone_and_back(true);
}

/* Lost tunnels are not brought back, but this one is not lost. */
static void reconnect_as_asked(void **state)
{
	struct profile *profile = profile_psk();
	struct pair p;
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(profile, "connection", "reconnect", "no", &e));
	whole_begin(&p, profile, 30);
	pair_connect(&p);
	pair_command(&p, CMD_RECONNECT);
	pair_run(&p, SECONDS(10));
	assert_int_equal(p.downs, 0);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.events[EV_UP], 2);
	pair_gw(&p, GW_DELETE_IKE);
	pair_run(&p, SECONDS(10));
	assert_int_equal(p.downs, 1);
	assert_int_equal(p.down.status, DOWN_LOST);
	whole_finish(&p, profile);
}

static bool pair_tries(const struct pair *p)
{
	return p->client.session && client_phase(&p->client) == IKE_CONNECTING && p->client.v2;
}

/* It is being done: nothing to refuse, and nothing to begin anew. */
static void reconnect_while_reconnecting(void **state)
{
	struct profile *profile = profile_psk();
	struct pair p;

	(void)state;
	whole_begin(&p, profile, 30);
	pair_connect(&p);
	pair_tap(&p, net_deaf, NULL);
	assert_true(pair_until(&p, pair_tries, SECONDS(600)));
	for (unsigned i = 0; i < 40; i++) {
		assert_true(pair_try_command(&p, CMD_RECONNECT));
		pair_run(&p, 500);
	}
	pair_tap(&p, NULL, NULL);
	pair_run(&p, SECONDS(60));
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.events[EV_UP], 2);
	whole_finish(&p, profile);
}

static int teardown(void **state)
{
	people_free();
	return pair_group_teardown(state);
}

/* --- several gateways ------------------------------------------------------------------------------------ */

static const struct refusal {
	const char *name;
	uint16_t init, auth, child, last; /* what the first of two gateways refuses with */
	bool another; /* the second is tried, */
	bool silent; /* which says nothing */
	enum down_status status; /* ... and how that ends, DOWN_ASKED: with a tunnel */
} refusals[] = {
	{ .name = "no proposal", .init = NO_PROPOSAL_CHOSEN, .another = true },
	{ .name = "no proposal for ESP", .child = NO_PROPOSAL_CHOSEN, .another = true },
	{ .name = "no address", .child = INTERNAL_ADDRESS_FAILURE, .another = true },
	{ .name = "no room", .child = NO_ADDITIONAL_SAS, .another = true },
	{ .name = "other networks", .child = TS_UNACCEPTABLE, .another = true },
	{ .name = "not accepted", .auth = AUTHENTICATION_FAILED, .status = DOWN_NOT_ACCEPTED },
	{ .name = "then silence",
		.child = TS_UNACCEPTABLE,
		.another = true,
		.silent = true,
		.status = DOWN_REFUSED },
};

static const struct refusal *refusal;

static void refuse_by_the_first(struct pair *p)
{
	bool first = p->resolves < 2;

	p->gwc.refuse_init = first ? refusal->init : 0;
	p->gwc.refuse_auth = first ? refusal->auth : 0;
	p->gwc.refuse_child = first ? refusal->child : 0;
	if (refusal->silent && !first)
		pair_tap(p, net_deaf, NULL);
}

static void another_gateway(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct pair p;
	struct err e;

	refusal = *state;
	assert_ok(&e,
		profile_set(
			profile, "connection", "gateway", "one.example.org, two.example.org", &e));
	whole_begin(&p, profile, 38);
	p.watch = refuse_by_the_first;
	refuse_by_the_first(&p);
	pair_start(&p);
	pair_until(&p, pair_decided, SECONDS(300));
	assert_int_equal(p.resolves, refusal->another ? 2 : 1);
	assert_int_equal(client_phase(&p.client), refusal->status ? IKE_DEAD : IKE_UP);
	assert_int_equal(p.down.status, refusal->status);
	if (!refusal->status)
		assert_int_equal(p.netconf.n_addrs, 1);
	whole_finish(&p, profile);
}

int main(void)
{
	const struct CMUnitTest first[] = {
		cmocka_unit_test(insists_less),
		cmocka_unit_test(refused_without_proof),
		cmocka_unit_test(refused_behind_the_login),
		cmocka_unit_test(refused_by_a_stranger),
		cmocka_unit_test(a_login_that_somebody_confirms),
		cmocka_unit_test(address_refused_too_early),
		cmocka_unit_test(an_impostor),
		cmocka_unit_test(brought_back),
		cmocka_unit_test(only_the_child_was_closed),
		cmocka_unit_test(brought_back_ever_later),
		cmocka_unit_test(undisturbed_while_waiting),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(forgotten_while_asleep),
		cmocka_unit_test(gateway_gone_and_back),
		cmocka_unit_test(gateway_back_without_its_name),
		cmocka_unit_test(reconnect_as_asked),
		cmocka_unit_test(reconnect_while_reconnecting),
	};
	static struct CMUnitTest tests[ARRAY_LEN(refusals) + ARRAY_LEN(first)];

	memcpy(tests, first, sizeof(first));
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		tests[ARRAY_LEN(first) + i] = (struct CMUnitTest){ refusals[i].name,
			another_gateway, NULL, NULL, (void *)&refusals[i] };

	return cmocka_run_group_tests(tests, pair_group_setup, teardown);
}
