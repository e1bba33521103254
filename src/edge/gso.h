/*
 * Splitting what the kernel hands over in one piece: a packet of up to 64 KiB that stands for a run of
 * TCP segments or UDP datagrams, with what the kernel says about it (struct virtio_net_hdr). And the
 * checksums that it leaves to us. Pure; the counterpart is gro.h.
 */
#ifndef EDGE_GSO_H
#define EDGE_GSO_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp/flow.h"

/* Values of gso_type that older kernel headers lack. */
enum { GSO_UDP_L4 = 5 };

struct gso {
	const uint8_t *packet; /* the caller's */
	struct flow flow; /* of the packet as a whole */
	size_t header; /* octets before the payload that is split */
	size_t size; /* octets of payload in each segment; the last may have fewer */
	size_t count; /* segments, at least 1 */
	bool split; /* it stands for segments, even when for one only */
	/* split: of IPv4's header, and of TCP's or UDP's with what it adds up besides, all that is the same in
	 * every segment */
	uint32_t sum_ip, sum_l4;
	size_t sum_from,
		sum_at; /* not split, and its checksum is to be finished; sum_from 0: it is */
};

/* False: no IP packet, or not what h says it is. */
bool gso_read(struct gso *g, const struct virtio_net_hdr *h, const uint8_t *packet, size_t len);
/* Octets of segment i; none is longer than the first. */
size_t gso_len(const struct gso *g, size_t i);
/* Writes segment i, gso_len octets, as a whole packet with its checksums. */
void gso_write(const struct gso *g, size_t i, uint8_t *out);

#endif
