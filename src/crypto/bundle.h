/*
 * Many CA certificates, of which a connection needs one or two: only those are parsed that a chain asks
 * for. OpenSSL takes a fifth of a millisecond for each, and three times that for the first.
 */
#ifndef CRYPTO_BUNDLE_H
#define CRYPTO_BUNDLE_H

#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/err.h"

struct bundle;

struct bundle *bundle_new(void);
/* NULL when the file cannot be read, or has anything but certificates in PEM. */
struct bundle *bundle_read(const char *file);
void bundle_free(struct bundle *b);
/* One more, of which the bundle keeps a copy. False when there is no memory, or when it does not begin
 * with what looks like a certificate up to its key; the rest is looked at when it is needed. */
bool bundle_add(struct bundle *b, struct bytes der);
size_t bundle_len(const struct bundle *b);
/* Its SubjectPublicKeyInfo, n == 0 when it has none. */
struct bytes bundle_spki(const struct bundle *b, size_t i);
/* NULL when it has none; the caller's. */
X509_NAME *bundle_subject(const struct bundle *b, size_t i) MUST_CHECK;
/* NULL when it cannot be parsed; the caller's. */
X509 *bundle_parse(const struct bundle *b, size_t i) MUST_CHECK;
/* Puts the certificates with this subject into the store and, unless they are their own, those of their
 * issuers. Each goes in once; what cannot be parsed is passed over. */
void bundle_find(struct bundle *b, const X509_NAME *subject, X509_STORE *store);

#endif
