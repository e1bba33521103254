#define _GNU_SOURCE
#include "cli/repl.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/patience.h"
#include "cli/prompt.h"
#include "editor.h"
#include "term.h"

enum { INPUT_MAX = 4096 };

struct repl {
	int epoll; /* what the loop watches: it watches the descriptor that matters now */
	int ready; /* an eventfd that is always readable, for what is here already */
	bool terminal; /* stdin is */
	bool edits; /* stdout is, too: lines can be edited there */
	struct editor *editor; /* from repl_start on; NULL: stdin is read line by line */
	struct prompt *prompt;
	bool started, held, end; /* end: of stdin */
	bool asking, wait_key;
	bool live; /* the cursor stands behind repl_live's text */
	bool too_long; /* the line is: what is left of it is dropped */
	bool lost; /* stdout does not take what it is given, as was told */
	unsigned unread; /* what was printed so far while nobody read it: left out */
	bool cut; /* the last line on stdout was */
	size_t n_in; /* octets read and not yet used */
	char in[INPUT_MAX];
	char text[80]; /* of the prompt */
};

/* --- what the loop watches --------------------------------------------------------------------- */

/* Something to do without waiting: a whole line or key that was read already, or the end. */
static bool input_pending(const struct repl *r)
{
	if (r->wait_key)
		return !r->editor || r->n_in > 0;
	if (r->editor)
		return editor_key_len(r->in, r->n_in) > 0;
	return memchr(r->in, '\n', r->n_in) || (r->end && r->n_in > 0);
}

/* Called at the end of whatever may have changed it. A descriptor that was closed is out of the
 * epoll set by itself, and its number may be another file's: so out and in again. */
static void watch(struct repl *r, int fd)
{
	struct epoll_event on = { .events = fd == STDOUT_FILENO ? EPOLLOUT : EPOLLIN };

	epoll_ctl(r->epoll, EPOLL_CTL_DEL, r->ready, NULL);
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, STDOUT_FILENO, NULL);
	if (fd < 0)
		return;
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, fd, NULL);
	/* EPERM: a plain file, or /dev/null, can be read at any time. */
	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &on) != 0 && fd != r->ready)
		epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->ready, &on);
}

static void watch_again(struct repl *r)
{
	if (r->asking)
		watch(r, prompt_fd(r->prompt));
	else if (!r->started || (r->held && (!r->editor || r->end || r->n_in == sizeof(r->in))))
		watch(r, -1);
	else if (r->editor && patience_needed(STDOUT_FILENO))
		watch(r, STDOUT_FILENO); /* no key is read that could not be shown */
	else if (r->held)
		watch(r, STDIN_FILENO);
	else if (input_pending(r))
		watch(r, r->ready);
	else
		watch(r, r->end ? -1 : STDIN_FILENO);
}

int repl_fd(const struct repl *r)
{
	return r->epoll;
}

/* --- open and close ---------------------------------------------------------------------------- */

struct repl *repl_open(const struct repl_config *config, struct err *e)
{
	struct repl *r = calloc(1, sizeof(*r));

	if (!r) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->ready = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	r->prompt = prompt_new(config->no_input, e);
	if (r->epoll < 0 || r->ready < 0 || !r->prompt) {
		err_set(e, ERR_LOCAL, "cannot watch the terminal: %s", strerror(errno));
		repl_close(r);
		return NULL;
	}
	snprintf(r->text, sizeof(r->text), "%s> ", config->profile);
	r->end = term_background(STDIN_FILENO); /* nothing there is for us */
	r->terminal = !r->end && isatty(STDIN_FILENO);
	r->edits = r->terminal && !config->quiet && isatty(STDOUT_FILENO);
	term_quiet(STDIN_FILENO);
	return r;
}

void repl_close(struct repl *r)
{
	if (!r)
		return;
	repl_wait_key(r, false);
	editor_close(r->editor);
	prompt_free(r->prompt);
	term_restore();
	if (r->epoll >= 0)
		close(r->epoll);
	if (r->ready >= 0)
		close(r->ready);
	wipe(r, sizeof(*r));
	free(r);
}

bool repl_reads_keys(const struct repl *r)
{
	return r->editor;
}

/* The prompt stands on the screen exactly while a line can be typed. */
static void show_prompt(struct repl *r)
{
	if (!r->editor)
		return;
	if (r->started && !r->held && !r->asking && !r->wait_key && !r->end)
		editor_show(r->editor);
	else
		editor_hide(r->editor);
}

