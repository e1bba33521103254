/*
 * Late answers to the first message: COOKIE and INVALID_KE_PAYLOAD that were followed already. And answers that
 * come from the other port.
 */
#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "profiles.h"

/* The gateway's first answer comes once more, and nothing of ours arrives until it has. */
struct late {
	bool seen;
	uint64_t until;
};

static bool group_once_more(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct late *l = arg;

	if (f->esp || f->data[18] != IKE_SA_INIT)
		return false;
	if (from == GATEWAY && !l->seen) {
		l->seen = true;
		l->until = n->now + 3500; /* longer than a hint is believed */
		net_send(n, CLIENT, &f->src, &f->dst, f->data, f->len, 100);
		return false;
	}
	return from == CLIENT && l->seen && n->now < l->until;
}

static void group_asked_for_twice(void **state)
{
	struct late late = { 0 };
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.ike = "aes128gcm16-prfsha256-x25519-ecp256";
	p.gwc.ike = "aes128gcm16-prfsha256-ecp256";
	pair_start(&p);
	pair_tap(&p, group_once_more, &late);
	pair_run(&p, SECONDS(20));
	assert_int_equal(client_phase(&p.client), IKE_UP);
	pair_free(&p);
}

/* It is no refusal either, after which weaker groups would be offered. */
static void group_asked_for_twice_legacy(void **state)
{
	static const struct setting settings[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "connection", "security", "legacy" },
		{ "remote", "auth", "psk" },
		{ "remote", "id", "gw.example.org" },
		{ "local", "id", "anna@example.org" },
		{ "secrets", "psk", "a long shared key of both" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
	};
	struct profile *profile = profile_of(settings, ARRAY_LEN(settings));
	struct late late = { 0 };
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.profile = profile;
	p.gwc.ike = "aes256-sha256-ecp256, aes256-sha256-modp1024";
	pair_start(&p);
	pair_tap(&p, group_once_more, &late);
	pair_run(&p, SECONDS(20));
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_string_equal(p.client.v2->sa->suite.ke->name, "ecp256");
	pair_free(&p);
	profile_free(profile);
}

/* The answers are so long on their way that our first message goes twice, and each copy is answered with
 * a cookie of its own. */
static void two_cookies(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.gwc.cookies = 1;
	p.wire.delay = 300;
	pair_connect(&p);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

static const uint8_t *bytes_of(const struct flight *f, const uint8_t *what, size_t len)
{
	for (size_t i = 0; i + len <= f->len; i++)
		if (memcmp(f->data + i, what, len) == 0)
			return f->data + i;
	return NULL;
}

/* Our first messages: how many there were, and the hash that says where from. */
struct first_messages {
	unsigned n, changed;
	uint8_t source[20];
};

static bool look_at_source(void *arg, struct net *n, enum end from, struct flight *f)
{
	static const uint8_t head[] = { 0, 28, 0, 0, NAT_DETECTION_SOURCE_IP >> 8,
		NAT_DETECTION_SOURCE_IP & 0xff };
	struct first_messages *m = arg;

	(void)n;
	if (from != CLIENT || f->esp || f->data[18] != IKE_SA_INIT)
		return false;
	const uint8_t *notify = bytes_of(f, head, sizeof(head));
	assert_non_null(notify);
	m->changed += m->n++ > 0 && memcmp(m->source, notify + sizeof(head), 20) != 0;
	memcpy(m->source, notify + sizeof(head), 20);
	return false;
}

/* RFC 7296 section 2.6: with the cookie everything else is as it was, also what was drawn at random. */
static void only_the_cookie_is_new(void **state)
{
	struct first_messages m = { .n = 0 };
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.cfg.force_encap = true;
	p.gwc.cookies = 2;
	pair_start(&p);
	pair_tap(&p, look_at_source, &m);
	pair_run(&p, SECONDS(20));
	pair_check_up(&p, 1);
	assert_true(m.n >= 2);
	assert_int_equal(m.changed, 0);
	pair_free(&p);
}

/* --- the NAT traversal port --------------------------------------------------------------------- */

/* From the beginning or after our first message, asked for a cookie or not, and behind a NAT or not. */
static void port_500_is_shut(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		unsigned passed = 0, cookies = i & 1;
		bool late = i & 2, nat = i & 4;
		struct pair p;
		pair_init(&p, 5);
		p.cfg.force_encap = p.cfg.mobike = false;
		p.gwc.cookies = cookies;
		p.wire.nat = nat;
		pair_start(&p);
		if (!late)
			net_lose_all(&p.net);
		pair_tap(&p, net_shuts_500, &passed);
		pair_run(&p, SECONDS(3));
		pair_check_up(&p, 1);
		assert_int_equal(passed, 4 + 2 * cookies);
		assert_int_equal(p.client.v2->path.remote.port, 4500);
		if (p.client.v2->encap != (!late || cookies || nat))
			fail_msg("row %u: ESP%s in UDP", i, p.client.v2->encap ? "" : " not");
		pair_command(&p, CMD_REKEY_ALL);
		pair_settle(&p);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* Both copies get through, and the answers to the first are late: the second's is not believed any more. */
static void both_ports_answer(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.cfg.force_encap = p.cfg.mobike = false;
	p.wire.delay = 1000;
	pair_connect(&p);
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_false(p.client.v2->natt);
	pair_free(&p);
}

/* Nothing answers: what was tried is told. */
static bool nothing(void *arg, struct net *n, enum end from, struct flight *f)
{
	unsigned *ports = arg;

	(void)n;
	if (from == CLIENT)
		ports[f->dst.port == 4500]++;
	return true;
}

static void neither_port_answers(void **state)
{
	unsigned ports[2] = { 0 };
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	pair_start(&p);
	pair_tap(&p, nothing, ports);
	pair_run(&p, SECONDS(60));
	assert_int_equal(client_phase(&p.client), IKE_DEAD);
	assert_int_equal(ports[0], 5); /* and the first of all */
	assert_int_equal(ports[1], 4);
	assert_non_null(strstr(p.client.v2->failure.text, "4500"));
	pair_free(&p);
}

/* A gateway that insists on IKE_AUTH without a child SA (RFC 6023) says INVALID_SYNTAX, as one that did not
 * understand; the announcement tells the two apart. */
static void childless(void **state)
{
	(void)state;
	for (int announced = 0; announced < 2; announced++) {
		struct pair p;
		pair_init(&p, 6);
		p.gwc.refuse_child = INVALID_SYNTAX;
		if (announced)
			p.gwc.edits[0] = (struct edit){ .exchange = IKE_SA_INIT,
				.op = EDIT_ADD,
				.payload = PAYLOAD_N,
				.hex = "00004022" };
		pair_connect(&p);
		pair_check_dead(&p, ERR_PEER, INVALID_SYNTAX);
		assert_int_equal(strstr(p.client.v2->failure.text,
					 "no child SA beside the first exchange") != NULL,
			announced);
		pair_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(group_asked_for_twice),
		cmocka_unit_test(group_asked_for_twice_legacy),
		cmocka_unit_test(two_cookies),
		cmocka_unit_test(only_the_cookie_is_new),
		cmocka_unit_test(port_500_is_shut),
		cmocka_unit_test(both_ports_answer),
		cmocka_unit_test(neither_port_answers),
		cmocka_unit_test(childless),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
