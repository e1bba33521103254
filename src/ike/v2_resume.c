#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * An IKE SA made anew from one that was lost, RFC 5723 section 4.3:
 *
 *	HDR, [N(COOKIE),] Ni, N(TICKET_OPAQUE), N(NAT_DETECTION_*), N(...)  -->
 *	                                       <--  HDR, Nr, N(NAT_DETECTION_*) | N(TICKET_NACK)
 *	HDR, SK {IDi, [IDr,] AUTH, N(TICKET_REQUEST), [CP,] SAi2, TSi, TSr}  -->
 *	                 <--  HDR, SK {IDr, AUTH, N(TICKET_LT_OPAQUE), [CP,] SAr2, TSi, TSr}
 *
 * Who knows SK_d of the old one is who was there, so nobody logs in and nothing is signed: the gateway is whom it
 * proved to be then, under the same name. The first two messages are in the clear, and what anybody can say there
 * costs a new login at the most.
 */

bool v2_resume_same_way(const struct v2 *v)
{
	const struct resumption *from = v->hs ? v->hs->from : NULL;

	return from && !from->encap && addr_same_host(&from->local, &v->path.local);
}

bool v2_resume_send(struct v2 *v, struct outbox *ob, struct err *e)
{
	const struct handshake *hs = v->hs;
	uint8_t buf[IKE_DATAGRAM_MAX];
	struct ikew k;

	v2_open_begin(v, &k, buf, sizeof(buf), IKE_SESSION_RESUME);
	ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ hs->ni, sizeof(hs->ni) });
	ikew_notify(&k, 0, TICKET_OPAQUE, (struct bytes){ 0 },
		(struct bytes){ hs->from->ticket, hs->from->ticket_len });
	v2_open_announce(v, &k);
	return v2_open_send(v, TASK_RESUME, IKE_SESSION_RESUME, &k, ob, e);
}

/* Section 5.1: SKEYSEED = prf(SK_d (old), "Resumption" | Ni | Nr). */
static bool derive(struct step *s, struct bytes nr)
{
	const struct handshake *hs = s->v->hs;
	struct v2_fresh f = {
		.ni = { hs->ni, sizeof(hs->ni) }, .nr = nr, .shared = { "Resumption", 10 }
	};

	s->sa->suite = hs->from->suite;
	s->sa->quantum_safe = hs->from->quantum_safe;
	memcpy(s->sa->spi_r, s->h->spi_r, IKE_SPI_LEN);
	if (!v2_derive(s->sa, s->sa->suite.prf, &hs->from->sk_d, &f, s->e))
		return false;
	v2_sa_keys(s->sa, s->ob);
	return true;
}

/* Section 4.3.3: AUTH = prf(SK_px, <message octets>), without the pad of a shared key. The octets are those of
 * RFC 4306 section 2.15, but libreswan 5 takes that for the message, and leaves out the other side's nonce and what is
 * made of the identity. Nothing is lost by that: SK_px comes from both nonces, and the identity stands beside AUTH under
 * the same keys. */
static bool proof(
	struct v2 *v, bool ours, const struct identity *id, struct secret *out, struct err *e)
{
	const struct secret *key = ours ? &v->sa->sk_pi : &v->sa->sk_pr;
	const struct handshake *hs = v->hs;
	uint8_t *octets = NULL;
	size_t n;

	if (!v2_signed_octets(v->sa, ours, hs, id, &octets, &n, e))
		return false;
	if (hs->from->bare)
		n = ours ? hs->init_i_len : hs->init_r_len; /* with which they begin */
	bool ok = prf(v->sa->suite.prf, (struct bytes){ key->data, key->len },
		&(struct bytes){ octets, n }, 1, out, e);
	free(octets);
	return ok;
}

