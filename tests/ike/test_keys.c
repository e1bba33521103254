/*
 * Key derivation against the text of RFC 7296 sections 2.13 to 2.18, computed here a second time with
 * nothing but HMAC. (The PRFs and prf+ themselves have vectors in tests/crypto.)
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "lib/test.h"

#include "../../src/ike/v2_sa.h"

static const struct bytes ni = { "the nonce of the initiator", 26 };
static const struct bytes nr = { "the responder's nonce", 21 };

/* HMAC-SHA256 over the parts. */
static void hmac(struct bytes key, const struct bytes *parts, size_t n, uint8_t out[32])
{
	uint8_t all[1024];
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		assert_true(len + parts[i].n <= sizeof(all));
		if (parts[i].n)
			memcpy(all + len, parts[i].p, parts[i].n);
		len += parts[i].n;
	}
	assert_non_null(HMAC(EVP_sha256(), key.p, (int)key.n, all, len, out, NULL));
}

/* T1 = prf(K, S | 0x01), T2 = prf(K, T1 | S | 0x02), ... */
static void plus(struct bytes key, const struct bytes *seed, size_t n, uint8_t *out, size_t blocks)
{
	struct bytes parts[8];

	for (uint8_t i = 1; i <= blocks; i++) {
		parts[0] = (struct bytes){ out + 32 * (i - 2), i > 1 ? 32 : 0 };
		memcpy(parts + 1, seed, n * sizeof(*seed));
		parts[1 + n] = (struct bytes){ &i, 1 };
		hmac(key, parts, n + 2, out + 32 * (i - 1));
	}
}

static void fill(struct v2_sa *sa, bool initiator, const char *suite)
{
	struct proposals p;
	struct err e;

	memset(sa, 0, sizeof(*sa));
	sa->initiator = initiator;
	memcpy(sa->spi_i, "spi of i", 8);
	memcpy(sa->spi_r, "SPI OF R", 8);
	assert_ok(&e, prop_parse(&p, PROTO_IKE, TIER_LEGACY, suite, &e));
	for (size_t i = 0; i < p.v[0].n; i++) {
		const struct alg *a = p.v[0].algs[i];
		if (a->type == TRANSFORM_ENCR)
			sa->suite.encr = a;
		else if (a->type == TRANSFORM_PRF)
			sa->suite.prf = a;
		else if (a->type == TRANSFORM_INTEG)
			sa->suite.integ = a;
	}
}

static void release(struct v2_sa *sa)
{
	cipher_free(sa->seal);
	cipher_free(sa->open);
}

/* What one end seals, the keys named open. */
static void check_seal(
	struct cipher *seal, const struct suite *s, const uint8_t *encr, const uint8_t *integ)
{
	struct secret ek, ik = { 0 };
	uint8_t data[32] = "sixteen octets..", iv[16] = { 7 }, icv[32];
	struct cipher_op op = {
		.aad = iv, .aad_len = 4, .iv = iv, .data = data, .len = 16, .icv = icv
	};
	struct err e;

	secret_set(&ek, encr, s->encr->key_len + s->encr->salt_len);
	if (s->integ)
		secret_set(&ik, integ, s->integ->key_len);
	assert_true(cipher_seal(seal, &op));
	struct cipher *open = cipher_new(s->encr, s->integ, &ek, &ik, false, &e);
	assert_non_null(open);
	assert_true(cipher_open(open, &op));
	assert_memory_equal(data, "sixteen octets..", 16);
	cipher_free(open);
}

