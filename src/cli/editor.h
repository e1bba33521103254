/*
 * libedit, made to fit an event loop: it is handed one whole key at a time and never reads itself.
 */
#ifndef CLI_EDITOR_H
#define CLI_EDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct editor;

/* On stdin and stdout, which are terminals; the history of earlier runs is there. From now on keys
 * come one by one and unechoed, with the prompt shown or not. NULL and LOCAL: it cannot. */
struct editor *editor_open(const char *prompt, struct err *e) MUST_CHECK;
void editor_close(struct editor *ed); /* the terminal as it was, the history kept; NULL is fine */

/* Octets of the first whole key in what was read: a character, or an escape sequence; 0: more must
 * come. */
size_t editor_key_len(const char *in, size_t n);

/* Columns that n octets of text take on the screen. */
size_t editor_columns(const char *text, size_t n);

enum editor_event { EDITOR_MORE, EDITOR_LINE, EDITOR_CANCEL, EDITOR_LEAVE };
/* One key. EDITOR_LINE: the line is in out, without its end; the prompt is hidden then. */
enum editor_event editor_key(struct editor *ed, const char *key, size_t n, char *out, size_t size);

/* The prompt and an empty line, or what was put away; again: nothing. */
void editor_show(struct editor *ed);
/* Off the screen; what was typed is there when it is shown again. Whether there is any. */
bool editor_put_away(struct editor *ed);
void editor_hide(struct editor *ed); /* what was typed is dropped */
/* Around printing: wipes prompt and line off the screen, and draws them again below. */
void editor_erase(struct editor *ed);
void editor_draw(struct editor *ed);

#endif
