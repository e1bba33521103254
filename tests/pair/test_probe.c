/*
 * What a gateway accepts, found without logging in: against the scripted gateway of IKEv2, and first messages
 * of main mode answered by a few lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/ike/v1_sa.h"
#include "ike/probe.h"
#include "lib/test.h"
#include "pair.h"
#include "people.h"

struct meeting {
	/* to be set before */
	struct gw_config cfg;
	const char *v1; /* what is accepted in IKEv1, NULL: it does not speak it */
	uint16_t v1_methods[3];
	bool silent; /* in IKEv2 */
	bool only_natt; /* port 500 is shut */
	unsigned lose; /* every so many datagrams is lost, of either side; 0: none */
	/* as it goes on */
	struct gateway gw;
	struct probe_config config;
	struct probe *probe;
	struct outbox ob;
	uint64_t now;
	unsigned sent, half_open_v1;
};

static const struct addr us = { .family = FAMILY_V4, .port = 4321, .ip = { 192, 0, 2, 1 } };
static const struct addr them = { .family = FAMILY_V4, .port = 500, .ip = { 192, 0, 2, 2 } };

static void meet(struct meeting *m)
{
	*m = (struct meeting){ .cfg = { .by_cert = true,
				       .own = person(GW_ECDSA),
				       .id = "gw.example.org",
				       .client = IKE_AUTH_BY_EAP,
				       .eap = EAP_MSCHAPV2,
				       .user = "anna",
				       .password = "secret",
				       .nonce_i = -1,
				       .nonce_r = -1 },
		.config = { .trust = people_trust() } };
	assert_true(id_parse(&m->config.remote_id, "gw.example.org", NULL));
}

/* The gateway's answer, if it speaks IKEv1. */
static bool answer_v1(
	struct meeting *m, const struct send *s, uint8_t *out, size_t cap, size_t *len)
{
	struct bytes message = { s->data, s->len };
	struct payloads pl;
	struct ike_hdr h;
	struct v1_terms terms;
	struct proposals ours;
	struct ikew k;
	size_t used;
	bool chosen = false;

	if (!m->v1 || !ike_hdr_read_v1(&h, message, NULL))
		return false;
	assert_int_equal(h.exchange, V1_MAIN_MODE);
	assert_true(v1_payloads_read(&pl, h.next,
		(struct bytes){ s->data + IKE_HDR_LEN, s->len - IKE_HDR_LEN }, &used, NULL));
	assert_true(prop_parse(&ours, PROTO_IKE, TIER_LEGACY, m->v1, NULL));
	memset(h.spi_r, 7, sizeof(h.spi_r));
	for (size_t i = 0; i < ARRAY_LEN(m->v1_methods) && !chosen; i++)
		chosen = m->v1_methods[i] &&
			v1_sa_choose_phase1(payload_find(&pl, V1P_SA)->body, &ours,
				m->v1_methods[i], &terms, NULL);
	h.exchange = chosen ? V1_MAIN_MODE : V1_INFORMATIONAL;
	ikew_message(&k, out, cap, &h);
	if (chosen) {
		m->half_open_v1++;
		v1_sa_answer_phase1(&k, &terms);
	} else {
		static const uint8_t no[] = { 0, 0, 0, 1, PROTO_IKE, 0, 0, NO_PROPOSAL_CHOSEN };
		ikew_bytes(&k, V1P_N, (struct bytes){ no, sizeof(no) });
	}
	return ikew_end(&k, len);
}

static void deliver(struct meeting *m, const struct send *s, const void *data, size_t len)
{
	struct datagram d = {
		.on = s->from, .local = us, .remote = s->remote, .data = data, .len = len
	};

	if (m->lose && ++m->sent % m->lose == 0)
		return;
	probe_datagram(m->probe, m->now, &d, &m->ob);
}

/* One datagram of the probe's, and what comes back. */
static void reach(struct meeting *m, const struct send *s)
{
	struct outbox back;
	uint8_t out[2000];
	size_t len;

	if ((m->only_natt && s->from != PORT_NATT) || (m->lose && ++m->sent % m->lose == 0))
		return;
	if (s->data[17] == 0x10) {
		if (answer_v1(m, s, out, sizeof(out), &len))
			deliver(m, s, out, len);
		return;
	}
	outbox_init(&back);
	if (!m->silent)
		gw_datagram(&m->gw, m->now, &us, &s->remote, s->data, s->len, &back);
	for (size_t i = 0; i < back.n; i++)
		if (back.actions[i].kind == ACT_SEND) {
			const struct send *r = outbox_get(&back, i);
			deliver(m, s, r->data, r->len);
		}
	outbox_free(&back);
}

