#include "libedit.h"

#include "base/late.h"
#include "base/types.h"

static const struct late_row rows[] = {
#define LIBEDIT_ROW(name) { #name, offsetof(struct libedit, name) },
	LIBEDIT_CALLS(LIBEDIT_ROW)
#undef LIBEDIT_ROW
};

const struct libedit *libedit_open(struct err *e)
{
	/* The number that it gives itself, and Debian's: the same library. */
	static const char *const files[] = { "libedit.so.0", "libedit.so.2" };
	static struct libedit calls;
	static bool opened;
	char why[LATE_WHY_MAX];

	for (size_t i = 0; !opened && i < ARRAY_LEN(files); i++)
		opened = late_open(files[i], rows, ARRAY_LEN(rows), &calls, why);
	if (opened)
		return &calls;
	err_set(e, ERR_LOCAL, "libedit (Debian: libedit2), which edits lines, cannot be opened: %s",
		why);
	return NULL;
}
