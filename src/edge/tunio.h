/*
 * Reading from and writing to a TUN interface in as large pieces as the kernel has them.
 *
 * Where the descriptor was opened with IFF_VNET_HDR, tunio_init finds out what the kernel can leave to
 * us: checksums, and the splitting of up to 64 KiB into TCP segments and UDP datagrams. Without any of
 * it a packet is a packet. Writes are collected and leave with tunio_flush; what was put stays where it
 * is until then.
 */
#ifndef EDGE_TUNIO_H
#define EDGE_TUNIO_H

#include "gro.h"
#include "gso.h"
#include "host/host.h"

enum { TUNIO_READ_MAX = 65535 };

struct tunio {
	int fd; /* the caller's, non-blocking */
	unsigned offloads; /* TUN_* that are on */
	uint64_t errors; /* reads and writes that failed: the interface was down, its queue full */
	struct gro gro;
	struct {
		struct virtio_net_hdr header;
		uint8_t packet[TUNIO_READ_MAX];
	} in;
};

/* allowed: TUN_* that may be used, where they are there. */
void tunio_init(struct tunio *t, int fd, unsigned allowed);
/* The next packet, or the next run of them, valid until the next call. False: there is none now. What is
 * no packet (malformed) gives a run without segments. */
bool tunio_read(struct tunio *t, struct gso *run);
/* A packet to be written with the others of the batch; its headers may be changed. */
void tunio_put(struct tunio *t, uint8_t *packet, size_t len);
/* Writes all that was put. */
void tunio_flush(struct tunio *t);
/* One packet, at once. */
void tunio_write(struct tunio *t, const uint8_t *packet, size_t len);

#endif
