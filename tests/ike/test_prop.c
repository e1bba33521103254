#include "lib/test.h"

#include "ike/prop.h"

static const struct {
	enum protocol_id proto;
	enum tier tier;
	const char *text;
	const char *shown; /* NULL: refused */
	const char *words; /* in the sentence that refuses */
} rows[] = {
	{ PROTO_IKE, TIER_DEFAULT, "aes256-sha256-modp2048", "aes256-sha256-modp2048-prfsha256",
		NULL },
	{ PROTO_IKE, TIER_DEFAULT, "aes256gcm16-prfsha384-x25519", "aes256gcm16-prfsha384-x25519",
		NULL },
	{ PROTO_IKE, TIER_DEFAULT, "aes256gcm16-sha384-x25519", "aes256gcm16-x25519-prfsha384",
		NULL },
	{ PROTO_IKE, TIER_DEFAULT, " aes128-sha256-x25519 ,aes256-sha512-ecp256 ",
		"aes128-sha256-x25519-prfsha256, aes256-sha512-ecp256-prfsha512", NULL },
	{ PROTO_ESP, TIER_DEFAULT, "aes128gcm16", "aes128gcm16-noesn", NULL },
	{ PROTO_ESP, TIER_DEFAULT, "aes128gcm16-esn", "aes128gcm16-esn", NULL },
	{ PROTO_ESP, TIER_DEFAULT, "aes128-sha256-x25519", "aes128-sha256-x25519-noesn", NULL },
	{ PROTO_ESP, TIER_DEFAULT, "aes128-aes128-sha256", "aes128-sha256-noesn", NULL },
	{ PROTO_IKE, TIER_LEGACY, "3des-sha1-modp1024", "3des-sha1-modp1024-prfsha1", NULL },
	{ PROTO_IKE, TIER_COMPAT, "3des-sha1-modp1024", NULL, "legacy" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128-sha1-modp2048", NULL, "compat" },
	{ PROTO_IKE, TIER_DEFAULT, "", NULL, "no proposal" },
	{ PROTO_IKE, TIER_DEFAULT, ",", NULL, "needs an encryption algorithm such as aes256" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128-sha256-x25519,", "aes128-sha256-x25519-prfsha256",
		NULL },
	{ PROTO_IKE, TIER_DEFAULT, "aes128-sha256", NULL, "key exchange" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128-x25519", NULL, "integrity" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128gcm16-x25519", NULL, "PRF" },
	{ PROTO_IKE, TIER_DEFAULT, "sha256-x25519", NULL, "encryption" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128gcm16-aes128-sha256-x25519", NULL, "two proposals" },
	{ PROTO_IKE, TIER_DEFAULT, "aes512-sha256-x25519", NULL, "aes512" },
	{ PROTO_IKE, TIER_DEFAULT, "aes-sha256-x25519", NULL, "did you mean aes256?" },
	{ PROTO_IKE, TIER_DEFAULT, "aes256-sha1-modp1024!", NULL,
		"sha1 is weak: it needs connection.security = compat; no algorithm is called "
		"\"modp1024!\", did you mean modp1024?" },
	{ PROTO_IKE, TIER_DEFAULT, "aes-sha256-x25519, aes256-sha256-foo-bar", NULL,
		"no algorithm is called \"foo\" (aes256, sha256, x25519 are some); no algorithm is called "
		"\"bar\" (" },
	{ PROTO_IKE, TIER_DEFAULT, "sha256-x25519, aes256-x25519", NULL,
		"needs an encryption algorithm such as aes256; \"aes256-x25519\" needs an integrity" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128-sha256-x25519-esn", NULL, "no place" },
	{ PROTO_ESP, TIER_DEFAULT, "aes128gcm16-prfsha256", NULL, "no place" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128-sha256-x25519 aes256", NULL, "separated" },
	/* Additional key exchanges. */
	{ PROTO_IKE, TIER_DEFAULT, "aes128gcm16-prfsha256-x25519-ke1_ecp384",
		"aes128gcm16-prfsha256-x25519-ke1_ecp384", NULL },
	{ PROTO_IKE, TIER_DEFAULT, "KE7_MODP3072-ke2_x448-ke2_none-aes128gcm16-prfsha256-x25519",
		"aes128gcm16-prfsha256-x25519-ke7_modp3072-ke2_x448-ke2_none", NULL },
	{ PROTO_ESP, TIER_DEFAULT, "aes128gcm16-x25519-ke1_ecp384-ke1_ecp384",
		"aes128gcm16-x25519-noesn-ke1_ecp384", NULL },
	{ PROTO_ESP, TIER_DEFAULT, "aes128gcm16-ke1_ecp384", NULL,
		"needs a key exchange group such as x25519 beside ke1_ecp384" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128gcm16-prfsha256-ke1_ecp384", NULL, "key exchange group" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128gcm16-prfsha256-x25519-ke1_x25519", NULL,
		"ke1_x25519 repeats" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128gcm16-prfsha256-x25519-ke1_ecp384-ke3_ecp384", NULL,
		"ke3_ecp384 repeats" },
	{ PROTO_IKE, TIER_DEFAULT,
		"aes128gcm16-prfsha256-x25519-ecp256-ke1_x25519-ke2_none-ke3_none",
		"aes128gcm16-prfsha256-x25519-ecp256-ke1_x25519-ke2_none-ke3_none", NULL },
	{ PROTO_IKE, TIER_DEFAULT, "aes128gcm16-prfsha256-x25519-ke1_aes128", NULL,
		"no algorithm is called \"aes128\"" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128gcm16-prfsha256-x25519-ke1_mlkem76", NULL,
		"did you mean mlkem768?" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128gcm16-prfsha256-x25519-ke8_ecp384", NULL,
		"no algorithm is called \"ke8_ecp384\"" },
	{ PROTO_IKE, TIER_DEFAULT, "aes128gcm16-prfsha256-x25519-ke1_modp1024", NULL,
		"ke1_modp1024 is weak: it needs connection.security = legacy" },
};

static void notation(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proposals p;
		char text[2048];
		struct err e = { 0 };
		bool ok = prop_parse(&p, rows[i].proto, rows[i].tier, rows[i].text, &e);
		if (ok != (rows[i].shown != NULL))
			fail_msg("\"%s\": %d %s", rows[i].text, ok, e.text);
		if (ok &&
			strcmp(prop_text(text, sizeof(text), &p, rows[i].proto), rows[i].shown) !=
				0)
			fail_msg("\"%s\" became \"%s\"", rows[i].text, text);
		if (!ok && (e.kind != ERR_CONFIG || !strstr(e.text, rows[i].words)))
			fail_msg("\"%s\": %s", rows[i].text, e.text);
	}
}

static void too_much(void **state)
{
	static const char one[] = "aes128gcm16,";
	char text[4096];
	struct proposals p;
	struct err e;

	(void)state;
	for (size_t i = 0; i <= PROPOSALS_MAX; i++)
		memcpy(text + i * (sizeof(one) - 1), one, sizeof(one));
	text[PROPOSALS_MAX * (sizeof(one) - 1)] = 0;
	assert_ok(&e, prop_parse(&p, PROTO_ESP, TIER_DEFAULT, text, &e));
	assert_int_equal(p.n, PROPOSALS_MAX);
	text[PROPOSALS_MAX * (sizeof(one) - 1)] = 'a';
	assert_refused(&e, ERR_CONFIG, prop_parse(&p, PROTO_ESP, TIER_DEFAULT, text, &e));
	memset(text, 'a', 1000);
	text[1000] = 0;
	assert_refused(&e, ERR_CONFIG, prop_parse(&p, PROTO_ESP, TIER_DEFAULT, text, &e));
}

/* Where OpenSSL is old the user is told so. */
static void mlkem(void **state)
{
	static const char text[] = "aes256gcm16-prfsha384-x25519-ke1_mlkem768";
	char shown[PROPOSAL_TEXT_MAX];
	struct proposals p;
	struct err e = { 0 };

	(void)state;
	bool ok = prop_parse(&p, PROTO_IKE, TIER_DEFAULT, text, &e);
	if (alg_usable(alg_by_name(TRANSFORM_KE, "mlkem768"))) {
		assert_ok(&e, ok);
		assert_string_equal(prop_text(shown, sizeof(shown), &p, PROTO_IKE), text);
	} else {
		assert_false(ok);
		assert_non_null(strstr(e.text,
			"this machine's OpenSSL cannot do ke1_mlkem768 (3.5 and later can)"));
	}
}

/* What can be chosen without. */
static void additional(void **state)
{
	static const struct {
		const char *text;
		bool any, always;
	} lists[] = {
		{ "aes128gcm16-prfsha256-x25519", false, false },
		{ "aes128gcm16-prfsha256-x25519-ke1_ecp384", true, true },
		{ "aes128gcm16-prfsha256-x25519-ke1_ecp384-ke1_none", true, false },
		{ "aes128gcm16-prfsha256-x25519-ke1_ecp384-ke1_none-ke2_ecp521", true, true },
		{ "aes128gcm16-prfsha256-x25519-ke1_ecp384,aes128gcm16-prfsha256-x25519", true,
			false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct proposals p;
		struct err e;
		assert_ok(&e, prop_parse(&p, PROTO_IKE, TIER_DEFAULT, lists[i].text, &e));
		assert_int_equal(prop_addke(&p), lists[i].any);
		assert_int_equal(prop_addke_always(&p), lists[i].always);
		assert_int_equal(prop_check_v1(&p, PROTO_IKE, &e), false);
		if (i < 4 && lists[i].any)
			assert_non_null(strstr(e.text, "ke1_ecp384 does not exist in IKEv1"));
	}
}

/* The defaults: nothing weak below its tier, AEAD first, and no AEAD beside an integrity algorithm. */
static void defaults(void **state)
{
	static const enum protocol_id protos[] = { PROTO_IKE, PROTO_ESP };

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(protos); k++)
		for (int tier = TIER_DEFAULT; tier <= TIER_LEGACY; tier++) {
			struct proposals p;
			prop_default(&p, protos[k], (enum tier)tier);
			assert_in_range(p.n, 2, 4);
			assert_true(p.v[0].algs[0]->aead);
			for (size_t i = 0; i < p.n; i++) {
				bool aead = false, integ = false;
				for (size_t j = 0; j < p.v[i].n; j++) {
					const struct alg *a = p.v[i].algs[j];
					assert_true(alg_usable(a));
					assert_true((protos[k] == PROTO_IKE ? a->ike_tier :
									      a->esp_tier) <=
						(enum tier)tier);
					assert_true(tier != TIER_DEFAULT || !alg_weak(a));
					aead = aead || a->aead;
					integ = integ || a->type == TRANSFORM_INTEG;
				}
				assert_true(aead != integ);
			}
		}
	struct proposals p;
	prop_default(&p, PROTO_IKE, TIER_DEFAULT);
	assert_int_equal(prop_first_ke(&p)->id, KE_X25519);
	assert_true(prop_offers(&p, alg_find(TRANSFORM_KE, KE_MODP2048, 0)));
	assert_false(prop_offers(&p, alg_find(TRANSFORM_KE, KE_MODP1024, 0)));
	prop_default(&p, PROTO_ESP, TIER_DEFAULT);
	assert_null(prop_first_ke(&p));
}

/* Groups 2 and 5 never stand beside a strong one. */
static void last_resort(void **state)
{
	struct proposals p;

	(void)state;
	prop_last_resort(&p, false, false);
	assert_int_equal(p.n, 1);
	for (size_t i = 0; i < p.v[0].n; i++)
		if (p.v[0].algs[i]->type == TRANSFORM_KE)
			assert_true(alg_weak(p.v[0].algs[i]));
}

static void suites(void **state)
{
	char text[SUITE_TEXT_MAX];
	struct suite s = { .encr = alg_by_name(TRANSFORM_ENCR, "aes256"),
		.integ = alg_by_name(TRANSFORM_INTEG, "sha256"),
		.prf = alg_by_name(TRANSFORM_PRF, "prfsha256"),
		.ke = alg_by_name(TRANSFORM_KE, "x25519") };

	(void)state;
	assert_string_equal(suite_text(text, &s), "aes256-sha256-x25519");
	s.prf = alg_by_name(TRANSFORM_PRF, "prfsha384");
	assert_string_equal(suite_text(text, &s), "aes256-sha256-prfsha384-x25519");
	s = (struct suite){ .encr = alg_by_name(TRANSFORM_ENCR, "aes128gcm16"), .esn = true };
	assert_string_equal(suite_text(text, &s), "aes128gcm16-esn");
	s.ke = alg_by_name(TRANSFORM_KE, "x25519");
	s.addke[0] = alg_by_name(TRANSFORM_KE, "ecp384");
	assert_false(suite_quantum_safe(&s));
	s.addke[6] = alg_by_name(TRANSFORM_KE, "mlkem768");
	assert_string_equal(suite_text(text, &s), "aes128gcm16-x25519-ke1_ecp384-ke7_mlkem768-esn");
	assert_true(suite_quantum_safe(&s));
	assert_int_equal(suite_addke(&s, 0), 0);
	assert_int_equal(suite_addke(&s, 1), 6);
	assert_int_equal(suite_addke(&s, 7), ADDKE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notation),
		cmocka_unit_test(too_much),
		cmocka_unit_test(defaults),
		cmocka_unit_test(last_resort),
		cmocka_unit_test(suites),
		cmocka_unit_test(mlkem),
		cmocka_unit_test(additional),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, NULL);
}
