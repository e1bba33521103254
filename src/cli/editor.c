#define _GNU_SOURCE
#include "editor.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "base/types.h"
#include "cli/commands.h"
#include "cli/complete.h"
#include "cli/options.h"
#include "libedit.h"
#include "state.h"
#include "term.h"

enum { HISTORY_LINES = 500, EDITOR_PROMPT_MAX = 80, KEPT_MAX = 1024 };

struct editor {
	EditLine *el;
	History *history; /* what can be recalled */
	History *entered; /* what of it was typed in this run */
	bool shown; /* the prompt is there, a line is being typed */
	const char *key; /* octets of the key that libedit may read now */
	size_t key_left;
	struct winsize size; /* of the terminal, as libedit knows it */
	bool cancel, leave; /* set by the functions bound to Ctrl-C and Ctrl-D */
	char prompt[EDITOR_PROMPT_MAX];
	char kept[KEPT_MAX]; /* what was typed before the line was put away */
};

static const struct libedit *lib; /* from editor_open on */

static struct editor *editor_of(EditLine *el)
{
	void *ed = NULL;

	lib->el_get(el, EL_CLIENTDATA, &ed);
	return ed;
}

static char *el_prompt(EditLine *el)
{
	return editor_of(el)->prompt;
}

/* libedit reads from what we hand it, one key at a time, and so never waits. */
static int el_getkey(EditLine *el, wchar_t *c)
{
	struct editor *ed = editor_of(el);
	mbstate_t state = { 0 };

	if (ed->key_left == 0) {
		errno = EAGAIN;
		return -1;
	}
	size_t n = mbrtowc(c, ed->key, ed->key_left, &state);
	if (n == 0 || n > ed->key_left) { /* NUL, or no text in this locale */
		*c = (unsigned char)*ed->key;
		n = 1;
	}
	ed->key += n;
	ed->key_left -= n;
	return 1;
}

static unsigned char el_interrupt(EditLine *el, int ch)
{
	struct editor *ed = editor_of(el);
	const LineInfo *line = lib->el_line(el);

	(void)ch;
	if (line->lastchar == line->buffer)
		ed->leave = true;
	else
		ed->cancel = true;
	return CC_NORM;
}

static unsigned char el_eof(EditLine *el, int ch)
{
	struct editor *ed = editor_of(el);
	const LineInfo *line = lib->el_line(el);

	(void)ch;
	if (line->lastchar == line->buffer) {
		ed->leave = true;
		return CC_NORM;
	}
	return CC_ERROR;
}

/* The part that all words begin with. */
static size_t common_prefix(const struct complete *c)
{
	size_t n = strlen(c->words[0]);

	for (size_t i = 1; i < c->n; i++)
		for (size_t j = 0; j < n; j++)
			if (c->words[i][j] != c->words[0][j])
				n = j;
	return n;
}

/* Two blanks between them, and no word across the end of a row. */
static void print_words(const struct complete *c, size_t width)
{
	size_t column = 0;

	for (size_t i = 0; i < c->n; i++) {
		size_t len = strlen(c->words[i]);
		if (i > 0 && column + 2 + len >= width) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf("%s%s", column ? "  " : "", c->words[i]);
	}
	putchar('\n');
}

static unsigned char el_complete(EditLine *el, int ch)
{
	const LineInfo *line = lib->el_line(el);
	struct editor *ed = editor_of(el);
	struct complete c;
	char text[COMPLETE_WORDS_MAX * 24] = "";

	(void)ch;
	complete_prompt(&c, line->buffer, (size_t)(line->cursor - line->buffer));
	if (c.n == 0)
		return CC_ERROR;
	size_t n = common_prefix(&c);
	if (n > c.typed || c.n == 1) {
		bool spaced = line->cursor < line->lastchar && *line->cursor == ' ';
		snprintf(text, sizeof(text), "%.*s%s", (int)(n - c.typed), c.words[0] + c.typed,
			c.n == 1 && !spaced ? " " : "");
		if (*text && lib->el_insertstr(el, text) != 0)
			return CC_ERROR;
		if (c.n == 1 && spaced)
			lib->el_cursor(el, 1);
		return CC_REFRESH;
	}
	editor_erase(ed);
	print_words(&c, ed->size.ws_col);
	editor_draw(ed);
	return CC_NORM;
}

/* --- history ----------------------------------------------------------------------------------- */

static History *history_new(void)
{
	History *h = lib->history_init();
	HistEvent event;

	if (!h)
		return NULL;
	lib->history(h, &event, H_SETSIZE, HISTORY_LINES);
	lib->history(h, &event, H_SETUNIQUE, 1);
	return h;
}

