#include "lib/test.h"

#include <stdlib.h>

#include "crypto/prf.h"
#include "lib/packet.h"
#include "sa_pair.h"

/* Every pair of algorithms that ESP can use: number i, or false. */
static bool suite(size_t i, const struct alg **e, const struct alg **a)
{
	for (size_t k = 0; (*e = alg_row(k)); k++) {
		if ((*e)->type != TRANSFORM_ENCR)
			continue;
		*a = NULL;
		if ((*e)->aead && i-- == 0)
			return true;
		for (size_t m = 0; !(*e)->aead && (*a = alg_row(m)); m++)
			if ((*a)->type == TRANSFORM_INTEG && i-- == 0)
				return true;
	}
	return false;
}

static struct sa_pair gcm_pair(bool esn)
{
	struct sa_pair p;
	struct sa_spec *spec = sa_pair_spec(sa_pair_encr(ENCR_AES_GCM_16, 256), NULL);

	spec->esn = esn;
	sa_pair_open(&p, spec);
	return p;
}

/* Seals what the caller calls plaintext, padding and trailer included, with a check value over what
 * the RFCs say, put together here once more and not by the code under test. */
static struct esp_packet seal_by_hand(
	const struct sa_spec *spec, uint64_t seq, const void *plain, size_t len)
{
	const struct alg *e = sa_pair_encr(spec->encr, spec->encr_bits);
	const struct alg *a = spec->integ ? sa_pair_integ(spec->integ) : NULL;
	struct esp_packet p = sa_pair_packet("", 0, 0);
	uint8_t aad[12], high[4], icv[64];
	struct err err;
	struct wr w = wr_init(p.data, 2000), w_aad = wr_init(aad, sizeof(aad)),
		  w_high = wr_init(high, 4);

	wr_u32(&w, spec->spi);
	wr_u32(&w, (uint32_t)seq);
	for (size_t i = 0; i < e->iv_len; i++) /* it ends as padding begins */
		wr_u8(&w, (uint8_t)(i + 1 == e->iv_len ? 1 : 0xf0 + i));
	wr_bytes(&w, plain, len);
	wr_u32(&w_aad, spec->spi);
	if (spec->esn)
		wr_u32(&w_aad, (uint32_t)(seq >> 32));
	wr_u32(&w_aad, (uint32_t)seq);
	wr_u32(&w_high, (uint32_t)(seq >> 32));

	struct cipher *c =
		cipher_new(e, a, &spec->encr_key, a ? &spec->integ_key : NULL, true, &err);
	assert_non_null(c);
	struct cipher_op op = { .aad = a ? p.data : aad,
		.aad_len = a ? 8 : w_aad.len,
		.iv = p.data + 8,
		.data = p.data + 8 + e->iv_len,
		.len = len,
		.tail = high,
		.tail_len = a && spec->esn ? 4 : 0,
		.icv = icv };
	assert_true(cipher_seal(c, &op));
	wr_bytes(&w, icv, cipher_icv_len(c));
	cipher_free(c);
	p.len = w.len;
	return p;
}

/* --- all algorithms ------------------------------------------------------------------------ */

static void round_trips(struct sa_pair *pair)
{
	uint8_t inner[PACKET_MAX], sealed[PACKET_MAX];

	for (size_t n = 0; n < 70; n++) {
		const char *src = n % 2 ? "10.0.0.1" : "fd00::1",
			   *dst = n % 2 ? "10.0.0.2" : "fd00::2";
		bool transport = pair->spec->mode == SA_TRANSPORT;
		size_t len = packet_udp(inner, src, dst, 1, 2, n),
		       skip = transport ? (n % 2 ? 20 : 40) : 0;
		struct esp_packet p = sa_pair_packet(inner + skip, len - skip,
			transport     ? 17 :
				n % 2 ? 4 :
					41);

		assert_int_equal(esp_seal(pair->out, &p, 1), 1);
		assert_int_equal(p.len, len - skip + esp_overhead(pair->spec, len - skip));
		assert_int_equal(p.len % 4, 0);
		memcpy(sealed, p.data, p.len);
		size_t sealed_len = p.len;

		/* One bit wrong, anywhere, and nothing comes out. */
		for (size_t i = 8; i < sealed_len; i += 7) {
			p = sa_pair_packet(sealed, sealed_len, 0);
			p.data[i] ^= (uint8_t)(1 << i % 8);
			assert_int_equal(sa_pair_receive(pair->in, &p), ESP_NOT_AUTHENTIC);
		}
		p = sa_pair_packet(sealed, sealed_len, 0);
		assert_int_equal(sa_pair_receive(pair->in, &p), ESP_OK);
		assert_int_equal(p.len, len - skip);
		assert_memory_equal(p.data, inner + skip, p.len);
		p = sa_pair_packet(sealed, sealed_len, 0);
		assert_int_equal(sa_pair_receive(pair->in, &p), ESP_REPLAYED);
	}
}

