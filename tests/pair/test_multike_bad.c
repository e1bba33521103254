/*
 * Gateways that do not keep to RFC 9370 and RFC 9242: bad answers, choices that were not offered, series that are
 * forgotten, not gone on with, or begun too late. What is done right is in test_multike.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "impair.h"
#include "pair.h"

#define IKE "aes128gcm16-prfsha256-x25519"
#define ESP "aes128gcm16-x25519-noesn"

static void proposals(struct pair *p, const char *ike, const char *esp)
{
	p->ike = p->gwc.ike = ike;
	p->esp = p->gwc.esp = esp;
}

struct spoilt {
	const char *name;
	uint8_t exchange;
	struct edit edits[2];
	const char *words; /* of what the client died of */
};

#define X25519_FRONT "001f0000"

static const struct spoilt spoilt[] = {
	{ "no announcement", IKE_SA_INIT, { EDIT(EDIT_DROP, N, .index = 4) },
		"IKE_INTERMEDIATE (RFC 9242)" },
	{ "no KE", IKE_INTERMEDIATE, { EDIT(EDIT_DROP, KE) }, "lacks KE" },
	{ "nothing", IKE_INTERMEDIATE, { { .op = EDIT_NOTHING } }, "lacks KE" },
	{ "another group", IKE_INTERMEDIATE, { SET(KE, 0, X25519_FRONT) },
		"not the ecp256 that was agreed on" },
	{ "too short", IKE_INTERMEDIATE, { EDIT(EDIT_CUT, KE, .at = 67) }, "has 63 octets" },
	{ "too long", IKE_INTERMEDIATE, { EDIT(EDIT_GROW, KE, .at = 1) }, "has 65 octets" },
	{ "empty", IKE_INTERMEDIATE, { EDIT(EDIT_CUT, KE, .at = 4) }, "agreed on" },
	{ "not on the curve", IKE_INTERMEDIATE, { EDIT(EDIT_FLIP, KE, .at = -1, .hex = "01") },
		"not valid in ecp256" },
	{ "no link", CREATE_CHILD_SA, { EDIT(EDIT_DROP, N) }, "does not lead to" },
	{ "no KE in the series", IKE_FOLLOWUP_KE, { EDIT(EDIT_DROP, KE) }, "lacks KE" },
	{ "another group in the series", IKE_FOLLOWUP_KE, { SET(KE, 0, X25519_FRONT) },
		"not the ecp256 that was agreed on" },
	{ "too short in the series", IKE_FOLLOWUP_KE, { EDIT(EDIT_CUT, KE, .at = 67) },
		"has 63 octets" },
	{ "not on the curve in the series", IKE_FOLLOWUP_KE,
		{ EDIT(EDIT_FLIP, KE, .at = -1, .hex = "01") }, "not valid in ecp256" },
	{ "no link in the series", IKE_FOLLOWUP_KE, { EDIT(EDIT_DROP, N) }, "does not lead to" },
};

static void bad_answer(void **state)
{
	const struct spoilt *x = *state;
	static const enum command commands[] = { CMD_REKEY_IKE, CMD_REKEY_CHILD };
	bool later = x->exchange == IKE_FOLLOWUP_KE || x->exchange == CREATE_CHILD_SA;

	for (size_t i = 0; i < (later ? 2 : 1); i++) {
		struct pair p;
		pair_init(&p, 46);
		proposals(&p, IKE "-ke1_ecp256-ke2_ecp384", ESP "-ke1_ecp256-ke2_ecp384");
		for (size_t j = 0; j < ARRAY_LEN(x->edits); j++) {
			p.gwc.edits[j] = x->edits[j];
			p.gwc.edits[j].exchange = x->exchange;
			p.gwc.edits[j].any_mid = true;
		}
		pair_connect(&p);
		if (later) {
			pair_check_up(&p, 1);
			pair_command(&p, commands[i]);
		}
		pair_run(&p, SECONDS(60));
		pair_check_dead(&p, ERR_PEER, 0);
		if (!strstr(p.client.v2->failure.text, x->words))
			fail_msg("%s", p.client.v2->failure.text);
		pair_free(&p);
	}
}

static void refused(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 47);
	pair_additional(&p);
	p.gwc.refuse_inter = INVALID_SYNTAX;
	pair_connect(&p);
	pair_run(&p, SECONDS(60));
	pair_check_dead(&p, ERR_PEER, INVALID_SYNTAX);
	assert_non_null(strstr(p.client.v2->failure.text, "answers IKE_INTERMEDIATE with"));
	pair_free(&p);
}

