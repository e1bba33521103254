#include "lib/vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/test.h"

void vectors_open(struct vectors *v, const char *name)
{
	char path[256];
	size_t len;

	snprintf(path, sizeof(path), "tests/vectors/%s", name);
	*v = (struct vectors){ .text = test_file(path, &len) };
	v->at = v->text;
}

void vectors_close(struct vectors *v)
{
	free(v->text);
	v->text = v->at = NULL;
	/* A file that lost its cases would be a test that cannot fail. */
	assert_true(v->cases > 0);
}

/* Cuts one line off, without its end; NULL at the end of the file. */
static char *next_line(struct vectors *v)
{
	char *line = v->at;

	if (!line || !*line)
		return NULL;
	size_t n = strcspn(line, "\n");
	v->at = line + n + (line[n] == '\n');
	line[n] = 0;
	return line;
}

bool vectors_next(struct vectors *v)
{
	char *line;

	v->n_fields = 0;
	while ((line = next_line(v)) && (*line || v->n_fields == 0)) {
		if (!*line || *line == '#')
			continue;
		size_t n = strcspn(line, " ");
		char *value = line + n + (line[n] == ' ');
		line[n] = 0;
		if (v->n_fields == VECTOR_FIELDS)
			fail_msg("more than %d fields", VECTOR_FIELDS);
		else
			v->fields[v->n_fields++] = (typeof(v->fields[0])){ line, value };
	}
	v->cases += v->n_fields > 0;
	return v->n_fields > 0;
}

const char *vector_text(const struct vectors *v, const char *name)
{
	for (size_t i = 0; i < v->n_fields; i++)
		if (strcmp(v->fields[i].name, name) == 0)
			return v->fields[i].value;
	return NULL;
}

bool vector_is(const struct vectors *v, const char *name, const char *value)
{
	const char *text = vector_text(v, name);

	return text && strcmp(text, value) == 0;
}

unsigned long vector_number(const struct vectors *v, const char *name)
{
	const char *text = vector_text(v, name);

	return text ? strtoul(text, NULL, 10) : 0;
}

size_t vector_hex(const struct vectors *v, const char *name, uint8_t *out, size_t cap)
{
	const char *text = vector_text(v, name);

	return text ? test_hex(text, out, cap) : 0;
}
