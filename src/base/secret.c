#include "base/secret.h"

#include <string.h>

void wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

void secret_wipe(struct secret *s)
{
	wipe(s, sizeof(*s));
}

bool secret_set(struct secret *s, const void *data, size_t len)
{
	secret_wipe(s);
	if (len > sizeof(s->data))
		return false;
	if (len > 0)
		memcpy(s->data, data, len);
	s->len = len;
	return true;
}

void passphrase_wipe(struct passphrase *p)
{
	wipe(p, sizeof(*p));
}

bool passphrase_set(struct passphrase *p, const char *text, size_t len)
{
	passphrase_wipe(p);
	if (len > PASSPHRASE_MAX)
		return false;
	if (len > 0)
		memcpy(p->text, text, len);
	p->len = len;
	return true;
}

bool same_bytes(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}
