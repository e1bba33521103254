/*
 * Numbers of the protocols and their standard names, as tables read from top to bottom.
 */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name {
	uint32_t number;
	const char *name;
};

/* The name of number in a table that ends with a NULL name, or NULL. */
const char *name_find(const struct name *table, uint32_t number);

/* The nearest of the NULL-ended list of words to what was typed, for "did you mean": NULL when none
 * is near. Distance is the number of letters inserted, removed, changed or swapped. */
const char *name_nearest(const char *const *words, const char *typed);

/* What stands behind the noun of a number: "1 packet", "2 packets". */
const char *plural(uint64_t n);

/* Length of the well-formed UTF-8 sequence at text that is safe to print, 0 when there is none. */
size_t text_char(const void *text, size_t left);

/* Copies text of a peer, a file or a certificate into out for a terminal or a log: control
 * characters and invalid UTF-8 become '?' ('\n' a space), always NUL-ended, cut at size. Returns out. */
char *text_safe(char *out, size_t size, const void *text, size_t len);

/* Hexadecimal of n octets, NUL-ended, cut at size. Returns out. Not for secrets. */
char *text_hex(char *out, size_t size, const void *data, size_t n);

/* The octets that pairs of hexadecimal digits, and nothing else, stand for; n is their number. False where the
 * text is none of that or has more than size, and out may hold some of it then. */
bool octets_from_hex(uint8_t *out, size_t size, size_t *n, const char *text);

#endif
