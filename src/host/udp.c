#include "priv.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * UDP sockets whose IPsec policies are their own: those for IKE and ESP are past all, that for L2TP
 * sends and receives through one child SA, or not at all.
 */

/* EINVAL is said as long as nothing that speaks netlink for IPsec is loaded; opening such a socket
 * loads it, where there is one. */
static bool ipsec_loaded(void)
{
	struct nl_sock *sk = nl_connect_xfrm(NULL);

	nl_socket_free(sk);
	return sk != NULL;
}

/* A policy of the socket's own, before all of the machine's: with a template, what an SA must have; without
 * one, past IPsec. */
struct own_policy {
	struct xfrm_userpolicy_info info;
	struct xfrm_user_tmpl template;
};

static int set_policy(int fd, enum family family, const struct own_policy *p, socklen_t len)
{
	int level = family == FAMILY_V4 ? IPPROTO_IP : IPPROTO_IPV6;
	int option = family == FAMILY_V4 ? IP_XFRM_POLICY : IPV6_XFRM_POLICY;

	return setsockopt(fd, level, option, p, len);
}

static int address_family(enum family family)
{
	return family == FAMILY_V4 ? AF_INET : AF_INET6;
}

/* Neither our own policies nor those of another daemon are for what these sockets send and receive:
 * IKE must reach the gateway outside any tunnel. A kernel without IPsec has no such option. */
static bool udp_past_policies(int fd, enum family family, struct err *e)
{
	struct own_policy p = { .info = { .action = XFRM_POLICY_ALLOW,
					.sel.family = (uint16_t)address_family(family) } };

	for (p.info.dir = XFRM_POLICY_IN; p.info.dir <= XFRM_POLICY_OUT; p.info.dir++) {
		int r = set_policy(fd, family, &p, sizeof(p.info));
		if (r < 0 && errno == EINVAL) {
			if (!ipsec_loaded())
				return true;
			r = set_policy(fd, family, &p, sizeof(p.info));
		}
		if (r < 0 && errno != ENOPROTOOPT && errno != EOPNOTSUPP)
			return nl_error(e, errno, NULL, "taking a UDP socket past IPsec policies");
	}
	return true;
}

/* RFC 3193 section 3: what is sent without the SA, or came without it, is dropped. */
static bool udp_through_sa(int fd, const struct xfrm_sa *sa, struct err *e)
{
	enum family family = sa->local.family;
	struct own_policy p = { .info = { .action = XFRM_POLICY_ALLOW,
					.sel.family = (uint16_t)address_family(family),
					.lft = { .soft_byte_limit = XFRM_INF,
						.hard_byte_limit = XFRM_INF,
						.soft_packet_limit = XFRM_INF,
						.hard_packet_limit = XFRM_INF } },
		.template = { .family = (uint16_t)address_family(family),
			.reqid = sa->reqid,
			.id.proto = IPPROTO_ESP,
			.mode = XFRM_MODE_TRANSPORT,
			.aalgos = UINT32_MAX,
			.ealgos = UINT32_MAX,
			.calgos = UINT32_MAX } };

	for (p.info.dir = XFRM_POLICY_IN; p.info.dir <= XFRM_POLICY_OUT; p.info.dir++) {
		bool in = p.info.dir == XFRM_POLICY_IN;
		const struct addr *from = in ? &sa->remote : &sa->local;
		const struct addr *to = in ? &sa->local : &sa->remote;
		memcpy(&p.template.saddr, from->ip, addr_len(family));
		memcpy(&p.template.id.daddr, to->ip, addr_len(family));
		if (set_policy(fd, family, &p, sizeof(p)) < 0)
			return nl_error(e, errno, NULL, "tying a UDP socket to an SA");
	}
	return true;
}

