#include "lib/test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/alg.h"

static int digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

size_t test_hex(const char *hex, uint8_t *out, size_t cap)
{
	size_t n = 0;

	for (const char *s = hex; *s; s += 2) {
		while (isspace((unsigned char)*s))
			s++;
		if (!*s)
			break;
		int hi = digit(s[0]), lo = hi < 0 ? -1 : digit(s[1]);
		if (lo < 0 || n == cap) {
			fail_msg("not hexadecimal, or over %zu octets: %.40s", cap, s);
			return 0;
		}
		out[n++] = (uint8_t)(hi << 4 | lo);
	}
	return n;
}

char *test_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	size_t n = 0;

	if (!f) {
		fail_msg("cannot read %s", path);
		return NULL;
	}
	for (size_t got = 1; got > 0; n += got) {
		char *more = realloc(text, n + 65536 + 1);
		if (!more) {
			free(text);
			fclose(f);
			fail_msg("no memory for %s", path);
			return NULL;
		}
		text = more;
		got = fread(text + n, 1, 65536, f);
	}
	fclose(f);
	text[n] = 0;
	*len = n;
	return text;
}

unsigned test_step(unsigned sparse)
{
	return getenv("VALGRIND") ? sparse : 1;
}

int test_crypto_setup(void **state)
{
	(void)state;
	return crypto_init(NULL) ? 0 : -1;
}

int test_crypto_teardown(void **state)
{
	(void)state;
	crypto_exit();
	return 0;
}
