#include "profile_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"

struct profile *profile_new(const char *name)
{
	struct profile_full *f = calloc(1, sizeof(*f));
	const struct key_row *row;

	if (!f)
		return NULL;
	snprintf(f->p.name, sizeof(f->p.name), "%s", name);
	for (size_t i = 0; (row = profile_row(i)); i++)
		if (row->fallback[0] && !profile_read(f, row, row->fallback, NULL)) {
			profile_free(&f->p);
			return NULL;
		}
	return &f->p;
}

const char *profile_coded_psk(const struct profile *p)
{
	if (p->local_auth != LOCAL_PSK && p->local_auth != LOCAL_XAUTH_PSK)
		return NULL;
	return strncmp(p->psk.text, "0s", 2) == 0  ? "0s (base64)" :
		strncmp(p->psk.text, "0x", 2) == 0 ? "0x (hexadecimal)" :
						     NULL;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	free(p->addresses.v);
	free(p->route_list.v);
	free(p->exclude.v);
	free(p->accept.v);
	cert_list_free(&p->own_certs);
	key_free(p->own_key);
	trust_free(p->trust);
	trust_free(p->eap_trust);
	evidence_free(p->crls);
	wipe(p, sizeof(struct profile_full));
	free(p);
}

/* Names of the sections, or of one section's keys, for "did you mean". NULL-ended. */
static void names_of(const char *section, const char *names[PROFILE_KEYS_MAX + 1])
{
	const struct key_row *row;
	size_t n = 0;

	for (size_t i = 0; (row = profile_row(i)); i++) {
		if (section && strcasecmp(row->section, section) == 0)
			names[n++] = row->key;
		if (!section && (n == 0 || strcmp(names[n - 1], row->section) != 0))
			names[n++] = row->section;
	}
	names[n] = NULL;
}

static bool unknown_section(const char *section, struct err *e)
{
	const char *names[PROFILE_KEYS_MAX + 1], *near;
	char what[64];

	names_of(NULL, names);
	near = name_nearest(names, section);
	text_safe(what, sizeof(what), section, strlen(section));
	if (near)
		return err_set(
			e, ERR_CONFIG, "there is no section [%s]; right would be [%s]", what, near);
	return err_set(e, ERR_CONFIG,
		"there is no section [%s]; right would be connection, local, remote, "
		"secrets, ike, esp, network, l2tp or ppp",
		what);
}

/* A key of that name, whatever its section. NULL: there is none. */
static const struct key_row *row_called(const char *key)
{
	const struct key_row *row;
	size_t i = 0;

	while ((row = profile_row(i)) && strcasecmp(row->key, key) != 0)
		i++;
	return row;
}

static bool holds_secrets(const char *section)
{
	const struct key_row *row;

	for (size_t i = 0; (row = profile_row(i)); i++)
		if (strcasecmp(row->section, section) == 0 && profile_row_secret(row))
			return true;
	return false;
}

bool profile_may_be_secret(const char *section, const char *key)
{
	const char *names[PROFILE_KEYS_MAX + 1];

	if (row_called(key) || !holds_secrets(section))
		return false;
	names_of(section, names);
	return !name_nearest(names, key);
}

static bool unknown_key(const char *section, const char *key, struct err *e)
{
	const char *names[PROFILE_KEYS_MAX + 1], *near;
	/* As strongSwan's files call it; the key of that name is of an L2TP tunnel. */
	bool psk = strcasecmp(section, "secrets") == 0 && strcasecmp(key, "secret") == 0;
	char what[64];

	text_safe(what, sizeof(what), key, strlen(key));
	const struct key_row *row = psk ? NULL : row_called(key);
	if (row)
		return err_set(e, ERR_CONFIG, "there is no key \"%s\" in [%s]; it belongs in [%s]",
			what, section, row->section);
	names_of(section, names);
	near = psk ? "psk" : name_nearest(names, key);
	if (near)
		return err_set(e, ERR_CONFIG,
			"there is no key \"%s\" in [%s]; right would be \"%s\"", what, section,
			near);
	return err_set(e, ERR_CONFIG,
		"there is no key \"%s\" in [%s]; the manual vpnc-ike.profile(5) lists them", what,
		section);
}

