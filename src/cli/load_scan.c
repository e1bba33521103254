/*
 * iniparser tells neither line numbers nor duplicates, gives up at the first line it does not
 * understand, and reads some lines as something else than what stands there: an unquoted value is
 * cut at ';' and '#', a quoted one at the next quote, whatever follows; a backslash at the end of a
 * line, even of a comment, swallows the next; 1023 octets are too many. So the text is looked at
 * first, line by line. What iniparser would get wrong is reported and kept from it. In quotes a
 * backslash is a backslash, also for an iniparser that takes it for an escape.
 */
#include "load_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"

/* One line while it is looked at. */
struct line {
	const char *p; /* without blanks at both ends */
	size_t n;
	unsigned number;
};

struct scanner {
	struct load_scan *s;
	struct profile *profile;
	struct load_report *report;
	const char *file;
	char section[LOAD_NAME_MAX];
	bool in_section; /* a [section] was seen ... */
	bool known_section; /* ... and it is one of ours */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(const char **p, size_t *n)
{
	for (; *n > 0 && is_blank(**p); (*n)--)
		(*p)++;
	while (*n > 0 && is_blank((*p)[*n - 1]))
		(*n)--;
}

static bool complain(
	struct scanner *sc, const struct line *l, const char *key, const char *sentence)
{
	struct err e;

	err_set(&e, ERR_CONFIG, "%s", sentence);
	load_problem_add(sc->report, sc->file, l->number, sc->section, key, &e);
	return false;
}

void load_name_copy(char out[LOAD_NAME_MAX], const char *p, size_t n)
{
	text_safe(out, LOAD_NAME_MAX, p, n);
	for (; *out; out++)
		if (*out >= 'A' && *out <= 'Z')
			*out = (char)(*out - 'A' + 'a');
}

static bool section_known(const char *section)
{
	struct profile_key k;

	for (size_t i = 0; profile_key(i, &k); i++)
		if (strcmp(k.section, section) == 0)
			return true;
	return false;
}

static bool scan_section(struct scanner *sc, const struct line *l)
{
	const char *p = l->p + 1;
	size_t n = l->n - 1;
	struct err e;

	sc->in_section = true;
	sc->known_section = false;
	sc->section[0] = 0;
	if (n == 0 || p[n - 1] != ']')
		return complain(sc, l, "",
			"a section ends with ']'; a comment stands on a line of its own");
	n--;
	trim(&p, &n);
	load_name_copy(sc->section, p, n);
	sc->known_section = section_known(sc->section);
	if (sc->known_section)
		return true;
	/* The table of keys has the sentence for a section that does not exist. */
	if (!profile_set(sc->profile, sc->section, "", "", &e))
		load_problem_add(sc->report, sc->file, l->number, "", "", &e);
	return false;
}

/* What stands behind the '=': takes quotes off, or says why iniparser would not read it so. */
static const char *value_wrong(const char **p, size_t *n)
{
	trim(p, n);
	char quote = *n > 0 ? (*p)[0] : 0;

	if (quote != '"' && quote != '\'') {
		if (memchr(*p, ';', *n) || memchr(*p, '#', *n))
			return "would be cut at ';' or '#'; put the value in double quotes, and a comment "
			       "on a line of its own";
		if (*n > 0 && (*p)[*n - 1] == '\\')
			return "a backslash at the end of a line swallows the next line; put the value in "
			       "double quotes";
		return NULL;
	}
	const char *end = memchr(*p + 1, quote, *n - 1);
	if (!end)
		return "the quote does not end; a value that begins with one kind of quote goes into the other";
	if (end != *p + *n - 1)
		return "goes on behind the closing quote; a value with one kind of quote in it goes into the "
		       "other, and a comment on a line of its own";
	*p += 1;
	*n -= 2;
	return NULL;
}

static const struct load_entry_line *find(
	const struct load_scan *s, const char *section, const char *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].section, section) == 0 && strcmp(s->v[i].key, key) == 0)
			return &s->v[i];
	return NULL;
}

