/*
 * ipsec.conf of strongSwan and libreswan as clients have it, and what is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "lib/test.h"
#include "report.h"

static void strongswan_eap(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_ipsec,
		"# ours\n"
		"config setup\n\tuniqueids=never\n\n"
		"conn %default\n\tkeyexchange=ikev2\n\tike=aes128-sha1-modp2048\n\tmobike=no\n"
		"\tsession-resumption=no\n\n"
		"conn base\n\talso=algs\n\tleft=%defaultroute\n\tright=192.0.2.9\n\tleftsourceip=%config\n\n"
		"conn algs\n\tike=aes256gcm16-prfsha384-ecp384!\n\tesp=aes256gcm16!\n\n"
		"conn office # the one\n\talso=base\n\tright=vpn.example.org\n"
		"\trightid=@gw.example.org\n\trightsubnet=10.0.0.0/8,192.168.0.0/16\n"
		"\tleftauth=eap-mschapv2\n\trightauth=pubkey\n\teap_identity=\"alice # one\"\n"
		"\tdpddelay=45s # a while\n\tleftupdown=/bin/evil\n\tcompress=yes\n"
		"\tnovelty=1\n\tauto=start\n"
		"include /etc/ipsec.d/*.conf\n");
	assert_string_equal(p->name, "office");
	report_value(p, "connection.type", "ikev2");
	report_value(p, "connection.gateway", "vpn.example.org");
	report_value(p, "connection.security", NULL);
	report_value(p, "local.auth", "eap");
	report_value(p, "local.eap", "mschapv2");
	report_value(p, "remote.id", "gw.example.org");
	report_value(p, "secrets.user", "alice # one");
	report_value(p, "ike.proposals", "aes256gcm16-prfsha384-ecp384");
	report_value(p, "esp.proposals", "aes256gcm16");
	report_value(p, "ike.dpd-interval", "45s");
	report_value(p, "ike.mobike", "no");
	report_value(p, "ike.resumption", "no");
	report_value(p, "esp.remote-ts", "10.0.0.0/8,192.168.0.0/16");
	report_count(p, 13);
	report_note(p, IMPORT_TODO, "ipsec.secrets", "not read");
	report_note(p, IMPORT_RUNS, "leftupdown", "run");
	report_note(p, IMPORT_LEFT, "compress", "not done");
	report_note(p, IMPORT_LEFT, "novelty", "no counterpart");
	report_note(p, IMPORT_LEFT, "include", "not read");
	report_no_note(p, "keyexchange");
	report_no_note(p, "left");
	report_no_note(p, "auto");
	report_good(p);
}

static void strongswan_eap_tls(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_ipsec,
		"conn office\n\tright=vpn.example.org\n\tleftsourceip=%config\n"
		"\tleftauth=eap-tls\n\tleftcert=/etc/me.pem\n\trightauth=pubkey\n"
		"\taaa_identity=\"O=Example, CN=radius\"\n");

	report_value(p, "local.auth", "eap");
	report_value(p, "local.eap", "tls");
	report_value(p, "local.certificate", "/etc/me.pem");
	report_value(p, "remote.eap-id", "O=Example, CN=radius");
	report_no_note(p, "aaa_identity");
	report_good(p);
}

/* The same side by another name, libreswan's words, and IKEv1 that stays what it is. */
static void libreswan_xauth(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_ipsec,
		"version 2.0\n"
		"conn work\n  authby=secret\n  ikev2=no\n  aggressive=yes\n  pfs=no\n"
		"  left=198.51.100.10\n  leftid=@gw\n  leftxauthserver=yes\n  leftmodecfgserver=yes\n"
		"  right=%defaultroute\n  rightid=@#737461666621\n  rightxauthclient=yes\n"
		"  rightmodecfgclient=yes\n  rightusername=bob\n  modecfgpull=yes\n"
		"  leftsubnet=0.0.0.0/0\n  ike=3des-md5;dh2,aes256-sha2;dh14\n"
		"  phase2alg=aes_gcm256\n  salifetime=1h\n");
	report_value(p, "connection.type", "ikev1");
	report_value(p, "connection.gateway", "198.51.100.10");
	report_value(p, "connection.security", "legacy");
	report_value(p, "local.auth", "xauth-psk");
	report_value(p, "local.id", "keyid:0x737461666621");
	report_value(p, "remote.id", "gw");
	report_value(p, "secrets.user", "bob");
	report_value(p, "ike.aggressive", "yes");
	report_value(p, "ike.proposals", "3des-md5-modp1024, aes256-sha256-modp2048");
	report_value(p, "esp.proposals", "aes256gcm16");
	report_value(p, "esp.pfs", "no");
	report_value(p, "esp.lifetime", "1h");
	report_value(p, "esp.remote-ts", NULL);
	report_value(p, "network.address", NULL);
	report_note(p, IMPORT_TODO, "ike", "weak");
	report_no_note(p, "leftxauthserver");
	report_good(p);
}

