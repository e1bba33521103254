/*
 * A session whose gateway gives tickets (RFC 5723): what is lost comes back without a new login, and what must not
 * does not.
 */
#include <openssl/hmac.h>
#include <stdlib.h>

#include "../../src/session/state.h"
#include "people.h"
#include "resuming.h"

/* --- it does ------------------------------------------------------------------------------------- */

/* The tunnel is lost; nobody is asked for anything, and it carries again, under the same address. */
static void comes_back(void **state)
{
	struct resuming *w = resuming_new(true);
	struct status *st = calloc(1, sizeof(*st));
	struct pair *p = &w->p;

	(void)state;
	assert_non_null(st);
	resuming_up(w);
	assert_int_equal(p->asks, 2);
	session_status(p->client.session, p->net.now, st);
	assert_false(st->ike.resumed);
	assert_in_range(st->ike.ticket_for, 3500, 3600);
	resuming_lose(w, true);
	resuming_check(w, 1);
	assert_int_equal(p->asks, 2);
	assert_int_equal(p->gw.inits, 1);
	assert_int_equal(p->gw.asked[3], 3); /* 10.1.2.3, which it had */
	assert_true(p->gw.initial_contact);
	session_status(p->client.session, p->net.now, st);
	assert_int_equal(st->reconnects, 1);
	assert_true(st->ike.resumed);
	assert_int_equal(st->ike.quantum_safe, false);
	assert_in_range(st->ike.ticket_for, 3500, 3600);
	assert_string_equal(st->gateway.id, "gw.example.org");
	assert_string_equal(st->local.id, "anna");
	assert_non_null(strstr(st->ike.proposal, "aes128gcm16"));
	resuming_lose(w, true); /* and again, by the next ticket */
	resuming_check(w, 2);
	assert_int_equal(p->asks, 2);
	resuming_free(w);
	free(st);
}

/* A password that was typed and not kept would be asked for by a login: of a one-time code that is the rule. */
static void without_the_password(void **state)
{
	struct resuming *w = resuming_new(true);

	(void)state;
	resuming_up(w);
	passphrase_wipe(&w->p.client.session->password);
	w->p.password = NULL;
	resuming_lose(w, true);
	resuming_check(w, 1);
	resuming_free(w);
}

static void by_each_proof(void **state)
{
	(void)state;
	for (int ppk = 0; ppk < 2; ppk++) {
		struct resuming *w = resuming_new(false);
		w->p.gwc.ppk_id = ppk ? "wg7" : NULL;
		w->p.gwc.ppk = ppk ? "a post-quantum key of both" : NULL;
		if (ppk) {
			strcpy(w->profile->ppk_id, "wg7");
			passphrase_set(&w->profile->ppk, w->p.gwc.ppk, strlen(w->p.gwc.ppk));
			w->profile->ppk_given = true;
		}
		resuming_up(w);
		assert_int_equal(pair_quantum_safe(&w->p), ppk);
		resuming_lose(w, true);
		resuming_check(w, 1);
		assert_int_equal(pair_quantum_safe(&w->p), ppk);
		pair_command(&w->p, CMD_REKEY_ALL);
		pair_settle(&w->p);
		pair_check_up(&w->p, 1);
		assert_int_equal(pair_quantum_safe(&w->p), ppk);
		resuming_free(w);
	}
}

static void addresses_change(void **state)
{
	struct os_input in = { .kind = OS_PATH_CHANGED, .n_paths = 1 };
	struct resuming *w = resuming_new(true);

	(void)state;
	resuming_up(w);
	w->p.path.local.ip[3] = 77;
	in.paths[0] = w->p.path;
	pair_os(&w->p, &in);
	pair_run(&w->p, SECONDS(3));
	resuming_check(w, 1);
	assert_int_equal(w->p.asks, 2);
	assert_int_equal(w->p.gw.phase, GW_UP);
	assert_int_equal(w->p.client.v2->path.local.ip[3], 77);
	resuming_free(w);
}

