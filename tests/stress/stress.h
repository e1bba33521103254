/*
 * Random lives of connections: one seed, one life, which fails by cmocka's assertions.
 */
#ifndef TESTS_STRESS_STRESS_H
#define TESTS_STRESS_STRESS_H

#include "pair/net.h"

enum {
	DEEDS_MAX = 24, /* in a life */
	SETTLED_S = 600, /* so long the two may take to agree once all is calm */
};

void stress_v1(void **seed); /* uint32_t */
void stress_v2(void **seed);
void stress_relogin(void **seed);

/* Lifetimes and networks by the seed: from a perfect one to a fifth of all datagrams lost. */
void stress_begin(struct net_config *wire, struct net *dice);
uint64_t stress_seconds(struct net *dice, uint32_t least); /* or 0 */
uint64_t stress_pause(struct net *dice); /* until something else happens, milliseconds */

#endif
