#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apple.h"
#include "base/names.h"
#include "base/types.h"
#include "base64.h"
#include "crypto/cms.h"

#define VPN_PAYLOAD "com.apple.vpn.managed"

/* --- for each kind of VPN ---------------------------------------------------------------------------- */

void apple_text(struct apple_vpn *v, const struct xml *dict, const char *from, const char *section,
	const char *key)
{
	const char *text = plist_text(dict, from);

	if (text)
		import_set(v->p, section, key, "%s", text);
}

static const struct xml *find_payload(const struct apple_vpn *v, const char *uuid)
{
	for (const struct xml *x = v->payloads->child; x; x = x->next) {
		const char *its = plist_text(x, "PayloadUUID");
		if (its && strcmp(its, uuid) == 0)
			return x;
	}
	return NULL;
}

void apple_own_certificate(struct apple_vpn *v, const struct xml *dict)
{
	const char *uuid = plist_text(dict, "PayloadCertificateUUID");
	const struct xml *payload = uuid ? find_payload(v, uuid) : NULL;
	const char *type = plist_text(payload, "PayloadType");
	size_t n = 0;
	uint8_t *p12 = type && strcmp(type, "com.apple.security.pkcs12") == 0 ?
		plist_data(payload, "PayloadContent", &n) :
		NULL;

	if (p12) {
		import_attach(v->p, "local", "certificate", "p12", (struct bytes){ p12, n });
		apple_text(v, payload, "Password", "secrets", "key-passphrase");
		base64_free(p12, n);
		return;
	}
	import_note(v->p, IMPORT_TODO, "PayloadCertificateUUID",
		"our certificate and key are not in the file%s: name them in local.certificate and "
		"local.key",
		payload ? " as PKCS#12" : "");
}

void apple_ca(struct apple_vpn *v)
{
	foreign_ca_attach(v->ca, v->p, "ca");
}

/* No NUL within, and nothing that text_safe would change. */
static bool is_text(const char *text, size_t n)
{
	char *safe = malloc(n + 2);
	bool same = safe && strlen(text) == n && strcmp(text_safe(safe, n + 2, text, n), text) == 0;

	base64_free((uint8_t *)safe, n);
	return same;
}

void apple_secret(struct apple_vpn *v, const struct xml *dict, const char *from,
	const char *section, const char *key)
{
	size_t n = 0;
	uint8_t *data = plist_data(dict, from, &n);
	const char *text = data ? (const char *)data : plist_text(dict, from);

	if (data && !is_text(text, n))
		import_note(v->p, IMPORT_TODO, from, "holds octets that are no text, as %s.%s is",
			section, key);
	else if (text)
		import_set(v->p, section, key, "%s", text);
	base64_free(data, n);
}

/* --- what is not carried over ------------------------------------------------------------------------ */

/* Of every payload; they name and describe it. */
static bool describes(const char *key)
{
	return strncmp(key, "Payload", 7) == 0;
}

