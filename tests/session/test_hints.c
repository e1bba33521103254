#include "../../src/session/hints.h"
#include "ike/msg.h"
#include "ike/v1.h"
#include "lib/test.h"

/*
 * What a person is told of a failure: the status, what the gateway said, and what to try.
 */

struct row {
	enum conn_type type;
	enum local_auth local;
	enum remote_auth remote;
	enum ike_stage stage;
	enum err_kind kind;
	uint16_t notify;
	const char *text;
	enum down_status status;
	const char *advice, *never;
};

static void hint(struct down *out, const struct row *r)
{
	struct profile *p = profile_new("test");
	struct err e;

	assert_non_null(p);
	p->type = r->type;
	p->local_auth = r->local;
	p->remote_auth = r->remote;
	p->ike_proposals_default = p->esp_proposals_default = true;
	p->send_remote_id = r->type == CONN_IKEV2 ? TRI_YES : TRI_AUTO;
	err_notify(&e, r->kind, r->notify, "%s", r->text);
	hint_down(out, p, r->stage, &e);
	profile_free(p);
	assert_string_equal(out->what, r->text);
}

static void check(const struct row *r, size_t n)
{
	struct down d;

	for (size_t i = 0; i < n; i++) {
		hint(&d, &r[i]);
		if (d.status != r[i].status || !strstr(d.advice, r[i].advice) ||
			(r[i].never && strstr(d.advice, r[i].never)))
			fail_msg("row %zu, %s: status %d, try: %s", i, r[i].text, d.status,
				d.advice);
	}
}

/* Its notify where there was one; else its words, however they look. */
static void said(void **state)
{
	static const struct {
		enum conn_type type;
		enum ike_stage stage;
		enum err_kind kind;
		uint16_t notify;
		const char *text, *said;
	} rows[] = {
		{ CONN_IKEV2, STAGE_AUTH, ERR_PEER, AUTHENTICATION_FAILED,
			"the gateway answers AUTHENTICATION_FAILED (24)",
			"AUTHENTICATION_FAILED (24)" },
		{ CONN_IKEV2, STAGE_EAP, ERR_PEER, 0,
			"the gateway refused bob: the password is wrong (error 691). It says \"No: locked\"",
			"the password is wrong (error 691). It says \"No: locked\"" },
		{ CONN_IKEV2, STAGE_EAP, ERR_PEER, 0,
			"the gateway did not accept what it was given in EAP-GTC",
			"the gateway did not accept what it was given in EAP-GTC" },
		{ CONN_IKEV2, STAGE_EAP, ERR_PEER, AUTHENTICATION_FAILED,
			"the gateway refused bob: the password is wrong (error 691)",
			"AUTHENTICATION_FAILED (24)" },
		{ CONN_IKEV1, STAGE_EAP, ERR_PEER, 0,
			"the gateway closed the connection during the login",
			"the gateway closed the connection during the login" },
		{ CONN_IKEV2, STAGE_UP, ERR_PEER, 0, "the gateway closed the connection",
			"the gateway closed the connection" },
		{ CONN_L2TP, STAGE_L2TP, ERR_PEER, 0,
			"the gateway refused the L2TP tunnel: it lacks the resources (result 2, error 4)",
			"it lacks the resources (result 2, error 4)" },
		{ CONN_L2TP, STAGE_UP, ERR_PEER, 0,
			"the gateway closed the L2TP tunnel: it is being shut down (result 6, error "
			"0). It says \"maintenance\"",
			"it is being shut down (result 6, error 0). It says \"maintenance\"" },
		{ CONN_L2TP, STAGE_PPP, ERR_PEER, 0,
			"the gateway ended the PPP link. It says \"Error: quota\"",
			"\"Error: quota\"" },
		{ CONN_L2TP, STAGE_UP, ERR_PEER, 0,
			"the gateway ended the PPP link. It says \"Idle timeout\"",
			"\"Idle timeout\"" },
		{ CONN_L2TP, STAGE_UP, ERR_PEER, 0, "the gateway ended the PPP link",
			"the gateway ended the PPP link" },
		{ CONN_IKEV2, STAGE_EAP, ERR_PEER, 0,
			"the gateway wants EAP-TLS (13), the profile allows EAP-MSCHAPv2, EAP-MD5",
			"EAP-TLS (13)" },
		{ CONN_IKEV2, STAGE_EAP, ERR_PEER, 0,
			"the EAP server refused TLS: unknown_ca: it does not know us (TLS alert 48)",
			"unknown_ca: it does not know us (TLS alert 48)" },
		{ CONN_IKEV2, STAGE_CHILD, ERR_PEER, 0,
			"the gateway wants transport mode, the profile tunnel mode",
			"transport mode" },
		/* What it did not say. */
		{ CONN_IKEV2, STAGE_UP, ERR_SILENT, 0, "the gateway does not answer", "nothing" },
		{ CONN_IKEV2, STAGE_UP, ERR_PEER, 0,
			"the tunnel's child SA reached the end of its life without being rekeyed",
			"nothing" },
		{ CONN_IKEV2, STAGE_EAP, ERR_AUTH, 0,
			"the gateway did not prove that it knows the password", "nothing" },
		{ CONN_IKEV1, STAGE_AUTH, ERR_PEER, 0,
			"the gateway's answer cannot be decrypted: the two sides do not have the same "
			"keys",
			"nothing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct down d;
		hint(&d,
			&(struct row){ rows[i].type, LOCAL_PSK, REMOTE_PSK, rows[i].stage,
				rows[i].kind, rows[i].notify, rows[i].text, 0, NULL, NULL });
		if (strcmp(d.said, rows[i].said) != 0)
			fail_msg("%s: it said %s", rows[i].text, d.said);
		assert_true(d.advice[0]);
	}
}

/* What only new keys come to know of. */
static void pfs_that_differs(void **state)
{
	static const struct {
		enum tri pfs;
		bool told;
	} rows[] = { { TRI_AUTO, false }, { TRI_YES, true }, { TRI_NO, true } };
	struct profile *p = profile_new("test");
	struct down d;
	struct err e;

	(void)state;
	assert_non_null(p);
	err_set(&e, ERR_PEER,
		"the tunnel's child SA reached the end of its life without being rekeyed");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		p->pfs = rows[i].pfs;
		hint_down(&d, p, STAGE_UP, &e);
		assert_int_equal(d.status, DOWN_LOST);
		assert_int_equal(strstr(d.advice, "esp.pfs") != NULL, rows[i].told);
	}
	profile_free(p);
}

