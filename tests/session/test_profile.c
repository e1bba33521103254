#include "lib/test.h"
#include "session/profile.h"

#include <stdio.h>

/* shown NULL: refused, and the sentence holds `say`. Otherwise accepted, and shown so. */
struct row {
	const char *section, *key, *value, *shown, *say;
};

#define GOOD(s, k, v, shown)         \
	{                            \
		s, k, v, shown, NULL \
	}
#define BAD(s, k, v, say)          \
	{                          \
		s, k, v, NULL, say \
	}

static const struct row rows[] = {
	GOOD("connection", "type", "ikev2", "ikev2"),
	GOOD("connection", "type", "IKEv2", "ikev2"),
	GOOD("connection", "type", "ikev1", "ikev1"),
	GOOD("connection", "type", "l2tp", "l2tp"),
	BAD("connection", "type", "sstp", "one of: ikev2"),
	GOOD("connection", "gateway", "vpn.example.org", "vpn.example.org"),
	GOOD("connection", "gateway", "192.0.2.1", "192.0.2.1"),
	GOOD("connection", "gateway", "2001:db8::1", "2001:db8::1"),
	GOOD("connection", "gateway", " a.example ,b.example,  192.0.2.7",
		"a.example, b.example, 192.0.2.7"),
	GOOD("connection", "gateway", "vpn.example.org.", "vpn.example.org."),
	GOOD("connection", "gateway", "gw.", "gw."),
	GOOD("connection", "gateway", "127.0.0.1, 240.0.0.1, ::1, fec0::1, 169.254.1.1",
		"127.0.0.1, 240.0.0.1, ::1, fec0::1, 169.254.1.1"),
	BAD("connection", "gateway", "0.0.0.0", "no gateway can have"),
	BAD("connection", "gateway", "224.0.0.1", "no gateway can have"),
	BAD("connection", "gateway", "239.255.255.255", "no gateway can have"),
	BAD("connection", "gateway", "255.255.255.255", "no gateway can have"),
	BAD("connection", "gateway",
		"vpn.example.org, ::", "\"::\" is an address that no gateway can have"),
	BAD("connection", "gateway", "ff02::1", "no gateway can have"),
	BAD("connection", "gateway", "fe80::1", "no gateway can have"),
	BAD("connection", "gateway", "febf::1", "no gateway can have"),
	BAD("connection", "gateway", "vpn.example.org..", "host name"),
	BAD("connection", "gateway", ".", "host name"),
	BAD("connection", "gateway", "192.0.2.1.", "host name"),
	BAD("connection", "gateway", "vpn.example.org:4500", "connection.port"),
	BAD("connection", "gateway", "a b", "host name"),
	BAD("connection", "gateway", "a,,b", "host name"),
	BAD("connection", "gateway", "192.0.2.300", "host name"),
	BAD("connection", "gateway", "-a.example", "host name"),
	BAD("connection", "gateway", "http://x", "host name"),
	BAD("connection", "gateway", "a,b,c,d,e,f,g,h,i", "more than 8"),
	GOOD("connection", "port", "4500", "4500"),
	GOOD("connection", "port", "65535", "65535"),
	BAD("connection", "port", "0", "1 to 65535"),
	BAD("connection", "port", "65536", "1 to 65535"),
	BAD("connection", "port", "-1", "1 to 65535"),
	BAD("connection", "port", "99999999999999999999", "1 to 65535"),
	BAD("connection", "port", "500x", "1 to 65535"),
	GOOD("connection", "encapsulation", "yes", "yes"),
	GOOD("connection", "encapsulation", "auto", "auto"),
	BAD("connection", "encapsulation", "no", "auto, yes"),
	GOOD("connection", "dataplane", "userspace", "userspace"),
	GOOD("connection", "dataplane", "kernel", "kernel"),
	BAD("connection", "dataplane", "x", "auto, kernel, userspace"),
	GOOD("connection", "security", "legacy", "legacy"),
	BAD("connection", "security", "none", "compat"),
	GOOD("connection", "reconnect", "no", "no"),
	BAD("connection", "reconnect", "false", "yes, no"),
	GOOD("local", "auth", "eap", "eap"),
	GOOD("local", "auth", "hybrid", "hybrid"),
	GOOD("local", "auth", "xauth-psk", "xauth-psk"),
	BAD("local", "auth", "password", "psk, cert, eap"),
	GOOD("local", "id", "user@example.org", "user@example.org"),
	GOOD("local", "id", "192.0.2.9", "192.0.2.9"),
	GOOD("local", "id", "keyid:office", "keyid:office"),
	GOOD("local", "id", "CN=me, O=Example", "CN=me, O=Example"),
	BAD("local", "id", "keyid:0xzz", "hexadecimal"),
	BAD("local", "id", "%any", "leave local.id out"),
	GOOD("local", "certificate", "me.pem", "me.pem"),
	BAD("local", "certificate", "a\nb", "control"),
	GOOD("local", "key", "/etc/x/me.key", "/etc/x/me.key"),
	BAD("local", "key",
		"a\x1b"
		"b",
		"control"),
	GOOD("local", "eap", "gtc, md5", "gtc, md5"),
	BAD("local", "eap", "gtc, gtc", "twice"),
	GOOD("local", "eap", "mschapv2, tls", "mschapv2, tls"),
	GOOD("local", "eap", "ttls-pap, peap", "ttls-pap, peap"),
	GOOD("local", "eap", "TTLS-MSCHAPV2", "ttls-mschapv2"),
	GOOD("local", "eap", "ttls", "ttls"),
	BAD("local", "eap", "ttls, ttls-pap", "twice"),
	BAD("local", "eap", "pap", "tls, mschapv2, peap, ttls"),
	GOOD("remote", "id", "vpn.example.org", "vpn.example.org"),
	BAD("remote", "id", "two words", "host name"),
	BAD("remote", "id", "%any", "leave remote.id out"),
	BAD("remote", "id", "%ANY6", "leave remote.id out"),
	GOOD("remote", "auth", "cert", "cert"),
	BAD("remote", "auth", "eap", "cert, psk"),
	GOOD("remote", "certificate", "gw.pem", "gw.pem"),
	BAD("remote", "certificate", "\xff", "UTF-8"),
	GOOD("remote", "ca", "ca/", "ca/"),
	BAD("remote", "ca", "", "empty"),
	GOOD("remote", "revocation", "hard", "hard"),
	GOOD("remote", "revocation", "OFF", "off"),
	BAD("remote", "revocation", "strict", "off, local, soft, hard"),
	GOOD("remote", "crl", "crls/", "crls/"),
	BAD("remote", "crl", "", "empty"),
	GOOD("remote", "eap-id", "radius.example.org", "radius.example.org"),
	GOOD("remote", "eap-id", "CN=radius", "CN=radius"),
	BAD("remote", "eap-id", "two words", "host name"),
	GOOD("remote", "eap-ca", "ca/", "ca/"),
	BAD("remote", "eap-ca", "a\nb", "control"),
	GOOD("secrets", "psk", "p;#\"'= \xc3\xbc", "(hidden)"),
	BAD("secrets", "psk", "a\tb", "control"),
	GOOD("secrets", "psk-file", "psk", "psk"),
	BAD("secrets", "psk-file", "", "empty"),
	GOOD("secrets", "user", "DOMAIN\\user", "DOMAIN\\user"),
	BAD("secrets", "user", "a\rb", "control"),
	GOOD("secrets", "password", "x", "(hidden)"),
	BAD("secrets", "password", "", "empty"),
	GOOD("secrets", "password-file", "pw", "pw"),
	BAD("secrets", "password-file", "", "empty"),
	GOOD("secrets", "key-passphrase", "x", "(hidden)"),
	BAD("secrets", "key-passphrase", "\x7f", "control"),
	GOOD("secrets", "ppk-id", "by-hand", "by-hand"),
	BAD("secrets", "ppk-id", "", "empty"),
	GOOD("secrets", "ppk", "x", "(hidden)"),
	BAD("secrets", "ppk", "a\tb", "control"),
	GOOD("ike", "lifetime", "90", "90s"),
	GOOD("ike", "lifetime", "15m", "15m"),
	GOOD("ike", "lifetime", "1D", "1d"),
	GOOD("ike", "lifetime", "0", "0"),
	BAD("ike", "lifetime", "1w", "90s, 15m, 4h or 1d"),
	BAD("ike", "lifetime", "1s", "out of range"),
	BAD("ike", "lifetime", "31d", "out of range"),
	BAD("ike", "lifetime", "h", "not a time"),
	BAD("ike", "lifetime", "99999999999999999999d", "out of range"),
	GOOD("ike", "dpd-interval", "0", "0"),
	GOOD("ike", "dpd-interval", "1s", "1s"),
	BAD("ike", "dpd-interval", "2d", "out of range"),
	GOOD("ike", "fragmentation", "no", "no"),
	BAD("ike", "fragmentation", "1", "yes, no"),
	GOOD("ike", "mobike", "no", "no"),
	BAD("ike", "mobike", "1", "yes, no"),
	GOOD("ike", "resumption", "no", "no"),
	BAD("ike", "resumption", "maybe", "yes, no"),
	GOOD("ike", "aggressive", "no", "no"),
	GOOD("ike", "aggressive", "yes", "yes"),
	BAD("ike", "aggressive", "maybe", "no, yes"),
	GOOD("ike", "mode-config", "pull", "pull"),
	GOOD("ike", "mode-config", "push", "push"),
	BAD("ike", "mode-config", "both", "pull, push, no"),
	GOOD("ike", "send-remote-id", "no", "no"),
	BAD("ike", "send-remote-id", "maybe", "auto, yes, no"),
	GOOD("esp", "lifetime", "8h", "8h"),
	BAD("esp", "lifetime", "-1", "not a time"),
	GOOD("esp", "lifetime-bytes", "10g", "10G"),
	GOOD("esp", "lifetime-bytes", "1048577", "1048577"),
	GOOD("esp", "lifetime-bytes", "2048K", "2M"),
	GOOD("esp", "lifetime-bytes", "0", "0"),
	BAD("esp", "lifetime-bytes", "1048575", "at least 1048576"),
	BAD("esp", "lifetime-bytes", "10GB", "64M or 10G"),
	BAD("esp", "lifetime-bytes", "-1", "size of at least"),
	BAD("esp", "lifetime-bytes", "9000000T", "size of at least"),
	BAD("esp", "lifetime-bytes", "99999999999999999999", "size of at least"),
	GOOD("esp", "lifetime-packets", "5000000000", "5000000000"),
	GOOD("esp", "lifetime-packets", "2048", "2048"),
	BAD("esp", "lifetime-packets", "999", "at least 1000"),
	BAD("esp", "lifetime-packets", "5M", "number of at least"),
	GOOD("esp", "pfs", "yes", "yes"),
	BAD("esp", "pfs", "x", "auto, yes, no"),
	GOOD("esp", "mode", "transport", "transport"),
	BAD("esp", "mode", "beet", "tunnel, transport"),
	GOOD("esp", "esn", "no", "no"),
	BAD("esp", "esn", "32", "auto, yes, no"),
	GOOD("esp", "replay-window", "4096", "4096"),
	BAD("esp", "replay-window", "0", "64 to 4096"),
	BAD("esp", "replay-window", "4097", "64 to 4096"),
	GOOD("esp", "local-ts", "10.1.0.0/16", "10.1.0.0/16"),
	GOOD("esp", "local-ts", "auto", "auto"),
	BAD("esp", "local-ts", "10.1.0.0/33", "no selector"),
	GOOD("esp", "remote-ts", "10.0.0.0/8, 2001:db8::/32", "10.0.0.0/8, 2001:db8::/32"),
	GOOD("esp", "remote-ts", "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
	GOOD("esp", "remote-ts", "10.0.0.1[tcp/443]", "10.0.0.1[tcp/443]"),
	BAD("esp", "remote-ts", "10.0.0.9-10.0.0.1", "no selector"),
	BAD("esp", "remote-ts", "10.0.0.1[tcp/70000]", "no selector"),
	BAD("esp", "remote-ts", "10.0.0.1[tcp/443", "no selector"),
	BAD("esp", "remote-ts", "10.0.0.1-2001:db8::1", "no selector"),
	BAD("esp", "remote-ts", "10.0.0.1[0]", "no selector"),
	GOOD("network", "address", "none", "none"),
	GOOD("network", "address", "10.9.0.5, 2001:db8::5", "10.9.0.5/32, 2001:db8::5/128"),
	GOOD("network", "address", "10.98.1.7/24, fd98::7/64", "10.98.1.7/24, fd98::7/64"),
	BAD("network", "address", "x", "no address"),
	BAD("network", "address", "10.9.0.5/33", "no address"),
	GOOD("network", "routes", "none", "none"),
	GOOD("network", "routes", "10.0.0.0/8", "10.0.0.0/8"),
	GOOD("network", "routes", "10.1.2.3/8", "10.0.0.0/8"),
	BAD("network", "routes", "10.0.0.0/8 10.1.0.0/16", "no prefix"),
	GOOD("network", "exclude", "192.168.0.0/16", "192.168.0.0/16"),
	BAD("network", "exclude", "all", "no prefix"),
	GOOD("network", "dns", "192.0.2.53, 2001:db8::53", "192.0.2.53, 2001:db8::53"),
	GOOD("network", "dns", "none", "none"),
	BAD("network", "dns", "ns.example", "no address"),
	BAD("network", "dns", "::1,::2,::3,::4,::5,::6,::7,::8,::9", "more than 8"),
	GOOD("network", "domains", "Corp.Example.org., x.example", "corp.example.org, x.example"),
	BAD("network", "domains", "a..b", "no domain"),
	GOOD("network", "interface", "vpn-office.1_a", "vpn-office.1_a"),
	GOOD("network", "interface", "auto", "auto"),
	GOOD("network", "interface", "fifteen-letters", "fifteen-letters"),
	BAD("network", "interface", "sixteen--letters", "at most 15"),
	BAD("network", "interface", "", "is empty"),
	BAD("network", "interface", "vpn%d", "name of an interface"),
	BAD("network", "interface", "../lo", "name of an interface"),
	BAD("network", "interface", "a b", "name of an interface"),
	BAD("network", "interface", "eth0:1", "name of an interface"),
	BAD("network", "interface", "-x", "name of an interface"),
	BAD("network", "interface", "..", "name of an interface"),
	BAD("network", "interface", "all", "name of an interface"),
	BAD("network", "interface", "default", "name of an interface"),
	GOOD("network", "mtu", "1280", "1280"),
	GOOD("network", "mtu", "auto", "auto"),
	BAD("network", "mtu", "500", "576 to 9000, or auto"),
	GOOD("network", "killswitch", "no", "no"),
	GOOD("network", "killswitch", "strict", "strict"),
	BAD("network", "killswitch", "always", "no, yes, strict"),
	GOOD("network", "lan", "no", "no"),
	BAD("network", "lan", "x", "yes, no"),
	GOOD("network", "accept", "10.0.0.0/8", "10.0.0.0/8"),
	BAD("network", "accept", "x", "no prefix"),
	GOOD("l2tp", "source-port", "auto", "auto"),
	GOOD("l2tp", "source-port", "1701", "1701"),
	BAD("l2tp", "source-port", "0", "1 to 65535, or auto"),
	GOOD("l2tp", "hostname", "laptop", "laptop"),
	BAD("l2tp", "hostname",
		"a-name-that-is-longer-than-what-the-engine-has-a-place-for-and-then-some", "long"),
	GOOD("l2tp", "hello-interval", "60s", "1m"),
	GOOD("l2tp", "hello-interval", "0", "0"),
	GOOD("l2tp", "secret", "x", "(hidden)"),
	BAD("l2tp", "secret", "", "empty"),
	BAD("l2tp", "hello-interval", "x", "not a time"),
	GOOD("ppp", "auth", "pap", "pap"),
	GOOD("ppp", "auth", "chap, MSCHAPv2", "chap, mschapv2"),
	BAD("ppp", "auth", "chap, chap", "named twice"),
	BAD("ppp", "auth", "mschap", "one of: mschapv2, chap, pap, eap"),
	GOOD("ppp", "mru", "1400", "1400"),
	GOOD("ppp", "mru", "auto", "auto"),
	BAD("ppp", "mru", "100", "128 to 1500, or auto"),
	GOOD("ppp", "user", "x", "x"),
	BAD("ppp", "user", "a\tb", "control"),
	GOOD("ppp", "password", "x", "(hidden)"),
	BAD("ppp", "password", "", "empty"),
	/* profile_finish parses these, for they depend on connection.security. */
	GOOD("ike", "proposals", "aes256-sha256-modp2048", ""),
	BAD("ike", "proposals", "", "empty"),
	GOOD("esp", "proposals", "aes128gcm16", ""),
	BAD("esp", "proposals", "", "empty"),
	/* Names. */
	BAD("conection", "type", "ikev2", "right would be [connection]"),
	BAD("xyzzy", "type", "ikev2", "connection, local, remote"),
	BAD("connection", "securty", "x", "right would be \"security\""),
	BAD("connection", "psk", "x", "belongs in [secrets]"),
	BAD("secrets", "secret", "x", "right would be \"psk\""),
	BAD("connection", "secret", "x", "belongs in [l2tp]"),
	BAD("connection", "xyzzyxyzzy", "x", "vpnc-ike.profile(5)"),
};

static void values(void **state)
{
	char shown[4096];
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct profile *p = profile_new("test");
		assert_non_null(p);
		err_clear(&e);
		bool ok = profile_set(p, r->section, r->key, r->value, &e);
		if (ok != (r->shown != NULL))
			fail_msg("%s.%s = %s: %s", r->section, r->key, r->value,
				ok ? "accepted" : e.text);
		profile_value(shown, sizeof(shown), p, r->section, r->key);
		if (ok && strcmp(shown, r->shown) != 0)
			fail_msg("%s.%s = %s: shown as %s", r->section, r->key, r->value, shown);
		if (!ok && (e.kind != ERR_CONFIG || !strstr(e.text, r->say)))
			fail_msg("%s.%s = %s: %s", r->section, r->key, r->value, e.text);
		profile_free(p);
	}
}

