/*
 * What the person who connects is told, or with --json a program: by the prompt, on stderr, and in the log.
 */
#ifndef TELL_H
#define TELL_H

#include "cli/options.h"
#include "cli/render.h"
#include "cli/repl.h"
#include "logbook.h"

struct teller {
	const struct options *o;
	const char *profile; /* its name */
	struct repl *repl; /* NULL: not there yet, or no more */
	struct logbook log;
	bool connected; /* the first line on stdout has been printed */
	bool refused; /* new keys, as was told; it is said once */
};

void tell_note(struct teller *t, enum level level, const char *text); /* in the log alone */
void tell_warning(struct teller *t, const char *text);
void tell_event(struct teller *t, const struct event *ev);
/* What a command typed came to. The person sees that it was done, a script is told. */
void tell_answer(struct teller *t, const struct answer *a);
/* The same three lines on stderr and in the log. */
void tell_failure(struct teller *t, const struct down *d);

#endif
