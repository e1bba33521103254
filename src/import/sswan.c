#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "base/types.h"
#include "base64.h"
#include "foreign.h"
#include "crypto/cert.h"

/* Profiles of strongSwan's app for Android: one object of JSON. */

enum { FILE_MAX = 4 << 20 };

enum way { WAY_EAP, WAY_CERT, WAY_EAP_TLS };

static const struct {
	const char *type;
	enum way way;
	const char *left; /* what of it is not done, or NULL */
} types[] = {
	{ "ikev2-eap", WAY_EAP, NULL },
	{ "ikev2-cert", WAY_CERT, NULL },
	{ "ikev2-eap-tls", WAY_EAP_TLS, NULL },
	{ "ikev2-byod-eap", WAY_EAP,
		"the gateway is not told of the device's health; it may shut us off" },
};

struct key {
	const char *key;
	const char *why; /* NULL: it is carried over, or says nothing to us */
};

static const struct key top_keys[] = {
	{ "uuid", NULL },
	{ "name", NULL },
	{ "type", NULL },
	{ "remote", NULL },
	{ "local", NULL },
	{ "ike-proposal", NULL },
	{ "esp-proposal", NULL },
	{ "dns-servers", NULL },
	{ "mtu", NULL },
	{ "split-tunneling", NULL },
	{ "ipv6-transport", NULL },
	{ "nat-keepalive", "is not to be set here" },
	{ "apps", "the tunnel is for the whole machine, not for certain programs" },
	{ "excluded-apps", "the tunnel is for the whole machine, not for certain programs" },
};

static const struct key remote_keys[] = {
	{ "addr", NULL },
	{ "port", NULL },
	{ "id", NULL },
	{ "cert", NULL },
	{ "certreq", NULL },
	{ "revocation", NULL },
};

static const struct key local_keys[] = {
	{ "id", NULL },
	{ "eap_id", NULL },
	{ "p12", NULL },
	{ "rsa-pss", NULL },
};

static const struct key split_keys[] = {
	{ "subnets", NULL },
	{ "excluded", NULL },
	{ "block-ipv4", "network.killswitch = yes lets nothing out past the tunnel" },
	{ "block-ipv6", "network.killswitch = yes lets nothing out past the tunnel" },
};

/* false and null are said by leaving the key out as well. */
static bool says_nothing(const json_t *value)
{
	return json_is_false(value) || json_is_null(value);
}

static void tell(struct import_profile *p, json_t *object, const char *name, const struct key *keys,
	size_t n)
{
	char what[64], shown[40];
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		const char *why = "has no counterpart in our profiles";
		for (size_t i = 0; i < n; i++)
			if (strcmp(keys[i].key, key) == 0)
				why = keys[i].why;
		if (!why || says_nothing(value))
			continue;
		text_safe(shown, sizeof(shown), key, strlen(key));
		snprintf(what, sizeof(what), "%s%s%s", name, name[0] ? "." : "", shown);
		import_note(p, IMPORT_LEFT, what, "%s", why);
	}
}

/* A string that is not empty, or NULL. */
static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && text[0] ? text : NULL;
}

static uint8_t *data_at(const json_t *object, const char *key, size_t *n)
{
	const char *text = text_at(object, key);

	return text ? base64_decode(text, n) : NULL;
}

static void set_text(struct import_profile *p, const char *section, const char *key,
	const json_t *object, const char *from)
{
	const char *text = text_at(object, from);

	if (text)
		import_set(p, section, key, "%s", text);
}

static void set_number(struct import_profile *p, const char *section, const char *key,
	const json_t *object, const char *from, json_int_t lo, json_int_t hi)
{
	const json_t *value = json_object_get(object, from);

	if (!value)
		return;
	if (json_is_integer(value) && json_integer_value(value) >= lo &&
		json_integer_value(value) <= hi)
		import_set(p, section, key, "%lld", (long long)json_integer_value(value));
	else
		import_note(p, IMPORT_LEFT, from, "is no number from %lld to %lld", (long long)lo,
			(long long)hi);
}

/* A string, or an array of strings. */
static void read_list(struct import_profile *p, const json_t *value, const char *what,
	bool (*is)(const char *word), const char *key)
{
	struct foreign_list list = { .p = p, .what = what, .is = is };
	size_t i;
	json_t *one;

	if (json_is_string(value))
		foreign_add(&list, json_string_value(value));
	json_array_foreach(value, i, one) if (json_is_string(one))
		foreign_add(&list, json_string_value(one));
	foreign_set(&list, "network", key);
}

/* --- the two sides ----------------------------------------------------------------------------------- */

/* The gateway's own certificate is pinned; another one is a CA. */
static void read_gateway_cert(struct import_profile *p, const json_t *remote)
{
	const char *id = text_at(remote, "id"), *addr = text_at(remote, "addr");
	struct foreign_ca ca = { 0 };
	size_t n = 0;
	uint8_t *der = data_at(remote, "cert", &n);

	if (der && foreign_ca_add(&ca, (struct bytes){ der, n }))
		foreign_ca_attach(
			&ca, p, cert_proves_host(ca.v[0], id ? id : addr) ? "certificate" : "ca");
	else if (json_object_get(remote, "cert"))
		import_note(p, IMPORT_TODO, "remote.cert",
			"is no certificate: name the gateway's CA in remote.ca, where this system "
			"does not believe it");
	foreign_ca_free(&ca);
	base64_free(der, n);
}

