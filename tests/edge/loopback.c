#include "loopback.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/test.h"

static bool bind_one(struct udp_socket *s, enum ike_port which, enum family family)
{
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t len = sizeof(ss);
	int on = 1;

	*s = (struct udp_socket){ .which = which, .family = family };
	s->fd = socket(family == FAMILY_V4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return false;
	addr_parse(&a, family == FAMILY_V4 ? "127.0.0.1" : "::1");
	if (family == FAMILY_V6)
		setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	size_t n = addr_to_sockaddr(&ss, &a);
	if (bind(s->fd, (struct sockaddr *)&ss, (socklen_t)n) < 0 ||
		getsockname(s->fd, (struct sockaddr *)&ss, &len) < 0) {
		close(s->fd);
		return false;
	}
	addr_from_sockaddr(&a, &ss);
	s->port = a.port;
	return true;
}

bool loopback_has_v6(void)
{
	struct udp_socket s;
	bool has = bind_one(&s, PORT_IKE, FAMILY_V6);

	if (has)
		close(s.fd);
	return has;
}

struct udp *loopback_udp(void)
{
	struct udp_socket s[4];
	struct err e = { .kind = ERR_NONE };
	size_t n = 0;

	for (unsigned i = 0; i < 4; i++)
		n += bind_one(&s[n], i & 1 ? PORT_NATT : PORT_IKE, i & 2 ? FAMILY_V6 : FAMILY_V4);
	assert_true(n >= 2);
	struct udp *u = udp_new(s, n, &e);
	if (!u)
		fail_msg("%s", e.text);
	return u;
}

struct addr loopback_addr(const struct udp *u, enum ike_port which, enum family family)
{
	struct addr a;

	addr_parse(&a, family == FAMILY_V4 ? "127.0.0.1" : "::1");
	a.port = udp_port(u, which, family);
	return a;
}

static size_t receive_within(struct udp *u, struct udp_datagram out[UDP_BATCH], int ms)
{
	struct pollfd p[4];
	int fds[4];
	size_t n = udp_fds(u, fds);

	if (udp_pending(u))
		return udp_receive(u, fds[0], out);
	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	if (poll(p, n, ms) <= 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (p[i].revents)
			return udp_receive(u, fds[i], out);
	return 0;
}

size_t loopback_receive(struct udp *u, struct udp_datagram out[UDP_BATCH])
{
	return receive_within(u, out, 1000);
}

void loopback_send(struct udp *u, const struct addr *to, const void *data, size_t len)
{
	struct sockaddr_storage ss;
	size_t n = addr_to_sockaddr(&ss, to);

	assert_int_equal(sendto(udp_natt_fd(u, to->family), data, len, 0, (struct sockaddr *)&ss,
				 (socklen_t)n),
		len);
}

bool loopback_silent(struct udp *u)
{
	struct udp_datagram d[UDP_BATCH];

	return receive_within(u, d, 0) ==
		0; /* the loopback interface delivers before sendto returns */
}

struct tun_pair tun_pair_open(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	return (struct tun_pair){ .plane = fds[0], .user = fds[1] };
}

void tun_pair_close(struct tun_pair *t)
{
	close(t->plane);
	close(t->user);
}
