/* The program resolvconf, as a script that keeps its records as files. */
#include "../../src/host/priv.h"
#include "lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], program[96], record[160];
static struct err e;

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/vpnc-ike-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(program, sizeof(program), "%s/resolvconf", folder);
	snprintf(record, sizeof(record), "%s/vpn0.vpnc-ike", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(record);
	unlink(program);
	return rmdir(folder);
}

static void write_program(const char *body)
{
	int fd = open(program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	assert_true(fd >= 0);
	dprintf(fd, "#!/bin/sh\ncd %s || exit 9\n%s", folder, body);
	close(fd);
}

/* openresolv's refuses to remove what is not there, unless -f says that this is fine. */
#define OPENRESOLV                                    \
	"case $1 in\n"                                \
	"-f) rm -f \"$3\" ;;\n"                       \
	"-d) [ -e \"$2\" ] || exit 1; rm \"$2\" ;;\n" \
	"-a) cat >\"$2\" ;;\n"                        \
	"*) exit 99 ;;\n"                             \
	"esac\n"

/* Debian's does not know -f, and does not mind. */
#define DEBIAN                  \
	"case $1 in\n"          \
	"-d) rm -f \"$2\" ;;\n" \
	"-a) cat >\"$2\" ;;\n"  \
	"*) exit 99 ;;\n"       \
	"esac\n"

/* One of those that it tells of a change fails. */
#define HOOK_FAILS                                            \
	"case $1 in\n"                                        \
	"-f) [ -e \"$3\" ] || exit 0; rm \"$3\"; exit 1 ;;\n" \
	"-d) [ -e \"$2\" ]; rm -f \"$2\"; exit 1 ;;\n"        \
	"-a) cat >\"$2\" ;;\n"                                \
	"esac\n"

static void set(void)
{
	struct dns_want want = { .n_servers = 1 };

	assert_true(addr_parse(&want.servers[0], "192.0.2.53"));
	assert_ok(&e, resolvconf_set(program, "vpn0.vpnc-ike", &want, &e));
	assert_int_equal(access(record, F_OK), 0);
}

static void a_record_is_removed_where_it_still_is(void **state)
{
	static const char *const kinds[] = { OPENRESOLV, DEBIAN, HOOK_FAILS };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		write_program(kinds[i]);
		set();
		assert_ok(&e, resolvconf_unset(program, "vpn0.vpnc-ike", &e));
		assert_int_equal(access(record, F_OK), -1);
		assert_ok(&e,
			resolvconf_unset(program, "vpn0.vpnc-ike", &e)); /* it has gone before */
	}
}

static void a_record_that_stays_is_told(void **state)
{
	(void)state;
	write_program("[ $1 = -a ] && exec cat >\"$2\"\nexit 3\n");
	set();
	assert_refused(&e, ERR_LOCAL, resolvconf_unset(program, "vpn0.vpnc-ike", &e));
	assert_non_null(strstr(e.text, "status 3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_record_is_removed_where_it_still_is, setup, teardown),
		cmocka_unit_test_setup_teardown(a_record_that_stays_is_told, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
