/*
 * Reading from and writing to byte arrays that came from, or go to, the wire.
 *
 * Both cursors fail softly: the first short read or full buffer marks the cursor bad, and from then
 * on reads yield zero with nothing left and writes do nothing. So a parser reads straight through,
 * every loop over what is left ends, and one check at the end tells whether all of it was there.
 * All numbers are big-endian. Neither cursor owns the memory it walks over.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets that belong to somebody else, for the duration of a call. */
struct bytes {
	const void *p;
	size_t n;
};

struct rd {
	const uint8_t *p; /* next octet */
	size_t left; /* octets not yet read */
	bool bad; /* a read went past the end: everything read since is zero */
};

/* These few are here because every packet that is carried is read with them. */

static inline struct rd rd_init(const void *data, size_t len)
{
	return (struct rd){ .p = data, .left = data ? len : 0 };
}

/* n octets in place, or NULL (and bad) when fewer are left; n == 0 gives a valid pointer. */
static inline const uint8_t *rd_bytes(struct rd *r, size_t n)
{
	if (r->bad || n > r->left) {
		r->bad = true;
		r->left = 0;
		return NULL;
	}
	const uint8_t *p = r->p;
	if (n > 0)
		r->p += n;
	r->left -= n;
	return p ? p : (const uint8_t *)"";
}

static inline uint64_t rd_number(struct rd *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_number(r, 1);
}

static inline uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)rd_number(r, 2);
}

static inline uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)rd_number(r, 4);
}

static inline uint64_t rd_u64(struct rd *r)
{
	return rd_number(r, 8);
}

/* Copies n octets to dst, or zeros where they are not there. */
void rd_copy(struct rd *r, void *dst, size_t n);
/* A reader over the next n octets, which r then skips. Bad (and so is r) when fewer are left. */
struct rd rd_sub(struct rd *r, size_t n);
/* All read, and nothing was missing. */
bool rd_done(const struct rd *r);

struct wr {
	uint8_t *base; /* the caller's array */
	size_t len; /* octets written */
	size_t cap; /* octets there are */
	bool bad; /* something did not fit: len is meaningless from here on */
};

struct wr wr_init(void *buf, size_t cap);
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_bytes(struct wr *w, const void *src, size_t n);
void wr_zeros(struct wr *w, size_t n);
/* Room for n octets that the caller fills, or NULL (and bad). */
uint8_t *wr_room(struct wr *w, size_t n);
/* Writes v over the two or one octets at offset at, which were written before. */
void wr_patch_u16(struct wr *w, size_t at, uint16_t v);
void wr_patch_u32(struct wr *w, size_t at, uint32_t v);
void wr_patch_u8(struct wr *w, size_t at, uint8_t v);

#endif
