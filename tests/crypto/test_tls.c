#define _GNU_SOURCE /* RTLD_DEFAULT */
#include "crypto/alg.h"
#include "base/types.h"
#include "crypto/tls.h"
#include "lib/revoked.h"
#include "lib/test.h"
#include "lib/tls_server.h"

#include <dlfcn.h>
#include <openssl/ssl.h>

static struct err err;
static EVP_PKEY *ca_key, *key, *rsa_key;
static X509 *ca, *other_ca;

static int setup(void **state)
{
	(void)state;
	/* With no more names of ciphers and digests than the program has. */
	assert_ok(&err, crypto_begin(&err));
	ca_key = pki_key("EC", "P-256");
	key = pki_key("EC", "P-256");
	rsa_key = pki_key("RSA", "2048");
	ca = pki_issue(&(struct pki_spec){ .cn = "Root", .key = ca_key, .ca = true }, NULL, NULL);
	other_ca = pki_issue(
		&(struct pki_spec){ .cn = "Another", .key = key, .ca = true }, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	X509_free(ca);
	X509_free(other_ca);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	EVP_PKEY_free(rsa_key);
	return 0;
}

/* --- one connection ------------------------------------------------------------------------------ */

struct pair {
	struct tls_config config;
	struct cert_list own;
	struct key *own_key;
	X509 *cert;
	struct tls *client;
	struct tls_server *server;
	bool server_failed;
};

static X509 *issue(struct pki_spec spec)
{
	if (!spec.cn)
		spec.cn = "radius";
	if (!spec.san)
		spec.san = "DNS:radius.example";
	if (!spec.key)
		spec.key = key;
	return pki_issue(&spec, ca, ca_key);
}

static void begin(struct pair *p, struct tls_server_spec server)
{
	p->config.trust = pki_trust(ca);
	p->config.server = p->config.server ? p->config.server : "radius.example";
	p->config.now = PKI_NOW;
	p->config.certs = &p->own;
	p->config.key = p->own_key;
	p->cert = server.cert;
	p->server = tls_server_new(&server);
	err_clear(&err);
	p->client = tls_new(&p->config, &err);
	if (!p->client)
		fail_msg("%s", err.text);
}

static void end(struct pair *p)
{
	tls_free(p->client);
	tls_server_free(p->server);
	trust_free(p->config.trust);
	cert_list_free(&p->own);
	key_free(p->own_key);
	X509_free(p->cert);
}

/* Whatever the client has to say, to the server. */
static void to_server(struct pair *p)
{
	uint8_t octets[700];
	size_t n;

	while ((n = tls_output(p->client, octets, sizeof(octets))) > 0)
		p->server_failed |= !tls_server_input(p->server, (struct bytes){ octets, n });
}

static bool to_client(struct pair *p)
{
	static uint8_t octets[65536];
	size_t n = tls_server_output(p->server, octets, sizeof(octets));

	return tls_input(p->client, (struct bytes){ octets, n }, &err);
}

static bool shake_hands(struct pair *p)
{
	for (int i = 0; i < 6; i++) {
		if (!to_client(p))
			return false;
		to_server(p);
	}
	return tls_is_up(p->client) && tls_server_is_up(p->server);
}

static void refused(struct pair *p, enum err_kind kind, const char *words)
{
	if (shake_hands(p))
		fail_msg("it was accepted, in spite of: %s", words);
	assert_false(tls_is_up(p->client));
	if (err.kind != kind || !strstr(err.text, words))
		fail_msg("kind %d: %s; expected %d: %s", err.kind, err.text, kind, words);
	/* And it stays so. */
	assert_refused(&err, kind, tls_input(p->client, (struct bytes){ 0 }, &err));
	to_server(p);
}

/* --- what goes well ------------------------------------------------------------------------------- */

static void talk(struct pair *p)
{
	uint8_t plain[TLS_PLAIN_MAX], heard[64];

	assert_ok(&err, tls_write(p->client, BYTES("hello"), &err));
	to_server(p);
	assert_int_equal(tls_server_read(p->server, heard, sizeof(heard)), 5);
	assert_memory_equal(heard, "hello", 5);
	assert_true(tls_server_write(p->server, BYTES("one ")));
	assert_true(tls_server_write(p->server, BYTES("two")));
	assert_ok(&err, to_client(p));
	assert_int_equal(tls_read(p->client, plain), 7);
	assert_memory_equal(plain, "one two", 7);
	assert_int_equal(tls_read(p->client, plain), 0);
}

/* With and without a context, which in TLS 1.2 make different keys. */
static void same_keys(struct pair *p)
{
	uint8_t ours[3][64], theirs[64], type = 13;
	const struct bytes contexts[] = { { NULL, 0 }, { "", 0 }, { &type, 1 } };

	for (size_t i = 0; i < 3; i++) {
		assert_ok(&err,
			tls_export(p->client, "client EAP encryption", contexts[i], ours[i], 64,
				&err));
		tls_server_export(
			p->server, "client EAP encryption", contexts[i], theirs, sizeof(theirs));
		assert_memory_equal(ours[i], theirs, sizeof(theirs));
	}
	assert_memory_not_equal(ours[0], ours[2], 64);
}

static void works(struct tls_server_spec server, const char *version)
{
	struct pair p = { .cert = NULL };
	char about[TLS_ABOUT_MAX];

	if (!server.cert)
		server.cert = issue((struct pki_spec){ .key = server.key });
	begin(&p, server);
	assert_ok(&err, shake_hands(&p));
	if (!strstr(tls_about(about, p.client), version))
		fail_msg("%s", about);
	assert_int_equal(tls_is_13(p.client), strcmp(version, "TLSv1.3") == 0);
	talk(&p);
	same_keys(&p);
	end(&p);
}

static void good_ones(void **state)
{
	(void)state;
	works((struct tls_server_spec){ .key = key }, "TLSv1.3");
	works((struct tls_server_spec){ .key = key, .version = TLS1_2_VERSION }, "TLSv1.2");
	works((struct tls_server_spec){ .key = rsa_key }, "TLSv1.3");
	works((struct tls_server_spec){ .key = rsa_key, .version = TLS1_2_VERSION }, "TLSv1.2");
}

/* By a list that the profile names; without one nobody is asked. */
static void a_revoked_server(void **state)
{
	struct pki_file f = { .len = 0 };
	size_t added;

	(void)state;
	for (int revoked = 0; revoked < 2; revoked++) {
		struct tls_server_spec server = { .key = key,
			.cert = issue((struct pki_spec){ .cn = NULL }) };
		struct evidence *ev = evidence_new(&err);
		X509_CRL *crl = pki_crl(
			&(struct crl_spec){ .revoked = revoked ? server.cert : NULL }, ca, ca_key);
		struct pair p = { .config.crls = ev };
		f.len = 0;
		pki_der_crl(&f, crl);
		assert_ok(&err, evidence_add_crl(ev, pki_bytes(&f), "a.crl", &added, &err));
		begin(&p, server);
		if (revoked)
			refused(&p, ERR_AUTH,
				"the EAP server: the certificate \"O=Test, CN=radius\" is revoked");
		else
			assert_ok(&err, shake_hands(&p));
		end(&p);
		X509_CRL_free(crl);
		evidence_free(ev);
	}
}

static void names(void **state)
{
	static const char *const good[] = { "radius.example", "RADIUS.example", "192.0.2.7",
		"admin@radius.example", "O=Test, CN=radius", "2001:db8::7" };
	static const char *const bad[] = { "radius2.example", "example", "192.0.2.8",
		"root@radius.example", "O=Test, CN=Root", "keyid:radius", "radius" };
	struct tls_server_spec server = { .key = key };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
		bool is_good = i < ARRAY_LEN(good);
		struct pair p = {
			.config.server = is_good ? good[i] : bad[i - ARRAY_LEN(good)],
		};
		server.cert = issue((struct pki_spec){ .san = "DNS:radius.example,IP:192.0.2.7,"
							      "email:admin@radius.example,"
							      "IP:2001:db8::7" });
		begin(&p, server);
		if (is_good)
			assert_ok(&err, shake_hands(&p));
		else
			refused(&p, ERR_AUTH,
				"the EAP server: its certificate proves DNS:radius.example, IP:");
		if (!is_good && !strstr(err.text, p.config.server))
			fail_msg("%s", err.text);
		end(&p);
	}
}