/* The first ticket is of no use after a rekey of the IKE SA: the next one is asked for. */
static void after_a_rekey(void **state)
{
	(void)state;
	for (int ours = 0; ours < 2; ours++) {
		struct resuming *w = resuming_new(true);
		resuming_up(w);
		assert_int_equal(w->p.gw.tickets_given, 1);
		if (ours)
			pair_command(&w->p, CMD_REKEY_IKE);
		else
			pair_gw(&w->p, GW_REKEY_IKE);
		pair_run(&w->p, SECONDS(5));
		assert_int_equal(w->p.gw.rekeys_ike, 1);
		assert_int_equal(w->p.gw.tickets_given, 2);
		resuming_lose(w, true);
		resuming_check(w, 1);
		assert_int_equal(w->p.asks, 2);
		resuming_free(w);
	}
}

static void ticket_later(void **state)
{
	struct resuming *w = resuming_new(true);

	(void)state;
	w->p.gwc.tickets = GW_TICKETS_LATER;
	resuming_up(w);
	pair_run(&w->p, SECONDS(1));
	assert_int_equal(w->p.gw.tickets_asked, 2);
	assert_int_equal(w->p.gw.tickets_given, 1);
	resuming_lose(w, true);
	resuming_check(w, 1);
	resuming_free(w);
}

/* One that ends soon is renewed before. */
static void renewed(void **state)
{
	struct resuming *w = resuming_new(true);

	(void)state;
	w->p.gwc.ticket_life = 600;
	resuming_up(w);
	pair_run(&w->p, SECONDS(3000));
	assert_in_range(w->p.gw.tickets_given, 5, 7);
	resuming_lose(w, true);
	resuming_check(w, 1);
	resuming_free(w);
}

static void large_tickets(void **state)
{
	static const size_t sizes[] = { 1, 1400, 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct resuming *w = resuming_new(true);
		w->p.gwc.ticket_len = sizes[i];
		resuming_up(w);
		resuming_lose(w, true);
		resuming_check(w, 1);
		resuming_free(w);
	}
}

static void under_load(void **state)
{
	struct resuming *w = resuming_new(true);

	(void)state;
	resuming_up(w);
	w->p.gwc.cookies = 2;
	resuming_lose(w, true);
	resuming_check(w, 1);
	assert_int_equal(w->p.gw.cookies, 2);
	resuming_free(w);
}

static void through_nat_with_mobike(void **state)
{
	struct resuming *w = resuming_new(true);

	(void)state;
	w->p.wire.nat = true;
	w->profile->mobike = w->p.gwc.mobike = true;
	resuming_up(w);
	resuming_lose(w, true);
	resuming_check(w, 1);
	assert_true(w->p.client.v2->mobike);
	assert_true(w->p.client.v2->natt);
	resuming_free(w);
}

/* The gateway answers nothing for minutes. Every fourth round is a login, which it does not hear either. */
static void after_a_long_silence(void **state)
{
	unsigned back = 0, logins = 0;

	(void)state;
	for (unsigned minutes = 1; minutes < 9; minutes++) {
		struct resuming *w = resuming_new(true);
		resuming_up(w);
		pair_tap(&w->p, net_deaf, NULL);
		pair_run(&w->p, SECONDS(100 + 60 * minutes));
		pair_tap(&w->p, NULL, NULL);
		pair_run(&w->p, SECONDS(80));
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		back += w->p.client.v2->resumed;
		logins += !w->p.client.v2->resumed;
		resuming_free(w);
	}
	assert_true(back >= 5 && back > logins);
}

/* Its answer says nothing of NATs, as libreswan's does not: that is good enough where it was, without UDP around ESP. */
static void without_nat_detection(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct resuming *w = resuming_new(false);
		w->p.plain_esp = i != 1;
		resuming_up(w);
		assert_int_equal(w->p.client.v2->encap, i == 1);
		w->p.gwc.no_nat_detection = true;
		if (i == 2)
			w->p.path.local.ip[3] = 77;
		resuming_lose(w, true);
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		assert_int_equal(w->p.client.v2->resumed, i == 0);
		assert_int_equal(w->p.gw.inits, i == 0 ? 1 : 2);
		assert_false(w->p.client.v2->encap);
		pair_check_up(&w->p, 1);
		resuming_free(w);
	}
}

