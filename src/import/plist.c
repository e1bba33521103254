#include "plist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"

static bool is(const struct xml *x, const char *name)
{
	return x && strcmp(x->name, name) == 0;
}

const struct xml *plist_next(const struct xml *dict, const struct xml *at)
{
	if (!is(dict, "dict"))
		return NULL;
	for (at = at ? at->next : dict->child; at; at = at->next)
		if (is(at, "key") && at->next && !is(at->next, "key"))
			return at;
	return NULL;
}

const struct xml *plist_get(const struct xml *dict, const char *key)
{
	for (const struct xml *k = plist_next(dict, NULL); k; k = plist_next(dict, k))
		if (strcmp(k->text, key) == 0)
			return k->next;
	return NULL;
}

static const struct xml *get_as(const struct xml *dict, const char *key, const char *type)
{
	const struct xml *x = plist_get(dict, key);

	return is(x, type) ? x : NULL;
}

const struct xml *plist_dict(const struct xml *dict, const char *key)
{
	return get_as(dict, key, "dict");
}

const struct xml *plist_array(const struct xml *dict, const char *key)
{
	return get_as(dict, key, "array");
}

static const char *text_of(const struct xml *x)
{
	bool text = is(x, "string") || is(x, "integer") || is(x, "real");

	return text && x->text[0] ? x->text : NULL;
}

const char *plist_text(const struct xml *dict, const char *key)
{
	return text_of(plist_get(dict, key));
}

long plist_number(const struct xml *dict, const char *key, long lo, long hi, long fallback)
{
	const char *text = plist_text(dict, key);
	char *end;

	if (!text)
		return fallback;
	errno = 0;
	long n = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == 0 && n >= lo && n <= hi ? n : fallback;
}

bool plist_on(const struct xml *dict, const char *key)
{
	return is(plist_get(dict, key), "true") || plist_number(dict, key, 1, 65535, 0) > 0;
}

uint8_t *plist_data(const struct xml *dict, const char *key, size_t *n)
{
	const struct xml *x = get_as(dict, key, "data");

	return x ? base64_decode(x->text, n) : NULL;
}
