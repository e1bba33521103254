#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "crypto/cert.h"
#include "ossl.h"
#include "x509.h"

/* Distinguished names as people write them: "C=CH, O=Example, CN=gw", in the order of the encoding,
 * a backslash before what would be read as syntax, "+" between attributes of one name. */

static const char special[] = ",+=\"\\<>;#";

static const struct {
	const char *key;
	int nid;
} attributes[] = {
	{ "CN", NID_commonName },
	{ "C", NID_countryName },
	{ "O", NID_organizationName },
	{ "OU", NID_organizationalUnitName },
	{ "L", NID_localityName },
	{ "ST", NID_stateOrProvinceName },
	{ "S", NID_stateOrProvinceName },
	{ "DC", NID_domainComponent },
	{ "UID", NID_userId },
	{ "emailAddress", NID_pkcs9_emailAddress },
	{ "E", NID_pkcs9_emailAddress },
	{ "email", NID_pkcs9_emailAddress },
	{ "serialNumber", NID_serialNumber },
	{ "SN", NID_surname },
	{ "GN", NID_givenName },
	{ "T", NID_title },
	{ "title", NID_title },
	{ "street", NID_streetAddress },
	{ "postalCode", NID_postalCode },
	{ "initials", NID_initials },
	{ "name", NID_name },
	{ "dnQualifier", NID_dnQualifier },
};

static void key_text(char out[64], const X509_NAME_ENTRY *entry)
{
	int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));

	for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
		if (attributes[i].nid == nid) {
			snprintf(out, 64, "%s", attributes[i].key);
			return;
		}
	if (OBJ_obj2txt(out, 64, X509_NAME_ENTRY_get_object(entry), 1) <= 0)
		snprintf(out, 64, "?");
}

/* Value with what would be read as syntax escaped. */
static void value_text(char *out, size_t size, const X509_NAME_ENTRY *entry)
{
	char safe[CERT_TEXT_MAX];
	uint8_t *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
	size_t at = 0;

	text_safe(safe, sizeof(safe), utf8 ? (void *)utf8 : "?", n > 0 ? (size_t)n : 0);
	OPENSSL_free(utf8);
	for (const char *s = safe; *s && at + 2 < size; s++) {
		if (strchr(special, *s))
			out[at++] = '\\';
		out[at++] = *s;
	}
	out[at] = 0;
}

char *x509_name_text(char out[CERT_TEXT_MAX], const X509_NAME *name)
{
	char key[64], value[CERT_TEXT_MAX];
	int set = -1;

	out[0] = 0;
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		size_t n = strlen(out);
		const char *between = i == 0 ? "" : X509_NAME_ENTRY_set(entry) == set ? "+" : ", ";
		set = X509_NAME_ENTRY_set(entry);
		key_text(key, entry);
		value_text(value, sizeof(value), entry);
		snprintf(out + n, CERT_TEXT_MAX - n, "%s%s=%s", between, key, value);
	}
	return out;
}

char *dn_text(char out[CERT_TEXT_MAX], struct bytes dn_der)
{
	const uint8_t *p = dn_der.p;
	X509_NAME *name = dn_der.n > 0 ? d2i_X509_NAME(NULL, &p, (long)dn_der.n) : NULL;

	if (name)
		x509_name_text(out, name);
	else
		snprintf(out, CERT_TEXT_MAX, "(not a distinguished name)");
	X509_NAME_free(name);
	ossl_err(NULL, ERR_NONE, "");
	return out;
}

static int attribute_nid(const char *key, size_t n)
{
	char oid[64];

	for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
		if (strlen(attributes[i].key) == n && strncasecmp(attributes[i].key, key, n) == 0)
			return attributes[i].nid;
	if (n == 0 || n >= sizeof(oid) || key[0] < '0' || key[0] > '9')
		return NID_undef;
	memcpy(oid, key, n);
	oid[n] = 0;
	return OBJ_txt2nid(oid);
}

/* Reads a value up to an unescaped ',' or '+' and takes the spaces around it away. */
static const char *read_value(const char *s, char *out, size_t size, size_t *len)
{
	size_t n = 0, keep = 0;

	while (*s == ' ')
		s++;
	while (*s && *s != ',' && *s != '+') {
		bool escaped = *s == '\\' && s[1];
		s += escaped;
		if (n + 1 >= size)
			return NULL;
		if (escaped || *s != ' ')
			keep = n + 1;
		out[n++] = *s++;
	}
	out[keep] = 0;
	*len = keep;
	return s;
}

static bool add_attributes(X509_NAME *name, const char *text, struct err *e)
{
	char value[CERT_TEXT_MAX];
	bool same_set = false;
	size_t len = 0;

	for (const char *s = text;;) {
		s += strspn(s, " ");
		size_t n = strcspn(s, "=,+ ");
		const char *eq = s + n + strspn(s + n, " ");
		int nid = attribute_nid(s, n);
		if (*eq != '=' || nid == NID_undef)
			return err_set(e, ERR_CONFIG,
				"\"%.*s\" in the name \"%s\" is not an attribute "
				"that is known (CN=, O=, OU=, C=, ...)",
				(int)n, s, text);
		s = read_value(eq + 1, value, sizeof(value), &len);
		if (!s || len == 0)
			return err_set(e, ERR_CONFIG, "%s value in the name \"%s\"",
				s ? "an empty" : "too long a", text);
		if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (uint8_t *)value, (int)len,
			    -1, same_set ? -1 : 0) != 1) {
			ossl_err(e, ERR_CONFIG, value);
			return err_ctx(e, "the name \"%s\"", text);
		}
		if (!*s)
			return true;
		same_set = *s++ == '+';
	}
}

bool dn_from_text(const char *text, uint8_t *out, size_t cap, size_t *len, struct err *e)
{
	X509_NAME *name = X509_NAME_new();
	const uint8_t *der;

	*len = 0;
	if (!name)
		return err_set(e, ERR_LOCAL, "out of memory");
	bool ok = add_attributes(name, text, e);
	if (ok && (X509_NAME_get0_der(name, &der, len) != 1 || *len > cap))
		ok = err_set(e, ERR_CONFIG, "the name \"%s\" is too long", text);
	if (ok)
		memcpy(out, der, *len);
	X509_NAME_free(name);
	return ok;
}
