/*
 * Deletes of the gateway that overtake its answers to our requests for child SAs, and answers of ours that are
 * long in coming.
 */
#include "pair.h"

/* The gateway answers, and deletes the old child itself, which is first to arrive: that the new one comes is
 * reason enough to wait. */
static bool answer_late(void *arg, struct net *n, enum end from, struct flight *f)
{
	unsigned *late = arg;

	(void)n;
	return from == GATEWAY && !f->esp && f->data[18] == CREATE_CHILD_SA && (*late)++ == 0;
}

static void deleted_before_our_answer(void **state)
{
	unsigned late = 0;
	struct pair p;

	(void)state;
	pair_init(&p, 32);
	p.ping_every = 10;
	pair_connect(&p);
	pair_tap(&p, answer_late, &late);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, 30);
	assert_int_equal(p.gw.rekeys_child, 1);
	p.gw.children[0]->state = GWC_UP;
	pair_gw(&p, GW_DELETE_CHILD);
	pair_run(&p, SECONDS(2));
	assert_int_equal(late, 2);
	p.ping_every = 0;
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.client.v2->rekeys_child, 1);
	pair_free(&p);
}

/* It deletes the new one, before we know that: then it does not come to be used. */
static void deleted_before_it_is_known(void **state)
{
	unsigned late = 0;
	struct pair p;

	(void)state;
	pair_init(&p, 35);
	pair_connect(&p);
	pair_gw(&p, GW_NEW_CHILD);
	pair_settle(&p);
	pair_check_up(&p, 2);
	pair_tap(&p, answer_late, &late);
	p.client.v2->children.v[0]->rekey_at = p.net.now;
	pair_run(&p, 30);
	assert_int_equal(p.gw.n_children, 3);
	p.gw.children[1]->state = GWC_REPLACED; /* so that it is not this one */
	pair_gw(&p, GW_DELETE_CHILD);
	p.gw.children[1]->state = GWC_UP;
	pair_settle(&p);
	assert_int_equal(late, 2);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* It deletes the new one while our delete of the old one is under way, which is no reason. */
static void deleted_after_a_rekey(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 37);
	pair_connect(&p);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, 40 + TAKE_OVER_MS);
	assert_int_equal(p.client.v2->sa->req.task, TASK_DELETE_CHILD);
	p.client.v2->remake_from = TIME_NEVER;
	pair_gw(&p, GW_DELETE_CHILD);
	pair_run(&p, 25);
	pair_check_dead(&p, ERR_PEER, 0);
	assert_string_equal(p.client.v2->failure.text, "the gateway deleted the tunnel's child SA");
	pair_free(&p);
}

/* It deletes the only child SA and goes on to rekey the IKE SA, so that our request for another one comes at the
 * wrong moment (section 2.25.2). */
static void deleted_before_a_rekey(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 38);
	p.ping_every = 100;
	pair_connect(&p);
	pair_gw(&p, GW_DELETE_CHILD | GW_REKEY_IKE);
	pair_run(&p, 1000);
	assert_int_equal(p.gw.n_children, 0);
	pair_run(&p, SECONDS(60));
	p.ping_every = 0;
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.gw.rekeys_ike, 1);
	pair_free(&p);
}

/* A gateway that has no time for it, ever, is as good as one that closed the connection. */
static void never_made_anew(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 39);
	pair_connect(&p);
	p.gwc.refuse_child = TEMPORARY_FAILURE;
	pair_gw(&p, GW_DELETE_CHILD);
	pair_run(&p, REMAKE_MS - RETRY_MS - 1000);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	pair_run(&p, SECONDS(10));
	pair_check_dead(&p, ERR_PEER, 0);
	pair_free(&p);
}

/* What it refuses is the offer, which changes. */
static void made_anew_without_pfs(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 40);
	p.esp = p.gwc.esp = "aes128gcm16-noesn";
	p.gwc.refuse_pfs = NO_PROPOSAL_CHOSEN;
	p.ping_every = 100;
	p.cfg.pfs = TRI_AUTO;
	pair_connect(&p);
	pair_gw(&p, GW_DELETE_CHILD);
	pair_run(&p, SECONDS(5));
	p.ping_every = 0;
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

static bool deletes_unanswered(void *arg, struct net *n, enum end from, struct flight *f)
{
	return from == GATEWAY && !f->esp && f->data[18] == INFORMATIONAL &&
		f->data[19] & FLAG_RESPONSE && n->now < *(uint64_t *)arg;
}

/* A gateway that takes our rekey of the IKE SA while its own delete of a child SA is under way has that child deleted
 * by the old one, whose children have gone over to the new one. */
static void deleted_by_the_replaced(void **state)
{
	uint8_t chain[16];
	uint64_t until;
	struct pair p;
	struct ikew k;
	size_t len;

	(void)state;
	pair_init(&p, 41);
	p.ping_every = 100;
	pair_connect(&p);
	struct v2_sa *old = p.gw.sa;
	uint32_t ours = p.client.v2->children.v[0]->spi_in;
	until = p.net.now + SECONDS(1);
	pair_tap(&p, deletes_unanswered, &until);
	pair_command(&p, CMD_REKEY_IKE);
	pair_run(&p, 100);
	assert_int_equal(p.client.v2->rekeys_ike, 1);
	ikew_chain(&k, chain, sizeof(chain));
	v2_delete_write(&k, PROTO_ESP, &p.gw.children[0]->spi_in, 1);
	assert_true(ikew_end(&k, &len));
	pair_gw_send(&p, old, INFORMATIONAL, false, old->mid_out, PAYLOAD_D,
		(struct bytes){ chain, len });
	p.gw.ob = &p.ob;
	gw_children_clear(&p.gw, p.gw.sa);
	pair_gw(&p, 0);
	pair_run(&p, SECONDS(20));
	assert_null(child_find(&p.client.v2->children, ours));
	p.ping_every = 0;
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* The gateway replaces the IKE SA, and for a while nothing that we answer arrives: it still has the old one only,
 * which must not be taken from it, and by which it asks again. */
static bool no_answers(void *arg, struct net *n, enum end from, struct flight *f)
{
	const uint64_t *until = arg;

	return from == CLIENT && f->data[18] == CREATE_CHILD_SA && f->data[19] & FLAG_RESPONSE &&
		n->now < *until;
}

static void replaced_and_not_told(void **state)
{
	uint64_t until;
	struct pair p;

	(void)state;
	pair_init(&p, 36);
	pair_connect(&p);
	until = p.net.now + REPLACED_MS + SECONDS(10);
	pair_tap(&p, no_answers, &until);
	pair_gw(&p, GW_REKEY_IKE);
	pair_run(&p, REPLACED_MS + SECONDS(5));
	assert_int_equal(p.client.v2->rekeys_ike, 1);
	assert_int_equal(p.gw.phase, GW_UP);
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.gw.rekeys_ike, 1);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deleted_before_our_answer),
		cmocka_unit_test(deleted_before_it_is_known),
		cmocka_unit_test(deleted_after_a_rekey),
		cmocka_unit_test(deleted_before_a_rekey),
		cmocka_unit_test(never_made_anew),
		cmocka_unit_test(made_anew_without_pfs),
		cmocka_unit_test(deleted_by_the_replaced),
		cmocka_unit_test(replaced_and_not_told),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
