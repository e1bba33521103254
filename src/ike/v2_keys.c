#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

static const struct bytes key_pad = { "Key Pad for IKEv2", 17 };

static struct bytes secret_bytes(const struct secret *s)
{
	return (struct bytes){ s->data, s->len };
}

static bool take(struct rd *r, struct secret *out, size_t len)
{
	const uint8_t *p = rd_bytes(r, len);

	return p && secret_set(out, p, len);
}

static bool skeyseed(struct v2_sa *sa, const struct alg *old_prf, const struct secret *old_d,
	const struct v2_fresh *f, struct secret *out, struct err *e)
{
	struct bytes parts[] = { f->shared, f->ni, f->nr, f->more };

	/* Section 2.18: SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr); RFC 9370: ... | SK(1) | ... SK(n) */
	if (old_d)
		return prf(old_prf, secret_bytes(old_d), parts, ARRAY_LEN(parts), out, e);
	/* Section 2.14: SKEYSEED = prf(Ni | Nr, g^ir) */
	uint8_t key[2 * NONCE_MAX];
	memcpy(key, f->ni.p, f->ni.n);
	memcpy(key + f->ni.n, f->nr.p, f->nr.n);
	return prf(sa->suite.prf, (struct bytes){ key, f->ni.n + f->nr.n }, parts, 1, out, e);
}

/* {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr) */
bool v2_derive(struct v2_sa *sa, const struct alg *old_prf, const struct secret *old_d,
	const struct v2_fresh *f, struct err *e)
{
	const struct suite *s = &sa->suite;
	struct bytes seed[] = { f->ni, f->nr, { sa->spi_i, IKE_SPI_LEN },
		{ sa->spi_r, IKE_SPI_LEN } };
	size_t encr = s->encr->key_len + s->encr->salt_len,
	       integ = s->integ ? s->integ->key_len : 0;
	size_t need = (size_t)3 * s->prf->out_len + 2 * integ + 2 * encr;
	uint8_t stream[7 * SECRET_MAX];
	struct secret seedkey = { 0 };

	bool ok = need <= sizeof(stream) && skeyseed(sa, old_prf, old_d, f, &seedkey, e) &&
		prf_plus(s->prf, secret_bytes(&seedkey), seed, ARRAY_LEN(seed), stream, need, e);
	if (ok) {
		struct rd r = rd_init(stream, need);
		ok = take(&r, &sa->sk_d, s->prf->out_len) && take(&r, &sa->sk_ai, integ) &&
			take(&r, &sa->sk_ar, integ) && take(&r, &sa->sk_ei, encr) &&
			take(&r, &sa->sk_er, encr) && take(&r, &sa->sk_pi, s->prf->out_len) &&
			take(&r, &sa->sk_pr, s->prf->out_len);
	}
	if (ok) {
		cipher_free(sa->seal);
		cipher_free(sa->open);
		sa->seal = cipher_new(s->encr, s->integ, sa->initiator ? &sa->sk_ei : &sa->sk_er,
			sa->initiator ? &sa->sk_ai : &sa->sk_ar, true, e);
		sa->open = cipher_new(s->encr, s->integ, sa->initiator ? &sa->sk_er : &sa->sk_ei,
			sa->initiator ? &sa->sk_ar : &sa->sk_ai, false, e);
		ok = sa->seal && sa->open;
	}
	wipe(stream, sizeof(stream));
	secret_wipe(&seedkey);
	return ok ||
		(e->kind != ERR_NONE ? false : err_set(e, ERR_BUG, "deriving the keys failed"));
}

static bool mix(const struct alg *alg, struct bytes ppk, struct secret *key, struct err *e)
{
	struct secret mixed = { .len = key->len };
	struct bytes seed = secret_bytes(key);
	bool ok = prf_plus(alg, ppk, &seed, 1, mixed.data, mixed.len, e);

	if (ok)
		*key = mixed;
	secret_wipe(&mixed);
	return ok;
}

/* RFC 8784 section 3: SK_d = prf+ (PPK, SK_d'), SK_pi and SK_pr likewise. */
bool v2_mix_ppk(struct v2_sa *sa, struct bytes ppk, struct err *e)
{
	const struct alg *alg = sa->suite.prf;

	return mix(alg, ppk, &sa->sk_d, e) && mix(alg, ppk, &sa->sk_pi, e) &&
		mix(alg, ppk, &sa->sk_pr, e);
}

