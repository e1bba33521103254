#include "crypto/revocation.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence.h"
#include "ossl.h"
#include "x509.h"

X509 *look_cert(const struct look *l, size_t i)
{
	return sk_X509_value(l->chain, (int)i);
}

/* Piece number i of all; NULL past the end. */
static const struct piece *piece_at(const struct look *l, size_t i)
{
	for (size_t k = 0; k < l->n_known; i -= evidence_len(l->known[k++]))
		if (i < evidence_len(l->known[k]))
			return &l->known[k]->v[i];
	return NULL;
}

static void set_good(struct look *l, size_t i)
{
	if (l->at[i].standing != STANDING_REVOKED)
		l->at[i].standing = STANDING_GOOD;
}

/* Of several reasons the first is told. */
static void set_unknown(struct look *l, size_t i, const struct err *why)
{
	struct found *f = &l->at[i];

	if (f->standing != STANDING_UNCHECKED)
		return;
	f->standing = STANDING_UNKNOWN;
	f->why = *why;
}

/* RFC 5280 section 5.3.1. */
static const char *reason_text(int reason)
{
	switch (reason) {
	case CRL_REASON_KEY_COMPROMISE:
		return "its key fell into the wrong hands";
	case CRL_REASON_CA_COMPROMISE:
	case CRL_REASON_AA_COMPROMISE:
		return "its CA's key fell into the wrong hands";
	case CRL_REASON_AFFILIATION_CHANGED:
		return "what it says of its owner is no longer so";
	case CRL_REASON_SUPERSEDED:
		return "another took its place";
	case CRL_REASON_CESSATION_OF_OPERATION:
		return "it is no longer in use";
	case CRL_REASON_CERTIFICATE_HOLD:
		return "it is on hold";
	case CRL_REASON_PRIVILEGE_WITHDRAWN:
		return "what it allowed is no longer allowed";
	}
	return "no reason is given";
}

static void set_revoked(struct look *l, size_t i, const ASN1_TIME *since, int reason,
	const char *says, const char *from)
{
	char subject[CERT_TEXT_MAX], when[CERT_TIME_MAX];
	struct found *f = &l->at[i];

	if (f->standing == STANDING_REVOKED)
		return;
	f->standing = STANDING_REVOKED;
	err_set(&f->why, ERR_AUTH,
		"the certificate \"%.120s\" is revoked since %s (%s), says the %s (%s)",
		x509_name_text(subject, X509_get_subject_name(look_cert(l, i))),
		x509_time_text(when, since), reason_text(reason), says, from);
}

/* Believes this certificate of the chain and no other. */
static X509_STORE *store_of(const struct look *l, size_t anchor)
{
	X509_STORE *store = X509_STORE_new();

	if (store && X509_STORE_add_cert(store, look_cert(l, anchor)) == 1) {
		X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		X509_VERIFY_PARAM_set_depth(param, X509_DEPTH_MAX);
		X509_VERIFY_PARAM_set_auth_level(param, X509_AUTH_LEVEL);
		X509_VERIFY_PARAM_set_time(param, l->now);
		return store;
	}
	X509_STORE_free(store);
	return NULL;
}

/* --- OCSP ----------------------------------------------------------------------------------------- */

/* The part of an answer that is about this certificate, by whichever digest the responder names it. */
static OCSP_SINGLERESP *single_about(OCSP_BASICRESP *answer, const X509 *cert, const X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(answer); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(answer, i);
		OCSP_CERTID *id = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single);
		ASN1_OBJECT *digest = NULL;
		OCSP_id_get0_info(NULL, &digest, NULL, NULL, id);
		const EVP_MD *md = digest ? EVP_get_digestbyobj(digest) : NULL;
		OCSP_CERTID *wanted = md ? OCSP_cert_to_id(md, cert, issuer) : NULL;
		bool same = wanted && OCSP_id_cmp(wanted, id) == 0;
		OCSP_CERTID_free(wanted);
		if (same)
			return single;
	}
	return NULL;
}

/* By the issuer itself, or by whom it gave the right to in a certificate of its own (RFC 6960 section
 * 4.2.2.2). */
static bool ocsp_signed(const struct look *l, size_t i, OCSP_BASICRESP *answer)
{
	X509_STORE *store = store_of(l, i + 1);
	STACK_OF(X509) *issuer = sk_X509_new_null();
	bool ok = store && issuer && sk_X509_push(issuer, look_cert(l, i + 1)) > 0 &&
		OCSP_basic_verify(answer, issuer, store, OCSP_NOEXPLICIT) == 1;

	sk_X509_free(issuer);
	X509_STORE_free(store);
	ossl_err(NULL, ERR_NONE, "");
	return ok;
}

/* Without a next update the responder always has newer ones (RFC 6960 section 2.4): then it is good for an
 * hour. */
