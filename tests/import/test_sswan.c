#include "crypto/alg.h"
#include "lib/pki.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../src/import/base64.h"

static struct err err;
static EVP_PKEY *key;
static X509 *root, *gateway;

static int setup(void **state)
{
	(void)state;
	assert_ok(&err, crypto_begin(&err));
	key = pki_key("EC", "P-256");
	root = pki_issue(&(struct pki_spec){ .cn = "Root", .key = key, .ca = true }, NULL, NULL);
	gateway = pki_issue(
		&(struct pki_spec){ .cn = "gw", .key = key, .san = "DNS:vpn.example.org" }, root,
		key);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	X509_free(root);
	X509_free(gateway);
	EVP_PKEY_free(key);
	return 0;
}

#define HEAD "{\"uuid\": \"c2c3b3a0-0000-4000-8000-1234567890ab\", \"name\": \"Office\", "

/* In one line, as a string of JSON has to be. */
static char *base64_of(const struct pki_file *f, char out[8192])
{
	struct wr w = wr_init(out, 8192);
	char *to = out;

	base64_pem(&w, "X", pki_bytes(f));
	out[w.len - strlen("-----END X-----\n")] = 0;
	for (char *at = out + strlen("-----BEGIN X-----\n"); *at; at++)
		if (*at != '\n')
			*to++ = *at;
	*to = 0;
	return out;
}

static void revocation(void **state)
{
	static const struct {
		const char *says, *value;
	} rows[] = {
		{ "{}", "soft" },
		{ "{\"strict\": false}", "soft" },
		{ "{\"crl\": false}", "soft" },
		{ "{\"crl\": false, \"ocsp\": false}", "off" },
		{ "{\"ocsp\": false, \"strict\": true}", "hard" },
		{ "3", "soft" },
		{ "null", "soft" },
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof(text),
			HEAD "\"type\": \"ikev2-eap\", \"remote\": {\"addr\": \"a.example\", "
			     "\"revocation\": %s}, \"local\": {}}",
			rows[i].says);
		report_value(report_reads(import_sswan, text), "remote.revocation", rows[i].value);
	}
}

static void a_profile_with_a_password(void **state)
{
	(void)state;
	struct import_profile *p = report_reads(import_sswan,
		HEAD
		"\"type\": \"ikev2-eap\", \"remote\": {\"addr\": \"vpn.example.org\", \"port\": "
		"4500, \"id\": \"gw.example.org\", \"certreq\": true, \"revocation\": "
		"{\"strict\": true}}, \"local\": {\"eap_id\": \"alice\", \"shared_secret\": "
		"\"?\"}, \"ike-proposal\": \"aes256-sha256-ecp256\", \"esp-proposal\": "
		"\"aes256gcm16-ecp256\", \"split-tunneling\": {\"subnets\": [\"10.0.0.0/8\", "
		"\"2001:db8::/32\", \"192.0.2.1-192.0.2.9\"], \"excluded\": \"10.9.0.0/16\", "
		"\"block-ipv4\": true, \"block-ipv6\": false}, \"dns-servers\": [\"10.0.0.53\"], "
		"\"mtu\": 1300, \"nat-keepalive\": 60, \"apps\": [\"org.example\"]}");

	assert_string_equal(p->name, "Office");
	report_value(p, "connection.type", "ikev2");
	report_value(p, "connection.gateway", "vpn.example.org");
	report_value(p, "connection.port", "4500");
	report_value(p, "local.auth", "eap");
	report_value(p, "remote.id", "gw.example.org");
	report_value(p, "remote.revocation", "hard");
	report_value(p, "secrets.user", "alice");
	report_value(p, "ike.proposals", "aes256-sha256-ecp256");
	report_value(p, "esp.proposals", "aes256gcm16-ecp256");
	report_value(p, "network.routes", "10.0.0.0/8, 2001:db8::/32");
	report_value(p, "network.exclude", "10.9.0.0/16");
	report_value(p, "network.dns", "10.0.0.53");
	report_value(p, "network.mtu", "1300");
	report_count(p, 13);
	report_note(p, IMPORT_LEFT, "split-tunneling.subnets", "192.0.2.1-192.0.2.9");
	report_note(p, IMPORT_LEFT, "split-tunneling.block-ipv4", "killswitch");
	report_no_note(p, "split-tunneling.block-ipv6");
	report_note(p, IMPORT_LEFT, "nat-keepalive", "not to be set");
	report_note(p, IMPORT_LEFT, "apps", "whole machine");
	report_note(p, IMPORT_LEFT, "local.shared_secret", "no counterpart");
	assert_int_equal(p->n_notes, 5);
	report_good(p);
}

