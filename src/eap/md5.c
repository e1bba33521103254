#include <stdio.h>
#include <string.h>

#include "crypto/prf.h"
#include "method.h"

/* RFC 3748 section 5.4, RFC 1994 section 4.1:
 *
 *   request    size, challenge, name of the gateway
 *   response   16, MD5(identifier | password | challenge), name of the user
 *
 * It proves nothing about the gateway and makes no key: the carrier must have seen to the first. A
 * further challenge means that the password was not accepted (section 4.2): we ask for another. */
enum eap_step md5_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r)
{
	size_t size = rd_u8(in), len = 0;
	const uint8_t *challenge = rd_bytes(in, size);
	uint8_t hash[DIGEST_MAX];

	if (!challenge || size == 0) {
		err_set(&r->err, ERR_PEER, "the EAP-MD5 challenge of the gateway is malformed");
		return STEP_FAIL;
	}
	if (x->tries > 0 && !x->answer) {
		err_set(&x->reason, ERR_PEER, "the gateway did not accept the password of %s",
			x->shown);
		if (x->tries >= EAP_TRIES_MAX) {
			r->err = x->reason;
			return STEP_FAIL;
		}
		r->err = x->reason;
		eap_password_forget(x);
	}
	const char *user = eap_user(x, r);
	const struct passphrase *password = user ? eap_password(x, r) : NULL;
	if (!password)
		return STEP_ASK;

	struct bytes parts[] = {
		{ &x->identifier, 1 },
		{ password->text, password->len },
		{ challenge, size },
	};
	if (!digest("MD5", parts, ARRAY_LEN(parts), hash, &len, &r->err))
		return STEP_FAIL;
	wr_u8(out, (uint8_t)len);
	wr_bytes(out, hash, len);
	wr_bytes(out, user, strlen(user));
	x->tries++;
	return STEP_LAST;
}
