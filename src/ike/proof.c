#include "proof.h"

#include <stdio.h>
#include <string.h>

bool proof_own_identity(
	const struct ike_config *cfg, const struct addr *local, struct identity *id, struct err *e)
{
	if (id_given(&cfg->local_id)) {
		*id = cfg->local_id;
		return true;
	}
	if (cfg->local_auth == IKE_AUTH_BY_CERT && cfg->certs->n > 0) {
		struct bytes dn = cert_subject_der(cfg->certs->v[0]);
		if (dn.n > sizeof(id->data))
			return err_set(e, ERR_CONFIG,
				"the certificate's subject is too long for an identity");
		*id = (struct identity){ .type = ID_DER_ASN1_DN, .len = (uint16_t)dn.n };
		memcpy(id->data, dn.p, dn.n);
		return true;
	}
	if (cfg->local_auth == IKE_AUTH_BY_EAP && cfg->eap.user[0]) {
		if (id_parse(id, cfg->eap.user, NULL))
			return true;
		size_t n = strlen(cfg->eap.user);
		*id = (struct identity){ .type = ID_KEY_ID, .len = (uint16_t)n };
		memcpy(id->data, cfg->eap.user, n < sizeof(id->data) ? n : sizeof(id->data));
		return true;
	}
	return id_from_addr(id, local);
}

bool proof_read_certs(const struct ike_config *cfg, const struct payloads *p, uint8_t type,
	struct cert_list *out, struct err *e)
{
	const struct payload *pl;

	out->n = 0;
	for (size_t i = 0; (pl = payload_nth(p, type, i)); i++) {
		struct rd r = rd_init(pl->body.p, pl->body.n);
		if (rd_u8(&r) != CERT_X509_SIGNATURE)
			continue;
		if (out->n == CERT_CHAIN_MAX)
			return err_set(e, ERR_AUTH, "the gateway sent more than %d certificates",
				CERT_CHAIN_MAX);
		out->v[out->n] = cert_from_der((struct bytes){ r.p, r.left }, e);
		if (!out->v[out->n]) {
			e->kind = ERR_AUTH;
			return err_ctx(e, "the gateway's certificate %zu", i + 1);
		}
		out->n++;
	}
	if (out->n == 0 && cfg->pinned && (out->v[0] = trust_pinned(cfg->trust)))
		out->n = 1; /* it need not be sent to be the one that is expected */
	return out->n > 0 || err_set(e, ERR_AUTH, "the gateway sent no certificate");
}

/* The certificate must prove the name that the user asked for; what the gateway calls itself
 * besides does not matter then. A pinned certificate needs only the identity to be as the profile
 * says, where it says one. */
bool proof_check_identity(const struct ike_config *cfg, const struct identity *idr,
	const struct cert *c, struct err *e)
{
	char says[ID_TEXT_MAX], wants[ID_TEXT_MAX], proves[CERT_TEXT_MAX];

	if (id_proved_by(&cfg->remote_id, c))
		return true;
	if (cfg->pinned && (!cfg->remote_id_strict || id_same(idr, &cfg->remote_id)))
		return true;
	return err_set(e, ERR_AUTH,
		"the gateway says it is %s, its certificate proves %s, and the "
		"profile wants %s",
		id_text(says, idr), cert_names_text(proves, c), id_text(wants, &cfg->remote_id));
}

/* --- revocation ---------------------------------------------------------------------------------- */

/* What cannot be read says nothing. */
static void read_evidence(const struct payloads *p, uint8_t type, struct evidence *out)
{
	static const char from[] = "sent by the gateway";
	const struct payload *pl;
	struct err e;

	for (size_t i = 0; (pl = payload_nth(p, type, i)); i++) {
		struct rd r = rd_init(pl->body.p, pl->body.n);
		uint8_t encoding = rd_u8(&r);
		struct bytes der = { r.p, r.left };
		size_t added;
		bool ok = true;
		if (evidence_len(out) == CERT_CHAIN_MAX)
			return;
		if (encoding == CERT_CRL)
			ok = evidence_add_crl(out, der, from, &added, &e);
		else if (encoding == CERT_OCSP_CONTENT)
			ok = evidence_add_ocsp(out, der, from, &e);
		if (!ok)
			evidence_spoiled(out, &e);
	}
}

/* Others may know: then it is left to whoever owns the engine to ask them, and to come again. */
static bool leave_to_others(const struct ike_config *cfg, const struct proof_revocable *what,
	struct evidence *sent, struct proof_revocation *out, struct err *e)
{
	uint8_t nonce[SOURCE_NONCE_LEN];
	struct inquiry *q = inquiry_new(what->certs, sent, e);

	rng_fill(what->rng, nonce, sizeof(nonce));
	if (!q || !inquiry_next(q, cfg->trust, cfg->crls, cfg->fetched, what->now, nonce)) {
		inquiry_free(q);
		return false;
	}
	inquiry_free(out->inquiry);
	out->inquiry = q;
	err_set(e, ERR_AUTH,
		"others have to be asked whether the gateway's certificate is revoked");
	return true;
}

static bool judge(const struct ike_config *cfg, const struct proof_revocable *what,
	enum revocation policy, struct evidence *sent, struct proof_revocation *out,
	struct outbox *ob, struct err *e)
{
	const struct evidence *const known[] = { cfg->crls, cfg->fetched, sent };
	bool nothing =
		evidence_len(cfg->crls) + evidence_len(cfg->fetched) + evidence_len(sent) == 0;
	bool looks = policy > REVOCATION_LOCAL || !nothing;
	struct err why;

	enum standing s = looks ?
		revocation_look(cfg->trust, what->certs, known, ARRAY_LEN(known), what->now, &why) :
		STANDING_UNCHECKED;
	if (s == STANDING_UNKNOWN && policy > REVOCATION_LOCAL && !cfg->inquired) {
		if (leave_to_others(cfg, what, sent, out, e))
			return false;
		size_t n = strlen(why.text);
		snprintf(why.text + n, sizeof(why.text) - n,
			", and no certificate names an address to ask at");
	} else {
		evidence_free(sent);
	}
	if (s == STANDING_REVOKED || (s == STANDING_UNKNOWN && policy == REVOCATION_HARD)) {
		*e = why;
		return false;
	}
	if (s == STANDING_UNKNOWN) {
		snprintf(out->told, sizeof(out->told), "unknown: %s", why.text);
		/* What the gateway sent without being asked is nothing that the user can mend. */
		if (policy > REVOCATION_LOCAL || evidence_len(cfg->crls) > 0)
			outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s", why.text);
		else
			outbox_log(ob, LEVEL_INFO, "%s", why.text);
	} else if (s == STANDING_GOOD) {
		snprintf(out->told, sizeof(out->told), "good");
	}
	return true;
}

bool proof_check_revocation(const struct ike_config *cfg, const struct proof_revocable *what,
	struct proof_revocation *out, struct outbox *ob, struct err *e)
{
	enum revocation policy = cfg->revocation;

	snprintf(out->told, sizeof(out->told), "unchecked");
	if (policy == REVOCATION_OFF)
		return true;
	if (what->again)
		policy = REVOCATION_LOCAL;
	struct evidence *sent = evidence_new(e);
	if (!sent)
		return false;
	read_evidence(what->p, what->type, sent);
	return judge(cfg, what, policy, sent, out, ob, e);
}

struct inquiry *proof_take_inquiry(struct proof_revocation *r)
{
	struct inquiry *q = r->inquiry;

	r->inquiry = NULL;
	return q;
}
