/*
 * What is behind struct cert and struct key, for the files of crypto that deal in them.
 */
#ifndef CRYPTO_X509_H
#define CRYPTO_X509_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/cert.h"

/* How chains are followed, whoever's they are. */
enum {
	X509_DEPTH_MAX = 8,
	/* OpenSSL's scale: 112 bits. RSA of 2048 bits and more, no signature with MD5 or SHA-1 in
	 * the chain. Set here so that no openssl.cnf of the machine decides it. */
	X509_AUTH_LEVEL = 2,
};

struct cert {
	uint8_t *der;
	size_t der_len;
	X509 *x; /* by cert_x509; empty until it was parsed */
	bool parsed, unreadable;
};

struct key {
	EVP_PKEY *p;
};

/* Takes x over in any case. NULL on failure. */
struct cert *cert_wrap(X509 *x, struct err *e) MUST_CHECK;
/* Of a certificate that is only looked into as far as its key: to parse it, which takes OpenSSL a millisecond the
 * first time, is left to whoever asks for more (cert_x509). NULL where that far it is none. */
struct cert *cert_later(struct bytes der, struct err *e) MUST_CHECK;
/* Never NULL; what cannot be parsed is empty, has no key and proves nothing. */
X509 *cert_x509(const struct cert *c);

/* Where they lie in a certificate: Certificate { tbsCertificate { [0] version, serialNumber, signature, issuer,
 * validity, subject, subjectPublicKeyInfo ... (RFC 5280 section 4.1). False: it does not look like one so far. */
struct x509_parts {
	size_t len; /* of the certificate; behind it may be more */
	struct bytes issuer, validity, subject, spki;
};
bool x509_parts(struct bytes der, struct x509_parts *out) MUST_CHECK;
char *x509_name_text(char out[CERT_TEXT_MAX], const X509_NAME *name);
/* "Nov 27 15:35:14 2026 GMT" */
char *x509_time_text(char out[CERT_TIME_MAX], const ASN1_TIME *when);

bool trust_is_pinned(const struct trust *t);
/* The chain from the end entity to the anchor that trust_verify found, to be freed with what is in it. NULL: there
 * is none, for the certificate is pinned or not believed. */
STACK_OF(X509) * trust_chain(struct trust *t, const struct cert_list *chain, time_t now);

#endif
