/*
 * The machine: everything that needs privilege, behind one small header.
 *
 * Perform an action, hand out a descriptor, next kernel event, undo everything. What is asked for
 * are plain values (base/outbox), so that this can become a process of its own. Before each change
 * a line is written to the journal (/run/vpnc-ike/NAME.journal), so that after a kill -9 the next
 * start, or `clean`, removes exactly what was ours.
 *
 * Each instance has a routing table, and a rule before the main table that leads there everything
 * but the traffic of our own sockets, which carries HOST_MARK.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "base/outbox.h"
#include "ike/ike.h"

#define HOST_RUN_DIR "/run/vpnc-ike"

enum {
	HOST_MARK = 0x76706e, /* SO_MARK of our own sockets, the same for all instances */
	HOST_ROUTE_PROTO = 118, /* RTPROT of our routes and rules */
	HOST_TABLE_FIRST = 47000, /* routing tables, one an instance */
	HOST_TABLES = 64,
	/* Preferences of the rules, one an instance and family, in four classes: a tunnel that carries
	 * narrow networks is asked before one that carries wide ones or everything. */
	HOST_RULE_FIRST = 1181,
	HOST_RULE_CLASSES = 4,
	HOST_POLICY_TAG =
		0x76706e00, /* "user" of the selectors of our XFRM policies, one an instance */
	HOST_IF_ID_FIRST =
		0x76706e00, /* if_id and group of the interfaces of kernel mode, one an instance */
	HOST_REQID_FIRST =
		0x76000000, /* reqid of our SAs and policies: 2^16 an instance, by child SA */
};

struct host;

/* Opens netlink, removes what killed instances left, but for their strict kill switches (that of
 * this name goes over to this instance), and takes the instance's lock.
 * LOCAL: no privilege, or the profile is already connected (the sentence names the pid). */
struct host *host_open(const char *instance, struct err *e) MUST_CHECK;
/* Undoes everything, in the reverse order, and frees. Errors are told by text, never fatal. A strict
 * kill switch stays, unless the last netconf has lifted it. */
void host_close(struct host *h, struct outbox *events);

/* What a netconf asks for is compared with what there is, and only the difference is done. A
 * failure leaves things as they were before the call. The interface is the TUN (host_tun first). */
bool host_netconf(struct host *h, const struct netconf *want, struct err *e) MUST_CHECK;
/* Finds out what the first host_netconf will need to know of the network, for who has nothing else to do meanwhile.
 * If it changes in between, host_next_event hears of it, and it is found out again. */
void host_foresee(struct host *h);

/* What was worth a warning in the calls since the last time (IPv6 that is switched off, name servers
 * that could not be set, ...) is moved to events. */
void host_warnings(struct host *h, struct outbox *events);

/* What the inner interface shall be called, instead of "vpnN". LOCAL: there is one of that name, and
 * whoever it belongs to, it is not ours (what a killed instance left is gone since host_open). */
bool host_call_interface(struct host *h, const char *name, struct err *e) MUST_CHECK;
/* A TUN interface (IFF_NO_PI, IFF_VNET_HDR, non-blocking) named "vpnN"; name is written out. One an
 * instance. The
 * descriptor is the caller's to close, before or after host_close, which removes the interface. -1
 * on failure. */
int host_tun(struct host *h, char name[16], struct err *e) MUST_CHECK;

/* What the kernel can leave to whoever reads and writes a TUN. */
enum {
	TUN_HEADER = 1, /* a struct virtio_net_hdr before each packet; nothing else goes without */
	TUN_SUM = 2, /* checksums; nothing below goes without */
	TUN_TCP4 = 4, /* runs of TCP segments in one piece of up to 64 KiB */
	TUN_TCP6 = 8,
	TUN_UDP = 16, /* and of datagrams, Linux 6.2 */
	TUN_ALL = TUN_HEADER | TUN_SUM | TUN_TCP4 | TUN_TCP6 | TUN_UDP,
};
/* Switches on what there is of those allowed, and returns it. A descriptor that is no TUN has none.
 * Needs no privilege. */
unsigned host_tun_offloads(int tun, unsigned allowed);

/* --- ESP in the kernel (XFRM) ------------------------------------------------------------------ */

/* Whether the kernel carries ESP over the family: a throwaway SA each of AES-GCM and of AES-CBC with
 * HMAC is installed and removed, for nothing else tells. */
bool host_esp_probe(struct host *h, enum family family) MUST_CHECK;
/* Why it does not, which takes longer to find out. LOCAL: what the last probe missed, and where the machine's
 * settings forbid to load it. */
void host_esp_why_not(const struct host *h, struct err *e);
/* The same without an instance, for who only wants to know. */
struct host_kernel {
	bool known; /* false: it takes root to ask */
	bool esp[2]; /* over IPv4, over IPv6 */
	char why[2][ERR_TEXT_MAX]; /* not */
	bool interface; /* it has XFRM interfaces */
	bool directions; /* it knows the direction of an SA (Linux 6.10) */
	unsigned tun; /* TUN_* that it can leave to us; 0: no interface can be made */
	bool udp_out, udp_in; /* it takes and gives many datagrams as one (UDP_SEGMENT, UDP_GRO) */
};
void host_kernel_look(struct host_kernel *out);
/* Installs an SA with exactly its SPI, and the policies that lead its selectors to it; SAs of the
 * same child and direction share them, and the newest outbound one carries the packets. The first in
 * tunnel mode brings the inner interface, "vpnN" as with host_tun. LOCAL: what the kernel refused,
 * and then nothing has changed. */
