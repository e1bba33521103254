#include "v2_sa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proof.h"

/*
 * IKE_AUTH, RFC 7296 section 1.2 (with EAP: section 2.16, and AUTH is missing from the request):
 *
 *	HDR, SK {IDi, [CERT,] [CERTREQ,] [IDr,] [AUTH,] [CP,] SAi2, TSi, TSr}  -->
 *	                    <--  HDR, SK {IDr, [CERT,] AUTH, [EAP | [CP,] SAr2, TSi, TSr]}
 *
 * The gateway proves itself in its first answer, always: nothing of the user but IDi and CERT leaves
 * before.
 */

static void write_certs(const struct ike_config *cfg, struct ikew *k)
{
	for (size_t i = 0; i < cfg->certs->n; i++) {
		struct bytes der = cert_der(cfg->certs->v[i]);
		ikew_payload(k, PAYLOAD_CERT);
		wr_u8(&k->w, CERT_X509_SIGNATURE);
		wr_bytes(&k->w, der.p, der.n);
	}
}

/* Section 3.7. With the system's whole store as anchors the list stays empty, which asks for
 * whatever certificate the gateway has. */
static void write_certreq(const struct ike_config *cfg, struct ikew *k)
{
	uint8_t hash[SPKI_SHA1_LEN];

	ikew_payload(k, PAYLOAD_CERTREQ);
	wr_u8(&k->w, CERT_X509_SIGNATURE);
	for (size_t i = 0; i < CERT_CHAIN_MAX; i++) {
		if (trust_spki_sha1(cfg->trust, i, hash))
			wr_bytes(&k->w, hash, sizeof(hash));
	}
}

/* RFC 4806 section 3.1: answers of any responder. Not asked for where they are not needed: there are gateways that
 * have never seen this encoding. */
static void write_ocsp_request(const struct ike_config *cfg, struct ikew *k)
{
	if (cfg->revocation < REVOCATION_SOFT)
		return;
	ikew_payload(k, PAYLOAD_CERTREQ);
	wr_u8(&k->w, CERT_OCSP_CONTENT);
}

void v2_auth_write(struct ikew *k, uint8_t method, struct bytes data)
{
	ikew_payload(k, PAYLOAD_AUTH);
	wr_u8(&k->w, method);
	wr_zeros(&k->w, 3);
	wr_bytes(&k->w, data.p, data.n);
}

/* RFC 8784 section 3, with the request that holds AUTH: what is made of SK_d, SK_pi and SK_pr from here on
 * needs the PPK. */
bool v2_ppk_write(struct v2 *v, struct ikew *k, struct err *e)
{
	enum { PPK_ID_FIXED = 2 };
	const struct ike_config *cfg = v->cfg;
	uint8_t id[1 + PPK_ID_MAX] = { PPK_ID_FIXED };

	if (!cfg->ppk)
		return true;
	struct wr w = wr_init(id + 1, sizeof(id) - 1);
	wr_bytes(&w, cfg->ppk_id, strlen(cfg->ppk_id));
	ikew_notify(k, 0, PPK_IDENTITY, (struct bytes){ 0 }, (struct bytes){ id, 1 + w.len });
	return v2_mix_ppk(v->sa, (struct bytes){ cfg->ppk->text, cfg->ppk->len }, e);
}

/* And the answer to it: a gateway that did without would be believed by keys that are not. */
bool v2_ppk_read(struct step *s)
{
	struct v2 *v = s->v;
	struct notify n;

	v->quantum_safe = v->cfg->ppk && notify_find(s->p, PPK_IDENTITY, &n);
	return !v->cfg->ppk || v->quantum_safe ||
		err_set(s->e, ERR_PEER, "the gateway does without the post-quantum key \"%s\"",
			v->cfg->ppk_id);
}

static bool sign(struct v2 *v, struct bytes data, uint8_t *method, uint8_t sig[SIG_MAX],
	size_t *len, struct err *e)
{
	const struct ike_config *cfg = v->cfg;
	bool may_pss = sig_may_pss(cfg->key, v->hs->peer_hashes);

	v->pkcs1 = may_pss && !cfg->pss;
	if (may_pss && cfg->pss)
		return sig_sign_pss(cfg->key, data, method, sig, len, e);
	bool ok = sig_sign(cfg->key, v->hs->peer_hashes, cfg->security >= TIER_COMPAT, data, method,
		sig, len, e);
	v->sha1 |= ok && *method == AUTH_RSA; /* by no other hash do we sign so */
	return ok;
}

