#include "column.h"

#include <string.h>

enum { WIDTH = 79, COLUMN = 14 };

void column_word(struct column *c, const char *word)
{
	size_t n = strlen(word);

	if (c->at > 0 && c->at + 1 + n > WIDTH) {
		fputc('\n', c->f);
		c->at = 0;
		c->head = "";
	}
	if (c->at == 0)
		fprintf(c->f, "  %-*s", COLUMN - 2, c->head);
	c->at = c->at ? c->at : COLUMN - 1;
	fprintf(c->f, "%s%s", c->at >= COLUMN ? " " : "", word);
	c->at += n + 1;
}

void column_text(struct column *c, const char *text)
{
	char word[WIDTH];

	while (*text) {
		size_t n = strcspn(text, " ");
		snprintf(word, sizeof(word), "%.*s", (int)n, text);
		column_word(c, word);
		text += n;
		text += strspn(text, " ");
	}
}

void column_end(struct column *c)
{
	if (c->at > 0)
		fputc('\n', c->f);
}
