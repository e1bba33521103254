/* Stands in for import.c until that is there. */
#include "import/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/secret.h"

struct import_profile *import_begin(struct import *im, const char *name, struct err *e)
{
	if (im->n == IMPORT_PROFILES_MAX) {
		err_set(e, ERR_CONFIG, "more than %d profiles", IMPORT_PROFILES_MAX);
		return NULL;
	}
	struct import_profile *p = calloc(1, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	return im->v[im->n++] = p;
}

static struct import_entry *find(struct import_profile *p, const char *section, const char *key)
{
	for (size_t i = 0; i < p->n_entries; i++)
		if (strcmp(p->entries[i].section, section) == 0 &&
			strcmp(p->entries[i].key, key) == 0)
			return &p->entries[i];
	return NULL;
}

void import_set(
	struct import_profile *p, const char *section, const char *key, const char *format, ...)
{
	char value[4096], safe[4096];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	text_safe(safe, sizeof(safe), value, strlen(value));
	if (n >= IMPORT_VALUE_MAX || strcmp(safe, value) != 0) {
		import_note(p, IMPORT_LEFT, key, "cannot be a value");
		return;
	}
	struct import_entry *e = find(p, section, key);
	if (!e && p->n_entries < IMPORT_ENTRIES_MAX)
		e = &p->entries[p->n_entries++];
	if (!e)
		return;
	snprintf(e->section, sizeof(e->section), "%s", section);
	snprintf(e->key, sizeof(e->key), "%s", key);
	snprintf(e->value, sizeof(e->value), "%s", value);
}

void import_attach(struct import_profile *p, const char *section, const char *key,
	const char *suffix, struct bytes data)
{
	if (p->n_files == IMPORT_FILES_MAX)
		return;
	struct import_file *f = &p->files[p->n_files++];
	snprintf(f->suffix, sizeof(f->suffix), "%s", suffix);
	f->data = malloc(data.n + 1);
	memcpy(f->data, data.p, data.n);
	f->len = data.n;
	import_set(p, section, key, "%s.%s", p->name, suffix);
}

void import_note(
	struct import_profile *p, enum import_kind kind, const char *what, const char *format, ...)
{
	va_list args;

	if (p->n_notes == IMPORT_NOTES_MAX) {
		p->notes_lost++;
		return;
	}
	struct import_note *note = &p->notes[p->n_notes++];
	note->kind = kind;
	snprintf(note->what, sizeof(note->what), "%s", what);
	va_start(args, format);
	vsnprintf(note->why, sizeof(note->why), format, args);
	va_end(args);
}

const char *import_get(const struct import_profile *p, const char *section, const char *key)
{
	struct import_entry *e = find((struct import_profile *)p, section, key);

	return e ? e->value : NULL;
}

void import_free(struct import *im)
{
	for (size_t i = 0; i < im->n; i++) {
		for (size_t j = 0; j < im->v[i]->n_files; j++)
			free(im->v[i]->files[j].data);
		free(im->v[i]);
	}
	im->n = 0;
}
