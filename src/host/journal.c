#include "priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * /run/vpnc-ike holds, for each instance, NAME.lock (locked while it lives; its process, slot and gateway in
 * text) and NAME.journal: lines "+ WHAT" written before WHAT is set up and "- WHAT" after it was
 * taken back. A line without its newline was not finished, so what it announces was not begun.
 */

enum { FILE_NAME_MAX = INSTANCE_MAX + 16 };

bool instance_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > INSTANCE_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == '/' || name[i] == 0x7f)
			return false;
	return true;
}

int run_dir_open(const char *path, struct err *e)
{
	bool made = mkdir(path, 0700) == 0;
	struct stat st;

	if (!made && errno != EEXIST) {
		err_set(e, ERR_LOCAL,
			"%s cannot be made: %s; it takes root, or a folder of that name "
			"that belongs to this user",
			path, strerror(errno));
		return -1;
	}
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* An instance's owner asks it here; each file has its own mode. */
	if (fd < 0 || (made && fchmod(fd, 0755) < 0) || fstat(fd, &st) < 0) {
		err_set(e, ERR_LOCAL, "%s cannot be opened: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	/* Who can write here can make us delete and restore what they like. */
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		err_set(e, ERR_LOCAL,
			"%s must belong to the user that runs this (%u) and be writable for nobody else, "
			"but belongs to %u and has mode %04o",
			path, geteuid(), st.st_uid, st.st_mode & 07777);
		close(fd);
		return -1;
	}
	return fd;
}

/* It is removed while it is locked: who had opened it before that has a lock of nothing. */
static bool leads_to(int dir, const char *file, int fd)
{
	struct stat named, ours;

	return fstatat(dir, file, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &ours) == 0 &&
		named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
}

static int lock_file(int dir, const char *file, int how)
{
	int fd = openat(dir, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -1;
	do
		r = flock(fd, how);
	while (r < 0 && errno == EINTR);
	if (r == 0 && leads_to(dir, file, fd))
		return fd;
	int code = errno;
	if (r == 0) {
		close(fd);
		return lock_file(dir, file, how);
	}
	close(fd);
	errno = code;
	return -1;
}

int run_dir_lock(int dir, struct err *e)
{
	int fd = lock_file(dir, ".lock", LOCK_EX);

	if (fd < 0)
		err_set(e, ERR_LOCAL, "the lock in " HOST_RUN_DIR " cannot be taken: %s",
			strerror(errno));
	return fd;
}

static char *file_name(char out[FILE_NAME_MAX], const char *name, const char *suffix)
{
	snprintf(out, FILE_NAME_MAX, "%.*s%s", INSTANCE_MAX, name, suffix);
	return out;
}

enum { LOCK_TEXT_MAX = 64 + ADDR_TEXT_MAX };

/* Slot HOST_TABLES: none is written there. */
static bool lock_text(int fd, struct lock_info *info)
{
	char text[LOCK_TEXT_MAX] = "";
	char *end;

	*info = (struct lock_info){ .slot = HOST_TABLES };
	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return false;
	unsigned long pid = strtoul(text, &end, 10);
	unsigned long slot = *end == ' ' ? strtoul(end + 1, &end, 10) : HOST_TABLES;
	if ((*end != '\n' && *end != ' ') || pid == 0 || pid >= INT32_MAX || slot >= HOST_TABLES)
		return true;
	*info = (struct lock_info){ .pid = (pid_t)pid, .slot = (unsigned)slot };
	end[strcspn(end, "\n")] = 0;
	if (*end == ' ' && !addr_parse(&info->gateway, end + 1))
		info->gateway = (struct addr){ 0 };
	return true;
}

static bool cannot_read(struct err *e, const char *file)
{
	return err_set(e, ERR_LOCAL, HOST_RUN_DIR "/%s cannot be read: %s", file, strerror(errno));
}

static bool lock_read(int dir, const char *name, struct lock_info *info, struct err *e)
{
	char file[FILE_NAME_MAX];
	int fd = openat(dir, file_name(file, name, ".lock"), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	*info = (struct lock_info){ .slot = HOST_TABLES };
	if (fd < 0)
		return errno == ENOENT || cannot_read(e, file);
	bool ok = lock_text(fd, info) || cannot_read(e, file);
	close(fd);
	return ok;
}

int instance_lock(int dir, const char *name, struct lock_info *info, bool *live, struct err *e)
{
	char file[FILE_NAME_MAX];
	int fd = lock_file(dir, file_name(file, name, ".lock"), LOCK_EX | LOCK_NB);

	*live = fd < 0 && errno == EWOULDBLOCK;
	if (fd < 0 && !*live)
		err_set(e, ERR_LOCAL, HOST_RUN_DIR "/%s: %s", file, strerror(errno));
	if (fd < 0) {
		(void)!lock_read(dir, name, info, NULL);
	} else if (!lock_text(fd, info)) {
		(void)!cannot_read(e, file);
		close(fd);
		return -1;
	}
	return fd;
}

bool instance_lock_write(int fd, const struct lock_info *info, struct err *e)
{
	char text[LOCK_TEXT_MAX], gateway[ADDR_TEXT_MAX] = "";
	bool sends = info->gateway.family != FAMILY_NONE;

	if (sends)
		addr_text(gateway, &info->gateway);
	int n = snprintf(text, sizeof(text), "%ld %u%s%s\n", (long)info->pid, info->slot,
		sends ? " " : "", gateway);

	/* In this order: whoever reads it meanwhile finds the process and the slot as they were. */
	if (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n) < 0)
		return err_set(e, ERR_LOCAL,
			"the lock file in " HOST_RUN_DIR " cannot be written: %s", strerror(errno));
	return true;
}

bool run_dir_list(
	int dir, const char *suffix, char (**names)[INSTANCE_MAX + 1], size_t *n, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t cap = 0, tail = strlen(suffix);
	bool ok = true;

	*names = NULL;
	*n = 0;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return err_set(e, ERR_LOCAL, HOST_RUN_DIR " cannot be listed: %s", strerror(errno));
	}
	for (struct dirent *entry = readdir(d); entry && ok; entry = readdir(d)) {
		size_t len = strlen(entry->d_name);
		if (len <= tail || strcmp(entry->d_name + len - tail, suffix) != 0)
			continue;
		entry->d_name[len - tail] = 0;
		if (!instance_name_ok(entry->d_name))
			continue;
		if (*n == cap) {
			cap = cap ? 2 * cap : 16;
			void *more = realloc(*names, cap * sizeof(**names));
			if (!more) {
				ok = err_set(e, ERR_LOCAL, "no memory");
				break;
			}
			*names = more;
		}
		snprintf((*names)[(*n)++], INSTANCE_MAX + 1, "%.*s", INSTANCE_MAX, entry->d_name);
	}
	closedir(d);
	return ok;
}

bool run_dir_has(int dir, const char *name, const char *suffix)
{
	char file[FILE_NAME_MAX];
	struct stat st;

	return fstatat(dir, file_name(file, name, suffix), &st, AT_SYMLINK_NOFOLLOW) == 0 ||
		errno != ENOENT;
}

void run_dir_unlink(int dir, const char *name, const char *suffix)
{
	char file[FILE_NAME_MAX];

	unlinkat(dir, file_name(file, name, suffix), 0);
}

bool instances_share(int dir, const char *self, const struct addr *gateway)
{
	char(*names)[INSTANCE_MAX + 1];
	struct lock_info info;
	bool shared = false;
	size_t n;

	bool ok = run_dir_list(dir, ".lock", &names, &n, NULL);
	for (size_t i = 0; i < n && ok && !shared; i++)
		shared = strcmp(names[i], self) != 0 && lock_read(dir, names[i], &info, NULL) &&
			info.gateway.family != FAMILY_NONE &&
			addr_same_host(&info.gateway, gateway) && kill(info.pid, 0) == 0;
	free(names);
	return shared;
}

bool slot_find(int dir, const char *self, unsigned *slot, struct err *e)
{
	char(*names)[INSTANCE_MAX + 1];
	bool used[HOST_TABLES] = { false };
	struct lock_info info;
	size_t n;

	bool ok = run_dir_list(dir, ".lock", &names, &n, e);
	for (size_t i = 0; i < n && ok; i++) {
		if (strcmp(names[i], self) == 0)
			continue;
		ok = lock_read(dir, names[i], &info, e);
		if (ok && info.slot < HOST_TABLES)
			used[info.slot] = true;
	}
	free(names);
	if (!ok)
		return false;
	for (*slot = 0; *slot < HOST_TABLES; (*slot)++)
		if (!used[*slot])
			return true;
	return err_set(e, ERR_LOCAL, "%d connections are set up already", HOST_TABLES);
}

bool journal_open(struct journal *j, int dir, const char *name, struct err *e)
{
	char file[FILE_NAME_MAX];

	*j = (struct journal){ .dir = dir };
	snprintf(j->name, sizeof(j->name), "%s", name);
	j->fd = openat(dir, file_name(file, name, ".journal"),
		O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	return j->fd >= 0 || err_set(e, ERR_LOCAL, HOST_RUN_DIR "/%s: %s", file, strerror(errno));
}

void journal_close(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
}

static bool journal_write(struct journal *j, char sign, const char *fmt, va_list ap)
{
	char line[JOURNAL_LINE_MAX + 4] = { sign, ' ' };
	int n = vsnprintf(line + 2, JOURNAL_LINE_MAX, fmt, ap);

	if (n < 0 || n >= JOURNAL_LINE_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	line[n + 2] = '\n';
	off_t end = lseek(j->fd, 0, SEEK_END);
	ssize_t done = write(j->fd, line, (size_t)n + 3);
	if (done == n + 3)
		return fsync(j->fd) == 0;
	/* Cut short for want of room: the next line must not be taken for the rest of it. */
	if (done >= 0) {
		(void)!ftruncate(j->fd, end);
		errno = ENOSPC;
	}
	return false;
}

bool journal_add(struct journal *j, struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	bool ok = journal_write(j, '+', fmt, ap);
	va_end(ap);
	return ok ||
		err_set(e, ERR_LOCAL,
			"the journal " HOST_RUN_DIR "/%s.journal cannot be written: %s", j->name,
			strerror(errno));
}

/* A line that is missing here only makes the next start look for what is gone already. */
void journal_undone(struct journal *j, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)!journal_write(j, '-', fmt, ap);
	va_end(ap);
}

/* Takes the newest line that says the same out of the list. */
static void lines_remove(struct journal_lines *l, const char *what)
{
	for (size_t i = l->n; i-- > 0;) {
		if (strcmp(l->v[i], what) != 0)
			continue;
		memmove(l->v[i], l->v[i + 1], (--l->n - i) * sizeof(l->v[0]));
		return;
	}
}

static bool lines_take(struct journal_lines *l, const char *line, const char *name, struct err *e)
{
	bool plus = line[0] == '+' && line[1] == ' ', minus = line[0] == '-' && line[1] == ' ';

	if ((!plus && !minus) || strlen(line) - 2 >= JOURNAL_LINE_MAX)
		return err_set(
			e, ERR_LOCAL, "the journal " HOST_RUN_DIR "/%s.journal is damaged", name);
	if (minus)
		lines_remove(l, line + 2);
	else if (l->n == JOURNAL_LINES_MAX)
		return err_set(
			e, ERR_LOCAL, "the journal " HOST_RUN_DIR "/%s.journal is too long", name);
	else
		snprintf(l->v[l->n++], JOURNAL_LINE_MAX, "%s", line + 2);
	return true;
}

bool journal_read(int dir, const char *name, struct journal_lines *out, struct err *e)
{
	char file[FILE_NAME_MAX], *line = NULL;
	int fd = openat(dir, file_name(file, name, ".journal"), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	size_t room = 0;
	ssize_t n;

	out->n = 0;
	if (fd < 0 && errno == ENOENT)
		return true;
	bool ok = f || cannot_read(e, file);
	while (ok && (n = getline(&line, &room, f)) > 0 && line[n - 1] == '\n') {
		line[n - 1] = 0;
		ok = lines_take(out, line, name, e);
	}
	if (ok && !feof(f))
		ok = cannot_read(e, file);
	free(line);
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	return ok;
}

/* Reading a line: takes the word, or the number, when it comes next. */
bool line_word(const char **at, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*at, word, n) != 0)
		return false;
	*at += n;
	return true;
}

bool line_number(const char **at, unsigned long *out)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*out = strtoul(*at, &end, 10);
	*at = end;
	return errno == 0;
}

static bool shared(int dir, const char *self, const char *line, size_t n_line)
{
	struct journal_lines *lines = malloc(sizeof(*lines));
	char(*names)[INSTANCE_MAX + 1] = NULL;
	size_t n = 0;
	bool found = false;

	/* Not knowing, it counts as shared: leaving something is better than taking it from others. */
	if (!lines || !run_dir_list(dir, ".journal", &names, &n, NULL))
		found = true;
	for (size_t i = 0; i < n && !found; i++) {
		if (strcmp(names[i], self) == 0)
			continue;
		if (!journal_read(dir, names[i], lines, NULL))
			found = true;
		for (size_t k = 0; k < lines->n; k++)
			found |= strncmp(lines->v[k], line, n_line) == 0;
	}
	free(names);
	free(lines);
	return found;
}

bool journal_shared(int dir, const char *self, const char *line)
{
	return shared(dir, self, line, strlen(line) + 1);
}

bool journal_shared_word(int dir, const char *self, const char *word)
{
	return shared(dir, self, word, strlen(word));
}
