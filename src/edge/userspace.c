#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "burst.h"
#include "carry.h"
#include "ecn.h"
#include "edge/dataplane.h"
#include "esp/flow.h"
#include "inbox.h"
#include "toobig.h"
#include "transport.h"
#include "tunio.h"

/*
 * Userspace ESP over TUN, in as large pieces as the kernel has them. A packet, or a run of up to 64 KiB
 * (tunio), is read into one buffer, split from there into place (gso), one packet behind the other in the
 * buffer that leaves by UDP (burst), and sealed there: one copy. What came in is opened in the UDP
 * socket's buffer and written to the TUN from there, joined (gro): no copy.
 *
 * What the UDP socket does not take waits in that buffer, and while it waits nothing is read from the
 * TUN: the queue is the kernel's own, with its limits and its fairness.
 */

enum {
	READS = 64, /* from the TUN, before the others get their turn ... */
	READ_OCTETS = 4 * TUNIO_READ_MAX, /* ... and how much at most, or nearly */
	SPI_MIN = 256, /* below it they are reserved (RFC 4303 section 2.1) */
};

struct us_sa {
	struct esp_sa *esp;
	bool used, expiring, expired; /* it has happened ... */
	bool tell_used, tell_expiring, tell_expired; /* ... and the session does not know yet */
};

struct us_table {
	size_t n;
	struct us_sa sa[USERSPACE_SAS];
};

struct userspace {
	struct dataplane dp;
	struct udp *udp; /* the caller's */
	struct rng rng;
	uint16_t mtu; /* 0: not known yet */
	bool inbound; /* authentic ESP since the session was last told */
	size_t to_tell; /* tell_* flags that are set, over both tables */
	struct us_table in; /* by SPI */
	struct us_table out; /* the newest first */
	struct dataplane_drops drops;
	struct carry carry;
	struct inbox inbox; /* of L2TP */
	struct gso run; /* what was read last, of which ... */
	size_t run_at; /* ... all before this segment is on its way */
	struct tunio tun;
	struct burst burst;
	uint8_t scratch[TUNIO_READ_MAX]; /* one packet, where it cannot be made in place */
};

static struct userspace *of(struct dataplane *dp)
{
	return (struct userspace *)dp;
}

/* --- the tables ------------------------------------------------------------------------------ */

static struct us_table *table_of(struct userspace *us, enum sa_dir dir)
{
	return dir == SA_IN ? &us->in : &us->out;
}

static uint32_t spi_of(const struct us_sa *sa)
{
	return esp_spec(sa->esp)->spi;
}

