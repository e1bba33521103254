#include "lib/test.h"

#include "ike/msg.h"

/* A header and what it is: SPIs, next, version, exchange, flags, message ID, length. */
#define HDR "0102030405060708 1112131415161718 21 20 22 08 00000005 0000001c"

static void header(void **state)
{
	uint8_t buf[IKE_HDR_LEN], again[IKE_HDR_LEN];
	struct wr w = wr_init(again, sizeof(again));
	struct ike_hdr h;
	struct err e;

	(void)state;
	assert_int_equal(test_hex(HDR, buf, sizeof(buf)), IKE_HDR_LEN);
	assert_ok(&e, ike_hdr_read(&h, (struct bytes){ buf, sizeof(buf) }, &e));
	assert_int_equal(h.spi_i[7], 8);
	assert_int_equal(h.spi_r[0], 0x11);
	assert_int_equal(h.next, PAYLOAD_SA);
	assert_int_equal(h.exchange, IKE_SA_INIT);
	assert_int_equal(h.flags, FLAG_INITIATOR);
	assert_int_equal(h.mid, 5);
	assert_int_equal(h.len, 28);
	ike_hdr_write(&w, &h);
	assert_false(w.bad);
	assert_memory_equal(buf, again, sizeof(buf));
}

/* T-05: all lengths below a header, and lengths that lie. */
static void header_refused(void **state)
{
	uint8_t buf[IKE_HDR_LEN + 1] = { 0 };
	struct ike_hdr h;
	struct err e;

	(void)state;
	test_hex(HDR, buf, IKE_HDR_LEN);
	for (size_t n = 0; n < IKE_HDR_LEN; n++)
		assert_refused(&e, ERR_DROP, ike_hdr_read(&h, (struct bytes){ buf, n }, &e));
	assert_refused(&e, ERR_DROP, ike_hdr_read(&h, (struct bytes){ buf, IKE_HDR_LEN + 1 }, &e));
	buf[17] = 0x21; /* a higher minor version is fine, section 2.5 */
	assert_ok(&e, ike_hdr_read(&h, (struct bytes){ buf, IKE_HDR_LEN }, &e));
	buf[17] = 0x10;
	assert_refused(&e, ERR_DROP, ike_hdr_read(&h, (struct bytes){ buf, IKE_HDR_LEN }, &e));
	buf[17] = 0x30;
	assert_refused(&e, ERR_DROP, ike_hdr_read(&h, (struct bytes){ buf, IKE_HDR_LEN }, &e));
}

static const struct chain_row {
	const char *name;
	uint8_t first;
	const char *hex;
	int n; /* payloads, -1: refused */
	enum err_kind kind;
	uint8_t inner;
} chains[] = {
	{ "none", 0, "", 0, ERR_NONE, 0 },
	{ "octets, but no payload", 0, "00000004", -1, ERR_DROP, 0 },
	{ "one, empty", 40, "00000004", 1, ERR_NONE, 0 },
	{ "two", 40, "29000005aa 00000008 00004000", 2, ERR_NONE, 0 },
	{ "length 3", 40, "00000003", -1, ERR_DROP, 0 },
	{ "length 0", 40, "00000000", -1, ERR_DROP, 0 },
	{ "length beyond the end", 40, "00000005", -1, ERR_DROP, 0 },
	{ "half a header", 40, "0000", -1, ERR_DROP, 0 },
	{ "the next is not there", 40, "29000004", -1, ERR_DROP, 0 },
	{ "octets behind", 40, "0000000400", -1, ERR_DROP, 0 },
	{ "unknown", 200, "00000004", 0, ERR_NONE, 0 },
	{ "unknown between two", 40, "c8000004 28000005aa 00000004", 2, ERR_NONE, 0 },
	{ "unknown and critical", 200, "00800004", -1, ERR_PEER, 0 },
	{ "known and critical: the bit says nothing", 40, "00800004", 1, ERR_NONE, 0 },
	{ "SK ends the chain", 46, "24000008aabbccdd", 1, ERR_NONE, 36 },
	{ "SKF ends the chain", 53, "00000008aabbccdd", 1, ERR_NONE, 0 },
	{ "something behind SK", 46, "24000004 00000004", -1, ERR_DROP, 0 },
};

static void chain(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
		const struct chain_row *r = &chains[i];
		uint8_t buf[64], inner = 0xff, unknown = 0;
		struct payloads p;
		struct err e = { 0 };
		size_t n = test_hex(r->hex, buf, sizeof(buf));
		bool ok =
			payloads_read(&p, r->first, (struct bytes){ buf, n }, &inner, &unknown, &e);
		if (ok != (r->n >= 0) || e.kind != r->kind || (ok && (int)p.n != r->n))
			fail_msg("%s: %d, %zu payloads, kind %d", r->name, ok, p.n, e.kind);
		if (ok)
			assert_int_equal(inner, r->inner);
		if (e.kind == ERR_PEER) {
			assert_int_equal(e.notify, UNSUPPORTED_CRITICAL_PAYLOAD);
			assert_int_equal(unknown, 200);
		}
	}
}

