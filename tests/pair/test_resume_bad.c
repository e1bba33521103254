/*
 * A resumption (RFC 5723) that comes to nothing, or that somebody disturbs: what is left is a login as ever, at once.
 */
#include <stdlib.h>

#include "../../src/session/state.h"
#include "people.h"
#include "resuming.h"

/* It is up by a login, within the time that resuming_lose leaves, and by one alone. */
static void logged_in_instead(struct resuming *w, unsigned asks)
{
	assert_int_equal(client_phase(&w->p.client), IKE_UP);
	assert_false(w->p.client.v2->resumed);
	assert_null(w->p.client.session->resume.from);
	assert_int_equal(w->p.gw.inits, 2);
	assert_int_equal(w->p.asks, asks);
	assert_int_equal(w->p.events[EV_RECONNECTING], 1);
	pair_check_up(&w->p, 1);
	pair_settle(&w->p);
	pair_check_up(&w->p, 1);
}

/* --- the gateway does not ------------------------------------------------------------------------ */

/* It was restarted, and knows no ticket any more. What was typed once is not asked for again. */
static void forgotten(void **state)
{
	struct resuming *w = resuming_new(true);

	(void)state;
	resuming_up(w);
	resuming_lose(w, false);
	logged_in_instead(w, 2);
	assert_int_equal(w->p.gw.resume_requests, 1);
	resuming_lose(w, true); /* and from there on as before */
	resuming_check(w, 1);
	resuming_free(w);
}

/* ... as is a gateway that leaves us in doubt whether there is a NAT. */
static void at_once(void **state)
{
	(void)state;
	for (int nat = 0; nat < 2; nat++) {
		struct resuming *w = resuming_new(false);
		resuming_up(w);
		pair_tap(&w->p, net_deaf, NULL);
		while (w->p.events[EV_RECONNECTING] == 0)
			pair_run(&w->p, 100);
		w->p.gwc.no_nat_detection = nat;
		if (!nat)
			w->p.gw.issued.ticket_len = 0;
		pair_tap(&w->p, NULL, NULL);
		uint64_t due = w->p.client.session->next_attempt;
		pair_run(&w->p, due - w->p.net.now + UINT64_C(8) * w->p.wire.delay);
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		assert_false(w->p.client.v2->resumed);
		resuming_free(w);
	}
}

static void refused(void **state)
{
	static const uint16_t types[] = { INVALID_SYNTAX, NO_PROPOSAL_CHOSEN, INVALID_MAJOR_VERSION,
		AUTHENTICATION_FAILED };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct resuming *w = resuming_new(true);
		resuming_up(w);
		w->p.gwc.refuse_resume = types[i];
		resuming_lose(w, true);
		logged_in_instead(w, 2);
		resuming_free(w);
	}
}

