#include "crypto/mschap.h"
#include "base/types.h"
#include "crypto/alg.h"
#include "lib/test.h"
#include "lib/vectors.h"

#include <openssl/provider.h>
#include <stdio.h>

static struct passphrase password(const char *text)
{
	struct passphrase p;

	assert_true(passphrase_set(&p, text, strlen(text)));
	return p;
}

static void vectors_of_the_rfcs(void **state)
{
	uint8_t server[16], client[16], response[24], send_key[16], zero[32] = { 0 };
	struct vectors v;
	struct mschap m;
	struct err e;

	(void)state;
	vectors_open(&v, "rfc_mschap.txt");
	while (vectors_next(&v)) {
		struct passphrase p = password(vector_text(&v, "password"));
		vector_hex(&v, "authenticator_challenge", server, sizeof(server));
		vector_hex(&v, "peer_challenge", client, sizeof(client));
		assert_int_equal(vector_hex(&v, "nt_response", response, 24), 24);
		assert_int_equal(vector_hex(&v, "server_send_key", send_key, 16), 16);
		assert_ok(&e, mschap_compute(server, client, vector_text(&v, "user"), &p, &m, &e));
		assert_memory_equal(m.nt_response, response, 24);
		assert_string_equal(m.authenticator, vector_text(&v, "authenticator"));
		assert_int_equal(m.msk.len, MSCHAP_MSK_LEN);
		/* What the server sends with stands second. */
		assert_memory_equal(m.msk.data + 16, send_key, 16);
		assert_memory_not_equal(m.msk.data, send_key, 16);
		assert_memory_equal(m.msk.data + 32, zero, 32);
	}
	assert_int_equal(v.cases, 1);
	vectors_close(&v);
}

/* Computed once by an independent implementation over the UTF-16 octets of the letters. */
static void letters_beyond_ascii(void **state)
{
	static const struct {
		const char *utf8, *response;
	} cases[] = {
		{ "", "eaaecd07a1687fda08b2fe835323459a3c0a865ae9b589d0" },
		{ "Gr\303\266\303\237e", "eb4dd428f6f206ef53e4b74555ff0e7008ddc66fa46c1868" },
		{ "\320\277\320\260\321\200\320\276\320\273\321\214\342\202\254",
			"e9b5a735c21c6b272b5041013a4756fd764e2361cb82ba93" },
		{ "\360\237\224\221key", "d8e7b74c6a3d45480de35722231352ed58c55f85c1c4504a" },
	};
	static const uint8_t challenge[16] = { 1, 2, 3 };
	uint8_t want[24];
	struct mschap m;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct passphrase p = password(cases[i].utf8);
		assert_int_equal(test_hex(cases[i].response, want, sizeof(want)), 24);
		assert_ok(&e, mschap_compute(challenge, challenge, "u", &p, &m, &e));
		assert_memory_equal(m.nt_response, want, 24);
	}
}

static void passwords_refused(void **state)
{
	static const char *const bad[] = { "\x80", "a\xc3", "\xc0\xaf", "\xe0\x80\xaf",
		"\xed\xa0\x80", "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
		"\xc3(", "\xff" };
	static const uint8_t challenge[16];
	struct passphrase p;
	struct mschap m;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		p = password(bad[i]);
		assert_refused(
			&e, ERR_CONFIG, mschap_compute(challenge, challenge, "u", &p, &m, &e));
	}
	char big[258];
	memset(big, 'x', sizeof(big));
	assert_true(passphrase_set(&p, big, 256));
	assert_ok(&e, mschap_compute(challenge, challenge, "u", &p, &m, &e));
	assert_true(passphrase_set(&p, big, 257));
	assert_refused(&e, ERR_CONFIG, mschap_compute(challenge, challenge, "u", &p, &m, &e));
	assert_int_equal(m.msk.len, 0); /* wiped */
}

/* MD4 and DES come from a library context of their own: the default one never learns of them. */
static void legacy_stays_apart(void **state)
{
	static const uint8_t challenge[16];
	struct passphrase p = password("x");
	struct mschap m;
	struct err e;

	(void)state;
	assert_ok(&e, mschap_compute(challenge, challenge, "u", &p, &m, &e));
	assert_int_equal(OSSL_PROVIDER_available(NULL, "legacy"), 0);
}

static bool legacy_is_loaded(void)
{
	char line[512];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "re");

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, "/legacy.so") != NULL;
	fclose(maps);
	return found;
}

/* Who logs in otherwise never has the legacy provider. */
static void warmed_for_whom_it_serves(void **state)
{
	(void)state;
	crypto_warm(WARM_LOGIN, &(struct warm_for){ .mschap = false });
	assert_false(legacy_is_loaded());
	crypto_warm(WARM_LOGIN, &(struct warm_for){ .mschap = true });
	assert_true(legacy_is_loaded());
	vectors_of_the_rfcs(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(warmed_for_whom_it_serves),
		cmocka_unit_test(vectors_of_the_rfcs),
		cmocka_unit_test(letters_beyond_ascii),
		cmocka_unit_test(passwords_refused),
		cmocka_unit_test(legacy_stays_apart),
	};

	return cmocka_run_group_tests(tests, NULL, test_crypto_teardown);
}
