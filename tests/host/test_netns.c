/*
 * The host against the real kernel, in a network and mount namespace of its own: what it sets up is
 * read back with ip(8), and after every way out the machine must look as it did before.
 */
#define _GNU_SOURCE
#include "../../src/host/priv.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/alg.h"

enum { SHOW_MAX = 1 << 20 };

static bool ready;
static char why[200] = "not root: these tests make network namespaces";
static struct err e;

/* --- running ip(8) and reading files -------------------------------------------------------------- */

/* Runs one command with the words of line and appends its output to out (NULL: shown). */
static bool run(const char *line, char *out, size_t size)
{
	char words[512], *argv[32], *save = NULL;
	int n = 0, pipes[2];
	pid_t pid;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w && n < 31; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	argv[n] = NULL;
	if (n == 0)
		return false;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	posix_spawn_file_actions_t files;
	posix_spawn_file_actions_init(&files);
	if (out)
		posix_spawn_file_actions_adddup2(&files, pipes[1], 1);
	int code = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(pipes[1]);
	if (code != 0) {
		close(pipes[0]);
		return false;
	}
	size_t used = out ? strlen(out) : 0;
	for (ssize_t got = 1; out && got > 0 && used + 1 < size; used += (size_t)got) {
		got = read(pipes[0], out + used, size - 1 - used);
		got = got < 0 ? 0 : got;
		out[used + (size_t)got] = 0;
	}
	close(pipes[0]);
	int status;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void must(const char *line)
{
	if (!run(line, NULL, 0))
		fail_msg("%s", line);
}

static char *read_text(const char *path)
{
	size_t n;

	return test_file(path, &n);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* Everything the host may touch, as text. */
static char *machine(void)
{
	char *out = calloc(1, SHOW_MAX);

	assert_non_null(out);
	run("ip -4 rule", out, SHOW_MAX);
	run("ip -6 rule", out, SHOW_MAX);
	run("ip -4 route show table all", out, SHOW_MAX);
	run("ip -6 route show table all", out, SHOW_MAX);
	run("ip -br addr", out, SHOW_MAX);
	run("ip xfrm policy", out, SHOW_MAX);
	run("nft list ruleset", out, SHOW_MAX);
	run("ip xfrm state", out, SHOW_MAX);
	run("cat /proc/sys/net/ipv4/conf/out0/rp_filter /etc/resolv.conf", out, SHOW_MAX);
	run("stat -c %a.%u.%g /etc/resolv.conf", out, SHOW_MAX);
	run("ls -A /run/vpnc-ike", out, SHOW_MAX);
	return out;
}

/* Shows where the two descriptions differ; frees the second. */
static bool same_machine(char *before, char *after)
{
	size_t at = 0, line = 0;
	bool same = strcmp(before, after) == 0;

	for (; !same && before[at] == after[at]; at++)
		if (after[at] == '\n')
			line = at + 1;
	if (!same)
		print_message("before: %.150s\n\nafter: %.150s\n", before + line, after + line);
	free(after);
	return same;
}

static void assert_as_before(char *before)
{
	bool same = same_machine(before, machine());

	free(before);
	assert_true(same);
}

static void assert_shows(const char *command, const char *text, bool there)
{
	char *out = calloc(1, SHOW_MAX);

	assert_non_null(out);
	run(command, out, SHOW_MAX);
	if (!strstr(out, text) == there)
		fail_msg("%s: \"%s\" should%s be in:\n%s", command, text, there ? "" : " not", out);
	free(out);
}

static unsigned count_lines(const char *command)
{
	char *out = calloc(1, SHOW_MAX);
	unsigned n = 0;

	assert_non_null(out);
	run(command, out, SHOW_MAX);
	for (const char *s = out; (s = strchr(s, '\n')); s++)
		n++;
	free(out);
	return n;
}

/* --- the machine under test ----------------------------------------------------------------------- */

/* The kernel makes the local routes of IPv6 addresses a little later, on a thread of its own. */
static bool settled(void)
{
	static const char *const locals[] = { "local fd07::2 ", "local 2001:db8:7::2 ",
		"local fe80::2 " };
	char *out = calloc(1, SHOW_MAX);
	size_t n = 0;

	for (int tries = 0; out && n < ARRAY_LEN(locals) && tries < 1000; tries++) {
		out[0] = 0;
		run("ip -6 route show table local", out, SHOW_MAX);
		for (n = 0; n < ARRAY_LEN(locals) && strstr(out, locals[n]); n++)
			;
	}
	free(out);
	return n == ARRAY_LEN(locals);
}

static bool put_up(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
		snprintf(why, sizeof(why), "no namespaces here: %s", strerror(errno));
		return false;
	}
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0 ||
		mount("sysfs", "/sys", "sysfs", 0, NULL) < 0) {
		snprintf(why, sizeof(why), "no mounts here: %s", strerror(errno));
		return false;
	}
	write_text("/run/resolv.conf",
		"# mine\nnameserver 192.0.2.53\nsearch home.arpa\noptions ndots:2");
	int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
	close(fd);
	if (access("/dev/net/tun", R_OK) < 0 || fd < 0 ||
		mount("/run/resolv.conf", "/etc/resolv.conf", "none", MS_BIND, NULL) < 0) {
		snprintf(why, sizeof(why), "no /dev/net/tun, or no /etc/resolv.conf to mount over");
		return false;
	}
	return run("ip link set lo up", NULL, 0) &&
		run("ip link add out0 type veth peer name far0", NULL, 0) &&
		run("ip link set out0 addrgenmode none", NULL, 0) &&
		run("ip link set far0 addrgenmode none", NULL, 0) &&
		run("ip link set out0 up", NULL, 0) && run("ip link set far0 up", NULL, 0) &&
		run("ip addr add 192.168.7.2/24 dev out0", NULL, 0) &&
		run("ip addr add 203.0.113.2/24 dev out0", NULL, 0) &&
		run("ip -6 addr add fd07::2/64 dev out0 nodad", NULL, 0) &&
		run("ip -6 addr add 2001:db8:7::2/64 dev out0 nodad", NULL, 0) &&
		run("ip -6 addr add fe80::2/64 dev out0 nodad", NULL, 0) &&
		run("ip route add default via 192.168.7.1", NULL, 0) &&
		run("ip -6 route add default via 2001:db8:7::1", NULL, 0) &&
		run("ip route add 10.99.0.0/16 dev out0 scope link", NULL, 0) &&
		run("mkdir -m 700 /run/vpnc-ike", NULL, 0) &&
		run("touch /run/vpnc-ike/.lock", NULL, 0) && settled();
}

static int group_setup(void **state)
{
	(void)state;
	if (geteuid() == 0)
		ready = put_up();
	return 0;
}