static const struct apple_key *find_row(const struct apple_key *rows, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

void apple_tell(struct apple_vpn *v, const struct xml *dict, const char *name,
	const struct apple_key *rows, size_t n)
{
	char what[64], key[40];

	for (const struct xml *k = plist_next(dict, NULL); k; k = plist_next(dict, k)) {
		const struct apple_key *row = find_row(rows, n, k->text);
		enum apple_told told = row ? row->told : TOLD_ALWAYS;
		if (told == TOLD_NOT || (told == TOLD_WHEN_ON && !plist_on(dict, k->text)))
			continue;
		if (!row && describes(k->text))
			continue;
		text_safe(key, sizeof(key), k->text, strlen(k->text));
		snprintf(what, sizeof(what), "%s.%s", name, key);
		import_note(v->p, IMPORT_LEFT, what, "%s",
			row ? row->why : "has no counterpart in our profiles");
	}
}

/* --- the payload ------------------------------------------------------------------------------------- */

/* Of the payload itself. */
static const struct apple_key payload_rows[] = {
	{ "UserDefinedName", TOLD_NOT, NULL },
	{ "VPNType", TOLD_NOT, NULL },
	{ "VPNSubType", TOLD_NOT, NULL },
	{ "IKEv2", TOLD_NOT, NULL },
	{ "IPSec", TOLD_NOT, NULL },
	{ "PPP", TOLD_NOT, NULL },
	{ "L2TP", TOLD_NOT, NULL },
	{ "EAP", TOLD_NOT, NULL },
	{ "IPv4", TOLD_NOT, NULL },
	{ "DNS", TOLD_NOT, NULL },
	{ "VendorConfig", TOLD_NOT, NULL },
	{ "Proxies", TOLD_ALWAYS, "proxies are no business of this program" },
	{ "OnDemandEnabled", TOLD_WHEN_ON,
		"the tunnel is there while vpnc-ike runs, and not else" },
	{ "OnDemandRules", TOLD_ALWAYS, "the tunnel is there while vpnc-ike runs, and not else" },
};

static const struct apple_key dns_rows[] = {
	{ "ServerAddresses", TOLD_NOT, NULL },
	{ "SupplementalMatchDomains", TOLD_NOT, NULL },
	{ "SupplementalMatchDomainsNoSearch", TOLD_NOT, NULL },
	{ "SearchDomains", TOLD_ALWAYS,
		"short names are completed with the gateway's domains only" },
	{ "DomainName", TOLD_ALWAYS, "short names are completed with the gateway's domains only" },
};

static void read_list(struct apple_vpn *v, const struct xml *array, const char *what,
	bool (*is)(const char *word), const char *key)
{
	struct foreign_list list = { .p = v->p, .what = what, .is = is };

	for (const struct xml *x = array ? array->child : NULL; x; x = x->next)
		if (strcmp(x->name, "string") == 0)
			foreign_add(&list, x->text);
	foreign_set(&list, "network", key);
}

static void read_dns(struct apple_vpn *v)
{
	const struct xml *dns = plist_dict(v->payload, "DNS");

	read_list(v, plist_array(dns, "ServerAddresses"), "DNS.ServerAddresses", foreign_is_address,
		"dns");
	read_list(v, plist_array(dns, "SupplementalMatchDomains"), "DNS.SupplementalMatchDomains",
		foreign_is_domain, "domains");
	apple_tell(v, dns, "DNS", dns_rows, ARRAY_LEN(dns_rows));
}

static const struct {
	const char *type;
	void (*read)(struct apple_vpn *v);
} kinds[] = {
	{ "IKEv2", apple_ikev2 },
	{ "IPSec", apple_ipsec },
	{ "L2TP", apple_l2tp },
};

struct reading {
	struct import *im;
	const struct xml *root, *payloads;
	struct foreign_ca ca;
	char other[64]; /* a VPN that is none of ours, when no profile was made */
};

/* Of the programs that bring a VPN of their own, VPNType is "VPN", and VPNSubType tells which it is. */
static void keep_other(struct reading *r, const struct xml *payload)
{
	const char *type = plist_text(payload, "VPNSubType");

	if (!type)
		type = plist_text(payload, "VPNType");
	if (!type)
		type = "unknown";
	text_safe(r->other, sizeof(r->other), type, strlen(type));
}

static bool read_vpn(struct reading *r, const struct xml *payload, struct err *e)
{
	const char *type = plist_text(payload, "VPNType");
	const char *name = plist_text(payload, "UserDefinedName");
	struct apple_vpn v = { .payload = payload, .payloads = r->payloads, .ca = &r->ca };
	size_t i = 0;

	if (!name)
		name = plist_text(payload, "PayloadDisplayName");
	while (i < ARRAY_LEN(kinds) && (!type || strcmp(type, kinds[i].type) != 0))
		i++;
	if (i == ARRAY_LEN(kinds)) {
		keep_other(r, payload);
		return true;
	}
	v.p = import_begin(r->im, name ? name : "", e);
	if (!v.p)
		return false;
	kinds[i].read(&v);
	read_dns(&v);
	apple_tell(&v, payload, "VPN", payload_rows, ARRAY_LEN(payload_rows));
	if (strcmp(plist_text(payload, "PayloadType"), VPN_PAYLOAD) != 0)
		import_note(v.p, IMPORT_LEFT, "PayloadType",
			"is for certain programs there; here the tunnel is for the whole machine");
	return true;
}

/* --- the file ---------------------------------------------------------------------------------------- */

enum payload_kind { PAYLOAD_OTHER, PAYLOAD_VPN, PAYLOAD_CA, PAYLOAD_OWN };

static enum payload_kind kind_of(const struct xml *payload)
{
	static const struct {
		const char *type;
		enum payload_kind kind;
	} rows[] = {
		{ VPN_PAYLOAD, PAYLOAD_VPN },
		{ VPN_PAYLOAD ".applayer", PAYLOAD_VPN },
		{ "com.apple.security.root", PAYLOAD_CA },
		{ "com.apple.security.pkcs1", PAYLOAD_CA },
		{ "com.apple.security.pem", PAYLOAD_CA },
		{ "com.apple.security.pkcs12", PAYLOAD_OWN },
	};
	const char *type = plist_text(payload, "PayloadType");

	for (size_t i = 0; type && i < ARRAY_LEN(rows); i++)
		if (strcmp(type, rows[i].type) == 0)
			return rows[i].kind;
	return PAYLOAD_OTHER;
}

/* True for one that is no certificate. */
static bool add_ca(struct foreign_ca *ca, const struct xml *payload)
{
	size_t n = 0;
	uint8_t *data = plist_data(payload, "PayloadContent", &n);
	bool added = data && foreign_ca_add(ca, (struct bytes){ data, n });

	base64_free(data, n);
	return !added;
}

/* To the first profile, which speaks for the file. */
static void tell_others(const struct reading *r, size_t bad_ca)
{
	struct import_profile *p = r->im->v[0];
	char what[64];

	for (const struct xml *x = r->payloads->child; x; x = x->next) {
		const char *type = plist_text(x, "PayloadType");
		if (kind_of(x) != PAYLOAD_OTHER || !type)
			continue;
		import_note(p, IMPORT_LEFT, text_safe(what, sizeof(what), type, strlen(type)),
			"is no VPN");
	}
	if (r->other[0])
		import_note(p, IMPORT_LEFT, "VPNType",
			"a VPN of type %s in this file is none that this program does", r->other);
	if (bad_ca > 0)
		import_note(p, IMPORT_TODO, "com.apple.security.root",
			"%zu of the file's certificates cannot be read: is remote.ca complete?",
			bad_ca);
}

static bool read_payloads(struct reading *r, struct err *e)
{
	size_t bad_ca = 0;
	bool ok = true;

	for (const struct xml *x = r->payloads->child; x; x = x->next)
		if (kind_of(x) == PAYLOAD_CA)
			bad_ca += add_ca(&r->ca, x);
	for (const struct xml *x = r->payloads->child; x && ok; x = x->next)
		if (kind_of(x) == PAYLOAD_VPN)
			ok = read_vpn(r, x, e);
	if (ok && r->im->n == 0)
		return err_set(e, ERR_CONFIG, "%s%s in this profile of Apple's systems",
			r->other[0] ? "no VPN but one of type " : "no VPN", r->other);
	if (ok)
		tell_others(r, bad_ca);
	return ok;
}

static bool read_plist(struct import *im, const struct xml *plist, struct err *e)
{
	struct reading r = { .im = im, .root = plist ? plist->child : NULL };

	if (!plist || strcmp(plist->name, "plist") != 0)
		return err_set(e, ERR_CONFIG, "no property list of Apple's systems");
	r.payloads = plist_array(r.root, "PayloadContent");
	if (plist_get(r.root, "EncryptedPayloadContent"))
		return err_set(e, ERR_CONFIG,
			"encrypted for one device of Apple's, and for nobody else to read");
	if (!r.payloads)
		return err_set(e, ERR_CONFIG,
			"no profile of Apple's systems: there is no PayloadContent in it");
	bool ok = read_payloads(&r, e);
	foreign_ca_free(&r.ca);
	return ok;
}

static bool read_content(struct bytes content, struct import *im, struct err *e)
{
	if (content.n >= 6 && memcmp(content.p, "bplist", 6) == 0)
		return err_set(e, ERR_CONFIG,
			"a property list in binary form; make it XML: plutil -convert xml1 FILE");
	struct xml_file *f = xml_read(content, e);
	bool ok = f && read_plist(im, xml_root(f), e);
	xml_free(f);
	return ok;
}

bool import_mobileconfig(struct bytes file, struct import *im, struct err *e)
{
	char signer[CERT_TEXT_MAX];
	uint8_t *content;
	size_t n;

	/* DER begins with a SEQUENCE, and XML with a '<', a byte order mark or white space. */
	if (file.n == 0 || *(const uint8_t *)file.p != 0x30)
		return read_content(file, im, e);
	if (!cms_open(file, &content, &n, signer, e))
		return false;
	bool ok = read_content((struct bytes){ content, n }, im, e);
	base64_free(content, n);
	if (ok)
		import_note(im->v[0], IMPORT_LEFT, "signature",
			"fits the file; whether its maker, %s, is to be trusted was not looked at",
			signer);
	return ok;
}
