#include "crypto/ke.h"

#include <openssl/bn.h>
#include <openssl/core_dispatch.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "ossl.h"

enum { KE_PRIVATE_MAX = 80 };

enum ke_kind { KIND_MODP, KIND_ECP, KIND_MONTGOMERY, KIND_KEM };

struct ke {
	const struct alg *group;
	const struct ke_row *row;
	uint8_t private[KE_PRIVATE_MAX];
	EVP_PKEY *pair; /* made from private; NULL: not of this kind */
	size_t public_len;
	uint8_t public[KE_PUBLIC_MAX];
};

/* MODP: private values of at least twice the strength, as long as the higher estimate of RFC 3526
 * section 8 wants. ECP: of the group order. X25519, X448: RFC 7748 section 5. ML-KEM: the seed that its
 * key pair is made from, d and z of FIPS 203 section 7.1. */
struct ke_row {
	uint16_t id;
	enum ke_kind kind;
	uint16_t private_len;
	BIGNUM *(*prime)(BIGNUM *);
	int nid;
};

static const struct ke_row rows[] = {
	{ KE_MODP1024, KIND_MODP, 40, BN_get_rfc2409_prime_1024, 0 },
	{ KE_MODP1536, KIND_MODP, 40, BN_get_rfc3526_prime_1536, 0 },
	{ KE_MODP2048, KIND_MODP, 64, BN_get_rfc3526_prime_2048, 0 },
	{ KE_MODP3072, KIND_MODP, 64, BN_get_rfc3526_prime_3072, 0 },
	{ KE_MODP4096, KIND_MODP, 64, BN_get_rfc3526_prime_4096, 0 },
	{ KE_MODP6144, KIND_MODP, 80, BN_get_rfc3526_prime_6144, 0 },
	{ KE_MODP8192, KIND_MODP, 80, BN_get_rfc3526_prime_8192, 0 },
	{ KE_ECP256, KIND_ECP, 32, NULL, NID_X9_62_prime256v1 },
	{ KE_ECP384, KIND_ECP, 48, NULL, NID_secp384r1 },
	{ KE_ECP521, KIND_ECP, 66, NULL, NID_secp521r1 },
	{ KE_X25519, KIND_MONTGOMERY, 32, NULL, 0 },
	{ KE_X448, KIND_MONTGOMERY, 56, NULL, 0 },
	{ KE_ML_KEM_512, KIND_KEM, 64, NULL, 0 },
	{ KE_ML_KEM_768, KIND_KEM, 64, NULL, 0 },
	{ KE_ML_KEM_1024, KIND_KEM, 64, NULL, 0 },
};

static const struct ke_row *row_of(const struct alg *group)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (group->type == TRANSFORM_KE && rows[i].id == group->id)
			return &rows[i];
	return NULL;
}

static bool has_curve(int nid)
{
	EC_builtin_curve curves[128];
	size_t n = EC_get_builtin_curves(curves, ARRAY_LEN(curves));

	for (size_t i = 0; i < n && i < ARRAY_LEN(curves); i++)
		if (curves[i].nid == nid)
			return true;
	return false;
}

bool ke_has(const struct alg *group)
{
	const struct ke_row *row = row_of(group);

	if (!row)
		return false;
	switch (row->kind) {
	case KIND_MODP:
		return true;
	case KIND_ECP:
		return has_curve(row->nid);
	case KIND_MONTGOMERY:
		return ossl_has(OSSL_OP_KEYEXCH, group->ossl);
	case KIND_KEM: /* OpenSSL 3.5 and later */
		return ossl_has(OSSL_OP_KEM, group->ossl);
	}
	return false;
}

/* base ^ private mod p into out, of the prime's length. base NULL: the generator, 2. With a base,
 * it must lie in 2 .. p - 2 (RFC 6989 section 2.1): these are safe primes, so that is enough. */
