#include "plane.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_tun(unsigned allowed)
{
	struct ifreq ifr = { .ifr_name = "bench0", .ifr_flags = (short)(IFF_TUN | IFF_NO_PI) };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (allowed & TUN_HEADER)
		ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_VNET_HDR);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		perror("TUN");
	return fd;
}

static int open_socket(const struct addr *local)
{
	struct sockaddr_storage ss;
	size_t len = addr_to_sockaddr(&ss, local);
	int fd = socket(local->family == FAMILY_V4 ? AF_INET : AF_INET6,
		SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, (socklen_t)len) < 0)
		perror("UDP");
	return fd;
}

bool plane_open(struct plane_end *p, const struct addr *local, unsigned allowed, struct err *e)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 1 };
	struct addr bound = *local;

	bound.port = PLANE_PORT;
	*p = (struct plane_end){ .tun = open_tun(allowed), .fd = open_socket(&bound) };
	struct udp_socket s = {
		.fd = p->fd, .which = PORT_NATT, .family = local->family, .port = PLANE_PORT
	};
	if (p->tun < 0 || p->fd < 0)
		return err_set(e, ERR_LOCAL, "no TUN or no UDP socket");
	p->udp = udp_new(&s, 1, e);
	p->dp = p->udp ? userspace_new(p->tun, p->udp, seed, e) : NULL;
	if (p->dp)
		userspace_offloads(p->dp, allowed & 255, allowed / 256);
	return p->dp != NULL;
}

void plane_close(struct plane_end *p)
{
	if (p->dp)
		p->dp->ops->free(p->dp);
	udp_close(p->udp);
	if (p->tun >= 0)
		close(p->tun);
}

static void watch(int epoll, int op, int fd, uint32_t events, uint32_t tag)
{
	struct epoll_event ev = { .events = events, .data.u32 = tag };

	epoll_ctl(epoll, op, fd, &ev);
}

void plane_watch(struct plane_end *p, int epoll, uint32_t tag)
{
	watch(epoll, EPOLL_CTL_ADD, p->tun, EPOLLIN, tag);
	watch(epoll, EPOLL_CTL_ADD, p->fd, EPOLLIN, tag + 1);
}

/* False: there was nothing. */
static bool receive(struct plane_end *p)
{
	struct udp_datagram d[UDP_BATCH];
	bool any = false;

	do {
		size_t n = udp_receive(p->udp, p->fd, d), esp = 0;
		while (esp < n && d[esp].class == UDP_ESP)
			esp++;
		if (esp > 0)
			p->dp->ops->esp_input(p->dp, d, esp);
		any |= esp > 0;
	} while (udp_pending(p->udp));
	return any;
}

void plane_drain(struct plane_end *p)
{
	while (receive(p))
		;
}

void plane_handle(struct plane_end *p, bool socket, uint32_t events)
{
	if (!socket || events & EPOLLOUT)
		p->dp->ops->tun_input(p->dp);
	if (socket && events & EPOLLIN)
		receive(p);
}

void plane_settle(struct plane_end *p, int epoll, uint32_t tag)
{
	bool waits = p->dp->ops->waits(p->dp) >= 0;

	if (waits == p->waits)
		return;
	p->waits = waits;
	watch(epoll, EPOLL_CTL_MOD, p->fd, waits ? EPOLLIN | EPOLLOUT : EPOLLIN, tag + 1);
	watch(epoll, EPOLL_CTL_MOD, p->tun, waits ? 0 : EPOLLIN, tag);
}

unsigned plane_overflows(const struct plane_end *p)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(p->fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		perror("SO_MEMINFO");
	return info[SK_MEMINFO_DROPS];
}
