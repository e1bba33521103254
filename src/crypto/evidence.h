/*
 * What is behind struct evidence, for who looks at it (revocation.c).
 */
#ifndef CRYPTO_EVIDENCE_H
#define CRYPTO_EVIDENCE_H

#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "crypto/revocation.h"

struct piece { /* one of both */
	X509_CRL *crl;
	OCSP_BASICRESP *ocsp;
	char from[160];
};

struct evidence {
	struct piece *v;
	size_t n, cap;
	struct err spoiled; /* NONE: nothing was */
};

/* A few minutes off are taken as well. to NULL: without an end. */
bool evidence_in_time(const ASN1_TIME *from, const ASN1_TIME *to, time_t now);

#endif