static void a_profile_with_a_certificate(void **state)
{
	static struct pki_file p12, ca, pem;
	char text[20000], a[8192], b[8192];
	(void)state;

	p12.len = ca.len = pem.len = 0;
	pki_p12(&p12, key, gateway, root, "open");
	pki_der_cert(&ca, root);
	pki_pem_cert(&pem, root);
	snprintf(text, sizeof(text),
		HEAD "\"type\": \"ikev2-cert\", \"remote\": {\"addr\": \"vpn.example.org\", "
		     "\"cert\": \"%s\"}, \"local\": {\"id\": \"me@example.org\", \"p12\": \"%s\", "
		     "\"rsa-pss\": true}}",
		base64_of(&ca, a), base64_of(&p12, b));
	struct import_profile *p = report_reads(import_sswan, text);
	report_value(p, "local.auth", "cert");
	report_value(p, "local.id", "me@example.org");
	report_value(p, "local.certificate", "Office.p12");
	report_value(p, "remote.ca", "Office.ca.crt");
	report_value(p, "remote.certificate", NULL);
	assert_int_equal(p->n_files, 2);
	assert_int_equal(p->files[0].len, pem.len);
	assert_memory_equal(p->files[0].data, pem.data, pem.len);
	assert_int_equal(p->files[1].len, p12.len);
	assert_memory_equal(p->files[1].data, p12.data, p12.len);
	assert_int_equal(p->n_notes, 0);
	report_good(p);
	import_free(&report_im);
	/* The gateway's own one, and not its CA's. */
	ca.len = 0;
	pki_der_cert(&ca, gateway);
	snprintf(text, sizeof(text),
		HEAD "\"type\": \"ikev2-eap-tls\", \"remote\": {\"addr\": \"192.0.2.1\", \"id\": "
		     "\"vpn.example.org\", \"cert\": \"%s\"}}",
		base64_of(&ca, a));
	p = report_reads(import_sswan, text);
	report_value(p, "remote.certificate", "Office.gateway.crt");
	report_value(p, "remote.ca", NULL);
	report_value(p, "local.auth", "eap");
	report_value(p, "local.eap", "tls");
	report_no_note(p, "type");
	report_note(p, IMPORT_TODO, "local.p12", "local.certificate");
}

static void proposals_are_those_we_have(void **state)
{
	(void)state;
	struct import_profile *p = report_reads(import_sswan,
		HEAD
		"\"type\": \"ikev2-byod-eap\", \"remote\": {\"addr\": \"a.example\", \"cert\": "
		"\"AAAA\"}, \"ike-proposal\": \"aes256-sha1-modp1024, serpent256-sha256-ecp256,"
		"aes128-sha256-modp2048\", \"esp-proposal\": \"aes256-sha1\"}");

	report_value(p, "ike.proposals", "aes256-sha1-modp1024, aes128-sha256-modp2048");
	report_value(p, "esp.proposals", "aes256-sha1");
	report_value(p, "connection.security", "legacy");
	report_note(p, IMPORT_LEFT, "type", "health");
	report_note(p, IMPORT_TODO, "remote.cert", "remote.ca");
	bool told = false;
	for (size_t i = 0; i < p->n_notes; i++)
		told = told ||
			(p->notes[i].kind == IMPORT_LEFT && strstr(p->notes[i].why, "serpent256"));
	assert_true(told);
	report_good(p);
}

