/*
 * The log: the last lines in memory for the prompt's `log`, and all of them in --log-file.
 */
#ifndef LOGBOOK_H
#define LOGBOOK_H

#include <stdio.h>

#include "base/outbox.h"

enum { LOGBOOK_LINES = 500, LOGBOOK_LINE_MAX = EVENT_TEXT_MAX + 64 };

struct logbook {
	size_t next; /* where the next line goes; from there on are the oldest */
	char *lines[LOGBOOK_LINES]; /* NULL: not yet, or there was no memory */
	FILE *file;
	enum level level; /* what is said at a higher one is left out */
	bool trace; /* lines are shown as they come */
};

/* path NULL: no file. CONFIG when it cannot be written, or is a link, or neither a plain file nor a
 * device. /dev/stdout and /dev/stderr are whatever they stand for. */
bool logbook_open(struct logbook *b, const char *path, enum level level, struct err *e) MUST_CHECK;
void logbook_close(struct logbook *b);
/* LOCAL, once, when the file takes no more; there is none then, and the lines in memory go on. */
bool logbook_add(struct logbook *b, enum level level, const char *text, struct err *e);
/* The last count lines, malloc'ed; NULL: out of memory. */
char *logbook_text(const struct logbook *b, size_t count);

#endif
