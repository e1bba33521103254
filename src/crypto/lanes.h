/*
 * AES-CBC encryption of many packets at once.
 *
 * A block of CBC waits for the one before it, so one packet keeps a processor's AES unit busy for a
 * small part of the time. Blocks of different packets wait for nothing of each other: the next block of
 * each packet, added to the one before it, go through AES side by side in one call (ECB over what lies
 * in a row). What comes out is CBC, octet for octet (RFC 3602).
 */
#ifndef CRYPTO_LANES_H
#define CRYPTO_LANES_H

#include "crypto/cipher.h"

enum { LANES_MAX = 32 }; /* packets: as many as stay in the nearest cache together */

struct lanes; /* owns an OpenSSL context */

/* For a row of the table that is AES in CBC mode, and its key. NULL: any other, or this OpenSSL has no
 * ECB; the packets go one by one then. */
struct lanes *lanes_new(const struct alg *encr, const struct secret *key);
void lanes_free(struct lanes *l); /* NULL is fine */
/* Encrypts the data of at most LANES_MAX packets, whole blocks each, with its IV. False: OpenSSL failed,
 * none may be used. */
bool lanes_encrypt(struct lanes *l, const struct cipher_op *ops, size_t n) MUST_CHECK;

#endif
