#include "sdbus.h"

#include "base/late.h"
#include "base/types.h"

static const struct late_row rows[] = {
#define SDBUS_ROW(name) { "sd_bus_" #name, offsetof(struct sdbus, name) },
	SDBUS_CALLS(SDBUS_ROW)
#undef SDBUS_ROW
};

const struct sdbus *sdbus_load(void)
{
	static struct sdbus calls;
	static bool loaded;
	char why[LATE_WHY_MAX];

	loaded = loaded || late_open("libsystemd.so.0", rows, ARRAY_LEN(rows), &calls, why);
	return loaded ? &calls : NULL;
}
