/*
 * The data plane: who carries the packets. One table of operations, implemented by userspace ESP
 * over TUN (edge/userspace) and by the kernel's XFRM (edge/kernel, over host/).
 */
#ifndef EDGE_DATAPLANE_H
#define EDGE_DATAPLANE_H

#include "edge/udp.h"

struct sa_counters {
	uint64_t bytes, packets, replay_drops, integrity_failures;
	uint64_t left; /* sequence numbers left, UINT64_MAX where it has no meaning */
};

/* Packets dropped outside of any SA. */
struct dataplane_drops {
	uint64_t no_sa; /* from the inner interface, for no SA: never sent in clear */
	uint64_t unknown_spi; /* ESP for an SA that is not, or no longer, there: never answered */
	uint64_t malformed; /* no IP packet, or not for ESP; out of ESP where only L2TP may come */
	uint64_t too_big; /* from the inner interface: its sender was told */
	uint64_t tun_errors; /* the interface was down, its queue full */
	uint64_t
		congestion; /* marked on the way, and its sender does not know the mark (RFC 6040) */
	uint64_t not_sent; /* sealed, and refused by the system: no route, no address */
};

struct dataplane;

enum { DATAPLANE_FDS = 3, EXPECTED_MAX = 4 };

struct dataplane_ops {
	const char *name; /* "userspace", "kernel" */
	/* What comes in for this SA is kept, as far as there is room, until it is installed or removed; of
	 * those expected at the same time the last EXPECTED_MAX. Nothing fails: at worst it is lost. */
	void (*expect)(struct dataplane *dp, const struct sa_ref *ref);
	/* The newest outbound SA whose selectors match carries a packet; inbound SAs stay until
	 * removed. LOCAL: it cannot be had here, or there is no place left; BUG: the SPI is taken,
	 * for the same key must never start from its first IV again. */
	bool (*install)(struct dataplane *dp, const struct sa_spec *spec, struct err *e);
	void (*remove)(struct dataplane *dp, const struct sa_ref *ref);
	/* All SAs to other outer addresses, as they are. False: it takes new ones. */
	bool (*move)(struct dataplane *dp, const struct sa_move *to);
	bool (*counters)(
		struct dataplane *dp, enum sa_dir dir, uint32_t spi, struct sa_counters *out);
	void (*drops)(struct dataplane *dp, struct dataplane_drops *out);
	/* The inner interface changed: MSS is clamped to this, too-big packets are answered. */
	void (*set_mtu)(struct dataplane *dp, uint16_t mtu);
	/* ESP that came in by UDP; packets are opened in place. */
	void (*esp_input)(struct dataplane *dp, struct udp_datagram *d, size_t n);
	/* What is to be watched for reading; others after l2tp_link. Returns how many. */
	size_t (*fds)(struct dataplane *dp, int fds[DATAPLANE_FDS]);
	/* One of them (the TUN, the kernel's events, the socket of L2TP) is readable: seal and send one batch; true when
	 * there may be more. */
	bool (*tun_input)(struct dataplane *dp);
	/* The UDP socket that is full, -1: none. Until it can be written to, tun_input has nothing to do;
	 * then it is to be called. */
	int (*waits)(struct dataplane *dp);
	/* The session's deadline has come: note what causes no event of its own. */
	void (*look)(struct dataplane *dp);
	/* What the session wants to know, one at a time: OS_INBOUND (at most one a call until more
	 * comes in), OS_SA_USED, OS_SA_EXPIRING. False when there is nothing. */
	bool (*next_event)(struct dataplane *dp, struct os_input *out);
	/* L2TP in transport mode (edge/carry). While there is a link nothing else is carried, in
	 * either direction; what is sent goes through the newest SA that takes it, or nowhere. LOCAL:
	 * it cannot be had; *port_taken: but on another port it might. */
	bool (*l2tp_link)(struct dataplane *dp, const struct l2tp_link *link, bool *port_taken,
		struct err *e);
	void (*l2tp_send)(struct dataplane *dp, const struct l2tp_datagram *d);
	/* The next payload of a UDP datagram that is for the session: control messages, and data
	 * messages with frames of PPP's own. Valid until the next call. False when there is none. */
	bool (*l2tp_next)(struct dataplane *dp, struct bytes *payload);
	void (*free)(struct dataplane *dp);
};

struct dataplane { /* the first member of every implementation */
	const struct dataplane_ops *ops;
};

enum { L2TP_MESSAGE_MAX = 2048 }; /* octets; longer ones are dropped */
enum { USERSPACE_SAS = 256 }; /* in each direction: 64 children, each while it is being replaced */

/* tun (non-blocking, IFF_NO_PI; with IFF_VNET_HDR in large pieces, as the kernel can) and udp stay the caller's. seed: for the IVs of
 * CBC. Only ESP in UDP: install refuses an SA without (LOCAL). */
struct dataplane *userspace_new(
	int tun, struct udp *udp, const uint8_t seed[RNG_SEED_LEN], struct err *e) MUST_CHECK;

/* No more than these are used from here on, TUN_* (host.h) and UDP_* (udp.h), of which all are used that
 * the kernel has. For tests, and to measure. */
void userspace_offloads(struct dataplane *dp, unsigned tun, unsigned udp);

/* ESP in the kernel; host has been asked by host_esp_probe, and stays the caller's. What comes by UDP
 * is the kernel's from here on (udp_encapsulated). */
struct dataplane *kernel_new(struct host *host, struct udp *udp, struct err *e) MUST_CHECK;

#endif
