#include "ipsec.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/types.h"
#include "foreign.h"

/* ipsec.conf(5) of strongSwan and of libreswan: each conn whose other side is a gateway's name or address becomes
 * a profile. Keys and passwords are in ipsec.secrets, another file. */

static bool begins(const char *text, const char *with)
{
	return text && strncasecmp(text, with, strlen(with)) == 0;
}

static bool is_yes(struct ipsec_conn *c, const char *side, const char *key)
{
	return ipsec_is(c, side, key, "yes");
}

/* --- which side is ours -------------------------------------------------------------------------------------- */

/* Without a word: none. */
static bool has_address(struct ipsec_conn *c, const char *side)
{
	const char *word = ipsec_value(c, side, "");

	return word && foreign_is_gateway(word);
}

/* A side that takes its address from the route or the gateway is a client's. */
static bool is_ours(struct ipsec_conn *c, const char *side)
{
	return ipsec_is(c, side, "", "%defaultroute") ||
		begins(ipsec_value(c, side, "sourceip"), "%") || is_yes(c, side, "modecfgclient") ||
		is_yes(c, side, "xauthclient");
}

static bool is_client(struct ipsec_conn *c)
{
	bool right = is_ours(c, "right") && !is_ours(c, "left");

	c->us = right ? "right" : "left";
	c->them = right ? "left" : "right";
	const char *type = ipsec_value(c, "", "type");
	return has_address(c, c->them) &&
		(!type || begins(type, "tunnel") || begins(type, "transport")) &&
		!ipsec_is(c, "", "auto", "ignore");
}

/* --- which kind of VPN ------------------------------------------------------------------------------------------ */

static bool has_xauth(struct ipsec_conn *c)
{
	return begins(ipsec_value(c, c->us, "auth"), "xauth") ||
		begins(ipsec_value(c, c->us, "auth2"), "xauth") ||
		begins(ipsec_value(c, "", "authby"), "xauth") || is_yes(c, c->us, "xauthclient");
}

static bool is_l2tp(struct ipsec_conn *c)
{
	const char *port = ipsec_value(c, c->them, "protoport");

	return ipsec_is(c, "", "type", "transport") && port && foreign_is_l2tp(port);
}

static bool is_v1(struct ipsec_conn *c)
{
	return ipsec_is(c, "", "keyexchange", "ikev1") || ipsec_is(c, "", "ikev2", "no") ||
		ipsec_is(c, "", "ikev2", "never") || has_xauth(c) || is_yes(c, "", "aggressive") ||
		is_yes(c, "", "aggrmode");
}

static void set_type(struct ipsec_conn *c)
{
	const char *type = is_l2tp(c) ? "l2tp" : is_v1(c) ? "ikev1" : "ikev2";
	bool said = ipsec_value(c, "", "keyexchange") || ipsec_value(c, "", "ikev2");

	import_set(c->p, "connection", "type", "%s", type);
	if (strcmp(type, "ikev2") == 0 && !said)
		import_note(c->p, IMPORT_TODO, "keyexchange",
			"says no version, which was IKEv1 to old libreswan: connection.type = ikev1 if "
			"the gateway has no IKEv2");
	import_set(c->p, "connection", "gateway", "%s", ipsec_value(c, c->them, ""));
	if (has_address(c, c->us) && !is_ours(c, c->us))
		import_note(c->p, IMPORT_TODO, c->us,
			"both sides have an address: it was taken for granted that we are %s",
			c->us);
	if (is_yes(c, "", "forceencaps") || is_yes(c, "", "encapsulation"))
		import_set(c->p, "connection", "encapsulation", "yes");
	if (strcmp(type, "ikev1") == 0 &&
		(is_yes(c, "", "aggressive") || is_yes(c, "", "aggrmode")))
		import_set(c->p, "ike", "aggressive", "yes");
}

/* --- who is who -------------------------------------------------------------------------------------------------- */

