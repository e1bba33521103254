#define _GNU_SOURCE
#include "askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/names.h"
#include "base/outbox.h"
#include "cli/user.h"

enum { ENV_MAX = 256, GROUPS_MAX = 64 };

/* All that the child needs, made before the fork: behind it only calls that are safe there. */
struct child {
	char program[USER_PATH_MAX], question[PROMPT_TEXT_MAX]; /* execve wants them writable */
	char *argv[3];
	char *envp[ENV_MAX + 1];
	char home[USER_PATH_MAX + 8], user[80], logname[80];
	struct user who;
	gid_t groups[GROUPS_MAX];
	int n_groups;
};

static bool is_ours(const char *variable)
{
	return strncmp(variable, "HOME=", 5) == 0 || strncmp(variable, "USER=", 5) == 0 ||
		strncmp(variable, "LOGNAME=", 8) == 0;
}

/* Our environment, with the invoking user's home and name. */
static void child_env(struct child *c)
{
	size_t n = 0;

	snprintf(c->home, sizeof(c->home), "HOME=%s", c->who.home);
	snprintf(c->user, sizeof(c->user), "USER=%s", c->who.name);
	snprintf(c->logname, sizeof(c->logname), "LOGNAME=%s", c->who.name);
	c->envp[n++] = c->home;
	c->envp[n++] = c->user;
	c->envp[n++] = c->logname;
	for (char **v = environ; v && *v && n < ENV_MAX; v++)
		if (!is_ours(*v))
			c->envp[n++] = *v;
	c->envp[n] = NULL;
}

static void become_user(const struct child *c)
{
	if (getuid() != 0)
		return;
	if (setgroups((size_t)c->n_groups, c->groups) != 0 ||
		setresgid(c->who.gid, c->who.gid, c->who.gid) != 0 ||
		setresuid(c->who.uid, c->who.uid, c->who.uid) != 0)
		_exit(126);
}

/* alive stays open in the program, whatever it does with its stdout, and closes when it ends. */
static void run_child(const struct child *c, int out, int alive)
{
	enum { ALIVE_FD = 3 };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	/* Out of the way of the numbers that are given out now. */
	out = fcntl(out, F_DUPFD_CLOEXEC, ALIVE_FD + 1);
	alive = fcntl(alive, F_DUPFD_CLOEXEC, ALIVE_FD + 1);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(alive, ALIVE_FD) < 0)
		_exit(126);
	become_user(c);
	execve(c->program, c->argv, c->envp);
	_exit(127);
}

static void close_pair(const int ends[2])
{
	if (ends[0] >= 0)
		close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
}

/* As far as it can be told before: the invoking user may have less rights than we have. */
static bool can_run(const char *program, struct err *e)
{
	char shown[160];
	struct stat st;

	text_safe(shown, sizeof(shown), program, strlen(program));
	if (program[0] != '/' || strlen(program) >= USER_PATH_MAX)
		return err_set(e, ERR_CONFIG,
			"VPNC_IKE_ASKPASS is \"%s\"; right would be the full path of a program, "
			"from / on",
			shown);
	bool there = stat(program, &st) == 0, file = there && !S_ISDIR(st.st_mode);
	if (file && access(program, X_OK) == 0)
		return true;
	err_set(e, ERR_CONFIG,
		file ? "VPNC_IKE_ASKPASS is \"%s\", which cannot be run: %s; run: chmod +x %s" :
		       "VPNC_IKE_ASKPASS is \"%s\", which cannot be run: %s; right would be the full "
		       "path of a program, or to unset it",
		shown, there && !file ? "it is a folder" : strerror(errno), shown);
	return false;
}

bool askpass_start(
	const char *program, const char *question, pid_t *pid, int *out, int *done, struct err *e)
{
	struct child c = { .n_groups = GROUPS_MAX };
	int answer[2] = { -1, -1 }, alive[2] = { -1, -1 };

	if (!can_run(program, e))
		return false;
	user_invoking(&c.who);
	if (getgrouplist(c.who.name, c.who.gid, c.groups, &c.n_groups) < 0)
		c.n_groups = GROUPS_MAX;
	snprintf(c.program, sizeof(c.program), "%s", program);
	snprintf(c.question, sizeof(c.question), "%s", question);
	c.argv[0] = c.program;
	c.argv[1] = c.question;
	child_env(&c);
	*pid = pipe2(answer, O_CLOEXEC) == 0 && pipe2(alive, O_CLOEXEC) == 0 ? fork() : -1;
	if (*pid == 0)
		run_child(&c, answer[1], alive[1]);
	if (*pid < 0) {
		err_set(e, ERR_LOCAL, "cannot run %s: %s", program, strerror(errno));
		close_pair(answer);
		close_pair(alive);
		return false;
	}
	close(answer[1]);
	close(alive[1]);
	*out = answer[0];
	*done = alive[0];
	return true;
}
