#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test.h"
#include "pair.h"
#include "people.h"
#include "profiles.h"

/*
 * What a session that works warns of, and what it has to explain.
 */

static void begin(struct pair *p, const struct profile *profile)
{
	pair_init(p, 31);
	p->profile = profile;
}

static void finish(struct pair *p, struct profile *profile)
{
	pair_free(p);
	profile_done(profile);
}

static const char *weak_of(struct pair *p)
{
	static char list[STATUS_WEAK * 32];
	struct status *st = calloc(1, sizeof(*st));

	assert_non_null(st);
	session_status(p->client.session, p->net.now, st);
	list[0] = 0;
	for (size_t i = 0; i < st->n_weak; i++) {
		strcat(list, st->weak[i]);
		strcat(list, " ");
	}
	free(st);
	return list;
}

/* By a certificate, at a gateway that proves itself by one. */
static struct profile *begin_with(struct pair *p, enum person who)
{
	static const struct setting by_cert[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "connection", "security", "compat" },
		{ "local", "auth", "cert" },
		{ "local", "certificate", "user.pem" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
	};
	struct profile *profile = profile_trusting(profile_of(by_cert, ARRAY_LEN(by_cert)));

	profile->own_certs = person(who)->certs;
	profile->own_key = person(who)->key;
	begin(p, profile);
	p->gwc.by_cert = true;
	p->gwc.own = person(GW_RSA);
	p->gwc.client = IKE_AUTH_BY_CERT;
	p->gwc.trust = people_trust();
	return profile;
}

/* Each weak algorithm in use is named, once: those of the IKE SA, of the children, and of signatures. */
static void weak_algorithms(void **state)
{
	static const struct setting weak_esp[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "connection", "security", "legacy" },
		{ "remote", "auth", "psk" },
		{ "local", "id", "anna@example.org" },
		{ "secrets", "psk", "a long shared key of both" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "3des-sha1-noesn" },
	};
	struct profile *profile = profile_trusting(profile_psk());
	struct pair p;

	(void)state;
	begin(&p, profile);
	pair_connect(&p);
	assert_string_equal(weak_of(&p), "");
	assert_int_equal(p.events[EV_WARNING], 0);
	finish(&p, profile);

	profile = profile_trusting(profile_of(weak_esp, ARRAY_LEN(weak_esp)));
	begin(&p, profile);
	p.gwc.esp = "3des-sha1-noesn";
	pair_connect(&p);
	assert_string_equal(weak_of(&p), "3des sha1 ");
	assert_int_equal(p.events[EV_WARNING], 1);
	finish(&p, profile);

	profile = begin_with(&p, USER_RSA);
	p.gwc.no_hashes = true;
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_string_equal(weak_of(&p), "rsa-sha1 ");
	assert_int_equal(p.events[EV_WARNING], 1);
	finish(&p, profile);
}

/* Said whatever the gateway makes of it. */
static void own_certificate_out_of_date(void **state)
{
	static const struct {
		enum person who;
		enum ike_phase phase;
		unsigned warnings;
	} rows[] = {
		{ USER_ECDSA, IKE_UP, 0 },
		{ USER_ENDING, IKE_UP, 1 },
		{ USER_EXPIRED, IKE_DEAD, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair p;
		struct profile *profile = begin_with(&p, rows[i].who);
		pair_connect(&p);
		assert_int_equal(client_phase(&p.client), rows[i].phase);
		assert_int_equal(p.events[EV_WARNING], rows[i].warnings);
		finish(&p, profile);
	}
}

/* Warned of once, not again at each reconnect; 20 characters are enough. */
static void short_shared_key(void **state)
{
	static const char *const keys[] = { "nineteen characters", "these are twenty, so" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct profile *profile = profile_psk();
		struct pair p;
		struct err e;
		assert_ok(&e, profile_set(profile, "secrets", "psk", keys[i], &e));
		begin(&p, profile);
		p.gwc.psk = keys[i];
		pair_connect(&p);
		pair_command(&p, CMD_RECONNECT);
		pair_run(&p, SECONDS(10));
		assert_int_equal(p.events[EV_UP], 2);
		assert_int_equal(p.events[EV_WARNING], i == 0);
		finish(&p, profile);
	}
}

/* As long as it is not made good. */
static void refused_rekey_is_explained(void **state)
{
	struct profile *profile = profile_psk();
	struct down d;
	struct pair p;
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(profile, "esp", "pfs", "yes", &e));
	begin(&p, profile);
	pair_connect(&p);
	assert_false(session_explain(p.client.session, &d));
	p.gwc.refuse_child = NO_PROPOSAL_CHOSEN;
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, SECONDS(1));
	assert_true(session_explain(p.client.session, &d));
	assert_string_equal(d.said, "NO_PROPOSAL_CHOSEN (14)");
	assert_non_null(strstr(d.what, "does not rekey the child SA"));
	p.gwc.refuse_child = 0;
	pair_run(&p, SECONDS(60));
	assert_int_equal(p.events[EV_REKEYED], 1);
	assert_false(session_explain(p.client.session, &d));
	finish(&p, profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weak_algorithms),
		cmocka_unit_test(short_shared_key),
		cmocka_unit_test(own_certificate_out_of_date),
		cmocka_unit_test(refused_rekey_is_explained),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
