#include "import/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/secret.h"
#include "base/types.h"
#include "session/profile.h"

/* --- profiles -------------------------------------------------------------------------------------------- */

/* What cannot stand in a profile's name becomes a hyphen, and none is left at its ends. */
static void make_name(char out[IMPORT_NAME_MAX], const char *text)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@+";
	size_t n = 0;

	for (; *text && n + 1 < IMPORT_NAME_MAX; text++) {
		bool fits = strchr(good, *text) || (*text == '.' && n > 0);
		if (fits)
			out[n++] = *text;
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && (out[n - 1] == '-' || out[n - 1] == '.'))
		n--;
	out[n] = 0;
}

struct import_profile *import_begin(struct import *im, const char *name, struct err *e)
{
	struct import_profile *p = im->n < IMPORT_PROFILES_MAX ? calloc(1, sizeof(*p)) : NULL;

	if (!p) {
		err_set(e, im->n < IMPORT_PROFILES_MAX ? ERR_LOCAL : ERR_CONFIG,
			im->n < IMPORT_PROFILES_MAX ? "out of memory" :
						      "there are more than %d connections in it",
			IMPORT_PROFILES_MAX);
		return NULL;
	}
	make_name(p->name, name);
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

/* A line of a profile holds it and nothing else: neither does it end there, nor has a quote no other side. */
static bool can_be_value(const char *value)
{
	char safe[IMPORT_VALUE_MAX];

	text_safe(safe, sizeof(safe), value, strlen(value));
	return value[0] && strcmp(safe, value) == 0 &&
		(!strchr(value, '"') || !strchr(value, '\''));
}

/* Whether that key takes it, on its own. */
static bool is_taken(const char *section, const char *key, const char *value, struct err *e)
{
	struct profile *trial = profile_new("import");
	bool ok = trial ? profile_set(trial, section, key, value, e) :
			  err_set(e, ERR_LOCAL, "out of memory");

	profile_free(trial);
	return ok;
}

void import_set(
	struct import_profile *p, const char *section, const char *key, const char *format, ...)
{
	char value[IMPORT_VALUE_MAX], what[2 * IMPORT_NAME_MAX];
	struct import_entry *x = find(p, section, key);
	va_list args;
	struct err e;

	va_start(args, format);
	int n = vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	snprintf(what, sizeof(what), "%s.%s", section, key);
	if (n < 0 || (size_t)n >= sizeof(value) || !can_be_value(value))
		import_note(p, IMPORT_TODO, what,
			"its value cannot stand in a profile: it is empty or too long, or has control "
			"characters or both kinds of quotes");
	else if (!is_taken(section, key, value, &e))
		import_note(
			p, IMPORT_TODO, what, "what the file says does not do here: it %s", e.text);
	else if (!x && p->n_entries == IMPORT_ENTRIES_MAX)
		import_note(p, IMPORT_TODO, what, "there are too many settings");
	else {
		x = x ? x : &p->entries[p->n_entries++];
		snprintf(x->section, sizeof(x->section), "%s", section);
		snprintf(x->key, sizeof(x->key), "%s", key);
		memcpy(x->value, value, (size_t)n + 1);
	}
	wipe(value, sizeof(value));
}

void import_attach(struct import_profile *p, const char *section, const char *key,
	const char *suffix, struct bytes data)
{
	struct import_file *f = p->n_files < IMPORT_FILES_MAX ? &p->files[p->n_files] : NULL;

	*(f ? f : &(struct import_file){ 0 }) = (struct import_file){ .len = data.n };
	if (f)
		f->data = malloc(data.n ? data.n : 1);
	if (!f || !f->data) {
		import_note(p, IMPORT_TODO, key, "there are too many files in it");
		return;
	}
	snprintf(f->suffix, sizeof(f->suffix), "%s", suffix);
	snprintf(f->section, sizeof(f->section), "%s", section);
	snprintf(f->key, sizeof(f->key), "%s", key);
	memcpy(f->data, data.p, data.n);
	p->n_files++;
	import_set(p, section, key, "%s.%s", p->name, suffix);
}

void import_rename(struct import_profile *p, const char *name)
{
	snprintf(p->name, sizeof(p->name), "%s", name);
	for (size_t i = 0; i < p->n_files; i++)
		import_set(
			p, p->files[i].section, p->files[i].key, "%s.%s", name, p->files[i].suffix);
}

void import_note(
	struct import_profile *p, enum import_kind kind, const char *what, const char *format, ...)
{
	char why[IMPORT_WHY_MAX];
	va_list args;

