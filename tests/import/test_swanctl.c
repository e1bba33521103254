/*
 * swanctl.conf as clients have it, and what is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/import/conf.h"
#include "base/types.h"
#include "lib/test.h"
#include "report.h"

static struct import_profile *reads_good(const char *text)
{
	struct import_profile *p = report_reads(import_swanctl, text);

	report_good(p);
	return p;
}

/* This, of a gateway that proves itself by its key. */
static struct import_profile *reads_remote(const char *says)
{
	char text[400];

	snprintf(text, sizeof(text),
		"connections {\n office {\n remote_addrs = a.example\n"
		"local { auth = eap-mschapv2\n id = alice\n }\n"
		"remote { auth = pubkey\n %s }\n children { net { } }\n }\n}\n",
		says);
	return reads_good(text);
}

/* What a profile cannot ask of the gateway is not left out in silence. */
static void more_than_a_certificate(void **state)
{
	const struct import_profile *p = report_reads(import_swanctl,
		"connections {\n office {\n remote_addrs = a.example\n"
		"local { auth = eap-mschapv2\n id = alice\n }\n"
		"remote { auth = rsa-4096-sha512\n }\n remote-2 { auth = eap\n }\n"
		"children { net { } }\n }\n}\n");

	(void)state;
	report_value(p, "remote.auth", "cert");
	report_note(p, IMPORT_TODO, "remote.auth", "rsa-4096-sha512");
	report_note(p, IMPORT_TODO, "remote-2", "second round");
	report_no_note(reads_remote(""), "remote.auth");
}

