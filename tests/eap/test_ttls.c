/* EAP-TTLS: RFC 5281 and, with TLS 1.3, RFC 9427. */
#include <openssl/ssl.h>
#include <stdio.h>

#include "base/types.h"
#include "crypto/mschap.h"
#include "script.h"
#include "tunnels.h"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void begin(struct tunnel_test *t, int version, enum eap_ttls way, const char *user,
	const char *password)
{
	tunnel_begin(t,
		&(struct tunnel_spec){ .type = EAP_TTLS,
			.version = version,
			.ttls = way,
			.user = user,
			.password = password });
	tunnel_handshake(t);
	assert_true(tls_server_is_up(t->server));
}

/* --- AVPs, written from RFC 5281 section 10 ------------------------------------------------------- */

static void avp(struct wr *w, uint8_t flags, uint32_t vendor, uint32_t code, struct bytes data)
{
	size_t len = data.n + (flags & 0x80 ? 12 : 8);

	wr_u32(w, code);
	wr_u32(w, (uint32_t)flags << 24 | (uint32_t)len);
	if (flags & 0x80)
		wr_u32(w, vendor);
	wr_bytes(w, data.p, data.n);
	wr_zeros(w, (4 - len % 4) % 4);
}

/* What the client says, which must be these AVPs in this order; data that is not given is passed over. */
struct want {
	uint32_t vendor, code;
	size_t len;
	const void *data;
};

static uint8_t heard[8192];

/* The octets of number i are left in out. */
static void hear(struct tunnel_test *t, const struct want *want, size_t n, struct bytes *out)
{
	size_t len = tls_server_read(t->server, heard, sizeof(heard));
	struct rd r = rd_init(heard, len);

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rd_u32(&r), want[i].code);
		uint32_t flags = rd_u32(&r);
		size_t size = flags & 0xffffff, head = want[i].vendor ? 12 : 8;
		assert_int_equal(flags >> 24, want[i].vendor ? 0xc0 : 0x40);
		if (want[i].vendor)
			assert_int_equal(rd_u32(&r), want[i].vendor);
		assert_true(size >= head);
		const uint8_t *p = rd_bytes(&r, size - head);
		assert_non_null(p);
		if (want[i].len)
			assert_int_equal(size - head, want[i].len);
		if (want[i].data)
			assert_memory_equal(p, want[i].data, want[i].len);
		if (out)
			out[i] = (struct bytes){ p, size - head };
		rd_bytes(&r, (4 - size % 4) % 4);
	}
	assert_true(rd_done(&r));
}

static void say(struct tunnel_test *t, uint32_t vendor, uint32_t code, struct bytes data)
{
	uint8_t buf[1024];
	struct wr w = wr_init(buf, sizeof(buf));

	avp(&w, vendor ? 0xc0 : 0x40, vendor, code, data);
	tunnel_say(t, (struct bytes){ buf, w.len });
}

static void ends_well(struct tunnel_test *t)
{
	uint8_t theirs[128], type = EAP_TTLS;
	bool tls13 = t->spec.version == TLS1_3_VERSION;

	assert_true(eap_may_end(t->eap));
	tunnel_verdict(t, EAP_SUCCESS);
	tunnel_expect(t, EAP_V_SUCCESS, ERR_NONE, "");
	tls_server_export(t->server,
		tls13 ? "EXPORTER_EAP_TLS_Key_Material" : "ttls keying material",
		tls13 ? (struct bytes){ &type, 1 } : (struct bytes){ NULL, 0 }, theirs,
		sizeof(theirs));
	assert_non_null(eap_msk(t->eap));
	assert_int_equal(eap_msk(t->eap)->len, 64);
	assert_memory_equal(eap_msk(t->eap)->data, theirs, 64);
	tunnel_end(t);
}

/* --- PAP ------------------------------------------------------------------------------------------ */

static void pap(void **state)
{
	const struct want short_one[] = { { 0, 1, 5, "alice" },
		{ 0, 2, 16, "secret\0\0\0\0\0\0\0\0\0" } };
	const struct want whole_one[] = { { 0, 1, 5, "alice" },
		{ 0, 2, 32, "sixteen octets 1sixteen octets 2" } };
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		begin(&t, versions[i], TTLS_PAP, "alice", "secret");
		hear(&t, short_one, 2, NULL);
		ends_well(&t);
		begin(&t, versions[i], TTLS_PAP, "alice", "sixteen octets 1sixteen octets 2");
		hear(&t, whole_one, 2, NULL);
		tunnel_verdict(&t, EAP_FAILURE);
		tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "what it was given in EAP-TTLS");
		tunnel_end(&t);
	}
}

