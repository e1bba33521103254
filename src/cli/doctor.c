#include "doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/alg.h"

enum { DOCTOR_PATH_MAX = 512, DOCTOR_LINE_MAX = 512 };

struct doctor {
	const char *root;
	FILE *to;
	bool well; /* nothing is in the way so far */
};

enum finding { FINE, NOTE, BAD };

static void tell(struct doctor *d, enum finding f, const char *what, const char *fmt, ...)
	PRINTF(4, 5);
static void tell(struct doctor *d, enum finding f, const char *what, const char *fmt, ...)
{
	static const char *const marks[] = { [FINE] = "ok", [NOTE] = "note", [BAD] = "BAD" };
	va_list ap;

	fprintf(d->to, "  %-5s %-12s ", marks[f], what);
	va_start(ap, fmt);
	vfprintf(d->to, fmt, ap);
	va_end(ap);
	fputc('\n', d->to);
	if (f == BAD)
		d->well = false;
}

static const char *below_root(const struct doctor *d, const char *path, char out[DOCTOR_PATH_MAX])
{
	snprintf(out, DOCTOR_PATH_MAX, "%s%s", d->root, path);
	return out;
}

static FILE *open_file(const struct doctor *d, const char *path)
{
	char whole[DOCTOR_PATH_MAX];

	return fopen(below_root(d, path, whole), "re");
}

static bool is_there(const struct doctor *d, const char *path, int how)
{
	char whole[DOCTOR_PATH_MAX];

	return access(below_root(d, path, whole), how) == 0;
}

/* On a file system that nobody writes to; who may is another question. */
static bool is_read_only(const struct doctor *d, const char *path)
{
	return !is_there(d, path, W_OK) && errno == EROFS;
}

/* CapEff of this process, as the kernel says it. */
static void look_privilege(struct doctor *d)
{
	FILE *f = open_file(d, "/proc/self/status");
	char line[DOCTOR_LINE_MAX];
	unsigned long long effective = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "CapEff:", 7) == 0)
			effective = strtoull(line + 7, NULL, 16);
	if (f)
		fclose(f);
	if (effective >> CAP_NET_ADMIN & 1)
		tell(d, FINE, "privilege", "may change addresses and routes (CAP_NET_ADMIN)");
	else
		tell(d, BAD, "privilege",
			"may not change addresses and routes: run connect with sudo");
}

/* Its node may be there without it. */
static void look_tun(struct doctor *d)
{
	char whole[DOCTOR_PATH_MAX];
	int fd = open(below_root(d, "/dev/net/tun", whole), O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		tell(d, BAD, "tun",
			"/dev/net/tun cannot be opened: %s: modprobe tun, or give it to the "
			"container",
			strerror(errno));
		return;
	}
	close(fd);
	tell(d, FINE, "tun", "/dev/net/tun can be opened");
}

/* Userspace ESP is as fast as the kernel lets it work on many packets at once. */
static void look_offloads(struct doctor *d, const struct host_kernel *k)
{
	static const struct {
		unsigned what;
		const char *name;
	} rows[] = { { TUN_SUM, "checksums" }, { TUN_TCP4, "TCP over IPv4 in large pieces" },
		{ TUN_TCP6, "TCP over IPv6 in large pieces" },
		{ TUN_UDP, "UDP in large pieces (Linux 6.2)" } };

	for (size_t i = 0; k->tun && i < ARRAY_LEN(rows); i++)
		if (!(k->tun & rows[i].what))
			tell(d, NOTE, "tun", "it does not leave us %s, which is slower",
				rows[i].name);
	if (k->tun == TUN_ALL)
		tell(d, FINE, "tun", "TCP and UDP come from it in large pieces");
	if (!k->udp_out)
		tell(d, NOTE, "udp",
			"packets go out one by one (UDP_SEGMENT, Linux 4.18), which is slower");
	if (!k->udp_in)
		tell(d, NOTE, "udp",
			"packets come in one by one (UDP_GRO, Linux 5.0), which is slower");
	if (k->udp_out && k->udp_in)
		tell(d, FINE, "udp", "many packets go out and come in as one");
}

/* Without the kernel's this program does it, so nothing here is in the way. */
static void look_esp(struct doctor *d, const struct host_kernel *k)
{
	static const char *const families[] = { "IPv4", "IPv6" };

	if (!k->known) {
		tell(d, NOTE, "esp", "it takes root to ask the kernel: sudo vpnc-ike doctor");
		return;
	}
	if (k->esp[0] && k->esp[1])
		tell(d, FINE, "esp", "in the kernel");
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (!k->esp[i] && k->why[i][0])
			tell(d, NOTE, "esp", "over %s: %s: packets are carried in userspace",
				families[i], k->why[i]);
	if (!k->esp[0] || !k->esp[1])
		return;
	if (k->interface)
		tell(d, FINE, "interface", "an XFRM interface leads into the kernel's tunnel");
	else
		tell(d, NOTE, "interface",
			"no XFRM interfaces (module xfrm_interface): a dummy takes its place");
	if (k->directions)
		tell(d, FINE, "sa", "this kernel uses an SA only in its own direction");
	else
		tell(d, FINE, "sa", "directions of SAs are not known to this kernel");
}