/* The first inbound SA whose SPI is not less. */
static size_t find_place(const struct us_table *in, uint32_t spi)
{
	size_t lo = 0, hi = in->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (spi_of(&in->sa[mid]) < spi)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct us_sa *find_sa(struct userspace *us, enum sa_dir dir, uint32_t spi)
{
	struct us_table *t = table_of(us, dir);
	size_t i = 0;

	if (dir == SA_IN)
		i = find_place(t, spi);
	else
		while (i < t->n && spi_of(&t->sa[i]) != spi)
			i++;
	return i < t->n && spi_of(&t->sa[i]) == spi ? &t->sa[i] : NULL;
}

static bool us_install(struct dataplane *dp, const struct sa_spec *spec, struct err *e)
{
	struct userspace *us = of(dp);
	struct us_table *t = table_of(us, spec->dir);

	if (!spec->encap)
		return err_set(
			e, ERR_LOCAL, "the userspace data plane carries ESP only inside UDP");
	if (spec->spi < SPI_MIN || find_sa(us, spec->dir, spec->spi))
		return err_set(e, ERR_BUG, "SPI %08x is taken or reserved", spec->spi);
	if (t->n == USERSPACE_SAS)
		return err_set(e, ERR_LOCAL, "there are %zu ESP SAs already", t->n);
	struct esp_sa *esp = esp_new(spec, &us->rng, e);
	if (!esp)
		return err_ctx(e, "installing SPI %08x", spec->spi);

	size_t at = spec->dir == SA_IN ? find_place(t, spec->spi) : 0;
	memmove(&t->sa[at + 1], &t->sa[at], (t->n - at) * sizeof(t->sa[0]));
	t->sa[at] = (struct us_sa){ .esp = esp };
	t->n++;
	return true;
}

static void us_remove(struct dataplane *dp, const struct sa_ref *ref)
{
	struct userspace *us = of(dp);
	struct us_table *t = table_of(us, ref->dir);
	struct us_sa *sa = find_sa(us, ref->dir, ref->spi);

	if (!sa)
		return;
	us->to_tell -= (size_t)sa->tell_used + sa->tell_expiring + sa->tell_expired;
	esp_free(sa->esp);
	t->n--;
	memmove(sa, sa + 1, (size_t)(&t->sa[t->n] - sa) * sizeof(*sa));
}

static bool us_counters(
	struct dataplane *dp, enum sa_dir dir, uint32_t spi, struct sa_counters *out)
{
	const struct us_sa *sa = find_sa(of(dp), dir, spi);

	if (!sa)
		return false;
	const struct esp_counters *c = esp_counters(sa->esp);
	*out = (struct sa_counters){
		.bytes = c->bytes,
		.packets = c->packets,
		.replay_drops = c->verdicts[ESP_REPLAYED],
		.integrity_failures = c->verdicts[ESP_NOT_AUTHENTIC],
		.left = dir == SA_OUT ? esp_left(sa->esp) : UINT64_MAX,
	};
	return true;
}

static void us_drops(struct dataplane *dp, struct dataplane_drops *out)
{
	struct userspace *us = of(dp);

	*out = us->drops;
	out->tun_errors = us->tun.errors;
	out->not_sent = us->burst.drops;
}

static void us_set_mtu(struct dataplane *dp, uint16_t mtu)
{
	of(dp)->mtu = mtu;
}

/* --- events ---------------------------------------------------------------------------------- */

static void note_used(struct userspace *us, struct us_sa *sa)
{
	us->inbound = true;
	if (sa->used)
		return;
	sa->used = sa->tell_used = true;
	us->to_tell++;
}

static void note_expiring(struct userspace *us, struct us_sa *sa)
{
	if (!sa->expiring && esp_expiring(sa->esp)) {
		sa->expiring = sa->tell_expiring = true;
		us->to_tell++;
	}
	if (sa->expiring && !sa->expired && esp_spec(sa->esp)->dir == SA_OUT &&
		esp_left(sa->esp) == 0) {
		sa->expired = sa->tell_expired = true;
		us->to_tell++;
	}
}

static bool tell(
	struct userspace *us, struct us_sa *sa, bool *flag, enum os_kind kind, struct os_input *out)
{
	if (!*flag)
		return false;
	*flag = false;
	us->to_tell--;
	*out = (struct os_input){ .kind = kind, .ok = true, .spi = spi_of(sa) };
	return true;
}

static bool us_next_event(struct dataplane *dp, struct os_input *out)
{
	struct userspace *us = of(dp);

	if (us->inbound) {
		us->inbound = false;
		*out = (struct os_input){ .kind = OS_INBOUND, .ok = true };
		return true;
	}
	for (enum sa_dir dir = SA_IN; us->to_tell > 0 && dir <= SA_OUT; dir++) {
		struct us_table *t = table_of(us, dir);
		for (size_t i = 0; i < t->n; i++) {
			struct us_sa *sa = &t->sa[i];
			if (tell(us, sa, &sa->tell_used, OS_SA_USED, out) ||
				tell(us, sa, &sa->tell_expiring, OS_SA_EXPIRING, out) ||
				tell(us, sa, &sa->tell_expired, OS_SA_EXPIRED, out))
				return true;
		}
	}
	return false;
}

/* --- outbound -------------------------------------------------------------------------------- */

/* RFC 4301 section 5.1: no SA for it, then it goes nowhere. */
static struct us_sa *choose_sa(struct userspace *us, const struct flow *f)
{
	for (size_t i = 0; i < us->out.n; i++)
		if (flow_selected(esp_spec(us->out.sa[i].esp), f))
			return &us->out.sa[i];
	return NULL;
}

/* The same for what L2TP makes of a packet. */
static struct us_sa *choose_carrier(struct userspace *us)
{
	for (size_t i = 0; i < us->out.n; i++)
		if (carry_selects(&us->carry, esp_spec(us->out.sa[i].esp)))
			return &us->out.sa[i];
	return NULL;
}

/* The answer quotes the first packet of the run as it would have gone out. */
static void answer_too_big(struct userspace *us, const struct gso *run)
{
	uint8_t answer[TOOBIG_MAX];
	struct flow f;

	gso_write(run, 0, us->scratch);
	size_t len = flow_read(&f, us->scratch, gso_len(run, 0)) ?
		toobig_answer(answer, &f, us->scratch, us->mtu) :
		0;
	us->drops.too_big += run->count;
	if (len > 0)
		tunio_write(&us->tun, answer, len);
}

/* A run is larger than any packet by nature: what counts is its longest segment. */
static bool run_too_big(const struct userspace *us, const struct gso *run)
{
	struct flow one = run->flow;

	one.total = gso_len(run, 0);
	return toobig(&one, run->packet, us->mtu);
}

/* Which SA carries the run. NULL: it is dropped. */
static struct us_sa *choose(struct userspace *us, const struct gso *run)
{
	struct us_sa *sa = carry_on(&us->carry) ? choose_carrier(us) : choose_sa(us, &run->flow);

	if (!sa || (carry_on(&us->carry) && !carry_takes_packets(&us->carry))) {
		us->drops.no_sa += run->count;
		return NULL;
	}
	if (run_too_big(us, run)) {
		answer_too_big(us, run);
		return NULL;
	}
	bool stripped = esp_spec(sa->esp)->mode == SA_TRANSPORT && !carry_on(&us->carry);
	if (stripped && run->flow.fragment) {
		us->drops.malformed++;
		return NULL;
	}
	return sa;
}

static size_t us_fds(struct dataplane *dp, int fds[DATAPLANE_FDS])
{
	fds[0] = of(dp)->tun.fd;
	return 1;
}

/* Room in the burst for a packet of len octets with so much before it inside of ESP. NULL: wait. */
static uint8_t *room_for(struct userspace *us, const struct us_sa *sa, size_t before, size_t len,
	struct esp_packet *p)
{
	size_t head = esp_before(sa->esp) + before;
	size_t need = head + len + esp_behind(sa->esp, before + len);
	uint8_t *room = burst_room(&us->burst, need);

	if (!room && burst_flush(&us->burst))
		room = burst_room(&us->burst, need);
	if (room)
		*p = (struct esp_packet){
			.room = room, .room_len = need, .data = room + head, .len = len
		};
	return room;
}

/* Seals what lies in the burst's room and leaves it there. */
static void seal(struct userspace *us, struct us_sa *sa, struct esp_packet *p, uint8_t tos)
{
	const struct sa_spec *spec = esp_spec(sa->esp);
	struct burst_to to = { .fd = udp_natt_fd(us->udp, spec->remote.family),
		.local = spec->local,
		.remote = spec->remote,
		.tos = tos };

	if (esp_seal(sa->esp, p, 1) == 1)
		burst_add(&us->burst, &to, p->len);
}

/* A packet of its own has what is not there in a run of segments: a SYN. */
static void write_inner(struct userspace *us, const struct gso *run, size_t i, uint8_t *out)
{
	gso_write(run, i, out);
	if (run->count == 1)
		esp_clamp_mss(out, gso_len(run, i), us->mtu);
}

/* Transport mode: the payload alone. False: wait. */
static bool send_payload(struct userspace *us, struct us_sa *sa, const struct gso *run, size_t i)
{
	struct esp_packet inner = { .room = us->scratch,
		.room_len = sizeof(us->scratch),
		.data = us->scratch,
		.len = gso_len(run, i) };
	struct esp_packet p;

	write_inner(us, run, i, us->scratch);
	if (!transport_strip(&inner, &run->flow))
		return true; /* choose has dropped those */
	if (!room_for(us, sa, 0, inner.len, &p))
		return false;
	memcpy(p.data, inner.data, inner.len);
	p.next_header = inner.next_header;
	seal(us, sa, &p, ip_tos(run->packet));
	return true;
}

/* Tunnel mode, and L2TP, which has nothing to say about congestion. False: wait. */
static bool send_packet(struct userspace *us, struct us_sa *sa, const struct gso *run, size_t i)
{
	bool carried = carry_on(&us->carry);
	struct esp_packet p;

	if (!room_for(us, sa, carried ? carry_before_packet(&us->carry) : 0, gso_len(run, i), &p))
		return false;
	write_inner(us, run, i, p.data);
	p.next_header = run->flow.family == FAMILY_V4 ? IP_IPV4 : IP_IPV6;
	if (!carried)
		seal(us, sa, &p, ip_tos(run->packet));
	else if (carry_packet(&us->carry, &p, run->flow.family, esp_spec(sa->esp)))
		seal(us, sa, &p, 0);
	else
		us->drops.no_sa++;
	return true;
}

/* What is left of the run that was read last. False: the socket is full. */
static bool send_run(struct userspace *us)
{
	const struct gso *run = &us->run;

	if (us->run_at == run->count)
		return true;
	struct us_sa *sa = choose(us, run);
	if (!sa) {
		us->run_at = run->count;
		return true;
	}
	bool stripped = esp_spec(sa->esp)->mode == SA_TRANSPORT && !carry_on(&us->carry);
	while (us->run_at < run->count) {
		if (stripped ? !send_payload(us, sa, run, us->run_at) :
			       !send_packet(us, sa, run, us->run_at))
			break;
		us->run_at++;
	}
	note_expiring(us, sa);
	return us->run_at == run->count;
}

static bool us_tun_input(struct dataplane *dp)
{
	struct userspace *us = of(dp);
	size_t reads = 0, octets = 0;

	if (burst_waits(&us->burst) >= 0 && !burst_flush(&us->burst))
		return false;
	while (send_run(us) && reads < READS && octets < READ_OCTETS) {
		if (!tunio_read(&us->tun, &us->run))
			break;
		us->run_at = 0;
		us->drops.malformed += us->run.count == 0;
		octets += us->run.flow.total;
		reads++;
	}
	return burst_flush(&us->burst) && (reads == READS || octets >= READ_OCTETS);
}

static int us_waits(struct dataplane *dp)
{
	return burst_waits(&of(dp)->burst);
}

/* --- L2TP ------------------------------------------------------------------------------------ */

static bool us_l2tp_link(
	struct dataplane *dp, const struct l2tp_link *link, bool *port_taken, struct err *e)
{
	struct userspace *us = of(dp);

	(void)port_taken;
	(void)e;
	carry_set(&us->carry, link);
	if (!carry_on(&us->carry))
		wipe(&us->inbox, sizeof(us->inbox));
	return true;
}

static void us_l2tp_send(struct dataplane *dp, const struct l2tp_datagram *d)
{
	struct userspace *us = of(dp);
	struct us_sa *sa = carry_on(&us->carry) ? choose_carrier(us) : NULL;
	struct esp_packet p;

	us->drops.no_sa += !sa;
	if (!sa || d->len > UDP_DATAGRAM_MAX)
		return;
	const struct sa_spec *spec = esp_spec(sa->esp);
	size_t before = d->frame ? carry_before_frame(&us->carry) : carry_before_payload();
	if (!room_for(us, sa, before, d->len, &p))
		return; /* it is lost, as on the way, and will be repeated */
	memcpy(p.data, d->data, d->len);
	if (d->frame ? !carry_frame(&us->carry, &p, spec) : !carry_payload(&us->carry, &p, spec))
		return;
	seal(us, sa, &p, 0);
	(void)burst_flush(&us->burst);
	note_expiring(us, sa);
}

static bool us_l2tp_next(struct dataplane *dp, struct bytes *payload)
{
	return inbox_next(&of(dp)->inbox, payload);
}

/* What came out of the SA, to where it belongs; true: a packet for the TUN. */
static bool carried(struct userspace *us, struct esp_packet *p)
{
	struct flow f;

	switch (carry_open(&us->carry, p)) {
	case CARRY_PACKET:
		if (flow_read(&f, p->data, p->len))
			return true;
		break;
	case CARRY_MESSAGE:
		inbox_put(&us->inbox, (struct bytes){ p->data, p->len });
		return false;
	case CARRY_NOTHING:
		break;
	}
	us->drops.malformed++;
	return false;
}

/* --- inbound --------------------------------------------------------------------------------- */

static uint32_t datagram_spi(const struct udp_datagram *d)
{
	struct rd r = rd_init(d->dg.data, d->dg.len);

	return rd_u32(&r);
}

/* What was written already is not needed any more where transport_restore puts its header. */
static bool restore(struct userspace *us, struct us_sa *sa, struct esp_packet *p, uint8_t tos)
{
	tunio_flush(&us->tun);
	return transport_restore(p, esp_spec(sa->esp), tos);
}

static void deliver(struct userspace *us, struct us_sa *sa, struct esp_packet *p, uint8_t tos)
{
	const struct sa_spec *spec = esp_spec(sa->esp);

	if (esp_authentic(p->verdict))
		note_used(us, sa);
	if (p->verdict != ESP_OK)
		return;
	bool transport = spec->mode == SA_TRANSPORT;
	if (carry_on(&us->carry) ? !transport || !carried(us, p) :
				   transport && !restore(us, sa, p, tos))
		return;
	if (!transport && !ecn_leave(p->data, tos)) {
		us->drops.congestion++;
		return;
	}
	esp_clamp_mss(p->data, p->len, us->mtu);
	tunio_put(&us->tun, p->data, p->len);
}

/* At most a batch of datagrams for one SA. */
static void input_run(struct userspace *us, struct us_sa *sa, struct udp_datagram *d, size_t n)
{
	struct esp_packet packets[UDP_BATCH];

	for (size_t i = 0; i < n; i++)
		packets[i] = (struct esp_packet){ .room = d[i].room,
			.room_len = d[i].room_len,
			.data = d[i].room + (d[i].dg.data - d[i].room),
			.len = d[i].dg.len };
	esp_open(sa->esp, packets, n);
	for (size_t i = 0; i < n; i++)
		deliver(us, sa, &packets[i], d[i].tos);
	note_expiring(us, sa);
}

/* Where it came from does not matter: the check value tells who sent it (RFC 4303 section 2.1 wants
 * the SPI alone for a unicast SA), and IKE decides whether to follow a peer that moved. */
static void us_esp_input(struct dataplane *dp, struct udp_datagram *d, size_t n)
{
	struct userspace *us = of(dp);

	for (size_t i = 0, run; i < n; i += run) {
		uint32_t spi = datagram_spi(&d[i]);
		for (run = 1; i + run < n && run < UDP_BATCH && datagram_spi(&d[i + run]) == spi;)
			run++;
		struct us_sa *sa = find_sa(us, SA_IN, spi);
		if (sa)
			input_run(us, sa, &d[i], run);
		else
			us->drops.unknown_spi += run;
	}
	tunio_flush(&us->tun);
}

/* --- making one ------------------------------------------------------------------------------ */

/* Each packet goes through here, so everything is known already. */
static void us_look(struct dataplane *dp)
{
	(void)dp;
}

static void us_free(struct dataplane *dp)
{
	struct userspace *us = of(dp);

	for (enum sa_dir dir = SA_IN; dir <= SA_OUT; dir++)
		for (size_t i = 0; i < table_of(us, dir)->n; i++)
			esp_free(table_of(us, dir)->sa[i].esp);
	wipe(us, sizeof(*us)); /* the generator, and what was on its way in clear */
	free(us);
}

struct dataplane *userspace_new(
	int tun, struct udp *udp, const uint8_t seed[RNG_SEED_LEN], struct err *e)
{
	static const struct dataplane_ops ops = {
		.name = "userspace",
		.install = us_install,
		.remove = us_remove,
		.counters = us_counters,
		.drops = us_drops,
		.set_mtu = us_set_mtu,
		.esp_input = us_esp_input,
		.fds = us_fds,
		.tun_input = us_tun_input,
		.waits = us_waits,
		.look = us_look,
		.l2tp_link = us_l2tp_link,
		.l2tp_send = us_l2tp_send,
		.l2tp_next = us_l2tp_next,
		.next_event = us_next_event,
		.free = us_free,
	};
	struct userspace *us = calloc(1, sizeof(*us));

	if (!us) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	us->dp.ops = &ops;
	us->udp = udp;
	tunio_init(&us->tun, tun, TUN_ALL);
	burst_start(&us->burst, udp_offloads(udp, UDP_ALL) & UDP_SEGMENTS);
	rng_seed(&us->rng, seed);
	return &us->dp;
}
