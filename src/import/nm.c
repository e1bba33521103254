#include "nm.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/types.h"
#include "cisco.h"
#include "foreign.h"

/* NetworkManager's keyfiles of VPNs: [connection] names it, [vpn] says which plug-in it is for and what that
 * one wants, [ipv4] and [ipv6] what is to be done with the network. */

/* --- words ------------------------------------------------------------------------------------------------ */

const char *nm_word(struct keyfile *k, const char *key)
{
	const char *value = keyfile_value(k, "vpn", key);
	const char *secret = keyfile_value(k, "vpn-secrets", key);

	return value ? value : secret;
}

bool nm_is(struct keyfile *k, const char *key, const char *value)
{
	const char *has = nm_word(k, key);

	return has && strcasecmp(has, value) == 0;
}

void nm_set(struct import_profile *p, struct keyfile *k, const char *key, const char *section,
	const char *our_key)
{
	const char *value = nm_word(k, key);

	if (value)
		import_set(p, section, our_key, "%s", value);
}

void nm_gateway(struct import_profile *p, struct keyfile *k, const char *key)
{
	const char *value = nm_word(k, key);

	if (value)
		import_set(p, "connection", "gateway", "%s", value);
	else
		import_note(p, IMPORT_TODO, key, "no gateway is named: connection.gateway");
}

void nm_proposals(struct import_profile *p, struct keyfile *k, const char *key, const char *section)
{
	const char *value = nm_word(k, key);
	char list[IMPORT_VALUE_MAX];

	if (!value)
		return;
	if (strlen(value) >= sizeof(list)) {
		import_note(p, IMPORT_LEFT, key, "the list is too long");
		return;
	}
	snprintf(list, sizeof(list), "%s", value);
	for (char *c = list; *c; c++)
		if (*c == ';' || *c == '!')
			*c = ',';
	foreign_proposals(p, section, key, list);
}

void nm_secret(struct import_profile *p, struct keyfile *k, const char *key, const char *our_key)
{
	char flags[64];
	const char *value = nm_word(k, key);

	snprintf(flags, sizeof(flags), "%s-flags", key);
	const char *kept = nm_word(k, flags);
	if (value)
		import_set(p, "secrets", our_key, "%s", value);
	else if (kept && (*kept == '1' || *kept == '0'))
		import_note(p, IMPORT_TODO, key,
			"it is in the desktop's keyring, or in no file: secrets.%s, or it is asked for",
			our_key);
}

/* \s, \n, \t, \r and \\; before anything else (as "\;" in lists) the backslash goes. */
static void unescape(struct keyfile *k)
{
	static const char letters[] = "sntr", means[] = " \n\t\r";

	for (size_t i = 0; i < k->n; i++) {
		if (!k->v[i].key)
			continue;
		char *to = k->text + (k->v[i].value - k->text);
		for (const char *from = to; *from; from++) {
			const char *is = NULL;
			if (*from == '\\' && from[1])
				is = strchr(letters, *++from);
			*to++ = is ? means[is - letters] : *from;
		}
		*to = 0;
	}
}

/* --- the network ------------------------------------------------------------------------------------------- */

static const struct keyfile_word ip_words[] = {
	{ "method", NULL, 0 },
	{ "dns-priority", NULL, 0 },
	{ "may-fail", NULL, 0 },
	{ "addr-gen-mode", NULL, 0 },
	{ "ip6-privacy", NULL, 0 },
	{ "ignore-auto-dns", NULL, 0 },
	{ "ignore-auto-routes", NULL, 0 },
	{ "never-default", NULL, 0 },
	{ "route-metric", NULL, 0 },
};

static bool is_on(struct keyfile *k, const char *section, const char *key)
{
	const char *value = keyfile_value(k, section, key);

	return value && (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

/* route1=PREFIX[,gateway[,metric]]; what follows says nothing in a tunnel. */
static void add_routes(struct keyfile *k, const char *section, struct foreign_list *routes)
{
	char key[16], prefix[64];

	for (unsigned i = 1; i <= 64; i++) {
		snprintf(key, sizeof(key), "route%u", i);
		const char *value = keyfile_value(k, section, key);
		if (!value)
			continue;
		snprintf(prefix, sizeof(prefix), "%.*s", (int)strcspn(value, ",;"), value);
		foreign_add(routes, prefix);
	}
}

static void read_network(struct import_profile *p, struct keyfile *k)
{
	static const char *const sections[] = { "ipv4", "ipv6" };
	struct foreign_list dns = { .p = p, .what = "dns", .is = foreign_is_address };
	struct foreign_list routes = { .p = p, .what = "routes", .is = foreign_is_prefix };
	struct foreign_list domains = { .p = p, .what = "dns-search", .is = foreign_is_domain };
	bool split = false;

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		const char *names = keyfile_value(k, sections[i], "dns");
		const char *search = keyfile_value(k, sections[i], "dns-search");
		foreign_add(&dns, names ? names : "");
		foreign_add(&domains, search ? search : "");
		add_routes(k, sections[i], &routes);
		split |= is_on(k, sections[i], "never-default") ||
			is_on(k, sections[i], "ignore-auto-routes");
		keyfile_tell(k, sections[i], ip_words, ARRAY_LEN(ip_words), p);
	}
	foreign_set(&dns, "network", "dns");
	foreign_set(&domains, "network", "domains");
	if (split)
		foreign_set(&routes, "network", "routes");
	if (split && !routes.kept[0])
		import_note(p, IMPORT_TODO, "never-default",
			"not everything is to go through the tunnel: network.routes says what is");
	else if (!split && routes.kept[0])
		import_note(p, IMPORT_LEFT, "routes",
			"%s: they come on top of what the gateway agrees to, which is all routed",
			routes.kept);
}

/* --- the kinds ----------------------------------------------------------------------------------------------- */

static const char service[] = "org.freedesktop.NetworkManager.";

static const struct {
	const char *name, *type; /* type: of ours; NULL: vpnc's words */
	void (*read)(struct import_profile *p, struct keyfile *k);
} kinds[] = {
	{ "strongswan", "ikev2", nm_strongswan },
	{ "l2tp", "l2tp", nm_l2tp },
	{ "vpnc", NULL, NULL },
};

static bool read_kind(
	struct import *im, struct keyfile *k, const char *kind, const char *name, struct err *e)
{
	char shown[64];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].name, kind) != 0)
			continue;
		if (!kinds[i].read)
			return cisco_vpnc(im, name, k, e);
		struct import_profile *p = import_begin(im, name, e);
		if (!p)
			return false;
		import_set(p, "connection", "type", "%s", kinds[i].type);
		kinds[i].read(p, k);
		return true;
	}
	return err_set(e, ERR_CONFIG, "a VPN of the kind %s, which is not ours",
		text_safe(shown, sizeof(shown), kind, strlen(kind)));
}

bool import_nm(struct bytes file, struct import *im, struct err *e)
{
	size_t n = strlen(service);
	struct keyfile k;

	if (!keyfile_read(&k, file, e))
		return false;
	unescape(&k);
	const char *type = keyfile_value(&k, "vpn", "service-type");
	const char *name = keyfile_value(&k, "connection", "id");
	bool ok = type ?
		read_kind(im, &k, strncmp(type, service, n) == 0 ? type + n : type,
			name ? name : "", e) :
		err_set(e, ERR_CONFIG, "no VPN of NetworkManager: [vpn] service-type is missing");
	if (ok)
		read_network(im->v[0], &k);
	keyfile_free(&k);
	return ok;
}
