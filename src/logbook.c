#include "logbook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool logbook_open(struct logbook *b, const char *path, enum level level, struct err *e)
{
	*b = (struct logbook){ .trace = !path && level > LEVEL_INFO };
	b->lines = calloc(LOGBOOK_LINES, sizeof(b->lines[0]));
	if (!b->lines)
		return err_set(e, ERR_LOCAL, "out of memory");
	if (!path)
		return true;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	b->file = fd >= 0 ? fdopen(fd, "a") : NULL;
	if (!b->file) {
		err_set(e, ERR_CONFIG, "the log file %s cannot be written: %s", path,
			strerror(errno));
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
	free(b->lines);
	*b = (struct logbook){ 0 };
}

void logbook_add(struct logbook *b, enum level level, const char *text)
{
	static const char *const names[] = { "error", "warn", "info", "debug", "trace" };
	struct timespec ts;
	struct tm tm;
	char when[32];

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	if (b->lines) {
		snprintf(b->lines[b->next], LOGBOOK_LINE_MAX, "%s.%03ld %-5s %s", when,
			ts.tv_nsec / 1000000, names[level], text);
		if (b->file)
			fprintf(b->file, "%s\n", b->lines[b->next]);
		b->next = (b->next + 1) % LOGBOOK_LINES;
		b->n += b->n < LOGBOOK_LINES;
	}
}

char *logbook_text(const struct logbook *b, size_t count)
{
	size_t n = count < b->n ? count : b->n, len = 0;
	char *text = malloc(n * (LOGBOOK_LINE_MAX + 1) + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *line = b->lines[(b->next + LOGBOOK_LINES - n + i) % LOGBOOK_LINES];
		size_t line_len = strlen(line);
		memcpy(text + len, line, line_len);
		text[len + line_len] = '\n';
		len += line_len + 1;
	}
	text[len] = 0;
	return text;
}
