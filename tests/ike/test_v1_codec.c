#include "../../src/ike/v1_sa.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>

static uint8_t buf[8192];

static struct bytes only_body(struct ikew *k, struct payloads *p, uint8_t type)
{
	size_t len, used;
	struct err e;

	assert_true(ikew_end(k, &len));
	assert_ok(&e, v1_payloads_read(p, k->first, (struct bytes){ buf, len }, &used, &e));
	assert_int_equal(used, len);
	assert_int_equal(p->n, 1);
	assert_int_equal(p->v[0].type, type);
	return p->v[0].body;
}

static struct proposals parse(enum protocol_id proto, const char *text)
{
	struct proposals p;
	struct err e;

	assert_ok(&e, prop_parse(&p, proto, TIER_LEGACY, text, &e));
	return p;
}

static size_t transforms(const struct proposals *p, bool phase1)
{
	struct suite s;
	size_t n = 0;

	while (v1_combination(p, phase1, n, &s))
		n++;
	return n;
}

/* RFC 2408 section 3.4 ff., RFC 2409 appendix A, written out by hand. */
static void phase1_proposal_on_the_wire(void **state)
{
	struct proposals p = parse(PROTO_IKE, "aes128-sha1-modp1024");
	struct payloads got;
	uint8_t want[128];
	struct ikew k;

	(void)state;
	ikew_chain(&k, buf, sizeof(buf));
	v1_sa_write_phase1(&k, &p, NULL, V1_XAUTH_PSK, SECONDS(86400));
	struct bytes body = only_body(&k, &got, V1P_SA);
	size_t n = test_hex(
		"00000001 00000001"
		"00000030 01 01 00 01"
		"00000028 01 01 0000 80010007 800e0080 80020002 80040002 8003fde9 800b0001 000c0004 00015180",
		want, sizeof(want));
	assert_int_equal(body.n, n);
	assert_memory_equal(body.p, want, n);
}

static void phase2_proposal_on_the_wire(void **state)
{
	struct proposals p = parse(PROTO_ESP, "aes256-sha256");
	struct v1_esp_form f = {
		.mode = SA_TRANSPORT, .encap = true, .natt = NATT_RFC, .life.ms = SECONDS(3600)
	};
	struct payloads got;
	uint8_t want[128];
	struct ikew k;

	(void)state;
	ikew_chain(&k, buf, sizeof(buf));
	v1_sa_write_phase2(&k, &p, &f, 0xdeadbeef);
	struct bytes body = only_body(&k, &got, V1P_SA);
	size_t n = test_hex(
		"00000001 00000001"
		"0000002c 01 03 04 01 deadbeef"
		"00000020 01 0c 0000 80060100 80050005 80040004 80010001 00020004 00000e10",
		want, sizeof(want));
	assert_int_equal(body.n, n);
	assert_memory_equal(body.p, want, n);
}

/* A gateway's answer, read against what was offered. */
static void only_what_was_offered(void **state)
{
	struct proposals ours = parse(PROTO_IKE, "aes256-sha256-modp2048"),
			 others[] = { parse(PROTO_IKE, "aes128-sha256-modp2048"),
				 parse(PROTO_IKE, "aes256-sha1-modp2048"),
				 parse(PROTO_IKE, "aes256-sha256-modp1024") };
	struct payloads got;
	struct v1_terms t;
	struct ikew k;
	struct err e;

	(void)state;
	ikew_chain(&k, buf, sizeof(buf));
	v1_sa_write_phase1(&k, &ours, NULL, V1_PSK, SECONDS(60));
	assert_ok(&e, v1_sa_read_phase1(only_body(&k, &got, V1P_SA), &ours, &t, &e));
	assert_int_equal(t.method, V1_PSK);
	assert_int_equal(t.life.ms, SECONDS(60));
	assert_string_equal(t.suite.encr->name, "aes256");
	assert_string_equal(t.suite.integ->name, "sha256");
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		ikew_chain(&k, buf, sizeof(buf));
		v1_sa_write_phase1(&k, &others[i], NULL, V1_PSK, 0);
		assert_refused(&e, ERR_PEER,
			v1_sa_read_phase1(only_body(&k, &got, V1P_SA), &ours, &t, &e));
	}
	/* two transforms are no choice */
	struct proposals two = parse(PROTO_IKE, "aes256-sha256-sha1-modp2048");
	ikew_chain(&k, buf, sizeof(buf));
	v1_sa_write_phase1(&k, &two, NULL, V1_PSK, 0);
	assert_refused(&e, ERR_PEER, v1_sa_read_phase1(only_body(&k, &got, V1P_SA), &two, &t, &e));
}