static bool modp_power(const struct ke *k, const struct bytes *base, uint8_t *out, bool *refused)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = k->row->prime(NULL), *top = BN_new(), *result = BN_new();
	BIGNUM *x = BN_secure_new(), *b = base ? BN_bin2bn(base->p, (int)base->n, NULL) : BN_new();
	bool ok = ctx && p && top && result && b && x &&
		BN_bin2bn(k->private, k->row->private_len, x) && (base || BN_set_word(b, 2)) &&
		BN_sub(top, p, BN_value_one());

	*refused = ok && (BN_is_zero(b) || BN_is_one(b) || BN_cmp(b, top) >= 0);
	if (ok) {
		BN_set_flags(x, BN_FLG_CONSTTIME);
		ok = !*refused && BN_mod_exp_mont_consttime(result, b, x, p, ctx, NULL) == 1 &&
			BN_bn2binpad(result, out, k->group->out_len) == k->group->out_len;
	}
	BN_clear_free(x);
	BN_clear_free(result);
	BN_free(b);
	BN_free(top);
	BN_free(p);
	BN_CTX_free(ctx);
	return ok;
}

/* A private value in 1 .. n - 1, drawn again until it is (FIPS 186-4 appendix B.4.2). */
static bool ecp_private(struct ke *k, const EC_GROUP *g, struct rng *rng)
{
	const BIGNUM *order = EC_GROUP_get0_order(g);
	unsigned spare = 8u * k->row->private_len - (unsigned)BN_num_bits(order);
	BIGNUM *d = BN_secure_new();
	bool good = false;

	for (int tries = 0; d && !good && tries < 128; tries++) {
		rng_fill(rng, k->private, k->row->private_len);
		k->private[0] &= (uint8_t)(0xff >> spare);
		if (!BN_bin2bn(k->private, k->row->private_len, d))
			break;
		good = !BN_is_zero(d) && BN_cmp(d, order) < 0;
	}
	BN_clear_free(d);
	return good;
}

/* d * point (NULL: the generator) into xy, both coordinates without the leading form octet. */
static bool ecp_multiply(const struct ke *k, const EC_GROUP *g, const EC_POINT *point, uint8_t *xy)
{
	uint8_t buf[1 + KE_PUBLIC_MAX];
	size_t len = k->group->out_len;
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *d = BN_secure_new();
	EC_POINT *r = EC_POINT_new(g);
	bool ok = ctx && d && r && BN_bin2bn(k->private, k->row->private_len, d);

	if (ok) {
		BN_set_flags(d, BN_FLG_CONSTTIME);
		ok = EC_POINT_mul(g, r, point ? NULL : d, point, point ? d : NULL, ctx) == 1 &&
			EC_POINT_point2oct(g, r, POINT_CONVERSION_UNCOMPRESSED, buf, sizeof(buf),
				ctx) == 1 + len;
	}
	if (ok)
		memcpy(xy, buf + 1, len);
	wipe(buf, sizeof(buf));
	EC_POINT_clear_free(r);
	BN_clear_free(d);
	BN_CTX_free(ctx);
	return ok;
}

static bool ecp_new(struct ke *k, struct rng *rng)
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(k->row->nid);
	bool ok = g && ecp_private(k, g, rng) && ecp_multiply(k, g, NULL, k->public);

	EC_GROUP_free(g);
	return ok;
}

/* Coordinates below p and on the curve (RFC 6989 section 2.3), which EC_POINT_oct2point checks; the
 * cofactor is one. The shared secret is the x coordinate alone (RFC 5903 section 7). */
