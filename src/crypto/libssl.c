#include "libssl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/names.h"
#include "base/types.h"

#define TEXT_OF(x)  TEXT_OF_(x)
#define TEXT_OF_(x) #x

static const char file[] = "libssl.so." TEXT_OF(OPENSSL_SHLIB_VERSION);

static struct libssl calls;
static void *library;

static bool unusable(const char *what, struct err *e)
{
	const char *why = dlerror();

	return err_set(e, ERR_LOCAL, "%s, which TLS needs, cannot be %s: %s", file, what,
		why ? why : "no reason is given");
}

static bool find_calls(void *from, struct err *e)
{
	static const struct {
		const char *name;
		size_t at;
	} rows[] = {
#define LIBSSL_ROW(name) { #name, offsetof(struct libssl, name) },
		LIBSSL_CALLS(LIBSSL_ROW)
#undef LIBSSL_ROW
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		void *found = dlsym(from, rows[i].name);
		if (!found)
			return unusable("used", e);
		/* ISO C has no conversion from void * to a function; POSIX has it be this one. */
		memcpy((char *)&calls + rows[i].at, &found, sizeof(found));
	}
	return true;
}

const struct libssl *libssl_open(struct err *e)
{
	if (library)
		return &calls;
	void *opened = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!opened) {
		unusable("opened", e);
		return NULL;
	}
	if (!find_calls(opened, e)) {
		dlclose(opened);
		return NULL;
	}
	library = opened; /* it stays: OpenSSL's parts do not let go of each other */
	return &calls;
}