static void need_root(void)
{
	if (!ready) {
		print_message("skipped: %s\n", why);
		skip();
	}
	err_clear(&e);
}

static struct prefix net(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(&p, text));
	return p;
}

static struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static struct netconf *conf_new(uint32_t room)
{
	struct netconf *c = calloc(1, sizeof(*c) + room * sizeof(c->routes[0]));

	assert_non_null(c);
	c->mtu = 1400;
	c->gateway = ip("203.0.113.1");
	c->addrs[c->n_addrs++] = net("10.1.2.3/32");
	c->addrs[0].len = 24;
	c->addrs[c->n_addrs++] = net("fd01::3/128");
	return c;
}

static void conf_route(struct netconf *c, enum route_kind kind, const char *dst)
{
	c->routes[c->n_routes++] = (struct route){ .kind = kind, .dst = net(dst) };
}

static struct netconf *conf_full(void)
{
	struct netconf *c = conf_new(16);

	c->lan = true;
	conf_route(c, ROUTE_TUNNEL, "0.0.0.0/0");
	conf_route(c, ROUTE_TUNNEL, "::/0");
	conf_route(c, ROUTE_BYPASS, "198.51.100.0/24");
	conf_route(c, ROUTE_BLOCK, "2001:db8:bad::/48");
	return c;
}

/* What a test that failed in its middle has left open. */
static struct {
	struct host *h;
	int tun;
} open_hosts[2];

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(open_hosts); i++) {
		if (!open_hosts[i].h)
			continue;
		host_close(open_hosts[i].h, NULL);
		close(open_hosts[i].tun);
		open_hosts[i].h = NULL;
	}
	return 0;
}

static void remember(struct host *forget, struct host *h, int tun)
{
	for (size_t i = 0; i < ARRAY_LEN(open_hosts); i++) {
		if (open_hosts[i].h != forget)
			continue;
		open_hosts[i].h = h;
		open_hosts[i].tun = tun;
		return;
	}
}

static struct host *open_host(const char *name, int *tun, char ifname[16])
{
	struct host *h = host_open(name, &e);

	if (!h)
		fail_msg("%s", e.text);
	*tun = host_tun(h, ifname, &e);
	if (*tun < 0)
		fail_msg("%s", e.text);
	remember(NULL, h, *tun);
	return h;
}

static void close_host(struct host *h, int tun)
{
	struct outbox ob;

	outbox_init(&ob);
	remember(h, NULL, -1);
	host_close(h, &ob);
	for (size_t i = 0; i < ob.n; i++)
		fail_msg("%s", ((const struct event *)outbox_get(&ob, i))->text);
	outbox_free(&ob);
	close(tun);
}

/* --- tests ---------------------------------------------------------------------------------------- */

static void sets_up_and_takes_back(void **state)
{
	char name[16];
	int tun;

	(void)state;
	need_root();
	char *before = machine();
	struct host *h = open_host("office", &tun, name);
	struct netconf *c = conf_full();
	assert_string_equal(name, "vpn0");
	assert_ok(&e, host_netconf(h, c, &e));

	assert_shows(
		"ip -4 rule", "1373:\tnot from all fwmark 0x76706e lookup 47000 proto 118", true);
	assert_shows(
		"ip -6 rule", "1373:\tnot from all fwmark 0x76706e lookup 47000 proto 118", true);
	assert_shows("ip -4 route get 8.8.8.8", "dev vpn0 table 47000 src 10.1.2.3", true);
	assert_shows("ip -6 route get 2600::1", "dev vpn0 table 47000 proto 118 src fd01::3", true);
	assert_shows("ip -4 route get 8.8.8.8 mark 0x76706e", "via 192.168.7.1 dev out0", true);
	assert_shows("ip -4 route get 198.51.100.9", "via 192.168.7.1 dev out0", true);
	assert_shows("ip -4 route show table 47000", "throw 192.168.7.0/24", true);
	assert_shows("ip -6 route show table 47000", "throw fd07::/64", true);
	assert_shows("ip -6 route show table 47000", "throw fe80::/64", true);
	/* Neither a public network on the link, nor what is on the link without an address of ours. */
	assert_shows("ip -4 route show table 47000", "203.0.113.0", false);
	assert_shows("ip -4 route show table 47000", "10.99.0.0", false);
	assert_shows("ip -6 route show table 47000", "unreachable 2001:db8:bad::/48", true);
	assert_shows("ip -4 route show table 47000", "unreachable default", true);
	assert_shows("ip -6 route show table 47000", "unreachable default", true);
	assert_shows("ip -4 addr show vpn0", "10.1.2.3/32", true);
	assert_shows("ip -6 addr show vpn0", "fe80", false);
	assert_shows("ip -6 addr show vpn0", "tentative", false);
	assert_shows("ip link show vpn0", "mtu 1400", true);

	close_host(h, tun);
	free(c);
	assert_as_before(before);
}

/* With L2TP the kernel has ESP in transport mode, and the inner interface is a TUN all the same. */
static void neighbours_do_not_reach_a_tun(void **state)
{
	char name[16];
	int tun;

	(void)state;
	need_root();
	for (int kernel = 0; kernel < 2; kernel++) {
		struct host *h = open_host("office", &tun, name);
		struct netconf *c = conf_full();
		if (kernel)
			assert_ok(&e, xfrm_open(h, &e));
		assert_ok(&e, host_netconf(h, c, &e));
		assert_shows("nft list ruleset", "ip daddr 10.1.2.3 drop", true);
		close_host(h, tun);
		free(c);
	}
}

static bool line_with(const char *log, const char *first, const char *second)
{
	for (const char *line = log, *end; (end = strchr(line, '\n')); line = end + 1) {
		const char *a = strstr(line, first), *b = strstr(line, second);
		if (a && a < end && b && b < end)
			return true;
	}
	return false;
}

