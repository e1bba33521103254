#include "report.h"

#include <stdio.h>

#include "crypto/alg.h"
#include "session/profile.h"

struct import report_im;

int report_setup(void **state)
{
	struct err e;

	(void)state;
	assert_ok(&e, crypto_begin(&e));
	return 0;
}

int report_clear(void **state)
{
	(void)state;
	import_free(&report_im);
	return 0;
}

void report_reads_all(report_reader *read, const char *text, size_t n)
{
	struct err e;

	import_free(&report_im);
	assert_ok(&e, read(BYTES(text), &report_im, &e));
	assert_int_equal(report_im.n, n);
}

struct import_profile *report_reads(report_reader *read, const char *text)
{
	report_reads_all(read, text, 1);
	return report_im.v[0];
}

void report_refuses(report_reader *read, const char *text, size_t n, const char *why)
{
	struct err e;

	import_free(&report_im);
	assert_false(read((struct bytes){ text, n }, &report_im, &e));
	if (!strstr(e.text, why))
		fail_msg("%s", e.text);
	import_free(&report_im);
}

static void fail_with(const struct import_profile *p, const char *what, const char *more)
{
	for (size_t i = 0; i < p->n_entries; i++)
		print_error("%s.%s = %s\n", p->entries[i].section, p->entries[i].key,
			p->entries[i].value);
	for (size_t i = 0; i < p->n_notes; i++)
		print_error("%d %s: %s\n", p->notes[i].kind, p->notes[i].what, p->notes[i].why);
	fail_msg("%s: %s", what, more);
}

void report_value(const struct import_profile *p, const char *where, const char *value)
{
	char section[16], key[24];

	assert_int_equal(sscanf(where, "%15[^.].%23s", section, key), 2);
	const char *is = import_get(p, section, key);
	if (value ? !is || strcmp(is, value) != 0 : is != NULL)
		fail_with(p, where, is ? is : "not set");
}

void report_count(const struct import_profile *p, size_t entries)
{
	if (p->n_entries != entries)
		fail_with(p, "entries", "another number");
}

static const struct import_note *find(const struct import_profile *p, const char *what)
{
	for (size_t i = 0; i < p->n_notes; i++)
		if (strcmp(p->notes[i].what, what) == 0)
			return &p->notes[i];
	return NULL;
}

void report_note(
	const struct import_profile *p, enum import_kind kind, const char *what, const char *why)
{
	const struct import_note *note = find(p, what);

	if (!note || note->kind != kind || !strstr(note->why, why))
		fail_with(p, what, note ? note->why : "no note");
}

void report_no_note(const struct import_profile *p, const char *what)
{
	const struct import_note *note = find(p, what);

	if (note)
		fail_with(p, what, note->why);
}

void report_good(const struct import_profile *p)
{
	struct profile *mine = profile_new("imported");
	struct profile_problem problems[8];
	struct err e = { 0 };

	for (size_t i = 0; i < p->n_entries; i++)
		if (!profile_set(mine, p->entries[i].section, p->entries[i].key,
			    p->entries[i].value, &e))
			fail_with(p, p->entries[i].key, e.text);
	if (profile_finish(mine, problems, ARRAY_LEN(problems)) > 0)
		fail_with(p, problems[0].key, problems[0].err.text);
	profile_free(mine);
}