static bool ocsp_in_time(
	const struct look *l, const ASN1_GENERALIZEDTIME *from, const ASN1_GENERALIZEDTIME *to)
{
	enum { UNTOLD_S = 3600 };
	time_t oldest = l->now - UNTOLD_S;

	return to ? evidence_in_time(from, to, l->now) :
		    X509_cmp_time(from, &oldest) > 0 && evidence_in_time(from, NULL, l->now);
}

static void take_ocsp(struct look *l, size_t i, const struct piece *p)
{
	OCSP_SINGLERESP *single = single_about(p->ocsp, look_cert(l, i), look_cert(l, i + 1));
	ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *to = NULL;
	char when[CERT_TIME_MAX];
	int reason = -1;
	struct err e;

	if (!single)
		return;
	int status = OCSP_single_get0_status(single, &reason, &revoked, &from, &to);
	if (!ocsp_signed(l, i, p->ocsp)) {
		err_set(&e, ERR_AUTH,
			"the answer of OCSP (%s) is signed neither by the CA nor by whom it lets",
			p->from);
		set_unknown(l, i, &e);
	} else if (status == V_OCSP_CERTSTATUS_REVOKED) {
		set_revoked(l, i, revoked, reason, "OCSP responder", p->from);
	} else if (!ocsp_in_time(l, from, to)) {
		err_set(&e, ERR_AUTH, "the answer of OCSP (%s) is not of this time: it is from %s",
			p->from, x509_time_text(when, from));
		set_unknown(l, i, &e);
	} else if (status == V_OCSP_CERTSTATUS_GOOD) {
		set_good(l, i);
	} else {
		err_set(&e, ERR_AUTH, "the OCSP responder (%s) does not know the certificate",
			p->from);
		set_unknown(l, i, &e);
	}
}

/* --- CRLs ----------------------------------------------------------------------------------------- */

static bool is_whole(const X509_CRL *crl)
{
	return X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) < 0;
}

/* OpenSSL takes the newest that names the issuer, whoever signed it, and a delta CRL for a whole one: so it
 * is given no other than whole ones that a certificate of the chain has signed. */
static STACK_OF(X509_CRL) * genuine_crls(struct look *l)
{
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	const struct piece *p;
	struct err e;

	for (size_t k = 0; crls && (p = piece_at(l, k)); k++)
		for (size_t i = 0; p->crl && is_whole(p->crl) && i < l->n; i++) {
			X509 *issuer = look_cert(l, i + 1);
			if (X509_NAME_cmp(X509_CRL_get_issuer(p->crl),
				    X509_get_subject_name(issuer)) != 0)
				continue;
			if (X509_CRL_verify(p->crl, X509_get0_pubkey(issuer)) == 1) {
				(void)!sk_X509_CRL_push(crls, p->crl);
				break;
			}
			err_set(&e, ERR_AUTH, "the CRL (%s) is not signed by the CA", p->from);
			set_unknown(l, i, &e);
		}
	ossl_err(NULL, ERR_NONE, "");
	return crls;
}

static const char *from_of(const struct look *l, const X509_CRL *crl)
{
	const struct piece *p;

	for (size_t i = 0; (p = piece_at(l, i)); i++)
		if (p->crl == crl)
			return p->from;
	return "?";
}

/* OpenSSL has forgotten which CRL it was where that is out of time. */
static X509_REVOKED *entry_of(const struct look *l, size_t i, X509_CRL **crl)
{
	X509_REVOKED *entry = NULL;

	for (int k = 0; !*crl && k < sk_X509_CRL_num(l->crls); k++) {
		X509_CRL *other = sk_X509_CRL_value(l->crls, k);
		if (X509_NAME_cmp(X509_CRL_get_issuer(other),
			    X509_get_issuer_name(look_cert(l, i))) == 0 &&
			X509_CRL_get0_by_cert(other, &entry, look_cert(l, i)) == 1)
			*crl = other;
	}
	return *crl && X509_CRL_get0_by_cert(*crl, &entry, look_cert(l, i)) == 1 ? entry : NULL;
}

static void crl_revokes(struct look *l, size_t i, X509_CRL *crl)
{
	X509_REVOKED *entry = entry_of(l, i, &crl);
	int reason = -1;

	/* RFC 5280 section 5.2: one with a critical extension that is not understood says nothing. */
	if (l->crl_void[i] || !entry)
		return;
	ASN1_ENUMERATED *given = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	if (given)
		reason = (int)ASN1_ENUMERATED_get(given);
	ASN1_ENUMERATED_free(given);
	set_revoked(l, i, X509_REVOKED_get0_revocationDate(entry), reason, "CRL of its CA",
		from_of(l, crl));
}

static void crl_out_of_time(struct look *l, size_t i, const X509_CRL *crl)
{
	char from[CERT_TIME_MAX], to[CERT_TIME_MAX];
	struct err e;

	if (evidence_crl_in_time(crl, l->now))
		return;
	err_set(&e, ERR_AUTH,
		"the CRL (%s) is not of this time: it is from %s, and the next one was due on %s",
		from_of(l, crl), x509_time_text(from, X509_CRL_get0_lastUpdate(crl)),
		x509_time_text(to, X509_CRL_get0_nextUpdate(crl)));
	set_unknown(l, i, &e);
	l->crl_old[i] = true;
}

