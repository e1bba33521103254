/*
 * Tab: which words may stand where the cursor is, from the tables of commands, options and keys.
 */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include <stddef.h>

enum { COMPLETE_WORDS_MAX = 128, COMPLETE_WORD_MAX = 80 };

struct complete {
	size_t n;
	char words[COMPLETE_WORDS_MAX][COMPLETE_WORD_MAX];
	size_t typed; /* octets of the word that is there already */
};

/* A line of the prompt, up to the cursor. Names of files are not completed here. */
void complete_prompt(struct complete *c, const char *line, size_t len);
/* Words of the shell's command line behind "vpnc-ike"; the last one is being typed. */
void complete_shell(struct complete *c, const char *const *words, size_t n);

#endif
