/*
 * The UDP sockets: port 500 and 4500 (or what could be had), IPv4 and IPv6.
 *
 * Receives in batches and tells IKE messages, ESP and NAT keepalives apart (RFC 3948 section 2.2);
 * sends IKE messages with the non-ESP marker where it belongs. Datagrams point into the receiver's
 * own buffers until the next udp_receive.
 */
#ifndef EDGE_UDP_H
#define EDGE_UDP_H

#include "esp/esp.h"
#include "host/host.h"
#include "session/session.h"

enum {
	UDP_BATCH = 256,
	UDP_DATAGRAM_MAX = 10000,
	UDP_HEADROOM = 64, /* free octets before every datagram: an IP header can be put there */
};

enum udp_class { UDP_IKE, UDP_ESP };

struct udp_datagram {
	enum udp_class class;
	struct datagram dg; /* local.family FAMILY_NONE where the kernel did not say */
	uint8_t tos; /* type of service or traffic class that it came with: DSCP and ECN */
	uint8_t *
		room; /* the buffer up to the end of dg.data, for opening in place; before it may lie
			* other datagrams of the same batch */
	size_t room_len;
};

/* A bound UDP socket, IPv6 ones for IPv6 only. */
struct udp_socket {
	int fd;
	enum ike_port which;
	enum family family;
	uint16_t port; /* local */
};

struct udp_counters {
	uint64_t too_long; /* dropped: over UDP_DATAGRAM_MAX */
	uint64_t too_short; /* dropped: not even a marker */
	uint64_t keepalives; /* dropped, for that is what they are for */
	uint64_t receive_errors; /* what ICMP caused, and the like */
	uint64_t send_drops; /* keepalives that did not go out: full queue, no route */
};

struct udp;

/* Asks the host for the sockets. One family is enough; LOCAL when there is none. */
struct udp *udp_open(struct host *h, struct err *e) MUST_CHECK;
/* The same with at most 4 sockets that are there already; they belong to the result. On failure
 * (LOCAL) they stay the caller's. */
struct udp *udp_new(const struct udp_socket *sockets, size_t n, struct err *e) MUST_CHECK;
void udp_close(struct udp *u); /* NULL is fine */
const struct udp_counters *udp_counters(const struct udp *u);
/* The descriptors to watch: fills fds, returns how many (at most 4). */
size_t udp_fds(const struct udp *u, int fds[4]);
uint16_t udp_port(
	const struct udp *u, enum ike_port which, enum family family); /* local port, 0: none */
/* ESP that comes in by the NAT traversal sockets is taken by the kernel (RFC 3948); IKE goes on to come
 * here, NAT keepalives are swallowed. */
bool udp_encapsulated(struct udp *u, struct err *e) MUST_CHECK;
/* What can be done to many datagrams at once, on the NAT traversal sockets. */
enum {
	UDP_SEGMENTS = 1, /* UDP_SEGMENT: sending those of equal size as one message, Linux 4.18 */
	UDP_JOINED = 2, /* UDP_GRO: receiving them so, Linux 5.0 */
	UDP_ALL = UDP_SEGMENTS | UDP_JOINED,
};
/* Switches receiving on or off, and returns what there is of those allowed. */
unsigned udp_offloads(struct udp *u, unsigned allowed);
int udp_natt_fd(const struct udp *u, uint8_t family); /* to send ESP by; -1: none */
/* What one readable descriptor holds, at most UDP_BATCH; over-long datagrams are dropped. Errors
 * that ICMP caused are not errors: they are counted and forgotten. While udp_pending, there is more
 * of what was received already, and the next call gives that. */
size_t udp_receive(struct udp *u, int fd, struct udp_datagram out[UDP_BATCH]);
bool udp_pending(const struct udp *u);
/* An IKE message. LOCAL when it could not go out. */
bool udp_send(struct udp *u, const struct send *s, struct err *e) MUST_CHECK;
/* A one-octet NAT keepalive (RFC 3948 section 2.3). */
void udp_keepalive(struct udp *u, const struct addr *remote);

#endif
