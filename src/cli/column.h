/*
 * Words in a column beside a heading, as many lines of a terminal as they need.
 */
#ifndef CLI_COLUMN_H
#define CLI_COLUMN_H

#include <stddef.h>
#include <stdio.h>

struct column {
	FILE *f;
	const char *head;
	size_t at; /* 0: nothing is written yet */
};

void column_word(struct column *c, const char *word);
/* A sentence, word by word. */
void column_text(struct column *c, const char *text);
/* Ends its last line, if there is any. */
void column_end(struct column *c);

#endif
