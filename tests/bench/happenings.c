#include "happenings.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lib/test.h"

static bool before(const struct happening *a, const struct happening *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void happenings_push(struct happenings *x, struct happening h)
{
	if (x->n == x->cap) {
		x->cap = x->cap ? 2 * x->cap : 4096;
		x->v = realloc(x->v, x->cap * sizeof(*x->v));
		assert_non_null(x->v);
	}
	h.order = x->order++;
	size_t i = x->n++;
	for (; i > 0 && before(&h, &x->v[(i - 1) / 2]); i = (i - 1) / 2)
		x->v[i] = x->v[(i - 1) / 2];
	x->v[i] = h;
}

struct happening happenings_pop(struct happenings *x)
{
	struct happening first = x->v[0], last = x->v[--x->n];
	size_t i = 0, k;

	for (; (k = 2 * i + 1) < x->n; i = k) {
		k += k + 1 < x->n && before(&x->v[k + 1], &x->v[k]);
		if (!before(&x->v[k], &last))
			break;
		x->v[i] = x->v[k];
	}
	x->v[i] = last;
	return first;
}
