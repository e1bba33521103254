#include "v1_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * Main mode that the gateway starts, to renew phase 1 (there is no other way in IKEv1):
 *
 *	HDR, SA, VID ...                         -->
 *	                                         <--  HDR, SA, VID ...
 *	HDR, KE, Ni, NAT-D, NAT-D                -->
 *	                                         <--  HDR, KE, Nr, [CR,] NAT-D, NAT-D
 *	HDR*, IDii, HASH_I | [CERT,] SIG_I       -->
 *	                                         <--  HDR*, IDir, HASH_R | [CERT,] SIG_R
 *
 * It begins unauthenticated, so it is served only while the tunnel stands, a few at a time, and nothing
 * else knows of it before the gateway proved itself again, by the same means. With a login there is
 * no such thing: only we can renew then.
 */

bool v1_resp_sa_recv(struct v1_step *s)
{
	struct v1_sa *sa = s->sa;
	struct bytes body = payload_find(s->p, V1P_SA)->body;
	uint16_t method = v1_own_method(s->v->cfg, s->e);
	uint8_t buf[2048];
	struct v1_terms t;
	struct ikew k;

	if (!method || !v1_sa_choose_phase1(body, s->v->cfg->ike_accepted, method, &t, s->e))
		return false;
	sa->suite = t.suite;
	sa->method = t.method;
	sa->lifetime = t.life.ms;
	v1_vendor_read(s->v, &sa->peer, s->p);
	sa->p1->sai = malloc(body.n);
	if (!sa->p1->sai)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	memcpy(sa->p1->sai, body.p, body.n);
	sa->p1->sai_len = body.n;
	ikew_chain(&k, buf, sizeof(buf));
	v1_sa_answer_phase1(&k, &t);
	v1_vendor_write(&k, s->v->cfg);
	s->next = V1_SA_ANSWERED;
	return v1_prepare_phase1(s->v, sa, s->e) &&
		v1_send_clear(s->v, sa, V1_MAIN_MODE, &k, false, s->ob, s->e);
}

bool v1_resp_ke_recv(struct v1_step *s)
{
	struct v1_sa *sa = s->sa;
	uint8_t buf[2048];
	struct ikew k;

	ke_free(sa->p1->ke);
	sa->p1->ke = ke_new(sa->suite.ke, s->v->rng, s->e);
	if (!sa->p1->ke || !v1_take_ke(s) || !v1_keys_agree(s))
		return false;
	ikew_chain(&k, buf, sizeof(buf));
	v1_ke_write(&k, sa->p1->ke);
	ikew_bytes(&k, V1P_NONCE, (struct bytes){ sa->p1->nr, sa->p1->nr_len });
	if (v1_is_signed(sa->method))
		ikew_bytes(&k, V1P_CR, (struct bytes){ "\4", 1 });
	v1_nat_d_write(s->v, sa, &k);
	s->next = V1_KE_ANSWERED;
	return v1_send_clear(s->v, sa, V1_MAIN_MODE, &k, false, s->ob, s->e);
}

bool v1_resp_id_recv(struct v1_step *s)
{
	uint8_t *buf = malloc(V1_MESSAGE_MAX);
	struct ikew k;

	if (!buf)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	ikew_chain(&k, buf, V1_MESSAGE_MAX);
	v1_id_write(&k, &s->sa->p1->idr);
	bool ok = v1_proof_check(s) && v1_proof_write(s->v, s->sa, &k, s->e) &&
		v1_send_phase1(s->v, s->sa, V1_MAIN_MODE, &k, false, s->ob, s->e);
	free(buf);
	s->next = V1_UP;
	return ok;
}
