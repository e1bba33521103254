#include "priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/*
 * /etc/resolv.conf where nobody manages it. With the run directory's lock held.
 *
 * SAVED holds the file of before: a line of mode, owner and age (or that there was none), then its
 * octets. NAME.dns holds what an instance wrote. The file is ours as long as it equals one of the
 * NAME.dns; then the instance that leaves puts back another's text, or, as the last, what was saved.
 * Otherwise somebody else has rewritten it and knows better.
 *
 * The run directory does not outlive the machine's power, the file does. So a copy of what was saved
 * lies beside it as long as it is ours; and what has our first line and is of no instance is not taken
 * for a file of before. Behind a symbolic link into /run all of them are gone together.
 */

#define SAVED RESOLV_SAVED
#define FIRST "# Written by vpnc-ike for "

enum { SAVED_HEAD_MAX = 96, RESOLV_MAX = 65536, RESOLV_SERVERS = 3, SEARCH_MAX = 6 };

struct file {
	bool there;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec changed; /* all zero: the time of writing */
	size_t n;
	char *text; /* to be freed */
};

static void file_free(struct file *f)
{
	free(f->text);
	*f = (struct file){ 0 };
}

static bool file_same(const struct file *a, const struct file *b)
{
	return a->there == b->there && a->n == b->n &&
		(a->n == 0 || memcmp(a->text, b->text, a->n) == 0);
}

static bool file_load(int dir, const char *path, struct file *f, struct err *e)
{
	struct stat st;
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

	*f = (struct file){ .mode = 0644 };
	if (fd < 0)
		return errno == ENOENT || err_set(e, ERR_LOCAL, "%s: %s", path, strerror(errno));
	bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= RESOLV_MAX;
	f->text = malloc(RESOLV_MAX + 1);
	ssize_t n = ok && f->text ? read(fd, f->text, RESOLV_MAX) : -1;
	close(fd);
	if (n < 0) {
		file_free(f);
		return err_set(e, ERR_LOCAL,
			"%s cannot be read, or is no file of at most %d octets", path, RESOLV_MAX);
	}
	f->text[n] = 0;
	f->there = true;
	f->mode = st.st_mode & 07777;
	f->uid = st.st_uid;
	f->gid = st.st_gid;
	f->changed = st.st_mtim;
	f->n = (size_t)n;
	return true;
}

