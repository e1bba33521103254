#include "rexmit.h"

#include <stdlib.h>
#include <string.h>

const struct rexmit_plan rexmit_impatient = { 500, 4000, 4 };
const struct rexmit_plan rexmit_dispensable = { 500, 1000, 8 };
const struct rexmit_plan rexmit_twice = { 500, 1000, 4 };
const struct rexmit_plan rexmit_first = { 500, 3000, 10 };
const struct rexmit_plan rexmit_settled = { 500, 8000, 10 };
const struct rexmit_plan rexmit_confirmed = { 500, 8000, 18 };

void kept_free(struct kept *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->v[i].data);
	*k = (struct kept){ 0 };
}

bool kept_add(struct kept *k, const void *data, size_t len)
{
	uint8_t *copy = k->n < KEPT_FRAGMENTS_MAX ? malloc(len ? len : 1) : NULL;

	if (!copy)
		return false;
	memcpy(copy, data, len);
	k->v[k->n].data = copy;
	k->v[k->n].len = len;
	k->n++;
	return true;
}

void kept_send(const struct kept *k, enum ike_port from, const struct addr *local,
	const struct addr *remote, struct outbox *ob)
{
	for (size_t i = 0; i < k->n; i++)
		outbox_send(ob, from, local, remote, k->v[i].data, k->v[i].len);
}

enum { KNOCK_FROM = 3 }; /* the first of these copies */

bool rexmit_knock(const struct rexmit *x, const struct kept *first, const struct path *path,
	struct outbox *ob)
{
	struct addr local = path->local, remote = path->remote;

	if (x->tries < KNOCK_FROM || (x->tries - KNOCK_FROM) % 2 != 0)
		return false;
	local.port = path->local_natt_port;
	remote.port = UDP_PORT_NATT;
	kept_send(first, PORT_NATT, &local, &remote, ob);
	return true;
}

bool knock_answered(const struct rexmit *x, const struct path *path, const struct datagram *d)
{
	return x->tries >= KNOCK_FROM && d->on == PORT_NATT && d->remote.port == UDP_PORT_NATT &&
		addr_same_host(&d->remote, &path->remote);
}

uint64_t jittered(uint64_t ms, struct rng *rng)
{
	return ms - rng_below(rng, (uint32_t)(ms / 10 < UINT32_MAX ? ms / 10 : UINT32_MAX - 1) + 1);
}

static uint64_t rexmit_wait(const struct rexmit *x, struct rng *rng)
{
	uint64_t wait = (uint64_t)x->plan->first_ms << (x->tries - 1);

	return jittered(wait < x->plan->longest_ms ? wait : x->plan->longest_ms, rng);
}

void rexmit_begin(struct rexmit *x, const struct rexmit_plan *plan, uint64_t now, struct rng *rng)
{
	*x = (struct rexmit){ .plan = plan, .tries = 1 };
	x->next = now + rexmit_wait(x, rng);
}

bool rexmit_again(struct rexmit *x, uint64_t now, struct rng *rng)
{
	if (x->tries >= x->plan->tries)
		return false;
	x->tries++;
	x->next = now + rexmit_wait(x, rng);
	return true;
}