/* Its proof, in the answer to IKE_AUTH. */
static void wrong_proof(void **state)
{
	static const struct edit edits[] = {
		{ .op = EDIT_NONE },
		{ .op = EDIT_FLIP, .payload = PAYLOAD_IDr, .at = 4, .hex = "01" },
		{ .op = EDIT_DROP, .payload = PAYLOAD_IDr },
		{ .op = EDIT_DROP, .payload = PAYLOAD_AUTH },
		{ .op = EDIT_CUT, .payload = PAYLOAD_AUTH, .at = 4 },
		{ .op = EDIT_CUT, .payload = PAYLOAD_AUTH, .at = 20 },
		{ .op = EDIT_SET, .payload = PAYLOAD_AUTH, .at = 0, .hex = "0d" },
		{ .op = EDIT_BODY, .payload = PAYLOAD_AUTH, .hex = "" },
		{ .op = EDIT_NOTHING },
		{ .op = EDIT_DROP, .payload = PAYLOAD_SA },
		{ .op = EDIT_FLIP, .payload = PAYLOAD_IDr, .at = 4, .hex = "01" }, /* bare */
		{ .op = EDIT_ADD, .payload = PAYLOAD_EAP, .hex = "01010004" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		struct resuming *w = resuming_new(true);
		resuming_up(w);
		w->p.gwc.wrong_proof = i == 0;
		w->p.gwc.bare = i + 2 == ARRAY_LEN(edits);
		w->p.gwc.edits[0] = edits[i];
		w->p.gwc.edits[0].exchange = IKE_AUTH;
		w->p.gwc.edits[0].mid = 1;
		w->p.watch = NULL;
		w->p.events[EV_RECONNECTING] = 0;
		pair_tap(&w->p, net_deaf, NULL);
		while (w->p.events[EV_RECONNECTING] == 0)
			pair_run(&w->p, 100);
		pair_tap(&w->p, NULL, NULL);
		while (w->p.gw.resumes == 0)
			pair_run(&w->p, 1);
		w->p.gwc.edits[0].op = EDIT_NONE; /* for the login */
		pair_run(&w->p, SECONDS(2));
		if (i + 1 < ARRAY_LEN(edits))
			logged_in_instead(w, 2);
		else /* there is no place for it, and AUTH is there */
			resuming_check(w, 1);
		resuming_free(w);
	}
}

/* It takes neither kind of ours. */
static void no_proof_of_ours(void **state)
{
	struct resuming *w = resuming_new(true);

	(void)state;
	resuming_up(w);
	w->p.gwc.refuse_auth = AUTHENTICATION_FAILED;
	w->p.events[EV_RECONNECTING] = 0;
	pair_tap(&w->p, net_deaf, NULL);
	while (w->p.events[EV_RECONNECTING] == 0)
		pair_run(&w->p, 100);
	pair_tap(&w->p, NULL, NULL);
	while (w->p.gw.inits == 1)
		pair_run(&w->p, 1);
	assert_int_equal(w->p.gw.resume_requests, 2);
	w->p.gwc.refuse_auth = 0; /* for the login */
	pair_run(&w->p, SECONDS(2));
	logged_in_instead(w, 2);
	resuming_free(w);
}

/* The gateway is who it was, and has nothing for us: a login hears the same, and that counts. */
static void refused_behind_the_proof(void **state)
{
	struct resuming *w = resuming_new(false);

	(void)state;
	resuming_up(w);
	w->p.gwc.refuse_child = TS_UNACCEPTABLE;
	resuming_lose(w, true);
	assert_int_equal(w->p.gw.resumes, 1);
	assert_true(w->p.gw.inits >= 2);
	assert_true(w->p.events[EV_RECONNECTING] > 1);
	w->p.gwc.refuse_child = 0;
	pair_run(&w->p, SECONDS(40));
	assert_int_equal(client_phase(&w->p.client), IKE_UP);
	assert_int_equal(w->p.gw.resume_requests, 1);
	assert_false(w->p.client.v2->resumed);
	resuming_free(w);
}

/* It ignores the exchange: the fourth round is a login. */
static void unheard_of(void **state)
{
	struct resuming *w = resuming_new(true);

	(void)state;
	resuming_up(w);
	w->p.gwc.tickets = GW_TICKETS_UNKNOWN;
	resuming_lose(w, true);
	pair_run(&w->p, SECONDS(40));
	assert_int_equal(client_phase(&w->p.client), IKE_UP);
	assert_int_equal(w->p.gw.inits, 2);
	assert_int_equal(w->p.asks, 2);
	resuming_free(w);
}

/* --- somebody disturbs ---------------------------------------------------------------------------- */

enum forgery {
	FORGED_NACK,
	FORGED_ERROR,
	FORGED_ANSWER, /* with a nonce of the forger's ... */
	FORGED_BARE, /* ... and no word of NATs */
	FORGED_SHORT_NONCE,
	FORGED_OWN_NONCE,
	FORGED_NO_SPI,
	FORGED_COOKIES,
	FORGED_INIT, /* as if it were an IKE_SA_INIT */
	FORGED_JUNK,
	FORGERIES,
};

struct forger {
	enum forgery what;
	bool first; /* the genuine answer is lost */
	unsigned done;
};

static size_t forge(enum forgery what, const uint8_t *request, uint8_t *out, size_t cap)
{
	struct ike_hdr h = { .version = 0x20,
		.exchange = what == FORGED_INIT ? IKE_SA_INIT : IKE_SESSION_RESUME,
		.flags = FLAG_RESPONSE };
	static const uint8_t nonce[32] = { 1 };
	struct ikew k;
	size_t len;

	memcpy(h.spi_i, request, IKE_SPI_LEN);
	if (what != FORGED_NO_SPI && what != FORGED_NACK)
		memset(h.spi_r, 7, IKE_SPI_LEN);
	ikew_message(&k, out, cap, &h);
	if (what == FORGED_NACK)
		gw_notify(&k, TICKET_NACK);
	else if (what == FORGED_ERROR)
		gw_notify(&k, NO_PROPOSAL_CHOSEN);
	else if (what == FORGED_COOKIES)
		ikew_notify(&k, 0, COOKIE, (struct bytes){ 0 }, BYTES("crumbs"));
	else if (what == FORGED_OWN_NONCE)
		ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ request + IKE_HDR_LEN + 4, 32 });
	else if (what != FORGED_JUNK)
		ikew_bytes(&k, PAYLOAD_NONCE,
			(struct bytes){ nonce, what == FORGED_SHORT_NONCE ? 15 : 32 });
	if (what == FORGED_ANSWER) {
		ikew_notify(&k, 0, NAT_DETECTION_SOURCE_IP, (struct bytes){ 0 },
			(struct bytes){ nonce, 20 });
		ikew_notify(&k, 0, NAT_DETECTION_DESTINATION_IP, (struct bytes){ 0 },
			(struct bytes){ nonce, 20 });
	}
	assert_true(ikew_end(&k, &len));
	return len;
}

