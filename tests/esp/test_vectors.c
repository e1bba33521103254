#include "crypto/prf.h"
#include "lib/test.h"
#include "sa_pair.h"

/* Whole ESP packets as RFCs print them, through the code that seals and opens all others. */

struct vector {
	const char *key, *iv, *inner, *sealed; /* sealed: encrypted data without check value */
	uint32_t spi;
	uint64_t seq;
	uint8_t next_header;
	enum sa_mode mode;
};

/* RFC 3602 section 4, cases 5 to 8. */
static const struct vector rfc3602[] = {
	{ "90d382b4 10eeba7a d938c46c ec1a82bf", "e96e8c08 ab465763 fd098d45 dd3ff893",
		"08000ebd a70a0000 8e9c083d b95b0700 08090a0b 0c0d0e0f 10111213 14151617"
		"18191a1b 1c1d1e1f 20212223 24252627 28292a2b 2c2d2e2f 30313233 34353637",
		"f663c25d 325c18c6 a9453e19 4e120849 a4870b66 cc6b9965 330013b4 898dc856"
		"a4699e52 3a55db08 0b59ec3a 8e4b7e52 775b07d1 db34ed9c 538ab50c 551b874a"
		"a269add0 47ad2d59 13ac19b7 cfbad4a6",
		0x4321, 1, 1, SA_TRANSPORT },
	{ "90d382b4 10eeba7a d938c46c ec1a82bf", "69d08df7 d203329d b093fc49 24e5bd80",
		"0800b5e8 a80a0500 a69c083d 0b660e00 77777777 77777777 77777777",
		"f5199588 1ec4e0c4 488987ce 742e8109 689bb379 d2d750c0 d915dca3 46a89f75", 0x4321,
		8, 1, SA_TRANSPORT },
	{ "01234567 89abcdef 01234567 89abcdef", "f4e76524 4f6407ad f13dc138 0f673f37",
		"45000054 09040000 4001f988 c0a87b03 c0a87bc8 08009f76 a90a0100 b49c083d"
		"02a20400 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f 20212223"
		"24252627 28292a2b 2c2d2e2f 30313233 34353637",
		"773b5241 a4c44922 5e4f3ce5 ed611b0c 237ca96c f74a9301 3c1b0ea1 a0cf70f8"
		"e4ecaec7 8ac53aad 7a0f022b 859243c6 47752e94 a859352b 8a4d4d2d ecd136e5"
		"c177f132 ad3fbfb2 201ac990 4c74ee0a 109e0ca1 e4dfe9d5 a100b842 f1c22f0d",
		0x8765, 2, 4, SA_TUNNEL },
	{ "01234567 89abcdef 01234567 89abcdef", "85d47224 b5f3dd5d 2101d4ea 8dffab22",
		"45000044 090c0000 4001f990 c0a87b03 c0a87bc8 0800d63c aa0a0200 c69c083d"
		"a3de0300 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff"
		"ffffffff",
		"15b92683 819596a8 047232cc 00f7048f e45318e1 1f8a0f62 ede3c3fc 61203bb5"
		"0f980a08 c9843fd3 a1b06d5c 07ff9639 b7eb7dfb 3512e5de 435e7207 ed971ef3"
		"d2726d9b 5ef6affc 6d17a0de cbb13892",
		0x8765, 5, 4, SA_TUNNEL },
};

/* RFC 7634 appendix A; the check value stands at the end of sealed. */
static const struct vector rfc7634 = {
	"80818283 84858687 88898a8b 8c8d8e8f 90919293 94959697 98999a9b 9c9d9e9f a0a1a2a3",
	"10111213 14151617",
	"45000054 a6f20000 4001e778 c6336405 c0000205 08005b7a 3a080000 553bec10"
	"00073627 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f 20212223"
	"24252627 28292a2b 2c2d2e2f 30313233 34353637",
	"24039428 b97f417e 3c13753a 4f05087b 67c352e6 a7fab1b9 82d466ef 407ae5c6"
	"14ee8099 d52844eb 61aa95df ab4c02f7 2aa71e7c 4c4f64c9 befe2fac c638e8f3"
	"cbec163f ac469b50 2773f6fb 94e664da 9165b828 29f641e0"
	"76aaa826 6b7fb0f7 b11b3699 07e1ad43",
	0x01020304,
	5,
	4,
	SA_TUNNEL,
};

/* The packet of the RFC, from SPI to the end of what it prints. */
static size_t vector_packet(const struct vector *v, uint8_t out[512])
{
	struct wr w = wr_init(out, 512);
	uint8_t hex[256];

	wr_u32(&w, v->spi);
	wr_u32(&w, (uint32_t)v->seq);
	wr_bytes(&w, hex, test_hex(v->iv, hex, sizeof(hex)));
	wr_bytes(&w, hex, test_hex(v->sealed, hex, sizeof(hex)));
	assert_false(w.bad);
	return w.len;
}

static void vector_spec(struct sa_spec *spec, const struct vector *v)
{
	spec->encr_key.len = test_hex(v->key, spec->encr_key.data, SECRET_MAX);
	spec->spi = v->spi;
	spec->mode = v->mode;
}

static void check_vector(
	struct sa_pair *pair, const struct vector *v, const uint8_t *want, size_t want_len)
{
	uint8_t inner[256], iv[16];
	size_t len = test_hex(v->inner, inner, sizeof(inner));
	struct esp_packet p = sa_pair_packet(inner, len, v->next_header);

	test_hex(v->iv, iv, sizeof(iv));
	assert_int_equal(esp_seal_one(pair->out, &p, v->seq, iv), ESP_OK);
	assert_int_equal(p.len, want_len);
	assert_memory_equal(p.data, want, want_len);

	p = sa_pair_packet(want, want_len, 0);
	assert_int_equal(sa_pair_receive(pair->in, &p), ESP_OK);
	assert_int_equal(p.next_header, v->next_header);
	assert_int_equal(p.len, len);
	assert_memory_equal(p.data, inner, len);
}

static void vectors_rfc3602(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rfc3602); i++) {
		struct sa_spec *spec = sa_pair_spec(
			sa_pair_encr(ENCR_AES_CBC, 128), sa_pair_integ(AUTH_HMAC_SHA2_256_128));
		struct sa_pair pair;
		struct secret icv;
		struct err e;
		uint8_t want[512];

		vector_spec(spec, &rfc3602[i]);
		sa_pair_open(&pair, spec);
		size_t len = vector_packet(&rfc3602[i], want);
		/* The RFC's packets have no check value; ours is HMAC-SHA-256 over all of it. */
		assert_ok(&e,
			prf(alg_find(TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0),
				(struct bytes){ spec->integ_key.data, spec->integ_key.len },
				&(struct bytes){ want, len }, 1, &icv, &e));
		memcpy(want + len, icv.data, 16);
		check_vector(&pair, &rfc3602[i], want, len + 16);
		sa_pair_close(&pair);
	}
}

static void vector_rfc7634(void **state)
{
	struct sa_spec *spec = sa_pair_spec(sa_pair_encr(ENCR_CHACHA20_POLY1305, 0), NULL);
	struct sa_pair pair;
	uint8_t want[512];

	(void)state;
	vector_spec(spec, &rfc7634);
	sa_pair_open(&pair, spec);
	size_t len = vector_packet(&rfc7634, want);
	check_vector(&pair, &rfc7634, want, len);
	sa_pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_rfc3602),
		cmocka_unit_test(vector_rfc7634),
	};

	return cmocka_run_group_tests(tests, sa_pair_setup, sa_pair_teardown);
}
