#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "crypto/cert.h"
#include "crypto/prf.h"
#include "ossl.h"
#include "x509.h"

enum { PINS_MAX = 16 };

struct trust {
	X509_STORE *store;
	struct bundle *anchors; /* what a chain needs of them goes into the store then */
	bool system; /* they are the system's */
	EVP_PKEY *pins[PINS_MAX]; /* a pinned certificate is held by its key and itself */
	X509 *pinned[PINS_MAX]; /* NULL where only the key is pinned */
	size_t n_pins;
};

struct trust *trust_new(struct err *e)
{
	struct trust *t = calloc(1, sizeof(*t));

	if (t) {
		t->store = X509_STORE_new();
		t->anchors = bundle_new();
	}
	if (t && t->store && t->anchors)
		return t;
	trust_free(t);
	err_set(e, ERR_LOCAL, "out of memory");
	return NULL;
}

void trust_free(struct trust *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_pins; i++) {
		EVP_PKEY_free(t->pins[i]);
		X509_free(t->pinned[i]);
	}
	X509_STORE_free(t->store);
	bundle_free(t->anchors);
	free(t);
}

/* The store is read whole and now: an engine that validates later may run where there are no files.
 * Only where no bundle is known is OpenSSL left to look issuers up in its folder. */
bool trust_add_system(struct trust *t, struct err *e)
{
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s/ca-certificates.crt", X509_get_default_cert_dir());
	struct bundle *b = bundle_read(X509_get_default_cert_file());
	if (!b)
		b = bundle_read(file);
	t->system = true;
	if (b) {
		bundle_free(t->anchors);
		t->anchors = b;
		return true;
	}
	if (X509_STORE_load_file(t->store, X509_get_default_cert_file()) == 1 ||
		X509_STORE_load_file(t->store, file) == 1 ||
		X509_STORE_set_default_paths(t->store) == 1) {
		ossl_err(NULL, ERR_NONE, "");
		return true;
	}
	return ossl_err(e, ERR_LOCAL, "the system's certificates");
}

/* pem_password_cb, for what nobody encrypts: without it OpenSSL would ask on the terminal, whatever was
 * said about that. */
