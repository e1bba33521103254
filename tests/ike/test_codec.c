/*
 * SA, TS, KE and CP payloads. What the engine makes of them in their place is in tests/pair.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/test.h"

#include "../../src/ike/v2_sa.h"

static struct bytes body_of(struct ikew *k)
{
	size_t len;

	assert_true(ikew_end(k, &len));
	return (struct bytes){ k->w.base + 4, len - 4 };
}

/* The SA payload of RFC 7296 section 3.3 as it stands on the wire. */
static void sa_on_the_wire(void **state)
{
	static const char want[] = "02000028 01 01 00 03"
				   "0300000c 0100000c 800e0100 03000008 0300000c 0000000802000005"
				   "00000024 02 01 00 03"
				   "0300000c 01000014 800e0080 03000008 02000005 00000008 0400001f";
	struct proposals p;
	uint8_t buf[512], octets[512];
	struct ikew k;
	struct err e;

	(void)state;
	assert_ok(&e,
		prop_parse(&p, PROTO_IKE, TIER_DEFAULT,
			"aes256-sha256-x25519,aes128gcm16-prfsha256-x25519", &e));
	p.v[0].n = 3; /* encryption, integrity, group: only what the text above has */
	p.v[0].algs[2] = alg_find(TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0);
	ikew_chain(&k, buf, sizeof(buf));
	v2_sa_write(&k, &p, PROTO_IKE, (struct bytes){ 0 });
	struct bytes body = body_of(&k);
	size_t n = test_hex(want, octets, sizeof(octets));
	octets[3] = 0x24; /* 8 + 12 + 8 + 8 */
	assert_int_equal(body.n, n);
	assert_memory_equal(body.p, octets, n);
}

/* Everything that is offered can be chosen, and is read back as it was. */
static void choices(void **state)
{
	static const char *const offers[] = { "aes256-sha256-x25519",
		"aes128gcm16-prfsha256-ecp256", "chacha20poly1305-prfsha512-x448",
		"aes128ctr-sha512-modp2048" };
	struct proposals all;
	struct err e;

	(void)state;
	assert_ok(&e,
		prop_parse(&all, PROTO_IKE, TIER_DEFAULT,
			"aes256-sha256-x25519,"
			"aes128gcm16-prfsha256-ecp256,chacha20poly1305-prfsha512-x448,aes128ctr-sha512-modp2048",
			&e));
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		struct proposals one;
		struct suite chosen, read;
		struct bytes spi;
		uint8_t a[512], b[512], number = 0;
		struct ikew k;
		assert_ok(&e, prop_parse(&one, PROTO_IKE, TIER_DEFAULT, offers[i], &e));
		ikew_chain(&k, a, sizeof(a));
		v2_sa_write(&k, &all, PROTO_IKE, (struct bytes){ "12345678", 8 });
		assert_ok(
			&e, v2_sa_choose(body_of(&k), &one, PROTO_IKE, &spi, &number, &chosen, &e));
		assert_int_equal(number, i + 1);
		assert_memory_equal(spi.p, "12345678", 8);
		ikew_chain(&k, b, sizeof(b));
		v2_sa_write_choice(&k, &chosen, PROTO_IKE, number, (struct bytes){ "abcdefgh", 8 });
		struct bytes body = body_of(&k);
		assert_ok(&e, v2_sa_read_choice(body, &all, PROTO_IKE, &spi, &read, &e));
		assert_memory_equal(spi.p, "abcdefgh", 8);
		assert_true(read.encr == chosen.encr && read.prf == chosen.prf &&
			read.integ == chosen.integ && read.ke == chosen.ke);
		((uint8_t *)(uintptr_t)body.p)[4] =
			(uint8_t)(i + 1) % 4 + 1; /* not of that proposal */
		assert_refused(
			&e, ERR_PEER, v2_sa_read_choice(body, &all, PROTO_IKE, &spi, &read, &e));
	}
}

