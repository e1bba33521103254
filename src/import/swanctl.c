#include "import/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/secret.h"
#include "base/types.h"
#include "base64.h"
#include "conf.h"
#include "foreign.h"

/*
 * swanctl.conf(5) of strongSwan, as a client has it: each connection that calls somewhere (remote_addrs) becomes
 * a profile, with its first child and the secrets that it would use. Files it names by their names lie in
 * folders of /etc/swanctl, and stay there.
 */

struct source {
	const struct conf *c;
	const struct conf_node *conn, *local, *login, *remote, *child;
	struct import_profile *p;
};

static const char *of(const struct source *s, const struct conf_node *section, const char *key)
{
	return section ? conf_value(s->c, section, key) : NULL;
}

static bool says(const char *value, const char *word)
{
	return value && strcasecmp(value, word) == 0;
}

static bool is_no(const char *value)
{
	return says(value, "no") || says(value, "false") || says(value, "0");
}

static bool is_yes(const char *value)
{
	return says(value, "yes") || says(value, "true") || says(value, "1");
}

/* --- whom to call ------------------------------------------------------------------------------------------ */

static void set_gateway(struct source *s)
{
	struct foreign_list list = { .p = s->p, .what = "remote_addrs", .is = foreign_is_gateway };
	const char *port = of(s, s->conn, "remote_port");

	foreign_add(&list, of(s, s->conn, "remote_addrs"));
	foreign_set(&list, "connection", "gateway");
	if (port && strcmp(port, "500") != 0 && strcmp(port, "4500") != 0)
		import_set(s->p, "connection", "port", "%s", port);
	if (is_yes(of(s, s->conn, "encap")))
		import_set(s->p, "connection", "encapsulation", "yes");
}

static bool is_l2tp(const struct source *s)
{
	const char *ts = of(s, s->child, "remote_ts");

	return says(of(s, s->child, "mode"), "transport") && ts && foreign_is_l2tp(ts);
}

static bool is_v1(const struct source *s)
{
	return says(of(s, s->conn, "version"), "1");
}

/* --- who is who -------------------------------------------------------------------------------------------- */

/* What stands in one of the folders of swanctl. */
static void set_file(struct source *s, const char *key, const char *folder, const char *file)
{
	const char *section = strncmp(key, "remote.", 7) == 0 ? "remote" : "local";

	import_set(s->p, section, strchr(key, '.') + 1, "%s%s%s", file[0] == '/' ? "" : folder,
		file[0] == '/' ? "" : "/", file);
}

/* The first of a list; others are told of. */
static bool first_of(struct source *s, const char *what, const char *list, char out[256])
{
	size_t n = strcspn(list, ",");

	snprintf(out, 256, "%.*s", (int)(n < 255 ? n : 255), list);
	if (list[n])
		import_note(s->p, IMPORT_TODO, what, "it names several; a profile has one");
	return out[0] != 0;
}

/* One of the files of a list, or, without it, of the sections that are called like one of it. */
static bool file_of(struct source *s, const struct conf_node *section, const char *list,
	const char *begins, char out[256])
{
	const char *names = of(s, section, list);
	const struct conf_node *n;
	struct conf_walk w;

	if (names)
		return first_of(s, list, names, out);
	out[0] = 0;
	conf_walk(&w, s->c, section, begins, true);
	while ((n = conf_next(&w))) {
		const char *file = of(s, n, "file");
		if (out[0])
			import_note(s->p, IMPORT_TODO, n->name, "another file; a profile has one");
		else if (!file)
			import_note(s->p, IMPORT_TODO, n->name,
				"it is in the keeping of a token, and no file");
		else
			snprintf(out, 256, "%s", file);
	}
	return out[0] != 0;
}

/* The first section of a key: its kind names the folder that the file is in. */
static const struct conf_node *key_section(struct source *s, const char **kind)
{
	static const char *const kinds[] = { "private", "rsa", "ecdsa", "pkcs8", "pkcs12" };
	const struct conf_node *secrets = conf_section(s->c, s->c->root, "secrets"), *n,
			       *found = NULL;
	struct conf_walk w;
	size_t keys = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		conf_walk(&w, s->c, secrets, kinds[i], true);
		while ((n = conf_next(&w))) {
			if (!of(s, n, "file") || keys++ > 0)
				continue;
			found = n;
			*kind = kinds[i];
		}
	}
	if (keys > 1)
		import_note(s->p, IMPORT_TODO, "local.key",
			"there are %zu keys in the file: the first was taken", keys);
	return found;
}

