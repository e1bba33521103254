/*
 * Messages of L2TP that came out of the SA, until the session takes them.
 */
#ifndef EDGE_INBOX_H
#define EDGE_INBOX_H

#include "base/bytes.h"
#include "edge/dataplane.h"

enum { INBOX_MESSAGES = 16 };

struct inbox { /* zero: empty */
	size_t first, n;
	struct {
		size_t len;
		uint8_t data[L2TP_MESSAGE_MAX];
	} v[INBOX_MESSAGES];
};

/* One that finds no place, or is too long, is lost, as on the way: the gateway repeats it. */
void inbox_put(struct inbox *x, struct bytes message);
/* The oldest, valid until the next inbox_put; false when there is none. */
bool inbox_next(struct inbox *x, struct bytes *message);

#endif
