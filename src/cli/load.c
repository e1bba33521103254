#define _GNU_SOURCE
#include "load_private.h"

#include <errno.h>
#include <dirent.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/names.h"
#include "cli/user.h"

#define SUFFIX ".conf"

void load_problem_add(struct load_report *report, const char *file, unsigned line,
	const char *section, const char *key, const struct err *err)
{
	if (report->n < LOAD_PROBLEMS_MAX) {
		struct load_problem *at = &report->v[report->n];
		at->line = line;
		snprintf(at->file, sizeof(at->file), "%s", file);
		snprintf(at->section, sizeof(at->section), "%s", section);
		snprintf(at->key, sizeof(at->key), "%s", key);
		at->err = *err;
	}
	report->n++;
}

char *load_problem_text(char *out, size_t size, const struct load_problem *p)
{
	char line[16] = "", where[72] = "", text[LOAD_PROBLEM_TEXT_MAX];

	if (p->line)
		snprintf(line, sizeof(line), ":%u", p->line);
	if (p->section[0] || p->key[0])
		snprintf(where, sizeof(where), "%s%s%s: ", p->section,
			p->section[0] && p->key[0] ? "." : "", p->key);
	snprintf(text, sizeof(text), "%s%s: %s%s", p->file, line, where, p->err.text);
	return text_safe(out, size, text, strlen(text));
}

/* --- parsing ----------------------------------------------------------------------------------- */

/* What iniparser left of the secrets on the stack. */
static __attribute__((noinline)) void wipe_stack(void)
{
	char room[8192];

	wipe(room, sizeof(room));
}

static bool find_key(const char *section, const char *key, struct profile_key *k)
{
	for (size_t i = 0; profile_key(i, k); i++)
		if (strcmp(k->section, section) == 0 && strcmp(k->key, key) == 0)
			return true;
	return false;
}

static bool key_is_secret(const char *section, const char *key)
{
	struct profile_key k;

	return find_key(section, key, &k) && k.secret;
}

/* One entry: its value as iniparser has it, which must be what stands in the file. */
static bool set_entry(
	struct profile *p, const struct ini *d, const struct load_entry_line *entry, struct err *e)
{
	struct profile_key k;

	if (!find_key(entry->section, entry->key, &k))
		return profile_set(p, entry->section, entry->key, "", e);
	const char *value = ini_get(d, entry->section, entry->key);
	if (!value || strlen(value) != entry->len || memcmp(value, entry->value, entry->len) != 0)
		return err_set(e, ERR_CONFIG,
			"cannot be read without doubt; put the value in double quotes");
	return profile_set(p, entry->section, entry->key, value, e);
}

static void set_entries(struct profile *p, const struct load_scan *s, struct load_report *report)
{
	struct err e;
	struct ini *d = ini_read(s->clean, s->len);

	if (!d) {
		err_set(&e, ERR_LOCAL,
			"iniparser cannot read it (is /proc there, is there memory?)");
		load_problem_add(report, p->file, 0, "", "", &e);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		if (!set_entry(p, d, &s->v[i], &e))
			load_problem_add(
				report, p->file, s->v[i].line, s->v[i].section, s->v[i].key, &e);
	ini_free(d);
}

/* A value that is found to be wrong later is the option's, and no line's. */
static void note_option(struct load_scan *s, const char *section, const char *key)
{
	if (s->n == LOAD_ENTRIES_MAX)
		return;
	struct load_entry_line *l = &s->v[s->n++];
	*l = (struct load_entry_line){ .line = 0 };
	snprintf(l->section, sizeof(l->section), "%s", section);
	snprintf(l->key, sizeof(l->key), "%s", key);
}

/* --set SECTION.KEY=VALUE */
static void set_option(
	struct profile *p, struct load_scan *s, const char *text, struct load_report *report)
{
	const char *equals = strchr(text, '='), *dot = strchr(text, '.');
	char section[LOAD_NAME_MAX] = "", key[LOAD_NAME_MAX] = "";
	struct err e;

	if (!equals || !dot || dot > equals) {
		err_set(&e, ERR_CONFIG, "right would be --set SECTION.KEY=VALUE");
		load_problem_add(report, "--set", 0, "", "", &e);
		return;
	}
	load_name_copy(section, text, (size_t)(dot - text));
	load_name_copy(key, dot + 1, (size_t)(equals - dot - 1));
	if (key_is_secret(section, key))
		err_set(&e, ERR_CONFIG,
			"a secret on the command line can be read by everybody; "
			"right would be the profile, a file of its own, or to be asked");
	else if (profile_set(p, section, key, equals + 1, &e)) {
		note_option(s, section, key);
		return;
	}
	load_problem_add(report, "--set", 0, section, key, &e);
}

void load_blame(struct load_report *report, const struct profile *p, const struct load_scan *s,
	const char *section, const char *key, const struct err *err)
{
	const char *file = p->file;
	unsigned line = 1;

	/* A key that is missing belongs behind the last of its section, or before all. */
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].section, section) == 0 && s->v[i].line > line)
			line = s->v[i].line;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].section, section) == 0 && strcmp(s->v[i].key, key) == 0) {
			line = s->v[i].line;
			file = line ? p->file : "--set";
		}
	load_problem_add(report, file, line, section, key, err);
}

