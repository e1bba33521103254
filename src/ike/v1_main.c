#include "v1_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * Main mode, RFC 2409 section 5:
 *
 *	HDR, SA, VID ...                            -->
 *	                                            <--  HDR, SA, VID ...
 *	HDR, KE, Ni, [CR,] NAT-D, NAT-D             -->
 *	                                            <--  HDR, KE, Nr, [CR,] NAT-D, NAT-D
 *	HDR*, IDii, HASH_I | [CERT,] SIG_I, [N]     -->
 *	                                            <--  HDR*, IDir, HASH_R | [CERT,] SIG_R
 *
 * Nothing before the last message is authentic, and the last one is only by what it says: an answer
 * that cannot be used is a hint of what is wrong, and the wait for a good one goes on.
 */

/* What both sides hash is the body of this SA payload. */
static bool remember_sa(struct v1_sa *sa, const struct ikew *k, size_t at, struct err *e)
{
	free(sa->p1->sai);
	sa->p1->sai_len = k->w.len - at;
	sa->p1->sai = k->w.bad ? NULL : malloc(sa->p1->sai_len);
	if (!sa->p1->sai)
		return err_set(e, ERR_LOCAL, "the proposals do not fit");
	memcpy(sa->p1->sai, k->w.base + at, sa->p1->sai_len);
	return true;
}

/* Both ways of phase 1 begin alike; in aggressive mode there is one group. */
bool v1_phase1_chain(
	struct v1 *v, struct v1_sa *sa, const struct alg *group, struct ikew *k, struct err *e)
{
	uint16_t method = v1_own_method(v->cfg, e);
	struct suite any;

	if (!method)
		return false;
	if (!v1_combination(v->cfg->ike_proposals, true, 0, &any))
		return err_set(e, ERR_CONFIG, "none of ike.proposals can be offered in IKEv1");
	sa->method = method;
	v1_sa_write_phase1(k, v->cfg->ike_proposals, group, method, v->cfg->ike_lifetime);
	return remember_sa(sa, k, 4, e);
}

/* Renewals may come faster than what they leave is over: then the one that would go first goes, or else
 * the oldest that the gateway, or somebody in its name, has begun. */
static void make_room(struct v1 *v, struct outbox *ob)
{
	struct v1_sa *replaced = NULL, *begun = NULL;

	for (size_t i = 0; i < V1_SAS_MAX; i++) {
		struct v1_sa *sa = v->sas[i];
		if (!sa)
			return;
		if (sa->state == V1_REPLACED && (!replaced || sa->gone_at < replaced->gone_at))
			replaced = sa;
		else if (!sa->initiator && sa->state < V1_UP &&
			(!begun || sa->gone_at < begun->gone_at))
			begun = sa;
	}
	if (replaced)
		v1_delete_sa(v, replaced, ob);
	if (replaced || begun)
		v1_sa_next(v, replaced ? replaced : begun, V1_GONE, ob);
}

bool v1_phase1_begin(struct v1 *v, bool first, struct outbox *ob, struct err *e)
{
	make_room(v, ob);
	struct v1_sa *sa = v1_sa_new(v, true);

	if (!sa)
		return err_set(e, ERR_LOCAL, "no room for another IKE SA");
	sa->first = first;
	do
		rng_fill(v->rng, sa->cky_i, IKE_SPI_LEN);
	while (memcmp(sa->cky_i, sa->cky_r, IKE_SPI_LEN) == 0);
	if (first)
		v1_stage(v, STAGE_INIT, v1_story(V1_SA_SENT), ob);
	bool ok = v1_prepare_phase1(v, sa, e) &&
		(v->cfg->aggressive ? v1_aggr_send(v, sa, ob, e) : v1_main_send(v, sa, ob, e));
	if (!ok) {
		v1_sa_drop(v, sa);
		return false;
	}
	v1_sa_next(v, sa, v->cfg->aggressive ? V1_AGGR_SENT : V1_SA_SENT, ob);
	return true;
}

bool v1_main_send(struct v1 *v, struct v1_sa *sa, struct outbox *ob, struct err *e)
{
	uint8_t buf[4096];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	if (!v1_phase1_chain(v, sa, NULL, &k, e))
		return false;
	v1_vendor_write(&k, v->cfg);
	return v1_send_clear(v, sa, V1_MAIN_MODE, &k, true, ob, e);
}

/* The group that was offered first is the one that is chosen, but for gateways that have a will. */
static void make_likely_pair(struct v1 *v, struct v1_phase1 *p1)
{
	struct suite best;

	if (!p1->ke && v1_combination(v->cfg->ike_proposals, true, 0, &best))
		p1->ke = ke_new(best.ke, v->rng, NULL); /* without it, later */
}

