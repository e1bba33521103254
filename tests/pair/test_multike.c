/*
 * Multiple key exchanges (RFC 9370): IKE_INTERMEDIATE before IKE_AUTH (RFC 9242), IKE_FOLLOWUP_KE after
 * CREATE_CHILD_SA, from both sides. Gateways that do not keep to it are in test_multike_bad.c, bad networks in
 * test_lossy.c, collisions in test_collision.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "impair.h"
#include "pair.h"
#include "people.h"

#define IKE "aes128gcm16-prfsha256-x25519"
#define ESP "aes128gcm16-x25519-noesn"

static void proposals(struct pair *p, const char *ike, const char *esp)
{
	p->ike = p->gwc.ike = ike;
	p->esp = p->gwc.esp = esp;
}

static void check_suites(const struct pair *p, const char *ike, const char *esp)
{
	const struct v2 *v = p->client.v2;
	char text[SUITE_TEXT_MAX];

	if (strcmp(suite_text(text, &v->sa->suite), ike) != 0)
		fail_msg("IKE: %s instead of %s", text, ike);
	if (strcmp(suite_text(text, &v->children.v[0]->suite), esp) != 0)
		fail_msg("ESP: %s instead of %s", text, esp);
}

static void settled(struct pair *p, size_t children)
{
	pair_settle(p);
	pair_check_up(p, children);
}

/* All four rekeys, each checked. */
static void rekey_all(struct pair *p)
{
	struct v2 *v = p->client.v2;

	pair_command(p, CMD_REKEY_CHILD);
	settled(p, 1);
	assert_int_equal(v->rekeys_child, 1);
	pair_command(p, CMD_REKEY_IKE);
	settled(p, 1);
	assert_int_equal(v->rekeys_ike, 1);
	pair_gw(p, GW_REKEY_CHILD);
	settled(p, 1);
	assert_int_equal(v->rekeys_child, 2);
	pair_gw(p, GW_REKEY_IKE);
	settled(p, 1);
	assert_int_equal(v->rekeys_ike, 2);
	pair_gw(p, GW_NEW_CHILD);
	settled(p, 2);
	assert_int_equal(p->gw.refused, 0);
}

