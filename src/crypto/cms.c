#include "crypto/cms.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <stdlib.h>
#include <string.h>

#include "ossl.h"
#include "x509.h"

static void name_signer(char signer[CERT_TEXT_MAX], CMS_ContentInfo *cms, struct err *e)
{
	STACK_OF(X509) *signers = CMS_get0_signers(cms);
	X509 *x = sk_X509_num(signers) > 0 ? X509_dup(sk_X509_value(signers, 0)) : NULL;
	struct cert *c = x ? cert_wrap(x, e) : NULL;

	signer[0] = 0;
	if (c)
		cert_subject_text(signer, c);
	cert_free(c);
	sk_X509_free(signers);
}

static bool copy_out(BIO *content, uint8_t **out, size_t *n, struct err *e)
{
	char *data;
	long len = BIO_get_mem_data(content, &data);

	*out = len > 0 ? malloc((size_t)len) : NULL;
	if (!*out)
		return err_set(e, len > 0 ? ERR_LOCAL : ERR_CONFIG,
			len > 0 ? "out of memory" : "what is signed is empty");
	memcpy(*out, data, (size_t)len);
	OPENSSL_cleanse(data, (size_t)len);
	*n = (size_t)len;
	return true;
}

static bool open_signed(CMS_ContentInfo *cms, BIO *content, uint8_t **out, size_t *n,
	char signer[CERT_TEXT_MAX], struct err *e)
{
	if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
		return err_set(e, ERR_CONFIG, "a message that is not signed, but something else");
	if (CMS_verify(cms, NULL, NULL, NULL, content, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
		return ossl_err(e, ERR_CONFIG, "the signature does not fit what is signed");
	name_signer(signer, cms, e);
	return copy_out(content, out, n, e);
}

bool cms_open(
	struct bytes file, uint8_t **out, size_t *n, char signer[CERT_TEXT_MAX], struct err *e)
{
	BIO *in = file.n <= INT_MAX ? BIO_new_mem_buf(file.p, (int)file.n) : NULL;
	BIO *content = in ? BIO_new(BIO_s_mem()) : NULL;
	CMS_ContentInfo *cms = content ? d2i_CMS_bio(in, NULL) : NULL;

	bool ok = cms ? open_signed(cms, content, out, n, signer, e) :
			ossl_err(e, ERR_CONFIG, "no signed message");
	ossl_err(NULL, ERR_NONE, "");
	CMS_ContentInfo_free(cms);
	BIO_free(content);
	BIO_free(in);
	return ok;
}
