/*
 * A file of many CA certificates, of which a connection needs one or two: it is read whole, but only
 * those are parsed that a chain asks for. OpenSSL takes a fifth of a millisecond for each.
 */
#ifndef CRYPTO_BUNDLE_H
#define CRYPTO_BUNDLE_H

#include <openssl/x509.h>

#include "base/err.h"

struct bundle;

/* NULL when the file cannot be read, or has anything but certificates in PEM. */
struct bundle *bundle_read(const char *file);
void bundle_free(struct bundle *b);
/* Puts the certificates with this subject into the store and, unless they are their own, those of their
 * issuers. Each goes in once. */
bool bundle_find(
	struct bundle *b, const X509_NAME *subject, X509_STORE *store, struct err *e) MUST_CHECK;

#endif