static struct selector udp(const char *host, uint16_t port)
{
	struct selector s;
	struct prefix p;

	assert_true(prefix_parse(&p, host));
	selector_from_prefix(&s, &p);
	s.proto = 17;
	if (port)
		s.port_lo = s.port_hi = port;
	return s;
}

/* What gateways answer to the IDs of L2TP (RFC 3193 section 4, RFC 3947 section 5.2). */
static void transport_mode_ids(void **state)
{
	static const struct {
		const char *what, *offered, *answer; /* answer: an ID payload's body */
		uint16_t port;
		enum sa_mode mode;
		const char *agreed; /* NULL: refused */
	} rows[] = {
		{ "the same", "192.0.2.1", "01 11 06a5 c0000201", 1701, SA_TRANSPORT,
			"192.0.2.1[udp/1701]" },
		{ "an ephemeral port", "192.0.2.1", "01 11 c351 c0000201", 50001, SA_TRANSPORT,
			"192.0.2.1[udp/50001]" },
		{ "its address behind NAT", "192.0.2.1", "01 11 06a5 0a000001", 1701, SA_TRANSPORT,
			"192.0.2.1[udp/1701]" },
		{ "a subnet", "192.0.2.1", "04 11 06a5 0a000000 ffffff00", 1701, SA_TRANSPORT,
			"192.0.2.1[udp/1701]" },
		{ "any port", "192.0.2.1", "01 11 0000 c0000201", 1701, SA_TRANSPORT,
			"192.0.2.1[udp/1701]" },
		{ "any port of ours", "192.0.2.1", "01 11 0000 c0000201", 50001, SA_TRANSPORT,
			"192.0.2.1[udp/50001]" },
		{ "any protocol", "192.0.2.1", "01 00 0000 c0000201", 1701, SA_TRANSPORT,
			"192.0.2.1[udp/1701]" },
		{ "one port out of all", "192.0.2.1", "01 11 06a5 c0000201", 0, SA_TRANSPORT,
			"192.0.2.1[udp/1701]" },
		{ "another port", "192.0.2.1", "01 11 06a6 c0000201", 1701, SA_TRANSPORT, NULL },
		{ "another protocol", "192.0.2.1", "01 06 06a5 c0000201", 1701, SA_TRANSPORT,
			NULL },
		{ "a name", "192.0.2.1", "02 11 06a5 61626364", 1701, SA_TRANSPORT, NULL },
		{ "cut short", "192.0.2.1", "01 11 06a5 c00002", 1701, SA_TRANSPORT, NULL },
		{ "tunnel: another host", "192.0.2.1", "01 11 06a5 0a000001", 1701, SA_TUNNEL,
			NULL },
		{ "tunnel: any port", "192.0.2.1", "01 11 0000 c0000201", 1701, SA_TUNNEL, NULL },
		{ "tunnel: a part", "192.0.2.0/24", "01 11 06a5 c0000201", 1701, SA_TUNNEL,
			"192.0.2.1[udp/1701]" },
	};
	char text[SELECTOR_TEXT_MAX];
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct selector s = udp(rows[i].offered, rows[i].port);
		size_t n = test_hex(rows[i].answer, buf, sizeof(buf));
		bool ok = v1_selector_narrow(&s, (struct bytes){ buf, n }, rows[i].mode, &e);
		if (ok != (rows[i].agreed != NULL))
			fail_msg("%s: %s", rows[i].what, ok ? "agreed to" : e.text);
		if (ok)
			assert_string_equal(selector_text(text, &s), rows[i].agreed);
		else
			assert_int_equal(e.notify, V1_INVALID_ID_INFORMATION);
	}
}

static void nat_original_addresses(void **state)
{
	static const char *const wrong[] = { "", "01", "01 000000", "01 000000 c00002",
		"01 000000 c0000201 00", "02 000000 c0000201", "04 000000 c0000201 ffffffff",
		"05 000000 c0000201" };
	struct payloads got;
	struct addr a, b;
	struct ikew k;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++)
		for (enum v1_natt natt = NATT_DRAFT; natt <= NATT_RFC; natt++) {
			assert_true(addr_parse(&a, v6 ? "2001:db8::1" : "192.0.2.1"));
			ikew_chain(&k, buf, sizeof(buf));
			v1_nat_oa_write(&k, natt, &a);
			assert_int_equal(k.first, natt == NATT_RFC ? 21 : 131);
			assert_true(v1_nat_oa_read(only_body(&k, &got, V1P_NAT_OA), &b));
			assert_true(addr_same(&a, &b));
		}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		size_t n = test_hex(wrong[i], buf, sizeof(buf));
		assert_false(v1_nat_oa_read((struct bytes){ buf, n }, &b));
	}
}

