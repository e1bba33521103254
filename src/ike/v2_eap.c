#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * EAP inside IKE_AUTH, RFC 7296 section 2.16:
 *
 *	HDR, SK {EAP}   -->
 *	                <--  HDR, SK {EAP (Success)}
 *	HDR, SK {AUTH, [N(PPK_IDENTITY)]}  -->
 *	                <--  HDR, SK {AUTH, [CP,] SAr2, TSi, TSr, [N(PPK_IDENTITY)]}
 *
 * It starts only after the gateway proved itself (v2_auth.c). Both AUTH are made from the method's
 * key, or from SK_pi and SK_pr where the method has none.
 */

static bool send_eap(struct v2 *v, struct bytes packet, struct outbox *ob, struct err *e)
{
	uint8_t buf[EAP_PACKET_MAX + 64];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	ikew_bytes(&k, PAYLOAD_EAP, packet);
	bool ok = v2_request(v, v->sa, TASK_EAP, IKE_AUTH, &k, ob, e);
	wipe(buf, sizeof(buf));
	return ok;
}

static struct bytes shared_secret(const struct v2 *v, bool ours)
{
	const struct secret *msk = eap_msk(v->hs->eap);

	if (!msk)
		msk = ours ? &v->sa->sk_pi : &v->sa->sk_pr;
	return (struct bytes){ msk->data, msk->len };
}

static bool send_finish(struct v2 *v, struct outbox *ob, struct err *e)
{
	uint8_t *octets = NULL, buf[512];
	struct secret mac = { 0 };
	struct ikew k;
	size_t n;

	ikew_chain(&k, buf, sizeof(buf));
	if (!v2_ppk_write(v, &k, e) ||
		!v2_signed_octets(v->sa, true, v->hs, &v->hs->idi, &octets, &n, e))
		return false;
	bool ok =
		v2_auth_shared(v->sa, shared_secret(v, true), (struct bytes){ octets, n }, &mac, e);
	free(octets);
	if (ok) {
		ikew_payload(&k, PAYLOAD_AUTH);
		wr_u8(&k.w, AUTH_PSK);
		wr_zeros(&k.w, 3);
		wr_bytes(&k.w, mac.data, mac.len);
		/* Once more: it may have taken minutes, with rekeys of a tunnel beside it. */
		struct sa_ref in = v2_inbound(v, v->hs->child.spi_in);
		outbox_sa_expect(ob, &in);
		ok = v2_request(v, v->sa, TASK_FINISH, IKE_AUTH, &k, ob, e);
	}
	secret_wipe(&mac);
	return ok;
}

static void ask(struct v2 *v, const struct eap_result *r, struct outbox *ob)
{
	struct ask *a = outbox_add(ob, ACT_ASK, sizeof(*a));

	if (!a)
		return;
	*a = r->ask;
	a->id = ++v->hs->ask_id;
}

static bool act_on(struct v2 *v, const struct eap_result *r, struct outbox *ob, enum v2_state *next,
	struct err *e)
{
	if (r->notice[0])
		outbox_event(ob, EV_GATEWAY_SAID, LEVEL_INFO, "%s", r->notice);
	if (r->log[0])
		outbox_log(ob, LEVEL_DEBUG, "%s", r->log);
	switch (r->verdict) {
	case EAP_V_SEND:
		*next = V2_EAP;
		if (r->err.kind !=
			ERR_NONE) { /* the method failed; the gateway may yet say less about it */
			v->hs->hint = r->err;
			v->hs->hint_until = TIME_NEVER;
		}
		return send_eap(v, (struct bytes){ r->out, r->len }, ob, e);
	case EAP_V_ASK:
		*next = V2_ASK;
		if (r->err.kind != ERR_NONE)
			outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s", r->err.text);
		ask(v, r, ob);
		return true;
	case EAP_V_SUCCESS:
		*next = V2_FINISH;
		return send_finish(v, ob, e);
	case EAP_V_FAILURE:
		*e = r->err;
		return false;
	case EAP_V_IGNORE:
		break;
	}
	return err_set(e, ERR_PEER, "the gateway sent an EAP packet that makes no sense here: %s",
		r->err.text);
}

static bool login_refused(struct step *s, uint16_t type)
{
	char name[NOTIFY_TEXT_MAX];

	err_notify(s->e, ERR_PEER, type, "the gateway answers the login with %s",
		notify_text(name, type));
	/* A server that is not the right one was sent away by us, whatever is said of that. */
	if (s->v->hs->hint.kind == ERR_AUTH)
		*s->e = s->v->hs->hint;
	else if (s->v->hs->hint.kind == ERR_PEER)
		err_notify(s->e, ERR_PEER, type, "%s", s->v->hs->hint.text);
	return false;
}

bool v2_eap_packet(
	struct v2 *v, struct bytes packet, struct outbox *ob, enum v2_state *next, struct err *e)
{
	if (!v->proved) /* nothing of the user leaves before, whoever calls this */
		return err_set(e, ERR_AUTH, "the gateway has not proved who it is");
	struct eap_result *r = calloc(1, sizeof(*r));
	if (!r)
		return err_set(e, ERR_LOCAL, "out of memory");
	if (!v->hs->eap)
		v->hs->eap = eap_new(&v->cfg->eap, v->rng, e);
	bool ok = v->hs->eap != NULL;
	if (ok) {
		eap_input(v->hs->eap, packet, r);
		v->eap = eap_type_in_use(v->hs->eap);
		v->eap_tls_failed = eap_tls_failed(v->hs->eap);
		ok = act_on(v, r, ob, next, e);
	}
	wipe(r, sizeof(*r));
	free(r);
	return ok;
}

bool v2_eap_answer(struct v2 *v, const struct passphrase *text, struct outbox *ob,
	enum v2_state *next, struct err *e)
{
	struct eap_result *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(e, ERR_LOCAL, "out of memory");
	eap_answer(v->hs->eap, text, r);
	bool ok = act_on(v, r, ob, next, e);
	wipe(r, sizeof(*r));
	free(r);
	return ok;
}

bool v2_eap_recv(struct step *s)
{
	const struct payload *eap = payload_find(s->p, PAYLOAD_EAP);
	struct notify n;

	if (!eap && notify_find_error(s->p, &n))
		return login_refused(s, n.type);
	if (!eap)
		return err_set(s->e, ERR_PEER, "the gateway's answer lacks EAP");
	v2_request_done(s->sa);
	return v2_eap_packet(s->v, eap->body, s->ob, &s->next, s->e);
}

bool v2_finish_recv(struct step *s)
{
	const struct payload *auth = payload_find(s->p, PAYLOAD_AUTH);
	struct notify n;

	if (!auth && notify_find_error(s->p, &n)) {
		s->v->stage = STAGE_AUTH; /* what was asked of the user was accepted */
		return login_refused(s, n.type);
	}
	if (!auth)
		return err_set(s->e, ERR_AUTH, "the gateway's last answer lacks AUTH");
	if (!v2_ppk_read(s))
		return false;
	if (!v2_verify_shared(s->v, auth->body, shared_secret(s->v, false), s->e))
		return false;
	v2_request_done(s->sa);
	return v2_auth_established(s);
}