static void answer(struct tunnel_test *t, const char *text)
{
	struct passphrase p;

	assert_true(passphrase_set(&p, text, strlen(text)));
	eap_answer(t->eap, &p, &t->r);
}

/* TLS has read the request by then, and does not see it twice. */
static void pap_asked_for(void **state)
{
	const struct want want[] = { { 0, 1, 5, "alice" },
		{ 0, 2, 16, "secret\0\0\0\0\0\0\0\0\0" } };
	const struct want code[] = { { 0, 1, 5, "alice" },
		{ 0, 2, 16, "123456\0\0\0\0\0\0\0\0\0" } };
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		tunnel_begin(&t,
			&(struct tunnel_spec){
				.type = EAP_TTLS, .version = versions[i], .ttls = TTLS_PAP });
		tunnel_until_asked(&t);
		assert_int_equal(t.r.ask.kind, ASK_USER);
		tunnel_verdict(&t, EAP_SUCCESS); /* not while nobody has said anything */
		tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "before EAP-TTLS was finished");
		tunnel_end(&t);

		tunnel_begin(&t,
			&(struct tunnel_spec){
				.type = EAP_TTLS, .version = versions[i], .ttls = TTLS_PAP });
		tunnel_until_asked(&t);
		answer(&t, "alice");
		tunnel_expect(&t, EAP_V_ASK, ERR_NONE, "");
		assert_string_equal(t.r.ask.prompt, "Password for alice");
		answer(&t, "secret");
		tunnel_take(&t);
		hear(&t, want, 2, NULL);
		/* Then a second factor (section 11.2.5). */
		say(&t, 0, 18, BYTES("Code of the token"));
		tunnel_expect(&t, EAP_V_ASK, ERR_NONE, "");
		assert_int_equal(t.r.ask.kind, ASK_CODE);
		assert_string_equal(t.r.ask.prompt, "Code of the token");
		assert_false(eap_may_end(t.eap));
		answer(&t, "123456");
		tunnel_take(&t);
		hear(&t, code, 2, NULL);
		ends_well(&t);
	}
}

/* --- MS-CHAP-V2 ----------------------------------------------------------------------------------- */

/* What the server makes of the response: its proof, with the Ident in front. */
static void prove(struct tunnel_test *t, const char *password, char proof[64])
{
	const struct want want[] = { { 0, 1, 10, "CORP\\alice" }, { 311, 11, 16, NULL },
		{ 311, 25, 50, NULL } };
	uint8_t challenge[17];
	struct passphrase p;
	struct bytes got[3];
	struct mschap m;
	struct err e;

	hear(t, want, 3, got);
	tls_server_export(t->server, "ttls challenge", (struct bytes){ NULL, 0 }, challenge,
		sizeof(challenge));
	const uint8_t *response = got[2].p;
	assert_memory_equal(got[1].p, challenge, 16);
	assert_int_equal(response[0], challenge[16]);
	assert_int_equal(response[1], 0);
	assert_true(passphrase_set(&p, password, strlen(password)));
	assert_ok(&e, mschap_compute(challenge, response + 2, "alice", &p, &m, &e));
	if (strcmp(password, "secret") == 0)
		assert_memory_equal(response + 26, m.nt_response, 24);
	proof[0] = (char)challenge[16];
	snprintf(proof + 1, 63, "%s", m.authenticator);
}

static void mschapv2(void **state)
{
	struct tunnel_test t;
	char proof[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		begin(&t, versions[i], TTLS_MSCHAPV2, "CORP\\alice", "secret");
		prove(&t, "secret", proof);
		assert_false(eap_may_end(t.eap));
		say(&t, 311, 26, (struct bytes){ proof, 43 });
		assert_int_equal(t.r.len, 6); /* an empty packet, section 11.2.4 */
		ends_well(&t);
	}
}

