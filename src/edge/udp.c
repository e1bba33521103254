#define _GNU_SOURCE /* recvmmsg, sendmmsg, struct in6_pktinfo */

#include "edge/udp.h"

#include <errno.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SOCKETS_MAX = 4,
	SOCKET_BUFFER = 4 << 20, /* octets asked for; the kernel gives what its limits allow */
	MARKER_LEN = 4, /* RFC 3948 section 2.2 */
	KEEPALIVE = 0xff, /* RFC 3948 section 2.3 */
};

/* Room for one IP_PKTINFO or IPV6_PKTINFO. */
struct control {
	_Alignas(struct cmsghdr) uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp {
	struct udp_socket sockets[SOCKETS_MAX];
	size_t n;
	struct udp_counters counters;
	/* One batch, received or about to be sent; receiving keeps iov[i] at rooms[i]. */
	struct mmsghdr received[UDP_BATCH], sending[UDP_BATCH];
	struct iovec received_iov[UDP_BATCH], sending_iov[UDP_BATCH];
	struct sockaddr_storage names[UDP_BATCH];
	struct control controls[UDP_BATCH];
	uint8_t rooms[UDP_BATCH][UDP_HEADROOM + UDP_DATAGRAM_MAX];
};

static bool set_option(int fd, int level, int name, int value, const char *what, struct err *e)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		return err_set(e, ERR_LOCAL, "UDP socket: %s: %s", what, strerror(errno));
	return true;
}

/*
 * Outer packets go out without DF and are never refused for their size. The inner MTU is computed
 * from the path, so they fit; where the path is narrower than anybody knew, routers (IPv4) or the
 * kernel (IPv6) fragment them, and the tunnel gets slow instead of going dead, as it would with DF
 * on a path that swallows the ICMP answers. Forged ICMP shrinks nothing (RFC 4301 section 8.2).
 * No IP_RECVERR: ICMP is not authenticated, so there is nothing that it could make us do.
 */
static bool set_up(const struct udp_socket *s, struct err *e)
{
	bool v6 = s->family == FAMILY_V6;
	int buffer = SOCKET_BUFFER;

	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	if (v6)
		return set_option(
			       s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO", e) &&
			set_option(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT,
				"IPV6_MTU_DISCOVER", e);
	return set_option(s->fd, IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO", e) &&
		set_option(
			s->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, "IP_MTU_DISCOVER", e);
}

struct udp *udp_new(const struct udp_socket *sockets, size_t n, struct err *e)
{
	if (n > SOCKETS_MAX) {
		err_set(e, ERR_BUG, "%zu UDP sockets", n);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (!set_up(&sockets[i], e))
			return NULL;
	struct udp *u = calloc(1, sizeof(*u));
	if (!u) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	memcpy(u->sockets, sockets, n * sizeof(*sockets));
	u->n = n;
	for (size_t i = 0; i < UDP_BATCH; i++) {
		u->received_iov[i] = (struct iovec){ u->rooms[i] + UDP_HEADROOM, UDP_DATAGRAM_MAX };
		u->received[i].msg_hdr = (struct msghdr){ .msg_iov = &u->received_iov[i],
			.msg_iovlen = 1,
			.msg_name = &u->names[i],
			.msg_control = &u->controls[i] };
	}
	return u;
}

void udp_close(struct udp *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->n; i++)
		close(u->sockets[i].fd);
	free(u);
}

const struct udp_counters *udp_counters(const struct udp *u)
{
	return &u->counters;
}

size_t udp_fds(const struct udp *u, int fds[4])
{
	for (size_t i = 0; i < u->n; i++)
		fds[i] = u->sockets[i].fd;
	return u->n;
}

static const struct udp_socket *find_socket(
	const struct udp *u, enum ike_port which, uint8_t family)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->sockets[i].which == which && u->sockets[i].family == family)
			return &u->sockets[i];
	return NULL;
}

uint16_t udp_port(const struct udp *u, enum ike_port which, enum family family)
{
	const struct udp_socket *s = find_socket(u, which, family);

	return s ? s->port : 0;
}

