/*
 * What is said to systemd-resolved, over a message bus of the test's own, to a service that answers
 * to its name and notes what it is told.
 */
#define _GNU_SOURCE
#include "../../src/host/priv.h"
#include "lib/test.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

static char folder[64], conf[80];
static pid_t daemon_pid, service_pid;
static int notes = -1; /* the service's end is a pipe's */
static bool ready;
static struct err e;

/* --- the service ---------------------------------------------------------------------------------- */

static int note(const char *text)
{
	size_t n = strlen(text);

	return write(notes, text, n) == (ssize_t)n ? 0 : -1;
}

static int got_servers(sd_bus_message *m, void *data, sd_bus_error *error)
{
	char text[256];
	int link, family;
	size_t n, used;

	(void)data;
	(void)error;
	sd_bus_message_read(m, "i", &link);
	used = (size_t)snprintf(text, sizeof(text), "dns %d", link);
	sd_bus_message_enter_container(m, 'a', "(iay)");
	while (sd_bus_message_enter_container(m, 'r', "iay") > 0) {
		const void *ip;
		sd_bus_message_read(m, "i", &family);
		sd_bus_message_read_array(m, 'y', &ip, &n);
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %d:%zu:%u", family, n,
			((const uint8_t *)ip)[n - 1]);
		sd_bus_message_exit_container(m);
	}
	sd_bus_message_exit_container(m);
	snprintf(text + used, sizeof(text) - used, "\n");
	if (link == 13)
		return sd_bus_reply_method_errorf(
			m, "org.freedesktop.resolve1.NoSuchLink", "Link 13 not known");
	return note(text) < 0 ? -1 : sd_bus_reply_method_return(m, NULL);
}

static int got_domains(sd_bus_message *m, void *data, sd_bus_error *error)
{
	char text[256];
	const char *domain;
	int link, routing;
	size_t used;

	(void)data;
	(void)error;
	sd_bus_message_read(m, "i", &link);
	used = (size_t)snprintf(text, sizeof(text), "domains %d", link);
	sd_bus_message_enter_container(m, 'a', "(sb)");
	while (sd_bus_message_read(m, "(sb)", &domain, &routing) > 0)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, " %s%s", routing ? "~" : "", domain);
	snprintf(text + used, sizeof(text) - used, "\n");
	return note(text) < 0 ? -1 : sd_bus_reply_method_return(m, NULL);
}

static int got_default(sd_bus_message *m, void *data, sd_bus_error *error)
{
	char text[64];
	int link, on;

	(void)data;
	(void)error;
	sd_bus_message_read(m, "ib", &link, &on);
	snprintf(text, sizeof(text), "default %d %s\n", link, on ? "yes" : "no");
	return note(text) < 0 ? -1 : sd_bus_reply_method_return(m, NULL);
}

