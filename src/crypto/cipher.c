#include "crypto/cipher.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "ossl.h"

/* Keys are set up once; a packet costs one IV, the data, and one check value. */

enum { NONCE_MAX = 16, ICV_MAX = 64, STREAM = 16 };

struct cipher {
	const struct alg *encr, *integ;
	EVP_CIPHER_CTX *ctx;
	EVP_MAC_CTX *mac; /* NULL with an AEAD */
	struct lanes *lanes; /* to seal many at once; NULL: one by one */
	bool seal;
	bool ccm; /* wants to know the length before the data */
	uint8_t nonce[NONCE_MAX]; /* salt | IV of the packet | block counter of counter mode */
	size_t icv_len;
	/* Of an AEAD: to make them for each packet would cost as much as to use them. */
	OSSL_PARAM tag[2], start[3]; /* start: nonce, and what tag says when it is known before */
	bool short_way; /* start is taken for the nonce; else it is set the long way */
	bool settled; /* the last packet came to its end */
};

/* Tag and nonce lengths have to be known before the key: CCM derives its first block from them. */
static bool aead_lengths(struct cipher *c)
{
	size_t nonce_len = c->encr->salt_len + c->encr->iv_len;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &nonce_len),
		OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, c->icv_len),
		OSSL_PARAM_construct_end(),
	};

	if (!c->ccm)
		params[1] = OSSL_PARAM_construct_end();
	return EVP_CIPHER_CTX_set_params(c->ctx, params) == 1;
}

static bool nonce_the_long_way(struct cipher *c)
{
	return EVP_CipherInit_ex2(c->ctx, NULL, NULL, c->nonce, -1, c->seal ? NULL : c->tag) == 1;
}

static bool nonce_the_short_way(struct cipher *c)
{
	return EVP_CIPHER_CTX_set_params(c->ctx, c->start) == 1;
}

/* Of the packet that is next. */
static void point_at_icv(struct cipher *c, uint8_t *icv)
{
	c->tag[0].data = icv;
	if (!c->seal)
		c->start[1] = c->tag[0];
}

/* What a nonce of equal octets makes of zeros. */
static bool key_stream(struct cipher *c, bool (*set)(struct cipher *), uint8_t octet, uint8_t *out)
{
	uint8_t icv[ICV_MAX] = { 0 }, rest[EVP_MAX_BLOCK_LENGTH];
	int n = 0, last;

	memset(c->nonce, octet, sizeof(c->nonce));
	memset(out, 0, STREAM);
	point_at_icv(c, icv);
	bool ok = set(c) && EVP_CipherUpdate(c->ctx, out, &n, out, STREAM) == 1 && n == STREAM;
	(void)EVP_CipherFinal_ex(c->ctx, rest, &last); /* an end, though not one of a packet */
	return ok;
}

/*
 * The parameter that sets the fixed part of TLS's nonce sets the whole of it as well, without a search
 * for its length, which with OpenSSL 3.0 takes a tenth of a packet's time and more. It is not promised to,
 * and a nonce that is not taken would be the end of all secrecy: so it is tried with each key.
 */
static bool short_way_leads_there(struct cipher *c)
{
	uint8_t expected[STREAM], other[STREAM], got[STREAM];

	ERR_set_mark();
	bool ok = key_stream(c, nonce_the_long_way, 1, expected) &&
		key_stream(c, nonce_the_long_way, 2, other) &&
		key_stream(c, nonce_the_short_way, 1, got);
	ERR_pop_to_mark();
	ok = ok && memcmp(expected, other, STREAM) != 0 && memcmp(expected, got, STREAM) == 0;
	wipe(expected, sizeof(expected));
	wipe(other, sizeof(other));
	wipe(got, sizeof(got));
	return ok;
}

static void prepare_aead(struct cipher *c)
{
	bool gcm = EVP_CIPHER_CTX_get_mode(c->ctx) == EVP_CIPH_GCM_MODE;
	size_t whole = gcm ? SIZE_MAX : (size_t)c->encr->salt_len + c->encr->iv_len;

	c->tag[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, c->icv_len);
	c->tag[1] = OSSL_PARAM_construct_end();
	c->start[0] = OSSL_PARAM_construct_octet_string(
		OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, c->nonce, whole);
	c->start[1] = c->start[2] = c->tag[1];
	c->short_way = !c->ccm && short_way_leads_there(c);
}

