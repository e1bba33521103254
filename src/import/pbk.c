#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/types.h"
#include "foreign.h"
#include "keyfile.h"

/* rasphone.pbk, the phone book of Windows: a section for each connection, with dozens of keys that mostly say
 * the default; those with a meaning for us are named here. Passwords and shared keys are never in it. */

/* VpnStrategy (RASENTRY.dwVpnStrategy): what is tried, in which order. */
enum {
	ONLY_PPTP = 1,
	ONLY_L2TP = 3,
	L2TP_FIRST = 4,
	ONLY_SSTP = 5,
	ONLY_IKEV2 = 7,
	ONLY_GRE = 9,
	PPTP_SSTP = 12,
	L2TP_SSTP = 13
};

enum { TYPE_VPN = 2 };

/* AuthRestrictions, CustomAuthKey. */
enum { AUTH_PAP = 0x8, AUTH_CHAP = 0x20, AUTH_EAP = 0x80, AUTH_MSCHAPV2 = 0x200 };
enum { EAP_TLS = 13, EAP_PEAP = 25, EAP_MSCHAPV2 = 26, EAP_TTLS = 21 };

static const char RUN[] = "it would run a program";

/* Only what is here is told of, for what is not says how Windows shows and dials. */
static const struct {
	const char *key, *why;
	enum import_kind kind;
} told[] = {
	{ "CustomDialDll", RUN, IMPORT_RUNS },
	{ "CustomRasDialDll", RUN, IMPORT_RUNS },
	{ "CustomScript", RUN, IMPORT_RUNS },
	{ "AuthenticationDll", RUN, IMPORT_RUNS },
	{ "IdleDisconnectSeconds", "a tunnel that nothing goes through stays", IMPORT_LEFT },
	{ "PrerequisiteEntry", "another connection that comes first: start it yourself",
		IMPORT_LEFT },
	{ "NumCustomPolicy", "algorithms are chosen in it: ike.proposals, esp.proposals",
		IMPORT_TODO },
	{ "NumRoutes", "routes of its own: name them in network.routes", IMPORT_TODO },
	{ "NumTrustedNetworks", "the tunnel is there while vpnc-ike runs", IMPORT_LEFT },
	{ "AlwaysOnCapable", "the tunnel is there while vpnc-ike runs", IMPORT_LEFT },
	{ "DeviceComplianceEnabled", "is done by a service of Microsoft", IMPORT_LEFT },
	{ "ProxyServer", "a proxy is none of a tunnel's", IMPORT_LEFT },
	{ "AutoProxyUrl", "a proxy is none of a tunnel's", IMPORT_LEFT },
};

static unsigned long number(struct keyfile *k, const char *section, const char *key)
{
	const char *text = keyfile_value(k, section, key);

	return text ? strtoul(text, NULL, 10) : 0;
}

/* Of ours what it tries first, NULL: nothing. */
static const char *type_of(unsigned long strategy)
{
	static const unsigned char none[] = { ONLY_PPTP, ONLY_SSTP, ONLY_GRE, PPTP_SSTP };

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (strategy == none[i])
			return NULL;
	return strategy == ONLY_L2TP || strategy == L2TP_FIRST || strategy == L2TP_SSTP ? "l2tp" :
											  "ikev2";
}

/* What goes with a method, and with which servers, is in CustomAuthData, which only the methods of Windows
 * read. */
static const struct {
	unsigned long method;
	const char *word, *todo; /* todo NULL: nothing */
} methods[] = {
	{ EAP_MSCHAPV2, "mschapv2", NULL },
	{ EAP_TLS, "tls",
		"the certificate is in the keeping of Windows: export it, and name it in local.certificate; "
		"the server, where it is not the gateway, in remote.eap-id and remote.eap-ca" },
	{ EAP_PEAP, "peap",
		"a server that is not the gateway has to be named in remote.eap-id, its CA in "
		"remote.eap-ca" },
	{ EAP_TTLS, "ttls",
		"where it is not EAP inside: local.eap = ttls-pap or ttls-mschapv2; a server that is not the "
		"gateway has to be named in remote.eap-id, its CA in remote.eap-ca" },
};

static void read_eap(struct import_profile *p, unsigned long method)
{
	if (!method)
		return;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		if (methods[i].method != method)
			continue;
		import_set(p, "local", "eap", "%s", methods[i].word);
		if (methods[i].todo)
			import_note(p, IMPORT_TODO, "CustomAuthKey", "%s", methods[i].todo);
		return;
	}
	import_note(p, IMPORT_LEFT, "CustomAuthKey",
		"EAP method %lu is not done here; those that are will be tried", method);
}

/* Books of old have a small number there, which counts kinds of logins. */
static void read_ppp(struct import_profile *p, unsigned long may)
{
	if (may >= AUTH_PAP)
		foreign_ppp_auth(p, "AuthRestrictions",
			(may & AUTH_MSCHAPV2 ? FOREIGN_MSCHAPV2 : 0u) |
				(may & AUTH_CHAP ? FOREIGN_CHAP : 0u) |
				(may & AUTH_PAP ? FOREIGN_PAP : 0u) |
				(may & AUTH_EAP ? FOREIGN_EAP : 0u));
}

