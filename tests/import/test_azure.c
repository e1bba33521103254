#include "lib/pki.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../src/import/base64.h"

static struct err err;

#define AZURE(inner)                                                                   \
	"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"                   \
	"<VpnProfile xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">\r\n" inner \
	"</VpnProfile>\r\n"
#define SERVER "  <VpnServer>azuregateway-1.vpn.azure.example</VpnServer>\r\n"

static void a_gateway_with_certificates(void **state)
{
	static struct pki_file der, pem;
	EVP_PKEY *key = pki_key("EC", "P-256");
	X509 *root =
		pki_issue(&(struct pki_spec){ .cn = "Root", .key = key, .ca = true }, NULL, NULL);
	uint8_t base64[4096];
	char text[8192];
	(void)state;

	pki_der_cert(&der, root);
	pki_pem_cert(&pem, root);
	struct wr w = wr_init(base64, sizeof(base64));
	base64_pem(&w, "X", pki_bytes(&der));
	base64[w.len - strlen("-----END X-----\n")] = 0;
	snprintf(text, sizeof(text),
		AZURE(SERVER "<VpnType>OpenVPN,IkeV2</VpnType><CaCert>%s</CaCert>"
			     "<Routes>10.1.0.0/16,10.2.0.0/16, 2001:db8::/32</Routes>"
			     "<Auth>EAPTLS</Auth><RadiusServerRootCertificate i:nil=\"true\" />"
			     "<VpnDnsServers><string>10.1.0.4</string><string>10.1.0.5</string>"
			     "</VpnDnsServers><Novelty>1</Novelty>"),
		(char *)base64 + strlen("-----BEGIN X-----\n"));
	struct import_profile *p = report_reads(import_azure, text);
	report_value(p, "connection.type", "ikev2");
	report_value(p, "connection.gateway", "azuregateway-1.vpn.azure.example");
	report_value(p, "local.auth", "eap");
	report_value(p, "local.eap", "tls");
	report_value(p, "network.routes", "10.1.0.0/16, 10.2.0.0/16, 2001:db8::/32");
	report_value(p, "network.dns", "10.1.0.4, 10.1.0.5");
	report_value(p, "remote.ca", "azure.ca.crt");
	report_count(p, 7);
	assert_int_equal(p->n_files, 1);
	assert_int_equal(p->files[0].len, pem.len);
	assert_memory_equal(p->files[0].data, pem.data, pem.len);
	report_note(p, IMPORT_TODO, "client certificate", "local.certificate");
	report_no_note(p, "Auth");
	report_note(p, IMPORT_LEFT, "Novelty", "no counterpart");
	report_no_note(p, "RadiusServerRootCertificate");
	X509_free(root);
	EVP_PKEY_free(key);
}

static void a_gateway_with_passwords(void **state)
{
	(void)state;
	struct import_profile *p = report_reads(import_azure,
		AZURE(SERVER "<VpnType>IKEv2,SSTP</VpnType><Auth>EAPMSCHAPv2"
			     "</Auth><Routes/><CaCert>what?</CaCert>"));

	report_value(p, "local.auth", "eap");
	report_value(p, "local.eap", "mschapv2");
	report_value(p, "network.routes", NULL);
	report_note(p, IMPORT_TODO, "CaCert", "remote.ca");
	report_no_note(p, "client certificate");
	report_good(p);
}