static void l2tp(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_ipsec,
		"conn l2tp\n type=transport\n authby=secret\n keyexchange=ikev1\n left=%defaultroute\n"
		" leftprotoport=17/1701\n right=vpn.example.org\n rightprotoport=17/1701\n"
		" ikelifetime=8h\n keylife=1h\n");
	report_value(p, "connection.type", "l2tp");
	report_value(p, "local.auth", "psk");
	report_value(p, "esp.mode", NULL);
	report_value(p, "network.address", NULL);
	report_good(p);
}

static void site(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_ipsec,
		"conn site\n left=192.0.2.1\n leftsubnet=10.1.0.0/16\n leftcert=/etc/me.pem\n"
		" right=198.51.100.10\n rightsubnet=10.2.0.0/16\n rightcert=theirs.pem\n");
	report_value(p, "connection.gateway", "198.51.100.10");
	report_value(p, "local.auth", "cert");
	report_value(p, "local.certificate", "/etc/me.pem");
	report_value(p, "esp.local-ts", "10.1.0.0/16");
	report_value(p, "esp.remote-ts", "10.2.0.0/16");
	report_value(p, "network.address", "none");
	report_note(p, IMPORT_TODO, "left", "both sides");
	report_note(p, IMPORT_TODO, "keyexchange", "ikev1");
	report_note(p, IMPORT_TODO, "cert", "theirs.pem");
}

static void xauth_of_strongswan(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_ipsec,
		"conn a\n keyexchange=ikev1\n leftauth=psk\n leftauth2=xauth\n rightauth=psk\n"
		" xauth_identity=carol\n leftsourceip=%config\n right=192.0.2.1\n modeconfig=push\n");
	report_value(p, "local.auth", "xauth-psk");
	report_value(p, "secrets.user", "carol");
	report_value(p, "ike.mode-config", "push");
	p = report_reads(import_ipsec,
		"conn a\n keyexchange=ikev1\n leftauth=xauth\n rightauth=pubkey\n right=192.0.2.1\n");
	report_value(p, "local.auth", "hybrid");
}

/* What holds for all connections, in both programs' words. */
static void revocation(void **state)
{
	static const struct {
		const char *setup, *revocation;
	} rows[] = {
		{ "uniqueids=no", "soft" },
		{ "strictcrlpolicy=yes", "hard" },
		{ "strictcrlpolicy=no", "soft" },
		{ "strictcrlpolicy=ifuri", "soft" },
		{ "crl-strict=yes", "hard" },
		{ "ocsp-enable=yes", "soft" },
		{ "ocsp-strict=yes\n ocsp-enable=yes", "hard" },
		{ "crl-strict=no\n ocsp-enable=no", "soft" },
	};
	char text[400];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof(text),
			"config  setup # for all\n %s\nconn a\n right=192.0.2.1\n leftauth=eap\n"
			" rightauth=pubkey\n keyexchange=ikev2\n",
			rows[i].setup);
		const struct import_profile *p = report_reads(import_ipsec, text);
		report_value(p, "remote.revocation", rows[i].revocation);
		if (strstr(rows[i].setup, "ifuri"))
			report_note(p, IMPORT_LEFT, "strictcrlpolicy", "ifuri");
		report_good(p);
	}
	report_note(
		report_reads(import_ipsec,
			"conn a\n right=192.0.2.1\n leftauth=eap\n rightauth=rsa-4096-sha512\n"),
		IMPORT_TODO, "rightauth", "rsa-4096-sha512");
	/* A certificate that is pinned is believed whatever its CA says, and a shared key has none. */
	const struct import_profile *p = report_reads(import_ipsec,
		"config setup\n crl-strict=yes\nconn a\n right=192.0.2.1\n rightcert=/etc/gw.pem\n"
		" leftauth=eap\n rightauth=pubkey\n");
	report_value(p, "remote.revocation", NULL);
	p = report_reads(import_ipsec,
		"config setup\n crl-strict=yes\nconn a\n right=192.0.2.1\n authby=secret\n");
	report_value(p, "remote.revocation", NULL);
}

