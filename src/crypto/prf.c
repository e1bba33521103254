#include "crypto/prf.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "ossl.h"

/* The key is given each time: to begin anew with the one that is set does nothing in OpenSSL 3.0.0 to 3.0.2, and is
 * reported as done. A NULL key would mean that, so an empty one needs an address as well. */
static bool hmac_begin(EVP_MAC_CTX *ctx, struct bytes key, const OSSL_PARAM *params)
{
	return EVP_MAC_init(ctx, key.n ? key.p : (const void *)"", key.n, params) == 1;
}

/* A context keyed for a, to be freed by the caller; NULL on failure. */
static EVP_MAC_CTX *hmac_new(const struct alg *a, struct bytes key)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)a->ossl, 0),
		OSSL_PARAM_construct_end(),
	};

	EVP_MAC_free(mac);
	if (ctx && hmac_begin(ctx, key, params))
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

static bool hmac_add(EVP_MAC_CTX *ctx, const struct bytes *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (parts[i].n > 0 && EVP_MAC_update(ctx, parts[i].p, parts[i].n) != 1)
			return false;
	return true;
}

bool prf(const struct alg *a, struct bytes key, const struct bytes *parts, size_t n_parts,
	struct secret *out, struct err *e)
{
	EVP_MAC_CTX *ctx = hmac_new(a, key);
	size_t len = 0;

	secret_wipe(out);
	bool ok = ctx && hmac_add(ctx, parts, n_parts) &&
		EVP_MAC_final(ctx, out->data, &len, sizeof(out->data)) == 1 && len == a->out_len;
	EVP_MAC_CTX_free(ctx);
	if (!ok) {
		secret_wipe(out);
		return ossl_err(e, ERR_LOCAL, a->iana);
	}
	out->len = len;
	return true;
}

/* T1 = prf(K, S | 0x01), Tn = prf(K, Tn-1 | S | n): RFC 7296 section 2.13. */
static bool prf_plus_blocks(const struct alg *a, EVP_MAC_CTX *ctx, struct bytes key,
	const struct bytes *seed, size_t n_seed, uint8_t *out, size_t len)
{
	uint8_t block[EVP_MAX_MD_SIZE];
	bool ok = true;

	for (uint8_t number = 1; ok && len > 0; number++) {
		struct bytes last = { block, number > 1 ? a->out_len : 0 }, tail = { &number, 1 };
		size_t got = 0;
		ok = hmac_begin(ctx, key, NULL) && hmac_add(ctx, &last, 1) &&
			hmac_add(ctx, seed, n_seed) && hmac_add(ctx, &tail, 1) &&
			EVP_MAC_final(ctx, block, &got, sizeof(block)) == 1 && got == a->out_len;
		if (!ok)
			break;
		size_t take = len < got ? len : got;
		memcpy(out, block, take);
		out += take;
		len -= take;
	}
	wipe(block, sizeof(block));
	return ok;
}

bool prf_plus(const struct alg *a, struct bytes key, const struct bytes *seed, size_t n_seed,
	uint8_t *out, size_t len, struct err *e)
{
	if (len > (size_t)255 * a->out_len)
		return err_set(e, ERR_BUG, "%zu octets of prf+ are more than 255 blocks", len);
	EVP_MAC_CTX *ctx = hmac_new(a, key);
	bool ok = ctx && prf_plus_blocks(a, ctx, key, seed, n_seed, out, len);
	EVP_MAC_CTX_free(ctx);
	if (!ok) {
		wipe(out, len);
		return ossl_err(e, ERR_LOCAL, a->iana);
	}
	return true;
}

bool digest(const char *name, const struct bytes *parts, size_t n_parts, uint8_t out[DIGEST_MAX],
	size_t *len, struct err *e)
{
	OSSL_LIB_CTX *lib = NULL;
	unsigned n = 0;

	if (strcmp(name, "MD4") == 0 && !(lib = ossl_legacy(e)))
		return false;
	EVP_MD *md = EVP_MD_fetch(lib, name, NULL);
	EVP_MD_CTX *ctx = md ? EVP_MD_CTX_new() : NULL;
	bool ok =
		ctx && EVP_DigestInit_ex2(ctx, md, NULL) == 1 && EVP_MD_get_size(md) <= DIGEST_MAX;
	for (size_t i = 0; ok && i < n_parts; i++)
		ok = parts[i].n == 0 || EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, &n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	*len = n;
	return ok || ossl_err(e, ERR_LOCAL, name);
}