static void advice(void **state)
{
	static const struct {
		enum ike_stage stage;
		enum err_kind kind;
		const char *text;
		enum down_status status;
		const char *advice, *never;
	} rows[] = {
		{ STAGE_PPP, ERR_PEER,
			"the gateway ended the PPP link, after it was refused MPPE encryption. It says "
			"\"MPPE required\"",
			DOWN_REFUSED, "do without MPPE", "pool" },
		{ STAGE_RESOLVE, ERR_LOCAL,
			"office is connected already, by process 9: vpnc-ike down office ends that",
			DOWN_MACHINE, "vpnc-ike status", "doctor" },
		{ STAGE_AUTH, ERR_AUTH,
			"the certificate \"CN=gw\" expired on Nov 27 15:35:14 2026 GMT",
			DOWN_NOT_THE_GATEWAY, "clock", "remote.ca" },
		{ STAGE_AUTH, ERR_AUTH,
			"the certificate \"CN=gw\" is valid only from Nov 27 15:35:14 2026 GMT",
			DOWN_NOT_THE_GATEWAY, "renew", "remote.id" },
		{ STAGE_AUTH, ERR_AUTH,
			"the certificate \"CN=gw\" is revoked since Nov 27 15:35:14 2026 GMT (no reason is "
			"given), says the CRL of its CA (a.crl)",
			DOWN_NOT_THE_GATEWAY, "new certificate", "remote.ca" },
		{ STAGE_AUTH, ERR_AUTH,
			"whether the certificate \"CN=gw\" is revoked is not known: there is neither a "
			"CRL",
			DOWN_NOT_THE_GATEWAY, "remote.crl", "remote.ca" },
		{ STAGE_PPP, ERR_PEER, "the gateway assigned no address", DOWN_REFUSED, "pool",
			"MPPE" },
		{ STAGE_PPP_LINK, ERR_SILENT,
			"the gateway did not agree on a PPP link: no answer to our LCP",
			DOWN_UNREACHABLE, "pppd", "authentication" },
		{ STAGE_PPP_LOGIN, ERR_SILENT, "the gateway did not go on with the login by PAP",
			DOWN_UNREACHABLE, "authentication server", "pppd" },
		{ STAGE_PPP_LINK, ERR_PEER,
			"the gateway wants us to log in by PAP, which the profile does not allow",
			DOWN_NOT_ACCEPTED, "ppp.auth", "secrets" },
		{ STAGE_L2TP, ERR_PEER,
			"the gateway ended the L2TP session: it lacks the resources (result 5)",
			DOWN_REFUSED, "does not take the call", "secrets" },
		{ STAGE_PPP_LOGIN, ERR_PEER,
			"the gateway refused bob: the account is disabled or locked (error 647)",
			DOWN_NOT_ACCEPTED, "disabled or locked", "secrets" },
		{ STAGE_EAP, ERR_PEER,
			"the gateway refused bob: the account may not log in at this hour (error 646). It "
			"says \"No\"",
			DOWN_NOT_ACCEPTED, "hour", "secrets" },
		{ STAGE_EAP, ERR_PEER, "the gateway refused bob: it has expired (error 648)",
			DOWN_NOT_ACCEPTED, "new password", "secrets" },
		{ STAGE_EAP, ERR_PEER, "the gateway refused bob: he may not dial in (error 649)",
			DOWN_NOT_ACCEPTED, "permission", "secrets" },
		{ STAGE_EAP, ERR_PEER, "the gateway refused bob: wrong password (error 691)",
			DOWN_NOT_ACCEPTED, "secrets.password", "accounts" },
		{ STAGE_CHILD, ERR_PEER,
			"the gateway makes no child SA beside the first exchange: INVALID_SYNTAX (7)",
			DOWN_REFUSED, "childless", "log" },
		{ STAGE_CHILD, ERR_PEER,
			"mode configuration, which network.address needs, is not answered",
			DOWN_REFUSED, "leave network.address out", "esp" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row r = { CONN_L2TP, LOCAL_PSK, REMOTE_PSK, rows[i].stage,
			rows[i].kind, 0, rows[i].text, rows[i].status, rows[i].advice,
			rows[i].never };
		check(&r, 1);
	}
}

/* A shared key proves the gateway, whatever it calls itself; a certificate is not spoken of. */
static void another_gateway(void **state)
{
	static const char other[] = "the gateway says it is gate.vpn.test, the profile wants "
				    "10.11.12.13";
	static const char key[] = "the gateway does not know the shared key";
	static const char proof[] = "the gateway proves itself by a pre-shared key, the profile "
				    "wants a certificate";
	static const struct row rows[] = {
		{ CONN_IKEV1, LOCAL_PSK, REMOTE_PSK, STAGE_AUTH, ERR_AUTH, 0, other,
			DOWN_NOT_THE_GATEWAY, "remote.id", "secrets.psk" },
		{ CONN_IKEV1, LOCAL_XAUTH_PSK, REMOTE_PSK, STAGE_INIT, ERR_AUTH, 0, other,
			DOWN_NOT_THE_GATEWAY, "remote.id", "secrets.psk" },
		{ CONN_L2TP, LOCAL_PSK, REMOTE_PSK, STAGE_AUTH, ERR_AUTH, 0, other,
			DOWN_NOT_THE_GATEWAY, "remote.id", "secrets.psk" },
		{ CONN_IKEV2, LOCAL_PSK, REMOTE_PSK, STAGE_AUTH, ERR_AUTH, 0, other,
			DOWN_NOT_THE_GATEWAY, "remote.id", "certificate" },
		{ CONN_IKEV1, LOCAL_PSK, REMOTE_PSK, STAGE_AUTH, ERR_AUTH, 0, key,
			DOWN_NOT_ACCEPTED, "secrets.psk", "remote.ca" },
		{ CONN_IKEV2, LOCAL_PSK, REMOTE_PSK, STAGE_AUTH, ERR_AUTH, 0, key,
			DOWN_NOT_THE_GATEWAY, "secrets.psk", "remote.ca" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_AUTH, ERR_AUTH, 0, proof,
			DOWN_NOT_THE_GATEWAY, "remote.auth = psk", "remote.ca" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_AUTH, ERR_AUTH, 0,
			"the gateway says it is a.test, its certificate proves b.test, and the "
			"profile wants c.test",
			DOWN_NOT_THE_GATEWAY, "remote.ca", "psk" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

/* The server of EAP over TLS is another than the gateway, and what it finds wrong is not the password. */
static void eap_over_tls(void **state)
{
	static const char proves[] = "the EAP server: its certificate proves DNS:radius.vpn.test, "
				     "IP:192.0.2.1, CN=radius, and the profile wants gate.vpn.test";
	static const char subject[] = "the EAP server: its certificate proves O=Lab, CN=radius, "
				      "and the profile wants gate.vpn.test";
	static const char strange[] = "the EAP server: the certificate \"CN=a\" was issued by "
				      "\"CN=b\", whose certificate was neither sent nor is trusted";
	static const char old[] = "the EAP server: the certificate \"CN=a\" expired on Friday";
	static const char alert[] =
		"the EAP server refused TLS: unknown_ca: it does not know the CA "
		"that issued our certificate (TLS alert 48)";
	static const char given[] = "the gateway did not accept what it was given in EAP-TLS";
	static const char wants[] = "the gateway wants EAP-TLS (13), the profile allows EAP-MD5";
	static const struct row rows[] = {
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_AUTH, 0, proves,
			DOWN_NOT_THE_GATEWAY, "set remote.eap-id = radius.vpn.test;", "password" },
		{ CONN_L2TP, LOCAL_PSK, REMOTE_PSK, STAGE_PPP_LOGIN, ERR_AUTH, 0, subject,
			DOWN_NOT_THE_GATEWAY, "set remote.eap-id = O=Lab, CN=radius;", NULL },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_AUTH, 0, strange,
			DOWN_NOT_THE_GATEWAY, "remote.eap-ca", "password" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_AUTH, 0, old,
			DOWN_NOT_THE_GATEWAY, "clock", NULL },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_PEER, 0, alert,
			DOWN_NOT_ACCEPTED, "local.certificate", "password" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_PEER, 0, given,
			DOWN_NOT_ACCEPTED, "local.certificate", "password" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_PEER, 0,
			"the gateway did not accept what it was given in EAP-TTLS",
			DOWN_NOT_ACCEPTED, "ttls-pap", "local.certificate" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_AUTH, 0,
			"the gateway said EAP-Success before EAP-TLS was finished",
			DOWN_NOT_THE_GATEWAY, "RFC 9190", "password" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_PEER, 0, wants,
			DOWN_NOT_ACCEPTED, "local.certificate", "password" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_CONFIG, 0,
			"TLS with our certificate: ee key too small", DOWN_PROFILE, "2048",
			"terminal" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_LOCAL, 0,
			"libssl.so.3, which TLS needs, cannot be opened: no", DOWN_MACHINE,
			"libssl3", "doctor" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

/* IKEv1 gateways that want something else say little. */
static void little_said(void **state)
{
	static const char silent[] = "198.51.100.1:4500 does not answer main mode (sent 10 times)";
	static const struct row rows[] = {
		{ CONN_IKEV1, LOCAL_CERT, REMOTE_CERT, STAGE_AUTH, ERR_SILENT, 0, silent,
			DOWN_NOT_ACCEPTED, "lost on the way", NULL },
		{ CONN_IKEV1, LOCAL_PSK, REMOTE_PSK, STAGE_AUTH, ERR_SILENT, 0, silent,
			DOWN_NOT_ACCEPTED, "secrets.psk", "lost on the way" },
		{ CONN_IKEV1, LOCAL_PSK, REMOTE_PSK, STAGE_INIT, ERR_SILENT, 0, silent,
			DOWN_UNREACHABLE, "connection.type = ikev2", NULL },
		{ CONN_IKEV2, LOCAL_PSK, REMOTE_PSK, STAGE_INIT, ERR_SILENT, 0, silent,
			DOWN_UNREACHABLE, "connection.type = ikev1", NULL },
		{ CONN_IKEV2, LOCAL_PSK, REMOTE_PSK, STAGE_INIT, ERR_PEER, INVALID_MAJOR_VERSION,
			"the gateway answers", DOWN_OTHER, "connection.type = ikev1", NULL },
		{ CONN_IKEV1, LOCAL_PSK, REMOTE_PSK, STAGE_CHILD, ERR_PEER, 0,
			"the gateway wants a user to log in (XAUTH), which the profile does not "
			"provide for",
			DOWN_NOT_ACCEPTED, "local.auth = xauth-psk", NULL },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

/* What we call the gateway is one of the reasons to be refused, where it is called so whatever comes. */
static void called_by_another_name(void **state)
{
	static const struct {
		enum conn_type type;
		enum tri named;
		bool told;
	} rows[] = {
		{ CONN_IKEV2, TRI_YES, true },
		{ CONN_IKEV2, TRI_AUTO, false },
		{ CONN_IKEV2, TRI_NO, false },
		{ CONN_IKEV1, TRI_YES, false },
	};
	struct down d;
	struct err e;

	(void)state;
	err_notify(&e, ERR_PEER, AUTHENTICATION_FAILED, "the gateway refused us");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct profile *p = profile_new("test");
		assert_non_null(p);
		p->type = rows[i].type;
		p->send_remote_id = rows[i].named;
		hint_down(&d, p, STAGE_AUTH, &e);
		profile_free(p);
		assert_int_equal(d.status, DOWN_NOT_ACCEPTED);
		assert_non_null(strstr(d.advice, "secrets.psk"));
		if (rows[i].told != (strstr(d.advice, "ike.send-remote-id = auto") != NULL))
			fail_msg("row %zu: %s", i, d.advice);
	}
}

/* An old gateway is no stranger, and what it did not announce it did not say. */
static void signatures(void **state)
{
	static const struct row rows[] = {
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_AUTH, ERR_AUTH, 0,
			"the gateway signed with SHA-1, which this profile does not accept",
			DOWN_NO_PROPOSAL, "security = compat", "stands in between" },
		{ CONN_IKEV2, LOCAL_CERT, REMOTE_CERT, STAGE_AUTH, ERR_PEER, 0,
			"an RSA key can sign only with SHA-1 here: the gateway did not announce "
			"RFC 7427",
			DOWN_NO_PROPOSAL, "security = compat", NULL },
		{ CONN_IKEV2, LOCAL_CERT, REMOTE_CERT, STAGE_AUTH, ERR_PEER, 0,
			"a key of type ED25519 cannot sign here: the gateway did not announce RFC "
			"7427",
			DOWN_NO_PROPOSAL, "local.key", "compat" },
	};
	struct down d;

	(void)state;
	check(rows, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		hint(&d, &rows[i]);
		assert_string_equal(d.said, "nothing");
	}
}

/* The same numbers mean other things in IKEv1. */
static void numbers_of_v1(void **state)
{
	static const struct row rows[] = {
		{ CONN_IKEV1, LOCAL_PSK, REMOTE_PSK, STAGE_INIT, ERR_PEER,
			V1_INVALID_KEY_INFORMATION, "the gateway answers", DOWN_NOT_ACCEPTED,
			"secrets.psk", "group" },
		{ CONN_L2TP, LOCAL_PSK, REMOTE_PSK, STAGE_CHILD, ERR_PEER,
			V1_INVALID_KEY_INFORMATION, "the gateway answers", DOWN_NO_PROPOSAL,
			"esp.pfs", "ike.proposals" },
		{ CONN_IKEV1, LOCAL_PSK, REMOTE_PSK, STAGE_INIT, ERR_PEER, V1_INVALID_EXCHANGE_TYPE,
			"the gateway answers", DOWN_OTHER, "ike.aggressive", NULL },
		{ CONN_IKEV2, LOCAL_PSK, REMOTE_PSK, STAGE_INIT, ERR_PEER, INVALID_KE_PAYLOAD,
			"the gateway answers", DOWN_NO_PROPOSAL, "ike.proposals", NULL },
		{ CONN_IKEV2, LOCAL_PSK, REMOTE_PSK, STAGE_INIT, ERR_PEER, INVALID_SYNTAX,
			"the gateway answers", DOWN_OTHER, "log", "ike.aggressive" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

/* Secrets are not blamed alone: where the gateway wants another login they may be right, or were never sent. */
static void another_login(void **state)
{
	static const char no[] = "the gateway refused us";
	static const char method[] =
		"the gateway wants EAP-MSCHAPv2 (26), the profile allows EAP-GTC";
	static const struct row rows[] = {
		{ CONN_IKEV2, LOCAL_PSK, REMOTE_PSK, STAGE_AUTH, ERR_PEER, AUTHENTICATION_FAILED,
			no, DOWN_NOT_ACCEPTED, "local.auth (psk, cert or eap)", "surely" },
		{ CONN_IKEV2, LOCAL_CERT, REMOTE_CERT, STAGE_AUTH, ERR_PEER, AUTHENTICATION_FAILED,
			no, DOWN_NOT_ACCEPTED, "local.auth (psk, cert or eap)", "surely" },
		{ CONN_IKEV1, LOCAL_PSK, REMOTE_PSK, STAGE_AUTH, ERR_PEER, AUTHENTICATION_FAILED,
			no, DOWN_NOT_ACCEPTED, "xauth-psk", "surely" },
		{ CONN_IKEV1, LOCAL_XAUTH_PSK, REMOTE_PSK, STAGE_INIT, ERR_PEER,
			AUTHENTICATION_FAILED, no, DOWN_NOT_ACCEPTED, "local.auth (psk, ", "eap" },
		{ CONN_L2TP, LOCAL_PSK, REMOTE_PSK, STAGE_AUTH, ERR_PEER, AUTHENTICATION_FAILED, no,
			DOWN_NOT_ACCEPTED, "local.auth (psk or cert)", "xauth" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_AUTH, ERR_PEER, AUTHENTICATION_FAILED,
			no, DOWN_NOT_ACCEPTED, "check local.id", "secrets" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_PEER, AUTHENTICATION_FAILED,
			no, DOWN_NOT_ACCEPTED, "secrets.password", "local.auth" },
		{ CONN_IKEV1, LOCAL_XAUTH_PSK, REMOTE_PSK, STAGE_EAP, ERR_PEER,
			AUTHENTICATION_FAILED, no, DOWN_NOT_ACCEPTED, "secrets.password",
			"secrets.psk" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_PEER, 0, method,
			DOWN_NOT_ACCEPTED, "local.eap", "secrets" },
		{ CONN_IKEV2, LOCAL_EAP, REMOTE_CERT, STAGE_EAP, ERR_PEER, AUTHENTICATION_FAILED,
			method, DOWN_NOT_ACCEPTED, "local.eap", "secrets" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

/* strongSwan's way to write a key as base64 or hexadecimal is told of where a key like that is refused. */
static void coded_keys(void **state)
{
	static const char tell[] = "0s (base64) or 0x (hexadecimal)";
	static const struct {
		enum conn_type type;
		enum local_auth local;
		enum err_kind kind;
		const char *psk;
		bool told;
	} rows[] = {
		{ CONN_IKEV2, LOCAL_PSK, ERR_PEER, "0sMTIzNDU2Nzg5MDEyMzQ1Njc4OTA=", true },
		{ CONN_IKEV2, LOCAL_PSK, ERR_PEER, "0x3132333435363738", true },
		{ CONN_IKEV1, LOCAL_XAUTH_PSK, ERR_PEER, "0x3132333435363738", true },
		{ CONN_L2TP, LOCAL_PSK, ERR_AUTH, "0sMTIz", true },
		{ CONN_L2TP, LOCAL_PSK, ERR_SILENT, "0sMTIz", true },
		{ CONN_IKEV2, LOCAL_PSK, ERR_PEER, "0y3132333435363738", false },
		{ CONN_IKEV2, LOCAL_PSK, ERR_PEER, "a0sMTIz", false },
		{ CONN_IKEV2, LOCAL_CERT, ERR_PEER, "0sMTIz", false },
	};
	struct down d;
	struct err e, bad;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct profile *p = profile_new("test");
		assert_non_null(p);
		p->type = rows[i].type;
		p->local_auth = rows[i].local;
		p->remote_auth = REMOTE_PSK;
		p->send_remote_id = p->type == CONN_IKEV2 ? TRI_YES : TRI_AUTO;
		assert_ok(&bad, profile_set(p, "secrets", "psk", rows[i].psk, &bad));
		err_notify(&e, rows[i].kind, rows[i].kind == ERR_PEER ? AUTHENTICATION_FAILED : 0,
			"the gateway refused us");
		hint_down(&d, p, STAGE_AUTH, &e);
		profile_free(p);
		if (d.status != DOWN_NOT_ACCEPTED || rows[i].told != !!strstr(d.advice, tell))
			fail_msg("row %zu: try: %s", i, d.advice);
		assert_null(strstr(d.advice, rows[i].psk));
		assert_in_range(strlen(d.advice), 1, sizeof(d.advice) - 2);
	}
}

/* A list that the profile names replaces those of connection.security. */
static void lists_of_its_own(void **state)
{
	static const struct {
		enum conn_type type;
		enum ike_stage stage;
		bool ike, esp; /* named by the profile */
		const char *advice, *never;
	} rows[] = {
		{ CONN_IKEV2, STAGE_INIT, true, false, "leave ike.proposals out",
			"security = compat" },
		{ CONN_IKEV2, STAGE_INIT, false, true, "security = compat", "leave" },
		{ CONN_IKEV1, STAGE_INIT, true, true, "leave ike.proposals out", "compat" },
		{ CONN_IKEV2, STAGE_CHILD, false, true, "leave esp.proposals out", "compat" },
		{ CONN_IKEV2, STAGE_AUTH, false, true, "leave esp.proposals out", "compat" },
		{ CONN_IKEV2, STAGE_CHILD, true, false, "security = compat", "leave" },
		{ CONN_IKEV1, STAGE_CHILD, false, true, "leave esp.proposals out", "compat" },
		{ CONN_IKEV1, STAGE_CHILD, false, true, "esp.pfs = yes", "compat" },
		{ CONN_IKEV1, STAGE_CHILD, false, false, "security = compat", "leave" },
		{ CONN_IKEV1, STAGE_CHILD, false, false, "esp.pfs = yes", "leave" },
		{ CONN_L2TP, STAGE_CHILD, false, false, "esp.pfs = yes", "leave" },
		{ CONN_IKEV2, STAGE_CHILD, false, true, "leave", "pfs" },
		{ CONN_IKEV2, STAGE_CHILD, false, false, "security = compat", "pfs" },
		{ CONN_IKEV2, STAGE_REKEY, false, false, "esp.pfs", "compat" },
		{ CONN_IKEV1, STAGE_REKEY, false, false, "esp.pfs", "compat" },
	};
	static const char list[] = "aes256-sha256-modp4096";
	struct down d;
	struct err e, bad;

	(void)state;
	err_notify(&e, ERR_PEER, NO_PROPOSAL_CHOSEN, "the gateway answers");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct profile *p = profile_new("test");
		assert_non_null(p);
		p->type = rows[i].type;
		if (rows[i].ike)
			assert_ok(&bad, profile_set(p, "ike", "proposals", list, &bad));
		if (rows[i].esp)
			assert_ok(&bad, profile_set(p, "esp", "proposals", list, &bad));
		profile_finish(p, NULL, 0);
		hint_down(&d, p, rows[i].stage, &e);
		profile_free(p);
		if (d.status != DOWN_NO_PROPOSAL || !strstr(d.advice, rows[i].advice) ||
			strstr(d.advice, rows[i].never))
			fail_msg("row %zu: try: %s", i, d.advice);
	}
}

/* Long advice would end in the middle. */
static void never_cut(void **state)
{
	static const uint16_t notifies[] = { 0, 5, 7, 14, 16, 17, 18, 24, 34, 36, 37, 38 };
	struct row r = { .text = "x" };
	struct down d;

	(void)state;
	for (int at = 0; at < 3 * 6 * (STAGE_REKEY + 1) * (ERR_BUG + 1); at += (int)test_step(7))
		for (size_t i = 0; i < ARRAY_LEN(notifies); i++) {
			r.type = (enum conn_type)(at % 3);
			r.local = (enum local_auth)(at / 3 % 6);
			r.stage = (enum ike_stage)(at / 18 % (STAGE_REKEY + 1));
			r.kind = (enum err_kind)(at / 18 / (STAGE_REKEY + 1));
			r.notify = notifies[i];
			hint(&d, &r);
			assert_in_range(strlen(d.advice), 1, sizeof(d.advice) - 2);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(said),
		cmocka_unit_test(advice),
		cmocka_unit_test(pfs_that_differs),
		cmocka_unit_test(another_gateway),
		cmocka_unit_test(eap_over_tls),
		cmocka_unit_test(little_said),
		cmocka_unit_test(called_by_another_name),
		cmocka_unit_test(signatures),
		cmocka_unit_test(numbers_of_v1),
		cmocka_unit_test(another_login),
		cmocka_unit_test(coded_keys),
		cmocka_unit_test(lists_of_its_own),
		cmocka_unit_test(never_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