static void every_suite(void **state)
{
	const struct alg *e, *a;
	size_t done = 0;

	(void)state;
	for (size_t i = 0; suite(i, &e, &a); i++) {
		if (!alg_usable(e) || (a && !alg_usable(a)))
			continue;
		for (unsigned k = 0; k < 4; k++) {
			struct sa_spec *spec = sa_pair_spec(e, a);
			struct sa_pair pair;

			spec->esn = k & 1;
			spec->mode = k & 2 ? SA_TRANSPORT : SA_TUNNEL;
			sa_pair_open(&pair, spec);
			round_trips(&pair);
			sa_pair_close(&pair);
		}
		done++;
	}
	assert_true(
		done >= 19 + 7 * 4); /* AEADs, and AES-CBC, CTR and 3DES with what goes with them */
}

static void every_length_of_datagram(void **state)
{
	const struct alg *e, *a;

	(void)state;
	for (size_t i = 0; suite(i, &e, &a); i++) {
		if (!alg_usable(e) || (a && !alg_usable(a)))
			continue;
		struct sa_pair pair;
		uint8_t zeros[120] = { 0 };

		sa_pair_open(&pair, sa_pair_spec(e, a));
		for (size_t n = 0; n < sizeof(zeros); n++) { /* T-05 */
			struct esp_packet p = sa_pair_packet(zeros, n, 0);
			enum esp_verdict v = sa_pair_receive(pair.in, &p);
			assert_true(v == ESP_SHORT || v == ESP_NOT_AUTHENTIC);
			p = sa_pair_packet("\1\2\3\4\0\0\0\1", n < 8 ? n : 8, 0);
			p.len = n;
			memset(p.data + (n < 8 ? n : 8), 0x55, n < 8 ? 0 : n - 8);
			v = sa_pair_receive(pair.in, &p);
			assert_true(v == ESP_SHORT || v == ESP_NOT_AUTHENTIC);
		}
		assert_int_equal(esp_counters(pair.in)->packets, 0);
		sa_pair_close(&pair);
	}
}

static void inner_mtu_fits(void **state)
{
	const struct alg *e, *a;

	(void)state;
	for (size_t i = 0; suite(i, &e, &a); i++) {
		struct sa_spec *spec = sa_pair_spec(e, a);
		for (unsigned k = 0; k < 8; k++) {
			spec->encap = k & 1;
			addr_parse(&spec->remote, k & 2 ? "2001:db8::2" : "192.0.2.2");
			spec->mode = k & 4 ? SA_TRANSPORT : SA_TUNNEL;
			size_t ip = k & 2 ? 40 : 20, around = ip + (k & 1 ? 8 : 0);
			for (unsigned mtu = 0; mtu < 1600; mtu++) {
				size_t inner = esp_inner_mtu(spec, (uint16_t)mtu);
				if (inner == 0)
					continue;
				size_t len = inner - (k & 4 ? ip : 0);
				assert_true(around + len + esp_overhead(spec, len) <= mtu);
				assert_true(around + len + 1 + esp_overhead(spec, len + 1) > mtu);
			}
			assert_int_equal(esp_inner_mtu(spec, 40), 0);
			assert_true(esp_inner_mtu(spec, 1280) > 1100);
		}
		free(spec);
	}
	/* As anybody can work it out: 1500 - 20 - 8 - 8 - 8 - 16 - 2. */
	struct sa_spec *spec = sa_pair_spec(sa_pair_encr(ENCR_AES_GCM_16, 256), NULL);
	assert_int_equal(esp_inner_mtu(spec, 1500), 1438);
	spec->encr = 60000; /* nobody knows it: no more than with any other */
	assert_int_equal(esp_inner_mtu(spec, 1500), 1406);
	free(spec);
}