/* A value that could not be read is not missing as well. */
static bool has_problem(const struct load_report *report, const char *section, const char *key)
{
	for (size_t i = 0; i < report->n && i < LOAD_PROBLEMS_MAX; i++)
		if (strcmp(report->v[i].section, section) == 0 &&
			strcmp(report->v[i].key, key) == 0)
			return true;
	return false;
}

static void finish(struct profile *p, const struct load_scan *s, struct load_report *report)
{
	struct profile_problem *problems = malloc(LOAD_PROBLEMS_MAX * sizeof(*problems));
	struct err e;

	if (!problems) {
		err_set(&e, ERR_LOCAL, "out of memory");
		load_problem_add(report, p->file, 0, "", "", &e);
		return;
	}
	size_t n = profile_finish(p, problems, LOAD_PROBLEMS_MAX);
	for (size_t i = 0; i < n && i < LOAD_PROBLEMS_MAX; i++)
		if (!has_problem(report, problems[i].section, problems[i].key))
			load_blame(report, p, s, problems[i].section, problems[i].key,
				&problems[i].err);
	free(problems);
}

static unsigned sort_key(const struct load_problem *p)
{
	return p->line ? p->line : UINT_MAX;
}

/* In the order of the file; what has no line comes last. */
static void sort_problems(struct load_report *report)
{
	size_t n = report->n < LOAD_PROBLEMS_MAX ? report->n : LOAD_PROBLEMS_MAX;

	for (size_t i = 1; i < n; i++)
		for (size_t j = i; j > 0 && sort_key(&report->v[j]) < sort_key(&report->v[j - 1]);
			j--) {
			struct load_problem spare = report->v[j];
			report->v[j] = report->v[j - 1];
			report->v[j - 1] = spare;
		}
}

static bool holds_secret(const struct load_scan *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (key_is_secret(s->v[i].section, s->v[i].key))
			return true;
	return false;
}

/* What stands in a profile; f is the file it came from, if it did. */
static void parse(struct profile *p, struct load_scan *s, const struct load_file *f,
	const struct load_request *rq, struct load_report *report)
{
	struct err e;

	if (f && holds_secret(s) && !load_file_private(f, p->file, &e))
		load_problem_add(report, p->file, 0, "", "", &e);
	/* free() overwrites what it is given as long as this is set: iniparser does not wipe. */
	mallopt(M_PERTURB, 1);
	set_entries(p, s, report);
	mallopt(M_PERTURB, 0);
	wipe_stack();
	for (size_t i = 0; rq && i < rq->n_sets; i++)
		set_option(p, s, rq->sets[i], report);
	finish(p, s, report);
}

/* --- finding ----------------------------------------------------------------------------------- */

static bool add_dir(
	char dirs[LOAD_DIRS_MAX][PROFILE_PATH_MAX], size_t *n, const char *dir, const char *sub)
{
	if (!dir || !*dir)
		return false;
	size_t len = strlen(dir);
	while (len > 1 && dir[len - 1] == '/')
		len--;
	snprintf(dirs[*n], PROFILE_PATH_MAX, "%.*s%s", (int)len, dir, sub);
	for (size_t i = 0; i < *n; i++)
		if (strcmp(dirs[i], dirs[*n]) == 0)
			return true;
	(*n)++;
	return true;
}

