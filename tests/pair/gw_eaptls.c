#include <openssl/x509.h>

#include "../../src/crypto/x509.h"
#include "gateway.h"
#include "lib/test.h"
#include "lib/tls_server.h"

/*
 * EAP-TLS as a gateway does it: RFC 5216 and RFC 9190, with a TLS server of OpenSSL's own behind it. Its packets
 * are as large as they come, for IKE has fragments of its own.
 */

enum { FLAG_LENGTH = 0x80, FLAG_MORE = 0x40, FLAG_START = 0x20 };

size_t gw_eaptls_begin(struct gateway *g, uint8_t out[GW_EAPTLS_MAX])
{
	const struct credential *own = g->cfg->eap_own ? g->cfg->eap_own : g->cfg->own;

	tls_server_free(g->tls);
	g->tls = tls_server_new(&(struct tls_server_spec){ .cert = cert_x509(own->certs.v[0]),
		.key = own->key->p,
		.client_ca = g->cfg->eap_client_ca,
		.version = g->cfg->eap_tls });
	g->tls_said = false;
	out[0] = FLAG_START;
	return 1;
}

enum gw_eaptls gw_eaptls_input(
	struct gateway *g, struct bytes response, uint8_t out[GW_EAPTLS_MAX], size_t *n)
{
	struct rd r = rd_init(response.p, response.n);
	uint8_t flags = rd_u8(&r), type = EAP_TLS;
	bool tls13 = g->cfg->eap_tls != 0x0303;

	if (flags & FLAG_LENGTH)
		rd_u32(&r);
	bool ok = tls_server_input(g->tls, (struct bytes){ r.p, r.left });
	out[0] = 0;
	*n = 1;
	if (ok && flags & FLAG_MORE)
		return GW_EAPTLS_GOES_ON;
	if (ok && tls_server_is_up(g->tls) && tls13 && !g->tls_said) {
		assert_true(tls_server_write(g->tls, (struct bytes){ "\0", 1 }));
		g->tls_said = true;
	}
	*n += tls_server_output(g->tls, out + 1, GW_EAPTLS_MAX - 1);
	if (*n > 1) /* perhaps an alert, of which the client is to take note */
		return GW_EAPTLS_GOES_ON;
	if (!ok || !tls_server_is_up(g->tls))
		return GW_EAPTLS_REFUSED;
	g->msk.len = 64;
	uint8_t material[128];
	tls_server_export(g->tls, tls13 ? "EXPORTER_EAP_TLS_Key_Material" : "client EAP encryption",
		tls13 ? (struct bytes){ &type, 1 } : (struct bytes){ NULL, 0 }, material,
		sizeof(material));
	memcpy(g->msk.data, material, g->msk.len);
	return GW_EAPTLS_DONE;
}
