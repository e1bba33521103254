/*
 * rasphone.pbk of Windows: what is ours in it, and what is none.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/test.h"
#include "report.h"

#define ENTRY(name, strategy)                                   \
	"[" name "]\r\nEncoding=1\r\nPBVersion=8\r\nType=2\r\n" \
	"VpnStrategy=" #strategy "\r\nCustomDialDll=\r\n"
#define PHONE \
	"\r\nMEDIA=rastapi\r\nPort=VPN2-0\r\n\r\nDEVICE=vpn\r\nPhoneNumber=vpn.example.org\r\n"

#define HEAD_OFFICE                                             \
	ENTRY("Head office", 7)                                 \
	"CustomAuthKey=26\r\nAuthRestrictions=128\r\n"          \
	"IpPrioritizeRemote=0\r\nIpDnsAddress=10.0.0.1\r\n"     \
	"IpDns2Address=0.0.0.0\r\nIpDnsSuffix=corp.example\r\n" \
	"DisableMobility=1\r\nNumCustomPolicy=1\r\n"            \
	"CustomRasDialDll=C:\\evil.dll\r\n" PHONE
#define OLD      ENTRY("Old", 3) "IpPrioritizeRemote=1\r\n" PHONE
#define OLDER    ENTRY("Older", 12) PHONE
#define ANYTHING ENTRY("Anything", 14) "AuthRestrictions=0\r\n" PHONE
#define MODEM    "[Modem]\r\nType=1\r\nPhoneNumber=5551234\r\n"

static void book(void **state)
{
	(void)state;
	report_reads_all(import_pbk, HEAD_OFFICE OLD OLDER ANYTHING MODEM, 3);
	const struct import_profile *p = report_im.v[0];
	assert_string_equal(p->name, "Head-office");
	report_value(p, "connection.type", "ikev2");
	report_value(p, "connection.gateway", "vpn.example.org");
	report_value(p, "local.auth", "eap");
	report_value(p, "local.eap", "mschapv2");
	report_value(p, "network.dns", "10.0.0.1");
	report_value(p, "network.domains", "corp.example");
	report_value(p, "ike.mobike", "no");
	report_count(p, 7);
	report_note(p, IMPORT_RUNS, "CustomRasDialDll", "run");
	report_no_note(p, "CustomDialDll");
	report_no_note(p, "VpnStrategy");
	report_note(p, IMPORT_TODO, "NumCustomPolicy", "ike.proposals");
	report_note(p, IMPORT_TODO, "IpPrioritizeRemote", "network.routes");
	report_note(p, IMPORT_LEFT, "Older", "PPTP");
	report_good(p);
	p = report_im.v[1];
	report_value(p, "connection.type", "l2tp");
	report_value(p, "local.auth", "psk");
	report_note(p, IMPORT_TODO, "PreSharedKey", "secrets.psk");
	report_no_note(p, "IpPrioritizeRemote");
	report_good(p);
	p = report_im.v[2];
	report_value(p, "connection.type", "ikev2");
	report_value(p, "local.auth", "cert");
	report_note(p, IMPORT_TODO, "VpnStrategy", "14");
	report_note(p, IMPORT_TODO, "AuthRestrictions", "local.certificate");
}

static void methods(void **state)
{
	(void)state;
	report_reads_all(import_pbk, ENTRY("a", 13) PHONE, 1);
	report_value(report_im.v[0], "connection.type", "l2tp");
	report_value(report_im.v[0], "ppp.auth", NULL);
	/* As Windows makes one: CHAP and MS-CHAPv2, and no password in the clear. */
	report_reads_all(import_pbk, ENTRY("a", 3) "AuthRestrictions=544\r\n" PHONE, 1);
	report_value(report_im.v[0], "ppp.auth", "mschapv2, chap");
	report_reads_all(import_pbk, ENTRY("a", 3) "AuthRestrictions=632\r\n" PHONE, 1);
	report_value(report_im.v[0], "ppp.auth", "mschapv2, chap, pap");
	report_reads_all(import_pbk, ENTRY("a", 3) "AuthRestrictions=64\r\n" PHONE, 1);
	report_value(report_im.v[0], "ppp.auth", "mschapv2");
	report_note(report_im.v[0], IMPORT_TODO, "AuthRestrictions", "ppp.auth");
	report_reads_all(
		import_pbk, ENTRY("a", 3) "CustomAuthKey=26\r\nAuthRestrictions=128\r\n" PHONE, 1);
	report_no_note(report_im.v[0], "CustomAuthKey");
	report_value(report_im.v[0], "ppp.auth", "eap");
	report_reads_all(
		import_pbk, ENTRY("a", 3) "CustomAuthKey=13\r\nAuthRestrictions=128\r\n" PHONE, 1);
	report_value(report_im.v[0], "local.eap", "tls");
	report_note(report_im.v[0], IMPORT_TODO, "CustomAuthKey", "local.certificate");
	report_reads_all(
		import_pbk, ENTRY("a", 7) "CustomAuthKey=13\r\nAuthRestrictions=128\r\n" PHONE, 1);
	report_value(report_im.v[0], "local.auth", "eap");
	report_value(report_im.v[0], "local.eap", "tls");
	report_note(report_im.v[0], IMPORT_TODO, "CustomAuthKey", "remote.eap-id");
	report_reads_all(
		import_pbk, ENTRY("a", 7) "CustomAuthKey=25\r\nAuthRestrictions=128\r\n" PHONE, 1);
	report_value(report_im.v[0], "local.auth", "eap");
	report_value(report_im.v[0], "local.eap", "peap");
	report_note(report_im.v[0], IMPORT_TODO, "CustomAuthKey", "remote.eap-id");
	report_reads_all(
		import_pbk, ENTRY("a", 7) "CustomAuthKey=21\r\nAuthRestrictions=128\r\n" PHONE, 1);
	report_value(report_im.v[0], "local.eap", "ttls");
	report_note(report_im.v[0], IMPORT_TODO, "CustomAuthKey", "ttls-pap");
	report_reads_all(
		import_pbk, ENTRY("a", 7) "CustomAuthKey=43\r\nAuthRestrictions=128\r\n" PHONE, 1);
	report_value(report_im.v[0], "local.eap", NULL);
	report_note(report_im.v[0], IMPORT_LEFT, "CustomAuthKey", "method 43");
}