/* EAP-TLS is done with it, and not with the gateway; what it is called the file does not say. */
static void a_radius_server(void **state)
{
	EVP_PKEY *key = pki_key("EC", "P-256");
	X509 *root = pki_issue(
		&(struct pki_spec){ .cn = "Radius Root", .key = key, .ca = true }, NULL, NULL);
	struct pki_file der = { .len = 0 };
	char text[4096], coded[2048];

	(void)state;
	pki_der_cert(&der, root);
	EVP_EncodeBlock((unsigned char *)coded, der.data, (int)der.len);
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text),
			AZURE(SERVER
				"<VpnType>IkeV2</VpnType><Auth>%s</Auth>"
				"<RadiusServerRootCertificate>%s</RadiusServerRootCertificate>"),
			i ? "EAPMSCHAPv2" : "EAPTLS", coded);
		struct import_profile *p = report_reads(import_azure, text);
		report_value(p, "remote.eap-ca", i ? NULL : "azure.eap-ca.crt");
		report_note(p, i ? IMPORT_LEFT : IMPORT_TODO, "RadiusServerRootCertificate",
			i ? "not asked for" : "remote.eap-id");
		import_free(&report_im);
	}
	X509_free(root);
	EVP_PKEY_free(key);
}

/* A prefix that is cut off would be another one. */
static void more_routes_than_fit_are_told_of(void **state)
{
	char text[20000], *at = text;
	(void)state;

	at += sprintf(at, AZURE(SERVER "<Routes>10.0.0.0/8"));
	at = strstr(text, "</VpnProfile>");
	for (unsigned i = 1; i <= 100; i++)
		at += sprintf(at, ",172.16.%u.0/24", i);
	sprintf(at, "</Routes></VpnProfile>");
	struct import_profile *p = report_reads(import_azure, text);
	const char *routes = import_get(p, "network", "routes");
	assert_non_null(routes);
	assert_string_equal(routes + strlen(routes) - 3, "/24");
	report_note(p, IMPORT_TODO, "Routes", "more did not fit network.routes");
	import_free(&report_im);
	memset(text, '0', sizeof(text));
	at = text + sprintf(text, AZURE(SERVER "<Routes>10.0.0.0/"));
	at = strstr(text, "</VpnProfile>");
	memset(at, '0', 300);
	sprintf(at + 300, "</Routes></VpnProfile>");
	p = report_reads(import_azure, text);
	report_value(p, "network.routes", NULL);
	report_note(p, IMPORT_LEFT, "Routes", "10.0.0.0/0");
}

static void what_is_none_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "no XML" },
		{ "<a/>", "no VpnSettings.xml" },
		{ "<AzVpnProfile/>", "OpenVPN" },
		{ AZURE(""), "no VpnServer" },
		{ AZURE("<VpnServer> </VpnServer>"), "no VpnServer" },
		{ AZURE("<VpnServer><a/>x</VpnServer>"), "no VpnServer" },
		{ AZURE(SERVER "<VpnType>OpenVPN,SSTP</VpnType>"), "OpenVPN,SSTP" },
		{ "<!DOCTYPE VpnProfile [<!ENTITY x 'a'>]><VpnProfile><VpnServer>&x;</VpnServer>"
		  "</VpnProfile>",
			"document type" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_refused(
			&err, ERR_CONFIG, import_azure(BYTES(rows[i].text), &report_im, &err));
		if (!strstr(err.text, rows[i].why))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(report_im.n, 0);
	}
}

static void values_stay_in_their_line(void **state)
{
	(void)state;
	struct import_profile *p = report_reads(import_azure,
		AZURE("<VpnServer>\na.example\n[local]\nid = x\n</VpnServer>"
		      "<Routes>10.0.0.0/8\n[local]\n</Routes>"));

	report_value(p, "connection.gateway", "a.example");
	report_value(p, "network.routes", "10.0.0.0/8");
	for (size_t i = 0; i < p->n_entries; i++)
		assert_null(strchr(p->entries[i].value, '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_gateway_with_certificates, report_clear),
		cmocka_unit_test_teardown(a_gateway_with_passwords, report_clear),
		cmocka_unit_test_teardown(a_radius_server, report_clear),
		cmocka_unit_test_teardown(more_routes_than_fit_are_told_of, report_clear),
		cmocka_unit_test_teardown(what_is_none_is_refused, report_clear),
		cmocka_unit_test_teardown(values_stay_in_their_line, report_clear),
	};
	return cmocka_run_group_tests(tests, report_setup, NULL);
}