bool host_sa_install(struct host *h, const struct sa_spec *spec, struct err *e) MUST_CHECK;
/* An inbound SA that host_sa_install or host_sa_remove will follow for. The kernel gives its SPI to nobody
 * else; and what comes in for it meanwhile is kept, where the kernel can do that and it is not the first
 * SA. The last one counts. */
void host_sa_expect(struct host *h, const struct sa_ref *ref);
/* Removes the SA, and policies that no other one needs. One that is not there is no error. */
void host_sa_remove(struct host *h, const struct sa_ref *ref);

struct host_sa_counters {
	uint64_t bytes, packets, replay_drops, integrity_failures;
	uint64_t left; /* sequence numbers, outbound; UINT64_MAX inbound */
};
bool host_sa_counters(struct host *h, enum sa_dir dir, uint32_t spi, struct host_sa_counters *out);

/* What the kernel tells of our SAs: a descriptor for the loop (-1 before the first host_esp_probe),
 * and the next event. */
enum host_sa_event { HOST_SA_NOTHING, HOST_SA_USED, HOST_SA_EXPIRING, HOST_SA_EXPIRED };
int host_sa_event_fd(const struct host *h);
enum host_sa_event host_sa_next_event(struct host *h, uint32_t *spi);

/* ------------------------------------------------------------------------------------------------ */

/* A UDP socket, non-blocking and close-on-exec, with HOST_MARK and past all IPsec policies, bound to port on every address of
 * the family; port 0 or a port in use: an unprivileged one. *bound is what it got. */
int host_udp(struct host *h, enum family family, uint16_t port, uint16_t *bound,
	struct err *e) MUST_CHECK;
/* The same for L2TP beside the kernel's ESP, between the addresses of the newest SA in transport mode
 * (host_sa_install) and these ports: what it sends leaves through an SA of that child or not at all, and
 * it receives only what came out of one. -1 on failure: LOCAL; *port_taken: somebody has the port. */
int host_l2tp_udp(struct host *h, uint16_t local_port, uint16_t remote_port, bool *port_taken,
	struct err *e) MUST_CHECK;
/* The way to remote as routing (outside the tunnel) has it now: our address, without a port, path MTU, next hop,
 * and whether another instance that lives goes there. SILENT: there is no route. */
bool host_path(
	struct host *h, const struct addr *remote, struct path *out, struct err *e) MUST_CHECK;
/* Is there a way to it, by a link that has its carrier? Routes stay where that is lost. */
bool host_reaches(struct host *h, const struct addr *remote);
/* Events are about the way to this remote from here on; before, about any change. Other instances see that this
 * one goes there. */
void host_watch(struct host *h, const struct addr *remote);

/* The resolv.conf that names the servers on the network, not the resolver on this machine that asks
 * them: that one's sockets do not pass a kill switch, ours do. Where an instance wrote it, the file of before. */
const char *host_name_servers(void);
/* That one alone: past the tunnel, as resolvers ask, the servers of a tunnel are not there, or others are. NULL where
 * no instance wrote it, or this user may not read it. */
const char *host_name_servers_before(void);
/* The tunnel's own, which such a file may name among the others. How many they are. */
size_t host_tunnel_servers(const struct host *h, struct addr out[NETCONF_DNS]);

/* What happened to the machine: a descriptor for the loop, and the next event, HOST_NOTHING when
 * there is none. Networks on the link and reverse path checking are adapted meanwhile, and what
 * somebody else removed of what is set up is put back. LINK_DOWN: there was a way to the gateway and is
 * none now. INTERFACE_GONE, told once: somebody removed the tunnel's interface, or took it down, and
 * with it the routes into it, and it stays so for a second. */
enum host_event { HOST_NOTHING, HOST_PATH_CHANGED, HOST_LINK_DOWN, HOST_INTERFACE_GONE };
int host_event_fd(const struct host *h);
enum host_event host_next_event(struct host *h);

/* What is set up now, for status and the prompt. */
struct host_view {
	char interface[16];
	enum killswitch
		killswitch; /* also one that a crashed instance left and this one keeps up */
	char dns_via[32]; /* "systemd-resolved", "resolvconf", "/etc/resolv.conf", "" */
	bool no_ipv6; /* the interface cannot carry it: what should go into the tunnel goes nowhere */
	bool dns_changed;
	bool dns_covered; /* dns_via is "", for resolv.conf names another tunnel's servers */
};
void host_view(const struct host *h, struct host_view *out);

/* Which of these networks do not go into the tunnel, for that of another instance is asked first: its
 * interface, "" where that is not so. As the kernel has it now. */
void host_rivals(struct host *h, const struct route *routes, size_t n, char names[][16]);

/* Removes what killed instances left, strict kill switches as well (NULL: of every name whose owner
 * is gone). Counts what it
 * removed and tells each in events. Never touches a live instance. */
bool host_clean(
	const char *instance, struct outbox *events, size_t *removed, struct err *e) MUST_CHECK;

/* No core, not dumpable, all capabilities given up but for the few that are needed; refuses setuid. */
bool host_harden(struct err *e) MUST_CHECK;

#endif
