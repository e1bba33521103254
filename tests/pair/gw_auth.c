#include <stdlib.h>

#include "gateway.h"
#include "lib/test.h"

/*
 * IKE_AUTH as the gateway sees it, RFC 7296 section 1.2, with EAP section 2.16. What the first
 * request says about the child SA is kept until EAP is over.
 */

enum { CERT_X509_SIGNATURE = 4 };

static void refuse(struct gw_step *s, uint16_t type)
{
	uint8_t *buf = s->reply->w.base;

	ikew_chain(s->reply, buf, MESSAGE_OUT_MAX);
	gw_notify(s->reply, type);
	s->g->phase = GW_REFUSED;
}

/* --- the client's proof -------------------------------------------------------------------------- */

static bool by_shared(struct gw_step *s, struct bytes secret, struct bytes auth)
{
	uint8_t *octets;
	struct secret want;
	size_t n;

	if (!v2_signed_octets(s->sa, true, &s->g->hs, &s->g->hs.idi, &octets, &n, NULL))
		return false;
	bool ok = v2_auth_shared(s->sa, secret, (struct bytes){ octets, n }, &want, NULL) &&
		auth.n == 4 + want.len && ((const uint8_t *)auth.p)[0] == AUTH_PSK &&
		memcmp((const uint8_t *)auth.p + 4, want.data, want.len) == 0;
	free(octets);
	return ok;
}

static bool by_certificate(struct gw_step *s, struct bytes auth)
{
	struct cert_list list = { 0 };
	const struct payload *pl;
	uint8_t *octets = NULL;
	struct sig_used used = { NULL, false };
	struct err e = { 0 };
	size_t n;

	for (size_t i = 0; (pl = payload_nth(s->p, PAYLOAD_CERT, i)) && list.n < CERT_CHAIN_MAX;
		i++)
		if (pl->body.n > 1)
			list.v[list.n++] = cert_from_der(
				(struct bytes){ (const uint8_t *)pl->body.p + 1, pl->body.n - 1 },
				&e);
	struct rd r = rd_init(auth.p, auth.n);
	uint8_t method = rd_u8(&r);
	rd_bytes(&r, 3);
	bool ok = list.n > 0 && trust_verify(s->g->cfg->trust, &list, s->g->wall, &e) &&
		id_proved_by(&s->g->hs.idi, list.v[0]) &&
		v2_signed_octets(s->sa, true, &s->g->hs, &s->g->hs.idi, &octets, &n, &e) &&
		sig_verify(list.v[0], method, true, (struct bytes){ octets, n },
			(struct bytes){ r.p, r.left }, &used, &e) &&
		(!s->g->cfg->pss_only || strncmp(used.name, "RSA-PSS", 7) == 0);
	free(octets);
	cert_list_free(&list);
	return ok;
}

/* --- its own --------------------------------------------------------------------------------------- */

static void write_auth(struct gw_step *s, uint8_t method, struct bytes data)
{
	ikew_payload(s->reply, PAYLOAD_AUTH);
	wr_u8(&s->reply->w, method);
	wr_zeros(&s->reply->w, 3);
	wr_bytes(&s->reply->w, data.p, data.n);
}

static void prove_shared(struct gw_step *s, struct bytes secret)
{
	uint8_t *octets;
	struct secret mac;
	struct err e = { 0 };
	size_t n;

	assert_ok(&e, v2_signed_octets(s->sa, false, &s->g->hs, &s->g->id, &octets, &n, &e));
	assert_ok(&e, v2_auth_shared(s->sa, secret, (struct bytes){ octets, n }, &mac, &e));
	write_auth(s, AUTH_PSK, (struct bytes){ mac.data, mac.len });
	free(octets);
}

