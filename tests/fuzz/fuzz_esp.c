/*
 * ESP input. The first octet chooses algorithms, the second the mode and how the rest is used:
 * as a packet from the wire, as an inner packet that is sealed and opened again, or, sealed with
 * the right key, as all that a peer can put into ESP: payload, padding, pad length, next header.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/edge/toobig.h"
#include "../../src/edge/transport.h"
#include "crypto/cipher.h"
#include "esp/esp.h"
#include "esp/flow.h"

enum { ESN = 1, TRANSPORT = 2, NARROW = 4, HOW = 8 | 16, INNER_MAX = 4096, SPI = 0x01020304 };
enum { AS_PACKET = 0, AS_INNER = 8, AS_PLAINTEXT = 16 };

static uint8_t room[64 + ESP_HEADROOM + INNER_MAX + ESP_TAILROOM];

static void check(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static const struct {
	uint16_t encr, bits, integ;
} suites[] = {
	{ ENCR_AES_GCM_16, 128, 0 },
	{ ENCR_CHACHA20_POLY1305, 0, 0 },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128 },
	{ ENCR_AES_CTR, 128, AUTH_HMAC_SHA1_96 },
	{ ENCR_AES_CCM_8, 128, 0 },
	{ ENCR_3DES, 0, AUTH_HMAC_SHA1_96 },
};

static const struct alg *encr_of(const struct sa_spec *spec)
{
	return alg_find(TRANSFORM_ENCR, spec->encr, spec->encr_bits);
}

static const struct alg *integ_of(const struct sa_spec *spec)
{
	return spec->integ ? alg_find(TRANSFORM_INTEG, spec->integ, 0) : NULL;
}

static void make_spec(struct sa_spec *spec, uint8_t suite, uint8_t flags)
{
	memset(spec, 0, sizeof(*spec));
	suite %= ARRAY_LEN(suites);
	spec->spi = SPI;
	spec->encap = true;
	spec->encr = suites[suite].encr;
	spec->encr_bits = suites[suite].bits;
	spec->integ = suites[suite].integ;
	spec->esn = flags & ESN;
	spec->mode = flags & TRANSPORT ? SA_TRANSPORT : SA_TUNNEL;
	spec->encr_key.len = (size_t)encr_of(spec)->key_len + encr_of(spec)->salt_len;
	spec->integ_key.len = spec->integ ? integ_of(spec)->key_len : 0;
	addr_parse(&spec->local, "192.0.2.1");
	addr_parse(&spec->remote, "192.0.2.2");
	for (unsigned i = 0; i < 2; i++) {
		struct selector *s = &spec->remote_ts.v[i];
		selector_all(s, i ? FAMILY_V6 : FAMILY_V4);
		spec->local_ts.v[i] = *s;
		if (flags & NARROW) {
			s->proto = IP_UDP;
			s->port_hi = 1000;
			s->hi[0] = 0x7f;
		}
	}
	spec->local_ts.n = spec->remote_ts.n = 2;
}

static struct esp_packet packet_of(const uint8_t *data, size_t len)
{
	struct esp_packet p = { .room = room,
		.room_len = sizeof(room),
		.data = room + 64 + ESP_HEADROOM,
		.len = len < INNER_MAX ? len : INNER_MAX };

	memcpy(p.data, data, p.len);
	return p;
}

/* ESP around data, which holds its own padding and trailer, cut to whole blocks. Returns how many
 * octets that left; 0: nothing was sealed. */