static void mode_and_group_have_to_fit(void **state)
{
	struct proposals ours = parse(PROTO_ESP, "aes128-sha256");
	struct v1_esp_form f = { .mode = SA_TUNNEL }, g = { .mode = SA_TRANSPORT },
			   h = { .mode = SA_TUNNEL,
				   .group = alg_by_name(TRANSFORM_KE, "modp2048") },
			   u = { .mode = SA_TUNNEL, .encap = true };
	struct v1_esp_form *forms[] = { &f, &g, &h, &u };
	struct payloads got;
	struct v1_terms t;
	struct ikew k;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		ikew_chain(&k, buf, sizeof(buf));
		v1_sa_write_phase2(&k, &ours, forms[i], 4711);
		struct bytes body = only_body(&k, &got, V1P_SA);
		for (size_t j = 0; j < ARRAY_LEN(forms); j++) {
			bool ok = v1_sa_read_phase2(body, &ours, forms[j], false, &t, &e);
			assert_int_equal(ok, i == j);
			assert_true(!ok || t.spi == 4711);
		}
	}
}

static void defaults_are_few(void **state)
{
	struct proposals p;
	struct err e;

	(void)state;
	for (int tier = TIER_DEFAULT; tier <= TIER_LEGACY; tier++)
		for (int aggressive = 0; aggressive < 2; aggressive++) {
			prop_default_v1(&p, PROTO_IKE, (enum tier)tier, aggressive);
			assert_in_range(transforms(&p, true), 2, 12);
			assert_ok(&e, prop_check_v1(&p, PROTO_IKE, &e));
			prop_default_v1(&p, PROTO_ESP, (enum tier)tier, aggressive);
			assert_in_range(transforms(&p, false), 3, 12);
			assert_ok(&e, prop_check_v1(&p, PROTO_ESP, &e));
			prop_last_resort(&p, true, aggressive);
			assert_in_range(transforms(&p, true), 4, 12);
		}
	p = parse(PROTO_IKE, "aes256-sha256-x25519-x448");
	assert_ok(&e, prop_check_v1(&p, PROTO_IKE, &e));
	p = parse(PROTO_IKE, "aes256gcm16-prfsha256-modp2048");
	assert_refused(&e, ERR_CONFIG, prop_check_v1(&p, PROTO_IKE, &e));
	p = parse(PROTO_ESP, "chacha20poly1305");
	assert_refused(&e, ERR_CONFIG, prop_check_v1(&p, PROTO_ESP, &e));
}

/* Strongest first. What old gateways insist on stands behind and takes no second packet or try: Meraki
 * and Cisco know 3des-sha1-modp1024, Windows Server aes256-sha1-modp2048. */
static void legacy_is_all_in_one_packet(void **state)
{
	static const char *const order[] = { "aes256-sha384-ecp384", "aes256-sha256-ecp256",
		"aes256-sha256-modp3072", "aes128-sha256-ecp256", "aes128-sha256-modp3072",
		"aes256-sha256-modp2048", "aes128-sha256-modp2048", "aes256-sha1-modp2048",
		"aes128-sha1-modp2048", "3des-sha1-modp2048", "aes256-sha1-modp1024",
		"3des-sha1-modp1024" };
	struct ike_config cfg = { .fragmentation = true, .xauth = true };
	struct proposals p;
	struct suite s;
	char text[64];
	struct ikew k;
	size_t len;

	(void)state;
	prop_default_v1(&p, PROTO_IKE, TIER_LEGACY, false);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		assert_true(v1_combination(&p, true, i, &s));
		snprintf(text, sizeof(text), "%s-%s-%s", s.encr->name, s.integ->name, s.ke->name);
		assert_string_equal(text, order[i]);
	}
	assert_int_equal(transforms(&p, true), ARRAY_LEN(order));
	ikew_chain(&k, buf, sizeof(buf));
	v1_sa_write_phase1(&k, &p, NULL, V1_PSK, SECONDS(28800));
	v1_vendor_write(&k, &cfg);
	assert_true(ikew_end(&k, &len));
	assert_true(len < 1000);
}

/* As many transforms as go into buf, each with a group that nobody has. */
static struct bytes endless_proposal(void)
{
	enum { TRANSFORM_ROOM = 64 };
	struct wr w = wr_init(buf, sizeof(buf));

