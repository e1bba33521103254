/*
 * One question to the person, and the answer, without blocking the loop.
 *
 * Asks on the terminal (/dev/tty, without echo for secrets, by termios), or through the program
 * named by $VPNC_IKE_ASKPASS, which runs as the invoking user with the question as its only
 * argument and answers on its stdout. With --no-input nothing is asked and prompt_ask fails. The
 * terminal is as it was after an answer and after prompt_free.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "base/outbox.h"

struct prompt;

struct prompt *prompt_new(bool no_input, struct err *e) MUST_CHECK;
void prompt_free(struct prompt *p); /* NULL is fine; an open question is given up */
/* CONFIG when nobody can be asked: the sentence says what is missing and where it can be given. A
 * new question gives up the one that was open. */
bool prompt_ask(struct prompt *p, const struct ask *q, struct err *e) MUST_CHECK;
/* Something else is being typed: keys are not the answer's until none came for half a second, which is less than
 * it takes to see the question, or until Enter, upon which it is put again. */
void prompt_not_yet(struct prompt *p);
/* To be watched for reading; -1 while no question is open. May be another one after every call. */
int prompt_fd(const struct prompt *p);

/* Around printing: takes the question off the terminal's last line, and puts it there again. */
void prompt_erase(struct prompt *p);
void prompt_draw(struct prompt *p);

enum prompt_result { PROMPT_PENDING, PROMPT_ANSWERED, PROMPT_REFUSED, PROMPT_INTERRUPTED };
/* Call when readable. The answer is the caller's to wipe; refused: end of file, or an askpass
 * that failed; interrupted: Ctrl-C. id is that of the question. */
enum prompt_result prompt_readable(struct prompt *p, uint32_t *id, struct passphrase *answer);
/* Asks and waits, for use before there is a loop. False with CONFIG when there is no answer. */
bool prompt_wait(
	struct prompt *p, const struct ask *q, struct passphrase *answer, struct err *e) MUST_CHECK;

#endif
