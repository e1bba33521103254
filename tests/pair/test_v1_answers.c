#include "v1_pair.h"

#include <stdlib.h>

/* What a gateway of IKEv1, or whoever is on the way to it, says that makes no sense. */

/* --- main mode: not believed, only remembered, in case that nothing better comes ------------------------- */

enum { SPI_R_AT = 8, EXCHANGE_AT = 18 };

static const struct row {
	const char *what, *words;
	uint8_t type; /* of the payload that is changed; 0: the header's cookie */
	size_t len; /* what it is then; 0: ours comes back */
} rows[] = {
	{ "a short nonce", "a nonce of 7 octets", V1P_NONCE, 7 },
	{ "a long nonce", "a nonce of 257 octets", V1P_NONCE, 257 },
	{ "a nonce without end", "a nonce of 4096 octets", V1P_NONCE, 4096 },
	{ "our nonce", "our own nonce came back", V1P_NONCE, 0 },
	{ "a long value", "a key exchange value of 4096 octets", V1P_KE, 4096 },
	{ "a short value", "public value has 31 octets", V1P_KE, 31 },
	{ "no cookie", "cookie is zero or our own", 0, IKE_SPI_LEN },
	{ "our cookie", "cookie is zero or our own", 0, 0 },
};

struct nonsense {
	const struct row *row;
	bool spared; /* the second such answer is genuine */
	unsigned said;
	uint8_t nonce[V1_NONCE_MAX]; /* ours */
	size_t nonce_len;
};

static struct bytes chain_of(const struct flight *f)
{
	return (struct bytes){ f->data + IKE_HDR_LEN, f->len - IKE_HDR_LEN };
}

static const struct payload *find(const struct flight *f, struct payloads *pl, uint8_t type)
{
	struct ike_hdr h;
	size_t used;

	if (f->esp || f->len <= IKE_HDR_LEN || f->data[EXCHANGE_AT] != V1_MAIN_MODE ||
		!ike_hdr_read_v1(&h, (struct bytes){ f->data, f->len }, NULL) ||
		(h.flags & V1_FLAG_ENCRYPTED) ||
		!v1_payloads_read(pl, h.next, chain_of(f), &used, NULL))
		return NULL;
	return payload_find(pl, type);
}

static void rewrite(
	struct net *n, struct flight *f, const struct payloads *pl, uint8_t type, struct bytes body)
{
	static uint8_t message[8192];
	struct ike_hdr h;
	struct ikew k;
	size_t len;

	assert_true(ike_hdr_read_v1(&h, (struct bytes){ f->data, f->len }, NULL));
	ikew_message(&k, message, sizeof(message), &h);
	for (size_t i = 0; i < pl->n; i++)
		ikew_bytes(&k, pl->v[i].type, pl->v[i].type == type ? body : pl->v[i].body);
	assert_true(ikew_end(&k, &len));
	net_send(n, CLIENT, &f->src, &f->dst, message, len, 1);
}

static bool change(void *arg, struct net *n, enum end from, struct flight *f)
{
	static const uint8_t octets[4096] = { 1, 2, 3 };
	struct nonsense *x = arg;
	struct payloads pl;
	const struct payload *ours = find(f, &pl, V1P_NONCE);

	if (from == CLIENT && ours) {
		assert_true(ours->body.n <= sizeof(x->nonce));
		x->nonce_len = ours->body.n;
		memcpy(x->nonce, ours->body.p, x->nonce_len);
	}
	if (from == CLIENT || (x->spared && x->said > 0) ||
		!find(f, &pl, x->row->type ? x->row->type : V1P_SA))
		return false;
	x->said++;
	if (x->row->type) {
		struct bytes own = { x->nonce, x->nonce_len };
		rewrite(n, f, &pl, x->row->type,
			x->row->len ? (struct bytes){ octets, x->row->len } : own);
		return true;
	}
	if (x->row->len)
		memset(f->data + SPI_R_AT, 0, x->row->len);
	else
		memcpy(f->data + SPI_R_AT, f->data, IKE_SPI_LEN);
	return false;
}

static struct v1_pair *meet(struct nonsense *x, uint32_t seed)
{
	struct v1_pair *p = v1_pair_new(seed);

	v1_pair_start(p);
	p->net.tap = change;
	p->net.tap_arg = x;
	v1_pair_until(p, v1_pair_decided, SECONDS(600));
	return p;
}

static void nothing_better_comes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct nonsense x = { .row = &rows[i] };
		struct v1_pair *p = meet(&x, 60);
		assert_true(x.said > 0);
		assert_int_equal(p->client->phase, IKE_DEAD);
		if (!strstr(p->client->failure.text, rows[i].words))
			fail_msg("%s: %s", rows[i].what, p->client->failure.text);
		v1_pair_done(p);
	}
}

