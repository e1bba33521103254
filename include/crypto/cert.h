/*
 * Certificates and private keys, by OpenSSL: loading, validation, and what a certificate says.
 *
 * Reading files is the caller's business (cli/load does it under the profile's rules): everything
 * here works on octets. Limits: 16 certificates a chain or payload list, 16 KiB each, depth 8;
 * no URL in a certificate is ever followed.
 */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include <time.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/types.h"

enum { CERT_DER_MAX = 16384, CERT_CHAIN_MAX = 16, CERT_TEXT_MAX = 512, SPKI_SHA1_LEN = 20 };

struct cert; /* one X.509 certificate */
struct key; /* one private key */
struct trust; /* certificates that are believed, and how */

/* A certificate with the chain that came with it: own[0] is the end entity. */
struct cert_list {
	size_t n;
	struct cert *v[CERT_CHAIN_MAX];
};

struct cert *cert_from_der(struct bytes der, struct err *e) MUST_CHECK;
void cert_free(struct cert *c);
void cert_list_free(struct cert_list *l);
/* DER encoding and names; they live as long as c. */
struct bytes cert_der(const struct cert *c);
struct bytes cert_subject_der(const struct cert *c);
struct bytes cert_issuer_der(const struct cert *c);
/* "CN=..., O=..." safe to print. */
char *cert_subject_text(char out[CERT_TEXT_MAX], const struct cert *c);
char *cert_issuer_text(char out[CERT_TEXT_MAX], const struct cert *c);
/* All names the certificate proves, "DNS:a.example, IP:192.0.2.1, CN=...", for an error message. */
char *cert_names_text(char out[CERT_TEXT_MAX], const struct cert *c);

/* Does the certificate prove this identity? By subjectAltName only for names and addresses (exact,
 * host names with RFC 6125 wildcards), by subject for a DN (RFC 4945 section 3). */
bool cert_proves_host(const struct cert *c, const char *fqdn);
bool cert_proves_email(const struct cert *c, const char *email);
bool cert_proves_addr(const struct cert *c, const struct addr *a);
bool cert_proves_dn(const struct cert *c, struct bytes dn_der);
/* By what the text looks like: an address, "user@host", "CN=..., O=...", else a host name. */
bool cert_proves(const struct cert *c, const char *name);

/* The user that it names, as Windows and Azure have it: the user principal name of its subjectAltName, else the
 * mail address or the host name in there, else its common name. False: none of them, or not in size; *common tells
 * of the last. */
bool cert_user(const struct cert *c, char *out, size_t size, bool *common) MUST_CHECK;

/* Is it valid at that time? AUTH when not, and the sentence says since or from when. */
bool cert_dates(const struct cert *c, time_t now, struct err *e) MUST_CHECK;
/* Of its life less than a tenth is left, and less than two weeks. */
bool cert_ends_soon(const struct cert *c, time_t now);
/* "Nov 27 15:35:14 2026 GMT" */
enum { CERT_TIME_MAX = 64 };
char *cert_expires_text(char out[CERT_TIME_MAX], const struct cert *c);

/* "CN=..., O=..." to a DER Name; returns false (CONFIG) on a form it does not know. */
bool dn_from_text(
	const char *text, uint8_t *out, size_t cap, size_t *len, struct err *e) MUST_CHECK;
char *dn_text(char out[CERT_TEXT_MAX], struct bytes dn_der);

/* What a profile's certificate and key files hold: PEM (any number of certificates and a key), DER,
 * or PKCS#12. pass may be NULL; *need_pass tells that one is needed or was wrong. Certificates are
 * appended to *certs end entity first when a key is among them. key may be NULL if not wanted. A certificate
 * in PEM is only looked into as far as its key; whether all of it is right shows by cert_readable. */
bool load_credentials(struct bytes file, const struct passphrase *pass, struct cert_list *certs,
	struct key **key, bool *need_pass, struct err *e) MUST_CHECK;
bool cert_readable(const struct cert *c) MUST_CHECK;
void key_free(struct key *k);
bool key_matches(const struct key *k, const struct cert *c);
/* The certificate of this key, which may be NULL, to the front, where there is one: for a key that came
 * from another file. */
void cert_list_own_first(struct cert_list *certs, const struct key *key);

/* Trust anchors: the system's store, and/or what is added. A pinned certificate, or public key
 * (SubjectPublicKeyInfo), in PEM or DER, is accepted as the gateway's own, whoever issued it and
 * for whatever use (dates still count); once there is a pin, nothing else is. */
struct trust *trust_new(struct err *e) MUST_CHECK;
void trust_free(struct trust *t);
bool trust_add_system(struct trust *t, struct err *e) MUST_CHECK;
/* PEM (several) or DER; counts what was added. What a TRUSTED CERTIFICATE says of trust in servers is
 * heeded. Each is only looked into as far as its key; whether all of it is right shows when a chain needs
 * it, or by trust_check of the newest n. */
bool trust_add(struct trust *t, struct bytes file, size_t *added, struct err *e) MUST_CHECK;
bool trust_check(const struct trust *t, size_t n, struct err *e) MUST_CHECK;
bool trust_pin(struct trust *t, struct bytes file, struct err *e) MUST_CHECK;
/* The certificate that was pinned, to be freed by the caller: for a gateway that sends none. NULL where it is a key
 * or there are several. */
struct cert *trust_pinned(const struct trust *t);
/* Is one of those that were pinned, or else added, valid at that time? A public key always is. AUTH when not,
 * and the sentence speaks of the last one. */
bool trust_dates(const struct trust *t, time_t now, struct err *e) MUST_CHECK;
/* SHA-1 of the SubjectPublicKeyInfo of anchor i, for CERTREQ (RFC 7296 section 3.7); false past the end.
 * The system's store does not count here: naming a hundred CAs tells the gateway nothing. */
bool trust_spki_sha1(const struct trust *t, size_t i, uint8_t out[SPKI_SHA1_LEN]) MUST_CHECK;

/* Validates chain->v[0] with the others as untrusted helpers, at the given time: signatures,
 * dates, basic constraints, name constraints, key usage (digitalSignature or nonRepudiation when
 * present, RFC 4945 5.1.3.2) and extended key usage (serverAuth, ikeIntermediate or any, when
 * present). The sentence names the certificate that fails and, for an unknown issuer, the issuer
 * wanted. AUTH on failure. */
bool trust_verify(
	struct trust *t, const struct cert_list *chain, time_t now, struct err *e) MUST_CHECK;
/* The same for a server of TLS that signs: key usage digitalSignature, extended key usage serverAuth or any,
 * each when present (RFC 5280 section 4.2.1.12). */
bool trust_verify_tls(
	struct trust *t, const struct cert_list *chain, time_t now, struct err *e) MUST_CHECK;

#endif
