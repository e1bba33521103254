#include <stdlib.h>
#include <string.h>

#include "esp/flow.h"
#include "esp_sa.h"

_Static_assert(ESP_HEADROOM >= ESP_HEADER + ESP_IV_MAX, "header and the longest IV");

/* With blocks of 64 bits two of them are the same by chance after some 2^32 blocks under one key,
 * and CBC then shows what they differed in ("Sweet32"). 2^32 octets are 2^29 blocks. */
#define OCTETS_MAX_64BIT_BLOCK ((uint64_t)1 << 32)

static bool keys_fit(
	const struct sa_spec *spec, const struct alg *encr, const struct alg *integ, struct err *e)
{
	if (!encr || (spec->integ && !integ))
		return err_set(e, ERR_BUG, "ESP algorithm %u/%u with %u is not in the table",
			spec->encr, spec->encr_bits, spec->integ);
	const struct alg *missing = !alg_usable(encr) ? encr :
		integ && !alg_usable(integ)           ? integ :
							NULL;
	if (missing)
		return err_set(e, ERR_LOCAL, "this OpenSSL cannot do %s", missing->iana);
	/* Never encryption alone, never two checks (RFC 8221 section 4). */
	if (encr->aead == (integ != NULL))
		return err_set(e, ERR_BUG, "%s %s an integrity algorithm", encr->iana,
			encr->aead ? "takes no" : "needs");
	return true;
}

static uint32_t window_of(const struct sa_spec *spec)
{
	if (spec->replay_window < ESP_REPLAY_MIN)
		return ESP_REPLAY_MIN;
	return spec->replay_window > ESP_REPLAY_MAX ? ESP_REPLAY_MAX : spec->replay_window;
}

struct esp_sa *esp_new(const struct sa_spec *spec, struct rng *rng, struct err *e)
{
	const struct alg *encr = alg_find(TRANSFORM_ENCR, spec->encr, spec->encr_bits);
	const struct alg *integ = spec->integ ? alg_find(TRANSFORM_INTEG, spec->integ, 0) : NULL;
	uint8_t seed[RNG_SEED_LEN];

	if (!keys_fit(spec, encr, integ, e))
		return NULL;
	struct esp_sa *sa = calloc(1, sizeof(*sa));
	if (!sa) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	sa->cipher = cipher_new(encr, integ, &spec->encr_key, integ ? &spec->integ_key : NULL,
		spec->dir == SA_OUT, e);
	if (!sa->cipher) {
		free(sa);
		return NULL;
	}
	sa->spec = *spec;
	secret_wipe(&sa->spec.encr_key);
	secret_wipe(&sa->spec.integ_key);
	sa->encr = encr;
	sa->sizes = esp_sizes(spec);
	sa->seq_max = esp_packets_max(spec);
	sa->octets_max = esp_octets_max(spec);
	replay_init(&sa->replay, window_of(spec), spec->esn);
	rng_fill(rng, seed, sizeof(seed));
	rng_seed(&sa->ivs, seed);
	wipe(seed, sizeof(seed));
	return sa;
}

void esp_free(struct esp_sa *sa)
{
	if (!sa)
		return;
	cipher_free(sa->cipher);
	wipe(sa, sizeof(*sa));
	free(sa);
}

const struct sa_spec *esp_spec(const struct esp_sa *sa)
{
	return &sa->spec;
}

void esp_move(struct esp_sa *sa, const struct addr *local, const struct addr *remote)
{
	sa->spec.local = *local;
	sa->spec.remote = *remote;
}

const struct esp_counters *esp_counters(const struct esp_sa *sa)
{
	return &sa->counters;
}

static uint64_t at_most(uint64_t most, uint64_t wanted)
{
	return wanted && wanted < most ? wanted : most;
}

uint64_t esp_packets_max(const struct sa_spec *spec)
{
	return at_most(spec->esn ? UINT64_MAX : UINT32_MAX, spec->packets_max);
}

uint64_t esp_octets_max(const struct sa_spec *spec)
{
	const struct alg *encr = alg_find(TRANSFORM_ENCR, spec->encr, spec->encr_bits);
	bool small = encr && encr->block_len == 8;

	return at_most(small ? OCTETS_MAX_64BIT_BLOCK : UINT64_MAX, spec->octets_max);
}

uint64_t esp_left(const struct esp_sa *sa)
{
	return sa->octets >= sa->octets_max ? 0 : sa->seq_max - sa->seq;
}