static void changes_only_the_difference(void **state)
{
	char name[16], *log = calloc(1, SHOW_MAX);
	int tun;

	(void)state;
	need_root();
	struct host *h = open_host("office", &tun, name);
	struct netconf *c = conf_new(8);
	conf_route(c, ROUTE_TUNNEL, "10.20.0.0/16");
	conf_route(c, ROUTE_TUNNEL, "10.30.0.0/16");
	conf_route(c, ROUTE_BYPASS, "10.30.9.0/24");
	assert_ok(&e, host_netconf(h, c, &e));

	pid_t pid;
	int out = open("/run/monitor", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	posix_spawn_file_actions_t files;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	char *argv[] = { "ip", "monitor", "route", "rule", "address", NULL };
	assert_int_equal(posix_spawnp(&pid, "ip", &files, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&files);
	/* A route of the test's own marks when the monitor listens, and when it has heard all. */
	struct stat st = { 0 };
	while (st.st_size == 0) {
		must("ip route replace 192.0.2.1/32 dev out0 table 9");
		run("ip route del 192.0.2.1/32 dev out0 table 9", NULL, 0);
		assert_int_equal(fstat(out, &st), 0);
	}
	/* A reconnect: another address, one route less, one more. */
	c->addrs[0] = net("10.1.2.77/32");
	c->routes[1].dst = net("10.40.0.0/16");
	assert_ok(&e, host_netconf(h, c, &e));
	assert_ok(&e, host_netconf(h, c, &e)); /* nothing at all */
	must("ip route add 192.0.2.2/32 dev out0 table 9");
	must("ip route del 192.0.2.2/32 dev out0 table 9");
	while (!strstr(log, "Deleted 192.0.2.2 ")) {
		ssize_t n = pread(out, log, SHOW_MAX - 1, 0);
		assert_true(n >= 0);
		log[n] = 0;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(out);

	assert_non_null(strstr(log, "10.1.2.77/32"));
	assert_non_null(strstr(log, "Deleted 10.30.0.0/16"));
	assert_non_null(strstr(log, "10.40.0.0/16 dev vpn0 table 47000 proto 118 src 10.1.2.77"));
	assert_non_null(strstr(log, "10.20.0.0/16 dev vpn0 table 47000 proto 118 src 10.1.2.77"));
	assert_null(strstr(log, "Deleted 10.20.0.0/16"));
	assert_null(strstr(log, "10.30.9.0/24"));
	assert_false(line_with(log, "Deleted", "fd01"));
	assert_null(strstr(log, "lookup 47000"));
	free(log);
	free(c);
	close_host(h, tun);
}

static void five_thousand_routes(void **state)
{
	char name[16];
	int tun;

	(void)state;
	need_root();
	char *before = machine();
	struct host *h = open_host("office", &tun, name);
	struct netconf *c = conf_new(5000);
	for (unsigned i = 0; i < 5000; i++) {
		struct prefix p = { i % 2 ? FAMILY_V6 : FAMILY_V4, i % 2 ? 64 : 24, { 0 } };
		uint8_t v4[] = { 10, (uint8_t)(i >> 8), (uint8_t)i },
			v6[] = { 0xfd, 2, (uint8_t)(i >> 8), (uint8_t)i };
		memcpy(p.ip, i % 2 ? v6 : v4, i % 2 ? sizeof(v6) : sizeof(v4));
		c->routes[c->n_routes++] = (struct route){ .kind = ROUTE_TUNNEL, .dst = p };
	}
	assert_ok(&e, host_netconf(h, c, &e));
	assert_int_equal(count_lines("ip -4 route show table 47000"), 5000);
	assert_int_equal(count_lines("ip -6 route show table 47000"), 5000);
	c->n_routes = 1000;
	assert_ok(&e, host_netconf(h, c, &e));
	assert_int_equal(count_lines("ip -4 route show table 47000"), 1000);
	free(c);
	close_host(h, tun);
	assert_as_before(before);
}

static void failed_change_is_rolled_back(void **state)
{
	char name[16];
	int tun;

	(void)state;
	need_root();
	struct host *h = open_host("office", &tun, name);
	char *empty = machine();
	struct netconf *c = conf_new(400);
	/* IPv4 alone: of an IPv6 address the kernel makes the local route a little later, and when the
	 * address has gone by then the route stays until the interface goes. */
	c->n_addrs = 1;
	for (unsigned i = 0; i < 400; i++) {
		uint8_t v4[] = { 10, (uint8_t)(i >> 8), (uint8_t)i };
		struct route r = { .kind = ROUTE_TUNNEL,
			.dst = { .family = FAMILY_V4, .len = 24 } };
		memcpy(r.dst.ip, v4, sizeof(v4));
		c->routes[c->n_routes++] = r;
	}
	c->routes[300].dst.len = 40; /* no such length in IPv4 */
	assert_refused(&e, ERR_LOCAL, host_netconf(h, c, &e));
	assert_non_null(strstr(e.text, "10.1.44.0/40"));
	assert_as_before(empty);

	c->routes[300].dst.len = 24;
	assert_ok(&e, host_netconf(h, c, &e));
	char *full = machine();
	c->addrs[0] = net("10.1.2.77/32");
	c->n_addrs = 1;
	c->routes[5].dst = net("10.77.0.0/16");
	c->routes[399].dst.len = 40;
	assert_refused(&e, ERR_LOCAL, host_netconf(h, c, &e));
	assert_as_before(full);
	free(c);
	close_host(h, tun);
}

/* Runs an instance in a child, which is killed once all is set up. */
static void killed_instance(const char *name, const struct netconf *c)
{
	int ready_pipe[2];
	char byte = 0;

	assert_int_equal(pipe2(ready_pipe, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char ifname[16];
		struct err why_not;
		struct host *h = host_open(name, &why_not);
		bool ok = h && host_tun(h, ifname, &why_not) >= 0 && host_netconf(h, c, &why_not);
		byte = ok ? 'y' : 'n';
		if (write(ready_pipe[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready_pipe[1]);
	assert_int_equal(read(ready_pipe[0], &byte, 1), 1);
	close(ready_pipe[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(byte, 'y');
}

static void strict_reverse_path(const char *value)
{
	write_text("/proc/sys/net/ipv4/conf/out0/rp_filter", value);
}

static void killed_and_cleaned(void **state)
{
	struct outbox ob;
	size_t removed;

	(void)state;
	need_root();
	strict_reverse_path("1\n");
	char *before = machine();
	struct netconf *c = conf_full();
	c->dns_default = true;
	c->dns[c->n_dns++] = ip("10.1.0.53");
	killed_instance("office", c);
	assert_shows("ip -4 rule", "lookup 47000", true);
	assert_shows("cat /etc/resolv.conf", "nameserver 10.1.0.53", true);
	/* Not ours: the same table, another protocol; the same preference. */
	must("ip route add throw 10.66.0.0/16 table 47000 proto static");
	must("ip rule add pref 1373 to 10.67.0.0/16 lookup main");

	outbox_init(&ob);
	assert_ok(&e, host_clean(NULL, &ob, &removed, &e));
	assert_true(removed > 0);
	assert_true(ob.n > 0);
	assert_shows("ip -4 route show table 47000", "10.66.0.0/16", true);
	assert_shows("ip -4 rule", "10.67.0.0/16", true);
	must("ip route del throw 10.66.0.0/16 table 47000");
	must("ip rule del pref 1373 to 10.67.0.0/16");
	assert_as_before(before);
	outbox_clear(&ob);
	assert_ok(&e, host_clean(NULL, &ob, &removed, &e));
	assert_int_equal(removed, 0);
	outbox_free(&ob);
	free(c);
	strict_reverse_path("0\n");
}

/* A newer version wrote it, or a disk that failed: all else is taken back, and what is not known is not
 * forgotten. */
static void killed_with_a_line_that_is_not_known(void **state)
{
	size_t removed;

	(void)state;
	need_root();
	char *before = machine();
	struct netconf *c = conf_full();
	killed_instance("office", c);
	char *journal = read_text("/run/vpnc-ike/office.journal");
	char *more = calloc(1, strlen(journal) + 16);
	assert_non_null(more);
	sprintf(more, "%s+ moon 7\n", journal);
	write_text("/run/vpnc-ike/office.journal", more);
	assert_null(host_open("office", &e));
	assert_non_null(strstr(e.text, "moon 7"));
	assert_shows("ip -4 rule", "lookup 47000", false);
	assert_shows("ls /run/vpnc-ike", "office.journal", true);
	assert_shows("ls /run/vpnc-ike", "office.lock", true);
	assert_int_equal(unlink("/run/vpnc-ike/office.lock"), 0);
	assert_refused(&e, ERR_LOCAL, host_clean(NULL, NULL, &removed, &e));
	assert_int_equal(unlink("/run/vpnc-ike/office.journal"), 0);
	assert_ok(&e, host_clean(NULL, NULL, &removed, &e));
	free(more);
	free(journal);
	free(c);
	assert_as_before(before);
}

static void killed_and_started_again(void **state)
{
	char name[16];
	int tun;

	(void)state;
	need_root();
	char *before = machine();
	struct netconf *c = conf_full();
	killed_instance("office", c);
	killed_instance("home", c); /* its start already removes what office left */
	assert_shows("ls /run/vpnc-ike", "office", false);
	struct host *h = host_open("office", &e);
	assert_non_null(h);
	assert_shows("ls /run/vpnc-ike", "home", false);
	tun = host_tun(h, name, &e);
	assert_true(tun >= 0);
	host_close(h, NULL);
	close(tun);
	free(c);
	assert_as_before(before);
}

/* A child sets up, changes and takes back over and over; each time it is killed a little later. */
static void killed_at_any_point(void **state)
{
	size_t removed;

	(void)state;
	need_root();
	strict_reverse_path("1\n");
	char *before = machine();
	struct netconf *c = conf_full();
	c->dns_default = true;
	c->dns[c->n_dns++] = ip("10.1.0.53");
	for (unsigned turn = 0; turn < 60; turn++) {
		c->killswitch = (enum killswitch)(turn % 3);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			char name[16];
			struct err why_not;
			for (;;) {
				struct host *h = host_open("office", &why_not);
				int tun = h ? host_tun(h, name, &why_not) : -1;
				if (tun < 0 || !host_netconf(h, c, &why_not))
					_exit(1);
				host_close(h, NULL);
				close(tun);
			}
		}
		usleep(1000 * turn);
		assert_int_equal(kill(pid, SIGKILL), 0);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status)); /* nothing failed before */
		assert_ok(&e, host_clean(NULL, NULL, &removed, &e));
		if (!same_machine(before, machine()))
			fail_msg("killed in turn %u", turn);
	}
	free(before);
	free(c);
	strict_reverse_path("0\n");
}

/* What others block and let pass stays theirs, by the very same selectors. */
static void kill_switch_beside_others(void **state)
{
	char name[16];
	int tun;

	(void)state;
	need_root();
	must("ip xfrm policy add dir out src 0.0.0.0/0 dst 0.0.0.0/0 action allow priority 9");
	must("ip xfrm policy add dir out src ::/0 dst ::/0 action allow priority 9");
	char *before = machine();
	struct host *h = open_host("office", &tun, name);
	struct netconf *c = conf_full();
	c->killswitch = KILLSWITCH_YES;
	assert_ok(&e, host_netconf(h, c, &e));
	assert_shows("ip xfrm policy", "action block", true);
	assert_shows("ip xfrm policy", "dst 192.168.7.0/24 ", true); /* lan = yes */
	assert_shows("ip xfrm policy", "dst 203.0.113.0/24 ", false); /* not a private network */
	assert_shows("ip xfrm policy", "dst 198.51.100.0/24 ", true); /* excluded */
	assert_shows("ip -6 route show table 47000", "unreachable default", true);
	close_host(h, tun);
	free(c);
	assert_as_before(before);
	must("ip xfrm policy delete dir out src 0.0.0.0/0 dst 0.0.0.0/0");
	must("ip xfrm policy delete dir out src ::/0 dst ::/0");
}

/* By a policy, or by what is left in the table of a killed instance. */
static bool blocked(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x08080808)
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	bool refused = sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 &&
		(errno == EPERM || errno == EHOSTUNREACH);
	close(fd);
	return refused;
}

/* It told what its start had removed. */
static void close_quietly(struct host *h, int tun)
{
	remember(h, NULL, -1);
	host_close(h, NULL);
	close(tun);
}

static void strict_kill_switch_outlives(void **state)
{
	char name[16];
	struct host_view view;
	size_t removed;
	int tun;

	(void)state;
	need_root();
	char *before = machine();
	struct netconf *c = conf_full(), nothing = { 0 };
	c->killswitch = KILLSWITCH_STRICT;
	killed_instance("office", c);
	assert_true(blocked());
	struct host *h = open_host("home", &tun, name);
	assert_true(blocked());
	close_quietly(h, tun);
	assert_true(blocked());
	/* The same name goes on with it, and lifts it only with its own clean end. */
	h = open_host("office", &tun, name);
	host_view(h, &view);
	assert_int_equal(view.killswitch, KILLSWITCH_STRICT);
	assert_true(blocked());
	c->killswitch = KILLSWITCH_NO;
	assert_ok(&e, host_netconf(h, c, &e));
	assert_false(blocked()); /* it goes into the tunnel */
	host_view(h, &view);
	assert_int_equal(view.killswitch, KILLSWITCH_STRICT);
	assert_ok(&e, host_netconf(h, &nothing, &e));
	assert_false(blocked());
	close_quietly(h, tun);
	assert_true(same_machine(before, machine()));

	c->killswitch = KILLSWITCH_STRICT;
	killed_instance("office", c);
	assert_ok(&e, host_clean(NULL, NULL, &removed, &e));
	assert_true(removed > 0);
	assert_false(blocked());
	assert_as_before(before);
	free(c);
}

/* A process that ends without having been asked to takes `yes` along and leaves `strict`. */
static void kill_switch_at_the_end(void **state)
{
	size_t removed;

	(void)state;
	need_root();
	char *before = machine();
	struct netconf *guard = conf_new(1);
	guard->n_addrs = 0;
	for (int kill = KILLSWITCH_YES; kill <= KILLSWITCH_STRICT; kill++) {
		struct host *h = host_open("office", &e);
		assert_non_null(h);
		guard->killswitch = (enum killswitch)kill;
		assert_ok(&e, host_netconf(h, guard, &e));
		assert_true(blocked());
		host_close(h, NULL);
		assert_int_equal(blocked(), kill == KILLSWITCH_STRICT);
	}
	assert_ok(&e, host_clean("office", NULL, &removed, &e));
	free(guard);
	assert_as_before(before);
}

static void assert_warned(struct host *h, const char *text)
{
	struct outbox ob;
	bool found = false;

	outbox_init(&ob);
	host_warnings(h, &ob);
	for (size_t i = 0; i < ob.n; i++)
		found |= strstr(((const struct event *)outbox_get(&ob, i))->text, text) != NULL;
	if (ob.n == 0 && !text[0])
		found = true;
	assert_true(found);
	outbox_free(&ob);
}

static void two_at_once(void **state)
{
	char name1[16], name2[16];
	struct outbox ob;
	size_t removed;
	int tun1, tun2;

	(void)state;
	need_root();
	strict_reverse_path("1\n");
	char *before = machine();
	struct netconf *c = conf_full();
	c->dns_default = true;
	c->dns[c->n_dns++] = ip("10.1.0.53");
	struct host *h1 = open_host("office", &tun1, name1), *h2 = open_host("home", &tun2, name2);
	assert_string_not_equal(name1, name2);
	assert_null(host_open("office", &e));
	assert_int_equal(e.kind, ERR_LOCAL);
	char pid[32];
	snprintf(pid, sizeof(pid), "process %d", getpid());
	assert_non_null(strstr(e.text, pid));

	assert_ok(&e, host_netconf(h1, c, &e));
	c->dns[0] = ip("10.2.0.53");
	assert_ok(&e, host_netconf(h2, c, &e));
	assert_warned(h2, "0.0.0.0/0 and 1 more network: another tunnel");
	assert_shows("ip -4 rule", "lookup 47000", true);
	assert_shows("ip -4 rule", "lookup 47001", true);
	assert_shows("cat /etc/resolv.conf", "10.2.0.53", true);
	outbox_init(&ob);
	assert_ok(&e, host_clean(NULL, &ob, &removed, &e));
	assert_int_equal(removed, 0); /* both live */
	outbox_free(&ob);

	close_host(h1, tun1);
	assert_shows("cat /proc/sys/net/ipv4/conf/out0/rp_filter", "2", true); /* home needs it */
	assert_shows("cat /etc/resolv.conf", "10.2.0.53", true);
	close_host(h2, tun2);
	free(c);
	assert_as_before(before);
	strict_reverse_path("0\n");
}

static void assert_rival(struct host *h, const struct netconf *c, uint32_t route, const char *name)
{
	char names[16][16];

	host_rivals(h, c->routes, c->n_routes, names);
	assert_string_equal(names[route], name);
}

/* Of two tunnels with the same network one gets it, and the later says which. */
static void one_network_in_two_tunnels(void **state)
{
	char name1[16], name2[16];
	int tun1, tun2;

	(void)state;
	need_root();
	char *before = machine();
	struct netconf *one = conf_new(16), *two = conf_new(16);
	conf_route(one, ROUTE_TUNNEL, "10.32.0.0/16");
	conf_route(one, ROUTE_BYPASS, "10.32.7.0/24");
	conf_route(two, ROUTE_TUNNEL, "10.32.0.0/16");
	conf_route(two, ROUTE_TUNNEL, "10.32.7.0/24"); /* which the first leaves to others */
	conf_route(two, ROUTE_TUNNEL, "10.32.9.0/24");
	conf_route(two, ROUTE_TUNNEL, "10.33.0.0/16");
	struct host *h1 = open_host("office", &tun1, name1), *h2 = open_host("home", &tun2, name2);
	assert_ok(&e, host_netconf(h1, one, &e));
	assert_warned(h1, "");
	assert_ok(&e, host_netconf(h2, two, &e));
	char said[100];
	snprintf(said, sizeof(said), "10.32.0.0/16 and 1 more network: another tunnel (%s)", name1);
	assert_warned(h2, said);
	assert_shows("ip route get 10.32.9.1", name1, true);
	assert_shows("ip route get 10.32.7.1", name2, true);
	assert_rival(h2, two, 0, name1);
	assert_rival(h2, two, 1, "");
	assert_rival(h2, two, 2, name1);
	assert_rival(h2, two, 3, "");
	assert_rival(h1, one, 0, "");

	/* Of narrow networks alone, it is asked first. */
	assert_ok(&e, host_netconf(h2, two, &e));
	assert_warned(h2, ""); /* is told once */
	one->n_routes = 0;
	conf_route(one, ROUTE_TUNNEL, "0.0.0.0/0");
	conf_route(one, ROUTE_TUNNEL, "10.33.0.0/16");
	assert_ok(&e, host_netconf(h1, one, &e));
	snprintf(said, sizeof(said), "10.33.0.0/16: another tunnel (%s)", name2);
	assert_warned(h1, said);
	assert_rival(h2, two, 3, "");
	assert_rival(h1, one, 0, "");
	assert_rival(h1, one, 1, name2);
	assert_shows("ip route get 10.33.0.1", name2, true);
	close_host(h1, tun1);
	assert_rival(h2, two, 0, "");
	close_host(h2, tun2);
	free(one);
	free(two);
	assert_as_before(before);
}

/* A packet as from the gateway, written to the other end of the veth with a packet socket. */
static void from_gateway(uint16_t to_port)
{
	uint8_t p[14 + 20 + 8 + 4] = { 0 };
	char *mac = read_text("/sys/class/net/out0/address");
	unsigned sum = 0;

	for (int i = 0; i < 6; i++)
		p[i] = (uint8_t)strtoul(mac + 3 * (ptrdiff_t)i, NULL, 16);
	free(mac);
	p[12] = 8;
	const uint8_t head[] = { 0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 203, 0, 113, 1, 203, 0,
		113, 2, 500 >> 8, 500 & 255, (uint8_t)(to_port >> 8), (uint8_t)to_port, 0, 12, 0, 0,
		'p', 'o', 'n', 'g' };
	memcpy(p + 14, head, sizeof(head));
	for (int i = 0; i < 20; i += 2)
		sum += (unsigned)p[14 + i] << 8 | p[15 + i];
	sum = (sum >> 16) + (sum & 0xffff);
	sum = ~(sum + (sum >> 16));
	p[24] = (uint8_t)(sum >> 8);
	p[25] = (uint8_t)sum;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct { /* struct sockaddr_ll */
		unsigned short family, protocol;
		int index;
		unsigned char more[12];
	} ll = { .family = AF_PACKET, .index = (int)if_nametoindex("far0") };
	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, p, sizeof(p), 0, (struct sockaddr *)&ll, sizeof(ll)),
		(ssize_t)sizeof(p));
	close(fd);
}

static bool arrives(int udp, uint16_t port)
{
	struct pollfd pfd = { .fd = udp, .events = POLLIN };
	char text[16];

	from_gateway(port);
	/* Delivery on a veth is over when the sender's call returns, or a softirq later. */
	return poll(&pfd, 1, 300) == 1 && recv(udp, text, sizeof(text), 0) == 4;
}

static void strict_reverse_path_lets_the_gateway_in(void **state)
{
	uint16_t port, again;
	char name[16];
	int tun;

	(void)state;
	need_root();
	strict_reverse_path("1\n");
	char *before = machine();
	struct host *h = open_host("office", &tun, name);
	int udp = host_udp(h, FAMILY_V4, 0, &port, &e);
	assert_true(udp >= 0);
	assert_true(arrives(udp, port));
	struct netconf *c = conf_full();
	assert_ok(&e, host_netconf(h, c, &e));
	assert_shows("cat /proc/sys/net/ipv4/conf/out0/rp_filter", "2", true);
	assert_true(arrives(udp, port));
	strict_reverse_path("1\n"); /* without our doing it would not */
	assert_false(arrives(udp, port));
	strict_reverse_path("2\n");
	/* A port that is taken gives way to another. */
	int second = host_udp(h, FAMILY_V4, port, &again, &e);
	assert_true(second >= 0);
	assert_true(again != port && again != 0);
	close(second);
	close(udp);
	free(c);
	close_host(h, tun);
	assert_as_before(before);
	strict_reverse_path("0\n");
}

static void knows_the_path(void **state)
{
	struct addr to = ip("203.0.113.1");
	struct path path;
	char text[ADDR_TEXT_MAX], name[16];
	int tun;

	(void)state;
	need_root();
	struct host *h = open_host("office", &tun, name);
	struct netconf *c = conf_full();
	assert_ok(&e,
		host_netconf(h, c, &e)); /* the tunnel takes everything, our own packets excepted */
	assert_ok(&e, host_path(h, &to, &path, &e));
	assert_string_equal(addr_text(text, &path.local), "203.0.113.2");
	assert_int_equal(path.mtu, 1500);
	must("ip route add 192.0.2.0/24 via 192.168.7.1 mtu 1300");
	to = ip("192.0.2.1");
	assert_ok(&e, host_path(h, &to, &path, &e));
	assert_string_equal(addr_text(text, &path.local), "192.168.7.2");
	assert_string_equal(addr_text(text, &path.next_hop), "192.168.7.1");
	assert_int_equal(path.mtu, 1300);
	must("ip route del 192.0.2.0/24");
	to = ip("2001:db8:9::1");
	assert_ok(&e, host_path(h, &to, &path, &e));
	assert_string_equal(addr_text(text, &path.local), "2001:db8:7::2");
	must("ip -6 route del default");
	assert_refused(&e, ERR_SILENT, host_path(h, &to, &path, &e));
	assert_non_null(strstr(e.text, "2001:db8:9::1"));
	must("ip -6 route add default via 2001:db8:7::1");
	free(c);
	close_host(h, tun);
}

static enum host_event drained(struct host *h)
{
	enum host_event ev = host_next_event(h), more;

	while ((more = host_next_event(h)) != HOST_NOTHING)
		ev = more;
	return ev;
}

/* The kernel tells of a carrier when it has the time. */
static enum host_event awaited(struct host *h)
{
	struct pollfd pfd = { .fd = host_event_fd(h), .events = POLLIN };
	enum host_event ev = HOST_NOTHING;

	while (ev == HOST_NOTHING && poll(&pfd, 1, 10000) == 1)
		ev = host_next_event(h);
	return ev;
}

/* What was foreseen of the network counts until it changes; and where the news of that comes late, what was set up
 * follows. */
static void foresees_the_network(void **state)
{
	char name[16];
	int tun;

	(void)state;
	need_root();
	for (int late = 0; late < 2; late++) {
		struct host *h = open_host("office", &tun, name);
		struct netconf *c = conf_full();
		host_foresee(h);
		must("ip addr add 192.168.8.2/24 dev out0");
		if (!late)
			(void)drained(h);
		host_foresee(h);
		assert_ok(&e, host_netconf(h, c, &e));
		assert_shows("ip -4 route show table 47000", "throw 192.168.7.0/24", true);
		assert_shows("ip -4 route show table 47000", "throw 192.168.8.0/24", !late);
		(void)drained(h);
		assert_shows("ip -4 route show table 47000", "throw 192.168.8.0/24", true);
		must("ip addr del 192.168.8.2/24 dev out0");
		(void)drained(h);
		assert_shows("ip -4 route show table 47000", "throw 192.168.8.0/24", false);
		close_host(h, tun);
		free(c);
	}
}

static void tells_what_happens_to_the_path(void **state)
{
	struct addr to = ip("192.0.2.1");
	struct path path;
	char name[16];
	int tun;

	(void)state;
	need_root();
	struct host *h = open_host("office", &tun, name);
	struct netconf *c = conf_full();
	struct pollfd pfd = { .fd = host_event_fd(h), .events = POLLIN };
	struct addr other = ip("2001:db8::1");
	host_watch(h, &to);
	(void)!host_path(h, &other, &path, &e); /* looked at, and not what counts */
	assert_ok(&e, host_netconf(h, c, &e));
	assert_int_equal(drained(h), HOST_NOTHING); /* all our own */
	must("ip route add 198.51.100.0/24 via 192.168.7.1");
	must("ip link set lo mtu 60000");
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(drained(h), HOST_NOTHING); /* not about the way to the gateway */
	must("ip route del 198.51.100.0/24");
	must("ip addr add 10.200.0.2/24 dev out0");
	assert_int_equal(drained(h), HOST_NOTHING);
	/* The network on the link is another now, and is left to it. */
	assert_shows("ip -4 route show table 47000", "throw 10.200.0.0/24", true);
	must("ip route replace default via 10.200.0.1");
	assert_int_equal(drained(h), HOST_PATH_CHANGED);
	must("ip route replace default via 192.168.7.1");
	assert_int_equal(drained(h), HOST_PATH_CHANGED);
	must("ip addr del 10.200.0.2/24 dev out0");
	assert_int_equal(drained(h), HOST_NOTHING);
	assert_shows("ip -4 route show table 47000", "10.200.0.0", false);
	assert_ok(&e, host_path(h, &to, &path, &e));
	must("ip route replace default via 192.168.7.9");
	host_watch(h, &to); /* what was told is not so any more */
	assert_int_equal(drained(h), HOST_PATH_CHANGED);
	must("ip route del default");
	assert_int_equal(drained(h), HOST_LINK_DOWN);
	must("ip route add default via 192.168.7.1");
	assert_int_equal(drained(h), HOST_PATH_CHANGED);
	must("ip link set far0 down"); /* carrier lost, the route stays */
	assert_int_equal(awaited(h), HOST_LINK_DOWN);
	must("ip link set far0 up");
	assert_int_equal(awaited(h), HOST_PATH_CHANGED);
	free(c);
	close_host(h, tun);
	must("ip link set lo mtu 65536");
}

/* Whoever it was: without the interface, or with it down, nothing is carried any more. */
static void tells_that_its_interface_is_gone(void **state)
{
	static const char *const rows[] = { "ip link set %s down", "ip link del %s" };
	char name[16], command[64];
	int tun;

	(void)state;
	need_root();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct host *h = open_host("office", &tun, name);
		struct netconf *c = conf_full(), nothing = { 0 };
		assert_ok(&e, host_netconf(h, c, &e));
		assert_ok(&e, host_netconf(h, &nothing, &e)); /* down by us */
		assert_ok(&e, host_netconf(h, c, &e));
		assert_int_equal(drained(h), HOST_NOTHING);
		snprintf(command, sizeof(command), rows[i], name);
		must(command);
		assert_int_equal(awaited(h), HOST_INTERFACE_GONE);
		assert_int_equal(drained(h), HOST_NOTHING); /* told once */
		free(c);
		close_host(h, tun);
	}
}

static void puts_back_what_others_removed(void **state)
{
	static const char *const rows[] = { "ip rule del pref 1373", "ip -6 rule del pref 1373",
		"ip addr flush dev vpn0", "ip route flush table 47000",
		"ip -6 route flush table 47000" };
	static const char *const looks[] = { "ip -4 rule", "ip -6 rule", "ip -br addr",
		"ip -4 route show table 47000", "ip -6 route show table 47000" };
	char name[16], *was[ARRAY_LEN(looks)];
	struct outbox ob;
	int tun;

	(void)state;
	need_root();
	char *before = machine();
	struct host *h = open_host("office", &tun, name);
	struct netconf *c = conf_full();
	assert_ok(&e, host_netconf(h, c, &e));
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		was[i] = calloc(1, SHOW_MAX);
		run(looks[i], was[i], SHOW_MAX);
	}
	assert_int_equal(drained(h), HOST_NOTHING);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		must(rows[i]);
		usleep(300000); /* not so often that it becomes a fight */
		drained(h);
		for (size_t k = 0; k < ARRAY_LEN(looks); k++)
			assert_shows(looks[k], was[k], true);
	}
	outbox_init(&ob);
	host_warnings(h, &ob);
	assert_int_equal(ob.n, 1); /* told once */
	outbox_free(&ob);
	for (size_t i = 0; i < ARRAY_LEN(looks); i++)
		free(was[i]);
	free(c);
	close_host(h, tun);
	assert_as_before(before);
}

