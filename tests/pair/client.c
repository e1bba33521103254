#include "client.h"

#include "../../src/ike/v2_sa.h"
#include "../../src/session/state.h"
#include "lib/test.h"

void client_init(struct client *c, const struct ike_config *cfg, const struct profile *profile,
	uint32_t seed)
{
	uint8_t octets[RNG_SEED_LEN] = { 'c', 'l', seed >> 24, seed >> 16, seed >> 8, seed };
	struct err e;

	*c = (struct client){ 0 };
	rng_seed(&c->rng, octets);
	if (profile)
		c->session = session_new(profile, octets, &e);
	else
		c->v2 = v2_new(cfg, &c->rng, &e);
	assert_true(c->session || c->v2);
}

void client_free(struct client *c)
{
	if (c->session)
		session_free(c->session);
	else
		v2_free(c->v2);
	*c = (struct client){ 0 };
}

/* After each call into a session: which engine it has now. */
static void look(struct client *c)
{
	if (c->session)
		c->v2 = c->session->engine ? c->session->engine->v2 : NULL;
}

void client_start(
	struct client *c, uint64_t now, time_t wall, const struct path *path, struct outbox *ob)
{
	if (c->session)
		session_start(c->session, now, wall, ob);
	else
		v2_start(c->v2, now, wall, path, true, ob);
	look(c);
}

void client_datagram(struct client *c, uint64_t now, const struct datagram *d, struct outbox *ob)
{
	if (c->session)
		session_datagram(c->session, now, d, ob);
	else
		v2_datagram(c->v2, now, d, ob);
	look(c);
}

void client_answer(struct client *c, uint64_t now, uint32_t id, const struct passphrase *text,
	struct outbox *ob)
{
	if (c->session)
		session_answer(c->session, now, id, text, ob);
	else
		v2_answer(c->v2, now, id, text, ob);
	look(c);
}

void client_os(struct client *c, uint64_t now, const struct os_input *in, struct outbox *ob)
{
	if (c->session)
		session_os(c->session, now, in, ob);
	else
		v2_os(c->v2, now, in, ob);
	look(c);
}

void client_tick(struct client *c, uint64_t now, struct outbox *ob)
{
	if (c->session)
		session_tick(c->session, now, ob);
	else
		v2_tick(c->v2, now, ob);
	look(c);
}

bool client_command(struct client *c, uint64_t now, enum command what, struct outbox *ob)
{
	struct err e;
	bool ok = c->session ? session_command(c->session, now, what, ob, &e) :
			       v2_command(c->v2, now, what, ob, &e);

	look(c);
	return ok;
}

void client_stop(struct client *c, uint64_t now, struct outbox *ob)
{
	if (c->session)
		session_stop(c->session, now, ob);
	else
		v2_stop(c->v2, now, ob);
	look(c);
}

uint64_t client_deadline(const struct client *c)
{
	return c->session ? session_deadline(c->session) : v2_deadline(c->v2);
}

enum ike_phase client_phase(const struct client *c)
{
	if (!c->session)
		return c->v2->phase;
	return c->session->phase == PHASE_UP    ? IKE_UP :
		c->session->phase == PHASE_DOWN ? IKE_DEAD :
						  IKE_CONNECTING;
}

const struct err *client_failure(const struct client *c)
{
	return c->session ? &c->session->last_error : &c->v2->failure;
}