/* Two of one type, or none, is no choice, though each was offered. */
static void no_choice(void **state)
{
	static const struct {
		const char *hex;
		bool ok;
	} bodies[] = {
		{ "00000018 01 03 04 01 aabbccdd 0000000c 01000014 800e0080", true },
		{ "00000024 01 03 04 02 aabbccdd 0300000c 01000014 800e0080 0000000c 01000014 800e0100",
			false },
		{ "00000024 01 03 04 02 aabbccdd 0300000c 01000014 800e0080 0000000c 01000014 800e0080",
			false },
		{ "00000014 01 03 04 01 aabbccdd 00000008 05000000", false },
		{ "0000000c 01 03 04 00 aabbccdd", false },
		{ "0000001c 01 03 04 01 aabbccdd 00000010 01000014 800e0080 80990001", false },
	};
	struct proposals p;
	struct err e;

	(void)state;
	assert_ok(&e, prop_parse(&p, PROTO_ESP, TIER_DEFAULT, "aes128gcm16-aes256gcm16-noesn", &e));
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct bytes spi;
		struct suite s;
		uint8_t buf[64];
		size_t n = test_hex(bodies[i].hex, buf, sizeof(buf));
		if (v2_sa_read_choice((struct bytes){ buf, n }, &p, PROTO_ESP, &spi, &s, &e) !=
			bodies[i].ok)
			fail_msg("body %zu: %s", i, e.text);
	}
}

/* Our order of preference decides, not the peer's. */
static void preference(void **state)
{
	struct proposals theirs, ours;
	struct suite s;
	struct bytes spi;
	uint8_t buf[512], number;
	struct ikew k;
	struct err e;

	(void)state;
	assert_ok(&e,
		prop_parse(&theirs, PROTO_ESP, TIER_DEFAULT,
			"aes128-sha256,aes128gcm16-aes256gcm16-noesn-esn", &e));
	assert_ok(&e,
		prop_parse(&ours, PROTO_ESP, TIER_DEFAULT,
			"aes256gcm16-aes128gcm16-esn-noesn,aes128-sha256", &e));
	ikew_chain(&k, buf, sizeof(buf));
	v2_sa_write(&k, &theirs, PROTO_ESP, (struct bytes){ "spi!", 4 });
	assert_ok(&e, v2_sa_choose(body_of(&k), &ours, PROTO_ESP, &spi, &number, &s, &e));
	assert_int_equal(number, 2);
	assert_string_equal(s.encr->name, "aes256gcm16");
	assert_true(s.esn);
	assert_null(s.ke);
}

/* PFS wanted, optional, left out. */
static void key_exchange_of_a_child(void **state)
{
	static const struct {
		enum ke_mode ke;
		const char *theirs; /* NULL: with KE NONE beside the group */
		bool ok, group;
	} modes[] = {
		{ KE_WANTED, "aes128gcm16-x25519", true, true },
		{ KE_WANTED, "aes128gcm16-ecp384", true, true }, /* what IKE may use */
		{ KE_WANTED, "aes128gcm16-modp2048", false, false },
		{ KE_WANTED, "aes128gcm16", true, false },
		{ KE_OPTIONAL, "aes128gcm16-x25519", true, true },
		{ KE_OPTIONAL, "aes128gcm16-ecp384", true, true },
		{ KE_OPTIONAL, "aes128gcm16-modp2048", false, false },
		{ KE_OPTIONAL, "aes128gcm16", true, false },
		{ KE_LEFT_OUT, "aes128gcm16", true, false },
		{ KE_LEFT_OUT, "aes128gcm16-x25519", false, false },
	};
	struct proposals base, ike, ours, theirs;
	struct ike_config cfg = { .esp_proposals = &base, .ike_proposals = &ike };
	struct err e;

	(void)state;
	assert_ok(&e, prop_parse(&base, PROTO_ESP, TIER_DEFAULT, "aes128gcm16", &e));
	assert_ok(&e, prop_parse(&ike, PROTO_IKE, TIER_DEFAULT, "aes128-sha256-x25519-ecp384", &e));
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct suite s;
		struct bytes spi;
		uint8_t buf[512], number;
		struct ikew k;
		v2_esp_offer(&ours, &cfg, modes[i].ke, alg_by_name(TRANSFORM_KE, "x25519"));
		assert_ok(&e, prop_parse(&theirs, PROTO_ESP, TIER_DEFAULT, modes[i].theirs, &e));
		ikew_chain(&k, buf, sizeof(buf));
		v2_sa_write(&k, &theirs, PROTO_ESP, (struct bytes){ "spi!", 4 });
		bool ok = v2_sa_choose(body_of(&k), &ours, PROTO_ESP, &spi, &number, &s, &e);
		if (ok != modes[i].ok || (ok && (s.ke != NULL) != modes[i].group))
			fail_msg("row %zu: %d", i, ok);
	}
}

