#include <stdlib.h>

#include "gateway.h"
#include "lib/test.h"

/*
 * Tickets and resumption as the gateway sees them, RFC 5723. Its tickets are references: octets without meaning, and
 * what they stand for is kept here, for the last one.
 */

enum { LIFE_DEFAULT = 3600 };

static void issue(struct gw_step *s)
{
	struct gateway *g = s->g;
	struct resumption *t = &g->issued;
	uint32_t life = g->cfg->ticket_life ? g->cfg->ticket_life : LIFE_DEFAULT;
	uint8_t data[4 + TICKET_MAX + 16];
	struct wr w = wr_init(data, sizeof(data));

	t->ticket_len = g->cfg->ticket_len ? g->cfg->ticket_len : 200;
	rng_fill(&g->rng, t->ticket, sizeof(t->ticket));
	wr_u32(&w, g->cfg->no_life ? 0 : life);
	for (size_t left = t->ticket_len; left > 0;) {
		size_t n = left < sizeof(t->ticket) ? left : sizeof(t->ticket);
		wr_bytes(&w, t->ticket, n);
		left -= n;
	}
	t->until = g->now + SECONDS(life);
	t->sk_d = s->sa->sk_d;
	t->suite = s->sa->suite;
	t->idi = g->hs.idi;
	t->idr = g->id;
	g->tickets_given++;
	ikew_notify(
		s->reply, 0, TICKET_LT_OPAQUE, (struct bytes){ 0 }, (struct bytes){ data, w.len });
}

void gw_ticket_answer(struct gw_step *s)
{
	enum gw_tickets how = s->g->cfg->tickets;

	s->g->tickets_asked++;
	if (how == GW_TICKETS_LATER && s->h->exchange == IKE_AUTH)
		gw_notify(s->reply, TICKET_ACK);
	else if (how == GW_TICKETS_REFUSED)
		gw_notify(s->reply, TICKET_NACK);
	else if (how != GW_TICKETS_UNKNOWN)
		issue(s);
}

static bool takes(const struct gateway *g, const struct payloads *p)
{
	const struct resumption *t = &g->issued;
	struct notify n;

	return notify_find(p, TICKET_OPAQUE, &n) && t->ticket_len > 0 &&
		n.data.n == t->ticket_len && memcmp(n.data.p, t->ticket, t->ticket_len) == 0 &&
		g->now < t->until && !g->cfg->refuse_resume;
}

struct v2_sa *gw_resume_open(struct gateway *g, const struct ike_hdr *h, const struct payloads *p)
{
	const struct resumption *t = &g->issued;
	struct v2_fresh f = { .ni = payload_find(p, PAYLOAD_NONCE)->body,
		.nr = { g->hs.nr, NONCE_LEN },
		.shared = BYTES("Resumption") };
	struct v2_sa *sa = gw_sa_opened(g, h, p, &t->suite, f.ni);
	struct err e = { 0 };

	assert_ok(&e, v2_derive(sa, t->suite.prf, &t->sk_d, &f, &e));
	g->hs.addke_no = ADDKE_MAX;
	g->hs.from = t;
	g->phase = GW_HALF;
	return sa;
}

uint16_t gw_resume_refuses(const struct gateway *g, const struct payloads *p)
{
	if (takes(g, p))
		return 0;
	return g->cfg->refuse_resume ? g->cfg->refuse_resume : TICKET_NACK;
}

static void proof(struct gw_step *s, bool of_client, const struct identity *id, struct secret *out)
{
	const struct secret *key = of_client ? &s->sa->sk_pi : &s->sa->sk_pr;
	uint8_t *octets;
	struct err e = { 0 };
	size_t n;

	assert_ok(&e, v2_signed_octets(s->sa, of_client, &s->g->hs, id, &octets, &n, &e));
	if (s->g->cfg->bare)
		n = of_client ? s->g->hs.init_i_len : s->g->hs.init_r_len;
	assert_ok(&e,
		prf(s->sa->suite.prf, (struct bytes){ key->data, key->len },
			&(struct bytes){ octets, n }, 1, out, &e));
	free(octets);
}

bool gw_resume_proved(struct gw_step *s)
{
	const struct payload *auth = payload_find(s->p, PAYLOAD_AUTH);
	struct secret want;

	proof(s, true, &s->g->hs.idi, &want);
	return auth && !payload_find(s->p, PAYLOAD_CERT) && !payload_find(s->p, PAYLOAD_EAP) &&
		id_same(&s->g->hs.idi, &s->g->hs.from->idi) && auth->body.n == 4 + want.len &&
		memcmp((const uint8_t *)auth->body.p + 4, want.data, want.len) == 0;
}

void gw_resume_prove(struct gw_step *s)
{
	struct gateway *g = s->g;
	struct secret mac;

	v2_id_write(s->reply, PAYLOAD_IDr, &g->id);
	proof(s, false, &g->id, &mac);
	mac.data[0] ^= g->cfg->wrong_proof;
	v2_auth_write(s->reply, AUTH_PSK, (struct bytes){ mac.data, mac.len });
	g->issued.ticket_len = 0; /* section 4.3.1: once */
	g->resumes++;
}
