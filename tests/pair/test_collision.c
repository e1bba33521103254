/*
 * Every collision of RFC 7296 sections 2.8.1, 2.8.2, 2.25.1 and 2.25.2: requests of both sides that
 * cross on the wire. Afterwards one IKE SA and one child SA are left, the same at both ends, and
 * nothing else. C is the client, G the gateway; a request on the left of the other's left first.
 *
 * Nonces decide who loses, so the gateway is told how the first octet of its own ones is: 0 makes an
 * exchange the one with the lowest nonce, 255 leaves that to the client's two.
 */
#include "pair.h"

enum { LOWEST = 0, HIGHEST = 255 };

/* Drops the first so many datagrams of a kind, from one side. */
struct drop {
	enum end from;
	uint8_t exchange;
	bool response;
	unsigned count;
};

static bool drop_tap(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct drop *d = arg;
	struct ike_hdr h;

	(void)n;
	if (from != d->from || d->count == 0 ||
		!ike_hdr_read(&h, (struct bytes){ f->data, f->len }, NULL) ||
		h.exchange != d->exchange || ((h.flags & FLAG_RESPONSE) != 0) != d->response)
		return false;
	d->count--;
	return true;
}

static void up(struct pair *p, int nonce_i, int nonce_r)
{
	pair_init(p, 7);
	p->gwc.nonce_i = nonce_i;
	p->gwc.nonce_r = nonce_r;
	p->ping_every = 5;
	pair_connect(p);
	pair_run(p, 200);
	pair_check_up(p, 1);
}

/* All settled: one child, which is not the old one; not an ESP packet was lost on the way. */
static void settled(struct pair *p, uint32_t old_spi, unsigned children)
{
	pair_settle(p);
	pair_check_up(p, children);
	if (old_spi)
		assert_int_not_equal(p->client.v2->children.v[0]->spi_in, old_spi);
	assert_int_equal(p->net.esp_lost, 0);
	pair_stop(p);
	pair_run(p, 5000);
	pair_check_dead(p, ERR_NONE, 0);
	assert_int_equal(p->gw.phase, GW_CLOSED);
	assert_int_equal(p->net.plane[GATEWAY].n, 0);
	pair_free(p);
}

static uint32_t spi_of(const struct pair *p)
{
	return p->client.v2->children.v[0]->spi_in;
}

/* --- 2.8.1: both rekey the same child SA ----------------------------------------------------------- */

/*
 *	C  REKEY_SA, SA(a2), Ni1 -->    <-- REKEY_SA, SA(b2), Ni2  G
 *	C  SA(a3), Nr2 -->              <-- SA(b3), Nr1            G
 *	The gateway's exchange has the lowest nonce, so G deletes what it made, C the old one:
 *	C  D(a1) -->                    <-- D(b2)                  G
 */
static void child_both_gateway_loses(void **state)
{
	struct pair p;

	(void)state;
	up(&p, LOWEST, HIGHEST);
	uint32_t old = spi_of(&p);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_command(&p, CMD_REKEY_CHILD);
	settled(&p, old, 1);
}

/* The same, and the client's exchange has the lowest nonce (the gateway's Nr1): C deletes what it
 * made, G the old one. */
static void child_both_client_loses(void **state)
{
	struct pair p;

	(void)state;
	up(&p, HIGHEST, LOWEST);
	uint32_t old = spi_of(&p);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_command(&p, CMD_REKEY_CHILD);
	settled(&p, old, 1);
}

/* The same with the answer to the client lost once, so that the gateway has settled before: its
 * delete arrives while the client's request is still open. */
static void child_both_answer_to_client_late(void **state)
{
	for (int lowest = 0; lowest < 2; lowest++) {
		struct drop d = { GATEWAY, CREATE_CHILD_SA, true, 1 };
		struct pair p;
		(void)state;
		up(&p, lowest ? LOWEST : HIGHEST, lowest ? HIGHEST : LOWEST);
		uint32_t old = spi_of(&p);
		pair_tap(&p, drop_tap, &d);
		pair_gw(&p, GW_REKEY_CHILD);
		pair_command(&p, CMD_REKEY_CHILD);
		settled(&p, old, 1);
		assert_int_equal(d.count, 0);
	}
}

