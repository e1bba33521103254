#include "logbook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/user.h"

/* What these two stand for may be a pipe or a socket, and no file that could be opened. */
static int open_standard(const char *path)
{
	int fd = strcmp(path, "/dev/stderr") == 0 ? STDERR_FILENO :
		strcmp(path, "/dev/stdout") == 0  ? STDOUT_FILENO :
						    -1;

	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* Who may run us by sudo and nothing else must not get to append to any file by that; and what is made in his
 * folder is his to read. */
static int open_as_user(const char *path, int how)
{
	struct user_rights was;
	struct user u;

	user_invoking(&u);
	user_enter(&u, &was);
	int fd = open(path, how, 0600);
	user_leave(&was);
	return fd;
}

/* Without waiting for whoever might read a FIFO. -1: why not. */
static int open_file(const char *path, char why[USER_PROBLEM_MAX])
{
	char problem[USER_PROBLEM_MAX];
	struct stat st;
	int fd = open_as_user(path,
		O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)) &&
		fcntl(fd, F_SETFL, O_APPEND) == 0)
		return fd;
	snprintf(why, USER_PROBLEM_MAX, "%s",
		fd >= 0 || errno == ENXIO ? "it is no file" :
			errno == ELOOP    ? "it is a symbolic link" :
					    user_problem(problem));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool logbook_open(struct logbook *b, const char *path, enum level level, struct err *e)
{
	*b = (struct logbook){ .trace = !path && level > LEVEL_INFO, .level = level };
	if (!path)
		return true;
	char why[USER_PROBLEM_MAX] = "out of memory";
	int fd = open_standard(path);
	if (fd < 0)
		fd = open_file(path, why);
	b->file = fd >= 0 ? fdopen(fd, "a") : NULL;
	if (!b->file) {
		err_set(e, ERR_CONFIG, "the log file %s cannot be written: %s", path, why);
		if (fd >= 0)
			close(fd);
		return false;
	}
	setvbuf(b->file, NULL, _IOLBF, 0);
	return true;
}

void logbook_close(struct logbook *b)
{
	if (b->file)
		fclose(b->file);
	for (size_t i = 0; i < LOGBOOK_LINES; i++)
		free(b->lines[i]);
	*b = (struct logbook){ 0 };
}

/* Line by line: a file that lost one has a hole that nobody would see. */
static bool keep(struct logbook *b, const char *line, struct err *e)
{
	if (!b->file || fprintf(b->file, "%s\n", line) >= 0)
		return true;
	err_set(e, ERR_LOCAL, "the log file ends here, for it cannot be written: %s",
		strerror(errno));
	fclose(b->file);
	b->file = NULL;
	return false;
}

bool logbook_add(struct logbook *b, enum level level, const char *text, struct err *e)
{
	static const char *const names[] = { "error", "warn", "info", "debug", "trace" };
	struct timespec ts;
	struct tm tm;
	char when[32], line[LOGBOOK_LINE_MAX];

	if (level > b->level)
		return true;
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(line, sizeof(line), "%s.%03ld %-5s %s", when, ts.tv_nsec / 1000000, names[level],
		text);
	free(b->lines[b->next]);
	b->lines[b->next] = strdup(line);
	b->next = (b->next + 1) % LOGBOOK_LINES;
	return keep(b, line, e);
}

char *logbook_text(const struct logbook *b, size_t count)
{
	size_t first = b->next + LOGBOOK_LINES - (count < LOGBOOK_LINES ? count : LOGBOOK_LINES);
	size_t len = 0;
	char *text;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	for (size_t i = first; i < b->next + LOGBOOK_LINES; i++)
		if (b->lines[i % LOGBOOK_LINES])
			fprintf(f, "%s\n", b->lines[i % LOGBOOK_LINES]);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}
