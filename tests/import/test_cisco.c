/*
 * vpnc.conf and .pcf as they are handed out, and what is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "crypto/cisco.h"
#include "lib/test.h"
#include "report.h"

/* Made by a script of its own and the openssl command; that the scheme is Cisco's was seen by samples of others,
 * which are not here. */
#define HIDDEN_GROUP                               \
	"0102030405060708090A0B0C0D0E0F10111213FF" \
	"3541F232FE8C6C8514FBA666BF3C8A3EA98321C4" \
	"C9F2369A39F3F6254C03AA892FF5FB7E"
#define HIDDEN_WORD                                \
	"15161718191a1b1c1d1e1f202122232425262728" \
	"5EBF287CCAE3DFAB6BC5FB397E9BADE985718F1F" \
	"9B418C20A3F6CA259AEE1D820BFDCF6C"
#define HIDDEN_LINES                             \
	"15161718191A1B1C1D1E1F2021222324252627" \
	"2804A7E0CD5F0699A232840A6E2C4A31D91FD50563DBD26D9446D6E84A"

#define HIDDEN_END                                                                         \
	"3D3E3F404142434445464748494A4B4C4D4E4F509B78F103E3CEBE94FD71CB07C6419D2A668672E0" \
	"CF9B409B0F10763DF837D4FCE8099578"

static void vpnc(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_vpnc,
		"# made by hand\r\n"
		"IPSec gateway vpn.example.org\r\n"
		"IPSec ID staff\n"
		"IPSec secret  two words # and a hash\n"
		"  xauth Username alice\n"
		"Xauth password wonder=land\n"
		"NAT Traversal Mode force-natt\n"
		"DPD idle timeout (our side) 0\n"
		"Local Port 0\n"
		"Domain CORP\n"
		"Script /bin/sh -c evil\n"
		"Password helper /bin/evil\n"
		"Enable Single DES\n");
	report_value(p, "connection.type", "ikev1");
	report_value(p, "connection.gateway", "vpn.example.org");
	report_value(p, "connection.encapsulation", "yes");
	report_value(p, "connection.security", "legacy");
	report_value(p, "local.auth", "xauth-psk");
	report_value(p, "local.id", "keyid:staff");
	report_value(p, "secrets.psk", "two words # and a hash");
	report_value(p, "secrets.user", "alice");
	report_value(p, "secrets.password", "wonder=land");
	report_value(p, "ike.aggressive", "yes");
	report_value(p, "ike.dpd-interval", "0");
	report_value(p, "ike.proposals",
		"aes256-sha256-modp1024, aes256-sha1-modp1024, aes128-sha1-modp1024, "
		"3des-sha1-modp1024, 3des-md5-modp1024");
	report_note(p, IMPORT_TODO, "IKE DH Group", "weak");
	report_note(p, IMPORT_TODO, "IPSec ID", "aggressive");
	report_note(p, IMPORT_TODO, "Domain", "DOMAIN");
	report_note(p, IMPORT_RUNS, "Script", "run");
	report_note(p, IMPORT_LEFT, "Enable Single DES", "DES");
	report_note(p, IMPORT_RUNS, "Password helper", "run");
	report_no_note(p, "Local Port");
	report_count(p, 13);
	report_good(p);
}

static void vpnc_of_today(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_vpnc,
		"IPSec gateway 192.0.2.1\nIPSec ID staff\nIKE Authmode hybrid\nCA-File /etc/ca.pem\n"
		"IKE DH Group dh14\nPerfect Forward Secrecy nopfs\nXauth username bob\n"
		"Xauth obfuscated password " HIDDEN_WORD "\n");
	report_value(p, "local.auth", "hybrid");
	report_value(p, "remote.ca", "/etc/ca.pem");
	report_value(p, "connection.security", "compat");
	report_value(p, "esp.pfs", "no");
	report_value(p, "secrets.password", "user word");
	report_value(p, "secrets.psk", NULL);
	p = report_reads(
		import_vpnc, "IPSec gateway 192.0.2.1\nIKE DH Group dh1\nIKE Authmode cert\n");
	report_value(p, "ike.proposals", NULL);
	report_note(p, IMPORT_LEFT, "IKE DH Group", "no such group");
	report_note(p, IMPORT_TODO, "IKE Authmode", "local.certificate");
	p = report_reads(import_vpnc, "IPSec gateway 192.0.2.1\nIPSec ID x\n");
	report_note(p, IMPORT_TODO, "IPSec secret", "not in the file");
}

static void no_vpnc(void **state)
{
	static const char nul[] = "IPSec gateway 192.0.2.1\0Script x\n";
	(void)state;

	report_refuses(import_vpnc, "", 0, "no IPSec gateway");
	report_refuses(import_vpnc, "IPSec gateway\n", 14, "no IPSec gateway");
	report_refuses(import_vpnc, "\n\nclient\nremote x\n", 18, "line 3");
	report_refuses(import_vpnc, nul, sizeof(nul) - 1, "NUL");
}