/* A server that does not know the password is none, whatever else it proved. */
static void mschapv2_unproved(void **state)
{
	struct tunnel_test t;
	char proof[64];

	(void)state;
	for (int i = 0; i < 6; i++) {
		begin(&t, versions[i % 2], TTLS_MSCHAPV2, "CORP\\alice", "secret");
		prove(&t, i == 0 ? "another" : "secret", proof);
		if (i == 1)
			proof[0] ^= 1; /* the Ident of another response */
		if (i == 2)
			tunnel_verdict(&t, EAP_SUCCESS);
		else if (i == 3)
			say(&t, 0, 18, BYTES("Welcome"));
		else
			say(&t, 311, 26, (struct bytes){ proof, i == 4 ? 40 : i == 5 ? 0 : 43 });
		tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH,
			i == 2 ? "before EAP-TTLS was finished" : "did not prove that it knows");
		assert_null(eap_msk(t.eap));
		tunnel_end(&t);
	}
}

static void mschapv2_refused(void **state)
{
	static const char error[] =
		"\7E=691 R=0 C=00112233445566778899AABBCCDDEEFF V=3 M=Who are you?";
	struct tunnel_test t;
	char proof[64];

	(void)state;
	begin(&t, TLS1_2_VERSION, TTLS_MSCHAPV2, "CORP\\alice", "secret");
	prove(&t, "secret", proof);
	say(&t, 311, 2, BYTES(error));
	tunnel_expect(
		&t, EAP_V_SEND, ERR_PEER, "refused CORP\\alice: the user name or the password");
	tunnel_verdict(&t, EAP_FAILURE);
	tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "Who are you?");
	tunnel_end(&t);
	/* And after its proof nothing is left to say. */
	begin(&t, TLS1_2_VERSION, TTLS_MSCHAPV2, "CORP\\alice", "secret");
	prove(&t, "secret", proof);
	say(&t, 311, 26, (struct bytes){ proof, 43 });
	say(&t, 311, 26, (struct bytes){ proof, 43 });
	tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "after its end");
	tunnel_end(&t);
}

/* --- EAP inside ----------------------------------------------------------------------------------- */

static void say_eap(struct tunnel_test *t, const char *spec)
{
	uint8_t packet[512];
	size_t n = script_octets(spec, packet, sizeof(packet));

	say(t, 0, 79, (struct bytes){ packet, n });
}

static void hear_eap(struct tunnel_test *t, const char *spec)
{
	uint8_t packet[512];
	size_t n = script_octets(spec, packet, sizeof(packet));

	hear(t, (const struct want[]){ { 0, 79, n, packet } }, 1, NULL);
}

#define MD5_CHALLENGE "01 07 @ 04 10 000102030405060708090a0b0c0d0e0f"
#define MD5_RESPONSE  "02 07 @ 04 10 7be366c6c674e0bfcf9e8f4b9ef7e82a 'User'"

static void eap_inside(void **state)
{
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		begin(&t, versions[i], TTLS_EAP, "User", "clientPass");
		hear_eap(&t, "02 00 @ 01 'User'");
		assert_false(eap_may_end(t.eap));
		say_eap(&t, MD5_CHALLENGE);
		hear_eap(&t, MD5_RESPONSE);
		ends_well(&t);
	}
}

static void eap_inside_asks(void **state)
{
	struct tunnel_test t;

	(void)state;
	tunnel_begin(&t, &(struct tunnel_spec){ .type = EAP_TTLS, .version = TLS1_2_VERSION });
	tunnel_until_asked(&t);
	assert_int_equal(t.r.ask.kind, ASK_USER);
	answer(&t, "User");
	tunnel_take(&t);
	hear_eap(&t, "02 00 @ 01 'User'");
	say_eap(&t, "01 05 @ 06 'Token code: '");
	tunnel_expect(&t, EAP_V_ASK, ERR_NONE, "");
	assert_string_equal(t.r.ask.prompt, "Token code: ");
	answer(&t, "424242");
	tunnel_take(&t);
	hear_eap(&t, "02 05 @ 06 '424242'");
	ends_well(&t);
	/* Who would not answer. */
	tunnel_begin(&t, &(struct tunnel_spec){ .type = EAP_TTLS, .version = TLS1_2_VERSION });
	tunnel_until_asked(&t);
	eap_answer(t.eap, NULL, &t.r);
	tunnel_expect(&t, EAP_V_FAILURE, ERR_CONFIG, "no user name was given");
	tunnel_end(&t);
}

