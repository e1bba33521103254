#include <stdio.h>

#include "cli/cli.h"
#include "connect.h"
#include "crypto/alg.h"
#include "edge/control.h"
#include "host/host.h"

static const struct cli_asker asker = { control_ask, control_names };

static int run(const struct options *o)
{
	switch (o->command->id) {
	case DO_CONNECT:
		return connect_run(o);
	case DO_STATUS:
	case DO_REKEY:
	case DO_DOWN:
	case DO_RECONNECT:
		return cli_remote(o, &asker);
	default:
		return cli_run(o);
	}
}

int main(int argc, char **argv)
{
	struct options o;
	struct err e;

	if (!options_parse(&o, argc, argv, &e)) {
		if (argc < 2)
			cli_usage(stderr);
		return cli_complain(
			DOWN_USAGE, "vpnc-ike help lists commands and options", "%s", e.text);
	}
	if (o.version) {
		puts("vpnc-ike " VPNC_IKE_VERSION);
		return DOWN_ASKED;
	}
	if (o.help) {
		cli_usage(stdout);
		return DOWN_ASKED;
	}
	if (!host_harden(&e) || !crypto_begin(&e))
		return cli_complain(DOWN_MACHINE, "vpnc-ike doctor tells what this machine can do",
			"%s", e.text);
	int status = run(&o);
	crypto_exit();
	return status;
}
