/*
 * Putting together again what belongs together: TCP segments and UDP datagrams of one flow that came out
 * of ESP in one batch become one packet for the kernel, to be written with one system call. The
 * counterpart of gso.h, and like that pure.
 *
 * Only what gso_write would split into exactly the same octets is joined: whole packets without IP
 * options or extension headers, consecutive, of equal size but for the last, equal in everything but
 * length, identification, sequence number, checksum and PSH, and with right checksums, for nobody
 * looks at those again. Packets of one flow stay in order.
 */
#ifndef EDGE_GRO_H
#define EDGE_GRO_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GRO_PACKETS = 256, /* in one batch */
	GRO_BUCKETS = 256, /* a power of two */
};

enum { GRO_TCP4 = 1, GRO_TCP6 = 2, GRO_UDP4 = 4, GRO_UDP6 = 8 };

struct gro_packet {
	uint8_t *data;
	size_t len;
	uint16_t next; /* of the same group, 0: it is the last */
};

/* Packets that leave together; those it consists of follow the first by next. */
struct gro_group {
	uint16_t first, last, n; /* packets + 1 */
	uint16_t older; /* group + 1 with the same hash, 0: none */
	bool open; /* more may join */
	bool verified; /* its checksum was found to be right */
	uint8_t kind; /* GRO_*, 0: of no kind that can be joined */
	uint16_t l4, header; /* where TCP or UDP begins, and what they carry */
	uint16_t size; /* octets of payload in all but the last */
	size_t total; /* octets of the whole */
};

struct gro {
	unsigned kinds; /* what the kernel takes in one piece */
	size_t n_packets, n_groups;
	struct gro_packet packets[GRO_PACKETS];
	struct gro_group groups[GRO_PACKETS];
	uint16_t newest[GRO_BUCKETS]; /* group + 1 */
};

/* Empty. */
void gro_start(struct gro *g, unsigned kinds);
/* Takes a whole IP packet, which stays where it is until the batch is over; its headers may be changed.
 * False: the batch is full. */
bool gro_add(struct gro *g, uint8_t *packet, size_t len);
/* When nothing more comes: the header of a group is made to be that of the whole, and h tells the kernel
 * how to take it apart again. */
void gro_finish(struct gro *g, struct gro_group *group, struct virtio_net_hdr *h);

#endif
