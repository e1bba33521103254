#define _GNU_SOURCE /* memmem */
#include "../../src/import/base64.h"
#include "crypto/alg.h"
#include "lib/pki.h"
#include "report.h"

#include <openssl/cms.h>
#include <stdio.h>
#include <stdlib.h>

static struct err err;
static EVP_PKEY *key, *other_key;
static X509 *root, *leaf;

static int setup(void **state)
{
	(void)state;
	assert_ok(&err, crypto_begin(&err));
	key = pki_key("EC", "P-256");
	other_key = pki_key("EC", "P-256");
	root = pki_issue(
		&(struct pki_spec){ .cn = "Office Root", .key = key, .ca = true }, NULL, NULL);
	leaf = pki_issue(&(struct pki_spec){ .cn = "alice", .key = other_key }, root, key);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	X509_free(root);
	X509_free(leaf);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	crypto_exit();
	return 0;
}

#define KEY(k)         "<key>" k "</key>"
#define STRING(k, v)   KEY(k) "<string>" v "</string>\n"
#define NUMBER(k, v)   KEY(k) "<integer>" v "</integer>\n"
#define DATA(k, v)     KEY(k) "<data>\n" v "\n</data>\n"
#define ON(k)          KEY(k) "<true/>\n"
#define OFF(k)         KEY(k) "<false/>\n"
#define DICT(k, inner) KEY(k) "\n<dict>\n" inner "</dict>\n"
#define LIST(k, inner) KEY(k) "<array>" inner "</array>\n"
#define FILE_OF(inner)                                                                           \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                           \
	"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "                                \
	"\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"                                  \
	"<plist version=\"1.0\"><dict>" LIST("PayloadContent", inner)                            \
		STRING("PayloadDisplayName", "All of it") STRING("PayloadType", "Configuration") \
			NUMBER("PayloadVersion", "1") "</dict></plist>\n"
#define PAYLOAD(type, inner)                                                              \
	"<dict>" STRING("PayloadType", type) STRING("PayloadIdentifier", "org.example.x") \
		NUMBER("PayloadVersion", "1") inner "</dict>\n"
#define VPN(kind, name, inner)           \
	PAYLOAD("com.apple.vpn.managed", \
		STRING("UserDefinedName", name) STRING("VPNType", kind) inner)
#define IKEV2(inner) FILE_OF(VPN("IKEv2", "Office", DICT("IKEv2", inner)))

static struct import_profile *reads(const char *text)
{
	assert_ok(&err, import_mobileconfig(BYTES(text), &report_im, &err));
	assert_true(report_im.n > 0);
	return report_im.v[0];
}

/* A text with %s twice: two files in Base64. */
static char *with_files(const char *format, const struct pki_file *a, const struct pki_file *b)
{
	const struct pki_file *files[] = { a, b };
	char *texts[2], *out = malloc(300000);

	for (unsigned i = 0; i < 2; i++) {
		texts[i] = malloc(120000);
		struct wr w = wr_init(texts[i], 120000);
		base64_pem(&w, "X", pki_bytes(files[i]));
		texts[i][w.len - strlen("-----END X-----\n")] = 0;
	}
	snprintf(out, 300000, format, texts[0] + strlen("-----BEGIN X-----\n"),
		texts[1] + strlen("-----BEGIN X-----\n"));
	free(texts[0]);
	free(texts[1]);
	return out;
}

/* --- IKEv2 ------------------------------------------------------------------------------------------- */

static void ikev2_with_a_key(void **state)
{
	(void)state;
	struct import_profile *p = reads(IKEV2(STRING("RemoteAddress", "vpn.example.org") STRING(
		"RemoteIdentifier", "vpn.example.org") STRING("LocalIdentifier", "me@example.org")
			STRING("AuthenticationMethod", "SharedSecret") STRING("SharedSecret",
				"a; \"b\" &lt;c&gt;") NUMBER("ExtendedAuthEnabled", "0")
				STRING("DeadPeerDetectionRate", "High") NUMBER("DisableMOBIKE", "1")
					NUMBER("MTU", "1300")));

	assert_int_equal(report_im.n, 1);
	assert_string_equal(p->name, "Office");
	report_value(p, "connection.type", "ikev2");
	report_value(p, "connection.gateway", "vpn.example.org");
	report_value(p, "local.auth", "psk");
	report_value(p, "local.id", "me@example.org");
	report_value(p, "remote.id", "vpn.example.org");
	report_value(p, "secrets.psk", "a; \"b\" <c>");
	report_value(p, "ike.dpd-interval", "1m");
	report_value(p, "ike.mobike", "no");
	report_value(p, "network.mtu", "1300");
	report_count(p, 9);
	assert_int_equal(p->n_notes, 0);
	report_good(p);
}

