/* PEAP version 0: [MS-PEAP] and, with TLS 1.3, RFC 9427. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include "base/types.h"
#include "script.h"
#include "tunnels.h"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void begin(struct tunnel_test *t, int version)
{
	tunnel_begin(t,
		&(struct tunnel_spec){ .type = EAP_PEAP,
			.version = version,
			.user = "User",
			.password = "clientPass" });
	for (size_t i = 0; i < RNG_POOL_LEN; i += 16)
		test_hex(PEER_CHALLENGE, t->rng.pool + i, 16);
	t->rng.left = RNG_POOL_LEN;
	tunnel_handshake(t);
	assert_true(tls_server_is_up(t->server));
	assert_int_equal(t->r.len, 6); /* it is the server who begins */
	assert_false(eap_may_end(t->eap));
}

static void say(struct tunnel_test *t, const char *spec)
{
	uint8_t packet[512];
	size_t n = script_octets(spec, packet, sizeof(packet));

	tunnel_say(t, (struct bytes){ packet, n });
}

static uint8_t heard[2048];

static void hear(struct tunnel_test *t, const char *spec)
{
	uint8_t want[512];
	size_t n = script_octets(spec, want, sizeof(want));

	assert_int_equal(tls_server_read(t->server, heard, sizeof(heard)), n);
	assert_memory_equal(heard, want, n);
}

/* Without their headers, as servers of Windows send them. */
#define IDENTITY       "01"
#define WHO            "01 'User'"
#define CHALLENGE_HERE "1a 01 05 001c 10" GATEWAY_CHALLENGE "'gateway'"
#define RESPONSE_HERE  "1a 02 05 003a" RESPONSE_VALUE "'User'"
#define PROOF_HERE     "1a 03 05 002e" PROOF
#define PROVED_HERE    "1a 03"
#define RESULT(n)      "01 09 000b 21 8003 0002 000" n

static void log_in(struct tunnel_test *t, int version)
{
	begin(t, version);
	say(t, IDENTITY);
	hear(t, WHO);
	say(t, CHALLENGE_HERE);
	hear(t, RESPONSE_HERE);
	say(t, PROOF_HERE);
	hear(t, PROVED_HERE);
	assert_false(eap_may_end(t->eap)); /* before the result */
}

static void tk(struct tunnel_test *t, uint8_t out[128])
{
	uint8_t type = EAP_PEAP;
	bool tls13 = t->spec.version == TLS1_3_VERSION;

	tls_server_export(t->server,
		tls13 ? "EXPORTER_EAP_TLS_Key_Material" : "client EAP encryption",
		tls13 ? (struct bytes){ &type, 1 } : (struct bytes){ NULL, 0 }, out, 128);
}

static void ends_well(struct tunnel_test *t, const uint8_t key[64])
{
	assert_true(eap_may_end(t->eap));
	tunnel_verdict(t, EAP_SUCCESS);
	tunnel_expect(t, EAP_V_SUCCESS, ERR_NONE, "");
	assert_non_null(eap_msk(t->eap));
	assert_int_equal(eap_msk(t->eap)->len, 64);
	assert_memory_equal(eap_msk(t->eap)->data, key, 64);
	tunnel_end(t);
}

static void good_ones(void **state)
{
	struct tunnel_test t;
	uint8_t key[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		log_in(&t, versions[i]);
		say(&t, RESULT("1"));
		size_t n = tls_server_read(t.server, heard, sizeof(heard));
		assert_int_equal(n, 11);
		assert_int_equal(heard[0], EAP_RESPONSE);
		assert_int_equal(heard[1], t.id);
		assert_memory_equal(heard + 2, "\0\x0b\x21\x80\x03\0\2\0\1", 9);
		tk(&t, key);
		ends_well(&t, key);
	}
}

/* FreeRADIUS sends its first request whole; GTC makes no key. */
static void with_header(void **state)
{
	struct tunnel_test t;
	uint8_t key[128];

	(void)state;
	begin(&t, TLS1_2_VERSION);
	say(&t, "01 07 0005 01");
	hear(&t, WHO);
	say(&t, "06 'Password: '");
	hear(&t, "06 'clientPass'");
	say(&t, RESULT("1"));
	tk(&t, key);
	ends_well(&t, key);
}

static void asks(void **state)
{
	struct passphrase code = { .len = 6, .text = "424242" };
	struct tunnel_test t;

	(void)state;
	begin(&t, TLS1_3_VERSION);
	say(&t, "06 'Token: '");
	tunnel_expect(&t, EAP_V_ASK, ERR_NONE, "");
	assert_string_equal(t.r.ask.prompt, "Token: ");
	eap_answer(t.eap, &code, &t.r);
	tunnel_take(&t);
	hear(&t, "06 '424242'");
	say(&t, RESULT("1"));
	assert_true(eap_may_end(t.eap));
	tunnel_end(&t);
}