/* Whoever adds a key adds values that are right and wrong to the table above. */
static void every_key_has_both(void **state)
{
	struct profile_key k;

	(void)state;
	for (size_t i = 0; profile_key(i, &k); i++) {
		size_t good = 0, bad = 0;
		for (size_t j = 0; j < ARRAY_LEN(rows); j++)
			if (strcmp(rows[j].section, k.section) == 0 &&
				strcmp(rows[j].key, k.key) == 0)
				(*(rows[j].shown ? &good : &bad))++;
		if (bad == 0 || good == 0)
			fail_msg("%s.%s: %zu good and %zu bad values", k.section, k.key, good, bad);
		assert_true(k.story[0] && k.values[0]);
	}
}

/* A refused value leaves nothing behind of a profile that was right before. */
static void a_later_value_replaces(void **state)
{
	struct profile *p = profile_new("test");
	struct err e;
	char shown[200];

	(void)state;
	assert_ok(&e, profile_set(p, "connection", "gateway", "a.example, b.example", &e));
	assert_ok(&e, profile_set(p, "connection", "gateway", "c.example", &e));
	assert_int_equal(p->n_gateways, 1);
	assert_ok(&e, profile_set(p, "network", "routes", "10.0.0.0/8, 192.0.2.0/24", &e));
	assert_ok(&e, profile_set(p, "network", "routes", "auto", &e));
	assert_int_equal(p->route_list.n, 0);
	assert_ok(&e, profile_set(p, "esp", "remote-ts", "10.0.0.0/8", &e));
	assert_ok(&e, profile_set(p, "esp", "remote-ts", "auto", &e));
	assert_string_equal(profile_value(shown, sizeof(shown), p, "esp", "remote-ts"), "auto");
	profile_free(p);
}