static void ikev2_with_a_password(void **state)
{
	(void)state;
	struct import_profile *p = reads(IKEV2(
		STRING("RemoteAddress", "vpn.example.org") STRING("AuthenticationMethod", "None")
			NUMBER("ExtendedAuthEnabled", "1") STRING("AuthName", "alice") STRING(
				"AuthPassword", "sesame") ON("IncludeAllNetworks")
				OFF("ExcludeLocalNetworks") ON("EnableCertificateRevocationCheck")
					STRING("ServerCertificateIssuerCommonName", "R3")));

	report_value(p, "local.auth", "eap");
	report_value(p, "secrets.user", "alice");
	report_value(p, "secrets.password", "sesame");
	report_value(p, "secrets.psk", NULL);
	report_value(p, "network.killswitch", "yes");
	report_value(p, "network.lan", "no");
	report_value(p, "remote.revocation", "soft");
	report_note(p, IMPORT_LEFT, "IKEv2.ServerCertificateIssuerCommonName", "remote.ca");
	report_value(p, "remote.ca", NULL);
	report_good(p);
}

/* The name of the login decides it, with a certificate or without. */
static void eap_tls(void **state)
{
	(void)state;
	struct import_profile *p = reads(IKEV2(STRING("RemoteAddress", "vpn.example.org")
			STRING("AuthenticationMethod", "Certificate") ON("ExtendedAuthEnabled")
				STRING("PayloadCertificateUUID", "1")));

	report_value(p, "local.auth", "eap");
	report_value(p, "local.eap", "tls");
	report_no_note(p, "IKEv2.ExtendedAuthEnabled");
	report_note(p, IMPORT_TODO, "PayloadCertificateUUID", "local.certificate");
	import_free(&report_im);
	p = reads(IKEV2(STRING("RemoteAddress", "vpn.example.org") STRING("AuthenticationMethod",
		"Certificate") ON("ExtendedAuthEnabled") STRING("AuthName", "alice")));
	report_value(p, "local.auth", "eap");
	report_no_note(p, "IKEv2.ExtendedAuthEnabled");
	report_good(p);
}

#define WITH_CERTIFICATES                                                                         \
	FILE_OF(VPN("IKEv2", "Office",                                                            \
		DICT("IKEv2",                                                                     \
			STRING("RemoteAddress", "vpn.example.org") STRING("AuthenticationMethod", \
				"Certificate") STRING("PayloadCertificateUUID",                   \
				"A-1"))) PAYLOAD("com.apple.security.pkcs12",                     \
		STRING("PayloadUUID", "A-1") STRING("Password", "open")                           \
			DATA("PayloadContent", "%s")) PAYLOAD("com.apple.security.root",          \
		STRING("PayloadUUID", "A-2") DATA("PayloadContent", "%s"))                        \
			PAYLOAD("com.apple.wifi.managed", STRING("SSID_STR", "net")))

static void certificates_come_along(void **state)
{
	static struct pki_file p12, ca, pem;
	(void)state;

	p12.len = ca.len = pem.len = 0;
	pki_p12(&p12, other_key, leaf, root, "open");
	pki_der_cert(&ca, root);
	pki_pem_cert(&pem, root);
	char *text = with_files(WITH_CERTIFICATES, &p12, &ca);
	struct import_profile *p = reads(text);
	report_value(p, "local.auth", "cert");
	report_value(p, "local.certificate", "Office.p12");
	report_value(p, "secrets.key-passphrase", "open");
	report_value(p, "remote.ca", "Office.ca.crt");
	assert_int_equal(p->n_files, 2);
	assert_int_equal(p->files[0].len, p12.len);
	assert_memory_equal(p->files[0].data, p12.data, p12.len);
	assert_int_equal(p->files[1].len, pem.len);
	assert_memory_equal(p->files[1].data, pem.data, pem.len);
	report_note(p, IMPORT_LEFT, "com.apple.wifi.managed", "no VPN");
	assert_int_equal(p->n_notes, 1);
	report_good(p);
	free(text);
}

