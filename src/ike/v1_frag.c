#include "v1_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * Fragments of whole messages, as Cisco, Microsoft and strongSwan send them: the header again, then
 * one payload of type 132 with an id, a number from 1 on, and a flag on the last. Nothing of it is
 * authentic, so one message at a time is put together, of limited size, and only what comes out is
 * looked at. Some gateways number every message alike, so that what differs from what is there begins
 * another one.
 */

enum { FRAGMENT_HEAD = 8, FRAGMENT_LAST = 1, FRAGMENTS_MAX = 255, WHOLE_MAX = 65535 };

void v1_fragments_free(struct v1_fragments **slot)
{
	struct v1_fragments *f = *slot;

	*slot = NULL;
	if (!f)
		return;
	for (size_t i = 0; i < ARRAY_LEN(f->part); i++)
		free(f->part[i].data);
	free(f);
}

static bool store(struct v1_fragments *f, uint8_t number, bool last, struct rd *r, struct err *e)
{
	if (f->part[number].data)
		return err_set(e, ERR_DROP, "fragment %u came twice", number);
	if ((f->last && number > f->last) || (last && f->last) || f->size + r->left > WHOLE_MAX)
		return err_set(e, ERR_DROP, "fragment %u does not fit the others", number);
	f->part[number].data = malloc(r->left);
	if (!f->part[number].data)
		return err_set(e, ERR_LOCAL, "out of memory");
	f->part[number].len = r->left;
	f->size += r->left;
	f->have++;
	if (last)
		f->last = number;
	rd_copy(r, f->part[number].data, r->left);
	return true;
}

static bool differs(const struct v1_fragments *f, uint8_t number, const struct rd *r)
{
	return f->part[number].data &&
		(f->part[number].len != r->left ||
			memcmp(f->part[number].data, r->p, r->left) != 0);
}

static uint8_t *join(const struct v1_fragments *f)
{
	uint8_t *whole = malloc(f->size);
	size_t at = 0;

	for (unsigned i = 1; whole && i <= f->last; i++) {
		memcpy(whole + at, f->part[i].data, f->part[i].len);
		at += f->part[i].len;
	}
	return whole;
}

bool v1_reassemble(
	struct v1_fragments **slot, struct bytes body, uint8_t **whole, size_t *len, struct err *e)
{
	struct rd r = rd_init(body.p, body.n);
	uint16_t id = rd_u16(&r);
	uint8_t number = rd_u8(&r), flags = rd_u8(&r);

	*whole = NULL;
	if (r.bad || number == 0 || r.left == 0)
		return err_set(e, ERR_DROP, "a malformed fragment");
	if (*slot && ((*slot)->id != id || differs(*slot, number, &r)))
		v1_fragments_free(slot);
	if (!*slot)
		*slot = calloc(1, sizeof(**slot));
	if (!*slot)
		return err_set(e, ERR_LOCAL, "out of memory");
	(*slot)->id = id;
	if (!store(*slot, number, flags & FRAGMENT_LAST, &r, e))
		return false;
	if (!(*slot)->last || (*slot)->have < (*slot)->last)
		return true;
	/* A number above the last one came before it: it is all nonsense then. */
	for (unsigned i = (*slot)->last + 1; i < ARRAY_LEN((*slot)->part); i++)
		if ((*slot)->part[i].data) {
			v1_fragments_free(slot);
			return err_set(e, ERR_DROP, "fragments that do not fit together");
		}
	*len = (*slot)->size;
	*whole = join(*slot);
	v1_fragments_free(slot);
	return *whole || err_set(e, ERR_LOCAL, "out of memory");
}

bool v1_cut(struct bytes message, size_t room, bool may, uint16_t id, struct kept *out)
{
	size_t part = room - IKE_HDR_LEN - FRAGMENT_HEAD;
	size_t total = (message.n + part - 1) / part;
	const uint8_t *from = message.p;
	uint8_t buf[1500];

	if (message.n <= room || !may)
		return kept_add(out, from, message.n);
	for (size_t i = 0; i < total; i++) {
		size_t n = i + 1 < total ? part : message.n - i * part;
		struct wr w = wr_init(buf, sizeof(buf));
		wr_bytes(&w, from, IKE_HDR_LEN);
		wr_patch_u8(&w, 16, V1P_FRAGMENT);
		wr_patch_u8(&w, 19, 0);
		wr_patch_u32(&w, 24, (uint32_t)(IKE_HDR_LEN + FRAGMENT_HEAD + n));
		wr_u16(&w, 0);
		wr_u16(&w, (uint16_t)(FRAGMENT_HEAD + n));
		wr_u16(&w, id);
		wr_u8(&w, (uint8_t)(i + 1));
		wr_u8(&w, i + 1 == total ? FRAGMENT_LAST : 0);
		wr_bytes(&w, from + i * part, n);
		if (w.bad || !kept_add(out, buf, w.len))
			return false;
	}
	return true;
}