/* --- sequence numbers and IVs --------------------------------------------------------------- */

static void esn_is_authenticated(void **state)
{
	static const uint16_t ids[] = { ENCR_AES_GCM_16, ENCR_AES_CCM_8, ENCR_AES_CBC,
		ENCR_AES_CTR };
	uint8_t plain[PACKET_MAX] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const struct alg *e = sa_pair_encr(ids[i], 128);
		struct sa_spec *spec =
			sa_pair_spec(e, e->aead ? NULL : sa_pair_integ(AUTH_HMAC_SHA2_512_256));
		uint64_t high = (uint64_t)7 << 32;
		struct sa_pair pair;

		spec->esn = true;
		sa_pair_open(&pair, spec);
		replay_take(&pair.in->replay, high - 5); /* the last packets of subspace 6 */
		size_t len = packet_udp(plain, "10.0.0.1", "10.0.0.2", 1, 2, 16); /* 44 octets */
		memcpy(plain + len, "\1\2\2\4", 4); /* 48 */
		plain[len + 4] = 0;
		struct esp_packet p = seal_by_hand(spec, high + 1, plain, 48);
		assert_int_equal(sa_pair_receive(pair.in, &p), ESP_OK);
		assert_int_equal(p.len, 44);
		assert_true(pair.in->replay.top == high + 1);
		/* The same low half in the wrong subspace. */
		p = seal_by_hand(spec, 2, plain, 48);
		assert_int_equal(sa_pair_receive(pair.in, &p), ESP_NOT_AUTHENTIC);
		assert_true(pair.in->replay.top == high + 1);
		/* And what we seal is what we would take. */
		pair.out->seq = high + 1;
		p = sa_pair_packet(plain, 44, 4);
		assert_int_equal(esp_seal(pair.out, &p, 1), 1);
		assert_int_equal(sa_pair_receive(pair.in, &p), ESP_OK);
		assert_true(pair.in->replay.top == high + 2);
		sa_pair_close(&pair);
	}
}

static void across_the_subspace(void **state)
{
	struct sa_pair pair = gcm_pair(true);
	uint8_t inner[PACKET_MAX];
	size_t len = packet_udp(inner, "10.0.0.1", "10.0.0.2", 1, 2, 3);

	(void)state;
	pair.out->seq = UINT32_MAX - 10;
	replay_take(&pair.in->replay, UINT32_MAX - 10);
	for (unsigned i = 0; i < 20; i++) {
		struct esp_packet p = sa_pair_packet(inner, len, 4);
		assert_int_equal(esp_seal(pair.out, &p, 1), 1);
		struct rd iv = rd_init(p.data + 8, 8); /* all 64 bits: it must not repeat */
		assert_true(rd_u64(&iv) == pair.out->seq);
		assert_int_equal(sa_pair_receive(pair.in, &p), ESP_OK);
	}
	assert_true(pair.in->replay.top == (uint64_t)UINT32_MAX + 10);
	sa_pair_close(&pair);
}

