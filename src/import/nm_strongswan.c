#include <string.h>
#include <strings.h>

#include "base/types.h"
#include "foreign.h"
#include "nm.h"

/* NetworkManager-strongswan: IKEv2. */

static const struct keyfile_word words[] = {
	{ "service-type", NULL, 0 },
	{ "password-flags", NULL, 0 },
	{ "certificate", NULL, 0 },
	{ "proposal", NULL, 0 },
	{ "ike", NULL, 0 },
	{ "esp", NULL, 0 },
	{ "ipcomp", "compression is not done", IMPORT_LEFT },
	{ "updown", "it would run a program", IMPORT_RUNS },
};

static void read_certificate(struct import_profile *p, struct keyfile *k)
{
	const char *source = nm_word(k, "cert-source"), *method = nm_word(k, "method");
	bool card = (source && strcasecmp(source, "smartcard") == 0) ||
		strcasecmp(method, "smartcard") == 0;

	foreign_by_certificate(p, strcasecmp(method, "eap-tls") == 0);
	nm_set(p, k, "usercert", "local", "certificate");
	nm_set(p, k, "userkey", "local", "key");
	if (card)
		import_note(p, IMPORT_TODO, "smartcard",
			"keys of smart cards are not done: local.certificate and local.key are files");
	else if (!import_get(p, "local", "key"))
		import_note(p, IMPORT_TODO, "userkey",
			"the key is with the SSH agent or in no file: name it in local.key");
	nm_secret(p, k, "password", "key-passphrase");
}

static void read_auth(struct import_profile *p, struct keyfile *k)
{
	const char *method = nm_word(k, "method");

	if (method && strcasecmp(method, "psk") == 0) {
		import_set(p, "local", "auth", "psk");
		import_set(p, "remote", "auth", "psk");
		nm_secret(p, k, "password", "psk");
		return;
	}
	if (!method || strcasecmp(method, "eap") == 0) {
		import_set(p, "local", "auth", "eap");
		nm_set(p, k, "user", "secrets", "user");
		nm_secret(p, k, "password", "password");
		return;
	}
	read_certificate(p, k);
}

static void read_identities(struct import_profile *p, struct keyfile *k)
{
	const char *local = nm_word(k, "local-identity"), *remote = nm_word(k, "remote-identity");

	if (local)
		foreign_identity(p, "local", local);
	if (remote)
		foreign_identity(p, "remote", remote);
}

void nm_strongswan(struct import_profile *p, struct keyfile *k)
{
	const char *port = nm_word(k, "server-port"), *ca = nm_word(k, "certificate");

	nm_gateway(p, k, "address");
	if (port && strcmp(port, "500") != 0 && strcmp(port, "4500") != 0)
		import_set(p, "connection", "port", "%s", port);
	if (nm_is(k, "encap", "yes"))
		import_set(p, "connection", "encapsulation", "yes");
	if (!nm_is(k, "virtual", "yes"))
		import_set(p, "network", "address", "none");
	read_auth(p, k);
	read_identities(p, k);
	if (ca)
		import_set(p, "remote", "ca", "%s", ca);
	if (!nm_is(k, "method", "psk")) /* it asks, and goes on where nobody answers */
		import_set(p, "remote", "revocation", "soft");
	if (nm_is(k, "proposal", "yes")) {
		nm_proposals(p, k, "ike", "ike");
		nm_proposals(p, k, "esp", "esp");
	}
	keyfile_tell(k, "vpn", words, ARRAY_LEN(words), p);
}
