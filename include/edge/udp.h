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

enum { UDP_BATCH = 64, UDP_DATAGRAM_MAX = 10000 };

enum udp_class { UDP_IKE, UDP_ESP };

struct udp_datagram {
	enum udp_class class;
	struct datagram dg;
	uint8_t *room; /* the buffer around dg.data, for opening in place */
	size_t room_len;
};

struct udp;

struct udp *udp_open(struct host *h, struct err *e) MUST_CHECK;
void udp_close(struct udp *u);
/* The descriptors to watch: fills fds, returns how many (at most 4). */
size_t udp_fds(const struct udp *u, int fds[4]);
uint16_t udp_port(const struct udp *u, enum ike_port which, enum family family); /* local port, 0: none */
/* What one readable descriptor holds, at most UDP_BATCH; over-long datagrams are dropped. Errors
 * that ICMP caused are not errors: they are counted and forgotten. */
size_t udp_receive(struct udp *u, int fd, struct udp_datagram out[UDP_BATCH]);
/* An IKE message. LOCAL when it could not go out. */
bool udp_send(struct udp *u, const struct send *s, struct err *e) MUST_CHECK;
/* Sealed ESP packets of one SA, all to the same remote. EAGAIN and ENOBUFS drop and count. */
size_t udp_send_esp(struct udp *u, const struct addr *local, const struct addr *remote,
	const struct esp_packet *packets, size_t n);
/* A one-octet NAT keepalive (RFC 3948 section 2.3). */
void udp_keepalive(struct udp *u, const struct addr *remote);

#endif
