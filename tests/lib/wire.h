/*
 * A wire for frames between two ends, on a clock that only the test moves: with the loss,
 * duplicates and reordering asked for. One seed gives one course of events. Times are milliseconds.
 */
#ifndef TESTS_LIB_WIRE_H
#define TESTS_LIB_WIRE_H

#include "lib/test.h"

enum { WIRE_FRAMES = 256, WIRE_FRAME_MAX = 2048 };

struct wire {
	unsigned loss, dup, reorder; /* per cent */
	unsigned delay, jitter; /* each takes delay + 0..jitter; a reordered one 50 ms more */
	bool cut; /* nothing gets through any more */
	uint32_t random;
	unsigned sent;
	size_t n;
	struct {
		uint64_t at, order;
		int to;
		size_t len;
		uint8_t data[WIRE_FRAME_MAX];
	} flights[WIRE_FRAMES];
	uint64_t order;
};

void wire_init(struct wire *w, uint32_t seed);
void wire_send(struct wire *w, uint64_t now, int to, struct bytes frame);
/* When the next one arrives, TIME_NEVER: none is under way. */
uint64_t wire_next(const struct wire *w);
/* Takes the next one off, if it has arrived by now; out has room for WIRE_FRAME_MAX. */
bool wire_take(struct wire *w, uint64_t now, int *to, uint8_t *out, size_t *len);

#endif