static void any_number(void **state)
{
	static const struct {
		const char *ike, *esp; /* behind those above */
		unsigned ike_n, esp_n;
	} rows[] = {
		{ "-ke1_ecp256", "", 1, 0 },
		{ "-ke1_ecp256", "-ke1_ecp256", 1, 1 },
		{ "", "-ke3_ecp384", 0, 1 },
		{ "-ke1_ecp384-ke2_ecp256", "-ke1_ecp256-ke7_x448", 2, 2 },
		{ "-ke2_modp2048-ke5_x448", "-ke6_ecp521", 2, 1 },
		{ "-ke1_ecp256-ke2_ecp384-ke3_ecp521-ke4_x448-ke5_modp2048-ke6_modp3072-ke7_modp4096",
			"-ke1_modp4096-ke2_modp3072-ke3_modp2048-ke4_x448-ke5_ecp521-ke6_ecp384-ke7_ecp256",
			7, 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char ike[SUITE_TEXT_MAX], esp[SUITE_TEXT_MAX], shown[SUITE_TEXT_MAX];
		struct pair p;
		snprintf(ike, sizeof(ike), IKE "%s", rows[i].ike);
		snprintf(esp, sizeof(esp), ESP "%s", rows[i].esp);
		snprintf(shown, sizeof(shown), "aes128gcm16-x25519%s", rows[i].esp);
		pair_init(&p, 41);
		proposals(&p, ike, esp);
		p.ping_every = 10;
		pair_connect(&p);
		pair_check_up(&p, 1);
		check_suites(&p, ike, "aes128gcm16");
		assert_int_equal(p.gw.hs.intermediates, rows[i].ike_n);
		assert_int_equal(p.client.v2->sa->mid_out, 2 + rows[i].ike_n);
		rekey_all(&p);
		check_suites(&p, ike, shown);
		assert_int_equal(p.gw.followups, rows[i].ike_n + rows[i].esp_n);
		assert_int_equal(p.net.esp_lost, 0);
		pair_free(&p);
	}
}

/* What either side may leave out, and the choice among several: no key exchange twice. */
static void choices(void **state)
{
	static const struct {
		const char *client, *gateway, *chosen; /* NULL: nothing in common */
	} rows[] = {
		{ "-ke1_ecp384", "-ke1_ecp384", "-ke1_ecp384" },
		{ "-ke1_ecp384-ke1_none", "", "" },
		{ "-ke1_ecp384-ke1_none", "-ke1_none", "" },
		{ "-ke1_ecp384-ke1_none", "-ke1_ecp384", "-ke1_ecp384" },
		{ "-ke1_ecp384-ke1_ecp256-ke2_ecp384-ke2_ecp256",
			"-ke1_ecp384-ke2_ecp384-ke2_ecp256", "-ke1_ecp384-ke2_ecp256" },
		{ "-ke1_ecp384-ke1_none-ke2_ecp256", "-ke2_ecp256", "-ke2_ecp256" },
		/* No silent downgrade. */
		{ "-ke1_ecp384", "", NULL },
		{ "-ke1_ecp384-ke2_ecp256", "-ke1_ecp384", NULL },
		{ "", "-ke1_ecp384", NULL },
		{ "-ke1_ecp384", "-ke1_ecp256", NULL },
		{ "-ke1_ecp384", "-ke2_ecp384", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char ours[SUITE_TEXT_MAX], theirs[SUITE_TEXT_MAX], shown[SUITE_TEXT_MAX];
		struct pair p;
		snprintf(ours, sizeof(ours), IKE "%s", rows[i].client);
		snprintf(theirs, sizeof(theirs), IKE "%s", rows[i].gateway);
		pair_init(&p, 42);
		p.ike = ours;
		p.gwc.ike = theirs;
		pair_connect(&p);
		if (!rows[i].chosen) {
			pair_run(&p, SECONDS(60));
			pair_check_dead(&p, ERR_PEER, NO_PROPOSAL_CHOSEN);
			pair_free(&p);
			continue;
		}
		pair_check_up(&p, 1);
		snprintf(shown, sizeof(shown), IKE "%s", rows[i].chosen);
		check_suites(&p, shown, "aes128gcm16");
		rekey_all(&p);
		pair_free(&p);
	}
}

/* AUTH of both sides covers the exchanges, however it is made; and a PPK comes on top. */
static void every_proof(void **state)
{
	static const struct {
		enum person gw;
		uint8_t eap;
		bool ppk;
	} rows[] = { { NOBODY, 0, false }, { GW_ECDSA, 0, false },
		{ GW_ECDSA, EAP_MSCHAPV2, false }, { GW_ECDSA, EAP_MD5, false },
		{ NOBODY, 0, true }, { GW_ECDSA, EAP_MD5, true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct passphrase ppk = { 0 };
		struct pair p;
		pair_init(&p, 43);
		pair_additional(&p);
		p.gwc.by_cert = rows[i].gw != NOBODY;
		p.gwc.own = rows[i].gw ? person(rows[i].gw) : NULL;
		p.cfg.remote_psk = rows[i].gw == NOBODY;
		p.cfg.trust = people_trust();
		if (rows[i].eap) {
			p.cfg.eap = (struct eap_config){
				.user = "anna", .methods = &rows[i].eap, .n_methods = 1
			};
			p.cfg.local_auth = p.gwc.client = IKE_AUTH_BY_EAP;
			p.gwc.eap = rows[i].eap;
		}
		if (rows[i].ppk) {
			passphrase_set(&ppk, "by hand", 7);
			p.cfg.ppk = &ppk;
			p.cfg.ppk_id = p.gwc.ppk_id = "id";
			p.gwc.ppk = "by hand";
		}
		pair_connect(&p);
		pair_check_up(&p, 1);
		rekey_all(&p);
		pair_free(&p);
	}
}

/* The other side has another idea of what was said: its last AUTH does not fit. The gateway's, as seen by the
 * client; and the client's, as seen by the gateway. */
static void spoil_theirs(struct pair *p)
{
	if (p->gw.hs.intermediates == 1)
		p->gw.hs.int_r.data[3] ^= 1;
	p->watch = p->gw.hs.intermediates == 1 ? NULL : p->watch;
}

static void spoil_ours(struct pair *p)
{
	if (p->gw.hs.intermediates == 1)
		p->gw.hs.int_i.data[3] ^= 1;
	p->watch = p->gw.hs.intermediates == 1 ? NULL : p->watch;
}

static void another_idea_of_it(void **state)
{
	(void)state;
	for (int ours = 0; ours < 2; ours++) {
		struct pair p;
		pair_init(&p, 44);
		proposals(&p, IKE "-ke1_ecp256", ESP);
		p.watch = ours ? spoil_ours : spoil_theirs;
		pair_connect(&p);
		pair_run(&p, SECONDS(60));
		pair_check_dead(&p, ERR_PEER, AUTHENTICATION_FAILED);
		pair_free(&p);
	}
}

/* Fragments of both sides: the client's by a small MTU, the gateway's by what it puts beside. Lost ones come again,
 * and the client's cut smaller. */
static bool lose_large(void *arg, struct net *n, enum end from, struct flight *f)
{
	unsigned *lost = arg;

	(void)n;
	if (from != CLIENT || f->esp || f->len < 700)
		return false;
	(*lost)++;
	return true;
}

static void fragments(void **state)
{
	(void)state;
	for (int lossy = 0; lossy < 2; lossy++) {
		unsigned lost = 0;
		struct pair p;
		pair_init(&p, 45);
		proposals(&p, IKE "-ke1_modp8192-ke2_ecp256", ESP "-ke1_modp8192");
		p.path.mtu = lossy ? 1500 : 700;
		for (size_t i = 0; i < 2; i++) {
			p.gwc.edits[i] = (struct edit)EDIT(EDIT_MANY, V, .at = 60);
			p.gwc.edits[i].exchange = i ? IKE_FOLLOWUP_KE : IKE_INTERMEDIATE;
			p.gwc.edits[i].any_mid = true;
		}
		pair_start(&p);
		if (lossy)
			pair_tap(&p, lose_large, &lost);
		pair_until(&p, pair_decided, SECONDS(60));
		pair_check_up(&p, 1);
		pair_command(&p, CMD_REKEY_ALL);
		pair_settle(&p);
		pair_check_up(&p, 1);
		assert_int_equal(p.client.v2->rekeys_child, 1);
		assert_int_equal(p.client.v2->rekeys_ike, 1);
		assert_int_equal(lost > 0, lossy);
		pair_free(&p);
	}
}

/* PFS with additional key exchanges is never left out because a gateway does not like it. */
static void never_without(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 54);
	proposals(&p, IKE, ESP "-ke1_ecp256");
	p.gwc.refuse_child = 0;
	pair_connect(&p);
	p.gwc.refuse_pfs = NO_PROPOSAL_CHOSEN;
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, SECONDS(30));
	assert_int_equal(p.client.v2->rekeys_child, 0);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	p.gwc.refuse_pfs = 0;
	pair_run(&p, SECONDS(30));
	assert_int_equal(p.client.v2->rekeys_child, 1);
	check_suites(&p, IKE, "aes128gcm16-x25519-ke1_ecp256");
	pair_free(&p);
}

/* --- ML-KEM -------------------------------------------------------------------------------------------- */

static void need_kem(void)
{
	if (alg_usable(alg_by_name(TRANSFORM_KE, "mlkem768")))
		return;
	print_message("SKIP: ML-KEM needs OpenSSL 3.5\n");
	skip();
}

static void with_mlkem(void **state)
{
	static const char *const kems[] = { "-ke1_mlkem512", "-ke1_mlkem768", "-ke1_mlkem1024",
		"-ke1_ecp256-ke2_mlkem768" };

	(void)state;
	need_kem();
	for (size_t i = 0; i < ARRAY_LEN(kems); i++) {
		char ike[SUITE_TEXT_MAX], esp[SUITE_TEXT_MAX];
		struct pair p;
		snprintf(ike, sizeof(ike), IKE "%s", kems[i]);
		snprintf(esp, sizeof(esp), ESP "%s", kems[i]);
		pair_init(&p, 55);
		proposals(&p, ike, esp);
		pair_connect(&p);
		pair_check_up(&p, 1);
		assert_true(pair_quantum_safe(&p));
		rekey_all(&p);
		assert_true(pair_quantum_safe(&p));
		pair_free(&p);
	}
}

/* As the only key exchange, in IKE_SA_INIT. */
static void mlkem_alone(void **state)
{
	struct pair p;

	(void)state;
	need_kem();
	pair_init(&p, 56);
	proposals(&p, "aes128gcm16-prfsha256-mlkem512", "aes128gcm16-mlkem512-noesn");
	pair_connect(&p);
	pair_check_up(&p, 1);
	assert_true(pair_quantum_safe(&p));
	rekey_all(&p);
	pair_free(&p);
}

static void classical_is_not_safe(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 57);
	pair_additional(&p);
	pair_connect(&p);
	pair_check_up(&p, 1);
	assert_false(pair_quantum_safe(&p));
	pair_free(&p);
}

