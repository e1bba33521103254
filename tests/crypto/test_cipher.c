#include "crypto/cipher.h"
#include "lib/test.h"
#include "lib/vectors.h"

#include <openssl/evp.h>

enum { DATA_MAX = 2048 };

static struct err err;

static const struct alg *encr(const char *name)
{
	const struct alg *a = alg_by_name(TRANSFORM_ENCR, name);

	if (!a)
		fail_msg("no cipher %s", name);
	return a;
}

static const struct alg *integ(const char *name)
{
	const struct alg *a = name ? alg_by_name(TRANSFORM_INTEG, name) : NULL;

	assert_true(!name || a);
	return a;
}

/* Keys of the right size with octets that count up. */
static struct cipher *make(const struct alg *a, const struct alg *b, bool seal)
{
	struct secret key = { .len = (size_t)a->key_len + a->salt_len };
	struct secret integ_key = { .len = b ? b->key_len : 0 };

	for (size_t i = 0; i < SECRET_MAX; i++) {
		key.data[i] = (uint8_t)(i + 1);
		integ_key.data[i] = (uint8_t)(0x80 + i);
	}
	struct cipher *c = cipher_new(a, b, &key, b ? &integ_key : NULL, seal, &err);
	if (!c)
		fail_msg("%s: %s", a->name, err.text);
	return c;
}

/* A packet: everything that an operation points to. */
struct packet {
	uint8_t aad[64], iv[16], data[DATA_MAX], icv[64];
	struct cipher_op op;
};

static void packet_init(struct packet *p, size_t aad_len, size_t len)
{
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < sizeof(p->data); i++)
		p->data[i] = (uint8_t)(3 * i);
	memset(p->iv, 0x11, sizeof(p->iv));
	p->op = (struct cipher_op){ .aad = p->aad,
		.aad_len = aad_len,
		.iv = p->iv,
		.data = p->data,
		.len = len,
		.icv = p->icv };
}

static void rfc_vectors(void **state)
{
	uint8_t ct[256], tag[16], msg[256];
	struct packet p;
	struct vectors v;

	(void)state;
	vectors_open(&v, "rfc_cipher.txt");
	while (vectors_next(&v)) {
		const struct alg *a = encr(vector_text(&v, "alg"));
		const struct alg *b = a->aead ? NULL : integ("sha256");
		struct secret key, zeros = { .len = 32 };
		packet_init(&p, 0, 0);
		key.len = vector_hex(&v, "key", key.data, sizeof(key.data));
		assert_int_equal(vector_hex(&v, "iv", p.iv, sizeof(p.iv)), a->iv_len);
		p.op.aad_len = vector_hex(&v, "aad", p.aad, sizeof(p.aad));
		p.op.len = vector_hex(&v, "msg", p.data, sizeof(p.data));
		assert_int_equal(vector_hex(&v, "msg", msg, sizeof(msg)), p.op.len);
		assert_int_equal(vector_hex(&v, "ct", ct, sizeof(ct)), p.op.len);
		struct cipher *seal = cipher_new(a, b, &key, b ? &zeros : NULL, true, &err);
		struct cipher *open = cipher_new(a, b, &key, b ? &zeros : NULL, false, &err);
		assert_true(seal && open);
		assert_true(cipher_seal(seal, &p.op));
		if (memcmp(p.data, ct, p.op.len) != 0)
			fail_msg("%s: other ciphertext", vector_text(&v, "id"));
		if (a->aead) {
			assert_int_equal(vector_hex(&v, "tag", tag, sizeof(tag)), sizeof(tag));
			assert_memory_equal(p.icv, tag, sizeof(tag));
		}
		assert_true(cipher_open(open, &p.op));
		assert_memory_equal(p.data, msg, p.op.len);
		cipher_free(seal);
		cipher_free(open);
	}
	assert_int_equal(v.cases, 15);
	vectors_close(&v);
}

