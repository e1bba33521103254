/*
 * The text of a profile through the loader.
 *
 * Whatever the text: no crash, problems that can be printed, and a profile that was accepted can be
 * shown, and its values, set again, give the same profile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/types.h"
#include "cli/load.h"
#include "crypto/alg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUE_MAX = 65536 };

static struct load_report report;
static char one[VALUE_MAX], two[VALUE_MAX];

static void demand(bool good)
{
	if (!good)
		abort();
}

static void check_problems(void)
{
	char text[PROFILE_PATH_MAX + ERR_TEXT_MAX + 100], safe[sizeof(text)];

	demand(report.n > 0);
	for (size_t i = 0; i < report.n && i < LOAD_PROBLEMS_MAX; i++) {
		load_problem_text(text, sizeof(text), &report.v[i]);
		demand(report.v[i].err.text[0] != 0);
		demand(strcmp(text_safe(safe, sizeof(safe), text, strlen(text)), text) == 0);
	}
}

static void check_profile(const struct profile *p)
{
	struct profile_problem problem;
	struct profile *again = profile_new("again");
	struct profile_key k;

	demand(again != NULL);
	for (size_t i = 0; profile_key(i, &k); i++) {
		profile_value(one, sizeof(one), p, k.section, k.key);
		/* Default proposals may be longer than a profile's line. */
		if (one[0] && strcmp(k.key, "proposals") != 0)
			demand(profile_set(again, k.section, k.key, one, &problem.err));
	}
	profile_finish(again, &problem, 1);
	for (size_t i = 0; profile_key(i, &k); i++)
		if (strcmp(k.key, "proposals") != 0)
			demand(strcmp(profile_value(one, sizeof(one), p, k.section, k.key),
				       profile_value(two, sizeof(two), again, k.section, k.key)) ==
				0);
	profile_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct profile *p;
	struct err e;

	if (!ready)
		demand(crypto_init(&e));
	ready = true;
	if (load_text("fuzz", (const char *)data, size, &p, &report) == LOAD_OK)
		check_profile(p);
	else
		check_problems();
	profile_free(p);
	return 0;
}