	if (p->n_notes == IMPORT_NOTES_MAX) {
		p->notes_lost++;
		return;
	}
	struct import_note *note = &p->notes[p->n_notes++];
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	note->kind = kind;
	text_safe(note->what, sizeof(note->what), what, strlen(what));
	text_safe(note->why, sizeof(note->why), why, strlen(why));
}

const char *import_get(const struct import_profile *p, const char *section, const char *key)
{
	for (size_t i = 0; i < p->n_entries; i++)
		if (strcmp(p->entries[i].section, section) == 0 &&
			strcmp(p->entries[i].key, key) == 0)
			return p->entries[i].value;
	return NULL;
}

void import_free(struct import *im)
{
	for (size_t i = 0; i < im->n; i++) {
		struct import_profile *p = im->v[i];
		for (size_t j = 0; j < p->n_files; j++) {
			wipe(p->files[j].data, p->files[j].len);
			free(p->files[j].data);
		}
		wipe(p, sizeof(*p));
		free(p);
	}
	im->n = 0;
}

/* --- as text ------------------------------------------------------------------------------------------------- */

static void put(struct wr *w, const char *text)
{
	wr_bytes(w, text, strlen(text));
}

/* Quoted where it must be; can_be_value has seen to it that one of the two kinds will do. */
static void put_value(struct wr *w, const char *value)
{
	size_t n = strlen(value);
	bool quotes = strpbrk(value, ";#") || strchr("\"' ", value[0]) || value[n - 1] == ' ' ||
		value[n - 1] == '\\';
	const char *q = !quotes ? "" : strchr(value, '"') ? "'" : "\"";

	put(w, q);
	put(w, value);
	put(w, q);
	put(w, "\n");
}

/* Section by section, in the order in which they were first named. */
static void put_sections(struct wr *w, const struct import_profile *p)
{
	for (size_t i = 0; i < p->n_entries; i++) {
		const char *section = p->entries[i].section;
		size_t first = 0;
		while (strcmp(p->entries[first].section, section) != 0)
			first++;
		if (first < i)
			continue;
		put(w, "[");
		put(w, section);
		put(w, "]\n");
		for (size_t j = i; j < p->n_entries; j++)
			if (strcmp(p->entries[j].section, section) == 0) {
				put(w, p->entries[j].key);
				put(w, " = ");
				put_value(w, p->entries[j].value);
			}
	}
}

/* In one piece, so that no part of a secret is left where it has grown out of. */
char *import_text(const struct import_profile *p)
{
	size_t room = 64 + p->n_entries * (sizeof(p->entries[0]) + 16);
	char *text = calloc(1, room);
	struct wr w = wr_init(text, text ? room - 1 : 0);

	put(&w, "# made by vpnc-ike import\n");
	put_sections(&w, p);
	if (text && !w.bad)
		return text;
	if (text)
		wipe(text, room);
	free(text);
	return NULL;
}

/* --- formats --------------------------------------------------------------------------------------------------- */

static const struct format {
	const char *name;
	const char *suffix; /* of the file's name; NULL: it says nothing */
	const char *sign; /* stands in it, for files of another name; NULL: nothing that would do */
	bool (*read)(struct bytes file, struct import *im, struct err *e);
} formats[] = {
	{ "Apple's .mobileconfig", ".mobileconfig", "<!DOCTYPE plist", import_mobileconfig },
	{ "Azure's VpnSettings.xml", "vpnsettings.xml", "<VpnProfile", import_azure },
	{ "strongSwan's .sswan", ".sswan", NULL, import_sswan },
	{ "swanctl.conf", "swanctl.conf", "connections {", import_swanctl },
	{ "Cisco's .pcf", ".pcf", "enc_GroupPwd=", import_pcf },
	{ "NetworkManager's .nmconnection", ".nmconnection", "org.freedesktop.NetworkManager.",
		import_nm },
	{ "ipsec.conf", "ipsec.conf", "\nconn ", import_ipsec },
	{ "Windows' .pbk", ".pbk", "VpnStrategy=", import_pbk },
	{ "vpnc.conf", "vpnc.conf", "IPSec gateway ", import_vpnc },
};

static bool has_suffix(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = suffix ? strlen(suffix) : 0;

	return m > 0 && n >= m && strcasecmp(path + n - m, suffix) == 0;
}

static bool has_sign(struct bytes file, const char *sign)
{
	size_t n = sign ? strlen(sign) : 0;
	const char *text = file.p;

	for (size_t i = 0; n > 0 && i + n <= file.n; i++)
		if (memcmp(text + i, sign, n) == 0)
			return true;
	return false;
}

static const struct format *format_of(const char *path, struct bytes file)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (has_suffix(path, formats[i].suffix))
			return &formats[i];
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (has_sign(file, formats[i].sign))
			return &formats[i];
	return NULL;
}

static bool not_known(struct bytes file, struct err *e)
{
	char names[ERR_TEXT_MAX] = "";
	size_t at = 0;

	if (file.n > 4 && memcmp(file.p, "PK\x03\x04", 4) == 0)
		return err_set(e, ERR_CONFIG, "is a zip archive; right would be a file out of it");
	for (size_t i = 0; i < ARRAY_LEN(formats) && at < sizeof(names); i++)
		at += (size_t)snprintf(
			names + at, sizeof(names) - at, "%s%s", i ? ", " : "", formats[i].name);
	return err_set(e, ERR_CONFIG, "is none of the formats known: %s", names);
}

bool import_read(const char *path, struct bytes file, struct import *im, struct err *e)
{
	const struct format *f = format_of(path, file);

	im->n = 0;
	if (!f)
		return not_known(file, e);
	if (f->read(file, im, e) &&
		(im->n > 0 ||
			err_set(e, ERR_CONFIG, "holds no connection that could be carried over")))
		return true;
	import_free(im);
	return err_ctx(e, "read as %s", f->name);
}
