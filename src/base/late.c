#include "base/late.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/types.h"

bool late_open(const char *file, const struct late_row *rows, size_t n, void *calls,
	char why[LATE_WHY_MAX])
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL), *found = library;

	for (size_t i = 0; found && i < n; i++) {
		found = dlsym(library, rows[i].name);
		/* ISO C has no conversion from void * to a function; POSIX has it be this one. */
		memcpy((uint8_t *)calls + rows[i].at, &found, sizeof(found));
	}
	if (found)
		return true;
	const char *reason = dlerror();
	snprintf(why, LATE_WHY_MAX, "%s", reason ? reason : "no reason is given");
	if (library)
		dlclose(library);
	return false;
}