static void set_key(struct source *s, bool certificate)
{
	const char *kind = "", *pass;
	const struct conf_node *n = key_section(s, &kind);
	char folder[64];

	if (!n) {
		import_note(s->p, IMPORT_TODO, "local.key",
			"the key of that certificate, probably a file in /etc/swanctl/private");
		return;
	}
	snprintf(folder, sizeof(folder), "/etc/swanctl/%s", kind);
	if (strcmp(kind, "pkcs12") == 0 && !certificate)
		set_file(s, "local.certificate", folder, of(s, n, "file"));
	else
		set_file(s, "local.key", folder, of(s, n, "file"));
	pass = of(s, n, "secret");
	if (pass)
		import_set(s->p, "secrets", "key-passphrase", "%s", pass);
}

static void set_certificate(struct source *s)
{
	char file[256];
	bool named = file_of(s, s->local, "certs", "cert", file);

	if (named)
		set_file(s, "local.certificate", "/etc/swanctl/x509", file);
	set_key(s, named);
	if (!import_get(s->p, "local", "certificate"))
		import_note(s->p, IMPORT_TODO, "local.certificate",
			"our certificate: none is named; PEM or PKCS#12");
}

/* The methods that there are here; "eap" alone leaves it to the two sides. */
static void set_eap(struct source *s, const char *auth)
{
	const char *method = auth[3] == '-' ? auth + 4 : "";

	if (!*method || says(method, "dynamic") || says(method, "radius"))
		return;
	import_set(s->p, "local", "eap", "%s", method);
}

/* Whom the server of EAP must prove to be; without it the gateway, as here. */
static void set_eap_server(struct source *s, const char *id)
{
	if (id[0] != '%')
		import_set(s->p, "remote", "eap-id", "%s", id);
}

/* The ways of IKEv1 have a second round for the login. */
static const char *auth_of(struct source *s)
{
	const char *first = of(s, s->local, "auth");
	bool psk = says(first, "psk");

	if (first && strncasecmp(first, "xauth", 5) == 0)
		return "hybrid";
	if (s->login)
		return psk ? "xauth-psk" : "xauth-cert";
	if (first && strncasecmp(first, "eap", 3) == 0)
		return "eap";
	return psk ? "psk" : "cert";
}

static void set_login(struct source *s)
{
	static const char *const keys[] = { "eap_id", "xauth_id" };
	const struct conf_node *sections[] = { s->login, s->local };
	const char *id = NULL;

	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		for (size_t k = 0; k < ARRAY_LEN(keys) && !id; k++)
			id = of(s, sections[i], keys[k]);
	if (!id && !s->login)
		id = of(s, s->local, "id"); /* which is what EAP says where there is no other */
	if (id && id[0] != '%')
		import_set(s->p, "secrets", "user", "%s", id);
}

static void set_local(struct source *s)
{
	const char *auth = auth_of(s), *id = of(s, s->local, "id"), *raw = of(s, s->local, "auth");

	import_set(s->p, "local", "auth", "%s", auth);
	if (id && id[0] != '%')
		foreign_identity(s->p, "local", id);
	if (strcmp(auth, "eap") == 0)
		set_eap(s, raw);
	if (strstr(auth, "cert") || foreign_is_eap_tls(s->p))
		set_certificate(s);
	if (strcmp(auth, "eap") == 0 && of(s, s->local, "aaa_id"))
		set_eap_server(s, of(s, s->local, "aaa_id"));
	if (strstr(auth, "eap") || strstr(auth, "xauth") || strcmp(auth, "hybrid") == 0)
		set_login(s);
}

/* strongSwan asks, where nothing is said, and goes on where nobody answers. */
static void set_revocation(struct source *s)
{
	const char *policy = of(s, s->remote, "revocation");

	import_set(s->p, "remote", "revocation", "%s", says(policy, "strict") ? "hard" : "soft");
	if (says(policy, "ifuri"))
		foreign_ifuri(s->p, "revocation");
}

static void set_remote(struct source *s)
{
	const char *auth = of(s, s->remote, "auth"), *id = of(s, s->remote, "id");
	const char *keys = of(s, s->remote, "pubkeys");
	char file[256];

	if (id && strchr(id, '*'))
		import_note(s->p, IMPORT_TODO, "remote.id",
			"%s is a pattern; a profile has one name", id);
	else if (id && id[0] != '%')
		foreign_identity(s->p, "remote", id);
	import_set(s->p, "remote", "auth", "%s", says(auth, "psk") ? "psk" : "cert");
	if (says(auth, "psk"))
		return;
	if (auth && !says(auth, "pubkey"))
		foreign_strength(s->p, "remote.auth", auth);
	if (file_of(s, s->remote, "certs", "cert", file))
		set_file(s, "remote.certificate", "/etc/swanctl/x509", file);
	else if (keys && first_of(s, "pubkeys", keys, file))
		set_file(s, "remote.certificate", "/etc/swanctl/pubkey", file);
	else if (file_of(s, s->remote, "cacerts", "cacert", file))
		set_file(s, "remote.ca", "/etc/swanctl/x509ca", file);
	else
		import_set(s->p, "remote", "ca", "/etc/swanctl/x509ca"); /* all there are in it */
	if (!import_get(s->p, "remote", "certificate"))
		set_revocation(s);
}

