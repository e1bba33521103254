#include "lib/test.h"

#include "ike/id.h"
#include "lib/pki.h"

static const struct {
	const char *text;
	enum id_type type; /* ID_NONE: refused */
	const char *hex, *shown;
} rows[] = {
	{ "192.0.2.1", ID_IPV4_ADDR, "c0000201", "192.0.2.1" },
	{ "2001:db8::1", ID_IPV6_ADDR, "20010db8000000000000000000000001", "2001:db8::1" },
	{ "gw.example", ID_FQDN, "67772e6578616d706c65", "gw.example" },
	{ "@gw.example", ID_FQDN, "67772e6578616d706c65", "gw.example" },
	{ "a@b.example", ID_RFC822_ADDR, "6140622e6578616d706c65", "a@b.example" },
	{ "CN=gw", ID_DER_ASN1_DN, "300d310b300906035504030c026777", "CN=gw" },
	{ "dn:CN=gw", ID_DER_ASN1_DN, "300d310b300906035504030c026777", "CN=gw" },
	{ "keyid:group", ID_KEY_ID, "67726f7570", "keyid:group" },
	{ "KEYID:group", ID_KEY_ID, "67726f7570", "keyid:group" },
	{ "keyid:0x00ff", ID_KEY_ID, "00ff", "keyid:0x00ff" },
	{ "fqdn:192.0.2.1", ID_FQDN, "3139322e302e322e31", "192.0.2.1" },
	{ "email:plain", ID_RFC822_ADDR, "706c61696e", "plain" },
	{ "", ID_NONE, NULL, NULL },
	{ "keyid:", ID_NONE, NULL, NULL },
	{ "keyid:0x1", ID_NONE, NULL, NULL },
	{ "keyid:0x1g", ID_NONE, NULL, NULL },
	{ "fqdn:", ID_NONE, NULL, NULL },
	{ "two words", ID_NONE, NULL, NULL },
	{ "a/b", ID_NONE, NULL, NULL },
	{ "CN=", ID_NONE, NULL, NULL },
	{ "NOSUCH=x", ID_NONE, NULL, NULL },
};

static void parsing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct identity id;
		char text[ID_TEXT_MAX];
		uint8_t want[64];
		struct err e = { 0 };
		if (!rows[i].type) {
			assert_refused(&e, ERR_CONFIG, id_parse(&id, rows[i].text, &e));
			continue;
		}
		assert_ok(&e, id_parse(&id, rows[i].text, &e));
		if (id.type != rows[i].type)
			fail_msg("%s: type %u", rows[i].text, id.type);
		assert_int_equal(id.len, test_hex(rows[i].hex, want, sizeof(want)));
		assert_memory_equal(id.data, want, id.len);
		assert_string_equal(id_text(text, &id), rows[i].shown);
		assert_true(id_given(&id));
	}
}

static void longest(void **state)
{
	static char text[ID_DATA_MAX + 16];
	struct identity id;
	struct err e;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "keyid:", 6);
	text[6 + ID_DATA_MAX] = 0;
	assert_ok(&e, id_parse(&id, text, &e));
	assert_int_equal(id.len, ID_DATA_MAX);
	text[6 + ID_DATA_MAX] = 'a';
	text[7 + ID_DATA_MAX] = 0;
	assert_refused(&e, ERR_CONFIG, id_parse(&id, text, &e));
}

/* T-01: the body of an ID payload at every length. */
static void reading(void **state)
{
	static uint8_t body[4 + ID_DATA_MAX + 1];
	struct identity id;
	struct err e;

	(void)state;
	body[0] = ID_KEY_ID;
	for (size_t n = 0; n <= sizeof(body); n++) {
		bool ok = id_read(&id, (struct bytes){ body, n }, &e);
		assert_int_equal(ok, n > 4 && n <= 4 + ID_DATA_MAX);
		if (ok)
			assert_int_equal(id.len, n - 4);
	}
	body[0] = ID_IPV4_ADDR;
	for (size_t n = 5; n < 12; n++)
		assert_int_equal(id_read(&id, (struct bytes){ body, n }, &e), n == 8);
	body[0] = ID_IPV6_ADDR;
	for (size_t n = 5; n < 24; n++)
		assert_int_equal(id_read(&id, (struct bytes){ body, n }, &e), n == 20);
}

/* T-13: what a gateway calls itself is safe to print, whatever it is. */
static void printing(void **state)
{
	char text[ID_TEXT_MAX];
	struct identity id = { .type = ID_FQDN, .len = 9 };

	(void)state;
	memcpy(id.data, "gw\x1b[2J\n\0x", 9);
	assert_string_equal(id_text(text, &id), "gw?[2J ?x");
	id.type = 77;
	id_text(text, &id);
	assert_non_null(strstr(text, "77"));
	for (int type = 0; type < 256; type++)
		for (uint16_t n = 4; n <= ID_DATA_MAX; n = (uint16_t)(n * 4)) {
			id = (struct identity){ .type = (uint8_t)type, .len = n };
			memset(id.data, 0x1b, n);
			id_text(text, &id);
			assert_non_null(memchr(text, 0, sizeof(text)));
			assert_null(strchr(text, 0x1b));
		}
}

static bool same(const char *a, const char *b)
{
	struct identity x, y;

	assert_true(id_parse(&x, a, NULL) && id_parse(&y, b, NULL));
	return id_same(&x, &y);
}

static void comparing(void **state)
{
	(void)state;
	assert_true(same("GW.example", "gw.EXAMPLE"));
	assert_true(same("A@b.example", "a@B.example"));
	assert_false(same("gw.example", "gw.exampl"));
	assert_false(same("gw.example", "gw.examplf"));
	assert_false(same("keyid:a", "keyid:A"));
	assert_false(same("fqdn:a", "keyid:a"));
	assert_true(same("192.0.2.1", "192.0.2.1"));
	assert_false(same("192.0.2.1", "192.0.2.2"));
}

static void proving(void **state)
{
	static const struct {
		const char *id;
		bool proved;
	} claims[] = {
		{ "gw.example", true },
		{ "GW.example", true },
		{ "other.example", false },
		{ "192.0.2.1", true },
		{ "192.0.2.2", false },
		{ "2001:db8::1", false },
		{ "a@gw.example", true },
		{ "b@gw.example", false },
		{ "O=Test, CN=the gateway", true },
		{ "CN=the gateway", false },
		{ "keyid:gw.example", false },
	};
	EVP_PKEY *key = pki_key("ED25519", NULL);
	struct pki_spec spec = { .cn = "the gateway",
		.key = key,
		.san = "DNS:gw.example,IP:192.0.2.1,email:a@gw.example" };
	X509 *x = pki_issue(&spec, NULL, NULL);
	struct cert *c = pki_cert(x);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
		struct identity id;
		assert_true(id_parse(&id, claims[i].id, NULL));
		if (id_proved_by(&id, c) != claims[i].proved)
			fail_msg("%s", claims[i].id);
	}
	struct identity nul = { .type = ID_FQDN, .len = 13 };
	memcpy(nul.data, "gw.example\0.x", 13); /* a NUL does not end the name early */
	assert_false(id_proved_by(&nul, c));
	cert_free(c);
	X509_free(x);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing),
		cmocka_unit_test(longest),
		cmocka_unit_test(reading),
		cmocka_unit_test(printing),
		cmocka_unit_test(comparing),
		cmocka_unit_test(proving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