static void defaults(void **state)
{
	static const char *const want[][3] = {
		{ "connection", "type", "ikev2" },
		{ "connection", "port", "500" },
		{ "ike", "lifetime", "4h" },
		{ "ike", "dpd-interval", "30s" },
		{ "esp", "lifetime", "1h" },
		{ "esp", "replay-window", "1024" },
		{ "ike", "fragmentation", "yes" },
		{ "local", "eap", "tls, mschapv2, peap, ttls, md5, gtc" },
		{ "network", "mtu", "auto" },
		{ "network", "lan", "yes" },
		{ "connection", "reconnect", "yes" },
		{ "connection", "gateway", "" },
		{ "secrets", "psk", "" },
		{ "network", "address", "auto" },
	};
	struct profile *p = profile_new("test");
	char shown[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(
			profile_value(shown, sizeof(shown), p, want[i][0], want[i][1]), want[i][2]);
	assert_true(p->ike_lifetime == SECONDS(14400) && p->dpd_interval == SECONDS(30));
	assert_int_equal(p->eap[0], 13);
	profile_free(p);
}

/* --- what depends on several keys --- */

static void check_eap(const char *const *lines, const char *want)
{
	struct profile_problem problems[8];
	struct profile *p = profile_new("test");
	char section[32], key[32], got[200];
	struct err e;

	for (; *lines; lines++) {
		assert_int_equal(sscanf(*lines, "%31[^.].%31[^=]=", section, key), 2);
		assert_ok(&e, profile_set(p, section, key, strchr(*lines, '=') + 1, &e));
	}
	(void)profile_finish(p, problems, ARRAY_LEN(problems));
	assert_string_equal(profile_value(got, sizeof(got), p, "local", "eap"), want);
	profile_free(p);
}

/* Without local.eap all that can be done with what the profile has. */
static void eap_methods(void **state)
{
	static const char *const plain[] = { "local.auth=eap", NULL };
	static const char *const cert[] = { "local.auth=eap", "local.certificate=me.pem", NULL };
	static const char *const said[] = { "local.auth=eap", "local.eap=gtc, tls", NULL };
	static const char *const l2tp[] = { "connection.type=l2tp", "local.auth=cert",
		"local.certificate=me.pem", NULL };

	(void)state;
	check_eap(plain, "mschapv2, peap, ttls, md5, gtc");
	check_eap(cert, "tls, mschapv2, peap, ttls, md5, gtc");
	check_eap(said, "gtc, tls");
	check_eap(l2tp, "mschapv2, md5, gtc");
}

/* Lines "section.key=value", then the section.key and a piece of the sentence of the one problem. */
static void check_finish(const char *const *lines, const char *where, const char *say)
{
	struct profile_problem problems[8];
	struct profile *p = profile_new("test");
	char section[32], key[32], at[80] = "";
	const char *value;
	struct err e;

	for (; *lines; lines++) {
		assert_int_equal(sscanf(*lines, "%31[^.].%31[^=]=", section, key), 2);
		value = strchr(*lines, '=') + 1;
		assert_ok(&e, profile_set(p, section, key, value, &e));
	}
	size_t n = profile_finish(p, problems, ARRAY_LEN(problems));
	if (n > 0)
		snprintf(at, sizeof(at), "%s.%s", problems[0].section, problems[0].key);
	if (n != (where ? 1 : 0) ||
		(n > 0 && (strcmp(at, where) != 0 || !strstr(problems[0].err.text, say))))
		fail_msg("%zu problems, %s: %s", n, at, n > 0 ? problems[0].err.text : "");
	profile_free(p);
}

#define GW                      "connection.gateway=vpn.example.org"
#define V1                      "connection.type=ikev1"
#define L2TP                    "connection.type=l2tp"
#define FINISH(where, say, ...) check_finish((const char *const[]){ __VA_ARGS__, NULL }, where, say)

static void finish(void **state)
{
	(void)state;
	FINISH(NULL, NULL, GW);
	FINISH("connection.gateway", "is missing", "secrets.psk=x");
	FINISH("ike.proposals", "legacy", GW, "ike.proposals=3des-sha1-modp1024");
	FINISH(NULL, NULL, GW, "ike.proposals=3des-sha1-modp1024", "connection.security=legacy");
	FINISH("esp.proposals", "aes256gcm17", GW, "esp.proposals=aes256gcm17");
	FINISH("local.certificate", "is missing", GW, "local.auth=cert");
	FINISH(NULL, NULL, GW, "local.auth=cert", "local.certificate=me.pem");
	FINISH("local.certificate", "local.auth = cert", GW, "local.certificate=me.pem");
	FINISH("local.key", "stands alone", GW, "local.auth=eap", "local.key=me.key");
	FINISH(NULL, NULL, GW, "local.auth=eap", "local.certificate=me.pem");
	FINISH(NULL, NULL, GW, "local.auth=eap", "local.eap=tls", "local.certificate=me.p12",
		"remote.eap-id=radius.example.org", "remote.eap-ca=ca.pem");
	FINISH("local.certificate", "local.eap = tls needs", GW, "local.auth=eap", "local.eap=tls");
	FINISH("local.certificate", "not used; right would be tls", GW, "local.auth=eap",
		"local.eap=mschapv2", "local.certificate=me.pem");
	FINISH("local.eap", "local.auth = eap", GW, "local.eap=mschapv2");
	FINISH("local.eap", "local.auth = eap", GW, "local.auth=cert", "local.certificate=me.pem",
		"local.eap=mschapv2");
	FINISH("local.eap", "eap in ppp.auth", GW, L2TP, "ppp.auth=mschapv2", "local.eap=gtc");
	FINISH(NULL, NULL, GW, "local.eap=mschapv2, peap, ttls, md5, gtc");
	FINISH("remote.eap-id", "not used", GW, "local.auth=eap", "local.eap=mschapv2",
		"remote.eap-id=radius.example.org");
	FINISH("remote.eap-id", "nothing that a certificate proves", GW, "local.auth=eap",
		"local.certificate=me.pem", "remote.eap-id=keyid:x");
	FINISH("remote.eap-ca", "not used", GW, "remote.eap-ca=ca.pem");
	FINISH(NULL, NULL, GW, L2TP, "local.eap=tls", "local.certificate=me.pem");
	FINISH("network.domains", "network.dns = none", GW, "network.dns=none",
		"network.domains=corp.example");
	FINISH(NULL, NULL, GW, "network.dns=10.0.0.53", "network.domains=corp.example");
	FINISH("remote.auth", "EAP", GW, "local.auth=eap", "remote.auth=psk");
	FINISH("remote.ca", "not used", GW, "remote.ca=ca.pem");
	FINISH(NULL, NULL, GW, "remote.auth=cert", "remote.ca=ca.pem");
	FINISH(NULL, NULL, GW, "remote.auth=cert", "remote.revocation=hard", "remote.crl=a.crl");
	FINISH("remote.revocation", "remote.auth = cert", GW, "remote.revocation=hard");
	FINISH("remote.crl", "remote.auth = cert", GW, "remote.crl=a.crl");
	FINISH("remote.revocation", "would be remote.ca", GW, "remote.auth=cert",
		"remote.certificate=gw.pem", "remote.revocation=hard");
	FINISH("remote.crl", "would be remote.ca", GW, "remote.auth=cert",
		"remote.certificate=gw.pem", "remote.crl=a.crl");
	/* The server of EAP over TLS is not pinned. */
	FINISH(NULL, NULL, GW, "local.auth=eap", "remote.certificate=gw.pem", "remote.crl=a.crl");
	FINISH("secrets.ppk", "needs its name", GW, "secrets.ppk=x"),
		FINISH("secrets.ppk-id", "connection.type = ikev2", GW, V1, "secrets.ppk-id=x"),
		FINISH(NULL, NULL, GW, "secrets.ppk=x", "secrets.ppk-id=y"),
		FINISH("secrets.psk-file", "as well", GW, "secrets.psk=x", "secrets.psk-file=y");
	FINISH("secrets.password-file", "as well", GW, "local.auth=eap", "secrets.password=x",
		"secrets.password-file=y");
	FINISH(NULL, NULL, GW, V1, "local.auth=xauth-psk", "ike.aggressive=yes");
	FINISH(NULL, NULL, GW, V1, "local.auth=hybrid");
	FINISH(NULL, NULL, GW, V1, "local.auth=xauth-cert", "local.certificate=me.pem");
	FINISH("local.certificate", "is missing", GW, V1, "local.auth=xauth-cert");
	FINISH("local.auth", "connection.type = ikev1", GW, "local.auth=hybrid");
	FINISH("ike.aggressive", "connection.type = ikev1", GW, "ike.aggressive=yes");
	FINISH("ike.mode-config", "connection.type = ikev1", GW, "ike.mode-config=push");
	FINISH("ike.mode-config", "network.address = none", GW, "ike.mode-config=no");
	FINISH(NULL, NULL, GW, "ike.mode-config=pull");
	FINISH("esp.esn", "connection.type = ikev2", GW, V1, "esp.esn=yes");
	FINISH("esp.esn", "connection.type = ikev2", GW, L2TP, "esp.esn=yes");
	FINISH("ike.send-remote-id", "connection.type = ikev2", GW, V1, "ike.send-remote-id=yes");
	FINISH(NULL, NULL, GW, V1, "esp.esn=no", "ike.send-remote-id=no", "ike.mobike=no",
		"ike.resumption=no");
	FINISH("local.auth", "xauth-psk", GW, V1, "local.auth=eap");
	FINISH("remote.auth", "both", GW, V1, "remote.auth=cert");
	FINISH("remote.auth", "both", GW, V1, "local.auth=hybrid", "remote.auth=psk");
	FINISH(NULL, NULL, GW, L2TP, "secrets.psk=x", "secrets.user=u", "secrets.password=p");
	FINISH(NULL, NULL, GW, L2TP, "local.auth=cert", "local.certificate=me.pem");
	FINISH("local.auth", "inside L2TP", GW, L2TP, "local.auth=xauth-psk");
	FINISH("local.auth", "psk or cert", GW, L2TP, "local.auth=eap");
	FINISH(NULL, NULL, GW, L2TP, "esp.mode=transport");
	FINISH("esp.mode", "transport", GW, L2TP, "esp.mode=tunnel");
	FINISH("esp.remote-ts", "two ports", GW, L2TP, "esp.remote-ts=10.0.0.0/8");
	FINISH("ike.mode-config", "PPP", GW, L2TP, "ike.mode-config=push");
	FINISH("network.address", "assigns", GW, L2TP, "network.address=none");
	FINISH("network.address", "no IPv4", GW, L2TP, "network.address=2001:db8::1");
	FINISH("l2tp.secret", "connection.type = l2tp", GW, "l2tp.secret=x");
	FINISH("ppp.auth", "connection.type = l2tp", GW, V1, "ppp.auth=chap");
	FINISH(NULL, NULL, GW, "ppp.mru=auto");
	FINISH(NULL, NULL, GW, V1, "ike.proposals=aes256-sha256-x25519");
	FINISH("ike.proposals", "aes256gcm16", GW, V1,
		"ike.proposals=aes256gcm16-prfsha256-modp2048");
	FINISH("esp.proposals", "chacha20poly1305", GW, V1, "esp.proposals=chacha20poly1305");
}

/* What is settled by itself; pfs only where nothing is said. */
static void l2tp_settles(void **state)
{
	struct profile_problem problems[8];
	struct profile *p = profile_new("test");
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(p, "connection", "gateway", "vpn.example.org", &e));
	assert_ok(&e, profile_set(p, "connection", "type", "l2tp", &e));
	assert_int_equal(profile_finish(p, problems, ARRAY_LEN(problems)), 0);
	assert_int_equal(p->mode, SA_TRANSPORT);
	assert_int_equal(p->mode_config, MODE_CONFIG_NO);
	assert_int_equal(p->pfs, TRI_NO);
	assert_int_equal(p->n_ppp_auth, PPP_AUTHS);
	assert_int_equal(p->ppp_auth[0], PPP_AUTH_MSCHAPV2);
	assert_ok(&e, profile_set(p, "esp", "pfs", "yes", &e));
	assert_int_equal(profile_finish(p, problems, ARRAY_LEN(problems)), 0);
	assert_int_equal(p->pfs, TRI_YES);
	profile_free(p);
}

