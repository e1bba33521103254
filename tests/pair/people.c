#include "people.h"

#include <stdlib.h>

#include "lib/pki.h"
#include "lib/test.h"

enum issuer { ISSUER_CA, ISSUER_INTERMEDIATE, ISSUER_STRANGER, ISSUERS };

static const struct {
	const char *type, *size;
	const char *san;
	enum issuer issuer;
	long from, to; /* as of struct pki_spec */
} rows[PEOPLE] = {
	[GW_RSA] = { "RSA", "2048", "DNS:gw.example.org", ISSUER_CA, 0, 0 },
	[GW_ECDSA] = { "EC", "P-256", "DNS:gw.example.org", ISSUER_CA, 0, 0 },
	[GW_ECDSA_384] = { "EC", "P-384", "DNS:gw.example.org", ISSUER_CA, 0, 0 },
	[GW_ED25519] = { "ED25519", NULL, "DNS:gw.example.org", ISSUER_CA, 0, 0 },
	[GW_CHAIN] = { "EC", "P-256", "DNS:gw.example.org", ISSUER_INTERMEDIATE, 0, 0 },
	[GW_OTHER_NAME] = { "EC", "P-256", "DNS:rogue.example.org", ISSUER_CA, 0, 0 },
	[GW_OTHER_CA] = { "EC", "P-256", "DNS:gw.example.org", ISSUER_STRANGER, 0, 0 },
	[GW_ASKED_ABOUT] = { "EC", "P-256", "DNS:gw.example.org", ISSUER_CA, 0, 0 },
	[GW_EXPIRED] = { "EC", "P-256", "DNS:gw.example.org", ISSUER_CA, -200, -100 },
	[USER_RSA] = { "RSA", "2048", "email:anna@example.org", ISSUER_CA, 0, 0 },
	[USER_ECDSA] = { "EC", "P-256", "email:anna@example.org", ISSUER_CA, 0, 0 },
	[USER_ED25519] = { "ED25519", NULL, "email:anna@example.org", ISSUER_CA, 0, 0 },
	[USER_EXPIRED] = { "EC", "P-256", "email:anna@example.org", ISSUER_CA, -200, -100 },
	[USER_ENDING] = { "EC", "P-256", "email:anna@example.org", ISSUER_CA, -9000, 500 },
	[USER_OTHER_CA] = { "EC", "P-256", "email:anna@example.org", ISSUER_STRANGER, 0, 0 },
};

static struct {
	EVP_PKEY *key;
	X509 *cert;
} issuers[ISSUERS];

static struct credential people[PEOPLE];
static struct trust *trust;

/* Names that are long only to make the chain too large for one datagram. */
static const char long_names[] =
	"DNS:a-host-name-that-makes-the-certificate-long-enough-to-need-fragments-1.example.org,"
	"DNS:a-host-name-that-makes-the-certificate-long-enough-to-need-fragments-2.example.org,"
	"DNS:a-host-name-that-makes-the-certificate-long-enough-to-need-fragments-3.example.org,"
	"DNS:a-host-name-that-makes-the-certificate-long-enough-to-need-fragments-4.example.org";

static void make_issuers(void)
{
	static const char *const names[ISSUERS] = { "The CA", "An intermediate CA", "Another CA" };

	for (int i = 0; i < ISSUERS && !issuers[i].key; i++) {
		issuers[i].key = pki_key(i == ISSUER_INTERMEDIATE ? "RSA" : "EC",
			i == ISSUER_INTERMEDIATE ? "2048" : "P-256");
		struct pki_spec spec = { .cn = names[i],
			.key = issuers[i].key,
			.ca = true,
			.san = i == ISSUER_INTERMEDIATE ? long_names : NULL };
		bool own = i != ISSUER_INTERMEDIATE;
		issuers[i].cert = pki_issue(&spec, own ? NULL : issuers[ISSUER_CA].cert,
			own ? NULL : issuers[ISSUER_CA].key);
	}
}

static void make(enum person who)
{
	EVP_PKEY *key = pki_key(rows[who].type, rows[who].size);
	struct pki_spec spec = { .cn = "somebody",
		.key = key,
		.san = rows[who].san,
		.from = rows[who].from,
		.to = rows[who].to };
	if (who == GW_ASKED_ABOUT) {
		spec.access = "OCSP;URI:http://ocsp.example.org/";
		spec.points = "URI:http://ocsp.example.org/ca.crl";
	}
	enum issuer by = rows[who].issuer;
	struct pki_file *f = calloc(1, sizeof(*f));
	bool need_pass;
	struct err e;

	assert_non_null(f);
	make_issuers();
	X509 *x = pki_issue(&spec, issuers[by].cert, issuers[by].key);
	pki_pem_cert(f, x);
	if (by == ISSUER_INTERMEDIATE)
		pki_pem_cert(f, issuers[by].cert);
	pki_pem_key(f, key, NULL);
	assert_ok(&e,
		load_credentials(
			pki_bytes(f), NULL, &people[who].certs, &people[who].key, &need_pass, &e));
	X509_free(x);
	EVP_PKEY_free(key);
	free(f);
}

const struct credential *person(enum person who)
{
	if (who == NOBODY)
		return NULL;
	if (!people[who].key)
		make(who);
	return &people[who];
}

struct trust *people_trust(void)
{
	struct pki_file *f = calloc(1, sizeof(*f));
	size_t added;
	struct err e;

	assert_non_null(f);
	make_issuers();
	if (!trust) {
		pki_pem_cert(f, issuers[ISSUER_CA].cert);
		trust = trust_new(&e);
		assert_ok(&e, trust_add(trust, pki_bytes(f), &added, &e));
	}
	free(f);
	return trust;
}

X509 *people_ca(void)
{
	make_issuers();
	return issuers[ISSUER_CA].cert;
}

EVP_PKEY *people_ca_key(void)
{
	make_issuers();
	return issuers[ISSUER_CA].key;
}

X509 *people_intermediate(void)
{
	make_issuers();
	return issuers[ISSUER_INTERMEDIATE].cert;
}

EVP_PKEY *people_intermediate_key(void)
{
	make_issuers();
	return issuers[ISSUER_INTERMEDIATE].key;
}

void people_free(void)
{
	for (int i = 0; i < PEOPLE; i++) {
		cert_list_free(&people[i].certs);
		key_free(people[i].key);
		people[i] = (struct credential){ 0 };
	}
	for (int i = 0; i < ISSUERS; i++) {
		X509_free(issuers[i].cert);
		EVP_PKEY_free(issuers[i].key);
		issuers[i].cert = NULL;
		issuers[i].key = NULL;
	}
	trust_free(trust);
	trust = NULL;
}