	wr_u32(&w, DOI_IPSEC);
	wr_u32(&w, 1);
	size_t proposal_at = w.len;
	wr_zeros(&w, 4);
	wr_u8(&w, 1);
	wr_u8(&w, PROTO_IKE);
	wr_u16(&w, 0);
	while (w.len + TRANSFORM_ROOM < w.cap) {
		size_t at = w.len;
		wr_zeros(&w, 5);
		wr_u8(&w, 1); /* KEY_IKE */
		wr_u16(&w, 0);
		v1_attr_short(&w, 1, 7); /* AES */
		v1_attr_short(&w, 14, 256);
		v1_attr_short(&w, 2, 4); /* SHA2-256 */
		v1_attr_short(&w, 4, 1);
		v1_attr_short(&w, 3, V1_PSK);
		wr_patch_u16(&w, at + 2, (uint16_t)(w.len - at));
	}
	wr_patch_u16(&w, proposal_at + 2, (uint16_t)(w.len - proposal_at));
	assert_false(w.bad);
	return (struct bytes){ buf, w.len };
}

/* Anybody can send it in the gateway's name. */
static void many_transforms(void **state)
{
	struct bytes body = endless_proposal();
	struct proposals accepted;
	struct v1_terms t;
	struct err e;

	(void)state;
	prop_accepted_v1(&accepted, TIER_LEGACY);
	assert_refused(&e, ERR_PEER, v1_sa_choose_phase1(body, &accepted, V1_PSK, &t, &e));
}

static void selectors(void **state)
{
	static const struct {
		const char *body;
		const char *text; /* NULL: refused */
	} rows[] = {
		{ "01 00 0000 0a000001", "10.0.0.1" },
		{ "01 11 06a5 0a000001", "10.0.0.1[udp/1701]" },
		{ "04 00 0000 0a000000 ff000000", "10.0.0.0/8" },
		{ "04 00 0000 0a000000 ff00ff00", NULL },
		{ "07 00 0000 0a000001 0a000009", "10.0.0.1-10.0.0.9" },
		{ "07 00 0000 0a000009 0a000001", NULL },
		{ "04 00 0000 0a000000", NULL },
		{ "01 00 0000 0a0000", NULL },
		{ "01 00 0000 0a00000101", NULL },
		{ "02 00 0000 61", NULL },
		{ "", NULL },
	};
	char text[SELECTOR_TEXT_MAX];
	struct selector s, again;
	struct payloads got;
	uint8_t body[64];
	struct ikew k;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = test_hex(rows[i].body, body, sizeof(body));
		bool ok = v1_selector_read((struct bytes){ body, n }, &s, &e);
		assert_int_equal(ok, rows[i].text != NULL);
		if (!ok)
			continue;
		assert_string_equal(selector_text(text, &s), rows[i].text);
		ikew_chain(&k, buf, sizeof(buf));
		v1_selector_write(&k, &s);
		struct bytes wire = only_body(&k, &got, V1P_ID);
		assert_int_equal(wire.n, n);
		assert_memory_equal(wire.p, body, n);
		assert_ok(&e, v1_selector_read(wire, &again, &e));
		assert_true(selector_same(&s, &again));
	}
}

/* T-07: payloads of the other version, T-01: lengths. */
static void chains_refused(void **state)
{
	static const struct {
		uint8_t first;
		const char *hex;
	} rows[] = {
		{ PAYLOAD_SA, "00000004" },
		{ PAYLOAD_SK, "00000008 00000000" },
		{ V1P_SA, "21000004 00000004" },
		{ V1P_SA, "00000003" },
		{ V1P_SA, "00000000" },
		{ V1P_SA, "00000005" },
		{ V1P_SA, "0000ffff" },
		{ V1P_SA, "00010004" },
		{ V1P_SA, "0000" },
		{ V1P_SA, "" },
		{ V1P_SA, "01000004" },
	};
	uint8_t data[64];
	struct payloads p;
	size_t used;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = test_hex(rows[i].hex, data, sizeof(data));
		assert_refused(&e, ERR_DROP,
			v1_payloads_read(&p, rows[i].first, (struct bytes){ data, n }, &used, &e));
	}
	/* more than there is room for */
	memset(buf, 0, sizeof(buf));
	for (size_t i = 0; i < 100; i++) {
		buf[4 * i] = V1P_VID;
		buf[4 * i + 3] = 4;
	}
	assert_refused(
		&e, ERR_DROP, v1_payloads_read(&p, V1P_VID, (struct bytes){ buf, 400 }, &used, &e));
}

