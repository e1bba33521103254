/*
 * .nmconnection files of the three kinds that are ours, and what is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test.h"
#include "report.h"

#define HEAD(kind)                                                                  \
	"[connection]\nid=Head office\nuuid=1b4e28ba-2fa1-11d2-883f-0016d3cca427\n" \
	"type=vpn\n\n[vpn]\nservice-type=org.freedesktop.NetworkManager." kind "\n"

static void strongswan_eap(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_nm,
		HEAD("strongswan") "address=vpn.example.org\ncertificate=/etc/ssl/office\\sca.pem\nencap=yes\n"
				   "esp=aes256gcm16;aes128-sha256!\nike=aes256-sha256-modp2048\nipcomp=no\n"
				   "method=eap\npassword-flags=1\nproposal=yes\nuser=alice\nvirtual=yes\n"
				   "remote-identity=gw.example.org\nserver-port=4500\nupdown=/bin/evil\n\n"
				   "[ipv4]\nmethod=auto\ndns=10.0.0.1;10.0.0.2;\ndns-search=corp.example;\n"
				   "never-default=true\nroute1=10.0.0.0/8,0.0.0.0,50\nroute2=172.16.0.0/12\n"
				   "[ipv6]\nmethod=auto\nroute1=2001:db8::/32\n[proxy]\n");
	assert_string_equal(p->name, "Head-office");
	report_value(p, "connection.type", "ikev2");
	report_value(p, "connection.gateway", "vpn.example.org");
	report_value(p, "connection.encapsulation", "yes");
	report_value(p, "local.auth", "eap");
	report_value(p, "remote.ca", "/etc/ssl/office ca.pem");
	report_value(p, "remote.id", "gw.example.org");
	report_value(p, "secrets.user", "alice");
	report_value(p, "ike.proposals", "aes256-sha256-modp2048");
	report_value(p, "esp.proposals", "aes256gcm16, aes128-sha256");
	report_value(p, "network.dns", "10.0.0.1, 10.0.0.2");
	report_value(p, "network.domains", "corp.example");
	report_value(p, "network.routes", "10.0.0.0/8, 172.16.0.0/12, 2001:db8::/32");
	report_value(p, "remote.revocation", "soft");
	report_count(p, 13);
	report_note(p, IMPORT_TODO, "password", "keyring");
	report_note(p, IMPORT_RUNS, "updown", "run");
	report_no_note(p, "ipcomp");
	report_good(p);
}

static void strongswan_certificate_and_psk(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_nm,
		HEAD("strongswan") "address=192.0.2.1\nmethod=key\nusercert=/c.pem\nuserkey=/k.pem\n[vpn-secrets]\n"
				   "password=open\n[ipv4]\nnever-default=true\n");
	report_value(p, "local.auth", "cert");
	report_value(p, "local.certificate", "/c.pem");
	report_value(p, "local.key", "/k.pem");
	report_value(p, "secrets.key-passphrase", "open");
	report_value(p, "network.address", "none");
	report_note(p, IMPORT_TODO, "never-default", "network.routes");
	p = report_reads(
		import_nm, HEAD("strongswan") "address=192.0.2.1\nmethod=agent\nusercert=/c.pem\n");
	report_note(p, IMPORT_TODO, "userkey", "local.key");
	p = report_reads(import_nm,
		HEAD("strongswan") "address=192.0.2.1\nmethod=eap-tls\nusercert=/c.pem\n");
	report_value(p, "local.auth", "eap");
	report_value(p, "local.eap", "tls");
	report_value(p, "local.certificate", "/c.pem");
	report_no_note(p, "method");
	p = report_reads(import_nm,
		HEAD("strongswan") "address=192.0.2.1\nmethod=psk\nlocal-identity=me.example\n[vpn-secrets]\n"
				   "password=a long shared key, 32 letters at least\n");
	report_value(p, "local.auth", "psk");
	report_value(p, "remote.auth", "psk");
	report_value(p, "secrets.psk", "a long shared key, 32 letters at least");
}

static void l2tp(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_nm,
		HEAD("l2tp") "gateway=vpn.example.org\nipsec-enabled=yes\nipsec-psk=0sc2hhcmVkIGtleQ==\n"
			     "ipsec-ike=3des-sha1-modp1024\nipsec-esp=3des-sha1\nmtu=1400\nuser=alice\n"
			     "password-flags=0\nrefuse-pap=yes\nrequire-mppe=yes\nipsec-pfs=no\n"
			     "[vpn-secrets]\npassword=wonder\\\\land\n");
	report_value(p, "connection.type", "l2tp");
	report_value(p, "connection.security", "legacy");
	report_value(p, "local.auth", "psk");
	report_value(p, "secrets.psk", "shared key");
	report_value(p, "secrets.user", "alice");
	report_value(p, "secrets.password", "wonder\\land");
	report_value(p, "ike.proposals", "3des-sha1-modp1024");
	report_value(p, "esp.proposals", "3des-sha1");
	report_value(p, "esp.pfs", "no");
	report_value(p, "network.mtu", "1400");
	report_note(p, IMPORT_TODO, "ipsec-ike", "weak");
	report_note(p, IMPORT_LEFT, "require-mppe", "IPsec");
	report_value(p, "ppp.auth", "mschapv2, chap, eap");
	report_no_note(p, "refuse-pap");
	report_good(p);
	p = report_reads(import_nm,
		HEAD("l2tp") "gateway=192.0.2.1\nmachine-auth-type=tls\nmachine-cert=/c.p12\n");
	report_value(p, "local.auth", "cert");
	report_value(p, "local.certificate", "/c.p12");
	report_note(p, IMPORT_TODO, "ipsec-enabled", "clear");
	p = report_reads(
		import_nm, HEAD("l2tp") "gateway=192.0.2.1\nipsec-enabled=yes\nipsec-psk=0s%%\n");
	report_note(p, IMPORT_TODO, "ipsec-psk", "Base64");
	report_value(p, "ppp.auth", NULL);
	p = report_reads(import_nm,
		HEAD("l2tp") "gateway=192.0.2.1\nipsec-enabled=yes\nipsec-psk=k\nrefuse-eap=yes\n"
			     "refuse-pap=yes\nrefuse-chap=yes\nrefuse-mschap=yes\n");
	report_value(p, "ppp.auth", "mschapv2");
	p = report_reads(import_nm,
		HEAD("l2tp") "gateway=192.0.2.1\nipsec-enabled=yes\nipsec-psk=k\nrefuse-eap=yes\n"
			     "refuse-pap=yes\nrefuse-chap=yes\nrefuse-mschapv2=yes\n");
	report_value(p, "ppp.auth", "mschapv2");
	report_note(p, IMPORT_TODO, "refuse-mschapv2", "ppp.auth");
}

static void vpnc(void **state)
{
	(void)state;
	const struct import_profile *p = report_reads(import_nm,
		HEAD("vpnc") "IPSec gateway=192.0.2.1\nIPSec ID=staff\nIPSec secret-flags=0\nXauth username=alice\n"
			     "IKE DH Group=dh14\nPassword helper=/bin/evil\nNAT Traversal Mode=cisco-udp\n"
			     "[vpn-secrets]\nIPSec secret=group key\nXauth password=wonder\n");
	assert_string_equal(p->name, "Head-office");
	report_value(p, "connection.type", "ikev1");
	report_value(p, "secrets.psk", "group key");
	report_value(p, "secrets.password", "wonder");
	report_value(p, "local.id", "keyid:staff");
	report_note(p, IMPORT_RUNS, "Password helper", "run");
	report_note(p, IMPORT_LEFT, "NAT Traversal Mode", "Cisco");
	report_good(p);
}

/* What NetworkManager's own plug-ins once fell for: a line end in a value is a key of the file below. */
static void hostile(void **state)
{
	static const char nul[] = "[vpn]\nservice-type=x\0\n";
	size_t n = 1 << 20;
	char *text = malloc(n);
	(void)state;

	const struct import_profile *p = report_reads(import_nm,
		HEAD("strongswan") "address=192.0.2.1\nmethod=eap\nuser=alice\\n[network]\\nkillswitch = no\n"
				   "evil\x1b[2J=1\ncertificate=/a\\tb\n");
	report_value(p, "secrets.user", NULL);
	report_value(p, "remote.ca", NULL);
	report_note(p, IMPORT_TODO, "secrets.user", "control characters");
	report_note(p, IMPORT_TODO, "remote.ca", "control characters");
	report_note(p, IMPORT_LEFT, "evil?[2J", "no counterpart");
	p = report_reads(import_nm, HEAD("strongswan") "method=eap\n");
	report_note(p, IMPORT_TODO, "address", "no gateway");
	report_refuses(import_nm, "", 0, "service-type is missing");
	report_refuses(import_nm, "[connection]\ntype=wifi\n", 23, "service-type is missing");
	report_refuses(import_nm, nul, sizeof(nul) - 1, "NUL");
	const char *openvpn = HEAD("openvpn");
	report_refuses(import_nm, openvpn, strlen(openvpn), "openvpn");
	assert_non_null(text);
	size_t head = (size_t)snprintf(text, n, "%s", HEAD("l2tp") "gateway=");
	memset(text + head, '\\', n - head);
	struct err err;
	assert_ok(&err, import_nm((struct bytes){ text, n }, &report_im, &err));
	report_value(report_im.v[0], "connection.gateway", NULL);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(strongswan_eap, report_clear),
		cmocka_unit_test_teardown(strongswan_certificate_and_psk, report_clear),
		cmocka_unit_test_teardown(l2tp, report_clear),
		cmocka_unit_test_teardown(vpnc, report_clear),
		cmocka_unit_test_teardown(hostile, report_clear),
	};

	return cmocka_run_group_tests(tests, report_setup, NULL);
}