/* {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} of the SKEYSEED given. */
static void check_seven(const uint8_t skeyseed[32], const char *suite, const struct alg *old_prf,
	const struct secret *old_d, struct bytes shared, struct bytes more)
{
	const struct v2_fresh f = { .ni = ni, .nr = nr, .shared = shared, .more = more };
	struct v2_sa i, r;
	uint8_t k[32 * 12];
	struct err e;

	fill(&i, true, suite);
	fill(&r, false, suite);
	struct bytes seed[] = { ni, nr, { i.spi_i, 8 }, { i.spi_r, 8 } };
	plus((struct bytes){ skeyseed, 32 }, seed, 4, k, 12);
	assert_ok(&e, v2_derive(&i, old_prf, old_d, &f, &e));
	assert_ok(&e, v2_derive(&r, old_prf, old_d, &f, &e));
	size_t a = i.suite.integ ? i.suite.integ->key_len : 0;
	size_t c = i.suite.encr->key_len + i.suite.encr->salt_len;
	const uint8_t *ai = k + 32, *ar = ai + a, *ei = ar + a, *er = ei + c, *pi = er + c,
		      *pr = pi + 32;
	const struct v2_sa *ends[] = { &i, &r };
	for (size_t n = 0; n < 2; n++) {
		assert_memory_equal(ends[n]->sk_d.data, k, 32);
		assert_memory_equal(ends[n]->sk_pi.data, pi, 32);
		assert_memory_equal(ends[n]->sk_pr.data, pr, 32);
	}
	check_seal(i.seal, &i.suite, ei, ai);
	check_seal(r.seal, &r.suite, er, ar);
	release(&i);
	release(&r);
}

/* Section 2.14: SKEYSEED = prf(Ni | Nr, g^ir). */
static void first_keys(void **state)
{
	static const char *const suites[] = { "aes256-sha256-x25519",
		"aes128gcm16-prfsha256-x25519", "aes128ctr-sha256-x25519" };
	const struct bytes shared = BYTES("thirty-two octets of a secret..."), none = { 0 };
	uint8_t key[128], skeyseed[32];

	(void)state;
	memcpy(key, ni.p, ni.n);
	memcpy(key + ni.n, nr.p, nr.n);
	hmac((struct bytes){ key, ni.n + nr.n }, &shared, 1, skeyseed);
	for (size_t n = 0; n < ARRAY_LEN(suites); n++)
		check_seven(skeyseed, suites[n], NULL, NULL, shared, none);
}

/* Section 2.18: SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr); with RFC 9370 section 2.2.4 ... | SK(1) | ... SK(n). */
static void rekeyed(void **state)
{
	struct bytes parts[] = { BYTES("another thirty-two octets of it."), ni, nr,
		BYTES("a second secret and a third one") };
	struct secret old_d;
	uint8_t skeyseed[32];

	(void)state;
	secret_set(&old_d, "SK_d of the SA that is replaced.", 32);
	for (size_t n = 3; n <= 4; n++) {
		hmac((struct bytes){ old_d.data, 32 }, parts, n, skeyseed);
		check_seven(skeyseed, "aes128-sha256-x25519",
			alg_by_name(TRANSFORM_PRF, "prfsha256"), &old_d, parts[0],
			n == 4 ? parts[3] : (struct bytes){ 0 });
	}
}

/* Section 2.17: KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr), the initiator's direction first, encryption
 * before integrity. */
static void child(void **state)
{
	struct bytes seed[] = { BYTES("a secret for the child SA alone."), ni, nr,
		BYTES("and what additional exchanges add") };
	struct suite s = { .encr = alg_by_name(TRANSFORM_ENCR, "aes256"),
		.integ = alg_by_name(TRANSFORM_INTEG, "sha256") };
	struct sa_spec *in = calloc(2, sizeof(*in)), *out = in + 1;
	uint8_t k[32 * 4];
	struct v2_sa sa;
	struct err e;

	(void)state;
	assert_non_null(in);
	fill(&sa, true, "aes128-sha256-x25519");
	secret_set(&sa.sk_d, "SK_d of the IKE SA it is made in", 32);
	for (int pfs = 0; pfs < 3; pfs++)
		for (int initiator = 0; initiator < 2; initiator++) {
			struct sa_spec *first = initiator ? out : in,
				       *second = initiator ? in : out;
			struct v2_fresh f = { .ni = ni, .nr = nr, .initiator = initiator };
			if (pfs > 0)
				f.shared = seed[0];
			if (pfs > 1)
				f.more = seed[3];
			plus((struct bytes){ sa.sk_d.data, 32 }, pfs ? seed : seed + 1,
				2 + (size_t)pfs, k, 4);
			assert_ok(&e, v2_keymat(&sa, &s, &f, in, out, &e));
			assert_int_equal(first->encr_key.len, 32);
			assert_memory_equal(first->encr_key.data, k, 32);
			assert_memory_equal(first->integ_key.data, k + 32, 32);
			assert_memory_equal(second->encr_key.data, k + 64, 32);
			assert_memory_equal(second->integ_key.data, k + 96, 32);
		}
	s = (struct suite){ .encr = alg_by_name(TRANSFORM_ENCR, "aes128gcm16") };
	plus((struct bytes){ sa.sk_d.data, 32 }, seed + 1, 2, k, 4);
	struct v2_fresh f = { .ni = ni, .nr = nr, .initiator = true };
	assert_ok(&e, v2_keymat(&sa, &s, &f, in, out, &e));
	assert_int_equal(out->encr_key.len, 16 + 4);
	assert_int_equal(out->integ_key.len, 0);
	assert_memory_equal(in->encr_key.data, k + 20, 20);
	free(in);
}

