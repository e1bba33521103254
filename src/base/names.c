#include "base/names.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *name_find(const struct name *table, uint32_t number)
{
	for (; table->name; table++)
		if (table->number == number)
			return table->name;
	return NULL;
}

enum { WORD_MAX = 48 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: the three rows of the table that the recurrence looks at. */
static unsigned word_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= m; j++)
		last[j] = before[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = least(least(last[j], row[j - 1]) + 1,
				last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		unsigned *spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[m];
}

const char *name_nearest(const char *const *words, const char *typed)
{
	size_t n = strlen(typed);
	const char *best = NULL;
	/* One letter in three may be wrong, and one of two. */
	unsigned best_distance = n < 2 ? 1 : n < 6 ? 2 : (unsigned)n / 3 + 1;

	for (; *words; words++) {
		unsigned d = word_distance(typed, *words);
		if (n > 0 && strncasecmp(*words, typed, n) == 0)
			d = 0;
		if (d < best_distance) {
			best_distance = d;
			best = *words;
		}
	}
	return best;
}

const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

size_t text_char(const void *text, size_t left)
{
	const uint8_t *s = text;
	static const struct {
		uint8_t mask, lead, more;
		uint32_t least;
	} rows[] = { { 0xe0, 0xc0, 1, 0x80 }, { 0xf0, 0xe0, 2, 0x800 },
		{ 0xf8, 0xf0, 3, 0x10000 } };

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		if ((s[0] & rows[r].mask) != rows[r].lead || left <= rows[r].more)
			continue;
		uint32_t code = s[0] & (uint8_t)~rows[r].mask;
		for (size_t i = 1; i <= rows[r].more; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[i] & 0x3f);
		}
		/* C1 controls, surrogates and the marks that turn the direction of text stay out. */
		bool bad = code < rows[r].least || code < 0xa0 || code > 0x10ffff ||
			(code >= 0xd800 && code <= 0xdfff) || (code >= 0x200b && code <= 0x200f) ||
			(code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
		return bad ? 0 : rows[r].more + 1u;
	}
	return 0;
}

char *text_safe(char *out, size_t size, const void *text, size_t len)
{
	const uint8_t *s = text;
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		size_t step = text_char(s + i, len - i);
		if (n + (step ? step : 1) >= size)
			break;
		if (step == 0) {
			out[n++] = s[i] == '\n' ? ' ' : '?';
			i++;
			continue;
		}
		memcpy(out + n, s + i, step);
		n += step;
		i += step;
	}
	if (size > 0)
		out[n] = 0;
	return out;
}

char *text_hex(char *out, size_t size, const void *data, size_t n)
{
	const uint8_t *s = data;

	if (size > 0)
		out[0] = 0;
	for (size_t i = 0; i < n && 2 * i + 2 < size; i++)
		snprintf(out + 2 * i, 3, "%02x", s[i]);
	return out;
}

/* -1 where it is none, as of the NUL behind a text. */
static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)((at - digits) % 16) : -1;
}

bool octets_from_hex(uint8_t *out, size_t size, size_t *n, const char *text)
{
	for (*n = 0; *text; text += 2) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
		if (*n == size || low < 0)
			return false;
		out[(*n)++] = (uint8_t)(high << 4 | low);
	}
	return true;
}
