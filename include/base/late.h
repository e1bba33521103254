/*
 * Functions of a library that is opened when something first needs it: what the rest of the program does not use it
 * need not carry in a privileged process, nor wait for when it starts.
 *
 * Which they are is a list of its own, LIST(X), from which come the members of a struct (__typeof__ of the library's
 * own prototypes, so that the compiler checks every call) and the rows that say what lies where.
 */
#ifndef BASE_LATE_H
#define BASE_LATE_H

#include <stdbool.h>
#include <stddef.h>

struct late_row {
	const char *name;
	size_t at; /* offset of its pointer in the struct */
};

enum { LATE_WHY_MAX = 192 };

/* Opens file, as dlopen(3) finds it, and fills all rows of calls; it stays open. False: why says why, and nothing is
 * open. */
bool late_open(const char *file, const struct late_row *rows, size_t n, void *calls,
	char why[LATE_WHY_MAX]);

#endif