size_t load_dirs(const char *profile_dir, char dirs[LOAD_DIRS_MAX][PROFILE_PATH_MAX])
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	char home[USER_PATH_MAX];
	size_t n = 0;

	add_dir(dirs, &n, profile_dir, "");
	add_dir(dirs, &n, getenv("VPNC_IKE_PROFILE_DIR"), "");
	user_home(home);
	if (!add_dir(dirs, &n, xdg && xdg[0] == '/' ? xdg : NULL, "/vpnc-ike"))
		add_dir(dirs, &n, home, "/.config/vpnc-ike");
	add_dir(dirs, &n, "/etc/vpnc-ike", "");
	return n;
}

/* A name becomes part of a socket's and a journal's name. */
static bool name_valid(const char *name)
{
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@+");

	return n > 0 && n < PROFILE_NAME_MAX - 8 && !name[n] && name[0] != '.' && name[0] != '-';
}

/* The name that a file would have as a profile; false when it is none. */
static bool name_of_file(const char *file, char name[PROFILE_NAME_MAX])
{
	const char *base = strrchr(file, '/');
	size_t len;

	base = base ? base + 1 : file;
	len = strlen(base);
	if (len > strlen(SUFFIX) && strcmp(base + len - strlen(SUFFIX), SUFFIX) == 0)
		len -= strlen(SUFFIX);
	snprintf(name, PROFILE_NAME_MAX, "%.*s", (int)len, base);
	return len < PROFILE_NAME_MAX && name_valid(name);
}

bool load_name(const char *profile, char name[PROFILE_NAME_MAX], struct err *e)
{
	return name_of_file(profile, name) ||
		err_set(e, ERR_CONFIG,
			"a profile's name has letters (a-z, A-Z), digits and -_.@+, at most %d, and neither "
			"- nor . in front",
			PROFILE_NAME_MAX - 9);
}

/* A link of that name is there, but no file that it leads to. */
static bool leads_nowhere(const char *dir, const char *name, struct err *e)
{
	char file[PROFILE_PATH_MAX], to[PROFILE_PATH_MAX], shown[200];
	ssize_t n = -1;

	if (snprintf(file, sizeof(file), "%s/%s" SUFFIX, dir, name) < (int)sizeof(file) &&
		access(file, F_OK) != 0) {
		const char *why = strerror(errno);
		n = readlink(file, to, sizeof(to));
		err_set(e, ERR_CONFIG, "%.200s is a link to %s: %s", file,
			text_safe(shown, sizeof(shown), to, n < 0 ? 0 : (size_t)n), why);
	}
	return n >= 0;
}

static bool not_found(const struct load_request *rq, const char *name, struct err *e)
{
	char dirs[LOAD_DIRS_MAX][PROFILE_PATH_MAX], places[LOAD_DIRS_MAX * (PROFILE_PATH_MAX + 2)];
	const char *names[65] = { NULL }, *near;
	struct load_list l = { 0 };
	size_t n = load_dirs(rq->profile_dir, dirs), len = 0;

	for (size_t i = 0; i < n; i++)
		if (leads_nowhere(dirs[i], name, e))
			return false;
	places[0] = 0;
	for (size_t i = 0; i < n && len < sizeof(places); i++)
		len += (size_t)snprintf(
			places + len, sizeof(places) - len, "%s%s", i ? ", " : "", dirs[i]);
	if (load_list(rq->profile_dir, &l, NULL))
		for (size_t i = 0; i < l.n && i < ARRAY_LEN(names) - 1; i++)
			names[i] = l.v[i].name;
	near = name_nearest(names, rq->profile);
	err_set(e, ERR_CONFIG, "no such profile in %.300s%s%s", places,
		near ? "; right would be " : "", near ? near : "");
	load_list_free(&l);
	return false;
}

static bool find_profile(const struct load_request *rq, char name[PROFILE_NAME_MAX],
	char file[PROFILE_PATH_MAX], struct err *e)
{
	char dirs[LOAD_DIRS_MAX][PROFILE_PATH_MAX];
	size_t n = load_dirs(rq->profile_dir, dirs);

	if (!load_name(rq->profile, name, e))
		return false;
	if (strchr(rq->profile, '/')) {
		if (strlen(rq->profile) >= PROFILE_PATH_MAX)
			return err_set(e, ERR_CONFIG, "the path is too long");
		snprintf(file, PROFILE_PATH_MAX, "%s", rq->profile);
		return true;
	}
	for (size_t i = 0; i < n; i++)
		if (snprintf(file, PROFILE_PATH_MAX, "%s/%s" SUFFIX, dirs[i], name) <
				PROFILE_PATH_MAX &&
			access(file, F_OK) == 0)
			return true;
	return not_found(rq, name, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct load_entry *)a)->name, ((const struct load_entry *)b)->name);
}

