#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "cli/load.h"
#include "cli/options.h"

static void add(
	struct complete *c, const char *word, size_t len, const char *typed, const char *after)
{
	size_t n = strlen(typed);

	if (c->n == COMPLETE_WORDS_MAX || len < n || memcmp(word, typed, n) != 0)
		return;
	if (snprintf(c->words[c->n], COMPLETE_WORD_MAX, "%.*s%s", (int)len, word, after) <
		COMPLETE_WORD_MAX)
		c->n++;
}

static void add_words(struct complete *c, const char *words, const char *typed)
{
	while (*words) {
		size_t n = strcspn(words, "|");
		add(c, words, n, typed, "");
		words += n + (words[n] == '|');
	}
}

static void add_commands(struct complete *c, unsigned place, const char *typed)
{
	const struct command_row *row;

	for (size_t i = 0; (row = commands_row(i)); i++)
		if ((row->places & place) && row->story[0])
			add(c, row->name, strlen(row->name), typed, "");
}

static void add_profiles(struct complete *c, const char *dir, const char *typed)
{
	struct load_list l;

	if (!load_list(dir, &l, NULL))
		return;
	for (size_t i = 0; i < l.n; i++)
		add(c, l.v[i].name, strlen(l.v[i].name), typed, "");
	load_list_free(&l);
}

static void add_kind(
	struct complete *c, enum arg_kind kind, unsigned place, const char *dir, const char *typed)
{
	switch (kind) {
	case ARG_PROFILE:
		add_profiles(c, dir, typed);
		break;
	case ARG_COMMAND:
		add_commands(c, place, typed);
		break;
	case ARG_REKEY:
		add_words(c, "ike|child|all", typed);
		break;
	case ARG_ON_OFF:
		add_words(c, "on|off", typed);
		break;
	case ARG_NONE:
	case ARG_FILE:
	case ARG_TEXT:
		break;
	}
}

void complete_prompt(struct complete *c, const char *line, size_t len)
{
	char text[REQUEST_LINE_MAX], *word, *first;
	const struct command_row *row;

	*c = (struct complete){ 0 };
	if (len >= sizeof(text))
		return;
	memcpy(text, line, len);
	text[len] = 0;
	word = strrchr(text, ' ');
	word = word ? word + 1 : text;
	c->typed = strlen(word);
	first = text + strspn(text, " ");
	if (word <= first) {
		add_commands(c, AT_PROMPT, word);
		return;
	}
	char *end = first + strcspn(first, " ");
	*end++ = 0;
	row = commands_find(first, AT_PROMPT, NULL);
	if (row && end + strspn(end, " ") == word) /* one argument at most */
		add_kind(c, row->prompt_kinds[0], AT_PROMPT, NULL, word);
}

static void add_options(struct complete *c, const char *typed)
{
	struct option_info o;

	for (size_t i = 0; options_row(i, &o); i++)
		add(c, o.name, strlen(o.name), typed, o.arg ? "=" : "");
}

/* "--set=SECTION.KEY=VALUE": the key, and then the value where it is one of a few words. */
static void add_set(struct complete *c, const char *typed)
{
	const char *equals = strchr(typed, '=');
	char name[72];
	struct profile_key k;

	for (size_t i = 0; profile_key(i, &k); i++) {
		snprintf(name, sizeof(name), "%s.%s", k.section, k.key);
		if (!equals && !k.secret)
			add(c, name, strlen(name), typed, "=");
		else if (equals && strncmp(name, typed, (size_t)(equals - typed)) == 0 &&
			strlen(name) == (size_t)(equals - typed) && strchr(k.values, '|'))
			add_words(c, k.values, equals + 1);
	}
}

/* The shells want whole words: what stands before the value goes before each of them. */
static void put_before(struct complete *c, const char *before, size_t len)
{
	char word[COMPLETE_WORD_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (snprintf(word, sizeof(word), "%.*s%s", (int)len, before, c->words[i]) <
			COMPLETE_WORD_MAX)
			memcpy(c->words[n++], word, sizeof(word));
	c->n = n;
}

/* The value of an option: "--color=al", or "al" behind "--color". typed is all of that word, the
 * value begins at `at`. */
static void add_value(
	struct complete *c, const char *option, size_t len, const char *typed, size_t at)
{
	const char *equals = strrchr(typed, '=');
	struct option_info o;

	for (size_t i = 0; options_row(i, &o); i++) {
		if (strlen(o.name) != len || memcmp(o.name, option, len) != 0)
			continue;
		if (strcmp(o.name, "--set") == 0)
			add_set(c, typed + at);
		else if (o.words)
			add_words(c, o.words, typed + at);
	}
	put_before(c, typed, equals ? (size_t)(equals + 1 - typed) : 0);
}

static bool takes_value(const char *word)
{
	struct option_info o;

	for (size_t i = 0; options_row(i, &o); i++)
		if (o.arg && strcmp(o.name, word) == 0)
			return true;
	return false;
}

void complete_shell(struct complete *c, const char *const *words, size_t n)
{
	const struct command_row *row = NULL;
	const char *typed = n > 0 ? words[n - 1] : "", *dir = NULL;
	size_t args = 0;

	*c = (struct complete){ .typed = strlen(typed) };
	for (size_t i = 0; i + 1 < n; i++) {
		if (strncmp(words[i], "--profile-dir=", 14) == 0)
			dir = words[i] + 14;
		if (strcmp(words[i], "--profile-dir") == 0 && i + 2 < n)
			dir = words[i + 1];
		if (takes_value(words[i]) && i + 2 < n)
			i++;
		else if (words[i][0] != '-' && !row &&
			!(row = commands_find(words[i], AT_SHELL, NULL)))
			return;
		else if (words[i][0] != '-' && row)
			args++;
	}
	size_t name = strcspn(typed, "=");
	if (typed[0] == '-' && typed[name])
		add_value(c, typed, name, typed, name + 1);
	else if (typed[0] == '-')
		add_options(c, typed);
	else if (n > 1 && takes_value(words[n - 2]))
		add_value(c, words[n - 2], strlen(words[n - 2]), typed, 0);
	else if (!row)
		add_commands(c, AT_SHELL, typed);
	else if (args > 0 &&
		args <= ARRAY_LEN(row->shell_kinds)) /* the command itself is counted */
		add_kind(c, row->shell_kinds[args - 1], AT_SHELL, dir, typed);
}
