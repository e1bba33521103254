#define _GNU_SOURCE /* recvmmsg, sendmmsg, struct in6_pktinfo */

#include "edge/udp.h"

#include <errno.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "route_to.h"

enum {
	SOCKETS_MAX = 4,
	MESSAGES = 8, /* in one system call */
	MESSAGE_MAX = 65536, /* octets: of many datagrams, or of one */
	/* Octets asked for; the kernel doubles them for what it needs itself. A longer queue loses no
	 * fewer packets of TCP, it only makes them late: this is about a millisecond at 5 Gbit/s. */
	RECEIVE_BUFFER = 1 << 19,
	SEND_BUFFER = 1 << 17,
	MARKER_LEN = 4, /* RFC 3948 section 2.2 */
	KEEPALIVE = 0xff, /* RFC 3948 section 2.3 */
};

/* Room for IP_PKTINFO or IPV6_PKTINFO, the type of service, and the size of segments. */
struct control {
	_Alignas(struct cmsghdr)
		uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
};

/* What one message brought: one datagram, or several of equal size (UDP_GRO). */
struct message {
	const struct udp_socket *socket;
	struct addr local, remote;
	uint8_t tos;
	uint8_t *room;
	size_t at, len; /* in room: what has not been handed out */
	size_t segment; /* octets of each but the last */
};

