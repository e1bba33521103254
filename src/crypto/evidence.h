/*
 * What is behind struct evidence, for who looks at it (revocation.c) and at what is missing (inquiry.c).
 */
#ifndef CRYPTO_EVIDENCE_H
#define CRYPTO_EVIDENCE_H

#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "crypto/revocation.h"
#include "x509.h"

struct piece { /* one of both */
	X509_CRL *crl;
	OCSP_BASICRESP *ocsp;
	char from[160];
};

struct evidence {
	struct piece *v;
	size_t n, cap;
	struct err spoiled; /* NONE: nothing was */
};

void evidence_drop(struct evidence *ev, size_t i); /* piece i; the others keep their order */
/* A few minutes off are taken as well. to NULL: without an end. */
bool evidence_in_time(const ASN1_TIME *from, const ASN1_TIME *to, time_t now);
bool evidence_crl_in_time(const X509_CRL *crl, time_t now);

enum { LOOKED_AT_MAX = X509_DEPTH_MAX + 2 };

/* What was found out about one certificate of the chain. */
struct found {
	enum standing standing;
	struct err why;
};

/* One look at a chain: certificate i was issued by certificate i + 1, and the last is the anchor. */
struct look {
	bool lost; /* there is no chain, although it was believed */
	STACK_OF(X509) * chain;
	size_t n; /* without the anchor */
	const struct evidence *const *known;
	size_t n_known;
	time_t now;
	STACK_OF(X509_CRL) * crls; /* those that may be believed */
	struct found at[LOOKED_AT_MAX];
	bool crl_void[LOOKED_AT_MAX]; /* no CRL says anything of it ... */
	bool crl_old[LOOKED_AT_MAX]; /* ... or one does, but not that it is good */
};

/* False: there is nobody whose certificate could be revoked, or it is lost. Only of another look is there
 * something to end. */
bool look_begin(struct look *l, struct trust *t, const struct cert_list *chain,
	const struct evidence *const *known, size_t n, time_t now) MUST_CHECK;
void look_end(struct look *l);
X509 *look_cert(const struct look *l, size_t i);

#endif