static void the_gateway_answers_as_well(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct nonsense x = { .row = &rows[i], .spared = true };
		struct v1_pair *p = meet(&x, 61);
		assert_int_equal(x.said, 1);
		if (p->client->phase != IKE_UP)
			fail_msg("%s: %s", rows[i].what, p->client->failure.text);
		v1_pair_check_up(p, 1);
		v1_pair_done(p);
	}
}

/* --- who it is -------------------------------------------------------------------------------------- */

/* The gateway's last message of main mode, with a HASH of another key than ours. */
static bool of_another_key(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct v1_pair *p = arg;
	struct v1_sa *sa = p->client->sas[0];

	(void)n;
	if (from == GATEWAY && !f->esp && f->data[EXCHANGE_AT] == V1_MAIN_MODE && sa &&
		sa->state == V1_ID_SENT)
		memset(sa->skeyid.data, 1, sa->skeyid.len);
	return false;
}

static void hash_of_another_key(void **state)
{
	struct v1_pair *p = v1_pair_new(62);

	(void)state;
	v1_pair_start(p);
	p->net.tap = of_another_key;
	p->net.tap_arg = p;
	v1_pair_until(p, v1_pair_decided, SECONDS(600));
	v1_pair_check_dead(p, ERR_AUTH, 0);
	assert_string_equal(p->client->failure.text, "the gateway does not know the shared key");
	v1_pair_done(p);
}

/* It has the key, and is somebody else of those who have it. */
static void of_another_name(void **state)
{
	static const char *const names[] = { "gw.example.org", "other.example.org" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct v1_pair *p = v1_pair_new(63);
		p->cfg.remote_id_strict = true;
		assert_true(id_parse(&p->cfg.remote_id, names[i], NULL));
		v1_pair_connect(p);
		if (i == 0) {
			v1_pair_check_up(p, 1);
		} else {
			v1_pair_check_dead(p, ERR_AUTH, 0);
			assert_string_equal(p->client->failure.text,
				"the gateway says it is gw.example.org, the profile wants other.example.org");
		}
		v1_pair_done(p);
	}
}

/* --- quick mode ------------------------------------------------------------------------------------- */

static void says_no_more(const struct v1_pair *p, struct ikew *k)
{
	(void)p;
	(void)k;
}

/* RFC 2409 section 5: 8 to 256 octets. */
static void nonces_of_quick_mode(void **state)
{
	static const struct {
		size_t len;
		bool good;
	} sizes[] = { { 1, false }, { 7, false }, { 8, true }, { 256, true }, { 257, false },
		{ 1024, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct v1_pair *p = v1_pair_new(64);
		p->append = says_no_more;
		p->quick_nonce = sizes[i].len;
		p->cfg.pfs = TRI_NO;
		v1_pair_connect(p);
		if (sizes[i].good)
			assert_int_equal(p->client->phase, IKE_UP);
		else
			v1_pair_check_dead(p, ERR_PEER, 0);
		v1_pair_done(p);
	}
}

/* --- the login -------------------------------------------------------------------------------------- */

/* It is not asked for ever, and not at all where the profile has no login. */
static void logins_without_end(void **state)
{
	static const char *const words[] = {
		"the gateway keeps asking for the login",
		"the gateway wants a user to log in (XAUTH), which the profile does not provide for"
	};
	struct v1_round rounds[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rounds); i++)
		rounds[i] = (struct v1_round){ V1_REQUEST, "4089 0000408a 0000", NULL };
	rounds[ARRAY_LEN(rounds) - 1].says = NULL;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct v1_pair *p = v1_pair_new(65);
		p->login = true;
		p->rounds = rounds;
		v1_pair_start(p);
		p->cfg.xauth = i == 0;
		v1_pair_until(p, v1_pair_decided, SECONDS(600));
		v1_pair_check_dead(p, ERR_PEER, 0);
		assert_string_equal(p->client->failure.text, words[i]);
		assert_int_equal(p->round, i == 0 ? V1_ROUNDS_MAX : 0);
		v1_pair_done(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_better_comes),
		cmocka_unit_test(the_gateway_answers_as_well),
		cmocka_unit_test(hash_of_another_key),
		cmocka_unit_test(of_another_name),
		cmocka_unit_test(nonces_of_quick_mode),
		cmocka_unit_test(logins_without_end),
	};

	return cmocka_run_group_tests(tests, v1_pair_group_setup, v1_pair_group_teardown);
}
