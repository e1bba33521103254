#include "configure.h"

#include <stdio.h>
#include <string.h>

#include "dial.h"

static enum ike_auth auth_kind(enum local_auth a)
{
	switch (a) {
	case LOCAL_CERT:
	case LOCAL_XAUTH_CERT:
		return IKE_AUTH_BY_CERT;
	case LOCAL_EAP:
	case LOCAL_HYBRID:
		return IKE_AUTH_BY_EAP;
	case LOCAL_PSK:
	case LOCAL_XAUTH_PSK:
		break;
	}
	return IKE_AUTH_BY_PSK;
}

const struct passphrase *configure_password(const struct session *s)
{
	const struct profile *p = s->p;

	if (s->refusal.kind != ERR_NONE)
		return NULL;
	if (s->password.len > 0)
		return &s->password;
	if (p->type == CONN_L2TP && p->ppp_password_given)
		return &p->ppp_password;
	return p->password_given ? &p->password : NULL;
}

/* With EAP-TLS it is local.id or the certificate that says who logs in. Its common name is an identity for EAP, but
 * no certificate proves it to IKE: there it is the whole subject, as with local.auth = cert. */
static void user_of_certificate(struct session *s)
{
	const struct profile *p = s->p;
	const struct cert *own = p->own_certs.n > 0 ? p->own_certs.v[0] : NULL;
	uint8_t type = p->local_id.type;
	char text[ID_TEXT_MAX];
	bool common;

	if (!own || !profile_over_tls(p))
		return;
	if (p->type != CONN_L2TP &&
		(type == ID_FQDN || type == ID_RFC822_ADDR || type == ID_DER_ASN1_DN)) {
		id_text(text, &p->local_id);
		if (strlen(text) < sizeof(s->user))
			memcpy(s->user, text, strlen(text) + 1);
		return;
	}
	if (!cert_user(own, s->user, sizeof(s->user), &common))
		return;
	struct bytes dn = cert_subject_der(own);
	if (common && !id_given(&p->local_id) && dn.n <= ID_DATA_MAX) {
		s->cfg.local_id =
			(struct identity){ .type = ID_DER_ASN1_DN, .len = (uint16_t)dn.n };
		memcpy(s->cfg.local_id.data, dn.p, dn.n);
	}
}

void configure_user(struct session *s)
{
	const struct profile *p = s->p;

	snprintf(s->user, sizeof(s->user), "%s",
		p->type == CONN_L2TP && p->ppp_user[0] ? p->ppp_user : p->user);
	if (!s->user[0])
		user_of_certificate(s);
}

/* Whom the server of EAP over TLS must prove to be: who it is said to be, else the gateway. */
static void configure_tls(struct session *s)
{
	const struct profile *p = s->p;

	id_text(s->eap_server, id_given(&p->eap_id) ? &p->eap_id : &s->cfg.remote_id);
	s->tls = (struct tls_config){ .trust = p->eap_trust ? p->eap_trust : p->trust,
		.server = s->eap_server,
		.now = session_wall(s),
		.crls = p->revocation != REVOCATION_OFF ? p->crls : NULL,
		.certs = &p->own_certs,
		.key = p->own_key };
}

static size_t plain_methods(struct session *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->p->n_eap; i++)
		if (!eap_type_over_tls(s->p->eap[i]))
			s->plain_eap[n++] = s->p->eap[i];
	return n;
}

void configure_login(struct session *s)
{
	s->cfg.eap = (struct eap_config){ .user = s->user,
		.methods = s->p->eap,
		.n_methods = s->p->n_eap,
		.sequence = true,
		.tls = &s->tls,
		.ttls = s->p->ttls,
		.password = configure_password(s) };
	if (s->eap_server_refused.kind == ERR_NONE)
		return;
	s->cfg.eap.n_methods = plain_methods(s);
	s->cfg.eap.methods = s->plain_eap;
}

void configure_addresses(struct session *s)
{
	bool asks =
		s->p->type != CONN_L2TP && s->p->address != CHOICE_NONE; /* PPP assigns its own */
	struct ike_config *c = &s->cfg;

	c->want_address = asks;
	c->n_want = 0;
	for (size_t i = 0; asks && i < s->p->addresses.n && c->n_want < NETCONF_ADDRS; i++)
		c->want[c->n_want++] = s->p->addresses.v[i];
}