static void prove_self(struct gw_step *s)
{
	struct gateway *g = s->g;
	const struct gw_config *cfg = g->cfg;
	uint8_t *octets, sig[SIG_MAX], method;
	struct err e = { 0 };
	size_t n, len;

	v2_id_write(s->reply, PAYLOAD_IDr, &g->id);
	if (!cfg->by_cert) {
		prove_shared(s, BYTES(cfg->psk));
		return;
	}
	for (size_t i = 0; i < cfg->own->certs.n; i++) {
		struct bytes der = cert_der(cfg->own->certs.v[i]);
		ikew_payload(s->reply, PAYLOAD_CERT);
		wr_u8(&s->reply->w, CERT_X509_SIGNATURE);
		wr_bytes(&s->reply->w, der.p, der.n);
	}
	for (size_t i = 0; i < ARRAY_LEN(cfg->evidence) && cfg->evidence[i].encoding; i++) {
		ikew_payload(s->reply, PAYLOAD_CERT);
		wr_u8(&s->reply->w, cfg->evidence[i].encoding);
		wr_bytes(&s->reply->w, cfg->evidence[i].der.p, cfg->evidence[i].der.n);
	}
	assert_ok(&e, v2_signed_octets(s->sa, false, &g->hs, &g->id, &octets, &n, &e));
	assert_ok(&e,
		sig_sign(cfg->own->key, g->hs.peer_hashes, true, (struct bytes){ octets, n },
			&method, sig, &len, &e));
	write_auth(s, method, (struct bytes){ sig, len });
	free(octets);
}

/* RFC 8784 section 3, in the request with AUTH: the key that the client names is in the keys from here on. */
static bool takes_ppk(struct gw_step *s)
{
	const struct gw_config *cfg = s->g->cfg;
	struct notify n;
	struct err e = { 0 };

	if (!cfg->ppk)
		return true;
	if (!notify_find(s->p, PPK_IDENTITY, &n) || n.data.n != 1 + strlen(cfg->ppk_id) ||
		memcmp((const uint8_t *)n.data.p + 1, cfg->ppk_id, n.data.n - 1) != 0)
		return false;
	assert_int_equal(((const uint8_t *)n.data.p)[0], 2); /* PPK_ID_FIXED */
	assert_ok(&e, v2_mix_ppk(s->sa, BYTES(cfg->ppk), &e));
	if (!cfg->silent_of_ppk)
		gw_notify(s->reply, PPK_IDENTITY);
	return true;
}

/* --- the exchanges --------------------------------------------------------------------------------- */

static void read_certreqs(struct gw_step *s)
{
	const struct payload *pl;

	for (size_t i = 0; (pl = payload_nth(s->p, PAYLOAD_CERTREQ, i)); i++)
		s->g->ocsp_wanted |= pl->body.n == 1 && *(const uint8_t *)pl->body.p == 14;
}

static void read_wanted(struct gw_step *s)
{
	const struct payload *cp = payload_find(s->p, PAYLOAD_CP);
	struct rd r = rd_init(cp ? cp->body.p : NULL, cp ? cp->body.n : 0);

	memset(s->g->asked, 0, sizeof(s->g->asked));
	rd_u32(&r); /* CFG_REQUEST */
	while (r.left > 0) {
		uint16_t type = rd_u16(&r);
		struct rd value = rd_sub(&r, rd_u16(&r));
		if (type == 1 && value.left == sizeof(s->g->asked)) /* INTERNAL_IP4_ADDRESS */
			rd_copy(&value, s->g->asked, sizeof(s->g->asked));
	}
}

/* What the first request says of the child SA, for after EAP. */
static void keep_child(struct gw_step *s)
{
	struct gateway *g = s->g;
	struct offer *o = &g->hs.child;
	struct notify contact;
	struct bytes spi;
	struct err e = { 0 };

	assert_ok(&e, v2_ts_read(payload_find(s->p, PAYLOAD_TSi)->body, &o->remote_ts, &e));
	assert_ok(&e, v2_ts_read(payload_find(s->p, PAYLOAD_TSr)->body, &o->local_ts, &e));
	gw_see_hosts(g, &o->local_ts, &o->remote_ts);
	g->initial_contact = notify_find(s->p, INITIAL_CONTACT, &contact);
	g->wants_ticket = notify_find(s->p, TICKET_REQUEST, &contact);
	g->wants_address = g->cfg->pushy || payload_find(s->p, PAYLOAD_CP);
	read_certreqs(s);
	read_wanted(s);
	if (gw_choose(payload_find(s->p, PAYLOAD_SA)->body, &g->esp, PROTO_ESP, 4, &spi,
		    &g->first_number, &g->first)) {
		struct rd r = rd_init(spi.p, spi.n);
		o->spi_in = rd_u32(&r); /* the client's */
	} else {
		g->first = (struct suite){ 0 };
	}
}

