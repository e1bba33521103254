/*
 * Keys for Wireshark (--keylog): a file of preferences, which name the rows of its tables, or a folder of the
 * tables, to be used as its configuration.
 *
 * No function of this program formats a secret, at any verbosity, but for those of this one file: whoever
 * asks for a key log wants to read what went over the wire, and cannot without the keys. It is asked for
 * by name, said loudly, and belongs to the invoking user alone.
 */
#ifndef KEYLOG_H
#define KEYLOG_H

#include <limits.h>

#include "base/outbox.h"

enum keylog_table { KEYLOG_IKEV2, KEYLOG_IKEV1, KEYLOG_ESP, KEYLOG_TABLES };
enum { KEYLOG_ROW_MAX = 2048 };

struct keylog {
	bool on, file; /* file: tables[0] is all that there is */
	int tables[KEYLOG_TABLES];
	char path[PATH_MAX]; /* from the root */
};

/* A folder where there is one, or the path ends in '/', else a file. It is made where it is missing, with the
 * invoking user's rights and as theirs; rows are added to what is there. CONFIG where it cannot be written, is a
 * link, belongs to somebody else, or others may read what is written or write to the folder. */
bool keylog_open(struct keylog *k, const char *path, struct err *e) MUST_CHECK;
void keylog_close(struct keylog *k); /* nothing where it is off */
/* LOCAL, once, when a table takes no more: it is off then. */
bool keylog_add(struct keylog *k, const struct keys *keys, struct err *e) MUST_CHECK;
/* What it comes to, and what to do with it, in one loud sentence. */
const char *keylog_text(char out[EVENT_TEXT_MAX], const struct keylog *k);
/* The row as it stands in its table, with a newline; to be wiped. A comment where Wireshark has no name for
 * the algorithm, for it refuses a table with a name that it does not know. Returns its length. */
size_t keylog_row(char out[KEYLOG_ROW_MAX], const struct keys *keys);

#endif
