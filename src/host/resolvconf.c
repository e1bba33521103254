#define _GNU_SOURCE /* pipe2 */
#include "priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The program resolvconf (Debian's or openresolv's): an argument vector, no shell. */

enum { PATIENCE_MS = 10000, STEP_MS = 5 };

/* systemd's: it tells nobody but systemd-resolved, which is asked by itself where the machine goes by it. */
static bool is_resolvectl(const char *program)
{
	char *real = realpath(program, NULL), *slash = real ? strrchr(real, '/') : NULL;
	bool is = slash && strcmp(slash, "/resolvectl") == 0;

	free(real);
	return is;
}

const char *resolvconf_program(void)
{
	static const char *const places[] = { "/sbin/resolvconf", "/usr/sbin/resolvconf" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (access(places[i], X_OK) == 0 && !is_resolvectl(places[i]))
			return places[i];
	return NULL;
}

/* Its scripts run others' hooks; one that hangs must not hang us. */
static bool finished(pid_t pid, const char *program, struct err *e)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	int status = 0;
	pid_t got = 0;

	for (int ms = 0; ms < PATIENCE_MS; ms += STEP_MS) {
		got = waitpid(pid, &status, WNOHANG);
		if (got != 0 && !(got < 0 && errno == EINTR))
			break;
		nanosleep(&step, NULL);
	}
	if (got == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return err_set(e, ERR_LOCAL, "%s did not end within %d seconds", program,
			PATIENCE_MS / 1000);
	}
	if (got < 0)
		return err_set(e, ERR_LOCAL, "%s: %s", program, strerror(errno));
	if (WIFSIGNALED(status))
		return err_set(
			e, ERR_LOCAL, "%s was ended by signal %d", program, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return err_set(
			e, ERR_LOCAL, "%s ended with status %d", program, WEXITSTATUS(status));
	return true;
}

static bool spawn(const char *program, char *const argv[], int in, pid_t *pid, struct err *e)
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const env[] = { path, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int code = posix_spawn(pid, program, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return code == 0 || err_set(e, ERR_LOCAL, "%s cannot be run: %s", program, strerror(code));
}

/* first: an option before the one that says what is done, or NULL. */
static bool run(const char *program, char *first, char *option, const char *record,
	const char *text, size_t n, struct err *e)
{
	char name[32] = "resolvconf", rec[64];
	char *with[] = { name, first, option, rec, NULL };
	char *without[] = { name, option, rec, NULL };
	char **argv = first ? with : without;
	int pipes[2];
	pid_t pid;

	snprintf(rec, sizeof(rec), "%s", record);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_set(e, ERR_LOCAL, "no pipe to %s: %s", program, strerror(errno));
	/* All of it fits into the pipe, so it is written before anybody reads, and nobody can go
	 * away while we write. */
	bool ok = n == 0 || write(pipes[1], text, n) == (ssize_t)n ||
		err_set(e, ERR_LOCAL, "writing to %s: %s", program, strerror(errno));
	close(pipes[1]);
	ok = ok && spawn(program, argv, pipes[0], &pid, e);
	close(pipes[0]);
	return ok && finished(pid, program, e);
}

/* Where all names go into the tunnel, no other server may stay in the list: the C library asks it when
 * the first does not answer. openresolv knows that as -x; Debian's does not, and says so. */
bool resolvconf_set(
	const char *program, const char *record, const struct dns_want *want, struct err *e)
{
	char text[8192], option[] = "-a", exclusive[] = "-x";
	size_t n = resolv_text(text, sizeof(text), want, "", "", 0);

	return run(program, want->all ? exclusive : NULL, option, record, text, n, e) ||
		(want->all && err_ctx(e, "making the tunnel's name servers the only ones (-x)"));
}

/* openresolv's fails where there is no such record any more, unless it is told -f, which Debian's does not
 * know. */
bool resolvconf_unset(const char *program, const char *record, struct err *e)
{
	char option[] = "-d", force[] = "-f";

	return run(program, NULL, option, record, "", 0, e) ||
		run(program, force, option, record, "", 0, NULL);
}