static int no_pass(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static bool is_certificate(const char *pem_name)
{
	return strcmp(pem_name, PEM_STRING_X509) == 0 ||
		strcmp(pem_name, PEM_STRING_X509_OLD) == 0 ||
		strcmp(pem_name, PEM_STRING_X509_TRUSTED) == 0;
}

/* Of what is in PEM; other things are passed over. */
static bool add_block(const char *name, struct bytes der, void *arg)
{
	struct trust *t = arg;

	return !is_certificate(name) || bundle_add(t->anchors, der);
}

/* From its first octet to its last. */
static bool is_der(struct bytes file)
{
	const uint8_t *p = file.p;
	long len;
	int tag, class;

	bool ok = file.n > 0 && file.n <= LONG_MAX &&
		!(ASN1_get_object(&p, &len, &tag, &class, (long)file.n) & 0x80) &&
		tag == V_ASN1_SEQUENCE && p + len == (const uint8_t *)file.p + file.n;
	ossl_err(NULL, ERR_NONE, "");
	return ok;
}

static bool unreadable(size_t i, struct err *e)
{
	return err_set(e, ERR_CONFIG, "certificate number %zu cannot be read", i + 1);
}

bool trust_add(struct trust *t, struct bytes file, size_t *added, struct err *e)
{
	size_t before = bundle_len(t->anchors);
	bool ok = is_der(file) ? bundle_add(t->anchors, file) : ossl_pem_blocks(file, add_block, t);

	ossl_err(NULL, ERR_NONE, "");
	*added = bundle_len(t->anchors) - before;
	if (!ok)
		return unreadable(*added, e);
	if (*added == 0)
		return err_set(e, ERR_CONFIG, "it holds no certificate, in PEM or DER");
	return true;
}

bool trust_check(const struct trust *t, size_t n, struct err *e)
{
	size_t first = bundle_len(t->anchors) - n;

	for (size_t i = 0; i < n; i++) {
		X509 *x = bundle_parse(t->anchors, first + i);
		if (!x)
			return unreadable(i, e);
		X509_free(x);
	}
	return true;
}

/* A certificate or a SubjectPublicKeyInfo; takes over what it is given. */
static bool add_pin(struct trust *t, X509 *x, EVP_PKEY *key, struct err *e)
{
	if (t->n_pins == PINS_MAX || !key) {
		X509_free(x);
		EVP_PKEY_free(key);
		return err_set(e, ERR_CONFIG,
			key ? "more than %d pinned certificates" :
			      "neither a certificate nor a public key, in PEM or DER",
			PINS_MAX);
	}
	t->pinned[t->n_pins] = x;
	t->pins[t->n_pins++] = key;
	return true;
}

bool trust_pin(struct trust *t, struct bytes file, struct err *e)
{
	const uint8_t *p = file.p, *again = file.p;
	bool der = is_der(file);
	X509 *x = der ? d2i_X509(NULL, &p, (long)file.n) : NULL;
	EVP_PKEY *key = der && !x ? d2i_PUBKEY(NULL, &again, (long)file.n) : NULL;
	BIO *bio = der || file.n > INT_MAX ? NULL : BIO_new_mem_buf(file.p, (int)file.n);

	if (bio) {
		x = PEM_read_bio_X509(bio, NULL, no_pass, NULL);
		if (!x && BIO_reset(bio) == 1)
			key = PEM_read_bio_PUBKEY(bio, NULL, no_pass, NULL);
	}
	BIO_free(bio);
	ossl_err(NULL, ERR_NONE, "");
	if (x)
		key = X509_get_pubkey(x);
	return add_pin(t, x, key, e);
}

struct cert *trust_pinned(const struct trust *t)
{
	if (t->n_pins != 1 || !t->pinned[0] || X509_up_ref(t->pinned[0]) != 1)
		return NULL;
	return cert_wrap(t->pinned[0], NULL);
}

bool trust_spki_sha1(const struct trust *t, size_t i, uint8_t out[SPKI_SHA1_LEN])
{
	struct bytes spki = t->system ? (struct bytes){ NULL, 0 } : bundle_spki(t->anchors, i);
	uint8_t hash[DIGEST_MAX];
	size_t len;

	if (spki.n == 0 || !digest("SHA1", &spki, 1, hash, &len, NULL))
		return false;
	memcpy(out, hash, SPKI_SHA1_LEN);
	return true;
}

char *x509_time_text(char out[CERT_TIME_MAX], const ASN1_TIME *when)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio && ASN1_TIME_print(bio, when) == 1)
		n = BIO_read(bio, out, CERT_TIME_MAX - 1);
	out[n > 0 ? n : 0] = 0;
	BIO_free(bio);
	return out;
}

char *cert_expires_text(char out[CERT_TIME_MAX], const struct cert *c)
{
	return x509_time_text(out, X509_get0_notAfter(cert_x509(c)));
}

static bool refuse_dates(const X509 *x, bool too_early, struct err *e)
{
	char subject[CERT_TEXT_MAX], when[CERT_TIME_MAX];

	x509_name_text(subject, X509_get_subject_name(x));
	x509_time_text(when, too_early ? X509_get0_notBefore(x) : X509_get0_notAfter(x));
	return err_set(e, ERR_AUTH, "the certificate \"%s\" %s %s", subject,
		too_early ? "is valid only from" : "expired on", when);
}

static bool x509_dates(const X509 *x, time_t now, struct err *e)
{
	if (X509_cmp_time(X509_get0_notBefore(x), &now) >= 0)
		return refuse_dates(x, true, e);
	if (X509_cmp_time(X509_get0_notAfter(x), &now) <= 0)
		return refuse_dates(x, false, e);
	return true;
}

/* For these two it need not be parsed as a whole. NULL: it says nothing that can be read. */
static X509_VAL *validity(const struct cert *c)
{
	struct x509_parts parts;

	if (!x509_parts(cert_der(c), &parts))
		return NULL;
	const uint8_t *p = parts.validity.p;
	X509_VAL *v = d2i_X509_VAL(NULL, &p, (long)parts.validity.n);
	ossl_err(NULL, ERR_NONE, "");
	return v;
}

bool cert_dates(const struct cert *c, time_t now, struct err *e)
{
	X509_VAL *v = validity(c);
	bool ok =
		v && X509_cmp_time(v->notBefore, &now) < 0 && X509_cmp_time(v->notAfter, &now) > 0;

	X509_VAL_free(v);
	return ok || x509_dates(cert_x509(c), now, e);
}

