/*
 * EAP-TLS in a whole session: who logs in is told by the certificate, and whom the server must prove to be by the
 * profile.
 */
#include "base/types.h"
#include "people.h"
#include "whole.h"

/* With one setting more, whose section may be NULL: none. */
static struct profile *certified(const struct setting *more)
{
	const struct setting settings[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "local", "auth", "eap" },
		{ "local", "certificate", "me.pem" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
		*more,
	};
	struct profile *p = profile_trusting(
		profile_of(settings, ARRAY_LEN(settings) - (more->section == NULL)));

	p->own_certs = person(USER_ECDSA)->certs;
	p->own_key = person(USER_ECDSA)->key;
	return p;
}

static void begin(struct pair *p, const struct profile *profile, uint32_t seed)
{
	whole_begin(p, profile, seed);
	p->gwc.by_cert = true;
	p->gwc.own = person(GW_ECDSA);
	p->gwc.client = IKE_AUTH_BY_EAP;
	p->gwc.eap = EAP_TLS;
	p->gwc.eap_client_ca = people_ca();
}

/* Nobody is asked, and a reconnect needs nobody either. */
static void the_certificate_says_who(void **state)
{
	static const struct {
		struct setting more;
		const char *user;
	} rows[] = {
		{ { NULL, NULL, NULL }, "anna@example.org" }, /* its subjectAltName */
		{ { "local", "id", "berta@example.org" }, "berta@example.org" },
		{ { "local", "id", "192.0.2.10" }, "anna@example.org" },
		{ { "secrets", "user", "carla" }, "carla" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct profile *profile = certified(&rows[i].more);
		struct pair p;
		begin(&p, profile, 7);
		p.gwc.user = rows[i].user;
		pair_connect(&p);
		assert_int_equal(client_phase(&p.client), IKE_UP);
		assert_true(p.gw.user_seen);
		p.gw.user_seen = false;
		pair_command(&p, CMD_RECONNECT);
		pair_run(&p, SECONDS(10));
		assert_int_equal(client_phase(&p.client), IKE_UP);
		assert_true(p.gw.user_seen);
		assert_int_equal(p.asks, 0);
		whole_finish(&p, profile);
	}
}

/* Whatever the gateway proved, its server of EAP is another one. */
static void another_server(void **state)
{
	static const struct {
		enum person server;
		struct setting more;
		const char *what, *advice; /* NULL: it is the right one */
	} rows[] = {
		{ GW_OTHER_NAME, { NULL, NULL, NULL }, "and the profile wants gw.example.org",
			"set remote.eap-id = rogue.example.org" },
		{ GW_OTHER_NAME, { "remote", "eap-id", "rogue.example.org" }, NULL, NULL },
		{ GW_ECDSA, { "remote", "eap-id", "rogue.example.org" },
			"and the profile wants rogue.example.org",
			"set remote.eap-id = gw.example.org" },
		{ GW_OTHER_CA, { NULL, NULL, NULL }, "neither sent nor is trusted",
			"remote.eap-ca" },
		{ GW_EXPIRED, { NULL, NULL, NULL }, "the EAP server: the certificate", "clock" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct profile *profile = certified(&rows[i].more);
		struct pair p;
		begin(&p, profile, 8);
		p.gwc.eap_own = person(rows[i].server);
		pair_connect(&p);
		pair_run(&p, SECONDS(5));
		assert_int_equal(client_phase(&p.client), rows[i].what ? IKE_DEAD : IKE_UP);
		if (rows[i].what) {
			assert_int_equal(p.down.status, DOWN_NOT_THE_GATEWAY);
			if (!strstr(p.down.what, rows[i].what) ||
				!strstr(p.down.advice, rows[i].advice))
				fail_msg("%s; try: %s", p.down.what, p.down.advice);
		}
		whole_finish(&p, profile);
	}
}

/* Where the profile names neither methods nor a server, one that is not the gateway's keeps nobody out who may log in
 * without TLS; where there is nothing else, it is that server that is told of. */
static void another_method(void **state)
{
	static const struct {
		uint8_t other;
		struct setting more;
		bool up;
		unsigned tries;
	} rows[] = {
		{ EAP_MSCHAPV2, { NULL, NULL, NULL }, true, 2 },
		{ 0, { NULL, NULL, NULL }, false, 2 },
		{ EAP_MSCHAPV2, { "local", "eap", "peap, mschapv2" }, false, 1 },
		{ EAP_MSCHAPV2, { "remote", "eap-id", "vpn.example.org" }, false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct setting settings[] = {
			{ "connection", "gateway", "gw.example.org" },
			{ "local", "auth", "eap" },
			{ "secrets", "user", "anna" },
			{ "secrets", "password", "correct horse" },
			{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
			{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
			rows[i].more,
		};
		struct profile *profile = profile_trusting(
			profile_of(settings, ARRAY_LEN(settings) - (rows[i].more.section == NULL)));
		struct pair p;
		begin(&p, profile, 10);
		p.gwc.eap = EAP_PEAP;
		p.gwc.eap_other = rows[i].other;
		p.gwc.eap_own = person(GW_OTHER_NAME);
		pair_start(&p);
		pair_run(&p, SECONDS(10));
		assert_int_equal(client_phase(&p.client), rows[i].up ? IKE_UP : IKE_DEAD);
		assert_int_equal(p.events[EV_WARNING], rows[i].tries - 1);
		if (!rows[i].up) {
			assert_int_equal(p.down.status, DOWN_NOT_THE_GATEWAY);
			assert_non_null(strstr(p.down.what, "proves DNS:rogue.example.org"));
			assert_non_null(strstr(p.down.advice, "remote.eap-id = rogue.example.org"));
		}
		whole_finish(&p, profile);
	}
}

static void not_accepted(void **state)
{
	struct profile *profile = certified(&(struct setting){ NULL, NULL, NULL });
	struct pair p;

	(void)state;
	profile->own_certs = person(USER_OTHER_CA)->certs;
	profile->own_key = person(USER_OTHER_CA)->key;
	begin(&p, profile, 9);
	pair_connect(&p);
	assert_int_equal(p.down.status, DOWN_NOT_ACCEPTED);
	assert_non_null(strstr(p.down.said, "unknown_ca"));
	assert_non_null(strstr(p.down.advice, "local.certificate"));
	whole_finish(&p, profile);
}

/* Each message goes through TLS once, however often it comes. */
static void over_a_bad_network(void **state)
{
	struct profile *profile = certified(&(struct setting){ NULL, NULL, NULL });

	(void)state;
	for (uint32_t seed = 1; seed <= 10; seed++) {
		struct pair p;
		begin(&p, profile, seed);
		p.gwc.eap_tls = seed % 2 ? 0x0303 : 0;
		p.wire.loss = p.wire.dup = p.wire.reorder = 20;
		p.wire.jitter = 200;
		pair_start(&p);
		pair_run(&p, SECONDS(120));
		if (client_phase(&p.client) != IKE_UP)
			fail_msg("seed %u: %s", seed, p.down.what);
		pair_free(&p);
	}
	profile_done(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_certificate_says_who),
		cmocka_unit_test(another_server),
		cmocka_unit_test(another_method),
		cmocka_unit_test(not_accepted),
		cmocka_unit_test(over_a_bad_network),
	};

	return cmocka_run_group_tests(tests, NULL, pair_group_teardown);
}