/* With a shared key they are none of its business. */
static void ca_is_left_out_with_a_key(void **state)
{
	static struct pki_file ca;
	(void)state;

	ca.len = 0;
	pki_pem_cert(&ca, root);
	char *text = with_files(
		FILE_OF(VPN("IKEv2", "Office",
			DICT("IKEv2",
				STRING("RemoteAddress", "vpn.example.org")
					STRING("AuthenticationMethod", "SharedSecret")
						STRING("SharedSecret", "k")))
				PAYLOAD("com.apple.security.pem", DATA("PayloadContent", "%s"))
					PAYLOAD("com.apple.security.root",
						DATA("PayloadContent", "%.8s"))),
		&ca, &ca);
	struct import_profile *p = reads(text);
	report_value(p, "remote.ca", NULL);
	assert_int_equal(p->n_files, 0);
	report_note(p, IMPORT_TODO, "com.apple.security.root", "1 of the file's certificates");
	report_good(p);
	free(text);
}

#define SA(k, encr, integ, group)                                                       \
	DICT(k,                                                                         \
		STRING("EncryptionAlgorithm", encr) STRING("IntegrityAlgorithm", integ) \
			NUMBER("DiffieHellmanGroup", group) NUMBER("LifeTimeInMinutes", "480"))
#define SAS(ike, esp, more)                                                                       \
	IKEV2(STRING("RemoteAddress", "192.0.2.1") STRING("AuthenticationMethod", "SharedSecret") \
			STRING("SharedSecret", "k") ike esp more)

static void algorithms_are_carried_over(void **state)
{
	static const struct {
		const char *text, *ike, *esp, *security;
	} rows[] = {
		{ SAS(SA("IKESecurityAssociationParameters", "AES-256-GCM", "SHA2-384", "20"),
			  SA("ChildSecurityAssociationParameters", "AES-256-GCM", "SHA2-384", "20"),
			  ON("EnablePFS")),
			"aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384", NULL },
		{ SAS(SA("IKESecurityAssociationParameters", "AES-128", "SHA2-256", "14"),
			  SA("ChildSecurityAssociationParameters", "AES-128", "SHA2-256", "14"),
			  ""),
			"aes128-sha256-modp2048", "aes128-sha256", NULL },
		{ SAS(SA("IKESecurityAssociationParameters", "AES-256", "SHA1-96", "14"),
			  SA("ChildSecurityAssociationParameters", "AES-256", "SHA2-256", "14"),
			  ""),
			"aes256-sha1-modp2048", "aes256-sha256", "compat" },
		{ SAS(SA("IKESecurityAssociationParameters", "3DES", "SHA1-96", "2"),
			  SA("ChildSecurityAssociationParameters", "AES-256", "SHA1-96", "14"), ""),
			"3des-sha1-modp1024", "aes256-sha1", "legacy" },
		{ SAS(DICT("IKESecurityAssociationParameters", ""),
			  DICT("ChildSecurityAssociationParameters", ""), ""),
			"aes256-sha256-modp2048", "aes256-sha256", NULL },
		{ SAS(SA("IKESecurityAssociationParameters", "DES", "SHA2-256", "14"), "", ""),
			NULL, NULL, NULL },
		{ SAS(SA("IKESecurityAssociationParameters", "AES-256", "SHA1-160", "14"), "", ""),
			NULL, NULL, NULL },
		{ SAS(SA("IKESecurityAssociationParameters", "AES-256", "SHA2-256", "1"), "", ""),
			NULL, NULL, NULL },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct import_profile *p = reads(rows[i].text);
		report_value(p, "ike.proposals", rows[i].ike);
		report_value(p, "esp.proposals", rows[i].esp);
		report_value(p, "connection.security", rows[i].security);
		if (rows[i].security)
			report_note(p, IMPORT_TODO, "IKESecurityAssociationParameters",
				rows[i].security);
		if (!rows[i].ike)
			report_note(p, IMPORT_LEFT, "IKESecurityAssociationParameters",
				"none of our algorithms");
		report_good(p);
		import_free(&report_im);
	}
	struct import_profile *p = reads(rows[0].text);
	report_value(p, "ike.lifetime", "480m");
	report_value(p, "esp.lifetime", "480m");
	report_value(p, "esp.pfs", "yes");
}