static bool put_all(int fd, const struct file *f)
{
	for (size_t at = 0; at < f->n;) {
		ssize_t n = write(fd, f->text + at, f->n - at);
		if (n < 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

static bool fresh_name(char out[PATH_MAX], const char *path)
{
	return snprintf(out, PATH_MAX, "%s.vpnc-ike", path) < PATH_MAX;
}

/* What replace had begun when it was killed. */
static void sweep(int dir, const char *path)
{
	char fresh[PATH_MAX];

	if (fresh_name(fresh, path))
		unlinkat(dir, fresh, 0);
}

/* What comes back is as old as it was. */
static bool set_time(int fd, const struct file *f)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, f->changed };

	return f->changed.tv_sec == 0 || futimens(fd, times) == 0;
}

/* What SELinux calls the file goes over to the one that takes its place, or who manages names here may not write
 * to it any more. Where that is refused, names in the tunnel matter more. */
static void keep_label(int dir, const char *path, int fd)
{
	static const char selinux[] = "security.selinux";
	char label[256];
	int was = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = was < 0 ? -1 : fgetxattr(was, selinux, label, sizeof(label));

	if (was >= 0)
		close(was);
	if (n > 0)
		(void)!fsetxattr(fd, selinux, label, (size_t)n, 0);
}

/* A new file in the place of the old, so that nobody reads half of it. */
static bool replace(int dir, const char *path, const struct file *f)
{
	char fresh[PATH_MAX];

	if (!fresh_name(fresh, path))
		return false;
	sweep(dir, path);
	int fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	keep_label(dir, path, fd);
	bool ok = put_all(fd, f) && fchown(fd, f->uid, f->gid) == 0 && fchmod(fd, f->mode) == 0 &&
		set_time(fd, f) && fsync(fd) == 0;
	close(fd);
	if (ok && renameat(dir, fresh, dir, path) == 0)
		return true;
	int code = errno;
	unlinkat(dir, fresh, 0);
	errno = code;
	return false;
}

/* Where the folder may not be written, or the file is a mount of its own and cannot be replaced
 * (containers), the contents are. */
static bool overwrite(int dir, const char *path, const struct file *f, struct err *e)
{
	int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && put_all(fd, f) && ftruncate(fd, (off_t)f->n) == 0 && set_time(fd, f) &&
		fsync(fd) == 0;
	int code = errno;

	if (fd >= 0)
		close(fd);
	return ok || err_set(e, ERR_LOCAL, "%s cannot be written: %s", path, strerror(code));
}

static bool file_store(int dir, const char *path, const struct file *f, struct err *e)
{
	if (!f->there)
		return unlinkat(dir, path, 0) == 0 || errno == ENOENT ||
			err_set(e, ERR_LOCAL, "%s cannot be removed: %s", path, strerror(errno));
	return replace(dir, path, f) || overwrite(dir, path, f, e);
}

/* The file itself, behind symbolic links, which stay. */
static bool find_target(const char *path, char out[PATH_MAX], struct err *e)
{
	struct stat st;
	char *real = realpath(path, NULL);

	if (!real && (errno != ENOENT || lstat(path, &st) == 0))
		return err_set(
			e, ERR_LOCAL, "%s is a symbolic link to a file that is not there", path);
	snprintf(out, PATH_MAX, "%s", real ? real : path);
	free(real);
	return true;
}

static bool saved_write(int dir, const char *name, const struct file *f, struct err *e)
{
	struct file s = { .there = true, .mode = 0600, .uid = geteuid(), .gid = getegid() };

	s.text = malloc(f->n + SAVED_HEAD_MAX);
	if (!s.text)
		return err_set(e, ERR_LOCAL, "no memory");
	s.n = (size_t)snprintf(s.text, SAVED_HEAD_MAX, "%u %u %u %u %lu %lu\n", f->there, f->mode,
		f->uid, f->gid, (unsigned long)f->changed.tv_sec,
		(unsigned long)f->changed.tv_nsec);
	if (f->n)
		memcpy(s.text + s.n, f->text, f->n);
	s.n += f->n;
	bool ok = file_store(dir, name, &s, e);
	free(s.text);
	return ok || err_ctx(e, "keeping a copy of resolv.conf");
}

static bool saved_read(int dir, const char *name, struct file *f, struct err *e)
{
	unsigned long v[6];
	const char *at;

	if (!file_load(dir, name, f, e))
		return false;
	at = f->there ? f->text : "";
	for (int i = 0; i < 6; i++)
		if (!line_number(&at, &v[i]) || !line_word(&at, i < 5 ? " " : "\n")) {
			file_free(f);
			return err_set(e, ERR_LOCAL, "the copy of resolv.conf (%s) is lost", name);
		}
	f->n -= (size_t)(at - f->text);
	memmove(f->text, at, f->n);
	f->there = v[0] == 1;
	f->mode = (mode_t)v[1] & 07777;
	f->uid = (uid_t)v[2];
	f->gid = (gid_t)v[3];
	f->changed = (struct timespec){ (time_t)v[4], (long)v[5] };
	return true;
}

/* The copy that outlives the machine's power. */
static bool beside_name(char out[PATH_MAX], const char *target)
{
	return snprintf(out, PATH_MAX, "%s" RESOLV_SUFFIX, target) < PATH_MAX;
}

bool folder_of(char out[PATH_MAX], const char *path)
{
	int n = snprintf(out, PATH_MAX, "%s", path);
	char *slash = n > 0 && n < PATH_MAX ? strrchr(out, '/') : NULL;

	if (slash)
		slash[slash == out] = 0;
	return slash != NULL;
}

static void sync_folder(const char *path)
{
	char folder[PATH_MAX];

	if (!folder_of(folder, path))
		return;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

/* On the disk before the file is changed. Where the folder cannot be written (containers) there is
 * none. */
static void beside_write(const char *target, const struct file *f)
{
	char name[PATH_MAX];

	if (beside_name(name, target) && saved_write(AT_FDCWD, name, f, NULL))
		sync_folder(name);
}

static void beside_remove(const char *target)
{
	char name[PATH_MAX];

	if (!beside_name(name, target))
		return;
	sync_folder(target); /* what came back first */
	unlinkat(AT_FDCWD, name, 0);
	sweep(AT_FDCWD, name);
}

static bool has_copy(const char *target)
{
	char name[PATH_MAX];

	return beside_name(name, target) && faccessat(AT_FDCWD, name, F_OK, 0) == 0;
}

/* Also that of a file which has become a link since. */
static void copies_remove(const char *path)
{
	char target[PATH_MAX];

	if (find_target(path, target, NULL) && strcmp(target, path) != 0)
		beside_remove(target);
	beside_remove(path);
}

/* An instance wrote it, whichever that was. */
static bool has_first_line(const struct file *f)
{
	return f->n >= sizeof(FIRST) - 1 && memcmp(f->text, FIRST, sizeof(FIRST) - 1) == 0;
}

/* What instances other than self ("": all) wrote: whether one equals now, and the newest of them. */
static bool look_at_others(int dir, const char *self, const struct file *now, bool *equal,
	struct file *newest, struct err *e)
{
	char(*names)[INSTANCE_MAX + 1] = NULL, path[INSTANCE_MAX + 16];
	struct timespec best = { 0 };
	size_t n = 0;
	bool ok = run_dir_list(dir, ".dns", &names, &n, e);

	*equal = false;
	*newest = (struct file){ 0 };
	for (size_t i = 0; i < n && ok; i++) {
		struct file f;
		struct stat st;
		snprintf(path, sizeof(path), "%s.dns", names[i]);
		if (strcmp(names[i], self) == 0 || fstatat(dir, path, &st, 0) < 0)
			continue;
		ok = file_load(dir, path, &f, e);
		*equal |= ok && file_same(&f, now);
		bool newer = st.st_mtim.tv_sec > best.tv_sec ||
			(st.st_mtim.tv_sec == best.tv_sec && st.st_mtim.tv_nsec >= best.tv_nsec);
		if (ok && newer) {
			struct file older = *newest;
			*newest = f;
			f = older;
			best = st.st_mtim;
		}
		file_free(&f);
	}
	free(names);
	return ok;
}

static void add(char *out, size_t size, size_t *n, const char *fmt, ...) PRINTF(4, 5);
static void add(char *out, size_t size, size_t *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int more = vsnprintf(out + *n, size - *n, fmt, ap);
	va_end(ap);
	*n += more > 0 && (size_t)more < size - *n ? (size_t)more : 0;
	out[*n] = 0;
}

/* The words behind the last line of before that begins with key. */
static size_t words_of(const char *before, size_t len, const char *key, const char **words)
{
	const char *end = before + len;
	size_t n = 0, k = strlen(key);

	for (const char *line = before; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		stop = stop ? stop : end;
		if ((size_t)(stop - line) > k && memcmp(line, key, k) == 0 &&
			(line[k] == ' ' || line[k] == '\t')) {
			*words = line + k + 1;
			n = (size_t)(stop - *words);
		}
		line = stop + 1;
	}
	return n;
}

/* What path leads to and what is there now; others and newest as look_at_others has them. */
static bool look(int dir, const char *path, const char *self, char target[PATH_MAX],
	struct file *now, bool *others, struct file *newest, struct err *e)
{
	return find_target(path, target, e) && file_load(AT_FDCWD, target, now, e) &&
		look_at_others(dir, self, now, others, newest, e);
}

size_t resolv_text(char *out, size_t size, const struct dns_want *want, const char *instance,
	const char *before, size_t before_len)
{
	const char *words;
	char text[ADDR_TEXT_MAX];
	size_t n = 0;

	out[0] = 0;
	if (instance[0])
		add(out, size, &n,
			FIRST "%s; the file of before comes back when it "
			      "disconnects.\n",
			instance);
	/* The resolver of the C library reads no more than three servers and six domains. */
	for (uint32_t i = 0; i < want->n_servers && i < RESOLV_SERVERS; i++)
		add(out, size, &n, "nameserver %s\n", addr_text(text, &want->servers[i]));
	size_t kept = words_of(before, before_len, "search", &words);
	if (kept == 0)
		kept = words_of(before, before_len, "domain", &words);
	if (want->n_domains > 0 || kept > 0)
		add(out, size, &n, "search");
	for (uint32_t i = 0; i < want->n_domains && i < SEARCH_MAX; i++)
		add(out, size, &n, " %s", want->domains[i]);
	if (kept > 0)
		add(out, size, &n, " %.*s", (int)kept, words);
	if (want->n_domains > 0 || kept > 0)
		add(out, size, &n, "\n");
	kept = words_of(before, before_len, "options", &words);
	if (kept > 0)
		add(out, size, &n, "options %.*s\n", (int)kept, words);
	return n;
}

static bool write_ours(int dir, const char *target, const char *instance,
	const struct dns_want *want, const struct file *before, struct err *e)
{
	char text[8192], name[INSTANCE_MAX + 16];
	struct file ours = {
		.there = true, .mode = 0600, .uid = geteuid(), .gid = getegid(), .text = text
	};

	ours.n = resolv_text(
		text, sizeof(text), want, instance, before->n ? before->text : "", before->n);
	snprintf(name, sizeof(name), "%s.dns", instance);
	if (!file_store(dir, name, &ours, e))
		return false;
	ours.mode = before->mode;
	ours.uid = before->uid;
	ours.gid = before->gid;
	return file_store(AT_FDCWD, target, &ours, e);
}

bool resolv_file_set(
	int dir, const char *path, const char *instance, const struct dns_want *want, struct err *e)
{
	struct file now = { 0 }, before = { 0 }, newest = { 0 };
	char target[PATH_MAX];
	bool ours = false;

	bool ok = look(dir, path, "", target, &now, &ours, &newest, e);
	if (ok && !ours) {
		/* Of an instance that nothing is known of any more: better none than that. */
		if (has_first_line(&now)) {
			file_free(&now);
			now.mode = 0644;
		}
		ok = saved_write(dir, SAVED, &now, e);
		if (ok)
			beside_write(target, &now);
	}
	ok = ok && saved_read(dir, SAVED, &before, e) &&
		write_ours(dir, target, instance, want, &before, e);
	file_free(&now);
	file_free(&before);
	file_free(&newest);
	return ok;
}

bool resolv_file_whose(
	int dir, const char *path, const char *instance, enum resolv_whose *whose, struct err *e)
{
	struct file now = { 0 }, mine = { 0 }, newest = { 0 };
	char target[PATH_MAX], name[INSTANCE_MAX + 16];
	bool others;

	snprintf(name, sizeof(name), "%s.dns", instance);
	bool ok = look(dir, path, instance, target, &now, &others, &newest, e) &&
		file_load(dir, name, &mine, e);
	if (ok)
		*whose = mine.there && file_same(&mine, &now) ? RESOLV_OURS :
			others                                ? RESOLV_ANOTHERS :
								RESOLV_SOMEBODYS;
	file_free(&now);
	file_free(&mine);
	file_free(&newest);
	return ok;
}

/* Puts back what mine took the place of: another instance's text, or the file of before. */
static bool put_back(int dir, const char *target, const struct file *newest, struct err *e)
{
	struct file before = { 0 };
	bool ok = saved_read(dir, SAVED, &before, e);

	if (ok && newest->there) {
		struct file other = *newest;
		other.mode = before.mode;
		other.uid = before.uid;
		other.gid = before.gid;
		other.changed = (struct timespec){ 0 };
		ok = file_store(AT_FDCWD, target, &other, e);
	} else if (ok) {
		ok = file_store(AT_FDCWD, target, &before, e);
	}
	file_free(&before);
	return ok;
}

/* overwrite was killed between its two steps: a is there, and behind it what is longer in b. */
static bool file_torn(const struct file *now, const struct file *a, const struct file *b)
{
	return now->there && a->n < b->n && now->n == b->n &&
		memcmp(now->text, a->text, a->n) == 0 &&
		memcmp(now->text + a->n, b->text + a->n, b->n - a->n) == 0;
}

/* Neither mine nor another instance's. Perhaps it is as it was before any of us, because nothing
 * was written yet or all is restored; perhaps it is torn, or ours with a change; else somebody has
 * rewritten it. */
static bool settle(int dir, const char *target, const struct file *now, const struct file *mine,
	const struct file *newest, bool *kept, struct err *e)
{
	struct file before = { 0 };
	bool saved = saved_read(dir, SAVED, &before, NULL);
	bool torn = saved &&
		(has_first_line(now) || file_torn(now, mine, &before) ||
			file_torn(now, &before, mine));

	*kept = !torn && !(saved && file_same(&before, now));
	file_free(&before);
	return !torn || put_back(dir, target, newest, e);
}

static bool take_out(int dir, const char *path, const struct file *mine, const char *instance,
	struct file *newest, bool *kept, struct err *e)
{
	struct file now = { 0 };
	char target[PATH_MAX];
	bool others = false;

	/* A link to what is not there, and nothing of ours. */
	*kept = !find_target(path, target, NULL);
	if (*kept)
		return look_at_others(dir, instance, &now, &others, newest, e);
	bool ok = look(dir, path, instance, target, &now, &others, newest, e);
	if (ok && file_same(mine, &now))
		ok = put_back(dir, target, newest, e);
	else if (ok && !others)
		ok = settle(dir, target, &now, mine, newest, kept, e);
	if (ok)
		sweep(AT_FDCWD, target);
	file_free(&now);
	return ok;
}

bool resolv_file_recover(int dir, const char *path, bool *recovered, struct err *e)
{
	struct file now = { 0 }, before = { 0 }, newest = { 0 };
	char target[PATH_MAX], name[PATH_MAX];
	bool ours;

	*recovered = false;
	if (!find_target(path, target, NULL) || (!has_copy(target) && !has_copy(path)))
		return true;
	bool ok = look(dir, path, "", target, &now, &ours, &newest, e);
	if (ok && !newest.there) {
		if (has_first_line(&now) && has_copy(target) && beside_name(name, target)) {
			ok = saved_read(AT_FDCWD, name, &before, e) &&
				file_store(AT_FDCWD, target, &before, e);
			*recovered = ok;
		}
		if (ok)
			copies_remove(path);
	}
	file_free(&now);
	file_free(&before);
	file_free(&newest);
	return ok;
}

bool resolv_file_unset(int dir, const char *path, const char *instance, bool *kept, struct err *e)
{
	struct file nothing = { 0 }, mine = { 0 }, newest = { 0 };
	char name[INSTANCE_MAX + 16];
	bool others, ok;

	*kept = false;
	snprintf(name, sizeof(name), "%s.dns", instance);
	ok = file_load(dir, name, &mine, e) &&
		(mine.there ? take_out(dir, path, &mine, instance, &newest, kept, e) :
			      look_at_others(dir, instance, &nothing, &others, &newest, e));
	if (ok) {
		unlinkat(dir, name, 0);
		sweep(dir, name);
		sweep(dir, SAVED);
		if (!newest.there) {
			unlinkat(dir, SAVED, 0);
			copies_remove(path);
		}
	}
	file_free(&mine);
	file_free(&newest);
	return ok;
}
