/*
 * What somebody else says of revocation: a CRL, an answer of OCSP, an answer of HTTP around them, or an address to
 * ask at. The first octet tells which.
 *
 * CRL and answer are looked at with a chain, and never make it good: the keys that could sign so are nowhere.
 */
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "crypto/revocation.h"
#include "edge/fetch.h"
#include "lib/pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CRL, OCSP, ANSWER, ADDRESS, KINDS };

static struct trust *trust;
static struct cert_list chain;

static void demand(bool good)
{
	if (!good)
		abort();
}

static void make_chain(void)
{
	struct pki_file f = { .len = 0 };
	EVP_PKEY *ca_key = pki_key("ED25519", NULL), *key = pki_key("ED25519", NULL);
	X509 *ca =
		pki_issue(&(struct pki_spec){ .cn = "ca", .key = ca_key, .ca = true }, NULL, NULL);
	X509 *gw = pki_issue(&(struct pki_spec){ .cn = "gw", .key = key }, ca, ca_key);
	size_t added;

	trust = trust_new(NULL);
	pki_pem_cert(&f, ca);
	demand(trust && trust_add(trust, pki_bytes(&f), &added, NULL));
	chain = (struct cert_list){ .n = 1, .v = { pki_cert(gw) } };
	X509_free(ca);
	X509_free(gw);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}

static void look(const struct evidence *ev)
{
	struct err e;

	demand(revocation_look(trust, &chain, &ev, 1, PKI_NOW, &e) == STANDING_UNKNOWN);
	demand(e.kind == ERR_AUTH && e.text[0]);
}

static void evidence(uint8_t kind, struct bytes octets)
{
	struct evidence *ev = evidence_new(NULL);
	size_t added;
	struct err e;

	demand(ev != NULL);
	bool ok = kind == CRL ? evidence_add_crl(ev, octets, "fuzz", &added, &e) :
				evidence_add_ocsp(ev, octets, "fuzz", &e);
	demand(ok ? evidence_len(ev) > 0 : e.text[0] != 0);
	look(ev);
	(void)!evidence_dates(ev, evidence_len(ev), PKI_NOW, &e);
	evidence_renew(ev, PKI_NOW);
	look(ev);
	evidence_free(ev);
}

static void answer(struct bytes octets)
{
	struct bytes body = { NULL, 0 };
	struct err e;
	bool done;

	for (int whole = 0; whole < 2; whole++) {
		bool ok = http_answer_read(octets, whole, &done, &body, &e);
		demand(ok || e.text[0]);
		if (ok && done)
			demand((const uint8_t *)body.p >= (const uint8_t *)octets.p &&
				(const uint8_t *)body.p + body.n <=
					(const uint8_t *)octets.p + octets.n);
	}
}

static void address(struct bytes octets)
{
	char text[FETCH_URL_MAX] = "";
	struct http_url u;
	struct err e;

	memcpy(text, octets.p, octets.n < sizeof(text) ? octets.n : sizeof(text) - 1);
	if (!http_url_read(text, &u, &e))
		return;
	demand(u.port && u.host[0] && !strpbrk(u.host, " \r\n@/") && !strpbrk(u.target, " \r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!trust)
		make_chain();
	if (size == 0)
		return 0;
	struct bytes octets = { data + 1, size - 1 };
	uint8_t kind = data[0] % KINDS;
	if (kind == ANSWER)
		answer(octets);
	else if (kind == ADDRESS)
		address(octets);
	else
		evidence(kind, octets);
	return 0;
}