/* ... with the client's answer lost once, so that the client has settled before. */
static void child_both_answer_to_gateway_late(void **state)
{
	for (int lowest = 0; lowest < 2; lowest++) {
		struct drop d = { CLIENT, CREATE_CHILD_SA, true, 1 };
		struct pair p;
		(void)state;
		up(&p, lowest ? LOWEST : HIGHEST, lowest ? HIGHEST : LOWEST);
		uint32_t old = spi_of(&p);
		pair_tap(&p, drop_tap, &d);
		pair_gw(&p, GW_REKEY_CHILD);
		pair_command(&p, CMD_REKEY_CHILD);
		settled(&p, old, 1);
		assert_int_equal(d.count, 0);
	}
}

/*
 *	C  REKEY_SA, Ni1 --> (lost)     <-- REKEY_SA, Ni2  G
 *	C  SA(a3) -->
 *	                                <-- D(b1)          G
 *	C  D(a1) -->
 *	C  REKEY_SA, Ni1 again -->      <-- CHILD_SA_NOT_FOUND
 */
static void child_client_request_lost(void **state)
{
	struct drop d = { CLIENT, CREATE_CHILD_SA, false, 1 };
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	uint32_t old = spi_of(&p);
	pair_tap(&p, drop_tap, &d);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_gw(&p, GW_REKEY_CHILD);
	settled(&p, old, 1);
	assert_int_equal(d.count, 0);
}

/* The other way round: the gateway's request is lost, and it hears CHILD_SA_NOT_FOUND. */
static void child_gateway_request_lost(void **state)
{
	struct drop d = { GATEWAY, CREATE_CHILD_SA, false, 1 };
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	uint32_t old = spi_of(&p);
	pair_tap(&p, drop_tap, &d);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, 3000);
	assert_int_equal(p.gw.last_notify, CHILD_SA_NOT_FOUND);
	settled(&p, old, 1);
}

/* --- 2.25.1: rekeying or closing child SAs -------------------------------------------------------- */

/* A second child SA for the tests that close one: the tunnel without any would end. */
static void up_two(struct pair *p)
{
	up(p, -1, -1);
	pair_gw(p, GW_NEW_CHILD);
	pair_run(p, SECONDS(5));
	pair_check_up(p, 2);
}

static void client_deletes_first(struct pair *p)
{
	struct child *c = p->client.v2->children.v[0];

	c->state = CHILD_DELETING;
	pair_command(p, CMD_REKEY_IKE); /* any input: the delete goes first, the rekey waits */
	p->client.v2->sa->want_rekey = false;
}

/*
 *	C  D(a1) -->                    <-- REKEY_SA(b1)  G
 *	C  TEMPORARY_FAILURE -->        <-- D(b1)         G
 */
static void rekey_of_a_child_being_closed(void **state)
{
	struct pair p;

	(void)state;
	up_two(&p);
	pair_gw(&p, GW_REKEY_CHILD);
	assert_int_equal(p.gw.sa->req.child, p.client.v2->children.v[0]->spi_out);
	client_deletes_first(&p);
	pair_run(&p, 200);
	assert_int_equal(p.gw.last_notify, TEMPORARY_FAILURE);
	settled(&p, 0, 1);
}

/*
 *	C  REKEY_SA(a1) -->             <-- D(b1)              G
 *	C  D(a1) -->                    <-- TEMPORARY_FAILURE  G
 */
static void rekey_of_a_child_the_gateway_closes(void **state)
{
	struct pair p;

	(void)state;
	up_two(&p);
	pair_gw(&p, GW_DELETE_CHILD);
	pair_command(&p, CMD_REKEY_CHILD);
	settled(&p, 0, 1);
}

/*
 *	C  D(a1) -->                    <-- D(b1)  G
 *	C  (nothing) -->                <-- (nothing) G
 */
static void hear_delete(
	void *arg, bool sent, uint8_t exchange, bool response, uint8_t first, struct bytes chain)
{
	unsigned *answers = arg;

	(void)chain;
	if (!sent && response && exchange == INFORMATIONAL)
		answers[first == PAYLOAD_D]++;
}

