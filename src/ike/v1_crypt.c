#include "v1_sa.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/cbc.h"

struct addr v1_local(const struct v1 *v)
{
	struct addr a = v->path.local;

	if (v->natt)
		a.port = v->path.local_natt_port;
	return a;
}

void v1_transmit(struct v1 *v, const struct kept *k, struct outbox *ob)
{
	struct addr local = v1_local(v);

	kept_send(k, v->natt ? PORT_NATT : PORT_IKE, &local, &v->path.remote, ob);
	v->keepalive_at = v->now + V1_KEEPALIVE_MS;
}

void v1_digest(struct bytes message, uint8_t out[V1_SEEN_LEN])
{
	uint8_t hash[DIGEST_MAX] = { 0 };
	size_t len;

	if (!digest("SHA256", &message, 1, hash, &len, NULL))
		wipe(hash, sizeof(hash));
	memcpy(out, hash, V1_SEEN_LEN);
}

/* The largest message that fits into an IP packet of 1280 octets, which gets through nearly
 * everywhere. */
static size_t datagram_room(const struct v1 *v)
{
	size_t headers = v->path.remote.family == FAMILY_V6 ? 40 + 8 + 4 : 20 + 8 + 4;
	size_t packet = v->path.mtu >= 576 && v->path.mtu < 1280 ? v->path.mtu : 1280;

	return packet - headers;
}

/* Before the gateway answered, nobody knows whether it takes fragments; nor are they needed then. */
static bool keep(
	struct v1 *v, const struct v1_sa *sa, struct bytes message, struct kept *out, struct err *e)
{
	bool may = v->cfg->fragmentation && sa->peer.fragments;

	kept_free(out);
	if (v1_cut(message, datagram_room(v), may, (uint16_t)(rng_below(v->rng, UINT16_MAX) + 1),
		    out))
		return true;
	return err_set(e, ERR_LOCAL, "a message of %zu octets cannot be kept", message.n);
}

static void header(
	const struct v1_sa *sa, uint8_t exchange, uint8_t flags, uint32_t mid, struct ike_hdr *h)
{
	*h = (struct ike_hdr){ .version = 0x10, .exchange = exchange, .flags = flags, .mid = mid };
	memcpy(h->spi_i, sa->cky_i, IKE_SPI_LEN);
	memcpy(h->spi_r, sa->cky_r, IKE_SPI_LEN);
}

static bool seal(struct v1 *v, const struct v1_sa *sa, uint8_t exchange, uint32_t mid,
	uint8_t first, struct bytes chain, uint8_t iv[V1_BLOCK_MAX], struct kept *out,
	struct err *e)
{
	size_t block = sa->suite.encr->block_len, padded = (chain.n + block - 1) / block * block;
	size_t len = IKE_HDR_LEN + padded;
	uint8_t *buf = malloc(len);
	struct wr w = wr_init(buf, buf ? len : 0);
	struct ike_hdr h;

	if (!buf)
		return err_set(e, ERR_LOCAL, "out of memory");
	header(sa, exchange, V1_FLAG_ENCRYPTED, mid, &h);
	h.next = first;
	h.len = (uint32_t)len;
	ike_hdr_write(&w, &h);
	wr_bytes(&w, chain.p, chain.n);
	wr_zeros(&w, padded - chain.n);
	bool ok = cbc_crypt(sa->suite.encr, &sa->key, iv, buf + IKE_HDR_LEN, padded, true, e) &&
		keep(v, sa, (struct bytes){ buf, len }, out, e);
	if (ok)
		memcpy(iv, buf + len - block, block);
	free(buf);
	return ok;
}

static void waits(struct v1 *v, struct rexmit *x, bool *waiting, bool wait, bool first)
{
	const struct rexmit_plan *begin = v->patient ? &rexmit_first : &rexmit_impatient;

	*waiting = wait;
	if (wait)
		rexmit_begin(x, first ? begin : &rexmit_settled, v->now, v->rng);
}

bool v1_send_clear(struct v1 *v, struct v1_sa *sa, uint8_t exchange, struct ikew *k, bool wait,
	struct outbox *ob, struct err *e)
{
	uint8_t *buf = malloc(V1_MESSAGE_MAX);
	struct wr w = wr_init(buf, buf ? V1_MESSAGE_MAX : 0);
	struct ike_hdr h;
	size_t len;

	header(sa, exchange, 0, 0, &h);
	bool ok = ikew_end(k, &len);
	h.next = k->first;
	h.len = (uint32_t)(IKE_HDR_LEN + len);
	ike_hdr_write(&w, &h);
	wr_bytes(&w, k->w.base, len);
	ok = ok && !w.bad && keep(v, sa, (struct bytes){ buf, w.len }, &sa->p1->sent, e);
	free(buf);
	if (!ok)
		return err_set(e, ERR_LOCAL, "a message of phase 1 does not fit");
	waits(v, &sa->p1->rexmit, &sa->p1->waiting, wait,
		sa->first && (sa->state == V1_NEW || sa->state == V1_SA_SENT));
	v1_transmit(v, &sa->p1->sent, ob);
	return true;
}

bool v1_send_phase1(struct v1 *v, struct v1_sa *sa, uint8_t exchange, struct ikew *k, bool wait,
	struct outbox *ob, struct err *e)
{
	size_t len;

	if (!ikew_end(k, &len))
		return err_set(e, ERR_LOCAL, "a message of phase 1 does not fit");
	if (!seal(v, sa, exchange, 0, k->first, (struct bytes){ k->w.base, len }, sa->p1->iv,
		    &sa->p1->sent, e))
		return false;
	memcpy(sa->last_block, sa->p1->iv, V1_BLOCK_MAX);
	waits(v, &sa->p1->rexmit, &sa->p1->waiting, wait, false);
	v1_transmit(v, &sa->p1->sent, ob);
	return true;
}