void repl_start(struct repl *r)
{
	struct err e;

	if (r->started)
		return;
	r->started = true;
	if (r->edits)
		r->editor = editor_open(r->text, &e);
	if (!r->editor)
		term_restore(); /* its lines are read as the terminal gives them */
	if (r->edits && !r->editor)
		repl_warn(r, "warning: %s; commands are read line by line", e.text);
	show_prompt(r);
	watch_again(r);
}

void repl_hold(struct repl *r, bool hold)
{
	r->held = hold;
	show_prompt(r);
	watch_again(r);
}

/* --- reading ----------------------------------------------------------------------------------- */

/* Reads what is there; stdin is not ours alone, so it stays a blocking descriptor and poll says
 * whether it would block. */
static void fill(struct repl *r)
{
	struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };

	if (r->end || r->n_in == sizeof(r->in) || poll(&ready, 1, 0) <= 0)
		return;
	ssize_t n = read(STDIN_FILENO, r->in + r->n_in, sizeof(r->in) - r->n_in);
	if (n > 0)
		r->n_in += (size_t)n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		r->end = true;
}

static void consume(struct repl *r, size_t n)
{
	memmove(r->in, r->in + n, r->n_in - n);
	r->n_in -= n;
}

/* Commands wait, but who is at the terminal can leave. */
static void next_held(struct repl *r, struct repl_input *in)
{
	enum { CTRL_C = 3 };

	if (!r->editor)
		return;
	fill(r);
	if (memchr(r->in, CTRL_C, r->n_in)) {
		r->n_in = 0;
		in->event = REPL_LEAVE;
	}
}

static void next_answer(struct repl *r, struct repl_input *in)
{
	enum prompt_result result = prompt_readable(r->prompt, &in->id, &in->answer);

	if (result == PROMPT_PENDING)
		return;
	r->asking = false;
	/* Who has no prompt yet has nothing but Ctrl-C to leave with. */
	in->event = result == PROMPT_ANSWERED               ? REPL_ANSWER :
		result == PROMPT_INTERRUPTED && !r->started ? REPL_LEAVE :
							      REPL_REFUSED;
}

static void next_key(struct repl *r, struct repl_input *in)
{
	/* Where no key can be pressed, the wait is over at once. */
	if (r->editor)
		fill(r);
	if (r->editor && r->n_in == 0 && !r->end)
		return;
	if (r->editor)
		r->n_in = 0;
	repl_wait_key(r, false);
	in->event = REPL_KEY;
}

static void next_edited(struct repl *r, struct repl_input *in)
{
	size_t n;

	if (patience_needed(STDOUT_FILENO))
		return;
	fill(r);
	while (in->event == REPL_NOTHING && (n = editor_key_len(r->in, r->n_in)) > 0) {
		char key[INPUT_MAX];
		memcpy(key, r->in, n);
		consume(r, n);
		enum editor_event event = editor_key(r->editor, key, n, in->line, sizeof(in->line));
		if (event == EDITOR_LINE)
			in->event = REPL_LINE;
		else if (event == EDITOR_LEAVE)
			in->event = REPL_LEAVE;
		else if (event == EDITOR_CANCEL)
			show_prompt(r);
	}
}

/* One line of a stdin that nobody edits. The last one may lack its end. */
static void next_line(struct repl *r, struct repl_input *in)
{
	while (in->event == REPL_NOTHING) {
		const char *end = memchr(r->in, '\n', r->n_in);
		size_t n = end ? (size_t)(end - r->in) : r->n_in;
		if (!end && n >= sizeof(in->line)) {
			r->too_long = true;
			consume(r, n);
			continue;
		}
		if (!end && !(r->end && n > 0)) {
			size_t before = r->n_in;
			bool ended = r->end;
			fill(r);
			if (r->n_in == before && r->end == ended)
				return;
			continue;
		}
		if (r->too_long || n >= sizeof(in->line))
			repl_warn(r, "a command of more than %zu octets was left out",
				sizeof(in->line) - 1);
		else {
			snprintf(in->line, sizeof(in->line), "%.*s", (int)n, r->in);
			in->line[strcspn(in->line, "\r")] = 0;
			in->event = REPL_LINE;
		}
		r->too_long = false;
		consume(r, n + (end ? 1 : 0));
	}
}

