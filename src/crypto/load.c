#define _GNU_SOURCE /* memmem */
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "decode.h"
#include "ossl.h"
#include "x509.h"

struct asked {
	const struct passphrase *pass;
	bool asked;
};

/* pem_password_cb: OpenSSL comes here only when something is encrypted. */
static int give_pass(char *buf, int size, int writing, void *arg)
{
	struct asked *a = arg;

	(void)writing;
	a->asked = true;
	if (!a->pass || a->pass->len > (size_t)size)
		return -1;
	memcpy(buf, a->pass->text, a->pass->len);
	return (int)a->pass->len;
}

/* Takes c over. NULL: there is none, as e says. */
static bool add_cert(struct cert_list *certs, struct cert *c, struct err *e)
{
	if (!c)
		return false;
	if (certs->n == CERT_CHAIN_MAX) {
		cert_free(c);
		return err_set(e, ERR_CONFIG, "more than %d certificates", CERT_CHAIN_MAX);
	}
	certs->v[certs->n++] = c;
	return true;
}

static bool add_key(struct key **key, EVP_PKEY *p, struct err *e)
{
	if (*key) {
		EVP_PKEY_free(p);
		return err_set(e, ERR_CONFIG, "more than one private key");
	}
	*key = p ? calloc(1, sizeof(**key)) : NULL;
	if (!*key) {
		EVP_PKEY_free(p);
		return err_set(e, ERR_LOCAL, "out of memory");
	}
	(*key)->p = p;
	return true;
}

/* One object of the file. A key that nobody wants is passed over. */
static bool add_object(
	OSSL_STORE_INFO *info, struct cert_list *certs, struct key **key, struct err *e)
{
	switch (OSSL_STORE_INFO_get_type(info)) {
	case OSSL_STORE_INFO_CERT:
		return add_cert(certs, cert_wrap(OSSL_STORE_INFO_get1_CERT(info), e), e);
	case OSSL_STORE_INFO_PKEY:
		return !key || add_key(key, OSSL_STORE_INFO_get1_PKEY(info), e);
	default:
		return true;
	}
}

#define PEM_BEGIN "-----BEGIN "
#define PEM_END   "-----END "

/* Without the text behind the last block, which OpenSSL's store takes for an object that it cannot read. */
static struct bytes up_to_last_block(struct bytes file)
{
	const char *p = file.p, *end = p + file.n, *last = NULL;

	if (memchr(p, 0, file.n))
		return file;
	for (const char *at = p; (at = memmem(at, (size_t)(end - at), PEM_END, strlen(PEM_END)));)
		last = at++;
	if (!last || memmem(last, (size_t)(end - last), PEM_BEGIN, strlen(PEM_BEGIN)))
		return file;
	const char *line = memchr(last, '\n', (size_t)(end - last));
	return (struct bytes){ p, (size_t)((line ? line + 1 : end) - p) };
}

