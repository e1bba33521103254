#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/types.h"
#include "base64.h"
#include "foreign.h"
#include "nm.h"

/* NetworkManager-l2tp: L2TP over IPsec, and L2TP alone, which is not ours. */

static const struct keyfile_word words[] = {
	{ "service-type", NULL, 0 },
	{ "password-flags", NULL, 0 },
	{ "ipsec-psk-flags", NULL, 0 },
	{ "machine-certpass-flags", NULL, 0 },
	{ "machine-auth-type", NULL, 0 },
	{ "user-auth-type", NULL, 0 },
	{ "ephemeral-port", NULL, 0 },
	{ "lcp-echo-failure", NULL, 0 },
	{ "lcp-echo-interval", NULL, 0 },
	{ "mru", NULL, 0 },
	{ "nobsdcomp", NULL, 0 },
	{ "nodeflate", NULL, 0 },
	{ "no-vj-comp", NULL, 0 },
	{ "nopcomp", NULL, 0 },
	{ "noaccomp", NULL, 0 },
	{ "refuse-mschap", NULL, 0 },
	{ "require-mppe", "MPPE is not done: IPsec is around all of it", IMPORT_LEFT },
	{ "require-mppe-40", "MPPE is not done: IPsec is around all of it", IMPORT_LEFT },
	{ "require-mppe-128", "MPPE is not done: IPsec is around all of it", IMPORT_LEFT },
	{ "mppe-stateful", NULL, 0 },
	{ "ipsec-ipcomp", "compression is not done", IMPORT_LEFT },
	{ "user-cert", "EAP-TLS inside PPP is not done", IMPORT_LEFT },
	{ "user-key", "EAP-TLS inside PPP is not done", IMPORT_LEFT },
	{ "domain", "give DOMAIN\\user for the name in secrets.user", IMPORT_TODO },
};

/* "0s..." is Base64 of the key. */
static void read_psk(struct import_profile *p, struct keyfile *k)
{
	const char *psk = nm_word(k, "ipsec-psk");
	uint8_t *octets = NULL;
	size_t n = 0;

	if (!psk || strncmp(psk, "0s", 2) != 0) {
		nm_secret(p, k, "ipsec-psk", "psk");
		if (!psk && !nm_word(k, "ipsec-psk-flags"))
			import_note(p, IMPORT_TODO, "ipsec-psk", "the key is not in the file");
		return;
	}
	octets = base64_decode(psk + 2, &n);
	if (octets && strlen((char *)octets) == n)
		import_set(p, "secrets", "psk", "%s", (char *)octets);
	else
		import_note(p, IMPORT_TODO, "ipsec-psk",
			"it is no Base64, or made of octets that a profile cannot hold");
	base64_free(octets, n);
}

static void read_machine(struct import_profile *p, struct keyfile *k)
{
	if (!nm_is(k, "machine-auth-type", "tls")) {
		import_set(p, "local", "auth", "psk");
		read_psk(p, k);
		return;
	}
	import_set(p, "local", "auth", "cert");
	nm_set(p, k, "machine-ca", "remote", "ca");
	nm_set(p, k, "machine-cert", "local", "certificate");
	nm_set(p, k, "machine-key", "local", "key");
	nm_secret(p, k, "machine-certpass", "key-passphrase");
}

static void read_ike(struct import_profile *p, struct keyfile *k)
{
	const char *group = nm_word(k, "ipsec-group-name"), *remote = nm_word(k, "ipsec-remote-id");

	if (group)
		foreign_identity(p, "local", group[0] == '@' ? group + 1 : group);
	remote = remote ? remote : nm_word(k, "ipsec-gateway-id");
	if (remote)
		foreign_identity(p, "remote", remote[0] == '@' ? remote + 1 : remote);
	nm_proposals(p, k, "ipsec-ike", "ike");
	nm_proposals(p, k, "ipsec-esp", "esp");
	nm_set(p, k, "ipsec-ikelifetime", "ike", "lifetime");
	nm_set(p, k, "ipsec-salifetime", "esp", "lifetime");
	if (nm_is(k, "ipsec-forceencaps", "yes"))
		import_set(p, "connection", "encapsulation", "yes");
	if (nm_is(k, "ipsec-pfs", "no"))
		import_set(p, "esp", "pfs", "no");
}

static void read_ppp(struct import_profile *p, struct keyfile *k)
{
	static const struct {
		const char *key;
		unsigned bit;
	} rows[] = { { "refuse-mschapv2", FOREIGN_MSCHAPV2 }, { "refuse-chap", FOREIGN_CHAP },
		{ "refuse-pap", FOREIGN_PAP }, { "refuse-eap", FOREIGN_EAP } };
	const char *refused = NULL;
	unsigned may = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!nm_is(k, rows[i].key, "yes"))
			may |= rows[i].bit;
		else if (!refused)
			refused = rows[i].key;
	if (refused)
		foreign_ppp_auth(p, refused, may);
}

void nm_l2tp(struct import_profile *p, struct keyfile *k)
{
	nm_gateway(p, k, "gateway");
	if (!nm_is(k, "ipsec-enabled", "yes"))
		import_note(p, IMPORT_TODO, "ipsec-enabled",
			"the file has L2TP without IPsec, which is in the clear and not done here; the "
			"profile has IPsec");
	read_machine(p, k);
	read_ike(p, k);
	nm_set(p, k, "user", "secrets", "user");
	nm_secret(p, k, "password", "password");
	read_ppp(p, k);
	nm_set(p, k, "mtu", "network", "mtu");
	keyfile_tell(k, "vpn", words, ARRAY_LEN(words), p);
}
