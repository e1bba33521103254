/*
 * CRLs and answers of OCSP of the authority in pki.h.
 */
#ifndef TESTS_LIB_REVOKED_H
#define TESTS_LIB_REVOKED_H

#include <openssl/ocsp.h>

#include "lib/pki.h"

struct crl_spec {
	const X509 *revoked; /* NULL: none is */
	int reason; /* of RFC 5280 section 5.3.1; 0: none is given */
	long from, to; /* seconds around PKI_NOW; an hour each way when both are 0 */
	bool endless; /* no nextUpdate */
	int extension; /* NID of one to be added, with extension_value as in openssl.cnf */
	const char *extension_value;
	bool delta;
	bool unknown_critical; /* an extension that nobody knows, and has to */
};

X509_CRL *pki_crl(const struct crl_spec *spec, const X509 *issuer, EVP_PKEY *issuer_key);
void pki_der_crl(struct pki_file *f, X509_CRL *crl);
void pki_pem_crl(struct pki_file *f, X509_CRL *crl);

struct ocsp_spec {
	const X509 *about, *issuer; /* of the certificate */
	const char *digest; /* SHA1 when NULL */
	int status; /* V_OCSP_CERTSTATUS_... */
	int reason;
	long from, to; /* seconds around PKI_NOW; an hour each way when both are 0 */
	bool endless; /* no nextUpdate */
	X509 *signer; /* NULL: the issuer */
	bool bare; /* the signer's certificate is not sent along */
	EVP_PKEY *signer_key;
	int response; /* OCSP_RESPONSE_STATUS_..., 0: successful */
	const OCSP_REQUEST *question; /* whose nonce is to be in it, NULL: none */
};

void pki_ocsp(struct pki_file *f, const struct ocsp_spec *spec);

#endif
