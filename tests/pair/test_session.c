/*
 * A whole session against the gateway: from a profile to a tunnel with its addresses and routes,
 * lost and brought back, and every exit status.
 */
#include <stdlib.h>

#include "pair.h"
#include "people.h"
#include "profiles.h"

static const struct setting by_eap[] = {
	{ "connection", "gateway", "gw.example.org" },
	{ "local", "auth", "eap" },
	{ "local", "eap", "mschapv2" },
	{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
	{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
};

static void finish(struct pair *p, struct profile *profile)
{
	pair_free(p);
	profile_done(profile);
}

static void begin(struct pair *p, const struct profile *profile, uint32_t seed)
{
	pair_init(p, seed);
	p->profile = profile;
}

static void begin_eap(struct pair *p, const struct profile *profile)
{
	begin(p, profile, 31);
	p->gwc.by_cert = true;
	p->gwc.own = person(GW_ECDSA);
	p->gwc.client = IKE_AUTH_BY_EAP;
	p->gwc.eap = EAP_MSCHAPV2;
}

static void up_by_eap(struct pair *p, const struct profile *profile)
{
	begin_eap(p, profile);
	pair_connect(p);
	assert_int_equal(client_phase(&p->client), IKE_UP);
}

static void up_and_down(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct pair p;

	(void)state;
	begin(&p, profile, 30);
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
	finish(&p, profile);
}

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
	begin(&p, profile, 36);
	pair_start(&p);
	pair_tap(&p, swallow_counting, &first);
	pair_run(&p, SECONDS(60));
	pair_free(&p);
	begin(&p, profile, 37);
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
	finish(&p, profile);
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
		begin(&p, profile, 38);
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

/* In the place of the gateway: it answers requests from this message ID on, in the clear, with this notify. */
struct stranger {
	uint8_t mid, notify;
	unsigned said;
};

static bool refuse_in_the_clear(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct stranger *x = arg;
	size_t marker = f->dst.port == 4500 ? 4 : 0;
	uint8_t m[4 + IKE_HDR_LEN + 8] = { 0 }, *h = m + marker;

	if (f->esp || f->len < marker + IKE_HDR_LEN || f->data[marker + 23] < x->mid)
		return false;
	if (from == GATEWAY)
		return true;
	memcpy(h, f->data + marker, IKE_HDR_LEN);
	h[16] = PAYLOAD_N;
	h[19] = FLAG_RESPONSE;
	h[27] = IKE_HDR_LEN + 8;
	h[IKE_HDR_LEN + 3] = 8;
	h[IKE_HDR_LEN + 7] = x->notify;
	net_send(n, CLIENT, &f->dst, &f->src, m, marker + IKE_HDR_LEN + 8, 1);
	x->said++;
	return true;
}

/* Somebody holds the gateway's messages back, and refuses us in its name: the tunnel is given up no more than
 * for silence, and the password is as good as it was. */
static void refused_by_a_stranger(void **state)
{
	struct profile *profile = profile_trusting(profile_of(by_eap, ARRAY_LEN(by_eap)));

	(void)state;
	for (uint8_t mid = 0; mid < 4; mid++) {
		struct stranger x = { .mid = mid, .notify = AUTHENTICATION_FAILED };
		struct pair p;
		up_by_eap(&p, profile);
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

/* Nothing was asked for yet that the gateway could not have. */
static void address_refused_too_early(void **state)
{
	struct stranger x = { .notify = INTERNAL_ADDRESS_FAILURE };
	struct profile *profile = profile_trusting(profile_psk());
	struct pair p;

	(void)state;
	begin(&p, profile, 39);
	pair_start(&p);
	pair_tap(&p, refuse_in_the_clear, &x);
	pair_run(&p, SECONDS(10));
	assert_int_equal(p.downs, 1);
	assert_int_equal(p.events[EV_WARNING], 0);
	finish(&p, profile);
}

/* Another gateway in its place, which cannot prove to be it: we wait for the right one. */
static void an_impostor(void **state)
{
	struct profile *profile = profile_trusting(profile_of(by_eap, ARRAY_LEN(by_eap)));
	struct pair p;

	(void)state;
	up_by_eap(&p, profile);
	p.gwc.own = person(GW_OTHER_CA);
	pair_command(&p, CMD_RECONNECT);
	pair_run(&p, SECONDS(600));
	assert_int_equal(p.downs, 0);
	p.gwc.own = person(GW_ECDSA);
	pair_run(&p, SECONDS(60));
	pair_check_up(&p, 1);
	finish(&p, profile);
}

/* The gateway closes the connection; the session comes back by itself, and asks for nothing again. */
static void brought_back(void **state)
{
	struct profile *profile = profile_trusting(profile_of(by_eap, ARRAY_LEN(by_eap)));
	struct pair p;

	(void)state;
	up_by_eap(&p, profile);
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
	finish(&p, profile);
}

/* The IKE SA is good for another child, but not for one after the other; nor where the gateway makes none. */
static void only_the_child_was_closed(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());

	(void)state;
	for (int refuses = 0; refuses < 2; refuses++) {
		struct pair p;
		begin(&p, profile, 30);
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
	begin(&p, profile, 30);
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
	finish(&p, profile);
}

/* The gateway forgets who has not logged in after half a minute: a password that was typed too late for it is
 * good for the next call. */
static void a_password_typed_late(void **state)
{
	struct profile *profile = profile_trusting(profile_of(by_eap, ARRAY_LEN(by_eap)));
	struct passphrase user, password;
	struct pair p;

	(void)state;
	begin_eap(&p, profile);
	passphrase_set(&user, p.user, strlen(p.user));
	passphrase_set(&password, p.password, strlen(p.password));
	p.mute = true;
	pair_start(&p);
	pair_answer(&p, 0x40000000, &user);
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
	finish(&p, profile);
}

/* A typed password that is not good any more is said once, then asked for. */
static void a_password_that_was_good(void **state)
{
	struct profile *profile = profile_trusting(profile_of(by_eap, ARRAY_LEN(by_eap)));
	struct pair p;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		up_by_eap(&p, profile);
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

/* The password was accepted, so what the gateway refuses behind the login is nothing that another one makes
 * better: under load our signature (struct session's refusals). */
static void refused_behind_the_login(void **state)
{
	struct profile *profile = profile_trusting(profile_of(by_eap, ARRAY_LEN(by_eap)));
	struct pair p;

	(void)state;
	up_by_eap(&p, profile);
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
	finish(&p, profile);
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
	begin(&p, profile, 34);
	pair_connect(&p);
	pair_command(&p, CMD_REKEY_ALL);
	pair_settle(&p);
	unsigned warned = p.events[EV_WARNING];
	pair_command(&p, CMD_RECONNECT);
	pair_os(&p, &used);
	pair_os(&p, &moved);
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
	finish(&p, profile);
}

static bool swallow(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)arg;
	(void)n;
	(void)f;
	return from == GATEWAY;
}

/* The gateway is away for ten minutes: it is noticed, tried again and again, and comes back. */
static void gone_and_back(bool nameless)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct pair p;

	begin(&p, profile, 32);
	pair_connect(&p);
	pair_tap(&p, swallow, NULL);
	p.unresolved = nameless;
	pair_run(&p, SECONDS(600));
	assert_int_equal(p.events[EV_LOST], 1);
	assert_in_range(p.events[EV_RECONNECTING], 5, 60);
	assert_int_not_equal(client_phase(&p.client), IKE_UP);
	pair_tap(&p, NULL, NULL);
	pair_run(&p, SECONDS(120));
	pair_check_up(&p, 1);
	assert_int_equal(p.downs, 0);
	finish(&p, profile);
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
	begin(&p, profile, 32);
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
	finish(&p, profile);
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
		begin(&p, profile, 32);
		pair_connect(&p);
		pair_run(&p, SECONDS(5));
		pair_os(&p, &resumed);
		if (heard)
			pair_run(&p, SECONDS(1));
		pair_tap(&p, swallow, NULL);
		if (heard)
			pair_command(&p, CMD_REKEY_CHILD);
		pair_run(&p, SECONDS(22));
		assert_int_equal(p.events[EV_LOST], 0);
		pair_run(&p, SECONDS(8));
		assert_int_equal(p.events[EV_LOST], !heard);
		finish(&p, profile);
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

static const struct exit_row {
	const char *name;
	bool eap;
	enum person gw;
	struct gw_config with;
	struct setting set;
	const char *password;
	bool unresolved, silent;
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
	{ .name = "selectors refused",
		.with.refuse_child = TS_UNACCEPTABLE,
		.status = DOWN_REFUSED },
};

static void exit_status(void **state)
{
	const struct exit_row *r = *state;
	struct profile *profile =
		profile_trusting(r->eap ? profile_of(by_eap, ARRAY_LEN(by_eap)) : profile_psk());
	struct pair p;
	struct err e;

	if (r->set.section)
		assert_ok(&e, profile_set(profile, r->set.section, r->set.key, r->set.value, &e));
	if (r->eap)
		begin_eap(&p, profile);
	else
		begin(&p, profile, 33);
	p.gwc.ike = r->with.ike;
	p.gwc.esp = r->with.esp;
	p.gwc.refuse_child = r->with.refuse_child;
	p.unresolved = r->unresolved;
	if (r->eap)
		p.gwc.own = person(r->gw);
	if (r->password)
		p.password = r->password;
	pair_start(&p);
	if (r->silent)
		pair_tap(&p, swallow, NULL);
	pair_until(&p, pair_dead, SECONDS(300));
	assert_int_equal(p.downs, 1);
	if (p.down.status != r->status)
		fail_msg("status %d, not %d: %s", p.down.status, r->status, p.down.what);
	assert_true(p.down.what[0] && p.down.said[0] && p.down.advice[0]);
	finish(&p, profile);
}

/* Over a bad network every session is up within a minute. */
static void lossy(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());

	(void)state;
	for (uint32_t seed = 1; seed <= 100; seed++) {
		struct pair p;
		begin(&p, profile, seed);
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

/* Lost tunnels are not brought back, but this one is not lost. */
static void reconnect_as_asked(void **state)
{
	struct profile *profile = profile_psk();
	struct pair p;
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(profile, "connection", "reconnect", "no", &e));
	begin(&p, profile, 30);
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
	finish(&p, profile);
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
	begin(&p, profile, 30);
	pair_connect(&p);
	pair_tap(&p, swallow, NULL);
	assert_true(pair_until(&p, pair_tries, SECONDS(600)));
	for (unsigned i = 0; i < 40; i++) {
		assert_true(pair_try_command(&p, CMD_RECONNECT));
		pair_run(&p, 500);
	}
	pair_tap(&p, NULL, NULL);
	pair_run(&p, SECONDS(60));
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.events[EV_UP], 2);
	finish(&p, profile);
}

/* network.address = none: the machine's own address inside as well as outside. */
static void unasked_address(void **state)
{
	struct profile *profile = profile_psk();
	struct pair p;
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(profile, "network", "address", "none", &e));
	begin(&p, profile, 30);
	p.gwc.pushy = true;
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.netconf.n_addrs, 0);
	assert_int_equal(p.netconf.n_dns, 0);
	finish(&p, profile);
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
		cmocka_unit_test(brought_back),
		cmocka_unit_test(brought_back_ever_later),
		cmocka_unit_test(only_the_child_was_closed),
		cmocka_unit_test(a_password_typed_late),
		cmocka_unit_test(a_password_that_was_good),
		cmocka_unit_test(refused_behind_the_login),
		cmocka_unit_test(insists_less),
		cmocka_unit_test(refused_without_proof),
		cmocka_unit_test(refused_by_a_stranger),
		cmocka_unit_test(address_refused_too_early),
		cmocka_unit_test(an_impostor),
		cmocka_unit_test(undisturbed_while_waiting),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(forgotten_while_asleep),
		cmocka_unit_test(gateway_gone_and_back),
		cmocka_unit_test(gateway_back_without_its_name),
		cmocka_unit_test(lossy),
		cmocka_unit_test(reconnect_as_asked),
		cmocka_unit_test(reconnect_while_reconnecting),
		cmocka_unit_test(unasked_address),
	};
	static struct CMUnitTest tests[ARRAY_LEN(exits) + ARRAY_LEN(first)];

	memcpy(tests, first, sizeof(first));
	for (size_t i = 0; i < ARRAY_LEN(exits); i++)
		tests[ARRAY_LEN(first) + i] = (struct CMUnitTest){ exits[i].name, exit_status, NULL,
			NULL, (void *)&exits[i] };
	return cmocka_run_group_tests(tests, pair_group_setup, teardown);
}