static void without_ipv6(void **state)
{
	struct outbox ob;
	char name[16];
	int tun;

	(void)state;
	need_root();
	write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1\n");
	char *before = machine();
	struct host *h = open_host("office", &tun, name);
	struct netconf *c = conf_full();
	assert_ok(&e, host_netconf(h, c, &e));
	assert_shows("ip -4 route get 8.8.8.8", "dev vpn0", true);
	/* The rest of the machine has IPv6, which must not go out in the clear. */
	assert_false(run("ip -6 route get 2600::1", NULL, 0));
	outbox_init(&ob);
	host_warnings(h, &ob);
	assert_int_equal(ob.n, 1);
	assert_non_null(strstr(((const struct event *)outbox_get(&ob, 0))->text, "IPv6"));
	outbox_free(&ob);
	close_host(h, tun);
	assert_as_before(before);
	free(c);
	write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0\n");
}

static void foreign_resolv_conf_stays(void **state)
{
	struct outbox ob;
	char name[16];
	int tun;

	(void)state;
	need_root();
	char *was = read_text("/etc/resolv.conf");
	struct host *h = open_host("office", &tun, name);
	struct netconf *c = conf_full();
	struct host_view view;
	c->dns[c->n_dns++] = ip("10.1.0.53");
	assert_ok(
		&e, host_netconf(h, c, &e)); /* not for all names: more than a plain file can say */
	host_view(h, &view);
	assert_true(view.dns_changed);
	outbox_init(&ob);
	host_warnings(h, &ob);
	assert_int_equal(ob.n, 1);
	outbox_clear(&ob);
	c->dns_default = true;
	assert_ok(&e, host_netconf(h, c, &e));
	host_view(h, &view);
	assert_string_equal(view.dns_via, "/etc/resolv.conf");
	write_text("/etc/resolv.conf", "nameserver 192.0.2.99\n");
	remember(h, NULL, -1);
	host_close(h, &ob);
	close(tun);
	assert_int_equal(ob.n, 1);
	assert_shows("cat /etc/resolv.conf", "192.0.2.99", true);
	outbox_free(&ob);
	write_text("/etc/resolv.conf", was);
	free(was);
	free(c);
}