static bool list_add(struct load_entry **v, size_t *n, const struct load_entry *one)
{
	struct load_entry *more = realloc(*v, (*n + 1) * sizeof(*more));

	if (!more)
		return false;
	*v = more;
	more[(*n)++] = *one;
	return true;
}

/* False: out of memory. */
static bool list_file(const char *dir, const char *file, struct load_list *out)
{
	size_t len = strlen(file);
	struct load_entry one;

	if (file[0] == '.' || len <= strlen(SUFFIX) ||
		strcmp(file + len - strlen(SUFFIX), SUFFIX) != 0 ||
		snprintf(one.file, sizeof(one.file), "%s/%s", dir, file) >= (int)sizeof(one.file))
		return true;
	if (!name_of_file(file, one.name))
		return list_add(&out->misnamed, &out->n_misnamed, &one);
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->v[i].name, one.name) == 0)
			return true;
	return list_add(&out->v, &out->n, &one);
}

static bool list_dir(const char *dir, struct load_list *out)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool ok = true;

	while (d && ok && (entry = readdir(d)))
		ok = list_file(dir, entry->d_name, out);
	if (d)
		closedir(d);
	return ok;
}

bool load_list(const char *profile_dir, struct load_list *out, struct err *e)
{
	char dirs[LOAD_DIRS_MAX][PROFILE_PATH_MAX];
	size_t n = load_dirs(profile_dir, dirs);

	*out = (struct load_list){ 0 };
	for (size_t i = 0; i < n; i++)
		if (!list_dir(dirs[i], out)) {
			load_list_free(out);
			return err_set(e, ERR_LOCAL, "out of memory");
		}
	if (out->n > 0)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return true;
}

void load_list_free(struct load_list *l)
{
	free(l->v);
	free(l->misnamed);
	*l = (struct load_list){ 0 };
}

/* --- the two entries --------------------------------------------------------------------------- */

static enum load_result refuse(const char *file, const struct err *e, struct load_report *report)
{
	load_problem_add(report, file, 0, "", "", e);
	return LOAD_BAD;
}

/* Text to profile; f as in parse. */
static enum load_result load(const char *name, const char *file, struct bytes text,
	const struct load_file *f, const struct load_request *rq, struct profile **out,
	struct load_report *report)
{
	struct profile *p = profile_new(name);
	enum load_result result = LOAD_OK;
	struct load_scan *s = NULL;
	struct err e;

	if (p) {
		snprintf(p->file, sizeof(p->file), "%s", file);
		s = load_scan(p, text.p, text.n, report);
	}
	if (!s) {
		profile_free(p);
		err_set(&e, ERR_LOCAL, "out of memory");
		return refuse(file, &e, report);
	}
	parse(p, s, f, rq, report);
	if (rq && !rq->values_only)
		result = load_refs(p, s, rq, report);
	load_scan_free(s);
	sort_problems(report);
	if (report->n > 0)
		result = LOAD_BAD;
	if (result == LOAD_OK || (rq && rq->values_only))
		*out = p;
	else
		profile_free(p);
	return result;
}

enum load_result load_profile(
	const struct load_request *rq, struct profile **out, struct load_report *report)
{
	char name[PROFILE_NAME_MAX], file[PROFILE_PATH_MAX];
	struct load_file f;
	struct err e;

	*out = NULL;
	report->n = 0;
	report->absent = !find_profile(rq, name, file, &e);
	if (report->absent)
		return refuse(rq->profile, &e, report);
	if (!load_file_read(file, LOAD_FILE_MAX, &f, &e))
		return refuse(file, &e, report);
	enum load_result result =
		load(name, file, (struct bytes){ f.data, f.len }, &f, rq, out, report);
	load_file_free(&f);
	return result;
}

enum load_result load_text(const char *name, const char *text, size_t len, struct profile **out,
	struct load_report *report)
{
	*out = NULL;
	report->n = 0;
	report->absent = false;
	return load(name, name, (struct bytes){ text, len }, NULL, NULL, out, report);
}
