/*
 * What gro.h and gso.h owe each other: joined packets, split again, are the same packets, and those of
 * one flow come in the same order. For the unit tests and the fuzz target.
 */
#ifndef TESTS_LIB_REGROUP_H
#define TESTS_LIB_REGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../src/edge/gro.h"
#include "../src/edge/gso.h"

enum { REGROUP_PACKETS = 64, REGROUP_ROOM = 2048 };

struct regroup {
	size_t n;
	struct {
		size_t len;
		uint8_t data[REGROUP_ROOM];
	} packets[REGROUP_PACKETS];
	/* What became of them. */
	struct gro gro;
	struct virtio_net_hdr header;
	uint8_t whole[65536]; /* the group looked at last, as it would be written */
	size_t whole_len;
};

/* Copies it in. */
void regroup_add(struct regroup *r, const void *packet, size_t len);
/* Joins all there are, and splits them again: NULL, or what is wrong. groups: how many there were. */
const char *regroup_check(struct regroup *r, unsigned kinds, size_t *groups);

#endif