/* --- phase 2 ---------------------------------------------------------------------------------------- */

/* RFC 2409 appendix B: the first IV of an exchange is hash(last block of phase 1 | M-ID). */
void v1_phase2_iv(const struct v1_sa *sa, uint32_t mid, uint8_t iv[V1_BLOCK_MAX])
{
	uint8_t id[4] = { mid >> 24, mid >> 16, mid >> 8, mid }, hash[DIGEST_MAX] = { 0 };
	struct bytes parts[] = { { sa->last_block, sa->suite.encr->block_len }, { id, 4 } };
	size_t len;

	if (!digest(sa->suite.prf->ossl, parts, 2, hash, &len, NULL))
		wipe(hash, sizeof(hash));
	memcpy(iv, hash, V1_BLOCK_MAX);
}

/* HASH(1) = prf(SKEYID_a, M-ID | rest), HASH(2) with Ni_b after M-ID, and HASH(3), where there is no
 * rest, prf(SKEYID_a, 0 | M-ID | Ni_b | Nr_b): sections 5.5 and 5.7. */
static bool hash_phase2(const struct v1_sa *sa, uint32_t mid, struct bytes extra, struct bytes rest,
	struct secret *out, struct err *e)
{
	uint8_t id[5] = { 0, mid >> 24, mid >> 16, mid >> 8, mid };
	size_t skip = rest.n > 0;
	struct bytes parts[] = { { id + skip, sizeof(id) - skip }, extra, rest };

	return prf(sa->suite.prf, (struct bytes){ sa->skeyid_a.data, sa->skeyid_a.len }, parts, 3,
		out, e);
}

static bool send_hashed(struct v1 *v, struct v1_sa *sa, uint8_t exchange, uint32_t mid,
	struct bytes extra, struct ikew *k, uint8_t iv[V1_BLOCK_MAX], struct kept *out,
	struct err *e)
{
	uint8_t *buf = malloc(V1_MESSAGE_MAX);
	struct bytes rest = { 0 };
	struct secret hash;
	struct ikew all;
	size_t len = 0;

	if (!buf || (k && !ikew_end(k, &len))) {
		free(buf);
		return err_set(e, ERR_LOCAL, "a message does not fit");
	}
	if (k)
		rest = (struct bytes){ k->w.base, len };
	bool ok = hash_phase2(sa, mid, extra, rest, &hash, e);
	if (ok) {
		ikew_chain(&all, buf, V1_MESSAGE_MAX);
		ikew_bytes(&all, V1P_HASH, (struct bytes){ hash.data, hash.len });
		ok = ikew_end(&all, &len);
		if (k)
			buf[0] = k->first;
		wr_bytes(&all.w, rest.p, rest.n);
		ok = ok && !all.w.bad &&
			seal(v, sa, exchange, mid, V1P_HASH, (struct bytes){ buf, all.w.len }, iv,
				out, e);
	}
	wipe(buf, V1_MESSAGE_MAX);
	free(buf);
	return ok;
}

bool v1_send(struct v1 *v, struct v1_xchg *x, uint8_t exchange, struct bytes extra, struct ikew *k,
	bool wait, struct outbox *ob, struct err *e)
{
	if (!send_hashed(v, x->sa, exchange, x->mid, extra, k, x->iv, &x->sent, e))
		return false;
	v1_mid_note(x->sa, x->mid);
	waits(v, &x->rexmit, &x->waiting, wait, false);
	x->forget_at = wait ? TIME_NEVER : v->now + V1_FORGET_MS;
	v1_transmit(v, &x->sent, ob);
	outbox_log(ob, LEVEL_DEBUG, "sent %s %08x", name_find(v1_exchange_names, exchange), x->mid);
	return true;
}

uint32_t v1_send_info(struct v1 *v, struct v1_sa *sa, struct ikew *k, struct outbox *ob)
{
	uint32_t mid = v1_new_mid(v, sa);
	uint8_t iv[V1_BLOCK_MAX];
	struct kept once = { 0 };

	v1_phase2_iv(sa, mid, iv);
	if (send_hashed(v, sa, V1_INFORMATIONAL, mid, (struct bytes){ 0 }, k, iv, &once, NULL))
		v1_transmit(v, &once, ob);
	kept_free(&once);
	return mid;
}

bool v1_open(const struct v1_sa *sa, const uint8_t *iv, uint8_t *raw, size_t len,
	uint8_t next[V1_BLOCK_MAX], struct err *e)
{
	size_t block = sa->suite.encr->block_len;

	if (len <= IKE_HDR_LEN || (len - IKE_HDR_LEN) % block != 0)
		return err_set(
			e, ERR_DROP, "an encrypted message of %zu octet%s", len, plural(len));
	memcpy(next, raw + len - block, block);
	return cbc_crypt(
		sa->suite.encr, &sa->key, iv, raw + IKE_HDR_LEN, len - IKE_HDR_LEN, false, e);
}

bool v1_hash_is(const struct v1_sa *sa, struct bytes hash, const struct bytes *parts, size_t n)
{
	struct secret want;
	bool ok = prf(sa->suite.prf, (struct bytes){ sa->skeyid_a.data, sa->skeyid_a.len }, parts,
			  n, &want, NULL) &&
		hash.n == want.len && same_bytes(hash.p, want.data, want.len);

	secret_wipe(&want);
	return ok;
}
