#include <stdio.h>
#include <string.h>

#include "base/types.h"
#include "cisco.h"
#include "foreign.h"

/* The profiles of Cisco's VPN client: one section, [main]; a ! before a key keeps users from changing it. */

static const struct keyfile_word words[] = {
	{ "SaveUserPassword", NULL, 0 },
	{ "EnableNat", NULL, 0 },
	{ "TcpTunnelingPort", NULL, 0 },
	{ "PeerTimeout", NULL, 0 },
	{ "ForceKeepAlives", NULL, 0 },
	{ "EnableISPConnect", NULL, 0 },
	{ "ISPConnectType", NULL, 0 },
	{ "ISPConnect", "dialling in is none of our business", IMPORT_LEFT },
	{ "ISPPhonebook", "dialling in is none of our business", IMPORT_LEFT },
	{ "ISPCommand", "it would run a program", IMPORT_RUNS },
	{ "EnableMSLogon", NULL, 0 },
	{ "MSLogonType", NULL, 0 },
	{ "CertStore", NULL, 0 },
	{ "CertSerialHash", NULL, 0 },
	{ "SendCertChain", NULL, 0 },
	{ "VerifyCertDN", "name the gateway in remote.id", IMPORT_TODO },
	{ "EnableSplitDNS", NULL, 0 },
	{ "SDIUseHardwareToken", NULL, 0 },
	{ "UseLegacyIKEPort", NULL, 0 },
	{ "EncryptionMethod", NULL, 0 },
	{ "AuthenticationMethod", NULL, 0 },
	{ "NTDomain",
		"XAUTH has no domain here; gateways that want one mostly take DOMAIN\\user for the name",
		IMPORT_TODO },
};

static const char *word(struct keyfile *k, const char *key)
{
	return keyfile_value(k, "main", key);
}

static bool is(struct keyfile *k, const char *key, const char *value)
{
	const char *has = word(k, key);

	return has && strcmp(has, value) == 0;
}

static void read_gateways(struct import_profile *p, struct keyfile *k)
{
	struct foreign_list list = { .p = p, .what = "Host", .is = foreign_is_domain };
	const char *backup = word(k, "BackupServer");

	foreign_add(&list, word(k, "Host"));
	if (backup && !is(k, "EnableBackup", "0"))
		foreign_add(&list, backup);
	foreign_set(&list, "connection", "gateway");
}

static void read_auth(struct import_profile *p, struct keyfile *k)
{
	const char *group = word(k, "GroupName"), *name = word(k, "CertName");
	const char *plain = word(k, "GroupPwd"), *hidden = word(k, "enc_GroupPwd");
	bool cert = is(k, "AuthType", "3"), hybrid = is(k, "AuthType", "5");

	import_set(p, "local", "auth", "%s", hybrid ? "hybrid" : cert ? "xauth-cert" : "xauth-psk");
	if (cert)
		import_note(p, IMPORT_TODO, "CertName",
			"%s: the certificate is in the keeping of Cisco's client; name it in "
			"local.certificate, and its key in local.key",
			name ? name : "our certificate");
	else if (group)
		cisco_group(p, "GroupName", group);
	if (hybrid)
		import_note(p, IMPORT_TODO, "AuthType",
			"the gateway shows a certificate: name its CA in remote.ca");
	else if (!cert)
		cisco_secret(p, "psk", "enc_GroupPwd", plain, hidden);
	if (!cert && !hybrid && !plain && !hidden)
		import_note(p, IMPORT_TODO, "GroupPwd", "the group's key is not in the file");
	if (word(k, "Username"))
		import_set(p, "secrets", "user", "%s", word(k, "Username"));
	/* enc_UserPassword is hidden in the same way. */
	const char *password = word(k, "UserPassword");
	cisco_secret(p, "password", "enc_UserPassword", password, word(k, "enc_UserPassword"));
}

static bool read_main(struct keyfile *k, struct import *im, struct err *e)
{
	const char *title = word(k, "Description"), *dh = word(k, "DHGroup");

	if (!word(k, "Host"))
		return err_set(e, ERR_CONFIG, "no Host is named in [main]");
	struct import_profile *p = import_begin(im, title ? title : "cisco", e);
	if (!p)
		return false;
	import_set(p, "connection", "type", "ikev1");
	read_gateways(p, k);
	read_auth(p, k);
	cisco_offer(p, "DHGroup", dh ? dh : "2", NULL);
	if (is(k, "EnableLocalLAN", "0"))
		import_set(p, "network", "lan", "no");
	if (is(k, "TunnelingMode", "1"))
		import_note(p, IMPORT_LEFT, "TunnelingMode",
			"Cisco's IPsec over TCP is not done; UDP and that of RFC 3948 are");
	keyfile_tell(k, "main", words, ARRAY_LEN(words), p);
	return true;
}

bool import_pcf(struct bytes file, struct import *im, struct err *e)
{
	struct keyfile k;

	if (!keyfile_read(&k, file, e))
		return false;
	for (size_t i = 0; i < k.n; i++)
		if (k.v[i].key && k.v[i].key[0] == '!')
			k.v[i].key++;
	bool ok = read_main(&k, im, e);
	keyfile_free(&k);
	return ok;
}