/* An AEAD with INTEG NONE beside it is an AEAD; another cipher with it has no integrity. */
static void no_integrity(void **state)
{
	static const struct {
		const char *ours, *sa;
		bool ok;
	} rows[] = {
		{ "aes128gcm16-noesn",
			"00000028 01 03 04 03 11223344 0300000c 01 00 0014 800e0080 "
			"03000008 03 00 0000 00000008 05 00 0000",
			true },
		{ "aes128gcm16-noesn", /* the cipher last */
			"00000028 01 03 04 03 11223344 03000008 03 00 0000 03000008 05 00 0000 "
			"0000000c 01 00 0014 800e0080",
			true },
		{ "aes128-sha256-noesn",
			"00000028 01 03 04 03 11223344 0300000c 01 00 000c 800e0080 "
			"03000008 03 00 0000 00000008 05 00 0000",
			false },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t sa[64], number;
		struct proposals ours;
		struct bytes spi, body = { sa, test_hex(rows[i].sa, sa, sizeof(sa)) };
		struct suite s;
		assert_ok(&e, prop_parse(&ours, PROTO_ESP, TIER_DEFAULT, rows[i].ours, &e));
		if (v2_sa_choose(body, &ours, PROTO_ESP, &spi, &number, &s, &e) != rows[i].ok)
			fail_msg("row %zu, chosen by us: %s", i, e.text);
		if (v2_sa_read_choice(body, &ours, PROTO_ESP, &spi, &s, &e) != rows[i].ok)
			fail_msg("row %zu, chosen by the gateway: %s", i, e.text);
		assert_true(!rows[i].ok || (s.encr->aead && !s.integ));
	}
}

/* The group of the KE payload comes first; those that the profile names stand alone. */
static void groups_of_an_offer(void **state)
{
	static const struct {
		const char *esp, *shown;
	} offers[] = {
		{ "aes128gcm16", "aes128gcm16-noesn-ecp384-x25519-none" },
		{ "aes128gcm16-x25519-ecp384", "aes128gcm16-x25519-ecp384-noesn-none" },
	};
	struct proposals base, ike, out;
	struct ike_config cfg = { .esp_proposals = &base, .ike_proposals = &ike };
	char text[128];
	struct err e;

	(void)state;
	assert_ok(&e, prop_parse(&ike, PROTO_IKE, TIER_DEFAULT, "aes128-sha256-x25519-ecp384", &e));
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		assert_ok(&e, prop_parse(&base, PROTO_ESP, TIER_DEFAULT, offers[i].esp, &e));
		v2_esp_offer(&out, &cfg, KE_OPTIONAL, alg_by_name(TRANSFORM_KE, "ecp384"));
		assert_string_equal(
			prop_text(text, sizeof(text), &out, PROTO_ESP), offers[i].shown);
	}
}

/* RFC 9370 section 3: ADDKE1 to ADDKE7 are the transform types 6 to 12, NONE is 0. */
static void additional_on_the_wire(void **state)
{
	static const char want[] = "0000004c 01 01 00 08"
				   "0300000c 01000014 800e0080 03000008 02000005 03000008 0400001f"
				   "03000008 06000014 03000008 06000000 03000008 07000015"
				   "03000008 0c00000f 00000008 0c000020";
	struct proposals p;
	uint8_t buf[512], octets[512];
	struct ikew k;
	struct err e;

	(void)state;
	assert_ok(&e,
		prop_parse(&p, PROTO_IKE, TIER_DEFAULT,
			"aes128gcm16-prfsha256-ke7_modp3072-ke7_x448-ke2_ecp521-x25519-ke1_ecp384-ke1_none",
			&e));
	ikew_chain(&k, buf, sizeof(buf));
	v2_sa_write(&k, &p, PROTO_IKE, (struct bytes){ 0 });
	struct bytes body = body_of(&k);
	assert_int_equal(body.n, test_hex(want, octets, sizeof(octets)));
	assert_memory_equal(body.p, octets, body.n);
}