/* The choice of a second one among two of the same; of what was not offered; and a third that nobody asked for. */
static void chosen_wrongly(void **state)
{
	static const struct {
		int at; /* of the fourth transform, ADDKE1, in the answer's SA payload */
		const char *hex, *words;
	} rows[] = {
		{ 42, "001f", "x25519" },
		{ 42, "0015", "ecp521" },
		{ 42, "0000", "none" },
		{ 40, "07", "additional key exchange 2" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair p;
		pair_init(&p, 48);
		proposals(&p, IKE "-ke1_ecp256", ESP);
		p.gwc.edits[0] = (struct edit)SET(SA, rows[i].at, rows[i].hex);
		p.gwc.edits[0].exchange = IKE_SA_INIT;
		pair_connect(&p);
		pair_run(&p, SECONDS(60));
		pair_check_dead(&p, ERR_PEER, 0);
		if (!strstr(p.client.v2->failure.text, rows[i].words))
			fail_msg("%s", p.client.v2->failure.text);
		pair_free(&p);
	}
}

/* STATE_NOT_FOUND: the rekey begins anew; and a gateway that never knows any more is left. */
static void forgotten(void **state)
{
	static const enum command commands[] = { CMD_REKEY_IKE, CMD_REKEY_CHILD };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		for (unsigned times = 1; times < 100; times += 98) {
			struct pair p;
			pair_init(&p, 49);
			pair_additional(&p);
			p.gwc.forgets = times;
			p.ping_every = 10;
			pair_connect(&p);
			pair_command(&p, commands[i]);
			pair_run(&p, SECONDS(120));
			if (times == 1) {
				pair_check_up(&p, 1);
				assert_int_equal(
					p.client.v2->rekeys_child + p.client.v2->rekeys_ike, 1);
				assert_int_equal(p.gw.forgotten, 1);
				assert_int_equal(p.net.esp_lost, 0);
			} else {
				pair_check_dead(&p, ERR_PEER, STATE_NOT_FOUND);
				assert_int_equal(p.gw.forgotten, DETOURS_MAX);
				assert_int_equal(p.gw.phase, GW_CLOSED);
			}
			pair_free(&p);
		}
}

/* The gateway's series: what it says wrong is refused, and it may begin again. */
static void series_of_the_gateway(void **state)
{
	static const struct {
		struct edit edit;
		bool wrong_link;
		uint16_t notify;
	} rows[] = {
		{ { .op = EDIT_NONE }, true, STATE_NOT_FOUND },
		{ EDIT(EDIT_DROP, N), false, STATE_NOT_FOUND },
		{ EDIT(EDIT_DROP, KE), false, INVALID_SYNTAX },
		{ SET(KE, 0, X25519_FRONT), false, INVALID_SYNTAX },
		{ EDIT(EDIT_CUT, KE, .at = 20), false, INVALID_SYNTAX },
		{ EDIT(EDIT_FLIP, KE, .at = -1, .hex = "01"), false, INVALID_SYNTAX },
	};
	static const unsigned wants[] = { GW_REKEY_IKE, GW_REKEY_CHILD, GW_NEW_CHILD };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t j = 0; j < ARRAY_LEN(wants); j++) {
			struct pair p;
			pair_init(&p, 50);
			proposals(&p, IKE "-ke1_ecp256", ESP "-ke1_ecp256");
			p.ping_every = 10;
			pair_connect(&p);
			p.gwc.edits[0] = rows[i].edit;
			p.gwc.edits[0].exchange = IKE_FOLLOWUP_KE;
			p.gwc.edits[0].request = p.gwc.edits[0].any_mid = true;
			p.gwc.wrong_link = rows[i].wrong_link;
			pair_gw(&p, wants[j]);
			pair_run(&p, 1000);
			assert_int_equal(p.gw.last_notify, rows[i].notify);
			assert_int_equal(p.client.v2->rekeys_child + p.client.v2->rekeys_ike, 0);
			p.gwc.edits[0].op = EDIT_NONE;
			p.gwc.wrong_link = false;
			pair_run(&p, SECONDS(40)); /* what was under way is forgotten by then */
			pair_check_up(&p, p.gw.n_children);
			assert_null(p.client.v2->sa->theirs);
			pair_gw(&p, wants[j]);
			pair_settle(&p);
			pair_check_up(&p, p.gw.n_children);
			assert_true(wants[j] == GW_NEW_CHILD ||
				p.client.v2->rekeys_child + p.client.v2->rekeys_ike > 0);
			assert_int_equal(p.net.esp_lost, 0);
			pair_free(&p);
		}
}

/* Drops the gateway's IKE_FOLLOWUP_KE requests for good: it never goes on. Meanwhile what the client wants waits, and
 * is done once it is clear that nothing comes. */
static bool never_goes_on(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct ike_hdr h;

	(void)n;
	if (from != GATEWAY || !ike_hdr_read(&h, (struct bytes){ f->data, f->len }, NULL) ||
		h.exchange != IKE_FOLLOWUP_KE || (h.flags & FLAG_RESPONSE))
		return false;
	++*(unsigned *)arg;
	return true;
}

