/*
 * What the files of crypto share about OpenSSL and nobody else sees.
 */
#ifndef CRYPTO_OSSL_H
#define CRYPTO_OSSL_H

#include <openssl/crypto.h>
#include <openssl/types.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/alg.h"

/* Sets e to what was tried and OpenSSL's reason for the failure, and empties OpenSSL's queue, which
 * would otherwise grow and be taken for the reason of a later one. Returns false. */
bool ossl_err(struct err *e, enum err_kind kind, const char *what);

/* MD4 and single DES: OpenSSL's legacy provider, loaded at the first call into a library context of
 * its own, so that nothing else can pick an algorithm from it. NULL and LOCAL without it. */
OSSL_LIB_CTX *ossl_legacy(struct err *e) MUST_CHECK;
void ossl_legacy_free(void);

/* Hands on each block of a file in PEM, until `each` returns false. True: it was read to its end. */
bool ossl_pem_blocks(struct bytes file, bool (*each)(const char *name, struct bytes der, void *arg),
	void *arg) MUST_CHECK;

/* Makes libcrypto set up only what is used here: by itself it would list every cipher and digest by name,
 * at a millisecond. What it looks up in that list, and does not fetch, is what this function names. */
void ossl_begin(void);

/* Whether a provider that is active has this cipher, digest, ... (OSSL_OP_CIPHER, ...). Only its table is
 * read: to fetch the first of a kind takes milliseconds. Of the properties that openssl.cnf may demand,
 * fips=yes is looked at; what does not have another fails when it is used. */
bool ossl_has(int operation, const char *name);

/* Whether one of the names that a provider's table gives for an algorithm is this one. */
bool ossl_is_called(const char *names, const char *name);

/* What the first signature costs more than the next; of an RSA key, whose signatures take long, all of it only
 * with time. */
void key_warm(const struct key *k, bool time);
/* The signature of an anchor is looked at; what comes of it counts for nothing. */
void trust_warm(struct trust *t);

void alg_set_usable(const struct alg *a, bool usable);
/* Whether OpenSSL has what ke_new needs for this group; computes nothing expensive. */
bool ke_has(const struct alg *group);

#endif
