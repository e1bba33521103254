#include "bundle.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ossl.h"
#include "x509.h"

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

struct bundle *bundle_new(void)
{
	return calloc(1, sizeof(struct bundle));
}

static bool keep(struct bundle *b, struct entry e)
{
	struct entry *v = realloc(b->v, (b->n + 1) * sizeof(*v));

	if (!v)
		return false;
	b->v = v;
	b->v[b->n++] = e;
	return true;
}

/* --- the system's file --------------------------------------------------------------------------- */

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

static bool add_block(struct bundle *b, const char *base64, size_t n)
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
	ok = ok && keep(b, e);
	if (!ok)
		free(e.der);
	return ok;
}

struct bundle *bundle_read(const char *file)
{
	char *text = read_text(file);
	struct bundle *b = text ? bundle_new() : NULL;
	bool ok = b != NULL;

	for (char *at = text; ok && (at = strstr(at, "-----BEGIN ")) != NULL;) {
		char *end = strstr(at, END);
		ok = end && strncmp(at, BEGIN, strlen(BEGIN)) == 0 &&
			add_block(b, at + strlen(BEGIN), (size_t)(end - at) - strlen(BEGIN));
		at = end;
	}
	free(text);
	if (ok && b->n > 0)
		return b;
	bundle_free(b);
	return NULL;
}

/* --- an entry ------------------------------------------------------------------------------------ */

static bool find_parts(const struct entry *e, struct x509_parts *out)
{
	return x509_parts((struct bytes){ e->der, (size_t)e->len }, out);
}

bool bundle_add(struct bundle *b, struct bytes der)
{
	struct entry e = { .der = der.n < FILE_MAX ? malloc(der.n + 1) : NULL, .len = (long)der.n };
	struct x509_parts parts;

	if (e.der)
		memcpy(e.der, der.p, der.n);
	bool ok = e.der && find_parts(&e, &parts) && keep(b, e);
	if (!ok)
		free(e.der);
	return ok;
}

size_t bundle_len(const struct bundle *b)
{
	return b->n;
}

struct bytes bundle_spki(const struct bundle *b, size_t i)
{
	struct x509_parts parts;

	if (i >= b->n || !find_parts(&b->v[i], &parts))
		return (struct bytes){ NULL, 0 };
	return parts.spki;
}

static X509_NAME *subject_of(const struct entry *e)
{
	struct x509_parts parts;

	if (!find_parts(e, &parts))
		return NULL;
	const uint8_t *p = parts.subject.p;
	return d2i_X509_NAME(NULL, &p, (long)parts.subject.n);
}

X509_NAME *bundle_subject(const struct bundle *b, size_t i)
{
	return i < b->n ? subject_of(&b->v[i]) : NULL;
}

/* With what a TRUSTED CERTIFICATE says behind it: what its owner does, or does not, trust it for. */
static X509 *parse(const struct entry *e)
{
	const uint8_t *p = e->der;

	return d2i_X509_AUX(NULL, &p, e->len);
}

X509 *bundle_parse(const struct bundle *b, size_t i)
{
	X509 *x = parse(&b->v[i]);

	if (!x)
		ossl_err(NULL, ERR_NONE, "");
	return x;
}

static void find(struct bundle *b, const X509_NAME *subject, X509_STORE *store, unsigned depth)
{
	for (size_t i = 0; i < b->n; i++) {
		X509_NAME *name = b->v[i].taken ? NULL : subject_of(&b->v[i]);
		bool asked_for = name && X509_NAME_cmp(name, subject) == 0;
		X509 *x = asked_for ? parse(&b->v[i]) : NULL;
		b->v[i].taken |= asked_for;
		bool kept = x && X509_STORE_add_cert(store, x) == 1;
		if (kept && depth > 0 && X509_NAME_cmp(X509_get_issuer_name(x), name) != 0)
			find(b, X509_get_issuer_name(x), store, depth - 1);
		X509_free(x);
		X509_NAME_free(name);
	}
	ossl_err(NULL, ERR_NONE, "");
}

void bundle_find(struct bundle *b, const X509_NAME *subject, X509_STORE *store)
{
	find(b, subject, store, DEPTH_MAX);
}
