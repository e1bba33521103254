/*
 * What the process gives up, and what works, or is refused in words, with how much privilege. Each
 * test runs in a child, for none of it can be taken back.
 */
#define _GNU_SOURCE
#include "host/host.h"
#include "lib/test.h"

#include <cap-ng.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, SKIPPED = 77 };

static struct err e;

/* The child says what is wrong by its exit status (the line) and on stderr. */
#define want(cond)                                                                     \
	do {                                                                           \
		if (!(cond)) {                                                         \
			fprintf(stderr, "line %d: %s: %s\n", __LINE__, #cond, e.text); \
			_exit(1);                                                      \
		}                                                                      \
	} while (0)

static void in_child(void (*what)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		err_clear(&e);
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED) {
		print_message("skipped: not root, or no namespaces here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void own_namespaces(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
		mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0)
		_exit(SKIPPED);
}

static bool become_nobody(bool net_admin)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (net_admin)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	return capng_change_id(NOBODY, NOBODY, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) == 0;
}

static void no_core(void)
{
	struct rlimit core;

	want(host_harden(&e));
	want(prctl(PR_GET_DUMPABLE) == 0);
	want(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
}

static void leaves_no_core(void **state)
{
	(void)state;
	in_child(no_core);
}

static void few_capabilities(void)
{
	if (geteuid() != 0)
		_exit(SKIPPED);
	want(host_harden(&e));
	want(capng_get_caps_process() == 0);
	want(capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN));
	want(capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_BIND_SERVICE));
	want(!capng_have_capability(CAPNG_PERMITTED, CAP_SYS_ADMIN));
	want(!capng_have_capability(CAPNG_PERMITTED, CAP_SYS_MODULE));
	want(!capng_have_capability(CAPNG_PERMITTED, CAP_SYS_PTRACE));
	want(!capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW));
}

static void root_gives_up_the_rest(void **state)
{
	(void)state;
	in_child(few_capabilities);
}

static void setuid_program(void)
{
	if (geteuid() != 0 || setresuid(NOBODY, 0, 0) < 0)
		_exit(SKIPPED);
	want(!host_harden(&e));
	want(e.kind == ERR_LOCAL && strstr(e.text, "setuid"));
}

static void refuses_setuid(void **state)
{
	(void)state;
	in_child(setuid_program);
}

static void unprivileged(void)
{
	uint16_t bound;

	if (geteuid() == 0)
		own_namespaces();
	if (geteuid() == 0 && !become_nobody(false))
		_exit(SKIPPED);
	want(host_harden(&e));
	want(!host_open("office", &e));
	want(e.kind == ERR_LOCAL && strstr(e.text, "root") && strstr(e.text, "cap_net_admin"));
	want(host_udp(NULL, FAMILY_V4, 0, &bound, &e) < 0);
	want(e.kind == ERR_LOCAL && strstr(e.text, "cap_net_admin"));
}

static void without_privilege_it_says_what_it_takes(void **state)
{
	(void)state;
	in_child(unprivileged);
}

static void one_capability(void)
{
	own_namespaces();
	want(become_nobody(true));
	want(host_harden(&e));
	want(!host_open("office", &e)); /* /run is root's */
	want(strstr(e.text, HOST_RUN_DIR) && strstr(e.text, "root"));
}

static void one_capability_and_a_folder(void)
{
	struct netconf *c = calloc(1, sizeof(*c) + sizeof(c->routes[0]));
	char name[16];
	uint16_t bound;

	own_namespaces();
	if (mknod("/run/tun", S_IFCHR | 0666, makedev(10, 200)) < 0 ||
		chmod("/run/tun", 0666) < 0 ||
		mount("/run/tun", "/dev/net/tun", "none", MS_BIND, NULL) < 0 || !c)
		_exit(SKIPPED);
	want(mkdir(HOST_RUN_DIR, 0700) == 0 && chown(HOST_RUN_DIR, NOBODY, NOBODY) == 0);
	want(become_nobody(true));
	want(host_harden(&e));
	struct host *h = host_open("office", &e);
	want(h);
	int tun = host_tun(h, name, &e);
	want(tun >= 0);
	c->mtu = 1400;
	c->n_addrs = c->n_routes = 1;
	want(prefix_parse(&c->addrs[0], "10.1.2.3") &&
		prefix_parse(&c->routes[0].dst, "10.0.0.0/8"));
	want(host_netconf(h, c, &e));
	int udp = host_udp(h, FAMILY_V4, 500, &bound, &e); /* not ours to bind: another will do */
	want(udp >= 0 && bound != 500 && bound != 0);
	host_close(h, NULL);
	free(c);
	want(access(HOST_RUN_DIR "/office.journal", F_OK) < 0);
}

static void net_admin_alone_is_enough(void **state)
{
	(void)state;
	in_child(one_capability);
	in_child(one_capability_and_a_folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_no_core),
		cmocka_unit_test(root_gives_up_the_rest),
		cmocka_unit_test(refuses_setuid),
		cmocka_unit_test(without_privilege_it_says_what_it_takes),
		cmocka_unit_test(net_admin_alone_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