bool cert_ends_soon(const struct cert *c, time_t now)
{
	enum { LONG_DAYS = 140, DAY_S = 24 * 60 * 60 };
	int days = LONG_DAYS, seconds = 0;
	X509_VAL *v = validity(c);

	if (!v)
		return false;
	ASN1_TIME_diff(&days, &seconds, v->notBefore, v->notAfter);
	time_t then = now + (days < LONG_DAYS ? (days * DAY_S + seconds) : LONG_DAYS * DAY_S) / 10;
	bool soon = X509_cmp_time(v->notAfter, &then) <= 0;
	X509_VAL_free(v);
	return soon;
}

bool trust_dates(const struct trust *t, time_t now, struct err *e)
{
	bool valid = t->n_pins + bundle_len(t->anchors) == 0;

	for (size_t i = 0; i < t->n_pins && !valid; i++)
		valid = !t->pinned[i] || x509_dates(t->pinned[i], now, e);
	for (size_t i = 0; i < bundle_len(t->anchors) && t->n_pins == 0 && !valid; i++) {
		X509 *x = bundle_parse(t->anchors, i);
		valid = x ? x509_dates(x, now, e) : unreadable(i, e);
		X509_free(x);
	}
	return valid;
}

static bool check_pins(const struct trust *t, const struct cert *c, time_t now, struct err *e)
{
	char subject[CERT_TEXT_MAX];

	for (size_t i = 0; i < t->n_pins; i++) {
		if (t->pinned[i] ? X509_cmp(t->pinned[i], cert_x509(c)) == 0 :
				   EVP_PKEY_eq(t->pins[i], X509_get0_pubkey(cert_x509(c))) == 1)
			return cert_dates(c, now, e);
	}
	return err_set(e, ERR_AUTH, "the certificate \"%s\" is not the one that is pinned",
		cert_subject_text(subject, c));
}

/* What the key of a server may be meant for. */
struct usage {
	const char *what;
	uint32_t key;
	const char *extended[5]; /* up to a NULL */
};

/* RFC 4945 section 5.1.3.2 and 5.1.3.12. */
static const struct usage for_ike = { "a server or for IKE",
	KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION,
	{
		"1.3.6.1.5.5.7.3.1", /* id-kp-serverAuth */
		"1.3.6.1.5.5.7.3.17", /* id-kp-ipsecIKE */
		"1.3.6.1.5.5.8.2.2", /* iKEIntermediate, older than the one above */
		"2.5.29.37.0", /* anyExtendedKeyUsage */
		NULL,
	} };
static const struct usage for_tls = { "a server of TLS", KU_DIGITAL_SIGNATURE,
	{ "1.3.6.1.5.5.7.3.1", "2.5.29.37.0", NULL } };

static bool extended_usage_fits(X509 *x, const char *const *wanted)
{
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	char oid[64];
	bool fits = false;

	for (int i = 0; i < sk_ASN1_OBJECT_num(usage) && !fits; i++) {
		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usage, i), 1);
		for (size_t k = 0; wanted[k]; k++)
			fits |= strcmp(oid, wanted[k]) == 0;
	}
	sk_ASN1_OBJECT_pop_free(usage, ASN1_OBJECT_free);
	return fits;
}

static bool check_usage(const struct cert *c, const struct usage *may, struct err *e)
{
	uint32_t flags = X509_get_extension_flags(cert_x509(c)),
		 usage = X509_get_key_usage(cert_x509(c));
	char subject[CERT_TEXT_MAX];

	cert_subject_text(subject, c);
	if (flags & EXFLAG_INVALID)
		return err_set(e, ERR_AUTH,
			"the certificate \"%s\" has an extension that cannot be read", subject);
	if ((flags & EXFLAG_KUSAGE) && !(usage & may->key))
		return err_set(e, ERR_AUTH,
			"the key of the certificate \"%s\" is not meant for "
			"signatures (key usage)",
			subject);
	if ((flags & EXFLAG_XKUSAGE) && !extended_usage_fits(cert_x509(c), may->extended))
		return err_set(e, ERR_AUTH,
			"the certificate \"%s\" is not meant for %s (extended key usage)", subject,
			may->what);
	return true;
}

