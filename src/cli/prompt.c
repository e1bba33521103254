#include "cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "askpass.h"
#include "cli/options.h"
#include "editor.h"
#include "host/clock.h"
#include "term.h"

enum {
	KEY_INTERRUPT = 3,
	KEY_EOF = 4,
	KEY_BACKSPACE = 8,
	KEY_KILL_LINE = 21,
	KEY_KILL_WORD = 23,
	KEY_ESCAPE = 27,
	KEY_DELETE = 127
};
enum { PAUSE_MS = 500 };
enum { KEY_MAX = 32 }; /* octets of an escape sequence */

struct prompt {
	bool no_input;
	bool open; /* a question is */
	struct ask ask;
	int tty; /* the terminal, or -1 */
	struct termios before; /* its settings */
	pid_t askpass; /* the program that asks, or 0 */
	int out, done; /* its answer, its end; -1 */
	struct passphrase typed;
	size_t n_key; /* of a key whose octets have not all come */
	char key[KEY_MAX];
	uint64_t not_before; /* keys that come earlier are of something else */
	struct passphrase given; /* a program's last password */
};

struct prompt *prompt_new(bool no_input, struct err *e)
{
	struct prompt *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	p->no_input = no_input;
	p->tty = p->out = p->done = -1;
	return p;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Whatever state the question is in: over. */
static void question_end(struct prompt *p)
{
	if (p->tty >= 0)
		tcsetattr(p->tty, TCSANOW, &p->before);
	if (p->askpass > 0) {
		kill(p->askpass, SIGKILL);
		waitpid(p->askpass, NULL, 0);
	}
	p->askpass = 0;
	close_fd(&p->tty);
	close_fd(&p->out);
	close_fd(&p->done);
	passphrase_wipe(&p->typed);
	p->n_key = 0;
	p->not_before = 0;
	p->open = false;
}

void prompt_free(struct prompt *p)
{
	if (!p)
		return;
	question_end(p);
	wipe(p, sizeof(*p));
	free(p);
}

static void show(const struct prompt *p, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = write(p->tty, text, n);
		if (done <= 0) /* also: nobody reads, cli/patience.h */
			return; /* the question stands without its text; there is nobody to tell */
		text += done;
		n -= (size_t)done;
	}
}

/* What stands between the question and the answer. */
static const char *behind(const char *text)
{
	char last = *text ? text[strlen(text) - 1] : 0;

	return last == ' ' ? "" : last == ':' ? " " : ": ";
}

void prompt_erase(struct prompt *p)
{
	const char *text = p->ask.prompt;

	if (p->tty < 0)
		return;
	if (!options_erases(p->tty)) {
		show(p, "\n", 1);
		return;
	}
	size_t at = editor_columns(text, strlen(text)) + strlen(behind(text)) +
		(p->ask.echo ? editor_columns(p->typed.text, p->typed.len) : 0);
	/* A row that is full wraps with the next character. */
	for (size_t row = (at - 1) / term_size(p->tty).ws_col; row > 0; row--)
		show(p, "\033[A", 3);
	show(p, "\r\033[J", 4);
}

void prompt_draw(struct prompt *p)
{
	const char *text = p->ask.prompt;

	if (p->tty < 0)
		return;
	show(p, text, strlen(text));
	show(p, behind(text), strlen(behind(text)));
	if (p->ask.echo)
		show(p, p->typed.text, p->typed.len);
}

/* Where a secret that nobody can be asked for may be given instead. */
static const char *elsewhere(enum ask_kind kind)
{
	switch (kind) {
	case ASK_USER:
		return "secrets.user";
	case ASK_PASSWORD:
		return "secrets.password or secrets.password-file";
	case ASK_PSK:
		return "secrets.psk or secrets.psk-file";
	case ASK_PPK:
		return "secrets.ppk";
	case ASK_KEY_PASSPHRASE:
		return "secrets.key-passphrase";
	case ASK_CODE:
	case ASK_PIN:
	case ASK_CONFIRM:
		break;
	}
	return "nothing but an answer";
}

