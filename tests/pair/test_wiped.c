/*
 * What is typed, and a key, is nowhere in memory that was given back: every block is searched when it is freed.
 */
#define _GNU_SOURCE /* memmem */
#include <malloc.h>
#include <stdlib.h>

#include "pair.h"
#include "people.h"
#include "profiles.h"

static const char code[] = "xyzzy-plugh-4711";

#if defined(__SANITIZE_ADDRESS__)

static void typed_code(void **state)
{
	(void)state;
	(void)code;
	skip(); /* its free is not to be replaced */
}

static void keys_of_sas(void **state)
{
	typed_code(state);
}

static void key_of_a_ticket(void **state)
{
	typed_code(state);
}

#else

void __libc_free(void *p);

static bool searching;
static struct bytes secret; /* what is searched for */
static unsigned found;

void free(void *p)
{
	if (p && searching && memmem(p, malloc_usable_size(p), secret.p, secret.n))
		found++;
	__libc_free(p);
}

/* What the gateway frees is its own business: the client's turn is from a message of the gateway to its
 * own next one. */
static bool client_only(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)arg;
	(void)n;
	(void)f;
	searching = from == GATEWAY;
	return false;
}

static void typed_code(void **state)
{
	static const struct setting by_gtc[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "local", "auth", "eap" },
		{ "local", "eap", "gtc" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
	};
	struct profile *profile = profile_trusting(profile_of(by_gtc, ARRAY_LEN(by_gtc)));
	struct pair p;

	(void)state;
	pair_init(&p, 31);
	p.profile = profile;
	p.gwc.by_cert = true;
	p.gwc.own = person(GW_ECDSA);
	p.gwc.client = IKE_AUTH_BY_EAP;
	p.gwc.eap = EAP_GTC;
	p.gwc.password = p.password = code;
	secret = BYTES(code);
	pair_start(&p);
	pair_tap(&p, client_only, NULL);
	pair_run(&p, SECONDS(10));
	searching = false;
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(found, 0);
	pair_free(&p);
	profile_done(profile);
	people_free();
}

static void none_left_of(struct pair *p, const struct secret *key)
{
	secret = (struct bytes){ key->data, key->len };
	found = 0;
	searching = true;
	client_free(&p->client);
	searching = false;
	assert_int_equal(found, 0);
}

/* The engine keeps them for as long as the SA lives, and no longer. */
static void keys_of_sas(void **state)
{
	struct pair p;

	(void)state;
	for (int i = 0; i < 3; i++) {
		pair_init(&p, 32);
		pair_connect(&p);
		struct secret keys[] = { p.net.plane[CLIENT].sa[0]->encr_key,
			p.net.plane[CLIENT].sa[1]->encr_key, p.client.v2->sa->sk_er };
		assert_true(keys[i].len >= 16);
		none_left_of(&p, &keys[i]);
		pair_free(&p);
	}
}

/* The one that an IKE SA is resumed from lives longer than that: until it has been, or shall not be. */
static void key_of_a_ticket(void **state)
{
	struct pair p;

	(void)state;
	for (int resumes = 0; resumes < 2; resumes++) {
		pair_init(&p, 33);
		p.cfg.resumption = true;
		p.gwc.tickets = GW_TICKETS;
		pair_connect(&p);
		struct secret key = p.client.v2->ticket->sk_d;
		assert_int_equal(key.len, 32);
		assert_memory_equal(key.data, p.client.v2->sa->sk_d.data, 32);
		if (resumes) {
			pair_resume(&p);
			pair_run(&p, SECONDS(1));
			assert_true(p.client.v2->resumed);
			resumption_free(&p.from);
		} else {
			pair_stop(&p);
			assert_null(p.client.v2->ticket);
			pair_run(&p, SECONDS(3));
		}
		none_left_of(&p, &key);
		pair_free(&p);
	}
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typed_code),
		cmocka_unit_test(keys_of_sas),
		cmocka_unit_test(key_of_a_ticket),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
