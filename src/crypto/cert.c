#include "crypto/cert.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "crypto/prf.h"
#include "ossl.h"
#include "x509.h"

/* --- its octets ---------------------------------------------------------------------------------- */

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

bool x509_parts(struct bytes der, struct x509_parts *out)
{
	struct bytes skipped,
		*const fields[] = { &skipped, &skipped, &out->issuer, &out->validity, &out->subject,
			&out->spki };
	const uint8_t *p = der.p, *end = p + der.n;
	bool ok = element(&p, end, false);

	out->len = (size_t)(p - (const uint8_t *)der.p);
	p = der.p;
	ok = ok && element(&p, end, true) && element(&p, end, true);
	if (ok && p < end && *p == (V_ASN1_CONTEXT_SPECIFIC | V_ASN1_CONSTRUCTED))
		ok = element(&p, end, false);
	for (size_t i = 0; ok && i < ARRAY_LEN(fields); i++) {
		const uint8_t *from = p;
		ok = element(&p, end, false);
		*fields[i] = (struct bytes){ from, (size_t)(p - from) };
	}
	ossl_err(NULL, ERR_NONE, "");
	return ok;
}

static struct cert *new_cert(X509 *x, struct err *e)
{
	struct cert *c = x ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		X509_free(x);
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	c->x = x;
	return c;
}

static bool fits(size_t octets, struct err *e)
{
	return (octets > 0 && octets <= CERT_DER_MAX) ||
		err_set(e, ERR_DROP, "a certificate of %zu octets, %d are the most", octets,
			CERT_DER_MAX);
}

struct cert *cert_wrap(X509 *x, struct err *e)
{
	struct cert *c = new_cert(x, e);

	if (!c)
		return NULL;
	c->parsed = true;
	int n = i2d_X509(x, &c->der);
	c->der_len = n > 0 ? (size_t)n : 0;
	if (fits(c->der_len, e))
		return c;
	ossl_err(NULL, ERR_DROP, "");
	cert_free(c);
	return NULL;
}

struct cert *cert_later(struct bytes der, struct err *e)
{
	struct x509_parts parts;
	struct cert *c;

	if (!fits(der.n, e))
		return NULL;
	if (!x509_parts(der, &parts) || parts.len != der.n) {
		err_set(e, ERR_DROP, "not an X.509 certificate");
		return NULL;
	}
	c = new_cert(X509_new(), e);
	if (c)
		c->der = OPENSSL_memdup(der.p, der.n);
	if (c && c->der) {
		c->der_len = der.n;
		return c;
	}
	cert_free(c);
	err_set(e, ERR_LOCAL, "out of memory");
	return NULL;
}

/* It is parsed once, of which nobody sees more than the time that it takes. */
X509 *cert_x509(const struct cert *c)
{
	struct cert *mutable = (struct cert *)c;
	const uint8_t *p = c->der;

	if (c->parsed)
		return c->x;
	X509 *x = d2i_X509(NULL, &p, (long)c->der_len);
	if (x) {
		X509_free(c->x);
		mutable->x = x;
	}
	mutable->parsed = true;
	mutable->unreadable = !x;
	ossl_err(NULL, ERR_NONE, "");
	return c->x;
}

bool cert_readable(const struct cert *c)
{
	(void)cert_x509(c);
	return !c->unreadable;
}

struct cert *cert_from_der(struct bytes der, struct err *e)
{
	const uint8_t *p = der.p;

	if (!fits(der.n, e))
		return NULL;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);
	if (!x) {
		ossl_err(e, ERR_DROP, "not an X.509 certificate");
		return NULL;
	}
	if (p != (const uint8_t *)der.p + der.n) {
		X509_free(x);
		err_set(e, ERR_DROP, "octets behind the end of a certificate");
		return NULL;
	}
	return cert_wrap(x, e);
}

void cert_free(struct cert *c)
{
	if (!c)
		return;
	X509_free(c->x);
	OPENSSL_free(c->der);
	free(c);
}

void cert_list_free(struct cert_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		cert_free(l->v[i]);
	*l = (struct cert_list){ .n = 0 };
}

struct bytes cert_der(const struct cert *c)
{
	return (struct bytes){ c->der, c->der_len };
}

struct bytes cert_subject_der(const struct cert *c)
{
	struct x509_parts parts;

	return x509_parts(cert_der(c), &parts) ? parts.subject : (struct bytes){ NULL, 0 };
}

struct bytes cert_issuer_der(const struct cert *c)
{
	struct x509_parts parts;

	return x509_parts(cert_der(c), &parts) ? parts.issuer : (struct bytes){ NULL, 0 };
}

char *cert_subject_text(char out[CERT_TEXT_MAX], const struct cert *c)
{
	return x509_name_text(out, X509_get_subject_name(cert_x509(c)));
}

char *cert_issuer_text(char out[CERT_TEXT_MAX], const struct cert *c)
{
	return x509_name_text(out, X509_get_issuer_name(cert_x509(c)));
}

/* Appends to a text of CERT_TEXT_MAX, cutting what does not fit. */
static void append(char *out, const char *a, const char *b)
{
	size_t n = strlen(out);

	snprintf(out + n, CERT_TEXT_MAX - n, "%s%s%s", n ? ", " : "", a, b);
}

