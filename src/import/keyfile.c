#include "keyfile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "base/types.h"

bool keyfile_new(struct keyfile *k, struct bytes file, struct err *e)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *from = file.p;
	size_t n = file.n;

	*k = (struct keyfile){ 0 };
	if (n >= 3 && memcmp(from, mark, 3) == 0) {
		from += 3;
		n -= 3;
	}
	if (n > 0 && memchr(from, 0, n))
		return err_set(e, ERR_CONFIG, "a NUL stands in it");
	k->text = malloc(n + 1);
	if (!k->text)
		return err_set(e, ERR_LOCAL, "out of memory");
	if (n > 0)
		memcpy(k->text, from, n);
	k->text[n] = 0;
	k->len = n;
	return true;
}

void keyfile_free(struct keyfile *k)
{
	if (k->text)
		wipe(k->text, k->len);
	free(k->text);
	free(k->v);
	*k = (struct keyfile){ 0 };
}

static char *trim(char *text)
{
	size_t n;

	while (isspace((unsigned char)*text))
		text++;
	for (n = strlen(text); n > 0 && isspace((unsigned char)text[n - 1]); n--)
		text[n - 1] = 0;
	return text;
}

char *keyfile_line(struct keyfile *k, size_t *at)
{
	char *line = k->text + *at;

	if (*at >= k->len)
		return NULL;
	*at += strcspn(line, "\n");
	k->text[(*at)++] = 0;
	return trim(line);
}

bool keyfile_add(
	struct keyfile *k, const char *section, const char *key, const char *value, struct err *e)
{
	if (k->n == KEYFILE_LINES_MAX)
		return err_set(e, ERR_CONFIG, "more than %d lines", KEYFILE_LINES_MAX);
	if ((k->n & (k->n - 1)) == 0) { /* a power of two, or none: it is full */
		size_t room = k->n > 0 ? 2 * k->n : 1;
		struct keyfile_line *v = realloc(k->v, room * sizeof(*v));
		if (!v)
			return err_set(e, ERR_LOCAL, "out of memory");
		k->v = v;
	}
	k->v[k->n++] = (struct keyfile_line){ section, key, value, false };
	return true;
}

/* "[section]", "key = value". */
static bool read_line(struct keyfile *k, char *line, const char **section, struct err *e)
{
	size_t n = strlen(line);
	char *equals = strchr(line, '=');

	if (line[0] == '[' && line[n - 1] == ']') {
		line[n - 1] = 0;
		*section = line + 1;
		return keyfile_add(k, *section, NULL, "", e);
	}
	if (!equals || equals == line)
		return err_set(e, ERR_CONFIG, "it is neither [section] nor key = value");
	*equals = 0;
	return keyfile_add(k, *section, trim(line), trim(equals + 1), e);
}

bool keyfile_read(struct keyfile *k, struct bytes file, struct err *e)
{
	const char *section = "";
	unsigned number = 0;
	size_t at = 0;
	char *line;

	bool ok = keyfile_new(k, file, e);
	while (ok && (line = keyfile_line(k, &at))) {
		number++;
		if (line[0] && line[0] != '#' && line[0] != ';' && !read_line(k, line, &section, e))
			ok = err_ctx(e, "line %u", number);
	}
	if (!ok)
		keyfile_free(k);
	return ok;
}

const char *keyfile_value(struct keyfile *k, const char *section, const char *key)
{
	const char *value = NULL;

	for (size_t i = 0; i < k->n; i++) {
		struct keyfile_line *l = &k->v[i];
		if (!l->key || strcmp(l->section, section) != 0 || strcasecmp(l->key, key) != 0)
			continue;
		l->told = true;
		if (!value && *l->value)
			value = l->value;
	}
	return value;
}

bool keyfile_has_section(const struct keyfile *k, const char *section)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->v[i].section, section) == 0)
			return true;
	return false;
}

/* "no" to what would have been told says nothing. */
static bool says_something(const struct keyfile_line *l)
{
	static const char *const nothing[] = { "", "0", "no", "false" };

	for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
		if (strcasecmp(l->value, nothing[i]) == 0)
			return false;
	return true;
}

void keyfile_tell(const struct keyfile *k, const char *section, const struct keyfile_word *words,
	size_t n, struct import_profile *p)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct keyfile_line *l = &k->v[i];
		struct keyfile_word word = { NULL, "has no counterpart", IMPORT_LEFT };
		if (!l->key || !says_something(l) || l->told || strcmp(l->section, section) != 0)
			continue;
		for (size_t j = 0; j < n; j++)
			if (strcasecmp(words[j].key, l->key) == 0)
				word = words[j];
		if (word.why)
			import_note(p, word.kind, l->key, "%s", word.why);
	}
}
