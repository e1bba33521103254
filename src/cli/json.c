#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"

static void put(struct json *j, const char *text, size_t n)
{
	if (j->failed)
		return;
	if (j->room - j->len <= n) {
		size_t room = 2 * j->room + n + 256;
		char *grown = realloc(j->text, room);
		if (!grown) {
			j->failed = true;
			return;
		}
		j->text = grown;
		j->room = room;
	}
	memcpy(j->text + j->len, text, n);
	j->len += n;
	j->text[j->len] = 0;
}

/* Section 7: quotes, backslash and control characters. A text that was cut for want of room may end
 * within a character, and what is no UTF-8 is no JSON. */
static void put_quoted(struct json *j, const char *text)
{
	size_t left = strlen(text), n;
	char escape[8];

	put(j, "\"", 1);
	for (; left > 0; text += n, left -= n) {
		unsigned char c = (unsigned char)*text;
		n = text_char(text, left);
		if (n > 0 && c != '"' && c != '\\') {
			put(j, text, n);
			continue;
		}
		n = 1;
		if (c == '"' || c == '\\')
			snprintf(escape, sizeof(escape), "\\%c", c);
		else if (c == '\n')
			snprintf(escape, sizeof(escape), "\\n");
		else
			snprintf(escape, sizeof(escape), "\\u%04x", c < 0x80 ? c : 0xfffd);
		put(j, escape, strlen(escape));
	}
	put(j, "\"", 1);
}

static void put_name(struct json *j, const char *name)
{
	if (j->comma)
		put(j, ",", 1);
	j->comma = true;
	if (!name)
		return;
	put_quoted(j, name);
	put(j, ":", 1);
}

void json_open(struct json *j, const char *name, char bracket)
{
	put_name(j, name);
	put(j, &bracket, 1);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	put(j, &bracket, 1);
	j->comma = true;
}

void json_text(struct json *j, const char *name, const char *value)
{
	put_name(j, name);
	put_quoted(j, value);
}

void json_raw(struct json *j, const char *name, const char *value)
{
	put_name(j, name);
	put(j, value, strlen(value));
}

void json_number(struct json *j, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	put_name(j, name);
	put(j, text, strlen(text));
}

void json_unsigned(struct json *j, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	put_name(j, name);
	put(j, text, strlen(text));
}

void json_bool(struct json *j, const char *name, bool value)
{
	put_name(j, name);
	put(j, value ? "true" : "false", value ? 4 : 5);
}

void json_null(struct json *j, const char *name)
{
	put_name(j, name);
	put(j, "null", 4);
}

char *json_done(struct json *j)
{
	if (j->failed) {
		free(j->text);
		j->text = NULL;
	}
	return j->text;
}
