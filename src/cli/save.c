#define _GNU_SOURCE /* renameat2 */
#include "cli/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/user.h"

/* Each folder on the way to it that is missing, for nobody else to look into. */
static bool make_folders(const char *dir, struct err *e)
{
	char path[PROFILE_PATH_MAX];
	char *slash = path;

	if (snprintf(path, sizeof(path), "%s/", dir) >= (int)sizeof(path))
		return err_set(e, ERR_CONFIG, "the path is too long");
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = 0;
		int why = mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : errno;
		if (why) {
			err_set(e, ERR_LOCAL, "%s: cannot be made: %s", path, strerror(why));
			errno = why;
			return false;
		}
		*slash = '/';
	}
	return true;
}

static bool write_all(int fd, struct bytes data)
{
	const uint8_t *p = data.p;

	while (data.n > 0) {
		ssize_t n = write(fd, p, data.n);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			p += n;
			data.n -= (size_t)n;
		}
	}
	return fsync(fd) == 0;
}

/* Never over another file, also where a file system knows no rename that sees to that. */
static bool take_name(const char *temporary, const char *path)
{
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return true;
	return errno == EINVAL && link(temporary, path) == 0 && unlink(temporary) == 0;
}

/* Whole under another name first; then it takes its own, if nothing has that by then. */
static bool put(const char *path, struct bytes data, struct err *e)
{
	char temporary[PROFILE_PATH_MAX + 16];

	snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && fchmod(fd, 0600) == 0 && write_all(fd, data);
	int why = errno;
	if (fd >= 0 && close(fd) != 0 && ok) {
		ok = false;
		why = errno;
	}
	if (ok && !take_name(temporary, path)) {
		ok = false;
		why = errno;
	}
	if (!ok && fd >= 0)
		unlink(temporary);
	if (!ok)
		err_set(e, why == EEXIST ? ERR_CONFIG : ERR_LOCAL, "%s: cannot be written: %s",
			path, strerror(why));
	errno = ok ? 0 : why;
	return ok;
}

static bool put_in(const char *dir, const char *path, struct bytes data, struct err *e)
{
	return make_folders(dir, e) && put(path, data, e);
}

/* By the user's rights, so that a link of theirs leads no further than they can, and sudo's rules are no way to
 * write any file. */
static bool put_as_user(const char *dir, const char *path, struct bytes data, struct err *e)
{
	struct user_rights was;
	struct user u;

	user_invoking(&u);
	user_enter(&u, &was);
	bool ok = put_in(dir, path, data, e);
	user_leave(&was);
	return ok ||
		(errno == EACCES && was.uid != u.uid &&
			err_ctx(e, "who ran sudo may not write there"));
}

void save_remove(const char *path)
{
	struct user_rights was;
	struct user u;

	user_invoking(&u);
	user_enter(&u, &was);
	unlink(path);
	user_leave(&was);
}

bool save_beside(const char *profile_dir, const char *name, const char *suffix, struct bytes data,
	char path[PROFILE_PATH_MAX], struct err *e)
{
	char dirs[LOAD_DIRS_MAX][PROFILE_PATH_MAX];

	if (load_dirs(profile_dir, dirs) == 0)
		return err_set(e, ERR_LOCAL, "there is no folder for profiles");
	if (snprintf(path, PROFILE_PATH_MAX, "%s/%s.%s", dirs[0], name, suffix) >= PROFILE_PATH_MAX)
		return err_set(e, ERR_CONFIG, "the path is too long");
	return put_as_user(dirs[0], path, data, e);
}

bool save_free(const char *profile_dir, const char *name, struct err *e)
{
	struct load_list l = { 0 };
	const char *there = NULL;

	if (!load_list(profile_dir, &l, e))
		return false;
	for (size_t i = 0; i < l.n; i++)
		if (strcmp(l.v[i].name, name) == 0)
			there = l.v[i].file;
	if (there)
		err_set(e, ERR_CONFIG, "there is a profile %s already: %s", name, there);
	load_list_free(&l);
	return !there;
}

bool save_profile(const char *profile_dir, const char *name, const char *text,
	char path[PROFILE_PATH_MAX], struct err *e)
{
	return save_free(profile_dir, name, e) &&
		save_beside(
			profile_dir, name, "conf", (struct bytes){ text, strlen(text) }, path, e);
}