static void pcf(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_pcf,
		"\xef\xbb\xbf[main]\r\nDescription=Head office, ../3rd floor\r\n!Host=vpn.example.org\r\n"
		"AuthType=1\r\n!GroupName=staff\r\nGroupPwd=\r\nenc_GroupPwd=" HIDDEN_GROUP "\r\n"
		"EnableISPConnect=0\r\nISPCommand=C:\\evil.exe\r\nUsername=alice\r\n"
		"enc_UserPassword=\r\nEnableBackup=1\r\nBackupServer=vpn2.example.org,192.0.2.7\r\n"
		"TunnelingMode=1\r\nDHGroup=5\r\nEnableLocalLAN=0\r\nNovelty=1\r\nSendCertChain=0\r\n");
	assert_string_equal(p->name, "Head-office-..-3rd-floor");
	report_value(p, "connection.type", "ikev1");
	report_value(p, "connection.gateway", "vpn.example.org, vpn2.example.org, 192.0.2.7");
	report_value(p, "local.id", "keyid:staff");
	report_value(p, "secrets.psk", "group secret 7");
	report_value(p, "secrets.user", "alice");
	report_value(p, "secrets.password", NULL);
	report_value(p, "network.lan", "no");
	report_value(p, "connection.security", "legacy");
	assert_non_null(strstr(import_get(p, "ike", "proposals"), "aes256-sha1-modp1536"));
	report_note(p, IMPORT_RUNS, "ISPCommand", "run");
	report_note(p, IMPORT_LEFT, "TunnelingMode", "TCP");
	report_note(p, IMPORT_LEFT, "Novelty", "no counterpart");
	report_no_note(p, "SendCertChain");
	report_good(p);
}

static void pcf_with_a_certificate(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(
		import_pcf, "[main]\nHost=192.0.2.1\nAuthType=3\nCertName=Alice\nDHGroup=14\n");
	report_value(p, "local.auth", "xauth-cert");
	report_value(p, "ike.aggressive", NULL);
	report_value(p, "connection.security", "compat");
	report_note(p, IMPORT_TODO, "CertName", "Alice");
}

#define PCF(hidden) "[main]\nHost=192.0.2.1\nGroupName=g\nenc_GroupPwd=" hidden "\n"

static void hidden_secrets(void **state)
{
	static const char other[] = PCF("0102030405060708090A0B0C0D0E0F10111213FF"
					"3541F232FE8C6C8514FBA666BF3C8A3EA98321C5"
					"C9F2369A39F3F6254C03AA892FF5FB7E");
	static const struct {
		const char *text, *why;
	} rows[] = { { PCF("zz"), "no password" }, { PCF("123"), "no password" },
		{ PCF("00"), "no password" }, { other, "checksum" } };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct import_profile *p = report_reads(import_pcf, rows[i].text);
		report_note(p, IMPORT_TODO, "enc_GroupPwd", rows[i].why);
		report_value(p, "secrets.psk", NULL);
	}
	report_value(report_reads(import_pcf, PCF(HIDDEN_END)), "secrets.psk", "with its end");
	/* A line end that was hidden does not make a second line of the profile. */
	const struct import_profile *p = report_reads(import_pcf, PCF(HIDDEN_LINES));
	report_note(p, IMPORT_TODO, "secrets.psk", "control characters");
	report_value(p, "secrets.psk", NULL);
}

static void no_pcf(void **state)
{
	static const char nul[] = "[main]\nHost=a\0b\n";
	size_t n = 1 << 20;
	char *line = malloc(n);
	(void)state;

	report_refuses(import_pcf, "", 0, "no Host");
	report_refuses(import_pcf, "[other]\nHost=a\n", 15, "no Host");
	report_refuses(import_pcf, "[main\nHost=a\n", 13, "line 1");
	report_refuses(import_pcf, "=a\n", 3, "line 1");
	report_refuses(import_pcf, nul, sizeof(nul) - 1, "NUL");
	assert_non_null(line);
	memset(line, 'x', n);
	report_refuses(import_pcf, line, n, "line 1");
	memcpy(line, "[main]\nHost=", 12);
	struct err err;
	assert_ok(&err, import_pcf((struct bytes){ line, n }, &report_im, &err));
	report_value(report_im.v[0], "connection.gateway", NULL);
	for (size_t i = 0; i + 4 <= n; i += 4)
		memcpy(line + i, "a=b\n", 4);
	report_refuses(import_pcf, line, n, "more than");
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(vpnc, report_clear),
		cmocka_unit_test_teardown(vpnc_of_today, report_clear),
		cmocka_unit_test_teardown(no_vpnc, report_clear),
		cmocka_unit_test_teardown(pcf, report_clear),
		cmocka_unit_test_teardown(pcf_with_a_certificate, report_clear),
		cmocka_unit_test_teardown(hidden_secrets, report_clear),
		cmocka_unit_test_teardown(no_pcf, report_clear),
	};

	return cmocka_run_group_tests(tests, report_setup, NULL);
}