bool udp_encapsulated(struct udp *u, struct err *e)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->sockets[i].which == PORT_NATT &&
			!set_option(u->sockets[i].fd, IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP,
				"UDP_ENCAP", e))
			return false;
	return true;
}

/* --- receiving ------------------------------------------------------------------------------ */

/* The address a datagram was sent to. */
static void read_local(struct addr *local, struct msghdr *m, uint16_t port)
{
	*local = (struct addr){ .family = FAMILY_NONE };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
			c->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
			struct in_pktinfo info;
			uint8_t ip[16] = { 0 };
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(ip, &info.ipi_spec_dst, sizeof(info.ipi_spec_dst));
			addr_set(local, FAMILY_V4, ip, port);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
			c->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			addr_set(local, FAMILY_V6, info.ipi6_addr.s6_addr, port);
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				local->scope = info.ipi6_ifindex;
		}
	}
}

/* IKE, ESP, or nothing that anybody wants (RFC 3948 sections 2.1 to 2.3). */
static bool classify(struct udp *u, const struct udp_socket *s, struct udp_datagram *d)
{
	static const uint8_t marker[MARKER_LEN];
	struct datagram *dg = &d->dg;

	if (dg->len == 1 && dg->data[0] == KEEPALIVE) {
		u->counters.keepalives++;
		return false;
	}
	if (dg->len < MARKER_LEN) {
		u->counters.too_short++;
		return false;
	}
	d->class = UDP_IKE;
	if (s->which == PORT_IKE)
		return true;
	if (memcmp(dg->data, marker, MARKER_LEN) != 0) {
		d->class = UDP_ESP;
		return true;
	}
	dg->data += MARKER_LEN;
	dg->len -= MARKER_LEN;
	return true;
}

static bool take_datagram(
	struct udp *u, const struct udp_socket *s, size_t i, struct udp_datagram *d)
{
	struct msghdr *m = &u->received[i].msg_hdr;

	if (m->msg_flags & MSG_TRUNC) {
		u->counters.too_long++;
		return false;
	}
	*d = (struct udp_datagram){ .room = u->rooms[i],
		.room_len = sizeof(u->rooms[i]),
		.dg = { .on = s->which,
			.data = u->rooms[i] + UDP_HEADROOM,
			.len = u->received[i].msg_len } };
	if (!addr_from_sockaddr(&d->dg.remote, &u->names[i])) {
		u->counters.receive_errors++;
		return false;
	}
	read_local(&d->dg.local, m, s->port);
	return classify(u, s, d);
}

size_t udp_receive(struct udp *u, int fd, struct udp_datagram out[UDP_BATCH])
{
	const struct udp_socket *s = NULL;
	size_t n = 0;

	for (size_t i = 0; i < u->n; i++)
		if (u->sockets[i].fd == fd)
			s = &u->sockets[i];
	if (!s)
		return 0;
	for (size_t i = 0; i < UDP_BATCH; i++) {
		u->received[i].msg_hdr.msg_namelen = sizeof(u->names[i]);
		u->received[i].msg_hdr.msg_controllen = sizeof(u->controls[i]);
		u->received[i].msg_hdr.msg_flags = 0;
	}
	int got = recvmmsg(fd, u->received, UDP_BATCH, MSG_DONTWAIT, NULL);
	if (got < 0 && errno != EAGAIN && errno != EINTR)
		u->counters.receive_errors++; /* reading it took it off the socket */
	for (int i = 0; i < got; i++)
		n += take_datagram(u, s, (size_t)i, &out[n]);
	return n;
}

/* --- sending -------------------------------------------------------------------------------- */

/* What all messages of one call have in common: where to, and from which of our addresses. */
struct route_to {
	struct sockaddr_storage name;
	size_t name_len;
	struct control control;
	size_t control_len; /* 0: the kernel chooses our address */
};

static void put_control(struct route_to *r, int level, int type, const void *info, size_t len)
{
	struct msghdr m = { .msg_control = &r->control, .msg_controllen = sizeof(r->control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), info, len);
	r->control_len = CMSG_SPACE(len);
}

