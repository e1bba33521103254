/*
 * What the tests of readers ask of an imported profile.
 */
#ifndef TESTS_IMPORT_REPORT_H
#define TESTS_IMPORT_REPORT_H

#include "import/import.h"
#include "lib/test.h"

/* "section.key" has that value; NULL: it is not set. */
void report_value(const struct import_profile *p, const char *where, const char *value);
/* There are so many entries, and no other. */
void report_count(const struct import_profile *p, size_t entries);
/* A note of that kind on what; its why has that text in it. */
void report_note(
	const struct import_profile *p, enum import_kind kind, const char *what, const char *why);
void report_no_note(const struct import_profile *p, const char *what);
/* The profile, as it would be written, is one that connects as soon as what is missing is asked for. */
void report_good(const struct import_profile *p);

#endif
