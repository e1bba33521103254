/* EAP-TLS: RFC 5216 and RFC 9190. */
#include <openssl/ssl.h>

#include "base/types.h"
#include "tunnels.h"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* The key that the server would hand on. */
static void same_key(struct tunnel_test *t)
{
	const struct secret *msk = eap_msk(t->eap);
	bool tls13 = t->spec.version == TLS1_3_VERSION;
	uint8_t theirs[128], type = EAP_TLS;

	tls_server_export(t->server,
		tls13 ? "EXPORTER_EAP_TLS_Key_Material" : "client EAP encryption",
		tls13 ? (struct bytes){ &type, 1 } : (struct bytes){ NULL, 0 }, theirs,
		sizeof(theirs));
	assert_non_null(msk);
	assert_int_equal(msk->len, 64);
	assert_memory_equal(msk->data, theirs, 64);
}

static void good_ones(void **state)
{
	const size_t parts[] = { 1000, 90, 4000 };
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions) * ARRAY_LEN(parts); i++) {
		tunnel_begin(&t,
			&(struct tunnel_spec){ .type = EAP_TLS,
				.version = versions[i % 2],
				.part = parts[i / 2],
				.client_ca = pki.ca,
				.own = true });
		tunnel_handshake(&t);
		assert_true(tls_server_is_up(t.server));
		assert_true(t.parts > 3); /* ours did not go into one packet either */
		if (versions[i % 2] == TLS1_3_VERSION) {
			assert_false(eap_may_end(t.eap));
			tunnel_say(&t, (struct bytes){ "\0", 1 });
		}
		assert_int_equal(t.r.len, 6); /* an acknowledgement */
		assert_true(eap_may_end(t.eap));
		assert_null(eap_msk(t.eap));
		tunnel_verdict(&t, EAP_SUCCESS);
		tunnel_expect(&t, EAP_V_SUCCESS, ERR_NONE, "");
		same_key(&t);
		tunnel_end(&t);
	}
}

static void no_certificate_asked_for(void **state)
{
	struct tunnel_test t;

	(void)state;
	tunnel_begin(&t, &(struct tunnel_spec){ .type = EAP_TLS, .version = TLS1_2_VERSION });
	tunnel_handshake(&t);
	assert_non_null(strstr(t.r.log, "EAP-TLS: TLSv1.2, ECDHE"));
	tunnel_verdict(&t, EAP_SUCCESS);
	same_key(&t);
	tunnel_end(&t);
}

/* A success that comes before the server's last word is none, wherever it comes. */
static void early_success(void **state)
{
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct tunnel_spec spec = { .type = EAP_TLS, .version = versions[i] };
		tunnel_begin(&t, &spec);
		tunnel_ask(&t, (struct bytes){ "\x20", 1 });
		tunnel_verdict(&t, EAP_SUCCESS);
		tunnel_expect(
			&t, EAP_V_FAILURE, ERR_AUTH, "EAP-Success before EAP-TLS was finished");
		tunnel_end(&t);
		if (versions[i] == TLS1_2_VERSION)
			continue;
		/* RFC 9190 section 2.5: ours is through here, the server's perhaps is not. */
		tunnel_begin(&t, &spec);
		tunnel_handshake(&t);
		assert_true(tls_server_is_up(t.server));
		tunnel_verdict(&t, EAP_SUCCESS);
		tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "before EAP-TLS was finished");
		assert_null(eap_msk(t.eap));
		tunnel_end(&t);
	}
}

static void said_inside(void **state)
{
	static const char *const wrong[] = { "\1", "\0\0", "hello" };
	static const size_t len[] = { 1, 2, 5 };
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(wrong); i++) {
		tunnel_begin(
			&t, &(struct tunnel_spec){ .type = EAP_TLS, .version = versions[i % 2] });
		tunnel_handshake(&t);
		tunnel_say(&t, (struct bytes){ wrong[i / 2], len[i / 2] });
		tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, i % 2 ? "inside of" : "after its end");
		tunnel_end(&t);
	}
	/* After the octet that ends it. */
	tunnel_begin(&t, &(struct tunnel_spec){ .type = EAP_TLS });
	tunnel_handshake(&t);
	tunnel_say(&t, (struct bytes){ "\0", 1 });
	tunnel_say(&t, (struct bytes){ "\0", 1 });
	tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "after its end");
	tunnel_end(&t);
}

/* The server is told, and whatever it says to that, it is not the right one. */
static void not_believed(struct tunnel_spec spec, enum eap_code verdict, const char *words)
{
	struct tunnel_test t;

	spec.type = EAP_TLS;
	spec.client_ca = pki.ca;
	spec.own = true;
	tunnel_begin(&t, &spec);
	tunnel_handshake(&t);
	tunnel_expect(&t, EAP_V_SEND, ERR_AUTH, words);
	assert_true(t.server_failed);
	assert_false(eap_may_end(t.eap));
	assert_true(t.parts <= 2 + 1); /* our certificate, which needs two more, was not sent */
	tunnel_verdict(&t, verdict);
	if (verdict == EAP_FAILURE)
		tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, words);
	else
		tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "EAP-Success before");
	assert_null(eap_msk(t.eap));
	tunnel_end(&t);
	if (spec.cert && verdict == EAP_SUCCESS)
		X509_free(spec.cert);
}