/* --- secrets ------------------------------------------------------------------------------------------------- */

/* By one of its id, id1, id-a, ...; or (whom NULL) it has none or %any, and is for whoever comes. */
static bool is_for(const struct source *s, const struct conf_node *secret, const char *whom)
{
	const struct conf_node *n;
	struct conf_walk w;

	conf_walk(&w, s->c, secret, "id", false);
	n = conf_next(&w);
	if (!whom && !n)
		return true;
	while (n && strcmp(n->value, whom ? whom : "%any") != 0)
		n = conf_next(&w);
	return n != NULL;
}

static const char *secret_for(const struct source *s, const char *kind, const char *whom)
{
	const struct conf_node *n;
	struct conf_walk w;

	conf_walk(&w, s->c, conf_section(s->c, s->c->root, "secrets"), kind, true);
	while ((n = conf_next(&w)))
		if (of(s, n, "secret") && is_for(s, n, whom))
			return of(s, n, "secret");
	return NULL;
}

/* The shared key: for the gateway by its identity or address, for us, or for anybody. */
static const char *shared_key(const struct source *s)
{
	char gateway[256] = "";
	const char *hosts = of(s, s->conn, "remote_addrs");
	const char *const whom[] = { of(s, s->remote, "id"), gateway, of(s, s->local, "id") };
	const char *found = NULL;

	snprintf(gateway, sizeof(gateway), "%.*s", (int)strcspn(hosts, ", "), hosts);
	for (size_t i = 0; i < ARRAY_LEN(whom) && !found; i++)
		found = whom[i] ? secret_for(s, "ike", whom[i]) : NULL;
	return found ? found : secret_for(s, "ike", NULL);
}

static const char *password_of(const struct source *s, const char *user)
{
	static const char *const kinds[] = { "eap", "xauth" };
	const char *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(kinds) && !found; i++)
		found = secret_for(s, kinds[i], user);
	return found;
}

/* "0x..." and "0s..." stand for octets. malloc'ed, NULL where it is none of them. */
static uint8_t *decoded(const char *text, size_t *n)
{
	size_t room = strlen(text);

	if (strncmp(text, "0s", 2) == 0)
		return base64_decode(text + 2, n);
	if (strncasecmp(text, "0x", 2) != 0)
		return NULL;
	uint8_t *out = calloc(1, room);
	if (out && octets_from_hex(out, room, n, text + 2) && *n > 0)
		return out;
	base64_free(out, out ? room : 0);
	return NULL;
}

/* As a value where it can be one; of the shared key also as a file, which holds any octets but line ends. */
static void set_secret(struct source *s, const char *key, const char *text)
{
	size_t n = 0;
	uint8_t *octets = decoded(text, &n);
	bool plain = octets && strlen((char *)octets) == n;

	for (size_t i = 0; i < n && plain; i++)
		plain = octets[i] >= 0x20 && octets[i] < 0x7f;
	if (!octets)
		import_set(s->p, "secrets", key, "%s", text);
	else if (plain)
		import_set(s->p, "secrets", key, "%s", (char *)octets);
	else if (strcmp(key, "psk") == 0 && !memchr(octets, 0, n) && !memchr(octets, '\n', n) &&
		!memchr(octets, '\r', n))
		import_attach(s->p, "secrets", "psk-file", "psk", (struct bytes){ octets, n });
	else
		import_note(
			s->p, IMPORT_TODO, key, "it is made of octets that a profile cannot hold");
	base64_free(octets, octets ? n : 0);
}

static void set_secrets(struct source *s)
{
	const char *user = import_get(s->p, "secrets", "user"), *ppk_id = of(s, s->conn, "ppk_id");
	const char *psk = shared_key(s), *word = user ? password_of(s, user) : NULL;
	const char *ppk = ppk_id ? secret_for(s, "ppk", ppk_id) : NULL;
	bool by_psk = says(of(s, s->local, "auth"), "psk") || says(of(s, s->remote, "auth"), "psk");

	if (by_psk && psk)
		set_secret(s, "psk", psk);
	else if (by_psk)
		import_note(s->p, IMPORT_TODO, "secrets.psk", "the shared key is not in the file");
	if (word)
		set_secret(s, "password", word);
	if (ppk_id)
		import_set(s->p, "secrets", "ppk-id", "%s", ppk_id);
	if (ppk)
		set_secret(s, "ppk", ppk);
}