/* Or what is still asked of the tunnel's servers would leave past it. */
static void names_go_before_the_routes(void **state)
{
	struct netconf *c = conf_full(), *nothing = calloc(1, sizeof(*nothing));
	char name[16];
	int tun;

	(void)state;
	need_root();
	char *before = machine();
	struct host *h = open_host("office", &tun, name);
	assert_non_null(nothing);
	c->dns[c->n_dns++] = ip("10.1.0.53");
	c->dns_default = true;
	assert_ok(&e, host_netconf(h, c, &e));
	assert_ok(&e, host_netconf(h, nothing, &e));
	char *journal = read_text("/run/vpnc-ike/office.journal");
	const char *names = strstr(journal, "\n- resolv.conf"),
		   *rule = strstr(journal, "\n- rule v4");
	assert_non_null(names);
	assert_non_null(rule);
	assert_true(names < rule);
	free(journal);
	close_host(h, tun);
	assert_as_before(before);
	free(nothing);
	free(c);
}

static struct sa_spec *esp_spec_of(enum sa_dir dir, uint32_t spi)
{
	struct sa_spec *s = calloc(1, sizeof(*s));
	struct prefix all = net("10.0.0.0/8"), own = net("10.1.2.3/32");

	assert_non_null(s);
	*s = (struct sa_spec){ .dir = dir,
		.spi = spi,
		.child = 1,
		.local = ip("192.168.7.2"),
		.remote = ip("203.0.113.1"),
		.encr = ENCR_AES_GCM_16,
		.encr_bits = 256,
		.replay_window = 1024,
		.encr_key.len = 36,
		.local_ts.n = 1,
		.remote_ts.n = 1 };
	selector_from_prefix(&s->local_ts.v[0], &own);
	selector_from_prefix(&s->remote_ts.v[0], &all);
	return s;
}

