#include "priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int tun_device(struct err *e)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		err_set(e, ERR_LOCAL,
			"this kernel has no TUN device: /dev/net/tun: %s "
			"(module tun; in a container it must be passed in)",
			strerror(errno));
	else if (errno == EACCES || errno == EPERM)
		err_set(e, ERR_LOCAL, "/dev/net/tun may not be opened by this user: %s",
			strerror(errno));
	else
		err_set(e, ERR_LOCAL, "/dev/net/tun cannot be opened: %s", strerror(errno));
	return -1;
}

/* Not IPv6 addresses of the kernel's own making, nor what somebody announces through the tunnel:
 * the interface has the addresses that the gateway assigned. It vanishes with its descriptor, and
 * these settings with it, so they need no journal. A kernel without IPv6 has none of the files. */
void link_quiet_ipv6(const char *name)
{
	static const struct {
		const char *file, *value;
	} rows[] = { { "addr_gen_mode", "1\n" }, { "accept_ra", "0\n" }, { "autoconf", "0\n" } };
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", name, rows[i].file);
		(void)!sysctl_write(path, rows[i].value, NULL);
	}
}

/* The slot's number, which no other instance has, or with 64 more each time where a foreign
 * interface is called so. */
int host_tun(struct host *h, char name[16], struct err *e)
{
	int fd = tun_device(e);

	if (fd < 0)
		return -1;
	for (unsigned number = h->slot; number < 1000; number += HOST_TABLES) {
		struct ifreq ifr = { .ifr_flags =
					     IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL | IFF_VNET_HDR };
		snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "vpn%u", number);
		if (ioctl(fd, TUNSETIFF, &ifr) == 0) {
			snprintf(h->tun, sizeof(h->tun), "%s", ifr.ifr_name);
			h->link = (int)if_nametoindex(h->tun);
			break;
		}
		if (errno != EBUSY && errno != EEXIST && errno != EINVAL) {
			nl_error(e, errno, NULL, "making a TUN interface");
			close(fd);
			return -1;
		}
	}
	if (h->link == 0) {
		err_set(e, ERR_LOCAL, "making a TUN interface: all names from vpn%u on are taken",
			h->slot);
		close(fd);
		return -1;
	}
	link_quiet_ipv6(h->tun);
	snprintf(name, 16, "%s", h->tun);
	return fd;
}

/* Since Linux 6.2, both at once; older headers lack the names. */
enum { OFFLOAD_USO4 = 0x20, OFFLOAD_USO6 = 0x40 };

static const struct {
	unsigned what, flags;
} offloads[] = {
	{ TUN_SUM, TUN_F_CSUM },
	{ TUN_TCP4, TUN_F_TSO4 | TUN_F_TSO_ECN },
	{ TUN_TCP6, TUN_F_TSO6 | TUN_F_TSO_ECN },
	{ TUN_UDP, OFFLOAD_USO4 | OFFLOAD_USO6 },
};

/* The kernel takes all that it is asked for, or nothing. */
static bool take_offloads(int tun, unsigned wanted)
{
	unsigned long flags = 0;

	for (size_t i = 0; i < ARRAY_LEN(offloads); i++)
		if (wanted & offloads[i].what)
			flags |= offloads[i].flags;
	return ioctl(tun, TUNSETOFFLOAD, flags) == 0;
}

unsigned host_tun_offloads(int tun, unsigned allowed)
{
	struct ifreq ifr = { .ifr_flags = 0 };
	unsigned have = TUN_HEADER;

	if (ioctl(tun, TUNGETIFF, &ifr) < 0 || !(ifr.ifr_flags & IFF_VNET_HDR))
		return 0;
	if (!(allowed & TUN_SUM) || !take_offloads(tun, TUN_SUM)) {
		(void)take_offloads(tun, 0);
		return have;
	}
	have |= TUN_SUM;
	for (size_t i = 1; i < ARRAY_LEN(offloads); i++)
		if (allowed & offloads[i].what && take_offloads(tun, have | offloads[i].what))
			have |= offloads[i].what;
	return have;
}
