#include "tunnel.h"

/* RFC 5216 and, with TLS 1.3, RFC 9190: the handshake is all there is. Ours ends with it in TLS 1.2, where the
 * server's Finished comes last. In TLS 1.3 ours does, and only when an octet of zero has come inside does the
 * server have it, and accepts it (section 2.5): a success before that is none. */
static enum eap_step inside(struct eap *x, struct bytes plain, struct eap_result *r)
{
	bool tls13 = tls_is_13(x->tunnel->tls);
	const uint8_t *p = plain.p;

	if (x->progress == PROGRESS_MAY_END) {
		err_set(&r->err, ERR_PEER, "the gateway goes on with EAP-TLS after its end");
		return STEP_FAIL;
	}
	if (tls13 ? plain.n > 1 || (plain.n == 1 && p[0] != 0) : plain.n > 0) {
		err_set(&r->err, ERR_PEER, "the EAP server says something inside of EAP-TLS");
		return STEP_FAIL;
	}
	if (tls13 && plain.n == 0)
		return STEP_REPLY;
	return eap_tunnel_key(x, "client EAP encryption", &r->err) ? STEP_LAST : STEP_FAIL;
}

enum eap_step tls_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r)
{
	return eap_tunnel_request(x, in, out, r, inside);
}