/* A family of which there is no address is asked for as at first. */
void configure_same_addresses(struct session *s)
{
	static const uint8_t families[] = { FAMILY_V4, FAMILY_V6 };
	struct ike_config *c = &s->cfg;
	const struct netconf *n = s->netconf;

	c->n_want = 0;
	for (uint32_t i = 0; n && i < n->n_addrs; i++)
		c->want[c->n_want++] = n->addrs[i];
	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		bool has = s->p->addresses.n > 0;
		for (size_t i = 0; i < c->n_want; i++)
			has |= c->want[i].family == families[f];
		if (!has && c->n_want < NETCONF_ADDRS)
			c->want[c->n_want++] = (struct prefix){ .family = families[f] };
	}
}

void configure_beside(struct session *s)
{
	configure_tls(s);
	s->cfg.not_alone = true;
	/* The tunnel is up, and goes on meanwhile: others are not asked. */
	if (s->cfg.revocation > REVOCATION_LOCAL)
		s->cfg.revocation = REVOCATION_LOCAL;
	configure_same_addresses(s);
}

void configure_engine(struct session *s)
{
	const struct profile *p = s->p;
	struct ike_config *c = &s->cfg;

	*c = (struct ike_config){ .ike_proposals = &p->ike_proposals,
		.ike_accepted = &p->ike_accepted,
		.esp_proposals = &p->esp_proposals,
		.security = p->security,
		.local_auth = auth_kind(p->local_auth),
		.remote_psk = p->remote_auth == REMOTE_PSK,
		.local_id = p->local_id,
		.remote_id = p->remote_id,
		.remote_id_strict = id_given(&p->remote_id),
		.certs = &p->own_certs,
		.key = p->own_key,
		.trust = p->trust,
		.pinned = p->remote_certificate[0] != 0,
		.revocation = p->revocation,
		.crls = p->crls,
		.ike_lifetime = p->ike_lifetime,
		.child_lifetime = p->esp_lifetime,
		.child_octets = p->esp_octets,
		.child_packets = p->esp_packets,
		.dpd_interval = p->dpd_interval,
		.fragmentation = p->fragmentation,
		.mode = p->mode,
		.mobike = p->mobike,
		/* By a ticket no certificate is shown that could be looked at. */
		.resumption = p->resumption && p->revocation < REVOCATION_HARD,
		.esn = p->esn,
		.pfs = p->pfs,
		.replay_window = p->replay_window,
		.local_ts = p->local_ts,
		.remote_ts = p->remote_ts,
		.xauth = p->local_auth >= LOCAL_XAUTH_PSK,
		.aggressive = p->aggressive,
		.mode_config = p->mode_config };
	c->psk = p->psk_given ? &p->psk : &s->psk;
	if (p->ppk_id[0]) {
		c->ppk_id = p->ppk_id;
		c->ppk = p->ppk_given ? &p->ppk : &s->ppk;
	}
	/* The userspace data plane has no raw socket: its ESP is always in UDP. */
	c->force_encap = true;
	configure_login(s);
	if (p->type == CONN_L2TP)
		dial_configure(s);
}

/* IDr. A gateway behind NAT may not know the address that we take for its identity, and have nothing
 * that goes by it. */
static bool says_whom(const struct session *s)
{
	const struct identity *id = &s->cfg.remote_id;
	bool address = id->type == ID_IPV4_ADDR || id->type == ID_IPV6_ADDR;

	if (!id_given(id) || s->p->send_remote_id == TRI_NO)
		return false;
	return s->p->send_remote_id == TRI_YES ||
		(!s->nameless && (s->cfg.remote_id_strict || !address));
}

/* What the gateway must prove: what the profile says, else the name or address that was typed; the dot at
 * the end of a name is for the resolver alone. */
void configure_gateway(struct session *s)
{
	const char *host = s->p->gateways[s->gateway];
	char name[HOST_TEXT_MAX];
	size_t n = strlen(host);

	snprintf(name, sizeof(name), "%.*s", (int)(n - (n > 0 && host[n - 1] == '.')), host);
	if (!id_given(&s->p->remote_id) && !id_parse(&s->cfg.remote_id, name, NULL))
		s->cfg.remote_id = (struct identity){ .type = ID_NONE };
	s->cfg.send_remote_id = says_whom(s);
	configure_tls(s);
}
