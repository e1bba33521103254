#include <string.h>

#include "base/bytes.h"
#include "ecn.h"
#include "esp/flow.h"
#include "toobig.h"
#include "transport.h"
#include "userspace.h"

/* From the TUN to the UDP socket. */

enum {
	READS = 64, /* from the TUN, before the others get their turn ... */
	READ_OCTETS = 4 * TUNIO_READ_MAX, /* ... and how much at most, or nearly */
};

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

/* Seals what lies in the burst's room and leaves it there. */
static void seal_batch(struct userspace *us)
{
	struct us_batch *b = &us->batch;

	if (b->n == 0)
		return;
	const struct sa_spec *spec = esp_spec(b->sa->esp);
	struct burst_to to = { .fd = udp_natt_fd(us->udp, spec->remote.family),
		.local = spec->local,
		.remote = spec->remote };
	esp_seal(b->sa->esp, b->packets, b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct esp_packet *p = &b->packets[i];
		to.tos = b->tos[i];
		burst_add(&us->burst, &to, p->room, p->verdict == ESP_OK ? p->len : 0);
	}
	userspace_expiring(us, b->sa);
	b->n = 0;
}

/* A packet that lies in its room and is to be sealed. */
static void put(struct userspace *us, struct us_sa *sa, const struct esp_packet *p, uint8_t tos)
{
	struct us_batch *b = &us->batch;

	if (b->n == ESP_BATCH || (b->n > 0 && b->sa != sa))
		seal_batch(us);
	b->sa = sa;
	b->packets[b->n] = *p;
	b->tos[b->n++] = tos;
}

/* Nothing became of it. */
static void give_up(struct userspace *us, const struct esp_packet *p)
{
	seal_batch(us); /* those before come first */
	burst_add(&us->burst, NULL, p->room, 0);
}

static bool flush(struct userspace *us)
{
	seal_batch(us);
	return burst_flush(&us->burst);
}

/* Room in the burst for a packet of len octets with so much before it inside of ESP. NULL: wait. */
static uint8_t *room_for(struct userspace *us, const struct us_sa *sa, size_t before, size_t len,
	struct esp_packet *p)
{
	size_t head = esp_before(sa->esp) + before;
	size_t need = head + len + esp_behind(sa->esp, before + len);
	uint8_t *room = burst_room(&us->burst, need);

	if (!room && flush(us))
		room = burst_room(&us->burst, need);
	if (room)
		*p = (struct esp_packet){
			.room = room, .room_len = need, .data = room + head, .len = len
		};
	return room;
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
	put(us, sa, &p, ip_tos(run->packet));
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
	if (!carried) {
		put(us, sa, &p, ecn_enter(run->packet, esp_spec(sa->esp)->ecn));
	} else if (carry_packet(&us->carry, &p, run->flow.family, esp_spec(sa->esp))) {
		put(us, sa, &p, 0);
	} else {
		give_up(us, &p);
		us->drops.no_sa++;
	}
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
	return us->run_at == run->count;
}

bool userspace_tun_input(struct dataplane *dp)
{
	struct userspace *us = userspace_of(dp);
	size_t reads = 0, octets = 0;

	if (burst_waits(&us->burst) >= 0 && !flush(us))
		return false;
	while (send_run(us) && reads < READS && octets < READ_OCTETS) {
		if (!tunio_read(&us->tun, &us->run))
			break;
		us->run_at = 0;
		us->drops.malformed += us->run.count == 0;
		octets += us->run.flow.total;
		reads++;
	}
	return flush(us) && (reads == READS || octets >= READ_OCTETS);
}

int userspace_waits(struct dataplane *dp)
{
	return burst_waits(&userspace_of(dp)->burst);
}

void userspace_l2tp_send(struct dataplane *dp, const struct l2tp_datagram *d)
{
	struct userspace *us = userspace_of(dp);
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
	if (d->frame ? carry_frame(&us->carry, &p, spec) : carry_payload(&us->carry, &p, spec))
		put(us, sa, &p, 0);
	else
		give_up(us, &p);
	(void)flush(us);
}
