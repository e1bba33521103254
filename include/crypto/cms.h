/*
 * Signed messages (CMS, RFC 5652), as makers of Apple's profiles wrap them.
 */
#ifndef CRYPTO_CMS_H
#define CRYPTO_CMS_H

#include "crypto/cert.h"

/* What is inside of signed-data in DER or BER: malloc'ed, *n octets. CONFIG when it is something else, or when
 * no signature over it fits by the certificates that came along: then it was changed or damaged. signer is
 * the subject of the first of those. Whether the signer is anybody one trusts is not looked at. */
bool cms_open(struct bytes file, uint8_t **out, size_t *n, char signer[CERT_TEXT_MAX],
	struct err *e) MUST_CHECK;

#endif
