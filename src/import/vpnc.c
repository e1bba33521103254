#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/types.h"
#include "cisco.h"
#include "foreign.h"

/* vpnc's configuration file: on each line one of these and its value, letters of either case. NetworkManager
 * keeps the same words as keys. */
#define OWN_WAY NULL /* it is carried over, or how vpnc goes about what is done here anyhow */
#define RUN     "it would run a program"

static const struct keyfile_word words[] = {
	{ "IPSec gateway", OWN_WAY, 0 },
	{ "IPSec ID", OWN_WAY, 0 },
	{ "IPSec secret", OWN_WAY, 0 },
	{ "IPSec obfuscated secret", OWN_WAY, 0 },
	{ "IPSec secret-flags", OWN_WAY, 0 },
	{ "Xauth username", OWN_WAY, 0 },
	{ "Xauth password", OWN_WAY, 0 },
	{ "Xauth obfuscated password", OWN_WAY, 0 },
	{ "Xauth password-flags", OWN_WAY, 0 },
	{ "Xauth interactive", OWN_WAY, 0 },
	{ "IKE DH Group", OWN_WAY, 0 },
	{ "IKE Authmode", OWN_WAY, 0 },
	{ "Perfect Forward Secrecy", OWN_WAY, 0 },
	{ "CA-File", OWN_WAY, 0 },
	{ "CA-Dir", OWN_WAY, 0 },
	{ "NAT Traversal Mode", OWN_WAY, 0 },
	{ "DPD idle timeout (our side)", OWN_WAY, 0 },
	{ "Interface MTU", OWN_WAY, 0 },
	{ "Interface name", OWN_WAY, 0 },
	{ "Interface mode", OWN_WAY, 0 },
	{ "IPSEC target network", OWN_WAY, 0 },
	{ "Vendor", OWN_WAY, 0 },
	{ "Application version", OWN_WAY, 0 },
	{ "Local Addr", OWN_WAY, 0 },
	{ "Local Port", OWN_WAY, 0 },
	{ "Cisco UDP Encapsulation Port", OWN_WAY, 0 },
	{ "Debug", OWN_WAY, 0 },
	{ "No Detach", OWN_WAY, 0 },
	{ "Pidfile", OWN_WAY, 0 },
	{ "Non-Interactive", OWN_WAY, 0 },
	{ "DNSUpdate", OWN_WAY, 0 },
	{ "Enable weak encryption", OWN_WAY, 0 },
	{ "Enable weak authentication", OWN_WAY, 0 },
	{ "service-type", OWN_WAY, 0 },
	{ "Domain",
		"XAUTH has no domain here; gateways that want one mostly take DOMAIN\\user for the name",
		IMPORT_TODO },
	{ "Enable Single DES", "DES is not done here", IMPORT_LEFT },
	{ "Enable no encryption", "a tunnel is always encrypted", IMPORT_LEFT },
	{ "Script", RUN, IMPORT_RUNS },
	{ "Password helper", RUN, IMPORT_RUNS },
};

static const char *word(struct keyfile *k, const char *key)
{
	const char *value = keyfile_value(k, "vpn", key),
		   *secret = keyfile_value(k, "vpn-secrets", key);

	return value ? value : secret;
}

static void set(struct import_profile *p, struct keyfile *k, const char *what, const char *section,
	const char *key)
{
	const char *value = word(k, what);

	if (value)
		import_set(p, section, key, "%s", value);
}

static void read_auth(struct import_profile *p, struct keyfile *k)
{
	const char *mode = word(k, "IKE Authmode"), *group = word(k, "IPSec ID");
	bool hybrid = mode && strcasecmp(mode, "hybrid") == 0;
	bool cert = mode && strcasecmp(mode, "cert") == 0;
	const char *plain = word(k, "IPSec secret"), *hidden = word(k, "IPSec obfuscated secret");

	import_set(p, "local", "auth", "%s", hybrid ? "hybrid" : cert ? "xauth-cert" : "xauth-psk");
	if (group)
		cisco_group(p, "IPSec ID", group);
	set(p, k, "CA-Dir", "remote", "ca");
	set(p, k, "CA-File", "remote", "ca");
	if (cert)
		import_note(p, IMPORT_TODO, "IKE Authmode",
			"our certificate is not in the file: local.certificate and local.key");
	else if (!hybrid)
		cisco_secret(p, "psk", "IPSec obfuscated secret", plain, hidden);
	if (!cert && !hybrid && !plain && !hidden)
		import_note(p, IMPORT_TODO, "IPSec secret", "the group's key is not in the file");
	set(p, k, "Xauth username", "secrets", "user");
	cisco_secret(p, "password", "Xauth obfuscated password", word(k, "Xauth password"),
		word(k, "Xauth obfuscated password"));
}

static void read_rest(struct import_profile *p, struct keyfile *k)
{
	const char *dh = word(k, "IKE DH Group"), *nat = word(k, "NAT Traversal Mode");

	cisco_offer(p, "IKE DH Group", dh ? dh : "dh2", word(k, "Perfect Forward Secrecy"));
	if (nat && strcasecmp(nat, "force-natt") == 0)
		import_set(p, "connection", "encapsulation", "yes");
	else if (nat && strcasecmp(nat, "cisco-udp") == 0)
		import_note(p, IMPORT_LEFT, "NAT Traversal Mode",
			"Cisco's own way through a NAT is not done; that of RFC 3947 is");
	set(p, k, "DPD idle timeout (our side)", "ike", "dpd-interval");
	set(p, k, "Interface MTU", "network", "mtu");
	set(p, k, "Interface name", "network", "interface");
	set(p, k, "IPSEC target network", "esp", "remote-ts");
}

bool cisco_vpnc(struct import *im, const char *name, struct keyfile *k, struct err *e)
{
	const char *gateway = word(k, "IPSec gateway");

	if (!gateway)
		return err_set(e, ERR_CONFIG, "no IPSec gateway is named");
	struct import_profile *p = import_begin(im, name, e);
	if (!p)
		return false;
	import_set(p, "connection", "type", "ikev1");
	import_set(p, "connection", "gateway", "%s", gateway);
	read_auth(p, k);
	read_rest(p, k);
	keyfile_tell(k, "vpn", words, ARRAY_LEN(words), p);
	return true;
}

/* The longest word that the line begins with; NULL: none. */
static const char *word_of(const char *line)
{
	const char *best = NULL;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i].key);
		if (strncasecmp(line, words[i].key, n) == 0 && strchr(" \t", line[n]) &&
			(!best || strlen(best) < n))
			best = words[i].key;
	}
	return best;
}

static bool read_line(struct keyfile *k, const char *line, struct err *e)
{
	const char *key = word_of(line);

	if (!key)
		return err_set(e, ERR_CONFIG, "it begins with none of vpnc's words");
	const char *value = line + strlen(key);
	value += strspn(value, " \t");
	if (!*value && strncmp(key, "Enable", 6) == 0)
		value = "yes"; /* these have none in the file */
	return keyfile_add(k, "vpn", key, value, e);
}

bool import_vpnc(struct bytes file, struct import *im, struct err *e)
{
	unsigned number = 0;
	struct keyfile k;
	size_t at = 0;
	char *line;

	bool ok = keyfile_new(&k, file, e);
	while (ok && (line = keyfile_line(&k, &at))) {
		number++;
		if (line[0] && line[0] != '#' && !read_line(&k, line, e))
			ok = err_ctx(e, "line %u", number);
	}
	ok = ok && cisco_vpnc(im, "vpnc", &k, e);
	keyfile_free(&k);
	return ok;
}