static void the_gateway_proves_itself_as_we_do(void **state)
{
	static const struct {
		const char *local, *remote;
		enum remote_auth want;
	} cases[] = {
		{ NULL, NULL, REMOTE_PSK },
		{ "psk", NULL, REMOTE_PSK },
		{ "psk", "cert", REMOTE_CERT },
		{ "eap", NULL, REMOTE_CERT },
		{ "cert", NULL, REMOTE_CERT },
		{ "cert", "psk", REMOTE_PSK },
		{ "xauth-psk", NULL, REMOTE_PSK },
		{ "xauth-cert", NULL, REMOTE_CERT },
		{ "hybrid", NULL, REMOTE_CERT },
	};
	struct profile_problem problems[8];
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct profile *p = profile_new("test");
		if (cases[i].local)
			assert_ok(&e, profile_set(p, "local", "auth", cases[i].local, &e));
		if (cases[i].remote)
			assert_ok(&e, profile_set(p, "remote", "auth", cases[i].remote, &e));
		(void)profile_finish(p, problems, ARRAY_LEN(problems));
		assert_int_equal(p->remote_auth, cases[i].want);
		profile_free(p);
	}
}

static void problems_are_counted_past_the_room(void **state)
{
	struct profile_problem one;
	struct profile *p = profile_new("test");
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(p, "local", "auth", "cert", &e));
	assert_int_equal(profile_finish(p, &one, 1), 2);
	assert_string_equal(one.key, "gateway");
	profile_free(p);
}

