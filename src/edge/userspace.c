#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "carry.h"
#include "edge/dataplane.h"
#include "esp/flow.h"
#include "inbox.h"
#include "toobig.h"
#include "transport.h"

/*
 * Userspace ESP over TUN. A packet is read into a buffer with room around it, sealed there and sent
 * from there; one that came in is opened in the UDP socket's buffer and written to the TUN from it.
 * Reading and writing the TUN are one function each, the place where offloads would come in.
 */

enum {
	TUN_HEAD = ESP_HEADROOM + CARRY_HEADROOM,
	TUN_ROOM = TUN_HEAD + UDP_DATAGRAM_MAX + ESP_TAILROOM,
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
	int tun;
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
	uint8_t rooms[UDP_BATCH][TUN_ROOM];
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
	*out = of(dp)->drops;
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

/* --- the TUN --------------------------------------------------------------------------------- */

/* One packet into p, with room around it. False when there is none to be had now: EAGAIN, or the
 * interface is down or gone, which the host's events tell in their own way. */
static bool tun_read(struct userspace *us, size_t slot, struct esp_packet *p)
{
	uint8_t *room = us->rooms[slot];
	ssize_t n;

	do
		n = read(us->tun, room + TUN_HEAD, UDP_DATAGRAM_MAX);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		us->drops.tun_errors += n < 0 && errno != EAGAIN;
		return false;
	}
	*p = (struct esp_packet){
		.room = room, .room_len = TUN_ROOM, .data = room + TUN_HEAD, .len = (size_t)n
	};
	return true;
}

static void tun_write(struct userspace *us, const uint8_t *packet, size_t len)
{
	ssize_t n;

	do
		n = write(us->tun, packet, len);
	while (n < 0 && errno == EINTR);
	us->drops.tun_errors += n < 0;
}

/* --- outbound -------------------------------------------------------------------------------- */

/* RFC 4301 section 5.1: no SA for it, then it goes nowhere. */
static struct us_sa *choose_sa(struct userspace *us, const struct flow *f)
{
	for (size_t i = 0; i < us->out.n; i++)
		if (flow_selected(esp_spec(us->out.sa[i].esp), f))
			return &us->out.sa[i];
	us->drops.no_sa++;
	return NULL;
}

/* The same for what L2TP makes of a packet. */
static struct us_sa *choose_carrier(struct userspace *us)
{
	for (size_t i = 0; i < us->out.n; i++)
		if (carry_selects(&us->carry, esp_spec(us->out.sa[i].esp)))
			return &us->out.sa[i];
	us->drops.no_sa++;
	return NULL;
}

static void answer_too_big(struct userspace *us, const struct flow *f, const uint8_t *packet)
{
	uint8_t answer[TOOBIG_MAX];
	size_t len = toobig_answer(answer, f, packet, us->mtu);

	us->drops.too_big++;
	if (len > 0)
		tun_write(us, answer, len);
}

/* Which SA carries the packet, after all is done to it that comes before sealing. NULL: dropped. */
static struct us_sa *prepare(struct userspace *us, struct esp_packet *p)
{
	struct flow f;

	if (!flow_read(&f, p->data, p->len)) {
		us->drops.malformed++;
		return NULL;
	}
	struct us_sa *sa = carry_on(&us->carry) ? choose_carrier(us) : choose_sa(us, &f);
	if (!sa)
		return NULL;
	if (toobig(&f, p->data, us->mtu)) {
		answer_too_big(us, &f, p->data);
		return NULL;
	}
	p->len = f.total;
	p->next_header = f.family == FAMILY_V4 ? IP_IPV4 : IP_IPV6;
	esp_clamp_mss(p->data, p->len, us->mtu);
	if (carry_on(&us->carry)) {
		if (carry_packet(&us->carry, p, f.family, esp_spec(sa->esp)))
			return sa;
		us->drops.no_sa++; /* there is no PPP link yet */
		return NULL;
	}
	if (esp_spec(sa->esp)->mode == SA_TRANSPORT && !transport_strip(p, &f)) {
		us->drops.malformed++;
		return NULL;
	}
	return sa;
}

static size_t us_fds(struct dataplane *dp, int fds[DATAPLANE_FDS])
{
	fds[0] = of(dp)->tun;
	return 1;
}

static bool us_tun_input(struct dataplane *dp)
{
	struct userspace *us = of(dp);
	struct esp_packet packets[UDP_BATCH];
	struct us_sa *sas[UDP_BATCH];
	size_t n = 0, reads = 0;

	while (reads < UDP_BATCH && tun_read(us, n, &packets[n])) {
		reads++;
		sas[n] = prepare(us, &packets[n]);
		n += sas[n] != NULL;
	}
	for (size_t i = 0, run; i < n; i += run) { /* what one SA carries goes together, in order */
		for (run = 1; i + run < n && sas[i + run] == sas[i];)
			run++;
		const struct sa_spec *spec = esp_spec(sas[i]->esp);
		esp_seal(sas[i]->esp, &packets[i], run);
		udp_send_esp(us->udp, &spec->local, &spec->remote, &packets[i], run);
		note_expiring(us, sas[i]);
	}
	return reads == UDP_BATCH;
}

/* --- L2TP ------------------------------------------------------------------------------------ */

static bool us_l2tp_link(struct dataplane *dp, const struct l2tp_link *link, struct err *e)
{
	struct userspace *us = of(dp);

	(void)e;
	carry_set(&us->carry, link);
	if (!carry_on(&us->carry))
		wipe(&us->inbox, sizeof(us->inbox));
	return true;
}

static void us_l2tp_send(struct dataplane *dp, const struct l2tp_datagram *d)
{
	struct userspace *us = of(dp);
	uint8_t *room = us->rooms[0]; /* nothing is under way in it between two calls */
	struct esp_packet p = {
		.room = room, .room_len = TUN_ROOM, .data = room + TUN_HEAD, .len = d->len
	};

	if (!carry_on(&us->carry) || d->len > UDP_DATAGRAM_MAX)
		return;
	struct us_sa *sa = choose_carrier(us);
	if (!sa)
		return;
	const struct sa_spec *spec = esp_spec(sa->esp);
	memcpy(p.data, d->data, d->len);
	if (d->frame ? !carry_frame(&us->carry, &p, spec) : !carry_payload(&us->carry, &p, spec))
		return;
	esp_seal(sa->esp, &p, 1);
	udp_send_esp(us->udp, &spec->local, &spec->remote, &p, 1);
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

static void deliver(struct userspace *us, struct us_sa *sa, struct esp_packet *p)
{
	const struct sa_spec *spec = esp_spec(sa->esp);

	if (esp_authentic(p->verdict))
		note_used(us, sa);
	if (p->verdict != ESP_OK)
		return;
	bool transport = spec->mode == SA_TRANSPORT;
	if (carry_on(&us->carry) ? !transport || !carried(us, p) :
				   transport && !transport_restore(p, spec))
		return;
	esp_clamp_mss(p->data, p->len, us->mtu);
	tun_write(us, p->data, p->len);
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
		deliver(us, sa, &packets[i]);
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
	us->tun = tun;
	us->udp = udp;
	rng_seed(&us->rng, seed);
	return &us->dp;
}
