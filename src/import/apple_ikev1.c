#include <stdio.h>
#include <string.h>

#include "apple.h"
#include "base/types.h"

static const struct apple_key ipsec_rows[] = {
	{ "RemoteAddress", TOLD_NOT, NULL },
	{ "AuthenticationMethod", TOLD_NOT, NULL },
	{ "XAuthEnabled", TOLD_NOT, NULL },
	{ "XAuthName", TOLD_NOT, NULL },
	{ "XAuthPassword", TOLD_NOT, NULL },
	{ "XAuthPasswordEncryption", TOLD_NOT, NULL },
	{ "LocalIdentifier", TOLD_NOT, NULL },
	{ "LocalIdentifierType", TOLD_NOT, NULL },
	{ "SharedSecret", TOLD_NOT, NULL },
	{ "PayloadCertificateUUID", TOLD_NOT, NULL },
	{ "PromptForVPNPIN", TOLD_NOT, NULL },
	{ "OnDemandEnabled", TOLD_WHEN_ON,
		"the tunnel is there while vpnc-ike runs, and not else" },
	{ "OnDemandRules", TOLD_NOT, NULL },
	{ "OnDemandMatchDomainsAlways", TOLD_NOT, NULL },
	{ "OnDemandMatchDomainsNever", TOLD_NOT, NULL },
	{ "OnDemandMatchDomainsOnRetry", TOLD_NOT, NULL },
	{ "DisconnectOnIdle", TOLD_WHEN_ON, "a tunnel that nothing goes through stays" },
	{ "DisconnectOnIdleTimer", TOLD_NOT, NULL },
};

static const struct apple_key ppp_rows[] = {
	{ "CommRemoteAddress", TOLD_NOT, NULL },
	{ "AuthName", TOLD_NOT, NULL },
	{ "AuthPassword", TOLD_NOT, NULL },
	{ "AuthProtocol", TOLD_NOT, NULL },
	{ "AuthPrompt", TOLD_NOT, NULL },
	{ "AuthEAPPlugins", TOLD_ALWAYS,
		"EAP over TLS is not done; of EAP there are MD5, MSCHAPv2 and GTC" },
	{ "TokenCard", TOLD_WHEN_ON, "leave secrets.password out, and it is asked for each time" },
	{ "CCPEnabled", TOLD_WHEN_ON,
		"compression and MPPE are not done: IPsec is around all of it" },
	{ "CCPMPPE40Enabled", TOLD_NOT, NULL },
	{ "CCPMPPE128Enabled", TOLD_NOT, NULL },
	{ "VerboseLogging", TOLD_NOT, NULL },
	{ "DisconnectOnIdle", TOLD_WHEN_ON, "a tunnel that nothing goes through stays" },
	{ "DisconnectOnIdleTimer", TOLD_NOT, NULL },
	{ "DisconnectOnFastUserSwitch", TOLD_NOT, NULL },
	{ "DisconnectOnLogout", TOLD_NOT, NULL },
	{ "DisconnectOnSleep", TOLD_NOT, NULL },
};

static bool by_certificate(const struct xml *ipsec)
{
	const char *method = plist_text(ipsec, "AuthenticationMethod");

	return method && strcmp(method, "Certificate") == 0;
}

#define HYBRID "[hybrid]"

/* "staff" or "staff[hybrid]": the name of the group. With a group's name and key the systems of Apple use
 * aggressive mode, for the gateway has to know the group before it can choose the key. */
static bool read_group(struct apple_vpn *v, const struct xml *ipsec)
{
	const char *group = plist_text(ipsec, "LocalIdentifier");
	size_t len = group ? strlen(group) : 0, mark = strlen(HYBRID);
	bool hybrid = len >= mark && strcmp(group + len - mark, HYBRID) == 0;

	if (hybrid)
		len -= mark;
	if (len == 0)
		return hybrid;
	import_set(v->p, "local", "id", "keyid:%.*s", (int)len, group);
	if (!by_certificate(ipsec) &&
		strcmp(import_get(v->p, "connection", "type"), "ikev1") == 0) {
		import_set(v->p, "ike", "aggressive", "yes");
		if (!hybrid)
			import_note(v->p, IMPORT_TODO, "IPSec.LocalIdentifier",
				"a group's name with its key means aggressive mode, in which who "
				"listens can guess the key at leisure; try ike.aggressive = no");
	}
	return hybrid;
}