static bool ecp_shared(const struct ke *k, struct bytes peer, uint8_t *out, bool *refused)
{
	uint8_t form[1 + KE_PUBLIC_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
	uint8_t xy[KE_PUBLIC_MAX];
	EC_GROUP *g = EC_GROUP_new_by_curve_name(k->row->nid);
	EC_POINT *q = g ? EC_POINT_new(g) : NULL;

	memcpy(form + 1, peer.p, peer.n);
	*refused = q && EC_POINT_oct2point(g, q, form, 1 + peer.n, NULL) != 1;
	bool ok = q && !*refused && ecp_multiply(k, g, q, xy);
	if (ok)
		memcpy(out, xy, k->group->out_len / 2);
	wipe(xy, sizeof(xy));
	EC_POINT_free(q);
	EC_GROUP_free(g);
	return ok;
}

static bool public_of_pair(struct ke *k)
{
	size_t len = sizeof(k->public);

	return k->pair && EVP_PKEY_get_raw_public_key(k->pair, k->public, &len) == 1 &&
		len == k->group->out_len;
}

static bool montgomery_new(struct ke *k)
{
	k->pair = EVP_PKEY_new_raw_private_key_ex(
		NULL, k->group->ossl, NULL, k->private, k->row->private_len);
	return public_of_pair(k);
}

/* A point of small order makes the shared secret zero whatever our private value is: refused
 * (RFC 8031 section 2, RFC 7748 section 6). OpenSSL's derive fails on it. */
static bool montgomery_shared(const struct ke *k, struct bytes peer, uint8_t *out, bool *refused)
{
	static const uint8_t zero[KE_PRIVATE_MAX];
	size_t len = k->group->out_len;
	EVP_PKEY *pub = EVP_PKEY_new_raw_public_key_ex(NULL, k->group->ossl, NULL, peer.p, peer.n);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pair, NULL);
	bool ready = ctx && pub && EVP_PKEY_derive_init(ctx) == 1 &&
		EVP_PKEY_derive_set_peer(ctx, pub) == 1;

	*refused = ready && (EVP_PKEY_derive(ctx, out, &len) != 1 || same_bytes(out, zero, len));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pub);
	return ready && !*refused && len == k->group->out_len;
}

/* --- ML-KEM, FIPS 203 ------------------------------------------------------------------------------- */

/* OpenSSL's names for what tests of its own make it deterministic by, and we for ours. */
static char kem_seed[] = "seed", kem_random[] = "ikme";
enum { KEM_RANDOM_LEN = 32, KEM_SECRET_LEN = 32 };

static EVP_PKEY *kem_pair(const struct ke *k)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, k->group->ossl, NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
			kem_seed, (void *)k->private, k->row->private_len),
		OSSL_PARAM_construct_end(),
	};

	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_CTX_set_params(ctx, params) != 1 ||
		EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool kem_new(struct ke *k)
{
	k->pair = kem_pair(k);
	return public_of_pair(k);
}

/* A ciphertext of the right length is never refused: what was tampered with gives another secret. */
static bool kem_open(const struct ke *k, struct bytes peer, struct ke_secret *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pair, NULL);

	out->len = sizeof(out->data);
	bool ok = ctx && EVP_PKEY_decapsulate_init(ctx, NULL) == 1 &&
		EVP_PKEY_decapsulate(ctx, out->data, &out->len, peer.p, peer.n) == 1 &&
		out->len == KEM_SECRET_LEN;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* The public key is checked when it is read (FIPS 203 section 7.2). */
static bool kem_seal(
	struct ke *k, struct rng *rng, struct bytes peer, struct ke_secret *out, bool *refused)
{
	uint8_t random[KEM_RANDOM_LEN];
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, k->group->ossl, NULL, peer.p, peer.n);
	EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(kem_random, random, sizeof(random)),
		OSSL_PARAM_construct_end(),
	};

	*refused = !key;
	rng_fill(rng, random, sizeof(random));
	k->public_len = sizeof(k->public);
	out->len = sizeof(out->data);
	bool ok = ctx && EVP_PKEY_encapsulate_init(ctx, params) == 1 &&
		EVP_PKEY_encapsulate(ctx, k->public, &k->public_len, out->data, &out->len) == 1 &&
		out->len == KEM_SECRET_LEN && k->public_len == k->group->reply_len;
	wipe(random, sizeof(random));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

/* --- all of them ------------------------------------------------------------------------------------ */

