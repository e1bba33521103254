#include <stdlib.h>

#include "gateway.h"
#include "lib/test.h"

enum { EDIT_PAYLOADS = 128 };

struct piece {
	uint8_t type;
	bool critical;
	int lie; /* added to the length field */
	size_t len;
	uint8_t body[16384];
};

struct pieces {
	size_t n;
	struct piece *v[EDIT_PAYLOADS];
};

static struct piece *piece_new(uint8_t type, const void *body, size_t len)
{
	struct piece *x = calloc(1, sizeof(*x));

	if (!x || len > sizeof(x->body)) {
		free(x);
		return NULL;
	}
	x->type = type;
	x->len = len;
	if (len)
		memcpy(x->body, body, len);
	return x;
}

static void put(struct pieces *l, size_t at, struct piece *x)
{
	if (!x || l->n == EDIT_PAYLOADS) {
		free(x);
		return;
	}
	memmove(&l->v[at + 1], &l->v[at], (l->n++ - at) * sizeof(l->v[0]));
	l->v[at] = x;
}

static struct piece *take(struct pieces *l, size_t at)
{
	struct piece *x = l->v[at];

	memmove(&l->v[at], &l->v[at + 1], (--l->n - at) * sizeof(l->v[0]));
	return x;
}

static void split(struct pieces *l, uint8_t first, const uint8_t *chain, size_t len)
{
	struct rd r = rd_init(chain, len);

	for (uint8_t type = first; type != PAYLOAD_NONE && !r.bad;) {
		uint8_t next = rd_u8(&r);
		rd_u8(&r);
		size_t n = rd_u16(&r) - 4u;
		const uint8_t *body = rd_bytes(&r, n);
		if (body)
			put(l, l->n, piece_new(type, body, n));
		type = next;
	}
}

static size_t join(const struct pieces *l, uint8_t *first, uint8_t *chain, size_t cap)
{
	struct wr w = wr_init(chain, cap);

	*first = l->n ? l->v[0]->type : PAYLOAD_NONE;
	for (size_t i = 0; i < l->n; i++) {
		wr_u8(&w, i + 1 < l->n ? l->v[i + 1]->type : PAYLOAD_NONE);
		wr_u8(&w, l->v[i]->critical ? 0x80 : 0);
		wr_u16(&w, (uint16_t)((int)l->v[i]->len + 4 + l->v[i]->lie));
		wr_bytes(&w, l->v[i]->body, l->v[i]->len);
	}
	return w.bad ? 0 : w.len;
}

static void change(struct piece *x, const struct edit *e)
{
	uint8_t octets[256];
	size_t n = e->hex ? test_hex(e->hex, octets, sizeof(octets)) : 0;
	size_t at = e->at < 0 ? x->len + (size_t)e->at : (size_t)e->at;

	switch (e->op) {
	case EDIT_BODY:
		x->len = n;
		memcpy(x->body, octets, n);
		break;
	case EDIT_SET:
	case EDIT_FLIP:
		for (size_t i = 0; i < n && at + i < x->len; i++)
			x->body[at + i] = octets[i] ^ (e->op == EDIT_FLIP ? x->body[at + i] : 0);
		break;
	case EDIT_CUT:
		x->len = at < x->len ? at : x->len;
		break;
	case EDIT_GROW:
		memset(x->body + x->len, 0, at);
		x->len += at;
		break;
	case EDIT_LENGTH:
		x->lie = e->at;
		break;
	default:
		x->type = (uint8_t)e->at; /* EDIT_RETYPE */
		break;
	}
}

static void edit_payload(struct pieces *l, size_t i, const struct edit *e)
{
	struct piece *x = l->v[i];

	switch (e->op) {
	case EDIT_DROP:
		free(take(l, i));
		break;
	case EDIT_DUP:
		put(l, i, piece_new(x->type, x->body, x->len));
		break;
	case EDIT_FIRST:
		put(l, 0, take(l, i));
		break;
	case EDIT_ONLY:
		x = take(l, i);
		while (l->n > 0)
			free(take(l, 0));
		put(l, 0, x);
		break;
	default:
		change(x, e);
		break;
	}
}

static void edit_whole(struct pieces *l, const struct edit *e)
{
	uint8_t octets[256];
	size_t n = e->hex ? test_hex(e->hex, octets, sizeof(octets)) : 0;
	const struct piece *like = NULL;

	switch (e->op) {
	case EDIT_REVERSE:
		for (size_t i = 0; i < l->n; i++)
			put(l, 0, take(l, i));
		break;
	case EDIT_ADD:
	case EDIT_ADD_CRITICAL:
		put(l, 0, piece_new(e->payload, octets, n));
		if (l->n)
			l->v[0]->critical = e->op == EDIT_ADD_CRITICAL;
		break;
	case EDIT_MANY:
		for (size_t i = 0; i < l->n && !like; i++)
			like = l->v[i]->type == e->payload ? l->v[i] : NULL;
		for (int i = 0; i < e->at; i++)
			put(l, 0,
				like ? piece_new(like->type, like->body, like->len) :
				       piece_new(e->payload, NULL, 0));
		break;
	default: /* EDIT_NOTHING */
		while (l->n > 0)
			free(take(l, 0));
		break;
	}
}

size_t edit_chain(const struct edit *e, uint8_t *first, uint8_t *chain, size_t len, size_t cap)
{
	struct pieces l = { 0 };
	unsigned seen = 0;

	split(&l, *first, chain, len);
	if (e->op == EDIT_REVERSE || e->op >= EDIT_ADD) {
		edit_whole(&l, e);
	} else {
		for (size_t i = 0; i < l.n; i++)
			if (l.v[i]->type == e->payload && seen++ == e->index) {
				edit_payload(&l, i, e);
				break;
			}
	}
	len = join(&l, first, chain, cap);
	while (l.n > 0)
		free(take(&l, 0));
	return len;
}