/* --- servers that are not believed ---------------------------------------------------------------- */

/* The server never hears of our certificate, nor anything inside. */
static void not_believed(X509 *cert, EVP_PKEY *server_key, const char *words)
{
	const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct pair p = { .cert = NULL };
		X509_up_ref(cert);
		begin(&p,
			(struct tls_server_spec){
				.cert = cert, .key = server_key, .version = versions[i] });
		refused(&p, ERR_AUTH, words);
		assert_false(tls_server_is_up(p.server));
		assert_true(p.server_failed); /* by our alert */
		assert_refused(&err, ERR_BUG, tls_write(p.client, BYTES("secret"), &err));
		end(&p);
	}
	X509_free(cert);
}

static void servers_not_believed(void **state)
{
	struct pki_spec named = {
		.cn = "radius", .san = "DNS:radius.example", .key = key, .from = -1000, .to = 1000
	};

	(void)state;
	not_believed(pki_issue(&named, other_ca, key), key,
		"the EAP server: the certificate \"O=Test, CN=radius\" was issued by \"O=Test, CN=Another\"");
	not_believed(pki_issue(&named, NULL, NULL), key, "signed itself");
	not_believed(issue((struct pki_spec){ .from = -2000, .to = -1000 }), key, "expired on");
	not_believed(issue((struct pki_spec){ .from = 1000, .to = 2000 }), key, "is valid only");
	not_believed(issue((struct pki_spec){ .extended = "clientAuth" }), key,
		"not meant for a server of TLS");
	/* Good for IKE, not for this. */
	not_believed(issue((struct pki_spec){ .extended = "1.3.6.1.5.5.7.3.17" }), key,
		"not meant for a server of TLS");
	not_believed(issue((struct pki_spec){ .san = "DNS:other.example" }), key,
		"proves DNS:other.example, O=Test, CN=radius, and the profile wants radius.example");
}