/* --- IKE and ESP --------------------------------------------------------------------------------------------- */

static void set_time(struct source *s, const struct conf_node *section, const char *key,
	const char *our_section, const char *our_key)
{
	const char *value = of(s, section, key);

	if (value && strcmp(value, "0") != 0 && strcmp(value, "0s") != 0)
		import_set(s->p, our_section, our_key, "%s", value);
}

/* 0.0.0.0 and :: ask for any address of that kind, as auto does. */
static void set_address(struct source *s)
{
	struct foreign_list list = { .p = s->p, .what = "vips", .is = foreign_is_address };
	const char *vips = of(s, s->conn, "vips");

	if (!vips) {
		import_set(s->p, "network", "address", "none");
		return;
	}
	if (strstr(vips, "0.0.0.0") || strstr(vips, "::,") || strcmp(vips, "::") == 0)
		return;
	foreign_add(&list, vips);
	foreign_set(&list, "network", "address");
}

static void set_ike(struct source *s)
{
	const char *proposals = of(s, s->conn, "proposals");

	if (proposals && strcmp(proposals, "default") != 0)
		foreign_proposals(s->p, "ike", "proposals", proposals);
	set_time(s, s->conn, "reauth_time", "ike", "lifetime");
	set_time(s, s->conn, "rekey_time", "ike", "lifetime");
	set_time(s, s->conn, "dpd_delay", "ike", "dpd-interval");
	if (is_no(of(s, s->conn, "fragmentation")))
		import_set(s->p, "ike", "fragmentation", "no");
	if (is_no(of(s, s->conn, "mobike")))
		import_set(s->p, "ike", "mobike", "no");
	if (is_v1(s) && is_yes(of(s, s->conn, "aggressive")))
		import_set(s->p, "ike", "aggressive", "yes");
	if (is_v1(s) && is_no(of(s, s->conn, "pull")))
		import_set(s->p, "ike", "mode-config", "push");
}

/* "dynamic" is our address, or the gateway's. */
static void set_selectors(struct source *s, const char *key, const char *our_key)
{
	const char *ts = of(s, s->child, key);

	if (ts && !strstr(ts, "dynamic"))
		foreign_selectors(s->p, our_key, ts);
}

static void set_esp(struct source *s)
{
	const char *proposals = of(s, s->child, "esp_proposals");
	const char *window = of(s, s->child, "replay_window");

	if (proposals && strcmp(proposals, "default") != 0)
		foreign_proposals(s->p, "esp", "esp_proposals", proposals);
	set_time(s, s->child, "rekey_time", "esp", "lifetime");
	if (window)
		import_set(s->p, "esp", "replay-window", "%s", window);
	if (is_l2tp(s))
		return;
	if (says(of(s, s->child, "mode"), "transport"))
		import_set(s->p, "esp", "mode", "transport");
	set_selectors(s, "local_ts", "local-ts");
	set_selectors(s, "remote_ts", "remote-ts");
}

/* --- what is left ---------------------------------------------------------------------------------------------- */

/* Those that were looked at, and those that say how strongSwan goes about what is done here anyhow. */
static const char *const known[] = { "version", "remote_addrs", "remote_port", "encap", "proposals",
	"vips", "reauth_time", "rekey_time", "dpd_delay", "fragmentation", "mobike", "aggressive",
	"pull", "ppk_id", "ppk_required", "auth", "id", "eap_id", "aaa_id", "xauth_id", "certs",
	"cacerts", "pubkeys", "round", "esp_proposals", "replay_window", "mode", "local_ts",
	"remote_ts", "send_certreq", "send_cert", "dpd_timeout", "dpd_action", "start_action",
	"close_action", "keyingtries", "over_time", "rand_time", "life_time", "unique", "policies",
	"local_port", "file", "secret", "revocation" };

static void tell_rest_of(struct source *s, const struct conf_node *section, const char *where)
{
	const struct conf_node *n;
	struct conf_walk w;
	char what[128];

	conf_walk(&w, s->c, section, "", false);
	while ((n = conf_next(&w))) {
		bool is_known = false;
		for (size_t i = 0; i < ARRAY_LEN(known) && !is_known; i++)
			is_known = strcmp(n->name, known[i]) == 0;
		if (is_known)
			continue;
		snprintf(what, sizeof(what), "%s%s", where, n->name);
		if (strcmp(n->name, "updown") == 0)
			import_note(s->p, IMPORT_RUNS, what, "it would run a program");
		else
			import_note(s->p, IMPORT_LEFT, what, "has no counterpart");
	}
}

