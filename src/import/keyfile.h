/*
 * Files of lines "key = value" below "[section]": NetworkManager's keyfiles, Cisco's .pcf, Windows' .pbk. No
 * line goes on in the next one, and no other file is named.
 */
#ifndef IMPORT_KEYFILE_H
#define IMPORT_KEYFILE_H

#include "import/import.h"

enum { KEYFILE_LINES_MAX = 16384 };

struct keyfile_line {
	const char *section, *key,
		*value; /* without white space around; a section's own line: key NULL */
	bool told; /* keyfile_value has had it */
};

struct keyfile {
	size_t n;
	struct keyfile_line *v;
	char *text; /* all the strings */
	size_t len;
};

/* CONFIG where a line is none of both, has a NUL, or there are too many. */
bool keyfile_read(struct keyfile *k, struct bytes file, struct err *e) MUST_CHECK;
void keyfile_free(struct keyfile *k); /* wipes */
/* The first such line that has a value, letters of either case; NULL: there is none. Marks all such lines. */
const char *keyfile_value(struct keyfile *k, const char *section, const char *key);
bool keyfile_has_section(const struct keyfile *k, const char *section);

/* What is told of the lines of a section that nobody asked for and that say something: of a key in the words
 * its kind and why, or nothing where that is NULL; of any other that it has no counterpart. */
struct keyfile_word {
	const char *key, *why;
	enum import_kind kind;
};
void keyfile_tell(const struct keyfile *k, const char *section, const struct keyfile_word *words,
	size_t n, struct import_profile *p);

/* Room for all lines of a text of its own, whose NUL-ended lines the caller takes apart. */
bool keyfile_new(struct keyfile *k, struct bytes file, struct err *e) MUST_CHECK;
/* The next line of the text from *at on, without white space around; NULL: that was all. */
char *keyfile_line(struct keyfile *k, size_t *at);
bool keyfile_add(struct keyfile *k, const char *section, const char *key, const char *value,
	struct err *e) MUST_CHECK;

#endif
