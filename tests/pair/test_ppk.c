/*
 * Post-quantum pre-shared keys (RFC 8784): with every way to prove oneself, over new keys, and where the two
 * sides do not agree on it.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/prf.h"
#include "pair.h"
#include "people.h"
#include "profiles.h"

static struct passphrase key_of(const char *text)
{
	struct passphrase p = { 0 };

	assert_true(passphrase_set(&p, text, strlen(text)));
	return p;
}

static void begin(struct pair *p, struct passphrase *ppk)
{
	pair_init(p, 77);
	*ppk = key_of("a key that was carried by hand");
	p->cfg.ppk = ppk;
	p->cfg.ppk_id = "by-hand";
	p->gwc.ppk = "a key that was carried by hand";
	p->gwc.ppk_id = "by-hand";
}

static uint8_t method;

static void prove(struct pair *p, enum person gw, uint8_t eap)
{
	p->gwc.by_cert = gw != NOBODY;
	p->gwc.own = gw ? person(gw) : NULL;
	p->cfg.remote_psk = gw == NOBODY;
	p->cfg.trust = people_trust();
	if (eap) {
		method = eap;
		p->cfg.eap =
			(struct eap_config){ .user = "anna", .methods = &method, .n_methods = 1 };
		p->cfg.local_auth = p->gwc.client = IKE_AUTH_BY_EAP;
		p->gwc.eap = eap;
	}
}

static void every_proof(void **state)
{
	static const struct {
		enum person gw;
		uint8_t eap;
	} rows[] = { { NOBODY, 0 }, { GW_ECDSA, 0 }, { GW_ECDSA, EAP_MSCHAPV2 },
		{ GW_ECDSA, EAP_MD5 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct passphrase ppk;
		struct pair p;
		begin(&p, &ppk);
		prove(&p, rows[i].gw, rows[i].eap);
		pair_connect(&p);
		pair_check_up(&p, 1);
		assert_true(pair_quantum_safe(&p));
		pair_command(&p, CMD_REKEY_ALL);
		pair_settle(&p);
		pair_check_up(&p, 1);
		assert_true(pair_quantum_safe(&p));
		pair_gw(&p, GW_REKEY_IKE);
		pair_settle(&p);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

static void without(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 77);
	pair_connect(&p);
	pair_check_up(&p, 1);
	assert_false(pair_quantum_safe(&p));
	pair_free(&p);
}

static void check_refused(struct pair *p, enum err_kind kind, uint16_t notify, const char *words)
{
	pair_connect(p);
	pair_run(p, SECONDS(200));
	pair_check_dead(p, kind, notify);
	if (words && !strstr(p->client.v2->failure.text, words))
		fail_msg("%s", p->client.v2->failure.text);
	pair_free(p);
}

/* What is found out by the other side looks like any other wrong proof. */
static void they_differ(void **state)
{
	static const struct {
		enum person gw;
		uint8_t eap;
	} rows[] = { { NOBODY, 0 }, { GW_ECDSA, EAP_MSCHAPV2 }, { GW_ECDSA, EAP_MD5 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct passphrase ppk;
		struct pair p;
		begin(&p, &ppk);
		prove(&p, rows[i].gw, rows[i].eap);
		p.gwc.ppk = "another key";
		check_refused(&p, ERR_PEER, AUTHENTICATION_FAILED, NULL);
		begin(&p, &ppk);
		prove(&p, rows[i].gw, rows[i].eap);
		p.gwc.ppk_id = "by-hind";
		check_refused(&p, ERR_PEER, AUTHENTICATION_FAILED, NULL);
	}
}

/* Nobody who wants it goes on without: neither where the gateway never heard of it, nor where it forgets. */
static void gateway_does_without(void **state)
{
	struct passphrase ppk;
	struct pair p;

	(void)state;
	begin(&p, &ppk);
	p.gwc.ppk = NULL;
	check_refused(&p, ERR_PEER, 0, "does not use post-quantum keys");
	for (int eap = 0; eap < 2; eap++) {
		begin(&p, &ppk);
		p.gwc.silent_of_ppk = true;
		prove(&p, GW_ECDSA, eap ? EAP_MSCHAPV2 : 0);
		check_refused(&p, ERR_PEER, 0, "does without the post-quantum key");
	}
}

/* SK_d = prf+ (PPK, SK_d'), of which one block is prf (PPK, SK_d' | 0x01). */
static void the_formula(void **state)
{
	struct v2_sa sa = { .suite.prf = alg_by_name(TRANSFORM_PRF, "prfsha256") };
	struct bytes ppk = { "quantum", 7 }, parts[2] = { { NULL, 32 }, { "\x01", 1 } };
	struct secret *keys[] = { &sa.sk_d, &sa.sk_pi, &sa.sk_pr }, want[3];
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		keys[i]->len = 32;
		memset(keys[i]->data, (int)(i + 1), 32);
		parts[0].p = keys[i]->data;
		assert_ok(&e, prf(sa.suite.prf, ppk, parts, 2, &want[i], &e));
	}
	assert_ok(&e, v2_mix_ppk(&sa, ppk, &e));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		assert_int_equal(keys[i]->len, 32);
		assert_memory_equal(keys[i]->data, want[i].data, 32);
	}
}