/* "@name" is a name that is not to be looked up; "%any", "%fromcert" and the like say nothing. */
static void set_identity(struct ipsec_conn *c, const char *side, const char *section)
{
	const char *id = ipsec_value(c, side, "id");

	if (!id || id[0] == '%')
		return;
	if (strchr(id, '*'))
		import_note(c->p, IMPORT_TODO, "id", "%s is a pattern; a profile has one name", id);
	else if (begins(id, "@#"))
		import_set(
			c->p, section, "id", "keyid:%s%s", begins(id, "@#0x") ? "" : "0x", id + 2);
	else
		foreign_identity(c->p, section, id + strspn(id, "@"));
}

static bool by_psk(struct ipsec_conn *c, const char *side)
{
	const char *auth = ipsec_value(c, side, "auth"), *both = ipsec_value(c, "", "authby");

	if (auth)
		return strcasecmp(auth, "psk") == 0 || strcasecmp(auth, "secret") == 0;
	return begins(both, "secret") || begins(both, "psk") || begins(both, "xauthpsk");
}

static void set_certificate(
	struct ipsec_conn *c, const char *side, const char *section, const char *what)
{
	const char *cert = ipsec_value(c, side, "cert");

	if (cert && cert[0] == '/')
		import_set(c->p, section, "certificate", "%s", cert);
	else if (cert && cert[0] != '%')
		import_note(c->p, IMPORT_TODO, "cert",
			"%s: in /etc/ipsec.d/certs for strongSwan, in NSS's database for libreswan: name "
			"a file of it in %s",
			cert, what);
	else if (strcmp(section, "local") == 0)
		import_note(c->p, IMPORT_TODO, "cert", "ours is in no file: name one in %s", what);
}

/* strictcrlpolicy is strongSwan's, and was libreswan's; the others are libreswan's, in both its spellings. Where
 * nothing is said strongSwan asks, and goes on where nobody answers. */
static void set_revocation(struct ipsec_conn *c)
{
	static const char *const strict[] = { "strictcrlpolicy", "crl-strict", "crl_strict",
		"ocsp-strict", "ocsp_strict" };
	const char *how = "soft", *ifuri = ipsec_setup(c, "strictcrlpolicy");

	for (size_t i = 0; i < ARRAY_LEN(strict); i++)
		if (begins(ipsec_setup(c, strict[i]), "yes"))
			how = "hard";
	if (begins(ifuri, "ifuri")) {
		how = "soft";
		foreign_ifuri(c->p, "strictcrlpolicy");
	}
	if (!import_get(c->p, "remote", "certificate"))
		import_set(c->p, "remote", "revocation", "%s", how);
}

/* "rsa-4096-sha512": strongSwan then takes no weaker key and no other signature. */
static void tell_strength(struct ipsec_conn *c)
{
	const char *auth = ipsec_value(c, c->them, "auth");
	char key[sizeof("rightauth")];

	snprintf(key, sizeof(key), "%sauth", c->them);
	if (auth && strchr(auth, '-'))
		foreign_strength(c->p, key, auth);
}

static const char *auth_of(struct ipsec_conn *c)
{
	const char *first = ipsec_value(c, c->us, "auth");

	if (is_l2tp(c) || !has_xauth(c))
		return begins(first, "eap") ? "eap" : by_psk(c, c->us) ? "psk" : "cert";
	if (begins(first, "xauth"))
		return by_psk(c, c->them) ? "xauth-psk" : "hybrid";
	return by_psk(c, c->us) ? "xauth-psk" : "xauth-cert";
}

static void set_login(struct ipsec_conn *c)
{
	static const char *const keys[] = { "eap_identity", "xauth_identity" };
	const char *user = ipsec_value(c, c->us, "username");

	if (!user)
		user = ipsec_value(c, c->us, "xauthusername");
	for (size_t i = 0; i < ARRAY_LEN(keys) && !user; i++)
		user = ipsec_value(c, "", keys[i]);
	if (user && user[0] != '%')
		import_set(c->p, "secrets", "user", "%s", user);
}