static bool write_auth(struct v2 *v, struct ikew *k, struct err *e)
{
	const struct ike_config *cfg = v->cfg;
	uint8_t *octets = NULL, sig[SIG_MAX], method = AUTH_PSK;
	struct secret mac = { 0 };
	size_t n, sig_len;

	if (!v2_signed_octets(v->sa, true, v->hs, &v->hs->idi, &octets, &n, e))
		return false;
	bool ok;
	if (cfg->local_auth == IKE_AUTH_BY_PSK) {
		ok = v2_auth_shared(v->sa, (struct bytes){ cfg->psk->text, cfg->psk->len },
			(struct bytes){ octets, n }, &mac, e);
		v2_auth_write(k, AUTH_PSK, (struct bytes){ mac.data, mac.len });
	} else {
		ok = sign(v, (struct bytes){ octets, n }, &method, sig, &sig_len, e);
		if (ok)
			v2_auth_write(k, method, (struct bytes){ sig, sig_len });
	}
	secret_wipe(&mac);
	free(octets);
	return ok;
}

static void offered_selectors(const struct v2 *v, bool local, struct selectors *out)
{
	const struct selectors *named = local ? &v->cfg->local_ts : &v->cfg->remote_ts;
	const struct addr *end = local ? &v->path.local : &v->path.remote;
	struct prefix host = { .family = end->family, .len = end->family == FAMILY_V4 ? 32 : 128 };

	if (named->n > 0) {
		*out = *named;
	} else if (v->cfg->mode == SA_TRANSPORT) {
		memcpy(host.ip, end->ip, sizeof(host.ip));
		selector_from_prefix(&out->v[0], &host);
		out->n = 1;
	} else {
		selector_all(&out->v[0], FAMILY_V4);
		selector_all(&out->v[1], FAMILY_V6);
		out->n = 2;
	}
}

static void write_child(struct v2 *v, struct ikew *k)
{
	struct offer *o = &v->hs->child;
	uint8_t spi[4];
	struct wr w = wr_init(spi, sizeof(spi));

	o->spi_in = child_new_spi(&v->children, v->rng);
	o->number = ++v->children.last_number;
	wr_u32(&w, o->spi_in);
	offered_selectors(v, true, &o->local_ts);
	offered_selectors(v, false, &o->remote_ts);
	v2_esp_offer(&o->proposals, v->cfg, KE_LEFT_OUT, NULL);
	if (v->cfg->mode == SA_TRANSPORT)
		ikew_notify(k, 0, USE_TRANSPORT_MODE, (struct bytes){ 0 }, (struct bytes){ 0 });
	v2_sa_write(k, &o->proposals, PROTO_ESP, (struct bytes){ spi, sizeof(spi) });
	v2_ts_write(k, PAYLOAD_TSi, &o->local_ts);
	v2_ts_write(k, PAYLOAD_TSr, &o->remote_ts);
}

bool v2_auth_rest(struct v2 *v, enum v2_task task, struct ikew *k, struct outbox *ob, struct err *e)
{
	v2_ticket_request(v, k);
	if (v->cfg->want_address)
		v2_cp_request(k, v->cfg);
	write_child(v, k);
	if (v2_mobile(v->cfg))
		ikew_notify(k, 0, MOBIKE_SUPPORTED, (struct bytes){ 0 }, (struct bytes){ 0 });
	bool ok = v2_request(v, v->sa, task, IKE_AUTH, k, ob, e);
	struct sa_ref in = v2_inbound(v, v->hs->child.spi_in);
	outbox_sa_expect(ob, &in);
	return ok;
}