/* Those of the IKE SA are for child SAs as well. */
static void algorithms_of_a_child_without_its_own(void **state)
{
	(void)state;
	struct import_profile *p = reads(SAS(
		SA("IKESecurityAssociationParameters", "AES-128-GCM", "SHA2-256", "19"), "", ""));

	report_value(p, "ike.proposals", "aes128gcm16-prfsha256-ecp256");
	report_value(p, "esp.proposals", "aes128gcm16");
	report_value(p, "esp.lifetime", "480m");
	report_good(p);
}

static void who_proves_what_without_a_word(void **state)
{
	(void)state;
	struct import_profile *p = reads(
		IKEV2(STRING("RemoteAddress", "a.example") STRING("AuthenticationMethod", "None")
				STRING("SharedSecret", "k") STRING("RemoteIdentifier", "b.example")
					STRING("ServerCertificateCommonName", "b.example")));

	report_value(p, "local.auth", "psk");
	report_value(p, "secrets.psk", "k");
	assert_int_equal(p->n_notes, 0);
	report_good(p);
	import_free(&report_im);
	p = reads(IKEV2(STRING("RemoteAddress", "a.example") STRING("PayloadCertificateUUID", "1")
			STRING("ServerCertificateCommonName", "b.example")));
	report_value(p, "local.auth", "cert");
	report_note(p, IMPORT_LEFT, "IKEv2.ServerCertificateCommonName", "remote.id");
	import_free(&report_im);
	p = reads(IKEV2(STRING("RemoteAddress", "b.example") STRING("PayloadCertificateUUID", "1")
			STRING("ServerCertificateCommonName", "b.example")));
	report_no_note(p, "IKEv2.ServerCertificateCommonName");
}

static void a_post_quantum_key(void **state)
{
	(void)state;
	struct import_profile *p = reads(IKEV2(STRING("RemoteAddress", "a.example") STRING(
		"AuthenticationMethod", "SharedSecret") DATA("PPK", "a2V5IG9mIHRleHQ=")
			STRING("PPKIdentifier", "one") ON("PPKMandatory")));

	report_value(p, "secrets.ppk-id", "one");
	report_value(p, "secrets.ppk", "key of text");
	assert_int_equal(p->n_notes, 0);
	report_good(p);
	import_free(&report_im);
	p = reads(IKEV2(STRING("RemoteAddress", "a.example") STRING("AuthenticationMethod",
		"SharedSecret") DATA("PPK", "AQL/") STRING("PPKIdentifier", "one")));
	report_value(p, "secrets.ppk-id", "one");
	report_value(p, "secrets.ppk", NULL);
	report_note(p, IMPORT_TODO, "PPK", "no text");
	report_note(p, IMPORT_LEFT, "IKEv2.PPKMandatory", "refused");
}