static bool make_pair(struct ke *k, struct rng *rng)
{
	bool refused;

	switch (k->row->kind) {
	case KIND_ECP:
		return ecp_new(k, rng);
	case KIND_MODP:
		rng_fill(rng, k->private, k->row->private_len);
		return modp_power(k, NULL, k->public, &refused);
	case KIND_MONTGOMERY:
		rng_fill(rng, k->private, k->row->private_len);
		return montgomery_new(k);
	case KIND_KEM:
		rng_fill(rng, k->private, k->row->private_len);
		return kem_new(k);
	}
	return false;
}

static struct ke *begin(const struct alg *group, struct err *e)
{
	const struct ke_row *row = row_of(group);

	if (!row) {
		err_set(e, ERR_BUG, "%s is not a key exchange method", group->name);
		return NULL;
	}
	struct ke *k = calloc(1, sizeof(*k));
	if (!k) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	k->group = group;
	k->row = row;
	k->public_len = group->out_len;
	return k;
}

struct ke *ke_new(const struct alg *group, struct rng *rng, struct err *e)
{
	struct ke *k = begin(group, e);

	if (!k || make_pair(k, rng))
		return k;
	ossl_err(e, ERR_LOCAL, group->iana);
	ke_free(k);
	return NULL;
}

void ke_free(struct ke *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pair);
	wipe(k, sizeof(*k));
	free(k);
}

const struct alg *ke_group(const struct ke *k)
{
	return k->group;
}

struct bytes ke_public(const struct ke *k)
{
	return (struct bytes){ k->public, k->public_len };
}

static bool compute_shared(
	const struct ke *k, struct bytes peer, struct ke_secret *out, bool *refused)
{
	out->len = k->row->kind == KIND_ECP ? k->group->out_len / 2u : k->group->out_len;
	*refused = false;
	switch (k->row->kind) {
	case KIND_MODP:
		return modp_power(k, &peer, out->data, refused);
	case KIND_ECP:
		return ecp_shared(k, peer, out->data, refused);
	case KIND_MONTGOMERY:
		return montgomery_shared(k, peer, out->data, refused);
	case KIND_KEM:
		return kem_open(k, peer, out);
	}
	return false;
}

/* RFC 7296 section 3.4: as long as the modulus, leading zeros and all. */
static bool length_fits(const struct alg *group, struct bytes peer, size_t want, struct err *e)
{
	return peer.n == want ||
		err_set(e, ERR_PEER, "the gateway's public value has %zu octet%s, %s has %zu",
			peer.n, plural(peer.n), group->name, want);
}

static bool failed(const struct alg *group, bool refused, struct ke_secret *out, struct err *e)
{
	wipe(out, sizeof(*out));
	if (!refused)
		return ossl_err(e, ERR_LOCAL, group->iana);
	ossl_err(NULL, ERR_PEER, group->iana);
	return err_set(e, ERR_PEER, "the gateway's public value is not valid in %s", group->name);
}

bool ke_shared(const struct ke *k, struct bytes peer, struct ke_secret *out, struct err *e)
{
	const struct alg *g = k->group;
	bool refused;

	wipe(out, sizeof(*out));
	if (!length_fits(g, peer, g->reply_len ? g->reply_len : g->out_len, e))
		return false;
	return compute_shared(k, peer, out, &refused) || failed(g, refused, out, e);
}

static struct ke *encapsulate(const struct alg *group, struct rng *rng, struct bytes peer,
	struct ke_secret *out, struct err *e)
{
	struct ke *k = begin(group, e);
	bool refused;

	wipe(out, sizeof(*out));
	if (k && length_fits(group, peer, group->out_len, e) &&
		(kem_seal(k, rng, peer, out, &refused) || failed(group, refused, out, e)))
		return k;
	ke_free(k);
	return NULL;
}

struct ke *ke_answer(const struct alg *group, struct rng *rng, struct bytes peer,
	struct ke_secret *out, struct err *e)
{
	if (group->reply_len)
		return encapsulate(group, rng, peer, out, e);
	struct ke *k = ke_new(group, rng, e);
	if (k && ke_shared(k, peer, out, e))
		return k;
	ke_free(k);
	return NULL;
}