static void never_past_the_last_number(void **state)
{
	static const uint64_t last[] = { UINT32_MAX, UINT64_MAX };
	uint8_t inner[PACKET_MAX];
	size_t len = packet_udp(inner, "10.0.0.1", "10.0.0.2", 1, 2, 3);

	(void)state;
	for (unsigned esn = 0; esn < 2; esn++) {
		struct sa_pair pair = gcm_pair(esn);
		struct esp_packet p[3];

		assert_true(esp_left(pair.out) == last[esn]);
		assert_false(esp_expiring(pair.out));
		pair.out->seq = last[esn] - 1;
		assert_true(esp_expiring(pair.out));
		for (unsigned i = 0; i < 3; i++)
			p[i] = sa_pair_packet(inner, len, 4);
		assert_int_equal(esp_seal(pair.out, p, 3), 1);
		assert_int_equal(p[0].verdict, ESP_OK);
		assert_int_equal(p[1].verdict, ESP_EXHAUSTED);
		assert_int_equal(p[2].verdict, ESP_EXHAUSTED);
		assert_memory_equal(p[1].data, inner, len); /* untouched */
		assert_true(esp_left(pair.out) == 0 && pair.out->seq == last[esn]);
		assert_true(esp_counters(pair.out)->verdicts[ESP_EXHAUSTED] == 2);
		replay_take(&pair.in->replay, last[esn] / 4 * 3 + 1);
		assert_true(esp_expiring(pair.in));
		sa_pair_close(&pair);
	}
}

static void small_blocks_have_a_volume(void **state)
{
	struct sa_pair pair;
	struct esp_packet p;
	uint8_t inner[PACKET_MAX];
	size_t len = packet_udp(inner, "10.0.0.1", "10.0.0.2", 1, 2, 3);

	(void)state;
	sa_pair_open(
		&pair, sa_pair_spec(sa_pair_encr(ENCR_3DES, 0), sa_pair_integ(AUTH_HMAC_SHA1_96)));
	pair.out->octets = ((uint64_t)3 << 30) - 8;
	assert_false(esp_expiring(pair.out));
	p = sa_pair_packet(inner, len, 4);
	assert_int_equal(esp_seal(pair.out, &p, 1), 1);
	assert_true(esp_expiring(pair.out));
	pair.out->octets = ((uint64_t)1 << 32) - 8;
	p = sa_pair_packet(inner, len, 4);
	assert_int_equal(esp_seal(pair.out, &p, 1), 1);
	p = sa_pair_packet(inner, len, 4);
	assert_int_equal(esp_seal(pair.out, &p, 1), 0);
	assert_int_equal(p.verdict, ESP_EXHAUSTED);
	assert_true(esp_left(pair.out) == 0);
	/* The other direction tells in time too. */
	pair.in->octets = ((uint64_t)3 << 30) + 1;
	assert_true(esp_expiring(pair.in));
	sa_pair_close(&pair);
}

/* What a specification asks for is less than the algorithms bear, or it does not count. */
static void a_specification_has_limits(void **state)
{
	struct sa_spec *spec = sa_pair_spec(sa_pair_encr(ENCR_AES_GCM_16, 256), NULL);
	uint8_t inner[PACKET_MAX];
	size_t len = packet_udp(inner, "10.0.0.1", "10.0.0.2", 1, 2, 3), sealed = 0;
	struct sa_pair pair;

	(void)state;
	assert_true(esp_octets_max(spec) == UINT64_MAX && esp_packets_max(spec) == UINT32_MAX);
	spec->packets_max = (uint64_t)1 << 40;
	assert_true(esp_packets_max(spec) == UINT32_MAX);
	spec->packets_max = 12;
	sa_pair_open(&pair, spec);
	for (unsigned i = 0; i < 20; i++) {
		struct esp_packet p = sa_pair_packet(inner, len, 4);
		assert_int_equal(esp_expiring(pair.out), i > 9);
		sealed += esp_seal(pair.out, &p, 1);
	}
	assert_int_equal(sealed, 12);
	assert_true(esp_left(pair.out) == 0);
	sa_pair_close(&pair);

	spec = sa_pair_spec(sa_pair_encr(ENCR_AES_GCM_16, 256), NULL);
	spec->octets_max = 1000;
	sa_pair_open(&pair, spec);
	for (unsigned i = 0; i < 100; i++) {
		struct esp_packet p = sa_pair_packet(inner, len, 4);
		assert_int_equal(esp_expiring(pair.out), pair.out->octets > 750);
		esp_seal(pair.out, &p, 1);
	}
	assert_in_range(pair.out->octets, 1000, 1000 + len + 8);
	assert_true(esp_left(pair.out) == 0);
	sa_pair_close(&pair);
}