static void identities_take_the_form_that_fits(void **state)
{
	static const struct {
		const char *text, *id;
	} rows[] = {
		{ "C=CH, O=Example, CN=me", "C=CH, O=Example, CN=me" },
		{ "192.0.2.9", "192.0.2.9" },
		{ "Alice in the office", "keyid:Alice in the office" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[4096];
		snprintf(text, sizeof(text),
			IKEV2(STRING("LocalIdentifier", "%s") STRING("RemoteAddress", "a.example")),
			rows[i].text);
		report_value(reads(text), "local.id", rows[i].id);
		import_free(&report_im);
	}
}

/* --- IKEv1 ------------------------------------------------------------------------------------------- */

#define IPSEC(inner) FILE_OF(VPN("IPSec", "Old", DICT("IPSec", inner)))

static void cisco_with_a_group(void **state)
{
	(void)state;
	struct import_profile *p = reads(IPSEC(
		STRING("RemoteAddress", "192.0.2.1") STRING("AuthenticationMethod", "SharedSecret")
			STRING("LocalIdentifier", "staff") STRING("LocalIdentifierType",
				"KeyID") DATA("SharedSecret", "Z3JvdXA=") NUMBER("XAuthEnabled",
				"1") STRING("XAuthName", "alice") STRING("XAuthPassword", "sesame")
				NUMBER("OnDemandEnabled", "1") LIST("OnDemandRules", "<dict/>")));

	report_value(p, "connection.type", "ikev1");
	report_value(p, "local.auth", "xauth-psk");
	report_value(p, "local.id", "keyid:staff");
	report_value(p, "secrets.psk", "group");
	report_value(p, "secrets.user", "alice");
	report_value(p, "secrets.password", "sesame");
	report_value(p, "ike.aggressive", "yes");
	report_note(p, IMPORT_TODO, "IPSec.LocalIdentifier", "aggressive");
	report_note(p, IMPORT_LEFT, "IPSec.OnDemandEnabled", "vpnc-ike runs");
	report_good(p);
}

static void cisco_in_other_ways(void **state)
{
	(void)state;
	/* Main mode, and no login. */
	struct import_profile *p = reads(IPSEC(STRING("RemoteAddress", "192.0.2.1") STRING(
		"AuthenticationMethod", "SharedSecret") DATA("SharedSecret", "Z3JvdXA=")));
	report_value(p, "local.auth", "psk");
	report_value(p, "ike.aggressive", NULL);
	report_good(p);
	import_free(&report_im);
	/* The gateway has a certificate, and we a password. */
	p = reads(IPSEC(STRING("RemoteAddress", "192.0.2.1") STRING(
		"AuthenticationMethod", "SharedSecret") STRING("LocalIdentifier", "staff[hybrid]")
			DATA("SharedSecret", "Z3JvdXA=")));
	report_value(p, "local.auth", "hybrid");
	report_value(p, "local.id", "keyid:staff");
	report_value(p, "secrets.psk", NULL);
	report_note(p, IMPORT_LEFT, "IPSec.SharedSecret", "hybrid");
	report_good(p);
	import_free(&report_im);
	p = reads(IPSEC(STRING("RemoteAddress", "192.0.2.1") STRING("AuthenticationMethod",
		"Certificate") STRING("PayloadCertificateUUID", "1") ON("XAuthEnabled")));
	report_value(p, "local.auth", "xauth-cert");
	report_note(p, IMPORT_TODO, "PayloadCertificateUUID", "local.certificate");
}

#define L2TP(ipsec, ppp, more) \
	FILE_OF(VPN("L2TP", "Home", DICT("IPSec", ipsec) DICT("PPP", ppp) more))

static void l2tp_with_a_key(void **state)
{
	(void)state;
	struct import_profile *p = reads(
		L2TP(STRING("AuthenticationMethod", "SharedSecret") DATA("SharedSecret", "a2V5"),
			STRING("CommRemoteAddress", "vpn.example.org") STRING("AuthName", "alice")
				STRING("AuthPassword", "sesame") OFF("TokenCard"),
			DICT("IPv4", NUMBER("OverridePrimary", "1"))
				DICT("Proxies", NUMBER("HTTPEnable", "0"))));

	report_value(p, "connection.type", "l2tp");
	report_value(p, "connection.gateway", "vpn.example.org");
	report_value(p, "local.auth", "psk");
	report_value(p, "secrets.psk", "key");
	report_value(p, "secrets.user", "alice");
	report_value(p, "secrets.password", "sesame");
	report_count(p, 6);
	report_note(p, IMPORT_LEFT, "VPN.Proxies", "proxies");
	assert_int_equal(p->n_notes, 1);
	report_good(p);
	import_free(&report_im);
	p = reads(L2TP(STRING("AuthenticationMethod", "SharedSecret") DATA("SharedSecret", "a2V5")
			       STRING("LocalIdentifier", "staff"),
		STRING("CommRemoteAddress", "vpn.example.org") LIST("AuthEAPPlugins",
			"<string>EAP-RSA</string>") LIST("AuthProtocol", "<string>EAP</string>"),
		DICT("IPv4", NUMBER("OverridePrimary", "0"))));
	report_value(p, "local.id", "keyid:staff");
	report_value(p, "ike.aggressive", NULL);
	report_note(p, IMPORT_TODO, "IPv4.OverridePrimary", "network.routes");
	report_note(p, IMPORT_LEFT, "PPP.AuthEAPPlugins", "EAP over TLS");
	report_value(p, "ppp.auth", "eap");
	report_good(p);
}

/* --- files ------------------------------------------------------------------------------------------- */

static void name_servers_and_unknown_keys(void **state)
{
	(void)state;
	struct import_profile *p = reads(FILE_OF(VPN("IKEv2", "Office",
		DICT("IKEv2",
			STRING("RemoteAddress", "a.example") STRING("Frobnicate\x7f", "1")
				STRING("ProviderBundleIdentifier", "x")) DICT("DNS",
			LIST("ServerAddresses",
				"<string>10.0.0.53</string><string>2001:db8::53</string><string>ns."
				"example</string>") LIST("SupplementalMatchDomains",
				"<string>corp.example</string><string></string>")))));

	report_value(p, "network.dns", "10.0.0.53, 2001:db8::53");
	report_value(p, "network.domains", "corp.example");
	report_note(p, IMPORT_LEFT, "DNS.ServerAddresses", "ns.example");
	report_note(p, IMPORT_LEFT, "IKEv2.Frobnicate?", "no counterpart");
	report_note(p, IMPORT_LEFT, "IKEv2.ProviderBundleIdentifier", "no counterpart");
}

static void several_vpns_in_a_file(void **state)
{
	(void)state;
	struct import_profile *p = reads(FILE_OF(
		VPN("IKEv2", "One", DICT("IKEv2", STRING("RemoteAddress", "a.example"))) VPN(
			"L2TP", "Two", DICT("PPP", STRING("CommRemoteAddress", "b.example")))
			VPN("PPTP", "Three", "") PAYLOAD("com.apple.vpn.managed.applayer",
				STRING("VPNType", "IKEv2") STRING("PayloadDisplayName", "Four"))));

	assert_int_equal(report_im.n, 3);
	assert_string_equal(report_im.v[0]->name, "One");
	assert_string_equal(report_im.v[1]->name, "Two");
	assert_string_equal(report_im.v[2]->name, "Four");
	report_value(report_im.v[1], "connection.gateway", "b.example");
	report_note(p, IMPORT_LEFT, "VPNType", "PPTP");
	report_note(report_im.v[2], IMPORT_LEFT, "PayloadType", "whole machine");
}

static void wrong_types_are_as_if_missing(void **state)
{
	(void)state;
	struct import_profile *p = reads(FILE_OF("<string>x</string><dict/>" VPN("IKEv2", "Office",
		DICT("IKEv2",
			LIST("RemoteAddress", "<string>a</string>") DICT("SharedSecret", "") NUMBER(
				"AuthenticationMethod", "7") STRING("EnablePFS",
				"x") LIST("IKESecurityAssociationParameters", "") STRING("MTU",
				"1300x") ON("ExtendedAuthEnabled") KEY("PayloadCertificateUUID")
				KEY("AuthPassword") "<data>!!!</data>") STRING("DNS", "x"))));

	report_value(p, "connection.gateway", NULL);
	report_value(p, "local.auth", "eap");
	report_value(p, "network.mtu", NULL);
	report_value(p, "esp.pfs", NULL);
	assert_int_equal(report_im.n, 1);
}

/* A newline in a value is a key of its own wherever it is written down. */
static void control_characters_are_no_values(void **state)
{
	(void)state;
	struct import_profile *p = reads(IKEV2(STRING("RemoteAddress",
		"a.example&#10;[local]&#10;id = x") STRING("AuthenticationMethod", "SharedSecret")
			DATA("SharedSecret", "YQpi") STRING("LocalIdentifier", "a&#13;b")
				STRING("RemoteIdentifier", "good.example")));

	report_value(p, "connection.gateway", NULL);
	report_value(p, "secrets.psk", NULL);
	report_value(p, "local.id", NULL);
	report_value(p, "remote.id", "good.example");
	import_free(&report_im);
	p = reads(
		IKEV2(STRING("AuthenticationMethod", "SharedSecret") DATA("SharedSecret", "YQBi")));
	report_value(p, "secrets.psk", NULL);
	report_note(p, IMPORT_TODO, "SharedSecret", "no text");
}

static void what_is_none_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "no XML" },
		{ "0", "no signed message" },
		{ "bplist00\xd1", "binary" },
		{ "<html/>", "no property list" },
		{ "<plist/>", "PayloadContent" },
		{ "<plist><array/></plist>", "PayloadContent" },
		{ "<plist><dict>" STRING("PayloadContent", "x") "</dict></plist>",
			"PayloadContent" },
		{ "<plist><dict>" DATA("EncryptedPayloadContent", "AAAA") "</dict></plist>",
			"encrypted" },
		{ FILE_OF(""), "no VPN" },
		{ FILE_OF(PAYLOAD("com.apple.wifi.managed", "")), "no VPN" },
		{ FILE_OF(VPN("PPTP", "x", "")), "PPTP" },
		{ FILE_OF(VPN("VPN", "x", STRING("VPNSubType", "com.example.vpn"))),
			"com.example.vpn" },
		{ FILE_OF(PAYLOAD("com.apple.vpn.managed", "")), "unknown" },
		{ "<!DOCTYPE plist [<!ENTITY a 'x'>]><plist/>", "document type" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_refused(&err, ERR_CONFIG,
			import_mobileconfig(BYTES(rows[i].text), &report_im, &err));
		if (!strstr(err.text, rows[i].why))
			fail_msg("%s: %s", rows[i].text, err.text);
	}
}