static void none(void **state)
{
	static const char sstp[] = ENTRY("Work", 5) PHONE, nul[] = "[a]\nType=2\0\n";
	size_t n = 1 << 20;
	char *text = malloc(n);
	(void)state;

	report_refuses(import_pbk, "", 0, "no entry");
	report_refuses(import_pbk, sstp, sizeof(sstp) - 1, "Work is PPTP or SSTP");
	report_refuses(import_pbk, nul, sizeof(nul) - 1, "NUL");
	assert_non_null(text);
	memset(text, '[', n);
	report_refuses(import_pbk, text, n, "line 1");
	for (size_t i = 0; i + 4 <= n; i += 4)
		memcpy(text + i, "[a]\n", 4);
	report_refuses(import_pbk, text, n, "more than");
	report_refuses(import_pbk, text, 4 * 16000, "no entry");
	free(text);
	report_reads_all(import_pbk, ENTRY("../\x1b[2J", 7) "\r\nPhoneNumber=a;b c\x07\r\n", 1);
	assert_null(strpbrk(report_im.v[0]->name, "/\x1b["));
	report_value(report_im.v[0], "connection.gateway", "a, b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(book, report_clear),
		cmocka_unit_test_teardown(methods, report_clear),
		cmocka_unit_test_teardown(none, report_clear),
	};

	return cmocka_run_group_tests(tests, report_setup, NULL);
}