/* --- profiles ------------------------------------------------------------------------------------------ */

static struct profile *profile_with(const char *ppk)
{
	const struct setting settings[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "remote", "auth", "psk" },
		{ "remote", "id", "gw.example.org" },
		{ "local", "id", "anna@example.org" },
		{ "secrets", "psk", "a long shared key of both" },
		{ "secrets", "ppk-id", "by-hand" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
		{ "secrets", "ppk", ppk },
	};

	return profile_of(settings, ARRAY_LEN(settings) - !ppk);
}

static void check_session(const char *in_profile, const char *typed)
{
	struct profile *profile = profile_with(in_profile);
	struct status *st = calloc(1, sizeof(*st));
	struct pair p;

	assert_non_null(st);
	pair_init(&p, 77);
	p.profile = profile;
	p.password = typed;
	p.gwc.psk = "a long shared key of both";
	p.gwc.ppk = "a key that was carried by hand";
	p.gwc.ppk_id = "by-hand";
	pair_connect(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.asks, in_profile ? 0 : 1);
	session_status(p.client.session, p.net.now, st);
	assert_true(st->ike.quantum_safe);
	pair_free(&p);
	profile_free(profile);
	free(st);
}

static void by_a_profile(void **state)
{
	(void)state;
	check_session("a key that was carried by hand", NULL);
	check_session(NULL, "a key that was carried by hand");
}

static void what_the_user_is_told(void **state)
{
	struct profile *profile = profile_with("another key");
	struct pair p;

	(void)state;
	pair_init(&p, 77);
	p.profile = profile;
	p.gwc.psk = "a long shared key of both";
	p.gwc.ppk = "a key that was carried by hand";
	p.gwc.ppk_id = "by-hand";
	pair_connect(&p);
	pair_run(&p, SECONDS(60));
	assert_int_equal(p.down.status, DOWN_NOT_ACCEPTED);
	assert_non_null(strstr(p.down.advice, "secrets.ppk"));
	pair_free(&p);
	pair_init(&p, 77);
	p.profile = profile;
	p.gwc.psk = "a long shared key of both";
	pair_connect(&p);
	pair_run(&p, SECONDS(200));
	assert_int_equal(p.down.status, DOWN_NO_PROPOSAL);
	assert_non_null(strstr(p.down.advice, "secrets.ppk-id"));
	pair_free(&p);
	profile_free(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_proof),
		cmocka_unit_test(without),
		cmocka_unit_test(they_differ),
		cmocka_unit_test(gateway_does_without),
		cmocka_unit_test(the_formula),
		cmocka_unit_test(by_a_profile),
		cmocka_unit_test(what_the_user_is_told),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
