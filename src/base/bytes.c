#include "base/bytes.h"

#include <string.h>

void rd_copy(struct rd *r, void *dst, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	if (n == 0)
		return;
	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

struct rd rd_sub(struct rd *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	return (struct rd){ .p = p, .left = p ? n : 0, .bad = !p };
}

bool rd_done(const struct rd *r)
{
	return !r->bad && r->left == 0;
}

struct wr wr_init(void *buf, size_t cap)
{
	return (struct wr){ .base = buf, .cap = cap };
}

uint8_t *wr_room(struct wr *w, size_t n)
{
	if (w->bad || n > w->cap - w->len) {
		w->bad = true;
		return NULL;
	}
	uint8_t *p = w->base + w->len;
	w->len += n;
	return p;
}

static void wr_number(struct wr *w, uint64_t v, size_t n)
{
	uint8_t *p = wr_room(w, n);

	for (size_t i = n; p && i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

void wr_u8(struct wr *w, uint8_t v)
{
	wr_number(w, v, 1);
}

void wr_u16(struct wr *w, uint16_t v)
{
	wr_number(w, v, 2);
}

void wr_u32(struct wr *w, uint32_t v)
{
	wr_number(w, v, 4);
}

void wr_u64(struct wr *w, uint64_t v)
{
	wr_number(w, v, 8);
}

void wr_bytes(struct wr *w, const void *src, size_t n)
{
	uint8_t *p = wr_room(w, n);

	if (p && n > 0)
		memcpy(p, src, n);
}

void wr_zeros(struct wr *w, size_t n)
{
	uint8_t *p = wr_room(w, n);

	if (p && n > 0)
		memset(p, 0, n);
}

static void wr_patch(struct wr *w, size_t at, uint64_t v, size_t n)
{
	if (w->bad || at > w->len || n > w->len - at) {
		w->bad = true;
		return;
	}
	struct wr over = wr_init(w->base + at, n);
	wr_number(&over, v, n);
}

void wr_patch_u8(struct wr *w, size_t at, uint8_t v)
{
	wr_patch(w, at, v, 1);
}

void wr_patch_u16(struct wr *w, size_t at, uint16_t v)
{
	wr_patch(w, at, v, 2);
}

void wr_patch_u32(struct wr *w, size_t at, uint32_t v)
{
	wr_patch(w, at, v, 4);
}
