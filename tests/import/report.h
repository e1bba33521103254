/*
 * What the tests of readers ask of an imported profile.
 */
#ifndef TESTS_IMPORT_REPORT_H
#define TESTS_IMPORT_REPORT_H

#include "import/import.h"
#include "lib/test.h"

/* What was read last, by the functions here or by a test. */
extern struct import report_im;

typedef bool report_reader(struct bytes file, struct import *im, struct err *e);

/* Of a group of tests, and the teardown of each. */
int report_setup(void **state);
int report_clear(void **state);
/* The one profile in the text. */
struct import_profile *report_reads(report_reader *read, const char *text);
/* n profiles, in report_im. */
void report_reads_all(report_reader *read, const char *text, size_t n);
/* n octets of text are refused, for a reason that has `why` in it. */
void report_refuses(report_reader *read, const char *text, size_t n, const char *why);

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
