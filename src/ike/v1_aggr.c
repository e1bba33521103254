#include "v1_sa.h"

#include <stdlib.h>

/*
 * Aggressive mode, section 5.4. With a shared key, who sees it can try keys at leisure: HASH_R is
 * made from nothing else that is secret.
 *
 *	HDR, SA, KE, Ni, IDii, VID ...         -->
 *	              <--  HDR, SA, KE, Nr, IDir, [CERT,] HASH_R | SIG_R, NAT-D, NAT-D
 *	HDR*, HASH_I | [CERT,] SIG_I, NAT-D, NAT-D   -->
 */
bool v1_aggr_send(struct v1 *v, struct v1_sa *sa, struct outbox *ob, struct err *e)
{
	const struct alg *group = NULL;
	uint8_t buf[4096];
	struct suite s;
	struct ikew k;

	if (v1_combination(v->cfg->ike_proposals, true, 0, &s))
		group = s.ke;
	ikew_chain(&k, buf, sizeof(buf));
	if (!v1_phase1_chain(v, sa, group, &k, e))
		return false;
	sa->p1->ke = ke_new(group, v->rng, e);
	if (!sa->p1->ke)
		return false;
	v1_ke_write(&k, sa->p1->ke);
	ikew_bytes(&k, V1P_NONCE, (struct bytes){ sa->p1->ni, sa->p1->ni_len });
	v1_id_write(&k, &sa->p1->idi);
	if (v1_is_signed(sa->method))
		ikew_bytes(&k, V1P_CR, (struct bytes){ "\4", 1 });
	v1_vendor_write(&k, v->cfg);
	return v1_send_clear(v, sa, V1_AGGRESSIVE_MODE, &k, true, ob, e);
}

bool v1_aggr_recv(struct v1_step *s)
{
	uint8_t *buf = malloc(V1_MESSAGE_MAX);
	struct ikew k;

	if (!buf)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	ikew_chain(&k, buf, V1_MESSAGE_MAX);
	bool ok = v1_choice_take(s) && v1_take_ke(s) && v1_keys_agree(s);
	if (ok && s->sa->first)
		v1_stage(s->v, STAGE_AUTH, v1_story(V1_ID_SENT), s->ob);
	ok = ok && v1_proof_check(s) && v1_proof_write(s->v, s->sa, &k, s->e);
	if (ok) {
		v1_phase1_lifetime(s);
		v1_nat_detect(s);
		v1_nat_d_write(s->v, s->sa, &k);
		if (s->sa->first && !s->v->cfg->not_alone)
			v1_notify_write(&k, s->sa, V1_INITIAL_CONTACT, (struct bytes){ 0 });
		ok = v1_send_phase1(s->v, s->sa, V1_AGGRESSIVE_MODE, &k, false, s->ob, s->e) &&
			v1_after_phase1(s->v, s->sa, &s->next, s->ob, s->e);
	}
	free(buf);
	return ok;
}
