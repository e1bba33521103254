#include <stdio.h>

#include "crypto/mschap.h"
#include "gateway.h"
#include "lib/test.h"

/*
 * The EAP server: Identity, one method, Success or Failure.
 */

static void send_packet(struct gw_step *s, uint8_t code, uint8_t type, const void *data, size_t n)
{
	struct gateway *g = s->g;

	ikew_payload(s->reply, PAYLOAD_EAP);
	wr_u8(&s->reply->w, code);
	wr_u8(&s->reply->w, code == EAP_REQUEST ? ++g->eap_id : g->eap_id);
	wr_u16(&s->reply->w, (uint16_t)(type ? 5 + n : 4));
	if (type) {
		wr_u8(&s->reply->w, type);
		wr_bytes(&s->reply->w, data, n);
	}
}

static void send_challenge(struct gw_step *s)
{
	struct gateway *g = s->g;
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	if (g->eap == EAP_TLS || g->eap == EAP_PEAP) {
		uint8_t start[GW_EAPTLS_MAX];
		size_t n = gw_eaptls_begin(g, start);
		g->eap_state = EAPS_METHOD;
		send_packet(s, EAP_REQUEST, g->eap, start, n);
		return;
	}
	rng_fill(&g->rng, g->eap_challenge, sizeof(g->eap_challenge));
	if (g->eap == EAP_MSCHAPV2) { /* op Challenge, id, MS-Length, value-size, challenge, name */
		wr_u8(&w, 1);
		wr_u8(&w, (uint8_t)(g->eap_id + 1));
		wr_u16(&w, 5 + 16 + 2);
	}
	if (g->eap == EAP_GTC) {
		wr_bytes(&w, "Your code", 9);
	} else {
		wr_u8(&w, 16);
		wr_bytes(&w, g->eap_challenge, 16);
	}
	if (g->eap == EAP_MSCHAPV2)
		wr_bytes(&w, "gw", 2);
	g->eap_state = EAPS_METHOD;
	send_packet(s, EAP_REQUEST, g->eap, buf, w.len);
}

static void finish(struct gw_step *s, bool ok)
{
	s->g->eap_state = ok ? EAPS_DONE : EAPS_REFUSED;
	if (!ok)
		s->g->phase = GW_REFUSED;
	if (!ok && s->g->cfg->refuse_eap)
		ikew_notify(s->reply, 0, s->g->cfg->refuse_eap, (struct bytes){ 0 },
			(struct bytes){ 0 });
	else
		send_packet(s, ok ? EAP_SUCCESS : EAP_FAILURE, 0, NULL, 0);
}

/* RFC 2759 and draft-kamath-pppext-eap-mschapv2: Response, then Success or Failure Request. */
static void mschapv2(struct gw_step *s, struct rd *r)
{
	struct gateway *g = s->g;
	struct passphrase password;
	struct mschap m;
	uint8_t op = rd_u8(r), peer[16], nt[MSCHAP_RESPONSE_LEN], buf[128];
	struct wr w = wr_init(buf, sizeof(buf));
	struct err e = { 0 };

	if (g->eap_state != EAPS_METHOD) { /* its note of our Success or Failure */
		finish(s, op == 3 && g->eap_state == EAPS_PROVED);
		return;
	}
	rd_bytes(r, 4); /* id, MS-Length, value-size */
	rd_copy(r, peer, sizeof(peer));
	rd_bytes(r, 8);
	rd_copy(r, nt, sizeof(nt));
	passphrase_set(&password, g->cfg->password, strlen(g->cfg->password));
	assert_ok(&e, mschap_compute(g->eap_challenge, peer, g->cfg->user, &password, &m, &e));
	bool ok = op == 2 && memcmp(nt, m.nt_response, sizeof(nt)) == 0;
	const char *words =
		ok ? m.authenticator : "E=691 R=0 C=00000000000000000000000000000000 V=3 M=No";
	wr_u8(&w, ok ? 3 : 4);
	wr_u8(&w, g->eap_id);
	wr_u16(&w, (uint16_t)(4 + strlen(words)));
	wr_bytes(&w, words, strlen(words));
	g->eap_state = ok ? EAPS_PROVED : EAPS_REFUSED;
	g->msk = m.msk;
	send_packet(s, EAP_REQUEST, EAP_MSCHAPV2, buf, w.len);
}

static void tls(struct gw_step *s, struct rd *r)
{
	uint8_t out[GW_EAPTLS_MAX];
	size_t n = 0;

	switch (gw_eaptls_input(s->g, (struct bytes){ r->p, r->left }, out, &n)) {
	case GW_EAPTLS_GOES_ON:
		send_packet(s, EAP_REQUEST, s->g->eap, out, n);
		return;
	case GW_EAPTLS_DONE:
		finish(s, true);
		return;
	case GW_EAPTLS_REFUSED:
		finish(s, false);
		return;
	}
}

static bool md5_right(const struct gateway *g, struct rd *r)
{
	struct bytes parts[] = { { &g->eap_id, 1 }, BYTES(g->cfg->password),
		{ g->eap_challenge, 16 } };
	uint8_t want[DIGEST_MAX], got[16];
	size_t n;

	rd_u8(r);
	rd_copy(r, got, sizeof(got));
	return digest("MD5", parts, 3, want, &n, NULL) && !r->bad && memcmp(want, got, 16) == 0;
}

void gw_eap_request(struct gw_step *s, struct bytes packet)
{
	struct gateway *g = s->g;
	struct rd r = rd_init(packet.p, packet.n);

	if (packet.n == 0) {
		g->eap_state = EAPS_IDENTITY;
		send_packet(s, EAP_REQUEST, EAP_IDENTITY, NULL, 0);
		return;
	}
	uint8_t code = rd_u8(&r), id = rd_u8(&r);
	rd_u16(&r);
	uint8_t type = rd_u8(&r);
	size_t n = strlen(g->cfg->user);
	if (code != EAP_RESPONSE || id != g->eap_id) {
		finish(s, false);
	} else if (g->eap_state == EAPS_IDENTITY) {
		g->user_seen = r.left == n && memcmp(r.p, g->cfg->user, n) == 0;
		g->eap = g->cfg->eap;
		send_challenge(s);
	} else if (type == EAP_NAK && g->cfg->eap_other && g->eap != g->cfg->eap_other) {
		g->eap = g->cfg->eap_other;
		send_challenge(s);
	} else if (type != g->eap) {
		finish(s, false);
	} else if (type == EAP_MSCHAPV2) {
		mschapv2(s, &r);
	} else if (type == EAP_TLS || type == EAP_PEAP) {
		tls(s, &r);
	} else if (type == EAP_MD5) {
		finish(s, md5_right(g, &r));
	} else {
		n = strlen(g->cfg->password);
		finish(s, r.left == n && memcmp(r.p, g->cfg->password, n) == 0);
	}
}