/* libreswan's kind of proof is found out by the first resumption, and known for all later ones. */
static void by_a_bare_proof(void **state)
{
	struct resuming *w = resuming_new(true);

	(void)state;
	w->p.gwc.bare = true;
	resuming_up(w);
	resuming_lose(w, true);
	resuming_check(w, 1);
	assert_int_equal(w->p.gw.resume_requests, 2);
	pair_command(&w->p, CMD_REKEY_IKE);
	pair_run(&w->p, SECONDS(5));
	resuming_lose(w, true);
	resuming_check(w, 2);
	assert_int_equal(w->p.gw.resume_requests, 3);
	assert_int_equal(w->p.gw.inits, 1);
	assert_int_equal(w->p.asks, 2);
	resuming_free(w);
}

/* --- the keys, worked out anew -------------------------------------------------------------------- */

struct heard { /* of the last resumption */
	uint8_t request[1024], answer[1024], auth[2][32];
	size_t request_len, answer_len;
};

static bool note_messages(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct heard *x = arg;
	bool client = from == CLIENT;

	(void)n;
	if (f->esp || f->len < IKE_HDR_LEN || f->data[18] != IKE_SESSION_RESUME)
		return false;
	memcpy(client ? x->request : x->answer, f->data, f->len);
	*(client ? &x->request_len : &x->answer_len) = f->len;
	return false;
}

static void note_auth(
	void *arg, bool sent, uint8_t exchange, bool response, uint8_t first, struct bytes chain)
{
	struct heard *x = arg;
	struct payloads p;
	uint8_t inner, unknown;

	(void)response;
	if (exchange != IKE_AUTH || !payloads_read(&p, first, chain, &inner, &unknown, NULL))
		return;
	const struct payload *auth = payload_find(&p, PAYLOAD_AUTH);
	if (auth && auth->body.n == 4 + 32)
		memcpy(x->auth[sent], (const uint8_t *)auth->body.p + 4, 32);
}

static struct bytes nonce_of(const uint8_t *m, size_t len)
{
	struct payloads p;
	uint8_t inner, unknown;

	assert_true(payloads_read(&p, m[16], (struct bytes){ m + IKE_HDR_LEN, len - IKE_HDR_LEN },
		&inner, &unknown, NULL));
	assert_non_null(payload_find(&p, PAYLOAD_NONCE));
	return payload_find(&p, PAYLOAD_NONCE)->body;
}

static void hmac(const void *key, const struct bytes *parts, size_t n, uint8_t out[32])
{
	uint8_t all[4096];
	struct wr w = wr_init(all, sizeof(all));

	for (size_t i = 0; i < n; i++)
		wr_bytes(&w, parts[i].p, parts[i].n);
	assert_false(w.bad);
	assert_non_null(HMAC(EVP_sha256(), key, 32, all, w.len, out, NULL));
}

/* AUTH = prf(SK_px, message | nonce | prf(SK_px, ID)) */
static void check_auth(const uint8_t got[32], const struct secret *key, struct bytes message,
	struct bytes nonce, const struct identity *id)
{
	uint8_t head[4] = { id->type }, maced[32], want[32];
	struct bytes body[] = { { head, 4 }, { id->data, id->len } };
	struct bytes all[] = { message, nonce, { maced, 32 } };

	hmac(key->data, body, 2, maced);
	hmac(key->data, all, 3, want);
	assert_memory_equal(got, want, 32);
}

