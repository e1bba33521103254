/*
 * What nobody reads must not hold up the tunnel: a full pipe, a stopped pager, a terminal that hangs.
 *
 * The descriptors are shared with other programs, so they stay blocking ones. Between begin and end a write
 * that waits is ended by a signal after a moment (EINTR, or it was short), again and again; what it would have
 * written is lost. Whoever has much to write asks first.
 */
#ifndef CLI_PATIENCE_H
#define CLI_PATIENCE_H

#include <stdbool.h>

void patience_begin(void);
void patience_end(void);
/* What is written to fd now would wait. */
bool patience_needed(int fd);

#endif