static int compare_ivs(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* T-45: no IV twice under a key, whatever happened to the packets. */
static void ivs_are_unique(void **state)
{
	enum { COUNT = 20000 };
	static const uint16_t ids[] = { ENCR_AES_GCM_16, ENCR_AES_CTR, ENCR_AES_CBC };
	uint8_t(*ivs)[16] = calloc(COUNT, 16);
	uint8_t inner[PACKET_MAX];
	size_t len = packet_udp(inner, "10.0.0.1", "10.0.0.2", 1, 2, 3);

	(void)state;
	assert_non_null(ivs);
	for (size_t k = 0; k < ARRAY_LEN(ids); k++) {
		const struct alg *e = sa_pair_encr(ids[k], 256);
		struct sa_pair pair;

		sa_pair_open(&pair,
			sa_pair_spec(e, e->aead ? NULL : sa_pair_integ(AUTH_HMAC_SHA2_256_128)));
		for (size_t i = 0; i < COUNT; i++) {
			struct esp_packet p = sa_pair_packet(inner, len, 4);
			if (i % 3 == 0) { /* one that does not go out takes its number with it */
				p.room_len = ESP_HEADROOM + len + 1;
				assert_int_equal(esp_seal(pair.out, &p, 1), 0);
				assert_int_equal(p.verdict, ESP_NO_ROOM);
				p.room_len = ESP_HEADROOM + 4096;
			}
			assert_int_equal(esp_seal(pair.out, &p, 1), 1);
			memcpy(ivs[i], p.data + 8, e->iv_len);
		}
		qsort(ivs, COUNT, 16, compare_ivs);
		for (size_t i = 1; i < COUNT; i++)
			assert_true(memcmp(ivs[i - 1], ivs[i], 16) != 0);
		sa_pair_close(&pair);
	}
	free(ivs);
}

/* --- what may be inside --------------------------------------------------------------------- */

struct inside {
	const char *what;
	size_t len, pad;
	uint8_t first_pad, next_header;
	int pad_len; /* -1: as it is */
	enum esp_verdict verdict;
};

/* Many at a time are what one after the other would have been, with every cipher that is in the table:
 * the last numbers, a buffer without room in their middle, sizes that differ. */
static void many_at_a_time(void **state)
{
	enum { MANY = ESP_BATCH + 6, ROOM = ESP_HEADROOM + PACKET_MAX + ESP_TAILROOM };
	static uint8_t rooms[2][MANY][ROOM];
	static struct esp_packet p[2][MANY];
	const struct alg *e, *a;

	(void)state;
	for (size_t i = 0; suite(i, &e, &a); i++) {
		if (!alg_usable(e) || (a && !alg_usable(a)))
			continue;
		struct sa_pair pair[2];
		for (size_t w = 0; w < 2; w++) {
			sa_pair_open(&pair[w], sa_pair_spec(e, a));
			pair[w].out->seq = UINT32_MAX - MANY + 2;
			for (size_t k = 0; k < MANY; k++) {
				uint8_t *data = rooms[w][k] + ESP_HEADROOM;
				size_t len =
					packet_udp(data, "10.0.0.1", "10.0.0.2", 1, 2, k * 7 % 97);
				p[w][k] = (struct esp_packet){ .room = rooms[w][k],
					.room_len = k == 9 ? ESP_HEADROOM + len : ROOM,
					.data = data,
					.len = len,
					.next_header = 4 };
			}
		}
		size_t ok = 0;
		for (size_t k = 0; k < MANY; k++)
			ok += esp_seal(pair[0].out, &p[0][k], 1);
		assert_int_equal(ok, MANY - 3); /* one has no room, two no number */
		assert_int_equal(esp_seal(pair[1].out, p[1], MANY), ok);
		for (size_t k = 0; k < MANY; k++) {
			assert_int_equal(p[0][k].verdict, p[1][k].verdict);
			assert_int_equal(p[0][k].len, p[1][k].len);
			assert_memory_equal(p[0][k].data, p[1][k].data, p[0][k].len);
		}
		assert_memory_equal(esp_counters(pair[0].out), esp_counters(pair[1].out),
			sizeof(struct esp_counters));
		sa_pair_close(&pair[0]);
		sa_pair_close(&pair[1]);
	}
}

static void padding_and_next_header(void **state)
{
	static const struct inside cases[] = {
		{ "plain", 44, 2, 1, 4, -1, ESP_OK },
		{ "more padding than needed", 44, 254, 1, 4, -1, ESP_OK },
		{ "no padding, and traffic flow confidentiality", 300, 0, 1, 4, -1, ESP_OK },
		{ "padding that counts from two", 44, 2, 2, 4, -1, ESP_BAD_PADDING },
		{ "padding longer than all there is", 44, 2, 1, 4, 255, ESP_BAD_PADDING },
		{ "padding one longer than all there is", 0, 2, 2, 4, 3, ESP_BAD_PADDING },
		{ "IPv4 said to be IPv6", 44, 2, 1, 41, -1, ESP_BAD_INNER },
		{ "a protocol where a packet belongs", 44, 2, 1, 17, -1, ESP_BAD_INNER },
		{ "cut short", 43, 3, 1, 4, -1, ESP_BAD_INNER },
		{ "nothing", 0, 2, 1, 4, -1, ESP_BAD_INNER },
		{ "dummy", 44, 2, 1, 59, -1, ESP_DUMMY },
		{ "empty dummy", 0, 2, 1, 59, -1, ESP_DUMMY },
	};
	struct sa_pair pair = gcm_pair(false);
	uint64_t seq = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct inside *c = &cases[i];
		uint8_t plain[PACKET_MAX] = { 0 };
		struct wr w = wr_init(plain, sizeof(plain));

		packet_udp(plain, "10.0.0.1", "10.0.0.2", 1, 2, 16); /* 44 octets */
		wr_room(&w, c->len);
		for (size_t k = 0; k < c->pad; k++)
			wr_u8(&w, (uint8_t)(c->first_pad + k));
		wr_u8(&w, (uint8_t)(c->pad_len < 0 ? c->pad : (size_t)c->pad_len));
		wr_u8(&w, c->next_header);
		struct esp_packet p = seal_by_hand(pair.spec, ++seq, plain, w.len);
		struct esp_packet again = p;
		uint8_t copy[PACKET_MAX];
		memcpy(copy, p.data, p.len);
		if (sa_pair_receive(pair.in, &p) != c->verdict)
			fail_msg("%s: %d", c->what, p.verdict);
		if (c->verdict == ESP_OK)
			assert_int_equal(p.len, 44);
		assert_true(esp_authentic(p.verdict));
		/* Authentic is authentic: even what is thrown away is a replay the second time. */
		memcpy(again.data, copy, again.len);
		assert_int_equal(sa_pair_receive(pair.in, &again), ESP_REPLAYED);
		assert_false(esp_authentic(again.verdict));
	}
	sa_pair_close(&pair);
}