bool prompt_ask(struct prompt *p, const struct ask *q, struct err *e)
{
	const char *program = getenv("VPNC_IKE_ASKPASS");

	question_end(p);
	p->ask = *q;
	if (p->no_input)
		return err_set(e, ERR_CONFIG,
			"\"%.150s\" would have to be answered, and --no-input forbids to ask; "
			"right would be %s",
			q->prompt, elsewhere(q->kind));
	if (program && *program) {
		p->open = askpass_start(program, q->prompt, &p->askpass, &p->out, &p->done, e);
		return p->open;
	}
	p->tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (p->tty < 0 || !term_raw(p->tty, &p->before)) {
		close_fd(&p->tty);
		return err_set(e, ERR_CONFIG,
			"\"%.150s\" would have to be answered, and there is no terminal and no "
			"VPNC_IKE_ASKPASS; right would be %s",
			q->prompt, elsewhere(q->kind));
	}
	p->open = true;
	prompt_draw(p);
	return true;
}

void prompt_not_yet(struct prompt *p)
{
	p->not_before = clock_now() + PAUSE_MS;
}

int prompt_fd(const struct prompt *p)
{
	return p->tty >= 0 ? p->tty : p->out >= 0 ? p->out : p->done;
}

static enum prompt_result finish(
	struct prompt *p, enum prompt_result result, struct passphrase *answer)
{
	if (result == PROMPT_ANSWERED)
		*answer = p->typed;
	else
		passphrase_wipe(answer);
	question_end(p);
	return result;
}

/* Takes the last character back: in UTF-8 all of its octets. */
static void backspace(struct prompt *p)
{
	struct passphrase *t = &p->typed;

	if (t->len == 0)
		return;
	while (t->len > 1 && ((uint8_t)t->text[t->len - 1] & 0xc0) == 0x80)
		t->len--;
	t->text[--t->len] = 0;
	if (p->ask.echo)
		show(p, "\b \b", 3);
}

/* A login is never refused for want of an empty one: Enter was hit too early, or a program has nothing. What
 * a gateway asks for a code may be content with nothing. */
static bool must_have_text(enum ask_kind kind)
{
	return kind == ASK_USER || kind == ASK_PASSWORD || kind == ASK_PSK || kind == ASK_PPK ||
		kind == ASK_KEY_PASSPHRASE;
}

static enum prompt_result enter(struct prompt *p)
{
	if (p->typed.len > 0 || !must_have_text(p->ask.kind))
		return PROMPT_ANSWERED;
	show(p, "\n", 1);
	prompt_draw(p);
	return PROMPT_PENDING;
}

static void kill_word(struct prompt *p)
{
	const struct passphrase *t = &p->typed;

	while (t->len > 0 && t->text[t->len - 1] == ' ')
		backspace(p);
	while (t->len > 0 && t->text[t->len - 1] != ' ')
		backspace(p);
}

/* One octet that is a key, or a part of a character: pending until the question is over. */
static enum prompt_result press(struct prompt *p, char c)
{
	switch (c) {
	case '\n':
	case '\r':
		return enter(p);
	case KEY_INTERRUPT:
		return PROMPT_INTERRUPTED;
	case KEY_EOF:
		return p->typed.len > 0 ? PROMPT_ANSWERED : PROMPT_REFUSED;
	case KEY_BACKSPACE:
	case KEY_DELETE:
		backspace(p);
		return PROMPT_PENDING;
	case KEY_KILL_LINE:
		while (p->typed.len > 0)
			backspace(p);
		return PROMPT_PENDING;
	case KEY_KILL_WORD:
		kill_word(p);
		return PROMPT_PENDING;
	default:
		if (p->typed.len == PASSPHRASE_MAX || (uint8_t)c < 0x20)
			return PROMPT_PENDING;
		p->typed.text[p->typed.len++] = c;
		if (p->ask.echo)
			show(p, &c, 1);
		return PROMPT_PENDING;
	}
}

/* One octet of something else. */
static enum prompt_result overhear(struct prompt *p, char c)
{
	if (c == KEY_INTERRUPT)
		return press(p, c);
	prompt_not_yet(p);
	if (c != '\n' && c != '\r')
		return PROMPT_PENDING;
	p->not_before = 0;
	show(p, "\n", 1);
	prompt_draw(p);
	return PROMPT_PENDING;
}

/* One octet from the terminal. Arrows and the like are no part of a password, and there is no cursor that they
 * could move; with Escape alone, or Alt, the key itself counts. */
