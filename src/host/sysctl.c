#include "priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The contents exactly as they are, newline included. */
bool sysctl_read(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t n = read(fd, out, size - 1);
	close(fd);
	if (n < 0)
		return false;
	out[n] = 0;
	return true;
}

bool sysctl_write(const char *path, const char *value, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(value);

	if (fd < 0)
		return err_set(
			e, ERR_LOCAL, "%s cannot be opened for writing: %s", path, strerror(errno));
	bool ok = write(fd, value, n) == (ssize_t)n;
	int code = errno;
	close(fd);
	return ok || err_set(e, ERR_LOCAL, "%s cannot be written: %s", path, strerror(code));
}
