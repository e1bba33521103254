/*
 * Memory that holds secrets: fixed size, wiped by whoever is done with it, never formatted.
 *
 * There is no function that prints one, at any verbosity; comparisons take the same time whatever
 * the contents. Struct assignment copies, and then both copies must be wiped.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SECRET_MAX = 128, /* the longest symmetric key, PRF output or MSK used here */
	PASSPHRASE_MAX = 1024, /* octets of a pre-shared key, password or pass phrase */
};

/* A key: octets. */
struct secret {
	size_t len;
	uint8_t data[SECRET_MAX];
};

/* What a person typed or a file holds: text, with a NUL behind it that len does not count. */
struct passphrase {
	size_t len;
	char text[PASSPHRASE_MAX + 1];
};

/* Overwrites n octets so that the compiler cannot leave it out. */
void wipe(void *p, size_t n);
void secret_wipe(struct secret *s);
/* False, and s is empty, when len exceeds SECRET_MAX. */
bool secret_set(struct secret *s, const void *data, size_t len);
void passphrase_wipe(struct passphrase *p);
bool passphrase_set(struct passphrase *p, const char *text, size_t len);
/* Equal contents, in time that depends on n alone. */
bool same_bytes(const void *a, const void *b, size_t n);

#endif
