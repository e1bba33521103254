/*
 * Base64 (RFC 4648 section 4), as files of profiles hold certificates in.
 */
#ifndef IMPORT_BASE64_H
#define IMPORT_BASE64_H

#include "base/bytes.h"

/* Decodes; white space between counts for nothing. malloc'ed with a NUL behind, *n octets; NULL when it is
 * something else, empty, or memory runs out. */
uint8_t *base64_decode(const char *text, size_t *n);
/* Appends a block of PEM. */
void base64_pem(struct wr *w, const char *name, struct bytes der);
/* How long such a block is at most. */
size_t base64_pem_room(const char *name, size_t der);
/* Wipes and frees n octets. */
void base64_free(uint8_t *data, size_t n);

#endif
