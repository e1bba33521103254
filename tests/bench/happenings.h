/*
 * What happens next in a simulation of many clients: a heap, the earliest first, and of those of one moment the one that
 * was put in first.
 */
#ifndef TESTS_BENCH_HAPPENINGS_H
#define TESTS_BENCH_HAPPENINGS_H

#include <stddef.h>
#include <stdint.h>

struct happening {
	uint64_t at, order; /* microseconds */
	enum { TICK, TO_GATEWAY, DONE, TO_CLIENT, FORGET } what;
	uint32_t client, number; /* number: of the half-open SA */
	size_t len;
	uint8_t *data;
};

struct happenings {
	struct happening *v; /* the first is the next */
	size_t n, cap;
	uint64_t order; /* of the next that is put in */
};

void happenings_push(struct happenings *x, struct happening h);
struct happening happenings_pop(struct happenings *x);

#endif
