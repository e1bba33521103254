/*
 * What is behind struct cert and struct key, for the files of crypto that deal in them.
 */
#ifndef CRYPTO_X509_H
#define CRYPTO_X509_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/cert.h"

struct cert {
	X509 *x;
	uint8_t *der;
	size_t der_len;
};

struct key {
	EVP_PKEY *p;
};

/* Takes x over in any case. NULL on failure. */
struct cert *cert_wrap(X509 *x, struct err *e) MUST_CHECK;
char *x509_name_text(char out[CERT_TEXT_MAX], const X509_NAME *name);

#endif
