#include "term.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/types.h"

/* A signal handler can reach nothing else. The descriptor is our own copy: whoever gave it may have
 * closed it. */
static struct {
	int fd;
	bool kept;
	struct termios was;
} guard = { .fd = -1 };

struct winsize term_size(int fd)
{
	struct winsize now = { 0 };

	if (ioctl(fd, TIOCGWINSZ, &now) != 0 || now.ws_col == 0)
		now.ws_col = 80;
	return now;
}

void term_restore(void)
{
	int was = errno;

	if (guard.kept)
		tcsetattr(guard.fd, TCSANOW, &guard.was);
	errno = was;
}

static void on_fatal(int signo)
{
	term_restore();
	raise(signo); /* SA_RESETHAND: the default action now */
}

/* Those that nobody else takes care of. */
static void guard_signals(void)
{
	static const int signals[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGHUP,
		SIGINT, SIGTERM };
	struct sigaction was,
		ours = { .sa_handler = on_fatal, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };

	sigemptyset(&ours.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (sigaction(signals[i], NULL, &was) == 0 && was.sa_handler == SIG_DFL)
			sigaction(signals[i], &ours, NULL);
}

bool term_guard(int fd)
{
	if (guard.kept)
		return true;
	if (tcgetattr(fd, &guard.was) != 0)
		return false;
	guard.fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (guard.fd < 0)
		return false;
	guard.kept = true;
	guard_signals();
	return atexit(term_restore) == 0;
}

bool term_background(int fd)
{
	pid_t foreground = tcgetpgrp(fd);

	return foreground >= 0 && foreground != getpgrp();
}

bool term_quiet(int fd)
{
	struct termios t;

	if (!isatty(fd) || tcgetpgrp(fd) != getpgrp() || !term_guard(fd) || tcgetattr(fd, &t) != 0)
		return false;
	t.c_lflag &= ~(tcflag_t)ECHO;
	t.c_cc[VSUSP] = _POSIX_VDISABLE;
	return tcsetattr(fd, TCSANOW, &t) == 0;
}

bool term_raw(int fd, struct termios *before)
{
	struct termios t;

	if (term_background(fd) || !term_guard(fd) || tcgetattr(fd, &t) != 0)
		return false;
	if (before)
		*before = t;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	return tcsetattr(fd, TCSANOW, &t) == 0;
}
