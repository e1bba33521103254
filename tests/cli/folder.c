#define _GNU_SOURCE
#include "folder.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/test.h"

int folder_make(void **state)
{
	char path[] = "/tmp/vpnc-ike-test-XXXXXX";

	*state = mkdtemp(path) ? strdup(path) : NULL;
	return *state ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int folder_remove(void **state)
{
	int n = nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return n;
}

const char *folder_write(
	const char *folder, const char *name, const void *data, size_t len, mode_t mode)
{
	static char paths[4][1024];
	static size_t turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

const char *folder_text(const char *folder, const char *name, const char *text)
{
	return folder_write(folder, name, text, strlen(text), 0600);
}