/* A line end in a value would become a new key wherever the value is written down again, and other
 * control characters do harm on a terminal. */
static bool value_is_text(const char *value, struct err *e)
{
	size_t len = strlen(value);
	char *safe = malloc(len + 2);

	if (!safe)
		return err_set(e, ERR_LOCAL, "out of memory");
	text_safe(safe, len + 2, value, len);
	bool same = strcmp(safe, value) == 0;
	wipe(safe, len + 2);
	free(safe);
	return same ||
		err_set(e, ERR_CONFIG,
			"holds a control character, an invisible one, or octets that are not UTF-8");
}

bool profile_set(
	struct profile *p, const char *section, const char *key, const char *value, struct err *e)
{
	struct profile_full *f = (struct profile_full *)p;
	const char *names[PROFILE_KEYS_MAX + 1];
	size_t n = profile_row_number(section, key);

	if (n == PROFILE_KEYS_MAX) {
		names_of(section, names);
		return names[0] ? unknown_key(section, key, e) : unknown_section(section, e);
	}
	const struct key_row *row = profile_row(n);
	if (!*value)
		return err_set(
			e, ERR_CONFIG, "is empty; leave the key out where the default is wanted");
	if (!value_is_text(value, e))
		return false;
	if (!profile_read(f, row, value, e))
		return false;
	f->given[n] = true;
	return true;
}

/* The list of problems while it grows. */
struct problems {
	struct profile_problem *v;
	size_t n, max;
};

static void problem_add(
	struct problems *l, const char *section, const char *key, const struct err *err)
{
	if (l->n < l->max) {
		struct profile_problem *at = &l->v[l->n];
		snprintf(at->section, sizeof(at->section), "%s", section);
		snprintf(at->key, sizeof(at->key), "%s", key);
		at->err = *err;
	}
	l->n++;
}

static void problem(struct problems *l, const char *section, const char *key, const char *text)
{
	struct err e;

	err_set(&e, ERR_CONFIG, "%s", text);
	problem_add(l, section, key, &e);
}

static void finish_proposals(struct profile *p, struct problems *l)
{
	struct profile_full *f = (struct profile_full *)p;
	const struct {
		const char *section, *text;
		enum protocol_id proto;
		struct proposals *out;
	} rows[] = {
		{ "ike", f->ike_text, PROTO_IKE, &p->ike_proposals },
		{ "esp", f->esp_text, PROTO_ESP, &p->esp_proposals },
	};
	struct err e;

	p->ike_proposals_default = !f->ike_text[0];
	p->esp_proposals_default = !f->esp_text[0];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool v1 = p->type != CONN_IKEV2;
		if (!rows[i].text[0] && v1)
			prop_default_v1(rows[i].out, rows[i].proto, p->security, p->aggressive);
		else if (!rows[i].text[0])
			prop_default(rows[i].out, rows[i].proto, p->security);
		else if (!prop_parse(rows[i].out, rows[i].proto, p->security, rows[i].text, &e) ||
			(v1 && !prop_check_v1(rows[i].out, rows[i].proto, &e)))
			problem_add(l, rows[i].section, "proposals", &e);
	}
	if (p->ike_proposals_default)
		prop_accepted_v1(&p->ike_accepted, p->security);
	else
		p->ike_accepted = p->ike_proposals;
}

static bool given(const struct profile *p, const char *section, const char *key)
{
	return ((const struct profile_full *)p)->given[profile_row_number(section, key)];
}

/* Whoever is pinned, or proves itself without a certificate, has nothing that could be revoked. */
static void finish_revocation(struct profile *p, struct problems *l)
{
	const char *instead = p->remote_auth == REMOTE_PSK ?
		"is not used with a pre-shared key; right would be remote.auth = cert" :
		"is not used with remote.certificate, which names the one that is believed; right "
		"would be remote.ca";

	if (p->remote_auth == REMOTE_CERT && !p->remote_certificate[0])
		return;
	if (p->revocation == REVOCATION_HARD)
		problem(l, "remote", "revocation", instead);
	if (p->crl[0] && !profile_over_tls(p))
		problem(l, "remote", "crl", instead);
}