/* What X509_verify_cert finds fault with; it goes on in any case but where the chain itself is none. */
static int heed(int ok, X509_STORE_CTX *ctx)
{
	struct look *l = X509_STORE_CTX_get_app_data(ctx);
	size_t i = (size_t)X509_STORE_CTX_get_error_depth(ctx);
	int why = X509_STORE_CTX_get_error(ctx);
	struct err e;

	if (ok || i >= l->n) /* nobody but the profile answers for the anchor */
		return ok || i == l->n;
	switch (why) {
	case X509_V_ERR_CERT_REVOKED:
		crl_revokes(l, i, X509_STORE_CTX_get0_current_crl(ctx));
		return 1;
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		crl_out_of_time(l, i, X509_STORE_CTX_get0_current_crl(ctx));
		return 1;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		l->crl_void[i] = true;
		return 1;
	}
	l->crl_void[i] = true;
	err_set(&e, ERR_AUTH, "the CRL of its CA: %s", X509_verify_cert_error_string(why));
	set_unknown(l, i, &e);
	return 1;
}

static void take_crls(struct look *l)
{
	l->crls = genuine_crls(l);
	X509_STORE *store = sk_X509_CRL_num(l->crls) > 0 ? store_of(l, l->n) : NULL;
	X509_STORE_CTX *ctx = store ? X509_STORE_CTX_new() : NULL;

	if (ctx && X509_STORE_CTX_init(ctx, store, look_cert(l, 0), l->chain) == 1) {
		X509_STORE_CTX_set0_crls(ctx, l->crls);
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
		X509_STORE_CTX_set_verify_cb(ctx, heed);
		if (X509_STORE_CTX_set_app_data(ctx, l) == 1 && X509_verify_cert(ctx) == 1)
			for (size_t i = 0; i < l->n; i++)
				if (!l->crl_void[i] && !l->crl_old[i])
					set_good(l, i);
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_CRL_free(l->crls);
	ossl_err(NULL, ERR_NONE, "");
}

/* --- the whole ------------------------------------------------------------------------------------ */

static void without_evidence(const struct look *l, size_t i, struct err *why)
{
	char issuer[CERT_TEXT_MAX];

	for (size_t k = 0; k < l->n_known; k++)
		if (l->known[k] && l->known[k]->spoiled.kind != ERR_NONE) {
			*why = l->known[k]->spoiled;
			return;
		}
	err_set(why, ERR_AUTH,
		"there is neither a CRL of \"%.120s\" that can be used nor an answer of OCSP",
		x509_name_text(issuer, X509_get_issuer_name(look_cert(l, i))));
}

static enum standing worst_of(struct look *l, struct err *why)
{
	char subject[CERT_TEXT_MAX];

	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].standing == STANDING_REVOKED) {
			*why = l->at[i].why;
			return STANDING_REVOKED;
		}
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].standing == STANDING_GOOD)
			continue;
		if (l->at[i].standing == STANDING_UNCHECKED)
			without_evidence(l, i, &l->at[i].why);
		*why = l->at[i].why;
		why->kind = ERR_AUTH;
		err_ctx(why, "whether the certificate \"%.120s\" is revoked is not known",
			x509_name_text(subject, X509_get_subject_name(look_cert(l, i))));
		return STANDING_UNKNOWN;
	}
	return STANDING_GOOD;
}

bool look_begin(struct look *l, struct trust *t, const struct cert_list *chain,
	const struct evidence *const *known, size_t n, time_t now)
{
	const struct piece *p;

	*l = (struct look){ .known = known, .n_known = n, .now = now };
	l->chain = trust_chain(t, chain, now);
	l->lost = !l->chain && !trust_is_pinned(t);
	int certs = sk_X509_num(l->chain); /* -1: none */
	if (certs <= 1 || certs > LOOKED_AT_MAX) {
		look_end(l);
		return false;
	}
	l->n = (size_t)certs - 1;
	for (size_t k = 0; (p = piece_at(l, k)); k++)
		for (size_t i = 0; p->ocsp && i < l->n; i++)
			take_ocsp(l, i, p);
	take_crls(l);
	return true;
}

void look_end(struct look *l)
{
	sk_X509_pop_free(l->chain, X509_free);
	l->chain = NULL;
}

enum standing revocation_look(struct trust *t, const struct cert_list *chain,
	const struct evidence *const *known, size_t n, time_t now, struct err *why)
{
	struct look l;

	if (!look_begin(&l, t, chain, known, n, now)) {
		if (!l.lost)
			return STANDING_UNCHECKED;
		err_set(why, ERR_AUTH,
			"whether the gateway's certificate is revoked is not known: out of memory");
		return STANDING_UNKNOWN;
	}
	enum standing standing = worst_of(&l, why);
	look_end(&l);
	return standing;
}