bool v2_auth_send(struct v2 *v, struct outbox *ob, struct err *e)
{
	const struct ike_config *cfg = v->cfg;
	struct handshake *hs = v->hs;
	uint8_t *buf = malloc(MESSAGE_OUT_MAX);
	struct ikew k;

	if (!buf)
		return err_set(e, ERR_LOCAL, "out of memory");
	v2_stage(v, STAGE_AUTH, v2_story(TASK_AUTH), ob);
	ikew_chain(&k, buf, MESSAGE_OUT_MAX);
	bool ok = proof_own_identity(cfg, &v->path.local, &hs->idi, e);
	if (ok) {
		id_text(v->local_id, &hs->idi);
		v2_id_write(&k, PAYLOAD_IDi, &hs->idi);
		if (cfg->local_auth == IKE_AUTH_BY_CERT)
			write_certs(cfg, &k);
		if (!cfg->not_alone)
			ikew_notify(
				&k, 0, INITIAL_CONTACT, (struct bytes){ 0 }, (struct bytes){ 0 });
		if (!cfg->remote_psk) {
			write_certreq(cfg, &k);
			write_ocsp_request(cfg, &k);
		}
		if (cfg->send_remote_id)
			v2_id_write(&k, PAYLOAD_IDr, &cfg->remote_id);
		if (cfg->local_auth != IKE_AUTH_BY_EAP)
			ok = v2_ppk_write(v, &k, e) && write_auth(v, &k, e);
	}
	ok = ok && v2_auth_rest(v, TASK_AUTH, &k, ob, e);
	wipe(buf, MESSAGE_OUT_MAX);
	free(buf);
	return ok;
}

/* --- the gateway's proof ---------------------------------------------------------------------- */

bool v2_auth_split(struct bytes body, uint8_t *method, struct bytes *data)
{
	struct rd r = rd_init(body.p, body.n);

	*method = rd_u8(&r);
	rd_bytes(&r, 3);
	*data = (struct bytes){ r.p, r.left };
	return !r.bad && r.left > 0;
}

bool v2_verify_shared(struct v2 *v, struct bytes auth_body, struct bytes secret, struct err *e)
{
	uint8_t *octets = NULL, method;
	struct bytes data;
	struct secret want = { 0 };
	size_t n;

	if (!v2_auth_split(auth_body, &method, &data) || method != AUTH_PSK)
		return err_set(e, ERR_AUTH,
			"the gateway proves itself by method %u, not by the shared key", method);
	if (!v2_signed_octets(v->sa, false, v->hs, &v->hs->idr, &octets, &n, e))
		return false;
	bool ok = v2_auth_shared(v->sa, secret, (struct bytes){ octets, n }, &want, e) &&
		((data.n == want.len && same_bytes(data.p, want.data, want.len)) ||
			err_set(e, ERR_AUTH, "the gateway does not know the shared key"));
	free(octets);
	secret_wipe(&want);
	return ok;
}

static bool verify_signature(struct v2 *v, struct bytes auth_body, const struct cert *c,
	struct outbox *ob, struct err *e)
{
	uint8_t *octets = NULL, method;
	struct bytes data;
	struct sig_used used;
	size_t n;

	if (!v2_auth_split(auth_body, &method, &data))
		return err_set(e, ERR_AUTH, "the gateway's AUTH payload is empty");
	if (method == AUTH_PSK)
		return err_set(e, ERR_AUTH,
			"the gateway proves itself by a pre-shared key, the profile wants a certificate");
	if (!v2_signed_octets(v->sa, false, v->hs, &v->hs->idr, &octets, &n, e))
		return false;
	bool ok = sig_verify(c, method, v->cfg->security >= TIER_COMPAT,
		(struct bytes){ octets, n }, data, &used, e);
	free(octets);
	v->sha1 |= used.sha1;
	if (ok)
		outbox_log(ob, LEVEL_INFO, "the gateway's signature is good (%s)", used.name);
	return ok;
}

static bool verify_by_certificate(struct step *s, struct bytes auth_body)
{
	const struct ike_config *cfg = s->v->cfg;
	struct cert_list certs = { 0 };
	const struct proof_revocable what = { .p = s->p,
		.type = PAYLOAD_CERT,
		.certs = &certs,
		.now = v2_wall(s->v),
		.rng = s->v->rng };
	char subject[CERT_TEXT_MAX];

	bool ok = proof_read_certs(cfg, s->p, PAYLOAD_CERT, &certs, s->e) &&
		trust_verify(cfg->trust, &certs, v2_wall(s->v), s->e) &&
		proof_check_identity(cfg, &s->v->hs->idr, certs.v[0], s->e) &&
		verify_signature(s->v, auth_body, certs.v[0], s->ob, s->e) &&
		proof_check_revocation(cfg, &what, &s->v->revocation, s->ob, s->e);
	if (ok)
		outbox_log(s->ob, LEVEL_INFO, "the gateway's certificate: %s",
			cert_subject_text(subject, certs.v[0]));
	cert_list_free(&certs);
	return ok;
}

