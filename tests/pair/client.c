#include "client.h"

#include "../../src/ike/v2_sa.h"
#include "lib/test.h"

void client_init(struct client *c, const struct ike_config *cfg, uint32_t seed)
{
	uint8_t octets[RNG_SEED_LEN] = { 'c', 'l', seed >> 24, seed >> 16, seed >> 8, seed };
	struct err e;

	rng_seed(&c->rng, octets);
	c->v2 = v2_new(cfg, &c->rng, &e);
	assert_non_null(c->v2);
}

void client_free(struct client *c)
{
	v2_free(c->v2);
	c->v2 = NULL;
}

void client_start(struct client *c, uint64_t now, time_t wall, const struct path *path, struct outbox *ob)
{
	v2_start(c->v2, now, wall, path, true, ob);
}

void client_datagram(struct client *c, uint64_t now, const struct datagram *d, struct outbox *ob)
{
	v2_datagram(c->v2, now, d, ob);
}

void client_answer(struct client *c, uint64_t now, uint32_t id, const struct passphrase *text,
	struct outbox *ob)
{
	v2_answer(c->v2, now, id, text, ob);
}

void client_os(struct client *c, uint64_t now, const struct os_input *in, struct outbox *ob)
{
	v2_os(c->v2, now, in, ob);
}

void client_tick(struct client *c, uint64_t now, struct outbox *ob)
{
	v2_tick(c->v2, now, ob);
}

bool client_command(struct client *c, uint64_t now, enum command what, struct outbox *ob)
{
	struct err e;

	return v2_command(c->v2, now, what, ob, &e);
}

void client_stop(struct client *c, uint64_t now, struct outbox *ob)
{
	v2_stop(c->v2, now, ob);
}

uint64_t client_deadline(const struct client *c)
{
	return v2_deadline(c->v2);
}

enum ike_phase client_phase(const struct client *c)
{
	return c->v2->phase;
}

const struct err *client_failure(const struct client *c)
{
	return &c->v2->failure;
}
