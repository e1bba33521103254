#include "v1_sa.h"

#include <string.h>

static struct bytes secret_bytes(const struct secret *s)
{
	return (struct bytes){ s->data, s->len };
}

bool v1_is_signed(uint16_t method)
{
	return method != V1_PSK && method != V1_XAUTH_PSK;
}

/* Section 5: with signatures prf(Ni_b | Nr_b, g^xy), with a shared key prf(key, Ni_b | Nr_b). */
bool v1_skeyid(struct v1_sa *sa, const struct passphrase *psk, struct bytes gxy, struct err *e)
{
	const struct v1_phase1 *p = sa->p1;
	uint8_t nonces[2 * V1_NONCE_MAX];

	memcpy(nonces, p->ni, p->ni_len);
	memcpy(nonces + p->ni_len, p->nr, p->nr_len);
	struct bytes both = { nonces, p->ni_len + p->nr_len };
	if (v1_is_signed(sa->method))
		return prf(sa->suite.prf, both, &gxy, 1, &sa->skeyid, e);
	if (!psk)
		return err_set(e, ERR_CONFIG, "there is no pre-shared key");
	return prf(sa->suite.prf, (struct bytes){ psk->text, psk->len }, &both, 1, &sa->skeyid, e);
}

bool v1_encryption_key(const struct alg *prf_alg, const struct secret *skeyid_e, size_t len,
	struct secret *out, struct err *e)
{
	static const uint8_t zero;
	struct bytes seed = { &zero, 1 };
	struct secret block, last;

	if (skeyid_e->len >= len)
		return secret_set(out, skeyid_e->data, len);
	for (out->len = 0; out->len < len;) {
		if (!prf(prf_alg, secret_bytes(skeyid_e), &seed, 1, &block, e))
			return false;
		size_t n = len - out->len < block.len ? len - out->len : block.len;
		if (out->len + n > SECRET_MAX)
			return err_set(e, ERR_BUG, "a key of %zu octets", len);
		memcpy(out->data + out->len, block.data, n);
		out->len += n;
		last = block;
		seed = secret_bytes(&last);
	}
	secret_wipe(&block);
	secret_wipe(&last);
	return true;
}

/* SKEYID_x = prf(SKEYID, [SKEYID_y |] g^xy | CKY-I | CKY-R | number) */
bool v1_skeyid_next(const struct v1_sa *sa, const struct secret *before, struct bytes gxy,
	uint8_t number, struct secret *out, struct err *e)
{
	struct bytes parts[5];
	size_t n = 0;

	if (before)
		parts[n++] = secret_bytes(before);
	parts[n++] = gxy;
	parts[n++] = (struct bytes){ sa->cky_i, IKE_SPI_LEN };
	parts[n++] = (struct bytes){ sa->cky_r, IKE_SPI_LEN };
	parts[n++] = (struct bytes){ &number, 1 };
	return prf(sa->suite.prf, secret_bytes(&sa->skeyid), parts, n, out, e);
}

static struct bytes public_of(const struct v1_sa *sa, bool initiator)
{
	if (sa->initiator == initiator)
		return ke_public(sa->p1->ke);
	return (struct bytes){ sa->p1->peer_gx, sa->p1->peer_gx_len };
}

bool v1_derive(struct v1_sa *sa, const struct passphrase *psk, const struct ke_secret *shared,
	struct err *e)
{
	struct bytes gxy = { shared->data, shared->len };
	struct bytes publics[] = { public_of(sa, true), public_of(sa, false) };
	struct secret skeyid_e = { 0 };
	uint8_t hash[DIGEST_MAX];
	size_t len;

	bool ok = v1_skeyid(sa, psk, gxy, e) &&
		v1_skeyid_next(sa, NULL, gxy, 0, &sa->skeyid_d, e) &&
		v1_skeyid_next(sa, &sa->skeyid_d, gxy, 1, &sa->skeyid_a, e) &&
		v1_skeyid_next(sa, &sa->skeyid_a, gxy, 2, &skeyid_e, e) &&
		v1_encryption_key(sa->suite.prf, &skeyid_e, sa->suite.encr->key_len, &sa->key, e) &&
		digest(sa->suite.prf->ossl, publics, 2, hash, &len, e);
	if (ok) /* appendix B: the first IV is the beginning of hash(g^xi | g^xr) */
		memcpy(sa->p1->iv, hash, V1_BLOCK_MAX);
	secret_wipe(&skeyid_e);
	return ok;
}

