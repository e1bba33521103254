#include "cli/load.h"
#include "folder.h"
#include "lib/revoked.h"
#include "lib/test.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define HEAD "[connection]\ngateway = vpn.example.org\n"

static struct load_report report;

static const char *first_problem(void)
{
	static char text[PROFILE_PATH_MAX + 600];

	return report.n == 0 ? "no problem" : load_problem_text(text, sizeof(text), &report.v[0]);
}

static EVP_PKEY *make_key(void)
{
	EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	assert_non_null(k);
	return k;
}

static X509 *make_cert(EVP_PKEY *k, const char *cn)
{
	X509 *c = X509_new();
	X509_NAME *name = X509_get_subject_name(c);

	X509_set_version(c, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 7);
	X509_gmtime_adj(X509_getm_notBefore(c), 0);
	X509_gmtime_adj(X509_getm_notAfter(c), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(c, name);
	X509_set_pubkey(c, k);
	assert_true(X509_sign(c, k, NULL) > 0);
	return c;
}

/* A PEM file of a certificate and a key, either of which may be missing; the key encrypted with pass. */
static const char *write_pem(
	const char *folder, const char *name, X509 *c, EVP_PKEY *k, const char *pass, mode_t mode)
{
	BIO *b = BIO_new(BIO_s_mem());
	const char *path;
	char *data;

	if (c)
		assert_int_equal(PEM_write_bio_X509(b, c), 1);
	if (k)
		assert_int_equal(
			PEM_write_bio_PKCS8PrivateKey(b, k, pass ? EVP_aes_128_cbc() : NULL, pass,
				pass ? (int)strlen(pass) : 0, NULL, NULL),
			1);
	long n = BIO_get_mem_data(b, &data);
	path = folder_write(folder, name, data, (size_t)n, mode);
	BIO_free(b);
	return path;
}

/* Loads HEAD and text as a profile in the folder. Says what the first problem shall hold, or NULL. */
static struct profile *check(const char *folder, const char *text, const char *pass,
	enum load_result want, const char *say)
{
	char whole[2000];
	struct passphrase answer;
	struct profile *p;

	snprintf(whole, sizeof(whole), HEAD "%s", text);
	struct load_request rq = { .profile = folder_text(folder, "p.conf", whole) };
	if (pass) {
		passphrase_set(&answer, pass, strlen(pass));
		rq.key_passphrase = &answer;
	}
	enum load_result result = load_profile(&rq, &p, &report);
	if (result != want || (say && (report.n != 1 || !strstr(first_problem(), say))))
		fail_msg(
			"%s: result %d, %zu problems: %s", text, result, report.n, first_problem());
	assert_true((p != NULL) == (want == LOAD_OK));
	return p;
}

static void secrets_in_files(void **state)
{
	struct profile *p;
	char *dir = *state;

	folder_text(dir, "psk", "correct horse;#\"\n");
	p = check(dir, "[secrets]\npsk-file = psk\n", NULL, LOAD_OK, NULL);
	assert_true(p->psk_given);
	assert_string_equal(p->psk.text, "correct horse;#\"");
	profile_free(p);
	folder_text(dir, "pw", "p\xc3\xa4ss\r\n");
	p = check(dir, "[local]\nauth=eap\n[secrets]\nuser=u\npassword-file = pw\n", NULL, LOAD_OK,
		NULL);
	assert_string_equal(p->password.text, "p\xc3\xa4ss");
	profile_free(p);
	folder_text(dir, "marked", "\xef\xbb\xbfhorse\r\n"); /* as some editors write it */
	p = check(dir, "[secrets]\npsk-file = marked\n", NULL, LOAD_OK, NULL);
	assert_string_equal(p->psk.text, "horse");
	profile_free(p);

	check(dir, "[secrets]\npsk-file = none\n", NULL, LOAD_BAD, "p.conf:4: secrets.psk-file: ");
	assert_non_null(strstr(first_problem(), "/none: cannot be opened"));
	folder_text(dir, "two", "a\nb\n");
	check(dir, "[secrets]\npsk-file = two\n", NULL, LOAD_BAD, "more than one line");
	folder_text(dir, "empty", "\n");
	check(dir, "[secrets]\npsk-file = empty\n", NULL, LOAD_BAD, "1 to 1024 octets, not 0");
	folder_text(dir, "mark", "\xef\xbb\xbf\n");
	check(dir, "[secrets]\npsk-file = mark\n", NULL, LOAD_BAD, "1 to 1024 octets, not 0");
	folder_write(dir, "nul", "a\0b", 3, 0600);
	check(dir, "[secrets]\npsk-file = nul\n", NULL, LOAD_BAD, "NUL");
	folder_write(dir, "open", "a", 1, 0644);
	check(dir, "[secrets]\npsk-file = open\n", NULL, LOAD_BAD, "run: chmod 600 ");
}

#define CERT "[local]\nauth = cert\n"

static void own_certificate(void **state)
{
	EVP_PKEY *key = make_key(), *other = make_key();
	X509 *cert = make_cert(key, "me");
	struct profile *p;
	char *dir = *state;

	write_pem(dir, "both.pem", cert, key, NULL, 0600);
	write_pem(dir, "cert.pem", cert, NULL, NULL, 0644);
	write_pem(dir, "key.pem", NULL, key, NULL, 0600);
	write_pem(dir, "open.pem", NULL, key, NULL, 0644);
	write_pem(dir, "other.pem", NULL, other, NULL, 0600);
	write_pem(dir, "locked.pem", NULL, key, "sesame", 0600);
	write_pem(dir, "lockedopen.pem", NULL, key, "sesame", 0644);
	folder_text(dir, "junk.pem", "junk");

	p = check(dir, CERT "certificate = both.pem\n", NULL, LOAD_OK, NULL);
	assert_true(p->own_certs.n == 1 && p->own_key != NULL && p->trust != NULL);
	profile_free(p);
	p = check(dir, CERT "certificate = cert.pem\nkey = key.pem\n", NULL, LOAD_OK, NULL);
	assert_true(p->own_certs.n == 1 && p->own_key != NULL);
	profile_free(p);
	check(dir, CERT "certificate = cert.pem\n", NULL, LOAD_BAD,
		"p.conf:5: local.certificate: there is no private key");
	check(dir, CERT "certificate = cert.pem\nkey = cert.pem\n", NULL, LOAD_BAD,
		"local.key: there is no private key");
	check(dir, CERT "certificate = cert.pem\nkey = other.pem\n", NULL, LOAD_BAD,
		"local.key: certificate and private key do not");
	check(dir, CERT "certificate = cert.pem\nkey = open.pem\n", NULL, LOAD_BAD, "chmod 600");
	check(dir, CERT "certificate = key.pem\n", NULL, LOAD_BAD, "there is no certificate");
	check(dir, CERT "certificate = junk.pem\n", NULL, LOAD_BAD, "junk.pem: ");
	check(dir, CERT "certificate = none.pem\n", NULL, LOAD_BAD, "cannot be opened");

	/* Asked for, and never asked for where it would not help. */
	check(dir, CERT "certificate = cert.pem\nkey = locked.pem\n", NULL, LOAD_NEED_PASSPHRASE,
		NULL);
	check(dir, CERT "certificate = cert.pem\nkey = locked.pem\n", "wrong", LOAD_NEED_PASSPHRASE,
		NULL);
	p = check(dir, CERT "certificate = cert.pem\nkey = locked.pem\n", "sesame", LOAD_OK, NULL);
	profile_free(p);
	p = check(dir,
		CERT
		"certificate = cert.pem\nkey = locked.pem\n[secrets]\nkey-passphrase = sesame\n",
		NULL, LOAD_OK, NULL);
	profile_free(p);
	check(dir, CERT "certificate = cert.pem\nkey = locked.pem\n[secrets]\nkey-passphrase = x\n",
		NULL, LOAD_BAD, "local.key: ");
	check(dir, CERT "certificate = cert.pem\nkey = lockedopen.pem\n", NULL, LOAD_BAD,
		"chmod 600");
	check(dir, "port = x\n" CERT "certificate = cert.pem\nkey = locked.pem\n", NULL, LOAD_BAD,
		"connection.port");
	X509_free(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

/* The CA may stand first in the file, whether the key is there or elsewhere. */
static void own_certificate_behind_its_ca(void **state)
{
	EVP_PKEY *key = make_key(), *ca_key = make_key();
	X509 *cert = make_cert(key, "me"), *ca = make_cert(ca_key, "ca");
	static const char *const texts[] = { CERT "certificate = both.pem\n",
		CERT "certificate = both.pem\nkey = key.pem\n",
		CERT "certificate = chain.pem\nkey = key.pem\n" };
	struct pki_file chain = { .len = 0 };
	char *dir = *state;

	write_pem(dir, "key.pem", NULL, key, NULL, 0600);
	pki_pem_cert(&chain, ca);
	pki_pem_cert(&chain, cert);
	folder_write(dir, "chain.pem", chain.data, chain.len, 0644);
	pki_pem_key(&chain, key, NULL);
	folder_write(dir, "both.pem", chain.data, chain.len, 0600);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct profile *p = check(dir, texts[i], NULL, LOAD_OK, NULL);
		assert_int_equal(p->own_certs.n, 2);
		assert_true(key_matches(p->own_key, p->own_certs.v[0]));
		profile_free(p);
	}
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}

#define EAP "[local]\nauth = eap\n[remote]\n"

static void authorities(void **state)
{
	EVP_PKEY *key = make_key();
	X509 *cert = make_cert(key, "ca");
	char *dir = *state, sub[1024];
	uint8_t hash[SPKI_SHA1_LEN];
	struct profile *p;

	write_pem(dir, "ca.pem", cert, NULL, NULL, 0644);
	folder_text(dir, "junk.pem", "junk");
	p = check(dir, EAP "ca = ca.pem\n", NULL, LOAD_OK, NULL);
	assert_true(trust_spki_sha1(p->trust, 0, hash));
	profile_free(p);
	p = check(dir, EAP "certificate = ca.pem\n", NULL, LOAD_OK, NULL);
	profile_free(p);
	p = check(dir, EAP "id = vpn.example.org\n", NULL, LOAD_OK, NULL);
	assert_non_null(p->trust);
	assert_false(trust_spki_sha1(p->trust, 0, hash));
	profile_free(p);
	check(dir, EAP "ca = junk.pem\n", NULL, LOAD_BAD, "p.conf:6: remote.ca: ");
	check(dir, EAP "certificate = junk.pem\n", NULL, LOAD_BAD, "remote.certificate: ");
	check(dir, EAP "ca = none\n", NULL, LOAD_BAD, "cannot be opened");

	snprintf(sub, sizeof(sub), "%s/cas", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	folder_text(sub, "README", "no certificate");
	check(dir, EAP "ca = cas\n", NULL, LOAD_BAD, "there is no certificate in the folder");
	write_pem(sub, "one.crt", cert, NULL, NULL, 0644);
	p = check(dir, EAP "ca = cas\n", NULL, LOAD_OK, NULL);
	assert_true(trust_spki_sha1(p->trust, 0, hash));
	profile_free(p);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void write_crl(const char *dir, const char *name, EVP_PKEY *key, X509 *ca, bool old)
{
	struct pki_file f = { .len = 0 };
	long now = (long)(time(NULL) - PKI_NOW);
	X509_CRL *crl =
		pki_crl(&(struct crl_spec){ .from = now - 5000, .to = now + (old ? -1000 : 1000) },
			ca, key);

	pki_der_crl(&f, crl);
	folder_write(dir, name, f.data, f.len, 0644);
	X509_CRL_free(crl);
}

static void revocation_lists(void **state)
{
	struct load_request rq = { .thorough = true };
	EVP_PKEY *key = make_key();
	X509 *ca = make_cert(key, "ca");
	char *dir = *state, sub[1024];
	struct profile *p;

	write_crl(dir, "now.crl", key, ca, false);
	write_crl(dir, "old.crl", key, ca, true);
	folder_text(dir, "junk.crl", "junk");
	p = check(dir, EAP "crl = now.crl\n", NULL, LOAD_OK, NULL);
	assert_int_equal(evidence_len(p->crls), 1);
	profile_free(p);
	/* To connect it may do: whether the clock is right is not known. */
	p = check(dir, EAP "crl = old.crl\n", NULL, LOAD_OK, NULL);
	assert_int_equal(evidence_len(p->crls), 1);
	profile_free(p);
	p = check(dir, EAP "crl = junk.crl\nrevocation = off\n", NULL, LOAD_OK, NULL);
	assert_int_equal(evidence_len(p->crls), 0);
	profile_free(p);
	check(dir, EAP "crl = junk.crl\n", NULL, LOAD_BAD, "junk.crl: it holds no CRL");
	check(dir, EAP "crl = none.crl\n", NULL, LOAD_BAD, "p.conf:6: remote.crl: ");

	rq.profile = folder_text(dir, "p.conf", HEAD EAP "crl = old.crl\n");
	assert_int_equal(load_profile(&rq, &p, &report), LOAD_BAD);
	if (!strstr(first_problem(), "remote.crl: ") ||
		!strstr(first_problem(), "is not of this time: the next one was due on "))
		fail_msg("%s", first_problem());
	profile_free(p);

	snprintf(sub, sizeof(sub), "%s/lists", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	folder_text(sub, "README", "no CRL");
	check(dir, EAP "crl = lists\n", NULL, LOAD_BAD,
		"there is no CRL in the folder (*.crl, *.pem, *.der)");
	write_crl(sub, "one.crl", key, ca, false);
	write_crl(sub, "two.DER", key, ca, false);
	p = check(dir, EAP "crl = lists\n", NULL, LOAD_OK, NULL);
	assert_int_equal(evidence_len(p->crls), 2);
	profile_free(p);
	X509_free(ca);
	EVP_PKEY_free(key);
}

/* All of them count; where they are too many, none is left out in silence. */
static void many_authorities(void **state)
{
	enum { MOST = 4096 };
	EVP_PKEY *key = make_key();
	X509 *cert = make_cert(key, "ca");
	char *dir = *state, sub[1024], name[1100];
	uint8_t hash[SPKI_SHA1_LEN];

	snprintf(sub, sizeof(sub), "%s/cas", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	const char *first = write_pem(sub, "0.pem", cert, NULL, NULL, 0644);
	for (int i = 1; i < MOST; i++) {
		snprintf(name, sizeof(name), "%s/%d.pem", sub, i);
		assert_int_equal(link(first, name), 0);
	}
	folder_text(sub, "README", "no certificate");
	struct profile *p = check(dir, EAP "ca = cas\n", NULL, LOAD_OK, NULL);
	assert_true(trust_spki_sha1(p->trust, MOST - 1, hash));
	profile_free(p);
	snprintf(name, sizeof(name), "%s/another.crt", sub);
	assert_int_equal(link(first, name), 0);
	check(dir, EAP "ca = cas\n", NULL, LOAD_BAD,
		"cas: there are more than 4096 certificate files");
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* `check` parses what connect leaves to the moment when the gateway shows its certificate. */
static void thorough_parses_each_authority(void **state)
{
	struct load_request rq = { .thorough = true };
	struct pki_file der = { .len = 0 };
	EVP_PKEY *key = make_key();
	X509 *cert = make_cert(key, "ca");
	char *dir = *state;
	struct profile *p;

	pki_der_cert(&der, cert);
	memset(der.data + der.len - 100, 0xff, 30);
	folder_write(dir, "half.der", (const char *)der.data, der.len, 0644);
	p = check(dir, EAP "ca = half.der\n", NULL, LOAD_OK, NULL);
	profile_free(p);
	rq.profile = folder_text(dir, "p.conf", HEAD EAP "ca = half.der\n");
	assert_int_equal(load_profile(&rq, &p, &report), LOAD_BAD);
	assert_non_null(strstr(first_problem(), "half.der: certificate number 1 cannot be read"));
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* `check` says so before the gateway does; connect warns, for it may be the clock that is wrong. */
static void thorough_looks_at_dates(void **state)
{
	struct load_request rq = { .thorough = true };
	EVP_PKEY *key = make_key();
	X509 *late = make_cert(key, "late"), *valid = make_cert(key, "valid");
	struct pki_file mixed = { .len = 0 };
	char *dir = *state, text[400];
	struct profile *p;
	static const struct {
		const char *own, *ca, *problem;
	} rows[] = {
		{ "valid.pem", "valid.pem", NULL },
		{ "late.pem", "valid.pem",
			"local.certificate: the certificate \"CN=late\" expired on " },
		{ "valid.pem", "late.crt", "remote.ca: the certificate \"CN=late\" expired on " },
		{ "valid.pem", "mixed.crt", NULL },
		{ "valid.pem", "mixed.crt\ncertificate = late.crt",
			"remote.certificate: the certificate \"CN=late\" expired on " },
	};

	X509_gmtime_adj(X509_getm_notAfter(late), -10);
	assert_true(X509_sign(late, key, NULL) > 0);
	write_pem(dir, "late.crt", late, NULL, NULL, 0644);
	write_pem(dir, "late.pem", late, key, NULL, 0600);
	write_pem(dir, "valid.pem", valid, key, NULL, 0600);
	pki_pem_cert(&mixed, valid);
	pki_pem_cert(&mixed, late);
	folder_write(dir, "mixed.crt", mixed.data, mixed.len, 0644);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof(text), HEAD CERT "certificate = %s\n[remote]\nca = %s\n",
			rows[i].own, rows[i].ca);
		profile_free(check(dir, text + strlen(HEAD), NULL, LOAD_OK, NULL));
		rq.profile = folder_text(dir, "p.conf", text);
		enum load_result result = load_profile(&rq, &p, &report);
		if (result != (rows[i].problem ? LOAD_BAD : LOAD_OK) ||
			(rows[i].problem && !strstr(first_problem(), rows[i].problem)))
			fail_msg("row %zu: %s", i, first_problem());
		profile_free(p);
	}
	X509_free(late);
	X509_free(valid);
	EVP_PKEY_free(key);
}

static void values_only_reads_no_file(void **state)
{
	struct load_request rq = { .values_only = true };
	struct profile *p;

	rq.profile = folder_text(
		*state, "a.conf", HEAD CERT "certificate = none.pem\n[secrets]\npsk-file = none\n");
	assert_int_equal(load_profile(&rq, &p, &report), LOAD_OK);
	assert_null(p->trust);
	profile_free(p);
	/* What was understood of a bad one is handed out, for `list` and `show`. */
	rq.profile = folder_text(*state, "b.conf", HEAD "port = x\n");
	assert_int_equal(load_profile(&rq, &p, &report), LOAD_BAD);
	assert_string_equal(p->gateways[0], "vpn.example.org");
	profile_free(p);
}

/* One address of a real interface as text; false where there is none. */
static bool own_address(char out[INET_ADDRSTRLEN])
{
	struct ifaddrs *all = NULL;
	bool found = false;

	assert_int_equal(getifaddrs(&all), 0);
	for (struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		struct sockaddr_in in;
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
			(i->ifa_flags & IFF_LOOPBACK))
			continue;
		memcpy(&in, i->ifa_addr, sizeof(in));
		found = inet_ntop(AF_INET, &in.sin_addr, out, INET_ADDRSTRLEN) != NULL;
	}
	freeifaddrs(all);
	return found;
}

/* Nobody's gateway, most likely; but something may listen there that carries the packets on. */
static void thorough_knows_itself(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "127.9.9.9", "::1", NULL };
	char *dir = *state, text[200], own[INET_ADDRSTRLEN], want[200];
	struct profile *p;

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		const char *host = hosts[i] ? hosts[i] : own_address(own) ? own : NULL;
		if (!host)
			continue;
		snprintf(text, sizeof(text),
			"[connection]\ngateway = vpn.example.org, %s\n[secrets]\npsk = x\n", host);
		struct load_request rq = { .profile = folder_text(dir, "p.conf", text) };
		assert_int_equal(load_profile(&rq, &p, &report), LOAD_OK);
		profile_free(p);
		rq.thorough = true;
		assert_int_equal(load_profile(&rq, &p, &report), LOAD_BAD);
		assert_int_equal(report.n, 1);
		snprintf(want, sizeof(want),
			":2: connection.gateway: %s is this machine itself; right would be the "
			"gateway's own address",
			host);
		if (!strstr(first_problem(), want))
			fail_msg("%s", first_problem());
	}
	struct load_request rq = { .thorough = true,
		.profile = folder_text(dir, "p.conf", HEAD "[secrets]\npsk = x\n") };
	assert_int_equal(load_profile(&rq, &p, &report), LOAD_OK);
	profile_free(p);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

/* Of the server of EAP over TLS: its own CA, else the gateway's, else the system's; what is said of the gateway by
 * a pin says nothing of it. */
static void trust_in_the_eap_server(void **state)
{
	EVP_PKEY *key = make_key();
	X509 *cert = make_cert(key, "ca");
	uint8_t hash[SPKI_SHA1_LEN];
	struct profile *p;
	char *dir = *state;

	write_pem(dir, "ca.pem", cert, NULL, NULL, 0644);
	p = check(dir, EAP "ca = ca.pem\n", NULL, LOAD_OK, NULL);
	assert_true(p->trust && !p->eap_trust); /* the same */
	profile_free(p);
	p = check(dir, EAP "eap-ca = ca.pem\n", NULL, LOAD_OK, NULL);
	assert_true(p->eap_trust && trust_spki_sha1(p->eap_trust, 0, hash));
	assert_false(trust_spki_sha1(p->trust, 0, hash)); /* the gateway's are the system's */
	profile_free(p);
	p = check(dir, EAP "certificate = ca.pem\n", NULL, LOAD_OK, NULL);
	assert_true(p->eap_trust && !trust_spki_sha1(p->eap_trust, 0, hash));
	profile_free(p);
	p = check(dir, EAP "certificate = ca.pem\nca = ca.pem\n", NULL, LOAD_OK, NULL);
	assert_true(p->eap_trust && trust_spki_sha1(p->eap_trust, 0, hash));
	profile_free(p);
	check(dir, EAP "eap-ca = none.pem\n", NULL, LOAD_BAD, "p.conf:6: remote.eap-ca: ");
	/* Without a method over TLS there is none. */
	p = check(dir, "[local]\nauth = eap\neap = mschapv2\n[remote]\ncertificate = ca.pem\n",
		NULL, LOAD_OK, NULL);
	assert_null(p->eap_trust);
	profile_free(p);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(secrets_in_files),
		WITH_FOLDER(own_certificate),
		WITH_FOLDER(own_certificate_behind_its_ca),
		WITH_FOLDER(trust_in_the_eap_server),
		WITH_FOLDER(authorities),
		WITH_FOLDER(revocation_lists),
		WITH_FOLDER(many_authorities),
		WITH_FOLDER(thorough_parses_each_authority),
		WITH_FOLDER(thorough_looks_at_dates),
		WITH_FOLDER(thorough_knows_itself),
		WITH_FOLDER(values_only_reads_no_file),
	};

	return cmocka_run_group_tests(tests, test_crypto_setup, NULL);
}
