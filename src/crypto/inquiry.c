#include "crypto/revocation.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "evidence.h"
#include "ossl.h"

enum { KNOWN = 3 };

struct asked {
	size_t about; /* of which certificate in the chain */
	struct source source;
};

struct inquiry {
	struct cert_list certs;
	struct evidence *sent;
	size_t n;
	struct asked asked[SOURCES_MAX];
};

struct inquiry *inquiry_new(const struct cert_list *certs, struct evidence *sent, struct err *e)
{
	struct inquiry *q = calloc(1, sizeof(*q));

	if (!q) {
		evidence_free(sent);
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	q->sent = sent;
	for (size_t i = 0; i < certs->n; i++) {
		q->certs.v[i] = cert_from_der(cert_der(certs->v[i]), e);
		if (!q->certs.v[i]) {
			inquiry_free(q);
			return NULL;
		}
		q->certs.n++;
	}
	return q;
}

const struct source *inquiry_source(const struct inquiry *q)
{
	return &q->asked[q->n - 1].source;
}

void inquiry_free(struct inquiry *q)
{
	if (!q)
		return;
	cert_list_free(&q->certs);
	evidence_free(q->sent);
	free(q);
}

enum standing inquiry_look(const struct inquiry *q, struct trust *t, const struct evidence *own,
	const struct evidence *fetched, time_t now, struct err *why)
{
	const struct evidence *const known[KNOWN] = { own, q->sent, fetched };

	return revocation_look(t, &q->certs, known, KNOWN, now, why);
}

/* --- addresses ------------------------------------------------------------------------------------ */

/* One that was not asked about this certificate yet, nor is of a kind that is not asked. */
static bool may_ask(const struct inquiry *q, size_t about, const char *url, size_t len, bool ocsp)
{
	static const char http[] = "http://";

	if (len >= SOURCE_URL_MAX || len < sizeof(http) ||
		strncasecmp(url, http, sizeof(http) - 1) != 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (url[i] <= ' ' || url[i] > '~')
			return false;
	for (size_t i = 0; i < q->n; i++) {
		const struct asked *a = &q->asked[i];
		if (a->about == about && (a->source.question_len > 0) == ocsp &&
			strlen(a->source.url) == len && memcmp(a->source.url, url, len) == 0)
			return false;
	}
	return true;
}

static bool found(struct inquiry *q, size_t about, const char *url, size_t len, bool ocsp)
{
	if (!may_ask(q, about, url, len, ocsp))
		return false;
	struct asked *a = &q->asked[q->n];
	*a = (struct asked){ .about = about };
	memcpy(a->source.url, url, len);
	return true;
}

static bool find_responder(struct inquiry *q, size_t about, X509 *cert)
{
	STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(cert);
	bool any = false;

	for (int i = 0; i < sk_OPENSSL_STRING_num(urls) && !any; i++) {
		const char *url = sk_OPENSSL_STRING_value(urls, i);
		any = found(q, about, url, strlen(url), true);
	}
	X509_email_free(urls);
	return any;
}

static bool find_in_point(struct inquiry *q, size_t about, const DIST_POINT *point)
{
	bool any = false;

	/* Of a part of the reasons, or of another issuer: such a CRL says nothing. */
	if (!point->distpoint || point->distpoint->type != 0 || point->reasons || point->CRLissuer)
		return false;
	const GENERAL_NAMES *names = point->distpoint->name.fullname;
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !any; i++) {
		int type;
		const ASN1_STRING *url =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
		any = type == GEN_URI &&
			found(q, about, (const char *)ASN1_STRING_get0_data(url),
				(size_t)ASN1_STRING_length(url), false);
	}
	return any;
}

static bool find_crl(struct inquiry *q, size_t about, X509 *cert)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
	bool any = false;

	for (int i = 0; i < sk_DIST_POINT_num(points) && !any; i++)
		any = find_in_point(q, about, sk_DIST_POINT_value(points, i));
	CRL_DIST_POINTS_free(points);
	return any;
}

/* --- the question of OCSP, RFC 6960 section 4.1 -------------------------------------------------- */

static bool make_question(struct source *s, const X509 *cert, const X509 *issuer,
	const uint8_t nonce[SOURCE_NONCE_LEN])
{
	OCSP_REQUEST *request = OCSP_REQUEST_new();
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, cert, issuer);
	uint8_t copy[SOURCE_NONCE_LEN], *p = s->question;

	memcpy(copy, nonce, sizeof(copy));
	bool ok = request && id && OCSP_request_add0_id(request, id);
	if (!ok)
		OCSP_CERTID_free(id);
	ok = ok && OCSP_request_add1_nonce(request, copy, sizeof(copy)) == 1;
	int n = ok ? i2d_OCSP_REQUEST(request, NULL) : -1;
	ok = n > 0 && n <= SOURCE_QUESTION_MAX && i2d_OCSP_REQUEST(request, &p) == n;
	s->question_len = ok ? (size_t)n : 0;
	OCSP_REQUEST_free(request);
	ossl_err(NULL, ERR_NONE, "");
	return ok;
}

/* Not all have a nonce in their answers, which are signed long before; then only the time tells. */
static bool nonce_fits(const struct source *s, OCSP_BASICRESP *answer)
{
	const uint8_t *p = s->question;
	OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &p, (long)s->question_len);
	bool ok = request && OCSP_check_nonce(request, answer) != 0;

	OCSP_REQUEST_free(request);
	return ok;
}

/* --- asking ----------------------------------------------------------------------------------------- */

/* About one certificate: a responder, which has the newest and says little, before a whole list. */
static bool next_about(
	struct inquiry *q, const struct look *l, size_t i, const uint8_t nonce[SOURCE_NONCE_LEN])
{
	X509 *cert = look_cert(l, i);

	return (find_responder(q, i, cert) &&
		       make_question(&q->asked[q->n].source, cert, look_cert(l, i + 1), nonce)) ||
		find_crl(q, i, cert);
}

const struct source *inquiry_next(struct inquiry *q, struct trust *t, const struct evidence *own,
	const struct evidence *fetched, time_t now, const uint8_t nonce[SOURCE_NONCE_LEN])
{
	const struct evidence *const known[KNOWN] = { own, q->sent, fetched };
	bool any = false;
	struct look l;

	if (q->n == SOURCES_MAX || !look_begin(&l, t, &q->certs, known, KNOWN, now))
		return NULL;
	for (size_t i = 0; i < l.n && !any; i++)
		any = l.at[i].standing < STANDING_REVOKED && l.at[i].standing != STANDING_GOOD &&
			next_about(q, &l, i, nonce);
	look_end(&l);
	return any ? &q->asked[q->n++].source : NULL;
}

bool inquiry_answer(struct inquiry *q, struct evidence *fetched, struct bytes answer, struct err *e)
{
	const struct source *s = inquiry_source(q);
	char from[64];
	size_t added;

	snprintf(from, sizeof(from), "%.63s", s->url);
	if (s->question_len == 0)
		return evidence_add_crl(fetched, answer, from, &added, e) || err_ctx(e, "%s", from);
	if (!evidence_add_ocsp(fetched, answer, from, e))
		return err_ctx(e, "%s", from);
	if (nonce_fits(s, fetched->v[fetched->n - 1].ocsp))
		return true;
	evidence_drop(fetched, fetched->n - 1);
	return err_set(e, ERR_PEER, "%s: the answer of OCSP is to another question", from);
}
