/*
 * An EAP server of the methods over TLS, and a peer that talks to it: what the tests of EAP-TLS, EAP-TTLS and PEAP
 * share.
 */
#ifndef TESTS_EAP_TUNNELS_H
#define TESTS_EAP_TUNNELS_H

#include "lib/pki.h"
#include "lib/test.h"
#include "lib/tls_server.h"

#include "eap/eap.h"

/* The keys and certificates of all these tests. */
struct authority {
	EVP_PKEY *ca_key, *key;
	X509 *ca, *other_ca;
};
extern struct authority pki;
int authority_make(void **state);
int authority_free(void **state);
/* A server's certificate for radius.example, in which spec changes something. */
X509 *authority_issue(struct pki_spec spec);

struct tunnel_spec {
	uint8_t type; /* EAP_TLS, ... */
	int version; /* of TLS; 0: 1.3 */
	enum eap_ttls ttls;
	size_t part; /* octets of a packet of the server's; 0: 1000 */
	const char *server; /* the name that the peer wants; NULL: radius.example */
	X509 *cert; /* of the server, which then belongs to the test; NULL: a good one */
	X509 *client_ca; /* who vouches for clients */
	bool own; /* the peer has a certificate, of `pki.ca` */
	const char *user, *password; /* NULL: asked for */
};

struct tunnel_test {
	struct tunnel_spec spec;
	struct tls_config tls;
	struct cert_list own;
	struct key *own_key;
	struct passphrase password;
	struct eap_config config;
	struct rng rng;
	struct eap *eap;
	X509 *cert;
	struct tls_server *server;
	uint8_t id; /* of the last request */
	bool server_failed;
	unsigned parts; /* of the peer's messages, up to now */
	struct eap_result r; /* of the last request */
};

void tunnel_begin(struct tunnel_test *t, const struct tunnel_spec *spec);
void tunnel_end(struct tunnel_test *t);
/* A server that is not the one named hears nothing of the user, and its success is none. */
void tunnel_told_to_nobody(const struct tunnel_spec *spec);
/* A request of the method with these octets behind its type; the answer is in r. */
void tunnel_ask(struct tunnel_test *t, struct bytes octets);
/* Success or Failure. */
void tunnel_verdict(struct tunnel_test *t, enum eap_code code);
/* A message of TLS in as many packets as it takes. */
void tunnel_message(struct tunnel_test *t, struct bytes message);
/* Gives the server what the peer answered, all parts of it. */
void tunnel_take(struct tunnel_test *t);
/* The start, and all that the peer says to it. */
void tunnel_start(struct tunnel_test *t);
/* From the start to where the server has nothing more to say by itself. */
void tunnel_handshake(struct tunnel_test *t);
/* The same, where the peer asks the user before it is through. */
void tunnel_until_asked(struct tunnel_test *t);
/* The server says this inside, and takes the answer. */
void tunnel_say(struct tunnel_test *t, struct bytes plain);
/* The result of the last request was this. */
void tunnel_expect(const struct tunnel_test *t, enum eap_verdict verdict, enum err_kind kind,
	const char *words);

#endif
