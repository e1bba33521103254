/*
 * What is typed is nowhere in memory that was given back: every block is searched when it is freed.
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

#else

void __libc_free(void *p);

static bool searching;
static unsigned found;

void free(void *p)
{
	if (p && searching && memmem(p, malloc_usable_size(p), code, strlen(code)))
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

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typed_code),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
