#include "import/import.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "cli/cli.h"
#include "cli/save.h"
#include "column.h"
#include "load_private.h"

/*
 * `import FILE [NAME]`: the file is read, each connection in it becomes a profile, and the person is told what
 * was carried over and what was not. A profile is put in place only if it would load.
 */

enum { IMPORT_FILE_MAX = 4 << 20 };

/* --- names ------------------------------------------------------------------------------------------------- */

/* The file's own name without folder and suffix, for a connection that has none. */
static void name_of_file(const char *path, char out[PROFILE_NAME_MAX])
{
	const char *base = strrchr(path, '/');
	struct import im = { 0 };
	struct err e;

	base = base ? base + 1 : path;
	snprintf(out, PROFILE_NAME_MAX, "%.*s", (int)strcspn(base, "."), base);
	struct import_profile *p = import_begin(&im, out, &e);
	snprintf(out, PROFILE_NAME_MAX, "%s", p && p->name[0] ? p->name : "imported");
	import_free(&im);
}

static bool is_taken(const struct import *im, size_t before, const char *name)
{
	for (size_t i = 0; i < before; i++)
		if (strcmp(im->v[i]->name, name) == 0)
			return true;
	return false;
}

/* One for each, no two the same. */
static void name_all(struct import *im, const char *path)
{
	char base[PROFILE_NAME_MAX], name[PROFILE_NAME_MAX];

	name_of_file(path, base);
	for (size_t i = 0; i < im->n; i++) {
		struct import_profile *p = im->v[i];
		const char *own = p->name[0] ? p->name : base;
		snprintf(name, sizeof(name), "%s", own);
		for (unsigned n = 2; is_taken(im, i, name); n++)
			snprintf(name, sizeof(name), "%.40s-%u", own, n);
		import_rename(p, name);
	}
}

/* NAME is what the one connection shall be called, or which of several is meant. */
static bool choose(struct import *im, const char *arg, struct err *e)
{
	char name[PROFILE_NAME_MAX], names[ERR_TEXT_MAX] = "";
	size_t at = 0;

	if (!arg)
		return true;
	if (!load_name(arg, name, e))
		return false;
	if (im->n == 1) {
		import_rename(im->v[0], name);
		return true;
	}
	for (size_t i = 0; i < im->n; i++)
		if (strcmp(im->v[i]->name, name) == 0) {
			struct import_profile *chosen = im->v[i];
			im->v[i] = im->v[0];
			im->v[0] = chosen;
			while (im->n > 1) {
				struct import rest = { .n = 1, .v = { im->v[--im->n] } };
				import_free(&rest);
			}
			return true;
		}
	for (size_t i = 0; i < im->n && at < sizeof(names); i++)
		at += (size_t)snprintf(
			names + at, sizeof(names) - at, "%s%s", i ? ", " : "", im->v[i]->name);
	return err_set(e, ERR_CONFIG, "there is no connection %s in it; there are %s", name, names);
}

/* --- the report -------------------------------------------------------------------------------------------- */

static void tell_settings(const struct import_profile *p)
{
	struct column c = { .f = stdout, .head = "carried" };
	char word[64];

	for (size_t i = 0; i < p->n_entries; i++) {
		snprintf(word, sizeof(word), "%s.%s", p->entries[i].section, p->entries[i].key);
		column_word(&c, word);
	}
	column_end(&c);
}

static void tell_notes(const struct import_profile *p, enum import_kind kind, const char *head)
{
	for (size_t i = 0; i < p->n_notes; i++) {
		struct column c = { .f = stdout, .head = head };
		if (p->notes[i].kind != kind)
			continue;
		char what[sizeof(p->notes[i].what) + 2];
		snprintf(what, sizeof(what), "%s:", p->notes[i].what);
		column_text(&c, what);
		column_text(&c, p->notes[i].why);
		column_end(&c);
		head = "";
	}
}

/* What `check` would say of it, the files beside it included. */
static void tell_problems(const struct options *o, const struct import_profile *p)
{
	struct load_request rq = {
		.profile = p->name, .profile_dir = o->profile_dir, .thorough = true
	};
	struct load_report *report = malloc(sizeof(*report));
	struct profile *loaded = NULL;
	char text[LOAD_PROBLEM_TEXT_MAX];

	if (report && load_profile(&rq, &loaded, report) == LOAD_BAD)
		for (size_t i = 0; i < report->n && i < ARRAY_LEN(report->v); i++) {
			struct column c = { .f = stdout, .head = i ? "" : "to mend" };
			column_text(&c, load_problem_text(text, sizeof(text), &report->v[i]));
			column_end(&c);
		}
	profile_free(loaded);
	free(report);
}

