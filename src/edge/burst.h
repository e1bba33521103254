/*
 * Datagrams on their way out, laid one behind the other: those of equal size to one destination leave as
 * one message that the kernel takes apart again (UDP_SEGMENT), all messages with one system call.
 *
 * A datagram is made in place, in room that burst_room gives. What the socket does not take stays here, in
 * order, and nothing is put behind it that there is no room for: whoever makes datagrams then waits until
 * the socket can be written to. So no more is ever queued than this and the socket's own buffer.
 */
#ifndef EDGE_BURST_H
#define EDGE_BURST_H

#include "base/types.h"

enum {
	BURST_MESSAGES = 64,
	BURST_OCTETS = 2 * 65536,
	BURST_SEGMENTS = 64, /* what every kernel with UDP_SEGMENT takes */
	BURST_MESSAGE_MAX = 65000, /* with every header less than 64 KiB */
};

struct burst_to {
	int fd;
	struct addr local; /* family NONE: whatever the system chooses */
	struct addr remote;
	uint8_t tos; /* type of service or traffic class: DSCP and ECN */
};

struct burst_message {
	struct burst_to to;
	size_t at, len;
	size_t segment; /* octets of each datagram, the last may have fewer */
	size_t count;
};

struct burst {
	bool segments; /* the kernel has UDP_SEGMENT */
	uint64_t drops; /* what the system refused for good */
	size_t first, n; /* messages: the first that has not left; behind the last */
	size_t given; /* rooms that nothing was put into yet */
	size_t used; /* octets */
	struct burst_message messages[BURST_MESSAGES];
	uint8_t octets[BURST_OCTETS];
};

void burst_start(struct burst *b, bool segments);
/* Room for one more datagram of len octets, or NULL: flush first. */
uint8_t *burst_room(struct burst *b, size_t len);
/* What was written there is a datagram of len octets; 0: there will be none. For each room once, in the
 * order in which they were given. */
void burst_add(struct burst *b, const struct burst_to *to, const uint8_t *room, size_t len);
/* Not while a room waits for its datagram. False: the socket is full, and what is left waits for it. */
bool burst_flush(struct burst *b);
/* The socket that is waited for, -1: none. */
int burst_waits(const struct burst *b);

#endif
