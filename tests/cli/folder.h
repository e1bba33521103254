/*
 * A folder of its own for a test's files.
 */
#ifndef TESTS_CLI_FOLDER_H
#define TESTS_CLI_FOLDER_H

#include <stddef.h>
#include <sys/types.h>

/* cmocka set-up and tear-down: *state is the folder's path (char *). */
int folder_make(void **state);
int folder_remove(void **state);
/* Writes a file; returns its path, in one of a few static buffers. */
const char *folder_write(
	const char *folder, const char *name, const void *data, size_t len, mode_t mode);
const char *folder_text(const char *folder, const char *name, const char *text);

#endif
