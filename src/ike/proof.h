/*
 * What proving identities has in common in both IKE versions: who we say we are, which certificates
 * the gateway sent, and whether they prove whom the profile wants.
 */
#ifndef IKE_PROOF_H
#define IKE_PROOF_H

#include "ike/ike.h"
#include "ike/msg.h"

/* Certificate encodings, the same numbers in both versions; RFC 4806. */
enum { CERT_X509_SIGNATURE = 4, CERT_CRL = 7, CERT_OCSP_CONTENT = 14 };

/* The profile's, else the certificate's subject, the user's name, or our address. */
bool proof_own_identity(const struct ike_config *cfg, const struct addr *local, struct identity *id,
	struct err *e) MUST_CHECK;
/* The X.509 certificates in the payloads of this type; out is freed by the caller in any case. */
bool proof_read_certs(const struct ike_config *cfg, const struct payloads *p, uint8_t type,
	struct cert_list *out, struct err *e) MUST_CHECK;
bool proof_check_identity(const struct ike_config *cfg, const struct identity *idr,
	const struct cert *c, struct err *e) MUST_CHECK;
/* Whose revocation is looked at. */
struct proof_revocable {
	const struct payloads
		*p; /* may have CRLs and answers of OCSP of the gateway's in those ... */
	uint8_t type; /* ... of this type */
	const struct cert_list *certs;
	time_t now;
	struct rng *rng;
	bool again; /* of a tunnel that is up: what is not known is borne */
};

/* The certificates, by which the gateway has proved itself, may be believed for all that is known. Where others
 * are to be asked, out has what about, and it fails. */
bool proof_check_revocation(const struct ike_config *cfg, const struct proof_revocable *what,
	struct proof_revocation *out, struct outbox *ob, struct err *e) MUST_CHECK;
/* What others are to be asked, which is the caller's from then on; NULL: nothing. */
struct inquiry *proof_take_inquiry(struct proof_revocation *r);

#endif