static void both_close_a_child(void **state)
{
	unsigned answers[2] = { 0 }; /* without, with a Delete payload */
	struct pair p;

	(void)state;
	up_two(&p);
	p.gw.hear = hear_delete;
	p.gw.hear_arg = answers;
	client_deletes_first(&p);
	pair_gw(&p, GW_DELETE_CHILD);
	pair_run(&p, 1000);
	assert_int_equal(answers[0], 1);
	assert_int_equal(answers[1], 0);
	settled(&p, 0, 1);
}

/* Only the gateway closes it: the answer has our half. */
static void gateway_closes_a_child(void **state)
{
	unsigned answers[2] = { 0 };
	struct pair p;

	(void)state;
	up_two(&p);
	p.gw.hear = hear_delete;
	p.gw.hear_arg = answers;
	pair_gw(&p, GW_DELETE_CHILD);
	pair_run(&p, 1000);
	assert_int_equal(answers[0], 0);
	assert_int_equal(answers[1], 1);
	settled(&p, 0, 1);
}

/* A delete and a rekey of children that do not exist: no Delete in the answer; CHILD_SA_NOT_FOUND. */
static void children_that_do_not_exist(void **state)
{
	static const uint8_t gone[8] = { PROTO_ESP, 4, 0, 1, 0xde, 0xad, 0xbe, 0xef };
	struct pair p;
	uint8_t buf[64];
	struct ikew k;
	size_t n;

	(void)state;
	up(&p, -1, -1);
	ikew_chain(&k, buf, sizeof(buf));
	ikew_bytes(&k, PAYLOAD_D, (struct bytes){ gone, sizeof(gone) });
	assert_true(ikew_end(&k, &n));
	pair_gw_send(&p, p.gw.sa, INFORMATIONAL, false, p.gw.sa->mid_out++, k.first,
		(struct bytes){ buf, n });
	pair_run(&p, 1000);
	pair_check_up(&p, 1);
	p.gw.children[0]->spi_in ^= 1;
	pair_gw(&p, GW_REKEY_CHILD);
	p.gw.children[0]->spi_in ^= 1;
	pair_run(&p, 1000);
	assert_int_equal(p.gw.last_notify, CHILD_SA_NOT_FOUND);
	settled(&p, 0, 1);
}

/* The gateway answers CHILD_SA_NOT_FOUND although the client has the child: a new one from scratch
 * takes its place, and the old one is deleted, for the gateway may have got to know it meanwhile. */
static void child_unknown_to_the_gateway(void **state)
{
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	uint32_t old = spi_of(&p);
	p.gw.children[0]->spi_out ^= 1;
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, 50);
	p.gw.children[0]->spi_out ^= 1;
	assert_int_equal(p.gw.rekeys_child, 0);
	pair_run(&p, SECONDS(20));
	assert_int_not_equal(spi_of(&p), old);
	settled(&p, old, 1);
}

/*
 *	C  REKEY_SA(a1) -->             <-- SA, Ni, KEi (the IKE SA)  G
 *	C  TEMPORARY_FAILURE -->        <-- TEMPORARY_FAILURE         G
 *	and both try again later.
 */
static void child_against_ike(void **state)
{
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	uint32_t old = spi_of(&p);
	pair_gw(&p, GW_REKEY_IKE);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, 200);
	assert_int_equal(p.gw.last_notify, TEMPORARY_FAILURE);
	pair_run(&p, SECONDS(30));
	assert_int_equal(p.gw.rekeys_ike, 1);
	settled(&p, old, 1);
}

/* The same with the sides changed. */
static void ike_against_child(void **state)
{
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	uint32_t old = spi_of(&p);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_command(&p, CMD_REKEY_IKE);
	pair_run(&p, 200);
	assert_int_equal(p.gw.last_notify, TEMPORARY_FAILURE);
	pair_run(&p, SECONDS(30));
	assert_int_equal(p.gw.rekeys_ike, 1);
	assert_int_equal(p.gw.rekeys_child, 1);
	settled(&p, old, 1);
}

/* A new child SA, deleting one, and the rekey of the IKE SA by the client. */
static void ike_against_new_and_deleted_child(void **state)
{
	static const unsigned wants[] = { GW_NEW_CHILD, GW_DELETE_CHILD };

	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		struct pair p;
		(void)state;
		up_two(&p);
		pair_gw(&p, wants[i]);
		pair_command(&p, CMD_REKEY_IKE);
		pair_run(&p, SECONDS(30));
		assert_int_equal(p.gw.rekeys_ike, 1);
		settled(&p, 0, wants[i] == GW_NEW_CHILD ? 3 : 1);
	}
}

