/*
 * Test vectors in tests/vectors: text files of "name value" lines, an empty line between two cases,
 * '#' before a remark; the remarks on top say where the data comes from. Programs of the tests run
 * in the project's root folder, so the files are found by their path from there.
 */
#ifndef TESTS_LIB_VECTORS_H
#define TESTS_LIB_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VECTOR_FIELDS = 16 };

struct vectors {
	char *text, *at;
	size_t n_fields;
	struct {
		const char *name, *value;
	} fields[VECTOR_FIELDS];
	unsigned cases; /* read so far */
};

/* Opens tests/vectors/NAME; the test fails when it is not there. */
void vectors_open(struct vectors *v, const char *name);
/* The next case; false at the end. */
bool vectors_next(struct vectors *v);
void vectors_close(struct vectors *v);

/* A field of the case, NULL when it has none of that name. */
const char *vector_text(const struct vectors *v, const char *name);
bool vector_is(const struct vectors *v, const char *name, const char *value);
/* A decimal number, 0 when there is none. */
unsigned long vector_number(const struct vectors *v, const char *name);
/* Octets from hexadecimal; 0 when there are none. */
size_t vector_hex(const struct vectors *v, const char *name, uint8_t *out, size_t cap);

#endif
