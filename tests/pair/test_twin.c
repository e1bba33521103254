#include "people.h"
#include "whole.h"

/* Another session of the same identity takes this one's place, or something on the way does as if. A gateway that was
 * away for a while does not, nor one that fails now and then, nor one that ends a tunnel that lasted. */
static const struct displacement {
	const char *name;
	uint64_t up,
		away; /* it is up for so long, and then the gateway cannot be reached for so long */
	bool deletes;
	bool told;
} displacements[] = {
	{ .name = "forgotten", .up = SECONDS(70), .told = true },
	{ .name = "deleted soon", .up = SECONDS(2), .deletes = true, .told = true },
	{ .name = "deleted later", .up = SECONDS(300), .deletes = true },
	{ .name = "forgotten days apart", .up = SECONDS(86400) },
	{ .name = "away", .up = SECONDS(70), .away = SECONDS(60) },
};

static const struct displacement *displacement;

static void displace(struct pair *p)
{
	pair_run(p, displacement->up);
	unsigned lost = p->events[EV_LOST];
	if (displacement->deletes)
		pair_gw(p, GW_DELETE_IKE);
	else
		pair_tap(p, net_deaf, NULL);
	for (int i = 0; i < 600 && p->events[EV_LOST] == lost; i++)
		pair_run(p, SECONDS(1) / 4);
	assert_int_equal(p->events[EV_LOST], lost + 1);
	pair_run(p, displacement->away);
	pair_tap(p, NULL, NULL);
	unsigned up = p->events[EV_UP];
	for (int i = 0; i < 600 && p->events[EV_UP] == up; i++)
		pair_run(p, SECONDS(1) / 4);
	assert_int_equal(client_phase(&p->client), IKE_UP);
}

static void displaced(void **state)
{
	struct profile *profile = profile_trusting(profile_psk());
	struct pair p;

	displacement = *state;
	whole_begin(&p, profile, 39);
	pair_connect(&p);
	for (unsigned i = 1; i <= 4; i++) {
		bool told = displacement->told && i >= 2;
		displace(&p);
		if (!displacement->away)
			assert_int_equal(p.events[EV_WARNING], told);
		/* The attempt after that warning is the first without. */
		assert_int_equal(p.gw.initial_contact, i < 3 || !told);
	}
	whole_finish(&p, profile);
}

/* Another tunnel of this machine goes to the gateway already. */
static void not_alone(void **state)
{
	(void)state;
	for (int shared = 0; shared < 2; shared++) {
		struct profile *profile = profile_trusting(profile_psk());
		struct pair p;
		whole_begin(&p, profile, 39);
		p.path.shared = shared;
		pair_connect(&p);
		assert_int_equal(p.gw.initial_contact, !shared);
		whole_finish(&p, profile);
	}
}

static int teardown(void **state)
{
	people_free();
	return pair_group_teardown(state);
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(displacements) + 1] = { cmocka_unit_test(
		not_alone) };

	for (size_t i = 0; i < ARRAY_LEN(displacements); i++)
		tests[1 + i] = (struct CMUnitTest){ displacements[i].name, displaced, NULL, NULL,
			(void *)&displacements[i] };
	return cmocka_run_group_tests(tests, pair_group_setup, teardown);
}
