#include "waiters.h"

bool waiters_add(struct waiters *w, const struct waiter *one)
{
	if (w->n == WAITERS_MAX)
		return false;
	w->v[w->n++] = *one;
	return true;
}

static struct waiter take(struct waiters *w, size_t i)
{
	struct waiter out = w->v[i];

	w->v[i] = w->v[--w->n];
	return out;
}

static bool is_done(const struct waiter *w, const struct status *st)
{
	switch (w->what) {
	case WAITS_FOR_UP:
		return st->state == STATE_UP || st->state == STATE_REKEYING;
	case WAITS_FOR_KEYS:
		break;
	}
	return st->rekeys_ike >= w->ike && st->rekeys_child >= w->child;
}

bool waiters_next(
	struct waiters *w, const struct status *st, uint64_t now, struct waiter *out, bool *done)
{
	for (size_t i = 0; i < w->n; i++) {
		*done = is_done(&w->v[i], st);
		if (*done || now >= w->v[i].give_up) {
			*out = take(w, i);
			return true;
		}
	}
	return false;
}

bool waiters_take(struct waiters *w, enum waits_for what, struct waiter *out)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].what == what) {
			*out = take(w, i);
			return true;
		}
	return false;
}
