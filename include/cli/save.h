/*
 * New profiles, and the files that they name: written whole or not at all, into the first of the folders that
 * profiles are looked for in, for the invoking user alone (mode 0600, with the user's rights also under sudo),
 * and never over something that is there.
 */
#ifndef CLI_SAVE_H
#define CLI_SAVE_H

#include "cli/load.h"

/* profile_dir: as for load_dirs. name: what load_name made. path: where it lies then. CONFIG when a profile of
 * that name is found already, in whichever folder; LOCAL when it cannot be written. */
bool save_profile(const char *profile_dir, const char *name, const char *text,
	char path[PROFILE_PATH_MAX], struct err *e) MUST_CHECK;
/* Whether a profile of that name could be saved; CONFIG as above. */
bool save_free(const char *profile_dir, const char *name, struct err *e) MUST_CHECK;
/* What lies beside a profile: NAME.SUFFIX in the same folder. */
bool save_beside(const char *profile_dir, const char *name, const char *suffix, struct bytes data,
	char path[PROFILE_PATH_MAX], struct err *e) MUST_CHECK;

/* What was just saved, where what belongs to it cannot be. */
void save_remove(const char *path);

#endif