static bool encr_init(struct cipher *c, const struct secret *key)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, c->encr->ossl, NULL);

	c->ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
	bool ok = c->ctx && EVP_CipherInit_ex2(c->ctx, cipher, NULL, NULL, c->seal, NULL) == 1;
	if (ok) {
		c->ccm = EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CCM_MODE;
		ok = (!c->encr->aead || aead_lengths(c)) &&
			EVP_CipherInit_ex2(c->ctx, NULL, key->data, NULL, -1, NULL) == 1 &&
			(c->encr->aead || EVP_CIPHER_CTX_set_padding(c->ctx, 0) == 1);
	}
	EVP_CIPHER_free(cipher);
	if (ok && c->encr->aead)
		prepare_aead(c);
	memcpy(c->nonce, key->data + c->encr->key_len, c->encr->salt_len);
	if (c->encr->id == ENCR_AES_CTR)
		c->nonce[NONCE_MAX - 1] = 1; /* where counting begins (RFC 3686 section 4) */
	return ok;
}

static bool integ_init(struct cipher *c, const struct secret *key)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)c->integ->ossl, 0),
		OSSL_PARAM_construct_end(),
	};

	c->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	return c->mac && EVP_MAC_init(c->mac, key->data, key->len, params) == 1;
}

static bool sizes_fit(const struct alg *encr, const struct alg *integ,
	const struct secret *encr_key, const struct secret *integ_key)
{
	if (encr->aead != !integ || encr_key->len != (size_t)encr->key_len + encr->salt_len)
		return false;
	return !integ || (integ_key && integ_key->len == integ->key_len);
}

struct cipher *cipher_new(const struct alg *encr, const struct alg *integ,
	const struct secret *encr_key, const struct secret *integ_key, bool seal, struct err *e)
{
	if (!sizes_fit(encr, integ, encr_key, integ_key)) {
		err_set(e, ERR_BUG, "%s with %s: keys of the wrong size", encr->iana,
			integ ? integ->iana : "no integrity algorithm");
		return NULL;
	}
	struct cipher *c = calloc(1, sizeof(*c));
	if (!c) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	c->encr = encr;
	c->integ = integ;
	c->seal = seal;
	c->icv_len = integ ? integ->out_len : encr->out_len;
	if (!encr_init(c, encr_key) || (integ && !integ_init(c, integ_key))) {
		ossl_err(e, ERR_LOCAL, encr->iana);
		cipher_free(c);
		return NULL;
	}
	if (seal)
		c->lanes = lanes_new(encr, encr_key);
	return c;
}

void cipher_free(struct cipher *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->ctx);
	EVP_MAC_CTX_free(c->mac);
	lanes_free(c->lanes);
	wipe(c, sizeof(*c));
	free(c);
}

size_t cipher_icv_len(const struct cipher *c)
{
	return c->icv_len;
}

/* Of 8 or 16 octets, which a copy of any length would take as long for as for a hundred. */
static void put_iv(struct cipher *c, const uint8_t *iv)
{
	uint8_t *to = c->nonce + c->encr->salt_len;

	memcpy(to, iv, 8);
	if (c->encr->iv_len == 16)
		memcpy(to + 8, iv + 8, 8);
}

static bool set_nonce(struct cipher *c, const uint8_t *iv)
{
	put_iv(c, iv);
	return EVP_CipherInit_ex2(c->ctx, NULL, NULL, c->nonce, -1, NULL) == 1;
}

static bool run_cipher(struct cipher *c, const struct cipher_op *op)
{
	uint8_t rest[EVP_MAX_BLOCK_LENGTH];
	int n = 0, last = 0;

	if (op->len > 0 && EVP_CipherUpdate(c->ctx, op->data, &n, op->data, (int)op->len) != 1)
		return false;
	/* CCM says yes or no in its one update; a final call would only repeat it. */
	if (!c->ccm && EVP_CipherFinal_ex(c->ctx, rest, &last) != 1)
		return false;
	return (size_t)n == op->len && last == 0;
}