static bool send_auth(struct v2 *v, struct outbox *ob, struct err *e)
{
	struct handshake *hs = v->hs;
	uint8_t *buf = malloc(MESSAGE_OUT_MAX);
	struct secret mac = { 0 };
	struct ikew k;

	if (!buf)
		return err_set(e, ERR_LOCAL, "out of memory");
	v2_stage(v, STAGE_AUTH, NULL, ob);
	hs->idi = hs->from->idi;
	id_text(v->local_id, &hs->idi);
	ikew_chain(&k, buf, MESSAGE_OUT_MAX);
	v2_id_write(&k, PAYLOAD_IDi, &hs->idi);
	if (!v->cfg->not_alone)
		ikew_notify(&k, 0, INITIAL_CONTACT, (struct bytes){ 0 }, (struct bytes){ 0 });
	if (v->cfg->send_remote_id)
		v2_id_write(&k, PAYLOAD_IDr, &hs->from->idr);
	bool ok = proof(v, true, &hs->idi, &mac, e);
	if (ok) {
		v2_auth_write(&k, AUTH_PSK, (struct bytes){ mac.data, mac.len });
		ok = v2_auth_rest(v, TASK_RESUME_AUTH, &k, ob, e);
	}
	secret_wipe(&mac);
	wipe(buf, MESSAGE_OUT_MAX);
	free(buf);
	return ok;
}

/* Section 4.3.2: NATs are detected anew. libreswan 5 does without, and sends ESP as if there were none. */
static bool way_is_known(const struct step *s)
{
	struct notify n;

	return notify_find(s->p, NAT_DETECTION_SOURCE_IP, &n) ||
		(v2_resume_same_way(s->v) && !s->v->natt);
}

/* Whoever says so: a login is better than to wait for another answer. */
static bool no_use(struct step *s, uint16_t type, const char *why)
{
	s->v->hs->no_use = true;
	return err_notify(s->e, ERR_PEER, type, "the gateway does not resume the session: %s", why);
}

bool v2_resume_recv(struct step *s)
{
	const struct payload *nonce = payload_find(s->p, PAYLOAD_NONCE);
	char name[NOTIFY_TEXT_MAX];
	struct notify n;
	struct bytes nr;

	if (!nonce && notify_find(s->p, COOKIE, &n))
		return v2_open_again(s, &n);
	if (notify_find(s->p, TICKET_NACK, &n))
		return no_use(s, TICKET_NACK, notify_text(name, TICKET_NACK));
	if (notify_find_error(s->p, &n))
		return err_notify(s->e, ERR_PEER, n.type,
			"the gateway does not resume the session: %s", notify_text(name, n.type));
	if (!nonce)
		return err_set(s->e, ERR_PEER, "the gateway's IKE_SESSION_RESUME lacks a nonce");
	if (!v2_open_read(s, &nr))
		return false;
	if (!way_is_known(s))
		return no_use(s, 0, "it does not look for NATs then");
	if (!derive(s, nr) || !v2_open_take(s, nr))
		return false;
	s->next = V2_AUTH;
	return send_auth(s->v, s->ob, s->e);
}

/* Section 4.3.3: it is who it was, by its name and by what it knows. */
static bool verify_gateway(struct step *s)
{
	const struct payload *id = payload_find(s->p, PAYLOAD_IDr);
	const struct payload *auth = payload_find(s->p, PAYLOAD_AUTH);
	struct handshake *hs = s->v->hs;
	struct secret want = { 0 };
	struct bytes data;
	uint8_t method;

	if (!id || !auth)
		return err_set(s->e, ERR_AUTH,
			"the gateway does not prove who it is: %s is missing", id ? "AUTH" : "IDr");
	if (!id_read(&hs->idr, id->body, s->e))
		return false;
	if (!id_same(&hs->idr, &hs->from->idr))
		return err_set(s->e, ERR_AUTH, "the gateway has another name than before");
	if (!v2_auth_split(auth->body, &method, &data) || method != AUTH_PSK)
		return err_set(s->e, ERR_AUTH,
			"the gateway proves itself by method %u to resume the session", method);
	bool ok = proof(s->v, false, &hs->idr, &want, s->e) &&
		((data.n == want.len && same_bytes(data.p, want.data, want.len)) ||
			err_set(s->e, ERR_AUTH, "the gateway does not know the keys any more"));
	secret_wipe(&want);
	return ok;
}

bool v2_resume_auth_recv(struct step *s)
{
	struct v2 *v = s->v;

	if (!payload_find(s->p, PAYLOAD_AUTH) && v2_auth_refused(s))
		return false;
	if (!verify_gateway(s))
		return false;
	id_text(v->remote_id, &v->hs->idr);
	v->proved = v->resumed = true;
	v->sha1 = v->hs->from->sha1;
	v->eap = v->hs->from->eap;
	memcpy(v->revocation.told, v->hs->from->revocation, sizeof(v->revocation.told));
	v2_request_done(s->sa);
	return v2_auth_established(s);
}
