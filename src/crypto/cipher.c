#include "crypto/cipher.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "direct.h"
#include "lanes.h"
#include "ossl.h"

/* Keys are set up once; a packet costs one IV, the data, and one check value. */

enum { NONCE_MAX = 16, ICV_MAX = 64, STREAM = 16 };

struct cipher {
	const struct alg *encr, *integ;
	struct direct direct;
	EVP_MAC_CTX *mac; /* NULL with an AEAD */
	struct secret mac_key; /* empty: the one that is set in mac serves for each packet */
	struct lanes *lanes; /* to seal many at once; NULL: one by one */
	bool seal;
	bool ccm; /* wants to know the length before the data */
	uint8_t nonce[NONCE_MAX]; /* salt | IV of the packet | block counter of counter mode */
	size_t nonce_len;
	size_t icv_len;
	/* To make them for each packet would cost as much as to use them. */
	OSSL_PARAM tag[2]; /* of an AEAD */
	OSSL_PARAM fixed[2]; /* the nonce, if it goes the short way */
	bool short_way;
};

/* Tag and nonce lengths have to be known before the key: CCM derives its first block from them. */
static bool aead_lengths(struct cipher *c)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &c->nonce_len),
		OSSL_PARAM_construct_end(),
		OSSL_PARAM_construct_end(),
	};

	if (c->ccm)
		params[1] = OSSL_PARAM_construct_octet_string(
			OSSL_CIPHER_PARAM_AEAD_TAG, NULL, c->icv_len);
	return direct_set(&c->direct, params);
}

static bool begin(struct cipher *c, const OSSL_PARAM *params)
{
	return c->short_way ? direct_set(&c->direct, c->fixed) :
			      direct_nonce(&c->direct, c->nonce, c->nonce_len, params);
}

/* What a nonce of equal octets makes of zeros. */
static bool key_stream(struct cipher *c, bool short_way, uint8_t octet, uint8_t out[STREAM])
{
	memset(c->nonce, octet, sizeof(c->nonce));
	memset(out, 0, STREAM);
	c->short_way = short_way;
	return begin(c, NULL) && direct_data(&c->direct, out, STREAM) && direct_end(&c->direct);
}

/*
 * The parameter for the fixed part of TLS's nonce sets the whole of it as well, and a packet is sealed in
 * nine tenths of the time: with a nonce that is passed on from place to place each copy waits for the one
 * before. It is not promised to, and a nonce that is not taken would be the end of all secrecy: so it is tried
 * with each key.
 */
static void try_short_way(struct cipher *c)
{
	uint8_t expected[STREAM], other[STREAM], got[STREAM];

	c->fixed[0] = OSSL_PARAM_construct_octet_string(
		OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, c->nonce, c->nonce_len);
	c->fixed[1] = OSSL_PARAM_construct_end();
	ERR_set_mark();
	bool ok = key_stream(c, false, 1, expected) && key_stream(c, false, 2, other) &&
		key_stream(c, true, 1, got);
	ERR_pop_to_mark();
	c->short_way =
		ok && memcmp(expected, other, STREAM) != 0 && memcmp(expected, got, STREAM) == 0;
	wipe(expected, sizeof(expected));
	wipe(other, sizeof(other));
	wipe(got, sizeof(got));
}

static bool encr_init(struct cipher *c, const struct secret *key)
{
	const struct alg *encr = c->encr;

	if (!direct_new(&c->direct, encr->ossl, c->seal))
		return false;
	c->ccm = EVP_CIPHER_get_mode(c->direct.cipher) == EVP_CIPH_CCM_MODE;
	c->tag[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, c->icv_len);
	c->tag[1] = OSSL_PARAM_construct_end();
	c->nonce_len = encr->aead ? (size_t)encr->salt_len + encr->iv_len :
				    (size_t)EVP_CIPHER_get_iv_length(c->direct.cipher);
	if (c->nonce_len > NONCE_MAX || (encr->aead && !aead_lengths(c)) ||
		!direct_key(&c->direct, key->data, encr->key_len))
		return false;
	if (encr->id == ENCR_CHACHA20_POLY1305 && c->seal)
		try_short_way(c);
	memcpy(c->nonce, key->data + encr->key_len, encr->salt_len);
	if (encr->id == ENCR_AES_CTR)
		c->nonce[NONCE_MAX - 1] = 1; /* where counting begins (RFC 3686 section 4) */
	return true;
}

/*
 * Whether a MAC begins anew with the key that is set: to give it for each packet would cost as much as a quarter of
 * it. OpenSSL 3.0.0 to 3.0.2 do nothing, and report it as done.
 */
static bool begins_anew(EVP_MAC_CTX *mac)
{
	uint8_t first[ICV_MAX], again[ICV_MAX];
	size_t n = 0, m = 0;

	return EVP_MAC_final(mac, first, &n, sizeof(first)) == 1 &&
		EVP_MAC_init(mac, NULL, 0, NULL) == 1 &&
		EVP_MAC_final(mac, again, &m, sizeof(again)) == 1 && n == m &&
		memcmp(first, again, n) == 0;
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
	if (!c->mac || EVP_MAC_init(c->mac, key->data, key->len, params) != 1)
		return false;
	ERR_set_mark();
	if (!begins_anew(c->mac))
		c->mac_key = *key;
	ERR_pop_to_mark();
	return true;
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
	direct_free(&c->direct);
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

static bool set_nonce(struct cipher *c, const uint8_t *iv, const OSSL_PARAM *params)
{
	put_iv(c, iv);
	return begin(c, params);
}

/* CCM says yes or no in its one update; its end would only repeat it. */
static bool run_cipher(struct cipher *c, const struct cipher_op *op)
{
	return (op->len == 0 || direct_data(&c->direct, op->data, op->len)) &&
		(c->ccm || direct_end(&c->direct));
}

static bool run_aead(struct cipher *c, const struct cipher_op *op)
{
	struct direct *d = &c->direct;

	c->tag[0].data = op->icv;
	return op->tail_len == 0 && set_nonce(c, op->iv, c->seal ? NULL : c->tag) &&
		(!c->ccm || direct_aad(d, NULL, op->len)) &&
		(op->aad_len == 0 || direct_aad(d, op->aad, op->aad_len)) && run_cipher(c, op) &&
		(!c->seal || direct_get(d, c->tag));
}

/* After a packet that has not come to its end only the long way is sure to begin anew. */
static bool aead_packet(struct cipher *c, const struct cipher_op *op)
{
	bool ok = run_aead(c, op);

	c->short_way &= ok;
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

	const struct secret *key = &c->mac_key;

	return EVP_MAC_init(c->mac, key->len ? key->data : NULL, key->len, NULL) == 1 &&
		mac_packet(c, op) &&
		(op->tail_len == 0 || EVP_MAC_update(c->mac, op->tail, op->tail_len) == 1) &&
		EVP_MAC_final(c->mac, icv, &n, ICV_MAX) == 1 && n >= c->icv_len;
}

/* Without data CCM would never come to compare its check value; ESP and SK are never empty. */
static bool op_fits(const struct cipher *c, const struct cipher_op *op, bool seal)
{
	return c->seal == seal && (op->len > 0 || !c->ccm) && op->len % c->encr->block_len == 0;
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
	return set_nonce(c, op->iv, NULL) && run_cipher(c, op) && put_mac(c, op);
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
		set_nonce(c, op->iv, NULL) && run_cipher(c, op);
}