void v2_sa_keys(const struct v2_sa *sa, struct outbox *ob)
{
	struct keys k = { .of = KEYS_IKEV2 };

	if (!ob->keys || !sa->open)
		return;
	memcpy(k.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(k.spi_r, sa->spi_r, IKE_SPI_LEN);
	suite_keys(&sa->suite, &k);
	k.encr_key = sa->sk_ei;
	k.encr_key_r = sa->sk_er;
	k.integ_key = sa->sk_ai;
	k.integ_key_r = sa->sk_ar;
	outbox_keys(ob, &k);
	wipe(&k, sizeof(k));
}

/* Section 2.17: KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr), RFC 9370: ... | SK(1) | ... SK(n); first what the
 * initiator sends with, encryption before integrity. */
bool v2_keymat(const struct v2_sa *sa, const struct suite *suite, const struct v2_fresh *f,
	struct sa_spec *in, struct sa_spec *out, struct err *e)
{
	struct bytes parts[] = { f->shared, f->ni, f->nr, f->more };
	size_t encr = suite->encr->key_len + suite->encr->salt_len;
	size_t integ = suite->integ ? suite->integ->key_len : 0;
	struct sa_spec *first = f->initiator ? out : in, *second = f->initiator ? in : out;
	uint8_t stream[4 * SECRET_MAX];

	bool ok = prf_plus(sa->suite.prf, secret_bytes(&sa->sk_d), parts, ARRAY_LEN(parts), stream,
		2 * (encr + integ), e);
	if (ok) {
		struct rd r = rd_init(stream, 2 * (encr + integ));
		ok = take(&r, &first->encr_key, encr) && take(&r, &first->integ_key, integ) &&
			take(&r, &second->encr_key, encr) && take(&r, &second->integ_key, integ);
	}
	wipe(stream, sizeof(stream));
	return ok;
}

bool v2_int_auth(const struct v2_sa *sa, bool ours, const struct ike_hdr *h,
	const struct content *c, struct secret *chain, struct err *e)
{
	struct ike_hdr whole = *h; /* as if it had not been cut, and nothing were encrypted */
	struct secret before = *chain;
	uint8_t head[IKE_HDR_LEN + 4];
	struct wr w = wr_init(head, sizeof(head));
	struct bytes parts[] = { secret_bytes(&before), { head, sizeof(head) }, c->octets };

	whole.next = PAYLOAD_SK;
	whole.len = (uint32_t)(sizeof(head) + c->octets.n);
	ike_hdr_write(&w, &whole);
	wr_u8(&w, c->first);
	wr_u8(&w, c->reserved);
	wr_u16(&w, (uint16_t)(4 + c->octets.n));
	bool ok = prf(sa->suite.prf, secret_bytes(ours ? &sa->sk_pi : &sa->sk_pr), parts,
		ARRAY_LEN(parts), chain, e);
	secret_wipe(&before);
	return ok;
}

/* RFC 9242 section 3.3.2: IntAuth_iN | IntAuth_rN | IKE_AUTH_MID. */
static void write_int_auth(struct wr *w, const struct handshake *hs)
{
	if (hs->intermediates == 0)
		return;
	wr_bytes(w, hs->int_i.data, hs->int_i.len);
	wr_bytes(w, hs->int_r.data, hs->int_r.len);
	wr_u32(w, 1 + hs->intermediates);
}

/* Section 2.15: message | nonce of the other side | prf(SK_p, rest of the ID payload). */
bool v2_signed_octets(const struct v2_sa *sa, bool ours, const struct handshake *hs,
	const struct identity *id, uint8_t **out, size_t *len, struct err *e)
{
	uint8_t head[4] = { id->type, id->reserved[0], id->reserved[1], id->reserved[2] };
	struct bytes message = ours ? (struct bytes){ hs->init_i, hs->init_i_len } :
				      (struct bytes){ hs->init_r, hs->init_r_len };
	struct bytes nonce = ours ? (struct bytes){ hs->nr, hs->nr_len } :
				    (struct bytes){ hs->ni, sizeof(hs->ni) };
	struct bytes body[] = { { head, sizeof(head) }, { id->data, id->len } };
	struct secret maced;

	if (!prf(sa->suite.prf, secret_bytes(ours ? &sa->sk_pi : &sa->sk_pr), body, 2, &maced, e))
		return false;
	size_t room = message.n + nonce.n + maced.len + hs->int_i.len + hs->int_r.len + 4;
	*out = malloc(room);
	if (!*out)
		return err_set(e, ERR_LOCAL, "out of memory");
	struct wr w = wr_init(*out, room);
	wr_bytes(&w, message.p, message.n);
	wr_bytes(&w, nonce.p, nonce.n);
	wr_bytes(&w, maced.data, maced.len);
	write_int_auth(&w, hs);
	*len = w.len;
	return true;
}

bool v2_auth_shared(const struct v2_sa *sa, struct bytes secret, struct bytes octets,
	struct secret *out, struct err *e)
{
	struct secret padded;
	bool ok = prf(sa->suite.prf, secret, &key_pad, 1, &padded, e) &&
		prf(sa->suite.prf, secret_bytes(&padded), &octets, 1, out, e);

	secret_wipe(&padded);
	return ok;
}

/* Section 2.23: SHA-1 over SPIs, address and port, all as they stand in the packet. */
void v2_nat_hash(const uint8_t spi_i[IKE_SPI_LEN], const uint8_t spi_r[IKE_SPI_LEN],
	const struct addr *a, uint8_t out[20])
{
	uint8_t port[2] = { a->port >> 8, a->port & 0xff }, hash[DIGEST_MAX] = { 0 };
	struct bytes parts[] = { { spi_i, IKE_SPI_LEN }, { spi_r, IKE_SPI_LEN },
		{ a->ip, addr_len(a->family) }, { port, 2 } };
	size_t len;

	if (!digest("SHA1", parts, ARRAY_LEN(parts), hash, &len, NULL))
		wipe(hash, sizeof(hash));
	memcpy(out, hash, 20);
}
