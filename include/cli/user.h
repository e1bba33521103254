/*
 * The person at the keyboard: who ran this program, or who ran sudo to run it.
 */
#ifndef CLI_USER_H
#define CLI_USER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { USER_PATH_MAX = 1024 };

struct user {
	uid_t uid;
	gid_t gid;
	char name[64];
	char home[USER_PATH_MAX]; /* "" when there is none */
};

/* SUDO_UID counts only when we run as root. Of these two the one never asks the passwd database, and the other
 * only where HOME does not tell. */
uid_t user_uid(void);
void user_home(char home[USER_PATH_MAX]); /* "" when there is none */
/* A user without a passwd entry has numbers only, and SUDO_GID is the group's then. */
void user_invoking(struct user *u);

/* From user_enter to user_leave files are reached and made with u's rights, even when we are root: a link
 * planted there reaches nothing that u could not reach anyway. errno stays. */
struct user_rights {
	uid_t uid;
	gid_t gid;
};
void user_enter(const struct user *u, struct user_rights *was);
void user_leave(const struct user_rights *was);

/* False: nobody ran sudo, or root did. */
bool user_by_sudo(struct user *u);
/* errno in words, where a file was not reached with these rights. */
enum { USER_PROBLEM_MAX = 192 };
const char *user_problem(char out[USER_PROBLEM_MAX]);

#endif