/*
 *	C  SA, Ni, KEi (the IKE SA) -->   <-- D(b1)  G
 *	C  D(a1) -->                      <-- TEMPORARY_FAILURE
 */
static void delete_of_a_child_while_rekeying_ike(void **state)
{
	struct drop d = { CLIENT, CREATE_CHILD_SA, false, 1 };
	struct pair p;

	(void)state;
	up_two(&p);
	pair_tap(&p, drop_tap, &d); /* the request arrives after the delete is over */
	pair_command(&p, CMD_REKEY_IKE);
	pair_gw(&p, GW_DELETE_CHILD);
	pair_run(&p, 100);
	assert_int_equal(p.gw.n_children, 1);
	settled(&p, 0, 1);
}

/* --- 2.8.2, 2.25.2: both rekey the IKE SA, or one closes it -------------------------------------------- */

static void ike_both(int nonce_i, int nonce_r, struct drop d)
{
	struct pair p;

	up(&p, nonce_i, nonce_r);
	uint8_t old[IKE_SPI_LEN];
	memcpy(old, p.gw.sa->spi_i, sizeof(old));
	uint32_t child = spi_of(&p);
	pair_tap(&p, drop_tap, &d);
	pair_gw(&p, GW_REKEY_IKE);
	pair_command(&p, CMD_REKEY_IKE);
	pair_run(&p, SECONDS(60));
	assert_int_equal(d.count, 0);
	assert_memory_not_equal(p.gw.sa->spi_i, old, sizeof(old));
	assert_int_equal(spi_of(&p), child); /* inherited */
	settled(&p, 0, 1);
}

/*
 *	C  SA, Ni1, KEi -->             <-- SA, Ni2, KEi  G
 *	C  SA, Nr2, KEr -->             <-- SA, Nr1, KEr  G
 *	The gateway's exchange loses: it deletes what it made, C the old one.
 *	C  D (old) -->                  <-- D (in its new one)  G
 */
static void ike_both_gateway_loses(void **state)
{
	(void)state;
	ike_both(LOWEST, HIGHEST, (struct drop){ .count = 0 });
}

static void ike_both_client_loses(void **state)
{
	(void)state;
	ike_both(HIGHEST, LOWEST, (struct drop){ .count = 0 });
}

/* The same with one answer lost: the side that has both settles first. */
static void ike_both_answers_late(void **state)
{
	(void)state;
	for (int loser = 0; loser < 2; loser++)
		for (int from = 0; from < ENDS; from++)
			ike_both(loser ? LOWEST : HIGHEST, loser ? HIGHEST : LOWEST,
				(struct drop){ (enum end)from, CREATE_CHILD_SA, true, 1 });
}

/*
 *	C  SA, Ni1, KEi --> (lost)      <-- SA, Ni2, KEi  G
 *	C  SA, Nr2, KEr -->             <-- D (old)       G
 *	Only C notices: it answers the delete and forgets its own request. Or the request comes again
 *	before the delete: TEMPORARY_FAILURE.
 */
static void ike_one_request_lost(void **state)
{
	(void)state;
	for (int loser = 0; loser < 2; loser++)
		for (int from = 0; from < ENDS; from++)
			ike_both(loser ? LOWEST : HIGHEST, loser ? HIGHEST : LOWEST,
				(struct drop){ (enum end)from, CREATE_CHILD_SA, false, 1 });
}

/* The delete of the old SA is lost as well, so that the late request meets a replaced SA. */
struct drops {
	struct drop d[2];
};

static bool drops_tap(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct drops *l = arg;

	return drop_tap(&l->d[0], n, from, f) || drop_tap(&l->d[1], n, from, f);
}

static void ike_late_request_meets_a_replaced_sa(void **state)
{
	for (int from = 0; from < ENDS; from++) {
		struct drops l = { { { (enum end)from, CREATE_CHILD_SA, false, 1 },
			{ (enum end) !from, INFORMATIONAL, false, 2 } } };
		struct pair p;
		(void)state;
		up(&p, -1, -1);
		pair_tap(&p, drops_tap, &l);
		pair_gw(&p, GW_REKEY_IKE);
		pair_command(&p, CMD_REKEY_IKE);
		pair_run(&p, SECONDS(60));
		if (from == GATEWAY)
			assert_int_equal(p.gw.last_notify, TEMPORARY_FAILURE);
		settled(&p, 0, 1);
	}
}

