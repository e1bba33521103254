#include <unistd.h>

#include "edge/udp.h"

/* Both sockets of a family, or none. */
static size_t open_family(
	struct host *h, enum family family, struct udp_socket out[2], struct err *e)
{
	out[0] = (struct udp_socket){ .which = PORT_IKE, .family = family };
	out[1] = (struct udp_socket){ .which = PORT_NATT, .family = family };
	out[0].fd = host_udp(h, family, UDP_PORT_IKE, &out[0].port, e);
	if (out[0].fd < 0)
		return 0;
	out[1].fd = host_udp(h, family, UDP_PORT_NATT, &out[1].port, e);
	if (out[1].fd < 0) {
		close(out[0].fd);
		return 0;
	}
	return 2;
}

struct udp *udp_open(struct host *h, struct err *e)
{
	struct udp_socket sockets[4];
	struct err no_v6 = { .kind = ERR_NONE };
	size_t n = open_family(h, FAMILY_V4, sockets, e);

	/* A machine without IPv6 is no error, and one without IPv4 is none either. */
	n += open_family(h, FAMILY_V6, sockets + n, n ? &no_v6 : e);
	if (n == 0)
		return NULL;
	struct udp *u = udp_new(sockets, n, e);
	for (size_t i = 0; !u && i < n; i++)
		close(sockets[i].fd);
	return u;
}
