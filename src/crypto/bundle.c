#include "bundle.h"

#include <limits.h>
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ossl.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

enum { FILE_MAX = 8 << 20, CERT_MIN = 64, DEPTH_MAX = 8 };

struct entry {
	uint8_t *der;
	long len;
	bool taken;
};

struct bundle {
	size_t n;
	struct entry *v;
};

void bundle_free(struct bundle *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		free(b->v[i].der);
	free(b->v);
	free(b);
}

static char *read_text(const char *file)
{
	FILE *f = fopen(file, "re");
	char *text = f ? malloc(FILE_MAX + 1) : NULL;
	size_t n = text ? fread(text, 1, FILE_MAX + 1, f) : 0;

	if (f)
		fclose(f);
	if (n == 0 || n > FILE_MAX) {
		free(text);
		return NULL;
	}
	text[n] = 0;
	return text;
}

static bool add(struct bundle *b, const char *base64, size_t n)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	struct entry e = { .der = malloc(n + 1) };
	int len = 0, rest = 0;
	bool ok = ctx && e.der && n < INT_MAX;

	if (ok) {
		EVP_DecodeInit(ctx);
		ok = EVP_DecodeUpdate(ctx, e.der, &len, (const uint8_t *)base64, (int)n) >= 0 &&
			EVP_DecodeFinal(ctx, e.der + len, &rest) >= 0 && len + rest >= CERT_MIN;
	}
	EVP_ENCODE_CTX_free(ctx);
	e.len = len + rest;
	struct entry *v = ok ? realloc(b->v, (b->n + 1) * sizeof(*v)) : NULL;
	if (!v) {
		free(e.der);
		return false;
	}
	b->v = v;
	b->v[b->n++] = e;
	return true;
}

struct bundle *bundle_read(const char *file)
{
	char *text = read_text(file);
	struct bundle *b = text ? calloc(1, sizeof(*b)) : NULL;
	bool ok = b != NULL;

	for (char *at = text; ok && (at = strstr(at, "-----BEGIN ")) != NULL;) {
		char *end = strstr(at, END);
		ok = end && strncmp(at, BEGIN, strlen(BEGIN)) == 0 &&
			add(b, at + strlen(BEGIN), (size_t)(end - at) - strlen(BEGIN));
		at = end;
	}
	free(text);
	if (ok && b->n > 0)
		return b;
	bundle_free(b);
	return NULL;
}

/* Steps over one element, or into it; false when there is none. */
static bool element(const uint8_t **p, const uint8_t *end, bool into)
{
	long len;
	int tag, class;

	if (*p >= end || ASN1_get_object(p, &len, &tag, &class, end - *p) & 0x80)
		return false;
	if (!into)
		*p += len;
	return true;
}

/* Certificate { tbsCertificate { [0] version, serialNumber, signature, issuer, validity, subject ... */
static X509_NAME *subject_of(const struct entry *e)
{
	const uint8_t *p = e->der, *end = e->der + e->len;
	bool ok = element(&p, end, true);

	ok = ok && element(&p, end, true);
	if (ok && p < end && *p == (V_ASN1_CONTEXT_SPECIFIC | V_ASN1_CONSTRUCTED))
		ok = element(&p, end, false);
	for (unsigned i = 0; ok && i < 4; i++)
		ok = element(&p, end, false);
	return ok ? d2i_X509_NAME(NULL, &p, end - p) : NULL;
}

static bool find(struct bundle *b, const X509_NAME *subject, X509_STORE *store, unsigned depth,
	struct err *e)
{
	bool ok = true;

	for (size_t i = 0; ok && i < b->n; i++) {
		struct entry *at = &b->v[i];
		X509_NAME *name = at->taken ? NULL : subject_of(at);
		const uint8_t *p = at->der;
		at->taken |= name && X509_NAME_cmp(name, subject) == 0;
		X509 *x = name && at->taken ? d2i_X509(NULL, &p, at->len) : NULL;
		if (x && X509_STORE_add_cert(store, x) != 1)
			ok = ossl_err(e, ERR_LOCAL, "cannot keep a certificate");
		if (x && ok && depth > 0 && X509_NAME_cmp(X509_get_issuer_name(x), name) != 0)
			ok = find(b, X509_get_issuer_name(x), store, depth - 1, e);
		X509_free(x);
		X509_NAME_free(name);
	}
	ossl_err(NULL, ERR_NONE, "");
	return ok;
}

bool bundle_find(struct bundle *b, const X509_NAME *subject, X509_STORE *store, struct err *e)
{
	return find(b, subject, store, DEPTH_MAX, e);
}
