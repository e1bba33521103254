#include <stdlib.h>

#include "gateway.h"
#include "lib/test.h"

/*
 * Additional key exchanges as the gateway sees them: IKE_INTERMEDIATE (RFC 9242) before IKE_AUTH, and
 * IKE_FOLLOWUP_KE (RFC 9370) after CREATE_CHILD_SA, in both roles.
 */

/* --- IKE_INTERMEDIATE --------------------------------------------------------------------------- */

static void answer_ke(struct gw_step *s, const struct alg *group, struct ke_secret *shared)
{
	const struct payload *p = payload_find(s->p, PAYLOAD_KE);
	struct bytes value = { 0 };
	uint16_t id = 0;
	struct err e = { 0 };

	assert_true(p && v2_ke_read(p->body, &id, &value));
	assert_int_equal(id, group->id);
	struct ke *ke = ke_answer(group, &s->g->rng, value, shared, &e);
	if (!ke)
		fail_msg("the client's %s: %s", group->name, e.text);
	v2_ke_write(s->reply, ke);
	ke_free(ke);
}

/* The shared secret waits in the SA: the answer still goes by the old keys. */
void gw_inter_request(struct gw_step *s)
{
	struct handshake *hs = &s->g->hs;
	const struct suite *suite = &s->sa->suite;
	struct err e = { 0 };

	assert_int_equal(s->sa->state, V2_AUTH);
	assert_true(hs->addke_no < ADDKE_MAX);
	if (s->g->cfg->refuse_inter) {
		gw_notify(s->reply, s->g->cfg->refuse_inter);
		s->g->phase = GW_REFUSED;
		return;
	}
	assert_ok(&e, v2_int_auth(s->sa, true, s->h, s->content, &hs->int_i, &e));
	struct v2_fresh f = { .ni = { hs->ni, NONCE_LEN }, .nr = { hs->nr, NONCE_LEN } };
	series_free(&s->sa->theirs);
	s->sa->theirs = series_new(suite, &f, &e);
	assert_non_null(s->sa->theirs);
	answer_ke(s, suite->addke[hs->addke_no], &s->sa->theirs->shared);
}

void gw_inter_sent(struct gateway *g, struct v2_sa *sa, uint32_t mid, const struct ikew *k)
{
	struct ike_hdr h = {
		.version = 0x20, .exchange = IKE_INTERMEDIATE, .flags = FLAG_RESPONSE, .mid = mid
	};
	struct content c = { .first = k->first, .octets = { k->w.base, k->w.len } };
	struct err e = { 0 };

	if (!sa->theirs)
		return;
	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->spi_r, IKE_SPI_LEN);
	assert_ok(&e, v2_int_auth(sa, false, &h, &c, &g->hs.int_r, &e));
	struct v2_fresh f = series_fresh(sa->theirs, false);
	assert_ok(&e, v2_derive(sa, sa->suite.prf, &sa->sk_d, &f, &e));
	series_free(&sa->theirs);
	g->hs.intermediates++;
	g->hs.addke_no = suite_addke(&sa->suite, g->hs.addke_no + 1);
}

/* --- IKE_FOLLOWUP_KE ------------------------------------------------------------------------------ */

static void lead_on(struct gw_step *s, struct series *x)
{
	x->link_len = 5;
	rng_fill(&s->g->rng, x->link, x->link_len);
	ikew_notify(s->reply, 0, ADDITIONAL_KEY_EXCHANGE, (struct bytes){ 0 },
		(struct bytes){ x->link, x->link_len });
}

void gw_series_keep(struct gw_step *s, struct series *x)
{
	series_free(&s->sa->theirs);
	s->sa->theirs = x;
	lead_on(s, x);
}

static void add_secret(struct series *x, const struct ke_secret *shared)
{
	memcpy(x->more + x->more_len, shared->data, shared->len);
	x->more_len += shared->len;
	x->no = suite_addke(&x->suite, x->no + 1);
}

void gw_followup_request(struct gw_step *s)
{
	struct gateway *g = s->g;
	struct series *x = s->sa->theirs;
	struct ke_secret shared;
	struct notify n;

	bool known = x && s->sa == g->sa && s->sa->state == V2_UP &&
		notify_find(s->p, ADDITIONAL_KEY_EXCHANGE, &n) && n.data.n == x->link_len &&
		memcmp(n.data.p, x->link, n.data.n) == 0;
	if (!known || g->forgotten < g->cfg->forgets) {
		g->forgotten++;
		series_free(&s->sa->theirs);
		gw_notify(s->reply, STATE_NOT_FOUND);
		return;
	}
	g->followups++;
	answer_ke(s, x->suite.addke[x->no], &shared);
	add_secret(x, &shared);
	if (x->no < ADDKE_MAX) {
		lead_on(s, x);
		return;
	}
	s->sa->theirs = NULL;
	gw_series_done(s, x, false);
}

static void send_followup(struct gw_step *s, struct series *x)
{
	enum v2_task task = !x->child ? TASK_REKEY_IKE :
		s->sa->req.child      ? TASK_REKEY_CHILD :
					TASK_NEW_CHILD;
	uint8_t buf[KE_PUBLIC_MAX + LINK_MAX + 512]; /* with room for edits */
	struct err e = { 0 };
	struct notify n;
	struct ikew k;

	assert_true(notify_find(s->p, ADDITIONAL_KEY_EXCHANGE, &n));
	ke_free(x->ke);
	x->ke = ke_new(x->suite.addke[x->no], &s->g->rng, &e);
	assert_non_null(x->ke);
	ikew_chain(&k, buf, sizeof(buf));
	v2_ke_write(&k, x->ke);
	x->link_len = n.data.n;
	memcpy(x->link, n.data.p, n.data.n);
	x->link[0] ^= s->g->cfg->wrong_link;
	ikew_notify(&k, 0, ADDITIONAL_KEY_EXCHANGE, (struct bytes){ 0 },
		(struct bytes){ x->link, x->link_len });
	gw_request(s->g, s->sa, task, IKE_FOLLOWUP_KE, &k);
}

void gw_series_go_on(struct gw_step *s, struct series *x)
{
	series_free(&s->sa->req.offer.series);
	s->sa->req.offer.series = x;
	send_followup(s, x);
}

void gw_followup_answer(struct gw_step *s)
{
	struct series *x = s->sa->req.offer.series;
	const struct payload *p = payload_find(s->p, PAYLOAD_KE);
	struct ke_secret shared;
	struct bytes value = { 0 };
	uint16_t group = 0;
	struct notify n = { 0 };
	struct err e = { 0 };

	gw_request_done(s->sa);
	if (notify_find_error(s->p, &n)) {
		gw_create_refused(s, n.type);
		series_free(&s->sa->req.offer.series);
		return;
	}
	assert_true(p && v2_ke_read(p->body, &group, &value));
	assert_int_equal(group, x->suite.addke[x->no]->id);
	assert_ok(&e, ke_shared(x->ke, value, &shared, &e));
	add_secret(x, &shared);
	if (x->no < ADDKE_MAX) {
		send_followup(s, x);
		return;
	}
	s->sa->req.offer.series = NULL;
	gw_series_done(s, x, true);
}
