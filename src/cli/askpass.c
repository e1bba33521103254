#define _GNU_SOURCE
#include "askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void run_child(const struct child *c, int out)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	become_user(c);
	execve(c->program, c->argv, c->envp);
	_exit(127);
}

bool askpass_start(
	const char *program, const char *question, pid_t *pid, int *out, int *done, struct err *e)
{
	struct child c = { .n_groups = GROUPS_MAX };
	int ends[2];

	if (program[0] != '/' || strlen(program) >= sizeof(c.program) || access(program, X_OK) != 0)
		return err_set(
			e, ERR_CONFIG, "VPNC_IKE_ASKPASS does not name a program by its full path");
	user_invoking(&c.who);
	if (getgrouplist(c.who.name, c.who.gid, c.groups, &c.n_groups) < 0)
		c.n_groups = GROUPS_MAX;
	snprintf(c.program, sizeof(c.program), "%s", program);
	snprintf(c.question, sizeof(c.question), "%s", question);
	c.argv[0] = c.program;
	c.argv[1] = c.question;
	child_env(&c);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(e, ERR_LOCAL, "cannot make a pipe: %s", strerror(errno));
	*pid = fork();
	if (*pid == 0)
		run_child(&c, ends[1]);
	close(ends[1]);
	*done = *pid < 0 ? -1 : pidfd_open(*pid, 0);
	if (*done < 0) {
		err_set(e, ERR_LOCAL, "cannot run %s: %s", program, strerror(errno));
		close(ends[0]);
		if (*pid > 0) {
			kill(*pid, SIGKILL);
			waitpid(*pid, NULL, 0);
		}
		return false;
	}
	*out = ends[0];
	return true;
}
