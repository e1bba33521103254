/*
 * Further child SAs: the profile names several networks, and the gateway makes one child SA for each.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pair.h"
#include "profiles.h"

static struct profile *begin_with(struct pair *p, const char *networks)
{
	struct profile *profile = profile_psk();
	struct err e;

	assert_ok(&e, profile_set(profile, "esp", "remote-ts", networks, &e));
	pair_init(p, 30);
	p->profile = profile;
	p->gwc.narrow = "10.1.0.0/16";
	p->gwc.address = NULL;
	p->ping_every = 500; /* the gateway sends by a child SA when the client does */
	return profile;
}

static struct profile *begin(struct pair *p)
{
	return begin_with(p, "10.1.0.0/16, 10.2.0.0/16");
}

static void finish(struct pair *p, struct profile *profile)
{
	pair_free(p);
	profile_free(profile);
}

static size_t children_shown(struct pair *p)
{
	struct status *st = calloc(1, sizeof(*st));

	assert_non_null(st);
	session_status(p->client.session, p->net.now, st);
	size_t n = st->n_children;
	free(st);
	return n;
}

/* The machine is set up once, when all have been asked for. */
static void all_are_routed(void **state)
{
	struct pair p;
	struct profile *profile = begin(&p);

	(void)state;
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.n_routes, 2);
	pair_settle(&p);
	pair_check_up(&p, 2);
	assert_int_equal(p.events[EV_UP], 1);
	finish(&p, profile);
}

static void one_of_two_deleted(void **state)
{
	struct pair p;
	struct profile *profile = begin(&p);

	(void)state;
	pair_connect(&p);
	pair_run(&p, SECONDS(10));
	pair_gw(&p, GW_DELETE_CHILD);
	pair_run(&p, SECONDS(5));
	assert_int_equal(children_shown(&p), 2);
	assert_int_equal(p.n_routes, 2);
	pair_gw(&p, GW_DELETE_CHILD); /* a gateway that deletes at once is not asked at once */
	pair_run(&p, SECONDS(5));
	assert_int_equal(children_shown(&p), 1);
	assert_int_equal(p.n_routes, 2); /* nothing of it in the clear */
	pair_run(&p, SECONDS(60));
	assert_int_equal(children_shown(&p), 2);
	pair_settle(&p);
	pair_check_up(&p, 2);
	finish(&p, profile);
}

static void busy_at_first(struct pair *p)
{
	p->gwc.refuse_child = p->gw.phase == GW_UP && p->net.now < 4000 ? TEMPORARY_FAILURE : 0;
}

static void had_later(void **state)
{
	struct pair p;
	struct profile *profile = begin(&p);

	(void)state;
	p.watch = busy_at_first;
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.n_routes, 2);
	assert_int_equal(p.n_blocked, 1);
	pair_run(&p, SECONDS(10));
	assert_int_equal(p.n_routes, 2);
	assert_int_equal(p.n_blocked, 0);
	pair_settle(&p);
	pair_check_up(&p, 2);
	finish(&p, profile);
}

static void never_to_be_had(struct pair *p)
{
	p->gwc.refuse_child = p->gw.phase == GW_UP ? TS_UNACCEPTABLE : 0;
}

static void refused(void **state)
{
	struct pair p;
	struct profile *profile = begin(&p);

	(void)state;
	p.watch = never_to_be_had;
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.events[EV_WARNING], 1);
	assert_int_equal(p.n_blocked, 1); /* nothing of it in the clear */
	unsigned asked = p.gw.requests;
	pair_run(&p, SECONDS(20));
	assert_int_equal(p.gw.requests, asked);
	finish(&p, profile);
}

static void of_no_proposal(struct pair *p)
{
	p->gwc.refuse_child = p->gw.phase == GW_UP && p->net.now < 4000 ? NO_PROPOSAL_CHOSEN : 0;
}

/* A refusal that could be meant for perfect forward secrecy, and is not: the gateway, which insists on that,
 * gets it in the next rekey. */
static void refused_for_no_proposal(void **state)
{
	struct pair p;
	struct profile *profile = begin(&p);

	(void)state;
	p.watch = of_no_proposal;
	pair_connect(&p);
	assert_int_equal(p.events[EV_WARNING], 1);
	pair_run(&p, SECONDS(5));
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, SECONDS(5));
	assert_int_equal(p.client.v2->rekeys_child, 1);
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_non_null(p.client.v2->children.v[0]->suite.ke);
	finish(&p, profile);
}

static void no_proposal_ever(struct pair *p)
{
	p->gwc.refuse_child = p->gw.phase == GW_UP ? NO_PROPOSAL_CHOSEN : 0;
}

/* The same for several networks, and for good: each is asked for once with it and once without, not in turn with the
 * others for ever. */
static void several_refused_for_no_proposal(void **state)
{
	struct pair p;
	struct profile *profile = begin_with(&p, "10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16");

	(void)state;
	p.watch = no_proposal_ever;
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.events[EV_WARNING], 2);
	assert_int_equal(p.n_blocked, 2);
	unsigned asked = p.gw.requests;
	pair_run(&p, SECONDS(20));
	assert_int_equal(p.gw.requests, asked);
	finish(&p, profile);
}

/* There are only so many child SAs. */
static void too_many(void **state)
{
	char networks[1500] = "10.1.0.0/16";
	struct pair p;

	(void)state;
	for (int i = 2; i <= IKE_CHILDREN_MAX + 3; i++)
		snprintf(networks + strlen(networks), sizeof(networks) - strlen(networks),
			", 10.%d.0.0/16", i);
	struct profile *profile = begin_with(&p, networks);
	pair_connect(&p);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	pair_run(&p, SECONDS(5));
	assert_int_equal(children_shown(&p), IKE_CHILDREN_MAX);
	assert_int_equal(p.events[EV_WARNING], 1);
	assert_int_equal(p.n_blocked, 3);
	finish(&p, profile);
}

/* There is no old child SA to go on with until the gateway has shown that it has our answer. */
static void made_by_the_gateway(void **state)
{
	struct pair p;
	struct profile *profile = begin_with(&p, "10.1.0.0/16");

	(void)state;
	p.ping_every = 0;
	pair_connect(&p);
	pair_run(&p, SECONDS(5));
	pair_gw(&p, GW_NEW_CHILD);
	pair_run(&p, 100);
	assert_int_equal(plane_count(&p.net.plane[CLIENT], SA_IN), 2);
	assert_int_equal(plane_count(&p.net.plane[CLIENT], SA_OUT), 2);
	finish(&p, profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_routed),
		cmocka_unit_test(one_of_two_deleted),
		cmocka_unit_test(had_later),
		cmocka_unit_test(refused),
		cmocka_unit_test(refused_for_no_proposal),
		cmocka_unit_test(several_refused_for_no_proposal),
		cmocka_unit_test(too_many),
		cmocka_unit_test(made_by_the_gateway),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
