#define _GNU_SOURCE /* struct in6_pktinfo */

#include "route_to.h"

#include <linux/udp.h>
#include <string.h>

_Static_assert(sizeof(struct in6_pktinfo) <= ROUTE_INFO_MAX, "the larger of the two");

static void put_control(struct route_to *r, int level, int type, const void *info, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)(r->control + r->control_len);

	memset(c, 0, CMSG_SPACE(len));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), info, len);
	r->control_len += CMSG_SPACE(len);
}

void route_to(struct route_to *r, const struct addr *local, const struct addr *remote)
{
	r->name_len = addr_to_sockaddr(&r->name, remote);
	r->control_len = 0;
	if (local->family != remote->family)
		return;
	if (local->family == FAMILY_V4) {
		struct in_pktinfo info = { .ipi_ifindex = 0 };
		memcpy(&info.ipi_spec_dst, local->ip, sizeof(info.ipi_spec_dst));
		put_control(r, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (local->family == FAMILY_V6) {
		struct in6_pktinfo info = { .ipi6_ifindex = local->scope };
		memcpy(&info.ipi6_addr, local->ip, sizeof(info.ipi6_addr));
		put_control(r, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

void route_tos(struct route_to *r, uint8_t family, uint8_t tos)
{
	int value = tos;

	put_control(r, family == FAMILY_V6 ? IPPROTO_IPV6 : IPPROTO_IP,
		family == FAMILY_V6 ? IPV6_TCLASS : IP_TOS, &value, sizeof(value));
}

void route_segment(struct route_to *r, uint16_t octets)
{
	put_control(r, IPPROTO_UDP, UDP_SEGMENT, &octets, sizeof(octets));
}

struct msghdr route_message(struct route_to *r, struct iovec *iov, size_t n)
{
	return (struct msghdr){ .msg_name = &r->name,
		.msg_namelen = (socklen_t)r->name_len,
		.msg_iov = iov,
		.msg_iovlen = n,
		.msg_control = r->control_len ? r->control : NULL,
		.msg_controllen = r->control_len };
}
