/*
 * Who has which certificate: a gateway under its own name with keys of every kind, gateways that are
 * somebody else, and users. Made once for a program, when first asked for.
 */
#ifndef TESTS_PAIR_PEOPLE_H
#define TESTS_PAIR_PEOPLE_H

#include "gateway.h"

enum person {
	NOBODY,
	GW_RSA, /* gw.example.org, by the CA that is believed */
	GW_ECDSA,
	GW_ECDSA_384,
	GW_ED25519,
	GW_CHAIN, /* with an intermediate certificate, too large for one datagram */
	GW_OTHER_NAME, /* by the same CA, for another host */
	GW_OTHER_CA, /* the right name, by a CA that nobody believes */
	GW_EXPIRED,
	GW_ASKED_ABOUT, /* says where: of OCSP at http://ocsp.example.org/, of a CRL at /ca.crl there */
	USER_RSA, /* anna@example.org */
	USER_ECDSA,
	USER_ED25519,
	USER_EXPIRED,
	USER_ENDING, /* a twentieth of its life is left */
	USER_OTHER_CA,
	PEOPLE,
};

const struct credential *person(enum person who);
/* Trust in the one CA; each caller gets the same. */
struct trust *people_trust(void);
/* Its certificate, as OpenSSL has it. */
struct x509_st *people_ca(void);
struct evp_pkey_st *people_ca_key(void);
/* The CA of GW_CHAIN, by the one above. */
struct x509_st *people_intermediate(void);
struct evp_pkey_st *people_intermediate_key(void);
void people_free(void);

#endif