static enum prompt_result octet(struct prompt *p, char c)
{
	if (p->n_key == 0 && c != KEY_ESCAPE)
		return press(p, c);
	p->key[p->n_key++] = c;
	if (p->n_key == 2 && c != '[' && c != 'O') {
		p->n_key = 0;
		return octet(p, c);
	}
	if (p->n_key == KEY_MAX || editor_key_len(p->key, p->n_key) > 0)
		p->n_key = 0;
	return PROMPT_PENDING;
}

/* What is there may be read: not blocking is poll's doing, the terminal is others' too. */
static ssize_t read_ready(int fd, char *buf, size_t size)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&ready, 1, 0) <= 0) {
		errno = EAGAIN;
		return -1;
	}
	n = read(fd, buf, size);
	if (n < 0 && errno == EINTR)
		errno = EAGAIN;
	return n;
}

static enum prompt_result terminal_readable(struct prompt *p, struct passphrase *answer)
{
	enum prompt_result result = PROMPT_PENDING;
	char c = 0;
	ssize_t n = 0;

	while (result == PROMPT_PENDING && (n = read_ready(p->tty, &c, 1)) == 1)
		result = clock_now() < p->not_before ? overhear(p, c) : octet(p, c);
	c = 0;
	if (result == PROMPT_PENDING && n < 0 && errno == EAGAIN)
		return PROMPT_PENDING;
	show(p, "\n", 1);
	return finish(p, result == PROMPT_PENDING ? PROMPT_REFUSED : result, answer);
}

/* A program that gives the password that was refused once more has no other: it would only lock the account. */
static bool program_knows(struct prompt *p)
{
	const struct passphrase *now = &p->typed, *last = &p->given;

	if (now->len == 0 && must_have_text(p->ask.kind))
		return false;
	if (p->ask.kind != ASK_PASSWORD)
		return true;
	if (p->ask.again && now->len == last->len && same_bytes(now->text, last->text, now->len))
		return false;
	p->given = *now;
	return true;
}

/* The answer is the first line of what the program writes, and counts when it ends well. */
static enum prompt_result askpass_readable(struct prompt *p, struct passphrase *answer)
{
	char buf[256];
	ssize_t n;
	int status = 0;

	while (p->out >= 0 && (n = read_ready(p->out, buf, sizeof(buf))) >= 0) {
		for (ssize_t i = 0; i < n && p->typed.len < PASSPHRASE_MAX; i++)
			p->typed.text[p->typed.len++] = buf[i];
		wipe(buf, sizeof(buf));
		if (n == 0)
			close_fd(&p->out);
	}
	if (p->out >= 0 && errno != EAGAIN)
		close_fd(&p->out);
	pid_t ended = p->out >= 0 ? 0 : waitpid(p->askpass, &status, WNOHANG);
	if (ended == 0 || (ended < 0 && errno == EINTR))
		return PROMPT_PENDING;
	p->askpass = 0;
	size_t line = strcspn(p->typed.text, "\r\n");
	wipe(p->typed.text + line, sizeof(p->typed.text) - line);
	p->typed.len = line;
	bool well = ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && program_knows(p);
	return finish(p, well ? PROMPT_ANSWERED : PROMPT_REFUSED, answer);
}

enum prompt_result prompt_readable(struct prompt *p, uint32_t *id, struct passphrase *answer)
{
	*id = p->ask.id;
	if (!p->open)
		return PROMPT_PENDING;
	return p->tty >= 0 ? terminal_readable(p, answer) : askpass_readable(p, answer);
}

bool prompt_wait(struct prompt *p, const struct ask *q, struct passphrase *answer, struct err *e)
{
	enum prompt_result result = PROMPT_PENDING;
	uint32_t id;

	if (!prompt_ask(p, q, e))
		return false;
	while (result == PROMPT_PENDING) {
		struct pollfd ready = { .fd = prompt_fd(p), .events = POLLIN };
		if (poll(&ready, 1, -1) < 0 && errno != EINTR) {
			question_end(p);
			return err_set(
				e, ERR_LOCAL, "cannot wait for an answer: %s", strerror(errno));
		}
		result = prompt_readable(p, &id, answer);
	}
	return result == PROMPT_ANSWERED ||
		err_set(e, ERR_CONFIG, "\"%.150s\" was not answered", q->prompt);
}