static void less_than_a_trailer(void **state)
{
	struct sa_pair pair = gcm_pair(false);

	(void)state;
	for (size_t len = 0; len < 2; len++) {
		struct esp_packet p = seal_by_hand(pair.spec, 1 + len, "\0", len);
		assert_int_equal(sa_pair_receive(pair.in, &p), ESP_SHORT);
	}
	sa_pair_close(&pair);
}

static void selectors_are_checked(void **state)
{
	struct sa_spec *spec = sa_pair_spec(sa_pair_encr(ENCR_AES_GCM_16, 128), NULL);
	struct sa_pair pair;
	struct prefix prefix;
	uint8_t inner[PACKET_MAX];

	(void)state;
	spec->local_ts.n = spec->remote_ts.n = 1;
	assert_true(prefix_parse(&prefix, "10.1.0.0/16"));
	selector_from_prefix(&spec->local_ts.v[0], &prefix);
	sa_pair_open(&pair, spec);
	size_t len = packet_udp(inner, "10.1.2.3", "10.2.0.1", 1, 2, 3);
	struct esp_packet p = sa_pair_packet(inner, len, 4);
	assert_int_equal(esp_seal(pair.out, &p, 1), 1);
	assert_int_equal(sa_pair_receive(pair.in, &p), ESP_OK);
	/* T-42, T-48: the gateway may not send from where it was not asked to. */
	len = packet_udp(inner, "10.2.2.3", "10.2.0.1", 1, 2, 3);
	p = sa_pair_packet(inner, len, 4);
	assert_int_equal(esp_seal(pair.out, &p, 1), 1);
	assert_int_equal(sa_pair_receive(pair.in, &p), ESP_BAD_INNER);
	assert_int_equal(esp_counters(pair.in)->packets, 1);
	assert_int_equal(esp_counters(pair.in)->bytes, 31);
	assert_true(esp_counters(pair.in)->verdicts[ESP_BAD_INNER] == 1);
	sa_pair_close(&pair);
}

