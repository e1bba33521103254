#include "behind.h"

#include "base/types.h"

enum { TO_CLIENT, TO_GATEWAY };

void behind_init(struct behind *b, uint32_t seed)
{
	*b = (struct behind){ 0 };
	lns_preset(&b->lns_cfg);
	server_preset(&b->ppp_cfg, SERVER_MSCHAPV2);
	wire_init(&b->wire, seed);
}

void behind_start(struct behind *b)
{
	lns_init(&b->lns, &b->lns_cfg);
	server_init(&b->ppp, &b->ppp_cfg, b->wire.random);
}

void behind_link(struct behind *b, const struct l2tp_link *link)
{
	if (link->local_port && !b->link.local_port) {
		b->calls++;
		behind_start(b);
	}
	b->link = *link;
	b->session = (struct l2tp_session){ .tunnel = link->tunnel,
		.session = link->session,
		.peer_tunnel = link->peer_tunnel,
		.peer_session = link->peer_session };
}

/* An outbound SA at one end that the other can open, in transport mode for the link's port. */
static bool protected(const struct behind *b, struct net *n, enum end from)
{
	for (size_t i = n->plane[from].n; i-- > 0;) {
		const struct sa_spec *out = n->plane[from].sa[i];
		const struct selector *ts =
			from == CLIENT ? &out->local_ts.v[0] : &out->remote_ts.v[0];
		if (out->dir == SA_OUT && out->mode == SA_TRANSPORT && ts->proto == 17 &&
			ts->port_lo == b->link.local_port)
			return plane_find(&n->plane[!from], SA_IN, out->spi) != NULL;
	}
	return false;
}

void behind_send(struct behind *b, struct net *n, const struct l2tp_datagram *d)
{
	uint8_t room[WIRE_FRAME_MAX], header[L2TP_DATA_HEADER_MAX];
	struct wr w = wr_init(room, sizeof(room));

	if (!b->link.local_port || (d->frame && !b->session.session))
		return;
	if (!protected(b, n, CLIENT)) {
		b->clear++;
		return;
	}
	if (d->frame)
		wr_bytes(&w, header, l2tp_data_header(&b->session, header, d->len));
	wr_bytes(&w, d->data, d->len);
	assert_false(w.bad);
	if (b->link.local_port != b->deaf_to && b->calls > b->deaf_calls)
		wire_send(&b->wire, n->now, TO_GATEWAY, (struct bytes){ room, w.len });
}

uint64_t behind_deadline(const struct behind *b)
{
	uint64_t at = wire_next(&b->wire), lns = lns_deadline(&b->lns);
	uint64_t ppp = b->lns.up ? server_deadline(&b->ppp) : TIME_NEVER;

	if (b->calls == 0)
		return TIME_NEVER;
	at = lns < at ? lns : at;
	return ppp < at ? ppp : at;
}

static void flush(struct behind *b, struct net *n)
{
	struct bytes frame;

	while (b->lns.up && server_output(&b->ppp, &frame))
		if (!b->no_ppp)
			lns_data(&b->lns, frame);
	while (lns_output(&b->lns, &frame))
		if (protected(b, n, GATEWAY))
			wire_send(&b->wire, n->now, TO_CLIENT, frame);
}

bool behind_step(struct behind *b, struct net *n, uint8_t payload[WIRE_FRAME_MAX], size_t *len)
{
	struct bytes frame;
	int to;

	if (!wire_take(&b->wire, n->now, &to, payload, len)) {
		lns_tick(&b->lns, n->now);
		if (b->lns.up)
			server_tick(&b->ppp, n->now);
	} else if (to == TO_CLIENT) {
		return b->link.local_port != 0;
	} else if (lns_input(&b->lns, n->now, (struct bytes){ payload, *len }, &frame)) {
		server_input(&b->ppp, n->now, frame);
	}
	flush(b, n);
	return false;
}