static size_t seal_plaintext(const struct sa_spec *spec, struct esp_packet *p)
{
	const struct alg *e = encr_of(spec), *a = integ_of(spec);
	struct cipher *c =
		cipher_new(e, a, &spec->encr_key, a ? &spec->integ_key : NULL, true, NULL);
	static const uint8_t header[12] = { 1, 2, 3, 4, 0, 0, 0, 1 },
			     header_esn[12] = { 1, 2, 3, 4, [11] = 1 }, high[4];
	uint8_t *start = p->data - e->iv_len - 8;
	size_t len = p->len - p->len % e->block_len;
	bool aead_esn = spec->esn && e->aead;
	struct cipher_op op = { .aad = aead_esn ? header_esn : header,
		.aad_len = aead_esn ? 12 : 8,
		.iv = start + 8,
		.data = p->data,
		.len = len,
		.tail = high,
		.tail_len = spec->esn && a ? 4 : 0,
		.icv = p->data + len };

	check(c != NULL);
	memcpy(start, header, 8);
	memset(start + 8, 0x77, e->iv_len);
	bool ok = len > 0 && cipher_seal(c, &op);
	p->data = start;
	p->len = 8 + e->iv_len + len + cipher_icv_len(c);
	cipher_free(c);
	return ok ? len : 0;
}

/* What the data plane does with an inner packet, before it seals one and after it opened one. */
static void use_inner(const struct sa_spec *spec, struct esp_packet *p)
{
	struct flow f, again;
	uint8_t answer[TOOBIG_MAX];

	if (spec->mode == SA_TRANSPORT && !transport_restore(p, spec, 0))
		return;
	if (!flow_read(&f, p->data, p->len))
		return;
	check(f.total <= p->len && f.next <= f.total);
	esp_clamp_mss(p->data, p->len, 1000);
	check(flow_read(&again, p->data, p->len) && again.total == f.total && again.next == f.next);
	if (toobig(&f, p->data, 100)) {
		size_t n = toobig_answer(answer, &f, p->data, 100);
		check(n <= sizeof(answer) && (n == 0 || flow_read(&again, answer, n)));
	}
	p->len = f.total;
	struct esp_packet strip = *p;
	if (transport_strip(&strip, &f))
		check(strip.data + strip.len == p->data + p->len);
}

static void open_and_use(
	const struct sa_spec *spec, struct esp_sa *in, struct esp_packet *p, bool authentic)
{
	struct esp_packet copy = *p;

	esp_open(in, p, 1);
	check(!authentic || esp_authentic(p->verdict));
	if (p->verdict != ESP_OK)
		return;
	check(p->data >= copy.data && p->data + p->len <= copy.data + copy.len);
	if (spec->mode == SA_TUNNEL)
		check(esp_selects(spec, p->data, p->len));
	use_inner(spec, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[RNG_SEED_LEN];
	static bool ready;
	static struct sa_spec in_spec, out_spec;
	struct rng rng;

	if (!ready)
		check(crypto_init(NULL));
	ready = true;
	if (size < 2)
		return 0;
	rng_seed(&rng, seed);
	make_spec(&in_spec, data[0], data[1]);
	out_spec = in_spec;
	in_spec.dir = SA_IN;
	out_spec.dir = SA_OUT;
	out_spec.local_ts = in_spec.remote_ts;
	out_spec.remote_ts = in_spec.local_ts;
	struct esp_sa *in = esp_new(&in_spec, &rng, NULL), *out = esp_new(&out_spec, &rng, NULL);
	check(in && out);
	struct esp_packet p = packet_of(data + 2, size - 2);
	switch (data[1] & HOW) {
	case AS_INNER: {
		size_t len = p.len;
		p.next_header = p.len > 0 && p.data[0] >> 4 == 6 ? IP_IPV6 : IP_IPV4;
		check(esp_seal(out, &p, 1) == 1 && p.len == len + esp_overhead(&out_spec, len));
		open_and_use(&in_spec, in, &p, true);
		break;
	}
	case AS_PLAINTEXT: {
		size_t len = seal_plaintext(&in_spec, &p);
		if (len > 0)
			open_and_use(&in_spec, in, &p, len >= 2); /* less is no trailer */
		break;
	}
	default:
		open_and_use(&in_spec, in, &p, false);
		p = packet_of(data + 2, size - 2);
		use_inner(&in_spec, &p);
		break;
	}
	esp_free(in);
	esp_free(out);
	return 0;
}