/* How phase 1 is proved: by a certificate, or the shared key. */
static void read_phase1(struct apple_vpn *v, const struct xml *ipsec)
{
	if (by_certificate(ipsec)) {
		apple_own_certificate(v, ipsec);
		apple_ca(v);
	} else
		apple_secret(v, ipsec, "SharedSecret", "secrets", "psk");
}

void apple_ipsec(struct apple_vpn *v)
{
	const struct xml *ipsec = plist_dict(v->payload, "IPSec");
	bool xauth = plist_on(ipsec, "XAuthEnabled") ||
		(!plist_get(ipsec, "XAuthEnabled") && plist_text(ipsec, "XAuthName"));

	import_set(v->p, "connection", "type", "ikev1");
	apple_text(v, ipsec, "RemoteAddress", "connection", "gateway");
	if (read_group(v, ipsec)) {
		import_set(v->p, "local", "auth", "hybrid");
		apple_ca(v);
		xauth = true;
		if (plist_get(ipsec, "SharedSecret"))
			import_note(v->p, IMPORT_LEFT, "IPSec.SharedSecret",
				"with [hybrid] the gateway proves itself by a certificate instead");
	} else {
		import_set(v->p, "local", "auth", "%s%s", xauth ? "xauth-" : "",
			by_certificate(ipsec) ? "cert" : "psk");
		read_phase1(v, ipsec);
	}
	if (xauth) {
		apple_text(v, ipsec, "XAuthName", "secrets", "user");
		apple_text(v, ipsec, "XAuthPassword", "secrets", "password");
	}
	apple_tell(v, ipsec, "IPSec", ipsec_rows, ARRAY_LEN(ipsec_rows));
}

static void read_ppp(struct apple_vpn *v, const struct xml *ppp)
{
	static const struct {
		const char *word;
		unsigned bit;
	} rows[] = { { "MSCHAP2", FOREIGN_MSCHAPV2 }, { "CHAP", FOREIGN_CHAP },
		{ "PAP", FOREIGN_PAP }, { "EAP", FOREIGN_EAP } };
	const struct xml *list = plist_array(ppp, "AuthProtocol");
	unsigned may = 0;

	for (const struct xml *x = list ? list->child : NULL; x; x = x->next)
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (strcmp(x->text, rows[i].word) == 0)
				may |= rows[i].bit;
	if (list && list->child)
		foreign_ppp_auth(v->p, "PPP.AuthProtocol", may);
}

void apple_l2tp(struct apple_vpn *v)
{
	const struct xml *ipsec = plist_dict(v->payload, "IPSec");
	const struct xml *ppp = plist_dict(v->payload, "PPP");
	const struct xml *ipv4 = plist_dict(v->payload, "IPv4");

	import_set(v->p, "connection", "type", "l2tp");
	apple_text(v, ppp, "CommRemoteAddress", "connection", "gateway");
	import_set(v->p, "local", "auth", by_certificate(ipsec) ? "cert" : "psk");
	read_group(v, ipsec);
	read_phase1(v, ipsec);
	apple_text(v, ppp, "AuthName", "secrets", "user");
	apple_text(v, ppp, "AuthPassword", "secrets", "password");
	read_ppp(v, ppp);
	if (ipv4 && !plist_on(ipv4, "OverridePrimary"))
		import_note(v->p, IMPORT_TODO, "IPv4.OverridePrimary",
			"is off: name in network.routes what is to go through the tunnel; without it "
			"everything does");
	apple_tell(v, ipsec, "IPSec", ipsec_rows, ARRAY_LEN(ipsec_rows));
	apple_tell(v, ppp, "PPP", ppp_rows, ARRAY_LEN(ppp_rows));
}
