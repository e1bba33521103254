/*
 * A small certificate authority for the tests: keys and certificates made while they run, so that
 * no certificate in the tree can ever expire.
 */
#ifndef TESTS_LIB_PKI_H
#define TESTS_LIB_PKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <time.h>

#include "crypto/cert.h"

/* The time at which all of this happens. */
#define PKI_NOW ((time_t)1750000000)

struct pki_spec {
	const char *cn;
	EVP_PKEY *key; /* of the subject; needed */
	bool ca; /* basic constraints CA:TRUE, key usage keyCertSign */
	const char *san; /* as in openssl.cnf: "DNS:gw.example,IP:192.0.2.1" */
	const char *usage; /* key usage, "digitalSignature" */
	const char *extended; /* extended key usage, "serverAuth" */
	const char *access; /* authority information access, "OCSP;URI:http://ca.example/ocsp" */
	const char *points; /* CRL distribution points, "URI:http://ca.example/ca.crl" */
	const char *constraints; /* name constraints, "permitted;DNS:example" */
	const char *digest; /* SHA256 when NULL */
	long from, to; /* seconds around PKI_NOW; a day each way when both are 0 */
	const char *ou; /* a second attribute of the subject */
};

EVP_PKEY *pki_key(const char *type, const char *curve_or_bits);
/* Of 1024 or 2048 bits, with the exponent 3 or 65537; see pki_rsa.c. */
EVP_PKEY *pki_rsa(unsigned bits, unsigned long exponent);
/* issuer NULL: self-signed. */
X509 *pki_issue(const struct pki_spec *spec, X509 *issuer, EVP_PKEY *issuer_key);
struct cert *pki_cert(X509 *x);
/* That believes this one CA. */
struct trust *pki_trust(X509 *anchor);
/* A certificate around a SubjectPublicKeyInfo, signed by somebody else: what it says is the key. */
struct cert *pki_cert_of_key(const uint8_t *spki, size_t n);

/* Files as they lie on disk: appended to buf, which has *len octets already. */
struct pki_file {
	size_t len;
	uint8_t data[65536];
};

/* What ok says was written to a memory BIO, which it frees. */
void pki_append(struct pki_file *f, BIO *bio, int ok);
void pki_pem_cert(struct pki_file *f, X509 *x);
/* TRUSTED CERTIFICATE; purposes are NIDs of extended key usages, 0 for none. */
void pki_pem_trusted(struct pki_file *f, X509 *x, int trusted_for, int rejected_for);
void pki_pem_key(struct pki_file *f, EVP_PKEY *key, const char *pass);
/* As OpenSSL wrote keys before PKCS#8; cipher "AES-128-CBC" and a pass phrase, or NULL and NULL. */
void pki_old_key(struct pki_file *f, EVP_PKEY *key, const char *cipher, const char *pass);
void pki_pem_public(struct pki_file *f, EVP_PKEY *key);
/* CERTIFICATE REQUEST, and the parameters that `openssl ecparam -genkey` writes before an EC key. */
void pki_pem_request(struct pki_file *f, EVP_PKEY *key);
void pki_pem_curve(struct pki_file *f);
void pki_der_cert(struct pki_file *f, X509 *x);
void pki_der_key(struct pki_file *f, EVP_PKEY *key);
void pki_der_public(struct pki_file *f, EVP_PKEY *key);
void pki_p12(struct pki_file *f, EVP_PKEY *key, X509 *own, X509 *ca, const char *pass);
/* With ciphers that OpenSSL leaves to its legacy provider. pbe are NIDs, -1: nothing is encrypted, or with
 * PBES2 and a cipher that has a name. */
void pki_legacy_p12(
	struct pki_file *f, EVP_PKEY *key, X509 *own, int pbe_key, int pbe_certs, const char *pass);
void pki_legacy_key(
	struct pki_file *f, EVP_PKEY *key, int pbe, const char *cipher, const char *pass);
struct bytes pki_bytes(const struct pki_file *f);

#endif