static void read_auth(struct import_profile *p, struct keyfile *k, const char *s, bool l2tp)
{
	unsigned long may = number(k, s, "AuthRestrictions"), eap = number(k, s, "CustomAuthKey");

	if (l2tp) {
		import_set(p, "local", "auth", "psk");
		import_note(p, IMPORT_TODO, "PreSharedKey",
			"Windows keeps the shared key elsewhere: secrets.psk, or local.auth = cert with a "
			"certificate");
		read_ppp(p, may);
		if (may & AUTH_EAP)
			read_eap(p, eap);
	} else if (may & AUTH_EAP || eap) {
		import_set(p, "local", "auth", "eap");
		read_eap(p, eap);
	} else {
		import_set(p, "local", "auth", "cert");
		import_note(p, IMPORT_TODO, "AuthRestrictions",
			"the computer's certificate is in the keeping of Windows: export it, and name it in "
			"local.certificate");
	}
}

static void read_network(struct import_profile *p, struct keyfile *k, const char *s)
{
	static const char *const dns[] = { "IpDnsAddress", "IpDns2Address", "Ipv6DnsAddress",
		"Ipv6Dns2Address" };
	struct foreign_list names = { .p = p, .what = "IpDnsAddress", .is = foreign_is_address };
	struct foreign_list domains = { .p = p, .what = "IpDnsSuffix", .is = foreign_is_domain };
	const char *suffix = keyfile_value(k, s, "IpDnsSuffix");
	const char *prioritize = keyfile_value(k, s, "IpPrioritizeRemote");

	for (size_t i = 0; i < ARRAY_LEN(dns); i++) {
		const char *server = keyfile_value(k, s, dns[i]);
		if (server && strcmp(server, "0.0.0.0") != 0 && strcmp(server, "::") != 0)
			foreign_add(&names, server);
	}
	foreign_set(&names, "network", "dns");
	foreign_add(&domains, suffix ? suffix : "");
	foreign_set(&domains, "network", "domains");
	if (prioritize && strcmp(prioritize, "0") == 0)
		import_note(p, IMPORT_TODO, "IpPrioritizeRemote",
			"is off: name in network.routes what is to go through the tunnel; without it "
			"everything does");
	if (number(k, s, "DisableMobility"))
		import_set(p, "ike", "mobike", "no");
}

static void tell(struct import_profile *p, struct keyfile *k, const char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		const char *value = keyfile_value(k, s, told[i].key);
		if (value && strcmp(value, "0") != 0)
			import_note(p, told[i].kind, told[i].key, "%s", told[i].why);
	}
}

/* Those that begin with PPTP or SSTP come to ours when that fails. */
static void tell_strategy(struct import_profile *p, unsigned long strategy, const char *type)
{
	if (strategy != ONLY_IKEV2 && strategy != ONLY_L2TP)
		import_note(p, IMPORT_TODO, "VpnStrategy",
			"several kinds of VPN are tried (%lu); the profile has %s, and PPTP and SSTP are not "
			"done here",
			strategy, strcmp(type, "l2tp") == 0 ? "L2TP" : "IKEv2");
}

static bool read_entry(struct import *im, struct keyfile *k, const char *s, struct err *e)
{
	unsigned long strategy = number(k, s, "VpnStrategy");
	const char *type = type_of(strategy), *gateway = keyfile_value(k, s, "PhoneNumber");
	struct foreign_list list = { .what = "PhoneNumber", .is = foreign_is_domain };

	if (number(k, s, "Type") != TYPE_VPN || !type || !gateway)
		return true;
	struct import_profile *p = import_begin(im, s, e);
	if (!p)
		return false;
	list.p = p;
	import_set(p, "connection", "type", "%s", type);
	foreign_add(&list, gateway);
	foreign_set(&list, "connection", "gateway");
	tell_strategy(p, strategy, type);
	read_auth(p, k, s, strcmp(type, "l2tp") == 0);
	read_network(p, k, s);
	tell(p, k, s);
	return true;
}

/* What of the book is no business of ours, with the first of the profiles that are; in an error where there is
 * none. */
static bool tell_others(struct import *im, struct keyfile *k, struct err *e)
{
	char shown[64];

	for (size_t i = 0; i < k->n; i++) {
		const char *s = k->v[i].section;
		if (k->v[i].key || type_of(number(k, s, "VpnStrategy")))
			continue;
		if (im->n == 0)
			return err_set(e, ERR_CONFIG,
				"%s is PPTP or SSTP, which is not done here; the gateway may also "
				"offer IKEv2",
				text_safe(shown, sizeof(shown), s, strlen(s)));
		import_note(im->v[0], IMPORT_LEFT, s, "is PPTP or SSTP, which is not done here");
	}
	return im->n > 0 || err_set(e, ERR_CONFIG, "no entry of a VPN with a PhoneNumber is in it");
}

bool import_pbk(struct bytes file, struct import *im, struct err *e)
{
	struct keyfile k;

	bool ok = keyfile_read(&k, file, e);
	if (!ok)
		return false;
	for (size_t i = 0; ok && i < k.n; i++)
		if (!k.v[i].key)
			ok = read_entry(im, &k, k.v[i].section, e);
	ok = ok && tell_others(im, &k, e);
	keyfile_free(&k);
	return ok;
}