/* RFC 5723 section 5.1 with HMAC-SHA-256, and nothing of the engine. */
static void the_keys(void **state)
{
	struct resuming *w = resuming_new(false);
	struct heard *x = calloc(1, sizeof(*x));
	uint8_t seed[32], t[7 * 32 + 32], one[1];
	struct identity idi, idr;

	(void)state;
	assert_non_null(x);
	resuming_up(w);
	struct secret old = w->p.gw.issued.sk_d;
	idi = w->p.gw.issued.idi;
	idr = w->p.gw.issued.idr;
	pair_tap(&w->p, note_messages, x);
	w->p.gw.hear = note_auth;
	w->p.gw.hear_arg = x;
	resuming_lose(w, true);
	resuming_check(w, 1);
	const struct v2_sa *sa = w->p.client.v2->sa;
	struct bytes ni = nonce_of(x->request, x->request_len),
		     nr = nonce_of(x->answer, x->answer_len);
	hmac(old.data, (struct bytes[]){ BYTES("Resumption"), ni, nr }, 3, seed);
	struct bytes parts[] = { { NULL, 0 }, ni, nr, { x->answer, 8 }, { x->answer + 8, 8 },
		{ one, 1 } };
	for (one[0] = 1; one[0] <= 7; one[0]++) { /* prf+ */
		uint8_t *next = t + (size_t)32 * (one[0] - 1);
		hmac(seed, parts, ARRAY_LEN(parts), next);
		parts[0] = (struct bytes){ next, 32 };
	}
	/* SK_d, no SK_a, twice SK_e of AES-128-GCM with its salt, SK_pi, SK_pr */
	assert_memory_equal(sa->sk_d.data, t, 32);
	assert_int_equal(sa->sk_ei.len, 20);
	assert_memory_equal(sa->sk_ei.data, t + 32, 20);
	assert_memory_equal(sa->sk_er.data, t + 52, 20);
	assert_memory_equal(sa->sk_pi.data, t + 72, 32);
	assert_memory_equal(sa->sk_pr.data, t + 104, 32);
	check_auth(x->auth[0], &sa->sk_pi, (struct bytes){ x->request, x->request_len }, nr, &idi);
	check_auth(x->auth[1], &sa->sk_pr, (struct bytes){ x->answer, x->answer_len }, ni, &idr);
	resuming_free(w);
	free(x);
}

static void keys_are_told(void **state)
{
	struct resuming *w = resuming_new(false);

	(void)state;
	w->p.wire.keys = true;
	resuming_up(w);
	resuming_lose(w, true);
	resuming_check(w, 1);
	const struct keys_told *told = &w->p.net.keys[CLIENT];
	bool found = false;
	for (size_t i = 0; i < told->n; i++)
		found |= told->v[i].of == KEYS_IKEV2 &&
			memcmp(told->v[i].spi_i, w->p.client.v2->sa->spi_i, IKE_SPI_LEN) == 0;
	assert_true(found);
	resuming_free(w);
}

/* --- it must not ---------------------------------------------------------------------------------- */

/* ike.resumption = no */
static void not_wanted(void **state)
{
	struct resuming *w = resuming_new(true);

	(void)state;
	w->profile->resumption = false;
	resuming_up(w);
	resuming_lose(w, true);
	assert_int_equal(client_phase(&w->p.client), IKE_UP);
	assert_int_equal(w->p.gw.tickets_asked, 0);
	assert_int_equal(w->p.gw.resume_requests, 0);
	resuming_free(w);
}

/* What the gateway deletes is over, and so is what the user wants made anew. */
static void deleted_or_asked(void **state)
{
	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		struct resuming *w = resuming_new(true);
		resuming_up(w);
		if (asked)
			pair_command(&w->p, CMD_RECONNECT);
		else
			pair_gw(&w->p, GW_DELETE_IKE);
		pair_run(&w->p, SECONDS(5));
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		assert_int_equal(w->p.gw.resume_requests, 0);
		assert_int_equal(w->p.gw.inits, 2);
		resuming_free(w);
	}
}

