/*
 * libedit, opened when the prompt is: nothing else needs it, and a program that is linked with it and
 * the three that it brings along starts some tenths of a millisecond later. The prototypes are those of
 * its own header, so the compiler checks each call.
 */
#ifndef CLI_LIBEDIT_H
#define CLI_LIBEDIT_H

#include <histedit.h>

#include "base/err.h"

#define LIBEDIT_CALLS(X) \
	X(el_init)       \
	X(el_end)        \
	X(el_get)        \
	X(el_set)        \
	X(el_wset)       \
	X(el_gets)       \
	X(el_line)       \
	X(el_insertstr)  \
	X(el_cursor)     \
	X(el_resize)     \
	X(history_init)  \
	X(history_end)   \
	X(history)

struct libedit {
#define LIBEDIT_MEMBER(name) __typeof__(name) *(name);
	LIBEDIT_CALLS(LIBEDIT_MEMBER)
#undef LIBEDIT_MEMBER
};

/* NULL and LOCAL where it cannot be had. It stays open. */
const struct libedit *libedit_open(struct err *e) MUST_CHECK;

#endif
