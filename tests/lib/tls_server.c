#include "tls_server.h"

#include <dlfcn.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "lib/pki.h"
#include "lib/test.h"

#define TEXT_OF(x)  TEXT_OF_(x)
#define TEXT_OF_(x) #x

struct tls_server {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
	bool up;
};

static void *find(const char *name)
{
	static void *library;

	if (!library)
		library =
			dlopen("libssl.so." TEXT_OF(OPENSSL_SHLIB_VERSION), RTLD_NOW | RTLD_LOCAL);
	void *at = library ? dlsym(library, name) : NULL;
	if (!at)
		fail_msg("%s", dlerror());
	return at;
}

/* A function of libssl. */
#define CALL(name) ((__typeof__(name) *)find(#name))

static void ask_for_certificate(SSL_CTX *ctx, X509 *ca)
{
	X509_VERIFY_PARAM *param = CALL(SSL_CTX_get0_param)(ctx);

	X509_STORE_add_cert(CALL(SSL_CTX_get_cert_store)(ctx), ca);
	X509_VERIFY_PARAM_set_time(param, PKI_NOW);
	CALL(SSL_CTX_set_verify)
	(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

struct tls_server *tls_server_new(const struct tls_server_spec *spec)
{
	struct tls_server *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->ctx = CALL(SSL_CTX_new)(CALL(TLS_server_method)());
	assert_non_null(s->ctx);
	CALL(SSL_CTX_set_security_level)(s->ctx, spec->level);
	CALL(SSL_CTX_ctrl)(s->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, spec->version, NULL);
	CALL(SSL_CTX_ctrl)(s->ctx, SSL_CTRL_SET_MAX_PROTO_VERSION, spec->version, NULL);
	if (spec->suites)
		assert_int_equal(CALL(SSL_CTX_set_cipher_list)(s->ctx, spec->suites), 1);
	assert_int_equal(CALL(SSL_CTX_use_certificate)(s->ctx, spec->cert), 1);
	assert_int_equal(CALL(SSL_CTX_use_PrivateKey)(s->ctx, spec->key), 1);
	if (spec->between)
		assert_int_equal(
			CALL(SSL_CTX_ctrl)(s->ctx, SSL_CTRL_CHAIN_CERT, 1, spec->between), 1);
	if (spec->client_ca)
		ask_for_certificate(s->ctx, spec->client_ca);
	s->ssl = CALL(SSL_new)(s->ctx);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	assert_true(s->ssl && s->in && s->out);
	BIO_set_mem_eof_return(s->in, -1);
	CALL(SSL_set_bio)(s->ssl, s->in, s->out);
	CALL(SSL_set_accept_state)(s->ssl);
	return s;
}

void tls_server_free(struct tls_server *s)
{
	if (!s)
		return;
	CALL(SSL_free)(s->ssl);
	CALL(SSL_CTX_free)(s->ctx);
	ERR_clear_error();
	free(s);
}

bool tls_server_input(struct tls_server *s, struct bytes records)
{
	ERR_clear_error();
	if (records.n > 0)
		BIO_write(s->in, records.p, (int)records.n);
	int n = s->up ? 1 : CALL(SSL_do_handshake)(s->ssl);
	s->up = n == 1;
	bool ok = s->up || CALL(SSL_get_error)(s->ssl, n) == SSL_ERROR_WANT_READ;
	ERR_clear_error();
	return ok;
}

bool tls_server_is_up(const struct tls_server *s)
{
	return s->up;
}

size_t tls_server_output(struct tls_server *s, uint8_t *out, size_t n)
{
	int got = BIO_read(s->out, out, (int)n);

	return got > 0 ? (size_t)got : 0;
}

size_t tls_server_read(struct tls_server *s, uint8_t *out, size_t n)
{
	int got = CALL(SSL_read)(s->ssl, out, (int)n);

	ERR_clear_error();
	return got > 0 ? (size_t)got : 0;
}

bool tls_server_write(struct tls_server *s, struct bytes plain)
{
	bool ok = CALL(SSL_write)(s->ssl, plain.p, (int)plain.n) == (int)plain.n;

	ERR_clear_error();
	return ok;
}

void tls_server_close(struct tls_server *s)
{
	CALL(SSL_shutdown)(s->ssl);
}

void tls_server_export(
	struct tls_server *s, const char *label, struct bytes context, uint8_t *out, size_t n)
{
	assert_int_equal(CALL(SSL_export_keying_material)(s->ssl, out, n, label, strlen(label),
				 context.p, context.n, context.p != NULL),
		1);
}