/* What stands behind PEM_BEGIN is one of these, each with the five hyphens behind it. */
static bool is_named(const char *p, const char *end, const char *const names[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((size_t)(end - p) > strlen(names[i]) &&
			memcmp(p, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* What is left of the making of a key and its certificate says nothing here, and OpenSSL would stop at a
 * request. Text between blocks it passes over. */
static void blank_leftovers(char *text, size_t n)
{
	static const char *const names[] = { PEM_STRING_X509_REQ "-----",
		PEM_STRING_X509_REQ_OLD "-----", PEM_STRING_ECPARAMETERS "-----",
		PEM_STRING_DHPARAMS "-----" };
	char *end = text + n, *next;

	if (memchr(text, 0, n))
		return;
	for (char *at = memmem(text, n, PEM_BEGIN, strlen(PEM_BEGIN)); at; at = next) {
		char *name = at + strlen(PEM_BEGIN);
		next = memmem(name, (size_t)(end - name), PEM_BEGIN, strlen(PEM_BEGIN));
		char *to = next ? next : end;
		char *last = memmem(name, (size_t)(to - name), PEM_END, strlen(PEM_END));
		if (!last || !is_named(name, end, names, ARRAY_LEN(names)))
			continue;
		char *line = memchr(last, '\n', (size_t)(to - last));
		memset(at, '\n', (size_t)((line ? line : to) - at));
	}
}

/* --- plain PEM ------------------------------------------------------------------------------------- */

/* Whether it is PEM of certificates and of private keys that nothing encrypts, and of nothing else. */
static bool is_plain_pem(struct bytes file)
{
	static const char *const plain[] = { PEM_STRING_X509 "-----", PEM_STRING_PKCS8INF "-----",
		PEM_STRING_RSA "-----", PEM_STRING_ECPRIVATEKEY "-----" };
	const char *p = file.p, *end = p + file.n, *at;
	size_t n = 0;

	if (memmem(p, file.n, "Proc-Type:", 10) || memchr(p, 0, file.n))
		return false;
	for (; (at = memmem(p, (size_t)(end - p), PEM_BEGIN, strlen(PEM_BEGIN))); n++) {
		p = at + strlen(PEM_BEGIN);
		if (!is_named(p, end, plain, ARRAY_LEN(plain)))
			return false;
	}
	return n > 0;
}

struct plain {
	struct cert_list *certs;
	struct key **key; /* NULL: not wanted */
	bool full; /* what was found is more than there may be, as e says */
	struct err *e;
};

/* What the one decoder cannot read is left to all that there are. */
static EVP_PKEY *read_key(const char *name, struct bytes der)
{
	const uint8_t *p = der.p;
	EVP_PKEY *key;

	if (strcmp(name, PEM_STRING_RSA) == 0)
		key = decode_own_form("RSA", der);
	else if (strcmp(name, PEM_STRING_ECPRIVATEKEY) == 0)
		key = decode_own_form("EC", der);
	else
		key = decode_pkcs8(der);
	return key ? key : d2i_AutoPrivateKey(NULL, &p, (long)der.n);
}

/* One block; false as well when it is not what its name says. */
static bool add_block(const char *name, struct bytes der, void *arg)
{
	struct plain *found = arg;
	bool ok = true;

	if (strcmp(name, PEM_STRING_X509) == 0) {
		struct cert *c = cert_later(der, found->e);
		ok = add_cert(found->certs, c, found->e);
		found->full = c && !ok;
	} else if (found->key) {
		EVP_PKEY *k = read_key(name, der);
		ok = k && add_key(found->key, k, found->e);
		found->full = k && !ok;
	}
	return ok;
}

/* What read_objects would do as well, which tries every decoder there is at every block. */
static bool read_plain_pem(
	struct bytes file, struct cert_list *certs, struct key **key, bool *failed, struct err *e)
{
	struct plain found = { .certs = certs, .key = key, .e = e };

	*failed = !ossl_pem_blocks(file, add_block, &found) && !found.full;
	return !found.full;
}

/* --- all there is ------------------------------------------------------------------------------------ */

/* All objects, in their order; *failed when one could not be read, for want of a pass phrase or of
 * sense. */
static bool read_objects(struct bytes file, struct asked *asked, struct cert_list *certs,
	struct key **key, bool *failed, struct err *e)
{
	BIO *bio = file.n <= INT_MAX ? BIO_new_mem_buf(file.p, (int)file.n) : NULL;
	UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_pass, 0);
	OSSL_STORE_CTX *store = bio && ui ?
		OSSL_STORE_attach(bio, "file", NULL, NULL, ui, asked, NULL, NULL, NULL) :
		NULL;
	bool ok = store || ossl_err(e, ERR_LOCAL, "cannot read certificates");

	while (ok && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);
		if (info)
			ok = add_object(info, certs, key, e);
		else if (OSSL_STORE_error(store))
			*failed = true;
		OSSL_STORE_INFO_free(info);
		if (*failed)
			break;
	}
	OSSL_STORE_close(store);
	UI_destroy_method(ui);
	BIO_free(bio);
	return ok;
}

/* --- encrypted with what is not there ---------------------------------------------------------------- */

/* The cipher that PKCS#5 or PKCS#12 names, unless some provider has it. */
static const char *missing_cipher(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;
	PBE2PARAM *two = NULL;
	int nid = NID_undef;

	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	if (OBJ_obj2nid(oid) == NID_pbes2)
		two = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), alg->parameter);
	else
		EVP_PBE_find(EVP_PBE_TYPE_OUTER, OBJ_obj2nid(oid), &nid, NULL, NULL);
	if (two)
		nid = OBJ_obj2nid(two->encryption->algorithm);
	PBE2PARAM_free(two);
	return nid <= 0 || ossl_has(OSSL_OP_CIPHER, OBJ_nid2sn(nid)) ? NULL : OBJ_nid2sn(nid);
}

