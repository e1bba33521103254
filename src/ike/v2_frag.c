#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

void reassembly_free(struct reassembly **slot)
{
	if (!*slot)
		return;
	for (size_t i = 0; i < ARRAY_LEN((*slot)->part); i++)
		free((*slot)->part[i].data);
	free(*slot);
	*slot = NULL;
}

/* The slot for this message. A fragment with a higher total is a new, smaller cut of the same
 * message and starts over; one with a lower total, or of a message before, is old (RFC 7383 section
 * 2.6). */
static struct reassembly *fitting(
	struct reassembly **slot, uint32_t mid, uint16_t total, struct err *e)
{
	struct reassembly *r = *slot;

	if (r && (mid < r->mid || (mid == r->mid && total < r->total))) {
		err_set(e, ERR_DROP, "a fragment of an earlier message or cut");
		return NULL;
	}
	if (r && r->mid == mid && total == r->total)
		return r;
	reassembly_free(slot);
	r = *slot = calloc(1, sizeof(*r));
	if (!r) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	r->mid = mid;
	r->total = total;
	return r;
}

static bool put_together(struct reassembly *r, uint8_t **whole, size_t *len, struct err *e)
{
	struct wr w;

	*whole = malloc(r->size ? r->size : 1);
	if (!*whole)
		return err_set(e, ERR_LOCAL, "out of memory");
	w = wr_init(*whole, r->size);
	for (size_t i = 0; i < r->total; i++)
		wr_bytes(&w, r->part[i].data, r->part[i].len);
	*len = w.len;
	return true;
}

bool v2_reassemble(struct reassembly **slot, uint32_t mid, uint16_t number, uint16_t total,
	const struct content *part, uint8_t **whole, struct content *out, struct err *e)
{
	struct bytes octets = part->octets;
	size_t len = 0;

	*whole = NULL;
	if (number == 0 || number > total || total > FRAGMENTS_MAX || octets.n == 0)
		return err_set(e, ERR_DROP, "fragment %u of %u, %zu octet%s", number, total,
			octets.n, plural(octets.n));
	struct reassembly *r = fitting(slot, mid, total, e);
	if (!r)
		return false;
	if (r->part[number - 1].data)
		return true; /* a copy of one that is there */
	if (r->size + octets.n > IKE_MESSAGE_MAX)
		return err_set(e, ERR_DROP, "fragments of more than %d octets", IKE_MESSAGE_MAX);
	uint8_t *copy = malloc(octets.n);
	if (!copy)
		return err_set(e, ERR_LOCAL, "out of memory");
	memcpy(copy, octets.p, octets.n);
	r->part[number - 1].data = copy;
	r->part[number - 1].len = octets.n;
	r->size += octets.n;
	if (number == 1) {
		r->first = part->first;
		r->reserved = part->reserved;
	}
	if (++r->have < r->total)
		return true;
	bool ok = put_together(r, whole, &len, e);
	*out = (struct content){ r->first, r->reserved, { *whole, len } };
	reassembly_free(slot);
	return ok;
}
