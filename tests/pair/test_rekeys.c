/*
 * Ten thousand rekeyings of one connection: T-45, no key and no pair of key and IV comes twice, and
 * nothing grows.
 */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>

#include "impair.h"
#include "pair.h"

#if defined(__SANITIZE_ADDRESS__)
enum { REKEYS = 1000 };
#else
enum { REKEYS = 10000 };
#endif

/* Everything that must be unique, as octets: sorted at the end. */
enum { UNIQUE_LEN = 40 };

struct uniques {
	size_t n, cap;
	uint8_t (*v)[UNIQUE_LEN];
};

static void note(struct uniques *u, const void *a, size_t a_len, const void *b, size_t b_len)
{
	if (u->n == u->cap) {
		u->cap = u->cap ? 2 * u->cap : 4096;
		u->v = realloc(u->v, u->cap * UNIQUE_LEN);
		assert_non_null(u->v);
	}
	assert_true(a_len + b_len <= UNIQUE_LEN);
	memset(u->v[u->n], 0, UNIQUE_LEN);
	memcpy(u->v[u->n], a, a_len);
	if (b_len)
		memcpy(u->v[u->n] + a_len, b, b_len);
	u->n++;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, UNIQUE_LEN);
}

static void check_unique(struct uniques *u)
{
	qsort(u->v, u->n, UNIQUE_LEN, compare);
	for (size_t i = 1; i < u->n; i++)
		if (memcmp(u->v[i - 1], u->v[i], UNIQUE_LEN) == 0)
			fail_msg("something that must be unique came twice");
	free(u->v);
	*u = (struct uniques){ 0 };
}

/* A sealed message: SPIs and flags stand for the key, the IV follows the generic header. */
static bool note_iv(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)n;
	(void)from;
	if (f->data[16] == PAYLOAD_SK) {
		uint8_t key[17];
		memcpy(key, f->data, 16);
		key[16] = f->data[19] & FLAG_INITIATOR;
		note(arg, key, sizeof(key), f->data + IKE_HDR_LEN + 4, 8);
	}
	return false;
}

struct census {
	struct uniques *keys;
	unsigned installs;
	size_t sas;
	uint8_t sk_d[32];
};

static struct census census;

/* The keys of what was installed since, and of a new IKE SA. */
static void note_keys(struct pair *p)
{
	const struct plane *pl = &p->net.plane[CLIENT];

	for (size_t i = 0; census.installs < pl->installs && i < pl->n; i++) {
		size_t fresh = pl->installs - census.installs;
		if (i + fresh < pl->n)
			continue;
		note(census.keys, pl->sa[i]->encr_key.data, pl->sa[i]->encr_key.len, NULL, 0);
	}
	census.installs = pl->installs;
	const struct v2_sa *sa = p->client.v2->sa;
	if (sa && sa->sk_d.len && memcmp(census.sk_d, sa->sk_d.data, sizeof(census.sk_d)) != 0) {
		memcpy(census.sk_d, sa->sk_d.data, sizeof(census.sk_d));
		note(census.keys, sa->sk_d.data, sizeof(census.sk_d), "IKE", 3);
		census.sas++;
	}
	assert_true(p->client.v2->children.n <= 16);
	assert_true(pl->n <= 32);
}

static void never_twice(void **state)
{
	struct uniques keys = { 0 }, ivs = { 0 };
	struct pair p;

	(void)state;
	census = (struct census){ .keys = &keys };
	pair_init(&p, 21);
	p.watch = note_keys;
	pair_start(&p);
	pair_tap(&p, note_iv, &ivs);
	pair_run(&p, 1000);
	for (unsigned i = 0; i < REKEYS; i += 4) {
		pair_command(&p, CMD_REKEY_CHILD);
		pair_run(&p, 1000);
		pair_gw(&p, GW_REKEY_CHILD);
		pair_run(&p, 1000);
		pair_command(&p, CMD_REKEY_IKE);
		pair_run(&p, 1000);
		pair_gw(&p, GW_REKEY_IKE);
		pair_run(&p, 1000);
	}
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.client.v2->rekeys_child, REKEYS / 2);
	assert_int_equal(p.client.v2->rekeys_ike, REKEYS / 2);
	assert_int_equal(p.net.plane[CLIENT].installs, 2 + REKEYS);
	assert_int_equal(census.sas, 1 + REKEYS / 2);
	assert_int_equal(keys.n, 2 + REKEYS + census.sas);
	assert_true(ivs.n > 4u * REKEYS);
	printf("%d rekeys: %zu keys, %zu IVs, all different\n", REKEYS, keys.n, ivs.n);
	check_unique(&keys);
	check_unique(&ivs);
	pair_free(&p);
}

