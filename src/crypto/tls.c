#include "crypto/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "libssl.h"
#include "ossl.h"
#include "x509.h"

enum {
	/* OpenSSL's scale, as for trust_verify: 112 bits, no SHA-1. Set here so that no openssl.cnf of the
	 * machine decides it. */
	SECURITY_LEVEL = 2,
	CHAIN_OCTETS_MAX = 65536,
};

/* Not those without a signature of the server (RSA and pre-shared keys alone, anonymous ones): its key usage would
 * have to say more, and the keys would be no newer than the certificate. */
static const char suites[] = "DEFAULT:!kRSA:!aNULL:!eNULL:!PSK:!SRP";

struct tls {
	const struct tls_config *config;
	const struct libssl *lib;
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	bool verified; /* the only place that sets it is verify */
	bool up;
	struct err refusal; /* why verify did not */
	struct err failure; /* after which nothing is read any more */
	size_t plain_len;
	uint8_t plain[TLS_PLAIN_MAX];
};

/* --- the server's certificate ------------------------------------------------------------------ */

static bool add(struct cert_list *l, X509 *x, struct err *e)
{
	if (l->n == CERT_CHAIN_MAX)
		return err_set(e, ERR_AUTH, "it sent more than %d certificates", CERT_CHAIN_MAX);
	if (X509_up_ref(x) != 1)
		return err_set(e, ERR_LOCAL, "out of memory");
	l->v[l->n] = cert_wrap(x, e);
	if (!l->v[l->n])
		return false;
	l->n++;
	return true;
}

/* The end entity first; OpenSSL's list of the others begins with it once more. */
static bool sent_chain(X509_STORE_CTX *ctx, struct cert_list *l, struct err *e)
{
	STACK_OF(X509) *others = X509_STORE_CTX_get0_untrusted(ctx);
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
	bool ok = leaf ? add(l, leaf, e) : err_set(e, ERR_AUTH, "it sent no certificate");

	for (int i = 0; ok && i < sk_X509_num(others); i++)
		if (sk_X509_value(others, i) != leaf)
			ok = add(l, sk_X509_value(others, i), e);
	if (!ok && e->kind == ERR_DROP)
		e->kind = ERR_AUTH;
	return ok;
}

static bool check_name(const struct cert *c, const char *name, struct err *e)
{
	char proves[CERT_TEXT_MAX];

	return cert_proves(c, name) ||
		err_set(e, ERR_AUTH, "its certificate proves %.240s, and the profile wants %.80s",
			cert_names_text(proves, c), name);
}

static bool not_revoked(const struct tls_config *c, const struct cert_list *chain, struct err *e)
{
	struct err why;

	if (revocation_look(c->trust, chain, &c->crls, 1, c->now, &why) != STANDING_REVOKED)
		return true;
	*e = why;
	return false;
}

/* OpenSSL's word for it only chooses the alert. */
static int verify(X509_STORE_CTX *ctx, void *arg)
{
	struct tls *t = arg;
	const struct tls_config *c = t->config;
	struct cert_list chain = { .n = 0 };
	struct err *e = &t->refusal;

	bool trusted = sent_chain(ctx, &chain, e) &&
		trust_verify_tls(c->trust, &chain, c->now, e) && not_revoked(c, &chain, e);
	t->verified = trusted && check_name(chain.v[0], c->server, e);
	if (!t->verified)
		err_ctx(e, "the EAP server");
	X509_STORE_CTX_set_error(ctx,
		t->verified     ? X509_V_OK :
			trusted ? X509_V_ERR_HOSTNAME_MISMATCH :
				  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT);
	cert_list_free(&chain);
	return t->verified;
}

/* --- making one -------------------------------------------------------------------------------- */

static bool use_own(struct tls *t, struct err *e)
{
	const struct cert_list *own = t->config->certs;
	const struct libssl *ssl = t->lib;

	if (!own || own->n == 0 || !t->config->key)
		return true;
	bool ok = ssl->SSL_CTX_use_certificate(t->ctx, cert_x509(own->v[0])) == 1;
	for (size_t i = 1; ok && i < own->n; i++)
		ok = ssl->SSL_CTX_ctrl(t->ctx, SSL_CTRL_CHAIN_CERT, 1, cert_x509(own->v[i])) == 1;
	return (ok && ssl->SSL_CTX_use_PrivateKey(t->ctx, t->config->key->p) == 1) ||
		ossl_err(e, ERR_CONFIG, "TLS with our certificate");
}