/* Key, salt and IV are cut from key and nonce as RFC 4106 and RFC 7634 put them together. */
static void wycheproof(const char *name, unsigned cases)
{
	static uint8_t msg[DATA_MAX], ct[DATA_MAX], aad[DATA_MAX];
	uint8_t nonce[12], tag[16];
	struct packet p;
	struct vectors v;

	vectors_open(&v, name);
	while (vectors_next(&v)) {
		const struct alg *a = encr(vector_text(&v, "alg"));
		bool good = vector_is(&v, "result", "valid");
		struct secret key;
		packet_init(&p, 0, 0);
		key.len = vector_hex(&v, "key", key.data, sizeof(key.data));
		assert_int_equal(vector_hex(&v, "nonce", nonce, sizeof(nonce)), 12);
		memcpy(key.data + key.len, nonce, 4);
		key.len += 4;
		memcpy(p.iv, nonce + 4, 8);
		p.op.aad = aad;
		p.op.aad_len = vector_hex(&v, "aad", aad, sizeof(aad));
		p.op.len = vector_hex(&v, "ct", p.data, sizeof(p.data));
		assert_int_equal(vector_hex(&v, "ct", ct, sizeof(ct)), p.op.len);
		assert_int_equal(vector_hex(&v, "msg", msg, sizeof(msg)), p.op.len);
		assert_int_equal(vector_hex(&v, "tag", tag, sizeof(tag)), 16);
		memcpy(p.icv, tag, sizeof(tag));
		struct cipher *seal = cipher_new(a, NULL, &key, NULL, true, &err);
		struct cipher *open = cipher_new(a, NULL, &key, NULL, false, &err);
		assert_true(seal && open);
		if (cipher_open(open, &p.op) != good)
			fail_msg("%s %s", name, vector_text(&v, "id"));
		if (good) {
			assert_memory_equal(p.data, msg, p.op.len);
			memset(p.icv, 0, sizeof(p.icv));
			assert_true(cipher_seal(seal, &p.op));
			assert_memory_equal(p.data, ct, p.op.len);
			assert_memory_equal(p.icv, tag, sizeof(tag));
		}
		cipher_free(seal);
		cipher_free(open);
	}
	assert_int_equal(v.cases, cases);
	vectors_close(&v);
}

static void wycheproof_gcm(void **state)
{
	(void)state;
	wycheproof("wycheproof_gcm.txt", 197);
}

static void wycheproof_chacha(void **state)
{
	(void)state;
	wycheproof("wycheproof_chacha.txt", 316);
}

/* CCM as RFC 3610 section 2 defines it, put together from single AES blocks: no vectors with the
 * nonce of RFC 4309 (salt of 3, IV of 8) are at hand. */
static void aes_block(const uint8_t *key, size_t key_len, const uint8_t in[16], uint8_t out[16])
{
	const EVP_CIPHER *aes = key_len == 16 ? EVP_aes_128_ecb() :
		key_len == 24                 ? EVP_aes_192_ecb() :
						EVP_aes_256_ecb();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	assert_non_null(ctx);
	assert_int_equal(EVP_EncryptInit_ex2(ctx, aes, key, NULL, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, in, 16), 1);
	assert_int_equal(n, 16);
	EVP_CIPHER_CTX_free(ctx);
}

static void mac_add(const uint8_t *key, size_t key_len, uint8_t mac[16], const uint8_t *p, size_t n)
{
	for (size_t at = 0; at < n; at += 16) {
		for (size_t i = 0; i < 16 && at + i < n; i++)
			mac[i] ^= p[at + i];
		aes_block(key, key_len, mac, mac);
	}
}

static void ccm_by_hand(const uint8_t *key, size_t key_len, const uint8_t nonce[11],
	const struct packet *p, uint8_t *ct, uint8_t *tag, size_t tag_len)
{
	uint8_t mac[16] = { 0 }, block[16], aad[2 + sizeof(p->aad)], pad[16];
	size_t len = p->op.len;

	block[0] = (uint8_t)(0x40 | (tag_len - 2) / 2 << 3 | 3);
	memcpy(block + 1, nonce, 11);
	for (int i = 0; i < 4; i++)
		block[12 + i] = (uint8_t)(len >> (24 - 8 * i));
	mac_add(key, key_len, mac, block, 16);
	aad[0] = 0;
	aad[1] = (uint8_t)p->op.aad_len;
	memcpy(aad + 2, p->aad, p->op.aad_len);
	mac_add(key, key_len, mac, aad, 2 + p->op.aad_len);
	mac_add(key, key_len, mac, p->data, len);
	block[0] = 3;
	for (size_t count = 0; count <= (len + 15) / 16; count++) {
		for (int i = 0; i < 4; i++)
			block[12 + i] = (uint8_t)(count >> (24 - 8 * i));
		aes_block(key, key_len, block, pad);
		/* Block 0 covers the tag, the others the data. */
		for (size_t i = 0; i < 16; i++) {
			size_t at = 16 * count + i - 16;
			if (count == 0 && i < tag_len)
				tag[i] = mac[i] ^ pad[i];
			else if (count > 0 && at < len)
				ct[at] = p->data[at] ^ pad[i];
		}
	}
}

