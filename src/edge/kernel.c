#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/dataplane.h"
#include "l2tpio.h"

/*
 * ESP in the kernel. All work is the host's, which speaks to the kernel; this keeps what the session
 * wants to know. Packets cause no wake-up here: whether the gateway lives is read from the counters of
 * the inbound SAs, when the session is about to ask it. With L2TP they do: each goes through l2tpio.
 */

enum { KERNEL_SAS = 256 };

struct inbound {
	uint32_t spi;
	uint64_t packets; /* when last looked */
	uint64_t packets_most, octets_most; /* there the session is told that it expires */
	bool expiring, tell_expiring;
};

struct kernel {
	struct dataplane dp;
	struct host *host; /* the caller's */
	size_t n;
	struct inbound in[KERNEL_SAS];
	bool inbound; /* authentic ESP since the session was last told */
	uint16_t mtu;
	struct l2tpio *l2tp; /* from the first link on */
	uint16_t l2tp_port; /* that its socket is bound to, 0: it has none */
	int fds[2]; /* of l2tp: the TUN and the socket, -1 without */
};

static struct kernel *of(struct dataplane *dp)
{
	return (struct kernel *)dp;
}

static void k_expect(struct dataplane *dp, const struct sa_ref *ref)
{
	host_sa_expect(of(dp)->host, ref);
}

static bool k_install(struct dataplane *dp, const struct sa_spec *spec, struct err *e)
{
	struct kernel *k = of(dp);

	if (spec->dir == SA_IN && k->n == KERNEL_SAS)
		return err_set(e, ERR_LOCAL, "there are %zu ESP SAs already", k->n);
	if (!host_sa_install(k->host, spec, e))
		return false;
	if (spec->dir == SA_IN)
		k->in[k->n++] = (struct inbound){ .spi = spec->spi,
			.packets_most = esp_packets_max(spec) / 4 * 3,
			.octets_most = esp_octets_max(spec) / 4 * 3 };
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

/* Not with XFRM_MSG_MIGRATE: see ike/v2_mobike.c. */
static bool k_move(struct dataplane *dp, const struct sa_move *to)
{
	(void)dp;
	(void)to;
	return false;
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
	const struct kernel *k = of(dp);

	*out = (struct dataplane_drops){ .tun_errors = k->l2tp ? l2tpio_drops(k->l2tp) : 0 };
}

/* The MTU of the interface is the host's business, and all that the kernel needs; L2TP clamps to it. */
static void k_set_mtu(struct dataplane *dp, uint16_t mtu)
{
	struct kernel *k = of(dp);

	k->mtu = mtu;
	if (k->l2tp)
		l2tpio_set_mtu(k->l2tp, mtu);
}

/* What came in before the kernel took over: its SA was not there yet. */
static void k_esp_input(struct dataplane *dp, struct udp_datagram *d, size_t n)
{
	(void)dp;
	(void)d;
	(void)n;
}

static size_t k_fds(struct dataplane *dp, int fds[DATAPLANE_FDS])
{
	struct kernel *k = of(dp);
	size_t n = 0;

	fds[n++] = host_sa_event_fd(k->host);
	for (size_t i = 0; i < ARRAY_LEN(k->fds); i++)
		if (k->fds[i] >= 0)
			fds[n++] = k->fds[i];
	return n;
}

/* The events of SAs are next_event's. */
static bool k_tun_input(struct dataplane *dp)
{
	if (of(dp)->l2tp)
		l2tpio_work(of(dp)->l2tp);
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
		if (k->in[i].expiring ||
			(c.packets < k->in[i].packets_most && c.bytes < k->in[i].octets_most))
			continue;
		k->in[i].expiring = k->in[i].tell_expiring = true;
	}
}

static bool tell_expiring(struct kernel *k, struct os_input *out)
{
	for (size_t i = 0; i < k->n; i++) {
		if (!k->in[i].tell_expiring)
			continue;
		k->in[i].tell_expiring = false;
		*out = (struct os_input){ .kind = OS_SA_EXPIRING, .ok = true, .spi = k->in[i].spi };
		return true;
	}
	return false;
}

static bool k_next_event(struct dataplane *dp, struct os_input *out)
{
	static const enum os_kind kinds[] = { [HOST_SA_USED] = OS_SA_USED,
		[HOST_SA_EXPIRING] = OS_SA_EXPIRING,
		[HOST_SA_EXPIRED] = OS_SA_EXPIRED };
	struct kernel *k = of(dp);
	uint32_t spi = 0;

	if (k->inbound) {
		k->inbound = false;
		*out = (struct os_input){ .kind = OS_INBOUND, .ok = true };
		return true;
	}
	if (tell_expiring(k, out))
		return true;
	enum host_sa_event ev = host_sa_next_event(k->host, &spi);
	if (ev == HOST_SA_NOTHING)
		return false;
	*out = (struct os_input){ .kind = kinds[ev], .ok = true, .spi = spi };
	return true;
}

/* --- L2TP ------------------------------------------------------------------------------------- */

static bool l2tp_open(struct kernel *k, struct err *e)
{
	char name[16];
	int tun = host_tun(k->host, name, e);

	if (tun < 0)
		return false;
	k->l2tp = l2tpio_new(tun, -1);
	if (!k->l2tp) {
		close(tun);
		return err_set(e, ERR_LOCAL, "out of memory");
	}
	k->fds[0] = tun;
	l2tpio_set_mtu(k->l2tp, k->mtu);
	return true;
}

/* The socket is that of one SA: another port, or another tunnel, gets another one. */
static bool k_l2tp_link(
	struct dataplane *dp, const struct l2tp_link *link, bool *port_taken, struct err *e)
{
	struct kernel *k = of(dp);

	if (link->local_port && !k->l2tp && !l2tp_open(k, e))
		return false;
	if (!k->l2tp)
		return true;
	if (link->local_port != k->l2tp_port) {
		int udp = -1;
		k->l2tp_port = 0;
		l2tpio_socket(k->l2tp, k->fds[1] = -1);
		if (link->local_port) {
			udp = host_l2tp_udp(
				k->host, link->local_port, link->remote_port, port_taken, e);
			if (udp < 0)
				return false;
		}
		l2tpio_socket(k->l2tp, k->fds[1] = udp);
		k->l2tp_port = link->local_port;
	}
	l2tpio_link(k->l2tp, link);
	return true;
}

static void k_l2tp_send(struct dataplane *dp, const struct l2tp_datagram *d)
{
	if (of(dp)->l2tp)
		l2tpio_send(of(dp)->l2tp, d);
}

static bool k_l2tp_next(struct dataplane *dp, struct bytes *payload)
{
	return of(dp)->l2tp && l2tpio_next(of(dp)->l2tp, payload);
}

/* What is still installed goes with the host. */
static void k_free(struct dataplane *dp)
{
	l2tpio_free(of(dp)->l2tp);
	free(of(dp));
}

struct dataplane *kernel_new(struct host *host, struct udp *udp, struct err *e)
{
	static const struct dataplane_ops ops = {
		.name = "kernel",
		.expect = k_expect,
		.install = k_install,
		.remove = k_remove,
		.move = k_move,
		.counters = k_counters,
		.drops = k_drops,
		.set_mtu = k_set_mtu,
		.esp_input = k_esp_input,
		.fds = k_fds,
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
	k->fds[0] = k->fds[1] = -1;
	return &k->dp;
}
