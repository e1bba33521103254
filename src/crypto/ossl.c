#include "ossl.h"

#include <openssl/err.h>
#include <openssl/provider.h>

bool ossl_err(struct err *e, enum err_kind kind, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return err_set(e, kind, "%s: %s", what, reason ? reason : "OpenSSL gives no reason");
}

static OSSL_LIB_CTX *legacy_ctx;
static OSSL_PROVIDER *legacy_provider;

OSSL_LIB_CTX *ossl_legacy(struct err *e)
{
	if (legacy_ctx)
		return legacy_ctx;
	legacy_ctx = OSSL_LIB_CTX_new();
	if (legacy_ctx)
		legacy_provider = OSSL_PROVIDER_load(legacy_ctx, "legacy");
	if (!legacy_provider) {
		ossl_err(e, ERR_LOCAL,
			"OpenSSL's legacy provider (MD4 and DES, which MS-CHAP "
			"needs) cannot be loaded");
		ossl_legacy_free();
	}
	return legacy_ctx;
}

void ossl_legacy_free(void)
{
	if (legacy_provider)
		OSSL_PROVIDER_unload(legacy_provider);
	OSSL_LIB_CTX_free(legacy_ctx);
	legacy_provider = NULL;
	legacy_ctx = NULL;
}