static void ccm_is_ccm(void **state)
{
	const struct alg *a;
	uint8_t ct[100], tag[16];
	struct packet p;
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; (a = alg_row(i)); i++) {
		if (a->type != TRANSFORM_ENCR || !strstr(a->name, "ccm"))
			continue;
		uint8_t key[35], nonce[11];
		for (size_t k = 0; k < sizeof(key); k++)
			key[k] = (uint8_t)(k + 1);
		packet_init(&p, 12, 77);
		memcpy(nonce, key + a->key_len, 3);
		memcpy(nonce + 3, p.iv, 8);
		ccm_by_hand(key, a->key_len, nonce, &p, ct, tag, a->out_len);
		struct cipher *c = make(a, NULL, true);
		assert_true(cipher_seal(c, &p.op));
		assert_memory_equal(p.data, ct, 77);
		assert_memory_equal(p.icv, tag, a->out_len);
		cipher_free(c);
		seen++;
	}
	assert_int_equal(seen, 9);
}

/* HMAC over aad | IV | ciphertext | tail, computed apart. */
static void mac_covers_all(void **state)
{
	static const uint8_t tail[4] = { 0, 0, 0, 7 };
	uint8_t key[20], want[64], input[8 + 16 + 64 + 4];
	struct packet p;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0x80 + i);
	packet_init(&p, 8, 64);
	p.op.tail = tail;
	p.op.tail_len = sizeof(tail);
	struct cipher *c = make(encr("aes256"), integ("sha1"), true);
	assert_true(cipher_seal(c, &p.op));
	memcpy(input, p.aad, 8);
	memcpy(input + 8, p.iv, 16);
	memcpy(input + 24, p.data, 64);
	memcpy(input + 88, tail, 4);
	assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA1", NULL, key, sizeof(key), input,
		sizeof(input), want, sizeof(want), &n));
	assert_int_equal(cipher_icv_len(c), 12);
	assert_memory_equal(p.icv, want, 12);
	assert_int_equal(p.icv[12], 0); /* not one octet more */
	cipher_free(c);
}

/* Every bit of every part counts. */
static void tampering(const struct alg *a, const struct alg *b)
{
	static const uint8_t tail[4] = { 1, 2, 3, 4 };
	struct cipher *seal = make(a, b, true), *open = make(a, b, false);
	struct packet good, bad;

	packet_init(&good, 12, 48);
	good.op.tail = b ? tail : NULL;
	good.op.tail_len = b ? sizeof(tail) : 0;
	assert_true(cipher_seal(seal, &good.op));
	struct {
		size_t at, n;
	} parts[] = { { offsetof(struct packet, aad), 12 },
		{ offsetof(struct packet, iv), a->iv_len }, { offsetof(struct packet, data), 48 },
		{ offsetof(struct packet, icv), cipher_icv_len(open) } };
	for (size_t part = 0; part < ARRAY_LEN(parts); part++)
		for (size_t bit = 0; bit < 8 * parts[part].n; bit += 5) {
			bad = good;
			bad.op.aad = bad.aad;
			bad.op.iv = bad.iv;
			bad.op.data = bad.data;
			bad.op.icv = bad.icv;
			((uint8_t *)&bad)[parts[part].at + bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (cipher_open(open, &bad.op))
				fail_msg("%s: bit %zu of part %zu", a->name, bit, part);
		}
	if (b) {
		bad = good;
		bad.op.tail_len = 0;
		bad.op.data = bad.data;
		assert_false(cipher_open(open, &bad.op));
	}
	assert_true(cipher_open(open, &good.op)); /* and a failure leaves no trace */
	for (size_t i = 0; i < 48; i++)
		assert_int_equal(good.data[i], (uint8_t)(3 * i));
	cipher_free(seal);
	cipher_free(open);
}

static void all_ciphers(void **state)
{
	const struct alg *a;

	(void)state;
	for (size_t i = 0; (a = alg_row(i)); i++) {
		if (a->type == TRANSFORM_ENCR)
			tampering(a, a->aead ? NULL : integ("sha384"));
		if (a->type == TRANSFORM_INTEG)
			tampering(encr("aes192"), a);
	}
}

/* As a cipher makes it that has had no packet before. */
static void made_afresh(const struct alg *a, const struct alg *b, const struct packet *got)
{
	struct cipher *fresh = make(a, b, true);
	struct packet p;

	packet_init(&p, got->op.aad_len, got->op.len);
	memcpy(p.iv, got->iv, sizeof(p.iv));
	assert_true(cipher_seal(fresh, &p.op));
	assert_memory_equal(p.data, got->data, got->op.len);
	assert_memory_equal(p.icv, got->icv, cipher_icv_len(fresh));
	cipher_free(fresh);
}

/* The IV decides, not what came before. */
static void many_packets_one_key(void **state)
{
	static const char *const names[] = { "aes128gcm16", "aes256gcm8", "chacha20poly1305",
		"aes256ccm16", "aes128", "aes128ctr", "3des" };
	struct packet p, forged;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct alg *a = encr(names[i]), *b = a->aead ? NULL : integ("sha512");
		struct cipher *seal = make(a, b, true), *open = make(a, b, false);
		for (unsigned n = 0; n < 50; n++) {
			packet_init(&p, 8, 16 * (n % 9 + 1) + 8 * (a->block_len == 8));
			p.iv[n % 8] = (uint8_t)n;
			assert_true(cipher_seal(seal, &p.op));
			made_afresh(a, b, &p);
			if (n % 3 == 0) {
				packet_init(&forged, 8, p.op.len);
				assert_false(cipher_open(open, &forged.op));
			}
			assert_true(cipher_open(open, &p.op));
			assert_int_equal(p.data[15], 45);
		}
		cipher_free(seal);
		cipher_free(open);
	}
}

