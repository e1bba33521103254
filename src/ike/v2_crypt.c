#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

/* The largest IKE message that fits into an IP packet of 1280 octets, which gets through nearly
 * everywhere (RFC 7383 section 2.5.1), or of 576 once larger ones went unanswered. */
size_t v2_fragment_size(const struct v2 *v, bool small)
{
	size_t headers = v->path.remote.family == FAMILY_V6 ? 40 + 8 + 4 : 20 + 8 + 4;
	size_t packet = v->path.mtu >= 576 && v->path.mtu < 1280 ? v->path.mtu : 1280;

	if (small)
		packet = 576;
	return packet - headers;
}

/* What SK adds around content: generic header, IV, padding with its length, check value. */
static size_t padded_len(const struct v2_sa *sa, size_t len)
{
	size_t block = sa->suite.encr->block_len;

	return (len + 1 + block - 1) / block * block;
}

struct piece { /* one SK or SKF payload */
	uint8_t type;
	uint8_t next;
	uint16_t number, total;
	struct bytes content;
};

/* The IV of counter modes only has to differ from message to message; that of CBC must not be
 * guessable (RFC 7296 section 3.14). */
static void write_iv(struct v2 *v, struct v2_sa *sa, uint8_t *iv)
{
	size_t len = sa->suite.encr->iv_len;

	if (len == 8 && sa->suite.encr->id != ENCR_3DES) {
		struct wr w = wr_init(iv, len);
		wr_u64(&w, sa->iv++);
	} else {
		rng_fill(v->rng, iv, len);
	}
}

static bool seal_piece(struct v2 *v, struct v2_sa *sa, const struct ike_hdr *h,
	const struct piece *pc, struct kept *out, struct err *e)
{
	size_t iv_len = sa->suite.encr->iv_len, icv_len = cipher_icv_len(sa->seal);
	size_t text_len = padded_len(sa, pc->content.n);
	size_t cap = IKE_HDR_LEN + 8 + iv_len + text_len + icv_len, len;
	uint8_t *buf = malloc(cap);
	struct ikew k;

	if (!buf)
		return err_set(e, ERR_LOCAL, "out of memory");
	ikew_message(&k, buf, cap, h);
	ikew_payload(&k, pc->type);
	buf[k.open_at] = pc->next;
	if (pc->type == PAYLOAD_SKF) {
		wr_u16(&k.w, pc->number);
		wr_u16(&k.w, pc->total);
	}
	size_t aad_len = k.w.len;
	wr_zeros(&k.w, iv_len);
	wr_bytes(&k.w, pc->content.p, pc->content.n);
	wr_zeros(&k.w, text_len - pc->content.n - 1);
	wr_u8(&k.w, (uint8_t)(text_len - pc->content.n - 1));
	wr_zeros(&k.w, icv_len);
	bool ok = ikew_end(&k, &len);
	if (ok) {
		write_iv(v, sa, buf + aad_len);
		struct cipher_op op = { .aad = buf,
			.aad_len = aad_len,
			.iv = buf + aad_len,
			.data = buf + aad_len + iv_len,
			.len = text_len,
			.icv = buf + len - icv_len };
		ok = cipher_seal(sa->seal, &op) && kept_add(out, buf, len);
	}
	free(buf);
	return ok || err_set(e, ERR_LOCAL, "sealing a message of %zu octets failed", cap);
}

bool v2_seal(struct v2 *v, struct v2_sa *sa, uint8_t exchange, bool response, uint32_t mid,
	uint8_t first, struct bytes inner, size_t frag, struct kept *out, struct err *e)
{
	struct ike_hdr h = { .version = 0x20,
		.exchange = exchange,
		.mid = mid,
		.flags = (sa->initiator ? FLAG_INITIATOR : 0) | (response ? FLAG_RESPONSE : 0) };
	size_t around = IKE_HDR_LEN + 4 + sa->suite.encr->iv_len + cipher_icv_len(sa->seal);

	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->spi_r, IKE_SPI_LEN);
	if (!sa->fragments || around + padded_len(sa, inner.n) <= frag)
		return seal_piece(
			v, sa, &h, &(struct piece){ PAYLOAD_SK, first, 0, 0, inner }, out, e);

	/* RFC 7383 section 2.5: the first fragment names the first inner payload, the others none. */
	size_t block = sa->suite.encr->block_len;
	size_t room = (frag - around - 4) / block * block - 1;
	size_t total = (inner.n + room - 1) / room;
	if (total > KEPT_FRAGMENTS_MAX)
		return err_set(
			e, ERR_LOCAL, "a message of %zu octets needs too many fragments", inner.n);
	for (size_t i = 0; i < total; i++) {
		size_t at = i * room, n = inner.n - at < room ? inner.n - at : room;
		struct piece pc = { PAYLOAD_SKF, i == 0 ? first : PAYLOAD_NONE, (uint16_t)(i + 1),
			(uint16_t)total, { (const uint8_t *)inner.p + at, n } };
		if (!seal_piece(v, sa, &h, &pc, out, e))
			return false;
	}
	return true;
}

bool v2_open(struct v2_sa *sa, uint8_t *raw, size_t len, const struct payload *sk,
	struct bytes *inner, struct err *e)
{
	size_t body_at = (size_t)((const uint8_t *)sk->body.p - raw);
	size_t skip = sk->type == PAYLOAD_SKF ? 4 : 0, iv_len = sa->suite.encr->iv_len;
	size_t icv_len = cipher_icv_len(sa->open), block = sa->suite.encr->block_len;
	size_t around = skip + iv_len + icv_len;

	if (sk->body.n <= around || (sk->body.n - around) % block != 0)
		return err_set(e, ERR_DROP, "an encrypted payload of %zu octet%s", sk->body.n,
			plural(sk->body.n));
	size_t text_len = sk->body.n - around;
	uint8_t *text = raw + body_at + skip + iv_len;
	struct cipher_op op = { .aad = raw,
		.aad_len = body_at + skip,
		.iv = text - iv_len,
		.data = text,
		.len = text_len,
		.icv = raw + len - icv_len };
	if (!cipher_open(sa->open, &op))
		return err_set(e, ERR_DROP, "a message that is not authentic");
	size_t pad = text[text_len - 1];
	if (pad + 1 > text_len)
		return err_set(
			e, ERR_DROP, "padding of %zu octet%s in %zu", pad, plural(pad), text_len);
	*inner = (struct bytes){ text, text_len - pad - 1 };
	return true;
}