/* By the clock: lifetimes of an hour and of a quarter of that, a day long. Both ends replace what
 * they have in time, and nothing reaches the end of its life. */
static void by_lifetime(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 22);
	p.cfg.ike_lifetime = SECONDS(3600);
	p.cfg.child_lifetime = SECONDS(900);
	p.cfg.dpd_interval = SECONDS(30);
	pair_connect(&p);
	pair_run(&p, SECONDS(86400));
	while (p.client.v2->children.n > 1 || !pair_quiet(&p))
		pair_run(&p, 1000);
	pair_check_up(&p, 1);
	assert_in_range(p.client.v2->rekeys_ike, 24, 32);
	assert_in_range(p.client.v2->rekeys_child, 96, 128);
	assert_int_equal(p.events[EV_LOST], 0);
	pair_free(&p);
}

/* Far faster than what a rekey leaves behind is over: nothing is lost for want of room. */
static void in_a_hurry(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 24);
	p.wire.delay = 1;
	pair_connect(&p);
	for (unsigned i = 0; i < 3 * CHILDREN_MAX; i++) {
		pair_command(&p, CMD_REKEY_CHILD);
		pair_run(&p, 10);
		assert_int_equal(p.client.v2->phase, IKE_UP);
		assert_true(p.client.v2->children.n <= CHILDREN_MAX);
	}
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.gw.overtaken, 0);
	pair_free(&p);
}

/* Whatever asks for a child SA, the data plane knows before that it may come to be used before we know
 * the answer, and hears how it ended. */
enum { EXCHANGE_AT = 18 };

static bool expects(void *arg, struct net *n, enum end from, struct flight *f)
{
	if (from == CLIENT && f->len > EXCHANGE_AT && f->data[EXCHANGE_AT] == CREATE_CHILD_SA) {
		*(uint32_t *)arg = n->plane[CLIENT].expected;
		assert_int_not_equal(n->plane[CLIENT].expected, 0);
	}
	return false;
}

static void expected_before_asked(void **state)
{
	uint32_t spi = 0;
	struct pair p;

	(void)state;
	pair_init(&p, 27);
	pair_connect(&p);
	p.net.tap = expects;
	p.net.tap_arg = &spi;
	children_rekey(&p.client.v2->children, p.net.now);
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.client.v2->rekeys_child, 1);
	assert_int_equal(p.client.v2->children.v[0]->spi_in, spi);
	assert_int_equal(p.net.plane[CLIENT].expected, 0);
	p.gwc.refuse_child = TEMPORARY_FAILURE;
	children_rekey(&p.client.v2->children, p.net.now);
	pair_run(&p, SECONDS(2));
	assert_int_not_equal(p.client.v2->children.v[0]->spi_in, 0);
	assert_int_equal(p.client.v2->rekeys_child, 1);
	assert_int_equal(p.net.plane[CLIENT].expected, 0);
	pair_free(&p);
}

/* OpenIKED answers a rekey before its half of the new SA is in place. */
static void taken_over_with_patience(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 29);
	p.ping_every = 10;
	pair_connect(&p);
	uint32_t old = plane_sends_by(&p.net.plane[CLIENT])->spi;
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, 150);
	assert_int_equal(p.client.v2->rekeys_child, 1);
	assert_int_equal(plane_sends_by(&p.net.plane[CLIENT])->spi, old);
	pair_run(&p, SECONDS(1));
	assert_int_not_equal(plane_sends_by(&p.net.plane[CLIENT])->spi, old);
	assert_int_equal(p.net.esp_lost, 0);
	p.ping_every = 0;
	pair_settle(&p);
	pair_check_up(&p, 1);
	/* Its life ends while the new one takes over. */
	pair_command(&p, CMD_REKEY_CHILD);
	p.client.v2->children.v[0]->expire_at = p.net.now + 150;
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.client.v2->rekeys_child, 2);
	pair_free(&p);
}

