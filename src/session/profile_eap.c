#include <string.h>

#include "profile_private.h"

const char profile_ttls_words[] = "ttls|ttls-pap|ttls-mschapv2";

bool profile_logs_in_by_eap(const struct profile *p)
{
	if (p->type != CONN_L2TP)
		return p->local_auth == LOCAL_EAP;
	for (size_t i = 0; i < p->n_ppp_auth; i++)
		if (p->ppp_auth[i] == PPP_AUTH_EAP)
			return true;
	return false;
}

static bool may_be(const struct profile *p, uint8_t type)
{
	return memchr(p->eap, type, p->n_eap) != NULL;
}

bool profile_over_tls(const struct profile *p)
{
	for (size_t i = 0; i < p->n_eap; i++)
		if (eap_type_over_tls(p->eap[i]))
			return profile_logs_in_by_eap(p);
	return false;
}

/* The default is all that can be done here. EAP-TLS cannot without a certificate; inside L2TP it would be a
 * server that nobody named whose certificate had to be known, so there it is for who asks for it. */
void profile_settle_eap(struct profile *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_eap; i++)
		if (p->type == CONN_L2TP ? !eap_type_over_tls(p->eap[i]) :
					   p->eap[i] != EAP_TLS || p->certificate[0])
			p->eap[n++] = p->eap[i];
	p->n_eap = n;
}

static bool can_be_proved(const struct identity *id)
{
	return id->type == ID_NONE || id->type == ID_FQDN || id->type == ID_RFC822_ADDR ||
		id->type == ID_IPV4_ADDR || id->type == ID_IPV6_ADDR || id->type == ID_DER_ASN1_DN;
}

const char *profile_eap_wrong(const struct profile *p, const char **section, const char **key)
{
	bool over_tls = profile_over_tls(p);

	*section = "local";
	*key = "certificate";
	if (profile_logs_in_by_eap(p) && may_be(p, EAP_TLS) && !p->certificate[0])
		return "is missing; local.eap = tls needs the file of our certificate";
	*section = "remote";
	*key = "eap-id";
	if (!can_be_proved(&p->eap_id))
		return "is nothing that a certificate proves; right would be a host name, an "
		       "address, user@host or \"CN=...\"";
	if (!over_tls && id_given(&p->eap_id))
		return "is not used; right would be a method over TLS in local.eap";
	*key = "eap-ca";
	if (!over_tls && p->eap_ca[0])
		return "is not used; right would be a method over TLS in local.eap";
	return NULL;
}