/* Sooner than the gateway's answer. */
static bool disturb(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct forger *x = arg;
	uint8_t out[256];

	if (f->esp || f->len < IKE_HDR_LEN || f->data[18] != IKE_SESSION_RESUME)
		return false;
	if (from == GATEWAY)
		return x->first;
	if (x->done++ == 0)
		net_send(n, CLIENT, &f->dst, &f->src, out,
			forge(x->what, f->data, out, sizeof(out)), 1);
	return false;
}

/* Where the genuine answer comes too, no more than a login is lost: by a refusal of the ticket or what makes it useless, and by a cookie, for
 * the gateway has answered the message without it. */
static void forged(void **state)
{
	(void)state;
	for (int i = 0; i < FORGERIES; i++) {
		struct resuming *w = resuming_new(true);
		struct forger x = { .what = i };
		resuming_up(w);
		pair_tap(&w->p, disturb, &x);
		resuming_lose(w, true);
		pair_run(&w->p, SECONDS(40));
		assert_true(x.done > 0);
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		assert_int_equal(w->p.asks, 2);
		bool login = i == FORGED_NACK || i == FORGED_BARE || i == FORGED_COOKIES;
		if (w->p.client.v2->resumed == login)
			fail_msg("forgery %d: %s", i, w->p.client.session->last_error.text);
		pair_settle(&w->p);
		pair_check_up(&w->p, 1);
		resuming_free(w);
	}
}

/* And where it does not. */
static void forged_and_lost(void **state)
{
	(void)state;
	for (int i = 0; i < FORGERIES; i++) {
		struct resuming *w = resuming_new(true);
		struct forger x = { .what = i, .first = true };
		resuming_up(w);
		pair_tap(&w->p, disturb, &x);
		resuming_lose(w, true);
		pair_run(&w->p, SECONDS(120));
		assert_true(x.done > 0);
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		assert_false(w->p.client.v2->resumed);
		assert_int_equal(w->p.asks, 2);
		resuming_free(w);
	}
}

/* The messages of a resumption that was, sent again: to the client of the next one, and to the gateway. */
struct recorder {
	struct flight v[32];
	size_t n;
	bool on;
};

static bool record(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct recorder *x = arg;

	(void)n;
	(void)from;
	if (!x->on || f->esp || x->n == ARRAY_LEN(x->v))
		return false;
	x->v[x->n] = *f;
	x->v[x->n].data = malloc(f->len);
	assert_non_null(x->v[x->n].data);
	memcpy(x->v[x->n++].data, f->data, f->len);
	return false;
}

static void replayed(void **state)
{
	struct resuming *w = resuming_new(true);
	struct recorder *x = calloc(1, sizeof(*x));

	(void)state;
	assert_non_null(x);
	resuming_up(w);
	pair_tap(&w->p, record, x);
	x->on = true;
	resuming_lose(w, true);
	x->on = false;
	resuming_check(w, 1);
	assert_true(x->n >= 4);
	for (int lost = 0; lost < 2; lost++) {
		for (size_t i = 0; i < x->n; i++)
			net_send(&w->p.net, x->v[i].to, &x->v[i].src, &x->v[i].dst, x->v[i].data,
				x->v[i].len, 10 * i);
		if (lost)
			resuming_lose(w, true);
		pair_settle(&w->p);
		resuming_check(w, 1 + lost);
	}
	for (size_t i = 0; i < x->n; i++)
		free(x->v[i].data);
	free(x);
	resuming_free(w);
}

/* Everything twice, late, or lost now and then. */
static void a_bad_network(void **state)
{
	unsigned resumes = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= 40; seed++) {
		struct resuming *w = resuming_new(true);
		w->p.wire = (struct net_config){ .seed = seed,
			.delay = 10,
			.jitter = 100,
			.loss = 15,
			.dup = 20,
			.reorder = 20 };
		pair_connect(&w->p);
		if (client_phase(&w->p.client) != IKE_UP) {
			resuming_free(w);
			continue;
		}
		for (int i = 0; i < 3; i++) {
			resuming_lose(w, true);
			pair_run(&w->p, SECONDS(150));
			assert_int_equal(client_phase(&w->p.client), IKE_UP);
			pair_check_up(&w->p, 1);
			assert_int_equal(w->p.asks, 2);
		}
		resumes += w->p.gw.resumes;
		resuming_free(w);
	}
	assert_true(resumes > 90);
}

static int teardown(void **state)
{
	people_free();
	return pair_group_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forgotten),
		cmocka_unit_test(at_once),
		cmocka_unit_test(refused),
		cmocka_unit_test(wrong_proof),
		cmocka_unit_test(no_proof_of_ours),
		cmocka_unit_test(refused_behind_the_proof),
		cmocka_unit_test(unheard_of),
		cmocka_unit_test(forged),
		cmocka_unit_test(forged_and_lost),
		cmocka_unit_test(replayed),
		cmocka_unit_test(a_bad_network),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, teardown);
}