/* The kernel knows the SPI before it has keys, and no more when nothing came of it. */
static void reserved_before(struct host *h, const struct sa_spec *s)
{
	struct sa_ref in = { SA_IN, s->spi, s->remote, s->local };
	struct sa_ref other = { SA_IN, 0x3000 + s->spi, s->remote, s->local };
	char id[16], other_id[16];

	snprintf(id, sizeof(id), "0x%08x", in.spi);
	snprintf(other_id, sizeof(other_id), "0x%08x", other.spi);
	host_sa_expect(h, &other);
	host_sa_expect(h, &in);
	assert_shows("ip xfrm state", other_id, true);
	host_sa_remove(h, &other);
	assert_shows("ip xfrm state", other_id, false);
	assert_shows("ip xfrm state", id, true);
	if (s->spi & 1) /* it runs out meanwhile */
		must("ip xfrm state flush proto esp");
}

/* A rekey in the kernel: no policy is touched, and at no time is there no SA. */
static void rekey_in_the_kernel(struct host *h)
{
	const struct sa_ref old_in = { .dir = SA_IN, .spi = 0x1001 };
	const struct sa_ref old_out = { .dir = SA_OUT, .spi = 0x2001 };
	static const struct {
		enum sa_dir dir;
		uint32_t spi;
	} rows[] = { { SA_IN, 0x1001 }, { SA_OUT, 0x2001 }, { SA_IN, 0x1002 }, { SA_OUT, 0x2002 } };
	struct host_sa_counters c;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sa_spec *s = esp_spec_of(rows[i].dir, rows[i].spi);
		if (s->dir == SA_IN)
			reserved_before(h, s);
		assert_ok(&e, host_sa_install(h, s, &e));
		assert_refused(&e, ERR_BUG, host_sa_install(h, s, &e));
		free(s);
	}
	host_sa_remove(h, &old_out);
	host_sa_remove(h, &old_in);
	host_sa_remove(h, &old_in); /* no error */
	assert_shows("ip xfrm state", "0x00001001", false);
	assert_shows("ip xfrm state", "0x00001002", true);
	assert_shows("ip xfrm state", "output-mark 0x76706e", true);
	assert_shows("ip xfrm policy", "src 10.1.2.3/32 dst 10.0.0.0/8", true);
	assert_shows("ip xfrm policy", "dir fwd", true);
	assert_true(host_sa_counters(h, SA_OUT, 0x2002, &c));
	assert_int_equal(c.packets, 0);
	assert_int_equal(c.left, UINT32_MAX);
	assert_false(host_sa_counters(h, SA_OUT, 0x2001, &c));
}