struct udp {
	struct udp_socket sockets[SOCKETS_MAX];
	size_t n;
	struct udp_counters counters;
	size_t got, next; /* messages received, and the first that is not all handed out */
	struct message messages[MESSAGES];
	struct mmsghdr headers[MESSAGES];
	struct iovec iov[MESSAGES];
	struct sockaddr_storage names[MESSAGES];
	struct control controls[MESSAGES];
	uint8_t rooms[MESSAGES][UDP_HEADROOM + MESSAGE_MAX];
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
 * on a path that swallows the ICMP answers. Forged ICMP shrinks nothing (RFC 4301 section 8.2): with
 * OMIT the kernel does not note what it says, with DONT alone it would, for the route as well. For IPv6
 * that could not go below 1280, and the source alone can make fragments there.
 * No IP_RECVERR: ICMP is not authenticated, so there is nothing that it could make us do.
 */
static bool set_up(const struct udp_socket *s, struct err *e)
{
	bool v6 = s->family == FAMILY_V6;
	int receive = RECEIVE_BUFFER, send = SEND_BUFFER;

	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
	setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
	if (v6)
		return set_option(
			       s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO", e) &&
			set_option(s->fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1, "IPV6_RECVTCLASS", e) &&
			set_option(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT,
				"IPV6_MTU_DISCOVER", e);
	return set_option(s->fd, IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO", e) &&
		set_option(s->fd, IPPROTO_IP, IP_RECVTOS, 1, "IP_RECVTOS", e) &&
		set_option(
			s->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT, "IP_MTU_DISCOVER", e);
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
	for (size_t i = 0; i < MESSAGES; i++) {
		u->iov[i] = (struct iovec){ u->rooms[i] + UDP_HEADROOM, MESSAGE_MAX };
		u->headers[i].msg_hdr = (struct msghdr){ .msg_iov = &u->iov[i],
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

int udp_natt_fd(const struct udp *u, uint8_t family)
{
	const struct udp_socket *s = find_socket(u, PORT_NATT, family);

	return s ? s->fd : -1;
}

/* Switching UDP_SEGMENT to 0, where it is, tells that it is there. */
unsigned udp_offloads(struct udp *u, unsigned allowed)
{
	unsigned have = allowed & UDP_SEGMENTS ? UDP_SEGMENTS : 0;
	int on = allowed & UDP_JOINED ? 1 : 0, zero = 0;

	if (on)
		have |= UDP_JOINED;
	for (size_t i = 0; i < u->n; i++) {
		const struct udp_socket *s = &u->sockets[i];
		if (s->which != PORT_NATT)
			continue;
		if (setsockopt(s->fd, IPPROTO_UDP, UDP_SEGMENT, &zero, sizeof(zero)) < 0)
			have &= ~(unsigned)UDP_SEGMENTS;
		if (setsockopt(s->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) < 0)
			have &= ~(unsigned)UDP_JOINED;
	}
	return have;
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

static int control_int(const struct cmsghdr *c)
{
	int value = 0;

	if (c->cmsg_len >= CMSG_LEN(sizeof(value)))
		memcpy(&value, CMSG_DATA(c), sizeof(value));
	else if (c->cmsg_len > CMSG_LEN(0))
		value = *CMSG_DATA(c);
	return value;
}

/* The address it was sent to, the type of service it came with, and how large the datagrams are. */
static void read_control(struct message *m, struct cmsghdr *c, uint16_t port)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
		c->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
		struct in_pktinfo info;
		uint8_t ip[16] = { 0 };
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		memcpy(ip, &info.ipi_spec_dst, sizeof(info.ipi_spec_dst));
		addr_set(&m->local, FAMILY_V4, ip, port);
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
		c->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
		struct in6_pktinfo info;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		addr_set(&m->local, FAMILY_V6, info.ipi6_addr.s6_addr, port);
		if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
			m->local.scope = info.ipi6_ifindex;
	} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
		(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)) {
		m->tos = (uint8_t)control_int(c);
	} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
		m->segment = (size_t)control_int(c);
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

/* False: it is lost. */
static bool take_message(struct udp *u, const struct udp_socket *s, size_t i, struct message *m)
{
	struct msghdr *h = &u->headers[i].msg_hdr;

	*m = (struct message){
		.socket = s, .room = u->rooms[i], .at = UDP_HEADROOM, .len = u->headers[i].msg_len
	};
	if (h->msg_flags & MSG_TRUNC) {
		u->counters.too_long++;
		return false;
	}
	if (!addr_from_sockaddr(&m->remote, &u->names[i])) {
		u->counters.receive_errors++;
		return false;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
		read_control(m, c, s->port);
	if (m->segment == 0 || m->segment > m->len)
		m->segment = m->len;
	return true;
}

static void receive(struct udp *u, const struct udp_socket *s)
{
	u->got = u->next = 0;
	for (size_t i = 0; i < MESSAGES; i++) {
		u->headers[i].msg_hdr.msg_namelen = sizeof(u->names[i]);
		u->headers[i].msg_hdr.msg_controllen = sizeof(u->controls[i]);
		u->headers[i].msg_hdr.msg_flags = 0;
	}
	int n = recvmmsg(s->fd, u->headers, MESSAGES, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		u->counters.receive_errors++; /* reading it took it off the socket */
	for (int i = 0; i < n; i++)
		u->got += take_message(u, s, (size_t)i, &u->messages[u->got]);
}

/* The next datagram of a message; false when it is for nobody. */
static bool take_datagram(struct udp *u, struct message *m, struct udp_datagram *d)
{
	size_t len = m->segment < m->len ? m->segment : m->len;

	*d = (struct udp_datagram){ .room = m->room,
		.room_len = m->at + len,
		.tos = m->tos,
		.dg = { .on = m->socket->which,
			.local = m->local,
			.remote = m->remote,
			.data = m->room + m->at,
			.len = len } };
	m->at += len;
	m->len -= len;
	if (len > UDP_DATAGRAM_MAX) {
		u->counters.too_long++;
		return false;
	}
	return classify(u, m->socket, d);
}

bool udp_pending(const struct udp *u)
{
	return u->next < u->got;
}

size_t udp_receive(struct udp *u, int fd, struct udp_datagram out[UDP_BATCH])
{
	size_t n = 0;

	for (size_t i = 0; !udp_pending(u) && i < u->n; i++)
		if (u->sockets[i].fd == fd)
			receive(u, &u->sockets[i]);
	while (udp_pending(u) && n < UDP_BATCH) {
		struct message *m = &u->messages[u->next];
		n += take_datagram(u, m, &out[n]);
		u->next += m->len == 0;
	}
	return n;
}

/* --- sending -------------------------------------------------------------------------------- */

/* Worth trying again at once: an error that was left on the socket by something before. */
static bool stale_error(void)
{
	return errno == EINTR || errno == ECONNREFUSED;
}

/* What the data plane has put into the socket may take long to leave, and IKE does not wait for it: a request
 * that has to be repeated costs half a second, and a delete is said once. */
static ssize_t send_beyond(int fd, const struct msghdr *m)
{
	int more = SEND_BUFFER / 2 * 3, usual = SEND_BUFFER;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &more, sizeof(more));
	ssize_t n = sendmsg(fd, m, 0);
	int why = errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &usual, sizeof(usual));
	errno = why;
	return n;
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
	struct msghdr m =
		s->from == PORT_NATT ? route_message(&r, iov, 2) : route_message(&r, iov + 1, 1);
	ssize_t n = sendmsg(socket->fd, &m, 0);
	if (n < 0 && stale_error())
		n = sendmsg(socket->fd, &m, 0);
	if (n < 0 && errno == EAGAIN)
		n = send_beyond(socket->fd, &m);
	if (n < 0)
		return err_set(e, ERR_LOCAL, "sending to %s: %s", addr_port_text(to, &s->remote),
			strerror(errno));
	return true;
}

void udp_keepalive(struct udp *u, const struct addr *remote)
{
	const struct udp_socket *socket = find_socket(u, PORT_NATT, remote->family);
	static const uint8_t keepalive = KEEPALIVE;
	static const struct addr any;
	struct iovec iov = { (void *)&keepalive, 1 };
	struct route_to r;

	route_to(&r, &any, remote);
	struct msghdr m = route_message(&r, &iov, 1);
	if (!socket || sendmsg(socket->fd, &m, MSG_DONTWAIT) < 0)
		u->counters.send_drops++;
}