static void transport_selectors(void **state)
{
	struct sa_spec *spec = sa_pair_spec(sa_pair_encr(ENCR_AES_GCM_16, 128), NULL);
	struct sa_pair pair;
	uint8_t inner[PACKET_MAX];
	struct esp_packet p;

	(void)state;
	spec->mode = SA_TRANSPORT;
	spec->local_ts.n = spec->remote_ts.n = 1;
	spec->remote_ts.v[0].proto = spec->local_ts.v[0].proto = 17;
	spec->remote_ts.v[0].port_lo = spec->remote_ts.v[0].port_hi = 1701;
	sa_pair_open(&pair, spec);
	packet_udp(inner, "10.1.2.3", "10.2.0.1", 40000, 1701, 3);
	p = sa_pair_packet(inner + 20, 11, 17);
	assert_int_equal(esp_seal(pair.out, &p, 1), 1);
	assert_int_equal(sa_pair_receive(pair.in, &p), ESP_OK);
	assert_memory_equal(p.data, inner + 20, 11);
	p = sa_pair_packet(inner + 20, 11, 6);
	assert_int_equal(esp_seal(pair.out, &p, 1), 1);
	assert_int_equal(sa_pair_receive(pair.in, &p), ESP_BAD_INNER);
	packet_udp(inner, "10.1.2.3", "10.2.0.1", 1701, 40000, 3);
	p = sa_pair_packet(inner + 20, 11, 17);
	assert_int_equal(esp_seal(pair.out, &p, 1), 1);
	assert_int_equal(sa_pair_receive(pair.in, &p), ESP_BAD_INNER);
	sa_pair_close(&pair);
}

/* --- making an SA, room, batches ------------------------------------------------------------- */

static void refused_specs(void **state)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 1 };
	struct sa_spec *spec = sa_pair_spec(
		sa_pair_encr(ENCR_AES_CBC, 256), sa_pair_integ(AUTH_HMAC_SHA2_256_128));
	struct rng rng;
	struct err e;

	(void)state;
	rng_seed(&rng, seed);
	spec->integ = 0; /* encryption alone */
	assert_refused(&e, ERR_BUG, esp_new(spec, &rng, &e) != NULL);
	spec->integ = 9999;
	assert_refused(&e, ERR_BUG, esp_new(spec, &rng, &e) != NULL);
	spec->integ = AUTH_HMAC_SHA2_256_128;
	spec->encr_key.len--;
	assert_refused(&e, ERR_BUG, esp_new(spec, &rng, &e) != NULL);
	spec->encr_key.len++;
	spec->integ_key.len--;
	assert_refused(&e, ERR_BUG, esp_new(spec, &rng, &e) != NULL);
	spec->integ_key.len++;
	spec->encr_bits = 129;
	assert_refused(&e, ERR_BUG, esp_new(spec, &rng, &e) != NULL);
	spec->encr = ENCR_NULL;
	assert_refused(&e, ERR_BUG, esp_new(spec, &rng, &e) != NULL);
	free(spec);
	spec = sa_pair_spec(sa_pair_encr(ENCR_AES_GCM_16, 256), NULL);
	spec->integ = AUTH_HMAC_SHA2_256_128;
	assert_refused(&e, ERR_BUG, esp_new(spec, &rng, &e) != NULL);
	free(spec);
}

