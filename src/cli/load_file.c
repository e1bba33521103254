#include "load_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/user.h"

/* O_NONBLOCK: opening a pipe that nobody writes to must not wait. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static bool read_all(int fd, size_t max, struct load_file *out, struct err *e)
{
	size_t room = (size_t)out->st.st_size + 1;
	ssize_t n;

	out->data = malloc(room + 1);
	if (!out->data)
		return err_set(e, ERR_LOCAL, "out of memory");
	while (out->len < room && (n = read(fd, out->data + out->len, room - out->len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_CONFIG, "cannot be read: %s", strerror(errno));
		out->len += (size_t)n;
	}
	out->data[out->len] = 0;
	return out->len <= max && out->len < room ?
		true :
		err_set(e, ERR_CONFIG, "changed while it was read");
}

bool load_file_read(const char *path, size_t max, struct load_file *out, struct err *e)
{
	*out = (struct load_file){ 0 };
	int fd = open(path, OPEN_FLAGS | O_NOFOLLOW);

	if (fd < 0 && errno == ELOOP) {
		out->link = true;
		fd = open(path, OPEN_FLAGS);
	}
	if (fd < 0)
		return err_set(e, ERR_CONFIG, "cannot be opened: %s", strerror(errno));
	bool ok = false;
	if (fstat(fd, &out->st) != 0)
		err_set(e, ERR_CONFIG, "cannot be examined: %s", strerror(errno));
	else if (!S_ISREG(out->st.st_mode))
		err_set(e, ERR_CONFIG, "is not a regular file");
	else if ((size_t)out->st.st_size > max)
		err_set(e, ERR_CONFIG, "has %lld octets; the most is %zu",
			(long long)out->st.st_size, max);
	else
		ok = read_all(fd, max, out, e);
	close(fd);
	if (!ok)
		load_file_free(out);
	return ok;
}

void load_file_free(struct load_file *f)
{
	if (f->data) {
		wipe(f->data, f->len);
		free(f->data);
	}
	*f = (struct load_file){ 0 };
}

size_t load_mark_len(const char *text, size_t len)
{
	static const char mark[] = { '\xef', '\xbb', '\xbf' };

	return len >= sizeof(mark) && memcmp(text, mark, sizeof(mark)) == 0 ? sizeof(mark) : 0;
}

/* Whoever may write to the folder can put another file in this one's place. */
static bool folder_open_to_all(const char *path)
{
	char dir[PROFILE_PATH_MAX];
	struct stat st;
	const char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(dir, sizeof(dir), ".");
	else
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return stat(dir, &st) == 0 && (st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX);
}

bool load_file_private(const struct load_file *f, const char *path, struct err *e)
{
	uid_t uid = user_uid();

	if (f->link)
		return err_set(e, ERR_CONFIG,
			"holds a secret and is a symbolic link; name the file itself");
	if (f->st.st_uid != 0 && f->st.st_uid != uid)
		return err_set(e, ERR_CONFIG,
			"holds a secret and belongs to user %u; run: chown %u %s", f->st.st_uid,
			uid, path);
	if (f->st.st_mode & 077)
		return err_set(e, ERR_CONFIG,
			"holds a secret and others may use it (mode %04o); run: chmod 600 %s",
			f->st.st_mode & 07777, path);
	if (folder_open_to_all(path))
		return err_set(e, ERR_CONFIG,
			"holds a secret, and everybody may replace files in its folder; "
			"keep it elsewhere");
	return true;
}