/* Only what is a command: a password typed at the wrong moment is none. */
static void history_add(History *h, const char *line)
{
	struct request rq;
	HistEvent event;

	if (commands_parse(&rq, line, AT_PROMPT, NULL) && rq.row)
		lib->history(h, &event, H_ENTER, line);
}

static void history_load(History *h)
{
	FILE *f = state_open("history", "r");
	char line[REQUEST_LINE_MAX];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		history_add(h, line);
	}
	if (f)
		fclose(f);
}

/* Behind what is there now: another prompt may have ended since ours began. */
static void history_save(History *entered)
{
	HistEvent event;
	History *all = lib->history(entered, &event, H_LAST) >= 0 ? history_new() : NULL;

	if (!all)
		return;
	history_load(all);
	for (int n = lib->history(entered, &event, H_LAST); n >= 0;
		n = lib->history(entered, &event, H_PREV))
		history_add(all, event.str);
	FILE *f = state_open("history", "w");
	for (int n = lib->history(all, &event, H_LAST); f && n >= 0;
		n = lib->history(all, &event, H_PREV))
		fprintf(f, "%s\n", event.str);
	if (f)
		fclose(f);
	lib->history_end(all);
}

/* --- setting up -------------------------------------------------------------------------------- */

static bool editor_set_up(struct editor *ed)
{
	static const struct {
		const wchar_t *name, *help, *key; /* el_set would copy them and lose the copies */
		unsigned char (*function)(EditLine *, int);
	} ours[] = {
		{ L"vpnc-complete", L"complete the word", L"^I", el_complete },
		{ L"vpnc-interrupt", L"cancel the line, or leave", L"^C", el_interrupt },
		{ L"vpnc-eof", L"leave", L"^D", el_eof },
	};
	/* These read further keys by themselves, which would wait. */
	static const char *const waiting[] = { "^V", "^X", "^R", "^S", "^Q", "^Z", "^\\" };

	ed->el = lib->el_init("vpnc-ike", stdin, stdout, stderr);
	ed->history = history_new();
	ed->entered = history_new();
	if (!ed->el || !ed->history || !ed->entered)
		return false;
	lib->el_set(ed->el, EL_CLIENTDATA, ed);
	lib->el_set(ed->el, EL_SIGNAL, 0);
	lib->el_set(ed->el, EL_PROMPT, el_prompt);
	lib->el_set(ed->el, EL_EDITOR, "emacs");
	lib->el_set(ed->el, EL_GETCFN, el_getkey);
	/* While editing, and outside of it: nothing typed between two prompts is echoed, or becomes a
	 * signal. */
	lib->el_set(ed->el, EL_SETTY, "-d", "-isig", "-ixon", NULL);
	lib->el_set(ed->el, EL_SETTY, "-x", "-isig", "-ixon", "-icanon", "-echo", NULL);
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
		lib->el_set(ed->el, EL_BIND, "-r", waiting[i], NULL);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		lib->el_wset(ed->el, EL_ADDFN, ours[i].name, ours[i].help, ours[i].function);
		lib->el_wset(ed->el, EL_BIND, ours[i].key, ours[i].name, NULL);
	}
	lib->el_set(ed->el, EL_HIST, lib->history, ed->history);
	return true;
}

size_t editor_columns(const char *text, size_t n)
{
	mbstate_t state = { 0 };
	size_t width = 0;

	while (n > 0) {
		wchar_t c;
		size_t step = mbrtowc(&c, text, n, &state);
		if (step == 0 || step > n)
			return width + n;
		int w = wcwidth(c);
		width += w > 0 ? (size_t)w : 0;
		text += step;
		n -= step;
	}
	return width;
}

/* libedit would learn of a new size by SIGWINCH, which is the loop's. The terminal has wrapped the
 * line anew by itself, so what libedit knows of the screen is wrong as well. */
static bool follow_size(struct editor *ed)
{
	struct winsize now = term_size(STDOUT_FILENO);
	bool changed = now.ws_col != ed->size.ws_col || now.ws_row != ed->size.ws_row;
	ed->size = now;
	if (changed)
		lib->el_resize(ed->el);
	return changed;
}

/* Wipes prompt and line off the screen; the cursor stands where the prompt began, or below where that cannot be. */
void editor_erase(struct editor *ed)
{
	const LineInfo *line = lib->el_line(ed->el);
	size_t at = editor_columns(ed->prompt, strlen(ed->prompt)) +
		editor_columns(line->buffer, (size_t)(line->cursor - line->buffer));

	if (!ed->shown)
		return;
	fflush(stdout);
	follow_size(ed);
	if (!options_erases(STDOUT_FILENO)) {
		fputc('\n', stdout);
		return;
	}
	for (size_t row = at / ed->size.ws_col; row > 0; row--)
		fputs("\033[A", stdout);
	fputs("\r\033[J", stdout);
}