static const char *missing_for_key(const X509_SIG *key)
{
	const X509_ALGOR *alg = NULL;

	if (key)
		X509_SIG_get0(key, &alg, NULL);
	return alg ? missing_cipher(alg) : NULL;
}

/* Of certificates, which are encrypted as one, or of a key among what is not. */
static const char *missing_for_part(PKCS7 *part)
{
	if (PKCS7_type_is_encrypted(part)) {
		const PKCS7_ENCRYPT *e = part->d.encrypted; /* NULL: it is not there */
		return e && e->enc_data ? missing_cipher(e->enc_data->algorithm) : NULL;
	}
	STACK_OF(PKCS12_SAFEBAG) *bags = PKCS12_unpack_p7data(part);
	const char *missing = NULL;
	for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && !missing; i++)
		missing = missing_for_key(
			PKCS12_SAFEBAG_get0_pkcs8(sk_PKCS12_SAFEBAG_value(bags, i)));
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return missing;
}

static const char *missing_for_p12(struct bytes file)
{
	const uint8_t *p = file.p;
	PKCS12 *p12 = d2i_PKCS12(NULL, &p, (long)file.n);
	STACK_OF(PKCS7) *parts = p12 ? PKCS12_unpack_authsafes(p12) : NULL;
	const char *missing = NULL;

	for (int i = 0; i < sk_PKCS7_num(parts) && !missing; i++)
		missing = missing_for_part(sk_PKCS7_value(parts, i));
	sk_PKCS7_pop_free(parts, PKCS7_free);
	PKCS12_free(p12);
	return missing;
}

static bool look_at_block(const char *name, struct bytes der, void *arg)
{
	const char **missing = arg;
	const uint8_t *p = der.p;
	X509_SIG *key =
		strcmp(name, PEM_STRING_PKCS8) == 0 ? d2i_X509_SIG(NULL, &p, (long)der.n) : NULL;

	*missing = missing_for_key(key);
	X509_SIG_free(key);
	return !*missing;
}

static const char *missing_for_pem(struct bytes file)
{
	const char *missing = NULL;

	(void)!ossl_pem_blocks(file, look_at_block, &missing);
	return missing;
}

/* A pass phrase cannot help where OpenSSL does not have the cipher: no word of one then. */
static bool names_missing_cipher(struct bytes file, struct err *e)
{
	const char *p12 = missing_for_p12(file), *pem = p12 ? NULL : missing_for_pem(file);

	if (!p12 && !pem)
		return false;
	err_set(e, ERR_CONFIG,
		"it is encrypted with %s, which OpenSSL leaves to its legacy provider; make it "
		"anew: openssl %s -in OLD -aes256 -out NEW.pem",
		p12 ? p12 : pem,
		p12 ? "pkcs12 -legacy" : "pkey -provider legacy -provider default");
	return true;
}

/* --- a file ------------------------------------------------------------------------------------------ */

/* Why it could not be read. */
static bool refuse(struct bytes file, bool encrypted, const struct passphrase *pass,
	bool *need_pass, struct err *e)
{
	if (encrypted)
		err_set(e, ERR_CONFIG,
			pass ? "the pass phrase is wrong" :
			       "it is encrypted: a pass phrase is needed");
	else
		ossl_err(e, ERR_CONFIG, "no certificate or private key that can be read");
	*need_pass = file.n <= INT_MAX && !names_missing_cipher(file, e) && encrypted;
	return false;
}

