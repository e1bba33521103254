/*
 * A private key that is not encrypted, in DER, by the one decoder of OpenSSL that reads it. d2i_PrivateKey
 * asks every decoder whether it has something to add, which takes longer than a signature.
 */
#ifndef CRYPTO_DECODE_H
#define CRYPTO_DECODE_H

#include <openssl/types.h>

#include "base/bytes.h"
#include "base/err.h"

/* PKCS#8 (RFC 5208), which names its type itself. NULL: no such key, or none of a type that is known. */
EVP_PKEY *decode_pkcs8(struct bytes der) MUST_CHECK;
/* A key of the type ("RSA": RFC 8017 appendix A.1.2, "EC": RFC 5915) in the form that is that type's own. */
EVP_PKEY *decode_own_form(const char *type, struct bytes der) MUST_CHECK;

#endif