/* Here the gateway becomes proved, and nowhere else but where an IKE SA is resumed (v2_resume.c). */
static bool verify_gateway(struct step *s)
{
	struct v2 *v = s->v;
	const struct ike_config *cfg = v->cfg;
	const struct payload *id = payload_find(s->p, PAYLOAD_IDr);
	const struct payload *auth = payload_find(s->p, PAYLOAD_AUTH);
	char says[ID_TEXT_MAX], wants[ID_TEXT_MAX];

	if (!id || !auth)
		return err_set(s->e, ERR_AUTH,
			"the gateway does not prove who it is: %s is missing", id ? "AUTH" : "IDr");
	if (!id_read(&v->hs->idr, id->body, s->e))
		return false;
	id_text(v->remote_id, &v->hs->idr);
	if (!cfg->remote_psk) {
		if (!verify_by_certificate(s, auth->body))
			return false;
	} else {
		if (cfg->remote_id_strict && !id_same(&v->hs->idr, &cfg->remote_id))
			return err_set(s->e, ERR_AUTH,
				"the gateway says it is %s, the profile wants %s",
				id_text(says, &v->hs->idr), id_text(wants, &cfg->remote_id));
		if (!v2_verify_shared(
			    v, auth->body, (struct bytes){ cfg->psk->text, cfg->psk->len }, s->e))
			return false;
	}
	v->proved = true;
	return true;
}

/* --- the answer ------------------------------------------------------------------------------- */

bool v2_auth_refused(struct step *s)
{
	char name[NOTIFY_TEXT_MAX];
	struct notify n;

	if (!notify_find_error(s->p, &n))
		return false;
	err_notify(s->e, ERR_PEER, n.type, "the gateway answers %s", notify_text(name, n.type));
	return true;
}

bool v2_auth_recv(struct step *s)
{
	const struct payload *eap = payload_find(s->p, PAYLOAD_EAP);

	if (!payload_find(s->p, PAYLOAD_AUTH) && v2_auth_refused(s))
		return false;
	if (s->v->cfg->local_auth != IKE_AUTH_BY_EAP && !v2_ppk_read(s))
		return false;
	if (!verify_gateway(s))
		return false;
	v2_request_done(s->sa);
	if (s->v->cfg->local_auth != IKE_AUTH_BY_EAP)
		return v2_auth_established(s);
	if (!eap)
		return err_set(s->e, ERR_PEER, "the gateway does not start EAP");
	v2_stage(s->v, STAGE_EAP, v2_story(TASK_EAP), s->ob);
	return v2_eap_packet(s->v, eap->body, s->ob, &s->next, s->e);
}

/* RFC 6023 section 3: where a child SA is not wanted here, IKE_AUTH with one is answered so. */
static bool child_refused(struct step *s)
{
	char name[NOTIFY_TEXT_MAX];

	if (!v2_auth_refused(s))
		return false;
	if (s->v->hs->childless && s->e->notify == INVALID_SYNTAX)
		err_notify(s->e, ERR_PEER, INVALID_SYNTAX,
			"the gateway makes no child SA beside the first exchange: %s",
			notify_text(name, INVALID_SYNTAX));
	return true;
}

static bool inside_offer(const struct selectors *got, const struct selectors *offered)
{
	for (size_t i = 0; i < got->n; i++) {
		bool inside = false;
		for (size_t j = 0; j < offered->n && !inside; j++)
			inside = selector_inside(&got->v[i], &offered->v[j]);
		if (!inside)
			return false;
	}
	return true;
}