static void no_secret_is_shown(void **state)
{
	struct profile *p = profile_new("test");
	struct profile_key k;
	char shown[4096];
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(p, "secrets", "psk", "correct horse", &e));
	assert_ok(&e, profile_set(p, "secrets", "password", "correct horse", &e));
	assert_ok(&e, profile_set(p, "secrets", "key-passphrase", "correct horse", &e));
	assert_ok(&e, profile_set(p, "l2tp", "secret", "correct horse", &e));
	assert_ok(&e, profile_set(p, "ppp", "password", "correct horse", &e));
	assert_string_equal(p->psk.text, "correct horse");
	for (size_t i = 0; profile_key(i, &k); i++)
		assert_null(
			strstr(profile_value(shown, sizeof(shown), p, k.section, k.key), "horse"));
	profile_free(p);
}

/* Shown values are values: a profile written from `show` is the same profile. */
static void shown_values_can_be_set(void **state)
{
	struct profile_problem problems[8];
	struct profile *p = profile_new("test"), *q = profile_new("again");
	struct profile_key k;
	char a[8192], b[8192];
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(p, "connection", "gateway", "vpn.example.org", &e));
	assert_ok(&e, profile_set(p, "ike", "proposals", "aes256gcm16-prfsha384-x25519", &e));
	assert_int_equal(profile_finish(p, problems, ARRAY_LEN(problems)), 0);
	for (size_t i = 0; profile_key(i, &k); i++)
		if (*profile_value(a, sizeof(a), p, k.section, k.key))
			assert_ok(&e, profile_set(q, k.section, k.key, a, &e));
	assert_int_equal(profile_finish(q, problems, ARRAY_LEN(problems)), 0);
	for (size_t i = 0; profile_key(i, &k); i++)
		assert_string_equal(profile_value(a, sizeof(a), p, k.section, k.key),
			profile_value(b, sizeof(b), q, k.section, k.key));
	profile_free(p);
	profile_free(q);
}

/* A buffer too small cuts, and nothing more. */
static void values_are_cut(void **state)
{
	struct profile *p = profile_new("test");
	char shown[8];
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(p, "connection", "gateway", "one.example, two.example", &e));
	assert_string_equal(
		profile_value(shown, sizeof(shown), p, "connection", "gateway"), "one.exa");
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(every_key_has_both),
		cmocka_unit_test(a_later_value_replaces),
		cmocka_unit_test(defaults),
		cmocka_unit_test(finish),
		cmocka_unit_test(eap_methods),
		cmocka_unit_test(l2tp_settles),
		cmocka_unit_test(the_gateway_proves_itself_as_we_do),
		cmocka_unit_test(problems_are_counted_past_the_room),
		cmocka_unit_test(no_secret_is_shown),
		cmocka_unit_test(shown_values_can_be_set),
		cmocka_unit_test(values_are_cut),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, NULL);
}