static void let_in(struct gw_step *s)
{
	s->sa->state = V2_UP;
	s->g->phase = GW_UP;
	gw_first_child(s);
	if (s->g->wants_ticket)
		gw_ticket_answer(s);
}

/* By IDr, which may be left out. */
static bool called_rightly(const struct gw_step *s)
{
	const struct payload *idr = payload_find(s->p, PAYLOAD_IDr);
	struct identity id;
	struct err e = { 0 };

	if (!idr || !s->g->cfg->own_name_only)
		return true;
	assert_ok(&e, id_read(&id, idr->body, &e));
	return id_same(&id, &s->g->id);
}

static void first_request(struct gw_step *s)
{
	struct gateway *g = s->g;
	const struct payload *idi = payload_find(s->p, PAYLOAD_IDi),
			     *auth = payload_find(s->p, PAYLOAD_AUTH);
	struct err e = { 0 };

	assert_true(idi && payload_find(s->p, PAYLOAD_SA) && payload_find(s->p, PAYLOAD_TSi) &&
		payload_find(s->p, PAYLOAD_TSr));
	assert_ok(&e, id_read(&g->hs.idi, idi->body, &e));
	keep_child(s);
	bool ok = g->hs.from                      ? gw_resume_proved(s) :
		g->cfg->client == IKE_AUTH_BY_EAP ? !auth :
						    auth && takes_ppk(s) &&
			(g->cfg->client == IKE_AUTH_BY_PSK ?
					by_shared(s, BYTES(g->cfg->psk), auth->body) :
					by_certificate(s, auth->body));
	if (g->cfg->refuse_auth || !ok || !called_rightly(s)) {
		refuse(s, g->cfg->refuse_auth ? g->cfg->refuse_auth : AUTHENTICATION_FAILED);
		return;
	}
	if (g->hs.from)
		gw_resume_prove(s);
	else
		prove_self(s);
	if (!g->hs.from && g->cfg->client == IKE_AUTH_BY_EAP)
		gw_eap_request(s, (struct bytes){ 0 });
	else
		let_in(s);
}

static void last_request(struct gw_step *s)
{
	const struct payload *auth = payload_find(s->p, PAYLOAD_AUTH);
	const struct secret *i = s->g->msk.len ? &s->g->msk : &s->sa->sk_pi;
	const struct secret *r = s->g->msk.len ? &s->g->msk : &s->sa->sk_pr;

	if (s->g->cfg->refuse_last || !auth || !takes_ppk(s) ||
		!by_shared(s, (struct bytes){ i->data, i->len }, auth->body)) {
		refuse(s, s->g->cfg->refuse_last ? s->g->cfg->refuse_last : AUTHENTICATION_FAILED);
		return;
	}
	prove_shared(s, (struct bytes){ r->data, r->len });
	let_in(s);
}

void gw_auth_request(struct gw_step *s)
{
	struct gateway *g = s->g;
	const struct payload *eap = payload_find(s->p, PAYLOAD_EAP);

	if (s->sa->state != V2_AUTH) {
		gw_notify(s->reply, INVALID_SYNTAX);
	} else if (suite_addke(&s->sa->suite, g->hs.addke_no) < ADDKE_MAX) {
		refuse(s, INVALID_SYNTAX); /* key exchanges are missing */
	} else if (s->h->mid == 1 + g->hs.intermediates) {
		first_request(s);
	} else if (g->eap_state == EAPS_DONE) {
		last_request(s);
	} else if (eap) {
		g->eap_octets += (unsigned)eap->body.n;
		gw_eap_request(s, eap->body);
	} else {
		refuse(s, INVALID_SYNTAX);
	}
}
