#include "../../src/cli/term.h"
#include "lib/test.h"

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

/* Its settings are kept by a descriptor of our own, which the program that asks for a password must not get. */
static void no_program_inherits_the_terminal(void **state)
{
	int master, slave;
	unsigned kept = 0;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_true(term_guard(slave));
	for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
		if (fd != master && fd != slave && isatty(fd)) {
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
			kept++;
		}
	assert_int_equal(kept, 1);
	close(master);
	close(slave);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_program_inherits_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
