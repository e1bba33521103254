#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "connect.h"
#include "crypto/alg.h"
#include "edge/control.h"
#include "host/host.h"
#include "probe.h"

static const struct cli_asker asker = { control_ask, control_names };

/* Whoever starts us with these closed wants nothing of them; a socket that took their place would get
 * what is printed. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int run(const struct options *o)
{
	switch (o->command->id) {
	case DO_CONNECT:
		return connect_run(o);
	case DO_PROBE:
		return probe_run(o);
	case DO_STATUS:
	case DO_REKEY:
	case DO_DOWN:
	case DO_RECONNECT:
		return cli_remote(o, &asker);
	case DO_EXPLAIN:
		return cli_remote_explain(o, &asker);
	default:
		return cli_run(o);
	}
}

/* Who reads our output must not take a part of it for all. A reader who has gone had enough. */
static int written(int status)
{
	bool before = ferror(stdout);

	errno = EIO; /* unless flushing tells */
	if ((fflush(stdout) == 0 && !before) || errno == EPIPE || status != DOWN_ASKED)
		return status;
	return cli_complain(DOWN_OTHER, "again, with room where the output goes",
		"the output cannot be written: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	struct options o;
	struct err e;

	open_standard();
	/* Inherited from who does not want to know how children end; we do. */
	signal(SIGCHLD, SIG_DFL);
	if (!options_parse(&o, argc, argv, &e)) {
		if (argc < 2)
			cli_usage(stderr);
		return cli_refuse(&o, DOWN_USAGE, "vpnc-ike help lists commands and options", &e);
	}
	if (o.version) {
		puts("vpnc-ike " VPNC_IKE_VERSION);
		return written(DOWN_ASKED);
	}
	if (o.help) {
		cli_usage(stdout);
		return written(DOWN_ASKED);
	}
	if (!host_harden(&e) || !crypto_begin(&e))
		return cli_refuse(
			&o, DOWN_MACHINE, "vpnc-ike doctor tells what this machine can do", &e);
	int status = run(&o);
	crypto_exit();
	/* The work of connect is the tunnel, whoever read of it. */
	return o.command->id == DO_CONNECT ? status : written(status);
}
