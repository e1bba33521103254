/*
 * From a profile's name to a checked struct profile: finding the file, reading it under the rules
 * for secrets, and loading what it refers to (keys, certificates, files with secrets).
 *
 * Never asks: a missing pass phrase comes back as LOAD_NEED_PASSPHRASE, and the caller asks and
 * loads again. All problems are gathered, not only the first.
 */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include "session/profile.h"

enum { LOAD_PROBLEMS_MAX = 64, LOAD_FILE_MAX = 256 * 1024, LOAD_DIRS_MAX = 4 };

struct load_problem {
	unsigned line; /* 0: no line to blame */
	char file[PROFILE_PATH_MAX]; /* "--set" for an option */
	char section[32], key[32]; /* may be "" */
	struct err err;
};

struct load_report {
	bool absent; /* there is no profile of this name */
	size_t n; /* all there were; the array holds the first */
	struct load_problem v[LOAD_PROBLEMS_MAX];
};

enum { LOAD_PROBLEM_TEXT_MAX = PROFILE_PATH_MAX + ERR_TEXT_MAX + 100 };

/* "FILE:LINE: SECTION.KEY: sentence", without the parts that are not known; safe to print. Returns out. */
char *load_problem_text(char *out, size_t size, const struct load_problem *p);

struct load_request {
	const char *profile; /* NAME, or a path when it holds a '/' */
	const char *profile_dir; /* --profile-dir or NULL */
	const char *const *sets; /* --set SECTION.KEY=VALUE */
	size_t n_sets;
	const struct passphrase *key_passphrase; /* the answer to LOAD_NEED_PASSPHRASE, or NULL */
	bool values_only; /* `list` and `show`: leave the files that it names unread */
	bool thorough; /* `check`: parse each CA, not only those that a gateway needs; look at dates, and
	                * whether the gateway is this machine */
};

enum load_result { LOAD_OK, LOAD_BAD, LOAD_NEED_PASSPHRASE };

/* On LOAD_OK *out is the caller's (profile_free); it is NULL otherwise, except that a bad profile
 * is handed out as far as it was understood when *out is wanted for `list` (values_only). */
enum load_result load_profile(
	const struct load_request *rq, struct profile **out, struct load_report *report) MUST_CHECK;
/* The same from memory, without a file: values only. For tests and fuzzing; text need not be
 * NUL-ended and is not kept. */
enum load_result load_text(const char *name, const char *text, size_t len, struct profile **out,
	struct load_report *report) MUST_CHECK;

/* The folders to look in, in order: --profile-dir, $VPNC_IKE_PROFILE_DIR, the invoking user's
 * $XDG_CONFIG_HOME/vpnc-ike or ~/.config/vpnc-ike, /etc/vpnc-ike. Returns how many. */
size_t load_dirs(const char *profile_dir, char dirs[LOAD_DIRS_MAX][PROFILE_PATH_MAX]);

/* The name of the profile that the word on the command line means: itself, or that of the file.
 * CONFIG when it can be none. */
bool load_name(const char *profile, char name[PROFILE_NAME_MAX], struct err *e) MUST_CHECK;

/* The profiles found: name and file, sorted by name; the first folder wins. Beside them the files
 * that would be profiles if their names could be. */
struct load_list {
	size_t n, n_misnamed;
	struct load_entry {
		char name[PROFILE_NAME_MAX];
		char file[PROFILE_PATH_MAX];
	} * v, *misnamed; /* malloc'ed */
};
bool load_list(const char *profile_dir, struct load_list *out, struct err *e) MUST_CHECK;
void load_list_free(struct load_list *l);

#endif
