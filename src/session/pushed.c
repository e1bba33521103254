#include "pushed.h"

#include <ctype.h>
#include <string.h>

#include "base/names.h"

const char *pushed_unsafe(const struct prefix *p)
{
	static const struct {
		const char *range, *what;
	} rows[] = {
		{ "127.0.0.0/8", "loopback" },
		{ "169.254.0.0/16", "link-local" },
		{ "224.0.0.0/4", "multicast" },
		{ "240.0.0.0/4", "reserved" },
		{ "0.0.0.0/8", "this network" },
		{ "::1/128", "loopback" },
		{ "::/128", "unspecified" },
		{ "fe80::/10", "link-local" },
		{ "ff00::/8", "multicast" },
		{ "::ffff:0:0/96", "mapped IPv4" },
	};
	struct prefix range;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (prefix_parse(&range, rows[i].range) && prefix_inside(p, &range))
			return rows[i].what;
	return NULL;
}

bool domain_clean(char out[DOMAIN_TEXT_MAX], const char *text)
{
	size_t n = strlen(text), label = 0;

	if (n > 0 && text[n - 1] == '.')
		n--;
	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '.' ? label == 0 : !(isalnum(c) || c == '-' || c == '_') || c >= 0x80)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
		out[i] = (char)tolower(c);
	}
	out[n] = 0;
	return label > 0;
}