/* What the gateway makes of the offer x25519 | ecp256, ke1 ecp384 | x25519, ke2 ecp384 | ecp521 | none, ke3 x448. */
static void additional_chosen(void **state)
{
	static const char offer[] = "aes128gcm16-prfsha256-x25519-ecp256-ke1_ecp384-ke1_x25519-"
				    "ke2_ecp384-ke2_ecp521-ke2_none-ke3_x448";
	static const struct {
		const char *transforms; /* behind ENCR and PRF */
		const char *suite; /* NULL: refused */
		const char *words;
	} rows[] = {
		{ "0400001f 06000014 07000015 08000020", "x25519-ke1_ecp384-ke2_ecp521-ke3_x448",
			NULL },
		{ "08000020 07000015 06000014 0400001f", "x25519-ke1_ecp384-ke2_ecp521-ke3_x448",
			NULL },
		{ "0400001f 06000014 07000000 08000020", "x25519-ke1_ecp384-ke3_x448", NULL },
		{ "0400001f 06000014 08000020", "x25519-ke1_ecp384-ke3_x448", NULL },
		{ "04000013 0600001f 07000014 08000020", "ecp256-ke1_x25519-ke2_ecp384-ke3_x448",
			NULL },
		{ "0400001f 0600001f 08000020", NULL, "x25519 twice" },
		{ "0600001f 08000020 0400001f", NULL, "x25519 twice" },
		{ "0400001f 06000014 07000014 08000020", NULL, "ecp384 twice" },
		{ "0400001f 06000014 06000014 08000020", NULL, "type 6 twice" },
		{ "0400001f 06000014 07000015", NULL, "lacks additional key exchange 3" },
		{ "0400001f", NULL, "lacks additional key exchange 1" },
		{ "0400001f 06000000 08000020", NULL, "none for additional key exchange 1" },
		{ "0400001f 06000013 08000020", NULL, "ecp256 for additional key exchange 1" },
		{ "0400001f 06000999 08000020", NULL, "an unknown group for additional key" },
		{ "0400001f 06000014 08000020 09000013", NULL, "additional key exchange 4" },
		{ "0400001f 06000014 08000020 0d000013", NULL, "type 13" },
	};
	struct proposals p;
	struct err e;

	(void)state;
	assert_ok(&e, prop_parse(&p, PROTO_IKE, TIER_DEFAULT, offer, &e));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t ids[64], buf[128];
		char text[SUITE_TEXT_MAX];
		struct wr w = wr_init(buf, sizeof(buf));
		size_t n = test_hex(rows[i].transforms, ids, sizeof(ids)) / 4;
		struct suite s;
		struct bytes spi;
		wr_u32(&w, 0);
		wr_u32(&w, 0x01010000 | (uint32_t)(2 + n));
		wr_bytes(&w, "\x03\0\0\x0c\x01\0\0\x14\x80\x0e\0\x80\x03\0\0\x08\x02\0\0\x05", 20);
		for (size_t j = 0; j < n; j++) {
			wr_u32(&w, (j + 1 < n ? 0x03000000 : 0) | 8);
			wr_bytes(&w, ids + 4 * j, 4);
		}
		wr_patch_u16(&w, 2, (uint16_t)w.len);
		bool ok = v2_sa_read_choice(
			(struct bytes){ buf, w.len }, &p, PROTO_IKE, &spi, &s, &e);
		if (ok != (rows[i].suite != NULL))
			fail_msg("row %zu: %s", i, ok ? "taken" : e.text);
		if (ok && !strstr(suite_text(text, &s), rows[i].suite))
			fail_msg("row %zu: %s", i, text);
		if (!ok && !strstr(e.text, rows[i].words))
			fail_msg("row %zu: %s", i, e.text);
	}
}