static void servers_not_believed(void **state)
{
	struct pki_spec named = { .cn = "radius", .san = "DNS:radius.example", .key = pki.key };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct tunnel_spec named_other = { .version = versions[i], .server = "x.example" };
		struct tunnel_spec of_other = { .version = versions[i],
			.cert = pki_issue(&named, pki.other_ca, pki.key) };
		struct tunnel_spec by_itself = { .version = versions[i],
			.cert = pki_issue(&named, NULL, NULL) };
		not_believed(named_other, EAP_FAILURE, "and the profile wants x.example");
		not_believed(named_other, EAP_SUCCESS, "and the profile wants x.example");
		not_believed(of_other, EAP_FAILURE, "neither sent nor is trusted");
		not_believed(of_other, EAP_SUCCESS, "neither sent nor is trusted");
		not_believed(by_itself, EAP_FAILURE, "signed itself");
		not_believed(by_itself, EAP_SUCCESS, "signed itself");
	}
}

static void not_accepted(void **state)
{
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		tunnel_begin(&t,
			&(struct tunnel_spec){ .type = EAP_TLS,
				.version = versions[i],
				.client_ca = pki.other_ca,
				.own = true });
		tunnel_handshake(&t);
		tunnel_expect(&t, EAP_V_SEND, ERR_PEER,
			"refused TLS: unknown_ca: it does not know the CA that issued our");
		assert_int_equal(t.r.len, 6); /* taken note of */
		tunnel_verdict(&t, EAP_FAILURE);
		tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "unknown_ca");
		tunnel_end(&t);
	}
}

/* The same request once more gets the same answer, and TLS does not see it twice. */
static void repeated(void **state)
{
	static uint8_t octets[65536];
	uint8_t packet[EAP_PACKET_MAX], said[EAP_PACKET_MAX];
	struct tunnel_test t;

	(void)state;
	tunnel_begin(&t, &(struct tunnel_spec){ .type = EAP_TLS, .version = TLS1_2_VERSION });
	tunnel_start(&t);
	size_t n = tls_server_output(t.server, octets + 1, sizeof(octets) - 1) + 1;
	octets[0] = 0;
	tunnel_ask(&t, (struct bytes){ octets, n });
	size_t len = t.r.len;
	memcpy(said, t.r.out, len);
	assert_true(len > 60);
	struct wr w = wr_init(packet, sizeof(packet));
	wr_u8(&w, EAP_REQUEST);
	wr_u8(&w, t.id);
	wr_u16(&w, (uint16_t)(5 + n));
	wr_u8(&w, EAP_TLS);
	wr_bytes(&w, octets, n);
	eap_input(t.eap, (struct bytes){ packet, w.len }, &t.r);
	assert_int_equal(t.r.verdict, EAP_V_SEND);
	assert_int_equal(t.r.len, len);
	assert_memory_equal(t.r.out, said, len);
	do
		tunnel_take(&t);
	while ((n = tls_server_output(t.server, octets, sizeof(octets))) > 0 &&
		(tunnel_message(&t, (struct bytes){ octets, n }), true));
	tunnel_verdict(&t, EAP_SUCCESS);
	same_key(&t);
	tunnel_end(&t);
}

/* --- packets that are wrong ----------------------------------------------------------------------- */

#define OCTETS(s)                  \
	{                          \
		(s), sizeof(s) - 1 \
	}

static void malformed(void **state)
{
	static const struct {
		struct bytes first, then; /* then: behind a start, where first is empty */
		const char *words;
	} rows[] = {
		{ OCTETS("\0"), { NULL, 0 }, "comes before the start" },
		{ OCTETS("\x40\x16"), { NULL, 0 }, "comes before the start" },
		{ { "", 0 }, OCTETS(""), "is cut short" },
		{ { "", 0 }, OCTETS("\x80\0\0\1"), "is cut short" },
		{ { "", 0 }, OCTETS("\x20"), "starts anew" },
		{ { "", 0 }, OCTETS("\x40"), "is empty, with more to come" },
		{ { "", 0 }, OCTETS("\xc0\0\0\0\5"), "is empty, with more to come" },
		{ { "", 0 }, OCTETS("\xc0\0\1\0\1\x16"), "a message that is too long" },
		{ { "", 0 }, OCTETS("\xc0\xff\xff\xff\xff\x16"), "a message that is too long" },
		{ { "", 0 }, OCTETS("\xc0\0\0\0\1\x16"), "does not fit the length" },
		{ { "", 0 }, OCTETS("\xc0\0\0\0\1\x16\3"), "does not fit the length" },
	};
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		tunnel_begin(&t, &(struct tunnel_spec){ .type = EAP_TLS });
		if (rows[i].first.n > 0) {
			tunnel_ask(&t, rows[i].first);
		} else {
			tunnel_start(&t);
			tunnel_ask(&t, rows[i].then);
		}
		tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, rows[i].words);
		tunnel_end(&t);
	}
}

