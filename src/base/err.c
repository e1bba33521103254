#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void err_fill(
	struct err *e, enum err_kind kind, uint16_t notify, const char *fmt, va_list ap)
{
	e->kind = kind;
	e->notify = notify;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
}

bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return false;
	va_start(ap, fmt);
	err_fill(e, kind, 0, fmt, ap);
	va_end(ap);
	return false;
}

bool err_notify(struct err *e, enum err_kind kind, uint16_t notify, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return false;
	va_start(ap, fmt);
	err_fill(e, kind, notify, fmt, ap);
	va_end(ap);
	return false;
}

bool err_ctx(struct err *e, const char *fmt, ...)
{
	char was[ERR_TEXT_MAX];
	va_list ap;

	if (!e)
		return false;
	memcpy(was, e->text, sizeof(was));
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	size_t n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", was);
	return false;
}

void err_clear(struct err *e)
{
	*e = (struct err){ .kind = ERR_NONE };
}
