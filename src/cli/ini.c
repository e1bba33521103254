#define _GNU_SOURCE
#include "load_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iniparser/iniparser.h>

#include "base/secret.h"

/* iniparser would print lines that it does not understand, with the secrets that are in them. */
static int keep_quiet(const char *fmt, ...)
{
	return fmt ? 0 : -1;
}

/* iniparser 4.1 reads files only, by name: a file in memory gives it one, without a second look at a
 * path that may have changed meanwhile. */
struct ini *ini_read(const char *text, size_t len)
{
	char path[64];
	dictionary *d = NULL;
	int fd = memfd_create("profile", MFD_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (write(fd, text, len) == (ssize_t)len) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		iniparser_set_error_callback(keep_quiet);
		d = iniparser_load(path);
		iniparser_set_error_callback(NULL);
	}
	close(fd);
	return (struct ini *)d;
}

void ini_free(struct ini *ini)
{
	dictionary *d = (dictionary *)ini;

	if (!d)
		return;
	for (int i = 0; i < (int)d->size; i++) /* a size_t since iniparser 4.2 */
		if (d->key[i] && d->val[i])
			wipe(d->val[i], strlen(d->val[i]));
	iniparser_freedict(d);
}

const char *ini_get(const struct ini *ini, const char *section, const char *key)
{
	char name[72];

	snprintf(name, sizeof(name), "%s:%s", section, key);
	return iniparser_getstring((const dictionary *)ini, name, NULL);
}

bool ini_escapes(void)
{
	static const char text[] = "[a]\nb = \"\\\\\"\n"; /* two backslashes in quotes */
	static int known = -1;

	if (known < 0) {
		struct ini *ini = ini_read(text, sizeof(text) - 1);
		const char *value = ini ? ini_get(ini, "a", "b") : NULL;
		known = value && strcmp(value, "\\") == 0;
		ini_free(ini);
	}
	return known;
}