/* The gateway rekeys what we have just made, before our delete of the old child: strongSwan 6.0 would
 * mix the two up, so it has to come again. */
static void one_after_the_other(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 31);
	p.ping_every = 10;
	pair_connect(&p);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, 100);
	assert_int_equal(p.client.v2->rekeys_child, 1);
	p.gw.want |= GW_REKEY_CHILD;
	pair_run(&p, 100);
	assert_in_range(p.gw.refused, 1, 3);
	assert_int_equal(p.gw.last_notify, TEMPORARY_FAILURE);
	pair_run(&p, SECONDS(30));
	assert_int_equal(p.client.v2->rekeys_child, 2);
	assert_int_equal(p.gw.rekeys_child, 2);
	assert_int_equal(p.net.esp_lost, 0);
	p.ping_every = 0;
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* Networks of the profile of which one lies in the other: they stay two, however often the gateway rekeys. */
static void one_network_in_another(void **state)
{
	static const char *const networks[] = { "10.0.0.0/8", "10.1.0.0/16" };
	struct pair p;

	(void)state;
	pair_init(&p, 33);
	for (size_t i = 0; i < ARRAY_LEN(networks); i++) {
		struct prefix n;
		assert_true(prefix_parse(&n, networks[i]));
		selector_from_prefix(&p.cfg.remote_ts.v[p.cfg.remote_ts.n++], &n);
	}
	pair_connect(&p);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* A gateway that refuses every rekey: it is asked again and again, until the lifetime is over. */
static void rekey_refused(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 23);
	p.cfg.ike_lifetime = SECONDS(600);
	pair_connect(&p);
	p.gwc.refuse_rekey = TEMPORARY_FAILURE;
	pair_run(&p, SECONDS(590));
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_in_range(p.gw.requests, 5, 30);
	pair_run(&p, SECONDS(30));
	pair_check_dead(&p, ERR_SILENT, 0);
	pair_free(&p);
}

/* A gateway that sends us round in circles with its refusals, each of which is usually followed at once. */
static void other_way_round(struct pair *p)
{
	p->gwc.edits[1].hex = p->gw.requests % 2 ? "000000110013" : "00000011001f";
}