static void gateway_stops(void **state)
{
	static const unsigned wants[] = { GW_REKEY_IKE, GW_REKEY_CHILD };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		unsigned dropped = 0;
		struct pair p;
		pair_init(&p, 51);
		pair_additional(&p);
		pair_connect(&p);
		pair_tap(&p, never_goes_on, &dropped);
		pair_gw(&p, wants[i]);
		pair_run(&p, 200);
		assert_int_equal(dropped, 1);
		assert_non_null(p.client.v2->sa->theirs);
		unsigned requests = p.gw.requests;
		pair_command(&p, CMD_REKEY_ALL);
		pair_run(&p, 1000);
		if (wants[i] == GW_REKEY_IKE) /* else it is asked all the same, and refuses */
			assert_int_equal(p.gw.requests, requests);
		assert_int_equal(p.client.v2->rekeys_ike + p.client.v2->rekeys_child, 0);
		p.gw.sa->req.task = TASK_NONE; /* it has lost it */
		pair_run(&p, SECONDS(60));
		assert_null(p.client.v2->sa->theirs);
		assert_true(p.gw.requests > requests);
		assert_int_equal(p.client.v2->rekeys_ike, 1);
		assert_int_equal(p.client.v2->rekeys_child, 1);
		pair_free(&p);
	}
}

/* RFC 9370 section 2.2.4: past the point where both could be settled, the later request is refused. */
static bool late_request(void *arg, struct net *n, enum end from, struct flight *f)
{
	uint64_t *until = arg;

	if (from != GATEWAY || f->esp || n->now >= *until || f->data[18] != CREATE_CHILD_SA ||
		f->data[19] & FLAG_RESPONSE)
		return false;
	return true;
}

static bool hold_followups(const struct pair *p)
{
	return p->client.v2->sa->req.exchange == IKE_FOLLOWUP_KE &&
		p->client.v2->sa->req.task != TASK_NONE;
}

static void too_late_to_collide(void **state)
{
	static const struct {
		enum command ours;
		unsigned theirs;
	} rows[] = { { CMD_REKEY_IKE, GW_REKEY_IKE }, { CMD_REKEY_CHILD, GW_REKEY_CHILD } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t until = UINT64_MAX;
		struct pair p;
		pair_init(&p, 52);
		pair_additional(&p);
		p.ping_every = 10;
		pair_connect(&p);
		pair_tap(&p, late_request, &until);
		pair_gw(&p, rows[i].theirs);
		pair_command(&p, rows[i].ours);
		assert_true(pair_until(&p, hold_followups, 500));
		until = 0;
		/* The lost request, as it would come again now. */
		struct kept *sent = &p.gw.sa->req.sent;
		pair_inject(&p, sent->v[0].data, sent->v[0].len, 0);
		pair_run(&p, 200);
		assert_int_equal(p.gw.last_notify, TEMPORARY_FAILURE);
		pair_settle(&p);
		pair_check_up(&p, 1);
		assert_int_equal(p.net.esp_lost, 0);
		pair_free(&p);
	}
}

/* An IKE_INTERMEDIATE answer that comes twice, or late, and one that nobody asked for. */
static void answers_out_of_order(void **state)
{
	static const uint8_t exchanges[] = { IKE_INTERMEDIATE, IKE_FOLLOWUP_KE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(exchanges); i++)
		for (uint32_t mid = 0; mid < 6; mid++) {
			static const uint8_t ke[] = { 0, 0, 0, 12, 0, 31, 0, 0, 1, 2, 3, 4 };
			struct pair p;
			pair_init(&p, 53);
			pair_connect(&p);
			struct bytes chain = { ke, sizeof(ke) };
			pair_gw_send(&p, p.gw.sa, exchanges[i], true, mid, PAYLOAD_KE, chain);
			pair_run(&p, 100);
			pair_gw_send(&p, p.gw.sa, exchanges[i], false, mid, PAYLOAD_KE, chain);
			pair_run(&p, SECONDS(1));
			pair_check_up(&p, 1);
			pair_free(&p);
		}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(chosen_wrongly),
		cmocka_unit_test(forgotten),
		cmocka_unit_test(series_of_the_gateway),
		cmocka_unit_test(gateway_stops),
		cmocka_unit_test(too_late_to_collide),
		cmocka_unit_test(answers_out_of_order),
	};
	static struct CMUnitTest tests[ARRAY_LEN(spoilt) + ARRAY_LEN(others)];

	for (size_t i = 0; i < ARRAY_LEN(spoilt); i++)
		tests[i] = (struct CMUnitTest){ spoilt[i].name, bad_answer, NULL, NULL,
			(void *)&spoilt[i] };
	memcpy(&tests[ARRAY_LEN(spoilt)], others, sizeof(others));
	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
