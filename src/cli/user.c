#include "cli/user.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <unistd.h>

/* The number in SUDO_UID, which only root's own environment can be believed about. */
static bool sudo_uid(uid_t *uid)
{
	const char *text = getenv("SUDO_UID");
	char *end;

	if (getuid() != 0 || !text || !*text)
		return false;
	unsigned long n = strtoul(text, &end, 10);
	if (*end || n >= UINT32_MAX)
		return false;
	*uid = (uid_t)n;
	return true;
}

void user_invoking(struct user *u)
{
	struct passwd pw, *found = NULL;
	char room[4096];

	*u = (struct user){ .uid = getuid(), .gid = getgid() };
	bool by_sudo = sudo_uid(&u->uid);
	if (getpwuid_r(u->uid, &pw, room, sizeof(room), &found) == 0 && found) {
		u->gid = pw.pw_gid;
		snprintf(u->name, sizeof(u->name), "%s", pw.pw_name);
		snprintf(u->home, sizeof(u->home), "%s", pw.pw_dir);
	}
	const char *home = getenv("HOME");
	if (!by_sudo && home && home[0] == '/')
		snprintf(u->home, sizeof(u->home), "%s", home);
}

/* The two calls say what they replaced, and nothing about success. */
void user_enter(const struct user *u, struct user_rights *was)
{
	was->gid = (gid_t)setfsgid(u->gid);
	was->uid = (uid_t)setfsuid(u->uid);
}

void user_leave(const struct user_rights *was)
{
	int error = errno;

	setfsuid(was->uid);
	setfsgid(was->gid);
	errno = error;
}
