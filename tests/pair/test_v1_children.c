#include "v1_pair.h"

#include <stdio.h>

/* The child SAs of a tunnel with several pairs of selectors. */

static void remote_networks(struct v1_pair *p, const char *const *networks, size_t n)
{
	struct prefix prefix;

	p->cfg.remote_ts.n = n;
	for (size_t i = 0; i < n; i++) {
		assert_true(prefix_parse(&prefix, networks[i]));
		selector_from_prefix(&p->cfg.remote_ts.v[i], &prefix);
	}
}

static struct v1_pair *with_two(uint32_t seed)
{
	static const char *const two[] = { "10.2.0.0/16", "10.3.0.0/16" };
	struct v1_pair *p = v1_pair_new(seed);

	remote_networks(p, two, 2);
	v1_pair_connect(p);
	v1_pair_run(p, SECONDS(5));
	v1_pair_check_up(p, 2);
	return p;
}

static struct child *child_for(const struct v1_pair *p, const char *network)
{
	char text[SELECTOR_TEXT_MAX];

	for (size_t i = 0; i < p->client->children.n; i++) {
		struct child *c = p->client->children.v[i];
		if (c->state == CHILD_UP &&
			strcmp(selector_text(text, &c->remote_ts.v[0]), network) == 0)
			return c;
	}
	return NULL;
}

static void delete_spi(struct v1_pair *p, uint32_t spi)
{
	uint8_t buf[64];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	v1_pair_delete_child(&k, spi);
	v1_pair_gw_info(p, &k);
}

static void delete_child(struct v1_pair *p, const struct child *c)
{
	assert_non_null(c);
	delete_spi(p, c->spi_out);
}

/* The gateway deletes one of them: it is made again, but not as often as the gateway likes. */
static void one_of_two(void **state)
{
	struct v1_pair *p = with_two(107);

	(void)state;
	delete_child(p, child_for(p, "10.3.0.0/16"));
	v1_pair_run(p, SECONDS(5));
	v1_pair_check_up(p, 2);
	assert_int_equal(p->events[EV_WARNING], 1);
	delete_child(p, child_for(p, "10.3.0.0/16"));
	v1_pair_run(p, SECONDS(5));
	v1_pair_check_up(p, 1); /* too soon */
	assert_non_null(child_for(p, "10.2.0.0/16"));
	v1_pair_run(p, SECONDS(30));
	v1_pair_check_up(p, 2);
	assert_int_equal(p->events[EV_WARNING], 2);
	v1_pair_done(p);
}

/* L2TP's socket is tied to an SA of that number: who makes it anew, and why, changes nothing. */
static void same_number(void **state)
{
	struct v1_pair *p = with_two(112);
	uint32_t number = child_for(p, "10.3.0.0/16")->number;
	struct err e;

	(void)state;
	delete_child(p, child_for(p, "10.3.0.0/16"));
	v1_pair_run(p, SECONDS(5));
	assert_int_equal(child_for(p, "10.3.0.0/16")->number, number);
	struct v1_ends ends = { .local = child_for(p, "10.3.0.0/16")->remote_ts.v[0],
		.remote = child_for(p, "10.3.0.0/16")->local_ts.v[0] };
	delete_child(p, child_for(p, "10.3.0.0/16"));
	v1_pair_run(p, SECONDS(5));
	assert_null(child_for(p, "10.3.0.0/16"));
	p->gw->now = p->net.now;
	assert_ok(&e, v1_quick_send(p->gw, p->gw->sa, NULL, &ends, &p->ob, &e));
	v1_pair_perform_gw(p);
	v1_pair_run(p, SECONDS(60));
	v1_pair_check_up(p, 2);
	assert_int_equal(child_for(p, "10.3.0.0/16")->number, number);
	assert_int_not_equal(child_for(p, "10.2.0.0/16")->number, number);
	v1_pair_done(p);
}

/* A gateway that could not set its half up names ours (strongSwan). */
static void by_our_spi(void **state)
{
	struct v1_pair *p = with_two(113);
	struct child *c = child_for(p, "10.3.0.0/16");

	(void)state;
	assert_non_null(c);
	uint32_t spi = c->spi_in;
	delete_spi(p, spi);
	v1_pair_run(p, SECONDS(5));
	v1_pair_check_up(p, 2);
	assert_int_equal(p->events[EV_WARNING], 1);
	assert_int_not_equal(child_for(p, "10.3.0.0/16")->spi_in, spi);
	v1_pair_done(p);
}