static void sizes_that_do_not_fit(void **state)
{
	struct secret key = { .len = 36 }, short_key = { .len = 32 }, mac = { .len = 32 };
	const struct alg *gcm = encr("aes256gcm16"), *cbc = encr("aes256"), *sha = integ("sha256");

	(void)state;
	assert_null(cipher_new(gcm, NULL, &short_key, NULL, true, &err)); /* the salt is missing */
	assert_int_equal(err.kind, ERR_BUG);
	assert_null(cipher_new(gcm, sha, &key, &mac, true, &err));
	assert_null(
		cipher_new(cbc, NULL, &short_key, NULL, true, &err)); /* never unauthenticated */
	assert_null(cipher_new(cbc, sha, &short_key, &key, true, &err));
	assert_null(cipher_new(cbc, sha, &short_key, NULL, true, &err));
	cipher_free(NULL);
}

static void operations_that_do_not_fit(void **state)
{
	struct cipher *cbc = make(encr("aes128"), integ("sha256"), true);
	struct cipher *gcm = make(encr("aes128gcm16"), NULL, true);
	struct cipher *ccm = make(encr("aes128ccm16"), NULL, false);
	struct packet p;

	(void)state;
	packet_init(&p, 8, 15); /* not a block */
	assert_false(cipher_seal(cbc, &p.op));
	packet_init(&p, 8, 16);
	assert_false(cipher_open(cbc, &p.op)); /* the other direction's key */
	p.op.tail = p.aad;
	p.op.tail_len = 4;
	assert_false(cipher_seal(gcm, &p.op)); /* an AEAD has no tail */
	packet_init(&p, 8, 0);
	assert_false(cipher_open(ccm, &p.op));
	cipher_free(cbc);
	cipher_free(gcm);
	cipher_free(ccm);
}

static void nothing_to_encrypt(void **state)
{
	static const char *const names[] = { "aes128gcm16", "chacha20poly1305", "aes128" };
	struct packet p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct alg *a = encr(names[i]), *b = a->aead ? NULL : integ("sha256");
		struct cipher *seal = make(a, b, true), *open = make(a, b, false);
		packet_init(&p, 8, 0);
		assert_false(cipher_open(open, &p.op));
		assert_true(cipher_seal(seal, &p.op));
		assert_true(cipher_open(open, &p.op));
		cipher_free(seal);
		cipher_free(open);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_vectors),
		cmocka_unit_test(wycheproof_gcm),
		cmocka_unit_test(wycheproof_chacha),
		cmocka_unit_test(ccm_is_ccm),
		cmocka_unit_test(mac_covers_all),
		cmocka_unit_test(all_ciphers),
		cmocka_unit_test(many_packets_one_key),
		cmocka_unit_test(sizes_that_do_not_fit),
		cmocka_unit_test(operations_that_do_not_fit),
		cmocka_unit_test(nothing_to_encrypt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