/* Fragments, T-03 and T-04: in any order, and everything that does not fit together. */
static void fragments(void **state)
{
	struct kept cut = { 0 };
	struct v1_fragments *slot = NULL;
	uint8_t message[4000], *whole = NULL;
	size_t len = 0;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 7);
	assert_true(v1_cut((struct bytes){ message, sizeof(message) }, 1248, true, 9, &cut));
	assert_int_equal(cut.n, 4);
	for (size_t i = cut.n; i-- > 0;) {
		assert_int_equal(cut.v[i].data[16], V1P_FRAGMENT);
		assert_true(cut.v[i].len <= 1248);
		struct bytes body = { cut.v[i].data + IKE_HDR_LEN + 4,
			cut.v[i].len - IKE_HDR_LEN - 4 };
		assert_null(whole);
		assert_ok(&e, v1_reassemble(&slot, body, &whole, &len, &e));
		if (i == 2) /* again */
			assert_refused(&e, ERR_DROP, v1_reassemble(&slot, body, &whole, &len, &e));
	}
	assert_non_null(whole);
	assert_int_equal(len, sizeof(message));
	assert_memory_equal(whole, message, len);
	free(whole);
	kept_free(&cut);
	assert_null(slot);
	static const char *const bad[] = { "", "0001", "000100 01", "0001 00 00 61", "0001 01 01" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t n = test_hex(bad[i], message, sizeof(message));
		assert_refused(&e, ERR_DROP,
			v1_reassemble(&slot, (struct bytes){ message, n }, &whole, &len, &e));
	}
	/* a last one that is not the last, then another last one */
	assert_ok(&e, v1_reassemble(&slot, (struct bytes){ "\0\5\3\0x", 5 }, &whole, &len, &e));
	assert_ok(&e, v1_reassemble(&slot, (struct bytes){ "\0\5\1\0x", 5 }, &whole, &len, &e));
	assert_refused(&e, ERR_DROP,
		v1_reassemble(&slot, (struct bytes){ "\0\5\2\1x", 5 }, &whole, &len, &e));
	assert_null(whole);
	v1_fragments_free(&slot);
	/* half a message, then another one under the same number, as Microsoft's gateways have it */
	assert_ok(&e, v1_reassemble(&slot, (struct bytes){ "\0\1\1\0x", 5 }, &whole, &len, &e));
	assert_ok(&e, v1_reassemble(&slot, (struct bytes){ "\0\1\1\0yz", 6 }, &whole, &len, &e));
	assert_null(whole);
	assert_ok(&e, v1_reassemble(&slot, (struct bytes){ "\0\1\2\1x", 5 }, &whole, &len, &e));
	assert_int_equal(len, 3);
	assert_memory_equal(whole, "yzx", 3);
	free(whole);
}

static void lifetimes(void **state)
{
	static const struct {
		const char *attributes;
		uint64_t seconds, kilobytes;
	} rows[] = {
		{ "80010001 00020004 00000e10", 3600, 0 },
		{ "80010001 80020e10", 3600, 0 },
		{ "800b0001 800c7080", 28800, 0 },
		{ "80010002 00020004 0003d090", 0, 250000 },
		{ "80010001 00020004 00000e10 80010002 00020004 0003d090", 3600, 250000 },
		{ "80010002 00020008 0000000100000000 80010001 80020e10", 3600, UINT32_MAX },
		{ "80010003 00020004 00000e10", 0, 0 },
		{ "00020004 00000e10", 0, 0 }, /* of what? */
		{ "80010001 00020004 0000", 0, 0 },
		{ "", 0, 0 },
	};
	uint8_t data[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = test_hex(rows[i].attributes, data, sizeof(data));
		struct v1_life life = v1_lifetime_read((struct bytes){ data, n });
		assert_int_equal(life.ms, SECONDS(rows[i].seconds));
		assert_int_equal(life.octets, 1024 * rows[i].kilobytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase1_proposal_on_the_wire),
		cmocka_unit_test(phase2_proposal_on_the_wire),
		cmocka_unit_test(only_what_was_offered),
		cmocka_unit_test(transport_mode_ids),
		cmocka_unit_test(nat_original_addresses),
		cmocka_unit_test(mode_and_group_have_to_fit),
		cmocka_unit_test(defaults_are_few),
		cmocka_unit_test(legacy_is_all_in_one_packet),
		cmocka_unit_test(many_transforms),
		cmocka_unit_test(selectors),
		cmocka_unit_test(chains_refused),
		cmocka_unit_test(fragments),
		cmocka_unit_test(lifetimes),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, test_crypto_teardown);
}