static bool is_tunnel(const struct source *s, const struct conf_node *child)
{
	const char *mode = of(s, child, "mode");

	return !says(mode, "pass") && !says(mode, "drop");
}

static void tell_rest(struct source *s)
{
	const struct conf_node *n;
	struct conf_walk w;

	tell_rest_of(s, s->conn, "");
	tell_rest_of(s, s->local, "local.");
	tell_rest_of(s, s->remote, "remote.");
	tell_rest_of(s, s->child, "children.");
	conf_walk(&w, s->c, conf_section(s->c, s->conn, "children"), "", true);
	while ((n = conf_next(&w)))
		if (!is_tunnel(s, n))
			import_note(s->p, IMPORT_TODO, n->name,
				"lets pass or stops what is no tunnel's: network.exclude names what stays "
				"outside of it");
		else if (n != s->child)
			import_note(s->p, IMPORT_TODO, n->name,
				"another child: a profile has one; its networks may go to esp.remote-ts");
	if (s->c->includes)
		import_note(s->p, IMPORT_LEFT, "include", "other files were not read");
}

/* --- the file ---------------------------------------------------------------------------------------------------- */

/* The rounds of who proves what, in their order: the first, and one of a login. */
static void find_rounds(struct source *s)
{
	const struct conf_node *n;
	struct conf_walk w;

	conf_walk(&w, s->c, s->conn, "local", true);
	while ((n = conf_next(&w))) {
		const char *auth = of(s, n, "auth");
		bool xauth = auth && strncasecmp(auth, "xauth", 5) == 0;
		if (!s->local)
			s->local = n;
		else if (xauth)
			s->login = n;
		else if (strncasecmp(of(s, s->local, "auth") ? of(s, s->local, "auth") : "",
				 "xauth", 5) == 0) {
			s->login = s->local;
			s->local = n;
		} else {
			import_note(s->p, IMPORT_TODO, n->name,
				"a second round of proving who we are, which there is not here");
		}
	}
	conf_walk(&w, s->c, s->conn, "remote", true);
	s->remote = conf_next(&w);
	while ((n = conf_next(&w)))
		import_note(s->p, IMPORT_TODO, n->name,
			"a second round of proving who the gateway is, which there is not here");
	conf_walk(&w, s->c, conf_section(s->c, s->conn, "children"), "", true);
	while ((s->child = conf_next(&w)) && !is_tunnel(s, s->child))
		;
}

static bool is_client(const struct conf *c, const struct conf_node *conn)
{
	const char *hosts = conf_value(c, conn, "remote_addrs");
	char one[256];

	while (hosts && *hosts) {
		size_t n = strcspn(hosts, ", ");
		snprintf(one, sizeof(one), "%.*s", (int)(n < 255 ? n : 255), hosts);
		if (one[0] && foreign_is_gateway(one))
			return true;
		hosts += n + (hosts[n] != 0);
	}
	return false;
}

static bool read_connection(
	const struct conf *c, const struct conf_node *conn, struct import *im, struct err *e)
{
	struct source s = { .c = c, .conn = conn, .p = import_begin(im, conn->name, e) };

	if (!s.p)
		return false;
	find_rounds(&s);
	import_set(s.p, "connection", "type", is_l2tp(&s) ? "l2tp" : is_v1(&s) ? "ikev1" : "ikev2");
	set_gateway(&s);
	set_local(&s);
	set_remote(&s);
	set_ike(&s);
	set_esp(&s);
	if (!is_l2tp(&s))
		set_address(&s);
	set_secrets(&s);
	tell_rest(&s);
	return true;
}

bool import_swanctl(struct bytes file, struct import *im, struct err *e)
{
	const struct conf_node *conn;
	struct conf_walk w;
	struct conf c;
	bool ok = true;

	if (!conf_read(&c, file, e))
		return false;
	conf_walk(&w, &c, conf_section(&c, c.root, "connections"), "", true);
	while (ok && (conn = conf_next(&w)))
		ok = !is_client(&c, conn) || read_connection(&c, conn, im, e);
	conf_free(&c);
	if (ok && im->n == 0)
		return err_set(
			e, ERR_CONFIG, "none of its connections calls a gateway (remote_addrs)");
	return ok;
}
