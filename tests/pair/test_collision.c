/*
 * Every collision of RFC 7296 sections 2.8.1, 2.8.2, 2.25.1 and 2.25.2: requests of both sides that
 * cross on the wire. Afterwards one IKE SA and one child SA are left, the same at both ends, and
 * nothing else. C is the client, G the gateway; a request on the left of the other's left first.
 *
 * Nonces decide who loses, so the gateway is told how the first octet of its own ones is: 0 makes an
 * exchange the one with the lowest nonce, 255 leaves that to the client's two.
 */
#include "pair.h"

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

/* --- what crosses, and what is left ------------------------------------------------------------------ */

enum loser { ANY, CLIENT_LOSES, GATEWAY_LOSES }; /* of two exchanges about the same SA */
enum client_does { NOTHING, REKEYS_CHILD, REKEYS_IKE, CLOSES_CHILD, CLOSES };
enum child_is { WHATEVER, SAME, NEW };

struct crossing {
	const char *name;
	bool two; /* children at first; without any the tunnel would end */
	enum loser loser;
	struct drop drops[2];
	bool client_first;
	enum client_does client;
	unsigned gateway; /* GW_* */
	uint16_t notify; /* what the gateway heard soon after, 0: not looked at */
	bool new_ike;
	unsigned rekeys_ike, rekeys_child; /* of the gateway, 0: not looked at */
	enum child_is child;
	unsigned children; /* left, 0: the connection is over */
	enum err_kind why;
};

static bool drops_tap(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct drop *d = arg;

	return drop_tap(&d[0], n, from, f) || drop_tap(&d[1], n, from, f);
}

static bool additional; /* all of them with additional key exchanges (RFC 9370) */
static void up(struct pair *p, enum loser loser)
{
	/* 0 in front makes an exchange the one with the lowest nonce, 255 leaves that to the client's. */
	static const int nonces[][2] = { { -1, -1 }, { 255, 0 }, { 0, 255 } };

	pair_init(p, 7);
	if (additional)
		pair_additional(p);
	p->gwc.nonce_i = nonces[loser][0];
	p->gwc.nonce_r = nonces[loser][1];
	p->ping_every = 5;
	pair_connect(p);
	pair_run(p, 200);
	pair_check_up(p, 1);
}