/* Our own INFORMATIONALs come back. */
static bool reflect(void *arg, struct net *n, enum end from, struct flight *f)
{
	unsigned *count = arg;

	if (from == CLIENT && !f->esp && f->len > IKE_HDR_LEN && f->data[18] == V1_INFORMATIONAL) {
		++*count;
		net_send(n, CLIENT, &f->dst, &f->src, f->data, f->len, 1);
	}
	return false;
}

/* What we delete is replaced before: our own words, come back, end nothing that lives. */
static void own_delete_comes_back(void **state)
{
	struct v1_pair *p = with_two(114);
	unsigned count = 0;

	(void)state;
	p->net.tap = reflect;
	p->net.tap_arg = &count;
	v1_pair_command(p, CMD_REKEY_CHILD);
	v1_pair_run(p, SECONDS(30));
	assert_int_equal(count, 2);
	v1_pair_check_up(p, 2);
	assert_int_equal(p->events[EV_WARNING], 0);
	assert_int_equal(p->client->rekeys_child, 2);
	v1_pair_done(p);
}

/* Our refusal of something that the gateway began, come back, is no refusal of what we began. */
static void own_refusal_comes_back(void **state)
{
	struct v1_pair *p = with_two(115);
	struct v1_ends ends = { .remote = p->client->pairs[0].local };
	struct prefix nobodys;
	unsigned count = 0;
	struct err e;

	(void)state;
	assert_true(prefix_parse(&nobodys, "10.9.0.0/16"));
	selector_from_prefix(&ends.local, &nobodys);
	p->net.tap = reflect;
	p->net.tap_arg = &count;
	v1_pair_command(p, CMD_REKEY_CHILD);
	p->gw->now = p->net.now;
	assert_ok(&e, v1_quick_send(p->gw, p->gw->sa, NULL, &ends, &p->ob, &e));
	v1_pair_perform_gw(p);
	v1_pair_run(p, 30);
	assert_int_equal(count, 1);
	v1_pair_run(p, SECONDS(30));
	assert_int_equal(p->events[EV_NOT_REKEYED], 0);
	assert_int_equal(p->client->rekeys_child, 2);
	v1_pair_check_up(p, 2);
	v1_pair_done(p);
}

static void both(void **state)
{
	struct v1_pair *p = with_two(108);

	(void)state;
	for (int i = 0; i < 2; i++) {
		delete_child(p, child_for(p, "10.3.0.0/16"));
		delete_child(p, child_for(p, "10.2.0.0/16"));
		v1_pair_run(p, SECONDS(2));
		if (i == 0)
			v1_pair_check_up(p, 2);
	}
	v1_pair_check_dead(p, ERR_PEER, 0); /* it means it */
	v1_pair_done(p);
}

/* One reaches the end of its life without having been rekeyed. */
static void ended(void **state)
{
	struct v1_pair *p = with_two(109);
	struct child *c = child_for(p, "10.2.0.0/16");

	(void)state;
	assert_non_null(c);
	c->expire_at = p->net.now + SECONDS(1);
	v1_pair_run(p, SECONDS(10));
	v1_pair_check_up(p, 2);
	assert_non_null(child_for(p, "10.2.0.0/16"));
	v1_pair_done(p);
}

/* The gateway does not serve one of them, and is not asked for it again. */
static struct v1_pair *one_of_two_served(enum tri pfs)
{
	static const char *const two[] = { "10.2.0.0/16", "10.3.0.0/16" };
	struct v1_pair *p = v1_pair_new(110);
	struct prefix served;

	remote_networks(p, two, 2);
	p->cfg.pfs = pfs;
	assert_true(prefix_parse(&served, "10.2.0.0/16"));
	v1_pair_start(p);
	selector_from_prefix(&p->gw->pairs[0].local, &served);
	v1_pair_until(p, v1_pair_decided, SECONDS(60));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->events[EV_WARNING], 1);
	v1_pair_run(p, SECONDS(5));
	return p;
}