/* As responder: what comes of their offer and ours, and what is written back, NONE included. */
static void additional_matched(void **state)
{
	static const struct {
		const char *theirs, *ours;
		const char *suite; /* NULL: nothing acceptable */
		unsigned written; /* transforms in the answer */
	} rows[] = {
		{ "x25519-ke1_ecp384", "x25519-ke1_ecp384", "x25519-ke1_ecp384", 4 },
		{ "x25519-ke1_ecp384-ke1_ecp521", "x25519-ke1_ecp521-ke1_ecp384",
			"x25519-ke1_ecp521", 4 },
		{ "x25519-ke1_ecp384", "x25519", NULL, 0 },
		{ "x25519", "x25519-ke1_ecp384", NULL, 0 },
		{ "x25519-ke1_ecp384-ke1_none", "x25519", "x25519", 4 },
		{ "x25519", "x25519-ke1_ecp384-ke1_none", "x25519", 3 },
		{ "x25519-ke1_none", "x25519-ke1_ecp384", NULL, 0 },
		{ "x25519-ke1_ecp384-ke1_none-ke2_ecp521", "x25519-ke2_ecp521", "x25519-ke2_ecp521",
			5 },
		{ "x25519-ke2_ecp384", "x25519-ke1_ecp384", NULL, 0 },
		/* Nothing twice: the second choice of one of the two. */
		{ "x25519-ke1_ecp384-ke1_ecp521-ke2_ecp384-ke2_ecp521",
			"x25519-ke1_ecp384-ke1_ecp521-ke2_ecp384-ke2_ecp521",
			"x25519-ke1_ecp384-ke2_ecp521", 5 },
		{ "x25519-ecp256-ke1_x25519", "x25519-ecp256-ke1_x25519", NULL, 0 },
		{ "x25519-ecp256-ke1_x25519-ke1_none", "x25519-ecp256-ke1_x25519-ke1_none",
			"x25519", 4 },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proposals theirs, ours;
		char text[SUITE_TEXT_MAX];
		uint8_t buf[512], number = 0;
		struct bytes spi;
		struct suite s, read;
		struct ikew k;
		snprintf(text, sizeof(text), "aes128gcm16-prfsha256-%s", rows[i].theirs);
		assert_ok(&e, prop_parse(&theirs, PROTO_IKE, TIER_DEFAULT, text, &e));
		snprintf(text, sizeof(text), "aes128gcm16-prfsha256-%s", rows[i].ours);
		assert_ok(&e, prop_parse(&ours, PROTO_IKE, TIER_DEFAULT, text, &e));
		ikew_chain(&k, buf, sizeof(buf));
		v2_sa_write(&k, &theirs, PROTO_IKE, (struct bytes){ "12345678", 8 });
		bool ok = v2_sa_choose(body_of(&k), &ours, PROTO_IKE, &spi, &number, &s, &e);
		if (ok != (rows[i].suite != NULL))
			fail_msg("row %zu: %s", i, ok ? "taken" : e.text);
		if (!ok)
			continue;
		suite_text(text, &s);
		if (strcmp(text + strlen("aes128gcm16-prfsha256-"), rows[i].suite) != 0)
			fail_msg("row %zu: %s", i, text);
		ikew_chain(&k, buf, sizeof(buf));
		v2_sa_write_choice(&k, &s, PROTO_IKE, number, (struct bytes){ "abcdefgh", 8 });
		struct bytes body = body_of(&k);
		assert_int_equal(((const uint8_t *)body.p)[7], rows[i].written);
		assert_ok(&e, v2_sa_read_choice(body, &theirs, PROTO_IKE, &spi, &read, &e));
		assert_memory_equal(read.addke, s.addke, sizeof(s.addke));
	}
}

/* The first child SA has no key exchange at all; later ones have all that is named. */
static void additional_of_a_child(void **state)
{
	struct proposals base, ike, out;
	struct ike_config cfg = { .esp_proposals = &base, .ike_proposals = &ike };
	const struct alg *group = alg_by_name(TRANSFORM_KE, "x25519");
	char text[PROPOSAL_TEXT_MAX];
	struct err e;

	(void)state;
	assert_ok(&e, prop_parse(&ike, PROTO_IKE, TIER_DEFAULT, "aes128-sha256-x25519", &e));
	assert_ok(&e,
		prop_parse(&base, PROTO_ESP, TIER_DEFAULT, "aes128gcm16-x25519-ke1_ecp384", &e));
	v2_esp_offer(&out, &cfg, KE_LEFT_OUT, NULL);
	assert_string_equal(prop_text(text, sizeof(text), &out, PROTO_ESP), "aes128gcm16-noesn");
	v2_esp_offer(&out, &cfg, KE_WANTED, group);
	assert_string_equal(prop_text(text, sizeof(text), &out, PROTO_ESP),
		"aes128gcm16-x25519-noesn-ke1_ecp384");
}

