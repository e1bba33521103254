/*
 * Shorthand for changes to the gateway's messages, in tables.
 */
#ifndef TESTS_PAIR_IMPAIR_H
#define TESTS_PAIR_IMPAIR_H

#include "gateway.h"

#define ZEROS_8  "0000000000000000"
#define ZEROS_32 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 /* octets */
#define ZEROS_64 ZEROS_32 ZEROS_32

#define EDIT(operation, type, ...)                                        \
	{                                                                 \
		.op = (operation), .payload = PAYLOAD_##type, __VA_ARGS__ \
	}
#define SET(type, where, what) EDIT(EDIT_SET, type, .at = (where), .hex = (what))
#define ADD(type, what)        EDIT(EDIT_ADD, type, .hex = (what))
/* A message of one notify: protocol and SPI size, type, data. */
#define ONLY(what) { .op = EDIT_NOTHING }, EDIT(EDIT_ADD, N, .hex = (what))

#endif
