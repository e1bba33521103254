#include "v1_sa.h"

#include <string.h>

#include "proof.h"

/*
 * What main and aggressive mode, in either role, have in common: key exchange, NAT detection, and
 * the proof of who is who (RFC 2409 section 5, RFC 3947).
 */

uint16_t v1_own_method(const struct ike_config *cfg, struct err *e)
{
	uint8_t kind;

	switch (cfg->local_auth) {
	case IKE_AUTH_BY_PSK:
		return cfg->xauth ? V1_XAUTH_PSK : V1_PSK;
	case IKE_AUTH_BY_EAP:
		return V1_HYBRID_RSA;
	case IKE_AUTH_BY_CERT:
		break;
	}
	kind = cfg->key ? sig_v1_method(cfg->key) : 0;
	if (kind == AUTH_RSA)
		return cfg->xauth ? V1_XAUTH_RSA : V1_RSA;
	if (kind && !cfg->xauth)
		return kind;
	err_set(e, ERR_CONFIG, "IKEv1 %s",
		kind ? "has no login (XAUTH) after ECDSA signatures" :
		       "cannot use this kind of private key; RSA and ECDSA keys are possible");
	return 0;
}

bool v1_prepare_phase1(struct v1 *v, struct v1_sa *sa, struct err *e)
{
	struct v1_phase1 *p = sa->p1;
	struct identity *own = sa->initiator ? &p->idi : &p->idr;
	uint8_t *nonce = sa->initiator ? p->ni : p->nr;

	rng_fill(v->rng, nonce, V1_NONCE_LEN);
	*(sa->initiator ? &p->ni_len : &p->nr_len) = V1_NONCE_LEN;
	if (!proof_own_identity(v->cfg, &v->path.local, own, e))
		return false;
	id_text(v->local_id, own);
	return true;
}

bool v1_take_ke(struct v1_step *s)
{
	struct v1_phase1 *p = s->sa->p1;
	struct bytes value = payload_find(s->p, V1P_KE)->body;
	struct bytes nonce = payload_find(s->p, V1P_NONCE)->body;
	const uint8_t *own = s->sa->initiator ? p->ni : p->nr;

	if (nonce.n < V1_NONCE_MIN || nonce.n > V1_NONCE_MAX)
		return err_set(s->e, ERR_PEER, "a nonce of %zu octet%s", nonce.n, plural(nonce.n));
	if (nonce.n == V1_NONCE_LEN && memcmp(nonce.p, own, V1_NONCE_LEN) == 0)
		return err_set(s->e, ERR_PEER, "our own nonce came back");
	if (value.n > sizeof(p->peer_gx))
		return err_set(s->e, ERR_PEER, "a key exchange value of %zu octet%s", value.n,
			plural(value.n));
	memcpy(p->peer_gx, value.p, value.n);
	p->peer_gx_len = value.n;
	memcpy(s->sa->initiator ? p->nr : p->ni, nonce.p, nonce.n);
	*(s->sa->initiator ? &p->nr_len : &p->ni_len) = nonce.n;
	return true;
}

bool v1_keys_agree(struct v1_step *s)
{
	const struct v1_phase1 *p = s->sa->p1;
	struct ke_secret shared;

	if (!ke_shared(p->ke, (struct bytes){ p->peer_gx, p->peer_gx_len }, &shared, s->e))
		return false;
	bool ok = v1_derive(s->sa, s->v->cfg->psk, &shared, s->e);
	wipe(&shared, sizeof(shared));
	if (ok)
		v1_sa_keys(s->sa, s->ob);
	return ok;
}

/* --- NAT detection, RFC 3947 section 3.2 --------------------------------------------------------- */

void v1_nat_d_write(struct v1 *v, const struct v1_sa *sa, struct ikew *k)
{
	uint8_t type = sa->peer.natt == NATT_RFC ? V1P_NAT_D : V1P_DRAFT_NAT_D, hash[DIGEST_MAX];
	struct addr local = v1_local(v);
	size_t len;

	if (sa->peer.natt == NATT_NONE)
		return;
	v1_nat_hash(sa, &v->path.remote, hash, &len);
	ikew_bytes(k, type, (struct bytes){ hash, len });
	v1_nat_hash(sa, &local, hash, &len);
	/* A hash that matches nothing makes the gateway see a NAT, and so encapsulate ESP in UDP. So it
	 * shall where we began at the port for that, and in all that follow: what it sees then counts for children. */
	if (v->cfg->force_encap || v->natt)
		rng_fill(v->rng, hash, len);
	ikew_bytes(k, type, (struct bytes){ hash, len });
}

static bool hash_is(const struct v1_sa *sa, const struct payload *p, const struct addr *a)
{
	uint8_t want[DIGEST_MAX];
	size_t len;

	v1_nat_hash(sa, a, want, &len);
	return p->body.n == len && memcmp(p->body.p, want, len) == 0;
}

void v1_natt_knocked(struct v1 *v, const struct datagram *d, struct outbox *ob)
{
	v->natt = true;
	v->path.remote = d->remote;
	outbox_log(ob, LEVEL_INFO, "the gateway answers at port %u", d->remote.port);
}

