/*
 * Where a message goes and how: address and control data of sendmsg, written once for all messages that
 * have them in common.
 */
#ifndef EDGE_ROUTE_TO_H
#define EDGE_ROUTE_TO_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/types.h"

enum { ROUTE_INFO_MAX = 20 }; /* octets of a struct in6_pktinfo */

struct route_to {
	struct sockaddr_storage name;
	size_t name_len;
	size_t control_len;
	/* Our address, type of service, size of segments. */
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(ROUTE_INFO_MAX) +
		CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint16_t))];
};

/* To remote, from local where it has the same family, else from where the kernel chooses. */
void route_to(struct route_to *r, const struct addr *local, const struct addr *remote);
/* And each once: */
void route_tos(struct route_to *r, uint8_t family, uint8_t tos);
void route_segment(struct route_to *r, uint16_t octets); /* UDP_SEGMENT */

struct msghdr route_message(struct route_to *r, struct iovec *iov, size_t n);

#endif