void editor_draw(struct editor *ed)
{
	fflush(stdout);
	if (ed->shown)
		lib->el_set(ed->el, EL_REFRESH);
}

void editor_show(struct editor *ed)
{
	if (ed->shown)
		return;
	fflush(stdout);
	ed->cancel = ed->leave = false;
	lib->el_set(ed->el, EL_UNBUFFERED, 1);
	ed->shown = true;
	if (ed->kept[0] && lib->el_insertstr(ed->el, ed->kept) == 0)
		lib->el_set(ed->el, EL_REFRESH);
	ed->kept[0] = 0;
}

bool editor_put_away(struct editor *ed)
{
	const LineInfo *line = lib->el_line(ed->el);

	if (!ed->shown)
		return ed->kept[0];
	snprintf(ed->kept, sizeof(ed->kept), "%.*s", (int)(line->lastchar - line->buffer),
		line->buffer);
	editor_erase(ed);
	fflush(stdout);
	editor_hide(ed);
	return ed->kept[0];
}

void editor_hide(struct editor *ed)
{
	if (!ed->shown)
		return;
	lib->el_set(ed->el, EL_UNBUFFERED, 0);
	ed->shown = false;
}

/* --- keys -------------------------------------------------------------------------------------- */

static size_t utf8_len(uint8_t first)
{
	return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
}

size_t editor_key_len(const char *in, size_t n)
{
	enum { ESCAPE = 0x1b, SEQUENCE_MAX = 32 };
	size_t need = 1;

	if (n == 0)
		return 0;
	if (in[0] != ESCAPE)
		need = utf8_len((uint8_t)in[0]);
	else if (n == 1)
		return 0;
	else if (in[1] == 'O')
		need = 3;
	else if (in[1] != '[')
		need = 1 + utf8_len((uint8_t)in[1]);
	else
		/* ECMA-48 section 5.4: up to an octet from '@' to '~'; the Linux console has "[[A" too. */
		for (need = 3 + (n > 2 && in[2] == '['); need <= n && need < SEQUENCE_MAX; need++)
			if (in[need - 1] >= '@' && in[need - 1] <= '~')
				break;
	return need <= n ? need : 0;
}

enum editor_event editor_key(struct editor *ed, const char *key, size_t n, char *out, size_t size)
{
	const char *line = NULL;
	int len = 0;

	if (follow_size(ed)) {
		editor_erase(ed);
		editor_draw(ed);
	}
	ed->key = key;
	ed->key_left = n;
	while (ed->key_left > 0 && !(line && len > 0 && line[len - 1] == '\n'))
		line = lib->el_gets(ed->el, &len);
	if (ed->leave) {
		editor_hide(ed);
		return EDITOR_LEAVE;
	}
	if (ed->cancel) {
		/* All of it, wherever in it the cursor is. */
		const LineInfo *left = lib->el_line(ed->el);
		editor_erase(ed);
		printf("%s%.*s^C\n", ed->prompt, (int)(left->lastchar - left->buffer),
			left->buffer);
		editor_hide(ed);
		return EDITOR_CANCEL;
	}
	if (!line || len <= 0 || line[len - 1] != '\n')
		return EDITOR_MORE;
	snprintf(out, size, "%.*s", len - 1, line);
	history_add(ed->history, out);
	history_add(ed->entered, out);
	editor_hide(ed);
	return EDITOR_LINE;
}

/* --- open and close ---------------------------------------------------------------------------- */

struct editor *editor_open(const char *prompt, struct err *e)
{
	lib = libedit_open(e);
	if (!lib)
		return NULL;
	struct editor *ed = calloc(1, sizeof(*ed));
	if (!ed) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	snprintf(ed->prompt, sizeof(ed->prompt), "%s", prompt);
	/* libedit and the screen must agree on what a character is. */
	setlocale(LC_CTYPE, "");
	if (!term_raw(STDIN_FILENO, NULL) || !editor_set_up(ed)) {
		err_set(e, ERR_LOCAL, "lines cannot be edited on this terminal");
		editor_close(ed);
		return NULL;
	}
	follow_size(ed);
	history_load(ed->history);
	return ed;
}

void editor_close(struct editor *ed)
{
	if (!ed)
		return;
	if (ed->el) {
		editor_hide(ed);
		lib->el_end(ed->el);
	}
	if (ed->history)
		lib->history_end(ed->history);
	if (ed->entered) {
		history_save(ed->entered);
		lib->history_end(ed->entered);
	}
	wipe(ed, sizeof(*ed));
	free(ed);
	term_restore();
}