static bool start_aead(struct cipher *c, const struct cipher_op *op)
{
	put_iv(c, op->iv);
	point_at_icv(c, op->icv);
	return c->short_way && c->settled ? nonce_the_short_way(c) : nonce_the_long_way(c);
}

static bool run_aead(struct cipher *c, const struct cipher_op *op)
{
	int n;

	if (op->tail_len > 0 || !start_aead(c, op))
		return false;
	if (c->ccm && EVP_CipherUpdate(c->ctx, NULL, &n, NULL, (int)op->len) != 1)
		return false;
	if (op->aad_len > 0 && EVP_CipherUpdate(c->ctx, NULL, &n, op->aad, (int)op->aad_len) != 1)
		return false;
	return run_cipher(c, op) && (!c->seal || EVP_CIPHER_CTX_get_params(c->ctx, c->tag) == 1);
}

static bool aead_packet(struct cipher *c, const struct cipher_op *op)
{
	bool ok = run_aead(c, op);

	c->settled = ok;
	return ok;
}

/* Each call costs as much as a block and more, and in a packet all of it lies in one piece. */
static bool mac_packet(struct cipher *c, const struct cipher_op *op)
{
	size_t iv_len = c->encr->iv_len;

	if (op->aad_len > 0 && op->aad + op->aad_len == op->iv && op->iv + iv_len == op->data)
		return EVP_MAC_update(c->mac, op->aad, op->aad_len + iv_len + op->len) == 1;
	return (op->aad_len == 0 || EVP_MAC_update(c->mac, op->aad, op->aad_len) == 1) &&
		EVP_MAC_update(c->mac, op->iv, iv_len) == 1 &&
		(op->len == 0 || EVP_MAC_update(c->mac, op->data, op->len) == 1);
}

static bool run_mac(struct cipher *c, const struct cipher_op *op, uint8_t icv[ICV_MAX])
{
	size_t n = 0;

	return EVP_MAC_init(c->mac, NULL, 0, NULL) == 1 && mac_packet(c, op) &&
		(op->tail_len == 0 || EVP_MAC_update(c->mac, op->tail, op->tail_len) == 1) &&
		EVP_MAC_final(c->mac, icv, &n, ICV_MAX) == 1 && n >= c->icv_len;
}

/* Without data CCM would never come to compare its check value; ESP and SK are never empty. */
static bool op_fits(const struct cipher *c, const struct cipher_op *op, bool seal)
{
	return c->seal == seal && (op->len > 0 || !c->ccm) && op->len % c->encr->block_len == 0 &&
		op->len <= INT_MAX && op->aad_len <= INT_MAX;
}

static bool put_mac(struct cipher *c, const struct cipher_op *op)
{
	uint8_t icv[ICV_MAX];

	if (!run_mac(c, op, icv))
		return false;
	memcpy(op->icv, icv, c->icv_len);
	return true;
}

bool cipher_seal(struct cipher *c, const struct cipher_op *op)
{
	if (!op_fits(c, op, true))
		return false;
	if (!c->mac)
		return aead_packet(c, op);
	return set_nonce(c, op->iv) && run_cipher(c, op) && put_mac(c, op);
}

/* At most LANES_MAX. */
static bool seal_side_by_side(struct cipher *c, const struct cipher_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!op_fits(c, &ops[i], true))
			return false;
	if (!lanes_encrypt(c->lanes, ops, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!put_mac(c, &ops[i]))
			return false;
	return true;
}

bool cipher_seal_many(struct cipher *c, const struct cipher_op *ops, size_t n)
{
	for (size_t i = 0, some; i < n; i += some) {
		some = !c->lanes ? 1 : n - i < LANES_MAX ? n - i : LANES_MAX;
		if (some > 1 ? !seal_side_by_side(c, &ops[i], some) : !cipher_seal(c, &ops[i]))
			return false;
	}
	return true;
}

bool cipher_open(struct cipher *c, const struct cipher_op *op)
{
	uint8_t icv[ICV_MAX];

	if (!op_fits(c, op, false))
		return false;
	if (!c->mac)
		return aead_packet(c, op);
	return run_mac(c, op, icv) && same_bytes(icv, op->icv, c->icv_len) &&
		set_nonce(c, op->iv) && run_cipher(c, op);
}