static bool set_up(struct tls *t)
{
	const struct libssl *ssl = t->lib;

	t->ctx = ssl->SSL_CTX_new(ssl->TLS_client_method());
	if (!t->ctx)
		return false;
	/* strongSwan's server does not know RFC 5746. What that is against needs a server that renegotiates,
	 * and keys of the first handshake where the second one's are used: EAP takes the newest. */
	ssl->SSL_CTX_set_options(t->ctx,
		SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
			SSL_OP_LEGACY_SERVER_CONNECT);
	ssl->SSL_CTX_set_security_level(t->ctx, SECURITY_LEVEL);
	ssl->SSL_CTX_ctrl(t->ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
	ssl->SSL_CTX_ctrl(t->ctx, SSL_CTRL_SET_MAX_CERT_LIST, CHAIN_OCTETS_MAX, NULL);
	ssl->SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	ssl->SSL_CTX_set_cert_verify_callback(t->ctx, verify, t);
	return ssl->SSL_CTX_ctrl(t->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL) ==
		1 &&
		ssl->SSL_CTX_ctrl(t->ctx, SSL_CTRL_SET_MAX_PROTO_VERSION, 0, NULL) == 1 &&
		ssl->SSL_CTX_set_cipher_list(t->ctx, suites) == 1;
}

static bool connect_octets(struct tls *t)
{
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	t->ssl = t->in && t->out ? t->lib->SSL_new(t->ctx) : NULL;
	if (!t->ssl) {
		BIO_free(t->in);
		BIO_free(t->out);
		return false;
	}
	BIO_set_mem_eof_return(t->in, -1); /* no end, but more to come */
	t->lib->SSL_set_bio(t->ssl, t->in, t->out);
	t->lib->SSL_set_connect_state(t->ssl);
	return true;
}

struct tls *tls_new(const struct tls_config *c, struct err *e)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	t->config = c;
	t->lib = libssl_open(e);
	bool ok = t->lib && ((set_up(t) || ossl_err(e, ERR_LOCAL, "TLS")) && use_own(t, e)) &&
		(connect_octets(t) || ossl_err(e, ERR_LOCAL, "TLS"));
	if (ok)
		return t;
	tls_free(t);
	return NULL;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	if (t->lib) {
		t->lib->SSL_free(t->ssl);
		t->lib->SSL_CTX_free(t->ctx);
	}
	wipe(t, sizeof(*t));
	free(t);
}

/* --- what fails -------------------------------------------------------------------------------- */

/* RFC 8446 section 6 and RFC 5246 section 7.2, as a server means them that has seen our certificate or none. */
static const struct name alerts[] = {
	{ 40, "handshake_failure: nothing that both sides can do, or it misses our certificate" },
	{ 42, "bad_certificate: it does not accept our certificate" },
	{ 43, "unsupported_certificate: it cannot use our certificate" },
	{ 44, "certificate_revoked: our certificate was revoked" },
	{ 45, "certificate_expired: our certificate has expired" },
	{ 46, "certificate_unknown: it does not accept our certificate" },
	{ 47, "illegal_parameter: it found a mistake in what we sent" },
	{ 48, "unknown_ca: it does not know the CA that issued our certificate" },
	{ 49, "access_denied: our certificate is good, but not for this" },
	{ 50, "decode_error: it could not read what we sent" },
	{ 51, "decrypt_error: it found our signature wrong" },
	{ 70, "protocol_version: it speaks no TLS 1.2" },
	{ 71, "insufficient_security: it wants stronger algorithms" },
	{ 80, "internal_error: it has a trouble of its own" },
	{ 116, "certificate_required: it wants a certificate of ours" },
	{ 0, NULL },
};

/* The alert that came, as OpenSSL queues it; 0: none did. */
static int alert_received(void)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);

	return ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET &&
			reason <= SSL_AD_REASON_OFFSET + UINT8_MAX ?
		reason - SSL_AD_REASON_OFFSET :
		0;
}

