#include "early.h"

#include <stdlib.h>
#include <string.h>

static uint32_t *find(struct early *x, uint32_t spi)
{
	for (size_t i = 0; spi && i < ARRAY_LEN(x->spis); i++)
		if (x->spis[i] == spi)
			return &x->spis[i];
	return NULL;
}

void early_expect(struct early *x, uint32_t spi)
{
	if (find(x, spi))
		return;
	early_forget(x, x->spis[x->next]);
	x->spis[x->next] = spi;
	x->next = (x->next + 1) % ARRAY_LEN(x->spis);
}

bool early_keep(struct early *x, uint32_t spi, const struct udp_datagram *d)
{
	if (!find(x, spi) || x->n == ARRAY_LEN(x->kept))
		return false;
	uint8_t *room = malloc(UDP_HEADROOM + d->dg.len);
	if (!room)
		return false;
	memcpy(room + UDP_HEADROOM, d->dg.data, d->dg.len);
	x->kept[x->n].spi = spi;
	x->kept[x->n].d = *d;
	x->kept[x->n].d.room = room;
	x->kept[x->n].d.room_len = UDP_HEADROOM + d->dg.len;
	x->kept[x->n++].d.dg.data = room + UDP_HEADROOM;
	return true;
}

size_t early_take(struct early *x, uint32_t spi, struct udp_datagram out[EARLY_PACKETS])
{
	uint32_t *place = find(x, spi);
	size_t taken = 0, left = 0;

	if (!place)
		return 0;
	*place = 0;
	for (size_t i = 0; i < x->n; i++)
		if (x->kept[i].spi == spi)
			out[taken++] = x->kept[i].d;
		else
			x->kept[left++] = x->kept[i];
	x->n = left;
	return taken;
}

void early_forget(struct early *x, uint32_t spi)
{
	struct udp_datagram gone[EARLY_PACKETS];

	for (size_t n = early_take(x, spi, gone); n-- > 0;)
		free(gone[n].room);
}

void early_clear(struct early *x)
{
	for (size_t i = 0; i < ARRAY_LEN(x->spis); i++)
		early_forget(x, x->spis[i]);
}
