/*
 * UDP sockets on the loopback addresses, in place of those that the host would hand out, and a pair
 * of descriptors that keeps packets apart, in place of a TUN.
 */
#ifndef TESTS_EDGE_LOOPBACK_H
#define TESTS_EDGE_LOOPBACK_H

#include "edge/udp.h"

/* Both ports, IPv4 and IPv6 (where the machine has it), bound to 127.0.0.1 and ::1. */
struct udp *loopback_udp(void);
bool loopback_has_v6(void);
/* Where the socket of u can be reached. */
struct addr loopback_addr(const struct udp *u, enum ike_port which, enum family family);
/* Waits (a second at most) for datagrams on any socket of u; returns how many came in one batch. */
size_t loopback_receive(struct udp *u, struct udp_datagram out[UDP_BATCH]);
/* As it is, by the NAT traversal socket. */
void loopback_send(struct udp *u, const struct addr *to, const void *data, size_t len);
/* Nothing is there. */
bool loopback_silent(struct udp *u);

struct tun_pair {
	int plane; /* for the data plane */
	int user; /* what the kernel would write and read */
};

struct tun_pair tun_pair_open(void);
void tun_pair_close(struct tun_pair *t);

#endif
