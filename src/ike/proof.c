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

bool proof_check_revocation(const struct ike_config *cfg, const struct payloads *p, uint8_t type,
	const struct cert_list *certs, time_t now, char told[REVOCATION_TEXT_MAX],
	struct outbox *ob, struct err *e)
{
	struct evidence *sent = NULL;
	struct err why;

	snprintf(told, REVOCATION_TEXT_MAX, "unchecked");
	if (cfg->revocation == REVOCATION_OFF)
		return true;
	if (!(sent = evidence_new(e)))
		return false;
	read_evidence(p, type, sent);
	const struct evidence *const known[] = { cfg->crls, sent };
	bool asked = cfg->revocation == REVOCATION_HARD ||
		evidence_len(cfg->crls) + evidence_len(sent) > 0;
	enum standing s = asked ?
		revocation_look(cfg->trust, certs, known, ARRAY_LEN(known), now, &why) :
		STANDING_UNCHECKED;
	evidence_free(sent);
	if (s == STANDING_GOOD)
		snprintf(told, REVOCATION_TEXT_MAX, "good");
	if (s < STANDING_UNKNOWN)
		return true;
	if (s == STANDING_REVOKED || cfg->revocation == REVOCATION_HARD) {
		*e = why;
		return false;
	}
	snprintf(told, REVOCATION_TEXT_MAX, "unknown: %s", why.text);
	outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s", why.text);
	return true;
}