/* The reason of the inner method is told, not only that the outer one failed. */
static void eap_inside_refused(void **state)
{
	struct tunnel_test t;

	(void)state;
	begin(&t, TLS1_2_VERSION, TTLS_EAP, "User", "clientPass");
	hear_eap(&t, "02 00 @ 01 'User'");
	say_eap(&t, CHALLENGE);
	say_eap(&t, "01 06 @ 1a 04 05 @ 'E=691 R=0'");
	tunnel_expect(&t, EAP_V_SEND, ERR_PEER, "refused User: ");
	tunnel_verdict(&t, EAP_FAILURE);
	tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "refused User: ");
	tunnel_end(&t);
	/* It is asked for again where the server allows it. */
	begin(&t, TLS1_2_VERSION, TTLS_EAP, "User", "clientPass");
	say_eap(&t, CHALLENGE);
	say_eap(&t,
		"01 06 @ 1a 04 05 @ 'E=691 R=1 "
		"C=5b5d7c7d7b3f2f3e3c2c602132262628'");
	tunnel_expect(&t, EAP_V_ASK, ERR_PEER, "refused User: ");
	eap_answer(t.eap, NULL, &t.r);
	tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "refused User: ");
	tunnel_end(&t);
}

/* Neither a success inside nor one outside takes the place of a method. */
static void success_without_method(void **state)
{
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		begin(&t, versions[i], TTLS_EAP, "User", "clientPass");
		tunnel_verdict(&t, EAP_SUCCESS);
		tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "before EAP-TTLS was finished");
		tunnel_end(&t);
		begin(&t, versions[i], TTLS_EAP, "User", "clientPass");
		say_eap(&t, "03 00 @");
		tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "before any method was finished");
		assert_null(eap_msk(t.eap));
		tunnel_end(&t);
	}
}

/* --- AVPs that are wrong -------------------------------------------------------------------------- */

static void avps(void **state)
{
	static const struct {
		const char *octets;
		const char *words; /* NULL: it is passed over, and what is right with it is taken */
	} rows[] = {
		{ "0000004f 40000007", "malformed" }, /* shorter than its head */
		{ "0000004f 40000000", "malformed" },
		{ "0000004f 4000", "malformed" },
		{ "0000004f 40ffffff 01", "malformed" },
		{ "0000004f c0000008 00000137", "malformed" }, /* no room for its vendor */
		{ "0000004f 40000009 01 000000 00", "malformed" },
		{ "000003e7 40000008", "insists on what is not known here (AVP 999 of vendor 0)" },
		{ "000003e7 c000000c 00000137", "(AVP 999 of vendor 311)" },
		{ "00000012 40000008 00000012 40000008", "there twice" },
		{ "000003e7 00000008", "does not go on with EAP" },
		{ "000003e7 00000009 01 000000 "
		  "0000004f 40000019 0107001104 0a 00010203040506070809 01 000000",
			NULL },
	};
	uint8_t octets[64];
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(&t, TLS1_2_VERSION, TTLS_EAP, "User", "clientPass");
		size_t n = test_hex(rows[i].octets, octets, sizeof(octets));
		tunnel_say(&t, (struct bytes){ octets, n });
		if (rows[i].words)
			tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, rows[i].words);
		else
			tunnel_expect(&t, EAP_V_SEND, ERR_NONE, "");
		tunnel_end(&t);
	}
}

/* Before the server proved itself it hears nothing of the user. */
static void told_to_nobody(void **state)
{
	static const enum eap_ttls ways[] = { TTLS_EAP, TTLS_PAP, TTLS_MSCHAPV2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways) * ARRAY_LEN(versions); i++) {
		tunnel_told_to_nobody(&(struct tunnel_spec){ .type = EAP_TTLS,
			.version = versions[i % 2],
			.ttls = ways[i / 2],
			.user = "alice",
			.password = "secret" });
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pap),
		cmocka_unit_test(pap_asked_for),
		cmocka_unit_test(mschapv2),
		cmocka_unit_test(mschapv2_unproved),
		cmocka_unit_test(mschapv2_refused),
		cmocka_unit_test(eap_inside),
		cmocka_unit_test(eap_inside_asks),
		cmocka_unit_test(eap_inside_refused),
		cmocka_unit_test(success_without_method),
		cmocka_unit_test(avps),
		cmocka_unit_test(told_to_nobody),
	};

	return cmocka_run_group_tests(tests, authority_make, authority_free);
}