static void esn_as_configured(void **state)
{
	static const struct {
		enum tri esn;
		const char *offer, *shown;
	} offers[] = {
		{ TRI_AUTO, "aes128gcm16-esn-noesn", "aes128gcm16-esn-noesn" },
		{ TRI_YES, "aes128gcm16-esn-noesn", "aes128gcm16-esn" },
		{ TRI_NO, "aes128gcm16-esn-noesn", "aes128gcm16-noesn" },
		{ TRI_YES, "aes128gcm16-noesn", "aes128gcm16-esn" },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		struct proposals base, out;
		struct ike_config cfg = { .esp_proposals = &base, .esn = offers[i].esn };
		char text[128];
		assert_ok(&e, prop_parse(&base, PROTO_ESP, TIER_DEFAULT, offers[i].offer, &e));
		v2_esp_offer(&out, &cfg, KE_LEFT_OUT, NULL);
		assert_string_equal(
			prop_text(text, sizeof(text), &out, PROTO_ESP), offers[i].shown);
	}
}

static void selectors(void **state)
{
	static const char want[] =
		"02000000 07 11 0010 06a5 06a5 0a000000 0affffff"
		"08 00 0028 0000 ffff 20010db8000000000000000000000000 20010db80000000000000000000000ff";
	struct selectors ts = { .n = 2 }, *again = malloc(sizeof(*again));
	uint8_t buf[128], octets[128];
	struct ikew k;
	struct err e;

	(void)state;
	assert_non_null(again);
	ts.v[0] = (struct selector){ FAMILY_V4, 17, 1701, 1701, { 10 }, { 10, 255, 255, 255 } };
	ts.v[1] = (struct selector){ FAMILY_V6, 0, 0, 65535, { 0x20, 1, 0xd, 0xb8 },
		{ 0x20, 1, 0xd, 0xb8 } };
	ts.v[1].hi[15] = 0xff;
	ikew_chain(&k, buf, sizeof(buf));
	v2_ts_write(&k, PAYLOAD_TSi, &ts);
	struct bytes body = body_of(&k);
	size_t n = test_hex(want, octets, sizeof(octets));
	assert_int_equal(body.n, n);
	assert_memory_equal(body.p, octets, n);
	assert_ok(&e, v2_ts_read(body, again, &e));
	assert_int_equal(again->n, 2);
	assert_true(selector_same(&again->v[0], &ts.v[0]) && selector_same(&again->v[1], &ts.v[1]));
	for (size_t len = 0; len < n; len++) /* T-09: at every length */
		assert_refused(&e, ERR_PEER, v2_ts_read((struct bytes){ octets, len }, again, &e));
	free(again);
}

static void most_selectors(void **state)
{
	struct selectors *ts = calloc(2, sizeof(*ts));
	static uint8_t buf[16384];
	struct ikew k;
	struct err e;

	(void)state;
	assert_non_null(ts);
	ts[0].n = SELECTORS_MAX;
	for (size_t i = 0; i < SELECTORS_MAX; i++)
		selector_all(&ts[0].v[i], FAMILY_V6);
	ikew_chain(&k, buf, sizeof(buf));
	v2_ts_write(&k, PAYLOAD_TSr, &ts[0]);
	assert_ok(&e, v2_ts_read(body_of(&k), &ts[1], &e));
	assert_int_equal(ts[1].n, SELECTORS_MAX);
	free(ts);
}

static const struct {
	const char *name, *hex;
	bool ok;
	uint32_t addrs, dns, domains, subnets;
} replies[] = {
	{ "nothing", "02000000", true, 0, 0, 0, 0 },
	{ "a request", "01000000", false, 0, 0, 0, 0 },
	{ "cut", "0200", false, 0, 0, 0, 0 },
	{ "an address", "02000000 0001 0004 0a010203", true, 1, 0, 0, 0 },
	{ "an address, empty", "02000000 0001 0000", true, 0, 0, 0, 0 },
	{ "an address of 5", "02000000 0001 0005 0a01020304", true, 0, 0, 0, 0 },
	{ "an IPv6 address", "02000000 0008 0011 20010db8000000000000000000000001 40", true, 1, 0,
		0, 0 },
	{ "a resolver of each family",
		"02000000 0003 0004 0a000001 000a 0010 20010db8000000000000000000000001", true, 0,
		2, 0, 0 },
	{ "a resolver 0.0.0.0", "02000000 0003 0004 00000000", true, 0, 0, 0, 0 },
	{ "a subnet", "02000000 000d 0008 0a000000 ff000000", true, 0, 0, 0, 1 },
	{ "an IPv6 subnet", "02000000 000f 0011 20010db8000000000000000000000000 20", true, 0, 0, 0,
		1 },
	{ "an IPv6 subnet of 129 bits", "02000000 000f 0011 20010db8000000000000000000000000 81",
		true, 0, 0, 0, 0 },
	{ "a domain", "02000000 0019 0004 636f7270", true, 0, 0, 1, 0 },
	{ "a domain with a NUL", "02000000 0019 0004 63007270", true, 0, 0, 0, 0 },
	{ "an empty domain", "02000000 0019 0000", true, 0, 0, 0, 0 },
	{ "an attribute that nobody knows", "02000000 7abc 0002 0102 0001 0004 0a010203", true, 1,
		0, 0, 0 },
	{ "the reserved bit", "02000000 8001 0004 0a010203", true, 1, 0, 0, 0 },
	{ "cut in an attribute", "02000000 0001 0004 0a0102", false, 0, 0, 0, 0 },
	{ "cut in an attribute's head", "02000000 0001 00", false, 0, 0, 0, 0 },
};

