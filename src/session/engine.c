#include "engine.h"

#include <stdlib.h>

#include "ike/v1.h"
#include "ike/v2.h"

struct engine *engine_new(
	int version, const struct ike_config *config, struct rng *rng, struct err *e)
{
	struct engine *x = calloc(1, sizeof(*x));

	if (!x) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	if (version == 1)
		x->v1 = v1_new(config, rng, e);
	else
		x->v2 = v2_new(config, rng, e);
	if (x->v1 || x->v2)
		return x;
	free(x);
	return NULL;
}

void engine_free(struct engine *x)
{
	if (!x)
		return;
	v1_free(x->v1);
	v2_free(x->v2);
	free(x);
}

void engine_start(struct engine *x, uint64_t now, time_t wall, const struct path *path,
	bool patient, struct outbox *ob)
{
	if (x->v1)
		v1_start(x->v1, now, wall, path, patient, ob);
	else
		v2_start(x->v2, now, wall, path, patient, ob);
}

void engine_datagram(struct engine *x, uint64_t now, const struct datagram *d, struct outbox *ob)
{
	if (x->v1)
		v1_datagram(x->v1, now, d, ob);
	else
		v2_datagram(x->v2, now, d, ob);
}

void engine_answer(struct engine *x, uint64_t now, uint32_t id, const struct passphrase *text,
	struct outbox *ob)
{
	if (x->v1)
		v1_answer(x->v1, now, id, text, ob);
	else
		v2_answer(x->v2, now, id, text, ob);
}

void engine_os(struct engine *x, uint64_t now, const struct os_input *in, struct outbox *ob)
{
	if (x->v1)
		v1_os(x->v1, now, in, ob);
	else
		v2_os(x->v2, now, in, ob);
}

bool engine_move(struct engine *x, uint64_t now, const struct path *path, struct outbox *ob)
{
	return x->v2 && v2_move(x->v2, now, path, ob);
}

void engine_tick(struct engine *x, uint64_t now, struct outbox *ob)
{
	if (x->v1)
		v1_tick(x->v1, now, ob);
	else
		v2_tick(x->v2, now, ob);
}

bool engine_command(
	struct engine *x, uint64_t now, enum command c, struct outbox *ob, struct err *e)
{
	return x->v1 ? v1_command(x->v1, now, c, ob, e) : v2_command(x->v2, now, c, ob, e);
}

enum ike_wait engine_idle(struct engine *x)
{
	return x->v1 ? v1_idle(x->v1) : v2_idle(x->v2);
}

void engine_stop(struct engine *x, uint64_t now, struct outbox *ob)
{
	if (x->v1)
		v1_stop(x->v1, now, ob);
	else
		v2_stop(x->v2, now, ob);
}

void engine_hang_up(struct engine *x, uint64_t now, struct outbox *ob)
{
	engine_stop(x, now, ob);
	engine_stop(x, now, ob); /* the second time it does not wait */
}

void engine_retire(struct engine *x, uint64_t now, struct outbox *ob)
{
	v2_retire(x->v2, now, ob);
}

void engine_leave(struct engine *x, uint64_t now, struct outbox *ob)
{
	struct ike_view v = { 0 };

	engine_view(x, &v);
	if (v.ticket_until > now)
		v2_abandon(x->v2, now, ob);
	else
		engine_hang_up(x, now, ob);
}

struct resumption *engine_resumption(struct engine *x)
{
	return x->v2 ? v2_resumption(x->v2) : NULL;
}

bool engine_is_for(const struct engine *x, const struct datagram *d)
{
	return x->v2 && v2_is_for(x->v2, d);
}

uint64_t engine_deadline(const struct engine *x)
{
	return x->v1 ? v1_deadline(x->v1) : v2_deadline(x->v2);
}

void engine_keys(const struct engine *x, struct outbox *ob)
{
	if (x->v1)
		v1_keys(x->v1, ob);
	else
		v2_keys(x->v2, ob);
}

void engine_view(const struct engine *x, struct ike_view *out)
{
	if (x->v1)
		v1_view(x->v1, out);
	else
		v2_view(x->v2, out);
}

const struct granted *engine_granted(const struct engine *x)
{
	return x->v1 ? v1_granted(x->v1) : v2_granted(x->v2);
}

struct inquiry *engine_inquiry(struct engine *x)
{
	return x->v1 ? v1_inquiry(x->v1) : v2_inquiry(x->v2);
}