static void append_name(char *out, const GENERAL_NAME *name)
{
	int type;
	const void *value = GENERAL_NAME_get0_value(name, &type);
	char text[CERT_TEXT_MAX], ip[ADDR_TEXT_MAX];
	struct addr a;

	if (type == GEN_DNS || type == GEN_EMAIL) {
		text_safe(text, sizeof(text), ASN1_STRING_get0_data(value),
			(size_t)ASN1_STRING_length(value));
		append(out, type == GEN_DNS ? "DNS:" : "email:", text);
	} else if (type == GEN_IPADD) {
		int n = ASN1_STRING_length(value);
		uint8_t family = n == 4 ? FAMILY_V4 : n == 16 ? FAMILY_V6 : FAMILY_NONE;
		if (addr_set(&a, family, ASN1_STRING_get0_data(value), 0))
			append(out, "IP:", addr_text(ip, &a));
	} else if (type == GEN_DIRNAME) {
		append(out, "DN:", x509_name_text(text, value));
	}
}

char *cert_names_text(char out[CERT_TEXT_MAX], const struct cert *c)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert_x509(c), NID_subject_alt_name, NULL, NULL);
	char subject[CERT_TEXT_MAX];

	out[0] = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		append_name(out, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	if (*cert_subject_text(subject, c))
		append(out, subject, "");
	return out;
}

bool cert_proves_host(const struct cert *c, const char *fqdn)
{
	size_t n = strlen(fqdn);

	if (n > 0 && fqdn[n - 1] == '.')
		n--;
	/* A leading dot would make X509_check_host take any name below. */
	if (n == 0 || fqdn[0] == '.')
		return false;
	return X509_check_host(cert_x509(c), fqdn, n,
		       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
		       NULL) == 1;
}

bool cert_proves_email(const struct cert *c, const char *email)
{
	return *email &&
		X509_check_email(cert_x509(c), email, strlen(email),
			X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) == 1;
}

bool cert_proves_addr(const struct cert *c, const struct addr *a)
{
	size_t n = addr_len(a->family);

	return n > 0 && X509_check_ip(cert_x509(c), a->ip, n, 0) == 1;
}

bool cert_proves_dn(const struct cert *c, struct bytes dn_der)
{
	const uint8_t *p = dn_der.p;
	X509_NAME *name = dn_der.n > 0 ? d2i_X509_NAME(NULL, &p, (long)dn_der.n) : NULL;
	bool same = name && p == (const uint8_t *)dn_der.p + dn_der.n &&
		X509_NAME_entry_count(name) > 0 &&
		X509_NAME_cmp(name, X509_get_subject_name(cert_x509(c))) == 0;

	X509_NAME_free(name);
	ossl_err(NULL, ERR_NONE, "");
	return same;
}

bool cert_proves(const struct cert *c, const char *name)
{
	uint8_t dn[CERT_TEXT_MAX];
	struct addr a;
	size_t n;

	if (addr_parse(&a, name))
		return cert_proves_addr(c, &a);
	if (strchr(name, '='))
		return dn_from_text(name, dn, sizeof(dn), &n, NULL) &&
			cert_proves_dn(c, (struct bytes){ dn, n });
	return strchr(name, '@') ? cert_proves_email(c, name) : cert_proves_host(c, name);
}

/* As text that is one: no NUL, nor what a terminal takes for more than text. */
static bool take_text(char *out, size_t size, const ASN1_STRING *s)
{
	uint8_t *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, s);
	bool ok = n > 0 && (size_t)n < size && !memchr(utf8, 0, (size_t)n);

	if (ok) {
		text_safe(out, size, utf8, (size_t)n);
		ok = strlen(out) == (size_t)n && memcmp(out, utf8, (size_t)n) == 0;
	}
	OPENSSL_free(utf8);
	ossl_err(NULL, ERR_NONE, "");
	return ok;
}

/* The text of a name of one of the kinds that users have; NULL: it is of another. */
static const ASN1_STRING *name_text(const GENERAL_NAME *name, int type)
{
	int is;
	const void *value = GENERAL_NAME_get0_value(name, &is);

	if (is != type)
		return NULL;
	if (type != GEN_OTHERNAME)
		return value;
	const OTHERNAME *other = value;
	return OBJ_obj2nid(other->type_id) == NID_ms_upn &&
			other->value->type == V_ASN1_UTF8STRING ?
		other->value->value.utf8string :
		NULL;
}

static bool alternative_user(const struct cert *c, char *out, size_t size)
{
	static const int types[] = { GEN_OTHERNAME, GEN_EMAIL, GEN_DNS };
	GENERAL_NAMES *names = X509_get_ext_d2i(cert_x509(c), NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (size_t k = 0; k < ARRAY_LEN(types); k++)
		for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
			const ASN1_STRING *s = name_text(sk_GENERAL_NAME_value(names, i), types[k]);
			found = s && take_text(out, size, s);
		}
	GENERAL_NAMES_free(names);
	return found;
}

bool cert_user(const struct cert *c, char *out, size_t size, bool *common)
{
	X509_NAME *subject = X509_get_subject_name(cert_x509(c));
	int at = -1, last = -1;

	*common = false;
	if (alternative_user(c, out, size))
		return true;
	*common = true;
	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
		last = at;
	return last >= 0 &&
		take_text(out, size, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
}