/* CVE-2023-52160: no success takes the place of a login, wherever it stands. */
static void success_without_login(void **state)
{
	static const char *const inside[] = { RESULT("1"), "03 07 0004",
		"01 09 0007 21 8003" /* and cut short */ };
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions) * 4; i++) {
		size_t what = i / 2;
		begin(&t, versions[i % 2]);
		if (what < ARRAY_LEN(inside))
			say(&t, inside[what]);
		if (what == 3)
			tunnel_verdict(&t, EAP_SUCCESS);
		tunnel_expect(&t, EAP_V_FAILURE, what == 2 ? ERR_PEER : ERR_AUTH,
			what == 2         ? "malformed" :
				what == 0 ? "success inside of PEAP before any login" :
				what == 1 ? "before any method was finished" :
					    "before EAP-PEAP was finished");
		assert_null(eap_msk(t.eap));
		tunnel_end(&t);
		/* In the middle of one neither. */
		begin(&t, versions[i % 2]);
		say(&t, CHALLENGE_HERE);
		say(&t, RESULT("1"));
		tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "before any login was finished");
		tunnel_end(&t);
	}
	/* What was proved inside is not yet said to be enough. */
	log_in(&t, TLS1_2_VERSION);
	tunnel_verdict(&t, EAP_SUCCESS);
	tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "before EAP-PEAP was finished");
	tunnel_end(&t);
}

static void refused(void **state)
{
	struct tunnel_test t;

	(void)state;
	begin(&t, TLS1_2_VERSION);
	say(&t, CHALLENGE_HERE);
	hear(&t, RESPONSE_HERE);
	say(&t, "1a 04 05 000d 'E=691 R=0'");
	hear(&t, "1a 04");
	tunnel_expect(&t, EAP_V_SEND, ERR_PEER, "refused User: ");
	say(&t, RESULT("2"));
	tunnel_expect(&t, EAP_V_SEND, ERR_PEER, "refused User: ");
	assert_int_equal(tls_server_read(t.server, heard, sizeof(heard)), 11);
	assert_int_equal(heard[10], 2);
	tunnel_verdict(&t, EAP_FAILURE);
	tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "refused User: ");
	tunnel_end(&t);
	/* Without a word on why, and whatever comes then. */
	begin(&t, TLS1_2_VERSION);
	say(&t, RESULT("2"));
	tunnel_expect(&t, EAP_V_SEND, ERR_PEER, "did not accept what it was given in EAP-PEAP");
	tunnel_verdict(&t, EAP_SUCCESS);
	tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "");
	tunnel_end(&t);
}

static void malformed(void **state)
{
	static const struct {
		const char *octets, *words;
	} rows[] = {
		{ "01 09 000a 21 8003 0002 00", "a TLV inside of PEAP is malformed" },
		{ "01 09 0009 21 8003 ffff", "malformed" },
		{ "01 09 0006 21 80", "malformed" },
		{ "01 09 000c 21 8003 0003 000001", "TLV 3 of 3 octets" },
		{ "01 09 0011 21 8003 0002 0001 8003 0002 0001", "TLV 3 of 2 octets" },
		{ "01 09 0009 21 8063 0000", "TLV 99 of 0 octets" },
		{ "01 09 000b 21 800c 0002 0000", "TLV 12 of 2 octets" },
		{ "05", "makes no sense" }, /* OTP: a Nak goes, so this is no error ... */
		{ "00", "inside of EAP-PEAP the gateway sent what makes no sense" },
	};
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(&t, TLS1_2_VERSION);
		say(&t, rows[i].octets);
		if (rows[i].octets[1] == '5') {
			hear(&t, "03 1a 06 04");
			tunnel_expect(&t, EAP_V_SEND, ERR_NONE, "");
		} else {
			tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, rows[i].words);
		}
		tunnel_end(&t);
	}
	/* One that is optional says nothing. */
	log_in(&t, TLS1_2_VERSION);
	say(&t, "01 09 0010 21 0063 0001 05 8003 0002 0001");
	assert_true(eap_may_end(t.eap));
	say(&t, IDENTITY);
	tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "after its end");
	tunnel_end(&t);
}

/* --- crypto-binding, by [MS-PEAP] 3.1.5.5 --------------------------------------------------------- */

static void hmac(const uint8_t *key, size_t key_len, const uint8_t *data, size_t n, uint8_t out[20])
{
	unsigned len = 20;

	assert_non_null(HMAC(EVP_sha1(), key, (int)key_len, data, n, out, &len));
}

