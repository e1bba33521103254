#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/types.h"
#include "foreign.h"
#include "ipsec.h"

#define SETUP "config setup"

/* --- reading ------------------------------------------------------------------------------------------------- */

/* Past the word and the white space behind it; NULL where the line begins otherwise. */
static char *behind(char *line, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(line, word, n) != 0 || !isspace((unsigned char)line[n]))
		return NULL;
	while (isspace((unsigned char)line[n]))
		n++;
	return line + n;
}

/* Ends the text where a comment begins, and the white space before it. */
static void cut_comment(char *text)
{
	size_t n = 0;

	while (text[n] && !(text[n] == '#' && (n == 0 || isspace((unsigned char)text[n - 1]))))
		n++;
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	text[n] = 0;
}

/* "key = value", the value perhaps in quotes. */
static bool read_setting(struct keyfile *k, char *line, const char *section, struct err *e)
{
	size_t n = strcspn(line, "= \t");
	char *value = line + n + strspn(line + n, " \t");

	if (n == 0 || *value != '=')
		return err_set(e, ERR_CONFIG, "it is neither a section nor key = value");
	if (!section)
		return err_set(e, ERR_CONFIG, "it stands in no section");
	value += 1 + strspn(value + 1, " \t");
	line[n] = 0;
	if (*value == '"') {
		char *end = strchr(++value, '"');
		if (!end)
			return err_set(e, ERR_CONFIG, "a quote does not end");
		*end = 0;
	} else {
		cut_comment(value);
	}
	return keyfile_add(k, section, line, value, e);
}

static bool read_line(struct ipsec_file *f, char *line, const char **section, struct err *e)
{
	char *conn = behind(line, "conn"), *config = behind(line, "config");

	if (conn || config || behind(line, "ca")) {
		cut_comment(line);
		*section = conn ? conn : config && strcmp(config, "setup") == 0 ? SETUP : line;
		return keyfile_add(&f->k, *section, NULL, conn ? "conn" : "", e);
	}
	if (behind(line, "include")) {
		f->includes++;
		return true;
	}
	return behind(line, "version") || read_setting(&f->k, line, *section, e);
}

bool ipsec_read(struct ipsec_file *f, struct bytes file, struct err *e)
{
	const char *section = NULL;
	unsigned number = 0;
	size_t at = 0;
	char *line;

	*f = (struct ipsec_file){ 0 };
	bool ok = keyfile_new(&f->k, file, e);
	while (ok && (line = keyfile_line(&f->k, &at))) {
		number++;
		if (line[0] && line[0] != '#' && !read_line(f, line, &section, e))
			ok = err_ctx(e, "line %u", number);
	}
	if (!ok)
		ipsec_free(f);
	return ok;
}

void ipsec_free(struct ipsec_file *f)
{
	keyfile_free(&f->k);
}

/* --- asking -------------------------------------------------------------------------------------------------- */

static void add_section(struct ipsec_conn *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->chain[i], name) == 0)
			return;
	if (c->n < ARRAY_LEN(c->chain))
		c->chain[c->n++] = name;
}

void ipsec_chain(struct ipsec_conn *c, struct ipsec_file *f, const char *name)
{
	*c = (struct ipsec_conn){ .k = &f->k, .n = 1, .chain = { name } };
	for (size_t i = 0; i < c->n; i++)
		for (size_t j = 0; j < f->k.n; j++) {
			struct keyfile_line *l = &f->k.v[j];
			if (!l->key || strcmp(l->section, c->chain[i]) != 0 ||
				strcasecmp(l->key, "also") != 0)
				continue;
			l->told = true;
			add_section(c, l->value);
		}
	add_section(c, "%default");
}

const char *ipsec_value(struct ipsec_conn *c, const char *side, const char *key)
{
	const char *found = NULL;
	char whole[64];

	snprintf(whole, sizeof(whole), "%s%s", side, key);
	for (size_t i = 0; i < c->n; i++) {
		const char *value = keyfile_value(c->k, c->chain[i], whole);
		found = found ? found : value;
	}
	return found;
}

bool ipsec_is(struct ipsec_conn *c, const char *side, const char *key, const char *value)
{
	const char *has = ipsec_value(c, side, key);

	return has && strcasecmp(has, value) == 0;
}

const char *ipsec_setup(struct ipsec_conn *c, const char *key)
{
	return keyfile_value(c->k, SETUP, key);
}

/* --- proposals ------------------------------------------------------------------------------------------------ */

/* libreswan's words for what is called otherwise here. */
static const struct {
	const char *theirs, *ours;
} words[] = {
	{ "sha2", "sha256" },
	{ "sha", "sha1" },
	{ "sha2_256", "sha256" },
	{ "sha2_384", "sha384" },
	{ "sha2_512", "sha512" },
	{ "aes_gcm", "aes256gcm16" },
	{ "aes_gcm256", "aes256gcm16" },
	{ "aes_gcm192", "aes192gcm16" },
	{ "aes_gcm128", "aes128gcm16" },
	{ "aes_cbc256", "aes256" },
	{ "aes_cbc128", "aes128" },
	{ "chacha20_poly1305", "chacha20poly1305" },
	{ "dh2", "modp1024" },
	{ "dh5", "modp1536" },
	{ "dh14", "modp2048" },
	{ "dh15", "modp3072" },
	{ "dh16", "modp4096" },
	{ "dh17", "modp6144" },
	{ "dh18", "modp8192" },
	{ "dh19", "ecp256" },
	{ "dh20", "ecp384" },
	{ "dh21", "ecp521" },
	{ "dh31", "x25519" },
};

static const char *our_word(const char *theirs)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(words[i].theirs, theirs) == 0)
			return words[i].ours;
	return theirs;
}

/* Word by word; what ends a word stays, but ';' before a group is '-', and '!' (no others) is nothing. */
void ipsec_proposals(struct ipsec_conn *c, const char *key, const char *section)
{
	const char *text = ipsec_value(c, "", key);
	char list[IMPORT_VALUE_MAX] = "", word[64];
	size_t n = 0;

	while (text && *text && n < sizeof(list)) {
		size_t len = strcspn(text, "-;, \t!");
		snprintf(word, sizeof(word), "%.*s", (int)(len < 63 ? len : 63), text);
		text += len;
		char end[2] = { *text == ';' ? '-' : *text == '!' ? 0 : *text, 0 };
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", our_word(word), end);
		text += *text != 0;
	}
	if (n >= sizeof(list))
		import_note(c->p, IMPORT_LEFT, key, "the list is too long");
	else if (list[0])
		foreign_proposals(c->p, section, key, list);
}
