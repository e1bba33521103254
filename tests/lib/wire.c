#include "lib/wire.h"

#include "base/types.h"

void wire_init(struct wire *w, uint32_t seed)
{
	memset(w, 0, sizeof(*w));
	w->random = seed * 2654435761u + 1;
	w->delay = 10;
}

static unsigned draw(struct wire *w, unsigned bound)
{
	w->random = w->random * 1664525u + 1013904223u;
	return bound ? (w->random >> 8) % bound : 0;
}

static void put(struct wire *w, uint64_t now, int to, struct bytes frame)
{
	assert_true(w->n < WIRE_FRAMES && frame.n <= WIRE_FRAME_MAX);
	uint64_t wait = w->delay + draw(w, w->jitter + 1) + (draw(w, 100) < w->reorder ? 50 : 0);
	size_t i = w->n++;

	w->flights[i].at = now + wait;
	w->flights[i].order = w->order++;
	w->flights[i].to = to;
	w->flights[i].len = frame.n;
	memcpy(w->flights[i].data, frame.p, frame.n);
}

void wire_send(struct wire *w, uint64_t now, int to, struct bytes frame)
{
	w->sent++;
	if (w->cut || draw(w, 100) < w->loss)
		return;
	put(w, now, to, frame);
	if (draw(w, 100) < w->dup)
		put(w, now, to, frame);
}

static size_t first(const struct wire *w)
{
	size_t best = 0;

	for (size_t i = 1; i < w->n; i++)
		if (w->flights[i].at < w->flights[best].at ||
			(w->flights[i].at == w->flights[best].at &&
				w->flights[i].order < w->flights[best].order))
			best = i;
	return best;
}

uint64_t wire_next(const struct wire *w)
{
	return w->n > 0 ? w->flights[first(w)].at : TIME_NEVER;
}

bool wire_take(struct wire *w, uint64_t now, int *to, uint8_t *out, size_t *len)
{
	size_t i = first(w);

	if (w->n == 0 || w->flights[i].at > now)
		return false;
	*to = w->flights[i].to;
	*len = w->flights[i].len;
	memcpy(out, w->flights[i].data, *len);
	w->flights[i] = w->flights[--w->n];
	return true;
}
