#include "v2_sa.h"

/*
 * IKE_INTERMEDIATE, RFC 9242, for one additional key exchange of RFC 9370 section 2.2.2 each:
 *
 *	HDR, SK {KEi(n)}  -->
 *	                  <--  HDR, SK {KEr(n)}
 *
 * Each makes all keys of the IKE SA anew. Who the gateway is shows only afterwards, when AUTH of both
 * sides covers these messages as well; until then an error in one is nobody's word for certain, but it
 * comes from who made the keys with us, and nobody else can answer.
 */

/* Ours in the next additional key exchange; NULL with e empty: there is none left. */
static const struct ke *next_key(struct v2 *v, struct err *e)
{
	struct handshake *hs = v->hs;
	const struct suite *suite = &v->sa->suite;

	ke_free(hs->addke);
	hs->addke = NULL;
	hs->addke_no = suite_addke(suite, hs->intermediates ? hs->addke_no + 1 : 0);
	if (hs->addke_no < ADDKE_MAX)
		hs->addke = ke_new(suite->addke[hs->addke_no], v->rng, e);
	return hs->addke;
}

bool v2_inter_send(struct v2 *v, enum v2_state *next, struct outbox *ob, struct err *e)
{
	uint8_t buf[KE_PUBLIC_MAX + 64];
	const struct ke *ke = next_key(v, e);
	struct ikew k;

	if (!ke && v->hs->addke_no < ADDKE_MAX)
		return false;
	*next = ke ? V2_INTERMEDIATE : V2_AUTH;
	if (!ke)
		return v2_auth_send(v, ob, e);
	if (v->hs->intermediates == 0)
		v2_stage(v, STAGE_INIT, v2_story(TASK_INTERMEDIATE), ob);
	outbox_log(ob, LEVEL_DEBUG, "additional key exchange %zu: %s", v->hs->addke_no + 1,
		ke_group(ke)->name);
	ikew_chain(&k, buf, sizeof(buf));
	v2_ke_write(&k, ke);
	return v2_request(v, v->sa, TASK_INTERMEDIATE, IKE_INTERMEDIATE, &k, ob, e);
}

/* What AUTH has to cover, by the keys that the two messages were protected with. */
static bool note_exchange(struct step *s)
{
	struct handshake *hs = s->v->hs;
	const struct request *r = &s->sa->req;
	struct content sent = { .first = r->inner_first, .octets = { r->inner, r->inner_len } };
	struct ike_hdr h = *s->h;

	h.version = 0x20;
	h.flags = FLAG_INITIATOR;
	return v2_int_auth(s->sa, true, &h, &sent, &hs->int_i, s->e) &&
		v2_int_auth(s->sa, false, s->h, s->content, &hs->int_r, s->e);
}

/* SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr) */
static bool new_keys(struct step *s, struct bytes value)
{
	struct handshake *hs = s->v->hs;
	struct v2_fresh f = { .ni = { hs->ni, sizeof(hs->ni) }, .nr = { hs->nr, hs->nr_len } };
	struct ke_secret shared;

	if (!ke_shared(hs->addke, value, &shared, s->e))
		return false;
	f.shared = (struct bytes){ shared.data, shared.len };
	bool ok = v2_derive(s->sa, s->sa->suite.prf, &s->sa->sk_d, &f, s->e);
	wipe(&shared, sizeof(shared));
	return ok;
}

bool v2_inter_recv(struct step *s)
{
	struct handshake *hs = s->v->hs;
	char name[NOTIFY_TEXT_MAX];
	struct bytes value;
	struct notify n;

	if (notify_find_error(s->p, &n))
		return err_notify(s->e, ERR_PEER, n.type,
			"the gateway answers IKE_INTERMEDIATE with %s", notify_text(name, n.type));
	if (!v2_ke_of(s->p, ke_group(hs->addke), &value))
		return err_set(s->e, ERR_PEER,
			"the gateway's additional key exchange is not the %s that was agreed on",
			ke_group(hs->addke)->name);
	if (!note_exchange(s) || !new_keys(s, value))
		return false;
	hs->intermediates++;
	v2_sa_keys(s->sa, s->ob);
	v2_request_done(s->sa);
	return v2_inter_send(s->v, &s->next, s->ob, s->e);
}