/* The kernel takes the SA, and its policies cannot be made: neither stays, and what there was does. */
static void no_sa_without_its_policies(struct host *h)
{
	struct sa_spec *s = esp_spec_of(SA_OUT, 0x2003);

	s->remote_ts.v[1] = s->remote_ts.v[0];
	s->remote_ts.v[1].proto = 1;
	s->remote_ts.v[1].port_lo = s->remote_ts.v[1].port_hi = 8 << 8;
	s->remote_ts.n = 2;
	assert_refused(&e, ERR_LOCAL, host_sa_install(h, s, &e));
	assert_shows("ip xfrm state", "0x00002003", false);
	assert_shows("ip xfrm state", "0x00002002", true);
	assert_shows("ip xfrm policy", "proto icmp", false);
	assert_shows("ip xfrm policy", "src 10.1.2.3/32 dst 10.0.0.0/8", true);
	free(s);
}

/* On a kernel without ESP the answer is a sentence, and with it an SA; nothing remains of either. */
static void esp_in_the_kernel(void **state)
{
	(void)state;
	need_root();
	char *before = machine();
	struct host_kernel k;
	host_kernel_look(&k);
	assert_true(k.known);
	assert_true(same_machine(before, machine()));
	struct host *h = host_open("kernel", &e);
	assert_non_null(h);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(k.esp[i], host_esp_probe(h, i ? FAMILY_V6 : FAMILY_V4));
		assert_true(k.esp[i] || strstr(k.why[i], i ? "esp6" : "esp4"));
	}
	if (host_esp_probe(h, FAMILY_V4)) {
		rekey_in_the_kernel(h);
		no_sa_without_its_policies(h);
	} else {
		host_esp_why_not(h, &e);
		assert_int_equal(e.kind, ERR_LOCAL);
		assert_string_equal(e.text, k.why[0]);
		assert_int_equal(host_sa_event_fd(h), -1);
	}
	host_close(h, NULL);
	assert_as_before(before);
}