static bool refuse_chain(X509_STORE_CTX *ctx, struct err *e)
{
	int why = X509_STORE_CTX_get_error(ctx);
	const X509 *x = X509_STORE_CTX_get_current_cert(ctx);
	char subject[CERT_TEXT_MAX] = "?", issuer[CERT_TEXT_MAX] = "?";

	ossl_err(NULL, ERR_NONE, "");
	if (x) {
		x509_name_text(subject, X509_get_subject_name(x));
		x509_name_text(issuer, X509_get_issuer_name(x));
	}
	switch (why) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return err_set(e, ERR_AUTH,
			"the certificate \"%.120s\" was issued by \"%.120s\", whose "
			"certificate was neither sent nor is trusted",
			subject, issuer);
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return err_set(
			e, ERR_AUTH, "the chain ends at \"%s\", which is not trusted", subject);
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return err_set(e, ERR_AUTH,
			"the certificate \"%s\" signed itself and is not trusted", subject);
	case X509_V_ERR_CERT_REJECTED:
		return err_set(e, ERR_AUTH,
			"the trust in \"%s\" is not meant for servers, as its own file says",
			subject);
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
		if (x)
			return refuse_dates(x, why == X509_V_ERR_CERT_NOT_YET_VALID, e);
		break;
	}
	return err_set(e, ERR_AUTH, "the certificate \"%s\": %s", subject,
		X509_verify_cert_error_string(why));
}

/* built, where it is wanted: the chain from the leaf to its anchor. */
static bool verify_chain(const struct trust *t, STACK_OF(X509) * helpers, const struct cert *leaf,
	time_t now, STACK_OF(X509) * *built, struct err *e)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ok = ctx && X509_STORE_CTX_init(ctx, t->store, cert_x509(leaf), helpers) == 1;

	if (ok) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		X509_VERIFY_PARAM_set_trust(param, X509_TRUST_SSL_SERVER);
		X509_VERIFY_PARAM_set_depth(param, X509_DEPTH_MAX);
		X509_VERIFY_PARAM_set_auth_level(param, X509_AUTH_LEVEL);
		X509_VERIFY_PARAM_set_time(param, now);
		ok = X509_verify_cert(ctx) == 1 || refuse_chain(ctx, e);
		if (ok && built)
			*built = X509_STORE_CTX_get1_chain(ctx);
	} else {
		ossl_err(e, ERR_LOCAL, "certificate validation");
	}
	X509_STORE_CTX_free(ctx);
	return ok;
}

void trust_warm(struct trust *t)
{
	X509_NAME *first = bundle_subject(t->anchors, 0);

	if (!first)
		return;
	bundle_find(t->anchors, first, t->store);
	X509_NAME_free(first);
	STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(t->store);
	X509 *x = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, 0));
	if (x)
		(void)!X509_verify(x, X509_get0_pubkey(x));
}

/* Those that the chain's certificates name as their issuers. */
static void take_anchors(struct trust *t, const struct cert_list *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		bundle_find(t->anchors, X509_get_issuer_name(cert_x509(chain->v[i])), t->store);
}

static bool follow(struct trust *t, const struct cert_list *chain, time_t now,
	STACK_OF(X509) * *built, struct err *e)
{
	STACK_OF(X509) *helpers = sk_X509_new_null();
	bool ok = helpers != NULL;
	for (size_t i = 1; ok && i < chain->n; i++)
		ok = sk_X509_push(helpers, cert_x509(chain->v[i])) > 0;
	if (!ok)
		err_set(e, ERR_LOCAL, "out of memory");
	take_anchors(t, chain);
	ok = ok && verify_chain(t, helpers, chain->v[0], now, built, e);
	sk_X509_free(helpers);
	return ok;
}

bool trust_is_pinned(const struct trust *t)
{
	return t->n_pins > 0;
}

STACK_OF(X509) * trust_chain(struct trust *t, const struct cert_list *chain, time_t now)
{
	STACK_OF(X509) *built = NULL;

	if (trust_is_pinned(t) || chain->n == 0 || !follow(t, chain, now, &built, NULL))
		return NULL;
	return built;
}

static bool verify(struct trust *t, const struct cert_list *chain, time_t now,
	const struct usage *may, struct err *e)
{
	if (chain->n == 0)
		return err_set(e, ERR_AUTH, "the gateway sent no certificate");
	const struct cert *leaf = chain->v[0];
	/* A pin says that it is this one, whatever the certificate was meant for; anchors cannot
	 * widen it. */
	if (trust_is_pinned(t))
		return check_pins(t, leaf, now, e);
	return follow(t, chain, now, NULL, e) && check_usage(leaf, may, e);
}

bool trust_verify(struct trust *t, const struct cert_list *chain, time_t now, struct err *e)
{
	return verify(t, chain, now, &for_ike, e);
}

bool trust_verify_tls(struct trust *t, const struct cert_list *chain, time_t now, struct err *e)
{
	return verify(t, chain, now, &for_tls, e);
}