static const struct probe_found *probed(struct meeting *m)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 5 };
	struct path path = { .local = us, .local_natt_port = 4322, .remote = them };

	gw_init(&m->gw, &m->cfg, 9, PAIR_WALL);
	m->now = SECONDS(100);
	outbox_init(&m->ob);
	m->probe = probe_new(&m->config, seed, NULL);
	assert_non_null(m->probe);
	probe_start(m->probe, m->now, PAIR_WALL, &path, &m->ob);
	while (m->ob.n > 0 || probe_deadline(m->probe) != TIME_NEVER) {
		struct outbox now = m->ob;
		outbox_init(&m->ob);
		for (size_t i = 0; i < now.n; i++) {
			assert_int_equal(now.actions[i].kind, ACT_SEND);
			reach(m, outbox_get(&now, i));
		}
		outbox_free(&now);
		if (m->ob.n > 0)
			continue;
		assert_true(m->now < SECONDS(300));
		if (probe_deadline(m->probe) != TIME_NEVER) {
			m->now = probe_deadline(m->probe);
			probe_tick(m->probe, m->now, &m->ob);
		}
	}
	const struct probe_found *f = probe_found(m->probe);
	assert_int_equal(f->asked, f->n_algs + PROBE_METHODS + 2);
	return f;
}

static void part(struct meeting *m)
{
	probe_free(m->probe);
	gw_free(&m->gw);
	outbox_free(&m->ob);
}

/* Those accepted, in the order of the table. */
static const char *accepted(const struct probe_found *f)
{
	static char text[1000];
	size_t at = 0;

	text[0] = 0;
	for (size_t i = 0; i < f->n_algs; i++) {
		assert_true(f->algs[i].verdict == PROBE_ACCEPTED ||
			f->algs[i].verdict == PROBE_REFUSED);
		if (f->algs[i].verdict == PROBE_ACCEPTED)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? " " : "",
				f->algs[i].alg->name);
	}
	return text;
}

/* --- what is accepted ---------------------------------------------------------------------------- */

static void each_algorithm(void **state)
{
	static const struct {
		const char *ike, *found;
	} gateways[] = {
		{ "aes256gcm16-prfsha384-ecp384", "aes256gcm16 prfsha384 ecp384" },
		{ "aes256-aes128-sha256-sha1-modp2048-modp1024, aes128gcm16-prfsha256-x25519",
			"aes128gcm16 aes256 aes128 prfsha256 prfsha1 sha256 sha1 x25519 modp2048 "
			"modp1024" },
		{ "3des-md5-modp1024", "3des prfmd5 md5 modp1024" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gateways); i++) {
		struct meeting m;
		meet(&m);
		m.cfg.ike = gateways[i].ike;
		const struct probe_found *f = probed(&m);
		assert_int_equal(f->v2, PROBE_ACCEPTED);
		assert_string_equal(accepted(f), gateways[i].found);
		assert_int_equal(f->v1, PROBE_SILENT);
		part(&m);
	}
}

/* An answer lost either way, or one asked for with a cookie, says nothing. */
static void through_a_bad_network(void **state)
{
	(void)state;
	for (unsigned lose = 2; lose < 8; lose++) {
		struct meeting m;
		meet(&m);
		m.cfg.ike = "aes128-sha256-x25519-ecp256";
		m.cfg.cookies = 2;
		m.lose = lose == 2 ? 0 : lose + 6;
		const struct probe_found *f = probed(&m);
		assert_int_equal(f->v2, PROBE_ACCEPTED);
		assert_string_equal(accepted(f), "aes128 prfsha256 sha256 x25519 ecp256");
		part(&m);
	}
}

/* One that is never content is not asked for ever. */
static void cookies_without_end(void **state)
{
	struct meeting m;

	(void)state;
	meet(&m);
	m.cfg.cookies = 10000;
	const struct probe_found *f = probed(&m);
	assert_int_not_equal(f->v2, PROBE_ACCEPTED);
	assert_true(m.gw.cookies < 10 * f->asked);
	part(&m);
}

static void only_the_other_port(void **state)
{
	struct meeting m;

	(void)state;
	meet(&m);
	m.cfg.ike = "aes128-sha256-x25519";
	m.only_natt = true;
	const struct probe_found *f = probed(&m);
	assert_true(f->natt_only);
	assert_string_equal(accepted(f), "aes128 prfsha256 sha256 x25519");
	part(&m);
	meet(&m);
	assert_false(probed(&m)->natt_only);
	part(&m);
}

