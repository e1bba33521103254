/*
 * The profile of every session that plays with the scripted gateway of tests/pair: its preset key and
 * algorithms.
 */
#ifndef TESTS_BENCH_PROFILE_H
#define TESTS_BENCH_PROFILE_H

#include "session/profile.h"

struct profile *bench_profile(void); /* to be freed; the program ends when there is none */

#endif