/* Section 2.15: RealMessage | nonce of the other side | prf(SK_p, IDType | RESERVED | ID). */
static void signed_octets(void **state)
{
	static uint8_t message_i[] = "IKE_SA_INIT of I", message_r[] = "IKE_SA_INIT of R, longer";
	struct handshake *hs = calloc(1, sizeof(*hs));
	struct identity id = { .type = ID_FQDN, .len = 2, .data = "gw" };
	uint8_t rest[] = { ID_FQDN, 0, 0, 0, 'g', 'w' }, mac[32];
	struct v2_sa sa;
	struct err e;

	(void)state;
	assert_non_null(hs);
	fill(&sa, true, "aes128-sha256-x25519");
	secret_set(&sa.sk_pi, "SK_pi, thirty-two octets of it..", 32);
	secret_set(&sa.sk_pr, "SK_pr, thirty-two octets of it..", 32);
	hs->init_i = message_i;
	hs->init_i_len = sizeof(message_i);
	hs->init_r = message_r;
	hs->init_r_len = sizeof(message_r);
	memset(hs->ni, 0x11, sizeof(hs->ni));
	memset(hs->nr, 0x22, 20);
	hs->nr_len = 20;
	for (int ours = 0; ours < 2; ours++) {
		const struct secret *key = ours ? &sa.sk_pi : &sa.sk_pr;
		struct bytes message = ours ? (struct bytes){ message_i, sizeof(message_i) } :
					      (struct bytes){ message_r, sizeof(message_r) };
		struct bytes nonce = ours ? (struct bytes){ hs->nr, 20 } :
					    (struct bytes){ hs->ni, sizeof(hs->ni) };
		uint8_t *out;
		size_t n;
		hmac((struct bytes){ key->data, 32 }, &(struct bytes){ rest, sizeof(rest) }, 1,
			mac);
		assert_ok(&e, v2_signed_octets(&sa, ours, hs, &id, &out, &n, &e));
		assert_int_equal(n, message.n + nonce.n + 32);
		assert_memory_equal(out, message.p, message.n);
		assert_memory_equal(out + message.n, nonce.p, nonce.n);
		assert_memory_equal(out + message.n + nonce.n, mac, 32);
		free(out);
	}
	free(hs);
}

/*
 * RFC 9242 section 3.3.2: IntAuth_i1 = prf(SK_pi1, A | P), IntAuth_i2 = prf(SK_pi2, IntAuth_i1 | A | P), where A is
 * the message up to the content of SK, with lengths as if that were not encrypted. And behind the signed octets
 * stands IntAuth_iN | IntAuth_rN | message ID of IKE_AUTH.
 */