/* On a port of its own the gateway takes messages with the marker alone, as connect sends them. */
static void a_port_of_its_own(void **state)
{
	struct path path = { .local = us, .local_natt_port = 4322, .remote = them };
	struct meeting m;

	(void)state;
	meet(&m);
	path.remote.port = 10500;
	outbox_init(&m.ob);
	m.probe = probe_new(&m.config, (const uint8_t[RNG_SEED_LEN]){ 5 }, NULL);
	probe_start(m.probe, 0, PAIR_WALL, &path, &m.ob);
	probe_tick(m.probe, 600, &m.ob);
	assert_true(m.ob.n > 4);
	for (size_t i = 0; i < m.ob.n; i++) {
		const struct send *s = outbox_get(&m.ob, i);
		assert_int_equal(s->from, PORT_NATT);
		assert_int_equal(s->remote.port, 10500);
	}
	probe_free(m.probe);
	outbox_free(&m.ob);
}

static void nothing_in_common(void **state)
{
	struct meeting m;

	(void)state;
	meet(&m);
	m.cfg.refuse_init = NO_PROPOSAL_CHOSEN;
	const struct probe_found *f = probed(&m);
	assert_int_equal(f->v2, PROBE_REFUSED);
	assert_int_equal(f->v2_word.notify, NO_PROPOSAL_CHOSEN);
	assert_int_equal(f->login, PROBE_LOGIN_NOT_TRIED);
	part(&m);
}

static void nobody_there(void **state)
{
	struct meeting m;

	(void)state;
	meet(&m);
	m.silent = true;
	const struct probe_found *f = probed(&m);
	assert_int_equal(f->v2, PROBE_SILENT);
	assert_int_equal(f->v1, PROBE_SILENT);
	assert_true(m.now < SECONDS(130));
	part(&m);
}

/* --- the beginning of a login ---------------------------------------------------------------------- */

static void it_asks_for_a_name(void **state)
{
	struct meeting m;

	(void)state;
	meet(&m);
	m.cfg.ike = "aes128-sha256-x25519";
	const struct probe_found *f = probed(&m);
	assert_int_equal(f->login, PROBE_LOGIN_EAP);
	assert_string_equal(f->id, "gw.example.org");
	assert_string_equal(f->suite.encr->name, "aes128");
	assert_false(m.gw.user_seen);
	part(&m);
}

/* Nobody is told to have proved what does not hold. */
static void its_proof_does_not_hold(void **state)
{
	static const enum person who[] = { GW_OTHER_NAME, GW_OTHER_CA, GW_EXPIRED };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		struct meeting m;
		meet(&m);
		m.cfg.own = person(who[i]);
		const struct probe_found *f = probed(&m);
		assert_int_equal(f->login, PROBE_LOGIN_UNPROVED);
		assert_int_equal(f->why.kind, ERR_AUTH);
		assert_string_equal(f->id, "");
		assert_false(m.gw.user_seen);
		part(&m);
	}
}

static void no_strangers(void **state)
{
	struct meeting m;

	(void)state;
	meet(&m);
	m.cfg.refuse_auth = AUTHENTICATION_FAILED;
	const struct probe_found *f = probed(&m);
	assert_int_equal(f->login, PROBE_LOGIN_REFUSED);
	assert_int_equal(f->why.notify, AUTHENTICATION_FAILED);
	part(&m);
}

/* --- IKEv1 --------------------------------------------------------------------------------------------- */

static void ways_of_v1(void **state)
{
	struct meeting m;

	(void)state;
	meet(&m);
	m.silent = true;
	m.v1 = "3des-sha1-modp1024";
	m.v1_methods[0] = V1_PSK;
	m.v1_methods[1] = V1_RSA;
	const struct probe_found *f = probed(&m);
	assert_int_equal(f->v2, PROBE_SILENT);
	assert_int_equal(f->v1, PROBE_ACCEPTED);
	for (size_t i = 0; i < PROBE_METHODS; i++) {
		const struct probe_method *x = &f->methods[i];
		bool plain = strcmp(x->name, "psk") == 0 || strcmp(x->name, "cert") == 0;
		assert_int_equal(x->verdict, plain ? PROBE_ACCEPTED : PROBE_REFUSED);
		if (plain)
			assert_string_equal(x->suite.ke->name, "modp1024");
	}
	part(&m);
	meet(&m);
	m.v1 = "aes256-sha512-x25519";
	m.v1_methods[0] = V1_PSK;
	assert_int_equal(probed(&m)->v1, PROBE_REFUSED);
	part(&m);
}

