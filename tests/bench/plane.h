/*
 * One end of a tunnel without IKE: a TUN called "bench0" and the userspace data plane over UDP port
 * 4500, in the network namespace that the caller is in. Needs root.
 */
#ifndef TESTS_BENCH_PLANE_H
#define TESTS_BENCH_PLANE_H

#include "edge/dataplane.h"

enum { PLANE_PORT = 4500 };

struct plane_end {
	struct dataplane *dp;
	struct udp *udp;
	int tun, fd; /* fd: of the UDP socket */
	bool waits; /* for room in the UDP socket, as far as the caller's epoll knows */
};

/* allowed: TUN_* bits, and UDP_* bits 256 for each, that may be used. */
bool plane_open(struct plane_end *p, const struct addr *local, unsigned allowed, struct err *e);
void plane_close(struct plane_end *p);

/* The TUN and the socket come to epoll as tag and tag + 1. */
void plane_watch(struct plane_end *p, int epoll, uint32_t tag);
/* One of them is ready. */
void plane_handle(struct plane_end *p, bool socket, uint32_t events);
/* Everything that has come in. */
void plane_drain(struct plane_end *p);
/* After all that were ready: whether the socket is full. */
void plane_settle(struct plane_end *p, int epoll, uint32_t tag);

/* Datagrams that the socket's queue had no place for. */
unsigned plane_overflows(const struct plane_end *p);

#endif
