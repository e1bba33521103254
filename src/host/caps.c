#include "host/host.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * What root gives up, and a user whose program has more file capabilities than it takes. Kept are, of
 * what there is:
 *   NET_ADMIN         TUN, addresses, routes, rules, SO_MARK, the sysctls under net/
 *   NET_BIND_SERVICE  UDP port 500
 *   DAC_OVERRIDE      under sudo, the profiles, keys and the history of the invoking user, which
 *                     only that user may read; a resolv.conf that is not root's
 *   CHOWN, FOWNER     to give resolv.conf its owner and mode back, and the history to its user
 *   SETUID, SETGID    to run the askpass program as the invoking user
 *   KILL              to end resolvconf when one of its hooks hangs under another user
 * The bounding set stays: resolvconf's hooks are root's own programs and need what root has.
 */
static const unsigned kept[] = { CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_DAC_OVERRIDE, CAP_CHOWN,
	CAP_FOWNER, CAP_SETUID, CAP_SETGID, CAP_KILL };

static bool drop_capabilities(struct err *e)
{
	bool have[sizeof(kept) / sizeof(kept[0])];

	if (capng_get_caps_process() < 0)
		return err_set(e, ERR_LOCAL, "this process's capabilities cannot be read");
	/* A container's root may lack some already; asking for those would fail. */
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		have[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	capng_clear(CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (have[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i]);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return err_set(e, ERR_LOCAL, "this process's capabilities cannot be given up");
	return true;
}

bool host_harden(struct err *e)
{
	const struct rlimit none = { 0, 0 };

	/* A setuid program obeys whoever calls it: their environment, profiles and terminal. */
	if (geteuid() != getuid() || getegid() != getgid())
		return err_set(e, ERR_LOCAL,
			"this program must not be setuid or setgid; give it the file "
			"capability cap_net_admin, or run it as root");
	/* Neither a core file nor another process of this user may hold our keys. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return err_set(
			e, ERR_LOCAL, "core files cannot be switched off: %s", strerror(errno));
	return drop_capabilities(e);
}