static bool lose_answer(void *arg, struct net *n, enum end from, struct flight *f)
{
	unsigned *left = arg;
	struct ike_hdr h;

	(void)n;
	if (from != CLIENT || *left == 0 || f->esp ||
		!ike_hdr_read(&h, (struct bytes){ f->data, f->len }, NULL) ||
		h.exchange != CREATE_CHILD_SA || !(h.flags & FLAG_RESPONSE))
		return false;
	--*left;
	return true;
}

/* The gateway rekeys the child and has not heard our answer yet when the user wants new keys: its rekey
 * brings them, and with one of ours as well there would be two children. */
static void asked_while_the_gateway_rekeys(void **state)
{
	unsigned lose = 1;
	struct pair p;

	(void)state;
	pair_init(&p, 91);
	pair_additional(&p);
	pair_connect(&p);
	p.net.tap = lose_answer;
	p.net.tap_arg = &lose;
	pair_gw(&p, GW_REKEY_CHILD);
	pair_run(&p, 100);
	assert_int_equal(lose, 0);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, SECONDS(60));
	pair_check_up(&p, 1);
	assert_int_equal(p.client.v2->rekeys_child, 1);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_while_the_gateway_rekeys),
		cmocka_unit_test(any_number),
		cmocka_unit_test(choices),
		cmocka_unit_test(every_proof),
		cmocka_unit_test(another_idea_of_it),
		cmocka_unit_test(fragments),
		cmocka_unit_test(never_without),
		cmocka_unit_test(with_mlkem),
		cmocka_unit_test(mlkem_alone),
		cmocka_unit_test(classical_is_not_safe),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