/* With a pattern only the tests of such names. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(sets_up_and_takes_back, teardown),
		cmocka_unit_test_teardown(neighbours_do_not_reach_a_tun, teardown),
		cmocka_unit_test_teardown(changes_only_the_difference, teardown),
		cmocka_unit_test_teardown(five_thousand_routes, teardown),
		cmocka_unit_test_teardown(failed_change_is_rolled_back, teardown),
		cmocka_unit_test_teardown(killed_and_cleaned, teardown),
		cmocka_unit_test_teardown(killed_with_a_line_that_is_not_known, teardown),
		cmocka_unit_test_teardown(killed_and_started_again, teardown),
		cmocka_unit_test_teardown(killed_at_any_point, teardown),
		cmocka_unit_test_teardown(kill_switch_beside_others, teardown),
		cmocka_unit_test_teardown(strict_kill_switch_outlives, teardown),
		cmocka_unit_test_teardown(kill_switch_at_the_end, teardown),
		cmocka_unit_test_teardown(two_at_once, teardown),
		cmocka_unit_test_teardown(one_network_in_two_tunnels, teardown),
		cmocka_unit_test_teardown(strict_reverse_path_lets_the_gateway_in, teardown),
		cmocka_unit_test_teardown(knows_the_path, teardown),
		cmocka_unit_test_teardown(foresees_the_network, teardown),
		cmocka_unit_test_teardown(tells_what_happens_to_the_path, teardown),
		cmocka_unit_test_teardown(tells_that_its_interface_is_gone, teardown),
		cmocka_unit_test_teardown(puts_back_what_others_removed, teardown),
		cmocka_unit_test_teardown(without_ipv6, teardown),
		cmocka_unit_test_teardown(foreign_resolv_conf_stays, teardown),
		cmocka_unit_test_teardown(names_go_before_the_routes, teardown),
		cmocka_unit_test(esp_in_the_kernel),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, group_setup, NULL);
}