/* Its key is not that of its certificate: nothing proves it but the signature. */
static void key_of_another(void **state)
{
	struct pair p = { .cert = NULL };
	static uint8_t octets[65536];

	(void)state;
	begin(&p,
		(struct tls_server_spec){ .cert = issue((struct pki_spec){ .cn = NULL }),
			.key = key,
			.version = TLS1_2_VERSION });
	assert_ok(&err, to_client(&p));
	to_server(&p);
	size_t n = tls_server_output(p.server, octets, sizeof(octets));
	octets[n - 9 - 10] ^= 1; /* in the signature, before ServerHelloDone */
	assert_refused(&err, ERR_PEER, tls_input(p.client, (struct bytes){ octets, n }, &err));
	assert_false(tls_is_up(p.client));
	end(&p);
}

/* --- what is not agreed to ------------------------------------------------------------------------ */

static void too_weak(void **state)
{
	struct pair old = { .cert = NULL }, plain = { .cert = NULL };

	(void)state;
	begin(&old,
		(struct tls_server_spec){ .cert = issue((struct pki_spec){ .cn = NULL }),
			.key = key,
			.version = TLS1_1_VERSION });
	refused(&old, ERR_PEER, "TLS");
	end(&old);
	/* Without a signature of the server. */
	begin(&plain,
		(struct tls_server_spec){ .cert = issue((struct pki_spec){ .key = rsa_key }),
			.key = rsa_key,
			.version = TLS1_2_VERSION,
			.suites = "AES128-GCM-SHA256" });
	refused(&plain, ERR_PEER, "handshake_failure");
	end(&plain);
}

/* --- our certificate ------------------------------------------------------------------------------ */

static void with_own(struct pair *p, X509 *cert)
{
	struct pki_file f = { .len = 0 };
	bool need;

	pki_pem_cert(&f, cert);
	pki_pem_key(&f, rsa_key, NULL);
	assert_ok(&err, load_credentials(pki_bytes(&f), NULL, &p->own, &p->own_key, &need, &err));
	X509_free(cert);
}

static void own_certificate(int version, X509 *client_ca, X509 *own, const char *words)
{
	struct pair p = { .cert = NULL };

	if (own)
		with_own(&p, own);
	begin(&p,
		(struct tls_server_spec){ .cert = issue((struct pki_spec){ .cn = NULL }),
			.key = key,
			.client_ca = client_ca,
			.version = version });
	if (words)
		refused(&p, ERR_PEER, words);
	else
		assert_ok(&err, shake_hands(&p));
	end(&p);
}