static void up_two(struct pair *p)
{
	up(p, ANY);
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

static void client_acts(struct pair *p, enum client_does what)
{
	switch (what) {
	case NOTHING:
		break;
	case REKEYS_CHILD:
		pair_command(p, CMD_REKEY_CHILD);
		break;
	case REKEYS_IKE:
		pair_command(p, CMD_REKEY_IKE);
		break;
	case CLOSES_CHILD:
		client_deletes_first(p);
		break;
	case CLOSES:
		pair_stop(p);
		break;
	}
}

static void check_left(struct pair *p, const struct crossing *c, uint32_t child, const uint8_t *ike)
{
	if (c->rekeys_ike)
		assert_int_equal(p->gw.rekeys_ike, c->rekeys_ike);
	if (c->rekeys_child)
		assert_int_equal(p->gw.rekeys_child, c->rekeys_child);
	if (c->new_ike)
		assert_memory_not_equal(p->gw.sa->spi_i, ike, IKE_SPI_LEN);
	if (c->child == SAME)
		assert_int_equal(spi_of(p), child);
	settled(p, c->child == NEW ? child : 0, c->children);
}

static void cross(void **state)
{
	const struct crossing *c = *state;
	struct drop drops[2] = { c->drops[0], c->drops[1] };
	uint8_t ike[IKE_SPI_LEN];
	struct pair p;

	if (c->two)
		up_two(&p);
	else
		up(&p, c->loser);
	memcpy(ike, p.gw.sa->spi_i, sizeof(ike));
	uint32_t child = spi_of(&p);
	pair_tap(&p, drops_tap, drops);
	if (c->client_first)
		client_acts(&p, c->client);
	pair_gw(&p, c->gateway);
	if (!c->client_first)
		client_acts(&p, c->client);
	pair_run(&p, c->drops[0].count ? SECONDS(3) : 200);
	if (c->notify)
		assert_int_equal(p.gw.last_notify, c->notify);
	pair_run(&p, SECONDS(60));
	for (size_t i = 0; i < ARRAY_LEN(drops); i++)
		if (c->drops[i].count == 1)
			assert_int_equal(drops[i].count, 0);
	if (c->children) {
		check_left(&p, c, child, ike);
		return;
	}
	pair_check_dead(&p, c->why, 0);
	assert_int_equal(p.gw.phase, GW_CLOSED);
	assert_int_equal(p.net.plane[GATEWAY].n, 0);
	pair_free(&p);
}

#define LOST(from, response)                               \
	{                                                  \
		{                                          \
			from, CREATE_CHILD_SA, response, 1 \
		}                                          \
	}

static const struct crossing crossings[] = {
	/*
	 * 2.8.1: both rekey the same child SA
	 *
	 *	C  REKEY_SA, SA(a2), Ni1 -->    <-- REKEY_SA, SA(b2), Ni2  G
	 *	C  SA(a3), Nr2 -->              <-- SA(b3), Nr1            G
	 *	The gateway's exchange has the lowest nonce, so G deletes what it made, C the old one:
	 *	C  D(a1) -->                    <-- D(b2)                  G
	 */
	{ "child, both, gateway loses", .loser = GATEWAY_LOSES, .gateway = GW_REKEY_CHILD,
		.client = REKEYS_CHILD, .child = NEW, .children = 1 },
	/* The client's exchange has the lowest nonce (the gateway's Nr1): C deletes what it made. */
	{ "child, both, client loses", .loser = CLIENT_LOSES, .gateway = GW_REKEY_CHILD,
		.client = REKEYS_CHILD, .child = NEW, .children = 1 },
	/* With the answer to the client lost once, the gateway has settled before: its delete arrives
	 * while the client's request is still open. */
	{ "child, both, answer to client late, gateway loses", .loser = GATEWAY_LOSES,
		.drops = LOST(GATEWAY, true), .gateway = GW_REKEY_CHILD, .client = REKEYS_CHILD,
		.child = NEW, .children = 1 },
	{ "child, both, answer to client late, client loses", .loser = CLIENT_LOSES,
		.drops = LOST(GATEWAY, true), .gateway = GW_REKEY_CHILD, .client = REKEYS_CHILD,
		.child = NEW, .children = 1 },
	/* ... with the client's answer lost once, so that the client has settled before. */
	{ "child, both, answer to gateway late, gateway loses", .loser = GATEWAY_LOSES,
		.drops = LOST(CLIENT, true), .gateway = GW_REKEY_CHILD, .client = REKEYS_CHILD,
		.child = NEW, .children = 1 },
	{ "child, both, answer to gateway late, client loses", .loser = CLIENT_LOSES,
		.drops = LOST(CLIENT, true), .gateway = GW_REKEY_CHILD, .client = REKEYS_CHILD,
		.child = NEW, .children = 1 },
	/*
	 *	C  REKEY_SA, Ni1 --> (lost)     <-- REKEY_SA, Ni2  G
	 *	C  SA(a3) -->
	 *	                                <-- D(b1)          G
	 *	C  D(a1) -->
	 *	C  REKEY_SA, Ni1 again -->      <-- CHILD_SA_NOT_FOUND
	 */
	{ "child, both, client's request lost", .drops = LOST(CLIENT, false), .client_first = true,
		.gateway = GW_REKEY_CHILD, .client = REKEYS_CHILD, .child = NEW, .children = 1 },
	/* The other way round: the gateway's request is lost, and it hears CHILD_SA_NOT_FOUND. */
	{ "child, both, gateway's request lost", .drops = LOST(GATEWAY, false),
		.gateway = GW_REKEY_CHILD, .client = REKEYS_CHILD, .notify = CHILD_SA_NOT_FOUND,
		.child = NEW, .children = 1 },
	/*
	 * 2.25.1: rekeying or closing child SAs
	 *
	 *	C  D(a1) -->                    <-- REKEY_SA(b1)  G
	 *	C  TEMPORARY_FAILURE -->        <-- D(b1)         G
	 */
	{ "rekey of a child being closed", .two = true, .gateway = GW_REKEY_CHILD,
		.client = CLOSES_CHILD, .notify = TEMPORARY_FAILURE, .children = 1 },
	/*
	 *	C  REKEY_SA(a1) -->             <-- D(b1)              G
	 *	C  D(a1) -->                    <-- TEMPORARY_FAILURE  G
	 */
	{ "rekey of a child the gateway closes", .two = true, .gateway = GW_DELETE_CHILD,
		.client = REKEYS_CHILD, .children = 1 },
	{ "rekey of the last child, which the gateway closes", .gateway = GW_DELETE_CHILD,
		.client = REKEYS_CHILD, .child = NEW, .children = 1 },
	/*
	 *	C  REKEY_SA(a1) -->             <-- SA, Ni, KEi (the IKE SA)  G
	 *	C  TEMPORARY_FAILURE -->        <-- TEMPORARY_FAILURE         G
	 *	and both try again later.
	 */
	{ "child against IKE", .gateway = GW_REKEY_IKE, .client = REKEYS_CHILD,
		.notify = TEMPORARY_FAILURE, .rekeys_ike = 1, .child = NEW, .children = 1 },
	/* The same with the sides changed. */
	{ "IKE against child", .gateway = GW_REKEY_CHILD, .client = REKEYS_IKE,
		.notify = TEMPORARY_FAILURE, .rekeys_ike = 1, .rekeys_child = 1, .child = NEW,
		.children = 1 },
	{ "IKE against new child", .two = true, .gateway = GW_NEW_CHILD, .client = REKEYS_IKE,
		.rekeys_ike = 1, .children = 3 },
	{ "IKE against deleted child", .two = true, .gateway = GW_DELETE_CHILD,
		.client = REKEYS_IKE, .rekeys_ike = 1, .children = 1 },
	/* A new child SA of the gateway: TEMPORARY_FAILURE, and it is made later. */
	{ "new child while rekeying IKE", .client_first = true, .gateway = GW_NEW_CHILD,
		.client = REKEYS_IKE, .notify = TEMPORARY_FAILURE, .children = 2 },
	/*
	 *	C  SA, Ni, KEi (the IKE SA) --> (lost)   <-- D(b1)  G
	 *	C  D(a1) -->
	 */
	{ "delete of a child while rekeying IKE", .two = true, .drops = LOST(CLIENT, false),
		.client_first = true, .gateway = GW_DELETE_CHILD, .client = REKEYS_IKE,
		.children = 1 },
/*
	 * 2.8.2: both rekey the IKE SA
	 *
	 *	C  SA, Ni1, KEi -->             <-- SA, Ni2, KEi  G
	 *	C  SA, Nr2, KEr -->             <-- SA, Nr1, KEr  G
	 *	The gateway's exchange loses: it deletes what it made, C the old one.
	 *	C  D (old) -->                  <-- D (in its new one)  G
	 */
#define IKE_BOTH \
	.gateway = GW_REKEY_IKE, .client = REKEYS_IKE, .new_ike = true, .child = SAME, .children = 1
	{ "IKE, both, gateway loses", .loser = GATEWAY_LOSES, IKE_BOTH },
	{ "IKE, both, client loses", .loser = CLIENT_LOSES, IKE_BOTH },
	/* With one answer lost: the side that has both settles first. */
	{ "IKE, both, answer to gateway late, gateway loses", .loser = GATEWAY_LOSES,
		.drops = LOST(CLIENT, true), IKE_BOTH },
	{ "IKE, both, answer to gateway late, client loses", .loser = CLIENT_LOSES,
		.drops = LOST(CLIENT, true), IKE_BOTH },
	{ "IKE, both, answer to client late, gateway loses", .loser = GATEWAY_LOSES,
		.drops = LOST(GATEWAY, true), IKE_BOTH },
	{ "IKE, both, answer to client late, client loses", .loser = CLIENT_LOSES,
		.drops = LOST(GATEWAY, true), IKE_BOTH },
	/*
	 *	C  SA, Ni1, KEi --> (lost)      <-- SA, Ni2, KEi  G
	 *	C  SA, Nr2, KEr -->             <-- D (old)       G
	 *	Only C notices: it answers the delete and forgets its own request. Or the request comes
	 *	again before the delete: TEMPORARY_FAILURE.
	 */
	{ "IKE, both, client's request lost, gateway loses", .loser = GATEWAY_LOSES,
		.drops = LOST(CLIENT, false), IKE_BOTH },
	{ "IKE, both, client's request lost, client loses", .loser = CLIENT_LOSES,
		.drops = LOST(CLIENT, false), IKE_BOTH },
	{ "IKE, both, gateway's request lost, gateway loses", .loser = GATEWAY_LOSES,
		.drops = LOST(GATEWAY, false), IKE_BOTH },
	{ "IKE, both, gateway's request lost, client loses", .loser = CLIENT_LOSES,
		.drops = LOST(GATEWAY, false), IKE_BOTH },
	/* The delete of the old SA is lost as well, so that the late request meets a replaced SA. */
	{ "IKE, client's late request meets a replaced SA",
		.drops = { { CLIENT, CREATE_CHILD_SA, false, 1 },
			{ GATEWAY, INFORMATIONAL, false, 2 } },
		IKE_BOTH },
	{ "IKE, gateway's late request meets a replaced SA",
		.drops = { { GATEWAY, CREATE_CHILD_SA, false, 1 },
			{ CLIENT, INFORMATIONAL, false, 2 } },
		.notify = TEMPORARY_FAILURE, IKE_BOTH },
	/*
	 * 2.25.2: one closes it
	 *
	 *	C  SA, Ni, KEi -->              <-- D (the IKE SA)     G
	 *	C  (empty) -->                  <-- TEMPORARY_FAILURE  G
	 *	The client forgets its rekey; the connection is over.
	 */
	{ "IKE closed by gateway while rekeying", .gateway = GW_DELETE_IKE, .client = REKEYS_IKE,
		.why = ERR_PEER },
	/*
	 *	C  D (the IKE SA) -->           <-- SA, Ni, KEi  G
	 *	C  TEMPORARY_FAILURE -->        <-- (empty)      G
	 */
	{ "IKE closed by client while rekeying", .gateway = GW_REKEY_IKE, .client = CLOSES },
	{ "IKE closed by client while child is rekeyed", .gateway = GW_REKEY_CHILD,
		.client = CLOSES },
	/* Both say D: both answer, and both forget their own. */
	{ "IKE closed by both", .gateway = GW_DELETE_IKE, .client = CLOSES },
};

/* --- more than one crossing ---------------------------------------------------------------------------- */

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
	up(&p, ANY);
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
	up(&p, ANY);
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
		struct drop l[] = { { CLIENT, CREATE_CHILD_SA, false, 4 },
			{ GATEWAY, INFORMATIONAL, false, 1 } };
		struct pair p;
		up_two(&p);
		pair_tap(&p, drops_tap, l);
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
	struct drop l[] = { { CLIENT, CREATE_CHILD_SA, false, 2 },
		{ GATEWAY, INFORMATIONAL, false, 6 } };
	struct pair p;

	(void)state;
	up(&p, ANY);
	pair_tap(&p, drops_tap, l);
	pair_gw(&p, GW_REKEY_IKE);
	pair_command(&p, CMD_REKEY_IKE);
	pair_run(&p, 150);
	pair_gw(&p, GW_REKEY_IKE);
	pair_run(&p, 150);
	const struct v2_sa *newest = p.client.v2->sa;
	assert_memory_equal(newest->spi_i, p.gw.sa->spi_i, IKE_SPI_LEN);
	pair_run(&p, 1300);
	assert_ptr_equal(p.client.v2->sa, newest);
	settled(&p, 0, 1);
}