static int got_revert(sd_bus_message *m, void *data, sd_bus_error *error)
{
	char text[64];
	int link;

	(void)data;
	(void)error;
	sd_bus_message_read(m, "i", &link);
	snprintf(text, sizeof(text), "revert %d\n", link);
	if (link == 13)
		return sd_bus_reply_method_errorf(
			m, "org.freedesktop.resolve1.NoSuchLink", "Link 13 not known");
	if (link == 14)
		return sd_bus_reply_method_errorf(
			m, "org.freedesktop.resolve1.LinkBusy", "Link 14 is managed");
	return note(text) < 0 ? -1 : sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("SetLinkDNS", "ia(iay)", "", got_servers, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("SetLinkDomains", "ia(sb)", "", got_domains, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("SetLinkDefaultRoute", "ib", "", got_default, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("RevertLink", "i", "", got_revert, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void serve(void)
{
	sd_bus *bus = NULL;

	if (sd_bus_open_system(&bus) < 0 ||
		sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/resolve1",
			"org.freedesktop.resolve1.Manager", manager, NULL) < 0 ||
		sd_bus_request_name(bus, "org.freedesktop.resolve1", 0) < 0 || note("ready\n") < 0)
		_exit(1);
	for (;;)
		if (sd_bus_process(bus, NULL) < 0 || sd_bus_wait(bus, UINT64_MAX) < 0)
			_exit(1);
}

/* --- the bus -------------------------------------------------------------------------------------- */

static bool start_bus(void)
{
	char address[128];
	char *argv[] = { "dbus-daemon", "--session", "--nofork", "--print-address", address, NULL };
	char line[256];
	posix_spawn_file_actions_t files;
	int out[2];

	snprintf(address, sizeof(address), "--address=unix:path=%s/bus", folder);
	if (pipe2(out, O_CLOEXEC) < 0)
		return false;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, out[1], 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	int code = posix_spawnp(&daemon_pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(out[1]);
	ssize_t n = code == 0 ? read(out[0], line, sizeof(line)) :
				0; /* it listens once it has said so */
	close(out[0]);
	if (code != 0)
		daemon_pid = 0;
	return n > 0;
}

static void heard(char out[512], const char *last)
{
	size_t n = 0;

	out[0] = 0;
	for (ssize_t got = 1; got > 0 && n < 511 && !strstr(out, last); n += (size_t)got) {
		got = read(notes, out + n, 511 - n);
		got = got < 0 ? 0 : got;
		out[n + (size_t)got] = 0;
	}
}

static int group_setup(void **state)
{
	char address[128], text[512];
	int pipes[2];

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/vpnc-ike-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(conf, sizeof(conf), "%s/resolv.conf", folder);
	snprintf(address, sizeof(address), "unix:path=%s/bus", folder);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	if (!start_bus() || pipe2(pipes, O_CLOEXEC) < 0)
		return 0;
	service_pid = fork();
	if (service_pid == 0) {
		notes = pipes[1];
		serve();
	}
	close(pipes[1]);
	notes = pipes[0];
	heard(text, "ready\n");
	ready = strcmp(text, "ready\n") == 0;
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	if (service_pid > 0) {
		kill(service_pid, SIGKILL);
		waitpid(service_pid, NULL, 0);
	}
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGTERM);
		waitpid(daemon_pid, NULL, 0);
	}
	unlink(conf);
	char bus[80];
	snprintf(bus, sizeof(bus), "%s/bus", folder);
	unlink(bus);
	return rmdir(folder);
}

static void need_bus(void)
{
	if (!ready) {
		print_message("skipped: no dbus-daemon here\n");
		skip();
	}
}

static void put(const char *text)
{
	FILE *f = fopen(conf, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* --- tests ---------------------------------------------------------------------------------------- */

static void here_only_when_the_machine_asks_it(void **state)
{
	(void)state;
	need_bus();
	put("# stub\nnameserver 127.0.0.53\noptions edns0\n");
	assert_true(resolved_here(conf));
	put("nameserver 192.0.2.1\n# nameserver 127.0.0.53\n");
	assert_false(resolved_here(conf));
	unlink(conf);
	assert_false(resolved_here(conf));
}

static void split_names_are_routed(void **state)
{
	struct dns_want want = { .n_servers = 2, .n_domains = 2 };
	char text[512];

	(void)state;
	need_bus();
	assert_true(addr_parse(&want.servers[0], "10.1.0.53"));
	assert_true(addr_parse(&want.servers[1], "fd01::35"));
	snprintf(want.domains[0], DOMAIN_TEXT_MAX, "corp.example");
	snprintf(want.domains[1], DOMAIN_TEXT_MAX, "lab.example");
	assert_ok(&e, resolved_set(7, &want, &e));
	heard(text, "default");
	assert_string_equal(text,
		"dns 7 2:4:53 10:16:53\ndomains 7 ~corp.example ~lab.example\ndefault 7 no\n");
}

static void all_names_are_routed_and_reverted(void **state)
{
	struct dns_want want = { .all = true, .n_servers = 1 };
	char text[512];

	(void)state;
	need_bus();
	assert_true(addr_parse(&want.servers[0], "10.1.0.54"));
	assert_ok(&e, resolved_set(8, &want, &e));
	heard(text, "default");
	assert_string_equal(text, "dns 8 2:4:54\ndomains 8 ~.\ndefault 8 yes\n");
	assert_ok(&e, resolved_revert(8, &e));
	heard(text, "revert");
	assert_string_equal(text, "revert 8\n");
}

static void refusal_is_told_in_its_words(void **state)
{
	struct dns_want want = { .all = true, .n_servers = 1 };

	(void)state;
	need_bus();
	assert_true(addr_parse(&want.servers[0], "10.1.0.54"));
	assert_refused(&e, ERR_LOCAL, resolved_set(13, &want, &e));
	assert_non_null(strstr(e.text, "Link 13 not known"));
	assert_refused(&e, ERR_LOCAL, resolved_revert(14, &e));
	assert_non_null(strstr(e.text, "Link 14 is managed"));
}

/* The tunnel's interface is gone, and what it knew of that with it. */
static void what_is_forgotten_is_reverted(void **state)
{
	(void)state;
	need_bus();
	assert_ok(&e, resolved_revert(13, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(here_only_when_the_machine_asks_it),
		cmocka_unit_test(split_names_are_routed),
		cmocka_unit_test(all_names_are_routed_and_reverted),
		cmocka_unit_test(refusal_is_told_in_its_words),
		cmocka_unit_test(what_is_forgotten_is_reverted),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
