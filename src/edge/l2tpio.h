/*
 * L2TP beside the kernel's ESP: packets of a TUN interface as PPP frames in L2TP data messages over a
 * UDP socket, which the kernel protects, in transport mode or not at all (host_l2tp_udp).
 */
#ifndef EDGE_L2TPIO_H
#define EDGE_L2TPIO_H

#include "base/outbox.h"
#include "inbox.h"

struct l2tpio;

/* tun (as host_tun gives it) and udp (non-blocking, connected; -1: none yet) belong to the
 * result. NULL when memory runs out: they stay the caller's then. */
struct l2tpio *l2tpio_new(int tun, int udp) MUST_CHECK;
void l2tpio_free(struct l2tpio *x); /* NULL is fine */
void l2tpio_set_mtu(struct l2tpio *x, uint16_t mtu); /* MSS is clamped to it */
void l2tpio_link(struct l2tpio *x, const struct l2tp_link *link);
void l2tpio_send(struct l2tpio *x, const struct l2tp_datagram *d);
/* Carries a batch of what is there to be read, in both directions. */
void l2tpio_work(struct l2tpio *x);
bool l2tpio_next(struct l2tpio *x, struct bytes *payload);
/* Another socket, in the place of the one it has; -1: none for now. */
void l2tpio_socket(struct l2tpio *x, int udp);
/* Datagrams and packets that could not be written, or were neither. */
uint64_t l2tpio_drops(const struct l2tpio *x);

#endif
