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
	REVOCATION_SOFT, /* so is who others know to be revoked: they are asked */
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

/* --- asking others: addresses in the certificates themselves (RFC 5280 sections 4.2.1.13 and 4.2.2.1) ------ */

enum {
	SOURCE_URL_MAX = 512,
	SOURCE_QUESTION_MAX = 512,
	SOURCES_MAX = 8, /* asked about one chain, at most */
	SOURCE_NONCE_LEN = 16,
};

struct source { /* over plain HTTP, for what comes is signed */
	char url[SOURCE_URL_MAX]; /* "http://...", of printable ASCII */
	/* For OCSP, to be posted; len 0: a CRL, to be got. */
	uint8_t question[SOURCE_QUESTION_MAX];
	size_t question_len;
};

/* What is asked about the certificates by which a gateway has proved itself: one source after the other, until all
 * is known. */
struct inquiry;

/* About copies of certs. Takes over sent, what the gateway sent along, in any case. */
struct inquiry *inquiry_new(
	const struct cert_list *certs, struct evidence *sent, struct err *e) MUST_CHECK;
void inquiry_free(struct inquiry *q); /* NULL is fine */
/* What revocation_look says with these two, either of which may be NULL, and with what was sent. */
enum standing inquiry_look(const struct inquiry *q, struct trust *t, const struct evidence *own,
	const struct evidence *fetched, time_t now, struct err *why);
/* The next one to ask, about a certificate of which nothing is known. NULL: there is none left. */
const struct source *inquiry_next(struct inquiry *q, struct trust *t, const struct evidence *own,
	const struct evidence *fetched, time_t now, const uint8_t nonce[SOURCE_NONCE_LEN]);
const struct source *inquiry_source(
	const struct inquiry *q); /* that one; there must have been one */
/* What it answered, which is added to fetched. */
bool inquiry_answer(
	struct inquiry *q, struct evidence *fetched, struct bytes answer, struct err *e) MUST_CHECK;
/* Drops what is not of this time. */
void evidence_renew(struct evidence *ev, time_t now);

#endif