static void windows_and_keys(void **state)
{
	static const uint32_t want[][2] = { { 0, 64 }, { 63, 64 }, { 64, 64 }, { 4096, 4096 },
		{ 99999, 4096 } };
	static const struct secret none;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct sa_spec *spec = sa_pair_spec(
			sa_pair_encr(ENCR_AES_CBC, 256), sa_pair_integ(AUTH_HMAC_SHA1_96));
		struct sa_pair pair;

		spec->replay_window = want[i][0];
		sa_pair_open(&pair, spec);
		assert_int_equal(pair.in->replay.window, want[i][1]); /* T-44 */
		assert_memory_equal(&esp_spec(pair.in)->encr_key, &none, sizeof(none));
		assert_memory_equal(&esp_spec(pair.in)->integ_key, &none, sizeof(none));
		assert_int_equal(esp_spec(pair.in)->spi, spec->spi);
		sa_pair_close(&pair);
	}
}

static void room_is_needed(void **state)
{
	struct sa_spec *spec = sa_pair_spec(
		sa_pair_encr(ENCR_AES_CBC, 256), sa_pair_integ(AUTH_HMAC_SHA2_512_256));
	struct sa_pair pair;
	uint8_t inner[PACKET_MAX];
	size_t len = packet_udp(inner, "10.0.0.1", "10.0.0.2", 1, 2, 3);
	size_t behind = esp_overhead(spec, len) - 8 - 16;

	(void)state;
	sa_pair_open(&pair, spec);
	struct esp_packet p = sa_pair_packet(inner, len, 4);
	p.room_len = ESP_HEADROOM + len + behind - 1;
	assert_int_equal(esp_seal(pair.out, &p, 1), 0);
	assert_int_equal(p.verdict, ESP_NO_ROOM);
	p.room_len++;
	assert_int_equal(esp_seal(pair.out, &p, 1), 1);
	assert_true(p.data == p.room && p.len == p.room_len);
	p = sa_pair_packet(inner, len, 4);
	p.room++;
	p.room_len--;
	assert_int_equal(esp_seal(pair.out, &p, 1), 0);
	assert_int_equal(p.verdict, ESP_NO_ROOM);
	sa_pair_close(&pair);
}

static void wrong_way_round(void **state)
{
	struct sa_pair pair = gcm_pair(false);
	uint8_t inner[PACKET_MAX];
	size_t len = packet_udp(inner, "10.0.0.1", "10.0.0.2", 1, 2, 3);
	struct esp_packet p = sa_pair_packet(inner, len, 4);

	(void)state;
	assert_int_equal(esp_seal(pair.in, &p, 1), 0);
	assert_int_equal(p.verdict, ESP_FAILED);
	p = sa_pair_packet(inner, len, 4);
	assert_int_equal(esp_seal(pair.out, &p, 1), 1);
	p.data[3] ^= 1; /* another SPI than this SA's */
	assert_int_equal(sa_pair_receive(pair.in, &p), ESP_NOT_AUTHENTIC);
	sa_pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite),
		cmocka_unit_test(every_length_of_datagram),
		cmocka_unit_test(inner_mtu_fits),
		cmocka_unit_test(esn_is_authenticated),
		cmocka_unit_test(across_the_subspace),
		cmocka_unit_test(never_past_the_last_number),
		cmocka_unit_test(small_blocks_have_a_volume),
		cmocka_unit_test(a_specification_has_limits),
		cmocka_unit_test(ivs_are_unique),
		cmocka_unit_test(many_at_a_time),
		cmocka_unit_test(padding_and_next_header),
		cmocka_unit_test(less_than_a_trailer),
		cmocka_unit_test(selectors_are_checked),
		cmocka_unit_test(transport_selectors),
		cmocka_unit_test(refused_specs),
		cmocka_unit_test(windows_and_keys),
		cmocka_unit_test(room_is_needed),
		cmocka_unit_test(wrong_way_round),
	};

	return cmocka_run_group_tests(tests, sa_pair_setup, sa_pair_teardown);
}
