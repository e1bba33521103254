#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/types.h"
#include "base64.h"
#include "foreign.h"
#include "xml.h"

/* VpnSettings.xml, which lies in the folder Generic of the archive that Azure makes for the clients of a
 * point-to-site gateway: <VpnProfile> with an element for each setting. */

/* What is not carried over. Elements with no text count for nothing. */
static const struct {
	const char *name, *why; /* why NULL: it is carried over, or says nothing to us */
} rows[] = {
	{ "VpnServer", NULL },
	{ "VpnType", NULL },
	{ "CaCert", NULL },
	{ "Routes", NULL },
	{ "Auth", NULL },
	{ "VpnDnsServers", NULL },
	{ "CustomDnsServers", NULL },
	{ "DnsServers", NULL },
	{ "RadiusServerRootCertificate", NULL },
};

static const char *text_at(const struct xml *profile, const char *name)
{
	const struct xml *x = xml_child(profile, name);
	const char *text = x ? x->text : "";

	return text + strspn(text, " \t\r\n");
}

/* "IkeV2,OpenVPN", in any case. */
static bool offers_ikev2(const char *types)
{
	for (; *types; types++)
		if (strncasecmp(types, "ikev2", 5) == 0)
			return true;
	return false;
}

static void read_auth(struct import_profile *p, const struct xml *profile)
{
	const char *auth = text_at(profile, "Auth");

	if (strncasecmp(auth, "EAPMSCHAPv2", 11) == 0) {
		import_set(p, "local", "auth", "eap");
		import_set(p, "local", "eap", "mschapv2");
		return;
	}
	foreign_by_certificate(p, strncasecmp(auth, "EAPTLS", 6) == 0);
	import_note(p, IMPORT_TODO, "client certificate",
		"Azure's files do not hold it: name yours in local.certificate (a PKCS#12 file, or "
		"PEM with local.key)");
}

static void read_ca(
	struct import_profile *p, const struct xml *profile, const char *what, const char *key)
{
	const char *text = text_at(profile, what);
	struct foreign_ca ca = { 0 };
	size_t n = 0;
	uint8_t *der = base64_decode(text, &n);

	if (der && foreign_ca_add(&ca, (struct bytes){ der, n }))
		foreign_ca_attach(&ca, p, key);
	else if (*text)
		import_note(p, IMPORT_TODO, what,
			"is no certificate: name the CA in remote.%s, where this system does not "
			"believe it",
			key);
	foreign_ca_free(&ca);
	base64_free(der, n);
}

/* The RADIUS server that EAP-TLS is done with, where it is not the gateway. Its name is not in the file. */
static void read_radius(struct import_profile *p, const struct xml *profile)
{
	static const char what[] = "RadiusServerRootCertificate";

	if (!*text_at(profile, what))
		return;
	if (!foreign_is_eap_tls(p)) {
		import_note(p, IMPORT_LEFT, what, "is for EAP-TLS, which is not asked for");
		return;
	}
	read_ca(p, profile, what, "eap-ca");
	import_note(p, IMPORT_TODO, what,
		"is another server's than the gateway: name it, as its certificate does, in "
		"remote.eap-id");
}

/* In one element, or in an element each inside. */
static void read_list(struct import_profile *p, const struct xml *profile, const char *name,
	bool (*is)(const char *word), const char *key)
{
	struct foreign_list list = { .p = p, .what = name, .is = is };
	const struct xml *x = xml_child(profile, name);

	if (!x)
		return;
	foreign_add(&list, x->text);
	for (const struct xml *c = x->child; c; c = c->next)
		foreign_add(&list, c->text);
	foreign_set(&list, "network", key);
}

static void tell(struct import_profile *p, const struct xml *profile)
{
	char what[64];

	for (const struct xml *x = profile->child; x; x = x->next) {
		const char *why = "has no counterpart in our profiles";
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (strcmp(rows[i].name, x->name) == 0)
				why = rows[i].why;
		if (why && (x->child || x->text[strspn(x->text, " \t\r\n")]))
			import_note(p, IMPORT_LEFT,
				text_safe(what, sizeof(what), x->name, strlen(x->name)), "%s", why);
	}
}

static bool read_profile(struct import *im, const struct xml *profile, struct err *e)
{
	char server[IMPORT_VALUE_MAX], types[64];

	if (strcmp(profile->name, "AzVpnProfile") == 0)
		return err_set(e, ERR_CONFIG,
			"made for the Azure VPN Client, which speaks OpenVPN; for IKEv2 there is "
			"Generic/VpnSettings.xml");
	if (strcmp(profile->name, "VpnProfile") != 0)
		return err_set(e, ERR_CONFIG, "no VpnSettings.xml of Azure");
	snprintf(server, sizeof(server), "%s", text_at(profile, "VpnServer"));
	server[strcspn(server, " \t\r\n")] = 0;
	if (!server[0])
		return err_set(e, ERR_CONFIG, "no VpnServer in this VpnSettings.xml");
	const char *type = text_at(profile, "VpnType");
	if (*type && !offers_ikev2(type))
		return err_set(e, ERR_CONFIG,
			"the gateway offers %s and no IKEv2: have it added to the gateway's tunnel "
			"types, and the file made anew",
			text_safe(types, sizeof(types), type, strcspn(type, " \t\r\n")));
	struct import_profile *p = import_begin(im, "azure", e);
	if (!p)
		return false;
	import_set(p, "connection", "type", "ikev2");
	import_set(p, "connection", "gateway", "%s", server);
	read_auth(p, profile);
	read_ca(p, profile, "CaCert", "ca");
	read_radius(p, profile);
	read_list(p, profile, "Routes", foreign_is_prefix, "routes");
	read_list(p, profile, "DnsServers", foreign_is_address, "dns");
	read_list(p, profile, "VpnDnsServers", foreign_is_address, "dns");
	read_list(p, profile, "CustomDnsServers", foreign_is_address, "dns");
	tell(p, profile);
	return true;
}

bool import_azure(struct bytes file, struct import *im, struct err *e)
{
	struct xml_file *f = xml_read(file, e);
	bool ok = f && read_profile(im, xml_root(f), e);

	xml_free(f);
	return ok;
}
