/*
 * A server of TLS without sockets, by libssl itself, which is opened here as the program opens it: a test
 * that were linked with it could not tell whether that works.
 */
#ifndef TESTS_LIB_TLS_SERVER_H
#define TESTS_LIB_TLS_SERVER_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/bytes.h"

struct tls_server;

struct tls_server_spec {
	X509 *cert, *between; /* between: sent with it, or NULL */
	EVP_PKEY *key;
	X509 *client_ca; /* who vouches for clients; NULL: they need no certificate */
	int version; /* TLS1_2_VERSION; 0: the best of both */
	const char *suites; /* of TLS 1.2, NULL: the usual ones */
	int level; /* OpenSSL's security level, 0: its default */
};

struct tls_server *tls_server_new(const struct tls_server_spec *spec);
void tls_server_free(struct tls_server *s);
/* False: it gave up (and may have said why, in its output). */
bool tls_server_input(struct tls_server *s, struct bytes records);
bool tls_server_is_up(const struct tls_server *s);
/* Takes it out. */
size_t tls_server_output(struct tls_server *s, uint8_t *out, size_t n);
/* What the client said inside; what is said to it (false: TLS is broken). */
size_t tls_server_read(struct tls_server *s, uint8_t *out, size_t n);
bool tls_server_write(struct tls_server *s, struct bytes plain);
void tls_server_close(struct tls_server *s); /* close_notify */
void tls_server_export(
	struct tls_server *s, const char *label, struct bytes context, uint8_t *out, size_t n);

#endif