/* T-03b: 64 payloads are read, 65 are not; unknown ones count. */
static void many(void **state)
{
	uint8_t buf[4 * 65], inner, unknown;
	struct payloads p;
	struct err e;

	(void)state;
	for (int strange = 0; strange < 2; strange++)
		for (size_t count = 64; count <= 65; count++) {
			uint8_t type = strange ? 200 : PAYLOAD_V;
			struct wr w = wr_init(buf, sizeof(buf));
			for (size_t i = 0; i < count; i++) {
				wr_u16(&w, i + 1 < count ? type << 8 : 0);
				wr_u16(&w, 4);
			}
			bool ok = payloads_read(
				&p, type, (struct bytes){ buf, w.len }, &inner, &unknown, &e);
			assert_int_equal(ok, count == 64);
		}
}

static void finding(void **state)
{
	uint8_t buf[64], inner, unknown;
	struct payloads p;
	struct notify n;
	struct err e;

	(void)state;
	/* N(INITIAL_CONTACT), N(cut short), N(NO_PROPOSAL_CHOSEN, SPI, data), N(COOKIE) */
	size_t len = test_hex(
		"29000008 00004000 29000006 0000 2900000d 0304000e 01020304 ff 00000009 00004006 55",
		buf, sizeof(buf));
	assert_ok(
		&e, payloads_read(&p, PAYLOAD_N, (struct bytes){ buf, len }, &inner, &unknown, &e));
	assert_int_equal(p.n, 4);
	assert_non_null(payload_nth(&p, PAYLOAD_N, 3));
	assert_null(payload_nth(&p, PAYLOAD_N, 4));
	assert_null(payload_find(&p, PAYLOAD_SA));
	assert_int_equal(payloads_set(&p), PBIT(PAYLOAD_N));
	assert_true(notify_find(&p, COOKIE, &n));
	assert_int_equal(n.data.n, 1);
	assert_true(notify_find_error(&p, &n));
	assert_int_equal(n.type, NO_PROPOSAL_CHOSEN);
	assert_int_equal(n.protocol, 3);
	assert_int_equal(n.spi.n, 4);
	assert_int_equal(n.data.n, 1);
	assert_false(notify_find(&p, REKEY_SA, &n));
	assert_int_equal(payload_bit(32), 0);
	assert_int_equal(payload_bit(64), 0);
	assert_int_equal(payload_bit(33), 2);
}

/* The order of the calls is the order on the wire, and lengths and types are filled in. */
static void writing(void **state)
{
	static const char want[] = "0102030405060708 1112131415161718 29 20 25 20 00000009 00000036"
				   "2a00000c 0304400901020304 28000008 01000000 00000006 abcd";
	struct ike_hdr h = { .spi_i = { 1, 2, 3, 4, 5, 6, 7, 8 },
		.spi_r = { 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18 },
		.version = 0x20,
		.exchange = INFORMATIONAL,
		.flags = FLAG_RESPONSE,
		.mid = 9 };
	uint8_t buf[128], octets[128];
	size_t len, n = test_hex(want, octets, sizeof(octets));
	struct ikew k;

	(void)state;
	ikew_message(&k, buf, sizeof(buf), &h);
	ikew_notify(&k, 3, REKEY_SA, (struct bytes){ "\1\2\3\4", 4 }, (struct bytes){ 0 });
	ikew_payload(&k, PAYLOAD_D);
	wr_u8(&k.w, 1);
	wr_zeros(&k.w, 3);
	ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ "\xab\xcd", 2 });
	assert_true(ikew_end(&k, &len));
	assert_int_equal(len, n);
	assert_memory_equal(buf, octets, n);
}

static void writing_a_chain(void **state)
{
	uint8_t buf[16], big[12];
	struct ikew k;
	size_t len;

	(void)state;
	ikew_chain(&k, buf, sizeof(buf));
	assert_true(ikew_end(&k, &len));
	assert_int_equal(len, 0);
	assert_int_equal(k.first, PAYLOAD_NONE);
	ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ "\xab", 1 });
	assert_true(ikew_end(&k, &len));
	assert_int_equal(len, 5);
	assert_int_equal(k.first, PAYLOAD_NONCE);
	memset(big, 0, sizeof(big));
	ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ big, sizeof(big) });
	assert_false(ikew_end(&k, &len)); /* it does not fit */
	assert_int_equal(len, 0);
}

static void names(void **state)
{
	char text[NOTIFY_TEXT_MAX];

	(void)state;
	assert_string_equal(notify_text(text, NO_PROPOSAL_CHOSEN), "NO_PROPOSAL_CHOSEN (14)");
	assert_string_equal(notify_text(text, 40001), "notify 40001");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header),
		cmocka_unit_test(header_refused),
		cmocka_unit_test(chain),
		cmocka_unit_test(many),
		cmocka_unit_test(finding),
		cmocka_unit_test(writing),
		cmocka_unit_test(writing_a_chain),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