static void route_to(struct route_to *r, const struct addr *local, const struct addr *remote)
{
	memset(r, 0, sizeof(*r));
	r->name_len = addr_to_sockaddr(&r->name, remote);
	if (local->family != remote->family)
		return;
	if (local->family == FAMILY_V4) {
		struct in_pktinfo info = { .ipi_ifindex = 0 };
		memcpy(&info.ipi_spec_dst, local->ip, sizeof(info.ipi_spec_dst));
		put_control(r, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = local->scope };
		memcpy(&info.ipi6_addr, local->ip, sizeof(info.ipi6_addr));
		put_control(r, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

static struct msghdr message(struct route_to *r, struct iovec *iov, size_t n)
{
	return (struct msghdr){ .msg_name = &r->name,
		.msg_namelen = (socklen_t)r->name_len,
		.msg_iov = iov,
		.msg_iovlen = n,
		.msg_control = r->control_len ? &r->control : NULL,
		.msg_controllen = r->control_len };
}

/* Worth trying again at once: an error that was left on the socket by something before. */
static bool stale_error(void)
{
	return errno == EINTR || errno == ECONNREFUSED;
}

bool udp_send(struct udp *u, const struct send *s, struct err *e)
{
	static const uint8_t marker[MARKER_LEN];
	const struct udp_socket *socket = find_socket(u, s->from, s->remote.family);
	struct iovec iov[2] = { { (void *)marker, MARKER_LEN }, { (void *)s->data, s->len } };
	struct route_to r;
	char to[ADDR_TEXT_MAX];

	if (!socket)
		return err_set(e, ERR_LOCAL, "there is no UDP socket to send to %s from",
			addr_port_text(to, &s->remote));
	route_to(&r, &s->local, &s->remote);
	struct msghdr m = s->from == PORT_NATT ? message(&r, iov, 2) : message(&r, iov + 1, 1);
	ssize_t n = sendmsg(socket->fd, &m, 0);
	if (n < 0 && stale_error())
		n = sendmsg(socket->fd, &m, 0);
	if (n < 0)
		return err_set(e, ERR_LOCAL, "sending to %s: %s", addr_port_text(to, &s->remote),
			strerror(errno));
	return true;
}

/* Sends n messages that are laid out; what cannot go is left behind. Returns how many went. */
static size_t send_batch(struct udp *u, int fd, size_t n)
{
	size_t at = 0, sent = 0, retried = 0;

	while (at < n) {
		int done = sendmmsg(fd, u->sending + at, (unsigned)(n - at), MSG_DONTWAIT);
		if (done > 0) {
			at += (size_t)done;
			sent += (size_t)done;
		} else if (stale_error() && retried++ < n) {
			continue;
		} else if (errno == EAGAIN) { /* the queue is full: the rest would meet the same */
			u->counters.send_drops += n - at;
			break;
		} else {
			u->counters.send_drops++;
			at++;
		}
	}
	return sent;
}

size_t udp_send_esp(struct udp *u, const struct addr *local, const struct addr *remote,
	const struct esp_packet *packets, size_t n)
{
	const struct udp_socket *socket = find_socket(u, PORT_NATT, remote->family);
	size_t sent = 0, filled = 0;
	struct route_to r;

	route_to(&r, local, remote);
	for (size_t i = 0; i < n; i++) {
		if (packets[i].verdict != ESP_OK)
			continue;
		if (!socket) {
			u->counters.send_drops++;
			continue;
		}
		u->sending_iov[filled] = (struct iovec){ packets[i].data, packets[i].len };
		u->sending[filled].msg_hdr = message(&r, &u->sending_iov[filled], 1);
		if (++filled == UDP_BATCH) {
			sent += send_batch(u, socket->fd, filled);
			filled = 0;
		}
	}
	return filled ? sent + send_batch(u, socket->fd, filled) : sent;
}

void udp_keepalive(struct udp *u, const struct addr *remote)
{
	const struct udp_socket *socket = find_socket(u, PORT_NATT, remote->family);
	static const uint8_t keepalive = KEEPALIVE;
	static const struct addr any;
	struct iovec iov = { (void *)&keepalive, 1 };
	struct route_to r;

	route_to(&r, &any, remote);
	struct msghdr m = message(&r, &iov, 1);
	if (!socket || sendmsg(socket->fd, &m, MSG_DONTWAIT) < 0)
		u->counters.send_drops++;
}