/*
 *	C  SA, Ni1, KEi --> (lost)      <-- SA, Ni2, KEi  G
 *	C  SA, Nr2, KEr -->             <-- D (old)       G  (lost)
 *	The gateway has settled and uses its new IKE SA, by which the client has to see that it did: the
 *	children go over with it, whatever it then wants done with them.
 */
static void ike_used_before_our_answer(void **state)
{
	static const unsigned wants[] = { GW_REKEY_IKE, GW_REKEY_CHILD, GW_DELETE_CHILD,
		GW_NEW_CHILD };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		struct drops l = { { { CLIENT, CREATE_CHILD_SA, false, 4 },
			{ GATEWAY, INFORMATIONAL, false, 1 } } };
		struct pair p;
		up_two(&p);
		pair_tap(&p, drops_tap, &l);
		pair_gw(&p, GW_REKEY_IKE);
		pair_command(&p, CMD_REKEY_IKE);
		pair_run(&p, 100);
		pair_gw(&p, wants[i]);
		pair_run(&p, 100);
		assert_int_equal(p.client.v2->sa->req.task, TASK_NONE);
		settled(&p, 0, wants[i] == GW_DELETE_CHILD ? 1 : wants[i] == GW_NEW_CHILD ? 3 : 2);
	}
}

/* The same, twice: the gateway has replaced what it made as well, neither of its deletes arrives, and
 * then the client hears TEMPORARY_FAILURE to its own rekey. The children are with the newest. */
static void ike_replaced_twice_before_our_answer(void **state)
{
	struct drops l = { { { CLIENT, CREATE_CHILD_SA, false, 2 },
		{ GATEWAY, INFORMATIONAL, false, 6 } } };
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	pair_tap(&p, drops_tap, &l);
	pair_gw(&p, GW_REKEY_IKE);
	pair_command(&p, CMD_REKEY_IKE);
	pair_run(&p, 100);
	pair_gw(&p, GW_REKEY_IKE);
	pair_run(&p, 100);
	const struct v2_sa *newest = p.client.v2->sa;
	assert_memory_equal(newest->spi_i, p.gw.sa->spi_i, IKE_SPI_LEN);
	pair_run(&p, 1400);
	assert_ptr_equal(p.client.v2->sa, newest);
	settled(&p, 0, 1);
}

/*
 *	C  SA, Ni, KEi -->              <-- D (the IKE SA)     G
 *	C  (empty) -->                  <-- TEMPORARY_FAILURE  G
 *	The client forgets its rekey; the connection is over.
 */
static void ike_closed_by_gateway_while_rekeying(void **state)
{
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	pair_gw(&p, GW_DELETE_IKE);
	pair_command(&p, CMD_REKEY_IKE);
	pair_run(&p, SECONDS(10));
	pair_check_dead(&p, ERR_PEER, 0);
	assert_int_equal(p.gw.phase, GW_CLOSED);
	pair_free(&p);
}

/*
 *	C  D (the IKE SA) -->           <-- SA, Ni, KEi  G
 *	C  TEMPORARY_FAILURE -->        <-- (empty)      G
 */
static void ike_closed_by_client_while_rekeying(void **state)
{
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	pair_gw(&p, GW_REKEY_IKE);
	pair_stop(&p);
	pair_run(&p, SECONDS(10));
	pair_check_dead(&p, ERR_NONE, 0);
	assert_int_equal(p.gw.phase, GW_CLOSED);
	pair_free(&p);
}

/*
 *	C  D (the IKE SA) -->           <-- REKEY_SA(b1)  G
 *	C  TEMPORARY_FAILURE -->        <-- (empty)       G
 */
static void ike_closed_by_client_while_child_is_rekeyed(void **state)
{
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_stop(&p);
	pair_run(&p, SECONDS(10));
	pair_check_dead(&p, ERR_NONE, 0);
	assert_int_equal(p.gw.phase, GW_CLOSED);
	pair_free(&p);
}