bool v2_child_read(struct step *s, const struct offer *o, struct child *c)
{
	struct notify n;
	struct bytes spi;

	if (!payload_find(s->p, PAYLOAD_SA) || !payload_find(s->p, PAYLOAD_TSi) ||
		!payload_find(s->p, PAYLOAD_TSr))
		return err_set(s->e, ERR_PEER, "the gateway made no child SA");
	if (!v2_sa_read_choice(payload_find(s->p, PAYLOAD_SA)->body, &o->proposals, PROTO_ESP, &spi,
		    &c->suite, s->e) ||
		!v2_ts_read(payload_find(s->p, PAYLOAD_TSi)->body, &c->local_ts, s->e) ||
		!v2_ts_read(payload_find(s->p, PAYLOAD_TSr)->body, &c->remote_ts, s->e)) {
		s->e->notify = 0; /* what we find fault with, not what the gateway said */
		return false;
	}
	struct rd r = rd_init(spi.p, spi.n);
	c->spi_out = rd_u32(&r);
	if (!rd_done(&r) || c->spi_out < 256)
		return err_set(s->e, ERR_PEER, "the gateway's ESP SPI is invalid");
	c->mode = notify_find(s->p, USE_TRANSPORT_MODE, &n) ? SA_TRANSPORT : SA_TUNNEL;
	if (c->mode == SA_TRANSPORT) {
		v2_nat_local_ts(s->v, &c->local_ts);
		v2_nat_remote_ts(s->v, &c->remote_ts);
	}
	if (!inside_offer(&c->local_ts, &o->local_ts) ||
		!inside_offer(&c->remote_ts, &o->remote_ts))
		return err_set(
			s->e, ERR_PEER, "the gateway's traffic selectors exceed what was offered");
	if (c->mode != s->v->cfg->mode)
		return err_set(s->e, ERR_PEER, "the gateway wants %s mode, the profile %s mode",
			c->mode == SA_TUNNEL ? "tunnel" : "transport",
			s->v->cfg->mode == SA_TUNNEL ? "tunnel" : "transport");
	return true;
}

/* RFC 4478. Zero, which asks for it now, would have a gateway that always says so asked all the time. A tenth of the
 * time is left for the new login; somebody who has to type needs a minute, where there is one. */
void v2_auth_lifetime(struct step *s)
{
	struct notify n;

	if (!notify_find(s->p, AUTH_LIFETIME, &n) || n.data.n != 4)
		return;
	struct rd r = rd_init(n.data.p, n.data.n); /* seconds */
	uint64_t life = SECONDS(rd_u32(&r));
	if (life < AUTH_LIFETIME_MIN_MS)
		life = AUTH_LIFETIME_MIN_MS;
	uint64_t lead = life / 10;
	if (lead < LOGIN_LEAD_MS)
		lead = LOGIN_LEAD_MS < life / 2 ? LOGIN_LEAD_MS : life / 2;
	s->v->reauth_at = s->v->now + life - lead;
	s->v->login_ends = s->v->now + life - LOGIN_MARGIN_MS;
}

static void note_mobike(struct step *s)
{
	struct notify n;

	s->v->mobike = v2_mobile(s->v->cfg) && notify_find(s->p, MOBIKE_SUPPORTED, &n);
	if (s->v->mobike)
		outbox_log(s->ob, LEVEL_DEBUG, "the gateway would follow to another address");
}

bool v2_auth_established(struct step *s)
{
	struct v2 *v = s->v;
	struct handshake *hs = v->hs;
	const struct payload *cp = payload_find(s->p, PAYLOAD_CP);
	bool asked = v->cfg->want_address; /* else the reply answers nothing, and is passed over */

	if (!v->proved)
		return err_set(s->e, ERR_AUTH, "the gateway has not proved who it is");
	struct child *c = child_new(hs->child.number, hs->child.spi_in);
	if (!c)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	v2_stage(v, STAGE_CHILD, NULL, s->ob);
	bool ok = !child_refused(s) && (!cp || !asked || v2_cp_read(cp->body, &v->granted, s->e)) &&
		v2_child_read(s, &hs->child, c);
	if (ok) {
		struct v2_fresh f = { .ni = { hs->ni, sizeof(hs->ni) },
			.nr = { hs->nr, hs->nr_len },
			.initiator = true };
		ok = v2_child_add(v, s->sa, c, &f, false, s->ob, s->e) != NULL;
	} else {
		child_free(c);
	}
	if (!ok)
		return false;
	v2_auth_lifetime(s);
	v2_ticket_first(s);
	note_mobike(s);
	s->next = V2_UP;
	return true;
}