/* Tn = HMAC-SHA1(key, Tn-1 | seed | n | 0 | 0) */
static void prf_plus(const uint8_t *key, const void *seed, size_t n, uint8_t *out, size_t len)
{
	uint8_t in[128], block[20] = { 0 };
	size_t used = 0;

	for (uint8_t i = 1; len > 0; i++) {
		memcpy(in, block, used);
		memcpy(in + used, seed, n);
		memcpy(in + used + n, (uint8_t[]){ i, 0, 0 }, 3);
		hmac(key, 40, in, used + n + 3, block);
		used = sizeof(block);
		size_t take = len < 20 ? len : 20;
		memcpy(out, block, take);
		out += take;
		len -= take;
	}
}

/* Puts the MAC into a TLV of Crypto-Binding. */
static void seal(uint8_t tlv[60], const uint8_t cmk[20])
{
	uint8_t in[61];

	memcpy(in, tlv, 40);
	memset(in + 40, 0, 20);
	in[60] = EAP_PEAP;
	hmac(cmk, 20, in, 61, tlv + 40);
}

/* A TLV of Crypto-Binding, and the key to hand on. */
static void binding(
	struct tunnel_test *t, bool inner_key, uint8_t tlv[60], uint8_t cmk[20], uint8_t csk[64])
{
	uint8_t key[128], imck[60], seed[27 + 32] = "Inner Methods Compound Keys";

	tk(t, key);
	/* RFC 3079 for "User", "clientPass" and the challenges of RFC 2759 section 9.2. */
	if (inner_key)
		assert_int_equal(test_hex(INNER_KEY, seed + 27, 32), 32);
	prf_plus(key, seed, sizeof(seed), imck, 60);
	memcpy(cmk, imck + 40, 20);
	prf_plus(imck, "Session Key Generating Function", 32, csk, 64); /* with its NUL */
	memset(tlv, 0, 60);
	memcpy(tlv, "\0\x0c\0\x38", 4);
	memset(tlv + 8, 0x77, 32);
	seal(tlv, cmk);
}

static void say_bound(struct tunnel_test *t, const uint8_t tlv[60])
{
	uint8_t packet[71] = { 1, 9, 0, 71, 0x21, 0x80, 3, 0, 2, 0, 1 };

	memcpy(packet + 11, tlv, 60);
	tunnel_say(t, (struct bytes){ packet, sizeof(packet) });
}

static void bound(void **state)
{
	uint8_t tlv[60], cmk[20], csk[64], in[61], mac[20];
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		log_in(&t, versions[i]);
		binding(&t, true, tlv, cmk, csk);
		say_bound(&t, tlv);
		assert_int_equal(tls_server_read(t.server, heard, sizeof(heard)), 71);
		assert_memory_equal(
			heard + 2, "\0\x47\x21\x80\x03\0\2\0\1\0\x0c\0\x38\0\0\0\1", 17);
		assert_memory_not_equal(heard + 19, tlv + 8, 32); /* a nonce of its own */
		memcpy(in, heard + 11, 60);
		memset(in + 40, 0, 20);
		in[60] = EAP_PEAP;
		hmac(cmk, 20, in, 61, mac);
		assert_memory_equal(heard + 11 + 40, mac, 20);
		ends_well(&t, csk);
	}
	/* A method without a key. */
	begin(&t, TLS1_2_VERSION);
	say(&t, "06 'Password: '");
	binding(&t, false, tlv, cmk, csk);
	say_bound(&t, tlv);
	ends_well(&t, csk);
}

/* Who has the login is not who has the tunnel. */
static void bound_wrongly(void **state)
{
	static const uint8_t at[] = { 0, 5, 7, 8, 39, 40, 59 };
	uint8_t tlv[60], cmk[20], csk[64];
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		log_in(&t, versions[i % 2]);
		binding(&t, true, tlv, cmk, csk);
		tlv[at[i]] ^= at[i] ? 1 : 0x40;
		say_bound(&t, tlv);
		tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "the crypto-binding of PEAP is wrong");
		assert_null(eap_msk(t.eap));
		tunnel_end(&t);
	}
	/* An answer, perhaps ours from elsewhere, is no request. */
	log_in(&t, TLS1_2_VERSION);
	binding(&t, true, tlv, cmk, csk);
	tlv[7] = 1;
	seal(tlv, cmk);
	say_bound(&t, tlv);
	tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "the crypto-binding of PEAP is wrong");
	tunnel_end(&t);
}

static void told_to_nobody(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		tunnel_told_to_nobody(&(struct tunnel_spec){ .type = EAP_PEAP,
			.version = versions[i],
			.user = "User",
			.password = "clientPass" });
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(with_header),
		cmocka_unit_test(asks),
		cmocka_unit_test(success_without_login),
		cmocka_unit_test(refused),
		cmocka_unit_test(malformed),
		cmocka_unit_test(bound),
		cmocka_unit_test(bound_wrongly),
		cmocka_unit_test(told_to_nobody),
	};

	return cmocka_run_group_tests(tests, authority_make, authority_free);
}