/* Both ways are on there where they are not named. Who is pinned is not asked about here. */
static void read_revocation(struct import_profile *p, const json_t *how)
{
	if (import_get(p, "remote", "certificate"))
		return;
	bool off = json_is_false(json_object_get(how, "crl")) &&
		json_is_false(json_object_get(how, "ocsp"));
	bool strict = json_is_true(json_object_get(how, "strict"));
	import_set(p, "remote", "revocation", "%s", off ? "off" : strict ? "hard" : "soft");
}

static void read_remote(struct import_profile *p, const json_t *remote)
{
	set_text(p, "connection", "gateway", remote, "addr");
	set_number(p, "connection", "port", remote, "port", 1, 65535);
	if (text_at(remote, "id"))
		foreign_identity(p, "remote", text_at(remote, "id"));
	read_gateway_cert(p, remote);
	read_revocation(p, json_object_get(remote, "revocation"));
}

static void read_local(struct import_profile *p, const json_t *local, enum way way)
{
	size_t n = 0;

	if (text_at(local, "id"))
		foreign_identity(p, "local", text_at(local, "id"));
	if (way != WAY_CERT)
		set_text(p, "secrets", "user", local, "eap_id");
	if (way == WAY_EAP)
		return;
	uint8_t *p12 = data_at(local, "p12", &n);
	if (p12)
		import_attach(p, "local", "certificate", "p12", (struct bytes){ p12, n });
	else
		import_note(p, IMPORT_TODO, "local.p12",
			"our certificate and key are not in the file: name them in "
			"local.certificate and local.key");
	base64_free(p12, n);
}

/* --- the rest ---------------------------------------------------------------------------------------- */

static void read_network(struct import_profile *p, json_t *profile)
{
	json_t *split = json_object_get(profile, "split-tunneling");

	read_list(p, json_object_get(split, "subnets"), "split-tunneling.subnets",
		foreign_is_prefix, "routes");
	read_list(p, json_object_get(split, "excluded"), "split-tunneling.excluded",
		foreign_is_prefix, "exclude");
	tell(p, split, "split-tunneling", split_keys, ARRAY_LEN(split_keys));
	read_list(p, json_object_get(profile, "dns-servers"), "dns-servers", foreign_is_address,
		"dns");
	set_number(p, "network", "mtu", profile, "mtu", 576, 9000);
}

static void read_proposals(
	struct import_profile *p, const char *section, const json_t *profile, const char *key)
{
	if (text_at(profile, key))
		foreign_proposals(p, section, key, text_at(profile, key));
}

static bool read_profile(struct import *im, json_t *profile, struct err *e)
{
	const char *type = text_at(profile, "type"), *name = text_at(profile, "name");
	json_t *remote = json_object_get(profile, "remote");
	json_t *local = json_object_get(profile, "local");
	char shown[40];
	size_t i = 0;

	if (!type || !text_at(remote, "addr"))
		return err_set(e, ERR_CONFIG,
			"no profile of strongSwan's app: there is no type, or no remote.addr in it");
	while (i < ARRAY_LEN(types) && strcmp(types[i].type, type) != 0)
		i++;
	if (i == ARRAY_LEN(types))
		return err_set(e, ERR_CONFIG, "a profile of type %s, which is not done here%s",
			text_safe(shown, sizeof(shown), type, strlen(type)),
			strcmp(type, "ikev2-cert-eap") == 0 ?
				": the gateway wants a certificate and then a password" :
				"");
	struct import_profile *p = import_begin(im, name ? name : "", e);
	if (!p)
		return false;
	import_set(p, "connection", "type", "ikev2");
	if (types[i].way == WAY_EAP)
		import_set(p, "local", "auth", "eap");
	else
		foreign_by_certificate(p, types[i].way == WAY_EAP_TLS);
	if (types[i].left)
		import_note(p, IMPORT_LEFT, "type", "%s", types[i].left);
	read_remote(p, remote);
	read_local(p, local, types[i].way);
	read_proposals(p, "ike", profile, "ike-proposal");
	read_proposals(p, "esp", profile, "esp-proposal");
	read_network(p, profile);
	tell(p, remote, "remote", remote_keys, ARRAY_LEN(remote_keys));
	tell(p, local, "local", local_keys, ARRAY_LEN(local_keys));
	tell(p, profile, "", top_keys, ARRAY_LEN(top_keys));
	return true;
}

bool import_sswan(struct bytes file, struct import *im, struct err *e)
{
	json_error_t why;

	if (file.n > FILE_MAX)
		return err_set(e, ERR_CONFIG, "larger than %d MiB", FILE_MAX >> 20);
	json_t *profile = json_loadb(file.p, file.n, JSON_REJECT_DUPLICATES, &why);
	if (!profile) {
		char shown[JSON_ERROR_TEXT_LENGTH];
		return err_set(e, ERR_CONFIG, "no JSON: %s in line %d",
			text_safe(shown, sizeof(shown), why.text, strlen(why.text)), why.line);
	}
	bool ok = read_profile(im, profile, e);
	json_decref(profile);
	return ok;
}