/* The first hash is of where the gateway sent to, the others of where it thinks to send from. */
void v1_nat_detect(struct v1_step *s)
{
	struct v1 *v = s->v;
	const struct payload *p = payload_find(s->p, V1P_NAT_D);
	struct addr local = v1_local(v);
	bool remote_known = false;

	if (!s->sa->first || s->sa->peer.natt == NATT_NONE || !p ||
		!payload_nth(s->p, V1P_NAT_D, 1))
		return;
	v->nat_local = !hash_is(s->sa, p, &local);
	for (size_t i = 1; (p = payload_nth(s->p, V1P_NAT_D, i)); i++)
		remote_known = remote_known || hash_is(s->sa, p, &v->path.remote);
	v->nat_remote = !remote_known;
	if (!v->natt && (v->nat_local || v->nat_remote || v->cfg->force_encap)) {
		v->natt = true;
		v->path.remote.port = UDP_PORT_NATT;
	}
	if (v->nat_local)
		outbox_log(s->ob, LEVEL_INFO, "this machine is behind a NAT");
}

/* --- ours -------------------------------------------------------------------------------------------- */

static void write_certs(const struct ike_config *cfg, struct ikew *k)
{
	for (size_t i = 0; i < cfg->certs->n; i++) {
		struct bytes der = cert_der(cfg->certs->v[i]);
		ikew_payload(k, V1P_CERT);
		wr_u8(&k->w, CERT_X509_SIGNATURE);
		wr_bytes(&k->w, der.p, der.n);
	}
}

bool v1_proof_write(struct v1 *v, struct v1_sa *sa, struct ikew *k, struct err *e)
{
	const struct ike_config *cfg = v->cfg;
	const struct identity *own = sa->initiator ? &sa->p1->idi : &sa->p1->idr;
	struct secret hash;
	uint8_t sig[SIG_MAX];
	size_t len;

	if (!v1_proof_hash(sa, sa->initiator, own, &hash, e))
		return false;
	struct bytes what = { hash.data, hash.len };
	if (cfg->local_auth != IKE_AUTH_BY_CERT) {
		ikew_bytes(k, V1P_HASH, what);
		return true;
	}
	write_certs(cfg, k);
	if (!sig_v1_sign(cfg->key, what, sig, &len, e))
		return false;
	ikew_bytes(k, V1P_SIG, (struct bytes){ sig, len });
	return true;
}

/* --- the gateway's ----------------------------------------------------------------------------------- */

static bool check_shared(struct v1_step *s, const struct identity *id, const struct secret *want)
{
	const struct ike_config *cfg = s->v->cfg;
	const struct payload *p = payload_find(s->p, V1P_HASH);
	char says[ID_TEXT_MAX], wants[ID_TEXT_MAX];

	if (!p)
		return err_set(
			s->e, ERR_AUTH, "the gateway does not prove who it is: HASH is missing");
	if (p->body.n != want->len || !same_bytes(p->body.p, want->data, want->len))
		return err_set(s->e, ERR_AUTH, "the gateway does not know the shared key");
	if (cfg->remote_id_strict && !id_same(id, &cfg->remote_id))
		return err_set(s->e, ERR_AUTH, "the gateway says it is %s, the profile wants %s",
			id_text(says, id), id_text(wants, &cfg->remote_id));
	return true;
}

static uint8_t signature_method(uint16_t method)
{
	switch (method) {
	case V1_ECDSA_256:
		return AUTH_ECDSA_256;
	case V1_ECDSA_384:
		return AUTH_ECDSA_384;
	case V1_ECDSA_521:
		return AUTH_ECDSA_521;
	default:
		return AUTH_RSA;
	}
}

static bool check_signature(struct v1_step *s, const struct identity *id, const struct secret *hash)
{
	const struct ike_config *cfg = s->v->cfg;
	const struct payload *p = payload_find(s->p, V1P_SIG);
	struct cert_list certs = { 0 };
	const struct proof_revocable what = { .p = s->p,
		.type = V1P_CERT,
		.certs = &certs,
		.now = v1_wall(s->v),
		.rng = s->v->rng,
		.again = !s->sa->first };
	char subject[CERT_TEXT_MAX];

	if (!p)
		return err_set(
			s->e, ERR_AUTH, "the gateway does not prove who it is: SIG is missing");
	bool ok = proof_read_certs(cfg, s->p, V1P_CERT, &certs, s->e) &&
		trust_verify(cfg->trust, &certs, v1_wall(s->v), s->e) &&
		proof_check_identity(cfg, id, certs.v[0], s->e) &&
		sig_v1_verify(certs.v[0], signature_method(s->sa->method),
			(struct bytes){ hash->data, hash->len }, p->body, s->e);
	/* Whatever comes now is about the gateway, and for that phase 1 is up: it hears of the end. */
	s->sa->proved = ok && s->sa->first;
	ok = ok && proof_check_revocation(cfg, &what, &s->v->revocation, s->ob, s->e);
	if (ok)
		outbox_log(s->ob, LEVEL_INFO, "the gateway's certificate: %s",
			cert_subject_text(subject, certs.v[0]));
	cert_list_free(&certs);
	return ok;
}

bool v1_proof_check(struct v1_step *s)
{
	struct v1_sa *sa = s->sa;
	struct identity *id = sa->initiator ? &sa->p1->idr : &sa->p1->idi;
	struct secret want;

	if (!id_read(id, payload_find(s->p, V1P_ID)->body, s->e))
		return false;
	if (!v1_proof_hash(sa, !sa->initiator, id, &want, s->e))
		return false;
	bool ok = v1_is_signed(sa->method) ? check_signature(s, id, &want) :
					     check_shared(s, id, &want);
	secret_wipe(&want);
	if (!ok)
		return false;
	id_text(s->v->remote_id, id);
	sa->proved = true;
	s->v->proved |= sa->first;
	return true;
}