static void one_refused(void **state)
{
	struct v1_pair *p = one_of_two_served(TRI_YES);

	(void)state;
	unsigned sent = p->net.sent[CLIENT];
	v1_pair_run(p, SECONDS(300));
	assert_int_equal(p->net.sent[CLIENT], sent);
	delete_child(p, child_for(p, "10.2.0.0/16"));
	v1_pair_run(p, SECONDS(60));
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* It is asked for without PFS as well, but PFS, on which the gateway insists, was not the reason. */
static void one_refused_not_for_pfs(void **state)
{
	struct v1_pair *p = one_of_two_served(TRI_AUTO);

	(void)state;
	v1_pair_command(p, CMD_REKEY_CHILD);
	v1_pair_run(p, SECONDS(30));
	assert_int_equal(p->client->rekeys_child, 1);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* Whoever asked for new keys hears the gateway's word for it, and it is asked again later. */
static void rekey_refused(void **state)
{
	struct v1_pair *p = v1_pair_new(131);
	struct prefix other;

	(void)state;
	v1_pair_connect(p);
	assert_true(prefix_parse(&other, "10.9.0.0/16"));
	struct selector served = p->gw->pairs[0].local;
	selector_from_prefix(&p->gw->pairs[0].local, &other);
	v1_pair_command(p, CMD_REKEY_CHILD);
	v1_pair_run(p, SECONDS(2));
	assert_int_equal(p->events[EV_NOT_REKEYED], 1);
	assert_string_equal(p->heard,
		"the gateway does not rekey the child SA now: INVALID-ID-INFORMATION (18)");
	assert_int_equal(p->client->rekeys_child, 0);
	p->gw->pairs[0].local = served;
	v1_pair_run(p, SECONDS(90));
	assert_int_equal(p->client->rekeys_child, 1);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* The gateway gives an IPv4 address, and what the profile wants to reach is IPv6. */
static void other_family(void **state)
{
	static const char *const one[] = { "2001:db8::/32" };
	struct v1_pair *p = v1_pair_new(124);

	(void)state;
	remote_networks(p, one, 1);
	v1_pair_connect(p);
	v1_pair_check_dead(p, ERR_PEER, 0);
	assert_non_null(strstr(p->client->failure.text, "gave no IPv6 address, and esp.remote-ts"));
	v1_pair_done(p);
}

/* ... and beside it something of IPv4. */
static void one_of_the_other_family(void **state)
{
	static const char *const two[] = { "2001:db8::/32", "10.2.0.0/16" };
	struct v1_pair *p = v1_pair_new(125);

	(void)state;
	remote_networks(p, two, 2);
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	assert_int_equal(p->events[EV_WARNING], 1);
	v1_pair_done(p);
}

/* Of the client's quick modes the first gets there, or only the others do. */
struct quick_modes {
	uint8_t mid[4]; /* of the first, once it was seen */
	bool seen, lose_first;
};

static bool lose_quick_modes(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct quick_modes *q = arg;

	(void)n;
	if (from != CLIENT || f->esp || f->len < IKE_HDR_LEN || f->data[18] != V1_QUICK_MODE)
		return false;
	if (!q->seen)
		memcpy(q->mid, f->data + 20, 4);
	q->seen = true;
	return (memcmp(q->mid, f->data + 20, 4) == 0) == q->lose_first;
}

/* The second of two gets no answer at all. */
static void one_unanswered(void **state)
{
	static const char *const two[] = { "10.2.0.0/16", "10.3.0.0/16" };
	struct v1_pair *p = v1_pair_new(126);
	struct quick_modes quick = { .lose_first = false };

	(void)state;
	remote_networks(p, two, 2);
	v1_pair_start(p);
	p->net.tap = lose_quick_modes;
	p->net.tap_arg = &quick;
	v1_pair_until(p, v1_pair_decided, SECONDS(600));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->events[EV_WARNING], 1);
	v1_pair_done(p);
}

/* More than there may be child SAs. */
static struct v1_pair *with_many(uint32_t seed, int n)
{
	struct v1_pair *p = v1_pair_new(seed);
	struct prefix prefix;
	char network[32];

	p->cfg.pfs = p->gw_cfg.pfs = TRI_NO;
	p->cfg.remote_ts.n = (uint16_t)n;
	for (int i = 0; i < n; i++) {
		snprintf(network, sizeof(network), "10.%d.0.0/16", i + 1);
		assert_true(prefix_parse(&prefix, network));
		selector_from_prefix(&p->cfg.remote_ts.v[i], &prefix);
	}
	v1_pair_connect(p);
	v1_pair_run(p, SECONDS(5));
	return p;
}

static void too_many(void **state)
{
	struct v1_pair *p = with_many(127, IKE_CHILDREN_MAX + 3);

	(void)state;
	v1_pair_check_up(p, IKE_CHILDREN_MAX);
	assert_int_equal(p->events[EV_WARNING], 1);
	v1_pair_done(p);
}

/* Far faster than what a rekey leaves behind is over: nothing is lost for want of room. */
static void rekeys_in_a_hurry(void **state)
{
	enum { REKEYS = 4 };
	struct v1_pair *p = with_many(129, IKE_CHILDREN_MAX);

	(void)state;
	v1_pair_check_up(p, IKE_CHILDREN_MAX);
	for (unsigned i = 1; i <= REKEYS; i++) {
		v1_pair_command(p, CMD_REKEY_CHILD);
		v1_pair_run(p, SECONDS(4));
		v1_pair_check_up(p, IKE_CHILDREN_MAX);
		assert_int_equal(p->client->rekeys_child, i * IKE_CHILDREN_MAX);
		assert_true(p->client->children.n <= CHILDREN_MAX);
	}
	v1_pair_run(p, SECONDS(60));
	v1_pair_check_up(p, IKE_CHILDREN_MAX);
	assert_int_equal(p->client->children.n, IKE_CHILDREN_MAX);
	assert_int_equal(p->events[EV_WARNING], 0);
	v1_pair_done(p);
}

/* Our own end is of more networks than the gateway may assign addresses. */
static void many_of_our_own(void **state)
{
	struct v1_pair *p = v1_pair_new(128);
	struct prefix prefix;
	char network[32];

	(void)state;
	p->cfg.local_ts.n = NETCONF_ADDRS + 2;
	for (int i = 0; i < NETCONF_ADDRS + 2; i++) {
		snprintf(network, sizeof(network), "10.%d.0.0/16", i + 1);
		assert_true(prefix_parse(&prefix, network));
		selector_from_prefix(&p->cfg.local_ts.v[i], &prefix);
	}
	v1_pair_connect(p);
	v1_pair_run(p, SECONDS(5));
	v1_pair_check_up(p, NETCONF_ADDRS + 2);
	v1_pair_done(p);
}

/* A rekey falls due while the gateway wants to know again who we are, and the user takes his time. */
static void rekey_waits_for_the_login(void **state)
{
	static const struct v1_round again[] = { { V1_REQUEST, "4089 0000 408a 0000", NULL },
		{ 0 } };
	struct v1_pair *p = v1_pair_new(111);

	(void)state;
	p->login = true;
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	p->mute = true;
	p->client->children.v[0]->rekey_at = p->net.now + SECONDS(10);
	p->client->password.len = 0;
	v1_pair_gw_asks(p, again);
	v1_pair_run(p, SECONDS(60));
	assert_int_equal(p->client->sa->state, V1_ASK);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

static bool quick_is_out(const struct v1_pair *p)
{
	return ((const struct quick_modes *)p->net.tap_arg)->seen;
}

static bool is_up(const struct v1_pair *p)
{
	return p->client->phase == IKE_UP;
}

/* A gateway that has something to send begins the tunnel itself (SoftEther, for a connection of before): it
 * is up when we can send by it, and not when our answer is on its way. */
static void gateway_begins(void **state)
{
	struct v1_pair *p = v1_pair_new(111);
	struct quick_modes quick = { .lose_first = true };
	struct err e;

	(void)state;
	v1_pair_start(p);
	p->net.tap = lose_quick_modes;
	p->net.tap_arg = &quick;
	assert_true(v1_pair_until(p, quick_is_out, SECONDS(10)));
	struct v1_ends ends = { .local = p->client->pairs[0].remote,
		.remote = p->client->pairs[0].local };
	p->gw->now = p->net.now;
	assert_ok(&e, v1_quick_send(p->gw, p->gw->sa, NULL, &ends, &p->ob, &e));
	v1_pair_perform_gw(p);
	assert_true(v1_pair_until(p, is_up, SECONDS(10)));
	assert_int_equal(plane_count(&p->net.plane[CLIENT], SA_IN), 1);
	assert_int_equal(plane_count(&p->net.plane[CLIENT], SA_OUT), 1);
	v1_pair_done(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_two),
		cmocka_unit_test(same_number),
		cmocka_unit_test(by_our_spi),
		cmocka_unit_test(own_delete_comes_back),
		cmocka_unit_test(own_refusal_comes_back),
		cmocka_unit_test(both),
		cmocka_unit_test(ended),
		cmocka_unit_test(one_refused),
		cmocka_unit_test(one_refused_not_for_pfs),
		cmocka_unit_test(rekey_refused),
		cmocka_unit_test(other_family),
		cmocka_unit_test(one_of_the_other_family),
		cmocka_unit_test(one_unanswered),
		cmocka_unit_test(too_many),
		cmocka_unit_test(rekeys_in_a_hurry),
		cmocka_unit_test(many_of_our_own),
		cmocka_unit_test(rekey_waits_for_the_login),
		cmocka_unit_test(gateway_begins),
	};

	return cmocka_run_group_tests(tests, v1_pair_group_setup, v1_pair_group_teardown);
}
