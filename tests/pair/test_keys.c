/*
 * The keys that an engine tells who asks for them, against those that the data plane has; tshark has the last
 * word on them (tests/net).
 */
#include "pair.h"
#include "v1_pair.h"

static bool same(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static unsigned told(const struct net *n, enum end at, int of)
{
	unsigned found = 0;

	for (size_t i = 0; i < n->keys[at].n; i++)
		found += (int)n->keys[at].v[i].of == of;
	return found;
}

/* Every SA that the client's data plane has or had last: its keys were told, once, as they are. */
static void check_esp(const struct net *n)
{
	const struct plane *pl = &n->plane[CLIENT];

	assert_true(pl->n >= 2);
	for (size_t i = 0; i < pl->n; i++) {
		unsigned times = 0;
		for (size_t j = 0; j < n->keys[CLIENT].n; j++) {
			const struct keys *k = &n->keys[CLIENT].v[j];
			if (k->of != KEYS_ESP || k->spi != pl->sa[i]->spi)
				continue;
			times++;
			assert_int_equal(k->family, FAMILY_V4);
			assert_int_equal(k->encr, pl->sa[i]->encr);
			assert_int_equal(k->encr_bits, pl->sa[i]->encr_bits);
			assert_int_equal(k->integ, pl->sa[i]->integ);
			assert_true(same(&k->encr_key, &pl->sa[i]->encr_key));
			assert_true(same(&k->integ_key, &pl->sa[i]->integ_key));
		}
		if (times != 1)
			fail_msg("SPI %08x: its keys were told %u times", pl->sa[i]->spi, times);
	}
}

/* Those of the gateway's own IKE SA, which is the last that there is. */
static void check_ike(const struct pair *p)
{
	const struct v2_sa *sa = p->gw.sa;
	const struct keys *k = &p->net.keys[CLIENT].v[0];

	for (size_t i = 1; i < p->net.keys[CLIENT].n; i++)
		if (p->net.keys[CLIENT].v[i].of == KEYS_IKEV2)
			k = &p->net.keys[CLIENT].v[i];
	assert_int_equal(k->of, KEYS_IKEV2);
	assert_memory_equal(k->spi_i, sa->spi_i, sizeof(sa->spi_i));
	assert_memory_equal(k->spi_r, sa->spi_r, sizeof(sa->spi_r));
	assert_int_equal(k->encr, ENCR_AES_CBC);
	assert_int_equal(k->encr_bits, 128);
	assert_int_equal(k->integ, AUTH_HMAC_SHA2_256_128);
	assert_int_equal(k->encr_key.len, 16);
	assert_int_equal(k->integ_key.len, 32);
	assert_true(same(&k->encr_key, &sa->sk_ei) && same(&k->encr_key_r, &sa->sk_er));
	assert_true(same(&k->integ_key, &sa->sk_ai) && same(&k->integ_key_r, &sa->sk_ar));
	assert_false(same(&k->encr_key, &k->encr_key_r));
}

static void begin(struct pair *p, uint32_t seed, bool keys)
{
	pair_init(p, seed);
	p->ike = p->gwc.ike = "aes128-sha256-x25519";
	p->wire.keys = keys;
	pair_connect(p);
	pair_settle(p);
	pair_check_up(p, 1);
}

static void of_ikev2(void **state)
{
	struct pair p;

	(void)state;
	begin(&p, 1, true);
	assert_int_equal(told(&p.net, CLIENT, KEYS_IKEV2), 1);
	assert_int_equal(told(&p.net, CLIENT, KEYS_ESP), 2);
	check_ike(&p);
	check_esp(&p.net);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, SECONDS(1));
	assert_int_equal(told(&p.net, CLIENT, KEYS_ESP), 4);
	check_esp(&p.net);
	pair_command(&p, CMD_REKEY_IKE);
	pair_run(&p, SECONDS(1));
	assert_int_equal(told(&p.net, CLIENT, KEYS_IKEV2), 2);
	check_ike(&p);
	pair_free(&p);
}

/* The gateway asks for new keys, and what it gets is told as well. */
static void of_the_gateway(void **state)
{
	struct pair p;

	(void)state;
	begin(&p, 2, true);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_run(&p, SECONDS(1));
	check_esp(&p.net);
	pair_gw(&p, GW_REKEY_IKE);
	pair_run(&p, SECONDS(1));
	assert_int_equal(told(&p.net, CLIENT, KEYS_IKEV2), 2);
	assert_int_equal(told(&p.net, CLIENT, KEYS_ESP), 4);
	check_ike(&p);
	pair_free(&p);
}

/* Where a login fails the keys are wanted most. */
static void of_a_failure(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 3);
	p.wire.keys = true;
	p.psk = "another key than theirs";
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_DEAD);
	assert_int_equal(told(&p.net, CLIENT, KEYS_IKEV2), 1);
	assert_int_equal(told(&p.net, CLIENT, KEYS_ESP), 0);
	pair_free(&p);
}

/* None until they are asked for; then those that there are. */
static void asked_for_later(void **state)
{
	struct pair p;

	(void)state;
	begin(&p, 4, false);
	v2_keys(p.client.v2, &p.ob);
	pair_os(&p, &(struct os_input){ .kind = OS_INBOUND });
	assert_int_equal(p.net.keys[CLIENT].n, 0);
	p.ob.keys = true;
	v2_keys(p.client.v2, &p.ob);
	pair_os(&p, &(struct os_input){ .kind = OS_INBOUND });
	assert_int_equal(p.net.keys[CLIENT].n, 3);
	check_ike(&p);
	check_esp(&p.net);
	pair_free(&p);
}

static void check_v1(const struct v1_pair *p, unsigned phase1, unsigned esp)
{
	const struct keys *k = &p->net.keys[CLIENT].v[0];

	assert_int_equal(told(&p->net, CLIENT, KEYS_IKEV1), phase1);
	assert_int_equal(told(&p->net, CLIENT, KEYS_ESP), esp);
	assert_int_equal(k->of, KEYS_IKEV1);
	assert_memory_equal(k->spi_i, p->client->sa->cky_i, sizeof(k->spi_i));
	assert_int_equal(k->encr_key.len, 32);
	assert_true(same(&k->encr_key, &p->gw->sa->key));
	check_esp(&p->net);
}

static void of_ikev1(void **state)
{
	(void)state;
	struct v1_pair *p = v1_pair_new(5);
	p->wire.keys = true;
	v1_pair_connect(p);
	check_v1(p, 1, 2);
	v1_pair_command(p, CMD_REKEY_CHILD);
	v1_pair_run(p, SECONDS(5));
	check_v1(p, 1, 4);
	v1_pair_command(p, CMD_REKEY_IKE);
	v1_pair_run(p, SECONDS(5));
	assert_int_equal(told(&p->net, CLIENT, KEYS_IKEV1), 2);
	v1_pair_done(p);
}

static void of_ikev1_later(void **state)
{
	(void)state;
	struct v1_pair *p = v1_pair_new(6);
	v1_pair_connect(p);
	v1_keys(p->client, &p->ob);
	v1_pair_run(p, 1);
	assert_int_equal(p->net.keys[CLIENT].n, 0);
	p->ob.keys = true;
	v1_keys(p->client, &p->ob);
	v1_pair_run(p, 1);
	check_v1(p, 1, 2);
	v1_pair_done(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_ikev2),
		cmocka_unit_test(of_the_gateway),
		cmocka_unit_test(of_a_failure),
		cmocka_unit_test(asked_for_later),
		cmocka_unit_test(of_ikev1),
		cmocka_unit_test(of_ikev1_later),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