static bool fail(struct tls *t, struct err *e)
{
	int alert = alert_received();
	const char *words = name_find(alerts, (uint32_t)alert);

	if (t->refusal.kind != ERR_NONE)
		*e = t->refusal;
	else if (words)
		err_set(e, ERR_PEER, "the EAP server refused TLS: %s (TLS alert %d)", words, alert);
	else if (alert)
		err_set(e, ERR_PEER, "the EAP server refused TLS (TLS alert %d)", alert);
	else
		ossl_err(e, ERR_PEER, "TLS with the EAP server");
	ossl_err(NULL, ERR_NONE, "");
	t->failure = *e;
	t->up = false;
	return false;
}

/* More is awaited, and nothing was wrong. */
static bool waits(struct tls *t, int result)
{
	return t->lib->SSL_get_error(t->ssl, result) == SSL_ERROR_WANT_READ;
}

/* --- in and out -------------------------------------------------------------------------------- */

static bool read_plain(struct tls *t, struct err *e)
{
	uint8_t more;
	int n = 1;

	while (n > 0 && t->plain_len < sizeof(t->plain)) {
		n = t->lib->SSL_read(
			t->ssl, t->plain + t->plain_len, (int)(sizeof(t->plain) - t->plain_len));
		t->plain_len += n > 0 ? (size_t)n : 0;
	}
	if (n > 0)
		n = t->lib->SSL_read(t->ssl, &more, 1);
	if (n > 0)
		return err_set(e, ERR_PEER, "the EAP server says more than %d octets at a time",
			TLS_PLAIN_MAX);
	if (waits(t, n))
		return true;
	if (t->lib->SSL_get_error(t->ssl, n) == SSL_ERROR_ZERO_RETURN)
		err_set(&t->refusal, ERR_PEER, "the EAP server closed TLS");
	return fail(t, e);
}

bool tls_input(struct tls *t, struct bytes records, struct err *e)
{
	if (t->failure.kind != ERR_NONE) {
		*e = t->failure;
		return false;
	}
	ossl_err(NULL, ERR_NONE, "");
	if (records.n > INT_MAX ||
		(records.n > 0 && BIO_write(t->in, records.p, (int)records.n) != (int)records.n))
		return err_set(e, ERR_LOCAL, "out of memory");
	if (!t->up) {
		int n = t->lib->SSL_do_handshake(t->ssl);
		if (n != 1)
			return waits(t, n) || fail(t, e);
		if (!t->verified) {
			err_set(&t->refusal, ERR_AUTH, "the EAP server has not proved who it is");
			return fail(t, e);
		}
		t->up = true;
	}
	return read_plain(t, e);
}

bool tls_is_up(const struct tls *t)
{
	return t->up;
}

bool tls_is_13(const struct tls *t)
{
	return t->lib->SSL_version(t->ssl) == TLS1_3_VERSION;
}

size_t tls_pending(const struct tls *t)
{
	return BIO_ctrl_pending(t->out);
}

size_t tls_output(struct tls *t, uint8_t *out, size_t n)
{
	int got = n > 0 && n <= INT_MAX ? BIO_read(t->out, out, (int)n) : 0;

	return got > 0 ? (size_t)got : 0;
}

size_t tls_read(struct tls *t, uint8_t out[TLS_PLAIN_MAX])
{
	size_t n = t->plain_len;

	memcpy(out, t->plain, n);
	wipe(t->plain, n);
	t->plain_len = 0;
	return n;
}

bool tls_write(struct tls *t, struct bytes plain, struct err *e)
{
	if (!t->up || plain.n == 0 || plain.n > INT_MAX)
		return err_set(e, ERR_BUG, "nothing can be said inside TLS here");
	return t->lib->SSL_write(t->ssl, plain.p, (int)plain.n) == (int)plain.n || fail(t, e);
}

bool tls_export(struct tls *t, const char *label, struct bytes context, uint8_t *out, size_t len,
	struct err *e)
{
	if (!t->up)
		return err_set(e, ERR_BUG, "there are no keys of TLS");
	return t->lib->SSL_export_keying_material(t->ssl, out, len, label, strlen(label), context.p,
		       context.n, context.p != NULL) == 1 ||
		ossl_err(e, ERR_LOCAL, "keys of TLS");
}

char *tls_about(char out[TLS_ABOUT_MAX], const struct tls *t)
{
	const SSL_CIPHER *suite = t->lib->SSL_get_current_cipher(t->ssl);

	snprintf(out, TLS_ABOUT_MAX, "%s, %s", t->lib->SSL_get_version(t->ssl),
		suite ? t->lib->SSL_CIPHER_get_name(suite) : "no cipher");
	return out;
}