static void profiles_are_bounded(void **state)
{
	(void)state;
	char *text = malloc(100000), *at = text;

	at += sprintf(at, "<plist><dict>" KEY("PayloadContent") "<array>");
	for (unsigned i = 0; i < IMPORT_PROFILES_MAX + 1; i++)
		at += sprintf(at, VPN("IKEv2", "%u", ""), i);
	sprintf(at, "</array></dict></plist>");
	assert_refused(&err, ERR_CONFIG, import_mobileconfig(BYTES(text), &report_im, &err));
	free(text);
}

/* --- signatures -------------------------------------------------------------------------------------- */

static void sign(struct pki_file *f, const char *text)
{
	BIO *in = BIO_new_mem_buf(text, -1), *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = CMS_sign(leaf, other_key, NULL, in, CMS_BINARY);
	char *data;

	assert_non_null(cms);
	assert_int_equal(i2d_CMS_bio(out, cms), 1);
	f->len = (size_t)BIO_get_mem_data(out, &data);
	memcpy(f->data, data, f->len);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
}

static void a_signed_file_is_unwrapped(void **state)
{
	static struct pki_file f;
	(void)state;

	sign(&f, IKEV2(STRING("RemoteAddress", "vpn.example.org")));
	assert_ok(&err, import_mobileconfig(pki_bytes(&f), &report_im, &err));
	report_value(report_im.v[0], "connection.gateway", "vpn.example.org");
	report_note(report_im.v[0], IMPORT_LEFT, "signature", "CN=alice");
	import_free(&report_im);
	/* It was changed on the way. */
	uint8_t *at = memmem(f.data, f.len, "vpn.example", 11);
	assert_non_null(at);
	*at = 'w';
	assert_refused(&err, ERR_CONFIG, import_mobileconfig(pki_bytes(&f), &report_im, &err));
	assert_non_null(strstr(err.text, "does not fit"));
	/* Cut off anywhere. */
	for (size_t len = 1; len < f.len; len += 7)
		assert_refused(&err, ERR_CONFIG,
			import_mobileconfig((struct bytes){ f.data, len }, &report_im, &err));
	sign(&f, "<plist/>");
	assert_refused(&err, ERR_CONFIG, import_mobileconfig(pki_bytes(&f), &report_im, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(ikev2_with_a_key, report_clear),
		cmocka_unit_test_teardown(ikev2_with_a_password, report_clear),
		cmocka_unit_test_teardown(eap_tls, report_clear),
		cmocka_unit_test_teardown(certificates_come_along, report_clear),
		cmocka_unit_test_teardown(ca_is_left_out_with_a_key, report_clear),
		cmocka_unit_test_teardown(algorithms_are_carried_over, report_clear),
		cmocka_unit_test_teardown(algorithms_of_a_child_without_its_own, report_clear),
		cmocka_unit_test_teardown(who_proves_what_without_a_word, report_clear),
		cmocka_unit_test_teardown(a_post_quantum_key, report_clear),
		cmocka_unit_test_teardown(identities_take_the_form_that_fits, report_clear),
		cmocka_unit_test_teardown(cisco_with_a_group, report_clear),
		cmocka_unit_test_teardown(cisco_in_other_ways, report_clear),
		cmocka_unit_test_teardown(l2tp_with_a_key, report_clear),
		cmocka_unit_test_teardown(name_servers_and_unknown_keys, report_clear),
		cmocka_unit_test_teardown(several_vpns_in_a_file, report_clear),
		cmocka_unit_test_teardown(wrong_types_are_as_if_missing, report_clear),
		cmocka_unit_test_teardown(control_characters_are_no_values, report_clear),
		cmocka_unit_test_teardown(what_is_none_is_refused, report_clear),
		cmocka_unit_test_teardown(profiles_are_bounded, report_clear),
		cmocka_unit_test_teardown(a_signed_file_is_unwrapped, report_clear),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
