#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOW_VALUE_MAX = 16384 };

void show_profile(const struct profile *p)
{
	char value[SHOW_VALUE_MAX];
	const char *section = "";
	struct profile_key k;

	printf("# %s, from %s\n", p->name, p->file);
	for (size_t i = 0; profile_key(i, &k); i++) {
		if (strcmp(section, k.section) != 0)
			printf("[%s]\n", k.section);
		section = k.section;
		profile_value(value, sizeof(value), p, k.section, k.key);
		printf(value[0] ? "%s = %s\n" : "# %s is not set\n", k.key, value);
	}
}

bool show_list_line(const struct load_request *rq, const char *name)
{
	struct load_report *report = malloc(sizeof(*report));
	char type[32] = "?", gateway[SHOW_VALUE_MAX] = "?";
	struct profile *p = NULL;

	if (!report)
		return false;
	enum load_result result = load_profile(rq, &p, report);
	if (p) {
		profile_value(type, sizeof(type), p, "connection", "type");
		profile_value(gateway, sizeof(gateway), p, "connection", "gateway");
	}
	printf("%-16s %-6s %-28s %s%s\n", name, type, gateway[0] ? gateway : "?", rq->profile,
		result == LOAD_OK ? "" : "  (has problems; see check)");
	profile_free(p);
	free(report);
	return true;
}