static bool udp_options(int fd, enum family family, struct err *e)
{
	uint32_t mark = HOST_MARK;
	int on = 1;

	/* Without the mark our own packets would go into the tunnel that they are to carry. */
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return nl_error(e, errno, NULL, "marking a UDP socket");
	if (family == FAMILY_V6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return nl_error(e, errno, NULL, "making a UDP socket for IPv6 only");
	return true;
}

static int udp_open(enum family family, struct err *e)
{
	int fd = socket(address_family(family), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err_set(e, ERR_LOCAL, "opening an IPv%d UDP socket: %s", family, strerror(errno));
	return fd;
}

static bool udp_bind(int fd, enum family family, uint16_t port, uint16_t *bound)
{
	struct addr a = { .family = (uint8_t)family, .port = port };
	struct sockaddr_storage ss;
	socklen_t len = (socklen_t)addr_to_sockaddr(&ss, &a);

	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return false;
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 || !addr_from_sockaddr(&a, &ss))
		return false;
	*bound = a.port;
	return true;
}

int host_udp(struct host *h, enum family family, uint16_t port, uint16_t *bound, struct err *e)
{
	int fd = udp_open(family, e);

	(void)h;
	*bound = 0;
	if (fd < 0)
		return -1;
	if (!udp_options(fd, family, e) || !udp_past_policies(fd, family, e))
		goto failed;
	/* No address is shared with another daemon by SO_REUSEADDR: who has the port gets the
	 * packets. A gateway answers any port, so one of the kernel's choice will do (RFC 7296
	 * section 2.23); the same where ports below 1024 are not ours to bind. */
	if (port && udp_bind(fd, family, port, bound))
		return fd;
	if (port && errno != EADDRINUSE && errno != EACCES) {
		err_set(e, ERR_LOCAL, "binding UDP port %u: %s", port, strerror(errno));
		goto failed;
	}
	if (udp_bind(fd, family, 0, bound))
		return fd;
	err_set(e, ERR_LOCAL, "binding an IPv%d UDP socket: %s", family, strerror(errno));
failed:
	close(fd);
	return -1;
}

/* Octets asked for, as with the sockets of ESP: enough for a burst, and not a queue to wait in. */
enum { L2TP_RECEIVE_BUFFER = 512 << 10, L2TP_SEND_BUFFER = 128 << 10 };

/* Never refused for its size, and no ICMP shrinks it. */
static bool l2tp_options(int fd, enum family family, struct err *e)
{
	int in = L2TP_RECEIVE_BUFFER, out = L2TP_SEND_BUFFER,
	    no_df = family == FAMILY_V4 ? IP_PMTUDISC_OMIT : IPV6_PMTUDISC_DONT;
	int level = family == FAMILY_V4 ? IPPROTO_IP : IPPROTO_IPV6;
	int option = family == FAMILY_V4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &in, sizeof(in));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &out, sizeof(out));
	return setsockopt(fd, level, option, &no_df, sizeof(no_df)) == 0 ||
		nl_error(e, errno, NULL, "a UDP socket without path MTU discovery");
}

static bool l2tp_connect(int fd, const struct xfrm_sa *sa, uint16_t local_port,
	uint16_t remote_port, bool *port_taken, struct err *e)
{
	struct addr here = sa->local, there = sa->remote;
	struct sockaddr_storage ss;
	socklen_t len;

	here.port = local_port;
	there.port = remote_port;
	len = (socklen_t)addr_to_sockaddr(&ss, &here);
	*port_taken = false;
	if (bind(fd, (struct sockaddr *)&ss, len) < 0) {
		*port_taken = errno == EADDRINUSE;
		return err_set(e, ERR_LOCAL,
			*port_taken ? "another program has UDP port %u, which L2TP needs" :
				      "UDP port %u cannot be had for L2TP",
			local_port);
	}
	len = (socklen_t)addr_to_sockaddr(&ss, &there);
	return connect(fd, (struct sockaddr *)&ss, len) == 0 ||
		err_set(e, ERR_LOCAL, "the UDP socket for L2TP: %s", strerror(errno));
}

int host_l2tp_udp(
	struct host *h, uint16_t local_port, uint16_t remote_port, bool *port_taken, struct err *e)
{
	const struct xfrm_sa *sa = xfrm_newest(h, SA_OUT, SA_TRANSPORT);

	if (!sa) {
		err_set(e, ERR_LOCAL, "there is no SA in transport mode for L2TP");
		return -1;
	}
	int fd = udp_open(sa->local.family, e);
	if (fd < 0)
		return -1;
	if (udp_options(fd, sa->local.family, e) && l2tp_options(fd, sa->local.family, e) &&
		udp_through_sa(fd, sa, e) &&
		l2tp_connect(fd, sa, local_port, remote_port, port_taken, e))
		return fd;
	close(fd);
	return -1;
}