/* A gateway that says yes to whatever it is remembers no more than three of us. */
static void not_too_many_half_open(void **state)
{
	static const uint16_t some[] = { V1_PSK, V1_XAUTH_PSK, V1_HYBRID_RSA };
	struct meeting m;

	(void)state;
	meet(&m);
	m.v1 = "aes256-sha256-modp2048";
	memcpy(m.v1_methods, some, sizeof(some));
	const struct probe_found *f = probed(&m);
	assert_int_equal(m.half_open_v1, 3);
	assert_int_equal(f->methods[4].verdict, PROBE_NOT_ASKED);
	part(&m);
}

/* --- what comes of it ------------------------------------------------------------------------------------ */

static void what_profiles_would_agree_on(void **state)
{
	struct proposals offered, all;
	struct suite suite;
	struct meeting m;

	(void)state;
	meet(&m);
	m.cfg.ike = "aes256-aes128-sha256-modp2048-modp1024";
	const struct probe_found *f = probed(&m);
	assert_true(prop_parse(&offered, PROTO_IKE, TIER_DEFAULT,
		"aes256gcm16-prfsha256-x25519,aes128-sha384-sha256-ecp256-modp2048", NULL));
	assert_true(probe_agrees(f, &offered, &suite));
	assert_string_equal(suite.encr->name, "aes128");
	assert_string_equal(suite.integ->name, "sha256");
	assert_string_equal(suite.ke->name, "modp2048");
	assert_true(prop_parse(&offered, PROTO_IKE, TIER_DEFAULT, "aes128-sha256-x25519", NULL));
	assert_false(probe_agrees(f, &offered, &suite));
	probe_proposals(f, TIER_DEFAULT, &all);
	assert_int_equal(all.n, 1);
	assert_string_equal(prop_first_ke(&all)->name, "modp2048");
	assert_false(prop_offers(&all, alg_by_name(TRANSFORM_KE, "modp1024")));
	part(&m);
}

/* Whatever comes, in whatever order, from whomever: nothing breaks, and what is not an answer is none. */
static void noise(void **state)
{
	uint8_t junk[200];
	struct rng rng;

	(void)state;
	rng_seed(&rng, (const uint8_t[RNG_SEED_LEN]){ 3 });
	for (unsigned round = 0; round < 50; round++) {
		struct path path = { .local = us, .local_natt_port = 4322, .remote = them };
		struct meeting m;
		meet(&m);
		outbox_init(&m.ob);
		m.probe = probe_new(&m.config, (const uint8_t[RNG_SEED_LEN]){ 5 }, NULL);
		probe_start(m.probe, 0, PAIR_WALL, &path, &m.ob);
		const struct send *first = outbox_get(&m.ob, 0);
		for (unsigned i = 0; i < 50; i++) {
			size_t n = rng_below(&rng, sizeof(junk));
			struct datagram d = { .local = us, .remote = them, .data = junk, .len = n };
			rng_fill(&rng, junk, n);
			if (n >= IKE_HDR_LEN) {
				memcpy(junk, first->data, 8);
				junk[17] = i % 2 ? 0x20 : 0x10;
				junk[18] = i % 2 ? IKE_SA_INIT : V1_MAIN_MODE;
				junk[19] = FLAG_RESPONSE;
				memset(junk + 24, 0, 3);
				junk[27] = (uint8_t)n;
			}
			struct outbox ignored;
			outbox_init(&ignored);
			probe_datagram(m.probe, 1, &d, &ignored);
			outbox_free(&ignored);
		}
		assert_int_not_equal(probe_found(m.probe)->v2, PROBE_ACCEPTED);
		probe_free(m.probe);
		outbox_free(&m.ob);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_algorithm),
		cmocka_unit_test(through_a_bad_network),
		cmocka_unit_test(cookies_without_end),
		cmocka_unit_test(only_the_other_port),
		cmocka_unit_test(a_port_of_its_own),
		cmocka_unit_test(nothing_in_common),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(it_asks_for_a_name),
		cmocka_unit_test(its_proof_does_not_hold),
		cmocka_unit_test(no_strangers),
		cmocka_unit_test(ways_of_v1),
		cmocka_unit_test(not_too_many_half_open),
		cmocka_unit_test(what_profiles_would_agree_on),
		cmocka_unit_test(noise),
	};
	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