static void intermediate(void **state)
{
	static uint8_t message[] = "IKE_SA_INIT";
	static const uint8_t wire[] = "iiiiiiii"
				      "rrrrrrrr"
				      "\x2e\x21\x2b\x28\x00\x00\x00\x01\x00\x00\x00\x2b"
				      "\x22\x05\x00\x0f"
				      "eleven here";
	struct ike_hdr h = { .next = PAYLOAD_SKF,
		.version = 0x21,
		.exchange = IKE_INTERMEDIATE,
		.flags = FLAG_RESPONSE | FLAG_INITIATOR,
		.mid = 1,
		.len = 999 };
	struct content c = { PAYLOAD_KE, 5, BYTES("eleven here") };
	struct handshake *hs = calloc(1, sizeof(*hs));
	struct identity id = { .type = ID_FQDN, .len = 2, .data = "gw" };
	struct bytes parts[] = { { NULL, 32 }, { wire, sizeof(wire) - 1 } };
	uint8_t want[32], *out;
	struct secret chain = { 0 };
	struct v2_sa sa;
	struct err e;
	size_t n, plain;

	(void)state;
	assert_non_null(hs);
	memcpy(h.spi_i, "iiiiiiii", 8);
	memcpy(h.spi_r, "rrrrrrrr", 8);
	fill(&sa, true, "aes128-sha256-x25519");
	secret_set(&sa.sk_pi, "SK_pi, thirty-two octets of it..", 32);
	secret_set(&sa.sk_pr, "SK_pr, thirty-two octets of it..", 32);
	hmac((struct bytes){ sa.sk_pi.data, 32 }, parts + 1, 1, want);
	assert_ok(&e, v2_int_auth(&sa, true, &h, &c, &chain, &e));
	assert_int_equal(chain.len, 32);
	assert_memory_equal(chain.data, want, 32);
	uint8_t first[32];
	memcpy(first, want, 32);
	parts[0].p = first;
	hmac((struct bytes){ sa.sk_pr.data, 32 }, parts, 2, want);
	assert_ok(&e, v2_int_auth(&sa, false, &h, &c, &chain, &e));
	assert_memory_equal(chain.data, want, 32);
	hs->init_i = hs->init_r = message;
	hs->init_i_len = hs->init_r_len = sizeof(message);
	hs->nr_len = 20;
	assert_ok(&e, v2_signed_octets(&sa, true, hs, &id, &out, &plain, &e));
	free(out);
	secret_set(&hs->int_i, "IntAuth_i, and its 32 octets....", 32);
	secret_set(&hs->int_r, "IntAuth_r, and its 32 octets....", 32);
	hs->intermediates = 2;
	assert_ok(&e, v2_signed_octets(&sa, true, hs, &id, &out, &n, &e));
	assert_int_equal(n, plain + 32 + 32 + 4);
	assert_memory_equal(out + plain, hs->int_i.data, 32);
	assert_memory_equal(out + plain + 32, hs->int_r.data, 32);
	assert_memory_equal(out + plain + 64, "\0\0\0\x03", 4);
	free(out);
	free(hs);
}

/* AUTH = prf(prf(Shared Secret, "Key Pad for IKEv2"), octets). */
static void by_shared_secret(void **state)
{
	uint8_t inner[32], want[32];
	struct secret got;
	struct v2_sa sa;
	struct err e;

	(void)state;
	fill(&sa, true, "aes128-sha256-x25519");
	hmac(BYTES("secret"), &BYTES("Key Pad for IKEv2"), 1, inner);
	hmac((struct bytes){ inner, 32 }, &BYTES("octets"), 1, want);
	assert_ok(&e, v2_auth_shared(&sa, BYTES("secret"), BYTES("octets"), &got, &e));
	assert_int_equal(got.len, 32);
	assert_memory_equal(got.data, want, 32);
}

/* Section 2.23: SHA-1(SPIs | address | port). */
static void nat_detection(void **state)
{
	struct addr a;
	uint8_t octets[64], got[20], want[20];

	(void)state;
	assert_true(addr_parse(&a, "192.0.2.10"));
	a.port = 4500;
	size_t n =
		test_hex("0102030405060708 1112131415161718 c000020a 1194", octets, sizeof(octets));
	SHA1(octets, n, want);
	v2_nat_hash(octets, octets + 8, &a, got);
	assert_memory_equal(got, want, 20);
	assert_true(addr_parse(&a, "2001:db8::1"));
	a.port = 500;
	n = test_hex("0102030405060708 1112131415161718 20010db8000000000000000000000001 01f4",
		octets, sizeof(octets));
	SHA1(octets, n, want);
	v2_nat_hash(octets, octets + 8, &a, got);
	assert_memory_equal(got, want, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_keys),
		cmocka_unit_test(rekeyed),
		cmocka_unit_test(child),
		cmocka_unit_test(signed_octets),
		cmocka_unit_test(intermediate),
		cmocka_unit_test(by_shared_secret),
		cmocka_unit_test(nat_detection),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, NULL);
}