static void set_auth(struct ipsec_conn *c)
{
	const char *auth = auth_of(c), *first = ipsec_value(c, c->us, "auth");
	bool psk = by_psk(c, c->them) || strstr(auth, "psk");

	import_set(c->p, "local", "auth", "%s", auth);
	set_identity(c, c->us, "local");
	set_identity(c, c->them, "remote");
	const char *server = ipsec_value(c, "", "aaa_identity");
	if (strstr(auth, "cert") || begins(first, "eap-tls"))
		set_certificate(c, c->us, "local", "local.certificate");
	if (begins(first, "eap") && server && server[0] != '%')
		import_set(c->p, "remote", "eap-id", "%s", server);
	if (begins(first, "eap-") && !begins(first, "eap-dynamic") && !begins(first, "eap-radius"))
		import_set(c->p, "local", "eap", "%s", first + 4);
	set_login(c);
	if (psk && strcmp(auth, "cert") != 0 && !strstr(auth, "xauth"))
		import_set(c->p, "remote", "auth", "psk");
	else if (!psk) {
		set_certificate(c, c->them, "remote", "remote.certificate");
		import_note(c->p, IMPORT_TODO, "ca",
			"the gateway's CA is in /etc/ipsec.d/cacerts or NSS's database: name it in "
			"remote.ca, where this system does not believe it");
		set_revocation(c);
		tell_strength(c);
	}
	import_note(c->p, IMPORT_TODO, "ipsec.secrets",
		"another file, with the %s: it was not read",
		psk ? "shared key" : "private key or password");
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

static void set_plain(
	struct ipsec_conn *c, const char *key, const char *section, const char *our_key)
{
	const char *value = ipsec_value(c, "", key);

	if (value && strcmp(value, "0") != 0)
		import_set(c->p, section, our_key, "%s", value);
}

static void set_no(struct ipsec_conn *c, const char *key, const char *section, const char *our_key)
{
	if (ipsec_is(c, "", key, "no"))
		import_set(c->p, section, our_key, "no");
}

static void set_selectors(struct ipsec_conn *c, const char *side, const char *key)
{
	const char *ts = ipsec_value(c, side, "subnet");

	if (ts && !strchr(ts, '%'))
		foreign_selectors(c->p, key, ts);
	if (ipsec_value(c, side, "subnets"))
		import_note(c->p, IMPORT_TODO, "subnets",
			"several: name them in esp.%s, with commas between", key);
}

/* What the gateway gives us, or what is ours already. */
static void set_address(struct ipsec_conn *c)
{
	struct foreign_list list = { .p = c->p, .what = "sourceip", .is = foreign_is_address };
	const char *ip = ipsec_value(c, c->us, "sourceip");

	if (begins(ip, "%") || is_yes(c, c->us, "modecfgclient"))
		return;
	if (ip) {
		foreign_add(&list, ip);
		foreign_set(&list, "network", "address");
	} else {
		import_set(c->p, "network", "address", "none");
	}
}

static void set_rest(struct ipsec_conn *c)
{
	static const char *const child[] = { "esp", "phase2alg" };
	static const char *const life[] = { "lifetime", "keylife", "salifetime" };

	ipsec_proposals(c, "ike", "ike");
	for (size_t i = 0; i < ARRAY_LEN(child); i++)
		ipsec_proposals(c, child[i], "esp");
	set_plain(c, "ikelifetime", "ike", "lifetime");
	for (size_t i = 0; i < ARRAY_LEN(life); i++)
		set_plain(c, life[i], "esp", "lifetime");
	set_plain(c, "dpddelay", "ike", "dpd-interval");
	set_plain(c, "replay_window", "esp", "replay-window");
	set_plain(c, "replay-window", "esp", "replay-window");
	set_no(c, "fragmentation", "ike", "fragmentation");
	set_no(c, "mobike", "ike", "mobike");
	set_no(c, "session-resumption", "ike", "resumption");
	set_no(c, "pfs", "esp", "pfs");
	if (is_v1(c) &&
		(ipsec_is(c, "", "modeconfig", "push") || ipsec_is(c, "", "modecfgpull", "no")))
		import_set(c->p, "ike", "mode-config", "push");
	set_plain(c, "mtu", "network", "mtu");
	if (is_l2tp(c))
		return;
	if (ipsec_is(c, "", "type", "transport"))
		import_set(c->p, "esp", "mode", "transport");
	set_selectors(c, c->us, "local-ts");
	set_selectors(c, c->them, "remote-ts");
	set_address(c);
}

/* --- what is left ------------------------------------------------------------------------------------------------ */

#define RUN "it would run a program"

static const struct keyfile_word left[] = {
	{ "leftupdown", RUN, IMPORT_RUNS },
	{ "rightupdown", RUN, IMPORT_RUNS },
	{ "leftfirewall", RUN, IMPORT_RUNS },
	{ "rightfirewall", RUN, IMPORT_RUNS },
	{ "compress", "compression is not done", IMPORT_LEFT },
	{ "ah", "AH is not done", IMPORT_LEFT },
};

/* How strongSwan and libreswan go about what is done here anyhow. */
static const char *const quiet[] = { "auto", "keyingtries", "rekey", "rekeymargin", "rekeyfuzz",
	"margintime", "dpdaction", "dpdtimeout", "closeaction", "reauth", "narrowing",
	"installpolicy", "initial-contact", "retransmit-timeout", "nat-keepalive", "sha2-truncbug",
	"modecfgpull", "modecfgdns", "eap_identity", "aaa_identity", "xauth_identity", "xauth",
	"leftsendcert", "rightsendcert", "leftnexthop", "rightnexthop", "leftprotoport",
	"rightprotoport", "leftxauthserver", "rightxauthserver", "leftmodecfgserver",
	"rightmodecfgserver", "leftdns", "rightsourceip", "leftallowany", "rightallowany",
	"lefthostaccess", "righthostaccess" };

static void tell_rest(struct ipsec_conn *c, unsigned includes)
{
	for (size_t i = 0; i < ARRAY_LEN(quiet); i++)
		ipsec_value(c, "", quiet[i]);
	for (size_t i = 0; i < c->n; i++)
		keyfile_tell(c->k, c->chain[i], left, ARRAY_LEN(left), c->p);
	if (includes > 0)
		import_note(c->p, IMPORT_LEFT, "include", "other files were not read");
}

/* --- the file ------------------------------------------------------------------------------------------------------ */

/* What others take over and is never started itself. */
static bool is_pattern(struct keyfile *k, const char *name)
{
	bool taken = false;

	for (size_t i = 0; i < k->n; i++)
		taken |= k->v[i].key && strcasecmp(k->v[i].key, "also") == 0 &&
			strcmp(k->v[i].value, name) == 0 && strcmp(k->v[i].section, name) != 0;
	return taken && !keyfile_value(k, name, "auto");
}

static bool read_conn(struct ipsec_file *f, const char *name, struct import *im, struct err *e)
{
	struct ipsec_conn c;

	ipsec_chain(&c, f, name);
	if (is_pattern(&f->k, name) || !is_client(&c))
		return true;
	c.p = import_begin(im, name, e);
	if (!c.p)
		return false;
	set_type(&c);
	set_auth(&c);
	set_rest(&c);
	tell_rest(&c, f->includes);
	return true;
}

bool import_ipsec(struct bytes file, struct import *im, struct err *e)
{
	struct ipsec_file f;
	size_t conns = 0;

	bool ok = ipsec_read(&f, file, e);
	if (!ok)
		return false;
	for (size_t i = 0; ok && i < f.k.n; i++) {
		const struct keyfile_line *l = &f.k.v[i];
		if (l->key || strcmp(l->value, "conn") != 0 || strcmp(l->section, "%default") == 0)
			continue;
		ok = ++conns <= IPSEC_CONNS_MAX ?
			read_conn(&f, l->section, im, e) :
			err_set(e, ERR_CONFIG, "more than %d connections", IPSEC_CONNS_MAX);
	}
	ipsec_free(&f);
	return ok &&
		(im->n > 0 ||
			err_set(e, ERR_CONFIG,
				"none of its connections calls a gateway by its name or address"));
}