static void tell(const struct options *o, const struct import_profile *p, const char *path)
{
	printf("%s: saved as %s\n", p->name, path);
	tell_settings(p);
	tell_notes(p, IMPORT_TODO, "to add");
	tell_notes(p, IMPORT_LEFT, "left out");
	tell_notes(p, IMPORT_RUNS, "never taken");
	if (p->notes_lost)
		printf("  and %zu more that were left out\n", p->notes_lost);
	tell_problems(o, p);
}

/* --- saving ------------------------------------------------------------------------------------------------ */

/* What the file does not have may be missing, where the person is told to add something. */
static bool is_to_add(const struct import_profile *p, const struct load_problem *problem)
{
	bool told = false;

	for (size_t i = 0; i < p->n_notes; i++)
		told |= p->notes[i].kind == IMPORT_TODO;
	return told && !import_get(p, problem->section, problem->key);
}

/* Whether it is a profile at all; the files that it names are not looked at yet. */
static bool is_sound(const struct import_profile *p, const char *text, struct err *e)
{
	struct load_report *report = malloc(sizeof(*report));
	struct profile *loaded = NULL;
	char problem[LOAD_PROBLEM_TEXT_MAX];

	if (!report)
		return err_set(e, ERR_LOCAL, "out of memory");
	bool ok = load_text(p->name, text, strlen(text), &loaded, report) == LOAD_OK;
	size_t n = report->n < ARRAY_LEN(report->v) ? report->n : ARRAY_LEN(report->v), bad = 0;
	while (!ok && bad < n && is_to_add(p, &report->v[bad]))
		bad++;
	if (!ok && bad < n)
		err_set(e, ERR_CONFIG, "%s: no profile can be made of it: %s", p->name,
			load_problem_text(problem, sizeof(problem), &report->v[bad]));
	profile_free(loaded);
	free(report);
	return ok || bad == n;
}

/* The files before the profile: one that is there is whole. Nothing is left where one cannot be. */
static bool save(const struct options *o, const struct import_profile *p, const char *text,
	char path[PROFILE_PATH_MAX], struct err *e)
{
	char beside[IMPORT_FILES_MAX][PROFILE_PATH_MAX];
	size_t n = 0;
	bool ok = true;

	while (ok && n < p->n_files) {
		const struct import_file *f = &p->files[n];
		ok = save_beside(o->profile_dir, p->name, f->suffix,
			(struct bytes){ f->data, f->len }, beside[n], e);
		n += ok;
	}
	if (ok && save_profile(o->profile_dir, p->name, text, path, e))
		return true;
	while (n > 0)
		save_remove(beside[--n]);
	return false;
}

static bool import_one(const struct options *o, const struct import_profile *p, struct err *e)
{
	char path[PROFILE_PATH_MAX], *text = import_text(p);
	bool ok = text ? save_free(o->profile_dir, p->name, e) && is_sound(p, text, e) &&
			save(o, p, text, path, e) :
			 err_set(e, ERR_LOCAL, "out of memory");

	if (ok)
		tell(o, p, path);
	if (text)
		wipe(text, strlen(text));
	free(text);
	return ok;
}

/* One that cannot be saved keeps none of the others from it. */
static int import_all(const struct options *o, struct import *im)
{
	char again[OPTIONS_AGAIN_MAX];
	int status = DOWN_ASKED;
	struct err e;

	for (size_t i = 0; i < im->n; i++)
		if (!import_one(o, im->v[i], &e))
			status = cli_refuse(o, e.kind == ERR_LOCAL ? DOWN_MACHINE : DOWN_PROFILE,
				"another NAME behind the file's, or --profile-dir", &e);
	if (status == DOWN_ASKED && im->n == 1)
		printf("%s connect %s\n", options_again(again, o), im->v[0]->name);
	return status;
}

int cli_import(const struct options *o)
{
	const char *path = o->args[0];
	struct import im = { 0 };
	struct load_file f = { 0 };
	struct err e;

	bool ok = load_file_read(path, IMPORT_FILE_MAX, &f, &e) &&
		import_read(path, (struct bytes){ f.data, f.len }, &im, &e);
	load_file_free(&f);
	if (!ok) {
		err_ctx(&e, "%s", path);
		return cli_refuse(o, DOWN_PROFILE,
			"a file of the kinds that vpnc-ike(1) names, as its own program reads it",
			&e);
	}
	name_all(&im, path);
	int status = choose(&im, o->n_args > 1 ? o->args[1] : NULL, &e) ?
		import_all(o, &im) :
		cli_refuse(o, DOWN_USAGE, "one of them as NAME, or none for all", &e);
	import_free(&im);
	return status;
}
