#include "direct.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <string.h>

#include "ossl.h"

static void take_function(struct direct *d, const OSSL_DISPATCH *f, bool encrypt)
{
	switch (f->function_id) {
	case OSSL_FUNC_CIPHER_ENCRYPT_INIT:
		if (encrypt)
			d->init = OSSL_FUNC_cipher_encrypt_init(f);
		break;
	case OSSL_FUNC_CIPHER_DECRYPT_INIT:
		if (!encrypt)
			d->init = OSSL_FUNC_cipher_decrypt_init(f);
		break;
	case OSSL_FUNC_CIPHER_UPDATE:
		d->update = OSSL_FUNC_cipher_update(f);
		break;
	case OSSL_FUNC_CIPHER_FINAL:
		d->final = OSSL_FUNC_cipher_final(f);
		break;
	case OSSL_FUNC_CIPHER_GET_CTX_PARAMS:
		d->get_params = OSSL_FUNC_cipher_get_ctx_params(f);
		break;
	case OSSL_FUNC_CIPHER_SET_CTX_PARAMS:
		d->set_params = OSSL_FUNC_cipher_set_ctx_params(f);
		break;
	case OSSL_FUNC_CIPHER_FREECTX:
		d->free_ctx = OSSL_FUNC_cipher_freectx(f);
		break;
	default:
		break;
	}
}

/* From the table that d->cipher was made of. */
static bool open_up(struct direct *d, const char *name, bool encrypt)
{
	const OSSL_PROVIDER *provider = EVP_CIPHER_get0_provider(d->cipher);
	OSSL_FUNC_cipher_newctx_fn *new_ctx = NULL;
	int no_cache = 0;
	const OSSL_ALGORITHM *table =
		OSSL_PROVIDER_query_operation(provider, OSSL_OP_CIPHER, &no_cache);
	const OSSL_ALGORITHM *a = table;

	while (a && a->algorithm_names && !ossl_is_called(a->algorithm_names, name))
		a++;
	for (const OSSL_DISPATCH *f = a && a->algorithm_names ? a->implementation : NULL;
		f && f->function_id; f++) {
		take_function(d, f, encrypt);
		if (f->function_id == OSSL_FUNC_CIPHER_NEWCTX)
			new_ctx = OSSL_FUNC_cipher_newctx(f);
	}
	OSSL_PROVIDER_unquery_operation(provider, OSSL_OP_CIPHER, table);
	if (!new_ctx || !d->init || !d->update || !d->final || !d->get_params || !d->set_params ||
		!d->free_ctx)
		return false;
	d->ctx = new_ctx(OSSL_PROVIDER_get0_provider_ctx(provider));
	return d->ctx != NULL;
}

/* What has blocks is padded where nobody says otherwise. */
static bool unpadded(struct direct *d)
{
	unsigned no = 0;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint(OSSL_CIPHER_PARAM_PADDING, &no),
		OSSL_PARAM_construct_end(),
	};

	return EVP_CIPHER_get_block_size(d->cipher) == 1 || direct_set(d, params);
}

bool direct_new(struct direct *d, const char *name, bool encrypt)
{
	*d = (struct direct){ .cipher = EVP_CIPHER_fetch(NULL, name, NULL) };
	return d->cipher && open_up(d, name, encrypt) && unpadded(d);
}

void direct_free(struct direct *d)
{
	if (d->ctx)
		d->free_ctx(d->ctx);
	EVP_CIPHER_free(d->cipher);
	*d = (struct direct){ 0 };
}

bool direct_set(struct direct *d, const OSSL_PARAM *params)
{
	return d->set_params(d->ctx, params) == 1;
}

bool direct_get(struct direct *d, OSSL_PARAM *params)
{
	return d->get_params(d->ctx, params) == 1;
}

bool direct_key(struct direct *d, const uint8_t *key, size_t len)
{
	return d->init(d->ctx, key, len, NULL, 0, NULL) == 1;
}

bool direct_nonce(struct direct *d, const uint8_t *nonce, size_t len, const OSSL_PARAM *params)
{
	return d->init(d->ctx, NULL, 0, nonce, len, params) == 1;
}

bool direct_data(struct direct *d, uint8_t *data, size_t len)
{
	size_t n = 0;

	return d->update(d->ctx, data, &n, len, data, len) == 1 && n == len;
}

bool direct_aad(struct direct *d, const uint8_t *data, size_t len)
{
	size_t n = 0;

	return d->update(d->ctx, NULL, &n, len, data, len) == 1;
}

bool direct_end(struct direct *d)
{
	uint8_t rest[EVP_MAX_BLOCK_LENGTH];
	size_t n = 0;

	return d->final(d->ctx, rest, &n, sizeof(rest)) == 1 && n == 0;
}
