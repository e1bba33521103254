/*
 * What the files of crypto share about OpenSSL and nobody else sees.
 */
#ifndef CRYPTO_OSSL_H
#define CRYPTO_OSSL_H

#include <openssl/crypto.h>
#include <openssl/types.h>

#include "base/err.h"
#include "crypto/alg.h"

/* Sets e to what was tried and OpenSSL's reason for the failure, and empties OpenSSL's queue, which
 * would otherwise grow and be taken for the reason of a later one. Returns false. */
bool ossl_err(struct err *e, enum err_kind kind, const char *what);

/* MD4 and single DES: OpenSSL's legacy provider, loaded at the first call into a library context of
 * its own, so that nothing else can pick an algorithm from it. NULL and LOCAL without it. */
OSSL_LIB_CTX *ossl_legacy(struct err *e) MUST_CHECK;
void ossl_legacy_free(void);

void alg_set_tested(const struct alg *a, bool works);
/* Whether OpenSSL has what ke_new needs for this group; computes nothing expensive. */
bool ke_test(const struct alg *group);

#endif
