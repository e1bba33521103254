/*
 * Writing JSON (RFC 8259): one object on one line, into a growing string.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char *text; /* malloc'ed, NUL-ended */
	size_t len, room;
	bool comma; /* the next value needs one before it */
	bool failed; /* memory ran out */
};

/* name NULL: a value of an array. */
void json_open(struct json *j, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_text(struct json *j, const char *name, const char *value);
void json_raw(struct json *j, const char *name, const char *value); /* it is JSON already */
void json_number(struct json *j, const char *name, int64_t value);
void json_unsigned(struct json *j, const char *name, uint64_t value);
void json_bool(struct json *j, const char *name, bool value);
void json_null(struct json *j, const char *name);
/* The string, the caller's from now on; NULL when memory ran out. */
char *json_done(struct json *j);

#endif
