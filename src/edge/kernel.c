#include <stdlib.h>
#include <string.h>

#include "edge/dataplane.h"

/*
 * ESP in the kernel. All work is the host's, which speaks to the kernel; this keeps what the session
 * wants to know. Packets cause no wake-up here: whether the gateway lives is read from the counters of
 * the inbound SAs, when the session is about to ask it.
 */

enum { KERNEL_SAS = 256 };

struct inbound {
	uint32_t spi;
	uint64_t packets; /* when last looked */
};

struct kernel {
	struct dataplane dp;
	struct host *host; /* the caller's */
	size_t n;
	struct inbound in[KERNEL_SAS];
	bool inbound; /* authentic ESP since the session was last told */
};

static struct kernel *of(struct dataplane *dp)
{
	return (struct kernel *)dp;
}

static bool k_install(struct dataplane *dp, const struct sa_spec *spec, struct err *e)
{
	struct kernel *k = of(dp);

	if (spec->dir == SA_IN && k->n == KERNEL_SAS)
		return err_set(e, ERR_LOCAL, "there are %zu ESP SAs already", k->n);
	if (!host_sa_install(k->host, spec, e))
		return false;
	if (spec->dir == SA_IN)
		k->in[k->n++] = (struct inbound){ .spi = spec->spi };
	return true;
}

static void k_remove(struct dataplane *dp, const struct sa_ref *ref)
{
	struct kernel *k = of(dp);

	for (size_t i = 0; ref->dir == SA_IN && i < k->n; i++)
		if (k->in[i].spi == ref->spi)
			k->in[i] = k->in[--k->n];
	host_sa_remove(k->host, ref);
}

static bool k_counters(struct dataplane *dp, enum sa_dir dir, uint32_t spi, struct sa_counters *out)
{
	struct host_sa_counters c;

	if (!host_sa_counters(of(dp)->host, dir, spi, &c))
		return false;
	*out = (struct sa_counters){ .bytes = c.bytes,
		.packets = c.packets,
		.replay_drops = c.replay_drops,
		.integrity_failures = c.integrity_failures,
		.left = c.left };
	return true;
}

/* What the kernel drops outside of any SA it counts for the whole machine, not for us. */
static void k_drops(struct dataplane *dp, struct dataplane_drops *out)
{
	(void)dp;
	*out = (struct dataplane_drops){ 0 };
}

/* The MTU of the interface is the host's business, and all that the kernel needs. */
static void k_set_mtu(struct dataplane *dp, uint16_t mtu)
{
	(void)dp;
	(void)mtu;
}

/* What came in before the kernel took over: its SA was not there yet. */
static void k_esp_input(struct dataplane *dp, struct udp_datagram *d, size_t n)
{
	(void)dp;
	(void)d;
	(void)n;
}

/* next_event reads. */
static bool k_tun_input(struct dataplane *dp)
{
	(void)dp;
	return false;
}

static int k_waits(struct dataplane *dp)
{
	(void)dp;
	return -1;
}

static void k_look(struct dataplane *dp)
{
	struct kernel *k = of(dp);
	struct host_sa_counters c;

	for (size_t i = 0; i < k->n; i++) {
		if (!host_sa_counters(k->host, SA_IN, k->in[i].spi, &c))
			continue;
		k->inbound = k->inbound || c.packets != k->in[i].packets;
		k->in[i].packets = c.packets;
	}
}

static bool k_next_event(struct dataplane *dp, struct os_input *out)
{
	struct kernel *k = of(dp);
	uint32_t spi = 0;

	if (k->inbound) {
		k->inbound = false;
		*out = (struct os_input){ .kind = OS_INBOUND, .ok = true };
		return true;
	}
	enum host_sa_event ev = host_sa_next_event(k->host, &spi);
	if (ev == HOST_SA_NOTHING)
		return false;
	*out = (struct os_input){
		.kind = ev == HOST_SA_USED ? OS_SA_USED : OS_SA_EXPIRING, .ok = true, .spi = spi
	};
	return true;
}

/* L2TP would need a TUN besides the kernel's ESP. */
static bool k_l2tp_link(struct dataplane *dp, const struct l2tp_link *link, struct err *e)
{
	(void)dp;
	return link->local_port == 0 ||
		err_set(e, ERR_LOCAL, "the kernel data plane does not carry L2TP");
}

static void k_l2tp_send(struct dataplane *dp, const struct l2tp_datagram *d)
{
	(void)dp;
	(void)d;
}

static bool k_l2tp_next(struct dataplane *dp, struct bytes *payload)
{
	(void)dp;
	(void)payload;
	return false;
}

/* What is still installed goes with the host. */
static void k_free(struct dataplane *dp)
{
	free(of(dp));
}

struct dataplane *kernel_new(struct host *host, struct udp *udp, struct err *e)
{
	static const struct dataplane_ops ops = {
		.name = "kernel",
		.install = k_install,
		.remove = k_remove,
		.counters = k_counters,
		.drops = k_drops,
		.set_mtu = k_set_mtu,
		.esp_input = k_esp_input,
		.tun_input = k_tun_input,
		.waits = k_waits,
		.look = k_look,
		.l2tp_link = k_l2tp_link,
		.l2tp_send = k_l2tp_send,
		.l2tp_next = k_l2tp_next,
		.next_event = k_next_event,
		.free = k_free,
	};
	struct kernel *k;

	if (!udp_encapsulated(udp, e))
		return NULL;
	k = calloc(1, sizeof(*k));
	if (!k) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	k->dp.ops = &ops;
	k->host = host;
	return &k->dp;
}
