/*
 * Revocation: what is known of certificates that were taken back before their end, from CRLs (RFC 5280
 * section 5) and answers of OCSP (RFC 6960).
 *
 * Evidence is collected as it comes, from files, from the gateway or from elsewhere, and counts for
 * nothing until it is looked at together with a chain: only what the issuer of a certificate has signed,
 * or for OCSP whom the issuer lets, says something of it. Indirect and delta CRLs say nothing here.
 * Limits: a file has as many CRLs as there is room for, a message of the gateway 16 pieces.
 */
#ifndef CRYPTO_REVOCATION_H
#define CRYPTO_REVOCATION_H

#include <time.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/cert.h"

/* What has to be known before a gateway is believed. */
enum revocation {
	REVOCATION_OFF, /* nothing is looked at */
	REVOCATION_LOCAL, /* who is known to be revoked is refused */
	REVOCATION_HARD, /* and who is not known to be good as well */
};

enum standing {
	STANDING_UNCHECKED, /* not looked at: switched off, pinned, or the anchor itself */
	STANDING_GOOD,
	STANDING_UNKNOWN,
	STANDING_REVOKED,
};

/* "unknown: " and a sentence. */
enum { REVOCATION_TEXT_MAX = ERR_TEXT_MAX + 16 };

struct evidence;

struct evidence *evidence_new(struct err *e) MUST_CHECK;
void evidence_free(struct evidence *ev); /* NULL is fine */
size_t evidence_len(const struct evidence *ev); /* pieces; NULL: 0 */
/* PEM (several) or DER; counts what was added. from: where it is from, for a sentence. */
bool evidence_add_crl(struct evidence *ev, struct bytes file, const char *from, size_t *added,
	struct err *e) MUST_CHECK;
/* An OCSPResponse in DER. PEER: the responder has no answer. */
bool evidence_add_ocsp(
	struct evidence *ev, struct bytes der, const char *from, struct err *e) MUST_CHECK;
/* Why something could not be added: told where nothing else is known. */
void evidence_spoiled(struct evidence *ev, const struct err *why);
/* Is every one of the newest n in its time? AUTH when not. */
bool evidence_dates(const struct evidence *ev, size_t n, time_t now, struct err *e) MUST_CHECK;

/* What is known of the certificates of a chain that trust_verify takes at this time: the worst of
 * them counts, the anchor does not. UNKNOWN and REVOKED have a sentence, of kind AUTH. Any of the known
 * may be NULL. */
enum standing revocation_look(struct trust *t, const struct cert_list *chain,
	const struct evidence *const *known, size_t n, time_t now, struct err *why);

#endif
