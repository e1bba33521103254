/*
 * A gateway made of fuzz against the L2TP client.
 *
 * Input: one octet of configuration, then records: kind, length in two octets, octets. Kinds: a
 * datagram; time that goes by (length is tenths of a second); AVPs, for which the header is made so that
 * they are the next in turn; a data message. The secret is "secret", so a seed can hold hidden AVPs.
 */
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/types.h"
#include "l2tp/l2tp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WITH_SECRET = 1, IMPATIENT = 2, STOP_AT_THE_END = 4 };
enum { DATAGRAM, TIME, AVPS, DATA, KINDS };

struct world {
	struct l2tp *l2tp;
	struct outbox ob;
	uint64_t now;
	uint16_t tunnel, ns, nr;
};

static void demand(bool good)
{
	if (!good)
		abort();
}

static void check_text(const char *text, size_t size)
{
	char again[EVENT_TEXT_MAX];

	demand(memchr(text, 0, size) != NULL);
	demand(strcmp(text_safe(again, sizeof(again), text, strlen(text)), text) == 0);
}

/* What leaves is well-formed: header, length, AVPs that fill it. */
static void check_datagram(struct world *w, struct bytes d)
{
	struct rd r = rd_init(d.p, d.n);

	demand(rd_u16(&r) == 0xc802 && rd_u16(&r) == d.n);
	rd_u32(&r);
	uint16_t ns = rd_u16(&r);
	rd_u16(&r);
	if (r.left > 0)
		w->nr = (uint16_t)(ns + 1);
	while (r.left > 0) {
		size_t n = rd_u16(&r) & 0x3ff;
		demand(n >= 6);
		rd_bytes(&r, n - 2);
	}
	demand(!r.bad);
}

static void check(struct world *w)
{
	struct l2tp_view v;

	for (size_t i = 0; i < w->ob.n; i++) {
		const void *what = outbox_get(&w->ob, i);
		if (w->ob.actions[i].kind == ACT_EVENT) {
			check_text(((const struct event *)what)->text, EVENT_TEXT_MAX);
			continue;
		}
		demand(w->ob.actions[i].kind == ACT_L2TP);
		const struct l2tp_datagram *d = what;
		check_datagram(w, (struct bytes){ d->data, d->len });
	}
	demand(w->ob.n < 64);
	outbox_clear(&w->ob);
	l2tp_view(w->l2tp, &v);
	w->tunnel = v.session.tunnel;
	check_text(v.failure.text, sizeof(v.failure.text));
	check_text(v.host, sizeof(v.host));
	check_text(v.vendor, sizeof(v.vendor));
	demand(v.failure.kind != ERR_BUG);
	demand(v.phase != L2TP_UP || (v.session.peer_tunnel && v.session.peer_session));
	demand(v.phase >= L2TP_CLOSING || v.failure.kind == ERR_NONE);
	demand(v.phase != L2TP_DEAD || l2tp_deadline(w->l2tp) == TIME_NEVER);
	demand(l2tp_deadline(w->l2tp) > w->now);
}

static void avps(struct world *w, struct bytes b)
{
	uint8_t room[2048];
	struct wr m = wr_init(room, sizeof(room));

	wr_u16(&m, 0xc802);
	wr_u16(&m, (uint16_t)(12 + b.n));
	wr_u16(&m, w->tunnel);
	wr_u16(&m, 0);
	wr_u16(&m, w->ns);
	wr_u16(&m, w->nr);
	wr_bytes(&m, b.p, b.n);
	if (m.bad)
		return;
	w->ns += b.n > 0;
	l2tp_input(w->l2tp, w->now, (struct bytes){ room, m.len }, &w->ob);
}

static void record(struct world *w, uint8_t kind, struct bytes b)
{
	struct bytes frame;

	switch (kind % KINDS) {
	case DATAGRAM:
		l2tp_input(w->l2tp, w->now, b, &w->ob);
		break;
	case TIME:
		w->now += 100 * (b.n + 1);
		break;
	case AVPS:
		avps(w, b);
		break;
	case DATA:
		if (l2tp_recv_frame(w->l2tp, b, &frame)) {
			const uint8_t *start = b.p, *in = frame.p;
			demand(in >= start && in + frame.n <= start + b.n);
		}
		break;
	}
	for (unsigned i = 0; l2tp_deadline(w->l2tp) <= w->now; i++) {
		demand(i < 16);
		l2tp_tick(w->l2tp, w->now, &w->ob);
	}
	check(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[RNG_SEED_LEN];
	struct rd in = rd_init(data, size);
	uint8_t flags = rd_u8(&in);
	struct world w = { .now = 1000 };
	struct passphrase secret;
	struct rng rng;

	rng_seed(&rng, seed);
	if (!passphrase_set(&secret, "secret", 6))
		return 0;
	struct l2tp_config config = { .hostname = "client",
		.hello_interval = SECONDS(60),
		.secret = flags & WITH_SECRET ? &secret : NULL };
	outbox_init(&w.ob);
	w.ob.log_level = LEVEL_TRACE;
	w.l2tp = l2tp_new(&config, &rng, NULL);
	demand(w.l2tp != NULL);
	l2tp_start(w.l2tp, w.now, !(flags & IMPATIENT), &w.ob);
	check(&w);
	while (in.left > 0) {
		uint8_t kind = rd_u8(&in);
		size_t n = rd_u16(&in);
		if (n > in.left)
			n = in.left;
		uint8_t *own =
			malloc(n ? n : 1); /* its own size: reading past the end is then seen */
		demand(own != NULL);
		rd_copy(&in, own, n);
		record(&w, kind, (struct bytes){ own, n });
		free(own);
	}
	if (flags & STOP_AT_THE_END)
		l2tp_stop(w.l2tp, w.now, &w.ob);
	l2tp_free(w.l2tp);
	outbox_free(&w.ob);
	return 0;
}
