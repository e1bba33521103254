#include "decode.h"

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ossl.h"

struct decoded {
	const char *type;
	EVP_PKEY *key;
};

/* OSSL_CALLBACK: the key as its numbers. */
static int take_numbers(const OSSL_PARAM numbers[], void *arg)
{
	struct decoded *d = arg;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, d->type, NULL);
	int ok = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
		EVP_PKEY_fromdata(ctx, &d->key, EVP_PKEY_KEYPAIR, (OSSL_PARAM *)numbers) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* OSSL_DECODER_CONSTRUCT: what the decoder made is the provider's own until it is exported. */
static int construct(OSSL_DECODER_INSTANCE *decoder, const OSSL_PARAM *params, void *arg)
{
	const OSSL_PARAM *made = OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_REFERENCE);

	return made && OSSL_DECODER_export(decoder, made->data, made->data_size, take_numbers, arg);
}

static EVP_PKEY *decode(const char *type, const char *form, struct bytes der)
{
	struct decoded d = { .type = type };
	OSSL_DECODER *decoder = OSSL_DECODER_fetch(NULL, type, form);
	OSSL_DECODER_CTX *ctx = decoder ? OSSL_DECODER_CTX_new() : NULL;
	const uint8_t *p = der.p;
	size_t left = der.n;

	bool ok = ctx && OSSL_DECODER_CTX_add_decoder(ctx, decoder) == 1 &&
		OSSL_DECODER_CTX_set_construct(ctx, construct) == 1 &&
		OSSL_DECODER_CTX_set_construct_data(ctx, &d) == 1 &&
		OSSL_DECODER_CTX_set_selection(ctx, EVP_PKEY_KEYPAIR) == 1 &&
		OSSL_DECODER_from_data(ctx, &p, &left) == 1;
	OSSL_DECODER_CTX_free(ctx);
	OSSL_DECODER_free(decoder);
	if (!ok) {
		EVP_PKEY_free(d.key);
		d.key = NULL;
	}
	ossl_err(NULL, ERR_NONE, "");
	return d.key;
}

EVP_PKEY *decode_pkcs8(struct bytes der)
{
	const uint8_t *p = der.p;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.n);
	const ASN1_OBJECT *algorithm;
	char type[64];
	EVP_PKEY *key = NULL;

	/* Providers know types by the numbers of their object identifiers too. */
	if (info && PKCS8_pkey_get0(&algorithm, NULL, NULL, NULL, info) == 1 &&
		OBJ_obj2txt(type, sizeof(type), algorithm, 1) > 0)
		key = decode(type, "input=der,structure=PrivateKeyInfo", der);
	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

EVP_PKEY *decode_own_form(const char *type, struct bytes der)
{
	return decode(type, "input=der,structure=type-specific", der);
}
