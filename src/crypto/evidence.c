#include "evidence.h"

#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ossl.h"
#include "x509.h"

struct evidence *evidence_new(struct err *e)
{
	struct evidence *ev = calloc(1, sizeof(*ev));

	if (!ev)
		err_set(e, ERR_LOCAL, "out of memory");
	return ev;
}

void evidence_drop(struct evidence *ev, size_t i)
{
	X509_CRL_free(ev->v[i].crl);
	OCSP_BASICRESP_free(ev->v[i].ocsp);
	ev->n--;
	memmove(&ev->v[i], &ev->v[i + 1], (ev->n - i) * sizeof(ev->v[0]));
}

void evidence_free(struct evidence *ev)
{
	if (!ev)
		return;
	while (ev->n > 0)
		evidence_drop(ev, ev->n - 1);
	free(ev->v);
	free(ev);
}

size_t evidence_len(const struct evidence *ev)
{
	return ev ? ev->n : 0;
}

void evidence_spoiled(struct evidence *ev, const struct err *why)
{
	ev->spoiled = *why;
}

/* NULL: no memory. */
static struct piece *piece_new(struct evidence *ev, const char *from, struct err *e)
{
	if (ev->n == ev->cap) {
		size_t cap = ev->cap ? 2 * ev->cap : 4;
		struct piece *more = reallocarray(ev->v, cap, sizeof(*more));
		if (!more) {
			err_set(e, ERR_LOCAL, "out of memory");
			return NULL;
		}
		ev->v = more;
		ev->cap = cap;
	}
	struct piece *p = &ev->v[ev->n++];
	*p = (struct piece){ .crl = NULL };
	snprintf(p->from, sizeof(p->from), "%s", from);
	return p;
}

/* --- CRLs ----------------------------------------------------------------------------------------- */

/* Takes crl over. RFC 5280 section 5.1.2.5: without an end it would be good for ever. */
static bool add_crl(struct evidence *ev, X509_CRL *crl, const char *from, struct err *e)
{
	struct piece *p = NULL;

	if (!crl)
		ossl_err(e, ERR_CONFIG, "not a CRL");
	else if (!X509_CRL_get0_nextUpdate(crl))
		err_set(e, ERR_CONFIG,
			"the CRL does not say when the next one is due (nextUpdate)");
	else
		p = piece_new(ev, from, e);
	if (p)
		p->crl = crl;
	else
		X509_CRL_free(crl);
	return p != NULL;
}

static X509_CRL *parse_crl(struct bytes der)
{
	const uint8_t *p = der.p;
	X509_CRL *crl = der.n > 0 && der.n <= LONG_MAX ? d2i_X509_CRL(NULL, &p, (long)der.n) : NULL;

	if (crl && p != (const uint8_t *)der.p + der.n) {
		X509_CRL_free(crl);
		crl = NULL;
	}
	return crl;
}

struct adding {
	struct evidence *ev;
	const char *from;
	struct err *e;
	bool ok;
};

static bool add_block(const char *name, struct bytes der, void *arg)
{
	struct adding *a = arg;

	if (strcmp(name, PEM_STRING_X509_CRL) == 0)
		a->ok = add_crl(a->ev, parse_crl(der), a->from, a->e);
	return a->ok;
}

bool evidence_add_crl(
	struct evidence *ev, struct bytes file, const char *from, size_t *added, struct err *e)
{
	struct adding a = { .ev = ev, .from = from, .e = e, .ok = true };
	X509_CRL *crl = parse_crl(file);
	size_t before = ev->n;

	ossl_err(NULL, ERR_NONE, "");
	if (crl)
		a.ok = add_crl(ev, crl, from, e);
	else if (!ossl_pem_blocks(file, add_block, &a) && a.ok)
		a.ok = err_set(e, ERR_CONFIG, "it cannot be read to its end");
	ossl_err(NULL, ERR_NONE, "");
	*added = ev->n - before;
	if (a.ok && *added == 0)
		return err_set(e, ERR_CONFIG, "it holds no CRL, in PEM or DER");
	return a.ok;
}

/* A few minutes between two clocks are nothing. */
enum { SKEW_S = 300 };

