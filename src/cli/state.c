#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/user.h"

enum { STATE_PATH_MAX = USER_PATH_MAX + 128 };

/* The folder, made where it is missing; but not the home itself, for who has none keeps no state. */
static bool state_dir(const struct user *u, char out[STATE_PATH_MAX])
{
	const char *xdg = getenv("XDG_STATE_HOME");
	int n = xdg && xdg[0] == '/' ?
		snprintf(out, STATE_PATH_MAX, "%s/vpnc-ike", xdg) :
		snprintf(out, STATE_PATH_MAX, "%s/.local/state/vpnc-ike", u->home);

	struct stat st;

	if (n >= STATE_PATH_MAX || out[0] != '/' || (!xdg && stat(u->home, &st) != 0))
		return false;
	for (char *slash = out + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		bool ok = mkdir(out, 0700) == 0 || errno == EEXIST;
		*slash = '/';
		if (!ok)
			return false;
	}
	return mkdir(out, 0700) == 0 || errno == EEXIST;
}

static FILE *open_in(const struct user *u, const char *name, bool writing)
{
	char path[STATE_PATH_MAX], whole[STATE_PATH_MAX + 128];
	struct stat st;

	if (!state_dir(u, path) || strchr(name, '/'))
		return NULL;
	snprintf(whole, sizeof(whole), "%s/%s", path, name);
	if (writing && unlink(whole) != 0 && errno != ENOENT)
		return NULL;
	int fd = open(whole,
		(writing ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY | O_NONBLOCK) | O_NOFOLLOW |
			O_CLOEXEC,
		0600);
	if (fd < 0)
		return NULL;
	FILE *f =
		fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, writing ? "w" : "r") : NULL;
	if (!f)
		close(fd);
	return f;
}

FILE *state_open(const char *name, const char *mode)
{
	struct user u;
	struct user_rights was;

	user_invoking(&u);
	user_enter(&u, &was);
	FILE *f = open_in(&u, name, mode[0] == 'w');
	user_leave(&was);
	return f;
}
