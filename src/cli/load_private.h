/*
 * What the files of cli/load share.
 */
#ifndef CLI_LOAD_PRIVATE_H
#define CLI_LOAD_PRIVATE_H

#include "cli/load.h"

#include <sys/stat.h>

/* --- load_file.c: files under the rules for secrets --- */

struct load_file {
	char *data; /* with a NUL behind it that len does not count; wiped by load_file_free */
	size_t len;
	struct stat st;
	bool link; /* the path was a symbolic link */
};

/* Opened once, checked by fstat, read whole. A folder, a device, a pipe or more than max octets are
 * CONFIG errors. */
bool load_file_read(const char *path, size_t max, struct load_file *out, struct err *e) MUST_CHECK;
void load_file_free(struct load_file *f);
/* Some editors put a byte order mark in front of UTF-8; it is no part of the text. Its octets, or 0. */
size_t load_mark_len(const char *text, size_t len);
/* May a secret be kept in it? The sentence names the command that makes it so. */
bool load_file_private(const struct load_file *f, const char *path, struct err *e) MUST_CHECK;

/* --- load_folder.c: a file, or all files of a folder --- */

struct load_kind {
	const char *what; /* "certificate" */
	const char *suffixes
		[4]; /* ".pem", of three letters, as files in a folder must have one; up to a NULL */
	size_t most; /* octets in a file */
	/* Takes what is in one file; counts that. The sentence of e is about what is in the file. */
	bool (*add)(struct bytes file, const char *path, size_t *added, void *arg, struct err *e);
};

/* There must be something in it. The sentence begins with the path. */
bool load_folder_or_file(
	const char *path, const struct load_kind *kind, void *arg, struct err *e) MUST_CHECK;

/* --- ini.c: iniparser --- */

struct ini;

/* NULL: it cannot be read (no /proc, no memory, no ini text). Nothing is printed. */
struct ini *ini_read(const char *text, size_t len) MUST_CHECK;
void ini_free(struct ini *ini); /* the values are wiped */
const char *ini_get(const struct ini *ini, const char *section, const char *key); /* NULL: none */
/* Does a backslash in quotes stand for the character behind it? It does since iniparser 4.2. */
bool ini_escapes(void);

/* --- load_scan.c: what stands on which line, and what iniparser would get wrong --- */

enum { LOAD_ENTRIES_MAX = 256, LOAD_LINE_MAX = 1000, LOAD_NAME_MAX = 32 };

struct load_entry_line {
	unsigned line; /* 0: from the command line */
	char section[LOAD_NAME_MAX], key[LOAD_NAME_MAX]; /* as load_name_copy has them */
	const char *value; /* in the text scanned, without quotes */
	size_t len;
};

struct load_scan {
	size_t n;
	struct load_entry_line v[LOAD_ENTRIES_MAX];
	/* The text as iniparser must have it to read what stands there, and every line blank that it
	 * shall not see. */
	size_t len;
	char clean[];
};

/* p: for the name of its file and what it knows of sections; nothing is set. NULL: out of memory. */
struct load_scan *load_scan(
	struct profile *p, const char *text, size_t len, struct load_report *report) MUST_CHECK;
void load_scan_free(struct load_scan *s);
/* A section's or key's name as it is compared: lower case, printable, cut. */
void load_name_copy(char out[LOAD_NAME_MAX], const char *p, size_t n);

/* --- load_refs.c: what a profile names --- */

/* Keys, certificates and secrets in files of their own. */
enum load_result load_refs(struct profile *p, const struct load_scan *s,
	const struct load_request *rq, struct load_report *report);

/* --- load.c --- */

void load_problem_add(struct load_report *report, const char *file, unsigned line,
	const char *section, const char *key, const struct err *err);
/* Where the value came from: a line of the file, or the command line; or where in the file it should stand. */
void load_blame(struct load_report *report, const struct profile *p, const struct load_scan *s,
	const char *section, const char *key, const struct err *err);

#endif