static void finish_auth(struct profile *p, struct problems *l)
{
	bool local_psk = p->local_auth == LOCAL_PSK || p->local_auth == LOCAL_XAUTH_PSK;
	bool local_cert = p->local_auth == LOCAL_CERT || p->local_auth == LOCAL_XAUTH_CERT;

	if (!given(p, "remote", "auth"))
		p->remote_auth = local_psk ? REMOTE_PSK : REMOTE_CERT;
	if (local_cert && !p->certificate[0])
		problem(l, "local", "certificate",
			"is missing; local.auth = cert needs the file of our certificate");
	if (!local_cert && !profile_over_tls(p) && p->certificate[0])
		problem(l, "local", "certificate",
			p->local_auth == LOCAL_EAP ?
				"is not used; right would be tls in local.eap, or local.auth = cert" :
				"is not used; right would be local.auth = cert");
	if (p->key[0] && !p->certificate[0])
		problem(l, "local", "key",
			"stands alone; local.certificate names the certificate it belongs to");
	/* RFC 7296 section 2.16: the gateway proves itself by a public key before EAP. */
	if (p->local_auth == LOCAL_EAP && p->remote_auth == REMOTE_PSK)
		problem(l, "remote", "auth",
			"EAP needs a gateway that proves itself by certificate; "
			"right would be remote.auth = cert");
	if (p->remote_auth == REMOTE_PSK && (p->ca[0] || p->remote_certificate[0]))
		problem(l, "remote", p->ca[0] ? "ca" : "certificate",
			"is not used with a pre-shared key; right would be remote.auth = cert");
	finish_revocation(p, l);
	if (p->psk_given && p->psk_file[0] && given(p, "secrets", "psk"))
		problem(l, "secrets", "psk-file",
			"secrets.psk is given as well; one of them is enough");
	if (p->ppk_given && !p->ppk_id[0])
		problem(l, "secrets", "ppk", "needs its name: right would be secrets.ppk-id");
	if (p->type != CONN_IKEV2 && p->ppk_id[0])
		problem(l, "secrets", "ppk-id",
			"is not used; right would be connection.type = ikev2");
	if (p->password_given && p->password_file[0] && given(p, "secrets", "password"))
		problem(l, "secrets", "password-file",
			"secrets.password is given as well; one of them is enough");
}

/* What `show` says of a profile that names no methods may be named. */
static bool is_settled_eap(const struct profile *p)
{
	struct profile *other = profile_new(p->name);

	if (!other)
		return true;
	other->type = p->type;
	memcpy(other->certificate, p->certificate, sizeof(other->certificate));
	profile_settle_eap(other);
	bool same = other->n_eap == p->n_eap && other->ttls == p->ttls &&
		memcmp(other->eap, p->eap, p->n_eap) == 0;
	profile_free(other);
	return same;
}

static void finish_eap(struct profile *p, struct problems *l)
{
	static const char *const unused[] = {
		[CONN_IKEV2] = "is not used; right would be local.auth = eap",
		[CONN_IKEV1] = "is not used; EAP belongs to IKEv2",
		[CONN_L2TP] = "is not used; right would be eap in ppp.auth",
	};
	const char *section, *key, *why;

	p->any_eap = !given(p, "local", "eap") && !given(p, "remote", "eap-id") &&
		!given(p, "remote", "eap-ca");
	if (!given(p, "local", "eap"))
		profile_settle_eap(p);
	else if (!profile_logs_in_by_eap(p) && !is_settled_eap(p))
		problem(l, "local", "eap", unused[p->type]);
	why = profile_eap_wrong(p, &section, &key);
	if (why)
		problem(l, section, key, why);
}

static void only_for_l2tp(const struct profile *p, struct problems *l)
{
	const struct key_row *row;
	char value[PROFILE_WORD_MAX];

	for (size_t i = 0; (row = profile_row(i)); i++)
		if ((strcmp(row->section, "l2tp") == 0 || strcmp(row->section, "ppp") == 0) &&
			strcmp(profile_value(value, sizeof(value), p, row->section, row->key),
				row->fallback) != 0)
			problem(l, row->section, row->key,
				"is not used; right would be connection.type = l2tp");
}