static void look_algorithms(struct doctor *d)
{
	char missing[DOCTOR_LINE_MAX] = "";
	const struct alg *a;
	bool all = true;

	for (size_t i = 0; (a = alg_row(i)); i++) {
		size_t n = strlen(missing);
		if (!alg_usable(a))
			snprintf(missing + n, sizeof(missing) - n, "%s%s", n ? ", " : "", a->iana);
		else if (!alg_works(a))
			tell(d, NOTE, "algorithms", "%s: does not work in this OpenSSL", a->iana);
		all = all && alg_usable(a) && alg_works(a);
	}
	if (missing[0])
		tell(d, NOTE, "algorithms", "not in this OpenSSL: %s", missing);
	if (all)
		tell(d, FINE, "algorithms", "this OpenSSL has all that are known here");
}

/* "  sl  local_address ...", then "   1: 00000000:01F4 ...", all in hexadecimal. */
static bool port_in_use(const struct doctor *d, const char *table, unsigned port)
{
	FILE *f = open_file(d, table);
	char line[DOCTOR_LINE_MAX];
	bool found = false;

	while (f && fgets(line, sizeof(line), f)) {
		const char *address = strchr(line, ':');
		const char *local = address ? strchr(address + 1, ':') : NULL;
		found = found || (local && strtoul(local + 1, NULL, 16) == port);
	}
	if (f)
		fclose(f);
	return found;
}

static void look_ports(struct doctor *d)
{
	static const unsigned ports[] = { UDP_PORT_IKE, UDP_PORT_NATT };

	for (size_t i = 0; i < ARRAY_LEN(ports); i++)
		if (port_in_use(d, "/proc/net/udp", ports[i]) ||
			port_in_use(d, "/proc/net/udp6", ports[i]))
			tell(d, NOTE, "port",
				"UDP %u is in use: another will be taken, which most gateways accept",
				ports[i]);
		else
			tell(d, FINE, "port", "UDP %u is free", ports[i]);
}

/* Programs that speak IKE, as the kernel cuts their names. */
static bool is_ike_daemon(const char *name)
{
	static const char *const names[] = { "charon", "charon-systemd", "charon-nm", "charon-cmd",
		"pluto", "iked", "isakmpd", "racoon", "vpnc" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void look_daemons(struct doctor *d)
{
	char path[DOCTOR_PATH_MAX], name[32];
	struct dirent *entry;
	size_t found = 0;

	DIR *dir = opendir(below_root(d, "/proc", path));
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		FILE *f = isdigit((unsigned char)entry->d_name[0]) ? open_file(d, path) : NULL;
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f)) {
			name[strcspn(name, "\n")] = 0;
			if (is_ike_daemon(name)) {
				found++;
				tell(d, NOTE, "daemon", "%s is running (process %s)", name,
					entry->d_name);
			}
		}
		fclose(f);
	}
	if (dir)
		closedir(dir);
	if (found == 0)
		tell(d, FINE, "daemon", "no other IKE daemon is running");
}

/* Sockets, locks, and what has to be undone. */
static void look_run(struct doctor *d)
{
	if (is_read_only(d, "/run"))
		tell(d, BAD, "run", "/run is read-only: connect has to write to " HOST_RUN_DIR);
}

/* In the order in which connect tries them. */
static void look_dns(struct doctor *d)
{
	if (is_there(d, "/run/systemd/resolve/io.systemd.Resolve", F_OK))
		tell(d, FINE, "dns",
			"systemd-resolved: names of the tunnel's domains alone can go through it");
	else if (is_there(d, "/sbin/resolvconf", X_OK) || is_there(d, "/usr/sbin/resolvconf", X_OK))
		tell(d, NOTE, "dns",
			"resolvconf: all names go through the tunnel, not only its domains");
	else if (is_read_only(d, "/etc/resolv.conf"))
		tell(d, NOTE, "dns",
			"/etc/resolv.conf is read-only: the tunnel's name servers will not be used");
	else if (is_there(d, "/etc/resolv.conf", F_OK))
		tell(d, NOTE, "dns",
			"/etc/resolv.conf is changed while connected, and put back; all names go "
			"through the tunnel");
	else
		tell(d, NOTE, "dns",
			"no /etc/resolv.conf: one is made while connected; all names go through the "
			"tunnel");
}

static void look_ipv6(struct doctor *d)
{
	FILE *f = open_file(d, "/proc/sys/net/ipv6/conf/all/disable_ipv6");
	int c = f ? fgetc(f) : EOF;

	if (f)
		fclose(f);
	if (c == '0')
		tell(d, FINE, "ipv6", "is there");
	else
		tell(d, NOTE, "ipv6", "is switched off on this machine");
}

bool doctor_look(const char *root, const struct host_kernel *kernel, FILE *to)
{
	struct doctor d = { .root = root, .to = to, .well = true };

	look_privilege(&d);
	look_tun(&d);
	look_offloads(&d, kernel);
	look_esp(&d, kernel);
	look_algorithms(&d);
	look_ports(&d);
	look_daemons(&d);
	look_run(&d);
	look_dns(&d);
	look_ipv6(&d);
	return d.well;
}