/* load_credentials, but for what is left over. */
static bool load(struct bytes file, const struct passphrase *pass, struct cert_list *certs,
	struct key **key, bool *need_pass, struct err *e)
{
	struct asked asked = { .pass = pass };
	size_t before = certs->n;
	struct key *found = NULL;
	bool failed = false;

	bool ok = file.n <= INT_MAX && is_plain_pem(file) ?
		read_plain_pem(file, certs, key ? &found : NULL, &failed, e) :
		read_objects(
			up_to_last_block(file), &asked, certs, key ? &found : NULL, &failed, e);
	if (ok && (failed || (certs->n == before && !found)))
		ok = refuse(file, failed && asked.asked, pass, need_pass, e);
	ossl_err(NULL, ERR_NONE, "");
	if (!ok) {
		key_free(found);
		while (certs->n > before)
			cert_free(certs->v[--certs->n]);
		return false;
	}
	if (found)
		*key = found;
	cert_list_own_first(certs, found);
	return true;
}

bool load_credentials(struct bytes file, const struct passphrase *pass, struct cert_list *certs,
	struct key **key, bool *need_pass, struct err *e)
{
	char *text = malloc(file.n + 1);
	struct bytes rest = { text, file.n };

	*need_pass = false;
	if (!text)
		return err_set(e, ERR_LOCAL, "out of memory");
	memcpy(text, file.p, file.n);
	blank_leftovers(text, file.n);
	bool ok = load(rest, pass, certs, key, need_pass, e);
	OPENSSL_cleanse(text, file.n);
	free(text);
	return ok;
}

void key_free(struct key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->p);
	free(k);
}

/* The public key in the octets that it has in a SubjectPublicKeyInfo; 0: that is not as simple. */
static size_t public_octets(const EVP_PKEY *k, uint8_t *out, size_t cap)
{
	static const uint8_t e65537[] = { V_ASN1_INTEGER, 3, 1, 0, 1 };
	BIGNUM *n = NULL, *e = NULL;
	size_t len = 0;

	if (!EVP_PKEY_is_a(k, "RSA")) {
		if (EVP_PKEY_get_octet_string_param(k, OSSL_PKEY_PARAM_PUB_KEY, out, cap, &len) !=
			1)
			len = 0;
	} else if (EVP_PKEY_get_bn_param(k, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		EVP_PKEY_get_bn_param(k, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_word(e, RSA_F4) &&
		(size_t)BN_num_bytes(n) + sizeof(e65537) <= cap) {
		len = (size_t)BN_bn2bin(n, out);
		memcpy(out + len, e65537, sizeof(e65537));
		len += sizeof(e65537);
	}
	BN_free(n);
	BN_free(e);
	ossl_err(NULL, ERR_NONE, "");
	return len;
}

/* Mostly the key's octets are in the certificate as they are, and it need not be parsed to see that. */
bool key_matches(const struct key *k, const struct cert *c)
{
	enum { LEAST = 32 }; /* octets of the smallest: Ed25519 */
	uint8_t public[2200]; /* of the largest that OpenSSL takes: RSA of 16384 bits */
	struct x509_parts parts;
	size_t n = public_octets(k->p, public, sizeof(public));

	if (n >= LEAST && x509_parts(cert_der(c), &parts) &&
		memmem(parts.spki.p, parts.spki.n, public, n))
		return true;
	return EVP_PKEY_eq(X509_get0_pubkey(cert_x509(c)), k->p) == 1;
}

void cert_list_own_first(struct cert_list *certs, const struct key *key)
{
	for (size_t i = 0; key && i < certs->n; i++)
		if (key_matches(key, certs->v[i])) {
			struct cert *own = certs->v[i];
			memmove(certs->v + 1, certs->v, i * sizeof(struct cert *));
			certs->v[0] = own;
			return;
		}
}