/* Nothing gets through by this IKE SA but CREATE_CHILD_SA of the gateway. */
static bool forgotten_tap(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct ike_hdr h;

	(void)n;
	if (!ike_hdr_read(&h, (struct bytes){ f->data, f->len }, NULL) ||
		memcmp(h.spi_i, arg, IKE_SPI_LEN) != 0)
		return false;
	bool request = !(h.flags & FLAG_RESPONSE);
	return h.exchange == INFORMATIONAL || (from == CLIENT) == request;
}

/*
 *	C  (alive?) --> (lost), or SA, Ni1, KEi --> (lost)
 *	                                <-- SA, Ni2, KEi  G
 *	C  SA, Nr2, KEr -->
 *	G forgets the old IKE SA without a word. What C asked by it is answered no more; but the new one
 *	stands.
 */
static void ike_replaced_and_forgotten(void **state)
{
	(void)state;
	for (int rekeying = 0; rekeying < 2; rekeying++) {
		uint8_t old[IKE_SPI_LEN];
		struct pair p;
		up(&p, ANY);
		memcpy(old, p.gw.sa->spi_i, sizeof(old));
		pair_tap(&p, forgotten_tap, old);
		if (rekeying)
			pair_command(&p, CMD_REKEY_IKE);
		else
			pair_os(&p, &(struct os_input){ .kind = OS_RESUMED, .ok = true });
		assert_int_not_equal(p.client.v2->sa->req.task, TASK_NONE);
		pair_gw(&p, GW_REKEY_IKE);
		pair_run(&p, SECONDS(180));
		assert_int_equal(p.client.v2->phase, IKE_UP);
		assert_memory_not_equal(p.client.v2->sa->spi_i, old, sizeof(old));
		settled(&p, 0, 1);
	}
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
	up(&p, ANY);
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
	up(&p, ANY);
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
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(both_close_a_child),
		cmocka_unit_test(gateway_closes_a_child),
		cmocka_unit_test(children_that_do_not_exist),
		cmocka_unit_test(child_unknown_to_the_gateway),
		cmocka_unit_test(ike_used_before_our_answer),
		cmocka_unit_test(ike_replaced_twice_before_our_answer),
		cmocka_unit_test(ike_replaced_and_forgotten),
		cmocka_unit_test(rekey_of_a_child_not_yet_confirmed),
		cmocka_unit_test(rekey_of_a_child_still_to_come),
	};
	static struct CMUnitTest tests[ARRAY_LEN(crossings) + ARRAY_LEN(others)];

	for (size_t i = 0; i < ARRAY_LEN(crossings); i++)
		tests[i] = (struct CMUnitTest){ crossings[i].name, cross, NULL, NULL,
			(void *)&crossings[i] };
	memcpy(&tests[ARRAY_LEN(crossings)], others, sizeof(others));
	int failed = cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
	additional = true; /* of the last two, a single answer is the point */
	failed += _cmocka_run_group_tests(
		"more", tests, ARRAY_LEN(tests) - 2, pair_group_setup, pair_group_teardown);
	return failed;
}
