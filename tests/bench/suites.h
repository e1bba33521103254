/*
 * The suites of ESP that are measured, without IKE to agree on them.
 */
#ifndef TESTS_BENCH_SUITES_H
#define TESTS_BENCH_SUITES_H

#include "base/types.h"

struct bench_suite {
	const char *name;
	uint16_t encr, bits, integ;
	size_t encr_key, integ_key;
};

/* NULL behind the last one. */
const struct bench_suite *bench_suite(size_t i);
/* Algorithms, ESN and window, and keys that both ends of an SPI have. */
void bench_suite_fill(struct sa_spec *spec, const struct bench_suite *s);

#endif