bool esp_expiring(const struct esp_sa *sa)
{
	uint64_t seq = sa->spec.dir == SA_OUT ? sa->seq : sa->replay.top;

	return seq > sa->seq_max / 4 * 3 || sa->octets > sa->octets_max / 4 * 3;
}

bool esp_authentic(enum esp_verdict v)
{
	return v == ESP_OK || v == ESP_DUMMY || v == ESP_BAD_PADDING || v == ESP_BAD_INNER;
}

static void put_u32(uint8_t *p, uint32_t v)
{
	for (size_t i = 4; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * What is authenticated besides the packet. An AEAD is told SPI and the whole sequence number (RFC
 * 4106 section 5, RFC 4309 section 5, RFC 7634 section 2.1); an HMAC covers the header as it is on
 * the wire and, behind everything, the high half that is not (RFC 4303 section 2.2.1).
 */
struct esp_extra {
	uint8_t aad[12];
	uint8_t high[4];
};

static struct cipher_op make_op(
	const struct esp_sa *sa, struct esp_extra *x, uint8_t *packet, size_t len, uint64_t seq)
{
	struct cipher_op op = {
		.aad = packet,
		.aad_len = ESP_HEADER,
		.iv = packet + ESP_HEADER,
		.data = packet + ESP_HEADER + sa->sizes.iv,
		.len = len - ESP_HEADER - sa->sizes.iv - sa->sizes.icv,
		.icv = packet + len - sa->sizes.icv,
	};

	if (!sa->spec.esn)
		return op;
	if (sa->encr->aead) {
		put_u32(x->aad, sa->spec.spi);
		put_u32(x->aad + 4, (uint32_t)(seq >> 32));
		put_u32(x->aad + 8, (uint32_t)seq);
		op.aad = x->aad;
		op.aad_len = sizeof(x->aad);
	} else {
		put_u32(x->high, (uint32_t)(seq >> 32));
		op.tail = x->high;
		op.tail_len = sizeof(x->high);
	}
	return op;
}

/*
 * SPI | sequence number | IV | payload | 1, 2, 3 ... | pad length | next header | check value
 * (RFC 4303 section 2), all but what is the cipher's work, which op says.
 */
static enum esp_verdict enclose(struct esp_sa *sa, const struct esp_packet *p, uint64_t seq,
	const uint8_t *iv, struct esp_extra *extra, struct cipher_op *op)
{
	size_t before = esp_before(sa), pad = esp_padding(&sa->sizes, p->len);
	size_t behind = pad + ESP_TRAILER + sa->sizes.icv, at = (size_t)(p->data - p->room);

	if (at < before || p->room_len - at < p->len || p->room_len - at - p->len < behind)
		return ESP_NO_ROOM;

	uint8_t *packet = p->data - before, *end = p->data + p->len;
	put_u32(packet, sa->spec.spi);
	put_u32(packet + 4, (uint32_t)seq);
	memcpy(packet + ESP_HEADER, iv, sa->sizes.iv);
	for (size_t i = 0; i < pad; i++)
		end[i] = (uint8_t)(i + 1);
	end[pad] = (uint8_t)pad;
	end[pad + 1] = p->next_header;
	*op = make_op(sa, extra, packet, before + p->len + behind, seq);
	sa->octets += op->len;
	return ESP_OK;
}

/* The cipher has done its work. */
static void enclosed(struct esp_sa *sa, struct esp_packet *p, const struct cipher_op *op)
{
	sa->counters.packets++;
	sa->counters.bytes += p->len;
	p->data -= esp_before(sa);
	p->len = (size_t)(op->icv - p->data) + sa->sizes.icv;
}

enum esp_verdict esp_seal_one(
	struct esp_sa *sa, struct esp_packet *p, uint64_t seq, const uint8_t *iv)
{
	struct esp_extra extra;
	struct cipher_op op;
	enum esp_verdict v = enclose(sa, p, seq, iv, &extra, &op);

	if (v != ESP_OK)
		return v;
	if (!cipher_seal(sa->cipher, &op))
		return ESP_FAILED;
	enclosed(sa, p, &op);
	return ESP_OK;
}

/* Modes that work as a key stream must never see an IV again and may have one that is foreseen:
 * the sequence number (RFC 4106 section 3.1, RFC 3686 section 3.1, RFC 7634 section 2). CBC needs
 * one that nobody can foresee (RFC 3602 section 3). */
static void make_iv(struct esp_sa *sa, uint64_t seq, uint8_t iv[ESP_IV_MAX])
{
	if (sa->encr->block_len > 1) {
		rng_fill(&sa->ivs, iv, sa->sizes.iv);
		return;
	}
	memset(iv, 0, ESP_IV_MAX);
	put_u32(iv, (uint32_t)(seq >> 32));
	put_u32(iv + 4, (uint32_t)seq);
}

/* At most ESP_BATCH packets, which the cipher gets together. */
static size_t seal_batch(struct esp_sa *sa, struct esp_packet *packets, size_t n)
{
	struct esp_extra extra[ESP_BATCH];
	struct cipher_op ops[ESP_BATCH];
	uint8_t iv[ESP_IV_MAX];
	size_t ok = 0;

	for (size_t i = 0; i < n; i++) {
		struct esp_packet *p = &packets[i];

		if (esp_left(sa) == 0) {
			p->verdict = ESP_EXHAUSTED;
		} else { /* a number that was taken is gone, whether the packet goes out or not */
			sa->seq++;
			make_iv(sa, sa->seq, iv);
			p->verdict = enclose(sa, p, sa->seq, iv, &extra[ok], &ops[ok]);
		}
		ok += p->verdict == ESP_OK;
	}
	bool done = ok == 0 || cipher_seal_many(sa->cipher, ops, ok);
	for (size_t i = 0, k = 0; i < n; i++) {
		struct esp_packet *p = &packets[i];

		if (p->verdict == ESP_OK && done)
			enclosed(sa, p, &ops[k++]);
		else if (p->verdict == ESP_OK)
			p->verdict = ESP_FAILED;
		sa->counters.verdicts[p->verdict]++;
	}
	return done ? ok : 0;
}

size_t esp_seal(struct esp_sa *sa, struct esp_packet *packets, size_t n)
{
	size_t ok = 0;

	for (size_t i = 0, some; i < n; i += some) {
		some = n - i < ESP_BATCH ? n - i : ESP_BATCH;
		ok += seal_batch(sa, &packets[i], some);
	}
	return ok;
}

/* Payload, padding and trailer: takes the last two off. */
static bool strip_padding(struct esp_packet *p)
{
	size_t pad = p->data[p->len - 2];

	p->next_header = p->data[p->len - 1];
	p->len -= ESP_TRAILER;
	if (pad > p->len)
		return false;
	p->len -= pad;
	for (size_t i = 0; i < pad; i++) /* RFC 4303 section 2.4 */
		if (p->data[p->len + i] != i + 1)
			return false;
	return true;
}

/* RFC 4301 section 5.2 step 4: what came out must be what the SA was negotiated for. Octets behind
 * the inner packet are traffic flow confidentiality (RFC 4303 section 2.7). */
static bool inner_fits(const struct esp_sa *sa, struct esp_packet *p)
{
	struct flow f;

	if (sa->spec.mode == SA_TRANSPORT)
		return flow_selected_payload(&sa->spec, p->next_header, p->data, p->len);
	if (!flow_read(&f, p->data, p->len) ||
		p->next_header != (f.family == FAMILY_V4 ? IP_IPV4 : IP_IPV6))
		return false;
	p->len = f.total;
	return flow_selected(&sa->spec, &f);
}

static enum esp_verdict open_one(struct esp_sa *sa, struct esp_packet *p)
{
	size_t around = ESP_HEADER + sa->sizes.iv + sa->sizes.icv;
	struct esp_extra extra;
	uint64_t seq;

	if (p->len < around + ESP_TRAILER || (p->len - around) % sa->encr->block_len != 0)
		return ESP_SHORT;
	if (get_u32(p->data) != sa->spec.spi)
		return ESP_NOT_AUTHENTIC;
	if (!replay_look(&sa->replay, get_u32(p->data + 4), &seq))
		return ESP_REPLAYED;

	struct cipher_op op = make_op(sa, &extra, p->data, p->len, seq);
	if (!cipher_open(sa->cipher, &op))
		return ESP_NOT_AUTHENTIC;
	replay_take(&sa->replay, seq);
	sa->octets += op.len;

	p->data = op.data;
	p->len = op.len;
	if (!strip_padding(p))
		return ESP_BAD_PADDING;
	if (p->next_header == IP_NONE)
		return ESP_DUMMY;
	if (!inner_fits(sa, p))
		return ESP_BAD_INNER;
	sa->counters.packets++;
	sa->counters.bytes += p->len;
	return ESP_OK;
}

size_t esp_open(struct esp_sa *sa, struct esp_packet *packets, size_t n)
{
	size_t ok = 0;

	for (size_t i = 0; i < n; i++) {
		packets[i].verdict = open_one(sa, &packets[i]);
		sa->counters.verdicts[packets[i].verdict]++;
		ok += packets[i].verdict == ESP_OK;
	}
	return ok;
}
