#include "../../src/cli/doctor.h"
#include "folder.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define HEADER "  sl  local_address rem_address   st tx_queue rx_queue\n"

/* A machine made of files. */
static void make(const char *root, const char *path, const char *text)
{
	char dir[1024];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(dir, sizeof(dir), "%s%.*s", root, (int)(slash - path), path);
		mkdir(dir, 0700);
	}
	folder_text(root, path + 1, text);
}

/* All there is. */
static struct host_kernel able(void)
{
	return (struct host_kernel){
		.known = true, .esp = { true, true }, .interface = true, .directions = true
	};
}

static char *look_with(const char *root, const struct host_kernel *k, bool *well)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	*well = doctor_look(root, k, f);
	fclose(f);
	return text;
}

static char *look(const char *root, bool *well)
{
	struct host_kernel k = able();

	return look_with(root, &k, well);
}

static void expect(const char *text, const char *want)
{
	if (!strstr(text, want))
		fail_msg("<%s> is not in: %s", want, text);
}

static void a_machine_that_is_well(void **state)
{
	bool well;

	make(*state, "/proc/self/status", "Name:\tx\nCapEff:\t0000000000001000\n");
	make(*state, "/dev/net/tun", "");
	make(*state, "/proc/net/udp", HEADER "   1: 0100007F:0035 00000000:0000 07\n");
	make(*state, "/proc/net/udp6", HEADER);
	make(*state, "/proc/1/comm", "systemd\n");
	make(*state, "/run/systemd/resolve/io.systemd.Resolve", "");
	make(*state, "/proc/sys/net/ipv6/conf/all/disable_ipv6", "0\n");
	char *text = look(*state, &well);
	assert_true(well);
	expect(text, "ok    privilege");
	expect(text, "UDP 500 is free");
	expect(text, "UDP 4500 is free");
	expect(text, "no other IKE daemon");
	expect(text, "systemd-resolved");
	expect(text, "ok    ipv6");
	assert_null(strstr(text, "BAD"));
	free(text);
}

static void a_machine_that_is_not(void **state)
{
	bool well;

	make(*state, "/proc/self/status", "CapEff:\t0000000000000fff\n");
	make(*state, "/proc/net/udp", HEADER "  99: 00000000:01F4 00000000:0000 07\n");
	make(*state, "/proc/net/udp6",
		HEADER "   3: 00000000000000000000000000000000:1194 00000000:0000 07\n");
	make(*state, "/proc/77/comm", "charon\n");
	make(*state, "/proc/78/comm", "charonx\n");
	make(*state, "/etc/resolv.conf", "");
	make(*state, "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1\n");
	char *text = look(*state, &well);
	assert_false(well);
	expect(text, "BAD   privilege");
	expect(text, "BAD   tun");
	expect(text, "UDP 500 is in use");
	expect(text, "UDP 4500 is in use");
	expect(text, "charon is running (process 77)");
	assert_null(strstr(text, "process 78"));
	expect(text, "/etc/resolv.conf is changed");
	expect(text, "switched off");
	free(text);
}

/* A container that was handed a folder, where the machine around it has no such device; and a node without the
 * kernel's module is there for everybody, too. */
static void a_device_that_cannot_be_opened(void **state)
{
	bool well;

	make(*state, "/proc/self/status", "CapEff:\t0000000000001000\n");
	make(*state, "/dev/net/tun/nothing", "");
	char *text = look(*state, &well);
	assert_false(well);
	expect(text,
		"BAD   tun          /dev/net/tun cannot be opened: Is a directory: modprobe tun");
	free(text);
}

static void a_machine_that_says_nothing(void **state)
{
	bool well;

	char *text = look(*state, &well);
	assert_false(well);
	expect(text, "no /etc/resolv.conf");
	free(text);
}

/* Whatever it lacks, this program has it, so it is not in the way. */
static void what_the_kernel_has(void **state)
{
	struct host_kernel k = able();
	bool well;

	make(*state, "/proc/self/status", "CapEff:\t0000000000001000\n");
	make(*state, "/dev/net/tun", "");
	char *text = look_with(*state, &k, &well);
	assert_true(well);
	expect(text, "ok    esp          in the kernel");
	expect(text, "ok    interface");
	expect(text, "only in its own direction");
	free(text);
	k.interface = k.directions = false;
	text = look_with(*state, &k, &well);
	assert_true(well);
	expect(text, "note  interface    no XFRM interfaces (module xfrm_interface)");
	expect(text, "directions of SAs are not known");
	free(text);
	k.esp[1] = false;
	snprintf(k.why[1], sizeof(k.why[1]), "module esp6 is blocked by /etc/modprobe.d/x.conf");
	text = look_with(*state, &k, &well);
	assert_true(well);
	expect(text,
		"note  esp          over IPv6: module esp6 is blocked by /etc/modprobe.d/x.conf");
	expect(text, "in userspace");
	assert_null(strstr(text, "over IPv4"));
	assert_null(strstr(text, "XFRM interface"));
	free(text);
	k.tun = TUN_ALL;
	k.udp_out = k.udp_in = true;
	text = look_with(*state, &k, &well);
	expect(text, "ok    tun          TCP and UDP come from it in large pieces");
	expect(text, "ok    udp          many packets go out and come in as one");
	free(text);
	k.tun = TUN_HEADER | TUN_SUM | TUN_TCP4;
	k.udp_in = false;
	text = look_with(*state, &k, &well);
	assert_true(well);
	expect(text, "note  tun          it does not leave us TCP over IPv6 in large pieces");
	expect(text, "UDP in large pieces (Linux 6.2)");
	expect(text, "note  udp          packets come in one by one (UDP_GRO, Linux 5.0)");
	assert_null(strstr(text, "packets go out one by one"));
	assert_null(strstr(text, "checksums"));
	free(text);
	k = (struct host_kernel){ .known = false };
	text = look_with(*state, &k, &well);
	assert_true(well);
	expect(text, "it takes root to ask the kernel");
	free(text);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(a_machine_that_is_well),
		WITH_FOLDER(a_machine_that_is_not),
		WITH_FOLDER(a_device_that_cannot_be_opened),
		WITH_FOLDER(a_machine_that_says_nothing),
		WITH_FOLDER(what_the_kernel_has),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, NULL);
}
