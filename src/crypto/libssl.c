#include "libssl.h"

#include "base/late.h"
#include "base/types.h"

#define TEXT_OF(x)  TEXT_OF_(x)
#define TEXT_OF_(x) #x

static const char file[] = "libssl.so." TEXT_OF(OPENSSL_SHLIB_VERSION);

static const struct late_row rows[] = {
#define LIBSSL_ROW(name) { #name, offsetof(struct libssl, name) },
	LIBSSL_CALLS(LIBSSL_ROW)
#undef LIBSSL_ROW
};

const struct libssl *libssl_open(struct err *e)
{
	static struct libssl calls;
	static bool opened;
	char why[LATE_WHY_MAX];

	opened = opened || late_open(file, rows, ARRAY_LEN(rows), &calls, why);
	if (opened)
		return &calls;
	err_set(e, ERR_LOCAL, "%s, which TLS needs, cannot be opened: %s", file, why);
	return NULL;
}