static void servers_are_left_out(void **state)
{
	static const char *const texts[] = {
		"conn a\n left=vpn.example.org\n right=%any\n rightsourceip=10.9.0.0/24\n",
		"conn a\n left=%defaultroute\n right=%any\n",
		"conn a\n left=192.0.2.1\n right=10.0.0.0/8\n",
		"conn a\n left=192.0.2.1\n right=10.0.0.1-10.0.0.9\n",
		"conn a\n right=192.0.2.1\n type=passthrough\n",
		"config setup\n right=192.0.2.1\n",
		"conn %default\n right=192.0.2.1\n",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		report_refuses(import_ipsec, texts[i], strlen(texts[i]), "none of its connections");
}

static void hostile(void **state)
{
	static const char nul[] = "conn a\n right=192.0.2.1\0\n";
	size_t n = 1 << 20, at = 0;
	char *text = malloc(n + 1);
	(void)state;

	report_refuses(import_ipsec, "", 0, "none of its connections");
	report_refuses(import_ipsec, nul, sizeof(nul) - 1, "NUL");
	report_refuses(import_ipsec, "right=a\n", 8, "line 1: it stands in no section");
	report_refuses(import_ipsec, "conn a\n right=\"a\n", 17, "line 2: a quote does not end");
	report_refuses(import_ipsec, "conn a\n right\n", 14, "line 2");
	/* Round in circles, and to what there is not. */
	const struct import_profile *p = report_reads(import_ipsec,
		"conn a\n auto=add\n also=b\n also=nothing\n right=192.0.2.1\n keyexchange=ikev2\n"
		" rightid=\"x\x1b[2Jy\"\nconn b\n also=c\nconn c\n also=a\n also=c\n"
		"conn d\n also=d\n also=\n");
	report_value(p, "connection.gateway", "192.0.2.1");
	report_value(p, "remote.id", NULL);
	assert_non_null(text);
	for (int i = 0; i < 2000; i++)
		at += (size_t)snprintf(text + at, n - at, "conn n%d\n also=n%d\n", i, i + 1);
	report_refuses(import_ipsec, text, at, "more than");
	memset(text, 'a', n);
	memcpy(text, "conn a\n right=192.0.2.1\n ike=", 29);
	text[n] = 0;
	p = report_reads(import_ipsec, text);
	report_value(p, "ike.proposals", NULL);
	memset(text, '-', n);
	memcpy(text, "conn a\n right=192.0.2.1\n ike=", 29);
	p = report_reads(import_ipsec, text);
	report_note(p, IMPORT_LEFT, "ike", "too long");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(strongswan_eap, report_clear),
		cmocka_unit_test_teardown(strongswan_eap_tls, report_clear),
		cmocka_unit_test_teardown(libreswan_xauth, report_clear),
		cmocka_unit_test_teardown(l2tp, report_clear),
		cmocka_unit_test_teardown(site, report_clear),
		cmocka_unit_test_teardown(xauth_of_strongswan, report_clear),
		cmocka_unit_test_teardown(revocation, report_clear),
		cmocka_unit_test_teardown(servers_are_left_out, report_clear),
		cmocka_unit_test_teardown(hostile, report_clear),
	};

	return cmocka_run_group_tests(tests, report_setup, NULL);
}