static void down(void **state)
{
	struct resuming *w = resuming_new(true);
	const struct session *s;

	(void)state;
	resuming_up(w);
	s = w->p.client.session;
	pair_tap(&w->p, net_deaf, NULL);
	pair_run(&w->p, SECONDS(100));
	assert_non_null(s->resume.from);
	pair_stop(&w->p);
	pair_run(&w->p, SECONDS(5));
	assert_int_equal(w->p.down.status, DOWN_ASKED);
	assert_null(s->resume.from);
	resuming_free(w);
	w = resuming_new(true);
	resuming_up(w);
	pair_stop(&w->p);
	assert_null(w->p.client.v2->ticket);
	resuming_free(w);
}

/* Over its time, which the gateway says; and no time at all, or no room. */
static void no_ticket(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct resuming *w = resuming_new(true);
		w->p.gwc.ticket_life = i == 0 ? 30 : 0;
		w->p.gwc.no_life = i == 1;
		w->p.gwc.ticket_len = i == 2 ? 4097 : 0;
		w->p.gwc.tickets = i == 3 ? GW_TICKETS_REFUSED :
			i == 4            ? GW_TICKETS_UNKNOWN :
					    GW_TICKETS;
		resuming_up(w);
		w->p.gwc.tickets = GW_TICKETS;
		resuming_lose(w, true);
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		assert_int_equal(w->p.gw.resume_requests, 0);
		assert_int_equal(w->p.gw.inits, 1 + 1);
		resuming_free(w);
	}
}

/* AUTH_LIFETIME: neither the new login beside the tunnel nor the one that comes after it is over is resumed. */
static void a_new_login(void **state)
{
	(void)state;
	for (int beside = 0; beside < 2; beside++) {
		struct resuming *w = resuming_new(true);
		w->p.gwc.edits[0] = (struct edit){ .exchange = IKE_AUTH,
			.any_mid = true,
			.op = EDIT_ADD,
			.payload = PAYLOAD_N,
			.hex = "0000401300000258" };
		w->p.twice = beside;
		resuming_up(w);
		pair_run(&w->p, SECONDS(620));
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		assert_int_equal(w->p.gw.resume_requests, 0);
		assert_int_equal(w->p.other.resume_requests, 0);
		assert_int_equal((beside ? w->p.other.inits : 0) + w->p.gw.inits, 2);
		assert_false(w->p.client.v2->resumed);
		resuming_free(w);
	}
}

/* RFC 5723 section 6.2: no longer than the login. */
static void bounded_by_the_login(void **state)
{
	struct resuming *w = resuming_new(false);

	(void)state;
	w->p.gwc.edits[0] = (struct edit){ .exchange = IKE_AUTH,
		.mid = 1,
		.op = EDIT_ADD,
		.payload = PAYLOAD_N,
		.hex = "0000401300000258" };
	resuming_up(w);
	assert_int_equal(
		w->p.client.session->view.ticket_until, w->p.client.session->view.login_ends);
	assert_int_equal(w->p.client.v2->ticket->until, w->p.client.session->up_at + SECONDS(3600));
	resuming_free(w);
}

static int teardown(void **state)
{
	people_free();
	return pair_group_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(without_the_password),
		cmocka_unit_test(by_each_proof),
		cmocka_unit_test(addresses_change),
		cmocka_unit_test(after_a_rekey),
		cmocka_unit_test(ticket_later),
		cmocka_unit_test(renewed),
		cmocka_unit_test(large_tickets),
		cmocka_unit_test(under_load),
		cmocka_unit_test(through_nat_with_mobike),
		cmocka_unit_test(after_a_long_silence),
		cmocka_unit_test(without_nat_detection),
		cmocka_unit_test(by_a_bare_proof),
		cmocka_unit_test(the_keys),
		cmocka_unit_test(keys_are_told),
		cmocka_unit_test(not_wanted),
		cmocka_unit_test(deleted_or_asked),
		cmocka_unit_test(down),
		cmocka_unit_test(no_ticket),
		cmocka_unit_test(a_new_login),
		cmocka_unit_test(bounded_by_the_login),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, teardown);
}
