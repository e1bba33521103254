/*
 * A TLS client without sockets, for EAP: the server's records in, ours out, and what they carry.
 *
 * The server's certificate must lead to one of the trusted CAs and prove the one name that is asked
 * for: both, always, before anything of ours but the first message is said. TLS 1.2 and 1.3; no resumption,
 * no renegotiation, no compression; every key exchange is signed. libssl is opened when the first client
 * is made, for the program starts faster without it: where it cannot be had, that is a LOCAL error.
 * Random numbers are OpenSSL's own.
 */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include "crypto/cert.h"
#include "crypto/revocation.h"

struct tls;

struct tls_config { /* all of it outlives the client */
	struct trust *trust; /* who may vouch for the server ... */
	const struct evidence
		*crls; /* ... and has not taken that back; NULL: that is not looked at */
	const char *server; /* the name that its certificate must prove, as cert_proves has it */
	time_t now;
	const struct cert_list *certs; /* ours, for a server that asks; NULL or n == 0: none */
	const struct key *key;
};

/* The server's octets in one call, and what it says of itself: most. */
enum { TLS_PLAIN_MAX = 16384 };

struct tls *tls_new(const struct tls_config *c, struct err *e) MUST_CHECK;
void tls_free(struct tls *t); /* NULL is fine */

/* Reads what the server sent; with nothing at all, begins. There may be something to send afterwards, also
 * when it failed (an alert). AUTH: the server is not who it should be; PEER: it refused us, or there is
 * nothing that both can do; LOCAL. After a failure all that is left is to send. */
bool tls_input(struct tls *t, struct bytes records, struct err *e) MUST_CHECK;
/* The handshake is through: the server proved itself. */
bool tls_is_up(const struct tls *t);
bool tls_is_13(const struct tls *t);
/* How many octets there are to send, and the next of them, at most n. */
size_t tls_pending(const struct tls *t);
size_t tls_output(struct tls *t, uint8_t *out, size_t n);
/* What the server said inside since the last call of this: at most TLS_PLAIN_MAX octets. */
size_t tls_read(struct tls *t, uint8_t out[TLS_PLAIN_MAX]);
/* To be sent inside. */
bool tls_write(struct tls *t, struct bytes plain, struct err *e) MUST_CHECK;
/* Keying material (RFC 5705, RFC 8446 section 7.5). context.p NULL: none, which in TLS 1.2 is not the same as an
 * empty one. */
bool tls_export(struct tls *t, const char *label, struct bytes context, uint8_t *out, size_t len,
	struct err *e) MUST_CHECK;
/* "TLSv1.3, TLS_AES_256_GCM_SHA384", once it is up. */
enum { TLS_ABOUT_MAX = 80 };
char *tls_about(char out[TLS_ABOUT_MAX], const struct tls *t);

#endif
