#include "cli/user.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

enum { ROOM_MOST = 1 << 20 }; /* octets of an entry in passwd */

/* The number in SUDO_UID or SUDO_GID, which only root's own environment can be believed about. */
static bool sudo_id(const char *variable, uint32_t *id)
{
	const char *text = getenv(variable);
	char *end;

	if (getuid() != 0 || !text || !*text)
		return false;
	unsigned long n = strtoul(text, &end, 10);
	if (*end || n >= UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

uid_t user_uid(void)
{
	uint32_t id;

	return sudo_id("SUDO_UID", &id) ? id : getuid();
}

/* HOME is that of who ran this program. NULL: it does not tell. */
static const char *home_told(void)
{
	const char *home = getenv("HOME");
	uint32_t id;

	return home && home[0] == '/' && !sudo_id("SUDO_UID", &id) ? home : NULL;
}

static bool from_passwd(struct user *u)
{
	struct passwd pw, *found = NULL;
	char *room = NULL, *more;
	int code = ERANGE;

	for (size_t n = 4096; code == ERANGE && n <= ROOM_MOST && (more = realloc(room, n));
		n *= 4) {
		room = more;
		code = getpwuid_r(u->uid, &pw, room, n, &found);
	}
	bool there = code == 0 && found;
	if (there) {
		u->gid = pw.pw_gid;
		snprintf(u->name, sizeof(u->name), "%s", pw.pw_name);
		snprintf(u->home, sizeof(u->home), "%s", pw.pw_dir);
	}
	free(room);
	return there;
}

void user_invoking(struct user *u)
{
	*u = (struct user){ .uid = getuid(), .gid = getgid() };
	bool by_sudo = sudo_id("SUDO_UID", &u->uid);
	const char *home = home_told();

	/* Root's group is nobody else's, whatever is not known of him. */
	if (!from_passwd(u) && by_sudo && u->uid != 0 &&
		(!sudo_id("SUDO_GID", &u->gid) || u->gid == 0))
		u->gid = u->uid;
	if (home)
		snprintf(u->home, sizeof(u->home), "%s", home);
}

void user_home(char home[USER_PATH_MAX])
{
	const char *told = home_told();
	struct user u;

	if (!told)
		user_invoking(&u);
	snprintf(home, USER_PATH_MAX, "%s", told ? told : u.home);
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

bool user_by_sudo(struct user *u)
{
	user_invoking(u);
	return u->uid != getuid();
}

const char *user_problem(char out[USER_PROBLEM_MAX])
{
	int error = errno;
	struct user u;

	if ((error == EACCES || error == EPERM) && user_by_sudo(&u))
		snprintf(out, USER_PROBLEM_MAX,
			"%s, who ran sudo, may not write there, and it would be theirs",
			u.name[0] ? u.name : "the user");
	else
		snprintf(out, USER_PROBLEM_MAX, "%s", strerror(error));
	return out;
}
