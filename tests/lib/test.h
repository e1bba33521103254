/*
 * What every test includes: cmocka with the headers it wants in front, and the few helpers that
 * more than one test needs.
 */
#ifndef TESTS_LIB_TEST_H
#define TESTS_LIB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"

/* Hexadecimal (white space between is skipped) to octets; returns how many, at most cap. A text
 * that is not hexadecimal, or too long, fails the test. */
size_t test_hex(const char *hex, uint8_t *out, size_t cap);

/* A file's contents with a NUL behind, to be freed; the test fails when it cannot be read. */
char *test_file(const char *path, size_t *len);

/* How far a loop over all of something goes each time: 1, or the sparse step under valgrind, which takes fifty
 * times as long. */
unsigned test_step(unsigned sparse);

/* For groups of tests that need the algorithms: once for a program. */
int test_crypto_setup(void **state);
int test_crypto_teardown(void **state);

/* The octets of a string constant. */
#define BYTES(s) ((struct bytes){ (s), strlen(s) })

/* Fails with the sentence when something that should have worked did not. */
#define assert_ok(e, call)                                    \
	do {                                                  \
		if (!(call))                                  \
			fail_msg("%s: %s", #call, (e)->text); \
	} while (0)

/* It fails, with that kind of error, and says why. */
#define assert_refused(e, wanted, call)                                           \
	do {                                                                      \
		err_clear(e);                                                     \
		if (call)                                                         \
			fail_msg("%s succeeded", #call);                          \
		if ((e)->kind != (wanted))                                        \
			fail_msg("%s: kind %d: %s", #call, (e)->kind, (e)->text); \
		assert_true((e)->text[0] != 0);                                   \
	} while (0)

#endif