void v1_sa_keys(const struct v1_sa *sa, struct outbox *ob)
{
	struct keys k = { .of = KEYS_IKEV1 };

	if (!ob->keys || sa->key.len == 0)
		return;
	memcpy(k.spi_i, sa->cky_i, IKE_SPI_LEN);
	memcpy(k.spi_r, sa->cky_r, IKE_SPI_LEN);
	suite_keys(&sa->suite, &k);
	k.encr_key = sa->key;
	outbox_keys(ob, &k);
	wipe(&k, sizeof(k));
}

/* Section 5.5: K1 = prf(SKEYID_d, [g(qm)^xy |] protocol | SPI | Ni_b | Nr_b), K2 = prf(SKEYID_d, K1 |
 * the same), ...; the encryption key first. */
bool v1_keymat(const struct v1_sa *sa, const struct suite *suite, const struct ke_secret *shared,
	struct bytes ni, struct bytes nr, struct sa_spec *spec, struct err *e)
{
	size_t encr = suite->encr->key_len + suite->encr->salt_len;
	size_t integ = suite->integ ? suite->integ->key_len : 0;
	uint8_t head[5] = { PROTO_ESP, spec->spi >> 24, spec->spi >> 16, spec->spi >> 8,
		spec->spi };
	uint8_t stream[3 * SECRET_MAX];
	struct bytes parts[5];
	struct secret block = { 0 };
	bool ok = true;

	for (size_t done = 0; ok && done < encr + integ; done += block.len) {
		size_t n = 0;
		if (done)
			parts[n++] = secret_bytes(&block);
		if (shared)
			parts[n++] = (struct bytes){ shared->data, shared->len };
		parts[n++] = (struct bytes){ head, sizeof(head) };
		parts[n++] = ni;
		parts[n++] = nr;
		struct secret next;
		ok = done + sa->suite.prf->out_len <= sizeof(stream) &&
			prf(sa->suite.prf, secret_bytes(&sa->skeyid_d), parts, n, &next, e);
		if (ok) {
			block = next;
			memcpy(stream + done, block.data, block.len);
		}
		secret_wipe(&next);
	}
	ok = ok && secret_set(&spec->encr_key, stream, encr) &&
		secret_set(&spec->integ_key, stream + encr, integ);
	secret_wipe(&block);
	wipe(stream, sizeof(stream));
	return ok;
}

/* RFC 4754: with ECDSA the hash is the curve's, whatever was negotiated. */
static const struct alg *proof_prf(const struct v1_sa *sa)
{
	switch (sa->method) {
	case V1_ECDSA_256:
		return alg_find(TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0);
	case V1_ECDSA_384:
		return alg_find(TRANSFORM_PRF, PRF_HMAC_SHA2_384, 0);
	case V1_ECDSA_521:
		return alg_find(TRANSFORM_PRF, PRF_HMAC_SHA2_512, 0);
	default:
		return sa->suite.prf;
	}
}

/* HASH_I = prf(SKEYID, g^xi | g^xr | CKY-I | CKY-R | SAi_b | IDii_b), HASH_R with both pairs turned
 * round and IDir_b. */
bool v1_proof_hash(const struct v1_sa *sa, bool of_initiator, const struct identity *id,
	struct secret *out, struct err *e)
{
	const struct v1_phase1 *p = sa->p1;
	uint8_t head[4] = { id->type, id->reserved[0], id->reserved[1], id->reserved[2] };
	struct bytes cookies[] = { { sa->cky_r, IKE_SPI_LEN }, { sa->cky_i, IKE_SPI_LEN } };
	struct bytes parts[] = { public_of(sa, of_initiator), public_of(sa, !of_initiator),
		cookies[of_initiator], cookies[!of_initiator], { p->sai, p->sai_len },
		{ head, sizeof(head) }, { id->data, id->len } };

	return prf(proof_prf(sa), secret_bytes(&sa->skeyid), parts, ARRAY_LEN(parts), out, e);
}

/* RFC 3947 section 3.2, with the negotiated hash. */
void v1_nat_hash(const struct v1_sa *sa, const struct addr *a, uint8_t out[DIGEST_MAX], size_t *len)
{
	uint8_t port[2] = { a->port >> 8, a->port & 0xff };
	struct bytes parts[] = { { sa->cky_i, IKE_SPI_LEN }, { sa->cky_r, IKE_SPI_LEN },
		{ a->ip, addr_len(a->family) }, { port, 2 } };

	if (!digest(sa->suite.prf->ossl, parts, ARRAY_LEN(parts), out, len, NULL))
		*len = 0;
}
