/*
 * Userspace ESP over TUN, in as large pieces as the kernel has them. A packet, or a run of up to 64 KiB
 * (tunio), is read into one buffer, split from there into place (gso), one packet behind the other in the
 * buffer that leaves by UDP (burst), and sealed there, many together: one copy. What came in is opened in the UDP
 * socket's buffer and written to the TUN from there, joined (gro): no copy.
 *
 * What the UDP socket does not take waits in that buffer, and while it waits nothing is read from the
 * TUN: the queue is the kernel's own, with its limits and its fairness.
 *
 * userspace.c has the SAs and the events, userspace_out.c what comes from the TUN, userspace_in.c what
 * comes by UDP.
 *
 * One thread does all of it: on two cores a second one brought nothing. For many cores this would become
 * one struct userspace a core, each with a queue of the TUN (IFF_MULTI_QUEUE: the kernel gives a flow to
 * one queue) and a UDP socket of its own on the same port (SO_REUSEPORT, chosen by SPI), with contexts of
 * its own for the same keys. What an SA has only once would be shared: the sequence number, taken a run
 * at a time by one atomic addition; and the replay window, looked at before a batch is opened and set
 * after it, under one lock. Where the gateway knows RFC 9611 a child SA a core needs not even that.
 */
#ifndef EDGE_USERSPACE_H
#define EDGE_USERSPACE_H

#include "burst.h"
#include "carry.h"
#include "early.h"
#include "edge/dataplane.h"
#include "inbox.h"
#include "tunio.h"

struct us_sa {
	struct esp_sa *esp;
	bool used, expiring, expired; /* it has happened ... */
	bool tell_used, tell_expiring, tell_expired; /* ... and the session does not know yet */
};

struct us_table {
	size_t n;
	struct us_sa sa[USERSPACE_SAS];
};

/* Packets in the burst's room that are to be sealed together: some ciphers are faster then. */
struct us_batch {
	struct us_sa *sa;
	size_t n;
	struct esp_packet packets[ESP_BATCH];
	uint8_t tos[ESP_BATCH];
};

struct userspace {
	struct dataplane dp;
	struct udp *udp; /* the caller's */
	struct rng rng;
	uint16_t mtu; /* 0: not known yet */
	bool inbound; /* authentic ESP since the session was last told */
	size_t to_tell; /* tell_* flags that are set, over both tables */
	struct us_table in; /* by SPI */
	struct us_table out; /* the newest first */
	struct early early;
	struct dataplane_drops drops;
	struct carry carry;
	struct inbox inbox; /* of L2TP */
	struct gso run; /* what was read last, of which ... */
	size_t run_at; /* ... all before this segment is on its way */
	struct tunio tun;
	struct us_batch batch; /* empty but while the TUN is read */
	struct burst burst;
	uint8_t scratch[TUNIO_READ_MAX]; /* one packet, where it cannot be made in place */
};

struct userspace *userspace_of(struct dataplane *dp);
struct us_sa *userspace_inbound(struct userspace *us, uint32_t spi); /* NULL: there is none */
/* To be told to the session: */
void userspace_used(struct userspace *us, struct us_sa *sa); /* an authentic packet */
void userspace_expiring(struct userspace *us, struct us_sa *sa); /* if it is so now */

/* The rows of the table of operations. */
bool userspace_tun_input(struct dataplane *dp);
int userspace_waits(struct dataplane *dp);
void userspace_l2tp_send(struct dataplane *dp, const struct l2tp_datagram *d);
void userspace_esp_input(struct dataplane *dp, struct udp_datagram *d, size_t n);
void userspace_esp_early(
	struct userspace *us, struct us_sa *sa); /* what came in before it was there */
bool userspace_l2tp_next(struct dataplane *dp, struct bytes *payload);

#endif
