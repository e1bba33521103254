#include "sa_pair.h"

#include <stdlib.h>

#include "lib/test.h"

static void count_up(struct secret *key, size_t len, uint8_t from)
{
	assert_true(len <= SECRET_MAX);
	key->len = len;
	for (size_t i = 0; i < len; i++)
		key->data[i] = (uint8_t)(from + i);
}

struct sa_spec *sa_pair_spec(const struct alg *encr, const struct alg *integ)
{
	struct sa_spec *spec = calloc(1, sizeof(*spec));

	assert_non_null(spec);
	spec->dir = SA_OUT;
	spec->spi = 0x01020304;
	spec->child = 1;
	spec->encap = true;
	addr_parse(&spec->local, "192.0.2.1");
	addr_parse(&spec->remote, "192.0.2.2");
	spec->encr = encr->id;
	spec->encr_bits = encr->key_bits;
	spec->integ = integ ? integ->id : 0;
	spec->replay_window = 1024;
	count_up(&spec->encr_key, (size_t)encr->key_len + encr->salt_len, 1);
	count_up(&spec->integ_key, integ ? integ->key_len : 0, 101);
	for (unsigned i = 0; i < 2; i++) {
		selector_all(&spec->local_ts.v[i], i ? FAMILY_V6 : FAMILY_V4);
		spec->remote_ts.v[i] = spec->local_ts.v[i];
	}
	spec->local_ts.n = spec->remote_ts.n = 2;
	return spec;
}

void sa_pair_open(struct sa_pair *p, struct sa_spec *spec)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 42 };
	struct rng rng;
	struct err e = { 0 };

	rng_seed(&rng, seed);
	p->spec = spec;
	p->out = esp_new(spec, &rng, &e);
	if (!p->out)
		fail_msg("%s", e.text);
	struct sa_spec *in = malloc(sizeof(*in));
	assert_non_null(in);
	*in = *spec;
	in->dir = SA_IN;
	in->local = spec->remote;
	in->remote = spec->local;
	in->local_ts = spec->remote_ts;
	in->remote_ts = spec->local_ts;
	p->in = esp_new(in, &rng, &e);
	if (!p->in)
		fail_msg("%s", e.text);
	free(in);
}

void sa_pair_close(struct sa_pair *p)
{
	esp_free(p->out);
	esp_free(p->in);
	free(p->spec);
}

struct esp_packet sa_pair_packet(const void *data, size_t len, uint8_t next_header)
{
	static uint8_t rooms[4][ESP_HEADROOM + 4096 + ESP_TAILROOM];
	static unsigned turn;
	uint8_t *room = rooms[turn++ % 4];
	struct esp_packet p = { .room = room,
		.room_len = sizeof(rooms[0]),
		.data = room + ESP_HEADROOM,
		.len = len,
		.next_header = next_header };

	assert_true(len <= 4096);
	memset(room, 0xee, sizeof(rooms[0]));
	memcpy(p.data, data, len);
	return p;
}

const struct alg *sa_pair_encr(uint16_t id, uint16_t bits)
{
	const struct alg *a = alg_find(TRANSFORM_ENCR, id, bits);

	assert_non_null(a);
	return a;
}

const struct alg *sa_pair_integ(uint16_t id)
{
	const struct alg *a = alg_find(TRANSFORM_INTEG, id, 0);

	assert_non_null(a);
	return a;
}

enum esp_verdict sa_pair_receive(struct esp_sa *sa, struct esp_packet *p)
{
	size_t ok = esp_open(sa, p, 1);

	assert_int_equal(ok, p->verdict == ESP_OK);
	return p->verdict;
}

int sa_pair_setup(void **state)
{
	struct err e;

	(void)state;
	return crypto_init(&e) ? 0 : -1;
}

int sa_pair_teardown(void **state)
{
	(void)state;
	crypto_exit();
	return 0;
}
