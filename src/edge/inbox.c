#include "inbox.h"

#include <string.h>

void inbox_put(struct inbox *x, struct bytes message)
{
	size_t slot = (x->first + x->n) % INBOX_MESSAGES;

	if (x->n == INBOX_MESSAGES || message.n > L2TP_MESSAGE_MAX)
		return;
	memcpy(x->v[slot].data, message.p, message.n);
	x->v[slot].len = message.n;
	x->n++;
}

bool inbox_next(struct inbox *x, struct bytes *message)
{
	if (x->n == 0)
		return false;
	*message = (struct bytes){ x->v[x->first].data, x->v[x->first].len };
	x->first = (x->first + 1) % INBOX_MESSAGES;
	x->n--;
	return true;
}