static void configuration(void **state)
{
	struct granted *g = malloc(sizeof(*g));

	(void)state;
	assert_non_null(g);
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		uint8_t buf[64];
		struct err e = { 0 };
		size_t n = test_hex(replies[i].hex, buf, sizeof(buf));
		if (v2_cp_read((struct bytes){ buf, n }, g, &e) != replies[i].ok)
			fail_msg("%s: %s", replies[i].name, e.text);
		if (replies[i].ok &&
			(g->n_addrs != replies[i].addrs || g->n_dns != replies[i].dns ||
				g->n_domains != replies[i].domains ||
				g->n_subnets != replies[i].subnets))
			fail_msg("%s: %u %u %u %u", replies[i].name, g->n_addrs, g->n_dns,
				g->n_domains, g->n_subnets);
	}
	free(g);
}

/* More of everything than there is room for. */
static void too_much_configuration(void **state)
{
	static uint8_t buf[32768];
	struct wr w = wr_init(buf, sizeof(buf));
	struct granted *g = malloc(sizeof(*g));
	struct err e;

	(void)state;
	assert_non_null(g);
	wr_u32(&w, 0x02000000);
	for (int i = 0; i < 600; i++) {
		wr_u32(&w, 0x00010004);
		wr_u32(&w, 0x0a010203);
		wr_u32(&w, 0x00030004);
		wr_u32(&w, 0x0a010203);
		wr_u32(&w, 0x00190004);
		wr_u32(&w, 0x636f7270);
		wr_u32(&w, 0x000d0008);
		wr_u32(&w, 0x0a000000);
		wr_u32(&w, 0xff000000);
	}
	assert_false(w.bad);
	assert_ok(&e, v2_cp_read((struct bytes){ buf, w.len }, g, &e));
	assert_int_equal(g->n_addrs, NETCONF_ADDRS);
	assert_int_equal(g->n_dns, NETCONF_DNS);
	assert_int_equal(g->n_domains, NETCONF_DOMAINS);
	assert_int_equal(g->n_subnets, GRANTED_SUBNETS);
	free(g);
}

static void asking_for_configuration(void **state)
{
	struct ike_config cfg = { .n_want = 1 };
	uint8_t buf[128], octets[128];
	struct ikew k;

	(void)state;
	assert_true(prefix_parse(&cfg.want[0], "10.1.2.3"));
	ikew_chain(&k, buf, sizeof(buf));
	v2_cp_request(&k, &cfg);
	struct bytes body = body_of(&k);
	size_t n = test_hex(
		"01000000 0001 0004 0a010203 00030000 000d0000 00190000", octets, sizeof(octets));
	assert_int_equal(body.n, n);
	assert_memory_equal(body.p, octets, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sa_on_the_wire),
		cmocka_unit_test(choices),
		cmocka_unit_test(no_choice),
		cmocka_unit_test(preference),
		cmocka_unit_test(key_exchange_of_a_child),
		cmocka_unit_test(no_integrity),
		cmocka_unit_test(groups_of_an_offer),
		cmocka_unit_test(additional_on_the_wire),
		cmocka_unit_test(additional_chosen),
		cmocka_unit_test(additional_matched),
		cmocka_unit_test(additional_of_a_child),
		cmocka_unit_test(esn_as_configured),
		cmocka_unit_test(selectors),
		cmocka_unit_test(most_selectors),
		cmocka_unit_test(configuration),
		cmocka_unit_test(too_much_configuration),
		cmocka_unit_test(asking_for_configuration),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, NULL);
}