/* Whoever goes on after our alert is still the wrong one. */
static void goes_on_after_alert(void **state)
{
	static const char *const more[] = { "\0", "\x20" };
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		tunnel_begin(&t, &(struct tunnel_spec){ .type = EAP_TLS, .server = "x.example" });
		tunnel_handshake(&t);
		tunnel_ask(&t, (struct bytes){ more[i], 1 });
		tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "and the profile wants x.example");
		tunnel_end(&t);
	}
}

/* Of a message in several packets. */
static void malformed_later(void **state)
{
	static const struct {
		struct bytes first, second;
		const char *words;
	} rows[] = {
		{ OCTETS("\xc0\0\0\0\5\x16\3"), OCTETS("\xc0\0\0\0\6\3\0"), "another length" },
		{ OCTETS("\xc0\0\0\0\5\x16\3"), OCTETS("\0\3"), "does not fit the length" },
		{ OCTETS("\xc0\0\0\0\5\x16\3"), OCTETS("\0\3\0\1\0"), "does not fit the length" },
		{ OCTETS("\xc0\0\0\0\5\x16\3"), OCTETS("\x40\3\0\1\0"), "does not fit the length" },
		{ OCTETS("\xc0\0\0\0\5\x16\3"), OCTETS("\x40"), "is empty" },
		{ OCTETS("\xc0\0\0\0\5\x16\3"), OCTETS("\x60\3"), "starts anew" },
	};
	struct tunnel_test t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		tunnel_begin(&t, &(struct tunnel_spec){ .type = EAP_TLS });
		tunnel_start(&t);
		tunnel_ask(&t, rows[i].first);
		tunnel_expect(&t, EAP_V_SEND, ERR_NONE, "");
		assert_int_equal(t.r.len, 6);
		tunnel_ask(&t, rows[i].second);
		tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, rows[i].words);
		tunnel_end(&t);
	}
}

/* It does not end, whatever its lengths say. */
static void without_end(void **state)
{
	static uint8_t packet[EAP_PACKET_MAX - 5] = { 0x40, 0x16, 3, 3 };
	struct tunnel_test t;
	unsigned n = 0;

	(void)state;
	tunnel_begin(&t, &(struct tunnel_spec){ .type = EAP_TLS });
	tunnel_start(&t);
	while (t.r.verdict == EAP_V_SEND && n++ < 1000)
		tunnel_ask(&t, (struct bytes){ packet, sizeof(packet) });
	tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "a message that is too long");
	assert_int_equal(n, 65536 / (sizeof(packet) - 1) + 1);
	tunnel_end(&t);
}

/* The server does not wait until it has all of our message. */
static void interrupted(void **state)
{
	static uint8_t octets[65536];
	struct tunnel_test t;
	size_t n;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		tunnel_begin(&t,
			&(struct tunnel_spec){ .type = EAP_TLS,
				.version = TLS1_2_VERSION,
				.client_ca = pki.ca,
				.own = true });
		tunnel_start(&t);
		n = tls_server_output(t.server, octets, sizeof(octets));
		tunnel_message(&t, (struct bytes){ octets, n });
		assert_int_equal(t.r.out[5] & 0x40, 0x40);
		tunnel_ask(
			&t, i == 0 ? (struct bytes){ "\0\x16", 2 } : (struct bytes){ "\x40", 1 });
		tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "does not wait for all of ours");
		tunnel_end(&t);
	}
}

static void garbage(void **state)
{
	struct tunnel_test t;

	(void)state;
	tunnel_begin(&t, &(struct tunnel_spec){ .type = EAP_TLS });
	tunnel_start(&t);
	tunnel_ask(&t, (struct bytes){ "\0GET / HTTP/1.0", 15 });
	tunnel_expect(&t, EAP_V_SEND, ERR_PEER, "TLS with the EAP server");
	tunnel_ask(&t, (struct bytes){ "\0", 1 });
	tunnel_expect(&t, EAP_V_FAILURE, ERR_PEER, "TLS with the EAP server");
	tunnel_end(&t);
}

static void not_configured(void **state)
{
	uint8_t type = EAP_TLS;
	struct eap_config c = { .user = "", .methods = &type, .n_methods = 1 };
	struct rng rng = { .left = 0 };
	struct err e;

	(void)state;
	assert_refused(&e, ERR_CONFIG, eap_new(&c, &rng, &e) != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(no_certificate_asked_for),
		cmocka_unit_test(early_success),
		cmocka_unit_test(said_inside),
		cmocka_unit_test(servers_not_believed),
		cmocka_unit_test(not_accepted),
		cmocka_unit_test(repeated),
		cmocka_unit_test(malformed),
		cmocka_unit_test(goes_on_after_alert),
		cmocka_unit_test(malformed_later),
		cmocka_unit_test(without_end),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(garbage),
		cmocka_unit_test(not_configured),
	};

	return cmocka_run_group_tests(tests, authority_make, authority_free);
}