static void revocation(void **state)
{
	static const struct {
		const char *says, *value;
		bool noted;
	} rows[] = { { "", "soft", false }, { "revocation = strict\n", "hard", false },
		{ "revocation = ifuri\n", "soft", true },
		{ "revocation = relaxed\n", "soft", false },
		{ "certs = gw.pem\n revocation = strict\n", NULL, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct import_profile *p = reads_remote(rows[i].says);
		report_value(p, "remote.revocation", rows[i].value);
		if (rows[i].noted)
			report_note(p, IMPORT_LEFT, "revocation", "ifuri");
		else
			report_no_note(p, "revocation");
	}
}

static void eap(void **state)
{
	const struct import_profile *p = reads_good(
		"connections {\n"
		"  office {\n"
		"    remote_addrs = vpn-1.example.org, 198.51.100.10 # two\n"
		"    vips = 0.0.0.0, ::\n"
		"    proposals = aes256gcm16-prfsha384-ecp384, default\n"
		"    mobike = no\n"
		"    dpd_delay = 45s\n"
		"    local-1 {\n auth = eap-mschapv2\n id = alice@example.org\n eap_id = alice\n }\n"
		"    remote-1 {\n auth = pubkey\n id = \"vpn.example.org\"\n cacerts = office.pem\n }\n"
		"    children {\n net {\n remote_ts = 10.0.0.0/8, 192.168.0.0/16\n"
		"      esp_proposals = aes256gcm16\n updown = /bin/evil\n rekey_time = 1h\n"
		"      hw_offload = yes\n }\n"
		"      more { remote_ts = 172.16.0.0/12 }\n }\n"
		"  }\n"
		"}\n"
		"secrets { eap-1 { id = alice\n secret = \"wonder; land # 1 = ok\" } }\n");

	(void)state;
	assert_string_equal(p->name, "office");
	report_value(p, "connection.type", "ikev2");
	report_value(p, "connection.gateway", "vpn-1.example.org, 198.51.100.10");
	report_value(p, "connection.security", NULL);
	report_value(p, "local.auth", "eap");
	report_value(p, "local.eap", "mschapv2");
	report_value(p, "local.id", "alice@example.org");
	report_value(p, "remote.id", "vpn.example.org");
	report_value(p, "remote.ca", "/etc/swanctl/x509ca/office.pem");
	report_value(p, "secrets.user", "alice");
	report_value(p, "secrets.password", "wonder; land # 1 = ok");
	report_value(p, "network.address", NULL);
	report_value(p, "ike.mobike", "no");
	report_value(p, "ike.dpd-interval", "45s");
	report_value(p, "esp.lifetime", "1h");
	report_value(p, "esp.remote-ts", "10.0.0.0/8, 192.168.0.0/16");
	report_note(p, IMPORT_RUNS, "children.updown", "run");
	report_note(p, IMPORT_LEFT, "children.hw_offload", "no counterpart");
	report_note(p, IMPORT_TODO, "more", "another child");
	report_note(p, IMPORT_LEFT, "proposals", "default");
}

/* What lets the networks on the link pass is not what goes through the tunnel. */
static void policies_are_no_tunnel(void **state)
{
	const struct import_profile *p = reads_good(
		"connections { office { remote_addrs = vpn.example.org\n"
		"local { auth = psk\n id = me@example.org }\n remote { auth = psk }\n children {\n"
		"home { mode = pass\n local_ts = 192.168.1.0/24\n remote_ts = 192.168.1.0/24 }\n"
		"net { remote_ts = 10.0.0.0/8 }\n no { mode = drop }\n } } }\n"
		"secrets { ike { secret = \"a long shared key, 32 letters at least\" } }\n");

	(void)state;
	report_value(p, "esp.remote-ts", "10.0.0.0/8");
	report_note(p, IMPORT_TODO, "home", "network.exclude");
	report_note(p, IMPORT_TODO, "no", "network.exclude");
	report_no_note(p, "net");
}

/* Whom the file believes, and nobody else: by name, or in a section of its own. */
static void believed(void **state)
{
	static const struct {
		const char *says, *certificate, *ca;
	} rows[] = { { "", NULL, "/etc/swanctl/x509ca" },
		{ "cert1 { file = /gw.pem }\n", "/gw.pem", NULL },
		{ "pubkeys = gw.pub\n", "/etc/swanctl/pubkey/gw.pub", NULL },
		{ "cacert { file = office.pem }\n", NULL, "/etc/swanctl/x509ca/office.pem" },
		{ "cert-a { file = /gw.pem }\n cacerts = office.pem\n", "/gw.pem", NULL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct import_profile *p = reads_remote(rows[i].says);
		report_value(p, "remote.certificate", rows[i].certificate);
		report_value(p, "remote.ca", rows[i].ca);
		report_no_note(p, "remote.pubkeys");
		import_free(&report_im);
	}
	const struct import_profile *p = reads_good(
		"connections { office { remote_addrs = a.example\n"
		"local { auth = pubkey\n cert1 { file = /me.pem } cert2 { handle = 1 } }\n"
		"remote { auth = pubkey\n cacert1 { handle = 2 } }\n children { net { } } } }\n"
		"secrets { private { file = me.key } }\n");
	report_value(p, "local.certificate", "/me.pem");
	report_note(p, IMPORT_TODO, "cert2", "file");
	report_note(p, IMPORT_TODO, "cacert1", "file");
}

/* The certificate is for EAP, and its server is another than the gateway. */
static void eap_tls(void **state)
{
	const struct import_profile *p = reads_good(
		"connections { office { remote_addrs = vpn.example.org\n"
		"local { auth = eap-tls\n certs = me.pem\n aaa_id = radius.example.org\n "
		"id = me@example.org }\n"
		"remote { auth = pubkey }\n children { net { } } } }\n"
		"secrets { private { file = me.key\n secret = open } }\n");

	(void)state;
	report_value(p, "local.auth", "eap");
	report_value(p, "local.eap", "tls");
	report_value(p, "local.certificate", "/etc/swanctl/x509/me.pem");
	report_value(p, "local.key", "/etc/swanctl/private/me.key");
	report_value(p, "remote.eap-id", "radius.example.org");
	report_no_note(p, "aaa_id");
	import_free(&report_im);
	p = reads_good("connections { office { remote_addrs = vpn.example.org\n"
		       "local { auth = eap-ttls\n aaa_id = %any\n eap_id = alice }\n"
		       "remote { auth = pubkey }\n children { net { } } } }\n");
	report_value(p, "local.eap", "ttls");
	report_value(p, "local.certificate", NULL);
	report_value(p, "remote.eap-id", NULL);
	report_value(p, "secrets.user", "alice");
}

static void ikev1_with_a_login(void **state)
{
	const struct import_profile *p = reads_good(
		"connections { old {\n version = 1\n"
		"remote_addrs = 198.51.100.16\n aggressive = yes\n pull = no\n vips = 0.0.0.0\n"
		"local-1 { auth = psk\n id = keyid:staff }\n"
		"local-2 { auth = xauth\n xauth_id = bob }\n"
		"remote { auth = psk }\n children { home { remote_ts = 0.0.0.0/0 } } } }\n"
		"secrets { ike { secret = fallback }\n"
		"ike-1 { id-a = 203.0.113.1\n id-b = 198.51.100.16\n secret = 0sY29ycmVjdCBob3JzZQ== }\n"
		"xauth-b { id = bob\n secret = builder } }\n");

	(void)state;
	report_value(p, "connection.type", "ikev1");
	report_value(p, "local.auth", "xauth-psk");
	report_value(p, "local.id", "keyid:staff");
	report_value(p, "secrets.psk", "correct horse");
	report_value(p, "secrets.user", "bob");
	report_value(p, "secrets.password", "builder");
	report_value(p, "ike.aggressive", "yes");
	report_value(p, "ike.mode-config", "push");
	report_value(p, "esp.remote-ts", NULL);
}

static void other_ways_in(void **state)
{
	static const struct {
		const char *text, *auth, *type;
	} rows[] = {
		{ "local { auth = psk } remote { auth = psk }", "psk", "ikev2" },
		{ "local { auth = pubkey\n certs = me.pem\n } remote { auth = pubkey }", "cert",
			"ikev2" },
		{ "version = 1\n local { auth = xauth } remote { auth = pubkey }", "hybrid",
			"ikev1" },
		{ "version = 1\n local { auth = psk } remote { auth = psk }\n"
		  "children { l { mode = transport\n remote_ts = dynamic[17/1701] } }",
			"psk", "l2tp" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[500];
		snprintf(text, sizeof(text),
			"connections { x { remote_addrs = 192.0.2.1\n vips = 0.0.0.0\n %s } }\n"
			"secrets { private { file = me.key } ike { secret = s } }",
			rows[i].text);
		const struct import_profile *p = reads_good(text);
		report_value(p, "connection.type", rows[i].type);
		report_value(p, "local.auth", rows[i].auth);
		if (strcmp(rows[i].auth, "cert") == 0) {
			report_value(p, "local.certificate", "/etc/swanctl/x509/me.pem");
			report_value(p, "local.key", "/etc/swanctl/private/me.key");
		}
		import_free(&report_im);
	}
}

static void sections_take_over_from_others(void **state)
{
	const struct import_profile *p = reads_good(
		"base { remote_addrs = 192.0.2.1\n mobike = no\n"
		"local { auth = psk\n id = a@b.c } }\n"
		"again : again { }\n"
		"connections { x : base, again { local : base.local { id = me@b.c\n }\n vips = 0.0.0.0\n"
		"remote { auth = psk } } }");

	(void)state;
	report_value(p, "connection.gateway", "192.0.2.1");
	report_value(p, "ike.mobike", "no");
	report_value(p, "local.id", "me@b.c");
	report_value(p, "local.auth", "psk");
}

/* Keys of each kind lie in a folder of that name, and one that is for anybody may say so. */
static void keys_and_whom_they_are_for(void **state)
{
	static const char conn[] = "connections { x { remote_addrs = 192.0.2.1\n vips = 0.0.0.0\n"
				   "local { auth = pubkey\n %s } remote { auth = psk } } }\n"
				   "secrets { %s ike { id = %%any\n secret = shared } }";
	const struct import_profile *p;
	char text[600];

	(void)state;
	snprintf(text, sizeof(text), conn, "certs = me.pem\n",
		"rsa-me { file = me.key\n secret = \"pass phrase\" }");
	p = reads_good(text);
	report_value(p, "local.key", "/etc/swanctl/rsa/me.key");
	report_value(p, "secrets.key-passphrase", "pass phrase");
	report_value(p, "secrets.psk", "shared");
	import_free(&report_im);
	snprintf(text, sizeof(text), conn, "",
		"pkcs12 { file = me.p12 }\npkcs12-b { file = b.p12 }");
	p = reads_good(text);
	report_value(p, "local.certificate", "/etc/swanctl/pkcs12/me.p12");
	report_value(p, "local.key", NULL);
	report_note(p, IMPORT_TODO, "local.key", "there are 2 keys");
}

static void what_is_weak_says_so(void **state)
{
	const struct import_profile *p = reads_good(
		"connections { x { remote_addrs = 192.0.2.1\n"
		"vips = 0.0.0.0\n proposals = 3des-sha1-modp1024\n local { auth = psk } remote { auth = psk } } }");

	(void)state;
	report_value(p, "connection.security", "legacy");
	report_note(p, IMPORT_TODO, "proposals", "weak");
	report_note(p, IMPORT_TODO, "secrets.psk", "not in the file");
}

static void gateways_are_no_clients(void **state)
{
	static const char text[] =
		"connections { a { local_addrs = 192.0.2.1\n pools = p }\n"
		"b { remote_addrs = %any\n }\n c { remote_addrs = 10.0.0.0/8 } }";

	(void)state;
	report_refuses(import_swanctl, text, strlen(text), "calls a gateway");
}

/* A value is never a second line, and nothing that it names is run. */
static void hostile(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "connections {", "} is missing" },
		{ "}", "} too many" },
		{ "a = \"b", "does not end" },
		{ "a b", "= or { is missing" },
		{ "= x", "name is missing" },
		{ "a : { }", "no name" },
	};
	const struct import_profile *p;
	char *large = malloc(3 << 20);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		report_refuses(import_swanctl, rows[i].text, strlen(rows[i].text), rows[i].why);
	report_refuses(import_swanctl, "a = b\0c", 7, "NUL");
	memset(large, '{', 3 << 20);
	for (size_t i = 0; i < 3 << 20; i += 2)
		large[i] = 'a';
	report_refuses(import_swanctl, large, 3 << 20, "deep");
	for (size_t i = 0; i < 3 << 20; i++)
		large[i] = "a=b\n"[i % 4];
	report_refuses(import_swanctl, large, 3 << 20, "entries");
	memset(large, 'a', 3 << 20);
	report_refuses(import_swanctl, large, 3 << 20, "letters");
	free(large);
	p = reads_good("connections { x { remote_addrs = 192.0.2.1\n vips = 0.0.0.0\n"
		       "local { auth = psk\n id = \"a\\n[network]\" } remote { auth = psk } } }\n"
		       "secrets { ike { secret = \"a\nkillswitch = no\" } }");
	report_value(p, "local.id", NULL);
	report_value(p, "secrets.psk", NULL);
	report_note(p, IMPORT_TODO, "secrets.psk", "cannot stand");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(eap, report_clear),
		cmocka_unit_test_teardown(revocation, report_clear),
		cmocka_unit_test_teardown(more_than_a_certificate, report_clear),
		cmocka_unit_test_teardown(policies_are_no_tunnel, report_clear),
		cmocka_unit_test_teardown(believed, report_clear),
		cmocka_unit_test_teardown(eap_tls, report_clear),
		cmocka_unit_test_teardown(ikev1_with_a_login, report_clear),
		cmocka_unit_test_teardown(other_ways_in, report_clear),
		cmocka_unit_test_teardown(sections_take_over_from_others, report_clear),
		cmocka_unit_test_teardown(keys_and_whom_they_are_for, report_clear),
		cmocka_unit_test_teardown(what_is_weak_says_so, report_clear),
		cmocka_unit_test_teardown(gateways_are_no_clients, report_clear),
		cmocka_unit_test_teardown(hostile, report_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