enum ike_wait v1_idle(struct v1 *v)
{
	for (size_t i = 0; i < V1_SAS_MAX; i++) {
		struct v1_sa *sa = v->sas[i];
		if (!sa || !sa->first)
			continue;
		if (sa->state == V1_KE_SENT || sa->state == V1_AGGR_SENT)
			return WAIT_KEYS;
		if (sa->state == V1_SA_SENT) {
			make_likely_pair(v, sa->p1);
			return WAIT_CHOICE;
		}
	}
	return WAIT_PROOF;
}

static bool make_pair(struct v1_step *s)
{
	struct v1_phase1 *p1 = s->sa->p1;

	if (p1->ke && ke_group(p1->ke) == s->sa->suite.ke)
		return true;
	ke_free(p1->ke);
	p1->ke = ke_new(s->sa->suite.ke, s->v->rng, s->e);
	return p1->ke;
}

/* What the gateway chose, out of what was offered. */
bool v1_choice_take(struct v1_step *s)
{
	static const uint8_t zero[IKE_SPI_LEN];
	struct v1_terms t;

	if (memcmp(s->h->spi_r, zero, IKE_SPI_LEN) == 0 ||
		memcmp(s->h->spi_r, s->h->spi_i, IKE_SPI_LEN) == 0)
		return err_set(s->e, ERR_PEER, "the gateway's cookie is zero or our own");
	if (!v1_sa_read_phase1(
		    payload_find(s->p, V1P_SA)->body, s->v->cfg->ike_proposals, &t, s->e))
		return false;
	if (t.method != s->sa->method)
		return err_notify(s->e, ERR_PEER, NO_PROPOSAL_CHOSEN,
			"the gateway chose authentication method %u, %u was offered", t.method,
			s->sa->method);
	s->sa->suite = t.suite;
	s->sa->lifetime = t.life.ms;
	s->sa->peer = (struct v1_peer){ 0 };
	v1_vendor_read(s->v, &s->sa->peer, s->p);
	memcpy(s->sa->cky_r, s->h->spi_r, IKE_SPI_LEN);
	return true;
}

bool v1_main_sa_recv(struct v1_step *s)
{
	struct v1_sa *sa = s->sa;
	uint8_t buf[2048];
	struct ikew k;

	if (!v1_choice_take(s) || !make_pair(s))
		return false;
	ikew_chain(&k, buf, sizeof(buf));
	v1_ke_write(&k, sa->p1->ke);
	ikew_bytes(&k, V1P_NONCE, (struct bytes){ sa->p1->ni, sa->p1->ni_len });
	/* Without the name of a CA it asks for whatever certificate the gateway has (RFC 4945 3.2.6). */
	if (v1_is_signed(sa->method))
		ikew_bytes(&k, V1P_CR, (struct bytes){ "\4", 1 });
	v1_nat_d_write(s->v, sa, &k);
	s->next = V1_KE_SENT;
	return v1_send_clear(s->v, sa, V1_MAIN_MODE, &k, true, s->ob, s->e);
}

static bool write_third(struct v1_step *s, struct ikew *k)
{
	v1_id_write(k, &s->sa->p1->idi);
	if (!v1_proof_write(s->v, s->sa, k, s->e))
		return false;
	if (s->sa->first && !s->v->cfg->not_alone)
		v1_notify_write(k, s->sa, V1_INITIAL_CONTACT, (struct bytes){ 0 });
	return true;
}

bool v1_main_ke_recv(struct v1_step *s)
{
	uint8_t *buf = malloc(V1_MESSAGE_MAX);
	struct ikew k;

	if (!buf)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	v1_vendor_read(s->v, &s->sa->peer, s->p); /* some announce the rest only here */
	ikew_chain(&k, buf, V1_MESSAGE_MAX);
	bool ok = v1_take_ke(s) && v1_keys_agree(s) && write_third(s, &k);
	if (ok) {
		v1_nat_detect(s);
		if (s->sa->first)
			v1_stage(s->v, STAGE_AUTH, v1_story(V1_ID_SENT), s->ob);
		s->next = V1_ID_SENT;
		ok = v1_send_phase1(s->v, s->sa, V1_MAIN_MODE, &k, true, s->ob, s->e);
	}
	free(buf);
	return ok;
}

/* The gateway's word on how long phase 1 shall last (RFC 2407 section 4.6.3.1) may come with it. */
void v1_phase1_lifetime(struct v1_step *s)
{
	struct notify n;

	for (size_t i = 0; i < s->p->n; i++)
		if (s->p->v[i].type == V1P_N && v1_notify_read(&n, s->p->v[i].body) &&
			n.type == V1_RESPONDER_LIFETIME && n.protocol == PROTO_IKE) {
			uint64_t ms = v1_lifetime_read(n.data).ms;
			if (ms && (!s->sa->lifetime || ms < s->sa->lifetime))
				s->sa->lifetime = ms;
		}
}

bool v1_main_id_recv(struct v1_step *s)
{
	if (!v1_proof_check(s))
		return false;
	v1_phase1_lifetime(s);
	kept_free(&s->sa->p1->sent); /* it ends here: the same once more gets no answer */
	return v1_after_phase1(s->v, s->sa, &s->next, s->ob, s->e);
}
