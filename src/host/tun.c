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

static bool name_taken(struct err *e, const char *name)
{
	return err_set(e, ERR_LOCAL,
		"there is an interface %s already, and it is not this program's: choose another "
		"name for network.interface, or auto",
		name);
}

bool host_call_interface(struct host *h, const char *name, struct err *e)
{
	snprintf(h->called, sizeof(h->called), "%s", name);
	return if_nametoindex(name) == 0 || name_taken(e, name);
}

/* The slot's number, which no other instance has, or with 64 more each time where a foreign
 * interface is called so. */
bool link_name(const struct host *h, unsigned attempt, char name[16], struct err *e)
{
	unsigned number = h->slot + attempt * HOST_TABLES;

	if (h->called[0]) {
		snprintf(name, 16, "%s", h->called);
		return attempt == 0 || name_taken(e, name);
	}
	snprintf(name, 16, "vpn%u", number);
	return number < 1000 ||
		err_set(e, ERR_LOCAL,
			"making the tunnel's interface: all names from vpn%u on are taken",
			h->slot);
}

const char *link_name_now(const struct host *h, char name[16])
{
	if (!h->link || !if_indextoname((unsigned)h->link, name))
		snprintf(name, 16, "%s", h->tun);
	return name;
}

int host_tun(struct host *h, char name[16], struct err *e)
{
	int fd = tun_device(e);

	if (fd < 0)
		return -1;
	for (unsigned attempt = 0; h->link == 0; attempt++) {
		struct ifreq ifr = { .ifr_flags =
					     IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL | IFF_VNET_HDR };
		if (!link_name(h, attempt, ifr.ifr_name, e)) {
			close(fd);
			return -1;
		}
		if (ioctl(fd, TUNSETIFF, &ifr) == 0) {
			snprintf(h->tun, sizeof(h->tun), "%s", ifr.ifr_name);
			h->link = (int)if_nametoindex(h->tun);
			break;
		}
		int code = errno;
		if (if_nametoindex(ifr.ifr_name) == 0) {
			nl_error(e, code, NULL, "making a TUN interface");
			close(fd);
			return -1;
		}
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

/* By an interface that is gone again at once. */
unsigned tun_probe(void)
{
	struct ifreq ifr = { .ifr_name = "vpnprobe%d",
		.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	int fd = tun_device(NULL);
	unsigned have = 0;

	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr) == 0)
		have = host_tun_offloads(fd, TUN_ALL);
	if (fd >= 0)
		close(fd);
	return have;
}