static void what_is_none_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "no JSON" },
		{ "[]", "no type" },
		{ "\"x\"", "no" },
		{ "{}", "no type" },
		{ "{\"type\": \"ikev2-eap\"}", "remote.addr" },
		{ "{\"type\": \"ikev2-eap\", \"remote\": \"a\"}", "remote.addr" },
		{ "{\"type\": \"ikev2-eap\", \"remote\": {\"addr\": 1}}", "remote.addr" },
		{ "{\"type\": \"ikev2-cert-eap\", \"remote\": {\"addr\": \"a\"}}",
			"and then a password" },
		{ "{\"type\": \"wireguard\", \"remote\": {\"addr\": \"a\"}}", "wireguard" },
		{ "{\"type\": \"ikev2-eap\", \"type\": \"ikev2-cert\"}", "no JSON" },
		{ "{\"type\": \"ikev2-eap\", \"remote\": {\"addr\": \"a\\u0000b\"}}", "no JSON" },
		{ "{\"type\": \"ikev2-eap\xff\"}", "no JSON" },
		{ "{\"type\"", "no JSON" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_refused(
			&err, ERR_CONFIG, import_sswan(BYTES(rows[i].text), &report_im, &err));
		if (!strstr(err.text, rows[i].why))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(report_im.n, 0);
	}
	assert_refused(&err, ERR_CONFIG, import_sswan((struct bytes){ NULL, 0 }, &report_im, &err));
}

static void deep_and_large_files_are_refused(void **state)
{
	enum { DEEP = 1 << 20, LARGE = (4 << 20) + 1 };
	char *text = malloc(LARGE);
	(void)state;

	memset(text, '[', DEEP);
	assert_refused(
		&err, ERR_CONFIG, import_sswan((struct bytes){ text, DEEP }, &report_im, &err));
	memset(text, ' ', LARGE);
	assert_refused(
		&err, ERR_CONFIG, import_sswan((struct bytes){ text, LARGE }, &report_im, &err));
	assert_non_null(strstr(err.text, "larger"));
	free(text);
}

static void odd_values_are_no_values(void **state)
{
	(void)state;
	struct import_profile *p = report_reads(import_sswan,
		"{\"name\": 5, \"type\": \"ikev2-eap\", \"remote\": {\"addr\": "
		"\"a.example\\n[local]\\nid = x\", \"port\": 70000, \"id\": \"a\\u001bb\"}, \"local\": "
		"[1], \"mtu\": \"1300\", \"split-tunneling\": [\"10.0.0.0/8\"], \"dns-servers\": "
		"[1, null, [\"10.0.0.1\"]], \"apps\": null, \"ike-proposal\": 5}");

	report_value(p, "connection.gateway", NULL);
	report_value(p, "connection.port", NULL);
	report_note(p, IMPORT_LEFT, "port", "no number");
	report_value(p, "remote.id", NULL);
	report_value(p, "network.mtu", NULL);
	report_value(p, "network.routes", NULL);
	report_value(p, "network.dns", NULL);
	report_value(p, "ike.proposals", NULL);
	report_no_note(p, "apps");
	report_count(p, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_profile_with_a_password, report_clear),
		cmocka_unit_test_teardown(revocation, report_clear),
		cmocka_unit_test_teardown(a_profile_with_a_certificate, report_clear),
		cmocka_unit_test_teardown(proposals_are_those_we_have, report_clear),
		cmocka_unit_test_teardown(what_is_none_is_refused, report_clear),
		cmocka_unit_test_teardown(deep_and_large_files_are_refused, report_clear),
		cmocka_unit_test_teardown(odd_values_are_no_values, report_clear),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