bool repl_next(struct repl *r, struct repl_input *in)
{
	*in = (struct repl_input){ .event = REPL_NOTHING };
	if (r->asking)
		next_answer(r, in);
	else if (!r->started)
		return false;
	else if (r->held)
		next_held(r, in);
	else if (r->wait_key)
		next_key(r, in);
	else {
		show_prompt(r);
		if (r->editor)
			next_edited(r, in);
		else
			next_line(r, in);
		/* Who sits there said so, or the terminal is gone. */
		if (r->terminal && r->end && in->event == REPL_NOTHING)
			in->event = REPL_LEAVE;
	}
	if (in->event != REPL_LINE && in->event != REPL_LEAVE)
		show_prompt(r);
	watch_again(r);
	return in->event != REPL_NOTHING;
}

/* While commands wait: it may have been for the question that comes now, and then nobody shall see it later. */
static bool drop_held(struct repl *r)
{
	if (!r->editor || !r->held)
		return false;
	fill(r);
	bool any = r->n_in > 0;
	wipe(r->in, r->n_in);
	r->n_in = 0;
	return any;
}

bool repl_ask(struct repl *r, const struct ask *q, struct err *e)
{
	bool typing = (r->editor && editor_put_away(r->editor)) || r->wait_key || drop_held(r);

	r->asking = true;
	repl_wait_key(r, false);
	r->asking = prompt_ask(r->prompt, q, e);
	if (typing)
		prompt_not_yet(r->prompt);
	show_prompt(r);
	watch_again(r);
	return r->asking;
}

/* --- printing ---------------------------------------------------------------------------------- */

static void write_text(struct repl *r, FILE *to, const char *text)
{
	size_t n = strlen(text);

	errno = 0;
	if (to == stdout && r->cut)
		fputc('\n', to);
	fputs(text, to);
	if (n == 0 || text[n - 1] != '\n')
		fputc('\n', to);
	bool bad = fflush(to) != 0 || ferror(to);
	bool waited = bad && errno == EINTR;
	bool lost = bad && !waited && to == stdout && errno != EPIPE && !r->lost;
	if (to == stdout)
		r->cut = waited;
	r->unread += waited;
	clearerr(to);
	r->lost |= lost;
	if (lost)
		fprintf(stderr, "warning: what is said here is lost: %s\n", strerror(errno));
}

/* Nobody reads: all of it is left out, and said so when somebody does. */
static bool left_out(struct repl *r, FILE *to)
{
	if (patience_needed(fileno(to))) {
		r->unread++;
		return true;
	}
	if (r->unread > 0 && !patience_needed(STDERR_FILENO)) {
		unsigned n = r->unread;
		r->unread = 0;
		repl_warn(r, "warning: nobody read what was said here: %u message%s left out", n,
			n == 1 ? " was" : "s were");
	}
	return false;
}

static void print(struct repl *r, FILE *to, const char *text)
{
	if (left_out(r, to))
		return;
	if (r->editor)
		editor_erase(r->editor);
	if (r->asking)
		prompt_erase(r->prompt);
	if (r->live)
		fputs("\r\033[K", stdout);
	r->live = false;
	fflush(stdout);
	write_text(r, to, text);
	if (r->editor)
		editor_draw(r->editor);
	if (r->asking)
		prompt_draw(r->prompt);
}

void repl_print(struct repl *r, const char *text)
{
	print(r, stdout, text);
}

static void print_line(struct repl *r, FILE *to, const char *fmt, va_list ap)
{
	char text[4096];

	vsnprintf(text, sizeof(text), fmt, ap);
	print(r, to, text);
}

void repl_printf(struct repl *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(r, stdout, fmt, ap);
	va_end(ap);
}

void repl_warn(struct repl *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(r, stderr, fmt, ap);
	va_end(ap);
}

void repl_wait_key(struct repl *r, bool on)
{
	if (on == r->wait_key)
		return;
	r->wait_key = on;
	if (r->live)
		fputc('\n', stdout);
	r->live = false;
	show_prompt(r);
	watch_again(r);
}

unsigned repl_columns(void)
{
	return term_size(STDOUT_FILENO).ws_col;
}

void repl_live(struct repl *r, const char *text)
{
	if (left_out(r, stdout))
		return;
	bool over = r->editor && options_erases(STDOUT_FILENO);
	printf(over ? "\r%s\033[K" : "%s\n", text);
	r->live = over;
	fflush(stdout);
}
