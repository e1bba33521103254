/*
 * libssl, opened when TLS is first needed: a program that is linked with it starts a third of a
 * millisecond later, whatever it does then. On every system it comes with the libcrypto that is
 * linked, and has that one's number. The prototypes are those of its own headers, so the compiler
 * checks each call.
 */
#ifndef CRYPTO_LIBSSL_H
#define CRYPTO_LIBSSL_H

#include <openssl/ssl.h>

#include "base/err.h"

#define LIBSSL_CALLS(X)                     \
	X(SSL_CIPHER_get_name)              \
	X(SSL_CTX_ctrl)                     \
	X(SSL_CTX_free)                     \
	X(SSL_CTX_new)                      \
	X(SSL_CTX_set_cert_verify_callback) \
	X(SSL_CTX_set_cipher_list)          \
	X(SSL_CTX_set_options)              \
	X(SSL_CTX_set_security_level)       \
	X(SSL_CTX_set_verify)               \
	X(SSL_CTX_use_PrivateKey)           \
	X(SSL_CTX_use_certificate)          \
	X(SSL_do_handshake)                 \
	X(SSL_export_keying_material)       \
	X(SSL_free)                         \
	X(SSL_get_current_cipher)           \
	X(SSL_get_error)                    \
	X(SSL_get_version)                  \
	X(SSL_new)                          \
	X(SSL_read)                         \
	X(SSL_set_bio)                      \
	X(SSL_set_connect_state)            \
	X(SSL_version)                      \
	X(SSL_write)                        \
	X(TLS_client_method)

struct libssl {
#define LIBSSL_MEMBER(name) __typeof__(name) *(name);
	LIBSSL_CALLS(LIBSSL_MEMBER)
#undef LIBSSL_MEMBER
};

/* NULL and LOCAL where it cannot be had. */
const struct libssl *libssl_open(struct err *e) MUST_CHECK;

#endif