static bool scan_entry(struct scanner *sc, const struct line *l)
{
	const char *equals = memchr(l->p, '=', l->n), *key = l->p, *wrong;
	char name[LOAD_NAME_MAX], sentence[80];

	if (!equals)
		return complain(sc, l, "", "is neither [section], KEY = VALUE nor a comment");
	size_t key_len = (size_t)(equals - l->p);
	struct load_entry_line entry = {
		.line = l->number,
		.value = equals + 1,
		.len = l->n - key_len - 1,
	};
	trim(&key, &key_len);
	load_name_copy(name, key, key_len);
	if (key_len == 0)
		return complain(sc, l, "", "there is no key before the '='");
	if (!sc->in_section)
		return complain(sc, l, name, "stands before the first [section]");
	if (!sc->known_section)
		return false;
	if (profile_may_be_secret(sc->section, name))
		return complain(sc, l, "",
			"this is none of the section's keys; if the value before goes on here, it belongs "
			"into one line");
	wrong = value_wrong(&entry.value, &entry.len);
	if (wrong)
		return complain(sc, l, name, wrong);
	const struct load_entry_line *first = find(sc->s, sc->section, name);
	if (first) {
		snprintf(sentence, sizeof(sentence),
			"was set in line %u already; right would be once", first->line);
		return complain(sc, l, name, sentence);
	}
	if (sc->s->n == LOAD_ENTRIES_MAX)
		return complain(sc, l, name, "is one key too many");
	snprintf(entry.section, sizeof(entry.section), "%s", sc->section);
	snprintf(entry.key, sizeof(entry.key), "%s", name);
	sc->s->v[sc->s->n++] = entry;
	return true;
}

/* True when iniparser shall see the line. */
static bool scan_line(struct scanner *sc, struct line *l)
{
	char sentence[80];

	trim(&l->p, &l->n);
	if (l->n == 0 || l->p[0] == '#' || l->p[0] == ';')
		return false;
	for (size_t i = 0; i < l->n; i++) {
		uint8_t c = (uint8_t)l->p[i];
		if (c >= 0x20 && c != 0x7f)
			continue;
		if (c == '\t') /* between key, '=' and value; in a value profile_set refuses it */
			continue;
		snprintf(sentence, sizeof(sentence), "holds the control character 0x%02x", c);
		return complain(sc, l, "", sentence);
	}
	if (l->n > LOAD_LINE_MAX) {
		snprintf(sentence, sizeof(sentence), "the line has %zu octets; the most is %d",
			l->n, LOAD_LINE_MAX);
		return complain(sc, l, "", sentence);
	}
	return l->p[0] == '[' ? scan_section(sc, l) : scan_entry(sc, l);
}

static void keep_line(struct load_scan *s, const struct line *l)
{
	const struct load_entry_line *entry = s->n ? &s->v[s->n - 1] : NULL;
	bool quoted = entry && entry->line == l->number &&
		(entry->value[-1] == '"' || entry->value[-1] == '\'');
	bool twice = quoted && memchr(entry->value, '\\', entry->len) && ini_escapes();

	for (size_t i = 0; i < l->n; i++) {
		if (twice && l->p[i] == '\\')
			s->clean[s->len++] = '\\';
		s->clean[s->len++] = l->p[i];
	}
}

struct load_scan *load_scan(
	struct profile *p, const char *text, size_t len, struct load_report *report)
{
	struct load_scan *s = malloc(sizeof(*s) + 2 * len + 2);
	struct scanner sc = { .s = s, .profile = p, .report = report, .file = p->file };
	const char *end = text + len;
	unsigned number = 0;

	if (!s)
		return NULL;
	s->n = s->len = 0;
	text += load_mark_len(text, len);
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((stop ? stop : end) - text);
		number++;
		struct line l = { .p = text, .n = n, .number = number };
		if (l.n > 0 && l.p[l.n - 1] == '\r')
			l.n--;
		if (scan_line(&sc, &l))
			keep_line(s, &l);
		s->clean[s->len++] = '\n';
		text = stop ? stop + 1 : end;
	}
	return s;
}

void load_scan_free(struct load_scan *s)
{
	wipe(s->clean, s->len);
	free(s);
}