static void own_certificates(void **state)
{
	const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct pki_spec alice = { .cn = "alice", .san = "email:alice@example", .key = rsa_key };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		int v = versions[i];
		own_certificate(v, ca, pki_issue(&alice, ca, ca_key), NULL);
		own_certificate(v, NULL, pki_issue(&alice, ca, ca_key), NULL);
		own_certificate(v, other_ca, pki_issue(&alice, ca, ca_key), "unknown_ca");
		struct pki_spec late = alice;
		late.from = -2000;
		late.to = -1000;
		own_certificate(v, ca, pki_issue(&late, ca, ca_key), "certificate_expired");
		own_certificate(v, ca, NULL,
			v == TLS1_2_VERSION ? "handshake_failure" : "certificate_required");
	}
}

/* Whatever openssl.cnf says of such keys. */
static void own_key_too_small(void **state)
{
	EVP_PKEY *small = pki_key("RSA", "1024");
	X509 *cert = pki_issue(&(struct pki_spec){ .cn = "alice", .key = small }, ca, ca_key);
	struct pki_file f = { .len = 0 };
	struct tls_config c = { .server = "radius.example", .now = PKI_NOW };
	struct cert_list own = { .n = 0 };
	struct key *own_key = NULL;
	bool need;

	(void)state;
	pki_pem_cert(&f, cert);
	pki_pem_key(&f, small, NULL);
	assert_ok(&err, load_credentials(pki_bytes(&f), NULL, &own, &own_key, &need, &err));
	c.certs = &own;
	c.key = own_key;
	assert_refused(&err, ERR_CONFIG, tls_new(&c, &err) != NULL);
	assert_non_null(strstr(err.text, "TLS with our certificate: "));
	cert_list_free(&own);
	key_free(own_key);
	X509_free(cert);
	EVP_PKEY_free(small);
}

/* --- what a server may do later ------------------------------------------------------------------- */

static void garbage_and_close(void **state)
{
	struct pair p = { .cert = NULL }, q = { .cert = NULL };
	uint8_t junk[64];

	(void)state;
	memset(junk, 0x47, sizeof(junk));
	begin(&p,
		(struct tls_server_spec){
			.cert = issue((struct pki_spec){ .cn = NULL }), .key = key });
	assert_ok(&err, to_client(&p));
	assert_refused(
		&err, ERR_PEER, tls_input(p.client, (struct bytes){ junk, sizeof(junk) }, &err));
	end(&p);
	begin(&q,
		(struct tls_server_spec){
			.cert = issue((struct pki_spec){ .cn = NULL }), .key = key });
	assert_ok(&err, shake_hands(&q));
	tls_server_close(q.server);
	assert_refused(&err, ERR_PEER, to_client(&q));
	assert_non_null(strstr(err.text, "closed TLS"));
	end(&q);
}

static void says_too_much(void **state)
{
	struct pair p = { .cert = NULL };
	static uint8_t much[TLS_PLAIN_MAX + 1], plain[TLS_PLAIN_MAX];

	(void)state;
	begin(&p,
		(struct tls_server_spec){
			.cert = issue((struct pki_spec){ .cn = NULL }), .key = key });
	assert_ok(&err, shake_hands(&p));
	assert_true(tls_server_write(p.server, (struct bytes){ much, TLS_PLAIN_MAX }));
	assert_ok(&err, to_client(&p));
	assert_int_equal(tls_read(p.client, plain), TLS_PLAIN_MAX);
	assert_true(tls_server_write(p.server, (struct bytes){ much, TLS_PLAIN_MAX + 1 }));
	assert_refused(&err, ERR_PEER, to_client(&p));
	end(&p);
}

/* None of the test's libraries has it: it is the program that opens it. */
static void not_linked(void **state)
{
	(void)state;
	assert_null(dlsym(RTLD_DEFAULT, "SSL_CTX_new"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_linked),
		cmocka_unit_test(good_ones),
		cmocka_unit_test(a_revoked_server),
		cmocka_unit_test(names),
		cmocka_unit_test(servers_not_believed),
		cmocka_unit_test(key_of_another),
		cmocka_unit_test(too_weak),
		cmocka_unit_test(own_certificates),
		cmocka_unit_test(own_key_too_small),
		cmocka_unit_test(garbage_and_close),
		cmocka_unit_test(says_too_much),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
