#include "proof.h"

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