/* Both say D: both answer, and both forget their own. */
static void ike_closed_by_both(void **state)
{
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	pair_gw(&p, GW_DELETE_IKE);
	pair_stop(&p);
	pair_run(&p, SECONDS(10));
	pair_check_dead(&p, ERR_NONE, 0);
	assert_int_equal(p.gw.phase, GW_CLOSED);
	assert_int_equal(p.net.plane[GATEWAY].n, 0);
	pair_free(&p);
}

/* A new child SA of the gateway while the client rekeys the IKE SA: TEMPORARY_FAILURE, and it is
 * made later. */
static void new_child_while_rekeying_ike(void **state)
{
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	pair_command(&p, CMD_REKEY_IKE);
	pair_gw(&p, GW_NEW_CHILD);
	pair_run(&p, 200);
	assert_int_equal(p.gw.last_notify, TEMPORARY_FAILURE);
	settled(&p, 0, 2);
}

/*
 *	                                <-- REKEY_SA(b1), Ni  G
 *	C  SA(a2), Nr --> (lost)
 *	The client shall rekey a2, which the gateway does not know yet: it waits until it does.
 */
static void rekey_of_a_child_not_yet_confirmed(void **state)
{
	struct drop d = { CLIENT, CREATE_CHILD_SA, true, 1 };
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	pair_tap(&p, drop_tap, &d);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_run(&p, 100);
	uint32_t middle = p.client.v2->children.v[1]->spi_in;
	unsigned requests = p.gw.requests;
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, 100);
	assert_int_equal(p.gw.requests, requests);
	settled(&p, middle, 1);
	assert_int_equal(d.count, 0);
}

/*
 *	C  REKEY_SA(a1), Ni -->
 *	                                <-- (lost)         SA(b2), Nr    G
 *	                                <-- REKEY_SA(b2)   G
 *	C  TEMPORARY_FAILURE -->
 *	The client does not know b2 yet, but to deny it would make the gateway drop it.
 */
static void rekey_of_a_child_still_to_come(void **state)
{
	struct drop d = { GATEWAY, CREATE_CHILD_SA, true, 1 };
	struct pair p;

	(void)state;
	up(&p, -1, -1);
	pair_tap(&p, drop_tap, &d);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, 100);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_run(&p, 100);
	assert_int_equal(p.gw.last_notify, TEMPORARY_FAILURE);
	settled(&p, 0, 1);
	assert_int_equal(d.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_both_gateway_loses),
		cmocka_unit_test(child_both_client_loses),
		cmocka_unit_test(child_both_answer_to_client_late),
		cmocka_unit_test(child_both_answer_to_gateway_late),
		cmocka_unit_test(child_client_request_lost),
		cmocka_unit_test(child_gateway_request_lost),
		cmocka_unit_test(rekey_of_a_child_being_closed),
		cmocka_unit_test(rekey_of_a_child_the_gateway_closes),
		cmocka_unit_test(both_close_a_child),
		cmocka_unit_test(gateway_closes_a_child),
		cmocka_unit_test(children_that_do_not_exist),
		cmocka_unit_test(child_unknown_to_the_gateway),
		cmocka_unit_test(rekey_of_a_child_not_yet_confirmed),
		cmocka_unit_test(rekey_of_a_child_still_to_come),
		cmocka_unit_test(child_against_ike),
		cmocka_unit_test(ike_against_child),
		cmocka_unit_test(ike_against_new_and_deleted_child),
		cmocka_unit_test(delete_of_a_child_while_rekeying_ike),
		cmocka_unit_test(ike_both_gateway_loses),
		cmocka_unit_test(ike_both_client_loses),
		cmocka_unit_test(ike_both_answers_late),
		cmocka_unit_test(ike_one_request_lost),
		cmocka_unit_test(ike_late_request_meets_a_replaced_sa),
		cmocka_unit_test(ike_used_before_our_answer),
		cmocka_unit_test(ike_replaced_twice_before_our_answer),
		cmocka_unit_test(ike_closed_by_gateway_while_rekeying),
		cmocka_unit_test(ike_closed_by_client_while_rekeying),
		cmocka_unit_test(ike_closed_by_client_while_child_is_rekeyed),
		cmocka_unit_test(ike_closed_by_both),
		cmocka_unit_test(new_child_while_rekeying_ike),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