static void refused_in_circles(void **state)
{
	static const struct {
		enum command command;
		const char *notify; /* NULL: INVALID_KE_PAYLOAD, two groups by turns */
	} rows[] = { { CMD_REKEY_IKE, NULL }, { CMD_REKEY_CHILD, NULL },
		{ CMD_REKEY_CHILD, "0000002c" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair p;
		pair_init(&p, 34);
		p.ike = "aes128gcm16-prfsha256-x25519-ecp256";
		p.esp = "aes128gcm16-x25519-ecp256-noesn";
		pair_connect(&p);
		p.gwc.edits[0] = (struct edit){ .op = EDIT_NOTHING };
		p.gwc.edits[1] = (struct edit)EDIT(EDIT_ADD, N, .hex = rows[i].notify);
		for (size_t j = 0; j < 2; j++) {
			p.gwc.edits[j].exchange = CREATE_CHILD_SA;
			p.gwc.edits[j].any_mid = true;
		}
		if (!rows[i].notify) {
			p.watch = other_way_round;
			other_way_round(&p);
		}
		unsigned before = p.gw.requests;
		pair_command(&p, rows[i].command);
		pair_run(&p, SECONDS(3));
		assert_int_equal(client_phase(&p.client), IKE_UP);
		assert_in_range(p.gw.requests - before, 2, 8);
		pair_free(&p);
	}
}

/* Whoever asked for new keys hears the gateway's word for it; a gateway that is only busy is asked again. */
static void tells_why_not(void **state)
{
	static const struct {
		enum command what;
		uint16_t type;
		const char *says; /* NULL: nothing */
	} rows[] = {
		{ CMD_REKEY_CHILD, NO_PROPOSAL_CHOSEN,
			"the gateway does not rekey the child SA now with PFS (esp.pfs = yes), which "
			"first keys never have: NO_PROPOSAL_CHOSEN (14)" },
		{ CMD_REKEY_CHILD, 10000,
			"the gateway does not rekey the child SA now with PFS (esp.pfs = yes), which "
			"first keys never have: notify 10000" },
		{ CMD_REKEY_CHILD, TEMPORARY_FAILURE, NULL },
		{ CMD_REKEY_IKE, NO_PROPOSAL_CHOSEN,
			"the gateway does not rekey the IKE SA now: NO_PROPOSAL_CHOSEN (14)" },
		{ CMD_REKEY_IKE, TEMPORARY_FAILURE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool ike = rows[i].what == CMD_REKEY_IKE;
		struct pair p;
		pair_init(&p, 90 + i);
		p.cfg.pfs = TRI_YES; /* else the next offer is another one */
		pair_connect(&p);
		*(ike ? &p.gwc.refuse_rekey : &p.gwc.refuse_child) = rows[i].type;
		pair_command(&p, rows[i].what);
		pair_run(&p, SECONDS(1));
		assert_int_equal(p.events[EV_NOT_REKEYED], rows[i].says != NULL);
		assert_string_equal(p.said, rows[i].says ? rows[i].says : "");
		p.gwc.refuse_rekey = p.gwc.refuse_child = 0;
		pair_run(&p, SECONDS(60));
		assert_int_equal(p.client.v2->rekeys_ike, ike);
		assert_int_equal(p.client.v2->rekeys_child, !ike);
		pair_settle(&p);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

static void used_up(struct pair *p, enum os_kind kind)
{
	pair_os(p,
		&(struct os_input){
			.kind = kind, .ok = true, .spi = p->client.v2->children.v[0]->spi_out });
}

/* Three quarters of a limit are used up, and then all of it: what has been replaced by then may end. */
static void by_volume(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 25);
	pair_connect(&p);
	uint32_t old = p.client.v2->children.v[0]->spi_out;
	used_up(&p, OS_SA_EXPIRING);
	pair_os(&p, &(struct os_input){ .kind = OS_SA_EXPIRED, .ok = true, .spi = old });
	pair_run(&p, SECONDS(60));
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_int_not_equal(p.client.v2->children.v[0]->spi_out, old);
	assert_int_equal(p.client.v2->rekeys_child, 1);
	assert_int_equal(p.events[EV_LOST], 0);
	pair_free(&p);
}

/* Without a successor it carries nothing more, so the connection ends as at the end of a lifetime. */
static void volume_used_up(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 26);
	pair_connect(&p);
	p.gwc.refuse_child = TEMPORARY_FAILURE;
	used_up(&p, OS_SA_EXPIRING);
	pair_run(&p, SECONDS(5));
	assert_int_equal(client_phase(&p.client), IKE_UP);
	used_up(&p, OS_SA_EXPIRED);
	pair_run(&p, SECONDS(5));
	pair_check_dead(&p, ERR_PEER, 0);
	assert_non_null(strstr(p.client.v2->failure.text, "end of its life"));
	pair_free(&p);
}

/* A gateway without PFS refuses a key exchange in words of its own: pluto by INVALID_SYNTAX, others by numbers
 * that only they know. `auto` goes on without, and waits where the refusal is about something else. */
static void pfs_refused_somehow(void **state)
{
	static const struct {
		uint16_t type;
		enum tri pfs;
		unsigned rekeys;
	} rows[] = { { NO_PROPOSAL_CHOSEN, TRI_AUTO, 1 }, { INVALID_SYNTAX, TRI_AUTO, 1 },
		{ 10000, TRI_AUTO, 1 }, { INVALID_SYNTAX, TRI_YES, 0 },
		{ TEMPORARY_FAILURE, TRI_AUTO, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair p;
		pair_init(&p, 60 + i);
		p.esp = p.gwc.esp = "aes128gcm16-noesn";
		p.cfg.pfs = rows[i].pfs;
		p.gwc.refuse_pfs = rows[i].type;
		pair_connect(&p);
		children_rekey(&p.client.v2->children, p.net.now);
		pair_settle(&p);
		assert_int_equal(p.client.v2->rekeys_child, rows[i].rekeys);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* PFS by a group of the gateway's that is not the IKE SA's, and that only its answer tells. */
static void pfs_by_another_group(void **state)
{
	static const enum tri modes[] = { TRI_AUTO, TRI_YES };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct pair p;
		pair_init(&p, 5);
		p.ike = "aes128gcm16-prfsha256-x25519-ecp256";
		p.gwc.ike = "aes128gcm16-prfsha256-x25519";
		p.esp = "aes128gcm16-noesn";
		p.gwc.esp = "aes128gcm16-ecp256-noesn";
		p.cfg.pfs = modes[i];
		p.cfg.child_lifetime = SECONDS(3600);
		pair_connect(&p);
		pair_run(&p, SECONDS(3700));
		assert_int_equal(client_phase(&p.client), IKE_UP);
		assert_int_equal(p.client.v2->rekeys_child, 1);
		assert_string_equal(p.client.v2->children.v[0]->suite.ke->name, "ecp256");
		pair_free(&p);
	}
}

/* Rekeys of the IKE SA, and those whose SA payload does not offer the group of the KE payload. */
struct groups {
	unsigned rekeys, strange;
};

static void hear_groups(
	void *arg, bool sent, uint8_t exchange, bool response, uint8_t first, struct bytes chain)
{
	struct groups *g = arg;
	struct payloads *p = malloc(sizeof(*p));
	uint8_t inner, unknown;
	struct bytes value;
	uint16_t group;
	struct err e;

	assert_non_null(p);
	if (!sent && !response && exchange == CREATE_CHILD_SA &&
		payloads_read(p, first, chain, &inner, &unknown, &e) &&
		!payload_find(p, PAYLOAD_TSi)) {
		struct bytes sa = payload_find(p, PAYLOAD_SA)->body;
		assert_true(v2_ke_read(payload_find(p, PAYLOAD_KE)->body, &group, &value));
		uint8_t t[] = { 0, 8, TRANSFORM_KE, 0, group >> 8, group & 0xff };
		g->rekeys++;
		g->strange += memmem(sa.p, sa.n, t, sizeof(t)) == NULL;
	}
	free(p);
}

/* What the gateway wants for child SAs is no group of the IKE SA. */
static void groups_apart(void **state)
{
	struct groups heard = { 0 };
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.esp = "aes128gcm16-x25519-ecp256-noesn";
	p.gwc.esp = "aes128gcm16-ecp256-noesn";
	pair_connect(&p);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, SECONDS(20));
	assert_int_equal(p.client.v2->rekeys_child, 1);
	p.gw.hear = hear_groups;
	p.gw.hear_arg = &heard;
	pair_command(&p, CMD_REKEY_IKE);
	pair_run(&p, SECONDS(1));
	assert_int_equal(heard.rekeys, 1);
	assert_int_equal(heard.strange, 0);
	assert_int_equal(p.client.v2->rekeys_ike, 1);
	pair_free(&p);
}

/* AES-CBC: the IVs are random and of a block. */
static bool note_cbc_iv(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)n;
	(void)from;
	if (f->data[16] == PAYLOAD_SK)
		note(arg, f->data + IKE_HDR_LEN + 4, 16, NULL, 0);
	return false;
}

static void cbc_ivs(void **state)
{
	struct uniques ivs = { 0 };
	struct pair p;

	(void)state;
	pair_init(&p, 24);
	p.ike = p.gwc.ike = "aes128-sha256-x25519";
	pair_start(&p);
	pair_tap(&p, note_cbc_iv, &ivs);
	pair_run(&p, 1000);
	for (int i = 0; i < 200; i++) {
		pair_gw(&p, GW_DPD);
		pair_run(&p, 1000);
	}
	assert_true(ivs.n > 400);
	check_unique(&ivs);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_twice),
		cmocka_unit_test(by_lifetime),
		cmocka_unit_test(in_a_hurry),
		cmocka_unit_test(expected_before_asked),
		cmocka_unit_test(taken_over_with_patience),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(one_network_in_another),
		cmocka_unit_test(rekey_refused),
		cmocka_unit_test(refused_in_circles),
		cmocka_unit_test(tells_why_not),
		cmocka_unit_test(by_volume),
		cmocka_unit_test(volume_used_up),
		cmocka_unit_test(pfs_refused_somehow),
		cmocka_unit_test(pfs_by_another_group),
		cmocka_unit_test(groups_apart),
		cmocka_unit_test(cbc_ivs),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