bool evidence_in_time(const ASN1_TIME *from, const ASN1_TIME *to, time_t now)
{
	time_t early = now + SKEW_S, late = now - SKEW_S;

	return X509_cmp_time(from, &early) < 0 && (!to || X509_cmp_time(to, &late) > 0);
}

bool evidence_crl_in_time(const X509_CRL *crl, time_t now)
{
	return evidence_in_time(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl), now);
}

/* The CRL is of this time; or the answer, which without an end is always asked for anew. */
static bool is_current(const struct piece *p, time_t now)
{
	ASN1_GENERALIZEDTIME *from = NULL, *to = NULL;

	if (p->crl)
		return evidence_crl_in_time(p->crl, now);
	OCSP_SINGLERESP *single = OCSP_resp_get0(p->ocsp, 0);
	if (single)
		OCSP_single_get0_status(single, NULL, NULL, &from, &to);
	return from && to && evidence_in_time(from, to, now);
}

void evidence_renew(struct evidence *ev, time_t now)
{
	for (size_t i = ev->n; i-- > 0;)
		if (!is_current(&ev->v[i], now))
			evidence_drop(ev, i);
	err_clear(&ev->spoiled);
}

bool evidence_dates(const struct evidence *ev, size_t n, time_t now, struct err *e)
{
	char issuer[CERT_TEXT_MAX], until[CERT_TIME_MAX];

	for (size_t i = ev->n - n; i < ev->n; i++) {
		const X509_CRL *crl = ev->v[i].crl;
		if (!crl || evidence_crl_in_time(crl, now))
			continue;
		return err_set(e, ERR_AUTH,
			"the CRL of \"%.200s\" is not of this time: the next one was due on %s",
			x509_name_text(issuer, X509_CRL_get_issuer(crl)),
			x509_time_text(until, X509_CRL_get0_nextUpdate(crl)));
	}
	return true;
}

/* --- OCSP ----------------------------------------------------------------------------------------- */

static const char *refusal(long status)
{
	switch (status) { /* RFC 6960 section 4.2.1 */
	case OCSP_RESPONSE_STATUS_MALFORMEDREQUEST:
		return "it does not understand the question (malformedRequest)";
	case OCSP_RESPONSE_STATUS_INTERNALERROR:
		return "it is out of order (internalError)";
	case OCSP_RESPONSE_STATUS_TRYLATER:
		return "it may know later (tryLater)";
	case OCSP_RESPONSE_STATUS_SIGREQUIRED:
		return "it wants the question signed (sigRequired)";
	case OCSP_RESPONSE_STATUS_UNAUTHORIZED:
		return "it does not answer for this CA, or not us (unauthorized)";
	}
	return "it gives a reason that is not known";
}

/* NULL: not an answer, e says why. */
static OCSP_BASICRESP *read_ocsp(struct bytes der, struct err *e)
{
	const uint8_t *p = der.p;
	OCSP_RESPONSE *r =
		der.n > 0 && der.n <= LONG_MAX ? d2i_OCSP_RESPONSE(NULL, &p, (long)der.n) : NULL;
	OCSP_BASICRESP *basic = NULL;
	int status = r ? OCSP_response_status(r) : -1;

	if (!r || p != (const uint8_t *)der.p + der.n)
		err_set(e, ERR_PEER, "what should be an answer of OCSP is none");
	else if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		err_set(e, ERR_PEER, "the OCSP responder does not answer: %s", refusal(status));
	else if (!(basic = OCSP_response_get1_basic(r)))
		err_set(e, ERR_PEER, "the OCSP responder's answer is of a kind that is not known");
	OCSP_RESPONSE_free(r);
	ossl_err(NULL, ERR_NONE, "");
	return basic;
}

bool evidence_add_ocsp(struct evidence *ev, struct bytes der, const char *from, struct err *e)
{
	OCSP_BASICRESP *basic = read_ocsp(der, e);
	struct piece *p = basic ? piece_new(ev, from, e) : NULL;

	if (p)
		p->ocsp = basic;
	else
		OCSP_BASICRESP_free(basic);
	return p != NULL;
}