bool prefix_list_has(const struct prefix_list *list, uint8_t family)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].family == family)
			return true;
	return false;
}

/* What L2TP settles by itself. */
static void finish_l2tp(struct profile *p, struct problems *l)
{
	static const struct {
		const char *section, *key, *why;
	} rows[] = {
		{ "esp", "local-ts", "is not used; L2TP protects UDP between its two ports" },
		{ "esp", "remote-ts", "is not used; L2TP protects UDP between its two ports" },
		{ "ike", "mode-config", "is not used; with L2TP it is PPP that assigns addresses" },
	};

	if (p->type != CONN_L2TP) {
		only_for_l2tp(p, l);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (given(p, rows[i].section, rows[i].key))
			problem(l, rows[i].section, rows[i].key, rows[i].why);
	if (given(p, "esp", "mode") && p->mode != SA_TRANSPORT)
		problem(l, "esp", "mode", "must be transport: L2TP is protected in transport mode");
	if (p->local_auth != LOCAL_PSK && p->local_auth != LOCAL_CERT)
		problem(l, "local", "auth",
			"must be psk or cert: the user logs in inside L2TP, by ppp.auth");
	if (p->address == CHOICE_NONE)
		problem(l, "network", "address",
			"= none cannot be: L2TP always assigns an address");
	if (p->address == CHOICE_LIST && !prefix_list_has(&p->addresses, FAMILY_V4))
		problem(l, "network", "address", "has no IPv4 address, which L2TP needs");
	p->mode = SA_TRANSPORT;
	p->mode_config = MODE_CONFIG_NO;
	if (!given(p, "esp", "pfs"))
		p->pfs = TRI_NO; /* as the clients built into Windows and Apple's systems do */
}

/* What one version has and the other has not. */
static void finish_version(struct profile *p, struct problems *l)
{
	bool psk = p->local_auth == LOCAL_PSK || p->local_auth == LOCAL_XAUTH_PSK;

	if (p->type == CONN_IKEV2) {
		if (p->local_auth >= LOCAL_XAUTH_PSK)
			problem(l, "local", "auth",
				"belongs to IKEv1; right would be connection.type = ikev1, or "
				"local.auth = eap for IKEv2");
		if (p->aggressive)
			problem(l, "ike", "aggressive",
				"belongs to IKEv1; right would be connection.type = ikev1");
		if (p->mode_config != MODE_CONFIG_PULL)
			problem(l, "ike", "mode-config",
				"belongs to IKEv1; right would be connection.type = ikev1, or "
				"network.address = none for IKEv2 without an address");
		return;
	}
	if (p->esn == TRI_YES)
		problem(l, "esp", "esn",
			"= yes belongs to IKEv2; right would be connection.type = ikev2");
	if (p->send_remote_id == TRI_YES)
		problem(l, "ike", "send-remote-id",
			"= yes belongs to IKEv2; right would be connection.type = ikev2");
	if (p->type == CONN_IKEV1 && p->local_auth == LOCAL_EAP)
		problem(l, "local", "auth",
			"= eap belongs to IKEv2; the login of IKEv1 is xauth-psk, xauth-cert "
			"or hybrid");
	if (psk != (p->remote_auth == REMOTE_PSK))
		problem(l, "remote", "auth",
			"in IKEv1 both sides prove themselves by the shared key or both "
			"by certificate, but for local.auth = hybrid");
}

size_t profile_finish(struct profile *p, struct profile_problem *problems, size_t max)
{
	struct problems l = { .v = problems, .max = max };

	if (p->n_gateways == 0)
		problem(&l, "connection", "gateway",
			"is missing; right would be the gateway's name or address");
	if (p->dns == CHOICE_NONE && p->n_domains > 0)
		problem(&l, "network", "domains",
			"is not used with network.dns = none; right would be auto, or the name servers");
	finish_proposals(p, &l);
	finish_eap(p, &l);
	finish_auth(p, &l);
	finish_version(p, &l);
	finish_l2tp(p, &l);
	return l.n;
}
